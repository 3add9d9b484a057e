/* pki: profiles, certificates built and read, judged by openssl and certtool, chains judged by us. */
#include "unit/pki/fixture.h"

#include <openssl/x509.h>
#include <time.h>

#include "pki/der_priv.h"
#include "pki/subject_priv.h"
#include "pki/verify.h"

static const struct rv_cert_name shop[] = {
    {RV_NAME_DNS, "shop.example.com"}, {RV_NAME_DNS, "*.shop.example.com"}, {RV_NAME_IP, "192.0.2.7"}};

static void append_file(const char *dir, const char *name, struct rv_bytes der)
{
    char path[256];
    struct rv_buf pem RV_AUTO(rv_buf) = {0};
    rv_pem_add(&pem, RV_PEM_CERTIFICATE, der);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    assert_int_equal(fwrite(pem.data, 1, pem.len, out), pem.len);
    assert_int_equal(fclose(out), 0);
}

/* Others read what we build: openssl verifies the chain and the name, certtool verifies the chain, asn1parse walks it. */
static void other_programs_accept_our_chains(void **state)
{
    (void)state;
    static const struct {
        enum rv_key_algorithm algorithm;
        int size;
    } kinds[] = {{RV_KEY_ECDSA, 256}, {RV_KEY_ECDSA, 384}, {RV_KEY_RSA, 2048}, {RV_KEY_ED25519, 256}};
    static const char *const judges[][16] = {
        {"openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "a.shop.example.com", "-CAfile",
         "root.pem", "-untrusted", "ca.pem", "leaf.pem"},
        {"openssl", "verify", "-x509_strict", "-verify_ip", "192.0.2.7", "-CAfile", "root.pem", "-untrusted", "ca.pem",
         "leaf.pem"},
        {"openssl", "asn1parse", "-in", "leaf.pem", "-strictpem"},
        {"certtool", "--verify", "--load-ca-certificate", "root.pem", "--infile", "chain.pem"},
    };
    char dir[] = "/tmp/reeve-cert-XXXXXX";
    assert_non_null(mkdtemp(dir));
    fixture_now = (rv_time)time(NULL) * 1000;
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *profile = fixture_profile(&spec);
    for (size_t i = 0; i < RV_COUNT(kinds); i++)
        for (int with_cn = 0; with_cn < 2; with_cn++) {
            struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
            struct fixture_ca f;
            fixture_ca_init(&f, kinds[i].algorithm, kinds[i].size);
            struct rv_key *key RV_AUTO(rv_key) = fixture_key(kinds[i].algorithm, kinds[i].size);
            struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop));
            struct rv_buf cert RV_AUTO(rv_buf) = {0};
            fixture_issue(&f, profile, key, with_cn ? "shop.example.com" : NULL, &names, fixture_now, &cert);
            fixture_file(dir, "root.pem", RV_PEM_CERTIFICATE, rv_ca_certificate(f.root));
            fixture_file(dir, "ca.pem", RV_PEM_CERTIFICATE, rv_ca_certificate(f.ca));
            fixture_file(dir, "leaf.pem", RV_PEM_CERTIFICATE, rv_buf_bytes(&cert));
            fixture_file(dir, "chain.pem", RV_PEM_CERTIFICATE, rv_buf_bytes(&cert));
            append_file(dir, "chain.pem", rv_ca_certificate(f.ca));
            for (size_t k = 0; k < RV_COUNT(judges); k++)
                assert_true(fixture_run(dir, judges[k]));
            fixture_ca_fini(&f);
        }
    static const char *const files[] = {"root.pem", "ca.pem", "leaf.pem", "chain.pem"};
    for (size_t i = 0; i < RV_COUNT(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
    fixture_now = NOW;
    rv_profile_release(profile);
}

static void leaf_reads_back(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct fixture_ca f;
    struct rv_profile_spec spec = fixture_spec();
    spec.client_auth = true;
    struct rv_profile *profile = fixture_profile(&spec);
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop));
    struct rv_buf cert RV_AUTO(rv_buf) = {0};
    struct rv_cert_info info;
    fixture_ca_init(&f, RV_KEY_ECDSA, 256);
    fixture_issue(&f, profile, key, "shop.example.com", &names, NOW + 567, &cert);
    OK(rv_cert_read(rv_buf_bytes(&cert), arena, &info, &fixture_err));
    assert_null(info.malformed);
    assert_string_equal(info.subject, "CN=shop.example.com");
    assert_string_equal(info.issuer, "O=Reeve Tests,CN=Test Issuing");
    assert_string_equal(info.common_name, "shop.example.com");
    assert_string_equal(info.key, "ECDSA P-256");
    assert_int_equal(strlen(info.serial), 2 * RV_SERIAL_SIZE);
    assert_int_equal(info.not_before, NOW - RV_MIN(5));
    assert_int_equal(info.not_after - info.not_before + RV_SEC(1), RV_DAY(30)); /* inclusive: exactly the duration */
    assert_true(rv_cert_names_equal(&info.names, &names));
    assert_true(info.has_san && !info.san_critical && !info.ca && !info.self_issued && info.server_auth && info.client_auth);
    assert_false(info.cert_sign || info.any_usage);
    assert_true(rv_hash_equal(&info.spki_hash, rv_key_spki_hash(key)));
    assert_true(rv_bytes_equal(info.aki, rv_ca_ski(f.ca)));
    OK(rv_cert_read(rv_ca_certificate(f.ca), arena, &info, &fixture_err));
    assert_true(info.ca && info.path_length == 0 && info.cert_sign && !info.self_issued);
    assert_true(rv_bytes_equal(info.ski, rv_ca_ski(f.ca)));
    OK(rv_cert_read(rv_ca_certificate(f.root), arena, &info, &fixture_err));
    assert_true(info.ca && info.path_length == -1 && info.self_issued);
    /* the wrong issuer, and a changed octet */
    assert_int_equal(rv_cert_verify(rv_buf_bytes(&cert), rv_ca_key(f.root), &fixture_err), RV_DENIED);
    for (size_t i = 20; i < cert.len; i += 7) {
        cert.data[i] ^= 1;
        assert_int_not_equal(rv_cert_verify(rv_buf_bytes(&cert), rv_ca_key(f.ca), &fixture_err), RV_OK);
        cert.data[i] ^= 1;
    }
    OK(rv_cert_verify(rv_buf_bytes(&cert), rv_ca_key(f.ca), &fixture_err));
    fixture_ca_fini(&f);
    rv_profile_release(profile);
}

