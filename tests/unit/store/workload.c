#include "workload.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "port/store_access.h"
#include "port/store_audit.h"
#include "port/store_binding.h"
#include "port/store_certificate.h"
#include "port/store_effect.h"

void work_digest(struct rv_bytes data, struct rv_hash *ret)
{
    SHA256(data.ptr, data.len, ret->b);
}

static struct rv_hash fingerprint_of(int round)
{
    return (struct rv_hash){{1, (uint8_t)round}};
}

/* What round and step stand for in the database. */
enum { RESERVE, STORE, BEGIN, END };

static enum rv_status reserve(struct rv_tx *tx, int round, struct rv_error *err)
{
    static const uint8_t tbs[700];
    struct rv_cert_row row = {
        .issuer = "internal", .profile = "tls-server", .names = "[]", .tbs = RV_BYTES(tbs, sizeof tbs)};
    snprintf(row.serial, sizeof row.serial, "%02x", round);
    snprintf(row.idempotency_key, sizeof row.idempotency_key, "round-%d", round);
    int64_t id;
    return rv_cert_reserve(tx, &row, &id, err);
}

static enum rv_status store_certificate(struct rv_tx *tx, int round, struct rv_error *err)
{
    char serial[8];
    static const uint8_t der[900] = {0x30};
    snprintf(serial, sizeof serial, "%02x", round);
    struct rv_cert_row row;
    enum rv_status status = rv_cert_by_serial(tx, "internal", serial, &row, err);
    if (status != RV_OK)
        return status;
    rv_cert_row_fini(&row);
    struct rv_hash fingerprint = fingerprint_of(round);
    return rv_cert_store(tx, row.id, RV_BYTES(der, sizeof der), &fingerprint, 5, err);
}

static enum rv_status begin(struct rv_tx *tx, int round, struct rv_error *err)
{
    struct rv_wanted wanted = {.mode = RV_MODE_MANAGE};
    int64_t binding, id;
    bool changed;
    enum rv_status status = rv_binding_want(tx, "shop", "edge", &wanted, 1, &binding, &changed, err);
    struct rv_effect_row row = {.step = RV_STEP_SWITCH, .attempt = round + 1, .begun_at = round};
    if (status != RV_OK)
        return status;
    row.binding = binding;
    return rv_effect_begin(tx, &row, &id, err);
}

static enum rv_status end(struct rv_tx *tx, int round, struct rv_error *err)
{
    struct rv_binding_row binding;
    struct rv_effect_row effect;
    enum rv_status status = rv_binding_find(tx, "shop", "edge", &binding, err);
    if (status == RV_OK)
        status = rv_effect_open(tx, binding.facts.id, &effect, err);
    if (status == RV_OK)
        status = rv_effect_end(tx, effect.id, RV_EFFECT_DONE, 7, "{}", err);
    binding.facts.issued.have = true;
    binding.facts.issued.fingerprint = fingerprint_of(round);
    return status == RV_OK ? rv_binding_save(tx, &binding, err) : status;
}

static enum rv_status step(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    static enum rv_status (*const kinds[])(struct rv_tx *, int, struct rv_error *) = {
        [RESERVE] = reserve, [STORE] = store_certificate, [BEGIN] = begin, [END] = end};
    int n = *(const int *)arg;
    enum rv_status status = kinds[n % WORK_PER_ROUND](tx, n / WORK_PER_ROUND, err);
    char subject[24];
    snprintf(subject, sizeof subject, "step %d", n);
    struct rv_audit_event event = {"engine", "test.stepped", subject,
                                   "{\"text\":\"some detail that fills the row a little\"}"};
    return status == RV_OK ? rv_audit_append(tx, &event, n, err) : status;
}

enum rv_status work_do(struct rv_store *store, int n, struct rv_error *err)
{
    return rv_store_write_now(store, step, &n, err);
}

#define EXPECT(condition)                                                                                                   \
    do {                                                                                                                    \
        if (!(condition))                                                                                                   \
            return rv_fail(err, RV_INTERNAL, "after %d steps (%s:%d): not %s", steps, __FILE__, __LINE__, #condition);      \
    } while (0)

/* How many steps of this kind are among the first `steps`. */
static int of_kind(int steps, int kind)
{
    return steps / WORK_PER_ROUND + (steps % WORK_PER_ROUND > kind ? 1 : 0);
}

struct counts {
    int rows, intents;
};
static bool count_cert(void *arg, const struct rv_cert_row *row)
{
    struct counts *c = arg;
    c->rows++;
    c->intents += row->state == RV_CERT_INTENT;
    return (row->state == RV_CERT_INTENT) == (row->der.len == 0);
}
static bool count_effect(void *arg, const struct rv_effect_row *row)
{
    struct counts *c = arg;
    c->rows++;
    c->intents += row->state == RV_EFFECT_INTENT;
    return true;
}

static enum rv_status check_effects(struct rv_tx *tx, int steps, struct rv_error *err)
{
    struct rv_binding_row binding = {0};
    enum rv_status status = rv_binding_find(tx, "shop", "edge", &binding, err);
    EXPECT((status == RV_OK) == (of_kind(steps, BEGIN) > 0));
    struct counts effects = {0};
    EXPECT(rv_effect_each(tx, binding.facts.id, 0, 0, count_effect, &effects, err) == RV_OK);
    int begun = of_kind(steps, BEGIN), ended = of_kind(steps, END);
    EXPECT(effects.rows == begun && effects.intents == begun - ended);
    EXPECT((binding.facts.unfinished == RV_STEP_SWITCH) == (begun > ended));
    struct rv_hash wanted = ended > 0 ? fingerprint_of(ended - 1) : (struct rv_hash){{0}};
    EXPECT(rv_hash_equal(&binding.facts.issued.fingerprint, &wanted));
    return RV_OK;
}

static enum rv_status check(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    int steps = 0;
    int64_t count = 0, bad = 0;
    struct rv_hash head;
    enum rv_status status = rv_audit_verify(tx, &count, &bad, &head, err);
    if (status != RV_OK)
        return status;
    steps = (int)count;
    struct counts certs = {0};
    EXPECT(rv_cert_each(tx, NULL, 0, 0, count_cert, &certs, err) == RV_OK);
    int reserved = of_kind(steps, RESERVE), stored = of_kind(steps, STORE);
    EXPECT(certs.rows == reserved && certs.intents == reserved - stored);
    *(int *)arg = steps;
    return check_effects(tx, steps, err);
}

enum rv_status work_check(struct rv_store *store, int *ret_steps, struct rv_error *err)
{
    return rv_store_read_now(store, check, ret_steps, err);
}
