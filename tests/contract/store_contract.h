/* The contract of a store, as specifications that every backend is run through. `inside` runs in one write transaction
 * on whatever thread the backend uses, so it answers with an error instead of asserting; `outside` runs in the test's
 * thread with an open store. */
#pragma once
#include "support/cmocka.h"

#include "port/store_access.h"
#include "port/store_audit.h"
#include "port/store_binding.h"
#include "port/store_certificate.h"
#include "port/store_effect.h"
#include "port/store_object.h"

struct test_loop;
struct store_fixture {
    const struct store_backend *backend;
    struct rv_store *store;
    struct test_loop *loop;
    char folder[64], path[96];
};
struct store_spec {
    const char *name;
    rv_tx_fn inside;
    void (*outside)(struct store_fixture *f);
    bool durable; /* only for backends that are */
};
struct store_backend {
    const char *name;
    bool durable;     /* survives closing */
    bool inline_work; /* everything in the caller's thread */
    /* Runs SQL behind the store's back, while it is closed; only when durable. False when it was refused. */
    bool (*tamper)(struct store_fixture *f, const char *sql);
};
extern const struct store_spec store_fact_specs[], store_record_specs[], store_transaction_specs[]; /* end: name NULL */

#define EXPECT(condition)                                                                                                   \
    do {                                                                                                                    \
        if (!(condition))                                                                                                   \
            return rv_fail(err, RV_INTERNAL, "%s:%d: %s", __FILE__, __LINE__, #condition);                                  \
    } while (0)
#define EXPECT_OK(call)                                                                                                     \
    do {                                                                                                                    \
        enum rv_status status_ = (call);                                                                                    \
        if (status_ != RV_OK)                                                                                               \
            return rv_error_where(err, status_, "%s:%d: %s", __FILE__, __LINE__, #call);                                    \
    } while (0)
/* A refusal must say something. */
#define EXPECT_STATUS(wanted, call)                                                                                         \
    do {                                                                                                                    \
        *err = (struct rv_error){0};                                                                                        \
        enum rv_status status_ = (call);                                                                                    \
        if (status_ != (wanted) || err->message[0] == '\0')                                                                 \
            return rv_fail(err, RV_INTERNAL, "%s:%d: %s gave %s", __FILE__, __LINE__, #call,                                \
                           rv_status_info(status_)->name);                                                                  \
    } while (0)

void store_fixture_open(struct store_fixture *f);
void store_fixture_close(struct store_fixture *f);
/* Write or read now, and fail the test with the error's text unless it is fine. */
void store_write(struct store_fixture *f, rv_tx_fn fn, void *arg);
void store_read(struct store_fixture *f, rv_tx_fn fn, void *arg);

/* A loop and work lanes on plain threads. */
struct test_loop *test_loop_create(void);
void test_loop_destroy(struct test_loop *loop);
struct rv_loop *test_loop_port(struct test_loop *loop);
struct rv_work *test_loop_work(struct test_loop *loop);
/* Runs what is posted until *count reaches wanted; fails the test after half a minute. */
void test_loop_until(struct test_loop *loop, const int *count, int wanted);
void test_loop_drain(struct test_loop *loop); /* what is posted by now */

static inline struct rv_hash hash_of(int n)
{
    struct rv_hash h = {{1, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)}};
    return h;
}
