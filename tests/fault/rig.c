#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/csr.h"
#include "pki/key.h"
#include "pki/names.h"
#include "port/clock.h"
#include "port/files.h"

#define PATIENCE RV_SEC(120)

static const char *build_dir(void)
{
    const char *dir = getenv("REEVE_BUILD");
    assert_non_null(dir);
    return dir;
}

/* ---- folder and requests ---- */

static void make_request(struct rig *rig, int number)
{
    static const struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    struct rv_key *key = NULL;
    struct rv_arena *arena = rv_arena_create();
    struct rv_cert_names names;
    struct rv_buf der = {0};
    char path[256], host[64];
    snprintf(host, sizeof host, "host-%d.example.com", number);
    snprintf(path, sizeof path, "%s/csr-%d", rig->dir, number);
    struct rv_cert_name item = {RV_NAME_DNS, host};
    assert_int_equal(rv_key_generate(&p256, &key, NULL), RV_OK);
    assert_int_equal(rv_cert_names_make(&item, 1, arena, &names, NULL), RV_OK);
    assert_int_equal(rv_csr_create(key, NULL, &names, &der, NULL), RV_OK);
    assert_int_equal(rv_files_system.ops->replace(NULL, path, rv_buf_bytes(&der), 0600, NULL), RV_OK);
    rv_buf_fini(&der);
    rv_arena_destroy(arena);
    rv_key_destroy(key);
}

void rig_init(struct rig *rig, int requests)
{
    const char *tmp = getenv("TMPDIR");
    memset(rig, 0, sizeof *rig);
    snprintf(rig->dir, sizeof rig->dir, "%s/reeve-fault-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->socket, sizeof rig->socket, "%s/signer.sock", rig->dir);
    rig->requests = requests;
    for (int i = 0; i < requests; i++)
        make_request(rig, i);
}

static int run_and_wait(char *const argv[])
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    int how = 0;
    waitpid(pid, &how, 0);
    return how;
}

void rig_fini(struct rig *rig)
{
    rig_signer_kill(rig);
    char *const argv[] = {"rm", "-rf", rig->dir, NULL};
    run_and_wait(argv);
}

/* ---- processes ---- */

/* The log of failpoints lies where the signer's sandbox lets it write. */
static void set_failpoints(const struct rig *rig, const char *failpoint)
{
    char log[300];
    snprintf(log, sizeof log, "%s/signer/journal/failpoints", rig->dir);
    setenv("REEVE_FAILPOINT_LOG", log, 1);
    if (failpoint != NULL)
        setenv("REEVE_FAILPOINT", failpoint, 1);
    else
        unsetenv("REEVE_FAILPOINT");
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return yes;
}

void rig_signer_start(struct rig *rig, const char *failpoint)
{
    char program[512];
    snprintf(program, sizeof program, "%s/bin/reeve-signer", build_dir());
    rig->signer = fork();
    if (rig->signer == 0) {
        set_failpoints(rig, failpoint);
        if (getenv("REEVE_TEST_LOUD") == NULL)
            dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execl(program, program, "--data", rig->dir, "--socket", rig->socket, NULL);
        _exit(127);
    }
    assert_true(rig->signer > 0);
    int64_t deadline = rv_mono(&rv_clock_system) + PATIENCE;
    while (!answers(rig->socket) && !rig_signer_died(rig)) {
        if (rv_mono(&rv_clock_system) > deadline)
            fail_msg("the signer does not listen");
        poll(NULL, 0, 2);
    }
}

bool rig_signer_died(struct rig *rig)
{
    int how;
    if (rig->signer == 0)
        return true;
    if (waitpid(rig->signer, &how, WNOHANG) != rig->signer)
        return false;
    rig->signer = 0;
    if (WIFSIGNALED(how) && WTERMSIG(how) != SIGKILL)
        fail_msg("the signer was ended by signal %d", WTERMSIG(how));
    return true;
}

void rig_signer_kill(struct rig *rig)
{
    if (rig->signer > 0) {
        kill(rig->signer, SIGKILL);
        waitpid(rig->signer, NULL, 0);
    }
    rig->signer = 0;
}

void rig_signer_stop(struct rig *rig)
{
    int how = -1;
    if (rig->signer == 0)
        return;
    kill(rig->signer, SIGTERM);
    waitpid(rig->signer, &how, 0);
    rig->signer = 0;
    if (how != 0)
        fail_msg("the signer did not end well: %d", how);
}

