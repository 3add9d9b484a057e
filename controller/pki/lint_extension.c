/* Rules over extensions (standards X.2). */
#include <string.h>

#include "pki/certificate_priv.h"
#include "pki/digest.h"
#include "pki/lint_priv.h"

bool rv_lint_once(const struct rv_lint_facts *f, char *detail, size_t size)
{
    char oid[80];
    if (f->p.has_extensions && f->p.extension_count == 0)
        return rv_lint_no(detail, size, "the list is empty");
    for (size_t i = 0; i < f->p.extension_count; i++)
        if (rv_lint_find(f, f->p.extensions[i].oid) != &f->p.extensions[i])
            return rv_lint_no(detail, size, "%s", rv_der_oid_text(f->p.extensions[i].oid, oid, sizeof oid));
    return true;
}

bool rv_lint_known(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_bytes *const known[] = {&rv_oid_ski,
                                            &rv_oid_key_usage,
                                            &rv_oid_san,
                                            &rv_oid_basic_constraints,
                                            &rv_oid_name_constraints,
                                            &rv_oid_crl_points,
                                            &rv_oid_policies,
                                            &rv_oid_policy_mappings,
                                            &rv_oid_aki,
                                            &rv_oid_policy_constraints,
                                            &rv_oid_eku,
                                            &rv_oid_any_policy_inhibit,
                                            &rv_oid_freshest_crl,
                                            &rv_oid_aia,
                                            &rv_oid_tls_feature,
                                            &rv_oid_no_rev_avail,
                                            &rv_oid_ocsp_nocheck};
    for (size_t i = 0; i < f->p.extension_count; i++) {
        size_t k = 0;
        while (k < RV_COUNT(known) && !rv_bytes_equal(*known[k], f->p.extensions[i].oid))
            k++;
        char oid[80];
        if (k == RV_COUNT(known))
            return rv_lint_no(detail, size, "%s", rv_der_oid_text(f->p.extensions[i].oid, oid, sizeof oid));
    }
    return true;
}

bool rv_lint_defaults(const struct rv_lint_facts *f, char *detail, size_t size)
{
    for (size_t i = 0; i < f->p.extension_count; i++)
        if (f->p.extensions[i].explicit_false)
            return rv_lint_no(detail, size, "critical FALSE is spelled out");
    return f->constraints_good || rv_lint_no(detail, size, "basicConstraints is malformed or spells out cA FALSE");
}

bool rv_lint_values(const struct rv_lint_facts *f, char *detail, size_t size)
{
    char oid[80];
    for (size_t i = 0; i < f->p.extension_count; i++) {
        const char *fault = rv_der_fault(f->p.extensions[i].value);
        if (fault != NULL)
            return rv_lint_no(detail, size, "%s: %s", rv_der_oid_text(f->p.extensions[i].oid, oid, sizeof oid), fault);
    }
    return true;
}

bool rv_lint_aki(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_aki);
    struct rv_bytes id;
    bool only;
    if (e == NULL)
        return f->ca == NULL || rv_lint_no(detail, size, "there is none");
    if (e->critical || !rv_aki_read(e->value, &id, &only) || !only)
        return rv_lint_no(detail, size, "it is critical or not just a keyIdentifier");
    if (f->ca != NULL)
        return rv_bytes_equal(id, rv_ca_ski(f->ca)) || rv_lint_no(detail, size, "it is another key's");
    const struct rv_extension *ski = rv_lint_find(f, rv_oid_ski); /* a root: its own (B-21) */
    struct rv_der own;
    return (ski != NULL && rv_der_only(ski->value, DER_OCTET_STRING, &own) && rv_bytes_equal(own.body, id)) ||
           rv_lint_no(detail, size, "it is another key's");
}

