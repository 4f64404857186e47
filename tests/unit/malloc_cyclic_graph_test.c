/* cyclic_graph under audit. */
#include "unit/workload_audit.h"

#include "cyclic_graph.c"

static const struct workload *const subject = &workload_cyclic_graph;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][5] = {
        {64, 4, 20, 5, 0}, {1, 1, 10, 5, 0},   {1, 3, 10, 5, 0},   {2, 1, 8, 6, 0},
        {7, 2, 33, 7, 0},  {1000, 3, 4, 5, 0}, {300, 64, 4, 5, 0}, {63, 8, 5, 9, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], tried[i][NODES] * sizeof(void *));
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {10, 3, 5, 5, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* Every edge random but the ring's: the walk that frees must find each node exactly once, whatever
 * the graph looks like. */
static void graphs_of_many_seeds_are_freed_whole(void **state)
{
    (void)state;
    uint64_t values[] = {17, 3, 4, 5, 0};
    for (uint64_t seed = 0; seed < 200; seed++)
        assert_int_equal(audit_run(subject, values, 1, seed).leaked_bytes, 0);
}

static void leak_loses_the_graphs_and_nothing_else(void **state)
{
    (void)state;
    uint64_t values[] = {64, 4, 20, 5, 1};
    uint64_t sound[] = {64, 4, 20, 5, 0};
    struct audit_result r = audit_run(subject, values, 2, 1);
    assert_int_equal(r.leaked_bytes, 5 * 20 * 64 * (16 + 4 * 8));
    assert_int_equal(r.checksum, audit_run(subject, sound, 1, 1).checksum);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {64, 4, 20, 5, 0};
    assert_true(audit_notices(subject, values, &node_type, 100, 500));
    assert_true(audit_notices(subject, values, &node_type, 64 * 99, 50));
    assert_false(audit_notices(subject, values, &node_type, 100, 1000000));
}

static void threads_need_graphs(void **state)
{
    (void)state;
    uint64_t values[] = {10, 3, 3, 5, 0};
    struct workload_run run = {.params = values, .threads = 4};
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(graphs_of_many_seeds_are_freed_whole),
        cmocka_unit_test(leak_loses_the_graphs_and_nothing_else),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(threads_need_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
