/* pki: the linter. A right certificate passes; with one thing wrong, exactly the rule for it fails. */
#include "unit/pki/fixture.h"

#include "pki/der_priv.h"
#include "pki/extension_priv.h"

/* A leaf from parts, each of which can be replaced by hex (NULL: the right thing, "": left out). */
struct parts {
    const char *version, *serial, *algorithm, *issuer, *not_before, *not_after, *subject, *spki, *ids;
    const char *aki, *usage, *eku, *constraints, *san, *more; /* whole extensions */
};
static struct fixture_ca f;
static struct rv_key *key;

static void add_hex(struct rv_buf *out, const char *hex)
{
    char clean[1024];
    size_t n = 0;
    for (const char *c = hex; *c != 0; c++)
        if (*c != ' ')
            clean[n++] = *c;
    uint8_t *p = rv_buf_reserve(out, n / 2);
    assert_true(n < sizeof clean && rv_unhex(p, n / 2, clean, n));
    out->len += n / 2;
}

static void part(struct rv_buf *out, const char *hex, const char *right)
{
    add_hex(out, hex != NULL ? hex : right);
}

static void raw(struct rv_buf *out, const char *hex, struct rv_bytes right)
{
    if (hex != NULL)
        add_hex(out, hex);
    else
        rv_der_raw(out, right);
}

static void build(const struct parts *p, struct rv_buf *tbs)
{
    size_t whole = rv_der_open(tbs, DER_SEQUENCE);
    part(tbs, p->version, "a003020102");
    part(tbs, p->serial, "0211 0102030405060708090a0b0c0d0e0f1011");
    raw(tbs, p->algorithm, rv_ca_signature_algorithm(f.ca));
    raw(tbs, p->issuer, rv_ca_subject(f.ca));
    size_t validity = rv_der_open(tbs, DER_SEQUENCE);
    part(tbs, p->not_before, "170d 3236313132333133353530305a");
    part(tbs, p->not_after, "170d 3236313232333133353530305a");
    rv_der_close(tbs, validity);
    part(tbs, p->subject, "300e 310c 300a 0603550403 0c03 612e62");
    raw(tbs, p->spki, rv_key_spki(key));
    part(tbs, p->ids, "");
    size_t wrapped = rv_der_open(tbs, DER_CONTEXT_CONSTRUCTED(3)), list = rv_der_open(tbs, DER_SEQUENCE);
    if (p->aki != NULL) {
        add_hex(tbs, p->aki);
    } else {
        add_hex(tbs, "301f 0603551d23 0418 3016 8014");
        rv_der_raw(tbs, rv_ca_ski(f.ca));
    }
    part(tbs, p->usage, "300e 0603551d0f 0101ff 0404 03020780");
    part(tbs, p->eku, "3013 0603551d25 040c 300a 06082b06010505070301");
    part(tbs, p->constraints, "300c 0603551d13 0101ff 0402 3000");
    part(tbs, p->san, "300e 0603551d11 0407 3005 8203 612e62");
    part(tbs, p->more, "");
    rv_der_close(tbs, list);
    rv_der_close(tbs, wrapped);
    rv_der_close(tbs, whole);
}

