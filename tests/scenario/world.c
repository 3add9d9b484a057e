#include "scenario/world.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "pki/digest.h"
#include "port/store_audit.h"
#include "port/store_certificate.h"

/* ---- Saying ----------------------------------------------------------------------------------------------------- */

void world_say(const struct world *w, const char *format, ...)
{
    if (!w->verbose)
        return;
    char text[RV_TIME_TEXT];
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%10.3f h %s  ", (double)w->sim.mono / 3600000.0, rv_time_text(text, w->sim.mono + w->sim.offset));
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void world_fail(struct world *w, const char *format, ...)
{
    if (w->failure[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(w->failure, sizeof w->failure, format, args);
    va_end(args);
    world_say(w, "FAILED: %s", w->failure);
}

bool world_ok(const struct world *w)
{
    return w->failure[0] == '\0';
}

/* ---- Dying at a failpoint: the stack is left behind, as in a crash ---------------------------------------------- */

static struct world *dying;
static jmp_buf died;

static void at_failpoint(const char *name)
{
    struct world *w = dying;
    if (w == NULL || w->engine == NULL || strcmp(w->crash_at, name) != 0 || --w->crash_visit > 0)
        return;
    w->crash_at[0] = '\0';
    world_say(w, "crash at %s", name);
    bool mid_answer = strstr(name, ".answered") != NULL;
    sim_fleet_crash(&w->fleet, mid_answer);
    sim_ca_crash(&w->ca, mid_answer);
    longjmp(died, 1);
}

/* ---- The controller --------------------------------------------------------------------------------------------- */

void world_start(struct world *w)
{
    struct rv_engine_options options = {
        .store = w->store,
        .loop = &w->sim.loop,
        .probe = &w->fleet.probe,
        .connectors = &w->fleet.connector,
        .connector_count = 1,
        .issuers = &w->ca.issuer,
        .issuer_count = 1,
        .digest = rv_sha256,
        .policy = w->policy,
    };
    w->engine = rv_engine_create(&options);
    rv_engine_start(w->engine);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* A supervisor starts it again: mostly soon, sometimes hours later. */
static void bury(struct world *w)
{
    rv_dur away = sim_chance(&w->sim, 15) ? (rv_dur)sim_dice(&w->sim, RV_HOUR(8)) : (rv_dur)sim_dice(&w->sim, RV_SEC(90));
    w->crashes++;
    rv_engine_destroy(w->engine);
    w->engine = NULL;
    w->restart_at = w->sim.mono + away;
    rv_loop_timer(&w->sim.loop, away, nothing, NULL);
}

void world_crash(struct world *w)
{
    if (w->engine == NULL)
        return;
    world_say(w, "crash");
    sim_fleet_crash(&w->fleet, false);
    sim_ca_crash(&w->ca, false);
    bury(w);
}

void world_init(struct world *w, uint64_t seed, bool verbose)
{
    *w = (struct world){.seed = seed,
                        .verbose = verbose,
                        .policy = rv_policy_default,
                        .max_failed = 1,
                        .soak = RV_MIN(10),
                        .batches = "[1, \"100%\"]",
                        .mode = "Manage",
                        .undo = "auto",
                        .name = "shop.example.com"};
    rv_log_setup(verbose ? RV_LOG_WARN : RV_LOG_ERROR + 1, 0);
    rv_failpoint_hook = at_failpoint;
    dying = w;
    sim_loop_init(&w->sim, seed);
    sim_ca_init(&w->ca, &w->sim, rv_sha256);
    sim_fleet_init(&w->fleet, &w->sim, &w->ca, rv_sha256);
    struct rv_store_options options = {
        .path = ":memory:", .loop = &w->sim.loop, .digest = rv_sha256, .clock = &w->sim.clock, .inline_work = true};
    struct rv_error err;
    if (rv_store_open(&options, &w->store, &err) != RV_OK) {
        fprintf(stderr, "store: %s\n", err.message);
        abort();
    }
    w->ca.store = w->store;
}

void world_fini(struct world *w)
{
    if (w->engine != NULL)
        bury(w);
    /* What hosts and CA still have to say finds nobody. */
    while (w->sim.count > 0)
        sim_loop_step(&w->sim, INT64_MAX);
    rv_store_close(w->store);
    sim_loop_fini(&w->sim);
    dying = NULL;
}

/* ---- Declaring -------------------------------------------------------------------------------------------------- */

struct applying {
    struct world *w;
    struct rv_arena *arena;
    const struct rv_object *set[SIM_HOSTS + 1];
    size_t count;
};

static void add_object(struct applying *a, const char *text)
{
    RV_AUTO(json) json_t *document = NULL;
    struct rv_error err = {0};
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    if (rv_json_parse(rv_bytes_of(text), &document, &err) != RV_OK ||
        rv_object_decode(document, a->arena, &object, &faults) != RV_OK) {
        world_fail(a->w, "document: %s %s %s in %s", err.message, faults != NULL ? faults->path : "",
                   faults != NULL ? faults->message : "", text);
        return;
    }
    a->set[a->count++] = object;
}

static enum rv_status apply_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct applying *a = arg;
    struct rv_set_fault *faults = NULL;
    enum rv_status status = rv_apply(tx, rv_sha256, a->set, a->count, "user:test", false, rv_now(&a->w->sim.clock), a->arena,
                                     NULL, NULL, &faults, err);
    if (status == RV_INVALID && faults != NULL)
        return rv_fail(err, status, "%s: %s", faults->fault.path, faults->fault.message);
    return status;
}

void world_apply(struct world *w)
{
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct applying a = {.w = w, .arena = arena};
    char text[1200];
    for (int i = 0; i < w->fleet.host_count; i++) {
        const char *name = w->fleet.hosts[i].name;
        snprintf(
            text, sizeof text,
            "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Target\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"role\":\"edge\"}},"
            "\"spec\":{\"connector\":\"local\",\"server\":{\"kind\":\"nginx\",\"certificateFile\":\"/tls/"
            "{certificate}.crt\","
            "\"privateKeyFile\":\"/tls/{certificate}.key\"},\"endpoints\":[\"%s:443\"]}}",
            name, name);
        add_object(&a, text);
    }
    char duration[32] = "";
    if (w->duration > 0)
        snprintf(duration, sizeof duration, "\"duration\":\"%lldh\",", (long long)(w->duration / RV_HOUR(1)));
    snprintf(text, sizeof text,
             "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"" WORLD_CERTIFICATE
             "\"},\"spec\":{%s"
             "\"dnsNames\":[\"%s\"],\"renewBefore\":\"33%%\",\"deploy\":{\"targets\":{\"matchLabels\":{\"role\":\"edge\"}},"
             "\"strategy\":{\"type\":\"BlueGreen\",\"batches\":%s,\"soak\":\"%llds\",\"maxFailed\":%d,\"undo\":\"%s\"}},"
             "\"mode\":\"%s\"}}",
             duration, w->name, w->batches, (long long)(w->soak / 1000), w->max_failed, w->undo, w->mode);
    add_object(&a, text);
    struct rv_error err = {0};
    if (world_ok(w) && rv_store_write_now(w->store, apply_fn, &a, &err) != RV_OK)
        world_fail(w, "apply: %s", err.message);
    if (w->engine != NULL)
        rv_engine_wake(w->engine);
}

/* A day by the wall clock is another day after that. */
void world_step_clock(struct world *w, rv_dur by)
{
    world_say(w, "the clock steps by %lld s", (long long)(by / 1000));
    w->sim.offset += by;
    w->stepped_at = w->sim.mono;
}

/* ---- Looking at bindings ---------------------------------------------------------------------------------------- */

struct looking {
    struct world *w;
    const char *target;
    int count;
    struct rv_binding_row rows[SIM_HOSTS + 1];
    struct rv_rollout_view views[SIM_HOSTS + 1];
    enum { LOOK, VIEW, RENEW, APPROVE } what;
};

static bool take(void *arg, const struct rv_binding_row *row)
{
    struct looking *l = arg;
    if (l->target == NULL || strcmp(l->target, row->target) == 0)
        l->rows[l->count++] = *row;
    return l->count < SIM_HOSTS;
}

static enum rv_status look_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct looking *l = arg;
    rv_time now = rv_now(&l->w->sim.clock);
    l->count = 0;
    enum rv_status status = rv_binding_each_of(tx, WORLD_CERTIFICATE, take, l, err);
    for (int i = 0; i < l->count && status == RV_OK; i++) {
        int64_t id = l->rows[i].facts.id;
        if (l->what == VIEW)
            status = rv_rollout_view_load(tx, &l->w->policy, &l->rows[i], now, &l->views[i], err);
        if (status == RV_OK && l->what == RENEW)
            status = rv_binding_request_renewal(tx, id, now, err);
        if (status == RV_OK && l->what == APPROVE)
            status = rv_binding_approve(tx, id, rv_round(&l->rows[i].facts), now, err);
    }
    return status;
}

static void look(struct looking *l)
{
    struct rv_error err = {0};
    if (rv_store_write_now(l->w->store, look_fn, l, &err) != RV_OK)
        world_fail(l->w, "looking: %s", err.message);
    if (l->what >= RENEW && l->w->engine != NULL)
        rv_engine_wake(l->w->engine);
}

void world_renew(struct world *w, const char *target)
{
    struct looking *l = rv_zalloc(sizeof *l);
    *l = (struct looking){.w = w, .target = target, .what = RENEW};
    world_say(w, "renew %s", target != NULL ? target : "all");
    look(l);
    rv_free(l);
}

void world_approve(struct world *w)
{
    struct looking *l = rv_zalloc(sizeof *l);
    *l = (struct looking){.w = w, .what = APPROVE};
    look(l);
    rv_free(l);
}

bool world_binding(struct world *w, const char *target, struct rv_binding_row *ret)
{
    struct looking *l = rv_zalloc(sizeof *l);
    *l = (struct looking){.w = w, .target = target};
    look(l);
    bool found = l->count > 0;
    if (found)
        *ret = l->rows[0];
    rv_free(l);
    return found;
}

enum rv_state world_state(struct world *w, const char *target, struct rv_action *ret_action)
{
    struct looking *l = rv_zalloc(sizeof *l);
    *l = (struct looking){.w = w, .target = target, .what = VIEW};
    rv_time now = rv_now(&w->sim.clock);
    enum rv_state state = RV_STATE_COUNT;
    look(l);
    if (l->count > 0) {
        struct rv_action action = rv_plan_next(&w->policy, &l->rows[0].facts, &l->views[0], now);
        if (ret_action != NULL)
            *ret_action = action;
        state = rv_binding_state(&w->policy, &l->rows[0].facts, &l->views[0], now);
    }
    rv_free(l);
    return state;
}

static bool really_served(struct world *w, const struct rv_binding_row *row)
{
    const struct sim_host *h = sim_host_find(&w->fleet, row->target);
    return h != NULL && rv_hash_equal(&h->served, &row->facts.issued.fingerprint);
}

int world_ready(struct world *w)
{
    struct looking *l = rv_zalloc(sizeof *l);
    *l = (struct looking){.w = w, .what = VIEW};
    look(l);
    int ready = 0;
    for (int i = 0; i < l->count; i++) {
        bool is = rv_binding_ready(&w->policy, &l->rows[i].facts, rv_now(&w->sim.clock)) && really_served(w, &l->rows[i]);
        ready += is;
        if (!is && w->verbose) {
            char why[600];
            rv_plan_explain(&w->policy, &l->rows[i].facts, &l->views[i], rv_now(&w->sim.clock), why, sizeof why);
            world_say(w, "%s: %s [%s]", l->rows[i].target, why, l->rows[i].fault);
        }
    }
    rv_free(l);
    return ready;
}

struct counting {
    const char *action;
    int count;
};

static bool count_row(void *arg, const struct rv_audit_row *row)
{
    struct counting *c = arg;
    c->count += strcmp(row->action, c->action) == 0;
    return true;
}

static enum rv_status count_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_audit_each(tx, 0, 0, count_row, arg, err);
}

int world_audited(struct world *w, const char *action)
{
    struct counting c = {action, 0};
    struct rv_error err = {0};
    if (rv_store_read_now(w->store, count_fn, &c, &err) != RV_OK)
        world_fail(w, "audit: %s", err.message);
    return c.count;
}

/* ---- Invariants ------------------------------------------------------------------------------------------------- */

static bool in_slots(const struct sim_host *h, const struct rv_hash *fingerprint)
{
    for (size_t i = 0; i < h->slot_count; i++)
        if (rv_hash_equal(&h->slots[i], fingerprint))
            return true;
    return false;
}

static void check_host(struct world *w, const struct sim_host *h)
{
    bool served = rv_hash_is_zero(&h->served) || rv_hash_equal(&h->served, &h->foreign) || in_slots(h, &h->served);
    if (!served)
        world_fail(w, "%s serves a pair that is not there", h->name);
    if (!rv_hash_is_zero(&h->current) && !in_slots(h, &h->current))
        world_fail(w, "%s points at a pair that is not there", h->name);
    if (!rv_hash_is_zero(&h->previous) && !in_slots(h, &h->previous))
        world_fail(w, "%s has lost its way back", h->name);
    if (!rv_hash_is_zero(&h->armed) && !rv_hash_is_zero(&h->armed_back) && !in_slots(h, &h->armed_back))
        world_fail(w, "%s is on trial without a pair to go back to", h->name);
}

/* Ready means served, by the truth that only the simulation knows: what changed since the last handshake is excused. */
static void check_ready(struct world *w, const struct rv_binding_row *row)
{
    const struct sim_host *h = sim_host_find(&w->fleet, row->target);
    if (h == NULL || !rv_binding_ready(&w->policy, &row->facts, rv_now(&w->sim.clock)))
        return;
    if (!rv_hash_equal(&h->served, &row->facts.issued.fingerprint) && h->served_changed < h->probed)
        world_fail(w, "%s is Ready and does not serve it", row->target);
}

/* No more certificates in a day than the budget allows, counted since the binding last converged. */
static void check_budget(struct world *w, const struct rv_binding_row *row)
{
    int recent = 0;
    int64_t kept_mono = row->facts.id <= SIM_HOSTS ? w->issues_since[row->facts.id] : 0;
    for (int i = 0; i < w->ca.count; i++) {
        const struct sim_cert *c = &w->ca.certs[i];
        recent += c->issued && c->binding == row->facts.id && c->asked_mono > kept_mono && c->asked_mono > w->stepped_at &&
                  c->asked_mono > w->sim.mono - RV_DAY(1);
    }
    if (recent > w->policy.max_issues)
        world_fail(w, "%s got %d certificates within a day", row->target, recent);
}

static void check_rollout(struct world *w, const struct looking *l)
{
    int failed = 0, limit = w->max_failed > 1 ? w->max_failed : 1;
    for (int i = 0; i < l->count; i++)
        failed += l->rows[i].facts.budget.switch_failures > 0;
    if (failed > limit)
        world_fail(w, "%d targets failed in one rollout, %d may", failed, limit);
}

static void note_kept(struct world *w, const struct rv_binding_row *row)
{
    /* Convergence begins a new window: seen from the row, in the time of the simulation. */
    static const struct rv_hash none;
    const struct rv_binding *b = &row->facts;
    if (b->id <= SIM_HOSTS && b->budget.issued_in_window == 0 && !rv_hash_equal(&b->proved, &none) &&
        rv_hash_equal(&b->proved, &b->issued.fingerprint))
        w->issues_since[b->id] = w->sim.mono;
}

void world_check(struct world *w)
{
    static struct looking looking; /* large, and needed all the time */
    struct looking *l = &looking;
    l->w = w;
    l->target = NULL;
    l->what = LOOK;
    for (int i = 0; i < w->fleet.host_count; i++)
        check_host(w, &w->fleet.hosts[i]);
    if (w->fleet.complaint[0] != '\0')
        world_fail(w, "%s", w->fleet.complaint);
    if (w->ca.complaint[0] != '\0')
        world_fail(w, "%s", w->ca.complaint);
    look(l);
    for (int i = 0; i < l->count; i++) {
        note_kept(w, &l->rows[i]);
        check_ready(w, &l->rows[i]);
        check_budget(w, &l->rows[i]);
    }
    check_rollout(w, l);
}

struct inventory {
    struct world *w;
    int issued;
};

static bool check_cert(void *arg, const struct rv_cert_row *row)
{
    struct inventory *i = arg;
    if (row->state != RV_CERT_ISSUED)
        return true;
    i->issued++;
    if (sim_ca_find(&i->w->ca, &row->fingerprint) == NULL)
        world_fail(i->w, "certificate %s in the inventory was never issued", row->serial);
    return true;
}

static enum rv_status end_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct inventory *i = arg;
    struct world *w = i->w;
    int64_t count, bad;
    struct rv_hash head;
    if (rv_audit_verify(tx, &count, &bad, &head, err) != RV_OK)
        world_fail(w, "the audit chain breaks at %lld", (long long)bad);
    return rv_cert_each(tx, NULL, 0, 0, check_cert, i, err);
}

