/* What a request must be beyond its grammar: RFC 9112 §3, §6, §7 read strictly (M-24). Nothing is repaired. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "rt/http_priv.h"

static bool refuse(struct http_parser *p, int status, const char *why)
{
    http_refuse(p, status, why);
    return false;
}

/* As soon as the line is there, so that nobody waits for the rest of something that is not HTTP/1.x. */
bool http_check_request_line(struct http_parser *p, const char *line, size_t n)
{
    const char *space = memchr(line, ' ', n);
    if (space == NULL)
        return refuse(p, 400, "the request line is malformed");
    const char *target = space + 1, *end = line + n;
    const char *second = memchr(target, ' ', (size_t)(end - target));
    if (second == NULL || second == target || memchr(second + 1, ' ', (size_t)(end - second - 1)) != NULL)
        return refuse(p, 400, "the request line is malformed");
    size_t version = (size_t)(end - second - 1);
    if (version != 8 || memcmp(second + 1, "HTTP/", 5) != 0)
        return refuse(p, 400, "the request line is malformed");
    if (memcmp(second + 6, "1.1", 3) != 0 && memcmp(second + 6, "1.0", 3) != 0)
        return refuse(p, 505, "the version of HTTP is not spoken here");
    p->http10 = second[8] == '0';
    if ((size_t)(second - target) > p->limits->target)
        return refuse(p, 414, "the request target is too long");
    if (!rv_http_method_find(line, (size_t)(space - line), &p->method))
        return refuse(p, 501, "the method is not known here");
    return true;
}

/* RFC 9112 §5.1: a token, and no blank before the colon. */
bool http_check_field_line(struct http_parser *p, const char *line, size_t n)
{
    static const char punctuation[] = "!#$%&'*+-.^_`|~";
    const char *colon = memchr(line, ':', n);
    if (colon == NULL)
        return refuse(p, 400, "a header field without a colon");
    for (const char *c = line; c < colon; c++)
        if (!isalnum((unsigned char)*c) && (*c == '\0' || strchr(punctuation, *c) == NULL))
            return refuse(p, 400, "the name of a header field is malformed");
    return true;
}

static const char *header(const struct http_parser *p, const char *name, size_t *ret_count)
{
    const char *value = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < p->header_count; i++)
        if (strcmp(p->headers[i].name, name) == 0) {
            if (value == NULL)
                value = p->headers[i].value;
            ++*ret_count;
        }
    return value;
}

/* A second one of these is read differently by different programs. */
static bool check_once(struct http_parser *p)
{
    static const char *const once[] = {"host",
                                       "content-length",
                                       "transfer-encoding",
                                       "content-type",
                                       "content-encoding",
                                       "expect",
                                       "authorization",
                                       "origin",
                                       "referer",
                                       "cookie",
                                       "range",
                                       "idempotency-key",
                                       "last-event-id"};
    for (size_t i = 0; i < RV_COUNT(once); i++) {
        size_t count;
        header(p, once[i], &count);
        if (count > 1)
            return refuse(p, 400, strcmp(once[i], "host") == 0 ? "more than one Host" : "a header field is there twice");
    }
    return true;
}

/* RFC 9112 §6.1, §6.3: how long the body is must be said in exactly one way. */
static bool check_framing(struct http_parser *p)
{
    size_t lengths, encodings;
    const char *length = header(p, "content-length", &lengths), *encoding = header(p, "transfer-encoding", &encodings);
    if (encodings > 0 && lengths > 0)
        return refuse(p, 400, "Content-Length together with Transfer-Encoding");
    if (encodings > 0 && (p->http10 || strcasecmp(encoding, "chunked") != 0))
        return refuse(p, p->http10 ? 400 : 501, "the only Transfer-Encoding is chunked, in HTTP/1.1");
    if (lengths > 0 && (length[0] == '\0' || strlen(length) > 15 || strspn(length, "0123456789") != strlen(length)))
        return refuse(p, strlen(length) > 15 ? 413 : 400, "Content-Length is not a number that makes sense");
    p->chunked = encodings > 0;
    return true;
}

static bool check_body_words(struct http_parser *p)
{
    size_t count;
    const char *encoding = header(p, "content-encoding", &count);
    if (count > 0 && strcasecmp(encoding, "identity") != 0)
        return refuse(p, 415, "compressed bodies are not accepted");
    const char *expect = header(p, "expect", &count);
    if (count > 0 && strcasecmp(expect, "100-continue") != 0)
        return refuse(p, 417, "the only expectation that can be met is 100-continue");
    p->expects = count > 0 && !p->http10;
    return true;
}

