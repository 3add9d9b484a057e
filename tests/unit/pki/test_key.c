/* pki: PEM, DER, keys, signatures, and keys that must be refused. */
#include "support/cmocka.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "base/arena.h"
#include "pki/der_priv.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/names.h"
#include "pki/pem.h"
#include "pki/random.h"
#include "pki/spki.h"

static const struct rv_key_spec specs[] = {
    {.algorithm = RV_KEY_ECDSA, .size = 256},
    {.algorithm = RV_KEY_ECDSA, .size = 384},
    {.algorithm = RV_KEY_RSA, .size = 2048},
    {.algorithm = RV_KEY_ED25519, .size = 256},
};

static struct rv_key *make(const struct rv_key_spec *spec)
{
    struct rv_key *key = NULL;
    struct rv_error err = {0};
    if (rv_key_generate(spec, &key, &err) != RV_OK)
        fail_msg("%s", err.message);
    return key;
}

static void digests_match_known_vectors(void **state)
{
    (void)state;
    struct rv_hash h;
    char hex[RV_HASH_TEXT];
    rv_sha256(RV_BYTES("", 0), &h); /* the root of the empty Merkle tree */
    assert_string_equal(rv_hash_hex(hex, &h), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_true(rv_equal_secret(rv_bytes_of("abc"), rv_bytes_of("abc")));
    assert_false(rv_equal_secret(rv_bytes_of("abc"), rv_bytes_of("abd")));
    assert_false(rv_equal_secret(rv_bytes_of("abc"), rv_bytes_of("ab")));
}

static void pem_is_strict_and_bounded(void **state)
{
    (void)state;
    struct rv_buf pem RV_AUTO(rv_buf) = {0}, der RV_AUTO(rv_buf) = {0};
    uint8_t bytes[200];
    rv_random(bytes, sizeof bytes);
    rv_buf_add_text(&pem, "text before it\n");
    rv_pem_add(&pem, "CERTIFICATE", RV_BYTES(bytes, sizeof bytes));
    assert_true(rv_pem_looks(rv_bytes_of("\r\n -----BEGIN X-----")));
    assert_int_equal(rv_pem_one(rv_buf_bytes(&pem), "CERTIFICATE", &der, NULL), RV_OK);
    assert_true(rv_bytes_equal(rv_buf_bytes(&der), RV_BYTES(bytes, sizeof bytes)));
    struct rv_error err;
    assert_int_equal(rv_pem_one(rv_buf_bytes(&pem), "PRIVATE KEY", &der, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "PRIVATE KEY"));
    rv_pem_add(&pem, "CERTIFICATE", RV_BYTES(bytes, 3));
    assert_int_equal(rv_pem_one(rv_buf_bytes(&pem), "CERTIFICATE", &der, &err), RV_INVALID);
    int count = 0;
    rv_buf_clear(&der);
    assert_int_equal(rv_pem_all(rv_buf_bytes(&pem), "CERTIFICATE", &der, &count, &err), RV_OK);
    assert_int_equal(count, 2);
    assert_int_equal(der.len, 203);
    static const char *const bad[] = {
        "-----BEGIN X-----\nAAAA\n",                                   /* no end */
        "-----BEGIN X-----\nAAAA\n-----END Y-----\n",                  /* another label */
        "-----BEGIN X-----\nAA=A\n-----END X-----\n",                  /* padding inside */
        "-----BEGIN X-----\nAAB=\n-----END X-----\n",                  /* stray bits */
        "-----BEGIN X-----\nA AAA\n-----END X-----\n",                 /* blank inside */
        "-----BEGIN X-----\nProc-Type: 4\n\nAAAA\n-----END X-----\n",  /* headers */
        "-----BEGIN X-----\n-----END X-----\n",                        /* nothing */
        "-----BEGIN X-----\n-----BEGIN X-----\nAAAA\n-----END X-----", /* begun twice */
    };
    for (size_t i = 0; i < RV_COUNT(bad); i++)
        assert_int_equal(rv_pem_one(rv_bytes_of(bad[i]), "X", &der, &err), RV_INVALID);
    rv_buf_clear(&pem);
    for (int i = 0; i <= RV_PEM_MAX_BLOCKS; i++)
        rv_pem_add(&pem, "X", RV_BYTES(bytes, 3));
    assert_int_equal(rv_pem_all(rv_buf_bytes(&pem), "X", &der, &count, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "200"));
}

static void der_walker_refuses_what_is_not_der(void **state)
{
    (void)state;
    static const char *const good[] = {"3000", "0101ff", "020100", "020200ff", "0500", "06032b6570", "310602010102010 2"};
    static const char *const bad[] = {
        "",                                        /* nothing */
        "30800000",                                /* indefinite length */
        "308100",                                  /* long form for a short length */
        "30820080",                                /* cut off */
        "1f0100",                                  /* high-tag form */
        "300001",                                  /* bytes behind it */
        "3003020100ff",                            /* the same inside */
        "010101",                                  /* BOOLEAN 01 */
        "0200",                                    /* empty INTEGER */
        "02020001",                                /* padded INTEGER */
        "0202ff80",                                /* padded negative */
        "030108",                                  /* unused bits over 7 */
        "03020101",                                /* unused bits not zero */
        "0300",                                    /* BIT STRING without count */
        "0603802b65",                              /* padded arc */
        "06022b80",                                /* cut arc */
        "2402040 0",                               /* constructed OCTET STRING */
        "1000",                                    /* primitive SEQUENCE */
        "0501 00",                                 /* NULL with contents */
        "0c01ff",                                  /* not UTF-8 */
        "13012a",                                  /* '*' in PrintableString */
        "160180",                                  /* beyond ASCII */
        "170b3236313132333131303030",              /* time without Z */
        "170d3236303233303131303030305a",          /* 30 February */
        "18113230323631313233313130303030 2e355a", /* fraction */
        "3106020102020101",                        /* unsorted SET */
        "0000",                                    /* end of contents */
    };
    uint8_t bytes[64];
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < (pass ? RV_COUNT(bad) : RV_COUNT(good)); i++) {
            const char *text = pass ? bad[i] : good[i];
            char clean[130];
            size_t n = 0;
            for (const char *c = text; *c; c++)
                if (*c != ' ')
                    clean[n++] = *c;
            assert_true(rv_unhex(bytes, n / 2, clean, n));
            if ((rv_der_fault(RV_BYTES(bytes, n / 2)) != NULL) != pass)
                fail_msg("%s: %s", text, pass ? "accepted" : rv_der_fault(RV_BYTES(bytes, n / 2)));
        }
    uint8_t deep[200];
    for (size_t i = 0; i < sizeof deep; i += 2)
        deep[i] = 0x30, deep[i + 1] = (uint8_t)(sizeof deep - i - 2 > 127 ? 0 : sizeof deep - i - 2);
    assert_string_equal(rv_der_fault(RV_BYTES(deep + 100, 100)), "it is nested too deeply");
}

