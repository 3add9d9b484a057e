/* core/plan: the rules as a table that reads like a specification, and properties over random bindings. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "core/mix.h"
#include "core/plan.h"
#include "core/retry.h"

#define NOW ((rv_time)1800000000000)
static const struct rv_policy *const policy = &rv_policy_default;

static struct rv_hash hash(unsigned n)
{
    struct rv_hash h = {{0}};
    h.b[0] = (uint8_t)n;
    h.b[31] = n != 0;
    return h;
}
enum { SPEC = 1, OTHER_SPEC = 2, CERT = 10, OLD_CERT = 11, FOREIGN = 12, SPKI = 20 };

/* ---- States that a binding goes through; each starts from the one before. --------------------------------------- */

static struct rv_binding declared(void)
{
    return (struct rv_binding){
        .id = 7,
        .wanted = {.mode = RV_MODE_MANAGE,
                   .deploys = true,
                   .spec = hash(SPEC),
                   .renew = {.percent = 33},
                   .soak = RV_MIN(10),
                   .max_failed = 1,
                   .undo_auto = true,
                   .endpoints = 2},
    };
}
static struct rv_binding probed(void)
{
    struct rv_binding b = declared();
    b.served.observed_at = NOW - RV_SEC(2);
    b.served.foreign = 2;
    return b;
}
static struct rv_binding looked(void)
{
    struct rv_binding b = probed();
    b.target.observed_at = NOW - RV_SEC(1);
    return b;
}
static struct rv_binding keyed(void)
{
    struct rv_binding b = looked();
    b.pending.have = true;
    b.pending.spec = hash(SPEC);
    b.pending.spki = hash(SPKI);
    b.pending.made_at = NOW - RV_SEC(1);
    return b;
}
static struct rv_binding issued(void)
{
    struct rv_binding b = looked();
    b.issued.have = true;
    b.issued.fingerprint = hash(CERT);
    b.issued.spec = hash(SPEC);
    b.issued.certificate_id = 1;
    b.issued.not_before = NOW - RV_MIN(5);
    b.issued.not_after = NOW + RV_DAY(90);
    b.issued.issued_at = NOW - RV_SEC(1);
    b.budget.issued_in_window = 1;
    return b;
}
static struct rv_binding staged(void)
{
    struct rv_binding b = issued();
    b.target.staged = true;
    return b;
}
static struct rv_binding switched(void) /* and looked at after that */
{
    struct rv_binding b = staged();
    b.target.current = b.target.armed = hash(CERT);
    b.target.previous = hash(FOREIGN);
    b.target.armed_until = NOW + RV_SEC(80);
    b.switched_at = NOW - RV_SEC(5);
    b.served.observed_at = NOW - RV_SEC(6); /* before the switch: does not count */
    return b;
}
static struct rv_binding proving(void)
{
    struct rv_binding b = switched();
    b.served = (struct rv_served_view){.observed_at = NOW - RV_SEC(1), .good = 2, .earliest_not_after = NOW + RV_DAY(90)};
    b.settle_probes = 1;
    return b;
}
static struct rv_binding kept(void)
{
    struct rv_binding b = proving();
    b.settle_probes = 3;
    b.target.armed = hash(0);
    b.proved = hash(CERT);
    b.proved_at = b.kept_at = NOW - RV_SEC(1);
    b.budget = (struct rv_budget){0};
    return b;
}
static struct rv_binding renewed(void) /* a new certificate is there, the old one still serves */
{
    struct rv_binding b = kept();
    b.target.current = hash(OLD_CERT);
    b.proved = hash(OLD_CERT);
    b.served.good = 0;
    b.served.previous = 2;
    b.switched_at = 0;
    b.kept_at = NOW - RV_DAY(60);
    b.target.staged = true;
    return b;
}

/* ---- The specification ------------------------------------------------------------------------------------------ */

