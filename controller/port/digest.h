/* SHA-256, handed to those that may not know OpenSSL (store, core). The function is pki's rv_sha256. */
#pragma once
#include "base/bytes.h"

typedef void (*rv_digest_fn)(struct rv_bytes data, struct rv_hash *ret);
