/* The names of a certificate or request: a typed list, normalised (core/names.h), without duplicates. */
#pragma once
#include "base/arena.h"
#include "base/bytes.h"
#include "core/manifest.h"
#include "core/names.h"

struct rv_cert_name {
    enum rv_name_type type;
    const char *text; /* normalised */
};
struct rv_cert_names { /* sorted by type, then text; in the arena it was made in */
    size_t count;
    struct rv_cert_name *items;
};
/* Normalises each, removes duplicates, sorts. */
RV_MUST_CHECK enum rv_status rv_cert_names_make(const struct rv_cert_name *items, size_t count, struct rv_arena *arena,
                                                struct rv_cert_names *ret, struct rv_error *err);
/* The four lists of a manifest. */
RV_MUST_CHECK enum rv_status rv_cert_names_of_spec(const struct rv_certificate_spec *spec, struct rv_arena *arena,
                                                   struct rv_cert_names *ret, struct rv_error *err);
bool rv_cert_names_equal(const struct rv_cert_names *a, const struct rv_cert_names *b); /* as sets */
bool rv_cert_names_have(const struct rv_cert_names *names, enum rv_name_type type, const char *text);
/* "dns:a", "ip:…" separated by ", ", cut with "…" at the size. Returns out. */
const char *rv_cert_names_text(const struct rv_cert_names *names, char *out, size_t size);
/* JSON array ["dns:a","ip:…"], as the store keeps it. Given (rv_free). */
char *rv_cert_names_json(const struct rv_cert_names *names);
