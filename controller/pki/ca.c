#include "pki/algorithm_priv.h"
#include "pki/certificate_priv.h"
#include "pki/der_priv.h"
#include "pki/digest.h"
#include "pki/tbs_priv.h"

struct rv_ca {
    struct rv_buf der;
    struct rv_bytes subject, ski; /* in der */
    struct rv_spki key;           /* in der */
    struct rv_hash spki_hash;
    const struct rv_algorithm *signs;
    int path_length;
    rv_time not_before, not_after;
};

static enum rv_status read(struct rv_ca *ca, struct rv_error *err)
{
    struct rv_cert_parts cert;
    struct rv_tbs_parts tbs;
    const struct rv_extension *e;
    struct rv_der ski;
    bool is_ca;
    const char *fault = rv_der_fault(rv_buf_bytes(&ca->der));
    if (fault == NULL)
        fault = rv_cert_split(rv_buf_bytes(&ca->der), &cert);
    if (fault == NULL)
        fault = rv_tbs_split(cert.tbs, &tbs);
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "CA certificate: %s", fault);
    e = rv_tbs_extension(&tbs, rv_oid_basic_constraints);
    if (e == NULL || !rv_basic_constraints_read(e->value, &is_ca, &ca->path_length) || !is_ca)
        return rv_fail(err, RV_INVALID, "the certificate is not that of a CA");
    e = rv_tbs_extension(&tbs, rv_oid_ski);
    if (e == NULL || !rv_der_only(e->value, DER_OCTET_STRING, &ski) || ski.body.len == 0)
        return rv_fail(err, RV_INVALID, "the CA certificate has no subjectKeyIdentifier"); /* X-20 needs it */
    if (!rv_der_time_read(&tbs.not_before, &ca->not_before) || !rv_der_time_read(&tbs.not_after, &ca->not_after))
        return rv_fail(err, RV_INVALID, "the validity of the CA certificate is malformed");
    ca->subject = tbs.subject;
    ca->ski = ski.body;
    enum rv_status status = rv_spki_read(tbs.spki, &ca->key, err);
    if (status != RV_OK)
        return rv_error_prefix(err, status, "CA certificate");
    rv_sha256(ca->key.der, &ca->spki_hash);
    ca->signs = rv_algorithm_for(ca->key.algorithm, ca->key.bits);
    return RV_OK;
}

enum rv_status rv_ca_create(struct rv_bytes certificate, struct rv_ca **ret, struct rv_error *err)
{
    if (certificate.len > RV_CERT_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "the CA certificate is larger than %zu bytes", RV_CERT_MAX_SIZE);
    struct rv_ca *ca = rv_zalloc(sizeof *ca);
    rv_buf_add(&ca->der, certificate.ptr, certificate.len);
    enum rv_status status = read(ca, err);
    if (status != RV_OK) {
        rv_ca_destroy(ca);
        return status;
    }
    *ret = ca;
    return RV_OK;
}

void rv_ca_destroy(struct rv_ca *ca)
{
    if (ca == NULL)
        return;
    rv_buf_fini(&ca->der);
    rv_free(ca);
}

struct rv_bytes rv_ca_certificate(const struct rv_ca *ca)
{
    return rv_buf_bytes(&ca->der);
}

struct rv_bytes rv_ca_subject(const struct rv_ca *ca)
{
    return ca->subject;
}

struct rv_bytes rv_ca_ski(const struct rv_ca *ca)
{
    return ca->ski;
}

struct rv_bytes rv_ca_signature_algorithm(const struct rv_ca *ca)
{
    return ca->signs->der;
}

const struct rv_spki *rv_ca_key(const struct rv_ca *ca)
{
    return &ca->key;
}

const struct rv_hash *rv_ca_spki_hash(const struct rv_ca *ca)
{
    return &ca->spki_hash;
}

int rv_ca_path_length(const struct rv_ca *ca)
{
    return ca->path_length;
}

rv_time rv_ca_not_before(const struct rv_ca *ca)
{
    return ca->not_before;
}

rv_time rv_ca_not_after(const struct rv_ca *ca)
{
    return ca->not_after;
}
