/* What Reeve does, as ten rules in order. The first rule that has an answer gives it; each sees only facts and the time.
 *
 *   hands off     what is removed or paused is left alone
 *   look first    a step whose outcome is not known is looked at before anything else
 *   only watch    without something to deploy, or without leave to change anything, there are only looks
 *   trial         a switch that is not proved yet proves itself by handshakes, or goes back
 *   ask endpoints what is served is asked again when the last answer is old
 *   ask target    what lies on the target is asked again when the last answer is old, or somebody holds its lock
 *   obtain        a certificate is made when there is none that fits, and renewed before it is needed
 *   stage         it is put on the target, beside what is there
 *   switch        the target is switched to it, when the rollout lets it
 *   rest          all is as wanted: wait until something is due
 *
 * Every step that changes something passes one gate (`change`): approval, neighbours, back-off, fresh facts. */
#include "core/plan.h"

#include "base/alloc.h"
#include "core/mix.h"
#include "core/retry.h"

const struct rv_policy rv_policy_default = {
    .max_issues = 3,
    .max_switch_failures = 3,
    .max_drifts = 3,
    .observe_every = RV_HOUR(24),
    .probe_every = RV_HOUR(6),
    .probe_retry = RV_SEC(1),
    .settle = RV_SEC(30),
    .settle_rounds = 3,
    .fresh = RV_MIN(5),
    .renew_jitter_percent = 10,
};

#define WINDOW RV_DAY(1)          /* budgets forget what is older */
#define RELOOK RV_SEC(15)         /* at a target that is in other hands */
#define KEY_WAITS RV_DAY(7)       /* a key whose certificate did not come by then is made anew */
#define LONGEST_BACKOFF RV_DAY(2) /* a back-off that ends later was written under another clock */

struct situation {
    const struct rv_policy *policy;
    const struct rv_binding *b;
    const struct rv_rollout_view *rollout;
    rv_time now;
    const struct rv_binding *given; /* b before clamping: its round is what a person saw */
};
typedef bool rule(const struct situation *s, struct rv_action *ret);

/* ---- Time: when is something due ------------------------------------------------------------------------------- */

rv_time rv_renew_at(const struct rv_policy *policy, const struct rv_binding *b)
{
    if (!b->issued.have)
        return 0;
    const struct rv_renew_rule *renew = &b->wanted.renew;
    rv_dur life = b->issued.not_after - b->issued.not_before;
    rv_dur lead = renew->percent > 0 ? life / 100 * renew->percent : renew->before;
    rv_dur jitter = lead / 100 * policy->renew_jitter_percent;
    /* A fleet issued in one minute is not renewed in one minute (M-62); the first batch takes the early quarter, so
     * that it has gone through before the others start. */
    rv_dur early = jitter / 4, late = jitter - early;
    uint64_t mixed = rv_mix((uint64_t)b->id, 1);
    lead += b->wanted.batch == 0 ? late + rv_mix_share(mixed, early) : rv_mix_share(mixed, late);
    /* A lead as long as the lifetime would renew for ever. */
    return b->issued.not_after - (lead < life / 10 * 9 ? lead : life / 10 * 9);
}

static bool later(rv_time since, rv_dur wait, rv_time now)
{
    return since == 0 || now - since >= wait;
}

static bool all_good(const struct rv_binding *b)
{
    return b->wanted.endpoints > 0 && b->served.observed_at != 0 && b->served.good >= b->wanted.endpoints;
}

static bool proved(const struct rv_binding *b)
{
    return b->issued.have && rv_hash_equal(&b->proved, &b->issued.fingerprint);
}

static rv_time probe_at(const struct situation *s)
{
    const struct rv_binding *b = s->b;
    if (b->wanted.endpoints == 0)
        return RV_TIME_FAR;
    if (b->served.observed_at == 0)
        return 0;
    rv_dur every = s->policy->probe_every;
    every -= rv_mix_share(rv_mix((uint64_t)b->id, 2), every / 8); /* spreads handshakes over the day */
    if (proved(b) && !all_good(b) && every > s->policy->fresh)
        every = s->policy->fresh;
    return b->served.observed_at + every;
}

static rv_time observe_at(const struct situation *s)
{
    if (!s->b->wanted.deploys)
        return RV_TIME_FAR;
    return s->b->target.observed_at == 0 ? 0 : s->b->target.observed_at + s->policy->observe_every;
}

