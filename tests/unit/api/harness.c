#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "pki/digest.h"
#include "pki/random.h"
#include "port/store_audit.h"

const char csr_pem[] = "-----BEGIN CERTIFICATE REQUEST-----\nAQIDBA==\n-----END CERTIFICATE REQUEST-----\n";

/* ---- clock and loop ---- */

struct rv_timer {
    int64_t at;
    void (*fn)(void *arg);
    void *arg;
    struct rv_timer *next;
};

static rv_time wall(void *ctx)
{
    return ((struct harness *)ctx)->wall;
}

static int64_t monotonic(void *ctx)
{
    return ((struct harness *)ctx)->mono;
}

static struct rv_timer *timer(void *ctx, rv_dur delay, void (*fn)(void *arg), void *arg)
{
    struct harness *h = ctx;
    struct rv_timer *t = rv_zalloc(sizeof *t);
    *t = (struct rv_timer){h->mono + delay, fn, arg, h->timers};
    h->timers = t;
    return t;
}

static void timer_stop(void *ctx, struct rv_timer *t)
{
    struct harness *h = ctx;
    for (struct rv_timer **at = &h->timers; t != NULL && *at != NULL; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            rv_free(t);
            return;
        }
    }
}

static void loop_post(void *ctx, void (*fn)(void *arg), void *arg)
{
    struct harness *h = ctx;
    h->queue[h->tail++ % RV_COUNT(h->queue)] = (struct posted){fn, arg};
    assert_true(h->tail - h->head < RV_COUNT(h->queue));
}

static const struct rv_loop_ops loop_ops = {timer, timer_stop, loop_post};

void run(struct harness *h)
{
    while (h->head != h->tail) {
        struct posted p = h->queue[h->head++ % RV_COUNT(h->queue)];
        p.fn(p.arg);
    }
}

static bool fire_one(struct harness *h)
{
    for (struct rv_timer *t = h->timers; t != NULL; t = t->next) {
        if (t->at > h->mono)
            continue;
        struct rv_timer copy = *t;
        timer_stop(h, t);
        copy.fn(copy.arg);
        return true;
    }
    return false;
}

void pass(struct harness *h, rv_dur time)
{
    h->wall += time;
    h->mono += time;
    do
        run(h);
    while (fire_one(h));
}

/* ---- HTTP ---- */

const char *rv_http_method_name(enum rv_http_method m)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    return names[m];
}

const char *rv_http_header(const struct rv_http_request *r, const char *lower_name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i].name, lower_name) == 0)
            return r->headers[i].value;
    return NULL;
}

const char *rv_http_query(const struct rv_http_request *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = r->query; *at != '\0'; at += strcspn(at, "&"), at += *at == '&')
        if (strncmp(at, name, n) == 0 && at[n] == '=')
            return rv_arena_strndup(r->arena, at + n + 1, strcspn(at + n + 1, "&"));
    return NULL;
}

/* As the real layer does it: with the answer the request is gone, and so is all that lived in its arena. */
static void forget_request(struct rv_http_exchange *x)
{
    rv_arena_destroy(x->arena);
    x->arena = NULL;
}

void rv_http_answer(struct rv_http_exchange *x, int status, const char *content_type, struct rv_bytes body,
                    const struct rv_http_header *extra)
{
    assert_int_equal(x->status, 0); /* exactly one answer */
    x->status = status;
    snprintf(x->content_type, sizeof x->content_type, "%s", content_type != NULL ? content_type : "");
    for (; extra != NULL && extra->name != NULL; extra++) {
        assert_true(x->header_count < HEADERS);
        snprintf(x->header_names[x->header_count], 40, "%s", extra->name);
        snprintf(x->header_values[x->header_count++], 512, "%s", extra->value);
    }
    rv_buf_add(&x->body, body.ptr, body.len);
    if (strstr(x->content_type, "json") != NULL)
        x->json = json_loadb((const char *)body.ptr, body.len, 0, NULL);
    forget_request(x);
}

void rv_http_stream_begin(struct rv_http_exchange *x, void (*gone)(void *arg), void *arg)
{
    assert_int_equal(x->status, 0);
    x->status = 200;
    x->streaming = true;
    x->gone = gone;
    x->gone_arg = arg;
    forget_request(x);
}

static void stream_over(struct rv_http_exchange *x)
{
    if (!x->ended) {
        x->ended = true;
        loop_post(x->h, x->gone, x->gone_arg); /* later, as the real layer does it */
    }
}

bool rv_http_stream_send(struct rv_http_exchange *x, struct rv_bytes bytes)
{
    assert_true(x->streaming && !x->ended);
    if (x->slow) {
        stream_over(x);
        return false;
    }
    rv_buf_add(&x->body, bytes.ptr, bytes.len);
    return true;
}

void rv_http_stream_end(struct rv_http_exchange *x)
{
    stream_over(x);
}

