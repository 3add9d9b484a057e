#include "pki/subject_priv.h"

#include <stdio.h>

#include "base/text.h"

#define OID(last) DER_BYTES("\x55\x04" last)
const struct rv_bytes rv_oid_common_name = OID("\x03");

/* who may be how long, in characters, and as what. */
static const struct kind {
    const char *name;
    struct rv_bytes oid;
    unsigned max; /* characters; 0: no bound */
    enum { DIRECTORY, PRINTABLE_ONLY, IA5_ONLY } string;
} kinds[] = {
    {"CN", OID("\x03"), 64, DIRECTORY},
    {"SERIALNUMBER", OID("\x05"), 64, PRINTABLE_ONLY},
    {"C", OID("\x06"), 2, PRINTABLE_ONLY},
    {"L", OID("\x07"), 128, DIRECTORY},
    {"ST", OID("\x08"), 128, DIRECTORY},
    {"STREET", OID("\x09"), 128, DIRECTORY},
    {"O", OID("\x0a"), 64, DIRECTORY},
    {"OU", OID("\x0b"), 64, DIRECTORY},
    {"SN", OID("\x04"), 64, DIRECTORY},
    {"GN", OID("\x2a"), 64, DIRECTORY},
    {"DNQ", OID("\x2e"), 64, PRINTABLE_ONLY},
    {"DC", DER_BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), 63, IA5_ONLY},
    {"UID", DER_BYTES("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), 256, DIRECTORY},
    {"emailAddress", DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), 255, IA5_ONLY},
};

static const struct kind *kind_of(struct rv_bytes oid)
{
    for (size_t i = 0; i < RV_COUNT(kinds); i++)
        if (rv_bytes_equal(kinds[i].oid, oid))
            return &kinds[i];
    return NULL;
}

bool rv_attribute_next(struct rv_bytes *rest, struct rv_bytes *rdn, struct rv_attribute *ret)
{
    struct rv_der set, pair, oid;
    if (rdn->len == 0) {
        if (!rv_der_take(rest, DER_SET, &set))
            return false;
        *rdn = set.body;
    }
    if (!rv_der_take(rdn, DER_SEQUENCE, &pair) || !rv_der_take(&pair.body, DER_OID, &oid) ||
        !rv_der_next(&pair.body, &ret->value) || pair.body.len > 0)
        return false;
    ret->oid = oid.body;
    ret->last_of_rdn = rdn->len == 0;
    return true;
}

static size_t characters(struct rv_bytes utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.len; i++)
        n += (utf8.ptr[i] & 0xc0) != 0x80;
    return n;
}

static bool only_punctuation(struct rv_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*')
            return false;
    }
    return true;
}

static const char *value_fault(const struct rv_attribute *a)
{
    const struct kind *k = kind_of(a->oid);
    uint8_t tag = a->value.tag;
    if (k == NULL)
        return NULL; /* its syntax is not known here */
    if (k->string == IA5_ONLY ? tag != DER_IA5 : tag != DER_PRINTABLE && (k->string == PRINTABLE_ONLY || tag != DER_UTF8))
        return "an attribute of the name has a string type that it may not have";
    if (a->value.body.len == 0)
        return "an attribute of the name is empty";
    if (k->max != 0 && characters(a->value.body) > k->max)
        return "an attribute of the name is too long";
    if (only_punctuation(a->value.body))
        return "an attribute of the name is only punctuation";
    for (size_t i = 0; i < a->value.body.len; i++)
        if (a->value.body.ptr[i] < ' ' || a->value.body.ptr[i] == 0x7f)
            return "an attribute of the name has control characters";
    return NULL;
}

