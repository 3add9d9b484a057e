/* A loop that runs when the test says so, and a thread for each piece of work. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "contract/store_contract.h"

enum { DEADLINE_S = 30 };

struct task {
    struct task *next;
    void (*fn)(void *arg), (*done)(void *arg);
    void *arg;
    struct test_loop *loop;
};
struct test_loop {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct task *first, **last;
    int working;
    struct rv_loop port;
    struct rv_work work;
};

static void post(void *ctx, void (*fn)(void *arg), void *arg)
{
    struct test_loop *loop = ctx;
    struct task *task = rv_zalloc(sizeof *task);
    *task = (struct task){.fn = fn, .arg = arg};
    pthread_mutex_lock(&loop->lock);
    *loop->last = task;
    loop->last = &task->next;
    pthread_cond_broadcast(&loop->changed);
    pthread_mutex_unlock(&loop->lock);
}

static void *work_thread(void *arg)
{
    struct task *task = arg;
    struct test_loop *loop = task->loop;
    task->fn(task->arg);
    post(loop, task->done, task->arg);
    rv_free(task);
    pthread_mutex_lock(&loop->lock);
    loop->working--;
    pthread_cond_broadcast(&loop->changed);
    pthread_mutex_unlock(&loop->lock);
    return NULL;
}

static void submit(void *ctx, enum rv_lane lane, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    (void)lane;
    struct test_loop *loop = ctx;
    struct task *task = rv_zalloc(sizeof *task);
    *task = (struct task){.fn = run, .done = done, .arg = arg, .loop = loop};
    pthread_mutex_lock(&loop->lock);
    loop->working++;
    pthread_mutex_unlock(&loop->lock);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work_thread, task), 0);
    pthread_detach(thread);
}

static const struct rv_loop_ops loop_ops = {.post = post};
static const struct rv_work_ops work_ops = {.submit = submit};

struct test_loop *test_loop_create(void)
{
    struct test_loop *loop = rv_zalloc(sizeof *loop);
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->changed, NULL);
    loop->last = &loop->first;
    loop->port = (struct rv_loop){.ops = &loop_ops, .ctx = loop};
    loop->work = (struct rv_work){.ops = &work_ops, .ctx = loop};
    return loop;
}

struct rv_loop *test_loop_port(struct test_loop *loop)
{
    return &loop->port;
}

struct rv_work *test_loop_work(struct test_loop *loop)
{
    return &loop->work;
}

/* Runs one posted function; false when there is none. */
static bool run_one(struct test_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct task *task = loop->first;
    if (task != NULL) {
        loop->first = task->next;
        if (loop->first == NULL)
            loop->last = &loop->first;
    }
    pthread_mutex_unlock(&loop->lock);
    if (task == NULL)
        return false;
    task->fn(task->arg);
    rv_free(task);
    return true;
}

void test_loop_drain(struct test_loop *loop)
{
    while (run_one(loop))
        ;
}

static void wait_for_change(struct test_loop *loop, const struct timespec *deadline)
{
    pthread_mutex_lock(&loop->lock);
    int failed = 0;
    while (loop->first == NULL && loop->working >= 0 && failed == 0)
        failed = pthread_cond_timedwait(&loop->changed, &loop->lock, deadline);
    pthread_mutex_unlock(&loop->lock);
    if (failed == ETIMEDOUT)
        fail_msg("nothing was posted in %d s", DEADLINE_S);
}

void test_loop_until(struct test_loop *loop, const int *count, int wanted)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += DEADLINE_S;
    while (*count < wanted) {
        if (!run_one(loop))
            wait_for_change(loop, &deadline);
    }
}

void test_loop_destroy(struct test_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (loop->working > 0)
        pthread_cond_wait(&loop->changed, &loop->lock);
    pthread_mutex_unlock(&loop->lock);
    test_loop_drain(loop);
    pthread_mutex_destroy(&loop->lock);
    pthread_cond_destroy(&loop->changed);
    rv_free(loop);
}
