/* signer/sandbox: the program tries its own walls, and is looked at from the outside while it runs. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"

static char folder[200];

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reeve-sandbox-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/signer", folder);
    rmdir(path);
    return rmdir(folder);
}

static int run(const char *option, struct rv_buf *out)
{
    char program[512];
    int pipes[2];
    snprintf(program, sizeof program, "%s/bin/reeve-signer", getenv("REEVE_BUILD"));
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl(program, program, "--data", folder, option, NULL);
        _exit(127);
    }
    close(pipes[1]);
    ssize_t n;
    while ((n = read(pipes[0], rv_buf_reserve(out, 4096), 4096)) > 0)
        out->len += (size_t)n;
    rv_buf_add_byte(out, 0);
    close(pipes[0]);
    int how = 0;
    waitpid(pid, &how, 0);
    return how;
}

static void the_walls_hold(void **state)
{
    (void)state;
    struct rv_buf out = {0};
    int how = run("--self-test", &out);
    static const char *const attempts[] = {"open /etc/shadow", "socket AF_INET", "execve",
                                           "ptrace",           "fork",           "mmap PROT_EXEC"};
    if (how != 0)
        fail_msg("%s", rv_buf_text(&out));
    for (size_t i = 0; i < RV_COUNT(attempts); i++)
        assert_non_null(strstr(rv_buf_text(&out), attempts[i]));
    assert_null(strstr(rv_buf_text(&out), "ALLOWED"));
    print_message("%s", rv_buf_text(&out));
    rv_buf_fini(&out);
}

static void wrong_usage_says_so(void **state)
{
    (void)state;
    struct rv_buf out = {0};
    int how = run("--nonsense", &out);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 64);
    rv_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_walls_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_usage_says_so, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
