/* Extensions (RFC 5280 §4.1.2.9): the identifiers that we know, and walking a list of them. */
#pragma once
#include "base/bytes.h"
#include "pki/der_priv.h"

#define RV_OID_CE(last) DER_BYTES("\x55\x1d" last)
extern const struct rv_bytes rv_oid_ski, rv_oid_key_usage, rv_oid_san, rv_oid_basic_constraints, rv_oid_name_constraints,
    rv_oid_crl_points, rv_oid_policies, rv_oid_policy_mappings, rv_oid_aki, rv_oid_policy_constraints, rv_oid_eku,
    rv_oid_any_policy_inhibit, rv_oid_freshest_crl, rv_oid_aia, rv_oid_tls_feature, rv_oid_no_rev_avail, rv_oid_ocsp_nocheck;
extern const struct rv_bytes rv_oid_server_auth, rv_oid_client_auth, rv_oid_any_usage;
extern const struct rv_bytes rv_oid_ca_issuers, rv_oid_ocsp;

struct rv_extension {
    struct rv_bytes oid, value; /* value: what the OCTET STRING holds */
    bool critical;
    bool explicit_false; /* critical FALSE was spelled out */
};
/* *rest begins as the contents of Extensions. False at the end and on bad framing (then rest->len > 0). */
bool rv_extension_next(struct rv_bytes *rest, struct rv_extension *ret);

enum { /* keyUsage, bit n as 1 << n (RFC 5280 §4.2.1.3) */
       RV_KU_DIGITAL_SIGNATURE = 1 << 0,
       RV_KU_KEY_ENCIPHERMENT = 1 << 2,
       RV_KU_DATA_ENCIPHERMENT = 1 << 3,
       RV_KU_KEY_AGREEMENT = 1 << 4,
       RV_KU_CERT_SIGN = 1 << 5,
       RV_KU_CRL_SIGN = 1 << 6,
       RV_KU_ENCIPHER_ONLY = 1 << 7,
       RV_KU_DECIPHER_ONLY = 1 << 8,
};
/* Bits of a BIT STRING of flags; *ret_minimal says whether trailing zero bits were removed. */
bool rv_bits_read(struct rv_bytes der, unsigned *ret, bool *ret_minimal);
/* basicConstraints: path_length -1 when absent. Strict. */
bool rv_basic_constraints_read(struct rv_bytes der, bool *ret_ca, int *ret_path_length);
/* One extension, written. The value is what the OCTET STRING shall hold. */
void rv_extension_put(struct rv_buf *buf, struct rv_bytes oid, bool critical, struct rv_bytes value);
/* The same in two steps: open, write the value, close. */
struct rv_extension_mark {
    size_t whole, value;
};
struct rv_extension_mark rv_extension_open(struct rv_buf *buf, struct rv_bytes oid, bool critical);
void rv_extension_close(struct rv_buf *buf, struct rv_extension_mark mark);
