/* cli: what is typed, what is asked of the service, what is said about the answer, and the exit status. The service is a
 * real HTTP server on a Unix socket that gives canned answers. */
#include "support/cmocka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "rt/http_server.h"
#include "rt/loop.h"

/* ---- the service ---- */

struct canned {
    enum rv_http_method method;
    const char *target; /* path, with the query when there is one */
    int status;
    const char *body;
};

struct service {
    char folder[64], socket[96];
    struct rv_loop *loop;
    struct rv_http_server *server;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    const struct canned *answers;
    int position; /* certificates/shop answers in steps: the count of looks so far */
    char asked[4096], body[4096], key[64];
};

static struct service service;

static const struct canned *find(const struct rv_http_request *r)
{
    char target[600];
    snprintf(target, sizeof target, "%s%s%s", r->path, r->query[0] != '\0' ? "?" : "", r->query);
    for (const struct canned *c = service.answers; c != NULL && c->target != NULL; c++)
        if (c->method == r->method && strcmp(c->target, target) == 0)
            return c;
    return NULL;
}

static void gone(void *arg)
{
    (void)arg;
}

static void handle(void *arg, const struct rv_http_request *r)
{
    (void)arg;
    pthread_mutex_lock(&service.lock);
    size_t used = strlen(service.asked);
    snprintf(service.asked + used, sizeof service.asked - used, "%s %s%s%s\n", rv_http_method_name(r->method), r->path,
             r->query[0] != '\0' ? "?" : "", r->query);
    if (r->body.len > 0)
        snprintf(service.body, sizeof service.body, "%.*s", (int)r->body.len, (const char *)r->body.ptr);
    const char *key = rv_http_header(r, "idempotency-key");
    snprintf(service.key, sizeof service.key, "%s", key != NULL ? key : "");
    const struct canned *c = find(r);
    if (c != NULL && c[1].target != NULL && c[1].method == c->method && strcmp(c[1].target, c->target) == 0) {
        /* several answers for one target: each look gets the next, the last stays */
        for (int i = service.position++; i > 0 && c[1].target != NULL && strcmp(c[1].target, c->target) == 0; i--)
            c++;
    }
    pthread_mutex_unlock(&service.lock);
    if (strcmp(r->path, "/api/v1/events") == 0) {
        rv_http_stream_begin(r->exchange, gone, NULL);
        rv_http_stream_send(r->exchange, rv_bytes_of(": hello\n\n"));
        rv_http_stream_send(r->exchange, rv_bytes_of("id: 1\nevent: audit\ndata: {}\n\n"));
    } else if (c != NULL) {
        rv_http_answer(r->exchange, c->status, c->status >= 400 ? "application/problem+json" : "application/json",
                       rv_bytes_of(c->body), NULL);
    } else {
        rv_http_answer(r->exchange, 404, "application/problem+json",
                       rv_bytes_of("{\"status\":404,\"code\":\"notFound\",\"detail\":\"there is nothing at this path\","
                                   "\"where\":\"here\",\"hint\":\"look elsewhere\"}"),
                       NULL);
    }
}

static void *serve(void *arg)
{
    rv_loop_run(service.loop);
    return arg;
}

