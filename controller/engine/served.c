/* What is served, summed over a binding's endpoints from their last handshakes. */
#include "engine/engine_priv.h"

struct sum {
    struct rv_tx *tx;
    const struct rv_binding_row *row;
    struct rv_served_view view;
    int count;
    enum rv_status status;
    struct rv_error *err;
};

/* Watching several targets from outside: any certificate that was issued for this one will do. */
static bool issued_for(struct sum *s, const struct rv_hash *fingerprint)
{
    struct rv_cert_row cert = {0};
    enum rv_status status = rv_cert_by_fingerprint(s->tx, fingerprint, &cert, s->err);
    int64_t binding = cert.binding;
    bool valid = status == RV_OK && cert.state == RV_CERT_ISSUED && cert.revoked_at == 0;
    if (status == RV_OK)
        rv_cert_row_fini(&cert);
    if (!valid || binding == 0)
        return false;
    struct rv_binding_row owner;
    return rv_binding_get(s->tx, binding, &owner, s->err) == RV_OK && strcmp(owner.certificate, s->row->certificate) == 0;
}

static bool wanted_here(struct sum *s, const struct rv_hash *fingerprint)
{
    const struct rv_binding *b = &s->row->facts;
    if (b->wanted.mode == RV_MODE_OBSERVE)
        return true;
    if (!b->wanted.deploys)
        return issued_for(s, fingerprint);
    return b->issued.have && rv_hash_equal(fingerprint, &b->issued.fingerprint);
}

static bool was_here(const struct rv_binding *b, const struct rv_hash *fingerprint)
{
    return rv_hash_equal(fingerprint, &b->target.current) || rv_hash_equal(fingerprint, &b->target.previous) ||
           rv_hash_equal(fingerprint, &b->proved);
}

static bool add(void *arg, const struct rv_endpoint_row *e)
{
    struct sum *s = arg;
    struct rv_served_view *v = &s->view;
    s->count++;
    if (s->count == 1 || e->observed_at < v->observed_at)
        v->observed_at = e->observed_at; /* 0, when one was never asked */
    if (e->observed_at == 0)
        return true;
    if (e->outcome != RV_PROBE_SERVED) {
        v->unreachable++;
        v->refused += e->outcome == RV_PROBE_REFUSED || e->outcome == RV_PROBE_NO_TLS;
        return true;
    }
    if (v->earliest_not_after == 0 || e->not_after < v->earliest_not_after)
        v->earliest_not_after = e->not_after;
    bool valid = e->chain_valid && e->name_valid && e->time_valid;
    if (wanted_here(s, &e->fingerprint))
        v->good += valid;
    else if (was_here(&s->row->facts, &e->fingerprint))
        v->previous++;
    else
        v->foreign++;
    return true;
}

enum rv_status rv_served_load(struct rv_tx *tx, struct rv_binding_row *row, struct rv_error *err)
{
    struct sum s = {.tx = tx, .row = row, .err = err};
    enum rv_status status = rv_endpoint_each(tx, row->facts.id, add, &s, err);
    if (status != RV_OK)
        return status;
    if (s.view.observed_at < row->facts.switched_at || s.count < row->facts.wanted.endpoints)
        s.view.observed_at = 0;
    row->facts.served = s.view;
    return RV_OK;
}
