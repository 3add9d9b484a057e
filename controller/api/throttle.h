/* Failed sign-ins, counted per peer (M-52): after a handful in a minute that peer's unknown credentials are not even
 * looked at. A fixed table: a flood of peers may push each other out, never grow memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RV_THROTTLE_FAILURES 10
#define RV_THROTTLE_WINDOW 60000 /* ms */
#define RV_THROTTLE_SLOTS 1024

struct rv_throttle {
    struct {
        uint64_t peer;
        int64_t since;
        int failures;
    } slots[RV_THROTTLE_SLOTS];
};
/* Milliseconds until this peer may try again, 0: now. IPv6 peers count by /64. now: monotonic milliseconds. */
int64_t rv_throttle_wait(const struct rv_throttle *t, const char *peer, int64_t now);
void rv_throttle_failed(struct rv_throttle *t, const char *peer, int64_t now);
