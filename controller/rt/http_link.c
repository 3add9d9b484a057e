#include "rt/http_link.h"

#include "rt/stream_priv.h"

static void closed(uv_handle_t *handle)
{
    struct http_link *link = handle->data;
    struct rv_http_server *server = link->server;
    rv_free(link);
    http_server_handle_closed(server);
}

void http_link_close(struct http_link *link)
{
    if (link->closing)
        return;
    link->closing = true;
    http_conn_lost(&link->conn);
    rv_loop_timer_stop(link->server->shared.loop, link->cut_timer);
    if (link->tls != NULL)
        link->server->tls->stop(link->tls);
    link->tls = NULL;
    rv_buf_fini(&link->client_certificate);
    http_server_link_gone(link);
    uv_close(&link->handle.any, closed);
}

static void cut_now(void *arg)
{
    struct http_link *link = arg;
    link->cut_timer = NULL;
    http_link_close(link);
}

static void wire_cut(void *wire)
{
    struct http_link *link = wire;
    if (!link->closing && link->cut_timer == NULL)
        link->cut_timer = rv_loop_timer(link->server->shared.loop, 0, cut_now, link);
}

static void written(void *arg, int failure)
{
    struct http_link *link = arg;
    if (failure < 0)
        wire_cut(link);
    else if (!link->closing)
        http_conn_writable(&link->conn);
}

void http_link_raw(struct http_link *link, struct rv_bytes bytes)
{
    if (link->closing || link->shutting || bytes.len == 0)
        return;
    bool waiting = uv_stream_get_write_queue_size(&link->handle.stream) > 0;
    link->written += bytes.len;
    if (rv_stream_write(&link->handle.stream, bytes, written, link) != 0)
        wire_cut(link);
    else if (!waiting)
        link->progress_at = rv_mono(link->server->shared.loop->clock);
}

static void wire_write(void *wire, struct rv_bytes bytes)
{
    struct http_link *link = wire;
    if (link->tls != NULL)
        http_tls_write(link, bytes);
    else
        http_link_raw(link, bytes);
}

static size_t wire_unsent(void *wire)
{
    return uv_stream_get_write_queue_size(&((struct http_link *)wire)->handle.stream);
}

static void was_shut(uv_shutdown_t *request, int status)
{
    struct http_link *link = request->data;
    if (link->closing)
        return;
    link->since = rv_mono(link->server->shared.loop->clock);
    link->shut = true;
    if (status < 0 || link->eof)
        http_link_close(link);
}

/* Closing at once would make the kernel throw away the answer when bytes of the client are unread (RFC 9112 §9.6): our
 * side is shut, and what still comes is read and thrown away for a while. */
void http_link_finish(struct http_link *link)
{
    if (link->finishing || link->closing)
        return;
    link->finishing = true;
    if (link->handshaken && !link->tls_failed)
        http_tls_shutdown(link);
    link->shutting = true;
    link->shutdown.data = link;
    if (uv_shutdown(&link->shutdown, &link->handle.stream, was_shut) != 0)
        wire_cut(link);
}

static void wire_finish(void *wire)
{
    http_link_finish(wire);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct rv_http_server *server = ((struct http_link *)handle->data)->server;
    *ret = uv_buf_init((char *)server->read_buffer, sizeof server->read_buffer);
}

static void ended_by_peer(struct http_link *link)
{
    link->eof = true;
    if (link->shut || (link->tls != NULL && !link->handshaken))
        http_link_close(link);
    else if (!link->finishing)
        http_conn_eof(&link->conn);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_link *link = stream->data;
    if (n == UV_EOF)
        ended_by_peer(link);
    else if (n < 0)
        http_link_close(link);
    else if (n > 0 && link->tls != NULL)
        http_tls_feed(link, RV_BYTES(buf->base, (size_t)n));
    else if (n > 0)
        http_conn_feed(&link->conn, RV_BYTES(buf->base, (size_t)n));
}

static void wire_pause(void *wire, bool pause)
{
    struct http_link *link = wire;
    if (link->closing || link->eof || link->reading == !pause)
        return;
    link->reading = !pause;
    if (pause)
        uv_read_stop(&link->handle.stream);
    else if (uv_read_start(&link->handle.stream, give_buffer, read_some) != 0)
        wire_cut(link);
}

static const struct http_wire_ops wire_ops = {
    .write = wire_write, .unsent = wire_unsent, .pause = wire_pause, .finish = wire_finish, .cut = wire_cut};

struct http_link *http_link_create(struct rv_http_listener *listener)
{
    struct rv_http_server *server = listener->server;
    struct http_link *link = rv_zalloc(sizeof *link);
    link->server = server;
    link->since = link->progress_at = rv_mono(server->shared.loop->clock);
    link->conn.shared = &server->shared;
    link->conn.wire_ops = &wire_ops;
    link->conn.wire = link;
    link->conn.handler = listener->options.handler;
    link->conn.arg = listener->options.arg;
    link->conn.headers = listener->options.headers;
    link->conn.via = listener->options.via;
    link->conn.peer_uid = -1;
    http_conn_init(&link->conn, listener->options.encoded_slash);
    return link;
}

void http_link_start(struct http_link *link)
{
    wire_pause(link, false);
}

/* M-22: handshake, a peer that does not read, and lingering; the rest is the conversation's. */
void http_link_tick(struct http_link *link, int64_t now)
{
    const struct rv_http_limits *limits = &link->server->shared.limits;
    if (link->tls != NULL && !link->handshaken && !link->finishing) {
        if (now - link->since >= limits->handshake) {
            link->server->shared.stats.timed_out++;
            http_link_close(link);
        }
        return;
    }
    size_t unsent = wire_unsent(link);
    uint64_t sent = link->written - unsent;
    if (unsent == 0 || sent != link->sent) {
        link->sent = sent;
        link->progress_at = now;
    } else if (now - link->progress_at >= limits->write_stall) {
        link->server->shared.stats.timed_out++;
        http_link_close(link);
        return;
    }
    if (link->shut) {
        if (now - link->since >= limits->linger)
            http_link_close(link);
    } else if (!link->finishing) {
        http_conn_tick(&link->conn, now);
    }
}
