/* What deploy needs of pki: a key that is made here, and a look at a request that was made there. */
#pragma once
#include "base/bytes.h"
#include "core/manifest.h"

/* A new key by the specification: its PEM appended to pem (the caller wipes it), its name, and a request for the names of
 * the specification, DER, appended to csr. */
RV_MUST_CHECK enum rv_status rv_controller_key(const struct rv_certificate_spec *spec, struct rv_buf *pem,
                                               struct rv_hash *ret_spki, struct rv_buf *csr, struct rv_error *err);
/* The key that a request is for. Refuses what is no request, is not signed by its key, or has a weak key. */
RV_MUST_CHECK enum rv_status rv_controller_key_of_request(struct rv_bytes csr, struct rv_hash *ret_spki,
                                                          struct rv_error *err);
