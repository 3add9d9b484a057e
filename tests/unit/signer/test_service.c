/* signer/service, asked directly as by a hostile front end: what its limits allow is signed, nothing else. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "pki/certificate.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "signer/protocol.h"
#include "signer/service.h"

#define NOW 1795442400000 /* 2026-11-23T14:00:00Z */

/* A 1024-bit RSA key, as SubjectPublicKeyInfo. */
static const char weak_key[] =
    "30819f300d06092a864886f70d010101050003818d0030818902818100d2cc493a9b41f3ec33940083c24a9d887020592747"
    "e0284a35128492e1e11cbed08ee1c30d39b1e80d8f8cf34bb88e1e918c537da739106e3f5d15a52df2500b393fd54c8d1466"
    "046a1e36fed235eab5f5add4990e53fd60a2372075d4f0d7b81a790387dbd4c057fee4374dc9613ca7b4701a1f03860ece59"
    "d42cb0ce4903a50203010001";

static char folder[200];
static rv_time wall = NOW;
static struct rv_service *service;
static struct rv_ca *ca;
static struct rv_profile *wide; /* allows more than the signer does */
static struct rv_key *key;
static struct rv_arena *arena;

static rv_time read_wall(void *ctx)
{
    (void)ctx;
    return wall;
}

static int64_t read_mono(void *ctx)
{
    (void)ctx;
    return 1000;
}
static const struct rv_clock fixed_clock = {read_wall, read_mono, NULL};

/* ---- asking ---- */

static enum rv_status ask(struct rv_signer_request *request, struct rv_signer_reply *reply, struct rv_buf *answer)
{
    struct rv_buf frame = {0};
    struct rv_error err;
    rv_signer_request_encode(request, &frame);
    assert_int_equal(rv_service_answer(service, rv_buf_bytes(&frame), answer, &err), RV_OK);
    assert_int_equal(rv_signer_reply_decode(rv_buf_bytes(answer), reply, &err), RV_OK);
    rv_buf_fini(&frame);
    return reply->status;
}

static enum rv_status set_up(const char *issuer, struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_SETUP, .now = wall};
    struct rv_signer_reply reply = {0};
    struct rv_buf answer = {0}, all = {0};
    snprintf(request.issuer, sizeof request.issuer, "%s", issuer);
    enum rv_status status = ask(&request, &reply, &answer);
    *err = reply.err;
    if (status == RV_OK) {
        int count;
        struct rv_bytes rest, first;
        assert_int_equal(rv_pem_all(reply.chain_pem, RV_PEM_CERTIFICATE, &all, &count, NULL), RV_OK);
        assert_int_equal(count, 2);
        rest = rv_buf_bytes(&all);
        assert_true(rv_chain_next(&rest, &first));
        rv_ca_destroy(ca);
        assert_int_equal(rv_ca_create(first, &ca, err), RV_OK);
    }
    rv_buf_fini(&answer);
    rv_buf_fini(&all);
    return status;
}

/* Status of one item; err of the item or of the whole. */
static enum rv_status sign(struct rv_bytes tbs, struct rv_error *err)
{
    struct rv_sign_item item = {.profile = "tls-server", .tbs = tbs}, got = {0};
    struct rv_signer_request request = {.kind = RV_SIGNER_SIGN, .issuer = "internal", .count = 1, .items = &item};
    struct rv_signer_reply reply = {.count = 1, .items = &got};
    struct rv_buf answer = {0};
    enum rv_status status = ask(&request, &reply, &answer);
    *err = status != RV_OK ? reply.err : got.err;
    if (status == RV_OK && got.status == RV_OK)
        assert_int_equal(
            rv_spki_verify(rv_ca_key(ca), rv_ca_signature_algorithm(ca), tbs, rv_buf_bytes(&got.signature), err), RV_OK);
    rv_buf_fini(&got.signature);
    rv_buf_fini(&answer);
    return status != RV_OK ? status : got.status;
}

