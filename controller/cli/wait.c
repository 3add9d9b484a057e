/* Following certificates until they stand still. On a terminal one line per target is drawn again and again; elsewhere
 * each change is one line. The service's events say when to look; a second without any is a reason too. */
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"
#include "port/clock.h"

#define LINES 30       /* targets drawn at most */
#define LEAST 150      /* ms between two looks */
#define PATIENCE 60000 /* ms that the service may be away, for a restart */

struct line { /* what was said of a target */
    char key[140], text[120], fault_at[40];
};
struct following {
    struct rv_cli *cli;
    const char *const *names;
    size_t count;
    int64_t deadline, looked, away_since; /* monotonic, 0: none */
    int drawn;                            /* lines on the screen */
    size_t line_count;
    struct line lines[LINES];
    int verdict; /* -1: not yet */
    struct rv_error err;
};

static int64_t now(void)
{
    return rv_mono(&rv_clock_system);
}

/* What people wait for, in the order in which it happens; the rest of the audit is for those who look closer. */
static const struct {
    const char *action, *text;
    enum rv_tone tone;
} milestones[] = {
    {"key.made", "key made", RV_TONE_PLAIN},
    {"target.staged", "put on the target, beside what is there", RV_TONE_PLAIN},
    {"target.switched", "switched; asking the endpoints", RV_TONE_PLAIN},
    {"target.kept", "proved by handshakes, and kept", RV_TONE_GOOD},
    {"target.undone", "put back: what was served before is served again", RV_TONE_BAD},
    {"drift.found", "something else is served than was proved here", RV_TONE_WARN},
    {"key.lost", "the private key is no longer on the target", RV_TONE_WARN},
};

