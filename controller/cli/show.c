/* get, describe, delete: what is declared. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "core/manifest.h"
#include "core/nearest.h"

/* Where a kind lives in the REST interface, and the columns of its table. */
struct view {
    const char *plural;
    const char *path;
    const char *const *heads;
    size_t columns;
    void (*row)(struct rv_table *t, const json_t *item);
};

static const char *meta_name(const json_t *item)
{
    return rv_json_get_text(json_object_get(item, "metadata"), "name", "?");
}

static void certificate_row(struct rv_table *t, const json_t *c)
{
    char not_after[48], at[48];
    const json_t *next = json_object_get(c, "next"), *names = json_object_get(c, "dnsNames");
    const char *state = rv_json_get_text(c, "state", "?"), *step = rv_json_get_text(next, "step", "none");
    struct rv_buf first = {0}, what = {0};
    if (json_array_size(names) == 0)
        names = json_object_get(c, "ipAddresses");
    if (json_array_size(names) > 0)
        rv_buf_add_text(&first, json_string_value(json_array_get(names, 0)));
    if (json_array_size(names) > 1)
        rv_buf_printf(&first, " +%zu", json_array_size(names) - 1);
    rv_cli_when(next, "at", at);
    if (strcmp(step, "none") != 0)
        rv_buf_printf(&what, "%s%s%s", step, strcmp(at, "-") != 0 ? " " : "", strcmp(at, "-") != 0 ? at : "");
    rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(c, "name", "?"));
    rv_table_cell(t, rv_cli_tone(state), state);
    rv_table_cell(t, RV_TONE_PLAIN, rv_buf_text(&first));
    char count[24];
    snprintf(count, sizeof count, "%zu", json_array_size(json_object_get(c, "targets")));
    rv_table_cell(t, RV_TONE_PLAIN, count);
    rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(c, "notAfter", not_after));
    rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(c, "renewAt", at));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(json_object_get(c, "reason"), "text", ""));
    rv_buf_fini(&first);
    rv_buf_fini(&what);
}

static void target_row(struct rv_table *t, const json_t *o)
{
    const json_t *spec = json_object_get(o, "spec");
    char when[48];
    rv_table_cell(t, RV_TONE_BOLD, meta_name(o));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(spec, "connector", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(spec, "address", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(json_object_get(spec, "server"), "kind", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(o, "updatedAt", when));
}

static void profile_row(struct rv_table *t, const json_t *o)
{
    const json_t *spec = json_object_get(o, "spec");
    char when[48];
    rv_table_cell(t, RV_TONE_BOLD, meta_name(o));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(spec, "duration", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(spec, "maxDuration", ""));
    rv_table_cell(t, RV_TONE_PLAIN,
                  rv_json_get_int(o, "generation", 0) == 0 ? "built in" : rv_cli_when(o, "updatedAt", when));
}

static void issuer_row(struct rv_table *t, const json_t *o)
{
    char when[48];
    rv_table_cell(t, RV_TONE_BOLD, meta_name(o));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(json_object_get(o, "spec"), "type", ""));
    rv_table_cell(t, RV_TONE_PLAIN,
                  rv_json_get_int(o, "generation", 0) == 0 ? "built in" : rv_cli_when(o, "updatedAt", when));
}

static void issued_row(struct rv_table *t, const json_t *o)
{
    char from[48], to[48];
    rv_table_cell(t, RV_TONE_BOLD, rv_json_get_text(o, "serial", "?"));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "issuer", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "state", ""));
    const char *name = json_string_value(json_array_get(json_object_get(o, "names"), 0));
    rv_table_cell(t, RV_TONE_PLAIN, name != NULL ? name : rv_json_get_text(o, "subject", ""));
    rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(o, "issuedAt", from));
    rv_table_cell(t, RV_TONE_PLAIN, rv_cli_when(o, "notAfter", to));
    rv_table_cell(t, RV_TONE_PLAIN, rv_json_get_text(o, "actor", ""));
}

