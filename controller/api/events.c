#include "api/events.h"

#include <inttypes.h>

#include "api/api_priv.h"
#include "base/text.h"
#include "port/store_audit.h"

#define BATCH 200 /* rows a read */

struct rv_stream {
    struct rv_events *events;
    struct rv_http_exchange *exchange;
    int64_t at;    /* number of the last row sent */
    int64_t until; /* monotonic */
    char id[33];   /* of the token or session; "" the socket's peer */
    bool dead;     /* dropped or gone: nothing more is sent */
    bool gone;     /* the layer below has let go of it */
    struct rv_stream *next;
};

/* One read: rows behind `after`, as text ready to send, for every stream that stands exactly there or further on. */
struct batch {
    struct rv_events *events;
    int64_t after, last;
    size_t count;
    struct {
        int64_t number;
        size_t end; /* of its text */
    } rows[BATCH];
    struct rv_buf text;
};

static void pump(struct rv_events *e);

/* Of one token or session: a quarter, so that one client that leaks streams leaves room for the others. */
static bool has_share_left(const struct rv_events *e, const char *id)
{
    size_t n = 0, most = e->api->o.max_streams;
    for (const struct rv_stream *s = e->streams; s != NULL; s = s->next)
        n += !s->dead && strcmp(s->id, id) == 0;
    return id[0] == '\0' || n < (most >= 8 ? most / 4 : most);
}

size_t rv_events_streams(const struct rv_events *e)
{
    size_t n = 0;
    for (const struct rv_stream *s = e->streams; s != NULL; s = s->next)
        n += !s->dead;
    return n;
}

/* Takes those that nobody holds any more out of the list. Called from the loop only, outside of any walk. */
static void sweep(struct rv_events *e)
{
    for (struct rv_stream **at = &e->streams; *at != NULL;) {
        struct rv_stream *s = *at;
        if (!s->gone) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        e->count--;
        rv_free(s);
    }
}

static void gone(void *arg)
{
    struct rv_stream *s = arg;
    s->dead = s->gone = true;
}

static void send_text(struct rv_stream *s, struct rv_bytes text)
{
    if (!s->dead && text.len > 0 && !rv_http_stream_send(s->exchange, text))
        s->dead = true;
}

static void end(struct rv_stream *s)
{
    if (!s->dead) {
        s->dead = true;
        rv_http_stream_end(s->exchange);
    }
}

void rv_events_forget(struct rv_events *e, const char *id)
{
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next)
        if (strcmp(s->id, id) == 0)
            end(s);
    sweep(e);
}

static void heartbeat(void *arg)
{
    struct rv_events *e = arg;
    int64_t now = rv_mono(e->api->o.loop->clock);
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next) {
        send_text(s, rv_bytes_of(": still here\n\n"));
        if (now >= s->until)
            end(s);
    }
    sweep(e);
    e->heartbeat = e->count > 0 ? rv_loop_timer(e->api->o.loop, RV_EVENTS_HEARTBEAT, heartbeat, e) : NULL;
}

static bool add_row(void *arg, const struct rv_audit_row *row)
{
    struct batch *b = arg;
    json_t *o = rv_view_event(row);
    RV_AUTO(char) char *text = rv_json_text(o);
    json_decref(o);
    rv_buf_printf(&b->text, "id: %" PRId64 "\nevent: audit\ndata: %s\n\n", row->number, text);
    b->rows[b->count].number = b->last = row->number;
    b->rows[b->count++].end = b->text.len;
    return b->count < BATCH;
}

static enum rv_status read_batch(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct batch *b = arg;
    rv_buf_clear(&b->text);
    b->count = 0;
    b->last = b->after;
    return rv_audit_each(tx, b->after, BATCH, add_row, b, err);
}

/* What of the batch lies behind `at`. */
static struct rv_bytes rest_of(const struct batch *b, int64_t at)
{
    size_t i = 0, from = 0;
    while (i < b->count && b->rows[i].number <= at)
        from = b->rows[i++].end;
    return b->text.len > from ? RV_BYTES(b->text.data + from, b->text.len - from) : RV_BYTES(NULL, 0);
}

static void batch_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct batch *b = arg;
    struct rv_events *e = b->events;
    e->reading = false;
    if (status != RV_OK)
        rv_log_error(RV_LOG_WARN, &(struct rv_log_context){.area = "api"}, err, "cannot read the audit for live events");
    if (b->last > e->newest)
        e->newest = b->last;
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next) {
        if (s->dead || s->at < b->after || s->at >= b->last)
            continue;
        send_text(s, rest_of(b, s->at));
        s->at = b->last;
    }
    bool more = status == RV_OK && b->count > 0;
    rv_buf_fini(&b->text);
    rv_free(b);
    sweep(e);
    if (more)
        pump(e);
}

/* Reads for the stream that is furthest behind; the others take what they need of it. */
static void pump(struct rv_events *e)
{
    int64_t least = INT64_MAX;
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next)
        if (!s->dead && s->at < least)
            least = s->at;
    if (e->reading || least >= e->newest || e->api->stopping)
        return;
    e->reading = true;
    struct batch *b = rv_zalloc(sizeof *b);
    b->events = e;
    b->after = least;
    rv_store_read(e->api->o.store, read_batch, batch_done, b);
}

