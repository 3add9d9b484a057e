/* The transports alone: words, bytes, limits, exit codes; and for SSH, whom to trust. */
#include "contract/connector_case.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/deploy_priv.h"

static enum rv_status run(struct connector_case *c, const char *const *argv, struct rv_bytes input, rv_dur timeout,
                          struct rv_transport_result *ret)
{
    struct rv_transport *link = NULL;
    *ret = (struct rv_transport_result){.exit_code = -1};
    enum rv_status status = c->kind.ops->open(c->kind.ctx, &c->target, RV_SEC(10), &link, &c->err);
    if (status != RV_OK)
        return status;
    status = c->kind.ops->run(link, argv, input, timeout, ret, &c->err);
    c->kind.ops->close(link);
    return status;
}

static void fini(struct rv_transport_result *r)
{
    rv_buf_fini(&r->out);
    rv_buf_fini(&r->err);
}

static void words_arrive_as_they_are(void **state)
{
    struct connector_case *c = *state;
    static const char *const words[] = {
        "",  " ",  "plain", "two words",     "a\nb",        "'",  "''", "\"", "\\", "$HOME", "$(id)", "`id`", "*", "~", "!x",
        "#", "-n", "é",     "a'b\"c\\d$e`f", ";|&<>(){}[]", "\t", "%s",
    };
    const char *argv[RV_COUNT(words) + 3] = {"printf", "<%s>"};
    RV_AUTO(rv_buf) struct rv_buf expected = {0};
    for (size_t i = 0; i < RV_COUNT(words); i++) {
        argv[i + 2] = words[i];
        rv_buf_printf(&expected, "<%s>", words[i]);
    }
    struct rv_transport_result r;
    must(c, run(c, argv, (struct rv_bytes){0}, RV_SEC(20), &r));
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(rv_buf_text(&r.out), rv_buf_text(&expected));
    fini(&r);
}

static void exit_codes_and_streams_are_kept_apart(void **state)
{
    struct connector_case *c = *state;
    struct rv_transport_result r;
    static const int codes[] = {0, 1, 7, 127, 255};
    for (size_t i = 0; i < RV_COUNT(codes); i++) {
        char script[64];
        snprintf(script, sizeof script, "echo to out; echo to err >&2; exit %d", codes[i]);
        const char *argv[] = {"sh", "-c", script, NULL};
        must(c, run(c, argv, (struct rv_bytes){0}, RV_SEC(20), &r));
        assert_int_equal(r.exit_code, codes[i]);
        assert_string_equal(rv_buf_text(&r.out), "to out\n");
        assert_string_equal(rv_buf_text(&r.err), "to err\n");
        assert_false(r.truncated);
        fini(&r);
    }
}

static void much_goes_in_and_a_limited_amount_comes_out(void **state)
{
    struct connector_case *c = *state;
    struct rv_transport_result r;
    size_t n = (size_t)3 << 20;
    RV_AUTO(rv_buf) struct rv_buf much = {0};
    memset(rv_buf_reserve(&much, n), 'x', n);
    much.len = n;
    const char *count[] = {"wc", "-c", NULL}, *echo[] = {"cat", NULL}, *both[] = {"sh", "-c", "tee /dev/stderr", NULL};
    must(c, run(c, count, rv_buf_bytes(&much), RV_SEC(60), &r));
    assert_int_equal(strtol(rv_buf_text(&r.out), NULL, 10), (long)n);
    fini(&r);
    must(c, run(c, echo, rv_buf_bytes(&much), RV_SEC(60), &r));
    assert_true(r.truncated);
    assert_int_equal(r.out.len, 256 << 10);
    fini(&r);
    must(c, run(c, both, rv_buf_bytes(&much), RV_SEC(60), &r));
    assert_int_equal(r.out.len, 256 << 10);
    assert_int_equal(r.err.len, 256 << 10);
    fini(&r);
    const char *deaf[] = {"true", NULL}; /* does not read what it is sent */
    must(c, run(c, deaf, rv_buf_bytes(&much), RV_SEC(60), &r));
    assert_int_equal(r.exit_code, 0);
    fini(&r);
}

