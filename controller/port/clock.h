/* The clock. Nothing else in the project reads one (log lines aside). */
#pragma once
#include "base/time.h"

struct rv_clock {
    rv_time (*wall)(void *ctx);      /* may step */
    int64_t (*monotonic)(void *ctx); /* milliseconds, for all time-outs */
    void *ctx;
};
static inline rv_time rv_now(const struct rv_clock *c)
{
    return c->wall(c->ctx);
}
static inline int64_t rv_mono(const struct rv_clock *c)
{
    return c->monotonic(c->ctx);
}
extern const struct rv_clock rv_clock_system; /* in rt */
