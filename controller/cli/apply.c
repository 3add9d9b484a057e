/* apply, plan, diff: manifests on their way in. Faults are shown with the file and line they were written in. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "conf/manifest_file.h"

static inline void rv_auto_manifest(struct rv_manifest **m)
{
    rv_manifest_destroy(*m);
}

/* Reads every -f. False after saying what is wrong. */
static bool load(struct rv_cli *cli, struct rv_manifest **set)
{
    struct rv_error err;
    for (int i = 0; i < cli->option_count; i++) {
        if (strcmp(cli->options[i].option->name, "file") != 0)
            continue;
        if (rv_manifest_load(set, cli->options[i].value, &err) != RV_OK) {
            rv_cli_fail(cli, &err);
            rv_cli_hint(cli, "nothing of this set was sent");
            return false;
        }
    }
    if (rv_manifest_count(*set) == 0) {
        rv_cli_fail_text(cli, "there is no document in what -f names");
        return false;
    }
    return true;
}

static void print_fault(struct rv_cli *cli, const struct rv_manifest *set, const json_t *fault)
{
    RV_AUTO(rv_buf) struct rv_buf line = {0};
    rv_manifest_fault_text(set, rv_json_get_text(fault, "kind", NULL), rv_json_get_text(fault, "name", NULL),
                           rv_json_get_text(fault, "path", ""), rv_json_get_text(fault, "message", ""), &line);
    RV_AUTO(rv_buf) struct rv_buf clean = {0};
    rv_printable(&clean, rv_buf_text(&line), line.len);
    fprintf(cli->err, "reeve: %s\n", rv_buf_text(&clean));
}

/* Sends the set; NULL after saying what is wrong. */
static json_t *send_set(struct rv_cli *cli, const struct rv_manifest *set, bool dry_run)
{
    RV_AUTO(json) json_t *body = json_pack("{s:o}", "documents", rv_manifest_documents(set));
    json_t *answer = NULL;
    struct rv_error err;
    int status = 0;
    if (rv_cli_request(cli, RV_POST, dry_run ? "/api/v1/apply?dryRun=true" : "/api/v1/apply", body, &status, &answer,
                       &err) != RV_OK) {
        rv_cli_fail(cli, &err);
        return NULL;
    }
    if (status == 200)
        return answer;
    size_t i;
    json_t *fault, *faults = json_object_get(answer, "faults");
    json_array_foreach (faults, i, fault)
        print_fault(cli, set, fault);
    if (json_array_size(faults) == 0)
        rv_cli_problem(cli, answer, status);
    else
        rv_cli_hint(cli, "nothing of this set was applied");
    json_decref(answer);
    return NULL;
}

static const struct {
    const char *change, *sign, *done;
    enum rv_tone tone;
} changes[] = {
    {"create", "+", "declared", RV_TONE_GOOD},
    {"update", "~", "changed", RV_TONE_WARN},
    {"delete", "-", "removed", RV_TONE_BAD},
    {"none", " ", "unchanged", RV_TONE_DIM},
};

static size_t change_index(const json_t *change)
{
    const char *word = rv_json_get_text(change, "change", "none");
    for (size_t i = 0; i < RV_COUNT(changes); i++)
        if (strcmp(changes[i].change, word) == 0)
            return i;
    return RV_COUNT(changes) - 1;
}

static int changed_count(const json_t *answer)
{
    int n = 0;
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(answer, "changes"), i, c)
        n += strcmp(rv_json_get_text(c, "change", "none"), "none") != 0;
    return n;
}

static void print_changes(struct rv_cli *cli, const json_t *answer)
{
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(answer, "changes"), i, c) {
        size_t k = change_index(c);
        rv_cli_printf(cli, "  ");
        rv_cli_put(cli, changes[k].tone, changes[k].sign);
        rv_cli_printf(cli, " %-12s ", rv_json_get_text(c, "kind", "?"));
        rv_cli_put(cli, RV_TONE_BOLD, rv_json_get_text(c, "name", "?"));
        rv_cli_printf(cli, "  ");
        rv_cli_put(cli, RV_TONE_DIM, changes[k].done);
        rv_cli_printf(cli, "\n");
    }
}

/* Looking changes nothing: only other steps are pending changes. */
static bool acts(const json_t *action)
{
    const char *step = rv_json_get_text(action, "step", "none");
    return strcmp(rv_json_get_text(action, "verdict", ""), "do") == 0 && strcmp(step, "observe") != 0 &&
           strcmp(step, "probe") != 0 && strcmp(step, "none") != 0;
}

