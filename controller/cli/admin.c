/* token, audit, clock, version, completion, up. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

static json_t *access_body(struct rv_cli *cli, const char *name)
{
    json_t *body = json_object();
    rv_json_set_text(body, "name", name);
    rv_json_set_text(body, "role", rv_cli_option(cli, "role"));
    rv_json_set_text(body, "expiresIn", rv_cli_option(cli, "expires-in"));
    return body;
}

int rv_cmd_token_create(struct rv_cli *cli)
{
    const char *role = rv_cli_option(cli, "role");
    if (role == NULL)
        return rv_cli_usage(cli, "something is missing: --role admin, operator, issuer or viewer");
    if (rv_cli_option(cli, "dry-run") != NULL) {
        rv_cli_printf(cli, "a token \"%s\" with the role %s would be made\n", cli->arguments[0], role);
        return RV_EXIT_PENDING;
    }
    RV_AUTO(json) json_t *body = access_body(cli, cli->arguments[0]);
    RV_AUTO(json) json_t *answer = rv_cli_send(cli, RV_POST, "/api/v1/tokens", body);
    if (answer == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, answer);
    else
        rv_cli_printf(cli, "%s\n", rv_json_get_text(answer, "token", "")); /* alone on standard output: > file works */
    if (!cli->json && !cli->quiet)
        fprintf(cli->err, "token %s, role %s, until %s; it is not shown again\n", rv_json_get_text(answer, "id", "?"),
                rv_json_get_text(answer, "role", "?"), rv_json_get_text(answer, "expiresAt", "?"));
    return RV_EXIT_DONE;
}

int rv_cmd_token_link(struct rv_cli *cli)
{
    if (rv_cli_option(cli, "dry-run") != NULL) {
        rv_cli_printf(cli, "a one-time sign-in link would be made\n");
        return RV_EXIT_PENDING;
    }
    RV_AUTO(json) json_t *body = access_body(cli, cli->argument_count > 0 ? cli->arguments[0] : NULL);
    RV_AUTO(json) json_t *answer = rv_cli_send(cli, RV_POST, "/api/v1/links", body);
    if (answer == NULL)
        return cli->exit_code;
    const char *url = rv_json_get_text(answer, "url", NULL);
    if (cli->json)
        rv_cli_json(cli, answer);
    else if (url != NULL)
        rv_cli_printf(cli, "%s\n", url);
    else
        rv_cli_printf(cli, "/signin#%s\n", rv_json_get_text(answer, "code", ""));
    if (!cli->json && !cli->quiet)
        fprintf(cli->err, "it works once, until %s\n", rv_json_get_text(answer, "expiresAt", "?"));
    return RV_EXIT_DONE;
}

int rv_cmd_token_list(struct rv_cli *cli)
{
    static const char *const heads[] = {"ID", "NAME", "ROLE", "STATE", "USED", "EXPIRES"};
    RV_AUTO(json) json_t *list = rv_cli_get(cli, "/api/v1/tokens");
    if (list == NULL)
        return cli->exit_code;
    if (cli->json) {
        rv_cli_json(cli, list);
        return RV_EXIT_DONE;
    }
    struct rv_table *t = rv_table_create(heads, 6);
    size_t i;
    json_t *o;
    json_array_foreach (json_object_get(list, "items"), i, o) {
        char used[48], expires[48];
        bool revoked = rv_json_get_text(o, "revokedAt", NULL) != NULL;
        rv_cli_when(o, "expiresAt", expires);
        bool over = strstr(expires, " ago") != NULL;
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "id", "?"));
        rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(o, "name", "?"));
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "role", "?"));
        rv_table_cell(t, revoked || over ? RV_TONE_DIM : RV_TONE_GOOD, revoked ? "revoked" : over ? "expired" : "valid");
        rv_table_cell(t, RV_TONE_PLAIN,
                      rv_json_get_text(o, "usedAt", NULL) == NULL ? "never" : rv_cli_when(o, "usedAt", used));
        rv_table_cell(t, RV_TONE_PLAIN, expires);
    }
    rv_table_print(cli, t, 0);
    return RV_EXIT_DONE;
}

int rv_cmd_token_revoke(struct rv_cli *cli)
{
    const char *id = cli->arguments[0];
    if (rv_cli_option(cli, "dry-run") != NULL) {
        rv_cli_printf(cli, "token %s would be revoked\n", id);
        return RV_EXIT_PENDING;
    }
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/tokens/%s", id);
    RV_AUTO(json) json_t *answer = rv_cli_send(cli, RV_DELETE, path, NULL);
    if (answer == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, answer);
    else if (!cli->quiet)
        rv_cli_printf(cli, "token %s revoked\n", id);
    return RV_EXIT_DONE;
}

/* ---- audit ---- */

