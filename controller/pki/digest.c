#include "pki/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "pki/crypto_priv.h"

void rv_sha256(struct rv_bytes data, struct rv_hash *ret)
{
    if (EVP_Digest(data.ptr, data.len, ret->b, NULL, rv_crypto_sha256(), NULL) != 1)
        rv_crypto_stop("SHA-256");
}

bool rv_equal_secret(struct rv_bytes a, struct rv_bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
