/* reeved, the service. This is the one file that knows every adapter: it reads the settings, builds the parts from the
 * bottom up, hands them to each other, and takes them down in the other order. Read main() from top to bottom. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "ca/authority.h"
#include "conf/settings.h"
#include "deploy/deploy.h"
#include "engine/engine.h"
#include "local/local.h"
#include "pki/digest.h"
#include "pki/random.h"
#include "pki/tls.h"
#include "pki/verify.h"
#include "port/files.h"
#include "port/process.h"
#include "port/store_access.h"
#include "port/store_audit.h"
#include "reeved/own_tls.h"
#include "reeved/public.h"
#include "rt/child.h"
#include "rt/http_server.h"
#include "rt/loop.h"
#include "rt/probe.h"
#include "rt/work.h"
#include "signer/client.h"
#include "ssh/ssh.h"

extern char **environ;
extern const struct rv_static_file rv_web_files[];
extern const size_t rv_web_files_count;

#define DRAIN_LONGEST RV_SEC(10)
#define SIGNER_PATIENCE RV_SEC(20)
#define LINK_FIRST RV_HOUR(24)
#define LINK_LATER RV_MIN(15)

static const struct rv_log_context area = {.area = "reeved"};

struct daemon {
    struct rv_settings settings;
    struct rv_loop *loop;
    struct rv_work *work;
    struct rv_store *store;
    struct rv_child *signer_process;
    struct rv_signer_client *signer;
    struct rv_authority *authority;
    struct rv_issuer issuers[1];
    struct rv_tls_context *probe_tls;
    struct rv_probe *probe;
    struct rv_transport_kind ssh, local;
    struct rv_connector connectors[2];
    struct rv_engine *engine;
    struct rv_api *api;
    struct rv_http_server *http;
    struct rv_http_listener *tls_listener;
    struct rv_own_tls *own_tls;
    struct rv_public *public_plane;
    char instance[33];
    bool first_use, serving, stopping;
    int pending; /* parts that are still draining */
};

static char *path_in(const struct daemon *d, const char *name)
{
    struct rv_buf path = {0};
    rv_buf_printf(&path, "%s/%s", d->settings.data, name);
    return rv_buf_take(&path);
}

/* --- stopping ------------------------------------------------------------------------------------------------------ */

static void part_stopped(void *arg)
{
    struct daemon *d = arg;
    if (--d->pending == 0)
        rv_loop_stop(d->loop);
}

static void stop_signer(void *arg)
{
    struct daemon *d = arg;
    if (d->signer_process != NULL)
        rv_child_stop(d->signer_process, part_stopped, d);
    else
        part_stopped(d);
}

/* The engine and the CA finish what is in flight, then the signer may go. */
static void stop_authority(void *arg)
{
    struct daemon *d = arg;
    rv_authority_stop(d->authority, stop_signer, d);
}

static void begin_stop(void *arg, int number)
{
    struct daemon *d = arg;
    if (d->stopping) {
        rv_log(RV_LOG_WARN, &area, "stopping at once, as asked twice");
        _exit(130);
    }
    d->stopping = true;
    rv_log(RV_LOG_INFO, &area, "stopping (signal %d)", number);
    d->pending = 2;
    rv_api_stop(d->api);
    rv_http_server_drain(d->http, DRAIN_LONGEST, part_stopped, d);
    rv_engine_stop(d->engine, stop_authority, d);
}

/* --- building ------------------------------------------------------------------------------------------------------ */

/* Nobody reads our memory or writes our files: no core, no debugger of the same user, private files. */
static void harden(void)
{
    umask(0077);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* M-11; also hands /proc/PID to root */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
}

static enum rv_status make_data(struct daemon *d, struct rv_error *err)
{
    const char *data = d->settings.data;
    enum rv_status st = rv_files_system.ops->make_dir(rv_files_system.ctx, data, 0700, err);
    if (st != RV_OK)
        return rv_error_hint(err, st, "the data folder comes from --data, REEVE_DATA or the default; its parent must exist");
    struct stat info;
    if (stat(data, &info) != 0)
        return rv_fail_errno(err, errno, "data folder %s", data);
    if (info.st_uid != geteuid() || (info.st_mode & 077) != 0)
        return rv_error_hint(err, rv_fail(err, RV_DENIED, "the data folder %s is open to others", data),
                             "it must belong to this user with mode 0700: chmod 700 %s", data);
    return RV_OK;
}

