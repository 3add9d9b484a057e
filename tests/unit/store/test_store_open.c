/* Opening: what is refused and how it is said, what the file looks like, and the driver's small promises. */
#include "support/cmocka.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/store_access.h"
#include "store/migrate.h"
#include "workload.h"

struct place {
    char folder[64], path[96];
};

static int make_place(void **state)
{
    struct place *p = rv_zalloc(sizeof *p);
    const char *base = getenv("TMPDIR");
    snprintf(p->folder, sizeof p->folder, "%s/reeve-store-XXXXXX", base != NULL && strlen(base) < 32 ? base : "/tmp");
    if (mkdtemp(p->folder) == NULL)
        return -1;
    snprintf(p->path, sizeof p->path, "%s/reeve.db", p->folder);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock", "-journal"};
    for (size_t i = 0; i < RV_COUNT(suffixes); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", p->path, suffixes[i]);
        unlink(name);
    }
    rmdir(p->folder);
    rv_free(p);
    return 0;
}

static enum rv_status open_store(const char *path, struct rv_store **ret, struct rv_error *err)
{
    struct rv_store_options options = {.path = path, .digest = work_digest};
    return rv_store_open(&options, ret, err);
}

static void make(const struct place *p)
{
    struct rv_store *store;
    struct rv_error err;
    assert_int_equal(open_store(p->path, &store, &err), RV_OK);
    rv_store_close(store);
}

static void sql(const struct place *p, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The refusal names the file and says what to do. */
static void refused(const struct place *p, enum rv_status status, const char *message, const char *hint)
{
    struct rv_store *store = NULL;
    struct rv_error err;
    assert_int_equal(open_store(p->path, &store, &err), status);
    assert_null(store);
    if (strstr(err.message, message) == NULL || strstr(err.hint, hint) == NULL)
        fail_msg("expected \"%s\" (%s), got \"%s\" (%s)", message, hint, err.message, err.hint);
    assert_non_null(strstr(err.where, p->path));
}

static void a_newer_schema_is_refused(void **state)
{
    make(*state);
    sql(*state, "INSERT INTO migration (number, name) VALUES (9999, 'from_the_future')");
    refused(*state, RV_INVALID, "has schema 9999", "run the newer Reeve");
}

static void databases_of_others_are_refused(void **state)
{
    struct place *p = *state;
    struct stat before, after;
    sql(p, "CREATE TABLE migration (number)");
    assert_int_equal(stat(p->path, &before), 0);
    refused(*state, RV_INVALID, "another program", "name a file that Reeve made");
    assert_int_equal(stat(p->path, &after), 0);
    assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct place *p = *state;
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is a text file\n", f);
    fclose(f);
    refused(p, RV_INVALID, "not a database", "name a file that Reeve made");
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, 20000); /* and left alone */
}

static void places_that_do_not_exist_are_refused(void **state)
{
    struct place *p = *state, elsewhere = *p;
    snprintf(elsewhere.path, sizeof elsewhere.path, "%s/none/reeve.db", p->folder);
    refused(&elsewhere, RV_NOT_FOUND, "cannot open", "");
    elsewhere = *p;
    make(p);
    snprintf(elsewhere.path, sizeof elsewhere.path, "%s/link", p->folder);
    assert_int_equal(symlink(p->path, elsewhere.path), 0);
    refused(&elsewhere, RV_INVALID, "cannot open", "");
    unlink(elsewhere.path);
    char lock[128];
    snprintf(lock, sizeof lock, "%s.lock", elsewhere.path);
    unlink(lock);
}

static void only_we_may_read_it(void **state)
{
    struct place *p = *state;
    struct rv_store *store;
    struct rv_error err;
    mode_t old = umask(0);
    assert_int_equal(open_store(p->path, &store, &err), RV_OK);
    assert_int_equal(work_do(store, 0, &err), RV_OK);
    umask(old);
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < RV_COUNT(suffixes); i++) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof name, "%s%s", p->path, suffixes[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    rv_store_close(store);
}

/* Another process holds it until it dies, however it dies. */
static void another_process_is_named(void **state)
{
    struct place *p = *state;
    int ready[2], end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rv_store *store;
        char c = 'x';
        close(end[1]);
        if (open_store(p->path, &store, NULL) != RV_OK || write(ready[1], &c, 1) != 1 || read(end[0], &c, 1) != 0)
            _exit(1);
        _exit(0);
    }
    close(end[0]);
    char c, name[40];
    assert_int_equal(read(ready[0], &c, 1), 1);
    snprintf(name, sizeof name, "in use by process %ld", (long)child);
    refused(p, RV_CONFLICT, name, "stop that process");
    close(end[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
    make(p);
}

static void a_reader_needs_the_right_schema(void **state)
{
    struct place *p = *state;
    struct rv_store_options options = {.path = p->path, .read_only = true};
    struct rv_store *store;
    struct rv_error err;
    assert_int_equal(rv_store_open(&options, &store, &err), RV_UNAVAILABLE); /* not made by looking */
    assert_int_equal(access(p->path, F_OK), -1);
    make(p);
    assert_int_equal(rv_store_open(&options, &store, &err), RV_OK);
    rv_store_close(store);
    sql(p, "DELETE FROM migration");
    assert_int_equal(rv_store_open(&options, &store, &err), RV_INVALID);
    assert_non_null(strstr(err.hint, "start reeved once"));
}

/* The connection cannot be talked into more than SQL on our tables (M-45). */
static void the_connection_is_hardened(void **state)
{
    struct place *p = *state;
    struct rv_db_options options = {.path = p->path};
    struct rv_db *db;
    struct rv_error err;
    assert_int_equal(rv_db_open(&options, &db, &err), RV_OK);
    assert_int_equal(rv_migrate(db, false, &err), RV_OK);
    static const char *const denied[] = {
        "SELECT load_extension('libm.so.6')",
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='' WHERE name='audit'",
        "SELECT \"no such column\"", /* a misspelt name is no text */
        "INSERT INTO effect (binding, step, state, attempt, begun_at) VALUES (99, 1, 0, 1, 1)",
        "INSERT INTO meta (name, value) VALUES ('a', x'00')", /* strict types */
    };
    for (size_t i = 0; i < RV_COUNT(denied); i++)
        if (rv_db_script(db, denied[i], &err) == RV_OK)
            fail_msg("allowed: %s", denied[i]);
    rv_db_close(db);
}

static void migrations_are_numbered_without_gaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < rv_migration_count; i++) {
        assert_int_equal(rv_migrations[i].number, i + 1);
        assert_true(strlen(rv_migrations[i].sql) > 0);
    }
}

int main(void)
{
#define AT_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        AT_A_PLACE(a_newer_schema_is_refused),
        AT_A_PLACE(databases_of_others_are_refused),
        AT_A_PLACE(a_file_that_is_no_database_is_refused),
        AT_A_PLACE(places_that_do_not_exist_are_refused),
        AT_A_PLACE(only_we_may_read_it),
        AT_A_PLACE(another_process_is_named),
        AT_A_PLACE(a_reader_needs_the_right_schema),
        AT_A_PLACE(the_connection_is_hardened),
        cmocka_unit_test(migrations_are_numbered_without_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