static void what_does_not_end_is_uncertain(void **state)
{
    struct connector_case *c = *state;
    struct rv_transport_result r;
    const char *argv[] = {"sleep", "30", NULL}, *chatter[] = {"timeout", "8", "cat", "/dev/zero", NULL},
               *killed[] = {"sh", "-c", "kill -9 $$", NULL};
    assert_int_equal(run(c, argv, (struct rv_bytes){0}, RV_SEC(1), &r), RV_UNCERTAIN);
    assert_int_equal(run(c, chatter, (struct rv_bytes){0}, RV_SEC(1), &r), RV_UNCERTAIN);
    enum rv_status status = run(c, killed, (struct rv_bytes){0}, RV_SEC(20), &r);
    assert_true(status == RV_UNCERTAIN || (status == RV_OK && r.exit_code != 0));
    fini(&r);
}

/* The second wall (M-40): past the grammar, straight into the program. */
static void the_program_quotes_everything(void **state)
{
    struct connector_case *c = *state;
    static const char *const values[] = {"$(touch %s/canary)",
                                         "`touch %s/canary`",
                                         ";touch %s/canary;",
                                         "';touch %s/canary;'",
                                         "\";touch %s/canary;\"",
                                         " $(touch %s/canary) b",
                                         "*",
                                         "-x",
                                         "--",
                                         "a b",
                                         "${HOME}",
                                         "\\"};
    static const char *const names[] = {
        "directory", "certificate", "certificate_file", "key_file", "kind", "binary",      "config", "prefix",   "sudo",
        "algorithm", "size",        "rotation",         "subject",  "san",  "fingerprint", "spki",   "patience", "armed"};
    static const char *const verbs[] = {"observe", "key", "stage", "switch", "undo"};
    char size[24];
    snprintf(size, sizeof size, "%zu", rv_deploy_script_size);
    const char *argv[] = {"sh", "-c", RV_DEPLOY_BOOTSTRAP, "reeve", size, NULL};
    size_t step = strcmp(c->transport, "local") == 0 ? 1 : 3;
    for (size_t v = 0; v < RV_COUNT(values); v += step) {
        char value[300];
        int n = 0;
        for (const char *at = values[v]; *at != '\0'; at++)
            n += at[0] == '%' ? snprintf(value + n, sizeof value - (size_t)n, "%s", c->lab->root)
                              : snprintf(value + n, sizeof value - (size_t)n, "%c", *at),
                at += at[0] == '%';
        for (size_t f = 0; f < RV_COUNT(names); f++) {
            RV_AUTO(rv_buf) struct rv_buf input = {0};
            bool path = f < 4 || f == 6 || f == 7;
            rv_buf_add(&input, rv_deploy_script, rv_deploy_script_size);
            rv_buf_printf(&input,
                          "verb %s\ncertificate shop\ndirectory %s/odd\ncertificate_file %s/tls/shop.crt\n"
                          "key_file %s/tls/shop.key\nkind nginx\nbinary nginx\nconfig %s/nginx.conf\nalgorithm ECDSA\n"
                          "size 256\nrotation Always\nsan 30028200\nfingerprint %064d\nspki %064d\narmed 1\n",
                          verbs[(v + f) % RV_COUNT(verbs)], c->lab->root, c->lab->root, c->lab->root, c->lab->root, 1, 2);
            if (path && f != 1)
                rv_buf_printf(&input, "%s %s/odd/%s\nend\nend\n", names[f], c->lab->root, value);
            else
                rv_buf_printf(&input, "%s %s\nend\nend\n", names[f], value);
            struct rv_transport_result r;
            must(c, run(c, argv, rv_buf_bytes(&input), RV_SEC(30), &r));
            assert_non_null(strstr(rv_buf_text(&r.out), "reeve-target 1\n"));
            assert_false(path_exists(c, "canary"));
            fini(&r);
        }
    }
}

/* ---- SSH: whom to trust, and what is said when it does not work */

static enum rv_status try(struct connector_case *c)
{
    const char *argv[] = {"true", NULL};
    struct rv_transport_result r;
    enum rv_status status = run(c, argv, (struct rv_bytes){0}, RV_SEC(10), &r);
    fini(&r);
    return status;
}

static void a_host_is_never_trusted_at_first_sight(void **state)
{
    struct connector_case *c = *state;
    c->target.host_keys = (struct rv_texts){0};
    assert_int_equal(try(c), RV_DENIED);
    assert_non_null(strstr(c->err.message, c->lab->host_key));
    assert_non_null(strstr(c->err.hint, "hostKeys"));
    must_fail(c, do_observe(c), RV_DENIED, "connect");
}

