/* pki: TLS sessions over memory, against each other and against the openssl program. */
#include "unit/pki/fixture.h"

#include <openssl/ssl.h>

#include "pki/digest.h"
#include "pki/tls.h"
#include "pki/verify.h"

struct site {
    struct fixture_ca f;
    struct rv_key *key;
    struct rv_buf chain; /* PEM */
    struct rv_hash leaf;
};

static void site_init(struct site *s, enum rv_key_algorithm algorithm, int size)
{
    static const struct rv_cert_name names[] = {{RV_NAME_DNS, "shop.example.com"}};
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct rv_profile_spec spec = fixture_spec();
    struct rv_profile *profile = fixture_profile(&spec);
    struct rv_cert_names list = fixture_names(arena, names, 1);
    struct rv_buf cert RV_AUTO(rv_buf) = {0};
    *s = (struct site){.key = fixture_key(algorithm, size)};
    fixture_ca_init(&s->f, RV_KEY_ECDSA, 256);
    fixture_issue(&s->f, profile, s->key, NULL, &list, NOW, &cert);
    rv_sha256(rv_buf_bytes(&cert), &s->leaf);
    rv_pem_add(&s->chain, RV_PEM_CERTIFICATE, rv_buf_bytes(&cert));
    rv_pem_add(&s->chain, RV_PEM_CERTIFICATE, rv_ca_certificate(s->f.ca));
    rv_profile_release(profile);
}

static void site_fini(struct site *s)
{
    fixture_ca_fini(&s->f);
    rv_key_destroy(s->key);
    rv_buf_fini(&s->chain);
}

struct side {
    struct rv_tls *tls;
    struct rv_buf plain, out;
    enum rv_tls_state state;
    struct rv_error err;
};

static void side_fini(struct side *s)
{
    rv_tls_openssl.stop(s->tls);
    rv_buf_fini(&s->plain);
    rv_buf_fini(&s->out);
}

static void feed(struct side *to, struct rv_bytes bytes)
{
    to->state = rv_tls_openssl.feed(to->tls, bytes, &to->plain, &to->out, &to->err);
}

/* Carries bytes to and fro, in pieces of at most `step`, until nobody has any left. */
static void pump(struct side *a, struct side *b, size_t step)
{
    while (a->out.len > 0 || b->out.len > 0)
        for (int i = 0; i < 2; i++) {
            struct side *from = i ? b : a, *to = i ? a : b;
            struct rv_buf bytes RV_AUTO(rv_buf) = from->out;
            from->out = (struct rv_buf){0};
            for (size_t at = 0; at < bytes.len; at += step)
                if (to->state != RV_TLS_FAILED)
                    feed(to, RV_BYTES(bytes.data + at, bytes.len - at < step ? bytes.len - at : step));
        }
}

static void connect_sides(struct side *client, struct side *server, struct rv_tls_context *c, struct rv_tls_context *s,
                          size_t step)
{
    *client = (struct side){.tls = rv_tls_openssl.start(c, false, "shop.example.com")};
    *server = (struct side){.tls = rv_tls_openssl.start(s, true, NULL)};
    feed(client, RV_BYTES("", 0));
    assert_int_equal(client->state, RV_TLS_HANDSHAKE);
    pump(client, server, step);
}

