/* Reading a request. The order matters: size, DER (walker), grammar (templates), content, and only then arithmetic on a
 * key that somebody else chose. */
#include "pki/csr.h"

#include "base/text.h"
#include "pki/csr_template_priv.h"
#include "pki/der_priv.h"
#include "pki/digest.h"
#include "pki/extension_priv.h"
#include "pki/keycheck.h"
#include "pki/names_priv.h"
#include "pki/pem.h"
#include "pki/subject_priv.h"

static const struct rv_bytes oid_extension_request = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
/* szOID_CERT_EXTENSIONS: Microsoft's number for the same thing. Two lists could say different things (H-11). */
static const struct rv_bytes oid_extension_request_ms = DER_BYTES("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e");

struct parts {
    struct rv_bytes info, subject, spki, attributes, algorithm, signature;
};

static enum rv_status split(struct rv_bytes der, struct parts *p, struct rv_error *err)
{
    struct rv_der whole, info, version, subject, spki, attributes = {0}, algorithm, signature;
    int64_t v;
    if (!rv_der_only(der, DER_SEQUENCE, &whole) || !rv_der_take(&whole.body, DER_SEQUENCE, &info) ||
        !rv_der_take(&whole.body, DER_SEQUENCE, &algorithm) || !rv_der_take(&whole.body, DER_BIT_STRING, &signature) ||
        whole.body.len > 0 || !rv_der_take(&info.body, DER_INTEGER, &version) ||
        !rv_der_take(&info.body, DER_SEQUENCE, &subject) || !rv_der_take(&info.body, DER_SEQUENCE, &spki))
        return rv_fail(err, RV_INVALID, "it is no PKCS#10 request");
    if (info.body.len > 0 && (!rv_der_take(&info.body, DER_CONTEXT_CONSTRUCTED(0), &attributes) || info.body.len > 0))
        return rv_fail(err, RV_INVALID, "its attributes are malformed");
    if (!rv_der_int_read(&version, &v) || v != 0) /* RFC 2986 §4.1 */
        return rv_fail(err, RV_INVALID, "its version is not 1");
    if (signature.body.len < 2 || signature.body.ptr[0] != 0)
        return rv_fail(err, RV_INVALID, "its signature is empty or has unused bits");
    *p = (struct parts){.info = info.whole,
                        .subject = subject.whole,
                        .spki = spki.whole,
                        .attributes = attributes.body,
                        .algorithm = algorithm.whole,
                        .signature = RV_BYTES(signature.body.ptr + 1, signature.body.len - 1)};
    return RV_OK;
}

static enum rv_status read_subject(struct rv_bytes der, struct rv_arena *arena, struct rv_csr *csr, struct rv_error *err)
{
    const char *fault = rv_subject_fault(der);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "subject: %s", fault);
    struct rv_der name;
    struct rv_bytes rdn = {0};
    struct rv_attribute a;
    if (!rv_der_only(der, DER_SEQUENCE, &name))
        return rv_fail(err, RV_INVALID, "subject: it is no Name");
    while (rv_attribute_next(&name.body, &rdn, &a)) {
        if (!rv_bytes_equal(a.oid, rv_oid_common_name)) {
            csr->other_subject = true;
            continue;
        }
        if (csr->common_name != NULL)
            return rv_fail(err, RV_INVALID, "subject: more than one common name");
        struct rv_buf shown RV_AUTO(rv_buf) = {0};
        char normal[RV_NAME_MAX + 1];
        rv_printable(&shown, (const char *)a.value.body.ptr, a.value.body.len);
        const char *text = rv_buf_text(&shown);
        if (rv_name_normalise(RV_NAME_DNS, text, normal, NULL) == RV_OK ||
            rv_name_normalise(RV_NAME_IP, text, normal, NULL) == RV_OK)
            text = normal;
        csr->common_name = rv_arena_strdup(arena, text);
    }
    return RV_OK;
}

