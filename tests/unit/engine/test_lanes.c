/* engine: budgets of concurrency, one slow neighbour, stopping in the middle. */
#include <stdio.h>

#include "engine/engine.h"
#include "pki/digest.h"
#include "support/sim_host.h"
#include "unit/engine/tests.h"

#define CERTIFICATES 12

struct lab {
    struct sim_loop sim;
    struct sim_ca ca;
    struct sim_fleet fleet;
    struct rv_store *store;
    struct rv_engine *engine;
    /* Seen by the wrapped issuer and connector. */
    struct rv_issuer issuer;
    struct rv_connector connector;
    int asking, asking_most, touching[2], touching_most;
    bool stopped;
};
static struct lab *lab;

struct wrapped {
    void *done, *arg;
    int *counter;
};

static struct wrapped *enter(void *done, void *arg, int *counter, int *most)
{
    struct wrapped *w = rv_zalloc(sizeof *w);
    *w = (struct wrapped){done, arg, counter};
    if (++*counter > *most)
        *most = *counter;
    return w;
}

static void issued(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct wrapped w = *(struct wrapped *)arg;
    rv_free(arg);
    --*w.counter;
    ((rv_issue_done)w.done)(w.arg, status, result, err);
}

static void issue(void *ctx, const struct rv_issue_request *request, rv_issue_done done, void *arg)
{
    (void)ctx;
    lab->ca.issuer.ops->issue(&lab->ca, request, issued, enter((void *)done, arg, &lab->asking, &lab->asking_most));
}

static void find(void *ctx, const char *issuer, const char *key, rv_issue_done done, void *arg)
{
    (void)ctx;
    lab->ca.issuer.ops->find(&lab->ca, issuer, key, done, arg);
}

static void observed(void *arg, enum rv_status status, const struct rv_connector_result *result, const struct rv_error *err)
{
    struct wrapped w = *(struct wrapped *)arg;
    rv_free(arg);
    --*w.counter;
    ((rv_connector_done)w.done)(w.arg, status, result, err);
}

static void observe(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg)
{
    (void)ctx;
    int *counter = &lab->touching[strcmp(d->target, "edge-1") == 0];
    lab->fleet.connector.ops->observe(&lab->fleet, d, observed, enter((void *)done, arg, counter, &lab->touching_most));
}

static enum rv_status declare(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    const struct rv_object *set[CERTIFICATES + 2];
    struct rv_set_fault *set_faults = NULL;
    char text[600];
    for (int i = 0; i < CERTIFICATES + 2; i++) {
        if (i < 2)
            snprintf(text, sizeof text,
                     "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"edge-%d\"},\"spec\":{"
                     "\"connector\":\"local\",\"server\":{\"kind\":\"nginx\",\"certificateFile\":\"/{certificate}.crt\","
                     "\"privateKeyFile\":\"/{certificate}.key\"},\"endpoints\":[\"edge-%d:443\"]}}",
                     i + 1, i + 1);
        else
            snprintf(text, sizeof text,
                     "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"c%d\"},\"spec\":{"
                     "\"dnsNames\":[\"c%d.example.com\"],\"deploy\":{\"targets\":{\"names\":[\"edge-%d\"]}}}}",
                     i, i, i % 2 + 1);
        RV_AUTO(json) json_t *document = NULL;
        struct rv_object *object = NULL;
        struct rv_fault *faults = NULL;
        assert_int_equal(rv_json_parse(rv_bytes_of(text), &document, err), RV_OK);
        assert_int_equal(rv_object_decode(document, arena, &object, &faults), RV_OK);
        set[i] = object;
    }
    return rv_apply(tx, rv_sha256, set, CERTIFICATES + 2, "user:test", false, rv_now(&lab->sim.clock), arena, NULL, NULL,
                    &set_faults, err);
}

