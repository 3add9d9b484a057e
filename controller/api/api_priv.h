/* The inside of the front door, for its own files and tests. */
#pragma once
#include "api/api.h"
#include "api/census.h"
#include "api/events.h"
#include "api/identity.h"
#include "api/metrics.h"
#include "api/routes.h"
#include "api/throttle.h"
#include "base/log.h"
#include "port/probe.h"

struct rv_api {
    struct rv_api_options o; /* texts are ours */
    char *version, *instance, *base_url;
    const struct rv_policy *policy;
    rv_time started_at;
    size_t calls; /* in work */
    bool stopping;
    struct rv_identities identities;
    struct rv_throttle throttle;
    struct rv_metrics metrics;
    struct rv_census census;
    struct rv_events events;
    char *openapi, *schema; /* texts, made when first asked for */
};

/* One request on its way through. It lives in the exchange's arena and belongs to one thread at a time: the loop, or
 * the store thread that runs its transaction. */
struct rv_call {
    struct rv_api *api;
    const struct rv_http_request *request;
    struct rv_http_exchange *exchange;
    struct rv_arena *arena;
    const struct rv_route *route;
    const char *params[RV_ROUTE_PARAMS];
    struct rv_identity who;
    json_t *body; /* checked against route->request; NULL when there is none */
    rv_time now;

    const char *idempotency_key; /* NULL: none */
    struct rv_hash request_hash;

    int status;                         /* of the answer; route->status unless a handler says otherwise */
    json_t *result;                     /* what the handler made; ours to free */
    char *text;                         /* the answer as JSON; ours to free */
    bool replayed;                      /* text is the stored answer of an earlier call */
    bool rolled_back;                   /* a dry run: the transaction failed on purpose, the answer stands */
    bool wake;                          /* the engine has work now */
    const char *forget_token;           /* id of a token that was revoked; NULL: none */
    int64_t begun_at;                   /* monotonic */
    json_t *faults;                     /* for the problem document */
    int fail_status;                    /* HTTP status of a failure, 0: what its kind says */
    const struct rv_http_header *extra; /* more answer headers; may be NULL */
    void *own;                          /* the handler's */
};

/* Answering; each ends the call, whose memory is gone afterwards. */
void rv_call_answer(struct rv_call *call);                           /* status, result or text */
void rv_call_fail(struct rv_call *call, const struct rv_error *err); /* a problem document */
void rv_call_raw(struct rv_call *call, int status, const char *type, struct rv_bytes body,
                 const struct rv_http_header *extra);
/* Runs route->read or route->write, then answers. */
void rv_call_run(struct rv_call *call);
/* Counts the call as over without answering: a stream took its exchange. */
void rv_call_release(struct rv_call *call);

/* The problem document of an error; http 0: the status's own. Given. */
json_t *rv_problem(const struct rv_error *err, int http, json_t *faults);
const char *rv_status_title(int http);

/* Helpers of handlers. */
RV_MUST_CHECK enum rv_status rv_call_limit(const struct rv_call *call, int otherwise, int *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_call_after(const struct rv_call *call, int64_t *ret, struct rv_error *err);
RV_MUST_CHECK enum rv_status rv_call_audit(const struct rv_call *call, struct rv_tx *tx, const char *action,
                                           const char *subject, const char *detail, struct rv_error *err);
/* The start of a page: {"items": []}; items borrowed. */
json_t *rv_page(json_t **ret_items);

/* Views (view.c). */
struct rv_binding_row;
json_t *rv_view_fault(const struct rv_binding_row *row); /* NULL: none */
struct rv_judged {                                       /* what the plan makes of a binding */
    struct rv_action action;
    enum rv_state state;
    bool ready;
    enum rv_step doing; /* under way at this moment; RV_STEP_NONE: nothing, or nobody knows what became of it */
    char because[240];  /* what is the case */
    char text[600];     /* and what follows from it */
};
json_t *rv_view_reason(const struct rv_judged *judged);
const char *rv_doing(const struct rv_judged *judged); /* name of the step under way; NULL: none */
RV_MUST_CHECK enum rv_status rv_judge_binding(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                              struct rv_judged *ret, struct rv_error *err);
const char *rv_verdict_name(enum rv_verdict verdict);
const char *rv_outcome_name(enum rv_probe_outcome outcome);
RV_MUST_CHECK enum rv_status rv_view_certificate(struct rv_tx *tx, const struct rv_call *call, const char *name,
                                                 int64_t generation, const char *document, json_t **ret,
                                                 struct rv_error *err);
/* The next step of a binding, as in plan lists. */
RV_MUST_CHECK enum rv_status rv_view_planned(struct rv_tx *tx, const struct rv_call *call, const struct rv_binding_row *row,
                                             json_t **ret, struct rv_error *err);

/* A row of the audit, and a live event; without its hash (audit.c). */
struct rv_audit_row;
json_t *rv_view_event(const struct rv_audit_row *row);

/* Handlers, one file per subject. */
enum rv_status rv_read_status(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_certificates(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_certificate(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_why(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_rollout(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_renew(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_verify(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_approve(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_targets(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_profiles(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_issuers(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_target(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_profile(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_issuer(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_delete_certificate(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_delete_target(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_delete_profile(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_delete_issuer(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_apply(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_plan(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_issued_one(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_issued(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_audit(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_audit_verify(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_token(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_read_tokens(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_delete_token(struct rv_tx *tx, void *call, struct rv_error *err);
enum rv_status rv_write_link(struct rv_tx *tx, void *call, struct rv_error *err);
void rv_start_status(struct rv_call *call);
void rv_start_issue(struct rv_call *call);
void rv_start_events(struct rv_call *call);
void rv_start_sign_in(struct rv_call *call);
void rv_start_session(struct rv_call *call);
void rv_start_sign_out(struct rv_call *call);
void rv_start_openapi(struct rv_call *call);
void rv_start_schema(struct rv_call *call);
void rv_start_metrics(struct rv_call *call);
void rv_start_accept_clock(struct rv_call *call);
void rv_start_health(struct rv_call *call);
void rv_start_ready(struct rv_call *call);

/* The dashboard's files (page.c): answers and says true, or says false when it is not one of them. */
bool rv_page_answer(struct rv_api *api, const struct rv_http_request *request);
