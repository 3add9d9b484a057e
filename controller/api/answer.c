/* Answers: JSON of a result, problem documents of errors, and the bookkeeping at a request's end. */
#include "api/api_priv.h"

#include "base/text.h"
#include "engine/engine.h"
#include "port/store_audit.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    {401, "Sign-in is needed"},
    {405, "This path does not take that method"},
    {413, "The request is too large"},
    {415, "The body is not in a form that is taken here"},
};

const char *rv_status_title(int http)
{
    for (size_t i = 0; i < RV_COUNT(titles); i++)
        if (titles[i].status == http)
            return titles[i].title;
    return NULL;
}

json_t *rv_problem(const struct rv_error *err, int http, json_t *faults)
{
    const struct rv_status_info *info = rv_status_info(err->status);
    int status = http != 0 ? http : info->http;
    const char *title = rv_status_title(status);
    json_t *o = json_object();
    rv_json_set_text(o, "type", "about:blank");
    rv_json_set_text(o, "title", title != NULL ? title : info->title);
    rv_json_set_int(o, "status", status);
    rv_json_set_text(o, "detail", err->message);
    rv_json_set_text(o, "code", info->name);
    rv_json_set_text(o, "where", err->where[0] != '\0' ? err->where : NULL);
    rv_json_set_text(o, "hint", err->hint[0] != '\0' ? err->hint : NULL);
    if (faults != NULL)
        json_object_set(o, "faults", faults);
    return o;
}

json_t *rv_page(json_t **ret_items)
{
    json_t *o = json_object();
    *ret_items = json_array();
    json_object_set_new(o, "items", *ret_items);
    return o;
}

static int route_index(const struct rv_call *call)
{
    return call->route != NULL ? (int)(call->route - rv_routes) : -1;
}

static void free_results(struct rv_call *call)
{
    json_decref(call->result);
    rv_free(call->text);
    json_decref(call->faults);
    call->result = call->faults = NULL;
    call->text = NULL;
}

void rv_call_release(struct rv_call *call)
{
    free_results(call);
    json_decref(call->body);
    call->body = NULL;
    call->api->calls--;
}

void rv_call_raw(struct rv_call *call, int status, const char *type, struct rv_bytes body,
                 const struct rv_http_header *extra)
{
    struct rv_http_header all[12];
    size_t n = 0;
    all[n++] = (struct rv_http_header){"cache-control", "no-store"};
    all[n++] = (struct rv_http_header){"x-content-type-options", "nosniff"};
    const struct rv_http_header *lists[] = {extra, call->extra != extra ? call->extra : NULL};
    for (size_t i = 0; i < RV_COUNT(lists); i++)
        for (const struct rv_http_header *h = lists[i]; h != NULL && h->name != NULL && n + 1 < RV_COUNT(all); h++)
            all[n++] = *h;
    all[n] = (struct rv_http_header){NULL, NULL};
    struct rv_api *api = call->api;
    rv_metrics_count(&api->metrics, route_index(call), status, rv_mono(api->o.loop->clock) - call->begun_at);
    /* With the answer the exchange ends, and the call, which lives in its arena: let go of everything before. */
    struct rv_http_exchange *x = call->exchange;
    RV_AUTO(char) char *text = RV_TAKE(call->text);
    rv_call_release(call);
    rv_http_answer(x, status, type, body, all);
}

/* Whether the answer is what the route promises; only tests ask. */
static void check_answer(const struct rv_call *call, const struct rv_shape *shape, int status)
{
    const struct rv_api *api = call->api;
    if (api->o.mismatch == NULL)
        return;
    char what[200];
    json_t *value = NULL;
    if (shape == NULL && call->text == NULL)
        return;
    if (shape == NULL || rv_json_parse(rv_bytes_of(call->text != NULL ? call->text : ""), &value, NULL) != RV_OK) {
        api->o.mismatch(api->o.mismatch_arg, call->route->id, "the answer has a body that the table does not promise");
        json_decref(value);
        return;
    }
    struct rv_fault *faults = NULL;
    rv_shape_check(shape, value, call->arena, &faults);
    for (const struct rv_fault *f = faults; f != NULL; f = f->next) {
        snprintf(what, sizeof what, "%d %s: %s", status, f->path, f->message);
        api->o.mismatch(api->o.mismatch_arg, call->route->id, what);
    }
    json_decref(value);
}

void rv_call_answer(struct rv_call *call)
{
    if (call->text == NULL && call->result != NULL)
        call->text = rv_json_text(call->result);
    int status = call->status != 0 ? call->status : call->route->status;
    check_answer(call, call->route->answer, status);
    struct rv_bytes body = call->text != NULL ? rv_bytes_of(call->text) : RV_BYTES(NULL, 0);
    const char *type = call->text != NULL ? "application/json" : NULL;
    static const struct rv_http_header replayed[] = {{"idempotent-replayed", "true"}, {NULL, NULL}};
    rv_call_raw(call, status, type, body, call->replayed ? replayed : NULL);
}