static const char *const certificate_heads[] = {"NAME", "STATE", "NAMES", "TARGETS", "EXPIRES", "RENEWAL", "WHY"};
static const char *const target_heads[] = {"NAME", "CONNECTOR", "ADDRESS", "SERVER", "CHANGED"};
static const char *const profile_heads[] = {"NAME", "LIFETIME", "AT MOST", "CHANGED"};
static const char *const issuer_heads[] = {"NAME", "TYPE", "CHANGED"};
static const char *const issued_heads[] = {"SERIAL", "ISSUER", "STATE", "NAME", "ISSUED", "EXPIRES", "ASKED BY"};

static const struct view views[] = {
    {"certificates", "/api/v1/certificates", certificate_heads, RV_COUNT(certificate_heads), certificate_row},
    {"targets", "/api/v1/targets", target_heads, RV_COUNT(target_heads), target_row},
    {"profiles", "/api/v1/profiles", profile_heads, RV_COUNT(profile_heads), profile_row},
    {"issuers", "/api/v1/issuers", issuer_heads, RV_COUNT(issuer_heads), issuer_row},
    {"issued", "/api/v1/issued", issued_heads, RV_COUNT(issued_heads), issued_row},
};

static const struct view *find_view(struct rv_cli *cli, const char *word)
{
    enum rv_kind kind;
    const char *plural = rv_kind_parse(word, &kind) ? rv_kind_plural(kind) : word;
    struct rv_nearest near = {word, NULL, 0};
    for (size_t i = 0; i < RV_COUNT(views); i++) {
        if (strcmp(views[i].plural, plural) == 0)
            return &views[i];
        rv_nearest_offer(&near, views[i].plural);
    }
    if (near.best != NULL)
        rv_cli_usage(cli, "there is no kind \"%s\"; did you mean %s?", word, near.best);
    else
        rv_cli_usage(cli, "there is no kind \"%s\": expected certificates, targets, profiles, issuers or issued", word);
    return NULL;
}

static const char *item_name(const json_t *item)
{
    const char *name = rv_json_get_text(item, "name", rv_json_get_text(item, "serial", NULL));
    return name != NULL ? name : meta_name(item);
}

static void show_items(struct rv_cli *cli, const struct view *view, const json_t *items)
{
    size_t i;
    json_t *item;
    if (cli->names) {
        json_array_foreach (items, i, item)
            rv_cli_printf(cli, "%s\n", item_name(item));
        return;
    }
    struct rv_table *t = rv_table_create(view->heads, view->columns);
    json_array_foreach (items, i, item)
        view->row(t, item);
    rv_table_print(cli, t, 0);
}

static char *one_path(const struct view *view, const char *name)
{
    const char *slash = strchr(name, '/');
    if (strcmp(view->plural, "issued") != 0)
        return rv_cli_path("%s/%s", "", name);
    RV_AUTO(char) char *issuer = slash != NULL ? rv_strndup(name, (size_t)(slash - name)) : rv_strdup("internal");
    return rv_cli_path("/api/v1/issuers/%s/certificates/%s", issuer, slash != NULL ? slash + 1 : name);
}

static int get_one(struct rv_cli *cli, const struct view *view, const char *name)
{
    RV_AUTO(char) char *end = one_path(view, name);
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    rv_buf_printf(&path, "%s%s", strcmp(view->plural, "issued") != 0 ? view->path : "", end);
    RV_AUTO(json) json_t *item = rv_cli_get(cli, rv_buf_text(&path));
    if (item == NULL)
        return cli->exit_code;
    if (cli->json) {
        rv_cli_json(cli, item);
    } else if (!cli->quiet) {
        RV_AUTO(json) json_t *items = json_pack("[O]", item);
        show_items(cli, view, items);
    }
    return RV_EXIT_DONE;
}

int rv_cmd_get(struct rv_cli *cli)
{
    const struct view *view = find_view(cli, cli->arguments[0]);
    if (view == NULL)
        return RV_EXIT_USAGE;
    if (cli->argument_count > 1)
        return get_one(cli, view, cli->arguments[1]);
    RV_AUTO(json) json_t *list = rv_cli_list(cli, view->path);
    if (list == NULL)
        return cli->exit_code;
    const json_t *items = json_object_get(list, "items");
    if (cli->json)
        rv_cli_json(cli, list);
    else if (json_array_size(items) == 0 && !cli->quiet && !cli->names)
        rv_cli_printf(cli, "There are no %s yet.\n", view->plural);
    else if (!cli->quiet)
        show_items(cli, view, items);
    return RV_EXIT_DONE;
}

