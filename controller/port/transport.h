/* Reaching a target's command line: what `connectors/ssh` and `connectors/local` provide and `connectors/deploy` uses.
 * Blocking, on a worker of the remote lane. One handle is one connection, used by one thread at a time. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include "core/manifest.h"

struct rv_transport; /* an open connection */
struct rv_transport_result {
    int exit_code; /* -1: none was reported */
    bool truncated;
    struct rv_buf out, err; /* caller frees (rv_buf_fini); hostile text, at most 256 KiB each (M-42) */
};
struct rv_transport_ops {
    const char *name; /* "ssh", as in Target.spec.connector */
    enum rv_status (*open)(void *ctx, const struct rv_target_spec *target, rv_dur timeout, struct rv_transport **ret,
                           struct rv_error *err);
    /* Runs argv (each element becomes exactly one word on the other side) with `input` on standard input. RV_OK whenever
     * an exit code came back; RV_UNCERTAIN when the link broke after the command may have begun. */
    enum rv_status (*run)(struct rv_transport *t, const char *const *argv, struct rv_bytes input, rv_dur timeout,
                          struct rv_transport_result *ret, struct rv_error *err);
    void (*close)(struct rv_transport *t);
};
struct rv_transport_kind {
    const struct rv_transport_ops *ops;
    void *ctx;
};
