#include "support/sim_host.h"

#include <stdio.h>

#include "base/text.h"

struct request { /* one call of the connector */
    struct sim_host *host;
    enum verb { OBSERVE, MAKE_KEY, STAGE, SWITCH, KEEP, UNDO } verb;
    struct rv_hash fingerprint, spki;
    rv_dur armed;
    rv_connector_done done;
    void *arg;
    enum rv_status status;
    rv_dur deadline;
    int epoch;
    bool lost;
    struct rv_connector_result result;
    struct rv_hash csr;
};

static bool has(const struct rv_hash *list, size_t count, const struct rv_hash *h)
{
    for (size_t i = 0; i < count; i++)
        if (rv_hash_equal(&list[i], h))
            return true;
    return false;
}

static void drop(struct rv_hash *list, size_t *count, size_t at)
{
    memmove(&list[at], &list[at + 1], (*count - at - 1) * sizeof *list);
    (*count)--;
}

static void complain(struct sim_fleet *f, const char *host, const char *what)
{
    if (f->complaint[0] == '\0')
        snprintf(f->complaint, sizeof f->complaint, "host %s: %s", host, what);
}

static void serve(struct sim_host *h, struct rv_hash fingerprint)
{
    if (rv_hash_equal(&h->served, &fingerprint))
        return;
    h->served = fingerprint;
    h->served_changed = h->fleet->loop->mono;
}

/* Room for one more: the oldest pair that nothing points to goes, as a careful target would do it. */
static void make_room(struct sim_host *h)
{
    for (size_t i = 0; i < h->slot_count && h->slot_count > SIM_SLOTS - 2; i++) {
        const struct rv_hash *s = &h->slots[i];
        if (!rv_hash_equal(s, &h->current) && !rv_hash_equal(s, &h->previous) && !rv_hash_equal(s, &h->armed_back) &&
            !rv_hash_equal(s, &h->served)) {
            drop(h->slots, &h->slot_count, i);
            return;
        }
    }
}

static void add_slot(struct sim_host *h, const struct rv_hash *fingerprint)
{
    if (has(h->slots, h->slot_count, fingerprint) || rv_hash_is_zero(fingerprint))
        return;
    make_room(h);
    h->slots[h->slot_count++] = *fingerprint;
}

static void fail(struct request *r, enum rv_status status, const char *phase)
{
    r->status = status;
    snprintf(r->result.phase, sizeof r->result.phase, "%s", phase);
}

/* ---- What each step does here ----------------------------------------------------------------------------------- */

static void put_back(struct sim_host *h)
{
    h->current = h->armed_back;
    if (!rv_hash_equal(&h->served, &h->armed_back))
        serve(h, h->armed_back);
    h->armed = (struct rv_hash){{0}};
    h->put_back++;
}

struct guard {
    struct sim_host *host;
    int64_t number;
};

static void guard_wakes(void *arg)
{
    struct guard *g = arg;
    if (!rv_hash_is_zero(&g->host->armed) && g->host->armed_number == g->number)
        put_back(g->host);
    rv_free(g);
}

static void forget_asked(struct sim_fleet *f, const struct sim_host *h)
{
    for (int i = 0; i < f->asked_count; i++)
        if (f->asked[i] == h) {
            f->asked[i] = f->asked[--f->asked_count];
            return;
        }
}

static void do_observe(struct request *r)
{
    struct sim_host *h = r->host;
    struct rv_target_report *report = &r->result.report;
    h->doubt = false; /* also about a change whose late answer nobody waits for any more */
    if (r->epoch == h->fleet->epoch)
        forget_asked(h->fleet, h);
    report->current = h->current;
    report->previous = h->previous;
    report->armed = h->armed;
    if (!rv_hash_is_zero(&h->armed))
        report->armed_until = h->armed_until + h->fleet->loop->offset + h->clock_error;
    report->locked_by_other = !rv_hash_is_zero(&h->armed);
    report->target_clock = rv_now(&h->fleet->loop->clock) + h->clock_error;
    report->pair_count = h->slot_count;
    memcpy(report->pairs, h->slots, h->slot_count * sizeof h->slots[0]);
    report->key_count = h->key_count;
    memcpy(report->keys, h->keys, h->key_count * sizeof h->keys[0]);
}

