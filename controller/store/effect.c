/* The journal of effects. */
#include "port/store_effect.h"

#include <string.h>

#include "store/driver.h"

_Static_assert(RV_EFFECT_INTENT == 0 && RV_EFFECT_DONE == 1 && RV_EFFECT_FAILED == 2 && RV_EFFECT_UNCERTAIN == 3,
               "stored as numbers");
_Static_assert(RV_STEP_NONE == 0 && RV_STEP_OBSERVE == 1 && RV_STEP_PROBE == 2 && RV_STEP_KEY == 3 && RV_STEP_ISSUE == 4 &&
                   RV_STEP_STAGE == 5 && RV_STEP_SWITCH == 6 && RV_STEP_KEEP == 7 && RV_STEP_UNDO == 8,
               "stored as numbers");

#define ROW(member) RV_FIELD(struct rv_effect_row, member)
#define COLUMNS "binding, step, state, attempt, idempotency_key, reason, begun_at, ended_at"
static const struct rv_field fields[] = {
    ROW(binding), ROW(step), ROW(state), ROW(attempt), ROW(idempotency_key), ROW(reason), ROW(begun_at), ROW(ended_at),
};

/* The evidence is borrowed from the statement. */
static void row_of(struct rv_query *q, struct rv_effect_row *row)
{
    *row = (struct rv_effect_row){.id = rv_take_int(q)};
    rv_take_fields(q, fields, RV_COUNT(fields), row);
    row->evidence = rv_take_text(q);
}

static enum rv_status unknown(struct rv_error *err, int64_t binding)
{
    return rv_fail(err, RV_NOT_FOUND, "there is no binding %lld", (long long)binding);
}

static enum rv_status mark(struct rv_tx *tx, int64_t binding, enum rv_step unfinished, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE binding SET unfinished=$1 WHERE id=$2", err);
    rv_bind_int(&q, unfinished);
    rv_bind_int(&q, binding);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    return status == RV_OK && changed == 0 ? unknown(err, binding) : status;
}

static enum rv_status next_attempt(struct rv_tx *tx, int64_t binding, enum rv_step step, int64_t *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT coalesce(max(attempt), 0)+1 FROM effect WHERE binding=$1 AND step=$2", err);
    rv_bind_int(&q, binding);
    rv_bind_int(&q, step);
    if (rv_query_next(&q))
        *ret = rv_take_int(&q);
    return rv_query_end(&q);
}

/* Looks are repeated for ever: only the newest of each kind stays, so that watching does not fill the disk. */
static enum rv_status forget_looks(struct rv_tx *tx, int64_t binding, enum rv_step step, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "DELETE FROM effect WHERE binding=$1 AND step=$2 AND state<>0", err);
    rv_bind_int(&q, binding);
    rv_bind_int(&q, step);
    return rv_query_run(&q, NULL);
}

static enum rv_status insert(struct rv_tx *tx, const struct rv_effect_row *row, int64_t *ret_id, struct rv_error *err)
{
    struct rv_query q =
        rv_query(tx, "INSERT INTO effect (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id", err);
    rv_bind_fields(&q, fields, RV_COUNT(fields), row);
    int64_t id = 0;
    if (rv_query_next(&q))
        id = rv_take_int(&q);
    enum rv_status status = rv_query_run(&q, NULL);
    if (status == RV_CONFLICT)
        return rv_fail(err, status, "binding %lld has an unfinished effect already", (long long)row->binding);
    if (status == RV_NOT_FOUND)
        return unknown(err, row->binding);
    if (status == RV_OK)
        *ret_id = id;
    return status;
}

enum rv_status rv_effect_begin(struct rv_tx *tx, const struct rv_effect_row *row, int64_t *ret_id, struct rv_error *err)
{
    struct rv_effect_row intent = *row;
    intent.state = RV_EFFECT_INTENT;
    intent.ended_at = 0;
    enum rv_status status = RV_OK;
    if (intent.attempt <= 0)
        status = next_attempt(tx, row->binding, row->step, &intent.attempt, err);
    int64_t id = 0;
    if (status == RV_OK)
        status = insert(tx, &intent, &id, err);
    if (status == RV_OK && (row->step == RV_STEP_OBSERVE || row->step == RV_STEP_PROBE))
        status = forget_looks(tx, row->binding, row->step, err);
    if (status == RV_OK)
        status = mark(tx, row->binding, row->step, err);
    if (status == RV_OK)
        *ret_id = id;
    return status;
}

enum rv_status rv_effect_end(struct rv_tx *tx, int64_t id, enum rv_effect_state state, rv_time now, const char *evidence,
                             struct rv_error *err)
{
    if (state == RV_EFFECT_INTENT)
        return rv_fail(err, RV_INTERNAL, "an effect ends done, failed or uncertain");
    struct rv_query q = rv_query(tx,
                                 "UPDATE effect SET state=$1, ended_at=$2, evidence=$3 WHERE id=$4 AND state=0"
                                 " RETURNING binding",
                                 err);
    rv_bind_int(&q, state);
    rv_bind_int(&q, now);
    rv_bind_text(&q, evidence);
    rv_bind_int(&q, id);
    int64_t binding = 0;
    if (rv_query_next(&q))
        binding = rv_take_int(&q);
    enum rv_status status = rv_query_run(&q, NULL);
    if (status != RV_OK)
        return status;
    if (binding != 0)
        return mark(tx, binding, RV_STEP_NONE, err);
    struct rv_query there = rv_query(tx, "SELECT 1 FROM effect WHERE id=$1", err);
    rv_bind_int(&there, id);
    if (!rv_query_one(&there, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, status, "there is no effect %lld", (long long)id) : status;
    rv_query_end(&there);
    return rv_fail(err, RV_CONFLICT, "effect %lld was ended before", (long long)id);
}

enum rv_status rv_effect_open(struct rv_tx *tx, int64_t binding, struct rv_effect_row *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS ", evidence FROM effect WHERE binding=$1 AND state=0", err);
    rv_bind_int(&q, binding);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, status, "binding %lld has no unfinished effect", (long long)binding)
                                      : status;
    row_of(&q, ret);
    ret->evidence = NULL; /* an intent has none */
    return rv_query_end(&q);
}

enum rv_status rv_effect_each(struct rv_tx *tx, int64_t binding, int64_t before, int limit,
                              bool (*visit)(void *arg, const struct rv_effect_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(
        tx, "SELECT id, " COLUMNS ", evidence FROM effect WHERE binding=$1 AND id<$2 ORDER BY id DESC LIMIT $3", err);
    rv_bind_int(&q, binding);
    rv_bind_int(&q, before > 0 ? before : INT64_MAX);
    rv_bind_limit(&q, limit);
    while (rv_query_next(&q)) {
        struct rv_effect_row row;
        row_of(&q, &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(&q);
}
