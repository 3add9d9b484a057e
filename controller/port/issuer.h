/* Where certificates come from. An issuer is asked with an idempotency key: asking again with the same key gives the
 * same certificate, and `find` says what became of it. done is called exactly once, on the loop. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include "core/manifest.h"

struct rv_issue_request {        /* borrowed until done */
    const char *idempotency_key; /* unique for this wish, at most 100 characters; NULL: it is not asked for again */
    const char *issuer, *profile;
    struct rv_bytes csr;                      /* DER */
    const struct rv_certificate_spec *wanted; /* names that the CSR must carry, exactly; NULL: what the CSR says */
    rv_dur duration;                          /* 0: the profile's */
    int64_t binding;                          /* 0: not for a binding */
    int64_t renew_request;
    struct rv_hash spec;
    const char *actor; /* who asked, for the audit: "user:anna", "engine" */
};
struct rv_issue_result { /* borrowed during done */
    int64_t certificate_id;
    char serial[48]; /* lower-case hex */
    struct rv_hash fingerprint;
    rv_time not_before, not_after;
    struct rv_bytes certificate;             /* DER */
    const char *certificate_pem, *chain_pem; /* chain: what follows the leaf, root left out */
};
typedef void (*rv_issue_done)(void *arg, enum rv_status status, const struct rv_issue_result *result,
                              const struct rv_error *err);
struct rv_issuer_ops {
    const char *type; /* "builtin" */
    void (*issue)(void *ctx, const struct rv_issue_request *request, rv_issue_done done, void *arg);
    /* RV_NOT_FOUND: never asked, or surely not issued. */
    void (*find)(void *ctx, const char *issuer, const char *idempotency_key, rv_issue_done done, void *arg);
};
struct rv_issuer {
    const struct rv_issuer_ops *ops;
    void *ctx;
};
