/* Declared objects: the canonical document as JSON, with a generation that grows with every change, and goes on growing
 * when an object is deleted and declared again. */
#pragma once
#include "core/manifest.h"
#include "port/store.h"

struct rv_object_row {
    enum rv_kind kind;
    char name[64];
    int64_t generation;
    rv_time created_at, updated_at;
    char *document; /* canonical JSON; caller frees (rv_object_row_fini) */
};
void rv_object_row_fini(struct rv_object_row *row);

RV_MUST_CHECK enum rv_status rv_object_put(struct rv_tx *tx, enum rv_kind kind, const char *name, const char *document,
                                           rv_time now, int64_t *ret_generation,
                                           struct rv_error *err); /* unchanged text keeps the generation */
RV_MUST_CHECK enum rv_status rv_object_get(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_object_row *ret,
                                           struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_object_delete(struct rv_tx *tx, enum rv_kind kind, const char *name, struct rv_error *err);
/* In order of name, those behind `after` ("" for the first), at most limit; each is borrowed by visit. visit answers
 * false to stop. */
RV_MUST_CHECK enum rv_status rv_object_list(struct rv_tx *tx, enum rv_kind kind, const char *after, int limit,
                                            bool (*visit)(void *arg, const struct rv_object_row *row), void *arg,
                                            struct rv_error *err);
