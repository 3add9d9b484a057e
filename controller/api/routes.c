#include "api/api_priv.h"

static const struct rv_route_query no_query[] = {{0}};
static const struct rv_route_query page_by_name[] = {
    {"limit", RV_SHAPE_INT, "Items of a page, 1 to 1000 (default 100)"},
    {"after", RV_SHAPE_TEXT, "The `next` of the page before"},
    {0},
};
static const struct rv_route_query page_by_number[] = {
    {"limit", RV_SHAPE_INT, "Items of a page, 1 to 1000 (default 100)"},
    {"after", RV_SHAPE_INT, "The `next` of the page before"},
    {0},
};
static const struct rv_route_query issued_query[] = {
    {"issuer", RV_SHAPE_TEXT, "Only of this issuer"},
    {"limit", RV_SHAPE_INT, "Items of a page, 1 to 1000 (default 100)"},
    {"after", RV_SHAPE_INT, "The `next` of the page before"},
    {0},
};
static const struct rv_route_query audit_query[] = {
    {"order", RV_SHAPE_TEXT, "oldest (first, the default) or newest (first)"},
    {"limit", RV_SHAPE_INT, "Items of a page, 1 to 1000 (default 100)"},
    {"after", RV_SHAPE_INT, "The `next` of the page before; newest first, rows with smaller numbers follow"},
    {0},
};
static const struct rv_route_query apply_query[] = {
    {"dryRun", RV_SHAPE_BOOL, "Say what would change and change nothing"},
    {0},
};
static const struct rv_route_query events_query[] = {
    {"after", RV_SHAPE_INT, "Number of the last event already seen, as Last-Event-ID (default: from now on)"},
    {0},
};

#define V1 "/api/v1"
#define IDEM RV_ROUTE_IDEMPOTENT