static int set_up(void **state)
{
    (void)state;
    struct rv_error err;
    snprintf(service.folder, sizeof service.folder, "/tmp/reeve-cli-XXXXXX");
    assert_non_null(mkdtemp(service.folder));
    snprintf(service.socket, sizeof service.socket, "%s/reeved.sock", service.folder);
    pthread_mutex_init(&service.lock, NULL);
    service.loop = rv_loop_create();
    service.server = rv_http_server_create(service.loop, NULL, NULL);
    struct rv_http_listen listen = {.via = RV_VIA_SOCKET, .path = service.socket, .handler = handle};
    assert_int_equal(rv_http_listen(service.server, &listen, NULL, &err), RV_OK);
    assert_int_equal(pthread_create(&service.thread, NULL, serve, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rv_loop_stop(service.loop);
    pthread_join(service.thread, NULL);
    rv_http_server_destroy(service.server);
    rv_loop_destroy(service.loop);
    unlink(service.socket);
    rmdir(service.folder);
    return 0;
}

/* ---- running a command ---- */

struct said {
    int status;
    char out[16384], err[4096];
};
static struct said said;

static int reeve_with(bool colour, const struct canned *answers, const char *const *words)
{
    char data[96], *argv[32];
    int n = 0;
    snprintf(data, sizeof data, "REEVE_DATA=%s", service.folder);
    char *environment[] = {data, "HOME=/nowhere", NULL};
    for (; words[n] != NULL; n++)
        argv[n] = (char *)words[n];
    argv[n] = NULL;
    pthread_mutex_lock(&service.lock);
    service.answers = answers;
    service.position = 0;
    service.asked[0] = service.body[0] = '\0';
    pthread_mutex_unlock(&service.lock);
    char *out = NULL, *err = NULL;
    size_t out_size = 0, err_size = 0;
    struct rv_cli cli = {.out = open_memstream(&out, &out_size),
                         .err = open_memstream(&err, &err_size),
                         .environment = environment,
                         .program = "reeve",
                         .terminal = colour,
                         .width = 90};
    said.status = rv_cli_main(&cli, n, argv);
    fclose(cli.out);
    fclose(cli.err);
    snprintf(said.out, sizeof said.out, "%s", out);
    snprintf(said.err, sizeof said.err, "%s", err);
    free(out);
    free(err);
    return said.status;
}
#define REEVE(answers, ...) reeve_with(false, answers, (const char *const[]){__VA_ARGS__, NULL})

static void assert_says(const char *where, const char *what)
{
    if (strstr(where, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, where);
}

/* ---- the command line itself ---- */

static void what_is_not_understood_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *words[6], *says;
    } cases[] = {
        {{"aply"}, "did you mean \"apply\"?"},
        {{"token", "crate", "x"}, "did you mean \"token create\"?"},
        {{"token"}, "one more word"},
        {{"get"}, "something is missing: reeve get KIND [NAME]"},
        {{"get", "certs", "a", "b"}, "\"b\" is too much"},
        {{"get", "certificats"}, "did you mean certificates?"},
        {{"--wrong"}, "there is no option --wrong"},
        {{"renew", "shop", "--wiat"}, "did you mean --wait?"},
        {{"renew", "shop", "--wait=yes"}, "takes no value"},
        {{"apply", "-f"}, "--file needs a value: PATH"},
        {{"apply"}, "-f PATH"},
        {{"get", "targets", "-o", "xml"}, "expected table, json or name"},
        {{"token", "create", "ci"}, "--role"},
        {{"issue"}, "--csr FILE"},
        {{"completion", "tcsh"}, "bash, zsh or fish"},
        {{"describe", "target", "x"}, "only certificates"},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        assert_int_equal(reeve_with(false, NULL, cases[i].words), RV_EXIT_USAGE);
        assert_int_equal(strncmp(said.err, "reeve: ", 7), 0);
        assert_says(said.err, cases[i].says);
        assert_says(said.err, "--help");
        assert_string_equal(said.out, "");
    }
    assert_int_equal(REEVE(NULL, NULL), RV_EXIT_USAGE);
}

static void every_command_has_its_help(void **state)
{
    (void)state;
    assert_int_equal(REEVE(NULL, "--help"), RV_EXIT_DONE);
    for (size_t i = 0; i < rv_cli_command_count; i++) {
        assert_says(said.out, rv_cli_commands[i].name);
        assert_null(strchr(rv_cli_commands[i].summary, '\'')); /* completion scripts quote it so */
        for (const struct rv_cli_option *o = rv_cli_commands[i].options; o->name != NULL; o++)
            assert_null(strchr(o->text, '\''));
    }
    assert_int_equal(REEVE(NULL, "token", "create", "--help"), RV_EXIT_DONE);
    assert_says(said.out, "Usage: reeve token create NAME [OPTION…]");
    assert_int_equal(REEVE(NULL, "token", "--help"), RV_EXIT_DONE);
    assert_says(said.out, "token revoke");
    assert_int_equal(REEVE(NULL, "version"), RV_EXIT_DONE);
    assert_string_equal(said.out, "reeve " REEVE_VERSION "\n");
}

static void a_service_that_is_not_there_is_named(void **state)
{
    (void)state;
    assert_int_equal(REEVE(NULL, "get", "certificates", "--data", "/nowhere/at/all"), RV_EXIT_ERROR);
    assert_says(said.err, "reeve: reeved is not running on /nowhere/at/all");
    assert_says(said.err, "hint: start it with `reeve up --data /nowhere/at/all`");
    assert_int_equal(REEVE(NULL, "get", "certificates", "--data", "/x", "--server", "https://y"), RV_EXIT_ERROR);
    assert_says(said.err, "exclude each other");
    assert_int_equal(REEVE(NULL, "why", "none"), RV_EXIT_ERROR);
    assert_string_equal(said.err, "reeve: here: there is nothing at this path\n  hint: look elsewhere\n");
    assert_int_equal(REEVE(NULL, "apply", "-f", "/does/not/exist"), RV_EXIT_ERROR);
    assert_says(said.err, "/does/not/exist");
}

/* ---- reading ---- */

#define TARGET(name, state, code, text, more)                                                                               \
    "{\"target\":\"" name "\",\"state\":\"" state "\",\"batch\":1,\"reason\":{\"code\":\"" code "\",\"text\":\"" text       \
    "\"},\"next\":{\"step\":\"switch\"}," more "\"endpoints\":[]}"
#define SHOP(state, ready, code, text, targets)                                                                             \
    "{\"name\":\"shop\",\"generation\":1,\"mode\":\"Manage\",\"state\":\"" state "\",\"ready\":" ready                      \
    ",\"reason\":{\"code\":\"" code "\",\"text\":\"" text "\"},\"next\":{\"step\":\"switch\",\"text\":\"…\"},"            \
    "\"dnsNames\":[\"shop.example.com\",\"www.example.com\"],\"issuer\":\"internal\",\"profile\":\"tls-server\","           \
    "\"targets\":[" targets "]}"
#define CERT "/api/v1/certificates/shop"

static void lists_are_tables(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {RV_GET, "/api/v1/certificates?limit=1000", 200,
         "{\"items\":[" SHOP("Ready", "true", "Converged", "all is \\u001b[31mwell\\u202e", "") "],\"next\":\"shop\"}"},
        {RV_GET, "/api/v1/certificates?limit=1000&after=shop", 200,
         "{\"items\":[{\"name\":\"api-gateway\",\"state\":\"NeedsPerson\",\"reason\":{\"text\":\"x\"}}]}"},
        {0},
    };
    assert_int_equal(REEVE(answers, "get", "certificates"), RV_EXIT_DONE);
    const char *first = strchr(said.out, '\n') + 1, *second = strchr(first, '\n') + 1;
    assert_int_equal(strncmp(said.out, "NAME          STATE", 19), 0);
    assert_int_equal(strncmp(first, "shop          Ready", 19), 0);
    assert_int_equal(strncmp(second, "api-gateway   NeedsPerson", 25), 0);
    assert_says(said.out, "shop.example.com +1");
    assert_says(said.out, "all is \\x1b[31mwell"); /* no escape sequence, no bidi override survives */
    assert_null(strchr(said.out, '\033'));
    assert_null(strstr(said.out, "\xe2\x80\xae"));
    assert_int_equal(REEVE(answers, "get", "cert", "-o", "json") == RV_EXIT_USAGE, 1);
    assert_int_equal(REEVE(answers, "get", "Certificate", "-o", "name"), RV_EXIT_DONE);
    assert_string_equal(said.out, "shop\napi-gateway\n");
    assert_int_equal(REEVE(answers, "get", "certificates", "-o", "json"), RV_EXIT_DONE);
    RV_AUTO(json) json_t *all = json_loads(said.out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(all, "items")), 2);
    assert_int_equal(reeve_with(true, answers, (const char *const[]){"get", "certificates", NULL}), RV_EXIT_DONE);
    assert_says(said.out, "\033[32mReady\033[0m");
    assert_int_equal(reeve_with(true, answers, (const char *const[]){"get", "certificates", "--no-color", NULL}),
                     RV_EXIT_DONE);
    assert_null(strchr(said.out, '\033'));
}