const char *rv_subject_fault(struct rv_bytes der)
{
    struct rv_der name;
    struct rv_bytes rdn = {0};
    struct rv_attribute a;
    if (!rv_der_only(der, DER_SEQUENCE, &name))
        return "the name is no SEQUENCE";
    while (name.body.len > 0 || rdn.len > 0) {
        if (!rv_attribute_next(&name.body, &rdn, &a))
            return "the name has an empty or malformed part";
        const char *fault = value_fault(&a);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

static void escape(struct rv_buf *out, struct rv_bytes text)
{
    struct rv_buf plain RV_AUTO(rv_buf) = {0};
    rv_printable(&plain, (const char *)text.ptr, text.len);
    for (size_t i = 0; i < plain.len; i++) { /* RFC 4514 §2.4 */
        uint8_t c = plain.data[i];
        bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == plain.len && c == ' ');
        if (edge || strchr(",+\"\\<>;=", c) != NULL)
            rv_buf_add_byte(out, '\\');
        rv_buf_add_byte(out, c);
    }
}

/* BMPString to UTF-8, as far as old certificates have it. */
static void add_bmp(struct rv_buf *out, struct rv_bytes text)
{
    struct rv_buf utf8 RV_AUTO(rv_buf) = {0};
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        unsigned c = (unsigned)text.ptr[i] << 8 | text.ptr[i + 1];
        if (c < 0x80) {
            rv_buf_add_byte(&utf8, (uint8_t)c);
        } else if (c < 0x800) {
            rv_buf_add_byte(&utf8, (uint8_t)(0xc0 | c >> 6));
            rv_buf_add_byte(&utf8, (uint8_t)(0x80 | (c & 0x3f)));
        } else {
            rv_buf_add_byte(&utf8, (uint8_t)(0xe0 | c >> 12));
            rv_buf_add_byte(&utf8, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
            rv_buf_add_byte(&utf8, (uint8_t)(0x80 | (c & 0x3f)));
        }
    }
    escape(out, rv_buf_bytes(&utf8));
}

static void add_value(struct rv_buf *out, const struct rv_der *value)
{
    switch (value->tag) {
    case DER_BMP:
        add_bmp(out, value->body);
        break;
    case DER_UTF8:
    case DER_PRINTABLE:
    case DER_IA5:
    case DER_T61:
        escape(out, value->body);
        break;
    default:
        rv_buf_add_byte(out, '#'); /* RFC 4514 §2.4: the BER encoding in hex */
        rv_buf_add_hex(out, value->whole);
    }
}

#define TEXT_MAX 4096 /* more than that is shown to nobody */

const char *rv_subject_text(struct rv_bytes der, struct rv_arena *arena, const char **ret_cn)
{
    struct rv_der name;
    struct rv_bytes rdn = {0};
    struct rv_attribute a;
    struct rv_buf out RV_AUTO(rv_buf) = {0};
    const char *cn = NULL, *separator = "";
    char oid[80];
    if (rv_der_only(der, DER_SEQUENCE, &name))
        while (out.len < TEXT_MAX && rv_attribute_next(&name.body, &rdn, &a)) {
            const struct kind *k = kind_of(a.oid);
            rv_buf_printf(&out, "%s%s=", separator, k != NULL ? k->name : rv_der_oid_text(a.oid, oid, sizeof oid));
            size_t from = out.len;
            add_value(&out, &a.value);
            if (rv_bytes_equal(a.oid, rv_oid_common_name))
                cn = rv_arena_strdup(arena, rv_buf_text(&out) + from);
            separator = a.last_of_rdn ? "," : "+";
        }
    if (ret_cn != NULL)
        *ret_cn = cn;
    return rv_arena_strdup(arena, rv_buf_text(&out));
}

static void put_attribute(struct rv_buf *buf, struct rv_bytes oid, const char *text)
{
    size_t set = rv_der_open(buf, DER_SET), pair = rv_der_open(buf, DER_SEQUENCE);
    rv_der_put(buf, DER_OID, oid);
    rv_der_put_text(buf, DER_UTF8, text);
    rv_der_close(buf, pair);
    rv_der_close(buf, set);
}

void rv_subject_put(struct rv_buf *buf, const char *organization, const char *common_name)
{
    size_t mark = rv_der_open(buf, DER_SEQUENCE);
    if (organization != NULL)
        put_attribute(buf, OID("\x0a"), organization);
    if (common_name != NULL)
        put_attribute(buf, rv_oid_common_name, common_name);
    rv_der_close(buf, mark);
}
