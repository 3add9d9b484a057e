/* The inside of a SQLite connection, for the files of the driver. */
#pragma once
#include <sqlite3.h>

#include "store/driver.h"

#define RV_SLOT_BITS 8
struct rv_slot { /* statements are told apart by the address of their text */
    const char *sql;
    sqlite3_stmt *statement;
    bool busy;
};
struct rv_db {
    sqlite3 *sqlite;
    char *path;
    struct rv_slot slots[1 << RV_SLOT_BITS];
    bool broken; /* a statement of the open transaction met the error below */
    struct rv_error why;
};
/* Turns the connection's last error into one of ours. */
enum rv_status rv_db_fail(struct rv_db *db, struct rv_error *err, const char *doing);
