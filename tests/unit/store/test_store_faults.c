/* The store on bad days: operations that fail, a full disk, syncs that fail, the power going at any moment, dying at named
 * points. After each: everything acknowledged is there, nothing is half done, the audit verifies, the file is sound. */
#include "support/cmocka.h"

#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/store_contract.h"
#include "support/fault_vfs.h"
#include "workload.h"

struct place {
    char folder[64], path[96];
};

static void remove_files(const struct place *p)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < RV_COUNT(suffixes); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", p->path, suffixes[i]);
        unlink(name);
    }
}

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
    remove_files(p);
    rmdir(p->folder);
    rv_free(p);
    fault_vfs_reset();
    return 0;
}

static enum rv_status open_store(const struct place *p, const char *vfs, struct rv_store **ret, struct rv_error *err)
{
    struct rv_store_options options = {.path = p->path, .digest = work_digest, .vfs = vfs};
    return rv_store_open(&options, ret, err);
}

static void explain(const char *what, long n, const struct rv_error *err)
{
    char text[1024];
    fail_msg("%s %ld: %s", what, n, rv_error_text(err, text, sizeof text));
}

static void file_is_sound(const struct place *p)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

/* What a tool sees that only looks, before anybody has opened the store again; -1 when there is nothing to see. */
static int steps_seen_by_a_tool(const struct place *p)
{
    struct rv_store_options options = {.path = p->path, .digest = work_digest, .read_only = true};
    struct rv_store *store;
    int steps = -1;
    if (rv_store_open(&options, &store, NULL) != RV_OK)
        return -1;
    if (work_check(store, &steps, NULL) != RV_OK)
        steps = -2;
    rv_store_close(store);
    return steps;
}

/* How many steps the file holds, opened as after a restart. */
static int steps_in(const struct place *p, const char *what, long n)
{
    struct rv_store *store;
    struct rv_error err;
    int steps = -1;
    if (open_store(p, NULL, &store, &err) != RV_OK)
        explain(what, n, &err);
    if (work_check(store, &steps, &err) != RV_OK)
        explain(what, n, &err);
    if (steps < WORK_STEPS && work_do(store, steps, &err) != RV_OK) /* and it works on */
        explain(what, n, &err);
    rv_store_close(store);
    file_is_sound(p);
    return steps;
}

/* One step, again and again until it is done, as the engine does: what certainly did not happen is repeated, what may
 * have happened is looked for first. False when a status is not what it should be. */
static bool persist(struct rv_store *store, int step, struct rv_error *err)
{
    bool uncertain = false;
    for (int tries = 0; tries < 20; tries++) {
        int steps = -1;
        enum rv_status status = uncertain ? work_check(store, &steps, err) : work_do(store, step, err);
        if (status == RV_OK && (!uncertain || steps == step + 1))
            return true;
        if (status != RV_OK &&
            ((status != RV_LIMITED && status != RV_UNAVAILABLE && status != RV_UNCERTAIN) || err->hint[0] == '\0'))
            return false;
        uncertain = status == RV_UNCERTAIN || (uncertain && status != RV_OK);
    }
    return false;
}

/* Opens, works, closes half-way (which moves the log into the file), opens, works, closes. Calls `acknowledged` after each
 * step. False with *err when something did not work even after healing. */
static bool whole_work(const struct place *p, void (*acknowledged)(void *arg), void *arg, struct rv_error *err)
{
    for (int half = 0; half < 2; half++) {
        struct rv_store *store = NULL;
        enum rv_status status = RV_INTERNAL;
        for (int tries = 0; tries < 10 && status != RV_OK; tries++)
            status = open_store(p, "rv-fault", &store, err);
        if (status != RV_OK)
            return false;
        for (int i = 0; i < WORK_STEPS / 2; i++) {
            if (!persist(store, half * WORK_STEPS / 2 + i, err)) {
                rv_store_close(store);
                return false;
            }
            if (acknowledged != NULL)
                acknowledged(arg);
        }
        rv_store_close(store);
    }
    return true;
}

