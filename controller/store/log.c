/* The write-ahead log after a bad end. A sync that fails loses data which reading goes on showing until the power goes, and
 * a second sync of the same data succeeds without writing it. So a log that was left behind, by a crash or by a commit
 * that failed, is written once more, byte by byte as it is, and synced, before anything in it is believed. (Moving it into
 * the file instead would not do: after a power cut the old part of the log would be laid over the newer file.) */
#include "store/driver_sqlite.h"

enum { CHUNK = 1 << 16 }; /* SQLite moves less than 128 KB at once */

static int write_again(sqlite3_file *log)
{
    sqlite3_int64 size = 0;
    if (log == NULL || log->pMethods == NULL) /* none yet */
        return SQLITE_OK;
    int rc = log->pMethods->xFileSize(log, &size);
    if (rc != SQLITE_OK || size == 0)
        return rc;
    uint8_t *chunk = rv_alloc(CHUNK);
    for (sqlite3_int64 at = 0; at < size && rc == SQLITE_OK; at += CHUNK) {
        int n = (int)(size - at < CHUNK ? size - at : CHUNK);
        rc = log->pMethods->xRead(log, chunk, n, at);
#ifndef REEVE_CANARY_SECURELOG
        if (rc == SQLITE_OK)
            rc = log->pMethods->xWrite(log, chunk, n, at);
#endif
    }
    rv_free(chunk);
    return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

enum rv_status rv_db_secure_log(struct rv_db *db, struct rv_error *err)
{
    sqlite3_file *log = NULL;
    if (sqlite3_exec(db->sqlite, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK)
        return rv_db_fail(db, err, "beginning the log");
    enum rv_status status = rv_db_begin(db, true, err); /* nobody else writes meanwhile */
    if (status != RV_OK)
        return status;
    int rc = sqlite3_file_control(db->sqlite, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (rc == SQLITE_OK)
        rc = write_again(log);
    rv_db_rollback(db);
    if (rc != SQLITE_OK) {
        rv_fail(err, RV_UNAVAILABLE, "the log of the database cannot be written (SQLite error %d)", rc);
        rv_error_where(err, RV_UNAVAILABLE, "%s-wal", db->path);
        return rv_error_hint(err, RV_UNAVAILABLE, "check the disk and the system log, and free space there");
    }
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return RV_OK;
}
