/* doctor: is everything in order, and if not, what and what to do. */
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/cli.h"
#include "conf/settings.h"
#include "port/clock.h"
#include "port/process.h"

enum grade { FINE, ODD, PERSON, BROKEN }; /* the worse the larger */

struct checkup {
    struct rv_cli *cli;
    json_t *checks;
    enum grade worst;
};

static void note(struct checkup *c, enum grade grade, const char *what, const char *text, const char *hint)
{
    static const char *const words[] = {[FINE] = "fine", [ODD] = "odd", [BROKEN] = "broken", [PERSON] = "needsPerson"};
    static const char *const marks[] = {[FINE] = "ok", [ODD] = "--", [BROKEN] = "!!", [PERSON] = "!!"};
    static const enum rv_tone tones[] = {
        [FINE] = RV_TONE_GOOD, [ODD] = RV_TONE_WARN, [BROKEN] = RV_TONE_BAD, [PERSON] = RV_TONE_BAD};
    struct rv_cli *cli = c->cli;
    json_t *o = json_object();
    rv_json_set_text(o, "check", what);
    rv_json_set_text(o, "grade", words[grade]);
    rv_json_set_text(o, "text", text);
    rv_json_set_text(o, "hint", hint);
    json_array_append_new(c->checks, o);
    if (grade > c->worst)
        c->worst = grade;
    if (cli->json || cli->quiet)
        return;
    rv_cli_put(cli, tones[grade], marks[grade]);
    rv_cli_printf(cli, "  %-12s ", what);
    rv_cli_put(cli, RV_TONE_PLAIN, text);
    rv_cli_printf(cli, "\n");
    if (hint != NULL)
        rv_cli_paragraph(cli, 17, RV_TONE_DIM, hint);
}

static void check_version(struct checkup *c, const json_t *status)
{
    char text[120];
    const char *theirs = rv_json_get_text(status, "version", "?");
    bool same = strcmp(theirs, REEVE_VERSION) == 0;
    snprintf(text, sizeof text, same ? "%s" : "service %s, this program " REEVE_VERSION, theirs);
    note(c, same ? FINE : ODD, "version", text, same ? NULL : "use the programs of one version");
}

static void check_clock(struct checkup *c, const json_t *status)
{
    rv_time theirs = 0;
    char text[120], span[RV_TIME_TEXT];
    if (rv_time_parse(rv_json_get_text(status, "now", ""), &theirs, NULL) != RV_OK)
        return;
    rv_dur off = rv_now(&rv_clock_system) - theirs;
    off = off < 0 ? -off : off;
    snprintf(text, sizeof text, off < RV_SEC(5) ? "agrees with this machine" : "differs from this machine by %s",
             rv_dur_text(span, off));
    note(c, off < RV_SEC(5) ? FINE : ODD, "clock", text, off < RV_SEC(5) ? NULL : "check the time service on both machines");
}

static void check_ready(struct checkup *c)
{
    json_t *answer = NULL;
    struct rv_error err;
    int status = 0;
    if (rv_cli_request(c->cli, RV_GET, "/readyz", NULL, &status, &answer, &err) != RV_OK)
        note(c, BROKEN, "ready", err.message, err.hint[0] != '\0' ? err.hint : NULL);
    else if (status == 200)
        note(c, FINE, "ready", "work can begin", NULL);
    else
        note(c, BROKEN, "ready", rv_json_get_text(answer, "detail", "not ready"), rv_json_get_text(answer, "hint", NULL));
    json_decref(answer);
}

static void check_audit(struct checkup *c)
{
    json_t *answer = NULL;
    struct rv_error err;
    int status = 0;
    char text[120];
    if (rv_cli_request(c->cli, RV_GET, "/api/v1/audit/verify", NULL, &status, &answer, &err) == RV_OK && status == 200) {
        bool ok = rv_json_get_bool(answer, "ok", false);
        if (ok)
            snprintf(text, sizeof text, "whole, %lld rows", (long long)rv_json_get_int(answer, "count", 0));
        else
            snprintf(text, sizeof text, "row %lld is not what was written",
                     (long long)rv_json_get_int(answer, "firstBad", 0));
        note(c, ok ? FINE : BROKEN, "audit", text, ok ? NULL : "keep a copy of the data folder as it is now");
    }
    json_decref(answer);
}

static void check_disk(struct checkup *c)
{
    struct statvfs fs;
    char text[120];
    const char *data = rv_cli_option(c->cli, "data");
    if (rv_cli_option(c->cli, "server") != NULL)
        return;
    RV_AUTO(char) char *usual = NULL;
    if (data == NULL)
        data = rv_cli_env(c->cli, "REEVE_DATA");
    if (data == NULL)
        data = usual = rv_settings_data_default(c->cli->environment);
    if (statvfs(data, &fs) != 0 || fs.f_blocks == 0)
        return;
    double percent = 100.0 * (double)fs.f_bavail / (double)fs.f_blocks;
    snprintf(text, sizeof text, "%.0f %% free in %s", percent, data);
    note(c,
         percent >= 10  ? FINE
         : percent >= 5 ? ODD
                        : BROKEN,
         "disk", text, percent >= 10 ? NULL : "below 5 % no certificates are issued; make room");
}

