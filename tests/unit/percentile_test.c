/* The percentile rule of METHODS.md section 4, by its own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/percentile.h"

static void known_ranks(void **state)
{
    (void)state;
    static const struct {
        uint64_t n, tail;
        bool defined;
        uint64_t rank;
    } cases[] = {
        {0, 2, false, 0},          {1, 2, true, 0},          {2, 2, true, 0},
        {3, 2, true, 1},           {4, 2, true, 1},          {5, 2, true, 2},
        {99, 10, false, 0},        {100, 10, true, 89},      {101, 10, true, 90},
        {109, 10, true, 98},       {110, 10, true, 98},      {999, 100, false, 0},
        {1000, 100, true, 989},    {1001, 100, true, 990},   {9999, 1000, false, 0},
        {10000, 1000, true, 9989}, {99999, 10000, false, 0}, {100000, 10000, true, 99989},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t rank = 0;
        assert_int_equal(percentile_rank(cases[i].n, cases[i].tail, &rank), cases[i].defined);
        assert_int_equal(rank, cases[i].rank);
    }
}

/* Exactly floor(n / tail) values lie above, so at least ten where it is defined. */
static void values_above(void **state)
{
    (void)state;
    for (uint64_t tail = 10; tail <= 10000; tail *= 10)
        for (uint64_t n = 1; n < 3 * 10 * tail; n += n < 2000 ? 1 : 97) {
            uint64_t rank;
            if (!percentile_rank(n, tail, &rank)) {
                assert_true(n / tail < 10);
                continue;
            }
            assert_true(rank < n);
            assert_int_equal(n - 1 - rank, n / tail);
            assert_true(n - 1 - rank >= 10);
        }
}

static void sorted_values_are_read_in_place(void **state)
{
    (void)state;
    static const int64_t sorted[] = {-3, 7, 7, 20, 1000};
    int64_t value = 0;
    assert_true(percentile_of_sorted(sorted, 5, 2, &value));
    assert_int_equal(value, 7);
    assert_true(percentile_of_sorted(sorted, 4, 2, &value));
    assert_int_equal(value, 7);
    assert_true(percentile_of_sorted(sorted, 1, 2, &value));
    assert_int_equal(value, -3);
    value = 42;
    assert_false(percentile_of_sorted(sorted, 0, 2, &value));
    assert_false(percentile_of_sorted(sorted, 5, 10, &value));
    assert_int_equal(value, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_ranks),
        cmocka_unit_test(values_above),
        cmocka_unit_test(sorted_values_are_read_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
