/* What issuing writes: reserve before, keep after (M-56). One transaction takes what waits for either; a function that the
 * store runs again after a roll-back starts over. */
#include "ca/authority_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/failpoint.h"
#include "base/json.h"
#include "base/text.h"

/* ,"name":"text", quoted by jansson when there is anything to quote. */
static void add_text(struct rv_buf *out, const char *name, const char *text)
{
    bool plain = true;
    for (const char *c = text; *c != '\0' && plain; c++)
        plain = *c >= 0x20 && *c < 0x7f && *c != '"' && *c != '\\';
    RV_AUTO(rv_buf) struct rv_buf safe = {0};
    if (!plain)
        rv_printable(&safe, text, strlen(text));
    json_t *quoted = plain ? NULL : json_string(rv_buf_text(&safe));
    char *json = plain ? NULL : rv_json_text(quoted);
    rv_buf_add_byte(out, ',');
    rv_buf_add_byte(out, '"');
    rv_buf_add_text(out, name);
    rv_buf_add_text(out, plain ? "\":\"" : "\":");
    rv_buf_add_text(out, plain ? text : json);
    if (plain)
        rv_buf_add_byte(out, '"');
    rv_free(json);
    json_decref(quoted);
}

/* Two of these are written for each certificate: as text, members in the order of their names, not as a tree first. */
static void add_detail(struct rv_buf *out, const struct job *job, const char *reason)
{
    char hash[RV_HASH_TEXT], time[RV_TIME_TEXT];
    rv_buf_reserve(out, 512);
    if (job->request != NULL && job->request->binding != 0)
        rv_buf_printf(out, ",\"binding\":%" PRId64, job->request->binding);
    if (!rv_hash_is_zero(&job->fingerprint))
        add_text(out, "fingerprint", rv_hash_hex(hash, &job->fingerprint));
    if (job->names != NULL) { /* a JSON array already */
        rv_buf_add_text(out, ",\"names\":");
        rv_buf_add_text(out, job->names);
    }
    if (job->not_after != 0)
        add_text(out, "notAfter", rv_time_text(time, job->not_after));
    add_text(out, "profile", job->request != NULL ? job->request->profile : job->profile);
    if (reason != NULL)
        add_text(out, "reason", reason);
    rv_buf_add_byte(out, '}');
    out->data[0] = '{'; /* was the first comma */
}

static enum rv_status audit(struct rv_tx *tx, const struct job *job, const char *action, const char *reason, rv_time now,
                            struct rv_error *err)
{
    char subject[128];
    snprintf(subject, sizeof subject, "%s%s%s", job->authority->issuer, job->serial[0] != '\0' ? "/" : "", job->serial);
    struct rv_buf detail = {0};
    add_detail(&detail, job, reason);
    struct rv_audit_event event = {.actor = job->actor != NULL ? job->actor : "system",
                                   .action = action,
                                   .subject = subject,
                                   .detail = rv_buf_text(&detail)};
    enum rv_status status = rv_audit_append(tx, &event, now, err);
    rv_buf_fini(&detail);
    return status;
}

static struct rv_cert_row row_of(const struct job *job, rv_time now)
{
    struct rv_cert_row row = {.state = RV_CERT_INTENT,
                              .binding = job->request->binding,
                              .renew_request = job->request->renew_request,
                              .spec = job->request->spec,
                              .spki = job->spki,
                              .not_before = job->not_before,
                              .not_after = job->not_after,
                              .reserved_at = now,
                              .names = job->names,
                              .tbs = job->tbs};
    snprintf(row.issuer, sizeof row.issuer, "%s", job->authority->issuer);
    snprintf(row.profile, sizeof row.profile, "%s", job->profile);
    snprintf(row.serial, sizeof row.serial, "%s", job->serial);
    if (job->idempotency_key != NULL)
        snprintf(row.idempotency_key, sizeof row.idempotency_key, "%s", job->idempotency_key);
    snprintf(row.actor, sizeof row.actor, "%s", job->actor != NULL ? job->actor : "system");
    snprintf(row.subject, sizeof row.subject, "%s", job->subject);
    return row;
}