/* A word that says where it stands, when it does stand; NULL while it moves. */
static const char *standing(const char *state, const char *code)
{
    static const char *const codes[] = {"Batch", "Soak", "FailureBudget", "Approval", "Backoff", "TargetLocked"};
    if (strcmp(state, "Renewing") != 0 && strcmp(state, "Progressing") != 0)
        return state;
    for (size_t i = 0; i < RV_COUNT(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return "Waiting";
    return NULL;
}

/* What goes on or why it stands where it stands, and when it is tried again. */
static void line_of(const json_t *target, char *out, size_t size)
{
    const json_t *next = json_object_get(target, "next"), *reason = json_object_get(target, "reason");
    const char *why = rv_json_get_text(reason, "text", ""), *code = rv_json_get_text(reason, "code", "");
    char when[48];
    rv_cli_when(next, "at", when);
    bool again = strcmp(code, "Backoff") == 0 || strcmp(code, "Soak") == 0;
    if (again && strncmp(when, "in ", 3) == 0)
        snprintf(out, size, "goes on %s: %s", when, why);
    else
        snprintf(out, size, "%s", why);
}

static void put_line(struct rv_cli *cli, const char *key, const char *state, const char *text, bool clip)
{
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, text, strlen(text));
    int room = cli->width - 41;
    rv_cli_printf(cli, "  %-24s ", key);
    rv_cli_put(cli, rv_cli_tone(state), state);
    rv_cli_printf(cli, "%*s ", (int)(12 - strlen(state) % 13), "");
    if (clip && room > 10 && (int)rv_cli_columns(rv_buf_text(&clean)) > room)
        rv_cli_printf(cli, "%.*s…\n", room - 1, rv_buf_text(&clean));
    else
        rv_cli_printf(cli, "%s\n", rv_buf_text(&clean));
}

static struct line *line_for(struct following *f, const char *key)
{
    for (size_t i = 0; i < f->line_count; i++)
        if (strcmp(f->lines[i].key, key) == 0)
            return &f->lines[i];
    if (f->line_count == LINES)
        return NULL;
    struct line *line = &f->lines[f->line_count++];
    *line = (struct line){0};
    snprintf(line->key, sizeof line->key, "%s", key);
    return line;
}

/* Not on a terminal: a line when it comes to stand, and each failure once, on a line of its own. Failures of before this
 * was asked for are only told of what still needs a person. */
static void tell_standing(struct following *f, const char *key, const char *state, const json_t *target, const char *text)
{
    struct line *line = line_for(f, key);
    const json_t *fault = json_object_get(target, "fault");
    const char *broke = rv_json_get_text(fault, "message", NULL), *at = rv_json_get_text(fault, "at", "?");
    const char *code = rv_json_get_text(json_object_get(target, "reason"), "code", "");
    const char *word = standing(state, code);
    char gist[120];
    if (line == NULL)
        return;
    snprintf(gist, sizeof gist, "%s %s", word != NULL ? word : "", word != NULL ? code : "");
    if (word != NULL && strcmp(line->text, gist) != 0)
        put_line(f->cli, key, word, text, false);
    snprintf(line->text, sizeof line->text, "%s", gist);
    bool old = strcmp(at, f->cli->seen_at) <= 0 && strcmp(state, "NeedsPerson") != 0;
    if (broke == NULL || old || strcmp(line->fault_at, at) == 0)
        return;
    snprintf(line->fault_at, sizeof line->fault_at, "%s", at);
    RV_AUTO(rv_buf) struct rv_buf failed = {0};
    rv_buf_printf(&failed, "failed: %s", broke);
    rv_cli_paragraph(f->cli, 6, RV_TONE_BAD, rv_buf_text(&failed));
}

/* On a terminal: where everything stands, drawn over what was there. */
static void draw(struct following *f, const char *key, const char *state, const json_t *target, const char *text)
{
    struct rv_cli *cli = f->cli;
    const char *broke = rv_json_get_text(json_object_get(target, "fault"), "message", NULL);
    int room = cli->width - 14;
    if (f->drawn >= LINES)
        return;
    rv_cli_printf(cli, "\033[2K");
    put_line(cli, key, state, text, true);
    f->drawn++;
    if (broke == NULL || f->drawn >= LINES || strcmp(state, "Ready") == 0)
        return;
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, broke, strlen(broke));
    bool clip = room > 10 && (int)clean.len > room;
    rv_cli_printf(cli, "\033[2K      ");
    RV_AUTO(rv_buf) struct rv_buf failed = {0};
    rv_buf_printf(&failed, "failed: %.*s%s", clip ? room - 1 : (int)clean.len, rv_buf_text(&clean), clip ? "…" : "");
    rv_cli_put(cli, RV_TONE_BAD, rv_buf_text(&failed));
    rv_cli_printf(cli, "\n");
    f->drawn++;
}

static void show_target(struct following *f, const char *name, const json_t *target)
{
    struct rv_cli *cli = f->cli;
    char key[140], text[400];
    const char *state = rv_json_get_text(target, "state", "?"), *where = rv_json_get_text(target, "target", "");
    snprintf(key, sizeof key, "%s%s%s", name, *where != '\0' ? "/" : "", where);
    line_of(target, text, sizeof text);
    if (cli->json || cli->quiet)
        return;
    if (cli->terminal)
        draw(f, key, state, target, text);
    else
        tell_standing(f, key, state, target, text);
}

/* ---- what happened, from the audit ---- */

static bool ours(const struct following *f, const char *subject)
{
    for (size_t i = 0; i < f->count; i++) {
        size_t n = strlen(f->names[i]);
        if (strncmp(subject, f->names[i], n) == 0 && (subject[n] == '/' || subject[n] == '\0'))
            return true;
    }
    return false;
}

