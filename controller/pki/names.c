#include "pki/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "pki/names_priv.h"

static int compare(const void *a, const void *b)
{
    const struct rv_cert_name *x = a, *y = b;
    return x->type != y->type ? (int)x->type - (int)y->type : strcmp(x->text, y->text);
}

void rv_cert_names_tidy(struct rv_cert_names *names)
{
    size_t count = names->count;
    if (count < 2)
        return;
    qsort(names->items, count, sizeof *names->items, compare);
    names->count = 1;
    for (size_t i = 1; i < count; i++)
        if (compare(&names->items[names->count - 1], &names->items[i]) != 0)
            names->items[names->count++] = names->items[i];
}

enum rv_status rv_cert_names_make(const struct rv_cert_name *items, size_t count, struct rv_arena *arena,
                                  struct rv_cert_names *ret, struct rv_error *err)
{
    struct rv_cert_names names = {0, count == 0 ? NULL : rv_arena_alloc(arena, count * sizeof *items)};
    for (size_t i = 0; i < count; i++) {
        char out[RV_NAME_MAX + 1];
        enum rv_status status = rv_name_normalise(items[i].type, items[i].text, out, err);
        if (status != RV_OK)
            return status;
        names.items[i] = (struct rv_cert_name){items[i].type, rv_arena_strdup(arena, out)};
    }
    names.count = count;
    rv_cert_names_tidy(&names);
    *ret = names;
    return RV_OK;
}

enum rv_status rv_cert_names_of_spec(const struct rv_certificate_spec *spec, struct rv_arena *arena,
                                     struct rv_cert_names *ret, struct rv_error *err)
{
    const struct {
        enum rv_name_type type;
        const struct rv_texts *texts;
    } lists[] = {{RV_NAME_DNS, &spec->dns_names},
                 {RV_NAME_IP, &spec->ip_addresses},
                 {RV_NAME_URI, &spec->uris},
                 {RV_NAME_EMAIL, &spec->email_addresses}};
    size_t count = 0, at = 0;
    for (size_t i = 0; i < RV_COUNT(lists); i++)
        count += lists[i].texts->count;
    struct rv_cert_name *items = rv_arena_alloc(arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < RV_COUNT(lists); i++)
        for (size_t k = 0; k < lists[i].texts->count; k++)
            items[at++] = (struct rv_cert_name){lists[i].type, lists[i].texts->items[k]};
    return rv_cert_names_make(items, count, arena, ret, err);
}

bool rv_cert_names_equal(const struct rv_cert_names *a, const struct rv_cert_names *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (compare(&a->items[i], &b->items[i]) != 0)
            return false;
    return true;
}

bool rv_cert_names_have(const struct rv_cert_names *names, enum rv_name_type type, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->items[i].type == type && strcmp(names->items[i].text, text) == 0)
            return true;
    return false;
}

const char *rv_cert_names_text(const struct rv_cert_names *names, char *out, size_t size)
{
    static const char more[] = "…";
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *type = rv_name_type_text(names->items[i].type), *text = names->items[i].text;
        size_t need = (i > 0 ? 2 : 0) + strlen(type) + 1 + strlen(text);
        if (used + need + sizeof more > size) {
            if (used + sizeof more <= size)
                memcpy(out + used, more, sizeof more);
            break;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s:%s", i > 0 ? ", " : "", type, text);
    }
    return out;
}

char *rv_cert_names_json(const struct rv_cert_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; i < names->count; i++)
        json_array_append_new(array, json_sprintf("%s:%s", rv_name_type_text(names->items[i].type), names->items[i].text));
    char *text = rv_json_text(array);
    json_decref(array);
    return text;
}