/* Somebody else reserved under the same key since we looked: theirs is the certificate. */
static enum rv_status reserved_by_other(struct rv_tx *tx, struct job *job, struct rv_error *err)
{
    struct rv_cert_row row = {0};
    enum rv_status status = RV_NOT_FOUND;
    if (job->idempotency_key != NULL)
        status = rv_cert_by_key(tx, job->authority->issuer, job->idempotency_key, &row, err);
    if (status == RV_NOT_FOUND)
        return rv_fail(err, RV_INTERNAL, "a fresh serial was taken already");
    if (status != RV_OK)
        return status;
    if (rv_hash_equal(&row.spki, &job->spki) && strcmp(row.profile, job->profile) == 0)
        rv_job_adopt(job, &row);
    else
        job->status = rv_fail(&job->err, RV_CONFLICT, "the idempotency key was used for another request");
    rv_cert_row_fini(&row);
    return RV_OK;
}

static enum rv_status reserve_one(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    struct rv_cert_row row = row_of(job, now);
    enum rv_status status = rv_cert_reserve(tx, &row, &job->id, err);
    if (status == RV_CONFLICT)
        return reserved_by_other(tx, job, err);
    return status == RV_OK ? audit(tx, job, "certificate.reserved", NULL, now, err) : status;
}

static enum rv_status reserve_all(struct rv_tx *tx, struct batch *b, struct rv_error *err)
{
    enum rv_status status = RV_OK;
    for (size_t i = b->keep; i < b->count && status == RV_OK; i++) {
        b->jobs[i]->status = RV_OK;
        b->jobs[i]->stage = SIGN;
#ifndef REEVE_CANARY_WRITEAHEAD
        status = reserve_one(tx, b->jobs[i], b->now, err);
#else
        (void)tx, (void)err;
#endif
    }
    RV_FAILPOINT("ca.before_reserve");
    return status;
}

/* Two jobs took up the same intent, each with a signature of its own: the first one stored is the certificate. */
static enum rv_status stored_by_other(struct rv_tx *tx, struct job *job, struct rv_error *err)
{
    struct rv_cert_row row = {0};
    enum rv_status status = rv_cert_by_id(tx, job->id, &row, err);
    if (status == RV_OK)
        rv_job_adopt(job, &row);
    rv_cert_row_fini(&row);
    return status;
}

/* Told once, whoever else took the intent up. */
static enum rv_status abandon_one(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
    struct rv_cert_row row = {0};
    enum rv_status status = rv_cert_by_id(tx, job->id, &row, err);
    if (status == RV_OK && row.state == RV_CERT_INTENT) {
        status = rv_cert_abandon(tx, job->id, err);
        if (status == RV_OK)
            status = audit(tx, job, "certificate.abandoned", job->err.message, now, err);
    }
    rv_cert_row_fini(&row);
    return status;
}

static enum rv_status keep_one(struct rv_tx *tx, struct job *job, rv_time now, struct rv_error *err)
{
#ifdef REEVE_CANARY_WRITEAHEAD
    if (job->id == 0) {
        enum rv_status late = reserve_one(tx, job, now, err);
        if (late != RV_OK)
            return late;
    }
#endif
    if (job->refused)
        return audit(tx, job, "certificate.refused", job->err.message, now, err);
    if (job->abandoned)
        return abandon_one(tx, job, now, err);
    enum rv_status status = rv_cert_store(tx, job->id, job->der, &job->fingerprint, now, err);
    if (status == RV_CONFLICT)
        return stored_by_other(tx, job, err);
    return status == RV_OK ? audit(tx, job, "certificate.issued", NULL, now, err) : status;
}

static enum rv_status keep_all(struct rv_tx *tx, struct batch *b, struct rv_error *err)
{
    enum rv_status status = RV_OK;
    for (size_t i = 0; i < b->keep && status == RV_OK; i++) {
        b->jobs[i]->stage = ANSWER;
        status = keep_one(tx, b->jobs[i], b->now, err);
    }
    if (status == RV_OK && b->high != 0)
        status = rv_meta_set_time(tx, RV_CA_CLOCK, b->high, err);
    RV_FAILPOINT("ca.before_keep");
    return status;
}

enum rv_status rv_write_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct batch *b = arg;
    enum rv_status status = b->keep > 0 ? keep_all(tx, b, err) : RV_OK;
    return status == RV_OK && b->keep < b->count ? reserve_all(tx, b, err) : status;
}
