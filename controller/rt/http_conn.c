/* One connection's conversation. Requests are taken one after the other; what comes in the meantime waits. */
#include <string.h>

#include "base/json.h"
#include "rt/http_priv.h"

/* Bytes that may wait behind a request that is being answered; then we stop reading. */
#define WAITING_MAX 65536
/* Unsent bytes beyond which no further request is taken: who pipelines without reading waits. */
#define UNSENT_MAX ((size_t)64 << 10)

static int64_t now_of(const struct http_conn *conn)
{
    return rv_mono(conn->shared->loop->clock);
}

void http_conn_init(struct http_conn *conn, bool encoded_slash)
{
    http_parser_init(&conn->parser, &conn->shared->limits, encoded_slash);
    conn->since = now_of(conn);
}

static void end(struct http_conn *conn)
{
    conn->state = CONN_ENDING;
    rv_buf_fini(&conn->in);
    http_parser_reset(&conn->parser);
    conn->wire_ops->finish(conn->wire);
}

static void refuse(struct http_conn *conn, int status, const char *why)
{
    conn->shared->stats.refused++;
    http_write_problem(conn, status, why, false);
    end(conn);
}

/* The parser's request becomes an exchange, and the handler gets it. */
static void begin_exchange(struct http_conn *conn)
{
    struct http_parser *p = &conn->parser;
    struct rv_http_exchange *x = rv_zalloc(sizeof *x);
    x->conn = conn;
    x->loop = conn->shared->loop;
    x->arena = p->arena;
    x->body = p->body;
    x->http10 = p->http10;
    x->keep_alive = p->keep_alive;
    x->request = (struct rv_http_request){.method = p->method,
                                          .path = p->path,
                                          .query = p->query,
                                          .header_count = p->header_count,
                                          .headers = p->headers,
                                          .body = rv_buf_bytes(&x->body),
                                          .via = conn->via,
                                          .peer = rv_arena_strdup(p->arena, conn->peer),
                                          .peer_uid = conn->peer_uid,
                                          .arena = p->arena,
                                          .exchange = x};
    if (conn->client_certificate.len > 0) /* copied: the answer may come after the connection has gone */
        x->request.client_certificate =
            RV_BYTES(rv_arena_memdup(p->arena, conn->client_certificate.ptr, conn->client_certificate.len),
                     conn->client_certificate.len);
    p->arena = NULL;
    p->body = (struct rv_buf){0};
    http_parser_reset(p);
    conn->exchange = x;
    conn->state = CONN_ANSWERING;
    conn->served++;
    conn->shared->stats.requests++;
    conn->shared->stats.in_flight++;
    conn->handler(conn->arg, &x->request);
}

