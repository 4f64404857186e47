/* binary_trees under audit, and its allocations against those of the published program. */
#include "unit/workload_audit.h"

#include "binary_trees.c"

static const struct workload *const subject = &workload_binary_trees;

static void work_is_sound(void **state)
{
    (void)state;
    for (uint64_t depth = 6; depth <= 11; depth++)
        audit_any(subject, &depth, 0);
}

/* The published program prints for N = 10
 *     stretch tree of depth 11    check: 4095
 *     1024    trees of depth 4    check: 31744
 *     256     trees of depth 6    check: 32512
 *     64      trees of depth 8    check: 32704
 *     16      trees of depth 10   check: 32752
 *     long lived tree of depth 10 check: 2047
 * where a check is the number of nodes allocated. */
static void allocates_what_the_published_program_prints(void **state)
{
    static const struct {
        uint64_t depth, check;
    } lines[] = {{11, 4095}, {4, 31744}, {6, 32512}, {8, 32704}, {10, 32752}, {10, 2047}};
    uint64_t depth = 10, nodes = 0, checksum = 0;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        nodes += lines[i].check;
        checksum += rng_mix(lines[i].depth) * lines[i].check;
    }
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct audit_result r = audit_run(subject, &depth, threads, 1);
        assert_int_equal(r.allocated_count, nodes);
        assert_int_equal(r.allocated_bytes, nodes * 16);
        assert_int_equal(r.checksum, checksum);
    }
}

/* Its arithmetic at every N: a stretch tree of depth N + 1, one of depth N, and for each depth d of
 * 4, 6, … N as many as 1 << (N - d + 4). */
static void allocates_by_the_published_arithmetic(void **state)
{
    (void)state;
    for (int n = 6; n <= 12; n++) {
        uint64_t nodes = (1u << (n + 2)) - 1 + (1u << (n + 1)) - 1;
        for (int d = 4; d <= n; d += 2)
            for (int i = 1 << (n - d + 4); i > 0; i--)
                nodes += (1u << (d + 1)) - 1;
        uint64_t depth = (uint64_t)n;
        assert_int_equal(audit_run(subject, &depth, 1, 1).allocated_count, nodes);
    }
}

static void live_set_is_that_of_the_published_program(void **state)
{
    uint64_t depth = 21;
    struct workload_run run = {.params = &depth, .threads = 1};
    (void)state;
    assert_int_equal(live_bytes(&run), ((1u << 23) - 1) * UINT64_C(16));
    run.threads = 4; /* the largest temporary trees have depth 20 */
    assert_int_equal(live_bytes(&run), ((1u << 22) - 1 + 4 * ((1u << 21) - 1)) * UINT64_C(16));
    run.threads = 100; /* and there are 32 of them */
    assert_int_equal(live_bytes(&run), ((1u << 22) - 1 + 32 * ((1u << 21) - 1)) * UINT64_C(16));
}

/* Object 0 is a leaf, object 2 the first node with children; the long-lived tree follows the
 * stretch tree. */
static void lost_objects_are_noticed(void **state)
{
    uint64_t depth = 8;
    (void)state;
    assert_true(audit_notices(subject, &depth, &node_type, 2, 100));
    assert_true(audit_notices(subject, &depth, &node_type, tree_size(9) + 2, 5000));
    assert_false(audit_notices(subject, &depth, &node_type, 2, 10000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(allocates_what_the_published_program_prints),
        cmocka_unit_test(allocates_by_the_published_arithmetic),
        cmocka_unit_test(live_set_is_that_of_the_published_program),
        cmocka_unit_test(lost_objects_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