static void signer_ended(void *arg, int exit_code, int number, rv_dur again_in)
{
    struct daemon *d = arg;
    if (d->stopping)
        return;
    char when[RV_TIME_TEXT];
    rv_log(RV_LOG_ERROR, &area,
           "reeve-signer ended (exit %d, signal %d); starting it again in %s. Nothing is issued until then", exit_code,
           number, rv_dur_text(when, again_in));
}

static enum rv_status meet_signer(struct daemon *d, const char *socket, struct rv_error *err)
{
    struct rv_signer_client_options client = {.socket_path = socket, .clock = &rv_clock_system};
    enum rv_status st = rv_signer_client_create(&client, &d->signer, err);
    return st != RV_OK ? st : rv_signer_client_wait(d->signer, SIGNER_PATIENCE, err);
}

static enum rv_status start_signer(struct daemon *d, struct rv_error *err)
{
    if (d->settings.signer_socket[0] != '\0') /* a unit of its own: whoever runs it starts it again */
        return meet_signer(d, d->settings.signer_socket, err);
    char self[PATH_MAX];
    RV_AUTO(char) char *socket = path_in(d, "signer.sock");
    RV_AUTO(rv_buf) struct rv_buf program = {0};
    if (d->settings.signer[0] != '\0') {
        rv_buf_add_text(&program, d->settings.signer);
    } else {
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n < 0)
            return rv_fail_errno(err, errno, "cannot find my own program file");
        self[n] = '\0';
        rv_buf_printf(&program, "%s/reeve-signer", dirname(self));
    }
    const char *argv[] = {rv_buf_text(&program), "--data", d->settings.data, "--socket", socket, NULL};
    struct rv_child_options child = {.argv = argv, .ended = signer_ended, .arg = d};
    enum rv_status st = rv_child_create(d->loop, &child, &d->signer_process, err);
    if (st != RV_OK)
        return rv_error_prefix(err, st, "cannot start %s", rv_buf_text(&program));
    return meet_signer(d, socket, err);
}

static enum rv_status open_store(struct daemon *d, struct rv_error *err)
{
    RV_AUTO(char) char *path = path_in(d, "reeve.db");
    struct rv_store_options options = {
        .path = path, .loop = d->loop, .work = d->work, .digest = rv_sha256, .clock = &rv_clock_system};
    return rv_store_open(&options, &d->store, err);
}

/* The instance id is made once; that it was not there is what "first use" means. */
static enum rv_status read_instance(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct daemon *d = arg;
    RV_AUTO(char) char *known = NULL;
    enum rv_status st = rv_meta_get(tx, "instance", &known, err);
    if (st == RV_OK) {
        snprintf(d->instance, sizeof d->instance, "%s", known);
    } else if (st == RV_NOT_FOUND) {
        uint8_t random[16];
        rv_random(random, sizeof random);
        rv_hex(d->instance, random, sizeof random);
        d->first_use = true;
        st = rv_meta_set(tx, "instance", d->instance, err);
    }
    if (st != RV_OK)
        return st;
    struct rv_audit_event started = {.actor = "system", .action = "service.started", .subject = d->instance};
    return rv_audit_append(tx, &started, rv_now(&rv_clock_system), err);
}

static enum rv_status build_authority(struct daemon *d, struct rv_error *err)
{
    struct rv_authority_options options = {
        .store = d->store, .work = d->work, .loop = d->loop, .signer = rv_signer_client_port(d->signer)};
    enum rv_status st = rv_authority_create(&options, &d->authority, err);
    if (st != RV_OK)
        return rv_error_prefix(err, st, "the built-in CA cannot start");
    d->issuers[0] = rv_authority_issuer(d->authority);
    RV_AUTO(char) char *path = path_in(d, "ca.pem");
    return rv_files_system.ops->replace(rv_files_system.ctx, path, rv_bytes_of(rv_authority_root_pem(d->authority)), 0644,
                                        err);
}

static void build_hands(struct daemon *d)
{
    d->probe_tls = rv_tls_probe_context_create();
    d->probe = rv_probe_create(d->loop, &rv_tls_openssl, d->probe_tls, rv_judge_chain);
    rv_local_create(&rv_process_system, &d->local);
    rv_ssh_create(&(struct rv_ssh_options){.clock = &rv_clock_system}, &d->ssh);
    struct rv_transport_kind *kinds[] = {&d->ssh, &d->local};
    for (size_t i = 0; i < RV_COUNT(kinds); i++)
        rv_deploy_create(&(struct rv_deploy_options){.work = d->work, .transport = *kinds[i], .clock = &rv_clock_system},
                         &d->connectors[i]);
}

