/* Reading what target.sh said. The other side may be broken, old, or hostile (M-42): every line has a grammar, numbers
 * are bounded, and nothing is believed that does not come between the first line and "end". */
#include "deploy/deploy_priv.h"

#include <stdio.h>

#include "base/text.h"

#define FIRST_LINE "reeve-target 1"
#define CSR_TEXT_MAX 65536

/* The statuses of target.sh. */
static const struct {
    int code;
    enum rv_status status;
} statuses[] = {{10, RV_INVALID},  {11, RV_NOT_FOUND},   {12, RV_UNAVAILABLE}, {13, RV_DENIED},
                {14, RV_LIMITED},  {15, RV_UNAVAILABLE}, {16, RV_INVALID},     {17, RV_UNAVAILABLE},
                {18, RV_CONFLICT}, {19, RV_UNCERTAIN},   {20, RV_UNAVAILABLE}};

/* What to do about it. */
static const struct {
    const char *phase, *hint;
} hints[] = {
    {"tools", "install it on the target"},
    {"lock", "another controller or a person is at work there; it is tried again"},
    {"key", "a new key is made with the next attempt"},
    {"disk", "make room, or let the user of this target write there"},
    {"adopt", "let the user of this target read and replace both files, or correct the pair on the target"},
    {"check-before", "correct the server's configuration on the target; its own check shows the line"},
    {"check", "see what the server said; it is serving the old pair"},
    {"reload", "see whether the server runs and may be signalled by this user; it was told the old pair again"},
    {"undo", "see what the server said; it is told again with the next look"},
    {"previous", "there is no way back: renew, or deploy another pair"},
    {"late", "the target was not told in time; it serves the old pair"},
};

struct reader {
    struct rv_connector_result *result;
    struct rv_buf *csr;
    struct rv_buf log;
    const char *fault; /* first line that does not fit */
    char phase[32], message[400];
    int code;
    bool failed, ended;
    unsigned seen; /* which single lines came */
};

static bool read_hash(const char *value, struct rv_hash *ret)
{
    return strlen(value) == 2 * RV_HASH_SIZE && rv_unhex(ret->b, RV_HASH_SIZE, value, 2 * RV_HASH_SIZE);
}

static bool add_hash(struct rv_hash *list, size_t limit, size_t *count, const char *value)
{
    struct rv_hash h;
    if (!read_hash(value, &h))
        return false;
    if (*count < limit)
        list[(*count)++] = h;
    return true;
}

static bool read_number(const char *value, int64_t *ret)
{
    return rv_int_parse(value, 0, INT64_MAX / 1000, ret, NULL) == RV_OK;
}

/* Unix seconds, up to the year 9999: whatever a target says, sums of times stay in range. */
static bool read_seconds(const char *value, int64_t *ret)
{
    return rv_int_parse(value, 0, 253402300799, ret, NULL) == RV_OK;
}

static bool on_clock(struct reader *r, const char *value)
{
    int64_t seconds;
    if (!read_seconds(value, &seconds))
        return false;
    r->result->report.target_clock = RV_SEC(seconds);
    return true;
}

static bool on_free(struct reader *r, const char *value)
{
    return read_number(value, &r->result->report.free_bytes);
}

static bool on_server(struct reader *r, const char *value)
{
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    rv_printable(&text, value, strlen(value));
    snprintf(r->result->report.server, sizeof r->result->report.server, "%s", rv_buf_text(&text));
    return true;
}

static bool on_locked(struct reader *r, const char *value)
{
    r->result->report.locked_by_other = true;
    return value[0] == '\0';
}

static bool on_foreign(struct reader *r, const char *value)
{
    (void)r;
    return value[0] == '\0';
}

static bool on_armed(struct reader *r, const char *value)
{
    char hash[RV_HASH_TEXT];
    int64_t until;
    if (strlen(value) < RV_HASH_TEXT || value[RV_HASH_TEXT - 1] != ' ')
        return false;
    memcpy(hash, value, RV_HASH_TEXT - 1);
    hash[RV_HASH_TEXT - 1] = '\0';
    if (!read_seconds(value + RV_HASH_TEXT, &until) || !read_hash(hash, &r->result->report.armed))
        return false;
    r->result->report.armed_until = RV_SEC(until);
    return true;
}

