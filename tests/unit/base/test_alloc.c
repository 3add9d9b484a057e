/* base/alloc: a real path through core and pki gives back all that it took, and running out at any place of it stops
 * the process, with its message and with nothing else. */
#include "unit/pki/fixture.h"

#include <signal.h>

#include "core/plan.h"

static const char document[] =
    "{\"apiVersion\":\"reeve/v1\",\"kind\":\"Certificate\",\"metadata\":{\"name\":\"shop\",\"labels\":{\"env\":\"prod\"}},"
    "\"spec\":{\"dnsNames\":[\"shop.example.com\",\"www.shop.example.com\"],\"ipAddresses\":[\"192.0.2.1\"],"
    "\"deploy\":{\"targets\":{\"matchLabels\":{\"role\":\"edge\"}},\"strategy\":{\"batches\":[1,\"10%\"]}},"
    "\"verify\":{\"endpoints\":[\"shop.example.com:443\"]}}}";

static struct {
    long live, calls, fail_at; /* fail_at: the call that finds no memory, 0: none */
} count;

static bool fails(void)
{
    return ++count.calls == count.fail_at;
}

static void *counting_alloc(size_t size)
{
    if (fails())
        return NULL;
    count.live++;
    return malloc(size);
}

static void *counting_resize(void *p, size_t size)
{
    if (fails())
        return NULL;
    count.live += p == NULL;
    return realloc(p, size);
}

static void counting_release(void *p)
{
    count.live--;
    free(p);
}

static struct fixture_ca ca;
static struct rv_key *key;

/* Decode and encode a document, ask the plan and have it explained, and build what would be signed. */
static void operate(void)
{
    struct rv_arena *arena RV_AUTO(rv_arena) = rv_arena_create();
    json_t *json RV_AUTO(json) = NULL, *again RV_AUTO(json) = NULL;
    struct rv_object *object = NULL;
    struct rv_fault *faults = NULL;
    struct rv_cert_names names;
    struct rv_buf tbs RV_AUTO(rv_buf) = {0};
    char text[400];
    OK(rv_json_parse(rv_bytes_of(document), &json, &fixture_err));
    OK(rv_object_decode(json, arena, &object, &faults));
    again = rv_object_encode(object);
    char *canonical RV_AUTO(char) = rv_json_text(again);
    assert_non_null(strstr(canonical, "tls-server"));

    struct rv_binding binding = {.id = 1, .wanted = {.mode = RV_MODE_MANAGE, .deploys = true, .endpoints = 1}};
    struct rv_action action = rv_plan_next(&rv_policy_default, &binding, NULL, NOW);
    assert_int_equal(action.verdict, RV_DO);
    rv_plan_explain(&rv_policy_default, &binding, NULL, NOW, text, sizeof text);

    struct rv_profile *profile = NULL;
    struct rv_profile_spec spec = fixture_spec();
    OK(rv_profile_compile("tls-server", &spec, &profile, &fixture_err));
    OK(rv_cert_names_of_spec(&object->certificate, arena, &names, &fixture_err));
    struct rv_leaf leaf = {
        .names = &names, .spki = rv_key_spki(key), .not_before = NOW, .not_after = NOW + RV_DAY(10) - 1000};
    rv_serial_make(leaf.serial);
    OK(rv_tbs_build(profile, ca.ca, &leaf, &tbs, &fixture_err));
    OK(rv_lint_tbs(rv_buf_bytes(&tbs), ca.ca, NULL, &fixture_err));
    rv_profile_release(profile);
}

static int setup(void **state)
{
    (void)state;
    rv_allocator = (struct rv_allocator){counting_alloc, counting_resize, counting_release};
    fixture_ca_init(&ca, RV_KEY_ECDSA, 256);
    key = fixture_key(RV_KEY_ECDSA, 256);
    operate(); /* what is made once and kept */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rv_key_destroy(key);
    fixture_ca_fini(&ca);
    return 0;
}

static void an_operation_gives_back_what_it_took(void **state)
{
    (void)state;
    long live = count.live, calls = count.calls;
    for (int i = 0; i < 20; i++) {
        operate();
        assert_int_equal(count.live, live);
    }
    assert_true(count.calls - calls > 20 * 5); /* the seam is in use */
}

/* How the process ends when that call finds no memory. */
static int end_of(long call, char *said, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        count.calls = 0;
        count.fail_at = call;
        operate();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; len < size - 1 && (n = read(ends[0], said + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    said[len] = '\0';
    close(ends[0]);
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void without_memory_the_process_stops_and_says_so(void **state)
{
    (void)state;
    char said[4096];
    long before = count.calls;
    operate();
    long calls = count.calls - before, step = calls / 30 + 1;
    for (long call = 1; call <= calls; call += step) {
        int status = end_of(call, said, sizeof said);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
            strncmp(said, "reeve: out of memory (", strlen("reeve: out of memory (")) != 0)
            fail_msg("call %ld of %ld: status %d, said \"%s\"", call, calls, status, said);
    }
    assert_int_equal(end_of(calls + 1, said, sizeof said), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_gives_back_what_it_took),
        cmocka_unit_test(without_memory_the_process_stops_and_says_so),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
