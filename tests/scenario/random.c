/* Months of bad days, by seed: faults come and go at random, the controller dies again and again, the clock is stepped.
 * The invariants hold all along, and when the faults stop everything converges. */
#include <stdio.h>

#include "scenario/scenario.h"

static struct sim_host *some_host(struct world *w)
{
    return &w->fleet.hosts[sim_dice(&w->sim, (uint64_t)w->fleet.host_count)];
}

static void crash(struct world *w)
{
    world_crash(w);
}

static void crash_at_a_failpoint(struct world *w)
{
    snprintf(w->crash_at, sizeof w->crash_at, "%s", scenario_failpoints[sim_dice(&w->sim, scenario_failpoint_count)]);
    w->crash_visit = 1 + (int)sim_dice(&w->sim, 3);
    world_say(w, "will crash at %s:%d", w->crash_at, w->crash_visit);
}

static void renew(struct world *w)
{
    world_renew(w, sim_chance(&w->sim, 50) ? some_host(w)->name : NULL);
}

static void declare_other_names(struct world *w)
{
    snprintf(w->name, sizeof w->name, "shop%d.example.com", (int)sim_dice(&w->sim, 5));
    world_say(w, "declare %s", w->name);
    world_apply(w);
}

static void declare_other_rollout(struct world *w)
{
    static const char *const batches[] = {"[1, \"100%\"]", "[1, \"50%\", \"100%\"]", "[\"100%\"]", "[2]"};
    snprintf(w->batches, sizeof w->batches, "%s", batches[sim_dice(&w->sim, 4)]);
    w->soak = (rv_dur)sim_dice(&w->sim, RV_HOUR(2)) / 1000 * 1000;
    world_apply(w);
}

static void rival(struct world *w)
{
    struct sim_host *h = some_host(w);
    world_say(w, "a rival on %s", h->name);
    sim_host_rival(h);
}

static void clock_step(struct world *w)
{
    rv_dur by = (rv_dur)sim_dice(&w->sim, RV_DAY(2));
    by = sim_chance(&w->sim, 50) ? by : -by;
    by = sim_chance(&w->sim, 50) ? by / 100 : by;
    world_step_clock(w, by);
}

static void host_fault(struct world *w)
{
    struct sim_host *h = some_host(w);
    bool *const faults[] = {&h->unreachable,  &h->cut_off,       &h->reload_noop,
                            &h->reload_kills, &h->broken_config, &h->disk_full};
    static const char *const names[] = {"unreachable",  "cut off",       "reload does nothing",
                                        "reload kills", "broken config", "disk full"};
    size_t which = sim_dice(&w->sim, RV_COUNT(faults));
    *faults[which] = true;
    world_say(w, "%s: %s", h->name, names[which]);
}

static void host_is_slow(struct world *w)
{
    struct sim_host *h = some_host(w);
    h->slow_percent = (int)sim_dice(&w->sim, 60);
    h->lost_percent = (int)sim_dice(&w->sim, 50);
    world_say(w, "%s: slow %d%%, lost %d%%", h->name, h->slow_percent, h->lost_percent);
}

static void ca_fault(struct world *w)
{
    w->ca.down = sim_chance(&w->sim, 40);
    w->ca.refuses = sim_chance(&w->sim, 20);
    w->ca.lost_percent = (int)sim_dice(&w->sim, 70);
    w->ca.slow_percent = (int)sim_dice(&w->sim, 40);
    world_say(w, "CA: down %d refuses %d lost %d%% slow %d%%", w->ca.down, w->ca.refuses, w->ca.lost_percent,
              w->ca.slow_percent);
}

static void keys_vanish(struct world *w)
{
    struct sim_host *h = some_host(w);
    h->eats_keys = true;
    world_say(w, "%s loses keys", h->name);
}

