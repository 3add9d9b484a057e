#include "signer/protocol.h"

#include "base/text.h"

#define HEAD_SIZE 9 /* length, kind, id */

enum rv_status rv_signer_frame_length(struct rv_bytes in, size_t *ret, struct rv_error *err)
{
    *ret = 0;
    if (in.len < 4)
        return RV_OK;
    struct rv_cursor c = rv_cursor_of(in);
    size_t total = 4 + (size_t)rv_cursor_be(&c, 4);
    if (total < HEAD_SIZE || total > RV_SIGNER_FRAME_MAX)
        return rv_fail(err, RV_INVALID, "a frame of %zu bytes: expected %d to %zu", total, HEAD_SIZE, RV_SIGNER_FRAME_MAX);
    *ret = total;
    return RV_OK;
}

/* ---- writing ---- */

static void add_text(struct rv_buf *out, const char *s)
{
    size_t n = strlen(s);
    rv_buf_add_be(out, n, 2);
    rv_buf_add(out, s, n);
}

static void add_bytes(struct rv_buf *out, struct rv_bytes b)
{
    rv_buf_add_be(out, b.len, 4);
    rv_buf_add(out, b.ptr, b.len);
}

static size_t begin(struct rv_buf *out, unsigned kind, uint32_t id)
{
    size_t start = out->len;
    rv_buf_add_be(out, 0, 4);
    rv_buf_add_byte(out, (uint8_t)kind);
    rv_buf_add_be(out, id, 4);
    return start;
}

static void end(struct rv_buf *out, size_t start)
{
    size_t n = out->len - start - 4;
    for (int i = 0; i < 4; i++)
        out->data[start + (size_t)i] = (uint8_t)(n >> (24 - 8 * i));
}

void rv_signer_request_encode(const struct rv_signer_request *request, struct rv_buf *out)
{
    size_t start = begin(out, request->kind, request->id);
    if (request->kind != RV_SIGNER_PING)
        add_text(out, request->issuer);
    if (request->kind == RV_SIGNER_SETUP)
        rv_buf_add_be(out, (uint64_t)request->now, 8);
    if (request->kind == RV_SIGNER_JOURNAL)
        add_text(out, request->serial);
    if (request->kind == RV_SIGNER_SIGN) {
        rv_buf_add_be(out, request->count, 2);
        for (size_t i = 0; i < request->count; i++) {
            add_text(out, request->items[i].profile);
            add_bytes(out, request->items[i].tbs);
        }
    }
    end(out, start);
}

static void add_status(struct rv_buf *out, enum rv_status status, const struct rv_error *err)
{
    rv_buf_add_byte(out, (uint8_t)status);
    if (status == RV_OK)
        return;
    add_text(out, err->where);
    add_text(out, err->message);
    add_text(out, err->hint);
}

void rv_signer_reply_encode(const struct rv_signer_reply *reply, struct rv_buf *out)
{
    size_t start = begin(out, reply->kind | RV_SIGNER_REPLY, reply->id);
    add_status(out, reply->status, &reply->err);
    if (reply->status == RV_OK && reply->kind == RV_SIGNER_SETUP)
        add_bytes(out, reply->chain_pem);
    if (reply->status == RV_OK && reply->kind == RV_SIGNER_JOURNAL)
        rv_buf_add(out, reply->tbs.b, sizeof reply->tbs.b);
    if (reply->status == RV_OK && reply->kind == RV_SIGNER_SIGN) {
        rv_buf_add_be(out, reply->count, 2);
        for (size_t i = 0; i < reply->count; i++) {
            const struct rv_sign_item *item = &reply->items[i];
            add_status(out, item->status, &item->err);
            if (item->status == RV_OK)
                add_bytes(out, rv_buf_bytes(&item->signature));
        }
    }
    end(out, start);
}

/* ---- reading ---- */

static void take_text(struct rv_cursor *c, char *out, size_t size)
{
    size_t n = (size_t)rv_cursor_be(c, 2);
    if (n >= size)
        c->failed = true;
    struct rv_bytes b = rv_cursor_take(c, n);
    if (c->failed || (n > 0 && !rv_utf8_valid((const char *)b.ptr, n))) { /* which refuses NUL */
        c->failed = true;
        n = 0;
    }
    if (n > 0)
        memcpy(out, b.ptr, n);
    out[n] = '\0';
}

static struct rv_bytes take_bytes(struct rv_cursor *c, size_t limit)
{
    size_t n = (size_t)rv_cursor_be(c, 4);
    if (n > limit)
        c->failed = true;
    return rv_cursor_take(c, n);
}

static struct rv_cursor open_frame(struct rv_bytes frame, unsigned *ret_kind, uint32_t *ret_id)
{
    struct rv_cursor c = rv_cursor_of(frame);
    if (rv_cursor_be(&c, 4) != frame.len - 4)
        c.failed = true;
    *ret_kind = (unsigned)rv_cursor_be(&c, 1);
    *ret_id = (uint32_t)rv_cursor_be(&c, 4);
    return c;
}

