/* What transactions promise: groups, rollback, order, snapshots, the audit chain, opening twice. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "store_contract.h"

static enum rv_status append(struct rv_tx *tx, const char *subject, const char *detail, struct rv_error *err)
{
    struct rv_audit_event event = {"engine", "test.happened", subject, detail};
    return rv_audit_append(tx, &event, 1000, err);
}

static bool has(struct rv_tx *tx, const char *name)
{
    char *value = NULL;
    bool there = rv_meta_get(tx, name, &value, NULL) == RV_OK;
    rv_free(value);
    return there;
}

static enum rv_status audit_holds(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    int64_t count = -1, bad = -1;
    struct rv_hash head;
    EXPECT_OK(rv_audit_verify(tx, &count, &bad, &head, err));
    EXPECT(count == *(const int64_t *)arg && bad == 0);
    return RV_OK;
}

/* One asynchronous write, and what became of it. */
struct write {
    const char *name;
    bool fail;
    int *done; /* counts; also the order */
    int order;
    enum rv_status status;
    char message[64];
};
static struct write a_write(const char *name, bool fail, int *done)
{
    return (struct write){.name = name, .fail = fail, .done = done, .status = RV_STATUS_COUNT};
}
static enum rv_status write_one(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct write *w = arg;
    EXPECT_OK(rv_meta_set(tx, w->name, "x", err));
    EXPECT_OK(append(tx, w->name, NULL, err));
    return w->fail ? rv_fail(err, RV_INVALID, "on purpose") : RV_OK;
}
static void write_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct write *w = arg;
    w->status = status;
    w->order = ++*w->done;
    snprintf(w->message, sizeof w->message, "%s", err->message);
}

/* Holds the writer, so that what is given meanwhile becomes one group. */
static enum rv_status hold(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)tx;
    (void)err;
    while (sem_wait(arg) != 0)
        ;
    return RV_OK;
}

static enum rv_status only_good_ones_are_there(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    EXPECT(has(tx, "a") && !has(tx, "b") && has(tx, "c") && !has(tx, "d"));
    return RV_OK;
}

static void a_failed_function_is_rolled_back_alone(struct store_fixture *f)
{
    sem_t gate;
    sem_init(&gate, 0, f->backend->inline_work ? 1 : 0);
    int done = 0;
    struct write writes[] = {a_write("a", false, &done), a_write("b", true, &done), a_write("c", false, &done),
                             a_write("d", true, &done)};
    rv_store_write(f->store, hold, NULL, &gate);
    for (size_t i = 0; i < RV_COUNT(writes); i++) {
        rv_store_write(f->store, write_one, write_done, &writes[i]);
        assert_int_equal(done, 0); /* never inside the call */
    }
    sem_post(&gate);
    test_loop_until(f->loop, &done, 4);
    for (size_t i = 0; i < RV_COUNT(writes); i++) {
        assert_int_equal(writes[i].status, writes[i].fail ? RV_INVALID : RV_OK);
        assert_int_equal(writes[i].order, i + 1);
        assert_string_equal(writes[i].message, writes[i].fail ? "on purpose" : "");
    }
    store_read(f, only_good_ones_are_there, NULL);
    store_read(f, audit_holds, &(int64_t){2}); /* and its numbers have no gap */
    sem_destroy(&gate);
}

static void writes_given_before_closing_are_kept(struct store_fixture *f)
{
    enum { MANY = 600 };
    static struct write writes[MANY];
    static char names[MANY][8];
    int done = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "w%d", i);
        writes[i] = a_write(names[i], false, &done);
        rv_store_write(f->store, write_one, write_done, &writes[i]);
    }
    store_fixture_close(f);
    assert_int_equal(done, MANY);
    for (int i = 0; i < MANY; i++)
        assert_true(writes[i].status == RV_OK && writes[i].order == i + 1);
    store_fixture_open(f);
    store_read(f, audit_holds, &(int64_t){f->backend->durable ? MANY : 0});
}

static enum rv_status count_up(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    char *text = NULL, next[24];
    int64_t n = 0;
    if (rv_meta_get(tx, "n", &text, NULL) == RV_OK)
        n = strtoll(text, NULL, 10);
    rv_free(text);
    snprintf(next, sizeof next, "%lld", (long long)n + 1);
    EXPECT_OK(rv_meta_set(tx, "n", next, err));
    EXPECT_OK(append(tx, next, "{}", err));
    return RV_OK;
}

