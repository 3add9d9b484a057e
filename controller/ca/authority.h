/* The built-in CA: port/issuer.h ("builtin") on the store and the signer. It parses and checks requests, builds what is
 * to be signed, writes ahead (M-56), has it signed, verifies, stores. All state belongs to the loop thread; parsing,
 * checking and signing run on the crypto lane, transactions in the store. It holds no CA key and never signs by itself.
 *
 * An issue passes four stages: prepare, reserve, sign, store. Each takes up to 64 waiting requests at a time, so that
 * under load one commit and one message to the signer serve many. See docs/internals/issuing.md. */
#pragma once
#include "port/issuer.h"
#include "port/signer.h"
#include "port/store.h"

struct rv_authority;
struct rv_authority_options {
    struct rv_store *store;
    struct rv_work *work;
    struct rv_loop *loop; /* and its clock */
    struct rv_signer signer;
    const char *issuer;         /* NULL: "internal" */
    int max_waiting;            /* requests beyond this are refused with RV_LIMITED; 0: 10000 */
    const char *ca_issuers_url; /* where the CA certificate can be had, put into what is issued; NULL: nowhere */
};
/* Blocking, for start-up: has the signer make root and issuing CA on first use, stores their certificates with an audit
 * row, reads the clock's high-water mark. RV_CONFLICT when store and signer hold different CAs. Unfinished intents are
 * taken up as soon as the loop runs. */
RV_MUST_CHECK enum rv_status rv_authority_create(const struct rv_authority_options *options, struct rv_authority **ret,
                                                 struct rv_error *err);
struct rv_issuer rv_authority_issuer(struct rv_authority *authority);
/* No new requests; done once nothing is in flight. Then destroy. */
void rv_authority_stop(struct rv_authority *authority, void (*done)(void *arg), void *arg);
void rv_authority_destroy(struct rv_authority *authority);

const char *rv_authority_name(const struct rv_authority *authority); /* "internal" */
/* PEM, borrowed, fixed for the life of the CA. */
const char *rv_authority_chain_pem(
    const struct rv_authority *authority); /* the issuing certificate: what servers send behind the leaf */
const char *rv_authority_root_pem(const struct rv_authority *authority); /* what clients trust */

/* Issuing pauses when the wall clock steps back by more than 5 s, or forward by more than 1 h against the monotonic
 * clock (M-58). RV_OK: issuing; RV_UNAVAILABLE with the reason: paused. On the loop. */
RV_MUST_CHECK enum rv_status rv_authority_clock_check(struct rv_authority *authority, struct rv_error *err);
/* An operator vouches for the time as it is now. Audited; done on the loop. */
void rv_authority_clock_accept(struct rv_authority *authority, const char *actor, rv_store_done done, void *arg);

struct rv_authority_stats {
    int64_t issued, denied, failed, resumed, abandoned; /* since start */
    int64_t waiting, in_flight;                         /* now */
    int64_t unresolved;                                 /* intents found at start-up and not yet finished or abandoned */
};
void rv_authority_stats(const struct rv_authority *authority, struct rv_authority_stats *ret);
