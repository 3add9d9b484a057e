#include "ca/authority.h"

#include <stdio.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "ca/authority_priv.h"
#include "pki/pem.h"

#define KEY_MAX 100 /* characters of an idempotency key */

/* ---- first use ---- */

struct installed { /* argument of the start-up transaction */
    struct rv_authority *authority;
    const char *chain_pem; /* as the signer holds it: issuing certificate, then root */
    rv_time now, high;
};

static enum rv_status other_ca(const char *issuer, struct rv_error *err)
{
    rv_fail(err, RV_CONFLICT, "the signer holds another CA %s than the database knows", issuer);
    return rv_error_hint(err, RV_CONFLICT, "database and signer folder belong together: restore both from the same backup");
}

static enum rv_status install_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct installed *in = arg;
    struct rv_authority *a = in->authority;
    struct rv_issuer_row row = {0};
    enum rv_status status = rv_issuer_get(tx, a->issuer, &row, err);
    if (status == RV_OK) {
        bool same = rv_hash_equal(&row.spki, rv_ca_spki_hash(a->ca));
        rv_free(row.chain_pem);
        return same ? rv_meta_get_time(tx, RV_CA_CLOCK, &in->high, err) : other_ca(a->issuer, err);
    }
    if (status != RV_NOT_FOUND)
        return status;
    snprintf(row.name, sizeof row.name, "%s", a->issuer);
    row.spki = *rv_ca_spki_hash(a->ca);
    row.chain_pem = rv_strdup(in->chain_pem);
    row.created_at = in->now;
    status = rv_issuer_put(tx, &row, err);
    rv_free(row.chain_pem);
    struct rv_audit_event event = {.actor = "system", .action = "ca.created", .subject = a->issuer};
    if (status == RV_OK)
        status = rv_audit_append(tx, &event, in->now, err);
    RV_FAILPOINT("ca.before_install");
    return status == RV_OK ? rv_meta_get_time(tx, RV_CA_CLOCK, &in->high, err) : status;
}

/* The signer answers issuing certificate and root; servers send the first, clients trust the last. */
static enum rv_status take_chain(struct rv_authority *a, struct rv_bytes chain_pem, struct rv_error *err)
{
    struct rv_buf all = {0}, issuing = {0}, root = {0};
    int count = 0;
    struct rv_bytes rest, first, second;
    enum rv_status status = rv_pem_all(chain_pem, RV_PEM_CERTIFICATE, &all, &count, err);
    rest = rv_buf_bytes(&all);
    if (status == RV_OK && (count != 2 || !rv_chain_next(&rest, &first) || !rv_chain_next(&rest, &second)))
        status = rv_fail(err, RV_INTERNAL, "the signer answered %d certificates: expected issuing CA and root", count);
    if (status == RV_OK)
        status = rv_ca_create(first, &a->ca, err);
    if (status == RV_OK) {
        rv_pem_add(&issuing, RV_PEM_CERTIFICATE, first);
        rv_pem_add(&root, RV_PEM_CERTIFICATE, second);
        a->chain_pem = rv_buf_take(&issuing);
        a->root_pem = rv_buf_take(&root);
    }
    rv_buf_fini(&all);
    return status;
}

static enum rv_status install(struct rv_authority *a, struct rv_error *err)
{
    const struct rv_clock *clock = a->options.loop->clock;
    struct installed in = {.authority = a, .now = rv_now(clock)};
    struct rv_buf chain = {0};
    enum rv_status status = RV_UNCERTAIN;
    for (int attempt = 0; attempt < 3 && (status == RV_UNCERTAIN || status == RV_UNAVAILABLE); attempt++) {
        rv_buf_clear(&chain); /* setup may be asked again: it finishes what was begun */
        status = a->options.signer.ops->setup(a->options.signer.ctx, a->issuer, in.now, &chain, err);
    }
    if (status == RV_OK)
        status = take_chain(a, rv_buf_bytes(&chain), err);
    in.chain_pem = rv_buf_text(&chain);
    if (status == RV_OK)
        status = rv_store_write_now(a->options.store, install_tx, &in, err);
    RV_FAILPOINT("ca.installed");
    if (status == RV_OK) {
        rv_clock_guard_init(&a->guard, in.high, rv_now(clock), rv_mono(clock));
        a->high_stored = in.high;
    }
    rv_buf_fini(&chain);
    return status;
}

enum rv_status rv_authority_create(const struct rv_authority_options *options, struct rv_authority **ret,
                                   struct rv_error *err)
{
    struct rv_authority *a = rv_zalloc(sizeof *a);
    a->options = *options;
    a->options.ca_issuers_url = rv_strdup(options->ca_issuers_url);
    if (a->options.max_waiting <= 0)
        a->options.max_waiting = 10000;
    snprintf(a->issuer, sizeof a->issuer, "%s", options->issuer != NULL ? options->issuer : "internal");
    a->profiles = rv_profiles_create();
    enum rv_status status = install(a, err);
    if (status != RV_OK) {
        rv_authority_destroy(a);
        return status;
    }
    rv_resume_soon(a, 0, true);
    *ret = a;
    return RV_OK;
}

