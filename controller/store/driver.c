/* The driver on SQLite: prepared statements by the address of their text, typed binding and reading, transactions. */
#include "store/driver_sqlite.h"

#include <string.h>

static struct rv_slot *slot_of(struct rv_db *db, const char *sql)
{
    size_t i = ((uintptr_t)sql >> 3) * 0x9e3779b97f4a7c15u >> (64 - RV_SLOT_BITS);
    for (size_t n = 0; n < RV_COUNT(db->slots); n++, i = (i + 1) % RV_COUNT(db->slots))
        if (db->slots[i].sql == sql || db->slots[i].sql == NULL)
            return &db->slots[i];
    return NULL;
}

static enum rv_status prepare(struct rv_db *db, const char *sql, sqlite3_stmt **ret, bool *ret_cached, struct rv_error *err)
{
    struct rv_slot *slot = slot_of(db, sql);
    *ret_cached = false;
    if (slot != NULL && slot->sql == sql && !slot->busy) {
        slot->busy = *ret_cached = true;
        *ret = slot->statement;
        return RV_OK;
    }
    /* New, or a visit function runs the statement that it is called from: that one gets a copy of its own. */
    int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    if (rc != SQLITE_OK)
        return rv_db_fail(db, err, "preparing a statement");
    if (slot != NULL && slot->sql == NULL) {
        *slot = (struct rv_slot){.sql = sql, .statement = *ret, .busy = true};
        *ret_cached = true;
    }
    return RV_OK;
}

