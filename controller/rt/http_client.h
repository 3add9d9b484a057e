/* A blocking HTTP client for the command line, on libcurl: a Unix socket, or https with a given CA. No redirects, no
 * proxies, no other schemes, nothing from ~/.netrc. One client belongs to one thread at a time and keeps its
 * connection. */
#pragma once
#include <stdbool.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/time.h"
#include "port/http.h"

struct rv_http_client;
struct rv_http_client_options {    /* copied */
    const char *socket;            /* path of the Unix socket; or NULL and … */
    const char *url;               /* … "https://host[:port]", nothing behind it */
    const char *ca_file;           /* PEM file of what to trust; NULL: the system's */
    const struct rv_secret *token; /* bearer token, may be NULL */
    rv_dur connect_timeout;        /* 0: 10 s */
    rv_dur timeout;                /* whole call, streams excepted; 0: 60 s */
};
RV_MUST_CHECK enum rv_status rv_http_client_create(const struct rv_http_client_options *options, struct rv_http_client **ret,
                                                   struct rv_error *err);
void rv_http_client_destroy(struct rv_http_client *client); /* NULL is fine */

struct rv_http_call {
    enum rv_http_method method;
    const char *path;                     /* "/api/v1/…", with the query; already encoded */
    const struct rv_http_header *headers; /* ends with a NULL name; may be NULL */
    const char *content_type;             /* of the body; NULL: none */
    struct rv_bytes body;
    size_t answer_limit; /* 0: 16 MiB; more is an error */
};
struct rv_http_reply {
    int status;
    char content_type[128], location[1024];
    struct rv_buf body; /* caller frees (rv_http_reply_fini) */
};
void rv_http_reply_fini(struct rv_http_reply *reply);
/* RV_OK whenever an answer came, whatever its status. RV_UNAVAILABLE: nobody there. RV_DENIED: not the server that was
 * to be trusted. RV_TIMEOUT: nothing was sent. RV_UNCERTAIN: sent, but no whole answer (GET and HEAD: RV_TIMEOUT or
 * RV_UNAVAILABLE, they change nothing). */
RV_MUST_CHECK enum rv_status rv_http_client_call(struct rv_http_client *client, const struct rv_http_call *call,
                                                 struct rv_http_reply *ret, struct rv_error *err);
/* GET whose answer comes bit by bit, for event streams: data(arg, bytes) as it arrives, without a time limit; it answers
 * false to stop. While nothing arrives, data is called with no bytes about once a second, so that the caller can stop. RV_OK
 * when the server ended the stream or data stopped it. An answer other than 200 is not passed to data but stands in *ret. */
RV_MUST_CHECK enum rv_status rv_http_client_stream(struct rv_http_client *client, const struct rv_http_call *call,
                                                   bool (*data)(void *arg, struct rv_bytes bytes), void *arg,
                                                   struct rv_http_reply *ret, struct rv_error *err);
