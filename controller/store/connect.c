/* Opening a SQLite connection with the settings that everything else relies on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/driver_sqlite.h"

enum { BUSY_MS = 5000 };

/* M-45: the schema of a file cannot run what it likes, and nothing can be loaded. */
static const struct {
    int option, value;
} switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_ENABLE_FKEY, 1},      {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
    {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, /* until rv_db_secure_log */
};

/* A commit is durable when it returns (FULL). The log is moved into the file every 32 k pages, not every thousand: many
 * changes of one page are then written once. Recursive triggers make REPLACE fire the triggers that guard the audit. */
static const char writer_settings[] =
#ifndef REEVE_CANARY_SYNC
    "PRAGMA synchronous=FULL;"
#else
    "PRAGMA synchronous=OFF;"
#endif
    "PRAGMA wal_autocheckpoint=32768;"
    "PRAGMA journal_size_limit=268435456;"
    "PRAGMA cache_size=-65536;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA recursive_triggers=ON;";
static const char reader_settings[] = "PRAGMA cache_size=-8192;"
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA query_only=ON;";

/* Only we may read it, from the first moment (SQLite gives its -wal and -shm files the same mode). Its name is durable
 * before anything is written into it. */
static enum rv_status make_file(const char *path, struct rv_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        enum rv_status status = rv_fail_errno(err, errno, "cannot open or make the database");
        return rv_error_where(err, status, "%s", path);
    }
    close(fd);
    const char *slash = strrchr(path, '/');
    RV_AUTO(char)
    char *folder = slash == NULL ? rv_strdup(".") : rv_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (failed == 0)
        return RV_OK;
    enum rv_status status = rv_fail_errno(err, failed, "cannot sync the folder of the database");
    return rv_error_where(err, status, "%s", folder);
}

static enum rv_status settle(struct rv_db *db, const struct rv_db_options *options, struct rv_error *err)
{
    sqlite3_extended_result_codes(db->sqlite, 1);
    sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    for (size_t i = 0; i < RV_COUNT(switches); i++)
        if (sqlite3_db_config(db->sqlite, switches[i].option, switches[i].value, NULL) != SQLITE_OK)
            return rv_db_fail(db, err, "hardening the connection");
    const char *settings = options->read_only || options->reader ? reader_settings : writer_settings;
    if (sqlite3_exec(db->sqlite, settings, NULL, NULL, NULL) != SQLITE_OK)
        return rv_db_fail(db, err, "setting up the connection");
    return RV_OK;
}

enum rv_status rv_db_open(const struct rv_db_options *options, struct rv_db **ret, struct rv_error *err)
{
    bool memory = strcmp(options->path, ":memory:") == 0;
    if (!memory && !options->read_only && !options->reader) {
        enum rv_status status = make_file(options->path, err);
        if (status != RV_OK)
            return status;
    }
    struct rv_db *db = rv_zalloc(sizeof *db);
    db->path = rv_strdup(options->path);
    int flags = SQLITE_OPEN_NOMUTEX | (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    int rc = sqlite3_open_v2(options->path, &db->sqlite, flags | (memory ? SQLITE_OPEN_MEMORY : 0), options->vfs);
    enum rv_status status = db->sqlite == NULL ? rv_fail(err, RV_INTERNAL, "SQLite cannot make a connection")
                            : rc != SQLITE_OK  ? rv_db_fail(db, err, "opening the database")
                                               : settle(db, options, err);
    if (status != RV_OK) {
        rv_db_close(db);
        return status;
    }
    *ret = db;
    return RV_OK;
}

void rv_db_close(struct rv_db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < RV_COUNT(db->slots); i++)
        sqlite3_finalize(db->slots[i].statement);
    sqlite3_close_v2(db->sqlite);
    rv_free(db->path);
    rv_free(db);
}
