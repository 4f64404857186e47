/* quads under audit, and its allocations against those of the published program. */
#include "unit/workload_audit.h"

#include "quads.c"

static const struct workload *const subject = &workload_quads;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][5] = {
        {5, 4, 333, 3}, {4, 3, 1000, 0},   {3, 2, 5000, 2},    {6, 1, 100, 1},
        {3, 2, 0, 1},   {5, 2, 333, 2, 1}, {3, 1, 1000, 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        if (tried[i][GARBAGE] > 0)
            audit_any(subject, tried[i], 0);
        else
            assert_int_equal(audit_run(subject, tried[i], 2, 1).checksum,
                             (tried[i][ROUNDS] + 1) * (1 + 4 + 16 + 64));
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {4, 3, 1000, 2, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* The published program makes one tree of (4^(depth+1) - 1) / 3 nodes, and per round as many trees
 * of depth 3 as fit into the garbage of that round. */
static void allocates_what_the_published_program_does(void **state)
{
    (void)state;
    uint64_t values[] = {6, 20, 333, 3, 0};
    uint64_t live = 1 + 4 + 16 + 64 + 256 + 1024 + 4096;
    uint64_t small = 1 + 4 + 16 + 64;
    uint64_t nodes = live + 20 * (live * 333 / 1000 / small) * small;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct audit_result r = audit_run(subject, values, threads, 1);
        assert_int_equal(r.allocated_count, nodes);
        assert_int_equal(r.allocated_bytes, nodes * 32);
    }
}

/* The same tree, only its nodes lie elsewhere; the table is one object more. */
static void shuffling_moves_nodes_only(void **state)
{
    (void)state;
    uint64_t values[] = {6, 2, 333, 3, 0};
    struct audit_result plain = audit_run(subject, values, 2, 1);
    values[SHUFFLED] = 1;
    struct audit_result shuffled = audit_run(subject, values, 2, 1);
    assert_int_equal(shuffled.checksum, plain.checksum);
    assert_int_equal(shuffled.allocated_count, plain.allocated_count + 1);
    assert_int_equal(shuffled.allocated_bytes, plain.allocated_bytes + 4096 * 8);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {5, 4, 333, 3, 0};
    assert_true(audit_notices(subject, values, &quad_type, 4, 1500));
    assert_true(audit_notices(subject, values, &quad_type, 1364, 100));
    assert_false(audit_notices(subject, values, &quad_type, 4, 1000000));
}

static void bounds_span_parameters(void **state)
{
    (void)state;
    uint64_t values[] = {4, 3, 1000, 4, 0};
    struct workload_run run = {.params = values, .threads = 1};
    assert_non_null(subject->check(&run));
    values[GARBAGE_DEPTH] = 3;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(allocates_what_the_published_program_does),
        cmocka_unit_test(shuffling_moves_nodes_only),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
