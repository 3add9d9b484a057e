/* rt: the HTTP server on real sockets: what is refused, what lasts too long, what is cut off. */
#include "support/cmocka.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "rt/http_link.h"
#include "unit/rt/http_bed.h"
#include "unit/rt/http_cases.h"
#include "unit/rt/temp.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define AUTO_BUF RV_AUTO(rv_buf) struct rv_buf

static int port_of(const struct http_bed *bed)
{
    return rv_http_listener_port(bed->listener);
}

static void answers_and_stays(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    for (int i = 0; i < 3; i++) {
        http_send(fd, "POST /a%20b?x=1%262+3 HTTP/1.1\r\nHost: x\r\nX-Test:  v v \r\nContent-Length: 4\r\n\r\nbody");
        assert_int_equal(http_read_answer(fd, &out), 200);
        assert_non_null(
            strstr(rv_buf_text(&out), "\r\n\r\nPOST /a b?x=1%262+3 via 2 peer 127.0.0.1 uid -1 x 1&2 3 h v v\nbody"));
        assert_non_null(strstr(rv_buf_text(&out), "x-content-type-options: nosniff\r\n"));
        assert_non_null(strstr(rv_buf_text(&out), "\r\ndate: "));
        assert_null(strstr(rv_buf_text(&out), "connection:"));
    }
    http_send(fd, GET("/later"));
    assert_int_equal(http_read_answer(fd, &out), 200);
    assert_non_null(strstr(rv_buf_text(&out), "\r\n\r\nlate"));

    http_send(fd, GET("/evil")); /* response splitting: nothing of it goes out */
    assert_int_equal(http_read_answer(fd, &out), 500);
    assert_null(strstr(rv_buf_text(&out), "set-cookie"));
    http_send(fd, GET("/cookies"));
    assert_int_equal(http_read_answer(fd, &out), 204);
    assert_non_null(strstr(rv_buf_text(&out), "set-cookie: a=1\r\nset-cookie: b=2\r\n"));
    assert_null(strstr(rv_buf_text(&out), "content-length"));
    http_send(fd, "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n" GET("/y")); /* no body comes between the two */
    http_send(fd, "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    http_read_to_end(fd, &out);
    const char *head_end = strstr(rv_buf_text(&out), "\r\n\r\n");
    assert_int_equal(strncmp(head_end + 4, "HTTP/1.1 200", 12), 0);
    assert_non_null(strstr(rv_buf_text(&out), "connection: close\r\n\r\nGET /end"));
    close(fd);
    http_bed_stop(&bed);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void malformed_requests_are_refused(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    int wrong = 0;
    for (size_t i = 0; i < RV_COUNT(http_cases); i++) {
        const struct http_case *c = &http_cases[i];
        if (c->status == 200)
            continue;
        AUTO_BUF out = {0};
        int before = atomic_load(&bed.requests), fd = http_dial(port_of(&bed)), status = 0;
        http_send_bytes(fd, c->bytes, c->n > 0 ? c->n : strlen(c->bytes));
        http_send(fd, GET("/smuggled"));
        http_read_to_end(fd, &out);
        sscanf(rv_buf_text(&out), "HTTP/1.1 %d", &status);
        if (atomic_load(&bed.requests) != before || (c->status == 0 ? status < 400 : status != c->status) ||
            strstr(rv_buf_text(&out), "application/problem+json") == NULL) {
            print_error("%s: %d\n%s\n", c->name, status, rv_buf_text(&out));
            wrong++;
        }
        close(fd);
    }
    assert_int_equal(wrong, 0);
    http_bed_stop(&bed);
}

static void pipelining_keeps_the_order(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, &(struct rv_http_limits){.requests = 50}, NULL, NULL);
    AUTO_BUF all = {0};
    AUTO_BUF out = {0};
    for (int i = 0; i < 60; i++) /* answers at once and answers later take turns */
        rv_buf_printf(&all, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", i % 3 == 0 ? "later" : i % 3 == 1 ? "a" : "b");
    int fd = http_dial(port_of(&bed));
    http_send(fd, rv_buf_text(&all));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(http_read_answer(fd, &out), 200);
        assert_non_null(strstr(rv_buf_text(&out), i % 3 == 0 ? "late" : i % 3 == 1 ? "GET /a" : "GET /b"));
        assert_int_equal(strstr(rv_buf_text(&out), "connection: close") != NULL, i == 49);
    }
    http_read_to_end(fd, &out); /* the fiftieth was the last of this connection */
    assert_int_equal(out.len, 0);
    close(fd);
    http_bed_stop(&bed);
}

/* Requests and the end of sending arrive together: everything asked is answered (data and FIN in one event). */
static void a_half_closed_client_is_answered(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    http_send(fd, GET("/later") GET("/later") GET("/x"));
    shutdown(fd, SHUT_WR);
    http_read_to_end(fd, &out);
    assert_int_equal(count(rv_buf_text(&out), "HTTP/1.1 200"), 3);
    close(fd);
    http_bed_stop(&bed);
}

/* A client that pipelines without end while its first request waits is not read without end. */
static void waiting_requests_are_bounded(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    int fd = http_dial(port_of(&bed));
    struct timeval soon = {0, 300000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    http_send(fd, GET("/hold"));
    static char junk[65536];
    size_t sent = 0;
    ssize_t n;
    while (sent < 200u << 20 && (n = send(fd, junk, sizeof junk, MSG_NOSIGNAL)) > 0)
        sent += (size_t)n;
    assert_true(sent < 200u << 20); /* what the kernel's buffers take, and a little of ours */
    http_bed_release(&bed);
    AUTO_BUF out = {0};
    assert_int_equal(http_read_answer(fd, &out), 200);
    close(fd);
    http_bed_stop(&bed);
}

static void expect_continue(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    http_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_int_equal(http_read_answer(fd, &out), 100);
    http_send(fd, "body");
    assert_int_equal(http_read_answer(fd, &out), 200);
    /* Not asked for a body that will be refused anyway. */
    http_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
    assert_int_equal(http_read_answer(fd, &out), 413);
    http_read_to_end(fd, &out);
    close(fd);
    http_bed_stop(&bed);
}

/* The refusal arrives although the client is still sending megabytes. */
static void a_refusal_reaches_a_client_that_keeps_sending(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    http_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
    static char junk[3000000];
    http_send_bytes(fd, junk, sizeof junk);
    shutdown(fd, SHUT_WR);
    http_read_to_end(fd, &out);
    assert_int_equal(strncmp(rv_buf_text(&out), "HTTP/1.1 413", 12), 0);
    close(fd);
    http_bed_stop(&bed);
}

/* Each limit alone is tiny; the others are far away. */
static void slow_clients_are_cut_off(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes;
        struct rv_http_limits limits;
        int status;       /* 0: closed without a word */
        const char *drip; /* sent again and again */
    } cases[] = {
        {"says nothing", "", {.header = 40}, 0, NULL},
        {"header stops", "GET / HTTP/1.1\r\nHo", {.header = 40}, 408, NULL},
        {"header drips", "GET / HTTP/1.1\r\n", {.header = 40}, 408, "a: b\r\n"},
        {"body stops", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", {.request = 40}, 408, NULL},
        {"body drips",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n",
         {.slow_after = 40, .body_rate = 100000},
         408,
         "x"},
        {"idle", GET("/x"), {.idle = 40}, 200, NULL},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct http_bed bed;
        http_bed_start(&bed, &cases[i].limits, NULL, NULL);
        AUTO_BUF out = {0};
        int fd = http_dial(port_of(&bed)), status = 0;
        http_send(fd, cases[i].bytes);
        struct pollfd waiting = {fd, POLLIN, 0};
        for (int k = 0; cases[i].drip != NULL && k < 10000 && poll(&waiting, 1, 3) == 0; k++)
            http_send(fd, cases[i].drip);
        http_read_to_end(fd, &out);
        sscanf(rv_buf_text(&out), "HTTP/1.1 %d", &status);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].what, status);
        close(fd);
        http_bed_stop(&bed);
    }
}

