#include "pki/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "base/alloc.h"
#include "pki/algorithm_priv.h"
#include "pki/crypto_priv.h"
#include "pki/digest.h"
#include "pki/key_priv.h"
#include "pki/keycheck.h"
#include "pki/spki.h"

#define POOL 8

struct rv_key {
    EVP_PKEY *pkey;
    enum rv_key_algorithm algorithm;
    int bits;
    uint8_t *spki;
    size_t spki_len;
    struct rv_hash spki_hash;
    const struct rv_algorithm *signs;
    /* Contexts that are ready to sign. They live and die with the key, so that no thread holds on to it. */
    pthread_mutex_t lock;
    EVP_PKEY_CTX *pool[POOL];
    int pooled;
};

enum rv_status rv_key_of_pkey(EVP_PKEY *pkey, struct rv_key **ret, struct rv_error *err)
{
    uint8_t *der = NULL;
    if (EVP_PKEY_is_a(pkey, "EC"))
        EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    int len = i2d_PUBKEY(pkey, &der);
    if (len <= 0) {
        EVP_PKEY_free(pkey);
        return rv_crypto_fail(err, RV_INVALID, "cannot encode the public key");
    }
    struct rv_key *key = rv_zalloc(sizeof *key);
    key->pkey = pkey;
    key->spki = rv_memdup(der, (size_t)len);
    key->spki_len = (size_t)len;
    OPENSSL_free(der);
    pthread_mutex_init(&key->lock, NULL);
    struct rv_spki spki;
    enum rv_status status = rv_spki_read(RV_BYTES(key->spki, key->spki_len), &spki, err);
    if (status == RV_OK)
        status = rv_key_check(&spki, err);
    if (status != RV_OK) {
        rv_key_destroy(key);
        return status;
    }
    key->algorithm = spki.algorithm;
    key->bits = spki.bits;
    rv_sha256(spki.der, &key->spki_hash);
    key->signs = rv_algorithm_for(spki.algorithm, spki.bits);
    *ret = key;
    return RV_OK;
}

void rv_key_destroy(struct rv_key *key)
{
    if (key == NULL)
        return;
    while (key->pooled > 0)
        EVP_PKEY_CTX_free(key->pool[--key->pooled]);
    EVP_PKEY_free(key->pkey);
    pthread_mutex_destroy(&key->lock);
    rv_free(key->spki);
    rv_free(key);
}

enum rv_status rv_key_generate(const struct rv_key_spec *spec, struct rv_key **ret, struct rv_error *err)
{
    EVP_PKEY *pkey = NULL;
    if (spec->algorithm == RV_KEY_ECDSA && (spec->size == 256 || spec->size == 384))
        pkey = EVP_EC_gen(spec->size == 256 ? "P-256" : "P-384");
    else if (spec->algorithm == RV_KEY_RSA && spec->size >= 2048 && spec->size <= 4096 && spec->size % 8 == 0)
        pkey = EVP_RSA_gen((size_t)spec->size);
    else if (spec->algorithm == RV_KEY_ED25519 && (spec->size == 256 || spec->size == 0))
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        return rv_error_hint(err, rv_fail(err, RV_INVALID, "no key of %d bits for this algorithm", spec->size),
                             "ECDSA has 256 and 384, RSA 2048 to 4096, Ed25519 256");
    if (pkey == NULL)
        return rv_crypto_fail(err, RV_INTERNAL, "cannot make a key");
    return rv_key_of_pkey(pkey, ret, err);
}

EVP_PKEY *rv_key_pkey(const struct rv_key *key)
{
    return key->pkey;
}

enum rv_key_algorithm rv_key_algorithm(const struct rv_key *key)
{
    return key->algorithm;
}

struct rv_bytes rv_key_spki(const struct rv_key *key)
{
    return RV_BYTES(key->spki, key->spki_len);
}

const struct rv_hash *rv_key_spki_hash(const struct rv_key *key)
{
    return &key->spki_hash;
}

struct rv_bytes rv_key_signature_algorithm(const struct rv_key *key)
{
    return key->signs->der;
}

static EVP_PKEY_CTX *context_make(const struct rv_key *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        (key->algorithm == RV_KEY_RSA && (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
                                          EVP_PKEY_CTX_set_signature_md(ctx, key->signs->digest()) != 1)))
        rv_crypto_stop("signatures");
    return ctx;
}

static EVP_PKEY_CTX *context_take(struct rv_key *key)
{
    pthread_mutex_lock(&key->lock);
    EVP_PKEY_CTX *ctx = key->pooled > 0 ? key->pool[--key->pooled] : NULL;
    pthread_mutex_unlock(&key->lock);
    return ctx != NULL ? ctx : context_make(key);
}

static void context_give(struct rv_key *key, EVP_PKEY_CTX *ctx)
{
    pthread_mutex_lock(&key->lock);
    if (key->pooled < POOL) {
        key->pool[key->pooled++] = ctx;
        ctx = NULL;
    }
    pthread_mutex_unlock(&key->lock);
    EVP_PKEY_CTX_free(ctx);
}

static bool sign_ed25519(const struct rv_key *key, struct rv_bytes data, uint8_t *signature, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestSign(ctx, signature, len, data.ptr, data.len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

enum rv_status rv_key_sign(const struct rv_key *key, struct rv_bytes data, struct rv_buf *ret, struct rv_error *err)
{
    uint8_t signature[1024], hash[EVP_MAX_MD_SIZE];
    size_t len = sizeof signature;
    bool good;
    if (key->algorithm == RV_KEY_ED25519) {
        good = sign_ed25519(key, data, signature, &len);
    } else {
        struct rv_key *inside = (struct rv_key *)key; /* the pool is no part of what callers see */
        unsigned hash_len;
        EVP_PKEY_CTX *ctx = context_take(inside);
        good = EVP_Digest(data.ptr, data.len, hash, &hash_len, key->signs->digest(), NULL) == 1 &&
               EVP_PKEY_sign(ctx, signature, &len, hash, hash_len) == 1;
        context_give(inside, ctx);
    }
    if (!good)
        return rv_crypto_fail(err, RV_INTERNAL, "cannot sign");
    rv_buf_add(ret, signature, len);
    return RV_OK;
}
