/* Blocking work goes to bounded lanes, never to the loop. */
#pragma once
#include "port/loop.h"

enum rv_lane { RV_LANE_CRYPTO, RV_LANE_DB, RV_LANE_REMOTE, RV_LANE_COUNT };

struct rv_work_ops {
    /* run(arg) on a worker of the lane, then done(arg) on the loop. Always both, in this order. */
    void (*submit)(void *ctx, enum rv_lane lane, void (*run)(void *arg), void (*done)(void *arg), void *arg);
};
struct rv_work {
    const struct rv_work_ops *ops;
    void *ctx;
};
static inline void rv_work_submit(struct rv_work *w, enum rv_lane lane, void (*run)(void *), void (*done)(void *), void *arg)
{
    w->ops->submit(w->ctx, lane, run, done, arg);
}
