#include "conf/manifest_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "conf/yaml.h"

struct entry {
    struct rv_manifest_doc doc;
    struct rv_yaml_document yaml; /* its lines */
};

struct rv_manifest {
    struct rv_arena *arena; /* names of files, lines */
    struct entry **entries; /* each in the arena, so that a doc never moves */
    size_t count, cap;
};

static struct rv_manifest *set_of(struct rv_manifest **set)
{
    if (*set == NULL) {
        *set = rv_zalloc(sizeof **set);
        (*set)->arena = rv_arena_create();
    }
    return *set;
}

void rv_manifest_destroy(struct rv_manifest *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        json_decref(set->entries[i]->doc.json);
    rv_free(set->entries);
    rv_arena_destroy(set->arena);
    rv_free(set);
}

size_t rv_manifest_count(const struct rv_manifest *set)
{
    return set == NULL ? 0 : set->count;
}

const struct rv_manifest_doc *rv_manifest_doc(const struct rv_manifest *set, size_t i)
{
    return &set->entries[i]->doc;
}

json_t *rv_manifest_documents(const struct rv_manifest *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rv_manifest_count(set); i++)
        json_array_append(list, set->entries[i]->doc.json);
    return list;
}

/* ---- text ---- */

struct source {
    struct rv_manifest *set;
    const char *file;
};

static enum rv_status add(struct source *s, const struct rv_yaml_document *document, struct rv_error *err)
{
    struct rv_manifest *set = s->set;
    if (set->count == RV_MANIFEST_MAX_DOCUMENTS) {
        json_decref(document->json);
        rv_fail(err, RV_INVALID, "more than %d documents at once", RV_MANIFEST_MAX_DOCUMENTS);
        return rv_error_where(err, RV_INVALID, "%s:%d", s->file, document->line);
    }
    if (set->count == set->cap) {
        set->cap = set->cap > 0 ? 2 * set->cap : 16;
        set->entries = rv_resize(set->entries, set->cap, sizeof(struct entry *));
    }
    struct entry *entry = rv_arena_alloc(set->arena, sizeof *entry);
    *entry = (struct entry){.doc = {document->json, s->file, document->line}, .yaml = *document};
    set->entries[set->count++] = entry;
    return RV_OK;
}

static enum rv_status visit(void *arg, const struct rv_yaml_document *document, struct rv_error *err)
{
    return add(arg, document, err);
}

/* YAML's own reader takes nearly all JSON, and knows lines; what it does not take (surrogate pairs) is read as JSON. */
static enum rv_status parse_json(struct source *s, struct rv_bytes text, struct rv_error *err)
{
    json_t *v = NULL;
    size_t i = 0;
    while (i < text.len && strchr(" \t\r\n", text.ptr[i]) != NULL)
        i++;
    if (i == text.len || text.ptr[i] != '{')
        return RV_INVALID;
    enum rv_status status = rv_json_parse(text, &v, err);
    return status == RV_OK ? add(s, &(struct rv_yaml_document){.json = v, .line = 1}, err) : status;
}

enum rv_status rv_manifest_parse(struct rv_manifest **set, const char *name, struct rv_bytes text, struct rv_error *err)
{
    struct source s = {.set = set_of(set)};
    s.file = rv_arena_strdup(s.set->arena, name);
    if (text.len > RV_MANIFEST_MAX_FILE) {
        rv_fail(err, RV_INVALID, "the file is larger than %zu KiB", RV_MANIFEST_MAX_FILE / 1024);
        rv_error_where(err, RV_INVALID, "%s", name);
        return rv_error_hint(err, RV_INVALID, "spread it over several files of a folder");
    }
    size_t before = s.set->count;
    enum rv_status status = rv_yaml_read(name, text, s.set->arena, visit, &s, err);
    if (status == RV_INVALID && s.set->count == before && parse_json(&s, text, NULL) == RV_OK)
        return RV_OK;
    return status;
}

/* ---- files ---- */

