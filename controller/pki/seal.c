#include "pki/seal.h"

#include <openssl/evp.h>

#include "pki/crypto_priv.h"
#include "pki/random.h"

#define VERSION 1
#define NONCE 12
#define TAG 16
#define HEAD (1 + NONCE)

static EVP_CIPHER_CTX *gcm(const struct rv_secret *kek, struct rv_bytes aad, const uint8_t *nonce, int encrypt)
{
    struct rv_bytes key = rv_secret_bytes(kek);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    if (key.len != RV_SEAL_KEY || aad.len > INT32_MAX || ctx == NULL ||
        EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), key.ptr, nonce, encrypt, NULL) != 1 ||
        (aad.len > 0 && EVP_CipherUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1))
        rv_crypto_stop("AES-256-GCM");
    return ctx;
}

void rv_seal(const struct rv_secret *kek, struct rv_bytes aad, struct rv_bytes plain, struct rv_buf *out)
{
    if (plain.len > (size_t)INT32_MAX - 64)
        rv_crypto_stop("AES-256-GCM over so much");
    uint8_t *p = rv_buf_reserve(out, HEAD + plain.len + TAG);
    p[0] = VERSION;
    rv_random(p + 1, NONCE);
    EVP_CIPHER_CTX *ctx = gcm(kek, aad, p + 1, 1);
    int n = 0, last = 0;
    if ((plain.len > 0 && EVP_CipherUpdate(ctx, p + HEAD, &n, plain.ptr, (int)plain.len) != 1) ||
        EVP_CipherFinal_ex(ctx, p + HEAD + n, &last) != 1 || (size_t)n + (size_t)last != plain.len ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, p + HEAD + plain.len) != 1)
        rv_crypto_stop("AES-256-GCM");
    EVP_CIPHER_CTX_free(ctx);
    out->len += HEAD + plain.len + TAG;
    out->data[out->len] = 0;
}

enum rv_status rv_unseal(const struct rv_secret *kek, struct rv_bytes aad, struct rv_bytes sealed, struct rv_secret **ret,
                         struct rv_error *err)
{
    if (sealed.len < HEAD + TAG || sealed.len > INT32_MAX || sealed.ptr[0] != VERSION)
        return rv_fail(err, RV_INVALID, "this is no sealed secret");
    size_t len = sealed.len - HEAD - TAG;
    struct rv_secret *plain = rv_secret_create(NULL, len + 1); /* room, also when it is empty */
    uint8_t tag[TAG], *to = rv_secret_data(plain);
    memcpy(tag, sealed.ptr + HEAD + len, TAG);
    EVP_CIPHER_CTX *ctx = gcm(kek, aad, sealed.ptr + 1, 0);
    int n = 0, last = 0;
    bool good = (len == 0 || EVP_CipherUpdate(ctx, to, &n, sealed.ptr + HEAD, (int)len) == 1) &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
                EVP_CipherFinal_ex(ctx, to + n, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (good)
        *ret = rv_secret_create(to, len);
    rv_secret_destroy(plain);
    return good ? RV_OK
                : rv_crypto_fail(err, RV_DENIED, "the sealed secret does not open: another key, another place, or damage");
}

struct rv_secret *rv_seal_key_derive(const struct rv_secret *passphrase, const uint8_t salt[static RV_SEAL_SALT])
{
    struct rv_bytes pass = rv_secret_bytes(passphrase);
    struct rv_secret *key = rv_secret_create(NULL, RV_SEAL_KEY);
    if (EVP_PBE_scrypt((const char *)pass.ptr, pass.len, salt, RV_SEAL_SALT, 32768, 8, 1, 64u << 20, rv_secret_data(key),
                       RV_SEAL_KEY) != 1)
        rv_crypto_stop("scrypt");
    return key;
}
