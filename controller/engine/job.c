/* Jobs: one binding in work, decided and recorded in transactions, carried out through a port in between. Lanes keep one
 * slow target or issuer from holding up the others. Everything here runs on the loop; only decide_fn and record_fn do not,
 * and they see nothing but their job. */
#include "base/failpoint.h"
#include "base/log.h"
#include "engine/engine_priv.h"

#define LATE RV_SEC(30) /* adapters keep their deadlines themselves; after this we do */

static void start(struct job *job);
static void lanes_advance(struct rv_engine *e);

/* ---- Lifetimes -------------------------------------------------------------------------------------------------- */

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
    rv_trust_unref(call->trust);
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

void rv_job_free(struct job *job)
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

void rv_engine_say_stopped(struct rv_engine *e)
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
    rv_job_free(job);
    if (!dead) {
        lanes_advance(e);
        /* Reading costs as much as a page, so several places are filled at once. */
        if ((e->skipped || e->next_due <= rv_engine_now(e)) && e->job_count <= e->o.in_flight / 2)
            rv_engine_pump(e);
        else if (e->job_count == 0 && !e->reading && e->running && !e->stopping)
            rv_engine_arm(e, e->next_due - rv_engine_now(e));
        rv_engine_say_stopped(e);
    }
    rv_engine_unref(e);
}

/* ---- Lanes ------------------------------------------------------------------------------------------------------ */

int rv_jobs_at(const struct rv_engine *e, const char *target)
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
        rv_job_free(job);
        return;
    }
    if (status != RV_OK) { /* facts and journal are as before: what was begun will be looked at */
        rv_log_error(RV_LOG_ERROR, &about, err, "could not write to the store");
        rv_call_free(RV_TAKE(job->next_call));
        e->next_due = 0;
        rv_engine_hold(e);
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

bool rv_job_exists(const struct rv_engine *e, int64_t binding)
{
    for (const struct job *j = e->jobs; j != NULL; j = j->next)
        if (j->binding == binding)
            return true;
    return false;
}

void rv_job_begin(struct rv_engine *e, int64_t binding, const char *certificate, const char *target)
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
