#include "rt/http_server.h"

#include "rt/http_link.h"

static const struct rv_http_limits defaults = {
    .handshake = RV_SEC(10),
    .header = RV_SEC(10),
    .request = RV_SEC(30),
    .idle = RV_SEC(60),
    .write_stall = RV_SEC(30),
    .linger = RV_SEC(2),
    .slow_after = RV_SEC(10),
    .body_rate = 100,
    .requests = 1000,
    .fields = 100,
    .target = 8192,
    .header_block = 16384,
    .body = (size_t)1 << 20,
    .stream_buffer = (size_t)256 << 10,
    .connections = 16384,
    .per_address = 256,
    .reserved = 64,
};

#define FILL(field)                                                                                                         \
    if (limits->field <= 0)                                                                                                 \
    limits->field = defaults.field

static void fill(struct rv_http_limits *limits)
{
    FILL(handshake);
    FILL(header);
    FILL(request);
    FILL(idle);
    FILL(write_stall);
    FILL(linger);
    FILL(slow_after);
    FILL(body_rate);
    FILL(requests);
    FILL(fields);
    FILL(target);
    FILL(header_block);
    FILL(body);
    FILL(stream_buffer);
    FILL(connections);
    FILL(per_address);
    FILL(reserved);
    if (limits->reserved > limits->connections / 2)
        limits->reserved = limits->connections / 2;
}

struct rv_http_server *rv_http_server_create(struct rv_loop *loop, const struct rv_tls_ops *tls,
                                             const struct rv_http_limits *limits)
{
    struct rv_http_server *server = rv_zalloc(sizeof *server);
    server->shared.loop = loop;
    if (limits != NULL)
        server->shared.limits = *limits;
    fill(&server->shared.limits);
    LIST_INIT(&server->shared.streams);
    LIST_INIT(&server->links);
    LIST_INIT(&server->listeners);
    server->tls = tls;
    server->addresses = http_addresses_create();
    server->handles = 1; /* the server itself, until destroy */
    return server;
}

/* One timer for all connections: none needs its time-out to the millisecond. */

static rv_dur sweep_every(const struct rv_http_limits *limits)
{
    const rv_dur all[] = {limits->handshake, limits->header,      limits->request,   limits->idle,
                          limits->linger,    limits->write_stall, limits->slow_after};
    rv_dur least = RV_SEC(4);
    for (size_t i = 0; i < RV_COUNT(all); i++)
        least = all[i] < least ? all[i] : least;
    return least / 4 > 5 ? least / 4 : 5;
}

static void sweep(void *arg)
{
    struct rv_http_server *server = arg;
    server->sweep = NULL;
    int64_t now = rv_mono(server->shared.loop->clock);
    struct http_link *link, *next;
    for (link = LIST_FIRST(&server->links); link != NULL; link = next) {
        next = LIST_NEXT(link, entry);
        http_link_tick(link, now);
    }
    http_server_sweep(server);
}

void http_server_sweep(struct rv_http_server *server)
{
    if (server->sweep == NULL && server->link_count > 0)
        server->sweep = rv_loop_timer(server->shared.loop, sweep_every(&server->shared.limits), sweep, server);
}

/* Ending */

static void free_all(struct rv_http_server *server)
{
    for (struct rv_http_listener *listener; (listener = LIST_FIRST(&server->listeners)) != NULL;) {
        LIST_REMOVE(listener, entry);
        if (listener->tls != NULL)
            server->tls->release(listener->tls);
        rv_free(listener->path);
        rv_free(listener);
    }
    http_addresses_destroy(server->addresses);
    rv_free(server);
}

void http_server_handle_closed(struct rv_http_server *server)
{
    if (--server->handles == 0)
        free_all(server);
}

static void drained(void *arg)
{
    struct rv_http_server *server = arg;
    server->drain_timer = NULL;
    void (*done)(void *) = server->drained;
    server->drained = NULL;
    if (done != NULL)
        done(server->drained_arg);
}

static void check_drained(struct rv_http_server *server)
{
    if (server->draining && server->link_count == 0 && server->drained != NULL) {
        rv_loop_timer_stop(server->shared.loop, server->drain_timer);
        server->drain_timer = rv_loop_timer(server->shared.loop, 0, drained, server);
    }
}

void http_server_link_gone(struct http_link *link)
{
    struct rv_http_server *server = link->server;
    if (link->counted)
        http_addresses_give(server->addresses, link->address);
    LIST_REMOVE(link, entry);
    server->link_count--;
    check_drained(server);
}

static void close_links(struct rv_http_server *server)
{
    while (!LIST_EMPTY(&server->links))
        http_link_close(LIST_FIRST(&server->links));
}

static void close_listeners(struct rv_http_server *server)
{
    struct rv_http_listener *listener;
    LIST_FOREACH(listener, &server->listeners, entry)
    http_listener_close(listener);
}

static void drain_is_over(void *arg)
{
    struct rv_http_server *server = arg;
    server->drain_timer = NULL;
    close_links(server);
    check_drained(server);
}

void rv_http_server_drain(struct rv_http_server *server, rv_dur longest, void (*done)(void *arg), void *arg)
{
    server->draining = true;
    server->drained = done;
    server->drained_arg = arg;
    close_listeners(server);
    struct http_link *link, *next;
    for (link = LIST_FIRST(&server->links); link != NULL; link = next) {
        next = LIST_NEXT(link, entry);
        http_conn_drain(&link->conn);
    }
    rv_loop_timer_stop(server->shared.loop, server->drain_timer);
    server->drain_timer = rv_loop_timer(server->shared.loop, longest, drain_is_over, server);
    check_drained(server);
}

void rv_http_server_destroy(struct rv_http_server *server)
{
    if (server == NULL || server->destroyed)
        return;
    server->destroyed = true;
    server->draining = true;
    server->drained = NULL;
    close_listeners(server);
    close_links(server);
    while (!LIST_EMPTY(&server->shared.streams))
        http_exchange_gone_now(LIST_FIRST(&server->shared.streams));
    rv_loop_timer_stop(server->shared.loop, server->sweep);
    rv_loop_timer_stop(server->shared.loop, server->drain_timer);
    server->sweep = server->drain_timer = NULL;
    http_server_handle_closed(server);
}

void rv_http_server_stats(const struct rv_http_server *server, struct rv_http_stats *ret)
{
    *ret = server->shared.stats;
    ret->connections = server->link_count;
}
