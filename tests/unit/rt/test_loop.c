/* rt: the loop keeps the order of posts, timers wait and stop, lanes run and hand back. */
#include "support/cmocka.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rt/loop.h"
#include "rt/work.h"

struct bed {
    struct rv_loop *loop;
    struct rv_work *work;
    int steps, next;
    pthread_t loop_thread;
    struct rv_timer *timer, *other;
    int64_t at;
    atomic_int ran, at_once, most_at_once;
    size_t done;
};

static void stop(void *arg)
{
    rv_loop_stop(((struct bed *)arg)->loop);
}

static void must_not_run(void *arg)
{
    (void)arg;
    fail_msg("a stopped timer ran");
}

static void timer_early(void *arg)
{
    struct bed *bed = arg;
    assert_true(rv_mono(bed->loop->clock) - bed->at >= 20);
    assert_int_equal(bed->steps++, 2);
    rv_loop_timer_stop(bed->loop, bed->other);
    rv_loop_stop(bed->loop);
}

static void soon(void *arg)
{
    ((struct bed *)arg)->steps++;
}

static void timers(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create()};
    bed.at = rv_mono(bed.loop->clock);
    struct rv_timer *stopped = rv_loop_timer(bed.loop, 1, must_not_run, &bed);
    struct rv_timer *stopped_soon = rv_loop_timer(bed.loop, 0, must_not_run, &bed);
    bed.other = rv_loop_timer(bed.loop, 25, must_not_run, &bed);
    rv_loop_timer(bed.loop, 20, timer_early, &bed);
    rv_loop_timer(bed.loop, 0, soon, &bed);
    rv_loop_timer(bed.loop, -5, soon, &bed);
    assert_int_equal(bed.steps, 0); /* never inside the call */
    rv_loop_timer_stop(bed.loop, stopped);
    rv_loop_timer_stop(bed.loop, stopped_soon);
    rv_loop_timer_stop(bed.loop, NULL);
    rv_loop_run(bed.loop);
    assert_int_equal(bed.steps, 3);
    rv_loop_timer(bed.loop, RV_HOUR(1), must_not_run, &bed); /* destroy lets go of them */
    rv_loop_timer(bed.loop, 0, must_not_run, &bed);
    rv_loop_destroy(bed.loop);
}

static void again(void *arg)
{
    struct bed *bed = arg;
    bed->steps++;
    rv_loop_timer(bed->loop, 0, again, bed);
}

/* A chain of "soon" must not keep a timer from its time. */
static void soon_does_not_starve(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create()};
    rv_loop_timer(bed.loop, 0, again, &bed);
    rv_loop_timer(bed.loop, 10, stop, &bed);
    rv_loop_run(bed.loop);
    assert_true(bed.steps > 1);
    rv_loop_destroy(bed.loop);
}

struct note {
    struct bed *bed;
    int number;
};
#define NOTES 1000

static void arrive(void *arg)
{
    struct note *note = arg;
    assert_true(pthread_equal(pthread_self(), note->bed->loop_thread));
    assert_int_equal(note->number, note->bed->next++);
    if (note->number == NOTES - 1)
        rv_loop_stop(note->bed->loop);
    rv_free(note);
}

static void *post_many(void *arg)
{
    struct bed *bed = arg;
    for (int i = 0; i < NOTES; i++) {
        struct note *note = rv_alloc(sizeof *note);
        *note = (struct note){bed, i};
        rv_loop_post(bed->loop, arrive, note);
    }
    return NULL;
}

static void posts_keep_their_order(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create(), .loop_thread = pthread_self()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_many, &bed), 0);
    rv_loop_run(bed.loop);
    pthread_join(thread, NULL);
    assert_int_equal(bed.next, NOTES);
    rv_loop_destroy(bed.loop);
}

static void posts_left_over_run_at_the_end(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create()};
    rv_loop_stop(bed.loop); /* before run: run returns at once, and can be run again */
    rv_loop_run(bed.loop);
    rv_loop_post(bed.loop, soon, &bed);
    assert_int_equal(bed.steps, 0);
    rv_loop_destroy(bed.loop);
    assert_int_equal(bed.steps, 1);
}

static void signal_came(void *arg, int number)
{
    struct bed *bed = arg;
    bed->next = number;
    rv_loop_stop(bed->loop);
}

static void signals(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create()};
    rv_loop_on_signal(bed.loop, SIGTERM, signal_came, &bed);
    rv_loop_on_signal(bed.loop, SIGUSR1, signal_came, &bed);
    kill(getpid(), SIGTERM);
    rv_loop_run(bed.loop);
    assert_int_equal(bed.next, SIGTERM);
    kill(getpid(), SIGUSR1);
    rv_loop_run(bed.loop);
    assert_int_equal(bed.next, SIGUSR1);
    rv_loop_destroy(bed.loop);
}

