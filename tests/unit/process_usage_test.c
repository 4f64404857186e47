/* What a thread of the harness used is taken off what the process did, and nothing is below zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runner/process_usage.h"

static void a_part_is_taken_off(void **state)
{
    (void)state;
    const struct process_usage all = {100, 50, 9, 3, 20, 4};
    const struct process_usage own = {0, 30, 1, 0, 15, 4};
    struct process_usage left;
    process_usage_take_off(&left, &all, &own);
    assert_int_equal(left.cpu_user_ns, 100);
    assert_int_equal(left.cpu_sys_ns, 20);
    assert_int_equal(left.minor_faults_count, 8);
    assert_int_equal(left.major_faults_count, 3);
    assert_int_equal(left.voluntary_switches_count, 5);
    assert_int_equal(left.involuntary_switches_count, 0);
}

/* The part was read over a longer interval, and its CPU time is all of the system's. */
static void nothing_is_below_zero(void **state)
{
    (void)state;
    const struct process_usage all = {100, 50, 9, 3, 20, 4};
    const struct process_usage more = {0, 70, 0, 0, 21, 5};
    const struct process_usage most = {0, 170, 0, 0, 21, 5};
    struct process_usage left;
    process_usage_take_off(&left, &all, &more);
    assert_int_equal(left.cpu_user_ns, 80);
    assert_int_equal(left.cpu_sys_ns, 0);
    assert_int_equal(left.voluntary_switches_count, 0);
    assert_int_equal(left.involuntary_switches_count, 0);
    process_usage_take_off(&left, &all, &most);
    assert_int_equal(left.cpu_user_ns, 0);
    assert_int_equal(left.cpu_sys_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_taken_off),
        cmocka_unit_test(nothing_is_below_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