/* Every how many-th moment is tried; all of them with REEVE_TEST_FULL=1 (some minutes under the sanitizers). */
static long stride_of(long otherwise)
{
    const char *full = getenv("REEVE_TEST_FULL");
    return full != NULL && strcmp(full, "1") == 0 ? 1 : otherwise;
}

static void failing_operations(const struct place *p, const char *what, unsigned ops, int code, long count)
{
    bool failed = true;
    long stride = stride_of((ops & FAULT_WRITE) != 0 ? 25 : 7); /* there are many writes, and they are much alike */
    for (long n = 1; failed; n += stride) {
        struct rv_error err = {0};
        fault_vfs_reset();
        fault_vfs_fail(ops, n, count, code);
        if (!whole_work(p, NULL, NULL, &err))
            explain(what, n, &err);
        failed = fault_vfs_failed();
        fault_vfs_fail(0, 0, 0, 0);
        if (steps_in(p, what, n) != WORK_STEPS)
            fail_msg("%s %ld: a step is missing", what, n);
        remove_files(p);
        assert_true(n > 1 || failed); /* the orders reach something */
    }
}

static void writes_fail_once(void **state)
{
    failing_operations(*state, "failing write", FAULT_WRITE, SQLITE_IOERR_WRITE, 1);
}
static void the_disk_is_full_for_a_while(void **state)
{
    failing_operations(*state, "full disk from write", FAULT_WRITE, SQLITE_FULL, 4);
}
static void syncs_fail(void **state)
{
    failing_operations(*state, "failing sync", FAULT_SYNC, SQLITE_IOERR_FSYNC, 1);
    failing_operations(*state, "failing syncs from", FAULT_SYNC, SQLITE_IOERR_FSYNC, 3);
}
static void truncating_fails(void **state)
{
    failing_operations(*state, "failing truncate", FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE, 2);
}

/* While the disk stays full every write is refused with a hint, reading goes on, and nothing is lost afterwards. */
static void a_full_disk_is_said_and_survived(void **state)
{
    struct place *p = *state;
    struct rv_store *store;
    struct rv_error err;
    int steps = -1;
    assert_int_equal(open_store(p, fault_vfs_register(), &store, &err), RV_OK);
    assert_int_equal(work_do(store, 0, &err), RV_OK);
    fault_vfs_fail(FAULT_WRITE, 1, 1000000, SQLITE_FULL);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(work_do(store, 1, &err), RV_LIMITED);
        assert_non_null(strstr(err.hint, "free space"));
        assert_string_equal(err.where, p->path);
        assert_int_equal(work_check(store, &steps, &err), RV_OK);
        assert_int_equal(steps, 1);
    }
    fault_vfs_fail(0, 0, 0, 0);
    assert_int_equal(work_do(store, 1, &err), RV_OK);
    rv_store_close(store);
    assert_int_equal(steps_in(p, "full disk", 0), 2);
}

/* What is said of a commit whose sync failed. */
static void a_failed_sync_is_uncertain(void **state)
{
    struct place *p = *state;
    struct rv_store *store;
    struct rv_error err;
    assert_int_equal(open_store(p, fault_vfs_register(), &store, &err), RV_OK);
    assert_int_equal(work_do(store, 0, &err), RV_OK);
    fault_vfs_fail(FAULT_SYNC, 1, 1, SQLITE_IOERR_FSYNC);
    assert_int_equal(work_do(store, 1, &err), RV_UNCERTAIN);
    assert_int_equal(err.status, RV_UNCERTAIN);
    assert_non_null(strstr(err.hint, "look"));
    int steps = -1;
    assert_int_equal(work_check(store, &steps, &err), RV_OK);
    assert_true(steps == 1 || steps == 2);
    assert_true(steps == 2 || persist(store, 1, &err));
    rv_store_close(store);
}