/* What is out there is read, whatever it looks like. */
static void malformed_certificates_are_kept_and_flagged(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct fixture_ca f;
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *profile = fixture_profile(&spec);
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop));
    struct rv_buf cert RV_AUTO(rv_buf) = {0}, ber RV_AUTO(rv_buf) = {0};
    struct rv_cert_info good, info;
    fixture_ca_init(&f, RV_KEY_ECDSA, 256);
    fixture_issue(&f, profile, key, NULL, &names, NOW, &cert);
    OK(rv_cert_read(rv_buf_bytes(&cert), arena, &good, &fixture_err));
    assert_string_equal(good.subject, "");
    size_t serial = (size_t)(good.tbs.ptr - good.der.ptr) + 4 + 5 + 2;
    cert.data[serial] = 0x85; /* negative serial */
    OK(rv_cert_read(rv_buf_bytes(&cert), arena, &info, &fixture_err));
    assert_non_null(strstr(info.malformed, "serial"));
    cert.data[serial] = 0x05;
    uint8_t *name = memmem(cert.data, cert.len, "*.shop", 6);
    assert_non_null(name);
    name[2] = '_';
    OK(rv_cert_read(rv_buf_bytes(&cert), arena, &info, &fixture_err));
    assert_non_null(strstr(info.malformed, "subjectAltName"));
    assert_true(rv_cert_names_have(&info.names, RV_NAME_DNS, "*._hop.example.com"));
    name[2] = 's';
    rv_buf_add(&ber, "\x30\x80", 2); /* indefinite length: BER */
    rv_buf_add(&ber, cert.data + 4, cert.len - 4);
    rv_buf_add(&ber, "\0\0", 2);
    OK(rv_cert_read(rv_buf_bytes(&ber), arena, &info, &fixture_err));
    assert_string_equal(info.malformed, "it is not DER");
    assert_true(rv_hash_equal(&info.spki_hash, &good.spki_hash));
    assert_int_equal(info.not_after, good.not_after);
    assert_int_equal(rv_cert_read(rv_bytes_of("nonsense"), arena, &info, &fixture_err), RV_INVALID);
    assert_int_equal(rv_cert_read(RV_BYTES(cert.data, cert.len - 1), arena, &info, &fixture_err), RV_INVALID);
    for (size_t i = 0; i < cert.len; i++) { /* no change does harm */
        struct rv_arena *each RV_AUTO(rv_arena) = rv_arena_create();
        for (unsigned bit = 1; bit < 256; bit <<= 2) {
            cert.data[i] ^= (uint8_t)bit;
            (void)!rv_cert_read(rv_buf_bytes(&cert), each, &info, NULL);
            cert.data[i] ^= (uint8_t)bit;
        }
    }
    fixture_ca_fini(&f);
    rv_profile_release(profile);
}

