#include "rt/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ANSWER_LIMIT ((size_t)16 << 20)

struct rv_http_client {
    CURL *curl;
    char *socket, *base, *ca_file; /* base: what stands before the path */
    struct rv_secret *token;
    rv_dur connect_timeout, timeout;
};

struct call { /* one exchange under way */
    struct rv_http_client *client;
    struct rv_http_reply reply;
    size_t limit;
    bool too_large, stopped;
    bool (*data)(void *arg, struct rv_bytes bytes); /* streams only */
    void *arg;
};

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* "https://host[:port]" with nothing behind it; no user part, which would be sent. */
static bool url_valid(const char *url)
{
    if (strncmp(url, "https://", 8) != 0 || url[8] == '\0')
        return false;
    size_t n = strlen(url + 8);
    if (url[8 + n - 1] == '/')
        n--;
    return n > 0 && strcspn(url + 8, "/?#@\\ \t\r\n") == n;
}

enum rv_status rv_http_client_create(const struct rv_http_client_options *options, struct rv_http_client **ret,
                                     struct rv_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    if (options->socket == NULL && (options->url == NULL || !url_valid(options->url)))
        return rv_fail(err, RV_INVALID, "%s is not a server: expected https://HOST or https://HOST:PORT",
                       options->url == NULL ? "(nothing)" : options->url);
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return rv_fail(err, RV_INTERNAL, "libcurl cannot be used");
    struct rv_http_client *client = rv_zalloc(sizeof *client);
    client->curl = curl;
    client->socket = rv_strdup(options->socket);
    client->base = rv_strdup(options->socket != NULL ? "http://localhost" : options->url);
    size_t n = strlen(client->base);
    if (client->base[n - 1] == '/')
        client->base[n - 1] = '\0';
    client->ca_file = rv_strdup(options->ca_file);
    if (options->token != NULL) {
        struct rv_bytes token = rv_secret_bytes(options->token);
        client->token = rv_secret_create(token.ptr, token.len);
    }
    client->connect_timeout = options->connect_timeout > 0 ? options->connect_timeout : RV_SEC(10);
    client->timeout = options->timeout > 0 ? options->timeout : RV_SEC(60);
    *ret = client;
    return RV_OK;
}

void rv_http_client_destroy(struct rv_http_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    rv_free(client->socket);
    rv_free(client->base);
    rv_free(client->ca_file);
    rv_secret_destroy(client->token);
    rv_free(client);
}

void rv_http_reply_fini(struct rv_http_reply *reply)
{
    rv_buf_fini(&reply->body);
}

/* What libcurl calls */

static size_t take_body(char *at, size_t one, size_t n, void *arg)
{
    struct call *call = arg;
    long status = 0;
    curl_easy_getinfo(call->client->curl, CURLINFO_RESPONSE_CODE, &status);
    n *= one;
    if (call->data != NULL && status == 200) {
        call->stopped = !call->data(call->arg, RV_BYTES(at, n));
        return call->stopped ? 0 : n;
    }
    call->too_large = n > call->limit - call->reply.body.len;
    if (call->too_large)
        return 0;
    rv_buf_add(&call->reply.body, at, n);
    return n;
}

static void copy_field(const char *line, size_t n, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    if (n <= length || strncasecmp(line, name, length) != 0)
        return;
    line += length;
    n -= length;
    while (n > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), line);
}

static size_t take_header(char *at, size_t one, size_t n, void *arg)
{
    struct call *call = arg;
    n *= one;
    copy_field(at, n, "content-type:", call->reply.content_type, sizeof call->reply.content_type);
    copy_field(at, n, "location:", call->reply.location, sizeof call->reply.location);
    return n;
}

static int look_up(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) /* about once a second */
{
    struct call *call = arg;
    (void)a, (void)b, (void)c, (void)d;
    if (call->data != NULL && !call->stopped)
        call->stopped = !call->data(call->arg, RV_BYTES(NULL, 0));
    return call->stopped;
}

/* The request */

static bool clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static bool add_line(struct curl_slist **list, const char *name, const char *value)
{
    if (!clean(name) || !clean(value))
        return false;
    RV_AUTO(rv_buf) struct rv_buf line = {0};
    rv_buf_printf(&line, "%s: %s", name, value);
    *list = curl_slist_append(*list, rv_buf_text(&line)); /* copies */
    return true;
}

static bool add_token(struct curl_slist **list, const struct rv_secret *token)
{
    if (token == NULL)
        return true;
    __attribute__((cleanup(rv_buf_wipe_fini))) struct rv_buf line = {0};
    struct rv_bytes secret = rv_secret_bytes(token);
    rv_buf_reserve(&line, secret.len + 32); /* growing leaves copies */
    rv_buf_add_text(&line, "authorization: Bearer ");
    rv_buf_add(&line, secret.ptr, secret.len);
    if (memchr(line.data, '\0', line.len) != NULL || !clean(rv_buf_text(&line)))
        return false;
    *list = curl_slist_append(*list, rv_buf_text(&line));
    return true;
}