static void do_key(struct request *r)
{
    struct sim_host *h = r->host;
    char text[32];
    if (h->disk_full) {
        fail(r, RV_LIMITED, "disk");
        return;
    }
    if (h->key_count == SIM_SLOTS)
        drop(h->keys, &h->key_count, 0);
    snprintf(text, sizeof text, "key %d", ++h->fleet->key_serial);
    h->fleet->digest(rv_bytes_of(text), &r->csr);
    h->keys[h->key_count++] = r->csr;
    r->result.spki = r->csr;
    r->result.csr = RV_BYTES(r->csr.b, sizeof r->csr.b);
}

static void do_stage(struct request *r)
{
    struct sim_host *h = r->host;
    if (has(h->slots, h->slot_count, &r->fingerprint))
        return;
    if (h->disk_full) {
        fail(r, RV_LIMITED, "disk");
        return;
    }
    if (h->eats_keys)
        h->key_count = 0;
    for (size_t i = 0; i < h->key_count; i++)
        if (rv_hash_equal(&h->keys[i], &r->spki)) {
            drop(h->keys, &h->key_count, i);
            add_slot(h, &r->fingerprint);
            return;
        }
    fail(r, RV_NOT_FOUND, "key");
}

static void arm(struct sim_host *h, struct rv_hash fingerprint, struct rv_hash back, rv_dur armed)
{
    h->armed = fingerprint;
    h->armed_back = back;
    h->armed_until = h->fleet->loop->mono + armed;
    struct guard *g = rv_zalloc(sizeof *g);
    *g = (struct guard){h, ++h->armed_number};
    rv_loop_timer(&h->fleet->loop->loop, armed, guard_wakes, g);
}

static void do_switch(struct request *r)
{
    struct sim_host *h = r->host;
    h->switches++;
    if (!rv_hash_is_zero(&h->armed)) {
        fail(r, RV_UNAVAILABLE, "lock");
        return;
    }
    if (!has(h->slots, h->slot_count, &r->fingerprint)) {
        fail(r, RV_NOT_FOUND, "pair");
        return;
    }
    if (rv_hash_is_zero(&h->current)) { /* the first time: what is served becomes a slot, so that there is a way back */
        add_slot(h, &h->served);
        h->current = h->served;
    }
    struct rv_hash back = h->current;
    if (h->broken_config) {
        h->put_back++;
        fail(r, RV_INVALID, "check");
        return;
    }
    h->current = r->fingerprint;
    if (h->reload_kills)
        serve(h, (struct rv_hash){{0}});
    else if (!h->reload_noop)
        serve(h, r->fingerprint);
    arm(h, r->fingerprint, back, r->armed);
}

static void do_keep(struct request *r)
{
    struct sim_host *h = r->host;
    if (rv_hash_equal(&h->armed, &r->fingerprint)) {
        if (!rv_hash_equal(&h->armed_back, &h->armed))
            h->previous = h->armed_back;
        h->armed = (struct rv_hash){{0}};
    } else if (!rv_hash_equal(&h->current, &r->fingerprint)) {
        fail(r, RV_CONFLICT, "late");
    }
}

static void do_undo(struct request *r)
{
    struct sim_host *h = r->host;
    if (rv_hash_equal(&h->armed, &r->fingerprint)) {
        put_back(h);
    } else if (rv_hash_equal(&h->current, &r->fingerprint)) {
        if (rv_hash_is_zero(&h->previous)) {
            fail(r, RV_CONFLICT, "undo");
            return;
        }
        h->armed_back = h->previous;
        put_back(h);
    }
}

static void (*const verbs[])(struct request *) = {
    [OBSERVE] = do_observe, [MAKE_KEY] = do_key, [STAGE] = do_stage,
    [SWITCH] = do_switch,   [KEEP] = do_keep,    [UNDO] = do_undo,
};

/* ---- Calls and answers ------------------------------------------------------------------------------------------ */

