/* JSON Schema (2020-12) from the field tables. */
#include <stdio.h>
#include <string.h>

#include "core/manifest_priv.h"
#include "core/names.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define DURATION_PATTERN "^(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$"

static json_t *typed(const char *type)
{
    json_t *s = json_object();
    rv_json_set_text(s, "type", type);
    return s;
}

static json_t *text_schema(enum rv_text_rule rule)
{
    const struct rv_text_rule_info *info = rv_text_rule_info(rule);
    json_t *s = typed("string");
    rv_json_set_int(s, "minLength", 1);
    rv_json_set_int(s, "maxLength", (int64_t)info->max);
    rv_json_set_text(s, "pattern", info->pattern);
    return s;
}

static json_t *list_schema(const struct rv_field *f, json_t *items)
{
    json_t *s = typed("array");
    rv_json_set(s, "items", items);
    if (f->low > 0)
        rv_json_set_int(s, "minItems", f->low);
    if (f->high > 0)
        rv_json_set_int(s, "maxItems", f->high);
    return s;
}

static json_t *pattern_schema(const char *pattern)
{
    json_t *s = typed("string");
    rv_json_set_text(s, "pattern", pattern);
    return s;
}

static json_t *words_schema(const char *const *words)
{
    json_t *s = json_object(), *list = json_array();
    for (; *words != NULL; words++)
        json_array_append_new(list, json_string(*words));
    rv_json_set(s, "enum", list);
    return s;
}

static json_t *either(json_t *a, json_t *b)
{
    json_t *s = json_object(), *list = json_array();
    json_array_append_new(list, a);
    json_array_append_new(list, b);
    rv_json_set(s, "oneOf", list);
    return s;
}

static json_t *group_schema(const struct rv_field *fields);

static json_t *of_group(const struct rv_field *f)
{
    return group_schema(f->fields);
}

static json_t *of_text(const struct rv_field *f)
{
    return text_schema(f->rule);
}

static json_t *of_texts(const struct rv_field *f)
{
    json_t *s = list_schema(f, text_schema(f->rule));
    rv_json_set_bool(s, "uniqueItems", true);
    return s;
}

static json_t *of_word(const struct rv_field *f)
{
    return words_schema(f->words);
}

static json_t *of_set(const struct rv_field *f)
{
    json_t *words = json_array(), *item = json_object();
    for (const struct rv_set_word *w = f->set; w->word != NULL; w++)
        json_array_append_new(words, json_string(w->word));
    rv_json_set(item, "enum", words);
    return list_schema(f, item);
}

static json_t *of_int(const struct rv_field *f)
{
    json_t *s = typed("integer");
    rv_json_set_int(s, "minimum", f->low);
    rv_json_set_int(s, "maximum", f->high);
    return s;
}

static json_t *of_bool(const struct rv_field *f)
{
    (void)f;
    return typed("boolean");
}

static json_t *of_duration(const struct rv_field *f)
{
    if (f->low > 0)
        return pattern_schema(DURATION_PATTERN);
    json_t *zero = json_object();
    rv_json_set_int(zero, "const", 0);
    return either(pattern_schema(DURATION_PATTERN), zero);
}

static json_t *of_renew(const struct rv_field *f)
{
    (void)f;
    return either(pattern_schema("^([1-9]|[1-8][0-9]|90)%$"), pattern_schema(DURATION_PATTERN));
}

static json_t *of_batches(const struct rv_field *f)
{
    json_t *count = typed("integer");
    rv_json_set_int(count, "minimum", 1);
    rv_json_set_int(count, "maximum", 100000);
    return list_schema(f, either(count, pattern_schema("^([1-9]|[1-9][0-9]|100)%$")));
}

static json_t *of_endpoints(const struct rv_field *f)
{
    json_t *object = typed("object"), *properties = json_object(), *required = json_array();
    json_t *name = typed("string");
    rv_json_set_int(name, "minLength", 1);
    rv_json_set_int(name, "maxLength", RV_NAME_MAX);
    rv_json_set_text(name, "description",
                     "Name to ask for (SNI) and to check. Left out: the host of the address when it is "
                     "a name, else the first DNS name of the certificate.");
    rv_json_set(properties, "address", pattern_schema(":[0-9]+$"));
    rv_json_set(properties, "serverName", name);
    json_array_append_new(required, json_string("address"));
    rv_json_set(object, "properties", properties);
    rv_json_set(object, "required", required);
    rv_json_set_bool(object, "additionalProperties", false);
    return list_schema(f, either(pattern_schema(":[0-9]+$"), object));
}

