/* Certificates for the inventory: what is out there must be recorded, also when it should not exist. Framing has to be
 * DER for the quick reader; the walker's complaints are kept as a flag. The rest is left to libcrypto's decoder, which
 * forgives almost everything. */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "pki/der_priv.h"
#include "pki/digest.h"
#include "pki/names_priv.h"
#include "pki/subject_priv.h"
#include "pki/tbs_priv.h"

static void note(struct rv_cert_info *info, const char *what)
{
    if (info->malformed == NULL)
        info->malformed = what;
}

static void read_eku(struct rv_bytes der, struct rv_cert_info *info)
{
    struct rv_der list, oid;
    info->has_eku = true;
    if (!rv_der_only(der, DER_SEQUENCE, &list)) {
        note(info, "extKeyUsage is malformed");
        return;
    }
    while (rv_der_take(&list.body, DER_OID, &oid)) {
        bool server = rv_bytes_equal(oid.body, rv_oid_server_auth), client = rv_bytes_equal(oid.body, rv_oid_client_auth);
        bool any = rv_bytes_equal(oid.body, rv_oid_any_usage);
        info->server_auth = info->server_auth || server;
        info->client_auth = info->client_auth || client;
        info->any_usage = info->any_usage || any;
        info->other_usage = info->other_usage || !(server || client || any);
    }
    if (list.body.len > 0)
        note(info, "extKeyUsage is malformed");
}

static void read_extension(const struct rv_extension *e, struct rv_arena *arena, struct rv_cert_info *info)
{
    struct rv_der value;
    unsigned bits;
    bool flag;
    if (rv_bytes_equal(e->oid, rv_oid_san)) {
        info->has_san = true;
        info->san_critical = e->critical;
        rv_general_names_read_lenient(e->value, arena, &info->names, &flag);
        if (!flag)
            note(info, "subjectAltName has names that are none");
    } else if (rv_bytes_equal(e->oid, rv_oid_basic_constraints)) {
        if (!rv_basic_constraints_read(e->value, &info->ca, &info->path_length))
            note(info, "basicConstraints is malformed");
    } else if (rv_bytes_equal(e->oid, rv_oid_key_usage)) {
        if (!rv_bits_read(e->value, &bits, &flag))
            note(info, "keyUsage is malformed");
        else
            info->cert_sign = (bits & RV_KU_CERT_SIGN) != 0;
    } else if (rv_bytes_equal(e->oid, rv_oid_eku)) {
        read_eku(e->value, info);
    } else if (rv_bytes_equal(e->oid, rv_oid_ski)) {
        if (rv_der_only(e->value, DER_OCTET_STRING, &value))
            info->ski = value.body;
        else
            note(info, "subjectKeyIdentifier is malformed");
    } else if (rv_bytes_equal(e->oid, rv_oid_aki)) {
        if (!rv_aki_read(e->value, &info->aki, &flag))
            note(info, "authorityKeyIdentifier is malformed");
    }
}

static void read_extensions(const struct rv_tbs_parts *p, struct rv_arena *arena, struct rv_cert_info *info)
{
    for (size_t i = 0; i < p->extension_count; i++) {
        const struct rv_extension *e = &p->extensions[i];
        if (rv_tbs_extension(p, e->oid) != e) {
            note(info, "an extension appears twice"); /* X-11; the first one counts */
            continue;
        }
        if (e->explicit_false)
            note(info, "an extension spells out that it is not critical");
        read_extension(e, arena, info);
    }
}

/* False: the bytes have not the shape of a TBSCertificate. */
static bool read_tbs(struct rv_bytes tbs, struct rv_arena *arena, struct rv_cert_info *info, const char **ret_fault)
{
    struct rv_tbs_parts p;
    struct rv_spki spki;
    if ((*ret_fault = rv_tbs_split(tbs, &p)) != NULL)
        return false;
    info->tbs = tbs;
    info->subject_der = p.subject;
    info->issuer_der = p.issuer;
    info->spki = p.spki;
    info->signature_algorithm = p.algorithm;
    info->path_length = -1;
    info->cert_sign = true;
    rv_sha256(p.spki, &info->spki_hash);
    info->subject = rv_subject_text(p.subject, arena, &info->common_name);
    info->issuer = rv_subject_text(p.issuer, arena, NULL);
    rv_serial_text(info->serial, p.serial.ptr, p.serial.len);
    info->self_issued = rv_bytes_equal(p.subject, p.issuer);
    if (!rv_der_time_read(&p.not_before, &info->not_before) || !rv_der_time_read(&p.not_after, &info->not_after))
        note(info, "its validity is malformed");
    if (p.serial.len > 20 || p.serial.len == 0 || p.serial.ptr[0] >= 0x80)
        note(info, "its serial number is negative or too long");
    if (rv_spki_read(p.spki, &spki, NULL) == RV_OK)
        rv_spki_text(&spki, info->key);
    else
        memcpy(info->key, "unknown", sizeof "unknown");
    read_extensions(&p, arena, info);
    return true;
}

