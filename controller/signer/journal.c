#include "signer/journal.h"

#include "base/failpoint.h"
#include "pki/digest.h"
#include "pki/random.h"

#define FILE_LIMIT ((size_t)8 << 30)
#define CHAINED (RV_JOURNAL_RECORD - RV_HASH_SIZE)
#define RECENT 4096 /* records whose chain is checked at every start */
static const char magic[] = "reeve-signer-journal 1\n";

struct slot { /* what stays in memory of a record */
    uint8_t issuer[RV_JOURNAL_TAG], serial[RV_JOURNAL_SERIAL];
    struct rv_hash tbs;
};
struct rv_journal {
    struct rv_files files;
    char *path;
    struct slot *slots;
    size_t count, cap, cut;
    uint32_t *index; /* open addressing, slot number + 1, 0 empty; a power of two long */
    size_t index_size;
    struct rv_hash head;
    bool broken;
};

/* Serials are random behind their first octet. A daemon that picks colliding ones on purpose slows down only itself. */
static size_t place_of(const struct rv_journal *j, const uint8_t *serial)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < RV_JOURNAL_SERIAL; i++)
        h = (h ^ serial[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32) & (j->index_size - 1);
}

static void index_add(struct rv_journal *j, size_t number)
{
    size_t at = place_of(j, j->slots[number].serial);
    while (j->index[at] != 0)
        at = (at + 1) & (j->index_size - 1);
    j->index[at] = (uint32_t)(number + 1);
}

static void make_room(struct rv_journal *j, size_t more)
{
    size_t want = j->count + more;
    if (want > j->cap) {
        j->cap = want > 2 * j->cap ? want : 2 * j->cap;
        j->slots = rv_resize(j->slots, j->cap, sizeof *j->slots);
    }
    if (2 * want <= j->index_size)
        return;
    size_t size = j->index_size == 0 ? 4096 : j->index_size;
    while (size < 2 * want)
        size *= 2;
    rv_free(j->index);
    j->index = rv_calloc(size, sizeof *j->index);
    j->index_size = size;
    for (size_t i = 0; i < j->count; i++)
        index_add(j, i);
}

static void add_slot(struct rv_journal *j, const uint8_t *issuer, const uint8_t *serial, const uint8_t *tbs)
{
    struct slot *s = &j->slots[j->count];
    memcpy(s->issuer, issuer, sizeof s->issuer);
    memcpy(s->serial, serial, sizeof s->serial);
    memcpy(s->tbs.b, tbs, sizeof s->tbs.b);
    index_add(j, j->count++);
}

const struct rv_hash *rv_journal_find(const struct rv_journal *journal, const uint8_t *issuer, const uint8_t *serial)
{
    if (journal->index_size == 0)
        return NULL;
    for (size_t at = place_of(journal, serial); journal->index[at] != 0; at = (at + 1) & (journal->index_size - 1)) {
        const struct slot *s = &journal->slots[journal->index[at] - 1];
        if (memcmp(s->serial, serial, sizeof s->serial) == 0 && memcmp(s->issuer, issuer, sizeof s->issuer) == 0)
            return &s->tbs;
    }
    return NULL;
}

static void chain_of(const struct rv_hash *previous, const uint8_t *record, struct rv_hash *ret)
{
    uint8_t both[RV_HASH_SIZE + CHAINED];
    memcpy(both, previous->b, RV_HASH_SIZE);
    memcpy(both + RV_HASH_SIZE, record, CHAINED);
    rv_sha256(RV_BYTES(both, sizeof both), ret);
}

enum rv_status rv_journal_make(const struct rv_files *files, const char *path, struct rv_error *err)
{
    struct rv_buf there = {0};
    enum rv_status status = files->ops->read(files->ctx, path, RV_JOURNAL_RECORD, &there, NULL);
    rv_buf_fini(&there);
    if (status != RV_NOT_FOUND)
        return rv_fail(err, RV_CONFLICT, "the signer's journal %s exists already", path);
    uint8_t header[RV_JOURNAL_RECORD] = {0};
    memcpy(header, magic, sizeof magic - 1);
    rv_random(header + 32, 32);
    struct rv_hash chain;
    rv_sha256(RV_BYTES(header, CHAINED), &chain);
    memcpy(header + CHAINED, chain.b, sizeof chain.b);
    return files->ops->replace(files->ctx, path, RV_BYTES(header, sizeof header), 0600, err);
}

static enum rv_status damaged(struct rv_error *err, const char *path, size_t number)
{
    rv_fail(err, RV_CONFLICT, "record %zu of the signer's journal does not continue the chain", number);
    rv_error_where(err, RV_CONFLICT, "%s", path);
    return rv_error_hint(err, RV_CONFLICT,
                         "the file was changed or damaged: restore it from a backup, nothing is signed before");
}

/* A power cut in the middle of an append leaves a part of it, or its length filled with zeros. */
static bool torn(struct rv_bytes rest)
{
    if (rest.len < RV_JOURNAL_RECORD)
        return true;
    for (size_t i = rest.len - RV_HASH_SIZE; i < rest.len; i++)
        if (rest.ptr[i] != 0)
            return false;
    return true;
}

