/* One process per database file (M-59): a lock on FILE.lock, which also says who holds it. The file stays: removing it
 * would let two processes lock two files of the same name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"
#include "store/store_priv.h"

static enum rv_status refuse(int fd, const char *path, struct rv_error *err)
{
    char text[24] = "";
    int64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n > 0)
        text[strcspn(text, "\n")] = '\0';
    if (n <= 0 || rv_int_parse(text, 1, INT32_MAX, &pid, NULL) != RV_OK)
        rv_fail(err, RV_CONFLICT, "the database is in use by another process");
    else
        rv_fail(err, RV_CONFLICT, "the database is in use by process %ld", (long)pid);
    rv_error_where(err, RV_CONFLICT, "%s", path);
    return rv_error_hint(err, RV_CONFLICT, "stop that process first, or use another data directory");
}

enum rv_status rv_store_lock(const char *path, int *ret_fd, struct rv_error *err)
{
    struct rv_buf name = {0};
    rv_buf_printf(&name, "%s.lock", path);
    RV_AUTO(char) char *file = rv_buf_take(&name);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum rv_status status = rv_fail_errno(err, errno, "cannot open the lock file");
        return rv_error_where(err, status, "%s", file);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum rv_status status =
            errno == EWOULDBLOCK ? refuse(fd, path, err) : rv_fail_errno(err, errno, "cannot lock %s", file);
        close(fd);
        return status;
    }
    /* For people and the message above only; a full disk must not keep the service from starting. */
    char text[24];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        int ignored = ftruncate(fd, 0);
        (void)ignored;
    }
    *ret_fd = fd;
    return RV_OK;
}
