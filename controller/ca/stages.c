/* Moving jobs through the stages, up to RV_CA_BATCH at a time. Loop thread, but for the function that runs a batch. */
#include <stdio.h>

#include "base/failpoint.h"
#include "ca/authority_priv.h"

#define SIGN_ATTEMPTS 3
#define HIGH_EVERY RV_SEC(10) /* how far the clock's mark in the store may lag behind */

/* How many batches of a stage may be under way. Few: what waits meanwhile makes the next batch larger. */
static const int most[STAGE_COUNT] = {[PREPARE] = 2, [RESERVE] = 1, [SIGN] = 2};

/* ---- jobs and queues ---- */

struct job *rv_job_create(struct rv_authority *authority)
{
    struct job *job = rv_zalloc(sizeof *job);
    job->authority = authority;
    job->arena = rv_arena_create();
    return job;
}

void rv_job_destroy(struct job *job)
{
    rv_arena_destroy(job->arena);
    rv_free(job);
}

static void push(struct queue *q, struct job *job)
{
    job->next = NULL;
    if (q->last != NULL)
        q->last->next = job;
    else
        q->first = job;
    q->last = job;
    q->length++;
}

static struct job *pop(struct queue *q)
{
    struct job *job = q->first;
    q->first = job->next;
    if (q->first == NULL)
        q->last = NULL;
    q->length--;
    return job;
}

void rv_job_enter(struct job *job, enum stage stage)
{
    struct rv_authority *a = job->authority;
    job->stage = stage;
    push(&a->queues[stage], job);
    a->stats.in_flight++;
    rv_stages_pump_soon(a);
}

/* ---- answering ---- */

static void count(struct rv_authority *a, const struct job *job)
{
    if (job->abandoned)
        a->stats.abandoned++;
    if (job->status == RV_OK && job->request != NULL && !job->resumed)
        a->stats.issued++;
    else if (job->status == RV_OK && job->resumed)
        a->stats.resumed++;
    else if (job->status == RV_DENIED || job->status == RV_INVALID || job->status == RV_CONFLICT)
        a->stats.denied++;
    else if (job->status != RV_NOT_FOUND)
        a->stats.failed++;
    if (job->done == NULL && (job->status == RV_OK || job->abandoned) && a->stats.unresolved > 0)
        a->stats.unresolved--;
}

static void answer(struct job *job)
{
    struct rv_authority *a = job->authority;
    a->stats.in_flight--;
    count(a, job);
    if (job->done != NULL && job->status == RV_OK) {
        struct rv_issue_result result = {.certificate_id = job->id,
                                         .fingerprint = job->fingerprint,
                                         .not_before = job->not_before,
                                         .not_after = job->not_after,
                                         .certificate = job->der,
                                         .certificate_pem = job->pem,
                                         .chain_pem = a->chain_pem};
        memcpy(result.serial, job->serial, sizeof result.serial);
        job->done(job->arg, RV_OK, &result, NULL);
    } else if (job->done != NULL) {
        job->done(job->arg, job->status, NULL, &job->err);
    }
    RV_FAILPOINT("ca.answered");
    rv_job_destroy(job);
}

/* The signer was not reached, or its answer was not: the same bytes again, soon by hand, later by the resumer. */
static bool sign_again(struct job *job)
{
    bool link = job->status == RV_UNCERTAIN || job->status == RV_UNAVAILABLE || job->status == RV_TIMEOUT;
    if (!link || job->attempts >= SIGN_ATTEMPTS)
        return false;
    job->status = RV_OK;
    return true;
}

static void move_on(struct job *job, enum stage done)
{
    struct rv_authority *a = job->authority;
    if (done == PREPARE && job->status == RV_DENIED && job->request != NULL && job->id == 0) {
        job->refused = true;
        push(&a->queues[KEEP], job);
    } else if (done == SIGN && sign_again(job)) {
        push(&a->queues[SIGN], job);
    } else if (job->stage < STAGE_COUNT && (job->status == RV_OK || job->abandoned)) {
        push(&a->queues[job->stage], job);
    } else {
        if (job->status != RV_OK && (done == SIGN || done == KEEP || job->status == RV_UNCERTAIN) && !job->abandoned)
            rv_resume_soon(a, RV_RESUME_PAUSE, false);
        answer(job);
    }
}

/* ---- batches ---- */

