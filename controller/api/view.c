/* What the API says about a certificate: its declaration, the facts of its bindings, what its endpoints serve, and what
 * the plan makes of it. Nothing is stored as a state; it is computed here, by the functions that the loop uses. */
#include "api/api_priv.h"
#include "engine/engine.h"
#include "port/store_binding.h"
#include "port/store_certificate.h"
#include "port/store_effect.h"

const char *rv_verdict_name(enum rv_verdict verdict)
{
    static const char *const names[] = {[RV_DO] = "do", [RV_WAIT] = "wait", [RV_HALT] = "halt"};
    return names[verdict];
}

const char *rv_outcome_name(enum rv_probe_outcome outcome)
{
    static const char *const names[] = {[RV_PROBE_SERVED] = "served",
                                        [RV_PROBE_REFUSED] = "refused",
                                        [RV_PROBE_TIMEOUT] = "timeout",
                                        [RV_PROBE_NO_TLS] = "noTls",
                                        [RV_PROBE_NO_ADDRESS] = "noAddress"};
    return names[outcome];
}

json_t *rv_view_reason(const struct rv_judged *judged)
{
    json_t *o = json_object();
    rv_json_set_text(o, "code", rv_reason_code(judged->action.reason));
    rv_json_set_text(o, "text", judged->because);
    return o;
}

const char *rv_doing(const struct rv_judged *judged)
{
    return judged->doing != RV_STEP_NONE ? rv_step_name(judged->doing) : NULL;
}

/* A step whose end is not in the journal is under way, unless this program did not begin it, or has heard already that
 * nobody knows how it ended. */
static enum rv_status find_doing(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                 enum rv_step *ret, struct rv_error *err)
{
    struct rv_effect_row open;
    *ret = RV_STEP_NONE;
    if (row->facts.unfinished == RV_STEP_NONE)
        return RV_OK;
    enum rv_status status = rv_effect_open(tx, row->facts.id, &open, err);
    if (status == RV_OK && open.begun_at >= call->api->started_at && row->fault_at < open.begun_at)
        *ret = open.step;
    return status == RV_NOT_FOUND ? RV_OK : status;
}

static void put_doing(struct rv_judged *j)
{
    const char *doing = rv_step_doing(j->doing);
    snprintf(j->because, sizeof j->because, "%s", doing);
    snprintf(j->text, sizeof j->text, "%c%s.", doing[0] - 'a' + 'A', doing + 1);
}

json_t *rv_view_fault(const struct rv_binding_row *row)
{
    if (row->fault[0] == '\0')
        return NULL;
    json_t *o = json_object();
    rv_json_set_text(o, "message", row->fault);
    rv_json_set_time(o, "at", row->fault_at);
    return o;
}

enum rv_status rv_judge_binding(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                struct rv_judged *ret, struct rv_error *err)
{
    const struct rv_policy *policy = call->api->policy;
    struct rv_rollout_view rollout = {0};
    ret->action = rv_plan_next(policy, &row->facts, NULL, call->now);
    if (rv_plan_asks_neighbours(&row->facts, &ret->action)) { /* a certificate on a thousand targets: only then */
        enum rv_status status = rv_rollout_view_load(tx, policy, row, call->now, &rollout, err);
        if (status != RV_OK)
            return status;
        ret->action = rv_plan_next(policy, &row->facts, &rollout, call->now);
    }
    ret->state = rv_binding_state(policy, &row->facts, &rollout, call->now);
    ret->ready = rv_binding_ready(policy, &row->facts, call->now);
    rv_plan_reason(policy, &row->facts, &rollout, ret->action.reason, call->now, ret->because, sizeof ret->because);
    rv_plan_explain(policy, &row->facts, &rollout, call->now, ret->text, sizeof ret->text);
    enum rv_status status = find_doing(tx, call, row, &ret->doing, err);
    if (status == RV_OK && ret->doing != RV_STEP_NONE)
        put_doing(ret);
    return status;
}

/* ---- endpoints ---- */

struct endpoints {
    json_t *list;
    const struct rv_binding *binding;
};