static void set_small_buffer(int fd)
{
    static const int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
}

static void a_reader_that_stops_is_cut_off(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, &(struct rv_http_limits){.write_stall = 60}, NULL, NULL);
    int fd = http_dial(port_of(&bed));
    set_small_buffer(fd);
    for (int i = 0; i < 20; i++) /* more than the kernel's buffers hold */
        http_send(fd, GET("/big"));
    struct rv_http_stats stats;
    for (int i = 0; i < 10000; i++) {
        http_bed_stats(&bed, &stats);
        if (stats.requests > 0 && stats.connections == 0)
            break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.timed_out, 1);
    close(fd);
    http_bed_stop(&bed);
}

/* Pipelining without reading does not make us hold all the answers; reading brings them all. */
static void unread_answers_are_bounded(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    for (int i = 0; i < 40; i++)
        http_send(fd, GET("/big"));
    shutdown(fd, SHUT_WR);
    http_bed_wait(&bed.requests, 2);
    struct rv_http_stats stats; /* two looks: the loop has been round in between */
    http_bed_stats(&bed, &stats);
    http_bed_stats(&bed, &stats);
    assert_true(stats.requests < 30); /* what the kernel's buffers take, and one or two */
    for (int i = 0; i < 40; i++)
        assert_int_equal(http_read_answer(fd, &out), 200);
    http_read_to_end(fd, &out);
    assert_int_equal(out.len, 0);
    close(fd);
    http_bed_stop(&bed);
}

