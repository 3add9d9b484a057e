/* api: tokens, sign-in links, sessions, cross-site requests, throttling and idempotency keys. */
#include "harness.h"

#include <stdio.h>

/* ---- tokens ---- */

static void a_token_lives_until_it_is_revoked(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = post(h, "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"viewer\",\"expiresIn\":\"30d\"}");
    assert_int_equal(x->status, 201);
    char token[RV_SECRET_TEXT], id[40], path[80];
    snprintf(token, sizeof token, "%s", text(x, "token"));
    snprintf(id, sizeof id, "%s", text(x, "id"));
    assert_true(strncmp(token, "rv_", 3) == 0);
    assert_int_equal(strlen(token), 3 + 16 + 1 + 64);

    x = ask(h, &(struct ask){.path = "/api/v1/session", .token = token});
    assert_int_equal(x->status, 200);
    assert_string_equal(text(x, "name"), "ci");
    assert_string_equal(text(x, "role"), "viewer");
    assert_null(json_object_get(x->json, "csrf"));

    x = get(h, "/api/v1/tokens");
    assert_int_equal(x->status, 200);
    assert_null(strstr(rv_buf_text(&x->body), strchr(token + 3, '_') + 1)); /* the secret is nowhere */
    assert_non_null(strstr(rv_buf_text(&x->body), "usedAt"));

    snprintf(path, sizeof path, "/api/v1/tokens/%s", id);
    x = ask(h, &(struct ask){.method = RV_DELETE, .path = path, .token = h->admin});
    assert_int_equal(x->status, 204);
    x = ask(h, &(struct ask){.path = "/api/v1/session", .token = token}); /* at once, though it was remembered */
    assert_problem(x, 401, "denied", "not valid");
    x = ask(h, &(struct ask){.method = RV_DELETE, .path = path, .token = h->admin});
    assert_problem(x, 409, "conflict", "");
    x = ask(h, &(struct ask){.method = RV_DELETE, .path = "/api/v1/tokens/nothing", .token = h->admin});
    assert_problem(x, 404, "notFound", "tokens/nothing");
    x = get(h, "/api/v1/audit");
    assert_non_null(strstr(rv_buf_text(&x->body), "token.revoked"));
    assert_null(strstr(rv_buf_text(&x->body), strchr(token + 3, '_') + 1));
}

static void a_token_expires(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = post(h, "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"viewer\",\"expiresIn\":\"1h\"}");
    char token[RV_SECRET_TEXT];
    snprintf(token, sizeof token, "%s", text(x, "token"));
    pass(h, RV_MIN(59));
    assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .token = token})->status, 200);
    pass(h, RV_MIN(1)); /* inside the time that a look-up is remembered */
    assert_problem(ask(h, &(struct ask){.path = "/api/v1/session", .token = token}), 401, "denied", "not valid");
}