enum { WRITERS = 4, EACH = 50 };
static void *count_many(void *arg)
{
    for (int i = 0; i < EACH; i++)
        if (rv_store_write_now(arg, count_up, NULL, NULL) != RV_OK)
            return arg;
    return NULL;
}

static enum rv_status counted(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    char *text = NULL, wanted[24];
    snprintf(wanted, sizeof wanted, "%d", WRITERS * EACH);
    EXPECT_OK(rv_meta_get(tx, "n", &text, err));
    bool same = strcmp(text, wanted) == 0;
    rv_free(text);
    EXPECT(same);
    return RV_OK;
}

static void writers_do_not_lose_each_others_work(struct store_fixture *f)
{
    pthread_t threads[WRITERS];
    int64_t total = WRITERS * EACH;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, f->store), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    store_read(f, counted, NULL);
    store_read(f, audit_holds, &total);
}

static enum rv_status set_and_read(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    return rv_meta_set(tx, "written", "by a reader", err);
}
static enum rv_status nothing_written(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    EXPECT(!has(tx, "written"));
    return RV_OK;
}

static void reading_cannot_write(struct store_fixture *f)
{
    struct rv_error err;
    assert_int_equal(rv_store_read_now(f->store, set_and_read, NULL, &err), RV_INTERNAL);
    assert_non_null(strstr(err.message, "tried to write"));
    store_read(f, nothing_written, NULL);
}

static enum rv_status read_one(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct write *w = arg;
    return has(tx, w->name) ? RV_OK : rv_fail(err, RV_NOT_FOUND, "not there");
}

static void reads_answer_on_the_loop(struct store_fixture *f)
{
    int done = 0;
    struct write there = a_write("there", false, &done), absent = a_write("absent", false, &done);
    store_write(f, write_one, &there);
    rv_store_read(f->store, read_one, write_done, &there);
    rv_store_read(f->store, read_one, write_done, &absent);
    assert_int_equal(done, 0);
    test_loop_until(f->loop, &done, 2);
    assert_int_equal(there.status, RV_OK);
    assert_int_equal(absent.status, RV_NOT_FOUND);
    assert_string_equal(absent.message, "not there");
}

/* Many at once, more than there are connections, while writes go on. */
static void readers_and_writers_mix(struct store_fixture *f)
{
    enum { MANY = 40 };
    static struct write writes[MANY], reads[MANY];
    int done = 0;
    for (int i = 0; i < MANY; i++) {
        writes[i] = a_write("same", false, &done);
        reads[i] = a_write("same", false, &done);
        rv_store_write(f->store, write_one, write_done, &writes[i]);
        rv_store_read(f->store, read_one, write_done, &reads[i]);
    }
    test_loop_until(f->loop, &done, 2 * MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(writes[i].status, RV_OK);
        assert_true(reads[i].status == RV_OK || reads[i].status == RV_NOT_FOUND);
    }
}

struct told {
    int count;
    int64_t newest;
};
static void tell(void *arg, int64_t newest)
{
    struct told *t = arg;
    t->count++;
    t->newest = newest;
}
static void the_listener_hears_of_audit_rows(struct store_fixture *f)
{
    struct told told = {0};
    int done = 0;
    struct write good = a_write("a", false, &done), bad = a_write("b", true, &done);
    rv_audit_listen(f->store, tell, &told);
    assert_int_equal(rv_store_write_now(f->store, write_one, &bad, NULL), RV_INVALID);
    test_loop_drain(f->loop);
    assert_int_equal(told.count, 0);
    store_write(f, write_one, &good);
    test_loop_until(f->loop, &told.count, 1);
    assert_int_equal(told.newest, 1);
    store_write(f, write_one, &good);
    store_write(f, write_one, &good);
    while (told.newest < 3)
        test_loop_until(f->loop, &told.count, told.count + 1);
    store_write(f, write_one, &good);
    rv_audit_listen(f->store, NULL, NULL);
    test_loop_drain(f->loop);
    assert_int_equal(told.newest, 3); /* no longer told */
}