static bool on_current(struct reader *r, const char *value)
{
    return read_hash(value, &r->result->report.current);
}

static bool on_previous(struct reader *r, const char *value)
{
    return read_hash(value, &r->result->report.previous);
}

static bool on_pair(struct reader *r, const char *value)
{
    struct rv_target_report *report = &r->result->report;
    return add_hash(report->pairs, RV_COUNT(report->pairs), &report->pair_count, value);
}

static bool on_key(struct reader *r, const char *value)
{
    struct rv_target_report *report = &r->result->report;
    return add_hash(report->keys, RV_COUNT(report->keys), &report->key_count, value);
}

static bool on_spki(struct reader *r, const char *value)
{
    return read_hash(value, &r->result->spki);
}

static bool on_csr(struct reader *r, const char *value)
{
    size_t n = strlen(value);
    return n > 0 && n <= CSR_TEXT_MAX && rv_unbase64(r->csr, value, n, false);
}

static bool on_switched(struct reader *r, const char *value)
{
    struct rv_hash h;
    (void)r;
    return read_hash(value, &h);
}

static bool on_say(struct reader *r, const char *value)
{
    if (r->log.len < sizeof r->result->log) {
        rv_printable(&r->log, value, strlen(value));
        rv_buf_add_text(&r->log, "\n");
    }
    return true;
}

static bool on_failed(struct reader *r, const char *value)
{
    const char *blank = strchr(value, ' ');
    int64_t code;
    size_t n = blank == NULL ? 0 : (size_t)(blank - value);
    if (n == 0 || n >= sizeof r->phase || rv_int_parse(blank + 1, 10, 20, &code, NULL) != RV_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((value[i] < 'a' || value[i] > 'z') && value[i] != '-')
            return false;
    memcpy(r->phase, value, n);
    r->phase[n] = '\0';
    r->code = (int)code;
    return r->failed = true;
}

static bool on_error(struct reader *r, const char *value)
{
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    rv_printable(&text, value, strlen(value));
    snprintf(r->message, sizeof r->message, "%s", rv_buf_text(&text));
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct reader *r, const char *value);
    bool many;
} lines[] = {
    {"clock", on_clock, false},       {"free", on_free, false},
    {"server", on_server, false},     {"locked", on_locked, false},
    {"foreign", on_foreign, false},   {"armed", on_armed, false},
    {"current", on_current, false},   {"previous", on_previous, false},
    {"pair", on_pair, true},          {"key", on_key, true},
    {"spki", on_spki, false},         {"csr", on_csr, false},
    {"switched", on_switched, false}, {"say", on_say, true},
    {"failed", on_failed, false},     {"error", on_error, false},
};

static void read_line(struct reader *r, char *line)
{
    if (strcmp(line, "end") == 0) {
        r->ended = true;
        return;
    }
    size_t n = strcspn(line, " ");
    const char *value = line[n] == ' ' ? line + n + 1 : line + n;
    for (size_t i = 0; i < RV_COUNT(lines); i++) {
        if (strlen(lines[i].name) != n || strncmp(line, lines[i].name, n) != 0)
            continue;
        bool again = (r->seen & 1u << i) != 0 && !lines[i].many;
        r->seen |= 1u << i;
        if (again || !lines[i].read(r, value))
            r->fault = line;
        return;
    }
    r->fault = line;
}

/* What stands before the first line was printed by the login and is not ours. */
static void read_lines(struct reader *r, char *text)
{
    bool begun = false;
    for (char *next = text; next != NULL && !r->ended && r->fault == NULL;) {
        char *line = next;
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (begun)
            read_line(r, line);
        else
            begun = strcmp(line, FIRST_LINE) == 0;
    }
}

