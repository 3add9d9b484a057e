/* Saying things: errors, tables, colours, wrapped text. All foreign text passes rv_printable (M-50). */
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "port/clock.h"

static const char *const tones[] = {
    [RV_TONE_PLAIN] = "",       [RV_TONE_GOOD] = "\033[32m", [RV_TONE_BUSY] = "\033[36m", [RV_TONE_WARN] = "\033[33m",
    [RV_TONE_BAD] = "\033[31m", [RV_TONE_DIM] = "\033[2m",   [RV_TONE_BOLD] = "\033[1m",
};

size_t rv_cli_columns(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void tone_on(struct rv_cli *cli, enum rv_tone tone)
{
    if (cli->colour && tone != RV_TONE_PLAIN)
        fputs(tones[tone], cli->out);
}

static void tone_off(struct rv_cli *cli, enum rv_tone tone)
{
    if (cli->colour && tone != RV_TONE_PLAIN)
        fputs("\033[0m", cli->out);
}

static void clean_to(FILE *out, const char *text)
{
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, text, strlen(text));
    fputs(rv_buf_text(&clean), out);
}

void rv_cli_put(struct rv_cli *cli, enum rv_tone tone, const char *text)
{
    tone_on(cli, tone);
    clean_to(cli->out, text);
    tone_off(cli, tone);
}

void rv_cli_printf(struct rv_cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(cli->out, format, args);
    va_end(args);
}

void rv_cli_paragraph(struct rv_cli *cli, int indent, enum rv_tone tone, const char *text)
{
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, text, strlen(text));
    const char *at = rv_buf_text(&clean);
    int width = cli->width > 20 + indent ? cli->width : 80, column = 0;
    tone_on(cli, tone);
    while (*at != '\0') {
        size_t n = strcspn(at, " ");
        int shown = (int)(rv_cli_columns(at) - rv_cli_columns(at + n));
        if (column == 0 || column + 1 + shown > width) {
            fprintf(cli->out, "%s%*s", column > 0 ? "\n" : "", indent, "");
            column = indent;
        } else {
            fputc(' ', cli->out);
            column++;
        }
        fwrite(at, 1, n, cli->out);
        column += shown;
        at += n + strspn(at + n, " ");
    }
    tone_off(cli, tone);
    fputc('\n', cli->out);
}

/* ---- errors ---- */

static void error_line(struct rv_cli *cli, const char *where, const char *message)
{
    fflush(cli->out);
    fputs("reeve: ", cli->err);
    if (where != NULL && where[0] != '\0') {
        clean_to(cli->err, where);
        fputs(": ", cli->err);
    }
    clean_to(cli->err, message);
    fputc('\n', cli->err);
}

void rv_cli_hint(struct rv_cli *cli, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("  hint: ", cli->err);
    clean_to(cli->err, text);
    fputc('\n', cli->err);
}

int rv_cli_fail(struct rv_cli *cli, const struct rv_error *err)
{
    error_line(cli, err->where, err->message);
    if (err->hint[0] != '\0')
        rv_cli_hint(cli, "%s", err->hint);
    return RV_EXIT_ERROR;
}

int rv_cli_fail_text(struct rv_cli *cli, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_line(cli, NULL, text);
    return RV_EXIT_ERROR;
}

int rv_cli_usage(struct rv_cli *cli, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_line(cli, NULL, text);
    if (cli->command != NULL)
        rv_cli_hint(cli, "`reeve %s --help` says how it is used", cli->command->name);
    else
        rv_cli_hint(cli, "`reeve --help` lists the commands");
    return RV_EXIT_USAGE;
}

void rv_cli_problem(struct rv_cli *cli, const json_t *problem, int status)
{
    char text[64];
    snprintf(text, sizeof text, "the service answered with status %d", status);
    error_line(cli, rv_json_get_text(problem, "where", NULL), rv_json_get_text(problem, "detail", text));
    const char *hint = rv_json_get_text(problem, "hint", NULL);
    if (hint != NULL)
        rv_cli_hint(cli, "%s", hint);
}

void rv_cli_json(struct rv_cli *cli, const json_t *value)
{
    RV_AUTO(char) char *text = rv_json_pretty(value);
    fprintf(cli->out, "%s\n", text);
}

/* ---- states and times ---- */