/* A transaction too big for memory meets the full disk before its commit, hides it, and is in one group with another. */
struct group {
    sem_t gate;
    int done;
    enum rv_status status[3];
};
static enum rv_status hold(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)tx;
    (void)err;
    while (sem_wait(&((struct group *)arg)->gate) != 0)
        ;
    return RV_OK;
}
static enum rv_status write_little(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    return rv_meta_set(tx, "little", "x", err);
}
static enum rv_status write_much(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    enum { EACH = 4 << 20, MANY = 24 }; /* more than the cache holds */
    RV_AUTO(char) char *text = rv_alloc(EACH + 1);
    memset(text, 'x', EACH);
    text[EACH] = '\0';
    for (int i = 0; i < MANY; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        if (rv_meta_set(tx, name, text, err) != RV_OK)
            return RV_OK;
    }
    return RV_OK;
}
static enum rv_status little_is_absent(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    char *value = NULL;
    enum rv_status status = rv_meta_get(tx, "little", &value, err);
    rv_free(value);
    return status == RV_NOT_FOUND ? RV_OK : RV_CONFLICT;
}
static void group_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    (void)err;
    struct group *g = arg;
    g->status[g->done++] = status;
}
static void a_group_shares_its_disk_error(void **state)
{
    struct place *p = *state;
    struct rv_store *store;
    struct rv_error err;
    struct group group = {.status = {RV_OK}};
    struct test_loop *loop = test_loop_create();
    struct rv_store_options options = {.path = p->path,
                                       .digest = work_digest,
                                       .vfs = fault_vfs_register(),
                                       .loop = test_loop_port(loop),
                                       .work = test_loop_work(loop)};
    sem_init(&group.gate, 0, 0);
    assert_int_equal(rv_store_open(&options, &store, &err), RV_OK);
    rv_store_write(store, hold, NULL, &group);
    rv_store_write(store, write_little, group_done, &group);
    rv_store_write(store, write_much, group_done, &group);
    rv_store_write(store, write_little, group_done, &group);
    fault_vfs_fail(FAULT_WRITE, 200, 1, SQLITE_FULL);
    sem_post(&group.gate);
    test_loop_until(loop, &group.done, 3);
    fault_vfs_fail(0, 0, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(group.status[i], RV_LIMITED);
    assert_int_equal(rv_store_read_now(store, little_is_absent, NULL, &err), RV_OK);
    assert_int_equal(work_do(store, 0, &err), RV_OK);
    rv_store_close(store);
    test_loop_destroy(loop);
    sem_destroy(&group.gate);
    assert_int_equal(steps_in(p, "shared error", 0), 1);
}

/* A child does the work until the power goes; it tells of each acknowledged step through a pipe. */
static void tell(void *arg)
{
    if (write(*(int *)arg, "x", 1) != 1)
        _exit(1);
}

struct outcome {
    int acknowledged, exit_status;
};
static struct outcome in_child(const struct place *p, void (*prepare)(const void *arg), const void *arg)
{
    int ends[2];
    struct outcome o = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rv_error err;
        close(ends[0]);
        prepare(arg);
        bool fine = whole_work(p, tell, &ends[1], &err);
        char text[1024];
        if (!fine)
            fprintf(stderr, "%s\n", rv_error_text(&err, text, sizeof text));
        _exit(fine ? 0 : 1);
    }
    close(ends[1]);
    char c;
    while (read(ends[0], &c, 1) == 1)
        o.acknowledged++;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    o.exit_status = WEXITSTATUS(status);
    return o;
}

static void check_after(const struct place *p, const char *what, long n, struct outcome o)
{
    if (o.exit_status == 0)
        assert_int_equal(o.acknowledged, WORK_STEPS);
    int seen = steps_seen_by_a_tool(p), steps = steps_in(p, what, n);
    if (seen != steps && !(seen == -1 && steps == 0))
        fail_msg("%s %ld: a tool sees %d steps, a restart %d", what, n, seen, steps);
    if (steps < o.acknowledged)
        fail_msg("%s %ld: %d steps were acknowledged, %d are there", what, n, o.acknowledged, steps);
    if (steps > o.acknowledged + 1)
        fail_msg("%s %ld: %d steps were acknowledged, but %d are there", what, n, o.acknowledged, steps);
    remove_files(p);
}

