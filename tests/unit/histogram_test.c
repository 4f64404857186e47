/* The histogram against the sorted raw values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/percentile.h"
#include "base/rng.h"

/* Every n up to EVERY, and one at which all percentiles are defined. */
#define EVERY   2000
#define LONGEST 200000

static const uint64_t tails[] = {2, 10, 100, 1000, 10000};
#define TAILS (sizeof tails / sizeof tails[0])

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* What a value in the histogram may read back as. */
static int64_t clamp(int64_t value_ns)
{
    return value_ns < HISTOGRAM_MIN_NS   ? HISTOGRAM_MIN_NS
           : value_ns > HISTOGRAM_MAX_NS ? HISTOGRAM_MAX_NS
                                         : value_ns;
}

static void assert_close(int64_t read, int64_t exact)
{
    assert_true(read >= exact);
    assert_true(read - exact <= exact / 1024);
}

/* A value of any magnitude the histogram holds, equally often of each, and the extremes. */
static int64_t draw(struct rng *rng)
{
    switch (rng_below(rng, 32)) {
    case 0:
        return HISTOGRAM_MIN_NS;
    case 1:
        return HISTOGRAM_MAX_NS;
    default:
        return clamp((int64_t)(rng_next(rng) >> (22 + rng_below(rng, 42))));
    }
}

/* The percentiles of n values, and which of them are defined. */
static void percentiles_match_sorted_values(void **state)
{
    (void)state;
    static int64_t values[LONGEST];
    struct histogram *h = histogram_new();
    assert_non_null(h);
    struct rng rng;
    for (uint64_t n = 1; n <= LONGEST; n = n == EVERY ? LONGEST : n + 1) {
        rng_seed(&rng, 1, n);
        histogram_reset(h);
        for (uint64_t i = 0; i < n; i++) {
            values[i] = draw(&rng);
            histogram_record(h, values[i]);
        }
        qsort(values, n, sizeof values[0], compare);
        assert_int_equal(histogram_count(h), n);
        assert_int_equal(h->clamped_count, 0);
        assert_int_equal(h->min_ns, values[0]);
        assert_int_equal(h->max_ns, values[n - 1]);
        for (size_t t = 0; t < TAILS; t++) {
            int64_t exact = -1;
            int64_t read = -1;
            bool defined = percentile_of_sorted(values, n, tails[t], &exact);
            assert_int_equal(histogram_percentile(h, tails[t], &read), defined);
            assert_int_equal(defined, tails[t] == 2 || n >= 10 * tails[t]);
            if (defined)
                assert_close(read, exact);
        }
    }
    histogram_free(h);
}

/* Both ends of every bucket are in it, and buckets join without a gap. */
static void buckets_cover_the_range(void **state)
{
    (void)state;
    struct histogram *h = histogram_new();
    assert_non_null(h);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->counts[i] = i + 1;
    int64_t edge = 0;
    size_t cursor = 0;
    struct histogram_bucket bucket;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        assert_true(histogram_next(h, &cursor, &bucket));
        assert_int_equal(bucket.count, i + 1);
        assert_int_equal(bucket.low_ns, edge);
        assert_true(bucket.high_ns >= bucket.low_ns);
        assert_int_equal(histogram_bucket((uint64_t)bucket.low_ns), i);
        assert_int_equal(histogram_bucket((uint64_t)bucket.high_ns), i);
        assert_true(bucket.high_ns == bucket.low_ns ||
                    (bucket.high_ns - bucket.low_ns + 1) * 1024 <= bucket.low_ns);
        edge = bucket.high_ns + 1;
    }
    assert_false(histogram_next(h, &cursor, &bucket));
    assert_true(edge > HISTOGRAM_MAX_NS);
    histogram_free(h);
}

static void values_below_2048_are_exact(void **state)
{
    (void)state;
    struct histogram *h = histogram_new();
    assert_non_null(h);
    for (int64_t value = 1; value < 2048; value++) {
        int64_t read;
        histogram_reset(h);
        histogram_record(h, value);
        h->max_ns = INT64_MAX; /* so that the exact maximum does not help */
        assert_true(histogram_percentile(h, 2, &read));
        assert_int_equal(read, value);
    }
    histogram_free(h);
}

