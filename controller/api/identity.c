#include "api/api_priv.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#define REMEMBER 10000        /* ms that a looked-up row is believed */
#define TOUCH_TOKEN RV_MIN(1) /* how exact `last used` is */
#define TOUCH_SESSION RV_SEC(30)

/* The derivation of the CSRF token starts from the hash of the secret, which is stored. Whoever reads the database could
 * compute it, but without the cookie it opens nothing. */

struct lookup { /* a credential on its way through the store */
    struct rv_call *call;
    void (*next)(struct rv_call *call);
    enum rv_access_kind kind;
    char id[33];
    struct rv_hash hash;
    struct rv_access_row row;
};

void rv_identities_init(struct rv_identities *i)
{
    i->slots = rv_calloc(RV_IDENTITY_SLOTS, sizeof *i->slots);
    i->uid = (long)geteuid();
    struct passwd entry, *found = NULL;
    char buf[4096];
    if (getpwuid_r(geteuid(), &entry, buf, sizeof buf, &found) == 0 && found != NULL)
        snprintf(i->user, sizeof i->user, "%s", found->pw_name);
    else
        snprintf(i->user, sizeof i->user, "%ld", i->uid);
}

void rv_identities_fini(struct rv_identities *i)
{
    rv_free(i->slots);
}

static struct rv_identity_slot *slot_of(struct rv_identities *i, enum rv_access_kind kind, const char *id)
{
    uint32_t h = 2166136261u + (uint32_t)kind;
    for (; *id != '\0'; id++)
        h = (h ^ (uint8_t)*id) * 16777619u;
    return &i->slots[h % RV_IDENTITY_SLOTS];
}

void rv_identities_forget(struct rv_identities *i, enum rv_access_kind kind, const char *id)
{
    struct rv_identity_slot *slot = slot_of(i, kind, id);
    if (slot->row.kind == kind && strcmp(slot->row.id, id) == 0)
        slot->checked_at = 0;
}

static const struct rv_http_header challenge[] = {{"www-authenticate", "Bearer realm=\"reeve\""}, {NULL, NULL}};

static void refuse(struct rv_call *call, const char *what, const char *hint)
{
    struct rv_error err;
    rv_fail(&err, RV_DENIED, "%s", what);
    rv_error_hint(&err, RV_DENIED, "%s", hint);
    call->fail_status = 401;
    call->extra = challenge;
    rv_call_fail(call, &err);
}

static void wrong(struct rv_call *call)
{
    rv_throttle_failed(&call->api->throttle, call->request->peer, rv_mono(call->api->o.loop->clock));
    /* One text for an unknown id, a wrong secret and a revoked row: nothing is learned from it (M-46). */
    refuse(call, "the credentials are not valid, or no longer", "make a token with `reeve token create`, or sign in again");
}

/* Last-used times are for people and for the idle limit: rough, and never in anyone's way. */
struct touch {
    enum rv_access_kind kind;
    char id[33];
    rv_time now;
};

static enum rv_status touch_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct touch *t = arg;
    return rv_access_used(tx, t->kind, t->id, t->now, err);
}

static void touch_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    if (status != RV_OK)
        rv_log_error(RV_LOG_WARN, &(struct rv_log_context){.area = "api"}, err, "cannot note the use of a token");
    rv_free(arg);
}

/* A page that is left open asks by itself; only what a person does keeps a session alive. */
static bool in_background(const struct rv_call *call)
{
    const char *header = rv_http_header(call->request, "x-reeve-background");
    bool stream = call->route != NULL && call->route->start == rv_start_events; /* the browser opens it again by itself */
    return stream || (header != NULL && strcmp(header, "1") == 0);
}

static void touch(struct rv_call *call, struct rv_access_row *row)
{
    if (row->kind == RV_ACCESS_SESSION && in_background(call))
        return;
    rv_dur every = row->kind == RV_ACCESS_SESSION ? TOUCH_SESSION : TOUCH_TOKEN;
    if (call->now - row->used_at < every && call->now >= row->used_at)
        return;
    row->used_at = call->now;
    struct touch *t = rv_zalloc(sizeof *t);
    t->kind = row->kind;
    memcpy(t->id, row->id, sizeof t->id);
    t->now = call->now;
    rv_store_write(call->api->o.store, touch_run, touch_done, t);
}

static bool still_valid(const struct rv_access_row *row, rv_time now)
{
    if (row->revoked_at != 0 || now >= row->expires_at || row->created_at > now + RV_MIN(5))
        return false;
    rv_time used = row->used_at != 0 ? row->used_at : row->created_at;
    return row->kind != RV_ACCESS_SESSION || now - used < RV_SESSION_IDLE;
}

static void accept_row(struct rv_call *call, struct rv_access_row *row)
{
    struct rv_identity *who = &call->who;
    bool session = row->kind == RV_ACCESS_SESSION;
    who->via = session ? RV_BY_SESSION : RV_BY_TOKEN;
    memcpy(who->name, row->name, sizeof who->name);
    memcpy(who->role, row->role, sizeof who->role);
    memcpy(who->id, row->id, sizeof who->id);
    who->expires_at = row->expires_at;
    snprintf(who->actor, sizeof who->actor, "%s:%s", session ? "user" : "token", row->name);
    if (session)
        rv_csrf_of(&row->secret, call->api->o.digest, who->csrf);
    touch(call, row);
}

static void judge(struct lookup *l, struct rv_access_row *row)
{
    struct rv_call *call = l->call;
    bool same = rv_hash_same_secret(&row->secret, &l->hash); /* always compared: an unknown id takes as long */
    if (!same || row->id[0] == '\0' || !still_valid(row, call->now)) {
        wrong(call);
        return;
    }
    accept_row(call, row);
    l->next(call);
}

