/* Certificates that Reeve issued, from the moment the serial was reserved. Write-ahead issuing (M-56): reserve with the
 * exact to-be-signed bytes, commit; sign; store, commit. A serial is unique per issuer for ever, also after failure. */
#pragma once
#include "port/store.h"

enum rv_cert_state { RV_CERT_INTENT, RV_CERT_ISSUED, RV_CERT_ABANDONED }; /* abandoned: treated as issued for revocation */

struct rv_cert_row {
    int64_t id;
    char issuer[64], profile[64], serial[48], idempotency_key[101], actor[101];
    enum rv_cert_state state;
    int64_t binding, renew_request;
    struct rv_hash spec, fingerprint, spki;
    rv_time not_before, not_after, reserved_at, issued_at;
    rv_time revoked_at; /* 0: never; nothing sets it yet, and everything that reads a certificate honours it */
    int revocation_reason;
    char subject[256];
    const char *names;        /* JSON array ["dns:a", "ip:…"]; borrowed during put, caller frees after get */
    struct rv_bytes tbs, der; /* the same; der empty while intent, tbs once issued (der has it) */
};
void rv_cert_row_fini(struct rv_cert_row *row); /* for rows that get filled */

/* RV_CONFLICT when serial or idempotency key is taken. Sets *ret_id. */
RV_MUST_CHECK enum rv_status rv_cert_reserve(struct rv_tx *tx, const struct rv_cert_row *row, int64_t *ret_id,
                                             struct rv_error *err);
/* RV_CONFLICT when it is abandoned, or holds another certificate; the same one again is fine. */
RV_MUST_CHECK enum rv_status rv_cert_store(struct rv_tx *tx, int64_t id, struct rv_bytes der,
                                           const struct rv_hash *fingerprint, rv_time issued_at, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_cert_abandon(struct rv_tx *tx, int64_t id, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_cert_by_id(struct rv_tx *tx, int64_t id, struct rv_cert_row *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_cert_by_serial(struct rv_tx *tx, const char *issuer, const char *serial,
                                               struct rv_cert_row *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_cert_by_key(struct rv_tx *tx, const char *issuer, const char *idempotency_key,
                                            struct rv_cert_row *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_cert_by_fingerprint(struct rv_tx *tx, const struct rv_hash *fingerprint,
                                                    struct rv_cert_row *ret, struct rv_error *err);
typedef bool (*rv_cert_visit)(void *arg, const struct rv_cert_row *row); /* borrowed; false stops */
RV_MUST_CHECK enum rv_status rv_cert_each_intent(struct rv_tx *tx, rv_cert_visit visit, void *arg, struct rv_error *err);
/* Newest first, ids below `before` (0: from the newest). issuer NULL: all. */
RV_MUST_CHECK enum rv_status rv_cert_each(struct rv_tx *tx, const char *issuer, int64_t before, int limit,
                                          rv_cert_visit visit, void *arg, struct rv_error *err);

/* An issuer's CA certificates and settings. */
struct rv_issuer_row {
    char name[64];
    struct rv_hash spki;
    char *chain_pem; /* issuing certificate, then root; caller frees */
    rv_time created_at;
};
RV_MUST_CHECK enum rv_status rv_issuer_put(struct rv_tx *tx, const struct rv_issuer_row *row, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_issuer_get(struct rv_tx *tx, const char *name, struct rv_issuer_row *ret,
                                           struct rv_error *err);
