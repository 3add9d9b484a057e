/* The writer: one thread that runs what is queued as one transaction, with a savepoint for each function, and calls the
 * dones once the commit is durable. */
#include <signal.h>
#include <string.h>

#include "base/failpoint.h"
#include "store/store_priv.h"

static void fail_all(struct rv_job *jobs, enum rv_status status, const struct rv_error *err)
{
    for (struct rv_job *job = jobs; job != NULL; job = job->next) {
        job->status = status;
        job->err = *err;
    }
}

/* After a commit of unknown outcome; the connection is held. */
static enum rv_status reopen(struct rv_store *store, struct rv_error *err)
{
    RV_FAILPOINT("store.reopen");
    enum rv_status status = rv_store_connect(store, err);
    if (status == RV_OK)
        atomic_store(&store->unsure, false);
    return status;
}

enum rv_status rv_store_settle(struct rv_store *store, struct rv_error *err)
{
    pthread_mutex_lock(&store->connection);
    enum rv_status status = store->db == NULL ? reopen(store, err) : RV_OK;
    pthread_mutex_unlock(&store->connection);
    return status;
}

/* True when the function's changes stay. A disk error inside takes the whole group with it (rv_db_sound). */
static bool run_one(struct rv_tx *tx, struct rv_job *job, bool alone)
{
    __typeof__(tx->audit) before = tx->audit;
    struct rv_error err = {0};
    enum rv_status status = alone ? RV_OK : rv_db_savepoint(tx->db, &err);
    if (status == RV_OK)
        status = job->fn(tx, job->arg, &err);
    bool keep = status == RV_OK;
    if (!keep)
        tx->audit = before;
    if (!alone && rv_db_sound(tx->db, NULL) == RV_OK) {
        struct rv_error undo;
        enum rv_status ended = rv_db_savepoint_end(tx->db, keep, &undo);
        if (keep && ended != RV_OK) {
            status = ended;
            err = undo;
            keep = false;
        }
    }
    job->status = status;
    if (!keep)
        job->err = err;
    return keep;
}

static enum rv_status commit(struct rv_store *store, struct rv_error *err)
{
    RV_FAILPOINT("store.commit");
    enum rv_status status = rv_db_commit(store->db, err);
    if (status == RV_OK)
        RV_FAILPOINT("store.committed");
    if (status == RV_UNCERTAIN && !store->memory) {
        atomic_store(&store->unsure, true); /* nobody reads until it is certain again */
        rv_db_close(store->db);
        store->db = NULL;
    }
    return status;
}

void rv_store_run_group(struct rv_store *store, struct rv_job *jobs)
{
    struct rv_error err = {0};
    enum rv_status status = store->db == NULL ? reopen(store, &err) : RV_OK;
    if (status == RV_OK)
        status = rv_db_begin(store->db, true, &err);
    if (status != RV_OK) {
        fail_all(jobs, status, &err);
        return;
    }
    struct rv_tx tx = {.db = store->db, .store = store, .writes = true};
    bool alone = jobs->next == NULL, any = false;
    for (struct rv_job *job = jobs; job != NULL && status == RV_OK; job = job->next) {
        any |= run_one(&tx, job, alone);
#ifndef REEVE_CANARY_GROUPERROR
        status = rv_db_sound(store->db, &err);
#endif
    }
    if (status == RV_OK && any)
        status = rv_audit_move_head(&tx, &err);
    if (status == RV_OK && any)
        status = commit(store, &err);
    else
        rv_db_rollback(store->db);
    if (status != RV_OK)
        fail_all(jobs, status, &err);
    else if (any && tx.audit.appended)
        rv_listener_tell(store->listener, tx.audit.number);
}

static void call_dones(void *arg)
{
    for (struct rv_job *job = arg, *next; job != NULL; job = next) {
        next = job->next;
        if (job->done != NULL)
            job->done(job->arg, job->status, &job->err);
        rv_free(job);
    }
}

void rv_store_post(struct rv_store *store, struct rv_job *jobs)
{
    if (jobs != NULL)
        rv_loop_post(store->loop, call_dones, jobs);
}

