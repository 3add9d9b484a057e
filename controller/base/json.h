/* JSON, on jansson, which lives here only: other folders include this header, never <jansson.h>, and use jansson's
 * json_t through it. Reading is bounded (M-20): size, depth, members, no duplicate member, no NUL, valid UTF-8. */
#pragma once
#include <jansson.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#define RV_JSON_MAX_SIZE ((size_t)1 << 20)
#define RV_JSON_MAX_DEPTH 32
#define RV_JSON_MAX_MEMBERS 10000

/* *ret is the caller's (json_decref). The error says line and column. */
RV_MUST_CHECK enum rv_status rv_json_parse(struct rv_bytes text, json_t **ret, struct rv_error *err);
/* Compact with sorted members: the same value always gives the same bytes. Given to the caller (rv_free). */
char *rv_json_text(const json_t *value);
char *rv_json_pretty(const json_t *value);

/* Building: these set member `name` of `object`, and never fail but by running out of memory. NULL text is left out. */
void rv_json_set_text(json_t *object, const char *name, const char *text);
void rv_json_set_int(json_t *object, const char *name, int64_t v);
void rv_json_set_bool(json_t *object, const char *name, bool v);
void rv_json_set(json_t *object, const char *name, json_t *value);     /* value is given; NULL is left out */
void rv_json_set_time(json_t *object, const char *name, int64_t time); /* RFC 3339; 0 and RV_TIME_FAR are left out */
void rv_json_set_hash(json_t *object, const char *name, const struct rv_hash *h); /* hex; all zero is left out */
json_t *rv_json_error(const struct rv_error *err);                                /* {"status","where","message","hint"} */

/* Reading members: the value, or the default when absent or of another type. */
const char *rv_json_get_text(const json_t *object, const char *name, const char *otherwise);
int64_t rv_json_get_int(const json_t *object, const char *name, int64_t otherwise);
bool rv_json_get_bool(const json_t *object, const char *name, bool otherwise);

static inline void rv_auto_json(json_t **v)
{
    json_decref(*v);
}
