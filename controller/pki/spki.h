/* Public keys, from the raw bytes of a SubjectPublicKeyInfo, without libcrypto's slow decoder. */
#pragma once
#include "base/bytes.h"
#include "core/manifest.h"

struct rv_spki { /* bytes borrowed from der */
    struct rv_bytes der;
    enum rv_key_algorithm algorithm;
    int bits;                          /* 256, 384; RSA: of the modulus; Ed25519 256 */
    struct rv_bytes key;               /* what the BIT STRING holds. EC: 04 x y; Ed25519: the 32 octets */
    struct rv_bytes modulus, exponent; /* RSA: without leading zero */
};
/* Strict: algorithm identifiers byte for byte as B-19, named curves and uncompressed points only (K-02), RSA up to 8192
 * bits with an exponent up to 64 bits. P-521, DSA and others are refused with their name or OID. */
RV_MUST_CHECK enum rv_status rv_spki_read(struct rv_bytes der, struct rv_spki *ret, struct rv_error *err);
/* "ECDSA P-256", "RSA 2048", "Ed25519". Returns out. */
const char *rv_spki_text(const struct rv_spki *spki, char out[static 32]);
const char *rv_key_algorithm_text(enum rv_key_algorithm algorithm, int bits, char out[static 32]);
/* Checks a signature. The algorithm (DER AlgorithmIdentifier) must be one that fits the key: ECDSA with SHA-256/384/512,
 * RSA PKCS#1 v1.5 with SHA-256/384/512, Ed25519; SHA-1 and MD5 are refused by name (K-08). RV_DENIED: it does not
 * verify. Keeps one key object per curve and thread. */
RV_MUST_CHECK enum rv_status rv_spki_verify(const struct rv_spki *spki, struct rv_bytes algorithm, struct rv_bytes data,
                                            struct rv_bytes signature, struct rv_error *err);
