/* signer/journal: what was appended is known after the next start; a torn end is cut; anything else is refused. */
#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/clock.h"
#include "port/files.h"
#include "signer/journal.h"

static char folder[256], path[300];

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reeve-journal-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct rv_journal_entry entry_of(unsigned n)
{
    struct rv_journal_entry e = {.at = 1795442400000 + n, .issuer = {1, 2, 3}};
    e.serial[0] = 1;
    for (int i = 0; i < 4; i++)
        e.serial[13 + i] = e.tbs.b[i] = (uint8_t)(n >> (8 * i));
    return e;
}

static struct rv_journal *open_ok(void)
{
    struct rv_journal *j = NULL;
    struct rv_error err = {0};
    if (rv_journal_open(&rv_files_system, path, true, &j, &err) != RV_OK)
        fail_msg("%s", err.message);
    return j;
}

static void fill(unsigned count)
{
    assert_int_equal(rv_journal_make(&rv_files_system, path, NULL), RV_OK);
    struct rv_journal *j = open_ok();
    for (unsigned n = 0; n < count; n += 10) {
        struct rv_journal_entry batch[10];
        unsigned more = count - n < 10 ? count - n : 10;
        for (unsigned i = 0; i < more; i++)
            batch[i] = entry_of(n + i);
        assert_int_equal(rv_journal_append(j, batch, more, NULL), RV_OK);
    }
    rv_journal_close(j);
}

static long file_size(void)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static void entries_are_known_after_a_restart(void **state)
{
    (void)state;
    fill(10005); /* more than the first index, more than the part that is checked at every start */
    struct rv_journal *j = NULL;
    assert_int_equal(rv_journal_open(&rv_files_system, path, false, &j, NULL), RV_OK);
    assert_int_equal(rv_journal_count(j), 10005);
    for (unsigned n = 0; n < 10005; n++) {
        struct rv_journal_entry e = entry_of(n);
        const struct rv_hash *known = rv_journal_find(j, e.issuer, e.serial);
        assert_non_null(known);
        assert_true(rv_hash_equal(known, &e.tbs));
        e.issuer[0] ^= 1; /* the same serial of another CA */
        assert_null(rv_journal_find(j, e.issuer, e.serial));
    }
    struct rv_journal_entry other = entry_of(10005);
    assert_null(rv_journal_find(j, other.issuer, other.serial));
    rv_journal_close(j);
}

static void there_is_only_one(void **state)
{
    (void)state;
    fill(1);
    assert_int_equal(rv_journal_make(&rv_files_system, path, NULL), RV_CONFLICT);
}

static void every_torn_end_is_cut(void **state)
{
    (void)state;
    fill(3);
    long whole = file_size();
    struct rv_buf content = {0};
    assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 20, &content, NULL), RV_OK);
    for (long cut = 1; cut <= 2 * RV_JOURNAL_RECORD; cut += 7) {
        long left = whole - cut;
        assert_int_equal(rv_files_system.ops->replace(NULL, path, RV_BYTES(content.data, (size_t)left), 0600, NULL), RV_OK);
        struct rv_journal *j = open_ok();
        assert_int_equal(rv_journal_count(j), left / RV_JOURNAL_RECORD - 1);
        assert_int_equal(rv_journal_cut(j), left % RV_JOURNAL_RECORD);
        assert_int_equal(file_size() % RV_JOURNAL_RECORD, 0);
        struct rv_journal_entry more = entry_of(99); /* and it goes on from there */
        assert_int_equal(rv_journal_append(j, &more, 1, NULL), RV_OK);
        rv_journal_close(j);
        rv_journal_close(open_ok());
    }
    /* A file system that set the length before the content: zeros. */
    memset(content.data + whole - RV_JOURNAL_RECORD - 50, 0, RV_JOURNAL_RECORD + 50);
    assert_int_equal(rv_files_system.ops->replace(NULL, path, rv_buf_bytes(&content), 0600, NULL), RV_OK);
    struct rv_journal *j = open_ok();
    assert_int_equal(rv_journal_count(j), 1);
    rv_journal_close(j);
    rv_buf_fini(&content);
}

static void every_changed_octet_is_found(void **state)
{
    (void)state;
    fill(3);
    struct rv_buf content = {0};
    assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 20, &content, NULL), RV_OK);
    for (size_t at = 0; at < content.len; at += 5) {
        content.data[at] ^= 0x40;
        assert_int_equal(rv_files_system.ops->replace(NULL, path, rv_buf_bytes(&content), 0600, NULL), RV_OK);
        struct rv_journal *j = NULL;
        struct rv_error err;
        assert_int_equal(rv_journal_open(&rv_files_system, path, true, &j, &err), RV_CONFLICT);
        content.data[at] ^= 0x40;
    }
    rv_buf_fini(&content);
}

/* ---- a disk that fails ---- */

static enum rv_status failing_append(void *ctx, const char *file, struct rv_bytes content, struct rv_error *err)
{
    (void)ctx, (void)file, (void)content;
    return rv_fail(err, RV_LIMITED, "no space left on device");
}

static void nothing_is_known_that_was_not_written(void **state)
{
    (void)state;
    fill(1);
    struct rv_files_ops ops = *rv_files_system.ops;
    ops.append = failing_append;
    struct rv_files files = {&ops, NULL};
    struct rv_journal *j = NULL;
    assert_int_equal(rv_journal_open(&files, path, true, &j, NULL), RV_OK);
    struct rv_journal_entry e = entry_of(7);
    struct rv_error err;
    assert_int_equal(rv_journal_append(j, &e, 1, &err), RV_UNAVAILABLE);
    assert_int_equal(err.status, RV_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no space left"));
    assert_null(rv_journal_find(j, e.issuer, e.serial));
    assert_true(rv_journal_broken(j));
    rv_journal_close(j);
}

/* A million entries: loading is a read, a copy and an index. Counted, not timed. */
static void a_long_journal_opens(void **state)
{
    (void)state;
    if (getenv("REEVE_TEST_LONG") == NULL)
        skip();
    assert_int_equal(rv_journal_make(&rv_files_system, path, NULL), RV_OK);
    struct rv_journal *j = open_ok();
    enum { BATCH = 50000 };
    struct rv_journal_entry *batch = rv_calloc(BATCH, sizeof *batch);
    for (unsigned n = 0; n < 1000000; n += BATCH) {
        for (unsigned i = 0; i < BATCH; i++)
            batch[i] = entry_of(n + i);
        assert_int_equal(rv_journal_append(j, batch, BATCH, NULL), RV_OK);
    }
    rv_journal_close(j);
    int64_t start = rv_mono(&rv_clock_system);
    assert_int_equal(rv_journal_open(&rv_files_system, path, false, &j, NULL), RV_OK);
    print_message("1,000,000 entries opened in %lld ms\n", (long long)(rv_mono(&rv_clock_system) - start));
    assert_int_equal(rv_journal_count(j), 1000000);
    rv_journal_close(j);
    rv_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_known_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_only_one, setup, teardown),
        cmocka_unit_test_setup_teardown(every_torn_end_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(every_changed_octet_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_known_that_was_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_journal_opens, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
