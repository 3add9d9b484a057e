/* The way of a request: route, sign-in, permission, origin, body, idempotency key, handler. Each stage answers by itself
 * when it refuses. */
#include "api/api_priv.h"

#include <strings.h>

#include "base/text.h"
#include "core/nearest.h"
#include "engine/engine.h"

struct rv_api *rv_api_create(const struct rv_api_options *options)
{
    struct rv_api *api = rv_zalloc(sizeof *api);
    api->o = *options;
    api->started_at = rv_now(options->loop->clock);
    if (api->o.max_calls == 0)
        api->o.max_calls = 4096;
    if (api->o.max_streams == 0)
        api->o.max_streams = 512;
    api->version = rv_strdup(options->version != NULL ? options->version : REEVE_VERSION);
    api->instance = rv_strdup(options->instance);
    api->base_url = rv_strdup(options->base_url);
    api->policy = options->policy != NULL   ? options->policy
                  : options->engine != NULL ? rv_engine_policy(options->engine)
                                            : &rv_policy_default;
    rv_identities_init(&api->identities);
    rv_events_init(&api->events, api);
    return api;
}

void rv_api_set_base_url(struct rv_api *api, const char *url)
{
    rv_free(api->base_url);
    rv_free(api->openapi);
    api->base_url = rv_strdup(url);
    api->openapi = NULL;
}

void rv_api_stop(struct rv_api *api)
{
    api->stopping = true;
    rv_events_stop(&api->events);
}

void rv_api_destroy(struct rv_api *api)
{
    if (api == NULL)
        return;
    if (!api->stopping)
        rv_api_stop(api);
    rv_events_fini(&api->events);
    rv_census_fini(&api->census);
    rv_identities_fini(&api->identities);
    rv_free(api->version);
    rv_free(api->instance);
    rv_free(api->base_url);
    rv_free(api->openapi);
    rv_free(api->schema);
    rv_free(api);
}

static bool unsafe(const struct rv_http_request *r)
{
    return r->method != RV_GET && r->method != RV_HEAD;
}

static void dispatch(struct rv_call *call)
{
    if (call->route->start != NULL)
        call->route->start(call);
    else
        rv_call_run(call);
}

static enum rv_status take_key(struct rv_call *call, struct rv_error *err)
{
    const char *key = rv_http_header(call->request, "idempotency-key");
    if (key == NULL || (call->route->flags & RV_ROUTE_IDEMPOTENT) == 0)
        return RV_OK;
    size_t n = strlen(key);
    bool fine = n >= 1 && n <= 100;
    for (size_t i = 0; fine && i < n; i++)
        fine = key[i] > 0x20 && key[i] < 0x7f;
    if (!fine) {
        rv_fail(err, RV_INVALID, "expected 1 to 100 visible ASCII characters");
        return rv_error_where(err, RV_INVALID, "Idempotency-Key");
    }
    call->idempotency_key = key;
    RV_AUTO(rv_buf) struct rv_buf all = {0};
    rv_buf_printf(&all, "%d\n%s\n%s\n", (int)call->request->method, call->request->path, call->request->query);
    rv_buf_add(&all, call->request->body.ptr, call->request->body.len);
    call->api->o.digest(rv_buf_bytes(&all), &call->request_hash);
    return RV_OK;
}