/* Those who wait are woken, the others are told on the loop. */
static void hand_back(struct rv_store *store, struct rv_job *jobs)
{
    struct rv_job *told = NULL, **end = &told;
    pthread_mutex_lock(&store->lock);
    for (struct rv_job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        if (job->waited) {
            job->finished = true;
            continue;
        }
        job->next = NULL;
        *end = job;
        end = &job->next;
    }
    pthread_cond_broadcast(&store->finished);
    pthread_mutex_unlock(&store->lock);
    rv_store_post(store, told);
}

/* Takes up to a group's worth off the queue; NULL when stopping and nothing is left. */
static struct rv_job *take(struct rv_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->first == NULL && !store->stopping)
        pthread_cond_wait(&store->given, &store->lock);
    struct rv_job *jobs = store->first, **end = &store->first;
    for (int n = 0; *end != NULL && n < RV_STORE_GROUP; n++, store->queued--)
        end = &(*end)->next;
    struct rv_job *rest = *end;
    *end = NULL;
    store->first = rest;
    if (rest == NULL)
        store->last = &store->first;
    pthread_mutex_unlock(&store->lock);
    return jobs;
}

static void *writer(void *arg)
{
    struct rv_store *store = arg;
    for (struct rv_job *jobs; (jobs = take(store)) != NULL;) {
        pthread_mutex_lock(&store->connection);
        rv_store_run_group(store, jobs);
        pthread_mutex_unlock(&store->connection);
        hand_back(store, jobs);
    }
    return NULL;
}

enum rv_status rv_store_start_writer(struct rv_store *store, struct rv_error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals belong to the main thread */
    int failed = pthread_create(&store->thread, NULL, writer, store);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0)
        return rv_fail_errno(err, failed, "cannot start the database writer");
    pthread_setname_np(store->thread, "rv-store");
    store->has_thread = true;
    return RV_OK;
}

void rv_store_stop_writer(struct rv_store *store)
{
    if (!store->has_thread)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->given);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store->has_thread = false;
}

static void enqueue(struct rv_store *store, struct rv_job *job) /* holding the lock */
{
    *store->last = job;
    store->last = &job->next;
    store->queued++;
    pthread_cond_signal(&store->given);
}

static void run_inline(struct rv_store *store, struct rv_job *job)
{
    pthread_mutex_lock(&store->connection);
    rv_store_run_group(store, job);
    pthread_mutex_unlock(&store->connection);
}

static enum rv_status refuse_writing(struct rv_error *err)
{
    return rv_fail(err, RV_DENIED, "the store was opened to read only");
}

void rv_store_write(struct rv_store *store, rv_tx_fn fn, rv_store_done done, void *arg)
{
    struct rv_job *job = rv_zalloc(sizeof *job);
    *job = (struct rv_job){.store = store, .fn = fn, .done = done, .arg = arg};
    if (store->read_only) {
        job->status = refuse_writing(&job->err);
    } else if (store->inline_work) {
        run_inline(store, job);
    } else {
        pthread_mutex_lock(&store->lock);
        bool room = store->queued < RV_STORE_QUEUE;
        if (room)
            enqueue(store, job);
        pthread_mutex_unlock(&store->lock);
        if (room)
            return;
        job->status = rv_fail(&job->err, RV_LIMITED, "%d writes wait for the database already", RV_STORE_QUEUE);
    }
    rv_store_post(store, job);
}

int64_t rv_store_queued(struct rv_store *store)
{
    pthread_mutex_lock(&store->lock);
    size_t n = store->queued;
    pthread_mutex_unlock(&store->lock);
    return (int64_t)n;
}

enum rv_status rv_store_write_now(struct rv_store *store, rv_tx_fn fn, void *arg, struct rv_error *err)
{
    if (store->read_only)
        return refuse_writing(err);
    struct rv_job job = {.store = store, .fn = fn, .arg = arg, .waited = true};
    if (store->inline_work) {
        run_inline(store, &job);
    } else {
        pthread_mutex_lock(&store->lock);
        enqueue(store, &job);
        while (!job.finished)
            pthread_cond_wait(&store->finished, &store->lock);
        pthread_mutex_unlock(&store->lock);
    }
    if (job.status != RV_OK && err != NULL)
        *err = job.err;
    return job.status;
}
