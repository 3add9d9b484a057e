/* The engine drives plans: takes due bindings from the queue in the store, asks core/plan for the one next thing, journals
 * it, carries it out through the ports, stores the evidence, and asks again. It runs on the loop thread only, holds no
 * state that a crash could lose, and never touches a socket, a file or a library: it runs unchanged on a simulated loop. */
#pragma once
#include "core/plan.h"
#include "port/connector.h"
#include "port/issuer.h"
#include "port/loop.h"
#include "port/probe.h"
#include "port/store.h"
#include "port/store_binding.h"

struct rv_engine;
struct rv_engine_options {
    struct rv_store *store;
    struct rv_loop *loop;
    struct rv_probe *probe;
    struct rv_connector *connectors; /* borrowed; chosen by Target.spec.connector == ops->name */
    size_t connector_count;
    struct rv_issuer *issuers; /* chosen by Issuer.spec.type == ops->type */
    size_t issuer_count;
    rv_digest_fn digest;
    struct rv_policy policy;
    /* PEM anchors that probes trust besides the system's: the roots of our issuers. Copied. */
    struct rv_bytes trust;
    int per_target, per_issuer, in_flight; /* concurrency budgets; 0: defaults 1, 16, 256 */
};
struct rv_engine *rv_engine_create(const struct rv_engine_options *options);
/* Looks at unfinished effects first, then takes up the queue. */
void rv_engine_start(struct rv_engine *engine);
/* No new work; `done` once nothing is in flight. */
void rv_engine_stop(struct rv_engine *engine, void (*done)(void *arg), void *arg);
void rv_engine_destroy(struct rv_engine *engine);
/* Something may be due now (after apply, renew, approve). Cheap. */
void rv_engine_wake(struct rv_engine *engine);
/* The policy it plans by: front doors explain with the same one. Borrowed. */
const struct rv_policy *rv_engine_policy(const struct rv_engine *engine);
void rv_engine_set_trust(struct rv_engine *engine, struct rv_bytes pem);

/* `apply` and `plan`: what a set of decoded objects would change, or changes. Runs inside a transaction. */
enum rv_change { RV_CHANGE_NONE, RV_CHANGE_CREATE, RV_CHANGE_UPDATE, RV_CHANGE_DELETE };
struct rv_change_row { /* one object */
    enum rv_kind kind;
    const char *name;
    enum rv_change change;
    json_t *before, *after; /* canonical documents; NULL when there is none; borrowed */
};
typedef void (*rv_change_visit)(void *arg, const struct rv_change_row *row);
/* Stores the objects, recomputes the bindings that they touch, audits. dry_run: computes and reports the same, stores
 * nothing. RV_INVALID with *ret_faults when the set does not fit together; then nothing is stored. */
RV_MUST_CHECK enum rv_status rv_apply(struct rv_tx *tx, rv_digest_fn digest, const struct rv_object *const *set,
                                      size_t count, const char *actor, bool dry_run, rv_time now, struct rv_arena *arena,
                                      rv_change_visit visit, void *arg, struct rv_set_fault **ret_faults,
                                      struct rv_error *err);
/* Removes one declared object and recomputes the bindings that it touches: those of a removed certificate are wanted no
 * longer and keep their facts for the record; what the target serves stays as it is. RV_CONFLICT names the certificate
 * that still needs a removed profile, issuer or target. */
RV_MUST_CHECK enum rv_status rv_remove(struct rv_tx *tx, rv_digest_fn digest, enum rv_kind kind, const char *name,
                                       const char *actor, rv_time now, struct rv_error *err);
/* Neighbours of a binding, for rv_plan_next. */
RV_MUST_CHECK enum rv_status rv_rollout_view_load(struct rv_tx *tx, const struct rv_policy *policy,
                                                  const struct rv_binding_row *row, rv_time now, struct rv_rollout_view *ret,
                                                  struct rv_error *err);
/* Counters for /metrics. */
struct rv_engine_stats {
    int64_t steps_done[RV_STEP_COUNT], steps_failed[RV_STEP_COUNT];
    int64_t in_flight, planned;
};
void rv_engine_stats(const struct rv_engine *engine, struct rv_engine_stats *ret);
