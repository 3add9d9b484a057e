/* A private key in memory. Immutable once made and usable from several threads at once; contexts for signing are kept
 * inside it. The key decides the signature algorithm, never the caller (B-19): RSA PKCS#1 v1.5 with SHA-256, ECDSA with
 * the hash of its curve, Ed25519. */
#pragma once
#include "base/bytes.h"
#include "base/secret.h"
#include "core/manifest.h"

struct rv_key;
/* RV_INVALID for a size that the algorithm does not have. rotation and place are not looked at. */
RV_MUST_CHECK enum rv_status rv_key_generate(const struct rv_key_spec *spec, struct rv_key **ret, struct rv_error *err);
void rv_key_destroy(struct rv_key *key); /* NULL is fine */
static inline void rv_auto_rv_key(struct rv_key **key)
{
    rv_key_destroy(*key);
}

/* PKCS#8 PEM. With a passphrase the block must be encrypted (PBES2), without one it must be plain; "RSA PRIVATE KEY" and
 * "EC PRIVATE KEY" are read too when plain. RV_DENIED: the passphrase does not fit. Weak keys are refused. */
RV_MUST_CHECK enum rv_status rv_key_from_pem(struct rv_bytes pem, const struct rv_secret *passphrase, struct rv_key **ret,
                                             struct rv_error *err);
/* Encrypted PKCS#8: AES-256-CBC under scrypt (N 16384, r 8, p 1). */
RV_MUST_CHECK enum rv_status rv_key_to_pem(const struct rv_key *key, const struct rv_secret *passphrase, struct rv_buf *out,
                                           struct rv_error *err);
/* Plain PKCS#8 PEM, only ever as a secret: for a key that travels to its target. Given. */
struct rv_secret *rv_key_plain_pem(const struct rv_key *key);

enum rv_key_algorithm rv_key_algorithm(const struct rv_key *key);
struct rv_bytes rv_key_spki(const struct rv_key *key);                /* DER SubjectPublicKeyInfo; borrowed */
const struct rv_hash *rv_key_spki_hash(const struct rv_key *key);     /* SHA-256 of it; borrowed */
struct rv_bytes rv_key_signature_algorithm(const struct rv_key *key); /* DER AlgorithmIdentifier; static */
/* The octets of signatureValue. *ret is appended to. */
RV_MUST_CHECK enum rv_status rv_key_sign(const struct rv_key *key, struct rv_bytes data, struct rv_buf *ret,
                                         struct rv_error *err);