/* ---- describe ---- */

static void line(struct rv_cli *cli, int indent, const char *label, enum rv_tone tone, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    rv_cli_printf(cli, "%*s%-*s ", indent, "", 14 - indent, label);
    rv_cli_put(cli, tone, text);
    rv_cli_printf(cli, "\n");
}

static void time_line(struct rv_cli *cli, int indent, const char *label, const json_t *o, const char *name)
{
    char when[48], text[120];
    const char *at = rv_json_get_text(o, name, NULL);
    if (at == NULL)
        return;
    snprintf(text, sizeof text, "%s (%s)", at, rv_cli_when(o, name, when));
    line(cli, indent, label, RV_TONE_PLAIN, text);
}

static void list_line(struct rv_cli *cli, const char *label, const json_t *list)
{
    RV_AUTO(rv_buf) struct rv_buf all = {0};
    size_t i;
    json_t *v;
    json_array_foreach (list, i, v)
        rv_buf_printf(&all, "%s%s", i > 0 ? ", " : "", json_string_value(v));
    line(cli, 0, label, RV_TONE_PLAIN, rv_buf_text(&all));
}

static void describe_endpoint(struct rv_cli *cli, const json_t *e)
{
    char when[48], text[400];
    const char *outcome = rv_json_get_text(e, "outcome", NULL), *fingerprint = rv_json_get_text(e, "fingerprint", "");
    bool matches = rv_json_get_bool(e, "matches", false);
    bool valid = rv_json_get_bool(e, "chainValid", false) && rv_json_get_bool(e, "nameValid", false) &&
                 rv_json_get_bool(e, "timeValid", false);
    rv_cli_when(e, "observedAt", when);
    if (outcome == NULL)
        snprintf(text, sizeof text, "not looked at yet");
    else if (strcmp(outcome, "served") != 0)
        snprintf(text, sizeof text, "%s, %s", outcome, when);
    else
        snprintf(text, sizeof text, "%s %.16s…, %s, %s", matches ? "serves it:" : "serves something else:", fingerprint,
                 valid ? "valid" : "not valid", when);
    enum rv_tone tone = outcome == NULL ? RV_TONE_DIM : matches && valid ? RV_TONE_GOOD : RV_TONE_BAD;
    rv_cli_printf(cli, "    %-22s ", rv_json_get_text(e, "address", "?"));
    rv_cli_put(cli, tone, text);
    rv_cli_printf(cli, "\n");
    const char *fault = rv_json_get_text(e, "fault", NULL);
    if (fault != NULL)
        rv_cli_paragraph(cli, 27, RV_TONE_DIM, fault);
    if (outcome != NULL && strcmp(outcome, "served") == 0 && !matches) {
        snprintf(text, sizeof text, "%s, issued by %s, until %s", rv_json_get_text(e, "subject", "?"),
                 rv_json_get_text(e, "issuer", "?"), rv_json_get_text(e, "notAfter", "?"));
        rv_cli_paragraph(cli, 27, RV_TONE_DIM, text);
    }
}

static void describe_target(struct rv_cli *cli, const json_t *t)
{
    const char *state = rv_json_get_text(t, "state", "?"), *name = rv_json_get_text(t, "target", "");
    const json_t *issued = json_object_get(t, "issued"), *fault = json_object_get(t, "fault");
    char when[48];
    rv_cli_printf(cli, "\n  ");
    rv_cli_put(cli, RV_TONE_BOLD, *name != '\0' ? name : "(watched only)");
    rv_cli_printf(cli, "  ");
    rv_cli_put(cli, rv_cli_tone(state), state);
    rv_cli_printf(cli, "\n");
    line(cli, 4, "why", RV_TONE_PLAIN, rv_json_get_text(json_object_get(t, "reason"), "text", NULL));
    line(cli, 4, "serial", RV_TONE_PLAIN, rv_json_get_text(issued, "serial", NULL));
    time_line(cli, 4, "expires", issued, "notAfter");
    line(cli, 4, "holds", RV_TONE_PLAIN, rv_json_get_text(t, "current", NULL));
    line(cli, 4, "way back", RV_TONE_PLAIN, rv_json_get_text(t, "previous", NULL));
    if (fault != NULL) {
        line(cli, 4, "last fault", RV_TONE_BAD, rv_json_get_text(fault, "message", NULL));
        line(cli, 4, "", RV_TONE_DIM, rv_cli_when(fault, "at", when));
    }
    size_t i;
    json_t *e;
    json_array_foreach (json_object_get(t, "endpoints"), i, e)
        describe_endpoint(cli, e);
}

