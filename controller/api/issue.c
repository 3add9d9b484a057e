/* Signing one request at once, and the inventory of what was signed. The signing path is hot: one small JSON tree comes
 * in, none goes out, and the store is touched by the CA alone unless the caller asked for idempotency. */
#include "api/api_priv.h"
#include "base/text.h"
#include "pki/pem.h"
#include "port/store_certificate.h"
#include "port/store_object.h"

#define REQUEST_LABEL "CERTIFICATE REQUEST"
#define OLD_REQUEST_LABEL "NEW CERTIFICATE REQUEST" /* RFC 7468 §7: parsers may take it */

struct issuing {
    struct rv_call *call;
    struct rv_issue_request wish;
    struct rv_buf csr;
    char key[101];
    char type[33]; /* of the issuer */
    struct rv_hash stored_request;
    int stored_status;
    char *stored_body;
};

static void add_json_text(struct rv_buf *out, const char *s)
{
    rv_buf_add_byte(out, '"');
    for (;;) {
        size_t n = strcspn(s, "\n\r\"\\");
        rv_buf_add(out, s, n);
        s += n;
        if (*s == '\0')
            break;
        rv_buf_add_byte(out, '\\');
        rv_buf_add_byte(out, (uint8_t)(*s == '\n' ? 'n' : *s == '\r' ? 'r' : *s));
        s++;
    }
    rv_buf_add_byte(out, '"');
}

static char *answer_of(const struct rv_issue_result *r)
{
    struct rv_buf out = {0};
    char hash[RV_HASH_TEXT], from[RV_TIME_TEXT], to[RV_TIME_TEXT];
    rv_buf_reserve(&out, 512 + strlen(r->certificate_pem) + strlen(r->chain_pem));
    rv_buf_printf(
        &out,
        "{\"serial\":\"%s\",\"fingerprint\":\"%s\",\"notBefore\":\"%s\",\"notAfter\":\"%s\",\"certificate\":", r->serial,
        rv_hash_hex(hash, &r->fingerprint), rv_time_text(from, r->not_before), rv_time_text(to, r->not_after));
    add_json_text(&out, r->certificate_pem);
    rv_buf_add_text(&out, ",\"chain\":");
    add_json_text(&out, r->chain_pem);
    rv_buf_add_byte(&out, '}');
    return rv_buf_take(&out);
}

static void finish(struct issuing *i)
{
    rv_buf_fini(&i->csr);
    rv_free(i->stored_body);
    i->stored_body = NULL;
}

static void fail(struct issuing *i, const struct rv_error *err)
{
    finish(i);
    rv_call_fail(i->call, err);
}

static enum rv_status keep_answer(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = ((struct issuing *)arg)->call;
    return rv_answer_put(tx, call->who.actor, call->idempotency_key, &call->request_hash, 201, call->text, call->now, err);
}

static void kept(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct issuing *i = arg;
    /* The certificate exists whatever became of the note: asking again with the key finds it through the issuer. */
    if (status != RV_OK)
        rv_log_error(RV_LOG_WARN, &(struct rv_log_context){.area = "api"}, err, "cannot keep an answer for its key");
    finish(i);
    rv_call_answer(i->call);
}

static void issued(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct issuing *i = arg;
    struct rv_call *call = i->call;
    if (status != RV_OK) {
        fail(i, err);
        return;
    }
    call->text = answer_of(result);
    if (call->idempotency_key != NULL) {
        rv_store_write(call->api->o.store, keep_answer, kept, i);
        return;
    }
    finish(i);
    rv_call_answer(call);
}

static void ask_issuer(struct issuing *i)
{
    struct rv_api *api = i->call->api;
    for (size_t k = 0; k < api->o.issuer_count; k++) {
        struct rv_issuer *issuer = &api->o.issuers[k];
        if (strcmp(issuer->ops->type, i->type) == 0) {
            issuer->ops->issue(issuer->ctx, &i->wish, issued, i);
            return;
        }
    }
    struct rv_error err;
    rv_fail(&err, RV_UNAVAILABLE, "reeved has no adapter for issuers of type \"%s\"", i->type);
    rv_error_where(&err, RV_UNAVAILABLE, "issuers/%s", i->wish.issuer);
    fail(i, &err);
}

