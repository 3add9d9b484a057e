/* The queue: due bindings are read from the store in pages and become jobs while there is room; one timer waits for the
 * next that will be due. */
#include "base/log.h"
#include "engine/engine_priv.h"

#define TICK RV_MIN(1) /* how often the clock is compared with itself */
#define PAGE_MAX 8192

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
        if (rv_job_exists(e, p->rows[i].id))
            continue;
        if (rv_jobs_at(e, p->rows[i].target) >= e->o.per_target) {
            skipped++;
            continue;
        }
        rv_job_begin(e, p->rows[i].id, p->rows[i].certificate, p->rows[i].target);
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
            rv_engine_hold(e);
        } else {
            take_page(e, p);
            bool again = e->again;
            e->again = false;
            if (again)
                rv_engine_pump(e);
            else
                rv_engine_arm(e, e->next_due - rv_engine_now(e));
        }
    }
    if (!e->dead)
        rv_engine_say_stopped(e);
    rv_free(p->rows);
    rv_free(p);
    rv_engine_unref(e);
}

void rv_engine_pump(struct rv_engine *e)
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

static void tick(void *arg)
{
    struct rv_engine *e = arg;
    e->timer = NULL;
    e->hold = false;
    rv_engine_watch_clock(e);
    if (e->next_due <= rv_engine_now(e))
        rv_engine_pump(e);
    if (e->timer == NULL && !e->reading)
        rv_engine_arm(e, e->next_due - rv_engine_now(e));
}

void rv_engine_arm(struct rv_engine *e, rv_dur delay)
{
    if (e->timer != NULL)
        rv_loop_timer_stop(e->o.loop, e->timer);
    delay = delay < 0 ? 0 : delay > TICK ? TICK : delay;
    /* With every place taken, what is due waits for one to become free. */
    if (delay == 0 && e->job_count > 0)
        delay = RV_SEC(1);
    e->timer = rv_loop_timer(e->o.loop, delay, tick, e);
}

void rv_engine_hold(struct rv_engine *e)
{
    e->hold = true;
    rv_engine_arm(e, RV_SEC(1));
}