static enum rv_status lookup_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct lookup *l = arg;
    enum rv_status status = rv_access_get(tx, l->kind, l->id, &l->row, err);
    if (status == RV_NOT_FOUND) {
        l->row = (struct rv_access_row){.kind = l->kind};
        return RV_OK;
    }
    return status;
}

static void lookup_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct lookup *l = arg;
    if (status != RV_OK) {
        rv_call_fail(l->call, err);
        return;
    }
    if (l->row.id[0] == '\0') {
        judge(l, &l->row);
        return;
    }
    struct rv_identity_slot *slot = slot_of(&l->call->api->identities, l->kind, l->id);
    slot->row = l->row;
    slot->checked_at = rv_mono(l->call->api->o.loop->clock);
    judge(l, &slot->row);
}

static void look_up(struct rv_call *call, enum rv_access_kind kind, const char *id, const struct rv_hash *hash,
                    void (*next)(struct rv_call *))
{
    struct rv_api *api = call->api;
    int64_t now = rv_mono(api->o.loop->clock);
    struct lookup *l = rv_arena_alloc(call->arena, sizeof *l);
    l->call = call;
    l->next = next;
    l->kind = kind;
    memcpy(l->id, id, sizeof l->id);
    l->hash = *hash;
    struct rv_identity_slot *slot = slot_of(&api->identities, kind, id);
    if (slot->checked_at != 0 && now - slot->checked_at < REMEMBER && slot->row.kind == kind &&
        strcmp(slot->row.id, id) == 0 && rv_hash_same_secret(&slot->row.secret, hash)) {
        judge(l, &slot->row);
        return;
    }
    int64_t wait = rv_throttle_wait(&api->throttle, call->request->peer, now);
    if (wait > 0) {
        struct rv_error err;
        rv_fail(&err, RV_LIMITED, "too many failed sign-ins from this address");
        rv_error_hint(&err, RV_LIMITED, "try again in %lld seconds", (long long)(wait / 1000 + 1));
        struct rv_http_header *extra = rv_arena_alloc(call->arena, 2 * sizeof *extra);
        extra[0].name = "retry-after";
        extra[0].value = rv_arena_printf(call->arena, "%lld", (long long)(wait / 1000 + 1));
        call->extra = extra;
        rv_call_fail(call, &err);
        return;
    }
    rv_store_read(api->o.store, lookup_run, lookup_done, l);
}

/* The value of one cookie, in the arena; NULL when it is not there. */
static const char *cookie(const struct rv_http_request *r, const char *name)
{
    const char *at = rv_http_header(r, "cookie");
    size_t n = strlen(name);
    while (at != NULL && *at != '\0') {
        at += strspn(at, "; ");
        size_t len = strcspn(at, ";");
        if (len > n && at[n] == '=' && strncmp(at, name, n) == 0)
            return rv_arena_strndup(r->arena, at + n + 1, len - n - 1);
        at += len;
    }
    return NULL;
}

static void by_bearer(struct rv_call *call, const char *header, void (*next)(struct rv_call *))
{
    char id[33];
    struct rv_hash hash;
    const char *token = header + 7;
    if (strncasecmp(header, "Bearer ", 7) != 0 || !rv_starts_with(token, RV_TOKEN_PREFIX) ||
        !rv_secret_split(token + strlen(RV_TOKEN_PREFIX), '_', call->api->o.digest, id, &hash)) {
        wrong(call);
        return;
    }
    look_up(call, RV_ACCESS_TOKEN, id, &hash, next);
}

void rv_identify(struct rv_call *call, void (*next)(struct rv_call *call))
{
    const struct rv_http_request *r = call->request;
    struct rv_identities *known = &call->api->identities;
    const char *authorization = rv_http_header(r, "authorization");
    if (authorization != NULL) {
        by_bearer(call, authorization, next);
        return;
    }
    if (r->via == RV_VIA_SOCKET && (r->peer_uid == known->uid || r->peer_uid == 0)) {
        call->who.via = RV_BY_SOCKET;
        snprintf(call->who.name, sizeof call->who.name, "%s", r->peer_uid == 0 ? "root" : known->user);
        snprintf(call->who.role, sizeof call->who.role, "admin");
        snprintf(call->who.actor, sizeof call->who.actor, "user:%s", call->who.name);
        next(call);
        return;
    }
    const char *session = r->via == RV_VIA_TLS ? cookie(r, RV_SESSION_COOKIE) : NULL;
    char id[33];
    struct rv_hash hash;
    if (session != NULL && rv_secret_split(session, '.', call->api->o.digest, id, &hash))
        look_up(call, RV_ACCESS_SESSION, id, &hash, next);
    else
        refuse(call, "sign-in is needed", "use Authorization: Bearer <token>, the Unix socket, or a sign-in link");
}

enum rv_status rv_identity_same_site(const struct rv_http_request *r, struct rv_error *err)
{
    const char *origin = rv_http_header(r, "origin"), *site = rv_http_header(r, "sec-fetch-site");
    const char *host = rv_http_header(r, "host");
    if (origin != NULL && (host == NULL || !rv_starts_with(origin, "https://") || strcasecmp(origin + 8, host) != 0))
        return rv_fail(err, RV_DENIED, "the request comes from another site (Origin: %.100s)", origin);
    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return rv_fail(err, RV_DENIED, "the request comes from another site (Sec-Fetch-Site: %.40s)", site);
    return RV_OK;
}
