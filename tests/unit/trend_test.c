/* The test for a trend against an enumeration of all orders, and the rule for unsteady series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "data/trend.h"

/* The definition, pair by pair. */
static int s_of(const double *v, const int *order, int n)
{
    int s = 0;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            double a = v[order[i]];
            double b = v[order[j]];
            s += b > a ? 1 : b < a ? -1 : 0;
        }
    return s;
}

struct enumeration {
    const double *values;
    int n;
    int observed;
    int order[10];
    uint64_t all;
    uint64_t extreme;
};

/* All orders that keep order[0 .. fixed - 1]. */
static void enumerate(struct enumeration *e, int fixed)
{
    if (fixed == e->n) {
        int s = s_of(e->values, e->order, e->n);
        e->all++;
        e->extreme += (s < 0 ? -s : s) >= e->observed;
        return;
    }
    for (int i = fixed; i < e->n; i++) {
        int taken = e->order[i];
        e->order[i] = e->order[fixed];
        e->order[fixed] = taken;
        enumerate(e, fixed + 1);
        e->order[fixed] = e->order[i];
        e->order[i] = taken;
    }
}

static double enumerated_p(const double *values, int n)
{
    struct enumeration e = {.values = values, .n = n};
    for (int i = 0; i < n; i++)
        e.order[i] = i;
    int s = s_of(values, e.order, n);
    e.observed = s < 0 ? -s : s;
    enumerate(&e, 0);
    return (double)e.extreme / (double)e.all;
}

static void small_series_equal_an_enumeration_of_all_orders(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3, 1);
    for (int n = 2; n <= 8; n++) {
        for (int trial = 0; trial < 60; trial++) {
            double values[8];
            /* Few different values make ties, many hardly any. */
            uint64_t choices = trial % 3 == 0 ? 3 : trial % 3 == 1 ? 6 : 1000000;
            for (int i = 0; i < n; i++)
                values[i] = 10 + (double)rng_below(&rng, choices);
            double expected = enumerated_p(values, n);
            double got = trend_mann_kendall(values, (size_t)n);
            if (fabs(got - expected) > 1e-12)
                fail_msg("n = %d, trial %d: %.17g, not %.17g", n, trial, got, expected);
        }
    }
}

/* 2 / n! for a series that only rises, exactly. */
static void a_monotone_series_has_the_least_p(void **state)
{
    (void)state;
    double values[TREND_EXACT_MAX];
    double factorial = 1;
    for (int n = 2; n <= 14; n++) {
        factorial *= n;
        for (int i = 0; i < n; i++)
            values[i] = i;
        double rising = trend_mann_kendall(values, (size_t)n);
        for (int i = 0; i < n; i++)
            values[i] = -i;
        assert_true(fabs(rising * factorial / 2 - 1) < 1e-4);
        assert_true(rising == trend_mann_kendall(values, (size_t)n));
    }
}

/* Transcribed from Kendall: z = (|S| - 1) / sqrt((n(n-1)(2n+5) - sum t(t-1)(2t+5)) / 18). */
static double transcribed_normal_p(const double *v, int n)
{
    double s = 0;
    double ties = 0;
    for (int i = 0; i < n; i++) {
        int t = 0;
        for (int j = 0; j < n; j++)
            t += v[j] == v[i];
        ties += (double)(t - 1) * (2 * t + 5); /* once for each of the t */
        for (int j = i + 1; j < n; j++)
            s += (v[j] > v[i]) - (v[j] < v[i]);
    }
    double variance = ((double)n * (n - 1) * (2 * n + 5) - ties) / 18;
    return s == 0 ? 1 : fmin(1, erfc((fabs(s) - 1) / sqrt(variance) / sqrt(2)));
}

