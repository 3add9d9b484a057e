/* Certificates that were issued, from the reservation of the serial on (M-56). */
#include <string.h>

#include "port/store_certificate.h"
#include "store/driver.h"

_Static_assert(RV_CERT_INTENT == 0 && RV_CERT_ISSUED == 1 && RV_CERT_ABANDONED == 2, "stored as numbers");

#define ROW(member) RV_FIELD(struct rv_cert_row, member)
#define COLUMNS                                                                                                             \
    "issuer, profile, serial, idempotency_key, actor, state, binding, renew_request, spec, fingerprint, spki, not_before,"  \
    " not_after, reserved_at, issued_at, revoked_at, revocation_reason, subject, names, tbs, der"
/* As COLUMNS, up to names. */
static const struct rv_field fields[] = {
    ROW(issuer),
    ROW(profile),
    ROW(serial),
    ROW(idempotency_key),
    ROW(actor),
    ROW(state),
    ROW(binding),
    ROW(renew_request),
    ROW(spec),
    ROW(fingerprint),
    ROW(spki),
    ROW(not_before),
    ROW(not_after),
    ROW(reserved_at),
    ROW(issued_at),
    ROW(revoked_at),
    ROW(revocation_reason),
    ROW(subject),
};

/* names, tbs and der are borrowed from the statement. */
static void row_of(struct rv_query *q, struct rv_cert_row *row)
{
    *row = (struct rv_cert_row){.id = rv_take_int(q)};
    rv_take_fields(q, fields, RV_COUNT(fields), row);
    row->names = rv_take_text(q);
    row->tbs = rv_take_bytes(q);
    row->der = rv_take_bytes(q);
}

static struct rv_bytes copy(struct rv_bytes b)
{
    return b.len == 0 ? RV_BYTES(NULL, 0) : RV_BYTES(rv_memdup(b.ptr, b.len), b.len);
}

void rv_cert_row_fini(struct rv_cert_row *row)
{
    rv_free((void *)row->names);
    rv_free((void *)row->tbs.ptr);
    rv_free((void *)row->der.ptr);
    row->names = NULL;
    row->tbs = row->der = RV_BYTES(NULL, 0);
}

enum rv_status rv_cert_reserve(struct rv_tx *tx, const struct rv_cert_row *row, int64_t *ret_id, struct rv_error *err)
{
    if (row->serial[0] == '\0' || row->tbs.len == 0)
        return rv_fail(err, RV_INVALID, "a reservation needs a serial and the bytes to be signed");
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO certificate (" COLUMNS ") VALUES ($1, $2, $3, nullif($4, ''), $5, $6, $7, $8,"
                                 " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) RETURNING id",
                                 err);
    struct rv_cert_row intent = *row;
    intent.state = RV_CERT_INTENT;
    intent.issued_at = intent.revoked_at = 0;
    intent.fingerprint = (struct rv_hash){{0}};
    rv_bind_fields(&q, fields, RV_COUNT(fields), &intent);
    rv_bind_text(&q, row->names == NULL ? "[]" : row->names);
    rv_bind_bytes(&q, row->tbs);
    rv_bind_bytes(&q, RV_BYTES(NULL, 0));
    int64_t id = 0;
    if (rv_query_next(&q))
        id = rv_take_int(&q);
    enum rv_status status = rv_query_run(&q, NULL);
    if (status == RV_OK)
        *ret_id = id;
    if (status == RV_CONFLICT)
        rv_fail(err, status, "the serial %s of issuer \"%s\" or the idempotency key \"%s\" is taken", row->serial,
                row->issuer, row->idempotency_key);
    return status;
}

static enum rv_status unknown_id(struct rv_error *err, int64_t id)
{
    return rv_fail(err, RV_NOT_FOUND, "there is no certificate with number %lld", (long long)id);
}

/* Why an update that expects an intent found none. */
static enum rv_status not_intent(struct rv_tx *tx, int64_t id, const struct rv_hash *fingerprint, struct rv_error *err)
{
    struct rv_cert_row row;
    enum rv_status status = rv_cert_by_id(tx, id, &row, err);
    if (status != RV_OK)
        return status;
    rv_cert_row_fini(&row);
    if (row.state == RV_CERT_ISSUED && fingerprint != NULL && rv_hash_equal(&row.fingerprint, fingerprint))
        return RV_OK;
    if (row.state == RV_CERT_ABANDONED && fingerprint == NULL)
        return RV_OK;
    return rv_fail(err, RV_CONFLICT, "the certificate with serial %s is %s already", row.serial,
                   row.state == RV_CERT_ISSUED ? "issued" : "abandoned");
}

