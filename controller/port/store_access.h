/* Who may talk to the API: tokens, sign-in links and sessions, by the hash of their secret; and idempotency keys. */
#pragma once
#include "port/store.h"

enum rv_access_kind { RV_ACCESS_TOKEN, RV_ACCESS_LINK, RV_ACCESS_SESSION };
struct rv_access_row {
    enum rv_access_kind kind;
    char id[33]; /* public part */
    char name[101], role[33];
    struct rv_hash secret; /* SHA-256 of the secret part */
    struct rv_hash csrf;   /* sessions: SHA-256 of the CSRF token */
    rv_time created_at, expires_at, used_at, revoked_at;
};
RV_MUST_CHECK enum rv_status rv_access_add(struct rv_tx *tx, const struct rv_access_row *row, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_access_get(struct rv_tx *tx, enum rv_access_kind kind, const char *id,
                                           struct rv_access_row *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_access_used(struct rv_tx *tx, enum rv_access_kind kind, const char *id, rv_time now,
                                            struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_access_revoke(struct rv_tx *tx, enum rv_access_kind kind, const char *id, rv_time now,
                                              struct rv_error *err); /* RV_CONFLICT when it was already */
RV_MUST_CHECK enum rv_status rv_access_each(struct rv_tx *tx, enum rv_access_kind kind,
                                            bool (*visit)(void *arg, const struct rv_access_row *row), void *arg,
                                            struct rv_error *err);

/* Idempotency-Key of unsafe API calls: the answer that was given for (actor, key), and the hash of the request. */
RV_MUST_CHECK enum rv_status rv_answer_get(struct rv_tx *tx, const char *actor, const char *key, struct rv_hash *ret_request,
                                           int *ret_status, char **ret_body, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_answer_put(struct rv_tx *tx, const char *actor, const char *key,
                                           const struct rv_hash *request, int status, const char *body, rv_time now,
                                           struct rv_error *err);

/* Small named values: instance id, clock high-water mark, … */
RV_MUST_CHECK enum rv_status rv_meta_get(struct rv_tx *tx, const char *name, char **ret,
                                         struct rv_error *err); /* RV_NOT_FOUND */
RV_MUST_CHECK enum rv_status rv_meta_set(struct rv_tx *tx, const char *name, const char *value, struct rv_error *err);
/* The same for a time; 0 when there is none. */
RV_MUST_CHECK enum rv_status rv_meta_get_time(struct rv_tx *tx, const char *name, rv_time *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_meta_set_time(struct rv_tx *tx, const char *name, rv_time value, struct rv_error *err);