static void build_engine(struct daemon *d)
{
    struct rv_policy policy = rv_policy_default;
    policy.observe_every = d->settings.observe_every;
    policy.probe_every = d->settings.probe_every;
    policy.settle = d->settings.settle;
    policy.max_issues = d->settings.max_issues;
    d->engine = rv_engine_create(&(struct rv_engine_options){
        .store = d->store,
        .loop = d->loop,
        .probe = d->probe,
        .connectors = d->connectors,
        .connector_count = RV_COUNT(d->connectors),
        .issuers = d->issuers,
        .issuer_count = RV_COUNT(d->issuers),
        .digest = rv_sha256,
        .policy = policy,
        .trust = rv_bytes_of(rv_authority_root_pem(d->authority)),
        .per_issuer = d->settings.per_issuer,
        .in_flight = d->settings.in_flight,
    });
}

static enum rv_status ready(void *arg, struct rv_error *err)
{
    struct daemon *d = arg;
    if (!d->serving || d->stopping)
        return rv_fail(err, RV_UNAVAILABLE, d->stopping ? "the service is stopping" : "the service is starting");
    if (d->signer_process != NULL && rv_child_pid(d->signer_process) < 0)
        return rv_error_hint(err, rv_fail(err, RV_UNAVAILABLE, "reeve-signer is not running"),
                             "it is started again by itself; the log says why it ended");
    return rv_authority_clock_check(d->authority, err);
}

static int64_t store_queue(void *store)
{
    return rv_store_queued(store);
}

static void accept_clock(void *arg, const char *actor, rv_store_done done, void *done_arg)
{
    struct daemon *d = arg;
    rv_authority_clock_accept(d->authority, actor, done, done_arg);
}

static void build_api(struct daemon *d)
{
    d->api = rv_api_create(&(struct rv_api_options){
        .store = d->store,
        .engine = d->engine,
        .issuers = d->issuers,
        .issuer_count = RV_COUNT(d->issuers),
        .loop = d->loop,
        .digest = rv_sha256,
        .random = rv_random,
        .version = REEVE_VERSION,
        .instance = d->instance,
        .files = rv_web_files,
        .file_count = rv_web_files_count,
        .ready = ready,
        .ready_arg = d,
        .accept_clock = accept_clock,
        .accept_clock_arg = d,
        .store_queue = store_queue,
        .store_queue_arg = d->store,
    });
}

/* --- serving ------------------------------------------------------------------------------------------------------- */

static void print_link(struct daemon *d, const char *url);

/* Splits a setting that settings.c has checked already. */
static void listen_address(const char *setting, char host[static 254], int *port)
{
    struct rv_error err;
    const char *colon = strrchr(setting, ':');
    if (colon != NULL && strcmp(colon, ":0") == 0) { /* a free port */
        RV_AUTO(char) char *with_port = rv_strndup(setting, (size_t)(colon - setting));
        if (rv_hostport_parse(with_port, 1, host, port, &err) == RV_OK) {
            *port = 0;
            return;
        }
    }
    if (rv_hostport_parse(setting, 0, host, port, &err) != RV_OK)
        abort();
}

static enum rv_status write_endpoints(struct daemon *d, const char *api_url, const char *public_url, struct rv_error *err)
{
    RV_AUTO(char) char *path = path_in(d, "endpoints.json");
    char absolute[PATH_MAX];
    RV_AUTO(char) char *ca = path_in(d, "ca.pem");
    json_t *o = json_object();
    rv_json_set_text(o, "api", api_url);
    rv_json_set_text(o, "public", public_url);
    rv_json_set_text(o, "caCertificate", realpath(ca, absolute) != NULL ? absolute : ca);
    RV_AUTO(char) char *text = rv_json_pretty(o);
    json_decref(o);
    return rv_files_system.ops->replace(rv_files_system.ctx, path, rv_bytes_of(text), 0600, err);
}

