/* The audit: append-only rows, each hashed with the one before (M-55). Written in the transaction of the facts it tells
 * of. It is also what live events are made from: the row's number is the event's id. */
#pragma once
#include "port/store.h"

struct rv_audit_event {
    const char *actor;   /* "user:anna", "token:ci", "engine" */
    const char *action;  /* "certificate.issued", "target.switched", … a row of the table in core/events.h */
    const char *subject; /* "shop/edge-1", "internal/5f3a…" */
    const char *detail;  /* JSON object text, may be NULL */
};
struct rv_audit_row {
    int64_t number; /* 1, 2, 3, … without gaps */
    rv_time at;
    const char *actor, *action, *subject, *detail; /* borrowed */
    struct rv_hash hash;                           /* SHA-256(previous hash ‖ canonical record) */
};
RV_MUST_CHECK enum rv_status rv_audit_append(struct rv_tx *tx, const struct rv_audit_event *event, rv_time now,
                                             struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_audit_each(struct rv_tx *tx, int64_t after, int limit,
                                           bool (*visit)(void *arg, const struct rv_audit_row *row), void *arg,
                                           struct rv_error *err);
/* Newest first: rows before number `before`; 0: from the end. */
RV_MUST_CHECK enum rv_status rv_audit_each_back(struct rv_tx *tx, int64_t before, int limit,
                                                bool (*visit)(void *arg, const struct rv_audit_row *row), void *arg,
                                                struct rv_error *err);
/* Recomputes the chain. RV_CONFLICT names the first bad number in the message and *ret_bad. *ret_count rows were good. */
RV_MUST_CHECK enum rv_status rv_audit_verify(struct rv_tx *tx, int64_t *ret_count, int64_t *ret_bad,
                                             struct rv_hash *ret_head, struct rv_error *err);
/* Called on the loop after each commit that appended audit rows, with the newest number. One listener. */
void rv_audit_listen(struct rv_store *store, void (*fn)(void *arg, int64_t newest), void *arg);
