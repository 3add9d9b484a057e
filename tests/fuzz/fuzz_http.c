/* Bytes that a client sends, fed to a connection of the HTTP server in pieces. The first byte says how: size of the
 * pieces, and whether answers come at once or later. Whatever comes: no crash, at most one refusal, and what the handler
 * sees keeps to port/http.h. */
#include <stdlib.h>
#include <string.h>

#include "rt/http_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bed {
    struct http_shared shared;
    struct http_conn conn;
    struct rv_http_exchange *waiting;
    size_t written;
    bool later, finished;
};

/* A loop that never runs by itself: one slot is all that a connection uses at a time; the rest belongs to streams. */
struct rv_timer {
    void (*fn)(void *arg);
    void *arg;
    bool used;
};
static struct rv_timer timers[8];

static struct rv_timer *timer(void *ctx, rv_dur delay, void (*fn)(void *arg), void *arg)
{
    (void)ctx;
    (void)delay;
    for (size_t i = 0; i < RV_COUNT(timers); i++)
        if (!timers[i].used) {
            timers[i] = (struct rv_timer){fn, arg, true};
            return &timers[i];
        }
    abort();
}

static void timer_stop(void *ctx, struct rv_timer *t)
{
    (void)ctx;
    if (t != NULL)
        t->used = false;
}

static void run_timers(void)
{
    for (size_t i = 0; i < RV_COUNT(timers); i++)
        if (timers[i].used) {
            timers[i].used = false;
            timers[i].fn(timers[i].arg);
        }
}

static rv_time fixed(void *ctx)
{
    (void)ctx;
    return RV_DAY(20000);
}

static const struct rv_loop_ops loop_ops = {.timer = timer, .timer_stop = timer_stop};
static const struct rv_clock clock_fixed = {fixed, fixed, NULL};

static void wire_write(void *wire, struct rv_bytes bytes)
{
    struct bed *bed = wire;
    if (bed->finished)
        abort(); /* nothing is said after the end */
    bed->written += bytes.len;
}
static size_t wire_unsent(void *wire)
{
    (void)wire;
    return 0;
}
static void wire_pause(void *wire, bool pause)
{
    (void)wire;
    (void)pause;
}
static void wire_finish(void *wire)
{
    ((struct bed *)wire)->finished = true;
}
static const struct http_wire_ops wire_ops = {wire_write, wire_unsent, wire_pause, wire_finish, wire_finish};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void gone(void *arg)
{
    (void)arg;
}

static void handler(void *arg, const struct rv_http_request *r)
{
    struct bed *bed = arg;
    demand(r->path[0] == '/' && strstr(r->path, "/../") == NULL && strchr(r->path, '\n') == NULL);
    demand(r->body.len <= bed->shared.limits.body && r->header_count <= (size_t)bed->shared.limits.fields);
    for (size_t i = 0; i < r->header_count; i++) {
        demand(r->headers[i].name[0] != '\0' && strpbrk(r->headers[i].name, " \t:\r\n") == NULL);
        demand(strpbrk(r->headers[i].value, "\r\n") == NULL);
    }
    (void)rv_http_query(r, "x");
    (void)rv_http_header(r, "host");
    if (bed->later) {
        bed->waiting = r->exchange;
    } else if (r->path[1] == 's') {
        rv_http_stream_begin(r->exchange, gone, NULL);
        if (rv_http_stream_send(r->exchange, rv_bytes_of("data: x\n\n")))
            rv_http_stream_end(r->exchange);
    } else {
        rv_http_answer(r->exchange, 200, "text/plain", r->body, NULL);
    }
}

static void answer_waiting(struct bed *bed)
{
    struct rv_http_exchange *x = bed->waiting;
    bed->waiting = NULL;
    if (x != NULL)
        rv_http_answer(x, 204, NULL, RV_BYTES(NULL, 0), NULL);
    run_timers();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct rv_loop loop = {&loop_ops, NULL, &clock_fixed};
    struct bed bed = {.later = (data[0] & 0x80) != 0};
    bed.shared.loop = &loop;
    bed.shared.limits = (struct rv_http_limits){
        .requests = 5, .fields = 10, .target = 200, .header_block = 600, .body = 300, .stream_buffer = 1000};
    LIST_INIT(&bed.shared.streams);
    bed.conn =
        (struct http_conn){.shared = &bed.shared, .wire_ops = &wire_ops, .wire = &bed, .handler = handler, .arg = &bed};
    http_conn_init(&bed.conn, (data[0] & 0x40) != 0);
    size_t piece = (data[0] & 0x3f) == 0 ? size : data[0] & 0x3f;
    for (size_t at = 1; at < size; at += piece) {
        http_conn_feed(&bed.conn, RV_BYTES(data + at, size - at < piece ? size - at : piece));
        demand(bed.conn.in.len <= size);
        answer_waiting(&bed);
    }
    while (bed.waiting != NULL)
        answer_waiting(&bed);
    http_conn_eof(&bed.conn);
    http_conn_lost(&bed.conn);
    answer_waiting(&bed);
    run_timers();
    return 0;
}
