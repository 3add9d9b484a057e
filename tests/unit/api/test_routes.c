/* api: the route table is whole, finds what it should, lets in whom it should, and its document hangs together. */
#include "harness.h"

static const struct {       /* who may; spelled out here, so that a slip in the role table shows */
    const char *id, *roles; /* a admin, o operator, i issuer, v viewer; "*": anyone at all */
} matrix[] = {
    {"getStatus", "aov"},
    {"listCertificates", "aov"},
    {"getCertificate", "aov"},
    {"deleteCertificate", "a"},
    {"whyCertificate", "aov"},
    {"getRollout", "aov"},
    {"renewCertificate", "ao"},
    {"verifyCertificate", "ao"},
    {"approveCertificate", "ao"},
    {"listTargets", "aov"},
    {"getTarget", "aov"},
    {"deleteTarget", "a"},
    {"listProfiles", "aov"},
    {"getProfile", "aov"},
    {"deleteProfile", "a"},
    {"listIssuers", "aov"},
    {"getIssuer", "aov"},
    {"deleteIssuer", "a"},
    {"apply", "ao"},
    {"getPlan", "aov"},
    {"issueCertificate", "aoi"},
    {"getIssued", "aoiv"},
    {"listIssued", "aoiv"},
    {"listAudit", "aov"},
    {"verifyAudit", "aov"},
    {"streamEvents", "aov"},
    {"acceptClock", "a"},
    {"createToken", "a"},
    {"listTokens", "a"},
    {"revokeToken", "a"},
    {"createLink", "a"},
    {"signIn", "*"},
    {"getSession", "aoiv"},
    {"signOut", "aoiv"},
    {"getOpenapi", "*"},
    {"getSchema", "*"},
    {"getMetrics", "aov"},
    {"getHealth", "*"},
    {"getReady", "*"},
};

static const char *roles_of(const char *id)
{
    for (size_t i = 0; i < RV_COUNT(matrix); i++)
        if (strcmp(matrix[i].id, id) == 0)
            return matrix[i].roles;
    fail_msg("%s is not in the matrix of this test: say who may", id);
    return "";
}

static void the_table_is_whole(void **state)
{
    (void)state;
    assert_true(rv_route_count <= RV_METRIC_ROUTES);
    assert_int_equal(rv_route_count, RV_COUNT(matrix));
    for (size_t i = 0; i < rv_route_count; i++) {
        const struct rv_route *r = &rv_routes[i];
        assert_int_equal((r->read != NULL) + (r->write != NULL) + (r->start != NULL), 1);
        assert_non_null(r->summary);
        assert_true(r->read == NULL || r->method == RV_GET);
        assert_true(r->answer != NULL || r->content_type != NULL || r->status == 204);
        assert_true(r->request == NULL || r->method == RV_POST);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(r->id, rv_routes[k].id);
            assert_false(r->method == rv_routes[k].method && strcmp(r->pattern, rv_routes[k].pattern) == 0);
        }
    }
}

static void paths_are_found(void **state)
{
    (void)state;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct rv_route_match m;
    rv_route_find(RV_GET, "/api/v1/certificates/shop/why", arena, &m);
    assert_string_equal(m.route->id, "whyCertificate");
    assert_string_equal(m.params[0], "shop");
    rv_route_find(RV_GET, "/api/v1/issuers/internal/certificates/0a", arena, &m);
    assert_string_equal(m.params[0], "internal");
    assert_string_equal(m.params[1], "0a");
    rv_route_find(RV_HEAD, "/api/v1/status", arena, &m);
    assert_string_equal(m.route->id, "getStatus");
    rv_route_find(RV_PUT, "/api/v1/session", arena, &m);
    assert_null(m.route);
    assert_true(m.path_known);
    assert_string_equal(rv_route_allow(m.methods, arena), "GET, HEAD, POST, DELETE");
    rv_route_find(RV_GET, "/api/v1/audit/verify", arena, &m);
    assert_string_equal(m.route->id, "verifyAudit");
    const char *const nothing[] = {"/",
                                   "/api/v1",
                                   "/api/v1/certificates/",
                                   "/api/v1/certificates/a/b",
                                   "/api/v1/status/",
                                   "/api/v1/statu",
                                   "/api/v1/certificates//why"};
    for (size_t i = 0; i < RV_COUNT(nothing); i++) {
        rv_route_find(RV_GET, nothing[i], arena, &m);
        assert_false(m.path_known);
    }
}

/* The path of a row with names that exist nowhere. */
static const char *path_of(const struct rv_route *r)
{
    static char path[200];
    size_t n = 0;
    for (const char *p = r->pattern; *p != '\0'; p++) {
        if (*p != '{') {
            path[n++] = *p;
            continue;
        }
        memcpy(path + n, "0a1b", 4);
        n += 4;
        p = strchr(p, '}');
    }
    path[n] = '\0';
    return path;
}

static struct rv_http_exchange *knock(struct harness *h, const struct rv_route *r, const char *token)
{
    struct rv_http_exchange *x = ask(
        h, &(struct ask){.method = r->method, .path = path_of(r), .token = token, .body = r->request != NULL ? "{}" : NULL});
    if (x->streaming)
        rv_http_stream_end(x);
    return x;
}

