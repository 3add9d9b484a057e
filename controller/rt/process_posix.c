/* port/process.h by posix_spawn: a process group of its own, a clean environment, no descriptor but 0, 1 and 2 (M-40). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/process.h"
#include "rt/spawn_priv.h"

enum { IN, OUT, ERR, PIPES };
#define DEFAULT_TIMEOUT RV_MIN(10)
#define DEFAULT_OUTPUT ((size_t)1 << 20)

struct run {
    const struct rv_process_spec *spec;
    int ours[PIPES], theirs[PIPES];
    pid_t pid;
    int pidfd; /* -1: this kernel has none, then we look every few milliseconds */
    bool ended;
    int wait_status;
    size_t written, limit;
    struct rv_process_result result;
};

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void run_fini(struct run *run)
{
    for (int i = 0; i < PIPES; i++) {
        shut(&run->ours[i]);
        shut(&run->theirs[i]);
    }
    shut(&run->pidfd);
    rv_process_result_fini(&run->result);
}

static bool open_pipes(struct run *run)
{
    for (int i = 0; i < PIPES; i++) {
        int pair[2];
        if (pipe2(pair, O_CLOEXEC) != 0)
            return false;
        /* Above 2, so that no dup2 in the child overwrites one that is still needed. */
        run->ours[i] = rv_fd_raise(pair[i == IN], 3);
        run->theirs[i] = rv_fd_raise(pair[i != IN], 3);
        if (run->ours[i] < 0 || run->theirs[i] < 0 || fcntl(run->ours[i], F_SETFL, O_NONBLOCK) != 0)
            return false;
    }
    return true;
}

static int spawn_with(struct run *run, const char *program, const char *const *env, posix_spawnattr_t *attributes,
                      posix_spawn_file_actions_t *actions)
{
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    static const int reset[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD};
    for (size_t i = 0; i < RV_COUNT(reset); i++)
        sigaddset(&usual, reset[i]);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &usual);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (int i = 0; i < PIPES; i++)
        if (posix_spawn_file_actions_adddup2(actions, run->theirs[i], i) != 0)
            return ENOMEM;
    if (posix_spawn_file_actions_addclosefrom_np(actions, PIPES) != 0)
        return ENOMEM;
    return posix_spawn(&run->pid, program, actions, attributes, (char *const *)run->spec->argv, (char *const *)env);
}

static enum rv_status start(struct run *run, struct rv_error *err)
{
    char program[PATH_MAX];
    const char *const *env = run->spec->env != NULL ? run->spec->env : rv_clean_env;
    enum rv_status status = rv_program_find(run->spec->argv[0], env, program, err);
    if (status != RV_OK)
        return status;
    if (!open_pipes(run))
        return rv_fail_errno(err, errno, "cannot make pipes for %s", program);

    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    int number = spawn_with(run, program, env, &attributes, &actions);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (number != 0)
        return rv_fail_errno(err, number, "cannot run %s", program);
    for (int i = 0; i < PIPES; i++)
        shut(&run->theirs[i]);
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    return RV_OK;
}

static void feed_input(struct run *run)
{
    const struct rv_bytes *input = &run->spec->input;
    while (run->written < input->len) {
        ssize_t n = write(run->ours[IN], input->ptr + run->written, input->len - run->written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* it does not want to read: its own business */
        run->written += (size_t)n;
    }
    shut(&run->ours[IN]);
}

static void take_output(struct run *run, int which, struct rv_buf *to)
{
    uint8_t chunk[16384];
    for (int turns = 0; turns < 64; turns++) { /* a flood must not keep us from looking at the clock */
        ssize_t n = read(run->ours[which], chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            shut(&run->ours[which]);
            return;
        }
        size_t room = run->limit - to->len;
        if ((size_t)n > room)
            run->result.truncated = true;
        rv_buf_add(to, chunk, (size_t)n < room ? (size_t)n : room);
    }
}

static void look_for_end(struct run *run, int flags)
{
    pid_t got;
    do
        got = waitpid(run->pid, &run->wait_status, flags);
    while (got < 0 && errno == EINTR);
    if (got != 0)
        run->ended = true;
    if (got < 0)
        run->wait_status = 0x7f00; /* somebody else reaped it: cannot happen but for a bug elsewhere */
}

/* One wait for anything to happen. Answers false once the time is over. */
static bool turn(struct run *run, int64_t deadline)
{
    int64_t left = deadline - rv_mono(&rv_clock_system);
    if (left <= 0)
        return false;
    if (run->pidfd < 0 && left > 10)
        left = 10;
    struct pollfd polled[] = {
        {run->ours[IN], POLLOUT, 0}, {run->ours[OUT], POLLIN, 0}, {run->ours[ERR], POLLIN, 0}, {run->pidfd, POLLIN, 0}};
    if (poll(polled, RV_COUNT(polled), left > INT_MAX ? INT_MAX : (int)left) < 0)
        return true; /* EINTR */
    if (polled[IN].revents != 0)
        feed_input(run);
    if (polled[OUT].revents != 0)
        take_output(run, OUT, &run->result.out);
    if (polled[ERR].revents != 0)
        take_output(run, ERR, &run->result.err);
    if (run->pidfd < 0 || polled[PIPES].revents != 0)
        look_for_end(run, WNOHANG);
    return true;
}

static void follow(struct run *run)
{
    int64_t deadline = rv_mono(&rv_clock_system) + (run->spec->timeout > 0 ? run->spec->timeout : DEFAULT_TIMEOUT);
    while (!run->ended && turn(run, deadline))
        continue;
    if (!run->ended) {
        run->result.timed_out = true;
        kill(-run->pid, SIGKILL);
        look_for_end(run, 0);
    }
    /* All it wrote is in the pipes now. Whoever it left in the background may hold them open for ever: no waiting. */
    if (run->ours[OUT] >= 0)
        take_output(run, OUT, &run->result.out);
    if (run->ours[ERR] >= 0)
        take_output(run, ERR, &run->result.err);
    rv_exit_decode(run->wait_status, &run->result.exit_code, &run->result.signal);
    if (run->result.timed_out)
        run->result.exit_code = -1;
}

/* Writing to a program that has closed its input raises SIGPIPE in this thread: held back, and taken away again. */
static void follow_without_sigpipe(struct run *run)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    follow(run);
    if (!was_pending)
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static enum rv_status process_run(void *ctx, const struct rv_process_spec *spec, struct rv_process_result *ret,
                                  struct rv_error *err)
{
    (void)ctx;
    __attribute__((cleanup(run_fini))) struct run run = {
        .spec = spec, .ours = {-1, -1, -1}, .theirs = {-1, -1, -1}, .pidfd = -1};
    run.limit = spec->output_limit > 0 ? spec->output_limit : DEFAULT_OUTPUT;
    enum rv_status status = start(&run, err);
    if (status != RV_OK)
        return status;
    follow_without_sigpipe(&run);
    *ret = run.result;
    run.result = (struct rv_process_result){0};
    return RV_OK;
}

void rv_process_result_fini(struct rv_process_result *r)
{
    rv_buf_fini(&r->out);
    rv_buf_fini(&r->err);
}

static const struct rv_process_ops ops = {.run = process_run};
const struct rv_process rv_process_system = {&ops, NULL};