static const struct {
    const char *rule; /* NULL: passes */
    struct parts parts;
} cases[] = {
    {NULL, {0}},
    {"X-01", {.version = ""}},
    {"X-01", {.version = "a003020101"}},
    {"X-02", {.serial = "0211 8102030405060708090a0b0c0d0e0f1011"}},
    {"X-02", {.serial = "0216 0102030405060708090a0b0c0d0e0f10111213141516"}},
    {"X-02", {.serial = "020101"}},
    {"X-02", {.serial = "020100"}},
    {"X-03", {.algorithm = "300d06092a864886f70d01010b0500"}},
    {"X-03", {.algorithm = "300a06082a8648ce3d040303"}},
    {"X-04", {.issuer = "300c310a300806035504030c0161"}},
    {"X-05", {.not_before = "180f 32303236313132333133353530305a"}}, /* GeneralizedTime before 2050 */
    {"X-05", {.not_before = "170d 3237303132333133353530305a"}},     /* begins after it ends */
    {"X-06", {.not_after = "170d 3439313232333133353530305a"}},
    {"X-07", {.subject = "300e 310c 300a 0603550403 1403 612e62"}}, /* T61String */
    {"X-07", {.subject = "3019 3109 30070603550406 1300 310c 300a 0603550403 0c03 612e62"}},
    {"X-09", {.ids = "81020001"}},
    {"X-10", {.eku = "3016 0603551d25 010100 040c 300a 06082b06010505070301"}},
    {"X-10", {.constraints = "300f 0603551d13 0101ff 0405 3003 010100"}},
    {"X-11", {.more = "3013 0603551d25 040c 300a 06082b06010505070301"}},
    {"X-11", {.more = "300c 06032a0304 0405 3003 010100"}}, /* unknown */
    {"X-12", {.more = "3010 0603551d20 0409 30813006 0306012a 03"}},
    {"X-20", {.aki = ""}},
    {"X-20", {.aki = "301f 0603551d23 0418 3016 8014 0000000000000000000000000000000000000000"}},
    {"X-20", {.aki = "3022 0603551d23 0101ff 0418 3016 8014 0000000000000000000000000000000000000000"}},
    {"X-21", {.more = "301d 0603551d0e 0416 0414 0000000000000000000000000000000000000000"}},
    {"X-22", {.usage = ""}},
    {"X-22", {.usage = "300b 0603551d0f 0404 03020780"}},        /* not critical */
    {"X-22", {.usage = "300e 0603551d0f 0101ff 0404 03020080"}}, /* zero bits at the end */
    {"X-22", {.usage = "300e 0603551d0f 0101ff 0404 03020284"}}, /* keyCertSign */
    {"X-22", {.usage = "300e 0603551d0f 0101ff 0404 030205a0"}}, /* keyEncipherment with EC */
    {"X-22", {.usage = "300e 0603551d0f 0101ff 0404 03020640"}}, /* nonRepudiation alone */
    {"X-23", {.more = "3011 0603551d20 040a 3008 3006 0604551d2000"}},
    {"X-23", {.more = "3015 0603551d20 040e 300c 3004 06022a03 3004 06022a03"}},
    {"X-24", {.san = ""}},
    {"X-24", {.san = "3011 0603551d11 0101ff 0407 3005 8203 612e62"}}, /* critical beside a subject */
    {"X-24", {.subject = "3000"}},                                     /* not critical without one */
    {"X-24", {.san = "3013 0603551d11 040c 300a 8203 612e62 8203 612e62"}},
    {"X-24", {.san = "3013 0603551d11 040c 300a 8203 612e62 8203 412e62"}}, /* upper case */
    {"X-25", {.constraints = "3009 0603551d13 0402 3000"}},
    {"X-26", {.more = "3014 0603551d1e 0101ff 040a 3008 a006 3004 8202 612e"}},
    {"X-27", {.more = "300f 0603551d24 0101ff 0405 3003 800100"}},
    {"X-28", {.eku = ""}},
    {"X-28", {.eku = "300f 0603551d25 0408 3006 0604551d2500"}},
    {"X-29", {.more = "3017 0603551d1f 0410 300e 300c a00a a008 8606 6c6461703a2f"}},
    {"X-30", {.more = "301e 06082b06010505070101 0412 3010 300e 06082b06010505073002 8602 612f"}},
    {"X-31", {.more = "3011 06082b06010505070118 0405 3003 020105"}},
    {"X-32", {.more = "300c 0603551d38 0101ff 0402 0500"}},
    {"X-33", {.more = "300f 06092b0601050507300105 0402 0500"}},
    {"B-11", {.subject = "300e 310c 300a 0603550403 0c03 632e64"}},
    {"B-13", {.san = "3018 0603551d11 0411 300f 8203 612e62 8208 2a2e6578616d706c", .more = ""}},
    {"B-17", {.eku = "3013 0603551d25 040c 300a 06082b06010505070303"}},
    {"B-17", {.eku = "3016 0603551d25 0101ff 040c 300a 06082b06010505070301"}},
    {"B-19", {.spki = "3015300e06072a8648ce3d0201 3003020101 0303000401"}},
};

static void each_rule_sees_its_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_buf tbs RV_AUTO(rv_buf) = {0};
        struct rv_lint_report report;
        struct rv_error err = {0};
        build(&cases[i].parts, &tbs);
        enum rv_status status = rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err);
        if (cases[i].rule == NULL) {
            if (status != RV_OK)
                fail_msg("case %zu: %s", i, err.message);
            continue;
        }
        bool found = false;
        for (size_t k = 0; k < report.count; k++) {
            const char *id = report.items[k].lint == NULL ? "X-12" : report.items[k].lint->id;
            found = found || strcmp(id, cases[i].rule) == 0;
        }
        if (status != RV_DENIED || !found)
            fail_msg("case %zu wants %s: %d %s", i, cases[i].rule, status, err.message);
        assert_non_null(strstr(err.message, "lint: "));
    }
}

