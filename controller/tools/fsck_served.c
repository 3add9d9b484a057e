/* The promises about bindings: what is recorded exists, the journal of effects agrees with the facts, and what is called
 * Ready is served this moment, by a handshake of our own. */
#include <stdio.h>

#include "base/text.h"
#include "core/plan.h"
#include "pki/tls.h"
#include "pki/verify.h"
#include "port/files.h"
#include "port/store_binding.h"
#include "port/store_certificate.h"
#include "port/store_effect.h"
#include "rt/loop.h"
#include "rt/probe.h"
#include "tools/fsck.h"

#define CA_LIMIT ((size_t)1 << 20)

struct walk {
    struct rv_fsck *fsck;
    struct rv_tx *tx;
    rv_time now;
    /* served: the endpoints of bindings that are Ready */
    struct wish *wishes;
};

struct wish {
    struct wish *next;
    int64_t binding;
    char name[160], address[264], host[254], server_name[254];
    int port;
    struct rv_hash wanted;
};

static const char *name_of(const struct rv_binding_row *row, char out[static 160])
{
    snprintf(out, 160, "%s%s%s", row->certificate, row->target[0] ? " on " : "", row->target);
    return out;
}

static bool look_at_binding(void *arg, const struct rv_binding_row *row)
{
    struct walk *w = arg;
    char name[160];
    struct rv_cert_row certificate = {0};
    struct rv_effect_row effect;
    w->fsck->seen++;
    name_of(row, name);
    if (row->facts.issued.have) {
        if (rv_cert_by_fingerprint(w->tx, &row->facts.issued.fingerprint, &certificate, NULL) != RV_OK)
            rv_fsck_bad(w->fsck, "%s: its certificate is not in the inventory", name);
        else if (certificate.state != RV_CERT_ISSUED)
            rv_fsck_bad(w->fsck, "%s: its certificate %s was never finished", name, certificate.serial);
        rv_cert_row_fini(&certificate);
    }
    bool open = rv_effect_open(w->tx, row->facts.id, &effect, NULL) == RV_OK;
    if (open != (row->facts.unfinished != RV_STEP_NONE))
        rv_fsck_bad(w->fsck, "%s: %s", name,
                    open ? "an unfinished effect that the facts do not know"
                         : "the facts name an unfinished effect that the journal lacks");
    else if (open && effect.step != row->facts.unfinished)
        rv_fsck_bad(w->fsck, "%s: the journal is at %s, the facts are at %s", name, rv_step_name(effect.step),
                    rv_step_name(row->facts.unfinished));
    return true;
}

static enum rv_status bindings(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct walk w = {.fsck = arg, .tx = tx};
    return rv_binding_each(tx, 0, 0, look_at_binding, &w, err);
}

enum rv_status rv_fsck_bindings(struct rv_fsck *fsck, struct rv_error *err)
{
    return rv_store_read_now(fsck->store, bindings, fsck, err);
}

/* --- served -------------------------------------------------------------------------------------------------------- */

static bool gather_endpoint(void *arg, const struct rv_endpoint_row *row)
{
    struct walk *w = arg;
    struct wish *wish = rv_memdup(w->wishes, sizeof *wish); /* the first is the pattern of this binding */
    snprintf(wish->address, sizeof wish->address, "%s", row->address);
    snprintf(wish->server_name, sizeof wish->server_name, "%s", row->server_name);
    wish->next = w->wishes->next;
    w->wishes->next = wish;
    return true;
}

static bool gather_binding(void *arg, const struct rv_binding_row *row)
{
    struct walk *w = arg;
    if (!row->facts.wanted.deploys || !rv_binding_ready(&rv_policy_default, &row->facts, w->now))
        return true;
    struct wish *pattern = w->wishes;
    pattern->binding = row->facts.id;
    pattern->wanted = row->facts.issued.fingerprint;
    name_of(row, pattern->name);
    return rv_endpoint_each(w->tx, row->facts.id, gather_endpoint, w, NULL) == RV_OK;
}

