#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

uint8_t *rv_buf_reserve(struct rv_buf *buf, size_t n)
{
    size_t want;
    if (__builtin_add_overflow(buf->len, n, &want) || __builtin_add_overflow(want, 1, &want))
        want = SIZE_MAX; /* rv_resize stops the process */
    if (want > buf->cap) {
        size_t cap = buf->cap < 64 ? 64 : buf->cap;
        while (cap < want)
            cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
        buf->data = rv_resize(buf->data, cap, 1);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

void rv_buf_fini(struct rv_buf *buf)
{
    rv_free(buf->data);
    *buf = (struct rv_buf){0};
}

void rv_buf_clear(struct rv_buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void rv_buf_add(struct rv_buf *buf, const void *p, size_t n)
{
    uint8_t *to = rv_buf_reserve(buf, n);
    if (n > 0)
        memcpy(to, p, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
}

void rv_buf_add_byte(struct rv_buf *buf, uint8_t b)
{
    uint8_t *to = rv_buf_reserve(buf, 1);
    to[0] = b;
    to[1] = '\0';
    buf->len++;
}

void rv_buf_add_text(struct rv_buf *buf, const char *s)
{
    rv_buf_add(buf, s, strlen(s));
}

void rv_buf_add_hex(struct rv_buf *buf, struct rv_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char two[3];
        rv_buf_add(buf, rv_hex(two, bytes.ptr + i, 1), 2);
    }
}

void rv_buf_printf(struct rv_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        vsnprintf((char *)rv_buf_reserve(buf, (size_t)n), (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

char *rv_buf_take(struct rv_buf *buf)
{
    if (buf->data == NULL)
        return rv_strndup("", 0);
    char *text = (char *)buf->data;
    *buf = (struct rv_buf){0};
    return text;
}

bool rv_hash_is_zero(const struct rv_hash *h)
{
    static const struct rv_hash zero;
    return rv_hash_equal(h, &zero);
}

char *rv_hex(char *out, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = '\0';
    return out;
}

char *rv_hash_hex(char out[static RV_HASH_TEXT], const struct rv_hash *h)
{
    return rv_hex(out, h->b, RV_HASH_SIZE);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool rv_unhex(void *out, size_t n, const char *text, size_t len)
{
    uint8_t *b = out;
    if (len / 2 != n || len % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (digit_of(text[2 * i]) < 0 || digit_of(text[2 * i + 1]) < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        b[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
    return true;
}

static const char alphabet[2][65] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

void rv_base64(struct rv_buf *out, struct rv_bytes in, bool url)
{
    const char *letters = alphabet[url];
    uint8_t *to = rv_buf_reserve(out, in.len / 3 * 4 + 4);
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        uint32_t v = (uint32_t)in.ptr[i] << 16 | (n > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0) | (n > 2 ? in.ptr[i + 2] : 0);
        const char four[4] = {letters[v >> 18], letters[v >> 12 & 63], n > 1 ? letters[v >> 6 & 63] : '=',
                              n > 2 ? letters[v & 63] : '='};
        memcpy(to, four, sizeof four);
        to += url ? n + 1 : 4;
    }
    *to = '\0';
    out->len = (size_t)(to - out->data);
}

/* Value of a letter, plus one; 0: none of the 62 that both alphabets share. */
static const uint8_t letter_values[256] = {
    ['A'] = 1, 2,  3,  4,  5,  6,          7,  8,  9,  10, 11,         12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22,        23, 24, 25, 26, ['a'] = 27, 28, 29, 30, 31, 32,         33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43,        44, 45, 46, 47, 48,         49, 50, 51, 52, ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
};

static int letter_value(char c, bool url)
{
    int known = letter_values[(uint8_t)c];
    return known != 0 ? known - 1 : c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

bool rv_unbase64(struct rv_buf *out, const char *text, size_t len, bool url)
{
    if (!url) {
        if (len % 4 != 0)
            return false;
        for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
            len--;
    }
    if (len % 4 == 1)
        return false;
    size_t start = out->len;
    uint8_t *to = rv_buf_reserve(out, len / 4 * 3 + 3);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        int v = letter_value(text[i], url);
        if (v < 0)
            goto bad;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *to++ = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    if (bits == 0) {
        *to = '\0';
        out->len = (size_t)(to - out->data);
        return true;
    }
bad:
    out->data[start] = '\0';
    return false;
}

struct rv_bytes rv_cursor_take(struct rv_cursor *c, size_t n)
{
    if (c->failed || (size_t)(c->end - c->at) < n) {
        c->failed = true;
        return RV_BYTES(NULL, 0);
    }
    struct rv_bytes b = RV_BYTES(c->at, n);
    c->at += n;
    return b;
}

uint64_t rv_cursor_be(struct rv_cursor *c, unsigned n)
{
    struct rv_bytes b = rv_cursor_take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.ptr[i];
    return v;
}

void rv_buf_add_be(struct rv_buf *buf, uint64_t v, unsigned n)
{
    while (n-- > 0)
        rv_buf_add_byte(buf, (uint8_t)(v >> (8 * n)));
}