/* host, host:port, [address]:port; nothing else, above all no user part and no path (RFC 9112 §3.2). */
static bool authority_valid(const char *s, size_t n)
{
    size_t i = 0;
    if (n > 0 && s[0] == '[') {
        const char *close = memchr(s, ']', n);
        if (close == NULL || close == s + 1)
            return false;
        for (i = 1; s + i < close; i++)
            if (!isxdigit((unsigned char)s[i]) && s[i] != ':' && s[i] != '.')
                return false;
        i++;
    } else {
        while (i < n && (isalnum((unsigned char)s[i]) || s[i] == '.' || s[i] == '-' || s[i] == '_'))
            i++;
        if (i == 0)
            return false;
    }
    if (i == n)
        return true;
    if (s[i] != ':' || n - i > 6 || n - i < 2)
        return false;
    for (i++; i < n; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return true;
}

/* HTTP/1.0 clients may leave it out (openssl ocsp does). */
static bool check_host(struct http_parser *p, struct rv_bytes authority)
{
    size_t count;
    const char *host = header(p, "host", &count);
    if (count == 0 && !p->http10)
        return refuse(p, 400, "no Host");
    if (count > 0 && !authority_valid(host, strlen(host)))
        return refuse(p, 400, "Host is malformed");
    if (authority.ptr == NULL)
        return true;
    if (count == 0 || strlen(host) != authority.len || strncasecmp(host, (const char *)authority.ptr, authority.len) != 0)
        return refuse(p, 400, "the request target names another host than Host");
    return true;
}

static bool has_escape(const char *s, size_t n, const char *low, const char *high)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (s[i] == '%' && ((s[i + 1] == low[0] && (s[i + 2] | 0x20) == (low[1] | 0x20)) ||
                            (s[i + 1] == high[0] && (s[i + 2] | 0x20) == (high[1] | 0x20))))
            return true;
    return false;
}

static bool text_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return rv_utf8_valid(s, n);
}

static bool has_dot_segment(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        at++;
        size_t n = strcspn(at, "/");
        if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return true;
    }
    return false;
}

static bool check_path(struct http_parser *p, const char *raw, size_t n)
{
    size_t length;
    if (!p->encoded_slash && has_escape(raw, n, "2f", "5c"))
        return refuse(p, 400, "an encoded slash in the path");
    char *path = rv_http_unescape(p->arena, raw, n, false, &length);
    if (path == NULL || !text_valid(path, length))
        return refuse(p, 400, "the path is malformed");
    if (memchr(path, '\\', length) != NULL || has_dot_segment(path))
        return refuse(p, 400, "dot segments and backslashes are not accepted in a path");
    p->path = path;
    return true;
}

static bool check_query(struct http_parser *p, const char *raw, size_t n)
{
    size_t length;
    const char *decoded = rv_http_unescape(p->arena, raw, n, true, &length);
    if (decoded == NULL || memchr(decoded, '\0', length) != NULL || !rv_utf8_valid(decoded, length))
        return refuse(p, 400, "the query is malformed");
    p->query = rv_arena_strndup(p->arena, raw, n);
    return true;
}

/* RFC 9112 §3.2: origin-form, or absolute-form for the host that Host names. */
static bool check_target(struct http_parser *p)
{
    const char *target = (const char *)p->url.ptr;
    size_t n = p->url.len, scheme = 0;
    if (target == NULL)
        return refuse(p, 400, "the request target is malformed");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)target[i] <= 0x20 || (unsigned char)target[i] >= 0x7f || strchr("\"#<>^`{|}", target[i]) != NULL)
            return refuse(p, 400, "a character that must be escaped in the request target");
    if (n > 7 && strncasecmp(target, "http://", 7) == 0)
        scheme = 7;
    else if (n > 8 && strncasecmp(target, "https://", 8) == 0)
        scheme = 8;

    struct rv_bytes authority = {0};
    if (scheme > 0) {
        target += scheme;
        n -= scheme;
        size_t i = 0;
        while (i < n && target[i] != '/' && target[i] != '?')
            i++;
        authority = RV_BYTES(target, i);
        target += i;
        n -= i;
    }
    if (n == 0 || target[0] != '/')
        return refuse(p, 400, "the request target is not a path");
    const char *mark = memchr(target, '?', n);
    size_t path_length = mark == NULL ? n : (size_t)(mark - target);
    return check_host(p, authority) && check_path(p, target, path_length) &&
           (mark == NULL || check_query(p, mark + 1, n - path_length - 1));
}

bool http_check_head(struct http_parser *p)
{
    p->query = "";
    return check_once(p) && check_framing(p) && check_body_words(p) && check_target(p);
}
