/* bench_store [BINDINGS] [FOLDER]: how the store behaves with many bindings. Loads them, closes, then measures what every
 * start and every minute costs: opening, streaming all of them, pulling what is due; and commits with and without company.
 * 64 bytes read from memory per row would be the limit of streaming; a plain table scan by SQLite is measured beside it. */
#include <openssl/sha.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "port/store_access.h"
#include "port/store_audit.h"
#include "port/store_binding.h"

static void sha256(struct rv_bytes data, struct rv_hash *ret)
{
    SHA256(data.ptr, data.len, ret->b);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum rv_status status, const struct rv_error *err)
{
    char text[1024];
    if (status == RV_OK)
        return;
    fprintf(stderr, "bench_store: %s\n", rv_error_text(err, text, sizeof text));
    exit(1);
}

static struct rv_store *open_store(const char *path)
{
    struct rv_store_options options = {.path = path, .digest = sha256};
    struct rv_store *store;
    struct rv_error err;
    must(rv_store_open(&options, &store, &err), &err);
    return store;
}

static struct rv_hash hash_of(int64_t n)
{
    struct rv_hash h;
    sha256(RV_BYTES(&n, sizeof n), &h);
    return h;
}

/* As a converged binding looks: issued, deployed, proved, and due some time within the next day. */
enum { BATCH = 5000, DAY = 86400 };
struct range {
    int64_t from, to;
};
static enum rv_status load(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    const struct range *range = arg;
    const rv_time now = RV_DAY(20000);
    for (int64_t i = range->from; i < range->to; i++) {
        struct rv_binding_row row = {.due_at = now + RV_SEC(i * 7919 % DAY)};
        struct rv_wanted wanted = {.mode = RV_MODE_MANAGE,
                                   .deploys = true,
                                   .spec = hash_of(i / 4),
                                   .renew = {.percent = 33},
                                   .soak = RV_MIN(10),
                                   .ordinal = (int)(i % 4),
                                   .endpoints = 1,
                                   .undo_auto = true};
        char certificate[32], target[32];
        bool changed;
        snprintf(certificate, sizeof certificate, "certificate-%07lld", (long long)i / 4);
        snprintf(target, sizeof target, "target-%05lld", (long long)(i * 31 % 50000));
        enum rv_status status = rv_binding_want(tx, certificate, target, &wanted, now, &row.facts.id, &changed, err);
        row.facts.issued.have = true;
        row.facts.issued.spec = wanted.spec;
        row.facts.issued.fingerprint = row.facts.target.current = row.facts.proved = hash_of(-i - 1);
        row.facts.target.previous = hash_of(-i - 2);
        row.facts.issued.certificate_id = i + 1;
        row.facts.issued.not_before = row.facts.issued.issued_at = row.facts.switched_at = now - RV_DAY(10);
        row.facts.issued.not_after = now + RV_DAY(80);
        row.facts.target.observed_at = row.facts.served.observed_at = row.facts.proved_at = row.facts.kept_at = now;
        row.facts.target.staged = true;
        row.facts.served.good = 1;
        row.facts.served.earliest_not_after = row.facts.issued.not_after;
        if (status == RV_OK)
            status = rv_binding_save(tx, &row, err);
        if (status != RV_OK)
            return status;
    }
    return RV_OK;
}

struct sum {
    int64_t rows, check;
    rv_time next;
};
static bool add(void *arg, const struct rv_binding_row *row)
{
    struct sum *s = arg;
    s->rows++;
    s->check += row->facts.issued.not_after & 1;
    return true;
}
static enum rv_status stream(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_binding_each(tx, 0, 0, add, arg, err);
}
static enum rv_status due(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_binding_each_due(tx, RV_DAY(20000) + RV_HOUR(1), 256, add, arg, &((struct sum *)arg)->next, err);
}

/* The same bytes, read by SQLite alone. */
static double plain_scan(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT sum(length(target_previous)+fault_at) FROM binding", -1, &statement, NULL) !=
            SQLITE_OK)
        exit(1);
    double start = seconds();
    sqlite3_step(statement);
    double took = seconds() - start;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return took;
}

enum { THREADS = 32, COMMITS = 100 };
static enum rv_status one_row(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    (void)arg;
    struct rv_audit_event event = {"bench", "bench.wrote", "one row", "{\"text\":\"about as long as most of them are\"}"};
    return rv_audit_append(tx, &event, 1, err);
}
static void *commit_many(void *arg)
{
    struct rv_error err;
    for (int i = 0; i < COMMITS; i++)
        must(rv_store_write_now(arg, one_row, NULL, &err), &err);
    return NULL;
}

static void commits(struct rv_store *store)
{
    pthread_t threads[THREADS];
    double start = seconds();
    commit_many(store);
    printf("commits, one writer      %8.0f /s\n", COMMITS / (seconds() - start));
    start = seconds();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, commit_many, store) != 0)
            exit(1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("commits, %d writers      %8.0f /s (in groups)\n", THREADS, THREADS * COMMITS / (seconds() - start));
}

/* What is resident now. */
static long memory_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    int64_t count = 100000;
    struct rv_error err;
    char folder[128], path[160], name[176];
    if (argc > 1)
        must(rv_int_parse(argv[1], 1, 10000000, &count, &err), &err);
    snprintf(folder, sizeof folder, "%s/bench-store-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/reeve.db", folder);

    struct rv_store *store = open_store(path);
    double start = seconds();
    for (int64_t i = 0; i < count; i += BATCH) {
        struct range range = {i, i + BATCH < count ? i + BATCH : count};
        must(rv_store_write_now(store, load, &range, &err), &err);
    }
    double took = seconds() - start;
    rv_store_close(store);
    struct stat st;
    if (stat(path, &st) != 0)
        return 1;
    printf("bindings                 %8lld\n", (long long)count);
    printf("load                     %8.2f s  (%.0f /s)\n", took, (double)count / took);
    printf("file                     %8.1f MB (%.0f bytes each)\n", (double)st.st_size / 1e6,
           (double)st.st_size / (double)count);

    long before = memory_kb();
    start = seconds();
    store = open_store(path);
    printf("open                     %8.2f ms\n", 1e3 * (seconds() - start));
    struct sum sum = {0};
    start = seconds();
    must(rv_store_read_now(store, due, &sum, &err), &err);
    printf("pull what is due, first  %8.2f ms (%lld rows)\n", 1e3 * (seconds() - start), (long long)sum.rows);
    start = seconds();
    must(rv_store_read_now(store, due, &sum, &err), &err);
    printf("pull what is due, again  %8.2f ms\n", 1e3 * (seconds() - start));
    sum = (struct sum){0};
    double cpu = cpu_seconds();
    start = seconds();
    must(rv_store_read_now(store, stream, &sum, &err), &err);
    took = seconds() - start;
    cpu = cpu_seconds() - cpu;
    double plain = plain_scan(path);
    printf("stream all               %8.2f s  (%.2f s of CPU, %.0f /s; SQLite's own scan %.2f s)\n", took, cpu,
           (double)sum.rows / took, plain);
    printf("memory taken by that     %8ld KB\n", memory_kb() - before);
    commits(store);
    rv_store_close(store);
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < RV_COUNT(suffixes); i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
    rmdir(folder);
    return sum.rows == count ? 0 : 1;
}
