/* Apply: declared objects into the store, and the bindings that follow from them, in one transaction of the caller's. */
#include <stdio.h>

#include "engine/engine_priv.h"
#include "port/store_audit.h"

struct apply {
    struct rv_tx *tx;
    rv_digest_fn digest;
    const char *actor;
    rv_time now;
    struct rv_arena *arena;
    struct rv_error *err;
    enum rv_status status; /* of a look-up that failed inside a check */
};

/* ---- Checking a set against what is stored ---------------------------------------------------------------------- */

static const struct rv_object *look_up(void *ctx, enum rv_kind kind, const char *name)
{
    struct apply *a = ctx;
    const struct rv_object *object = NULL;
    struct rv_error ignored;
    enum rv_status status = rv_object_load(a->tx, kind, name, a->arena, &object, &ignored);
    if (status != RV_OK && status != RV_NOT_FOUND) {
        a->status = status;
        *a->err = ignored;
    }
    return status == RV_OK ? object : NULL;
}

static void each(void *ctx, enum rv_kind kind, void (*visit)(void *arg, const struct rv_object *), void *arg)
{
    struct apply *a = ctx;
    struct objects all;
    enum rv_status status = rv_objects_load(a->tx, kind, a->arena, &all, a->err);
    if (status != RV_OK) {
        a->status = status;
        return;
    }
    for (size_t i = 0; i < all.count; i++)
        visit(arg, all.items[i]);
}

/* ---- Objects ---------------------------------------------------------------------------------------------------- */

static enum rv_status tell(struct apply *a, const char *action, enum rv_kind kind, const char *name)
{
    char subject[100];
    snprintf(subject, sizeof subject, "%s/%s", rv_kind_name(kind), name);
    struct rv_audit_event event = {a->actor, action, subject, NULL};
    return rv_audit_append(a->tx, &event, a->now, a->err);
}

static enum rv_status put_object(struct apply *a, const struct rv_object *object, bool dry_run, rv_change_visit visit,
                                 void *arg, bool *ret_changed)
{
    RV_AUTO(json) json_t *after = rv_object_encode(object);
    RV_AUTO(json) json_t *before = NULL;
    RV_AUTO(char) char *text = rv_json_text(after);
    struct rv_object_row stored = {0};
    struct rv_change_row row = {object->kind, object->name, RV_CHANGE_CREATE, NULL, after};
    enum rv_status status = rv_object_get(a->tx, object->kind, object->name, &stored, a->err);
    if (status == RV_OK) {
        row.change = strcmp(stored.document, text) == 0 ? RV_CHANGE_NONE : RV_CHANGE_UPDATE;
        status = rv_json_parse(rv_bytes_of(stored.document), &before, a->err);
        row.before = before;
        rv_object_row_fini(&stored);
    } else if (status == RV_NOT_FOUND) {
        status = RV_OK;
    }
    if (status != RV_OK)
        return status;
    if (visit != NULL)
        visit(arg, &row);
    *ret_changed = row.change != RV_CHANGE_NONE;
    if (dry_run || row.change == RV_CHANGE_NONE)
        return RV_OK;
    int64_t generation;
    status = rv_object_put(a->tx, object->kind, object->name, text, a->now, &generation, a->err);
    return status == RV_OK
               ? tell(a, row.change == RV_CHANGE_CREATE ? "object.created" : "object.updated", object->kind, object->name)
               : status;
}

/* ---- Bindings --------------------------------------------------------------------------------------------------- */

struct on_target {
    const char *certificate;
    bool found;
};

static bool is_certificate(void *arg, const struct rv_binding_row *row)
{
    struct on_target *o = arg;
    o->found = strcmp(row->certificate, o->certificate) == 0;
    return !o->found;
}

/* It selects the target now, or did before. */
static enum rv_status touches(struct apply *a, const struct rv_object *certificate, const struct rv_object *target,
                              bool *ret)
{
    struct on_target o = {certificate->name,
                          rv_certificate_selects(&certificate->certificate, target->name, &target->labels)};
    enum rv_status status = o.found ? RV_OK : rv_binding_each_on(a->tx, target->name, is_certificate, &o, a->err);
    *ret = o.found;
    return status;
}

struct touched {
    const struct rv_object *const *set; /* changed objects */
    size_t count;
    bool targets; /* some of them is a target */
};

static enum rv_status is_touched(struct apply *a, const struct touched *t, const struct rv_object *certificate, bool *ret)
{
    enum rv_status status = RV_OK;
    *ret = false;
    for (size_t i = 0; status == RV_OK && !*ret && i < t->count; i++) {
        if (t->set[i]->kind == RV_KIND_CERTIFICATE)
            *ret = strcmp(t->set[i]->name, certificate->name) == 0;
        else if (t->set[i]->kind == RV_KIND_TARGET)
            status = touches(a, certificate, t->set[i], ret);
    }
    return status;
}

