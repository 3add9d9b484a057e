/* Lifecycle, computed from facts and the time. Nothing stores it, so nothing has to repair it. */
#include "core/plan.h"

static const char *const state_names[RV_STATE_COUNT] = {
    [RV_STATE_READY] = "Ready",     [RV_STATE_RENEWING] = "Renewing", [RV_STATE_PROGRESSING] = "Progressing",
    [RV_STATE_WAITING] = "Waiting", [RV_STATE_DEGRADED] = "Degraded", [RV_STATE_NEEDS_PERSON] = "NeedsPerson",
};

const char *rv_state_name(enum rv_state state)
{
    return (unsigned)state < RV_STATE_COUNT ? state_names[state] : "Unknown";
}

static bool watches(const struct rv_binding *b)
{
    return !b->wanted.deploys || b->wanted.mode == RV_MODE_OBSERVE;
}

/* Handshakes count for two rounds: one may be late. */
static bool seen_lately(const struct rv_policy *policy, const struct rv_binding *b, rv_time now)
{
    rv_dur age = now - b->served.observed_at;
    return b->served.observed_at != 0 && age >= 0 && age <= 2 * policy->probe_every;
}

static bool not_expired(const struct rv_binding *b, rv_time now)
{
    return b->served.earliest_not_after > now;
}

bool rv_binding_ready(const struct rv_policy *policy, const struct rv_binding *b, rv_time now)
{
    if (b->wanted.deleted || b->wanted.endpoints == 0 || b->served.good < b->wanted.endpoints ||
        !seen_lately(policy, b, now) || !not_expired(b, now))
        return false;
    if (watches(b))
        return true;
    return b->issued.have && b->issued.revoked_at == 0 && now < b->issued.not_after &&
           rv_hash_equal(&b->proved, &b->issued.fingerprint);
}

/* The certificate that was proved last is still served while a newer one is on its way. */
static bool covered(const struct rv_policy *policy, const struct rv_binding *b, rv_time now)
{
    return !rv_hash_is_zero(&b->proved) && b->wanted.endpoints > 0 &&
           b->served.good + b->served.previous >= b->wanted.endpoints && seen_lately(policy, b, now) &&
           not_expired(b, now) && b->issued.revoked_at == 0;
}

/* A switch makes what was seen before worthless. Until the next handshakes nothing says that anything is wrong. */
static bool between_looks(const struct rv_policy *policy, const struct rv_binding *b, rv_time now)
{
    return b->served.observed_at == 0 && b->switched_at > b->kept_at && now - b->switched_at <= policy->settle &&
           !rv_hash_is_zero(&b->proved) && b->issued.revoked_at == 0;
}

enum rv_state rv_binding_state(const struct rv_policy *policy, const struct rv_binding *b,
                               const struct rv_rollout_view *rollout, rv_time now)
{
    struct rv_action a = rv_plan_next(policy, b, rollout, now);
    bool ready = rv_binding_ready(policy, b, now), ever = !rv_hash_is_zero(&b->proved);
    if (a.verdict == RV_HALT)
        return RV_STATE_NEEDS_PERSON;
    if (watches(b))
        return ready ? RV_STATE_READY : b->served.observed_at == 0 ? RV_STATE_PROGRESSING : RV_STATE_DEGRADED;
    if (a.verdict == RV_WAIT && a.reason == RV_WHY_APPROVAL)
        return RV_STATE_WAITING;
    if (ready) /* a look changes nothing; any other step means that a newer certificate is on its way */
        return a.reason == RV_WHY_CONVERGED || a.reason == RV_WHY_STALE || a.reason == RV_WHY_PAUSED ||
                       a.reason == RV_WHY_TARGET_LOCKED || a.reason == RV_WHY_WATCHING
                   ? RV_STATE_READY
                   : RV_STATE_RENEWING;
    bool same = rv_hash_equal(&b->proved, &b->issued.fingerprint);
    if ((covered(policy, b, now) || between_looks(policy, b, now)) && !same)
        return RV_STATE_RENEWING;
    if (ever && (same || !seen_lately(policy, b, now) || !not_expired(b, now)) && b->switched_at <= b->kept_at)
        return RV_STATE_DEGRADED;
    return a.verdict == RV_WAIT && a.reason != RV_WHY_NOT_PROVED ? RV_STATE_WAITING : RV_STATE_PROGRESSING;
}
