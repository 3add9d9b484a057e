/* api: what is answered about certificates, plans, the inventory and the service; what bad input gets; live events. */
#include "harness.h"

#include <stdio.h>

#include "port/store_audit.h"
#include "port/store_binding.h"

static const json_t *items(const struct rv_http_exchange *x)
{
    return json_object_get(x->json, "items");
}

static const char *deep(const json_t *v, const char *a, const char *b)
{
    return rv_json_get_text(json_object_get(v, a), b, "");
}

/* ---- declaring and reading ---- */

static void what_is_declared_is_answered(void **state)
{
    struct harness *h = *state;
    declare_shop(h);
    struct rv_http_exchange *x = get(h, "/api/v1/certificates/shop");
    assert_int_equal(x->status, 200);
    assert_string_equal(text(x, "name"), "shop");
    assert_string_equal(text(x, "owner"), "team-pay");
    assert_string_equal(text(x, "issuer"), "internal");
    assert_string_equal(text(x, "profile"), "tls-server");
    assert_false(rv_json_get_bool(x->json, "ready", true));
    const json_t *targets = json_object_get(x->json, "targets"), *edge = json_array_get(targets, 0);
    assert_int_equal(json_array_size(targets), 2);
    assert_string_equal(rv_json_get_text(edge, "target", ""), "edge-1");
    assert_int_equal(rv_json_get_int(edge, "batch", 0), 1);
    assert_string_equal(rv_json_get_text(json_array_get(json_object_get(edge, "endpoints"), 0), "address", ""),
                        "127.0.0.1:8441");
    x = get(h, "/api/v1/certificates");
    assert_int_equal(json_array_size(items(x)), 1);
    x = get(h, "/api/v1/targets/edge-1");
    assert_string_equal(deep(x->json, "spec", "connector"), "local");
    assert_int_equal(rv_json_get_int(x->json, "generation", 0), 1);
    x = get(h, "/api/v1/plan");
    assert_int_equal(json_array_size(items(x)), 2);
    x = get(h, "/api/v1/status");
    assert_int_equal(rv_json_get_int(json_object_get(x->json, "counts"), "certificates", 0), 1);
    x = get(h, "/api/v1/certificates/nothing");
    assert_problem(x, 404, "notFound", "certificates/nothing");
    assert_problem(get(h, "/api/v1/certificates/No%20Name"), 404, "notFound", "certificates/");
}

static void built_in_objects_are_there(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = get(h, "/api/v1/profiles/tls-server");
    assert_int_equal(x->status, 200);
    assert_int_equal(rv_json_get_int(x->json, "generation", 9), 0);
    assert_int_equal(json_array_size(items(get(h, "/api/v1/profiles"))), 1);
    assert_int_equal(json_array_size(items(get(h, "/api/v1/issuers"))), 1);
    x = ask(h, &(struct ask){.method = RV_DELETE, .path = "/api/v1/issuers/internal", .token = h->admin});
    assert_problem(x, 403, "denied", "built in");
}

static void a_dry_run_says_all_and_does_nothing(void **state)
{
    struct harness *h = *state;
    const char *body =
        "{\"documents\":[{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"w\"},"
        "\"spec\":{\"dnsNames\":[\"a.example\"],\"mode\":\"Observe\",\"verify\":{\"endpoints\":[\"127.0.0.1:1\"]}}}]}";
    int64_t rows = rv_json_get_int(get(h, "/api/v1/audit/verify")->json, "count", 0);
    struct rv_http_exchange *x = post(h, "/api/v1/apply?dryRun=true", body);
    assert_int_equal(x->status, 200);
    assert_string_equal(rv_json_get_text(json_array_get(json_object_get(x->json, "changes"), 0), "change", ""), "create");
    assert_int_equal(json_array_size(json_object_get(x->json, "actions")), 1);
    assert_int_equal(get(h, "/api/v1/certificates/w")->status, 404);
    x = get(h, "/api/v1/audit/verify");
    assert_true(rv_json_get_bool(x->json, "ok", false));
    assert_int_equal(rv_json_get_int(x->json, "count", 0), rows);
    x = post(h, "/api/v1/apply?dryRun=false", body);
    assert_string_equal(rv_json_get_text(json_array_get(json_object_get(x->json, "changes"), 0), "change", ""), "create");
    x = post(h, "/api/v1/apply", body);
    assert_string_equal(rv_json_get_text(json_array_get(json_object_get(x->json, "changes"), 0), "change", ""), "none");
    x = get(h, "/api/v1/certificates/w");
    assert_string_equal(rv_json_get_text(json_array_get(json_object_get(x->json, "targets"), 0), "target", "?"), "");
}

