/* The audit chain (M-55): hash of a row = digest(hash of the row before ‖ record), record = number and time as 8 bytes
 * each, then actor, action, subject and detail, each behind its length in 4 bytes; all big-endian. A missing detail has
 * the length ffffffff. Before the first row stand 32 zero bytes. */
#include "port/store_audit.h"

#include <string.h>

#include "store/store_priv.h"

enum { TEXTS = 4 };
struct record {
    int64_t number;
    rv_time at;
    struct rv_bytes text[TEXTS]; /* ptr NULL: missing */
};

static struct rv_bytes bytes_of(const char *s)
{
    return s == NULL ? RV_BYTES(NULL, 0) : rv_bytes_of(s);
}

static void chain(const struct rv_store *store, const struct rv_hash *before, const struct record *r, struct rv_buf *scratch,
                  struct rv_hash *ret)
{
    rv_buf_clear(scratch);
    rv_buf_add(scratch, before->b, sizeof before->b);
    rv_buf_add_be(scratch, (uint64_t)r->number, 8);
    rv_buf_add_be(scratch, (uint64_t)r->at, 8);
    for (int i = 0; i < TEXTS; i++) {
        rv_buf_add_be(scratch, r->text[i].ptr == NULL ? UINT32_MAX : r->text[i].len, 4);
        rv_buf_add(scratch, r->text[i].ptr, r->text[i].len);
    }
    store->digest(rv_buf_bytes(scratch), ret);
}

static enum rv_status head_of(struct rv_tx *tx, int64_t *ret_number, struct rv_hash *ret_hash, struct rv_error *err)
{
    if (tx->audit.appended) { /* the row follows with the commit */
        *ret_number = tx->audit.number;
        *ret_hash = tx->audit.hash;
        return RV_OK;
    }
    struct rv_query q = rv_query(tx, "SELECT number, hash FROM audit_head WHERE one=1", err);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status == RV_NOT_FOUND ? rv_fail(err, RV_CONFLICT, "the head of the audit is missing") : status;
    *ret_number = rv_take_int(&q);
    rv_take_hash(&q, ret_hash);
    return rv_query_end(&q);
}

enum rv_status rv_audit_move_head(struct rv_tx *tx, struct rv_error *err)
{
    if (!tx->audit.appended)
        return RV_OK;
    struct rv_query q = rv_query(tx, "UPDATE audit_head SET number=$1, hash=$2 WHERE one=1", err);
    rv_bind_int(&q, tx->audit.number);
    rv_bind_bytes(&q, RV_BYTES(tx->audit.hash.b, sizeof tx->audit.hash.b));
    return rv_query_run(&q, NULL);
}

static enum rv_status insert(struct rv_tx *tx, const struct rv_audit_event *e, const struct record *r,
                             const struct rv_hash *hash, struct rv_error *err)
{
    struct rv_query q = rv_query(
        tx, "INSERT INTO audit (number, at, actor, action, subject, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)", err);
    rv_bind_int(&q, r->number);
    rv_bind_int(&q, r->at);
    rv_bind_text(&q, e->actor);
    rv_bind_text(&q, e->action);
    rv_bind_text(&q, e->subject);
    rv_bind_text(&q, e->detail);
    rv_bind_bytes(&q, RV_BYTES(hash->b, sizeof hash->b));
    enum rv_status status = rv_query_run(&q, NULL);
    return status == RV_CONFLICT
               ? rv_fail(err, RV_INTERNAL, "the audit has a row %lld behind its head", (long long)r->number)
               : status;
}

enum rv_status rv_audit_append(struct rv_tx *tx, const struct rv_audit_event *event, rv_time now, struct rv_error *err)
{
    if (tx->store->digest == NULL)
        return rv_fail(err, RV_INTERNAL, "this store was opened without a digest and cannot write the audit");
    if (!tx->audit.loaded) {
        enum rv_status status = head_of(tx, &tx->audit.number, &tx->audit.hash, err);
        if (status != RV_OK)
            return status;
        tx->audit.loaded = true;
    }
    struct record r = {
        .number = tx->audit.number + 1,
        .at = now,
        .text = {bytes_of(event->actor), bytes_of(event->action), bytes_of(event->subject), bytes_of(event->detail)}};
    struct rv_buf scratch = {0};
    struct rv_hash hash;
    chain(tx->store, &tx->audit.hash, &r, &scratch, &hash);
    rv_buf_fini(&scratch);
    enum rv_status status = insert(tx, event, &r, &hash, err);
    if (status != RV_OK)
        return status;
    tx->audit.number = r.number;
    tx->audit.hash = hash;
    tx->audit.appended = true;
    return RV_OK;
}

