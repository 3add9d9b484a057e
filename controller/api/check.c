/* Values against shapes, and shapes as JSON Schema. */
#include "api/shapes.h"
#include "base/text.h"
#include "core/nearest.h"

#define FAULT_LIMIT 50

struct check {
    struct rv_arena *arena;
    struct rv_fault **tail;
    int left;
};

static void fault(struct check *c, const char *path, const char *message)
{
    if (c->left-- <= 0)
        return;
    struct rv_fault *f = rv_arena_alloc(c->arena, sizeof *f);
    f->path = path;
    f->message = message;
    *c->tail = f;
    c->tail = &f->next;
}

static const char *member_path(struct check *c, const char *path, const char *name)
{
    return path[0] == '\0' ? rv_arena_strdup(c->arena, name) : rv_arena_printf(c->arena, "%s.%s", path, name);
}

static const char *short_text(struct check *c, const char *s)
{
    struct rv_buf out = {0};
    size_t n = strnlen(s, 60);
    rv_printable(&out, s, n);
    const char *kept = rv_arena_printf(c->arena, "%s%s", rv_buf_text(&out), s[n] != '\0' ? "…" : "");
    rv_buf_fini(&out);
    return kept;
}

static void check_object(struct check *c, const struct rv_shape *shape, const json_t *value, const char *path);

static void check_text(struct check *c, const struct rv_field *field, const char *s, const char *path)
{
    size_t longest = field->longest != 0 ? field->longest : 256;
    if (field->values == NULL) {
        if (field->longest != 0 && strlen(s) > longest)
            fault(c, path, rv_arena_printf(c->arena, "%zu bytes: at most %zu are accepted", strlen(s), longest));
        return;
    }
    struct rv_buf known = {0};
    for (const char *const *v = field->values; *v != NULL; v++) {
        if (strcmp(*v, s) == 0) {
            rv_buf_fini(&known);
            return;
        }
        rv_buf_printf(&known, "%s%s", known.len > 0 ? ", " : "", *v);
    }
    fault(c, path, rv_arena_printf(c->arena, "\"%s\" is not one of %s", short_text(c, s), rv_buf_text(&known)));
    rv_buf_fini(&known);
}

static bool is_hash(const char *s)
{
    struct rv_hash h;
    return rv_unhex(h.b, sizeof h.b, s, strlen(s));
}

static void check_value(struct check *c, const struct rv_field *field, const json_t *v, const char *path)
{
    rv_time t;
    switch (field->type) {
    case RV_SHAPE_TEXT:
        if (!json_is_string(v))
            fault(c, path, "expected text");
        else
            check_text(c, field, json_string_value(v), path);
        break;
    case RV_SHAPE_INT:
        if (!json_is_integer(v))
            fault(c, path, "expected a whole number");
        break;
    case RV_SHAPE_BOOL:
        if (!json_is_boolean(v))
            fault(c, path, "expected true or false");
        break;
    case RV_SHAPE_TIME:
        if (!json_is_string(v) || rv_time_parse(json_string_value(v), &t, NULL) != RV_OK)
            fault(c, path, "expected a time like 2026-11-23T14:00:00Z");
        break;
    case RV_SHAPE_HASH:
        if (!json_is_string(v) || !is_hash(json_string_value(v)))
            fault(c, path, "expected 64 hexadecimal digits");
        break;
    case RV_SHAPE_OBJECT:
        check_object(c, field->of, v, path);
        break;
    case RV_SHAPE_LABELS: {
        const char *name;
        json_t *member;
        if (!json_is_object(v))
            fault(c, path, "expected an object");
        json_object_foreach ((json_t *)v, name, member)
            if (!json_is_string(member))
                fault(c, member_path(c, path, short_text(c, name)), "expected text");
        break;
    }
    case RV_SHAPE_DOCUMENT:
        if (!json_is_object(v))
            fault(c, path, "expected an object");
        break;
    }
}

static void check_field(struct check *c, const struct rv_field *field, const json_t *v, const char *path)
{
    if ((field->flags & RV_FIELD_LIST) == 0) {
        check_value(c, field, v, path);
        return;
    }
    if (!json_is_array(v)) {
        fault(c, path, "expected a list");
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++)
        check_value(c, field, json_array_get(v, i), rv_arena_printf(c->arena, "%s[%zu]", path, i));
}

