/* The inside of the HTTP server. A connection is three layers, each knowing only the next by a small table:
 *   http_parse.c   bytes → a checked request, or the reason to refuse it
 *   http_conn.c    one connection's conversation: which request, which answer, keep-alive, streams (http_answer.c)
 *   http_link.c    the bytes' way over libuv, with TLS in between (http_tls.c), time-outs and limits on writing
 * Above them http_listen.c accepts and http_server.c owns all. The first two know no socket: the fuzz target drives
 * them alone. */
#pragma once
#include <llhttp.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "rt/http_server.h"

/* Words */
bool rv_http_method_find(const char *name, size_t n, enum rv_http_method *ret);
const char *rv_http_reason(int status);
/* Percent-decodes once; NULL on a broken escape. The result may hold NUL: *ret_length says. */
char *rv_http_unescape(struct rv_arena *arena, const char *text, size_t n, bool plus, size_t *ret_length);

/* Parsing */
enum http_parsed {
    PARSED_MORE,   /* all looked at; the rest of the request is still to come */
    PARSED_HEAD,   /* the header is complete and a body follows */
    PARSED_DONE,   /* a whole request */
    PARSED_REFUSED /* status and why say what is wrong */
};
struct http_parser {
    const struct rv_http_limits *limits;
    bool encoded_slash;
    /* of this request */
    llhttp_t llhttp;
    bool in_body, complete, chunked, http10, keep_alive, expects;
    size_t scanned, line_start, lines; /* how far the header has been looked at */
    struct rv_bytes url, name, value;  /* spans of the header while llhttp runs */
    size_t host_count;
    uint8_t tail[4]; /* the last bytes of a chunked body */
    size_t raw;      /* bytes of the body as it came, framing included */
    struct rv_http_header *headers;
    size_t header_count;
    struct rv_arena *arena;
    enum rv_http_method method;
    const char *path, *query;
    struct rv_buf body;
    int status; /* of the refusal */
    const char *why;
};
void http_parser_init(struct http_parser *p, const struct rv_http_limits *limits, bool encoded_slash);
void http_parser_reset(struct http_parser *p); /* ready for the next request; what was not taken is freed */
/* While the header is incomplete nothing is used: the same bytes come again with more behind them. */
enum http_parsed http_parse(struct http_parser *p, struct rv_bytes in, size_t *ret_used);
enum http_parsed http_refuse(struct http_parser *p, int status, const char *why);
/* The checks on a complete header (http_check.c): false has set status and why. */
bool http_check_request_line(struct http_parser *p, const char *line, size_t n);
bool http_check_field_line(struct http_parser *p, const char *line, size_t n);
bool http_check_head(struct http_parser *p);

/* Conversation */
struct http_wire_ops {
    void (*write)(void *wire, struct rv_bytes bytes); /* copied; a failure shows later, as http_conn_lost */
    size_t (*unsent)(void *wire);
    void (*pause)(void *wire, bool pause); /* reading */
    void (*finish)(void *wire);            /* send what was written, then close gently */
    void (*cut)(void *wire);               /* close soon, never inside this call */
};
struct http_shared { /* of all connections of a server */
    struct rv_loop *loop;
    struct rv_http_limits limits;
    struct rv_http_stats stats;
    LIST_HEAD(, rv_http_exchange) streams;
    int64_t date_second;
    char date[40];
};
struct http_conn {
    struct http_shared *shared;
    const struct http_wire_ops *wire_ops;
    void *wire;
    /* of the listener */
    rv_http_handler handler;
    void *arg;
    const struct rv_http_header *headers;
    enum rv_http_via via;
    char peer[64];
    long peer_uid;
    struct rv_bytes client_certificate; /* borrowed from the wire */

    enum { CONN_READING, CONN_ANSWERING, CONN_STREAMING, CONN_ENDING } state;
    struct http_parser parser;
    struct rv_buf in;
    struct rv_http_exchange *exchange;
    bool stepping, eof, draining, paused;
    bool blocked; /* READING: too much of earlier answers is unsent to take another request */
    int served;
    int64_t since;      /* READING: first byte of the request, or begin of idling */
    int64_t body_since; /* when its header was complete */
    struct rv_timer *again;
};
/* The caller has zeroed it and filled the listener's part. */
void http_conn_init(struct http_conn *conn, bool encoded_slash);
void http_conn_feed(struct http_conn *conn, struct rv_bytes bytes);
void http_conn_eof(struct http_conn *conn);
void http_conn_writable(struct http_conn *conn); /* something that waited has been sent */
void http_conn_lost(struct http_conn *conn);     /* the wire is gone; frees what the connection holds */
void http_conn_tick(struct http_conn *conn, int64_t now);
void http_conn_drain(struct http_conn *conn);
/* Called by http_answer.c when an exchange is over. */
void http_conn_answered(struct http_conn *conn, bool keep_alive);

struct rv_http_exchange {
    struct http_conn *conn; /* NULL once the client is gone */
    struct rv_loop *loop;
    struct rv_http_request request;
    struct rv_arena *arena;
    struct rv_buf body;
    bool http10, keep_alive, streaming, over, listed;
    LIST_ENTRY(rv_http_exchange) entry;
    void (*gone)(void *arg);
    void *gone_arg;
    struct rv_timer *gone_timer;
};
void http_exchange_free(struct rv_http_exchange *x);
void http_exchange_detach(struct rv_http_exchange *x); /* the client is gone */
void http_exchange_gone_now(struct rv_http_exchange *x);
/* Writes a problem document and nothing else: the exchange, if any, is not touched. */
void http_write_problem(struct http_conn *conn, int status, const char *detail, bool head);
