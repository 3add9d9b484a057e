/* Retry belongs to the engine: per kind of error its own back-off, with jitter that is derived from the binding's id and
 * the attempt, so that it is the same after a restart. */
#pragma once
#include "core/facts.h"

struct rv_retry {
    rv_dur first, cap; /* doubled each time up to cap */
    int give_up; /* attempts after which it is shown as needing a person, 0: never. It is still tried, at the cap's pace */
};
const struct rv_retry *rv_retry_for(enum rv_step step, enum rv_status status);
/* How long to wait after the `failures`-th failure in a row (1 the first). */
rv_dur rv_retry_delay(const struct rv_retry *retry, int failures, int64_t seed);
