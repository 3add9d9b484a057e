#include "rt/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "rt/loop_priv.h"
#include "rt/stream_priv.h"

#define DEFAULT_TIMEOUT RV_SEC(10)
#define MAX_ADDRESSES 16

struct look { /* one probe under way */
    LIST_ENTRY(look) entry;
    struct probe *probe;
    const struct rv_probe_spec *spec;
    rv_probe_done done;
    void *arg;
    int64_t deadline;
    struct rv_timer *timer;
    struct lookup *lookup;
    struct sockaddr_storage addresses[MAX_ADDRESSES];
    size_t count, next;
    struct attempt *attempt;
    struct rv_tls *tls;
    struct rv_probe_result result;
};

/* What libuv holds on to lives apart, so that a look can end before libuv is through. */
struct lookup {
    uv_getaddrinfo_t request;
    struct look *look; /* NULL: nobody waits any more */
};
struct attempt {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct look *look;
};

struct probe {
    struct rv_probe port;
    struct rv_loop *loop;
    const struct rv_tls_ops *tls;
    struct rv_tls_context *context;
    rv_probe_judge judge;
    LIST_HEAD(, look) looks;
    uint8_t read_buffer[65536];
};

/* The end of a look */

static void attempt_free(uv_handle_t *handle)
{
    rv_free(handle->data);
}

static void drop_attempt(struct look *look)
{
    if (look->attempt == NULL)
        return;
    look->attempt->look = NULL;
    uv_close((uv_handle_t *)&look->attempt->tcp, attempt_free);
    look->attempt = NULL;
}

static void finish(struct look *look, enum rv_probe_outcome outcome)
{
    struct probe *probe = look->probe;
    rv_loop_timer_stop(probe->loop, look->timer);
    if (look->lookup != NULL) {
        look->lookup->look = NULL;
        uv_cancel((uv_req_t *)&look->lookup->request);
    }
    drop_attempt(look);
    LIST_REMOVE(look, entry);
    look->result.outcome = outcome;
    look->result.at = rv_now(probe->loop->clock);
    look->done(look->arg, &look->result);
    if (look->tls != NULL) /* after done: the chain in the result is the session's */
        probe->tls->stop(look->tls);
    rv_free(look);
}

static void say(struct look *look, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct look *look, const char *format, ...)
{
    struct rv_error err;
    va_list args;
    va_start(args, format);
    rv_vfail(&err, RV_UNAVAILABLE, format, args); /* cleans control characters */
    va_end(args);
    snprintf(look->result.fault, sizeof look->result.fault, "%s", err.message);
}

/* Handshake */

static void served(struct look *look)
{
    struct probe *probe = look->probe;
    struct rv_tls_peer peer = {0};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    probe->tls->peer(look->tls, &peer);
    struct rv_probe_result *r = &look->result;
    *r = (struct rv_probe_result){.chain = peer.chain, .chain_count = peer.chain_count, .stapled = peer.stapled};
    memcpy(r->protocol, peer.protocol, sizeof r->protocol);
    memcpy(r->cipher, peer.cipher, sizeof r->cipher);
    memcpy(r->group, peer.group, sizeof r->group);
    probe->judge(r->chain, r->chain_count, look->spec, rv_now(probe->loop->clock), r);
    probe->tls->shutdown(look->tls, &out); /* a polite end, as far as the socket takes it at once */
    uv_buf_t bye = uv_buf_init((char *)out.data, (unsigned)out.len);
    if (out.len > 0)
        uv_try_write((uv_stream_t *)&look->attempt->tcp, &bye, 1);
    finish(look, RV_PROBE_SERVED);
}

static void no_tls(struct look *look, const char *why)
{
    look->result = (struct rv_probe_result){0};
    say(look, "the connection stands, but no handshake: %s", why);
    finish(look, RV_PROBE_NO_TLS);
}

static void written(void *arg, int failure)
{
    struct attempt *attempt = arg;
    if (failure < 0 && attempt->look != NULL)
        no_tls(attempt->look, "the other side closed the connection");
}