void world_end(struct world *w)
{
    struct inventory i = {w, 0};
    struct rv_error err = {0};
    int issued = 0;
    world_check(w);
    if (rv_store_write_now(w->store, end_fn, &i, &err) != RV_OK)
        world_fail(w, "inventory: %s", err.message);
    for (int k = 0; k < w->ca.count; k++) {
        issued += w->ca.certs[k].issued;
        for (int n = 0; n < k; n++)
            if (w->ca.certs[k].issued && strcmp(w->ca.certs[k].serial, w->ca.certs[n].serial) == 0)
                world_fail(w, "serial %s twice", w->ca.certs[k].serial);
    }
    if (issued != i.issued)
        world_fail(w, "%d certificates were issued, %d are in the inventory", issued, i.issued);
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

/* Something was decided or recorded since the last look. */
static bool moved(struct world *w)
{
    struct rv_engine_stats stats = {0};
    if (w->engine != NULL)
        rv_engine_stats(w->engine, &stats);
    bool is = stats.planned != w->planned_when_checked;
    w->planned_when_checked = stats.planned;
    return is;
}

void world_run(struct world *w, rv_dur time)
{
    volatile int64_t end = w->sim.mono + time;
    if (setjmp(died) != 0)
        bury(w);
    while (world_ok(w)) {
        if (w->engine == NULL && w->sim.mono >= w->restart_at)
            world_start(w);
        if (!sim_loop_step(&w->sim, end))
            break;
        if (moved(w))
            world_check(w);
    }
    if (world_ok(w))
        world_check(w);
}