static rv_time time_of(const ASN1_TIME *t)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    struct rv_civil c = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
    return rv_time_of_civil(&c);
}

static const char *line_of(const X509_NAME *name, struct rv_arena *arena)
{
    char text[512];
    struct rv_buf shown RV_AUTO(rv_buf) = {0};
    X509_NAME_oneline(name, text, sizeof text);
    rv_printable(&shown, text, strlen(text));
    return rv_arena_strdup(arena, rv_buf_text(&shown));
}

/* BER, or whatever else libcrypto takes for a certificate: the little that is sure. */
static enum rv_status read_ber(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_info *info, const char *fault,
                               struct rv_error *err)
{
    const uint8_t *at = der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    if (x == NULL || at != der.ptr + der.len) {
        X509_free(x);
        ERR_clear_error();
        return rv_fail(err, RV_INVALID, "not a certificate: %s", fault);
    }
    note(info, "it is not DER");
    info->subject = line_of(X509_get_subject_name(x), arena);
    info->issuer = line_of(X509_get_issuer_name(x), arena);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    rv_serial_text(info->serial, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    info->not_before = time_of(X509_get0_notBefore(x));
    info->not_after = time_of(X509_get0_notAfter(x));
    info->path_length = -1;
    info->ca = X509_check_ca(x) == 1;
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    if (len > 0) {
        info->spki = RV_BYTES(rv_arena_memdup(arena, spki, (size_t)len), (size_t)len);
        rv_sha256(info->spki, &info->spki_hash);
    }
    OPENSSL_free(spki);
    memcpy(info->key, "unknown", sizeof "unknown");
    X509_free(x);
    ERR_clear_error();
    return RV_OK;
}

enum rv_status rv_cert_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_info *ret, struct rv_error *err)
{
    if (der.len == 0 || der.len > RV_CERT_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "a certificate of %zu bytes: expected 1 to %zu", der.len, RV_CERT_MAX_SIZE);
    struct rv_cert_info info = {.der = RV_BYTES(rv_arena_memdup(arena, der.ptr, der.len), der.len)};
    struct rv_cert_parts parts;
    rv_sha256(der, &info.fingerprint);
    info.malformed = rv_der_fault(info.der);
    const char *fault = rv_cert_split(info.der, &parts);
    if (fault != NULL || !read_tbs(parts.tbs, arena, &info, &fault)) {
        info = (struct rv_cert_info){.der = info.der, .fingerprint = info.fingerprint};
        enum rv_status status = read_ber(info.der, arena, &info, fault, err);
        if (status != RV_OK)
            return status;
    } else if (!rv_bytes_equal(parts.algorithm, info.signature_algorithm)) {
        note(&info, "its two signature algorithms differ"); /* */
    }
    *ret = info;
    return RV_OK;
}

enum rv_status rv_tbs_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_info *ret, struct rv_error *err)
{
    if (der.len == 0 || der.len > RV_CERT_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "a certificate of %zu bytes: expected 1 to %zu", der.len, RV_CERT_MAX_SIZE);
    const char *fault = rv_der_fault(der);
    struct rv_cert_info info = {.der = RV_BYTES(rv_arena_memdup(arena, der.ptr, der.len), der.len)};
    if (fault == NULL && read_tbs(info.der, arena, &info, &fault))
        fault = info.malformed;
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "to-be-signed certificate: %s", fault);
    *ret = info;
    return RV_OK;
}

bool rv_chain_next(struct rv_bytes *rest, struct rv_bytes *ret)
{
    struct rv_der e;
    if (!rv_der_take(rest, DER_SEQUENCE, &e))
        return false;
    *ret = e.whole;
    return true;
}

enum rv_status rv_cert_verify(struct rv_bytes certificate, const struct rv_spki *issuer, struct rv_error *err)
{
    struct rv_cert_parts cert;
    struct rv_tbs_parts tbs;
    const char *fault = rv_cert_split(certificate, &cert);
    if (fault == NULL)
        fault = rv_tbs_split(cert.tbs, &tbs);
    if (fault == NULL && !rv_bytes_equal(cert.algorithm, tbs.algorithm))
        fault = "its two signature algorithms differ"; /* */
    if (fault != NULL)
        return rv_fail(err, RV_INVALID, "certificate: %s", fault);
    return rv_spki_verify(issuer, cert.algorithm, cert.tbs, cert.signature, err);
}