static void handshake(struct look *look, struct rv_bytes in)
{
    struct rv_error err = {0};
    RV_AUTO(rv_buf) struct rv_buf plain = {0};
    RV_AUTO(rv_buf) struct rv_buf out = {0};
    enum rv_tls_state state = look->probe->tls->feed(look->tls, in, &plain, &out, &err);
    if (out.len > 0 &&
        rv_stream_write((uv_stream_t *)&look->attempt->tcp, rv_buf_bytes(&out), written, look->attempt) != 0 &&
        state == RV_TLS_HANDSHAKE) {
        no_tls(look, "the other side closed the connection");
        return;
    }
    if (state == RV_TLS_OPEN || state == RV_TLS_CLOSED) /* closed in order: the handshake was done */
        served(look);
    else if (state != RV_TLS_HANDSHAKE)
        no_tls(look, err.message[0] != '\0' ? err.message : "the other side ended it");
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct attempt *attempt = handle->data;
    *ret = uv_buf_init((char *)attempt->look->probe->read_buffer, sizeof attempt->look->probe->read_buffer);
}

static void read_some(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct attempt *attempt = stream->data;
    struct look *look = attempt->look;
    if (look == NULL || n == 0)
        return;
    if (n > 0)
        handshake(look, RV_BYTES(buf->base, (size_t)n));
    else
        no_tls(look, n == UV_EOF ? "the other side closed the connection" : uv_strerror((int)n));
}

static void hangs(void *arg)
{
    struct look *look = arg;
    look->timer = NULL;
    look->result = (struct rv_probe_result){0};
    say(look, "the connection stands, but the handshake did not end in time");
    finish(look, RV_PROBE_TIMEOUT);
}

static bool is_number(const char *host)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    return uv_ip4_addr(host, 0, &four) == 0 || uv_ip6_addr(host, 0, &six) == 0;
}

static int64_t left(const struct look *look)
{
    int64_t ms = look->deadline - rv_mono(look->probe->loop->clock);
    return ms > 1 ? ms : 1;
}

static void connected(struct look *look)
{
    struct probe *probe = look->probe;
    const char *name = look->spec->server_name != NULL ? look->spec->server_name : look->spec->host;
    rv_loop_timer_stop(probe->loop, look->timer);
    look->timer = rv_loop_timer(probe->loop, left(look), hangs, look);
    look->tls = probe->tls->start(probe->context, false, is_number(name) ? NULL : name); /* RFC 6066 §3: no addresses */
    if (uv_read_start((uv_stream_t *)&look->attempt->tcp, give_buffer, read_some) != 0)
        no_tls(look, "cannot read");
    else
        handshake(look, RV_BYTES(NULL, 0));
}

/* Connecting: one address after the other; each gets its share of the time that is left. */

static void try_next(struct look *look);

static void next_or_end(struct look *look, enum rv_probe_outcome outcome)
{
    drop_attempt(look);
    rv_loop_timer_stop(look->probe->loop, look->timer);
    look->timer = NULL;
    if (look->next < look->count && rv_mono(look->probe->loop->clock) < look->deadline)
        try_next(look);
    else
        finish(look, outcome);
}

static void address_text(const struct look *look, char out[80])
{
    char host[64] = "?";
    const struct sockaddr_storage *at = &look->addresses[look->next - 1];
    if (at->ss_family == AF_INET6)
        uv_ip6_name((const void *)at, host, sizeof host);
    else
        uv_ip4_name((const void *)at, host, sizeof host);
    snprintf(out, 80, at->ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, look->spec->port);
}

static void could_not_connect(struct look *look, int failure)
{
    char text[80];
    address_text(look, text);
    say(look, "%s: %s", text, uv_strerror(failure));
    next_or_end(look, failure == UV_ETIMEDOUT ? RV_PROBE_TIMEOUT : RV_PROBE_REFUSED);
}

static void share_is_over(void *arg)
{
    struct look *look = arg;
    look->timer = NULL;
    could_not_connect(look, UV_ETIMEDOUT);
}

static void connect_ended(uv_connect_t *request, int status)
{
    struct attempt *attempt = request->data;
    struct look *look = attempt->look;
    if (look == NULL)
        return;
    if (status == 0)
        connected(look);
    else
        could_not_connect(look, status);
}

static void try_next(struct look *look)
{
    struct probe *probe = look->probe;
    const struct sockaddr *to = (const struct sockaddr *)&look->addresses[look->next++];
    struct attempt *attempt = rv_zalloc(sizeof *attempt);
    attempt->look = look;
    look->attempt = attempt;
    uv_tcp_init(rv_loop_uv(probe->loop), &attempt->tcp);
    attempt->tcp.data = attempt;
    attempt->connect.data = attempt;
    uv_tcp_nodelay(&attempt->tcp, 1);
    look->timer = rv_loop_timer(probe->loop, left(look) / (int64_t)(look->count - look->next + 1) + 1, share_is_over, look);
    int failure = uv_tcp_connect(&attempt->connect, &attempt->tcp, to, connect_ended);
    if (failure != 0)
        could_not_connect(look, failure);
}

