/* A TBSCertificate taken apart (RFC 5280 §4.1), shared by reader and linter. */
#pragma once
#include "pki/extension_priv.h"

#define RV_TBS_MAX_EXTENSIONS 64

struct rv_tbs_parts { /* borrowed */
    bool has_version;
    int64_t version;        /* encoded value: 2 is v3 */
    struct rv_bytes serial; /* content octets */
    struct rv_bytes algorithm, issuer, subject, spki;
    struct rv_der not_before, not_after;
    bool unique_ids, has_extensions;
    size_t extension_count;
    struct rv_extension extensions[RV_TBS_MAX_EXTENSIONS];
};
/* NULL, or why the bytes have not the shape of a TBSCertificate. */
const char *rv_tbs_split(struct rv_bytes tbs, struct rv_tbs_parts *ret);
/* NULL when it has none. */
const struct rv_extension *rv_tbs_extension(const struct rv_tbs_parts *parts, struct rv_bytes oid);

struct rv_cert_parts {
    struct rv_bytes tbs, algorithm, signature; /* signature: octets behind the count of unused bits */
};
const char *rv_cert_split(struct rv_bytes der, struct rv_cert_parts *ret);

/* keyIdentifier of an authorityKeyIdentifier; false when malformed. Absent: empty. *ret_only: nothing but that. */
bool rv_aki_read(struct rv_bytes der, struct rv_bytes *ret, bool *ret_only);
