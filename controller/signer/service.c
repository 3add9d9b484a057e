#include "signer/service.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "pki/digest.h"
#include "signer/ceiling.h"
#include "signer/journal.h"
#include "signer/protocol.h"
#include "signer/vault.h"

#define LIMITS_MAX ((size_t)64 * 1024)
#define MILLI 1000
#define CLOCKS_APART RV_HOUR(1)

struct rv_service {
    struct rv_files files;
    const struct rv_clock *clock;
    char *journal_path;
    struct rv_vault *vault;
    struct rv_journal *journal;
    struct rv_ceiling *ceiling;
    int64_t burst, rate; /* of new certificates */
    int64_t tokens;      /* thousandths */
    int64_t filled_at;   /* monotonic */
    struct rv_sign_item items[RV_SIGNER_BATCH];
};

/* One item on its way through a batch. */
struct ticket {
    struct rv_journal_entry entry;
    bool fresh; /* not in the journal yet */
};

/* ---- opening ---- */

static enum rv_status open_ceiling(struct rv_service *s, const char *directory, struct rv_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/limits.json", directory);
    struct rv_buf limits = {0};
    enum rv_status status = s->files.ops->read(s->files.ctx, path, LIMITS_MAX, &limits, err);
    if (status == RV_NOT_FOUND)
        status = RV_OK;
    if (status == RV_OK)
        status = rv_ceiling_create(rv_buf_bytes(&limits), &s->ceiling, err);
    rv_buf_fini(&limits);
    return status;
}

/* A signer that has signed has a journal. Without one it could sign a second certificate under an old serial. */
static enum rv_status open_journal(struct rv_service *s, bool whole, struct rv_error *err)
{
    enum rv_status status = rv_journal_open(&s->files, s->journal_path, whole, &s->journal, err);
    if (status != RV_NOT_FOUND)
        return status;
    if (rv_vault_issuer(s->vault) != NULL) {
        rv_fail(err, RV_CONFLICT, "there is an issuing CA, but not the journal of what it signed");
        rv_error_where(err, RV_CONFLICT, "%s", s->journal_path);
        return rv_error_hint(err, RV_CONFLICT, "restore the newest copy of it: without it a serial could be used twice");
    }
    status = rv_journal_make(&s->files, s->journal_path, err);
    return status == RV_OK ? rv_journal_open(&s->files, s->journal_path, whole, &s->journal, err) : status;
}

enum rv_status rv_service_open(const struct rv_service_options *options, struct rv_service **ret, struct rv_error *err)
{
    struct rv_service *s = rv_zalloc(sizeof *s);
    s->files = *options->files;
    s->clock = options->clock;
    s->burst = options->burst > 0 ? options->burst : 200000;
    s->rate = options->rate > 0 ? options->rate : 50;
    s->tokens = s->burst * MILLI;
    s->filled_at = rv_mono(s->clock);
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/journal/journal", options->directory);
    s->journal_path = rv_buf_take(&path);
    struct rv_vault_options vault = {.files = &s->files, .directory = options->directory, .kek_file = options->kek_file};
    enum rv_status status = rv_vault_open(&vault, &s->vault, err);
    if (status == RV_OK)
        status = open_ceiling(s, options->directory, err);
    if (status == RV_OK)
        status = open_journal(s, options->whole, err);
    if (status == RV_OK)
        *ret = s;
    else
        rv_service_close(s);
    return status;
}

void rv_service_close(struct rv_service *service)
{
    if (service == NULL)
        return;
    rv_ceiling_destroy(service->ceiling);
    rv_journal_close(service->journal);
    rv_vault_close(service->vault);
    rv_free(service->journal_path);
    rv_free(service);
}

bool rv_service_is_set_up(const struct rv_service *service)
{
    return rv_vault_issuer(service->vault) != NULL;
}

size_t rv_service_journal_count(const struct rv_service *service)
{
    return rv_journal_count(service->journal);
}

size_t rv_service_journal_cut(const struct rv_service *service)
{
    return rv_journal_cut(service->journal);
}

/* ---- signing ---- */

