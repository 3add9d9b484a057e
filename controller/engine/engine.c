/* The driver: the pump takes due bindings from the queue in the store, jobs carry them on, lanes keep one slow target or
 * issuer from holding up the others. Everything here runs on the loop; only the transaction functions do not, and they
 * see nothing but their job. */
#include "engine/engine.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "core/mix.h"
#include "engine/engine_priv.h"
#include "port/store_audit.h"

#define TICK RV_MIN(1)        /* how often the clock is compared with itself */
#define CLOCK_STEP RV_SEC(30) /* wall against monotonic: more than this is a step */
#define LATE RV_SEC(30)       /* adapters keep their deadlines themselves; after this we do */
#define AFTER_STORE_FAULT RV_SEC(1)
#define PAGE_MAX 8192

static void pump(struct rv_engine *e);
static void arm(struct rv_engine *e, rv_dur delay);
static void start(struct job *job);
static void lanes_advance(struct rv_engine *e);

rv_time rv_engine_now(const struct rv_engine *e)
{
    return rv_now(e->o.loop->clock);
}

/* ---- Lifetimes -------------------------------------------------------------------------------------------------- */

static void trust_unref(struct trust *t)
{
    if (t != NULL && --t->refs == 0) {
        rv_buf_fini(&t->pem);
        rv_free(t);
    }
}

struct rv_engine *rv_engine_ref(struct rv_engine *e)
{
    e->refs++;
    return e;
}

void rv_engine_unref(struct rv_engine *e)
{
    if (--e->refs > 0)
        return;
    trust_unref(e->trust);
    rv_free(e->o.connectors);
    rv_free(e->o.issuers);
    rv_free(e);
}

struct call *rv_call_create(struct job *job)
{
    struct call *call = rv_zalloc(sizeof *call);
    call->job = job;
    call->arena = rv_arena_create();
    return call;
}

void rv_call_free(struct call *call)
{
    if (call == NULL)
        return;
    rv_arena_destroy(call->arena);
    trust_unref(call->trust);
    rv_free(call);
}

/* A call that was started belongs to the port until it answers. */
static void call_leave(struct call *call)
{
    if (call == NULL)
        return;
    if (call->started)
        call->job = NULL;
    else
        rv_call_free(call);
}

static void job_free(struct job *job)
{
    struct rv_engine *e = job->engine;
    struct job **at = &e->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    e->job_count--;
    if (job->deadline != NULL)
        rv_loop_timer_stop(e->o.loop, job->deadline);
    call_leave(job->call);
    rv_call_free(job->next_call);
    rv_free(job);
    rv_engine_unref(e);
}

static void say_stopped(struct rv_engine *e)
{
    if (!e->stopping || e->job_count > 0 || e->reading || e->stopped == NULL)
        return;
    void (*fn)(void *) = e->stopped;
    e->stopped = NULL;
    rv_loop_post(e->o.loop, fn, e->stopped_arg);
}

static void job_end(struct job *job)
{
    struct rv_engine *e = job->engine;
    bool dead = e->dead;
    rv_engine_ref(e);
    job_free(job);
    if (!dead) {
        lanes_advance(e);
        /* Reading costs as much as a page, so several places are filled at once. */
        if ((e->skipped || e->next_due <= rv_engine_now(e)) && e->job_count <= e->o.in_flight / 2)
            pump(e);
        else if (e->job_count == 0 && !e->reading && e->running && !e->stopping)
            arm(e, e->next_due - rv_engine_now(e));
        say_stopped(e);
    }
    rv_engine_unref(e);
}

/* ---- Lanes ------------------------------------------------------------------------------------------------------ */

static int at_target(const struct rv_engine *e, const char *target)
{
    int n = 0;
    for (const struct job *j = e->jobs; j != NULL; j = j->next)
        n += target[0] != '\0' && strcmp(j->target, target) == 0;
    return n;
}

static int at_issuer(const struct rv_engine *e, const char *issuer)
{
    int n = 0;
    for (const struct job *j = e->jobs; j != NULL; j = j->next)
        n += j->call != NULL && j->call->started && !j->in_store && rv_step_of(j->call->action.step)->lane == LANE_ISSUER &&
             strcmp(j->call->issuer, issuer) == 0;
    return n;
}

static bool lane_is_free(const struct job *job)
{
    const struct call *c = job->call;
    return rv_step_of(c->action.step)->lane != LANE_ISSUER || at_issuer(job->engine, c->issuer) < job->engine->o.per_issuer;
}

