/* One command over one channel: words in, bytes in, two streams out, an exit code. Both directions move at once, so that
 * neither side can block the other, and everything has a limit. */
#include "ssh/ssh_priv.h"

#include <libssh/callbacks.h>
#include <libssh/server.h> /* ssh_send_keepalive */

#include "base/text.h"

#define OUTPUT_LIMIT ((size_t)256 << 10) /* M-42 */
#define CHUNK 16384
#define KEEPALIVE RV_SEC(15)
#define LOOK_AT_LEAST 250 /* ms between looks when the link is quiet */

struct command {
    ssh_session session;
    ssh_channel channel;
    ssh_event event; /* reads what arrives also once both streams have ended: the exit code comes last */
    struct rv_bytes input;
    size_t written;
    bool sent_eof;
    int exit_code;
    bool ended; /* an exit code or signal came */
    struct rv_transport_result *result;
};

static void on_exit_status(ssh_session s, ssh_channel channel, int code, void *arg)
{
    struct command *c = arg;
    (void)s;
    (void)channel;
    c->exit_code = code;
    c->ended = true;
}

static void on_exit_signal(ssh_session s, ssh_channel channel, const char *signal, int core, const char *message,
                           const char *language, void *arg)
{
    struct command *c = arg;
    (void)s, (void)channel, (void)signal, (void)core, (void)message, (void)language;
    c->exit_code = -1;
    c->ended = true;
}

static void quote(const char *const *argv, struct rv_buf *out)
{
    for (size_t i = 0; argv[i] != NULL; i++) {
        if (i > 0)
            rv_buf_add_byte(out, ' ');
        rv_shell_quote(out, argv[i]);
    }
}

/* Each answers whether something moved; -1 when the link is gone. */
static int write_some(struct command *c)
{
    size_t left = c->input.len - c->written;
    uint32_t window = ssh_channel_window_size(c->channel);
    if (left == 0 && !c->sent_eof) {
        c->sent_eof = true;
        return ssh_channel_send_eof(c->channel) == SSH_OK ? 1 : -1;
    }
    if (left == 0 || window == 0 || ssh_channel_is_eof(c->channel))
        return 0;
    size_t n = left < CHUNK ? left : CHUNK;
    if (n > window)
        n = window;
    int wrote = ssh_channel_write(c->channel, c->input.ptr + c->written, (uint32_t)n);
    if (wrote < 0)
        return ssh_channel_is_closed(c->channel) || ssh_channel_is_eof(c->channel) ? 0 : -1;
    c->written += (size_t)wrote;
    return wrote > 0;
}

static int read_some(struct command *c, bool from_err)
{
    char bytes[CHUNK];
    int n = ssh_channel_read_nonblocking(c->channel, bytes, sizeof bytes, from_err);
    if (n == SSH_EOF || n == SSH_AGAIN || n == 0)
        return 0;
    if (n < 0)
        return -1;
    struct rv_buf *out = from_err ? &c->result->err : &c->result->out;
    size_t room = OUTPUT_LIMIT - out->len, take = (size_t)n < room ? (size_t)n : room;
    rv_buf_add(out, bytes, take);
    c->result->truncated = c->result->truncated || take < (size_t)n;
    return 1;
}

static enum rv_status lost(struct command *c, struct rv_error *err)
{
    return rv_fail(err, RV_UNCERTAIN, "the SSH connection was lost while the command ran: %.160s",
                   ssh_get_error(c->session));
}

static enum rv_status pump(struct command *c, const struct rv_clock *clock, int64_t deadline, struct rv_error *err)
{
    int64_t heard = rv_mono(clock);
    for (;;) {
        int out = read_some(c, false), more = read_some(c, true);
        bool over = ssh_channel_is_closed(c->channel) || (c->ended && ssh_channel_is_eof(c->channel));
        int in = over ? 0 : write_some(c);
        if (!ssh_is_connected(c->session) || ((out < 0 || more < 0 || in < 0) && !over))
            return c->ended ? RV_OK : lost(c, err);
        int64_t now = rv_mono(clock);
        bool moved = out > 0 || more > 0 || in > 0;
        if (!moved && over)
            return c->ended ? RV_OK : rv_fail(err, RV_UNCERTAIN, "the command ended without an exit code");
        if (now >= deadline) /* a host that never stops talking has no longer time than a silent one (M-42) */
            return rv_fail(err, RV_UNCERTAIN, "the command did not end in time");
        if (moved) {
            heard = now;
            continue;
        }
        if (now - heard >= KEEPALIVE) {
            heard = now;
            if (ssh_send_keepalive(c->session) != SSH_OK)
                return lost(c, err);
        }
        int wait = deadline - now < LOOK_AT_LEAST ? (int)(deadline - now) : LOOK_AT_LEAST;
        if (ssh_event_dopoll(c->event, wait) == SSH_ERROR && !ssh_is_connected(c->session))
            return lost(c, err);
    }
}

enum rv_status rv_ssh_exec(ssh_session session, const char *const *argv, struct rv_bytes input, const struct rv_clock *clock,
                           int64_t deadline, struct rv_transport_result *ret, bool *ret_begun, struct rv_error *err)
{
    RV_AUTO(rv_buf) struct rv_buf line = {0};
    quote(argv, &line);
    struct rv_transport_result result = {.exit_code = -1};
    struct command c = {.session = session, .input = input, .exit_code = -1, .result = &result};
    c.channel = ssh_channel_new(session);
    c.event = ssh_event_new();
    struct ssh_channel_callbacks_struct callbacks = {
        .userdata = &c, .channel_exit_status_function = on_exit_status, .channel_exit_signal_function = on_exit_signal};
    ssh_callbacks_init(&callbacks);
    enum rv_status status;
    *ret_begun = false;
    if (c.channel == NULL || c.event == NULL || ssh_event_add_session(c.event, session) != SSH_OK ||
        ssh_set_channel_callbacks(c.channel, &callbacks) != SSH_OK || ssh_channel_open_session(c.channel) != SSH_OK) {
        status = rv_fail(err, RV_UNAVAILABLE, "the host opened no session: %.200s", ssh_get_error(session));
    } else {
        *ret_begun = true;
        status = ssh_channel_request_exec(c.channel, rv_buf_text(&line)) == SSH_OK ? pump(&c, clock, deadline, err)
                                                                                   : lost(&c, err);
    }
    if (c.event != NULL) {
        ssh_event_remove_session(c.event, session);
        ssh_event_free(c.event);
    }
    if (c.channel != NULL) {
        ssh_remove_channel_callbacks(c.channel, &callbacks);
        ssh_channel_free(c.channel);
    }
    if (status != RV_OK) {
        rv_buf_fini(&result.out);
        rv_buf_fini(&result.err);
        return status;
    }
    result.exit_code = c.exit_code;
    *ret = result;
    return RV_OK;
}