static void out_of_range_is_clamped_and_counted(void **state)
{
    (void)state;
    static const int64_t outside[] = {INT64_MIN, -1, 0, HISTOGRAM_MAX_NS + 1, INT64_MAX};
    struct histogram *h = histogram_new();
    assert_non_null(h);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        histogram_record(h, outside[i]);
    histogram_record(h, 5);
    assert_int_equal(h->clamped_count, 5);
    assert_int_equal(histogram_count(h), 6);
    assert_int_equal(h->counts[histogram_bucket(HISTOGRAM_MIN_NS)], 3);
    assert_int_equal(h->counts[histogram_bucket(HISTOGRAM_MAX_NS)], 2);
    assert_true(h->min_ns == INT64_MIN);
    assert_true(h->max_ns == INT64_MAX);
    histogram_free(h);
}

/* Values out of range among those in it, in any order: against what each of them does alone. */
static void extremes_and_clamped_values_are_exact_in_any_order(void **state)
{
    (void)state;
    static const int64_t edges[] = {INT64_MIN, -1, 0, 1, 2, HISTOGRAM_MAX_NS, HISTOGRAM_MAX_NS + 1,
                                    INT64_MAX};
    struct histogram *h = histogram_new();
    assert_non_null(h);
    struct rng rng;
    rng_seed(&rng, 3, 1);
    for (int trial = 0; trial < 300; trial++) {
        int64_t min_ns = INT64_MAX, max_ns = INT64_MIN;
        uint64_t clamped_count = 0;
        uint64_t n = 1 + rng_below(&rng, 20);
        histogram_reset(h);
        for (uint64_t i = 0; i < n; i++) {
            int64_t value_ns = rng_below(&rng, 3) == 0
                                   ? edges[rng_below(&rng, sizeof edges / sizeof *edges)]
                                   : draw(&rng);
            size_t bucket = histogram_bucket((uint64_t)clamp(value_ns));
            uint64_t before = h->counts[bucket];
            histogram_record(h, value_ns);
            assert_int_equal(h->counts[bucket], before + 1);
            min_ns = value_ns < min_ns ? value_ns : min_ns;
            max_ns = value_ns > max_ns ? value_ns : max_ns;
            clamped_count += clamp(value_ns) != value_ns;
            assert_true(h->min_ns == min_ns);
            assert_true(h->max_ns == max_ns);
            assert_int_equal(h->clamped_count, clamped_count);
        }
        assert_int_equal(histogram_count(h), n);
    }
    histogram_free(h);
}

static void an_empty_one_has_no_percentiles(void **state)
{
    (void)state;
    struct histogram *h = histogram_new();
    assert_non_null(h);
    int64_t value_ns;
    size_t cursor = 0;
    struct histogram_bucket bucket;
    assert_int_equal(histogram_count(h), 0);
    assert_false(histogram_percentile(h, 2, &value_ns));
    assert_false(histogram_next(h, &cursor, &bucket));
    histogram_free(h);
}

/* Recording in parts and adding up is the same as recording all in one. */
static void adding_is_recording_both(void **state)
{
    (void)state;
    struct histogram *parts[3];
    struct histogram *sum = histogram_new();
    struct histogram *whole = histogram_new();
    struct rng rng;
    assert_non_null(sum);
    assert_non_null(whole);
    rng_seed(&rng, 2, 0);
    for (size_t p = 0; p < 3; p++) {
        parts[p] = histogram_new();
        assert_non_null(parts[p]);
        for (int i = 0; i < 1000; i++) {
            int64_t value = i % 100 == 0 ? (int64_t)rng_below(&rng, 2) * INT64_MAX : draw(&rng);
            histogram_record(parts[p], value);
            histogram_record(whole, value);
        }
    }
    for (size_t p = 0; p < 3; p++)
        histogram_add(sum, parts[p]);
    assert_memory_equal(sum, whole, sizeof *sum);
    histogram_reset(parts[0]);
    histogram_add(sum, parts[0]);
    assert_memory_equal(sum, whole, sizeof *sum);
    for (size_t p = 0; p < 3; p++)
        histogram_free(parts[p]);
    histogram_free(sum);
    histogram_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_match_sorted_values),
        cmocka_unit_test(buckets_cover_the_range),
        cmocka_unit_test(values_below_2048_are_exact),
        cmocka_unit_test(out_of_range_is_clamped_and_counted),
        cmocka_unit_test(extremes_and_clamped_values_are_exact_in_any_order),
        cmocka_unit_test(an_empty_one_has_no_percentiles),
        cmocka_unit_test(adding_is_recording_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