/* ---- profiles ---- */

static struct rv_error check(const struct rv_profile *profile, const struct rv_key *key, const char *cn,
                             const struct rv_cert_name *items, size_t count, rv_dur duration)
{
    struct rv_arena *arena = rv_arena_create();
    struct rv_cert_names names = fixture_names(arena, items, count);
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    struct rv_csr csr;
    struct rv_error err = {0};
    OK(rv_csr_create(key, cn, &names, &der, &fixture_err));
    OK(rv_csr_read(rv_buf_bytes(&der), arena, &csr, &fixture_err));
    struct rv_wish wish = rv_wish_of_csr(&csr);
    wish.duration = duration;
    err.status = rv_profile_check(profile, &csr, &wish, &err);
    rv_arena_destroy(arena);
    return err;
}

static void profiles_say_what_they_refuse(void **state)
{
    (void)state;
    static const char *permitted[] = {"example.com", "example.net"}, *excluded[] = {"secret.example.com"};
    struct rv_profile_spec spec = fixture_spec();
    spec.names.permitted_dns = (struct rv_texts){2, permitted};
    spec.names.excluded_dns = (struct rv_texts){1, excluded};
    spec.names.uri = spec.names.ip = spec.names.wildcards = false;
    spec.names.max_names = 2;
    spec.keys.ed25519 = false;
    struct rv_profile *p = fixture_profile(&spec);
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    struct rv_key *ed RV_AUTO(rv_key) = fixture_key(RV_KEY_ED25519, 256);
    const struct {
        const struct rv_key *key;
        const char *cn;
        struct rv_cert_name names[3];
        rv_dur duration;
        const char *message, *hint; /* NULL: allowed */
    } cases[] = {
        {key, "a.example.com", {{RV_NAME_DNS, "a.example.com"}}, RV_DAY(90), NULL, NULL},
        {key, NULL, {{RV_NAME_DNS, "example.net"}, {RV_NAME_EMAIL, "a@b.example"}}, 0, NULL, NULL},
        {key, NULL, {{RV_NAME_DNS, "example.org"}}, 0, "does not allow the name example.org", "example.com, example.net"},
        {key, NULL, {{RV_NAME_DNS, "notexample.com"}}, 0, "notexample.com", "example.com"},
        {key, NULL, {{RV_NAME_DNS, "x.secret.example.com"}}, 0, "excludes the name x.secret.example.com", ""},
        {key, NULL, {{RV_NAME_DNS, "*.example.com"}}, 0, "wildcards: *.example.com", ""},
        {key, NULL, {{RV_NAME_IP, "192.0.2.1"}}, 0, "type ip: 192.0.2.1", "dns email"},
        {key, NULL, {{RV_NAME_URI, "spiffe://example.com/x"}}, 0, "type uri", "dns email"},
        {key,
         NULL,
         {{RV_NAME_DNS, "a.example.com"}, {RV_NAME_DNS, "b.example.com"}, {RV_NAME_DNS, "c.example.com"}},
         0,
         "at most 2",
         ""},
        {key, NULL, {{0}}, 0, "no name", "subjectAltName"},
        {key, "b.example.com", {{RV_NAME_DNS, "a.example.com"}}, 0, "common name b.example.com is not among", ""},
        {ed, NULL, {{RV_NAME_DNS, "a.example.com"}}, 0, "the key Ed25519", "ECDSA P-256 ECDSA P-384 RSA 2048 to 4096"},
        {key, NULL, {{RV_NAME_DNS, "a.example.com"}}, RV_DAY(91), "at most 90d", ""},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        size_t count = 0;
        while (count < 3 && cases[i].names[count].text != NULL)
            count++;
        struct rv_error err = check(p, cases[i].key, cases[i].cn, cases[i].names, count, cases[i].duration);
        if (cases[i].message == NULL ? err.status != RV_OK
                                     : err.status != RV_DENIED || strstr(err.message, cases[i].message) == NULL ||
                                           strstr(err.hint, cases[i].hint) == NULL)
            fail_msg("case %zu: %d %s / %s", i, err.status, err.message, err.hint);
    }
    rv_profile_release(p);
    spec.names.wildcards = true; /* a wildcard must not reach what is excluded */
    p = fixture_profile(&spec);
    struct rv_error err = check(p, key, NULL, &(struct rv_cert_name){RV_NAME_DNS, "*.example.com"}, 1, 0);
    assert_int_equal(err.status, RV_DENIED);
    assert_non_null(strstr(err.message, "secret.example.com"));
    rv_profile_release(p);
    spec.common_name = false;
    p = fixture_profile(&spec);
    err = check(p, key, "a.example.com", &(struct rv_cert_name){RV_NAME_DNS, "a.example.com"}, 1, 0);
    assert_int_equal(err.status, RV_DENIED);
    struct rv_wish wish = {.common_name = "a"};
    rv_profile_trim(p, &wish);
    assert_null(wish.common_name);
    rv_profile_release(p);
}

