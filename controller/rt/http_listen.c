/* Listening: sockets are made by hand (modes, options), then handed to libuv. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rt/http_link.h"
#include "rt/loop_priv.h"

#define BACKLOG 1024

static bool has_room(struct http_link *link, bool local)
{
    struct rv_http_server *server = link->server;
    const struct rv_http_limits *limits = &server->shared.limits;
    size_t most = local ? limits->connections : limits->connections - limits->reserved;
    if (server->draining || server->link_count > most) /* this one is counted already */
        return false;
    if (local)
        return true;
    link->counted = http_addresses_take(server->addresses, link->address, limits->per_address);
    return link->counted;
}

/* Who it is; true when it is on this machine. */
static bool identify(struct http_link *link)
{
    int fd;
    if (link->conn.via == RV_VIA_SOCKET) {
        struct ucred credentials;
        socklen_t size = sizeof credentials;
        snprintf(link->conn.peer, sizeof link->conn.peer, "unix");
        if (uv_fileno(&link->handle.any, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
            link->conn.peer_uid = credentials.uid;
        return true;
    }
    struct sockaddr_storage from = {0};
    int size = sizeof from;
    uv_tcp_nodelay(&link->handle.tcp, 1);
    uv_tcp_getpeername(&link->handle.tcp, (struct sockaddr *)&from, &size);
    return !http_address_key((const struct sockaddr *)&from, link->address, link->conn.peer);
}

static void knocked(uv_stream_t *stream, int status)
{
    struct rv_http_listener *listener = stream->data;
    struct rv_http_server *server = listener->server;
    if (status < 0)
        return;
    struct http_link *link = http_link_create(listener);
    if (listener->options.via == RV_VIA_SOCKET)
        uv_pipe_init(rv_loop_uv(server->shared.loop), &link->handle.pipe, 0);
    else
        uv_tcp_init(rv_loop_uv(server->shared.loop), &link->handle.tcp);
    link->handle.any.data = link;
    server->handles++;
    server->link_count++;
    LIST_INSERT_HEAD(&server->links, link, entry);
    if (uv_accept(stream, &link->handle.stream) != 0 || !has_room(link, identify(link))) {
        server->shared.stats.turned_away++;
        http_link_close(link);
        return;
    }
    server->shared.stats.accepted++;
    if (listener->tls != NULL)
        link->tls = server->tls->start(listener->tls, true, NULL);
    http_link_start(link);
    http_server_sweep(server);
}

/* Unix sockets */

/* A socket that nobody answers on is what a crash left behind. */
static enum rv_status clear_the_way(const char *path, const struct sockaddr_un *address, struct rv_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return RV_OK;
    if (!S_ISSOCK(st.st_mode))
        return rv_fail(err, RV_CONFLICT, "%s is there already and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (alive)
        return rv_fail(err, RV_CONFLICT, "another process answers on %s", path);
    return unlink(path) == 0 || errno == ENOENT ? RV_OK
                                                : rv_fail_errno(err, errno, "cannot remove the dead socket %s", path);
}

static enum rv_status bind_unix(const char *path, int *ret_fd, struct rv_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof address.sun_path) {
        enum rv_status status = rv_fail(err, RV_INVALID, "the path of a socket has at most %zu characters: %s",
                                        sizeof address.sun_path - 1, path == NULL ? "(none)" : path);
        return rv_error_hint(err, status, "choose a shorter data directory");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    enum rv_status status = clear_the_way(path, &address, err);
    if (status != RV_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* fchmod before bind decides the mode that the socket is born with: there is no moment in which others may. */
    if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0600) != 0) {
        status = rv_fail_errno(err, errno, "cannot listen on %s", path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    *ret_fd = fd;
    return RV_OK;
}

/* TCP */

static int bind_one(const struct addrinfo *info, bool reuse_port)
{
    static const int on = 1, off = 0;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (reuse_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static enum rv_status bind_tcp(const struct rv_http_listen *options, int *ret_fd, struct rv_error *err)
{
    const char *host = options->host == NULL || options->host[0] == '\0' ? NULL : options->host;
    const char *shown = host == NULL ? "all addresses" : host;
    if (options->port < 0 || options->port > 65535)
        return rv_fail(err, RV_INVALID, "%d is not a port", options->port);
    char port[8];
    snprintf(port, sizeof port, "%d", options->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
    int failed = getaddrinfo(host == NULL ? "::" : host, port, &hints, &list);
    if (failed != 0)
        return rv_fail(err, RV_INVALID, "cannot listen on %s: %s", shown, gai_strerror(failed));
    int fd = bind_one(list, options->reuse_port), number = errno;
    freeaddrinfo(list);
    if (fd < 0 && host == NULL && (number == EAFNOSUPPORT || number == EADDRNOTAVAIL)) { /* no IPv6 here */
        struct rv_http_listen four = *options;
        four.host = "0.0.0.0";
        return bind_tcp(&four, ret_fd, err);
    }
    if (fd < 0) {
        enum rv_status status = number == EADDRINUSE
                                    ? rv_fail(err, RV_CONFLICT, "port %s of %s is in use", port, shown)
                                    : rv_fail_errno(err, number, "cannot listen on port %s of %s", port, shown);
        return rv_error_hint(err, status, number == EADDRINUSE ? "choose another port, or 0 for a free one" : "");
    }
    *ret_fd = fd;
    return RV_OK;
}

static void read_back(struct rv_http_listener *listener, int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof at;
    char host[64];
    getsockname(fd, (struct sockaddr *)&at, &size);
    if (at.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)&at;
        uv_ip6_name(six, host, sizeof host);
        listener->port = ntohs(six->sin6_port);
        snprintf(listener->address, sizeof listener->address, "[%s]:%d", host, listener->port);
    } else {
        const struct sockaddr_in *four = (const void *)&at;
        uv_ip4_name(four, host, sizeof host);
        listener->port = ntohs(four->sin_port);
        snprintf(listener->address, sizeof listener->address, "%s:%d", host, listener->port);
    }
}

/* Both */

static void listener_closed(uv_handle_t *handle)
{
    struct rv_http_listener *listener = handle->data;
    http_server_handle_closed(listener->server);
}

void http_listener_close(struct rv_http_listener *listener)
{
    if (listener->closing)
        return;
    listener->closing = true;
    if (listener->path != NULL)
        unlink(listener->path);
    uv_close(&listener->handle.any, listener_closed);
}

static enum rv_status hand_to_uv(struct rv_http_listener *listener, int fd, struct rv_error *err)
{
    uv_loop_t *uv = rv_loop_uv(listener->server->shared.loop);
    listener->handle.any.data = listener;
    int failed;
    if (listener->options.via == RV_VIA_SOCKET) {
        uv_pipe_init(uv, &listener->handle.pipe, 0);
        failed = uv_pipe_open(&listener->handle.pipe, fd);
    } else {
        uv_tcp_init(uv, &listener->handle.tcp);
        failed = uv_tcp_open(&listener->handle.tcp, fd);
    }
    if (failed != 0)
        close(fd);
    listener->server->handles++;
    if (failed == 0)
        failed = uv_listen(&listener->handle.stream, BACKLOG, knocked);
    return failed == 0 ? RV_OK
                       : rv_fail(err, failed == UV_EADDRINUSE ? RV_CONFLICT : RV_UNAVAILABLE, "cannot listen on %s: %s",
                                 listener->address, uv_strerror(failed));
}

enum rv_status rv_http_listen(struct rv_http_server *server, const struct rv_http_listen *options,
                              struct rv_http_listener **ret, struct rv_error *err)
{
    if (options->via == RV_VIA_TLS && (options->tls == NULL || server->tls == NULL))
        return rv_fail(err, RV_INVALID, "a TLS listener needs a certificate");
    int fd = -1;
    enum rv_status status = options->via == RV_VIA_SOCKET ? bind_unix(options->path, &fd, err) : bind_tcp(options, &fd, err);
    if (status != RV_OK)
        return status;
    struct rv_http_listener *listener = rv_zalloc(sizeof *listener);
    listener->server = server;
    listener->options = *options;
    listener->options.host = listener->options.path = NULL;
    if (options->via == RV_VIA_TLS)
        listener->tls = server->tls->retain(options->tls);
    if (options->via == RV_VIA_SOCKET) {
        listener->path = rv_strdup(options->path);
        snprintf(listener->address, sizeof listener->address, "%s", options->path);
    } else {
        read_back(listener, fd);
    }
    LIST_INSERT_HEAD(&server->listeners, listener, entry);
    status = hand_to_uv(listener, fd, err);
    if (status != RV_OK)
        http_listener_close(listener);
    else if (ret != NULL)
        *ret = listener;
    return status;
}

const char *rv_http_listener_address(const struct rv_http_listener *listener)
{
    return listener->address;
}

int rv_http_listener_port(const struct rv_http_listener *listener)
{
    return listener->port;
}

void rv_http_listener_set_tls(struct rv_http_listener *listener, struct rv_tls_context *context)
{
    const struct rv_tls_ops *tls = listener->server->tls;
    struct rv_tls_context *old = listener->tls;
    listener->tls = tls->retain(context);
    tls->release(old);
}