enum rv_status rv_cert_store(struct rv_tx *tx, int64_t id, struct rv_bytes der, const struct rv_hash *fingerprint,
                             rv_time issued_at, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "UPDATE certificate SET state=1, der=$1, fingerprint=$2, issued_at=$3, tbs=NULL"
                                 " WHERE id=$4 AND state=0",
                                 err);
    rv_bind_bytes(&q, der);
    rv_bind_hash(&q, fingerprint);
    rv_bind_int(&q, issued_at);
    rv_bind_int(&q, id);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    return status == RV_OK && changed == 0 ? not_intent(tx, id, fingerprint, err) : status;
}

enum rv_status rv_cert_abandon(struct rv_tx *tx, int64_t id, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "UPDATE certificate SET state=2 WHERE id=$1 AND state=0", err);
    rv_bind_int(&q, id);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    return status == RV_OK && changed == 0 ? not_intent(tx, id, NULL, err) : status;
}

/* Takes the one row; RV_NOT_FOUND without a message. */
static enum rv_status one(struct rv_query *q, struct rv_cert_row *ret)
{
    enum rv_status status;
    if (!rv_query_one(q, &status))
        return status;
    struct rv_cert_row row;
    row_of(q, &row);
    row.names = rv_strdup(row.names);
    row.tbs = copy(row.tbs);
    row.der = copy(row.der);
    *ret = row;
    return rv_query_end(q);
}

enum rv_status rv_cert_by_id(struct rv_tx *tx, int64_t id, struct rv_cert_row *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE id=$1", err);
    rv_bind_int(&q, id);
    enum rv_status status = one(&q, ret);
    return status == RV_NOT_FOUND ? unknown_id(err, id) : status;
}

enum rv_status rv_cert_by_serial(struct rv_tx *tx, const char *issuer, const char *serial, struct rv_cert_row *ret,
                                 struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE issuer=$1 AND serial=$2", err);
    rv_bind_text(&q, issuer);
    rv_bind_text(&q, serial);
    enum rv_status status = one(&q, ret);
    return status == RV_NOT_FOUND ? rv_fail(err, status, "issuer \"%s\" has no certificate with serial %s", issuer, serial)
                                  : status;
}

enum rv_status rv_cert_by_key(struct rv_tx *tx, const char *issuer, const char *idempotency_key, struct rv_cert_row *ret,
                              struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE issuer=$1 AND idempotency_key=$2", err);
    rv_bind_text(&q, issuer);
    rv_bind_text(&q, idempotency_key);
    enum rv_status status = one(&q, ret);
    return status == RV_NOT_FOUND
               ? rv_fail(err, status, "issuer \"%s\" has no certificate for key \"%s\"", issuer, idempotency_key)
               : status;
}

enum rv_status rv_cert_by_fingerprint(struct rv_tx *tx, const struct rv_hash *fingerprint, struct rv_cert_row *ret,
                                      struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE fingerprint=$1", err);
    rv_bind_hash(&q, fingerprint);
    enum rv_status status = one(&q, ret);
    char hex[RV_HASH_TEXT];
    return status == RV_NOT_FOUND
               ? rv_fail(err, status, "no certificate with fingerprint %s was issued here", rv_hash_hex(hex, fingerprint))
               : status;
}

static enum rv_status each(struct rv_query *q, rv_cert_visit visit, void *arg)
{
    while (rv_query_next(q)) {
        struct rv_cert_row row;
        row_of(q, &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(q);
}

enum rv_status rv_cert_each_intent(struct rv_tx *tx, rv_cert_visit visit, void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE state=0 ORDER BY id", err);
    return each(&q, visit, arg);
}

enum rv_status rv_cert_each(struct rv_tx *tx, const char *issuer, int64_t before, int limit, rv_cert_visit visit, void *arg,
                            struct rv_error *err)
{
    struct rv_query q =
        issuer == NULL
            ? rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE id<$1 ORDER BY id DESC LIMIT $2", err)
            : rv_query(tx, "SELECT id, " COLUMNS " FROM certificate WHERE id<$1 AND issuer=$2 ORDER BY id DESC LIMIT $3",
                       err);
    rv_bind_int(&q, before > 0 ? before : INT64_MAX);
    if (issuer != NULL)
        rv_bind_text(&q, issuer);
    rv_bind_limit(&q, limit);
    return each(&q, visit, arg);
}