void rv_call_fail(struct rv_call *call, const struct rv_error *err)
{
    int status = call->fail_status != 0 ? call->fail_status : rv_status_info(err->status)->http;
    json_t *problem = rv_problem(err, status, call->faults);
    struct rv_http_header retry[] = {{"retry-after", "5"}, {NULL, NULL}};
    bool later = status == 503 && call->extra == NULL;
    if (err->status == RV_INTERNAL)
        rv_log_error(RV_LOG_ERROR, &(struct rv_log_context){.area = "api"}, err,
                     call->route != NULL ? call->route->id : "request");
    free_results(call);
    call->text = rv_json_text(problem);
    json_decref(problem);
    if (call->route != NULL)
        check_answer(call, &rv_shape_problem, status);
    rv_call_raw(call, status, "application/problem+json", rv_bytes_of(call->text), later ? retry : NULL);
}

/* ---- transactions ---- */

static void reset(struct rv_call *call)
{
    free_results(call);
    call->status = call->fail_status = 0;
    call->replayed = call->wake = call->rolled_back = false;
    call->forget_token = NULL;
}

static enum rv_status read_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    reset(call);
    enum rv_status status = call->route->read(tx, call, err);
    if (status == RV_OK && call->result != NULL) /* here rather than on the loop: lists are long */
        call->text = rv_json_text(call->result);
    return status;
}

/* An earlier call with the same key: *ret_found, and its answer again. */
static enum rv_status replay(struct rv_tx *tx, struct rv_call *call, bool *ret_found, struct rv_error *err)
{
    struct rv_hash request;
    enum rv_status status =
        rv_answer_get(tx, call->who.actor, call->idempotency_key, &request, &call->status, &call->text, err);
    *ret_found = status == RV_OK;
    if (status == RV_NOT_FOUND)
        return RV_OK;
    if (status != RV_OK)
        return status;
    if (!rv_hash_equal(&request, &call->request_hash)) {
        rv_fail(err, RV_CONFLICT, "this Idempotency-Key was used for another request");
        return rv_error_hint(err, RV_CONFLICT, "use a fresh key for each request that you mean");
    }
    if ((call->route->flags & RV_ROUTE_SECRET) != 0) {
        rv_fail(err, RV_CONFLICT, "this was done already under the same Idempotency-Key, and its secret was shown then");
        return rv_error_hint(err, RV_CONFLICT, "revoke what was made and ask again with a fresh key");
    }
    call->replayed = true;
    if (call->text != NULL && call->text[0] == '\0') {
        rv_free(call->text);
        call->text = NULL;
    }
    return RV_OK;
}

static enum rv_status write_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    bool found = false;
    reset(call);
    enum rv_status status = call->idempotency_key != NULL ? replay(tx, call, &found, err) : RV_OK;
    if (status != RV_OK || found)
        return status;
    status = call->route->write(tx, call, err);
    if (status != RV_OK)
        return status;
    if (call->result != NULL)
        call->text = rv_json_text(call->result);
    if (call->idempotency_key == NULL)
        return RV_OK;
    bool keep = (call->route->flags & RV_ROUTE_SECRET) == 0 && call->text != NULL;
    return rv_answer_put(tx, call->who.actor, call->idempotency_key, &call->request_hash,
                         call->status != 0 ? call->status : call->route->status, keep ? call->text : "", call->now, err);
}

static void run_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct rv_call *call = arg;
    if (status != RV_OK && !call->rolled_back) {
        rv_call_fail(call, err);
        return;
    }
    if (call->forget_token != NULL) {
        rv_identities_forget(&call->api->identities, RV_ACCESS_TOKEN, call->forget_token);
        rv_events_forget(&call->api->events, call->forget_token);
    }
    if (call->wake && call->api->o.engine != NULL)
        rv_engine_wake(call->api->o.engine);
    rv_call_answer(call);
}

void rv_call_run(struct rv_call *call)
{
    if (call->route->read != NULL)
        rv_store_read(call->api->o.store, read_run, run_done, call);
    else
        rv_store_write(call->api->o.store, write_run, run_done, call);
}

/* ---- helpers of handlers ---- */

enum rv_status rv_call_limit(const struct rv_call *call, int otherwise, int *ret, struct rv_error *err)
{
    const char *text = rv_http_query(call->request, "limit");
    int64_t v = otherwise;
    enum rv_status status = text != NULL ? rv_int_parse(text, 1, 1000, &v, err) : RV_OK;
    if (status != RV_OK)
        return rv_error_where(err, status, "limit");
    *ret = (int)v;
    return RV_OK;
}

enum rv_status rv_call_after(const struct rv_call *call, int64_t *ret, struct rv_error *err)
{
    const char *text = rv_http_query(call->request, "after");
    int64_t v = 0;
    enum rv_status status = text != NULL ? rv_int_parse(text, 0, INT64_MAX - 1, &v, err) : RV_OK;
    if (status != RV_OK)
        return rv_error_where(err, status, "after");
    *ret = v;
    return RV_OK;
}

enum rv_status rv_call_audit(const struct rv_call *call, struct rv_tx *tx, const char *action, const char *subject,
                             const char *detail, struct rv_error *err)
{
    struct rv_audit_event event = {call->who.actor, action, subject, detail};
    return rv_audit_append(tx, &event, call->now, err);
}
