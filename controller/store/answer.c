/* Answers given for an Idempotency-Key; kept for a day. */
#include "port/store_access.h"
#include "store/driver.h"

enum { KEEP_HOURS = 24 };

enum rv_status rv_answer_get(struct rv_tx *tx, const char *actor, const char *key, struct rv_hash *ret_request,
                             int *ret_status, char **ret_body, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT request, status, body FROM answer WHERE actor=$1 AND key=$2", err);
    rv_bind_text(&q, actor);
    rv_bind_text(&q, key);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, status, "no answer was given for this key") : status;
    rv_take_hash(&q, ret_request);
    *ret_status = (int)rv_take_int(&q);
    *ret_body = rv_strdup(rv_take_text(&q));
    return rv_query_end(&q);
}

/* A few at a time, so that no single call pays for a busy day. */
static enum rv_status forget_old(struct rv_tx *tx, rv_time now, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "DELETE FROM answer WHERE (actor, key) IN"
                                 " (SELECT actor, key FROM answer WHERE at<$1 ORDER BY at LIMIT 16)",
                                 err);
    rv_bind_int(&q, now - RV_HOUR(KEEP_HOURS));
    return rv_query_run(&q, NULL);
}

enum rv_status rv_answer_put(struct rv_tx *tx, const char *actor, const char *key, const struct rv_hash *request,
                             int http_status, const char *body, rv_time now, struct rv_error *err)
{
    enum rv_status status = forget_old(tx, now, err);
    if (status != RV_OK)
        return status;
    struct rv_query q =
        rv_query(tx, "INSERT INTO answer (actor, key, request, status, body, at) VALUES ($1, $2, $3, $4, $5, $6)", err);
    rv_bind_text(&q, actor);
    rv_bind_text(&q, key);
    rv_bind_hash(&q, request);
    rv_bind_int(&q, http_status);
    rv_bind_text(&q, body);
    rv_bind_int(&q, now);
    status = rv_query_run(&q, NULL);
    return status == RV_CONFLICT ? rv_fail(err, status, "an answer was given for this key already") : status;
}
