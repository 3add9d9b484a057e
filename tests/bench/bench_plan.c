/* bench_plan [BINDINGS]: what it costs to plan. First bindings in memory, against reading them once (the limit); then a
 * pass over as many converged bindings in a store, against streaming them; then what a steady minute costs the engine's
 * queue. Prints lines `work|figure|against`. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "core/plan.h"
#include "pki/digest.h"
#include "port/store_binding.h"

#define NOW RV_DAY(20000)

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void must(enum rv_status status, const struct rv_error *err)
{
    char text[1024];
    if (status == RV_OK)
        return;
    fprintf(stderr, "bench_plan: %s\n", rv_error_text(err, text, sizeof text));
    exit(1);
}

static struct rv_hash hash_of(int64_t n)
{
    struct rv_hash h;
    rv_sha256(RV_BYTES(&n, sizeof n), &h);
    return h;
}

/* Converged: issued, deployed, proved; nothing is due but looks, some time within the next hours. */
static struct rv_binding converged(int64_t i)
{
    struct rv_binding b = {
        .id = i + 1,
        .wanted = {.mode = RV_MODE_MANAGE,
                   .deploys = true,
                   .spec = hash_of(i / 4),
                   .renew = {.percent = 33},
                   .soak = RV_MIN(10),
                   .ordinal = (int)(i % 4),
                   .max_failed = 1,
                   .undo_auto = true,
                   .endpoints = 1},
        .switched_at = NOW - RV_DAY(10),
        .proved_at = NOW - RV_HOUR(1),
        .kept_at = NOW - RV_DAY(10),
        .settle_probes = 9,
    };
    b.issued = (struct rv_issued){.have = true,
                                  .fingerprint = hash_of(-i - 1),
                                  .spec = b.wanted.spec,
                                  .certificate_id = i + 1,
                                  .not_before = NOW - RV_DAY(10),
                                  .not_after = NOW + RV_DAY(80),
                                  .issued_at = NOW - RV_DAY(10)};
    b.target.observed_at = NOW - RV_HOUR(1);
    b.target.current = b.proved = b.issued.fingerprint;
    b.target.staged = true;
    b.served =
        (struct rv_served_view){.observed_at = NOW - RV_SEC(i % 18000), .good = 1, .earliest_not_after = b.issued.not_after};
    return b;
}

static void in_memory(int64_t count)
{
    int64_t n = count < 100000 ? count : 100000;
    struct rv_binding *all = rv_calloc((size_t)n, sizeof *all);
    uint64_t sum = 0;
    int64_t waits = 0;
    for (int64_t i = 0; i < n; i++)
        all[i] = converged(i);
    double start = seconds();
    for (int64_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof *all / sizeof sum; k++)
            sum += ((const uint64_t *)(const void *)&all[i])[k];
    double read = seconds() - start;
    start = seconds();
    for (int64_t i = 0; i < n; i++)
        waits += rv_plan_next(&rv_policy_default, &all[i], NULL, NOW).verdict == RV_WAIT;
    double plan = seconds() - start;
    if (waits != n || sum == 0) {
        fprintf(stderr, "bench_plan: %lld of %lld are converged\n", (long long)waits, (long long)n);
        exit(1);
    }
    printf("plan %lld bindings in memory|%.0f ns each, %zu bytes each|reading them: %.0f ns\n", (long long)n,
           plan / (double)n * 1e9, sizeof *all, read / (double)n * 1e9);
    rv_free(all);
}

struct range {
    int64_t from, to;
};

static enum rv_status load(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    const struct range *range = arg;
    for (int64_t i = range->from; i < range->to; i++) {
        struct rv_binding_row row = {.facts = converged(i)};
        char certificate[32], target[32];
        bool changed;
        snprintf(certificate, sizeof certificate, "certificate-%07lld", (long long)i / 4);
        snprintf(target, sizeof target, "target-%07lld", (long long)i);
        enum rv_status status =
            rv_binding_want(tx, certificate, target, &row.facts.wanted, NOW, &row.facts.id, &changed, err);
        row.due_at = rv_plan_next(&rv_policy_default, &row.facts, NULL, NOW).not_before;
        if (status == RV_OK)
            status = rv_binding_save(tx, &row, err);
        if (status != RV_OK)
            return status;
    }
    return RV_OK;
}

struct pass {
    bool plan;
    int64_t rows, waits;
    rv_time next;
};

static bool each(void *arg, const struct rv_binding_row *row)
{
    struct pass *p = arg;
    p->rows++;
    if (p->plan)
        p->waits += rv_plan_next(&rv_policy_default, &row->facts, NULL, NOW).verdict == RV_WAIT;
    return true;
}

static enum rv_status stream(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_binding_each(tx, 0, 0, each, arg, err);
}

static enum rv_status minute(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct pass *p = arg;
    return rv_binding_each_due(tx, NOW, 512, each, p, &p->next, err);
}

static double timed(struct rv_store *store, rv_tx_fn fn, struct pass *p)
{
    struct rv_error err;
    double start = seconds();
    must(rv_store_read_now(store, fn, p, &err), &err);
    return seconds() - start;
}

static void in_store(int64_t count)
{
    char folder[128], path[160];
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/bench-plan-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL)
        exit(1);
    snprintf(path, sizeof path, "%s/reeve.db", folder);
    struct rv_store_options options = {.path = path, .digest = rv_sha256};
    struct rv_store *store;
    struct rv_error err;
    must(rv_store_open(&options, &store, &err), &err);
    for (int64_t i = 0; i < count; i += 5000) {
        struct range range = {i, i + 5000 < count ? i + 5000 : count};
        must(rv_store_write_now(store, load, &range, &err), &err);
    }
    rv_store_close(store);
    must(rv_store_open(&options, &store, &err), &err);
    long before = peak_kb();
    struct pass plain = {0}, full = {.plan = true}, due = {.plan = true};
    double streamed = timed(store, stream, &plain), planned = timed(store, stream, &full);
    long grown = peak_kb() - before;
    double queue = timed(store, minute, &due);
    if (full.waits != count) {
        fprintf(stderr, "bench_plan: %lld of %lld are converged\n", (long long)full.waits, (long long)count);
        exit(1);
    }
    printf("plan a full pass over %lld stored, converged|%.2f s, %.2f us each|streaming them alone: %.2f s\n",
           (long long)count, planned, planned / (double)count * 1e6, streamed);
    printf("memory that this pass took|%ld kB, %.2f bytes each|\n", grown, (double)grown * 1024 / (double)count);
    printf("ask the queue when nothing is due|%.0f us|however many are stored\n", queue * 1e6);
    rv_store_close(store);
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < RV_COUNT(endings); i++) {
        char name[176];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    int64_t count = 100000;
    struct rv_error err;
    if (argc > 1)
        must(rv_int_parse(argv[1], 1, 10000000, &count, &err), &err);
    in_memory(count);
    in_store(count);
    return 0;
}
