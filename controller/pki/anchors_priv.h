/* What is trusted: stores for path building, made once per set of anchors and kept. */
#pragma once
#include <openssl/x509.h>

#include "base/bytes.h"

/* The anchors of the PEM text, and those of the system when asked. A self-signed certificate is an anchor; others count
 * only when the text has no self-signed one at all, so that an intermediate in the list cannot stand in for one that the
 * server should send. Given (X509_STORE_free). NULL with *ret_fault when the text cannot be read. */
X509_STORE *rv_anchors(struct rv_bytes pem, bool system, const char **ret_fault);