static bool read_eku(struct rv_bytes der, struct rv_csr *csr)
{
    struct rv_der list, oid;
    if (!rv_der_only(der, DER_SEQUENCE, &list) || list.body.len == 0)
        return false;
    csr->wants_eku = true;
    while (list.body.len > 0) {
        if (!rv_der_take(&list.body, DER_OID, &oid))
            return false;
        if (rv_bytes_equal(oid.body, rv_oid_server_auth))
            csr->eku_server = true;
        else if (rv_bytes_equal(oid.body, rv_oid_client_auth))
            csr->eku_client = true;
        else
            csr->eku_other = true;
    }
    return true;
}

static enum rv_status read_extension(const struct rv_extension *e, struct rv_arena *arena, struct rv_csr *csr,
                                     struct rv_error *err)
{
    const char *bad = NULL;
    unsigned usage;
    bool flag;
    int path;
    if (rv_bytes_equal(e->oid, rv_oid_san)) {
        const char *fault = rv_der_fault(e->value);
        if (fault != NULL)
            return rv_fail(err, RV_INVALID, "subjectAltName: %s", fault);
        return rv_general_names_read(e->value, arena, &csr->names, err);
    }
    if (rv_bytes_equal(e->oid, rv_oid_basic_constraints)) {
        if (rv_der_fault(e->value) != NULL || !rv_basic_constraints_read(e->value, &flag, &path))
            bad = "basicConstraints";
        else
            csr->wants_ca = csr->wants_ca || flag;
    } else if (rv_bytes_equal(e->oid, rv_oid_key_usage)) {
        if (rv_der_fault(e->value) != NULL || !rv_bits_read(e->value, &usage, &flag) || !flag)
            bad = "keyUsage";
        else
            csr->wants_ca = csr->wants_ca || (usage & (RV_KU_CERT_SIGN | RV_KU_CRL_SIGN)) != 0;
    } else if (rv_bytes_equal(e->oid, rv_oid_eku)) {
        if (rv_der_fault(e->value) != NULL || !read_eku(e->value, csr))
            bad = "extKeyUsage";
    } else if (!rv_bytes_equal(e->oid, rv_oid_ski)) {
        struct rv_csr_extension *f = &csr->foreign[csr->foreign_count++];
        rv_der_oid_text(e->oid, f->oid, sizeof f->oid);
        f->critical = e->critical;
    }
    return bad == NULL ? RV_OK : rv_fail(err, RV_INVALID, "the requested extension %s is malformed", bad);
}

static enum rv_status read_extensions(struct rv_bytes der, struct rv_arena *arena, struct rv_csr *csr, struct rv_error *err)
{
    struct rv_der list;
    struct rv_extension e;
    struct rv_bytes seen[RV_CSR_MAX_EXTENSIONS];
    size_t count = 0;
    if (!rv_der_only(der, DER_SEQUENCE, &list) || list.body.len == 0)
        return rv_fail(err, RV_INVALID, "the list of requested extensions is empty or malformed");
    while (rv_extension_next(&list.body, &e)) {
        if (count == RV_CSR_MAX_EXTENSIONS)
            return rv_fail(err, RV_INVALID, "more than %d extensions are requested", RV_CSR_MAX_EXTENSIONS);
        for (size_t i = 0; i < count; i++)
            if (rv_bytes_equal(seen[i], e.oid)) { /* */
                char text[80];
                return rv_fail(err, RV_INVALID, "the extension %s is requested twice",
                               rv_der_oid_text(e.oid, text, sizeof text));
            }
        if (e.explicit_false)
            return rv_fail(err, RV_INVALID, "an extension spells out that it is not critical, which is not DER");
        seen[count++] = e.oid;
        enum rv_status status = read_extension(&e, arena, csr, err);
        if (status != RV_OK)
            return status;
    }
    return list.body.len == 0 ? RV_OK : rv_fail(err, RV_INVALID, "a requested extension is malformed");
}

