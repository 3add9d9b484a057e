/* Talking to reeved: its socket on this machine, or HTTPS. */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "conf/settings.h"
#include "port/files.h"

static enum rv_status read_token(const char *path, struct rv_secret **ret, struct rv_error *err)
{
    struct rv_buf text = {0};
    enum rv_status status = rv_files_system.ops->read(rv_files_system.ctx, path, 4096, &text, err);
    if (status != RV_OK)
        return rv_error_where(err, status, "REEVE_TOKEN_FILE");
    size_t n = text.len;
    while (n > 0 && strchr(" \t\r\n", text.data[n - 1]) != NULL)
        n--;
    if (n == 0)
        status = rv_fail(err, RV_INVALID, "%s is empty: expected a token", path);
    else
        *ret = rv_secret_create(text.data, n);
    rv_buf_wipe_fini(&text);
    return status;
}

static enum rv_status connect_url(struct rv_cli *cli, const char *url, struct rv_http_client **ret, struct rv_error *err)
{
    RV_AUTO(rv_secret) struct rv_secret *token = NULL;
    const char *file = rv_cli_env(cli, "REEVE_TOKEN_FILE");
    enum rv_status status = file != NULL ? read_token(file, &token, err) : RV_OK;
    if (status != RV_OK)
        return status;
    struct rv_http_client_options options = {.url = url, .ca_file = rv_cli_option(cli, "ca"), .token = token};
    return rv_http_client_create(&options, ret, err);
}

enum rv_status rv_cli_connect(struct rv_cli *cli, struct rv_http_client **ret, struct rv_error *err)
{
    const char *url = rv_cli_option(cli, "server"), *data = rv_cli_option(cli, "data");
    if (url != NULL && data != NULL)
        return rv_fail(err, RV_INVALID, "--server and --data exclude each other: one service at a time");
    if (url != NULL)
        return connect_url(cli, url, ret, err);
    RV_AUTO(char) char *usual = NULL;
    if (data == NULL)
        data = rv_cli_env(cli, "REEVE_DATA");
    if (data == NULL || *data == '\0')
        data = usual = rv_settings_data_default(cli->environment);
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/reeved.sock", data);
    struct rv_http_client_options options = {.socket = rv_buf_text(&path)};
    if (access(options.socket, F_OK) != 0) {
        rv_fail(err, RV_UNAVAILABLE, "no service is running with its data in %s", data);
        rv_error_hint(err, RV_UNAVAILABLE,
                      "start it with `reeve up --data %s`, or name its folder with --data or REEVE_DATA", data);
        return rv_error_where(err, RV_UNAVAILABLE, "%s", options.socket);
    }
    return rv_http_client_create(&options, ret, err);
}

/* A socket that nobody listens on any more: the service ended without taking it along. */
static enum rv_status not_running(struct rv_cli *cli, struct rv_error *err)
{
    if (rv_cli_option(cli, "server") != NULL || err->status != RV_UNAVAILABLE)
        return err->status;
    const char *data = rv_cli_option(cli, "data");
    RV_AUTO(char) char *usual = NULL;
    if (data == NULL)
        data = rv_cli_env(cli, "REEVE_DATA");
    if (data == NULL || *data == '\0')
        data = usual = rv_settings_data_default(cli->environment);
    rv_fail(err, RV_UNAVAILABLE, "reeved is not running on %s", data);
    return rv_error_hint(err, RV_UNAVAILABLE, "start it with `reeve up --data %s`", data);
}

char *rv_cli_path(const char *format, ...)
{
    struct rv_buf out = {0};
    va_list args;
    va_start(args, format);
    for (; *format != '\0'; format++) {
        if (format[0] != '%' || format[1] != 's') {
            rv_buf_add_byte(&out, (uint8_t)*format);
            continue;
        }
        format++;
        for (const char *s = va_arg(args, const char *); *s != '\0'; s++) {
            bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
                         strchr("-._~", *s) != NULL;
            rv_buf_printf(&out, plain ? "%c" : "%%%02X", plain ? *s : (unsigned char)*s);
        }
    }
    va_end(args);
    return rv_buf_take(&out);
}

