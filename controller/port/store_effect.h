/* The journal of effects: intent, effect, evidence. Begun in the transaction that decided it, ended in the one that
 * stores its facts. */
#pragma once
#include "core/facts.h"
#include "port/store.h"

enum rv_effect_state { RV_EFFECT_INTENT, RV_EFFECT_DONE, RV_EFFECT_FAILED, RV_EFFECT_UNCERTAIN };
struct rv_effect_row {
    int64_t id, binding;
    enum rv_step step;
    enum rv_effect_state state;
    int64_t attempt; /* of this binding and step, 1 the first */
    char idempotency_key[101];
    char reason[40]; /* rv_reason_code of the plan that wanted it */
    rv_time begun_at, ended_at;
    const char *evidence; /* JSON text; borrowed */
};
/* Sets `unfinished` of the binding. RV_CONFLICT when the binding has an unfinished effect already. attempt 0: counted
 * here. Of looks (observe, probe) the journal keeps the newest of each binding only. */
RV_MUST_CHECK enum rv_status rv_effect_begin(struct rv_tx *tx, const struct rv_effect_row *row, int64_t *ret_id,
                                             struct rv_error *err);
/* Clears it. RV_CONFLICT when the effect was ended before. */
RV_MUST_CHECK enum rv_status rv_effect_end(struct rv_tx *tx, int64_t id, enum rv_effect_state state, rv_time now,
                                           const char *evidence, struct rv_error *err);
/* The unfinished one of a binding; RV_NOT_FOUND when none. It has no evidence yet. */
RV_MUST_CHECK enum rv_status rv_effect_open(struct rv_tx *tx, int64_t binding, struct rv_effect_row *ret,
                                            struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_effect_each(struct rv_tx *tx, int64_t binding, int64_t before, int limit,
                                            bool (*visit)(void *arg, const struct rv_effect_row *row), void *arg,
                                            struct rv_error *err); /* newest first */
