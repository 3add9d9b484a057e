/* The tests of this program, by file. */
#pragma once
#include "support/cmocka.h"

extern const struct CMUnitTest apply_tests[], lanes_tests[];
extern const size_t apply_test_count, lanes_test_count;
