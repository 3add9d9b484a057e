/* Structs to the canonical document: every field that has a default or a value, in the order of the tables. */
#include <stdio.h>

#include "core/manifest_priv.h"

static json_t *encode_fields(const struct rv_object *o, const struct rv_field *fields);

static json_t *text_or_null(const char *text)
{
    return text == NULL ? NULL : json_string(text);
}

static json_t *encode_group(const struct rv_object *o, const struct rv_field *f)
{
    if (f->present != 0 && !*(const bool *)rv_field_at(o, f->present))
        return NULL;
    json_t *group = encode_fields(o, f->fields);
    if (json_object_size(group) > 0 || f->required)
        return group;
    json_decref(group);
    return NULL;
}

static json_t *encode_text(const struct rv_object *o, const struct rv_field *f)
{
    return text_or_null(*(const char **)rv_field_at(o, f->offset));
}

static json_t *encode_texts(const struct rv_object *o, const struct rv_field *f)
{
    const struct rv_texts *texts = rv_field_at(o, f->offset);
    json_t *list = texts->count == 0 ? NULL : json_array();
    for (size_t i = 0; i < texts->count; i++)
        json_array_append_new(list, json_string(texts->items[i]));
    return list;
}

static json_t *encode_word(const struct rv_object *o, const struct rv_field *f)
{
    const void *at = rv_field_at(o, f->offset);
    switch (f->store) {
    case RV_STORE_ENUM:
        return json_string(f->words[*(const int *)at]);
    case RV_STORE_BOOL:
        return json_string(f->words[*(const bool *)at]);
    case RV_STORE_TEXT:
        return text_or_null(*(const char *const *)at);
    case RV_STORE_NOTHING:
        break;
    }
    return json_string(f->words[0]);
}

static json_t *encode_set(const struct rv_object *o, const struct rv_field *f)
{
    json_t *list = json_array();
    for (const struct rv_set_word *w = f->set; w->word != NULL; w++)
        if (*(const bool *)rv_field_at(o, w->offset))
            json_array_append_new(list, json_string(w->word));
    if (json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *encode_int(const struct rv_object *o, const struct rv_field *f)
{
    int v = *(const int *)rv_field_at(o, f->offset);
    return v == 0 ? NULL : json_integer(v);
}

static json_t *encode_bool(const struct rv_object *o, const struct rv_field *f)
{
    bool v = *(const bool *)rv_field_at(o, f->offset);
    return v || f->otherwise != NULL ? json_boolean(v) : NULL;
}

static json_t *duration(rv_dur d)
{
    char text[48];
    return json_string(rv_dur_canonical(text, d));
}

static json_t *encode_duration(const struct rv_object *o, const struct rv_field *f)
{
    rv_dur v = *(const rv_dur *)rv_field_at(o, f->offset);
    return v != 0 || f->otherwise != NULL ? duration(v) : NULL;
}

static json_t *percent(int v)
{
    char text[16];
    snprintf(text, sizeof text, "%d%%", v);
    return json_string(text);
}

static json_t *encode_renew(const struct rv_object *o, const struct rv_field *f)
{
    const struct rv_renew_rule *rule = rv_field_at(o, f->offset);
    return rule->percent != 0 ? percent(rule->percent) : duration(rule->before);
}

static json_t *encode_batches(const struct rv_object *o, const struct rv_field *f)
{
    const struct rv_batch *batches = *(struct rv_batch *const *)rv_field_at(o, f->offset);
    json_t *list = json_array();
    for (size_t i = 0; i < o->certificate.strategy.batch_count; i++)
        json_array_append_new(list, batches[i].percent != 0 ? percent(batches[i].percent) : json_integer(batches[i].count));
    return list;
}

static json_t *encode_endpoints(const struct rv_object *o, const struct rv_field *f)
{
    const struct rv_endpoints *endpoints = rv_field_at(o, f->offset);
    json_t *list = endpoints->count == 0 ? NULL : json_array();
    for (size_t i = 0; i < endpoints->count; i++) {
        json_t *endpoint = json_object();
        rv_json_set_text(endpoint, "address", endpoints->items[i].address);
        rv_json_set_text(endpoint, "serverName", endpoints->items[i].server_name);
        json_array_append_new(list, endpoint);
    }
    return list;
}

static json_t *encode_labels(const struct rv_object *o, const struct rv_field *f)
{
    const struct rv_labels *labels = rv_field_at(o, f->offset);
    json_t *map = labels->count == 0 ? NULL : json_object();
    for (size_t i = 0; i < labels->count; i++)
        rv_json_set_text(map, labels->items[i].name, labels->items[i].value);
    return map;
}

static json_t *encode_nothing(const struct rv_object *o, const struct rv_field *f)
{
    (void)o;
    (void)f;
    return NULL;
}

static json_t *(*const encoders[])(const struct rv_object *o, const struct rv_field *f) = {
    [RV_FIELD_GROUP] = encode_group,
    [RV_FIELD_TEXT] = encode_text,
    [RV_FIELD_TEXTS] = encode_texts,
    [RV_FIELD_WORD] = encode_word,
    [RV_FIELD_SET] = encode_set,
    [RV_FIELD_INT] = encode_int,
    [RV_FIELD_BOOL] = encode_bool,
    [RV_FIELD_DURATION] = encode_duration,
    [RV_FIELD_RENEW] = encode_renew,
    [RV_FIELD_BATCHES] = encode_batches,
    [RV_FIELD_ENDPOINTS] = encode_endpoints,
    [RV_FIELD_LABELS] = encode_labels,
    [RV_FIELD_READONLY] = encode_nothing,
};

static json_t *encode_fields(const struct rv_object *o, const struct rv_field *fields)
{
    json_t *group = json_object();
    for (const struct rv_field *f = fields; f->name != NULL; f++)
        rv_json_set(group, f->name, encoders[f->type](o, f));
    return group;
}

json_t *rv_object_encode(const struct rv_object *object)
{
    return encode_fields(object, rv_document_fields(object->kind));
}
