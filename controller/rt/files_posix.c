/* port/files.h on the real file system. The directory that a path names is opened first and everything happens relative
 * to that descriptor, never through a symbolic link at the end (M-41). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/secret.h"
#include "port/files.h"

struct place { /* an open directory and a plain name in it */
    int dir;
    char name[NAME_MAX + 1];
};

static void place_fini(struct place *place)
{
    if (place->dir >= 0)
        close(place->dir);
}
#define PLACE __attribute__((cleanup(place_fini))) struct place

static enum rv_status place_init(struct place *place, const char *path, struct rv_error *err)
{
    place->dir = -1;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    const char *slash = memrchr(path, '/', n);
    const char *name = slash == NULL ? path : slash + 1;
    size_t length = n - (size_t)(name - path), parent = slash == NULL ? 0 : (size_t)(slash - path);
    if (length == 0 || length > NAME_MAX || parent >= PATH_MAX || (length == 1 && name[0] == '.') ||
        (length == 2 && memcmp(name, "..", 2) == 0))
        return rv_fail(err, RV_INVALID, "%s: not the path of a file", path);
    memcpy(place->name, name, length);
    place->name[length] = '\0';

    char dir[PATH_MAX] = ".";
    if (slash != NULL) {
        memcpy(dir, path, parent);
        dir[parent] = '\0';
    }
    place->dir = open(slash == NULL ? "." : parent == 0 ? "/" : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->dir >= 0 ? RV_OK : rv_fail_errno(err, errno, "%s: cannot open its directory", path);
}

static bool write_all(int fd, struct rv_bytes content)
{
    for (size_t done = 0; done < content.len;) {
        ssize_t n = write(fd, content.ptr + done, content.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The content may be a key: the buffer is made large enough at once, since growing leaves copies, and wiped. */
static enum rv_status read_open(int fd, const char *path, size_t limit, struct rv_buf *ret, struct rv_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return rv_fail_errno(err, errno, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return rv_fail(err, RV_INVALID, "%s is not a regular file", path);

    __attribute__((cleanup(rv_buf_wipe_fini))) struct rv_buf buf = {0};
    rv_buf_reserve(&buf, (st.st_size < 0 || (size_t)st.st_size > limit ? limit : (size_t)st.st_size) + 1);
    while (buf.len <= limit) {
        size_t room = limit - buf.len + 1 < 65536 ? limit - buf.len + 1 : 65536;
        if (buf.cap - buf.len > 1 && room > buf.cap - buf.len - 1)
            room = buf.cap - buf.len - 1;
        ssize_t n = read(fd, rv_buf_reserve(&buf, room), room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rv_fail_errno(err, errno, "cannot read %s", path);
        if (n == 0 && ret->data == NULL) { /* given, not copied: the signer's journal is large */
            *ret = buf;
            buf = (struct rv_buf){0};
            rv_buf_add(ret, NULL, 0);
            return RV_OK;
        }
        if (n == 0) {
            rv_buf_add(ret, buf.data, buf.len);
            return RV_OK;
        }
        buf.len += (size_t)n;
    }
    return rv_fail(err, RV_INVALID, "%s is larger than %zu bytes", path, limit);
}

static enum rv_status files_read(void *ctx, const char *path, size_t limit, struct rv_buf *ret, struct rv_error *err)
{
    (void)ctx;
    PLACE place;
    enum rv_status status = place_init(&place, path, err);
    if (status != RV_OK)
        return status;
    /* O_NONBLOCK: a fifo that somebody put there must not hold us. */
    int fd = openat(place.dir, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return rv_fail_errno(err, errno, "cannot read %s", path);
    status = read_open(fd, path, limit, ret, err);
    close(fd);
    return status;
}

static bool fill_new(int fd, struct rv_bytes content, unsigned mode)
{
    if (fchmod(fd, (mode_t)mode) != 0 || !write_all(fd, content))
        return false;
    RV_FAILPOINT("files.replace.written");
    return fsync(fd) == 0;
}

static enum rv_status files_replace(void *ctx, const char *path, struct rv_bytes content, unsigned mode,
                                    struct rv_error *err)
{
    (void)ctx;
    PLACE place;
    enum rv_status status = place_init(&place, path, err);
    if (status != RV_OK)
        return status;
    struct stat st;
    if (fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        return rv_fail(err, RV_INVALID, "%s is there already and is not a regular file", path);

    char temporary[48];
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rv_fail_errno(err, errno, "no random bytes for a temporary name");
    snprintf(temporary, sizeof temporary, ".%016llx.tmp", (unsigned long long)random);
#ifndef REEVE_CANARY_FILES_REPLACE
    int flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
#else
    snprintf(temporary, sizeof temporary, "%.40s", place.name);
    int flags = O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
#endif
    int fd = openat(place.dir, temporary, flags, 0600);
    if (fd < 0)
        return rv_fail_errno(err, errno, "cannot write %s", path);
    bool filled = fill_new(fd, content, mode);
    int number = errno;
    if (close(fd) != 0 && filled) {
        filled = false;
        number = errno;
    }
    RV_FAILPOINT("files.replace.synced");
    if (filled && renameat(place.dir, temporary, place.dir, place.name) != 0) {
        filled = false;
        number = errno;
    }
    if (!filled) {
        unlinkat(place.dir, temporary, 0);
        return rv_fail_errno(err, number, "cannot write %s", path);
    }
    RV_FAILPOINT("files.replace.renamed");
    if (fsync(place.dir) != 0)
        return rv_fail(err, RV_UNCERTAIN, "%s was written, but its directory could not be synced: %s", path,
                       strerror(errno));
    return RV_OK;
}

/* Back to what it was; a file that is not certainly so is uncertain. */
static enum rv_status append_undo(int fd, off_t size, int number, const char *path, struct rv_error *err)
{
    if (ftruncate(fd, size) == 0 && fsync(fd) == 0)
        return rv_fail_errno(err, number, "cannot append to %s", path);
    return rv_fail(err, RV_UNCERTAIN, "cannot append to %s (%s), and what came through could not be taken back", path,
                   strerror(number));
}

static enum rv_status append_open(int fd, struct place *place, const char *path, struct rv_bytes content,
                                  struct rv_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return rv_fail_errno(err, errno, "cannot append to %s", path);
    if (!S_ISREG(st.st_mode))
        return rv_fail(err, RV_INVALID, "%s is not a regular file", path);
    if (!write_all(fd, content))
        return append_undo(fd, st.st_size, errno, path, err);
    RV_FAILPOINT("files.append.written");
    /* After a failed fsync nobody knows which pages are on disk: that stays uncertain whatever ftruncate says. */
    if (fsync(fd) != 0) {
        int number = errno;
        enum rv_status ignored = append_undo(fd, st.st_size, number, path, NULL);
        (void)ignored;
        return rv_fail(err, RV_UNCERTAIN, "cannot sync %s: %s", path, strerror(number));
    }
    RV_FAILPOINT("files.append.synced");
    if (st.st_size == 0 && fsync(place->dir) != 0) /* it may be new */
        return rv_fail(err, RV_UNCERTAIN, "%s was written, but its directory could not be synced: %s", path,
                       strerror(errno));
    return RV_OK;
}

static enum rv_status files_append(void *ctx, const char *path, struct rv_bytes content, struct rv_error *err)
{
    (void)ctx;
    PLACE place;
    enum rv_status status = place_init(&place, path, err);
    if (status != RV_OK)
        return status;
    int fd = openat(place.dir, place.name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return rv_fail_errno(err, errno, "cannot append to %s", path);
    status = append_open(fd, &place, path, content, err);
    close(fd);
    return status;
}

static enum rv_status files_make_dir(void *ctx, const char *path, unsigned mode, struct rv_error *err)
{
    (void)ctx;
    PLACE place;
    enum rv_status status = place_init(&place, path, err);
    if (status != RV_OK)
        return status;
    struct stat st;
    if (mkdirat(place.dir, place.name, (mode_t)mode) != 0) {
        if (errno != EEXIST)
            return rv_fail_errno(err, errno, "cannot make the directory %s", path);
        /* A link to a directory is fine here: an operator may have put the data on another disk. */
        if (fstatat(place.dir, place.name, &st, 0) != 0 || !S_ISDIR(st.st_mode))
            return rv_fail(err, RV_CONFLICT, "%s is there already and is not a directory", path);
        return RV_OK;
    }
    if (fchmodat(place.dir, place.name, (mode_t)mode, 0) != 0 || fsync(place.dir) != 0)
        return rv_fail_errno(err, errno, "cannot make the directory %s", path);
    return RV_OK;
}

static enum rv_status files_remove(void *ctx, const char *path, struct rv_error *err)
{
    (void)ctx;
    PLACE place;
    enum rv_status status = place_init(&place, path, err);
    if (status != RV_OK)
        return status;
    if (unlinkat(place.dir, place.name, 0) != 0 && (errno != EISDIR || unlinkat(place.dir, place.name, AT_REMOVEDIR) != 0))
        return rv_fail_errno(err, errno, "cannot remove %s", path);
    return fsync(place.dir) == 0 ? RV_OK : rv_fail_errno(err, errno, "cannot sync the directory of %s", path);
}

static const struct rv_files_ops ops = {
    .read = files_read,
    .replace = files_replace,
    .append = files_append,
    .make_dir = files_make_dir,
    .remove = files_remove,
};
const struct rv_files rv_files_system = {&ops, NULL};
