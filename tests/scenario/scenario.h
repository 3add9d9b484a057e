/* The scenario runner: named stories as text, and random ones by seed. */
#pragma once
#include "scenario/world.h"

extern const char *const scenario_failpoints[]; /* of the engine, as in the sources */
extern const size_t scenario_failpoint_count;

struct story {
    const char *name;
    const char *script; /* one command a line */
};
extern const struct story scenario_stories[];
extern const size_t scenario_story_count;

void scenario_play(struct world *w, const struct story *story);
void scenario_random(struct world *w);
