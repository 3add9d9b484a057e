/* To-be-signed certificates by a DER writer. What the profile fixes was encoded when it was compiled; what is left is
 * copying. */
#include <string.h>

#include "pki/algorithm_priv.h"
#include "pki/certificate.h"
#include "pki/certificate_priv.h"
#include "pki/der_priv.h"
#include "pki/digest.h"
#include "pki/extension_priv.h"
#include "pki/names_priv.h"
#include "pki/profile_priv.h"
#include "pki/random.h"
#include "pki/subject_priv.h"

void rv_serial_make(uint8_t serial[static RV_SERIAL_SIZE])
{
    rv_random(serial, RV_SERIAL_SIZE);
    serial[0] = (uint8_t)(1 + serial[0] % 0x7f); /* positive, and the length never varies */
}

const char *rv_serial_text(char out[static 48], const uint8_t *serial, size_t len)
{
    return rv_hex(out, serial, len > 23 ? 23 : len);
}

void rv_ski_of(const struct rv_spki *spki, uint8_t ret[static RV_SKI_SIZE])
{
    struct rv_hash h;
    rv_sha256(spki->key, &h); /* RFC 7093 §2, method 1: over the contents of the BIT STRING */
    memcpy(ret, h.b, RV_SKI_SIZE);
}

struct head { /* everything before the extensions */
    struct rv_bytes algorithm, issuer, spki;
    const uint8_t *serial;
    rv_time not_before, not_after;
    const char *organization, *common_name;
};

static enum rv_status put_head(struct rv_buf *tbs, const struct head *h, struct rv_error *err)
{
    if (h->serial[0] == 0 || h->serial[0] > 0x7f)
        return rv_fail(err, RV_INVALID, "the first octet of the serial number is not between 01 and 7f");
    if (h->not_before > h->not_after)
        return rv_fail(err, RV_INVALID, "the certificate would end before it begins");
    rv_buf_add(tbs, "\xa0\x03\x02\x01\x02", 5); /* v3 */
    rv_der_put(tbs, DER_INTEGER, RV_BYTES(h->serial, RV_SERIAL_SIZE));
    rv_der_raw(tbs, h->algorithm);
    rv_der_raw(tbs, h->issuer);
    size_t validity = rv_der_open(tbs, DER_SEQUENCE);
    if (!rv_der_put_time(tbs, h->not_before) || !rv_der_put_time(tbs, h->not_after))
        return rv_fail(err, RV_INVALID, "the validity reaches beyond the years 1950 to 9999");
    rv_der_close(tbs, validity);
    size_t subject = tbs->len;
    rv_subject_put(tbs, h->organization, h->common_name);
    const char *fault = h->organization == NULL && h->common_name == NULL
                            ? NULL
                            : rv_subject_fault(RV_BYTES(tbs->data + subject, tbs->len - subject));
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "subject: %s", fault);
    rv_der_raw(tbs, h->spki);
    return RV_OK;
}

static void put_aki(struct rv_buf *tbs, struct rv_bytes ski)
{
    struct rv_extension_mark e = rv_extension_open(tbs, rv_oid_aki, false);
    size_t list = rv_der_open(tbs, DER_SEQUENCE);
    rv_der_put(tbs, DER_CONTEXT(0), ski);
    rv_der_close(tbs, list);
    rv_extension_close(tbs, e);
}

static void put_access(struct rv_buf *tbs, struct rv_bytes method, const char *url)
{
    if (url == NULL)
        return;
    size_t description = rv_der_open(tbs, DER_SEQUENCE);
    rv_der_put(tbs, DER_OID, method);
    rv_der_put_text(tbs, DER_CONTEXT(6), url);
    rv_der_close(tbs, description);
}

static void put_pointers(struct rv_buf *tbs, const struct rv_leaf *leaf)
{
    if (leaf->crl_url != NULL) { /* */
        struct rv_extension_mark e = rv_extension_open(tbs, rv_oid_crl_points, false);
        size_t points = rv_der_open(tbs, DER_SEQUENCE), point = rv_der_open(tbs, DER_SEQUENCE);
        size_t name = rv_der_open(tbs, DER_CONTEXT_CONSTRUCTED(0)), full = rv_der_open(tbs, DER_CONTEXT_CONSTRUCTED(0));
        rv_der_put_text(tbs, DER_CONTEXT(6), leaf->crl_url);
        rv_der_close(tbs, full);
        rv_der_close(tbs, name);
        rv_der_close(tbs, point);
        rv_der_close(tbs, points);
        rv_extension_close(tbs, e);
    }
    if (leaf->ocsp_url != NULL || leaf->ca_issuers_url != NULL) { /* */
        struct rv_extension_mark e = rv_extension_open(tbs, rv_oid_aia, false);
        size_t list = rv_der_open(tbs, DER_SEQUENCE);
        put_access(tbs, rv_oid_ocsp, leaf->ocsp_url);
        put_access(tbs, rv_oid_ca_issuers, leaf->ca_issuers_url);
        rv_der_close(tbs, list);
        rv_extension_close(tbs, e);
    }
}

