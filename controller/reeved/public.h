/* The public plane: plain HTTP for what relying parties fetch, answered from an immutable snapshot on a thread and a loop
 * of its own, so that it neither waits for the controller nor is waited for. Here: `/ca/{issuer}.crt`, the CA
 * certificate as DER (application/pkix-cert, RFC 5280 §4.2.2.1). */
#pragma once
#include "base/bytes.h"
#include "base/error.h"

struct rv_public;
/* port 0: a free one. certificate_pem: the issuing certificate. Blocks until it listens. */
RV_MUST_CHECK enum rv_status rv_public_start(const char *host, int port, const char *issuer, struct rv_bytes certificate_pem,
                                             struct rv_public **ret, struct rv_error *err);
const char *rv_public_address(const struct rv_public *plane); /* "127.0.0.1:8080" */
void rv_public_stop(struct rv_public *plane);                 /* NULL is fine */
