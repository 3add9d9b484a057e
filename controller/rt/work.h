/* Lanes (port/work.h) with threads of their own, so that one slow host never holds up the database or the signatures.
 * Threads start when there is work for them, up to the lane's size, and stay. submit is for the loop's thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "port/work.h"

struct rv_work_options {
    int threads[RV_LANE_COUNT]; /* 0: the default: crypto one a core, db 2, remote 64 */
    /* Tasks that may wait; beyond this rv_work_full says true. submit itself never refuses. 0: 4096, 4096, 65536. */
    size_t queue_limit[RV_LANE_COUNT];
};
struct rv_work *rv_work_create(struct rv_loop *loop, const struct rv_work_options *options); /* NULL: all defaults */
/* On the loop's thread, outside of any work callback. Finishes all that was submitted, each done(arg) included, then ends
 * the threads. NULL is fine. */
void rv_work_destroy(struct rv_work *work);

struct rv_work_stats {
    size_t threads, running, queued, queue_limit;
    uint64_t finished;
};
void rv_work_stats(const struct rv_work *work, enum rv_lane lane, struct rv_work_stats *ret);