static void der_writer_writes_der(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 125, 126, 127, 128, 253, 254, 255, 256, 65533, 65536, 70000};
    for (size_t i = 0; i < RV_COUNT(sizes); i++) {
        struct rv_buf buf RV_AUTO(rv_buf) = {0}, direct RV_AUTO(rv_buf) = {0};
        size_t mark = rv_der_open(&buf, DER_SEQUENCE), inner = rv_der_open(&buf, DER_OCTET_STRING);
        uint8_t *zero = rv_zalloc(sizes[i] + 1);
        rv_buf_add(&buf, zero, sizes[i]);
        rv_der_close(&buf, inner);
        rv_der_put_uint(&buf, sizes[i]);
        rv_der_close(&buf, mark);
        assert_null(rv_der_fault(rv_buf_bytes(&buf)));
        struct rv_der outer, string, number;
        int64_t n = 0;
        assert_true(rv_der_only(rv_buf_bytes(&buf), DER_SEQUENCE, &outer));
        assert_true(rv_der_take(&outer.body, DER_OCTET_STRING, &string));
        assert_int_equal(string.body.len, sizes[i]);
        assert_true(rv_der_take(&outer.body, DER_INTEGER, &number) && rv_der_int_read(&number, &n));
        assert_int_equal(n, sizes[i]);
        rv_der_put(&direct, DER_OCTET_STRING, RV_BYTES(zero, sizes[i]));
        assert_true(rv_bytes_equal(rv_buf_bytes(&direct), string.whole));
        rv_free(zero);
    }
    struct rv_buf buf RV_AUTO(rv_buf) = {0};
    rv_time last_utc, first_general, t;
    assert_int_equal(rv_time_parse("2049-12-31T23:59:59Z", &last_utc, NULL), RV_OK);
    first_general = last_utc + RV_SEC(1);
    assert_true(rv_der_put_time(&buf, last_utc)); /* */
    assert_int_equal(buf.data[0], DER_UTC_TIME);
    struct rv_bytes rest = rv_buf_bytes(&buf);
    struct rv_der e;
    assert_true(rv_der_next(&rest, &e) && rv_der_time_read(&e, &t) && t == last_utc);
    rv_buf_clear(&buf);
    assert_true(rv_der_put_time(&buf, first_general));
    assert_int_equal(buf.data[0], DER_GENERALIZED_TIME);
    rest = rv_buf_bytes(&buf);
    assert_true(rv_der_next(&rest, &e) && rv_der_time_read(&e, &t) && t == first_general);
    assert_false(rv_der_put_time(&buf, RV_DAY(-20 * 366)));
    char text[64];
    assert_string_equal(rv_der_oid_text(DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x02"), text, sizeof text),
                        "1.2.840.10045.4.3.2");
    assert_string_equal(rv_der_oid_text(DER_BYTES("\x88\x37\x03"), text, sizeof text), "2.999.3");
}

