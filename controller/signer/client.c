#include "signer/client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "signer/protocol.h"

#define CONNECTIONS_MAX 16

struct rv_signer_client {
    char *path;
    rv_dur timeout;
    const struct rv_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int count;
    struct {
        int fd; /* -1: not connected */
        bool busy;
    } links[CONNECTIONS_MAX];
    uint32_t next_id;
};

/* How far an exchange got, which decides what its failure means. */
enum reached { NOTHING_SENT, PART_SENT, ALL_SENT };

/* ---- connections ---- */

static int take_link(struct rv_signer_client *c)
{
    pthread_mutex_lock(&c->lock);
    for (;;) {
        int best = -1;
        for (int i = 0; i < c->count; i++)
            if (!c->links[i].busy && (best < 0 || c->links[i].fd >= 0))
                best = i;
        if (best >= 0) {
            c->links[best].busy = true;
            pthread_mutex_unlock(&c->lock);
            return best;
        }
        pthread_cond_wait(&c->freed, &c->lock);
    }
}

static void drop_link(struct rv_signer_client *c, int link)
{
    if (c->links[link].fd >= 0)
        close(c->links[link].fd);
    c->links[link].fd = -1;
}

static void give_link(struct rv_signer_client *c, int link)
{
    pthread_mutex_lock(&c->lock);
    c->links[link].busy = false;
    pthread_cond_signal(&c->freed);
    pthread_mutex_unlock(&c->lock);
}

static enum rv_status no_signer(const struct rv_signer_client *c, int number, struct rv_error *err)
{
    rv_fail_errno(err, number, "the signer does not answer");
    if (err != NULL)
        err->status = RV_UNAVAILABLE;
    rv_error_where(err, RV_UNAVAILABLE, "%s", c->path);
    return rv_error_hint(err, RV_UNAVAILABLE, "see that reeve-signer runs and that this user may use its socket");
}

static enum rv_status connect_link(struct rv_signer_client *c, int link, struct rv_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, c->path, strlen(c->path)); /* length checked when the client was made */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return no_signer(c, errno, err);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int number = errno;
        close(fd);
        return no_signer(c, number, err);
    }
    c->links[link].fd = fd;
    return RV_OK;
}

/* ---- one exchange ---- */