/* ---- a certificate, and its spoiled forms ---- */

static struct rv_leaf leaf_for(const char *name)
{
    struct rv_cert_name item = {RV_NAME_DNS, name};
    struct rv_cert_names *names = rv_arena_alloc(arena, sizeof *names);
    assert_int_equal(rv_cert_names_make(&item, 1, arena, names, NULL), RV_OK);
    struct rv_leaf leaf = {.names = names,
                           .spki = rv_key_spki(key),
                           .not_before = NOW - RV_MIN(5),
                           .not_after = NOW - RV_MIN(5) + RV_DAY(90) - 1000};
    rv_serial_make(leaf.serial);
    return leaf;
}

static struct rv_buf tbs_of(const struct rv_leaf *leaf, const struct rv_ca *issuer)
{
    struct rv_buf tbs = {0};
    struct rv_error err;
    if (rv_tbs_build(wide, issuer, leaf, &tbs, &err) != RV_OK)
        fail_msg("%s", err.message);
    return tbs;
}

static void expect(struct rv_buf *tbs, enum rv_status wanted, const char *where)
{
    struct rv_error err = {0};
    enum rv_status status = sign(rv_buf_bytes(tbs), &err);
    if (status != wanted)
        fail_msg("%s: %s: %s", rv_status_info(status)->name, err.where, err.message);
    if (where != NULL && strcmp(err.where, where) != 0)
        fail_msg("refused for %s: %s", err.where, err.message);
    rv_buf_fini(tbs);
}

static void patch(struct rv_buf *tbs, const void *old, const void *new, size_t n)
{
    uint8_t *at = memmem(tbs->data, tbs->len, old, n);
    assert_non_null(at);
    memcpy(at, new, n);
}

/* ---- the world ---- */

static void open_service(int64_t burst)
{
    struct rv_service_options options = {
        .files = &rv_files_system, .clock = &fixed_clock, .directory = folder, .burst = burst, .rate = 1};
    struct rv_error err;
    if (rv_service_open(&options, &service, &err) != RV_OK)
        fail_msg("%s", err.message);
}