/* libcrypto itself is the judge of what we sign and encode. */
static void judge_signature(const struct rv_key *key, struct rv_bytes data, struct rv_bytes signature)
{
    struct rv_bytes spki = rv_key_spki(key);
    const uint8_t *at = spki.ptr;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
    assert_non_null(pkey);
    const EVP_MD *md = rv_key_algorithm(key) == RV_KEY_ED25519 ? NULL
                       : EVP_PKEY_get_bits(pkey) == 384        ? EVP_sha384()
                                                               : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, md, NULL, pkey), 1);
    assert_int_equal(EVP_DigestVerify(ctx, signature.ptr, signature.len, data.ptr, data.len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

static void keys_sign_and_verify(void **state)
{
    (void)state;
    struct rv_bytes data = rv_bytes_of("something to sign"), other = rv_bytes_of("something to sigm");
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < RV_COUNT(specs); i++) {
            struct rv_key *key RV_AUTO(rv_key) = make(&specs[i]);
            struct rv_key *stranger RV_AUTO(rv_key) = make(&specs[i]);
            struct rv_buf signature RV_AUTO(rv_buf) = {0};
            struct rv_spki spki, foreign;
            struct rv_error err;
            struct rv_bytes algorithm = rv_key_signature_algorithm(key);
            assert_int_equal(rv_spki_read(rv_key_spki(key), &spki, &err), RV_OK);
            assert_int_equal(rv_spki_read(rv_key_spki(stranger), &foreign, &err), RV_OK);
            assert_int_equal(spki.algorithm, specs[i].algorithm);
            assert_int_equal(spki.bits, specs[i].size);
            for (int again = 0; again < 3; again++) {
                rv_buf_clear(&signature);
                assert_int_equal(rv_key_sign(key, data, &signature, &err), RV_OK);
                judge_signature(key, data, rv_buf_bytes(&signature));
                assert_int_equal(rv_spki_verify(&spki, algorithm, data, rv_buf_bytes(&signature), &err), RV_OK);
                assert_int_equal(rv_spki_verify(&foreign, algorithm, data, rv_buf_bytes(&signature), &err), RV_DENIED);
                assert_int_equal(rv_spki_verify(&spki, algorithm, other, rv_buf_bytes(&signature), &err), RV_DENIED);
            }
            signature.data[signature.len / 2] ^= 1;
            assert_int_equal(rv_spki_verify(&spki, algorithm, data, rv_buf_bytes(&signature), &err), RV_DENIED);
            assert_int_equal(rv_spki_verify(&spki, algorithm, data, RV_BYTES("", 0), &err), RV_DENIED);
            struct rv_hash h;
            rv_sha256(rv_key_spki(key), &h);
            assert_true(rv_hash_equal(&h, rv_key_spki_hash(key)));
        }
}

static void algorithms_must_fit_and_be_strong(void **state)
{
    (void)state;
    struct rv_key *ec RV_AUTO(rv_key) = make(&specs[0]);
    struct rv_spki spki;
    struct rv_error err;
    assert_int_equal(rv_spki_read(rv_key_spki(ec), &spki, &err), RV_OK);
    struct rv_bytes rsa = DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00");
    struct rv_bytes sha1 = DER_BYTES("\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01");
    struct rv_bytes with_null = DER_BYTES("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00");
    assert_int_equal(rv_spki_verify(&spki, rsa, rsa, rsa, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "does not fit"));
    assert_int_equal(rv_spki_verify(&spki, sha1, rsa, rsa, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "ECDSA with SHA-1"));
    assert_int_equal(rv_spki_verify(&spki, with_null, rsa, rsa, &err), RV_INVALID);
}

static struct rv_bytes hex(uint8_t *out, const char *text)
{
    size_t n = strlen(text) / 2;
    assert_true(rv_unhex(out, n, text, 2 * n));
    return RV_BYTES(out, n);
}

/* Standards section V and B-19: signatures and identifiers that others published. */
static void published_vectors_hold(void **state)
{
    (void)state;
    uint8_t a[128], b[128], c[128];
    struct rv_spki spki;
    struct rv_error err;
    /* RFC 6979 A.2.5, P-256, SHA-256, "sample" */
    struct rv_bytes key = hex(a, "3059301306072a8648ce3d020106082a8648ce3d030107034200"
                                 "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                                 "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    struct rv_bytes algorithm = hex(b, "300a06082a8648ce3d040302");
    struct rv_bytes signature = hex(c, "3046"
                                       "022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
                                       "022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
    assert_int_equal(rv_spki_read(key, &spki, &err), RV_OK);
    assert_int_equal(rv_spki_verify(&spki, algorithm, rv_bytes_of("sample"), signature, &err), RV_OK);
    assert_int_equal(rv_spki_verify(&spki, algorithm, rv_bytes_of("simple"), signature, &err), RV_DENIED);
    /* r = s = 0, and r = s = n, the "psychic" ones */
    signature = hex(c, "3006020100020100");
    assert_int_equal(rv_spki_verify(&spki, algorithm, rv_bytes_of("sample"), signature, &err), RV_DENIED);
    signature = hex(c, "3046022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
                       "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    assert_int_equal(rv_spki_verify(&spki, algorithm, rv_bytes_of("sample"), signature, &err), RV_DENIED);
    /* RFC 8032 §7.1, test 1 */
    key = hex(a, "302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    algorithm = hex(b, "300506032b6570");
    signature = hex(c, "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
                       "25bf5f0595bbe24655141438e7a100b");
    assert_int_equal(rv_spki_read(key, &spki, &err), RV_OK);
    assert_int_equal(rv_spki_verify(&spki, algorithm, rv_bytes_of(""), signature, &err), RV_OK);
    static const char *const identifiers[] = {"300a06082a8648ce3d040302", "300a06082a8648ce3d040303",
                                              "300d06092a864886f70d01010b0500", "300506032b6570"};
    for (size_t i = 0; i < RV_COUNT(identifiers); i++) {
        struct rv_key *made RV_AUTO(rv_key) = make(&specs[i]);
        assert_true(rv_bytes_equal(rv_key_signature_algorithm(made), hex(a, identifiers[i])));
    }
}

static void keys_travel_as_pem(void **state)
{
    (void)state;
    struct rv_secret *pass RV_AUTO(rv_secret) = rv_secret_create("correct horse", 13);
    struct rv_secret *wrong RV_AUTO(rv_secret) = rv_secret_create("battery", 7);
    for (size_t i = 0; i < RV_COUNT(specs); i++) {
        struct rv_key *key RV_AUTO(rv_key) = make(&specs[i]);
        struct rv_key *back RV_AUTO(rv_key) = NULL, *plain RV_AUTO(rv_key) = NULL, *none RV_AUTO(rv_key) = NULL;
        struct rv_buf pem RV_AUTO(rv_buf) = {0};
        struct rv_error err = {0};
        assert_int_equal(rv_key_to_pem(key, pass, &pem, &err), RV_OK);
        assert_non_null(strstr(rv_buf_text(&pem), "BEGIN ENCRYPTED PRIVATE KEY"));
        assert_int_equal(rv_key_from_pem(rv_buf_bytes(&pem), wrong, &none, &err), RV_DENIED);
        assert_int_equal(rv_key_from_pem(rv_buf_bytes(&pem), NULL, &none, &err), RV_INVALID);
        assert_int_equal(rv_key_from_pem(rv_buf_bytes(&pem), pass, &back, &err), RV_OK);
        assert_true(rv_hash_equal(rv_key_spki_hash(back), rv_key_spki_hash(key)));
        struct rv_secret *text RV_AUTO(rv_secret) = rv_key_plain_pem(key);
        assert_int_equal(rv_key_from_pem(rv_secret_bytes(text), NULL, &plain, &err), RV_OK);
        assert_true(rv_hash_equal(rv_key_spki_hash(plain), rv_key_spki_hash(key)));
        assert_int_equal(rv_key_from_pem(rv_secret_bytes(text), pass, &none, &err), RV_INVALID);
        BIO *bio = BIO_new_mem_buf(rv_secret_bytes(text).ptr, (int)rv_secret_bytes(text).len);
        EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL); /* what a server would read */
        assert_non_null(pkey);
        BIO_free(bio);
        bio = BIO_new(BIO_s_mem());
        if (specs[i].algorithm != RV_KEY_ED25519) { /* the forms of before PKCS#8 */
            struct rv_key *old RV_AUTO(rv_key) = NULL;
            char *p;
            assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
            long n = BIO_get_mem_data(bio, &p);
            assert_int_equal(rv_key_from_pem(RV_BYTES(p, (size_t)n), NULL, &old, &err), RV_OK);
            assert_true(rv_hash_equal(rv_key_spki_hash(old), rv_key_spki_hash(key)));
        }
        BIO_free(bio);
        EVP_PKEY_free(pkey);
    }
    struct rv_key *none = NULL;
    struct rv_error err;
    assert_int_equal(rv_key_from_pem(rv_bytes_of("nothing"), NULL, &none, &err), RV_INVALID);
    assert_int_equal(rv_key_generate(&(struct rv_key_spec){.algorithm = RV_KEY_RSA, .size = 1024}, &none, &err), RV_INVALID);
    assert_int_equal(rv_key_generate(&(struct rv_key_spec){.algorithm = RV_KEY_ECDSA, .size = 521}, &none, &err),
                     RV_INVALID);
}

/* ---- keys that must be refused ---- */

static void rsa_spki(struct rv_buf *out, const BIGNUM *n, unsigned e)
{
    uint8_t raw[2048];
    int len = BN_bn2bin(n, raw + 1);
    raw[0] = 0;
    bool sign = raw[1] >= 0x80;
    size_t whole = rv_der_open(out, DER_SEQUENCE);
    rv_der_raw(out, DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"));
    size_t bits = rv_der_open(out, DER_BIT_STRING);
    rv_buf_add_byte(out, 0);
    size_t key = rv_der_open(out, DER_SEQUENCE);
    rv_der_put(out, DER_INTEGER, RV_BYTES(raw + !sign, (size_t)len + sign));
    rv_der_put_uint(out, e);
    rv_der_close(out, key);
    rv_der_close(out, bits);
    rv_der_close(out, whole);
}

static enum rv_status check_rsa(const BIGNUM *n, unsigned e, struct rv_error *err)
{
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    struct rv_spki spki;
    rsa_spki(&der, n, e);
    enum rv_status status = rv_spki_read(rv_buf_bytes(&der), &spki, err);
    return status != RV_OK ? status : rv_key_check(&spki, err);
}

static void next_prime(BIGNUM *p, BN_CTX *ctx) /* above p */
{
    BN_add_word(p, BN_is_odd(p) ? 2 : 1);
    while (!BN_check_prime(p, ctx, NULL))
        BN_add_word(p, 2);
}

static void weak_rsa_keys_are_refused(void **state)
{
    (void)state;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new();
    struct rv_error err;
    BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL);
    BN_generate_prime_ex(q, 1024, 0, NULL, NULL, NULL);
    BN_mul(n, p, q, ctx);
    assert_int_equal(check_rsa(n, 65537, &err), RV_OK);
    assert_int_equal(check_rsa(n, 3, &err), RV_DENIED);
    assert_string_equal(err.where, "K-01");
    BN_add_word(n, 1);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_non_null(strstr(err.message, "even"));
    BN_copy(q, p); /* a square, and the next primes */
    BN_mul(n, p, q, ctx);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_string_equal(err.where, "K-05");
    next_prime(q, ctx);
    BN_mul(n, p, q, ctx);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_string_equal(err.where, "K-05");
    BN_set_word(q, 1); /* not neighbours, but close enough */
    BN_lshift(q, q, 500);
    BN_add(q, q, p);
    next_prime(q, ctx);
    BN_mul(n, p, q, ctx);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_string_equal(err.where, "K-05");
    BN_generate_prime_ex(p, 2038, 0, NULL, NULL, NULL); /* a small factor */
    BN_mul_word(p, 751);
    if (BN_num_bits(p) % 8 == 0) {
        assert_int_equal(check_rsa(p, 65537, &err), RV_DENIED);
        assert_non_null(strstr(err.message, "752"));
    }
    do { /* a cube of 2048 bits */
        BN_generate_prime_ex(p, 683, 0, NULL, NULL, NULL);
        BN_sqr(n, p, ctx);
        BN_mul(n, n, p, ctx);
    } while (BN_num_bits(n) != 2048);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_non_null(strstr(err.message, "power"));
    BN_generate_prime_ex(p, 1016, 0, NULL, NULL, NULL);
    BN_generate_prime_ex(q, 1024, 0, NULL, NULL, NULL);
    BN_mul(n, p, q, ctx);
    if (BN_num_bits(n) < 2048) {
        assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
        assert_non_null(strstr(err.message, "2048"));
    }
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_CTX_free(ctx);
}

/* Keys as the broken generator made them: both primes are k M + (65537^a mod M). */
static void roca_keys_are_refused(void **state)
{
    (void)state;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = BN_new(), *g = BN_new(), *a = BN_new(), *p[2] = {BN_new(), BN_new()}, *k = BN_new(), *n = BN_new();
    struct rv_error err;
    BN_one(m);
    int primes = 0;
    for (BN_ULONG q = 2; primes < 126; q++) { /* the modulus for 2048-bit keys */
        bool prime = true;
        for (BN_ULONG d = 2; d * d <= q && prime; d++)
            prime = q % d != 0;
        if (prime)
            BN_mul_word(m, q), primes++;
    }
    do {
        for (int i = 0; i < 2; i++)
            do {
                BN_set_word(g, 65537);
                BN_rand(a, 100, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
                BN_mod_exp(p[i], g, a, m, ctx);
                BN_rand(k, 1024 - BN_num_bits(m), BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY);
                BN_mul(k, k, m, ctx);
                BN_add(p[i], p[i], k);
            } while (!BN_check_prime(p[i], ctx, NULL));
        BN_mul(n, p[0], p[1], ctx);
    } while (BN_num_bits(n) != 2048);
    assert_int_equal(check_rsa(n, 65537, &err), RV_DENIED);
    assert_string_equal(err.where, "K-03");
    BN_free(m);
    BN_free(g);
    BN_free(a);
    BN_free(p[0]);
    BN_free(p[1]);
    BN_free(k);
    BN_free(n);
    BN_CTX_free(ctx);
}

static void well_known_keys_are_refused(void **state)
{
    (void)state;
    static const char p256[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71v\n"
                               "c75eSOkyMsxFxbFsTNEMTLjVuKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n"
                               "-----END PUBLIC KEY-----\n";
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    struct rv_spki spki;
    struct rv_error err;
    assert_int_equal(rv_pem_one(rv_bytes_of(p256), "PUBLIC KEY", &der, &err), RV_OK);
    assert_int_equal(rv_spki_read(rv_buf_bytes(&der), &spki, &err), RV_OK);
    assert_int_equal(rv_key_check(&spki, &err), RV_DENIED);
    assert_non_null(strstr(err.message, "RFC 9500"));

    struct rv_key *key RV_AUTO(rv_key) = make(&specs[2]); /* the list of 2008, with one entry of ours */
    uint8_t list[3 * RV_HASH_SIZE] = {0};
    struct rv_hash h;
    assert_int_equal(rv_spki_read(rv_key_spki(key), &spki, &err), RV_OK);
    rv_sha256(spki.modulus, &h);
    memcpy(list + RV_HASH_SIZE, h.b, RV_HASH_SIZE);
    memset(list + 2 * RV_HASH_SIZE, 0xff, RV_HASH_SIZE);
    assert_int_equal(rv_key_check_load_weak(RV_BYTES(list, 40), &err), RV_INVALID);
    assert_int_equal(rv_key_check_load_weak(RV_BYTES(list, sizeof list), &err), RV_OK);
    assert_int_equal(rv_key_check(&spki, &err), RV_DENIED);
    assert_string_equal(err.where, "K-04");
    memset(list, 0xff, RV_HASH_SIZE);
    assert_int_equal(rv_key_check_load_weak(RV_BYTES(list, sizeof list), &err), RV_INVALID);
    assert_int_equal(rv_key_check_load_weak(RV_BYTES(list, 0), &err), RV_OK);
    assert_int_equal(rv_key_check(&spki, &err), RV_OK);
}

static void bad_points_and_forms_are_refused(void **state)
{
    (void)state;
    struct rv_key *key RV_AUTO(rv_key) = make(&specs[0]);
    struct rv_spki spki;
    struct rv_error err;
    uint8_t der[91];
    memcpy(der, rv_key_spki(key).ptr, sizeof der);
    der[90] ^= 1;
    assert_int_equal(rv_spki_read(RV_BYTES(der, sizeof der), &spki, &err), RV_OK);
    assert_int_equal(rv_key_check(&spki, &err), RV_DENIED);
    assert_string_equal(err.where, "K-02");
    assert_int_equal(rv_spki_verify(&spki, rv_key_signature_algorithm(key), spki.der, spki.der, &err), RV_DENIED);
    assert_int_equal(rv_spki_read(rv_key_spki(key), &spki, &err), RV_OK); /* and the kept object has come to no harm */
    assert_int_equal(rv_key_check(&spki, &err), RV_OK);
    der[26] = 0x06; /* hybrid */
    assert_int_equal(rv_spki_read(RV_BYTES(der, sizeof der), &spki, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "uncompressed"));
    struct rv_bytes infinity = DER_BYTES(
        "\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x02\x00\x00");
    assert_int_equal(rv_spki_read(infinity, &spki, &err), RV_INVALID);
    struct rv_bytes p521 =
        DER_BYTES("\x30\x17\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x03\x00\x04\x01");
    assert_int_equal(rv_spki_read(p521, &spki, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "1.3.132.0.35"));
    uint8_t ed[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0x01};
    assert_int_equal(rv_spki_read(RV_BYTES(ed, sizeof ed), &spki, &err), RV_OK);
    assert_int_equal(rv_key_check(&spki, &err), RV_DENIED);
    assert_int_equal(rv_spki_read(RV_BYTES("", 0), &spki, &err), RV_INVALID);
    BIGNUM *huge = BN_new();
    BN_one(huge);
    BN_lshift(huge, huge, 8193);
    BN_add_word(huge, 1);
    assert_int_equal(check_rsa(huge, 65537, &err), RV_INVALID);
    assert_non_null(strstr(err.message, "8192"));
    BN_free(huge);
}

static void names_are_sorted_and_unique(void **state)
{
    (void)state;
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_cert_names a, b, none;
    struct rv_error err;
    static const struct rv_cert_name first[] = {
        {RV_NAME_IP, "192.0.2.1"}, {RV_NAME_DNS, "b.example"}, {RV_NAME_DNS, "A.example"}, {RV_NAME_DNS, "b.EXAMPLE"}};
    static const struct rv_cert_name second[] = {
        {RV_NAME_DNS, "a.example"}, {RV_NAME_IP, "192.0.2.1"}, {RV_NAME_DNS, "b.example"}};
    assert_int_equal(rv_cert_names_make(first, 4, arena, &a, &err), RV_OK);
    assert_int_equal(rv_cert_names_make(second, 3, arena, &b, &err), RV_OK);
    assert_true(rv_cert_names_equal(&a, &b));
    assert_true(rv_cert_names_have(&a, RV_NAME_DNS, "a.example"));
    assert_false(rv_cert_names_have(&a, RV_NAME_URI, "a.example"));
    char text[64], small[20];
    assert_string_equal(rv_cert_names_text(&a, text, sizeof text), "dns:a.example, dns:b.example, ip:192.0.2.1");
    assert_string_equal(rv_cert_names_text(&a, small, sizeof small), "dns:a.example…");
    char *json RV_AUTO(char) = rv_cert_names_json(&a);
    assert_string_equal(json, "[\"dns:a.example\",\"dns:b.example\",\"ip:192.0.2.1\"]");
    assert_int_equal(rv_cert_names_make(NULL, 0, arena, &none, &err), RV_OK);
    assert_false(rv_cert_names_equal(&a, &none));
    static const struct rv_cert_name bad[] = {{RV_NAME_DNS, "a_b.example"}};
    assert_int_equal(rv_cert_names_make(bad, 1, arena, &a, &err), RV_INVALID);
}

static void *sign_many(void *arg)
{
    const struct rv_key *key = arg;
    struct rv_spki spki;
    assert_int_equal(rv_spki_read(rv_key_spki(key), &spki, NULL), RV_OK);
    for (int i = 0; i < 50; i++) {
        struct rv_buf signature RV_AUTO(rv_buf) = {0};
        struct rv_bytes data = RV_BYTES(&i, sizeof i);
        assert_int_equal(rv_key_sign(key, data, &signature, NULL), RV_OK);
        assert_int_equal(rv_spki_verify(&spki, rv_key_signature_algorithm(key), data, rv_buf_bytes(&signature), NULL),
                         RV_OK);
    }
    return NULL;
}

static void one_key_signs_in_many_threads(void **state)
{
    (void)state;
    struct rv_key *key RV_AUTO(rv_key) = make(&specs[0]);
    pthread_t threads[4];
    for (size_t i = 0; i < RV_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, key), 0);
    for (size_t i = 0; i < RV_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_known_vectors),
        cmocka_unit_test(pem_is_strict_and_bounded),
        cmocka_unit_test(der_walker_refuses_what_is_not_der),
        cmocka_unit_test(der_writer_writes_der),
        cmocka_unit_test(keys_sign_and_verify),
        cmocka_unit_test(algorithms_must_fit_and_be_strong),
        cmocka_unit_test(published_vectors_hold),
        cmocka_unit_test(keys_travel_as_pem),
        cmocka_unit_test(weak_rsa_keys_are_refused),
        cmocka_unit_test(roca_keys_are_refused),
        cmocka_unit_test(well_known_keys_are_refused),
        cmocka_unit_test(bad_points_and_forms_are_refused),
        cmocka_unit_test(names_are_sorted_and_unique),
        cmocka_unit_test(one_key_signs_in_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
