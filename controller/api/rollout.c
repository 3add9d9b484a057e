/* One certificate and what is going on with it: why, rollout, renew, verify, approve. */
#include "api/api_priv.h"
#include "base/text.h"
#include "engine/engine.h"
#include "port/store_audit.h"
#include "port/store_binding.h"
#include "port/store_effect.h"
#include "port/store_object.h"

#define EFFECTS 10 /* journal entries that `why` shows of each target */

struct walk {
    struct rv_tx *tx;
    struct rv_call *call;
    json_t *items;
    struct rv_judged worst;
    char worst_target[64];
    int count, done, failed;
    enum rv_status status;
    struct rv_error *err;
};

/* The certificate must be declared; its bindings are visited in the order of the rollout. */
static enum rv_status each(struct rv_tx *tx, struct rv_call *call, rv_binding_visit visit, void *arg, struct rv_error *err)
{
    const char *name = call->params[0];
    struct rv_object_row row = {0};
    enum rv_status status = rv_name_valid(name) ? rv_object_get(tx, RV_KIND_CERTIFICATE, name, &row, err) : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND) {
        rv_fail(err, RV_NOT_FOUND, "there is no Certificate of this name");
        rv_error_where(err, RV_NOT_FOUND, "certificates/%s", name);
        return rv_error_hint(err, RV_NOT_FOUND, "`reeve get certificates` lists what there is");
    }
    if (status != RV_OK)
        return status;
    rv_object_row_fini(&row);
    return rv_binding_each_of(tx, name, visit, arg, err);
}

/* ---- why ---- */

static const char *effect_state(enum rv_effect_state state)
{
    static const char *const names[] = {[RV_EFFECT_INTENT] = "intent",
                                        [RV_EFFECT_DONE] = "done",
                                        [RV_EFFECT_FAILED] = "failed",
                                        [RV_EFFECT_UNCERTAIN] = "uncertain"};
    return names[state];
}

static bool add_effect(void *arg, const struct rv_effect_row *row)
{
    json_t *o = json_object(), *evidence = NULL;
    rv_json_set_int(o, "id", row->id);
    rv_json_set_text(o, "step", rv_step_name(row->step));
    rv_json_set_text(o, "state", effect_state(row->state));
    rv_json_set_int(o, "attempt", row->attempt);
    rv_json_set_text(o, "reason", row->reason[0] != '\0' ? row->reason : NULL);
    rv_json_set_time(o, "begunAt", row->begun_at);
    rv_json_set_time(o, "endedAt", row->ended_at);
    if (row->evidence != NULL && row->evidence[0] != '\0' &&
        rv_json_parse(rv_bytes_of(row->evidence), &evidence, NULL) == RV_OK) {
        if (json_is_object(evidence))
            json_object_set(o, "evidence", evidence);
        json_decref(evidence);
    }
    json_array_append_new(arg, o);
    return true;
}

static json_t *budget_view(const struct rv_budget *b, const struct rv_policy *policy)
{
    json_t *o = json_object();
    rv_json_set_int(o, "issued", b->issued_in_window);
    rv_json_set_int(o, "issuedLimit", policy->max_issues);
    rv_json_set_int(o, "failures", b->failures);
    if (b->failures > 0) {
        rv_json_set_text(o, "failedStep", rv_step_name(b->failed_step));
        rv_json_set_text(o, "failedStatus", rv_status_info(b->failed_status)->name);
    }
    rv_json_set_time(o, "notBefore", b->not_before);
    rv_json_set_int(o, "switchFailures", b->switch_failures);
    rv_json_set_int(o, "switchFailuresLimit", policy->max_switch_failures);
    rv_json_set_int(o, "drifts", b->drifts);
    rv_json_set_int(o, "driftsLimit", policy->max_drifts);
    return o;
}

