/* The signature algorithms that we make and accept (B-19), byte for byte. */
#pragma once
#include <openssl/evp.h>

#include "base/bytes.h"
#include "core/manifest.h"

struct rv_algorithm {
    struct rv_bytes der; /* AlgorithmIdentifier */
    enum rv_key_algorithm key;
    const EVP_MD *(*digest)(void); /* NULL: Ed25519 */
    int made_for_bits;             /* the curve size this is made with; 0: RSA or Ed25519 that we make; -1: only accepted */
    const char *text;
};
/* NULL when it is none of them. */
const struct rv_algorithm *rv_algorithm_of(struct rv_bytes der);
/* What a key of this kind signs with. */
const struct rv_algorithm *rv_algorithm_for(enum rv_key_algorithm key, int bits);