static bool url_is_plain(const char *url)
{
    if (url == NULL)
        return true;
    if (strncmp(url, "http://", 7) != 0)
        return false;
    for (const char *c = url; *c != 0; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

enum rv_status rv_tbs_build(const struct rv_profile *profile, const struct rv_ca *ca, const struct rv_leaf *leaf,
                            struct rv_buf *tbs, struct rv_error *err)
{
    if (!url_is_plain(leaf->ca_issuers_url) || !url_is_plain(leaf->crl_url) || !url_is_plain(leaf->ocsp_url))
        return rv_fail(err, RV_INVALID, "the CRL, OCSP and CA URLs in a certificate must be plain http:// URLs");
    if (leaf->names->count == 0)
        return rv_fail(err, RV_INVALID, "a certificate needs at least one name");
    size_t start = tbs->len;
    rv_buf_reserve(tbs, 1024);
    struct head h = {.algorithm = rv_ca_signature_algorithm(ca),
                     .issuer = rv_ca_subject(ca),
                     .spki = leaf->spki,
                     .serial = leaf->serial,
                     .not_before = leaf->not_before,
                     .not_after = leaf->not_after,
                     .common_name = leaf->common_name};
    size_t whole = rv_der_open(tbs, DER_SEQUENCE);
    enum rv_status status = put_head(tbs, &h, err);
    if (status != RV_OK) {
        tbs->len = start;
        return status;
    }
    size_t wrapped = rv_der_open(tbs, DER_CONTEXT_CONSTRUCTED(3)), list = rv_der_open(tbs, DER_SEQUENCE);
    put_aki(tbs, rv_ca_ski(ca));
    rv_der_raw(tbs, rv_profile_extensions(profile));
    struct rv_extension_mark san = rv_extension_open(tbs, rv_oid_san, leaf->common_name == NULL); /* */
    rv_general_names_put(tbs, leaf->names);
    rv_extension_close(tbs, san);
    put_pointers(tbs, leaf);
    rv_der_close(tbs, list);
    rv_der_close(tbs, wrapped);
    rv_der_close(tbs, whole);
    return RV_OK;
}

static enum rv_status put_ca(const struct rv_ca_wish *wish, struct rv_bytes algorithm, const struct rv_ca *parent,
                             struct rv_buf *tbs, struct rv_error *err)
{
    struct rv_buf subject RV_AUTO(rv_buf) = {0};
    struct rv_spki spki;
    uint8_t ski[RV_SKI_SIZE];
    enum rv_status status = rv_spki_read(wish->spki, &spki, err);
    if (status != RV_OK)
        return status;
    if (wish->common_name == NULL)
        return rv_fail(err, RV_INVALID, "a CA certificate needs a common name"); /* */
    rv_ski_of(&spki, ski);
    rv_subject_put(&subject, wish->organization, wish->common_name);
    struct head h = {.algorithm = algorithm,
                     .issuer = parent == NULL ? rv_buf_bytes(&subject) : rv_ca_subject(parent),
                     .spki = wish->spki,
                     .serial = wish->serial,
                     .not_before = wish->not_before,
                     .not_after = wish->not_after,
                     .organization = wish->organization,
                     .common_name = wish->common_name};
    size_t start = tbs->len, whole = rv_der_open(tbs, DER_SEQUENCE);
    status = put_head(tbs, &h, err);
    if (status != RV_OK) {
        tbs->len = start;
        return status;
    }
    size_t wrapped = rv_der_open(tbs, DER_CONTEXT_CONSTRUCTED(3)), list = rv_der_open(tbs, DER_SEQUENCE);
    if (parent != NULL)
        put_aki(tbs, rv_ca_ski(parent));
    struct rv_extension_mark e = rv_extension_open(tbs, rv_oid_ski, false);
    rv_der_put(tbs, DER_OCTET_STRING, RV_BYTES(ski, sizeof ski));
    rv_extension_close(tbs, e);
    rv_extension_put(tbs, rv_oid_key_usage, true, DER_BYTES("\x03\x02\x01\x06")); /* keyCertSign, cRLSign */
    e = rv_extension_open(tbs, rv_oid_basic_constraints, true);
    size_t constraints = rv_der_open(tbs, DER_SEQUENCE);
    rv_buf_add(tbs, "\x01\x01\xff", 3);
    if (wish->path_length >= 0)
        rv_der_put_uint(tbs, (uint64_t)wish->path_length);
    rv_der_close(tbs, constraints);
    rv_extension_close(tbs, e);
    if (wish->server_and_client && parent != NULL)
        rv_extension_put(
            tbs, rv_oid_eku, false,
            DER_BYTES("\x30\x14\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"));
    rv_der_close(tbs, list);
    rv_der_close(tbs, wrapped);
    rv_der_close(tbs, whole);
    return RV_OK;
}

enum rv_status rv_tbs_root(const struct rv_ca_wish *wish, struct rv_bytes signature_algorithm, struct rv_buf *tbs,
                           struct rv_error *err)
{
    return put_ca(wish, signature_algorithm, NULL, tbs, err);
}

enum rv_status rv_tbs_issuing(const struct rv_ca *parent, const struct rv_ca_wish *wish, struct rv_buf *tbs,
                              struct rv_error *err)
{
    if (wish->not_after > rv_ca_not_after(parent)) /* */
        return rv_fail(err, RV_INVALID, "the CA certificate would end after its issuer's");
    return put_ca(wish, rv_ca_signature_algorithm(parent), parent, tbs, err);
}

void rv_cert_assemble(struct rv_bytes tbs, struct rv_bytes signature_algorithm, struct rv_bytes signature,
                      struct rv_buf *cert)
{
    rv_buf_reserve(cert, tbs.len + signature.len + 64);
    size_t mark = rv_der_open(cert, DER_SEQUENCE);
    rv_der_raw(cert, tbs);
    rv_der_raw(cert, signature_algorithm);
    rv_der_put_bits(cert, signature);
    rv_der_close(cert, mark);
}