static void bad_tokens_are_not_made(void **state)
{
    struct harness *h = *state;
    static const char *const cases[][2] = {
        {"{\"name\":\"ci\",\"role\":\"king\"}", "role"},
        {"{\"name\":\"ci\"}", "role"},
        {"{\"name\":\"C I\",\"role\":\"viewer\"}", "name"},
        {"{\"name\":\"ci\",\"role\":\"viewer\",\"expiresIn\":\"366d\"}", "expiresIn"},
        {"{\"name\":\"ci\",\"role\":\"viewer\",\"expiresIn\":\"never\"}", "expiresIn"},
        {"{\"name\":\"ci\",\"role\":\"viewer\",\"expires\":\"1d\"}", "expires"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++)
        assert_problem(post(h, "/api/v1/tokens", cases[i][0]), 400, "invalid", cases[i][1]);
    assert_int_equal(json_array_size(json_object_get(get(h, "/api/v1/tokens")->json, "items")), 1);
}

static void guesses_are_refused_and_slowed_down(void **state)
{
    struct harness *h = *state;
    char wrong[RV_SECRET_TEXT];
    snprintf(wrong, sizeof wrong, "%s", h->admin);
    char *last = wrong + strlen(wrong) - 1; /* still a digit: what is no token at all is no guess */
    *last = *last == '0' ? '1' : '0';
    static const char *const odd[] = {"", "rv_", "rv_1_2", "rv_nonsense_nonsense", "hello", "rv_0123456789abcdef_"};
    struct rv_http_exchange *first = ask(h, &(struct ask){.path = "/api/v1/status", .token = wrong});
    assert_problem(first, 401, "denied", "not valid");
    for (size_t i = 0; i < RV_COUNT(odd); i++) {
        struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/api/v1/status", .token = odd[i]});
        assert_int_equal(x->status, 401);
        assert_string_equal(rv_buf_text(&x->body), rv_buf_text(&first->body)); /* one answer for all */
    }
    for (int i = 0; i < RV_THROTTLE_FAILURES; i++)
        ask(h, &(struct ask){.path = "/api/v1/status", .token = wrong});
    struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/api/v1/status", .token = wrong});
    assert_problem(x, 429, "limited", "failed sign-ins");
    assert_non_null(header(x, "retry-after"));
    x = ask(h, &(struct ask){.path = "/api/v1/status", .token = h->admin, .peer = "192.0.2.2"}); /* others are not */
    assert_int_equal(x->status, 200);
    pass(h, RV_THROTTLE_WINDOW);
    assert_int_equal(get(h, "/api/v1/status")->status, 200);
}

static void the_sockets_peer_is_the_login(void **state)
{
    struct harness *h = *state;
    struct ask a = {.path = "/api/v1/session", .via = RV_VIA_SOCKET, .uid = h->api->identities.uid};
    struct rv_http_exchange *x = ask(h, &a);
    assert_int_equal(x->status, 200);
    assert_string_equal(text(x, "role"), "admin");
    a.uid = 0;
    assert_string_equal(text(ask(h, &a), "name"), "root");
    a.uid = h->api->identities.uid + 4711;
    assert_problem(ask(h, &a), 401, "denied", "sign-in");
    a.token = h->admin; /* a token counts there too */
    assert_string_equal(text(ask(h, &a), "name"), "boss");
    a = (struct ask){.path = "/api/v1/session", .via = RV_VIA_PLAIN, .uid = 0};
    assert_int_equal(ask(h, &a)->status, 401);
}

/* ---- sessions ---- */

struct session {
    char cookie[256], csrf[80];
};

static struct rv_http_exchange *sign_in(struct harness *h, const char *code)
{
    char body[256];
    snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
    return ask(h, &(struct ask){.method = RV_POST, .path = "/api/v1/session", .body = body});
}

static struct session signed_in(struct harness *h, const char *role)
{
    struct session s;
    char body[80];
    snprintf(body, sizeof body, "{\"name\":\"anna\",\"role\":\"%s\"}", role);
    struct rv_http_exchange *link = post(h, "/api/v1/links", body);
    assert_int_equal(link->status, 201);
    assert_true(strncmp(text(link, "url"), "https://reeve.example:8443/signin#", 34) == 0);
    assert_string_equal(text(link, "url") + 34, text(link, "code"));
    struct rv_http_exchange *x = sign_in(h, text(link, "code"));
    assert_int_equal(x->status, 200);
    const char *cookie = header(x, "set-cookie");
    assert_true(strncmp(cookie, "__Host-reeve=", 13) == 0);
    assert_non_null(strstr(cookie, "; Path=/; Secure; HttpOnly; SameSite=Strict"));
    assert_null(strstr(cookie, "Domain"));
    snprintf(s.cookie, sizeof s.cookie, "other=1; %.*s", (int)strcspn(cookie, ";"), cookie);
    snprintf(s.csrf, sizeof s.csrf, "%s", text(x, "csrf"));
    assert_int_equal(strlen(s.csrf), 64);
    /* a link opens once */
    assert_problem(sign_in(h, text(link, "code")), 401, "denied", "used already");
    return s;
}

static void a_link_opens_a_session_once(void **state)
{
    struct harness *h = *state;
    struct session s = signed_in(h, "operator");
    struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie});
    assert_int_equal(x->status, 200);
    assert_string_equal(text(x, "csrf"), s.csrf);
    assert_string_equal(text(x, "role"), "operator");
    /* cookies count on TLS only */
    x = ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie, .via = RV_VIA_PLAIN});
    assert_int_equal(x->status, 401);
    x = sign_in(h, "0123456789abcdef_00");
    assert_problem(x, 401, "denied", "reeve token link");
    x = ask(h,
            &(struct ask){.method = RV_POST, .path = "/api/v1/session", .body = "{\"code\":\"x\"}", .via = RV_VIA_SOCKET});
    assert_problem(x, 403, "denied", "https");
}

