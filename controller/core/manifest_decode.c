/* JSON to structs, by the field tables. Goes on after a fault, so that one run shows them all. */
#include "core/manifest_decode.h"

#include <string.h>

#include "core/nearest.h"

/* ---- groups ---- */

static void decode_fields(struct rv_decoder *d, const struct rv_field *fields, const json_t *group);

static void unknown_field(struct rv_decoder *d, const struct rv_field *fields, const char *name)
{
    struct rv_nearest nearest = {.word = name};
    const char *names[32] = {0};
    for (size_t i = 0; fields[i].name != NULL; i++) {
        rv_nearest_offer(&nearest, fields[i].name);
        if (i < RV_COUNT(names) - 1 && fields[i].type != RV_FIELD_READONLY)
            names[i] = fields[i].name;
    }
    size_t before = rv_decoder_enter(d, name);
    if (nearest.best != NULL)
        rv_fault_add(d->faults, d->path, "unknown field: did you mean %s?", nearest.best);
    else
        rv_fault_add(d->faults, d->path, "unknown field: expected %s", rv_decoder_listed(d, names));
    rv_decoder_leave(d, before);
}

static const struct rv_field *field_named(const struct rv_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static const char *members(struct rv_decoder *d, const struct rv_field *group)
{
    struct rv_buf names = {0};
    for (const struct rv_field *f = group->fields; f->name != NULL; f++)
        rv_buf_printf(&names, "%s%s", f == group->fields ? "" : ", ", f->name);
    const char *text = rv_arena_strdup(d->arena, rv_buf_text(&names));
    rv_buf_fini(&names);
    return text;
}

static void decode_group(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    if (!json_is_object(v)) {
        rv_fault_add(d->faults, d->path, "expected a mapping with %s; found %s", members(d, f), rv_decoder_said(d, v));
        return;
    }
    if (f->present != 0)
        *(bool *)rv_field_at(d->object, f->present) = true;
    decode_fields(d, f->fields, v);
}

static void decode(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    if (f->type == RV_FIELD_GROUP)
        decode_group(d, f, v);
    else
        rv_decoder_value(d, f, v);
}

json_t *rv_field_default(const struct rv_field *field)
{
    return field->otherwise == NULL ? NULL : json_loads(field->otherwise, JSON_DECODE_ANY, NULL);
}

/* A field that is not there: its default, the defaults of its members, or nothing. */
static void decode_absent(struct rv_decoder *d, const struct rv_field *f)
{
    if (f->required && f->type == RV_FIELD_TEXT)
        rv_fault_add(d->faults, d->path, "is missing: expected %s", rv_text_rule_info(f->rule)->what);
    else if (f->required && f->type == RV_FIELD_WORD)
        rv_fault_add(d->faults, d->path, "is missing: expected %s", rv_decoder_listed(d, f->words));
    else if (f->required && f->type == RV_FIELD_GROUP)
        rv_fault_add(d->faults, d->path, "is missing: expected a mapping with %s", members(d, f));
    else if (f->required)
        rv_fault_add(d->faults, d->path, "is missing");
    RV_AUTO(json) json_t *otherwise = rv_field_default(f);
    if (otherwise != NULL)
        decode(d, f, otherwise);
    else if (f->type == RV_FIELD_GROUP && !f->whole && !f->required)
        decode_fields(d, f->fields, NULL);
}

/* group NULL: nothing is there, only defaults count. */
static void decode_fields(struct rv_decoder *d, const struct rv_field *fields, const json_t *group)
{
    const char *name;
    json_t *member;
    json_object_foreach ((json_t *)group, name, member)
        if (field_named(fields, name) == NULL)
            unknown_field(d, fields, name);
    for (const struct rv_field *f = fields; f->name != NULL; f++) {
        const json_t *v = json_object_get(group, f->name);
        size_t before = rv_decoder_enter(d, f->name);
        if (v == NULL)
            decode_absent(d, f);
        else if (json_is_null(v))
            rv_fault_add(d->faults, d->path, "has no value: give it one, or leave the field out");
        else
            decode(d, f, v);
        rv_decoder_leave(d, before);
    }
}

/* ---- documents ---- */

/* Kinds of later versions: worth a clearer answer than "unknown". */
static const char *const later_kinds[] = {"Scan", "Route", "ApprovalPolicy", "Freeze", NULL};

static bool find_kind(struct rv_decoder *d, const json_t *document, enum rv_kind *ret)
{
    const char *const names[] = {rv_kind_name(RV_KIND_ISSUER), rv_kind_name(RV_KIND_PROFILE), rv_kind_name(RV_KIND_TARGET),
                                 rv_kind_name(RV_KIND_CERTIFICATE), NULL};
    const json_t *v = json_object_get(document, "kind");
    const char *kind = json_string_value(v);
    for (size_t i = 0; kind != NULL && i < RV_KIND_COUNT; i++) {
        if (strcmp(kind, names[i]) == 0) {
            *ret = (enum rv_kind)i;
            return true;
        }
    }
    size_t before = rv_decoder_enter(d, "kind");
    bool later = false;
    for (size_t i = 0; kind != NULL && later_kinds[i] != NULL; i++)
        later = later || strcmp(kind, later_kinds[i]) == 0;
    if (later)
        rv_fault_add(d->faults, d->path, "kind %s is not supported by this version: expected %s", kind,
                     rv_decoder_listed(d, names));
    else if (kind != NULL)
        rv_decoder_unknown_word(d, kind, names);
    else if (v != NULL)
        rv_decoder_expected(d, v, rv_arena_printf(d->arena, "text (%s)", rv_decoder_listed(d, names)));
    else
        rv_fault_add(d->faults, d->path, "is missing: expected %s", rv_decoder_listed(d, names));
    rv_decoder_leave(d, before);
    return false;
}

enum rv_status rv_object_decode(const json_t *document, struct rv_arena *arena, struct rv_object **ret,
                                struct rv_fault **ret_faults)
{
    struct rv_faults faults = {.arena = arena};
    struct rv_decoder d = {.arena = arena, .faults = &faults};
    enum rv_kind kind;
    if (!json_is_object(document))
        rv_fault_add(&faults, "", "expected a mapping with apiVersion, kind, metadata and spec, found %s",
                     document == NULL ? "nothing" : rv_decoder_said(&d, document));
    else if (find_kind(&d, document, &kind)) {
        d.object = rv_arena_alloc(arena, sizeof *d.object);
        d.object->kind = kind;
        decode_fields(&d, rv_document_fields(kind), document);
        rv_object_finish(d.object, &faults);
    }
    if (faults.first != NULL) {
        *ret_faults = faults.first;
        return RV_INVALID;
    }
    *ret = d.object;
    return RV_OK;
}
