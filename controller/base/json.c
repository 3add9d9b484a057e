#include "base/json.h"

#include "base/text.h"
#include "base/time.h"

#define PLAIN_MEMBERS 8

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

/* Ends behind the closing quote of plain text: printable ASCII with no escapes but \n. NULL: not that simple. */
static const uint8_t *plain_text(const uint8_t *at, const uint8_t *end, struct rv_buf *ret)
{
    rv_buf_clear(ret);
    while (at < end && *at != '"') {
        const uint8_t *from = at;
        while (at < end && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\')
            at++;
        rv_buf_add(ret, from, (size_t)(at - from));
        if (end - at >= 2 && at[0] == '\\' && at[1] == 'n') {
            rv_buf_add_byte(ret, '\n');
            at += 2;
        } else if (at == end || *at != '"') {
            return NULL;
        }
    }
    return at == end ? NULL : at + 1;
}

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* One flat object of plain texts, as a request for a certificate is: jansson takes a look at each byte through several
 * calls, and PEM has many. NULL: something else, or not valid: jansson says. */
static json_t *parse_plain(struct rv_bytes text)
{
    const uint8_t *at = text.ptr, *end = text.ptr + text.len;
    RV_AUTO(rv_buf) struct rv_buf name = {0}, value = {0};
    json_t *object = json_object();
    at = skip_space(at, end);
    for (uint8_t before = '{'; at < end && *at == before; before = ',') {
        at = skip_space(at + 1, end);
        if (at == end || *at != '"' || (at = plain_text(at + 1, end, &name)) == NULL)
            goto other;
        at = skip_space(at, end);
        if (at == end || *at != ':')
            goto other;
        at = skip_space(at + 1, end);
        if (at == end || *at != '"' || (at = plain_text(at + 1, end, &value)) == NULL)
            goto other;
        if (json_object_size(object) == PLAIN_MEMBERS || json_object_get(object, rv_buf_text(&name)) != NULL)
            goto other;
        json_object_set_new_nocheck(object, rv_buf_text(&name), json_stringn_nocheck(rv_buf_text(&value), value.len));
        at = skip_space(at, end);
    }
    if (at != NULL && at < end && *at == '}' && json_object_size(object) > 0 && skip_space(at + 1, end) == end)
        return object;
other:
    json_decref(object);
    return NULL;
}

enum rv_status rv_json_parse(struct rv_bytes text, json_t **ret, struct rv_error *err)
{
    if (text.len > RV_JSON_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "JSON of %zu bytes: at most %zu are accepted", text.len, RV_JSON_MAX_SIZE);
    if ((*ret = parse_plain(text)) != NULL)
        return RV_OK;
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
