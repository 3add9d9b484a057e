/* The engine as others see it: made, started, stopped, woken. Queue, jobs and clock are files of their own. */
#include "base/log.h"
#include "engine/engine_priv.h"

rv_time rv_engine_now(const struct rv_engine *e)
{
    return rv_now(e->o.loop->clock);
}

/* ---- Lifetimes -------------------------------------------------------------------------------------------------- */

void rv_trust_unref(struct trust *t)
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
    rv_trust_unref(e->trust);
    rv_free(e->o.connectors);
    rv_free(e->o.issuers);
    rv_free(e);
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

struct start {
    struct rv_engine *engine;
    rv_time clock; /* the mark of the last run, 0: none */
};

/* What is unfinished goes to the head of the queue; the plan lets nothing else happen to it before the look. */
static enum rv_status start_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct start *s = arg;
    struct unfinished *u = rv_zalloc(sizeof *u);
    enum rv_status status = rv_binding_each_unfinished(tx, add_unfinished, u, err);
    for (int i = 0; status == RV_OK && i < u->count; i++)
        status = rv_binding_due(tx, u->ids[i], 1, err);
    rv_free(u);
    return status == RV_OK ? rv_engine_clock_read(tx, &s->clock, err) : status;
}

static void started(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct start *s = arg;
    struct rv_engine *e = s->engine;
    if (!e->dead && status != RV_OK) {
        struct rv_log_context about = {.area = "engine"};
        rv_log_error(RV_LOG_ERROR, &about, err, "could not look for unfinished steps");
    }
    if (!e->dead && !e->stopping) {
        e->running = true;
        rv_engine_clock_start(e, status == RV_OK ? s->clock : 0);
        rv_engine_arm(e, 0);
    }
    rv_free(s);
    rv_engine_unref(e);
}

void rv_engine_start(struct rv_engine *e)
{
    struct start *s = rv_zalloc(sizeof *s);
    s->engine = rv_engine_ref(e);
    rv_store_write(e->o.store, start_fn, started, s);
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
            rv_job_free(j);
    }
    rv_engine_say_stopped(e);
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
            rv_job_free(j);
    }
    rv_engine_unref(e);
}

static void woken(void *arg)
{
    struct rv_engine *e = arg;
    e->waking = false;
    if (!e->dead) {
        e->next_due = 0;
        rv_engine_pump(e);
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
    rv_trust_unref(e->trust);
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