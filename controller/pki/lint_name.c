/* Rules over names: subjectAltName, common name, wildcards. Names are read from the bytes again, one by one, because
 * what counts here is how they stand in the certificate. */
#include <string.h>

#include "pki/lint_priv.h"
#include "pki/subject_priv.h"

#define MAX_NAMES 1000

static bool is_name(uint8_t tag, enum rv_name_type *ret)
{
    switch (tag) {
    case DER_CONTEXT(1):
        *ret = RV_NAME_EMAIL;
        return true;
    case DER_CONTEXT(2):
        *ret = RV_NAME_DNS;
        return true;
    case DER_CONTEXT(6):
        *ret = RV_NAME_URI;
        return true;
    case DER_CONTEXT(7):
        *ret = RV_NAME_IP;
        return true;
    default:
        return false;
    }
}

/* The list, empty when there is none. */
static struct rv_bytes names_of(const struct rv_lint_facts *f)
{
    struct rv_der list;
    const struct rv_extension *e = rv_lint_find(f, rv_oid_san);
    return e != NULL && rv_der_only(e->value, DER_SEQUENCE, &list) ? list.body : (struct rv_bytes){0};
}

bool rv_lint_san(const struct rv_lint_facts *f, char *detail, size_t size)
{
    const struct rv_extension *e = rv_lint_find(f, rv_oid_san);
    if (e == NULL)
        return f->is_ca || rv_lint_no(detail, size, "there is none");
    if (names_of(f).len == 0)
        return rv_lint_no(detail, size, "it is empty");
    return e->critical == f->subject_empty ||
           rv_lint_no(detail, size, e->critical ? "it is critical" : "it is not critical, and the subject is empty");
}

/* One name as NUL-terminated text; false when it cannot be one. */
static bool name_text(const struct rv_der *e, char out[static RV_NAME_MAX + 1])
{
    if (e->body.len == 0 || e->body.len > RV_NAME_MAX || memchr(e->body.ptr, 0, e->body.len) != NULL)
        return false;
    memcpy(out, e->body.ptr, e->body.len);
    out[e->body.len] = 0;
    return true;
}

bool rv_lint_san_names(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_bytes rest = names_of(f), all = rest;
    struct rv_der e, other;
    for (size_t count = 0; rest.len > 0; count++) {
        enum rv_name_type type;
        char text[RV_NAME_MAX + 1], normal[RV_NAME_MAX + 1];
        if (count == MAX_NAMES)
            return rv_lint_no(detail, size, "more than %d names", MAX_NAMES);
        if (!rv_der_next(&rest, &e) || !is_name(e.tag, &type))
            return rv_lint_no(detail, size, "a name of a kind that is not issued here");
        if (type == RV_NAME_IP) {
            if (e.body.len != 4 && e.body.len != 16)
                return rv_lint_no(detail, size, "an address of %zu octets", e.body.len);
        } else if (!name_text(&e, text)) {
            return rv_lint_no(detail, size, "a name is empty, too long, or has a NUL inside");
        } else if (rv_name_normalise(type, text, normal, NULL) != RV_OK || strcmp(text, normal) != 0) {
            return rv_lint_no(detail, size, "%.100s", text);
        }
        struct rv_bytes before = RV_BYTES(all.ptr, (size_t)(e.whole.ptr - all.ptr));
        while (rv_der_next(&before, &other))
            if (rv_bytes_equal(other.whole, e.whole))
                return rv_lint_no(detail, size, "a name appears twice");
    }
    return true;
}

bool rv_lint_common_name(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_der name, e;
    struct rv_bytes rdn = {0};
    struct rv_attribute a;
    int count = 0;
    if (f->is_ca || !rv_der_only(f->p.subject, DER_SEQUENCE, &name))
        return true;
    while (rv_attribute_next(&name.body, &rdn, &a)) {
        if (!rv_bytes_equal(a.oid, rv_oid_common_name))
            continue;
        bool found = false;
        for (struct rv_bytes rest = names_of(f); !found && rv_der_next(&rest, &e);) {
            char address[46];
            if (e.tag == DER_CONTEXT(7) && (e.body.len == 4 || e.body.len == 16)) {
                rv_ip_text(address, e.body.ptr, e.body.len);
                found = rv_bytes_equal(rv_bytes_of(address), a.value.body);
            } else {
                found = e.tag == DER_CONTEXT(2) && rv_bytes_equal(e.body, a.value.body);
            }
        }
        if (!found)
            return rv_lint_no(detail, size, "it is none of them");
        if (++count > 1)
            return rv_lint_no(detail, size, "there are two");
    }
    return true;
}

bool rv_lint_wildcards(const struct rv_lint_facts *f, char *detail, size_t size)
{
    struct rv_der e;
    for (struct rv_bytes rest = names_of(f); rv_der_next(&rest, &e);) {
        char text[RV_NAME_MAX + 1];
        if (e.tag != DER_CONTEXT(2) || !name_text(&e, text) || strchr(text, '*') == NULL)
            continue;
        const char *behind = text + 2;
        if (strncmp(text, "*.", 2) != 0 || strchr(behind, '*') != NULL)
            return rv_lint_no(detail, size, "%.100s", text);
        if (strchr(behind, '.') == NULL)
            return rv_lint_no(detail, size, "%.80s covers a whole top-level domain", text);
    }
    return true;
}
