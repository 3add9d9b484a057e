#include "ca/clock_guard.h"

static bool pause_for(struct rv_clock_guard *g, rv_time was, rv_time is)
{
    g->paused = true;
    g->was = was;
    g->is = is;
    return false;
}

void rv_clock_guard_init(struct rv_clock_guard *guard, rv_time high, rv_time wall, int64_t mono)
{
    *guard = (struct rv_clock_guard){.wall = wall, .mono = mono, .high = high > wall ? high : wall};
    if (wall < high - RV_CLOCK_BACK)
        pause_for(guard, high, wall);
}

bool rv_clock_guard_look(struct rv_clock_guard *guard, rv_time wall, int64_t mono)
{
    if (guard->paused)
        return false;
    rv_time expected = guard->wall + (mono - guard->mono);
    if (wall < expected - RV_CLOCK_BACK || wall > expected + RV_CLOCK_FORWARD)
        return pause_for(guard, expected, wall);
    if (wall < guard->high - RV_CLOCK_BACK) /* many small steps back */
        return pause_for(guard, guard->high, wall);
    guard->wall = wall;
    guard->mono = mono;
    if (wall > guard->high)
        guard->high = wall;
    return true;
}

void rv_clock_guard_accept(struct rv_clock_guard *guard, rv_time wall, int64_t mono)
{
    *guard = (struct rv_clock_guard){.wall = wall, .mono = mono, .high = wall};
}

enum rv_status rv_clock_guard_explain(const struct rv_clock_guard *guard, struct rv_error *err)
{
    char was[RV_TIME_TEXT], is[RV_TIME_TEXT];
    if (!guard->paused)
        return RV_OK;
    rv_fail(err, RV_UNAVAILABLE, "issuing is paused: the clock says %s where %s was expected", rv_time_text(is, guard->is),
            rv_time_text(was, guard->was));
    rv_error_where(err, RV_UNAVAILABLE, "clock");
    return rv_error_hint(err, RV_UNAVAILABLE, "set the machine's time right, then `reeve clock accept`");
}