/* Half of the renewal lead is gone, and what is served here will expire: waiting for others would make it worse. */
static rv_time urgent_at(const struct situation *s)
{
    const struct rv_binding *b = s->b;
    rv_time end = b->served.earliest_not_after;
    if (end == 0 || rv_hash_is_zero(&b->proved) || !b->issued.have)
        return RV_TIME_FAR;
    return end - (b->issued.not_after - rv_renew_at(s->policy, b)) / 2;
}

/* The next moment at which time alone may change the answer. Every wait ends there at the latest, so that nothing is
 * ever due before its not_before. */
static rv_time next_moment(const struct situation *s)
{
    const struct rv_binding *b = s->b;
    const rv_time moments[] = {
        probe_at(s),
        observe_at(s),
        b->budget.not_before,
        b->issued.have ? rv_renew_at(s->policy, b) : 0,
        b->issued.have ? b->issued.not_before : 0,
        b->issued.have ? b->issued.not_after : 0,
        b->budget.issued_in_window > 0 ? b->issued.issued_at + WINDOW : 0,
        b->budget.drifts > 0 && b->switched_at != 0 ? b->switched_at + WINDOW : 0,
        b->pending.have ? b->pending.made_at + KEY_WAITS : 0,
        s->rollout->earlier_done_at != 0 ? s->rollout->earlier_done_at + b->wanted.soak : 0,
        urgent_at(s),
    };
    rv_time next = RV_TIME_FAR;
    for (size_t i = 0; i < RV_COUNT(moments); i++)
        if (moments[i] > s->now && moments[i] < next)
            next = moments[i];
    return next;
}

bool rv_binding_clamp(struct rv_binding *b, rv_time now)
{
    bool changed = false;
    rv_time *const seen[] = {&b->target.observed_at, &b->served.observed_at};
    rv_time *const done[] = {&b->issued.issued_at, &b->issued.revoked_at, &b->pending.made_at,
                             &b->switched_at,      &b->proved_at,         &b->kept_at};
    for (size_t i = 0; i < RV_COUNT(seen); i++)
        if (*seen[i] > now) {
            *seen[i] = 0;
            changed = true;
        }
    for (size_t i = 0; i < RV_COUNT(done); i++)
        if (*done[i] > now) {
            *done[i] = now;
            changed = true;
        }
    if (b->budget.not_before > now + LONGEST_BACKOFF) {
        b->budget.not_before = 0;
        changed = true;
    }
    return changed;
}

/* ---- Answers --------------------------------------------------------------------------------------------------- */

static bool answer(struct rv_action *ret, enum rv_verdict verdict, enum rv_step step, enum rv_reason reason, rv_time at)
{
    *ret = (struct rv_action){verdict, step, reason, at};
    return true;
}

static bool do_now(const struct situation *s, struct rv_action *ret, enum rv_step step, enum rv_reason reason)
{
    return answer(ret, RV_DO, step, reason, s->now);
}

/* Not now: `step` at `at`, and a look before that when one is due earlier. */
static bool hold(const struct situation *s, struct rv_action *ret, enum rv_verdict verdict, enum rv_step step,
                 enum rv_reason reason, rv_time at)
{
    rv_time next = next_moment(s);
    if (next < at) {
        at = next;
        step = next == probe_at(s) ? RV_STEP_PROBE : next == observe_at(s) ? RV_STEP_OBSERVE : step;
    }
    return answer(ret, verdict, step, reason, at);
}

static bool backing_off(const struct situation *s)
{
    return s->now < s->b->budget.not_before;
}

static bool back_off(const struct situation *s, struct rv_action *ret, enum rv_step step)
{
    const struct rv_budget *budget = &s->b->budget;
    int give_up = rv_retry_for(budget->failed_step, budget->failed_status)->give_up;
    bool person = give_up > 0 && budget->failures >= give_up;
    return hold(s, ret, person ? RV_HALT : RV_WAIT, step, RV_WHY_BACKOFF, budget->not_before);
}

/* A target that could not be looked at is left in peace for a while; its endpoints are still watched. */
static bool look_at_target(const struct situation *s, struct rv_action *ret, enum rv_reason reason)
{
    if (!backing_off(s) || s->b->budget.failed_step != RV_STEP_OBSERVE)
        return do_now(s, ret, RV_STEP_OBSERVE, reason);
    if (probe_at(s) <= s->now)
        return do_now(s, ret, RV_STEP_PROBE, RV_WHY_STALE);
    return back_off(s, ret, RV_STEP_OBSERVE);
}

