/* Names in certificates. One normaliser for API, manifests, CSRs and SANs (M-35): lower case, A-labels only, lengths.
 * Compare only what went through here. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum rv_name_type { RV_NAME_DNS, RV_NAME_IP, RV_NAME_URI, RV_NAME_EMAIL };
const char *rv_name_type_text(enum rv_name_type type); /* "dns", … */

#define RV_NAME_MAX 253
/* Normalises into out: DNS lower case, preferred syntax, whole-label left-most wildcard only, no trailing dot, no
 * underscore; IP as RFC 5952 text; URI absolute with scheme and host where the scheme has one; email ASCII,
 * domain lower case. */
RV_MUST_CHECK enum rv_status rv_name_normalise(enum rv_name_type type, const char *text, char out[static RV_NAME_MAX + 1],
                                               struct rv_error *err);
/* Text form of 4 or 16 octets, RFC 5952; and back. len is 4 or 16. */
void rv_ip_text(char out[static 46], const uint8_t *octets, size_t len);
RV_MUST_CHECK bool rv_ip_parse(const char *text, uint8_t octets[static 16], size_t *ret_len);
/* RFC 5280 §4.2.1.10: name equals base or lies below it. Both normalised; a wildcard counts by what is behind "*.". */
bool rv_dns_within(const char *name, const char *base);
/* RFC 9525 §6.3: pattern from a certificate (may have a left-most wildcard) against a reference host name. */
bool rv_dns_matches(const char *pattern, const char *host);
