/* signer/client: what a broken link means depends on when it broke. The other side is a thread of the test that behaves
 * badly in one way. */
#include "support/cmocka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "signer/client.h"
#include "signer/protocol.h"

enum manner { ANSWER, ANSWER_ONCE, HANG_UP_AFTER_REQUEST, HALF_AN_ANSWER, WRONG_ID, GARBAGE, SILENCE };

static char folder[200], path[256];
static int listening = -1;
static pthread_t thread;
static enum manner manner;
static int held = -1; /* of SILENCE */

static void send_answer(int fd, const struct rv_signer_request *request)
{
    struct rv_sign_item items[RV_SIGNER_BATCH] = {0};
    struct rv_signer_reply reply = {.kind = request->kind,
                                    .id = request->id + (manner == WRONG_ID),
                                    .count = request->count,
                                    .items = items,
                                    .chain_pem = rv_bytes_of("pem")};
    for (size_t i = 0; i < request->count; i++)
        rv_buf_add_text(&items[i].signature, "signature");
    struct rv_buf frame = {0};
    if (manner == GARBAGE)
        rv_buf_add(&frame, "\xff\xff\xff\xff", 4);
    else
        rv_signer_reply_encode(&reply, &frame);
    size_t n = manner == HALF_AN_ANSWER ? frame.len / 2 : frame.len;
    assert_int_equal(send(fd, frame.data, n, MSG_NOSIGNAL), (ssize_t)n);
    rv_buf_fini(&frame);
    for (size_t i = 0; i < request->count; i++)
        rv_buf_fini(&items[i].signature);
}

static void serve(int fd)
{
    struct rv_buf in = {0};
    static struct rv_sign_item items[RV_SIGNER_BATCH];
    size_t whole = 0;
    for (;;) {
        ssize_t n = recv(fd, rv_buf_reserve(&in, 65536), 65536, 0);
        if (n <= 0)
            break;
        in.len += (size_t)n;
        if (rv_signer_frame_length(rv_buf_bytes(&in), &whole, NULL) != RV_OK || whole == 0 || in.len < whole)
            continue;
        struct rv_signer_request request = {.items = items};
        assert_int_equal(rv_signer_request_decode(RV_BYTES(in.data, whole), &request, NULL), RV_OK);
        if (manner == SILENCE) {
            held = fd;
            rv_buf_fini(&in);
            return;
        }
        if (manner == HANG_UP_AFTER_REQUEST)
            break;
        send_answer(fd, &request);
        if (manner != ANSWER)
            break;
        rv_buf_clear(&in);
    }
    rv_buf_fini(&in);
    close(fd);
}

static void *run(void *arg)
{
    (void)arg;
    int fd;
    while ((fd = accept(listening, NULL, NULL)) >= 0)
        serve(fd);
    return NULL;
}

static void start(enum manner how)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    manner = how;
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static void stop(void)
{
    if (listening < 0)
        return;
    shutdown(listening, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listening);
    listening = -1;
    if (held >= 0)
        close(held);
    held = -1;
}

static struct rv_signer_client *client_with(rv_dur timeout)
{
    struct rv_signer_client *client = NULL;
    struct rv_signer_client_options options = {
        .socket_path = path, .clock = &rv_clock_system, .timeout = timeout, .connections = 1};
    assert_int_equal(rv_signer_client_create(&options, &client, NULL), RV_OK);
    return client;
}

static enum rv_status sign_with(struct rv_signer_client *client, struct rv_error *err)
{
    struct rv_sign_item items[2] = {{.profile = "tls-server", .tbs = rv_bytes_of("one")},
                                    {.profile = "tls-server", .tbs = rv_bytes_of("two")}};
    struct rv_signer port = rv_signer_client_port(client);
    enum rv_status status = port.ops->sign(port.ctx, "internal", items, 2, err);
    if (status == RV_OK)
        assert_string_equal(rv_buf_text(&items[1].signature), "signature");
    for (int i = 0; i < 2; i++)
        rv_buf_fini(&items[i].signature);
    return status;
}

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/reeve-client-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    unlink(path);
    return rmdir(folder);
}

static void each_break_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        enum manner manner;
        enum rv_status sign, ping;
    } cases[] = {
        {ANSWER, RV_OK, RV_OK},
        {HANG_UP_AFTER_REQUEST, RV_UNCERTAIN, RV_UNAVAILABLE},
        {HALF_AN_ANSWER, RV_UNCERTAIN, RV_UNAVAILABLE},
        {WRONG_ID, RV_UNCERTAIN, RV_UNAVAILABLE},
        {GARBAGE, RV_UNCERTAIN, RV_UNAVAILABLE},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_error err = {0};
        start(cases[i].manner);
        struct rv_signer_client *client = client_with(RV_SEC(20));
        struct rv_signer port = rv_signer_client_port(client);
        assert_int_equal(sign_with(client, &err), cases[i].sign);
        assert_int_equal(port.ops->ping(port.ctx, &err), cases[i].ping);
        rv_signer_client_destroy(client);
        stop();
    }
}

static void silence_has_an_end(void **state)
{
    (void)state;
    struct rv_error err;
    start(SILENCE);
    struct rv_signer_client *client = client_with(30);
    assert_int_equal(sign_with(client, &err), RV_UNCERTAIN);
    rv_signer_client_destroy(client);
}

static void without_a_signer_nothing_can_have_happened(void **state)
{
    (void)state;
    struct rv_error err;
    struct rv_signer_client *client = client_with(RV_SEC(20));
    assert_int_equal(sign_with(client, &err), RV_UNAVAILABLE);
    assert_non_null(strstr(err.hint, "reeve-signer"));
    assert_int_equal(rv_signer_client_wait(client, 10, &err), RV_UNAVAILABLE);
    rv_signer_client_destroy(client);
}

/* One client over three lives of the signer: the link that a dead one left is replaced without an error. */
static void a_signer_that_was_started_again_is_found(void **state)
{
    (void)state;
    struct rv_error err;
    struct rv_signer_client *client = client_with(RV_SEC(20));
    for (int round = 0; round < 3; round++) {
        start(ANSWER_ONCE);
        assert_int_equal(sign_with(client, &err), RV_OK);
        stop();
    }
    rv_signer_client_destroy(client);
}

static void long_paths_and_batches_are_refused(void **state)
{
    (void)state;
    struct rv_signer_client *client = NULL;
    struct rv_error err;
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct rv_signer_client_options options = {.socket_path = longer, .clock = &rv_clock_system};
    assert_int_equal(rv_signer_client_create(&options, &client, &err), RV_INVALID);
    client = client_with(RV_SEC(1));
    struct rv_signer port = rv_signer_client_port(client);
    static struct rv_sign_item many[RV_SIGNER_BATCH + 1];
    assert_int_equal(port.ops->sign(port.ctx, "internal", many, RV_SIGNER_BATCH + 1, &err), RV_INVALID);
    rv_signer_client_destroy(client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(each_break_has_its_meaning),
        T(silence_has_an_end),
        T(without_a_signer_nothing_can_have_happened),
        T(a_signer_that_was_started_again_is_found),
        T(long_paths_and_batches_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