static void sessions_carry_data_both_ways(void **state)
{
    (void)state;
    static const struct {
        enum rv_key_algorithm algorithm;
        int size;
    } kinds[] = {{RV_KEY_ECDSA, 256}, {RV_KEY_RSA, 2048}, {RV_KEY_ED25519, 256}};
    static const size_t steps[] = {1, 7, 100000};
    for (size_t k = 0; k < RV_COUNT(kinds); k++) {
        struct site site;
        struct rv_tls_context *c = rv_tls_probe_context_create(), *s = NULL;
        site_init(&site, kinds[k].algorithm, kinds[k].size);
        OK(rv_tls_server_context_create(rv_buf_bytes(&site.chain), site.key, false, &s, &fixture_err));
        for (size_t i = 0; i < RV_COUNT(steps); i++) {
            struct side client, server;
            struct rv_tls_peer peer;
            connect_sides(&client, &server, c, s, steps[i]);
            assert_int_equal(client.state, RV_TLS_OPEN);
            assert_int_equal(server.state, RV_TLS_OPEN);
            rv_tls_openssl.peer(client.tls, &peer);
            assert_int_equal(peer.chain_count, 2);
            assert_string_equal(peer.protocol, "TLSv1.3");
            assert_string_equal(peer.group, "X25519");
            assert_non_null(strstr(peer.cipher, "TLS_"));
            assert_false(peer.stapled);
            struct rv_bytes rest = peer.chain, leaf;
            struct rv_hash h;
            assert_true(rv_chain_next(&rest, &leaf));
            rv_sha256(leaf, &h);
            assert_true(rv_hash_equal(&h, &site.leaf));
            assert_true(rv_chain_next(&rest, &leaf) && rv_bytes_equal(leaf, rv_ca_certificate(site.f.ca)));
            assert_false(rv_chain_next(&rest, &leaf));
            uint8_t big[40000];
            for (size_t n = 0; n < sizeof big; n++)
                big[n] = (uint8_t)(n * 7);
            assert_int_equal(rv_tls_openssl.send(client.tls, RV_BYTES(big, sizeof big), &client.out, &client.err),
                             RV_TLS_OPEN);
            assert_int_equal(rv_tls_openssl.send(server.tls, rv_bytes_of("hello"), &server.out, &server.err), RV_TLS_OPEN);
            pump(&client, &server, steps[i] == 1 ? 977 : steps[i]);
            assert_true(rv_bytes_equal(rv_buf_bytes(&server.plain), RV_BYTES(big, sizeof big)));
            assert_string_equal(rv_buf_text(&client.plain), "hello");
            rv_tls_openssl.shutdown(server.tls, &server.out);
            pump(&client, &server, 100000);
            assert_int_equal(client.state, RV_TLS_CLOSED);
            side_fini(&client);
            side_fini(&server);
        }
        rv_tls_openssl.release(c);
        rv_tls_openssl.release(s);
        site_fini(&site);
    }
}

