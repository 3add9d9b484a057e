/* Private keys as PKCS#8 PEM (RFC 5958, RFC 8018). */
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "pki/crypto_priv.h"
#include "pki/der_priv.h"
#include "pki/key_priv.h"
#include "pki/pem.h"
#include "pki/random.h"

#define MAX_ITERATIONS 10000000 /* P-02: a file must not be able to keep us busy */

static enum rv_status of_pkcs8(PKCS8_PRIV_KEY_INFO *info, struct rv_key **ret, struct rv_error *err)
{
    EVP_PKEY *pkey = info == NULL ? NULL : EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (pkey == NULL)
        return rv_crypto_fail(err, RV_INVALID, "the private key cannot be read");
    if (EVP_PKEY_get_bits(pkey) > 8192) { /* M-20: before any arithmetic */
        EVP_PKEY_free(pkey);
        return rv_fail(err, RV_INVALID, "the private key is longer than 8192 bits");
    }
    /* A file can hold a public half that is not its private one's. */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool pair = ctx != NULL && (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_pairwise_check(ctx) == 1);
    EVP_PKEY_CTX_free(ctx);
    if (!pair) {
        EVP_PKEY_free(pkey);
        return rv_crypto_fail(err, RV_INVALID, "the private key does not belong to its public key");
    }
    return rv_key_of_pkey(pkey, ret, err);
}

static enum rv_status read_plain(struct rv_bytes der, struct rv_key **ret, struct rv_error *err)
{
    const uint8_t *at = der.ptr;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    if (info != NULL && at != der.ptr + der.len) { /* H-5 */
        PKCS8_PRIV_KEY_INFO_free(info);
        return rv_fail(err, RV_INVALID, "bytes follow the private key");
    }
    return of_pkcs8(info, ret, err);
}

static enum rv_status read_old(int type, struct rv_bytes der, struct rv_key **ret, struct rv_error *err)
{
    const uint8_t *at = der.ptr;
    EVP_PKEY *pkey = d2i_PrivateKey(type, NULL, &at, (long)der.len);
    PKCS8_PRIV_KEY_INFO *info = pkey == NULL || at != der.ptr + der.len ? NULL : EVP_PKEY2PKCS8(pkey);
    EVP_PKEY_free(pkey);
    return of_pkcs8(info, ret, err);
}

/* EncryptedPrivateKeyInfo: PBES2 only, with a bounded cost. */
static bool cost_is_bounded(struct rv_bytes der)
{
    static const struct rv_bytes pbes2 = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d");
    static const struct rv_bytes pbkdf2 = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c");
    static const struct rv_bytes scrypt = DER_BYTES("\x2b\x06\x01\x04\x01\xda\x47\x04\x0b");
    struct rv_der whole, algorithm, oid, params, kdf, salt, count;
    int64_t n;
    if (rv_der_fault(der) != NULL || !rv_der_only(der, DER_SEQUENCE, &whole) ||
        !rv_der_take(&whole.body, DER_SEQUENCE, &algorithm) || !rv_der_take(&algorithm.body, DER_OID, &oid) ||
        !rv_bytes_equal(oid.body, pbes2) || !rv_der_take(&algorithm.body, DER_SEQUENCE, &params) ||
        !rv_der_take(&params.body, DER_SEQUENCE, &kdf) || !rv_der_take(&kdf.body, DER_OID, &oid) ||
        !rv_der_take(&kdf.body, DER_SEQUENCE, &params) || !rv_der_take(&params.body, DER_OCTET_STRING, &salt) ||
        !rv_der_take(&params.body, DER_INTEGER, &count) || !rv_der_int_read(&count, &n))
        return false;
    /* libcrypto bounds scrypt by memory (32 MB) already. */
    return rv_bytes_equal(oid.body, scrypt) || (rv_bytes_equal(oid.body, pbkdf2) && n <= MAX_ITERATIONS);
}

