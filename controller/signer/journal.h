/* What was ever signed, by the signer's own account: an append-only file of fixed-size records, each hashed with the one
 * before (M-56). A record is on disk before its signature leaves the process, so the file may know of signatures that
 * nobody has seen, but never the other way round.
 *
 * File: a header of one record's size, then records of 104 octets:
 *   u64 time (ms) · 8 octets of the issuing key's SPKI hash · 17 octets serial · 7 zero · 32 SHA-256 of the TBS
 *   · 32 chain = SHA-256(previous chain ‖ the 72 octets before)
 * The chain of the header is SHA-256 of its first 72 octets, which hold a random id. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include "port/files.h"

#define RV_JOURNAL_SERIAL 17
#define RV_JOURNAL_TAG 8
#define RV_JOURNAL_RECORD 104

struct rv_journal_entry {
    rv_time at;
    uint8_t issuer[RV_JOURNAL_TAG]; /* first octets of the issuing key's SPKI hash */
    uint8_t serial[RV_JOURNAL_SERIAL];
    struct rv_hash tbs;
};
struct rv_journal;
/* RV_CONFLICT when there is one. */
RV_MUST_CHECK enum rv_status rv_journal_make(const struct rv_files *files, const char *path, struct rv_error *err);
/* Reads all of it into memory (56 octets an entry) and checks the chain of the newest few thousand, or of all when
 * `whole`. A torn end, left by a power cut in the middle of an append, is cut off: nothing was signed for it. Anything
 * else that does not fit is RV_CONFLICT: the file was changed or damaged, and a person must look. RV_NOT_FOUND: none. */
RV_MUST_CHECK enum rv_status rv_journal_open(const struct rv_files *files, const char *path, bool whole,
                                             struct rv_journal **ret, struct rv_error *err);
void rv_journal_close(struct rv_journal *journal); /* NULL is fine */
/* The hash of what was signed under this serial; borrowed until the next append. NULL: never seen. */
const struct rv_hash *rv_journal_find(const struct rv_journal *journal, const uint8_t *issuer, const uint8_t *serial);
/* All entries with one write and one fsync. On failure nothing may be signed: the entries are not known, and the journal
 * must be opened again before the next append (it then refuses with RV_UNAVAILABLE). */
RV_MUST_CHECK enum rv_status rv_journal_append(struct rv_journal *journal, const struct rv_journal_entry *entries,
                                               size_t count, struct rv_error *err);
bool rv_journal_broken(const struct rv_journal *journal);
size_t rv_journal_count(const struct rv_journal *journal);
size_t rv_journal_cut(const struct rv_journal *journal); /* octets of a torn end that were dropped when it was opened */
/* In order of signing; the time is not kept in memory and reads 0. visit answers false to stop. */
void rv_journal_each(const struct rv_journal *journal, bool (*visit)(void *arg, const struct rv_journal_entry *entry),
                     void *arg);
