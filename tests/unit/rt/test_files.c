/* rt: files are replaced whole, appended durably, and never reached through links. */
#include "support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "port/files.h"
#include "unit/rt/temp.h"

static const struct rv_files *const files = &rv_files_system;

static enum rv_status read_text(const char *path, size_t limit, char *out, struct rv_error *err)
{
    RV_AUTO(rv_buf) struct rv_buf buf = {0};
    enum rv_status status = files->ops->read(files->ctx, path, limit, &buf, err);
    snprintf(out, 256, "%s", rv_buf_text(&buf));
    return status;
}

static enum rv_status replace_text(const char *path, const char *text, unsigned mode, struct rv_error *err)
{
    return files->ops->replace(files->ctx, path, rv_bytes_of(text), mode, err);
}

static enum rv_status append_text(const char *path, const char *text, struct rv_error *err)
{
    return files->ops->append(files->ctx, path, rv_bytes_of(text), err);
}

static size_t count_entries(void)
{
    size_t n = 0;
    DIR *d = opendir(temp_dir);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void replace_then_read(void **state)
{
    (void)state;
    char out[256];
    struct rv_error err;
    struct stat st;
    size_t before = count_entries();
    const char *path = temp_path("a");
    assert_int_equal(replace_text(path, "one", 0640, &err), RV_OK);
    assert_int_equal(read_text(path, 100, out, &err), RV_OK);
    assert_string_equal(out, "one");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    ino_t inode = st.st_ino;

    int held = open(path, O_RDONLY | O_CLOEXEC); /* keeps the inode number from being used again */
    assert_int_equal(replace_text(path, "two", 0600, &err), RV_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(st.st_ino != inode);
    char old[8] = "";
    assert_int_equal(read(held, old, 7), 3);
    assert_string_equal(old, "one"); /* whoever had it open still sees the old one, whole */
    close(held);
    assert_int_equal(count_entries(), before + 1);
    assert_int_equal(files->ops->remove(files->ctx, path, &err), RV_OK);
    assert_int_equal(files->ops->remove(files->ctx, path, &err), RV_NOT_FOUND);
}

static void reading_is_bounded(void **state)
{
    (void)state;
    char out[256];
    struct rv_error err;
    const char *path = temp_path("b");
    assert_int_equal(replace_text(path, "12345", 0600, &err), RV_OK);
    assert_int_equal(read_text(path, 5, out, &err), RV_OK);
    assert_int_equal(read_text(path, 4, out, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "larger than 4 bytes"));
    assert_int_equal(read_text(temp_path("none"), 4, out, &err), RV_NOT_FOUND);
    assert_int_equal(read_text(temp_dir, 4, out, &err), RV_INVALID);
    /* The size that fstat gives is 0 there, and there is more. */
    assert_int_equal(read_text("/proc/self/status", 65536, out, &err), RV_OK);
    assert_int_equal(strncmp(out, "Name:", 5), 0);
}

static void links_and_specials_are_refused(void **state)
{
    (void)state;
    char out[256];
    struct rv_error err;
    const char *real = temp_path("real"), *link_path = temp_path("link"), *fifo = temp_path("fifo");
    assert_int_equal(replace_text(real, "secret", 0600, &err), RV_OK);
    assert_int_equal(symlink(real, link_path), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_not_equal(read_text(link_path, 100, out, &err), RV_OK);
    assert_int_not_equal(append_text(link_path, "x", &err), RV_OK);
    assert_int_equal(replace_text(link_path, "x", 0600, &err), RV_INVALID);
    assert_int_equal(read_text(fifo, 100, out, &err), RV_INVALID);
    assert_int_not_equal(append_text(fifo, "x", &err), RV_OK);
    assert_int_equal(replace_text(fifo, "x", 0600, &err), RV_INVALID);
    assert_int_equal(read_text(real, 100, out, &err), RV_OK);
    assert_string_equal(out, "secret");
    static const char *const bad[] = {"", "/", ".", "..", "a/..", "a/."};
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(replace_text(bad[i], "x", 0600, &err), RV_INVALID);
}

static void append_creates_and_grows(void **state)
{
    (void)state;
    char out[256];
    struct rv_error err;
    struct stat st;
    const char *path = temp_path("journal");
    assert_int_equal(append_text(path, "a\n", &err), RV_OK);
    assert_int_equal(append_text(path, "b\n", &err), RV_OK);
    assert_int_equal(read_text(path, 100, out, &err), RV_OK);
    assert_string_equal(out, "a\nb\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* A limit on the size of files is the nearest thing to a full disk that needs no privilege. */
static void append_that_fails_leaves_the_file_as_it_was(void **state)
{
    (void)state;
    char out[256];
    struct rv_error err = {0};
    const char *path = temp_path("full");
    assert_int_equal(append_text(path, "0123456789", &err), RV_OK);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){15, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum rv_status appended = append_text(path, "abcdefghij", &err);
    enum rv_status replaced = replace_text(path, "0123456789abcdefghij", 0600, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_not_equal(appended, RV_OK);
    assert_int_not_equal(appended, RV_UNCERTAIN);
    assert_int_not_equal(replaced, RV_OK);
    assert_int_equal(read_text(path, 100, out, &err), RV_OK);
    assert_string_equal(out, "0123456789");
}

static void directories(void **state)
{
    (void)state;
    struct rv_error err;
    struct stat st;
    const char *path = temp_path("dir/"), *file = temp_path("plain");
    mode_t before = umask(077);
    assert_int_equal(files->ops->make_dir(files->ctx, path, 0750, &err), RV_OK);
    umask(before);
    assert_int_equal(files->ops->make_dir(files->ctx, path, 0750, &err), RV_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(replace_text(file, "", 0600, &err), RV_OK);
    assert_int_equal(files->ops->make_dir(files->ctx, file, 0750, &err), RV_CONFLICT);
    assert_int_equal(replace_text(path, "x", 0600, &err), RV_INVALID);
    assert_int_equal(files->ops->remove(files->ctx, path, &err), RV_OK);
}

#ifdef REEVE_FAILPOINTS
/* Dying at any moment leaves the whole old content or the whole new one. */
static void a_crash_leaves_old_or_new(void **state)
{
    (void)state;
    static const struct {
        const char *point, *expected;
    } moments[] = {
        {"files.replace.written", "old content"}, {"files.replace.synced", "old content"}, {"files.replace.renamed", "new"}};
    const char *path = temp_path("crash");
    for (size_t i = 0; i < RV_COUNT(moments); i++) {
        struct rv_error err;
        char out[256];
        assert_int_equal(replace_text(path, "old content", 0600, &err), RV_OK);
        pid_t pid = fork();
        if (pid == 0) {
            setenv("REEVE_FAILPOINT", moments[i].point, 1);
            enum rv_status ignored = replace_text(path, "new", 0600, NULL);
            (void)ignored;
            _exit(0);
        }
        int wait_status;
        assert_int_equal(waitpid(pid, &wait_status, 0), pid);
        assert_true(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 137);
        assert_int_equal(read_text(path, 100, out, &err), RV_OK);
        assert_string_equal(out, moments[i].expected);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_then_read),
        cmocka_unit_test(reading_is_bounded),
        cmocka_unit_test(links_and_specials_are_refused),
        cmocka_unit_test(append_creates_and_grows),
        cmocka_unit_test(append_that_fails_leaves_the_file_as_it_was),
        cmocka_unit_test(directories),
#ifdef REEVE_FAILPOINTS
        cmocka_unit_test(a_crash_leaves_old_or_new),
#endif
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
