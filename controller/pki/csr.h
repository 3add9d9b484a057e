/* Certification requests (PKCS#10). Reading is strict DER with every field decoded, encoded again and compared, and the
 * proof of possession verified: what comes out may be relied on, but says only what someone wishes. */
#pragma once
#include "pki/key.h"
#include "pki/names.h"
#include "pki/spki.h"

#define RV_CSR_MAX_SIZE ((size_t)64 << 10)
#define RV_CSR_MAX_EXTENSIONS 32

struct rv_csr_extension { /* requested, and not one that this struct spells out */
    char oid[64];
    bool critical;
};
struct rv_csr {                 /* bytes and texts live in the arena it was read into */
    struct rv_bytes der;        /* whole, copied */
    struct rv_bytes info;       /* certificationRequestInfo, what is signed */
    const char *common_name;    /* NULL: none */
    bool other_subject;         /* the subject carries more than a common name */
    struct rv_cert_names names; /* of the requested subjectAltName; the common name is not added */
    struct rv_spki key;
    struct rv_hash spki_hash;
    bool wants_ca; /* basicConstraints cA TRUE, keyCertSign or cRLSign */
    bool wants_eku, eku_server, eku_client, eku_other;
    size_t foreign_count; /* extensions other than SAN, keyUsage, EKU, basicConstraints, SKI */
    struct rv_csr_extension foreign[RV_CSR_MAX_EXTENSIONS];
};
/* RV_INVALID: not a request, with the reason and the field. RV_DENIED: the signature does not verify, or the key is
 * weak (K-01 to K-05). Every text is printable. */
RV_MUST_CHECK enum rv_status rv_csr_read(struct rv_bytes der, struct rv_arena *arena, struct rv_csr *ret,
                                         struct rv_error *err);
/* PEM or DER in. */
RV_MUST_CHECK enum rv_status rv_csr_read_any(struct rv_bytes text, struct rv_arena *arena, struct rv_csr *ret,
                                             struct rv_error *err);
/* A request for these names by this key, DER appended to *ret. common_name may be NULL. */
RV_MUST_CHECK enum rv_status rv_csr_create(const struct rv_key *key, const char *common_name,
                                           const struct rv_cert_names *names, struct rv_buf *ret, struct rv_error *err);
