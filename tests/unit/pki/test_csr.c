/* pki: requests. What is right is read, what is malformed, forged, weak or asks for too much is refused. */
#include "unit/pki/fixture.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/der_priv.h"
#include "pki/digest.h"

static const struct rv_cert_name two_names[] = {{RV_NAME_DNS, "shop.example.com"}, {RV_NAME_IP, "192.0.2.7"}};

static void requests_round_trip(void **state)
{
    (void)state;
    static const struct {
        enum rv_key_algorithm algorithm;
        int size;
    } kinds[] = {{RV_KEY_ECDSA, 256}, {RV_KEY_ECDSA, 384}, {RV_KEY_RSA, 2048}, {RV_KEY_ED25519, 256}};
    static const struct rv_cert_name all[] = {
        {RV_NAME_DNS, "*.example.com"}, {RV_NAME_DNS, "shop.example.com"},          {RV_NAME_IP, "2001:db8::1"},
        {RV_NAME_IP, "192.0.2.7"},      {RV_NAME_URI, "spiffe://example.com/shop"}, {RV_NAME_EMAIL, "ops@example.com"}};
    for (size_t i = 0; i < RV_COUNT(kinds); i++) {
        struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
        struct rv_key *key RV_AUTO(rv_key) = fixture_key(kinds[i].algorithm, kinds[i].size);
        struct rv_cert_names names = fixture_names(arena, all, RV_COUNT(all));
        struct rv_buf der RV_AUTO(rv_buf) = {0}, pem RV_AUTO(rv_buf) = {0};
        struct rv_csr csr;
        OK(rv_csr_create(key, "shop.example.com", &names, &der, &fixture_err));
        const uint8_t *at = der.data; /* libcrypto agrees */
        X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)der.len);
        assert_non_null(req);
        assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
        X509_REQ_free(req);
        rv_pem_add(&pem, RV_PEM_REQUEST, rv_buf_bytes(&der));
        OK(rv_csr_read_any(rv_buf_bytes(&pem), arena, &csr, &fixture_err));
        assert_true(rv_cert_names_equal(&csr.names, &names));
        assert_string_equal(csr.common_name, "shop.example.com");
        assert_true(rv_hash_equal(&csr.spki_hash, rv_key_spki_hash(key)));
        assert_int_equal(csr.key.bits, kinds[i].size);
        assert_false(csr.wants_ca || csr.wants_eku || csr.other_subject);
        assert_int_equal(csr.foreign_count, 0);
        rv_buf_clear(&der);
        OK(rv_csr_create(key, NULL, &names, &der, &fixture_err));
        OK(rv_csr_read_any(rv_buf_bytes(&der), arena, &csr, &fixture_err));
        assert_null(csr.common_name);
    }
}

/* What the openssl program makes, with the extensions that its default configuration adds. */
static void requests_of_openssl_are_read(void **state)
{
    (void)state;
    char dir[] = "/tmp/reeve-csr-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/csr.pem", dir);
    static const char *const keys[][3] = {
        {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"rsa:2048", "-sha256", "-batch"}, {"ed25519", "-batch", "-utf8"}};
    for (size_t i = 0; i < RV_COUNT(keys); i++) {
        const char *const argv[] = {"openssl",  "req",
                                    "-new",     "-nodes",
                                    "-newkey",  keys[i][0],
                                    keys[i][1], keys[i][2],
                                    "-keyout",  "key.pem",
                                    "-out",     "csr.pem",
                                    "-subj",    "/C=DE/O=Example/CN=Shop.Example.com",
                                    "-addext",  "subjectAltName=DNS:shop.example.com,IP:192.0.2.7",
                                    "-addext",  "basicConstraints=CA:FALSE",
                                    "-addext",  "keyUsage=digitalSignature",
                                    "-addext",  "extendedKeyUsage=serverAuth",
                                    NULL};
        assert_true(fixture_run(dir, argv));
        char text[8192];
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        size_t n = fread(text, 1, sizeof text, in);
        fclose(in);
        struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
        struct rv_csr csr;
        OK(rv_csr_read_any(RV_BYTES(text, n), arena, &csr, &fixture_err));
        assert_string_equal(csr.common_name, "shop.example.com");
        assert_true(csr.other_subject && csr.wants_eku && csr.eku_server && !csr.wants_ca && !csr.eku_client);
        assert_int_equal(csr.names.count, 2);
        assert_int_equal(csr.foreign_count, 0);
    }
    unlink(path);
    snprintf(path, sizeof path, "%s/key.pem", dir);
    unlink(path);
    rmdir(dir);
}

