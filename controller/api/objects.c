/* Declared documents: showing and removing them. */
#include "api/api_priv.h"
#include "base/text.h"
#include "engine/engine.h"
#include "port/store_object.h"

/* Objects that exist without being declared. */
static const struct {
    enum rv_kind kind;
    const char *name;
} builtins[] = {{RV_KIND_ISSUER, "internal"}, {RV_KIND_PROFILE, "tls-server"}};

static enum rv_status object_view(const struct rv_object_row *row, json_t **ret, struct rv_error *err)
{
    json_t *o = NULL;
    enum rv_status status = rv_json_parse(rv_bytes_of(row->document), &o, err);
    if (status != RV_OK)
        return rv_error_prefix(err, RV_INTERNAL, "the stored document of %s", row->name);
    rv_json_set_int(o, "generation", row->generation);
    rv_json_set_time(o, "createdAt", row->created_at);
    rv_json_set_time(o, "updatedAt", row->updated_at);
    *ret = o;
    return RV_OK;
}

static json_t *builtin_view(const struct rv_object *object)
{
    json_t *o = rv_object_encode(object);
    rv_json_set_int(o, "generation", 0);
    return o;
}

static enum rv_status not_there(enum rv_kind kind, const char *name, struct rv_error *err)
{
    rv_fail(err, RV_NOT_FOUND, "there is no %s of this name", rv_kind_name(kind));
    rv_error_where(err, RV_NOT_FOUND, "%s/%s", rv_kind_plural(kind), name);
    return rv_error_hint(err, RV_NOT_FOUND, "`reeve get %s` lists what there is", rv_kind_plural(kind));
}

/* ---- lists ---- */

struct page {
    struct rv_tx *tx;
    struct rv_call *call;
    enum rv_kind kind;
    json_t *items;
    int limit;
    bool more;
    char last[64];
    enum rv_status status;
    struct rv_error *err;
};

static bool page_full(struct page *p)
{
    if (json_array_size(p->items) < (size_t)p->limit)
        return false;
    p->more = true;
    return true;
}

static void page_add(struct page *p, const char *name, json_t *item)
{
    json_array_append_new(p->items, item);
    snprintf(p->last, sizeof p->last, "%s", name);
}

/* Built-in objects take their place in the order of names, unless declared ones took their name. */
static bool add_builtins(struct page *p, const char *before)
{
    for (size_t i = 0; i < RV_COUNT(builtins); i++) {
        const struct rv_object *o = rv_builtin_object(builtins[i].kind, builtins[i].name);
        if (o == NULL || builtins[i].kind != p->kind || strcmp(builtins[i].name, p->last) <= 0 ||
            (before != NULL && strcmp(builtins[i].name, before) >= 0))
            continue;
        if (page_full(p))
            return false;
        page_add(p, builtins[i].name, builtin_view(o));
    }
    return true;
}

static bool add_object(void *arg, const struct rv_object_row *row)
{
    struct page *p = arg;
    json_t *item = NULL;
    if (!add_builtins(p, row->name) || page_full(p))
        return false;
    p->status = p->kind == RV_KIND_CERTIFICATE
                    ? rv_view_certificate(p->tx, p->call, row->name, row->generation, row->document, &item, p->err)
                    : object_view(row, &item, p->err);
    if (p->status != RV_OK)
        return false;
    page_add(p, row->name, item);
    return true;
}

static enum rv_status list(struct rv_tx *tx, struct rv_call *call, enum rv_kind kind, struct rv_error *err)
{
    struct page p = {.tx = tx, .call = call, .kind = kind, .err = err};
    const char *after = rv_http_query(call->request, "after");
    enum rv_status status = rv_call_limit(call, 100, &p.limit, err);
    if (status != RV_OK)
        return status;
    if (after != NULL && *after != '\0' && !rv_name_valid(after)) {
        rv_fail(err, RV_INVALID, "expected the `next` of the page before");
        return rv_error_where(err, RV_INVALID, "after");
    }
    snprintf(p.last, sizeof p.last, "%s", after != NULL ? after : "");
    call->result = rv_page(&p.items);
    char from[64];
    memcpy(from, p.last, sizeof from);
    status = rv_object_list(tx, kind, from, p.limit + 1, add_object, &p, err);
    if (status == RV_OK)
        status = p.status;
    if (status != RV_OK)
        return status;
    if (!p.more)
        add_builtins(&p, NULL);
    if (p.more)
        rv_json_set_text(call->result, "next", p.last);
    return RV_OK;
}

enum rv_status rv_read_certificates(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return list(tx, call, RV_KIND_CERTIFICATE, err);
}
enum rv_status rv_read_targets(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return list(tx, call, RV_KIND_TARGET, err);
}
enum rv_status rv_read_profiles(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return list(tx, call, RV_KIND_PROFILE, err);
}
enum rv_status rv_read_issuers(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return list(tx, call, RV_KIND_ISSUER, err);
}

/* ---- one ---- */

static enum rv_status one(struct rv_tx *tx, struct rv_call *call, enum rv_kind kind, struct rv_error *err)
{
    const char *name = call->params[0];
    const struct rv_object *builtin = rv_builtin_object(kind, name);
    struct rv_object_row row = {0};
    enum rv_status status = rv_name_valid(name) ? rv_object_get(tx, kind, name, &row, err) : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND && builtin != NULL) {
        call->result = builtin_view(builtin);
        return RV_OK;
    }
    if (status == RV_NOT_FOUND)
        return not_there(kind, name, err);
    if (status != RV_OK)
        return status;
    status = kind == RV_KIND_CERTIFICATE
                 ? rv_view_certificate(tx, call, row.name, row.generation, row.document, &call->result, err)
                 : object_view(&row, &call->result, err);
    rv_object_row_fini(&row);
    return status;
}

enum rv_status rv_read_certificate(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return one(tx, call, RV_KIND_CERTIFICATE, err);
}
enum rv_status rv_read_target(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return one(tx, call, RV_KIND_TARGET, err);
}
enum rv_status rv_read_profile(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return one(tx, call, RV_KIND_PROFILE, err);
}
enum rv_status rv_read_issuer(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return one(tx, call, RV_KIND_ISSUER, err);
}

/* ---- removing ---- */

static enum rv_status removing(struct rv_tx *tx, struct rv_call *call, enum rv_kind kind, struct rv_error *err)
{
    const char *name = call->params[0];
    struct rv_object_row row = {0};
    enum rv_status status = rv_name_valid(name) ? rv_object_get(tx, kind, name, &row, err) : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND && rv_builtin_object(kind, name) != NULL)
        return rv_fail(err, RV_DENIED, "%s %s is built in and cannot be removed", rv_kind_name(kind), name);
    if (status == RV_NOT_FOUND)
        return not_there(kind, name, err);
    if (status != RV_OK)
        return status;
    rv_object_row_fini(&row);
    call->wake = true;
    return rv_remove(tx, call->api->o.digest, kind, name, call->who.actor, call->now, err);
}

enum rv_status rv_delete_certificate(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return removing(tx, call, RV_KIND_CERTIFICATE, err);
}
enum rv_status rv_delete_target(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return removing(tx, call, RV_KIND_TARGET, err);
}
enum rv_status rv_delete_profile(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return removing(tx, call, RV_KIND_PROFILE, err);
}
enum rv_status rv_delete_issuer(struct rv_tx *tx, void *call, struct rv_error *err)
{
    return removing(tx, call, RV_KIND_ISSUER, err);
}