static void nothing(struct rv_binding *b, struct rv_rollout_view *r)
{
    (void)b, (void)r;
}
#define CHANGE(name) static void name(struct rv_binding *b, struct rv_rollout_view *r)
#define UNUSED (void)b, (void)r
CHANGE(paused)
{
    UNUSED;
    b->wanted.paused = true;
}
CHANGE(removed)
{
    UNUSED;
    b->wanted.deleted = true;
}
CHANGE(observe_mode)
{
    UNUSED;
    b->wanted.mode = RV_MODE_OBSERVE;
}
CHANGE(propose)
{
    UNUSED;
    b->wanted.mode = RV_MODE_PROPOSE;
}
CHANGE(approved)
{
    UNUSED;
    b->wanted.mode = RV_MODE_PROPOSE;
    b->wanted.approved = rv_round(b);
}
CHANGE(approved_before)
{
    UNUSED;
    b->wanted.mode = RV_MODE_PROPOSE;
    b->wanted.approved = rv_round(b);
    b->wanted.renew_request++;
}
CHANGE(watch_only)
{
    UNUSED;
    b->wanted.deploys = false;
}
CHANGE(no_endpoints)
{
    UNUSED;
    b->wanted.endpoints = 0;
}
CHANGE(unfinished)
{
    UNUSED;
    b->unfinished = RV_STEP_SWITCH;
}
CHANGE(unfinished_unreachable)
{
    UNUSED;
    b->unfinished = RV_STEP_SWITCH;
    b->budget.not_before = NOW + RV_MIN(1);
    b->budget.failed_step = RV_STEP_OBSERVE;
    b->budget.failures = 1;
    b->budget.failed_status = RV_UNAVAILABLE;
}
CHANGE(unreachable)
{
    UNUSED;
    b->target.observed_at = 0;
    b->budget.not_before = NOW + RV_MIN(1);
    b->budget.failed_step = RV_STEP_OBSERVE;
    b->budget.failures = 5;
    b->budget.failed_status = RV_UNAVAILABLE;
}
CHANGE(issuer_down)
{
    UNUSED;
    b->budget.not_before = NOW + RV_MIN(1);
    b->budget.failed_step = RV_STEP_ISSUE;
    b->budget.failures = 5;
    b->budget.failed_status = RV_UNAVAILABLE;
}
CHANGE(refused_by_issuer)
{
    UNUSED;
    b->budget.not_before = NOW + RV_MIN(1);
    b->budget.failed_step = RV_STEP_ISSUE;
    b->budget.failures = 3;
    b->budget.failed_status = RV_DENIED;
}
CHANGE(backoff_from_other_clock)
{
    UNUSED;
    b->budget.not_before = NOW + RV_DAY(300);
    b->budget.failed_step = RV_STEP_ISSUE;
}
CHANGE(old_look)
{
    UNUSED;
    b->target.observed_at = NOW - RV_MIN(6);
}
CHANGE(look_from_future)
{
    UNUSED;
    b->target.observed_at = NOW + RV_DAY(30);
}
CHANGE(probe_from_future)
{
    UNUSED;
    b->served.observed_at = NOW + RV_DAY(30);
}
CHANGE(old_probe)
{
    UNUSED;
    b->served.observed_at = NOW - RV_HOUR(7);
}
CHANGE(day_old_look)
{
    UNUSED;
    b->target.observed_at = NOW - RV_HOUR(25);
}
CHANGE(locked)
{
    UNUSED;
    b->target.locked_by_other = true;
}
CHANGE(locked_long)
{
    UNUSED;
    b->target.locked_by_other = true;
    b->target.observed_at = NOW - RV_MIN(1);
}
CHANGE(foreign_armed)
{
    UNUSED;
    b->target.armed = hash(FOREIGN);
    b->target.armed_until = NOW + RV_MIN(1);
}
CHANGE(key_gone)
{
    UNUSED;
    b->target.key_lost = true;
}
CHANGE(key_old)
{
    UNUSED;
    b->pending.made_at = NOW - RV_DAY(8);
}
CHANGE(spec_changed)
{
    UNUSED;
    b->wanted.spec = hash(OTHER_SPEC);
}
CHANGE(requested)
{
    UNUSED;
    b->wanted.renew_request = 1;
}
CHANGE(revoked)
{
    UNUSED;
    b->issued.revoked_at = NOW - RV_SEC(1);
}
CHANGE(expired)
{
    UNUSED;
    b->issued.not_after = NOW;
    b->served.earliest_not_after = NOW;
}
CHANGE(not_yet_valid)
{
    UNUSED;
    b->issued.not_before = NOW + RV_DAY(1);
}
CHANGE(renewal_due)
{
    UNUSED;
    b->issued.not_after = NOW + RV_DAY(28);
    b->issued.not_before = NOW - RV_DAY(62);
}
CHANGE(budget_spent)
{
    UNUSED;
    b->wanted.renew_request = 1;
    b->budget.issued_in_window = 3;
    b->issued.issued_at = NOW - RV_HOUR(1);
}
CHANGE(budget_spent_yesterday)
{
    UNUSED;
    b->wanted.renew_request = 1;
    b->budget.issued_in_window = 3;
    b->issued.issued_at = NOW - RV_HOUR(25);
    b->issued.not_before = NOW - RV_HOUR(25);
}
CHANGE(armed_ran_out)
{
    UNUSED;
    b->target.armed_until = NOW - RV_SEC(1);
    b->target.observed_at = NOW - RV_SEC(30);
}
CHANGE(good_enough)
{
    UNUSED;
    b->settle_probes = 3;
}
CHANGE(good_enough_keep_failed)
{
    UNUSED;
    b->settle_probes = 3;
    b->budget.not_before = NOW + 500;
    b->budget.failed_step = RV_STEP_KEEP;
}
CHANGE(probed_this_moment)
{
    UNUSED;
    b->served.observed_at = NOW;
}
CHANGE(refuses)
{
    UNUSED;
    b->served.good = 1;
    b->served.unreachable = b->served.refused = 1;
}
CHANGE(still_old)
{
    UNUSED;
    b->served.good = 1;
    b->served.previous = 1;
    b->served.observed_at = NOW;
}
CHANGE(still_old_too_long)
{
    UNUSED;
    b->served.good = 1;
    b->served.previous = 1;
    b->switched_at = NOW - RV_MIN(1);
}
CHANGE(good_but_late)
{
    UNUSED;
    b->switched_at = NOW - RV_MIN(1);
}
CHANGE(fails_without_way_back)
{
    UNUSED;
    b->served.good = 0;
    b->served.refused = 2;
    b->target.previous = b->target.armed = hash(0);
    b->served.observed_at = NOW;
}
CHANGE(fails_first_time)
{
    UNUSED;
    b->served.good = 0;
    b->served.refused = 2;
    b->target.previous = hash(0);
}
CHANGE(fails_undo_failed)
{
    UNUSED;
    b->served.good = 0;
    b->served.refused = 2;
    b->budget.failed_step = RV_STEP_UNDO;
    b->budget.not_before = NOW + RV_SEC(2);
}
CHANGE(fails_undo_failed_again)
{
    fails_undo_failed(b, r);
    b->budget.failures = 2;
    b->budget.failed_status = RV_CONFLICT;
}
CHANGE(just_switched)
{
    UNUSED;
    b->switched_at = NOW - RV_SEC(1);
    b->target.current = b->issued.fingerprint;
    b->served = (struct rv_served_view){0};
}
CHANGE(switched_and_never_seen)
{
    just_switched(b, r);
    b->switched_at = NOW - RV_MIN(5);
}
CHANGE(put_back_and_waits_for_others)
{
    UNUSED;
    b->budget.switch_failures = 1;
    b->wanted.batch = 1;
    r->earlier_open = true;
    r->failed = 1;
}
CHANGE(put_back_once)
{
    UNUSED;
    b->budget.switch_failures = 1;
}
CHANGE(put_back_thrice)
{
    UNUSED;
    b->budget.switch_failures = 3;
}
CHANGE(put_back_once_manual)
{
    UNUSED;
    b->budget.switch_failures = 1;
    b->wanted.undo_auto = false;
}
CHANGE(earlier_open)
{
    UNUSED;
    b->wanted.batch = 1;
    r->earlier_open = true;
}
CHANGE(earlier_open_urgent)
{
    UNUSED;
    b->wanted.batch = 1;
    r->earlier_open = true;
    b->served.earliest_not_after = NOW + RV_DAY(3);
}
CHANGE(soaking)
{
    UNUSED;
    b->wanted.batch = 1;
    r->earlier_done_at = NOW - RV_MIN(4);
}
CHANGE(soaked)
{
    UNUSED;
    b->wanted.batch = 1;
    r->earlier_done_at = NOW - RV_MIN(10);
}
CHANGE(neighbour_failed)
{
    UNUSED;
    r->failed = 1;
}
CHANGE(neighbour_failed_of_three)
{
    UNUSED;
    b->wanted.max_failed = 3;
    r->failed = 1;
    r->at_risk = 1;
}
CHANGE(neighbour_at_risk)
{
    UNUSED;
    r->at_risk = 1;
}
CHANGE(pointer_moved)
{
    UNUSED;
    b->target.current = hash(FOREIGN);
}
CHANGE(pointer_moved_slot_gone)
{
    UNUSED;
    b->target.current = hash(FOREIGN);
    b->target.staged = false;
}
CHANGE(foreign_served)
{
    UNUSED;
    b->served.good = 1;
    b->served.foreign = 1;
}
CHANGE(foreign_served_neighbour_failed)
{
    UNUSED;
    b->served.good = 1;
    b->served.foreign = 1;
    r->failed = 1;
}
CHANGE(foreign_again_and_again)
{
    UNUSED;
    b->served.foreign = 2;
    b->served.good = 0;
    b->budget.drifts = 3;
    b->switched_at = NOW - RV_HOUR(1);
}
CHANGE(foreign_next_day)
{
    UNUSED;
    b->served.foreign = 2;
    b->served.good = 0;
    b->budget.drifts = 3;
    b->switched_at = NOW - RV_HOUR(25);
}
CHANGE(endpoint_down)
{
    UNUSED;
    b->served.good = 1;
    b->served.unreachable = 1;
}