static void a_link_expires(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *link = post(h, "/api/v1/links", "{}");
    char code[RV_SECRET_TEXT];
    snprintf(code, sizeof code, "%s", text(link, "code"));
    assert_string_equal(text(link, "name"), "boss");
    pass(h, RV_MIN(15));
    assert_problem(sign_in(h, code), 401, "denied", "expired");
    assert_problem(post(h, "/api/v1/links", "{\"expiresIn\":\"25h\"}"), 400, "invalid", "expiresIn");
}

static void a_session_ends_by_itself(void **state)
{
    struct harness *h = *state;
    struct session s = signed_in(h, "viewer");
    for (int i = 0; i < 4; i++) { /* in use: it goes on */
        pass(h, RV_MIN(14));
        assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie})->status, 200);
    }
    pass(h, RV_MIN(15));
    assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie})->status, 401);
    s = signed_in(h, "viewer");
    for (int i = 0; i < 3; i++) { /* a page that is merely open is no use of it */
        struct ask background = {.path = "/api/v1/status", .cookie = s.cookie, .headers = {{"x-reeve-background", "1"}}};
        assert_int_equal(ask(h, &background)->status, i < 2 ? 200 : 401);
        pass(h, RV_MIN(7) + RV_SEC(30));
    }
    s = signed_in(h, "viewer");
    for (int i = 0; i < 71; i++) {
        pass(h, RV_MIN(10));
        assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie})->status, 200);
    }
    pass(h, RV_MIN(10)); /* twelve hours, however busy */
    assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie})->status, 401);
}

static void signing_out_ends_it_at_once(void **state)
{
    struct harness *h = *state;
    struct session s = signed_in(h, "viewer");
    struct ask out = {
        .method = RV_DELETE, .path = "/api/v1/session", .cookie = s.cookie, .headers = {{"x-csrf-token", s.csrf}}};
    struct rv_http_exchange *x = ask(h, &out);
    assert_int_equal(x->status, 204);
    assert_non_null(strstr(header(x, "set-cookie"), "Max-Age=0"));
    assert_int_equal(ask(h, &(struct ask){.path = "/api/v1/session", .cookie = s.cookie})->status, 401);
}

static void requests_from_other_sites_are_refused(void **state)
{
    struct harness *h = *state;
    struct session s = signed_in(h, "admin");
    const char *body = "{\"name\":\"x\",\"role\":\"admin\"}", *path = "/api/v1/tokens";
    struct ask a = {.method = RV_POST, .path = path, .body = body, .cookie = s.cookie};
    assert_problem(ask(h, &a), 403, "denied", "X-CSRF-Token");
    a.headers[0] = (struct rv_http_header){"x-csrf-token", "00"};
    assert_problem(ask(h, &a), 403, "denied", "X-CSRF-Token");
    char other[80];
    snprintf(other, sizeof other, "%s", s.csrf);
    other[0] = other[0] == 'a' ? 'b' : 'a';
    a.headers[0].value = other;
    assert_problem(ask(h, &a), 403, "denied", "X-CSRF-Token");
    a.headers[0].value = s.csrf;
    a.headers[1] = (struct rv_http_header){"origin", "https://evil.example"};
    assert_problem(ask(h, &a), 403, "denied", "evil.example");
    a.headers[1].value = "null";
    assert_int_equal(ask(h, &a)->status, 403);
    a.headers[1] = (struct rv_http_header){"sec-fetch-site", "cross-site"};
    assert_problem(ask(h, &a), 403, "denied", "cross-site");
    a.headers[1].value = "same-origin";
    a.headers[2] = (struct rv_http_header){"origin", "https://reeve.example:8443"};
    assert_int_equal(ask(h, &a)->status, 201);
    /* reading needs no token; signing in from elsewhere is refused too */
    assert_int_equal(ask(h, &(struct ask){.path = path, .cookie = s.cookie})->status, 200);
    a = (struct ask){.method = RV_POST,
                     .path = "/api/v1/session",
                     .body = "{\"code\":\"x\"}",
                     .headers = {{"origin", "https://evil.example"}}};
    assert_problem(ask(h, &a), 403, "denied", "evil.example");
}

