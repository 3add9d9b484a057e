/* Judging what a server serves, and whether a pair belongs together. No network: no AIA, no OCSP, no CRL. */
#pragma once
#include "pki/key.h"
#include "port/probe.h"

/* An rv_probe_judge: names, times, validity and fault of the chain as sent. The chain must build to one of the anchors
 * with nothing but what was sent; the name is looked for in subjectAltName only (H-14, X-43) and checked when
 * spec->server_name or spec->host is there; both ends of the validity count as valid (H-1). System anchors are read once. */
void rv_judge_chain(struct rv_bytes chain, int count, const struct rv_probe_spec *spec, rv_time now,
                    struct rv_probe_result *result);
/* The first certificate of the PEM belongs to the key. RV_CONFLICT: it does not. */
RV_MUST_CHECK enum rv_status rv_pair_check(struct rv_bytes certificate_pem, const struct rv_key *key, struct rv_error *err);
