/* looks.c: the schedule, and by simulation what it is for: that looking several times does not
 * raise the rate of false alarms above alpha. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "data/looks.h"
#include "data/statistics.h"

/* Alone, n = 4 reaches 2 / 70, n = 5 2 / 252, n = 8 2 / 12870: by hand. */
static void the_schedule_is_fixed(void **state)
{
    (void)state;
    struct looks looks;
    looks_plan(&looks, 0, 40, 1, 0.05);
    static const size_t all[] = {8, 12, 16, 24, 32, 40};
    assert_int_equal(looks.count, 6);
    assert_memory_equal(looks.invocations, all, sizeof all);
    assert_true(fabs(looks.alpha - 0.05 / 6) < 1e-15);

    looks_plan(&looks, 0, 20, 1, 0.05);
    static const size_t some[] = {8, 12, 16, 20};
    assert_int_equal(looks.count, 4);
    assert_memory_equal(looks.invocations, some, sizeof some);

    looks_plan(&looks, 0, 8, 1, 0.05);
    assert_int_equal(looks.count, 1);
    assert_int_equal(looks.invocations[0], 8);
    assert_true(fabs(looks.alpha - 0.05) < 1e-15);
    looks_plan(&looks, 0, 5, 1, 0.05);
    assert_int_equal(looks.count, 1);
    assert_int_equal(looks.invocations[0], 5);

    static const size_t many[] = {8, 12, 16, 24, 32, 40, 64, 100, 160, 200};
    looks_plan(&looks, 0, 200, 1, 0.05);
    assert_int_equal(looks.count, 10);
    assert_memory_equal(looks.invocations, many, sizeof many);
    assert_true(fabs(looks.alpha - 0.005) < 1e-15);
    looks_plan(&looks, 0, 10000, 1, 0.05);
    assert_int_equal(looks.count, LOOKS_MAX);
    assert_int_equal(looks.invocations[LOOKS_MAX - 2], 6400);
    assert_int_equal(looks.invocations[LOOKS_MAX - 1], 10000);

    looks_plan(&looks, 24, 40, 1, 0.05);
    assert_int_equal(looks.count, 3);
    assert_memory_equal(looks.invocations, all + 3, 3 * sizeof *all);
    assert_true(fabs(looks.alpha - 0.05 / 3) < 1e-15);
    looks_plan(&looks, 40, 40, 1, 0.05);
    assert_int_equal(looks.count, 1);
    assert_int_equal(looks.invocations[0], 40);
}

static void no_look_is_too_small_for_the_family(void **state)
{
    (void)state;
    for (size_t family = 1; family <= 100000; family = family * 3 + 1) {
        for (size_t most = 4; most <= 60; most++) {
            struct looks looks;
            looks_plan(&looks, 0, most, family, 0.05);
            assert_true(looks.count >= 1 && looks.count <= LOOKS_MAX);
            /* All looks together spend alpha and no more. */
            assert_true(looks.alpha * (double)looks.count <= 0.05 * (1 + 1e-12));
            for (size_t i = 0; i < looks.count; i++) {
                size_t n = looks.invocations[i];
                assert_true(statistics_least_p(n, n) * (double)family < looks.alpha);
                assert_true(i == 0 || n > looks.invocations[i - 1]);
            }
            size_t last = looks.invocations[looks.count - 1];
            assert_true(last >= most);
            /* Raised only where even one look that spends all could not decide. */
            assert_true(last == most ||
                        statistics_least_p(last - 1, last - 1) * (double)family >= 0.05);
        }
    }
}

/* Whether any look at two samples of the same numbers finds a difference, when each look spends
 * `alpha`. */
static int shows_something(const struct looks *looks, double alpha, uint64_t seed,
                           const struct u_distribution *u)
{
    double x[40], y[40];
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < 40; i++) {
        x[i] = rng_unit(&rng);
        y[i] = rng_unit(&rng);
    }
    for (size_t look = 0; look < looks->count; look++) {
        size_t n = looks->invocations[look];
        double a[40], b[40];
        for (size_t i = 0; i < n; i++) {
            a[i] = x[i];
            b[i] = y[i];
        }
        statistics_sort(a, n);
        statistics_sort(b, n);
        if (statistics_mann_whitney(&u[look], a, b) < alpha)
            return 1;
    }
    return 0;
}

/* The oracle is simulation: 10000 comparisons of a distribution with itself, by fixed seeds. The
 * bound lies four standard deviations above alpha. Spending all of alpha at each look must be seen
 * to exceed it, or this would not show anything. */
static void several_looks_raise_no_more_alarms_than_one(void **state)
{
    (void)state;
    enum { TRIALS = 10000 };
    struct looks looks;
    struct u_distribution u[LOOKS_MAX];
    looks_plan(&looks, 0, 40, 1, 0.05);
    for (size_t i = 0; i < looks.count; i++)
        assert_int_equal(u_distribution_make(&u[i], looks.invocations[i], looks.invocations[i]), 0);
    int sound_count = 0, naive_count = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        sound_count += shows_something(&looks, looks.alpha, trial, u);
        naive_count += shows_something(&looks, 0.05, trial, u);
    }
    for (size_t i = 0; i < looks.count; i++)
        u_distribution_free(&u[i]);
    /* sqrt(10000 * 0.05 * 0.95) is 21.8. */
    assert_true(sound_count <= 500 + 88);
    assert_true(sound_count >= 100);
    assert_true(naive_count > 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedule_is_fixed),
        cmocka_unit_test(no_look_is_too_small_for_the_family),
        cmocka_unit_test(several_looks_raise_no_more_alarms_than_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
