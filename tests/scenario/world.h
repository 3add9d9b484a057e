/* A small world: the real core, engine and store on a simulated loop, clock, CA and hosts, and the invariants that hold
 * in it at all times. A violation is kept as the first failure and ends the run. */
#pragma once
#include "engine/engine.h"
#include "support/sim_host.h"

#define WORLD_CERTIFICATE "shop"

struct world {
    uint64_t seed;
    bool verbose;
    struct sim_loop sim;
    struct sim_ca ca;
    struct sim_fleet fleet;
    struct rv_store *store;
    struct rv_engine *engine; /* NULL: crashed */
    struct rv_policy policy;
    /* The declared certificate. */
    char batches[64], mode[16], undo[8], name[64];
    rv_dur soak, duration;
    int max_failed;
    /* What happened. */
    char failure[512];
    int64_t planned_when_checked, restart_at, stepped_at;
    int crashes;
    char crash_at[64]; /* failpoint; empty: none */
    int crash_visit;
    int64_t issues_since[SIM_HOSTS + 1]; /* by binding: counts since it was kept, for the budget */
};

void world_init(struct world *w, uint64_t seed, bool verbose);
void world_fini(struct world *w);
void world_say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool world_ok(const struct world *w);
/* Declares `hosts` targets and the certificate that goes to all of them. */
void world_apply(struct world *w);
void world_start(struct world *w); /* the controller */
void world_crash(struct world *w);
void world_run(struct world *w, rv_dur time);
void world_step_clock(struct world *w, rv_dur by);
void world_renew(struct world *w, const char *target); /* NULL: all */
void world_approve(struct world *w);
void world_pause(struct world *w, bool paused);
/* How a binding stands; NULL target: nothing is found. */
bool world_binding(struct world *w, const char *target, struct rv_binding_row *ret);
enum rv_state world_state(struct world *w, const char *target, struct rv_action *ret_action);
int world_ready(struct world *w); /* how many bindings are Ready, and their host really serves it */
int world_audited(struct world *w, const char *action);
void world_check(struct world *w); /* the invariants */
void world_end(struct world *w);   /* and those that hold when all is quiet */
