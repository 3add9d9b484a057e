#include "pki/lint.h"

#include <stdarg.h>
#include <stdio.h>

#include "pki/algorithm_priv.h"
#include "pki/keycheck.h"
#include "pki/lint_priv.h"
#include "pki/subject_priv.h"

bool rv_lint_no(char *detail, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(detail, size, format, args);
    va_end(args);
    return false;
}

/* ---- the body ---- */

static bool version(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return (f->p.has_version && f->p.version == 2) || rv_lint_no(detail, size, "it is not v3");
}

static bool serial(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_bytes s = f->p.serial;
    if (s.len == 0 || s.ptr[0] >= 0x80)
        return rv_lint_no(detail, size, "it is negative");
    if (s.len > 20)
        return rv_lint_no(detail, size, "it has %zu octets", s.len);
    return s.len >= 9 || rv_lint_no(detail, size, "%zu octets are too few for 64 random bits", s.len);
}

static bool algorithm(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_bytes want = {0};
    if (f->ca != NULL)
        want = rv_ca_signature_algorithm(f->ca);
    else if (f->key_status == RV_OK)
        want = rv_algorithm_for(f->spki.algorithm, f->spki.bits)->der;
    return rv_bytes_equal(want, f->p.algorithm) || rv_lint_no(detail, size, "it is not what the issuer's key signs with");
}

static bool issuer(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_bytes want = f->ca != NULL ? rv_ca_subject(f->ca) : f->p.subject;
    return rv_bytes_equal(want, f->p.issuer) || rv_lint_no(detail, size, "the bytes differ");
}

static bool time_form(const struct rv_der *e, rv_time t)
{
    struct rv_buf out RV_AUTO(rv_buf) = {0};
    return rv_der_put_time(&out, t) && rv_bytes_equal(rv_buf_bytes(&out), e->whole);
}

static bool validity(const struct rv_lint_facts *f, char *detail, size_t size)
{
    if (!f->times_good)
        return rv_lint_no(detail, size, "a time is malformed");
    if (!time_form(&f->p.not_before, f->not_before) || !time_form(&f->p.not_after, f->not_after))
        return rv_lint_no(detail, size, "UTCTime is for the years 1950 to 2049, GeneralizedTime for those from 2050");
    return f->not_before <= f->not_after || rv_lint_no(detail, size, "it ends before it begins");
}

static bool within_issuer(const struct rv_lint_facts *f, char *detail, size_t size)
{
    char end[RV_TIME_TEXT];
    if (f->ca == NULL || (f->times_good && f->not_after <= rv_ca_not_after(f->ca)))
        return true;
    return rv_lint_no(detail, size, "the issuer ends at %s", rv_time_text(end, rv_ca_not_after(f->ca)));
}

static bool subject(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const char *fault = rv_subject_fault(f->p.subject);
    return fault == NULL || rv_lint_no(detail, size, "%s", fault);
}

static bool ca_subject(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return !f->is_ca || !f->subject_empty || rv_lint_no(detail, size, "it is empty");
}

static bool unique_ids(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return !f->p.unique_ids || rv_lint_no(detail, size, "it has one");
}

static bool root_is_ca(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return f->ca != NULL || f->is_ca || rv_lint_no(detail, size, "it is self-signed and no CA");
}

static bool root_without_eku(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return f->ca != NULL || rv_lint_find(f, rv_oid_eku) == NULL || rv_lint_no(detail, size, "it has one");
}

/* ---- the key ---- */

static bool key_form(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return f->key_status == RV_OK || rv_lint_no(detail, size, "%.100s", f->key_error.message);
}

static bool key_strong(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_error err;
    if (f->key_status != RV_OK || rv_key_check(&f->spki, &err) == RV_OK)
        return true; /* the form is another rule's */
    return rv_lint_no(detail, size, "%s %.100s", err.where, err.message);
}

static bool key_is_not_the_issuers(const struct rv_lint_facts *f, char *detail, size_t size)
{
    return f->ca == NULL || !rv_bytes_equal(f->p.spki, rv_ca_key(f->ca)->der) ||
           rv_lint_no(detail, size, "it is the issuer's");
}