static enum rv_status recompute(struct apply *a, const struct touched *t)
{
    struct objects targets, certificates = {0};
    enum rv_status status = rv_objects_load(a->tx, RV_KIND_TARGET, a->arena, &targets, a->err);
    if (status == RV_OK && t->targets)
        status = rv_objects_load(a->tx, RV_KIND_CERTIFICATE, a->arena, &certificates, a->err);
    if (!t->targets) { /* only what is in the set */
        certificates.items = (const struct rv_object **)t->set;
        certificates.count = t->count;
    }
    for (size_t i = 0; status == RV_OK && i < certificates.count; i++) {
        const struct rv_object *certificate = certificates.items[i];
        bool touched = certificate->kind == RV_KIND_CERTIFICATE;
        if (t->targets)
            status = is_touched(a, t, certificate, &touched);
        if (status == RV_OK && touched)
            status = rv_bindings_compute(a->tx, a->digest, certificate, &targets, a->now, a->arena, a->err);
    }
    return status;
}

enum rv_status rv_apply(struct rv_tx *tx, rv_digest_fn digest, const struct rv_object *const *set, size_t count,
                        const char *actor, bool dry_run, rv_time now, struct rv_arena *arena, rv_change_visit visit,
                        void *arg, struct rv_set_fault **ret_faults, struct rv_error *err)
{
    struct rv_error own;
    struct apply a = {tx, digest, actor, now, arena, err != NULL ? err : &own, RV_OK};
    if (rv_objects_check(set, count, look_up, each, &a, arena, ret_faults) != RV_OK)
        return a.status != RV_OK ? a.status
                                 : rv_fail(err, RV_INVALID, "the objects do not fit together; nothing was stored");
    if (a.status != RV_OK)
        return a.status;
    struct touched t = {0};
    const struct rv_object **changed = rv_arena_alloc(arena, (count + 1) * sizeof *changed);
    for (unsigned kind = 0; kind < RV_KIND_COUNT; kind++)
        for (size_t i = 0; i < count; i++) {
            bool is_changed = false;
            if (set[i]->kind != (enum rv_kind)kind)
                continue;
            enum rv_status status = put_object(&a, set[i], dry_run, visit, arg, &is_changed);
            if (status != RV_OK)
                return status;
            if (!is_changed)
                continue;
            changed[t.count++] = set[i];
            t.targets |= set[i]->kind == RV_KIND_TARGET;
        }
    t.set = changed;
    return dry_run || t.count == 0 ? RV_OK : recompute(&a, &t);
}

/* ---- Removing --------------------------------------------------------------------------------------------------- */

static bool needs(const struct rv_object *certificate, enum rv_kind kind, const char *name)
{
    const struct rv_certificate_spec *spec = &certificate->certificate;
    if (kind == RV_KIND_PROFILE)
        return strcmp(spec->profile, name) == 0;
    if (kind == RV_KIND_ISSUER)
        return strcmp(spec->issuer, name) == 0;
    for (size_t i = 0; kind == RV_KIND_TARGET && spec->has_deploy && i < spec->target_names.count; i++)
        if (strcmp(spec->target_names.items[i], name) == 0)
            return true;
    return false;
}

static enum rv_status refuse_if_needed(struct apply *a, enum rv_kind kind, const char *name)
{
    struct objects certificates;
    if (kind == RV_KIND_CERTIFICATE || rv_builtin_object(kind, name) != NULL)
        return RV_OK;
    enum rv_status status = rv_objects_load(a->tx, RV_KIND_CERTIFICATE, a->arena, &certificates, a->err);
    for (size_t i = 0; status == RV_OK && i < certificates.count; i++)
        if (needs(certificates.items[i], kind, name)) {
            status = rv_fail(a->err, RV_CONFLICT, "certificate %s still needs %s %s", certificates.items[i]->name,
                             rv_kind_name(kind), name);
            return rv_error_hint(a->err, status, "change or delete the certificate first");
        }
    return status;
}

static bool collect(void *arg, const struct rv_binding_row *row)
{
    struct rv_buf *ids = arg;
    rv_buf_add(ids, &row->facts.id, sizeof row->facts.id);
    return true;
}

static enum rv_status unwant_all(struct apply *a, const char *certificate)
{
    struct rv_buf ids = {0};
    enum rv_status status = rv_binding_each_of(a->tx, certificate, collect, &ids, a->err);
    for (size_t i = 0; status == RV_OK && i < ids.len / sizeof(int64_t); i++) {
        int64_t id;
        memcpy(&id, ids.data + i * sizeof id, sizeof id);
        status = rv_binding_unwant(a->tx, id, a->err);
    }
    rv_buf_fini(&ids);
    return status;
}

enum rv_status rv_remove(struct rv_tx *tx, rv_digest_fn digest, enum rv_kind kind, const char *name, const char *actor,
                         rv_time now, struct rv_error *err)
{
    RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
    struct rv_error own;
    struct apply a = {tx, digest, actor, now, arena, err != NULL ? err : &own, RV_OK};
    const struct rv_object *object = NULL;
    struct rv_object_row stored = {0};
    enum rv_status status = rv_object_get(tx, kind, name, &stored, a.err);
    rv_object_row_fini(&stored);
    if (status == RV_OK)
        status = rv_object_load(tx, kind, name, arena, &object, a.err);
    if (status == RV_OK)
        status = refuse_if_needed(&a, kind, name);
    if (status == RV_OK)
        status = rv_object_delete(tx, kind, name, a.err);
    if (status == RV_OK && kind == RV_KIND_CERTIFICATE)
        status = unwant_all(&a, name);
    if (status == RV_OK && kind == RV_KIND_TARGET)
        status = recompute(&a, &(struct touched){&object, 1, true});
    return status == RV_OK ? tell(&a, "object.deleted", kind, name) : status;
}