static void finish(struct batch *b)
{
    struct rv_authority *a = b->authority;
    a->running[b->stage]--;
    for (size_t i = 0; i < b->count; i++)
        move_on(b->jobs[i], i < b->keep ? KEEP : b->stage);
    rv_free(b);
    rv_stages_pump(a);
}

static void run(void *arg)
{
    struct batch *b = arg;
    if (b->stage == PREPARE)
        rv_prepare(b->authority, b->jobs, b->count);
    else
        rv_sign(b->authority, b->jobs, b->count);
}

static void ran(void *arg)
{
    finish(arg);
}

/* The commit failed. Before signing that is all there is to say; after it the certificate exists, or soon will. */
static void fail_batch(struct batch *b, enum rv_status status, const struct rv_error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        struct job *job = b->jobs[i];
        if (job->refused)
            continue; /* it is refused, recorded or not */
        job->abandoned = false;
        job->err = *err;
        job->status = i < b->keep ? RV_UNCERTAIN : status;
        job->err.status = job->status;
    }
}

static void written(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct batch *b = arg;
    RV_FAILPOINT("ca.committed");
    if (status != RV_OK)
        fail_batch(b, status, err);
    else if (b->high > b->authority->high_stored)
        b->authority->high_stored = b->high;
    finish(b);
}

/* New certificates need a clock that is believed. */
static enum rv_status check_clock(struct rv_authority *a, struct batch *b)
{
    struct rv_error err;
    enum rv_status status = rv_authority_clock_check(a, &err);
    for (size_t i = 0; status != RV_OK && i < b->count; i++)
        if (b->jobs[i]->request != NULL) {
            b->jobs[i]->status = status;
            b->jobs[i]->err = err;
        }
    return status;
}

static void take(struct batch *b, struct queue *q)
{
    for (int n = 0; n < RV_CA_BATCH && q->length > 0; n++) {
        struct job *job = pop(q);
        job->now = b->now;
        b->jobs[b->count++] = job;
    }
}

static void start(struct rv_authority *a, enum stage stage)
{
    struct batch *b = rv_zalloc(sizeof *b);
    b->authority = a;
    b->stage = stage;
    b->now = rv_now(a->options.loop->clock);
    if (stage == RESERVE) {
        take(b, &a->queues[KEEP]);
        b->keep = b->count;
    }
    take(b, &a->queues[stage]);
    a->running[stage]++;
    if (stage == PREPARE)
        (void)check_clock(a, b);
    if (b->keep > 0 && a->guard.high >= a->high_stored + HIGH_EVERY)
        b->high = a->guard.high;
    if (stage == RESERVE)
        rv_store_write(a->options.store, rv_write_tx, written, b);
    else
        rv_work_submit(a->options.work, RV_LANE_CRYPTO, run, ran, b);
}

/* Large batches are what makes certificates cheap: a commit costs the same for one and for many. So preparing begins with
 * the end of a commit, when all that came meanwhile goes together, and a commit waits for what is being prepared. Neither
 * waits for the signer, which may be away. */
static bool may_start(const struct rv_authority *a, enum stage stage)
{
    int64_t waiting = a->queues[stage].length + (stage == RESERVE ? a->queues[KEEP].length : 0);
    int other = stage == PREPARE ? a->running[RESERVE] : stage == RESERVE ? a->running[PREPARE] : 0;
    return waiting > 0 && other == 0 && a->running[stage] < most[stage];
}

bool rv_stages_idle(const struct rv_authority *authority)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (authority->running[stage] > 0 || authority->queues[stage].length > 0)
            return false;
    return !authority->resuming;
}

static void tell_stopped(void *arg)
{
    struct rv_authority *a = arg;
    a->stopped(a->stopped_arg);
}

void rv_stages_pump(struct rv_authority *authority)
{
    static const enum stage order[] = {SIGN, PREPARE, RESERVE};
    for (size_t i = 0; i < RV_COUNT(order); i++)
        while (may_start(authority, order[i]))
            start(authority, order[i]);
    if (authority->stopping && !authority->told && rv_stages_idle(authority)) {
        authority->told = true;
        rv_loop_post(authority->options.loop, tell_stopped, authority);
    }
}

static void pump_now(void *arg)
{
    struct rv_authority *a = arg;
    a->pump_timer = NULL;
    rv_stages_pump(a);
}

/* Not at once: what the loop brings in this round goes together. */
void rv_stages_pump_soon(struct rv_authority *authority)
{
    if (authority->pump_timer == NULL)
        authority->pump_timer = rv_loop_timer(authority->options.loop, 0, pump_now, authority);
}
