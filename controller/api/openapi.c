/* The route table as an OpenAPI 3.1 document. */
#include "api/routes.h"

#include "base/text.h"

static json_t *content(const char *type, json_t *schema)
{
    json_t *media = json_object(), *o = json_object();
    if (schema != NULL)
        rv_json_set(media, "schema", schema);
    rv_json_set(o, type, media);
    return o;
}

static json_t *reference(const struct rv_shape *shape)
{
    char ref[96];
    snprintf(ref, sizeof ref, "#/components/schemas/%s", shape->name);
    return json_pack("{s:s}", "$ref", ref);
}

static json_t *path_parameters(const char *pattern, json_t *list)
{
    for (const char *at = strchr(pattern, '{'); at != NULL; at = strchr(at + 1, '{')) {
        json_t *p = json_object();
        size_t n = strcspn(at + 1, "}");
        rv_json_set(p, "name", json_stringn(at + 1, n));
        rv_json_set_text(p, "in", "path");
        rv_json_set_bool(p, "required", true);
        rv_json_set(p, "schema", json_pack("{s:s}", "type", "string"));
        json_array_append_new(list, p);
    }
    return list;
}

static void query_parameters(const struct rv_route_query *query, json_t *list)
{
    for (; query != NULL && query->name != NULL; query++) {
        struct rv_field field = {query->name, query->type, 0, query->text, NULL, NULL, 0};
        json_t *p = json_object();
        rv_json_set_text(p, "name", query->name);
        rv_json_set_text(p, "in", "query");
        rv_json_set(p, "schema", rv_field_schema(&field));
        json_array_append_new(list, p);
    }
}

static void header_parameter(json_t *list, const char *name, const char *text)
{
    json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:{s:s}}", "name", name, "in", "header", "description", text,
                                          "schema", "type", "string"));
}

static json_t *responses(const struct rv_route *route)
{
    json_t *all = json_object(), *good = json_object();
    char status[8];
    rv_json_set_text(good, "description", route->summary);
    if (route->answer != NULL)
        rv_json_set(good, "content", content("application/json", reference(route->answer)));
    else if (route->content_type != NULL)
        rv_json_set(good, "content", content(route->content_type, NULL));
    snprintf(status, sizeof status, "%d", route->status);
    rv_json_set(all, status, good);
    rv_json_set(all, "default", json_pack("{s:s}", "$ref", "#/components/responses/Problem"));
    return all;
}

static json_t *operation(const struct rv_route *route)
{
    json_t *o = json_object(), *parameters = path_parameters(route->pattern, json_array());
    query_parameters(route->query, parameters);
    if ((route->flags & RV_ROUTE_IDEMPOTENT) != 0)
        header_parameter(parameters, "Idempotency-Key",
                         "At most 100 characters; asking again with the same key gives the first answer again");
    rv_json_set_text(o, "operationId", route->id);
    rv_json_set_text(o, "summary", route->summary);
    rv_json_set_text(o, "x-permission", rv_permission_name(route->permission));
    if (json_array_size(parameters) > 0)
        json_object_set(o, "parameters", parameters);
    json_decref(parameters);
    if (route->request != NULL) {
        json_t *body = json_object();
        rv_json_set_bool(body, "required", route->request->fields[0].name != NULL);
        rv_json_set(body, "content", content("application/json", reference(route->request)));
        rv_json_set(o, "requestBody", body);
    }
    rv_json_set(o, "responses", responses(route));
    rv_json_set(o, "security",
                route->permission == RV_MAY_ANYONE ? json_array() : json_pack("[{s:[]},{s:[]}]", "bearer", "session"));
    return o;
}

static json_t *paths(void)
{
    json_t *all = json_object();
    for (size_t i = 0; i < rv_route_count; i++) {
        json_t *path = json_object_get(all, rv_routes[i].pattern);
        if (path == NULL) {
            path = json_object();
            json_object_set_new(all, rv_routes[i].pattern, path);
        }
        static const char *const verbs[] = {[RV_GET] = "get", [RV_HEAD] = "head",   [RV_POST] = "post",
                                            [RV_PUT] = "put", [RV_PATCH] = "patch", [RV_DELETE] = "delete"};
        rv_json_set(path, verbs[rv_routes[i].method], operation(&rv_routes[i]));
    }
    return all;
}

static json_t *components(void)
{
    json_t *o = json_object(), *schemas = json_object();
    for (const struct rv_shape *const *s = rv_shapes; *s != NULL; s++)
        rv_json_set(schemas, (*s)->name, rv_shape_schema(*s));
    rv_json_set(o, "schemas", schemas);
    json_t *problem = json_object();
    rv_json_set_text(problem, "description", "What is wrong, where, and what to do (RFC 9457)");
    rv_json_set(problem, "content", content("application/problem+json", reference(&rv_shape_problem)));
    rv_json_set(o, "responses", json_pack("{s:o}", "Problem", problem));
    rv_json_set(o, "securitySchemes",
                json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s,s:s}}", "bearer", "type", "http", "scheme", "bearer",
                          "bearerFormat", "rv_<id>_<secret>", "session", "type", "apiKey", "in", "cookie", "name",
                          "__Host-reeve", "description", "From POST /session; unsafe requests need X-CSRF-Token too"));
    return o;
}

json_t *rv_openapi(const char *base_url)
{
    json_t *o = json_object();
    rv_json_set_text(o, "openapi", "3.1.0");
    rv_json_set(o, "info",
                json_pack("{s:s,s:s,s:s}", "title", "Reeve", "version", "v1", "description",
                          "Certificates: what is declared, what is served, and what happens next."));
    rv_json_set(o, "servers", json_pack("[{s:s}]", "url", base_url != NULL ? base_url : "/"));
    rv_json_set(o, "paths", paths());
    rv_json_set(o, "components", components());
    return o;
}
