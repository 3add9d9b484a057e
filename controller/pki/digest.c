#include "pki/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "pki/crypto_priv.h"

void rv_sha256(struct rv_bytes data, struct rv_hash *ret)
{
    if (EVP_Digest(data.ptr, data.len, ret->b, NULL, rv_crypto_sha256(), NULL) != 1)
        rv_crypto_stop("SHA-256");
}

void rv_hmac_sha256(struct rv_bytes key, struct rv_bytes data, struct rv_hash *ret)
{
    unsigned len = RV_HASH_SIZE;
    static const uint8_t none[1];
    if (key.len > INT32_MAX ||
        HMAC(rv_crypto_sha256(), key.len == 0 ? none : key.ptr, (int)key.len, data.ptr, data.len, ret->b, &len) == NULL)
        rv_crypto_stop("HMAC-SHA-256");
}

bool rv_equal_secret(struct rv_bytes a, struct rv_bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
