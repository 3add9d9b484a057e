/* YAML text to JSON values, with the line of every field. See manifest_file.h for what is accepted. */
#pragma once
#include "base/arena.h"
#include "base/json.h"

#define RV_YAML_MAX_DEPTH 32

struct rv_yaml_line {
    const char *path; /* "spec.dnsNames[2]", "" is the document itself */
    int line;
};
struct rv_yaml_document {
    json_t *json; /* given to whoever receives the document */
    int line;
    size_t line_count;
    const struct rv_yaml_line *lines; /* in the arena */
};
/* Called for each document, in order; empty documents are left out. Stops when it fails. */
typedef enum rv_status (*rv_yaml_visit)(void *arg, const struct rv_yaml_document *document, struct rv_error *err);
/* name stands for the file in err->where ("shop.yaml:12:3"). */
RV_MUST_CHECK enum rv_status rv_yaml_read(const char *name, struct rv_bytes text, struct rv_arena *arena,
                                          rv_yaml_visit visit, void *arg, struct rv_error *err);
/* Line of path, or of the nearest that is around it. */
int rv_yaml_locate(const struct rv_yaml_document *document, const char *path);
