/* Tokens, sign-in links and sessions. */
#include "port/store_access.h"
#include "store/driver.h"

_Static_assert(RV_ACCESS_TOKEN == 0 && RV_ACCESS_LINK == 1 && RV_ACCESS_SESSION == 2, "stored as numbers");

#define COLUMNS "kind, id, name, role, secret, csrf, created_at, expires_at, used_at, revoked_at"
static const struct rv_field fields[] = {
    RV_FIELD(struct rv_access_row, kind),       RV_FIELD(struct rv_access_row, id),
    RV_FIELD(struct rv_access_row, name),       RV_FIELD(struct rv_access_row, role),
    RV_FIELD(struct rv_access_row, secret),     RV_FIELD(struct rv_access_row, csrf),
    RV_FIELD(struct rv_access_row, created_at), RV_FIELD(struct rv_access_row, expires_at),
    RV_FIELD(struct rv_access_row, used_at),    RV_FIELD(struct rv_access_row, revoked_at),
};

static void row_of(struct rv_query *q, struct rv_access_row *row)
{
    *row = (struct rv_access_row){0};
    rv_take_fields(q, fields, RV_COUNT(fields), row);
}

static enum rv_status unknown(struct rv_error *err, enum rv_access_kind kind, const char *id)
{
    static const char *const what[] = {"token", "sign-in link", "session"};
    return rv_fail(err, RV_NOT_FOUND, "there is no %s %s", what[kind], id);
}

/* Links and sessions come and go: those that ended a day ago are forgotten when the next one is added. */
static enum rv_status forget_old(struct rv_tx *tx, rv_time now, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "DELETE FROM access WHERE kind IN (1, 2) AND expires_at>0 AND expires_at<$1", err);
    rv_bind_int(&q, now - RV_DAY(1));
    return rv_query_run(&q, NULL);
}

enum rv_status rv_access_add(struct rv_tx *tx, const struct rv_access_row *row, struct rv_error *err)
{
    if (rv_hash_is_zero(&row->secret))
        return rv_fail(err, RV_INVALID, "an access row needs the hash of its secret");
    enum rv_status status = row->kind == RV_ACCESS_TOKEN ? RV_OK : forget_old(tx, row->created_at, err);
    if (status != RV_OK)
        return status;
    struct rv_query q =
        rv_query(tx, "INSERT INTO access (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", err);
    rv_bind_fields(&q, fields, RV_COUNT(fields), row);
    status = rv_query_run(&q, NULL);
    return status == RV_CONFLICT ? rv_fail(err, status, "the id %s is taken", row->id) : status;
}

enum rv_status rv_access_get(struct rv_tx *tx, enum rv_access_kind kind, const char *id, struct rv_access_row *ret,
                             struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT " COLUMNS " FROM access WHERE kind=$1 AND id=$2", err);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, id);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? unknown(err, kind, id) : status;
    row_of(&q, ret);
    return rv_query_end(&q);
}

enum rv_status rv_access_used(struct rv_tx *tx, enum rv_access_kind kind, const char *id, rv_time now, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE access SET used_at=$1 WHERE kind=$2 AND id=$3", err);
    rv_bind_int(&q, now);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, id);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    return status == RV_OK && changed == 0 ? unknown(err, kind, id) : status;
}

enum rv_status rv_access_revoke(struct rv_tx *tx, enum rv_access_kind kind, const char *id, rv_time now,
                                struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE access SET revoked_at=$1 WHERE kind=$2 AND id=$3 AND revoked_at=0", err);
    rv_bind_int(&q, now);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, id);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    if (status != RV_OK || changed > 0)
        return status;
    struct rv_access_row row;
    status = rv_access_get(tx, kind, id, &row, err);
    return status == RV_OK ? rv_fail(err, RV_CONFLICT, "it was revoked before") : status;
}

enum rv_status rv_access_each(struct rv_tx *tx, enum rv_access_kind kind,
                              bool (*visit)(void *arg, const struct rv_access_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT " COLUMNS " FROM access WHERE kind=$1 ORDER BY id", err);
    rv_bind_int(&q, kind);
    while (rv_query_next(&q)) {
        struct rv_access_row row;
        row_of(&q, &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(&q);
}
