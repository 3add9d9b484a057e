#include "reeved/public.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#include "base/text.h"
#include "pki/digest.h"
#include "pki/pem.h"
#include "port/http.h"
#include "rt/http_server.h"
#include "rt/loop.h"

struct rv_public {
    pthread_t thread;
    sem_t started;
    struct rv_loop *loop;
    char host[254], address[300], path[96], etag[24];
    int port;
    struct rv_buf certificate; /* DER */
    enum rv_status status;     /* of listening, set before `started` */
    struct rv_error err;
};

static void answer_text(const struct rv_http_request *request, int status, const char *text)
{
    rv_http_answer(request->exchange, status, "text/plain; charset=utf-8", rv_bytes_of(text), NULL);
}

static void handle(void *arg, const struct rv_http_request *request)
{
    const struct rv_public *plane = arg;
    if (request->method != RV_GET && request->method != RV_HEAD) {
        answer_text(request, 405, "only GET and HEAD\n");
        return;
    }
    if (strcmp(request->path, plane->path) != 0) {
        answer_text(request, 404, "not here: this is the public plane, with the CA certificates at /ca/{issuer}.crt\n");
        return;
    }
    const char *known = rv_http_header(request, "if-none-match");
    struct rv_http_header extra[] = {{"etag", plane->etag}, {"cache-control", "public, max-age=3600"}, {NULL, NULL}};
    if (known != NULL && strcmp(known, plane->etag) == 0)
        rv_http_answer(request->exchange, 304, NULL, RV_BYTES(NULL, 0), extra);
    else
        rv_http_answer(request->exchange, 200, "application/pkix-cert", rv_buf_bytes(&plane->certificate), extra);
}

static void *run(void *arg)
{
    struct rv_public *plane = arg;
    plane->loop = rv_loop_create();
    struct rv_http_server *server = rv_http_server_create(plane->loop, NULL, NULL);
    struct rv_http_listener *listener = NULL;
    plane->status = rv_http_listen(server,
                                   &(struct rv_http_listen){.via = RV_VIA_PLAIN,
                                                            .host = plane->host,
                                                            .port = plane->port,
                                                            .handler = handle,
                                                            .arg = plane,
                                                            .headers = rv_http_plain_headers},
                                   &listener, &plane->err);
    bool listening = plane->status == RV_OK;
    if (listening)
        snprintf(plane->address, sizeof plane->address, "%s", rv_http_listener_address(listener));
    sem_post(&plane->started);
    if (listening)
        rv_loop_run(plane->loop);
    rv_http_server_destroy(server);
    rv_loop_destroy(plane->loop);
    return NULL;
}

static void destroy(struct rv_public *plane)
{
    sem_destroy(&plane->started);
    rv_buf_fini(&plane->certificate);
    rv_free(plane);
}

enum rv_status rv_public_start(const char *host, int port, const char *issuer, struct rv_bytes certificate_pem,
                               struct rv_public **ret, struct rv_error *err)
{
    RV_AUTO(rv_buf) struct rv_buf certificate = {0};
    enum rv_status st = rv_pem_one(certificate_pem, RV_PEM_CERTIFICATE, &certificate, err);
    if (st != RV_OK)
        return rv_error_prefix(err, st, "the issuer %s has no certificate to publish", issuer);
    struct rv_public *plane = rv_zalloc(sizeof *plane);
    snprintf(plane->host, sizeof plane->host, "%s", host);
    snprintf(plane->path, sizeof plane->path, "/ca/%s.crt", issuer);
    plane->port = port;
    rv_buf_add(&plane->certificate, certificate.data, certificate.len);
    struct rv_hash hash;
    char hex[17];
    rv_sha256(rv_buf_bytes(&certificate), &hash);
    snprintf(plane->etag, sizeof plane->etag, "\"%s\"", rv_hex(hex, hash.b, 8));
    sem_init(&plane->started, 0, 0);
    int rc = pthread_create(&plane->thread, NULL, run, plane);
    if (rc != 0) {
        destroy(plane);
        return rv_fail_errno(err, rc, "cannot start the public plane's thread");
    }
    while (sem_wait(&plane->started) != 0)
        ;
    if (plane->status != RV_OK) {
        pthread_join(plane->thread, NULL);
        st = plane->status;
        if (err != NULL)
            *err = plane->err;
        destroy(plane);
        return st;
    }
    *ret = plane;
    return RV_OK;
}

const char *rv_public_address(const struct rv_public *plane)
{
    return plane->address;
}

void rv_public_stop(struct rv_public *plane)
{
    if (plane == NULL)
        return;
    rv_loop_stop(plane->loop);
    pthread_join(plane->thread, NULL);
    destroy(plane);
}