static const struct {
    const char *when;
    struct rv_binding (*given)(void);
    void (*but)(struct rv_binding *b, struct rv_rollout_view *r);
    enum rv_verdict verdict;
    enum rv_step step;
    enum rv_reason reason;
    rv_dur in; /* until not_before; -1: not checked */
} specification[] = {
    /* The way of a certificate. */
    {"a new binding: what is served?", declared, nothing, RV_DO, RV_STEP_PROBE, RV_WHY_NEVER_OBSERVED, 0},
    {"then: what lies on the target?", probed, nothing, RV_DO, RV_STEP_OBSERVE, RV_WHY_NEVER_OBSERVED, 0},
    {"no certificate: a key first", looked, nothing, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"with a key: issue", keyed, nothing, RV_DO, RV_STEP_ISSUE, RV_WHY_NOT_ISSUED, 0},
    {"issued: stage", issued, nothing, RV_DO, RV_STEP_STAGE, RV_WHY_NOT_STAGED, 0},
    {"staged: switch", staged, nothing, RV_DO, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT, 0},
    {"switched: handshakes from before do not count", switched, nothing, RV_DO, RV_STEP_PROBE, RV_WHY_NOT_PROVED, 0},
    {"one good round is not enough", proving, nothing, RV_DO, RV_STEP_PROBE, RV_WHY_NOT_PROVED, 0},
    {"not twice in one moment", proving, probed_this_moment, RV_WAIT, RV_STEP_PROBE, RV_WHY_NOT_PROVED, RV_SEC(1)},
    {"three good rounds in a row: keep", proving, good_enough, RV_DO, RV_STEP_KEEP, RV_WHY_PROVED, 0},
    {"kept: rest", kept, nothing, RV_WAIT, RV_STEP_PROBE, RV_WHY_CONVERGED, -1},
    /* Hands off. */
    {"paused", looked, paused, RV_WAIT, RV_STEP_NONE, RV_WHY_PAUSED, -1},
    {"removed", kept, removed, RV_WAIT, RV_STEP_NONE, RV_WHY_REMOVED, -1},
    /* Look before repeating. */
    {"an outcome is not known", staged, unfinished, RV_DO, RV_STEP_OBSERVE, RV_WHY_UNFINISHED, 0},
    {"nor can be asked now", staged, unfinished_unreachable, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_BACKOFF, RV_MIN(1)},
    /* Only watching. */
    {"Observe never changes", looked, observe_mode, RV_WAIT, RV_STEP_PROBE, RV_WHY_WATCHING, -1},
    {"Observe looks at endpoints", declared, observe_mode, RV_DO, RV_STEP_PROBE, RV_WHY_WATCHING, 0},
    {"Observe looks at targets", probed, observe_mode, RV_DO, RV_STEP_OBSERVE, RV_WHY_WATCHING, 0},
    {"no target", probed, watch_only, RV_WAIT, RV_STEP_PROBE, RV_WHY_WATCHING, -1},
    {"nothing could prove it", looked, no_endpoints, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_WATCHING, -1},
    /* The trial after a switch. */
    {"the old pair is served for a moment", proving, still_old, RV_WAIT, RV_STEP_PROBE, RV_WHY_NOT_PROVED, RV_SEC(1)},
    {"but not for long", proving, still_old_too_long, RV_DO, RV_STEP_UNDO, RV_WHY_NOT_SERVED, 0},
    {"a refused handshake is no settling", proving, refuses, RV_DO, RV_STEP_UNDO, RV_WHY_NOT_SERVED, 0},
    {"good after the window: not undone", proving, good_but_late, RV_DO, RV_STEP_PROBE, RV_WHY_NOT_PROVED, 0},
    {"no way back: a person", proving, fails_without_way_back, RV_HALT, RV_STEP_PROBE, RV_WHY_NOT_SERVED, RV_SEC(15)},
    {"the first switch: the way back is armed there", proving, fails_first_time, RV_DO, RV_STEP_UNDO, RV_WHY_NOT_SERVED, 0},
    {"undo failed: soon again", proving, fails_undo_failed, RV_WAIT, RV_STEP_UNDO, RV_WHY_BACKOFF, RV_SEC(2)},
    {"undo failed again: a person", proving, fails_undo_failed_again, RV_HALT, RV_STEP_UNDO, RV_WHY_BACKOFF, RV_SEC(2)},
    {"keep failed: soon again", proving, good_enough_keep_failed, RV_WAIT, RV_STEP_KEEP, RV_WHY_BACKOFF, 500},
    {"the target went back by itself: look", proving, armed_ran_out, RV_DO, RV_STEP_OBSERVE, RV_WHY_STALE, 0},
    {"put back: the same certificate again", staged, put_back_once, RV_DO, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT, 0},
    {"put back: it does not wait for those who wait for it", staged, put_back_and_waits_for_others, RV_DO, RV_STEP_SWITCH,
     RV_WHY_NOT_CURRENT, 0},
    {"put back too often", staged, put_back_thrice, RV_HALT, RV_STEP_PROBE, RV_WHY_SWITCH_FAILED, -1},
    {"undo: manual tries once", staged, put_back_once_manual, RV_HALT, RV_STEP_PROBE, RV_WHY_SWITCH_FAILED, -1},
    /* Fresh facts. */
    {"a look of six minutes ago is too old", staged, old_look, RV_DO, RV_STEP_OBSERVE, RV_WHY_STALE, 0},
    {"a look from the future does not count", kept, look_from_future, RV_DO, RV_STEP_OBSERVE, RV_WHY_STALE, 0},
    {"nor does a handshake", kept, probe_from_future, RV_DO, RV_STEP_PROBE, RV_WHY_STALE, 0},
    {"handshakes every six hours", kept, old_probe, RV_DO, RV_STEP_PROBE, RV_WHY_STALE, 0},
    {"a look every day", kept, day_old_look, RV_DO, RV_STEP_OBSERVE, RV_WHY_STALE, 0},
    {"locked", staged, locked, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_TARGET_LOCKED, RV_SEC(14)},
    {"locked for a while: look again", staged, locked_long, RV_DO, RV_STEP_OBSERVE, RV_WHY_TARGET_LOCKED, 0},
    {"somebody else is switching", staged, foreign_armed, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_TARGET_LOCKED, RV_SEC(14)},
    /* Failures. */
    {"unreachable: later", probed, unreachable, RV_WAIT, RV_STEP_OBSERVE, RV_WHY_BACKOFF, RV_MIN(1)},
    {"issuer down: later", keyed, issuer_down, RV_WAIT, RV_STEP_ISSUE, RV_WHY_BACKOFF, RV_MIN(1)},
    {"issuer says no, again: a person", keyed, refused_by_issuer, RV_HALT, RV_STEP_ISSUE, RV_WHY_BACKOFF, RV_MIN(1)},
    {"a back-off written by a clock that ran ahead", keyed, backoff_from_other_clock, RV_DO, RV_STEP_ISSUE,
     RV_WHY_NOT_ISSUED, 0},
    {"the waiting key is gone", keyed, key_gone, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"the waiting key is old", keyed, key_old, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"the waiting key is for other names", keyed, spec_changed, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"the key was lost before it was staged", issued, key_gone, RV_DO, RV_STEP_KEY, RV_WHY_KEY_LOST, 0},
    /* A new certificate. */
    {"renewal is due", kept, renewal_due, RV_DO, RV_STEP_KEY, RV_WHY_RENEWAL_DUE, 0},
    {"asked for", kept, requested, RV_DO, RV_STEP_KEY, RV_WHY_REQUESTED, 0},
    {"declared otherwise", kept, spec_changed, RV_DO, RV_STEP_KEY, RV_WHY_SPEC_CHANGED, 0},
    {"revoked", kept, revoked, RV_DO, RV_STEP_KEY, RV_WHY_REVOKED, 0},
    {"expired", kept, expired, RV_DO, RV_STEP_KEY, RV_WHY_EXPIRED, 0},
    {"not valid yet, by this clock", kept, not_yet_valid, RV_DO, RV_STEP_KEY, RV_WHY_EXPIRED, 0},
    {"a switch that is under way is finished first", proving, requested, RV_DO, RV_STEP_PROBE, RV_WHY_NOT_PROVED, 0},
    {"issued again and again", staged, budget_spent, RV_HALT, RV_STEP_PROBE, RV_WHY_ISSUE_BUDGET, -1},
    {"budgets forget after a day", staged, budget_spent_yesterday, RV_DO, RV_STEP_KEY, RV_WHY_REQUESTED, 0},
    /* Approval. */
    {"Propose asks before the key", looked, propose, RV_WAIT, RV_STEP_PROBE, RV_WHY_APPROVAL, -1},
    {"agreed", looked, approved, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"agreed to something else", looked, approved_before, RV_WAIT, RV_STEP_PROBE, RV_WHY_APPROVAL, -1},
    {"an agreed plan goes through to the end", staged, approved, RV_DO, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT, 0},
    {"and is not stopped half-way", proving, propose, RV_DO, RV_STEP_PROBE, RV_WHY_NOT_PROVED, 0},
    {"drift needs a new agreement", kept, propose, RV_WAIT, RV_STEP_PROBE, RV_WHY_CONVERGED, -1},
    /* The rollout. */
    {"earlier batches first", looked, earlier_open, RV_WAIT, RV_STEP_PROBE, RV_WHY_BATCH, -1},
    {"before the switch, too", staged, earlier_open, RV_WAIT, RV_STEP_PROBE, RV_WHY_BATCH, -1},
    {"unless waiting would let it expire", renewed, earlier_open_urgent, RV_DO, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT, 0},
    {"soak", looked, soaking, RV_WAIT, RV_STEP_KEY, RV_WHY_SOAK, RV_MIN(6)},
    {"soaked", looked, soaked, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"the failure budget is spent", staged, neighbour_failed, RV_WAIT, RV_STEP_PROBE, RV_WHY_FAILURE_BUDGET, -1},
    {"one unproved switch at a time", staged, neighbour_at_risk, RV_WAIT, RV_STEP_PROBE, RV_WHY_BATCH, -1},
    {"but the key may be made meanwhile", looked, neighbour_at_risk, RV_DO, RV_STEP_KEY, RV_WHY_NOT_ISSUED, 0},
    {"more with a larger budget", staged, neighbour_failed_of_three, RV_DO, RV_STEP_SWITCH, RV_WHY_NOT_CURRENT, 0},
    /* Drift. */
    {"the pointer moved", kept, pointer_moved, RV_DO, RV_STEP_SWITCH, RV_WHY_DRIFT, 0},
    {"the pair is gone, too", kept, pointer_moved_slot_gone, RV_DO, RV_STEP_STAGE, RV_WHY_NOT_STAGED, 0},
    {"something else is served", kept, foreign_served, RV_DO, RV_STEP_SWITCH, RV_WHY_DRIFT, 0},
    {"neighbours do not stop a repair", kept, foreign_served_neighbour_failed, RV_DO, RV_STEP_SWITCH, RV_WHY_DRIFT, 0},
    {"a rival", kept, foreign_again_and_again, RV_HALT, RV_STEP_PROBE, RV_WHY_RIVAL, -1},
    {"tomorrow again", kept, foreign_next_day, RV_DO, RV_STEP_SWITCH, RV_WHY_DRIFT, 0},
    {"an endpoint that is down is not helped", kept, endpoint_down, RV_WAIT, RV_STEP_PROBE, RV_WHY_NOT_SERVED, -1},
};

