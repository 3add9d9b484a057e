/* golden_cli [--update] SOURCE: help, reference and completion as text, so that a change shows in review. */
#include <stdlib.h>

#include "support/golden.h"

#include "cli/cli.h"

static void captured(void (*write)(FILE *out), struct rv_buf *text)
{
    char *data = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&data, &n);
    write(out);
    fclose(out);
    rv_buf_add(text, data, n);
    free(data);
}

static void helps(FILE *out)
{
    rv_cli_help(out);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        fprintf(out, "\n---- reeve %s --help\n", rv_cli_commands[i].name);
        rv_cli_help_command(out, &rv_cli_commands[i]);
    }
}

static void bash(FILE *out)
{
    rv_cli_completion(out, "bash");
}

int main(int argc, char *argv[])
{
    struct rv_buf text = {0};
    captured(rv_cli_reference, &text);
    int stale = golden_check(argc, argv, "docs/reference/cli.md", &text);
    captured(helps, &text);
    stale |= golden_check(argc, argv, "tests/golden/cli-help.txt", &text);
    captured(bash, &text);
    return golden_check(argc, argv, "tests/golden/cli-completion.bash", &text) | stale;
}
