/* golden [--update] SOURCE: compares what the tables say today with the files kept under tests/golden and docs/reference,
 * or writes them. Exit status 1 when something differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/manifest_file.h"
#include "conf/settings.h"
#include "core/events.h"
#include "core/manifest.h"

static const char *source;

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "golden: %s: %s\n", what, why);
    exit(2);
}

static bool read_file(const char *name, struct rv_buf *out)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", source, name);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size_t n;
    do {
        n = fread(rv_buf_reserve(out, 65536), 1, 65536, f);
        out->len += n;
    } while (n > 0);
    fclose(f);
    rv_buf_add(out, "", 0);
    return true;
}

static void write_file(const char *name, const struct rv_buf *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", source, name);
    FILE *f = fopen(path, "we");
    if (f == NULL || fwrite(text->data, 1, text->len, f) != text->len || fclose(f) != 0)
        stop(path, "cannot be written");
}

static void add_json(json_t *value, struct rv_buf *out)
{
    RV_AUTO(char) char *text = rv_json_pretty(value);
    rv_buf_printf(out, "%s\n", text);
    json_decref(value);
}

/* The manifests under tests/golden, named in messages by their file name alone. */
static struct rv_manifest *load(const char *name)
{
    struct rv_buf text = {0};
    struct rv_manifest *set = NULL;
    struct rv_error err;
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s", name);
    if (!read_file(path, &text))
        stop(path, "cannot be read");
    if (rv_manifest_parse(&set, name, rv_buf_bytes(&text), &err) != RV_OK)
        stop(err.where, err.message);
    rv_buf_fini(&text);
    return set;
}

static struct rv_object *decode(const struct rv_manifest *set, size_t i, struct rv_arena *arena)
{
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    if (rv_object_decode(rv_manifest_doc(set, i)->json, arena, &object, &faults) != RV_OK)
        stop(faults->path, faults->message);
    return object;
}

/* ---- one function per file ---- */

static void schema(struct rv_buf *out)
{
    add_json(rv_object_schema(RV_KIND_COUNT), out);
}

static void builtins(struct rv_buf *out)
{
    add_json(rv_object_encode(rv_builtin_object(RV_KIND_ISSUER, "internal")), out);
    add_json(rv_object_encode(rv_builtin_object(RV_KIND_PROFILE, "tls-server")), out);
}

static void canonical(struct rv_buf *out)
{
    struct rv_manifest *set = load("example.yaml");
    struct rv_arena *arena = rv_arena_create();
    for (size_t i = 0; i < rv_manifest_count(set); i++)
        add_json(rv_object_encode(decode(set, i, arena)), out);
    rv_arena_destroy(arena);
    rv_manifest_destroy(set);
}

static void faults(struct rv_buf *out)
{
    struct rv_manifest *set = load("faults.yaml");
    rv_manifest_check(set, out);
    rv_manifest_destroy(set);
}

#define SET_MAX 64
static void set_faults(struct rv_buf *out)
{
    struct rv_manifest *manifest = load("set-faults.yaml");
    struct rv_arena *arena = rv_arena_create();
    const struct rv_object *set[SET_MAX];
    struct rv_set_fault *fault = NULL;
    size_t n = rv_manifest_count(manifest);
    if (n > SET_MAX)
        stop("set-faults.yaml", "too many documents");
    for (size_t i = 0; i < n; i++)
        set[i] = decode(manifest, i, arena);
    if (rv_objects_check(set, n, NULL, NULL, NULL, arena, &fault) == RV_OK)
        stop("set-faults.yaml", "no fault was found");
    for (; fault != NULL; fault = fault->next) {
        rv_manifest_fault_text(manifest, rv_kind_name(fault->object->kind), fault->object->name, fault->fault.path,
                               fault->fault.message, out);
        rv_buf_add_byte(out, '\n');
    }
    rv_arena_destroy(arena);
    rv_manifest_destroy(manifest);
}

static void settings_printed(struct rv_buf *out)
{
    struct rv_settings settings;
    char *environment[] = {"HOME=/home/anna", NULL};
    char *argv[] = {"--data", "/srv/reeve"};
    struct rv_error err;
    if (rv_settings_read(&settings, 2, argv, environment, NULL, &err) != RV_OK)
        stop(err.where, err.message);
    rv_settings_print(&settings, out);
    rv_settings_fini(&settings);
}

static void events(struct rv_buf *out)
{
    rv_buf_add_text(out, "# Audit actions\n\n"
                         "Generated from the table of events by `scripts/update-golden`: do not edit.\n\n"
                         "Every audit row and every live event carries one of these actions.\n\n"
                         "| action | severity | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < rv_event_count; i++)
        rv_buf_printf(out, "| `%s` | %s | %s. |\n", rv_events[i].action, rv_severity_name(rv_events[i].severity),
                      rv_events[i].text);
}

static const struct {
    const char *name;
    void (*make)(struct rv_buf *out);
} files[] = {
    {"tests/golden/schema.json", schema},
    {"tests/golden/builtin.json", builtins},
    {"tests/golden/example.json", canonical},
    {"tests/golden/faults.txt", faults},
    {"tests/golden/set-faults.txt", set_faults},
    {"tests/golden/settings-help.txt", rv_settings_help},
    {"tests/golden/settings.yaml", settings_printed},
    {"docs/reference/manifest.md", rv_manifest_reference},
    {"docs/reference/settings.md", rv_settings_reference},
    {"docs/reference/audit.md", events},
};

static void tell_difference(const char *name, const char *kept, const char *now)
{
    int line = 1;
    while (*kept != '\0' && *kept == *now) {
        line += *kept == '\n';
        kept++;
        now++;
    }
    fprintf(stderr, "%s:%d differs from here on\n  kept: %.*s\n  now:  %.*s\n", name, line, (int)strcspn(kept, "\n"), kept,
            (int)strcspn(now, "\n"), now);
}

int main(int argc, char *argv[])
{
    bool update = argc == 3 && strcmp(argv[1], "--update") == 0;
    int different = 0;
    if (argc != (update ? 3 : 2))
        stop("usage", "golden [--update] SOURCE");
    source = argv[argc - 1];
    for (size_t i = 0; i < RV_COUNT(files); i++) {
        struct rv_buf now = {0}, kept = {0};
        files[i].make(&now);
        if (update) {
            write_file(files[i].name, &now);
        } else if (!read_file(files[i].name, &kept) || !rv_bytes_equal(rv_buf_bytes(&now), rv_buf_bytes(&kept))) {
            tell_difference(files[i].name, rv_buf_text(&kept), rv_buf_text(&now));
            different++;
        }
        rv_buf_fini(&now);
        rv_buf_fini(&kept);
    }
    if (different > 0)
        fprintf(stderr, "If that is meant, run scripts/update-golden and look at the difference.\n");
    return different > 0;
}
