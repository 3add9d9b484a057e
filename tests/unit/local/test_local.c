/* local: how the outcomes of a program become statuses of a transport, with a process port that lies on command. */
#include "support/cmocka.h"

#include "local/local.h"

static struct rv_process_result next;
static enum rv_status next_status;
static struct rv_process_spec seen;

static enum rv_status fake_run(void *ctx, const struct rv_process_spec *spec, struct rv_process_result *ret,
                               struct rv_error *err)
{
    (void)ctx;
    seen = *spec;
    *ret = next;
    return next_status == RV_OK ? RV_OK : rv_fail(err, next_status, "no such program");
}
static const struct rv_process_ops fake_ops = {fake_run};
static const struct rv_process fake = {&fake_ops, NULL};

void rv_process_result_fini(struct rv_process_result *r)
{
    rv_buf_fini(&r->out);
    rv_buf_fini(&r->err);
}

static enum rv_status run(struct rv_transport_result *ret, struct rv_error *err)
{
    struct rv_transport_kind kind;
    struct rv_transport *t = NULL;
    struct rv_target_spec target = {.connector = "local"};
    const char *argv[] = {"sh", NULL};
    rv_local_create(&fake, &kind);
    assert_string_equal(kind.ops->name, "local");
    assert_int_equal(kind.ops->open(kind.ctx, &target, RV_SEC(1), &t, err), RV_OK);
    enum rv_status status = kind.ops->run(t, argv, rv_bytes_of("in"), RV_SEC(7), ret, err);
    kind.ops->close(t);
    return status;
}

static void outcomes_are_mapped(void **state)
{
    (void)state;
    struct rv_transport_result r = {0};
    struct rv_error err;
    next = (struct rv_process_result){.exit_code = 3, .truncated = true};
    rv_buf_add_text(&next.out, "out");
    next_status = RV_OK;
    assert_int_equal(run(&r, &err), RV_OK);
    assert_int_equal(r.exit_code, 3);
    assert_true(r.truncated);
    assert_string_equal(rv_buf_text(&r.out), "out");
    rv_buf_fini(&r.out);
    assert_int_equal(seen.timeout, RV_SEC(7));
    assert_int_equal(seen.output_limit, 256 << 10); /* M-42 */
    assert_null(seen.env);                          /* the clean one */
    next = (struct rv_process_result){.exit_code = -1, .timed_out = true, .signal = 9};
    assert_int_equal(run(&r, &err), RV_UNCERTAIN);
    next = (struct rv_process_result){.exit_code = -1, .signal = 11};
    assert_int_equal(run(&r, &err), RV_UNCERTAIN);
    assert_non_null(strstr(err.message, "signal 11"));
    next_status = RV_NOT_FOUND;
    assert_int_equal(run(&r, &err), RV_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(outcomes_are_mapped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