static int setup(void **state)
{
    (void)state;
    static const struct rv_profile_spec spec = {
        .duration = RV_DAY(90),
        .max_duration = RV_DAY(4000),
        .keys = {.ecdsa_p256 = true, .ecdsa_p384 = true, .ed25519 = true, .rsa_min = 2048, .rsa_max = 8192},
        .names = {.dns = true, .ip = true, .uri = true, .email = true, .wildcards = true, .max_names = 100},
        .common_name = true,
        .server_auth = true,
        .client_auth = true};
    static const struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    const char *tmp = getenv("TMPDIR");
    struct rv_error err;
    wall = NOW;
    snprintf(folder, sizeof folder, "%s/reeve-signer-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    arena = rv_arena_create();
    assert_int_equal(rv_profile_compile("wide", &spec, &wide, &err), RV_OK);
    assert_int_equal(rv_key_generate(&p256, &key, &err), RV_OK);
    open_service(100);
    if (set_up("internal", &err) != RV_OK)
        fail_msg("%s: %s", err.where, err.message);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rv_service_close(service);
    rv_ca_destroy(ca);
    rv_profile_release(wide);
    rv_key_destroy(key);
    rv_arena_destroy(arena);
    service = NULL;
    ca = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", folder, NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return 0;
}

static void write_limits(const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/limits.json", folder);
    assert_int_equal(rv_files_system.ops->replace(NULL, path, rv_bytes_of(text), 0600, NULL), RV_OK);
}

/* ---- tests ---- */

static void what_is_allowed_is_signed_again_and_again(void **state)
{
    (void)state;
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf first = tbs_of(&leaf, ca), again = tbs_of(&leaf, ca), late = tbs_of(&leaf, ca);
    expect(&first, RV_OK, NULL);
    expect(&again, RV_OK, NULL);
    /* Also after a restart, and when it would be too old to be new. */
    rv_service_close(service);
    wall = NOW + RV_DAY(30);
    open_service(1);
    expect(&late, RV_OK, NULL);
    struct rv_leaf fresh = leaf_for("late.example.com");
    struct rv_buf stale = tbs_of(&fresh, ca);
    expect(&stale, RV_DENIED, NULL);
}

static void a_serial_serves_one_certificate(void **state)
{
    (void)state;
    struct rv_leaf one = leaf_for("one.example.com"), two = leaf_for("two.example.com");
    memcpy(two.serial, one.serial, sizeof two.serial);
    struct rv_buf first = tbs_of(&one, ca), second = tbs_of(&two, ca), third = tbs_of(&two, ca);
    expect(&first, RV_OK, NULL);
    expect(&second, RV_CONFLICT, "X-02");
    rv_service_close(service);
    open_service(100);
    expect(&third, RV_CONFLICT, "X-02");
}

static void serials_have_one_form(void **state)
{
    (void)state;
    static const uint8_t firsts[] = {0x00, 0x80, 0xff};
    for (size_t i = 0; i < RV_COUNT(firsts); i++) {
        struct rv_leaf leaf = leaf_for("shop.example.com");
        leaf.serial[0] = 0x7f;
        struct rv_buf tbs = tbs_of(&leaf, ca);
        uint8_t old[3] = {0x02, 0x11, 0x7f}, new[3] = {0x02, 0x11, firsts[i]};
        patch(&tbs, old, new, sizeof old);
        struct rv_error err;
        enum rv_status status = sign(rv_buf_bytes(&tbs), &err);
        assert_true(status == RV_DENIED || status == RV_INVALID);
        rv_buf_fini(&tbs);
    }
}

static void no_ca_certificate_is_signed(void **state)
{
    (void)state;
    struct rv_ca_wish wish = {.common_name = "Evil CA",
                              .spki = rv_key_spki(key),
                              .not_before = NOW,
                              .not_after = NOW + RV_DAY(90),
                              .path_length = -1};
    rv_serial_make(wish.serial);
    struct rv_buf tbs = {0};
    assert_int_equal(rv_tbs_issuing(ca, &wish, &tbs, NULL), RV_OK);
    expect(&tbs, RV_DENIED, "X-25");
}

static void usages_cannot_be_widened(void **state)
{
    (void)state;
    static const uint8_t server[] = {0x2b, 6, 1, 5, 5, 7, 3, 1}, code[] = {0x2b, 6, 1, 5, 5, 7, 3, 3},
                         ocsp[] = {0x2b, 6, 1, 5, 5, 7, 3, 9};
    static const uint8_t digital[] = {3, 2, 7, 0x80}, sign_certs[] = {3, 2, 2, 0x84};
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf a = tbs_of(&leaf, ca), b = tbs_of(&leaf, ca), c = tbs_of(&leaf, ca);
    patch(&a, server, code, sizeof server);
    expect(&a, RV_DENIED, NULL);
    patch(&b, server, ocsp, sizeof server);
    expect(&b, RV_DENIED, NULL);
    patch(&c, digital, sign_certs, sizeof digital);
    expect(&c, RV_DENIED, NULL);
}

static void lifetimes_and_dates_have_limits(void **state)
{
    (void)state;
    struct rv_leaf longest = leaf_for("a.example.com"), longer = leaf_for("a.example.com"), old = leaf_for("a.example.com"),
                   future = leaf_for("a.example.com"), backwards = leaf_for("a.example.com");
    longest.not_after = longest.not_before + RV_DAY(200) - 1000;
    longer.not_after = longer.not_before + RV_DAY(200);
    old.not_before = NOW - RV_HOUR(49);
    future.not_before = NOW + RV_DAY(1);
    backwards.not_after = backwards.not_before - 1000;
    struct rv_buf tbs = tbs_of(&longest, ca);
    expect(&tbs, RV_OK, NULL);
    const struct rv_leaf *bad[] = {&longer, &old, &future};
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        tbs = tbs_of(bad[i], ca);
        expect(&tbs, RV_DENIED, NULL);
    }
    struct rv_buf last = {0};
    if (rv_tbs_build(wide, ca, &backwards, &last, NULL) == RV_OK)
        expect(&last, RV_DENIED, NULL);
    rv_buf_fini(&last);
}

