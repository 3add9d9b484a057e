#include "api/census.h"

#include "api/api_priv.h"
#include "engine/engine.h"
#include "port/store_binding.h"

#define LEAST_GOOD 1000 /* ms that a count is shared */
#define PAGE 2000       /* bindings a time, so that no read snapshot stays open for long */

/* The worst state seen of each certificate, by a hash of its name: 16 bytes a certificate instead of its text. */
struct seen {
    uint64_t *keys;
    uint8_t *states;
    size_t cap, count;
};

struct count {
    struct rv_api *api;
    struct rv_census_result result;
    struct seen seen;
    struct rv_tx *tx;
    rv_time now;
    int64_t last, begun;
    int rows;
    enum rv_status status;
    struct rv_error err;
};

static uint64_t name_key(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h != 0 ? h : 1;
}

static size_t place_of(const struct seen *s, uint64_t key)
{
    size_t i = (key ^ key >> 29) & (s->cap - 1);
    while (s->keys[i] != 0 && s->keys[i] != key)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void grow(struct seen *s)
{
    struct seen bigger = {.cap = s->cap != 0 ? s->cap * 2 : 1024, .count = s->count};
    bigger.keys = rv_calloc(bigger.cap, sizeof *bigger.keys);
    bigger.states = rv_calloc(bigger.cap, 1);
    for (size_t i = 0; i < s->cap; i++) {
        if (s->keys[i] == 0)
            continue;
        size_t k = place_of(&bigger, s->keys[i]);
        bigger.keys[k] = s->keys[i];
        bigger.states[k] = s->states[i];
    }
    rv_free(s->keys);
    rv_free(s->states);
    *s = bigger;
}

static void note(struct seen *s, const char *name, enum rv_state state)
{
    if (s->count * 4 >= s->cap * 3)
        grow(s);
    uint64_t key = name_key(name);
    size_t i = place_of(s, key);
    if (s->keys[i] == 0) {
        s->keys[i] = key;
        s->count++;
        s->states[i] = (uint8_t)state;
    } else if (s->states[i] < state) {
        s->states[i] = (uint8_t)state;
    }
}

static bool count_one(void *arg, const struct rv_binding_row *row)
{
    struct count *c = arg;
    const struct rv_policy *policy = c->api->policy;
    const struct rv_binding *b = &row->facts;
    c->last = b->id;
    c->rows++;
    if (b->wanted.deleted)
        return true;
    /* Neighbours matter only to those that are not converged: most are spared the question. */
    struct rv_rollout_view rollout = {0};
    struct rv_action action = rv_plan_next(policy, b, NULL, c->now);
    enum rv_state state = rv_binding_state(policy, b, &rollout, c->now);
    if (rv_plan_asks_neighbours(b, &action)) {
        c->status = rv_rollout_view_load(c->tx, policy, row, c->now, &rollout, &c->err);
        if (c->status != RV_OK)
            return false;
        state = rv_binding_state(policy, b, &rollout, c->now);
    }
    note(&c->seen, row->certificate, state);
    if (b->issued.have && b->issued.not_after < c->result.next_expiry)
        c->result.next_expiry = b->issued.not_after;
    rv_time renew = b->issued.have && b->wanted.deploys ? rv_renew_at(policy, b) : RV_TIME_FAR;
    if (renew != 0 && renew < c->result.next_renewal)
        c->result.next_renewal = renew;
    return true;
}

static enum rv_status count_page(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct count *c = arg;
    c->tx = tx;
    c->rows = 0;
    c->status = RV_OK;
    enum rv_status status = rv_binding_each(tx, c->last, PAGE, count_one, c, err);
    if (status == RV_OK && c->status != RV_OK && err != NULL)
        *err = c->err;
    return status != RV_OK ? status : c->status;
}

static void tell(struct rv_census *census, enum rv_status status, const struct rv_error *err)
{
    struct rv_census_waiter *w = census->waiting;
    struct rv_census_result result = census->last;
    census->waiting = NULL;
    while (w != NULL) {
        struct rv_census_waiter *next = w->next;
        w->done(w->arg, status, &result, err);
        rv_free(w);
        w = next;
    }
}

static void page_done(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct count *c = arg;
    struct rv_census *census = &c->api->census;
    if (status == RV_OK && c->rows >= PAGE) {
        rv_store_read(c->api->o.store, count_page, page_done, c);
        return;
    }
    if (status == RV_OK) {
        for (size_t i = 0; i < c->seen.cap; i++)
            if (c->seen.keys[i] != 0)
                c->result.by_state[c->seen.states[i]]++;
        c->result.certificates = (int64_t)c->seen.count;
        int64_t now = rv_mono(c->api->o.loop->clock), took = now - c->begun;
        census->last = c->result;
        census->good_until = now + (took * 10 > LEAST_GOOD ? took * 10 : LEAST_GOOD);
    }
    census->running = false;
    rv_free(c->seen.keys);
    rv_free(c->seen.states);
    rv_free(c);
    tell(census, status, err);
}

void rv_census_take(struct rv_census *census, struct rv_api *api, rv_census_done done, void *arg)
{
    int64_t now = rv_mono(api->o.loop->clock);
    if (census->good_until > now) {
        done(arg, RV_OK, &census->last, NULL);
        return;
    }
    struct rv_census_waiter *w = rv_zalloc(sizeof *w);
    *w = (struct rv_census_waiter){done, arg, census->waiting};
    census->waiting = w;
    if (census->running)
        return;
    census->running = true;
    struct count *c = rv_zalloc(sizeof *c);
    c->api = api;
    c->now = c->result.at = rv_now(api->o.loop->clock);
    c->begun = now;
    c->result.next_renewal = c->result.next_expiry = RV_TIME_FAR;
    rv_store_read(api->o.store, count_page, page_done, c);
}

void rv_census_stale(struct rv_census *census)
{
    /* A long count stays good: a busy fleet changes all the time, and the answer says when it was made. */
    if (census->last.certificates < 10000)
        census->good_until = 0;
}

void rv_census_fini(struct rv_census *census)
{
    while (census->waiting != NULL) {
        struct rv_census_waiter *w = census->waiting;
        census->waiting = w->next;
        rv_free(w);
    }
}