static void impossible_profiles_are_refused(void **state)
{
    (void)state;
    struct rv_profile *p = NULL;
    struct rv_error err;
    struct rv_profile_spec bad[8];
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        bad[i] = fixture_spec();
    memset(&bad[0].keys, 0, sizeof bad[0].keys);
    bad[1].keys.rsa_min = 1024;
    bad[2].names.dns = bad[2].names.ip = bad[2].names.uri = bad[2].names.email = false;
    bad[3].names.max_names = 0;
    bad[4].server_auth = false;
    bad[5].max_duration = RV_DAY(1);
    bad[6].backdate = RV_DAY(3);
    bad[7].duration = 0;
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        assert_int_equal(rv_profile_compile("x", &bad[i], &p, &err), RV_INVALID);
        assert_non_null(strstr(err.message, "profile x cannot work"));
    }
}

static void times_stay_within_the_issuer(void **state)
{
    (void)state;
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *p = fixture_profile(&spec);
    rv_time from, to;
    struct rv_error err;
    OK(rv_profile_times(p, RV_DAY(90), NOW, RV_TIME_FAR, &from, &to, &err));
    assert_int_equal(to - from, RV_DAY(90) - RV_SEC(1));
    OK(rv_profile_times(p, 0, NOW, to, &from, &to, &err));
    assert_int_equal(rv_profile_times(p, RV_DAY(91), NOW, RV_TIME_FAR, &from, &to, &err), RV_DENIED);
    assert_int_equal(rv_profile_times(p, RV_DAY(90), NOW, NOW + RV_DAY(89), &from, &to, &err), RV_DENIED);
    assert_non_null(strstr(err.message, "issuer"));
    assert_int_equal(rv_profile_times(p, RV_MIN(5), NOW, RV_TIME_FAR, &from, &to, &err), RV_DENIED);
    rv_profile_release(p);
}