static void follows_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_COUNT(specification); i++) {
        struct rv_binding b = specification[i].given();
        struct rv_rollout_view r = {0};
        specification[i].but(&b, &r);
        struct rv_action a = rv_plan_next(policy, &b, &r, NOW);
        if (a.verdict != specification[i].verdict || a.step != specification[i].step ||
            a.reason != specification[i].reason || (specification[i].in >= 0 && a.not_before != NOW + specification[i].in))
            fail_msg("%s: verdict %d step %s reason %s in %lld ms", specification[i].when, (int)a.verdict,
                     rv_step_name(a.step), rv_reason_code(a.reason), (long long)(a.not_before - NOW));
    }
}

/* ---- Properties ------------------------------------------------------------------------------------------------- */

static uint64_t dice_state;
static uint64_t dice(uint64_t sides)
{
    dice_state = rv_mix(dice_state, 3);
    return dice_state % sides;
}
static rv_time some_time(void)
{
    static const rv_dur ranges[] = {RV_SEC(10), RV_MIN(10), RV_HOUR(8), RV_DAY(3), RV_DAY(100)};
    if (dice(5) == 0)
        return 0;
    rv_dur range = ranges[dice(RV_COUNT(ranges))];
    rv_time t = NOW - (rv_time)dice((uint64_t)range);
    return dice(12) == 0 ? NOW + (rv_time)dice((uint64_t)range) : t;
}
static rv_time past_time(void)
{
    rv_time t = some_time();
    return t > NOW ? NOW : t;
}
static struct rv_hash some_hash(void)
{
    static const unsigned any[] = {0, CERT, CERT, OLD_CERT, FOREIGN};
    return hash(any[dice(RV_COUNT(any))]);
}
static bool coin(unsigned one_in)
{
    return dice(one_in) == 0;
}