/* Ten rows, one of them without detail and one with an empty one. */
static enum rv_status ten_rows(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    for (int i = 1; i <= 10; i++) {
        char subject[24];
        snprintf(subject, sizeof subject, "subject %d", i);
        EXPECT_OK(append(tx, subject, i == 2 ? NULL : i == 3 ? "" : "{\"a\":1}", err));
    }
    return RV_OK;
}

struct page {
    int count;
    int64_t first, last;
    bool sound;
};
static bool keep_row(void *arg, const struct rv_audit_row *row)
{
    struct page *p = arg;
    if (p->count++ == 0)
        p->first = row->number;
    p->last = row->number;
    p->sound = strcmp(row->actor, "engine") == 0 && strcmp(row->action, "test.happened") == 0 && row->at == 1000 &&
               !rv_hash_is_zero(&row->hash) && (row->detail == NULL) == (row->number == 2);
    return p->sound;
}
static enum rv_status audit_is_paged(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    EXPECT_OK(ten_rows(tx, arg, err));
    struct page all = {0}, page = {0}, none = {0};
    EXPECT_OK(rv_audit_each(tx, 0, 0, keep_row, &all, err));
    EXPECT(all.count == 10 && all.first == 1 && all.last == 10 && all.sound);
    EXPECT_OK(rv_audit_each(tx, 4, 3, keep_row, &page, err));
    EXPECT(page.count == 3 && page.first == 5 && page.last == 7);
    EXPECT_OK(rv_audit_each(tx, 10, 3, keep_row, &none, err));
    struct page newest = {0}, before = {0};
    EXPECT_OK(rv_audit_each_back(tx, 0, 3, keep_row, &newest, err));
    EXPECT(newest.count == 3 && newest.first == 10 && newest.last == 8 && newest.sound);
    EXPECT_OK(rv_audit_each_back(tx, 3, 5, keep_row, &before, err));
    EXPECT(before.count == 2 && before.first == 2 && before.last == 1);
    EXPECT_OK(rv_audit_each_back(tx, 1, 5, keep_row, &none, err));
    EXPECT(none.count == 0);
    EXPECT_OK(audit_holds(tx, &(int64_t){10}, err));
    return RV_OK;
}

