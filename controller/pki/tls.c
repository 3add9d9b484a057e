/* TLS sessions over memory: ciphertext goes in and comes out, the sockets are somebody else's. */
#include "pki/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/alloc.h"
#include "pki/crypto_priv.h"
#include "pki/key_priv.h"
#include "pki/pem.h"
#include "pki/verify.h"

#define READ_STEP 16384 /* one record */
#define CHAIN_MAX 32

struct rv_tls_context {
    atomic_int references;
    SSL_CTX *ctx;
};
struct rv_tls {
    SSL *ssl;
    BIO *in, *out; /* belong to ssl */
    struct rv_tls_context *context;
    struct rv_buf chain; /* made when asked for */
    int chain_count;
    bool failed, server;
};

/* ---- contexts ---- */

static struct rv_tls_context *context_make(const SSL_METHOD *method)
{
    struct rv_tls_context *context = rv_zalloc(sizeof *context);
    atomic_init(&context->references, 1);
    context->ctx = SSL_CTX_new(method);
    if (context->ctx == NULL)
        rv_crypto_stop("TLS");
    /* H-16 */
    SSL_CTX_set_options(context->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_OFF);
    return context;
}

static void context_release(struct rv_tls_context *context)
{
    if (context == NULL || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ctx);
    rv_free(context);
}

static struct rv_tls_context *context_retain(struct rv_tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

struct chain_fill {
    SSL_CTX *ctx;
    int count;
};

static enum rv_status add_certificate(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    struct chain_fill *fill = arg;
    const uint8_t *at = der.ptr;
    (void)label;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    bool good = x != NULL && at == der.ptr + der.len && fill->count < CHAIN_MAX &&
                (fill->count == 0 ? SSL_CTX_use_certificate(fill->ctx, x) : SSL_CTX_add1_chain_cert(fill->ctx, x)) == 1;
    X509_free(x);
    fill->count++;
    return good ? RV_OK : rv_crypto_fail(err, RV_INVALID, "the certificate chain cannot be used");
}

static int take_any(int preverified, X509_STORE_CTX *ctx)
{
    (void)preverified;
    (void)ctx;
    return 1; /* whoever looks at the peer's chain judges it */
}

enum rv_status rv_tls_server_context_create(struct rv_bytes chain_pem, const struct rv_key *key, bool request_client,
                                            struct rv_tls_context **ret, struct rv_error *err)
{
    struct rv_tls_context *context = context_make(TLS_server_method());
    struct chain_fill fill = {.ctx = context->ctx};
    enum rv_status status = rv_pair_check(chain_pem, key, err);
    SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_num_tickets(context->ctx, 0);
    if (SSL_CTX_set_cipher_list(context->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        rv_crypto_stop("modern ciphers");
    if (status == RV_OK)
        status = rv_pem_each(chain_pem, RV_PEM_CERTIFICATE, add_certificate, &fill, err);
    if (status == RV_OK && SSL_CTX_use_PrivateKey(context->ctx, rv_key_pkey(key)) != 1)
        status = rv_crypto_fail(err, RV_CONFLICT, "the private key cannot be used with the certificate");
    if (request_client)
        SSL_CTX_set_verify(context->ctx, SSL_VERIFY_PEER, take_any);
    if (status != RV_OK) {
        context_release(context);
        return status;
    }
    *ret = context;
    return RV_OK;
}

struct rv_tls_context *rv_tls_probe_context_create(void)
{
    struct rv_tls_context *context = context_make(TLS_client_method());
    /* A look must see old and weak servers too: security level 0, and every version that libssl still speaks. */
    SSL_CTX_set_security_level(context->ctx, 0);
    SSL_CTX_set_min_proto_version(context->ctx, TLS1_VERSION);
    if (SSL_CTX_set_cipher_list(context->ctx, "ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0") != 1)
        rv_crypto_stop("all ciphers");
    SSL_CTX_set_options(context->ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_verify(context->ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_tlsext_status_type(context->ctx, TLSEXT_STATUSTYPE_ocsp);
    return context;
}

/* ---- sessions ---- */

static bool is_address(const char *name)
{
    uint8_t octets[16];
    return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static struct rv_tls *tls_start(struct rv_tls_context *context, bool server, const char *server_name)
{
    struct rv_tls *tls = rv_zalloc(sizeof *tls);
    tls->context = context_retain(context);
    tls->server = server;
    tls->ssl = SSL_new(context->ctx);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL)
        rv_crypto_stop("TLS");
    BIO_set_mem_eof_return(tls->in, -1); /* an empty buffer is "not yet", not the end */
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    if (server) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
        if (server_name != NULL && server_name[0] != 0 && !is_address(server_name)) /* RFC 6066 §3: never an address */
            SSL_set_tlsext_host_name(tls->ssl, server_name);
    }
    return tls;
}

static void tls_stop(struct rv_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    context_release(tls->context);
    rv_buf_fini(&tls->chain);
    rv_free(tls);
}

static void drain(struct rv_tls *tls, struct rv_buf *out)
{
    char *p;
    long n = BIO_get_mem_data(tls->out, &p);
    if (n > 0)
        rv_buf_add(out, p, (size_t)n);
    (void)BIO_reset(tls->out);
}

static enum rv_tls_state fail(struct rv_tls *tls, struct rv_error *err)
{
    tls->failed = true;
    rv_crypto_fail(err, RV_UNAVAILABLE, SSL_is_init_finished(tls->ssl) ? "TLS" : "TLS handshake");
    return RV_TLS_FAILED;
}

/* What a call that did not succeed means. */
static enum rv_tls_state after(struct rv_tls *tls, int result, struct rv_error *err)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return SSL_is_init_finished(tls->ssl) ? RV_TLS_OPEN : RV_TLS_HANDSHAKE;
    case SSL_ERROR_ZERO_RETURN:
        return RV_TLS_CLOSED;
    default:
        return fail(tls, err);
    }
}

static enum rv_tls_state read_all(struct rv_tls *tls, struct rv_buf *plain, struct rv_error *err)
{
    for (;;) {
        size_t n;
        uint8_t *to = rv_buf_reserve(plain, READ_STEP);
        int result = SSL_read_ex(tls->ssl, to, READ_STEP, &n);
        if (result != 1)
            return after(tls, result, err);
        plain->len += n;
        plain->data[plain->len] = 0;
    }
}

static enum rv_tls_state tls_feed(struct rv_tls *tls, struct rv_bytes in, struct rv_buf *plain, struct rv_buf *out,
                                  struct rv_error *err)
{
    enum rv_tls_state state;
    ERR_clear_error(); /* H-8: SSL_get_error looks at what others left behind */
    if (tls->failed) {
        rv_fail(err, RV_UNAVAILABLE, "TLS: the session has failed before");
        return RV_TLS_FAILED;
    }
    if (in.len > INT32_MAX || (in.len > 0 && BIO_write(tls->in, in.ptr, (int)in.len) != (int)in.len))
        rv_crypto_stop("TLS buffers");
    int result = SSL_is_init_finished(tls->ssl) ? 1 : SSL_do_handshake(tls->ssl);
    state = result == 1 ? read_all(tls, plain, err) : after(tls, result, err);
    drain(tls, out); /* alerts too */
    return state;
}

static enum rv_tls_state tls_send(struct rv_tls *tls, struct rv_bytes plain, struct rv_buf *out, struct rv_error *err)
{
    ERR_clear_error();
    if (tls->failed || !SSL_is_init_finished(tls->ssl)) {
        rv_fail(err, RV_INTERNAL, "TLS: nothing can be sent before the handshake is done");
        return RV_TLS_FAILED;
    }
    size_t n;
    int result = plain.len == 0 ? 1 : SSL_write_ex(tls->ssl, plain.ptr, plain.len, &n); /* memory takes it all */
    enum rv_tls_state state = result == 1 ? RV_TLS_OPEN : after(tls, result, err);
    drain(tls, out);
    return state;
}

static void tls_shutdown(struct rv_tls *tls, struct rv_buf *out)
{
    ERR_clear_error();
    if (!tls->failed && SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    drain(tls, out);
    ERR_clear_error();
}

static void add_der(struct rv_tls *tls, X509 *x)
{
    uint8_t *der = NULL;
    int len = x == NULL || tls->chain_count == CHAIN_MAX ? -1 : i2d_X509(x, &der);
    if (len <= 0)
        return;
    rv_buf_add(&tls->chain, der, (size_t)len);
    tls->chain_count++;
    OPENSSL_free(der);
}

static void read_chain(struct rv_tls *tls)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);
    if (tls->server) /* the leaf is not in the chain on this side */
        add_der(tls, SSL_get0_peer_certificate(tls->ssl));
    for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++)
        add_der(tls, sk_X509_value(chain, i));
}

