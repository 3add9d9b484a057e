/* Objects, bindings, endpoints, effects. */
#include "store_contract.h"

struct names {
    int count;
    int stop_at; /* 0: never */
    char text[512];
};
static void add(struct names *n, const char *name)
{
    strncat(n->text, name, sizeof n->text - strlen(n->text) - 1);
    strncat(n->text, " ", sizeof n->text - strlen(n->text) - 1);
    n->count++;
}
static bool keep_object(void *arg, const struct rv_object_row *row)
{
    struct names *n = arg;
    add(n, row->name);
    return n->count != n->stop_at;
}
static bool keep_binding(void *arg, const struct rv_binding_row *row)
{
    struct names *n = arg;
    char text[160];
    snprintf(text, sizeof text, "%s/%s", row->certificate, row->target);
    add(n, text);
    return n->count != n->stop_at;
}
static bool keep_endpoint(void *arg, const struct rv_endpoint_row *row)
{
    add(arg, row->address);
    return true;
}

static enum rv_status objects_have_generations(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t generation = 0;
    struct rv_object_row row;
    EXPECT_STATUS(RV_NOT_FOUND, rv_object_get(tx, RV_KIND_TARGET, "edge", &row, err));
    EXPECT_OK(rv_object_put(tx, RV_KIND_TARGET, "edge", "{\"a\":1}", 10, &generation, err));
    EXPECT(generation == 1);
    EXPECT_OK(rv_object_put(tx, RV_KIND_TARGET, "edge", "{\"a\":1}", 20, &generation, err));
    EXPECT(generation == 1);
    EXPECT_OK(rv_object_get(tx, RV_KIND_TARGET, "edge", &row, err));
    EXPECT(row.created_at == 10 && row.updated_at == 10 && row.kind == RV_KIND_TARGET);
    rv_object_row_fini(&row);
    EXPECT_OK(rv_object_put(tx, RV_KIND_TARGET, "edge", "{\"a\":2}", 30, &generation, err));
    EXPECT(generation == 2);
    EXPECT_OK(rv_object_get(tx, RV_KIND_TARGET, "edge", &row, err));
    EXPECT(row.created_at == 10 && row.updated_at == 30 && strcmp(row.document, "{\"a\":2}") == 0);
    rv_object_row_fini(&row);
    /* The same name of another kind is another object. */
    EXPECT_STATUS(RV_NOT_FOUND, rv_object_get(tx, RV_KIND_PROFILE, "edge", &row, err));
    EXPECT_OK(rv_object_delete(tx, RV_KIND_TARGET, "edge", err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_object_delete(tx, RV_KIND_TARGET, "edge", err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_object_get(tx, RV_KIND_TARGET, "edge", &row, err));
    EXPECT_OK(rv_object_put(tx, RV_KIND_TARGET, "edge", "{\"a\":2}", 40, &generation, err));
    EXPECT(generation == 3);
    EXPECT_OK(rv_object_get(tx, RV_KIND_TARGET, "edge", &row, err));
    EXPECT(row.created_at == 40);
    rv_object_row_fini(&row);
    char long_name[80];
    memset(long_name, 'a', sizeof long_name);
    long_name[79] = '\0';
    EXPECT_STATUS(RV_INVALID, rv_object_put(tx, RV_KIND_TARGET, long_name, "{}", 40, &generation, err));
    return RV_OK;
}

static enum rv_status objects_are_listed_by_name(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    static const char *const names[] = {"d", "a", "c", "b", "e"};
    int64_t generation;
    for (size_t i = 0; i < RV_COUNT(names); i++)
        EXPECT_OK(rv_object_put(tx, RV_KIND_CERTIFICATE, names[i], "{}", 1, &generation, err));
    EXPECT_OK(rv_object_put(tx, RV_KIND_TARGET, "bb", "{}", 1, &generation, err));
    EXPECT_OK(rv_object_delete(tx, RV_KIND_CERTIFICATE, "d", err));
    struct names all = {0}, page = {0}, stopped = {.stop_at = 2};
    EXPECT_OK(rv_object_list(tx, RV_KIND_CERTIFICATE, "", 0, keep_object, &all, err));
    EXPECT(strcmp(all.text, "a b c e ") == 0);
    EXPECT_OK(rv_object_list(tx, RV_KIND_CERTIFICATE, "a", 2, keep_object, &page, err));
    EXPECT(strcmp(page.text, "b c ") == 0);
    EXPECT_OK(rv_object_list(tx, RV_KIND_CERTIFICATE, "", 0, keep_object, &stopped, err));
    EXPECT(strcmp(stopped.text, "a b ") == 0);
    return RV_OK;
}

static struct rv_wanted some_wanted(void)
{
    return (struct rv_wanted){.mode = RV_MODE_MANAGE, .deploys = true, .spec = hash_of(5), .renew = {.percent = 33}};
}

static enum rv_status want(struct rv_tx *tx, const char *certificate, const char *target, int ordinal, rv_time due,
                           int64_t *ret_id, struct rv_error *err)
{
    struct rv_wanted wanted = some_wanted();
    wanted.ordinal = ordinal;
    bool changed;
    enum rv_status status = rv_binding_want(tx, certificate, target, &wanted, due, ret_id, &changed, err);
    return status == RV_OK && !changed ? rv_fail(err, RV_INTERNAL, "a new binding was said to be unchanged") : status;
}

static enum rv_status bindings_follow_what_is_wanted(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_wanted wanted = some_wanted();
    int64_t id = 0, again = 0;
    bool changed = false;
    struct rv_binding_row row;
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_find(tx, "shop", "edge", &row, err));
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &wanted, 100, &id, &changed, err));
    EXPECT(changed && id > 0);
    EXPECT_OK(rv_binding_due(tx, id, 5000, err));
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &wanted, 200, &again, &changed, err));
    EXPECT(!changed && again == id);
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(row.due_at == 5000 && strcmp(row.certificate, "shop") == 0 && strcmp(row.target, "edge") == 0);
    wanted.spec = hash_of(6);
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &wanted, 300, &again, &changed, err));
    EXPECT(changed && again == id);
    EXPECT_OK(rv_binding_find(tx, "shop", "edge", &row, err));
    EXPECT(row.due_at == 300 && rv_hash_equal(&row.facts.wanted.spec, &wanted.spec));
    /* Requests and approvals are not apply's. */
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    row.facts.budget = (struct rv_budget){.issued_in_window = 2, .failures = 4, .not_before = 9000, .switch_failures = 3};
    EXPECT_OK(rv_binding_save(tx, &row, err));
    EXPECT_OK(rv_binding_request_renewal(tx, id, 400, err));
    /* A person who asks is not told to wait; what was issued stays counted. */
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(row.facts.budget.failures == 0 && row.facts.budget.not_before == 0 && row.facts.budget.switch_failures == 0);
    EXPECT(row.facts.budget.issued_in_window == 2);
    row.facts.budget = (struct rv_budget){.failures = 4, .not_before = 9000, .switch_failures = 3};
    EXPECT_OK(rv_binding_save(tx, &row, err));
    EXPECT_OK(rv_binding_approve(tx, id, -77, 410, err));
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(row.facts.budget.failures == 0 && row.facts.budget.not_before == 0 && row.facts.budget.switch_failures == 3);
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &wanted, 500, &again, &changed, err));
    EXPECT(!changed);
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(row.facts.wanted.renew_request == 1 && row.facts.wanted.approved == -77 && row.due_at == 410);
    /* Deleted, it keeps its facts, and comes back with them. */
    row.facts.issued.have = true;
    row.facts.issued.fingerprint = hash_of(9);
    EXPECT_OK(rv_binding_save(tx, &row, err));
    EXPECT_OK(rv_binding_unwant(tx, id, err));
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(row.facts.wanted.deleted && row.facts.issued.have);
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &wanted, 600, &again, &changed, err));
    EXPECT(changed && again == id);
    EXPECT_OK(rv_binding_get(tx, id, &row, err));
    EXPECT(!row.facts.wanted.deleted && row.facts.issued.have && row.due_at == 600);
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_get(tx, id + 1, &row, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_due(tx, id + 1, 1, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_unwant(tx, id + 1, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_request_renewal(tx, id + 1, 1, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_binding_approve(tx, id + 1, 1, 1, err));
    return RV_OK;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define CLEAR_PADDING(p) __builtin_clear_padding(p)
#endif
#endif

/* Fills every byte, saves, loads, compares every byte that is no padding: a member that was forgotten shows. */
static enum rv_status every_fact_comes_back(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_binding_row put, got;
    memset(&put, 1, sizeof put);
    memset(put.fault, 0, sizeof put.fault);
    memset(put.fault, 'x', sizeof put.fault - 1);
    memset(put.certificate, 0, sizeof put.certificate);
    memset(put.target, 0, sizeof put.target);
    memcpy(put.certificate, "shop", 4);
    memcpy(put.target, "edge", 4);
    put.facts.wanted.mode = RV_MODE_MANAGE;
    bool changed;
    EXPECT_OK(rv_binding_want(tx, "shop", "edge", &put.facts.wanted, 1, &put.facts.id, &changed, err));
    put.facts.wanted.deleted = false; /* wanting brings it back */
    EXPECT_OK(rv_binding_save(tx, &put, err));
    put.facts.unfinished = RV_STEP_NONE; /* the journal's */
    memset(&got, 0xff, sizeof got);
    EXPECT_OK(rv_binding_get(tx, put.facts.id, &got, err));
#ifdef CLEAR_PADDING
    CLEAR_PADDING(&put);
    CLEAR_PADDING(&got);
    EXPECT(memcmp(&put.facts, &got.facts, sizeof put.facts) == 0);
    EXPECT(memcmp(&put, &got, sizeof put) == 0);
#endif
    /* And every byte back to zero. */
    struct rv_binding_row none = {.facts.id = put.facts.id};
    EXPECT_OK(rv_binding_save(tx, &none, err));
    EXPECT_OK(rv_binding_get(tx, put.facts.id, &got, err));
    EXPECT(!got.facts.issued.have && rv_hash_is_zero(&got.facts.issued.fingerprint) && got.fault[0] == '\0');
    EXPECT(rv_hash_equal(&got.facts.wanted.spec, &put.facts.wanted.spec) && strcmp(got.certificate, "shop") == 0);
    return RV_OK;
}

static enum rv_status due_bindings_come_earliest_first(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    static const rv_time due[] = {50, 10, 30, 20, 40, 5};
    int64_t ids[RV_COUNT(due)];
    char name[16];
    for (size_t i = 0; i < RV_COUNT(due); i++) {
        snprintf(name, sizeof name, "c%zu", i);
        EXPECT_OK(want(tx, name, "t", 0, due[i], &ids[i], err));
    }
    EXPECT_OK(rv_binding_unwant(tx, ids[5], err));
    rv_time next = 0;
    struct names all = {0}, two = {0}, stopped = {.stop_at = 1}, none = {0}, late = {0};
    EXPECT_OK(rv_binding_each_due(tx, 30, 100, keep_binding, &all, &next, err));
    EXPECT(strcmp(all.text, "c1/t c3/t c2/t ") == 0 && next == 40);
    EXPECT_OK(rv_binding_each_due(tx, 30, 2, keep_binding, &two, &next, err));
    EXPECT(strcmp(two.text, "c1/t c3/t ") == 0 && next == 30);
    EXPECT_OK(rv_binding_each_due(tx, 30, 0, keep_binding, &stopped, &next, err));
    EXPECT(strcmp(stopped.text, "c1/t ") == 0 && next == 20);
    EXPECT_OK(rv_binding_each_due(tx, 9, 2, keep_binding, &none, &next, err));
    EXPECT(none.count == 0 && next == 10);
    for (size_t i = 0; i < RV_COUNT(due); i++)
        EXPECT_OK(rv_binding_due(tx, ids[i], i == 4 ? 1 : RV_TIME_FAR, err));
    EXPECT_OK(rv_binding_each_due(tx, 1000, 1, keep_binding, &late, &next, err));
    EXPECT(strcmp(late.text, "c4/t ") == 0 && next == RV_TIME_FAR);
    return RV_OK;
}

static enum rv_status bindings_are_found_each_way(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t a, b, c, d;
    EXPECT_OK(want(tx, "shop", "edge-2", 1, 1, &a, err));
    EXPECT_OK(want(tx, "shop", "edge-1", 0, 1, &b, err));
    EXPECT_OK(want(tx, "mail", "edge-1", 0, 1, &c, err));
    EXPECT_OK(want(tx, "shop", "edge-3", 2, 1, &d, err));
    EXPECT_OK(rv_binding_unwant(tx, d, err));
    struct names of = {0}, on = {0}, all = {0}, page = {0};
    EXPECT_OK(rv_binding_each_of(tx, "shop", keep_binding, &of, err));
    EXPECT(strcmp(of.text, "shop/edge-1 shop/edge-2 ") == 0);
    EXPECT_OK(rv_binding_each_on(tx, "edge-1", keep_binding, &on, err));
    EXPECT(strcmp(on.text, "shop/edge-1 mail/edge-1 ") == 0);
    EXPECT_OK(rv_binding_each(tx, 0, 0, keep_binding, &all, err));
    EXPECT(strcmp(all.text, "shop/edge-2 shop/edge-1 mail/edge-1 ") == 0);
    EXPECT_OK(rv_binding_each(tx, a, 1, keep_binding, &page, err));
    EXPECT(strcmp(page.text, "shop/edge-1 ") == 0);
    return RV_OK;
}

/* A visit function may look things up, even by the statement that it is called from. */
struct nested {
    struct rv_tx *tx;
    struct rv_error *err;
    int outer, inner;
    enum rv_status status;
};
static bool count_inner(void *arg, const struct rv_binding_row *row)
{
    (void)row;
    ((struct nested *)arg)->inner++;
    return true;
}
static bool count_outer(void *arg, const struct rv_binding_row *row)
{
    struct nested *n = arg;
    n->outer++;
    n->status = rv_binding_each_of(n->tx, row->certificate, count_inner, n, n->err);
    return n->status == RV_OK;
}
static enum rv_status visits_may_look_further(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t id;
    EXPECT_OK(want(tx, "shop", "edge-1", 0, 1, &id, err));
    EXPECT_OK(want(tx, "shop", "edge-2", 1, 1, &id, err));
    EXPECT_OK(want(tx, "shop", "edge-3", 2, 1, &id, err));
    struct nested n = {.tx = tx, .err = err};
    EXPECT_OK(rv_binding_each_of(tx, "shop", count_outer, &n, err));
    EXPECT(n.status == RV_OK && n.outer == 3 && n.inner == 9);
    return RV_OK;
}

static bool take_endpoint(void *arg, const struct rv_endpoint_row *row)
{
    *(struct rv_endpoint_row *)arg = *row;
    return false;
}

static enum rv_status endpoints_keep_what_was_seen(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t id;
    EXPECT_OK(want(tx, "shop", "edge", 0, 1, &id, err));
    struct rv_endpoint_spec first[] = {{"a:443", NULL}, {"b:443", "shop.example"}, {"a:443", NULL}};
    EXPECT_OK(rv_endpoint_set(tx, id, first, 3, err));
    struct names listed = {0}, moved = {0}, gone = {0};
    EXPECT_OK(rv_endpoint_each(tx, id, keep_endpoint, &listed, err));
    EXPECT(listed.count == 2);
    struct rv_endpoint_spec second[] = {{"c:443", NULL}, {"b:443", "shop.example"}};
    struct rv_endpoint_spec only_b[] = {{"b:443", "shop.example"}};
    EXPECT_OK(rv_endpoint_set(tx, id, only_b, 1, err));
    struct rv_endpoint_row b;
    EXPECT_OK(rv_endpoint_each(tx, id, take_endpoint, &b, err));
    EXPECT(b.observed_at == 0 && b.binding == id && strcmp(b.server_name, "shop.example") == 0);
    struct rv_probe_result seen = {.outcome = RV_PROBE_SERVED,
                                   .at = 77,
                                   .fingerprint = hash_of(3),
                                   .chain_valid = true,
                                   .time_valid = true,
                                   .not_before = 5,
                                   .not_after = 9,
                                   .subject = "CN=shop",
                                   .issuer = "CN=ca",
                                   .serial = "0a",
                                   .protocol = "TLSv1.3",
                                   .cipher = "AES",
                                   .group = "X25519",
                                   .fault = "name"};
    EXPECT_OK(rv_endpoint_observe(tx, b.id, &seen, err));
    EXPECT_OK(rv_endpoint_set(tx, id, second, 2, err));
    EXPECT_OK(rv_endpoint_each(tx, id, keep_endpoint, &moved, err));
    EXPECT(strcmp(moved.text, "c:443 b:443 ") == 0);
    EXPECT_OK(rv_endpoint_set(tx, id, only_b, 1, err));
    int64_t was = b.id;
    EXPECT_OK(rv_endpoint_each(tx, id, take_endpoint, &b, err));
    EXPECT(b.id == was && b.observed_at == 77 && b.outcome == RV_PROBE_SERVED &&
           rv_hash_equal(&b.fingerprint, &seen.fingerprint));
    EXPECT(b.chain_valid && !b.name_valid && b.time_valid && b.not_before == 5 && b.not_after == 9);
    EXPECT(strcmp(b.subject, "CN=shop") == 0 && strcmp(b.issuer, "CN=ca") == 0 && strcmp(b.serial, "0a") == 0);
    EXPECT(strcmp(b.protocol, "TLSv1.3") == 0 && strcmp(b.cipher, "AES") == 0 && strcmp(b.group, "X25519") == 0);
    EXPECT(strcmp(b.fault, "name") == 0);
    EXPECT_OK(rv_endpoint_set(tx, id, NULL, 0, err));
    EXPECT_OK(rv_endpoint_each(tx, id, keep_endpoint, &gone, err));
    EXPECT(gone.count == 0);
    EXPECT_STATUS(RV_NOT_FOUND, rv_endpoint_observe(tx, b.id, &seen, err));
    /* A number is never given again: a late answer cannot land on another endpoint. */
    EXPECT_OK(rv_endpoint_set(tx, id, second, 1, err));
    EXPECT_OK(rv_endpoint_each(tx, id, take_endpoint, &b, err));
    EXPECT(b.id > was);
    EXPECT_STATUS(RV_NOT_FOUND, rv_endpoint_set(tx, id + 5, second, 1, err));
    return RV_OK;
}

static enum rv_status hostile_chains_are_cut(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t id;
    EXPECT_OK(want(tx, "shop", "edge", 0, 1, &id, err));
    struct rv_endpoint_spec one = {"a:443", NULL};
    EXPECT_OK(rv_endpoint_set(tx, id, &one, 1, err));
    struct rv_endpoint_row row;
    EXPECT_OK(rv_endpoint_each(tx, id, take_endpoint, &row, err));
    static const struct rv_bytes chains[] = {
        {(const uint8_t *)"\x30\x01x\x30\x02yy", 7},
        {(const uint8_t *)"\x30\x81\x01x\x30\x02yy", 8},
        {(const uint8_t *)"\x30\x05x", 3},
        {(const uint8_t *)"\x30\x84\xff\xff\xff\xff", 6},
        {(const uint8_t *)"\x30\x80", 2},
        {(const uint8_t *)"\x31\x01x", 3},
        {(const uint8_t *)"\x30", 1},
        {(const uint8_t *)"\x30\x88\1\1\1\1\1\1\1\1", 10},
        {NULL, 0},
    };
    for (size_t i = 0; i < RV_COUNT(chains); i++) {
        struct rv_probe_result seen = {.at = (rv_time)i + 1, .chain = chains[i]};
        EXPECT_OK(rv_endpoint_observe(tx, row.id, &seen, err));
        EXPECT_OK(rv_endpoint_observe(tx, row.id, &seen, err));
    }
    return RV_OK;
}

static bool count_effect(void *arg, const struct rv_effect_row *row)
{
    struct names *n = arg;
    char text[32];
    snprintf(text, sizeof text, "%d:%lld%s", (int)row->step, (long long)row->attempt,
             row->evidence == NULL ? "" : row->evidence);
    add(n, text);
    return true;
}

static enum rv_status effects_are_open_once(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t binding, other, id = 0, second = 0;
    EXPECT_OK(want(tx, "shop", "edge", 0, 1, &binding, err));
    EXPECT_OK(want(tx, "mail", "edge", 0, 1, &other, err));
    struct rv_effect_row row = {.binding = binding,
                                .step = RV_STEP_ISSUE,
                                .idempotency_key = "k1",
                                .reason = "RenewalDue",
                                .begun_at = 10,
                                .attempt = 1},
                         got;
    struct rv_binding_row b;
    EXPECT_STATUS(RV_NOT_FOUND, rv_effect_open(tx, binding, &got, err));
    EXPECT_OK(rv_effect_begin(tx, &row, &id, err));
    EXPECT_STATUS(RV_CONFLICT, rv_effect_begin(tx, &row, &second, err));
    EXPECT_OK(rv_binding_get(tx, binding, &b, err));
    EXPECT(b.facts.unfinished == RV_STEP_ISSUE);
    /* Saving facts does not touch what the journal says. */
    b.facts.unfinished = RV_STEP_NONE;
    EXPECT_OK(rv_binding_save(tx, &b, err));
    struct names open = {0}, none = {0}, listed = {0}, page = {0};
    EXPECT_OK(rv_binding_each_unfinished(tx, keep_binding, &open, err));
    EXPECT(strcmp(open.text, "shop/edge ") == 0);
    EXPECT_OK(rv_effect_open(tx, binding, &got, err));
    EXPECT(got.id == id && got.step == RV_STEP_ISSUE && got.state == RV_EFFECT_INTENT && got.begun_at == 10);
    EXPECT(strcmp(got.idempotency_key, "k1") == 0 && strcmp(got.reason, "RenewalDue") == 0 && got.attempt == 1);
    EXPECT_OK(rv_effect_end(tx, id, RV_EFFECT_FAILED, 20, "{}", err));
    EXPECT_STATUS(RV_CONFLICT, rv_effect_end(tx, id, RV_EFFECT_DONE, 21, NULL, err));
    EXPECT_STATUS(RV_NOT_FOUND, rv_effect_end(tx, id + 7, RV_EFFECT_DONE, 21, NULL, err));
    EXPECT_OK(rv_binding_each_unfinished(tx, keep_binding, &none, err));
    EXPECT(none.count == 0);
    row.attempt = 0;
    EXPECT_OK(rv_effect_begin(tx, &row, &second, err));
    EXPECT(second > id);
    EXPECT_OK(rv_effect_open(tx, binding, &got, err));
    EXPECT(got.attempt == 2);
    EXPECT_OK(rv_effect_end(tx, second, RV_EFFECT_UNCERTAIN, 30, NULL, err));
    EXPECT_OK(rv_effect_each(tx, binding, 0, 0, count_effect, &listed, err));
    EXPECT(strcmp(listed.text, "4:2 4:1{} ") == 0);
    EXPECT_OK(rv_effect_each(tx, binding, second, 1, count_effect, &page, err));
    EXPECT(strcmp(page.text, "4:1{} ") == 0);
    struct rv_effect_row lost = {.binding = other + 9, .step = RV_STEP_KEY};
    EXPECT_STATUS(RV_NOT_FOUND, rv_effect_begin(tx, &lost, &id, err));
    /* An unfinished effect of a deleted binding is still looked at first. */
    struct rv_effect_row last = {.binding = other, .step = RV_STEP_SWITCH};
    EXPECT_OK(rv_effect_begin(tx, &last, &id, err));
    EXPECT_OK(rv_binding_unwant(tx, other, err));
    EXPECT_OK(rv_binding_each_unfinished(tx, keep_binding, &none, err));
    EXPECT(strcmp(none.text, "mail/edge ") == 0);
    return RV_OK;
}

static enum rv_status looking_does_not_fill_the_journal(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    int64_t binding, id, before = 0;
    EXPECT_OK(want(tx, "shop", "edge", 0, 1, &binding, err));
    for (int i = 0; i < 50; i++) {
        struct rv_effect_row row = {.binding = binding, .step = i % 2 == 0 ? RV_STEP_PROBE : RV_STEP_OBSERVE, .attempt = 1};
        EXPECT_OK(rv_effect_begin(tx, &row, &id, err));
        EXPECT(id > before);
        before = id;
        EXPECT_OK(rv_effect_end(tx, id, RV_EFFECT_DONE, i, NULL, err));
    }
    struct names listed = {0};
    EXPECT_OK(rv_effect_each(tx, binding, 0, 0, count_effect, &listed, err));
    EXPECT(listed.count == 2);
    return RV_OK;
}

const struct store_spec store_fact_specs[] = {
    {"objects have generations", .inside = objects_have_generations},
    {"objects are listed by name", .inside = objects_are_listed_by_name},
    {"bindings follow what is wanted", .inside = bindings_follow_what_is_wanted},
    {"every fact comes back", .inside = every_fact_comes_back},
    {"due bindings come earliest first", .inside = due_bindings_come_earliest_first},
    {"bindings are found each way", .inside = bindings_are_found_each_way},
    {"visits may look further", .inside = visits_may_look_further},
    {"endpoints keep what was seen", .inside = endpoints_keep_what_was_seen},
    {"hostile chains are cut", .inside = hostile_chains_are_cut},
    {"effects are open once", .inside = effects_are_open_once},
    {"looking does not fill the journal", .inside = looking_does_not_fill_the_journal},
    {.name = NULL},
};
