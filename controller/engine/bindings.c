/* From certificates and targets to bindings: which there are, what is wanted of each, and which endpoints prove it. */
#include <stdio.h>

#include "base/text.h"
#include "core/names.h"
#include "engine/engine_priv.h"

struct wish { /* one binding that should exist */
    const char *target;
    struct rv_wanted wanted;
    struct rv_endpoints endpoints;
};

static bool selects(const struct rv_certificate_spec *spec, const struct rv_object *target)
{
    return rv_certificate_selects(spec, target->name, &target->labels);
}

/* What is sent as SNI and checked as name, when nothing is declared (core/manifest.h). */
static const char *server_name(const struct rv_certificate_spec *spec, const char *address, struct rv_arena *arena)
{
    char host[254];
    uint8_t octets[16];
    size_t len;
    int port;
    bool is_name = rv_hostport_parse(address, 443, host, &port, NULL) == RV_OK && !rv_ip_parse(host, octets, &len);
    if (is_name)
        return rv_arena_strdup(arena, host);
    return spec->dns_names.count > 0 ? spec->dns_names.items[0] : NULL;
}

static struct rv_endpoints name_all(const struct rv_endpoints *from, const struct rv_certificate_spec *spec,
                                    struct rv_arena *arena)
{
    struct rv_endpoints all = {from->count, rv_arena_alloc(arena, (from->count + 1) * sizeof *all.items)};
    for (size_t i = 0; i < from->count; i++) {
        all.items[i] = from->items[i];
        if (all.items[i].server_name == NULL)
            all.items[i].server_name = server_name(spec, all.items[i].address, arena);
    }
    return all;
}

/* Each of several targets is proved by its own endpoints: behind a name that they share, nobody knows which one answered.
 * A single target may do with those of the certificate. */
static const struct rv_endpoints *proof_of(const struct rv_certificate_spec *spec, const struct rv_object *target, int total)
{
    const struct rv_endpoints *own = &target->target.endpoints;
    if (total > 1 || (spec->verify_per_target && own->count > 0))
        return own;
    return spec->verify_endpoints.count > 0 ? &spec->verify_endpoints : own;
}

static size_t wish_all(const struct rv_object *certificate, const struct objects *targets, const struct rv_hash *hash,
                       struct rv_arena *arena, struct wish *wishes)
{
    const struct rv_certificate_spec *spec = &certificate->certificate;
    struct rv_wanted wanted = {
        .mode = spec->mode,
        .deploys = true,
        .spec = *hash,
        .renew = spec->renew,
        .soak = spec->strategy.soak,
        .max_failed = spec->strategy.max_failed,
        .undo_auto = spec->strategy.undo_auto,
    };
    int total = 0;
    size_t count = 0;
    for (size_t i = 0; i < targets->count; i++)
        total += selects(spec, targets->items[i]);
    for (size_t i = 0; i < targets->count; i++) {
        if (!selects(spec, targets->items[i]))
            continue;
        struct wish *w = &wishes[count];
        *w = (struct wish){targets->items[i]->name, wanted, name_all(proof_of(spec, targets->items[i], total), spec, arena)};
        w->wanted.ordinal = (int)count;
        w->wanted.batch = rv_batch_of(spec->strategy.batches, spec->strategy.batch_count, (int)count, total);
        w->wanted.endpoints = (int)w->endpoints.count;
        count++;
    }
    /* Seen from outside, several targets are one service; and what has no target is only watched. */
    if (total == 0 || (total > 1 && spec->verify_endpoints.count > 0)) {
        struct wish *w = &wishes[count++];
        *w = (struct wish){"", wanted, name_all(&spec->verify_endpoints, spec, arena)};
        w->wanted.deploys = false;
        w->wanted.ordinal = total;
        w->wanted.endpoints = (int)w->endpoints.count;
    }
    return count;
}

/* ---- Into the store --------------------------------------------------------------------------------------------- */

struct comparison {
    const struct rv_endpoints *wanted;
    size_t at;
    bool differs;
};

static bool compare(void *arg, const struct rv_endpoint_row *row)
{
    struct comparison *c = arg;
    if (c->at >= c->wanted->count) {
        c->differs = true;
        return false;
    }
    const struct rv_endpoint_spec *e = &c->wanted->items[c->at++];
    c->differs =
        strcmp(e->address, row->address) != 0 || strcmp(e->server_name != NULL ? e->server_name : "", row->server_name) != 0;
    return !c->differs;
}

static enum rv_status put(struct rv_tx *tx, const char *certificate, const struct wish *w, rv_time now, struct rv_error *err)
{
    int64_t id = 0;
    bool changed = false;
    enum rv_status status = rv_binding_want(tx, certificate, w->target, &w->wanted, now, &id, &changed, err);
    struct comparison c = {&w->endpoints, 0, false};
    if (status == RV_OK)
        status = rv_endpoint_each(tx, id, compare, &c, err);
    bool endpoints = c.differs || c.at != w->endpoints.count;
    if (status == RV_OK && endpoints)
        status = rv_endpoint_set(tx, id, w->endpoints.items, w->endpoints.count, err);
    if (status != RV_OK || (!changed && !endpoints))
        return status;
    /* A person changed it: earlier failures may have lost their cause, and what was seen may be about other names. */
    struct rv_binding_row row;
    status = rv_binding_get(tx, id, &row, err);
    if (status != RV_OK)
        return status;
    row.facts.budget.failures = 0;
    row.facts.budget.not_before = 0;
    if (endpoints)
        row.facts.served.observed_at = 0;
    row.due_at = now;
    return rv_binding_save(tx, &row, err);
}

struct present {
    const struct wish *wishes;
    size_t wish_count, count, cap;
    int64_t *gone;
};

static bool look_for_wish(void *arg, const struct rv_binding_row *row)
{
    struct present *p = arg;
    for (size_t i = 0; i < p->wish_count; i++)
        if (strcmp(p->wishes[i].target, row->target) == 0)
            return true;
    if (p->count == p->cap) {
        p->cap = p->cap > 0 ? 2 * p->cap : 16;
        p->gone = rv_resize(p->gone, p->cap, sizeof *p->gone);
    }
    p->gone[p->count++] = row->facts.id;
    return true;
}

static enum rv_status drop_others(struct rv_tx *tx, const char *certificate, const struct wish *wishes, size_t count,
                                  struct rv_error *err)
{
    struct present p = {.wishes = wishes, .wish_count = count};
    enum rv_status status = rv_binding_each_of(tx, certificate, look_for_wish, &p, err);
    for (size_t i = 0; status == RV_OK && i < p.count; i++)
        status = rv_binding_unwant(tx, p.gone[i], err);
    rv_free(p.gone);
    return status;
}

enum rv_status rv_bindings_compute(struct rv_tx *tx, rv_digest_fn digest, const struct rv_object *certificate,
                                   const struct objects *targets, rv_time now, struct rv_arena *arena, struct rv_error *err)
{
    struct rv_hash hash;
    rv_spec_hash(digest, certificate, &hash);
    struct wish *wishes = rv_arena_alloc(arena, (targets->count + 1) * sizeof *wishes);
    size_t count = wish_all(certificate, targets, &hash, arena, wishes);
    enum rv_status status = drop_others(tx, certificate->name, wishes, count, err);
    for (size_t i = 0; status == RV_OK && i < count; i++)
        status = put(tx, certificate->name, &wishes[i], now, err);
    return status;
}
