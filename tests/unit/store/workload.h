/* A sequence of durable steps whose outcome can be told from the store: what a binding goes through, with its audit. The
 * database after n committed steps is known exactly, so any other state is a lost, doubled or half-done step. */
#pragma once
#include "port/store.h"

enum { WORK_ROUNDS = 4, WORK_PER_ROUND = 4, WORK_STEPS = WORK_ROUNDS * WORK_PER_ROUND };

/* Does step `step` (0 the first) in a transaction. */
RV_MUST_CHECK enum rv_status work_do(struct rv_store *store, int step, struct rv_error *err);
/* How many steps are there? Fails unless the state is exactly that. */
RV_MUST_CHECK enum rv_status work_check(struct rv_store *store, int *ret_steps, struct rv_error *err);
void work_digest(struct rv_bytes data, struct rv_hash *ret);
