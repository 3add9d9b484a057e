/* Help and the reference page, from the command table. */
#include <string.h>

#include "cli/cli.h"

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {0, "converged, or done"},
    {1, "error; standard error says what"},
    {2, "changes are pending or under way"},
    {3, "waiting for a time, a batch or an approval"},
    {4, "failed; what was served before is served again"},
    {5, "a person is needed"},
    {64, "the command line is not understood"},
};

static int option_text(char *out, size_t size, const struct rv_cli_option *o)
{
    char letter[8] = "    ";
    if (o->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    return snprintf(out, size, "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
}

static void options(FILE *out, const struct rv_cli_option *list)
{
    char text[80];
    for (const struct rv_cli_option *o = list; o->name != NULL; o++) {
        option_text(text, sizeof text, o);
        fprintf(out, "  %-26s %s\n", text, o->text);
    }
}

void rv_cli_help(FILE *out)
{
    fputs("reeve: certificates that are served, not just issued\n\nUsage: reeve COMMAND [OPTION…]\n\nCommands:\n", out);
    for (size_t i = 0; i < rv_cli_command_count; i++)
        fprintf(out, "  %-16s %s\n", rv_cli_commands[i].name, rv_cli_commands[i].summary);
    fputs("\nOptions of every command:\n", out);
    options(out, rv_cli_globals);
    fputs("\nExit status:\n", out);
    for (size_t i = 0; i < RV_COUNT(statuses); i++)
        fprintf(out, "  %2d  %s\n", statuses[i].status, statuses[i].text);
    fputs("\n`reeve COMMAND --help` says more about one command.\n", out);
}

void rv_cli_help_group(FILE *out, const char *group)
{
    size_t n = strlen(group);
    fprintf(out, "Usage: reeve %s COMMAND [OPTION…]\n\nCommands:\n", group);
    for (size_t i = 0; i < rv_cli_command_count; i++)
        if (strncmp(rv_cli_commands[i].name, group, n) == 0 && rv_cli_commands[i].name[n] == ' ')
            fprintf(out, "  %-16s %s\n", rv_cli_commands[i].name, rv_cli_commands[i].summary);
}

/* Words at most `width` to a line. */
static void wrap(FILE *out, const char *text, size_t width)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " "), shown = rv_cli_columns(text) - rv_cli_columns(text + n);
        if (column > 0 && column + 1 + shown > width) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column > 0 ? " " : "", (int)n, text);
        column += (column > 0) + shown;
        text += n + strspn(text + n, " ");
    }
    fputc('\n', out);
}

void rv_cli_help_command(FILE *out, const struct rv_cli_command *c)
{
    fprintf(out, "Usage: reeve %s%s%s%s\n\n%s.\n", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments,
            c->options[0].name != NULL ? " [OPTION…]" : "", c->summary);
    if (c->text != NULL) {
        fputc('\n', out);
        wrap(out, c->text, 78);
    }
    if (c->options[0].name != NULL) {
        fputs("\nOptions:\n", out);
        options(out, c->options);
    }
    if (!c->raw) {
        fputs("\nOptions of every command:\n", out);
        options(out, rv_cli_globals);
    }
}

static void reference_options(FILE *out, const struct rv_cli_option *list)
{
    fputs("\n| option | meaning |\n|---|---|\n", out);
    for (const struct rv_cli_option *o = list; o->name != NULL; o++) {
        char text[80];
        option_text(text, sizeof text, o);
        fprintf(out, "| `%s` | %s |\n", text + strspn(text, " "), o->text);
    }
}

void rv_cli_reference(FILE *out)
{
    fputs("# The command line\n\n<!-- Generated from the command table by `reeve-reference cli`. "
          "-->\n\n"
          "`reeve` talks to the service on this machine through the Unix socket in its data folder (`--data DIR` or "
          "`REEVE_DATA`), "
          "or over HTTPS with `--server URL` and a token in the file that `REEVE_TOKEN_FILE` names.\n\n"
          "| command | what it does |\n|---|---|\n",
          out);
    for (size_t i = 0; i < rv_cli_command_count; i++)
        fprintf(out, "| `reeve %s` | %s |\n", rv_cli_commands[i].name, rv_cli_commands[i].summary);
    fputs("\n## Exit status\n\n| status | meaning |\n|---|---|\n", out);
    for (size_t i = 0; i < RV_COUNT(statuses); i++)
        fprintf(out, "| %d | %s |\n", statuses[i].status, statuses[i].text);
    fputs("\n## Options of every command\n", out);
    reference_options(out, rv_cli_globals);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const struct rv_cli_command *c = &rv_cli_commands[i];
        fprintf(out, "\n## reeve %s\n\n`reeve %s%s%s`\n\n%s.", c->name, c->name, c->arguments[0] != '\0' ? " " : "",
                c->arguments, c->summary);
        fprintf(out, "%s%s\n", c->text != NULL ? " " : "", c->text != NULL ? c->text : "");
        if (c->options[0].name != NULL)
            reference_options(out, c->options);
    }
}