static void a_changed_host_key_is_an_alarm(void **state)
{
    struct connector_case *c = *state;
    const char *keys[] = {"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    c->target.host_keys = (struct rv_texts){1, keys};
    assert_int_equal(try(c), RV_DENIED);
    assert_non_null(strstr(c->err.message, "ALARM"));
    assert_non_null(strstr(c->err.message, c->lab->host_key));
    assert_non_null(strstr(c->err.message, keys[0]));
    const char *more[] = {keys[0], c->lab->host_key}; /* several may be pinned, while a host is moved */
    c->target.host_keys = (struct rv_texts){2, more};
    must(c, try(c));
}

/* The host has an Ed25519 key too, which it would rather show. */
static void the_pinned_key_of_several_is_asked_for(void **state)
{
    struct connector_case *c = *state;
    const char *keys[] = {c->lab->second_host_key};
    c->target.host_keys = (struct rv_texts){1, keys};
    must(c, try(c));
}

static void nobody_there_and_nobody_answering_are_told_apart(void **state)
{
    struct connector_case *c = *state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(a.sin_port));
    c->target.address = address;
    assert_int_equal(try(c), RV_UNAVAILABLE);
    must_fail(c, do_observe(c), RV_UNAVAILABLE, "connect");
    assert_int_equal(listen(fd, 4), 0); /* takes the connection and never says a word */
    struct rv_transport *link = NULL;
    assert_int_equal(c->kind.ops->open(c->kind.ctx, &c->target, RV_SEC(1), &link, &c->err), RV_TIMEOUT);
    close(fd);
}

static void logins_are_tried_as_declared_only(void **state)
{
    struct connector_case *c = *state;
    char stranger[280], open_key[280];
    snprintf(stranger, sizeof stranger, "%s/stranger_key", c->lab->root);
    snprintf(open_key, sizeof open_key, "%s/open_key", c->lab->root);
    const char *right = c->target.auth.key_file;
    c->target.auth.key_file = stranger;
    assert_int_equal(try(c), RV_DENIED);
    assert_non_null(strstr(c->err.message, "refused the login"));
    c->target.auth.key_file = "/nonexistent/key";
    assert_int_equal(try(c), RV_INVALID);
    assert_string_equal(c->err.where, "spec.auth.keyFile");
    rv_lab_write(c->lab, "open_key", "x", 0644);
    c->target.auth.key_file = open_key;
    assert_int_equal(try(c), RV_DENIED);
    assert_non_null(strstr(c->err.message, "may be read by others"));
    rv_lab_write(c->lab, "open_key", "not a key\n", 0600);
    assert_int_equal(try(c), RV_INVALID);
    c->target.auth.key_file = NULL;
    assert_int_equal(try(c), RV_INVALID);
    assert_string_equal(c->err.where, "spec.auth");
    rv_lab_write(c->lab, "password", "wrong\n", 0600);
    snprintf(open_key, sizeof open_key, "%s/password", c->lab->root);
    c->target.auth.password_file = open_key;
    assert_int_equal(try(c), RV_DENIED);
    c->target.auth.password_file = NULL;
    c->target.auth.key_file = right;
    static const char *const users[] = {"-oProxyCommand=x", "a b", "", "$(id)"};
    for (size_t i = 0; i < RV_COUNT(users); i++) {
        c->target.user = users[i];
        assert_int_equal(try(c), RV_INVALID);
        assert_string_equal(c->err.where, "spec.user");
    }
    c->target.user = c->lab->user;
    c->target.address = "-oProxyCommand=x";
    assert_int_equal(try(c), RV_INVALID);
    assert_string_equal(c->err.where, "spec.address");
}

