/* Certificates: building the to-be-signed bytes with a small DER writer, putting them together, checking the signature,
 * and reading certificates for the inventory. */
#pragma once
#include "pki/names.h"
#include "pki/profile.h"
#include "pki/spki.h"

#define RV_SERIAL_SIZE 17 /* first octet 01–7f, then 16 random ones */
#define RV_SKI_SIZE 20    /* leftmost 160 bits of SHA-256 over the key bits (RFC 7093 §2, method 1) */
#define RV_CERT_MAX_SIZE ((size_t)256 << 10)

void rv_serial_make(uint8_t serial[static RV_SERIAL_SIZE]);
const char *rv_serial_text(char out[static 48], const uint8_t *serial, size_t len); /* lower-case hex; returns out */

/* The issuing side of a certificate: what is copied from the CA certificate into what it issues. */
struct rv_ca;
RV_MUST_CHECK enum rv_status rv_ca_create(struct rv_bytes certificate, struct rv_ca **ret, struct rv_error *err);
void rv_ca_destroy(struct rv_ca *ca); /* NULL is fine */
static inline void rv_auto_rv_ca(struct rv_ca **ca)
{
    rv_ca_destroy(*ca);
}
struct rv_bytes rv_ca_certificate(const struct rv_ca *ca); /* DER; borrowed */
struct rv_bytes rv_ca_subject(const struct rv_ca *ca);     /* DER Name, byte for byte */
struct rv_bytes rv_ca_ski(const struct rv_ca *ca);
struct rv_bytes rv_ca_signature_algorithm(const struct rv_ca *ca); /* DER, of what its key signs */
const struct rv_spki *rv_ca_key(const struct rv_ca *ca);
const struct rv_hash *rv_ca_spki_hash(const struct rv_ca *ca);
int rv_ca_path_length(const struct rv_ca *ca); /* -1: none */
rv_time rv_ca_not_before(const struct rv_ca *ca);
rv_time rv_ca_not_after(const struct rv_ca *ca);

struct rv_leaf { /* borrowed */
    const struct rv_cert_names *names;
    const char *common_name; /* NULL: empty subject, and subjectAltName is critical */
    struct rv_bytes spki;
    uint8_t serial[RV_SERIAL_SIZE];
    rv_time not_before, not_after;
    const char *ca_issuers_url, *crl_url, *ocsp_url; /* NULL: left out; http URLs */
};
/* Appends the DER TBSCertificate. Pure: the same leaf gives the same bytes. It does not ask whether the
 * leaf is allowed: rv_profile_check and rv_lint_tbs do. */
RV_MUST_CHECK enum rv_status rv_tbs_build(const struct rv_profile *profile, const struct rv_ca *ca,
                                          const struct rv_leaf *leaf, struct rv_buf *tbs, struct rv_error *err);
struct rv_ca_wish {                         /* a root or an issuing CA; borrowed */
    const char *common_name, *organization; /* organization may be NULL */
    struct rv_bytes spki;
    uint8_t serial[RV_SERIAL_SIZE];
    rv_time not_before, not_after;
    int path_length;        /* -1: none */
    bool server_and_client; /* extendedKeyUsage serverAuth and clientAuth; not for roots */
};
/* Self-signed: signature_algorithm of the key itself. */
RV_MUST_CHECK enum rv_status rv_tbs_root(const struct rv_ca_wish *wish, struct rv_bytes signature_algorithm,
                                         struct rv_buf *tbs, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_tbs_issuing(const struct rv_ca *parent, const struct rv_ca_wish *wish, struct rv_buf *tbs,
                                            struct rv_error *err);

/* SEQUENCE { tbs, algorithm, BIT STRING signature }, appended. */
void rv_cert_assemble(struct rv_bytes tbs, struct rv_bytes signature_algorithm, struct rv_bytes signature,
                      struct rv_buf *cert);
/* The signature, and that both algorithm fields are the same bytes. Fast: keeps key objects per thread. */
RV_MUST_CHECK enum rv_status rv_cert_verify(struct rv_bytes certificate, const struct rv_spki *issuer, struct rv_error *err);

/* What an inventory wants to know. Bytes and texts live in the arena; texts are printable. */
struct rv_cert_info {
    struct rv_bytes der, tbs, subject_der, issuer_der, spki, signature_algorithm;
    struct rv_hash fingerprint, spki_hash; /* fingerprint zero when only a TBS was read */
    const char *subject, *issuer;          /* RFC 4514 text, "" when empty; "CN=a,O=b" */
    const char *common_name;               /* last CN of the subject; NULL: none */
    char serial[48];                       /* lower-case hex of the content octets */
    rv_time not_before, not_after;         /* both inclusive */
    struct rv_cert_names names;            /* of subjectAltName, normalised where that is possible */
    bool has_san, san_critical;
    bool ca;
    int path_length; /* -1: none */
    bool self_issued;
    bool server_auth, client_auth, any_usage, other_usage, has_eku; /* other: a purpose that is none of the three */
    bool cert_sign;                                                 /* keyUsage keyCertSign, or no keyUsage at all */
    char key[32];                                                   /* "ECDSA P-256", "RSA 2048", …, or "unknown" */
    struct rv_bytes ski, aki;
    const char *malformed; /* NULL, or what makes it no proper DER certificate; it was then read leniently */
};
/* Reads reality: RV_INVALID only for what is no certificate at all. */
RV_MUST_CHECK enum rv_status rv_cert_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_info *ret,
                                          struct rv_error *err);
/* A TBSCertificate alone; strict: malformed bytes are RV_INVALID. */
RV_MUST_CHECK enum rv_status rv_tbs_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_info *ret,
                                         struct rv_error *err);
/* Takes the next certificate off concatenated DER (rv_tls_peer.chain). False at the end or on broken framing. */
bool rv_chain_next(struct rv_bytes *rest, struct rv_bytes *ret);
