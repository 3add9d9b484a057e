/* The vocabulary of port/http.h: methods, reason phrases, looking things up in a request, and the fixed headers. */
#include <string.h>

#include "rt/http_priv.h"

static const char *const methods[] = {
    [RV_GET] = "GET", [RV_HEAD] = "HEAD", [RV_POST] = "POST", [RV_PUT] = "PUT", [RV_PATCH] = "PATCH", [RV_DELETE] = "DELETE",
};

const char *rv_http_method_name(enum rv_http_method m)
{
    return methods[m];
}

bool rv_http_method_find(const char *name, size_t n, enum rv_http_method *ret)
{
    for (size_t i = 0; i < RV_COUNT(methods); i++)
        if (strlen(methods[i]) == n && memcmp(methods[i], name, n) == 0) {
            *ret = (enum rv_http_method)i;
            return true;
        }
    return false;
}

const char *rv_http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < RV_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status"; /* RFC 9112 §4: the phrase means nothing */
}

const char *rv_http_header(const struct rv_http_request *r, const char *lower_name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i].name, lower_name) == 0)
            return r->headers[i].value;
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *rv_http_unescape(struct rv_arena *arena, const char *text, size_t n, bool plus, size_t *ret_length)
{
    char *out = rv_arena_alloc(arena, n + 1);
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < n ? hex_digit(text[i + 1]) : -1, low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[length++] = c;
    }
    *ret_length = length;
    return out;
}

const char *rv_http_query(const struct rv_http_request *r, const char *name)
{
    for (const char *at = r->query; *at != '\0';) {
        size_t n = strcspn(at, "&"), name_length = strcspn(at, "=&"), length;
        size_t from = name_length < n ? name_length + 1 : n;
        char *found = rv_http_unescape(r->arena, at, name_length, true, &length);
        if (found != NULL && strcmp(found, name) == 0)
            return rv_http_unescape(r->arena, at + from, n - from, true, &length);
        at += n + (at[n] == '&');
    }
    return NULL;
}

const struct rv_http_header rv_http_browser_headers[] = {
    {"content-security-policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
     "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"},
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "no-referrer"},
    {"cross-origin-opener-policy", "same-origin"},
    {"cross-origin-resource-policy", "same-origin"},
    {"strict-transport-security", "max-age=31536000"},
    {"cache-control", "no-store"},
    {NULL, NULL},
};
const struct rv_http_header rv_http_plain_headers[] = {
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "no-referrer"},
    {NULL, NULL},
};
