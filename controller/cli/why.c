/* why: the question of three in the morning. And how far a rollout has come. */
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "cli/cli.h"

static const struct {
    const char *state, *sentence;
} sentences[] = {
    {"Ready", "is Ready: every endpoint serves it"},
    {"Renewing", "is served everywhere, and a newer one is on its way"},
    {"Progressing", "is on its way"},
    {"Waiting", "is waiting"},
    {"Degraded", "is Degraded: something else is served than what belongs there"},
    {"NeedsPerson", "needs a person"},
};

static void headline(struct rv_cli *cli, const char *name, const char *state)
{
    const char *sentence = state;
    for (size_t i = 0; i < RV_COUNT(sentences); i++)
        if (strcmp(sentences[i].state, state) == 0)
            sentence = sentences[i].sentence;
    rv_cli_put(cli, RV_TONE_BOLD, name);
    rv_cli_printf(cli, " ");
    rv_cli_put(cli, rv_cli_tone(state), sentence);
    rv_cli_printf(cli, ".\n");
}

static void put_fault(struct rv_cli *cli, const json_t *fault)
{
    char when[48];
    if (fault == NULL)
        return;
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    rv_buf_printf(&text, "Last failure, %s: %s", rv_cli_when(fault, "at", when), rv_json_get_text(fault, "message", "?"));
    rv_cli_paragraph(cli, 4, RV_TONE_BAD, rv_buf_text(&text));
}

/* Only what says something: a limit nobody has come near is no news. */
static void put_budget(struct rv_cli *cli, const json_t *b, bool halt)
{
    char when[48];
    RV_AUTO(rv_buf) struct rv_buf text = {0};
    int64_t failures = rv_json_get_int(b, "failures", 0), back = rv_json_get_int(b, "switchFailures", 0);
    int64_t issued = rv_json_get_int(b, "issued", 0), drifts = rv_json_get_int(b, "drifts", 0);
    if (failures > 0)
        rv_buf_printf(&text, "%lld failure%s in a row (%s: %s). ", (long long)failures, failures == 1 ? "" : "s",
                      rv_json_get_text(b, "failedStep", "?"), rv_json_get_text(b, "failedStatus", "?"));
    if (back > 0)
        rv_buf_printf(&text, "Put back %lld of at most %lld times. ", (long long)back,
                      (long long)rv_json_get_int(b, "switchFailuresLimit", 0));
    if (issued > 1)
        rv_buf_printf(&text, "Issued %lld of at most %lld since it last converged. ", (long long)issued,
                      (long long)rv_json_get_int(b, "issuedLimit", 0));
    if (drifts > 0)
        rv_buf_printf(&text, "Replaced by somebody else %lld of at most %lld times today. ", (long long)drifts,
                      (long long)rv_json_get_int(b, "driftsLimit", 0));
    if (!halt && rv_json_get_text(b, "notBefore", NULL) != NULL && strncmp(rv_cli_when(b, "notBefore", when), "in ", 3) == 0)
        rv_buf_printf(&text, "Next attempt %s.", when);
    if (text.len > 0)
        rv_cli_paragraph(cli, 4, RV_TONE_DIM, rv_buf_text(&text));
}

static void put_effects(struct rv_cli *cli, const json_t *effects)
{
    static const char *const heads[] = {"TRIED", "STEP", "OUTCOME", "ATTEMPT", "BECAUSE"};
    if (json_array_size(effects) == 0)
        return;
    struct rv_table *t = rv_table_create(heads, 5);
    size_t i;
    json_t *e;
    json_array_foreach (effects, i, e) {
        char when[48], attempt[24];
        const char *state = rv_json_get_text(e, "state", "?");
        bool good = strcmp(state, "done") == 0, open = strcmp(state, "intent") == 0;
        snprintf(attempt, sizeof attempt, "%lld", (long long)rv_json_get_int(e, "attempt", 1));
        rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(e, "begunAt", when));
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(e, "step", "?"));
        rv_table_cell(t, good ? RV_TONE_GOOD : open ? RV_TONE_BUSY : RV_TONE_BAD, open ? "under way" : state);
        rv_table_cell(t, RV_TONE_PLAIN, attempt);
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(e, "reason", ""));
    }
    rv_table_print(cli, t, 4);
}