static enum rv_status take_token(struct rv_service *s, struct rv_error *err)
{
    int64_t now = rv_mono(s->clock), most = s->burst * MILLI;
    int64_t added = (now - s->filled_at) * s->rate; /* per second and milliseconds: thousandths */
    s->filled_at = now;
    s->tokens = s->tokens + added > most ? most : s->tokens + added;
    if (s->tokens >= MILLI) {
        s->tokens -= MILLI;
        return RV_OK;
    }
    rv_fail(err, RV_LIMITED, "the signer's rate of new certificates is spent: %lld a second after a burst of %lld",
            (long long)s->rate, (long long)s->burst);
    return rv_error_hint(err, RV_LIMITED, "wait, or start reeve-signer with a larger --rate or --burst");
}

static enum rv_status serial_taken(struct rv_error *err)
{
    rv_fail(err, RV_CONFLICT, "another certificate was signed under this serial");
    return rv_error_where(err, RV_CONFLICT, "X-02");
}

/* May it be signed? What is in the journal was allowed when it was new, and may always be signed again: whoever asks got
 * no answer the first time. */
static enum rv_status admit(struct rv_service *s, const struct rv_vault_issuer *issuer, const struct rv_sign_item *item,
                            struct ticket *tickets, size_t number, rv_time now, struct rv_error *err)
{
    struct ticket *t = &tickets[number];
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    memcpy(t->entry.issuer, issuer->tag, sizeof t->entry.issuer);
    t->entry.at = now;
    struct rv_cert_info info;
    enum rv_status status = rv_ceiling_read(item->tbs, arena, &info, t->entry.serial, err);
    if (status != RV_OK)
        return status;
    rv_sha256(item->tbs, &t->entry.tbs);
    const struct rv_hash *known = rv_journal_find(s->journal, t->entry.issuer, t->entry.serial);
    if (known != NULL)
        return rv_hash_equal(known, &t->entry.tbs) ? RV_OK : serial_taken(err);
    for (size_t i = 0; i < number; i++)
        if (tickets[i].fresh && memcmp(tickets[i].entry.serial, t->entry.serial, sizeof t->entry.serial) == 0)
            return rv_hash_equal(&tickets[i].entry.tbs, &t->entry.tbs) ? RV_OK : serial_taken(err);
    status = rv_ceiling_check(s->ceiling, issuer->ca, item->tbs, &info, now, err);
    if (status == RV_OK)
        status = take_token(s, err);
    t->fresh = status == RV_OK;
    return status;
}

/* A faulty RSA or Ed25519 signature can give the key away, so it is looked at before it leaves. An ECDSA signature with its
 * random nonce does not, and the CA verifies every certificate before it is stored: once is enough for what costs as much
 * as everything else together. */
static enum rv_status sign_one(const struct rv_vault_issuer *issuer, struct rv_sign_item *item, struct rv_error *err)
{
    rv_buf_clear(&item->signature);
    enum rv_status status = rv_key_sign(issuer->key, item->tbs, &item->signature, err);
    if (status == RV_OK && rv_key_algorithm(issuer->key) != RV_KEY_ECDSA)
        status = rv_spki_verify(rv_ca_key(issuer->ca), rv_key_signature_algorithm(issuer->key), item->tbs,
                                rv_buf_bytes(&item->signature), err);
    if (status != RV_OK)
        rv_buf_clear(&item->signature);
    return status == RV_DENIED ? rv_fail(err, RV_INTERNAL, "a signature just made does not verify") : status;
}

/* After a failed append nobody knows what is on disk: read it again. */
static enum rv_status reopen_journal(struct rv_service *s, struct rv_error *err)
{
    struct rv_journal *fresh = NULL;
    enum rv_status status = rv_journal_open(&s->files, s->journal_path, false, &fresh, err);
    if (status != RV_OK)
        return status;
    rv_journal_close(s->journal);
    s->journal = fresh;
    return RV_OK;
}