#define ROWS "SELECT number, at, actor, action, subject, detail, hash FROM audit WHERE number"
static enum rv_status each(struct rv_query *q, int64_t number, int limit,
                           bool (*visit)(void *arg, const struct rv_audit_row *row), void *arg)
{
    rv_bind_int(q, number);
    rv_bind_limit(q, limit);
    while (rv_query_next(q)) {
        struct rv_audit_row row = {.number = rv_take_int(q)};
        row.at = rv_take_int(q);
        row.actor = rv_take_text(q);
        row.action = rv_take_text(q);
        row.subject = rv_take_text(q);
        row.detail = rv_take_text(q);
        rv_take_hash(q, &row.hash);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(q);
}

enum rv_status rv_audit_each(struct rv_tx *tx, int64_t after, int limit,
                             bool (*visit)(void *arg, const struct rv_audit_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, ROWS ">$1 ORDER BY number LIMIT $2", err);
    return each(&q, after, limit, visit, arg);
}

enum rv_status rv_audit_each_back(struct rv_tx *tx, int64_t before, int limit,
                                  bool (*visit)(void *arg, const struct rv_audit_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, ROWS "<$1 ORDER BY number DESC LIMIT $2", err);
    return each(&q, before > 0 ? before : INT64_MAX, limit, visit, arg);
}

/* Walks the rows as bytes, not as text: nothing that hides behind a NUL is missed. Stops at the first that does not
 * follow from the one before; *count rows were good and *hash is the last good one's. */
static enum rv_status walk(struct rv_tx *tx, int64_t *count, struct rv_hash *hash, bool *ret_whole, struct rv_error *err)
{
    struct rv_buf scratch = {0};
    struct rv_query q =
        rv_query(tx, "SELECT number, at, actor, action, subject, detail, hash FROM audit ORDER BY number", err);
    *ret_whole = true;
    while (*ret_whole && rv_query_next(&q)) {
        struct record r = {.number = rv_take_int(&q)};
        r.at = rv_take_int(&q);
        for (int i = 0; i < TEXTS; i++) {
            bool missing = rv_take_null(&q);
            r.text[i] = rv_take_bytes(&q);
            if (!missing && r.text[i].ptr == NULL)
                r.text[i] = rv_bytes_of("");
        }
        struct rv_hash stored, computed;
        rv_take_hash(&q, &stored);
        chain(tx->store, hash, &r, &scratch, &computed);
        *ret_whole = r.number == *count + 1 && rv_hash_equal(&stored, &computed);
        if (*ret_whole) {
            (*count)++;
            *hash = computed;
        }
    }
    rv_buf_fini(&scratch);
    return rv_query_end(&q);
}

enum rv_status rv_audit_verify(struct rv_tx *tx, int64_t *ret_count, int64_t *ret_bad, struct rv_hash *ret_head,
                               struct rv_error *err)
{
    if (tx->store->digest == NULL)
        return rv_fail(err, RV_INTERNAL, "this store was opened without a digest and cannot verify the audit");
    int64_t count = 0, bad = 0, last = 0;
    struct rv_hash hash = {{0}}, head;
    bool whole;
    enum rv_status status = walk(tx, &count, &hash, &whole, err);
    if (status == RV_OK)
        status = head_of(tx, &last, &head, err);
    if (status == RV_CONFLICT) { /* no head */
        *ret_count = count;
        *ret_bad = count + 1;
        return status;
    }
    if (status != RV_OK)
        return status;
    if (!whole || last > count)
        bad = count + 1; /* changed, or cut off */
    else if (last < count)
        bad = last + 1; /* added without the head */
    else if (!rv_hash_equal(&head, &hash))
        bad = count > 0 ? count : 1; /* the whole end was written anew */
    *ret_count = bad != 0 && bad <= count ? bad - 1 : count;
    *ret_bad = bad;
    *ret_head = hash;
    if (bad == 0)
        return RV_OK;
    rv_fail(err, RV_CONFLICT, "the audit is not whole: record %lld is not the one that was written", (long long)bad);
    return rv_error_hint(err, RV_CONFLICT, "someone changed the database: compare with a backup from before");
}
