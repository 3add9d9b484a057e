/* core/names: one table per kind of name, accepted and refused, and the two DNS comparisons. */
#include "support/cmocka.h"

#include <string.h>

#include "base/alloc.h"
#include "core/names.h"
#include "core/punycode.h"

#define L63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define L61 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1"

struct row {
    enum rv_name_type type;
    const char *text;
    const char *normal; /* NULL: refused */
    const char *says;   /* part of the message when refused */
};

static const struct row rows[] = {
    {RV_NAME_DNS, "shop.example.com", "shop.example.com", NULL},
    {RV_NAME_DNS, "Shop.EXAMPLE.Com", "shop.example.com", NULL},
    {RV_NAME_DNS, "localhost", "localhost", NULL},
    {RV_NAME_DNS, "3com.example", "3com.example", NULL},
    {RV_NAME_DNS, "a.1b", "a.1b", NULL},
    {RV_NAME_DNS, "*.example.com", "*.example.com", NULL},
    {RV_NAME_DNS, "xn--bcher-kva.example", "xn--bcher-kva.example", NULL},
    {RV_NAME_DNS, "XN--BCHER-KVA.example", "xn--bcher-kva.example", NULL},
    {RV_NAME_DNS, "*.xn--bcher-kva.example", "*.xn--bcher-kva.example", NULL},
    {RV_NAME_DNS, "xn--fiqs8s.xn--fiqz9s", "xn--fiqs8s.xn--fiqz9s", NULL},
    {RV_NAME_DNS, L63 ".example", L63 ".example", NULL},
    {RV_NAME_DNS, L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61, NULL}, /* 253 */
    {RV_NAME_DNS, L63 "." L63 "." L63 "." L61 "2", NULL, "longer than 253"},
    {RV_NAME_DNS, L63 "4.example", NULL, "longer than 63"},
    {RV_NAME_DNS, "", NULL, "empty"},
    {RV_NAME_DNS, ".", NULL, "empty label"},
    {RV_NAME_DNS, ".example.com", NULL, "empty label"},
    {RV_NAME_DNS, "a..example.com", NULL, "empty label"},
    {RV_NAME_DNS, "example.com.", NULL, "leave out the final dot"},
    {RV_NAME_DNS, "a_b.example.com", NULL, "\"_\" is not allowed"},
    {RV_NAME_DNS, "_acme.example.com", NULL, "\"_\" is not allowed"},
    {RV_NAME_DNS, "-a.example.com", NULL, "hyphen"},
    {RV_NAME_DNS, "a-.example.com", NULL, "hyphen"},
    {RV_NAME_DNS, "*", NULL, "stand alone as the first label"},
    {RV_NAME_DNS, "*.", NULL, "final dot"},
    {RV_NAME_DNS, "*.com", NULL, "two labels behind"},
    {RV_NAME_DNS, "*.*.example.com", NULL, "first label"},
    {RV_NAME_DNS, "a.*.example.com", NULL, "first label"},
    {RV_NAME_DNS, "w*.example.com", NULL, "first label"},
    {RV_NAME_DNS, "*a.example.com", NULL, "first label"},
    {RV_NAME_DNS, "a b.example.com", NULL, "only letters"},
    {RV_NAME_DNS, " example.com", NULL, "only letters"},
    {RV_NAME_DNS, "example.com\n", NULL, "only letters"},
    {RV_NAME_DNS,
     "b\xc3\xbc"
     "cher.example",
     NULL, "xn-- form"},
    {RV_NAME_DNS, "ab--cd.example", NULL, "reserved"},
    {RV_NAME_DNS, "r3---sn.example", NULL, "reserved"},
    {RV_NAME_DNS, "xn--.example", NULL, "hyphen"},
    {RV_NAME_DNS, "xn--a.example", NULL, "does not decode"},
    {RV_NAME_DNS, "xn--abc-.example", NULL, "hyphen"},
    {RV_NAME_DNS, "xn--99999999.example", NULL, "does not decode"},
    {RV_NAME_DNS, "192.0.2.7", NULL, "IP address"},
    {RV_NAME_DNS, "host.7", NULL, "digits only"},
    {RV_NAME_DNS, "42", NULL, "digits only"},
    {RV_NAME_DNS, "2001:db8::7", NULL, "only letters"},

    {RV_NAME_IP, "192.0.2.7", "192.0.2.7", NULL},
    {RV_NAME_IP, "0.0.0.0", "0.0.0.0", NULL},
    {RV_NAME_IP, "2001:DB8:0:0:0:0:0:7", "2001:db8::7", NULL},
    {RV_NAME_IP, "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", NULL}, /* RFC 5952 §4.2.2 */
    {RV_NAME_IP, "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", NULL},          /* §4.2.3 longest */
    {RV_NAME_IP, "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", NULL},    /* §4.2.3 first of equals */
    {RV_NAME_IP, "::", "::", NULL},
    {RV_NAME_IP, "::1", "::1", NULL},
    {RV_NAME_IP, "fe80::", "fe80::", NULL},
    {RV_NAME_IP, "::192.0.2.7", "::c000:207", NULL},
    {RV_NAME_IP, "64:ff9b::192.0.2.33", "64:ff9b::c000:221", NULL},
    {RV_NAME_IP, "::ffff:192.0.2.7", NULL, "write 192.0.2.7"},
    {RV_NAME_IP, "::FFFF:c000:207", NULL, "write 192.0.2.7"},
    {RV_NAME_IP, "fe80::1%eth0", NULL, "zone"},
    {RV_NAME_IP, "192.0.2", NULL, "expected one like"},
    {RV_NAME_IP, "192.0.2.256", NULL, "expected one like"},
    {RV_NAME_IP, "192.0.2.07", NULL, "expected one like"},
    {RV_NAME_IP, "192.0.2.7/24", NULL, "expected one like"},
    {RV_NAME_IP, "0x7f.0.0.1", NULL, "expected one like"},
    {RV_NAME_IP, "[::1]", NULL, "expected one like"},
    {RV_NAME_IP, ":::", NULL, "expected one like"},
    {RV_NAME_IP, "1::2::3", NULL, "expected one like"},
    {RV_NAME_IP, "1:2:3:4:5:6:7:8:9", NULL, "expected one like"},
    {RV_NAME_IP, "12345::", NULL, "expected one like"},
    {RV_NAME_IP, "shop.example.com", NULL, "expected one like"},
    {RV_NAME_IP, " 192.0.2.7", NULL, "expected one like"},
    {RV_NAME_IP, "", NULL, "expected one like"},

    {RV_NAME_URI, "spiffe://example.org/ns/shop/sa/web", "spiffe://example.org/ns/shop/sa/web", NULL},
    {RV_NAME_URI, "SPIFFE://Example.org/Shop", "spiffe://example.org/Shop", NULL},
    {RV_NAME_URI, "spiffe://my_domain", "spiffe://my_domain", NULL},
    {RV_NAME_URI, "https://Shop.Example.com:8443/A%20b?q=1", "https://shop.example.com:8443/A%20b?q=1", NULL},
    {RV_NAME_URI, "https://[2001:DB8::7]:443/", "https://[2001:db8::7]:443/", NULL},
    {RV_NAME_URI, "https://192.0.2.7/", "https://192.0.2.7/", NULL},
    {RV_NAME_URI, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", NULL},
    {RV_NAME_URI, "sip:ops@example.com", "sip:ops@example.com", NULL},
    {RV_NAME_URI, "", NULL, "absolute"},
    {RV_NAME_URI, "shop.example.com", NULL, "absolute"},
    {RV_NAME_URI, "/path", NULL, "absolute"},
    {RV_NAME_URI, "https:", NULL, "absolute"},
    {RV_NAME_URI, "1http://a/", NULL, "absolute"},
    {RV_NAME_URI, "https:shop", NULL, "needs //host"},
    {RV_NAME_URI, "spiffe:/shop", NULL, "needs //host"},
    {RV_NAME_URI, "https:///path", NULL, "host is empty"},
    {RV_NAME_URI, "https://user@example.com/", NULL, "user"},
    {RV_NAME_URI, "https://example.com:0/", NULL, "port"},
    {RV_NAME_URI, "https://example.com:/", NULL, "port"},
    {RV_NAME_URI, "https://a_b.example/", NULL, "neither"},
    {RV_NAME_URI, "https://*.example.com/", NULL, "neither"},
    {RV_NAME_URI, "https://[::1/", NULL, "brackets"},
    {RV_NAME_URI, "https://[::1]x/", NULL, "brackets"},
    {RV_NAME_URI, "https://[192.0.2.7]/", NULL, "not an IPv6"},
    {RV_NAME_URI, "https://example.com/#top", NULL, "fragment"},
    {RV_NAME_URI, "https://example.com/%2", NULL, "two hexadecimal"},
    {RV_NAME_URI, "https://example.com/a b", NULL, "not allowed"},
    {RV_NAME_URI, "https://example.com/\xc3\xbc", NULL, "not allowed"},
    {RV_NAME_URI, "spiffe://example.org:8443/x", NULL, "trust domain"},
    {RV_NAME_URI, "spiffe://user@example.org/x", NULL, "trust domain"},
    {RV_NAME_URI, "spiffe://example.org/a//b", NULL, "segment"},
    {RV_NAME_URI, "spiffe://example.org/a/../b", NULL, "segment"},
    {RV_NAME_URI, "spiffe://example.org/", NULL, "segment"},
    {RV_NAME_URI, "spiffe://example.org/a?b", NULL, "path"},
    {RV_NAME_URI, "https://" L63 "." L63 "." L63 "." L63, NULL, "at most 253"},

    {RV_NAME_EMAIL, "ops@example.com", "ops@example.com", NULL},
    {RV_NAME_EMAIL, "First.Last+tag@EXAMPLE.com", "First.Last+tag@example.com", NULL},
    {RV_NAME_EMAIL, "ops@xn--bcher-kva.example", "ops@xn--bcher-kva.example", NULL},
    {RV_NAME_EMAIL, "", NULL, "expected one like"},
    {RV_NAME_EMAIL, "ops", NULL, "expected one like"},
    {RV_NAME_EMAIL, "@example.com", NULL, "expected one like"},
    {RV_NAME_EMAIL, "ops@", NULL, "it is empty"},
    {RV_NAME_EMAIL, "a@b@example.com", NULL, "not allowed"},
    {RV_NAME_EMAIL, "\"a b\"@example.com", NULL, "not allowed"},
    {RV_NAME_EMAIL, "a..b@example.com", NULL, "dot"},
    {RV_NAME_EMAIL, ".a@example.com", NULL, "dot"},
    {RV_NAME_EMAIL, "a.@example.com", NULL, "dot"},
    {RV_NAME_EMAIL, "ops@*.example.com", NULL, "wildcard"},
    {RV_NAME_EMAIL, "ops@[192.0.2.7]", NULL, "only letters"},
    {RV_NAME_EMAIL, "ops@192.0.2.7", NULL, "IP address"},
    {RV_NAME_EMAIL, "b\xc3\xbc@example.com", NULL, "ASCII"},
    {RV_NAME_EMAIL, L63 "55@example.com", NULL, "too long"},
};

static void names_are_normalised_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_COUNT(rows); i++) {
        char out[RV_NAME_MAX + 1] = "untouched";
        struct rv_error err = {0};
        enum rv_status status = rv_name_normalise(rows[i].type, rows[i].text, out, &err);
        if (rows[i].normal != NULL) {
            if (status != RV_OK)
                fail_msg("%s \"%s\": %s", rv_name_type_text(rows[i].type), rows[i].text, err.message);
            assert_string_equal(out, rows[i].normal);
            assert_int_equal(rv_name_normalise(rows[i].type, rows[i].normal, out, NULL), RV_OK); /* stable */
            assert_string_equal(out, rows[i].normal);
            continue;
        }
        if (status != RV_INVALID || strstr(err.message, rows[i].says) == NULL)
            fail_msg("%s \"%s\": status %d, says \"%s\", expected \"%s\"", rv_name_type_text(rows[i].type), rows[i].text,
                     status, err.message, rows[i].says);
        assert_string_equal(out, "untouched");
    }
}

