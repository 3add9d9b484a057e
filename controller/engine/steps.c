/* The steps as a table. start launches the call; the answer comes back through rv_call_answered, which records it. */
#include <stdio.h>

#include "base/failpoint.h"
#include "engine/engine_priv.h"

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

static void take_error(struct call *call, enum rv_status status, const struct rv_error *err)
{
    call->status = status;
    if (err != NULL)
        call->error = *err;
    else if (status != RV_OK)
        rv_fail(&call->error, status, "no reason was given");
}

static struct rv_bytes copy(struct call *call, struct rv_bytes b)
{
    return b.len == 0 ? RV_BYTES(NULL, 0) : RV_BYTES(rv_arena_memdup(call->arena, b.ptr, b.len), b.len);
}

static void connector_answered(void *arg, enum rv_status status, const struct rv_connector_result *result,
                               const struct rv_error *err)
{
    struct call *call = arg;
    take_error(call, status, err);
    if (result != NULL) {
        call->connector = *result;
        call->connector.csr = copy(call, result->csr);
    }
    rv_call_answered(call);
}

static void take_issue(struct call *call, const struct rv_issue_result *result)
{
    call->issue = *result;
    call->issue.certificate = copy(call, result->certificate);
    call->issue.certificate_pem = rv_arena_strdup(call->arena, result->certificate_pem);
    call->issue.chain_pem = rv_arena_strdup(call->arena, result->chain_pem);
}

static void issuer_answered(void *arg, enum rv_status status, const struct rv_issue_result *result,
                            const struct rv_error *err)
{
    struct call *call = arg;
    take_error(call, status, err);
    if (status == RV_OK)
        take_issue(call, result);
    rv_call_answered(call);
}

/* ---- Who is asked ----------------------------------------------------------------------------------------------- */

static void refuse(void *arg)
{
    rv_call_answered(arg);
}

/* Answers for a port that is not there, later, as any port would. */
static void answer_later(struct call *call, enum rv_status status, const char *what, const char *name)
{
    rv_fail(&call->error, status, "there is no %s \"%s\" in this reeved", what, name);
    call->status = status;
    rv_loop_post(call->job->engine->o.loop, refuse, call);
}

static struct rv_connector *connector_of(struct call *call)
{
    struct rv_engine *e = call->job->engine;
    const char *name = call->deploy.target_spec->connector;
    for (size_t i = 0; i < e->o.connector_count; i++)
        if (strcmp(e->o.connectors[i].ops->name, name) == 0)
            return &e->o.connectors[i];
    answer_later(call, RV_INVALID, "connector", name);
    return NULL;
}

static struct rv_issuer *issuer_of(struct call *call)
{
    struct rv_engine *e = call->job->engine;
    for (size_t i = 0; i < e->o.issuer_count; i++)
        if (strcmp(e->o.issuers[i].ops->type, call->issuer_type) == 0)
            return &e->o.issuers[i];
    answer_later(call, RV_INVALID, "issuer type", call->issuer_type);
    return NULL;
}

/* ---- Starts ----------------------------------------------------------------------------------------------------- */

static void observe_start(struct call *call)
{
    if (call->asks_issuer) {
        struct rv_issuer *i = issuer_of(call);
        if (i != NULL)
            i->ops->find(i->ctx, call->issuer, call->idempotency_key, issuer_answered, call);
        return;
    }
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->observe(c->ctx, &call->deploy, connector_answered, call);
}

static void probe_answered(void *arg, const struct rv_probe_result *result)
{
    struct probe_slot *slot = arg;
    struct call *call = slot->call;
    slot->result = *result;
    slot->result.chain = copy(call, result->chain);
    if (--call->pending == 0)
        rv_call_answered(call);
}

static void probe_start(struct call *call)
{
    struct rv_probe *probe = call->job->engine->o.probe;
    call->pending = (int)call->probe_count;
    if (call->pending == 0) {
        rv_loop_post(call->job->engine->o.loop, refuse, call);
        return;
    }
    for (size_t i = 0; i < call->probe_count; i++)
        probe->ops->start(probe->ctx, &call->probes[i].spec, probe_answered, &call->probes[i]);
}

static void key_start(struct call *call)
{
    RV_FAILPOINT("key.begun");
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->make_key(c->ctx, &call->deploy, connector_answered, call);
}

static void issue_start(struct call *call)
{
    RV_FAILPOINT("issue.begun");
    struct rv_issuer *i = issuer_of(call);
    if (i != NULL)
        i->ops->issue(i->ctx, &call->request, issuer_answered, call);
}

static void chain_found(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct call *call = arg;
    take_error(call, status, err);
    if (status != RV_OK || call->job == NULL) {
        if (status == RV_UNCERTAIN)
            call->status = RV_UNAVAILABLE; /* nothing was done to the target */
        rv_call_answered(call);
        return;
    }
    take_issue(call, result);
    call->pair.certificate_pem = call->issue.certificate_pem;
    call->pair.chain_pem = call->issue.chain_pem;
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->stage(c->ctx, &call->deploy, &call->pair, connector_answered, call);
}

static void stage_start(struct call *call)
{
    RV_FAILPOINT("stage.begun");
    struct rv_issuer *i = issuer_of(call);
    if (i != NULL)
        i->ops->find(i->ctx, call->issuer, call->idempotency_key, chain_found, call);
}

/* Longer than the window in which we prove it: who puts it back first is us, with a reason. */
#define GRACE RV_MIN(1)

static void switch_start(struct call *call)
{
    RV_FAILPOINT("switch.begun");
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->switch_to(c->ctx, &call->deploy, &call->fingerprint, call->job->engine->o.policy.settle + GRACE,
                          connector_answered, call);
}

static void keep_start(struct call *call)
{
    RV_FAILPOINT("keep.begun");
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->keep(c->ctx, &call->deploy, &call->fingerprint, connector_answered, call);
}

static void undo_start(struct call *call)
{
    RV_FAILPOINT("undo.begun");
    struct rv_connector *c = connector_of(call);
    if (c != NULL)
        c->ops->undo(c->ctx, &call->deploy, &call->fingerprint, connector_answered, call);
}

static const struct step steps[RV_STEP_COUNT] = {
    /*                    name       start          deadline     lane            journalled  audit */
    [RV_STEP_OBSERVE] = {"observe", observe_start, RV_MIN(1), LANE_TARGET, false, NULL},
    [RV_STEP_PROBE] = {"probe", probe_start, RV_SEC(30), LANE_ENDPOINTS, false, NULL},
    [RV_STEP_KEY] = {"key", key_start, RV_MIN(2), LANE_TARGET, true, "key.made"},
    [RV_STEP_ISSUE] = {"issue", issue_start, RV_MIN(5), LANE_ISSUER, true, NULL},
    [RV_STEP_STAGE] = {"stage", stage_start, RV_MIN(2), LANE_TARGET, true, "target.staged"},
    [RV_STEP_SWITCH] = {"switch", switch_start, RV_MIN(2), LANE_TARGET, true, "target.switched"},
    [RV_STEP_KEEP] = {"keep", keep_start, RV_SEC(30), LANE_TARGET, true, "target.kept"},
    [RV_STEP_UNDO] = {"undo", undo_start, RV_MIN(2), LANE_TARGET, true, "target.undone"},
};

const struct step *rv_step_of(enum rv_step step)
{
    return &steps[step];
}