/* Fills the journal from the file's bytes; *ret_good is how much of it holds. */
static enum rv_status load(struct rv_journal *j, struct rv_bytes file, bool whole, size_t *ret_good, struct rv_error *err)
{
    if (file.len < RV_JOURNAL_RECORD || memcmp(file.ptr, magic, sizeof magic - 1) != 0)
        return rv_fail(err, RV_CONFLICT, "%s is no journal of reeve-signer", j->path);
    rv_sha256(RV_BYTES(file.ptr, CHAINED), &j->head);
    if (memcmp(j->head.b, file.ptr + CHAINED, RV_HASH_SIZE) != 0)
        return damaged(err, j->path, 0);
    size_t records = file.len / RV_JOURNAL_RECORD - 1;
    size_t unchecked = whole || records < RECENT ? 0 : records - RECENT;
    make_room(j, records);
    size_t good = RV_JOURNAL_RECORD;
    for (size_t i = 0; i < records; i++, good += RV_JOURNAL_RECORD) {
        const uint8_t *record = file.ptr + good;
        struct rv_hash chain;
        if (i >= unchecked) {
            chain_of(&j->head, record, &chain);
            if (memcmp(chain.b, record + CHAINED, RV_HASH_SIZE) != 0)
                break;
        }
        memcpy(j->head.b, record + CHAINED, RV_HASH_SIZE);
        add_slot(j, record + 8, record + 16, record + 40);
    }
    if (good < file.len && !torn(RV_BYTES(file.ptr + good, file.len - good)))
        return damaged(err, j->path, j->count + 1);
    *ret_good = good;
    return RV_OK;
}

enum rv_status rv_journal_open(const struct rv_files *files, const char *path, bool whole, struct rv_journal **ret,
                               struct rv_error *err)
{
    struct rv_buf file = {0};
    enum rv_status status = files->ops->read(files->ctx, path, FILE_LIMIT, &file, err);
    if (status != RV_OK)
        return status;
    struct rv_journal *j = rv_zalloc(sizeof *j);
    j->files = *files;
    j->path = rv_strdup(path);
    size_t good = 0;
    status = load(j, rv_buf_bytes(&file), whole, &good, err);
    if (status == RV_OK && good < file.len) {
        j->cut = file.len - good;
        status = files->ops->replace(files->ctx, path, RV_BYTES(file.data, good), 0600, err);
    }
    rv_buf_fini(&file);
    if (status == RV_OK)
        *ret = j;
    else
        rv_journal_close(j);
    return status;
}

void rv_journal_close(struct rv_journal *journal)
{
    if (journal == NULL)
        return;
    rv_free(journal->path);
    rv_free(journal->slots);
    rv_free(journal->index);
    rv_free(journal);
}

static void add_record(struct rv_buf *out, const struct rv_journal_entry *e, struct rv_hash *chain)
{
    static const uint8_t zero[7];
    size_t start = out->len;
    rv_buf_add_be(out, (uint64_t)e->at, 8);
    rv_buf_add(out, e->issuer, sizeof e->issuer);
    rv_buf_add(out, e->serial, sizeof e->serial);
    rv_buf_add(out, zero, sizeof zero);
    rv_buf_add(out, e->tbs.b, sizeof e->tbs.b);
    struct rv_hash next;
    chain_of(chain, out->data + start, &next);
    rv_buf_add(out, next.b, sizeof next.b);
    *chain = next;
}

enum rv_status rv_journal_append(struct rv_journal *journal, const struct rv_journal_entry *entries, size_t count,
                                 struct rv_error *err)
{
    if (journal->broken)
        return rv_fail(err, RV_UNAVAILABLE, "the signer's journal could not be written and is not open");
    if (count == 0)
        return RV_OK;
    struct rv_buf records = {0};
    struct rv_hash head = journal->head;
    for (size_t i = 0; i < count; i++)
        add_record(&records, &entries[i], &head);
    RV_FAILPOINT("signer.before_journal");
    enum rv_status status = RV_OK;
#ifndef REEVE_CANARY_JOURNAL
    status = journal->files.ops->append(journal->files.ctx, journal->path, rv_buf_bytes(&records), err);
#endif
    RV_FAILPOINT("signer.journalled");
    rv_buf_fini(&records);
    if (status != RV_OK) {
        journal->broken = true;
        if (err != NULL)
            err->status = RV_UNAVAILABLE;
        return rv_error_prefix(err, RV_UNAVAILABLE, "nothing was signed, the journal could not be written");
    }
    make_room(journal, count);
    for (size_t i = 0; i < count; i++)
        add_slot(journal, entries[i].issuer, entries[i].serial, entries[i].tbs.b);
    journal->head = head;
    return RV_OK;
}

bool rv_journal_broken(const struct rv_journal *journal)
{
    return journal->broken;
}

size_t rv_journal_count(const struct rv_journal *journal)
{
    return journal->count;
}

size_t rv_journal_cut(const struct rv_journal *journal)
{
    return journal->cut;
}

void rv_journal_each(const struct rv_journal *journal, bool (*visit)(void *arg, const struct rv_journal_entry *entry),
                     void *arg)
{
    for (size_t i = 0; i < journal->count; i++) {
        struct rv_journal_entry e = {.tbs = journal->slots[i].tbs};
        memcpy(e.issuer, journal->slots[i].issuer, sizeof e.issuer);
        memcpy(e.serial, journal->slots[i].serial, sizeof e.serial);
        if (!visit(arg, &e))
            return;
    }
}
