/* rt: the table of requests, fed to a connection without a socket, whole and byte by byte. */
#include "support/cmocka.h"

#include <stdio.h>

#include "rt/http_priv.h"
#include "rt/loop.h"
#include "unit/rt/http_cases.h"

struct bed {
    struct http_shared shared;
    struct http_conn conn;
    struct rv_buf out;
    bool finished;
    int requests;
    char paths[8][64], bodies[8][64];
};

static void wire_write(void *wire, struct rv_bytes bytes)
{
    rv_buf_add(&((struct bed *)wire)->out, bytes.ptr, bytes.len);
}
static size_t wire_unsent(void *wire)
{
    (void)wire;
    return 0;
}
static void wire_pause(void *wire, bool pause)
{
    (void)wire;
    (void)pause;
}
static void wire_finish(void *wire)
{
    ((struct bed *)wire)->finished = true;
}
static const struct http_wire_ops wire_ops = {wire_write, wire_unsent, wire_pause, wire_finish, wire_finish};

static void handler(void *arg, const struct rv_http_request *r)
{
    struct bed *bed = arg;
    assert_true(bed->requests < 8);
    snprintf(bed->paths[bed->requests], sizeof bed->paths[0], "%s", r->path);
    snprintf(bed->bodies[bed->requests++], sizeof bed->bodies[0], "%.*s", (int)r->body.len, (const char *)r->body.ptr);
    rv_http_answer(r->exchange, 200, "text/plain", rv_bytes_of("ok"), NULL);
}

static void bed_init(struct bed *bed)
{
    *bed = (struct bed){.shared.loop = rv_loop_create()};
    bed->shared.limits = (struct rv_http_limits){
        .requests = 1000, .fields = 100, .target = 8192, .header_block = 16384, .body = 1 << 20, .stream_buffer = 1000};
    bed->conn =
        (struct http_conn){.shared = &bed->shared, .wire_ops = &wire_ops, .wire = bed, .handler = handler, .arg = bed};
    snprintf(bed->conn.peer, sizeof bed->conn.peer, "192.0.2.1");
    http_conn_init(&bed->conn, false);
}

static void bed_fini(struct bed *bed)
{
    http_conn_lost(&bed->conn);
    rv_buf_fini(&bed->out);
    rv_loop_destroy(bed->shared.loop);
}

static void feed(struct bed *bed, const char *bytes, size_t n, size_t piece)
{
    for (size_t at = 0; at < n; at += piece)
        http_conn_feed(&bed->conn, RV_BYTES(bytes + at, n - at < piece ? n - at : piece));
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static bool check_case(const struct http_case *c, size_t piece)
{
    static const char smuggled[] = "GET /smuggled HTTP/1.1\r\nHost: reeve.test\r\n\r\n";
    struct bed bed;
    bed_init(&bed);
    feed(&bed, c->bytes, c->n > 0 ? c->n : strlen(c->bytes), piece);
    feed(&bed, smuggled, sizeof smuggled - 1, piece);
    const char *text = rv_buf_text(&bed.out);
    int status = 0;
    sscanf(text, "HTTP/1.1 %d", &status);
    bool fine = c->status == 200
                    ? status == 200 && bed.requests == 2 && !bed.finished && count(text, "HTTP/1.1 ") == 2
                    : (c->status == 0 ? status >= 400 : status == c->status) && bed.requests == 0 && bed.finished &&
                          count(text, "HTTP/1.1 ") == 1 && count(text, "connection: close") == 1;
    if (!fine)
        print_error("%s in pieces of %zu: status %d, %d requests, finished %d\n%s\n", c->name, piece, status, bed.requests,
                    bed.finished, text);
    bed_fini(&bed);
    return fine;
}

static void table(void **state)
{
    (void)state;
    int wrong = 0;
    static const size_t pieces[] = {1 << 20, 1, 2, 7};
    for (size_t i = 0; i < RV_COUNT(http_cases); i++)
        for (size_t k = 0; k < RV_COUNT(pieces); k++)
            wrong += !check_case(&http_cases[i], pieces[k]);
    assert_int_equal(wrong, 0);
}

static void bodies_and_targets_arrive_as_sent(void **state)
{
    (void)state;
    static const char bytes[] =
        "POST /a%20b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"
        "POST /%25%32%66 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
        "GET http://X/c?d HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        struct bed bed;
        bed_init(&bed);
        feed(&bed, bytes, sizeof bytes - 1, piece);
        assert_int_equal(bed.requests, 3);
        assert_string_equal(bed.paths[0], "/a b");
        assert_string_equal(bed.bodies[0], "abc0123456789");
        assert_string_equal(bed.paths[1], "/%2f"); /* decoded once */
        assert_string_equal(bed.bodies[1], "hello");
        assert_string_equal(bed.paths[2], "/c");
        assert_int_equal(bed.conn.in.cap, 0); /* idle: nothing held */
        bed_fini(&bed);
    }
}

/* The header ends at exactly the limit or not at all; nothing grows without bound while it does not end. */
static void limits_hold(void **state)
{
    (void)state;
    RV_AUTO(rv_buf) struct rv_buf head = {0};
    rv_buf_add_text(&head, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    while (head.len < 16384 - 4)
        rv_buf_add_byte(&head, 'x');
    rv_buf_add_text(&head, "\r\n\r\n");
    struct bed bed;
    bed_init(&bed);
    feed(&bed, rv_buf_text(&head), head.len, 999);
    assert_int_equal(bed.requests, 1);
    bed_fini(&bed);

    static const struct {
        const char *start, *filler;
        size_t times;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\nX: ", "x", 16384, 431},
        {"GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n", 101, 431},
        {"GET /", "x", 8300, 414},
        {"GET / HTTP/1.1\r\nX", "x", 20000, 431},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n", 65537, 413},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        bed_init(&bed);
        feed(&bed, cases[i].start, strlen(cases[i].start), 1000);
        for (size_t k = 0; k < cases[i].times; k++)
            feed(&bed, cases[i].filler, strlen(cases[i].filler), 1000);
        int status = 0;
        sscanf(rv_buf_text(&bed.out), "HTTP/1.1 %d", &status);
        assert_int_equal(status, cases[i].status);
        assert_true(bed.finished);
        assert_int_equal(bed.requests, 0);
        bed_fini(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(bodies_and_targets_arrive_as_sent),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
