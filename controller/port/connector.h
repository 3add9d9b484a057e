/* Hands on a target. Every call is a complete, idempotent step; done is called exactly once, on the loop, after the call
 * has returned. An adapter keeps to the deadline itself. RV_UNCERTAIN: it may have happened, observe first. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include "core/manifest.h"

struct rv_deploy { /* one certificate on one target; borrowed until done */
    const char *certificate, *target;
    const struct rv_certificate_spec *certificate_spec;
    const struct rv_target_spec *target_spec;
    rv_dur deadline;
};

struct rv_target_report { /* what observe found */
    struct rv_hash current, previous, armed;
    rv_time armed_until;
    rv_time target_clock; /* its wall clock, 0 when it did not say */
    int64_t free_bytes;   /* where the pairs are kept; -1 unknown */
    bool locked_by_other;
    size_t pair_count; /* whole, checked pairs that are there, by fingerprint */
    struct rv_hash pairs[16];
    size_t key_count; /* keys that wait for a certificate, by SPKI SHA-256 */
    struct rv_hash keys[16];
    char server[120]; /* "nginx/1.22.1" */
};

struct rv_connector_result {        /* borrowed during done; only what the step yields is filled */
    struct rv_target_report report; /* observe */
    struct rv_bytes csr;            /* key: PKCS#10 DER */
    struct rv_hash spki;            /* key: SHA-256 of its SubjectPublicKeyInfo */
    char phase[32];                 /* on failure: which phase of the transaction */
    char log[2048];                 /* what the target said, cleaned, for the evidence */
};
typedef void (*rv_connector_done)(void *arg, enum rv_status status, const struct rv_connector_result *result,
                                  const struct rv_error *err);

struct rv_pair { /* a certificate for a key that is on the target already; borrowed until done */
    struct rv_hash fingerprint, spki;
    const char *certificate_pem, *chain_pem;
};

struct rv_connector_ops {
    const char *name;
    void (*observe)(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg);
    /* A fresh key on the target (or, privateKey.generateOn: controller, made here and sent once), and its CSR. */
    void (*make_key)(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg);
    /* The pair becomes a slot named by its fingerprint: whole, private, checked against key, clock and names. */
    void (*stage)(void *ctx, const struct rv_deploy *d, const struct rv_pair *pair, rv_connector_done done, void *arg);
    /* Flip to the slot, the server's own check, reload; the target puts the old pair back by itself unless keep comes
     * within `armed` milliseconds. A failed check or reload has put it back already when this returns. */
    void (*switch_to)(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_dur armed,
                      rv_connector_done done, void *arg);
    void (*keep)(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg);
    /* Back to the previous pair, now. Fine when the target has done it already. */
    void (*undo)(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg);
};
struct rv_connector {
    const struct rv_connector_ops *ops;
    void *ctx;
};
