#include "engine/engine_priv.h"

static enum rv_status decode(const char *text, enum rv_kind kind, const char *name, struct rv_arena *arena,
                             const struct rv_object **ret, struct rv_error *err)
{
    RV_AUTO(json) json_t *document = NULL;
    enum rv_status status = rv_json_parse(rv_bytes_of(text), &document, err);
    if (status != RV_OK)
        return status;
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    if (rv_object_decode(document, arena, &object, &faults) != RV_OK) /* it was checked when it was stored */
        return rv_fail(err, RV_INVALID, "stored %s %s does not decode: %s: %s", rv_kind_name(kind), name,
                       faults != NULL ? faults->path : "", faults != NULL ? faults->message : "");
    *ret = object;
    return RV_OK;
}

enum rv_status rv_object_load(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_arena *arena,
                              const struct rv_object **ret, struct rv_error *err)
{
    struct rv_object_row row = {0};
    enum rv_status status = rv_object_get(tx, kind, name, &row, err);
    if (status == RV_NOT_FOUND) {
        const struct rv_object *builtin = rv_builtin_object(kind, name);
        if (builtin == NULL)
            return status;
        *ret = builtin;
        return RV_OK;
    }
    if (status != RV_OK)
        return status;
    status = decode(row.document, kind, name, arena, ret, err);
    rv_object_row_fini(&row);
    return status;
}

struct listing {
    struct objects *objects;
    struct rv_arena *arena;
    enum rv_status status;
    struct rv_error *err;
};

static bool add(void *arg, const struct rv_object_row *row)
{
    struct listing *l = arg;
    struct objects *o = l->objects;
    if (o->count == o->cap) {
        size_t cap = o->cap > 0 ? 2 * o->cap : 64;
        const struct rv_object **items = rv_arena_alloc(l->arena, cap * sizeof *items);
        if (o->count > 0)
            memcpy(items, o->items, o->count * sizeof *items);
        o->items = items;
        o->cap = cap;
    }
    l->status = decode(row->document, row->kind, row->name, l->arena, &o->items[o->count], l->err);
    o->count += l->status == RV_OK;
    return l->status == RV_OK;
}

enum rv_status rv_objects_load(struct rv_tx *tx, enum rv_kind kind, struct rv_arena *arena, struct objects *ret,
                               struct rv_error *err)
{
    *ret = (struct objects){0};
    struct listing l = {ret, arena, RV_OK, err};
    enum rv_status status = rv_object_list(tx, kind, "", 0, add, &l, err);
    return status == RV_OK ? l.status : status;
}

/* The members of a certificate's specification that are in the certificate: when they change, it is made anew. */
void rv_spec_hash(rv_digest_fn digest, const struct rv_object *certificate, struct rv_hash *ret)
{
    static const char *const members[] = {"commonName", "dnsNames", "duration", "emailAddresses", "ipAddresses", "issuerRef",
                                          "privateKey", "profile",  "uris"};
    RV_AUTO(json) json_t *document = rv_object_encode(certificate);
    const json_t *spec = json_object_get(document, "spec");
    RV_AUTO(json) json_t *chosen = json_object();
    for (size_t i = 0; i < RV_COUNT(members); i++)
        rv_json_set(chosen, members[i], json_incref(json_object_get(spec, members[i])));
    RV_AUTO(char) char *text = rv_json_text(chosen);
    digest(rv_bytes_of(text), ret);
}
