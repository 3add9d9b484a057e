#include "conf/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/settings_priv.h"
#include "conf/yaml.h"
#include "core/names.h"
#include "core/nearest.h"

#define FILE_NAME "reeved.yaml"
#define FILE_MAX 65536
#define ENVIRONMENT_NAME 64

struct rv_settings_text { /* owner of the strings */
    struct rv_arena *arena;
};

/* ---- where a value comes from ---- */

enum source { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_COMMAND_LINE };

struct given { /* per setting: the strongest value so far */
    enum source source;
    const char *text;
    const char *where; /* "--listen", "REEVE_LISTEN", "…/reeved.yaml:3" */
};

static void give(struct given *given, enum source source, const char *text, const char *where)
{
    if (source > given->source)
        *given = (struct given){source, text, where};
}

static const char *value_of(char *const environment[], const char *name)
{
    size_t n = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
            return *environment + n + 1;
    return NULL;
}

static void environment_name(const struct rv_setting *s, char out[static ENVIRONMENT_NAME])
{
    size_t n = 0;
    for (const char *c = "REEVE_"; *c != '\0'; c++)
        out[n++] = *c;
    for (const char *c = s->name; *c != '\0' && n < ENVIRONMENT_NAME - 1; c++)
        out[n++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    out[n] = '\0';
}

static enum rv_status unknown(const char *name, const char *where, struct rv_error *err)
{
    struct rv_nearest nearest = {.word = name};
    for (size_t i = 0; i < rv_setting_count; i++)
        rv_nearest_offer(&nearest, rv_setting_table[i].name);
    if (nearest.best != NULL)
        rv_fail(err, RV_INVALID, "there is no setting \"%.60s\": did you mean %s?", name, nearest.best);
    else
        rv_fail(err, RV_INVALID, "there is no setting \"%.60s\"", name);
    rv_error_where(err, RV_INVALID, "%s", where);
    return rv_error_hint(err, RV_INVALID, "`reeved --help` lists all settings");
}

static size_t index_of(const char *name, size_t len)
{
    size_t i = 0;
    while (i < rv_setting_count &&
           !(strncmp(rv_setting_table[i].name, name, len) == 0 && rv_setting_table[i].name[len] == '\0'))
        i++;
    return i;
}

static enum rv_status from_arguments(struct given *given, struct rv_arena *arena, int argc, char *const argv[],
                                     int *ret_used, struct rv_error *err)
{
    int i = 0;
    for (; i < argc; i++) {
        const char *argument = argv[i];
        if (!rv_starts_with(argument, "--") || argument[2] == '\0') {
            if (ret_used != NULL)
                break;
            return rv_fail(err, RV_INVALID, "\"%.80s\" is not understood: expected settings like --listen 127.0.0.1:8443",
                           argument);
        }
        size_t len = strcspn(argument + 2, "=");
        size_t at = index_of(argument + 2, len);
        const char *option = rv_arena_strndup(arena, argument, len + 2);
        if (at == rv_setting_count)
            return unknown(option + 2, option, err);
        if (given[at].source == FROM_COMMAND_LINE) {
            rv_fail(err, RV_INVALID, "it is given twice");
            return rv_error_where(err, RV_INVALID, "%s", option);
        }
        if (argument[len + 2] == '\0' && i + 1 == argc) {
            rv_fail(err, RV_INVALID, "the value is missing: expected %s VALUE", option);
            return rv_error_where(err, RV_INVALID, "%s", option);
        }
        const char *value = argument[len + 2] == '=' ? argument + len + 3 : argv[++i];
        give(&given[at], FROM_COMMAND_LINE, value, option);
    }
    if (ret_used != NULL)
        *ret_used = i;
    return RV_OK;
}

static void from_environment(struct given *given, struct rv_arena *arena, char *const environment[])
{
    for (size_t i = 0; i < rv_setting_count; i++) {
        char name[ENVIRONMENT_NAME];
        environment_name(&rv_setting_table[i], name);
        const char *value = value_of(environment, name);
        if (value != NULL && value[0] != '\0') /* set to nothing counts as not set */
            give(&given[i], FROM_ENVIRONMENT, value, rv_arena_strdup(arena, name));
    }
}

struct file {
    struct given *given;
    struct rv_arena *arena;
    const char *path;
    int documents;
};

static enum rv_status take_document(void *arg, const struct rv_yaml_document *document, struct rv_error *err)
{
    struct file *f = arg;
    RV_AUTO(json) json_t *json = document->json;
    const char *name, *data = "data";
    json_t *value;
    if (++f->documents > 1) {
        rv_fail(err, RV_INVALID, "a second document: expected one mapping of settings");
        return rv_error_where(err, RV_INVALID, "%s:%d", f->path, document->line);
    }
    json_object_foreach (json, name, value) {
        const char *where = rv_arena_printf(f->arena, "%s:%d", f->path, rv_yaml_locate(document, name));
        size_t at = index_of(name, strlen(name));
        if (at == rv_setting_count)
            return unknown(name, where, err);
        if (strcmp(name, data) == 0 || json_is_object(value) || json_is_array(value) || json_is_null(value)) {
            rv_fail(err, RV_INVALID,
                    strcmp(name, data) == 0 ? "data cannot be set in the folder that it names: use --data"
                                            : "expected one value");
            return rv_error_where(err, RV_INVALID, "%s", where);
        }
        const char *text = json_is_string(value) ? json_string_value(value) : NULL;
        RV_AUTO(char) char *dumped = text == NULL ? rv_json_text(value) : NULL;
        give(&f->given[at], FROM_FILE, rv_arena_strdup(f->arena, text != NULL ? text : dumped), where);
    }
    return RV_OK;
}

static enum rv_status from_file(struct given *given, struct rv_arena *arena, const char *data, struct rv_error *err)
{
    struct file f = {.given = given, .arena = arena, .path = rv_arena_printf(arena, "%s/" FILE_NAME, data)};
    int fd = open(f.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* the folder itself may not be there yet */
        return errno == ENOENT || errno == ENOTDIR ? RV_OK : rv_fail_errno(err, errno, "cannot open %s", f.path);
    char *text = rv_arena_alloc(arena, FILE_MAX + 1);
    size_t len = 0;
    ssize_t n;
    while (len <= FILE_MAX && (n = read(fd, text + len, FILE_MAX + 1 - len)) != 0) {
        if (n < 0 && errno != EINTR) {
            int number = errno;
            close(fd);
            return rv_fail_errno(err, number, "cannot read %s", f.path);
        }
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (len > FILE_MAX)
        return rv_fail(err, RV_INVALID, "%s is larger than %d KiB", f.path, FILE_MAX / 1024);
    return rv_yaml_read(f.path, RV_BYTES(text, len), arena, take_document, &f, err);
}

/* ---- one value ---- */

static enum rv_status read_listen(const char *text, struct rv_error *err)
{
    char host[254];
    int port;
    size_t n = strlen(text);
    char with_port[300];
    if (n > 2 && n < sizeof with_port - 1 && strcmp(text + n - 2, ":0") == 0) { /* a free port */
        memcpy(with_port, text, n + 1);
        with_port[n - 1] = '1';
        if (rv_hostport_parse(with_port, 0, host, &port, NULL) == RV_OK)
            return RV_OK;
    }
    return rv_hostport_parse(text, 0, host, &port, err);
}

static enum rv_status read_host(const char *text, struct rv_error *err)
{
    char out[RV_NAME_MAX + 1];
    uint8_t octets[16];
    size_t len;
    if (rv_ip_parse(text, octets, &len))
        return RV_OK;
    if (text[0] == '*')
        return rv_fail(err, RV_INVALID, "\"%.80s\" is a pattern: expected one DNS name or IP address", text);
    return rv_name_normalise(RV_NAME_DNS, text, out, err);
}

static enum rv_status read_path(const struct rv_setting *s, const char *text, struct rv_error *err)
{
    if (text[0] == '\0' && !s->optional)
        return rv_fail(err, RV_INVALID, "it is empty: expected a path");
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return rv_fail(err, RV_INVALID, "the path has a control character");
    return RV_OK;
}

static enum rv_status read_choice(const struct rv_setting *s, const char *text, int *ret, struct rv_error *err)
{
    struct rv_buf words = {0};
    for (int i = 0; s->choices[i] != NULL; i++) {
        if (strcmp(s->choices[i], text) == 0) {
            rv_buf_fini(&words);
            *ret = i;
            return RV_OK;
        }
        rv_buf_printf(&words, "%s%s", i == 0 ? "" : s->choices[i + 1] == NULL ? " or " : ", ", s->choices[i]);
    }
    enum rv_status status = rv_fail(err, RV_INVALID, "\"%.60s\" is not known: expected %s", text, rv_buf_text(&words));
    rv_buf_fini(&words);
    return status;
}

static enum rv_status read_duration(const struct rv_setting *s, const char *text, rv_dur *ret, struct rv_error *err)
{
    char low[RV_TIME_TEXT], high[RV_TIME_TEXT];
    rv_dur value;
    enum rv_status status = rv_dur_parse(text, &value, err);
    if (status == RV_OK && (value < s->low || value > s->high))
        status = rv_fail(err, RV_INVALID, "%s is out of range: expected %s to %s", text, rv_dur_text(low, s->low),
                         rv_dur_text(high, s->high));
    if (status == RV_OK)
        *ret = value;
    return status;
}

static enum rv_status read_int(const struct rv_setting *s, const char *text, int *ret, struct rv_error *err)
{
    int64_t value;
    enum rv_status status = rv_int_parse(text, s->low, s->high, &value, err);
    if (status == RV_OK)
        *ret = (int)value;
    return status;
}

static enum rv_status set(struct rv_settings *settings, const struct rv_setting *s, const char *text, struct rv_error *err)
{
    void *at = (char *)settings + s->offset;
    enum rv_status status = RV_OK;
    switch (s->type) {
    case RV_SETTING_INT:
        return read_int(s, text, at, err);
    case RV_SETTING_DURATION:
        return read_duration(s, text, at, err);
    case RV_SETTING_CHOICE:
        return read_choice(s, text, at, err);
    case RV_SETTING_LISTEN:
        status = read_listen(text, err);
        break;
    case RV_SETTING_HOST:
        status = read_host(text, err);
        break;
    case RV_SETTING_PATH:
        status = read_path(s, text, err);
        break;
    case RV_SETTING_TEXT:
        break;
    }
    if (status == RV_OK)
        *(const char **)at = rv_arena_strdup(settings->texts->arena, text);
    return status;
}

/* ---- all together ---- */

char *rv_settings_data_default(char *const environment[])
{
    const char *state = value_of(environment, "XDG_STATE_HOME"), *home = value_of(environment, "HOME");
    struct rv_buf path = {0};
    if (geteuid() == 0)
        rv_buf_add_text(&path, "/var/lib/reeve");
    else if (state != NULL && state[0] == '/')
        rv_buf_printf(&path, "%s/reeve", state);
    else if (home != NULL && home[0] == '/')
        rv_buf_printf(&path, "%s/.local/state/reeve", home);
    else
        rv_buf_add_text(&path, "/var/lib/reeve");
    return rv_buf_take(&path);
}

static void begin(struct rv_settings *settings)
{
    *settings = (struct rv_settings){.texts = rv_zalloc(sizeof *settings->texts)};
    settings->texts->arena = rv_arena_create();
}

void rv_settings_fini(struct rv_settings *settings)
{
    if (settings->texts != NULL)
        rv_arena_destroy(settings->texts->arena);
    rv_free(settings->texts);
    *settings = (struct rv_settings){0};
}

static enum rv_status set_all(struct rv_settings *settings, const struct given *given, struct rv_error *err)
{
    for (size_t i = 0; i < rv_setting_count; i++) {
        const struct rv_setting *s = &rv_setting_table[i];
        bool is_default = given[i].source == FROM_DEFAULT;
        enum rv_status status = set(settings, s, is_default ? s->otherwise : given[i].text, err);
        if (status != RV_OK)
            return rv_error_where(err, status, "%s", is_default ? s->name : given[i].where);
    }
    return RV_OK;
}

enum rv_status rv_settings_read(struct rv_settings *ret, int argc, char *const argv[], char *const environment[],
                                int *ret_used, struct rv_error *err)
{
    struct rv_settings settings;
    begin(&settings);
    struct rv_arena *arena = settings.texts->arena;
    struct given *given = rv_arena_alloc(arena, rv_setting_count * sizeof *given);
    enum rv_status status = from_arguments(given, arena, argc, argv, ret_used, err);
    if (status != RV_OK)
        goto out;
    from_environment(given, arena, environment);
    size_t data = index_of("data", 4);
    if (given[data].source == FROM_DEFAULT) {
        RV_AUTO(char) char *otherwise = rv_settings_data_default(environment);
        give(&given[data], FROM_FILE, rv_arena_strdup(arena, otherwise), "data");
    }
    if (given[data].text[0] != '\0')
        status = from_file(given, arena, given[data].text, err);
    if (status == RV_OK)
        status = set_all(&settings, given, err);
out:
    if (status == RV_OK)
        *ret = settings;
    else
        rv_settings_fini(&settings);
    return status;
}

void rv_settings_defaults(struct rv_settings *ret, char *const environment[])
{
    begin(ret);
    struct rv_arena *arena = ret->texts->arena;
    struct given *given = rv_arena_alloc(arena, rv_setting_count * sizeof *given);
    RV_AUTO(char) char *data = rv_settings_data_default(environment);
    give(&given[index_of("data", 4)], FROM_FILE, rv_arena_strdup(arena, data), "data");
    struct rv_error err;
    if (set_all(ret, given, &err) != RV_OK)
        abort(); /* a default that its own row of the table refuses: a unit test sees it first */
}