static void names_are_encoded(void **state)
{
    (void)state;
    assert_int_equal(REEVE(NULL, "why", "../tokens?x"), RV_EXIT_ERROR);
    assert_null(strstr(service.asked, "tokens?"));
}

#define WHY_TARGET(state, verdict, code, more)                                                                              \
    "{\"target\":\"edge-1\",\"state\":\"" state "\",\"verdict\":\"" verdict                                                 \
    "\",\"step\":\"switch\",\"reason\":{\"code\":\"" code                                                                   \
    "\",\"text\":\"t\"},\"text\":\"the switch was put back\",\"budget\":{\"issued\":1,\"issuedLimit\":5,"                   \
    "\"failures\":2,\"failedStep\":\"switch\",\"failedStatus\":\"denied\",\"switchFailures\":2,\"switchFailuresLimit\":3,"  \
    "\"drifts\":0,\"driftsLimit\":3}," more "\"effects\":[{\"id\":1,\"step\":\"switch\",\"state\":\"failed\","              \
    "\"attempt\":2,\"reason\":\"NotCurrent\",\"begunAt\":\"2020-01-01T00:00:00Z\"}]}"

static void why_tells_the_story(void **state)
{
    (void)state;
    static const struct canned person[] = {
        {RV_GET, CERT "/why", 200,
         "{\"name\":\"shop\",\"state\":\"NeedsPerson\",\"text\":\"edge-1: the switch was put "
         "back\",\"targets\":[" WHY_TARGET(
             "NeedsPerson", "halt", "SwitchFailed",
             "\"fault\":{\"message\":\"nginx goes on serving the old pair\",\"at\":\"2020-01-01T00:00:00Z\"},") "]}"},
        {0},
    };
    assert_int_equal(REEVE(person, "why", "shop"), RV_EXIT_FAILED);
    assert_int_equal(strncmp(said.out, "shop needs a person.\n\n  edge-1: the switch was put back\n", 53), 0);
    assert_says(said.out, "stopped until a person acts");
    assert_says(said.out, "nginx goes on serving the old pair");
    assert_says(said.out, "2 failures in a row (switch: denied). Put back 2 of at most 3 times.");
    assert_says(said.out, "failed    2         NotCurrent");
    assert_int_equal(REEVE(person, "why", "shop", "-o", "json"), RV_EXIT_FAILED);
    RV_AUTO(json) json_t *why = json_loads(said.out, 0, NULL);
    assert_string_equal(rv_json_get_text(why, "state", ""), "NeedsPerson");
}