static void a_bad_set_is_refused_whole(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x =
        post(h, "/api/v1/apply",
             "{\"documents\":[{\"apiVersion\":\"reeve/"
             "v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"fine\"},\"spec\":{\"duration\":\"30d\"}},"
             "{\"apiVersion\":\"reeve/"
             "v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"bad\"},\"spec\":{\"dnsName\":[\"a.example\"]}}]}");
    assert_problem(x, 400, "invalid", "Certificate/bad");
    const json_t *fault = json_array_get(json_object_get(x->json, "faults"), 0);
    assert_string_equal(rv_json_get_text(fault, "kind", ""), "Certificate");
    assert_string_equal(rv_json_get_text(fault, "path", ""), "spec.dnsName");
    assert_int_equal(rv_json_get_int(fault, "document", -1), 1);
    assert_non_null(strstr(rv_json_get_text(fault, "message", ""), "dnsNames"));
    assert_int_equal(get(h, "/api/v1/profiles/fine")->status, 404);
    x = post(h, "/api/v1/apply",
             "{\"documents\":[{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"bad\"},"
             "\"spec\":{\"dnsNames\":[\"a.example\"],\"deploy\":{\"targets\":{\"names\":[\"nowhere\"]}}}}]}");
    assert_problem(x, 400, "invalid", "nowhere");
}

static void why_says_what_was_tried(void **state)
{
    struct harness *h = *state;
    declare_shop(h);
    struct rv_http_exchange *x = get(h, "/api/v1/certificates/shop/why");
    assert_int_equal(x->status, 200);
    assert_true(strlen(text(x, "text")) > 10);
    const json_t *target = json_array_get(json_object_get(x->json, "targets"), 0);
    assert_string_equal(rv_json_get_text(target, "target", ""), "edge-1");
    assert_true(strlen(deep(target, "reason", "code")) > 0);
    assert_true(rv_json_get_int(json_object_get(target, "budget"), "issuedLimit", 0) > 0);
    assert_problem(get(h, "/api/v1/certificates/none/why"), 404, "notFound", "certificates/none");
    x = get(h, "/api/v1/certificates/shop/rollout");
    assert_int_equal(rv_json_get_int(x->json, "total", 0), 2);
    assert_int_equal(rv_json_get_int(x->json, "done", 9), 0);
    assert_true(json_array_size(json_object_get(x->json, "batches")) >= 1);
}

struct found {
    struct rv_binding_row row;
};

static enum rv_status find_edge(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_binding_find(tx, "shop", "edge-1", &((struct found *)arg)->row, err);
}

static void renewal_is_counted(void **state)
{
    struct harness *h = *state;
    struct found before, after;
    struct rv_error err;
    declare_shop(h);
    assert_int_equal(rv_store_read_now(h->store, find_edge, &before, &err), RV_OK);
    struct rv_http_exchange *x = post(h, "/api/v1/certificates/shop/renew", "{}");
    assert_int_equal(x->status, 202);
    assert_int_equal(json_array_size(json_object_get(x->json, "targets")), 2);
    assert_int_equal(rv_store_read_now(h->store, find_edge, &after, &err), RV_OK);
    assert_int_equal(after.row.facts.wanted.renew_request, before.row.facts.wanted.renew_request + 1);
    assert_int_equal(post(h, "/api/v1/certificates/shop/verify", NULL)->status, 202); /* an empty body will do */
    assert_problem(post(h, "/api/v1/certificates/shop/approve", "{}"), 409, "conflict", "reeve why shop");
    assert_problem(post(h, "/api/v1/certificates/none/renew", "{}"), 404, "notFound", "none");
    assert_non_null(strstr(rv_buf_text(&get(h, "/api/v1/audit")->body), "renewal.requested"));
}