static enum rv_status first_bad(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    int64_t wanted = *(const int64_t *)arg, count = -1, bad = -1;
    struct rv_hash head;
    struct rv_error said;
    enum rv_status status = rv_audit_verify(tx, &count, &bad, &head, &said);
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)wanted);
    if (status != RV_CONFLICT || bad != wanted || count >= wanted)
        return rv_fail(err, RV_INTERNAL, "expected %s as first bad, got %s, bad %lld, count %lld", number,
                       rv_status_info(status)->name, (long long)bad, (long long)count);
    return RV_OK;
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
        assert_int_equal(fwrite(block, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void tampering_is_named(struct store_fixture *f)
{
    static const struct {
        int64_t first_bad;
        const char *sql;
    } cases[] = {
        {4, "UPDATE audit SET actor='eve' WHERE number=4"},
        {1, "UPDATE audit SET at=at+1 WHERE number=1"},
        {2, "UPDATE audit SET detail='' WHERE number=2"},
        {3, "UPDATE audit SET detail=NULL WHERE number=3"},
        {5, "UPDATE audit SET subject=subject||char(0)||'x' WHERE number=5"},
        {6, "UPDATE audit SET actor=actor||substr(action,1,1), action=substr(action,2) WHERE number=6"},
        {9, "UPDATE audit SET hash=zeroblob(32) WHERE number=9"},
        {3, "DELETE FROM audit WHERE number=3"},
        {1, "DELETE FROM audit WHERE number=1"},
        {3, "DELETE FROM audit WHERE number=3; UPDATE audit SET number=number-1 WHERE number>3"},
        {4, "UPDATE audit SET number=-number WHERE number>3; UPDATE audit SET number=1-number WHERE number<0;"
            "INSERT INTO audit SELECT 4, at, actor, action, 'forged', detail, hash FROM audit WHERE number=3"},
        {11, "INSERT INTO audit SELECT 11, at, actor, action, subject, detail, hash FROM audit WHERE number=10"},
        {6, "UPDATE audit SET number=-6 WHERE number=6; UPDATE audit SET number=6 WHERE number=7;"
            "UPDATE audit SET number=7 WHERE number=-6"},
        {8, "DELETE FROM audit WHERE number>7"},
        {1, "DELETE FROM audit"},
        {10, "UPDATE audit_head SET hash=zeroblob(32)"},
        {10, "UPDATE audit_head SET number=9"},
        {11, "UPDATE audit_head SET number=11"},
        {11, "DELETE FROM audit_head"},
    };
    char kept[128], sql[512];
    snprintf(kept, sizeof kept, "%s.kept", f->path);
    store_write(f, ten_rows, NULL);
    store_fixture_close(f);
    copy_file(f->path, kept);
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        copy_file(kept, f->path);
        snprintf(sql, sizeof sql, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; %s", cases[i].sql);
        assert_true(f->backend->tamper(f, sql));
        store_fixture_open(f);
        store_read(f, first_bad, (void *)&cases[i].first_bad);
        store_fixture_close(f);
    }
    /* Without taking the guards away it is refused. */
    static const char *const refused[] = {"UPDATE audit SET actor='eve' WHERE number=4", "DELETE FROM audit WHERE number=10",
                                          ("PRAGMA recursive_triggers=ON; REPLACE INTO audit SELECT number, at, 'eve', "
                                           "action, subject, detail, hash FROM audit")};
    copy_file(kept, f->path);
    for (size_t i = 0; i < RV_COUNT(refused); i++)
        assert_false(f->backend->tamper(f, refused[i]));
    store_fixture_open(f);
    store_read(f, audit_holds, &(int64_t){10});
    unlink(kept);
}

static enum rv_status add_ten_more(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    EXPECT_OK(ten_rows(tx, arg, err));
    EXPECT_OK(rv_meta_set(tx, "kept", "yes", err));
    return RV_OK;
}
static enum rv_status still_there(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    EXPECT(has(tx, "kept"));
    return audit_holds(tx, arg, err);
}

static void closing_keeps_everything(struct store_fixture *f)
{
    for (int64_t i = 1; i <= 3; i++) {
        store_write(f, add_ten_more, NULL);
        store_fixture_close(f);
        store_fixture_open(f);
        store_read(f, still_there, &(int64_t){10 * i});
    }
}

static void one_process_holds_it(struct store_fixture *f)
{
    struct rv_store_options options = {.path = f->path};
    struct rv_store *second = NULL;
    struct rv_error err;
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_int_equal(rv_store_open(&options, &second, &err), RV_CONFLICT);
    assert_non_null(strstr(err.message, pid));
    assert_string_equal(err.where, f->path);
    assert_true(err.hint[0] != '\0');
    store_write(f, add_ten_more, NULL); /* the first goes on */
    /* A tool may look, and only look. */
    options.read_only = true;
    assert_int_equal(rv_store_open(&options, &second, &err), RV_OK);
    assert_int_equal(rv_store_write_now(second, set_and_read, NULL, &err), RV_DENIED);
    assert_int_equal(rv_store_read_now(second, read_one, &(struct write){.name = "kept"}, &err), RV_OK);
    rv_store_close(second);
    store_read(f, still_there, &(int64_t){10});
}

const struct store_spec store_transaction_specs[] = {
    {"a failed function is rolled back alone", .outside = a_failed_function_is_rolled_back_alone},
    {"writes given before closing are kept", .outside = writes_given_before_closing_are_kept},
    {"writers do not lose each other's work", .outside = writers_do_not_lose_each_others_work},
    {"reading cannot write", .outside = reading_cannot_write},
    {"reads answer on the loop", .outside = reads_answer_on_the_loop},
    {"readers and writers mix", .outside = readers_and_writers_mix},
    {"the listener hears of audit rows", .outside = the_listener_hears_of_audit_rows},
    {"the audit is paged", .inside = audit_is_paged},
    {"tampering is named", .outside = tampering_is_named, .durable = true},
    {"closing keeps everything", .outside = closing_keeps_everything, .durable = true},
    {"one process holds it", .outside = one_process_holds_it, .durable = true},
    {.name = NULL},
};
