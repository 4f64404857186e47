/* escape under audit. */
#include "unit/workload_audit.h"

#include "escape.c"

static const struct workload *const subject = &workload_escape;

/* heap, levels, chains, kept */
static void work_is_sound(void **state)
{
    static const uint64_t tried[][4] = {
        {1, 4, 1000, 100}, {1, 0, 2000, 100}, {1, 1, 500, 500},
        {1, 2, 4001, 499}, {1, 13, 40, 25},   {1, 7, 50, 50},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        uint64_t on_stack[4];
        memcpy(on_stack, tried[i], sizeof on_stack);
        on_stack[HEAP] = 0;
        audit_any(subject, tried[i], 0);
        audit_any(subject, on_stack, 0);
        assert_int_equal(audit_run(subject, tried[i], 1, 1).checksum,
                         audit_run(subject, on_stack, 1, 1).checksum);
    }
}

/* The results are those of multiplying the factors one after the other, which is another order and
 * another way to write a product. */
static void products_are_right(void **state)
{
    uint64_t values[] = {1, 5, 300, 30};
    uint64_t checksum = 0;
    (void)state;
    for (uint64_t chain = 0; chain < 300; chain++) {
        uint64_t row[2] = {1, 0}, low[2] = {0, 1};
        uint64_t key = rng_mix(7 ^ rng_mix(chain));
        for (uint64_t i = 0; i < 32; i++) {
            uint64_t q = rng_mix(key + i);
            uint64_t next = row[0] * q + row[1], below = low[0] * q + low[1];
            row[1] = row[0];
            row[0] = next;
            low[1] = low[0];
            low[0] = below;
        }
        checksum += rng_mix(row[0] + 31 * row[1] + 961 * low[0]);
    }
    assert_int_equal(audit_run(subject, values, 1, 7).checksum, checksum);
    values[HEAP] = 0;
    assert_int_equal(audit_run(subject, values, 2, 7).checksum, checksum);
}

/* 2^levels factors and 2^levels - 1 products for a chain; on the stack its result alone. */
static void allocates_by_its_formula(void **state)
{
    (void)state;
    for (uint64_t levels = 0; levels <= 9; levels++) {
        uint64_t factors = UINT64_C(1) << levels;
        for (unsigned threads = 1; threads <= 3; threads++) {
            uint64_t values[] = {1, levels, 60, 20};
            uint64_t objects = 60 * (factors + factors - 1);
            struct audit_result r = audit_run(subject, values, threads, 1);
            assert_int_equal(r.allocated_count, threads + objects);
            assert_int_equal(r.allocated_bytes, 8 * 20 + 32 * objects);
            values[HEAP] = 0;
            r = audit_run(subject, values, threads, 1);
            assert_int_equal(r.allocated_count, threads + 60);
            assert_int_equal(r.allocated_bytes, 8 * 20 + 32 * 60);
        }
    }
}

/* To the byte: on the way down from level k one finished product of each level below k waits,
 * beside two factors and their product. */
static void live_set_is_exact(void **state)
{
    (void)state;
    for (uint64_t levels = 0; levels <= 9; levels++) {
        uint64_t values[] = {1, levels, 60, 20};
        uint64_t waiting = levels == 0 ? 0 : levels - 1 + 3;
        struct audit_result r = audit_run(subject, values, 1, 1);
        assert_int_equal(r.peak_bytes, r.stated_live_bytes);
        assert_int_equal(r.peak_bytes, 20 * 8 + 32 * (levels == 0 ? 20 : 19 + waiting));
        values[HEAP] = 0;
        r = audit_run(subject, values, 1, 1);
        assert_int_equal(r.peak_bytes, r.stated_live_bytes);
        assert_int_equal(r.peak_bytes, 20 * 40);
    }
}

static void seeds_differ(void **state)
{
    uint64_t values[] = {1, 3, 100, 10};
    (void)state;
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* A factor that is lost before its product is made, and a result that is lost while it is kept. */
static void lost_objects_are_noticed(void **state)
{
    uint64_t values[] = {1, 4, 200, 20};
    (void)state;
    assert_true(audit_notices(subject, values, &matrix_type, 100 * 31, 1));
    assert_true(audit_notices(subject, values, &matrix_type, 100 * 31 + 30, 100));
    assert_false(audit_notices(subject, values, &matrix_type, 100, 1000000));
    values[HEAP] = 0;
    assert_true(audit_notices(subject, values, &matrix_type, 100, 10));
}

static void bounds_span_parameters(void **state)
{
    uint64_t values[] = {1, 4, 10, 3};
    struct workload_run run = {.params = values, .threads = 4};
    (void)state;
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
    values[CHAINS] = 2;
    assert_non_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(allocates_by_its_formula),
        cmocka_unit_test(live_set_is_exact),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