static const struct rv_field *find_field(const struct rv_shape *shape, const char *name)
{
    for (const struct rv_field *f = shape->fields; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static void unknown_member(struct check *c, const struct rv_shape *shape, const char *name, const char *path)
{
    const char *shown = short_text(c, name);
    struct rv_nearest near = {name, NULL, 0};
    for (const struct rv_field *f = shape->fields; f->name != NULL; f++)
        rv_nearest_offer(&near, f->name);
    fault(c, member_path(c, path, shown),
          near.best != NULL ? rv_arena_printf(c->arena, "unknown member; did you mean \"%s\"?", near.best)
                            : "unknown member");
}

static void check_object(struct check *c, const struct rv_shape *shape, const json_t *value, const char *path)
{
    if (!json_is_object(value)) {
        fault(c, path, "expected an object");
        return;
    }
    const char *name;
    json_t *member;
    json_object_foreach ((json_t *)value, name, member) {
        const struct rv_field *field = find_field(shape, name);
        if (field != NULL)
            check_field(c, field, member, member_path(c, path, name));
        else if (!shape->open)
            unknown_member(c, shape, name, path);
    }
    for (const struct rv_field *f = shape->fields; f->name != NULL; f++)
        if ((f->flags & RV_FIELD_REQUIRED) != 0 && json_object_get(value, f->name) == NULL)
            fault(c, member_path(c, path, f->name), rv_arena_printf(c->arena, "missing: %s", f->text));
}

void rv_shape_check(const struct rv_shape *shape, const json_t *value, struct rv_arena *arena, struct rv_fault **ret)
{
    struct check c = {arena, ret, FAULT_LIMIT};
    check_object(&c, shape, value, "");
}

static json_t *type_schema(const struct rv_field *field)
{
    static const char *const types[] = {
        [RV_SHAPE_TEXT] = "string", [RV_SHAPE_INT] = "integer", [RV_SHAPE_BOOL] = "boolean",  [RV_SHAPE_TIME] = "string",
        [RV_SHAPE_HASH] = "string", [RV_SHAPE_OBJECT] = NULL,   [RV_SHAPE_LABELS] = "object", [RV_SHAPE_DOCUMENT] = "object",
    };
    json_t *o = json_object();
    if (field->type == RV_SHAPE_OBJECT) {
        char ref[96];
        snprintf(ref, sizeof ref, "#/components/schemas/%s", field->of->name);
        rv_json_set_text(o, "$ref", ref);
        return o;
    }
    rv_json_set_text(o, "type", types[field->type]);
    if (field->type == RV_SHAPE_TIME)
        rv_json_set_text(o, "format", "date-time");
    if (field->type == RV_SHAPE_HASH)
        rv_json_set_text(o, "pattern", "^[0-9a-f]{64}$");
    if (field->type == RV_SHAPE_LABELS)
        rv_json_set(o, "additionalProperties", json_pack("{s:s}", "type", "string"));
    if (field->longest != 0)
        rv_json_set_int(o, "maxLength", (int64_t)field->longest);
    if (field->values != NULL) {
        json_t *values = json_array();
        for (const char *const *v = field->values; *v != NULL; v++)
            json_array_append_new(values, json_string(*v));
        rv_json_set(o, "enum", values);
    }
    return o;
}

json_t *rv_field_schema(const struct rv_field *field)
{
    json_t *o = type_schema(field);
    if ((field->flags & RV_FIELD_LIST) != 0) {
        json_t *list = json_object();
        rv_json_set_text(list, "type", "array");
        rv_json_set(list, "items", o);
        o = list;
    }
    rv_json_set_text(o, "description", field->text);
    return o;
}

json_t *rv_shape_schema(const struct rv_shape *shape)
{
    json_t *o = json_object(), *properties = json_object(), *required = json_array();
    rv_json_set_text(o, "type", "object");
    rv_json_set_text(o, "description", shape->text);
    for (const struct rv_field *f = shape->fields; f->name != NULL; f++) {
        rv_json_set(properties, f->name, rv_field_schema(f));
        if ((f->flags & RV_FIELD_REQUIRED) != 0)
            json_array_append_new(required, json_string(f->name));
    }
    rv_json_set(o, "properties", properties);
    if (json_array_size(required) > 0)
        json_object_set(o, "required", required);
    json_decref(required);
    rv_json_set_bool(o, "additionalProperties", shape->open);
    return o;
}