static enum rv_status no_answer(enum rv_deploy_verb verb, const struct rv_transport_result *got, const struct reader *r,
                                struct rv_connector_result *ret, struct rv_error *err)
{
    enum rv_status status = verb == RV_DEPLOY_OBSERVE ? RV_UNAVAILABLE : RV_UNCERTAIN;
    snprintf(ret->phase, sizeof ret->phase, "answer");
    if (r->fault != NULL)
        rv_fail(err, status, "the target answered a line that is not understood: \"%.100s\"", r->fault);
    else
        rv_fail(err, status, "the target's answer broke off (exit status %d%s)", got->exit_code,
                got->truncated ? ", too much output" : "");
    return rv_error_hint(err, status, "see whether the login shell of this user is a POSIX shell that runs `sh -c`");
}

/* The line of what the server said that tells most: the first that it calls an error, else the first. Without the
 * server's own time stamp and process number. */
static void telling_line(const char *log, char out[static 200])
{
    static const char *const marks[] = {"[emerg] ", "[alert] ", "[crit] ", "[error] "};
    const char *line = log;
    for (size_t i = 0; i < RV_COUNT(marks); i++) {
        const char *found = strstr(log, marks[i]);
        if (found != NULL) {
            line = found + strlen(marks[i]);
            const char *number = strstr(line, ": ");
            if (number != NULL && strspn(line, "0123456789#") == (size_t)(number - line))
                line = number + 2;
            break;
        }
    }
    snprintf(out, 200, "%.*s", (int)strcspn(line, "\n"), line);
}

static enum rv_status failed(const struct reader *r, struct rv_connector_result *ret, struct rv_error *err)
{
    char said[200];
    enum rv_status status = RV_INTERNAL;
    for (size_t i = 0; i < RV_COUNT(statuses); i++)
        if (statuses[i].code == r->code)
            status = statuses[i].status;
    snprintf(ret->phase, sizeof ret->phase, "%s", r->phase);
    telling_line(ret->log, said);
    rv_fail(err, status, "%s%s%s%s", r->message[0] == '\0' ? "the target refused" : r->message, said[0] ? " (" : "", said,
            said[0] ? ")" : "");
    for (size_t i = 0; i < RV_COUNT(hints); i++)
        if (strcmp(hints[i].phase, r->phase) == 0)
            return rv_error_hint(err, status, "%s", hints[i].hint);
    return status;
}

/* A step that says it is done must have brought what it is for. */
static bool complete(enum rv_deploy_verb verb, const struct reader *r)
{
    const struct rv_connector_result *result = r->result;
    switch (verb) {
    case RV_DEPLOY_OBSERVE:
        return result->report.target_clock != 0;
    case RV_DEPLOY_KEY:
        return r->csr->len > 0 && !rv_hash_is_zero(&result->spki);
    case RV_DEPLOY_TAKE_KEY:
        return !rv_hash_is_zero(&result->spki);
    default:
        return true;
    }
}

enum rv_status rv_deploy_answer(enum rv_deploy_verb verb, const struct rv_transport_result *got, struct rv_buf *csr,
                                struct rv_connector_result *ret, struct rv_error *err)
{
    *ret = (struct rv_connector_result){.report.free_bytes = -1};
    struct reader r = {.result = ret, .csr = csr};
    size_t csr_before = csr->len;
    RV_AUTO(char) char *text = rv_strndup(rv_buf_text(&got->out), got->out.len);
    read_lines(&r, text);
    if (got->err.len > 0) {
        rv_printable(&r.log, (const char *)got->err.data, got->err.len < 1024 ? got->err.len : 1024);
        rv_buf_add_text(&r.log, "\n");
    }
    snprintf(ret->log, sizeof ret->log, "%s", rv_buf_text(&r.log));
    rv_buf_fini(&r.log);
    enum rv_status status;
    bool answered = r.ended && r.fault == NULL && (r.failed ? got->exit_code != 0 : got->exit_code == 0);
    if (!answered || (!r.failed && !complete(verb, &r)))
        status = no_answer(verb, got, &r, ret, err);
    else
        status = r.failed ? failed(&r, ret, err) : RV_OK;
    if (status != RV_OK)
        csr->len = csr_before;
    ret->csr = RV_BYTES(csr->data == NULL ? NULL : csr->data + csr_before, csr->len - csr_before);
    return status;
}