/* The signer's own look: bytes that pass one profile do not pass a narrower one. */
static void profile_limits_hold_for_finished_bytes(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct fixture_ca f;
    struct rv_profile_spec wide = fixture_spec();
    struct rv_profile *profile = fixture_profile(&wide);
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop));
    struct rv_buf tbs RV_AUTO(rv_buf) = {0};
    fixture_ca_init(&f, RV_KEY_ECDSA, 256);
    struct rv_leaf leaf = {.names = &names, .common_name = "shop.example.com", .spki = rv_key_spki(key)};
    rv_serial_make(leaf.serial);
    OK(rv_profile_times(profile, 0, NOW, RV_TIME_FAR, &leaf.not_before, &leaf.not_after, &fixture_err));
    OK(rv_tbs_build(profile, f.ca, &leaf, &tbs, &fixture_err));
    OK(rv_profile_check_tbs(profile, rv_buf_bytes(&tbs), NOW, &fixture_err));
    assert_int_equal(rv_profile_check_tbs(profile, rv_buf_bytes(&tbs), NOW + RV_HOUR(2), &fixture_err), RV_DENIED);
    assert_int_equal(rv_profile_check_tbs(profile, rv_buf_bytes(&tbs), NOW - RV_HOUR(2), &fixture_err), RV_DENIED);
    struct rv_profile_spec narrow[7];
    for (size_t i = 0; i < RV_COUNT(narrow); i++)
        narrow[i] = wide;
    narrow[0].keys.ecdsa_p256 = false;
    narrow[1].names.ip = false;
    narrow[2].names.wildcards = false;
    narrow[3].common_name = false;
    narrow[4].client_auth = true;
    narrow[5].names.max_names = 2;
    narrow[6].duration = narrow[6].max_duration = RV_DAY(29);
    for (size_t i = 0; i < RV_COUNT(narrow); i++) {
        struct rv_profile *p = fixture_profile(&narrow[i]);
        if (rv_profile_check_tbs(p, rv_buf_bytes(&tbs), NOW, &fixture_err) != RV_DENIED)
            fail_msg("narrow profile %zu let it pass", i);
        rv_profile_release(p);
    }
    struct rv_ca_wish wish = {.common_name = "Evil",
                              .spki = rv_key_spki(key),
                              .not_before = leaf.not_before,
                              .not_after = leaf.not_after,
                              .path_length = -1};
    rv_serial_make(wish.serial);
    rv_buf_clear(&tbs);
    OK(rv_tbs_issuing(f.ca, &wish, &tbs, &fixture_err));
    assert_int_equal(rv_profile_check_tbs(profile, rv_buf_bytes(&tbs), NOW, &fixture_err), RV_DENIED);
    assert_non_null(strstr(fixture_err.message, "CA"));
    fixture_ca_fini(&f);
    rv_profile_release(profile);
}

static void building_refuses_what_cannot_be(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct fixture_ca f;
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *profile = fixture_profile(&spec);
    struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop)), none = {0};
    struct rv_buf tbs RV_AUTO(rv_buf) = {0};
    fixture_ca_init(&f, RV_KEY_ECDSA, 256);
    struct rv_leaf right = {
        .names = &names, .spki = rv_key_spki(f.root_key), .not_before = NOW, .not_after = NOW + RV_DAY(1)};
    rv_serial_make(right.serial);
    struct rv_leaf bad[6];
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        bad[i] = right;
    bad[0].serial[0] = 0;
    bad[1].serial[0] = 0x80;
    bad[2].not_after = NOW - RV_SEC(1);
    bad[3].names = &none;
    bad[4].crl_url = "https://ca.example/crl";
    bad[5].common_name = "a name that is a good deal longer than the sixty-four characters of X.520";
    for (size_t i = 0; i < RV_COUNT(bad); i++) {
        if (rv_tbs_build(profile, f.ca, &bad[i], &tbs, &fixture_err) != RV_INVALID)
            fail_msg("leaf %zu was built", i);
        assert_int_equal(tbs.len, 0);
    }
    right.crl_url = "http://ca.example/1.crl";
    right.ca_issuers_url = "http://ca.example/ca.crt";
    right.ocsp_url = "http://ca.example/ocsp";
    OK(rv_tbs_build(profile, f.ca, &right, &tbs, &fixture_err));
    OK(rv_lint_tbs(rv_buf_bytes(&tbs), f.ca, NULL, &fixture_err));
    struct rv_buf again RV_AUTO(rv_buf) = {0};
    OK(rv_tbs_build(profile, f.ca, &right, &again, &fixture_err));
    assert_true(rv_bytes_equal(rv_buf_bytes(&tbs), rv_buf_bytes(&again)));
    struct rv_ca *no = NULL;
    struct rv_buf cert RV_AUTO(rv_buf) = {0};
    fixture_sign(f.key, rv_buf_bytes(&tbs), &cert);
    assert_int_equal(rv_ca_create(rv_buf_bytes(&cert), &no, &fixture_err), RV_INVALID);
    assert_non_null(strstr(fixture_err.message, "not that of a CA"));
    uint8_t a[RV_SERIAL_SIZE], b[RV_SERIAL_SIZE];
    rv_serial_make(a);
    rv_serial_make(b);
    assert_memory_not_equal(a, b, sizeof a);
    for (int i = 0; i < 2000; i++) {
        rv_serial_make(a);
        assert_true(a[0] >= 1 && a[0] <= 0x7f);
    }
    fixture_ca_fini(&f);
    rv_profile_release(profile);
}

