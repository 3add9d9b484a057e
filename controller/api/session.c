/* Sign-in with a one-time link, and the session it opens (M-51): the cookie's id is fresh at every sign-in, stored by
 * its hash, and ends after 15 idle minutes or 12 hours. */
#include "api/api_priv.h"
#include "base/secret.h"
#include "port/store_audit.h"

struct sign_in {
    struct rv_call *call;
    char link[33];
    struct rv_hash hash;
    struct rv_fresh fresh;
    struct rv_access_row session;
};

static enum rv_status no_entry(struct rv_error *err)
{
    /* Wrong, used, expired and unknown read the same. */
    rv_fail(err, RV_DENIED, "the sign-in link is not valid, was used already, or has expired");
    return rv_error_hint(err, RV_DENIED, "make a new one with `reeve token link`");
}

static enum rv_status sign_in_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct sign_in *s = arg;
    struct rv_call *call = s->call;
    struct rv_access_row link = {0};
    enum rv_status status = rv_access_get(tx, RV_ACCESS_LINK, s->link, &link, err);
    bool same = rv_hash_same_secret(&link.secret, &s->hash);
    if (status == RV_NOT_FOUND || (status == RV_OK && (!same || link.revoked_at != 0 || call->now >= link.expires_at)))
        return no_entry(err);
    if (status != RV_OK)
        return status;
    status = rv_access_revoke(tx, RV_ACCESS_LINK, s->link, call->now, err); /* one time: the second finds a conflict */
    if (status == RV_CONFLICT)
        return no_entry(err);
    if (status != RV_OK)
        return status;
    struct rv_access_row *row = &s->session;
    *row = (struct rv_access_row){.kind = RV_ACCESS_SESSION, .created_at = call->now, .used_at = call->now};
    memcpy(row->id, s->fresh.id, sizeof s->fresh.id);
    memcpy(row->name, link.name, sizeof row->name);
    memcpy(row->role, link.role, sizeof row->role);
    row->secret = s->fresh.hash;
    row->expires_at = call->now + RV_SESSION_LONGEST;
    char csrf[RV_HASH_TEXT];
    rv_csrf_of(&row->secret, call->api->o.digest, csrf);
    call->api->o.digest(rv_bytes_of(csrf), &row->csrf);
    status = rv_access_add(tx, row, err);
    if (status != RV_OK)
        return status;
    char actor[112];
    snprintf(actor, sizeof actor, "user:%s", link.name);
    struct rv_audit_event event = {actor, "session.started", link.name, NULL};
    return rv_audit_append(tx, &event, call->now, err);
}

static json_t *session_view(const struct rv_identity *who)
{
    json_t *o = json_object();
    rv_json_set_text(o, "name", who->name);
    rv_json_set_text(o, "role", who->role);
    rv_json_set_text(o, "csrf", who->via == RV_BY_SESSION ? who->csrf : NULL);
    rv_json_set_time(o, "expiresAt", who->expires_at);
    return o;
}

static void sign_in_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct sign_in *s = arg;
    struct rv_call *call = s->call;
    if (status != RV_OK) {
        rv_wipe(&s->fresh, sizeof s->fresh);
        if (status == RV_DENIED) {
            rv_throttle_failed(&call->api->throttle, call->request->peer, rv_mono(call->api->o.loop->clock));
            call->fail_status = 401;
        }
        rv_call_fail(call, err);
        return;
    }
    struct rv_http_header *extra = rv_arena_alloc(call->arena, 2 * sizeof *extra);
    extra[0].name = "set-cookie";
    extra[0].value =
        rv_arena_printf(call->arena, RV_SESSION_COOKIE "=%s.%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%lld",
                        s->fresh.id, s->fresh.secret, (long long)(RV_SESSION_LONGEST / 1000));
    rv_wipe(&s->fresh, sizeof s->fresh);
    call->extra = extra;
    struct rv_identity *who = &call->who;
    who->via = RV_BY_SESSION;
    memcpy(who->name, s->session.name, sizeof who->name);
    memcpy(who->role, s->session.role, sizeof who->role);
    who->expires_at = s->session.expires_at;
    rv_csrf_of(&s->session.secret, call->api->o.digest, who->csrf);
    call->result = session_view(who);
    rv_call_answer(call);
}

void rv_start_sign_in(struct rv_call *call)
{
    struct rv_api *api = call->api;
    struct rv_error err;
    int64_t wait = rv_throttle_wait(&api->throttle, call->request->peer, rv_mono(api->o.loop->clock));
    struct sign_in *s = rv_arena_alloc(call->arena, sizeof *s);
    s->call = call;
    if (call->request->via != RV_VIA_TLS) {
        rv_fail(&err, RV_DENIED, "a browser session needs the TLS address: its cookie is for https only");
        rv_call_fail(call, &err);
    } else if (wait > 0) {
        rv_fail(&err, RV_LIMITED, "too many failed sign-ins from this address");
        rv_error_hint(&err, RV_LIMITED, "try again in %lld seconds", (long long)(wait / 1000 + 1));
        rv_call_fail(call, &err);
    } else if (!rv_secret_split(rv_json_get_text(call->body, "code", ""), '_', api->o.digest, s->link, &s->hash)) {
        rv_throttle_failed(&api->throttle, call->request->peer, rv_mono(api->o.loop->clock));
        call->fail_status = 401;
        no_entry(&err);
        rv_call_fail(call, &err);
    } else {
        rv_fresh_make(&s->fresh, api->o.digest, api->o.random);
        rv_store_write(api->o.store, sign_in_run, sign_in_done, s);
    }
}

void rv_start_session(struct rv_call *call)
{
    call->result = session_view(&call->who);
    rv_call_answer(call);
}

/* ---- sign-out ---- */

static enum rv_status sign_out_run(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    enum rv_status status = rv_access_revoke(tx, RV_ACCESS_SESSION, call->who.id, call->now, err);
    if (status == RV_CONFLICT)
        return RV_OK; /* already out */
    return status != RV_OK ? status : rv_call_audit(call, tx, "session.ended", call->who.name, NULL, err);
}

static void sign_out_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    static const struct rv_http_header forget[] = {
        {"set-cookie", RV_SESSION_COOKIE "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"}, {NULL, NULL}};
    struct rv_call *call = arg;
    if (status != RV_OK) {
        rv_call_fail(call, err);
        return;
    }
    rv_identities_forget(&call->api->identities, RV_ACCESS_SESSION, call->who.id);
    rv_events_forget(&call->api->events, call->who.id);
    call->extra = forget;
    rv_call_answer(call);
}

void rv_start_sign_out(struct rv_call *call)
{
    struct rv_error err;
    if (call->who.via == RV_BY_SESSION) {
        rv_store_write(call->api->o.store, sign_out_run, sign_out_done, call);
        return;
    }
    rv_fail(&err, RV_CONFLICT, "there is no browser session to end");
    rv_call_fail(call, &err);
}
