/* Accepting the clock: when it jumped, issuing pauses until an administrator vouches for the time (M-58). */
#include "api/api_priv.h"

static void accepted(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct rv_call *call = arg;
    if (status == RV_OK)
        rv_call_answer(call);
    else
        rv_call_fail(call, err);
}

void rv_start_accept_clock(struct rv_call *call)
{
    const struct rv_api *api = call->api;
    struct rv_error err;
    if (api->o.accept_clock == NULL) {
        rv_fail(&err, RV_UNAVAILABLE, "no built-in CA is watching the clock here");
        rv_call_fail(call, &err);
        return;
    }
    api->o.accept_clock(api->o.accept_clock_arg, call->who.actor, accepted, call);
}
