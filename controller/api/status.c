/* The controller at a glance, and whether it is there at all. */
#include "api/api_priv.h"
#include "core/manifest.h"

static void counted(void *arg, enum rv_status status, const struct rv_census_result *c, const struct rv_error *err)
{
    static const char *const names[RV_STATE_COUNT] = {
        [RV_STATE_READY] = "ready",     [RV_STATE_RENEWING] = "renewing", [RV_STATE_PROGRESSING] = "progressing",
        [RV_STATE_WAITING] = "waiting", [RV_STATE_DEGRADED] = "degraded", [RV_STATE_NEEDS_PERSON] = "needsPerson",
    };
    struct rv_call *call = arg;
    if (status != RV_OK) {
        rv_call_fail(call, err);
        return;
    }
    json_t *counts = json_object(), *o = call->result = json_object();
    rv_json_set_text(o, "version", call->api->version);
    rv_json_set_time(o, "now", call->now);
    rv_json_set_text(o, "instance", call->api->instance);
    rv_json_set_int(counts, "certificates", c->certificates);
    for (int s = 0; s < RV_STATE_COUNT; s++)
        rv_json_set_int(counts, names[s], c->by_state[s]);
    rv_json_set(o, "counts", counts);
    rv_json_set_time(o, "countedAt", c->at);
    rv_json_set_time(o, "nextRenewal", c->next_renewal);
    rv_json_set_time(o, "nextExpiry", c->next_expiry);
    rv_call_answer(call);
}

void rv_start_status(struct rv_call *call)
{
    rv_census_take(&call->api->census, call->api, counted, call);
}

static void answer_ok(struct rv_call *call)
{
    call->result = json_object();
    rv_json_set_text(call->result, "status", "ok");
    rv_call_answer(call);
}

void rv_start_health(struct rv_call *call)
{
    answer_ok(call);
}

void rv_start_ready(struct rv_call *call)
{
    const struct rv_api_options *o = &call->api->o;
    struct rv_error err = {0};
    enum rv_status status = RV_OK;
    if (call->api->stopping)
        status = rv_fail(&err, RV_UNAVAILABLE, "reeved is stopping");
    else if (o->ready != NULL)
        status = o->ready(o->ready_arg, &err);
    if (status == RV_OK) {
        answer_ok(call);
        return;
    }
    call->fail_status = 503; /* whatever is missing: not ready means ask again later */
    rv_call_fail(call, &err);
}

static void answer_text(struct rv_call *call, const char *text)
{
    rv_call_raw(call, 200, call->route->content_type, rv_bytes_of(text), NULL);
}

void rv_start_openapi(struct rv_call *call)
{
    struct rv_api *api = call->api;
    if (api->openapi == NULL) {
        json_t *document = rv_openapi(api->base_url);
        api->openapi = rv_json_text(document);
        json_decref(document);
    }
    answer_text(call, api->openapi);
}

void rv_start_schema(struct rv_call *call)
{
    struct rv_api *api = call->api;
    if (api->schema == NULL) {
        json_t *schema = rv_object_schema(RV_KIND_COUNT);
        api->schema = rv_json_text(schema);
        json_decref(schema);
    }
    answer_text(call, api->schema);
}