bool rv_lint_ski(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_ski);
    struct rv_der id;
    if (e == NULL)
        return !f->is_ca || rv_lint_no(detail, size, "there is none");
    if (e->critical || !rv_der_only(e->value, DER_OCTET_STRING, &id) || id.body.len == 0)
        return rv_lint_no(detail, size, "it is critical or malformed");
    uint8_t want[RV_SKI_SIZE];
    if (f->key_status != RV_OK)
        return true;
    rv_ski_of(&f->spki, want);
    return rv_bytes_equal(id.body, RV_BYTES(want, sizeof want)) || rv_lint_no(detail, size, "it is not this key's");
}

bool rv_lint_key_usage(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_key_usage);
    const unsigned exchange =
        RV_KU_KEY_ENCIPHERMENT | RV_KU_DATA_ENCIPHERMENT | RV_KU_KEY_AGREEMENT | RV_KU_ENCIPHER_ONLY | RV_KU_DECIPHER_ONLY;
    const unsigned ca = RV_KU_CERT_SIGN | RV_KU_CRL_SIGN;
    if (e == NULL || !e->critical)
        return rv_lint_no(detail, size, e == NULL ? "there is none" : "it is not critical");
    if (!f->usage_good || f->usage == 0)
        return rv_lint_no(detail, size, "it is malformed, has no bit, or zero bits at its end");
    if (f->is_ca)
        return (f->usage & ~RV_KU_DIGITAL_SIGNATURE) == ca || rv_lint_no(detail, size, "a CA's is keyCertSign and cRLSign");
    if (f->usage & ca)
        return rv_lint_no(detail, size, "keyCertSign or cRLSign in a leaf");
    if (!(f->usage & RV_KU_DIGITAL_SIGNATURE))
        return rv_lint_no(detail, size, "digitalSignature is missing");
    if (f->key_status == RV_OK && f->spki.algorithm != RV_KEY_RSA && (f->usage & exchange))
        return rv_lint_no(detail, size, "a usage that this kind of key does not have");
    return true;
}

bool rv_lint_policies(const struct rv_lint_facts *f, char *detail, size_t size)
{
    static const struct rv_bytes any = RV_OID_CE("\x20\x00");
    const struct rv_extension *e = rv_lint_find(f, rv_oid_policies);
    struct rv_der list, info, oid, other;
    if (e == NULL)
        return true;
    if (!rv_der_only(e->value, DER_SEQUENCE, &list) || list.body.len == 0)
        return rv_lint_no(detail, size, "it is empty or malformed");
    for (struct rv_bytes rest = list.body; rest.len > 0;) {
        if (!rv_der_take(&rest, DER_SEQUENCE, &info) || !rv_der_take(&info.body, DER_OID, &oid))
            return rv_lint_no(detail, size, "it is malformed");
        if (!f->is_ca && rv_bytes_equal(oid.body, any))
            return rv_lint_no(detail, size, "anyPolicy in a leaf");
        struct rv_bytes before = RV_BYTES(list.body.ptr, (size_t)(info.whole.ptr - list.body.ptr));
        while (rv_der_take(&before, DER_SEQUENCE, &info))
            if (rv_der_take(&info.body, DER_OID, &other) && rv_bytes_equal(other.body, oid.body))
                return rv_lint_no(detail, size, "a policy appears twice");
    }
    return true;
}

bool rv_lint_basic_constraints(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_basic_constraints);
    if (e == NULL)
        return !(f->usage & RV_KU_CERT_SIGN) || rv_lint_no(detail, size, "there is none beside keyCertSign");
    if (!e->critical)
        return rv_lint_no(detail, size, "it is not critical");
    int above = f->ca == NULL ? -1 : rv_ca_path_length(f->ca);
    if (f->is_ca && above >= 0 && (above == 0 || f->path_length < 0 || f->path_length >= above))
        return rv_lint_no(detail, size, "the issuer's path length of %d leaves no room for it", above);
    return f->is_ca || f->path_length < 0 || rv_lint_no(detail, size, "a path length without cA");
}