static void print_actions(struct rv_cli *cli, const json_t *actions)
{
    static const char *const heads[] = {"CERTIFICATE", "TARGET", "NEXT STEP", "WHEN", "WHY"};
    struct rv_table *t = rv_table_create(heads, 5);
    size_t i;
    json_t *a;
    json_array_foreach (actions, i, a) {
        char when[48];
        const char *verdict = rv_json_get_text(a, "verdict", ""), *step = rv_json_get_text(a, "step", "none");
        bool halt = strcmp(verdict, "halt") == 0;
        rv_cli_when(a, "at", when);
        rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(a, "certificate", "?"));
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(a, "target", ""));
        rv_table_cell(t, acts(a) ? RV_TONE_BUSY : RV_TONE_PLAIN, strcmp(step, "none") == 0 ? "" : step);
        rv_table_cell(t, halt ? RV_TONE_BAD : RV_TONE_PLAIN,
                      halt                         ? "a person is needed"
                      : strcmp(verdict, "do") == 0 ? "now"
                                                   : when);
        rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(json_object_get(a, "reason"), "text", ""));
    }
    rv_table_print(cli, t, 2);
}

/* 2 when anything would be done, 5 when a person is needed, 3 when something waits, else 0. */
static int exit_of_actions(const json_t *actions)
{
    int status = RV_EXIT_DONE;
    size_t i;
    json_t *a;
    json_array_foreach (actions, i, a) {
        const char *verdict = rv_json_get_text(a, "verdict", "");
        if (strcmp(verdict, "halt") == 0)
            return RV_EXIT_PERSON;
        if (acts(a))
            status = RV_EXIT_PENDING;
    }
    return status;
}

static int show_plan(struct rv_cli *cli, const json_t *answer)
{
    const json_t *actions = json_object_get(answer, "actions");
    int pending = changed_count(answer);
    if (cli->json) {
        rv_cli_json(cli, answer);
    } else if (!cli->quiet) {
        rv_cli_printf(cli, pending > 0 ? "What would change:\n" : "Nothing would change:\n");
        print_changes(cli, answer);
        if (json_array_size(actions) > 0) {
            rv_cli_printf(cli, "\nWhat comes first after that:\n");
            print_actions(cli, actions);
        }
    }
    int status = exit_of_actions(actions);
    return pending > 0 ? RV_EXIT_PENDING : status;
}

/* What is followed: the certificates of the set, and those on its targets. */
static int follow(struct rv_cli *cli, const json_t *answer)
{
    const char **names = rv_calloc(json_array_size(json_object_get(answer, "changes")) +
                                       json_array_size(json_object_get(answer, "actions")) + 1,
                                   sizeof *names);
    const json_t *lists[] = {json_object_get(answer, "changes"), json_object_get(answer, "actions")};
    size_t count = 0, i;
    json_t *o;
    for (size_t l = 0; l < 2; l++) {
        json_array_foreach (lists[l], i, o) {
            const char *name = rv_json_get_text(o, l == 0 ? "name" : "certificate", "");
            bool known = l == 0 && strcmp(rv_json_get_text(o, "kind", ""), "Certificate") != 0;
            for (size_t k = 0; k < count; k++)
                known = known || strcmp(names[k], name) == 0;
            if (!known)
                names[count++] = name;
        }
    }
    int status = rv_cli_wait(cli, names, count);
    rv_free(names);
    return status;
}

static const struct {
    int status;
    enum rv_tone tone;
    const char *text;
} verdicts[] = {
    {RV_EXIT_DONE, RV_TONE_GOOD, "Done: every endpoint serves its certificate."},
    {RV_EXIT_PENDING, RV_TONE_BUSY, "Still under way."},
    {RV_EXIT_WAITING, RV_TONE_WARN, "Waiting; it goes on by itself. `reeve why NAME` says for what."},
    {RV_EXIT_FAILED, RV_TONE_BAD, "Failed. What was served before is served again; `reeve why NAME` says what happened."},
    {RV_EXIT_PERSON, RV_TONE_BAD, "A person is needed: `reeve why NAME` says what for."},
};

void rv_cli_verdict(struct rv_cli *cli, int status)
{
    for (size_t i = 0; i < RV_COUNT(verdicts) && !cli->json && !cli->quiet; i++) {
        if (verdicts[i].status != status)
            continue;
        rv_cli_put(cli, verdicts[i].tone, verdicts[i].text);
        rv_cli_printf(cli, "\n");
    }
}

static bool needs_file(struct rv_cli *cli)
{
    if (rv_cli_option(cli, "file") != NULL)
        return false;
    rv_cli_usage(cli, "something is missing: -f PATH");
    return true;
}

