/* Public keys that must not be certified (standards K-01 to K-05, K-09): sizes, RSA structure, ROCA, close primes, points
 * off the curve, and keys that everybody knows (RFC 9500). The Debian list of 2008 is looked up when it was loaded;
 * the project ships none. All checks on one key take well under 20 ms. */
#pragma once
#include "pki/spki.h"

/* RV_DENIED with the id of the rule ("K-03") in err->where. */
RV_MUST_CHECK enum rv_status rv_key_check(const struct rv_spki *spki, struct rv_error *err);
/* A sorted list of SHA-256(modulus without leading zero), 32 octets each, nothing else: loaded once at start, before
 * threads. Copied. RV_INVALID when it is not sorted or has a broken size. */
RV_MUST_CHECK enum rv_status rv_key_check_load_weak(struct rv_bytes list, struct rv_error *err);
