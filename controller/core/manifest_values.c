/* One field's JSON value to its place in the struct: a function per type of field. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/manifest_decode.h"
#include "core/names.h"
#include "core/nearest.h"

#define LABELS_MAX 64
#define SHOWN 60 /* characters of a wrong value or unknown name that a message repeats */

/* ---- faults and paths ---- */

void rv_fault_add(struct rv_faults *faults, const char *path, const char *format, ...)
{
    if (faults->count >= RV_FAULTS_MAX)
        return;
    struct rv_error text;
    va_list args;
    va_start(args, format);
    rv_vfail(&text, RV_INVALID, format, args);
    va_end(args);
    struct rv_fault *fault = rv_arena_alloc(faults->arena, sizeof *fault);
    fault->path = rv_arena_strdup(faults->arena, path);
    fault->message = rv_arena_strdup(faults->arena, text.message);
    if (faults->last != NULL)
        faults->last->next = fault;
    else
        faults->first = fault;
    faults->last = fault;
    faults->count++;
}

bool rv_fault_under(const struct rv_faults *faults, const char *path)
{
    size_t n = strlen(path);
    for (const struct rv_fault *f = faults->first; f != NULL; f = f->next)
        if (strncmp(f->path, path, n) == 0 && (f->path[n] == '\0' || f->path[n] == '.' || f->path[n] == '['))
            return true;
    return false;
}

size_t rv_decoder_enter(struct rv_decoder *d, const char *name)
{
    size_t before = d->path_len;
    int n = snprintf(d->path + before, RV_PATH_SIZE - before, "%s%.*s", before > 0 ? "." : "", SHOWN, name);
    d->path_len = before + (size_t)n < RV_PATH_SIZE ? before + (size_t)n : RV_PATH_SIZE - 1;
    return before;
}

size_t rv_decoder_enter_item(struct rv_decoder *d, size_t i)
{
    size_t before = d->path_len;
    int n = snprintf(d->path + before, RV_PATH_SIZE - before, "[%zu]", i);
    d->path_len = before + (size_t)n < RV_PATH_SIZE ? before + (size_t)n : RV_PATH_SIZE - 1;
    return before;
}

void rv_decoder_leave(struct rv_decoder *d, size_t before)
{
    d->path[before] = '\0';
    d->path_len = before;
}

/* What a value is, as people would say it: "the number 42", "a list". */
const char *rv_decoder_said(struct rv_decoder *d, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "a mapping";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return rv_arena_printf(d->arena, "\"%.*s\"", SHOWN, json_string_value(v));
    case JSON_INTEGER:
        return rv_arena_printf(d->arena, "the number %lld", (long long)json_integer_value(v));
    case JSON_REAL:
        return rv_arena_printf(d->arena, "the number %g", json_real_value(v));
    case JSON_TRUE:
        return "the value true";
    case JSON_FALSE:
        return "the value false";
    default:
        return "no value";
    }
}

void rv_decoder_expected(struct rv_decoder *d, const json_t *v, const char *what)
{
    bool quote = json_is_number(v) || json_is_boolean(v);
    rv_fault_add(d->faults, d->path, "expected %s, found %s%s", what, rv_decoder_said(d, v),
                 quote && strncmp(what, "text", 4) == 0 ? ": put it in quotes" : "");
}

