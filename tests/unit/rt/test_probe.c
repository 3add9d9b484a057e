/* rt: a look at endpoints that serve, refuse, hang, speak something else or hang up. */
#include "support/cmocka.h"

#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/verify.h"
#include "rt/loop.h"
#include "rt/probe.h"
#include "unit/rt/certificates.h"

struct bed {
    struct rv_loop *loop;
    struct rv_probe *probe;
    int done;
    struct rv_probe_result result; /* chain not kept */
    size_t chain_length;
};

static struct rv_tls_context *looking;

static void bed_init(struct bed *bed)
{
    *bed = (struct bed){.loop = rv_loop_create()};
    bed->probe = rv_probe_create(bed->loop, &rv_tls_openssl, looking, rv_judge_chain);
}

static void bed_fini(struct bed *bed)
{
    rv_probe_destroy(bed->probe);
    rv_loop_destroy(bed->loop);
}

static void seen(void *arg, const struct rv_probe_result *result)
{
    struct bed *bed = arg;
    bed->done++;
    bed->result = *result;
    bed->chain_length = result->chain.len;
    bed->result.chain = (struct rv_bytes){0};
    rv_loop_stop(bed->loop);
}

static void look(struct bed *bed, const struct rv_probe_spec *spec)
{
    int before = bed->done;
    bed->probe->ops->start(bed->probe->ctx, spec, seen, bed);
    assert_int_equal(bed->done, before); /* never inside the call */
    rv_loop_run(bed->loop);
    assert_int_equal(bed->done, before + 1);
    assert_true(bed->result.at > 0);
}