const struct rv_lint rv_lints[] = {
    {"X-01", "the version is v3", version},
    {"X-02", "the serial number is positive, at most 20 octets long, and random", serial},
    {"X-03", "the signature algorithm is the one of the issuer's key, byte for byte", algorithm},
    {"X-04", "the issuer is the subject of the issuing certificate, byte for byte", issuer},
    {"X-05", "the validity is well formed and not empty", validity},
    {"X-06", "the certificate does not outlive its issuer", within_issuer},
    {"X-07", "the subject's attributes have proper types and lengths", subject},
    {"X-08", "a CA has a subject", ca_subject},
    {"X-09", "there are no unique identifiers", unique_ids},
    {"X-10", "default values are not encoded", rv_lint_defaults},
    {"X-11", "every extension appears once", rv_lint_once},
    {"X-11", "every extension is one that is known here", rv_lint_known},
    {"X-12", "the value of every extension is DER", rv_lint_values},
    {"X-20", "authorityKeyIdentifier is the issuer's key identifier, not critical", rv_lint_aki},
    {"X-21", "subjectKeyIdentifier is there in a CA certificate, fits the key, and is not critical", rv_lint_ski},
    {"X-22", "keyUsage is critical and fits key and purpose", rv_lint_key_usage},
    {"X-23", "certificatePolicies has no policy twice, and no anyPolicy in a leaf", rv_lint_policies},
    {"X-24", "subjectAltName is there in a leaf, and critical exactly when the subject is empty", rv_lint_san},
    {"X-24", "every name of subjectAltName is well formed and normalised", rv_lint_san_names},
    {"X-25", "basicConstraints is critical, and a CA keeps within its issuer's path length", rv_lint_basic_constraints},
    {"X-26", "nameConstraints is critical, only in a CA, and well formed", rv_lint_name_constraints},
    {"X-27", "policy constraints and mappings are critical and only in a CA", rv_lint_policy_constraints},
    {"X-28", "extKeyUsage is there in a leaf, not empty, and never \"any\"", rv_lint_eku},
    {"X-29", "cRLDistributionPoints is not critical and names one http address", rv_lint_crl_points},
    {"X-30", "authorityInfoAccess is not critical and has only OCSP and CA addresses over http", rv_lint_aia},
    {"X-31", "the TLS feature extension is must-staple, not critical, and has an OCSP address beside it",
     rv_lint_tls_feature},
    {"X-32", "noRevAvail is NULL, not critical, only in a leaf without revocation pointers", rv_lint_no_rev_avail},
    {"X-33", "ocsp-nocheck is only for OCSP responders", rv_lint_nocheck},
    {"B-11", "the common name is one of the names in subjectAltName", rv_lint_common_name},
    {"B-13", "a wildcard is the whole left-most label, with at least two labels behind it", rv_lint_wildcards},
    {"B-17", "extKeyUsage of a leaf has only serverAuth and clientAuth, and is not critical", rv_lint_eku_purposes},
    {"B-19", "the key's algorithm identifier is byte-exact", key_form},
    {"B-21", "a self-signed certificate is a CA's", root_is_ca},
    {"B-21", "a root has no extKeyUsage", root_without_eku},
    {"K-01", "the public key is strong and known to nobody", key_strong},
    {"K-07", "the public key is not the issuer's", key_is_not_the_issuers},
};
const size_t rv_lint_count = RV_COUNT(rv_lints);

static const char *take_apart(struct rv_bytes tbs, const struct rv_ca *ca, struct rv_lint_facts *f)
{
    *f = (struct rv_lint_facts){.tbs = tbs, .ca = ca, .path_length = -1, .constraints_good = true};
    if (tbs.len > RV_CERT_MAX_SIZE)
        return "it is too large";
    const char *fault = rv_der_fault(tbs);
    if (fault == NULL)
        fault = rv_tbs_split(tbs, &f->p);
    if (fault != NULL)
        return fault;
    const struct rv_extension *e = rv_lint_find(f, rv_oid_basic_constraints);
    if (e != NULL)
        f->constraints_good = rv_basic_constraints_read(e->value, &f->is_ca, &f->path_length);
    e = rv_lint_find(f, rv_oid_key_usage);
    f->usage_present = e != NULL;
    bool minimal = false;
    f->usage_good = e != NULL && rv_bits_read(e->value, &f->usage, &minimal) && minimal;
    f->times_good = rv_der_time_read(&f->p.not_before, &f->not_before) && rv_der_time_read(&f->p.not_after, &f->not_after);
    f->key_status = rv_spki_read(f->p.spki, &f->spki, &f->key_error);
    f->subject_empty = f->p.subject.len == 2;
    return NULL;
}

static void add(struct rv_lint_report *report, const struct rv_lint *lint, const char *detail)
{
    if (report->count == RV_LINT_MAX)
        return;
    struct rv_lint_finding *finding = &report->items[report->count++];
    finding->lint = lint;
    snprintf(finding->detail, sizeof finding->detail, "%s", detail);
}

static enum rv_status refuse(const struct rv_lint_report *report, struct rv_error *err)
{
    char text[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < report->count && used < sizeof text; i++) {
        const struct rv_lint_finding *finding = &report->items[i];
        int n = finding->lint == NULL ? snprintf(text + used, sizeof text - used, "X-12: %s", finding->detail)
                                      : snprintf(text + used, sizeof text - used, "%s%s: %s (%s)", i > 0 ? "; " : "",
                                                 finding->lint->id, finding->lint->text, finding->detail);
        used += n > 0 ? (size_t)n : 0;
    }
    return rv_fail(err, RV_DENIED, "lint: %s", text);
}

enum rv_status rv_lint_tbs(struct rv_bytes tbs, const struct rv_ca *ca, struct rv_lint_report *report, struct rv_error *err)
{
    struct rv_lint_report own, *r = report != NULL ? report : &own;
    struct rv_lint_facts facts;
    r->count = 0;
    const char *fault = take_apart(tbs, ca, &facts);
    if (fault != NULL)
        add(r, NULL, fault);
    for (size_t i = 0; fault == NULL && i < rv_lint_count; i++) {
        char detail[sizeof r->items[0].detail] = "";
        if (!rv_lints[i].holds(&facts, detail, sizeof detail))
            add(r, &rv_lints[i], detail);
    }
    return r->count == 0 ? RV_OK : refuse(r, err);
}