static json_t *of_labels(const struct rv_field *f)
{
    (void)f;
    json_t *s = typed("object"), *value = pattern_schema("^[A-Za-z0-9._/-]*$");
    rv_json_set_int(value, "maxLength", 63);
    rv_json_set(s, "propertyNames", pattern_schema("^[A-Za-z0-9._/-]{1,63}$"));
    rv_json_set(s, "additionalProperties", value);
    rv_json_set_int(s, "maxProperties", 64);
    return s;
}

static json_t *of_readonly(const struct rv_field *f)
{
    (void)f;
    json_t *s = json_object();
    rv_json_set_bool(s, "readOnly", true);
    return s;
}

static json_t *(*const schemas[])(const struct rv_field *f) = {
    [RV_FIELD_GROUP] = of_group,
    [RV_FIELD_TEXT] = of_text,
    [RV_FIELD_TEXTS] = of_texts,
    [RV_FIELD_WORD] = of_word,
    [RV_FIELD_SET] = of_set,
    [RV_FIELD_INT] = of_int,
    [RV_FIELD_BOOL] = of_bool,
    [RV_FIELD_DURATION] = of_duration,
    [RV_FIELD_RENEW] = of_renew,
    [RV_FIELD_BATCHES] = of_batches,
    [RV_FIELD_ENDPOINTS] = of_endpoints,
    [RV_FIELD_LABELS] = of_labels,
    [RV_FIELD_READONLY] = of_readonly,
};

static json_t *group_schema(const struct rv_field *fields)
{
    json_t *s = typed("object"), *properties = json_object(), *required = json_array();
    for (const struct rv_field *f = fields; f->name != NULL; f++) {
        json_t *property = schemas[f->type](f);
        rv_json_set_text(property, "description", f->help);
        rv_json_set(property, "default", rv_field_default(f));
        rv_json_set(properties, f->name, property);
        if (f->required)
            json_array_append_new(required, json_string(f->name));
    }
    rv_json_set(s, "properties", properties);
    if (json_array_size(required) > 0)
        rv_json_set(s, "required", required);
    else
        json_decref(required);
    rv_json_set_bool(s, "additionalProperties", false);
    return s;
}

static json_t *kind_schema(enum rv_kind kind)
{
    json_t *s = group_schema(rv_document_fields(kind));
    rv_json_set_text(s, "title", rv_kind_name(kind));
    rv_json_set_text(s, "description", rv_kind_help(kind));
    return s;
}

/* {"if": {"properties": {"kind": {"const": …}}}, "then": {"$ref": …}}: an editor then knows which kind it is about and
 * shows that kind's faults only, which oneOf would not. */
static json_t *when_kind(enum rv_kind kind)
{
    json_t *rule = json_object(), *condition = json_object(), *properties = json_object(), *word = json_object();
    json_t *then = json_object();
    char ref[64];
    snprintf(ref, sizeof ref, "#/$defs/%s", rv_kind_name(kind));
    rv_json_set_text(word, "const", rv_kind_name(kind));
    rv_json_set(properties, "kind", word);
    rv_json_set(condition, "properties", properties);
    rv_json_set_text(then, "$ref", ref);
    rv_json_set(rule, "if", condition);
    rv_json_set(rule, "then", then);
    return rule;
}

static json_t *any_schema(void)
{
    json_t *s = typed("object"), *properties = json_object(), *kinds = json_array(), *rules = json_array();
    json_t *definitions = json_object(), *kind_word = json_object(), *required = json_array();
    for (int k = 0; k < RV_KIND_COUNT; k++) {
        json_array_append_new(kinds, json_string(rv_kind_name((enum rv_kind)k)));
        json_array_append_new(rules, when_kind((enum rv_kind)k));
        rv_json_set(definitions, rv_kind_name((enum rv_kind)k), kind_schema((enum rv_kind)k));
    }
    rv_json_set(kind_word, "enum", kinds);
    rv_json_set(properties, "kind", kind_word);
    json_array_append_new(required, json_string("kind"));
    rv_json_set_text(s, "title", "Reeve manifest");
    rv_json_set(s, "properties", properties);
    rv_json_set(s, "required", required);
    rv_json_set(s, "allOf", rules);
    rv_json_set(s, "$defs", definitions);
    return s;
}

json_t *rv_object_schema(enum rv_kind kind)
{
    json_t *s = kind == RV_KIND_COUNT ? any_schema() : kind_schema(kind);
    rv_json_set_text(s, "$schema", DIALECT);
    return s;
}