static enum rv_status read_encrypted(struct rv_bytes der, const struct rv_secret *passphrase, struct rv_key **ret,
                                     struct rv_error *err)
{
    if (!cost_is_bounded(der))
        return rv_error_hint(err, rv_fail(err, RV_INVALID, "the key is not encrypted in a way that is accepted"),
                             "expected PBES2 with scrypt, or with PBKDF2 of at most %d iterations", MAX_ITERATIONS);
    const uint8_t *at = der.ptr;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &at, (long)der.len);
    struct rv_bytes pass = rv_secret_bytes(passphrase);
    PKCS8_PRIV_KEY_INFO *info = sealed == NULL ? NULL : PKCS8_decrypt(sealed, (const char *)pass.ptr, (int)pass.len);
    X509_SIG_free(sealed);
    if (info == NULL) {
        ERR_clear_error();
        return rv_fail(err, RV_DENIED, "the passphrase does not open the private key");
    }
    return of_pkcs8(info, ret, err);
}

struct reading {
    const struct rv_secret *passphrase;
    struct rv_key *key;
};

static enum rv_status read_block(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    struct reading *r = arg;
    bool sealed = strcmp(label, RV_PEM_ENCRYPTED_KEY) == 0, plain = strcmp(label, RV_PEM_KEY) == 0;
    int old = strcmp(label, "EC PRIVATE KEY") == 0 ? EVP_PKEY_EC : strcmp(label, "RSA PRIVATE KEY") == 0 ? EVP_PKEY_RSA : 0;
    if (!sealed && !plain && old == 0)
        return RV_OK; /* certificates, EC PARAMETERS */
    if (r->key != NULL)
        return rv_fail(err, RV_INVALID, "more than one private key in it");
    if (sealed != (r->passphrase != NULL))
        return rv_fail(err, RV_INVALID,
                       sealed ? "the private key is encrypted and there is no passphrase for it"
                              : "the private key is not encrypted, and it should be");
    return sealed  ? read_encrypted(der, r->passphrase, &r->key, err)
           : plain ? read_plain(der, &r->key, err)
                   : read_old(old, der, &r->key, err);
}

enum rv_status rv_key_from_pem(struct rv_bytes pem, const struct rv_secret *passphrase, struct rv_key **ret,
                               struct rv_error *err)
{
    struct reading r = {passphrase, NULL};
    enum rv_status status = rv_pem_each(pem, NULL, read_block, &r, err);
    if (status == RV_OK && r.key == NULL)
        status = rv_fail(err, RV_INVALID, "no private key in PEM form in it");
    if (status != RV_OK)
        rv_key_destroy(r.key);
    else
        *ret = r.key;
    return status;
}

enum rv_status rv_key_to_pem(const struct rv_key *key, const struct rv_secret *passphrase, struct rv_buf *out,
                             struct rv_error *err)
{
    uint8_t salt[16], *der = NULL;
    rv_random(salt, sizeof salt);
    struct rv_bytes pass = rv_secret_bytes(passphrase);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(rv_key_pkey(key));
    X509_ALGOR *pbe = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL, 16384, 8, 1);
    X509_SIG *sealed = info == NULL || pbe == NULL ? NULL : PKCS8_set0_pbe((const char *)pass.ptr, (int)pass.len, info, pbe);
    if (sealed == NULL)
        X509_ALGOR_free(pbe); /* else it belongs to sealed */
    PKCS8_PRIV_KEY_INFO_free(info);
    int len = sealed == NULL ? -1 : i2d_X509_SIG(sealed, &der);
    X509_SIG_free(sealed);
    if (len <= 0)
        return rv_crypto_fail(err, RV_INTERNAL, "cannot encrypt the private key");
    rv_pem_add(out, RV_PEM_ENCRYPTED_KEY, RV_BYTES(der, (size_t)len));
    OPENSSL_free(der);
    return RV_OK;
}

struct rv_secret *rv_key_plain_pem(const struct rv_key *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(rv_key_pkey(key));
    uint8_t *der = NULL;
    int len = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    if (len <= 0)
        rv_crypto_stop("PKCS#8");
    struct rv_buf pem = {0};
    rv_pem_add(&pem, RV_PEM_KEY, RV_BYTES(der, (size_t)len)); /* reserves all room at once */
    struct rv_secret *secret = rv_secret_create(pem.data, pem.len);
    rv_buf_wipe_fini(&pem);
    OPENSSL_clear_free(der, (size_t)len);
    PKCS8_PRIV_KEY_INFO_free(info); /* cleanses the key octets */
    return secret;
}