/* Mostly one of the ordinary states with a few facts changed at random; now and then nothing but noise. */
static struct rv_binding some_binding(void)
{
    struct rv_binding (*const given[])(void) = {declared, probed,   looked,  keyed, issued,
                                                staged,   switched, proving, kept,  renewed};
    struct rv_binding b = given[dice(RV_COUNT(given))]();
    b.id = (int64_t)dice(1000);
    bool noise = coin(4);
#define MAYBE(what)                                                                                                         \
    if (coin(noise ? 2 : 12))                                                                                               \
    what
    MAYBE(b.wanted.mode = (enum rv_mode)dice(3));
    MAYBE(b.wanted.deploys = coin(2));
    MAYBE(b.wanted.spec = hash(SPEC + (unsigned)dice(2)));
    MAYBE(b.wanted.soak = (rv_dur)dice(RV_HOUR(1)));
    MAYBE(b.wanted.batch = (int)dice(3));
    MAYBE(b.wanted.max_failed = (int)dice(4));
    MAYBE(b.wanted.undo_auto = coin(2));
    MAYBE(b.wanted.endpoints = (int)dice(3));
    MAYBE(b.wanted.renew_request = (int64_t)dice(3));
    MAYBE(b.wanted.approved = rv_round(&b));
    MAYBE(b.wanted.paused = coin(2));
    MAYBE(b.wanted.deleted = coin(2));
    MAYBE(b.wanted.renew = coin(2) ? ((struct rv_renew_rule){.percent = (int)dice(90) + 1})
                                   : ((struct rv_renew_rule){.before = (rv_dur)dice(RV_DAY(200)) + 1}));
    MAYBE(b.issued.have = coin(2));
    if (b.issued.have) {
        MAYBE(b.issued.fingerprint = hash(CERT));
        MAYBE(b.issued.not_before = past_time());
        MAYBE(b.issued.not_after = NOW + (rv_time)dice(RV_DAY(100)) - RV_DAY(5));
        if (b.issued.not_before == 0 || b.issued.not_after <= b.issued.not_before)
            b.issued.not_before = b.issued.not_after - RV_DAY(30);
        MAYBE(b.issued.issued_at = some_time());
        MAYBE(b.issued.revoked_at = past_time());
    }
    MAYBE(b.pending.have = coin(2));
    MAYBE(b.pending.made_at = some_time());
    MAYBE(b.target.observed_at = some_time());
    MAYBE(b.target.current = some_hash());
    MAYBE(b.target.previous = some_hash());
    MAYBE(b.target.armed = some_hash());
    MAYBE(b.target.armed_until = some_time());
    MAYBE(b.target.staged = coin(2));
    MAYBE(b.target.key_lost = coin(2));
    MAYBE(b.target.locked_by_other = coin(2));
    MAYBE(b.served.observed_at = some_time());
    MAYBE(b.served.good = (int)dice(3));
    MAYBE(b.served.foreign = (int)dice(3));
    MAYBE(b.served.previous = (int)dice(3));
    MAYBE(b.served.refused = b.served.unreachable = (int)dice(2));
    MAYBE(b.served.earliest_not_after = NOW + (rv_time)dice(RV_DAY(100)) - RV_DAY(5));
    MAYBE(b.budget.issued_in_window = (int)dice(5));
    MAYBE(b.budget.failures = (int)dice(6));
    MAYBE(b.budget.not_before = some_time());
    MAYBE(b.budget.failed_step = (enum rv_step)dice(RV_STEP_COUNT));
    MAYBE(b.budget.failed_status = (enum rv_status)dice(RV_STATUS_COUNT));
    MAYBE(b.budget.switch_failures = (int)dice(5));
    MAYBE(b.budget.drifts = (int)dice(5));
    MAYBE(b.unfinished = (enum rv_step)dice(RV_STEP_COUNT));
    MAYBE(b.switched_at = some_time());
    MAYBE(b.kept_at = some_time());
    MAYBE(b.proved = some_hash());
    MAYBE(b.settle_probes = (int)dice(5));
    return b;
}