const struct rv_route rv_routes[] = {
    {RV_GET, V1 "/status", "getStatus", RV_MAY_READ, 0, NULL, &rv_shape_status, 200, NULL, no_query,
     "The controller at a glance", NULL, NULL, rv_start_status},

    {RV_GET, V1 "/certificates", "listCertificates", RV_MAY_READ, 0, NULL, &rv_shape_certificate_list, 200, NULL,
     page_by_name, "Declared certificates and what is known about them", rv_read_certificates, NULL, NULL},
    {RV_GET, V1 "/certificates/{name}", "getCertificate", RV_MAY_READ, 0, NULL, &rv_shape_certificate, 200, NULL, no_query,
     "One certificate", rv_read_certificate, NULL, NULL},
    {RV_DELETE, V1 "/certificates/{name}", "deleteCertificate", RV_MAY_ADMIN, IDEM, NULL, NULL, 204, NULL, no_query,
     "Stop caring for a certificate; what is deployed stays where it is", NULL, rv_delete_certificate, NULL},
    {RV_GET, V1 "/certificates/{name}/why", "whyCertificate", RV_MAY_READ, 0, NULL, &rv_shape_why, 200, NULL, no_query,
     "Why it is in its state, what happens next, when, and what would change that", rv_read_why, NULL, NULL},
    {RV_GET, V1 "/certificates/{name}/rollout", "getRollout", RV_MAY_READ, 0, NULL, &rv_shape_rollout, 200, NULL, no_query,
     "How far a certificate has come through its targets", rv_read_rollout, NULL, NULL},
    {RV_POST, V1 "/certificates/{name}/renew", "renewCertificate", RV_MAY_OPERATE, IDEM, &rv_shape_empty, &rv_shape_started,
     202, NULL, no_query, "Renew now, on every target", NULL, rv_write_renew, NULL},
    {RV_POST, V1 "/certificates/{name}/verify", "verifyCertificate", RV_MAY_OPERATE, IDEM, &rv_shape_empty,
     &rv_shape_started, 202, NULL, no_query, "Look at its endpoints now", NULL, rv_write_verify, NULL},
    {RV_POST, V1 "/certificates/{name}/approve", "approveCertificate", RV_MAY_OPERATE, IDEM, &rv_shape_empty,
     &rv_shape_started, 202, NULL, no_query, "Agree to the change that waits for approval (mode Propose)", NULL,
     rv_write_approve, NULL},

    {RV_GET, V1 "/targets", "listTargets", RV_MAY_READ, 0, NULL, &rv_shape_object_list, 200, NULL, page_by_name,
     "Declared targets", rv_read_targets, NULL, NULL},
    {RV_GET, V1 "/targets/{name}", "getTarget", RV_MAY_READ, 0, NULL, &rv_shape_object, 200, NULL, no_query, "One target",
     rv_read_target, NULL, NULL},
    {RV_DELETE, V1 "/targets/{name}", "deleteTarget", RV_MAY_ADMIN, IDEM, NULL, NULL, 204, NULL, no_query,
     "Forget a target that no certificate uses", NULL, rv_delete_target, NULL},
    {RV_GET, V1 "/profiles", "listProfiles", RV_MAY_READ, 0, NULL, &rv_shape_object_list, 200, NULL, page_by_name,
     "Profiles, built-in ones too", rv_read_profiles, NULL, NULL},
    {RV_GET, V1 "/profiles/{name}", "getProfile", RV_MAY_READ, 0, NULL, &rv_shape_object, 200, NULL, no_query, "One profile",
     rv_read_profile, NULL, NULL},
    {RV_DELETE, V1 "/profiles/{name}", "deleteProfile", RV_MAY_ADMIN, IDEM, NULL, NULL, 204, NULL, no_query,
     "Forget a profile that no certificate uses", NULL, rv_delete_profile, NULL},
    {RV_GET, V1 "/issuers", "listIssuers", RV_MAY_READ, 0, NULL, &rv_shape_object_list, 200, NULL, page_by_name,
     "Issuers, built-in ones too", rv_read_issuers, NULL, NULL},
    {RV_GET, V1 "/issuers/{name}", "getIssuer", RV_MAY_READ, 0, NULL, &rv_shape_object, 200, NULL, no_query, "One issuer",
     rv_read_issuer, NULL, NULL},
    {RV_DELETE, V1 "/issuers/{name}", "deleteIssuer", RV_MAY_ADMIN, IDEM, NULL, NULL, 204, NULL, no_query,
     "Forget an issuer that no certificate uses", NULL, rv_delete_issuer, NULL},

    {RV_POST, V1 "/apply", "apply", RV_MAY_OPERATE, IDEM, &rv_shape_apply_request, &rv_shape_apply_answer, 200, NULL,
     apply_query, "Declare documents, all or none; targets, profiles and issuers are changed by administrators only", NULL,
     rv_write_apply, NULL},
    {RV_GET, V1 "/plan", "getPlan", RV_MAY_READ, 0, NULL, &rv_shape_plan_list, 200, NULL, page_by_number,
     "What the controller would do next, for every certificate on every target", rv_read_plan, NULL, NULL},

    {RV_POST, V1 "/issuers/{issuer}/certificates", "issueCertificate", RV_MAY_ISSUE, IDEM, &rv_shape_issue_request,
     &rv_shape_issue_answer, 201, NULL, no_query, "Sign one request at once", NULL, NULL, rv_start_issue},
    {RV_GET, V1 "/issuers/{issuer}/certificates/{serial}", "getIssued", RV_MAY_READ_ISSUED, 0, NULL, &rv_shape_issued, 200,
     NULL, no_query, "A certificate of the inventory", rv_read_issued_one, NULL, NULL},
    {RV_GET, V1 "/issued", "listIssued", RV_MAY_READ_ISSUED, 0, NULL, &rv_shape_issued_list, 200, NULL, issued_query,
     "Certificates of the inventory, newest first", rv_read_issued, NULL, NULL},

    {RV_GET, V1 "/audit", "listAudit", RV_MAY_READ, 0, NULL, &rv_shape_audit_list, 200, NULL, audit_query,
     "The audit, oldest or newest first", rv_read_audit, NULL, NULL},
    {RV_GET, V1 "/audit/verify", "verifyAudit", RV_MAY_READ, 0, NULL, &rv_shape_audit_verify, 200, NULL, no_query,
     "Compute the hash chain of the audit again", rv_read_audit_verify, NULL, NULL},
    {RV_GET, V1 "/events", "streamEvents", RV_MAY_READ, 0, NULL, NULL, 200, "text/event-stream", events_query,
     "Live events: each is a row of the audit; Last-Event-ID resumes", NULL, NULL, rv_start_events},

    {RV_POST, V1 "/clock/accept", "acceptClock", RV_MAY_ADMIN, 0, &rv_shape_empty, NULL, 204, NULL, no_query,
     "Vouch for the machine's time after it jumped, so that issuing goes on", NULL, NULL, rv_start_accept_clock},

    {RV_POST, V1 "/tokens", "createToken", RV_MAY_ADMIN, IDEM | RV_ROUTE_SECRET, &rv_shape_token_request,
     &rv_shape_token_answer, 201, NULL, no_query, "Make a token; its text is in this answer only", NULL, rv_write_token,
     NULL},
    {RV_GET, V1 "/tokens", "listTokens", RV_MAY_ADMIN, 0, NULL, &rv_shape_token_list, 200, NULL, no_query,
     "Tokens, without their secrets", rv_read_tokens, NULL, NULL},
    {RV_DELETE, V1 "/tokens/{id}", "revokeToken", RV_MAY_ADMIN, IDEM, NULL, NULL, 204, NULL, no_query,
     "Revoke a token, at once", NULL, rv_delete_token, NULL},
    {RV_POST, V1 "/links", "createLink", RV_MAY_ADMIN, IDEM | RV_ROUTE_SECRET, &rv_shape_link_request, &rv_shape_link_answer,
     201, NULL, no_query, "Make a one-time sign-in link for the dashboard", NULL, rv_write_link, NULL},
    {RV_POST, V1 "/session", "signIn", RV_MAY_ANYONE, RV_ROUTE_NO_CSRF, &rv_shape_session_request, &rv_shape_session, 200,
     NULL, no_query, "Sign in with a one-time link; sets the session cookie", NULL, NULL, rv_start_sign_in},
    {RV_GET, V1 "/session", "getSession", RV_MAY_SELF, 0, NULL, &rv_shape_session, 200, NULL, no_query, "Who is signed in",
     NULL, NULL, rv_start_session},
    {RV_DELETE, V1 "/session", "signOut", RV_MAY_SELF, 0, NULL, NULL, 204, NULL, no_query, "Sign out", NULL, NULL,
     rv_start_sign_out},

    {RV_GET, V1 "/openapi.json", "getOpenapi", RV_MAY_ANYONE, 0, NULL, NULL, 200, "application/json", no_query,
     "This interface as OpenAPI 3.1", NULL, NULL, rv_start_openapi},
    {RV_GET, V1 "/schema.json", "getSchema", RV_MAY_ANYONE, 0, NULL, NULL, 200, "application/schema+json", no_query,
     "JSON Schema of the declared documents", NULL, NULL, rv_start_schema},
    {RV_GET, "/metrics", "getMetrics", RV_MAY_READ, 0, NULL, NULL, 200, "text/plain; version=0.0.4; charset=utf-8", no_query,
     "Metrics in Prometheus text", NULL, NULL, rv_start_metrics},
    {RV_GET, "/healthz", "getHealth", RV_MAY_ANYONE, 0, NULL, &rv_shape_health, 200, NULL, no_query, "The program answers",
     NULL, NULL, rv_start_health},
    {RV_GET, "/readyz", "getReady", RV_MAY_ANYONE, 0, NULL, &rv_shape_health, 200, NULL, no_query,
     "Work can begin; 503 says what is missing", NULL, NULL, rv_start_ready},
};
const size_t rv_route_count = RV_COUNT(rv_routes);

