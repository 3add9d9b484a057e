/* Manifests as people write them: YAML (or JSON) files and folders become JSON documents, each remembering file and
 * line of all its fields, so that every fault can be shown where it was written. libyaml lives in this folder only.
 *
 * Accepted is the part of YAML 1.2 that means the same everywhere: mappings, sequences, plain, quoted and block scalars,
 * many documents in one file. Plain scalars follow the core schema (true, false, null, numbers; yes, no and on stay
 * text); quoted ones stay text. Refused, with line and column: anchors, aliases, merge keys, tags, duplicate keys, keys
 * that are not text, documents that are no mapping, broken UTF-8, NUL, and anything beyond the limits below (M-20).
 *
 * Nothing here knows what a document means: decode it with core/manifest.h. Not thread-safe, blocks on files. */
#pragma once
#include "base/json.h"
#include "core/manifest.h"

#define RV_MANIFEST_MAX_FILE ((size_t)1 << 20)
#define RV_MANIFEST_MAX_DOCUMENTS 10000
#define RV_MANIFEST_MAX_FILES 10000
#define RV_MANIFEST_MAX_DEPTH 32

struct rv_manifest_doc {
    json_t *json;     /* an object; borrowed */
    const char *file; /* as it was named, "-" for standard input */
    int line;         /* where the document begins, from 1 */
};
struct rv_manifest; /* a set of documents */

/* A file, a folder (its *.yaml, *.yml and *.json in order of name, not deeper), or "-" for standard input. Several
 * paths are read by calling it again with the same *set (NULL at first). The set holds what was read before a failure
 * too: the caller destroys it in any case. err->where is "shop.yaml:12:3". */
RV_MUST_CHECK enum rv_status rv_manifest_load(struct rv_manifest **set, const char *path, struct rv_error *err);
/* Same from memory; name stands for the file in messages. */
RV_MUST_CHECK enum rv_status rv_manifest_parse(struct rv_manifest **set, const char *name, struct rv_bytes text,
                                               struct rv_error *err);
void rv_manifest_destroy(struct rv_manifest *set);

size_t rv_manifest_count(const struct rv_manifest *set); /* NULL has none */
const struct rv_manifest_doc *rv_manifest_doc(const struct rv_manifest *set, size_t i);
/* The array of all documents, as POST /api/v1/apply takes it in "documents". Given. */
json_t *rv_manifest_documents(const struct rv_manifest *set);

/* The line of a field, path dotted as in faults: "spec.dnsNames[2]". A field that is not there gives the line of the
 * nearest one around it. */
int rv_manifest_locate(const struct rv_manifest_doc *doc, const char *path);
/* The document that declares (kind, name), NULL when none does. */
const struct rv_manifest_doc *rv_manifest_find(const struct rv_manifest *set, const char *kind, const char *name);

/* One line for people: "shop.yaml:12: spec.dnsNames[2]: "a_b" is not …". kind and name may be NULL or empty (a document
 * without them); a path may begin with "documents[3]." as the API writes it then. Appends no newline. */
void rv_manifest_fault_text(const struct rv_manifest *set, const char *kind, const char *name, const char *path,
                            const char *message, struct rv_buf *out);
/* Same for one entry of "faults" in a problem document: {document, kind, name, path, message}; document is the number of
 * the document in rv_manifest_documents, and may be absent. */
void rv_manifest_fault_of(const struct rv_manifest *set, const json_t *fault, struct rv_buf *out);
/* What can be said without asking a service: decodes every document and finds what is declared twice. Appends one line
 * per fault, each with its newline, and answers their number. References are the service's to check: what they name may
 * be stored there. */
size_t rv_manifest_check(const struct rv_manifest *set, struct rv_buf *out);
