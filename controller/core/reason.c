/* Reasons as codes, as words, and as the one sentence that `why` shows. */
#include <stdio.h>
#include <string.h>

#include "core/plan.h"

static const struct {
    const char *code;
    const char *text;   /* what is the case */
    const char *change; /* what would change that; NULL: nothing needs to */
} reasons[RV_WHY_COUNT] = {
    [RV_WHY_CONVERGED] = {"Converged", "every endpoint serves the wanted certificate", NULL},
    [RV_WHY_PAUSED] = {"Paused", "it is paused", "resume it"},
    [RV_WHY_WATCHING] = {"Watching", "it is only watched, nothing is changed",
                         "mode Manage, a target and an endpoint let Reeve act"},
    [RV_WHY_NEVER_OBSERVED] = {"NeverObserved", "nothing is known about it yet", NULL},
    [RV_WHY_UNFINISHED] = {"Unfinished", "a step was begun and its outcome is not known, so it is looked at first", NULL},
    [RV_WHY_STALE] = {"Stale", "it is looked at again before anything is done", NULL},
    [RV_WHY_NOT_ISSUED] = {"NotIssued", "there is no certificate yet", NULL},
    [RV_WHY_SPEC_CHANGED] = {"SpecChanged", "the declaration changed since the certificate was made", NULL},
    [RV_WHY_RENEWAL_DUE] = {"RenewalDue", "renewal is due", NULL},
    [RV_WHY_EXPIRED] = {"Expired", "the certificate is not valid at this time", NULL},
    [RV_WHY_REVOKED] = {"Revoked", "the certificate was revoked", NULL},
    [RV_WHY_REQUESTED] = {"Requested", "somebody asked for a new certificate", NULL},
    [RV_WHY_KEY_LOST] = {"KeyLost", "the private key is no longer on the target", NULL},
    [RV_WHY_NOT_STAGED] = {"NotStaged", "the certificate is not on the target yet", NULL},
    [RV_WHY_NOT_CURRENT] = {"NotCurrent", "the target has the certificate but does not use it yet", NULL},
    [RV_WHY_NOT_PROVED] = {"NotProved", "the target was switched, and handshakes are to prove it", NULL},
    [RV_WHY_PROVED] = {"Proved", "handshakes proved the switch", NULL},
    [RV_WHY_NOT_SERVED] = {"NotServed", "not every endpoint serves the wanted certificate",
                           "the endpoint rows say what each of them answered"},
    [RV_WHY_DRIFT] = {"Drift", "something else is served than was proved here", NULL},
    [RV_WHY_BACKOFF] = {"Backoff", "the last attempt failed", "repair what the fault names; `reeve renew` tries at once"},
    [RV_WHY_BATCH] = {"Batch", "other targets of this rollout go first", "it goes on when they have proved themselves"},
    [RV_WHY_SOAK] = {"Soak", "the batch before has to serve for a while first", NULL},
    [RV_WHY_FAILURE_BUDGET] = {"FailureBudget", "as many targets of this rollout failed as may fail",
                               "repair the failed targets, or raise strategy.maxFailed"},
    [RV_WHY_APPROVAL] = {"Approval", "the plan waits for a person to agree", "`reeve approve`, or mode Manage"},
    [RV_WHY_ISSUE_BUDGET] = {"IssueBudget", "it was issued again and again without converging",
                             "find out why the certificates are not served; the budget is whole again after a day"},
    [RV_WHY_SWITCH_FAILED] = {"SwitchFailed",
                              "the new certificate was not served after the switch, so the old one is in place",
                              "repair the server, then `reeve renew`"},
    [RV_WHY_RIVAL] = {"Rival", "someone else keeps replacing what Reeve deploys",
                      "stop the other writer that the endpoint rows show"},
    [RV_WHY_TARGET_LOCKED] = {"TargetLocked", "someone else holds the target's lock", NULL},
    [RV_WHY_REMOVED] = {"Removed", "it is no longer declared", "apply it again"},
};

const char *rv_reason_code(enum rv_reason reason)
{
    return (unsigned)reason < RV_WHY_COUNT ? reasons[reason].code : "Unknown";
}

const char *rv_reason_text(enum rv_reason reason)
{
    return (unsigned)reason < RV_WHY_COUNT ? reasons[reason].text : "unknown";
}

static const char *const step_texts[RV_STEP_COUNT] = {
    [RV_STEP_NONE] = "nothing",
    [RV_STEP_OBSERVE] = "a look at the target",
    [RV_STEP_PROBE] = "a handshake with every endpoint",
    [RV_STEP_KEY] = "a new key",
    [RV_STEP_ISSUE] = "the issuer is asked for the certificate",
    [RV_STEP_STAGE] = "the certificate is put on the target",
    [RV_STEP_SWITCH] = "the target is switched",
    [RV_STEP_KEEP] = "the undo is disarmed",
    [RV_STEP_UNDO] = "the old certificate is put back",
};

const char *rv_step_doing(enum rv_step step)
{
    static const char *const texts[RV_STEP_COUNT] = {
        [RV_STEP_NONE] = "nothing",
        [RV_STEP_OBSERVE] = "looking at the target",
        [RV_STEP_PROBE] = "asking every endpoint for a handshake",
        [RV_STEP_KEY] = "making a key",
        [RV_STEP_ISSUE] = "asking the issuer",
        [RV_STEP_STAGE] = "putting the new pair beside the old one",
        [RV_STEP_SWITCH] = "switching the target",
        [RV_STEP_KEEP] = "letting the proved switch stand",
        [RV_STEP_UNDO] = "putting the old pair back",
    };
    return (unsigned)step < RV_STEP_COUNT ? texts[step] : "working on it";
}

