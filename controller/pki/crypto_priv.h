/* What the files of pki share about libcrypto itself. */
#pragma once
#include <openssl/evp.h>

#include "base/error.h"

/* Fetched once and kept: fetching costs more than hashing. */
const EVP_MD *rv_crypto_sha256(void);
const EVP_MD *rv_crypto_sha384(void);
const EVP_MD *rv_crypto_sha512(void);
/* libcrypto failed at something that only a broken installation fails at: says so and stops the process. */
_Noreturn void rv_crypto_stop(const char *what);
/* Fails with the newest reason of libcrypto's queue, and empties the queue (H-8). */
enum rv_status rv_crypto_fail(struct rv_error *err, enum rv_status status, const char *what);
