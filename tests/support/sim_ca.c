#include "support/sim_ca.h"

#include <stdio.h>

#include "port/store_certificate.h"

struct question {
    struct sim_ca *ca;
    struct sim_cert *cert;
    rv_issue_done done;
    void *arg;
    enum rv_status status;
    const char *message;
    int epoch;
    bool issue;
};

static void complain(struct sim_ca *ca, const char *what, const char *about)
{
    if (ca->complaint[0] == '\0')
        snprintf(ca->complaint, sizeof ca->complaint, "the CA: %s: %s", what, about);
}

static struct sim_cert *by_key(struct sim_ca *ca, const char *key)
{
    for (int i = 0; i < ca->count; i++)
        if (strcmp(ca->certs[i].key, key) == 0)
            return &ca->certs[i];
    return NULL;
}

const struct sim_cert *sim_ca_find(const struct sim_ca *ca, const struct rv_hash *fingerprint)
{
    for (int i = 0; i < ca->count; i++)
        if (ca->certs[i].issued && rv_hash_equal(&ca->certs[i].fingerprint, fingerprint))
            return &ca->certs[i];
    return NULL;
}

static void reply(void *arg)
{
    struct question q = *(struct question *)arg;
    struct rv_error err = {0};
    rv_free(arg); /* before the answer: a failpoint may leave it by a jump */
    if (q.issue && q.cert != NULL && q.epoch == q.ca->epoch)
        q.cert->open = false;
    q.ca->answering = q.issue ? q.cert : NULL;
    if (q.status != RV_OK) {
        rv_fail(&err, q.status, "%s", q.message);
        q.done(q.arg, q.status, NULL, &err);
    } else {
        struct rv_issue_result result = {
            .certificate_id = q.cert->id,
            .fingerprint = q.cert->fingerprint,
            .not_before = q.cert->not_before,
            .not_after = q.cert->not_after,
            .certificate = rv_bytes_of(q.cert->serial),
            .certificate_pem = "leaf",
            .chain_pem = "chain",
        };
        snprintf(result.serial, sizeof result.serial, "%s", q.cert->serial);
        q.done(q.arg, RV_OK, &result, &err);
    }
    q.ca->answering = NULL;
}

static void answer(struct sim_ca *ca, bool issue, struct sim_cert *cert, rv_dur delay, enum rv_status status,
                   const char *message, rv_issue_done done, void *arg)
{
    struct question *q = rv_zalloc(sizeof *q);
    *q = (struct question){ca, cert, done, arg, status, message, ca->epoch, issue};
    rv_loop_timer(&ca->loop->loop, delay, reply, q);
}

struct storing {
    struct sim_cert *cert;
    const struct rv_issue_request *request;
    rv_time now;
};

static enum rv_status store_fn(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct storing *s = arg;
    struct rv_cert_row row = {.binding = s->request->binding,
                              .renew_request = s->request->renew_request,
                              .spec = s->request->spec,
                              .spki = s->cert->spki,
                              .not_before = s->cert->not_before,
                              .not_after = s->cert->not_after,
                              .reserved_at = s->now,
                              .names = "[]",
                              .tbs = rv_bytes_of("tbs")};
    snprintf(row.issuer, sizeof row.issuer, "%s", s->request->issuer);
    snprintf(row.profile, sizeof row.profile, "%s", s->request->profile);
    snprintf(row.serial, sizeof row.serial, "%s", s->cert->serial);
    snprintf(row.idempotency_key, sizeof row.idempotency_key, "%s", s->cert->key);
    snprintf(row.actor, sizeof row.actor, "engine");
    enum rv_status status = rv_cert_reserve(tx, &row, &s->cert->id, err);
    if (status == RV_OK)
        status = rv_cert_store(tx, s->cert->id, rv_bytes_of(s->cert->serial), &s->cert->fingerprint, s->now, err);
    return status;
}

