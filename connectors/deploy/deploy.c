/* The connector: each call becomes a job on the remote lane that opens the transport, runs target.sh once, and reads its
 * answer. Jobs hold no state between steps; the target does. */
#include "deploy/deploy_priv.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "base/secret.h"
#include "deploy/controller_key.h"

#define DEADLINE RV_MIN(2) /* when the caller names none */
#define CONNECT_AT_MOST RV_SEC(15)
#define SERVER_COMMAND_AT_MOST RV_SEC(20)

struct connector {
    struct rv_deploy_options options;
    struct rv_connector_ops ops; /* one per connector, for its name */
};

struct job {
    struct connector *connector;
    const struct rv_deploy *deploy;
    enum rv_deploy_verb verb;
    struct rv_hash fingerprint, spki;
    const struct rv_pair *pair; /* stage; borrowed until done */
    struct rv_buf follow;       /* PEM that travels along: may hold a key */
    rv_dur armed;
    int64_t deadline; /* by the monotonic clock */
    struct rv_buf csr;
    struct rv_connector_result result;
    enum rv_status status;
    struct rv_error err;
    rv_connector_done done;
    void *arg;
};

static enum rv_status in_phase(struct job *job, const char *phase, enum rv_status status)
{
    snprintf(job->result.phase, sizeof job->result.phase, "%s", phase);
    return status;
}

/* Places where a test stops the controller: what was asked for may have happened. */
static void pass(enum rv_deploy_verb verb, bool answered)
{
    switch (verb) {
    case RV_DEPLOY_KEY:
    case RV_DEPLOY_TAKE_KEY:
        if (answered)
            RV_FAILPOINT("deploy.key.answered");
        else
            RV_FAILPOINT("deploy.key.asked");
        break;
    case RV_DEPLOY_STAGE:
        if (answered)
            RV_FAILPOINT("deploy.stage.answered");
        else
            RV_FAILPOINT("deploy.stage.asked");
        break;
    case RV_DEPLOY_SWITCH:
        if (answered)
            RV_FAILPOINT("deploy.switch.answered");
        else
            RV_FAILPOINT("deploy.switch.asked");
        break;
    case RV_DEPLOY_KEEP:
        if (answered)
            RV_FAILPOINT("deploy.keep.answered");
        else
            RV_FAILPOINT("deploy.keep.asked");
        break;
    case RV_DEPLOY_UNDO:
        if (answered)
            RV_FAILPOINT("deploy.undo.answered");
        else
            RV_FAILPOINT("deploy.undo.asked");
        break;
    default:
        break;
    }
}

static rv_dur left(const struct job *job)
{
    rv_dur rest = job->deadline - rv_mono(job->connector->options.clock);
    return rest < 1 ? 1 : rest;
}

static enum rv_status talk(struct job *job, struct rv_transport *link, struct rv_bytes input)
{
    char size[24];
    snprintf(size, sizeof size, "%zu", rv_deploy_script_size);
    const char *argv[] = {"sh", "-c", RV_DEPLOY_BOOTSTRAP, "reeve", size, NULL};
    struct rv_transport_result got = {.exit_code = -1};
    pass(job->verb, false);
    const struct rv_transport_ops *transport = job->connector->options.transport.ops;
    enum rv_status status = transport->run(link, argv, input, left(job), &got, &job->err);
    pass(job->verb, true);
    if (status != RV_OK) {
        if (status == RV_UNCERTAIN && job->verb == RV_DEPLOY_OBSERVE)
            job->err.status = status = RV_UNAVAILABLE; /* looking changes nothing */
        in_phase(job, "answer", status);
    } else {
        status = rv_deploy_answer(job->verb, &got, &job->csr, &job->result, &job->err);
    }
    rv_buf_fini(&got.out);
    rv_buf_fini(&got.err);
    return status;
}

static enum rv_status carry_out(struct job *job)
{
    rv_dur patience = job->deploy->deadline / 5;
    struct rv_deploy_step step = {
        .verb = job->verb,
        .fingerprint = rv_hash_is_zero(&job->fingerprint) ? NULL : &job->fingerprint,
        .spki = rv_hash_is_zero(&job->spki) ? NULL : &job->spki,
        .armed = job->armed,
        .patience = patience < RV_SEC(2) || patience > SERVER_COMMAND_AT_MOST ? SERVER_COMMAND_AT_MOST : patience,
        .follow = rv_buf_bytes(&job->follow),
    };
    struct rv_buf input = {0};
    rv_buf_add(&input, rv_deploy_script, rv_deploy_script_size);
    enum rv_status status = rv_deploy_input(job->deploy, &step, &input, &job->err);
    struct rv_transport *link = NULL;
    const struct rv_transport_kind *kind = &job->connector->options.transport;
    if (status != RV_OK) {
        in_phase(job, "input", status);
    } else {
        rv_dur wait = left(job);
        status = kind->ops->open(kind->ctx, job->deploy->target_spec, wait < CONNECT_AT_MOST ? wait : CONNECT_AT_MOST, &link,
                                 &job->err);
        if (status != RV_OK)
            in_phase(job, "connect", status);
    }
    if (status == RV_OK) {
        status = talk(job, link, rv_buf_bytes(&input));
        kind->ops->close(link);
    }
    rv_buf_wipe_fini(&input);
    return status;
}

