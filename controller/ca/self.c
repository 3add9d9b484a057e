#include "ca/self.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "pki/csr.h"
#include "pki/digest.h"
#include "pki/key.h"
#include "pki/random.h"

struct self {
    struct rv_authority *authority;
    struct rv_arena *arena;
    struct rv_secret *given_key; /* borrowed, may be NULL */
    struct rv_cert_name *items;
    size_t count;
    struct rv_secret *key_pem;
    struct rv_buf csr;
    char idempotency_key[64];
    struct rv_issue_request request;
    enum rv_status status;
    struct rv_error err;
    rv_self_done done;
    void *arg;
};

static void answer(struct self *self, const struct rv_issue_result *issued)
{
    if (issued != NULL) {
        struct rv_buf chain = {0};
        rv_buf_printf(&chain, "%s%s", issued->certificate_pem, issued->chain_pem);
        struct rv_self_result result = {.key_pem = RV_TAKE(self->key_pem),
                                        .fullchain_pem = rv_buf_text(&chain),
                                        .not_before = issued->not_before,
                                        .not_after = issued->not_after};
        snprintf(result.serial, sizeof result.serial, "%s", issued->serial);
        self->done(self->arg, RV_OK, &result, NULL);
        rv_buf_fini(&chain);
    } else {
        self->done(self->arg, self->status, NULL, &self->err);
    }
    rv_secret_destroy(self->key_pem);
    rv_buf_fini(&self->csr);
    rv_arena_destroy(self->arena);
    rv_free(self);
}

static void issued(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct self *self = arg;
    self->status = status;
    if (status != RV_OK)
        self->err = *err;
    answer(self, status == RV_OK ? result : NULL);
}

/* On a worker: key and request. */
static void make(void *arg)
{
    struct self *self = arg;
    static const struct rv_key_spec p256 = {.algorithm = RV_KEY_ECDSA, .size = 256};
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_cert_names names;
    self->status = self->given_key != NULL ? rv_key_from_pem(rv_secret_bytes(self->given_key), NULL, &key, &self->err)
                                           : rv_key_generate(&p256, &key, &self->err);
    if (self->status == RV_OK)
        self->status = rv_cert_names_make(self->items, self->count, self->arena, &names, &self->err);
    if (self->status == RV_OK)
        self->status = rv_csr_create(key, NULL, &names, &self->csr, &self->err);
    if (self->status == RV_OK)
        self->key_pem = rv_key_plain_pem(key);
}

static void made(void *arg)
{
    struct self *self = arg;
    if (self->status != RV_OK) {
        answer(self, NULL);
        return;
    }
    self->request.csr = rv_buf_bytes(&self->csr);
    struct rv_issuer issuer = rv_authority_issuer(self->authority);
    issuer.ops->issue(issuer.ctx, &self->request, issued, self);
}

static void add_names(struct self *self, enum rv_name_type type, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        self->items[self->count++] = (struct rv_cert_name){type, rv_arena_strdup(self->arena, names[i])};
}

void rv_self_issue(struct rv_authority *authority, struct rv_work *work, const struct rv_self_request *request,
                   rv_self_done done, void *arg)
{
    struct self *self = rv_zalloc(sizeof *self);
    self->authority = authority;
    self->arena = rv_arena_create();
    self->given_key = request->key_pem;
    self->done = done;
    self->arg = arg;
    self->items = rv_arena_alloc(self->arena, (request->dns_count + request->ip_count + 1) * sizeof *self->items);
    add_names(self, RV_NAME_DNS, request->dns_names, request->dns_count);
    add_names(self, RV_NAME_IP, request->ip_addresses, request->ip_count);
    /* Nothing remembers this wish over a restart: each is new. */
    uint8_t random[12];
    char hex[2 * sizeof random + 1];
    rv_random(random, sizeof random);
    snprintf(self->idempotency_key, sizeof self->idempotency_key, "self-%s", rv_hex(hex, random, sizeof random));
    self->request =
        (struct rv_issue_request){.idempotency_key = self->idempotency_key,
                                  .issuer = rv_authority_name(authority),
                                  .profile = "tls-server",
                                  .actor = request->actor != NULL ? rv_arena_strdup(self->arena, request->actor) : "system"};
    rv_work_submit(work, RV_LANE_CRYPTO, make, made, self);
}
