/* Settings as text: for --help, for `reeved --print-settings`, and the reference page. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "conf/settings_priv.h"

static void add_value_name(const struct rv_setting *s, struct rv_buf *out)
{
    static const char *const names[] = {
        [RV_SETTING_TEXT] = "TEXT", [RV_SETTING_PATH] = "PATH",  [RV_SETTING_LISTEN] = "ADDR:PORT",
        [RV_SETTING_HOST] = "HOST", [RV_SETTING_INT] = "NUMBER", [RV_SETTING_DURATION] = "DURATION"};
    if (s->type != RV_SETTING_CHOICE) {
        rv_buf_add_text(out, names[s->type]);
        return;
    }
    for (size_t i = 0; s->choices[i] != NULL; i++)
        rv_buf_printf(out, "%s%s", i == 0 ? "" : "|", s->choices[i]);
}

static const char *shown_default(const struct rv_setting *s)
{
    return s->shown != NULL ? s->shown : s->otherwise;
}

/* Text folded at column 100, continued under column 6. */
static void add_folded(const char *text, struct rv_buf *out)
{
    size_t column = 6;
    for (const char *word = text; *word != '\0';) {
        size_t n = strcspn(word, " ");
        if (column + n > 100 && column > 6) {
            rv_buf_add_text(out, "\n      ");
            column = 6;
        }
        rv_buf_add(out, word, n);
        column += n + 1;
        word += n;
        if (*word == ' ') {
            word++;
            if (column + strcspn(word, " ") <= 100)
                rv_buf_add_byte(out, ' ');
        }
    }
}

void rv_settings_help(struct rv_buf *out)
{
    for (size_t i = 0; i < rv_setting_count; i++) {
        const struct rv_setting *s = &rv_setting_table[i];
        struct rv_buf text = {0};
        rv_buf_printf(out, "  --%s ", s->name);
        add_value_name(s, out);
        rv_buf_printf(&text, "%s (default: %s)", s->help, shown_default(s));
        rv_buf_add_text(out, "\n      ");
        add_folded(rv_buf_text(&text), out);
        rv_buf_add_byte(out, '\n');
        rv_buf_fini(&text);
    }
    rv_buf_add_text(out, "\nEach can also stand in the environment (REEVE_LISTEN for --listen) or in DATA/reeved.yaml\n"
                         "(listen: 127.0.0.1:8443). The command line wins over the environment, that over the file.\n");
}

/* A text as a YAML scalar in double quotes: what JSON calls a string. */
static void add_quoted(const char *text, struct rv_buf *out)
{
    rv_buf_add_byte(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            rv_buf_add_byte(out, '\\');
        rv_buf_add_byte(out, (uint8_t)*text);
    }
    rv_buf_add_byte(out, '"');
}

void rv_settings_print(const struct rv_settings *settings, struct rv_buf *out)
{
    for (size_t i = 0; i < rv_setting_count; i++) {
        const struct rv_setting *s = &rv_setting_table[i];
        const void *at = (const char *)settings + s->offset;
        bool is_data = strcmp(s->name, "data") == 0; /* not accepted from the file, but worth seeing */
        rv_buf_printf(out, "%s%s: ", is_data ? "# " : "", s->name);
        if (s->type == RV_SETTING_INT)
            rv_buf_printf(out, "%d", *(const int *)at);
        else if (s->type == RV_SETTING_CHOICE)
            rv_buf_add_text(out, s->choices[*(const int *)at]);
        else if (s->type == RV_SETTING_DURATION)
            rv_buf_printf(out, "%llds", (long long)(*(const rv_dur *)at / 1000));
        else
            add_quoted(*(const char *const *)at, out);
        rv_buf_add_byte(out, '\n');
    }
}

static void add_range(const struct rv_setting *s, struct rv_buf *out)
{
    char low[RV_TIME_TEXT], high[RV_TIME_TEXT];
    switch (s->type) {
    case RV_SETTING_INT:
        rv_buf_printf(out, "%lld to %lld%s%s", (long long)s->low, (long long)s->high, s->unit != NULL ? " " : "",
                      s->unit != NULL ? s->unit : "");
        break;
    case RV_SETTING_DURATION:
        rv_buf_printf(out, "duration, %s to %s", rv_dur_text(low, s->low), rv_dur_text(high, s->high));
        break;
    case RV_SETTING_CHOICE:
        for (size_t i = 0; s->choices[i] != NULL; i++)
            rv_buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", s->choices[i]);
        break;
    case RV_SETTING_LISTEN:
        rv_buf_add_text(out, "address:port");
        break;
    case RV_SETTING_HOST:
        rv_buf_add_text(out, "DNS name or IP address");
        break;
    case RV_SETTING_PATH:
        rv_buf_add_text(out, "path");
        break;
    case RV_SETTING_TEXT:
        rv_buf_add_text(out, "text");
        break;
    }
}

void rv_settings_reference(struct rv_buf *out)
{
    rv_buf_add_text(out,
                    "# Settings reference\n\n"
                    "Generated from the settings table by `scripts/update-golden`: do not edit.\n\n"
                    "`reeved` and `reeve up` take each setting from the first of these that names it: the command line "
                    "(`--log-level warn`), the environment (`REEVE_LOG_LEVEL=warn`), the file `reeved.yaml` in the data "
                    "folder (`log-level: warn`), the default. A wrong value stops the start with a message that names "
                    "its source. Settings are read once at start. Secrets are never settings.\n\n"
                    "| setting | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < rv_setting_count; i++) {
        const struct rv_setting *s = &rv_setting_table[i];
        rv_buf_printf(out, "| `%s` | ", s->name);
        add_range(s, out);
        if (s->shown != NULL)
            rv_buf_printf(out, " | %s | %s. |\n", s->shown, s->help);
        else
            rv_buf_printf(out, " | `%s` | %s. |\n", s->otherwise, s->help);
    }
}
