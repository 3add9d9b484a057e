#include "base/text.h"
#include "pki/der_priv.h"
#include "pki/names_priv.h"

static const uint8_t tags[] = {[RV_NAME_DNS] = DER_CONTEXT(2),
                               [RV_NAME_IP] = DER_CONTEXT(7),
                               [RV_NAME_URI] = DER_CONTEXT(6),
                               [RV_NAME_EMAIL] = DER_CONTEXT(1)};

static const char *kind_text(uint8_t tag)
{
    static const char *const texts[] = {"otherName",    "rfc822Name", "dNSName",   "x400Address", "directoryName",
                                        "ediPartyName", "URI",        "iPAddress", "registeredID"};
    unsigned number = tag & 0x1f;
    return (tag & 0xc0) == 0x80 && number < RV_COUNT(texts) ? texts[number] : "unknown kind";
}

void rv_general_names_put(struct rv_buf *buf, const struct rv_cert_names *names)
{
    size_t mark = rv_der_open(buf, DER_SEQUENCE);
    for (size_t i = 0; i < names->count; i++) {
        const struct rv_cert_name *n = &names->items[i];
        uint8_t octets[16];
        size_t len;
        if (n->type != RV_NAME_IP)
            rv_der_put_text(buf, tags[n->type], n->text);
        else if (rv_ip_parse(n->text, octets, &len)) /* always, for normalised names */
            rv_der_put(buf, tags[RV_NAME_IP], RV_BYTES(octets, len));
    }
    rv_der_close(buf, mark);
}

static bool type_of(uint8_t tag, enum rv_name_type *ret)
{
    for (size_t i = 0; i < RV_COUNT(tags); i++)
        if (tags[i] == tag) {
            *ret = (enum rv_name_type)i;
            return true;
        }
    return false;
}

/* The text of one name, without looking at its grammar. NULL: not even text. */
static const char *text_of(enum rv_name_type type, struct rv_bytes body, struct rv_arena *arena)
{
    if (type == RV_NAME_IP) {
        char out[46];
        if (body.len != 4 && body.len != 16)
            return NULL;
        rv_ip_text(out, body.ptr, body.len);
        return rv_arena_strdup(arena, out);
    }
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] <= ' ' || body.ptr[i] > '~') /* H-4: a NUL inside, blanks, anything that is not ASCII */
            return NULL;
    return rv_arena_strndup(arena, (const char *)body.ptr, body.len);
}

enum rv_status rv_general_names_read(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_names *ret,
                                     struct rv_error *err)
{
    struct rv_der list, e;
    if (!rv_der_only(der, DER_SEQUENCE, &list) || list.body.len == 0)
        return rv_fail(err, RV_INVALID, "subjectAltName is empty or no SEQUENCE");
    struct rv_cert_name items[RV_NAMES_MAX];
    size_t count = 0;
    while (rv_der_next(&list.body, &e)) {
        struct rv_cert_name *n = &items[count];
        if (count == RV_NAMES_MAX)
            return rv_fail(err, RV_INVALID, "subjectAltName has more than %d names", RV_NAMES_MAX);
        if (!type_of(e.tag, &n->type))
            return rv_fail(err, RV_INVALID, "subjectAltName has a name of a kind that is not supported (%s)",
                           kind_text(e.tag));
        n->text = text_of(n->type, e.body, arena);
        if (n->text == NULL)
            return rv_fail(err, RV_INVALID, "subjectAltName has a %s that is no plain text or has a wrong length",
                           kind_text(e.tag));
        count++;
    }
    enum rv_status status = rv_cert_names_make(items, count, arena, ret, err);
    return status == RV_OK ? RV_OK : rv_error_prefix(err, status, "subjectAltName");
}

void rv_general_names_read_lenient(struct rv_bytes der, struct rv_arena *arena, struct rv_cert_names *ret, bool *ret_clean)
{
    struct rv_der list, e;
    *ret = (struct rv_cert_names){0};
    *ret_clean = rv_der_only(der, DER_SEQUENCE, &list) && list.body.len > 0;
    if (!*ret_clean)
        return;
    size_t count = 0;
    for (struct rv_bytes rest = list.body; count < RV_NAMES_LENIENT_MAX && rv_der_next(&rest, &e);)
        count++;
    ret->items = rv_arena_alloc(arena, count * sizeof *ret->items);
    for (size_t i = 0; i < count && rv_der_next(&list.body, &e); i++) {
        struct rv_cert_name n;
        char normal[RV_NAME_MAX + 1];
        if (!type_of(e.tag, &n.type))
            continue; /* a directoryName is nothing wrong */
        n.text = text_of(n.type, e.body, arena);
        if (n.text != NULL && rv_name_normalise(n.type, n.text, normal, NULL) == RV_OK) {
            n.text = rv_arena_strdup(arena, normal);
        } else {
            struct rv_buf shown RV_AUTO(rv_buf) = {0};
            rv_printable(&shown, (const char *)e.body.ptr, e.body.len > RV_NAME_MAX ? RV_NAME_MAX : e.body.len);
            n.text = rv_arena_strdup(arena, rv_buf_text(&shown));
            *ret_clean = false;
        }
        ret->items[ret->count++] = n;
    }
    rv_cert_names_tidy(ret);
    *ret_clean = *ret_clean && list.body.len == 0;
}
