#include "proxy.h"

#include "support/cmocka.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "signer/protocol.h"

#define PAIRS 16

struct pair {
    int client, signer; /* -1: free */
    struct rv_buf answer;
};
struct proxy {
    int listening, lose_every;
    char signer_path[108];
    pthread_t thread;
    atomic_int stop, lost, answers;
    struct pair pairs[PAIRS];
};

static int open_socket(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening)
        unlink(path);
    int bad = listening ? bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0
                        : connect(fd, (const struct sockaddr *)&address, sizeof address) != 0;
    if (bad) {
        close(fd);
        return -1;
    }
    return fd;
}

static void drop(struct pair *p)
{
    close(p->client);
    close(p->signer);
    p->client = p->signer = -1;
    rv_buf_fini(&p->answer);
}

static void send_all(int fd, const uint8_t *data, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        data += sent;
        n -= (size_t)sent;
    }
}

/* Whole answers only: one that is lost is lost whole. */
static void pass_answers(struct proxy *proxy, struct pair *p)
{
    uint8_t chunk[65536];
    ssize_t n = recv(p->signer, chunk, sizeof chunk, 0);
    if (n <= 0) {
        drop(p);
        return;
    }
    rv_buf_add(&p->answer, chunk, (size_t)n);
    size_t whole;
    if (rv_signer_frame_length(rv_buf_bytes(&p->answer), &whole, NULL) != RV_OK || whole == 0 || p->answer.len < whole)
        return;
    if (p->answer.data[4] == (RV_SIGNER_SIGN | RV_SIGNER_REPLY) && ++proxy->answers % proxy->lose_every == 0) {
        proxy->lost++;
        drop(p);
        return;
    }
    send_all(p->client, p->answer.data, whole);
    rv_buf_clear(&p->answer);
}

static void pass_requests(struct pair *p)
{
    uint8_t chunk[65536];
    ssize_t n = recv(p->client, chunk, sizeof chunk, 0);
    if (n <= 0)
        drop(p);
    else
        send_all(p->signer, chunk, (size_t)n);
}

static void adopt(struct proxy *proxy)
{
    int client = accept(proxy->listening, NULL, NULL), signer = open_socket(proxy->signer_path, false);
    for (int i = 0; i < PAIRS && signer >= 0; i++)
        if (proxy->pairs[i].client < 0) {
            proxy->pairs[i].client = client;
            proxy->pairs[i].signer = signer;
            return;
        }
    close(client);
    if (signer >= 0)
        close(signer);
}

static void *run(void *arg)
{
    struct proxy *proxy = arg;
    while (!proxy->stop) {
        struct pollfd polled[2 * PAIRS + 1] = {{.fd = proxy->listening, .events = POLLIN}};
        for (int i = 0; i < PAIRS; i++) { /* negative descriptors are skipped by poll */
            polled[1 + 2 * i] = (struct pollfd){.fd = proxy->pairs[i].client, .events = POLLIN};
            polled[2 + 2 * i] = (struct pollfd){.fd = proxy->pairs[i].signer, .events = POLLIN};
        }
        poll(polled, 2 * PAIRS + 1, 20);
        for (int i = 0; i < PAIRS; i++) {
            if (polled[1 + 2 * i].revents != 0 && proxy->pairs[i].client >= 0)
                pass_requests(&proxy->pairs[i]);
            if (polled[2 + 2 * i].revents != 0 && proxy->pairs[i].client >= 0)
                pass_answers(proxy, &proxy->pairs[i]);
        }
        if (polled[0].revents != 0)
            adopt(proxy);
    }
    return NULL;
}

struct proxy *proxy_start(const char *listen_path, const char *signer_path, int lose_every)
{
    struct proxy *proxy = rv_zalloc(sizeof *proxy);
    proxy->lose_every = lose_every;
    snprintf(proxy->signer_path, sizeof proxy->signer_path, "%s", signer_path);
    for (int i = 0; i < PAIRS; i++)
        proxy->pairs[i].client = proxy->pairs[i].signer = -1;
    proxy->listening = open_socket(listen_path, true);
    assert_true(proxy->listening >= 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
    return proxy;
}

int proxy_lost(struct proxy *proxy)
{
    return proxy->lost;
}

void proxy_stop(struct proxy *proxy)
{
    proxy->stop = 1;
    pthread_join(proxy->thread, NULL);
    for (int i = 0; i < PAIRS; i++)
        if (proxy->pairs[i].client >= 0)
            drop(&proxy->pairs[i]);
    close(proxy->listening);
    rv_free(proxy);
}