/* ---- requests with one thing wrong ---- */

struct wrong {
    const char *name;
    enum rv_status status;
    const char *message;                                                  /* a part of it */
    const char *version, *subject, *spki, *attributes, *tail, *algorithm; /* hex, instead of the right thing */
};
#define EXT_REQ "06092a864886f70d01090e"

static void add_hex(struct rv_buf *out, const char *hex)
{
    char clean[2048];
    size_t n = 0;
    for (const char *c = hex; *c != 0; c++)
        if (*c != ' ') {
            assert_true(n < sizeof clean);
            clean[n++] = *c;
        }
    uint8_t *p = rv_buf_reserve(out, n / 2);
    assert_true(rv_unhex(p, n / 2, clean, n));
    out->len += n / 2;
}

/* A request from parts, properly signed, so that nothing but the one fault is wrong. */
static void build(const struct rv_key *key, const struct wrong *w, struct rv_buf *out)
{
    struct rv_buf info RV_AUTO(rv_buf) = {0}, signature RV_AUTO(rv_buf) = {0};
    size_t mark = rv_der_open(&info, DER_SEQUENCE);
    add_hex(&info, w->version != NULL ? w->version : "020100");
    add_hex(&info, w->subject != NULL ? w->subject : "3000");
    if (w->spki != NULL)
        add_hex(&info, w->spki);
    else
        rv_der_raw(&info, rv_key_spki(key));
    add_hex(&info, w->attributes != NULL ? w->attributes : "a000");
    if (w->tail != NULL)
        add_hex(&info, w->tail);
    rv_der_close(&info, mark);
    OK(rv_key_sign(key, rv_buf_bytes(&info), &signature, &fixture_err));
    mark = rv_der_open(out, DER_SEQUENCE);
    rv_der_raw(out, rv_buf_bytes(&info));
    if (w->algorithm != NULL)
        add_hex(out, w->algorithm);
    else
        rv_der_raw(out, rv_key_signature_algorithm(key));
    rv_der_put_bits(out, rv_buf_bytes(&signature));
    rv_der_close(out, mark);
}