static bool add_why(void *arg, const struct rv_binding_row *row)
{
    struct walk *w = arg;
    struct rv_judged j;
    w->status = rv_judge_binding(w->tx, w->call, row, &j, w->err);
    if (w->status != RV_OK)
        return false;
    json_t *o = json_object(), *effects = json_array();
    rv_json_set_text(o, "target", row->target);
    rv_json_set_text(o, "state", rv_state_name(j.state));
    rv_json_set_text(o, "verdict", rv_verdict_name(j.action.verdict));
    rv_json_set_text(o, "step", rv_step_name(j.action.step));
    rv_json_set_text(o, "doing", rv_doing(&j));
    rv_json_set(o, "reason", rv_view_reason(&j));
    rv_json_set_time(o, "at", j.action.not_before);
    rv_json_set_text(o, "text", j.text);
    rv_json_set(o, "fault", rv_view_fault(row));
    rv_json_set(o, "budget", budget_view(&row->facts.budget, w->call->api->policy));
    rv_json_set(o, "effects", effects);
    json_array_append_new(w->items, o);
    w->status = rv_effect_each(w->tx, row->facts.id, 0, EFFECTS, add_effect, effects, w->err);
    if (w->count++ == 0 || j.state > w->worst.state) {
        w->worst = j;
        memcpy(w->worst_target, row->target, sizeof w->worst_target);
    }
    return w->status == RV_OK;
}

enum rv_status rv_read_why(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct walk w = {.tx = tx, .call = call, .err = err};
    json_t *o = call->result = json_object();
    w.items = json_array();
    rv_json_set(o, "targets", w.items);
    enum rv_status status = each(tx, call, add_why, &w, err);
    if (status == RV_OK)
        status = w.status;
    if (status != RV_OK)
        return status;
    rv_json_set_text(o, "name", call->params[0]);
    rv_json_set_text(o, "state", rv_state_name(w.count > 0 ? w.worst.state : RV_STATE_WAITING));
    const char *text;
    if (w.count == 0)
        text = "No target matches and no endpoint is named, so there is nothing to do; add deploy.targets or "
               "verify.endpoints, or declare a target that matches.";
    else if (w.count == 1 || w.worst_target[0] == '\0')
        text = w.worst.text;
    else
        text = rv_arena_printf(call->arena, "%s: %s", w.worst_target, w.worst.text);
    rv_json_set_text(o, "text", text);
    return RV_OK;
}

/* ---- rollout ---- */

static bool add_to_batch(void *arg, const struct rv_binding_row *row)
{
    struct walk *w = arg;
    struct rv_judged j;
    if (!row->facts.wanted.deploys)
        return true;
    w->status = rv_judge_binding(w->tx, w->call, row, &j, w->err);
    if (w->status != RV_OK)
        return false;
    json_t *o = json_object(), *batch = json_array_get(w->items, json_array_size(w->items) - 1);
    int number = row->facts.wanted.batch + 1;
    if (batch == NULL || rv_json_get_int(batch, "batch", 0) != number) {
        batch = json_object();
        rv_json_set_int(batch, "batch", number);
        rv_json_set(batch, "targets", json_array());
        json_array_append_new(w->items, batch);
    }
    rv_json_set_text(o, "target", row->target);
    rv_json_set_text(o, "state", rv_state_name(j.state));
    rv_json_set_bool(o, "ready", j.ready);
    rv_json_set(o, "reason", rv_view_reason(&j));
    rv_json_set(o, "fault", rv_view_fault(row));
    json_array_append_new(json_object_get(batch, "targets"), o);
    w->count++;
    w->done += j.state == RV_STATE_READY;
    w->failed += j.state == RV_STATE_NEEDS_PERSON || row->facts.budget.switch_failures > 0;
    return true;
}

enum rv_status rv_read_rollout(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct walk w = {.tx = tx, .call = call, .err = err};
    json_t *o = call->result = json_object();
    w.items = json_array();
    rv_json_set(o, "batches", w.items);
    enum rv_status status = each(tx, call, add_to_batch, &w, err);
    if (status == RV_OK)
        status = w.status;
    rv_json_set_text(o, "name", call->params[0]);
    rv_json_set_int(o, "done", w.done);
    rv_json_set_int(o, "failed", w.failed);
    rv_json_set_int(o, "total", w.count);
    return status;
}

