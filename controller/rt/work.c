#include "rt/work.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rt/loop_priv.h"

struct task {
    struct task *next;
    struct work *work;
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct lane {
    struct work *work;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;
    struct task *first, **last;
    size_t size, threads, idle, queued, queue_limit;
    uint64_t finished;
    bool ending;
    pthread_t *ids;
};

struct work {
    struct rv_work port;
    struct rv_loop *loop;
    size_t outstanding; /* loop thread only: submitted and not yet done */
    pthread_mutex_t lock;
    pthread_cond_t back; /* something was posted: for destroy, which waits without running the loop */
    size_t posted;
    struct lane lanes[RV_LANE_COUNT];
};

static void task_done(void *arg)
{
    struct task *task = arg;
    task->work->outstanding--;
    task->done(task->arg);
    rv_free(task);
}

static void hand_back(struct work *work, struct task *task)
{
    pthread_mutex_lock(&work->lock);
    rv_loop_post(work->loop, task_done, task);
    work->posted++;
    pthread_cond_signal(&work->back);
    pthread_mutex_unlock(&work->lock);
}

static void *worker(void *arg)
{
    struct lane *lane = arg;
    pthread_mutex_lock(&lane->lock);
    for (;;) {
        while (lane->first == NULL && !lane->ending) {
            lane->idle++;
            pthread_cond_wait(&lane->more, &lane->lock);
            lane->idle--;
        }
        struct task *task = lane->first;
        if (task == NULL)
            break;
        lane->first = task->next;
        if (lane->first == NULL)
            lane->last = &lane->first;
        lane->queued--;
        pthread_mutex_unlock(&lane->lock);
        task->run(task->arg);
        pthread_mutex_lock(&lane->lock);
        lane->finished++;
        pthread_mutex_unlock(&lane->lock);
        hand_back(lane->work, task);
        pthread_mutex_lock(&lane->lock);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

/* Signals belong to the loop's thread. Running on fewer threads than wished is fine, on none is not. */
static void add_thread(struct lane *lane)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&lane->ids[lane->threads], NULL, worker, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0)
        lane->threads++;
    else if (lane->threads == 0)
        rv_out_of_memory(0);
}

static void work_submit(void *ctx, enum rv_lane which, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    struct work *work = ctx;
    struct lane *lane = &work->lanes[which];
    struct task *task = rv_alloc(sizeof *task);
    *task = (struct task){NULL, work, run, done, arg};
    work->outstanding++;
    pthread_mutex_lock(&lane->lock);
    *lane->last = task;
    lane->last = &task->next;
    lane->queued++;
    if (lane->queued > lane->idle && lane->threads < lane->size)
        add_thread(lane);
    pthread_cond_signal(&lane->more);
    pthread_mutex_unlock(&lane->lock);
}

static bool work_full(void *ctx, enum rv_lane which)
{
    struct lane *lane = &((struct work *)ctx)->lanes[which];
    pthread_mutex_lock(&lane->lock);
    bool full = lane->queued >= lane->queue_limit;
    pthread_mutex_unlock(&lane->lock);
    return full;
}

static const struct rv_work_ops ops = {.submit = work_submit, .full = work_full};

static void lane_init(struct lane *lane, struct work *work, int threads, size_t queue_limit)
{
    lane->work = work;
    lane->last = &lane->first;
    lane->size = (size_t)threads;
    lane->queue_limit = queue_limit;
    lane->ids = rv_calloc((size_t)threads, sizeof *lane->ids);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->more, NULL);
}

struct rv_work *rv_work_create(struct rv_loop *loop, const struct rv_work_options *options)
{
    static const struct rv_work_options none;
    if (options == NULL)
        options = &none;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int threads[RV_LANE_COUNT] = {
        [RV_LANE_CRYPTO] = cores > 0 ? (int)cores : 1, [RV_LANE_DB] = 2, [RV_LANE_REMOTE] = 64};
    static const size_t limits[RV_LANE_COUNT] = {[RV_LANE_CRYPTO] = 4096, [RV_LANE_DB] = 4096, [RV_LANE_REMOTE] = 65536};
    struct work *work = rv_zalloc(sizeof *work);
    work->port = (struct rv_work){&ops, work};
    work->loop = loop;
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->back, NULL);
    for (int i = 0; i < RV_LANE_COUNT; i++)
        lane_init(&work->lanes[i], work, options->threads[i] > 0 ? options->threads[i] : threads[i],
                  options->queue_limit[i] > 0 ? options->queue_limit[i] : limits[i]);
    return &work->port;
}

/* A done may submit again: as long as something is out, wait for it and run it. */
static void work_drain(struct work *work)
{
    size_t seen = 0;
    while (work->outstanding > 0) {
        pthread_mutex_lock(&work->lock);
        while (work->posted == seen)
            pthread_cond_wait(&work->back, &work->lock);
        seen = work->posted;
        pthread_mutex_unlock(&work->lock);
        rv_loop_run_posts(work->loop);
    }
}

static void lane_fini(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->ending = true;
    pthread_cond_broadcast(&lane->more);
    pthread_mutex_unlock(&lane->lock);
    for (size_t i = 0; i < lane->threads; i++)
        pthread_join(lane->ids[i], NULL);
    assert(lane->queued == 0);
    pthread_cond_destroy(&lane->more);
    pthread_mutex_destroy(&lane->lock);
    rv_free(lane->ids);
}

void rv_work_destroy(struct rv_work *port)
{
    if (port == NULL)
        return;
    struct work *work = port->ctx;
    work_drain(work);
    for (int i = 0; i < RV_LANE_COUNT; i++)
        lane_fini(&work->lanes[i]);
    pthread_cond_destroy(&work->back);
    pthread_mutex_destroy(&work->lock);
    rv_free(work);
}

void rv_work_stats(const struct rv_work *port, enum rv_lane which, struct rv_work_stats *ret)
{
    struct lane *lane = &((struct work *)port->ctx)->lanes[which];
    pthread_mutex_lock(&lane->lock);
    *ret = (struct rv_work_stats){.threads = lane->threads,
                                  .running = lane->threads - lane->idle,
                                  .queued = lane->queued,
                                  .queue_limit = lane->queue_limit,
                                  .finished = lane->finished};
    pthread_mutex_unlock(&lane->lock);
}
