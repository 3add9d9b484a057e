/* The loop: one thread, timers, and functions posted from elsewhere. A completion never runs before the call that began
 * it has returned. */
#pragma once
#include "port/clock.h"

struct rv_timer;
struct rv_loop_ops {
    /* Runs fn(arg) once, after delay (0: soon, never inside this call). The timer is gone once it ran or was stopped. */
    struct rv_timer *(*timer)(void *ctx, rv_dur delay, void (*fn)(void *arg), void *arg);
    void (*timer_stop)(void *ctx, struct rv_timer *timer); /* NULL is fine */
    /* From any thread: fn(arg) runs on the loop, in order of posting. */
    void (*post)(void *ctx, void (*fn)(void *arg), void *arg);
};
struct rv_loop {
    const struct rv_loop_ops *ops;
    void *ctx;
    const struct rv_clock *clock;
};
static inline struct rv_timer *rv_loop_timer(struct rv_loop *l, rv_dur delay, void (*fn)(void *), void *arg)
{
    return l->ops->timer(l->ctx, delay, fn, arg);
}
static inline void rv_loop_timer_stop(struct rv_loop *l, struct rv_timer *t)
{
    l->ops->timer_stop(l->ctx, t);
}
static inline void rv_loop_post(struct rv_loop *l, void (*fn)(void *), void *arg)
{
    l->ops->post(l->ctx, fn, arg);
}
