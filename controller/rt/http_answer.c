/* Answers and streams. One function builds every header, and nothing that could break out of its line passes it. */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "rt/http_priv.h"

#define HEAD_ROOM 1024 /* what most heads fit into */

/* RFC 9110 §5.6.7, made once a second. */
static const char *date_of(struct http_shared *shared)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    rv_time now = rv_now(shared->loop->clock);
    if (now / 1000 != shared->date_second || shared->date[0] == '\0') {
        struct rv_civil c = rv_civil_of(now);
        shared->date_second = now / 1000;
        snprintf(shared->date, sizeof shared->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 days[(uint64_t)now / RV_DAY(1) % 7], c.day, months[c.month - 1], (int)c.year, c.hour, c.minute, c.second);
    }
    return shared->date;
}

static bool header_allowed(const struct rv_http_header *h)
{
    static const char *const ours[] = {"content-length", "transfer-encoding", "connection", "date", "content-type"};
    for (size_t i = 0; i < RV_COUNT(ours); i++)
        if (strcasecmp(h->name, ours[i]) == 0)
            return false;
    if (h->name[0] == '\0' || h->value == NULL)
        return false;
    for (const char *c = h->name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_'))
            return false;
    for (const char *c = h->value; *c != '\0'; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    return true;
}

static bool says(const struct rv_http_header *headers, const char *name)
{
    for (; headers != NULL && headers->name != NULL; headers++)
        if (strcasecmp(headers->name, name) == 0)
            return true;
    return false;
}

static bool value_clean(const char *value)
{
    const struct rv_http_header h = {"x", value};
    return header_allowed(&h);
}

static void add_field(struct rv_buf *out, const char *name, const char *value)
{
    rv_buf_add_text(out, name);
    rv_buf_add(out, ": ", 2);
    rv_buf_add_text(out, value);
    rv_buf_add(out, "\r\n", 2);
}

/* The status line and all fields but those of framing. False: something in them is not fit to be sent. */
static bool head_begin(struct rv_buf *out, struct http_conn *conn, int status, const char *content_type,
                       const struct rv_http_header *extra)
{
    if (status < 200 || status > 599 || (content_type != NULL && !value_clean(content_type)))
        return false;
    rv_buf_printf(out, "HTTP/1.1 %d %s\r\n", status, rv_http_reason(status));
    add_field(out, "date", date_of(conn->shared));
    if (content_type != NULL)
        add_field(out, "content-type", content_type);
    for (const struct rv_http_header *h = extra; h != NULL && h->name != NULL; h++) {
        if (!header_allowed(h))
            return false;
        add_field(out, h->name, h->value);
    }
    for (const struct rv_http_header *h = conn->headers; h != NULL && h->name != NULL; h++)
        if (!says(extra, h->name))
            add_field(out, h->name, h->value);
    return true;
}

static void add_connection(struct rv_buf *out, bool keep_alive, bool http10)
{
    if (!keep_alive)
        rv_buf_add_text(out, "connection: close\r\n");
    else if (http10)
        rv_buf_add_text(out, "connection: keep-alive\r\n");
}

static void build_problem(struct rv_buf *out, struct http_conn *conn, int status, const char *detail, bool head,
                          bool keep_alive, bool http10)
{
    json_t *problem = json_object();
    rv_json_set_text(problem, "type", "about:blank");
    rv_json_set_text(problem, "title", rv_http_reason(status));
    rv_json_set_int(problem, "status", status);
    enum rv_status kind = status == 408                    ? RV_TIMEOUT
                          : status == 500                  ? RV_INTERNAL
                          : status == 503                  ? RV_UNAVAILABLE
                          : status == 413 || status == 431 ? RV_LIMITED
                                                           : RV_INVALID;
    rv_json_set_text(problem, "code", rv_status_info(kind)->name);
    rv_json_set_text(problem, "detail", detail);
    RV_AUTO(char) char *text = rv_json_text(problem);
    json_decref(problem);
    rv_buf_clear(out);
    bool fit = head_begin(out, conn, status, "application/problem+json", NULL);
    (void)fit; /* all of it is our own */
    rv_buf_printf(out, "content-length: %zu\r\n", strlen(text));
    add_connection(out, keep_alive, http10);
    rv_buf_add_text(out, "\r\n");
    if (!head)
        rv_buf_add_text(out, text);
}

void http_write_problem(struct http_conn *conn, int status, const char *detail, bool head)
{
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    build_problem(&out, conn, status, detail, head, false, false);
    conn->wire_ops->write(conn->wire, rv_buf_bytes(&out));
}

/* Exchanges */

void http_exchange_free(struct rv_http_exchange *x)
{
    if (x->listed)
        LIST_REMOVE(x, entry);
    rv_loop_timer_stop(x->loop, x->gone_timer);
    rv_arena_destroy(x->arena);
    rv_buf_fini(&x->body);
    rv_free(x);
}

static bool keeps_alive(const struct rv_http_exchange *x)
{
    const struct http_conn *conn = x->conn;
    return x->keep_alive && !conn->draining && !(conn->eof && conn->in.len == 0) &&
           conn->served < conn->shared->limits.requests;
}

/* RFC 9110 §6.4.1: these never carry content. */
static bool has_content(int status)
{
    return status != 204 && status != 304;
}

void rv_http_answer(struct rv_http_exchange *x, int status, const char *content_type, struct rv_bytes body,
                    const struct rv_http_header *extra)
{
    struct http_conn *conn = x->conn;
    if (conn != NULL) {
        bool keep = keeps_alive(x), head = x->request.method == RV_HEAD;
        RV_AUTO(rv_buf) struct rv_buf out = {0};
        rv_buf_reserve(&out, HEAD_ROOM + body.len);
        if (!head_begin(&out, conn, status, has_content(status) ? content_type : NULL, extra)) {
            build_problem(&out, conn, 500, "the answer held a header that may not be sent", head, keep, x->http10);
        } else {
            if (has_content(status))
                rv_buf_printf(&out, "content-length: %zu\r\n", body.len);
            add_connection(&out, keep, x->http10);
            rv_buf_add_text(&out, "\r\n");
            if (!head && has_content(status))
                rv_buf_add(&out, body.ptr, body.len);
        }
        conn->wire_ops->write(conn->wire, rv_buf_bytes(&out));
        http_conn_answered(conn, keep);
    }
    http_exchange_free(x);
}

/* Streams: the exchange lives until `gone` has run. */

void http_exchange_gone_now(struct rv_http_exchange *x)
{
    void (*gone)(void *) = x->gone;
    void *arg = x->gone_arg;
    http_exchange_free(x);
    if (gone != NULL)
        gone(arg);
}

static void gone_later(void *arg)
{
    struct rv_http_exchange *x = arg;
    x->gone_timer = NULL;
    http_exchange_gone_now(x);
}

static void stream_over(struct rv_http_exchange *x)
{
    x->over = true;
    if (x->gone_timer == NULL)
        x->gone_timer = rv_loop_timer(x->loop, 0, gone_later, x);
}

void http_exchange_detach(struct rv_http_exchange *x)
{
    struct http_conn *conn = x->conn;
    x->conn = NULL;
    conn->shared->stats.in_flight--;
    if (x->streaming) {
        conn->shared->stats.streams--;
        stream_over(x);
    }
}

void rv_http_stream_begin(struct rv_http_exchange *x, void (*gone)(void *arg), void *arg)
{
    struct http_conn *conn = x->conn;
    x->gone = gone;
    x->gone_arg = arg;
    if (conn == NULL) {
        stream_over(x);
        return;
    }
    x->streaming = x->listed = true;
    LIST_INSERT_HEAD(&conn->shared->streams, x, entry);
    conn->shared->stats.streams++;
    conn->state = CONN_STREAMING;
    x->keep_alive = keeps_alive(x) && !x->http10; /* there the end of the connection is the end of the stream */
    static const struct rv_http_header no_store[] = {{"cache-control", "no-store"}, {NULL, NULL}};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    bool fit = head_begin(&out, conn, 200, "text/event-stream", no_store);
    (void)fit;
    if (!x->http10)
        rv_buf_add_text(&out, "transfer-encoding: chunked\r\n");
    add_connection(&out, x->keep_alive, x->http10);
    rv_buf_add_text(&out, "\r\n");
    conn->wire_ops->write(conn->wire, rv_buf_bytes(&out));
    if (x->request.method == RV_HEAD || conn->draining)
        rv_http_stream_end(x);
}

bool rv_http_stream_send(struct rv_http_exchange *x, struct rv_bytes text)
{
    struct http_conn *conn = x->conn;
    if (conn == NULL || x->over)
        return false;
    if (text.len == 0)
        return true; /* an empty chunk would be the end */
    if (conn->wire_ops->unsent(conn->wire) + text.len > conn->shared->limits.stream_buffer) {
        conn->exchange = NULL;
        conn->state = CONN_ENDING;
        http_exchange_detach(x);
        conn->wire_ops->cut(conn->wire);
        return false;
    }
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    if (!x->http10)
        rv_buf_printf(&out, "%zx\r\n", text.len);
    rv_buf_add(&out, text.ptr, text.len);
    if (!x->http10)
        rv_buf_add_text(&out, "\r\n");
    conn->wire_ops->write(conn->wire, rv_buf_bytes(&out));
    return true;
}

void rv_http_stream_end(struct rv_http_exchange *x)
{
    struct http_conn *conn = x->conn;
    if (conn == NULL || x->over)
        return;
    if (!x->http10 && x->request.method != RV_HEAD)
        conn->wire_ops->write(conn->wire, rv_bytes_of("0\r\n\r\n"));
    x->conn = NULL;
    conn->shared->stats.streams--;
    stream_over(x);
    http_conn_answered(conn, x->keep_alive);
}