/* ---- judging what is served ---- */

struct served {
    struct fixture_ca f;
    struct rv_buf leaf, chain, trust;
    struct rv_key *key;
};

static void served_init(struct served *s, rv_time now)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *profile = fixture_profile(&spec);
    struct rv_cert_names names = fixture_names(arena, shop, RV_COUNT(shop));
    *s = (struct served){.key = fixture_key(RV_KEY_ECDSA, 256)};
    fixture_ca_init(&s->f, RV_KEY_ECDSA, 256);
    fixture_issue(&s->f, profile, s->key, NULL, &names, now, &s->leaf);
    rv_buf_add(&s->chain, s->leaf.data, s->leaf.len);
    rv_buf_add(&s->chain, rv_ca_certificate(s->f.ca).ptr, rv_ca_certificate(s->f.ca).len);
    rv_pem_add(&s->trust, RV_PEM_CERTIFICATE, rv_ca_certificate(s->f.root));
    rv_profile_release(profile);
}

static void served_fini(struct served *s)
{
    fixture_ca_fini(&s->f);
    rv_key_destroy(s->key);
    rv_buf_fini(&s->leaf);
    rv_buf_fini(&s->chain);
    rv_buf_fini(&s->trust);
}

static void chains_are_judged(void **state)
{
    (void)state;
    struct served s, other;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_probe_result r = {0};
    struct rv_cert_info info;
    served_init(&s, NOW);
    served_init(&other, NOW);
    OK(rv_cert_read(rv_buf_bytes(&s.leaf), arena, &info, &fixture_err));
    struct rv_probe_spec spec = {.host = "10.0.0.1", .server_name = "shop.example.com", .trust = rv_buf_bytes(&s.trust)};
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_string_equal(r.fault, "");
    assert_true(r.chain_valid && r.name_valid && r.time_valid);
    assert_true(rv_hash_equal(&r.fingerprint, &info.fingerprint));
    assert_string_equal(r.serial, info.serial);
    assert_string_equal(r.issuer, "O=Reeve Tests,CN=Test Issuing");
    assert_int_equal(r.not_after, info.not_after);
    /* both ends of the validity count (H-1) */
    static const struct {
        rv_dur before_start, after_end;
        bool valid;
    } edges[] = {{0, -1, true}, {1, -1, false}, {-1, 0, true}, {-1, 999, true}, {-1, 1000, false}};
    for (size_t i = 0; i < RV_COUNT(edges); i++) {
        rv_time at =
            edges[i].after_end == -1 ? info.not_before - edges[i].before_start : info.not_after + edges[i].after_end;
        rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, at, &r);
        if (r.time_valid != edges[i].valid || !r.chain_valid)
            fail_msg("edge %zu: %d %d %s", i, r.time_valid, r.chain_valid, r.fault);
    }
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, info.not_after + RV_DAY(3) + RV_HOUR(4), &r);
    assert_string_equal(r.fault, "it expired 3d 4h ago");
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, info.not_before - RV_DAY(1), &r);
    assert_non_null(strstr(r.fault, "begins in 1d"));
    /* names */
    static const struct {
        const char *host, *name;
        bool valid;
    } names[] = {{"10.0.0.1", "a.shop.example.com", true},
                 {"10.0.0.1", "SHOP.example.com", true},
                 {"192.0.2.7", NULL, true},
                 {"192.0.2.8", NULL, false},
                 {"10.0.0.1", "a.b.shop.example.com", false},
                 {"10.0.0.1", "other.example.com", false},
                 {"shop.example.com", NULL, true}};
    for (size_t i = 0; i < RV_COUNT(names); i++) {
        spec.host = names[i].host;
        spec.server_name = names[i].name;
        rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
        if (r.name_valid != names[i].valid || !r.chain_valid)
            fail_msg("name %zu: %s", i, r.fault);
        assert_int_equal(r.fault[0] == 0, names[i].valid);
    }
    spec.server_name = "other.example.com";
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_string_equal(
        r.fault, "name other.example.com is not in it: it has dns:*.shop.example.com, dns:shop.example.com, ip:192.0.2.7");
    /* chains */
    spec.server_name = "shop.example.com";
    rv_judge_chain(rv_buf_bytes(&s.leaf), 1, &spec, NOW, &r);
    assert_false(r.chain_valid);
    assert_non_null(strstr(r.fault, "issuer Test Issuing is not trusted, or an intermediate is missing"));
    spec.trust = rv_buf_bytes(&other.trust);
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_false(r.chain_valid);
    spec.trust = (struct rv_bytes){0};
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_false(r.chain_valid);
    rv_judge_chain(rv_ca_certificate(s.f.root), 1, &spec, NOW, &r);
    assert_non_null(strstr(r.fault, "self-signed and not trusted"));
    spec.system_trust = true; /* also with the system's anchors, which do not know us */
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_false(r.chain_valid);
    spec.system_trust = false;
    /* the issuing certificate in the list of anchors does not stand in for a missing intermediate … */
    struct rv_buf both RV_AUTO(rv_buf) = {0}, only RV_AUTO(rv_buf) = {0};
    rv_pem_add(&both, RV_PEM_CERTIFICATE, rv_ca_certificate(s.f.ca));
    rv_buf_add(&both, s.trust.data, s.trust.len);
    spec.trust = rv_buf_bytes(&both);
    rv_judge_chain(rv_buf_bytes(&s.leaf), 1, &spec, NOW, &r);
    assert_false(r.chain_valid);
    /* … unless it is all that is trusted */
    rv_pem_add(&only, RV_PEM_CERTIFICATE, rv_ca_certificate(s.f.ca));
    spec.trust = rv_buf_bytes(&only);
    rv_judge_chain(rv_buf_bytes(&s.leaf), 1, &spec, NOW, &r);
    assert_true(r.chain_valid);
    /* damage */
    spec.trust = rv_buf_bytes(&s.trust);
    s.chain.data[s.leaf.len - 5] ^= 1;
    rv_judge_chain(rv_buf_bytes(&s.chain), 2, &spec, NOW, &r);
    assert_false(r.chain_valid);
    rv_judge_chain(RV_BYTES("", 0), 0, &spec, NOW, &r);
    assert_string_equal(r.fault, "the server sent no certificate");
    rv_judge_chain(RV_BYTES(s.chain.data, 40), 1, &spec, NOW, &r);
    assert_non_null(strstr(r.fault, "cannot be read"));
    served_fini(&s);
    served_fini(&other);
}

