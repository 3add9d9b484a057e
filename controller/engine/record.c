/* Recording: what a port answered becomes facts, and nothing else does. One write transaction takes in the answer, ends
 * the effect and writes the audit; decide.c then decides the next step in the same one. */
#include <stdio.h>

#include "core/retry.h"
#include "engine/engine_priv.h"
#include "port/store_audit.h"

struct record { /* one answer on its way into the facts */
    struct rv_tx *tx;
    struct job *job;
    struct call *call;
    struct rv_binding *b; /* of job->row, freshly read */
    rv_time now;
    json_t *evidence;
    struct rv_error *err;
};

static enum rv_status audit(struct record *r, const char *action, const char *subject_tail, const json_t *detail)
{
    char subject[140];
    snprintf(subject, sizeof subject, "%s%s%s%s%s", r->job->certificate, r->job->target[0] != '\0' ? "/" : "",
             r->job->target, subject_tail != NULL ? " " : "", subject_tail != NULL ? subject_tail : "");
    RV_AUTO(char) char *text = detail != NULL ? rv_json_text(detail) : NULL;
    struct rv_audit_event event = {"engine", action, subject, text};
    return rv_audit_append(r->tx, &event, r->now, r->err);
}

/* ---- Failure and success ---------------------------------------------------------------------------------------- */

static enum rv_status failed(struct record *r, enum rv_step step, enum rv_status status, const struct rv_error *why)
{
    struct rv_budget *budget = &r->b->budget;
    char text[480];
    budget->failures++;
    budget->failed_step = step;
    budget->failed_status = status;
    budget->not_before = r->now + rv_retry_delay(rv_retry_for(step, status), budget->failures, r->b->id);
    snprintf(r->job->row.fault, sizeof r->job->row.fault, "%s: %s", rv_step_name(step),
             rv_error_text(why, text, sizeof text));
    r->job->row.fault_at = r->now;
    /* A target that is away for a week is worth a few rows, not hundreds. */
    if ((budget->failures & (budget->failures - 1)) != 0)
        return RV_OK;
    RV_AUTO(json) json_t *detail = rv_json_error(why);
    rv_json_set_text(detail, "step", rv_step_name(step));
    rv_json_set_int(detail, "failures", budget->failures);
    return audit(r, "step.failed", NULL, detail);
}

static void succeeded(struct record *r, enum rv_step step)
{
    if (r->b->budget.failed_step != step)
        return;
    r->b->budget.failures = 0;
    r->b->budget.not_before = 0;
    r->b->budget.failed_step = RV_STEP_NONE;
    r->b->budget.failed_status = RV_OK;
    r->job->row.fault[0] = '\0';
    r->job->row.fault_at = 0;
}

static void forget_target(struct rv_binding *b)
{
    b->target.observed_at = 0;
}

/* The switch is not in place (any more): the next one starts from the beginning. */
static void not_switched(struct rv_binding *b)
{
    b->switched_at = 0;
    b->settle_probes = 0;
    forget_target(b);
}

/* Put back on the target. A repair of drift is governed by the breaker for rivals, not by the rollout's budget. */
static void count_put_back(struct rv_binding *b)
{
    if (!rv_hash_equal(&b->proved, &b->issued.fingerprint))
        b->budget.switch_failures++;
}

/* ---- One function for each step's answer ------------------------------------------------------------------------ */

static enum rv_status key_made(struct record *r)
{
    const struct rv_connector_result *c = &r->call->connector;
    struct rv_buf csr = {0};
    rv_base64(&csr, c->csr, false);
    rv_json_set_hash(r->evidence, "spki", &c->spki);
    rv_json_set_text(r->evidence, "csr", rv_buf_text(&csr));
    rv_buf_fini(&csr);
    /* What the key was made for is what was wanted when the step was decided. */
    r->b->pending.have = true;
    r->b->pending.spec = r->call->request.spec;
    r->b->pending.renew_request = r->call->request.renew_request;
    r->b->pending.spki = c->spki;
    r->b->pending.made_at = r->now;
    r->b->target.key_lost = false;
    return RV_OK;
}

