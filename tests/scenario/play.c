/* Plays a script: one command a line, words separated by blanks. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario/scenario.h"

#define WORDS 4
struct line {
    struct world *w;
    int number, count;
    char *word[WORDS];
};

static const char *arg(const struct line *l, int n)
{
    return n < l->count ? l->word[n] : "";
}

static void wrong(const struct line *l, const char *what)
{
    world_fail(l->w, "line %d: %s: %s %s %s", l->number, what, arg(l, 0), arg(l, 1), arg(l, 2));
}

static rv_dur duration(const struct line *l, int n)
{
    rv_dur d = 0;
    const char *text = arg(l, n);
    if (rv_dur_parse(text[0] == '-' ? text + 1 : text, &d, NULL) != RV_OK)
        wrong(l, "not a duration");
    return text[0] == '-' ? -d : d;
}

static struct sim_host *host(const struct line *l, int n)
{
    struct sim_host *h = sim_host_find(&l->w->fleet, arg(l, n));
    if (h == NULL)
        wrong(l, "no such host");
    return h;
}

/* hosts 3 */
static void hosts(const struct line *l)
{
    char name[32];
    int count = (int)strtol(arg(l, 1), NULL, 10);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "edge-%d", i + 1);
        sim_host_add(&l->w->fleet, name);
    }
}

/* set batches [1,"100%"] · set soak 10m · set maxFailed 2 · set mode Propose · set duration 7d · set name x.example.com */
static void set(const struct line *l)
{
    struct world *w = l->w;
    const char *what = arg(l, 1), *value = arg(l, 2);
    if (strcmp(what, "batches") == 0)
        snprintf(w->batches, sizeof w->batches, "%s", value);
    else if (strcmp(what, "soak") == 0)
        w->soak = duration(l, 2);
    else if (strcmp(what, "duration") == 0)
        w->duration = duration(l, 2);
    else if (strcmp(what, "maxFailed") == 0)
        w->max_failed = (int)strtol(value, NULL, 10);
    else if (strcmp(what, "mode") == 0)
        snprintf(w->mode, sizeof w->mode, "%s", value);
    else if (strcmp(what, "undo") == 0)
        snprintf(w->undo, sizeof w->undo, "%s", value);
    else if (strcmp(what, "name") == 0)
        snprintf(w->name, sizeof w->name, "%s", value);
    else
        wrong(l, "unknown setting");
}

static void apply(const struct line *l)
{
    world_apply(l->w);
}
static void start(const struct line *l)
{
    world_start(l->w);
}
static void crash(const struct line *l)
{
    world_crash(l->w);
}
static void run(const struct line *l)
{
    world_run(l->w, duration(l, 1));
}
static void clock_steps(const struct line *l)
{
    world_step_clock(l->w, duration(l, 1));
}
static void renew(const struct line *l)
{
    world_renew(l->w, l->count > 1 ? arg(l, 1) : NULL);
}
static void approve(const struct line *l)
{
    world_approve(l->w);
}
static void rival(const struct line *l)
{
    struct sim_host *h = host(l, 1);
    if (h != NULL)
        sim_host_rival(h);
}

/* fault edge-1 broken-config · heal edge-1 */
static void fault(const struct line *l)
{
    struct sim_host *h = host(l, 1);
    if (h == NULL)
        return;
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"unreachable", &h->unreachable},     {"cut-off", &h->cut_off},
                 {"reload-noop", &h->reload_noop},     {"reload-kills", &h->reload_kills},
                 {"broken-config", &h->broken_config}, {"disk-full", &h->disk_full},
                 {"eats-keys", &h->eats_keys}};
    for (size_t i = 0; i < RV_COUNT(flags); i++)
        if (strcmp(flags[i].name, arg(l, 2)) == 0) {
            *flags[i].flag = true;
            return;
        }
    if (strcmp(arg(l, 2), "lost-replies") == 0)
        h->lost_percent = 100;
    else
        wrong(l, "unknown fault");
}
static void heal(const struct line *l)
{
    struct sim_host *h = host(l, 1);
    if (h != NULL)
        sim_host_heal(h);
}