static void rules_are_covered(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"X-08", "B-21", "K-01", "K-07"}; /* shown below and in the key tests */
    for (size_t i = 0; i < rv_lint_count; i++) {
        bool found = false;
        for (size_t k = 0; k < RV_COUNT(cases); k++)
            found = found || (cases[k].rule != NULL && strcmp(cases[k].rule, rv_lints[i].id) == 0);
        for (size_t k = 0; k < RV_COUNT(elsewhere); k++)
            found = found || strcmp(elsewhere[k], rv_lints[i].id) == 0;
        if (!found)
            fail_msg("no case for %s: %s", rv_lints[i].id, rv_lints[i].text);
    }
}

static bool has(const struct rv_lint_report *report, const char *id)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].lint != NULL && strcmp(report->items[i].lint->id, id) == 0)
            return true;
    return false;
}

static void ca_rules(void **state)
{
    (void)state;
    struct rv_lint_report report;
    struct rv_error err;
    struct rv_buf tbs RV_AUTO(rv_buf) = {0};
    static const char usage[] = "300e 0603551d0f 0101ff 0404 03020106", yes[] = "300f 0603551d13 0101ff 0405 3003 0101ff";
    /* a CA without subject and without key identifier */
    build(&(struct parts){.subject = "3000", .usage = usage, .constraints = yes, .san = "", .eku = ""}, &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err), RV_DENIED);
    assert_true(has(&report, "X-08") && has(&report, "X-21"));
    assert_true(has(&report, "X-25")); /* under an issuer with path length 0 */
    /* keyCertSign with cA FALSE, and a path length without cA */
    rv_buf_clear(&tbs);
    build(&(struct parts){.usage = usage, .constraints = "300f 0603551d13 0101ff 0405 3003 020100"}, &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err), RV_DENIED);
    assert_true(has(&report, "X-22") && has(&report, "X-25"));
    /* a leaf that calls itself root, and a name constraint with a leading dot in a CA */
    rv_buf_clear(&tbs);
    build(&(struct parts){0}, &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), NULL, &report, &err), RV_DENIED);
    assert_true(has(&report, "B-21") && has(&report, "X-04"));
    rv_buf_clear(&tbs);
    build(&(struct parts){.usage = usage,
                          .constraints = yes,
                          .san = "",
                          .eku = "",
                          .more = "3014 0603551d1e 0101ff 040a 3008 a006 3004 8202 2e61"},
          &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err), RV_DENIED);
    assert_true(has(&report, "X-26"));
    /* the issuer's own key */
    struct rv_buf spki RV_AUTO(rv_buf) = {0};
    rv_buf_clear(&tbs);
    rv_buf_add_hex(&spki, rv_ca_key(f.ca)->der);
    build(&(struct parts){.spki = rv_buf_text(&spki)}, &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err), RV_DENIED);
    assert_int_equal(report.count, 1);
    assert_true(has(&report, "K-07"));
    /* a point that is not on the curve */
    rv_buf_clear(&tbs);
    spki.data[spki.len - 1] = spki.data[spki.len - 1] == '0' ? '1' : '0';
    build(&(struct parts){.spki = rv_buf_text(&spki)}, &tbs);
    assert_int_equal(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, &report, &err), RV_DENIED);
    assert_true(has(&report, "K-01"));
    assert_non_null(strstr(err.message, "K-02"));
}

static void garbage_is_refused_whole(void **state)
{
    (void)state;
    struct rv_lint_report report;
    struct rv_error err;
    struct rv_buf tbs RV_AUTO(rv_buf) = {0};
    build(&(struct parts){0}, &tbs);
    for (size_t i = 0; i < tbs.len; i++) {
        assert_int_equal(rv_lint_tbs(RV_BYTES(tbs.data, i), f.ca, &report, &err), RV_DENIED);
        for (unsigned bit = 1; bit < 256;
             bit <<= 1) { /* changes that are still right do exist: another name, another time */
            tbs.data[i] ^= (uint8_t)bit;
            (void)!rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, NULL, NULL);
            tbs.data[i] ^= (uint8_t)bit;
        }
    }
    assert_int_equal(rv_lint_tbs(RV_BYTES("", 0), f.ca, NULL, &err), RV_DENIED);
    assert_non_null(strstr(err.message, "X-12"));
}

static int setup(void **state)
{
    (void)state;
    fixture_ca_init(&f, RV_KEY_ECDSA, 256);
    key = fixture_key(RV_KEY_ECDSA, 256);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_ca_fini(&f);
    rv_key_destroy(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_sees_its_fault),
        cmocka_unit_test(rules_are_covered),
        cmocka_unit_test(ca_rules),
        cmocka_unit_test(garbage_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
