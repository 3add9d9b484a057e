/* engine/apply: from declared objects to bindings. */
#include <stdio.h>

#include "engine/engine.h"
#include "pki/digest.h"
#include "port/store_audit.h"
#include "port/store_object.h"
#include "unit/engine/tests.h"

#define NOW ((rv_time)1800000000000)

static struct rv_store *store;

static int open_store(void **state)
{
    (void)state;
    struct rv_store_options options = {.path = ":memory:", .digest = rv_sha256, .inline_work = true};
    return rv_store_open(&options, &store, NULL) == RV_OK ? 0 : -1;
}

static int close_store(void **state)
{
    (void)state;
    rv_store_close(store);
    return 0;
}

#define TARGET(name, labels, endpoints)                                                                                     \
    "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"" name "\",\"labels\":{" labels "}},"        \
    "\"spec\":{\"connector\":\"local\",\"server\":{\"kind\":\"nginx\",\"certificateFile\":\"/tls/{certificate}.crt\","      \
    "\"privateKeyFile\":\"/tls/{certificate}.key\"},\"endpoints\":[" endpoints "]}}"
#define EDGE "\"role\":\"edge\""
#define CERTIFICATE(name, spec)                                                                                             \
    "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"" name                                  \
    "\"},\"spec\":{\"dnsNames\":[\"shop.example.com\"]" spec "}}"
#define TO_EDGE ",\"deploy\":{\"targets\":{\"matchLabels\":{" EDGE "}}}"

struct applied {
    const char *const *documents;
    size_t count;
    bool dry_run;
    enum rv_status status;
    int changes[4];
    char fault[300];
};

static void count_change(void *arg, const struct rv_change_row *row)
{
    ((struct applied *)arg)->changes[row->change]++;
}

static enum rv_status apply_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct applied *a = arg;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    const struct rv_object *set[16];
    for (size_t i = 0; i < a->count; i++) {
        RV_AUTO(json) json_t *document = NULL;
        struct rv_object *object = NULL;
        struct rv_fault *faults = NULL;
        assert_int_equal(rv_json_parse(rv_bytes_of(a->documents[i]), &document, err), RV_OK);
        assert_int_equal(rv_object_decode(document, arena, &object, &faults), RV_OK);
        set[i] = object;
    }
    struct rv_set_fault *faults = NULL;
    a->status = rv_apply(tx, rv_sha256, set, a->count, "user:test", a->dry_run, NOW, arena, count_change, a, &faults, err);
    if (faults != NULL)
        snprintf(a->fault, sizeof a->fault, "%s: %s", faults->fault.path, faults->fault.message);
    return a->status;
}

static struct applied apply(bool dry_run, const char *const *documents, size_t count)
{
    struct applied a = {.documents = documents, .count = count, .dry_run = dry_run};
    struct rv_error err = {0};
    enum rv_status status = rv_store_write_now(store, apply_fn, &a, &err);
    assert_int_equal(status, a.status);
    return a;
}
#define APPLY(...)                                                                                                          \
    apply(false, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

struct bindings {
    int count;
    struct rv_binding_row rows[8];
    char endpoints[8][300]; /* "address/serverName …" */
};

static bool add_binding(void *arg, const struct rv_binding_row *row)
{
    struct bindings *b = arg;
    b->rows[b->count++] = *row;
    return true;
}

static bool add_endpoint(void *arg, const struct rv_endpoint_row *row)
{
    char *out = arg;
    size_t used = strlen(out);
    snprintf(out + used, 300 - used, "%s%s/%s", used > 0 ? " " : "", row->address, row->server_name);
    return true;
}

static enum rv_status read_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct bindings *b = arg;
    enum rv_status status = rv_binding_each(tx, 0, 0, add_binding, b, err);
    for (int i = 0; status == RV_OK && i < b->count; i++)
        status = rv_endpoint_each(tx, b->rows[i].facts.id, add_endpoint, b->endpoints[i], err);
    return status;
}

static struct bindings read_bindings(void)
{
    struct bindings b = {0};
    assert_int_equal(rv_store_read_now(store, read_fn, &b, NULL), RV_OK);
    return b;
}