/* privateKey.generateOn: controller. The key lives here between two calls of this function's frame, and nowhere else. */
static enum rv_status bring_key(struct job *job)
{
    struct rv_buf csr = {0};
    enum rv_status status = rv_controller_key(job->deploy->certificate_spec, &job->follow, &job->spki, &csr, &job->err);
    if (status != RV_OK)
        return in_phase(job, "input", status);
    struct rv_hash made = job->spki;
    job->verb = RV_DEPLOY_TAKE_KEY;
    status = carry_out(job);
    if (status == RV_OK && !rv_hash_equal(&made, &job->result.spki))
        status = in_phase(job, "answer", rv_fail(&job->err, RV_UNCERTAIN, "the target stored another key than it was sent"));
    if (status == RV_OK) {
        job->csr = csr;
        job->result.csr = rv_buf_bytes(&job->csr);
    } else {
        rv_buf_fini(&csr);
    }
    return status;
}

static enum rv_status send_pair(struct job *job)
{
    enum rv_status status = rv_deploy_check_names(job->deploy->certificate_spec, job->pair->certificate_pem, &job->err);
    return status == RV_OK ? carry_out(job) : in_phase(job, "input", status);
}

static enum rv_status check_request(struct job *job)
{
    struct rv_hash spki;
    enum rv_status status = rv_controller_key_of_request(job->result.csr, &spki, &job->err);
    if (status == RV_OK && !rv_hash_equal(&spki, &job->result.spki))
        status = rv_fail(&job->err, RV_INVALID, "the request that came back is for another key than the target stored");
    return status == RV_OK ? RV_OK : in_phase(job, "answer", status);
}

static void run(void *arg)
{
    struct job *job = arg;
    if (job->verb == RV_DEPLOY_KEY && job->deploy->certificate_spec->key.place == RV_KEY_ON_CONTROLLER) {
        job->status = bring_key(job);
    } else if (job->verb == RV_DEPLOY_STAGE) {
        job->status = send_pair(job);
    } else {
        job->status = carry_out(job);
        if (job->status == RV_OK && job->verb == RV_DEPLOY_KEY)
            job->status = check_request(job);
    }
    if (job->status != RV_OK && job->err.where[0] == '\0')
        rv_error_where(&job->err, job->status, "target %s", job->deploy->target);
}

static void finish(void *arg)
{
    struct job *job = arg;
    job->done(job->arg, job->status, &job->result, job->status == RV_OK ? NULL : &job->err);
    rv_buf_wipe_fini(&job->follow);
    rv_buf_fini(&job->csr);
    rv_free(job);
}

static struct job *job_create(void *ctx, const struct rv_deploy *d, enum rv_deploy_verb verb, rv_connector_done done,
                              void *arg)
{
    struct connector *connector = ctx;
    struct job *job = rv_zalloc(sizeof *job);
    job->connector = connector;
    job->deploy = d;
    job->verb = verb;
    job->deadline = rv_mono(connector->options.clock) + (d->deadline > 0 ? d->deadline : DEADLINE);
    job->result.report.free_bytes = -1;
    job->done = done;
    job->arg = arg;
    return job;
}

static void submit(struct job *job)
{
    rv_work_submit(job->connector->options.work, RV_LANE_REMOTE, run, finish, job);
}

static void observe(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg)
{
    submit(job_create(ctx, d, RV_DEPLOY_OBSERVE, done, arg));
}

static void make_key(void *ctx, const struct rv_deploy *d, rv_connector_done done, void *arg)
{
    submit(job_create(ctx, d, RV_DEPLOY_KEY, done, arg));
}

static void stage(void *ctx, const struct rv_deploy *d, const struct rv_pair *pair, rv_connector_done done, void *arg)
{
    struct job *job = job_create(ctx, d, RV_DEPLOY_STAGE, done, arg);
    job->fingerprint = pair->fingerprint;
    job->spki = pair->spki;
    job->pair = pair;
    rv_buf_add_text(&job->follow, pair->certificate_pem);
    if (job->follow.len > 0 && job->follow.data[job->follow.len - 1] != '\n')
        rv_buf_add_text(&job->follow, "\n");
    if (pair->chain_pem != NULL)
        rv_buf_add_text(&job->follow, pair->chain_pem);
    submit(job);
}

static void switch_to(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_dur armed,
                      rv_connector_done done, void *arg)
{
    struct job *job = job_create(ctx, d, RV_DEPLOY_SWITCH, done, arg);
    job->fingerprint = *fingerprint;
    job->armed = armed;
    submit(job);
}

static void keep(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg)
{
    struct job *job = job_create(ctx, d, RV_DEPLOY_KEEP, done, arg);
    job->fingerprint = *fingerprint;
    submit(job);
}

static void undo(void *ctx, const struct rv_deploy *d, const struct rv_hash *fingerprint, rv_connector_done done, void *arg)
{
    struct job *job = job_create(ctx, d, RV_DEPLOY_UNDO, done, arg);
    job->fingerprint = *fingerprint;
    submit(job);
}

void rv_deploy_create(const struct rv_deploy_options *options, struct rv_connector *ret)
{
    struct connector *connector = rv_zalloc(sizeof *connector);
    connector->options = *options;
    connector->ops = (struct rv_connector_ops){
        .name = options->transport.ops->name,
        .observe = observe,
        .make_key = make_key,
        .stage = stage,
        .switch_to = switch_to,
        .keep = keep,
        .undo = undo,
    };
    *ret = (struct rv_connector){&connector->ops, connector};
}

void rv_deploy_destroy(struct rv_connector *connector)
{
    rv_free(connector->ctx);
    *connector = (struct rv_connector){0};
}