static void pairs_are_checked(void **state)
{
    (void)state;
    struct served s;
    struct rv_buf pem RV_AUTO(rv_buf) = {0};
    struct rv_key *other RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    served_init(&s, NOW);
    rv_pem_add(&pem, RV_PEM_CERTIFICATE, rv_buf_bytes(&s.leaf));
    rv_buf_add(&pem, s.trust.data, s.trust.len);
    OK(rv_pair_check(rv_buf_bytes(&pem), s.key, &fixture_err));
    assert_int_equal(rv_pair_check(rv_buf_bytes(&pem), other, &fixture_err), RV_CONFLICT);
    assert_int_equal(rv_pair_check(rv_bytes_of(""), other, &fixture_err), RV_INVALID);
    served_fini(&s);
}

static void subjects_are_shown_safely(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    const char *cn;
    rv_subject_put(&der, "A, \"B\" + C", "x\x1b[31m=y");
    assert_string_equal(rv_subject_text(rv_buf_bytes(&der), arena, &cn), "O=A\\, \\\"B\\\" \\+ C,CN=x\\\\x1b[31m\\=y");
    assert_non_null(rv_subject_fault(rv_buf_bytes(&der)));
    assert_string_equal(rv_subject_text(DER_BYTES("\x30\x00"), arena, &cn), "");
    assert_null(cn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_programs_accept_our_chains),
        cmocka_unit_test(leaf_reads_back),
        cmocka_unit_test(malformed_certificates_are_kept_and_flagged),
        cmocka_unit_test(profiles_say_what_they_refuse),
        cmocka_unit_test(impossible_profiles_are_refused),
        cmocka_unit_test(times_stay_within_the_issuer),
        cmocka_unit_test(profile_limits_hold_for_finished_bytes),
        cmocka_unit_test(building_refuses_what_cannot_be),
        cmocka_unit_test(chains_are_judged),
        cmocka_unit_test(pairs_are_checked),
        cmocka_unit_test(subjects_are_shown_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
