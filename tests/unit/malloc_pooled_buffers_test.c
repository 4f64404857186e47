/* pooled_buffers under audit. */
#include "unit/workload_audit.h"

#include "pooled_buffers.c"

static const struct workload *const subject = &workload_pooled_buffers;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][6] = {
        {4096, 2000, 256, 0, 125, 0}, {64, 1000, 40, 0, 1000, 0},   {100, 1000, 16, 0, 0, 0},
        {100000, 200, 32, 0, 10, 0},  {4096, 1000, 64, 0, 1000, 0}, {70000, 60, 8, 0, 1000, 0},
        {4096, 4000, 400, 0, 125, 7}, {256, 1000, 10, 0, 1000, 1},  {4096, 9000, 300, 0, 500, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        uint64_t pooled[6];
        memcpy(pooled, tried[i], sizeof pooled);
        audit_any(subject, tried[i], 0);
        for (pooled[POOL] = 1; pooled[POOL] <= 3; pooled[POOL]++)
            assert_int_equal(audit_run(subject, tried[i], 1, 1).checksum,
                             audit_run(subject, pooled, 1, 1).checksum);
    }
}

/* Out of the pool, the counts are those of its misses: the first `held` uses of one thread. */
static void pool_saves_allocations(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 2000, 50, 1, 125, 0};
    struct audit_result r = audit_run(subject, values, 1, 1);
    assert_int_equal(r.allocated_count, 1 + 50);
    assert_int_equal(r.stated_count, 1 + 50);
    assert_int_equal(r.allocated_bytes, 51 * 8 + 50 * 4096);
    assert_int_equal(r.peak_bytes, r.stated_live_bytes);
    assert_int_equal(r.leaked_bytes, 0);
    values[POOL] = 2;
    r = audit_run(subject, values, 1, 1);
    assert_int_equal(r.allocated_count, 1 + 50);
    assert_int_equal(r.peak_bytes, r.stated_live_bytes);
    assert_int_equal(r.leaked_bytes, 0);
    r = audit_run(subject, values, 4, 1);
    assert_true(r.peak_bytes <= r.stated_live_bytes);
    assert_int_equal(r.leaked_bytes, 0);
}

/* Where one use of ten is large, a pool in which sizes mix ends with large buffers only, though
 * most uses need a sixteenth or less; and it gives up each buffer once for that. */
static void mixed_sizes_end_as_the_largest(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 20000, 50, 3, 125, 10};
    struct audit_result mixed = audit_run(subject, values, 1, 1);
    assert_int_equal(mixed.peak_bytes, mixed.stated_live_bytes);
    assert_int_equal(mixed.peak_bytes, 51 * 8 + 50 * (4096 + 8));
    assert_int_equal(mixed.allocated_count, mixed.stated_count);
    assert_int_equal(mixed.leaked_bytes, 0);
    values[POOL] = 0;
    struct audit_result fresh = audit_run(subject, values, 1, 1);
    assert_true(mixed.peak_bytes > 5 * fresh.peak_bytes);
    assert_int_equal(mixed.checksum, fresh.checksum);
    values[POOL] = 3;
    for (unsigned threads = 2; threads <= 4; threads++) {
        struct audit_result r = audit_run(subject, values, threads, 1);
        assert_int_equal(r.checksum, fresh.checksum);
        assert_true(r.peak_bytes <= r.stated_live_bytes);
        assert_int_equal(r.leaked_bytes, 0);
    }
}

static void one_use_of_so_many_is_large(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 20000, 50, 0, 125, 10};
    struct workload_run run = {.params = values, .seed = 3, .threads = 1};
    unsigned places[10] = {0};
    for (uint64_t group = 0; group < 1000; group++) {
        unsigned large = 0;
        for (unsigned i = 0; i < 10; i++) {
            uint64_t bytes = bytes_needed(&run, group * 10 + i);
            assert_true(bytes == 4096 || (bytes >= 128 && bytes <= 256));
            large += bytes == 4096;
            places[i] += bytes == 4096;
        }
        assert_int_equal(large, 1);
    }
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(places[i], 50, 150);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 100, 10, 0, 125, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* Sizes fill [bytes/2, bytes] evenly. */
static void sizes_are_uneven(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 100000, 100, 0, 125, 0};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct workload_run run = {.params = values, .seed = seed, .threads = 1};
        uint64_t buckets[16] = {0};
        for (uint64_t unit = 0; unit < 100000; unit++) {
            uint64_t bytes = bytes_needed(&run, unit);
            assert_in_range(bytes, 2048, 4096);
            buckets[(bytes - 2048) / 129]++;
        }
        for (unsigned i = 0; i < 15; i++)
            assert_in_range(buckets[i], 6200, 6400);
    }
}

/* No run of sizes sums to more than the stated live set, nor does that exceed the largest run by
 * more than a part that falls with its length. */
static void live_set_bounds_every_run(void **state)
{
    (void)state;
    uint64_t values[] = {1 << 20, 20000, 0, 0, 125, 0};
    struct workload_run run = {.params = values, .seed = 1, .threads = 1};
    for (uint64_t held = 1; held <= 3000; held = held * 21 / 20 + 1) {
        uint64_t sum = 0, most = 0;
        values[HELD] = held;
        for (uint64_t unit = 0; unit < 20000; unit++) {
            sum += bytes_needed(&run, unit);
            if (unit >= held)
                sum -= bytes_needed(&run, unit - held);
            if (sum > most)
                most = sum;
        }
        uint64_t stated = live_bytes(&run) - held * sizeof(void *);
        assert_true(most <= stated);
        assert_true(stated - most <= most / 20);
    }
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 2000, 50, 0, 125, 0};
    assert_true(audit_notices(subject, values, &buffer_type, 100, 20));
    assert_false(audit_notices(subject, values, &buffer_type, 100, 1000000));
}

static void bounds_span_parameters(void **state)
{
    (void)state;
    uint64_t values[] = {4096, 10, 3, 0, 125, 0};
    struct workload_run run = {.params = values, .threads = 4};
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
    values[BUFFERS] = 2;
    assert_non_null(subject->check(&run));
    values[BUFFERS] = 10;
    values[RARE] = 1;
    assert_null(subject->check(&run));
    values[BYTES] = 255;
    assert_non_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(pool_saves_allocations),
        cmocka_unit_test(mixed_sizes_end_as_the_largest),
        cmocka_unit_test(one_use_of_so_many_is_large),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(sizes_are_uneven),
        cmocka_unit_test(live_set_bounds_every_run),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
