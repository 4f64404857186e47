/* larson under audit. */
#include "unit/workload_audit.h"

#include "larson.c"

static const struct workload *const subject = &workload_larson;

/* min_bytes, max_bytes, blocks, arrays, turns, rounds */
static void work_is_sound(void **state)
{
    static const uint64_t tried[][6] = {
        {8, 1000, 1000, 4, 3, 2}, {8, 8, 300, 5, 2, 3},       {100, 120, 10, 12, 5, 4},
        {8, 24, 2000, 4, 4, 1},   {9000, 10000, 50, 7, 6, 3}, {500, 501, 1, 4, 9, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static void seeds_differ(void **state)
{
    uint64_t values[] = {8, 1000, 100, 4, 2, 2};
    (void)state;
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* A table, and for each array itself, its blocks, and a new one for each replacement; as many are
 * replaced as the published program replaces in a generation of threads, `rounds` per block. */
static void allocates_by_its_formula(void **state)
{
    uint64_t values[] = {64, 64, 200, 6, 5, 7};
    uint64_t blocks = 6 * 200 + UINT64_C(6) * 200 * 7 * 5;
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct audit_result r = audit_run(subject, values, threads, 1);
        assert_int_equal(r.allocated_count, 1 + 6 + blocks);
        assert_int_equal(r.allocated_bytes, 8 * 6 + 6 * (8 + 8 * 200) + 64 * blocks);
        assert_int_equal(r.peak_bytes, 8 * 6 + 6 * (8 + 8 * 200) + 64 * 6 * 200);
        assert_int_equal(r.operations_count, 6 * 5 * ((200 * 7 + 127) / 128));
    }
}

/* Sizes are uniform, so their mean is that of the bounds: within 4 standard errors. */
static void sizes_are_uniform(void **state)
{
    uint64_t values[] = {8, 1000, 2000, 2, 5, 5};
    double blocks = 2 * 2000 + 2 * 2000 * 5 * 5;
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct audit_result r = audit_run(subject, values, 1, seed);
        double mean = ((double)r.allocated_bytes - 16 - 2 * (8 + 8 * 2000)) / blocks;
        assert_true(mean > 504 - 4 * 286.7 / 322 && mean < 504 + 4 * 286.7 / 322);
    }
}

/* The defaults are mimalloc-bench's `larson 5 8 1000 5000 100 4141 N`, but for its number of
 * rounds before an array is handed on, and the live set is that of the formula. */
static void defaults_are_those_of_the_bench(void **state)
{
    static const uint64_t published[] = {8, 1000, 5000};
    uint64_t values[] = {8, 1000, 5000, 4, 20, 10};
    struct workload_run run = {.params = values, .threads = 2};
    (void)state;
    assert_int_equal(subject->param_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(subject->params[i].default_value, i < 3 ? published[i] : values[i]);
    /* floor(sqrt(5000)) = 70 */
    assert_int_equal(live_bytes(&run), 8 * 4 + 4 * (8 + 8 * 5000 + 5000 * 504 + 992 * 70 / 2));
}

/* In every turn each array has exactly one thread, and with several threads another one than in
 * the turn before. */
static void arrays_change_hands(void **state)
{
    uint64_t values[] = {8, 1000, 10, 7, 5, 1};
    (void)state;
    for (unsigned threads = 1; threads <= 7; threads++) {
        unsigned before[7];
        for (uint64_t turn = 0; turn <= 20; turn++) {
            unsigned owner[7];
            memset(owner, 0xff, sizeof owner);
            for (unsigned t = 0; t < threads; t++) {
                struct workload_run run = {.params = values, .threads = threads};
                struct workload_thread thread = {.run = &run, .index = t};
                for (uint64_t i = first_array(&thread, turn); i < 7; i += threads) {
                    assert_int_equal(owner[i], (unsigned)-1);
                    owner[i] = t;
                }
            }
            for (unsigned i = 0; i < 7; i++) {
                assert_int_equal(owner[i], (i + turn) % threads);
                if (turn > 0 && threads > 1)
                    assert_int_not_equal(owner[i], before[i]);
            }
            memcpy(before, owner, sizeof before);
        }
    }
}

static void lost_objects_are_noticed(void **state)
{
    uint64_t values[] = {8, 100, 50, 2, 5, 5};
    (void)state;
    assert_true(audit_notices(subject, values, &block_type, 10, 40));
    assert_true(audit_notices(subject, values, &block_type, 10, 80));
    assert_false(audit_notices(subject, values, &block_type, 10, 1000000));
}

static void bounds_span_parameters(void **state)
{
    uint64_t values[] = {101, 100, 10, 3, 1, 1};
    struct workload_run run = {.params = values, .threads = 1};
    (void)state;
    assert_non_null(subject->check(&run));
    values[MIN_BYTES] = 100;
    assert_null(subject->check(&run));
    run.threads = 4;
    assert_non_null(subject->check(&run));
    values[ARRAYS] = 4;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(allocates_by_its_formula),
        cmocka_unit_test(sizes_are_uniform),
        cmocka_unit_test(defaults_are_those_of_the_bench),
        cmocka_unit_test(arrays_change_hands),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
