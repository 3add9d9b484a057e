/* The driver: the few calls that every SQL statement goes through. It belongs to the store folder alone; the aggregates
 * know this header and no database library, so that a second engine shares their SQL.
 *
 * A statement is text beside the function that uses it, never built from input (M-45). Parameters are $1, $2, … numbered in
 * order of first appearance, and bound in that order without naming the number again; columns are taken in order too:
 *
 *     struct rv_query q = rv_query(tx, "SELECT a, b FROM t WHERE c=$1", err);
 *     rv_bind_text(&q, c);
 *     while (rv_query_next(&q)) {
 *         a = rv_take_int(&q);
 *         b = rv_take_text(&q);          (borrowed until the next rv_query_next or rv_query_end)
 *     }
 *     return rv_query_end(&q);
 *
 * The first failure is kept: what follows does nothing, and rv_query_end returns it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/time.h"
#include "port/store.h"

struct rv_db; /* one connection, used by one thread at a time */
struct rv_db_options {
    const char *path, *vfs;
    bool read_only; /* the file is not ours to change */
    bool reader;    /* a connection beside the writer */
};
RV_MUST_CHECK enum rv_status rv_db_open(const struct rv_db_options *options, struct rv_db **ret, struct rv_error *err);
void rv_db_close(struct rv_db *db);

/* Transactions. A failed commit has ended the transaction when it returns: RV_UNCERTAIN means that it may be in the file
 * nevertheless, and that this connection must be closed and opened again. */
RV_MUST_CHECK enum rv_status rv_db_begin(struct rv_db *db, bool write, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_db_commit(struct rv_db *db, struct rv_error *err);
void rv_db_rollback(struct rv_db *db); /* also ends a read transaction; fine when there is none */
RV_MUST_CHECK enum rv_status rv_db_savepoint(struct rv_db *db, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_db_savepoint_end(struct rv_db *db, bool keep, struct rv_error *err);
/* RV_OK, or the disk error that some statement of this transaction met: then none of it can be kept. */
RV_MUST_CHECK enum rv_status rv_db_sound(const struct rv_db *db, struct rv_error *err);
/* Turns the log on, and makes sure that what it shows is on the disk; to be called on the writer's connection before anyone
 * reads. Until then, and after RV_UNCERTAIN, closing the connection leaves the log alone. */
RV_MUST_CHECK enum rv_status rv_db_secure_log(struct rv_db *db, struct rv_error *err);
/* Several statements of fixed text without results: migrations. */
RV_MUST_CHECK enum rv_status rv_db_script(struct rv_db *db, const char *sql, struct rv_error *err);

struct rv_tx {
    struct rv_db *db;
    struct rv_store *store;
    bool writes;
    struct { /* head of the audit chain, as this transaction sees it */
        bool loaded, appended;
        int64_t number;
        struct rv_hash hash;
    } audit;
};

struct rv_query {
    struct rv_db *db;
    void *statement;
    bool cached;
    int bound, taken;
    enum rv_status status;
    struct rv_error *err;
};
struct rv_query rv_query(struct rv_tx *tx, const char *sql, struct rv_error *err);
void rv_bind_int(struct rv_query *q, int64_t v);
void rv_bind_text(struct rv_query *q, const char *s);               /* NULL is null; borrowed until rv_query_end */
void rv_bind_bytes(struct rv_query *q, struct rv_bytes b);          /* empty is null; borrowed */
void rv_bind_hash(struct rv_query *q, const struct rv_hash *h);     /* all zero is null; borrowed */
static inline void rv_bind_limit(struct rv_query *q, int64_t limit) /* 0: all */
{
    rv_bind_int(q, limit > 0 ? limit : INT64_MAX);
}
bool rv_query_next(struct rv_query *q); /* false: no more, or failed */
int64_t rv_take_int(struct rv_query *q);
const char *rv_take_text(struct rv_query *q); /* NULL when null */
struct rv_bytes rv_take_bytes(struct rv_query *q);
bool rv_take_null(struct rv_query *q); /* is the next one null? takes nothing */
void rv_take_hash(struct rv_query *q, struct rv_hash *ret);
void rv_take_text_into(struct rv_query *q, char *out, size_t size); /* "" when null */
enum rv_status rv_query_end(struct rv_query *q);
/* For statements without rows: runs and ends. ret_changed may be NULL. */
RV_MUST_CHECK enum rv_status rv_query_run(struct rv_query *q, int64_t *ret_changed);
/* For at most one row: true with the row to take (rv_query_end later), false with the end made: *ret_status is then the
 * failure, or RV_NOT_FOUND without a message. */
bool rv_query_one(struct rv_query *q, enum rv_status *ret_status);

/* Members of a row struct as columns, in the order of the statement's column list. */
enum rv_field_type { RV_FIELD_BOOL, RV_FIELD_INT, RV_FIELD_LONG, RV_FIELD_HASH, RV_FIELD_TEXT };
struct rv_field {
    uint8_t type;
    uint16_t size;
    uint32_t offset;
};
/* clang-format off */
#define RV_FIELD(row, member)                                                                                               \
    {_Generic(((row *)0)->member, bool: RV_FIELD_BOOL, int: RV_FIELD_INT, unsigned: RV_FIELD_INT, int64_t: RV_FIELD_LONG,     \
              struct rv_hash: RV_FIELD_HASH, char *: RV_FIELD_TEXT),                                                        \
     sizeof((row *)0)->member, offsetof(row, member)}
/* clang-format on */
void rv_bind_fields(struct rv_query *q, const struct rv_field *fields, size_t count, const void *row);
void rv_take_fields(struct rv_query *q, const struct rv_field *fields, size_t count, void *row);