static void put_target(struct rv_cli *cli, const json_t *t, const char *told)
{
    const char *state = rv_json_get_text(t, "state", "?"), *name = rv_json_get_text(t, "target", "");
    const char *step = rv_json_get_text(t, "step", "none"), *verdict = rv_json_get_text(t, "verdict", "");
    const char *doing = rv_json_get_text(t, "doing", NULL), *text = rv_json_get_text(t, "text", "");
    char when[48];
    bool halt = strcmp(verdict, "halt") == 0, now = strcmp(verdict, "do") == 0;
    rv_cli_when(t, "at", when);
    rv_cli_printf(cli, "\n  ");
    rv_cli_put(cli, RV_TONE_BOLD, *name != '\0' ? name : "(watched only)");
    rv_cli_printf(cli, "  ");
    rv_cli_put(cli, rv_cli_tone(state), state);
    if (halt && doing == NULL)
        rv_cli_put(cli, RV_TONE_BAD, "  stopped until a person acts");
    else if (strcmp(step, "none") != 0 && doing == NULL)
        rv_cli_printf(cli, "  next: %s %s", step, now ? "now" : strcmp(when, "-") == 0 ? "" : when);
    rv_cli_printf(cli, "\n");
    if (strstr(told, text) == NULL)
        rv_cli_paragraph(cli, 4, RV_TONE_PLAIN, text);
    put_fault(cli, json_object_get(t, "fault"));
    put_budget(cli, json_object_get(t, "budget"), halt);
    put_effects(cli, json_object_get(t, "effects"));
}

/* The exit status of the worst target. */
static int exit_of(const json_t *targets)
{
    int worst = json_array_size(targets) == 0 ? RV_EXIT_WAITING : RV_EXIT_DONE;
    size_t i;
    json_t *t;
    json_array_foreach (targets, i, t) {
        int status =
            rv_cli_exit_of(rv_json_get_text(t, "state", "?"), rv_json_get_text(json_object_get(t, "reason"), "code", ""));
        if (status > worst)
            worst = status;
    }
    return worst;
}

int rv_cmd_why(struct rv_cli *cli)
{
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s/why", cli->arguments[0]);
    RV_AUTO(json) json_t *why = rv_cli_get(cli, path);
    if (why == NULL)
        return cli->exit_code;
    const json_t *targets = json_object_get(why, "targets");
    int status = exit_of(targets);
    if (cli->json) {
        rv_cli_json(cli, why);
        return status;
    }
    if (cli->quiet)
        return status;
    headline(cli, rv_json_get_text(why, "name", "?"), rv_json_get_text(why, "state", "?"));
    rv_cli_printf(cli, "\n");
    rv_cli_paragraph(cli, 2, RV_TONE_PLAIN, rv_json_get_text(why, "text", ""));
    size_t i;
    json_t *t;
    json_array_foreach (targets, i, t)
        put_target(cli, t, rv_json_get_text(why, "text", ""));
    return status;
}

/* ---- rollout status ---- */

static void put_rollout(struct rv_cli *cli, const json_t *r)
{
    static const char *const heads[] = {"BATCH", "TARGET", "STATE", "WHY"};
    struct rv_table *t = rv_table_create(heads, 4);
    size_t i, k;
    json_t *batch, *target;
    json_array_foreach (json_object_get(r, "batches"), i, batch) {
        json_array_foreach (json_object_get(batch, "targets"), k, target) {
            char number[24] = " ";
            const char *state = rv_json_get_text(target, "state", "?");
            const char *fault = rv_json_get_text(json_object_get(target, "fault"), "message", NULL);
            if (k == 0)
                snprintf(number, sizeof number, "%lld", (long long)rv_json_get_int(batch, "batch", 0));
            rv_table_cell(t, RV_TONE_PLAIN, number);
            rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(target, "target", "?"));
            rv_table_cell(t, rv_cli_tone(state), state);
            rv_table_cell(t, RV_TONE_PLAIN,
                          fault != NULL ? fault : rv_json_get_text(json_object_get(target, "reason"), "text", ""));
        }
    }
    rv_cli_put(cli, RV_TONE_BOLD, rv_json_get_text(r, "name", "?"));
    rv_cli_printf(cli, ": %lld of %lld targets serve the newest certificate", (long long)rv_json_get_int(r, "done", 0),
                  (long long)rv_json_get_int(r, "total", 0));
    if (rv_json_get_int(r, "failed", 0) > 0)
        rv_cli_printf(cli, ", %lld failed", (long long)rv_json_get_int(r, "failed", 0));
    rv_cli_printf(cli, "\n\n");
    rv_table_print(cli, t, 2);
}

static int show_rollout(struct rv_cli *cli, const json_t *r)
{
    int worst = RV_EXIT_DONE;
    size_t i;
    json_t *batch;
    json_array_foreach (json_object_get(r, "batches"), i, batch) {
        int status = exit_of(json_object_get(batch, "targets"));
        worst = status > worst ? status : worst;
    }
    if (cli->json)
        rv_cli_json(cli, r);
    else if (!cli->quiet)
        put_rollout(cli, r);
    return worst;
}

int rv_cmd_rollout_status(struct rv_cli *cli)
{
    const char *name = cli->arguments[0];
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s/rollout", name);
    RV_AUTO(json) json_t *r = rv_cli_get(cli, path);
    if (r == NULL)
        return cli->exit_code;
    if (rv_cli_option(cli, "follow") == NULL)
        return show_rollout(cli, r);
    int status = rv_cli_wait(cli, &name, 1);
    rv_cli_verdict(cli, status);
    return status;
}