/* ---- The gate that every change passes ------------------------------------------------------------------------- */

static int failure_budget(const struct rv_binding *b)
{
    return b->wanted.max_failed > 1 ? b->wanted.max_failed : 1;
}

/* Neighbours matter for a certificate that is new here. One that has been proved on this target may always be put back
 * in place. */
static bool neighbours_let(const struct situation *s, struct rv_action *ret, enum rv_step step)
{
    const struct rv_rollout_view *r = s->rollout;
    const struct rv_binding *b = s->b;
    if (b->budget.switch_failures > 0) /* counted as failed already; if it waited for those who wait for it, all would */
        return true;
    if (r->failed >= failure_budget(b))
        return !hold(s, ret, RV_WAIT, step, RV_WHY_FAILURE_BUDGET, RV_TIME_FAR);
    /* No more may be unproved at one time than may fail: so no more can fail. */
    if (step == RV_STEP_SWITCH && r->failed + r->at_risk >= failure_budget(b))
        return !hold(s, ret, RV_WAIT, step, RV_WHY_BATCH, RV_TIME_FAR);
    if (urgent_at(s) <= s->now)
        return true;
    if (r->earlier_open)
        return !hold(s, ret, RV_WAIT, step, RV_WHY_BATCH, RV_TIME_FAR);
    if (r->earlier_done_at != 0 && s->now < r->earlier_done_at + b->wanted.soak)
        return !hold(s, ret, RV_WAIT, step, RV_WHY_SOAK, r->earlier_done_at + b->wanted.soak);
    return true;
}

static bool asks_neighbours(const struct rv_binding *b, enum rv_step step)
{
    bool makes_new = step == RV_STEP_KEY || step == RV_STEP_ISSUE;
    return makes_new || ((step == RV_STEP_STAGE || step == RV_STEP_SWITCH) && !proved(b));
}

static bool change(const struct situation *s, struct rv_action *ret, enum rv_step step, enum rv_reason reason)
{
    const struct rv_binding *b = s->b;
    if (b->wanted.mode == RV_MODE_PROPOSE && b->wanted.approved != rv_round(s->given))
        return hold(s, ret, RV_WAIT, step, RV_WHY_APPROVAL, RV_TIME_FAR);
    if (asks_neighbours(b, step) && !neighbours_let(s, ret, step))
        return true;
    if (backing_off(s))
        return back_off(s, ret, step);
    if (later(b->target.observed_at, s->policy->fresh, s->now))
        return look_at_target(s, ret, RV_WHY_STALE);
    return do_now(s, ret, step, reason);
}

int64_t rv_round(const struct rv_binding *b)
{
    uint64_t round = rv_mix((uint64_t)b->wanted.renew_request, (uint64_t)b->kept_at);
    for (size_t i = 0; i < RV_HASH_SIZE; i++)
        round = rv_mix(round, b->wanted.spec.b[i]);
    return (int64_t)(round & INT64_MAX) | 1;
}

/* ---- The rules ------------------------------------------------------------------------------------------------- */

static bool hands_off(const struct situation *s, struct rv_action *ret)
{
    if (s->b->wanted.deleted)
        return answer(ret, RV_WAIT, RV_STEP_NONE, RV_WHY_REMOVED, RV_TIME_FAR);
    if (s->b->wanted.paused)
        return answer(ret, RV_WAIT, RV_STEP_NONE, RV_WHY_PAUSED, RV_TIME_FAR);
    return false;
}

static bool look_first(const struct situation *s, struct rv_action *ret)
{
    return s->b->wanted.deploys && s->b->unfinished != RV_STEP_NONE && look_at_target(s, ret, RV_WHY_UNFINISHED);
}

/* Without an endpoint nothing could prove a switch, so none is made. */
static bool only_watch(const struct situation *s, struct rv_action *ret)
{
    const struct rv_wanted *w = &s->b->wanted;
    if (w->deploys && w->mode != RV_MODE_OBSERVE && w->endpoints > 0)
        return false;
    if (probe_at(s) <= s->now)
        return do_now(s, ret, RV_STEP_PROBE, RV_WHY_WATCHING);
    if (observe_at(s) <= s->now)
        return look_at_target(s, ret, RV_WHY_WATCHING);
    return hold(s, ret, RV_WAIT, RV_STEP_PROBE, RV_WHY_WATCHING, RV_TIME_FAR);
}

/* The target points at the issued certificate, but nothing has proved that it is served. Either its own undo is armed,
 * or we do not know how it came to be there. */
