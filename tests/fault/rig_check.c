/* The promises of issuing, checked from the outside: from the files alone, after everything has stopped. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/certificate.h"
#include "pki/digest.h"
#include "pki/pem.h"
#include "port/clock.h"
#include "port/files.h"
#include "port/store_audit.h"
#include "port/store_certificate.h"
#include "signer/journal.h"

struct check {
    struct rig *rig;
    struct rig_counts counts;
    struct rv_journal *journal;
    struct rv_ca *ca;
    uint8_t tag[RV_JOURNAL_TAG];
    struct rv_tx *tx;
    struct rv_arena *arena;
    char (*keys)[101]; /* of certificates */
    int64_t audited;
};

static const struct rv_hash *journal_of(struct check *c, const char *serial)
{
    uint8_t octets[RV_JOURNAL_SERIAL];
    if (strlen(serial) != 2 * sizeof octets || !rv_unhex(octets, sizeof octets, serial, strlen(serial)))
        fail_msg("serial %s has not the form of X-02", serial);
    return rv_journal_find(c->journal, c->tag, octets);
}

static void check_issued(struct check *c, const struct rv_cert_row *row)
{
    struct rv_cert_info info;
    struct rv_hash tbs, fingerprint;
    struct rv_error err;
    if (rv_cert_verify(row->der, rv_ca_key(c->ca), &err) != RV_OK)
        fail_msg("certificate %s does not verify: %s", row->serial, err.message);
    assert_int_equal(rv_cert_read(row->der, c->arena, &info, &err), RV_OK);
    assert_string_equal(info.serial, row->serial);
    rv_sha256(info.tbs, &tbs);
    rv_sha256(row->der, &fingerprint);
    assert_true(rv_hash_equal(&fingerprint, &row->fingerprint));
    const struct rv_hash *known = journal_of(c, row->serial);
    if (known == NULL)
        fail_msg("certificate %s is not in the signer's journal", row->serial);
    if (!rv_hash_equal(known, &tbs))
        fail_msg("the signer's journal knows another certificate under %s", row->serial);
}

static bool check_row(void *arg, const struct rv_cert_row *row)
{
    struct check *c = arg;
    int total = c->counts.issued + c->counts.abandoned + c->counts.intents;
    for (int i = 0; i < total; i++)
        if (strcmp(c->keys[i], row->idempotency_key) == 0)
            fail_msg("two certificates for %s", row->idempotency_key);
    c->keys = rv_resize(c->keys, (size_t)total + 1, sizeof *c->keys);
    memcpy(c->keys[total], row->idempotency_key, sizeof *c->keys);
    switch (row->state) {
    case RV_CERT_ISSUED:
        c->counts.issued++;
        check_issued(c, row);
        break;
    case RV_CERT_INTENT:
        c->counts.intents++;
        break;
    default:
        c->counts.abandoned++;
    }
    return true;
}

/* Every signature that was made belongs to a row. */
static bool check_entry(void *arg, const struct rv_journal_entry *entry)
{
    struct check *c = arg;
    char serial[2 * RV_JOURNAL_SERIAL + 1];
    struct rv_cert_row row = {0};
    if (memcmp(entry->issuer, c->tag, sizeof c->tag) != 0)
        return true; /* signed by the root during setup */
    c->counts.journalled++;
    rv_hex(serial, entry->serial, sizeof entry->serial);
    if (rv_cert_by_serial(c->tx, "internal", serial, &row, NULL) != RV_OK)
        fail_msg("the signer signed %s, and the store does not know it: a certificate was lost", serial);
    rv_cert_row_fini(&row);
    return true;
}

static bool count_audit(void *arg, const struct rv_audit_row *row)
{
    struct check *c = arg;
    if (strcmp(row->action, "certificate.issued") == 0)
        c->audited++;
    return true;
}

static enum rv_status check_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct check *c = arg;
    int64_t good = 0, bad = 0;
    struct rv_hash head;
    c->tx = tx;
    if (rv_audit_verify(tx, &good, &bad, &head, err) != RV_OK)
        fail_msg("the audit does not hold: %s", err->message);
    enum rv_status status = rv_cert_each(tx, "internal", 0, 0, check_row, c, err);
    if (status == RV_OK)
        status = rv_audit_each(tx, 0, 0, count_audit, c, err);
    if (status == RV_OK)
        rv_journal_each(c->journal, check_entry, c);
    return status;
}

static void load_ca(struct check *c)
{
    char path[300];
    struct rv_buf pem = {0}, all = {0};
    int count;
    struct rv_bytes rest, first;
    snprintf(path, sizeof path, "%s/signer/issuers/internal.pem", c->rig->dir);
    assert_int_equal(rv_files_system.ops->read(NULL, path, 1 << 20, &pem, NULL), RV_OK);
    assert_int_equal(rv_pem_all(rv_buf_bytes(&pem), RV_PEM_CERTIFICATE, &all, &count, NULL), RV_OK);
    rest = rv_buf_bytes(&all);
    assert_true(rv_chain_next(&rest, &first));
    assert_int_equal(rv_ca_create(first, &c->ca, NULL), RV_OK);
    memcpy(c->tag, rv_ca_spki_hash(c->ca)->b, sizeof c->tag);
    rv_buf_fini(&pem);
    rv_buf_fini(&all);
}

struct rig_counts rig_check(struct rig *rig)
{
    struct check c = {.rig = rig, .arena = rv_arena_create()};
    struct rv_error err;
    struct rv_store *store = NULL;
    char path[300];
    load_ca(&c);
    snprintf(path, sizeof path, "%s/signer/journal/journal", rig->dir);
    if (rv_journal_open(&rv_files_system, path, true, &c.journal, &err) != RV_OK)
        fail_msg("%s", err.message);
    snprintf(path, sizeof path, "%s/reeve.db", rig->dir);
    struct rv_store_options options = {.path = path, .digest = rv_sha256, .clock = &rv_clock_system};
    if (rv_store_open(&options, &store, &err) != RV_OK || rv_store_read_now(store, check_tx, &c, &err) != RV_OK)
        fail_msg("%s", err.message);
    if (c.audited != c.counts.issued)
        fail_msg("%d certificates, but %d are in the audit", c.counts.issued, (int)c.audited);
    rv_store_close(store);
    rv_journal_close(c.journal);
    rv_ca_destroy(c.ca);
    rv_arena_destroy(c.arena);
    rv_free(c.keys);
    return c.counts;
}
