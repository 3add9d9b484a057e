/* rt: the TLS listener with real clients and with peers that are none. */
#include "support/cmocka.h"

#include <sys/socket.h>
#include <unistd.h>

#include "unit/rt/certificates.h"
#include "unit/rt/http_bed.h"

static struct rv_tls_context *context;

static void start(struct http_bed *bed, const struct rv_http_limits *limits)
{
    http_bed_start(bed, limits, &rv_tls_openssl,
                   &(struct rv_http_listen){
                       .via = RV_VIA_TLS, .host = "127.0.0.1", .tls = context, .headers = rv_http_browser_headers});
}

static void s_client(const struct http_bed *bed, const char *request, bool with_certificate, struct rv_buf *ret)
{
    char address[64], ca[300], key[300];
    snprintf(address, sizeof address, "127.0.0.1:%d", rv_http_listener_port(bed->listener));
    snprintf(ca, sizeof ca, "%s/server.crt", temp_dir);
    snprintf(key, sizeof key, "%s/server.key", temp_dir);
    const char *const argv[] = {"openssl",
                                "s_client",
                                "-connect",
                                address,
                                "-CAfile",
                                ca,
                                "-verify_return_error",
                                "-quiet",
                                "-ign_eof",
                                with_certificate ? "-cert" : NULL,
                                ca,
                                "-key",
                                key,
                                NULL};
    struct rv_process_spec spec = {.argv = argv, .input = rv_bytes_of(request), .timeout = RV_SEC(60)};
    struct rv_process_result result;
    struct rv_error err;
    assert_int_equal(rv_process_system.ops->run(rv_process_system.ctx, &spec, &result, &err), RV_OK);
    if (result.timed_out)
        fail_msg("openssl s_client: %s", rv_buf_text(&result.err));
    rv_buf_add(ret, result.out.data, result.out.len);
    rv_process_result_fini(&result);
}

static void a_real_client(void **state)
{
    (void)state;
    struct http_bed bed;
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    start(&bed, NULL);
    static const char request[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                                  "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    s_client(&bed, request, false, &out);
    assert_non_null(strstr(rv_buf_text(&out), "POST /a? via 0 peer 127.0.0.1 uid -1"));
    assert_non_null(strstr(rv_buf_text(&out), "GET /b?"));
    assert_non_null(strstr(rv_buf_text(&out), "content-security-policy: default-src 'none'; script-src 'self';"));
    assert_non_null(strstr(rv_buf_text(&out), "strict-transport-security: "));
    assert_null(strstr(rv_buf_text(&out), "certificate of"));
    rv_buf_clear(&out);
    s_client(&bed, request, true, &out);
    struct rv_buf pem = {0};
    assert_non_null(strstr(rv_buf_text(&out), "certificate of "));
    rv_buf_fini(&pem);
    http_bed_stop(&bed);
}

static void wait_for_none(struct http_bed *bed, struct rv_http_stats *stats)
{
    do
        http_bed_stats(bed, stats);
    while (stats->accepted == 0 || stats->connections > 0);
}

static void peers_that_speak_no_tls(void **state)
{
    (void)state;
    static const char *const words[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x00\x05hello", "x"};
    for (size_t i = 0; i < RV_COUNT(words); i++) {
        struct http_bed bed;
        struct rv_http_stats stats;
        RV_AUTO(rv_buf) struct rv_buf out = {0};
        start(&bed, &(struct rv_http_limits){.handshake = 100}); /* "x" could still become something */
        int fd = http_dial(rv_http_listener_port(bed.listener));
        http_send(fd, words[i]);
        http_read_to_end(fd, &out);
        assert_null(strstr(rv_buf_text(&out), "HTTP"));
        close(fd);
        wait_for_none(&bed, &stats);
        assert_int_equal(stats.handshake_failures + stats.timed_out, 1);
        assert_int_equal(stats.requests, 0);
        http_bed_stop(&bed);
    }
}

static void a_handshake_takes_only_so_long(void **state)
{
    (void)state;
    struct http_bed bed;
    struct rv_http_stats stats;
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    start(&bed, &(struct rv_http_limits){.handshake = 40});
    int silent = http_dial(rv_http_listener_port(bed.listener)), gone = http_dial(rv_http_listener_port(bed.listener));
    http_send(gone, "\x16\x03");
    close(gone);
    http_read_to_end(silent, &out);
    assert_int_equal(out.len, 0);
    close(silent);
    wait_for_none(&bed, &stats);
    assert_int_equal(stats.timed_out, 1);
    http_bed_stop(&bed);
}

static int setup(void **state)
{
    if (temp_setup(state) != 0)
        return -1;
    make_certificate("server");
    context = load_context("server", true);
    return 0;
}

static int teardown(void **state)
{
    rv_tls_openssl.release(context);
    return temp_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_client),
        cmocka_unit_test(peers_that_speak_no_tls),
        cmocka_unit_test(a_handshake_takes_only_so_long),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