static void states_are_exit_statuses(void **state)
{
    (void)state;
    assert_int_equal(rv_cli_exit_of("Ready", "Converged"), 0);
    assert_int_equal(rv_cli_exit_of("Renewing", "Requested"), 2);
    assert_int_equal(rv_cli_exit_of("Progressing", "NotStaged"), 2);
    assert_int_equal(rv_cli_exit_of("Waiting", "Soak"), 3);
    assert_int_equal(rv_cli_exit_of("Waiting", "Approval"), 5);
    assert_int_equal(rv_cli_exit_of("Degraded", "Drift"), 4);
    assert_int_equal(rv_cli_exit_of("NeedsPerson", "Rival"), 5);
    assert_int_equal(rv_cli_exit_of("NeedsPerson", "SwitchFailed"), 4);
    assert_int_equal(rv_cli_exit_of("Waiting", "FailureBudget"), 4);
}

/* ---- applying ---- */

static const char manifest[] = "apiVersion: reeve/v1\nkind: Certificate\nmetadata: {name: shop}\nspec:\n  dnsNames:\n"
                               "  - a_b.example.com\n";

static void write_manifest(char path[static 128])
{
    snprintf(path, 128, "%s/shop.yaml", service.folder);
    FILE *f = fopen(path, "we");
    fputs(manifest, f);
    fclose(f);
}

static void faults_are_shown_where_they_were_written(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {RV_POST, "/api/v1/apply", 400,
         "{\"status\":400,\"detail\":\"d\",\"faults\":[{\"kind\":\"Certificate\",\"name\":\"shop\",\"document\":0,"
         "\"path\":\"spec.dnsNames[0]\",\"message\":\"\\\"a_b.example.com\\\" has an underscore\"}]}"},
        {0},
    };
    char path[128];
    write_manifest(path);
    assert_int_equal(REEVE(answers, "apply", "-f", path), RV_EXIT_ERROR);
    assert_says(said.err, "shop.yaml:6: spec.dnsNames[0]: \"a_b.example.com\" has an underscore\n");
    assert_int_equal(strncmp(said.err, "reeve: ", 7), 0);
    assert_says(said.err, "nothing of this set was applied");
    assert_string_equal(said.out, "");
    unlink(path);
}