static void addresses_round_trip(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        uint8_t in[16], out[16];
        char text[46];
        size_t len = i % 8 == 0 ? 4 : 16, got;
        for (size_t k = 0; k < len; k++) {
            seed = seed * 1664525 + 1013904223;
            in[k] = seed >> 28 < 9 ? 0 : (uint8_t)(seed >> 20); /* many zeros, so that runs appear */
        }
        rv_ip_text(text, in, len);
        assert_true(rv_ip_parse(text, out, &got));
        assert_int_equal(got, len);
        assert_memory_equal(in, out, len);
    }
    char text[46];
    rv_ip_text(text, (const uint8_t[16]){[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7}, 16);
    assert_string_equal(text, "::ffff:192.0.2.7");
    memset(text, 0, sizeof text);
    rv_ip_text(text, (const uint8_t[16]){[0 ... 15] = 0xff}, 16);
    assert_string_equal(text, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void names_lie_within_a_base(void **state)
{
    (void)state;
    static const struct {
        const char *name, *base;
        bool within;
    } cases[] = {
        {"example.com", "example.com", true},
        {"a.example.com", "example.com", true},
        {"a.b.example.com", "example.com", true},
        {"badexample.com", "example.com", false},
        {"example.com", "a.example.com", false},
        {"example.org", "example.com", false},
        {"*.example.com", "example.com", true},
        {"*.example.com", "a.example.com", false},
        {"*.a.example.com", "example.com", true},
        {"example.com", "", false},
        {"com", "example.com", false},
        {"example.com", "com", true},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++)
        if (rv_dns_within(cases[i].name, cases[i].base) != cases[i].within)
            fail_msg("%s within %s", cases[i].name, cases[i].base);
}

static void patterns_match_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *host;
        bool matches;
    } cases[] = {
        {"shop.example.com", "shop.example.com", true},
        {"SHOP.example.com", "shop.EXAMPLE.com", true},
        {"shop.example.com", "shop.example.co", false},
        {"*.example.com", "shop.example.com", true},
        {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},
        {"*.example.com", "a.shop.example.com", false},
        {"*.example.com", "*.example.com", true},
        {"s*.example.com", "shop.example.com", false},
        {"*p.example.com", "shop.example.com", false},
        {"shop.*.com", "shop.example.com", false},
        {"*.*.com", "shop.example.com", false},
        {"*.com", "example.com", false},
        {"*", "localhost", false},
        {"*.0.2.7", "192.0.2.7", false},
        {"192.0.2.7", "192.0.2.7", false}, /* an IP is never matched by a DNS name */
        {"", "", false},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++)
        if (rv_dns_matches(cases[i].pattern, cases[i].host) != cases[i].matches)
            fail_msg("%s matches %s", cases[i].pattern, cases[i].host);
}

