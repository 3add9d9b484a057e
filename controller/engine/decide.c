/* Deciding: read the facts, ask the plan, write the intent, gather what the step needs. One write transaction, so that
 * two bindings of a rollout can never both believe that they are the only one at risk. */
#include <stdio.h>

#include "base/text.h"
#include "engine/engine_priv.h"

static enum rv_status plan(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    const struct rv_policy *policy = &job->engine->o.policy;
    job->action = rv_plan_next(policy, &job->row.facts, NULL, now);
    if (!rv_plan_asks_neighbours(&job->row.facts, &job->action))
        return RV_OK;
    struct rv_rollout_view view;
    enum rv_status status = rv_rollout_view_load(tx, policy, &job->row, now, &view, err);
    if (status == RV_OK)
        job->action = rv_plan_next(policy, &job->row.facts, &view, now);
    return status;
}

/* ---- What a step needs ------------------------------------------------------------------------------------------ */

#define MAX_ENDPOINTS 1000

static bool add_endpoint(void *arg, const struct rv_endpoint_row *row)
{
    struct call *call = arg;
    if (call->probe_count == call->probe_room)
        return false;
    struct probe_slot *slot = &call->probes[call->probe_count];
    int port;
    char host[254];
    slot->endpoint = *row;
    if (rv_hostport_parse(row->address, 443, host, &port, NULL) != RV_OK)
        return true; /* was checked when it was declared */
    slot->call = call;
    slot->spec = (struct rv_probe_spec){
        .host = rv_arena_strdup(call->arena, host),
        .port = port,
        .server_name = row->server_name[0] != '\0' ? rv_arena_strdup(call->arena, row->server_name) : NULL,
        .timeout = RV_SEC(10),
        .trust = call->trust != NULL ? rv_buf_bytes(&call->trust->pem) : (struct rv_bytes){0},
        .system_trust = true,
    };
    call->probe_count++;
    return true;
}

static enum rv_status prepare_probe(struct rv_tx *tx, const struct job *job, struct call *call, struct rv_error *err)
{
    int wanted = job->row.facts.wanted.endpoints;
    call->probe_room = (size_t)(wanted < MAX_ENDPOINTS ? wanted : MAX_ENDPOINTS);
    call->probes = rv_arena_alloc(call->arena, (call->probe_room + 1) * sizeof *call->probes);
    return rv_endpoint_each(tx, job->binding, add_endpoint, call, err);
}

/* The CSR is in the evidence of the step that made its key. */
struct search {
    const struct rv_hash *spki;
    struct rv_arena *arena;
    struct rv_bytes csr;
};

static bool find_csr(void *arg, const struct rv_effect_row *row)
{
    struct search *s = arg;
    if (row->step != RV_STEP_KEY || row->evidence == NULL)
        return true;
    RV_AUTO(json) json_t *evidence = NULL;
    char spki[RV_HASH_TEXT];
    if (rv_json_parse(rv_bytes_of(row->evidence), &evidence, NULL) != RV_OK ||
        strcmp(rv_json_get_text(evidence, "spki", ""), rv_hash_hex(spki, s->spki)) != 0)
        return true;
    const char *text = rv_json_get_text(evidence, "csr", "");
    struct rv_buf der = {0};
    if (rv_unbase64(&der, text, strlen(text), false) && der.len > 0)
        s->csr = RV_BYTES(rv_arena_memdup(s->arena, der.data, der.len), der.len);
    rv_buf_fini(&der);
    return s->csr.len == 0;
}

/* The name under which the issuer knows this wish: the same for every attempt with the same key. */
static void issue_key(const struct rv_binding *b, char out[static 101])
{
    char spki[RV_HASH_TEXT];
    snprintf(out, 101, "binding-%lld-%lld-%.24s", (long long)b->id, (long long)b->pending.made_at,
             rv_hash_hex(spki, &b->pending.spki));
}

static enum rv_status prepare_issue(struct rv_tx *tx, struct job *job, struct call *call, struct rv_error *err)
{
    struct rv_binding *b = &job->row.facts;
    issue_key(b, call->idempotency_key);
    struct search s = {&b->pending.spki, call->arena, {0}};
    enum rv_status status = rv_effect_each(tx, b->id, 0, 0, find_csr, &s, err);
    if (status != RV_OK)
        return status;
    if (s.csr.len == 0) { /* cannot be: the same transaction stored both. A new key mends it. */
        b->pending.have = false;
        return rv_fail(err, RV_NOT_FOUND, "the request that belongs to the key is not in the journal");
    }
    const struct rv_certificate_spec *spec = call->deploy.certificate_spec;
    call->request = (struct rv_issue_request){
        .idempotency_key = call->idempotency_key,
        .issuer = call->issuer,
        .profile = spec->profile,
        .csr = s.csr,
        .wanted = spec,
        .duration = spec->duration,
        .binding = b->id,
        .renew_request = b->pending.renew_request,
        .spec = b->pending.spec,
        .actor = "engine",
    };
    return RV_OK;
}

/* Chain and leaf come from the issuer again: it is the one that keeps them. */
static enum rv_status prepare_stage(struct rv_tx *tx, struct job *job, struct call *call, struct rv_error *err)
{
    struct rv_cert_row cert = {0};
    enum rv_status status = rv_cert_by_id(tx, job->row.facts.issued.certificate_id, &cert, err);
    if (status != RV_OK)
        return status;
    snprintf(call->idempotency_key, sizeof call->idempotency_key, "%s", cert.idempotency_key);
    call->issuer = rv_arena_strdup(call->arena, cert.issuer);
    call->pair.fingerprint = cert.fingerprint;
    call->pair.spki = cert.spki;
    rv_cert_row_fini(&cert);
    return RV_OK;
}