/* ca down · ca refuses · ca lost-replies · ca well */
static void ca(const struct line *l)
{
    struct sim_ca *c = &l->w->ca;
    c->down = strcmp(arg(l, 1), "down") == 0;
    c->refuses = strcmp(arg(l, 1), "refuses") == 0;
    c->lost_percent = strcmp(arg(l, 1), "lost-replies") == 0 ? 100 : 0;
}

/* ---- expect … --------------------------------------------------------------------------------------------------- */

static void expect_count(const struct line *l, int is)
{
    int wanted = (int)strtol(arg(l, 2), NULL, 10);
    if (is != wanted)
        world_fail(l->w, "line %d: expected %s %s, is %d", l->number, arg(l, 1), arg(l, 2), is);
}

static void expect_text(const struct line *l, const char *is)
{
    if (strcmp(is, arg(l, 3)) != 0)
        world_fail(l->w, "line %d: expected %s %s %s, is %s", l->number, arg(l, 1), arg(l, 2), arg(l, 3), is);
}

static int served(const struct sim_host *h)
{
    return sim_ca_find(h->fleet->ca, &h->served) != NULL;
}

static void expect(const struct line *l)
{
    struct world *w = l->w;
    const char *what = arg(l, 1);
    struct rv_action action = {0};
    struct sim_host *h = NULL;
    int issued = 0;
    for (int i = 0; i < w->ca.count; i++)
        issued += w->ca.certs[i].issued;
    if (strcmp(what, "ready") == 0) {
        expect_count(l, world_ready(w));
        return;
    }
    if (strcmp(what, "issued") == 0) {
        expect_count(l, issued);
        return;
    }
    if (strcmp(what, "audited") == 0) { /* expect audited drift.found 1 */
        int is = world_audited(w, arg(l, 2)), wanted = (int)strtol(arg(l, 3), NULL, 10);
        if (is != wanted)
            world_fail(w, "line %d: expected %s %d times, is %d", l->number, arg(l, 2), wanted, is);
        return;
    }
    h = host(l, 2);
    if (h == NULL)
        return;
    enum rv_state state = world_state(w, h->name, &action);
    if (strcmp(what, "state") == 0)
        expect_text(l, rv_state_name(state));
    else if (strcmp(what, "reason") == 0)
        expect_text(l, rv_reason_code(action.reason));
    else if (strcmp(what, "serves") == 0)
        expect_text(l, served(h) ? "ours" : rv_hash_is_zero(&h->served) ? "nothing" : "foreign");
    else if (strcmp(what, "putback") == 0)
        expect_text(l, h->put_back == 0 ? "never" : h->put_back == 1 ? "once" : "often");
    else
        wrong(l, "unknown expectation");
}

static const struct {
    const char *name;
    void (*fn)(const struct line *l);
} commands[] = {
    {"hosts", hosts}, {"set", set},           {"apply", apply}, {"start", start},     {"crash", crash},
    {"run", run},     {"clock", clock_steps}, {"renew", renew}, {"approve", approve}, {"rival", rival},
    {"fault", fault}, {"heal", heal},         {"ca", ca},       {"expect", expect},
};

void scenario_play(struct world *w, const struct story *story)
{
    RV_AUTO(char) char *script = rv_strdup(story->script);
    char *rest = script, *text;
    for (int number = 1; (text = strsep(&rest, "\n")) != NULL && world_ok(w); number++) {
        struct line l = {.w = w, .number = number};
        char *at = text, *word;
        while (l.count < WORDS && (word = strsep(&at, " ")) != NULL)
            if (word[0] != '\0')
                l.word[l.count++] = word;
        if (l.count == 0 || l.word[0][0] == '#')
            continue;
        world_say(w, "> %s %s %s %s", arg(&l, 0), arg(&l, 1), arg(&l, 2), arg(&l, 3));
        size_t i = 0;
        while (i < RV_COUNT(commands) && strcmp(commands[i].name, l.word[0]) != 0)
            i++;
        if (i < RV_COUNT(commands))
            commands[i].fn(&l);
        else
            wrong(&l, "unknown command");
    }
    if (world_ok(w))
        world_end(w);
}