static const char *group_name(SSL *ssl)
{
    int id = (int)SSL_get_negotiated_group(ssl);
    const char *name = id == 0 ? NULL : SSL_group_to_name(ssl, id);
    if (name == NULL)
        return "";
    return strcmp(name, "x25519") == 0 ? "X25519" : strcmp(name, "x448") == 0 ? "X448" : name;
}

static void tls_peer(struct rv_tls *tls, struct rv_tls_peer *ret)
{
    const uint8_t *staple;
    if (tls->chain_count == 0)
        read_chain(tls);
    *ret = (struct rv_tls_peer){.chain = rv_buf_bytes(&tls->chain), .chain_count = tls->chain_count};
    ret->stapled = !tls->server && SSL_get_tlsext_status_ocsp_resp(tls->ssl, &staple) > 0;
    snprintf(ret->protocol, sizeof ret->protocol, "%s", SSL_get_version(tls->ssl));
    const char *cipher = SSL_get_cipher_name(tls->ssl);
    snprintf(ret->cipher, sizeof ret->cipher, "%s", cipher == NULL ? "" : cipher);
    snprintf(ret->group, sizeof ret->group, "%s", group_name(tls->ssl));
    ERR_clear_error();
}

const struct rv_tls_ops rv_tls_openssl = {
    .start = tls_start,
    .stop = tls_stop,
    .feed = tls_feed,
    .send = tls_send,
    .shutdown = tls_shutdown,
    .peer = tls_peer,
    .retain = context_retain,
    .release = context_release,
};
