/* Reads: each a snapshot of its own on a connection from a small pool, beside the writer. A store with one connection
 * lends it. */
#include "store/store_priv.h"

static enum rv_status borrow(struct rv_store *store, struct rv_db **ret, struct rv_error *err)
{
    pthread_mutex_lock(&store->pool_lock);
    while (store->idle_count == 0 && store->open_count == RV_STORE_READERS)
        pthread_cond_wait(&store->pool_changed, &store->pool_lock);
    bool open = store->idle_count == 0;
    if (open)
        store->open_count++;
    else
        *ret = store->idle[--store->idle_count];
    pthread_mutex_unlock(&store->pool_lock);
    if (!open)
        return RV_OK;
    struct rv_db_options options = {.path = store->path, .vfs = store->vfs, .read_only = store->read_only, .reader = true};
    enum rv_status status = rv_db_open(&options, ret, err);
    if (status == RV_OK)
        return RV_OK;
    pthread_mutex_lock(&store->pool_lock);
    store->open_count--;
    pthread_cond_signal(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
    return status;
}

static void give_back(struct rv_store *store, struct rv_db *db)
{
    pthread_mutex_lock(&store->pool_lock);
    store->idle[store->idle_count++] = db;
    pthread_cond_signal(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
}

static enum rv_status read_on(struct rv_store *store, struct rv_db *db, rv_tx_fn fn, void *arg, struct rv_error *err)
{
    enum rv_status status = rv_db_begin(db, false, err);
    if (status != RV_OK)
        return status;
    struct rv_tx tx = {.db = db, .store = store};
    status = fn(&tx, arg, err);
    rv_db_rollback(db);
    return status;
}

enum rv_status rv_store_read_now(struct rv_store *store, rv_tx_fn fn, void *arg, struct rv_error *err)
{
    struct rv_db *db;
    enum rv_status status = atomic_load(&store->unsure) ? rv_store_settle(store, err) : RV_OK;
    if (status != RV_OK)
        return status;
    if (store->single) {
        pthread_mutex_lock(&store->connection);
        status = store->db == NULL ? rv_fail(err, RV_UNAVAILABLE, "the database could not be opened again yet")
                                   : read_on(store, store->db, fn, arg, err);
        pthread_mutex_unlock(&store->connection);
        return status;
    }
    status = borrow(store, &db, err);
    if (status != RV_OK)
        return status;
    status = read_on(store, db, fn, arg, err);
    give_back(store, db);
    return status;
}

static void run(void *arg)
{
    struct rv_job *job = arg;
    struct rv_store *store = job->store;
    job->status = rv_store_read_now(store, job->fn, job->arg, &job->err);
    pthread_mutex_lock(&store->pool_lock);
    store->reading--;
    pthread_cond_broadcast(&store->pool_changed);
    pthread_mutex_unlock(&store->pool_lock);
}

static void done(void *arg)
{
    struct rv_job *job = arg;
    if (job->done != NULL)
        job->done(job->arg, job->status, &job->err);
    rv_free(job);
}

void rv_store_read(struct rv_store *store, rv_tx_fn fn, rv_store_done ret_done, void *arg)
{
    struct rv_job *job = rv_zalloc(sizeof *job);
    *job = (struct rv_job){.store = store, .fn = fn, .done = ret_done, .arg = arg};
    pthread_mutex_lock(&store->pool_lock);
    store->reading++;
    pthread_mutex_unlock(&store->pool_lock);
    if (!store->inline_work) {
        rv_work_submit(store->work, RV_LANE_DB, run, done, job);
        return;
    }
    run(job);
    rv_store_post(store, job);
}

void rv_store_stop_readers(struct rv_store *store)
{
    pthread_mutex_lock(&store->pool_lock);
    while (store->reading > 0)
        pthread_cond_wait(&store->pool_changed, &store->pool_lock);
    for (int i = 0; i < store->idle_count; i++)
        rv_db_close(store->idle[i]);
    store->idle_count = store->open_count = 0;
    pthread_mutex_unlock(&store->pool_lock);
}
