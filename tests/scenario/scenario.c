/* scenarios [--seeds N] [--seed N] [--story TEXT] [--verbose]
 * Without arguments: every story, a crash at every failpoint of the engine, and a number of random seeds (40; thousands by
 * --seeds). */
#include "scenario/scenario.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
const char *const scenario_failpoints[] = {
    "key.begun", "key.answered", "key.recorded",          "issue.begun", "issue.answered", "issue.recorded",
    "stage.begun", "stage.answered", "stage.recorded",    "switch.begun", "switch.answered", "switch.recorded",
    "keep.begun", "keep.answered", "keep.recorded",       "undo.begun", "undo.answered", "undo.recorded",
    "observe.answered", "probe.answered",
};
/* clang-format on */
const size_t scenario_failpoint_count = RV_COUNT(scenario_failpoints);

/* Dying at a failpoint is a jump over the store's frame: what it would have freed is lost, as in a crash. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:rv_store_write\n";
}

static bool verbose;

static bool report(struct world *w, const char *what)
{
    bool ok = world_ok(w);
    if (!ok)
        fprintf(stderr, "%s: %s\n", what, w->failure);
    world_fini(w);
    rv_free(w);
    return ok;
}

static bool play(const struct story *story)
{
    struct world *w = rv_zalloc(sizeof *w);
    char what[200];
    world_init(w, 1, verbose);
    scenario_play(w, story);
    snprintf(what, sizeof what, "story \"%s\" (scenarios --story \"%s\" --verbose)", story->name, story->name);
    return report(w, what);
}

static bool play_seed(uint64_t seed)
{
    struct world *w = rv_zalloc(sizeof *w);
    char what[120];
    world_init(w, seed, verbose);
    scenario_random(w);
    snprintf(what, sizeof what, "seed %llu (scenarios --seed %llu --verbose)", (unsigned long long)seed,
             (unsigned long long)seed);
    return report(w, what);
}

/* One rollout with a failure in it and one renewal, dying once at the given place. */
static bool play_crash(const char *failpoint, int visit)
{
    static const struct story story = {"crash",
                                       "hosts 2\n set soak 1m\n apply\n start\n fault edge-1 reload-noop\n run 100s\n"
                                       "heal edge-1\n run 10h\n expect ready 2\n renew\n run 10h\n expect ready 2\n"};
    struct world *w = rv_zalloc(sizeof *w);
    char what[120];
    world_init(w, 1, verbose);
    snprintf(w->crash_at, sizeof w->crash_at, "%s", failpoint);
    w->crash_visit = visit;
    scenario_play(w, &story);
    if (world_ok(w) && w->crashes == 0 && visit == 1)
        world_fail(w, "was never reached");
    snprintf(what, sizeof what, "crash at %s:%d", failpoint, visit);
    return report(w, what);
}

int main(int argc, char **argv)
{
    int64_t seeds = 40;
    const char *story = NULL;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoll(value, NULL, 10);
        else if (strcmp(argv[i], "--story") == 0)
            story = value;
    }
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--seed") == 0)
            return play_seed(strtoull(argv[i + 1], NULL, 10)) ? 0 : 1;
    for (size_t i = 0; i < scenario_story_count; i++)
        if (story == NULL || strcmp(story, scenario_stories[i].name) == 0)
            failed += !play(&scenario_stories[i]);
    if (story != NULL)
        return failed > 0;
    for (size_t i = 0; i < scenario_failpoint_count; i++)
        for (int visit = 1; visit <= 3; visit++)
            failed += !play_crash(scenario_failpoints[i], visit);
    for (int64_t seed = 1; seed <= seeds; seed++)
        failed += !play_seed((uint64_t)seed);
    fprintf(stderr, "%zu stories, %zu failpoints, %lld seeds: %d failed\n", scenario_story_count, scenario_failpoint_count,
            (long long)seeds, failed);
    return failed > 0;
}
