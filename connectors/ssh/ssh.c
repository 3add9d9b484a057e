/* The kind: handles, and connections that are kept for the next step of the same target. */
#include "ssh/ssh_priv.h"

#include <pthread.h>

#define IDLE RV_SEC(30)
#define IDLE_MAX 256 /* connections kept at most */

struct idle {
    struct idle *next;
    char *key; /* all that decided how it was opened */
    ssh_session session;
    int64_t since;
};

struct kind {
    struct rv_ssh_options options;
    pthread_mutex_t mutex;
    struct idle *idle; /* newest first */
    size_t idle_count;
};

struct rv_transport {
    struct kind *kind;
    const struct rv_target_spec *target; /* borrowed while the handle is open */
    char *key;
    ssh_session session;
    bool reused, spoilt;
};

/* Two targets share a connection only when every field that matters is the same. */
static char *key_of(const struct rv_target_spec *t)
{
    struct rv_buf key = {0};
    const char *parts[] = {t->address, t->user, t->auth.key_file, t->auth.password_file, t->auth.agent ? "agent" : ""};
    for (size_t i = 0; i < RV_COUNT(parts); i++)
        rv_buf_printf(&key, "%s\n", parts[i] == NULL ? "" : parts[i]);
    for (size_t i = 0; i < t->host_keys.count; i++)
        rv_buf_printf(&key, "%s\n", t->host_keys.items[i]);
    return rv_buf_take(&key);
}

static void idle_free(struct idle *i)
{
    rv_ssh_session_close(i->session);
    rv_free(i->key);
    rv_free(i);
}

/* Takes out what has waited too long, and, by key, one that may be used again. The caller closes the old ones outside of
 * the lock: that takes a round trip. */
static struct idle *take_idle(struct kind *kind, const char *key, struct idle **ret_old)
{
    int64_t now = rv_mono(kind->options.clock);
    struct idle *found = NULL, *old = NULL;
    pthread_mutex_lock(&kind->mutex);
    for (struct idle **at = &kind->idle; *at != NULL;) {
        struct idle *i = *at;
        bool expired = now - i->since >= kind->options.idle,
             fits = !expired && found == NULL && key != NULL && strcmp(i->key, key) == 0;
        if (!expired && !fits) {
            at = &i->next;
            continue;
        }
        *at = i->next;
        kind->idle_count--;
        if (fits) {
            found = i;
        } else {
            i->next = old;
            old = i;
        }
    }
    pthread_mutex_unlock(&kind->mutex);
    *ret_old = old;
    return found;
}

static void close_all(struct idle *list)
{
    while (list != NULL) {
        struct idle *next = list->next;
        idle_free(list);
        list = next;
    }
}

static enum rv_status ssh_open_handle(void *ctx, const struct rv_target_spec *target, rv_dur timeout,
                                      struct rv_transport **ret, struct rv_error *err)
{
    struct kind *kind = ctx;
    char *key = key_of(target);
    struct idle *old, *found = take_idle(kind, key, &old);
    close_all(old);
    ssh_session session = NULL;
    bool reused = found != NULL && ssh_is_connected(found->session);
    if (reused)
        session = RV_TAKE(found->session);
    if (found != NULL)
        idle_free(found);
    if (!reused) {
        int64_t deadline = rv_mono(kind->options.clock) + timeout;
        enum rv_status status = rv_ssh_session_open(target, kind->options.clock, deadline, &session, err);
        if (status != RV_OK) {
            rv_free(key);
            return status;
        }
    }
    struct rv_transport *t = rv_zalloc(sizeof *t);
    *t = (struct rv_transport){.kind = kind, .target = target, .key = key, .session = session, .reused = reused};
    *ret = t;
    return RV_OK;
}

static enum rv_status ssh_run(struct rv_transport *t, const char *const *argv, struct rv_bytes input, rv_dur timeout,
                              struct rv_transport_result *ret, struct rv_error *err)
{
    const struct rv_clock *clock = t->kind->options.clock;
    int64_t deadline = rv_mono(clock) + timeout;
    bool begun = false;
    enum rv_status status = rv_ssh_exec(t->session, argv, input, clock, deadline, ret, &begun, err);
    if (status != RV_OK && !begun && t->reused) { /* it had gone away while it waited; nothing was asked for yet */
        rv_ssh_session_close(t->session);
        t->session = NULL;
        t->reused = false;
        status = rv_ssh_session_open(t->target, clock, deadline, &t->session, err);
        if (status == RV_OK)
            status = rv_ssh_exec(t->session, argv, input, clock, deadline, ret, &begun, err);
    }
    t->reused = false;
    t->spoilt = t->spoilt || status != RV_OK;
    return status;
}

static void ssh_close_handle(struct rv_transport *t)
{
    struct kind *kind = t->kind;
    struct idle *old;
    take_idle(kind, NULL, &old);
    close_all(old);
    bool keep = !t->spoilt && t->session != NULL && ssh_is_connected(t->session);
    if (keep) {
        pthread_mutex_lock(&kind->mutex);
        keep = kind->idle_count < IDLE_MAX;
        if (keep) {
            struct idle *i = rv_zalloc(sizeof *i);
            *i = (struct idle){kind->idle, RV_TAKE(t->key), RV_TAKE(t->session), rv_mono(kind->options.clock)};
            kind->idle = i;
            kind->idle_count++;
        }
        pthread_mutex_unlock(&kind->mutex);
    }
    rv_ssh_session_close(t->session);
    rv_free(t->key);
    rv_free(t);
}

static const struct rv_transport_ops ssh_ops = {"ssh", ssh_open_handle, ssh_run, ssh_close_handle};

void rv_ssh_create(const struct rv_ssh_options *options, struct rv_transport_kind *ret)
{
    struct kind *kind = rv_zalloc(sizeof *kind);
    kind->options = *options;
    if (kind->options.idle <= 0)
        kind->options.idle = IDLE;
    pthread_mutex_init(&kind->mutex, NULL);
    *ret = (struct rv_transport_kind){&ssh_ops, kind};
}

void rv_ssh_destroy(struct rv_transport_kind *transport)
{
    struct kind *kind = transport->ctx;
    if (kind == NULL)
        return;
    close_all(kind->idle);
    pthread_mutex_destroy(&kind->mutex);
    rv_free(kind);
    *transport = (struct rv_transport_kind){0};
}
