/* reeve, the command line. One command table drives parsing, help, completion and docs/reference/cli.md. Every command is a
 * function from parsed arguments to an exit status; it speaks to reeved by the REST interface and knows nothing else. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "port/http.h"
#include "rt/http_client.h"

enum rv_exit {
    RV_EXIT_DONE = 0,
    RV_EXIT_ERROR = 1,
    RV_EXIT_PENDING = 2, /* changes are pending or under way */
    RV_EXIT_WAITING = 3,
    RV_EXIT_FAILED = 4,
    RV_EXIT_PERSON = 5,
    RV_EXIT_USAGE = 64
};

struct rv_cli;
struct rv_cli_option {
    const char *name;  /* "file", as in --file; NULL ends the table */
    char letter;       /* 'f', 0: none */
    const char *value; /* "PATH"; NULL: a switch */
    const char *text;
};
struct rv_cli_command {
    const char *name;      /* "token create" */
    const char *arguments; /* "NAME", "KIND [NAME]", "" */
    int least, most;       /* arguments */
    const char *summary;   /* one line */
    const char *text;      /* more, for its own help and the reference; may be NULL */
    const struct rv_cli_option *options;
    int (*run)(struct rv_cli *cli);
    bool raw; /* everything behind the name is passed on untouched (up) */
};
extern const struct rv_cli_command rv_cli_commands[];
extern const size_t rv_cli_command_count;
extern const struct rv_cli_option rv_cli_globals[];

#define RV_CLI_OPTIONS 32
#define RV_CLI_ARGUMENTS 64
struct rv_cli {
    FILE *out, *err;
    char *const *environment;
    const char *program;   /* argv[0] */
    bool colour, terminal; /* of out */
    int width;
    bool json, names, quiet; /* -o json, -o name, -q */
    const struct rv_cli_command *command;
    int argument_count;
    const char *arguments[RV_CLI_ARGUMENTS];
    int option_count;
    struct {
        const struct rv_cli_option *option;
        const char *value;
    } options[RV_CLI_OPTIONS];
    char *const *rest; /* raw commands: what stands behind the name */
    int rest_count;
    struct rv_http_client *client;
    int exit_code;    /* of a request that failed */
    int64_t seen;     /* number of the last audit row told of, 0: none is told of */
    char seen_at[40]; /* and its time */
};

/* The whole program: argv without the program's name. */
int rv_cli_main(struct rv_cli *cli, int argc, char *const argv[]);
/* Value of an option of the command or a global one; NULL when not given ("" for a switch that was). */
const char *rv_cli_option(const struct rv_cli *cli, const char *name);
const char *rv_cli_env(const struct rv_cli *cli, const char *name);

/* ---- text (help.c, completion.c) ---- */
void rv_cli_help(FILE *out);
void rv_cli_help_command(FILE *out, const struct rv_cli_command *command);
void rv_cli_help_group(FILE *out, const char *group);
void rv_cli_reference(FILE *out); /* docs/reference/cli.md */
int rv_cli_completion(FILE *out, const char *shell);

/* ---- talking to reeved (client.c) ---- */
RV_MUST_CHECK enum rv_status rv_cli_connect(struct rv_cli *cli, struct rv_http_client **ret, struct rv_error *err);
/* Path with arguments in place of each "%s", percent-encoded. Given. */
char *rv_cli_path(const char *format, ...);
/* One request. NULL after saying on standard error what went wrong; then cli->exit_code is the status. An empty answer
 * gives an empty object. body may be NULL. */
json_t *rv_cli_get(struct rv_cli *cli, const char *path);
json_t *rv_cli_send(struct rv_cli *cli, enum rv_http_method method, const char *path, const json_t *body);
/* Same, leaving the problem document to the caller: RV_OK with *ret_status and *ret (may be NULL when there is no JSON). */
RV_MUST_CHECK enum rv_status rv_cli_request(struct rv_cli *cli, enum rv_http_method method, const char *path,
                                            const json_t *body, int *ret_status, json_t **ret, struct rv_error *err);