static void what_is_needed_is_not_removed(void **state)
{
    struct harness *h = *state;
    declare_shop(h);
    struct ask a = {.method = RV_DELETE, .path = "/api/v1/targets/edge-1", .token = h->admin};
    struct rv_http_exchange *x = ask(h, &a);
    assert_true(x->status == 204 || x->status == 409); /* matched by label it may go; named it may not */
    a.path = "/api/v1/certificates/shop";
    assert_int_equal(ask(h, &a)->status, 204);
    assert_int_equal(get(h, "/api/v1/certificates/shop")->status, 404);
    assert_problem(ask(h, &a), 404, "notFound", "certificates/shop");
    assert_int_equal(json_array_size(items(get(h, "/api/v1/plan"))), 0);
}

static void lists_come_in_pages(void **state)
{
    struct harness *h = *state;
    RV_AUTO(rv_buf) struct rv_buf body = {0};
    rv_buf_add_text(&body, "{\"documents\":[");
    for (int i = 0; i < 7; i++)
        rv_buf_printf(&body,
                      "%s{\"apiVersion\":\"reeve/v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"s%d\"},\"spec\":{}}",
                      i > 0 ? "," : "", i);
    rv_buf_printf(&body, ",{\"apiVersion\":\"reeve/v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"z\"},\"spec\":{}}]}");
    assert_int_equal(post(h, "/api/v1/apply", rv_buf_text(&body))->status, 200);
    for (int limit = 1; limit <= 10; limit++) { /* tls-server is built in and stands between s6 and z */
        char after[64] = "", all[200] = "", path[120];
        for (int pages = 0; pages < 12; pages++) {
            snprintf(path, sizeof path, "/api/v1/profiles?limit=%d&after=%s", limit, after);
            struct rv_http_exchange *x = get(h, path);
            size_t i;
            json_t *o;
            assert_true(json_array_size(items(x)) <= (size_t)limit && json_array_size(items(x)) > 0);
            json_array_foreach (items(x), i, o) {
                strncat(all, deep(o, "metadata", "name"), sizeof all - strlen(all) - 1);
                strncat(all, " ", sizeof all - strlen(all) - 1);
            }
            snprintf(after, sizeof after, "%s", text(x, "next"));
            if (after[0] == '\0')
                break;
        }
        assert_string_equal(all, "s0 s1 s2 s3 s4 s5 s6 tls-server z ");
    }
    struct rv_http_exchange *x = get(h, "/api/v1/audit?limit=2");
    assert_int_equal(json_array_size(items(x)), 2);
    assert_string_equal(text(x, "next"), "2");
    x = get(h, "/api/v1/audit?limit=2&after=2");
    assert_int_equal(rv_json_get_int(json_array_get(items(x), 0), "number", 0), 3);
    int64_t last = rv_json_get_int(get(h, "/api/v1/audit/verify")->json, "count", 0);
    x = get(h, "/api/v1/audit?order=newest&limit=2");
    const json_t *newest = json_array_get(items(x), 0);
    assert_int_equal(rv_json_get_int(newest, "number", 0), last);
    assert_string_equal(rv_json_get_text(newest, "text", ""), "An object was declared");
    assert_string_equal(rv_json_get_text(newest, "severity", ""), "notice");
    assert_int_equal(strtoll(text(x, "next"), NULL, 10), last - 1);
    x = get(h, "/api/v1/audit?order=newest&after=2");
    assert_int_equal(json_array_size(items(x)), 1);
    assert_string_equal(text(x, "next"), "");
    assert_problem(get(h, "/api/v1/audit?order=sideways"), 400, "invalid", "oldest (first)");
}

/* ---- the inventory ---- */