static void another_issuer_is_refused(void **state)
{
    (void)state;
    struct rv_ca_wish wish = {.common_name = "Other Root",
                              .spki = rv_key_spki(key),
                              .not_before = NOW - RV_DAY(1),
                              .not_after = NOW + RV_DAY(1000),
                              .path_length = -1};
    struct rv_buf tbs = {0}, signature = {0}, der = {0};
    struct rv_ca *other = NULL;
    rv_serial_make(wish.serial);
    assert_int_equal(rv_tbs_root(&wish, rv_key_signature_algorithm(key), &tbs, NULL), RV_OK);
    assert_int_equal(rv_key_sign(key, rv_buf_bytes(&tbs), &signature, NULL), RV_OK);
    rv_cert_assemble(rv_buf_bytes(&tbs), rv_key_signature_algorithm(key), rv_buf_bytes(&signature), &der);
    assert_int_equal(rv_ca_create(rv_buf_bytes(&der), &other, NULL), RV_OK);
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf wrong = tbs_of(&leaf, other);
    expect(&wrong, RV_DENIED, "X-04");
    /* The right name, another key identifier. */
    struct rv_buf half = tbs_of(&leaf, ca);
    struct rv_bytes ski = rv_ca_ski(ca);
    patch(&half, ski.ptr, rv_ca_ski(other).ptr, ski.len);
    expect(&half, RV_DENIED, "X-20");
    rv_ca_destroy(other);
    rv_buf_fini(&tbs);
    rv_buf_fini(&signature);
    rv_buf_fini(&der);
}

static void weak_keys_are_refused(void **state)
{
    (void)state;
    uint8_t spki[162];
    assert_int_equal(strlen(weak_key), 2 * sizeof spki);
    assert_true(rv_unhex(spki, sizeof spki, weak_key, 2 * sizeof spki));
    struct rv_leaf leaf = leaf_for("shop.example.com");
    leaf.spki = RV_BYTES(spki, sizeof spki);
    struct rv_buf tbs = {0};
    if (rv_tbs_build(wide, ca, &leaf, &tbs, NULL) != RV_OK)
        return; /* not even built */
    struct rv_error err;
    enum rv_status status = sign(rv_buf_bytes(&tbs), &err);
    assert_true(status == RV_DENIED || status == RV_INVALID);
    rv_buf_fini(&tbs);
}

static void broken_bytes_are_refused(void **state)
{
    (void)state;
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf whole = tbs_of(&leaf, ca);
    struct rv_error err;
    for (size_t n = 1; n < whole.len; n += 13)
        assert_int_not_equal(sign(RV_BYTES(whole.data, n), &err), RV_OK);
    rv_buf_add_byte(&whole, 0);
    assert_int_not_equal(sign(rv_buf_bytes(&whole), &err), RV_OK);
    rv_buf_fini(&whole);
    /* A lint: a DNS name that is none. */
    struct rv_buf odd = tbs_of(&leaf, ca);
    patch(&odd, "shop.example.com", "sh_p.example.com", 16);
    assert_int_not_equal(sign(rv_buf_bytes(&odd), &err), RV_OK);
    rv_buf_fini(&odd);
}

struct span {
    size_t from, to;
};

static struct span span_of(const struct rv_buf *tbs, const void *what, size_t n)
{
    const uint8_t *at = memmem(tbs->data, tbs->len, what, n);
    assert_non_null(at);
    return (struct span){(size_t)(at - tbs->data), (size_t)(at - tbs->data) + n};
}