/* All pages of a list as one {"items": […]}; path without a query. */
json_t *rv_cli_list(struct rv_cli *cli, const char *path);

/* ---- saying things (say.c) ---- */
int rv_cli_fail(struct rv_cli *cli, const struct rv_error *err); /* "reeve: where: message", hint; RV_EXIT_ERROR */
int rv_cli_fail_text(struct rv_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int rv_cli_usage(struct rv_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rv_cli_problem(struct rv_cli *cli, const json_t *problem, int status);
void rv_cli_hint(struct rv_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rv_cli_json(struct rv_cli *cli, const json_t *value);
enum rv_tone { RV_TONE_PLAIN, RV_TONE_GOOD, RV_TONE_BUSY, RV_TONE_WARN, RV_TONE_BAD, RV_TONE_DIM, RV_TONE_BOLD };
/* Foreign text, printable, in a colour when there is one. */
void rv_cli_put(struct rv_cli *cli, enum rv_tone tone, const char *text);
void rv_cli_printf(struct rv_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Wrapped to the width, each line behind `indent` blanks. */
void rv_cli_paragraph(struct rv_cli *cli, int indent, enum rv_tone tone, const char *text);
enum rv_tone rv_cli_tone(const char *state);
/* "in 3d 4h", "5m ago", "now"; "-" when absent. */
const char *rv_cli_when(const json_t *object, const char *name, char out[static 48]);
int rv_cli_exit_of(const char *state, const char *reason); /* exit status of a state */
size_t rv_cli_columns(const char *text);                   /* on a terminal, for UTF-8 */

/* Tables: cells are copied and made printable. */
struct rv_table;
struct rv_table *rv_table_create(const char *const *heads, size_t columns);
void rv_table_cell(struct rv_table *t, enum rv_tone tone, const char *text); /* row by row */
void rv_table_print(struct rv_cli *cli, struct rv_table *t, int indent);     /* and frees it */

/* Follows certificates until they stand still, with progress. The exit status. */
void rv_cli_verdict(struct rv_cli *cli, int status); /* one line at the end */
/* Before what is waited for is begun: nothing of it will be missed. False after saying that --timeout is not one. */
bool rv_cli_wait_mark(struct rv_cli *cli);
int rv_cli_wait(struct rv_cli *cli, const char *const *names, size_t count);

void rv_cli_describe(struct rv_cli *cli, const json_t *certificate);

char *rv_cli_sibling(const char *name); /* path of a program in the folder of this one; given */

/* ---- commands ---- */
int rv_cmd_up(struct rv_cli *cli);
int rv_cmd_apply(struct rv_cli *cli);
int rv_cmd_plan(struct rv_cli *cli);
int rv_cmd_diff(struct rv_cli *cli);
int rv_cmd_get(struct rv_cli *cli);
int rv_cmd_describe(struct rv_cli *cli);
int rv_cmd_why(struct rv_cli *cli);
int rv_cmd_issue(struct rv_cli *cli);
int rv_cmd_renew(struct rv_cli *cli);
int rv_cmd_verify(struct rv_cli *cli);
int rv_cmd_approve(struct rv_cli *cli);
int rv_cmd_rollout_status(struct rv_cli *cli);
int rv_cmd_delete(struct rv_cli *cli);
int rv_cmd_token_create(struct rv_cli *cli);
int rv_cmd_token_list(struct rv_cli *cli);
int rv_cmd_token_revoke(struct rv_cli *cli);
int rv_cmd_clock_accept(struct rv_cli *cli);
int rv_cmd_token_link(struct rv_cli *cli);
int rv_cmd_audit_list(struct rv_cli *cli);
int rv_cmd_audit_verify(struct rv_cli *cli);
int rv_cmd_doctor(struct rv_cli *cli);
int rv_cmd_version(struct rv_cli *cli);
int rv_cmd_completion(struct rv_cli *cli);
