#include "pki/extension_priv.h"

const struct rv_bytes rv_oid_ski = RV_OID_CE("\x0e");
const struct rv_bytes rv_oid_key_usage = RV_OID_CE("\x0f");
const struct rv_bytes rv_oid_san = RV_OID_CE("\x11");
const struct rv_bytes rv_oid_basic_constraints = RV_OID_CE("\x13");
const struct rv_bytes rv_oid_name_constraints = RV_OID_CE("\x1e");
const struct rv_bytes rv_oid_crl_points = RV_OID_CE("\x1f");
const struct rv_bytes rv_oid_policies = RV_OID_CE("\x20");
const struct rv_bytes rv_oid_policy_mappings = RV_OID_CE("\x21");
const struct rv_bytes rv_oid_aki = RV_OID_CE("\x23");
const struct rv_bytes rv_oid_policy_constraints = RV_OID_CE("\x24");
const struct rv_bytes rv_oid_eku = RV_OID_CE("\x25");
const struct rv_bytes rv_oid_freshest_crl = RV_OID_CE("\x2e");
const struct rv_bytes rv_oid_any_policy_inhibit = RV_OID_CE("\x36");
const struct rv_bytes rv_oid_no_rev_avail = RV_OID_CE("\x38");

#define PKIX(rest) DER_BYTES("\x2b\x06\x01\x05\x05\x07" rest)
const struct rv_bytes rv_oid_aia = PKIX("\x01\x01");
const struct rv_bytes rv_oid_tls_feature = PKIX("\x01\x18");
const struct rv_bytes rv_oid_server_auth = PKIX("\x03\x01");
const struct rv_bytes rv_oid_client_auth = PKIX("\x03\x02");
const struct rv_bytes rv_oid_ocsp = PKIX("\x30\x01");
const struct rv_bytes rv_oid_ca_issuers = PKIX("\x30\x02");
const struct rv_bytes rv_oid_ocsp_nocheck = PKIX("\x30\x01\x05");
const struct rv_bytes rv_oid_any_usage = RV_OID_CE("\x25\x00");

bool rv_extension_next(struct rv_bytes *rest, struct rv_extension *ret)
{
    struct rv_bytes after = *rest;
    struct rv_der whole, oid, critical = {0}, value;
    if (!rv_der_take(&after, DER_SEQUENCE, &whole) || !rv_der_take(&whole.body, DER_OID, &oid))
        return false;
    bool spelled = rv_der_take(&whole.body, DER_BOOLEAN, &critical);
    if ((spelled && critical.body.len != 1) || !rv_der_take(&whole.body, DER_OCTET_STRING, &value) || whole.body.len > 0)
        return false;
    *rest = after;
    *ret = (struct rv_extension){.oid = oid.body,
                                 .value = value.body,
                                 .critical = spelled && critical.body.ptr[0] != 0,
                                 .explicit_false = spelled && critical.body.ptr[0] == 0};
    return true;
}

bool rv_bits_read(struct rv_bytes der, unsigned *ret, bool *ret_minimal)
{
    struct rv_der bits;
    if (!rv_der_only(der, DER_BIT_STRING, &bits) || bits.body.len < 1 || bits.body.len > 3 || bits.body.ptr[0] > 7)
        return false;
    unsigned v = 0;
    for (size_t i = 1; i < bits.body.len; i++)
        for (unsigned k = 0; k < 8; k++)
            if (bits.body.ptr[i] & (0x80u >> k))
                v |= 1u << ((i - 1) * 8 + k);
    *ret = v;
    /* X.690 §11.2.2: the last bit that is there is a one, and an empty string is just 00. */
    *ret_minimal =
        bits.body.len == 1 ? bits.body.ptr[0] == 0 : (bits.body.ptr[bits.body.len - 1] >> bits.body.ptr[0] & 1) != 0;
    return true;
}

bool rv_basic_constraints_read(struct rv_bytes der, bool *ret_ca, int *ret_path_length)
{
    struct rv_der list, ca = {0}, path;
    int64_t n = -1;
    if (!rv_der_only(der, DER_SEQUENCE, &list))
        return false;
    if (rv_der_take(&list.body, DER_BOOLEAN, &ca) && (ca.body.len != 1 || ca.body.ptr[0] == 0)) /* */
        return false;
    if (rv_der_take(&list.body, DER_INTEGER, &path) && (!rv_der_int_read(&path, &n) || n > 255))
        return false;
    if (list.body.len > 0)
        return false;
    *ret_ca = ca.body.len == 1;
    *ret_path_length = (int)n;
    return true;
}

struct rv_extension_mark rv_extension_open(struct rv_buf *buf, struct rv_bytes oid, bool critical)
{
    struct rv_extension_mark mark = {.whole = rv_der_open(buf, DER_SEQUENCE)};
    rv_der_put(buf, DER_OID, oid);
    if (critical)
        rv_buf_add(buf, "\x01\x01\xff", 3);
    mark.value = rv_der_open(buf, DER_OCTET_STRING);
    return mark;
}

void rv_extension_close(struct rv_buf *buf, struct rv_extension_mark mark)
{
    rv_der_close(buf, mark.value);
    rv_der_close(buf, mark.whole);
}

void rv_extension_put(struct rv_buf *buf, struct rv_bytes oid, bool critical, struct rv_bytes value)
{
    struct rv_extension_mark mark = rv_extension_open(buf, oid, critical);
    rv_der_raw(buf, value);
    rv_extension_close(buf, mark);
}
