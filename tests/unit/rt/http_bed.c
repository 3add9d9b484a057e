#include "unit/rt/http_bed.h"

#include "support/cmocka.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void client_gone(void *arg)
{
    atomic_fetch_add(&((struct http_bed *)arg)->gone, 1);
}

static void answer_later(void *arg)
{
    rv_http_answer(arg, 200, "text/plain", rv_bytes_of("late"), NULL);
}

static void three_events(struct http_bed *bed, struct rv_http_exchange *x)
{
    rv_http_stream_begin(x, client_gone, bed);
    for (int i = 1; i <= 3; i++) {
        char text[64];
        snprintf(text, sizeof text, "id: %d\ndata: {}\n\n", i);
        rv_http_stream_send(x, rv_bytes_of(text));
    }
    rv_http_stream_end(x);
}

struct flood {
    struct http_bed *bed;
    struct rv_http_exchange *x;
};

static void flood_gone(void *arg)
{
    struct flood *flood = arg;
    atomic_fetch_add(&flood->bed->gone, 1);
    rv_free(flood);
}

static void flood_more(void *arg)
{
    struct flood *flood = arg;
    static char chunk[10000];
    memset(chunk, 'x', sizeof chunk);
    if (rv_http_stream_send(flood->x, RV_BYTES(chunk, sizeof chunk))) {
        atomic_fetch_add(&flood->bed->flooded, (long)sizeof chunk);
        rv_loop_timer(flood->bed->loop, 0, flood_more, flood);
    }
}

static void echo(const struct rv_http_request *r)
{
    struct rv_buf text = {0};
    const char *x = rv_http_query(r, "x");
    rv_buf_printf(&text, "%s %s?%s via %d peer %s uid %ld x %s h %s\n", rv_http_method_name(r->method), r->path, r->query,
                  (int)r->via, r->peer, r->peer_uid, x == NULL ? "(none)" : x,
                  rv_http_header(r, "x-test") == NULL ? "(none)" : rv_http_header(r, "x-test"));
    if (rv_http_header(r, "authorization") != NULL)
        rv_buf_printf(&text, "authorization %s\n", rv_http_header(r, "authorization"));
    if (r->client_certificate.len > 0)
        rv_buf_printf(&text, "certificate of %zu bytes\n", r->client_certificate.len);
    rv_buf_add(&text, r->body.ptr, r->body.len);
    rv_http_answer(r->exchange, 200, "text/plain", rv_buf_bytes(&text), NULL);
    rv_buf_fini(&text);
}

void http_bed_handler(void *arg, const struct rv_http_request *r)
{
    struct http_bed *bed = arg;
    static char big[1 << 20];
    atomic_fetch_add(&bed->requests, 1);
    if (strcmp(r->path, "/hold") == 0) {
        pthread_mutex_lock(&bed->lock);
        bed->held = r->exchange;
        pthread_mutex_unlock(&bed->lock);
    } else if (strcmp(r->path, "/later") == 0) {
        rv_loop_timer(bed->loop, 2, answer_later, r->exchange);
    } else if (strcmp(r->path, "/stream") == 0) {
        three_events(bed, r->exchange);
    } else if (strcmp(r->path, "/watch") == 0) {
        rv_http_stream_begin(r->exchange, client_gone, bed);
        rv_http_stream_send(r->exchange, rv_bytes_of("data: hello\n\n"));
    } else if (strcmp(r->path, "/flood") == 0) {
        struct flood *flood = rv_alloc(sizeof *flood);
        *flood = (struct flood){bed, r->exchange};
        rv_http_stream_begin(r->exchange, flood_gone, flood);
        flood_more(flood);
    } else if (strcmp(r->path, "/big") == 0) {
        rv_http_answer(r->exchange, 200, "application/octet-stream", RV_BYTES(big, sizeof big), NULL);
    } else if (strcmp(r->path, "/evil") == 0) {
        static const struct rv_http_header evil[] = {{"location", "/a\r\nset-cookie: b=c"}, {NULL, NULL}};
        rv_http_answer(r->exchange, 303, NULL, rv_bytes_of(""), evil);
    } else if (strcmp(r->path, "/cookies") == 0) {
        static const struct rv_http_header two[] = {
            {"set-cookie", "a=1"}, {"set-cookie", "b=2"}, {"Cache-Control", "max-age=5"}, {NULL, NULL}};
        rv_http_answer(r->exchange, 204, NULL, rv_bytes_of("not sent"), two);
    } else {
        echo(r);
    }
}