static void make(struct sim_ca *ca, struct sim_cert *cert, const struct rv_issue_request *request)
{
    struct storing s = {cert, request, rv_now(&ca->loop->clock)};
    struct rv_error err = {0};
    rv_dur life = request->duration > 0 ? request->duration : ca->lifetime;
    snprintf(cert->serial, sizeof cert->serial, "%08x", (unsigned)++ca->serial);
    ca->digest(rv_bytes_of(cert->serial), &cert->fingerprint);
    if (request->csr.len != sizeof cert->spki) {
        complain(ca, "not a request of a simulated host", request->idempotency_key);
        return;
    }
    memcpy(&cert->spki, request->csr.ptr, sizeof cert->spki);
    cert->binding = request->binding;
    cert->not_before = s.now - RV_MIN(5);
    cert->not_after = s.now + life;
    if (rv_store_write_now(ca->store, store_fn, &s, &err) != RV_OK) {
        complain(ca, "cannot store", err.message);
        return;
    }
    cert->issued = true;
}

static rv_dur latency(struct sim_ca *ca)
{
    return sim_chance(ca->loop, ca->slow_percent) ? RV_MIN(1) + (rv_dur)sim_dice(ca->loop, RV_MIN(9))
                                                  : 20 + (rv_dur)sim_dice(ca->loop, 500);
}

static void issue(void *ctx, const struct rv_issue_request *request, rv_issue_done done, void *arg)
{
    struct sim_ca *ca = ctx;
    if (ca->down || ca->refuses) {
        answer(ca, true, NULL, 50, ca->down ? RV_UNAVAILABLE : RV_DENIED, ca->down ? "the CA is away" : "the CA says no",
               done, arg);
        return;
    }
    struct sim_cert *cert = by_key(ca, request->idempotency_key);
    if (cert != NULL && cert->doubt)
        complain(ca, "asked again without a look", request->idempotency_key);
    if (cert == NULL) {
        if (ca->count == SIM_CERTS) {
            complain(ca, "issuing without bound", request->idempotency_key);
            answer(ca, true, NULL, 50, RV_LIMITED, "full", done, arg);
            return;
        }
        cert = &ca->certs[ca->count++];
        *cert = (struct sim_cert){.asked_mono = ca->loop->mono};
        snprintf(cert->key, sizeof cert->key, "%s", request->idempotency_key);
    }
    bool lost = sim_chance(ca->loop, ca->lost_percent);
    rv_dur delay = latency(ca);
    if (!cert->issued && !(lost && sim_chance(ca->loop, 50))) /* lost on the way there, or on the way back */
        make(ca, cert, request);
    cert->open = true;
    cert->doubt = lost || delay > RV_MIN(5);
    if (lost)
        answer(ca, true, cert, RV_SEC(30), RV_UNCERTAIN, "the answer was lost", done, arg);
    else
        answer(ca, true, cert, delay, cert->issued ? RV_OK : RV_UNAVAILABLE, "not issued", done, arg);
}

static void find(void *ctx, const char *issuer, const char *key, rv_issue_done done, void *arg)
{
    struct sim_ca *ca = ctx;
    (void)issuer;
    if (ca->down) {
        answer(ca, false, NULL, 50, RV_UNAVAILABLE, "the CA is away", done, arg);
        return;
    }
    struct sim_cert *cert = by_key(ca, key);
    if (cert != NULL)
        cert->doubt = false;
    bool there = cert != NULL && cert->issued;
    answer(ca, false, cert, latency(ca), there ? RV_OK : RV_NOT_FOUND, "never issued", done, arg);
}

void sim_ca_init(struct sim_ca *ca, struct sim_loop *loop, rv_digest_fn digest)
{
    static const struct rv_issuer_ops ops = {"builtin", issue, find};
    *ca = (struct sim_ca){.loop = loop, .digest = digest, .lifetime = RV_DAY(90)};
    ca->issuer = (struct rv_issuer){&ops, ca};
}

void sim_ca_crash(struct sim_ca *ca, bool mid_answer)
{
    for (int i = 0; i < ca->count; i++) {
        ca->certs[i].doubt |= ca->certs[i].open;
        ca->certs[i].open = false;
    }
    if (mid_answer && ca->answering != NULL)
        ca->answering->doubt = true;
    ca->answering = NULL;
    ca->epoch++;
}
