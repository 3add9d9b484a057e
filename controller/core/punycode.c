#include "core/punycode.h"

#include <stdint.h>
#include <string.h>

/* RFC 3492 §5 */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

static uint32_t adapt(uint32_t delta, uint32_t points, bool first) /* RFC 3492 §6.1 */
{
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    uint32_t k = 0;
    for (; delta > ((BASE - TMIN) * TMAX) / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static int digit_of(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' : c >= '0' && c <= '9' ? c - '0' + 26 : -1;
}

/* Code points that no U-label contains: controls, spaces, capitals of Latin-1, invisible and direction marks, surrogates,
 * private use, non-characters, and the full-width and compatibility forms of ASCII and of the dot. */
static bool never_in_a_label(uint32_t c)
{
    static const struct {
        uint32_t low, high;
    } ranges[] = {{0x80, 0xb6},     {0xb8, 0xde},     {0xf7, 0xf7},       {0x2000, 0x200b},   {0x200e, 0x206f},
                  {0x3000, 0x3004}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
                  {0xff00, 0xff64}, {0xfff0, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].low && c <= ranges[i].high)
            return true;
    return (c & 0xfffe) == 0xfffe;
}

bool rv_punycode_valid(const char *text, size_t len)
{
    const char *hyphen = memrchr(text, '-', len);
    uint32_t points = hyphen == NULL ? 0 : (uint32_t)(hyphen - text);
    size_t at = hyphen == NULL ? 0 : points + 1;
    if (at >= len || hyphen == text) /* nothing outside ASCII, or a delimiter without anything before it */
        return false;
    uint32_t n = INITIAL_N, i = 0, bias = INITIAL_BIAS;
    while (at < len) { /* RFC 3492 §6.2 */
        uint32_t before = i, weight = 1;
        for (uint32_t k = BASE;; k += BASE) {
            int digit = at < len ? digit_of(text[at++]) : -1;
            uint32_t step;
            if (digit < 0 || __builtin_mul_overflow((uint32_t)digit, weight, &step) || __builtin_add_overflow(i, step, &i))
                return false;
            uint32_t limit = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
            if ((uint32_t)digit < limit)
                break;
            if (__builtin_mul_overflow(weight, BASE - limit, &weight))
                return false;
        }
        points++;
        bias = adapt(i - before, points, before == 0);
        if (__builtin_add_overflow(n, i / points, &n) || n > 0x10ffff || never_in_a_label(n))
            return false;
        i = i % points + 1;
    }
    return true;
}