/* One GeneralSubtree base. */
static bool base_good(const struct rv_der *base)
{
    struct rv_bytes b = base->body;
    switch (base->tag) {
    case DER_CONTEXT(2):
        return b.len > 0 && b.ptr[0] != '.' && memchr(b.ptr, 0, b.len) == NULL;
    case DER_CONTEXT(7): {
        if (b.len != 8 && b.len != 32)
            return false;
        bool ended = false;
        for (size_t bit = 0; bit < b.len * 4; bit++) {
            bool one = b.ptr[b.len / 2 + bit / 8] >> (7 - bit % 8) & 1;
            if (one && ended)
                return false;
            ended = !one;
        }
        return true;
    }
    default:
        return true;
    }
}

bool rv_lint_name_constraints(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_name_constraints);
    struct rv_der list, trees, tree, base;
    if (e == NULL)
        return true;
    if (!f->is_ca || !e->critical)
        return rv_lint_no(detail, size, f->is_ca ? "it is not critical" : "it is in a leaf");
    if (!rv_der_only(e->value, DER_SEQUENCE, &list) || list.body.len == 0)
        return rv_lint_no(detail, size, "it is empty or malformed");
    for (uint8_t n = 0; n < 2; n++) {
        if (!rv_der_take(&list.body, DER_CONTEXT_CONSTRUCTED(n), &trees))
            continue;
        if (trees.body.len == 0)
            return rv_lint_no(detail, size, "one of its lists is empty");
        while (trees.body.len > 0)
            if (!rv_der_take(&trees.body, DER_SEQUENCE, &tree) || !rv_der_next(&tree.body, &base) || tree.body.len > 0 ||
                !base_good(&base))
                return rv_lint_no(detail, size, "a base has a leading dot, a broken mask, a minimum or a maximum");
    }
    return list.body.len == 0 || rv_lint_no(detail, size, "it is malformed");
}

bool rv_lint_policy_constraints(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_bytes *const oids[] = {&rv_oid_policy_constraints, &rv_oid_any_policy_inhibit, &rv_oid_policy_mappings};
    for (size_t i = 0; i < RV_COUNT(oids); i++) {
        const struct rv_extension *e = rv_lint_find(f, *oids[i]);
        if (e != NULL && (!f->is_ca || !e->critical))
            return rv_lint_no(detail, size, f->is_ca ? "one is not critical" : "one is in a leaf");
        if (e != NULL && e->value.len <= 2)
            return rv_lint_no(detail, size, "one is empty");
    }
    return true;
}

/* Calls look for every purpose; false when the extension is no list of OIDs. */
static bool purposes(const struct rv_extension *e, bool (*good)(struct rv_bytes oid), bool *ret_all_good)
{
    struct rv_der list, oid;
    *ret_all_good = true;
    if (!rv_der_only(e->value, DER_SEQUENCE, &list) || list.body.len == 0)
        return false;
    while (list.body.len > 0) {
        if (!rv_der_take(&list.body, DER_OID, &oid))
            return false;
        *ret_all_good = *ret_all_good && good(oid.body);
    }
    return true;
}

static bool not_any(struct rv_bytes oid)
{
    return !rv_bytes_equal(oid, rv_oid_any_usage);
}

static bool server_or_client(struct rv_bytes oid)
{
    return rv_bytes_equal(oid, rv_oid_server_auth) || rv_bytes_equal(oid, rv_oid_client_auth);
}

bool rv_lint_eku(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_eku);
    bool good;
    if (e == NULL)
        return f->is_ca || rv_lint_no(detail, size, "there is none");
    if (!purposes(e, not_any, &good))
        return rv_lint_no(detail, size, "it is empty or malformed");
    return good || rv_lint_no(detail, size, "it has anyExtendedKeyUsage");
}

bool rv_lint_eku_purposes(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_eku);
    bool good;
    if (e == NULL)
        return true; /* another rule */
    if (e->critical)
        return rv_lint_no(detail, size, "it is critical");
    return !purposes(e, server_or_client, &good) || good || rv_lint_no(detail, size, "it has another purpose");
}