static bool changes(enum rv_step step)
{
    return step >= RV_STEP_KEY;
}

static void check(bool holds, const char *what, const struct rv_binding *b, const struct rv_action *a, uint64_t seed)
{
    if (!holds) {
        char text[600];
        rv_plan_explain(policy, b, NULL, NOW, text, sizeof text);
        fail_msg("%s (seed %llu): %s %s: %s", what, (unsigned long long)seed, rv_step_name(a->step),
                 rv_reason_code(a->reason), text);
    }
}

static void holds_its_promises(void **state)
{
    (void)state;
    int reached[RV_WHY_COUNT] = {0};
    const char *rounds_text = getenv("REEVE_PLAN_ROUNDS");
    int64_t rounds = rounds_text != NULL ? strtoll(rounds_text, NULL, 10) : 200000;
    for (int64_t i = 0; i < rounds; i++) {
        uint64_t seed = dice_state = (uint64_t)i * 7919;
        struct rv_binding b = some_binding();
        struct rv_rollout_view r = {0};
        if (coin(4))
            r = (struct rv_rollout_view){
                .earlier_open = coin(2), .earlier_done_at = past_time(), .failed = (int)dice(3), .at_risk = (int)dice(3)};
        const struct rv_binding before = b;
        struct rv_action a = rv_plan_next(policy, &b, &r, NOW);
        struct rv_action again = rv_plan_next(policy, &b, &r, NOW);
        reached[a.reason]++;

        check(memcmp(&a, &again, sizeof a) == 0 && memcmp(&b, &before, sizeof b) == 0, "same inputs, same answer", &b, &a,
              seed);
        check(a.verdict != RV_DO || (a.not_before <= NOW && a.step != RV_STEP_NONE), "what is done is done now", &b, &a,
              seed);
        check(a.verdict == RV_DO || a.not_before > NOW, "a wait ends in the future: the loop never spins", &b, &a, seed);
        check(a.verdict == RV_DO || a.not_before != RV_TIME_FAR || a.reason == RV_WHY_PAUSED || a.reason == RV_WHY_REMOVED ||
                  a.reason == RV_WHY_WATCHING,
              "no wait without an end that can be explained", &b, &a, seed);
        check(b.wanted.mode != RV_MODE_OBSERVE || !changes(a.step) || a.verdict != RV_DO, "Observe never changes", &b, &a,
              seed);
        check(b.wanted.deploys || a.verdict != RV_DO || a.step == RV_STEP_PROBE, "nothing is done to no target", &b, &a,
              seed);
        if (a.verdict == RV_DO && changes(a.step)) {
            check(b.unfinished == RV_STEP_NONE, "look before repeating", &b, &a, seed);
            check(b.target.observed_at != 0 && b.target.observed_at <= NOW, "no change on what was never seen", &b, &a,
                  seed);
            check(!b.wanted.paused && !b.wanted.deleted, "hands off", &b, &a, seed);
        }
        if (a.verdict == RV_DO && (a.step == RV_STEP_KEY || a.step == RV_STEP_ISSUE)) {
            check(b.budget.issued_in_window < policy->max_issues || b.issued.issued_at == 0 ||
                      NOW - b.issued.issued_at >= RV_DAY(1),
                  "no issue beyond the budget", &b, &a, seed);
            check(b.wanted.mode != RV_MODE_PROPOSE || b.wanted.approved == rv_round(&b), "no issue without approval", &b, &a,
                  seed);
        }
        if (a.verdict == RV_DO && a.step == RV_STEP_SWITCH) {
            check(rv_hash_is_zero(&b.target.armed), "no switch while another is on trial", &b, &a, seed);
            check(b.target.staged || rv_hash_equal(&b.target.current, &b.issued.fingerprint),
                  "no switch to what is not there", &b, &a, seed);
            check(b.issued.have && b.issued.not_after > NOW && b.issued.not_before <= NOW && b.issued.revoked_at == 0,
                  "no switch to what is not valid", &b, &a, seed);
            check(b.wanted.endpoints > 0, "no switch that nothing could prove", &b, &a, seed);
        }
        if (a.verdict == RV_DO && a.step == RV_STEP_KEEP)
            check(b.served.good >= b.wanted.endpoints && b.wanted.endpoints > 0 && b.settle_probes >= policy->settle_rounds,
                  "the way back goes only after proof", &b, &a, seed);
        if (a.verdict == RV_DO && a.step == RV_STEP_UNDO)
            check((!rv_hash_is_zero(&b.target.previous) || rv_hash_equal(&b.target.armed, &b.issued.fingerprint)) &&
                      rv_hash_equal(&b.target.current, &b.issued.fingerprint),
                  "undo only with a pair to go back to", &b, &a, seed);
        if (a.verdict != RV_DO && a.not_before != RV_TIME_FAR)
            for (int k = 0; k < 4; k++) {
                rv_time early = NOW + (rv_time)dice((uint64_t)(a.not_before - NOW));
                struct rv_action e = rv_plan_next(policy, &b, &r, early);
                check(e.verdict != RV_DO || !changes(e.step), "early calls are harmless", &b, &a, seed);
            }
        if (rv_binding_ready(policy, &b, NOW))
            check(b.served.good >= b.wanted.endpoints && b.served.earliest_not_after > NOW && b.wanted.endpoints > 0,
                  "Ready means served", &b, &a, seed);
        enum rv_state s = rv_binding_state(policy, &b, &r, NOW);
        check(s != RV_STATE_READY || rv_binding_ready(policy, &b, NOW), "the state Ready is Ready", &b, &a, seed);
        if (!rv_plan_asks_neighbours(&b, &a) && a.verdict == RV_DO && changes(a.step)) {
            struct rv_action alone = rv_plan_next(policy, &b, NULL, NOW);
            check(alone.step == a.step && alone.verdict == a.verdict, "neighbours are asked where they matter", &b, &a,
                  seed);
        }
    }
    for (unsigned reason = 0; reason < RV_WHY_COUNT; reason++)
        if (reached[reason] == 0)
            fail_msg("reason %s was never reached", rv_reason_code((enum rv_reason)reason));
}

