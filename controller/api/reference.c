/* docs/reference/api.md, from the route table and the shapes. */
#include "api/routes.h"

static void permission_of(const struct rv_route *r, struct rv_buf *out)
{
    size_t n = 0;
    if (r->permission == RV_MAY_ANYONE) {
        rv_buf_add_text(out, "anyone");
        return;
    }
    for (const char *const *role = rv_role_names; *role != NULL; role++)
        if (rv_role_may(*role, r->permission))
            rv_buf_printf(out, "%s%s", n++ > 0 ? ", " : "", *role);
}

static void shape_link(const struct rv_shape *shape, struct rv_buf *out)
{
    rv_buf_printf(out, "[%s](#%s)", shape->name, shape->name);
}

static void route_text(const struct rv_route *r, struct rv_buf *out)
{
    rv_buf_printf(out, "\n### %s %s\n\n%s. For: ", rv_http_method_name(r->method), r->pattern, r->summary);
    permission_of(r, out);
    rv_buf_add_text(out, ".");
    if (r->request != NULL) {
        rv_buf_add_text(out, " Takes ");
        shape_link(r->request, out);
        rv_buf_add_text(out, ".");
    }
    rv_buf_printf(out, " Answers %d", r->status);
    if (r->answer != NULL) {
        rv_buf_add_text(out, " with ");
        shape_link(r->answer, out);
    } else if (r->content_type != NULL) {
        rv_buf_printf(out, " with `%s`", r->content_type);
    }
    rv_buf_printf(out, ".%s\n", (r->flags & RV_ROUTE_IDEMPOTENT) != 0 ? " Honours `Idempotency-Key`." : "");
    if (r->query[0].name != NULL)
        rv_buf_add_text(out, "\n| parameter | meaning |\n|---|---|\n");
    for (const struct rv_route_query *q = r->query; q->name != NULL; q++)
        rv_buf_printf(out, "| `%s` | %s |\n", q->name, q->text);
}

static const char *type_text(const struct rv_field *f)
{
    static const char *const names[] = {
        [RV_SHAPE_TEXT] = "text",     [RV_SHAPE_INT] = "number",      [RV_SHAPE_BOOL] = "true or false",
        [RV_SHAPE_TIME] = "time",     [RV_SHAPE_HASH] = "hash",       [RV_SHAPE_OBJECT] = "",
        [RV_SHAPE_LABELS] = "labels", [RV_SHAPE_DOCUMENT] = "object",
    };
    return names[f->type];
}

static void shape_text(const struct rv_shape *shape, struct rv_buf *out)
{
    rv_buf_printf(out, "\n### %s\n\n%s.\n", shape->name, shape->text);
    if (shape->fields[0].name == NULL)
        return;
    rv_buf_add_text(out, "\n| member | type | | meaning |\n|---|---|---|---|\n");
    for (const struct rv_field *f = shape->fields; f->name != NULL; f++) {
        rv_buf_printf(out, "| `%s` | %s", f->name, (f->flags & RV_FIELD_LIST) != 0 ? "list of " : "");
        if (f->type == RV_SHAPE_OBJECT)
            shape_link(f->of, out);
        else
            rv_buf_add_text(out, type_text(f));
        rv_buf_printf(out, " | %s | %s", (f->flags & RV_FIELD_REQUIRED) != 0 ? "always" : "", f->text);
        for (const char *const *v = f->values; v != NULL && *v != NULL; v++)
            rv_buf_printf(out, "%s`%s`", v == f->values ? ": " : ", ", *v);
        rv_buf_add_text(out, " |\n");
    }
}

void rv_api_reference(struct rv_buf *out)
{
    rv_buf_add_text(
        out, "# The REST interface\n\n"
             "Generated from the route table and the shapes by `scripts/update-golden`: do not edit. The service says the "
             "same of itself at `/api/v1/openapi.json`.\n\n"
             "Login: the peer of the Unix socket, `Authorization: Bearer rv_…`, or a browser session. Errors are problem "
             "documents (RFC 9457). Lists come in pages: pass `next` as `after`. Times are RFC 3339 in UTC and absent when "
             "unknown; hashes are 64 hexadecimal digits. An unknown member or parameter is an error.\n\n"
             "## Operations\n");
    for (size_t i = 0; i < rv_route_count; i++)
        route_text(&rv_routes[i], out);
    rv_buf_add_text(out, "\n## Shapes\n");
    for (const struct rv_shape *const *s = rv_shapes; *s != NULL; s++)
        shape_text(*s, out);
}