static void requests_are_signed(void **state)
{
    struct harness *h = *state;
    RV_AUTO(json) json_t *wish = json_pack("{s:s,s:s}", "profile", "tls-server", "csr", csr_pem);
    RV_AUTO(char) char *body = rv_json_text(wish);
    struct rv_http_exchange *x = post(h, "/api/v1/issuers/internal/certificates", body);
    assert_int_equal(x->status, 201);
    assert_string_equal(text(x, "serial"), "01");
    assert_non_null(strstr(text(x, "certificate"), "\nAQ==\n"));
    assert_string_equal(h->last_actor, "token:boss");
    assert_problem(post(h, "/api/v1/issuers/nobody/certificates", body), 404, "notFound", "issuers/nobody");
    assert_problem(post(h, "/api/v1/issuers/internal/certificates", "{\"profile\":\"p\",\"csr\":\"hello\"}"), 400, "invalid",
                   "csr");
    h->refuse.status = rv_fail(&h->refuse, RV_DENIED, "the name is not allowed");
    rv_error_where(&h->refuse, RV_DENIED, "csr: dns:evil.example");
    assert_problem(post(h, "/api/v1/issuers/internal/certificates", body), 403, "denied", "dns:evil.example");
    assert_problem(get(h, "/api/v1/issuers/internal/certificates/0b"), 404, "notFound", "internal/0b");
    assert_problem(get(h, "/api/v1/issuers/internal/certificates/XYZ"), 404, "notFound", "lower-case hex");
    assert_int_equal(get(h, "/api/v1/issued")->status, 200);
}

/* ---- bad input ---- */

static void bad_input_gets_a_clear_answer(void **state)
{
    struct harness *h = *state;
    static const struct {
        struct ask ask;
        int status;
        const char *code, *contains;
    } cases[] = {
        {{.path = "/api/v1/nothing"}, 404, "notFound", "/api/v1/nothing"},
        {{.path = "/api/v2/status"}, 404, "notFound", "openapi"},
        {{.method = RV_PATCH, .path = "/api/v1/status"}, 405, "invalid", "GET"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{"}, 400, "invalid", "line 1"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "[]"}, 400, "invalid", "expected an object"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{}"}, 400, "invalid", "documents"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{\"documents\":{}}"}, 400, "invalid", "expected a list"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{\"documents\":[1]}"}, 400, "invalid", "documents[0]"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{\"documents\":[],\"document\":[]}"},
         400,
         "invalid",
         "did you mean"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "{\"documents\":[],\"documents\":[]}"},
         400,
         "invalid",
         "duplicate"},
        {{.method = RV_POST, .path = "/api/v1/apply?dryrun=true", .body = "{\"documents\":[]}"}, 400, "invalid", "dryRun"},
        {{.method = RV_POST, .path = "/api/v1/apply?dryRun=yes", .body = "{\"documents\":[]}"},
         400,
         "invalid",
         "true or false"},
        {{.method = RV_POST, .path = "/api/v1/apply"}, 415, "invalid", "application/json"},
        {{.method = RV_POST, .path = "/api/v1/apply", .body = "a=b", .headers = {{"content-type", "text/plain"}}},
         415,
         "invalid",
         "JSON"},
        {{.method = RV_POST, .path = "/api/v1/certificates/a/renew", .body = "{\"now\":true}"}, 400, "invalid", "now"},
        {{.method = RV_DELETE, .path = "/api/v1/certificates/a", .body = "{}"}, 400, "invalid", "no body"},
        {{.path = "/api/v1/certificates?limit=0"}, 400, "invalid", "limit"},
        {{.path = "/api/v1/certificates?limit=1001"}, 400, "invalid", "1 to 1000"},
        {{.path = "/api/v1/certificates?limit=ten"}, 400, "invalid", "limit"},
        {{.path = "/api/v1/certificates?after=A%20B"}, 400, "invalid", "after"},
        {{.path = "/api/v1/certificates?sort=name"}, 400, "invalid", "sort"},
        {{.path = "/api/v1/audit?after=-1"}, 400, "invalid", "after"},
        {{.path = "/api/v1/events", .headers = {{"last-event-id", "x"}}}, 400, "invalid", "Last-Event-ID"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct ask a = cases[i].ask;
        a.token = h->admin;
        assert_problem(ask(h, &a), cases[i].status, cases[i].code, cases[i].contains);
    }
    struct rv_http_exchange *x = ask(h, &(struct ask){.method = RV_PUT, .path = "/api/v1/tokens", .token = h->admin});
    assert_string_equal(header(x, "allow"), "GET, HEAD, POST");
    x = ask(h, &(struct ask){.method = RV_POST, .path = "/api/v1/apply", .token = h->admin});
    assert_string_equal(header(x, "accept"), "application/json");
    assert_string_equal(header(x, "cache-control"), "no-store");
}

