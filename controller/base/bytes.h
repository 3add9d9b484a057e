/* Bytes: a borrowed view, a growing buffer, a bounded cursor, and the text forms of bytes (hex, base64, PEM lives in
 * pki). Lengths are size_t and every sum is checked. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

struct rv_bytes { /* borrowed */
    const uint8_t *ptr;
    size_t len;
};
#define RV_BYTES(p, n) ((struct rv_bytes){(const uint8_t *)(p), (n)})
static inline struct rv_bytes rv_bytes_of(const char *s)
{
    return RV_BYTES(s, strlen(s));
}
static inline bool rv_bytes_equal(struct rv_bytes a, struct rv_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* A growing buffer, also the string builder: data is always followed by a NUL that len does not count. A zeroed one is
 * empty and ready. */
struct rv_buf {
    uint8_t *data;
    size_t len, cap;
};
void rv_buf_fini(struct rv_buf *buf);
void rv_buf_clear(struct rv_buf *buf);                 /* keeps the memory */
uint8_t *rv_buf_reserve(struct rv_buf *buf, size_t n); /* room for n more; where they go */
void rv_buf_add(struct rv_buf *buf, const void *p, size_t n);
void rv_buf_add_byte(struct rv_buf *buf, uint8_t b);
void rv_buf_add_text(struct rv_buf *buf, const char *s);
void rv_buf_add_hex(struct rv_buf *buf, struct rv_bytes bytes);
void rv_buf_printf(struct rv_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline struct rv_bytes rv_buf_bytes(const struct rv_buf *buf)
{
    return RV_BYTES(buf->data, buf->len);
}
static inline const char *rv_buf_text(const struct rv_buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}
/* The text, given to the caller (rv_free); the buffer is empty afterwards. */
char *rv_buf_take(struct rv_buf *buf);
static inline void rv_auto_rv_buf(struct rv_buf *buf)
{
    rv_buf_fini(buf);
}

/* SHA-256 of something, the way Reeve names certificates, keys and specifications. */
#define RV_HASH_SIZE 32
struct rv_hash {
    uint8_t b[RV_HASH_SIZE];
};
#define RV_HASH_TEXT (2 * RV_HASH_SIZE + 1)
static inline bool rv_hash_equal(const struct rv_hash *a, const struct rv_hash *b)
{
    return memcmp(a->b, b->b, RV_HASH_SIZE) == 0;
}
bool rv_hash_is_zero(const struct rv_hash *h);

/* Lower-case hex into out (2 n + 1 bytes); returns out. */
char *rv_hex(char *out, const void *p, size_t n);
char *rv_hash_hex(char out[static RV_HASH_TEXT], const struct rv_hash *h);
/* Strict: exactly 2 n digits, either case, no separators. */
RV_MUST_CHECK bool rv_unhex(void *out, size_t n, const char *text, size_t len);

/* RFC 4648 §4 (padded) and §5 (url: no padding). Decoding is canonical: bad length, stray bits, padding where none
 * belongs or any other character is refused. Whitespace is refused too. */
void rv_base64(struct rv_buf *out, struct rv_bytes in, bool url);
RV_MUST_CHECK bool rv_unbase64(struct rv_buf *out, const char *text, size_t len, bool url);

/* Reads from a view and never past its end. After one failure everything fails. */
struct rv_cursor {
    const uint8_t *at, *end;
    bool failed;
};
static inline struct rv_cursor rv_cursor_of(struct rv_bytes b)
{
    return (struct rv_cursor){b.ptr, b.ptr + b.len, false};
}
uint64_t rv_cursor_be(struct rv_cursor *c, unsigned n); /* n big-endian bytes, 1 to 8; 0 on failure */
struct rv_bytes rv_cursor_take(struct rv_cursor *c, size_t n);
void rv_buf_add_be(struct rv_buf *buf, uint64_t v, unsigned n);