int rv_cmd_apply(struct rv_cli *cli)
{
    RV_AUTO(manifest) struct rv_manifest *set = NULL;
    bool dry_run = rv_cli_option(cli, "dry-run") != NULL;
    if (needs_file(cli))
        return RV_EXIT_USAGE;
    if (!load(cli, &set))
        return RV_EXIT_ERROR;
    bool wait = rv_cli_option(cli, "wait") != NULL;
    if (wait && !rv_cli_wait_mark(cli))
        return RV_EXIT_ERROR;
    RV_AUTO(json) json_t *answer = send_set(cli, set, dry_run);
    if (answer == NULL)
        return RV_EXIT_ERROR;
    if (dry_run)
        return show_plan(cli, answer);
    if (cli->json && !wait)
        rv_cli_json(cli, answer);
    else if (!cli->json && !cli->quiet)
        print_changes(cli, answer);
    if (!wait)
        return RV_EXIT_DONE;
    int status = follow(cli, answer);
    if (cli->json)
        rv_cli_json(cli, answer);
    rv_cli_verdict(cli, status);
    return status;
}

int rv_cmd_plan(struct rv_cli *cli)
{
    if (rv_cli_option(cli, "file") != NULL) {
        RV_AUTO(manifest) struct rv_manifest *set = NULL;
        if (!load(cli, &set))
            return RV_EXIT_ERROR;
        RV_AUTO(json) json_t *answer = send_set(cli, set, true);
        return answer == NULL ? RV_EXIT_ERROR : show_plan(cli, answer);
    }
    RV_AUTO(json) json_t *plan = rv_cli_list(cli, "/api/v1/plan");
    if (plan == NULL)
        return cli->exit_code;
    const json_t *items = json_object_get(plan, "items");
    if (cli->json)
        rv_cli_json(cli, plan);
    else if (json_array_size(items) == 0 && !cli->quiet)
        rv_cli_printf(cli, "Nothing is declared: there is nothing to do. Start with `reeve apply -f PATH`.\n");
    else if (!cli->quiet)
        print_actions(cli, items);
    return exit_of_actions(items);
}

/* ---- diff ---- */

static void value_text(const json_t *v, struct rv_buf *out)
{
    if (json_is_string(v)) {
        rv_buf_add_text(out, json_string_value(v));
        return;
    }
    RV_AUTO(char) char *text = rv_json_text(v);
    rv_buf_add_text(out, text);
}

static void diff_line(struct rv_cli *cli, enum rv_tone tone, char sign, const char *path, const json_t *v)
{
    RV_AUTO(rv_buf) struct rv_buf line = {0};
    rv_buf_printf(&line, "  %c %s: ", sign, path);
    value_text(v, &line);
    rv_cli_put(cli, tone, rv_buf_text(&line));
    rv_cli_printf(cli, "\n");
}

static void diff_values(struct rv_cli *cli, const char *path, const json_t *a, const json_t *b, int depth)
{
    const char *name;
    json_t *v;
    if (json_is_object(a) && json_is_object(b) && depth < 30) {
        RV_AUTO(json) json_t *all = json_object();
        json_object_update(all, (json_t *)a);
        json_object_update(all, (json_t *)b);
        json_object_foreach (all, name, v) {
            RV_AUTO(rv_buf) struct rv_buf below = {0};
            rv_buf_printf(&below, "%s%s%s", path, *path != '\0' ? "." : "", name);
            diff_values(cli, rv_buf_text(&below), json_object_get(a, name), json_object_get(b, name), depth + 1);
        }
        return;
    }
    if (a != NULL && b != NULL && json_equal(a, b))
        return;
    if (a != NULL)
        diff_line(cli, RV_TONE_BAD, '-', path, a);
    if (b != NULL)
        diff_line(cli, RV_TONE_GOOD, '+', path, b);
}

int rv_cmd_diff(struct rv_cli *cli)
{
    RV_AUTO(manifest) struct rv_manifest *set = NULL;
    if (needs_file(cli))
        return RV_EXIT_USAGE;
    if (!load(cli, &set))
        return RV_EXIT_ERROR;
    RV_AUTO(json) json_t *answer = send_set(cli, set, true);
    if (answer == NULL)
        return RV_EXIT_ERROR;
    size_t i;
    json_t *c;
    if (cli->json)
        rv_cli_json(cli, answer);
    json_array_foreach (json_object_get(answer, "changes"), i, c) {
        size_t k = change_index(c);
        if (cli->json || cli->quiet || strcmp(changes[k].change, "none") == 0)
            continue;
        rv_cli_printf(cli, "%s ", rv_json_get_text(c, "kind", "?"));
        rv_cli_put(cli, RV_TONE_BOLD, rv_json_get_text(c, "name", "?"));
        rv_cli_printf(cli, "\n");
        diff_values(cli, "", json_object_get(c, "before"), json_object_get(c, "after"), 0);
    }
    if (changed_count(answer) > 0)
        return RV_EXIT_PENDING;
    if (!cli->json && !cli->quiet)
        rv_cli_printf(cli, "No difference.\n");
    return RV_EXIT_DONE;
}
