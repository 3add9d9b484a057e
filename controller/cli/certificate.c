/* issue, renew, verify, approve. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "port/clock.h"
#include "port/files.h"

#define CSR_LIMIT ((size_t)64 << 10)

static enum rv_status read_standard_input(struct rv_buf *out, struct rv_error *err)
{
    for (;;) {
        uint8_t *room = rv_buf_reserve(out, 4096);
        ssize_t n = read(STDIN_FILENO, room, 4096);
        if (n < 0)
            return rv_fail(err, RV_INTERNAL, "standard input cannot be read");
        if (n == 0)
            return RV_OK;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len > CSR_LIMIT)
            return rv_fail(err, RV_INVALID, "more than %zu bytes on standard input", CSR_LIMIT);
    }
}

int rv_cmd_issue(struct rv_cli *cli)
{
    const char *issuer = rv_cli_option(cli, "issuer"), *profile = rv_cli_option(cli, "profile");
    const char *csr = rv_cli_option(cli, "csr");
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    struct rv_error err;
    if (csr == NULL)
        return rv_cli_usage(cli, "something is missing: --csr FILE");
    enum rv_status status = strcmp(csr, "-") == 0
                                ? read_standard_input(&text, &err)
                                : rv_files_system.ops->read(rv_files_system.ctx, csr, CSR_LIMIT, &text, &err);
    if (status == RV_OK && strstr(rv_buf_text(&text), "-----BEGIN") == NULL)
        status = rv_error_where(&err, rv_fail(&err, RV_INVALID, "not PEM: expected -----BEGIN CERTIFICATE REQUEST-----"),
                                "%s", csr);
    if (status == RV_OK && !rv_utf8_valid(rv_buf_text(&text), text.len))
        status = rv_error_where(&err, rv_fail(&err, RV_INVALID, "not text: expected PEM"), "%s", csr);
    if (status != RV_OK)
        return rv_cli_fail(cli, &err);
    if (rv_cli_option(cli, "dry-run") != NULL)
        return RV_EXIT_PENDING;
    RV_AUTO(json) json_t *body = json_object();
    rv_json_set_text(body, "profile", profile != NULL ? profile : "tls-server");
    rv_json_set_text(body, "csr", rv_buf_text(&text));
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/issuers/%s/certificates", issuer != NULL ? issuer : "internal");
    RV_AUTO(json) json_t *answer = rv_cli_send(cli, RV_POST, path, body);
    if (answer == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, answer);
    else
        rv_cli_printf(cli, "%s%s", rv_json_get_text(answer, "certificate", ""), rv_json_get_text(answer, "chain", ""));
    return RV_EXIT_DONE;
}

static void put_targets(struct rv_cli *cli, const char *what, const json_t *answer)
{
    size_t i;
    json_t *t;
    if (cli->json || cli->quiet)
        return;
    rv_cli_put(cli, RV_TONE_BOLD, rv_json_get_text(answer, "name", "?"));
    rv_cli_printf(cli, ": %s", what);
    json_array_foreach (json_object_get(answer, "targets"), i, t) {
        const char *name = json_string_value(t);
        if (name != NULL && *name != '\0') {
            rv_cli_printf(cli, i == 0 ? " on " : ", ");
            rv_cli_put(cli, RV_TONE_PLAIN, name);
        }
    }
    rv_cli_printf(cli, "\n");
}

/* POST …/NAME/VERB, or with --dry-run a look at whether NAME is there. */
static json_t *ask(struct rv_cli *cli, const char *verb)
{
    bool dry_run = rv_cli_option(cli, "dry-run") != NULL;
    RV_AUTO(char)
    char *path = dry_run ? rv_cli_path("/api/v1/certificates/%s", cli->arguments[0])
                         : rv_cli_path("/api/v1/certificates/%s/%s", cli->arguments[0], verb);
    RV_AUTO(json) json_t *body = json_object();
    return dry_run ? rv_cli_get(cli, path) : rv_cli_send(cli, RV_POST, path, body);
}

