#include "signer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "signer/protocol.h"

#define CONNECTIONS_MAX 32
#define READ_SIZE 65536

struct connection {
    int fd; /* -1: free */
    struct rv_buf in, out;
    size_t sent; /* of out */
};
struct server {
    const struct rv_server_options *options;
    bool listening;
    struct connection connections[CONNECTIONS_MAX];
    bool settled;
};

static const struct rv_log_context ctx = {.area = "signer"};

/* ---- listening ---- */

static bool answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}

enum rv_status rv_server_listen(const char *path, int *ret_fd, struct rv_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        rv_fail(err, RV_INVALID, "the socket's path has %zu characters: at most %zu fit", strlen(path),
                sizeof address.sun_path - 1);
        return rv_error_where(err, RV_INVALID, "%s", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    if (answers(&address))
        return rv_fail(err, RV_CONFLICT, "another signer answers at %s", path);
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0;
    int number = errno;
    umask(mask);
    if (!ok) {
        if (fd >= 0)
            close(fd);
        return rv_fail_errno(err, number, "cannot listen at %s", path);
    }
    *ret_fd = fd;
    return RV_OK;
}

/* ---- connections ---- */

static void drop(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    rv_buf_fini(&c->in);
    rv_buf_fini(&c->out);
    c->sent = 0;
}

static bool trusted(const struct server *s, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0 || (s->options->peer >= 0 && peer.uid == (uid_t)s->options->peer);
}

static void adopt(struct server *s, int fd)
{
    if (!trusted(s, fd)) {
        rv_log(RV_LOG_WARN, &ctx, "refused a connection of another user");
        close(fd);
        return;
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd < 0) {
            s->connections[i].fd = fd;
            return;
        }
    rv_log(RV_LOG_WARN, &ctx, "more than %d connections: refused one", CONNECTIONS_MAX);
    close(fd);
}

/* Sends what waits; false when the other side is gone. */
static bool flush(struct connection *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            c->sent += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            return true;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    rv_buf_clear(&c->out);
    c->sent = 0;
    return true;
}

static void tell_settled(struct server *s)
{
    if (s->settled || !rv_service_is_set_up(s->options->service))
        return;
    s->settled = true;
    if (s->options->settled != NULL)
        s->options->settled(s->options->arg);
}

/* Answers the frames that are whole, one reply waiting at most: who does not read is not read from. */
static bool serve(struct server *s, struct connection *c)
{
    while (c->out.len == 0) {
        struct rv_error err;
        size_t whole;
        if (rv_signer_frame_length(rv_buf_bytes(&c->in), &whole, &err) != RV_OK) {
            rv_log_error(RV_LOG_WARN, &ctx, &err, "closed a connection");
            return false;
        }
        if (whole == 0 || c->in.len < whole)
            return true;
        if (rv_service_answer(s->options->service, RV_BYTES(c->in.data, whole), &c->out, &err) != RV_OK) {
            rv_log_error(RV_LOG_WARN, &ctx, &err, "closed a connection");
            return false;
        }
        tell_settled(s);
        memmove(c->in.data, c->in.data + whole, c->in.len - whole);
        c->in.len -= whole;
        RV_FAILPOINT("signer.before_reply");
        if (!flush(c))
            return false;
        RV_FAILPOINT("signer.replied");
    }
    return true;
}

static bool receive(struct connection *c)
{
    uint8_t *room = rv_buf_reserve(&c->in, READ_SIZE);
    ssize_t n = recv(c->fd, room, READ_SIZE, MSG_DONTWAIT);
    if (n > 0)
        c->in.len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void step(struct server *s, struct connection *c, short events)
{
    bool alive = true;
    if ((events & POLLOUT) != 0)
        alive = flush(c);
    if (alive && (events & (POLLIN | POLLHUP | POLLERR)) != 0)
        alive = receive(c);
    if (!alive || !serve(s, c))
        drop(c);
}

static bool any_open(const struct server *s)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd >= 0)
            return true;
    return s->listening;
}

static enum rv_status turn(struct server *s, struct rv_error *err)
{
    struct pollfd polled[CONNECTIONS_MAX + 1];
    struct connection *of[CONNECTIONS_MAX + 1] = {NULL};
    nfds_t count = 0;
    if (s->listening)
        polled[count++] = (struct pollfd){.fd = s->options->fd, .events = POLLIN};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &s->connections[i];
        if (c->fd < 0)
            continue;
        of[count] = c;
        polled[count++] = (struct pollfd){.fd = c->fd, .events = c->out.len > 0 ? POLLOUT : POLLIN};
    }
    sigset_t none; /* signals come in here only: none is lost between looking at `stop` and waiting */
    sigemptyset(&none);
    if (ppoll(polled, count, NULL, &none) < 0)
        return errno == EINTR ? RV_OK : rv_fail_errno(err, errno, "poll");
    for (nfds_t i = 0; i < count; i++)
        if (polled[i].revents != 0 && of[i] != NULL)
            step(s, of[i], polled[i].revents);
    if (s->listening && polled[0].revents != 0) {
        int fd = accept4(s->options->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            adopt(s, fd);
    }
    return RV_OK;
}

enum rv_status rv_server_run(const struct rv_server_options *options, struct rv_error *err)
{
    struct server *s = rv_zalloc(sizeof *s);
    s->options = options;
    s->settled = rv_service_is_set_up(options->service);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        s->connections[i].fd = -1;
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(options->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0)
        s->listening = true;
    else
        s->connections[0].fd = dup(options->fd);
    enum rv_status status = RV_OK;
    while (status == RV_OK && !*options->stop && any_open(s))
        status = turn(s, err);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].fd >= 0)
            drop(&s->connections[i]);
    rv_free(s);
    return status;
}
