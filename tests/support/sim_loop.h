/* A loop in virtual time: the same calls in the same order give the same run. Time moves only from one event to the
 * next. The wall clock may be stepped; the monotonic one is what events are ordered by. */
#pragma once
#include <stddef.h>

#include "port/loop.h"

struct sim_event;
struct sim_loop {
    struct rv_loop loop;
    struct rv_clock clock;
    int64_t mono;   /* milliseconds since the start */
    rv_time offset; /* wall = mono + offset */
    uint64_t sequence, dice;
    size_t count, cap;
    struct sim_event **heap;
};
void sim_loop_init(struct sim_loop *l, uint64_t seed);
void sim_loop_fini(struct sim_loop *l);
/* Runs the next event that is due until `mono`; false when there is none, and then the time is `mono`. */
bool sim_loop_step(struct sim_loop *l, int64_t mono);
/* Seeded: 0 to sides - 1. */
uint64_t sim_dice(struct sim_loop *l, uint64_t sides);
bool sim_chance(struct sim_loop *l, int percent);
