/* HTTP/1.1 server on libuv, with llhttp as the parser and TLS through the pump of port/tls.h. It owns parsing, limits and
 * time-outs (M-22), strictness (M-24), keep-alive, pipelining, framing and drain; handlers see port/http.h only. What is
 * malformed is refused, never repaired. Loop thread only; a server belongs to one loop, several loops may share a port. */
#pragma once
#include "port/http.h"
#include "port/loop.h"
#include "port/tls.h"

struct rv_http_limits {   /* each 0 takes the default in brackets */
    rv_dur handshake;     /* TLS handshake [10 s] */
    rv_dur header;        /* from the first byte of a request, or from the connection, to the end of its header [10 s] */
    rv_dur request;       /* from the first byte of a request to its last [30 s] */
    rv_dur idle;          /* between requests [60 s] */
    rv_dur write_stall;   /* nothing could be written [30 s] */
    rv_dur linger;        /* after a refusal: how long what still comes is read and thrown away [2 s] */
    rv_dur slow_after;    /* from then on a body must come with at least body_rate [10 s] */
    int body_rate;        /* bytes a second [100] */
    int requests;         /* in one connection [1000] */
    int fields;           /* header fields [100] */
    size_t target;        /* request target [8 KiB] */
    size_t header_block;  /* request line and fields [16 KiB] */
    size_t body;          /* [1 MiB] */
    size_t stream_buffer; /* a stream's unread bytes, then the client is dropped [256 KiB] */
    size_t connections;   /* in all [16384] */
    size_t per_address;   /* for one IPv4 address or IPv6 /64, loopback not counted [256] */
    size_t reserved;      /* of `connections`: only for loopback and Unix sockets [64] */
};

struct rv_http_server;
struct rv_http_listener;
/* limits may be NULL; copied. tls may be NULL when no listener uses it. */
struct rv_http_server *rv_http_server_create(struct rv_loop *loop, const struct rv_tls_ops *tls,
                                             const struct rv_http_limits *limits);

struct rv_http_listen {
    enum rv_http_via via;
    const char *host;           /* address or name; NULL or "": all addresses */
    int port;                   /* 0: a free one */
    const char *path;           /* RV_VIA_SOCKET: made with mode 0600; a dead one in the way is removed */
    struct rv_tls_context *tls; /* RV_VIA_TLS; retained */
    rv_http_handler handler;
    void *arg;
    const struct rv_http_header *headers; /* added to every answer unless it says the same name; ends with a NULL
                                           * name, may be NULL; borrowed as long as the listener lives */
    bool encoded_slash;                   /* "%2F" in a path becomes '/': OCSP by GET needs it (RFC 6960 A.1) */
    bool reuse_port;                      /* several loops, one port (SO_REUSEPORT) */
};
/* *ret is borrowed from the server and may be NULL. RV_CONFLICT: address in use, or somebody answers on the socket. */
RV_MUST_CHECK enum rv_status rv_http_listen(struct rv_http_server *server, const struct rv_http_listen *options,
                                            struct rv_http_listener **ret, struct rv_error *err);
const char *rv_http_listener_address(const struct rv_http_listener *listener); /* "127.0.0.1:8443", "[::1]:80", a path */
int rv_http_listener_port(const struct rv_http_listener *listener);            /* 0 for a Unix socket */
/* New connections use the new context, which is retained; open ones keep theirs. */
void rv_http_listener_set_tls(struct rv_http_listener *listener, struct rv_tls_context *context);

/* No new connection, no further request on open ones, streams end. done(arg) runs once nothing is open, or after
 * `longest`, when what is left is cut off. */
void rv_http_server_drain(struct rv_http_server *server, rv_dur longest, void (*done)(void *arg), void *arg);
/* Cuts off what is open (`gone` of each stream runs inside this call). Exchanges that are still to be answered may be
 * answered afterwards, in vain. NULL is fine. */
void rv_http_server_destroy(struct rv_http_server *server);

struct rv_http_stats {
    size_t connections, streams, in_flight;
    uint64_t accepted, turned_away, requests, refused, timed_out, handshake_failures;
};
void rv_http_server_stats(const struct rv_http_server *server, struct rv_http_stats *ret);

/* The headers of M-50 for what browsers see, for rv_http_listen.headers; the second set is for plain listeners. */
extern const struct rv_http_header rv_http_browser_headers[];
extern const struct rv_http_header rv_http_plain_headers[];
