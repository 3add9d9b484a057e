/* The route table: one row per operation. Routing, authorization, request checks, idempotency, metrics and the OpenAPI
 * document all read it; a handler sees only requests that passed what its row demands. */
#pragma once
#include "api/shapes.h"
#include "port/http.h"
#include "port/store.h"

struct rv_call;

/* What an operation demands. Deny by default: a role has only what its row of the role table lists. */
enum rv_permission {
    RV_MAY_ANYONE, /* no sign-in at all */
    RV_MAY_SELF,   /* anyone who is signed in */
    RV_MAY_READ,
    RV_MAY_READ_ISSUED,
    RV_MAY_ISSUE,
    RV_MAY_OPERATE, /* apply, renew, verify, approve */
    RV_MAY_ADMIN,   /* tokens, links, deleting */
    RV_MAY_COUNT
};
const char *rv_permission_name(enum rv_permission permission);
/* False for unknown roles too. */
bool rv_role_may(const char *role, enum rv_permission permission);
extern const char *const rv_role_names[]; /* NULL-terminated, the mightiest first */

enum {
    RV_ROUTE_IDEMPOTENT = 1, /* honours Idempotency-Key */
    RV_ROUTE_NO_CSRF = 2,    /* before there is a session */
    RV_ROUTE_SECRET = 4      /* the answer holds a secret: it is not stored, and a repeated key is a conflict */
};

struct rv_route_query { /* a query parameter; name NULL ends the list */
    const char *name;
    enum rv_shape_type type; /* RV_SHAPE_TEXT, _INT or _BOOL */
    const char *text;
};

struct rv_route {
    enum rv_http_method method;
    const char *pattern; /* "/api/v1/certificates/{name}" */
    const char *id;      /* operationId, and the label in metrics */
    enum rv_permission permission;
    unsigned flags;
    const struct rv_shape *request, *answer; /* NULL: none; answer NULL: content_type says what it is */
    int status;                              /* of success */
    const char *content_type;                /* of an answer that has no shape */
    const struct rv_route_query *query;
    const char *summary;
    /* Exactly one of these. read and write run in a transaction on a store thread and leave call->result; start runs on
     * the loop and answers itself, now or later. */
    rv_tx_fn read, write;
    void (*start)(struct rv_call *call);
};
extern const struct rv_route rv_routes[];
extern const size_t rv_route_count;

#define RV_ROUTE_PARAMS 2
struct rv_route_match {
    const struct rv_route *route; /* NULL: none */
    const char *params[RV_ROUTE_PARAMS];
    bool path_known;  /* some row has this path */
    unsigned methods; /* then: bit 1 << method for each that has */
};
/* Finds the row; parameters are copied into the arena. HEAD finds the row of GET. */
void rv_route_find(enum rv_http_method method, const char *path, struct rv_arena *arena, struct rv_route_match *ret);
/* "GET, HEAD, POST" for Allow, in the arena. */
const char *rv_route_allow(unsigned methods, struct rv_arena *arena);

/* The OpenAPI 3.1 document of the table, with the shapes. base_url may be NULL. Given. */
json_t *rv_openapi(const char *base_url);
void rv_api_reference(struct rv_buf *out); /* docs/reference/api.md */