static void applying_says_what_changed(void **state)
{
    (void)state;
#define CHANGED(change)                                                                                                     \
    "{\"changes\":[{\"kind\":\"Certificate\",\"name\":\"shop\",\"change\":\"" change                                        \
    "\",\"before\":{\"spec\":{\"mode\":\"Observe\",\"x\":1}},\"after\":{\"spec\":{\"mode\":\"Manage\",\"x\":1}}}],"         \
    "\"actions\":[{\"certificate\":\"shop\",\"target\":\"edge-1\",\"verdict\":\"do\",\"step\":\"observe\",\"reason\":"      \
    "{\"code\":\"NeverObserved\",\"text\":\"never looked at\"},\"text\":\"t\"}]}"
    static const struct canned answers[] = {
        {RV_POST, "/api/v1/apply", 200, CHANGED("update")},
        {RV_POST, "/api/v1/apply?dryRun=true", 200, CHANGED("update")},
        {0},
    };
    static const struct canned same[] = {{RV_POST, "/api/v1/apply?dryRun=true", 200, CHANGED("none")}, {0}};
    char path[128];
    write_manifest(path);
    assert_int_equal(REEVE(answers, "apply", "-f", path), RV_EXIT_DONE);
    assert_says(said.out, "~ Certificate  shop  changed");
    assert_says(service.body, "\"dnsNames\":[\"a_b.example.com\"]");
    assert_int_equal(strlen(service.key), 32);
    assert_int_equal(REEVE(answers, "apply", "-f", path, "--dry-run"), RV_EXIT_PENDING);
    assert_null(strstr(service.asked, "POST /api/v1/apply\n"));
    assert_int_equal(REEVE(answers, "plan", "-f", path), RV_EXIT_PENDING);
    assert_says(said.out, "never looked at");
    assert_int_equal(REEVE(answers, "diff", "-f", path), RV_EXIT_PENDING);
    assert_says(said.out, "  - spec.mode: Observe\n  + spec.mode: Manage\n");
    assert_null(strstr(said.out, "spec.x"));
    assert_int_equal(REEVE(same, "plan", "-f", path), RV_EXIT_DONE); /* looking is no change */
    assert_int_equal(REEVE(same, "diff", "-f", path), RV_EXIT_DONE);
    assert_string_equal(said.out, "No difference.\n");
    assert_int_equal(REEVE(answers, "apply", "-f", path, "-q"), RV_EXIT_DONE);
    assert_string_equal(said.out, "");
    unlink(path);
}

/* ---- following ---- */

#define STARTED                                                                                                             \
    {                                                                                                                       \
        RV_POST, CERT "/renew", 202, "{\"name\":\"shop\",\"targets\":[\"edge-1\"]}"                                         \
    }

static void waiting_ends_when_it_is_served(void **state)
{
    (void)state;
#define EVENT(number, action, subject)                                                                                      \
    "{\"number\":" #number ",\"at\":\"2026-01-01T00:00:0" #number "Z\",\"actor\":\"engine\",\"action\":\"" action           \
    "\",\"subject\":\"" subject "\"}"
#define OLD_FAULT "\"fault\":{\"message\":\"long ago\",\"at\":\"2025-01-01T00:00:00Z\"},"
    static const struct canned answers[] = {
        {RV_GET, CERT, 200,
         SHOP("Renewing", "true", "Requested", "r",
              TARGET("edge-1", "Renewing", "Requested", "making a key", "\"doing\":\"key\"," OLD_FAULT))},
        {RV_GET, CERT, 200,
         SHOP("Renewing", "true", "Batch", "r", TARGET("edge-1", "Renewing", "Batch", "others first", ""))},
        {RV_GET, CERT, 200, SHOP("Ready", "true", "Converged", "r", TARGET("edge-1", "Ready", "Converged", "served", ""))},
        {RV_GET, "/api/v1/audit?order=newest&limit=1", 200, "{\"items\":[" EVENT(3, "object.created", "shop") "]}"},
        {RV_GET, "/api/v1/audit?after=3&limit=1000", 200,
         "{\"items\":[" EVENT(4, "key.made", "shop/edge-1") "," EVENT(5, "key.made", "shopping/edge-1") "," EVENT(
             6, "target.kept", "shop/edge-1") "]}"},
        {RV_GET, "/api/v1/audit?after=6&limit=1000", 200, "{\"items\":[]}"},
        STARTED,
        {0},
    };
    assert_int_equal(REEVE(answers, "renew", "shop", "--wait"), RV_EXIT_DONE);
    assert_says(said.out, "shop: renewal requested on edge-1\n");
    const char *one = strstr(said.out, "shop/edge-1              key made\n"),
               *two = strstr(said.out, "Waiting      others"), *three = strstr(said.out, "Ready        served");
    assert_true(one != NULL && two > one && three > two); /* one line per event, in their order */
    assert_null(strstr(strstr(one, "key made") + 1, "key made"));
    assert_non_null(strstr(one, "proved by handshakes"));
    assert_null(strstr(said.out, "making a key")); /* what merely goes on is no event */
    assert_null(strstr(said.out, "shopping"));
    assert_null(strstr(said.out, "long ago")); /* failed before anybody asked */
    assert_says(said.out, "Done: every endpoint serves its certificate.");
    assert_null(strchr(said.out, '\033'));
}