static void give_back(struct rv_db *db, sqlite3_stmt *statement, bool cached)
{
    if (!cached) {
        sqlite3_finalize(statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    for (size_t i = 0; i < RV_COUNT(db->slots); i++)
        if (db->slots[i].statement == statement) {
            db->slots[i].busy = false;
            return;
        }
}

struct rv_query rv_query(struct rv_tx *tx, const char *sql, struct rv_error *err)
{
    struct rv_query q = {.db = tx->db, .err = err};
    sqlite3_stmt *statement = NULL;
    q.status = prepare(tx->db, sql, &statement, &q.cached, err);
    q.statement = statement;
    if (q.status == RV_OK && !tx->writes && !sqlite3_stmt_readonly(statement))
        q.status = rv_fail(err, RV_INTERNAL, "a function that was given to read tried to write");
    return q;
}

static void bound(struct rv_query *q, int rc)
{
    if (rc != SQLITE_OK)
        q->status = rv_db_fail(q->db, q->err, "binding a value");
}

void rv_bind_int(struct rv_query *q, int64_t v)
{
    if (q->status == RV_OK)
        bound(q, sqlite3_bind_int64(q->statement, ++q->bound, v));
}

void rv_bind_text(struct rv_query *q, const char *s)
{
    if (q->status == RV_OK)
        bound(q, sqlite3_bind_text(q->statement, ++q->bound, s, -1, SQLITE_STATIC));
}

void rv_bind_bytes(struct rv_query *q, struct rv_bytes b)
{
    if (q->status == RV_OK)
        bound(q, b.len == 0 ? sqlite3_bind_null(q->statement, ++q->bound)
                            : sqlite3_bind_blob64(q->statement, ++q->bound, b.ptr, b.len, SQLITE_STATIC));
}

void rv_bind_hash(struct rv_query *q, const struct rv_hash *h)
{
    rv_bind_bytes(q, rv_hash_is_zero(h) ? RV_BYTES(NULL, 0) : RV_BYTES(h->b, sizeof h->b));
}

bool rv_query_next(struct rv_query *q)
{
    if (q->status != RV_OK)
        return false;
    q->taken = 0;
    int rc = sqlite3_step(q->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        q->status = rv_db_fail(q->db, q->err, "the database refused");
    return rc == SQLITE_ROW;
}

int64_t rv_take_int(struct rv_query *q)
{
    return sqlite3_column_int64(q->statement, q->taken++);
}

const char *rv_take_text(struct rv_query *q)
{
    return (const char *)sqlite3_column_text(q->statement, q->taken++);
}

struct rv_bytes rv_take_bytes(struct rv_query *q)
{
    int at = q->taken++;
    const void *p = sqlite3_column_blob(q->statement, at);
    return RV_BYTES(p, (size_t)sqlite3_column_bytes(q->statement, at));
}

bool rv_take_null(struct rv_query *q)
{
    return sqlite3_column_type(q->statement, q->taken) == SQLITE_NULL;
}

void rv_take_hash(struct rv_query *q, struct rv_hash *ret)
{
    struct rv_bytes b = rv_take_bytes(q);
    *ret = (struct rv_hash){{0}};
    if (b.len == sizeof ret->b)
        memcpy(ret->b, b.ptr, sizeof ret->b);
}

void rv_take_text_into(struct rv_query *q, char *out, size_t size)
{
    struct rv_bytes b = rv_take_bytes(q);
    size_t n = b.len < size ? b.len : size - 1;
    if (n > 0)
        memcpy(out, b.ptr, n);
    out[n] = '\0';
}

enum rv_status rv_query_end(struct rv_query *q)
{
    if (q->statement != NULL)
        give_back(q->db, q->statement, q->cached);
    q->statement = NULL;
    return q->status;
}

enum rv_status rv_query_run(struct rv_query *q, int64_t *ret_changed)
{
    while (rv_query_next(q))
        ;
    if (q->status == RV_OK && ret_changed != NULL)
        *ret_changed = sqlite3_changes64(q->db->sqlite);
    return rv_query_end(q);
}

bool rv_query_one(struct rv_query *q, enum rv_status *ret_status)
{
    if (rv_query_next(q))
        return true;
    enum rv_status status = rv_query_end(q);
    *ret_status = status == RV_OK ? RV_NOT_FOUND : status;
    return false;
}

void rv_bind_fields(struct rv_query *q, const struct rv_field *fields, size_t count, const void *row)
{
    for (size_t i = 0; i < count; i++) {
        const void *p = (const char *)row + fields[i].offset;
        switch ((enum rv_field_type)fields[i].type) {
        case RV_FIELD_BOOL:
            rv_bind_int(q, *(const bool *)p);
            break;
        case RV_FIELD_INT:
            rv_bind_int(q, *(const int *)p);
            break;
        case RV_FIELD_LONG:
            rv_bind_int(q, *(const int64_t *)p);
            break;
        case RV_FIELD_HASH:
            rv_bind_hash(q, p);
            break;
        case RV_FIELD_TEXT:
            rv_bind_text(q, p);
            break;
        }
    }
}

void rv_take_fields(struct rv_query *q, const struct rv_field *fields, size_t count, void *row)
{
    for (size_t i = 0; i < count; i++) {
        void *p = (char *)row + fields[i].offset;
        switch ((enum rv_field_type)fields[i].type) {
        case RV_FIELD_BOOL:
            *(bool *)p = rv_take_int(q) != 0;
            break;
        case RV_FIELD_INT:
            *(int *)p = (int)rv_take_int(q);
            break;
        case RV_FIELD_LONG:
            *(int64_t *)p = rv_take_int(q);
            break;
        case RV_FIELD_HASH:
            rv_take_hash(q, p);
            break;
        case RV_FIELD_TEXT:
            rv_take_text_into(q, p, fields[i].size);
            break;
        }
    }
}

/* One of the fixed transaction words, prepared once like everything else. */
static enum rv_status say(struct rv_db *db, const char *sql, const char *what, struct rv_error *err)
{
    sqlite3_stmt *statement;
    bool cached;
    enum rv_status status = prepare(db, sql, &statement, &cached, err);
    if (status != RV_OK)
        return status;
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = rv_db_fail(db, err, what);
    give_back(db, statement, cached);
    return status;
}

enum rv_status rv_db_begin(struct rv_db *db, bool write, struct rv_error *err)
{
    db->broken = false;
    return write ? say(db, "BEGIN IMMEDIATE", "beginning to write", err) : say(db, "BEGIN", "beginning to read", err);
}

void rv_db_rollback(struct rv_db *db)
{
    if (!sqlite3_get_autocommit(db->sqlite))
        (void)say(db, "ROLLBACK", "rolling back", NULL);
    db->broken = false;
}

enum rv_status rv_db_commit(struct rv_db *db, struct rv_error *err)
{
    enum { TRIES = 3 }; /* each waits for the busy timeout */
    enum rv_status status = RV_OK;
    for (int i = 0; i < TRIES; i++) {
        status = say(db, "COMMIT", "committing", err);
        if ((sqlite3_errcode(db->sqlite) & 0xff) != SQLITE_BUSY)
            break;
    }
    if (status == RV_OK)
        return RV_OK;
    /* A full disk stops the log before its commit mark is whole. Any other I/O error may have come after that: a sync
     * that failed says nothing about what a power cut would leave. */
    bool unknown = (sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_IOERR;
    rv_db_rollback(db);
    if (!unknown)
        return status;
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (err != NULL)
        err->status = RV_UNCERTAIN;
    return rv_error_hint(err, RV_UNCERTAIN,
                         "look whether it is stored before doing it again; check the disk and its cabling");
}

enum rv_status rv_db_savepoint(struct rv_db *db, struct rv_error *err)
{
    return say(db, "SAVEPOINT one", "setting a savepoint", err);
}

enum rv_status rv_db_savepoint_end(struct rv_db *db, bool keep, struct rv_error *err)
{
    enum rv_status status = keep ? RV_OK : say(db, "ROLLBACK TO one", "rolling back to a savepoint", err);
    return status == RV_OK ? say(db, "RELEASE one", "releasing a savepoint", err) : status;
}

enum rv_status rv_db_sound(const struct rv_db *db, struct rv_error *err)
{
    if (!db->broken)
        return RV_OK;
    if (err != NULL)
        *err = db->why;
    return db->why.status;
}

enum rv_status rv_db_script(struct rv_db *db, const char *sql, struct rv_error *err)
{
    return sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? RV_OK : rv_db_fail(db, err, "changing the schema");
}
