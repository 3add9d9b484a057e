/* Declaring documents (apply), and what the controller would do next (plan). */
#include "api/api_priv.h"
#include "base/text.h"
#include "engine/engine.h"
#include "port/store_binding.h"

/* ---- apply ---- */

struct applying {
    struct rv_tx *tx;
    struct rv_call *call;
    json_t *changes, *actions;
    const struct rv_object **set;
    size_t count;
    bool reserved; /* something in it is for administrators */
    enum rv_kind reserved_kind;
    const char *reserved_name;
    enum rv_status status;
    struct rv_error *err;
};

/* A Target says which program runs where, as whom and with whose credentials, on the controller itself too; a Profile and
 * an Issuer say what is signed. Whoever may write those may do anything, so it takes the role that may (M-40, T-18). */
static void check_change(struct applying *a, const struct rv_change_row *row)
{
    if (row->change == RV_CHANGE_NONE || row->kind == RV_KIND_CERTIFICATE || a->reserved ||
        rv_role_may(a->call->who.role, RV_MAY_ADMIN))
        return;
    a->reserved = true;
    a->reserved_kind = row->kind;
    a->reserved_name = rv_arena_strdup(a->call->arena, row->name);
}

static enum rv_status not_allowed(const struct applying *a, struct rv_error *err)
{
    rv_fail(err, RV_DENIED, "%s has the role %s, which may change certificates only", a->call->who.actor, a->call->who.role);
    rv_error_hint(err, RV_DENIED,
                  "have an administrator apply it once; unchanged documents of other kinds may stay in the set");
    return rv_error_where(err, RV_DENIED, "%s/%s", rv_kind_name(a->reserved_kind), a->reserved_name);
}

static void add_change(void *arg, const struct rv_change_row *row)
{
    static const char *const names[] = {[RV_CHANGE_NONE] = "none",
                                        [RV_CHANGE_CREATE] = "create",
                                        [RV_CHANGE_UPDATE] = "update",
                                        [RV_CHANGE_DELETE] = "delete"};
    struct applying *a = arg;
    check_change(a, row);
    json_t *o = json_object();
    rv_json_set_text(o, "kind", rv_kind_name(row->kind));
    rv_json_set_text(o, "name", row->name);
    rv_json_set_text(o, "change", names[row->change]);
    if (row->before != NULL)
        json_object_set(o, "before", row->before);
    if (row->after != NULL)
        json_object_set(o, "after", row->after);
    json_array_append_new(a->changes, o);
}

static json_t *fault_of(const char *kind, const char *name, size_t document, const struct rv_fault *f)
{
    json_t *o = json_object();
    rv_json_set_text(o, "kind", kind);
    rv_json_set_text(o, "name", name);
    rv_json_set_int(o, "document", (int64_t)document);
    rv_json_set_text(o, "path", f->path);
    rv_json_set_text(o, "message", f->message);
    return o;
}

static enum rv_status refuse(struct rv_call *call, struct rv_error *err)
{
    json_t *first = json_array_get(call->faults, 0);
    size_t n = json_array_size(call->faults);
    if (n > 1)
        rv_fail(err, RV_INVALID, "%s (and %zu more)", rv_json_get_text(first, "message", "the documents are not valid"),
                n - 1);
    else
        rv_fail(err, RV_INVALID, "%s", rv_json_get_text(first, "message", "the documents are not valid"));
    rv_error_hint(err, RV_INVALID, "nothing of this set was applied");
    return rv_error_where(err, RV_INVALID, "%s/%s: %s", rv_json_get_text(first, "kind", "document"),
                          rv_json_get_text(first, "name", "?"), rv_json_get_text(first, "path", ""));
}

static enum rv_status decode_all(struct rv_call *call, const json_t *documents, const struct rv_object **set,
                                 struct rv_error *err)
{
    call->faults = json_array();
    for (size_t i = 0; i < json_array_size(documents); i++) {
        json_t *document = json_array_get(documents, i);
        struct rv_object *object = NULL;
        struct rv_fault *faults = NULL;
        if (rv_object_decode(document, call->arena, &object, &faults) == RV_OK) {
            set[i] = object;
            continue;
        }
        const char *kind = rv_json_get_text(document, "kind", "");
        const char *name = rv_json_get_text(json_object_get(document, "metadata"), "name", "");
        for (const struct rv_fault *f = faults; f != NULL && json_array_size(call->faults) < 200; f = f->next)
            json_array_append_new(call->faults, fault_of(kind, name, i, f));
        if (faults == NULL)
            return rv_fail(err, RV_INTERNAL, "document %zu is not valid, and nobody says why", i);
    }
    if (json_array_size(call->faults) > 0)
        return refuse(call, err);
    json_decref(call->faults);
    call->faults = NULL;
    return RV_OK;
}