static const struct {
    const char *state;
    enum rv_tone tone;
    int exit_status;
} states[] = {
    {"Ready", RV_TONE_GOOD, RV_EXIT_DONE},          {"Renewing", RV_TONE_BUSY, RV_EXIT_PENDING},
    {"Progressing", RV_TONE_BUSY, RV_EXIT_PENDING}, {"Waiting", RV_TONE_WARN, RV_EXIT_WAITING},
    {"Degraded", RV_TONE_BAD, RV_EXIT_FAILED},      {"NeedsPerson", RV_TONE_BAD, RV_EXIT_PERSON},
};

enum rv_tone rv_cli_tone(const char *state)
{
    for (size_t i = 0; i < RV_COUNT(states); i++)
        if (strcmp(states[i].state, state) == 0)
            return states[i].tone;
    return RV_TONE_PLAIN;
}

int rv_cli_exit_of(const char *state, const char *reason)
{
    /* A person is needed because it failed: the failure is the news. */
    if (strcmp(reason, "SwitchFailed") == 0 || strcmp(reason, "FailureBudget") == 0)
        return RV_EXIT_FAILED;
    if (strcmp(reason, "Approval") == 0)
        return RV_EXIT_PERSON;
    for (size_t i = 0; i < RV_COUNT(states); i++)
        if (strcmp(states[i].state, state) == 0)
            return states[i].exit_status;
    return RV_EXIT_ERROR;
}

const char *rv_cli_when(const json_t *object, const char *name, char out[static 48])
{
    const char *text = rv_json_get_text(object, name, NULL);
    char span[RV_TIME_TEXT];
    rv_time t;
    if (text == NULL || rv_time_parse(text, &t, NULL) != RV_OK) {
        snprintf(out, 48, "-");
        return out;
    }
    rv_dur d = t - rv_now(&rv_clock_system);
    if (d > -1000 && d < 1000)
        snprintf(out, 48, "now");
    else if (d > 0)
        snprintf(out, 48, "in %s", rv_dur_text(span, d));
    else
        snprintf(out, 48, "%s ago", rv_dur_text(span, -d));
    return out;
}

/* ---- tables ---- */

struct rv_table {
    const char *const *heads;
    size_t columns, count, cap;
    struct cell {
        char *text;
        enum rv_tone tone;
    } * cells;
};

struct rv_table *rv_table_create(const char *const *heads, size_t columns)
{
    struct rv_table *t = rv_zalloc(sizeof *t);
    t->heads = heads;
    t->columns = columns;
    return t;
}

void rv_table_cell(struct rv_table *t, enum rv_tone tone, const char *text)
{
    struct rv_buf clean = {0};
    if (t->count == t->cap) {
        t->cap = t->cap != 0 ? t->cap * 2 : 64;
        t->cells = rv_resize(t->cells, t->cap, sizeof *t->cells);
    }
    rv_printable(&clean, text, strlen(text));
    if (clean.len == 0)
        rv_buf_add_byte(&clean, '-');
    t->cells[t->count++] = (struct cell){rv_buf_take(&clean), tone};
}

void rv_table_print(struct rv_cli *cli, struct rv_table *t, int indent)
{
    size_t *widths = rv_calloc(t->columns, sizeof *widths);
    for (size_t c = 0; c < t->columns; c++)
        widths[c] = rv_cli_columns(t->heads[c]);
    for (size_t i = 0; i < t->count; i++)
        if (rv_cli_columns(t->cells[i].text) > widths[i % t->columns])
            widths[i % t->columns] = rv_cli_columns(t->cells[i].text);
    for (size_t i = 0; i < t->columns + t->count; i++) {
        size_t c = i % t->columns;
        bool head = i < t->columns;
        const char *text = head ? t->heads[c] : t->cells[i - t->columns].text;
        enum rv_tone tone = head ? RV_TONE_DIM : t->cells[i - t->columns].tone;
        if (c == 0)
            fprintf(cli->out, "%*s", indent, "");
        tone_on(cli, tone);
        fputs(text, cli->out);
        tone_off(cli, tone);
        if (c + 1 < t->columns)
            fprintf(cli->out, "%*s", (int)(widths[c] - rv_cli_columns(text)) + 3, "");
        else
            fputc('\n', cli->out);
    }
    for (size_t i = 0; i < t->count; i++)
        rv_free(t->cells[i].text);
    rv_free(t->cells);
    rv_free(widths);
    rv_free(t);
}
