/* GeneralNames (RFC 5280 §4.2.1.6) to typed names and back. */
#pragma once
#include "pki/names.h"

#define RV_NAMES_MAX 100 /* M-20 */

/* Sorts and removes duplicates, in place. */
void rv_cert_names_tidy(struct rv_cert_names *names);
/* SEQUENCE of [1] [2] [6] [7], appended. */
void rv_general_names_put(struct rv_buf *buf, const struct rv_cert_names *names);
/* der passed the walker. Strict: only the four kinds, normalised; at least one. */
RV_MUST_CHECK enum rv_status rv_general_names_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_names *ret,
                                                   struct rv_error *err);
/* For reality: names that do not normalise are kept as printable text, other kinds are left out; *ret_clean says whether
 * that was necessary. Bounded by RV_NAMES_LENIENT_MAX. */
#define RV_NAMES_LENIENT_MAX 1000
void rv_general_names_read_lenient(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_names *ret, bool *ret_clean);
