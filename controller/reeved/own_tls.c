#include "reeved/own_tls.h"

#include <stdio.h>

#include "base/log.h"
#include "ca/self.h"
#include "core/names.h"
#include "pki/certificate.h"
#include "pki/pem.h"
#include "pki/tls.h"
#include "pki/verify.h"

#define PEM_LIMIT ((size_t)64 * 1024)
#define RETRY RV_MIN(5)

static const struct rv_log_context area = {.area = "reeved"};

struct rv_own_tls {
    struct rv_own_tls_options options;
    char *folder, *certificate_path, *key_path;
    char server_name[RV_NAME_MAX + 1];
    struct rv_tls_context *context;
    struct rv_timer *timer;
};

static void renew(void *arg);

/* Renewed when a third of the lifetime is left. */
static rv_time renew_at(rv_time not_before, rv_time not_after)
{
    return not_after - (not_after - not_before) / 3;
}

static void schedule(struct rv_own_tls *own, rv_dur delay)
{
    rv_loop_timer_stop(own->options.loop, own->timer);
    own->timer = rv_loop_timer(own->options.loop, delay, renew, own);
}

static enum rv_status use(struct rv_own_tls *own, struct rv_bytes fullchain, struct rv_bytes key_pem, struct rv_error *err)
{
    RV_AUTO(rv_key) struct rv_key *key = NULL;
    struct rv_tls_context *context = NULL;
    enum rv_status st = rv_key_from_pem(key_pem, NULL, &key, err);
    if (st == RV_OK)
        st = rv_tls_server_context_create(fullchain, key, false, &context, err);
    if (st != RV_OK)
        return st;
    if (own->context != NULL)
        rv_tls_openssl.release(own->context);
    own->context = context;
    return RV_OK;
}

/* The stored pair serves when our own root vouches for it, for our name, and it is not near its end. */
static bool stored_pair_serves(struct rv_own_tls *own, struct rv_bytes fullchain, rv_time now, rv_time *ret_renew_at)
{
    RV_AUTO(rv_buf) struct rv_buf chain = {0};
    int count = 0;
    if (rv_pem_all(fullchain, RV_PEM_CERTIFICATE, &chain, &count, NULL) != RV_OK)
        return false;
    struct rv_probe_spec spec = {.host = own->server_name,
                                 .server_name = own->server_name,
                                 .trust = rv_bytes_of(rv_authority_root_pem(own->options.authority))};
    struct rv_probe_result result = {0};
    rv_judge_chain(rv_buf_bytes(&chain), count, &spec, now, &result);
    *ret_renew_at = renew_at(result.not_before, result.not_after);
    return result.chain_valid && result.name_valid && result.time_valid && now < *ret_renew_at;
}

static bool use_stored(struct rv_own_tls *own, rv_time now, rv_time *ret_renew_at)
{
    const struct rv_files *files = own->options.files;
    RV_AUTO(rv_buf) struct rv_buf chain = {0};
    struct rv_buf key = {0};
    bool fine = files->ops->read(files->ctx, own->certificate_path, PEM_LIMIT, &chain, NULL) == RV_OK &&
                files->ops->read(files->ctx, own->key_path, PEM_LIMIT, &key, NULL) == RV_OK &&
                stored_pair_serves(own, rv_buf_bytes(&chain), now, ret_renew_at) &&
                use(own, rv_buf_bytes(&chain), rv_buf_bytes(&key), NULL) == RV_OK;
    rv_buf_wipe_fini(&key);
    return fine;
}

static enum rv_status keep(struct rv_own_tls *own, const struct rv_self_result *made, struct rv_error *err)
{
    const struct rv_files *files = own->options.files;
    enum rv_status st = files->ops->make_dir(files->ctx, own->folder, 0700, err);
    if (st == RV_OK) /* a crash between the two leaves a pair that does not fit: use_stored refuses it and it is made anew */
        st = files->ops->replace(files->ctx, own->key_path, rv_secret_bytes(made->key_pem), 0600, err);
    if (st == RV_OK)
        st = files->ops->replace(files->ctx, own->certificate_path, rv_bytes_of(made->fullchain_pem), 0644, err);
    return st;
}

static void issued(void *arg, enum rv_status status, const struct rv_self_result *made, const struct rv_error *why)
{
    struct rv_own_tls *own = arg;
    struct rv_error err = {0};
    enum rv_status st = status;
    if (st != RV_OK)
        err = *why;
    else if ((st = use(own, rv_bytes_of(made->fullchain_pem), rv_secret_bytes(made->key_pem), &err)) == RV_OK)
        st = keep(own, made, &err);
    if (status == RV_OK)
        rv_secret_destroy(made->key_pem);
    if (st == RV_OK) {
        schedule(own, renew_at(made->not_before, made->not_after) - rv_now(own->options.loop->clock));
        own->options.ready(own->options.arg, RV_OK, own->context, NULL);
    } else if (own->context == NULL) {
        own->options.ready(own->options.arg, st, NULL, &err);
    } else { /* the old one goes on serving */
        rv_log_error(RV_LOG_WARN, &area, &err, "renewing the service's own certificate failed; trying again later");
        schedule(own, RETRY);
    }
}

static void renew(void *arg)
{
    struct rv_own_tls *own = arg;
    own->timer = NULL;
    const char *dns[2] = {"localhost"}, *ips[3] = {"127.0.0.1", "::1"};
    uint8_t octets[16];
    size_t len, dns_count = 1, ip_count = 2;
    if (rv_ip_parse(own->server_name, octets, &len)) {
        if (strcmp(own->server_name, ips[0]) != 0 && strcmp(own->server_name, ips[1]) != 0)
            ips[ip_count++] = own->server_name;
    } else if (strcmp(own->server_name, dns[0]) != 0) {
        dns[dns_count++] = own->server_name;
    }
    struct rv_self_request request = {
        .dns_names = dns, .dns_count = dns_count, .ip_addresses = ips, .ip_count = ip_count, .actor = "system"};
    rv_self_issue(own->options.authority, own->options.work, &request, issued, own);
}

static void first(void *arg)
{
    struct rv_own_tls *own = arg;
    own->timer = NULL;
    rv_time now = rv_now(own->options.loop->clock), due = 0;
    if (!use_stored(own, now, &due)) {
        renew(own);
        return;
    }
    schedule(own, due - now);
    own->options.ready(own->options.arg, RV_OK, own->context, NULL);
}

struct rv_own_tls *rv_own_tls_create(const struct rv_own_tls_options *options)
{
    struct rv_own_tls *own = rv_zalloc(sizeof *own);
    own->options = *options;
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/tls", options->folder);
    own->folder = rv_buf_take(&path);
    rv_buf_printf(&path, "%s/server.pem", own->folder);
    own->certificate_path = rv_buf_take(&path);
    rv_buf_printf(&path, "%s/server.key", own->folder);
    own->key_path = rv_buf_take(&path);
    snprintf(own->server_name, sizeof own->server_name, "%s", options->server_name);
    own->timer = rv_loop_timer(options->loop, 0, first, own);
    return own;
}

void rv_own_tls_destroy(struct rv_own_tls *own)
{
    if (own == NULL)
        return;
    rv_loop_timer_stop(own->options.loop, own->timer);
    if (own->context != NULL)
        rv_tls_openssl.release(own->context);
    rv_free(own->folder);
    rv_free(own->certificate_path);
    rv_free(own->key_path);
    rv_free(own);
}