/* "in 5h 42m (2026-11-23T22:06:03Z)", "3m ago (…)": people read the first, and compare the second with logs. */
static const char *span_text(rv_time at, rv_time now, char *out, size_t size)
{
    char span[RV_TIME_TEXT], when[RV_TIME_TEXT];
    rv_dur d = at - now;
    rv_time_text(when, at);
    if (d >= RV_SEC(1))
        snprintf(out, size, "in %s (%s)", rv_dur_text(span, d), when);
    else if (d <= -RV_SEC(1))
        snprintf(out, size, "%s ago (%s)", rv_dur_text(span, -d), when);
    else
        snprintf(out, size, "now (%s)", when);
    return out;
}

/* What makes the reason concrete: numbers, names and times that the facts hold. */
static void add_detail(const struct rv_policy *policy, const struct rv_binding *b, const struct rv_rollout_view *rollout,
                       enum rv_reason reason, rv_time now, char *out, size_t size)
{
    char when[2 * RV_TIME_TEXT + 16];
    out[0] = '\0';
    switch (reason) {
    case RV_WHY_RENEWAL_DUE:
        snprintf(out, size, " since %s", span_text(rv_renew_at(policy, b), now, when, sizeof when));
        break;
    case RV_WHY_EXPIRED:
        snprintf(out, size, ": its end is %s", span_text(b->issued.not_after, now, when, sizeof when));
        break;
    case RV_WHY_NOT_PROVED:
        snprintf(out, size, " (%d of %d endpoints serve it)", b->served.good, b->wanted.endpoints);
        break;
    case RV_WHY_NOT_SERVED:
        snprintf(out, size, " (%d of %d do)", b->served.good, b->wanted.endpoints);
        break;
    case RV_WHY_DRIFT:
    case RV_WHY_RIVAL:
        snprintf(out, size, " (%d in a day)", b->budget.drifts);
        break;
    case RV_WHY_BACKOFF:
        snprintf(out, size, " (%s: %s, %d in a row)", rv_step_name(b->budget.failed_step),
                 rv_status_info(b->budget.failed_status)->name, b->budget.failures);
        break;
    case RV_WHY_FAILURE_BUDGET:
        if (rollout->failed_name[0] != '\0' && rollout->failed > 1)
            snprintf(out, size, " (%s and %d more)", rollout->failed_name, rollout->failed - 1);
        else if (rollout->failed_name[0] != '\0')
            snprintf(out, size, " (%s)", rollout->failed_name);
        else
            snprintf(out, size, " (%d)", rollout->failed);
        break;
    case RV_WHY_BATCH:
        if (rollout->open_name[0] != '\0')
            snprintf(out, size, " (%s)", rollout->open_name);
        break;
    case RV_WHY_ISSUE_BUDGET:
        snprintf(out, size, " (%d certificates)", b->budget.issued_in_window);
        break;
    case RV_WHY_SWITCH_FAILED:
        snprintf(out, size, " (put back %d time%s)", b->budget.switch_failures, b->budget.switch_failures == 1 ? "" : "s");
        break;
    case RV_WHY_UNFINISHED:
        snprintf(out, size, " (%s)", rv_step_name(b->unfinished));
        break;
    default:
        break;
    }
}

const char *rv_plan_reason(const struct rv_policy *policy, const struct rv_binding *binding,
                           const struct rv_rollout_view *rollout, enum rv_reason reason, rv_time now, char *out, size_t size)
{
    static const struct rv_rollout_view alone;
    char detail[160];
    add_detail(policy, binding, rollout != NULL ? rollout : &alone, reason, now, detail, sizeof detail);
    snprintf(out, size, "%s%s", rv_reason_text(reason), detail);
    return out;
}

const char *rv_plan_explain(const struct rv_policy *policy, const struct rv_binding *binding,
                            const struct rv_rollout_view *rollout, rv_time now, char *out, size_t size)
{
    struct rv_action a = rv_plan_next(policy, binding, rollout, now);
    char what[240], next[160], when[2 * RV_TIME_TEXT + 16];
    rv_plan_reason(policy, binding, rollout, a.reason, now, what, sizeof what);
    bool looks = a.step == RV_STEP_OBSERVE || a.step == RV_STEP_PROBE;
    if (a.verdict == RV_DO)
        snprintf(next, sizeof next, "Now: %s", step_texts[a.step]);
    else if (a.verdict == RV_HALT && !looks) /* at not_before it is only thought about again */
        snprintf(next, sizeof next, "Until then it is only looked at");
    else if (a.not_before == RV_TIME_FAR)
        snprintf(next, sizeof next, "Nothing happens by itself");
    else
        snprintf(next, sizeof next, "%s: %s, %s", a.verdict == RV_HALT ? "Until then it is only looked at" : "Next",
                 step_texts[a.step], span_text(a.not_before, now, when, sizeof when));
    const char *change = reasons[a.reason].change;
    snprintf(out, size, "%s%s. %s.%s%s%s", a.verdict == RV_HALT ? "A person is needed: " : "", what, next,
             change != NULL ? " To change that: " : "", change != NULL ? change : "", change != NULL ? "." : "");
    if (size > 0 && out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 'a' + 'A');
    return out;
}