/* A front end that was taken over may send any octets. Each octet of a good certificate in turn becomes others: beyond what
 * is the caller's to choose (serial, times, names, key), nothing of it may differ. */
static void only_what_is_the_callers_to_choose_may_differ(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf good = tbs_of(&leaf, ca), tried = {0};
    struct span serial = span_of(&good, leaf.serial, sizeof leaf.serial), from = span_of(&good, "\x17\x0d", 2);
    const struct span theirs[] = {
        serial,
        {from.from, from.from + 30}, /* two UTCTimes of 15 octets */
        span_of(&good, "shop.example.com", 16),
        span_of(&good, leaf.spki.ptr, leaf.spki.len),
    };
    for (size_t i = 0; i < good.len; i++) {
        bool chosen = false;
        for (size_t s = 0; s < RV_COUNT(theirs); s++)
            chosen |= i >= theirs[s].from && i < theirs[s].to;
        for (size_t k = 0; k < RV_COUNT(flips) && !chosen; k++) {
            struct rv_error err = {0};
            rv_buf_clear(&tried);
            rv_buf_add(&tried, good.data, good.len);
            rv_serial_make(tried.data + serial.from);
            tried.data[i] ^= flips[k];
            if (sign(rv_buf_bytes(&tried), &err) == RV_OK)
                fail_msg("octet %zu of %zu was signed as %02x instead of %02x", i, good.len, tried.data[i], good.data[i]);
        }
    }
    rv_buf_fini(&tried);
    expect(&good, RV_OK, NULL);
}

static void an_administrator_narrows_names_and_life(void **state)
{
    (void)state;
    write_limits(
        "{\"permittedDns\": [\"example.com\"], \"excludedDns\": [\"secret.example.com\"], \"maxDuration\": \"30d\"}");
    rv_service_close(service);
    open_service(100);
    static const struct {
        const char *name;
        rv_dur life;
        enum rv_status status;
    } cases[] = {
        {"shop.example.com", RV_DAY(30), RV_OK},         {"shop.example.com", RV_DAY(31), RV_DENIED},
        {"shop.example.org", RV_DAY(30), RV_DENIED},     {"notexample.com", RV_DAY(30), RV_DENIED},
        {"a.secret.example.com", RV_DAY(30), RV_DENIED},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_leaf leaf = leaf_for(cases[i].name);
        leaf.not_after = leaf.not_before + cases[i].life - 1000;
        struct rv_buf tbs = tbs_of(&leaf, ca);
        expect(&tbs, cases[i].status, NULL);
    }
}

static void limits_cannot_widen(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"maxDuration\": \"201d\"}",
                                      "{\"maxNames\": 101}",
                                      "{\"caCertificates\": true}",
                                      "{\"permittedDns\": []}",
                                      "{\"permittedDns\": [\"a b\"]}",
                                      "[]",
                                      "{",
                                      "{\"maxDuration\": 90}"};
    rv_service_close(service);
    service = NULL;
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        write_limits(bad[i]);
        struct rv_service_options options = {.files = &rv_files_system, .clock = &fixed_clock, .directory = folder};
        struct rv_error err;
        if (rv_service_open(&options, &service, &err) != RV_INVALID)
            fail_msg("accepted %s", bad[i]);
        assert_non_null(strstr(err.where, "limits.json"));
    }
}

