/* Every backend of the store through the same contract. */
#include <openssl/sha.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_contract.h"

static void sha256(struct rv_bytes data, struct rv_hash *ret)
{
    SHA256(data.ptr, data.len, ret->b);
}

static bool tamper_sqlite(struct store_fixture *f, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return rc == SQLITE_OK;
}

static const struct store_backend backends[] = {
    {.name = "sqlite file", .durable = true, .tamper = tamper_sqlite},
    {.name = "sqlite file, inline", .durable = true, .inline_work = true, .tamper = tamper_sqlite},
    {.name = "sqlite memory"},
    {.name = "sqlite memory, inline", .inline_work = true},
};

void store_fixture_open(struct store_fixture *f)
{
    struct rv_store_options options = {.path = f->path,
                                       .loop = test_loop_port(f->loop),
                                       .work = test_loop_work(f->loop),
                                       .digest = sha256,
                                       .inline_work = f->backend->inline_work};
    struct rv_error err;
    char text[1024];
    if (rv_store_open(&options, &f->store, &err) != RV_OK)
        fail_msg("%s", rv_error_text(&err, text, sizeof text));
}

void store_fixture_close(struct store_fixture *f)
{
    rv_store_close(f->store);
    f->store = NULL;
    test_loop_drain(f->loop);
}

static void good(enum rv_status status, const struct rv_error *err)
{
    char text[1024];
    if (status != RV_OK)
        fail_msg("%s: %s", rv_status_info(status)->name, rv_error_text(err, text, sizeof text));
}

void store_write(struct store_fixture *f, rv_tx_fn fn, void *arg)
{
    struct rv_error err = {0};
    enum rv_status status = rv_store_write_now(f->store, fn, arg, &err);
    good(status, &err);
}

void store_read(struct store_fixture *f, rv_tx_fn fn, void *arg)
{
    struct rv_error err = {0};
    enum rv_status status = rv_store_read_now(f->store, fn, arg, &err);
    good(status, &err);
}

struct run {
    const struct store_backend *backend;
    const struct store_spec *spec;
};

static void run(void **state)
{
    const struct run *r = *state;
    struct store_fixture f = {.backend = r->backend, .loop = test_loop_create()};
    if (r->backend->durable) {
        const char *base = getenv("TMPDIR");
        snprintf(f.folder, sizeof f.folder, "%s/reeve-store-XXXXXX", base != NULL && strlen(base) < 32 ? base : "/tmp");
        assert_non_null(mkdtemp(f.folder));
        snprintf(f.path, sizeof f.path, "%s/reeve.db", f.folder);
    } else {
        snprintf(f.path, sizeof f.path, ":memory:");
    }
    store_fixture_open(&f);
    if (r->spec->inside != NULL)
        store_write(&f, r->spec->inside, NULL);
    else
        r->spec->outside(&f);
    store_fixture_close(&f);
    test_loop_destroy(f.loop);
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < RV_COUNT(suffixes) && f.folder[0] != '\0'; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", f.path, suffixes[i]);
        unlink(name);
    }
    if (f.folder[0] != '\0')
        rmdir(f.folder);
}

int main(void)
{
    static const struct store_spec *const tables[] = {store_fact_specs, store_record_specs, store_transaction_specs};
    enum { MOST = 256 };
    static struct CMUnitTest tests[MOST];
    static struct run runs[MOST];
    static char names[MOST][128];
    size_t count = 0;
    for (size_t b = 0; b < RV_COUNT(backends); b++)
        for (size_t t = 0; t < RV_COUNT(tables); t++)
            for (const struct store_spec *spec = tables[t]; spec->name != NULL && count < MOST; spec++) {
                if (spec->durable && !backends[b].durable)
                    continue;
                runs[count] = (struct run){&backends[b], spec};
                snprintf(names[count], sizeof names[count], "%s: %s", backends[b].name, spec->name);
                tests[count] = (struct CMUnitTest){names[count], run, NULL, NULL, &runs[count]};
                count++;
            }
    return _cmocka_run_group_tests("store", tests, count, NULL, NULL);
}