static int open_lab(void **state)
{
    (void)state;
    static struct rv_issuer_ops issuer_ops = {"builtin", issue, find};
    static struct rv_connector_ops ops;
    lab = rv_zalloc(sizeof *lab);
    sim_loop_init(&lab->sim, 3);
    sim_ca_init(&lab->ca, &lab->sim, rv_sha256);
    sim_fleet_init(&lab->fleet, &lab->sim, &lab->ca, rv_sha256);
    sim_host_add(&lab->fleet, "edge-1");
    sim_host_add(&lab->fleet, "edge-2");
    struct rv_store_options options = {.path = ":memory:", .loop = &lab->sim.loop, .digest = rv_sha256, .inline_work = true};
    if (rv_store_open(&options, &lab->store, NULL) != RV_OK)
        return -1;
    lab->ca.store = lab->store;
    ops = *lab->fleet.connector.ops;
    ops.observe = observe;
    lab->connector = (struct rv_connector){&ops, &lab->fleet};
    lab->issuer = (struct rv_issuer){&issuer_ops, lab};
    struct rv_engine_options engine = {.store = lab->store,
                                       .loop = &lab->sim.loop,
                                       .probe = &lab->fleet.probe,
                                       .connectors = &lab->connector,
                                       .connector_count = 1,
                                       .issuers = &lab->issuer,
                                       .issuer_count = 1,
                                       .digest = rv_sha256,
                                       .policy = rv_policy_default,
                                       .per_target = 4,
                                       .per_issuer = 2};
    lab->engine = rv_engine_create(&engine);
    return rv_store_write_now(lab->store, declare, NULL, NULL) == RV_OK ? 0 : -1;
}

static int close_lab(void **state)
{
    (void)state;
    rv_engine_destroy(lab->engine);
    while (lab->sim.count > 0)
        sim_loop_step(&lab->sim, INT64_MAX);
    rv_store_close(lab->store);
    sim_loop_fini(&lab->sim);
    rv_free(lab);
    return 0;
}

static void run(rv_dur time)
{
    int64_t end = lab->sim.mono + time;
    while (sim_loop_step(&lab->sim, end))
        ;
}

static void lanes_hold_their_width(void **state)
{
    (void)state;
    rv_engine_start(lab->engine);
    run(RV_HOUR(2));
    assert_int_equal(lab->asking_most, 2);
    assert_true(lab->touching_most > 1 && lab->touching_most <= 4);
    assert_int_equal(lab->ca.count, CERTIFICATES); /* all had their turn */
}

static void a_hanging_target_does_not_hold_up_the_other(void **state)
{
    (void)state;
    sim_host_find(&lab->fleet, "edge-1")->slow_percent = 100;
    rv_engine_start(lab->engine);
    run(RV_SEC(20));
    int other = 0;
    for (int i = 0; i < lab->ca.count; i++)
        other += lab->ca.certs[i].issued;
    assert_true(other >= 2); /* edge-2 went on */
}

static void say_stopped(void *arg)
{
    ((struct lab *)arg)->stopped = true;
}

static void stopping_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    struct rv_engine_stats stats;
    lab->ca.slow_percent = 100;
    rv_engine_start(lab->engine);
    run(RV_SEC(5));
    rv_engine_stats(lab->engine, &stats);
    assert_true(stats.in_flight > 0);
    rv_engine_stop(lab->engine, say_stopped, lab);
    run(10);
    assert_false(lab->stopped);
    run(RV_MIN(15));
    assert_true(lab->stopped);
    int issued_then = lab->ca.count;
    run(RV_DAY(1));
    assert_int_equal(lab->ca.count, issued_then); /* and nothing new begins */
}

static void answers_for_an_engine_that_is_gone_are_harmless(void **state)
{
    (void)state;
    rv_engine_start(lab->engine);
    for (int i = 0; i < 40; i++) { /* the same run, cut off ever later */
        run(RV_MSEC(70));
        rv_engine_destroy(lab->engine);
        struct rv_engine_options engine = {.store = lab->store,
                                           .loop = &lab->sim.loop,
                                           .probe = &lab->fleet.probe,
                                           .connectors = &lab->connector,
                                           .connector_count = 1,
                                           .issuers = &lab->issuer,
                                           .issuer_count = 1,
                                           .digest = rv_sha256,
                                           .policy = rv_policy_default};
        sim_fleet_crash(&lab->fleet, false);
        sim_ca_crash(&lab->ca, false);
        lab->engine = rv_engine_create(&engine);
        rv_engine_start(lab->engine);
    }
    assert_string_equal(lab->ca.complaint, "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_lab, close_lab)
const struct CMUnitTest lanes_tests[] = {
    TEST(lanes_hold_their_width),
    TEST(a_hanging_target_does_not_hold_up_the_other),
    TEST(stopping_waits_for_what_is_in_flight),
    TEST(answers_for_an_engine_that_is_gone_are_harmless),
};
const size_t lanes_test_count = RV_COUNT(lanes_tests);
