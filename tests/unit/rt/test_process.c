/* rt: programs run apart from us, and never longer or louder than allowed. */
#include "support/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "port/clock.h"
#include "port/process.h"
#include "unit/rt/temp.h"

static enum rv_status run(const char *const *argv, const char *input, size_t limit, rv_dur timeout,
                          struct rv_process_result *ret, struct rv_error *err)
{
    struct rv_process_spec spec = {.argv = argv, .input = rv_bytes_of(input), .output_limit = limit, .timeout = timeout};
    return rv_process_system.ops->run(rv_process_system.ctx, &spec, ret, err);
}
#define SH(script) ((const char *const[]){"sh", "-c", (script), NULL})

static void outcomes(void **state)
{
    (void)state;
    static const struct {
        const char *script, *input, *out, *err;
        int exit_code, signal;
    } cases[] = {
        {"cat; echo oops >&2; exit 3", "hello", "hello", "oops\n", 3, 0},
        {"exit 0", "ignored", "", "", 0, 0},
        {"kill -TERM $$", "", "", "", -1, SIGTERM},
        {"exec 0<&-; echo done", "nobody reads this", "done\n", "", 0, 0},
        {"echo \"[$HOME]\" $LANG", "", "[] C.UTF-8\n", "", 0, 0},
        {"ls /proc/self/fd | tr '\\n' ' '", "", "0 1 2 3 ", "", 0, 0}, /* 3 is the folder that ls reads */
    };
    setenv("HOME", "/must/not/travel", 1);
    int leak = open("/dev/null", O_RDWR); /* on purpose without O_CLOEXEC */
    assert_true(leak >= 0);
    assert_true(dup2(leak, 77) == 77);
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_process_result r;
        struct rv_error err;
        assert_int_equal(run(SH(cases[i].script), cases[i].input, 1000, RV_SEC(60), &r, &err), RV_OK);
        assert_string_equal(rv_buf_text(&r.out), cases[i].out);
        assert_string_equal(rv_buf_text(&r.err), cases[i].err);
        assert_int_equal(r.exit_code, cases[i].exit_code);
        assert_int_equal(r.signal, cases[i].signal);
        assert_false(r.timed_out);
        assert_false(r.truncated);
        rv_process_result_fini(&r);
    }
    close(77);
    close(leak);
}

static void arguments_stay_apart(void **state)
{
    (void)state;
    struct rv_process_result r;
    struct rv_error err;
    const char *canary = temp_path("canary");
    char evil[300];
    snprintf(evil, sizeof evil, "$(touch %s); touch %s", canary, canary);
    const char *const argv[] = {"printf", "%s|", "a b", evil, "", NULL};
    assert_int_equal(run(argv, "", 1000, RV_SEC(60), &r, &err), RV_OK);
    char expected[400];
    snprintf(expected, sizeof expected, "a b|%s||", evil);
    assert_string_equal(rv_buf_text(&r.out), expected);
    assert_int_not_equal(access(canary, F_OK), 0);
    rv_process_result_fini(&r);
}

static void what_cannot_run(void **state)
{
    (void)state;
    struct rv_process_result r;
    struct rv_error err;
    assert_int_equal(run((const char *const[]){"no-such-program-here", NULL}, "", 10, 10, &r, &err), RV_NOT_FOUND);
    assert_non_null(strstr(err.message, "no-such-program-here"));
    assert_int_equal(run((const char *const[]){"/etc/passwd", NULL}, "", 10, 10, &r, &err), RV_NOT_FOUND);
    assert_int_equal(run((const char *const[]){"", NULL}, "", 10, 10, &r, &err), RV_INVALID);
}

static void floods_are_cut(void **state)
{
    (void)state;
    struct rv_process_result r;
    struct rv_error err;
    assert_int_equal(run(SH("head -c 3000000 /dev/zero; head -c 50 /dev/zero >&2"), "", 1000, RV_SEC(60), &r, &err), RV_OK);
    assert_int_equal(r.out.len, 1000);
    assert_int_equal(r.err.len, 50);
    assert_int_equal(r.exit_code, 0);
    assert_true(r.truncated);
    rv_process_result_fini(&r);

    RV_AUTO(rv_buf) struct rv_buf big = {0};
    for (int i = 0; i < 100000; i++)
        rv_buf_add_text(&big, "0123456789");
    assert_int_equal(run(SH("cat"), rv_buf_text(&big), 2000000, RV_SEC(60), &r, &err), RV_OK);
    assert_int_equal(r.out.len, big.len); /* input and output at once, both larger than any pipe */
    assert_false(r.truncated);
    rv_process_result_fini(&r);
}

static void wait_until_gone(pid_t pid)
{
    for (int i = 0; i < 3000 && kill(pid, 0) == 0; i++) {
        char path[64], text[200] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strstr(text, ") Z ") != NULL) {
            close(fd);
            return; /* dead; who was to reap it has not done so yet */
        }
        if (fd >= 0)
            close(fd);
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_int_not_equal(kill(pid, 0), 0);
}

static void a_timeout_takes_the_grandchildren_along(void **state)
{
    (void)state;
    struct rv_process_result r;
    struct rv_error err;
    assert_int_equal(run(SH("sleep 1000 & echo $!; wait"), "", 1000, 300, &r, &err), RV_OK);
    assert_true(r.timed_out);
    assert_int_equal(r.exit_code, -1);
    assert_int_equal(r.signal, SIGKILL);
    pid_t grandchild = (pid_t)strtol(rv_buf_text(&r.out), NULL, 10);
    assert_true(grandchild > 1);
    wait_until_gone(grandchild);
    rv_process_result_fini(&r);
}

/* A unit that goes on in the background keeps our pipe open; its parent has ended all the same. */
static void background_work_does_not_hold_us(void **state)
{
    (void)state;
    struct rv_process_result r;
    struct rv_error err;
    assert_int_equal(run(SH("sleep 1000 & echo $!"), "", 1000, RV_SEC(100), &r, &err), RV_OK);
    assert_int_equal(r.exit_code, 0);
    assert_false(r.timed_out);
    pid_t background = (pid_t)strtol(rv_buf_text(&r.out), NULL, 10);
    assert_true(background > 1);
    assert_int_equal(kill(background, SIGKILL), 0); /* it lives: a success leaves it alone */
    rv_process_result_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(arguments_stay_apart),
        cmocka_unit_test(what_cannot_run),
        cmocka_unit_test(floods_are_cut),
        cmocka_unit_test(a_timeout_takes_the_grandchildren_along),
        cmocka_unit_test(background_work_does_not_hold_us),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
