/* Opening and closing. */
#include <string.h>
#include <unistd.h>

#include "port/store_audit.h"
#include "store/migrate.h"
#include "store/store_priv.h"

enum rv_status rv_store_connect(struct rv_store *store, struct rv_error *err)
{
    struct rv_db_options options = {.path = store->path, .vfs = store->vfs, .read_only = store->read_only};
    struct rv_db *db;
    enum rv_status status = rv_db_open(&options, &db, err);
    if (status != RV_OK)
        return status;
    int64_t version;
    status = rv_schema_check(db, &version, err); /* before anything is written into a file that is not ours */
    if (status == RV_OK && !store->read_only && !store->memory)
        status = rv_db_secure_log(db, err);
    if (status == RV_OK)
        status = rv_migrate(db, store->read_only, err);
    if (status == RV_OK) {
        store->db = db;
        return RV_OK;
    }
    rv_db_close(db);
    return err == NULL || err->where[0] != '\0' ? status : rv_error_where(err, status, "%s", store->path);
}

static enum rv_status start(struct rv_store *store, struct rv_error *err)
{
    enum rv_status status = RV_OK;
    if (!store->memory && !store->read_only)
        status = rv_store_lock(store->path, &store->lock_fd, err);
    if (status == RV_OK)
        status = rv_store_connect(store, err);
    if (status == RV_OK && !store->inline_work && !store->read_only)
        status = rv_store_start_writer(store, err);
    return status;
}

enum rv_status rv_store_open(const struct rv_store_options *options, struct rv_store **ret, struct rv_error *err)
{
    if (options->loop != NULL && options->work == NULL && !options->inline_work)
        return rv_fail(err, RV_INTERNAL, "a store with a loop needs a work lane for its reads, or inline_work");
    struct rv_store *store = rv_zalloc(sizeof *store);
    store->path = rv_strdup(options->path);
    store->vfs = rv_strdup(options->vfs);
    store->loop = options->loop;
    store->work = options->work;
    store->digest = options->digest;
    store->memory = strcmp(options->path, ":memory:") == 0;
    store->inline_work = options->inline_work;
    store->read_only = options->read_only;
    store->single = store->memory || store->inline_work;
    store->lock_fd = -1;
    store->listener = rv_listener_create(options->loop);
    store->last = &store->first;
    pthread_mutex_init(&store->connection, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->given, NULL);
    pthread_cond_init(&store->finished, NULL);
    pthread_mutex_init(&store->pool_lock, NULL);
    pthread_cond_init(&store->pool_changed, NULL);
    enum rv_status status = start(store, err);
    if (status != RV_OK) {
        rv_store_close(store);
        return status;
    }
    *ret = store;
    return RV_OK;
}

void rv_store_close(struct rv_store *store)
{
    if (store == NULL)
        return;
    rv_store_stop_writer(store);
    rv_store_stop_readers(store);
    rv_db_close(store->db); /* the last one: its close moves the log into the file */
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    rv_listener_destroy(store->listener);
    pthread_mutex_destroy(&store->connection);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->given);
    pthread_cond_destroy(&store->finished);
    pthread_mutex_destroy(&store->pool_lock);
    pthread_cond_destroy(&store->pool_changed);
    rv_free(store->path);
    rv_free(store->vfs);
    rv_free(store);
}

void rv_audit_listen(struct rv_store *store, void (*fn)(void *arg, int64_t newest), void *arg)
{
    rv_listener_set(store->listener, fn, arg);
}
