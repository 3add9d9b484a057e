/* docs/reference/manifest.md from the field tables. */
#include <string.h>

#include "core/manifest_priv.h"

static void add_range(const struct rv_field *f, struct rv_buf *out)
{
    char a[48], b[48];
    if (f->type == RV_FIELD_DURATION)
        rv_buf_printf(out, ", %s to %s", rv_dur_canonical(a, f->low), rv_dur_canonical(b, f->high));
    else
        rv_buf_printf(out, ", %lld to %lld", (long long)f->low, (long long)f->high);
}

static void add_words(const struct rv_field *f, struct rv_buf *out)
{
    for (size_t i = 0; f->type == RV_FIELD_WORD && f->words[i] != NULL; i++)
        rv_buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", f->words[i]);
    for (size_t i = 0; f->type == RV_FIELD_SET && f->set[i].word != NULL; i++)
        rv_buf_printf(out, "%s`%s`", i == 0 ? "list of " : ", ", f->set[i].word);
}

static void add_type(const struct rv_field *f, struct rv_buf *out)
{
    static const char *const plain[] = {
        [RV_FIELD_GROUP] = "mapping",
        [RV_FIELD_INT] = "whole number",
        [RV_FIELD_BOOL] = "`true`, `false`",
        [RV_FIELD_DURATION] = "duration",
        [RV_FIELD_RENEW] = "percentage or duration",
        [RV_FIELD_BATCHES] = "list of numbers and percentages",
        [RV_FIELD_ENDPOINTS] = "list of `host:port` or `{address, serverName}`",
        [RV_FIELD_LABELS] = "mapping of labels",
    };
    if (f->type == RV_FIELD_TEXT || f->type == RV_FIELD_TEXTS)
        rv_buf_printf(out, "%s%s", f->type == RV_FIELD_TEXTS ? "list: " : "", rv_text_rule_info(f->rule)->type);
    else if (f->type == RV_FIELD_WORD || f->type == RV_FIELD_SET)
        add_words(f, out);
    else
        rv_buf_add_text(out, plain[f->type]);
    if (f->type == RV_FIELD_INT || f->type == RV_FIELD_DURATION)
        add_range(f, out);
}

static void add_fields(const struct rv_field *fields, const char *prefix, struct rv_buf *out)
{
    for (const struct rv_field *f = fields; f->name != NULL; f++) {
        struct rv_buf path = {0};
        rv_buf_printf(&path, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", f->name);
        rv_buf_printf(out, "| `%s` | ", rv_buf_text(&path));
        add_type(f, out);
        rv_buf_add_text(out, " | ");
        if (f->required)
            rv_buf_add_text(out, "required");
        else if (f->otherwise != NULL && f->type != RV_FIELD_GROUP)
            rv_buf_printf(out, "`%s`", f->otherwise);
        rv_buf_printf(out, " | %s |\n", f->help);
        if (f->type == RV_FIELD_GROUP)
            add_fields(f->fields, rv_buf_text(&path), out);
        rv_buf_fini(&path);
    }
}

static const struct rv_field *member(enum rv_kind kind, const char *name)
{
    const struct rv_field *f = rv_document_fields(kind);
    while (strcmp(f->name, name) != 0)
        f++;
    return f;
}

static void add_table(const struct rv_field *group, struct rv_buf *out)
{
    rv_buf_add_text(out, "| field | value | default | meaning |\n|---|---|---|---|\n");
    add_fields(group->fields, group->name, out);
}

void rv_manifest_reference(struct rv_buf *out)
{
    rv_buf_add_text(out,
                    "# Manifest reference\n\n"
                    "Generated from the field tables by `scripts/update-golden`: do not edit.\n\n"
                    "Every document has `apiVersion: " RV_API_VERSION "`, `kind`, `metadata` and `spec`. Unknown fields "
                    "are refused, and nothing of a set with a fault is applied. Durations are written `90s`, `10m`, "
                    "`36h`, `30d`, `1h30m`. The JSON Schema is served at `/api/v1/schema.json`.\n\n"
                    "## All kinds\n\n");
    add_table(member(RV_KIND_CERTIFICATE, "metadata"), out);
    for (int k = RV_KIND_COUNT - 1; k >= 0; k--) {
        rv_buf_printf(out, "\n## %s\n\n%s\n\n", rv_kind_name((enum rv_kind)k), rv_kind_help((enum rv_kind)k));
        add_table(member((enum rv_kind)k, "spec"), out);
    }
}