static void an_agent_logs_in(void **state)
{
    struct connector_case *c = *state;
    char sock[280];
    snprintf(sock, sizeof sock, "%s/agent", c->lab->root);
    pid_t agent = rv_lab_start(c->lab, "agent.out", (const char *[]){"ssh-agent", "-D", "-a", sock, NULL});
    for (int i = 0; i < 200 && access(sock, F_OK) != 0; i++)
        rv_lab_pause();
    setenv("SSH_AUTH_SOCK", sock, 1);
    RV_AUTO(rv_buf) struct rv_buf socket_variable = {0};
    rv_buf_printf(&socket_variable, "SSH_AUTH_SOCK=%s", sock);
    const char *add[] = {"env", rv_buf_text(&socket_variable), "ssh-add", "-q", c->target.auth.key_file, NULL};
    int added = rv_lab_run(add, (struct rv_bytes){0}, NULL);
    c->target.auth.key_file = NULL;
    c->target.auth.agent = true;
    enum rv_status status = try(c);
    unsetenv("SSH_AUTH_SOCK");
    enum rv_status without = RV_OK;
    c->target.user = "nobody-else"; /* not the connection that is kept */
    without = try(c);
    rv_lab_end(agent);
    assert_int_equal(added, 0);
    must(c, status);
    assert_int_equal(without, RV_INVALID);
}

static void a_lost_link_is_uncertain_and_then_made_anew(void **state)
{
    struct connector_case *c = *state;
    const char *argv[] = {"sh", "-c", "kill -9 $PPID; sleep 5", NULL};
    struct rv_transport_result r;
    assert_int_equal(run(c, argv, (struct rv_bytes){0}, RV_SEC(20), &r), RV_UNCERTAIN);
    must(c, try(c));
    must(c, try(c)); /* the same connection again */
    assert_true(rv_lab_cut_links(c->lab) >= 1);
    must(c, try(c)); /* it had gone while it waited */
}

struct cutter {
    struct connector_case *c;
    atomic_bool stop;
    int cut;
};

static void *cut_when_armed(void *arg)
{
    struct cutter *cutter = arg;
    while (!cutter->stop && !path_exists(cutter->c, "reeve/shop/armed"))
        rv_lab_pause();
    cutter->cut = rv_lab_cut_links(cutter->c->lab);
    return NULL;
}

/* The link goes while the target is switching: the controller does not know, the target comes to its end. */
static void a_link_lost_in_the_middle_of_a_switch(void **state)
{
    struct connector_case *c = *state;
    struct rv_lab_pair pair;
    make_pair(c, &(struct rv_lab_wish){0}, &pair);
    for (int round = 0; round < 2; round++) {
        struct cutter cutter = {.c = c};
        pthread_t thread;
        rv_lab_fault(c->lab, "check-slow");
        assert_int_equal(pthread_create(&thread, NULL, cut_when_armed, &cutter), 0);
        enum rv_status status = do_switch(c, &pair.fingerprint, round == 0 ? RV_SEC(5) : RV_MIN(5));
        cutter.stop = true;
        pthread_join(thread, NULL);
        assert_true(cutter.cut >= 1);
        must_fail(c, status, RV_UNCERTAIN, "answer");
        rv_lab_fault(c->lab, "");
        assert_served(c, &pair.fingerprint); /* it went on */
        if (round == 0)
            assert_served(c, &c->lab->foreign); /* and put back, since nobody said keep */
    }
    must(c, do_observe(c));
    assert_hash(&c->result.report.armed, &pair.fingerprint);
    must(c, do_switch(c, &pair.fingerprint, RV_MIN(5))); /* asked again: the same end */
    must(c, do_keep(c, &pair.fingerprint));
    assert_current(c, &pair.fingerprint);
    rv_lab_pair_fini(&pair);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, case_setup, case_teardown)
const struct CMUnitTest connector_links[] = {
    CASE(words_arrive_as_they_are),
    CASE(exit_codes_and_streams_are_kept_apart),
    CASE(much_goes_in_and_a_limited_amount_comes_out),
    CASE(what_does_not_end_is_uncertain),
    CASE(the_program_quotes_everything),
};
const size_t connector_links_count = RV_COUNT(connector_links);

const struct CMUnitTest connector_hosts[] = {
    CASE(a_host_is_never_trusted_at_first_sight),      CASE(a_changed_host_key_is_an_alarm),
    CASE(the_pinned_key_of_several_is_asked_for),      CASE(nobody_there_and_nobody_answering_are_told_apart),
    CASE(logins_are_tried_as_declared_only),           CASE(an_agent_logs_in),
    CASE(a_lost_link_is_uncertain_and_then_made_anew), CASE(a_link_lost_in_the_middle_of_a_switch),
};
const size_t connector_hosts_count = RV_COUNT(connector_hosts);
