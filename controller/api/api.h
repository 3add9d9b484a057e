/* The REST front door: one route table that drives routing, authorization, request checks and the OpenAPI document;
 * sign-in; live events; metrics; and the dashboard's files. It runs on the loop thread; reads and writes of the store run
 * on the store's threads, and nothing here blocks the loop. It never opens a socket (rt does), never signs (the issuers
 * do) and never decides about a certificate (core and engine do). */
#pragma once
#include "api/static.h"
#include "core/plan.h"
#include "port/http.h"
#include "port/issuer.h"
#include "port/loop.h"
#include "port/store.h"
#include "port/store_access.h"

struct rv_engine;

struct rv_api_options { /* pointers are borrowed for the life of the api unless they say copied */
    struct rv_store *store;
    struct rv_engine *engine;  /* NULL: nothing to wake (tests) */
    struct rv_issuer *issuers; /* chosen by Issuer.spec.type == ops->type */
    size_t issuer_count;
    struct rv_loop *loop;
    rv_digest_fn digest;
    void (*random)(void *p, size_t n); /* from the kernel; never fails */
    const struct rv_policy *policy;    /* NULL: the engine's, without one rv_policy_default */
    const char *version;               /* of the program; copied */
    const char *instance;              /* id of this installation, for /status; copied */
    const char *base_url; /* "https://host:port", what links in answers start with (M-24); copied, may be NULL */
    const struct rv_static_file *files; /* the dashboard; may be NULL */
    size_t file_count;
    /* Whether work can begin, for /readyz: RV_OK, or an error that says what is missing. NULL: always. */
    enum rv_status (*ready)(void *arg, struct rv_error *err);
    void *ready_arg;
    /* An operator vouches for the machine's time after it jumped; done on the loop. NULL: there is nothing to accept. */
    void (*accept_clock)(void *arg, const char *actor, rv_store_done done, void *done_arg);
    void *accept_clock_arg;
    /* What waits in the store's queue, for /metrics; NULL: not shown. */
    int64_t (*store_queue)(void *arg);
    void *store_queue_arg;
    /* Tests: every answer is compared with the shape its route promises, and each mismatch is told here. */
    void (*mismatch)(void *arg, const char *route, const char *fault);
    void *mismatch_arg;
    size_t max_calls;   /* requests in work at once, beyond them 503 (M-21); 0: 4096 */
    size_t max_streams; /* event streams at once; 0: 512 */
};

struct rv_api;
struct rv_api *rv_api_create(const struct rv_api_options *options);
/* The rv_http_handler for the TLS and the Unix socket listeners; arg is the struct rv_api. */
void rv_api_handle(void *api, const struct rv_http_request *request);
void rv_api_set_base_url(struct rv_api *api, const char *url); /* once the port is known; copied */
/* Ends the event streams; new requests are answered 503. Call before the listeners drain. */
void rv_api_stop(struct rv_api *api);
void rv_api_destroy(struct rv_api *api); /* after every exchange has ended */

/* A secret that is shown once; of it only a hash is stored. */
#define RV_SECRET_TEXT 112
/* Makes a one-time sign-in link (its code; the page is base_url/signin#CODE) in a transaction of the caller's:
 * `reeved` uses it on first use, before anyone can sign in. role is one of rv_role_name's. */
RV_MUST_CHECK enum rv_status rv_api_make_link(struct rv_tx *tx, rv_digest_fn digest, void (*random)(void *, size_t),
                                              const char *name, const char *role, const char *actor, rv_dur valid,
                                              rv_time now, char code[static RV_SECRET_TEXT], rv_time *ret_expires,
                                              struct rv_error *err);
