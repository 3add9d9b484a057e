/* The bytes' way of one connection, over libuv and perhaps TLS; and what owns links: listeners and the server. */
#pragma once
#include <uv.h>

#include "rt/http_priv.h"

#define HTTP_ADDRESS_KEY 16

struct rv_http_server;
struct http_link {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    LIST_ENTRY(http_link) entry;
    struct rv_http_server *server;
    struct http_conn conn;
    struct rv_tls *tls; /* NULL: plain */
    struct rv_buf client_certificate;
    bool handshaken, tls_failed, finishing, shutting, shut, eof, closing, reading, counted;
    uint8_t address[HTTP_ADDRESS_KEY]; /* when counted */
    int64_t since;                     /* the connection, then the moment of shutdown */
    uint64_t written, sent;            /* bytes handed to libuv; of these, gone at the last look */
    int64_t progress_at;
    uv_shutdown_t shutdown;
    struct rv_timer *cut_timer;
};

struct rv_http_listener {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } handle;
    LIST_ENTRY(rv_http_listener) entry;
    struct rv_http_server *server;
    struct rv_http_listen options; /* host and path are not kept */
    struct rv_tls_context *tls;
    char *path; /* of a Unix socket: removed at the end */
    char address[128];
    int port;
    bool closing;
};

struct http_addresses; /* how many connections each address has (http_caps.c) */
struct rv_http_server {
    struct http_shared shared;
    const struct rv_tls_ops *tls;
    LIST_HEAD(, http_link) links;
    LIST_HEAD(, rv_http_listener) listeners;
    struct http_addresses *addresses;
    size_t link_count, handles; /* handles: what libuv has not closed yet */
    struct rv_timer *sweep;
    bool draining, destroyed;
    struct rv_timer *drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
    uint8_t read_buffer[65536]; /* one is enough: libuv asks for it right before it reads */
};

/* Links */
struct http_link *http_link_create(struct rv_http_listener *listener);
void http_link_start(struct http_link *link); /* accepted, conn filled */
void http_link_close(struct http_link *link); /* now; the memory goes when libuv is through with it */
void http_link_tick(struct http_link *link, int64_t now);

/* TLS (http_tls.c): ciphertext in, what it yields goes to the conversation or the wire. */
void http_tls_feed(struct http_link *link, struct rv_bytes in);
void http_tls_write(struct http_link *link, struct rv_bytes plain);
void http_tls_shutdown(struct http_link *link);
void http_link_raw(struct http_link *link, struct rv_bytes bytes); /* straight to the socket */
void http_link_finish(struct http_link *link);

/* Server */
void http_server_sweep(struct rv_http_server *server); /* makes sure that the time-outs are looked at */
void http_server_link_gone(struct http_link *link);
void http_server_handle_closed(struct rv_http_server *server);
void http_listener_close(struct rv_http_listener *listener);

/* Caps (http_caps.c) */
struct http_addresses *http_addresses_create(void);
void http_addresses_destroy(struct http_addresses *addresses);
bool http_addresses_take(struct http_addresses *addresses, const uint8_t key[HTTP_ADDRESS_KEY], size_t most);
void http_addresses_give(struct http_addresses *addresses, const uint8_t key[HTTP_ADDRESS_KEY]);
/* IPv4 whole, IPv6 by /64, mapped ones as IPv4; text into peer. False: loopback, which is not counted. */
bool http_address_key(const struct sockaddr *from, uint8_t key[HTTP_ADDRESS_KEY], char peer[static 64]);
