/* A second opinion about a request: libcrypto's own decoder. */
#pragma once
#include "base/bytes.h"

/* NULL when templates decode the bytes and encode them to the very same again; else what does not fit, in static text.
 * Call it behind the walker: each finds what the other misses. */
const char *rv_csr_template_fault(struct rv_bytes der);
