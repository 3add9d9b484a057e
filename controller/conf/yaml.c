#include "conf/yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "conf/yaml_scalar.h"

#define CORE_TAG "tag:yaml.org,2002:"
#define PATH_SIZE 1024

struct reader {
    yaml_parser_t parser;
    const char *name;
    struct rv_arena *arena;
    struct rv_error *err;
    int depth;
    char path[PATH_SIZE]; /* of the value that is being read; cut off when it does not fit */
    size_t path_len;
    struct rv_yaml_line *lines; /* grows; copied into the arena per document */
    size_t line_count, line_cap;
};

static enum rv_status fail_at(struct reader *r, const yaml_mark_t *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum rv_status fail_at(struct reader *r, const yaml_mark_t *mark, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rv_vfail(r->err, RV_INVALID, format, args);
    va_end(args);
    return rv_error_where(r->err, RV_INVALID, "%s:%zu:%zu", r->name, mark->line + 1, mark->column + 1);
}

/* What libyaml says is kept; the two mistakes that everybody makes get a hint. */
static enum rv_status fail_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "it cannot be read";
    if (p->error == YAML_READER_ERROR) {
        rv_fail(r->err, RV_INVALID, "not valid UTF-8 text at byte %zu: %s", p->problem_offset, problem);
        return rv_error_where(r->err, RV_INVALID, "%s", r->name);
    }
    enum rv_status status = fail_at(r, &p->problem_mark, "not valid YAML: %s%s%s", problem, p->context != NULL ? " " : "",
                                    p->context != NULL ? p->context : "");
    if (strstr(problem, "cannot start any token") != NULL)
        return rv_error_hint(r->err, status, "indent with spaces, not tabs, and quote values that begin with %%, @ or `");
    if (strstr(problem, "mapping values are not allowed") != NULL)
        return rv_error_hint(r->err, status, "check the indentation, and quote values that contain \": \"");
    return status;
}

static enum rv_status next(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? RV_OK : fail_syntax(r);
}

/* ---- paths and lines ---- */

static size_t entered(struct reader *r, int n)
{
    size_t before = r->path_len;
    r->path_len = before + (size_t)n < PATH_SIZE ? before + (size_t)n : PATH_SIZE - 1;
    return before;
}

static size_t enter_field(struct reader *r, const char *name)
{
    return entered(r, snprintf(r->path + r->path_len, PATH_SIZE - r->path_len, "%s%s", r->path_len > 0 ? "." : "", name));
}

static size_t enter_item(struct reader *r, size_t i)
{
    return entered(r, snprintf(r->path + r->path_len, PATH_SIZE - r->path_len, "[%zu]", i));
}

static void leave(struct reader *r, size_t before)
{
    r->path[before] = '\0';
    r->path_len = before;
}

static void note_line(struct reader *r, const yaml_mark_t *mark)
{
    if (r->line_count == r->line_cap) {
        r->line_cap = r->line_cap > 0 ? 2 * r->line_cap : 64;
        r->lines = rv_resize(r->lines, r->line_cap, sizeof *r->lines);
    }
    r->lines[r->line_count++] = (struct rv_yaml_line){rv_arena_strdup(r->arena, r->path), (int)mark->line + 1};
}

int rv_yaml_locate(const struct rv_yaml_document *document, const char *path)
{
    size_t len = strlen(path);
    while (len > 0) {
        for (size_t i = 0; i < document->line_count; i++)
            if (strncmp(document->lines[i].path, path, len) == 0 && document->lines[i].path[len] == '\0')
                return document->lines[i].line;
        do
            len--; /* the field around it: up to the last '.' or '[' */
        while (len > 0 && path[len] != '.' && path[len] != '[');
    }
    return document->line;
}

/* ---- values ---- */

static const char *anchor_of(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)e->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)e->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)e->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

