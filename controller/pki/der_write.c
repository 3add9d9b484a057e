/* The writer. Lengths are put in place when an element is closed: what is inside moves by at most three octets. */
#include "pki/der_priv.h"

size_t rv_der_open(struct rv_buf *buf, uint8_t tag)
{
    rv_buf_add(buf, (uint8_t[]){tag, 0}, 2);
    return buf->len;
}

static size_t length_octets(size_t len)
{
    return len < 0x80 ? 0 : len <= 0xff ? 1 : len <= 0xffff ? 2 : len <= 0xffffff ? 3 : 4;
}

void rv_der_close(struct rv_buf *buf, size_t mark)
{
    size_t len = buf->len - mark, n = length_octets(len);
    if (n == 0) {
        buf->data[mark - 1] = (uint8_t)len;
        return;
    }
    static const uint8_t room[4];
    rv_buf_add(buf, room, n);
    memmove(buf->data + mark + n, buf->data + mark, len);
    buf->data[mark - 1] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++)
        buf->data[mark + i] = (uint8_t)(len >> (8 * (n - 1 - i)));
}

void rv_der_put(struct rv_buf *buf, uint8_t tag, struct rv_bytes body)
{
    size_t n = length_octets(body.len);
    uint8_t head[6] = {tag, (uint8_t)(n == 0 ? body.len : 0x80 | n)};
    for (size_t i = 0; i < n; i++)
        head[2 + i] = (uint8_t)(body.len >> (8 * (n - 1 - i)));
    rv_buf_add(buf, head, 2 + n);
    rv_buf_add(buf, body.ptr, body.len);
}

void rv_der_put_text(struct rv_buf *buf, uint8_t tag, const char *text)
{
    rv_der_put(buf, tag, rv_bytes_of(text));
}

void rv_der_raw(struct rv_buf *buf, struct rv_bytes whole)
{
    rv_buf_add(buf, whole.ptr, whole.len);
}

void rv_der_put_uint(struct rv_buf *buf, uint64_t v)
{
    uint8_t b[9] = {0};
    for (int i = 0; i < 8; i++)
        b[1 + i] = (uint8_t)(v >> (8 * (7 - i)));
    size_t skip = 0;
    while (skip < 8 && b[skip] == 0 && b[skip + 1] < 0x80)
        skip++;
    rv_der_put(buf, DER_INTEGER, RV_BYTES(b + skip, 9 - skip));
}

void rv_der_put_bits(struct rv_buf *buf, struct rv_bytes bits)
{
    size_t mark = rv_der_open(buf, DER_BIT_STRING);
    rv_buf_add_byte(buf, 0);
    rv_buf_add(buf, bits.ptr, bits.len);
    rv_der_close(buf, mark);
}

static void two(uint8_t *p, int v)
{
    p[0] = (uint8_t)('0' + v / 10);
    p[1] = (uint8_t)('0' + v % 10);
}

bool rv_der_put_time(struct rv_buf *buf, rv_time t)
{
    struct rv_civil c = rv_civil_of(t);
    if (c.year < 1950 || c.year > 9999)
        return false;
    bool utc = c.year <= 2049;
    uint8_t out[15];
    two(out, (int)(c.year / 100));
    two(out + 2, (int)(c.year % 100));
    two(out + 4, c.month);
    two(out + 6, c.day);
    two(out + 8, c.hour);
    two(out + 10, c.minute);
    two(out + 12, c.second);
    out[14] = 'Z';
    rv_der_put(buf, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, RV_BYTES(out + (utc ? 2 : 0), utc ? 13 : 15));
    return true;
}
