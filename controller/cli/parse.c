/* From argv to a command with its options and arguments. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "core/nearest.h"

const char *rv_cli_env(const struct rv_cli *cli, const char *name)
{
    size_t n = strlen(name);
    for (char *const *e = cli->environment; e != NULL && *e != NULL; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return *e + n + 1;
    return NULL;
}

const char *rv_cli_option(const struct rv_cli *cli, const char *name)
{
    for (int i = cli->option_count; i-- > 0;)
        if (strcmp(cli->options[i].option->name, name) == 0)
            return cli->options[i].value;
    return NULL;
}

static const struct rv_cli_option *find_in(const struct rv_cli_option *o, const char *name, size_t n, char letter)
{
    for (; o != NULL && o->name != NULL; o++)
        if (letter != 0 ? o->letter == letter : strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static const struct rv_cli_option *find_option(const struct rv_cli *cli, const char *name, size_t n, char letter)
{
    const struct rv_cli_option *own = cli->command != NULL ? find_in(cli->command->options, name, n, letter) : NULL;
    return own != NULL ? own : find_in(rv_cli_globals, name, n, letter);
}

static int unknown_option(struct rv_cli *cli, const char *text)
{
    struct rv_nearest near = {text + strspn(text, "-"), NULL, 0};
    const struct rv_cli_option *lists[] = {cli->command != NULL ? cli->command->options : NULL, rv_cli_globals};
    for (size_t i = 0; i < 2; i++)
        for (const struct rv_cli_option *o = lists[i]; o != NULL && o->name != NULL; o++)
            rv_nearest_offer(&near, o->name);
    if (near.best != NULL)
        return rv_cli_usage(cli, "there is no option %s here; did you mean --%s?", text, near.best);
    return rv_cli_usage(cli, "there is no option %s here", text);
}

/* One option at argv[*at], with its value in the same word or the next. */
static int take_option(struct rv_cli *cli, int argc, char *const argv[], int *at)
{
    const char *word = argv[*at], *value = NULL;
    const struct rv_cli_option *o;
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        o = find_option(cli, word + 2, n, 0);
        value = word[2 + n] == '=' ? word + 3 + n : NULL;
    } else {
        o = find_option(cli, NULL, 0, word[1]);
        value = word[2] != '\0' ? word + 2 + (word[2] == '=') : NULL;
    }
    if (o == NULL)
        return unknown_option(cli, word);
    if (o->value == NULL && value != NULL)
        return rv_cli_usage(cli, "--%s takes no value", o->name);
    if (o->value != NULL && value == NULL) {
        if (++*at >= argc)
            return rv_cli_usage(cli, "--%s needs a value: %s", o->name, o->value);
        value = argv[*at];
    }
    if (cli->option_count == RV_CLI_OPTIONS)
        return rv_cli_usage(cli, "too many options");
    cli->options[cli->option_count].option = o;
    cli->options[cli->option_count++].value = value != NULL ? value : "";
    return 0;
}

/* "token create" is two words; the longest name that fits wins. */
static const struct rv_cli_command *find_command(const char *first, const char *second, bool *ret_two)
{
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const char *name = rv_cli_commands[i].name, *space = strchr(name, ' ');
        *ret_two = space != NULL;
        if (space == NULL && strcmp(name, first) == 0)
            return &rv_cli_commands[i];
        if (space != NULL && second != NULL && strlen(first) == (size_t)(space - name) &&
            strncmp(name, first, strlen(first)) == 0 && strcmp(space + 1, second) == 0)
            return &rv_cli_commands[i];
    }
    return NULL;
}

static bool is_group(const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < rv_cli_command_count; i++)
        if (strncmp(rv_cli_commands[i].name, word, n) == 0 && rv_cli_commands[i].name[n] == ' ')
            return true;
    return false;
}