static void one_refusal_does_not_fail_the_others(void **state)
{
    (void)state;
    struct rv_leaf good = leaf_for("good.example.com"), bad = leaf_for("bad.example.com"),
                   twin = leaf_for("twin.example.com");
    bad.not_after = bad.not_before + RV_DAY(1000);
    memcpy(twin.serial, good.serial, sizeof twin.serial);
    struct rv_buf tbs[] = {tbs_of(&bad, ca), tbs_of(&good, ca), tbs_of(&twin, ca), tbs_of(&good, ca)};
    static const enum rv_status wanted[] = {RV_DENIED, RV_OK, RV_CONFLICT, RV_OK};
    struct rv_sign_item items[4] = {0}, got[4] = {0};
    for (size_t i = 0; i < 4; i++)
        items[i].tbs = rv_buf_bytes(&tbs[i]);
    struct rv_signer_request request = {.kind = RV_SIGNER_SIGN, .issuer = "internal", .count = 4, .items = items};
    struct rv_signer_reply reply = {.count = 4, .items = got};
    struct rv_buf answer = {0};
    assert_int_equal(ask(&request, &reply, &answer), RV_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got[i].status, wanted[i]);
        rv_buf_fini(&got[i].signature);
        rv_buf_fini(&tbs[i]);
    }
    rv_buf_fini(&answer);
    assert_int_equal(rv_service_journal_count(service), 3); /* root, issuing, good */
}

static void the_rate_is_bounded(void **state)
{
    (void)state;
    rv_service_close(service);
    open_service(2);
    struct rv_leaf leaves[] = {leaf_for("a.example.com"), leaf_for("b.example.com"), leaf_for("c.example.com")};
    struct rv_buf a = tbs_of(&leaves[0], ca), b = tbs_of(&leaves[1], ca), c = tbs_of(&leaves[2], ca),
                  again = tbs_of(&leaves[0], ca);
    expect(&a, RV_OK, NULL);
    expect(&b, RV_OK, NULL);
    expect(&c, RV_LIMITED, NULL);
    expect(&again, RV_OK, NULL);
}

static void setup_happens_once(void **state)
{
    (void)state;
    struct rv_error err;
    struct rv_hash before = *rv_ca_spki_hash(ca);
    assert_int_equal(set_up("internal", &err), RV_OK);
    assert_true(rv_hash_equal(&before, rv_ca_spki_hash(ca)));
    assert_int_equal(set_up("second", &err), RV_DENIED);
    static const rv_time times[] = {0, NOW - RV_HOUR(2), NOW + RV_HOUR(2), INT64_MAX};
    for (size_t i = 0; i < RV_COUNT(times); i++) {
        struct rv_signer_request request = {.kind = RV_SIGNER_SETUP, .now = times[i], .issuer = "internal"};
        struct rv_signer_reply reply = {0};
        struct rv_buf answer = {0};
        assert_int_equal(ask(&request, &reply, &answer), RV_INVALID);
        rv_buf_fini(&answer);
    }
    assert_int_equal(rv_service_journal_count(service), 2);
}

