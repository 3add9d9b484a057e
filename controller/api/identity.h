/* Who is asking: the Unix socket's peer, a bearer token, or a browser session. Secrets are compared by their hash in
 * constant time (M-46); what was looked up is remembered for a few seconds, so that a busy client costs no store round
 * trip per request. Only this process writes the rows, and revoking forgets at once. */
#pragma once
#include "port/digest.h"
#include "port/http.h"
#include "port/store_access.h"

#define RV_TOKEN_PREFIX "rv_"
#define RV_SESSION_COOKIE "__Host-reeve"
#define RV_SESSION_IDLE RV_MIN(15)
#define RV_SESSION_LONGEST RV_HOUR(12)
#define RV_TOKEN_LONGEST RV_DAY(365)
#define RV_LINK_LONGEST RV_HOUR(24)
#define RV_ID_TEXT 17     /* 8 random bytes in hex */
#define RV_SECRET_SIZE 32 /* random bytes, shown in hex */

enum rv_identity_via { RV_BY_NOBODY, RV_BY_SOCKET, RV_BY_TOKEN, RV_BY_SESSION };
struct rv_identity {
    enum rv_identity_via via;
    char name[101], role[33];
    char actor[112];         /* "user:anna", "token:ci" */
    char id[33];             /* of the token or session */
    char csrf[RV_HASH_TEXT]; /* sessions: the token that unsafe requests must bring */
    rv_time expires_at;
};

#define RV_IDENTITY_SLOTS 1024
struct rv_identity_slot {
    struct rv_access_row row;
    int64_t checked_at; /* monotonic; 0: empty */
};
struct rv_identities {
    struct rv_identity_slot *slots;
    long uid; /* ours */
    char user[64];
};
void rv_identities_init(struct rv_identities *i);
void rv_identities_fini(struct rv_identities *i);
/* A row that changed or was revoked: look it up again next time. */
void rv_identities_forget(struct rv_identities *i, enum rv_access_kind kind, const char *id);

struct rv_call;
/* Finds out who asks, fills call->who, then calls next(call) on the loop, at once when it can. On failure it has answered
 * 401 or 429 itself. */
void rv_identify(struct rv_call *call, void (*next)(struct rv_call *call));
/* A cookie's request must come from our own pages (M-51): false with the reason in err. */
RV_MUST_CHECK enum rv_status rv_identity_same_site(const struct rv_http_request *request, struct rv_error *err);

/* Secrets. id and secret are fresh random text; hash is what is stored. */
struct rv_fresh {
    char id[RV_ID_TEXT], secret[RV_HASH_TEXT];
    struct rv_hash hash;
};
void rv_fresh_make(struct rv_fresh *ret, rv_digest_fn digest, void (*random)(void *, size_t));
/* "<id><separator><secret>" apart; the hash of the secret. False when it does not look like one. */
RV_MUST_CHECK bool rv_secret_split(const char *text, char separator, rv_digest_fn digest, char id[static 33],
                                   struct rv_hash *ret_hash);
/* The CSRF token that belongs to a session, by the hash of its secret. */
void rv_csrf_of(const struct rv_hash *secret, rv_digest_fn digest, char ret[static RV_HASH_TEXT]);
bool rv_hash_same_secret(const struct rv_hash *a, const struct rv_hash *b); /* constant time */
