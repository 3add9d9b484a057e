/* Secrets at rest (M-43): an AES-256-GCM envelope under a key-encryption key, bound by the additional data to the place
 * where it is kept, and the way from a passphrase to such a key. */
#pragma once
#include "base/bytes.h"
#include "base/secret.h"

#define RV_SEAL_KEY 32
#define RV_SEAL_SALT 16
/* version ‖ 96-bit random nonce ‖ ciphertext ‖ tag, appended to out. kek has RV_SEAL_KEY bytes. */
void rv_seal(const struct rv_secret *kek, struct rv_bytes aad, struct rv_bytes plain, struct rv_buf *out);
/* RV_DENIED: another key, another place, or changed bytes. *ret is given. */
RV_MUST_CHECK enum rv_status rv_unseal(const struct rv_secret *kek, struct rv_bytes aad, struct rv_bytes sealed,
                                       struct rv_secret **ret, struct rv_error *err);
/* scrypt, N 32768, r 8, p 1 (about 32 MB and 0.1 s). Given; RV_SEAL_KEY bytes. */
struct rv_secret *rv_seal_key_derive(const struct rv_secret *passphrase, const uint8_t salt[static RV_SEAL_SALT]);