static enum rv_status read_attributes(struct rv_bytes rest, struct rv_arena *arena, struct rv_csr *csr, struct rv_error *err)
{
    struct rv_der attribute, oid, values, value;
    struct rv_bytes seen[RV_CSR_MAX_EXTENSIONS];
    size_t count = 0;
    while (rest.len > 0) {
        if (!rv_der_take(&rest, DER_SEQUENCE, &attribute) || !rv_der_take(&attribute.body, DER_OID, &oid) ||
            !rv_der_take(&attribute.body, DER_SET, &values) || attribute.body.len > 0 || values.body.len == 0)
            return rv_fail(err, RV_INVALID, "an attribute is malformed or empty");
        if (count == RV_COUNT(seen))
            return rv_fail(err, RV_INVALID, "more than %d attributes", RV_CSR_MAX_EXTENSIONS);
        for (size_t i = 0; i < count; i++)
            if (rv_bytes_equal(seen[i], oid.body))
                return rv_fail(err, RV_INVALID, "an attribute appears twice");
        seen[count++] = oid.body;
        if (rv_bytes_equal(oid.body, oid_extension_request_ms))
            return rv_fail(err, RV_INVALID,
                           "extensions are requested by an attribute of Microsoft's (%s); use extensionRequest",
                           "1.3.6.1.4.1.311.2.1.14");
        if (!rv_bytes_equal(oid.body, oid_extension_request))
            continue; /* challengePassword and the like ask for nothing */
        if (!rv_der_take(&values.body, DER_SEQUENCE, &value) || values.body.len > 0)
            return rv_fail(err, RV_INVALID, "extensionRequest does not hold exactly one list of extensions");
        enum rv_status status = read_extensions(value.whole, arena, csr, err);
        if (status != RV_OK)
            return status;
    }
    return RV_OK;
}

static enum rv_status read_strict(struct rv_bytes der, struct rv_arena *arena, struct rv_csr *csr, struct rv_error *err)
{
    struct parts p = {0};
    const char *fault = rv_der_fault(der);
    if (fault == NULL)
        fault = rv_csr_template_fault(der);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "%s", fault);
    enum rv_status status = split(der, &p, err);
    if (status == RV_OK)
        status = read_subject(p.subject, arena, csr, err);
    if (status == RV_OK)
        status = read_attributes(p.attributes, arena, csr, err);
    if (status == RV_OK)
        status = rv_spki_read(p.spki, &csr->key, err);
    if (status == RV_OK)
        status = rv_key_check(&csr->key, err);
    if (status == RV_OK && (status = rv_spki_verify(&csr->key, p.algorithm, p.info, p.signature, err)) == RV_DENIED)
        rv_error_hint(err, status,
                      "the request must be signed by the private key that belongs to its public key"); /* K-08 */
    csr->info = p.info;
    return status;
}

enum rv_status rv_csr_read(struct rv_bytes der, struct rv_arena *arena, struct rv_csr *ret, struct rv_error *err)
{
    if (der.len == 0 || der.len > RV_CSR_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "a certification request of %zu bytes: expected 1 to %zu", der.len, RV_CSR_MAX_SIZE);
    struct rv_csr csr = {.der = RV_BYTES(rv_arena_memdup(arena, der.ptr, der.len), der.len)};
    enum rv_status status = read_strict(csr.der, arena, &csr, err);
    if (status != RV_OK)
        return rv_error_prefix(err, status, "certification request");
    rv_sha256(csr.key.der, &csr.spki_hash);
    *ret = csr;
    return RV_OK;
}

enum rv_status rv_csr_read_any(struct rv_bytes text, struct rv_arena *arena, struct rv_csr *ret, struct rv_error *err)
{
    struct rv_buf der RV_AUTO(rv_buf) = {0};
    if (!rv_pem_looks(text) && text.len > 0 && text.ptr[0] == DER_SEQUENCE)
        return rv_csr_read(text, arena, ret, err);
    enum rv_status status = rv_pem_one(text, RV_PEM_REQUEST, &der, err);
    if (status != RV_OK && rv_pem_one(text, "NEW CERTIFICATE REQUEST", &der, NULL) == RV_OK)
        status = RV_OK;
    return status == RV_OK ? rv_csr_read(rv_buf_bytes(&der), arena, ret, err)
                           : rv_error_prefix(err, status, "certification request");
}