static void addresses_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *peer;
        int same_as; /* index of one with the same key */
        bool counted;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 0, true},
        {"::ffff:192.0.2.1", "192.0.2.1", 0, true},
        {"192.0.2.2", "192.0.2.2", 2, true},
        {"2001:db8:1:2::1", "2001:db8:1:2::1", 3, true},
        {"2001:db8:1:2:ffff::9", "2001:db8:1:2:ffff::9", 3, true},
        {"2001:db8:1:3::1", "2001:db8:1:3::1", 5, true},
        {"127.0.0.5", "127.0.0.5", 6, false},
        {"::ffff:127.0.0.1", "127.0.0.1", 7, false},
        {"::1", "::1", 8, false},
    };
    uint8_t keys[RV_COUNT(cases)][HTTP_ADDRESS_KEY];
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct sockaddr_storage at = {0};
        char peer[64];
        if (uv_ip4_addr(cases[i].text, 1, (struct sockaddr_in *)&at) != 0)
            assert_int_equal(uv_ip6_addr(cases[i].text, 1, (struct sockaddr_in6 *)&at), 0);
        assert_int_equal(http_address_key((const struct sockaddr *)&at, keys[i], peer), cases[i].counted);
        assert_string_equal(peer, cases[i].peer);
        for (size_t k = 0; k <= i && cases[i].counted; k++)
            assert_int_equal(memcmp(keys[i], keys[k], HTTP_ADDRESS_KEY) == 0, cases[k].same_as == cases[i].same_as);
    }
    struct http_addresses *table = http_addresses_create();
    assert_true(http_addresses_take(table, keys[0], 2));
    assert_true(http_addresses_take(table, keys[1], 2));
    assert_false(http_addresses_take(table, keys[0], 2));
    assert_true(http_addresses_take(table, keys[2], 2)); /* another one */
    http_addresses_give(table, keys[0]);
    assert_true(http_addresses_take(table, keys[0], 2));
    http_addresses_destroy(table);
}

static void streams(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    http_send(fd, GET("/stream") GET("/after"));
    while (strstr(rv_buf_text(&out), "GET /after") == NULL) {
        ssize_t n = recv(fd, rv_buf_reserve(&out, 1000), 1000, 0);
        assert_true(n > 0);
        out.len += (size_t)n;
        out.data[out.len] = '\0';
    }
    assert_non_null(strstr(rv_buf_text(&out), "content-type: text/event-stream\r\n"));
    assert_non_null(strstr(rv_buf_text(&out),
                           "\r\n\r\n10\r\nid: 1\ndata: {}\n\n\r\n10\r\nid: 2\ndata: {}\n\n\r\n10\r\nid: 3\n"
                           "data: {}\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    http_bed_wait(&bed.gone, 1);
    close(fd);

    fd = http_dial(port_of(&bed)); /* HTTP/1.0 knows no chunks */
    http_send(fd, "GET /stream HTTP/1.0\r\n\r\n");
    http_read_to_end(fd, &out);
    assert_null(strstr(rv_buf_text(&out), "chunked"));
    assert_non_null(strstr(rv_buf_text(&out), "\r\n\r\nid: 1\ndata: {}\n\nid: 2"));
    close(fd);
    http_bed_wait(&bed.gone, 2);

    fd = http_dial(port_of(&bed)); /* the client leaves */
    http_send(fd, GET("/watch"));
    assert_int_equal(http_read_answer(fd, &out), 200);
    assert_int_equal(atomic_load(&bed.gone), 2);
    close(fd);
    http_bed_wait(&bed.gone, 3);
    struct rv_http_stats stats;
    http_bed_stats(&bed, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(stats.in_flight, 0);
    http_bed_stop(&bed);
}

static void a_stream_that_nobody_reads_is_dropped(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, &(struct rv_http_limits){.stream_buffer = 100000}, NULL, NULL);
    int fd = http_dial(port_of(&bed));
    set_small_buffer(fd);
    http_send(fd, GET("/flood"));
    http_bed_wait(&bed.gone, 1);
    assert_true(atomic_load(&bed.flooded) < 100l << 20);
    struct rv_http_stats stats = {.connections = 1};
    for (int k = 0; k < 10000 && stats.connections > 0; k++)
        http_bed_stats(&bed, &stats);
    assert_int_equal(stats.connections, 0);
    close(fd);
    http_bed_stop(&bed);
}

static void a_client_that_left_is_answered_in_vain(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    int fd = http_dial(port_of(&bed));
    http_send(fd, GET("/hold"));
    http_bed_wait(&bed.requests, 1);
    struct linger hard = {1, 0}; /* a reset: a mere close could still be a half-close */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    struct rv_http_stats stats = {.connections = 1};
    for (int i = 0; i < 10000 && stats.connections > 0; i++)
        http_bed_stats(&bed, &stats);
    assert_int_equal(stats.connections, 0);
    http_bed_release(&bed);
    http_bed_stop(&bed);
}

static void caps(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, &(struct rv_http_limits){.connections = 3, .reserved = 1}, NULL, NULL);
    AUTO_BUF out = {0};
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = http_dial(port_of(&bed));
        http_send(fds[i], GET("/x"));
        assert_int_equal(http_read_answer(fds[i], &out), 200);
    }
    fds[3] = http_dial(port_of(&bed));
    http_read_to_end(fds[3], &out);
    assert_int_equal(out.len, 0);
    struct rv_http_stats stats;
    http_bed_stats(&bed, &stats);
    assert_int_equal(stats.turned_away, 1);
    close(fds[3]);
    close(fds[0]); /* one leaves, another may come */
    for (int i = 0; i < 10000 && stats.connections > 2; i++)
        http_bed_stats(&bed, &stats);
    fds[0] = http_dial(port_of(&bed));
    http_send(fds[0], GET("/x"));
    assert_int_equal(http_read_answer(fds[0], &out), 200);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    http_bed_stop(&bed);
}