/* Anchors and aliases make a document mean more than it says, and small ones huge: neither is needed here. */
static enum rv_status refuse_references(struct reader *r, const yaml_event_t *e)
{
    if (e->type == YAML_ALIAS_EVENT)
        return fail_at(r, &e->start_mark, "an alias (*%.40s) is not supported: write the value out", e->data.alias.anchor);
    if (anchor_of(e) != NULL)
        return fail_at(r, &e->start_mark, "an anchor (&%.40s) is not supported: leave it out", anchor_of(e));
    return RV_OK;
}

static bool has_tag(const yaml_char_t *tag, const char *core)
{
    return rv_starts_with((const char *)tag, CORE_TAG) && strcmp((const char *)tag + strlen(CORE_TAG), core) == 0;
}

static const char *type_tag(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        return "null";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float";
    default:
        return "str";
    }
}

static enum rv_status read_scalar(struct reader *r, const yaml_event_t *e, json_t **ret)
{
    const char *text = (const char *)e->data.scalar.value;
    const yaml_char_t *tag = e->data.scalar.tag;
    if (memchr(text, '\0', e->data.scalar.length) != NULL)
        return fail_at(r, &e->start_mark, "text with a NUL character is not accepted");
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool as_text = !plain || (tag != NULL && (has_tag(tag, "str") || strcmp((const char *)tag, "!") == 0));
    json_t *v = NULL;
    if (as_text)
        v = json_string(text);
    else if (rv_yaml_plain(text, &v, r->err) != RV_OK)
        return rv_error_where(r->err, RV_INVALID, "%s:%zu:%zu", r->name, e->start_mark.line + 1, e->start_mark.column + 1);
    if (v == NULL)
        return fail_at(r, &e->start_mark, "text that is not valid UTF-8 is not accepted");
    if (tag != NULL && !as_text && !has_tag(tag, type_tag(v))) {
        json_decref(v);
        return fail_at(r, &e->start_mark, "the tag %.60s does not fit or is not supported: leave it out", tag);
    }
    if (tag != NULL && as_text && strcmp((const char *)tag, "!") != 0 && !has_tag(tag, "str")) {
        json_decref(v);
        return fail_at(r, &e->start_mark, "the tag %.60s does not fit or is not supported: leave it out", tag);
    }
    *ret = v;
    return RV_OK;
}

static enum rv_status read_node(struct reader *r, const yaml_event_t *e, json_t **ret);

static enum rv_status read_list(struct reader *r, json_t *list)
{
    for (size_t i = 0;; i++) {
        yaml_event_t e;
        json_t *item = NULL;
        enum rv_status status = next(r, &e);
        if (status != RV_OK)
            return status;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        if (!end) {
            size_t before = enter_item(r, i);
            note_line(r, &e.start_mark);
            status = read_node(r, &e, &item);
            leave(r, before);
        }
        yaml_event_delete(&e);
        if (end || status != RV_OK)
            return status;
        json_array_append_new(list, item);
    }
}