static void exec_driver(const struct rig *rig, const struct rig_run *run)
{
    char program[512], first[16], count[16], times[16], out[300];
    snprintf(program, sizeof program, "%s/tests/issue_driver", build_dir());
    snprintf(first, sizeof first, "%d", run->first);
    snprintf(count, sizeof count, "%d", run->count);
    snprintf(times, sizeof times, "%d", run->times > 0 ? run->times : 1);
    snprintf(out, sizeof out, "%s/driver.out", rig->dir);
    set_failpoints(rig, run->failpoint);
    dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), STDOUT_FILENO);
    execl(program, program, rig->dir, run->socket != NULL ? run->socket : rig->socket, run->prefix, first, count, times,
          run->settle ? "--settle" : NULL, NULL);
    _exit(127);
}

pid_t rig_driver_start(struct rig *rig, const struct rig_run *run)
{
    pid_t pid = fork();
    if (pid == 0)
        exec_driver(rig, run);
    assert_true(pid > 0);
    return pid;
}

static int take_output(struct rig *rig, int how, struct rv_buf *out)
{
    char path[300];
    snprintf(path, sizeof path, "%s/driver.out", rig->dir);
    if (out != NULL) {
        rv_buf_clear(out);
        assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 24, out, NULL), RV_OK);
    }
    if (WIFSIGNALED(how))
        fail_msg("the driver was ended by signal %d", WTERMSIG(how));
    return WEXITSTATUS(how);
}

int rig_driver_wait(struct rig *rig, pid_t pid, struct rv_buf *out)
{
    int how = -1;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return take_output(rig, how, out);
}

int rig_drive(struct rig *rig, const struct rig_run *run, struct rv_buf *out)
{
    return rig_driver_wait(rig, rig_driver_start(rig, run), out);
}

int rig_drive_supervised(struct rig *rig, const struct rig_run *run, struct rv_buf *out, int *ret_deaths)
{
    pid_t pid = rig_driver_start(rig, run);
    int how = -1;
    int64_t deadline = rv_mono(&rv_clock_system) + PATIENCE;
    *ret_deaths = 0;
    while (waitpid(pid, &how, WNOHANG) != pid) {
        if (rv_mono(&rv_clock_system) > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &how, 0);
            fail_msg("the driver does not come to an end");
        }
        if (rig_signer_died(rig)) {
            ++*ret_deaths;
            rig_signer_start(rig, NULL);
        }
        poll(NULL, 0, 2);
    }
    int code = take_output(rig, how, out);
    /* The driver ends when the socket closes; the process behind it may need a moment more to be gone. */
    int64_t gone = rv_mono(&rv_clock_system) + RV_SEC(10);
    while (code == RIG_NO_SIGNER && *ret_deaths == 0 && rv_mono(&rv_clock_system) < gone) {
        if (rig_signer_died(rig)) {
            ++*ret_deaths;
            rig_signer_start(rig, NULL);
        }
        poll(NULL, 0, 2);
    }
    return code;
}

/* ---- what they left ---- */

int rig_ok_lines(const struct rv_buf *out)
{
    int n = 0;
    for (const char *at = rv_buf_text(out); (at = strstr(at, " ok ")) != NULL; at++)
        n++;
    return n;
}

bool rig_visited(struct rig *rig, const char *name)
{
    char path[300], line[100];
    struct rv_buf log = {0};
    snprintf(path, sizeof path, "%s/signer/journal/failpoints", rig->dir);
    snprintf(line, sizeof line, "%s\n", name);
    assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 24, &log, NULL), RV_OK);
    const char *at = rv_buf_text(&log);
    bool found = false;
    while (!found && (at = strstr(at, line)) != NULL) {
        found = at == rv_buf_text(&log) || at[-1] == '\n';
        at++;
    }
    rv_buf_fini(&log);
    return found;
}

void rig_wait_visited(struct rig *rig, const char *name)
{
    int64_t deadline = rv_mono(&rv_clock_system) + PATIENCE;
    while (!rig_visited(rig, name)) {
        if (rv_mono(&rv_clock_system) > deadline)
            fail_msg("nothing passes %s", name);
        poll(NULL, 0, 1);
    }
}