static void waiting_ends_when_it_failed(void **state)
{
    (void)state;
    static const struct canned failed[] = {
        {RV_GET, CERT, 200,
         SHOP("NeedsPerson", "true", "SwitchFailed", "r",
              TARGET("edge-1", "NeedsPerson", "SwitchFailed", "put back too often",
                     "\"fault\":{\"message\":\"still the old pair\"},"))},
        STARTED,
        {0},
    };
    assert_int_equal(REEVE(failed, "renew", "shop", "--wait"), RV_EXIT_FAILED);
    assert_says(said.out, "put back too often\n");
    assert_says(said.out, "failed: still the old pair\n");
    assert_null(strstr(strstr(said.out, "failed: still") + 1, "failed: still"));
    static const struct canned approval[] = {
        {RV_GET, CERT, 200, SHOP("Waiting", "false", "Approval", "r", TARGET("edge-1", "Waiting", "Approval", "a", ""))},
        STARTED,
        {0}};
    assert_int_equal(REEVE(approval, "renew", "shop", "--wait"), RV_EXIT_PERSON);
    static const struct canned slow[] = {
        {RV_GET, CERT, 200, SHOP("Waiting", "false", "Soak", "r", TARGET("edge-1", "Waiting", "Soak", "soaking", ""))},
        STARTED,
        {0}};
    assert_int_equal(REEVE(slow, "renew", "shop", "--wait", "--timeout", "1s"), RV_EXIT_WAITING);
    assert_int_equal(REEVE(slow, "renew", "shop", "--wait", "--timeout", "soon"), RV_EXIT_ERROR);
    assert_null(strstr(service.asked, "renew")); /* nothing is begun that could not be waited for */
    assert_says(said.err, "--timeout");
}

/* ---- the rest ---- */

static void tokens_are_printed_alone(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {RV_POST, "/api/v1/tokens", 201,
         "{\"id\":\"ab\",\"name\":\"ci\",\"role\":\"issuer\",\"token\":\"rv_ab_cd\",\"expiresAt\":\"2027-01-01T00:00:"
         "00Z\"}"},
        {RV_POST, "/api/v1/links", 201,
         "{\"code\":\"c\",\"url\":\"https://h/signin#c\",\"expiresAt\":\"2027-01-01T00:00:00Z\"}"},
        {RV_DELETE, "/api/v1/tokens/ab", 204, ""},
        {0},
    };
    assert_int_equal(REEVE(answers, "token", "create", "ci", "--role", "issuer"), RV_EXIT_DONE);
    assert_string_equal(said.out, "rv_ab_cd\n");
    assert_says(said.err, "not shown again");
    assert_string_equal(service.body, "{\"name\":\"ci\",\"role\":\"issuer\"}");
    assert_int_equal(REEVE(answers, "token", "link"), RV_EXIT_DONE);
    assert_string_equal(said.out, "https://h/signin#c\n");
    assert_int_equal(REEVE(answers, "token", "revoke", "ab"), RV_EXIT_DONE);
    assert_int_equal(REEVE(answers, "token", "revoke", "ab", "--dry-run"), RV_EXIT_PENDING);
    assert_string_equal(service.asked, "");
}

