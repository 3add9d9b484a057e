/* What the two halves of decoding share: where we are, and how faults are told. */
#pragma once
#include "core/manifest_priv.h"

#define RV_PATH_SIZE 320

struct rv_decoder {
    struct rv_arena *arena;
    struct rv_object *object;
    struct rv_faults *faults;
    char path[RV_PATH_SIZE]; /* of the field that is being decoded */
    size_t path_len;
};
/* Steps into a field or an item of a list; what is returned leads back. */
size_t rv_decoder_enter(struct rv_decoder *d, const char *name);
size_t rv_decoder_enter_item(struct rv_decoder *d, size_t i);
void rv_decoder_leave(struct rv_decoder *d, size_t before);

/* For messages; texts live in the arena. */
const char *rv_decoder_said(struct rv_decoder *d, const json_t *v);                /* "the number 42", "a list" */
const char *rv_decoder_listed(struct rv_decoder *d, const char *const *words);     /* "a, b or c" */
void rv_decoder_expected(struct rv_decoder *d, const json_t *v, const char *what); /* expected WHAT, found … */
void rv_decoder_unknown_word(struct rv_decoder *d, const char *word, const char *const *words);

/* Every type of field but groups (manifest_values.c). */
void rv_decoder_value(struct rv_decoder *d, const struct rv_field *f, const json_t *v);
