/* reeve-handshakes: full TLS handshakes with endpoints, one after the other without a pause, and a count of what came of
 * them. It answers one question: did anyone notice the switch? Used by the quickstart and the benchmarks, and of use to
 * whoever doubts a server.
 *
 *   reeve-handshakes --ca FILE [--server-name NAME] [--parallel N] [--count N] HOST:PORT…
 *
 * Runs until interrupted, or until N handshakes were made. A handshake failed when there was none, or when chain, name or
 * time were not valid. Exit status 0: none failed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "pki/tls.h"
#include "pki/verify.h"
#include "port/files.h"
#include "rt/loop.h"
#include "rt/probe.h"

#define MAX_ENDPOINTS 64
#define MAX_PARALLEL 256
#define MAX_SEEN 32
#define CA_LIMIT ((size_t)1 << 20)
#define EXIT_USAGE 64

struct endpoint {
    char host[254];
    int port;
    const char *text;
};

struct seen { /* one certificate at one endpoint */
    const struct endpoint *endpoint;
    struct rv_hash fingerprint;
    int64_t count;
};

struct run;
struct client { /* one of the parallel ones; it goes round the endpoints */
    struct run *run;
    int next;
    int64_t began;
    struct rv_probe_spec spec;
};

struct run {
    struct rv_loop *loop;
    struct rv_probe *probe;
    struct rv_buf trust;
    const char *server_name;
    struct endpoint endpoints[MAX_ENDPOINTS];
    int endpoint_count, parallel, active;
    int64_t wanted, started, made, failed;
    int64_t slowest; /* ms */
    struct seen seen[MAX_SEEN];
    int seen_count;
    char first_fault[320];
    bool stopping;
    struct client clients[MAX_PARALLEL];
};

static void note_seen(struct run *run, const struct endpoint *endpoint, const struct rv_hash *fingerprint)
{
    for (int i = 0; i < run->seen_count; i++)
        if (run->seen[i].endpoint == endpoint && rv_hash_equal(&run->seen[i].fingerprint, fingerprint)) {
            run->seen[i].count++;
            return;
        }
    if (run->seen_count < MAX_SEEN)
        run->seen[run->seen_count++] = (struct seen){endpoint, *fingerprint, 1};
}

static void next_handshake(struct client *client);

static void handshake_done(void *arg, const struct rv_probe_result *result)
{
    struct client *client = arg;
    struct run *run = client->run;
    const struct endpoint *endpoint = &run->endpoints[client->next];
    int64_t took = rv_mono(run->loop->clock) - client->began;
    run->slowest = took > run->slowest ? took : run->slowest;
    if (result->outcome == RV_PROBE_SERVED)
        note_seen(run, endpoint, &result->fingerprint);
    if (result->outcome == RV_PROBE_SERVED && result->chain_valid && result->name_valid && result->time_valid) {
        run->made++;
    } else {
        if (run->failed++ == 0)
            snprintf(run->first_fault, sizeof run->first_fault, "%s: %s", endpoint->text, result->fault);
    }
    client->next = (client->next + 1) % run->endpoint_count;
    next_handshake(client);
}

static void next_handshake(struct client *client)
{
    struct run *run = client->run;
    if (run->stopping || (run->wanted > 0 && run->started >= run->wanted)) {
        if (--run->active == 0)
            rv_loop_stop(run->loop);
        return;
    }
    run->started++;
    client->began = rv_mono(run->loop->clock);
    client->spec = (struct rv_probe_spec){.host = run->endpoints[client->next].host,
                                          .port = run->endpoints[client->next].port,
                                          .server_name = run->server_name,
                                          .timeout = RV_SEC(10),
                                          .trust = rv_buf_bytes(&run->trust),
                                          .system_trust = run->trust.len == 0};
    run->probe->ops->start(run->probe->ctx, &client->spec, handshake_done, client);
}

static void interrupted(void *arg, int number)
{
    struct run *run = arg;
    (void)number;
    run->stopping = true;
}

static void report(const struct run *run)
{
    printf("%lld handshakes, %lld failed, slowest %lld ms\n", (long long)(run->made + run->failed), (long long)run->failed,
           (long long)run->slowest);
    for (int i = 0; i < run->seen_count; i++) {
        char hex[RV_HASH_TEXT];
        rv_hash_hex(hex, &run->seen[i].fingerprint);
        printf("  %s  %.16s…  %lld times\n", run->seen[i].endpoint->text, hex, (long long)run->seen[i].count);
    }
    if (run->failed > 0)
        printf("first failure: %s\n", run->first_fault);
}

static int usage(const char *what)
{
    fprintf(stderr,
            "reeve-handshakes: %s\nusage: reeve-handshakes --ca FILE [--server-name NAME] [--parallel N] [--count N] "
            "HOST:PORT…\n",
            what);
    return EXIT_USAGE;
}

static int read_options(struct run *run, int argc, char *argv[])
{
    struct rv_error err;
    char text[1024];
    int64_t number;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (argv[i][0] != '-') {
            if (run->endpoint_count == MAX_ENDPOINTS)
                return usage("at most 64 endpoints");
            struct endpoint *e = &run->endpoints[run->endpoint_count++];
            e->text = argv[i];
            if (rv_hostport_parse(argv[i], 443, e->host, &e->port, &err) != RV_OK)
                return usage(rv_error_text(&err, text, sizeof text));
            continue;
        }
        if (value == NULL)
            return usage("an option without its value");
        i++;
        enum rv_status st = RV_OK;
        if (strcmp(argv[i - 1], "--ca") == 0)
            st = rv_files_system.ops->read(rv_files_system.ctx, value, CA_LIMIT, &run->trust, &err);
        else if (strcmp(argv[i - 1], "--server-name") == 0)
            run->server_name = value;
        else if (strcmp(argv[i - 1], "--parallel") == 0 &&
                 (st = rv_int_parse(value, 1, MAX_PARALLEL, &number, &err)) == RV_OK)
            run->parallel = (int)number;
        else if (strcmp(argv[i - 1], "--count") == 0 && (st = rv_int_parse(value, 1, INT64_MAX, &number, &err)) == RV_OK)
            run->wanted = number;
        else if (st == RV_OK)
            return usage("unknown option");
        if (st != RV_OK)
            return usage(rv_error_text(&err, text, sizeof text));
    }
    return run->endpoint_count == 0 ? usage("no endpoint") : 0;
}

int main(int argc, char *argv[])
{
    static struct run run = {.parallel = 2};
    int rc = read_options(&run, argc, argv);
    if (rc != 0)
        return rc;
    signal(SIGPIPE, SIG_IGN);
    run.loop = rv_loop_create();
    struct rv_tls_context *context = rv_tls_probe_context_create();
    run.probe = rv_probe_create(run.loop, &rv_tls_openssl, context, rv_judge_chain);
    rv_loop_on_signal(run.loop, SIGINT, interrupted, &run);
    rv_loop_on_signal(run.loop, SIGTERM, interrupted, &run);
    printf("%d clients, %d endpoints\n", run.parallel, run.endpoint_count);
    fflush(stdout);
    run.active = run.parallel;
    for (int i = 0; i < run.parallel; i++) {
        run.clients[i] = (struct client){.run = &run, .next = i % run.endpoint_count};
        next_handshake(&run.clients[i]);
    }
    rv_loop_run(run.loop);
    report(&run);
    rv_probe_destroy(run.probe);
    rv_tls_openssl.release(context);
    rv_loop_destroy(run.loop);
    rv_buf_fini(&run.trust);
    return run.failed == 0 && run.made > 0 ? 0 : 1;
}