/* Runs on the loop once our own certificate is there: from here on the service is in the world. */
static void serve(void *arg, enum rv_status status, struct rv_tls_context *tls, const struct rv_error *why)
{
    struct daemon *d = arg;
    struct rv_error err = {0};
    RV_AUTO(char) char *socket = path_in(d, "reeved.sock");
    enum rv_status st = status;
    if (st != RV_OK) {
        err = *why;
        goto out;
    }
    if (d->serving) { /* renewed */
        rv_http_listener_set_tls(d->tls_listener, tls);
        return;
    }
    char host[254], url[320], public_url[320];
    int port;
    listen_address(d->settings.listen, host, &port);
    st = rv_http_listen(d->http,
                        &(struct rv_http_listen){.via = RV_VIA_TLS,
                                                 .host = host,
                                                 .port = port,
                                                 .tls = tls,
                                                 .handler = rv_api_handle,
                                                 .arg = d->api,
                                                 .headers = rv_http_browser_headers},
                        &d->tls_listener, &err);
    if (st == RV_OK)
        st = rv_http_listen(
            d->http, &(struct rv_http_listen){.via = RV_VIA_SOCKET, .path = socket, .handler = rv_api_handle, .arg = d->api},
            NULL, &err);
    listen_address(d->settings.public_, host, &port);
    if (st == RV_OK)
        st = rv_public_start(host, port, "internal", rv_bytes_of(rv_authority_chain_pem(d->authority)), &d->public_plane,
                             &err);
    if (st != RV_OK)
        goto out;
    snprintf(url, sizeof url, "https://%s:%d", d->settings.server_name, rv_http_listener_port(d->tls_listener));
    snprintf(public_url, sizeof public_url, "http://%s", rv_public_address(d->public_plane));
    rv_api_set_base_url(d->api, url);
    st = write_endpoints(d, url, public_url, &err);
    if (st != RV_OK)
        goto out;
    d->serving = true;
    rv_engine_start(d->engine);
    rv_log(RV_LOG_INFO, &area, "serving at %s (public %s)", url, public_url);
    printf("Reeve " REEVE_VERSION " is up\n  dashboard and API  %s\n  public plane       %s\n  data               %s\n", url,
           public_url, d->settings.data);
    print_link(d, url);
    fflush(stdout);
    return;
out:
    rv_error_prefix(&err, st, "cannot start serving");
    rv_log_error(RV_LOG_ERROR, &area, &err, "start");
    char text[1024];
    fprintf(stderr, "reeved: %s\n", rv_error_text(&err, text, sizeof text));
    _exit(1); /* nothing has been served and nothing is in flight; the signer goes with us */
}

struct link_wish {
    const char *url; /* the api's base, owned here */
    rv_dur valid;
    char code[RV_SECRET_TEXT];
    rv_time expires;
};

static enum rv_status make_link(struct rv_tx *tx, void *arg, struct rv_error *err)
{
    struct link_wish *wish = arg;
    return rv_api_make_link(tx, rv_sha256, rv_random, "administrator", "admin", "system", wish->valid,
                            rv_now(&rv_clock_system), wish->code, &wish->expires, err);
}

static void link_made(void *arg, enum rv_status status, const struct rv_error *err)
{
    struct link_wish *wish = arg;
    char when[RV_TIME_TEXT];
    if (status == RV_OK)
        printf("  sign in, once      %s/signin#%s\n                     (until %s)\n", wish->url, wish->code,
               rv_time_text(when, wish->expires));
    else
        rv_log_error(RV_LOG_WARN, &area, err, "no sign-in link");
    fflush(stdout);
    rv_wipe(wish->code, sizeof wish->code);
    rv_free((char *)wish->url);
    rv_free(wish);
}

/* systemd.exec(5), JOURNAL_STREAM: what is printed is kept, for others to read. */
static bool prints_to_journal(void)
{
    struct stat out;
    char name[64];
    const char *journal = getenv("JOURNAL_STREAM");
    if (journal == NULL || fstat(STDOUT_FILENO, &out) != 0)
        return false;
    snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)out.st_dev, (unsigned long long)out.st_ino);
    return strcmp(journal, name) == 0;
}

/* A way in for the first administrator, and for whoever starts it by hand at a terminal. Nowhere is a default password. */
static void print_link(struct daemon *d, const char *url)
{
    if (prints_to_journal()) {
        if (d->first_use)
            printf("  sign in            `reeve token link` makes a one-time link\n");
        return;
    }
    if (!d->first_use && !isatty(STDOUT_FILENO))
        return;
    struct link_wish *wish = rv_zalloc(sizeof *wish);
    wish->url = rv_strdup(url);
    wish->valid = d->first_use ? LINK_FIRST : LINK_LATER;
    rv_store_write(d->store, make_link, link_made, wish);
}

