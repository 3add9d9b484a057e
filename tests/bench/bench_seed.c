/* bench_seed DATA COUNT: fills the data folder of a service that was started once and is down: COUNT issued certificates
 * with what the signer's journal knows of them, and a tenth as many converged bindings, none of them due soon. The
 * certificates are not real; they have the size of real ones. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "pki/digest.h"
#include "pki/random.h"
#include "port/clock.h"
#include "port/store_binding.h"
#include "port/store_certificate.h"
#include "signer/journal.h"

enum { BATCH = 5000, TBS = 400, DER = 480 };

struct seed {
    int64_t from, to;
    rv_time now;
    struct rv_journal *journal;
};

static void must(enum rv_status status, const struct rv_error *err)
{
    char text[1024];
    if (status == RV_OK)
        return;
    fprintf(stderr, "bench_seed: %s\n", rv_error_text(err, text, sizeof text));
    exit(1);
}

static enum rv_status certificate(struct rv_tx *tx, const struct seed *s, int64_t i, struct rv_journal_entry *entry,
                                  struct rv_hash *ret_fingerprint, int64_t *ret_id, struct rv_error *err)
{
    uint8_t serial[RV_JOURNAL_SERIAL], der[DER];
    char names[64];
    rv_random(serial, sizeof serial);
    serial[0] = 1;
    rv_random(der, 64);
    memset(der + 64, 0x30, sizeof der - 64);
    snprintf(names, sizeof names, "[\"dns:host-%lld.example.com\"]", (long long)i);
    struct rv_cert_row row = {.issuer = "internal",
                              .profile = "tls-server",
                              .actor = "engine",
                              .binding = i + 1,
                              .not_before = s->now - RV_DAY(10),
                              .not_after = s->now + RV_DAY(80),
                              .reserved_at = s->now - RV_DAY(10),
                              .names = names,
                              .tbs = RV_BYTES(der, TBS)};
    rv_hex(row.serial, serial, sizeof serial);
    snprintf(row.idempotency_key, sizeof row.idempotency_key, "bench-%lld", (long long)i);
    rv_sha256(RV_BYTES(der, DER), ret_fingerprint);
    row.spki = *ret_fingerprint;
    *entry = (struct rv_journal_entry){.at = s->now};
    memcpy(entry->serial, serial, sizeof serial);
    rv_sha256(row.tbs, &entry->tbs);
    enum rv_status status = rv_cert_reserve(tx, &row, ret_id, err);
    if (status == RV_OK)
        status = rv_cert_store(tx, *ret_id, RV_BYTES(der, DER), ret_fingerprint, row.reserved_at, err);
    return status;
}

static enum rv_status binding(struct rv_tx *tx, const struct seed *s, int64_t i, const struct rv_hash *fingerprint,
                              int64_t certificate_id, struct rv_error *err)
{
    struct rv_wanted wanted = {.mode = RV_MODE_MANAGE,
                               .deploys = true,
                               .renew = {.percent = 33},
                               .soak = RV_MIN(10),
                               .max_failed = 1,
                               .undo_auto = true,
                               .endpoints = 1};
    struct rv_binding_row row = {.due_at = s->now + RV_HOUR(1) + RV_SEC(i % 86400)};
    char name[32], target[32];
    bool changed;
    rv_sha256(RV_BYTES(&i, sizeof i), &wanted.spec);
    snprintf(name, sizeof name, "certificate-%07lld", (long long)i);
    snprintf(target, sizeof target, "target-%05lld", (long long)(i % 50000));
    enum rv_status status = rv_binding_want(tx, name, target, &wanted, s->now, &row.facts.id, &changed, err);
    row.facts.issued = (struct rv_issued){.have = true,
                                          .fingerprint = *fingerprint,
                                          .spec = wanted.spec,
                                          .certificate_id = certificate_id,
                                          .not_before = s->now - RV_DAY(10),
                                          .not_after = s->now + RV_DAY(80),
                                          .issued_at = s->now - RV_DAY(10)};
    row.facts.target.current = row.facts.proved = *fingerprint;
    row.facts.target.observed_at = row.facts.served.observed_at = row.facts.proved_at = s->now;
    row.facts.kept_at = row.facts.switched_at = s->now - RV_DAY(10);
    row.facts.target.staged = true;
    row.facts.served.good = 1;
    row.facts.served.earliest_not_after = row.facts.issued.not_after;
    return status == RV_OK ? rv_binding_save(tx, &row, err) : status;
}

static enum rv_status load(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct seed *s = arg;
    static struct rv_journal_entry entries[BATCH];
    enum rv_status status = RV_OK;
    for (int64_t i = s->from; i < s->to && status == RV_OK; i++) {
        struct rv_hash fingerprint;
        int64_t id = 0;
        status = certificate(tx, s, i, &entries[i - s->from], &fingerprint, &id, err);
        if (status == RV_OK && i % 10 == 0)
            status = binding(tx, s, i, &fingerprint, id, err);
    }
    return status == RV_OK ? rv_journal_append(s->journal, entries, (size_t)(s->to - s->from), err) : status;
}

int main(int argc, char **argv)
{
    int64_t count = 0;
    struct rv_error err;
    char path[4096];
    if (argc != 3) {
        fprintf(stderr, "usage: bench_seed DATA COUNT\n");
        return 64;
    }
    must(rv_int_parse(argv[2], 1, 10000000, &count, &err), &err);
    snprintf(path, sizeof path, "%s/reeve.db", argv[1]);
    struct rv_store_options options = {.path = path, .digest = rv_sha256};
    struct rv_store *store = NULL;
    struct seed s = {.now = rv_now(&rv_clock_system)};
    must(rv_store_open(&options, &store, &err), &err);
    snprintf(path, sizeof path, "%s/signer/journal/journal", argv[1]);
    must(rv_journal_open(&rv_files_system, path, true, &s.journal, &err), &err);
    for (s.from = 0; s.from < count; s.from = s.to) {
        s.to = s.from + BATCH < count ? s.from + BATCH : count;
        must(rv_store_write_now(store, load, &s, &err), &err);
    }
    rv_journal_close(s.journal);
    rv_store_close(store);
    return 0;
}