static bool on_trial(const struct rv_binding *b)
{
    return b->issued.have && b->target.observed_at != 0 && rv_hash_equal(&b->target.current, &b->issued.fingerprint) &&
           (rv_hash_equal(&b->target.armed, &b->issued.fingerprint) || (rv_hash_is_zero(&b->target.armed) && !proved(b)));
}

static bool trial(const struct situation *s, struct rv_action *ret)
{
    const struct rv_binding *b = s->b;
    if (!on_trial(b))
        return false;
    bool armed = !rv_hash_is_zero(&b->target.armed);
    if (armed && s->now >= b->target.armed_until) { /* the target has put it back by itself */
        rv_time look = b->target.observed_at < b->target.armed_until ? 0 : b->target.observed_at + RELOOK;
        return look <= s->now ? look_at_target(s, ret, RV_WHY_STALE)
                              : answer(ret, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_STALE, look);
    }
    rv_time since = b->switched_at != 0 ? b->switched_at : b->target.observed_at;
    bool asked = b->served.observed_at != 0 && b->served.observed_at >= since;
    rv_time next_probe = asked ? b->served.observed_at + s->policy->probe_retry : s->now;

    if (asked && all_good(b) && b->settle_probes >= s->policy->settle_rounds)
        return backing_off(s) && b->budget.failed_step == RV_STEP_KEEP ? back_off(s, ret, RV_STEP_KEEP)
                                                                       : do_now(s, ret, RV_STEP_KEEP, RV_WHY_PROVED);
    /* Old and new workers overlap for a moment, so the old certificate is no failure yet; a refused handshake is. */
    bool over = s->now >= since + s->policy->settle;
    bool failed = asked && (b->served.refused > 0 || (over && !all_good(b)));
    if (failed && !armed && rv_hash_is_zero(&b->target.previous)) { /* no way back: go on asking */
        rv_time again = b->served.observed_at + RELOOK;
        return again <= s->now ? do_now(s, ret, RV_STEP_PROBE, RV_WHY_NOT_SERVED)
                               : answer(ret, RV_HALT, RV_STEP_PROBE, RV_WHY_NOT_SERVED, again);
    }
    if (failed && backing_off(s) && b->budget.failed_step == RV_STEP_UNDO)
        return back_off(s, ret, RV_STEP_UNDO); /* the way back does not work: soon a person is told */
    if (failed)
        return do_now(s, ret, RV_STEP_UNDO, RV_WHY_NOT_SERVED);
    if (next_probe <= s->now)
        return do_now(s, ret, RV_STEP_PROBE, RV_WHY_NOT_PROVED);
    if (!over && next_probe > since + s->policy->settle)
        next_probe = since + s->policy->settle;
    return answer(ret, RV_WAIT, RV_STEP_PROBE, RV_WHY_NOT_PROVED, next_probe);
}

static bool ask_endpoints(const struct situation *s, struct rv_action *ret)
{
    return probe_at(s) <= s->now &&
           do_now(s, ret, RV_STEP_PROBE,
                  s->b->kept_at == 0 && s->b->served.observed_at == 0 ? RV_WHY_NEVER_OBSERVED : RV_WHY_STALE);
}

static bool ask_target(const struct situation *s, struct rv_action *ret)
{
    const struct rv_target_view *t = &s->b->target;
    if (observe_at(s) <= s->now)
        return look_at_target(s, ret, t->observed_at == 0 && !s->b->issued.have ? RV_WHY_NEVER_OBSERVED : RV_WHY_STALE);
    if (!t->locked_by_other && rv_hash_is_zero(&t->armed))
        return false;
    if (later(t->observed_at, RELOOK, s->now))
        return look_at_target(s, ret, RV_WHY_TARGET_LOCKED);
    return hold(s, ret, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_TARGET_LOCKED, t->observed_at + RELOOK);
}

static bool is_current(const struct rv_binding *b)
{
    return rv_hash_equal(&b->target.current, &b->issued.fingerprint);
}

static bool key_waits(const struct situation *s)
{
    const struct rv_binding *b = s->b;
    return b->pending.have && rv_hash_equal(&b->pending.spec, &b->wanted.spec) &&
           b->pending.renew_request == b->wanted.renew_request && !b->target.key_lost &&
           !later(b->pending.made_at, KEY_WAITS, s->now);
}

