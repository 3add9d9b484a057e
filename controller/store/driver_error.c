/* What SQLite's result codes mean for callers. */
#include "store/driver_sqlite.h"

static const struct meaning {
    int code; /* an extended code, or a primary one for all of its kind */
    enum rv_status status;
    bool breaks; /* nothing of the transaction can be kept */
    const char *hint;
} meanings[] = {
    {SQLITE_CONSTRAINT_FOREIGNKEY, RV_NOT_FOUND, false, "what the row belongs to does not exist"},
    {SQLITE_CONSTRAINT_TRIGGER, RV_DENIED, false, ""},
    {SQLITE_CONSTRAINT_UNIQUE, RV_CONFLICT, false, ""},
    {SQLITE_CONSTRAINT_PRIMARYKEY, RV_CONFLICT, false, ""},
    {SQLITE_FULL, RV_LIMITED, true, "free space on the file system of the database; work goes on by itself then"},
    {SQLITE_IOERR, RV_UNAVAILABLE, true, "check the disk and the system log; work goes on by itself once it answers again"},
    {SQLITE_CANTOPEN, RV_UNAVAILABLE, false, "check that the folder exists and that this user may write there"},
    {SQLITE_READONLY, RV_DENIED, true,
     "check that this user may write the database, its -wal and -shm files, and the folder"},
    {SQLITE_PERM, RV_DENIED, false, "check the permissions of the file and its folder"},
    {SQLITE_BUSY, RV_UNAVAILABLE, false, "another program holds the database's lock: close it"},
    {SQLITE_LOCKED, RV_UNAVAILABLE, false, ""},
    {SQLITE_PROTOCOL, RV_UNAVAILABLE, false, "another program holds the database's lock: close it"},
    {SQLITE_INTERRUPT, RV_TIMEOUT, false, ""},
    {SQLITE_TOOBIG, RV_INVALID, false, ""},
    {SQLITE_NOTADB, RV_INVALID, false, "name a file that Reeve made, or one that does not exist yet"},
    {SQLITE_CORRUPT, RV_INTERNAL, false, "stop the service, keep a copy of the file, and restore the last backup"},
};

static const struct meaning *meaning_of(int code)
{
    for (size_t i = 0; i < RV_COUNT(meanings); i++)
        if (meanings[i].code == code)
            return &meanings[i];
    for (size_t i = 0; i < RV_COUNT(meanings); i++)
        if (meanings[i].code == (code & 0xff))
            return &meanings[i];
    static const struct meaning unknown = {0, RV_INTERNAL, false, ""};
    return &unknown;
}

enum rv_status rv_db_fail(struct rv_db *db, struct rv_error *err, const char *doing)
{
    int code = sqlite3_extended_errcode(db->sqlite);
    if ((code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
        rv_out_of_memory(0);
    const struct meaning *m = meaning_of(code);
    struct rv_error made;
    rv_fail(&made, m->status, "%s: %s (SQLite error %d)", doing, sqlite3_errmsg(db->sqlite), code);
    rv_error_where(&made, m->status, "%s", db->path);
    rv_error_hint(&made, m->status, "%s", m->hint);
    if (m->breaks && !db->broken) {
        db->broken = true;
        db->why = made;
    }
    if (err != NULL)
        *err = made;
    return m->status;
}