/* "a, b or c" */
const char *rv_decoder_listed(struct rv_decoder *d, const char *const *words)
{
    struct rv_buf buf = {0};
    for (size_t i = 0; words[i] != NULL; i++)
        rv_buf_printf(&buf, "%s%s", i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ", words[i]);
    const char *text = rv_arena_strdup(d->arena, rv_buf_text(&buf));
    rv_buf_fini(&buf);
    return text;
}

void rv_decoder_unknown_word(struct rv_decoder *d, const char *word, const char *const *words)
{
    struct rv_nearest nearest = {.word = word};
    for (size_t i = 0; words[i] != NULL; i++)
        rv_nearest_offer(&nearest, words[i]);
    if (words[1] == NULL)
        rv_fault_add(d->faults, d->path, "\"%.*s\" is not supported by this version: use %s", SHOWN, word, words[0]);
    else if (nearest.best != NULL)
        rv_fault_add(d->faults, d->path, "\"%.*s\" is not known: did you mean %s? Expected %s", SHOWN, word, nearest.best,
                     rv_decoder_listed(d, words));
    else
        rv_fault_add(d->faults, d->path, "\"%.*s\" is not known: expected %s", SHOWN, word, rv_decoder_listed(d, words));
}

/* ---- one function per type of field ---- */

static const char *read_text(struct rv_decoder *d, const json_t *v, enum rv_text_rule rule)
{
    char out[RV_TEXT_MAX + 1];
    struct rv_error err;
    if (!json_is_string(v)) {
        rv_decoder_expected(d, v, rv_arena_printf(d->arena, "text (%s)", rv_text_rule_info(rule)->what));
        return NULL;
    }
    if (rv_text_read(rule, json_string_value(v), out, &err) != RV_OK) {
        rv_fault_add(d->faults, d->path, "%s", err.message);
        return NULL;
    }
    return rv_arena_strdup(d->arena, out);
}

static void decode_text(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    *(const char **)rv_field_at(d->object, f->offset) = read_text(d, v, f->rule);
}

/* A list of at most `high` items. */
static bool list_of(struct rv_decoder *d, const struct rv_field *f, const json_t *v, const char *what)
{
    if (!json_is_array(v)) {
        rv_fault_add(d->faults, d->path, "expected a list, each item %s; found %s", what, rv_decoder_said(d, v));
        return false;
    }
    if (json_array_size(v) > (size_t)f->high)
        rv_fault_add(d->faults, d->path, "%zu items are too many: expected at most %lld", json_array_size(v),
                     (long long)f->high);
    else if (json_array_size(v) < (size_t)f->low)
        rv_fault_add(d->faults, d->path, "the list is empty: expected at least one item, %s", what);
    else
        return true;
    return false;
}

static bool among(const struct rv_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

static void decode_texts(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    struct rv_texts *texts = rv_field_at(d->object, f->offset);
    if (!list_of(d, f, v, rv_text_rule_info(f->rule)->what))
        return;
    size_t n = json_array_size(v);
    texts->items = rv_arena_alloc(d->arena, (n > 0 ? n : 1) * sizeof *texts->items);
    for (size_t i = 0; i < n; i++) {
        size_t before = rv_decoder_enter_item(d, i);
        const char *text = read_text(d, json_array_get(v, i), f->rule);
        if (text != NULL && among(texts, text))
            rv_fault_add(d->faults, d->path, "\"%.*s\" is listed twice", SHOWN, text);
        else if (text != NULL)
            texts->items[texts->count++] = text;
        rv_decoder_leave(d, before);
    }
}

static void decode_word(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    if (!json_is_string(v)) {
        rv_decoder_expected(d, v, rv_arena_printf(d->arena, "text (%s)", rv_decoder_listed(d, f->words)));
        return;
    }
    size_t i = 0;
    while (f->words[i] != NULL && strcmp(f->words[i], json_string_value(v)) != 0)
        i++;
    if (f->words[i] == NULL) {
        rv_decoder_unknown_word(d, json_string_value(v), f->words);
        return;
    }
    void *at = rv_field_at(d->object, f->offset);
    if (f->store == RV_STORE_ENUM)
        *(int *)at = (int)i;
    else if (f->store == RV_STORE_BOOL)
        *(bool *)at = i != 0;
    else if (f->store == RV_STORE_TEXT)
        *(const char **)at = f->words[i];
}

#define SET_MAX 16
static void decode_set(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    const char *words[SET_MAX + 1] = {0};
    size_t count = 0;
    for (; f->set[count].word != NULL && count < SET_MAX; count++)
        words[count] = f->set[count].word;
    if (!json_is_array(v)) {
        rv_fault_add(d->faults, d->path, "expected a list (%s), found %s", rv_decoder_listed(d, words),
                     rv_decoder_said(d, v));
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        size_t before = rv_decoder_enter_item(d, i), k = 0;
        while (k < count && (!json_is_string(item) || strcmp(words[k], json_string_value(item)) != 0))
            k++;
        if (k < count)
            *(bool *)rv_field_at(d->object, f->set[k].offset) = true;
        else if (json_is_string(item))
            rv_decoder_unknown_word(d, json_string_value(item), words);
        else
            rv_decoder_expected(d, item, rv_arena_printf(d->arena, "text (%s)", rv_decoder_listed(d, words)));
        rv_decoder_leave(d, before);
    }
}

static void decode_int(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    if (!json_is_integer(v)) {
        rv_fault_add(d->faults, d->path, "expected a whole number from %lld to %lld, found %s", (long long)f->low,
                     (long long)f->high, rv_decoder_said(d, v));
        return;
    }
    if (json_integer_value(v) < f->low || json_integer_value(v) > f->high) {
        rv_fault_add(d->faults, d->path, "%lld is out of range: expected a whole number from %lld to %lld",
                     (long long)json_integer_value(v), (long long)f->low, (long long)f->high);
        return;
    }
    *(int *)rv_field_at(d->object, f->offset) = (int)json_integer_value(v);
}

static void decode_bool(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    if (json_is_boolean(v))
        *(bool *)rv_field_at(d->object, f->offset) = json_is_true(v);
    else
        rv_fault_add(d->faults, d->path, "expected true or false, found %s%s", rv_decoder_said(d, v),
                     json_is_string(v) ? ": leave out the quotes, and write true or false" : "");
}

static bool read_duration(struct rv_decoder *d, const json_t *v, rv_dur low, rv_dur high, rv_dur *ret)
{
    struct rv_error err;
    char a[48], b[48];
    rv_dur value = 0;
    if (json_is_integer(v) && json_integer_value(v) != 0) {
        rv_fault_add(d->faults, d->path, "%lld has no unit: expected a duration like 90s, 10m, 36h or 30d",
                     (long long)json_integer_value(v));
        return false;
    }
    if (!json_is_integer(v) && !json_is_string(v)) {
        rv_fault_add(d->faults, d->path, "expected a duration like 90s, 10m, 36h or 30d, found %s", rv_decoder_said(d, v));
        return false;
    }
    if (json_is_string(v) && rv_dur_parse(json_string_value(v), &value, &err) != RV_OK) {
        rv_fault_add(d->faults, d->path, "%s", err.message);
        return false;
    }
    if (value < low || value > high) {
        rv_fault_add(d->faults, d->path, "%s is out of range: expected %s to %s",
                     json_is_string(v) ? json_string_value(v) : "0", rv_dur_canonical(a, low), rv_dur_canonical(b, high));
        return false;
    }
    *ret = value;
    return true;
}

static void decode_duration(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    rv_dur value;
    if (read_duration(d, v, f->low, f->high, &value))
        *(rv_dur *)rv_field_at(d->object, f->offset) = value;
}

/* "33%" between low and high; false when the text is no percentage at all. */
static bool percentage(struct rv_decoder *d, const json_t *v, int low, int high, int *ret)
{
    const char *text = json_string_value(v);
    size_t n = text == NULL ? 0 : strlen(text);
    if (n == 0 || text[n - 1] != '%')
        return false;
    char digits[8] = "";
    int64_t value = 0;
    if (n <= sizeof digits)
        memcpy(digits, text, n - 1);
    if (rv_int_parse(digits, low, high, &value, NULL) != RV_OK)
        rv_fault_add(d->faults, d->path, "\"%.*s\" is out of range: expected %d%% to %d%%", SHOWN, text, low, high);
    *ret = (int)value;
    return true;
}

static void decode_renew(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    struct rv_renew_rule *rule = rv_field_at(d->object, f->offset);
    rv_dur zero;
    if (percentage(d, v, 1, 90, &rule->percent))
        return;
    if (!json_is_string(v) || rv_dur_parse(json_string_value(v), &zero, NULL) != RV_OK)
        rv_fault_add(d->faults, d->path, "expected a percentage of the lifetime like 33%%, or a duration like 30d, found %s",
                     rv_decoder_said(d, v));
    else if (read_duration(d, v, RV_SEC(1), RV_DAY(3650), &rule->before))
        rule->percent = 0;
}

static void decode_batches(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    struct rv_batch **batches = rv_field_at(d->object, f->offset);
    size_t *count = &d->object->certificate.strategy.batch_count;
    if (!list_of(d, f, v, "a number of targets or a percentage like 10%"))
        return;
    *batches = rv_arena_alloc(d->arena, json_array_size(v) * sizeof **batches);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        size_t before = rv_decoder_enter_item(d, i);
        struct rv_batch *batch = &(*batches)[(*count)++];
        if (json_is_integer(item) && json_integer_value(item) >= 1 && json_integer_value(item) <= 100000)
            batch->count = (int)json_integer_value(item);
        else if (!percentage(d, item, 1, 100, &batch->percent))
            rv_fault_add(d->faults, d->path, "expected a number of targets from 1 up, or a percentage like 10%%, found %s",
                         rv_decoder_said(d, item));
        rv_decoder_leave(d, before);
    }
}

static void read_address(struct rv_decoder *d, const json_t *v, struct rv_endpoint_spec *ret)
{
    char host[254];
    int port;
    struct rv_error err;
    if (!json_is_string(v))
        rv_decoder_expected(d, v, "text (host:port)");
    else if (rv_hostport_parse(json_string_value(v), 0, host, &port, &err) != RV_OK)
        rv_fault_add(d->faults, d->path, "%s", err.message);
    else
        ret->address = rv_arena_strdup(d->arena, json_string_value(v));
}

static void read_server_name(struct rv_decoder *d, const json_t *v, struct rv_endpoint_spec *ret)
{
    char out[RV_NAME_MAX + 1];
    struct rv_error err;
    if (!json_is_string(v))
        rv_decoder_expected(d, v, "text (a DNS name)");
    else if (rv_name_normalise(RV_NAME_DNS, json_string_value(v), out, &err) != RV_OK)
        rv_fault_add(d->faults, d->path, "%s", err.message);
    else if (out[0] == '*')
        rv_fault_add(d->faults, d->path, "\"%.*s\" is a pattern: expected the one name that a client would ask for", SHOWN,
                     out);
    else
        ret->server_name = rv_arena_strdup(d->arena, out);
}

static void read_endpoint(struct rv_decoder *d, const json_t *v, struct rv_endpoint_spec *ret)
{
    if (!json_is_object(v)) {
        if (json_is_string(v))
            read_address(d, v, ret);
        else
            rv_fault_add(d->faults, d->path, "expected host:port or {address, serverName}, found %s", rv_decoder_said(d, v));
        return;
    }
    const char *name;
    json_t *member;
    json_object_foreach ((json_t *)v, name, member) {
        size_t before = rv_decoder_enter(d, name);
        if (strcmp(name, "address") == 0)
            read_address(d, member, ret);
        else if (strcmp(name, "serverName") == 0)
            read_server_name(d, member, ret);
        else
            rv_fault_add(d->faults, d->path, "unknown field: expected address or serverName");
        rv_decoder_leave(d, before);
    }
    if (json_object_get(v, "address") == NULL) {
        size_t before = rv_decoder_enter(d, "address");
        rv_fault_add(d->faults, d->path, "is missing: expected host:port");
        rv_decoder_leave(d, before);
    }
}

static void decode_endpoints(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    struct rv_endpoints *endpoints = rv_field_at(d->object, f->offset);
    if (!list_of(d, f, v, "host:port or {address, serverName}"))
        return;
    size_t n = json_array_size(v);
    endpoints->items = rv_arena_alloc(d->arena, (n > 0 ? n : 1) * sizeof *endpoints->items);
    for (size_t i = 0; i < n; i++) {
        struct rv_endpoint_spec *endpoint = &endpoints->items[endpoints->count];
        size_t before = rv_decoder_enter_item(d, i);
        read_endpoint(d, json_array_get(v, i), endpoint);
        endpoints->count += endpoint->address != NULL;
        rv_decoder_leave(d, before);
    }
}

static const char *label_fault(const char *text, bool value)
{
    size_t n = strlen(text);
    if (n == 0 && !value)
        return "the name of a label is empty";
    if (n > 63)
        return "it is longer than 63 characters";
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && strchr("._-/", c) == NULL)
            return "only letters, digits, \".\", \"_\", \"-\" and \"/\" are allowed in labels";
    }
    return NULL;
}

