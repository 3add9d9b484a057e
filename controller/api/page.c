/* The dashboard's files, with the headers that keep foreign text harmless in a browser (M-50). */
#include <string.h>

#include "api/api_priv.h"
#include "base/text.h"

#define CSP                                                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "  \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

static const struct rv_static_file *find(const struct rv_api *api, const char *path)
{
    for (size_t i = 0; i < api->o.file_count; i++)
        if (strcmp(api->o.files[i].path, path) == 0)
            return &api->o.files[i];
    return NULL;
}

/* If-None-Match: a list of tags, or '*'; weak ones count (RFC 9110 §13.1.2). */
static bool has_it_already(const struct rv_http_request *r, const char *etag)
{
    const char *at = rv_http_header(r, "if-none-match");
    size_t n = strlen(etag);
    while (at != NULL && *at != '\0') {
        at += strspn(at, " \t,");
        if (rv_starts_with(at, "W/"))
            at += 2;
        size_t len = strcspn(at, ",");
        while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
            len--;
        if ((len == 1 && *at == '*') || (len == n && strncmp(at, etag, n) == 0))
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

static void answer_file(const struct rv_http_request *r, const struct rv_static_file *file)
{
    /* Files under /assets/ carry a hash in their name and never change. */
    bool immutable = rv_starts_with(file->path, "/assets/");
    const struct rv_http_header headers[] = {
        {"etag", file->etag},
        {"cache-control", immutable ? "public, max-age=31536000, immutable" : "no-cache"},
        {"content-security-policy", CSP},
        {"x-content-type-options", "nosniff"},
        {"referrer-policy", "no-referrer"},
        {"cross-origin-opener-policy", "same-origin"},
        {"cross-origin-resource-policy", "same-origin"},
        {"strict-transport-security", "max-age=31536000"},
        {NULL, NULL},
    };
    if (has_it_already(r, file->etag))
        rv_http_answer(r->exchange, 304, NULL, RV_BYTES(NULL, 0), headers);
    else
        rv_http_answer(r->exchange, 200, file->content_type, RV_BYTES(file->bytes, file->size), headers);
}

static bool wants_html(const struct rv_http_request *r)
{
    const char *accept = rv_http_header(r, "accept");
    return accept != NULL && strstr(accept, "text/html") != NULL;
}

bool rv_page_answer(struct rv_api *api, const struct rv_http_request *r)
{
    if (r->method != RV_GET && r->method != RV_HEAD)
        return false;
    const struct rv_static_file *file = find(api, strcmp(r->path, "/") == 0 ? "/index.html" : r->path);
    if (file == NULL && wants_html(r)) /* a page of the application: it finds its way itself */
        file = find(api, "/index.html");
    if (file == NULL)
        return false;
    rv_metrics_count(&api->metrics, -1, 200, 0);
    answer_file(r, file);
    return true;
}