/* Lanes */

static void count_run(void *arg)
{
    struct bed *bed = arg;
    int now = atomic_fetch_add(&bed->at_once, 1) + 1, most = atomic_load(&bed->most_at_once);
    while (now > most && !atomic_compare_exchange_weak(&bed->most_at_once, &most, now))
        continue;
    assert_false(pthread_equal(pthread_self(), bed->loop_thread));
    sched_yield();
    atomic_fetch_sub(&bed->at_once, 1);
    atomic_fetch_add(&bed->ran, 1);
}

static void count_done(void *arg)
{
    struct bed *bed = arg;
    assert_true(pthread_equal(pthread_self(), bed->loop_thread));
    if (++bed->done == 300)
        rv_loop_stop(bed->loop);
}

static void lanes_run_and_hand_back(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create(), .loop_thread = pthread_self()};
    bed.work = rv_work_create(bed.loop, &(struct rv_work_options){.threads = {[RV_LANE_CRYPTO] = 3, [RV_LANE_DB] = 1}});
    struct rv_work_stats stats;
    rv_work_stats(bed.work, RV_LANE_REMOTE, &stats);
    assert_int_equal(stats.threads, 0); /* nothing starts before it is needed */
    for (int i = 0; i < 300; i++)
        rv_work_submit(bed.work, RV_LANE_CRYPTO, count_run, count_done, &bed);
    assert_int_equal(bed.done, 0);
    rv_loop_run(bed.loop);
    assert_int_equal(atomic_load(&bed.ran), 300);
    assert_true(atomic_load(&bed.most_at_once) <= 3);
    rv_work_stats(bed.work, RV_LANE_CRYPTO, &stats);
    assert_int_equal(stats.finished, 300);
    assert_int_equal(stats.queued, 0);
    assert_true(stats.threads >= 1 && stats.threads <= 3);
    rv_work_destroy(bed.work);
    rv_loop_destroy(bed.loop);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    int waiting;
    size_t done;
};

static void wait_at(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->change);
    while (!gate->open)
        pthread_cond_wait(&gate->change, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void passed(void *arg)
{
    ((struct gate *)arg)->done++;
}

static void wait_for_waiting(struct gate *gate, int n)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < n)
        pthread_cond_wait(&gate->change, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

/* One lane full of hanging hosts leaves the others alone, says when it has enough, and destroy waits for all. */
static void a_stuck_lane_holds_up_nobody(void **state)
{
    (void)state;
    struct bed bed = {.loop = rv_loop_create(), .loop_thread = pthread_self(), .done = 299};
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0};
    bed.work = rv_work_create(
        bed.loop, &(struct rv_work_options){.threads = {[RV_LANE_REMOTE] = 2}, .queue_limit = {[RV_LANE_REMOTE] = 3}});
    assert_false(rv_work_full(bed.work, RV_LANE_REMOTE));
    for (int i = 0; i < 2; i++)
        rv_work_submit(bed.work, RV_LANE_REMOTE, wait_at, passed, &gate);
    wait_for_waiting(&gate, 2);
    for (int i = 0; i < 3; i++) {
        assert_false(rv_work_full(bed.work, RV_LANE_REMOTE));
        rv_work_submit(bed.work, RV_LANE_REMOTE, wait_at, passed, &gate);
    }
    assert_true(rv_work_full(bed.work, RV_LANE_REMOTE));
    rv_work_submit(bed.work, RV_LANE_DB, count_run, count_done, &bed);
    rv_loop_run(bed.loop); /* ends by the db lane's task */
    assert_int_equal(bed.done, 300);
    assert_int_equal(gate.done, 0);
    struct rv_work_stats stats;
    rv_work_stats(bed.work, RV_LANE_REMOTE, &stats);
    assert_int_equal(stats.threads, 2);
    assert_int_equal(stats.running, 2);
    assert_int_equal(stats.queued, 3);

    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.change);
    pthread_mutex_unlock(&gate.lock);
    rv_work_destroy(bed.work);
    assert_int_equal(gate.done, 5); /* each got its run and its done */
    rv_loop_destroy(bed.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers),
        cmocka_unit_test(soon_does_not_starve),
        cmocka_unit_test(posts_keep_their_order),
        cmocka_unit_test(posts_left_over_run_at_the_end),
        cmocka_unit_test(signals),
        cmocka_unit_test(lanes_run_and_hand_back),
        cmocka_unit_test(a_stuck_lane_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