static void long_series_follow_the_normal_distribution(void **state)
{
    (void)state;
    struct rng rng;
    double values[300];
    rng_seed(&rng, 4, 1);
    for (int trial = 0; trial < 200; trial++) {
        int n = TREND_EXACT_MAX + 1 + (int)rng_below(&rng, 240);
        uint64_t choices = trial % 2 ? 8 : 1u << 30;
        for (int i = 0; i < n; i++)
            values[i] = (double)rng_below(&rng, choices) + (trial % 4) * 0.01 * i;
        double expected = transcribed_normal_p(values, n);
        assert_true(fabs(trend_mann_kendall(values, (size_t)n) - expected) < 1e-12);
    }
    /* And the exact one comes close to it where both can be had. */
    for (int trial = 0; trial < 50; trial++) {
        for (int i = 0; i < TREND_EXACT_MAX; i++)
            values[i] = (double)rng_below(&rng, 20) + 0.05 * i;
        double exact = trend_mann_kendall(values, TREND_EXACT_MAX);
        assert_true(fabs(exact - transcribed_normal_p(values, TREND_EXACT_MAX)) < 0.01);
    }
}

static void equal_or_single_values_have_no_trend(void **state)
{
    (void)state;
    const double same[] = {5, 5, 5, 5, 5, 5, 5};
    for (size_t n = 0; n <= 7; n++)
        assert_true(trend_mann_kendall(same, n) == 1);
}

/* `count` iterations of 1000, whose last half (the larger one) changes from the start to `end`. */
static int judge(size_t count, double end, bool in_last_half)
{
    double v[64];
    size_t half = count - count / 2;
    for (size_t i = 0; i < count; i++)
        v[i] = 1000;
    for (size_t i = 0; i < half; i++)
        v[in_last_half ? count / 2 + i : i] = 1000 + (end - 1000) * (double)i / (double)(half - 1);
    return trend_is_unsteady(v, count);
}

static void a_series_is_unsteady_where_its_last_half_drifts(void **state)
{
    (void)state;
    assert_int_equal(judge(40, 1200, true), 1);
    assert_int_equal(judge(40, 800, true), 1);
    assert_int_equal(judge(41, 1200, true), 1);
    /* Warming up in the first half is what the first half is for. */
    double warm[40];
    for (int i = 0; i < 40; i++)
        warm[i] = i < 20 ? 2000 - 50 * i : 1000;
    assert_int_equal(trend_is_unsteady(warm, 40), 0);
    /* Certain, but not more than 5 %. */
    assert_int_equal(judge(40, 1050, true), 0);
    /* More, but not certain: a half of 5 reaches p = 2/120, one of 6 p = 2/720. */
    assert_int_equal(judge(10, 2000, true), 0);
    assert_int_equal(judge(11, 2000, true), 1);
    assert_int_equal(judge(0, 0, false), 0);
    assert_int_equal(judge(1, 0, false), 0);
    /* Up and down again: the quarters are far apart, and there is no trend. */
    double saw[40];
    for (int i = 0; i < 40; i++)
        saw[i] = 1000 + (i % 2) * 500;
    saw[39] = saw[38] = saw[37] = 1500;
    assert_int_equal(trend_is_unsteady(saw, 40), 0);
}

/* The least change that counts: the medians of the first and last 5 of 20. */
static void five_percent_is_between_quarters(void **state)
{
    (void)state;
    double v[40];
    for (int k = 0; k <= 1; k++) {
        for (int i = 0; i < 40; i++)
            v[i] = 1000 + (i >= 20 ? i - 20 : 0) * 0.001;
        for (int i = 35; i < 40; i++)
            v[i] += 49 + 2 * k;
        assert_int_equal(trend_is_unsteady(v, 40), k);
    }
}

static void a_million_iterations_are_judged_at_once(void **state)
{
    (void)state;
    static double v[1000000];
    for (int i = 0; i < 1000000; i++)
        v[i] = 1000 + i * 0.0005 + i % 7;
    assert_int_equal(trend_is_unsteady(v, 1000000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_series_equal_an_enumeration_of_all_orders),
        cmocka_unit_test(a_monotone_series_has_the_least_p),
        cmocka_unit_test(long_series_follow_the_normal_distribution),
        cmocka_unit_test(equal_or_single_values_have_no_trend),
        cmocka_unit_test(a_series_is_unsteady_where_its_last_half_drifts),
        cmocka_unit_test(five_percent_is_between_quarters),
        cmocka_unit_test(a_million_iterations_are_judged_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