static int dry(struct rv_cli *cli, const char *what, const json_t *view)
{
    if (cli->json)
        rv_cli_json(cli, view);
    else if (!cli->quiet)
        rv_cli_printf(cli, "%s: %s\n", rv_json_get_text(view, "name", "?"), what);
    return RV_EXIT_PENDING;
}

int rv_cmd_renew(struct rv_cli *cli)
{
    if (rv_cli_option(cli, "wait") != NULL && !rv_cli_wait_mark(cli))
        return RV_EXIT_ERROR;
    RV_AUTO(json) json_t *answer = ask(cli, "renew");
    if (answer == NULL)
        return cli->exit_code;
    if (rv_cli_option(cli, "dry-run") != NULL)
        return dry(cli, "would be renewed on every target", answer);
    put_targets(cli, "renewal requested", answer);
    if (rv_cli_option(cli, "wait") == NULL) {
        if (cli->json)
            rv_cli_json(cli, answer);
        return RV_EXIT_DONE;
    }
    const char *name = cli->arguments[0];
    int status = rv_cli_wait(cli, &name, 1);
    if (cli->json)
        rv_cli_json(cli, answer);
    rv_cli_verdict(cli, status);
    return status;
}

int rv_cmd_approve(struct rv_cli *cli)
{
    RV_AUTO(json) json_t *answer = ask(cli, "approve");
    if (answer == NULL)
        return cli->exit_code;
    if (rv_cli_option(cli, "dry-run") != NULL)
        return dry(cli, "what waits for approval would be approved", answer);
    put_targets(cli, "approved", answer);
    if (cli->json)
        rv_cli_json(cli, answer);
    return RV_EXIT_DONE;
}

/* ---- verify ---- */

/* The oldest look at any endpoint; "" when one was never looked at. RFC 3339 in UTC sorts as text. */
static void oldest_look(const json_t *view, char out[static 40])
{
    size_t i, k;
    json_t *t, *e;
    snprintf(out, 40, "9999");
    json_array_foreach (json_object_get(view, "targets"), i, t) {
        json_array_foreach (json_object_get(t, "endpoints"), k, e) {
            const char *at = rv_json_get_text(e, "observedAt", "");
            if (strcmp(at, out) < 0)
                snprintf(out, 40, "%s", at);
        }
    }
}

int rv_cmd_verify(struct rv_cli *cli)
{
    char began[RV_TIME_TEXT], oldest[40];
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s", cli->arguments[0]);
    RV_AUTO(json) json_t *status = rv_cli_get(cli, "/api/v1/status"); /* its clock, not ours */
    if (status == NULL)
        return cli->exit_code;
    snprintf(began, sizeof began, "%s", rv_json_get_text(status, "now", ""));
    RV_AUTO(json) json_t *answer = ask(cli, "verify");
    if (answer == NULL)
        return cli->exit_code;
    if (rv_cli_option(cli, "dry-run") != NULL)
        return dry(cli, "its endpoints would be looked at", answer);
    int64_t until = rv_mono(&rv_clock_system) + 30000;
    for (;;) {
        RV_AUTO(json) json_t *view = rv_cli_get(cli, path);
        if (view == NULL)
            return cli->exit_code;
        oldest_look(view, oldest);
        bool late = rv_mono(&rv_clock_system) > until;
        if (strcmp(oldest, began) >= 0 || late) {
            if (cli->json)
                rv_cli_json(cli, view);
            else if (!cli->quiet)
                rv_cli_describe(cli, view);
            if (late)
                return rv_cli_fail_text(cli, "not every endpoint was looked at within 30 s");
            return rv_cli_exit_of(rv_json_get_text(view, "state", "?"),
                                  rv_json_get_text(json_object_get(view, "reason"), "code", ""));
        }
        struct timespec rest = {0, 200000000L};
        nanosleep(&rest, NULL);
    }
}