/* RFC 9110 §10.1.1: only when the client really waits. */
static void head_complete(struct http_conn *conn, bool more_is_here)
{
    conn->body_since = now_of(conn);
    if (conn->parser.expects && !more_is_here)
        conn->wire_ops->write(conn->wire, rv_bytes_of("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void parse_waiting(struct http_conn *conn)
{
    size_t at = 0;
    while (conn->state == CONN_READING && at < conn->in.len) {
        if (!conn->parser.in_body && conn->parser.scanned == 0) {
            conn->since = now_of(conn);
            if ((conn->blocked = conn->wire_ops->unsent(conn->wire) > UNSENT_MAX))
                break;
        }
        size_t used = 0;
        enum http_parsed parsed = http_parse(&conn->parser, RV_BYTES(conn->in.data + at, conn->in.len - at), &used);
        at += used;
        if (parsed == PARSED_MORE)
            break;
        if (parsed == PARSED_HEAD)
            head_complete(conn, at < conn->in.len);
        else if (parsed == PARSED_DONE)
            begin_exchange(conn);
        else
            refuse(conn, conn->parser.status, conn->parser.why);
    }
    if (at == 0 || conn->state == CONN_ENDING)
        return;
    conn->in.len -= at;
    if (conn->in.len > 0)
        memmove(conn->in.data, conn->in.data + at, conn->in.len);
    else
        rv_buf_fini(&conn->in); /* an idle connection holds no buffer */
}

static void pause_reading(struct http_conn *conn, bool pause)
{
    if (conn->paused != pause) {
        conn->paused = pause;
        conn->wire_ops->pause(conn->wire, pause);
    }
}

static void step(struct http_conn *conn)
{
    conn->stepping = true;
    parse_waiting(conn);
    conn->stepping = false;
    if (conn->state == CONN_READING && conn->eof && !conn->blocked)
        end(conn); /* nothing more can come */
    if (conn->state != CONN_ENDING)
        pause_reading(conn, conn->in.len > WAITING_MAX && (conn->blocked || conn->state != CONN_READING));
}

void http_conn_feed(struct http_conn *conn, struct rv_bytes bytes)
{
    if (conn->state == CONN_ENDING)
        return; /* lingering: read and thrown away */
    rv_buf_add(&conn->in, bytes.ptr, bytes.len);
    step(conn);
}

void http_conn_writable(struct http_conn *conn)
{
    if (conn->blocked && !conn->stepping && conn->state == CONN_READING) {
        conn->blocked = false;
        step(conn);
    }
}

static void step_again(void *arg)
{
    struct http_conn *conn = arg;
    conn->again = NULL;
    if (conn->state != CONN_ENDING)
        step(conn);
}

void http_conn_answered(struct http_conn *conn, bool keep_alive)
{
    conn->exchange = NULL;
    conn->shared->stats.in_flight--;
    if (!keep_alive || conn->draining || (conn->eof && conn->in.len == 0)) {
        end(conn);
        return;
    }
    conn->state = CONN_READING;
    conn->since = now_of(conn);
    /* Not here: whoever answers is in the middle of its own work. */
    if (conn->in.len > 0 && !conn->stepping && conn->again == NULL)
        conn->again = rv_loop_timer(conn->shared->loop, 0, step_again, conn);
}

void http_conn_eof(struct http_conn *conn)
{
    conn->eof = true;
    if (conn->state == CONN_ANSWERING || conn->again != NULL || conn->blocked)
        return; /* it may have closed its sending side only: what it asked is still answered */
    if (conn->state == CONN_STREAMING) {
        http_exchange_detach(conn->exchange);
        conn->exchange = NULL;
    }
    if (conn->state != CONN_ENDING)
        end(conn);
}

void http_conn_lost(struct http_conn *conn)
{
    if (conn->exchange != NULL)
        http_exchange_detach(conn->exchange);
    conn->exchange = NULL;
    conn->state = CONN_ENDING;
    rv_loop_timer_stop(conn->shared->loop, conn->again);
    conn->again = NULL;
    http_parser_reset(&conn->parser);
    rv_buf_fini(&conn->in);
}

void http_conn_drain(struct http_conn *conn)
{
    conn->draining = true;
    if (conn->state == CONN_STREAMING)
        rv_http_stream_end(conn->exchange);
    else if (conn->state == CONN_READING && conn->in.len == 0 && !conn->parser.in_body)
        end(conn);
}

/* M-22. A connection that says nothing is closed without a word; a request that does not come to its end is told so. */
void http_conn_tick(struct http_conn *conn, int64_t now)
{
    const struct rv_http_limits *limits = &conn->shared->limits;
    if (conn->state != CONN_READING || conn->again != NULL || conn->blocked)
        return;
    int64_t age = now - conn->since;
    bool begun = conn->in.len > 0 || conn->parser.in_body;
    if (!begun) {
        if (age >= (conn->served > 0 ? limits->idle : limits->header)) {
            conn->shared->stats.timed_out += conn->served == 0;
            end(conn);
        }
        return;
    }
    int64_t body_age = now - conn->body_since;
    if (!conn->parser.in_body
            ? age < limits->header
            : age < limits->request && (body_age < limits->slow_after ||
                                        (int64_t)conn->parser.body.len * 1000 >= (int64_t)limits->body_rate * body_age))
        return;
    conn->shared->stats.timed_out++;
    refuse(conn, 408, conn->parser.in_body ? "the body came too slowly" : "the header came too slowly");
}
