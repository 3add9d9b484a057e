/* A rollout is what the neighbours of a binding tell it: which of them come first, how they fared, and how many may
 * still fail. Pure, like the plan that asks for it. */
#include "core/plan.h"

int rv_batch_of(const struct rv_batch *batches, size_t count, int ordinal, int total)
{
    int64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        /* A count is so many more targets; a percentage is that much of all, counted from the first. */
        if (batches[i].percent > 0) {
            int64_t reach = ((int64_t)total * batches[i].percent + 99) / 100;
            end = reach > end ? reach : end;
        } else {
            end += batches[i].count;
        }
        if (ordinal < end)
            return (int)i;
    }
    return (int)count;
}

/* Served by the newest certificate, which fits what is wanted and is not due for renewal. */
static bool arrived(const struct rv_policy *policy, const struct rv_binding *b, rv_time now)
{
    return b->issued.have && rv_hash_equal(&b->proved, &b->issued.fingerprint) &&
           rv_hash_equal(&b->issued.spec, &b->wanted.spec) && b->issued.renew_request >= b->wanted.renew_request &&
           b->issued.revoked_at == 0 && now < rv_renew_at(policy, b);
}

void rv_rollout_add(const struct rv_policy *policy, const struct rv_binding *mine, const struct rv_binding *other,
                    rv_time now, struct rv_rollout_view *view)
{
    const struct rv_wanted *w = &other->wanted;
    if (other->id == mine->id || !w->deploys || w->deleted || w->paused || w->mode == RV_MODE_OBSERVE)
        return;
    bool failed = other->budget.switch_failures > 0;
    bool proved = other->issued.have && rv_hash_equal(&other->proved, &other->issued.fingerprint);
    if (failed)
        view->failed++;
    else if (!proved && (other->unfinished == RV_STEP_SWITCH || other->switched_at != 0))
        view->at_risk++;
    if (w->batch >= mine->wanted.batch)
        return;
    /* A failure that the budget allows holds up later batches only when it happened in the first one. */
    if (!arrived(policy, other, now) && !(failed && w->batch > 0))
        view->earlier_open = true;
    if (other->kept_at > view->earlier_done_at)
        view->earlier_done_at = other->kept_at;
}
