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
    char key[140], text[400], fault_at[40];
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

/* What is told of a target: what goes on, else why it stands where it stands, and what comes next when that is near. */
static void line_of(const json_t *target, char *out, size_t size)
{
    const json_t *next = json_object_get(target, "next"), *reason = json_object_get(target, "reason");
    const char *state = rv_json_get_text(target, "state", "?"), *step = rv_json_get_text(next, "step", "none");
    const char *doing = rv_json_get_text(target, "doing", NULL), *code = rv_json_get_text(reason, "code", "");
    const char *why = rv_json_get_text(reason, "text", "");
    char when[48];
    rv_cli_when(next, "at", when);
    bool later = strncmp(when, "in ", 3) == 0;
    bool still = strcmp(state, "Ready") == 0 || strcmp(state, "NeedsPerson") == 0 || strcmp(step, "none") == 0 ||
                 strcmp(code, "Batch") == 0 || strcmp(code, "FailureBudget") == 0 || strcmp(code, "Approval") == 0;
    if (doing != NULL)
        snprintf(out, size, "%s", rv_cli_doing(doing));
    else if (still)
        snprintf(out, size, "%s", why);
    else
        snprintf(out, size, "%s; next: %s%s%s", why, step, later ? " " : "", later ? when : "");
}

static void put_line(struct rv_cli *cli, const char *key, const char *state, const char *text, bool clip)
{
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, text, strlen(text));
    int room = cli->width - 40;
    rv_cli_printf(cli, "  %-24s ", key);
    rv_cli_put(cli, rv_cli_tone(state), state);
    rv_cli_printf(cli, "%*s ", (int)(12 - strlen(state) % 13), "");
    if (clip && room > 10 && (int)clean.len > room)
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

/* Not on a terminal: a line when something changed, and one for each failure. */
static void tell_news(struct following *f, const char *key, const char *state, const json_t *target, const char *text)
{
    struct line *line = line_for(f, key);
    const json_t *fault = json_object_get(target, "fault");
    const char *broke = rv_json_get_text(fault, "message", NULL), *at = rv_json_get_text(fault, "at", "?");
    char gist[200], failed[400];
    /* the same step some seconds nearer is no news */
    snprintf(gist, sizeof gist, "%s %s %s %s", state, rv_json_get_text(json_object_get(target, "reason"), "code", ""),
             rv_json_get_text(json_object_get(target, "next"), "step", ""), rv_json_get_text(target, "doing", ""));
    if (line == NULL)
        return;
    bool news = strcmp(line->text, gist) != 0;
    if (broke != NULL && strcmp(line->fault_at, at) != 0) {
        snprintf(line->fault_at, sizeof line->fault_at, "%s", at);
        snprintf(failed, sizeof failed, "failed: %s", broke);
        put_line(f->cli, key, state, failed, false);
    }
    if (news)
        put_line(f->cli, key, state, text, false);
    snprintf(line->text, sizeof line->text, "%s", gist);
    fflush(f->cli->out);
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
    if (!cli->terminal) {
        tell_news(f, key, state, target, text);
    } else if (f->drawn < LINES) {
        rv_cli_printf(cli, "\033[2K");
        put_line(cli, key, state, text, true);
        f->drawn++;
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

/* One look at everything. Sets the verdict when nothing moves any more. */
static bool look(struct following *f)
{
    struct rv_cli *cli = f->cli;
    int worst = RV_EXIT_DONE;
    bool moving = false;
    if (cli->terminal && f->drawn > 0 && !cli->json && !cli->quiet)
        rv_cli_printf(cli, "\033[%dA", f->drawn);
    f->drawn = 0;
    for (size_t i = 0; i < f->count; i++) {
        RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s", f->names[i]);
        json_t *view = NULL;
        int status = 0;
        if (rv_cli_request(cli, RV_GET, path, NULL, &status, &view, &f->err) != RV_OK)
            return false;
        if (status == 503) {
            json_decref(view);
            rv_fail(&f->err, RV_UNAVAILABLE, "the service is not available now");
            return false;
        }
        if (status != 200) {
            rv_cli_problem(cli, view, status);
            json_decref(view);
            f->verdict = RV_EXIT_ERROR;
            return true;
        }
        judge(f, view, &worst, &moving);
        json_decref(view);
    }
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
    const char *timeout = rv_cli_option(cli, "timeout");
    rv_dur limit = 0;
    if (timeout != NULL && rv_dur_parse(timeout, &limit, &f.err) != RV_OK) {
        rv_error_where(&f.err, RV_INVALID, "--timeout");
        return rv_cli_fail(cli, &f.err);
    }
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