/* Misspelt parameters are refused: `dryrun=true` must not become a real apply. */
static enum rv_status check_query(struct rv_call *call, struct rv_error *err)
{
    const char *at = call->request->query;
    while (*at != '\0') {
        size_t n = strcspn(at, "=&");
        const struct rv_route_query *q = call->route->query;
        struct rv_nearest near = {rv_arena_strndup(call->arena, at, n), NULL, 0};
        for (; q->name != NULL && (strlen(q->name) != n || strncmp(q->name, at, n) != 0); q++)
            rv_nearest_offer(&near, q->name);
        if (q->name == NULL && n > 0) {
            rv_fail(err, RV_INVALID, "unknown query parameter%s%s%s", near.best != NULL ? "; did you mean \"" : "",
                    near.best != NULL ? near.best : "", near.best != NULL ? "\"?" : "");
            return rv_error_where(err, RV_INVALID, "%.60s", near.word);
        }
        if (q->name != NULL && q->type == RV_SHAPE_BOOL) {
            const char *v = rv_http_query(call->request, q->name);
            if (v != NULL && strcmp(v, "true") != 0 && strcmp(v, "false") != 0) {
                rv_fail(err, RV_INVALID, "expected true or false");
                return rv_error_where(err, RV_INVALID, "%s", q->name);
            }
        }
        at += strcspn(at, "&");
        at += *at == '&';
    }
    return RV_OK;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    return type != NULL && strncasecmp(type, json, n) == 0 && (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static void fault_list(struct rv_call *call, const struct rv_fault *faults)
{
    call->faults = json_array();
    for (const struct rv_fault *f = faults; f != NULL; f = f->next) {
        json_t *o = json_object();
        rv_json_set_text(o, "path", f->path);
        rv_json_set_text(o, "message", f->message);
        json_array_append_new(call->faults, o);
    }
}

static enum rv_status take_body(struct rv_call *call, struct rv_error *err)
{
    const struct rv_http_request *r = call->request;
    const struct rv_shape *shape = call->route->request;
    if (shape == NULL) {
        if (r->body.len == 0)
            return RV_OK;
        rv_fail(err, RV_INVALID, "this operation takes no body");
        return RV_INVALID;
    }
    if (r->body.len == 0 && shape->fields[0].name == NULL)
        return RV_OK;
    if (!is_json(rv_http_header(r, "content-type"))) {
        static const struct rv_http_header accept[] = {{"accept", "application/json"}, {NULL, NULL}};
        call->extra = accept; /* RFC 9110 §15.5.16 */
        call->fail_status = 415;
        rv_fail(err, RV_INVALID, "the body must be JSON");
        return rv_error_hint(err, RV_INVALID, "send Content-Type: application/json");
    }
    enum rv_status status = rv_json_parse(r->body, &call->body, err);
    if (status != RV_OK)
        return rv_error_where(err, status, "body");
    struct rv_fault *faults = NULL;
    rv_shape_check(shape, call->body, call->arena, &faults);
    if (faults == NULL)
        return RV_OK;
    fault_list(call, faults);
    rv_fail(err, RV_INVALID, "%s", faults->message);
    return rv_error_where(err, RV_INVALID, "%s", faults->path[0] != '\0' ? faults->path : "body");
}

/* Cookies travel by themselves, so an unsafe request with one must prove where it was made (M-51). */
static enum rv_status check_origin(struct rv_call *call, struct rv_error *err)
{
    if (!unsafe(call->request))
        return RV_OK;
    if ((call->route->flags & RV_ROUTE_NO_CSRF) != 0)
        return rv_identity_same_site(call->request, err);
    if (call->who.via != RV_BY_SESSION)
        return RV_OK;
    enum rv_status status = rv_identity_same_site(call->request, err);
    if (status != RV_OK)
        return status;
    const char *given = rv_http_header(call->request, "x-csrf-token");
    struct rv_hash a, b;
    if (given == NULL || !rv_unhex(a.b, sizeof a.b, given, strlen(given)) ||
        !rv_unhex(b.b, sizeof b.b, call->who.csrf, strlen(call->who.csrf)) || !rv_hash_same_secret(&a, &b)) {
        rv_fail(err, RV_DENIED, "the X-CSRF-Token header is missing or does not belong to this session");
        return rv_error_hint(err, RV_DENIED, "take `csrf` from GET /api/v1/session");
    }
    return RV_OK;
}

static enum rv_status check_permission(struct rv_call *call, struct rv_error *err)
{
    if (rv_role_may(call->who.role, call->route->permission))
        return RV_OK;
    rv_fail(err, RV_DENIED, "%s has the role %s, which may not %s", call->who.actor, call->who.role,
            rv_permission_name(call->route->permission));
    return rv_error_hint(err, RV_DENIED, "ask an administrator for a token with another role");
}

static void identified(struct rv_call *call)
{
    struct rv_error err;
    enum rv_status status = check_permission(call, &err);
    if (status == RV_OK)
        status = check_origin(call, &err);
    if (status == RV_OK)
        status = check_query(call, &err);
    if (status == RV_OK)
        status = take_body(call, &err);
    if (status == RV_OK)
        status = take_key(call, &err);
    if (status != RV_OK)
        rv_call_fail(call, &err);
    else
        dispatch(call);
}

static void no_route(struct rv_call *call, const struct rv_route_match *match)
{
    struct rv_error err;
    if (!match->path_known) {
        rv_fail(&err, RV_NOT_FOUND, "there is nothing at this path");
        rv_error_where(&err, RV_NOT_FOUND, "%.120s", call->request->path);
        rv_error_hint(&err, RV_NOT_FOUND, "/api/v1/openapi.json lists what there is");
        rv_call_fail(call, &err);
        return;
    }
    struct rv_http_header *allow = rv_arena_alloc(call->arena, 2 * sizeof *allow);
    allow[0].name = "allow"; /* RFC 9110 §15.5.6 */
    allow[0].value = rv_route_allow(match->methods, call->arena);
    call->extra = allow;
    call->fail_status = 405;
    rv_fail(&err, RV_INVALID, "this path takes %s", allow[0].value);
    rv_call_fail(call, &err);
}

static bool belongs_to_api(const char *path)
{
    return rv_starts_with(path, "/api/") || strcmp(path, "/api") == 0;
}

void rv_api_handle(void *arg, const struct rv_http_request *request)
{
    struct rv_api *api = arg;
    struct rv_route_match match;
    rv_route_find(request->method, request->path, request->arena, &match);
    if (match.route == NULL && !match.path_known && !belongs_to_api(request->path) && rv_page_answer(api, request))
        return;
    struct rv_call *call = rv_arena_alloc(request->arena, sizeof *call);
    call->api = api;
    call->request = request;
    call->exchange = request->exchange;
    call->arena = request->arena;
    call->route = match.route;
    memcpy(call->params, match.params, sizeof call->params);
    call->now = rv_now(api->o.loop->clock);
    call->begun_at = rv_mono(api->o.loop->clock);
    api->calls++;
    struct rv_error err;
    bool open = match.route != NULL && match.route->permission == RV_MAY_ANYONE;
    if (match.route == NULL) {
        no_route(call, &match);
    } else if (api->stopping || (api->calls > api->o.max_calls && !open)) {
        rv_fail(&err, RV_UNAVAILABLE, api->stopping ? "reeved is stopping" : "too many requests are in work");
        rv_call_fail(call, &err);
    } else if (open) {
        identified(call);
    } else {
        rv_identify(call, identified);
    }
}