/* The slower way in: an issuer that is declared, or an Idempotency-Key. */
static enum rv_status prepare(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct issuing *i = arg;
    struct rv_call *call = i->call;
    enum rv_status status = RV_OK;
    rv_free(i->stored_body);
    i->stored_body = NULL;
    if (call->idempotency_key != NULL) {
        status = rv_answer_get(tx, call->who.actor, call->idempotency_key, &i->stored_request, &i->stored_status,
                               &i->stored_body, err);
        if (status != RV_OK && status != RV_NOT_FOUND)
            return status;
    }
    if (i->type[0] != '\0')
        return RV_OK;
    struct rv_object_row row = {0};
    status = rv_name_valid(i->wish.issuer) ? rv_object_get(tx, RV_KIND_ISSUER, i->wish.issuer, &row, err) : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND) {
        rv_fail(err, RV_NOT_FOUND, "there is no Issuer of this name");
        return rv_error_where(err, RV_NOT_FOUND, "issuers/%.63s", i->wish.issuer);
    }
    if (status != RV_OK)
        return status;
    json_t *document = NULL;
    status = rv_json_parse(rv_bytes_of(row.document), &document, err);
    if (status == RV_OK)
        snprintf(i->type, sizeof i->type, "%s", rv_json_get_text(json_object_get(document, "spec"), "type", "builtin"));
    json_decref(document);
    rv_object_row_fini(&row);
    return status;
}

static void prepared(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct issuing *i = arg;
    struct rv_call *call = i->call;
    struct rv_error mine;
    if (status != RV_OK) {
        fail(i, err);
        return;
    }
    if (i->stored_body == NULL) {
        ask_issuer(i);
        return;
    }
    if (!rv_hash_equal(&i->stored_request, &call->request_hash)) {
        rv_fail(&mine, RV_CONFLICT, "this Idempotency-Key was used for another request");
        rv_error_hint(&mine, RV_CONFLICT, "use a fresh key for each request that you mean");
        fail(i, &mine);
        return;
    }
    call->text = RV_TAKE(i->stored_body);
    call->status = i->stored_status;
    call->replayed = true;
    finish(i);
    rv_call_answer(call);
}

static enum rv_status read_csr(struct issuing *i, const char *pem, struct rv_error *err)
{
    bool old = strstr(pem, "-----BEGIN " OLD_REQUEST_LABEL) != NULL;
    enum rv_status status = rv_pem_one(rv_bytes_of(pem), old ? OLD_REQUEST_LABEL : REQUEST_LABEL, &i->csr, err);
    return status == RV_OK ? RV_OK : rv_error_where(err, status, "csr");
}

/* One wish, one key: the caller's, hashed with who it is and what was asked. The CA keeps it with the certificate, so a
 * repeated call finds the first one's even when the answer was lost. */
static void make_key(struct issuing *i)
{
    struct rv_call *call = i->call;
    char hex[RV_HASH_TEXT];
    RV_AUTO(rv_buf) struct rv_buf all = {0};
    struct rv_hash h;
    rv_buf_printf(&all, "%s\n%s\n", call->who.actor, call->idempotency_key);
    rv_buf_add(&all, call->request_hash.b, sizeof call->request_hash.b);
    call->api->o.digest(rv_buf_bytes(&all), &h);
    snprintf(i->key, sizeof i->key, "api-key:%s", rv_hash_hex(hex, &h));
}

void rv_start_issue(struct rv_call *call)
{
    struct issuing *i = rv_arena_alloc(call->arena, sizeof *i);
    struct rv_error err;
    i->call = call;
    enum rv_status status = read_csr(i, rv_json_get_text(call->body, "csr", ""), &err);
    if (status != RV_OK) {
        fail(i, &err);
        return;
    }
    if (call->idempotency_key != NULL)
        make_key(i);
    i->wish = (struct rv_issue_request){
        .idempotency_key = call->idempotency_key != NULL ? i->key : NULL,
        .issuer = call->params[0],
        .profile = rv_json_get_text(call->body, "profile", ""),
        .csr = rv_buf_bytes(&i->csr),
        .actor = call->who.actor,
    };
    const struct rv_object *builtin = rv_builtin_object(RV_KIND_ISSUER, call->params[0]);
    if (builtin != NULL)
        snprintf(i->type, sizeof i->type, "%s", builtin->issuer.type);
    if (i->type[0] != '\0' && call->idempotency_key == NULL)
        ask_issuer(i);
    else
        rv_store_read(call->api->o.store, prepare, prepared, i);
}

