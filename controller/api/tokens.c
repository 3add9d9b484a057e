/* Tokens for programs, and one-time sign-in links for people (M-51, M-52). */
#include "api/api_priv.h"
#include "base/secret.h"
#include "base/text.h"
#include "port/store_audit.h"

static enum rv_status lifetime(const struct rv_call *call, rv_dur otherwise, rv_dur longest, rv_dur *ret,
                               struct rv_error *err)
{
    const char *text = rv_json_get_text(call->body, "expiresIn", NULL);
    char limit[RV_TIME_TEXT];
    *ret = otherwise;
    enum rv_status status = text != NULL ? rv_dur_parse(text, ret, err) : RV_OK;
    if (status == RV_OK && (*ret < RV_MIN(1) || *ret > longest))
        status = rv_fail(err, RV_INVALID, "\"%.30s\" is not from 1m to %s", text != NULL ? text : "",
                         rv_dur_text(limit, longest));
    return status == RV_OK ? RV_OK : rv_error_where(err, status, "expiresIn");
}

static enum rv_status valid_name(const char *name, struct rv_error *err)
{
    if (rv_name_valid(name))
        return RV_OK;
    rv_fail(err, RV_INVALID, "expected 1 to 63 of a-z 0-9 - and ., starting and ending with a letter or digit");
    return rv_error_where(err, RV_INVALID, "name");
}

static enum rv_status audit_access(struct rv_tx *tx, const char *actor, const char *action, const struct rv_access_row *row,
                                   rv_time now, struct rv_error *err)
{
    json_t *o = json_object();
    char subject[140];
    rv_json_set_text(o, "id", row->id);
    rv_json_set_text(o, "role", row->role);
    rv_json_set_time(o, "expiresAt", row->expires_at);
    RV_AUTO(char) char *detail = rv_json_text(o);
    json_decref(o);
    snprintf(subject, sizeof subject, "%s", row->name);
    struct rv_audit_event event = {actor, action, subject, detail};
    return rv_audit_append(tx, &event, now, err);
}

enum rv_status rv_write_token(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    const char *name = rv_json_get_text(call->body, "name", ""), *role = rv_json_get_text(call->body, "role", "");
    struct rv_access_row row = {.kind = RV_ACCESS_TOKEN, .created_at = call->now};
    rv_dur valid;
    enum rv_status status = valid_name(name, err);
    if (status == RV_OK)
        status = lifetime(call, RV_DAY(90), RV_TOKEN_LONGEST, &valid, err);
    if (status != RV_OK)
        return status;
    struct rv_fresh fresh;
    rv_fresh_make(&fresh, call->api->o.digest, call->api->o.random);
    snprintf(row.id, sizeof row.id, "%s", fresh.id);
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.role, sizeof row.role, "%s", role);
    row.secret = fresh.hash;
    row.expires_at = call->now + valid;
    status = rv_access_add(tx, &row, err);
    if (status == RV_OK)
        status = audit_access(tx, call->who.actor, "token.created", &row, call->now, err);
    if (status != RV_OK)
        return status;
    char token[RV_SECRET_TEXT];
    snprintf(token, sizeof token, RV_TOKEN_PREFIX "%s_%s", fresh.id, fresh.secret);
    json_t *o = call->result = json_object();
    rv_json_set_text(o, "id", row.id);
    rv_json_set_text(o, "name", row.name);
    rv_json_set_text(o, "role", row.role);
    rv_json_set_text(o, "token", token);
    rv_json_set_time(o, "expiresAt", row.expires_at);
    rv_wipe(&fresh, sizeof fresh);
    rv_wipe(token, sizeof token);
    return RV_OK;
}

static bool add_token(void *arg, const struct rv_access_row *row)
{
    json_t *o = json_object();
    rv_json_set_text(o, "id", row->id);
    rv_json_set_text(o, "name", row->name);
    rv_json_set_text(o, "role", row->role);
    rv_json_set_time(o, "createdAt", row->created_at);
    rv_json_set_time(o, "expiresAt", row->expires_at);
    rv_json_set_time(o, "usedAt", row->used_at);
    rv_json_set_time(o, "revokedAt", row->revoked_at);
    json_array_append_new(arg, o);
    return true;
}

enum rv_status rv_read_tokens(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    json_t *items;
    call->result = rv_page(&items);
    return rv_access_each(tx, RV_ACCESS_TOKEN, add_token, items, err);
}

enum rv_status rv_delete_token(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    const char *id = call->params[0];
    struct rv_access_row row;
    enum rv_status status = strlen(id) <= 32 ? rv_access_get(tx, RV_ACCESS_TOKEN, id, &row, err) : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND) {
        rv_fail(err, RV_NOT_FOUND, "there is no token of this id");
        rv_error_where(err, RV_NOT_FOUND, "tokens/%.32s", id);
        return rv_error_hint(err, RV_NOT_FOUND, "`reeve token list` shows ids");
    }
    if (status == RV_OK)
        status = rv_access_revoke(tx, RV_ACCESS_TOKEN, id, call->now, err);
    if (status != RV_OK)
        return status;
    call->forget_token = id;
    return audit_access(tx, call->who.actor, "token.revoked", &row, call->now, err);
}

/* ---- sign-in links ---- */

enum rv_status rv_api_make_link(struct rv_tx *tx, rv_digest_fn digest, void (*random)(void *, size_t), const char *name,
                                const char *role, const char *actor, rv_dur valid, rv_time now,
                                char code[static RV_SECRET_TEXT], rv_time *ret_expires, struct rv_error *err)
{
    struct rv_access_row row = {.kind = RV_ACCESS_LINK, .created_at = now, .expires_at = now + valid};
    struct rv_fresh fresh;
    rv_fresh_make(&fresh, digest, random);
    snprintf(row.id, sizeof row.id, "%s", fresh.id);
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.role, sizeof row.role, "%s", role);
    row.secret = fresh.hash;
    enum rv_status status = rv_access_add(tx, &row, err);
    if (status == RV_OK)
        status = audit_access(tx, actor, "link.created", &row, now, err);
    if (status == RV_OK) {
        snprintf(code, RV_SECRET_TEXT, "%s_%s", fresh.id, fresh.secret);
        *ret_expires = row.expires_at;
    }
    rv_wipe(&fresh, sizeof fresh);
    return status;
}

enum rv_status rv_write_link(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct rv_api *api = call->api;
    const char *name = rv_json_get_text(call->body, "name", call->who.name);
    const char *role = rv_json_get_text(call->body, "role", "admin");
    char code[RV_SECRET_TEXT];
    rv_dur valid;
    rv_time expires;
    enum rv_status status = json_object_get(call->body, "name") != NULL ? valid_name(name, err) : RV_OK;
    if (status == RV_OK)
        status = lifetime(call, RV_MIN(15), RV_LINK_LONGEST, &valid, err);
    if (status == RV_OK)
        status = rv_api_make_link(tx, api->o.digest, api->o.random, name, role, call->who.actor, valid, call->now, code,
                                  &expires, err);
    if (status != RV_OK)
        return status;
    json_t *o = call->result = json_object();
    rv_json_set_text(o, "name", name);
    rv_json_set_text(o, "role", role);
    rv_json_set_text(o, "code", code);
    rv_json_set_time(o, "expiresAt", expires);
    if (api->base_url != NULL)
        rv_json_set_text(o, "url", rv_arena_printf(call->arena, "%s/signin#%s", api->base_url, code));
    rv_wipe(code, sizeof code);
    return RV_OK;
}