static void heal_host(struct world *w)
{
    struct sim_host *h = some_host(w);
    world_say(w, "%s is well", h->name);
    sim_host_heal(h);
    if (rv_hash_is_zero(&h->served) && rv_hash_is_zero(&h->armed)) { /* somebody starts the server again */
        h->served = rv_hash_is_zero(&h->current) ? h->foreign : h->current;
        h->served_changed = w->sim.mono;
    }
}

static void heal_ca(struct world *w)
{
    w->ca.down = w->ca.refuses = false;
    w->ca.lost_percent = w->ca.slow_percent = 0;
}

static void heal_all(struct world *w)
{
    heal_ca(w);
    for (int i = 0; i < w->fleet.host_count; i++) {
        struct sim_host *h = &w->fleet.hosts[i];
        sim_host_heal(h);
        if (rv_hash_is_zero(&h->served)) {
            h->served = rv_hash_is_zero(&h->current) ? h->foreign : h->current;
            h->served_changed = w->sim.mono;
        }
    }
    w->crash_at[0] = '\0';
}

static const struct {
    void (*happen)(struct world *w);
    int weight;
} events[] = {
    {crash, 10},
    {crash_at_a_failpoint, 20},
    {renew, 8},
    {declare_other_names, 3},
    {declare_other_rollout, 3},
    {rival, 4},
    {clock_step, 3},
    {host_fault, 10},
    {host_is_slow, 10},
    {ca_fault, 8},
    {keys_vanish, 2},
    {heal_host, 30},
    {heal_ca, 12},
};

static void something_happens(struct world *w)
{
    int total = 0;
    for (size_t i = 0; i < RV_COUNT(events); i++)
        total += events[i].weight;
    int at = (int)sim_dice(&w->sim, (uint64_t)total);
    for (size_t i = 0; i < RV_COUNT(events); i++) {
        if (at < events[i].weight) {
            events[i].happen(w);
            return;
        }
        at -= events[i].weight;
    }
}

/* What a person would do about those that need one: ask for a new certificate, once the cause is gone. */
static void people_help(struct world *w)
{
    for (int i = 0; i < w->fleet.host_count; i++) {
        struct rv_action action;
        if (world_state(w, w->fleet.hosts[i].name, &action) == RV_STATE_NEEDS_PERSON &&
            (action.reason == RV_WHY_SWITCH_FAILED || action.reason == RV_WHY_NOT_SERVED))
            world_renew(w, w->fleet.hosts[i].name);
    }
}

void scenario_random(struct world *w)
{
    int hosts = 1 + (int)sim_dice(&w->sim, 5), days = 20 + (int)sim_dice(&w->sim, 60);
    char name[32];
    for (int i = 0; i < hosts; i++) {
        snprintf(name, sizeof name, "edge-%d", i + 1);
        sim_host_add(&w->fleet, name);
    }
    w->max_failed = 1 + (int)sim_dice(&w->sim, 2);
    w->duration = sim_chance(&w->sim, 50) ? RV_DAY(7) : RV_DAY(90);
    w->soak = (rv_dur)sim_dice(&w->sim, RV_MIN(30)) / 1000 * 1000;
    world_apply(w);
    world_start(w);
    int64_t end = w->sim.mono + RV_DAY(days);
    while (world_ok(w) && w->sim.mono < end) {
        something_happens(w);
        /* Bursts and quiet days. */
        rv_dur pause =
            sim_chance(&w->sim, 60) ? (rv_dur)sim_dice(&w->sim, RV_MIN(3)) : (rv_dur)sim_dice(&w->sim, RV_HOUR(60));
        world_run(w, pause);
    }
    heal_all(w);
    world_say(w, "all faults are gone");
    for (int day = 0; day < 12 && world_ok(w) && world_ready(w) < hosts; day++) {
        people_help(w);
        world_run(w, RV_DAY(1));
    }
    if (world_ok(w) && world_ready(w) < hosts)
        world_fail(w, "%d of %d are Ready after the faults were gone for days", world_ready(w), hosts);
    if (world_ok(w))
        world_end(w);
}