static void decode_labels(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    struct rv_labels *labels = rv_field_at(d->object, f->offset);
    if (!json_is_object(v)) {
        rv_fault_add(d->faults, d->path, "expected a mapping like {env: prod}, found %s", rv_decoder_said(d, v));
        return;
    }
    if (json_object_size(v) > LABELS_MAX) {
        rv_fault_add(d->faults, d->path, "%zu labels are too many: expected at most %d", json_object_size(v), LABELS_MAX);
        return;
    }
    labels->items = rv_arena_alloc(d->arena, (LABELS_MAX + 1) * sizeof *labels->items);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)v, name, value) {
        size_t before = rv_decoder_enter(d, name), at = labels->count;
        const char *fault = label_fault(name, false);
        if (fault == NULL && !json_is_string(value))
            rv_decoder_expected(d, value, "text");
        else if (fault != NULL || (fault = label_fault(json_string_value(value), true)) != NULL)
            rv_fault_add(d->faults, d->path, "%s", fault);
        rv_decoder_leave(d, before);
        if (fault != NULL || !json_is_string(value))
            continue;
        for (; at > 0 && strcmp(labels->items[at - 1].name, name) > 0; at--) /* sorted by name */
            labels->items[at] = labels->items[at - 1];
        labels->items[at] =
            (struct rv_label){rv_arena_strdup(d->arena, name), rv_arena_strdup(d->arena, json_string_value(value))};
        labels->count++;
    }
}

static void decode_readonly(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    (void)d;
    (void)f;
    (void)v;
}

static void (*const decoders[])(struct rv_decoder *d, const struct rv_field *f, const json_t *v) = {
    [RV_FIELD_TEXT] = decode_text,         [RV_FIELD_TEXTS] = decode_texts,
    [RV_FIELD_WORD] = decode_word,         [RV_FIELD_SET] = decode_set,
    [RV_FIELD_INT] = decode_int,           [RV_FIELD_BOOL] = decode_bool,
    [RV_FIELD_DURATION] = decode_duration, [RV_FIELD_RENEW] = decode_renew,
    [RV_FIELD_BATCHES] = decode_batches,   [RV_FIELD_ENDPOINTS] = decode_endpoints,
    [RV_FIELD_LABELS] = decode_labels,     [RV_FIELD_READONLY] = decode_readonly,
};

void rv_decoder_value(struct rv_decoder *d, const struct rv_field *f, const json_t *v)
{
    decoders[f->type](d, f, v);
}
