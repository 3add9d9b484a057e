/* The inside of the store: who runs what, on which connection. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "store/driver.h"

/* One function that was given to run, with its outcome. */
struct rv_job {
    struct rv_job *next;
    struct rv_store *store;
    rv_tx_fn fn;
    rv_store_done done;
    void *arg;
    bool waited; /* someone blocks in rv_store_write_now: the job is his, `finished` tells him */
    bool finished;
    enum rv_status status;
    struct rv_error err;
};

enum { RV_STORE_READERS = 4, RV_STORE_GROUP = 256, RV_STORE_QUEUE = 100000 };

struct rv_store {
    /* As opened. */
    char *path, *vfs;
    struct rv_loop *loop;
    struct rv_work *work;
    rv_digest_fn digest;
    bool memory, inline_work, read_only;
    bool single; /* one connection for everything: memory and inline */
    int lock_fd;
    struct rv_listener *listener;

    /* The writer's connection. NULL after a commit of unknown outcome, until it could be opened again. Guarded by
     * `connection` (only `single` has more than the writer there). */
    pthread_mutex_t connection;
    struct rv_db *db;
    atomic_bool unsure; /* db is NULL, and what the log holds may not be durable: no reading either */

    /* The queue of the writer thread. */
    pthread_mutex_t lock;
    pthread_cond_t given, finished;
    pthread_t thread;
    bool has_thread, stopping;
    struct rv_job *first, **last;
    size_t queued;

    /* Readers' connections that are idle, and how many are open. Reads in flight hold the store open. */
    pthread_mutex_t pool_lock;
    pthread_cond_t pool_changed;
    struct rv_db *idle[RV_STORE_READERS];
    int idle_count, open_count, reading;
};

/* store.c: opens the writer's connection (held by the caller); what it shows is durable, and the schema is ours. */
RV_MUST_CHECK enum rv_status rv_store_connect(struct rv_store *store, struct rv_error *err);

/* writer.c: makes certain what a commit of unknown outcome has left; fine when there is nothing. */
RV_MUST_CHECK enum rv_status rv_store_settle(struct rv_store *store, struct rv_error *err);
/* Runs a list as one transaction and fills in each outcome; the connection is held by the caller. */
void rv_store_run_group(struct rv_store *store, struct rv_job *jobs);
enum rv_status rv_store_start_writer(struct rv_store *store, struct rv_error *err);
void rv_store_stop_writer(struct rv_store *store); /* finishes what was given */
/* Calls the dones of a list on the loop, in order, and frees it. */
void rv_store_post(struct rv_store *store, struct rv_job *jobs);

/* audit.c: the head row follows what was appended, once for a transaction, before its commit. */
RV_MUST_CHECK enum rv_status rv_audit_move_head(struct rv_tx *tx, struct rv_error *err);

/* reader.c */
void rv_store_stop_readers(struct rv_store *store); /* waits for reads in flight */

/* listener.c: tells one listener on the loop of new audit rows. */
struct rv_listener *rv_listener_create(struct rv_loop *loop);
void rv_listener_set(struct rv_listener *listener, void (*fn)(void *arg, int64_t newest), void *arg);
void rv_listener_tell(struct rv_listener *listener, int64_t newest); /* from any thread */
void rv_listener_destroy(struct rv_listener *listener);              /* none is called afterwards */

/* lock.c: one process per file (M-59). The lock ends with the process. */
RV_MUST_CHECK enum rv_status rv_store_lock(const char *path, int *ret_fd, struct rv_error *err);
