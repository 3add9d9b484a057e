/* The store. Status of a write whose commit failed: RV_LIMITED (disk full) and RV_UNAVAILABLE left nothing behind;
 * RV_UNCERTAIN may have taken effect. A visit function of an …_each call reads its row and may look up others, but
 * writes nothing: collect first, then write. Everywhere `limit` 0 means all.
 *
 * Work is a function that runs inside a transaction on a database thread, and uses the typed functions of the
 * port/store_*.h headers; SQL is in store/ only. Writes go through one writer that commits in groups: each function has
 * a savepoint of its own, and its done is called on the loop after the group's commit is durable. A function that
 * returns an error is rolled back alone. Functions may run twice only if the first run was rolled back. */
#pragma once
#include "port/digest.h"
#include "port/loop.h"
#include "port/work.h"

struct rv_store;
struct rv_tx; /* an open transaction */

typedef enum rv_status (*rv_tx_fn)(struct rv_tx *tx, void *arg, struct rv_error *err);
typedef void (*rv_store_done)(void *arg, enum rv_status status, const struct rv_error *err);

void rv_store_write(struct rv_store *store, rv_tx_fn fn, rv_store_done done, void *arg);
void rv_store_read(struct rv_store *store, rv_tx_fn fn, rv_store_done done, void *arg); /* a snapshot; writing fails */
/* Blocking forms, for start-up, tools and worker threads. Never on the loop. */
RV_MUST_CHECK enum rv_status rv_store_write_now(struct rv_store *store, rv_tx_fn fn, void *arg, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_store_read_now(struct rv_store *store, rv_tx_fn fn, void *arg, struct rv_error *err);

struct rv_store_options {
    const char *path;     /* SQLite file; ":memory:" for simulations */
    struct rv_loop *loop; /* where done is called; NULL: only the blocking forms are used */
    struct rv_work *work; /* reads run on its db lane */
    rv_digest_fn digest;  /* audit chain */
    const struct rv_clock *clock;
    bool inline_work; /* simulations: everything runs in the calling thread, done is posted to the loop */
    bool read_only;   /* tools beside a running daemon (reeve-fsck): no lock, no writer, nothing is changed */
    const char *vfs;  /* SQLite VFS by name; NULL: the default. The fault tests' seam */
};
RV_MUST_CHECK enum rv_status rv_store_open(const struct rv_store_options *options, struct rv_store **ret,
                                           struct rv_error *err);
int64_t rv_store_queued(struct rv_store *store); /* writes that wait; any thread */
void rv_store_close(struct rv_store *store);     /* finishes what was given, then closes */