static void *run(void *arg)
{
    rv_loop_run(((struct http_bed *)arg)->loop);
    return NULL;
}

void http_bed_start(struct http_bed *bed, const struct rv_http_limits *limits, const struct rv_tls_ops *tls,
                    const struct rv_http_listen *listen_options)
{
    struct rv_http_listen plain = {.via = RV_VIA_PLAIN, .host = "127.0.0.1", .headers = rv_http_plain_headers};
    struct rv_error err;
    *bed = (struct http_bed){.loop = rv_loop_create(), .lock = PTHREAD_MUTEX_INITIALIZER};
    bed->server = rv_http_server_create(bed->loop, tls, limits);
    if (listen_options != NULL)
        plain = *listen_options;
    plain.handler = http_bed_handler;
    plain.arg = bed;
    if (rv_http_listen(bed->server, &plain, &bed->listener, &err) != RV_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pthread_create(&bed->thread, NULL, run, bed), 0);
}

void http_bed_stop(struct http_bed *bed)
{
    rv_loop_stop(bed->loop);
    pthread_join(bed->thread, NULL);
    rv_http_server_destroy(bed->server);
    rv_loop_destroy(bed->loop);
}

struct call {
    void (*fn)(void *arg);
    void *arg;
    atomic_int done;
};

static void make_call(void *arg)
{
    struct call *call = arg;
    call->fn(call->arg);
    atomic_store(&call->done, 1);
}

void http_bed_call(struct http_bed *bed, void (*fn)(void *arg), void *arg)
{
    struct call call = {fn, arg, 0};
    rv_loop_post(bed->loop, make_call, &call);
    http_bed_wait(&call.done, 1);
}

struct look {
    struct http_bed *bed;
    struct rv_http_stats *ret;
};

static void take_stats(void *arg)
{
    struct look *look = arg;
    rv_http_server_stats(look->bed->server, look->ret);
}

void http_bed_stats(struct http_bed *bed, struct rv_http_stats *ret)
{
    http_bed_call(bed, take_stats, &(struct look){bed, ret});
}

void http_bed_wait(atomic_int *what, int least)
{
    for (int i = 0; i < 30000 && atomic_load(what) < least; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    assert_true(atomic_load(what) >= least);
}

static void release(void *arg)
{
    struct http_bed *bed = arg;
    rv_http_answer(bed->held, 200, "text/plain", rv_bytes_of("held"), NULL);
    bed->held = NULL;
}

void http_bed_release(struct http_bed *bed)
{
    bool there = false;
    for (int i = 0; i < 30000 && !there; i++) {
        pthread_mutex_lock(&bed->lock);
        there = bed->held != NULL;
        pthread_mutex_unlock(&bed->lock);
        if (!there)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    assert_true(there);
    http_bed_call(bed, release, bed);
}

/* Nothing here waits for ever. */
static int limited(int fd)
{
    struct timeval limit = {30, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

int http_dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = limited(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int http_dial_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = limited(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void http_send_bytes(int fd, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(fd, (const char *)bytes + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* refused in the middle: what was answered is still to be read */
        at += (size_t)sent;
    }
}

void http_send(int fd, const char *text)
{
    http_send_bytes(fd, text, strlen(text));
}

static bool read_more(int fd, struct rv_buf *ret, size_t most)
{
    ssize_t n = recv(fd, rv_buf_reserve(ret, most), most, 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("nothing came in time: %s", strerror(errno));
    if (n > 0)
        ret->len += (size_t)n;
    if (ret->data != NULL)
        ret->data[ret->len] = '\0';
    return n > 0;
}

int http_read_answer(int fd, struct rv_buf *ret)
{
    rv_buf_clear(ret);
    const char *end;
    while ((end = strstr(rv_buf_text(ret), "\r\n\r\n")) == NULL)
        if (!read_more(fd, ret, 1))
            return 0;
    const char *length = strstr(rv_buf_text(ret), "content-length: ");
    size_t want = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    for (size_t got = 0; got < want;) {
        size_t before = ret->len;
        if (!read_more(fd, ret, want - got))
            return 0;
        got += ret->len - before;
    }
    int status = 0;
    sscanf(rv_buf_text(ret), "HTTP/1.1 %d", &status);
    return status;
}

void http_read_to_end(int fd, struct rv_buf *ret)
{
    rv_buf_clear(ret);
    while (read_more(fd, ret, 65536))
        continue;
}