void rv_cli_describe(struct rv_cli *cli, const json_t *c)
{
    const char *state = rv_json_get_text(c, "state", "?");
    line(cli, 0, "Certificate", RV_TONE_BOLD, rv_json_get_text(c, "name", "?"));
    line(cli, 0, "State", rv_cli_tone(state), state);
    line(cli, 0, "Owner", RV_TONE_PLAIN, rv_json_get_text(c, "owner", NULL));
    line(cli, 0, "Mode", RV_TONE_PLAIN, rv_json_get_text(c, "mode", NULL));
    list_line(cli, "Host names", json_object_get(c, "dnsNames"));
    list_line(cli, "Addresses", json_object_get(c, "ipAddresses"));
    list_line(cli, "URIs", json_object_get(c, "uris"));
    list_line(cli, "Mail", json_object_get(c, "emailAddresses"));
    line(cli, 0, "Issuer", RV_TONE_PLAIN, rv_json_get_text(c, "issuer", NULL));
    line(cli, 0, "Profile", RV_TONE_PLAIN, rv_json_get_text(c, "profile", NULL));
    time_line(cli, 0, "Expires", c, "notAfter");
    time_line(cli, 0, "Renewal", c, "renewAt");
    const char *text = rv_json_get_text(json_object_get(c, "next"), "text", NULL);
    if (text != NULL) {
        rv_cli_printf(cli, "\n");
        rv_cli_paragraph(cli, 2, RV_TONE_PLAIN, text);
    }
    size_t i;
    json_t *t;
    json_array_foreach (json_object_get(c, "targets"), i, t)
        describe_target(cli, t);
}

int rv_cmd_describe(struct rv_cli *cli)
{
    enum rv_kind kind;
    if (!rv_kind_parse(cli->arguments[0], &kind) || kind != RV_KIND_CERTIFICATE)
        return rv_cli_usage(cli, "only certificates are described: reeve describe certificate NAME");
    RV_AUTO(char) char *path = rv_cli_path("/api/v1/certificates/%s", cli->arguments[1]);
    RV_AUTO(json) json_t *c = rv_cli_get(cli, path);
    if (c == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, c);
    else if (!cli->quiet)
        rv_cli_describe(cli, c);
    return RV_EXIT_DONE;
}

/* ---- delete ---- */

int rv_cmd_delete(struct rv_cli *cli)
{
    const struct view *view = find_view(cli, cli->arguments[0]);
    const char *name = cli->arguments[1];
    if (view == NULL)
        return RV_EXIT_USAGE;
    if (strcmp(view->plural, "issued") == 0)
        return rv_cli_usage(cli, "what was issued stays in the inventory for ever");
    RV_AUTO(char) char *end = rv_cli_path("/%s", name);
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    rv_buf_printf(&path, "%s%s", view->path, end);
    bool dry_run = rv_cli_option(cli, "dry-run") != NULL;
    RV_AUTO(json)
    json_t *answer = dry_run ? rv_cli_get(cli, rv_buf_text(&path)) : rv_cli_send(cli, RV_DELETE, rv_buf_text(&path), NULL);
    if (answer == NULL)
        return cli->exit_code;
    if (cli->json)
        rv_cli_json(cli, answer);
    else if (!cli->quiet)
        rv_cli_printf(cli, "%s %s%s\n", view->plural, name, dry_run ? " would be removed" : " removed");
    return dry_run ? RV_EXIT_PENDING : RV_EXIT_DONE;
}
