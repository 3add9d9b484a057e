/* A server on a thread of its own, and a client of raw sockets for the test's thread. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "rt/http_server.h"
#include "rt/loop.h"

struct http_bed {
    struct rv_loop *loop;
    struct rv_http_server *server;
    struct rv_http_listener *listener;
    pthread_t thread;
    atomic_int requests, gone, drained;
    atomic_long flooded; /* bytes that /flood could send */
    pthread_mutex_t lock;
    struct rv_http_exchange *held; /* of /hold */
};
/* The handler of the bed (arg: the bed):
 *   /hold     answered by http_bed_release    /later   answered by a timer
 *   /stream   three events, then the end      /flood   events until the client is dropped
 *   /watch    an event, then nothing          /big     1 MiB
 *   /evil     a header that must not be sent  /cookies two headers of one name, and one of the listener's
 *   else      "METHOD path?query via peer uid\nbody" */
void http_bed_handler(void *arg, const struct rv_http_request *request);
/* listen may be NULL: a plain listener on 127.0.0.1, port 0. The server's loop runs when this returns. */
void http_bed_start(struct http_bed *bed, const struct rv_http_limits *limits, const struct rv_tls_ops *tls,
                    const struct rv_http_listen *listen);
void http_bed_stop(struct http_bed *bed);
void http_bed_release(struct http_bed *bed);                                /* answers /hold; waits for it to be there */
void http_bed_call(struct http_bed *bed, void (*fn)(void *arg), void *arg); /* on the loop; returns when it has run */
void http_bed_stats(struct http_bed *bed, struct rv_http_stats *ret);
void http_bed_wait(atomic_int *what, int least);

int http_dial(int port);
int http_dial_unix(const char *path);
void http_send(int fd, const char *text);
void http_send_bytes(int fd, const void *bytes, size_t n);
int http_read_answer(int fd, struct rv_buf *ret);  /* one answer with Content-Length; its status, 0 at the end */
void http_read_to_end(int fd, struct rv_buf *ret); /* until the server closes (a reset counts too) */