static enum rv_status read_all(int fd, const char *name, struct rv_buf *out, struct rv_error *err)
{
    while (out->len <= RV_MANIFEST_MAX_FILE) { /* one byte too many is enough to know */
        uint8_t *at = rv_buf_reserve(out, 65536);
        ssize_t n = read(fd, at, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rv_fail_errno(err, errno, "cannot read %s", name);
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    return RV_OK;
}

static enum rv_status load_fd(struct rv_manifest **set, int fd, const char *name, struct rv_error *err)
{
    struct rv_buf text = {0};
    enum rv_status status = read_all(fd, name, &text, err);
    if (status == RV_OK)
        status = rv_manifest_parse(set, name, rv_buf_bytes(&text), err);
    rv_buf_fini(&text);
    return status;
}

static enum rv_status load_file(struct rv_manifest **set, const char *path, struct rv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return rv_fail_errno(err, errno, "cannot open %s", path);
    enum rv_status status = load_fd(set, fd, path, err);
    close(fd);
    return status;
}

static int is_manifest(const struct dirent *entry)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t n = strlen(entry->d_name);
    for (size_t i = 0; entry->d_name[0] != '.' && i < RV_COUNT(endings); i++)
        if (n > strlen(endings[i]) && strcmp(entry->d_name + n - strlen(endings[i]), endings[i]) == 0)
            return 1;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not by locale: the same order everywhere */
}

static enum rv_status load_folder(struct rv_manifest **set, const char *path, struct rv_error *err)
{
    struct dirent **found = NULL;
    int n = scandir(path, &found, is_manifest, by_name);
    if (n < 0)
        return rv_fail_errno(err, errno, "cannot open %s", path);
    enum rv_status status = RV_OK;
    if (n == 0 || n > RV_MANIFEST_MAX_FILES)
        status = n == 0 ? rv_fail(err, RV_INVALID, "%s has no *.yaml, *.yml or *.json", path)
                        : rv_fail(err, RV_INVALID, "%s has more than %d manifests", path, RV_MANIFEST_MAX_FILES);
    for (int i = 0; i < n; i++) {
        struct rv_buf file = {0};
        rv_buf_printf(&file, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", found[i]->d_name);
        if (status == RV_OK)
            status = load_file(set, rv_buf_text(&file), err);
        rv_buf_fini(&file);
        free(found[i]);
    }
    free(found);
    return status;
}

enum rv_status rv_manifest_load(struct rv_manifest **set, const char *path, struct rv_error *err)
{
    struct stat st;
    set_of(set);
    if (strcmp(path, "-") == 0)
        return load_fd(set, STDIN_FILENO, "-", err);
    if (stat(path, &st) != 0)
        return rv_fail_errno(err, errno, "cannot open %s", path);
    return S_ISDIR(st.st_mode) ? load_folder(set, path, err) : load_file(set, path, err);
}

/* ---- faults ---- */

static const struct entry *entry_of(const struct rv_manifest_doc *doc)
{
    return (const struct entry *)doc; /* doc is its first member */
}

int rv_manifest_locate(const struct rv_manifest_doc *doc, const char *path)
{
    return rv_yaml_locate(&entry_of(doc)->yaml, path);
}

static const char *name_of(const struct rv_manifest_doc *doc)
{
    return rv_json_get_text(json_object_get(doc->json, "metadata"), "name", "");
}

const struct rv_manifest_doc *rv_manifest_find(const struct rv_manifest *set, const char *kind, const char *name)
{
    for (size_t i = 0; i < rv_manifest_count(set); i++) {
        const struct rv_manifest_doc *doc = &set->entries[i]->doc;
        if (strcmp(rv_json_get_text(doc->json, "kind", ""), kind) == 0 && strcmp(name_of(doc), name) == 0)
            return doc;
    }
    return NULL;
}

/* "documents[3].spec…": the document, with *path moved behind it. */
static const struct rv_manifest_doc *numbered(const struct rv_manifest *set, const char **path)
{
    static const char prefix[] = "documents[";
    if (!rv_starts_with(*path, prefix))
        return NULL;
    char *end;
    errno = 0;
    unsigned long i = strtoul(*path + strlen(prefix), &end, 10);
    if (errno != 0 || *end != ']' || i >= rv_manifest_count(set))
        return NULL;
    *path = end + 1 + (end[1] == '.');
    return &set->entries[i]->doc;
}

static void add_fault(const struct rv_manifest_doc *doc, const char *path, const char *message, struct rv_buf *out)
{
    rv_buf_printf(out, "%s:%d: %s%s", doc->file, rv_manifest_locate(doc, path), path, path[0] != '\0' ? ": " : "");
    rv_printable(out, message, strlen(message));
}

void rv_manifest_fault_text(const struct rv_manifest *set, const char *kind, const char *name, const char *path,
                            const char *message, struct rv_buf *out)
{
    bool named = kind != NULL && name != NULL && kind[0] != '\0' && name[0] != '\0';
    const struct rv_manifest_doc *doc = numbered(set, &path);
    if (doc == NULL && named)
        doc = rv_manifest_find(set, kind, name);
    if (doc != NULL) {
        add_fault(doc, path, message, out);
        return;
    }
    if (named)
        rv_buf_printf(out, "%s %s: ", kind, name);
    rv_buf_printf(out, "%s%s", path, path[0] != '\0' ? ": " : "");
    rv_printable(out, message, strlen(message));
}

void rv_manifest_fault_of(const struct rv_manifest *set, const json_t *fault, struct rv_buf *out)
{
    int64_t i = rv_json_get_int(fault, "document", -1);
    const char *path = rv_json_get_text(fault, "path", ""), *message = rv_json_get_text(fault, "message", "is not valid");
    if (i >= 0 && (uint64_t)i < rv_manifest_count(set))
        add_fault(&set->entries[i]->doc, path, message, out);
    else
        rv_manifest_fault_text(set, rv_json_get_text(fault, "kind", NULL), rv_json_get_text(fault, "name", NULL), path,
                               message, out);
}

/* The document that declared the same before, NULL when it is the first; remembers it in `seen`. */
static const struct rv_manifest_doc *declared_before(const struct rv_manifest *set, size_t i, json_t *seen)
{
    const struct rv_manifest_doc *doc = &set->entries[i]->doc;
    struct rv_buf key = {0};
    rv_buf_printf(&key, "%s %s", rv_json_get_text(doc->json, "kind", ""), name_of(doc));
    int64_t before = rv_json_get_int(seen, rv_buf_text(&key), -1);
    if (before < 0)
        rv_json_set_int(seen, rv_buf_text(&key), (int64_t)i);
    rv_buf_fini(&key);
    return before < 0 ? NULL : &set->entries[before]->doc;
}

static size_t check_document(const struct rv_manifest *set, size_t i, json_t *seen, struct rv_arena *arena,
                             struct rv_buf *out)
{
    const struct rv_manifest_doc *doc = &set->entries[i]->doc;
    struct rv_object *object;
    struct rv_fault *fault = NULL;
    size_t count = 0;
    if (rv_object_decode(doc->json, arena, &object, &fault) != RV_OK) {
        for (; fault != NULL; fault = fault->next, count++) {
            add_fault(doc, fault->path, fault->message, out);
            rv_buf_add_byte(out, '\n');
        }
        return count;
    }
    const struct rv_manifest_doc *before = declared_before(set, i, seen);
    if (before == NULL)
        return 0;
    add_fault(doc, "metadata.name",
              rv_arena_printf(arena, "%s %s is declared twice: first at %s:%d", rv_kind_name(object->kind), object->name,
                              before->file, before->line),
              out);
    rv_buf_add_byte(out, '\n');
    return 1;
}

size_t rv_manifest_check(const struct rv_manifest *set, struct rv_buf *out)
{
    RV_AUTO(json) json_t *seen = json_object();
    size_t count = 0;
    for (size_t i = 0; i < rv_manifest_count(set); i++) {
        RV_AUTO(rv_arena) struct rv_arena *arena = rv_arena_create();
        count += check_document(set, i, seen, arena, out);
    }
    return count;
}
