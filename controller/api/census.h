/* Counting certificates by state. Counting walks every binding, so one count at a time is made, on a store thread, and
 * shared by all who ask; the longer it took, the longer it is good for. */
#pragma once
#include "core/plan.h"
#include "port/store.h"

struct rv_api;
struct rv_census_result {
    int64_t certificates, by_state[RV_STATE_COUNT];
    rv_time at, next_renewal, next_expiry; /* RV_TIME_FAR: none */
};
typedef void (*rv_census_done)(void *arg, enum rv_status status, const struct rv_census_result *result,
                               const struct rv_error *err);
struct rv_census_waiter {
    rv_census_done done;
    void *arg;
    struct rv_census_waiter *next;
};
struct rv_census {
    struct rv_census_result last;
    int64_t good_until; /* monotonic; 0: never counted */
    bool running;
    struct rv_census_waiter *waiting;
};
/* done is called once, later or (with a fresh count) at once. */
void rv_census_take(struct rv_census *census, struct rv_api *api, rv_census_done done, void *arg);
void rv_census_stale(struct rv_census *census); /* something changed: count again when asked */
void rv_census_fini(struct rv_census *census);