static void reply(void *arg)
{
    struct request *r = arg;
    struct sim_fleet *f = r->host->fleet;
    struct rv_error err = {0};
    if (r->status != RV_OK)
        rv_fail(&err, r->status, "simulated: %s", r->result.phase);
    if (r->verb != OBSERVE && r->epoch == f->epoch)
        forget_asked(f, r->host);
    r->result.csr = RV_BYTES(r->csr.b, sizeof r->csr.b);
    f->answering = r->verb != OBSERVE ? r->host : NULL;
    rv_connector_done done = r->done;
    struct rv_connector_result result = r->result;
    struct rv_hash csr = r->csr;
    result.csr = RV_BYTES(csr.b, sizeof csr.b);
    void *to = r->arg;
    enum rv_status status = r->status;
    rv_free(r); /* before the answer: a failpoint may leave it by a jump */
    done(to, status, &result, &err);
    f->answering = NULL;
}

static void act(void *arg)
{
    struct request *r = arg;
    struct sim_host *h = r->host;
    struct sim_loop *l = h->fleet->loop;
    rv_dur back = 5 + (rv_dur)sim_dice(l, 40);
    if (h->unreachable) {
        fail(r, RV_UNAVAILABLE, "connect");
    } else {
        bool there = !r->lost || sim_chance(l, 50);
        if (there)
            verbs[r->verb](r);
        if (r->lost) {
            fail(r, r->verb == OBSERVE ? RV_TIMEOUT : RV_UNCERTAIN, "answer");
            back = RV_SEC(20);
        }
    }
    if (sim_chance(l, h->slow_percent))
        back = sim_chance(l, 30) ? RV_MIN(5) : RV_SEC(1) + (rv_dur)sim_dice(l, RV_SEC(50));
    if (r->verb != OBSERVE && r->epoch == h->fleet->epoch && (r->status == RV_UNCERTAIN || back > r->deadline + RV_SEC(30)))
        h->doubt = true;
    rv_loop_timer(&l->loop, back, reply, r);
}

static void ask(void *ctx, const struct rv_deploy *d, enum verb verb, struct request what, rv_connector_done done, void *arg)
{
    struct sim_fleet *f = ctx;
    struct sim_host *h = sim_host_find(f, d->target);
    struct request *r = rv_zalloc(sizeof *r);
    *r = what;
    r->host = h;
    r->verb = verb;
    r->done = done;
    r->arg = arg;
    r->deadline = d->deadline;
    r->epoch = f->epoch;
    r->lost = sim_chance(f->loop, h->lost_percent);
    if (verb != OBSERVE) {
        if (h->doubt)
            complain(f, h->name, "a change is asked for while the outcome of the last one is not known");
        if (f->asked_count < SIM_HOSTS)
            f->asked[f->asked_count++] = h;
    }
    rv_loop_timer(&f->loop->loop, 5 + (rv_dur)sim_dice(f->loop, 60), act, r);
}

static void observe(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg)
{
    ask(ctx, d, OBSERVE, (struct request){0}, done, arg);
}
static void make_key(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg)
{
    ask(ctx, d, MAKE_KEY, (struct request){0}, done, arg);
}
static void stage(void *ctx, const struct rv_deploy *d, const struct rv_pair *pair, rv_connector_done done, void *arg)
{
    ask(ctx, d, STAGE, (struct request){.fingerprint = pair->fingerprint, .spki = pair->spki}, done, arg);
}
static void switch_to(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_dur armed,
                      rv_connector_done done, void *arg)
{
    ask(ctx, d, SWITCH, (struct request){.fingerprint = *fingerprint, .armed = armed}, done, arg);
}
static void keep(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg)
{
    ask(ctx, d, KEEP, (struct request){.fingerprint = *fingerprint}, done, arg);
}
static void undo(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg)
{
    ask(ctx, d, UNDO, (struct request){.fingerprint = *fingerprint}, done, arg);
}

/* ---- Handshakes ------------------------------------------------------------------------------------------------- */

struct handshake {
    struct sim_fleet *fleet;
    struct sim_host *host;
    rv_probe_done done;
    void *arg;
};