/* Unsafe requests carry a key, so that a lost answer can be asked for again without doing it twice. */
static void make_key(char key[static 40])
{
    uint8_t bytes[16];
    if (getentropy(bytes, sizeof bytes) != 0)
        memset(bytes, 0, sizeof bytes);
    rv_hex(key, bytes, sizeof bytes);
}

static enum rv_status exchange(struct rv_cli *cli, enum rv_http_method method, const char *path, const json_t *body,
                               struct rv_http_reply *reply, struct rv_error *err)
{
    char key[40];
    bool unsafe = method != RV_GET && method != RV_HEAD;
    RV_AUTO(char) char *text = body != NULL ? rv_json_text(body) : NULL;
    make_key(key);
    const struct rv_http_header headers[] = {{"idempotency-key", key}, {NULL, NULL}};
    struct rv_http_call call = {
        .method = method,
        .path = path,
        .headers = unsafe ? headers : NULL,
        .content_type = text != NULL ? "application/json" : NULL,
        .body = text != NULL ? rv_bytes_of(text) : RV_BYTES(NULL, 0),
    };
    enum rv_status status = rv_http_client_call(cli->client, &call, reply, err);
    if (status == RV_UNCERTAIN && unsafe) { /* once more, under the same key */
        rv_http_reply_fini(reply);
        memset(reply, 0, sizeof *reply);
        status = rv_http_client_call(cli->client, &call, reply, err);
    }
    return status;
}

enum rv_status rv_cli_request(struct rv_cli *cli, enum rv_http_method method, const char *path, const json_t *body,
                              int *ret_status, json_t **ret, struct rv_error *err)
{
    struct rv_http_reply reply = {0};
    enum rv_status status = cli->client != NULL ? RV_OK : rv_cli_connect(cli, &cli->client, err);
    if (status == RV_OK)
        status = exchange(cli, method, path, body, &reply, err);
    if (status != RV_OK)
        return not_running(cli, err);
    json_error_t ignored;
    *ret_status = reply.status;
    /* What our own service says may be long: the limits for foreign JSON do not fit, the client's do. */
    *ret = reply.body.len > 0 ? json_loadb((const char *)reply.body.data, reply.body.len, JSON_REJECT_DUPLICATES, &ignored)
                              : NULL;
    rv_http_reply_fini(&reply);
    return RV_OK;
}

json_t *rv_cli_send(struct rv_cli *cli, enum rv_http_method method, const char *path, const json_t *body)
{
    struct rv_error err;
    json_t *answer = NULL;
    int status = 0;
    if (rv_cli_request(cli, method, path, body, &status, &answer, &err) != RV_OK) {
        cli->exit_code = rv_cli_fail(cli, &err);
        return NULL;
    }
    if (status >= 200 && status < 300)
        return answer != NULL ? answer : json_object();
    rv_cli_problem(cli, answer, status);
    json_decref(answer);
    cli->exit_code = RV_EXIT_ERROR;
    return NULL;
}

json_t *rv_cli_get(struct rv_cli *cli, const char *path)
{
    return rv_cli_send(cli, RV_GET, path, NULL);
}

json_t *rv_cli_list(struct rv_cli *cli, const char *path)
{
    json_t *items = json_array();
    char after[128] = "";
    for (;;) {
        RV_AUTO(char) char *page_path = after[0] != '\0' ? rv_cli_path("%s?limit=1000&after=%s", "", after) : NULL;
        RV_AUTO(rv_buf) struct rv_buf full = {0};
        rv_buf_printf(&full, "%s%s", path, page_path != NULL ? page_path : "?limit=1000");
        json_t *page = rv_cli_get(cli, rv_buf_text(&full));
        if (page == NULL) {
            json_decref(items);
            return NULL;
        }
        json_array_extend(items, json_object_get(page, "items"));
        const char *next = rv_json_get_text(page, "next", NULL);
        bool more = next != NULL && strcmp(next, after) != 0;
        snprintf(after, sizeof after, "%s", more ? next : "");
        json_decref(page);
        if (!more)
            return json_pack("{s:o}", "items", items);
    }
}