static enum rv_status set_faults(struct rv_call *call, const struct rv_object **set, size_t count,
                                 const struct rv_set_fault *faults, struct rv_error *err)
{
    call->faults = json_array();
    for (const struct rv_set_fault *f = faults; f != NULL; f = f->next) {
        size_t i = 0;
        while (i < count && set[i] != f->object)
            i++;
        json_array_append_new(call->faults, fault_of(rv_kind_name(f->object->kind), f->object->name, i, &f->fault));
    }
    return refuse(call, err);
}

static bool add_action(void *arg, const struct rv_binding_row *row)
{
    struct applying *a = arg;
    json_t *o = NULL;
    a->status = rv_view_planned(a->tx, a->call, row, &o, a->err);
    if (a->status == RV_OK)
        json_array_append_new(a->actions, o);
    return a->status == RV_OK;
}

/* A binding of a target in the set shows up with its certificate, when that is in the set too. */
static bool add_action_on(void *arg, const struct rv_binding_row *row)
{
    struct applying *a = arg;
    for (size_t i = 0; i < a->count; i++)
        if (a->set[i]->kind == RV_KIND_CERTIFICATE && strcmp(a->set[i]->name, row->certificate) == 0)
            return true;
    return add_action(arg, row);
}

static enum rv_status add_actions(struct applying *a, const struct rv_object *object)
{
    enum rv_status status = RV_OK;
    if (object->kind == RV_KIND_CERTIFICATE)
        status = rv_binding_each_of(a->tx, object->name, add_action, a, a->err);
    else if (object->kind == RV_KIND_TARGET)
        status = rv_binding_each_on(a->tx, object->name, add_action_on, a, a->err);
    return status != RV_OK ? status : a->status;
}

static enum rv_status apply_in(struct rv_tx *tx, struct rv_call *call, bool dry_run, struct rv_error *err)
{
    const json_t *documents = json_object_get(call->body, "documents");
    size_t count = json_array_size(documents);
    const struct rv_object **set = rv_arena_alloc(call->arena, (count + 1) * sizeof *set);
    struct applying a = {.tx = tx, .call = call, .set = set, .count = count, .err = err};
    enum rv_status status = decode_all(call, documents, set, err);
    if (status != RV_OK)
        return status;
    call->result = json_object();
    a.changes = json_array();
    a.actions = json_array();
    rv_json_set(call->result, "changes", a.changes);
    rv_json_set(call->result, "actions", a.actions);
    struct rv_set_fault *faults = NULL;
    status = rv_apply(tx, call->api->o.digest, set, count, call->who.actor, false, call->now, call->arena, add_change, &a,
                      &faults, err);
    if (status == RV_INVALID && faults != NULL)
        return set_faults(call, set, count, faults, err);
    if (status == RV_OK && a.reserved)
        status = not_allowed(&a, err);
    for (size_t i = 0; status == RV_OK && i < count; i++)
        status = add_actions(&a, set[i]);
    if (status != RV_OK || !dry_run) {
        call->wake = status == RV_OK;
        return status;
    }
    /* A dry run is the real thing, rolled back: only so do the actions tell what would follow. */
    call->rolled_back = true;
    return rv_fail(err, RV_CONFLICT, "a dry run");
}

enum rv_status rv_write_apply(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    const char *dry = rv_http_query(call->request, "dryRun");
    return apply_in(tx, call, dry != NULL && strcmp(dry, "true") == 0, err);
}

/* ---- plan ---- */

struct planning {
    struct rv_tx *tx;
    struct rv_call *call;
    json_t *items;
    int limit;
    bool more;
    int64_t last;
    enum rv_status status;
    struct rv_error *err;
};

static bool add_planned(void *arg, const struct rv_binding_row *row)
{
    struct planning *p = arg;
    json_t *o = NULL;
    if (json_array_size(p->items) == (size_t)p->limit) {
        p->more = true;
        return false;
    }
    p->status = rv_view_planned(p->tx, p->call, row, &o, p->err);
    if (p->status != RV_OK)
        return false;
    json_array_append_new(p->items, o);
    p->last = row->facts.id;
    return true;
}

enum rv_status rv_read_plan(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct planning p = {.tx = tx, .call = call, .err = err};
    int64_t after = 0;
    enum rv_status status = rv_call_limit(call, 100, &p.limit, err);
    if (status == RV_OK)
        status = rv_call_after(call, &after, err);
    if (status != RV_OK)
        return status;
    call->result = rv_page(&p.items);
    status = rv_binding_each(tx, after, p.limit + 1, add_planned, &p, err);
    if (status == RV_OK)
        status = p.status;
    if (status == RV_OK && p.more)
        rv_json_set_text(call->result, "next", rv_arena_printf(call->arena, "%lld", (long long)p.last));
    return status;
}
