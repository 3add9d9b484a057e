/* The front door on a store in memory, with a loop, a clock, an HTTP layer and an issuer that the test holds in its hands.
 * Every answer is compared with the shape that its route promises. */
#pragma once
#include "support/cmocka.h"

#include "api/api_priv.h"

#define HEADERS 12
struct harness;
struct rv_http_exchange { /* what came back */
    int status;           /* 0: nothing yet */
    char content_type[128];
    char header_names[HEADERS][40], header_values[HEADERS][512];
    int header_count;
    struct rv_buf body;          /* of an answer, or all that was streamed */
    json_t *json;                /* the body, when it is JSON */
    bool streaming, ended, slow; /* slow: the next send drops it */
    void (*gone)(void *arg);
    void *gone_arg;
    struct rv_arena *arena;
    struct harness *h;
    struct rv_http_exchange *next; /* all of a harness */
};

struct ask {
    enum rv_http_method method;
    const char *path; /* with the query */
    const char *body; /* JSON text; NULL: none */
    const char *token, *cookie;
    struct rv_http_header headers[8]; /* more; ends with a NULL name */
    enum rv_http_via via;             /* default TLS */
    long uid;                         /* of a Unix socket's peer */
    const char *peer;                 /* default 192.0.2.1 */
};

struct harness {
    struct rv_loop loop;
    struct rv_clock clock;
    rv_time wall;
    int64_t mono;
    struct posted {
        void (*fn)(void *arg);
        void *arg;
    } queue[4096];
    size_t head, tail;
    struct rv_timer *timers;
    struct rv_store *store;
    struct rv_api *api;
    struct rv_http_exchange *exchanges;
    struct rv_issuer issuer;
    int issued; /* calls of the issuer */
    char last_key[101], last_actor[101];
    struct rv_error refuse; /* status RV_OK: the issuer signs */
    int mismatches;
    bool not_ready;
    char admin[RV_SECRET_TEXT]; /* a token */
};

int harness_setup(void **state);
int harness_teardown(void **state);
/* Asks, and runs the loop until nothing is left to do. Borrowed from the harness. */
struct rv_http_exchange *ask(struct harness *h, const struct ask *a);
/* Shorthands with the administrator's token. */
struct rv_http_exchange *get(struct harness *h, const char *path);
struct rv_http_exchange *post(struct harness *h, const char *path, const char *body);
void run(struct harness *h);
void pass(struct harness *h, rv_dur time);                              /* clocks and timers go on */
const char *header(const struct rv_http_exchange *x, const char *name); /* NULL: none */
const char *text(const struct rv_http_exchange *x, const char *name);   /* member of the JSON, "" when absent */
/* A fresh token of that role; in static memory, for a while. */
const char *token_of(struct harness *h, const char *role);
/* status, and a whole problem document with this in its detail, where or hint. */
void assert_problem(const struct rv_http_exchange *x, int status, const char *code, const char *contains);
/* Declares one certificate "shop" on targets edge-1, edge-2. */
void declare_shop(struct harness *h);
extern const char csr_pem[];
