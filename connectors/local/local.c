#include "local/local.h"

struct rv_transport {
    const struct rv_process *process;
};

#define OUTPUT_LIMIT ((size_t)256 << 10) /* M-42 */

static enum rv_status local_open(void *ctx, const struct rv_target_spec *target, rv_dur timeout, struct rv_transport **ret,
                                 struct rv_error *err)
{
    (void)target;
    (void)timeout;
    (void)err;
    struct rv_transport *t = rv_zalloc(sizeof *t);
    t->process = ctx;
    *ret = t;
    return RV_OK;
}

/* The time-out kills the whole group of the command; what it started in a session of its own (the guard of a switch)
 * lives on, as it does over SSH. */
static enum rv_status local_run(struct rv_transport *t, const char *const *argv, struct rv_bytes input, rv_dur timeout,
                                struct rv_transport_result *ret, struct rv_error *err)
{
    struct rv_process_spec spec = {.argv = argv, .input = input, .output_limit = OUTPUT_LIMIT, .timeout = timeout};
    struct rv_process_result got = {.exit_code = -1};
    enum rv_status status = t->process->ops->run(t->process->ctx, &spec, &got, err);
    if (status == RV_OK && got.timed_out)
        status = rv_fail(err, RV_UNCERTAIN, "the command did not end within %lld s and was stopped",
                         (long long)(timeout + 999) / 1000);
    else if (status == RV_OK && got.exit_code < 0)
        status = rv_fail(err, RV_UNCERTAIN, "the command was killed by signal %d", got.signal);
    if (status != RV_OK) {
        rv_process_result_fini(&got);
        return status;
    }
    *ret =
        (struct rv_transport_result){.exit_code = got.exit_code, .truncated = got.truncated, .out = got.out, .err = got.err};
    return RV_OK;
}

static void local_close(struct rv_transport *t)
{
    rv_free(t);
}

static const struct rv_transport_ops local_ops = {"local", local_open, local_run, local_close};

void rv_local_create(const struct rv_process *process, struct rv_transport_kind *ret)
{
    *ret = (struct rv_transport_kind){&local_ops, (void *)(uintptr_t)process};
}