static enum rv_status close_frame(const struct rv_cursor *c, const char *what, struct rv_error *err)
{
    if (c->failed || c->at != c->end)
        return rv_fail(err, RV_INVALID, "a %s that does not follow the signer's protocol", what);
    return RV_OK;
}

enum rv_status rv_signer_request_decode(struct rv_bytes frame, struct rv_signer_request *ret, struct rv_error *err)
{
    struct rv_signer_request r = {.items = ret->items};
    unsigned kind;
    struct rv_cursor c = open_frame(frame, &kind, &r.id);
    if (kind < RV_SIGNER_PING || kind > RV_SIGNER_JOURNAL)
        return rv_fail(err, RV_INVALID, "a request of kind %u: this signer knows ping, setup, sign and journal", kind);
    r.kind = (enum rv_signer_kind)kind;
    if (r.kind != RV_SIGNER_PING) {
        take_text(&c, r.issuer, sizeof r.issuer);
        if (!c.failed && !rv_name_valid(r.issuer)) /* it becomes part of a path */
            return rv_fail(err, RV_INVALID, "an issuer name of other than letters, digits, '-' and '.'");
    }
    if (r.kind == RV_SIGNER_SETUP) {
        uint64_t now = rv_cursor_be(&c, 8);
        c.failed |= now > INT64_MAX;
        r.now = (rv_time)now;
    }
    if (r.kind == RV_SIGNER_JOURNAL)
        take_text(&c, r.serial, sizeof r.serial);
    if (r.kind == RV_SIGNER_SIGN) {
        r.count = (size_t)rv_cursor_be(&c, 2);
        if (!c.failed && (r.count == 0 || r.count > RV_SIGNER_BATCH))
            return rv_fail(err, RV_INVALID, "%zu certificates in one request: expected 1 to %d", r.count, RV_SIGNER_BATCH);
        for (size_t i = 0; i < r.count && !c.failed; i++) {
            take_text(&c, r.items[i].profile, sizeof r.items[i].profile);
            r.items[i].tbs = take_bytes(&c, RV_SIGNER_TBS_MAX);
        }
    }
    enum rv_status status = close_frame(&c, "request", err);
    if (status == RV_OK)
        *ret = r;
    return status;
}

static enum rv_status take_status(struct rv_cursor *c, struct rv_error *ret)
{
    unsigned status = (unsigned)rv_cursor_be(c, 1);
    if (status >= RV_STATUS_COUNT)
        c->failed = true;
    if (c->failed || status == RV_OK)
        return RV_OK;
    char where[sizeof ret->where], message[sizeof ret->message], hint[sizeof ret->hint];
    take_text(c, where, sizeof where);
    take_text(c, message, sizeof message);
    take_text(c, hint, sizeof hint);
    /* Through the error functions, which take the control characters out. */
    rv_fail(ret, (enum rv_status)status, "%s", message);
    rv_error_where(ret, (enum rv_status)status, "%s", where);
    rv_error_hint(ret, (enum rv_status)status, "%s", hint);
    return (enum rv_status)status;
}

static void take_items(struct rv_cursor *c, struct rv_signer_reply *r)
{
    size_t count = (size_t)rv_cursor_be(c, 2);
    c->failed |= count != r->count;
    for (size_t i = 0; i < r->count && !c->failed; i++) {
        struct rv_sign_item *item = &r->items[i];
        item->status = take_status(c, &item->err);
        if (item->status != RV_OK || c->failed)
            continue;
        struct rv_bytes signature = take_bytes(c, 1024);
        rv_buf_clear(&item->signature);
        rv_buf_add(&item->signature, signature.ptr, signature.len);
    }
}

enum rv_status rv_signer_reply_decode(struct rv_bytes frame, struct rv_signer_reply *ret, struct rv_error *err)
{
    struct rv_signer_reply r = {.items = ret->items, .count = ret->count};
    unsigned kind;
    struct rv_cursor c = open_frame(frame, &kind, &r.id);
    if ((kind & RV_SIGNER_REPLY) == 0)
        c.failed = true;
    r.kind = (enum rv_signer_kind)(kind & ~(unsigned)RV_SIGNER_REPLY);
    r.status = take_status(&c, &r.err);
    if (r.status == RV_OK && !c.failed) {
        if (r.kind == RV_SIGNER_SETUP)
            r.chain_pem = take_bytes(&c, 64 * 1024);
        if (r.kind == RV_SIGNER_JOURNAL) {
            struct rv_bytes hash = rv_cursor_take(&c, RV_HASH_SIZE);
            if (!c.failed)
                memcpy(r.tbs.b, hash.ptr, RV_HASH_SIZE);
        }
        if (r.kind == RV_SIGNER_SIGN)
            take_items(&c, &r);
    }
    enum rv_status status = close_frame(&c, "reply", err);
    if (status == RV_OK)
        *ret = r;
    return status;
}
