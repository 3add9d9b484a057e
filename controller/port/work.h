/* Blocking work goes to bounded lanes, never to the loop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "port/loop.h"

enum rv_lane { RV_LANE_CRYPTO, RV_LANE_DB, RV_LANE_REMOTE, RV_LANE_COUNT };

struct rv_work_ops {
    /* run(arg) on a worker of the lane, then done(arg) on the loop. Always both, in this order. */
    void (*submit)(void *ctx, enum rv_lane lane, void (*run)(void *arg), void (*done)(void *arg), void *arg);
    /* Optional: the lane has as much waiting as it should. For those who can still refuse (503, M-21). */
    bool (*full)(void *ctx, enum rv_lane lane);
};
struct rv_work {
    const struct rv_work_ops *ops;
    void *ctx;
};
static inline void rv_work_submit(struct rv_work *w, enum rv_lane lane, void (*run)(void *), void (*done)(void *), void *arg)
{
    w->ops->submit(w->ctx, lane, run, done, arg);
}
static inline bool rv_work_full(struct rv_work *w, enum rv_lane lane)
{
    return w->ops->full != NULL && w->ops->full(w->ctx, lane);
}