static bool add_endpoint(void *arg, const struct rv_endpoint_row *e)
{
    struct endpoints *all = arg;
    const struct rv_binding *b = all->binding;
    json_t *o = json_object();
    rv_json_set_text(o, "address", e->address);
    rv_json_set_text(o, "serverName", e->server_name[0] != '\0' ? e->server_name : NULL);
    if (e->observed_at != 0) {
        bool served = e->outcome == RV_PROBE_SERVED;
        rv_json_set_time(o, "observedAt", e->observed_at);
        rv_json_set_text(o, "outcome", rv_outcome_name(e->outcome));
        rv_json_set_text(o, "fault", e->fault[0] != '\0' ? e->fault : NULL);
        if (served) {
            rv_json_set_hash(o, "fingerprint", &e->fingerprint);
            rv_json_set_bool(o, "matches",
                             !b->wanted.deploys ||
                                 (b->issued.have && rv_hash_equal(&e->fingerprint, &b->issued.fingerprint)));
            rv_json_set_bool(o, "chainValid", e->chain_valid);
            rv_json_set_bool(o, "nameValid", e->name_valid);
            rv_json_set_bool(o, "timeValid", e->time_valid);
            rv_json_set_time(o, "notBefore", e->not_before);
            rv_json_set_time(o, "notAfter", e->not_after);
            rv_json_set_text(o, "subject", e->subject);
            rv_json_set_text(o, "issuer", e->issuer);
            rv_json_set_text(o, "serial", e->serial);
            rv_json_set_text(o, "protocol", e->protocol);
            rv_json_set_text(o, "cipher", e->cipher);
            rv_json_set_text(o, "group", e->group[0] != '\0' ? e->group : NULL);
        }
    }
    json_array_append_new(all->list, o);
    return true;
}

/* ---- one target ---- */

static enum rv_status issued_view(struct rv_tx *tx, const struct rv_issued *issued, json_t **ret, struct rv_error *err)
{
    *ret = NULL;
    if (!issued->have)
        return RV_OK;
    json_t *o = json_object();
    struct rv_cert_row row = {0};
    enum rv_status status =
        issued->certificate_id != 0 ? rv_cert_by_id(tx, issued->certificate_id, &row, err) : RV_NOT_FOUND;
    if (status == RV_OK) {
        rv_json_set_text(o, "serial", row.serial);
        rv_cert_row_fini(&row);
    } else if (status != RV_NOT_FOUND) {
        json_decref(o);
        return status;
    }
    rv_json_set_hash(o, "fingerprint", &issued->fingerprint);
    rv_json_set_time(o, "notBefore", issued->not_before);
    rv_json_set_time(o, "notAfter", issued->not_after);
    rv_json_set_time(o, "issuedAt", issued->issued_at);
    *ret = o;
    return RV_OK;
}

static json_t *next_view(const struct rv_judged *j, bool with_text)
{
    json_t *o = json_object();
    rv_json_set_text(o, "step", rv_step_name(j->action.step));
    rv_json_set_time(o, "at", j->action.not_before);
    rv_json_set_text(o, "text", with_text ? j->text : NULL);
    return o;
}

static enum rv_status target_view(struct rv_tx *tx, const struct rv_binding_row *row, const struct rv_judged *j,
                                  json_t **ret, struct rv_error *err)
{
    json_t *issued = NULL, *o = json_object();
    struct endpoints endpoints = {json_array(), &row->facts};
    rv_json_set_text(o, "target", row->target);
    rv_json_set_text(o, "state", rv_state_name(j->state));
    rv_json_set_int(o, "batch", row->facts.wanted.batch + 1);
    rv_json_set(o, "reason", rv_view_reason(j));
    rv_json_set(o, "next", next_view(j, false));
    rv_json_set_text(o, "doing", rv_doing(j));
    rv_json_set(o, "fault", rv_view_fault(row));
    rv_json_set_hash(o, "current", &row->facts.target.current);
    rv_json_set_hash(o, "previous", &row->facts.target.previous);
    rv_json_set(o, "endpoints", endpoints.list);
    enum rv_status status = rv_endpoint_each(tx, row->facts.id, add_endpoint, &endpoints, err);
    if (status == RV_OK)
        status = issued_view(tx, &row->facts.issued, &issued, err);
    if (status != RV_OK) {
        json_decref(o);
        return status;
    }
    rv_json_set(o, "issued", issued);
    *ret = o;
    return RV_OK;
}

/* ---- the certificate ---- */

struct building {
    struct rv_tx *tx;
    const struct rv_call *call;
    json_t *targets;
    struct rv_judged worst;
    bool any, ready;
    rv_time not_after, renew_at;
    enum rv_status status;
    struct rv_error *err;
};

