/* The shapes of requests and answers, as tables. They check what clients send, write the OpenAPI document, and in tests
 * check what the server answers, so that the document cannot drift from the program. */
#pragma once
#include "base/json.h"
#include "core/manifest.h"

enum rv_shape_type {
    RV_SHAPE_TEXT,
    RV_SHAPE_INT,
    RV_SHAPE_BOOL,
    RV_SHAPE_TIME,    /* RFC 3339 text */
    RV_SHAPE_HASH,    /* 64 hex digits */
    RV_SHAPE_OBJECT,  /* of another shape */
    RV_SHAPE_LABELS,  /* any member, each a text */
    RV_SHAPE_DOCUMENT /* an object that another schema describes */
};
enum { RV_FIELD_REQUIRED = 1, RV_FIELD_LIST = 2 };

struct rv_shape;
struct rv_field {
    const char *name; /* NULL ends the table */
    enum rv_shape_type type;
    unsigned flags;
    const char *text;
    const struct rv_shape *of; /* RV_SHAPE_OBJECT */
    const char *const *values; /* RV_SHAPE_TEXT: the only ones, NULL-terminated; may be NULL */
    size_t longest;            /* RV_SHAPE_TEXT of a request: at most this many bytes, 0: 256 */
};
struct rv_shape {
    const char *name; /* in the OpenAPI document: "CertificateView" */
    const char *text;
    const struct rv_field *fields;
    bool open; /* members beyond the table may appear (answers only) */
};

/* Checks a value; faults are appended to *ret (an arena list, in order of finding, at most 50). An unknown member is a
 * fault that names the nearest known one. */
void rv_shape_check(const struct rv_shape *shape, const json_t *value, struct rv_arena *arena, struct rv_fault **ret);
/* JSON Schema of the shape; members of other shapes are "#/components/schemas/…" references. Given. */
json_t *rv_shape_schema(const struct rv_shape *shape);
/* The schema of one field, list or not. Given. */
json_t *rv_field_schema(const struct rv_field *field);
/* Every shape, NULL-terminated. */
extern const struct rv_shape *const rv_shapes[];

extern const struct rv_shape rv_shape_empty, rv_shape_problem, rv_shape_status, rv_shape_certificate,
    rv_shape_certificate_list, rv_shape_why, rv_shape_started, rv_shape_rollout, rv_shape_object, rv_shape_object_list,
    rv_shape_apply_request, rv_shape_apply_answer, rv_shape_plan_list, rv_shape_issue_request, rv_shape_issue_answer,
    rv_shape_issued, rv_shape_issued_list, rv_shape_audit_list, rv_shape_audit_verify, rv_shape_token_request,
    rv_shape_token_answer, rv_shape_token_list, rv_shape_link_request, rv_shape_link_answer, rv_shape_session_request,
    rv_shape_session, rv_shape_health;