struct rv_http_exchange *ask(struct harness *h, const struct ask *a)
{
    struct rv_http_exchange *x = rv_zalloc(sizeof *x);
    x->arena = rv_arena_create();
    x->h = h;
    x->next = h->exchanges;
    h->exchanges = x;
    struct rv_http_header *headers = rv_arena_alloc(x->arena, 16 * sizeof *headers);
    struct rv_http_request *r = rv_arena_alloc(x->arena, sizeof *r);
    size_t n = 0;
    headers[n++] = (struct rv_http_header){"host", "reeve.example:8443"};
    if (a->token != NULL)
        headers[n++] = (struct rv_http_header){"authorization", rv_arena_printf(x->arena, "Bearer %s", a->token)};
    if (a->cookie != NULL)
        headers[n++] = (struct rv_http_header){"cookie", a->cookie};
    bool typed = false;
    for (size_t i = 0; a->headers[i].name != NULL; i++) {
        typed = typed || strcmp(a->headers[i].name, "content-type") == 0;
        headers[n++] = a->headers[i];
    }
    if (a->body != NULL && !typed)
        headers[n++] = (struct rv_http_header){"content-type", "application/json"};
    const char *mark = strchr(a->path, '?');
    *r = (struct rv_http_request){
        .method = a->method,
        .path = rv_arena_strndup(x->arena, a->path, mark != NULL ? (size_t)(mark - a->path) : strlen(a->path)),
        .query = mark != NULL ? rv_arena_strdup(x->arena, mark + 1) : "",
        .header_count = n,
        .headers = headers,
        .body = a->body != NULL ? rv_bytes_of(rv_arena_strdup(x->arena, a->body)) : RV_BYTES(NULL, 0),
        .via = a->via,
        .peer = a->peer != NULL           ? a->peer
                : a->via == RV_VIA_SOCKET ? "unix"
                                          : "192.0.2.1",
        .peer_uid = a->via == RV_VIA_SOCKET ? a->uid : -1,
        .arena = x->arena,
        .exchange = x,
    };
    rv_api_handle(h->api, r);
    run(h);
    assert_int_not_equal(x->status, 0);
    return x;
}

struct rv_http_exchange *get(struct harness *h, const char *path)
{
    return ask(h, &(struct ask){.path = path, .token = h->admin});
}

struct rv_http_exchange *post(struct harness *h, const char *path, const char *body)
{
    return ask(h, &(struct ask){.method = RV_POST, .path = path, .token = h->admin, .body = body});
}

const char *header(const struct rv_http_exchange *x, const char *name)
{
    for (int i = 0; i < x->header_count; i++)
        if (strcmp(x->header_names[i], name) == 0)
            return x->header_values[i];
    return NULL;
}

const char *text(const struct rv_http_exchange *x, const char *name)
{
    return rv_json_get_text(x->json, name, "");
}

/* ---- the issuer ---- */

static void issuer_issue(void *ctx, const struct rv_issue_request *request, rv_issue_done done, void *arg)
{
    struct harness *h = ctx;
    h->issued++;
    snprintf(h->last_key, sizeof h->last_key, "%s", request->idempotency_key != NULL ? request->idempotency_key : "");
    snprintf(h->last_actor, sizeof h->last_actor, "%s", request->actor);
    if (h->refuse.status != RV_OK) {
        done(arg, h->refuse.status, NULL, &h->refuse);
        return;
    }
    struct rv_issue_result result = {
        .certificate_id = h->issued,
        .not_before = h->wall,
        .not_after = h->wall + RV_DAY(90),
        .certificate_pem = "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n",
        .chain_pem = "-----BEGIN CERTIFICATE-----\nAg==\n-----END CERTIFICATE-----\n",
    };
    result.fingerprint.b[0] = 7;
    snprintf(result.serial, sizeof result.serial, "%02x", h->issued);
    done(arg, RV_OK, &result, NULL);
}

static const struct rv_issuer_ops issuer_ops = {"builtin", issuer_issue, NULL};

/* ---- all together ---- */

static void mismatch(void *arg, const char *route, const char *fault)
{
    struct harness *h = arg;
    h->mismatches++;
    print_error("%s does not keep its promise: %s\n", route, fault);
}

static enum rv_status ready(void *arg, struct rv_error *err)
{
    struct harness *h = arg;
    if (!h->not_ready)
        return RV_OK;
    rv_fail(err, RV_UNAVAILABLE, "the signer does not answer");
    return rv_error_hint(err, RV_UNAVAILABLE, "look at its log");
}

static int64_t queue_length(void *arg)
{
    (void)arg;
    return 3;
}

static const struct rv_static_file files[] = {
    {"/index.html", "text/html; charset=utf-8", "\"i1\"", (const unsigned char *)"<p>", 3},
    {"/assets/app-1.js", "text/javascript", "\"a1\"", (const unsigned char *)"x()", 3},
};

static enum rv_status make_admin(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct harness *h = arg;
    struct rv_fresh fresh;
    rv_fresh_make(&fresh, rv_sha256, rv_random);
    struct rv_access_row row = {.kind = RV_ACCESS_TOKEN,
                                .name = "boss",
                                .role = "admin",
                                .created_at = h->wall,
                                .expires_at = h->wall + RV_DAY(365)};
    memcpy(row.id, fresh.id, sizeof fresh.id);
    row.secret = fresh.hash;
    snprintf(h->admin, sizeof h->admin, "rv_%s_%s", fresh.id, fresh.secret);
    return rv_access_add(tx, &row, err);
}