static void a_broken_audit_is_an_alarm(void **state)
{
    (void)state;
    static const struct canned good[] = {{RV_GET, "/api/v1/audit/verify", 200, "{\"count\":7,\"head\":\"00\",\"ok\":true}"},
                                         {0}};
    static const struct canned bad[] = {{RV_GET, "/api/v1/audit/verify", 200, "{\"count\":4,\"ok\":false,\"firstBad\":5}"},
                                        {0}};
    assert_int_equal(REEVE(good, "audit", "verify"), RV_EXIT_DONE);
    assert_says(said.out, "7 rows");
    assert_int_equal(REEVE(bad, "audit", "verify"), RV_EXIT_FAILED);
    assert_says(said.err, "row 5 is not what was written");
}

static void issuing_prints_pem(void **state)
{
    (void)state;
    static const struct canned answers[] = {
        {RV_POST, "/api/v1/issuers/internal/certificates", 201,
         "{\"serial\":\"01\",\"certificate\":\"LEAF\\n\",\"chain\":\"CA\\n\"}"},
        {0},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/r.csr", service.folder);
    FILE *f = fopen(path, "we");
    fputs("hello", f);
    fclose(f);
    assert_int_equal(REEVE(answers, "issue", "--csr", path), RV_EXIT_ERROR);
    assert_says(said.err, "not PEM");
    f = fopen(path, "we");
    fputs("-----BEGIN CERTIFICATE REQUEST-----\nAQ==\n-----END CERTIFICATE REQUEST-----\n", f);
    fclose(f);
    assert_int_equal(REEVE(answers, "issue", "--csr", path), RV_EXIT_DONE);
    assert_string_equal(said.out, "LEAF\nCA\n");
    assert_says(service.body, "\"profile\":\"tls-server\"");
    unlink(path);
}

static void the_doctor_says_what_is_wrong(void **state)
{
    (void)state;
#define COUNTS "\"counts\":{\"certificates\":2,\"ready\":1,\"degraded\":0,\"needsPerson\":1}"
    static const struct canned answers[] = {
        {RV_GET, "/api/v1/status", 200, "{\"version\":\"0.0.1\",\"now\":\"2020-01-01T00:00:00Z\"," COUNTS "}"},
        {RV_GET, "/readyz", 503, "{\"status\":503,\"detail\":\"the signer does not answer\",\"hint\":\"look at its log\"}"},
        {RV_GET, "/api/v1/audit/verify", 200, "{\"count\":7,\"ok\":true}"},
        {RV_GET, "/api/v1/certificates?limit=1000", 200,
         "{\"items\":[" SHOP("NeedsPerson", "false", "Rival", "somebody keeps replacing it", "") "]}"},
        {0},
    };
    assert_int_equal(REEVE(answers, "doctor"), RV_EXIT_ERROR);
    assert_says(said.out, "the signer does not answer");
    assert_says(said.out, "look at its log");
    assert_says(said.out, "service 0.0.1, this program");
    assert_says(said.out, "differs from this machine");
    assert_says(said.out, "somebody keeps replacing it");
    assert_says(said.out, "reeve why shop");
    assert_int_equal(REEVE(answers, "doctor", "-o", "json"), RV_EXIT_ERROR);
    RV_AUTO(json) json_t *all = json_loads(said.out, 0, NULL);
    assert_true(json_array_size(json_object_get(all, "checks")) >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_understood_is_said),
        cmocka_unit_test(every_command_has_its_help),
        cmocka_unit_test(a_service_that_is_not_there_is_named),
        cmocka_unit_test(lists_are_tables),
        cmocka_unit_test(names_are_encoded),
        cmocka_unit_test(why_tells_the_story),
        cmocka_unit_test(states_are_exit_statuses),
        cmocka_unit_test(faults_are_shown_where_they_were_written),
        cmocka_unit_test(applying_says_what_changed),
        cmocka_unit_test(waiting_ends_when_it_is_served),
        cmocka_unit_test(waiting_ends_when_it_failed),
        cmocka_unit_test(tokens_are_printed_alone),
        cmocka_unit_test(a_broken_audit_is_an_alarm),
        cmocka_unit_test(issuing_prints_pem),
        cmocka_unit_test(the_doctor_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