static void drain_done(void *arg)
{
    atomic_store(&((struct http_bed *)arg)->drained, 1);
}

static void drain_gently(void *arg)
{
    struct http_bed *bed = arg;
    rv_http_server_drain(bed->server, RV_SEC(60), drain_done, bed);
    assert_int_equal(atomic_load(&bed->drained), 0);
}

static void drain_at_once(void *arg)
{
    struct http_bed *bed = arg;
    rv_http_server_drain(bed->server, 20, drain_done, bed);
}

static void drains(void **state)
{
    (void)state;
    struct http_bed bed;
    http_bed_start(&bed, NULL, NULL, NULL);
    AUTO_BUF out = {0};
    int port = port_of(&bed), idle = http_dial(port), busy = http_dial(port), watching = http_dial(port);
    http_send(idle, GET("/x"));
    assert_int_equal(http_read_answer(idle, &out), 200);
    http_send(watching, GET("/watch"));
    assert_int_equal(http_read_answer(watching, &out), 200);
    http_send(busy, GET("/hold"));
    http_bed_wait(&bed.requests, 3);
    http_bed_call(&bed, drain_gently, &bed);
    http_read_to_end(idle, &out); /* closed at once */
    http_read_to_end(watching, &out);
    assert_non_null(strstr(rv_buf_text(&out), "0\r\n\r\n")); /* ended, not torn */
    http_bed_wait(&bed.gone, 1);
    assert_int_equal(atomic_load(&bed.drained), 0); /* one is still to be answered */
    close(idle);
    close(watching);
    http_bed_release(&bed);
    http_read_to_end(busy, &out);
    assert_non_null(strstr(rv_buf_text(&out), "connection: close\r\n"));
    assert_non_null(strstr(rv_buf_text(&out), "held"));
    close(busy);
    http_bed_wait(&bed.drained, 1);
    http_bed_stop(&bed);

    http_bed_start(&bed, NULL, NULL, NULL); /* one that never ends is cut */
    busy = http_dial(port_of(&bed));
    http_send(busy, GET("/hold"));
    http_bed_wait(&bed.requests, 1);
    http_bed_call(&bed, drain_at_once, &bed);
    http_bed_wait(&bed.drained, 1);
    http_read_to_end(busy, &out);
    assert_int_equal(out.len, 0);
    close(busy);
    http_bed_release(&bed);
    http_bed_stop(&bed);
}

