/* From bytes to a request. The header is collected and looked at as raw bytes first, since llhttp forgives what must be
 * refused (and each version something else); then llhttp reads it in one piece, and the body as it comes. */
#include <string.h>

#include "rt/http_priv.h"

/* An encoding of one byte a chunk is six times the body. */
#define FRAMING_FACTOR 8
#define FRAMING_SLACK 65536

enum http_parsed http_refuse(struct http_parser *p, int status, const char *why)
{
    if (p->status == 0) {
        p->status = status;
        p->why = why;
    }
    return PARSED_REFUSED;
}

/* What llhttp calls. A return other than 0 stops it; p->status then says more. */

static struct http_parser *of(llhttp_t *llhttp)
{
    return llhttp->data;
}

/* The whole header is in one piece, so a span that comes in several calls is contiguous. */
static void extend(struct rv_bytes *span, const char *at, size_t n)
{
    if (span->ptr == NULL)
        span->ptr = (const uint8_t *)at;
    span->len = (size_t)((const uint8_t *)at + n - span->ptr);
}

static int on_url(llhttp_t *llhttp, const char *at, size_t n)
{
    extend(&of(llhttp)->url, at, n);
    return 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t n)
{
    struct http_parser *p = of(llhttp);
    if (p->in_body) {
        http_refuse(p, 400, "trailer fields are not accepted");
        return HPE_USER;
    }
    extend(&p->name, at, n);
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t n)
{
    extend(&of(llhttp)->value, at, n);
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *p = of(llhttp);
    if (p->header_count == (size_t)p->limits->fields) {
        http_refuse(p, 431, "too many header fields");
        return HPE_USER;
    }
    char *name = rv_arena_strndup(p->arena, (const char *)p->name.ptr, p->name.len);
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    size_t n = p->value.len;
    while (n > 0 && (p->value.ptr[n - 1] == ' ' || p->value.ptr[n - 1] == '\t'))
        n--;
    p->headers[p->header_count++] =
        (struct rv_http_header){name, n == 0 ? "" : rv_arena_strndup(p->arena, (const char *)p->value.ptr, n)};
    p->name = p->value = (struct rv_bytes){0};
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *p = of(llhttp);
    p->keep_alive = llhttp_should_keep_alive(llhttp);
    llhttp->upgrade = 0; /* RFC 9110 §7.8: an upgrade may be ignored, and here always is */
    if (!http_check_head(p))
        return -1;
    if (!p->chunked && llhttp->content_length > p->limits->body) {
        http_refuse(p, 413, "the body is larger than this server accepts");
        return -1;
    }
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
    struct http_parser *p = of(llhttp);
    if (n > p->limits->body - p->body.len) {
        http_refuse(p, 413, "the body is larger than this server accepts");
        return HPE_USER;
    }
    rv_buf_add(&p->body, at, n);
    return 0;
}

static int on_chunk_header(llhttp_t *llhttp)
{
    struct http_parser *p = of(llhttp);
    if (llhttp->content_length <= p->limits->body - p->body.len)
        return 0;
    http_refuse(p, 413, "the body is larger than this server accepts");
    return -1;
}

static int on_chunk_extension(llhttp_t *llhttp, const char *at, size_t n)
{
    (void)at;
    (void)n;
    http_refuse(of(llhttp), 400, "chunk extensions are not accepted");
    return HPE_USER;
}

static int on_message_complete(llhttp_t *llhttp)
{
    of(llhttp)->complete = true;
    return HPE_PAUSED; /* what follows belongs to the next request */
}

static llhttp_settings_t settings;

__attribute__((constructor)) static void settings_init(void)
{
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_header_field;
    settings.on_header_value = on_header_value;
    settings.on_header_value_complete = on_header_value_complete;
    settings.on_headers_complete = on_headers_complete;
    settings.on_chunk_extension_name = on_chunk_extension;
    settings.on_chunk_header = on_chunk_header;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
}

/* Feeds llhttp and says how much it took. */
static enum http_parsed feed(struct http_parser *p, struct rv_bytes in, size_t *ret_used)
{
    const char *at = (const char *)in.ptr;
    llhttp_errno_t error = llhttp_execute(&p->llhttp, at, in.len);
    *ret_used = in.len;
    if (error == HPE_OK)
        return PARSED_MORE;
    if (error == HPE_PAUSED && p->complete) {
        *ret_used = (size_t)(llhttp_get_error_pos(&p->llhttp) - at);
        return PARSED_DONE;
    }
    return http_refuse(p, 400, llhttp_get_error_reason(&p->llhttp));
}

/* The header as raw bytes */

enum scan { SCAN_MORE, SCAN_END, SCAN_REFUSED };