struct cut {
    long power;
    unsigned seed;
    long sync, syncs; /* before that, so many syncs fail from this one on; 0: none */
};
static void order_cut(const void *arg)
{
    const struct cut *cut = arg;
    fault_vfs_reset();
    fault_vfs_power(cut->power, cut->seed);
    if (cut->sync > 0)
        fault_vfs_fail(FAULT_SYNC, cut->sync, cut->syncs, SQLITE_IOERR_FSYNC);
}

static void the_power_goes(void **state)
{
    const struct place *p = *state;
    struct outcome o = {.exit_status = FAULT_POWER_EXIT};
    long n = 1, stride = stride_of(29); /* odd: both ways of losing are met in turn */
    for (; o.exit_status == FAULT_POWER_EXIT; n += stride) {
        /* In turn: all that was not synced is lost, or a choice of it. */
        struct cut cut = {.power = n, .seed = n % 2 == 0 ? (unsigned)n : 0};
        o = in_child(p, order_cut, &cut);
        assert_true(o.exit_status == FAULT_POWER_EXIT || o.exit_status == 0);
        check_after(p, "power cut at operation", n, o);
    }
    assert_true(n > 100); /* it went through the work, not past it */
}

/* What a failed sync should have kept is gone at the next power cut, although it could be read until then. */
static void the_power_goes_after_a_failed_sync(void **state)
{
    const struct place *p = *state;
    /* One alone, or together with the sync of the log's last move on closing: then the log comes back unsynced. */
    for (long sync = 5, syncs = 1; sync < 26; sync += stride_of(5), syncs = 3 - syncs)
        for (long later = 4; later < 70; later += 31) {
            struct cut cut = {.power = 70 + sync * 12 + later, .sync = sync, .syncs = syncs};
            struct outcome o = in_child(p, order_cut, &cut);
            assert_true(o.exit_status == FAULT_POWER_EXIT || o.exit_status == 0);
            check_after(p, "power cut after failing sync", sync, o);
        }
}

#ifdef REEVE_FAILPOINTS
static void order_death(const void *arg)
{
    fault_vfs_reset();
    setenv("REEVE_FAILPOINT", arg, 1);
    if (strncmp(arg, "store.reopen", 12) == 0)
        fault_vfs_fail(FAULT_SYNC, 9, 1, SQLITE_IOERR_FSYNC);
}

static void dying_at_named_points(void **state)
{
    static const char *const names[] = {"store.migrate", "store.migrated", "store.commit", "store.committed",
                                        "store.reopen"};
    for (size_t i = 0; i < RV_COUNT(names); i++) {
        bool died = false;
        for (int visit = 1; visit < 8; visit++) {
            char order[64];
            snprintf(order, sizeof order, "%s:%d", names[i], visit);
            struct outcome o = in_child(*state, order_death, order);
            assert_true(o.exit_status == 137 || o.exit_status == 0);
            died |= o.exit_status == 137;
            check_after(*state, order, visit, o);
            if (o.exit_status == 0)
                break;
        }
        assert_true(died);
    }
}
#endif

int main(void)
{
    fault_vfs_register();
#define AT_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        AT_A_PLACE(writes_fail_once),
        AT_A_PLACE(the_disk_is_full_for_a_while),
        AT_A_PLACE(syncs_fail),
        AT_A_PLACE(truncating_fails),
        AT_A_PLACE(a_full_disk_is_said_and_survived),
        AT_A_PLACE(a_failed_sync_is_uncertain),
        AT_A_PLACE(a_group_shares_its_disk_error),
        AT_A_PLACE(the_power_goes),
        AT_A_PLACE(the_power_goes_after_a_failed_sync),
#ifdef REEVE_FAILPOINTS
        AT_A_PLACE(dying_at_named_points),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
