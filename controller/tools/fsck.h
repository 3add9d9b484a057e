/* Inside of reeve-fsck: one function per promise. A check that finds a promise broken says each case with rv_fsck_bad and
 * answers RV_OK; an error means that it could not look. */
#pragma once
#include "port/store.h"
#include "signer/journal.h"

struct rv_fsck {
    const char *data;           /* the data folder */
    struct rv_store *store;     /* read only */
    struct rv_journal *journal; /* a copy in memory, from the first check on */
    int64_t seen, bad;          /* of the check that runs */
};
void rv_fsck_bad(struct rv_fsck *fsck, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum rv_status rv_fsck_journal(struct rv_fsck *fsck, struct rv_error *err);
enum rv_status rv_fsck_audit(struct rv_fsck *fsck, struct rv_error *err);
enum rv_status rv_fsck_certificates(struct rv_fsck *fsck, struct rv_error *err);
enum rv_status rv_fsck_signatures(struct rv_fsck *fsck, struct rv_error *err);
enum rv_status rv_fsck_bindings(struct rv_fsck *fsck, struct rv_error *err);
enum rv_status rv_fsck_served(struct rv_fsck *fsck, struct rv_error *err);