static void lanes_advance(struct rv_engine *e)
{
    for (struct job *j = e->jobs; j != NULL; j = j->next)
        if (j->waits && !e->stopping && lane_is_free(j)) {
            start(j);
            return; /* each end of a job lets one go on; start may have changed the list */
        }
}

/* ---- Jobs ------------------------------------------------------------------------------------------------------- */

static void recorded(void *arg, enum rv_status status, const struct rv_error *err);

static void overdue(void *arg)
{
    struct job *job = arg;
    struct call *lost = job->call;
    job->deadline = NULL;
    /* The port keeps what it borrowed; whatever it says later is not heard. */
    struct call *call = job->call = rv_call_create(job);
    call->action = lost->action;
    call->effect = lost->effect;
    call->asks_issuer = lost->asks_issuer;
    call->started = true;
    call->status = lost->effect != 0 ? RV_UNCERTAIN : RV_TIMEOUT;
    rv_fail(&call->error, call->status, "no answer within %lld s",
            (long long)((rv_step_of(call->action.step)->deadline + LATE) / 1000));
    lost->job = NULL;
    rv_call_answered(call);
}

static void start(struct job *job)
{
    struct rv_engine *e = job->engine;
    job->waits = !lane_is_free(job);
    if (job->waits)
        return;
    if (job->call->action.step == RV_STEP_PROBE && e->trust != NULL) {
        job->call->trust = e->trust;
        e->trust->refs++;
        for (size_t i = 0; i < job->call->probe_count; i++)
            job->call->probes[i].spec.trust = rv_buf_bytes(&e->trust->pem);
    }
    job->deadline = rv_loop_timer(e->o.loop, rv_step_of(job->call->action.step)->deadline + LATE, overdue, job);
    rv_step_of(job->call->action.step)->start(job->call);
    job->call->started = true;
}

static enum rv_status decide_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct job *job = arg;
    enum rv_status status = rv_binding_get(tx, job->binding, &job->row, err);
    return status == RV_OK ? rv_job_decide(tx, job, rv_engine_now(job->engine), err) : status;
}

static enum rv_status record_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct job *job = arg;
    rv_time now = rv_engine_now(job->engine);
    enum rv_status status = rv_job_record(tx, job, now, err);
    if (status != RV_OK)
        return status;
    if (!job->last)
        return rv_job_decide(tx, job, now, err);
    job->action.verdict = RV_WAIT;
    job->row.due_at = now;
    return rv_binding_save(tx, &job->row, err);
}

static void passed_commit(enum rv_step step)
{
    switch (step) {
    case RV_STEP_KEY:
        RV_FAILPOINT("key.recorded");
        break;
    case RV_STEP_ISSUE:
        RV_FAILPOINT("issue.recorded");
        break;
    case RV_STEP_STAGE:
        RV_FAILPOINT("stage.recorded");
        break;
    case RV_STEP_SWITCH:
        RV_FAILPOINT("switch.recorded");
        break;
    case RV_STEP_KEEP:
        RV_FAILPOINT("keep.recorded");
        break;
    case RV_STEP_UNDO:
        RV_FAILPOINT("undo.recorded");
        break;
    default:
        break;
    }
}

static void passed_answer(enum rv_step step)
{
    switch (step) {
    case RV_STEP_OBSERVE:
        RV_FAILPOINT("observe.answered");
        break;
    case RV_STEP_PROBE:
        RV_FAILPOINT("probe.answered");
        break;
    case RV_STEP_KEY:
        RV_FAILPOINT("key.answered");
        break;
    case RV_STEP_ISSUE:
        RV_FAILPOINT("issue.answered");
        break;
    case RV_STEP_STAGE:
        RV_FAILPOINT("stage.answered");
        break;
    case RV_STEP_SWITCH:
        RV_FAILPOINT("switch.answered");
        break;
    case RV_STEP_KEEP:
        RV_FAILPOINT("keep.answered");
        break;
    case RV_STEP_UNDO:
        RV_FAILPOINT("undo.answered");
        break;
    default:
        break;
    }
}

