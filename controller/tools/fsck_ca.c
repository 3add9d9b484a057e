/* The promises about issuing: no lost certificate, no serial used twice, nothing but what was recorded (M-56). */
#include <stdio.h>

#include "base/arena.h"
#include "pki/certificate.h"
#include "pki/digest.h"
#include "pki/pem.h"
#include "port/files.h"
#include "port/store_audit.h"
#include "port/store_certificate.h"
#include "tools/fsck.h"

/* The journal drops a torn end when it is opened. Here that happens to the copy in memory only. */
static enum rv_status pretend_replace(void *ctx, const char *path, struct rv_bytes content, unsigned mode,
                                      struct rv_error *err)
{
    (void)ctx, (void)path, (void)content, (void)mode, (void)err;
    return RV_OK;
}

static enum rv_status refuse_append(void *ctx, const char *path, struct rv_bytes content, struct rv_error *err)
{
    (void)ctx, (void)content;
    return rv_fail(err, RV_DENIED, "%s is only read here", path);
}

enum rv_status rv_fsck_journal(struct rv_fsck *fsck, struct rv_error *err)
{
    struct rv_files_ops ops = *rv_files_system.ops;
    ops.replace = pretend_replace;
    ops.append = refuse_append;
    struct rv_files files = {.ops = &ops, .ctx = rv_files_system.ctx};
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/signer/journal/journal", fsck->data);
    enum rv_status st = rv_journal_open(&files, rv_buf_text(&path), true, &fsck->journal, err);
    if (st == RV_OK)
        fsck->seen = (int64_t)rv_journal_count(fsck->journal);
    return st;
}

static enum rv_status audit(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_fsck *fsck = arg;
    int64_t bad = 0;
    struct rv_hash head;
    return rv_audit_verify(tx, &fsck->seen, &bad, &head, err);
}

enum rv_status rv_fsck_audit(struct rv_fsck *fsck, struct rv_error *err)
{
    return rv_store_read_now(fsck->store, audit, fsck, err);
}

/* One issuer at a time is kept: certificates of one come in runs. */
struct issuer {
    char name[64];
    struct rv_hash spki;
    struct rv_buf chain; /* DER: issuing certificate, root */
    struct rv_ca *ca;
};

static void issuer_fini(struct issuer *issuer)
{
    rv_buf_fini(&issuer->chain);
    rv_ca_destroy(issuer->ca);
    *issuer = (struct issuer){0};
}

static enum rv_status issuer_load(struct rv_tx *tx, const char *name, struct issuer *ret, struct rv_error *err)
{
    struct rv_issuer_row row = {0};
    int count = 0;
    if (ret->ca != NULL && strcmp(ret->name, name) == 0)
        return RV_OK;
    issuer_fini(ret);
    enum rv_status st = rv_issuer_get(tx, name, &row, err);
    if (st != RV_OK)
        return st;
    st = rv_pem_all(rv_bytes_of(row.chain_pem), RV_PEM_CERTIFICATE, &ret->chain, &count, err);
    rv_free(row.chain_pem);
    struct rv_bytes rest = rv_buf_bytes(&ret->chain), first = {0};
    if (st == RV_OK && !rv_chain_next(&rest, &first))
        st = rv_fail(err, RV_CONFLICT, "issuer %s has no certificate", name);
    if (st == RV_OK)
        st = rv_ca_create(first, &ret->ca, err);
    if (st == RV_OK) {
        snprintf(ret->name, sizeof ret->name, "%s", name);
        ret->spki = row.spki;
    }
    return st;
}

struct walk {
    struct rv_fsck *fsck;
    struct rv_tx *tx;
    struct issuer issuer;
    enum rv_status status;
    struct rv_error *err;
    int64_t before;
    int in_page;
};

static const char *record_fault(const struct rv_cert_row *row, const struct rv_cert_info *info)
{
    if (info->malformed != NULL)
        return info->malformed;
    if (strcmp(info->serial, row->serial) != 0)
        return "its serial is not the recorded one";
    if (!rv_hash_equal(&info->fingerprint, &row->fingerprint))
        return "its fingerprint is not the recorded one";
    if (!rv_hash_equal(&info->spki_hash, &row->spki))
        return "its key is not the recorded one";
    if (info->not_after != row->not_after || info->not_before != row->not_before)
        return "its validity is not the recorded one";
    return NULL;
}

