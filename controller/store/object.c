/* Declared objects. */
#include "port/store_object.h"

#include <string.h>

#include "store/driver.h"

_Static_assert(RV_KIND_ISSUER == 0 && RV_KIND_PROFILE == 1 && RV_KIND_TARGET == 2 && RV_KIND_CERTIFICATE == 3,
               "stored as numbers");
static const char *const kinds[] = {"Issuer", "Profile", "Target", "Certificate"};

#define COLUMNS "kind, name, generation, created_at, updated_at, document"

/* The document is borrowed from the statement. */
static void row_of(struct rv_query *q, struct rv_object_row *row)
{
    *row = (struct rv_object_row){.kind = (enum rv_kind)rv_take_int(q)};
    rv_take_text_into(q, row->name, sizeof row->name);
    row->generation = rv_take_int(q);
    row->created_at = rv_take_int(q);
    row->updated_at = rv_take_int(q);
    row->document = (char *)rv_take_text(q);
}

void rv_object_row_fini(struct rv_object_row *row)
{
    rv_free(row->document);
    row->document = NULL;
}

static enum rv_status unknown(struct rv_error *err, enum rv_kind kind, const char *name)
{
    return rv_fail(err, RV_NOT_FOUND, "there is no %s \"%s\"", kinds[kind], name);
}

/* Deleted ones too: document NULL. */
static enum rv_status find(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_object_row *ret,
                           struct rv_error *err)
{
    struct rv_query q = rv_query(tx, "SELECT " COLUMNS " FROM object WHERE kind=$1 AND name=$2", err);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, name);
    enum rv_status status;
    if (!rv_query_one(&q, &status))
        return status;
    struct rv_object_row row;
    row_of(&q, &row);
    row.document = rv_strdup(row.document);
    *ret = row;
    return rv_query_end(&q);
}

static enum rv_status save(struct rv_tx *tx, const struct rv_object_row *row, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "INSERT INTO object (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
                                 " ON CONFLICT (kind, name) DO UPDATE SET generation=excluded.generation,"
                                 " created_at=excluded.created_at, updated_at=excluded.updated_at,"
                                 " document=excluded.document",
                                 err);
    rv_bind_int(&q, row->kind);
    rv_bind_text(&q, row->name);
    rv_bind_int(&q, row->generation);
    rv_bind_int(&q, row->created_at);
    rv_bind_int(&q, row->updated_at);
    rv_bind_text(&q, row->document);
    return rv_query_run(&q, NULL);
}

enum rv_status rv_object_put(struct rv_tx *tx, enum rv_kind kind, const char *name, const char *document, rv_time now,
                             int64_t *ret_generation, struct rv_error *err)
{
    struct rv_object_row old = {0};
    if (strlen(name) >= sizeof old.name)
        return rv_fail(err, RV_INVALID, "the name of a %s has at most %zu characters", kinds[kind], sizeof old.name - 1);
    enum rv_status status = find(tx, kind, name, &old, err);
    if (status != RV_OK && status != RV_NOT_FOUND)
        return status;
    bool there = old.document != NULL;
    if (there && strcmp(old.document, document) == 0) {
        *ret_generation = old.generation;
        rv_object_row_fini(&old);
        return RV_OK;
    }
    struct rv_object_row row = {.kind = kind,
                                .generation = old.generation + 1,
                                .created_at = there ? old.created_at : now,
                                .updated_at = now,
                                .document = (char *)document};
    memcpy(row.name, name, strlen(name) + 1);
    rv_object_row_fini(&old);
    status = save(tx, &row, err);
    if (status == RV_OK)
        *ret_generation = row.generation;
    return status;
}

enum rv_status rv_object_get(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_object_row *ret,
                             struct rv_error *err)
{
    struct rv_object_row row;
    enum rv_status status = find(tx, kind, name, &row, err);
    if (status == RV_NOT_FOUND || (status == RV_OK && row.document == NULL))
        return unknown(err, kind, name);
    if (status == RV_OK)
        *ret = row;
    return status;
}

enum rv_status rv_object_delete(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_error *err)
{
    struct rv_query q =
        rv_query(tx, "UPDATE object SET document=NULL WHERE kind=$1 AND name=$2 AND document IS NOT NULL", err);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, name);
    int64_t changed = 0;
    enum rv_status status = rv_query_run(&q, &changed);
    return status == RV_OK && changed == 0 ? unknown(err, kind, name) : status;
}

enum rv_status rv_object_list(struct rv_tx *tx, enum rv_kind kind, const char *after, int limit,
                              bool (*visit)(void *arg, const struct rv_object_row *row), void *arg, struct rv_error *err)
{
    struct rv_query q = rv_query(tx,
                                 "SELECT " COLUMNS " FROM object WHERE kind=$1 AND name>$2 AND document IS NOT NULL"
                                 " ORDER BY name LIMIT $3",
                                 err);
    rv_bind_int(&q, kind);
    rv_bind_text(&q, after == NULL ? "" : after);
    rv_bind_limit(&q, limit);
    while (rv_query_next(&q)) {
        struct rv_object_row row;
        row_of(&q, &row);
        if (!visit(arg, &row))
            break;
    }
    return rv_query_end(&q);
}