static bool http_uri(const struct rv_der *name)
{
    if (name->tag != DER_CONTEXT(6) || name->body.len < 8 || memcmp(name->body.ptr, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < name->body.len; i++)
        if (name->body.ptr[i] <= ' ' || name->body.ptr[i] > '~')
            return false;
    return true;
}

bool rv_lint_crl_points(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_crl_points);
    struct rv_der list, point, name, full, uri;
    if (e == NULL)
        return true;
    if (e->critical)
        return rv_lint_no(detail, size, "it is critical");
    if (!rv_der_only(e->value, DER_SEQUENCE, &list) || !rv_der_take(&list.body, DER_SEQUENCE, &point) || list.body.len > 0 ||
        !rv_der_take(&point.body, DER_CONTEXT_CONSTRUCTED(0), &name) || point.body.len > 0 ||
        !rv_der_take(&name.body, DER_CONTEXT_CONSTRUCTED(0), &full) || name.body.len > 0 || full.body.len == 0)
        return rv_lint_no(detail, size, "it is not one point with one full name");
    while (full.body.len > 0)
        if (!rv_der_next(&full.body, &uri) || !http_uri(&uri))
            return rv_lint_no(detail, size, "an address is not http");
    return true;
}

/* Whether there is an access description of this kind; *ret_good: the whole extension is well formed. */
static bool aia_has(const struct rv_extension *e, struct rv_bytes method, bool *ret_good)
{
    struct rv_der list, description, oid, uri;
    bool found = false;
    *ret_good = rv_der_only(e->value, DER_SEQUENCE, &list) && list.body.len > 0;
    while (*ret_good && list.body.len > 0) {
        *ret_good = rv_der_take(&list.body, DER_SEQUENCE, &description) && rv_der_take(&description.body, DER_OID, &oid) &&
                    (rv_bytes_equal(oid.body, rv_oid_ocsp) || rv_bytes_equal(oid.body, rv_oid_ca_issuers)) &&
                    rv_der_next(&description.body, &uri) && description.body.len == 0 && http_uri(&uri);
        found = found || (*ret_good && rv_bytes_equal(oid.body, method));
    }
    return found;
}

bool rv_lint_aia(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_aia);
    bool good;
    if (e == NULL)
        return true;
    if (e->critical)
        return rv_lint_no(detail, size, "it is critical");
    aia_has(e, rv_oid_ocsp, &good);
    return good || rv_lint_no(detail, size, "it is empty or has another method or scheme");
}

bool rv_lint_tls_feature(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_tls_feature), *aia = rv_lint_find(f, rv_oid_aia);
    bool good;
    if (e == NULL)
        return true;
    if (e->critical || !rv_bytes_equal(e->value, DER_BYTES("\x30\x03\x02\x01\x05")))
        return rv_lint_no(detail, size, "it is critical or has another value");
    return (aia != NULL && aia_has(aia, rv_oid_ocsp, &good)) || rv_lint_no(detail, size, "there is no OCSP address");
}

bool rv_lint_no_rev_avail(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_no_rev_avail), *aia = rv_lint_find(f, rv_oid_aia);
    bool good;
    if (e == NULL)
        return true;
    if (f->is_ca || e->critical || !rv_bytes_equal(e->value, DER_BYTES("\x05\x00")))
        return rv_lint_no(detail, size, "it is critical, in a CA, or not NULL");
    if (rv_lint_find(f, rv_oid_crl_points) != NULL || rv_lint_find(f, rv_oid_freshest_crl) != NULL ||
        (aia != NULL && aia_has(aia, rv_oid_ocsp, &good)))
        return rv_lint_no(detail, size, "a revocation pointer stands beside it");
    return true;
}

bool rv_lint_nocheck(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return rv_lint_find(f, rv_oid_ocsp_nocheck) == NULL || rv_lint_no(detail, size, "this is none");
}