static int unknown_command(struct rv_cli *cli, const char *first, const char *second)
{
    char word[80];
    bool group = is_group(first);
    snprintf(word, sizeof word, group && second != NULL ? "%s %s" : "%s", first, second != NULL ? second : "");
    if (group && second == NULL)
        return rv_cli_usage(cli, "`reeve %s` needs one more word: see `reeve %s --help`", first, first);
    struct rv_nearest near = {word, NULL, 0};
    for (size_t i = 0; i < rv_cli_command_count; i++)
        rv_nearest_offer(&near, rv_cli_commands[i].name);
    if (near.best != NULL)
        return rv_cli_usage(cli, "there is no command \"%s\"; did you mean \"%s\"?", word, near.best);
    return rv_cli_usage(cli, "there is no command \"%s\"", word);
}

static int choose_command(struct rv_cli *cli, int argc, char *const argv[], int *at)
{
    bool two = false;
    const char *first = argv[*at], *second = *at + 1 < argc && argv[*at + 1][0] != '-' ? argv[*at + 1] : NULL;
    cli->command = find_command(first, second, &two);
    if (cli->command != NULL) {
        *at += two;
        return 0;
    }
    for (int i = *at + 1; i < argc; i++)
        if (is_group(first) && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            rv_cli_help_group(cli->out, first);
            return -1;
        }
    return unknown_command(cli, first, second);
}

static int parse(struct rv_cli *cli, int argc, char *const argv[])
{
    bool only_arguments = false;
    for (int at = 0, rc; at < argc; at++) {
        const char *word = argv[at];
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && word[0] == '-' && word[1] != '\0') {
            if ((rc = take_option(cli, argc, argv, &at)) != 0)
                return rc;
        } else if (cli->command == NULL) {
            if ((rc = choose_command(cli, argc, argv, &at)) != 0)
                return rc;
            if (cli->command->raw) {
                cli->rest = argv + at + 1;
                cli->rest_count = argc - at - 1;
                return 0;
            }
        } else if (cli->argument_count == RV_CLI_ARGUMENTS) {
            return rv_cli_usage(cli, "too many arguments");
        } else {
            cli->arguments[cli->argument_count++] = word;
        }
    }
    return 0;
}

static int set_up(struct rv_cli *cli)
{
    const char *format = rv_cli_option(cli, "output"), *no_color = rv_cli_env(cli, "NO_COLOR");
    if (format == NULL)
        format = "table";
    cli->json = strcmp(format, "json") == 0;
    cli->names = strcmp(format, "name") == 0;
    if (!cli->json && !cli->names && strcmp(format, "table") != 0)
        return rv_cli_usage(cli, "-o %s: expected table, json or name", format);
    cli->quiet = rv_cli_option(cli, "quiet") != NULL;
    cli->colour = cli->terminal && rv_cli_option(cli, "no-color") == NULL && (no_color == NULL || *no_color == '\0');
    return 0;
}

int rv_cli_main(struct rv_cli *cli, int argc, char *const argv[])
{
    int rc = parse(cli, argc, argv);
    if (rc != 0)
        return rc < 0 ? RV_EXIT_DONE : rc;
    if (cli->command == NULL) {
        bool asked = rv_cli_option(cli, "help") != NULL;
        rv_cli_help(asked ? cli->out : cli->err);
        return asked ? RV_EXIT_DONE : RV_EXIT_USAGE;
    }
    if (rv_cli_option(cli, "help") != NULL) {
        rv_cli_help_command(cli->out, cli->command);
        return RV_EXIT_DONE;
    }
    if ((rc = set_up(cli)) != 0)
        return rc;
    if (!cli->command->raw && cli->argument_count < cli->command->least)
        return rv_cli_usage(cli, "something is missing: reeve %s %s", cli->command->name, cli->command->arguments);
    if (!cli->command->raw && cli->argument_count > cli->command->most)
        return rv_cli_usage(cli, "\"%s\" is too much: reeve %s %s", cli->arguments[cli->command->most], cli->command->name,
                            cli->command->arguments);
    rc = cli->command->run(cli);
    rv_http_client_destroy(cli->client);
    cli->client = NULL;
    if (fflush(cli->out) != 0 && rc == RV_EXIT_DONE)
        return rv_cli_fail_text(cli, "standard output cannot be written");
    return rc;
}