static enum rv_status certificate_issued(struct record *r)
{
    const struct rv_issue_result *i = &r->call->issue;
    struct rv_binding *b = r->b;
    bool within = b->issued.have && r->now - b->issued.issued_at < RV_DAY(1);
    b->budget.issued_in_window = within ? b->budget.issued_in_window + 1 : 1;
    b->budget.switch_failures = 0;
    b->issued = (struct rv_issued){
        .have = true,
        .fingerprint = i->fingerprint,
        .spec = b->pending.spec,
        .certificate_id = i->certificate_id,
        .renew_request = b->pending.renew_request,
        .not_before = i->not_before,
        .not_after = i->not_after,
        .issued_at = r->now,
    };
    b->pending.have = false;
    b->target.staged = false;
    b->switched_at = 0;
    b->settle_probes = 0;
    rv_json_set_text(r->evidence, "serial", i->serial);
    rv_json_set_hash(r->evidence, "fingerprint", &i->fingerprint);
    rv_json_set_time(r->evidence, "notAfter", i->not_after);
    return rv_served_load(r->tx, &r->job->row, r->err); /* what was good is now what was there before */
}

static enum rv_status pair_staged(struct record *r)
{
    r->b->target.staged = true;
    return RV_OK;
}

static enum rv_status target_switched(struct record *r)
{
    struct rv_binding *b = r->b;
    if (r->call->action.reason == RV_WHY_DRIFT)
        b->budget.drifts = b->switched_at != 0 && r->now - b->switched_at < RV_DAY(1) ? b->budget.drifts + 1 : 1;
    b->switched_at = r->now;
    b->settle_probes = 0;
    b->served.observed_at = 0;
    forget_target(b);
    return RV_OK;
}

struct kin {
    struct rv_buf ids;
    int64_t self;
    bool all;
};

static bool add_kin(void *arg, const struct rv_binding_row *row)
{
    struct kin *k = arg;
    const struct rv_binding *b = &row->facts;
    if (b->id == k->self)
        return true;
    if (b->wanted.deploys && !(b->issued.have && rv_hash_equal(&b->proved, &b->issued.fingerprint) &&
                               rv_hash_equal(&b->issued.spec, &b->wanted.spec)))
        k->all = false;
    rv_buf_add(&k->ids, &b->id, sizeof b->id);
    return true;
}

/* Neighbours may have waited for this: they are looked at again. */
static enum rv_status wake_neighbours(struct record *r, bool *ret_all)
{
    struct kin k = {.self = r->b->id, .all = true};
    enum rv_status status = rv_binding_each_of(r->tx, r->job->row.certificate, add_kin, &k, r->err);
    for (size_t at = 0; status == RV_OK && at < k.ids.len; at += sizeof(int64_t)) {
        int64_t id;
        memcpy(&id, k.ids.data + at, sizeof id);
        status = rv_binding_due(r->tx, id, r->now, r->err);
    }
    *ret_all = k.all;
    r->job->woke = k.ids.len > 0;
    rv_buf_fini(&k.ids);
    return status;
}

static enum rv_status certificate_kept(struct record *r)
{
    struct rv_binding *b = r->b;
    int drifts = b->budget.drifts;
    bool first = !rv_hash_equal(&b->proved, &b->issued.fingerprint);
    b->proved = b->issued.fingerprint;
    b->kept_at = b->proved_at = r->now;
    b->target.armed = (struct rv_hash){{0}};
    b->target.armed_until = 0;
    b->budget = (struct rv_budget){.drifts = drifts};
    r->job->row.fault[0] = '\0';
    r->job->row.fault_at = 0;
    bool all = false;
    enum rv_status status = wake_neighbours(r, &all);
    if (status == RV_OK && first && all)
        status = audit(r, "certificate.converged", NULL, NULL);
    return status;
}

static enum rv_status put_back(struct record *r, const char *what)
{
    struct rv_error why;
    bool all;
    count_put_back(r->b);
    rv_fail(&why, RV_UNAVAILABLE,
            "%s: %d of %d endpoints served the new certificate, %d refused, %d still served the old one", what,
            r->b->served.good, r->b->wanted.endpoints, r->b->served.refused, r->b->served.previous);
    not_switched(r->b);
    enum rv_status status = failed(r, RV_STEP_SWITCH, RV_UNAVAILABLE, &why);
    return status == RV_OK ? wake_neighbours(r, &all) : status;
}

static enum rv_status switch_undone(struct record *r)
{
    return put_back(r, "the old pair was put back");
}

static bool has(const struct rv_hash *list, size_t count, const struct rv_hash *h)
{
    for (size_t i = 0; i < count; i++)
        if (rv_hash_equal(&list[i], h))
            return true;
    return false;
}