static bool make_headers(const struct rv_http_client *client, const struct rv_http_call *what, struct curl_slist **list)
{
    bool fit = add_token(list, client->token) && add_line(list, "expect", "");
    if (what->content_type != NULL)
        fit = fit && add_line(list, "content-type", what->content_type);
    else
        *list = curl_slist_append(*list, "content-type:"); /* libcurl would make one up */
    for (const struct rv_http_header *h = what->headers; fit && h != NULL && h->name != NULL; h++)
        fit = add_line(list, h->name, h->value);
    return fit;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        rv_wipe(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool changes_things(enum rv_http_method method)
{
    return method != RV_GET && method != RV_HEAD;
}

static void set_up(struct rv_http_client *client, const struct rv_http_call *what, struct call *call, const char *url,
                   struct curl_slist *headers)
{
    CURL *c = client->curl;
    curl_easy_reset(c); /* options only: the connection stays */
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, client->socket != NULL ? "http" : "https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* not from the environment either: a token travels here */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout);
    if (client->socket != NULL)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    if (client->ca_file != NULL) {
        curl_easy_setopt(c, CURLOPT_CAINFO, client->ca_file);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, call);
    if (call->data != NULL) {
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look_up);
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, call);
        curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    } else {
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)client->timeout);
    }
    if (what->body.len > 0 || what->method == RV_POST || what->method == RV_PUT || what->method == RV_PATCH) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)what->body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, what->body.len > 0 ? (const char *)what->body.ptr : "");
    }
    if (what->method == RV_HEAD)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rv_http_method_name(what->method));
    /* libcurl repeats a request when an idle connection turns out to be dead: not one that changes something. */
    if (changes_things(what->method))
        curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
}

/* What went wrong, and whether the request may have had its effect. */
static enum rv_status explain(struct rv_http_client *client, const struct rv_http_call *what, CURLcode code,
                              const char *detail, struct rv_error *err)
{
    const char *server = client->socket != NULL ? client->socket : client->base;
    const char *text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
    long sent = 0;
    curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent);
    enum rv_status status;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        status = rv_fail(err, RV_UNAVAILABLE, "nobody answers at %s: %s", server, text);
        return rv_error_hint(err, status,
                             client->socket != NULL ? "is reeved running with this data directory?"
                                                    : "is the address right, and is reeved running there?");
    case CURLE_PEER_FAILED_VERIFICATION:
        status = rv_fail(err, RV_DENIED, "%s is not to be trusted: %s", server, text);
        return rv_error_hint(err, status, "give the PEM file of its CA");
    case CURLE_SSL_CACERT_BADFILE:
        return rv_fail(err, RV_INVALID, "the CA file %s cannot be used: %s", client->ca_file == NULL ? "" : client->ca_file,
                       text);
    default:
        break;
    }
    if (sent > 0 && changes_things(what->method))
        return rv_fail(err, RV_UNCERTAIN, "%s got the request, but no whole answer came: %s", server, text);
    return rv_fail(err, code == CURLE_OPERATION_TIMEDOUT ? RV_TIMEOUT : RV_UNAVAILABLE, "no answer from %s: %s", server,
                   text);
}

static enum rv_status perform(struct rv_http_client *client, const struct rv_http_call *what, struct call *call,
                              struct rv_http_reply *ret, struct rv_error *err)
{
    if (what->path == NULL || what->path[0] != '/' || !clean(what->path) || strchr(what->path, ' ') != NULL)
        return rv_fail(err, RV_INVALID, "%s is not a path", what->path == NULL ? "(nothing)" : what->path);
    RV_AUTO(rv_buf) struct rv_buf url = {0};
    struct curl_slist *headers = NULL;
    char detail[CURL_ERROR_SIZE] = "";
    call->client = client;
    call->limit = what->answer_limit > 0 ? what->answer_limit : ANSWER_LIMIT;
    rv_buf_printf(&url, "%s%s", client->base, what->path);
    if (!make_headers(client, what, &headers)) {
        free_headers(headers);
        return rv_fail(err, RV_INVALID, "a header field or the token holds a character that cannot be sent");
    }
    set_up(client, what, call, rv_buf_text(&url), headers);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(client->curl);
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    call->reply.status = (int)status;
    enum rv_status result = RV_OK;
    if (call->too_large)
        result = rv_fail(err, RV_INVALID, "the answer to %s is larger than %zu bytes", what->path, call->limit);
    else if (code != CURLE_OK && !call->stopped)
        result = explain(client, what, code, detail, err);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    free_headers(headers);
    if (result == RV_OK)
        *ret = call->reply;
    else
        rv_http_reply_fini(&call->reply);
    return result;
}

enum rv_status rv_http_client_call(struct rv_http_client *client, const struct rv_http_call *what, struct rv_http_reply *ret,
                                   struct rv_error *err)
{
    struct call call = {0};
    return perform(client, what, &call, ret, err);
}

enum rv_status rv_http_client_stream(struct rv_http_client *client, const struct rv_http_call *what,
                                     bool (*data)(void *arg, struct rv_bytes bytes), void *arg, struct rv_http_reply *ret,
                                     struct rv_error *err)
{
    struct call call = {.data = data, .arg = arg};
    return perform(client, what, &call, ret, err);
}
