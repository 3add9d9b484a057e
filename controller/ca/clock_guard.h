/* Whether the wall clock can be believed (M-58). Pure: times come in as arguments. A clock that went wrong would date
 * certificates wrongly, so issuing pauses until somebody vouches for it. */
#pragma once
#include <stdbool.h>

#include "base/time.h"

#define RV_CLOCK_BACK RV_SEC(5)     /* a step back beyond this pauses */
#define RV_CLOCK_FORWARD RV_HOUR(1) /* and a jump ahead of the monotonic clock beyond this */

struct rv_clock_guard {
    rv_time wall; /* at the last look */
    int64_t mono; /* then too */
    rv_time high; /* latest wall time ever relied on, also before a restart */
    bool paused;
    rv_time was, is; /* what made it pause: what was expected, what the clock said */
};
/* high: the stored mark, 0: none. */
void rv_clock_guard_init(struct rv_clock_guard *guard, rv_time high, rv_time wall, int64_t mono);
/* True while the clock is believed. Once paused it stays so, whatever the clock does. */
bool rv_clock_guard_look(struct rv_clock_guard *guard, rv_time wall, int64_t mono);
void rv_clock_guard_accept(struct rv_clock_guard *guard, rv_time wall, int64_t mono);
RV_MUST_CHECK enum rv_status rv_clock_guard_explain(const struct rv_clock_guard *guard, struct rv_error *err);
