/* Which schema a file has, and bringing it up to date. */
#include "store/migrate.h"

#include <inttypes.h>

#include "base/failpoint.h"

static enum rv_status count(struct rv_tx *tx, const char *sql, int64_t *ret, struct rv_error *err)
{
    struct rv_query q = rv_query(tx, sql, err);
    if (rv_query_next(&q))
        *ret = rv_take_int(&q);
    return rv_query_end(&q);
}

/* 0 for an empty file. */
static enum rv_status version_of(struct rv_db *db, int64_t *ret, struct rv_error *err)
{
    struct rv_tx tx = {.db = db};
    int64_t tables = 0, ours = 0;
    enum rv_status status = count(&tx, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (status == RV_OK)
        status = count(&tx, "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name IN ('migration', 'audit_head')",
                       &ours, err);
    if (status != RV_OK)
        return status;
    *ret = 0;
    if (tables == 0)
        return RV_OK;
    if (ours != 2) {
        rv_fail(err, RV_INVALID, "this is a database of another program");
        return rv_error_hint(err, RV_INVALID, "name a file that Reeve made, or one that does not exist yet");
    }
    return count(&tx, "SELECT coalesce(max(number), 0) FROM migration", ret, err);
}

static enum rv_status step(struct rv_db *db, const struct rv_migration *m, struct rv_error *err)
{
    enum rv_status status = rv_db_begin(db, true, err);
    if (status != RV_OK)
        return status;
    struct rv_tx tx = {.db = db, .writes = true};
    status = rv_db_script(db, m->sql, err);
    if (status == RV_OK) {
        struct rv_query q = rv_query(&tx, "INSERT INTO migration (number, name) VALUES ($1, $2)", err);
        rv_bind_int(&q, m->number);
        rv_bind_text(&q, m->name);
        status = rv_query_run(&q, NULL);
    }
    if (status != RV_OK) {
        rv_db_rollback(db);
        return rv_error_prefix(err, status, "schema step %s", m->name);
    }
    RV_FAILPOINT("store.migrate");
    status = rv_db_commit(db, err);
    RV_FAILPOINT("store.migrated");
    return status;
}

enum rv_status rv_schema_check(struct rv_db *db, int64_t *ret_version, struct rv_error *err)
{
    int64_t have = 0, known = (int64_t)rv_migration_count;
    enum rv_status status = version_of(db, &have, err);
    if (status != RV_OK)
        return status;
    if (have > known) {
        rv_fail(err, RV_INVALID,
                "the database has schema %" PRId64 ", this program (" REEVE_VERSION ") knows schemas up to %" PRId64, have,
                known);
        return rv_error_hint(err, RV_INVALID,
                             "run the newer Reeve that wrote it, or restore a backup from before the upgrade");
    }
    *ret_version = have;
    return RV_OK;
}

enum rv_status rv_migrate(struct rv_db *db, bool read_only, struct rv_error *err)
{
    int64_t have = 0, known = (int64_t)rv_migration_count;
    enum rv_status status = rv_schema_check(db, &have, err);
    if (status != RV_OK)
        return status;
    if (read_only && have < known) {
        rv_fail(err, RV_INVALID, "the database has schema %" PRId64 ", expected %" PRId64, have, known);
        return rv_error_hint(err, RV_INVALID, "start reeved once: it brings the schema up to date");
    }
    for (int64_t i = have; i < known && status == RV_OK; i++)
        status = step(db, &rv_migrations[i], err);
    return status;
}