static void only_those_who_may_come_in(void **state)
{
    struct harness *h = *state;
    for (const char *const *role = rv_role_names; *role != NULL; role++) {
        char token[RV_SECRET_TEXT];
        snprintf(token, sizeof token, "%s", token_of(h, *role));
        for (size_t i = 0; i < rv_route_count; i++) {
            const char *may = roles_of(rv_routes[i].id);
            bool in = *may == '*' || strchr(may, (*role)[0]) != NULL;
            struct rv_http_exchange *x = knock(h, &rv_routes[i], token);
            bool sign_in = strcmp(rv_routes[i].id, "signIn") == 0;
            if (!in)
                assert_problem(x, 403, "denied", *role);
            else if (x->status == 403 || (x->status == 401 && !sign_in))
                fail_msg("%s may not %s: %d", *role, rv_routes[i].id, x->status);
        }
    }
}

static void strangers_stay_out(void **state)
{
    struct harness *h = *state;
    for (size_t i = 0; i < rv_route_count; i++) {
        struct rv_http_exchange *x = knock(h, &rv_routes[i], NULL);
        if (*roles_of(rv_routes[i].id) == '*') {
            assert_true(x->status != 401 || strcmp(rv_routes[i].id, "signIn") == 0);
        } else {
            assert_problem(x, 401, "denied", "sign-in");
            assert_non_null(strstr(header(x, "www-authenticate"), "Bearer"));
        }
    }
    assert_false(rv_role_may("", RV_MAY_READ));
    assert_false(rv_role_may("root", RV_MAY_READ));
    assert_true(rv_role_may("", RV_MAY_ANYONE));
}

/* ---- OpenAPI ---- */

static void check_references(const json_t *v, const json_t *document)
{
    const char *name;
    json_t *member;
    size_t i;
    if (json_is_array(v))
        json_array_foreach (v, i, member)
            check_references(member, document);
    json_object_foreach ((json_t *)v, name, member) {
        if (strcmp(name, "$ref") == 0) {
            const char *ref = json_string_value(member);
            assert_true(strncmp(ref, "#/components/", 13) == 0);
            char group[32];
            const char *slash = strchr(ref + 13, '/');
            snprintf(group, sizeof group, "%.*s", (int)(slash - ref - 13), ref + 13);
            if (json_object_get(json_object_get(json_object_get(document, "components"), group), slash + 1) == NULL)
                fail_msg("%s points nowhere", ref);
        } else {
            check_references(member, document);
        }
    }
}

static void the_document_hangs_together(void **state)
{
    struct harness *h = *state;
    struct rv_http_exchange *x = ask(h, &(struct ask){.path = "/api/v1/openapi.json"});
    assert_int_equal(x->status, 200);
    assert_string_equal(text(x, "openapi"), "3.1.0");
    check_references(x->json, x->json);
    const json_t *paths = json_object_get(x->json, "paths");
    size_t operations = 0;
    const char *path, *verb;
    json_t *item, *operation;
    json_object_foreach ((json_t *)paths, path, item) {
        json_object_foreach (item, verb, operation) {
            operations++;
            assert_non_null(json_object_get(operation, "operationId"));
            assert_non_null(json_object_get(operation, "responses"));
        }
    }
    assert_int_equal(operations, rv_route_count);
    x = ask(h, &(struct ask){.path = "/api/v1/schema.json"});
    assert_int_equal(x->status, 200);
    assert_non_null(json_object_get(x->json, "$schema"));
}

static void shapes_find_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *value, *path, *message;
    } cases[] = {
        {"[]", "", "expected an object"},
        {"{\"profile\":\"p\"}", "csr", "missing"},
        {"{\"profile\":1,\"csr\":\"x\"}", "profile", "expected text"},
        {"{\"profile\":\"p\",\"csr\":\"x\",\"crs\":\"x\"}", "crs", "did you mean \"csr\"?"},
        {"{\"profile\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"csr\":\"x\"}", "profile",
         "63"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
        RV_AUTO(json) json_t *v = json_loads(cases[i].value, 0, NULL);
        struct rv_fault *faults = NULL;
        rv_shape_check(&rv_shape_issue_request, v, arena, &faults);
        assert_non_null(faults);
        assert_string_equal(faults->path, cases[i].path);
        assert_non_null(strstr(faults->message, cases[i].message));
        assert_null(faults->next);
    }
}

static void a_table_of_failures_stays_small(void **state)
{
    (void)state;
    static struct rv_throttle t;
    for (int i = 0; i < RV_THROTTLE_FAILURES; i++) {
        assert_int_equal(rv_throttle_wait(&t, "2001:db8::1", 5000), 0);
        rv_throttle_failed(&t, "2001:db8::1", 5000);
    }
    assert_true(rv_throttle_wait(&t, "2001:db8::1", 5000) > 0);
    assert_true(rv_throttle_wait(&t, "2001:db8::ffff", 5000) > 0); /* the same /64 */
    assert_int_equal(rv_throttle_wait(&t, "2001:db8:0:1::1", 5000), 0);
    assert_int_equal(rv_throttle_wait(&t, "2001:db8::1", 5000 + RV_THROTTLE_WINDOW), 0);
    rv_throttle_failed(&t, "2001:db8::1", 5000 + RV_THROTTLE_WINDOW);
    assert_int_equal(rv_throttle_wait(&t, "2001:db8::1", 5000 + RV_THROTTLE_WINDOW), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, harness_setup, harness_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(paths_are_found),
        cmocka_unit_test(shapes_find_what_is_wrong),
        cmocka_unit_test(a_table_of_failures_stays_small),
        T(only_those_who_may_come_in),
        T(strangers_stay_out),
        T(the_document_hangs_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
