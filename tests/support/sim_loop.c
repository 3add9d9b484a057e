#include "support/sim_loop.h"

#include "base/alloc.h"
#include "core/mix.h"

struct sim_event {
    int64_t at;
    uint64_t sequence;
    void (*fn)(void *arg); /* NULL: stopped */
    void *arg;
};

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at < b->at || (a->at == b->at && a->sequence < b->sequence);
}

static void swap(struct sim_loop *l, size_t a, size_t b)
{
    struct sim_event *e = l->heap[a];
    l->heap[a] = l->heap[b];
    l->heap[b] = e;
}

static struct sim_event *add(struct sim_loop *l, int64_t at, void (*fn)(void *), void *arg)
{
    struct sim_event *e = rv_zalloc(sizeof *e);
    *e = (struct sim_event){at, l->sequence++, fn, arg};
    if (l->count == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 64;
        l->heap = rv_resize(l->heap, l->cap, sizeof *l->heap);
    }
    size_t i = l->count++;
    for (l->heap[i] = e; i > 0 && before(l->heap[i], l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(l, i, (i - 1) / 2);
    return e;
}

static struct sim_event *take(struct sim_loop *l)
{
    struct sim_event *e = l->heap[0];
    l->heap[0] = l->heap[--l->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2; k++)
            if (k < l->count && before(l->heap[k], l->heap[least]))
                least = k;
        if (least == i)
            return e;
        swap(l, i, least);
        i = least;
    }
}

static struct rv_timer *timer(void *ctx, rv_dur delay, void (*fn)(void *), void *arg)
{
    struct sim_loop *l = ctx;
    return (struct rv_timer *)add(l, l->mono + (delay > 0 ? delay : 0), fn, arg);
}

static void timer_stop(void *ctx, struct rv_timer *t)
{
    (void)ctx;
    if (t != NULL)
        ((struct sim_event *)t)->fn = NULL;
}

static void post(void *ctx, void (*fn)(void *), void *arg)
{
    struct sim_loop *l = ctx;
    add(l, l->mono, fn, arg);
}

static rv_time wall(void *ctx)
{
    const struct sim_loop *l = ctx;
    return l->mono + l->offset;
}

static int64_t monotonic(void *ctx)
{
    return ((const struct sim_loop *)ctx)->mono;
}

void sim_loop_init(struct sim_loop *l, uint64_t seed)
{
    static const struct rv_loop_ops ops = {timer, timer_stop, post};
    *l = (struct sim_loop){.offset = 1800000000000, .dice = rv_mix(seed, 99)};
    l->clock = (struct rv_clock){wall, monotonic, l};
    l->loop = (struct rv_loop){&ops, l, &l->clock};
}

void sim_loop_fini(struct sim_loop *l)
{
    for (size_t i = 0; i < l->count; i++)
        rv_free(l->heap[i]);
    rv_free(l->heap);
    l->heap = NULL;
    l->count = l->cap = 0;
}

bool sim_loop_step(struct sim_loop *l, int64_t mono)
{
    while (l->count > 0 && l->heap[0]->at <= mono) {
        struct sim_event *e = take(l);
        void (*fn)(void *) = e->fn;
        void *arg = e->arg;
        l->mono = e->at;
        rv_free(e);
        if (fn == NULL)
            continue;
        fn(arg);
        return true;
    }
    l->mono = mono;
    return false;
}

uint64_t sim_dice(struct sim_loop *l, uint64_t sides)
{
    l->dice = rv_mix(l->dice, 7);
    return l->dice % sides;
}

bool sim_chance(struct sim_loop *l, int percent)
{
    return percent > 0 && (int)sim_dice(l, 100) < percent;
}