static bool add_target(void *arg, const struct rv_binding_row *row)
{
    struct building *b = arg;
    struct rv_judged j;
    json_t *o = NULL;
    if (row->facts.wanted.deleted)
        return true;
    b->status = rv_judge_binding(b->tx, b->call, row, &j, b->err);
    if (b->status == RV_OK)
        b->status = target_view(b->tx, row, &j, &o, b->err);
    if (b->status != RV_OK)
        return false;
    json_array_append_new(b->targets, o);
    if (!b->any || j.state > b->worst.state)
        b->worst = j;
    b->ready = (!b->any || b->ready) && j.ready;
    b->any = true;
    const struct rv_issued *issued = &row->facts.issued;
    rv_time not_after = issued->have ? issued->not_after : row->facts.served.earliest_not_after;
    if (not_after != 0 && not_after < b->not_after)
        b->not_after = not_after;
    rv_time renew = issued->have && row->facts.wanted.deploys ? rv_renew_at(b->call->api->policy, &row->facts) : 0;
    if (renew != 0 && renew < b->renew_at)
        b->renew_at = renew;
    return true;
}

static void copy_names(json_t *o, const char *name, const json_t *spec)
{
    json_t *list = json_object_get(spec, name);
    if (json_array_size(list) > 0)
        json_object_set(o, name, list);
}

/* A certificate that no target takes and no endpoint is asked for: declared, and nothing follows from it. */
static struct rv_judged idle(void)
{
    struct rv_judged j = {.state = RV_STATE_WAITING, .action = {RV_WAIT, RV_STEP_NONE, RV_WHY_WATCHING, RV_TIME_FAR}};
    snprintf(j.because, sizeof j.because, "no target matches and no endpoint is named");
    snprintf(j.text, sizeof j.text,
             "No target matches and no endpoint is named, so there is nothing to do; add "
             "deploy.targets or verify.endpoints, or declare a target that matches");
    return j;
}

enum rv_status rv_view_certificate(struct rv_tx *tx, const struct rv_call *call, const char *name, int64_t generation,
                                   const char *document, json_t **ret, struct rv_error *err)
{
    struct building b = {.tx = tx, .call = call, .not_after = RV_TIME_FAR, .renew_at = RV_TIME_FAR, .err = err};
    RV_AUTO(json) json_t *declared = NULL;
    enum rv_status status = rv_json_parse(rv_bytes_of(document), &declared, err);
    if (status != RV_OK)
        return rv_error_prefix(err, RV_INTERNAL, "the stored document of %s", name);
    b.targets = json_array();
    status = rv_binding_each_of(tx, name, add_target, &b, err);
    if (status == RV_OK)
        status = b.status;
    if (status != RV_OK) {
        json_decref(b.targets);
        return status;
    }
    if (!b.any)
        b.worst = idle();
    const json_t *spec = json_object_get(declared, "spec"), *metadata = json_object_get(declared, "metadata");
    json_t *o = json_object(), *labels = json_object_get(metadata, "labels");
    rv_json_set_text(o, "name", name);
    rv_json_set_int(o, "generation", generation);
    rv_json_set_text(o, "owner", rv_json_get_text(metadata, "owner", NULL));
    rv_json_set(o, "labels", labels != NULL ? json_incref(labels) : json_object());
    rv_json_set_text(o, "mode", rv_json_get_text(spec, "mode", "Manage"));
    rv_json_set_text(o, "state", rv_state_name(b.worst.state));
    rv_json_set_bool(o, "ready", b.any && b.ready);
    rv_json_set(o, "reason", rv_view_reason(&b.worst));
    rv_json_set(o, "next", next_view(&b.worst, true));
    copy_names(o, "dnsNames", spec);
    copy_names(o, "ipAddresses", spec);
    copy_names(o, "uris", spec);
    copy_names(o, "emailAddresses", spec);
    rv_json_set_text(o, "issuer", rv_json_get_text(json_object_get(spec, "issuerRef"), "name", "internal"));
    rv_json_set_text(o, "profile", rv_json_get_text(spec, "profile", "tls-server"));
    rv_json_set_time(o, "notAfter", b.not_after);
    rv_json_set_time(o, "renewAt", b.renew_at);
    rv_json_set(o, "targets", b.targets);
    *ret = o;
    return RV_OK;
}

enum rv_status rv_view_planned(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row, json_t **ret,
                               struct rv_error *err)
{
    struct rv_judged j;
    enum rv_status status = rv_judge_binding(tx, call, row, &j, err);
    if (status != RV_OK)
        return status;
    json_t *o = json_object();
    rv_json_set_text(o, "certificate", row->certificate);
    rv_json_set_text(o, "target", row->target);
    rv_json_set_text(o, "verdict", rv_verdict_name(j.action.verdict));
    rv_json_set_text(o, "step", rv_step_name(j.action.step));
    rv_json_set(o, "reason", rv_view_reason(&j));
    rv_json_set_time(o, "at", j.action.not_before);
    rv_json_set_text(o, "text", j.text);
    *ret = o;
    return RV_OK;
}