static void shake(void *arg)
{
    struct handshake hs = *(struct handshake *)arg;
    struct sim_host *h = hs.host;
    rv_free(arg);
    struct rv_probe_result result = {.at = rv_now(&hs.fleet->loop->clock)};
    if (h == NULL || h->cut_off) {
        result.outcome = RV_PROBE_TIMEOUT;
        snprintf(result.fault, sizeof result.fault, "no answer");
    } else if (rv_hash_is_zero(&h->served)) {
        result.outcome = RV_PROBE_REFUSED;
        snprintf(result.fault, sizeof result.fault, "refused");
    } else {
        const struct sim_cert *cert = sim_ca_find(hs.fleet->ca, &h->served);
        result.outcome = RV_PROBE_SERVED;
        result.fingerprint = h->served;
        result.chain_valid = result.name_valid = cert != NULL;
        result.not_before = cert != NULL ? cert->not_before : 1000;
        result.not_after = cert != NULL ? cert->not_after : result.at + RV_DAY(400);
        result.time_valid = result.not_before <= result.at && result.at < result.not_after;
        snprintf(result.issuer, sizeof result.issuer, "%s", cert != NULL ? "CN=simulated" : "CN=somebody else");
    }
    if (h != NULL)
        h->probed = hs.fleet->loop->mono;
    hs.done(hs.arg, &result);
}

static void probe_start(void *ctx, const struct rv_probe_spec *spec, rv_probe_done done, void *arg)
{
    struct sim_fleet *f = ctx;
    struct handshake *hs = rv_zalloc(sizeof *hs);
    *hs = (struct handshake){f, sim_host_find(f, spec->host), done, arg};
    bool slow = hs->host == NULL || hs->host->cut_off;
    rv_loop_timer(&f->loop->loop, slow ? spec->timeout : 2 + (rv_dur)sim_dice(f->loop, 30), shake, hs);
}

/* ---- The fleet -------------------------------------------------------------------------------------------------- */

void sim_fleet_init(struct sim_fleet *f, struct sim_loop *loop, struct sim_ca *ca, rv_digest_fn digest)
{
    static const struct rv_connector_ops ops = {"local", observe, make_key, stage, switch_to, keep, undo};
    static const struct rv_probe_ops probe = {probe_start};
    *f = (struct sim_fleet){.loop = loop, .ca = ca, .digest = digest};
    f->connector = (struct rv_connector){&ops, f};
    f->probe = (struct rv_probe){&probe, f};
}

struct sim_host *sim_host_add(struct sim_fleet *f, const char *name)
{
    struct sim_host *h = &f->hosts[f->host_count++];
    *h = (struct sim_host){.fleet = f};
    snprintf(h->name, sizeof h->name, "%s", name);
    f->digest(rv_bytes_of(h->name), &h->foreign);
    h->served = h->foreign;
    h->clock_error = (rv_dur)sim_dice(f->loop, RV_MIN(20)) - RV_MIN(10);
    return h;
}

struct sim_host *sim_host_find(struct sim_fleet *f, const char *name)
{
    for (int i = 0; i < f->host_count; i++)
        if (strcmp(f->hosts[i].name, name) == 0)
            return &f->hosts[i];
    return NULL;
}

void sim_host_rival(struct sim_host *h)
{
    if (!rv_hash_is_zero(&h->armed))
        return; /* it respects the lock */
    h->current = h->foreign;
    add_slot(h, &h->foreign);
    serve(h, h->foreign);
}

void sim_fleet_crash(struct sim_fleet *f, bool mid_answer)
{
    for (int i = 0; i < f->asked_count; i++)
        f->asked[i]->doubt = true;
    for (int i = 0; i < f->host_count; i++)
        f->hosts[i].probed = 0; /* what the last handshake showed may not have been kept */
    f->asked_count = 0;
    f->epoch++;
    if (mid_answer && f->answering != NULL)
        f->answering->doubt = true;
    f->answering = NULL;
}

void sim_host_heal(struct sim_host *h)
{
    h->unreachable = h->cut_off = h->reload_noop = h->reload_kills = h->broken_config = h->disk_full = h->eats_keys = false;
    h->lost_percent = h->slow_percent = 0;
}
