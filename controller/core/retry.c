#include "core/retry.h"

#include "base/alloc.h"
#include "core/mix.h"

/* By status: what usually helps, and how soon. */
static const struct rv_retry by_status[RV_STATUS_COUNT] = {
    /*                 first        cap           give up */
    [RV_OK] = {RV_SEC(1), RV_SEC(1), 0},
    [RV_INVALID] = {RV_MIN(5), RV_HOUR(12), 3}, /* somebody must change something; until then rarely */
    [RV_NOT_FOUND] = {RV_SEC(10), RV_HOUR(1), 6},
    [RV_CONFLICT] = {RV_SEC(10), RV_HOUR(1), 6},
    [RV_DENIED] = {RV_MIN(5), RV_HOUR(12), 3},
    [RV_LIMITED] = {RV_MIN(1), RV_HOUR(6), 12},
    [RV_UNAVAILABLE] = {RV_SEC(10), RV_MIN(30), 0},
    [RV_TIMEOUT] = {RV_SEC(10), RV_MIN(30), 0},
    [RV_UNCERTAIN] = {RV_SEC(5), RV_MIN(30), 0}, /* looking comes first anyway */
    [RV_INTERNAL] = {RV_MIN(1), RV_HOUR(6), 6},
};

/* Where the step matters more than the status. */
static const struct {
    enum rv_step step;
    struct rv_retry retry;
} by_step[] = {
    {RV_STEP_KEEP, {RV_SEC(1), RV_SEC(10), 0}},    /* the target's own undo is running */
    {RV_STEP_UNDO, {RV_SEC(2), RV_MIN(10), 2}},    /* the way back does not work: a person should know soon */
    {RV_STEP_SWITCH, {RV_SEC(30), RV_HOUR(6), 0}}, /* each try touches the server; the plan counts those put back */
};

const struct rv_retry *rv_retry_for(enum rv_step step, enum rv_status status)
{
    for (size_t i = 0; i < RV_COUNT(by_step); i++)
        if (by_step[i].step == step)
            return &by_step[i].retry;
    return &by_status[(unsigned)status < RV_STATUS_COUNT ? status : RV_INTERNAL];
}

rv_dur rv_retry_delay(const struct rv_retry *retry, int failures, int64_t seed)
{
    rv_dur delay = retry->first;
    for (int i = 1; i < failures && delay < retry->cap; i++)
        delay *= 2;
    if (delay > retry->cap)
        delay = retry->cap;
    /* 75 to 125 percent: those that failed together do not come back together. */
    return delay * 3 / 4 + rv_mix_share(rv_mix((uint64_t)seed, (uint64_t)failures), delay / 2);
}