/* ---- idempotency keys ---- */

static struct rv_http_exchange *keyed(struct harness *h, const char *path, const char *body, const char *key)
{
    return ask(h,
               &(struct ask){
                   .method = RV_POST, .path = path, .token = h->admin, .body = body, .headers = {{"idempotency-key", key}}});
}

static void a_repeated_key_gives_the_first_answer(void **state)
{
    struct harness *h = *state;
    declare_shop(h);
    struct rv_http_exchange *a = keyed(h, "/api/v1/certificates/shop/renew", "{}", "k1");
    assert_int_equal(a->status, 202);
    int64_t rows = rv_json_get_int(get(h, "/api/v1/audit/verify")->json, "count", 0);
    struct rv_http_exchange *b = keyed(h, "/api/v1/certificates/shop/renew", "{}", "k1");
    assert_int_equal(b->status, 202);
    assert_string_equal(rv_buf_text(&a->body), rv_buf_text(&b->body));
    assert_non_null(header(b, "idempotent-replayed"));
    assert_int_equal(rv_json_get_int(get(h, "/api/v1/audit/verify")->json, "count", 0), rows); /* nothing was done */
    assert_problem(keyed(h, "/api/v1/certificates/shop/verify", "{}", "k1"), 409, "conflict", "another request");
    assert_problem(keyed(h, "/api/v1/certificates/shop/renew", "{}", "with blanks"), 400, "invalid", "Idempotency-Key");
    char longer[102];
    memset(longer, 'k', 101);
    longer[101] = '\0';
    assert_problem(keyed(h, "/api/v1/certificates/shop/renew", "{}", longer), 400, "invalid", "Idempotency-Key");
    /* somebody else's key is another key */
    struct ask c = {.method = RV_POST,
                    .path = "/api/v1/certificates/shop/verify",
                    .token = token_of(h, "operator"),
                    .body = "{}",
                    .headers = {{"idempotency-key", "k1"}}};
    assert_int_equal(ask(h, &c)->status, 202);
}

static void secrets_are_not_kept_for_a_key(void **state)
{
    struct harness *h = *state;
    const char *body = "{\"name\":\"ci\",\"role\":\"viewer\"}";
    assert_int_equal(keyed(h, "/api/v1/tokens", body, "k2")->status, 201);
    assert_problem(keyed(h, "/api/v1/tokens", body, "k2"), 409, "conflict", "shown then");
}

static void an_issue_is_not_doubled(void **state)
{
    struct harness *h = *state;
    RV_AUTO(json) json_t *wish = json_pack("{s:s,s:s}", "profile", "tls-server", "csr", csr_pem);
    RV_AUTO(char) char *body = rv_json_text(wish);
    struct rv_http_exchange *a = keyed(h, "/api/v1/issuers/internal/certificates", body, "k3");
    assert_int_equal(a->status, 201);
    char key[101];
    snprintf(key, sizeof key, "%s", h->last_key);
    struct rv_http_exchange *b = keyed(h, "/api/v1/issuers/internal/certificates", body, "k3");
    assert_int_equal(b->status, 201);
    assert_int_equal(h->issued, 1);
    assert_string_equal(rv_buf_text(&a->body), rv_buf_text(&b->body));
    /* a lost answer: the issuer refused to say, and is asked again under the same key */
    h->refuse.status = rv_fail(&h->refuse, RV_UNCERTAIN, "no answer");
    assert_problem(keyed(h, "/api/v1/issuers/internal/certificates", body, "k4"), 504, "uncertain", "no answer");
    snprintf(key, sizeof key, "%s", h->last_key);
    h->refuse.status = RV_OK;
    assert_int_equal(keyed(h, "/api/v1/issuers/internal/certificates", body, "k4")->status, 201);
    assert_string_equal(h->last_key, key);
    /* without a key each call is a wish of its own */
    int before = h->issued;
    post(h, "/api/v1/issuers/internal/certificates", body);
    assert_string_equal(h->last_key, "");
    post(h, "/api/v1/issuers/internal/certificates", body);
    assert_int_equal(h->issued, before + 2);
}

