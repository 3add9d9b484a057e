/* Completion scripts, from the command table. Names of objects are asked of the service. */
#include <string.h>

#include "cli/cli.h"

static void first_words(FILE *out)
{
    const char *last = "";
    size_t last_len = 0;
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const char *name = rv_cli_commands[i].name;
        size_t n = strcspn(name, " ");
        if (n == last_len && strncmp(name, last, n) == 0)
            continue; /* groups stand together in the table */
        fprintf(out, "%s%.*s", i > 0 ? " " : "", (int)n, name);
        last = name;
        last_len = n;
    }
}

static void options_of(FILE *out, const struct rv_cli_option *o)
{
    for (; o->name != NULL; o++)
        fprintf(out, " --%s", o->name);
}

static void bash(FILE *out)
{
    fputs("# reeve completion for bash\n"
          "_reeve() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
          "    case $prev in\n"
          "        -f|--file|--csr|--ca|--data) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
          "        -o|--output) COMPREPLY=($(compgen -W 'table json' -- \"$cur\")); return ;;\n"
          "        --role) COMPREPLY=($(compgen -W 'admin operator issuer viewer' -- \"$cur\")); return ;;\n"
          "    esac\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        words='",
          out);
    first_words(out);
    fputs("'\n    else\n        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n", out);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const struct rv_cli_command *c = &rv_cli_commands[i];
        fprintf(out, "            '%s'%s) words='", c->name, strchr(c->name, ' ') != NULL ? "" : "' '*");
        options_of(out, c->options);
        options_of(out, rv_cli_globals);
        fputs("' ;;\n", out);
    }
    fputs("        esac\n"
          "        case \"${COMP_WORDS[1]}\" in\n"
          "            token) [ \"$COMP_CWORD\" -eq 2 ] && words='create list revoke link' ;;\n"
          "            audit) [ \"$COMP_CWORD\" -eq 2 ] && words='list verify' ;;\n"
          "            rollout) [ \"$COMP_CWORD\" -eq 2 ] && words='status' ;;\n"
          "            get|delete) [ \"$COMP_CWORD\" -eq 2 ] && words='certificates targets profiles issuers' ;;\n"
          "            completion) words='bash zsh fish' ;;\n"
          "            why|renew|verify|approve) words=\"$words $(reeve get certificates -o name 2>/dev/null)\" ;;\n"
          "        esac\n"
          "    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "}\n"
          "complete -F _reeve reeve\n",
          out);
}

static void zsh(FILE *out)
{
    fputs("#compdef reeve\n_reeve() {\n    local -a commands\n    commands=(\n", out);
    const char *last = "";
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const char *name = rv_cli_commands[i].name;
        size_t n = strcspn(name, " ");
        if (strncmp(last, name, n) == 0 && (last[n] == ' ' || last[n] == '\0'))
            continue;
        fprintf(out, "        '%.*s:%s'\n", (int)n, name, rv_cli_commands[i].summary);
        last = name;
    }
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
          "    case \"$words[2] $words[3]\" in\n",
          out);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const struct rv_cli_command *c = &rv_cli_commands[i];
        fprintf(out, "        '%s'%s) _values option", c->name, strchr(c->name, ' ') != NULL ? "" : "' '*");
        options_of(out, c->options);
        options_of(out, rv_cli_globals);
        fputs(" ;;\n", out);
    }
    fputs("    esac\n    _files\n}\n_reeve \"$@\"\n", out);
}

static void fish(FILE *out)
{
    fputs("# reeve completion for fish\ncomplete -c reeve -f\n", out);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        const struct rv_cli_command *c = &rv_cli_commands[i];
        size_t n = strcspn(c->name, " ");
        const char *second = c->name[n] == ' ' ? c->name + n + 1 : NULL;
        if (second == NULL)
            fprintf(out, "complete -c reeve -n __fish_use_subcommand -a %s -d '%s'\n", c->name, c->summary);
        else
            fprintf(out,
                    "complete -c reeve -n __fish_use_subcommand -a %.*s\n"
                    "complete -c reeve -n '__fish_seen_subcommand_from %.*s' -a %s -d '%s'\n",
                    (int)n, c->name, (int)n, c->name, second, c->summary);
        for (const struct rv_cli_option *o = c->options; o->name != NULL; o++)
            fprintf(out, "complete -c reeve -n '__fish_seen_subcommand_from %.*s' -l %s%s -d '%s'\n", (int)n, c->name,
                    o->name,
                    o->value == NULL                                                 ? ""
                    : strcmp(o->value, "PATH") == 0 || strcmp(o->value, "FILE") == 0 ? " -r -F"
                                                                                     : " -x",
                    o->text);
    }
    for (const struct rv_cli_option *o = rv_cli_globals; o->name != NULL; o++)
        fprintf(out, "complete -c reeve -l %s%s -d '%s'\n", o->name, o->value != NULL ? " -r" : "", o->text);
}

int rv_cli_completion(FILE *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*write)(FILE *out);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < RV_COUNT(shells); i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(out);
            return RV_EXIT_DONE;
        }
    }
    return RV_EXIT_USAGE;
}
