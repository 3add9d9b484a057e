/* The plan: what is the one next thing to do for a binding, not before when, and why. A pure function; `plan`, `why`,
 * the forecast and the reconcile loop all call it. Same inputs, same answer. Calling early is harmless; calling late
 * only delays. It never asks for a step that would take away the last good pair, and never for an issue beyond the
 * budget. */
#pragma once
#include "core/facts.h"

/* Limits and rhythms. Times are durations, counts are per binding. */
struct rv_policy {
    int max_issues;           /* certificates per binding since it last converged, within a day */
    int max_switch_failures;  /* switches put back before a person is needed */
    int max_drifts;           /* replaced by a rival this often in a day: stop and name it */
    rv_dur observe_every;     /* target */
    rv_dur probe_every;       /* converged endpoint */
    rv_dur probe_retry;       /* between handshakes inside the settle window */
    rv_dur settle;            /* how long old and new may be mixed after a switch */
    int settle_rounds;        /* good rounds in a row that prove a switch */
    rv_dur fresh;             /* an observation older than this is looked at again before a change */
    int renew_jitter_percent; /* of the renewal lead: spreads a fleet issued in one minute (M-62) */
};
extern const struct rv_policy rv_policy_default;

/* Why: a stable code for machines, one sentence for people comes from rv_reason_text. */
enum rv_reason {
    RV_WHY_CONVERGED,
    RV_WHY_PAUSED,
    RV_WHY_WATCHING, /* mode Observe, or nothing to deploy */
    RV_WHY_NEVER_OBSERVED,
    RV_WHY_UNFINISHED, /* a step was started and its outcome is not known */
    RV_WHY_STALE,      /* what we know is too old to act on */
    RV_WHY_NOT_ISSUED,
    RV_WHY_SPEC_CHANGED,
    RV_WHY_RENEWAL_DUE,
    RV_WHY_EXPIRED,
    RV_WHY_REVOKED,
    RV_WHY_REQUESTED, /* `reeve renew` */
    RV_WHY_KEY_LOST,
    RV_WHY_NOT_STAGED,
    RV_WHY_NOT_CURRENT, /* staged, but the target points at another pair */
    RV_WHY_NOT_PROVED,  /* switched; handshakes have not shown it yet */
    RV_WHY_PROVED,      /* handshakes showed it; the undo can be disarmed */
    RV_WHY_NOT_SERVED,  /* the settle window passed and it is not served */
    RV_WHY_DRIFT,       /* converged before; something else is served now */
    RV_WHY_BACKOFF,
    RV_WHY_BATCH, /* earlier batches first */
    RV_WHY_SOAK,
    RV_WHY_FAILURE_BUDGET, /* too many targets of this rollout failed */
    RV_WHY_APPROVAL,       /* mode Propose: a person must agree */
    RV_WHY_ISSUE_BUDGET,   /* issued again and again without converging */
    RV_WHY_SWITCH_FAILED,  /* put back too often */
    RV_WHY_RIVAL,          /* someone else keeps replacing it */
    RV_WHY_TARGET_LOCKED,
    RV_WHY_REMOVED, /* no longer declared */
    RV_WHY_COUNT
};
const char *rv_reason_code(enum rv_reason reason); /* "RenewalDue", a stable CamelCase word */
const char *rv_reason_text(enum rv_reason reason); /* what is the case: "renewal is due" */
const char *rv_step_doing(enum rv_step step);      /* while it is carried out: "switching the target" */

enum rv_verdict {
    RV_DO,   /* carry out `step` now */
    RV_WAIT, /* nothing to do before `not_before` */
    RV_HALT  /* a person is needed; only observing goes on at `not_before` */
};

struct rv_action {
    enum rv_verdict verdict;
    enum rv_step step; /* what to do now, or what comes next at not_before */
    enum rv_reason reason;
    rv_time not_before; /* RV_DO: <= now */
};

/* rollout NULL: no neighbours. */
struct rv_action rv_plan_next(const struct rv_policy *policy, const struct rv_binding *binding,
                              const struct rv_rollout_view *rollout, rv_time now);
/* Can the neighbours change this answer? Saves loading them where they cannot. */
bool rv_plan_asks_neighbours(const struct rv_binding *binding, const struct rv_action *action);

/* What is the case, with the numbers, names and times that make it concrete: "renewal is due since 3h". Returns out. */
const char *rv_plan_reason(const struct rv_policy *policy, const struct rv_binding *binding,
                           const struct rv_rollout_view *rollout, enum rv_reason reason, rv_time now, char *out,
                           size_t size);

/* One sentence for people: what is the case, what happens next, when, and what would change that. Returns out. */
const char *rv_plan_explain(const struct rv_policy *policy, const struct rv_binding *binding,
                            const struct rv_rollout_view *rollout, rv_time now, char *out, size_t size);

/* Lifecycle of a binding or a certificate, computed. Order is severity: the worst of several is the largest. */
enum rv_state {
    RV_STATE_READY,    /* every endpoint served the issued certificate when last asked, and that is not long ago */
    RV_STATE_RENEWING, /* Ready, and a newer one is on its way */
    RV_STATE_PROGRESSING,
    RV_STATE_WAITING,  /* for approval, batch, soak, back-off */
    RV_STATE_DEGRADED, /* something other than wanted is served; being worked on */
    RV_STATE_NEEDS_PERSON,
    RV_STATE_COUNT
};
const char *rv_state_name(enum rv_state state);
enum rv_state rv_binding_state(const struct rv_policy *policy, const struct rv_binding *binding,
                               const struct rv_rollout_view *rollout, rv_time now);
/* Ready means served: issued, not expired, and every endpoint served it. */
bool rv_binding_ready(const struct rv_policy *policy, const struct rv_binding *binding, rv_time now);

/* When renewal of the issued certificate is due; 0 while there is none. The place within the jitter follows from the
 * binding's id; a first batch comes before the others. */
rv_time rv_renew_at(const struct rv_policy *policy, const struct rv_binding *binding);

/* The round that a change belongs to: this specification, this request, since this proof. Never 0. A person who agrees
 * to a proposed plan agrees to this number (wanted.approved), which covers every step up to the next proof. */
int64_t rv_round(const struct rv_binding *binding);

/* Facts from the future mean that the clock was stepped back. What was seen then is to be looked at again, what was
 * done then counts as done now. The plan does this to its own copy; the engine keeps the result. True when it changed. */
bool rv_binding_clamp(struct rv_binding *binding, rv_time now);

/* Counts one other target of the same certificate into a view that starts zeroed. */
void rv_rollout_add(const struct rv_policy *policy, const struct rv_binding *mine, const struct rv_binding *other,
                    rv_time now, struct rv_rollout_view *view);

/* 0-based batch of target `ordinal` out of `total`, by the strategy's batch list; what the list leaves over goes into
 * one more batch. */
int rv_batch_of(const struct rv_batch *batches, size_t count, int ordinal, int total);
