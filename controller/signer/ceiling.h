/* What this signer signs at most, whoever asks. The limits are compiled in; DIR/signer/limits.json, which an administrator
 * may write and the daemon has no reason to, can only make them narrower:
 *
 *   {"maxDuration": "90d", "permittedDns": ["example.com"], "excludedDns": ["secret.example.com"], "maxNames": 20}
 *
 * Declared profiles are the daemon's: they narrow further before a request gets here and are unknown to the signer, so a
 * daemon in the wrong hands cannot widen anything by rewriting them. */
#pragma once
#include "pki/certificate.h"

struct rv_ceiling;
/* limits: the text of limits.json, or empty. RV_INVALID names the member that is unknown, wrong, or wider than compiled. */
RV_MUST_CHECK enum rv_status rv_ceiling_create(struct rv_bytes limits, struct rv_ceiling **ret, struct rv_error *err);
void rv_ceiling_destroy(struct rv_ceiling *ceiling); /* NULL is fine */
/* The signer's own reading of what it is to sign; *ret_serial gets RV_SERIAL_SIZE octets, RV_DENIED when the serial has
 * another form than X-02. */
RV_MUST_CHECK enum rv_status rv_ceiling_read(struct rv_bytes tbs, struct rv_arena *arena, struct rv_cert_info *ret,
                                             uint8_t *ret_serial, struct rv_error *err);
/* May these bytes, read as info, be signed by this CA at this time? Issuer and key identifier, no CA, usages,
 * lifetime, key, names, and every lint. */
RV_MUST_CHECK enum rv_status rv_ceiling_check(const struct rv_ceiling *ceiling, const struct rv_ca *ca, struct rv_bytes tbs,
                                              const struct rv_cert_info *info, rv_time now, struct rv_error *err);
