/* A profile, compiled: an immutable object with the DER of its extensions prebuilt, and the one place that says whether a
 * request may become a certificate. Reference counted; swapped whole when the declaration changes. */
#pragma once
#include "core/manifest.h"
#include "pki/csr.h"

struct rv_profile;
/* Copies what it needs. RV_INVALID when the specification cannot work (no key allowed, no name type allowed, …). */
RV_MUST_CHECK enum rv_status rv_profile_compile(const char *name, const struct rv_profile_spec *spec,
                                                struct rv_profile **ret, struct rv_error *err);
struct rv_profile *rv_profile_retain(struct rv_profile *profile);
void rv_profile_release(struct rv_profile *profile); /* NULL is fine */

/* What is to be certified, after the wishes of request and manifest have been put together. */
struct rv_wish {
    const struct rv_cert_names *names;
    const char *common_name; /* NULL: none */
    rv_dur duration;         /* 0: the profile's */
};
/* The names and common name of the request itself. */
struct rv_wish rv_wish_of_csr(const struct rv_csr *csr);
/* For a wish that comes from a request alone: takes the common name away where the profile lets the subject carry none.
 * Nearly every tool puts one into its requests, and the names are what counts. */
void rv_profile_trim(const struct rv_profile *profile, struct rv_wish *wish);
/* RV_DENIED, naming the field or name and what is allowed. */
RV_MUST_CHECK enum rv_status rv_profile_check(const struct rv_profile *profile, const struct rv_csr *csr,
                                              const struct rv_wish *wish, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_profile_check_key(const struct rv_profile *profile, const struct rv_spki *key,
                                                  struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_profile_check_name(const struct rv_profile *profile, enum rv_name_type type,
                                                   const char *text, struct rv_error *err);
/* notBefore and notAfter, whole seconds, for an issue at `now`: backdated, and never beyond the issuer's end (X-06:
 * RV_DENIED when the issuer ends before the wished duration is over). A wish above max_duration is refused. */
RV_MUST_CHECK enum rv_status rv_profile_times(const struct rv_profile *profile, rv_dur wished, rv_time now,
                                              rv_time ca_not_after, rv_time *ret_not_before, rv_time *ret_not_after,
                                              struct rv_error *err);
/* The same limits against finished to-be-signed bytes: what the signer trusts instead of its caller. Key, names, subject,
 * usages, CA flag, lifetime, and notBefore within an hour beyond the backdate of `now`. */
RV_MUST_CHECK enum rv_status rv_profile_check_tbs(const struct rv_profile *profile, struct rv_bytes tbs, rv_time now,
                                                  struct rv_error *err);
