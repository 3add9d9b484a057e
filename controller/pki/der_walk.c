/* What is DER (X.690 §8, §10, §11) and what only looks like it. Everything from outside goes through here before
 * anything else reads it, because decoders forgive too much. */
#include <stdio.h>

#include "base/text.h"
#include "pki/der_priv.h"

struct walk {
    unsigned elements;
};

bool rv_der_next(struct rv_bytes *rest, struct rv_der *ret)
{
    if (rest->len < 2)
        return false;
    const uint8_t *p = rest->ptr;
    size_t header = 2, len = p[1];
    if ((p[0] & 0x1f) == 0x1f) /* high-tag form: nothing that we read uses it */
        return false;
    if (len >= 0x80) {
        size_t n = len & 0x7f;
        if (n == 0 || n > 4 || rest->len < 2 + n || p[2] == 0) /* indefinite, absurd, or a leading zero */
            return false;
        len = 0;
        for (size_t i = 0; i < n; i++)
            len = len << 8 | p[2 + i];
        if (len < 0x80)
            return false;
        header += n;
    }
    if (len > rest->len - header)
        return false;
    *ret = (struct rv_der){p[0], RV_BYTES(p + header, len), RV_BYTES(p, header + len)};
    *rest = RV_BYTES(p + header + len, rest->len - header - len);
    return true;
}

bool rv_der_take(struct rv_bytes *rest, uint8_t tag, struct rv_der *ret)
{
    return rest->len > 0 && rest->ptr[0] == tag && rv_der_next(rest, ret);
}

bool rv_der_only(struct rv_bytes der, uint8_t tag, struct rv_der *ret)
{
    return rv_der_take(&der, tag, ret) && der.len == 0;
}

static const char *fault_integer(struct rv_bytes b)
{
    if (b.len == 0)
        return "an INTEGER is empty";
    if (b.len > 1 && ((b.ptr[0] == 0 && b.ptr[1] < 0x80) || (b.ptr[0] == 0xff && b.ptr[1] >= 0x80)))
        return "an INTEGER has superfluous leading octets";
    return NULL;
}

static const char *fault_bits(struct rv_bytes b)
{
    if (b.len == 0 || b.ptr[0] > 7 || (b.len == 1 && b.ptr[0] != 0))
        return "a BIT STRING has a wrong count of unused bits";
    if (b.ptr[0] != 0 && (b.ptr[b.len - 1] & ((1u << b.ptr[0]) - 1)) != 0)
        return "a BIT STRING has unused bits that are not zero";
    return NULL;
}

static const char *fault_oid(struct rv_bytes b)
{
    if (b.len == 0 || b.ptr[b.len - 1] >= 0x80)
        return "an OBJECT IDENTIFIER is cut off";
    bool start = true;
    unsigned octets = 0;
    for (size_t i = 0; i < b.len; i++) {
        if (start && b.ptr[i] == 0x80)
            return "an OBJECT IDENTIFIER has a padded arc";
        octets = start ? 1 : octets + 1;
        if (octets > 9)
            return "an OBJECT IDENTIFIER has an arc beyond 2^63";
        start = b.ptr[i] < 0x80;
    }
    return NULL;
}

static bool printable(uint8_t c) /* X.680 §41.4 */
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr(" '()+,-./:=?", c) != NULL);
}

static const char *fault_text(uint8_t tag, struct rv_bytes b)
{
    if (tag == DER_UTF8)
        return rv_utf8_valid((const char *)b.ptr, b.len) ? NULL : "a UTF8String is not UTF-8";
    for (size_t i = 0; i < b.len; i++) {
        if (tag == DER_PRINTABLE && !printable(b.ptr[i]))
            return "a PrintableString has a character that it may not have";
        if (tag == DER_IA5 && (b.ptr[i] >= 0x80 || b.ptr[i] == 0))
            return "an IA5String has a character that it may not have";
    }
    return NULL;
}

static const char *fault_primitive(uint8_t tag, struct rv_bytes b)
{
    rv_time t;
    switch (tag) {
    case DER_BOOLEAN:
        return b.len == 1 && (b.ptr[0] == 0 || b.ptr[0] == 0xff) ? NULL : "a BOOLEAN is neither 00 nor ff";
    case DER_INTEGER:
    case DER_ENUMERATED:
        return fault_integer(b);
    case DER_BIT_STRING:
        return fault_bits(b);
    case DER_NULL:
        return b.len == 0 ? NULL : "a NULL is not empty";
    case DER_OID:
        return fault_oid(b);
    case DER_UTF8:
    case DER_PRINTABLE:
    case DER_IA5:
        return fault_text(tag, b);
    case DER_UTC_TIME:
    case DER_GENERALIZED_TIME:
        return rv_der_time_read(&(struct rv_der){.tag = tag, .body = b}, &t) ? NULL : "a time is malformed";
    case DER_BMP:
        return b.len % 2 == 0 ? NULL : "a BMPString has an odd length";
    default:
        return NULL;
    }
}