static bool wait_for(struct rv_signer_client *c, int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - rv_mono(c->clock);
        if (left <= 0)
            return false;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static bool send_all(struct rv_signer_client *c, int fd, struct rv_bytes data, int64_t deadline, enum reached *reached)
{
    while (data.len > 0) {
        ssize_t n = send(fd, data.ptr, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            *reached = PART_SENT;
            data = RV_BYTES(data.ptr + n, data.len - (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            if (!wait_for(c, fd, POLLOUT, deadline))
                return false;
        } else if (n < 0 && errno != EINTR) {
            return false;
        }
    }
    *reached = ALL_SENT;
    return true;
}

/* One whole frame and nothing behind it. */
static bool receive(struct rv_signer_client *c, int fd, struct rv_buf *frame, int64_t deadline)
{
    for (;;) {
        size_t whole;
        if (rv_signer_frame_length(rv_buf_bytes(frame), &whole, NULL) != RV_OK || (whole > 0 && frame->len > whole))
            return false;
        if (whole > 0 && frame->len == whole)
            return true;
        uint8_t *room = rv_buf_reserve(frame, 65536);
        ssize_t n = recv(fd, room, 65536, MSG_DONTWAIT);
        if (n > 0)
            frame->len += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
        else if (!wait_for(c, fd, POLLIN, deadline))
            return false;
    }
}

static enum rv_status broken(const struct rv_signer_client *c, bool repeatable, struct rv_error *err)
{
    enum rv_status status = repeatable ? RV_UNAVAILABLE : RV_UNCERTAIN;
    rv_fail(err, status, "the link to the signer broke before its answer came");
    return rv_error_where(err, status, "%s", c->path);
}

/* Sends the request and decodes the answer into *reply, whose items the caller set. A link that was left over from a
 * signer that has gone is replaced once: nothing of the request was taken up, since it never arrived whole. */
static enum rv_status exchange(struct rv_signer_client *c, struct rv_signer_request *request, bool repeatable,
                               struct rv_buf *frame, struct rv_signer_reply *reply, struct rv_error *err)
{
    struct rv_buf out = {0};
    request->id = __atomic_add_fetch(&c->next_id, 1, __ATOMIC_RELAXED);
    rv_signer_request_encode(request, &out);
    int link = take_link(c);
    int64_t deadline = rv_mono(c->clock) + c->timeout;
    enum rv_status status = RV_OK;
    enum reached reached = NOTHING_SENT;
    for (int attempt = 0; attempt < 2 && reached != ALL_SENT && status == RV_OK; attempt++) {
        bool fresh = c->links[link].fd < 0;
        if (fresh)
            status = connect_link(c, link, err);
        if (status != RV_OK || send_all(c, c->links[link].fd, rv_buf_bytes(&out), deadline, &reached))
            break;
        drop_link(c, link);
        if (fresh || attempt > 0)
            status = no_signer(c, EPIPE, err);
    }
    if (status == RV_OK && !receive(c, c->links[link].fd, frame, deadline))
        status = broken(c, repeatable, err);
    if (status == RV_OK && (rv_signer_reply_decode(rv_buf_bytes(frame), reply, NULL) != RV_OK ||
                            reply->kind != request->kind || reply->id != request->id))
        status = broken(c, repeatable, err);
    if (status != RV_OK)
        drop_link(c, link);
    give_link(c, link);
    rv_buf_fini(&out);
    if (status == RV_OK && reply->status != RV_OK && err != NULL)
        *err = reply->err;
    return status == RV_OK ? reply->status : status;
}

/* ---- port/signer.h ---- */

static enum rv_status client_sign(void *ctx, const char *issuer, struct rv_sign_item *items, size_t count,
                                  struct rv_error *err)
{
    if (count == 0)
        return RV_OK;
    if (count > RV_SIGNER_BATCH)
        return rv_fail(err, RV_INVALID, "%zu certificates in one request: expected 1 to %d", count, RV_SIGNER_BATCH);
    for (size_t i = 0; i < count; i++)
        if (items[i].tbs.len > RV_SIGNER_TBS_MAX)
            return rv_fail(err, RV_INVALID, "a certificate of %zu bytes: at most %zu can be signed", items[i].tbs.len,
                           RV_SIGNER_TBS_MAX);
    struct rv_signer_request request = {.kind = RV_SIGNER_SIGN, .count = count, .items = items};
    strncpy(request.issuer, issuer, sizeof request.issuer - 1);
    struct rv_signer_reply reply = {.count = count, .items = items};
    struct rv_buf frame = {0};
    enum rv_status status = exchange(ctx, &request, false, &frame, &reply, err);
    rv_buf_fini(&frame);
    return status;
}

static enum rv_status client_setup(void *ctx, const char *issuer, rv_time now, struct rv_buf *ret_chain_pem,
                                   struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_SETUP, .now = now};
    strncpy(request.issuer, issuer, sizeof request.issuer - 1);
    struct rv_signer_reply reply = {0};
    struct rv_buf frame = {0};
    enum rv_status status = exchange(ctx, &request, false, &frame, &reply, err);
    if (status == RV_OK)
        rv_buf_add(ret_chain_pem, reply.chain_pem.ptr, reply.chain_pem.len);
    rv_buf_fini(&frame);
    return status;
}

static enum rv_status client_ping(void *ctx, struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_PING};
    struct rv_signer_reply reply = {0};
    struct rv_buf frame = {0};
    enum rv_status status = exchange(ctx, &request, true, &frame, &reply, err);
    rv_buf_fini(&frame);
    return status;
}

static enum rv_status client_journal(void *ctx, const char *issuer, const char *serial, struct rv_hash *ret_tbs,
                                     struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_JOURNAL};
    strncpy(request.issuer, issuer, sizeof request.issuer - 1);
    strncpy(request.serial, serial, sizeof request.serial - 1);
    struct rv_signer_reply reply = {0};
    struct rv_buf frame = {0};
    enum rv_status status = exchange(ctx, &request, true, &frame, &reply, err);
    if (status == RV_OK)
        *ret_tbs = reply.tbs;
    rv_buf_fini(&frame);
    return status;
}

static const struct rv_signer_ops client_ops = {
    .sign = client_sign, .setup = client_setup, .ping = client_ping, .journal = client_journal};

struct rv_signer rv_signer_client_port(struct rv_signer_client *client)
{
    return (struct rv_signer){&client_ops, client};
}

enum rv_status rv_signer_client_create(const struct rv_signer_client_options *options, struct rv_signer_client **ret,
                                       struct rv_error *err)
{
    size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (options->socket_path[0] == '\0' || strlen(options->socket_path) > most) {
        rv_fail(err, RV_INVALID, "the path of the signer's socket has %zu characters: expected 1 to %zu",
                strlen(options->socket_path), most);
        return rv_error_where(err, RV_INVALID, "%s", options->socket_path);
    }
    struct rv_signer_client *c = rv_zalloc(sizeof *c);
    c->path = rv_strdup(options->socket_path);
    c->timeout = options->timeout > 0 ? options->timeout : RV_SEC(30);
    c->clock = options->clock;
    c->count = options->connections > 0 ? options->connections : 2;
    if (c->count > CONNECTIONS_MAX)
        c->count = CONNECTIONS_MAX;
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        c->links[i].fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->freed, NULL);
    *ret = c;
    return RV_OK;
}

void rv_signer_client_destroy(struct rv_signer_client *client)
{
    if (client == NULL)
        return;
    for (int i = 0; i < client->count; i++)
        drop_link(client, i);
    pthread_cond_destroy(&client->freed);
    pthread_mutex_destroy(&client->lock);
    rv_free(client->path);
    rv_free(client);
}

enum rv_status rv_signer_client_wait(struct rv_signer_client *client, rv_dur patience, struct rv_error *err)
{
    int64_t deadline = rv_mono(client->clock) + patience;
    for (;;) {
        enum rv_status status = client_ping(client, err);
        if (status == RV_OK || rv_mono(client->clock) >= deadline)
            return status;
        poll(NULL, 0, 5);
    }
}
