/* TLS of a connection: bytes through the pump of port/tls.h. */
#include "rt/http_link.h"

/* Length of the first of several concatenated DER elements (X.690 §8.1.3); 0 when it does not fit. */
static size_t first_der(struct rv_bytes chain)
{
    struct rv_cursor c = rv_cursor_of(chain);
    rv_cursor_be(&c, 1);
    uint64_t length = rv_cursor_be(&c, 1);
    if (length == 0x80 || length > 0x84)
        return 0;
    if (length > 0x80)
        length = rv_cursor_be(&c, (unsigned)(length - 0x80));
    rv_cursor_take(&c, length);
    return c.failed ? 0 : (size_t)(c.at - chain.ptr);
}

static void opened(struct http_link *link)
{
    link->handshaken = true;
    link->conn.since = rv_mono(link->server->shared.loop->clock);
    struct rv_tls_peer peer = {0};
    link->server->tls->peer(link->tls, &peer);
    size_t n = peer.chain.len > 0 ? first_der(peer.chain) : 0;
    if (n > 0) {
        rv_buf_add(&link->client_certificate, peer.chain.ptr, n);
        link->conn.client_certificate = rv_buf_bytes(&link->client_certificate);
    }
}

void http_tls_feed(struct http_link *link, struct rv_bytes in)
{
    RV_AUTO(rv_buf) struct rv_buf plain = {0};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    enum rv_tls_state state = link->server->tls->feed(link->tls, in, &plain, &out, NULL);
    http_link_raw(link, rv_buf_bytes(&out));
    if (!link->handshaken && (state == RV_TLS_OPEN || plain.len > 0))
        opened(link);
    if (plain.len > 0 && !link->finishing)
        http_conn_feed(&link->conn, rv_buf_bytes(&plain));
    if (link->closing)
        return;
    if (state == RV_TLS_FAILED) {
        link->server->shared.stats.handshake_failures += !link->handshaken;
        link->tls_failed = true;
        http_conn_lost(&link->conn);
        http_link_finish(link); /* after the alert */
    } else if (state == RV_TLS_CLOSED && !link->finishing) {
        http_conn_eof(&link->conn);
    }
}

void http_tls_write(struct http_link *link, struct rv_bytes plain)
{
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    enum rv_tls_state state = link->server->tls->send(link->tls, plain, &out, NULL);
    http_link_raw(link, rv_buf_bytes(&out));
    if (state == RV_TLS_FAILED)
        link->conn.wire_ops->cut(link);
}

void http_tls_shutdown(struct http_link *link)
{
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    link->server->tls->shutdown(link->tls, &out);
    http_link_raw(link, rv_buf_bytes(&out));
}