/* Whatever the neighbours say, the answer without them says truly whether they have to be asked. */
static void explains_every_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_COUNT(specification); i++) {
        struct rv_binding b = specification[i].given();
        struct rv_rollout_view r = {0};
        specification[i].but(&b, &r);
        char text[600];
        rv_plan_explain(policy, &b, &r, NOW, text, sizeof text);
        assert_true(strlen(text) > 20 && text[0] >= 'A' && text[0] <= 'Z' && text[strlen(text) - 1] == '.');
        assert_null(strstr(text, "(null)"));
    }
    struct rv_binding b = kept();
    struct rv_rollout_view r = {0};
    char text[600];
    renewal_due(&b, &r);
    rv_plan_explain(policy, &b, &r, NOW, text, sizeof text);
    assert_non_null(strstr(text, "Renewal is due since "));
    assert_non_null(strstr(text, " ago (20")); /* for people first, then exactly */
    assert_non_null(strstr(text, "Now: a new key."));
    b = staged();
    put_back_thrice(&b, &r);
    rv_plan_explain(policy, &b, &r, NOW, text, sizeof text);
    assert_non_null(strstr(text, "(put back 3 times). Until then it is only looked at"));
    assert_null(strstr(text, "is switched"));
    b = looked();
    r = (struct rv_rollout_view){.failed = 2, .failed_name = "edge-1"};
    rv_plan_explain(policy, &b, &r, NOW, text, sizeof text);
    assert_non_null(strstr(text, "failed as may fail (edge-1 and 1 more). "));
    for (unsigned i = 0; i < RV_WHY_COUNT; i++)
        assert_true(strlen(rv_reason_code((enum rv_reason)i)) > 3 && strlen(rv_reason_text((enum rv_reason)i)) > 8);
}

static void states_are_what_people_would_say(void **state)
{
    (void)state;
    static const struct {
        struct rv_binding (*given)(void);
        void (*but)(struct rv_binding *b, struct rv_rollout_view *r);
        enum rv_state state;
    } table[] = {
        {declared, nothing, RV_STATE_PROGRESSING},
        {looked, nothing, RV_STATE_PROGRESSING},
        {looked, earlier_open, RV_STATE_WAITING},
        {looked, soaking, RV_STATE_WAITING},
        {looked, propose, RV_STATE_WAITING},
        {keyed, issuer_down, RV_STATE_WAITING},
        {switched, nothing, RV_STATE_PROGRESSING},
        {proving, nothing, RV_STATE_PROGRESSING},
        {kept, nothing, RV_STATE_READY},
        {kept, old_probe, RV_STATE_READY},
        {kept, renewal_due, RV_STATE_RENEWING},
        {kept, requested, RV_STATE_RENEWING},
        {renewed, nothing, RV_STATE_RENEWING},
        {renewed, just_switched, RV_STATE_RENEWING},
        {renewed, switched_and_never_seen, RV_STATE_PROGRESSING},
        {kept, foreign_served, RV_STATE_DEGRADED},
        {kept, endpoint_down, RV_STATE_DEGRADED},
        {kept, expired, RV_STATE_DEGRADED},
        {kept, paused, RV_STATE_READY},
        {staged, put_back_thrice, RV_STATE_NEEDS_PERSON},
        {kept, foreign_again_and_again, RV_STATE_NEEDS_PERSON},
        {looked, observe_mode, RV_STATE_DEGRADED},
        {declared, observe_mode, RV_STATE_PROGRESSING},
    };
    for (size_t i = 0; i < RV_COUNT(table); i++) {
        struct rv_binding b = table[i].given();
        struct rv_rollout_view r = {0};
        table[i].but(&b, &r);
        enum rv_state s = rv_binding_state(policy, &b, &r, NOW);
        if (s != table[i].state)
            fail_msg("row %zu: %s, expected %s", i, rv_state_name(s), rv_state_name(table[i].state));
    }
}