static enum rv_status gather(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct walk *w = arg;
    w->tx = tx;
    w->now = rv_now(&rv_clock_system);
    return rv_binding_each(tx, 0, 0, gather_binding, w, err);
}

/* The binding again, after the handshake: a renewal may have come between. */
static enum rv_status read_again(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct wish *wish = arg;
    struct rv_binding_row row;
    enum rv_status st = rv_binding_get(tx, wish->binding, &row, err);
    if (st == RV_OK)
        wish->wanted = rv_binding_ready(&rv_policy_default, &row.facts, rv_now(&rv_clock_system))
                           ? row.facts.issued.fingerprint
                           : (struct rv_hash){0};
    return st;
}

struct look {
    struct rv_loop *loop;
    struct rv_probe_result result;
};

static void looked(void *arg, const struct rv_probe_result *result)
{
    struct look *look = arg;
    look->result = *result;
    rv_loop_stop(look->loop);
}

static void judge(struct rv_fsck *fsck, struct wish *wish, const struct rv_probe_result *r)
{
    bool fine = r->outcome == RV_PROBE_SERVED && r->chain_valid && r->name_valid && r->time_valid;
    if (fine && rv_hash_equal(&r->fingerprint, &wish->wanted))
        return;
    if (rv_store_read_now(fsck->store, read_again, wish, NULL) != RV_OK || rv_hash_is_zero(&wish->wanted))
        return; /* it is not called Ready any more */
    if (fine && rv_hash_equal(&r->fingerprint, &wish->wanted))
        return;
    rv_fsck_bad(fsck, "%s is called Ready, but %s %s", wish->name, wish->address,
                r->fault[0] != '\0' ? r->fault : "serves another certificate");
}

static void probe_all(struct rv_fsck *fsck, struct wish *wishes, struct rv_bytes trust)
{
    struct look look = {.loop = rv_loop_create()};
    struct rv_tls_context *context = rv_tls_probe_context_create();
    struct rv_probe *probe = rv_probe_create(look.loop, &rv_tls_openssl, context, rv_judge_chain);
    for (struct wish *wish = wishes; wish != NULL; wish = wish->next) {
        struct rv_probe_spec spec = {.host = wish->host,
                                     .server_name = wish->server_name[0] != '\0' ? wish->server_name : NULL,
                                     .timeout = RV_SEC(10),
                                     .trust = trust,
                                     .system_trust = true};
        if (rv_hostport_parse(wish->address, 443, wish->host, &spec.port, NULL) != RV_OK)
            continue;
        fsck->seen++;
        probe->ops->start(probe->ctx, &spec, looked, &look);
        rv_loop_run(look.loop);
        judge(fsck, wish, &look.result);
    }
    rv_probe_destroy(probe);
    rv_tls_openssl.release(context);
    rv_loop_destroy(look.loop);
}

enum rv_status rv_fsck_served(struct rv_fsck *fsck, struct rv_error *err)
{
    struct wish first = {0};
    struct walk w = {.fsck = fsck, .wishes = &first};
    RV_AUTO(rv_buf) struct rv_buf path = {0};
    RV_AUTO(rv_buf) struct rv_buf trust = {0};
    rv_buf_printf(&path, "%s/ca.pem", fsck->data);
    enum rv_status st = rv_files_system.ops->read(rv_files_system.ctx, rv_buf_text(&path), CA_LIMIT, &trust, err);
    if (st == RV_OK)
        st = rv_store_read_now(fsck->store, gather, &w, err);
    if (st == RV_OK)
        probe_all(fsck, first.next, rv_buf_bytes(&trust));
    for (struct wish *wish = first.next; wish != NULL;) {
        struct wish *next = wish->next;
        rv_free(wish);
        wish = next;
    }
    return st;
}