static void on_commit(void *arg, int64_t newest)
{
    struct rv_events *e = arg;
    if (newest > e->newest)
        e->newest = newest;
    rv_census_stale(&e->api->census);
    pump(e);
}

void rv_events_init(struct rv_events *e, struct rv_api *api)
{
    e->api = api;
    rv_audit_listen(api->o.store, on_commit, e);
}

void rv_events_stop(struct rv_events *e)
{
    rv_audit_listen(e->api->o.store, NULL, NULL);
    rv_loop_timer_stop(e->api->o.loop, e->heartbeat);
    e->heartbeat = NULL;
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next)
        end(s);
    sweep(e);
}

void rv_events_fini(struct rv_events *e)
{
    for (struct rv_stream *s = e->streams; s != NULL; s = s->next)
        s->gone = true;
    sweep(e);
}

/* ---- a new stream ---- */

struct opening {
    struct rv_call *call;
    int64_t newest;
};

static bool last_number(void *arg, const struct rv_audit_row *row)
{
    *(int64_t *)arg = row->number;
    return true;
}

/* Nothing has been written since the program started: ask the store where the audit ends. Rows have no gaps, so their
 * number is found by halving. */
static enum rv_status find_end(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct opening *o = arg;
    int64_t low = o->newest, step = 1;
    enum rv_status status = RV_OK;
    for (int64_t at = low; status == RV_OK; step *= 2) { /* grow until nothing is behind */
        int64_t seen = -1;
        status = rv_audit_each(tx, at, 1, last_number, &seen, err);
        if (status != RV_OK || seen < 0)
            break;
        low = seen;
        at = low + step;
    }
    for (; status == RV_OK && step > 0; step /= 2) { /* and close in on the end */
        int64_t seen = -1;
        status = rv_audit_each(tx, low + step - 1, 1, last_number, &seen, err);
        if (seen > low)
            low = seen;
    }
    o->newest = low;
    return status;
}

static void open_stream(struct rv_call *call, int64_t after)
{
    struct rv_events *e = &call->api->events;
    struct rv_stream *s = rv_zalloc(sizeof *s);
    s->events = e;
    s->exchange = call->exchange;
    s->at = after;
    s->until = rv_mono(e->api->o.loop->clock) + RV_EVENTS_LONGEST;
    memcpy(s->id, call->who.id, sizeof s->id);
    s->next = e->streams;
    e->streams = s;
    e->count++;
    rv_call_release(call);
    rv_http_stream_begin(s->exchange, gone, s);
    send_text(s, rv_bytes_of("retry: 2000\n: reeve events\n\n"));
    if (e->heartbeat == NULL)
        e->heartbeat = rv_loop_timer(e->api->o.loop, RV_EVENTS_HEARTBEAT, heartbeat, e);
    pump(e);
}

static void end_found(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct opening *o = arg;
    struct rv_call *call = o->call;
    if (status != RV_OK) {
        rv_call_fail(call, err);
        return;
    }
    struct rv_events *e = &call->api->events;
    if (o->newest > e->newest)
        e->newest = o->newest;
    int64_t after = o->newest;
    const char *from = rv_http_header(call->request, "last-event-id");
    if (from == NULL)
        from = rv_http_query(call->request, "after");
    if (from != NULL && rv_int_parse(from, 0, INT64_MAX - 1, &after, NULL) == RV_OK && after > o->newest)
        after = o->newest; /* from another life of the database: nothing can be behind it */
    open_stream(call, after);
}

void rv_start_events(struct rv_call *call)
{
    struct rv_api *api = call->api;
    struct rv_error err;
    int64_t number = 0;
    const char *from = rv_http_header(call->request, "last-event-id");
    sweep(&api->events);
    if (from != NULL && rv_int_parse(from, 0, INT64_MAX - 1, &number, &err) != RV_OK) {
        rv_error_where(&err, err.status, "Last-Event-ID");
        rv_call_fail(call, &err);
        return;
    }
    if (rv_events_streams(&api->events) >= api->o.max_streams) {
        rv_fail(&err, RV_UNAVAILABLE, "%zu event streams are open already", api->o.max_streams);
        rv_call_fail(call, &err);
        return;
    }
    if (!has_share_left(&api->events, call->who.id)) {
        rv_fail(&err, RV_LIMITED, "this token or session has a quarter of all event streams open already");
        rv_error_hint(&err, RV_LIMITED, "end those that nobody reads, or use another token");
        rv_call_fail(call, &err);
        return;
    }
    if (call->request->method == RV_HEAD) {
        rv_call_raw(call, 200, call->route->content_type, RV_BYTES(NULL, 0), NULL);
        return;
    }
    struct opening *o = rv_arena_alloc(call->arena, sizeof *o);
    o->call = call;
    o->newest = api->events.newest;
    rv_store_read(api->o.store, find_end, end_found, o);
}
