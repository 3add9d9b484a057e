/* rt: the command line's client against the server, over a Unix socket and over TLS. */
#include "support/cmocka.h"

#include <unistd.h>

#include "base/text.h"
#include "rt/http_client.h"
#include "unit/rt/certificates.h"
#include "unit/rt/http_bed.h"

static struct rv_http_client *client_for(const struct rv_http_client_options *options)
{
    struct rv_http_client *client = NULL;
    struct rv_error err;
    if (rv_http_client_create(options, &client, &err) != RV_OK)
        fail_msg("%s", err.message);
    return client;
}

static void start_unix(struct http_bed *bed, const char *path, const struct rv_http_limits *limits)
{
    http_bed_start(bed, limits, NULL, &(struct rv_http_listen){.via = RV_VIA_SOCKET, .path = path});
}

static enum rv_status get(struct rv_http_client *client, enum rv_http_method method, const char *path,
                          struct rv_http_reply *ret, struct rv_error *err)
{
    return rv_http_client_call(client, &(struct rv_http_call){.method = method, .path = path}, ret, err);
}

static void calls(void **state)
{
    (void)state;
    struct http_bed bed;
    struct rv_http_reply reply;
    struct rv_error err;
    const char *path = temp_path("calls.sock");
    start_unix(&bed, path, NULL);
    struct rv_http_client *client = client_for(&(struct rv_http_client_options){.socket = path});
    static const struct rv_http_header headers[] = {{"X-Test", "v"}, {NULL, NULL}};
    struct rv_http_call post = {.method = RV_POST,
                                .path = "/a/b?x=1",
                                .headers = headers,
                                .content_type = "application/json",
                                .body = rv_bytes_of("{}")};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rv_http_client_call(client, &post, &reply, &err), RV_OK);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.content_type, "text/plain");
        assert_int_equal(strncmp(rv_buf_text(&reply.body), "POST /a/b?x=1 via 1 peer unix", 29), 0);
        assert_non_null(strstr(rv_buf_text(&reply.body), "x 1 h v\n{}"));
        rv_http_reply_fini(&reply);
    }
    static const enum rv_http_method methods[] = {RV_GET, RV_HEAD, RV_POST, RV_PUT, RV_PATCH, RV_DELETE};
    for (size_t i = 0; i < RV_COUNT(methods); i++) {
        assert_int_equal(get(client, methods[i], "/x", &reply, &err), RV_OK);
        assert_int_equal(reply.status, 200);
        const char *name = rv_http_method_name(methods[i]);
        assert_true(methods[i] == RV_HEAD ? reply.body.len == 0 : rv_starts_with(rv_buf_text(&reply.body), name));
        rv_http_reply_fini(&reply);
    }
    assert_int_equal(get(client, RV_GET, "/big", &reply, &err), RV_OK);
    assert_int_equal(reply.body.len, 1 << 20);
    rv_http_reply_fini(&reply);
    struct rv_http_call small = {.method = RV_GET, .path = "/big", .answer_limit = 1000};
    assert_int_equal(rv_http_client_call(client, &small, &reply, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "larger than 1000"));
    assert_int_equal(get(client, RV_GET, "/a/../b", &reply, &err), RV_OK); /* sent as it is, and refused there */
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply.content_type, "application/problem+json");
    rv_http_reply_fini(&reply);

    static const struct rv_http_header evil[] = {{"X", "a\r\nY: b"}, {NULL, NULL}};
    struct rv_http_call split = {.method = RV_GET, .path = "/", .headers = evil};
    assert_int_equal(rv_http_client_call(client, &split, &reply, &err), RV_INVALID);
    assert_int_equal(get(client, RV_GET, "/ HTTP/1.1", &reply, &err), RV_INVALID);
    assert_int_equal(get(client, RV_GET, "x", &reply, &err), RV_INVALID);
    rv_http_client_destroy(client);
    http_bed_stop(&bed);
}

static void failures_say_what_may_have_happened(void **state)
{
    (void)state;
    struct http_bed bed;
    struct rv_http_reply reply;
    struct rv_error err;
    const char *path = temp_path("fail.sock");
    struct rv_http_client *client = client_for(&(struct rv_http_client_options){.socket = path, .timeout = 150});
    assert_int_equal(get(client, RV_GET, "/x", &reply, &err), RV_UNAVAILABLE);
    assert_int_equal(get(client, RV_POST, "/x", &reply, &err), RV_UNAVAILABLE); /* nothing was sent */
    assert_non_null(strstr(err.hint, "reeved"));

    start_unix(&bed, path, NULL);
    assert_int_equal(get(client, RV_GET, "/hold", &reply, &err), RV_TIMEOUT);
    http_bed_release(&bed);
    assert_int_equal(get(client, RV_POST, "/hold", &reply, &err), RV_UNCERTAIN);
    http_bed_release(&bed);
    http_bed_stop(&bed);
    rv_http_client_destroy(client);

    static const char *const bad[] = {"http://x", "https://", "https://x/y", "https://me@x", "x", "https://x?y"};
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(rv_http_client_create(&(struct rv_http_client_options){.url = bad[i]}, &client, &err), RV_INVALID);
}

struct watch {
    struct rv_buf text;
    int silent, stop_at_silence;
    const char *stop_at;
};

