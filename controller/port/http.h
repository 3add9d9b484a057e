/* HTTP towards clients: what a front door sees. The layer below (rt) owns parsing, limits, time-outs, TLS, keep-alive
 * and framing; a handler sees a whole, checked request and answers once, or opens a stream. Loop thread only. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/time.h"

enum rv_http_method { RV_GET, RV_HEAD, RV_POST, RV_PUT, RV_PATCH, RV_DELETE };
const char *rv_http_method_name(enum rv_http_method m);

enum rv_http_via { RV_VIA_TLS, RV_VIA_SOCKET, RV_VIA_PLAIN };

struct rv_http_header {
    const char *name; /* lower case */
    const char *value;
};
struct rv_http_exchange; /* one request and its answer */
struct rv_http_request { /* borrowed until the answer has been given */
    enum rv_http_method method;
    const char *path;  /* decoded once; no dot segments, no encoded slash, no NUL (M-24) */
    const char *query; /* raw, without '?'; "" when none */
    size_t header_count;
    const struct rv_http_header *headers;
    struct rv_bytes body;
    enum rv_http_via via;
    const char *peer;                   /* text address, or "unix" */
    long peer_uid;                      /* RV_VIA_SOCKET: from SO_PEERCRED; else -1 */
    struct rv_bytes client_certificate; /* DER, verified by nobody; empty when none */
    struct rv_arena *arena;             /* lives as long as the exchange */
    struct rv_http_exchange *exchange;
};
const char *rv_http_header(const struct rv_http_request *r, const char *lower_name); /* NULL when absent */
/* Query parameter, percent-decoded into the arena; NULL when absent. */
const char *rv_http_query(const struct rv_http_request *r, const char *name);

/* Answers; call exactly one of these, once, now or later. Header names and values with control characters are refused
 * by the builder. extra ends with a NULL name; may be NULL. The body is copied. */
void rv_http_answer(struct rv_http_exchange *x, int status, const char *content_type, struct rv_bytes body,
                    const struct rv_http_header *extra);
/* An event stream (text/event-stream): begin once, then send until gone. `gone` is called once, when the client has left
 * or end was called. send answers false when the client reads too slowly and has been dropped. */
void rv_http_stream_begin(struct rv_http_exchange *x, void (*gone)(void *arg), void *arg);
bool rv_http_stream_send(struct rv_http_exchange *x, struct rv_bytes text);
void rv_http_stream_end(struct rv_http_exchange *x);

typedef void (*rv_http_handler)(void *arg, const struct rv_http_request *request);