/* After a decision was committed: start what was decided, or end. */
static void go_on(struct job *job, enum rv_status status, const struct rv_error *err)
{
    struct rv_engine *e = job->engine;
    struct rv_log_context about = {.area = "engine", .certificate = job->certificate, .target = job->target};
    job->in_store = false;
    if (e->dead) {
        job_free(job);
        return;
    }
    if (status != RV_OK) { /* facts and journal are as before: what was begun will be looked at */
        rv_log_error(RV_LOG_ERROR, &about, err, "could not write to the store");
        rv_call_free(RV_TAKE(job->next_call));
        e->next_due = 0;
        arm(e, AFTER_STORE_FAULT);
        e->hold = true;
        job_end(job);
        return;
    }
    e->stats.planned++;
    if (job->woke)
        e->next_due = 0;
    job->woke = false;
    job->call = RV_TAKE(job->next_call);
    if (job->action.verdict != RV_DO || e->stopping || job->call == NULL) {
        if (job->action.verdict != RV_DO && job->row.due_at < e->next_due)
            e->next_due = job->row.due_at;
        job_end(job);
        return;
    }
    e->stats.in_flight++;
    start(job);
}

static void decided(void *arg, enum rv_status status, const struct rv_error *err)
{
    go_on(arg, status, err);
}

static void recorded(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct job *job = arg;
    if (!job->engine->dead)
        job->engine->stats.in_flight--;
    struct call *call = RV_TAKE(job->call);
    enum rv_step step = call->action.step;
    rv_call_free(call);
    job->in_store = false;
    if (!job->engine->dead && status == RV_OK)
        passed_commit(step);
    go_on(job, status, err);
}

void rv_call_answered(struct call *call)
{
    struct job *job = call->job;
    if (job == NULL) {
        rv_call_free(call);
        return;
    }
    struct rv_engine *e = job->engine;
    enum rv_step step = call->action.step;
    call->started = false; /* ours again */
    passed_answer(step);
    if (job->deadline != NULL)
        rv_loop_timer_stop(e->o.loop, job->deadline);
    job->deadline = NULL;
    if (call->status == RV_OK) {
        e->stats.steps_done[step]++;
    } else {
        struct rv_log_context about = {.area = "engine", .certificate = job->certificate, .target = job->target};
        e->stats.steps_failed[step]++;
        rv_log_error(RV_LOG_WARN, &about, &call->error, rv_step_name(step));
    }
    job->in_store = true;
    job->last = e->stopping;
    rv_store_write(e->o.store, record_fn, recorded, job);
    lanes_advance(e);
}

static bool in_work(const struct rv_engine *e, int64_t binding)
{
    for (const struct job *j = e->jobs; j != NULL; j = j->next)
        if (j->binding == binding)
            return true;
    return false;
}

static void job_begin(struct rv_engine *e, int64_t binding, const char *certificate, const char *target)
{
    struct job *job = rv_zalloc(sizeof *job);
    job->engine = rv_engine_ref(e);
    job->binding = binding;
    memcpy(job->certificate, certificate, sizeof job->certificate);
    memcpy(job->target, target, sizeof job->target);
    job->next = e->jobs;
    e->jobs = job;
    e->job_count++;
    job->in_store = true;
    rv_store_write(e->o.store, decide_fn, decided, job);
}

/* ---- The pump --------------------------------------------------------------------------------------------------- */

struct page { /* one reading of the queue */
    struct rv_engine *engine;
    rv_time now, next;
    int limit, count, cap;
    struct due {
        int64_t id;
        char certificate[64], target[64];
    } * rows;
};

static bool take_row(void *arg, const struct rv_binding_row *row)
{
    struct page *p = arg;
    if (p->count == p->cap) { /* mostly a few are due */
        p->cap = p->cap > 0 ? 2 * p->cap : 16;
        p->rows = rv_resize(p->rows, (size_t)p->cap, sizeof *p->rows);
    }
    p->rows[p->count].id = row->facts.id;
    memcpy(p->rows[p->count].certificate, row->certificate, sizeof row->certificate);
    memcpy(p->rows[p->count].target, row->target, sizeof row->target);
    return ++p->count < p->limit;
}

static enum rv_status read_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct page *p = arg;
    p->count = 0;
    return rv_binding_each_due(tx, p->now, p->limit, take_row, p, &p->next, err);
}

static void take_page(struct rv_engine *e, const struct page *p)
{
    int begun = 0, skipped = 0;
    for (int i = 0; i < p->count && e->job_count < e->o.in_flight; i++) {
        if (in_work(e, p->rows[i].id))
            continue;
        if (at_target(e, p->rows[i].target) >= e->o.per_target) {
            skipped++;
            continue;
        }
        job_begin(e, p->rows[i].id, p->rows[i].certificate, p->rows[i].target);
        begun++;
    }
    e->next_due = p->next;
    if (p->count == p->limit) { /* more may be due behind these: when they are all in work, read further */
        if (begun == 0 && e->page < PAGE_MAX)
            e->page *= 2;
        e->again = e->job_count < e->o.in_flight && (begun > 0 || e->page > p->limit);
        e->next_due = p->now;
    } else {
        e->page = e->o.in_flight * 2;
        e->skipped = skipped > 0;
    }
}

