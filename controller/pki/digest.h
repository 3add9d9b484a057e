/* pki: OpenSSL lives here only. Keys, requests, certificates, chains and TLS sessions, from bytes to facts and back.
 * No I/O, no clock, no threads of its own; every function may be called from any thread unless its header says
 * otherwise. Nothing in here prints or logs a secret.
 *
 * This header: digests, and comparing what must not leak through time. */
#pragma once
#include "base/bytes.h"

void rv_sha256(struct rv_bytes data, struct rv_hash *ret); /* fits rv_digest_fn */
/* Equal length and content, in a time that depends on the lengths only (M-46). */
bool rv_equal_secret(struct rv_bytes a, struct rv_bytes b);