static void tell_event(struct following *f, const json_t *event)
{
    const char *action = rv_json_get_text(event, "action", ""), *subject = rv_json_get_text(event, "subject", "");
    if (!ours(f, subject))
        return;
    for (size_t i = 0; i < RV_COUNT(milestones); i++)
        if (strcmp(milestones[i].action, action) == 0) {
            rv_cli_printf(f->cli, "  %-24.*s ", (int)strcspn(subject, " "), subject);
            rv_cli_put(f->cli, milestones[i].tone, milestones[i].text);
            rv_cli_printf(f->cli, "\n");
        }
}

/* 0: none was given. */
static enum rv_status timeout_of(const struct rv_cli *cli, rv_dur *ret, struct rv_error *err)
{
    const char *text = rv_cli_option(cli, "timeout");
    *ret = 0;
    enum rv_status status = text != NULL ? rv_dur_parse(text, ret, err) : RV_OK;
    return status == RV_OK ? status : rv_error_where(err, status, "--timeout");
}

bool rv_cli_wait_mark(struct rv_cli *cli)
{
    struct rv_error err;
    rv_dur ignored;
    json_t *page = NULL;
    int status = 0;
    cli->seen = 0;
    cli->seen_at[0] = '\0';
    if (timeout_of(cli, &ignored, &err) != RV_OK) {
        rv_cli_fail(cli, &err);
        return false;
    }
    if (rv_cli_request(cli, RV_GET, "/api/v1/audit?order=newest&limit=1", NULL, &status, &page, &err) != RV_OK)
        return true; /* what comes next fails as well, and says why */
    const json_t *last = json_array_get(json_object_get(page, "items"), 0);
    cli->seen = rv_json_get_int(last, "number", 0);
    snprintf(cli->seen_at, sizeof cli->seen_at, "%s", rv_json_get_text(last, "at", ""));
    json_decref(page);
    return true;
}

/* The rows since the last time. What cannot be read now is read later. */
static void tell_events(struct following *f)
{
    struct rv_cli *cli = f->cli;
    struct rv_error err;
    size_t i;
    json_t *event;
    if (cli->seen == 0 || cli->json || cli->quiet || cli->terminal)
        return;
    for (size_t n = 1000; n == 1000;) {
        char path[80];
        json_t *page = NULL;
        int status = 0;
        snprintf(path, sizeof path, "/api/v1/audit?after=%lld&limit=1000", (long long)cli->seen);
        if (rv_cli_request(cli, RV_GET, path, NULL, &status, &page, &err) != RV_OK)
            return;
        const json_t *items = json_object_get(page, "items");
        json_array_foreach (items, i, event) {
            tell_event(f, event);
            cli->seen = rv_json_get_int(event, "number", cli->seen);
        }
        n = json_array_size(items);
        json_decref(page);
    }
}

static void judge(struct following *f, const json_t *view, int *worst, bool *moving)
{
    const char *state = rv_json_get_text(view, "state", "?");
    size_t i;
    json_t *target;
    bool ready = rv_json_get_bool(view, "ready", false) && strcmp(state, "Ready") == 0;
    bool watching =
        strcmp(rv_json_get_text(view, "mode", ""), "Observe") == 0 || json_array_size(json_object_get(view, "targets")) == 0;
    const char *reason = rv_json_get_text(json_object_get(view, "reason"), "code", "");
    int status = ready ? RV_EXIT_DONE : rv_cli_exit_of(state, reason);
    json_array_foreach (json_object_get(view, "targets"), i, target)
        show_target(f, rv_json_get_text(view, "name", "?"), target);
    if (strcmp(reason, "NeverObserved") == 0)
        watching = false; /* the first look is still to come */
    if (!ready && watching)
        status = RV_EXIT_WAITING;
    /* Degraded and on its way back is still moving; only these stand still. */
    if (!ready && !watching && status != RV_EXIT_PERSON && !(status == RV_EXIT_FAILED && strcmp(state, "Degraded") != 0))
        *moving = true;
    if (status > *worst)
        *worst = status;
}