/* Names */

static void add_address(struct look *look, const struct sockaddr *address)
{
    if (look->count == MAX_ADDRESSES || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return;
    struct sockaddr_storage *to = &look->addresses[look->count++];
    size_t size = address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memcpy(to, address, size);
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)to)->sin_port = htons((uint16_t)look->spec->port);
    else
        ((struct sockaddr_in6 *)to)->sin6_port = htons((uint16_t)look->spec->port);
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct lookup *lookup = request->data;
    struct look *look = lookup->look;
    if (look != NULL) {
        look->lookup = NULL;
        rv_loop_timer_stop(look->probe->loop, look->timer);
        look->timer = NULL;
        for (const struct addrinfo *at = list; status == 0 && at != NULL; at = at->ai_next)
            add_address(look, at->ai_addr);
        if (look->count > 0) {
            try_next(look);
        } else {
            say(look, "%s has no address: %s", look->spec->host, status != 0 ? uv_strerror(status) : "none was given");
            finish(look, RV_PROBE_NO_ADDRESS);
        }
    }
    uv_freeaddrinfo(list);
    rv_free(lookup);
}

static void no_name_in_time(void *arg)
{
    struct look *look = arg;
    look->timer = NULL;
    say(look, "the address of %s was not found in time", look->spec->host);
    finish(look, RV_PROBE_TIMEOUT);
}

static void begin(void *arg)
{
    struct look *look = arg;
    struct probe *probe = look->probe;
    const struct rv_probe_spec *spec = look->spec;
    look->timer = NULL;
    struct sockaddr_storage number = {0};
    if (uv_ip4_addr(spec->host, 0, (struct sockaddr_in *)&number) == 0 ||
        uv_ip6_addr(spec->host, 0, (struct sockaddr_in6 *)&number) == 0) {
        add_address(look, (const struct sockaddr *)&number);
        try_next(look);
        return;
    }
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct lookup *lookup = rv_zalloc(sizeof *lookup);
    lookup->request.data = lookup;
    int failure = uv_getaddrinfo(rv_loop_uv(probe->loop), &lookup->request, looked_up, spec->host, NULL, &hints);
    if (failure != 0) {
        rv_free(lookup);
        say(look, "%.200s has no address: %s", spec->host, uv_strerror(failure));
        finish(look, RV_PROBE_NO_ADDRESS);
        return;
    }
    lookup->look = look;
    look->lookup = lookup;
    look->timer = rv_loop_timer(probe->loop, left(look), no_name_in_time, look);
}

/* Life */

static void probe_start(void *ctx, const struct rv_probe_spec *spec, rv_probe_done done, void *arg)
{
    struct probe *probe = ctx;
    struct look *look = rv_zalloc(sizeof *look);
    look->probe = probe;
    look->spec = spec;
    look->done = done;
    look->arg = arg;
    look->deadline = rv_mono(probe->loop->clock) + (spec->timeout > 0 ? spec->timeout : DEFAULT_TIMEOUT);
    LIST_INSERT_HEAD(&probe->looks, look, entry);
    look->timer = rv_loop_timer(probe->loop, 0, begin, look); /* nothing ends inside this call */
}

static const struct rv_probe_ops ops = {.start = probe_start};

struct rv_probe *rv_probe_create(struct rv_loop *loop, const struct rv_tls_ops *tls, struct rv_tls_context *context,
                                 rv_probe_judge judge)
{
    struct probe *probe = rv_zalloc(sizeof *probe);
    probe->port = (struct rv_probe){&ops, probe};
    probe->loop = loop;
    probe->tls = tls;
    probe->context = tls->retain(context);
    probe->judge = judge;
    LIST_INIT(&probe->looks);
    return &probe->port;
}

void rv_probe_destroy(struct rv_probe *port)
{
    if (port == NULL)
        return;
    struct probe *probe = port->ctx;
    struct look *look;
    while ((look = LIST_FIRST(&probe->looks)) != NULL) {
        look->result = (struct rv_probe_result){0};
        say(look, "it was called off");
        finish(look, RV_PROBE_TIMEOUT);
    }
    probe->tls->release(probe->context);
    rv_free(probe);
}
