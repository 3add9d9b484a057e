#include "pki/algorithm_priv.h"

#include "pki/crypto_priv.h"
#include "pki/der_priv.h"

#define RSA_WITH(last) DER_BYTES("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" last "\x05\x00")
#define ECDSA_WITH(last) DER_BYTES("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03" last)

static const struct rv_algorithm algorithms[] = {
    {ECDSA_WITH("\x02"), RV_KEY_ECDSA, rv_crypto_sha256, 256, "ECDSA with SHA-256"},
    {ECDSA_WITH("\x03"), RV_KEY_ECDSA, rv_crypto_sha384, 384, "ECDSA with SHA-384"},
    {ECDSA_WITH("\x04"), RV_KEY_ECDSA, rv_crypto_sha512, -1, "ECDSA with SHA-512"},
    {RSA_WITH("\x0b"), RV_KEY_RSA, rv_crypto_sha256, 0, "RSA with SHA-256"},
    {RSA_WITH("\x0c"), RV_KEY_RSA, rv_crypto_sha384, -1, "RSA with SHA-384"},
    {RSA_WITH("\x0d"), RV_KEY_RSA, rv_crypto_sha512, -1, "RSA with SHA-512"},
    {DER_BYTES("\x30\x05\x06\x03\x2b\x65\x70"), RV_KEY_ED25519, NULL, 0, "Ed25519"},
};

const struct rv_algorithm *rv_algorithm_of(struct rv_bytes der)
{
    for (size_t i = 0; i < RV_COUNT(algorithms); i++)
        if (rv_bytes_equal(algorithms[i].der, der))
            return &algorithms[i];
    return NULL;
}

const struct rv_algorithm *rv_algorithm_for(enum rv_key_algorithm key, int bits)
{
    for (size_t i = 0; i < RV_COUNT(algorithms); i++)
        if (algorithms[i].key == key && algorithms[i].made_for_bits == (key == RV_KEY_ECDSA ? bits : 0))
            return &algorithms[i];
    return NULL;
}
