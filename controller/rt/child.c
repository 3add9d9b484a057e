#include "rt/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rt/loop_priv.h"
#include "rt/spawn_priv.h"

#define MAX_FDS 16
#define MAX_NUMBER 64 /* descriptor numbers a child may be given are below this */

struct rv_child {
    struct rv_loop *loop;
    struct rv_child_options options;
    struct rv_child_fd fds[MAX_FDS];
    char **argv, **env;
    uv_signal_t watch;
    pid_t pid; /* -1: not running */
    int64_t started_at;
    rv_dur pause;
    struct rv_timer *timer; /* next start, or SIGKILL while stopping */
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

static char **copy_vector(const char *const *from)
{
    size_t n = 0;
    while (from[n] != NULL)
        n++;
    char **to = rv_calloc(n + 1, sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = rv_strdup(from[i]);
    return to;
}

static void free_vector(char **vector)
{
    for (char **at = vector; at != NULL && *at != NULL; at++)
        rv_free(*at);
    rv_free(vector);
}

/* Builds with failpoints hand their names on, so that a test can make the child die where it wants. */
static char **child_env(const char *const *wanted)
{
    if (wanted != NULL)
        return copy_vector(wanted);
    const char *all[8] = {rv_clean_env[0], rv_clean_env[1]};
#ifdef REEVE_FAILPOINTS
    extern char **environ;
    size_t n = 2;
    for (char **at = environ; *at != NULL && n < RV_COUNT(all) - 1; at++)
        if (strncmp(*at, "REEVE_FAILPOINT", 15) == 0)
            all[n++] = *at;
#endif
    return copy_vector(all);
}

/* In the child, between fork and exec: nothing but system calls. */
struct plan {
    const char *program;
    char **argv, **env;
    const struct rv_child_fd *fds;
    size_t fd_count;
    int null_fd, report_fd;
    pid_t parent;
};

static bool place_fds(struct plan *plan)
{
    int high[MAX_FDS + 2];
    size_t n = plan->fd_count;
    for (size_t i = 0; i < n; i++)
        if ((high[i] = fcntl(plan->fds[i].ours, F_DUPFD_CLOEXEC, MAX_NUMBER)) < 0)
            return false;
    high[n] = fcntl(plan->null_fd, F_DUPFD_CLOEXEC, MAX_NUMBER);
    plan->report_fd = fcntl(plan->report_fd, F_DUPFD_CLOEXEC, MAX_NUMBER);
    if (high[n] < 0 || plan->report_fd < 0 || dup2(high[n], STDIN_FILENO) < 0)
        return false;
    if (close_range(3, MAX_NUMBER - 1, 0) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (dup2(high[i], plan->fds[i].theirs) < 0)
            return false;
    return close_range(MAX_NUMBER, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static _Noreturn void become(struct plan *plan)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &usual, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* a Ctrl-C is for us: we end the child in order */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == plan->parent && place_fds(plan))
        execve(plan->program, plan->argv, plan->env);
    int number = errno;
    ssize_t ignored = write(plan->report_fd, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

static enum rv_status fork_and_exec(struct rv_child *child, const char *program, int null_fd, const int report[2],
                                    struct rv_error *err)
{
    struct plan plan = {program, child->argv, child->env, child->fds, child->options.fd_count, null_fd, report[1], getpid()};
    sigset_t all, before; /* no handler of ours may run in the child */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become(&plan);
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (pid < 0)
        return rv_fail_errno(err, number, "cannot start %s", program);

    ssize_t n; /* an error number, or the end of the file once exec has closed it */
    while ((n = read(report[0], &number, sizeof number)) < 0 && errno == EINTR)
        continue;
    if (n != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        return rv_fail_errno(err, n == sizeof number ? number : EIO, "cannot start %s", program);
    }
    child->pid = pid;
    return RV_OK;
}

static enum rv_status child_start(struct rv_child *child, struct rv_error *err)
{
    char program[PATH_MAX];
    enum rv_status status = rv_program_find(child->argv[0], (const char *const *)child->env, program, err);
    if (status != RV_OK)
        return status;
    int report[2], null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return rv_fail_errno(err, errno, "/dev/null");
    if (pipe2(report, O_CLOEXEC) == 0) {
        status = fork_and_exec(child, program, null_fd, report, err);
        close(report[0]);
    } else {
        status = rv_fail_errno(err, errno, "cannot make a pipe for %s", program);
    }
    close(null_fd);
    if (status != RV_OK)
        return status;
    child->started_at = rv_mono(child->loop->clock);
    if (child->options.started != NULL)
        child->options.started(child->options.arg, child->pid);
    return RV_OK;
}

static void start_again(void *arg);

static void plan_restart(struct rv_child *child, int exit_code, int number)
{
    if (rv_mono(child->loop->clock) - child->started_at >= RV_MIN(1))
        child->pause = child->options.pause_least;
    rv_dur pause = child->pause;
    child->pause = pause * 2 < child->options.pause_most ? pause * 2 : child->options.pause_most;
    child->timer = rv_loop_timer(child->loop, pause, start_again, child);
    if (child->options.ended != NULL)
        child->options.ended(child->options.arg, exit_code, number, pause);
}

static void start_again(void *arg)
{
    struct rv_child *child = arg;
    child->timer = NULL;
    if (child_start(child, NULL) != RV_OK)
        plan_restart(child, -1, 0);
}

static void report_stopped(void *arg)
{
    struct rv_child *child = arg;
    child->timer = NULL;
    if (child->stopped != NULL)
        child->stopped(child->stopped_arg);
}

static void child_ended(struct rv_child *child, int wait_status)
{
    int exit_code, number;
    rv_exit_decode(wait_status, &exit_code, &number);
    child->pid = -1;
    if (!child->stopping) {
        plan_restart(child, exit_code, number);
        return;
    }
    rv_loop_timer_stop(child->loop, child->timer);
    child->timer = rv_loop_timer(child->loop, 0, report_stopped, child);
    if (child->options.ended != NULL)
        child->options.ended(child->options.arg, exit_code, number, -1);
}

/* SIGCHLD says that somebody ended; only ours is waited for. */
static void some_child_ended(uv_signal_t *handle, int number)
{
    (void)number;
    struct rv_child *child = handle->data;
    int wait_status;
    if (child->pid > 0 && waitpid(child->pid, &wait_status, WNOHANG) == child->pid)
        child_ended(child, wait_status);
}

static void child_free(uv_handle_t *handle)
{
    struct rv_child *child = handle->data;
    free_vector(child->argv);
    free_vector(child->env);
    rv_free(child);
}

enum rv_status rv_child_create(struct rv_loop *loop, const struct rv_child_options *options, struct rv_child **ret,
                               struct rv_error *err)
{
    if (options->fd_count > MAX_FDS)
        return rv_fail(err, RV_INVALID, "a child gets at most %d descriptors", MAX_FDS);
    for (size_t i = 0; i < options->fd_count; i++)
        if (options->fds[i].theirs < 3 || options->fds[i].theirs >= MAX_NUMBER)
            return rv_fail(err, RV_INVALID, "descriptor numbers of a child are 3 to %d", MAX_NUMBER - 1);
    struct rv_child *child = rv_zalloc(sizeof *child);
    child->loop = loop;
    child->options = *options;
    if (options->fd_count > 0)
        memcpy(child->fds, options->fds, options->fd_count * sizeof *options->fds);
    if (options->pause_least <= 0)
        child->options.pause_least = 200;
    if (options->pause_most <= 0)
        child->options.pause_most = RV_SEC(30);
    if (options->grace <= 0)
        child->options.grace = RV_SEC(5);
    child->pause = child->options.pause_least;
    child->argv = copy_vector(options->argv);
    child->env = child_env(options->env);
    child->pid = -1;
    uv_signal_init(rv_loop_uv(loop), &child->watch);
    child->watch.data = child;
    uv_signal_start(&child->watch, some_child_ended, SIGCHLD);

    enum rv_status status = child_start(child, err);
    if (status != RV_OK)
        uv_close((uv_handle_t *)&child->watch, child_free);
    else
        *ret = child;
    return status;
}

pid_t rv_child_pid(const struct rv_child *child)
{
    return child->pid;
}

static void stop_hard(void *arg)
{
    struct rv_child *child = arg;
    child->timer = NULL;
    kill(-child->pid, SIGKILL);
}

void rv_child_stop(struct rv_child *child, void (*done)(void *arg), void *arg)
{
    child->stopping = true;
    child->stopped = done;
    child->stopped_arg = arg;
    rv_loop_timer_stop(child->loop, child->timer);
    if (child->pid > 0) {
        kill(child->pid, SIGTERM);
        child->timer = rv_loop_timer(child->loop, child->options.grace, stop_hard, child);
    } else {
        child->timer = rv_loop_timer(child->loop, 0, report_stopped, child);
    }
}

void rv_child_destroy(struct rv_child *child)
{
    if (child == NULL)
        return;
    rv_loop_timer_stop(child->loop, child->timer);
    if (child->pid > 0) {
        kill(-child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    uv_close((uv_handle_t *)&child->watch, child_free);
}
