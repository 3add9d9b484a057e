#include "pki/tbs_priv.h"

static const char *split_extensions(struct rv_bytes rest, struct rv_tbs_parts *p)
{
    struct rv_der wrapped, list;
    p->has_extensions = true;
    if (!rv_der_take(&rest, DER_CONTEXT_CONSTRUCTED(3), &wrapped) || rest.len > 0 ||
        !rv_der_only(wrapped.body, DER_SEQUENCE, &list))
        return "its extensions are malformed";
    while (list.body.len > 0) {
        if (p->extension_count == RV_TBS_MAX_EXTENSIONS)
            return "it has more than 64 extensions";
        if (!rv_extension_next(&list.body, &p->extensions[p->extension_count++]))
            return "an extension is malformed";
    }
    return NULL;
}

const char *rv_tbs_split(struct rv_bytes tbs, struct rv_tbs_parts *ret)
{
    struct rv_der whole, version, number, serial, algorithm, issuer, validity, subject, spki, skipped;
    struct rv_bytes rest;
    *ret = (struct rv_tbs_parts){0};
    if (!rv_der_only(tbs, DER_SEQUENCE, &whole))
        return "it is no TBSCertificate";
    rest = whole.body;
    if (rv_der_take(&rest, DER_CONTEXT_CONSTRUCTED(0), &version)) {
        ret->has_version = true;
        if (!rv_der_only(version.body, DER_INTEGER, &number) || !rv_der_int_read(&number, &ret->version))
            return "its version is malformed";
    }
    if (!rv_der_take(&rest, DER_INTEGER, &serial) || !rv_der_take(&rest, DER_SEQUENCE, &algorithm) ||
        !rv_der_take(&rest, DER_SEQUENCE, &issuer) || !rv_der_take(&rest, DER_SEQUENCE, &validity) ||
        !rv_der_next(&validity.body, &ret->not_before) || !rv_der_next(&validity.body, &ret->not_after) ||
        validity.body.len > 0 || !rv_der_take(&rest, DER_SEQUENCE, &subject) || !rv_der_take(&rest, DER_SEQUENCE, &spki))
        return "it is no TBSCertificate";
    ret->serial = serial.body;
    ret->algorithm = algorithm.whole;
    ret->issuer = issuer.whole;
    ret->subject = subject.whole;
    ret->spki = spki.whole;
    for (unsigned n = 1; n <= 2; n++)
        if (rv_der_take(&rest, DER_CONTEXT(n), &skipped))
            ret->unique_ids = true;
    return rest.len > 0 ? split_extensions(rest, ret) : NULL;
}

const struct rv_extension *rv_tbs_extension(const struct rv_tbs_parts *parts, struct rv_bytes oid)
{
    for (size_t i = 0; i < parts->extension_count; i++)
        if (rv_bytes_equal(parts->extensions[i].oid, oid))
            return &parts->extensions[i];
    return NULL;
}

const char *rv_cert_split(struct rv_bytes der, struct rv_cert_parts *ret)
{
    struct rv_der whole, tbs, algorithm, signature;
    if (!rv_der_only(der, DER_SEQUENCE, &whole) || !rv_der_take(&whole.body, DER_SEQUENCE, &tbs) ||
        !rv_der_take(&whole.body, DER_SEQUENCE, &algorithm) || !rv_der_take(&whole.body, DER_BIT_STRING, &signature) ||
        whole.body.len > 0)
        return "it is no certificate";
    if (signature.body.len < 2 || signature.body.ptr[0] != 0)
        return "its signature is empty or has unused bits";
    *ret = (struct rv_cert_parts){tbs.whole, algorithm.whole, RV_BYTES(signature.body.ptr + 1, signature.body.len - 1)};
    return NULL;
}

bool rv_aki_read(struct rv_bytes der, struct rv_bytes *ret, bool *ret_only)
{
    struct rv_der list, id = {0};
    if (!rv_der_only(der, DER_SEQUENCE, &list))
        return false;
    bool have = rv_der_take(&list.body, DER_CONTEXT(0), &id);
    *ret = id.body;
    *ret_only = have && list.body.len == 0;
    return true;
}
