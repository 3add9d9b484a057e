/* DER: a strict walker, a cursor for bytes that passed it, and a small writer. The walker decides what is DER; the cursor
 * is safe on any bytes, but means something only behind the walker. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8 = 0x0c,
    DER_PRINTABLE = 0x13,
    DER_T61 = 0x14,
    DER_IA5 = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(n) ((uint8_t)(0x80 | (n)))             /* [n] IMPLICIT of a primitive */
#define DER_CONTEXT_CONSTRUCTED(n) ((uint8_t)(0xa0 | (n))) /* [n] of a constructed type, or EXPLICIT */

#define RV_DER_MAX_DEPTH 32 /* M-20 */
#define RV_DER_MAX_ELEMENTS 65536

/* NULL when the bytes are exactly one DER element and every universal type inside is canonical; else what is wrong, in
 * static text. What OCTET STRINGs and primitive context tags hold is not looked into. */
const char *rv_der_fault(struct rv_bytes der);

struct rv_der {
    uint8_t tag;
    struct rv_bytes body, whole;
};
/* Takes the next element off. False at the end and on a bad header. */
bool rv_der_next(struct rv_bytes *rest, struct rv_der *ret);
/* The same, when the next element has this tag; otherwise false and nothing is taken. */
bool rv_der_take(struct rv_bytes *rest, uint8_t tag, struct rv_der *ret);
/* The one element that der consists of. */
bool rv_der_only(struct rv_bytes der, uint8_t tag, struct rv_der *ret);
/* UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 wants them; false for anything else. */
bool rv_der_time_read(const struct rv_der *element, rv_time *ret);
/* A non-negative INTEGER that fits. */
bool rv_der_int_read(const struct rv_der *element, int64_t *ret);
/* Dotted text of OID contents, cut at the size. Returns out. */
const char *rv_der_oid_text(struct rv_bytes oid, char *out, size_t size);

/* Writing: open, write what is inside, close with the mark; the length is put in place at close. */
size_t rv_der_open(struct rv_buf *buf, uint8_t tag);
void rv_der_close(struct rv_buf *buf, size_t mark);
void rv_der_put(struct rv_buf *buf, uint8_t tag, struct rv_bytes body);
void rv_der_put_text(struct rv_buf *buf, uint8_t tag, const char *text);
void rv_der_raw(struct rv_buf *buf, struct rv_bytes whole);
void rv_der_put_uint(struct rv_buf *buf, uint64_t v);
void rv_der_put_bits(struct rv_buf *buf, struct rv_bytes bits); /* BIT STRING without unused bits */
/* UTCTime up to 2049, GeneralizedTime from 2050; 1950 to 9999 only. */
bool rv_der_put_time(struct rv_buf *buf, rv_time t);

/* Constant DER, written as a string literal. */
#define DER_BYTES(literal) RV_BYTES(literal, sizeof(literal) - 1)