static void all_faults_are_named(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = post(h, "/api/v1/tokens", "{\"nam\":\"x\",\"role\":1}");
    assert_int_equal(json_array_size(json_object_get(x->json, "faults")), 3);
}

/* ---- live events ---- */

static struct rv_http_exchange *stream(struct harness *h, const char *from)
{
    struct ask a = {.path = "/api/v1/events", .token = h->admin};
    if (from != NULL)
        a.headers[0] = (struct rv_http_header){"last-event-id", from};
    struct rv_http_exchange *x = ask(h, &a);
    assert_true(x->streaming);
    return x;
}

static void events_are_sent_as_they_happen(void **state)
{
    struct harness *h = *state;
    post(h, "/api/v1/links", "{}"); /* row 1 */
    struct rv_http_exchange *live = stream(h, NULL), *all = stream(h, "0");
    assert_null(strstr(rv_buf_text(&live->body), "id: 1\n"));
    assert_non_null(strstr(rv_buf_text(&all->body), "id: 1\nevent: audit\ndata: {"));
    post(h, "/api/v1/links", "{}");
    post(h, "/api/v1/links", "{}");
    const char *last = strstr(rv_buf_text(&live->body), "id: 3\n");
    assert_non_null(last);
    assert_non_null(strstr(last, "\"action\":\"link.created\""));
    assert_non_null(strstr(rv_buf_text(&live->body), "id: 2\n"));
    assert_null(strstr(strstr(rv_buf_text(&all->body), "id: 2\n") + 1, "id: 2\n")); /* once each */
    struct rv_http_exchange *resumed = stream(h, "2");
    assert_null(strstr(rv_buf_text(&resumed->body), "id: 2\n"));
    assert_non_null(strstr(rv_buf_text(&resumed->body), "id: 3\n"));
    assert_problem(get(h, "/api/v1/events"), 503, "unavailable", "3 event streams");
    rv_http_stream_end(resumed); /* the client leaves */
    run(h);
    stream(h, "99999"); /* from another life: goes on from now */
}

static void many_events_are_caught_up_with(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 450; i++)
        post(h, "/api/v1/links", "{}");
    struct rv_http_exchange *x = stream(h, "3");
    const char *at = rv_buf_text(&x->body);
    for (int i = 4; i <= 450; i++) {
        char id[20];
        snprintf(id, sizeof id, "id: %d\n", i);
        at = strstr(at, id);
        assert_non_null(at);
    }
}

static void silence_is_filled_and_slow_readers_go(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = stream(h, NULL), *slow = stream(h, NULL);
    size_t before = x->body.len;
    pass(h, RV_EVENTS_HEARTBEAT);
    assert_non_null(strstr(rv_buf_text(&x->body) + before, ": still here\n\n"));
    slow->slow = true;
    post(h, "/api/v1/links", "{}");
    assert_true(slow->ended);
    assert_non_null(strstr(rv_buf_text(&x->body), "link.created"));
    assert_int_equal(rv_events_streams(&h->api->events), 1);
    rv_api_stop(h->api);
    assert_true(x->ended);
}

static void a_stream_ends_with_its_login(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *made = post(h, "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"viewer\"}");
    char path[80];
    struct rv_http_exchange *theirs = ask(h, &(struct ask){.path = "/api/v1/events", .token = text(made, "token")});
    struct rv_http_exchange *mine = stream(h, NULL);
    snprintf(path, sizeof path, "/api/v1/tokens/%s", text(made, "id"));
    assert_int_equal(ask(h, &(struct ask){.method = RV_DELETE, .path = path, .token = h->admin})->status, 204);
    assert_true(theirs->ended);
    assert_false(mine->ended);
    for (int i = 0; i < RV_EVENTS_LONGEST / RV_EVENTS_HEARTBEAT && !mine->ended; i++)
        pass(h, RV_EVENTS_HEARTBEAT);
    assert_true(mine->ended); /* and its client comes back, and shows its login again */
    assert_int_equal(rv_events_streams(&h->api->events), 0);
}

/* ---- the service ---- */

