#include "support/signer_inside.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/files.h"
#include "signer/protocol.h"
#include "signer/service.h"

struct signer_inside {
    struct rv_service *service;
    pthread_mutex_t lock;
    atomic_bool away;
};

static enum rv_status exchange(struct signer_inside *s, const struct rv_signer_request *request,
                               struct rv_signer_reply *reply, struct rv_buf *answer, struct rv_error *err)
{
    if (s->away)
        return rv_fail(err, RV_UNAVAILABLE, "the signer is away");
    struct rv_buf frame = {0};
    rv_signer_request_encode(request, &frame);
    pthread_mutex_lock(&s->lock);
    enum rv_status status = rv_service_answer(s->service, rv_buf_bytes(&frame), answer, err);
    pthread_mutex_unlock(&s->lock);
    if (status == RV_OK)
        status = rv_signer_reply_decode(rv_buf_bytes(answer), reply, err);
    rv_buf_fini(&frame);
    if (status == RV_OK && reply->status != RV_OK && err != NULL)
        *err = reply->err;
    return status == RV_OK ? reply->status : status;
}

static enum rv_status inside_sign(void *ctx, const char *issuer, struct rv_sign_item *items, size_t count,
                                  struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_SIGN, .count = count, .items = items};
    struct rv_signer_reply reply = {.count = count, .items = items};
    struct rv_buf answer = {0};
    snprintf(request.issuer, sizeof request.issuer, "%s", issuer);
    enum rv_status status = exchange(ctx, &request, &reply, &answer, err);
    rv_buf_fini(&answer);
    return status;
}

static enum rv_status inside_setup(void *ctx, const char *issuer, rv_time now, struct rv_buf *ret_chain_pem,
                                   struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_SETUP, .now = now};
    struct rv_signer_reply reply = {0};
    struct rv_buf answer = {0};
    snprintf(request.issuer, sizeof request.issuer, "%s", issuer);
    enum rv_status status = exchange(ctx, &request, &reply, &answer, err);
    if (status == RV_OK)
        rv_buf_add(ret_chain_pem, reply.chain_pem.ptr, reply.chain_pem.len);
    rv_buf_fini(&answer);
    return status;
}

static enum rv_status inside_ping(void *ctx, struct rv_error *err)
{
    struct signer_inside *s = ctx;
    return s->away ? rv_fail(err, RV_UNAVAILABLE, "the signer is away") : RV_OK;
}

static enum rv_status inside_journal(void *ctx, const char *issuer, const char *serial, struct rv_hash *ret_tbs,
                                     struct rv_error *err)
{
    struct rv_signer_request request = {.kind = RV_SIGNER_JOURNAL};
    struct rv_signer_reply reply = {0};
    struct rv_buf answer = {0};
    snprintf(request.issuer, sizeof request.issuer, "%s", issuer);
    snprintf(request.serial, sizeof request.serial, "%s", serial);
    enum rv_status status = exchange(ctx, &request, &reply, &answer, err);
    if (status == RV_OK)
        *ret_tbs = reply.tbs;
    rv_buf_fini(&answer);
    return status;
}

static const struct rv_signer_ops ops = {
    .sign = inside_sign, .setup = inside_setup, .ping = inside_ping, .journal = inside_journal};

struct signer_inside *signer_inside_create(const char *directory, const struct rv_clock *clock)
{
    struct signer_inside *s = rv_zalloc(sizeof *s);
    struct rv_error err;
    struct rv_service_options options = {.files = &rv_files_system, .clock = clock, .directory = directory};
    pthread_mutex_init(&s->lock, NULL);
    if (rv_service_open(&options, &s->service, &err) != RV_OK) {
        fprintf(stderr, "signer_inside: %s: %s\n", err.where, err.message);
        abort();
    }
    return s;
}

void signer_inside_destroy(struct signer_inside *signer)
{
    if (signer == NULL)
        return;
    rv_service_close(signer->service);
    pthread_mutex_destroy(&signer->lock);
    rv_free(signer);
}

struct rv_signer signer_inside_port(struct signer_inside *signer)
{
    return (struct rv_signer){&ops, signer};
}

void signer_inside_away(struct signer_inside *signer, bool away)
{
    signer->away = away;
}

int signer_inside_journalled(struct signer_inside *signer)
{
    return (int)rv_service_journal_count(signer->service);
}
