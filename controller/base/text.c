#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum rv_status rv_int_parse(const char *text, int64_t low, int64_t high, int64_t *ret, struct rv_error *err)
{
    bool negative = text[0] == '-';
    const char *at = text + negative;
    int64_t v = 0;
    bool ok = *at != '\0';
    for (; ok && *at != '\0'; at++)
        ok = *at >= '0' && *at <= '9' && !__builtin_mul_overflow(v, 10, &v) &&
             !(negative ? __builtin_sub_overflow(v, *at - '0', &v) : __builtin_add_overflow(v, *at - '0', &v));
    if (!ok || v < low || v > high)
        return rv_fail(err, RV_INVALID, "\"%.40s\" is not a whole number from %lld to %lld", text, (long long)low,
                       (long long)high);
    *ret = v;
    return RV_OK;
}

void rv_shell_quote(struct rv_buf *out, const char *s)
{
    rv_buf_add_byte(out, '\'');
    for (; *s != '\0'; s++) {
        if (*s == '\'')
            rv_buf_add_text(out, "'\\''");
        else
            rv_buf_add_byte(out, (uint8_t)*s);
    }
    rv_buf_add_byte(out, '\'');
}

/* Length of the UTF-8 sequence at s, 0 when it is broken; its code point in *ret. */
static size_t utf8_at(const char *s, size_t n, uint32_t *ret)
{
    const uint8_t *b = (const uint8_t *)s;
    size_t len = b[0] < 0x80                   ? 1
                 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
                 : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
                 : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? b[0] : b[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3f);
    }
    if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (len == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0;
    *ret = c;
    return len;
}

bool rv_utf8_valid(const char *s, size_t n)
{
    uint32_t c;
    for (size_t i = 0; i < n;) {
        size_t len = utf8_at(s + i, n - i, &c);
        if (len == 0 || c == 0)
            return false;
        i += len;
    }
    return true;
}

/* Invisible or direction-changing characters that make text lie (M-50). */
static bool deceptive(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x061c;
}

void rv_printable(struct rv_buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = utf8_at(s + i, n - i, &c);
        if (len > 0 && !deceptive(c)) {
            rv_buf_add(out, s + i, len);
            i += len;
            continue;
        }
        for (size_t k = 0; k < (len > 0 ? len : 1); k++, i++)
            rv_buf_printf(out, "\\x%02x", (unsigned)(uint8_t)s[i]);
    }
}

void rv_defang(char *s)
{
    for (size_t n = strlen(s); n > 0;) {
        uint32_t c = 0;
        size_t len = utf8_at(s, n, &c), step = len > 0 ? len : 1;
        if (len == 0 || deceptive(c))
            memset(s, *s == '\n' || *s == '\t' ? ' ' : '?', step);
        s += step;
        n -= step;
    }
}

bool rv_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool name_char(char c, bool inside)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (inside && (c == '-' || c == '.'));
}

bool rv_name_valid(const char *s)
{
    size_t n = strlen(s);
    if (n < 1 || n > 63 || !name_char(s[0], false) || !name_char(s[n - 1], false))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!name_char(s[i], true) || (s[i] == '.' && s[i + 1] == '.'))
            return false;
    return true;
}

enum rv_status rv_hostport_parse(const char *text, int default_port, char host[static 254], int *ret_port,
                                 struct rv_error *err)
{
    const char *start = text, *end, *port = NULL;
    if (text[0] == '[') {
        start = text + 1;
        end = strchr(start, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            goto bad;
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        const char *colon = strchr(text, ':');
        if (colon != NULL && strchr(colon + 1, ':') != NULL)
            goto bad; /* a bare IPv6 address: ambiguous */
        end = colon != NULL ? colon : text + strlen(text);
        port = colon != NULL ? colon + 1 : NULL;
    }
    size_t n = (size_t)(end - start);
    int64_t number = default_port;
    if (n == 0 || n > 253 || (port == NULL && default_port <= 0))
        goto bad;
    if (port != NULL && rv_int_parse(port, 1, 65535, &number, NULL) != RV_OK)
        goto bad;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)start[i] <= 0x20 || (unsigned char)start[i] >= 0x7f || strchr("/@'\"\\", start[i]) != NULL)
            goto bad;
    if (start[0] == '-')
        goto bad;
    memcpy(host, start, n);
    host[n] = '\0';
    *ret_port = (int)number;
    return RV_OK;
bad:
    return rv_fail(err, RV_INVALID, "\"%.80s\" is not an address: expected host:port or [IPv6]:port", text);
}