static void metrics_are_counted(void **state)
{
    struct harness *h = *state;
    declare_shop(h);
    get(h, "/api/v1/certificates/none");
    struct rv_http_exchange *x = get(h, "/metrics");
    assert_int_equal(x->status, 200);
    const char *m = rv_buf_text(&x->body);
    assert_non_null(strstr(m, "reeve_http_requests_total{operation=\"getCertificate\",status=\"404\"} 1\n"));
    assert_non_null(strstr(m, "reeve_http_requests_total{operation=\"apply\",status=\"200\"} 1\n"));
    assert_non_null(strstr(m, "reeve_build_info{version=\"1.2.3\"} 1\n"));
    assert_non_null(strstr(m, "reeve_store_queue 3\n"));
    assert_non_null(strstr(m, "reeve_certificates{state=\"Ready\"} 0\n"));
    int total = 0, n;
    for (const char *at = m; (at = strstr(at, "\nreeve_certificates{")) != NULL; at++)
        if (sscanf(strchr(at, '}') + 1, "%d", &n) == 1)
            total += n;
    assert_int_equal(total, 1);
}

static void readiness_says_what_is_missing(void **state)
{
    struct harness *h = *state;
    assert_int_equal(ask(h, &(struct ask){.path = "/healthz"})->status, 200);
    assert_int_equal(ask(h, &(struct ask){.path = "/readyz"})->status, 200);
    h->not_ready = true;
    struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/readyz"});
    assert_problem(x, 503, "unavailable", "signer");
    assert_non_null(header(x, "retry-after"));
    assert_int_equal(ask(h, &(struct ask){.path = "/healthz"})->status, 200);
    rv_api_stop(h->api);
    assert_problem(get(h, "/api/v1/status"), 503, "unavailable", "stopping");
    assert_problem(ask(h, &(struct ask){.path = "/readyz"}), 503, "unavailable", "stopping");
}

static void pages_are_served_with_care(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/"});
    assert_int_equal(x->status, 200);
    assert_string_equal(rv_buf_text(&x->body), "<p>");
    const char *csp = header(x, "content-security-policy");
    assert_non_null(strstr(csp, "default-src 'none'"));
    assert_non_null(strstr(csp, "frame-ancestors 'none'"));
    assert_non_null(strstr(csp, "require-trusted-types-for 'script'"));
    assert_null(strstr(csp, "unsafe"));
    assert_string_equal(header(x, "x-content-type-options"), "nosniff");
    assert_string_equal(header(x, "referrer-policy"), "no-referrer");
    assert_string_equal(header(x, "cache-control"), "no-cache");
    x = ask(h, &(struct ask){.path = "/", .headers = {{"if-none-match", "\"x\", W/\"i1\""}}});
    assert_int_equal(x->status, 304);
    assert_int_equal(x->body.len, 0);
    x = ask(h, &(struct ask){.path = "/assets/app-1.js"});
    assert_non_null(strstr(header(x, "cache-control"), "immutable"));
    x = ask(h, &(struct ask){.path = "/signin", .headers = {{"accept", "text/html,*/*"}}}); /* the page finds its way */
    assert_int_equal(x->status, 200);
    assert_problem(ask(h, &(struct ask){.path = "/nothing.js"}), 404, "notFound", "/nothing.js");
    assert_problem(ask(h, &(struct ask){.path = "/api/v1/none", .headers = {{"accept", "text/html"}}}), 404, "notFound",
                   "none");
    assert_problem(ask(h, &(struct ask){.method = RV_POST, .path = "/"}), 404, "notFound", "/");
}

#define T(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_declared_is_answered),
        T(built_in_objects_are_there),
        T(a_dry_run_says_all_and_does_nothing),
        T(a_bad_set_is_refused_whole),
        T(why_says_what_was_tried),
        T(renewal_is_counted),
        T(what_is_needed_is_not_removed),
        T(lists_come_in_pages),
        T(requests_are_signed),
        T(bad_input_gets_a_clear_answer),
        T(all_faults_are_named),
        T(events_are_sent_as_they_happen),
        T(many_events_are_caught_up_with),
        T(silence_is_filled_and_slow_readers_go),
        T(a_stream_ends_with_its_login),
        T(metrics_are_counted),
        T(readiness_says_what_is_missing),
        T(pages_are_served_with_care),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
