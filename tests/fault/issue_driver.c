/* The issuing half of reeved, alone: store file, signer client, built-in CA, real loop and lanes. It asks for
 * COUNT certificates and prints what became of each, one line "number status serial fingerprint". Then, with --settle, it
 * waits until no intent is left. The fault tests kill it.
 *
 *   issue_driver DIR SOCKET PREFIX FIRST COUNT TIMES [--settle]
 * reads DIR/csr-<number>, asks under the key PREFIX-<number>, TIMES times each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "ca/authority.h"
#include "pki/digest.h"
#include "port/files.h"
#include "port/store_certificate.h"
#include "rt/loop.h"
#include "rt/work.h"
#include "signer/client.h"

#define PATIENCE RV_SEC(60)

struct wish {
    struct driver *driver;
    int number;
    char key[64];
    struct rv_buf csr;
    struct rv_issue_request request;
};
struct driver {
    struct rv_loop *loop;
    struct rv_store *store;
    struct rv_authority *authority;
    struct wish *wishes;
    int count, answered;
    bool settle;
    int64_t deadline;
    int left; /* intents, at the last look */
};

static _Noreturn void give_up(const char *what, const struct rv_error *err)
{
    char text[1024];
    fprintf(stderr, "issue_driver: %s: %s\n", what, rv_error_text(err, text, sizeof text));
    exit(3);
}

static void stopped(void *arg)
{
    struct driver *d = arg;
    rv_loop_stop(d->loop);
}

static bool count_intent(void *arg, const struct rv_cert_row *row)
{
    (void)row;
    ++*(int *)arg;
    return true;
}

static enum rv_status count_tx(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct driver *d = arg;
    d->left = 0;
    return rv_cert_each_intent(tx, count_intent, &d->left, err);
}

static void look(void *arg);

static void looked(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct driver *d = arg;
    if (status != RV_OK)
        give_up("reading the intents", err);
    if (d->left > 0 && rv_mono(&rv_clock_system) < d->deadline)
        rv_loop_timer(d->loop, 20, look, d);
    else
        rv_authority_stop(d->authority, stopped, d);
}

static void look(void *arg)
{
    struct driver *d = arg;
    rv_store_read(d->store, count_tx, looked, d);
}

static void answered(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err);

static void ask_from(struct driver *d, int first, int end)
{
    struct rv_issuer issuer = rv_authority_issuer(d->authority);
    for (int i = first; i < end; i++)
        issuer.ops->issue(issuer.ctx, &d->wishes[i].request, answered, &d->wishes[i]);
}

static void answered(void *arg, enum rv_status status, const struct rv_issue_result *result, const struct rv_error *err)
{
    struct wish *wish = arg;
    struct driver *d = wish->driver;
    char fingerprint[RV_HASH_TEXT];
    if (status == RV_OK)
        printf("%d ok %s %s\n", wish->number, result->serial, rv_hash_hex(fingerprint, &result->fingerprint));
    else
        printf("%d %s - - %s: %s\n", wish->number, rv_status_info(status)->name, err->where, err->message);
    fflush(stdout);
    if (++d->answered == 1)
        ask_from(d, 1, d->count);
    if (d->answered < d->count)
        return;
    if (d->settle)
        look(d);
    else
        rv_authority_stop(d->authority, stopped, d);
}

/* The first alone, then all the others together: a second visit of a failpoint is in the middle of many. */
static void ask(void *arg)
{
    struct driver *d = arg;
    if (d->count == 0)
        look(d);
    else
        ask_from(d, 0, 1);
}

static void make_wishes(struct driver *d, const char *dir, const char *prefix, int first, int times)
{
    d->wishes = rv_calloc((size_t)d->count + 1, sizeof *d->wishes);
    for (int i = 0; i < d->count; i++) {
        struct wish *w = &d->wishes[i];
        struct rv_error err;
        char path[512];
        w->driver = d;
        w->number = first + i / times;
        snprintf(path, sizeof path, "%s/csr-%d", dir, w->number);
        snprintf(w->key, sizeof w->key, "%s-%d", prefix, w->number);
        if (rv_files_system.ops->read(NULL, path, 65536, &w->csr, &err) != RV_OK)
            give_up("reading a request", &err);
        w->request = (struct rv_issue_request){.idempotency_key = w->key,
                                               .issuer = "internal",
                                               .profile = "tls-server",
                                               .csr = rv_buf_bytes(&w->csr),
                                               .actor = "user:driver"};
    }
}

static int number_of(const char *text)
{
    int64_t n = 0;
    struct rv_error err;
    if (rv_int_parse(text, 0, 1000000, &n, &err) != RV_OK)
        give_up(text, &err);
    return (int)n;
}

int main(int argc, char **argv)
{
    if (argc < 7)
        return 64;
    const char *dir = argv[1];
    int times = number_of(argv[6]);
    struct driver d = {.count = number_of(argv[5]) * times, .settle = argc > 7};
    struct rv_error err;
    char path[512];
    rv_log_setup(RV_LOG_ERROR, 1);
    d.loop = rv_loop_create();
    d.deadline = rv_mono(&rv_clock_system) + PATIENCE;
    struct rv_work *work = rv_work_create(d.loop, NULL);
    snprintf(path, sizeof path, "%s/reeve.db", dir);
    struct rv_store_options store = {
        .path = path, .loop = d.loop, .work = work, .digest = rv_sha256, .clock = &rv_clock_system};
    if (rv_store_open(&store, &d.store, &err) != RV_OK)
        give_up("opening the store", &err);
    struct rv_signer_client *client;
    struct rv_signer_client_options signer = {.socket_path = argv[2], .clock = &rv_clock_system, .timeout = RV_SEC(20)};
    if (rv_signer_client_create(&signer, &client, &err) != RV_OK || rv_signer_client_wait(client, PATIENCE, &err) != RV_OK)
        give_up("reaching the signer", &err);
    struct rv_authority_options authority = {
        .store = d.store, .work = work, .loop = d.loop, .signer = rv_signer_client_port(client)};
    if (rv_authority_create(&authority, &d.authority, &err) != RV_OK)
        give_up("starting the CA", &err);
    make_wishes(&d, dir, argv[3], number_of(argv[4]), times);
    rv_loop_timer(d.loop, 0, ask, &d);
    rv_loop_run(d.loop);
    rv_authority_destroy(d.authority);
    rv_work_destroy(work);
    rv_store_close(d.store);
    rv_signer_client_destroy(client);
    rv_loop_destroy(d.loop);
    for (int i = 0; i < d.count; i++)
        rv_buf_fini(&d.wishes[i].csr);
    rv_free(d.wishes);
    return d.left == 0 ? 0 : 4;
}
