/* ca/clock_guard: what pauses issuing, what does not, and that only a person ends the pause. */
#include "support/cmocka.h"

#include <string.h>

#include "base/alloc.h"
#include "ca/clock_guard.h"

#define START 1795442400000

static void steps_are_judged(void **state)
{
    (void)state;
    static const struct {
        rv_dur passed; /* on the monotonic clock */
        rv_dur wall;   /* on the wall clock */
        bool fine;
    } cases[] = {
        {RV_SEC(1), RV_SEC(1), true},
        {RV_SEC(10), RV_SEC(6), true},
        {RV_SEC(0), -RV_SEC(5), true},
        {RV_SEC(0), -RV_SEC(6), false},
        {RV_SEC(60), RV_SEC(54), false},
        {0, RV_HOUR(1), true},
        {0, RV_HOUR(1) + 1, false},
        {RV_DAY(30), RV_DAY(30), true},
        {RV_DAY(30), RV_DAY(29), false},
        {0, -START, false},
        {RV_DAY(1), RV_DAY(1) + RV_MIN(59), true},
    };
    for (size_t i = 0; i < RV_COUNT(cases); i++) {
        struct rv_clock_guard g;
        rv_clock_guard_init(&g, 0, START, 77);
        bool fine = rv_clock_guard_look(&g, START + cases[i].wall, 77 + cases[i].passed);
        if (fine != cases[i].fine)
            fail_msg("case %zu: %s", i, fine ? "believed" : "paused");
        assert_int_equal(rv_clock_guard_explain(&g, NULL), fine ? RV_OK : RV_UNAVAILABLE);
    }
}

static void a_pause_lasts_until_it_is_accepted(void **state)
{
    (void)state;
    struct rv_clock_guard g;
    struct rv_error err;
    rv_clock_guard_init(&g, 0, START, 0);
    assert_false(rv_clock_guard_look(&g, START + RV_DAY(1), 0));
    assert_false(rv_clock_guard_look(&g, START, 0)); /* back to normal by itself proves nothing */
    assert_int_equal(rv_clock_guard_explain(&g, &err), RV_UNAVAILABLE);
    assert_non_null(strstr(err.message, "2026-11-24T14:00:00Z"));
    rv_clock_guard_accept(&g, START + RV_DAY(1), 0);
    assert_true(rv_clock_guard_look(&g, START + RV_DAY(1) + 5, 5));
}

static void the_stored_mark_counts_after_a_restart(void **state)
{
    (void)state;
    struct rv_clock_guard g;
    rv_clock_guard_init(&g, START, START - RV_SEC(5), 0);
    assert_int_equal(rv_clock_guard_explain(&g, NULL), RV_OK);
    rv_clock_guard_init(&g, START, START - RV_SEC(6), 0);
    assert_int_equal(rv_clock_guard_explain(&g, NULL), RV_UNAVAILABLE);
    rv_clock_guard_init(&g, START, START + RV_DAY(400), 0); /* it was off for a year */
    assert_int_equal(rv_clock_guard_explain(&g, NULL), RV_OK);
}

static void many_small_steps_back_add_up(void **state)
{
    (void)state;
    struct rv_clock_guard g;
    rv_clock_guard_init(&g, 0, START, 0);
    assert_true(rv_clock_guard_look(&g, START - RV_SEC(4), 0));
    assert_false(rv_clock_guard_look(&g, START - RV_SEC(8), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_judged),
        cmocka_unit_test(a_pause_lasts_until_it_is_accepted),
        cmocka_unit_test(the_stored_mark_counts_after_a_restart),
        cmocka_unit_test(many_small_steps_back_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