static void labels_select_targets_in_batches(void **state)
{
    (void)state;
    struct applied a =
        APPLY(CERTIFICATE("shop", TO_EDGE), TARGET("edge-2", EDGE, "\"10.0.0.2:443\""),
              TARGET("edge-1", EDGE, "\"edge-1.example.com:443\""), TARGET("other", "\"role\":\"db\"", "\"10.0.0.9:5432\""),
              TARGET("edge-3", EDGE, "{\"address\":\"10.0.0.3:443\",\"serverName\":\"vip.example.com\"}"));
    assert_int_equal(a.status, RV_OK);
    assert_int_equal(a.changes[RV_CHANGE_CREATE], 5);
    struct bindings b = read_bindings();
    assert_int_equal(b.count, 3);
    for (int i = 0; i < 3; i++) { /* by name, whatever the order of the set */
        assert_int_equal(b.rows[i].facts.wanted.ordinal, i);
        assert_int_equal(b.rows[i].facts.wanted.batch, i == 0 ? 0 : 1);
        assert_int_equal(b.rows[i].facts.wanted.endpoints, 1);
        assert_int_equal(b.rows[i].due_at, NOW);
        assert_true(b.rows[i].facts.wanted.deploys);
    }
    assert_string_equal(b.rows[0].target, "edge-1");
    assert_string_equal(b.endpoints[0], "edge-1.example.com:443/edge-1.example.com");
    assert_string_equal(b.endpoints[1], "10.0.0.2:443/shop.example.com");
    assert_string_equal(b.endpoints[2], "10.0.0.3:443/vip.example.com");
}

static void only_what_is_in_the_certificate_makes_a_new_one(void **state)
{
    (void)state;
    static const char *const target = TARGET("edge-1", EDGE, "\"10.0.0.1:443\"");
    APPLY(CERTIFICATE("shop", TO_EDGE), target);
    struct rv_hash first = read_bindings().rows[0].facts.wanted.spec;
    struct applied same = APPLY(CERTIFICATE("shop", TO_EDGE), target);
    assert_int_equal(same.changes[RV_CHANGE_NONE], 2);
    APPLY(CERTIFICATE("shop", TO_EDGE ",\"renewBefore\":\"50%\",\"mode\":\"Propose\""));
    struct bindings b = read_bindings();
    assert_memory_equal(&first, &b.rows[0].facts.wanted.spec, sizeof first);
    assert_int_equal(b.rows[0].facts.wanted.renew.percent, 50);
    assert_int_equal(b.rows[0].facts.wanted.mode, RV_MODE_PROPOSE);
    APPLY(CERTIFICATE("shop", TO_EDGE ",\"privateKey\":{\"algorithm\":\"RSA\",\"size\":2048}"));
    b = read_bindings();
    assert_memory_not_equal(&first, &b.rows[0].facts.wanted.spec, sizeof first);
}

static void endpoints_of_the_certificate(void **state)
{
    (void)state;
    static const char *const verify = CERTIFICATE("shop", TO_EDGE ",\"verify\":{\"endpoints\":[\"shop.example.com:443\"]}");
    /* A single target without endpoints is proved by those of the certificate. */
    APPLY(verify, TARGET("edge-1", EDGE, ""));
    struct bindings b = read_bindings();
    assert_int_equal(b.count, 1);
    assert_string_equal(b.endpoints[0], "shop.example.com:443/shop.example.com");
    /* With several, each has its own, and the service is watched as one more binding without a target. */
    APPLY(TARGET("edge-1", EDGE, "\"10.0.0.1:443\""), TARGET("edge-2", EDGE, "\"10.0.0.2:443\""));
    b = read_bindings();
    assert_int_equal(b.count, 3);
    assert_string_equal(b.endpoints[0], "10.0.0.1:443/shop.example.com");
    assert_string_equal(b.rows[2].target, "");
    assert_false(b.rows[2].facts.wanted.deploys);
    assert_string_equal(b.endpoints[2], "shop.example.com:443/shop.example.com");
}

static void a_target_that_changes_its_labels_comes_and_goes(void **state)
{
    (void)state;
    APPLY(CERTIFICATE("shop", TO_EDGE), TARGET("edge-1", EDGE, "\"10.0.0.1:443\""),
          TARGET("edge-2", EDGE, "\"10.0.0.2:443\""));
    assert_int_equal(read_bindings().count, 2);
    APPLY(TARGET("edge-2", "\"role\":\"spare\"", "\"10.0.0.2:443\""));
    struct bindings b = read_bindings();
    assert_int_equal(b.count, 1);
    APPLY(TARGET("edge-2", EDGE, "\"10.0.0.22:443\""));
    b = read_bindings();
    assert_int_equal(b.count, 2);
    assert_string_equal(b.endpoints[1], "10.0.0.22:443/shop.example.com");
}

