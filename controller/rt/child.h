/* A program that runs as long as we do, such as the signer: started with exactly the descriptors it was given, watched,
 * started again with growing pauses when it ends, and ended with us: it gets SIGTERM when our process dies, however that
 * happens. Loop thread only, and that thread must live as long as the process (the main thread). */
#pragma once
#include <sys/types.h>

#include "port/loop.h"

struct rv_child;
struct rv_child_fd { /* descriptor `ours` of this process becomes number `theirs` of the child */
    int ours, theirs;
};
struct rv_child_options {           /* all of it copied; the descriptors stay the caller's, open until destroy */
    const char *const *argv;        /* as in port/process.h */
    const char *const *env;         /* NULL: a minimal clean one */
    const struct rv_child_fd *fds;  /* besides 0, 1, 2: standard input is /dev/null, output and error are ours */
    size_t fd_count;                /* at most 16 */
    rv_dur pause_least, pause_most; /* before the next start; 0: 200 ms and 30 s. A minute of running resets it */
    rv_dur grace;                   /* from SIGTERM to SIGKILL when stopping; 0: 5 s */
    /* Optional. ended: exit_code is -1 when a signal ended it; again_in is the pause, -1 while stopping. */
    void (*started)(void *arg, pid_t pid);
    void (*ended)(void *arg, int exit_code, int signal, rv_dur again_in);
    void *arg;
};
/* The first start happens here; that it cannot be started at all is an error, that it ends soon is not. */
RV_MUST_CHECK enum rv_status rv_child_create(struct rv_loop *loop, const struct rv_child_options *options,
                                             struct rv_child **ret, struct rv_error *err);
pid_t rv_child_pid(const struct rv_child *child); /* -1 while it is not running */
/* SIGTERM, after `grace` SIGKILL; done(arg) once it is gone, later. No restart after this. */
void rv_child_stop(struct rv_child *child, void (*done)(void *arg), void *arg);
/* When it still runs, it is killed and waited for. NULL is fine. */
void rv_child_destroy(struct rv_child *child);
