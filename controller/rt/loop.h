/* rt: the only home of libuv, libcurl and llhttp. This header makes the loop of port/loop.h on libuv: one thread, timers,
 * functions posted from other threads, and signals. A callback of libuv does one thing here: hand the result on. */
#pragma once
#include "port/loop.h"

/* Given to the caller. The clock is rv_clock_system. From now on the process ignores SIGPIPE. */
struct rv_loop *rv_loop_create(void);
/* Runs until rv_loop_stop, on the calling thread: that thread is "the loop" from then on. May be run again afterwards. */
void rv_loop_run(struct rv_loop *loop);
/* From any thread, a callback included. Functions posted before it still run. */
void rv_loop_stop(struct rv_loop *loop);
/* After run has returned, on the same thread. What was posted and has not run yet still runs, waiting timers do not.
 * Servers, probes, lanes and children on the loop are destroyed before it. NULL is fine. */
void rv_loop_destroy(struct rv_loop *loop);

/* fn(arg, number) on the loop for each signal that arrives; the default action is off until the loop is destroyed.
 * At most 8 in all. */
void rv_loop_on_signal(struct rv_loop *loop, int number, void (*fn)(void *arg, int number), void *arg);