static void check_certificates(struct checkup *c, const json_t *status)
{
    const json_t *counts = json_object_get(status, "counts");
    long long all = (long long)rv_json_get_int(counts, "certificates", 0);
    long long person = (long long)rv_json_get_int(counts, "needsPerson", 0);
    long long degraded = (long long)rv_json_get_int(counts, "degraded", 0);
    char text[160];
    snprintf(text, sizeof text, "%lld declared, %lld ready, %lld degraded, %lld need a person", all,
             (long long)rv_json_get_int(counts, "ready", 0), degraded, person);
    note(c, person > 0 ? PERSON : degraded > 0 ? ODD : FINE, "certificates", text, NULL);
    if (person == 0 && degraded == 0)
        return;
    json_t *list = rv_cli_list(c->cli, "/api/v1/certificates"), *o;
    size_t i, shown = 0;
    json_array_foreach (json_object_get(list, "items"), i, o) {
        const char *state = rv_json_get_text(o, "state", "");
        bool bad = strcmp(state, "NeedsPerson") == 0;
        if ((!bad && strcmp(state, "Degraded") != 0) || shown++ >= 20)
            continue;
        char hint[160];
        snprintf(hint, sizeof hint, "reeve why %s", rv_json_get_text(o, "name", "?"));
        snprintf(text, sizeof text, "%s: %.100s", rv_json_get_text(o, "name", "?"),
                 rv_json_get_text(json_object_get(o, "reason"), "text", state));
        note(c, bad ? PERSON : ODD, "", text, hint);
    }
    json_decref(list);
}

/* The independent check; it reads the data folder itself, so it runs on this machine only. */
static void check_deep(struct checkup *c)
{
    RV_AUTO(char) char *program = rv_cli_sibling("reeve-fsck");
    RV_AUTO(char) char *usual = NULL;
    const char *data = rv_cli_option(c->cli, "data");
    if (data == NULL)
        data = rv_cli_env(c->cli, "REEVE_DATA");
    if (data == NULL)
        data = usual = rv_settings_data_default(c->cli->environment);
    const char *const argv[] = {program, "--data", data, NULL};
    struct rv_process_spec spec = {.argv = argv, .output_limit = 65536, .timeout = RV_MIN(10)};
    struct rv_process_result result = {0};
    struct rv_error err;
    if (rv_process_system.ops->run(rv_process_system.ctx, &spec, &result, &err) != RV_OK) {
        note(c, BROKEN, "invariants", err.message, NULL);
        return;
    }
    char text[400];
    size_t n = strcspn(rv_buf_text(&result.out), "\n");
    snprintf(text, sizeof text, "%.*s", (int)(n < 380 ? n : 380), rv_buf_text(&result.out));
    note(c, result.exit_code == 0 ? FINE : BROKEN, "invariants",
         text[0] != '\0'         ? text
         : result.exit_code == 0 ? "hold"
                                 : "do not hold",
         result.exit_code == 0 ? NULL : "run reeve-fsck itself for the whole list");
    rv_process_result_fini(&result);
}

int rv_cmd_doctor(struct rv_cli *cli)
{
    struct checkup c = {.cli = cli, .checks = json_array()};
    json_t *status = NULL;
    struct rv_error err;
    int http = 0;
    if (rv_cli_request(cli, RV_GET, "/api/v1/status", NULL, &http, &status, &err) != RV_OK) {
        note(&c, BROKEN, "service", err.message, err.hint[0] != '\0' ? err.hint : NULL);
    } else if (http != 200) {
        note(&c, BROKEN, "service", rv_json_get_text(status, "detail", "it does not answer"),
             rv_json_get_text(status, "hint", NULL));
    } else {
        note(&c, FINE, "service", "answers", NULL);
        check_version(&c, status);
        check_ready(&c);
        check_clock(&c, status);
        check_disk(&c);
        check_audit(&c);
        check_certificates(&c, status);
    }
    json_decref(status);
    if (rv_cli_option(cli, "deep") != NULL)
        check_deep(&c);
    if (cli->json) {
        RV_AUTO(json) json_t *all = json_pack("{s:O}", "checks", c.checks);
        rv_cli_json(cli, all);
    }
    json_decref(c.checks);
    if (c.worst == BROKEN && cli->quiet)
        rv_cli_fail_text(cli, "something is broken: run `reeve doctor`");
    return c.worst == BROKEN ? RV_EXIT_ERROR : c.worst == PERSON ? RV_EXIT_PERSON : RV_EXIT_DONE;
}