/* Every certificate into views; a refusal is the verdict. */
static bool fetch(struct following *f, json_t *views)
{
    for (size_t i = 0; i < f->count; i++) {
        RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s", f->names[i]);
        json_t *view = NULL;
        int status = 0;
        if (rv_cli_request(f->cli, RV_GET, path, NULL, &status, &view, &f->err) != RV_OK)
            return false;
        if (status == 503) {
            json_decref(view);
            rv_fail(&f->err, RV_UNAVAILABLE, "the service is not available now");
            return false;
        }
        if (status != 200) {
            rv_cli_problem(f->cli, view, status);
            json_decref(view);
            f->verdict = RV_EXIT_ERROR;
            return true;
        }
        json_array_append_new(views, view);
    }
    return true;
}

/* One look at everything. Sets the verdict when nothing moves any more. */
static bool look(struct following *f)
{
    struct rv_cli *cli = f->cli;
    int worst = RV_EXIT_DONE;
    bool moving = false;
    if (cli->terminal && f->drawn > 0 && !cli->json && !cli->quiet)
        rv_cli_printf(cli, "\033[%dA\033[J", f->drawn);
    f->drawn = 0;
    RV_AUTO(json) json_t *views = json_array();
    if (!fetch(f, views))
        return false;
    if (f->verdict >= 0)
        return true;
    tell_events(f); /* read after the views: nothing that led to them is missing */
    size_t i;
    json_t *view;
    json_array_foreach (views, i, view)
        judge(f, view, &worst, &moving);
    fflush(cli->out);
    f->looked = now();
    f->away_since = 0;
    if (!moving)
        f->verdict = worst;
    return true;
}

static bool too_late(struct following *f)
{
    if (f->deadline == 0 || now() < f->deadline)
        return false;
    f->verdict = RV_EXIT_WAITING;
    return true;
}

static bool on_data(void *arg, struct rv_bytes bytes)
{
    struct following *f = arg;
    if (too_late(f))
        return false;
    if (now() - f->looked < LEAST && bytes.len > 0) {
        struct timespec rest = {0, LEAST * 1000000L};
        nanosleep(&rest, NULL);
    }
    return look(f) && f->verdict < 0;
}

/* The service may restart under us: look for it for a while. */
static bool come_back(struct following *f)
{
    if (f->away_since == 0)
        f->away_since = now();
    if (now() - f->away_since > PATIENCE)
        return false;
    rv_http_client_destroy(f->cli->client);
    f->cli->client = NULL;
    struct timespec rest = {0, 300000000L};
    nanosleep(&rest, NULL);
    return true;
}

int rv_cli_wait(struct rv_cli *cli, const char *const *names, size_t count)
{
    struct following f = {.cli = cli, .names = names, .count = count, .verdict = -1};
    rv_dur limit = 0;
    if (timeout_of(cli, &limit, &f.err) != RV_OK)
        return rv_cli_fail(cli, &f.err);
    f.deadline = limit > 0 ? now() + limit : 0;
    while (f.verdict < 0 && count > 0 && !too_late(&f)) {
        struct rv_http_client *events = NULL;
        struct rv_http_reply reply = {0};
        struct rv_http_call call = {.method = RV_GET, .path = "/api/v1/events"};
        if (!look(&f)) {
            if (!come_back(&f))
                return rv_cli_fail(cli, &f.err);
            continue;
        }
        if (f.verdict >= 0)
            break;
        if (rv_cli_connect(cli, &events, &f.err) != RV_OK ||
            rv_http_client_stream(events, &call, on_data, &f, &reply, &f.err) != RV_OK || f.verdict < 0) {
            if (f.verdict < 0 && !come_back(&f)) {
                rv_http_client_destroy(events);
                rv_http_reply_fini(&reply);
                return rv_cli_fail(cli, &f.err);
            }
        }
        rv_http_client_destroy(events);
        rv_http_reply_fini(&reply);
    }
    return f.verdict < 0 ? RV_EXIT_DONE : f.verdict;
}