static enum rv_status sign_batch(struct rv_service *s, const struct rv_signer_request *request, struct rv_error *err)
{
    const struct rv_vault_issuer *issuer = rv_vault_issuer(s->vault);
    if (issuer == NULL || strcmp(issuer->name, request->issuer) != 0)
        return rv_fail(err, RV_NOT_FOUND, "this signer holds no key of issuer %s", request->issuer);
    if (rv_journal_broken(s->journal)) {
        enum rv_status status = reopen_journal(s, err);
        if (status != RV_OK)
            return status;
    }
    static struct ticket tickets[RV_SIGNER_BATCH];
    struct rv_journal_entry entries[RV_SIGNER_BATCH];
    size_t fresh = 0;
    rv_time now = rv_now(s->clock);
    memset(tickets, 0, sizeof tickets);
    for (size_t i = 0; i < request->count; i++) {
        struct rv_sign_item *item = &request->items[i];
        item->status = admit(s, issuer, item, tickets, i, now, &item->err);
        if (tickets[i].fresh)
            entries[fresh++] = tickets[i].entry;
    }
    enum rv_status status = rv_journal_append(s->journal, entries, fresh, err);
    if (status != RV_OK)
        return status;
    for (size_t i = 0; i < request->count; i++)
        if (request->items[i].status == RV_OK)
            request->items[i].status = sign_one(issuer, &request->items[i], &request->items[i].err);
    RV_FAILPOINT("signer.signed");
    return RV_OK;
}

/* ---- the others ---- */

/* The CA is dated by the daemon, with which we share a machine: its time must be ours. */
static enum rv_status set_up(struct rv_service *s, const struct rv_signer_request *request, struct rv_error *err)
{
    rv_time now = rv_now(s->clock);
    if (request->now < now - CLOCKS_APART || request->now > now + CLOCKS_APART)
        return rv_fail(err, RV_INVALID, "setup was asked for at another time than the signer's clock says");
    return rv_vault_setup(s->vault, request->issuer, request->now, s->journal, err);
}

static enum rv_status look_up(struct rv_service *s, const struct rv_signer_request *request, struct rv_hash *ret,
                              struct rv_error *err)
{
    const struct rv_vault_issuer *issuer = rv_vault_issuer(s->vault);
    uint8_t serial[RV_JOURNAL_SERIAL];
    size_t n = strlen(request->serial);
    if (n != 2 * sizeof serial || !rv_unhex(serial, sizeof serial, request->serial, n))
        return rv_fail(err, RV_INVALID, "a serial of %zu hex digits: expected %zu", n, 2 * sizeof serial);
    const struct rv_hash *known = NULL;
    if (issuer != NULL && strcmp(issuer->name, request->issuer) == 0)
        known = rv_journal_find(s->journal, issuer->tag, serial);
    if (known == NULL)
        return rv_fail(err, RV_NOT_FOUND, "nothing was signed under serial %s of issuer %s", request->serial,
                       request->issuer);
    *ret = *known;
    return RV_OK;
}

enum rv_status rv_service_answer(struct rv_service *service, struct rv_bytes frame, struct rv_buf *out, struct rv_error *err)
{
    memset(service->items, 0, sizeof service->items);
    struct rv_signer_request request = {.items = service->items};
    enum rv_status status = rv_signer_request_decode(frame, &request, err);
    if (status != RV_OK)
        return status;
    struct rv_signer_reply reply = {.kind = request.kind, .id = request.id, .count = request.count, .items = request.items};
    switch (request.kind) {
    case RV_SIGNER_SETUP:
        reply.status = set_up(service, &request, &reply.err);
        if (reply.status == RV_OK)
            reply.chain_pem = rv_buf_bytes(&rv_vault_issuer(service->vault)->chain_pem);
        break;
    case RV_SIGNER_SIGN:
        reply.status = sign_batch(service, &request, &reply.err);
        break;
    case RV_SIGNER_JOURNAL:
        reply.status = look_up(service, &request, &reply.tbs, &reply.err);
        break;
    default:
        break; /* ping */
    }
    rv_signer_reply_encode(&reply, out);
    for (size_t i = 0; i < request.count; i++)
        rv_buf_fini(&service->items[i].signature);
    return RV_OK;
}