static void pumped(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct page *p = arg;
    struct rv_engine *e = p->engine;
    e->reading = false;
    if (!e->dead && !e->stopping) {
        if (status != RV_OK) {
            struct rv_log_context about = {.area = "engine"};
            rv_log_error(RV_LOG_ERROR, &about, err, "could not read the queue");
            e->hold = true;
            arm(e, AFTER_STORE_FAULT);
        } else {
            take_page(e, p);
            bool again = e->again;
            e->again = false;
            if (again)
                pump(e);
            else
                arm(e, e->next_due - rv_engine_now(e));
        }
    }
    if (!e->dead)
        say_stopped(e);
    rv_free(p->rows);
    rv_free(p);
    rv_engine_unref(e);
}

static void pump(struct rv_engine *e)
{
    if (!e->running || e->stopping || e->dead || e->hold)
        return;
    if (e->reading) {
        e->again = true;
        return;
    }
    struct page *p = rv_zalloc(sizeof *p);
    p->engine = rv_engine_ref(e);
    p->now = rv_engine_now(e);
    p->limit = e->page;
    e->reading = true;
    rv_store_read(e->o.store, read_fn, pumped, p);
}

/* ---- The clock -------------------------------------------------------------------------------------------------- */

struct sweep {
    struct rv_engine *engine;
    rv_time now;
    int64_t after;
    rv_dur stepped;
    int count, seen;
    int64_t ids[1000];
};

static bool sweep_row(void *arg, const struct rv_binding_row *row)
{
    struct sweep *s = arg;
    s->after = row->facts.id;
    s->seen++;
    if (row->due_at > s->now)
        s->ids[s->count++] = row->facts.id;
    return true;
}

/* What was to be done at a time that the clock took back: looked at again, spread over ten minutes. */
static enum rv_status sweep_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct sweep *s = arg;
    int64_t from = s->after;
    s->count = s->seen = 0;
    enum rv_status status = rv_binding_each(tx, s->after, (int)RV_COUNT(s->ids), sweep_row, s, err);
    for (int i = 0; status == RV_OK && i < s->count; i++)
        status = rv_binding_due(tx, s->ids[i], s->now + rv_mix_share(rv_mix((uint64_t)s->ids[i], 4), RV_MIN(10)), err);
    if (status == RV_OK && from == 0) {
        RV_AUTO(json) json_t *detail = json_object();
        rv_json_set_int(detail, "milliseconds", s->stepped);
        RV_AUTO(char) char *text = rv_json_text(detail);
        struct rv_audit_event event = {"engine", "clock.jumped", "reeved", text};
        status = rv_audit_append(tx, &event, s->now, err);
    }
    if (status != RV_OK)
        s->after = from;
    return status;
}

static void swept(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct sweep *s = arg;
    struct rv_engine *e = s->engine;
    (void)err;
    if (!e->dead && !e->stopping && status == RV_OK && s->seen == (int)RV_COUNT(s->ids)) {
        rv_store_write(e->o.store, sweep_fn, swept, s);
        return;
    }
    if (!e->dead && !e->stopping) {
        e->next_due = 0;
        pump(e);
    }
    rv_free(s);
    rv_engine_unref(e);
}

static void watch_clock(struct rv_engine *e)
{
    int64_t offset = rv_engine_now(e) - rv_mono(e->o.loop->clock), stepped = offset - e->clock_offset;
    e->clock_offset = offset;
    if (stepped > -CLOCK_STEP && stepped < CLOCK_STEP)
        return;
    struct rv_log_context about = {.area = "engine"};
    rv_log(RV_LOG_WARN, &about, "the clock jumped by %lld ms", (long long)stepped);
    struct sweep *s = rv_zalloc(sizeof *s);
    s->engine = rv_engine_ref(e);
    s->now = rv_engine_now(e);
    s->stepped = stepped;
    rv_store_write(e->o.store, sweep_fn, swept, s);
}

static void tick(void *arg)
{
    struct rv_engine *e = arg;
    e->timer = NULL;
    e->hold = false;
    watch_clock(e);
    if (e->next_due <= rv_engine_now(e))
        pump(e);
    if (e->timer == NULL && !e->reading)
        arm(e, e->next_due - rv_engine_now(e));
}

