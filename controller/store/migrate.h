/* The schema's numbered, forward-only steps, built into the binary. */
#pragma once
#include "store/driver.h"

struct rv_migration {
    int64_t number;
    const char *name, *sql;
};
extern const struct rv_migration rv_migrations[]; /* generated; numbers 1, 2, 3, … */
extern const size_t rv_migration_count;

/* Refuses a database that is newer than this program, and one that is not Reeve's; changes nothing. */
RV_MUST_CHECK enum rv_status rv_schema_check(struct rv_db *db, int64_t *ret_version, struct rv_error *err);
/* Brings the schema up to date, each step in a transaction of its own. Read-only: refuses an older one instead. */
RV_MUST_CHECK enum rv_status rv_migrate(struct rv_db *db, bool read_only, struct rv_error *err);
