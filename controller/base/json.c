#include "base/json.h"

#include "base/text.h"
#include "base/time.h"

struct budget {
    int depth;
    size_t members;
};

static bool within(const json_t *v, struct budget *left)
{
    if (left->depth-- == 0)
        return false;
    bool ok = true;
    if (json_is_object(v)) {
        const char *name;
        json_t *member;
        json_object_foreach ((json_t *)v, name, member) {
            if (left->members-- == 0 || !within(member, left)) {
                ok = false;
                break;
            }
        }
    } else if (json_is_array(v)) {
        for (size_t i = 0; ok && i < json_array_size(v); i++)
            ok = left->members-- > 0 && within(json_array_get(v, i), left);
    }
    left->depth++;
    return ok;
}

enum rv_status rv_json_parse(struct rv_bytes text, json_t **ret, struct rv_error *err)
{
    if (text.len > RV_JSON_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "JSON of %zu bytes: at most %zu are accepted", text.len, RV_JSON_MAX_SIZE);
    /* jansson itself stops at a depth of 2048, refuses NUL in text and broken UTF-8. */
    json_error_t fault;
    json_t *v = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &fault);
    if (v == NULL)
        return rv_fail(err, RV_INVALID, "not valid JSON at line %d, column %d: %s", fault.line, fault.column, fault.text);
    struct budget left = {RV_JSON_MAX_DEPTH, RV_JSON_MAX_MEMBERS};
    if (!within(v, &left)) {
        json_decref(v);
        return rv_fail(err, RV_INVALID, "JSON with more than %d levels or %d members", RV_JSON_MAX_DEPTH,
                       RV_JSON_MAX_MEMBERS);
    }
    *ret = v;
    return RV_OK;
}

static int add_to_buf(const char *p, size_t n, void *buf)
{
    rv_buf_add(buf, p, n);
    return 0;
}

static char *dump(const json_t *value, size_t flags)
{
    struct rv_buf buf = {0};
    json_dump_callback(value, add_to_buf, &buf, flags | JSON_ENCODE_ANY);
    return rv_buf_take(&buf);
}

char *rv_json_text(const json_t *value)
{
    return dump(value, JSON_COMPACT | JSON_SORT_KEYS);
}

char *rv_json_pretty(const json_t *value)
{
    return dump(value, JSON_INDENT(2));
}

void rv_json_set(json_t *object, const char *name, json_t *value)
{
    if (value != NULL)
        json_object_set_new(object, name, value);
}

/* Text from hosts may be broken UTF-8; JSON has no place for it, so it is shown escaped. */
void rv_json_set_text(json_t *object, const char *name, const char *text)
{
    if (text == NULL)
        return;
    if (rv_utf8_valid(text, strlen(text))) {
        json_object_set_new(object, name, json_string(text));
        return;
    }
    struct rv_buf clean = {0};
    rv_printable(&clean, text, strlen(text));
    json_object_set_new(object, name, json_string(rv_buf_text(&clean)));
    rv_buf_fini(&clean);
}

void rv_json_set_int(json_t *object, const char *name, int64_t v)
{
    json_object_set_new(object, name, json_integer(v));
}

void rv_json_set_bool(json_t *object, const char *name, bool v)
{
    json_object_set_new(object, name, json_boolean(v));
}

void rv_json_set_time(json_t *object, const char *name, int64_t time)
{
    char text[RV_TIME_TEXT];
    if (time != 0 && time != RV_TIME_FAR)
        json_object_set_new(object, name, json_string(rv_time_text(text, time)));
}

void rv_json_set_hash(json_t *object, const char *name, const struct rv_hash *h)
{
    char text[RV_HASH_TEXT];
    if (!rv_hash_is_zero(h))
        json_object_set_new(object, name, json_string(rv_hash_hex(text, h)));
}

json_t *rv_json_error(const struct rv_error *err)
{
    json_t *o = json_object();
    rv_json_set_text(o, "status", rv_status_info(err->status)->name);
    rv_json_set_text(o, "where", err->where[0] ? err->where : NULL);
    rv_json_set_text(o, "message", err->message);
    rv_json_set_text(o, "hint", err->hint[0] ? err->hint : NULL);
    return o;
}

const char *rv_json_get_text(const json_t *object, const char *name, const char *otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_string(v) ? json_string_value(v) : otherwise;
}

int64_t rv_json_get_int(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

bool rv_json_get_bool(const json_t *object, const char *name, bool otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}