static void put_audit(struct rv_cli *cli, const json_t *items)
{
    static const char *const heads[] = {"NUMBER", "AT", "WHO", "WHAT", "TO WHAT"};
    struct rv_table *t = rv_table_create(heads, 5);
    size_t i;
    json_t *o;
    json_array_foreach (items, i, o) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)rv_json_get_int(o, "number", 0));
        rv_table_cell(t, RV_TONE_DIM, number);
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "at", "?"));
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "actor", "?"));
        rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(o, "action", "?"));
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "subject", ""));
    }
    rv_table_print(cli, t, 0);
}

int rv_cmd_audit_list(struct rv_cli *cli)
{
    const char *after = rv_cli_option(cli, "after"), *limit = rv_cli_option(cli, "limit");
    struct rv_error err;
    int64_t from = 0, count = 50;
    if ((after != NULL && rv_int_parse(after, 0, INT64_MAX - 1, &from, &err) != RV_OK) ||
        (limit != NULL && rv_int_parse(limit, 1, 1000, &count, &err) != RV_OK))
        return rv_cli_usage(cli, "%s", err.message);
    if (after == NULL) { /* the newest: rows have no gaps, so their number says where they begin */
        RV_AUTO(json) json_t *verify = rv_cli_get(cli, "/api/v1/audit/verify");
        if (verify == NULL)
            return cli->exit_code;
        int64_t all = rv_json_get_int(verify, "count", 0);
        from = all > count ? all - count : 0;
    }
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    rv_buf_printf(&path, "/api/v1/audit?after=%lld&limit=%lld", (long long)from, (long long)count);
    RV_AUTO(json) json_t *list = rv_cli_get(cli, rv_buf_text(&path));
    if (list == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, list);
    else
        put_audit(cli, json_object_get(list, "items"));
    return RV_EXIT_DONE;
}

int rv_cmd_audit_verify(struct rv_cli *cli)
{
    RV_AUTO(json) json_t *answer = rv_cli_get(cli, "/api/v1/audit/verify");
    if (answer == NULL)
        return cli->exit_code;
    bool ok = rv_json_get_bool(answer, "ok", false);
    long long count = (long long)rv_json_get_int(answer, "count", 0);
    if (cli->json)
        rv_cli_json(cli, answer);
    else if (ok && !cli->quiet)
        rv_cli_printf(cli, "The audit is whole: %lld rows, head %s.\n", count, rv_json_get_text(answer, "head", "-"));
    if (ok)
        return RV_EXIT_DONE;
    rv_cli_fail_text(cli, "the audit does not hold: row %lld is not what was written (%lld rows before it are)",
                     (long long)rv_json_get_int(answer, "firstBad", 0), count);
    rv_cli_hint(cli, "keep a copy of the data folder as it is now; somebody or something changed the database");
    return RV_EXIT_FAILED;
}

/* ---- the program itself ---- */

int rv_cmd_version(struct rv_cli *cli)
{
    if (cli->json)
        rv_cli_printf(cli, "{\"version\": \"%s\"}\n", REEVE_VERSION);
    else
        rv_cli_printf(cli, "reeve %s\n", REEVE_VERSION);
    return RV_EXIT_DONE;
}

int rv_cmd_completion(struct rv_cli *cli)
{
    if (rv_cli_completion(cli->out, cli->arguments[0]) == RV_EXIT_DONE)
        return RV_EXIT_DONE;
    return rv_cli_usage(cli, "there is no completion for \"%s\": expected bash, zsh or fish", cli->arguments[0]);
}

/* A program in the folder that this one is in. */
char *rv_cli_sibling(const char *name)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    struct rv_buf path = {0};
    if (slash != NULL)
        rv_buf_printf(&path, "%.*s/%s", (int)(slash - self), self, name);
    else
        rv_buf_add_text(&path, name);
    return rv_buf_take(&path);
}

int rv_cmd_up(struct rv_cli *cli)
{
    char **argv = rv_calloc((size_t)cli->rest_count + 2, sizeof *argv);
    RV_AUTO(char) char *path = rv_cli_sibling("reeved");
    argv[0] = path;
    for (int i = 0; i < cli->rest_count; i++)
        argv[i + 1] = cli->rest[i];
    fflush(cli->out);
    execv(path, argv);
    int number = errno;
    rv_free(argv);
    struct rv_error err;
    rv_fail_errno(&err, number, "cannot start reeved");
    rv_error_where(&err, err.status, "%s", path);
    return rv_cli_fail(cli, &err);
}

int rv_cmd_clock_accept(struct rv_cli *cli)
{
    if (rv_cli_option(cli, "dry-run") != NULL) {
        rv_cli_printf(cli, "the time of this machine would be accepted\n");
        return RV_EXIT_PENDING;
    }
    RV_AUTO(json) json_t *answer = rv_cli_send(cli, RV_POST, "/api/v1/clock/accept", NULL);
    if (answer == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, answer);
    else if (!cli->quiet)
        rv_cli_printf(cli, "the time of this machine is accepted; issuing goes on\n");
    return RV_EXIT_DONE;
}
