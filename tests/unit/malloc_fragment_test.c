/* fragment under audit. */
#include "unit/workload_audit.h"

#include <math.h>

#include "fragment.c"

static const struct workload *const subject = &workload_fragment;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][7] = {
        {1000, 4096, 20, 1, 3000, 50, 0}, {1000, 4096, 20, 0, 3000, 50, 0},
        {400, 32, 2, 1, 0, 100, 0},       {1999, 512, 7, 1, 10, 100, 3},
        {40, 1 << 20, 10, 1, 50, 10, 0},  {500, 64, 100, 0, 700, 4, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

/* Sizes lie in their bounds, as many in each octave, and evenly within it. */
static void sizes_are_even_over_the_octaves(void **state)
{
    (void)state;
    enum { OBJECTS_TRIED = 80000, OCTAVES = 8, PARTS = 4 };
    uint64_t values[] = {OBJECTS_TRIED, 4096, 20, 1, 0, 1, 0};
    struct workload_run run = {.params = values, .seed = 1, .threads = 1};
    unsigned counts[OCTAVES][PARTS] = {{0}};
    for (uint64_t number = 0; number < OBJECTS_TRIED; number++) {
        uint64_t bytes = object_bytes(&run, number);
        assert_in_range(bytes, 16, 4096);
        assert_int_equal(bytes % 16, 0);
        double octave = bytes == 16 ? 0 : log2((double)(bytes - 8) / 16);
        unsigned whole = (unsigned)octave;
        double part = ((double)(bytes - 8) / (16 << whole) - 1) * PARTS;
        counts[whole][bytes == 16 ? 0 : (unsigned)part]++;
    }
    for (unsigned octave = 0; octave < OCTAVES; octave++) {
        unsigned sum = 0;
        for (unsigned part = 0; part < PARTS; part++) {
            sum += counts[octave][part];
            if (octave >= 4)
                assert_in_range(counts[octave][part], 2300, 2700);
        }
        assert_in_range(sum, 9600, 10400); /* a size rounded down to its octave counts below */
    }
}

/* One of each group of neighbours with scattered=1, as many at the front with 0; the seed draws
 * which. */
static void survivors_are_one_of_each_group(void **state)
{
    (void)state;
    uint64_t values[] = {1000, 4096, 20, 1, 0, 1, 0};
    struct workload_run run = {.params = values, .seed = 1, .threads = 1};
    unsigned places[20] = {0};
    for (uint64_t group = 0; group < 50; group++) {
        unsigned found = 0;
        for (unsigned i = 0; i < 20; i++) {
            found += survives(&run, group * 20 + i);
            places[i] += survives(&run, group * 20 + i);
        }
        assert_int_equal(found, 1);
    }
    unsigned used = 0;
    for (unsigned i = 0; i < 20; i++)
        used += places[i] > 0;
    assert_in_range(used, 10, 20);
    values[SCATTERED] = 0;
    for (uint64_t number = 0; number < 1000; number++)
        assert_int_equal(survives(&run, number), number < 50);
}

static void phases_allocate_what_they_say(void **state)
{
    (void)state;
    uint64_t values[] = {1019, 256, 20, 1, 777, 30, 0};
    struct audit_result r = audit_run(subject, values, 1, 1);
    assert_int_equal(r.allocated_count, 2 + 1000 + 777);
    assert_int_equal(r.peak_bytes, r.stated_live_bytes);
}

/* A lower bound only: how late a sleeper wakes is the machine's affair. */
static void idling_takes_its_time(void **state)
{
    (void)state;
    uint64_t values[] = {40, 64, 20, 1, 10, 5, 1030};
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    audit_run(subject, values, 2, 1);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    assert_true(ns >= 1030 * INT64_C(1000000));
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 256, 20, 1, 100, 5, 0};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {1000, 256, 20, 0, 1000, 50, 0};
    assert_true(audit_notices(subject, values, &object_type, 7, 1500)); /* a survivor */
    assert_true(audit_notices(subject, values, &object_type, 1500, 20));
    assert_false(audit_notices(subject, values, &object_type, 1500, 1000000));
}

static void bounds_span_parameters(void **state)
{
    static const struct {
        uint64_t values[7];
        unsigned threads;
        bool fine;
    } tried[] = {
        {{1000, 4096, 20, 1, 0, 50, 0}, 4, true}, {{1000, 4095, 20, 1, 0, 50, 0}, 1, false},
        {{79, 4096, 20, 1, 0, 10, 0}, 4, false},  {{80, 4096, 20, 1, 0, 10, 0}, 4, true},
        {{1000, 64, 20, 1, 0, 3, 0}, 4, false},   {{1000, 64, 20, 1, 0, 251, 0}, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        struct workload_run run = {.params = tried[i].values, .threads = tried[i].threads};
        assert_int_equal(subject->check(&run) == NULL, tried[i].fine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(sizes_are_even_over_the_octaves),
        cmocka_unit_test(survivors_are_one_of_each_group),
        cmocka_unit_test(phases_allocate_what_they_say),
        cmocka_unit_test(idling_takes_its_time),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(bounds_span_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