/* A Target names programs and credentials: an operator who could write one could become anybody (M-40). */
static void an_operator_declares_certificates_only(void **state)
{
    struct harness *h = *state;
    static const char profile[] = "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Profile\",\"metadata\":{\"name\":\"p\"},"
                                  "\"spec\":{\"duration\":\"%sd\"}}";
    static const char target[] =
        "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"t\"},\"spec\":{\"connector\":\"local\","
        "\"server\":{\"kind\":\"nginx\",\"binary\":\"/tmp/mine\",\"certificateFile\":\"/t/{certificate}.crt\","
        "\"privateKeyFile\":\"/t/{certificate}.key\"},\"directory\":\"/t/reeve\"}}";
    static const char certificate[] =
        "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"w\"},"
        "\"spec\":{\"dnsNames\":[\"a.example\"],\"mode\":\"Observe\",\"verify\":{\"endpoints\":[\"127.0.0.1:1\"]}}}";
    char bodies[5][1400], with_profile[400], other_profile[400];
    snprintf(with_profile, sizeof with_profile, profile, "30");
    snprintf(other_profile, sizeof other_profile, profile, "20");
    const char *sets[][2] = {{certificate, with_profile},
                             {certificate, target},
                             {certificate, NULL},
                             {certificate, with_profile},
                             {certificate, other_profile}};
    for (size_t i = 0; i < RV_COUNT(sets); i++)
        snprintf(bodies[i], sizeof bodies[i], "{\"documents\":[%s%s%s]}", sets[i][0], sets[i][1] != NULL ? "," : "",
                 sets[i][1] != NULL ? sets[i][1] : "");
    struct ask a = {.method = RV_POST, .path = "/api/v1/apply", .token = token_of(h, "operator"), .body = bodies[0]};
    assert_problem(ask(h, &a), 403, "denied", "Profile/p");
    a.body = bodies[1];
    assert_problem(ask(h, &a), 403, "denied", "Target/t");
    a.path = "/api/v1/apply?dryRun=true"; /* what would be refused is not promised */
    assert_problem(ask(h, &a), 403, "denied", "Target/t");
    assert_int_equal(get(h, "/api/v1/targets/t")->status, 404);
    assert_int_equal(get(h, "/api/v1/certificates/w")->status, 404); /* all or nothing */
    a.path = "/api/v1/apply";
    a.body = bodies[2];
    assert_int_equal(ask(h, &a)->status, 200);
    assert_int_equal(post(h, "/api/v1/apply", bodies[3])->status, 200);
    a.body = bodies[3]; /* what is as it was may stay in the set */
    assert_int_equal(ask(h, &a)->status, 200);
    a.body = bodies[4];
    assert_problem(ask(h, &a), 403, "denied", "Profile/p");
}

#define T(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_token_lives_until_it_is_revoked),
        T(a_token_expires),
        T(bad_tokens_are_not_made),
        T(guesses_are_refused_and_slowed_down),
        T(the_sockets_peer_is_the_login),
        T(a_link_opens_a_session_once),
        T(a_link_expires),
        T(a_session_ends_by_itself),
        T(signing_out_ends_it_at_once),
        T(requests_from_other_sites_are_refused),
        T(a_repeated_key_gives_the_first_answer),
        T(secrets_are_not_kept_for_a_key),
        T(an_issue_is_not_doubled),
        T(an_operator_declares_certificates_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