static bool watch_data(void *arg, struct rv_bytes bytes)
{
    struct watch *watch = arg;
    rv_buf_add(&watch->text, bytes.ptr, bytes.len);
    watch->silent += bytes.len == 0;
    if (watch->stop_at != NULL && strstr(rv_buf_text(&watch->text), watch->stop_at) != NULL)
        return false;
    return watch->stop_at_silence == 0 || watch->silent < watch->stop_at_silence || watch->text.len == 0;
}

static void streams(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        struct watch watch;
        const char *expected;
    } cases[] = {
        {"/stream", {{0}, 0, 0, NULL}, "id: 1\ndata: {}\n\nid: 2\ndata: {}\n\nid: 3\ndata: {}\n\n"}, /* the server's end */
        {"/watch", {{0}, 0, 0, "hello"}, "data: hello\n\n"},                                         /* ours, at data */
        {"/watch", {{0}, 0, 1, NULL}, "data: hello\n\n"},                                            /* ours, at silence */
    };
    struct http_bed bed;
    struct rv_error err;
    const char *path = temp_path("streams.sock");
    start_unix(&bed, path, NULL);
    struct rv_http_client *client = client_for(&(struct rv_http_client_options){.socket = path});
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct watch watch = cases[i].watch;
        struct rv_http_reply reply;
        struct rv_http_call call = {.method = RV_GET, .path = cases[i].path};
        assert_int_equal(rv_http_client_stream(client, &call, watch_data, &watch, &reply, &err), RV_OK);
        assert_int_equal(reply.status, 200);
        assert_string_equal(rv_buf_text(&watch.text), cases[i].expected);
        rv_buf_fini(&watch.text);
        rv_http_reply_fini(&reply);
    }
    struct watch watch = {0};
    struct rv_http_reply reply;
    struct rv_http_call call = {.method = RV_GET, .path = "/a%00"}; /* not 200: no stream but an answer */
    assert_int_equal(rv_http_client_stream(client, &call, watch_data, &watch, &reply, &err), RV_OK);
    assert_int_equal(reply.status, 400);
    assert_int_equal(watch.text.len, 0);
    assert_non_null(strstr(rv_buf_text(&reply.body), "path is malformed"));
    rv_http_reply_fini(&reply);
    rv_buf_fini(&watch.text);
    rv_http_client_destroy(client);
    http_bed_stop(&bed);
}

static struct http_bed tls_bed;

static void exchange_certificate(void *arg)
{
    rv_http_listener_set_tls(tls_bed.listener, arg);
}

static void tls_trusts_what_it_was_given(void **state)
{
    (void)state;
    make_certificate("one");
    make_certificate("two");
    struct rv_tls_context *one = load_context("one", false), *two = load_context("two", false);
    struct rv_http_listen listen_options = {
        .via = RV_VIA_TLS, .host = "127.0.0.1", .tls = one, .headers = rv_http_browser_headers};
    http_bed_start(&tls_bed, NULL, &rv_tls_openssl, &listen_options);
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%d/", rv_http_listener_port(tls_bed.listener));
    struct rv_secret *token = rv_secret_create("rv_1_abc", 8);
    struct rv_http_client *a =
        client_for(&(struct rv_http_client_options){.url = url, .ca_file = temp_path("one.crt"), .token = token});
    struct rv_http_client *b = client_for(&(struct rv_http_client_options){.url = url, .ca_file = temp_path("two.crt")});
    struct rv_http_client *none = client_for(&(struct rv_http_client_options){.url = url});
    struct rv_http_client *lost = client_for(&(struct rv_http_client_options){.url = url, .ca_file = temp_path("no.crt")});
    struct rv_http_reply reply;
    struct rv_error err;
    assert_int_equal(get(a, RV_GET, "/x?x=1", &reply, &err), RV_OK);
    assert_int_equal(strncmp(rv_buf_text(&reply.body), "GET /x?x=1 via 0 peer 127.0.0.1", 31), 0);
    assert_non_null(strstr(rv_buf_text(&reply.body), "authorization Bearer rv_1_abc\n"));
    rv_http_reply_fini(&reply);
    assert_int_equal(get(a, RV_GET, "/big", &reply, &err), RV_OK); /* many records */
    assert_int_equal(reply.body.len, 1 << 20);
    rv_http_reply_fini(&reply);
    assert_int_equal(get(b, RV_GET, "/x", &reply, &err), RV_DENIED);
    assert_int_equal(get(none, RV_GET, "/x", &reply, &err), RV_DENIED);
    assert_int_equal(get(lost, RV_GET, "/x", &reply, &err), RV_INVALID);

    http_bed_call(&tls_bed, exchange_certificate, two); /* open connections go on, new ones see the new one */
    assert_int_equal(get(a, RV_GET, "/x", &reply, &err), RV_OK);
    rv_http_reply_fini(&reply);
    assert_int_equal(get(b, RV_GET, "/x", &reply, &err), RV_OK);
    rv_http_reply_fini(&reply);
    assert_int_equal(get(a, RV_POST, "/x", &reply, &err), RV_DENIED); /* what changes things takes a fresh connection */
    rv_http_client_destroy(a);
    rv_http_client_destroy(b);
    rv_http_client_destroy(none);
    rv_http_client_destroy(lost);
    rv_secret_destroy(token);
    http_bed_stop(&tls_bed);
    rv_tls_openssl.release(one);
    rv_tls_openssl.release(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls),
        cmocka_unit_test(failures_say_what_may_have_happened),
        cmocka_unit_test(streams),
        cmocka_unit_test(tls_trusts_what_it_was_given),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
