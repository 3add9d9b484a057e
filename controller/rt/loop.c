#include "rt/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "rt/loop_priv.h"

struct post {
    struct post *next;
    void (*fn)(void *arg);
    void *arg;
};

/* A delay of 0 goes to a list of its own: libuv would run it within the same turn, so that a chain of them would starve
 * everything else. */
struct rv_timer {
    uv_timer_t handle;
    TAILQ_ENTRY(rv_timer) entry;
    void (*fn)(void *arg);
    void *arg;
    bool soon;
    uint64_t turn; /* soon: when it was made */
};

struct watch {
    uv_signal_t handle;
    void (*fn)(void *arg, int number);
    void *arg;
};

struct loop {
    struct rv_loop port;
    uv_loop_t uv;
    uv_async_t wake;
    struct watch watches[8];
    size_t watch_count;
    TAILQ_HEAD(, rv_timer) soon;
    uint64_t turn;
    pthread_mutex_t lock; /* guards the three below */
    struct post *first, **last;
    bool stop;
};

uv_loop_t *rv_loop_uv(struct rv_loop *port)
{
    return &((struct loop *)port->ctx)->uv;
}

/* Timers */

static void timer_free(uv_handle_t *handle)
{
    rv_free(handle->data);
}

static void timer_gone(struct rv_timer *timer)
{
    uv_close((uv_handle_t *)&timer->handle, timer_free);
}

static void timer_ran(uv_timer_t *handle)
{
    struct rv_timer *timer = handle->data;
    timer_gone(timer); /* first: fn may do anything, the memory stays until the next turn */
    timer->fn(timer->arg);
}

static struct rv_timer *loop_timer(void *ctx, rv_dur delay, void (*fn)(void *arg), void *arg)
{
    struct loop *loop = ctx;
    struct rv_timer *timer = rv_zalloc(sizeof *timer);
    timer->fn = fn;
    timer->arg = arg;
    if (delay <= 0) {
        timer->soon = true;
        timer->turn = loop->turn;
        TAILQ_INSERT_TAIL(&loop->soon, timer, entry);
        uv_async_send(&loop->wake);
        return timer;
    }
    uv_timer_init(&loop->uv, &timer->handle);
    timer->handle.data = timer;
    uv_update_time(&loop->uv); /* otherwise it counts from the start of this turn, and fires early */
    uv_timer_start(&timer->handle, timer_ran, (uint64_t)delay, 0);
    return timer;
}

static void loop_timer_stop(void *ctx, struct rv_timer *timer)
{
    struct loop *loop = ctx;
    if (timer != NULL && timer->soon) {
        TAILQ_REMOVE(&loop->soon, timer, entry);
        rv_free(timer);
    } else if (timer != NULL) {
        timer_gone(timer);
    }
}

static void run_soon(struct loop *loop)
{
    uint64_t turn = loop->turn++; /* those made from now on wait for the next turn */
    struct rv_timer *timer;
    while ((timer = TAILQ_FIRST(&loop->soon)) != NULL && timer->turn <= turn) {
        void (*fn)(void *) = timer->fn;
        void *arg = timer->arg;
        loop_timer_stop(loop, timer);
        fn(arg);
    }
}

/* Posts */

static void loop_post(void *ctx, void (*fn)(void *arg), void *arg)
{
    struct loop *loop = ctx;
    struct post *post = rv_alloc(sizeof *post);
    *post = (struct post){NULL, fn, arg};
    pthread_mutex_lock(&loop->lock);
    *loop->last = post;
    loop->last = &post->next;
    uv_async_send(&loop->wake); /* inside the lock: whoever takes the post may be about to close the handle */
    pthread_mutex_unlock(&loop->lock);
}

void rv_loop_run_posts(struct rv_loop *port)
{
    struct loop *loop = port->ctx;
    pthread_mutex_lock(&loop->lock);
    struct post *post = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    while (post != NULL) {
        struct post *next = post->next;
        post->fn(post->arg);
        rv_free(post);
        post = next;
    }
}

static void woken(uv_async_t *handle)
{
    struct loop *loop = handle->data;
    rv_loop_run_posts(&loop->port);
    run_soon(loop);
    pthread_mutex_lock(&loop->lock);
    bool stop = loop->stop && loop->first == NULL;
    pthread_mutex_unlock(&loop->lock);
    if (stop)
        uv_stop(&loop->uv);
}

/* Life */

static const struct rv_loop_ops ops = {.timer = loop_timer, .timer_stop = loop_timer_stop, .post = loop_post};

struct rv_loop *rv_loop_create(void)
{
    struct loop *loop = rv_zalloc(sizeof *loop);
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL: a client that leaves must not end us */
    loop->port = (struct rv_loop){&ops, loop, &rv_clock_system};
    loop->last = &loop->first;
    TAILQ_INIT(&loop->soon);
    pthread_mutex_init(&loop->lock, NULL);
    if (uv_loop_init(&loop->uv) != 0 || uv_async_init(&loop->uv, &loop->wake, woken) != 0)
        rv_out_of_memory(sizeof *loop); /* no descriptors left this early is as final */
    loop->wake.data = loop;
    return &loop->port;
}

void rv_loop_run(struct rv_loop *port)
{
    struct loop *loop = port->ctx;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    pthread_mutex_lock(&loop->lock);
    loop->stop = false;
    pthread_mutex_unlock(&loop->lock);
}

void rv_loop_stop(struct rv_loop *port)
{
    struct loop *loop = port->ctx;
    pthread_mutex_lock(&loop->lock);
    loop->stop = true;
    uv_async_send(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
}

static void close_own(uv_handle_t *handle, __attribute__((unused)) void *arg)
{
    if (uv_is_closing(handle))
        return;
    if (handle->type == UV_TIMER) {
        timer_gone(handle->data); /* every timer on this loop is an rv_timer */
        return;
    }
    /* Anything else has outlived its owner. */
    assert(handle == (uv_handle_t *)&((struct loop *)arg)->wake || handle->type == UV_SIGNAL);
    uv_close(handle, NULL);
}

void rv_loop_destroy(struct rv_loop *port)
{
    if (port == NULL)
        return;
    struct loop *loop = port->ctx;
    rv_loop_run_posts(port);
    while (!TAILQ_EMPTY(&loop->soon))
        loop_timer_stop(loop, TAILQ_FIRST(&loop->soon));
    uv_walk(&loop->uv, close_own, loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&loop->uv);
    assert(busy == 0);
    (void)busy;
    pthread_mutex_destroy(&loop->lock);
    rv_free(loop);
}

static void signal_came(uv_signal_t *handle, int number)
{
    struct watch *watch = handle->data;
    watch->fn(watch->arg, number);
}

void rv_loop_on_signal(struct rv_loop *port, int number, void (*fn)(void *arg, int number), void *arg)
{
    struct loop *loop = port->ctx;
    assert(loop->watch_count < RV_COUNT(loop->watches));
    struct watch *watch = &loop->watches[loop->watch_count++];
    watch->fn = fn;
    watch->arg = arg;
    uv_signal_init(&loop->uv, &watch->handle);
    watch->handle.data = watch;
    uv_signal_start(&watch->handle, signal_came, number);
}