static void unix_sockets(void **state)
{
    (void)state;
    const char *path = temp_path("reeved.sock");
    struct rv_http_listen listen_options = {.via = RV_VIA_SOCKET, .path = path, .handler = http_bed_handler};
    struct http_bed bed, other;
    struct rv_error err;
    struct stat st;
    AUTO_BUF out = {0};
    http_bed_start(&bed, NULL, NULL, &listen_options);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_string_equal(rv_http_listener_address(bed.listener), path);
    int fd = http_dial_unix(path);
    http_send(fd, GET("/x"));
    assert_int_equal(http_read_answer(fd, &out), 200);
    char expected[64];
    snprintf(expected, sizeof expected, "via 1 peer unix uid %ld ", (long)getuid());
    assert_non_null(strstr(rv_buf_text(&out), expected));
    close(fd);

    /* Another server does not take it away from a living one … */
    struct rv_loop *loop = rv_loop_create();
    struct rv_http_server *second = rv_http_server_create(loop, NULL, NULL);
    assert_int_equal(rv_http_listen(second, &listen_options, NULL, &err), RV_CONFLICT);
    assert_non_null(strstr(err.message, "another process answers"));
    listen_options.path = temp_dir;
    assert_int_equal(rv_http_listen(second, &listen_options, NULL, &err), RV_CONFLICT);
    char long_path[300];
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    listen_options.path = long_path;
    assert_int_equal(rv_http_listen(second, &listen_options, NULL, &err), RV_INVALID);
    rv_http_server_destroy(second);
    rv_loop_destroy(loop);
    http_bed_stop(&bed);
    assert_int_not_equal(stat(path, &st), 0);

    /* … but one that a crash left behind is no obstacle. */
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&at, sizeof at), 0);
    close(dead);
    listen_options.path = path;
    http_bed_start(&other, NULL, NULL, &listen_options);
    fd = http_dial_unix(path);
    http_send(fd, GET("/x"));
    assert_int_equal(http_read_answer(fd, &out), 200);
    close(fd);
    http_bed_stop(&other);
}

static void addresses(void **state)
{
    (void)state;
    struct http_bed bed;
    struct rv_error err;
    http_bed_start(&bed, NULL, NULL, NULL);
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%d", port_of(&bed));
    assert_string_equal(rv_http_listener_address(bed.listener), expected);
    struct rv_loop *loop = rv_loop_create();
    struct rv_http_server *server = rv_http_server_create(loop, NULL, NULL);
    struct rv_http_listen taken = {.via = RV_VIA_PLAIN, .host = "127.0.0.1", .port = port_of(&bed)};
    assert_int_equal(rv_http_listen(server, &taken, NULL, &err), RV_CONFLICT);
    assert_true(err.hint[0] != '\0');
    taken = (struct rv_http_listen){.via = RV_VIA_PLAIN, .host = "256.1.1.1"};
    assert_int_equal(rv_http_listen(server, &taken, NULL, &err), RV_INVALID);
    taken = (struct rv_http_listen){.via = RV_VIA_TLS, .host = "127.0.0.1"};
    assert_int_equal(rv_http_listen(server, &taken, NULL, &err), RV_INVALID);
    struct rv_http_listener *any = NULL;
    taken = (struct rv_http_listen){.via = RV_VIA_PLAIN};
    assert_int_equal(rv_http_listen(server, &taken, &any, &err), RV_OK);
    int fd = http_dial(rv_http_listener_port(any)); /* all addresses: IPv4 too */
    close(fd);
    rv_http_server_destroy(server);
    rv_loop_destroy(loop);
    http_bed_stop(&bed);
}

/* OCSP by GET carries base64 in its path (RFC 6960 A.1). */
static void encoded_slashes_where_they_are_wanted(void **state)
{
    (void)state;
    struct http_bed bed;
    struct rv_http_listen options = {.via = RV_VIA_PLAIN, .host = "127.0.0.1", .encoded_slash = true};
    http_bed_start(&bed, NULL, NULL, &options);
    AUTO_BUF out = {0};
    int fd = http_dial(port_of(&bed));
    http_send(fd, GET("/ocsp/internal/MFYw%2FVKAD%2B%3D"));
    assert_int_equal(http_read_answer(fd, &out), 200);
    assert_non_null(strstr(rv_buf_text(&out), "GET /ocsp/internal/MFYw/VKAD+=?"));
    close(fd);
    http_bed_stop(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_stays),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(pipelining_keeps_the_order),
        cmocka_unit_test(a_half_closed_client_is_answered),
        cmocka_unit_test(waiting_requests_are_bounded),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(a_refusal_reaches_a_client_that_keeps_sending),
        cmocka_unit_test(slow_clients_are_cut_off),
        cmocka_unit_test(a_reader_that_stops_is_cut_off),
        cmocka_unit_test(unread_answers_are_bounded),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(streams),
        cmocka_unit_test(a_stream_that_nobody_reads_is_dropped),
        cmocka_unit_test(a_client_that_left_is_answered_in_vain),
        cmocka_unit_test(caps),
        cmocka_unit_test(drains),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(addresses),
        cmocka_unit_test(encoded_slashes_where_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