/* ---- roles ---- */

#define MAY(p) (1u << (p))
static const struct {
    const char *name;
    unsigned may;
} roles[] = {
    {"admin", MAY(RV_MAY_SELF) | MAY(RV_MAY_READ) | MAY(RV_MAY_READ_ISSUED) | MAY(RV_MAY_ISSUE) | MAY(RV_MAY_OPERATE) |
                  MAY(RV_MAY_ADMIN)},
    {"operator", MAY(RV_MAY_SELF) | MAY(RV_MAY_READ) | MAY(RV_MAY_READ_ISSUED) | MAY(RV_MAY_ISSUE) | MAY(RV_MAY_OPERATE)},
    {"issuer", MAY(RV_MAY_SELF) | MAY(RV_MAY_READ_ISSUED) | MAY(RV_MAY_ISSUE)},
    {"viewer", MAY(RV_MAY_SELF) | MAY(RV_MAY_READ) | MAY(RV_MAY_READ_ISSUED)},
};
const char *const rv_role_names[] = {"admin", "operator", "issuer", "viewer", NULL};

bool rv_role_may(const char *role, enum rv_permission permission)
{
    if (permission == RV_MAY_ANYONE)
        return true;
    for (size_t i = 0; i < RV_COUNT(roles); i++)
        if (strcmp(roles[i].name, role) == 0)
            return (roles[i].may & MAY(permission)) != 0;
    return false;
}

