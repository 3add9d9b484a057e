/* Judging a chain. libcrypto builds and verifies the path; times and names are compared here, because its own comparison
 * takes the last second for expired (H-1) and falls back to the common name (H-14). */
#include "pki/verify.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "pki/anchors_priv.h"
#include "pki/certificate.h"
#include "pki/crypto_priv.h"
#include "pki/pem.h"

#define CHAIN_MAX 16 /* */

struct judging {
    const struct rv_probe_spec *spec;
    struct rv_probe_result *result;
    struct rv_arena *arena;
    rv_time now;
    struct rv_cert_info leaf;
};

/* The first fault is the one that people are shown; the flags tell of all. */
static void say(struct judging *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct judging *j, const char *format, ...)
{
    char *fault = j->result->fault;
    size_t size = sizeof j->result->fault, used = strlen(fault);
    if (used > 0 && used + 3 < size)
        used += (size_t)snprintf(fault + used, size - used, "; ");
    if (used + 1 >= size)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(fault + used, size - used, format, args);
    va_end(args);
}

static bool time_good(struct judging *j, const struct rv_cert_info *c, const char *who)
{
    char text[RV_TIME_TEXT];
    if (c->not_before == 0 && c->not_after == 0) {
        say(j, "the validity of %s cannot be read", who);
        return false;
    }
    if (j->now < c->not_before) {
        say(j, "%s is not valid yet: it begins in %s", who, rv_dur_text(text, c->not_before - j->now));
        return false;
    }
    if (j->now - j->now % 1000 > c->not_after) { /* inclusive: the whole last second counts */
        say(j, "%s expired %s ago", who, rv_dur_text(text, j->now - c->not_after));
        return false;
    }
    return true;
}

static bool has_name(const struct rv_cert_info *c, const char *name)
{
    char host[RV_NAME_MAX + 1];
    if (rv_name_normalise(RV_NAME_IP, name, host, NULL) == RV_OK)
        return rv_cert_names_have(&c->names, RV_NAME_IP, host);
    if (rv_name_normalise(RV_NAME_DNS, name, host, NULL) != RV_OK)
        return false;
    for (size_t i = 0; i < c->names.count; i++)
        if (c->names.items[i].type == RV_NAME_DNS && rv_dns_matches(c->names.items[i].text, host))
            return true;
    return false;
}

static void judge_name(struct judging *j)
{
    const char *name = j->spec->server_name != NULL && j->spec->server_name[0] != 0 ? j->spec->server_name : j->spec->host;
    char has[120];
    j->result->name_valid = name == NULL || name[0] == 0 || has_name(&j->leaf, name);
    if (j->result->name_valid)
        return;
    if (j->leaf.names.count == 0)
        say(j, "name %s is not in it: it has no subjectAltName", name);
    else
        say(j, "name %s is not in it: it has %s", name, rv_cert_names_text(&j->leaf.names, has, sizeof has));
}

/* The common name, or else everything. */
static const char *short_name(const X509_NAME *name, char out[static 128])
{
    if (X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, out, 128) <= 0)
        X509_NAME_oneline(name, out, 128);
    return out;
}

/* What the verifier found, for people. */
static void say_chain_fault(struct judging *j, X509_STORE_CTX *ctx, int sent)
{
    int error = X509_STORE_CTX_get_error(ctx);
    X509 *at = X509_STORE_CTX_get_current_cert(ctx);
    char issuer[128] = "?", subject[128] = "?";
    if (at != NULL) {
        short_name(X509_get_issuer_name(at), issuer);
        short_name(X509_get_subject_name(at), subject);
    }
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        say(j, "it is self-signed and not trusted");
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        say(j, "issuer %s is not trusted", subject);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        say(j, "issuer %s is not trusted, or an intermediate is missing (the server sends %d certificate%s)", issuer, sent,
            sent == 1 ? "" : "s");
        break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        say(j, "the signature on %s is wrong", subject);
        break;
    default:
        say(j, "%s (%s)", X509_verify_cert_error_string(error), subject);
    }
}

static bool read_others(struct judging *j, struct rv_bytes rest, STACK_OF(X509) * others)
{
    struct rv_bytes der;
    for (int i = 1; rest.len > 0; i++) {
        if (i >= CHAIN_MAX || !rv_chain_next(&rest, &der)) {
            say(j, i >= CHAIN_MAX ? "the chain has more than 16 certificates" : "the chain is malformed");
            return false;
        }
        const uint8_t *p = der.ptr;
        X509 *x = d2i_X509(NULL, &p, (long)der.len);
        if (x == NULL || sk_X509_push(others, x) <= 0) {
            X509_free(x);
            say(j, "certificate %d of the chain cannot be read", i + 1);
            return false;
        }
    }
    return true;
}