/* ---- the inventory ---- */

static json_t *row_view(const struct rv_cert_row *row)
{
    static const char *const states[] = {
        [RV_CERT_INTENT] = "intent", [RV_CERT_ISSUED] = "issued", [RV_CERT_ABANDONED] = "abandoned"};
    json_t *o = json_object(), *names = NULL;
    rv_json_set_text(o, "issuer", row->issuer);
    rv_json_set_text(o, "profile", row->profile);
    rv_json_set_text(o, "serial", row->serial);
    rv_json_set_text(o, "state", states[row->state]);
    rv_json_set_text(o, "subject", row->subject[0] != '\0' ? row->subject : NULL);
    if (row->names != NULL && rv_json_parse(rv_bytes_of(row->names), &names, NULL) == RV_OK)
        rv_json_set(o, "names", names);
    rv_json_set_hash(o, "fingerprint", &row->fingerprint);
    rv_json_set_time(o, "notBefore", row->not_before);
    rv_json_set_time(o, "notAfter", row->not_after);
    rv_json_set_time(o, "issuedAt", row->issued_at);
    rv_json_set_time(o, "revokedAt", row->revoked_at);
    rv_json_set_text(o, "actor", row->actor[0] != '\0' ? row->actor : NULL);
    return o;
}

/* The chain as servers send it: everything but the root, which stands last. */
static void add_chain(json_t *o, char *chain_pem)
{
    char *last = NULL;
    for (char *at = strstr(chain_pem, "-----BEGIN "); at != NULL; at = strstr(at + 1, "-----BEGIN "))
        last = at;
    if (last != NULL && last != chain_pem)
        *last = '\0';
    rv_json_set_text(o, "chain", chain_pem);
}

enum rv_status rv_read_issued_one(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    const char *serial = call->params[1];
    struct rv_cert_row row = {0};
    struct rv_issuer_row issuer = {0};
    enum rv_status status = strlen(serial) < sizeof row.serial && strspn(serial, "0123456789abcdef") == strlen(serial)
                                ? rv_cert_by_serial(tx, call->params[0], serial, &row, err)
                                : RV_NOT_FOUND;
    if (status == RV_NOT_FOUND) {
        rv_fail(err, RV_NOT_FOUND, "this issuer has no certificate of this serial number");
        rv_error_hint(err, RV_NOT_FOUND, "serial numbers are lower-case hex");
        return rv_error_where(err, RV_NOT_FOUND, "%.63s/%.47s", call->params[0], serial);
    }
    if (status != RV_OK)
        return status;
    call->result = row_view(&row);
    if (row.der.len > 0) {
        RV_AUTO(rv_buf) struct rv_buf pem = {0};
        rv_pem_add(&pem, RV_PEM_CERTIFICATE, row.der);
        rv_json_set_text(call->result, "certificate", rv_buf_text(&pem));
        status = rv_issuer_get(tx, row.issuer, &issuer, err);
        if (status == RV_OK)
            add_chain(call->result, issuer.chain_pem);
        rv_free(issuer.chain_pem);
    }
    rv_cert_row_fini(&row);
    return status == RV_NOT_FOUND ? RV_OK : status; /* a CA that was replaced: the certificate alone */
}

struct listing {
    json_t *items;
    int limit;
    int64_t last;
    bool more;
};

static bool add_issued(void *arg, const struct rv_cert_row *row)
{
    struct listing *l = arg;
    if (json_array_size(l->items) == (size_t)l->limit) {
        l->more = true;
        return false;
    }
    json_array_append_new(l->items, row_view(row));
    l->last = row->id;
    return true;
}

enum rv_status rv_read_issued(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct rv_call *call = arg;
    struct listing l = {0};
    int64_t before = 0;
    enum rv_status status = rv_call_limit(call, 100, &l.limit, err);
    if (status == RV_OK)
        status = rv_call_after(call, &before, err);
    if (status != RV_OK)
        return status;
    call->result = rv_page(&l.items);
    status = rv_cert_each(tx, rv_http_query(call->request, "issuer"), before, l.limit + 1, add_issued, &l, err);
    if (status == RV_OK && l.more)
        rv_json_set_text(call->result, "next", rv_arena_printf(call->arena, "%lld", (long long)l.last));
    return status;
}
