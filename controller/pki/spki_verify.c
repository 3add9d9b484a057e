/* Checking signatures fast. Building a key object costs as much as half a verification, so each thread keeps one per
 * curve and puts the next point into it. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "pki/algorithm_priv.h"
#include "pki/crypto_priv.h"
#include "pki/der_priv.h"
#include "pki/keycheck_priv.h"
#include "pki/spki.h"

struct kept {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx;
};
struct keeper { /* one per thread */
    struct kept p256, p384;
    EVP_PKEY_CTX *rsa;
    EVP_MD_CTX *ed25519;
};
static __thread struct keeper *keeper;
static pthread_key_t keeper_key;
static pthread_once_t keeper_once = PTHREAD_ONCE_INIT;

static void keeper_free(void *p)
{
    struct keeper *k = p;
    EVP_PKEY_CTX_free(k->p256.ctx);
    EVP_PKEY_free(k->p256.pkey);
    EVP_PKEY_CTX_free(k->p384.ctx);
    EVP_PKEY_free(k->p384.pkey);
    EVP_PKEY_CTX_free(k->rsa);
    EVP_MD_CTX_free(k->ed25519);
    rv_free(k);
}

static void keeper_setup(void)
{
    if (pthread_key_create(&keeper_key, keeper_free) != 0)
        abort();
}

static struct keeper *keeper_get(void)
{
    if (keeper == NULL) {
        pthread_once(&keeper_once, keeper_setup);
        keeper = rv_zalloc(sizeof *keeper);
        pthread_setspecific(keeper_key, keeper);
    }
    return keeper;
}

/* The first point comes from a fresh key pair, whose private half is never used. */
static struct kept *kept_for(int bits)
{
    struct kept *k = bits == 256 ? &keeper_get()->p256 : &keeper_get()->p384;
    if (k->ctx == NULL) {
        k->pkey = EVP_EC_gen(bits == 256 ? "P-256" : "P-384");
        k->ctx = k->pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
        if (k->ctx == NULL || EVP_PKEY_verify_init(k->ctx) != 1)
            rv_crypto_stop("ECDSA");
    }
    return k;
}

static enum rv_status does_not_verify(struct rv_error *err)
{
    ERR_clear_error();
    return rv_fail(err, RV_DENIED, "the signature does not verify with the public key");
}

/* set1 would take a one-octet infinity: rv_spki_read has seen to length and form, and we look again. */
static bool put_point(struct kept *k, const struct rv_spki *spki)
{
    bool good = spki->key.len == (size_t)spki->bits / 4 + 1 && spki->key.ptr[0] == 0x04 &&
                EVP_PKEY_set1_encoded_public_key(k->pkey, spki->key.ptr, spki->key.len) == 1;
    if (!good)
        ERR_clear_error();
    return good;
}

bool rv_ec_on_curve(const struct rv_spki *spki)
{
    return put_point(kept_for(spki->bits), spki);
}

static enum rv_status verify_ec(const struct rv_spki *spki, const struct rv_algorithm *algorithm, struct rv_bytes data,
                                struct rv_bytes signature, struct rv_error *err)
{
    struct kept *k = kept_for(spki->bits);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!put_point(k, spki))
        return rv_fail(err, RV_DENIED, "the point of the public key is not on its curve");
    if (EVP_Digest(data.ptr, data.len, hash, &len, algorithm->digest(), NULL) != 1)
        rv_crypto_stop("SHA-2");
    if (EVP_PKEY_verify(k->ctx, signature.ptr, signature.len, hash, len) != 1)
        return does_not_verify(err);
    return RV_OK;
}

static EVP_PKEY *rsa_key(const struct rv_spki *spki)
{
    struct keeper *k = keeper_get();
    if (k->rsa == NULL) {
        k->rsa = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
        if (k->rsa == NULL || EVP_PKEY_fromdata_init(k->rsa) != 1)
            rv_crypto_stop("RSA");
    }
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(spki->modulus.ptr, (int)spki->modulus.len, NULL);
    BIGNUM *e = BN_bin2bn(spki->exponent.ptr, (int)spki->exponent.len, NULL);
    if (bld != NULL && n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1 && (params = OSSL_PARAM_BLD_to_param(bld)) != NULL)
        EVP_PKEY_fromdata(k->rsa, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);
    return pkey;
}

