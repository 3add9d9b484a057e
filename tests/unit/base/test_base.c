/* base: numbers, durations, names, quoting, base64, JSON bounds. */
#include "support/cmocka.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/time.h"

static void durations_read_and_print(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        rv_dur value;
    } good[] = {{"0", 0}, {"90s", RV_SEC(90)}, {"1h30m", RV_MIN(90)}, {"30d", RV_DAY(30)}};
    for (size_t i = 0; i < RV_COUNT(good); i++) {
        rv_dur d = -1;
        assert_int_equal(rv_dur_parse(good[i].text, &d, NULL), RV_OK);
        assert_int_equal(d, good[i].value);
    }
    static const char *const bad[] = {
        "", "5", "m", "-5m", "5x", "5m5m", "5s1h", "99999999999999999999d", "1 h", "106751991168d"};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        rv_dur d;
        struct rv_error err;
        assert_int_equal(rv_dur_parse(bad[i], &d, &err), RV_INVALID);
        assert_non_null(strstr(err.message, "expected one like"));
    }
    char out[RV_TIME_TEXT];
    assert_string_equal(rv_dur_text(out, RV_DAY(3) + RV_HOUR(4) + RV_MIN(59)), "3d 4h");
    assert_string_equal(rv_dur_text(out, 850), "850ms");
    assert_string_equal(rv_dur_text(out, RV_SEC(61)), "1m 1s");
}

static void times_round_trip(void **state)
{
    (void)state;
    for (rv_time t = RV_DAY(-40000); t < RV_DAY(900000); t += RV_DAY(37) + RV_SEC(12345)) {
        struct rv_civil c = rv_civil_of(t);
        assert_int_equal(rv_time_of_civil(&c), t - t % 1000);
    }
    rv_time t;
    char out[RV_TIME_TEXT];
    assert_int_equal(rv_time_parse("2026-11-23T14:00:00Z", &t, NULL), RV_OK);
    assert_int_equal(t, 1795442400000);
    assert_string_equal(rv_time_text(out, t), "2026-11-23T14:00:00Z");
    assert_int_equal(rv_time_parse("2024-02-29T23:59:59.5Z", &t, NULL), RV_OK);
    assert_int_equal(t % 1000, 500);
    static const char *const bad[] = {"2026-02-29T00:00:00Z",      "2026-13-01T00:00:00Z", "2026-11-23 14:00:00Z",
                                      "2026-11-23T14:00:00+01:00", "2026-11-23T24:00:00Z", "2026-11-23T14:00:00Zx"};
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(rv_time_parse(bad[i], &t, NULL), RV_INVALID);
}

static void base64_is_canonical(void **state)
{
    (void)state;
    for (size_t n = 0; n < 60; n++) {
        uint8_t in[60];
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(i * 37 + n);
        for (int url = 0; url < 2; url++) {
            struct rv_buf text = {0}, back = {0};
            rv_base64(&text, RV_BYTES(in, n), url);
            assert_true(rv_unbase64(&back, rv_buf_text(&text), text.len, url));
            assert_true(rv_bytes_equal(rv_buf_bytes(&back), RV_BYTES(in, n)));
            rv_buf_fini(&text);
            rv_buf_fini(&back);
        }
    }
    static const char *const bad[] = {"A", "AA", "AAA", "AB==", "A===", "AA=A", "AAAA====", "AA==\n", "A-A="};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        struct rv_buf back = {0};
        rv_buf_add_text(&back, "kept");
        assert_false(rv_unbase64(&back, bad[i], strlen(bad[i]), false));
        assert_string_equal(rv_buf_text(&back), "kept");
        rv_buf_fini(&back);
    }
}

static void quoting_survives_a_shell(void **state)
{
    (void)state;
    struct rv_buf out = {0};
    rv_shell_quote(&out, "a'b $(x) \"");
    assert_string_equal(rv_buf_text(&out), "'a'\\''b $(x) \"'");
    rv_buf_fini(&out);
}

static void printable_hides_nothing_and_obeys_nothing(void **state)
{
    (void)state;
    struct rv_buf out = {0};
    const char nasty[] = "ok \x1b[31m \xc3\xa9 \xe2\x80\xae \xff";
    rv_printable(&out, nasty, sizeof nasty - 1);
    assert_string_equal(rv_buf_text(&out), "ok \\x1b[31m \xc3\xa9 \\xe2\\x80\\xae \\xff");
    rv_buf_fini(&out);
}

static void addresses(void **state)
{
    (void)state;
    char host[254];
    int port;
    assert_int_equal(rv_hostport_parse("shop.example.com:443", 0, host, &port, NULL), RV_OK);
    assert_string_equal(host, "shop.example.com");
    assert_int_equal(port, 443);
    assert_int_equal(rv_hostport_parse("[::1]:22", 0, host, &port, NULL), RV_OK);
    assert_string_equal(host, "::1");
    assert_int_equal(rv_hostport_parse("edge-1", 22, host, &port, NULL), RV_OK);
    assert_int_equal(port, 22);
    static const char *const bad[] = {"",      "x",    ":1", "x:0", "x:65536", "x:1:2", "::1", "-oProxyCommand=x:1",
                                      "a b:1", "[::1", "x:"};
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(rv_hostport_parse(bad[i], 0, host, &port, NULL), RV_INVALID);
}