static void broken_peers_fail_cleanly(void **state)
{
    (void)state;
    struct site site;
    struct rv_tls_context *c = rv_tls_probe_context_create(), *s = NULL;
    site_init(&site, RV_KEY_ECDSA, 256);
    OK(rv_tls_server_context_create(rv_buf_bytes(&site.chain), site.key, false, &s, &fixture_err));
    struct side a = {.tls = rv_tls_openssl.start(c, false, "192.0.2.1")}, b = {.tls = rv_tls_openssl.start(s, true, NULL)};
    feed(&a, rv_bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_int_equal(a.state, RV_TLS_FAILED);
    assert_true(a.err.message[0] != 0);
    feed(&b, rv_bytes_of("GET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(b.state, RV_TLS_FAILED);
    assert_non_null(strstr(b.err.message, "TLS handshake"));
    feed(&b, rv_bytes_of("more"));
    assert_int_equal(b.state, RV_TLS_FAILED);
    assert_int_equal(rv_tls_openssl.send(b.tls, rv_bytes_of("x"), &b.out, &b.err), RV_TLS_FAILED);
    rv_tls_openssl.shutdown(b.tls, &b.out);
    side_fini(&a);
    side_fini(&b);
    connect_sides(&a, &b, c, s, 100000); /* a forged record after the handshake */
    assert_int_equal(rv_tls_openssl.send(a.tls, rv_bytes_of("secret"), &a.out, &a.err), RV_TLS_OPEN);
    a.out.data[a.out.len - 1] ^= 1;
    pump(&a, &b, 100000);
    assert_int_equal(b.state, RV_TLS_FAILED);
    assert_int_equal(b.plain.len, 0);
    side_fini(&a);
    side_fini(&b);
    rv_tls_openssl.release(c);
    rv_tls_openssl.release(s);
    rv_tls_openssl.stop(NULL);
    rv_tls_openssl.release(NULL);
    site_fini(&site);
}

static void wrong_pairs_make_no_context(void **state)
{
    (void)state;
    struct site site;
    struct rv_tls_context *s = NULL;
    struct rv_key *other RV_AUTO(rv_key) = fixture_key(RV_KEY_ECDSA, 256);
    site_init(&site, RV_KEY_ECDSA, 256);
    assert_int_equal(rv_tls_server_context_create(rv_buf_bytes(&site.chain), other, false, &s, &fixture_err), RV_CONFLICT);
    assert_int_equal(rv_tls_server_context_create(rv_bytes_of(""), other, false, &s, &fixture_err), RV_INVALID);
    site_fini(&site);
}

/* What a browser of today and one of yesterday get, and what is refused, with libssl as the client. */
static void versions_and_client_certificates(void **state)
{
    (void)state;
    struct site site, person;
    struct rv_tls_context *s = NULL;
    site_init(&site, RV_KEY_ECDSA, 256);
    site_init(&person, RV_KEY_ECDSA, 256);
    OK(rv_tls_server_context_create(rv_buf_bytes(&site.chain), site.key, true, &s, &fixture_err));
    for (int version = TLS1_1_VERSION; version <= TLS1_3_VERSION; version++)
        for (int with_certificate = 0; with_certificate < 2; with_certificate++) {
            SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
            SSL_CTX_set_security_level(ctx, 0);
            SSL_CTX_set_min_proto_version(ctx, version);
            SSL_CTX_set_max_proto_version(ctx, version);
            if (with_certificate) {
                struct rv_secret *pem RV_AUTO(rv_secret) = rv_key_plain_pem(person.key);
                BIO *bio = BIO_new_mem_buf(rv_secret_bytes(pem).ptr, (int)rv_secret_bytes(pem).len);
                EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
                BIO_free(bio);
                bio = BIO_new_mem_buf(person.chain.data, (int)person.chain.len);
                X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
                BIO_free(bio);
                assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
                assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pkey), 1);
                X509_free(x);
                EVP_PKEY_free(pkey);
            }
            SSL *ssl = SSL_new(ctx);
            BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
            SSL_set_bio(ssl, in, out);
            SSL_set_connect_state(ssl);
            struct side server = {.tls = rv_tls_openssl.start(s, true, NULL)};
            for (int i = 0; i < 6 && server.state != RV_TLS_FAILED; i++) {
                char *p;
                SSL_do_handshake(ssl);
                long n = BIO_get_mem_data(out, &p);
                feed(&server, RV_BYTES(p, (size_t)n));
                (void)BIO_reset(out);
                if (server.out.len > 0)
                    BIO_write(in, server.out.data, (int)server.out.len);
                rv_buf_clear(&server.out);
            }
            if (version < TLS1_2_VERSION) {
                assert_int_equal(server.state, RV_TLS_FAILED);
            } else {
                struct rv_tls_peer peer;
                assert_int_equal(server.state, RV_TLS_OPEN);
                assert_int_equal(SSL_session_reused(ssl), 0);
                rv_tls_openssl.peer(server.tls, &peer);
                assert_int_equal(peer.chain_count, with_certificate);
                assert_string_equal(peer.protocol, version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
                assert_true(peer.group[0] != 0);
                if (with_certificate) {
                    struct rv_hash h;
                    rv_sha256(peer.chain, &h);
                    assert_true(rv_hash_equal(&h, &person.leaf));
                }
                if (version == TLS1_2_VERSION)
                    assert_int_not_equal(SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1, 1);
            }
            side_fini(&server);
            SSL_free(ssl);
            SSL_CTX_free(ctx);
        }
    rv_tls_openssl.release(s);
    site_fini(&site);
    site_fini(&person);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_carry_data_both_ways),
        cmocka_unit_test(broken_peers_fail_cleanly),
        cmocka_unit_test(wrong_pairs_make_no_context),
        cmocka_unit_test(versions_and_client_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