/* Every certificate of the path that was built, but the anchor: its expiry is policy. */
static bool path_in_time(struct judging *j, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    bool good = true;
    for (int i = 1; i < sk_X509_num(path) - 1; i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(path, i), &der);
        struct rv_cert_info info;
        char who[160];
        if (len <= 0 || rv_cert_read(RV_BYTES(der, (size_t)len), j->arena, &info, NULL) != RV_OK) {
            good = false;
        } else {
            snprintf(who, sizeof who, "the intermediate %.100s", info.common_name != NULL ? info.common_name : info.subject);
            good = time_good(j, &info, who) && good;
        }
        OPENSSL_free(der);
    }
    return good;
}

static bool build_path(struct judging *j, X509 *leaf, STACK_OF(X509) * others, X509_STORE *store)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, leaf, others) != 1)
        rv_crypto_stop("path building");
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME); /* H-1 */
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, 2); /* no SHA-1, nothing below 112 bits */
    bool good = X509_verify_cert(ctx) == 1;
    if (!good)
        say_chain_fault(j, ctx, 1 + sk_X509_num(others));
    else
        good = path_in_time(j, ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static bool judge_path(struct judging *j, struct rv_bytes leaf_der, struct rv_bytes rest)
{
    const uint8_t *p = leaf_der.ptr;
    const char *fault = NULL;
    X509_STORE *store = rv_anchors(j->spec->trust, j->spec->system_trust, &fault);
    if (store == NULL) {
        say(j, "%s", fault);
        return false;
    }
    X509 *leaf = d2i_X509(NULL, &p, (long)leaf_der.len);
    STACK_OF(X509) *others = sk_X509_new_null();
    bool good = leaf != NULL && read_others(j, rest, others) && build_path(j, leaf, others, store);
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    X509_STORE_free(store);
    ERR_clear_error();
    return good;
}

void rv_judge_chain(struct rv_bytes chain, int count, const struct rv_probe_spec *spec, rv_time now,
                    struct rv_probe_result *result)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct judging j = {.spec = spec, .result = result, .arena = arena, .now = now};
    struct rv_bytes rest = chain, leaf;
    struct rv_error err;
    result->fault[0] = 0;
    result->chain_valid = result->name_valid = result->time_valid = false;
    if (!rv_chain_next(&rest, &leaf) || rv_cert_read(leaf, arena, &j.leaf, &err) != RV_OK) {
        say(&j, count == 0 ? "the server sent no certificate" : "the server's certificate cannot be read");
        return;
    }
    result->fingerprint = j.leaf.fingerprint;
    result->not_before = j.leaf.not_before;
    result->not_after = j.leaf.not_after;
    snprintf(result->subject, sizeof result->subject, "%s", j.leaf.subject);
    snprintf(result->issuer, sizeof result->issuer, "%s", j.leaf.issuer);
    snprintf(result->serial, sizeof result->serial, "%s", j.leaf.serial);
    result->time_valid = time_good(&j, &j.leaf, "it");
    judge_name(&j);
    if (j.leaf.malformed != NULL)
        say(&j, "it is malformed: %s", j.leaf.malformed);
    result->chain_valid = judge_path(&j, leaf, rest);
}

struct first {
    struct rv_buf der;
};

static enum rv_status take_first(void *arg, const char *label, struct rv_bytes der, struct rv_error *err)
{
    struct first *first = arg;
    (void)label;
    (void)err;
    if (first->der.len == 0)
        rv_buf_add(&first->der, der.ptr, der.len);
    return RV_OK;
}

enum rv_status rv_pair_check(struct rv_bytes certificate_pem, const struct rv_key *key, struct rv_error *err)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    struct first first = {0};
    struct rv_cert_info info;
    enum rv_status status = rv_pem_each(certificate_pem, RV_PEM_CERTIFICATE, take_first, &first, err);
    if (status == RV_OK && first.der.len == 0)
        status = rv_fail(err, RV_INVALID, "there is no certificate in it");
    if (status == RV_OK)
        status = rv_cert_read(rv_buf_bytes(&first.der), arena, &info, err);
    if (status == RV_OK && !rv_hash_equal(&info.spki_hash, rv_key_spki_hash(key)))
        status = rv_fail(err, RV_CONFLICT, "the certificate %.100s belongs to another private key", info.subject);
    rv_buf_fini(&first.der);
    return status;
}