static bool look_at_certificate(void *arg, const struct rv_cert_row *row)
{
    struct walk *w = arg;
    struct rv_error err = {0};
    struct rv_cert_info info;
    w->before = row->id;
    w->in_page++;
    if (row->state != RV_CERT_ISSUED)
        return true;
    w->fsck->seen++;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    if ((w->status = issuer_load(w->tx, row->issuer, &w->issuer, w->err)) != RV_OK)
        return false;
    const char *fault = NULL;
    if (rv_cert_read(row->der, arena, &info, &err) != RV_OK)
        fault = err.message;
    else if ((fault = record_fault(row, &info)) == NULL && rv_cert_verify(row->der, rv_ca_key(w->issuer.ca), &err) != RV_OK)
        fault = err.message;
    if (fault != NULL)
        rv_fsck_bad(w->fsck, "certificate %s of %s: %s", row->serial, row->issuer, fault);
    return true;
}

#define PAGE 500

static enum rv_status certificates(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct walk w = {.fsck = arg, .tx = tx, .err = err};
    do {
        w.in_page = 0;
        enum rv_status st = rv_cert_each(tx, NULL, w.before, PAGE, look_at_certificate, &w, err);
        if (st != RV_OK)
            w.status = st;
    } while (w.status == RV_OK && w.in_page == PAGE);
    issuer_fini(&w.issuer);
    return w.status;
}

enum rv_status rv_fsck_certificates(struct rv_fsck *fsck, struct rv_error *err)
{
    return rv_store_read_now(fsck->store, certificates, fsck, err);
}

/* The CA's own certificates are in the journal too; they are in the issuer's chain, not among what it issued. */
static bool in_chain(const struct issuer *issuer, const char *serial)
{
    struct rv_bytes rest = rv_buf_bytes(&issuer->chain), der;
    while (rv_chain_next(&rest, &der)) {
        struct rv_cert_info info;
        RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
        if (rv_cert_read(der, arena, &info, NULL) == RV_OK && strcmp(info.serial, serial) == 0)
            return true;
    }
    return false;
}

static void compare_signature(struct walk *w, const struct rv_journal_entry *entry, const char *serial,
                              const struct rv_cert_row *row)
{
    struct rv_hash hash;
    struct rv_cert_info info;
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct rv_bytes tbs = row->tbs;
    if (row->state == RV_CERT_ISSUED && rv_cert_read(row->der, arena, &info, NULL) == RV_OK)
        tbs = info.tbs;
    rv_sha256(tbs, &hash);
    if (!rv_hash_equal(&hash, &entry->tbs))
        rv_fsck_bad(w->fsck, "serial %s: the signer signed something else than what is recorded", serial);
}

static bool look_at_signature(void *arg, const struct rv_journal_entry *entry)
{
    struct walk *w = arg;
    char serial[2 * RV_JOURNAL_SERIAL + 1];
    struct rv_cert_row row = {0};
    struct rv_error err = {0};
    w->fsck->seen++;
    rv_hex(serial, entry->serial, RV_JOURNAL_SERIAL);
    if (in_chain(&w->issuer, serial))
        return true;
    enum rv_status st = rv_cert_by_serial(w->tx, w->issuer.name, serial, &row, &err);
    if (st == RV_OK)
        compare_signature(w, entry, serial, &row);
    else if (st == RV_NOT_FOUND)
        rv_fsck_bad(w->fsck, "serial %s was signed and nobody knows of it", serial);
    else
        w->status = st;
    rv_cert_row_fini(&row);
    return w->status == RV_OK;
}

static enum rv_status signatures(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_fsck *fsck = arg;
    struct walk w = {.fsck = fsck, .tx = tx, .err = err};
    if (fsck->journal == NULL)
        return rv_fail(err, RV_UNAVAILABLE, "there is no journal to compare with");
    enum rv_status st = issuer_load(tx, "internal", &w.issuer, err);
    if (st != RV_OK)
        return st;
    rv_journal_each(fsck->journal, look_at_signature, &w);
    issuer_fini(&w.issuer);
    return w.status;
}

enum rv_status rv_fsck_signatures(struct rv_fsck *fsck, struct rv_error *err)
{
    return rv_store_read_now(fsck->store, signatures, fsck, err);
}