/* ---- setting things going: collected first, written afterwards ---- */

struct chosen {
    size_t count, cap;
    struct rv_binding_row *rows;
};

static bool choose(void *arg, const struct rv_binding_row *row)
{
    struct chosen *c = arg;
    if (c->count == c->cap) {
        c->cap = c->cap != 0 ? c->cap * 2 : 8;
        c->rows = rv_resize(c->rows, c->cap, sizeof *c->rows);
    }
    c->rows[c->count++] = *row;
    return true;
}

/* What one operation does to one binding; RV_NOT_FOUND: nothing to be done there. */
typedef enum rv_status (*act_fn)(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                 struct rv_error *err);

static enum rv_status act(struct rv_tx *tx, struct rv_call *call, act_fn fn, const char *action, const char *nothing,
                          struct rv_error *err)
{
    struct chosen c = {0};
    json_t *targets = json_array();
    call->result = json_object();
    rv_json_set_text(call->result, "name", call->params[0]);
    rv_json_set(call->result, "targets", targets);
    enum rv_status status = each(tx, call, choose, &c, err);
    for (size_t i = 0; status == RV_OK && i < c.count; i++) {
        status = fn(tx, call, &c.rows[i], err);
        if (status == RV_OK)
            json_array_append_new(targets, json_string(c.rows[i].target));
        else if (status == RV_NOT_FOUND)
            status = RV_OK;
    }
    rv_free(c.rows);
    if (status != RV_OK)
        return status;
    if (json_array_size(targets) == 0) {
        rv_fail(err, RV_CONFLICT, "%s", nothing);
        rv_error_where(err, RV_CONFLICT, "certificates/%s", call->params[0]);
        return rv_error_hint(err, RV_CONFLICT, "`reeve why %s` says what is going on", call->params[0]);
    }
    call->wake = true;
    RV_AUTO(char) char *detail = rv_json_text(call->result);
    return rv_call_audit(call, tx, action, call->params[0], detail, err);
}

static enum rv_status renew_one(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                struct rv_error *err)
{
    if (!row->facts.wanted.deploys || row->facts.wanted.mode == RV_MODE_OBSERVE)
        return RV_NOT_FOUND;
    return rv_binding_request_renewal(tx, row->facts.id, call->now, err);
}

enum rv_status rv_write_renew(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return act(tx, call, renew_one, "renewal.requested",
               "there is nothing to renew: it is only watched, or no target takes it", err);
}

/* The engine looks again when what it knows is old enough; what is known stays known until then. */
static enum rv_status verify_one(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                 struct rv_error *err)
{
    struct rv_binding_row changed = *row;
    if (row->facts.wanted.endpoints == 0)
        return RV_NOT_FOUND;
    rv_time old = call->now - call->api->policy->probe_every;
    if (changed.facts.served.observed_at > old)
        changed.facts.served.observed_at = old;
    changed.facts.budget.not_before = 0; /* a person who asks is not told to wait */
    changed.due_at = call->now;
    return rv_binding_save(tx, &changed, err);
}

enum rv_status rv_write_verify(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return act(tx, call, verify_one, "verification.requested", "it has no endpoint that could be looked at", err);
}

static enum rv_status approve_one(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                  struct rv_error *err)
{
    struct rv_judged j;
    enum rv_status status = rv_judge_binding(tx, call, row, &j, err);
    if (status != RV_OK)
        return status;
    int64_t round = rv_round(&row->facts);
    if (row->facts.wanted.mode != RV_MODE_PROPOSE || j.action.reason != RV_WHY_APPROVAL ||
        row->facts.wanted.approved == round)
        return RV_NOT_FOUND;
    return rv_binding_approve(tx, row->facts.id, round, call->now, err);
}

enum rv_status rv_write_approve(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return act(tx, call, approve_one, "certificate.approved", "nothing waits for approval", err);
}