/* One byte at p->scanned; the rules are RFC 9112 §2.2, §5.1, §5.2 without their tolerance. */
static enum scan scan_byte(struct http_parser *p, const uint8_t *in)
{
    size_t i = p->scanned;
    uint8_t c = in[i];
    bool after_cr = i > p->line_start && in[i - 1] == '\r';
    if (after_cr != (c == '\n')) {
        http_refuse(p, 400, after_cr ? "a carriage return without a line feed" : "a line feed without a carriage return");
        return SCAN_REFUSED;
    }
    if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
        http_refuse(p, 400, "a control character in the header");
        return SCAN_REFUSED;
    }
    if (i == p->line_start && (c == ' ' || c == '\t' || c == ':')) {
        http_refuse(p, 400, c == ':' ? "a header field without a name" : "a line that begins with a blank");
        return SCAN_REFUSED;
    }
    if (c != '\n')
        return SCAN_MORE;

    size_t length = i - 1 - p->line_start;
    const char *line = (const char *)in + p->line_start;
    p->line_start = i + 1;
    if (p->lines++ == 0)
        return http_check_request_line(p, line, length) ? SCAN_MORE : SCAN_REFUSED;
    if (length == 0)
        return SCAN_END;
    if (p->lines > (size_t)p->limits->fields + 1) {
        http_refuse(p, 431, "too many header fields");
        return SCAN_REFUSED;
    }
    return http_check_field_line(p, line, length) ? SCAN_MORE : SCAN_REFUSED;
}

static enum scan scan(struct http_parser *p, struct rv_bytes in)
{
    for (; p->scanned < in.len; p->scanned++) {
        if (p->lines == 0 && p->scanned > p->limits->target + 32) {
            http_refuse(p, 414, "the request target is too long");
            return SCAN_REFUSED;
        }
        if (p->scanned >= p->limits->header_block) {
            http_refuse(p, 431, "the header is too large");
            return SCAN_REFUSED;
        }
        enum scan result = scan_byte(p, in.ptr);
        if (result != SCAN_MORE) {
            p->scanned++;
            return result;
        }
    }
    return SCAN_MORE;
}

static enum http_parsed parse_head(struct http_parser *p, struct rv_bytes in, size_t *ret_used)
{
    *ret_used = 0;
    switch (scan(p, in)) {
    case SCAN_MORE:
        return PARSED_MORE;
    case SCAN_REFUSED:
        return PARSED_REFUSED;
    case SCAN_END:
        break;
    }
    p->arena = rv_arena_create();
    p->headers = rv_arena_alloc(p->arena, (p->lines + 1) * sizeof *p->headers);
    enum http_parsed parsed = feed(p, RV_BYTES(in.ptr, p->scanned), ret_used);
    p->url = p->name = p->value = (struct rv_bytes){0}; /* they point into what the caller is about to move */
    if (parsed == PARSED_REFUSED)
        return parsed;
    if (*ret_used != p->scanned || p->path == NULL) /* it sees another end than we do */
        return http_refuse(p, 400, "the header is malformed");
    p->in_body = true;
    return parsed == PARSED_DONE ? PARSED_DONE : PARSED_HEAD;
}

static void keep_tail(struct http_parser *p, struct rv_bytes used)
{
    size_t n = used.len < sizeof p->tail ? used.len : sizeof p->tail;
    memmove(p->tail, p->tail + n, sizeof p->tail - n);
    memcpy(p->tail + sizeof p->tail - n, used.ptr + used.len - n, n);
}

static enum http_parsed parse_body(struct http_parser *p, struct rv_bytes in, size_t *ret_used)
{
    enum http_parsed parsed = feed(p, in, ret_used);
    if (!p->chunked || parsed == PARSED_REFUSED)
        return parsed;
    p->raw += *ret_used;
    if (p->raw > p->limits->body * FRAMING_FACTOR + FRAMING_SLACK)
        return http_refuse(p, 413, "the body is larger than this server accepts");
    keep_tail(p, RV_BYTES(in.ptr, *ret_used));
    if (parsed == PARSED_DONE && memcmp(p->tail, "\r\n\r\n", 4) != 0)
        return http_refuse(p, 400, "the end of the body is malformed");
    return parsed;
}

enum http_parsed http_parse(struct http_parser *p, struct rv_bytes in, size_t *ret_used)
{
    return p->in_body ? parse_body(p, in, ret_used) : parse_head(p, in, ret_used);
}

void http_parser_init(struct http_parser *p, const struct rv_http_limits *limits, bool encoded_slash)
{
    *p = (struct http_parser){.limits = limits, .encoded_slash = encoded_slash};
    llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
    p->llhttp.data = p;
}

void http_parser_reset(struct http_parser *p)
{
    rv_arena_destroy(p->arena);
    rv_buf_fini(&p->body);
    http_parser_init(p, p->limits, p->encoded_slash);
}