/* ---- Renewal times, batches, back-off --------------------------------------------------------------------------- */

static void renewals_are_spread_and_the_first_batch_leads(void **state)
{
    (void)state;
    struct rv_binding b = kept();
    rv_dur lead = RV_DAY(90) * 33 / 100;
    rv_time first = RV_TIME_FAR, last = 0, canary_last = 0;
    for (int i = 0; i < 10000; i++) {
        b.id = i;
        b.wanted.batch = 0;
        rv_time at = rv_renew_at(policy, &b);
        canary_last = at > canary_last ? at : canary_last;
        b.wanted.batch = 1;
        at = rv_renew_at(policy, &b);
        first = at < first ? at : first;
        last = at > last ? at : last;
    }
    assert_true(canary_last <= first);
    assert_true(last <= b.issued.not_after - lead + RV_HOUR(1));
    assert_true(last - first > lead / 20);
    /* A lead longer than the lifetime leaves a tenth of it. */
    b.wanted.renew = (struct rv_renew_rule){.before = RV_DAY(1000)};
    assert_true(rv_renew_at(policy, &b) > b.issued.not_before + RV_DAY(8));
    b.issued.have = false;
    assert_int_equal(rv_renew_at(policy, &b), 0);
}

static void batches_by_count_and_percent(void **state)
{
    (void)state;
    static const struct rv_batch list[] = {{.count = 1}, {.percent = 10}, {.percent = 100}};
    static const struct {
        int ordinal, total, batch;
    } rows[] = {{0, 1, 0}, {0, 40, 0}, {1, 40, 1}, {3, 40, 1}, {4, 40, 2}, {39, 40, 2}, {1, 5, 2}, {2, 5, 2}};
    for (size_t i = 0; i < RV_COUNT(rows); i++)
        assert_int_equal(rv_batch_of(list, 3, rows[i].ordinal, rows[i].total), rows[i].batch);
    assert_int_equal(rv_batch_of(list, 1, 5, 10), 1); /* what the list leaves over */
    assert_int_equal(rv_batch_of(NULL, 0, 5, 10), 0);
}

static void neighbours_are_counted(void **state)
{
    (void)state;
    struct rv_binding mine = staged(), other = kept();
    mine.wanted.batch = 1;
    other.id = 8;
    struct rv_rollout_view v = {0};
    rv_rollout_add(policy, &mine, &mine, NOW, &v);
    rv_rollout_add(policy, &mine, &other, NOW, &v);
    assert_false(v.earlier_open);
    assert_int_equal(v.failed + v.at_risk, 0);
    assert_int_equal(v.earlier_done_at, other.kept_at);
    other = switched();
    other.id = 8;
    v = (struct rv_rollout_view){0};
    rv_rollout_add(policy, &mine, &other, NOW, &v);
    assert_true(v.earlier_open);
    assert_int_equal(v.at_risk, 1);
    other.budget.switch_failures = 1;
    other.switched_at = 0;
    v = (struct rv_rollout_view){0};
    rv_rollout_add(policy, &mine, &other, NOW, &v);
    assert_true(v.earlier_open); /* a failed first batch stops the rest */
    assert_int_equal(v.failed, 1);
    other.wanted.batch = 1;
    mine.wanted.batch = 2;
    v = (struct rv_rollout_view){0};
    rv_rollout_add(policy, &mine, &other, NOW, &v);
    assert_false(v.earlier_open); /* a later failure is what the budget is for */
    other.wanted.paused = true;
    v = (struct rv_rollout_view){0};
    rv_rollout_add(policy, &mine, &other, NOW, &v);
    assert_int_equal(v.failed, 0);
}

static void back_off_grows_to_its_cap_and_is_repeatable(void **state)
{
    (void)state;
    for (unsigned step = 0; step < RV_STEP_COUNT; step++)
        for (unsigned status = 0; status < RV_STATUS_COUNT; status++) {
            const struct rv_retry *retry = rv_retry_for((enum rv_step)step, (enum rv_status)status);
            assert_true(retry->first > 0 && retry->first <= retry->cap && retry->cap <= RV_DAY(1));
            for (int n = 1; n < 100; n++) {
                rv_dur d = rv_retry_delay(retry, n, 42);
                assert_int_equal(d, rv_retry_delay(retry, n, 42));
                assert_true(d >= retry->first * 3 / 4 && d <= retry->cap * 5 / 4);
            }
        }
    const struct rv_retry *retry = rv_retry_for(RV_STEP_OBSERVE, RV_UNAVAILABLE);
    assert_true(rv_retry_delay(retry, 3, 1) > rv_retry_delay(retry, 1, 1) * 2);
    assert_int_not_equal(rv_retry_delay(retry, 3, 1), rv_retry_delay(retry, 3, 2));
}

static void names_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RV_STEP_COUNT; i++)
        assert_non_null(rv_step_name((enum rv_step)i));
    for (unsigned i = 0; i < RV_STATE_COUNT; i++)
        assert_non_null(rv_state_name((enum rv_state)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_specification),
        cmocka_unit_test(holds_its_promises),
        cmocka_unit_test(explains_every_reason),
        cmocka_unit_test(states_are_what_people_would_say),
        cmocka_unit_test(renewals_are_spread_and_the_first_batch_leads),
        cmocka_unit_test(batches_by_count_and_percent),
        cmocka_unit_test(neighbours_are_counted),
        cmocka_unit_test(back_off_grows_to_its_cap_and_is_repeatable),
        cmocka_unit_test(names_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