/* Is the key of what we are working on still on the target? */
static enum rv_status look_for_key(struct record *r, const struct rv_target_report *report)
{
    struct rv_binding *b = r->b;
    bool was_lost = b->target.key_lost;
    b->target.key_lost = false;
    if (b->pending.have) {
        b->target.key_lost = !has(report->keys, report->key_count, &b->pending.spki);
    } else if (b->issued.have && !b->target.staged) {
        struct rv_cert_row cert = {0};
        enum rv_status status = rv_cert_by_id(r->tx, b->issued.certificate_id, &cert, r->err);
        if (status != RV_OK)
            return status;
        b->target.key_lost = !has(report->keys, report->key_count, &cert.spki);
        rv_cert_row_fini(&cert);
    }
    return b->target.key_lost && !was_lost ? audit(r, "key.lost", NULL, NULL) : RV_OK;
}

/* An effect without evidence gets it from the look: done, or not known and to be decided anew. */
static enum rv_status end_by_look(struct record *r, bool issued_now)
{
    struct rv_effect_row open;
    enum rv_status status = rv_effect_open(r->tx, r->b->id, &open, r->err);
    if (status == RV_NOT_FOUND)
        return RV_OK;
    if (status != RV_OK)
        return status;
    const struct rv_target_view *t = &r->b->target;
    bool current = r->b->issued.have && rv_hash_equal(&t->current, &r->b->issued.fingerprint);
    bool done = (open.step == RV_STEP_STAGE && t->staged) || (open.step == RV_STEP_SWITCH && current) ||
                (open.step == RV_STEP_KEEP && current && rv_hash_is_zero(&t->armed)) ||
                (open.step == RV_STEP_UNDO && !current) || (open.step == RV_STEP_ISSUE && issued_now);
    RV_AUTO(char) char *text = rv_json_text(r->evidence);
    status = rv_effect_end(r->tx, open.id, done ? RV_EFFECT_DONE : RV_EFFECT_UNCERTAIN, r->now, text, r->err);
    r->b->unfinished = RV_STEP_NONE;
    if (status == RV_OK && done && open.step == RV_STEP_UNDO)
        status = put_back(r, "the old pair is back");
    return status;
}

static enum rv_status target_observed(struct record *r)
{
    const struct rv_target_report *report = &r->call->connector.report;
    struct rv_binding *b = r->b;
    b->target = (struct rv_target_view){
        .observed_at = r->now,
        .current = report->current,
        .previous = report->previous,
        .armed = report->armed,
        .armed_until = report->armed_until,
        .staged = b->issued.have && has(report->pairs, report->pair_count, &b->issued.fingerprint),
        .key_lost = b->target.key_lost,
        .locked_by_other = report->locked_by_other && rv_hash_is_zero(&report->armed),
    };
    if (report->armed_until != 0 && report->target_clock != 0) /* told by the target's clock */
        b->target.armed_until += r->now - report->target_clock;
    rv_json_set_hash(r->evidence, "current", &report->current);
    rv_json_set_hash(r->evidence, "previous", &report->previous);
    rv_json_set_hash(r->evidence, "armed", &report->armed);
    rv_json_set_text(r->evidence, "server", report->server[0] != '\0' ? report->server : NULL);
    enum rv_status status = look_for_key(r, report);
    bool current = b->issued.have && rv_hash_equal(&b->target.current, &b->issued.fingerprint);
    bool proved = b->issued.have && rv_hash_equal(&b->proved, &b->issued.fingerprint);
    if (status == RV_OK && b->switched_at == 0 && current && !proved) {
        b->switched_at = r->now; /* it was switched without our seeing it: the trial starts here */
        b->settle_probes = 0;
        b->served.observed_at = 0;
    }
    bool undoing = b->unfinished == RV_STEP_UNDO;
    if (status == RV_OK)
        status = end_by_look(r, false);
    if (status == RV_OK && b->switched_at != 0 && !current && !proved && !undoing) {
        /* Its own undo ran out. A failure of the certificate only if handshakes had shown one. */
        bool seen_bad = b->served.observed_at >= b->switched_at && b->served.good < b->wanted.endpoints;
        rv_time observed_at = b->target.observed_at;
        if (seen_bad) {
            status = put_back(r, "the target put the old pair back by itself");
        } else {
            not_switched(b);
        }
        b->target.observed_at = observed_at;
    }
    if (status == RV_OK && !proved && b->served.observed_at != 0)
        status = rv_served_load(r->tx, &r->job->row, r->err); /* `previous` depends on what the target said */
    return status;
}