/* openssl s_server on a free port; its number */
static pid_t start_s_server(int *ret_port, const char *const *more)
{
    extern char **environ;
    int out[2];
    pid_t pid;
    char crt[300], key[300], line[256] = "";
    snprintf(crt, sizeof crt, "%s/server.crt", temp_dir);
    snprintf(key, sizeof key, "%s/server.key", temp_dir);
    const char *argv[24] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", crt, "-key", key, "-WWW"};
    for (size_t i = 0; more[i] != NULL; i++)
        argv[9 + i] = more[i];
    assert_int_equal(pipe(out), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    assert_int_equal(posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    *ret_port = 0;
    FILE *said = fdopen(out[0], "r");
    while (*ret_port == 0 && fgets(line, sizeof line, said) != NULL)
        sscanf(line, "ACCEPT 127.0.0.1:%d", ret_port);
    assert_true(*ret_port > 0);
    fclose(said);
    return pid;
}

static void end_server(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void served(void **state)
{
    (void)state;
    static const struct {
        const char *more[4], *protocol;
    } versions[] = {{{"-tls1_3", NULL}, "TLSv1.3"}, {{"-tls1_2", NULL}, "TLSv1.2"}};
    RV_AUTO(rv_buf) struct rv_buf trust = {0};
    struct rv_error err;
    assert_int_equal(rv_files_system.ops->read(NULL, temp_path("server.crt"), 65536, &trust, &err), RV_OK);
    struct bed bed;
    bed_init(&bed);
    for (size_t i = 0; i < RV_COUNT(versions); i++) {
        int port;
        pid_t pid = start_s_server(&port, versions[i].more);
        struct rv_probe_spec spec = {.host = "127.0.0.1",
                                     .port = port,
                                     .server_name = "localhost",
                                     .timeout = RV_SEC(30),
                                     .trust = rv_buf_bytes(&trust)};
        look(&bed, &spec);
        assert_int_equal(bed.result.outcome, RV_PROBE_SERVED);
        assert_string_equal(bed.result.fault, "");
        assert_true(bed.result.chain_valid && bed.result.name_valid && bed.result.time_valid);
        assert_false(rv_hash_is_zero(&bed.result.fingerprint));
        assert_int_equal(bed.result.chain_count, 1);
        assert_true(bed.chain_length > 100);
        assert_string_equal(bed.result.protocol, versions[i].protocol);
        assert_true(bed.result.cipher[0] != '\0');
        struct rv_hash first = bed.result.fingerprint;

        spec.host = spec.server_name = "localhost"; /* perhaps ::1 comes first: nobody there, so the next */
        look(&bed, &spec);
        assert_int_equal(bed.result.outcome, RV_PROBE_SERVED);
        assert_true(rv_hash_equal(&first, &bed.result.fingerprint));

        spec.server_name = "other.test"; /* seen, and said to be wrong */
        spec.trust = (struct rv_bytes){0};
        look(&bed, &spec);
        assert_int_equal(bed.result.outcome, RV_PROBE_SERVED);
        assert_false(bed.result.name_valid);
        assert_false(bed.result.chain_valid);
        assert_true(bed.result.fault[0] != '\0');
        end_server(pid);
    }
    bed_fini(&bed);
}

/* A server that wants a client certificate has shown its own by then. */
static void served_although_it_wants_a_client_certificate(void **state)
{
    (void)state;
    int port;
    pid_t pid = start_s_server(&port, (const char *const[]){"-Verify", "1", "-tls1_3", NULL});
    struct bed bed;
    bed_init(&bed);
    look(&bed, &(struct rv_probe_spec){.host = "127.0.0.1", .port = port, .timeout = RV_SEC(30)});
    assert_int_equal(bed.result.outcome, RV_PROBE_SERVED);
    bed_fini(&bed);
    end_server(pid);
}

static int listen_on(int *ret_port, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    if (backlog > 0)
        assert_int_equal(listen(fd, backlog), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

/* Takes one connection, reads once, says something, hangs up. */
static pid_t answer_once(int fd, const char *text, size_t n)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    alarm(60);
    char in[2000];
    int peer = accept(fd, NULL, NULL);
    ssize_t got = recv(peer, in, sizeof in, 0);
    if (got > 0 && n > 0)
        got = send(peer, text, n, MSG_NOSIGNAL);
    shutdown(peer, SHUT_WR);
    while (recv(peer, in, sizeof in, 0) > 0)
        continue;
    _exit(0);
}

static void not_served(void **state)
{
    (void)state;
    static const struct {
        const char *what, *says;
        size_t says_length;
        int backlog; /* 0: bound only, so that nobody answers and nobody else takes the port */
        rv_dur timeout;
        enum rv_probe_outcome outcome;
        const char *fault;
    } cases[] = {
        {"refuses", NULL, 0, 0, RV_SEC(30), RV_PROBE_REFUSED, "connection refused"},
        {"hangs", NULL, 0, 5, 60, RV_PROBE_TIMEOUT, "handshake did not end in time"},
        {"plain HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 5, RV_SEC(30), RV_PROBE_NO_TLS, "no handshake"},
        {"hangs up", "", 0, 5, RV_SEC(30), RV_PROBE_NO_TLS, "closed the connection"},
        {"hangs up within a record", "\x16\x03\x03\x00\x7a\x02\x00", 7, 5, RV_SEC(30), RV_PROBE_NO_TLS,
         "closed the connection"},
        {"alert", "\x15\x03\x03\x00\x02\x02\x28", 7, 5, RV_SEC(30), RV_PROBE_NO_TLS, "no handshake"},
    };
    struct bed bed;
    bed_init(&bed);
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        int port, fd = listen_on(&port, cases[i].backlog);
        pid_t pid = cases[i].says == NULL ? -1 : answer_once(fd, cases[i].says, cases[i].says_length);
        look(&bed, &(struct rv_probe_spec){.host = "127.0.0.1", .port = port, .timeout = cases[i].timeout});
        if (bed.result.outcome != cases[i].outcome || strstr(bed.result.fault, cases[i].fault) == NULL)
            fail_msg("%s: outcome %d, %s", cases[i].what, (int)bed.result.outcome, bed.result.fault);
        assert_true(rv_hash_is_zero(&bed.result.fingerprint));
        if (pid > 0)
            waitpid(pid, NULL, 0);
        close(fd);
    }
    static const char too_long[] = "a-label-of-more-than-sixty-three-characters-is-in-no-name-service.test";
    look(&bed, &(struct rv_probe_spec){.host = too_long, .port = 443, .timeout = RV_SEC(30)});
    assert_int_equal(bed.result.outcome, RV_PROBE_NO_ADDRESS);
    assert_non_null(strstr(bed.result.fault, "has no address"));
    bed_fini(&bed);
}

static void called_off(void **state)
{
    (void)state;
    int port, fd = listen_on(&port, 5);
    struct bed bed;
    bed_init(&bed);
    struct rv_probe_spec spec = {.host = "127.0.0.1", .port = port, .timeout = RV_SEC(100)};
    struct rv_probe_spec named = {.host = "localhost", .port = port, .timeout = RV_SEC(100)};
    bed.probe->ops->start(bed.probe->ctx, &spec, seen, &bed);
    bed.probe->ops->start(bed.probe->ctx, &named, seen, &bed);
    bed_fini(&bed);
    assert_int_equal(bed.done, 2);
    assert_int_equal(bed.result.outcome, RV_PROBE_TIMEOUT);
    close(fd);
}

static int setup(void **state)
{
    if (temp_setup(state) != 0)
        return -1;
    make_certificate("server");
    looking = rv_tls_probe_context_create();
    return 0;
}

static int teardown(void **state)
{
    rv_tls_openssl.release(looking);
    return temp_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(served),
        cmocka_unit_test(served_although_it_wants_a_client_certificate),
        cmocka_unit_test(not_served),
        cmocka_unit_test(called_off),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
