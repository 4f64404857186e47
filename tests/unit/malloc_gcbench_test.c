/* gcbench under audit, and its allocations against those of the published program. */
#include "unit/workload_audit.h"

#include "gcbench.c"

static const struct workload *const subject = &workload_gcbench;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][5] = {
        {10, 8, 2002, 4, 8}, {12, 6, 3000, 4, 12}, {8, 8, 2002, 1, 5},
        {9, 11, 2002, 9, 9}, {11, 3, 5000, 2, 7},  {9, 9, 2002, 2, 9},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {8, 6, 2002, 4, 6};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* Nodes of GCBench, by the arithmetic of the published program: TreeSize(i) = (1 << (i + 1)) - 1
 * and NumIters(i) = 2 * TreeSize(kStretchTreeDepth) / TreeSize(i), each depth twice, in steps of 2.
 */
static uint64_t published_nodes(int stretch, int long_lived, int min_depth, int max_depth)
{
    uint64_t nodes = ((1u << (stretch + 1)) - 1) + ((1u << (long_lived + 1)) - 1);
    for (int d = min_depth; d <= max_depth; d += 2) {
        uint64_t size = (1u << (d + 1)) - 1;
        nodes += 2 * (2 * ((1u << (stretch + 1)) - 1) / size) * size;
    }
    return nodes;
}

static void allocates_what_the_published_program_does(void **state)
{
    (void)state;
    uint64_t values[] = {13, 11, 20000, 4, 10};
    uint64_t nodes = published_nodes(13, 11, 4, 10);
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct audit_result r = audit_run(subject, values, threads, 1);
        assert_int_equal(r.allocated_count, nodes + 1);
        assert_int_equal(r.allocated_bytes, nodes * 24 + 20000 * 8);
    }
}

static void defaults_are_the_published_ones(void **state)
{
    static const uint64_t published[] = {18, 16, 500000, 4, 16};
    (void)state;
    assert_int_equal(subject->param_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(subject->params[i].default_value, published[i]);
    struct workload_run run = {.params = published, .threads = 1};
    assert_int_equal(live_bytes(&run), 524287 * 24);
    run.threads = 2;
    assert_int_equal(live_bytes(&run), 3 * 131071 * 24 + 4000000);
}

/* The stretch tree is checked whole, the long-lived one too: it follows it. */
static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {10, 8, 2002, 4, 8};
    uint64_t stretch = tree_size(10);
    assert_true(audit_notices(subject, values, &node_type, 100, 200));
    assert_true(audit_notices(subject, values, &node_type, stretch + 37, 5000));
    assert_true(audit_notices(subject, values, &array_type, 0, 5000));
    assert_false(audit_notices(subject, values, &node_type, stretch + 37, 10000000));
}

static void bounds_span_parameters(void **state)
{
    (void)state;
    uint64_t values[] = {10, 8, 2002, 7, 6};
    struct workload_run run = {.params = values, .threads = 1};
    assert_non_null(subject->check(&run));
    values[MAX_DEPTH] = 11;
    assert_non_null(subject->check(&run));
    values[MAX_DEPTH] = 10;
    assert_null(subject->check(&run));
}

/* Found by a machine so busy that a thread fell behind the others by a depth. */
static void threads_beyond_the_deepest_trees_have_others(void **state)
{
    static const uint64_t values[] = {12, 6, 3000, 4, 12};
    (void)state;
    struct workload_run run = {.params = values, .threads = 3};
    /* Two trees of depth 12 and one of depth 10. */
    assert_int_equal(live_bytes(&run), (127 + 2 * 8191 + 2047) * 24 + 3000 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(allocates_what_the_published_program_does),
        cmocka_unit_test(defaults_are_the_published_ones),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(threads_beyond_the_deepest_trees_have_others),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
