/* Running a program: an argument vector, never a shell line (M-40). Blocking: call it on a worker. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"

struct rv_process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated, or NULL: a minimal clean one */
    struct rv_bytes input;   /* to its standard input, then closed */
    size_t output_limit;     /* per stream; more is dropped and noted; 0: 1 MiB */
    rv_dur timeout;          /* then its whole process group is killed; 0: ten minutes */
};
struct rv_process_result {
    int exit_code; /* -1: killed by a signal or by the time-out */
    int signal;
    bool timed_out, truncated;
    struct rv_buf out, err; /* caller frees */
};
struct rv_process_ops {
    /* RV_OK whenever the program ran, whatever its exit code. */
    enum rv_status (*run)(void *ctx, const struct rv_process_spec *spec, struct rv_process_result *ret,
                          struct rv_error *err);
};
struct rv_process {
    const struct rv_process_ops *ops;
    void *ctx;
};
void rv_process_result_fini(struct rv_process_result *r);
extern const struct rv_process rv_process_system; /* in rt (process_posix.c) */