static void punycode_of_the_standard_decodes(void **state)
{
    (void)state;
    /* RFC 3492 §7.1, lower case */
    static const char *const good[] = {"egbpdaj6bu4bxfgehfvwxn",
                                       "ihqwcrb4cv8a8dqg056pqjye",
                                       "ihqwctvzc91f659drss3x8bo0yb",
                                       "4dbcagdahymbxekheh6e0a7fei0b",
                                       "bcher-kva",
                                       "mgba3gch31f060k"};
    static const char *const bad[] = {"", "a", "-", "-a", "abc-", "bcher-kva-", "9", "zzzzzzzzzzzzzzzzzzzz"};
    for (size_t i = 0; i < RV_COUNT(good); i++)
        if (!rv_punycode_valid(good[i], strlen(good[i])))
            fail_msg("\"%s\" is refused", good[i]);
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        if (rv_punycode_valid(bad[i], strlen(bad[i])))
            fail_msg("\"%s\" is accepted", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_normalised_or_refused),  cmocka_unit_test(addresses_round_trip),
        cmocka_unit_test(names_lie_within_a_base),          cmocka_unit_test(patterns_match_hosts),
        cmocka_unit_test(punycode_of_the_standard_decodes),
    };
    return cmocka_run_group_tests_name("core/names", tests, NULL, NULL);
}
