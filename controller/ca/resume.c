/* Intents without a certificate: left by a crash, or by a signer that was away. Each is signed again (the signer's journal
 * knows the same bytes, or takes them up now) and stored; what the signer refuses for good is abandoned (M-56). */
#include "ca/authority_priv.h"

#define RESUME_MAX 1024          /* in one round */
#define RESUME_AGE RV_SEC(40)    /* younger ones may be in the hands of a request: longer than it tries by itself */
#define RESUME_REPEAT RV_SEC(10) /* when there were more, or too young ones */

struct scan {
    struct rv_authority *authority;
    rv_time now;
    bool all, more;
    size_t count;
    struct job *jobs[RESUME_MAX];
};

static bool visit(void *arg, const struct rv_cert_row *row)
{
    struct scan *scan = arg;
    bool ours = strcmp(row->issuer, scan->authority->issuer) == 0;
    if (!ours)
        return true;
    if (!scan->all && row->reserved_at > scan->now - RESUME_AGE && row->reserved_at <= scan->now) {
        scan->more = true;
        return true;
    }
    if (scan->count == RESUME_MAX) {
        scan->more = true;
        return false;
    }
    struct job *job = rv_job_create(scan->authority);
    rv_job_adopt(job, row);
    job->actor = rv_arena_strdup(job->arena, row->actor);
    job->names = row->names != NULL ? rv_arena_strdup(job->arena, row->names) : NULL;
    scan->jobs[scan->count++] = job;
    return true;
}

static enum rv_status scan_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    return rv_cert_each_intent(tx, visit, arg, err);
}

static void scanned(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct scan *scan = arg;
    struct rv_authority *a = scan->authority;
    (void)err;
    a->resuming = false;
    a->stats.unresolved = (int64_t)scan->count;
    for (size_t i = 0; i < scan->count; i++)
        if (status == RV_OK && !a->stopping)
            rv_job_enter(scan->jobs[i], SIGN);
        else
            rv_job_destroy(scan->jobs[i]);
    if (status != RV_OK || scan->more)
        rv_resume_soon(a, RESUME_REPEAT, scan->all);
    rv_free(scan);
    rv_stages_pump(a); /* it may be what stopping waited for */
}

static void resume(void *arg)
{
    struct rv_authority *a = arg;
    a->resume_timer = NULL;
    if (a->resuming || a->stopping)
        return;
    a->resuming = true;
    struct scan *scan = rv_zalloc(sizeof *scan);
    scan->authority = a;
    scan->now = rv_now(a->options.loop->clock);
    scan->all = a->resume_all;
    a->resume_all = false;
    rv_store_read(a->options.store, scan_tx, scanned, scan);
}

void rv_resume_soon(struct rv_authority *authority, rv_dur delay, bool all)
{
    authority->resume_all |= all;
    if (authority->resume_timer == NULL && !authority->resuming && !authority->stopping)
        authority->resume_timer = rv_loop_timer(authority->options.loop, delay, resume, authority);
}