/* ---- A round of handshakes -------------------------------------------------------------------------------------- */

static enum rv_status endpoint_changed(struct record *r, const struct probe_slot *slot)
{
    const struct rv_endpoint_row *was = &slot->endpoint;
    const struct rv_probe_result *is = &slot->result;
    if (was->observed_at != 0 && was->outcome == is->outcome && rv_hash_equal(&was->fingerprint, &is->fingerprint) &&
        was->chain_valid == is->chain_valid && was->name_valid == is->name_valid && was->time_valid == is->time_valid)
        return RV_OK;
    static const char *const outcomes[] = {"served", "refused", "timeout", "noTls", "noAddress"};
    RV_AUTO(json) json_t *detail = json_object();
    rv_json_set_text(detail, "outcome", outcomes[is->outcome]);
    rv_json_set_hash(detail, "fingerprint", &is->fingerprint);
    rv_json_set_hash(detail, "before", &was->fingerprint);
    rv_json_set_text(detail, "issuer", is->issuer[0] != '\0' ? is->issuer : NULL);
    rv_json_set_time(detail, "notAfter", is->not_after);
    rv_json_set_text(detail, "fault", is->fault[0] != '\0' ? is->fault : NULL);
    return audit(r, "endpoint.changed", was->address, detail);
}

static enum rv_status drift_found(struct record *r, const struct rv_served_view *before)
{
    const struct rv_binding *b = r->b;
    bool was_good = before->good >= b->wanted.endpoints && before->observed_at != 0;
    bool other = b->served.foreign > 0 || b->served.previous > 0;
    if (!was_good || !other || !b->issued.have || !rv_hash_equal(&b->proved, &b->issued.fingerprint) ||
        b->switched_at > b->kept_at)
        return RV_OK;
    RV_AUTO(json) json_t *detail = json_object();
    for (size_t i = 0; i < r->call->probe_count; i++) {
        const struct probe_slot *slot = &r->call->probes[i];
        if (slot->result.outcome != RV_PROBE_SERVED || rv_hash_equal(&slot->result.fingerprint, &b->issued.fingerprint))
            continue;
        rv_json_set_text(detail, "address", slot->endpoint.address);
        rv_json_set_hash(detail, "fingerprint", &slot->result.fingerprint);
        rv_json_set_text(detail, "issuer", slot->result.issuer); /* the rival's name */
        rv_json_set_text(detail, "subject", slot->result.subject);
    }
    return audit(r, "drift.found", NULL, detail);
}

static enum rv_status endpoints_probed(struct record *r)
{
    struct rv_binding *b = r->b;
    struct rv_served_view before = b->served;
    for (size_t i = 0; i < r->call->probe_count; i++) {
        const struct probe_slot *slot = &r->call->probes[i];
        enum rv_status status = rv_endpoint_observe(r->tx, slot->endpoint.id, &slot->result, r->err);
        if (status == RV_NOT_FOUND) /* no longer declared */
            continue;
        if (status == RV_OK)
            status = endpoint_changed(r, slot);
        if (status != RV_OK)
            return status;
    }
    enum rv_status status = rv_served_load(r->tx, &r->job->row, r->err);
    if (status != RV_OK)
        return status;
    bool good = b->wanted.endpoints > 0 && b->served.observed_at != 0 && b->served.good >= b->wanted.endpoints;
    b->settle_probes = good ? b->settle_probes + 1 : 0;
    if (good)
        b->proved_at = r->now;
    if (b->served.observed_at == 0) { /* nothing to ask, or an endpoint came just now: not at once again */
        b->served = before;
        b->served.observed_at = r->now;
        b->served.good = 0;
    }
    return drift_found(r, &before);
}

/* ---- The table, and the way through it -------------------------------------------------------------------------- */

static enum rv_status (*const on_success[RV_STEP_COUNT])(struct record *r) = {
    [RV_STEP_OBSERVE] = target_observed,  [RV_STEP_PROBE] = endpoints_probed, [RV_STEP_KEY] = key_made,
    [RV_STEP_ISSUE] = certificate_issued, [RV_STEP_STAGE] = pair_staged,      [RV_STEP_SWITCH] = target_switched,
    [RV_STEP_KEEP] = certificate_kept,    [RV_STEP_UNDO] = switch_undone,
};

/* Phases in which the target had flipped and has flipped back by itself. */
static bool was_put_back(const struct call *call)
{
    return strcmp(call->connector.phase, "check") == 0 || strcmp(call->connector.phase, "reload") == 0;
}