const char *rv_permission_name(enum rv_permission permission)
{
    static const char *const names[RV_MAY_COUNT] = {
        [RV_MAY_ANYONE] = "anyone",           [RV_MAY_SELF] = "signed in", [RV_MAY_READ] = "read",
        [RV_MAY_READ_ISSUED] = "read issued", [RV_MAY_ISSUE] = "issue",    [RV_MAY_OPERATE] = "operate",
        [RV_MAY_ADMIN] = "administer",
    };
    return names[permission];
}

/* ---- finding ---- */

/* Whether path fits pattern; each {…} takes one non-empty segment. */
static bool fits(const char *pattern, const char *path, struct rv_bytes params[RV_ROUTE_PARAMS])
{
    size_t n = 0;
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");
            if (len == 0 || n == RV_ROUTE_PARAMS)
                return false;
            params[n++] = RV_BYTES(path, len);
            path += len;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

void rv_route_find(enum rv_http_method method, const char *path, struct rv_arena *arena, struct rv_route_match *ret)
{
    *ret = (struct rv_route_match){0};
    if (method == RV_HEAD)
        method = RV_GET;
    for (size_t i = 0; i < rv_route_count; i++) {
        struct rv_bytes params[RV_ROUTE_PARAMS] = {{0}};
        if (!fits(rv_routes[i].pattern, path, params))
            continue;
        ret->path_known = true;
        ret->methods |= 1u << rv_routes[i].method;
        if (rv_routes[i].method != method || ret->route != NULL)
            continue;
        ret->route = &rv_routes[i];
        for (size_t k = 0; k < RV_ROUTE_PARAMS; k++)
            ret->params[k] =
                params[k].ptr != NULL ? rv_arena_strndup(arena, (const char *)params[k].ptr, params[k].len) : NULL;
    }
}

const char *rv_route_allow(unsigned methods, struct rv_arena *arena)
{
    static const struct {
        enum rv_http_method method;
        const char *name;
    } all[] = {{RV_GET, "GET, HEAD"}, {RV_POST, "POST"}, {RV_PUT, "PUT"}, {RV_PATCH, "PATCH"}, {RV_DELETE, "DELETE"}};
    const char *allow = "";
    for (size_t i = 0; i < RV_COUNT(all); i++)
        if ((methods & 1u << all[i].method) != 0)
            allow = rv_arena_printf(arena, "%s%s%s", allow, *allow != '\0' ? ", " : "", all[i].name);
    return allow;
}