/* X.690 §11.6: as octet strings, the shorter one padded with zeros. */
static bool in_order(struct rv_bytes a, struct rv_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = memcmp(a.ptr, b.ptr, n);
    if (c != 0)
        return c < 0;
    for (size_t i = n; i < a.len; i++)
        if (a.ptr[i] != 0)
            return false;
    return true;
}

static const char *fault_inside(struct walk *w, uint8_t parent, struct rv_bytes rest, int depth)
{
    if (depth > RV_DER_MAX_DEPTH)
        return "it is nested too deeply";
    struct rv_bytes before = {0};
    while (rest.len > 0) {
        struct rv_der e;
        if (++w->elements > RV_DER_MAX_ELEMENTS)
            return "it has too many elements";
        if (!rv_der_next(&rest, &e))
            return "a tag or length is not DER, or reaches past the end";
        uint8_t class = e.tag & 0xc0, number = e.tag & 0x1f;
        bool constructed = (e.tag & 0x20) != 0;
        if (class == 0) {
            if (number == 0)
                return "it has an end-of-contents octet";
            if (constructed != (number == 0x10 || number == 0x11))
                return constructed ? "a string is in pieces (BER)" : "a SEQUENCE or SET is primitive";
        }
        const char *fault = constructed  ? fault_inside(w, e.tag, e.body, depth + 1)
                            : class == 0 ? fault_primitive(e.tag, e.body)
                                         : NULL;
        if (fault != NULL)
            return fault;
        if (parent == DER_SET && before.len > 0 && !in_order(before, e.whole))
            return "a SET is not in order";
        before = e.whole;
    }
    return NULL;
}

const char *rv_der_fault(struct rv_bytes der)
{
    struct walk w = {0};
    struct rv_bytes rest = der;
    struct rv_der e;
    if (der.len == 0)
        return "it is empty";
    if (!rv_der_next(&rest, &e))
        return "a tag or length is not DER, or reaches past the end";
    if (rest.len > 0)
        return "bytes follow its end";
    return fault_inside(&w, 0, der, 0);
}

static bool digits(const uint8_t *p, size_t n, int *ret)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *ret = v;
    return true;
}

bool rv_der_time_read(const struct rv_der *e, rv_time *ret)
{
    size_t year_digits = e->tag == DER_UTC_TIME ? 2 : 4;
    if ((e->tag != DER_UTC_TIME && e->tag != DER_GENERALIZED_TIME) || e->body.len != year_digits + 11 ||
        e->body.ptr[e->body.len - 1] != 'Z')
        return false;
    const uint8_t *p = e->body.ptr;
    int year;
    struct rv_civil c;
    if (!digits(p, year_digits, &year))
        return false;
    p += year_digits;
    if (!digits(p, 2, &c.month) || !digits(p + 2, 2, &c.day) || !digits(p + 4, 2, &c.hour) || !digits(p + 6, 2, &c.minute) ||
        !digits(p + 8, 2, &c.second))
        return false;
    c.year = year_digits == 4 ? year : year < 50 ? 2000 + year : 1900 + year; /* RFC 5280 §4.1.2.5.1 */
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.hour > 23 || c.minute > 59 || c.second > 59)
        return false;
    rv_time t = rv_time_of_civil(&c);
    struct rv_civil back = rv_civil_of(t);
    if (back.day != c.day || back.month != c.month) /* 31 June */
        return false;
    *ret = t;
    return true;
}

bool rv_der_int_read(const struct rv_der *e, int64_t *ret)
{
    if (e->tag != DER_INTEGER || e->body.len == 0 || e->body.len > 8 || e->body.ptr[0] >= 0x80)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < e->body.len; i++)
        v = v << 8 | e->body.ptr[i];
    *ret = v;
    return true;
}

const char *rv_der_oid_text(struct rv_bytes oid, char *out, size_t size)
{
    size_t used = 0;
    uint64_t arc = 0;
    bool first = true;
    out[0] = 0;
    for (size_t i = 0; i < oid.len; i++) {
        arc = arc << 7 | (oid.ptr[i] & 0x7f);
        if (oid.ptr[i] >= 0x80)
            continue;
        uint64_t top = arc < 80 ? arc / 40 : 2;
        int n = first ? snprintf(out + used, size - used, "%u.%llu", (unsigned)top, (unsigned long long)(arc - top * 40))
                      : snprintf(out + used, size - used, ".%llu", (unsigned long long)arc);
        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
        first = false;
        arc = 0;
    }
    return out;
}
