#include "pki/pem.h"

#include <string.h>

#include "base/secret.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"
#define LABEL_MAX 64

struct line {
    const char *at;
    size_t len; /* without the line's end and white space before it */
};

static bool next_line(struct rv_bytes *rest, struct line *ret)
{
    if (rest->len == 0)
        return false;
    const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr), used = end == NULL ? len : len + 1;
    *ret = (struct line){(const char *)rest->ptr, len};
    while (ret->len > 0 && strchr(" \t\r", ret->at[ret->len - 1]) != NULL && ret->at[ret->len - 1] != 0)
        ret->len--;
    *rest = RV_BYTES(rest->ptr + used, rest->len - used);
    return true;
}

/* "-----BEGIN LABEL-----" */
static bool boundary(struct line line, const char *kind, char label[static LABEL_MAX])
{
    size_t head = strlen(kind), tail = strlen(DASHES);
    if (line.len <= head + tail || line.len - head - tail >= LABEL_MAX || memcmp(line.at, kind, head) != 0 ||
        memcmp(line.at + line.len - tail, DASHES, tail) != 0)
        return false;
    size_t n = line.len - head - tail;
    for (size_t i = 0; i < n; i++) /* RFC 7468 §3 */
        if (line.at[head + i] < ' ' || line.at[head + i] > '~')
            return false;
    memcpy(label, line.at + head, n);
    label[n] = 0;
    return true;
}

struct walk {
    struct rv_bytes rest;
    int line, blocks;
    char label[LABEL_MAX];
    struct rv_buf text, der; /* may hold a key: wiped */
};

static enum rv_status read_body(struct walk *w, struct rv_error *err)
{
    struct line line;
    char label[LABEL_MAX];
    int begun = w->line;
    rv_buf_clear(&w->text);
    rv_buf_clear(&w->der);
    while (next_line(&w->rest, &line)) {
        w->line++;
        if (boundary(line, END, label)) {
            if (strcmp(label, w->label) != 0)
                return rv_fail(err, RV_INVALID, "line %d: expected END %s, found END %s", w->line, w->label, label);
            if (!rv_unbase64(&w->der, rv_buf_text(&w->text), w->text.len, false) || w->der.len == 0)
                return rv_fail(err, RV_INVALID, "the %s that begins in line %d is not base64", w->label, begun);
            return RV_OK;
        }
        if (memchr(line.at, ':', line.len) != NULL)
            return rv_fail(err, RV_INVALID, "line %d: headers inside a %s are not supported", w->line, w->label);
        rv_buf_add(&w->text, line.at, line.len);
    }
    return rv_fail(err, RV_INVALID, "the %s that begins in line %d has no END line", w->label, begun);
}

enum rv_status rv_pem_each(struct rv_bytes text, const char *label, rv_pem_visit visit, void *arg, struct rv_error *err)
{
    if (text.len > RV_PEM_MAX_SIZE)
        return rv_fail(err, RV_INVALID, "PEM text of %zu bytes: at most %zu are read", text.len, RV_PEM_MAX_SIZE);
    struct walk w = {.rest = text};
    rv_buf_reserve(&w.text, text.len); /* all room at once, so that growing leaves no copy behind */
    rv_buf_reserve(&w.der, text.len);
    struct line line;
    enum rv_status status = RV_OK;
    while (status == RV_OK && next_line(&w.rest, &line)) {
        w.line++;
        if (!boundary(line, BEGIN, w.label))
            continue;
        if (++w.blocks > RV_PEM_MAX_BLOCKS)
            status = rv_fail(err, RV_INVALID, "more than %d PEM blocks", RV_PEM_MAX_BLOCKS);
        else
            status = read_body(&w, err);
        if (status == RV_OK && (label == NULL || strcmp(label, w.label) == 0))
            status = visit(arg, w.label, rv_buf_bytes(&w.der), err);
    }
    rv_buf_wipe_fini(&w.text);
    rv_buf_wipe_fini(&w.der);
    return status;
}

struct gather {
    struct rv_buf *der;
    int count, limit;
};

static enum rv_status gather(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    struct gather *g = arg;
    if (g->count == g->limit)
        return rv_fail(err, RV_INVALID, "more than one PEM block %s", label);
    g->count++;
    rv_buf_add(g->der, der.ptr, der.len);
    return RV_OK;
}

static enum rv_status gather_all(struct rv_bytes text, const char *label, int limit, struct rv_buf *ret_der, int *ret_count,
                                 struct rv_error *err)
{
    struct rv_buf der = {0};
    struct gather g = {&der, 0, limit};
    rv_buf_reserve(&der, text.len > RV_PEM_MAX_SIZE ? 0 : text.len);
    enum rv_status status = rv_pem_each(text, label, gather, &g, err);
    if (status == RV_OK && g.count == 0)
        status = rv_error_hint(err, rv_fail(err, RV_INVALID, "no PEM block %s in it", label),
                               "expected a text with -----BEGIN %s-----", label);
    if (status == RV_OK) {
        rv_buf_add(ret_der, der.data, der.len);
        *ret_count = g.count;
    }
    rv_buf_wipe_fini(&der);
    return status;
}

enum rv_status rv_pem_one(struct rv_bytes text, const char *label, struct rv_buf *ret_der, struct rv_error *err)
{
    int count;
    return gather_all(text, label, 1, ret_der, &count, err);
}

enum rv_status rv_pem_all(struct rv_bytes text, const char *label, struct rv_buf *ret_der, int *ret_count,
                          struct rv_error *err)
{
    return gather_all(text, label, RV_PEM_MAX_BLOCKS, ret_der, ret_count, err);
}

void rv_pem_add(struct rv_buf *out, const char *label, struct rv_bytes der)
{
    rv_buf_reserve(out, der.len * 4 / 3 + der.len / 48 + 3 * LABEL_MAX);
    rv_buf_printf(out, BEGIN "%s" DASHES "\n", label);
    for (size_t at = 0; at < der.len; at += 48) {
        rv_base64(out, RV_BYTES(der.ptr + at, der.len - at < 48 ? der.len - at : 48), false);
        rv_buf_add_byte(out, '\n');
    }
    rv_buf_printf(out, END "%s" DASHES "\n", label);
}

bool rv_pem_looks(struct rv_bytes text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != 0 && strchr(" \t\r\n", text.ptr[at]) != NULL)
        at++;
    return text.len - at >= strlen(BEGIN) && memcmp(text.ptr + at, BEGIN, strlen(BEGIN)) == 0;
}