static void arm(struct rv_engine *e, rv_dur delay)
{
    if (e->timer != NULL)
        rv_loop_timer_stop(e->o.loop, e->timer);
    delay = delay < 0 ? 0 : delay > TICK ? TICK : delay;
    /* With every place taken, what is due waits for one to become free. */
    if (delay == 0 && e->job_count > 0)
        delay = RV_SEC(1);
    e->timer = rv_loop_timer(e->o.loop, delay, tick, e);
}

/* ---- The face --------------------------------------------------------------------------------------------------- */

static void *copy_of(const void *items, size_t count, size_t size)
{
    return count == 0 ? NULL : rv_memdup(items, count * size);
}

struct rv_engine *rv_engine_create(const struct rv_engine_options *options)
{
    struct rv_engine *e = rv_zalloc(sizeof *e);
    e->o = *options;
    e->refs = 1;
    e->o.connectors = copy_of(options->connectors, options->connector_count, sizeof *options->connectors);
    e->o.issuers = copy_of(options->issuers, options->issuer_count, sizeof *options->issuers);
    e->o.per_target = options->per_target > 0 ? options->per_target : 1;
    e->o.per_issuer = options->per_issuer > 0 ? options->per_issuer : 16;
    e->o.in_flight = options->in_flight > 0 ? options->in_flight : 256;
    e->page = e->o.in_flight * 2;
    rv_engine_set_trust(e, options->trust);
    return e;
}

struct unfinished {
    int count;
    int64_t ids[4096];
};

static bool add_unfinished(void *arg, const struct rv_binding_row *row)
{
    struct unfinished *u = arg;
    u->ids[u->count++] = row->facts.id;
    return u->count < (int)RV_COUNT(u->ids);
}

/* To the head of the queue; the plan lets nothing else happen to them before the look. */
static enum rv_status unfinished_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct unfinished *u = rv_zalloc(sizeof *u);
    (void)arg;
    enum rv_status status = rv_binding_each_unfinished(tx, add_unfinished, u, err);
    for (int i = 0; status == RV_OK && i < u->count; i++)
        status = rv_binding_due(tx, u->ids[i], 1, err);
    rv_free(u);
    return status;
}

static void ready(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct rv_engine *e = arg;
    if (!e->dead && status != RV_OK) {
        struct rv_log_context about = {.area = "engine"};
        rv_log_error(RV_LOG_ERROR, &about, err, "could not look for unfinished steps");
    }
    if (!e->dead && !e->stopping) {
        e->running = true;
        arm(e, 0);
    }
    rv_engine_unref(e);
}

void rv_engine_start(struct rv_engine *e)
{
    e->clock_offset = rv_engine_now(e) - rv_mono(e->o.loop->clock);
    rv_store_write(e->o.store, unfinished_fn, ready, rv_engine_ref(e));
}

void rv_engine_stop(struct rv_engine *e, void (*done)(void *arg), void *arg)
{
    e->stopping = true;
    e->stopped = done;
    e->stopped_arg = arg;
    if (e->timer != NULL)
        rv_loop_timer_stop(e->o.loop, e->timer);
    e->timer = NULL;
    /* Begun but not started: the next start looks at them. */
    for (struct job *j = e->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->waits)
            job_free(j);
    }
    say_stopped(e);
}

void rv_engine_destroy(struct rv_engine *e)
{
    if (e == NULL)
        return;
    e->dead = true;
    if (e->timer != NULL)
        rv_loop_timer_stop(e->o.loop, e->timer);
    e->timer = NULL;
    for (struct job *j = e->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (!j->in_store)
            job_free(j);
    }
    rv_engine_unref(e);
}

static void woken(void *arg)
{
    struct rv_engine *e = arg;
    e->waking = false;
    if (!e->dead) {
        e->next_due = 0;
        pump(e);
    }
    rv_engine_unref(e);
}

void rv_engine_wake(struct rv_engine *e)
{
    if (e->waking)
        return;
    e->waking = true;
    rv_loop_post(e->o.loop, woken, rv_engine_ref(e));
}

void rv_engine_set_trust(struct rv_engine *e, struct rv_bytes pem)
{
    struct trust *t = rv_zalloc(sizeof *t);
    t->refs = 1;
    rv_buf_add(&t->pem, pem.ptr, pem.len);
    trust_unref(e->trust);
    e->trust = t;
}

void rv_engine_stats(const struct rv_engine *e, struct rv_engine_stats *ret)
{
    *ret = e->stats;
}

const struct rv_policy *rv_engine_policy(const struct rv_engine *engine)
{
    return &engine->o.policy;
}