static enum rv_status verify_rsa(const struct rv_spki *spki, const struct rv_algorithm *algorithm, struct rv_bytes data,
                                 struct rv_bytes signature, struct rv_error *err)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len;
    if (EVP_Digest(data.ptr, data.len, hash, &len, algorithm->digest(), NULL) != 1)
        rv_crypto_stop("SHA-2");
    EVP_PKEY *pkey = rsa_key(spki);
    EVP_PKEY_CTX *ctx = pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, algorithm->digest()) == 1 &&
                EVP_PKEY_verify(ctx, signature.ptr, signature.len, hash, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return good ? RV_OK : does_not_verify(err);
}

static enum rv_status verify_ed25519(const struct rv_spki *spki, struct rv_bytes data, struct rv_bytes signature,
                                     struct rv_error *err)
{
    struct keeper *k = keeper_get();
    if (k->ed25519 == NULL && (k->ed25519 = EVP_MD_CTX_new()) == NULL)
        rv_crypto_stop("Ed25519");
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, spki->key.ptr, spki->key.len);
    bool good = pkey != NULL && EVP_DigestVerifyInit(k->ed25519, NULL, NULL, NULL, pkey) == 1 &&
                EVP_DigestVerify(k->ed25519, signature.ptr, signature.len, data.ptr, data.len) == 1;
    EVP_MD_CTX_reset(k->ed25519);
    EVP_PKEY_free(pkey);
    return good ? RV_OK : does_not_verify(err);
}

/* K-08: the algorithms that people still send and that prove nothing any more. */
static enum rv_status refuse_algorithm(struct rv_bytes der, struct rv_error *err)
{
    static const struct {
        struct rv_bytes oid;
        const char *text;
    } known[] = {
        {DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), "RSA with SHA-1"},
        {DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), "RSA with MD5"},
        {DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x01"), "ECDSA with SHA-1"},
        {DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), "RSASSA-PSS"},
    };
    struct rv_der algorithm, oid;
    char text[80];
    if (!rv_der_only(der, DER_SEQUENCE, &algorithm) || !rv_der_take(&algorithm.body, DER_OID, &oid))
        return rv_fail(err, RV_INVALID, "the signature algorithm is malformed");
    const char *name = rv_der_oid_text(oid.body, text, sizeof text);
    for (size_t i = 0; i < RV_COUNT(known); i++)
        if (rv_bytes_equal(known[i].oid, oid.body))
            name = known[i].text;
    return rv_error_hint(
        err, rv_fail(err, RV_INVALID, "the signature algorithm %s is not accepted, or not encoded canonically", name),
        "sign with SHA-256");
}

enum rv_status rv_spki_verify(const struct rv_spki *spki, struct rv_bytes algorithm_der, struct rv_bytes data,
                              struct rv_bytes signature, struct rv_error *err)
{
    const struct rv_algorithm *algorithm = rv_algorithm_of(algorithm_der);
    if (algorithm == NULL)
        return refuse_algorithm(algorithm_der, err);
    if (algorithm->key != spki->algorithm) {
        char text[32];
        return rv_fail(err, RV_INVALID, "the signature algorithm %s does not fit the key, which is %s", algorithm->text,
                       rv_spki_text(spki, text));
    }
    switch (spki->algorithm) {
    case RV_KEY_ECDSA:
        return verify_ec(spki, algorithm, data, signature, err);
    case RV_KEY_RSA:
        return verify_rsa(spki, algorithm, data, signature, err);
    case RV_KEY_ED25519:
        return verify_ed25519(spki, data, signature, err);
    }
    return rv_fail(err, RV_INTERNAL, "no such key algorithm");
}
