/* Steps of the clock: what was to be done at a time that it took back is looked at again soon. While the engine runs,
 * the wall is compared with monotonic time; over a stop, with a mark in the store. */
#include "base/log.h"
#include "core/mix.h"
#include "engine/engine_priv.h"
#include "port/store_access.h"
#include "port/store_audit.h"

#define CLOCK_STEP RV_SEC(30) /* more than this is a step */
/* A step back over a stop is seen when it leads to before the mark; a smaller one delays by no more than this. */
#define MARK_EVERY RV_MIN(10)
#define MARK "engine.clock"

/* ---- The sweep -------------------------------------------------------------------------------------------------- */

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
        if (status == RV_OK)
            status = rv_meta_set_time(tx, MARK, s->now, err);
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
        rv_engine_pump(e);
    }
    rv_free(s);
    rv_engine_unref(e);
}

static void sweep(struct rv_engine *e, rv_dur stepped)
{
    struct rv_log_context about = {.area = "engine"};
    rv_log(RV_LOG_WARN, &about, "the clock jumped by %lld ms", (long long)stepped);
    struct sweep *s = rv_zalloc(sizeof *s);
    s->engine = rv_engine_ref(e);
    s->now = e->marked = rv_engine_now(e);
    s->stepped = stepped;
    rv_store_write(e->o.store, sweep_fn, swept, s);
}

/* ---- While running ---------------------------------------------------------------------------------------------- */

struct mark {
    struct rv_engine *engine;
    rv_time now;
};

static enum rv_status mark_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    const struct mark *m = arg;
    return rv_meta_set_time(tx, MARK, m->now, err);
}

/* A mark that could not be set is older than it should be, and the next one is tried in time. */
static void marked(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct mark *m = arg;
    (void)status;
    (void)err;
    rv_engine_unref(m->engine);
    rv_free(m);
}

static void mark(struct rv_engine *e)
{
    struct mark *m = rv_zalloc(sizeof *m);
    m->engine = rv_engine_ref(e);
    m->now = e->marked = rv_engine_now(e);
    rv_store_write(e->o.store, mark_fn, marked, m);
}

void rv_engine_watch_clock(struct rv_engine *e)
{
    int64_t offset = rv_engine_now(e) - rv_mono(e->o.loop->clock), stepped = offset - e->clock_offset;
    e->clock_offset = offset;
    if (stepped <= -CLOCK_STEP || stepped >= CLOCK_STEP)
        sweep(e, stepped);
    else if (rv_engine_now(e) >= e->marked + MARK_EVERY)
        mark(e);
}

/* ---- Over a stop ------------------------------------------------------------------------------------------------ */

enum rv_status rv_engine_clock_read(struct rv_tx *tx, rv_time *ret, struct rv_error *err)
{
    return rv_meta_get_time(tx, MARK, ret, err);
}

void rv_engine_clock_start(struct rv_engine *e, rv_time last)
{
    rv_time now = rv_engine_now(e);
    e->clock_offset = now - rv_mono(e->o.loop->clock);
    if (now <= last - CLOCK_STEP)
        sweep(e, now - last);
    else
        mark(e);
}