/* The wish of the unfinished effect, as the issuer knows it. */
static enum rv_status prepare_question(struct rv_tx *tx, struct job *job, struct call *call, struct rv_error *err)
{
    struct rv_effect_row open;
    enum rv_status status = rv_effect_open(tx, job->binding, &open, err);
    if (status == RV_OK)
        snprintf(call->idempotency_key, sizeof call->idempotency_key, "%s", open.idempotency_key);
    return status;
}

static enum rv_status find_issuer_type(struct rv_tx *tx, struct call *call, struct rv_error *err)
{
    const struct rv_object *issuer = NULL;
    enum rv_status status = rv_object_load(tx, RV_KIND_ISSUER, call->issuer, call->arena, &issuer, err);
    if (status == RV_OK)
        call->issuer_type = issuer->issuer.type;
    return status;
}

static enum rv_status prepare(struct rv_tx *tx, struct job *job, struct call *call, struct rv_error *err)
{
    const struct rv_object *certificate = NULL, *target = NULL;
    enum rv_step step = call->action.step;
    if (step == RV_STEP_PROBE)
        return prepare_probe(tx, job, call, err);
    enum rv_status status = rv_object_load(tx, RV_KIND_CERTIFICATE, job->row.certificate, call->arena, &certificate, err);
    if (status == RV_OK)
        status = rv_object_load(tx, RV_KIND_TARGET, job->row.target, call->arena, &target, err);
    if (status != RV_OK)
        return status;
    call->asks_issuer = step == RV_STEP_OBSERVE && job->row.facts.unfinished == RV_STEP_ISSUE;
    call->fingerprint = job->row.facts.issued.fingerprint;
    call->issuer = certificate->certificate.issuer;
    call->request.spec = job->row.facts.wanted.spec;
    call->request.renew_request = job->row.facts.wanted.renew_request;
    call->deploy = (struct rv_deploy){
        .certificate = certificate->name,
        .target = target->name,
        .certificate_spec = &certificate->certificate,
        .target_spec = &target->target,
        .deadline = rv_step_of(step)->deadline,
    };
    if (call->asks_issuer)
        status = prepare_question(tx, job, call, err);
    else if (step == RV_STEP_ISSUE)
        status = prepare_issue(tx, job, call, err);
    else if (step == RV_STEP_STAGE)
        status = prepare_stage(tx, job, call, err);
    if (status == RV_OK && (call->asks_issuer || step == RV_STEP_ISSUE || step == RV_STEP_STAGE))
        status = find_issuer_type(tx, call, err);
    return status;
}

static enum rv_status begin(struct rv_tx *tx, struct job *job, struct call *call, rv_time now, struct rv_error *err)
{
    struct rv_effect_row effect = {
        .binding = job->binding,
        .step = call->action.step,
        .state = RV_EFFECT_INTENT,
        .attempt = job->row.facts.budget.failures + 1, /* in a row; counting them all would read them all */
        .begun_at = now,
    };
    snprintf(effect.reason, sizeof effect.reason, "%s", rv_reason_code(call->action.reason));
    if (effect.step == RV_STEP_ISSUE)
        snprintf(effect.idempotency_key, sizeof effect.idempotency_key, "%s", call->idempotency_key);
    else
        snprintf(effect.idempotency_key, sizeof effect.idempotency_key, "%s-%lld-%lld", rv_step_name(effect.step),
                 (long long)job->binding, (long long)now);
    enum rv_status status = rv_effect_begin(tx, &effect, &call->effect, err);
    if (status == RV_OK)
        job->row.facts.unfinished = effect.step;
    return status;
}

/* What the step needs is not there: say so, and come back. */
static enum rv_status cannot(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    struct rv_error why = *err;
    char text[480];
    snprintf(job->row.fault, sizeof job->row.fault, "%s: %s", rv_step_name(job->action.step),
             rv_error_text(&why, text, sizeof text));
    job->row.fault_at = now;
    job->row.due_at = now + RV_MIN(5);
    job->action.verdict = RV_WAIT;
    rv_call_free(RV_TAKE(job->next_call));
    return rv_binding_save(tx, &job->row, err);
}

enum rv_status rv_job_decide(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    rv_call_free(RV_TAKE(job->next_call)); /* of a run that was rolled back */
    rv_binding_clamp(&job->row.facts, now);
    enum rv_status status = plan(tx, job, now, err);
    if (status != RV_OK)
        return status;
    /* What is in work stays due, so that it is taken up again after a crash. */
    job->row.due_at = job->action.verdict == RV_DO ? now : job->action.not_before;
    if (job->action.verdict != RV_DO)
        return rv_binding_save(tx, &job->row, err);
    struct rv_error why = {0};
    struct call *call = job->next_call = rv_call_create(job);
    call->action = job->action;
    status = prepare(tx, job, call, &why);
    if (status == RV_UNAVAILABLE || status == RV_INTERNAL || status == RV_LIMITED) {
        *err = why;
        return status; /* the store itself */
    }
    if (status != RV_OK)
        return cannot(tx, job, now, &why);
    status = rv_binding_save(tx, &job->row, err);
    if (status == RV_OK && rv_step_of(job->action.step)->journalled)
        status = begin(tx, job, call, now, err);
    return status;
}
