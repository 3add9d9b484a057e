/* The inside of the engine, for this folder and its tests.
 *
 * A *job* is one binding in work: it decides the next step inside a write transaction (decide.c), starts it (steps.c),
 * and records what came of it in another write, which decides again at once. It lives from the pump that took the
 * binding from the queue until the plan says wait. A *call* is one question to a port: it owns everything that the port
 * borrows, and outlives its job when the answer comes too late or the engine has gone. */
#pragma once
#include "base/arena.h"
#include "engine/engine.h"
#include "port/store_certificate.h"
#include "port/store_effect.h"
#include "port/store_object.h"

struct trust { /* what probes in flight borrow; swapped whole */
    int refs;
    struct rv_buf pem;
};

struct probe_slot { /* one endpoint of a round */
    struct call *call;
    struct rv_endpoint_row endpoint; /* as it was seen before */
    struct rv_probe_spec spec;
    struct rv_probe_result result; /* chain copied into the arena */
};

struct call {
    struct job *job; /* NULL: nobody waits any more */
    struct rv_action action;
    int64_t effect;   /* journal row of the step, 0: a look */
    bool asks_issuer; /* the look at an unfinished issue goes to the issuer, not to the target */
    bool started;
    int pending; /* answers that are still to come */
    struct rv_arena *arena;
    struct trust *trust;

    /* What the ports borrow. */
    struct rv_deploy deploy;
    struct rv_pair pair;
    struct rv_issue_request request;
    struct rv_hash fingerprint; /* of the issued certificate when the step was decided */
    char idempotency_key[101];
    const char *issuer, *issuer_type;
    struct probe_slot *probes;
    size_t probe_count, probe_room;

    /* What they answered. */
    enum rv_status status;
    struct rv_error error;
    struct rv_connector_result connector; /* csr copied into the arena */
    struct rv_issue_result issue;         /* everything copied into the arena */
};

struct job {
    struct rv_engine *engine;
    struct job *next;
    int64_t binding;
    char certificate[64], target[64];
    bool in_store; /* a transaction uses this memory */
    bool waits;    /* begun, and waiting for its issuer's lane */
    bool last;     /* the engine stops: record, but decide nothing new */
    bool woke;     /* neighbours became due */
    struct rv_timer *deadline;
    struct call *call; /* in flight, or answered and being recorded */

    /* Decided in a transaction, which may be rolled back and run again. */
    struct rv_binding_row row;
    struct rv_action action;
    struct call *next_call;
};

struct rv_engine {
    struct rv_engine_options o;
    int refs; /* one for the owner, one for each job and each question to the store */
    bool dead, running, stopping;
    bool reading; /* the queue is being read */
    bool again;   /* something happened meanwhile: read once more */
    bool hold;    /* the store failed: no reading before the timer */
    bool waking;  /* a wake is on its way */
    bool skipped; /* something due waits for its target's lane */
    int page;     /* how many due rows to read */
    struct job *jobs;
    int job_count;
    struct trust *trust;
    struct rv_timer *timer;
    rv_time next_due;
    int64_t clock_offset; /* wall minus monotonic */
    rv_time marked;       /* when the mark in the store was set */
    void (*stopped)(void *arg);
    void *stopped_arg;
    struct rv_engine_stats stats;
};

/* engine.c */
struct rv_engine *rv_engine_ref(struct rv_engine *engine);
void rv_engine_unref(struct rv_engine *engine);
void rv_trust_unref(struct trust *trust); /* NULL is fine */
rv_time rv_engine_now(const struct rv_engine *engine);
/* Tells who asked for the stop, once nothing is in work. */
void rv_engine_say_stopped(struct rv_engine *engine);
/* queue.c: takes up what is due; again after `delay`, or a minute at most. */
void rv_engine_pump(struct rv_engine *engine);
void rv_engine_arm(struct rv_engine *engine, rv_dur delay);
void rv_engine_hold(struct rv_engine *engine); /* the store failed: nothing for a moment */
/* clock.c: once a minute, and at start with the mark of the last run. */
void rv_engine_watch_clock(struct rv_engine *engine);
RV_MUST_CHECK enum rv_status rv_engine_clock_read(struct rv_tx *tx, rv_time *ret, struct rv_error *err); /* 0: no mark */
void rv_engine_clock_start(struct rv_engine *engine, rv_time last);
/* job.c */
void rv_job_begin(struct rv_engine *engine, int64_t binding, const char *certificate, const char *target);
void rv_job_free(struct job *job);
bool rv_job_exists(const struct rv_engine *engine, int64_t binding);
int rv_jobs_at(const struct rv_engine *engine, const char *target);
struct call *rv_call_create(struct job *job);
void rv_call_free(struct call *call); /* NULL is fine */
/* An answer came: records it, unless nobody waits any more. */
void rv_call_answered(struct call *call);

/* decide.c: inside a write transaction, for the row that the job holds. Fills action and, for RV_DO, next_call. */
RV_MUST_CHECK enum rv_status rv_job_decide(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err);
/* record.c: inside a write transaction. Turns the call's answer into facts of a freshly read row, ends the effect and
 * audits. */
RV_MUST_CHECK enum rv_status rv_job_record(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err);
/* served.c: the served view from the endpoint rows. */
RV_MUST_CHECK enum rv_status rv_served_load(struct rv_tx *tx, struct rv_binding_row *row, struct rv_error *err);
/* bindings.c: from one certificate and all targets to its bindings. */
struct objects;
RV_MUST_CHECK enum rv_status rv_bindings_compute(struct rv_tx *tx, rv_digest_fn digest, const struct rv_object *certificate,
                                                 const struct objects *targets, rv_time now, struct rv_arena *arena,
                                                 struct rv_error *err);
/* objects.c: reads and decodes a stored object; the built-in one when none is stored. */
RV_MUST_CHECK enum rv_status rv_object_load(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_arena *arena,
                                            const struct rv_object **ret, struct rv_error *err);
/* Every stored object of a kind, decoded, in order of name. */
struct objects {
    size_t count, cap;
    const struct rv_object **items;
};
RV_MUST_CHECK enum rv_status rv_objects_load(struct rv_tx *tx, enum rv_kind kind, struct rv_arena *arena,
                                             struct objects *ret, struct rv_error *err);
void rv_spec_hash(rv_digest_fn digest, const struct rv_object *certificate, struct rv_hash *ret);

/* steps.c: what each step is, as a table. */
enum lane { LANE_TARGET, LANE_ISSUER, LANE_ENDPOINTS };
struct step {
    const char *name;
    void (*start)(struct call *call);
    rv_dur deadline;
    enum lane lane;
    bool journalled;    /* looks are not: they may be repeated at any time */
    const char *action; /* audit action of its success, NULL: none */
};
const struct step *rv_step_of(enum rv_step step);
