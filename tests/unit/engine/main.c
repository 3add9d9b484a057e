#include "base/alloc.h"
#include "base/log.h"
#include "unit/engine/tests.h"

int main(void)
{
    struct CMUnitTest all[64];
    size_t count = 0;
    rv_log_setup(RV_LOG_ERROR, 0);
    for (size_t i = 0; i < apply_test_count && count < RV_COUNT(all); i++)
        all[count++] = apply_tests[i];
    for (size_t i = 0; i < lanes_test_count && count < RV_COUNT(all); i++)
        all[count++] = lanes_tests[i];
    return _cmocka_run_group_tests("engine", all, count, NULL, NULL);
}