int harness_setup(void **state)
{
    struct harness *h = rv_zalloc(sizeof *h);
    struct rv_error err;
    h->wall = 1793000000000;
    h->mono = 1000000;
    h->clock = (struct rv_clock){wall, monotonic, h};
    h->loop = (struct rv_loop){&loop_ops, h, &h->clock};
    h->issuer = (struct rv_issuer){&issuer_ops, h};
    struct rv_store_options store = {
        .path = ":memory:", .loop = &h->loop, .digest = rv_sha256, .clock = &h->clock, .inline_work = true};
    assert_int_equal(rv_store_open(&store, &h->store, &err), RV_OK);
    assert_int_equal(rv_store_write_now(h->store, make_admin, h, &err), RV_OK);
    struct rv_api_options api = {
        .store = h->store,
        .issuers = &h->issuer,
        .issuer_count = 1,
        .loop = &h->loop,
        .digest = rv_sha256,
        .random = rv_random,
        .version = "1.2.3",
        .instance = "i-1",
        .base_url = "https://reeve.example:8443",
        .files = files,
        .file_count = RV_COUNT(files),
        .ready = ready,
        .ready_arg = h,
        .store_queue = queue_length,
        .mismatch = mismatch,
        .mismatch_arg = h,
        .max_streams = 3,
    };
    h->api = rv_api_create(&api);
    *state = h;
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *h = *state;
    rv_api_stop(h->api);
    run(h);
    int calls = (int)h->api->calls, mismatches = h->mismatches;
    rv_api_destroy(h->api);
    rv_store_close(h->store);
    run(h);
    while (h->timers != NULL)
        timer_stop(h, h->timers);
    while (h->exchanges != NULL) {
        struct rv_http_exchange *x = h->exchanges;
        h->exchanges = x->next;
        json_decref(x->json);
        rv_buf_fini(&x->body);
        rv_arena_destroy(x->arena);
        rv_free(x);
    }
    rv_free(h);
    if (calls != 0)
        print_error("%d calls were never counted as over\n", calls);
    return mismatches != 0 || calls != 0;
}

const char *token_of(struct harness *h, const char *role)
{
    static char tokens[8][RV_SECRET_TEXT];
    static size_t at;
    char body[200];
    snprintf(body, sizeof body, "{\"name\":\"t-%s\",\"role\":\"%s\"}", role, role);
    struct rv_http_exchange *x = post(h, "/api/v1/tokens", body);
    assert_int_equal(x->status, 201);
    char *out = tokens[at++ % RV_COUNT(tokens)];
    snprintf(out, RV_SECRET_TEXT, "%s", text(x, "token"));
    return out;
}

void assert_problem(const struct rv_http_exchange *x, int status, const char *code, const char *contains)
{
    char all[1200];
    snprintf(all, sizeof all, "%s | %s | %s", text(x, "where"), text(x, "detail"), text(x, "hint"));
    if (x->status != status)
        print_error("status %d, expected %d: %s\n", x->status, status, rv_buf_text(&x->body));
    assert_int_equal(x->status, status);
    assert_string_equal(x->content_type, "application/problem+json");
    assert_int_equal(rv_json_get_int(x->json, "status", 0), status);
    assert_string_equal(text(x, "code"), code);
    assert_string_equal(text(x, "type"), "about:blank");
    if (strstr(all, contains) == NULL)
        fail_msg("\"%s\" is not in: %s", contains, all);
}

void declare_shop(struct harness *h)
{
    struct rv_http_exchange *x = post(
        h, "/api/v1/apply",
        "{\"documents\":["
        "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"edge-1\",\"labels\":{\"role\":\"edge\"}},"
        "\"spec\":{\"connector\":\"local\",\"server\":{\"kind\":\"nginx\",\"certificateFile\":\"/t/1/{certificate}.crt\","
        "\"privateKeyFile\":\"/t/1/{certificate}.key\"},\"directory\":\"/t/1/reeve\",\"endpoints\":[\"127.0.0.1:8441\"]}},"
        "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"edge-2\",\"labels\":{\"role\":\"edge\"}},"
        "\"spec\":{\"connector\":\"local\",\"server\":{\"kind\":\"nginx\",\"certificateFile\":\"/t/2/{certificate}.crt\","
        "\"privateKeyFile\":\"/t/2/{certificate}.key\"},\"directory\":\"/t/2/reeve\",\"endpoints\":[\"127.0.0.1:8442\"]}},"
        "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"shop\",\"owner\":\"team-pay\"},"
        "\"spec\":{\"dnsNames\":[\"shop.example.com\"],\"deploy\":{\"targets\":{\"matchLabels\":{\"role\":\"edge\"}}}}}]}");
    if (x->status != 200)
        print_error("%s\n", rv_buf_text(&x->body));
    assert_int_equal(x->status, 200);
}