static enum rv_status fail_often(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_binding_row row;
    (void)arg;
    enum rv_status status = rv_binding_find(tx, "shop", "edge-1", &row, err);
    row.facts.budget.failures = 5;
    row.facts.budget.not_before = NOW + RV_HOUR(5);
    row.facts.served.observed_at = NOW - 1;
    row.due_at = NOW + RV_HOUR(5);
    return status == RV_OK ? rv_binding_save(tx, &row, err) : status;
}

static void a_change_by_a_person_ends_the_back_off(void **state)
{
    (void)state;
    APPLY(CERTIFICATE("shop", TO_EDGE), TARGET("edge-1", EDGE, "\"10.0.0.1:443\""));
    assert_int_equal(rv_store_write_now(store, fail_often, NULL, NULL), RV_OK);
    APPLY(CERTIFICATE("shop", TO_EDGE)); /* nothing changed: nothing is touched */
    assert_int_equal(read_bindings().rows[0].facts.budget.failures, 5);
    APPLY(TARGET("edge-1", EDGE, "\"10.0.0.1:8443\""));
    struct rv_binding_row row = read_bindings().rows[0];
    assert_int_equal(row.facts.budget.failures, 0);
    assert_int_equal(row.facts.budget.not_before, 0);
    assert_int_equal(row.facts.served.observed_at, 0); /* what was seen was seen elsewhere */
    assert_int_equal(row.due_at, NOW);
}

static void a_dry_run_and_a_refusal_store_nothing(void **state)
{
    (void)state;
    static const char *const good[] = {CERTIFICATE("shop", TO_EDGE), TARGET("edge-1", EDGE, "\"10.0.0.1:443\"")};
    struct applied a = apply(true, good, 2);
    assert_int_equal(a.status, RV_OK);
    assert_int_equal(a.changes[RV_CHANGE_CREATE], 2);
    assert_int_equal(read_bindings().count, 0);
    a = APPLY(CERTIFICATE("shop", ",\"deploy\":{\"targets\":{\"names\":[\"nowhere\"]}}"));
    assert_int_equal(a.status, RV_INVALID);
    assert_non_null(strstr(a.fault, "spec.deploy.targets.names[0]: there is no Target \"nowhere\""));
    assert_int_equal(read_bindings().count, 0);
}

struct removal {
    enum rv_kind kind;
    const char *name;
    struct rv_error err;
};

static enum rv_status remove_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct removal *r = arg;
    return rv_remove(tx, rv_sha256, r->kind, r->name, "user:test", NOW, err);
}

static enum rv_status remove_object(enum rv_kind kind, const char *name, struct rv_error *err)
{
    struct removal r = {kind, name, {0}};
    return rv_store_write_now(store, remove_fn, &r, err);
}

static enum rv_status find_removed(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_binding_find(tx, "shop", "edge-1", arg, err);
}

static void removing(void **state)
{
    (void)state;
    struct rv_error err = {0};
    APPLY(CERTIFICATE("shop", ",\"deploy\":{\"targets\":{\"names\":[\"edge-1\"]}}"),
          TARGET("edge-1", EDGE, "\"10.0.0.1:443\""));
    assert_int_equal(remove_object(RV_KIND_TARGET, "edge-1", &err), RV_CONFLICT);
    assert_non_null(strstr(err.message, "certificate shop still needs Target edge-1"));
    assert_int_equal(remove_object(RV_KIND_CERTIFICATE, "nothing", &err), RV_NOT_FOUND);
    assert_int_equal(remove_object(RV_KIND_CERTIFICATE, "shop", &err), RV_OK);
    assert_int_equal(read_bindings().count, 0);
    struct rv_binding_row row;
    assert_int_equal(rv_store_read_now(store, find_removed, &row, &err), RV_OK);
    assert_true(row.facts.wanted.deleted); /* its facts stay for the record */
    assert_int_equal(remove_object(RV_KIND_TARGET, "edge-1", &err), RV_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_store, close_store)
const struct CMUnitTest apply_tests[] = {
    TEST(labels_select_targets_in_batches),
    TEST(only_what_is_in_the_certificate_makes_a_new_one),
    TEST(endpoints_of_the_certificate),
    TEST(a_target_that_changes_its_labels_comes_and_goes),
    TEST(a_change_by_a_person_ends_the_back_off),
    TEST(a_dry_run_and_a_refusal_store_nothing),
    TEST(removing),
};
const size_t apply_test_count = RV_COUNT(apply_tests);
