/* slice_append under audit, and Go's growth rule against what Go prints. */
#include "unit/workload_audit.h"

#include "slice_append.c"

static const struct workload *const subject = &workload_slice_append;

/* cap() after each growth of a []int64 appended to one by one, printed by Go 1.19. */
static void capacities_are_those_of_go(void **state)
{
    static const uint64_t expected[] = {1,    2,    4,    8,    16,    32,    64,
                                        128,  256,  512,  848,  1280,  1792,  2560,
                                        3408, 5120, 7168, 9216, 12288, 16384, 21504};
    (void)state;
    uint64_t values[] = {10, 1, 0, 0, 0};
    audit_run(subject, values, 1, 1);
    uint64_t capacity = 0;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(next_capacity(capacity), expected[i]);
        assert_int_equal(grown_capacity(capacity), expected[i]);
        capacity = expected[i];
    }
    for (; capacity < UINT64_C(1) << 32; capacity = next_capacity(capacity)) {
        assert_true(next_capacity(capacity) > capacity + capacity / 4);
        assert_int_equal(next_capacity(capacity), grown_capacity(capacity));
        assert_int_equal(next_capacity(capacity) * 8 % 8192, 0);
    }
}

/* Every capacity has a class: the fast table agrees with the search. */
static void table_agrees_with_search(void **state)
{
    (void)state;
    uint64_t values[] = {10, 1, 0, 0, 0};
    audit_run(subject, values, 1, 1);
    for (uint64_t capacity = 0; capacity < 10000; capacity++)
        assert_int_equal(next_capacity(capacity), grown_capacity(capacity));
}

static void work_is_sound(void **state)
{
    static const uint64_t tried[][5] = {
        {1, 700, 10, 0, 0},   {10, 500, 20, 0, 0}, {1000, 90, 30, 0, 0}, {5000, 24, 8, 0, 0},
        {1, 700, 10, 1, 0},   {10, 500, 20, 1, 0}, {1000, 90, 30, 1, 0}, {5000, 24, 8, 1, 0},
        {1000, 20, 0, 0, 0},  {1000, 20, 0, 1, 0}, {10, 500, 20, 0, 1},  {7, 500, 20, 1, 1},
        {20000, 12, 2, 1, 0}, {848, 40, 5, 0, 0},  {849, 40, 5, 1, 0},   {300, 40, 2, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 20, 5, 0, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

static void example_is_printed_once(void **state)
{
    (void)state;
    for (uint64_t pointer = 0; pointer <= 1; pointer++) {
        uint64_t values[] = {1000, 5, 0, pointer, 1};
        audit_run(subject, values, 2, 1);
        assert_int_equal(audit.line_count, 1);
        assert_string_equal(audit.lines[0], "Slice: [1 2 3 4 5 6 7 8 9 10]");
    }
}

/* A slice of 1000 elements takes 12 arrays: object 25 of its type is the first array of slice 2. */
static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t leaf[] = {1000, 40, 10, 0, 0};
    uint64_t boxed[] = {1000, 40, 10, 1, 0};
    assert_true(audit_notices(subject, leaf, &array_type, 11, 30));
    assert_true(audit_notices(subject, boxed, &box_type, 700, 5000));
    assert_false(audit_notices(subject, leaf, &array_type, 11, 1000000));
}

static void window_needs_slices(void **state)
{
    (void)state;
    uint64_t values[] = {10, 5, 6, 0, 0};
    struct workload_run run = {.params = values, .threads = 1};
    assert_non_null(subject->check(&run));
    values[1] = 6;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacities_are_those_of_go),
        cmocka_unit_test(table_agrees_with_search),
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(example_is_printed_once),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(window_needs_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