/* No key lies on disk as it is, and none for others to read. */
static void keys_are_encrypted_at_rest(void **state)
{
    (void)state;
    static const char *const keys[] = {"root/root.key.pem", "issuers/internal.key.pem"};
    for (size_t i = 0; i < RV_COUNT(keys); i++) {
        char path[256];
        struct rv_buf pem = {0};
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, keys[i]);
        assert_int_equal(rv_files_system.ops->read(NULL, path, 16384, &pem, NULL), RV_OK);
        assert_int_equal(strncmp(rv_buf_text(&pem), "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        rv_buf_fini(&pem);
    }
}

static void the_journal_answers(void **state)
{
    (void)state;
    struct rv_leaf leaf = leaf_for("shop.example.com");
    struct rv_buf tbs = tbs_of(&leaf, ca), answer = {0};
    struct rv_hash hash;
    rv_sha256(rv_buf_bytes(&tbs), &hash);
    struct rv_signer_request request = {.kind = RV_SIGNER_JOURNAL, .issuer = "internal"};
    struct rv_signer_reply reply = {0};
    rv_serial_text(request.serial, leaf.serial, sizeof leaf.serial);
    assert_int_equal(ask(&request, &reply, &answer), RV_NOT_FOUND);
    rv_buf_clear(&answer);
    expect(&tbs, RV_OK, NULL);
    assert_int_equal(ask(&request, &reply, &answer), RV_OK);
    assert_true(rv_hash_equal(&reply.tbs, &hash));
    rv_buf_fini(&answer);
}

/* ---- a full disk ---- */

static bool disk_full;

static enum rv_status append_unless_full(void *ctx, const char *path, struct rv_bytes content, struct rv_error *err)
{
    if (disk_full)
        return rv_fail(err, RV_LIMITED, "no space left on device");
    return rv_files_system.ops->append(ctx, path, content, err);
}

/* Nothing is signed that could not be journalled, and it goes on by itself once there is room. */
static void a_full_disk_stops_signing(void **state)
{
    (void)state;
    struct rv_files_ops ops = *rv_files_system.ops;
    struct rv_files files = {&ops, NULL};
    ops.append = append_unless_full;
    rv_service_close(service);
    struct rv_service_options options = {.files = &files, .clock = &fixed_clock, .directory = folder};
    assert_int_equal(rv_service_open(&options, &service, NULL), RV_OK);
    struct rv_leaf leaf = leaf_for("shop.example.com");
    disk_full = true;
    for (int i = 0; i < 2; i++) {
        struct rv_buf tbs = tbs_of(&leaf, ca);
        expect(&tbs, RV_UNAVAILABLE, NULL);
    }
    assert_int_equal(rv_service_journal_count(service), 2);
    disk_full = false;
    struct rv_buf tbs = tbs_of(&leaf, ca);
    expect(&tbs, RV_OK, NULL);
    assert_int_equal(rv_service_journal_count(service), 3);
}

static enum rv_status reopen(const char *remove, const char *kek, struct rv_error *err)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, remove);
    rv_service_close(service);
    service = NULL;
    assert_int_equal(rv_files_system.ops->remove(NULL, path, NULL), RV_OK);
    struct rv_service_options options = {
        .files = &rv_files_system, .clock = &fixed_clock, .directory = folder, .kek_file = kek};
    return rv_service_open(&options, &service, err);
}

static void a_missing_journal_stops_it(void **state)
{
    (void)state;
    struct rv_error err;
    assert_int_equal(reopen("journal/journal", NULL, &err), RV_CONFLICT);
    assert_non_null(strstr(err.hint, "restore"));
}

static void a_missing_or_wrong_passphrase_stops_it(void **state)
{
    (void)state;
    struct rv_error err;
    char other[256];
    assert_int_equal(reopen("kek", NULL, &err), RV_CONFLICT);
    assert_non_null(strstr(err.hint, "--kek-file"));
    snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(
        rv_files_system.ops->replace(NULL, other, rv_bytes_of("0123456789012345678901234567890123456789\n"), 0600, NULL),
        RV_OK);
    struct rv_service_options options = {
        .files = &rv_files_system, .clock = &fixed_clock, .directory = folder, .kek_file = other};
    assert_int_equal(rv_service_open(&options, &service, &err), RV_DENIED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_allowed_is_signed_again_and_again),
        T(a_serial_serves_one_certificate),
        T(serials_have_one_form),
        T(no_ca_certificate_is_signed),
        T(usages_cannot_be_widened),
        T(lifetimes_and_dates_have_limits),
        T(another_issuer_is_refused),
        T(weak_keys_are_refused),
        T(broken_bytes_are_refused),
        T(only_what_is_the_callers_to_choose_may_differ),
        T(an_administrator_narrows_names_and_life),
        T(limits_cannot_widen),
        T(one_refusal_does_not_fail_the_others),
        T(the_rate_is_bounded),
        T(setup_happens_once),
        T(keys_are_encrypted_at_rest),
        T(the_journal_answers),
        T(a_full_disk_stops_signing),
        T(a_missing_journal_stops_it),
        T(a_missing_or_wrong_passphrase_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
