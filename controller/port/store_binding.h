/* Bindings: one certificate on one target, the facts about it, and when to look at it next. The queue of the reconcile
 * loop is the column `due_at` here; nothing is kept in memory. */
#pragma once
#include "core/facts.h"
#include "port/connector.h"
#include "port/probe.h"
#include "port/store.h"

struct rv_binding_row {
    struct rv_binding facts;
    char certificate[64], target[64]; /* target "": watch only */
    rv_time due_at;
    char fault[320]; /* the last failure, for people; "" after success */
    rv_time fault_at;
};

/* What `apply` computed for a binding. New rows are due at once; changed ones too; unchanged ones are not touched.
 * *ret_changed is false when nothing was. renew_request and approved are counted by their own functions: taken from
 * `wanted` for a new row only. A deleted binding that is wanted again comes back with its facts. */
RV_MUST_CHECK enum rv_status rv_binding_want(struct rv_tx *tx, const char *certificate, const char *target,
                                             const struct rv_wanted *wanted, rv_time now, int64_t *ret_id, bool *ret_changed,
                                             struct rv_error *err);
/* Bindings of a certificate that are wanted no longer are marked deleted and keep their facts for the record: every each_
 * below but each_unfinished leaves them out, get and find show them with wanted.deleted. */
RV_MUST_CHECK enum rv_status rv_binding_unwant(struct rv_tx *tx, int64_t id, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_binding_get(struct rv_tx *tx, int64_t id, struct rv_binding_row *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_binding_find(struct rv_tx *tx, const char *certificate, const char *target,
                                             struct rv_binding_row *ret, struct rv_error *err);
/* Saves every fact and due_at (not the wanted part, which belongs to apply, nor unfinished, which belongs to the journal).
 */
RV_MUST_CHECK enum rv_status rv_binding_save(struct rv_tx *tx, const struct rv_binding_row *row, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_binding_due(struct rv_tx *tx, int64_t id, rv_time due_at, struct rv_error *err);
/* `reeve renew`: counts the request up and makes it due. Whoever asks has done something about the failures: back-off,
 * failures in a row and switches put back count anew. What was issued stays counted. */
RV_MUST_CHECK enum rv_status rv_binding_request_renewal(struct rv_tx *tx, int64_t id, rv_time now, struct rv_error *err);
/* `reeve approve`: the plan of this round (rv_round) may go ahead. Makes it due and ends a back-off.
 * Replaces what was approved before: rounds are names, not an order. */
RV_MUST_CHECK enum rv_status rv_binding_approve(struct rv_tx *tx, int64_t id, int64_t round, rv_time now,
                                                struct rv_error *err);

typedef bool (*rv_binding_visit)(void *arg, const struct rv_binding_row *row); /* false stops */
/* Due at or before now, earliest first. *ret_next: when the next one after these is due (RV_TIME_FAR: none). */
RV_MUST_CHECK enum rv_status rv_binding_each_due(struct rv_tx *tx, rv_time now, int limit, rv_binding_visit visit, void *arg,
                                                 rv_time *ret_next, struct rv_error *err);
/* Of one certificate, by ordinal. */
RV_MUST_CHECK enum rv_status rv_binding_each_of(struct rv_tx *tx, const char *certificate, rv_binding_visit visit, void *arg,
                                                struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_binding_each_on(struct rv_tx *tx, const char *target, rv_binding_visit visit, void *arg,
                                                struct rv_error *err);
/* All, in order of id, streamed with constant memory. */
RV_MUST_CHECK enum rv_status rv_binding_each(struct rv_tx *tx, int64_t after, int limit, rv_binding_visit visit, void *arg,
                                             struct rv_error *err);
/* Those with an unfinished effect: what start-up looks at first. */
RV_MUST_CHECK enum rv_status rv_binding_each_unfinished(struct rv_tx *tx, rv_binding_visit visit, void *arg,
                                                        struct rv_error *err);

/* Endpoints of a binding, and what was last seen there. */
struct rv_endpoint_row {
    int64_t id, binding;
    char address[264], server_name[254];
    rv_time observed_at;
    enum rv_probe_outcome outcome;
    struct rv_hash fingerprint;
    bool chain_valid, name_valid, time_valid;
    rv_time not_before, not_after;
    char subject[256], issuer[256], serial[48], protocol[16], cipher[64], group[32], fault[240];
};
/* Replaces the list; what stays keeps its observations. */
RV_MUST_CHECK enum rv_status rv_endpoint_set(struct rv_tx *tx, int64_t binding, const struct rv_endpoint_spec *items,
                                             size_t count, struct rv_error *err);
/* Saves one observation, and the chain into the inventory of seen certificates (by fingerprint, once). */
RV_MUST_CHECK enum rv_status rv_endpoint_observe(struct rv_tx *tx, int64_t endpoint, const struct rv_probe_result *result,
                                                 struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_endpoint_each(struct rv_tx *tx, int64_t binding,
                                              bool (*visit)(void *arg, const struct rv_endpoint_row *row), void *arg,
                                              struct rv_error *err);