static enum rv_status on_failure(struct record *r, enum rv_step step)
{
    struct call *call = r->call;
    bool all;
    rv_json_set(r->evidence, "error", rv_json_error(&call->error));
    rv_json_set_text(r->evidence, "phase", call->connector.phase[0] != '\0' ? call->connector.phase : NULL);
    rv_json_set_text(r->evidence, "log", call->connector.log[0] != '\0' ? call->connector.log : NULL);
    enum rv_status status = failed(r, step, call->status, &call->error);
    if (step == RV_STEP_STAGE || step == RV_STEP_SWITCH || step == RV_STEP_KEEP || step == RV_STEP_UNDO)
        forget_target(r->b);
    if (status == RV_OK && step == RV_STEP_SWITCH && was_put_back(call)) {
        count_put_back(r->b);
        status = wake_neighbours(r, &all);
    }
    return status;
}

/* Would a person be needed if every look were fresh? Looking around neither halts nor resumes anything. */
static bool halted(const struct rv_policy *policy, const struct rv_binding *b, rv_time now, struct rv_action *ret)
{
    struct rv_binding fresh = *b;
    fresh.unfinished = RV_STEP_NONE;
    fresh.target.observed_at = fresh.served.observed_at = now;
    if (fresh.budget.failures > 0)
        fresh.budget.not_before = now + 1;
    *ret = rv_plan_next(policy, &fresh, NULL, now);
    return ret->verdict == RV_HALT;
}

static enum rv_status note_halt(struct record *r, const struct rv_binding *before)
{
    const struct rv_policy *policy = &r->job->engine->o.policy;
    struct rv_action action;
    bool was = halted(policy, before, r->now, &action), is = halted(policy, r->b, r->now, &action);
    if (was == is)
        return RV_OK;
    RV_AUTO(json) json_t *detail = json_object();
    rv_json_set_text(detail, "reason", rv_reason_code(action.reason));
    rv_json_set_text(detail, "fault", r->job->row.fault[0] != '\0' ? r->job->row.fault : NULL);
    return audit(r, is ? "binding.halted" : "binding.resumed", NULL, detail);
}

/* The issuer was asked what became of a wish. */
static enum rv_status issuer_answered(struct record *r)
{
    struct call *call = r->call;
    if (call->status == RV_OK) {
        enum rv_status status = certificate_issued(r);
        if (status != RV_OK)
            return status;
        succeeded(r, RV_STEP_ISSUE);
        return end_by_look(r, true);
    }
    if (call->status == RV_NOT_FOUND) /* surely not issued: the plan may ask again */
        return end_by_look(r, false);
    return failed(r, RV_STEP_OBSERVE, call->status, &call->error);
}

static enum rv_status end_effect(struct record *r, bool done)
{
    if (r->call->effect == 0)
        return RV_OK;
    RV_AUTO(char) char *text = rv_json_text(r->evidence);
    r->b->unfinished = RV_STEP_NONE;
    return rv_effect_end(r->tx, r->call->effect, done ? RV_EFFECT_DONE : RV_EFFECT_FAILED, r->now, text, r->err);
}

enum rv_status rv_job_record(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    enum rv_step step = job->call->action.step;
    enum rv_status status = rv_binding_get(tx, job->binding, &job->row, err);
    if (status != RV_OK)
        return status;
    rv_binding_clamp(&job->row.facts, now);
    const struct rv_binding before = job->row.facts;
    RV_AUTO(json) json_t *evidence = json_object();
    struct record r = {tx, job, job->call, &job->row.facts, now, evidence, err};
    const struct step *about = rv_step_of(step);

    if (job->call->asks_issuer) {
        status = issuer_answered(&r);
    } else if (job->call->status == RV_OK) {
        status = on_success[step](&r);
        succeeded(&r, step);
        if (status == RV_OK && about->action != NULL)
            status = audit(&r, about->action, NULL, evidence);
        if (status == RV_OK)
            status = end_effect(&r, true);
    } else {
        status = on_failure(&r, step);
        /* What may have happened stays open in the journal until a look has closed it. */
        bool certain = job->call->status != RV_UNCERTAIN;
#ifdef REEVE_CANARY_LOOK
        certain = true;
#endif
        if (status == RV_OK && certain)
            status = end_effect(&r, false);
    }
    return status == RV_OK ? note_halt(&r, &before) : status;
}