static const struct wrong wrongs[] = {
    {.name = "version 2", .status = RV_INVALID, .message = "version", .version = "020101"},
    {.name = "version padded", .status = RV_INVALID, .message = "INTEGER", .version = "02020000"},
    {.name = "negative version", .status = RV_INVALID, .message = "version", .version = "0201ff"},
    {.name = "empty RDN", .status = RV_INVALID, .message = "empty or malformed", .subject = "30023100"},
    {.name = "subject is a SET", .status = RV_INVALID, .message = "PKCS#10", .subject = "3100"},
    {.name = "bad UTF-8 in subject",
     .status = RV_INVALID,
     .message = "UTF-8",
     .subject = "300e310c300a06035504030c03 61ff62"},
    {.name = "NUL in the common name",
     .status = RV_INVALID,
     .message = "UTF-8",
     .subject = "300e310c300a06035504030c03 610062"},
    {.name = "control character",
     .status = RV_INVALID,
     .message = "control",
     .subject = "300e310c300a06035504030c03 610a62"},
    {.name = "T61 common name",
     .status = RV_INVALID,
     .message = "string type",
     .subject = "300e310c300a060355040314 03616263"},
    {.name = "empty common name", .status = RV_INVALID, .message = "empty", .subject = "300b3109300706035504030c00"},
    {.name = "two common names",
     .status = RV_INVALID,
     .message = "more than one",
     .subject = "3018 310a300806035504030c0161 310a300806035504030c0162"},
    {.name = "unsorted RDN",
     .status = RV_INVALID,
     .message = "SET is not in order",
     .subject = "3016 3114 300806035504060c0162 300806035504030c0161"},
    {.name = "attributes primitive", .status = RV_INVALID, .message = "", .attributes = "8000"},
    {.name = "attributes with another tag", .status = RV_INVALID, .message = "", .attributes = "a100"},
    {.name = "bytes behind the attributes", .status = RV_INVALID, .message = "", .tail = "0500"},
    {.name = "attribute without values",
     .status = RV_INVALID,
     .message = "malformed or empty",
     .attributes = "a00f 300d 06092a864886f70d01090e 3100"},
    {.name = "extensionRequest twice",
     .status = RV_INVALID,
     .message = "twice",
     .attributes = "a05a 302b" EXT_REQ "311e301c 301a0603551d110413 30118 20f73686f702e6578616d706c652e636f"
                   "302b" EXT_REQ "311e301c 301a0603551d110413 3011820f73686f702e6578616d706c652e6370"},
    {.name = "empty extension list", .status = RV_INVALID, .message = "empty", .attributes = "a011 300f" EXT_REQ "31023000"},
    {.name = "extension twice",
     .status = RV_INVALID,
     .message = "twice",
     .attributes = "a031 302f" EXT_REQ "31223020 300e0603551d110407 30058203612e62 300e0603551d110407 30058203612e63"},
    {.name = "critical FALSE spelled out",
     .status = RV_INVALID,
     .message = "",
     .attributes = "a024 3022" EXT_REQ "31153013 30110603551d11 010100 0407 30058203612e62"},
    {.name = "BOOLEAN 01",
     .status = RV_INVALID,
     .message = "BOOLEAN",
     .attributes = "a024 3022" EXT_REQ "31153013 30110603551d11 010101 0407 30058203612e62"},
    {.name = "BER inside an extension",
     .status = RV_INVALID,
     .message = "not DER",
     .attributes = "a022 3020" EXT_REQ "31133011 300f0603551d110408 3081058203612e62"},
    {.name = "empty subjectAltName",
     .status = RV_INVALID,
     .message = "empty",
     .attributes = "a01c 301a" EXT_REQ "310d300b 30090603551d110402 3000"},
    {.name = "bytes behind subjectAltName",
     .status = RV_INVALID,
     .message = "follow",
     .attributes = "a023 3021" EXT_REQ "31143012 30100603551d110409 30058203612e62 0500"},
    {.name = "NUL in a DNS name",
     .status = RV_INVALID,
     .message = "plain text",
     .attributes = "a022 3020" EXT_REQ "31133011 300f0603551d110408 30068204612e0062"},
    {.name = "underscore in a DNS name",
     .status = RV_INVALID,
     .message = "_",
     .attributes = "a021 301f" EXT_REQ "31123010 300e0603551d110407 30058203615f62"},
    {.name = "address of five octets",
     .status = RV_INVALID,
     .message = "length",
     .attributes = "a023 3021" EXT_REQ "31143012 30100603551d110409 30078705c000020701"},
    {.name = "directoryName",
     .status = RV_INVALID,
     .message = "directoryName",
     .attributes = "a020 301e" EXT_REQ "3111300f 300d0603551d110406 3004a4023000"},
    {.name = "Microsoft's extension attribute",
     .status = RV_INVALID,
     .message = "Microsoft",
     .attributes = "a022 3020 060a2b060104018237 02010e 31123010 300e0603551d110407 30058203612e62"},
    {.name = "superfluous NULL in the algorithm",
     .status = RV_INVALID,
     .message = "canonical",
     .algorithm = "300c06082a8648ce3d0403020500"},
    {.name = "ECDSA with SHA-1", .status = RV_INVALID, .message = "SHA-1", .algorithm = "300906072a8648ce3d0401"},
    {.name = "RSA algorithm on an EC key",
     .status = RV_INVALID,
     .message = "does not fit",
     .algorithm = "300d06092a864886f70d01010b0500"},
    {.name = "another key",
     .status = RV_DENIED,
     .message = "does not verify",
     .spki = "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     .algorithm = "300506032b6570"},
    {.name = "explicit curve",
     .status = RV_INVALID,
     .message = "spelled out",
     .spki = "3015300e06072a8648ce3d0201 3003020101 0303000401"},
};

static void wrong_requests_are_refused(void **state)
{
    (void)state;
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    for (size_t i = 0; i < RV_COUNT(wrongs); i++) {
        struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
        struct rv_buf der RV_AUTO(rv_buf) = {0};
        struct rv_csr csr;
        struct rv_error err = {0};
        build(key, &wrongs[i], &der);
        enum rv_status status = rv_csr_read(rv_buf_bytes(&der), arena, &csr, &err);
        if (status != wrongs[i].status || strstr(err.message, wrongs[i].message) == NULL)
            fail_msg("%s: status %d, %s", wrongs[i].name, status, err.message);
    }
    struct rv_buf der RV_AUTO(rv_buf) = {0}; /* and the same without a fault is fine */
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_csr csr;
    build(key, &(struct wrong){0}, &der);
    OK(rv_csr_read(rv_buf_bytes(&der), arena, &csr, &fixture_err));
}

static void wishes_for_more_are_seen(void **state)
{
    (void)state;
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    static const struct {
        const char *attributes;
        bool ca, server, client, other;
        const char *foreign;
    } cases[] = {
        {"a01f 301d" EXT_REQ "3110300e 300c0603551d130405 30030101ff", .ca = true},
        {"a01e 301c" EXT_REQ "310f300d 300b0603551d0f0404 03020186", .ca = true},
        {"a026 3024" EXT_REQ "31173015 30130603551d25040c 300a06082b06010505070301", .server = true},
        {"a026 3024" EXT_REQ "31173015 30130603551d25040c 300a06082b06010505070302", .client = true},
        {"a026 3024" EXT_REQ "31173015 30130603551d25040c 300a06082b06010505070309", .other = true},
        {"a01d 301b" EXT_REQ "310e300c 300a0603551d1e0403 020100", .foreign = "2.5.29.30"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
        struct rv_buf der RV_AUTO(rv_buf) = {0};
        struct rv_csr csr;
        build(key, &(struct wrong){.attributes = cases[i].attributes}, &der);
        OK(rv_csr_read(rv_buf_bytes(&der), arena, &csr, &fixture_err));
        assert_int_equal(csr.wants_ca, cases[i].ca);
        assert_int_equal(csr.eku_server, cases[i].server);
        assert_int_equal(csr.eku_client, cases[i].client);
        assert_int_equal(csr.eku_other, cases[i].other);
        assert_int_equal(csr.foreign_count, cases[i].foreign != NULL);
        if (cases[i].foreign != NULL)
            assert_string_equal(csr.foreign[0].oid, cases[i].foreign);
    }
}

/* Every one-octet change, cut and insertion: nothing but the very same bytes may be accepted, as the signature covers
 * the content and the strict reading covers the rest. */
static void mutants_are_refused(void **state)
{
    (void)state;
    struct rv_arena *outer RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ED25519, 256);
    struct rv_cert_names names = fixture_names(outer, two_names, RV_COUNT(two_names));
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    OK(rv_csr_create(key, "shop.example.com", &names, &der, &fixture_err));
    uint8_t *copy = rv_alloc(der.len + 1);
    size_t tried = 0;
    for (size_t at = 0; at < der.len; at++) {
        struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
        struct rv_csr csr;
        for (unsigned bit = 1; bit < 256; bit <<= 1, tried++) {
            memcpy(copy, der.data, der.len);
            copy[at] ^= (uint8_t)bit;
            if (rv_csr_read(RV_BYTES(copy, der.len), arena, &csr, NULL) == RV_OK)
                fail_msg("octet %zu with %02x flipped was accepted", at, bit);
        }
        assert_int_not_equal(rv_csr_read(RV_BYTES(der.data, at), arena, &csr, NULL), RV_OK);
        memcpy(copy, der.data, at);
        copy[at] = 0;
        memcpy(copy + at + 1, der.data + at, der.len - at);
        assert_int_not_equal(rv_csr_read(RV_BYTES(copy, der.len + 1), arena, &csr, NULL), RV_OK);
    }
    rv_free(copy);
    assert_int_equal(tried, der.len * 8);
}

/* What has no signature over it: structure is changed and signed again, and it must not crash. */
static void resigned_mutants_do_no_harm(void **state)
{
    (void)state;
    struct rv_arena *outer RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ED25519, 256);
    struct rv_cert_names names = fixture_names(outer, two_names, RV_COUNT(two_names));
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    struct rv_csr csr;
    OK(rv_csr_create(key, "shop.example.com", &names, &der, &fixture_err));
    OK(rv_csr_read(rv_buf_bytes(&der), outer, &csr, &fixture_err));
    size_t accepted = 0;
    for (size_t at = 0; at < csr.info.len; at++)
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
            struct rv_buf whole RV_AUTO(rv_buf) = {0}, info RV_AUTO(rv_buf) = {0}, signature RV_AUTO(rv_buf) = {0};
            struct rv_csr got;
            rv_buf_add(&info, csr.info.ptr, csr.info.len);
            info.data[at] ^= (uint8_t)bit;
            OK(rv_key_sign(key, rv_buf_bytes(&info), &signature, &fixture_err));
            size_t mark = rv_der_open(&whole, DER_SEQUENCE);
            rv_der_raw(&whole, rv_buf_bytes(&info));
            rv_der_raw(&whole, rv_key_signature_algorithm(key));
            rv_der_put_bits(&whole, rv_buf_bytes(&signature));
            rv_der_close(&whole, mark);
            if (rv_csr_read(rv_buf_bytes(&whole), arena, &got, NULL) != RV_OK)
                continue;
            accepted++; /* another name, or another attribute: both are still canonical */
            for (size_t n = 0; n < got.names.count; n++) {
                char normal[RV_NAME_MAX + 1];
                OK(rv_name_normalise(got.names.items[n].type, got.names.items[n].text, normal, &fixture_err));
                assert_string_equal(normal, got.names.items[n].text);
            }
        }
    assert_true(accepted > 0 && accepted < csr.info.len * 8 / 2);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_key *key RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    struct rv_csr csr;
    struct rv_error err;
    uint8_t *big = rv_zalloc(RV_CSR_MAX_SIZE + 1);
    assert_int_equal(rv_csr_read(RV_BYTES(big, RV_CSR_MAX_SIZE + 1), arena, &csr, &err), RV_INVALID);
    assert_int_equal(rv_csr_read(RV_BYTES(big, 0), arena, &csr, &err), RV_INVALID);
    rv_free(big);
    struct rv_cert_name many[101];
    for (size_t i = 0; i < RV_COUNT(many); i++) {
        many[i].type = RV_NAME_DNS;
        many[i].text = rv_arena_printf(arena, "n%zu.example.com", i);
    }
    struct rv_cert_names names = fixture_names(arena, many, 101);
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    OK(rv_csr_create(key, NULL, &names, &der, &fixture_err));
    assert_int_equal(rv_csr_read(rv_buf_bytes(&der), arena, &csr, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "100"));
    assert_int_equal(rv_csr_read_any(rv_bytes_of("hello"), arena, &csr, &err), RV_INVALID);
    assert_non_null(strstr(err.hint, "CERTIFICATE REQUEST"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_round_trip),        cmocka_unit_test(requests_of_openssl_are_read),
        cmocka_unit_test(wrong_requests_are_refused), cmocka_unit_test(wishes_for_more_are_seen),
        cmocka_unit_test(mutants_are_refused),        cmocka_unit_test(resigned_mutants_do_no_harm),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