static enum rv_status read_key(struct reader *r, const yaml_event_t *e, const json_t *map, const char **ret)
{
    enum rv_status status = refuse_references(r, e);
    if (status != RV_OK)
        return status;
    const char *key = (const char *)e->data.scalar.value;
    if (e->type != YAML_SCALAR_EVENT)
        return fail_at(r, &e->start_mark, "a list or mapping as the name of a field is not supported");
    if (e->data.scalar.length == 0 || memchr(key, '\0', e->data.scalar.length) != NULL ||
        !rv_utf8_valid(key, e->data.scalar.length))
        return fail_at(r, &e->start_mark, "the name of a field is empty or not valid text");
    if (strcmp(key, "<<") == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(r, &e->start_mark, "merging (<<) is not supported: write the fields out");
    if (json_object_get(map, key) != NULL)
        return fail_at(r, &e->start_mark, "the field \"%.60s\" is there twice", key);
    *ret = key;
    return RV_OK;
}

static enum rv_status read_map(struct reader *r, json_t *map)
{
    for (;;) {
        yaml_event_t key, value;
        const char *name = NULL;
        json_t *v = NULL;
        enum rv_status status = next(r, &key);
        if (status != RV_OK)
            return status;
        bool end = key.type == YAML_MAPPING_END_EVENT;
        if (!end)
            status = read_key(r, &key, map, &name);
        if (!end && status == RV_OK && (status = next(r, &value)) == RV_OK) {
            size_t before = enter_field(r, name);
            note_line(r, &key.start_mark);
            status = read_node(r, &value, &v);
            leave(r, before);
            yaml_event_delete(&value);
            if (status == RV_OK)
                json_object_set_new(map, name, v);
        }
        yaml_event_delete(&key);
        if (end || status != RV_OK)
            return status;
    }
}

static enum rv_status read_collection(struct reader *r, const yaml_event_t *e, json_t **ret)
{
    bool is_map = e->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = is_map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
    if (tag != NULL && !has_tag(tag, is_map ? "map" : "seq"))
        return fail_at(r, &e->start_mark, "the tag %.60s does not fit or is not supported: leave it out", tag);
    if (r->depth == RV_YAML_MAX_DEPTH)
        return fail_at(r, &e->start_mark, "nested more than %d levels deep", RV_YAML_MAX_DEPTH);
    json_t *v = is_map ? json_object() : json_array();
    r->depth++;
    enum rv_status status = is_map ? read_map(r, v) : read_list(r, v);
    r->depth--;
    if (status != RV_OK) {
        json_decref(v);
        return status;
    }
    *ret = v;
    return RV_OK;
}

static enum rv_status read_node(struct reader *r, const yaml_event_t *e, json_t **ret)
{
    enum rv_status status = refuse_references(r, e);
    if (status != RV_OK)
        return status;
    return e->type == YAML_SCALAR_EVENT ? read_scalar(r, e, ret) : read_collection(r, e, ret);
}

/* ---- documents ---- */

static enum rv_status read_document(struct reader *r, rv_yaml_visit visit, void *arg)
{
    yaml_event_t e;
    json_t *v = NULL;
    enum rv_status status = next(r, &e);
    if (status != RV_OK)
        return status;
    r->line_count = r->path_len = 0;
    r->path[0] = '\0';
    r->depth = 0;
    struct rv_yaml_document document = {.line = (int)e.start_mark.line + 1};
    yaml_mark_t mark = e.start_mark;
    status = read_node(r, &e, &v);
    yaml_event_delete(&e);
    if (status != RV_OK || json_is_null(v)) /* between two "---" there may be nothing but comments */
        return status;
    if (!json_is_object(v)) {
        json_decref(v);
        return fail_at(r, &mark, "expected a mapping (name: value …)");
    }
    document.json = v;
    document.line_count = r->line_count;
    document.lines = rv_arena_memdup(r->arena, r->lines, r->line_count * sizeof *r->lines);
    return visit(arg, &document, r->err);
}

static enum rv_status read_stream(struct reader *r, rv_yaml_visit visit, void *arg)
{
    for (bool end = false; !end;) {
        yaml_event_t e;
        enum rv_status status = next(r, &e);
        if (status != RV_OK)
            return status;
        bool document = e.type == YAML_DOCUMENT_START_EVENT;
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (document && (status = read_document(r, visit, arg)) != RV_OK)
            return status;
    }
    return RV_OK;
}

enum rv_status rv_yaml_read(const char *name, struct rv_bytes text, struct rv_arena *arena, rv_yaml_visit visit, void *arg,
                            struct rv_error *err)
{
    struct rv_error ignored;
    struct reader r = {.name = name, .arena = arena, .err = err != NULL ? err : &ignored};
    if (!yaml_parser_initialize(&r.parser))
        rv_out_of_memory(sizeof r.parser);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, text.ptr, text.len);
    enum rv_status status = read_stream(&r, visit, arg);
    yaml_parser_delete(&r.parser);
    rv_free(r.lines);
    return status;
}