/* --- main ---------------------------------------------------------------------------------------------------------- */

static enum rv_status build(struct daemon *d, struct rv_error *err)
{
    enum rv_status st;
    if ((st = make_data(d, err)) != RV_OK)
        return st;
    d->loop = rv_loop_create();
    struct rv_work_options lanes = {
        .threads = {[RV_LANE_CRYPTO] = d->settings.crypto_threads, [RV_LANE_REMOTE] = d->settings.remote_threads}};
    d->work = rv_work_create(d->loop, &lanes);
    /* The store's lock comes first: a second reeved on this folder must not touch the signer. */
    if ((st = open_store(d, err)) != RV_OK || (st = rv_store_write_now(d->store, read_instance, d, err)) != RV_OK ||
        (st = start_signer(d, err)) != RV_OK || (st = build_authority(d, err)) != RV_OK)
        return st;
    build_hands(d);
    build_engine(d);
    build_api(d);
    struct rv_http_limits limits = {
        .header = d->settings.http_header_timeout,
        .request = d->settings.http_request_timeout,
        .idle = d->settings.http_idle_timeout,
        .body = (size_t)d->settings.http_body_max,
        .connections = (size_t)d->settings.http_connections,
        .per_address = (size_t)d->settings.http_connections_per_address,
    };
    d->http = rv_http_server_create(d->loop, &rv_tls_openssl, &limits);
    rv_loop_on_signal(d->loop, SIGTERM, begin_stop, d);
    rv_loop_on_signal(d->loop, SIGINT, begin_stop, d);
    d->own_tls = rv_own_tls_create(&(struct rv_own_tls_options){.loop = d->loop,
                                                                .work = d->work,
                                                                .authority = d->authority,
                                                                .files = &rv_files_system,
                                                                .folder = d->settings.data,
                                                                .server_name = d->settings.server_name,
                                                                .ready = serve,
                                                                .arg = d});
    return RV_OK;
}

static void tear_down(struct daemon *d)
{
    rv_public_stop(d->public_plane);
    rv_own_tls_destroy(d->own_tls);
    rv_http_server_destroy(d->http);
    rv_api_destroy(d->api);
    rv_engine_destroy(d->engine);
    rv_probe_destroy(d->probe);
    rv_authority_destroy(d->authority);
    rv_work_destroy(d->work);
    for (size_t i = 0; i < RV_COUNT(d->connectors); i++)
        rv_deploy_destroy(&d->connectors[i]);
    rv_ssh_destroy(&d->ssh);
    if (d->probe_tls != NULL)
        rv_tls_openssl.release(d->probe_tls);
    rv_signer_client_destroy(d->signer);
    rv_child_destroy(d->signer_process);
    rv_store_close(d->store);
    rv_loop_destroy(d->loop);
    rv_settings_fini(&d->settings);
}

int main(int argc, char *argv[])
{
    static struct daemon daemon;
    struct daemon *d = &daemon;
    struct rv_error err = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            RV_AUTO(rv_buf) struct rv_buf help = {0};
            rv_settings_help(&help);
            printf("reeved: the Reeve service. Usually started by `reeve up` or a service manager.\n\nSettings:\n%s",
                   rv_buf_text(&help));
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("reeved " REEVE_VERSION);
            return 0;
        }
    }
    char text[1024];
    if (rv_settings_read(&d->settings, argc - 1, argv + 1, environ, NULL, &err) != RV_OK) {
        fprintf(stderr, "reeved: %s\n", rv_error_text(&err, text, sizeof text));
        return 64;
    }
    harden();
    rv_log_setup((enum rv_log_level)d->settings.log_level,
                 d->settings.log_format == RV_LOG_FORMAT_AUTO ? -1 : d->settings.log_format == RV_LOG_FORMAT_JSON);
    int rc = 0;
    if (build(d, &err) == RV_OK) {
        rv_loop_run(d->loop);
    } else {
        fprintf(stderr, "reeved: %s\n", rv_error_text(&err, text, sizeof text));
        rc = 1;
    }
    tear_down(d);
    return rc;
}