void rv_authority_stop(struct rv_authority *authority, void (*done)(void *arg), void *arg)
{
    authority->stopping = true;
    authority->stopped = done;
    authority->stopped_arg = arg;
    rv_loop_timer_stop(authority->options.loop, authority->resume_timer);
    authority->resume_timer = NULL;
    rv_stages_pump_soon(authority);
}

void rv_authority_destroy(struct rv_authority *authority)
{
    if (authority == NULL)
        return;
    rv_loop_timer_stop(authority->options.loop, authority->pump_timer);
    rv_loop_timer_stop(authority->options.loop, authority->resume_timer);
    rv_profiles_destroy(authority->profiles);
    rv_ca_destroy(authority->ca);
    rv_free(authority->chain_pem);
    rv_free(authority->root_pem);
    rv_free((char *)authority->options.ca_issuers_url);
    rv_free(authority);
}

/* ---- port/issuer.h ---- */

struct early { /* a refusal that must not be told before the call has returned */
    rv_issue_done done;
    void *arg;
    struct rv_error err;
};

static void tell_early(void *arg)
{
    struct early *early = arg;
    early->done(early->arg, early->err.status, NULL, &early->err);
    rv_free(early);
}

static void refuse(struct rv_authority *a, const struct rv_error *err, rv_issue_done done, void *arg)
{
    struct early *early = rv_zalloc(sizeof *early);
    *early = (struct early){done, arg, *err};
    a->stats.denied++;
    rv_loop_post(a->options.loop, tell_early, early);
}

static enum rv_status acceptable(struct rv_authority *a, const char *issuer, const char *key, struct rv_error *err)
{
    if (a->stopping)
        return rv_fail(err, RV_UNAVAILABLE, "the service is stopping");
    if (strcmp(issuer, a->issuer) != 0) {
        rv_fail(err, RV_NOT_FOUND, "the built-in CA is %s, not %s", a->issuer, issuer);
        return rv_error_where(err, RV_NOT_FOUND, "issuer");
    }
    size_t n = key == NULL ? 1 : strlen(key);
    if (n == 0 || n > KEY_MAX)
        return rv_fail(err, RV_INVALID, "an idempotency key of %zu characters: expected 1 to %d", n, KEY_MAX);
    if (a->queues[PREPARE].length >= a->options.max_waiting) {
        rv_fail(err, RV_LIMITED, "%d requests for certificates wait already", a->options.max_waiting);
        return rv_error_hint(err, RV_LIMITED, "ask again later");
    }
    return RV_OK;
}

static void issue(void *ctx, const struct rv_issue_request *request, rv_issue_done done, void *arg)
{
    struct rv_authority *a = ctx;
    struct rv_error err;
    if (acceptable(a, request->issuer, request->idempotency_key, &err) != RV_OK) {
        refuse(a, &err, done, arg);
        return;
    }
    struct job *job = rv_job_create(a);
    job->request = request;
    job->idempotency_key = request->idempotency_key;
    job->actor = request->actor;
    job->done = done;
    job->arg = arg;
    rv_job_enter(job, PREPARE);
}

static void find(void *ctx, const char *issuer, const char *idempotency_key, rv_issue_done done, void *arg)
{
    struct rv_authority *a = ctx;
    struct rv_error err;
    if (acceptable(a, issuer, idempotency_key, &err) != RV_OK) {
        refuse(a, &err, done, arg);
        return;
    }
    struct job *job = rv_job_create(a);
    job->idempotency_key = rv_arena_strdup(job->arena, idempotency_key);
    job->done = done;
    job->arg = arg;
    rv_job_enter(job, PREPARE);
}

static const struct rv_issuer_ops issuer_ops = {.type = "builtin", .issue = issue, .find = find};

struct rv_issuer rv_authority_issuer(struct rv_authority *authority)
{
    return (struct rv_issuer){&issuer_ops, authority};
}

const char *rv_authority_name(const struct rv_authority *authority)
{
    return authority->issuer;
}

const char *rv_authority_chain_pem(const struct rv_authority *authority)
{
    return authority->chain_pem;
}

const char *rv_authority_root_pem(const struct rv_authority *authority)
{
    return authority->root_pem;
}

void rv_authority_stats(const struct rv_authority *authority, struct rv_authority_stats *ret)
{
    *ret = authority->stats;
    ret->waiting = 0;
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        ret->waiting += authority->queues[stage].length;
}