/* Flat objects of plain texts have a reader of their own: jansson, called directly, is the judge. */
static void plain_json_reads_like_any_other(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":\"b\"}",
        " {\n\"csr\" : \"x\\ny\\n\" ,\t\"profile\":\"\"}\r\n",
        "{\"\":\"\"}",
        "{}",
        "{\"a\":\"b\",}",
        "{\"a\":\"b\"",
        "{\"a\":\"b\"}x",
        "{\"a\":\"b\"}{",
        "{\"a\":\"b\" \"c\":\"d\"}",
        "{\"a\":\"b\",\"a\":\"c\"}",
        "{\"a\" \"b\"}",
        "{,\"a\":\"b\"}",
        "{\"a\":\"b\\",
        "{\"a\":\"b\\n",
        "{\"a\":\"\\u0041\\\"\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\xc3\xa4\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":1}",
        "{\"a\":\"b\",\"c\":{\"d\":\"e\"}}",
        "[\"a\"]",
        "\"a\"",
        "",
        "{",
        "{\"",
        "{\"a",
        "{\"a\":",
        "{\"a\":\"",
        "{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\"}",
    };
    for (size_t i = 0; i < RV_COUNT(texts); i++) {
        struct rv_error err;
        json_t *ours = NULL, *theirs = json_loads(texts[i], JSON_REJECT_DUPLICATES, NULL);
        enum rv_status status = rv_json_parse(rv_bytes_of(texts[i]), &ours, &err);
        assert_int_equal(status == RV_OK, theirs != NULL);
        assert_true(theirs == NULL || json_equal(ours, theirs));
        json_decref(ours);
        json_decref(theirs);
    }
}

static void json_is_bounded(void **state)
{
    (void)state;
    json_t *v = NULL;
    struct rv_error err;
    assert_int_equal(rv_json_parse(rv_bytes_of("{\"a\":[1,2,{\"b\":null}]}"), &v, &err), RV_OK);
    char *text = rv_json_text(v);
    assert_string_equal(text, "{\"a\":[1,2,{\"b\":null}]}");
    rv_free(text);
    json_decref(v);
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1,]", "\"\\u0000\"", "{} x", "[\"\xff\"]"};
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(rv_json_parse(rv_bytes_of(bad[i]), &v, &err), RV_INVALID);
    struct rv_buf deep = {0};
    for (int i = 0; i < RV_JSON_MAX_DEPTH + 1; i++)
        rv_buf_add_byte(&deep, '[');
    for (int i = 0; i < RV_JSON_MAX_DEPTH + 1; i++)
        rv_buf_add_byte(&deep, ']');
    assert_int_equal(rv_json_parse(rv_buf_bytes(&deep), &v, &err), RV_INVALID);
    rv_buf_fini(&deep);
}

static void errors_keep_their_shape(void **state)
{
    (void)state;
    struct rv_error err;
    char text[1024];
    assert_int_equal(rv_fail(&err, RV_DENIED, "name \"%s\" is not allowed", "a\x1b[2Jb"), RV_DENIED);
    rv_error_where(&err, RV_DENIED, "shop.yaml:%d", 7);
    rv_error_hint(&err, RV_DENIED, "use another profile");
    assert_string_equal(rv_error_text(&err, text, sizeof text),
                        "shop.yaml:7: name \"a?[2Jb\" is not allowed (use another profile)");
    /* C1 controls, bidi overrides, zero width, broken UTF-8, and an é that the end of the field cuts in two */
    rv_fail(&err, RV_DENIED,
            "a\xc2\x9b"
            "2J\xe2\x80\xae"
            "b\xe2\x80\x8b\xff"
            "c\xc3\xa9");
    assert_string_equal(err.message, "a??2J???b????c\xc3\xa9");
    char much[sizeof err.message + 8];
    for (size_t i = 0; i < sizeof much - 1; i++)
        much[i] = "\xc3\xa9"[i % 2];
    much[sizeof much - 1] = '\0';
    for (int odd = 0; odd < 2; odd++) {
        rv_fail(&err, RV_DENIED, "%s%s", odd != 0 ? "x" : "", much);
        assert_true(rv_utf8_valid(err.message, strlen(err.message)));
    }
    assert_int_equal(rv_fail(NULL, RV_INTERNAL, "nobody listens"), RV_INTERNAL);
}

static void arenas_and_secrets_hold_what_they_were_given(void **state)
{
    (void)state;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    char *small = rv_arena_strdup(arena, "small");
    char *big = rv_arena_alloc(arena, 100000);
    memset(big, 'x', 100000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal((uintptr_t)rv_arena_alloc(arena, (size_t)i) % 16, 0);
    assert_string_equal(small, "small");
    RV_AUTO(rv_secret) struct rv_secret *secret = rv_secret_create("key", 3);
    assert_true(rv_bytes_equal(rv_secret_bytes(secret), rv_bytes_of("key")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read_and_print),
        cmocka_unit_test(times_round_trip),
        cmocka_unit_test(base64_is_canonical),
        cmocka_unit_test(quoting_survives_a_shell),
        cmocka_unit_test(printable_hides_nothing_and_obeys_nothing),
        cmocka_unit_test(addresses),
        cmocka_unit_test(plain_json_reads_like_any_other),
        cmocka_unit_test(json_is_bounded),
        cmocka_unit_test(errors_keep_their_shape),
        cmocka_unit_test(arenas_and_secrets_hold_what_they_were_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
