/* Tells one listener, on the loop, that the audit has grown. Several commits may be told as one. */
#include "store/store_priv.h"

struct rv_listener {
    pthread_mutex_t lock;
    struct rv_loop *loop;
    void (*fn)(void *arg, int64_t newest);
    void *arg;
    int64_t newest;
    bool posted, gone;
};

struct rv_listener *rv_listener_create(struct rv_loop *loop)
{
    struct rv_listener *l = rv_zalloc(sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    l->loop = loop;
    return l;
}

static void release(struct rv_listener *l)
{
    pthread_mutex_destroy(&l->lock);
    rv_free(l);
}

void rv_listener_set(struct rv_listener *l, void (*fn)(void *arg, int64_t newest), void *arg)
{
    pthread_mutex_lock(&l->lock);
    l->fn = fn;
    l->arg = arg;
    pthread_mutex_unlock(&l->lock);
}

static void told(void *arg)
{
    struct rv_listener *l = arg;
    pthread_mutex_lock(&l->lock);
    l->posted = false;
    bool gone = l->gone;
    void (*fn)(void *arg, int64_t newest) = gone ? NULL : l->fn;
    void *fn_arg = l->arg;
    int64_t newest = l->newest;
    pthread_mutex_unlock(&l->lock);
    if (gone)
        release(l);
    else if (fn != NULL)
        fn(fn_arg, newest);
}

void rv_listener_tell(struct rv_listener *l, int64_t newest)
{
    pthread_mutex_lock(&l->lock);
    l->newest = newest;
    bool post = l->loop != NULL && l->fn != NULL && !l->posted;
    l->posted = l->posted || post;
    pthread_mutex_unlock(&l->lock);
    if (post)
        rv_loop_post(l->loop, told, l);
}

void rv_listener_destroy(struct rv_listener *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->gone = true;
    bool posted = l->posted; /* what was posted frees it */
    pthread_mutex_unlock(&l->lock);
    if (!posted)
        release(l);
}
