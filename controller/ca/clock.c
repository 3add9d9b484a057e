/* The clock guard of the built-in CA (M-58): looked at before each batch, audited, and cleared by an operator only. */
#include "base/json.h"
#include "ca/authority_priv.h"

struct note { /* an audit row on its way, and whom to tell */
    const char *action;
    char *actor, *detail;
    rv_time now, high; /* high: the new mark; 0: unchanged */
    rv_store_done done;
    void *arg;
};

static enum rv_status note_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct note *note = arg;
    struct rv_audit_event event = {.actor = note->actor, .action = note->action, .subject = "clock", .detail = note->detail};
    enum rv_status status = rv_audit_append(tx, &event, note->now, err);
    if (status == RV_OK && note->high != 0)
        status = rv_meta_set_time(tx, RV_CA_CLOCK, note->high, err);
    return status;
}

static void noted(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct note *note = arg;
    if (note->done != NULL)
        note->done(note->arg, status, err);
    rv_free(note->actor);
    rv_free(note->detail);
    rv_free(note);
}

static struct note *note_of(const struct rv_authority *a, const char *action, const char *actor)
{
    struct note *note = rv_zalloc(sizeof *note);
    note->action = action;
    note->actor = rv_strdup(actor);
    note->now = rv_now(a->options.loop->clock);
    json_t *detail = json_object();
    rv_json_set_time(detail, "expected", a->guard.was);
    rv_json_set_time(detail, "found", a->guard.is);
    note->detail = rv_json_text(detail);
    json_decref(detail);
    return note;
}

enum rv_status rv_authority_clock_check(struct rv_authority *authority, struct rv_error *err)
{
    const struct rv_clock *clock = authority->options.loop->clock;
    bool before = authority->guard.paused;
    if (!rv_clock_guard_look(&authority->guard, rv_now(clock), rv_mono(clock)) && !before)
        rv_store_write(authority->options.store, note_tx, noted, note_of(authority, "clock.jumped", "system"));
    return rv_clock_guard_explain(&authority->guard, err);
}

struct acceptance {
    struct rv_authority *authority;
    rv_store_done done;
    void *arg;
};

/* Only what is recorded counts. */
static void accepted(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct acceptance *acceptance = arg;
    struct rv_authority *a = acceptance->authority;
    const struct rv_clock *clock = a->options.loop->clock;
    if (status == RV_OK) {
        rv_clock_guard_accept(&a->guard, rv_now(clock), rv_mono(clock));
        a->high_stored = a->guard.high;
    }
    acceptance->done(acceptance->arg, status, err);
    rv_free(acceptance);
}

void rv_authority_clock_accept(struct rv_authority *authority, const char *actor, rv_store_done done, void *arg)
{
    struct note *note = note_of(authority, "clock.accepted", actor);
    struct acceptance *acceptance = rv_zalloc(sizeof *acceptance);
    *acceptance = (struct acceptance){authority, done, arg};
    note->high = note->now;
    note->done = accepted;
    note->arg = acceptance;
    rv_store_write(authority->options.store, note_tx, noted, note);
}