/* Why a new certificate is needed; RV_WHY_CONVERGED: it is not. */
static enum rv_reason why_new(const struct situation *s)
{
    const struct rv_binding *b = s->b;
    if (!b->issued.have)
        return RV_WHY_NOT_ISSUED;
    if (b->issued.revoked_at != 0)
        return RV_WHY_REVOKED;
    if (s->now < b->issued.not_before || s->now >= b->issued.not_after)
        return RV_WHY_EXPIRED;
    if (!rv_hash_equal(&b->issued.spec, &b->wanted.spec))
        return RV_WHY_SPEC_CHANGED;
    if (b->issued.renew_request < b->wanted.renew_request)
        return RV_WHY_REQUESTED;
    if (s->now >= rv_renew_at(s->policy, b))
        return RV_WHY_RENEWAL_DUE;
    /* It can never be staged; or that was seen before, and the new key waits already. */
    bool elsewhere = b->target.observed_at != 0 && !b->target.staged && !is_current(b);
    if (elsewhere && (b->pending.have ? key_waits(s) : b->target.key_lost))
        return RV_WHY_KEY_LOST;
    return RV_WHY_CONVERGED;
}

static bool obtain(const struct situation *s, struct rv_action *ret)
{
    const struct rv_binding *b = s->b;
    enum rv_reason reason = why_new(s);
    if (reason == RV_WHY_CONVERGED)
        return false;
    enum rv_step step = key_waits(s) ? RV_STEP_ISSUE : RV_STEP_KEY;
#ifndef REEVE_CANARY_BUDGET
    if (b->budget.issued_in_window >= s->policy->max_issues && !later(b->issued.issued_at, WINDOW, s->now))
        return hold(s, ret, RV_HALT, step, RV_WHY_ISSUE_BUDGET, b->issued.issued_at + WINDOW);
#endif
    return change(s, ret, step, reason);
}

static bool stage(const struct situation *s, struct rv_action *ret)
{
    return !is_current(s->b) && !s->b->target.staged && change(s, ret, RV_STEP_STAGE, RV_WHY_NOT_STAGED);
}

/* An endpoint that does not answer, or answers with a chain that does not hold, is not helped by switching again. */
static bool other_is_served(const struct rv_binding *b)
{
    return b->served.observed_at != 0 && (b->served.foreign > 0 || b->served.previous > 0);
}

static bool switch_to(const struct situation *s, struct rv_action *ret)
{
    const struct rv_binding *b = s->b;
    if (is_current(b) && !other_is_served(b))
        return false;
    if (proved(b)) { /* it was in place: somebody took it away */
        if (b->budget.drifts >= s->policy->max_drifts && !later(b->switched_at, WINDOW, s->now))
            return hold(s, ret, RV_HALT, RV_STEP_SWITCH, RV_WHY_RIVAL, b->switched_at + WINDOW);
        return change(s, ret, RV_STEP_SWITCH, RV_WHY_DRIFT);
    }
    int limit = b->wanted.undo_auto ? s->policy->max_switch_failures : 1;
    if (b->budget.switch_failures >= limit)
        return hold(s, ret, RV_HALT, RV_STEP_SWITCH, RV_WHY_SWITCH_FAILED, RV_TIME_FAR);
    return change(s, ret, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT);
}

static bool rest(const struct situation *s, struct rv_action *ret)
{
    return hold(s, ret, RV_WAIT, RV_STEP_KEY, all_good(s->b) ? RV_WHY_CONVERGED : RV_WHY_NOT_SERVED,
                rv_renew_at(s->policy, s->b));
}

static rule *const rules[] = {hands_off,  look_first, only_watch, trial,     ask_endpoints,
                              ask_target, obtain,     stage,      switch_to, rest};

struct rv_action rv_plan_next(const struct rv_policy *policy, const struct rv_binding *binding,
                              const struct rv_rollout_view *rollout, rv_time now)
{
    static const struct rv_rollout_view alone;
    struct rv_binding b = *binding;
    rv_binding_clamp(&b, now);
    struct situation s = {policy, &b, rollout != NULL ? rollout : &alone, now, binding};
    struct rv_action action = {RV_WAIT, RV_STEP_NONE, RV_WHY_CONVERGED, RV_TIME_FAR};
    for (size_t i = 0; i < RV_COUNT(rules) && !rules[i](&s, &action); i++)
        ;
    return action;
}

bool rv_plan_asks_neighbours(const struct rv_binding *binding, const struct rv_action *action)
{
    return asks_neighbours(binding, action->step);
}
