/* The signer: the only holder of CA keys. It gets whole to-be-signed certificates, checks them itself against the
 * compiled profile limits and the lints, writes its journal, and only then signs. Blocking, on a crypto worker. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"

struct rv_sign_item {
    struct rv_bytes tbs; /* DER TBSCertificate */
    char profile[64];
    struct rv_buf signature; /* out: signatureValue octets; caller frees */
    enum rv_status status;   /* out, per item: a refusal of one does not fail the others */
    struct rv_error err;
};
struct rv_signer_key { /* one CA key the signer holds */
    char issuer[64];   /* "internal" */
    bool root;         /* signs CA certificates only, at a person's command only */
    struct rv_hash spki;
};
struct rv_signer_ops {
    /* Each item is journalled (hash and serial, fsync) before any signature of the batch leaves. Signing the same bytes
     * again gives a signature again; another certificate under a known serial is refused. RV_UNCERTAIN: the link broke. */
    enum rv_status (*sign)(void *ctx, const char *issuer, struct rv_sign_item *items, size_t count, struct rv_error *err);
    /* Makes root and issuing CA when there are none (first use). Answers PEM: issuing certificate, then root. */
    enum rv_status (*setup)(void *ctx, const char *issuer, rv_time now, struct rv_buf *ret_chain_pem, struct rv_error *err);
    enum rv_status (*ping)(void *ctx, struct rv_error *err);
    /* Whether the journal knows the serial, and the hash of what was signed under it: for start-up and reeve-fsck. */
    enum rv_status (*journal)(void *ctx, const char *issuer, const char *serial, struct rv_hash *ret_tbs,
                              struct rv_error *err);
};
struct rv_signer {
    const struct rv_signer_ops *ops;
    void *ctx;
};
