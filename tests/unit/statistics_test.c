/* Statistics against published values and against oracles that enumerate every possibility. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "data/statistics.h"
#include "fixtures/r_statistics.h"

static void assert_close(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        print_error("%.17g is not %.17g within %g\n", got, expected, tolerance);
        fail();
    }
}

static double mann_whitney(const double *x, size_t n, const double *y, size_t m)
{
    struct u_distribution u;
    assert_int_equal(u_distribution_make(&u, n, m), 0);
    double p = statistics_mann_whitney(&u, x, y);
    u_distribution_free(&u);
    return p;
}

static struct shift_estimate shift(const double *x, size_t n, const double *y, size_t m,
                                   double alpha)
{
    struct u_distribution u;
    assert_int_equal(u_distribution_make(&u, n, m), 0);
    struct shift_estimate estimate = statistics_shift(&u, x, y, alpha);
    u_distribution_free(&u);
    return estimate;
}

/* Between samples of different size, and as far as the interval of continuous data is told. */
static void what_r_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof r_wilcoxon / sizeof *r_wilcoxon; i++) {
        double x[24], y[24];
        size_t n = r_wilcoxon[i].n, m = r_wilcoxon[i].m;
        memcpy(x, r_wilcoxon[i].x, sizeof x);
        memcpy(y, r_wilcoxon[i].y, sizeof y);
        statistics_sort(x, n);
        statistics_sort(y, m);
        assert_close(mann_whitney(x, n, y, m), r_wilcoxon[i].p, 1e-12);
        struct shift_estimate s = shift(x, n, y, m, 0.05);
        assert_close(s.estimate, r_wilcoxon[i].estimate, 1e-12);
        assert_close(s.low, r_wilcoxon[i].low, 1e-12);
        assert_close(s.high, r_wilcoxon[i].high, 1e-12);
    }
    for (size_t i = 0; i < sizeof r_holm / sizeof *r_holm; i++) {
        double adjusted[12];
        assert_int_equal(statistics_holm(r_holm[i].p, adjusted, r_holm[i].count), 0);
        for (size_t k = 0; k < r_holm[i].count; k++)
            assert_close(adjusted[k], r_holm[i].adjusted[k], 1e-12);
    }
    for (size_t i = 0; i < sizeof r_fisher / sizeof *r_fisher; i++)
        assert_close(statistics_fisher(r_fisher[i].base_failed, r_fisher[i].base_count,
                                       r_fisher[i].new_failed, r_fisher[i].new_count),
                     r_fisher[i].p, 1e-12);
}

/* Twice U, the number of pairs with y above x: integer, so that comparisons are exact. */
static int doubled_u(const double *x, size_t n, const double *y, size_t m)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            sum += y[j] > x[i] ? 2 : y[j] == x[i];
    return sum;
}

/* Two-sided p by dealing the pooled values out in every way. */
static double permutation_p(const double *x, size_t n, const double *y, size_t m)
{
    double pool[16];
    memcpy(pool, x, n * sizeof *x);
    memcpy(pool + n, y, m * sizeof *y);
    int observed = doubled_u(x, n, y, m);
    double all = 0, low = 0, high = 0;
    for (unsigned deal = 0; deal < 1u << (n + m); deal++) {
        if ((size_t)__builtin_popcount(deal) != n)
            continue;
        double a[16], b[16];
        size_t a_count = 0, b_count = 0;
        for (size_t i = 0; i < n + m; i++) {
            if (deal >> i & 1)
                a[a_count++] = pool[i];
            else
                b[b_count++] = pool[i];
        }
        int u = doubled_u(a, n, b, m);
        all++;
        low += u <= observed;
        high += u >= observed;
    }
    return fmin(1, 2 * fmin(low, high) / all);
}

static void exact_p_equals_all_permutations(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (int trial = 0; trial < 300; trial++) {
        size_t n = 1 + rng_below(&rng, 5);
        size_t m = 1 + rng_below(&rng, 6);
        /* Few different values: many ties. Every third trial has none. */
        uint64_t values = trial % 3 ? 1 + rng_below(&rng, 8) : UINT32_MAX;
        double x[8], y[8];
        for (size_t i = 0; i < n; i++)
            x[i] = (double)rng_below(&rng, values);
        for (size_t j = 0; j < m; j++)
            y[j] = (double)rng_below(&rng, values);
        statistics_sort(x, n);
        statistics_sort(y, m);
        assert_close(mann_whitney(x, n, y, m), permutation_p(x, n, y, m), 1e-12);
    }
}

/* Hollander & Wolfe, Nonparametric Statistical Methods, 1973, p. 69, as in R's ?wilcox.test:
 * W = 35, p = 0.1272 one-sided; conf.int: estimate 0.305. */
static double permeability_x[] = {0.73, 0.80, 0.83, 1.04, 1.38, 1.45, 1.46, 1.64, 1.89, 1.91};
static double permeability_y[] = {0.74, 0.88, 0.90, 1.15, 1.21};

static void published_example(void **state)
{
    (void)state;
    double p = mann_whitney(permeability_y, 5, permeability_x, 10);
    assert_close(p, 2 * 0.1272, 1e-4);
    struct shift_estimate estimate = shift(permeability_y, 5, permeability_x, 10, 0.05);
    assert_close(estimate.estimate, 0.305, 1e-12);
}

/* P(U <= u) from the tables of Mann & Whitney, Annals of Mathematical Statistics 18, 1947, and
 * counted by hand for the smallest. */
static void distribution_of_u(void **state)
{
    (void)state;
    static const struct {
        size_t n, m, u;
        double p;
    } cases[] = {
        {3, 3, 0, 1 / 20.0}, {3, 3, 4, 10 / 20.0}, {5, 5, 2, 4 / 252.0}, {5, 5, 3, 7 / 252.0},
        {4, 8, 4, 0.024},    {8, 8, 13, 0.025},    {8, 8, 31, 0.480},    {6, 7, 9, 0.051},
        {1, 4, 1, 2 / 5.0},  {2, 2, 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct u_distribution u;
        assert_int_equal(u_distribution_make(&u, cases[i].n, cases[i].m), 0);
        assert_close(u_distribution_at(&u, (double)cases[i].u), cases[i].p, 5.01e-4);
        u_distribution_free(&u);
    }
}

static void ranks_of_the_interval(void **state)
{
    (void)state;
    /* As METHODS.md section 8 and R's qwilcox(0.025, n, m) say. */
    static const struct {
        size_t n, m, k, upper;
    } cases[] = {
        {5, 5, 3, 23}, {10, 10, 24, 77}, {20, 20, 128, 273},
        {3, 3, 1, 9},  {1, 1, 1, 1},     {4, 6, 3, 22},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct u_distribution u;
        assert_int_equal(u_distribution_make(&u, cases[i].n, cases[i].m), 0);
        double coverage;
        size_t k = u_interval_rank(&u, 0.05, &coverage);
        assert_int_equal(k, cases[i].k);
        assert_int_equal(cases[i].n * cases[i].m + 1 - k, cases[i].upper);
        assert_close(coverage, 1 - 2 * (k > 0 ? u_distribution_at(&u, (double)k - 1) : 0), 1e-12);
        if (cases[i].n == 5)
            assert_close(coverage, 1 - 8 / 252.0, 1e-12);
        u_distribution_free(&u);
    }
}

static void the_interval_excludes_zero_only_where_p_is_small(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 2, 0);
    for (int trial = 0; trial < 300; trial++) {
        size_t n = 3 + rng_below(&rng, 10);
        size_t m = 3 + rng_below(&rng, 10);
        double x[16], y[16];
        for (size_t i = 0; i < n; i++)
            x[i] = rng_unit(&rng);
        for (size_t j = 0; j < m; j++)
            y[j] = rng_unit(&rng) + 0.4;
        statistics_sort(x, n);
        statistics_sort(y, m);
        struct shift_estimate s = shift(x, n, y, m, 0.05);
        double p = mann_whitney(x, n, y, m);
        assert_true(s.low <= s.estimate && s.estimate <= s.high);
        if (s.low > 0 || s.high < 0)
            assert_true(p < 0.05 || s.coverage < 0.95);
    }
}

static void selection_equals_sorting(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3, 0);
    for (int trial = 0; trial < 60; trial++) {
        size_t n = 1 + rng_below(&rng, 12);
        size_t m = 1 + rng_below(&rng, 12);
        double x[16], y[16], all[144];
        for (size_t i = 0; i < n; i++)
            x[i] = trial % 2 ? (double)rng_below(&rng, 4) : rng_unit(&rng) - 0.5;
        for (size_t j = 0; j < m; j++)
            y[j] = trial % 2 ? (double)rng_below(&rng, 4) : rng_unit(&rng) * 1e-9;
        statistics_sort(x, n);
        statistics_sort(y, m);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m; j++)
                all[i * m + j] = y[j] - x[i];
        statistics_sort(all, n * m);
        for (size_t k = 1; k <= n * m; k++)
            assert_true(statistics_select_difference(x, n, y, m, k) == all[k - 1]);
        assert_close(shift(x, n, y, m, 0.05).estimate, statistics_median(all, n * m), 1e-15);
    }
}

static void identical_samples(void **state)
{
    (void)state;
    static double constant[60];
    static double spread[60];
    for (int i = 0; i < 60; i++) {
        constant[i] = 7;
        spread[i] = i;
    }
    for (size_t n = 1; n <= 60; n += n < 12 ? 1 : 16) {
        assert_true(mann_whitney(constant, n, constant, n) == 1);
        assert_true(mann_whitney(spread, n, spread, n) == 1);
        struct shift_estimate s = shift(constant, n, constant, n, 0.05);
        assert_true(s.estimate == 0 && s.low == 0 && s.high == 0);
        s = shift(spread, n, spread, n, 0.05);
        assert_true(s.estimate == 0 && s.low == -s.high);
    }
}

/* Where both are known, the exact and the normal p are close: so is neither wrong. */
static void normal_approximation_is_near_the_exact_one(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 4, 0);
    for (int trial = 0; trial < 6; trial++) {
        double x[50], y[50];
        for (size_t i = 0; i < 50; i++) {
            x[i] = trial % 2 ? (double)rng_below(&rng, 6) : rng_unit(&rng);
            y[i] = trial % 2 ? (double)rng_below(&rng, 7) : rng_unit(&rng) + 0.05 * trial;
        }
        statistics_sort(x, 50);
        statistics_sort(y, 50);
        double exact = mann_whitney(x, 50, y, 50);
        struct u_distribution normal = {.n = 50, .m = 50, .cumulative = NULL};
        assert_close(statistics_mann_whitney(&normal, x, y), exact, 0.01);
        struct shift_estimate a = shift(x, 50, y, 50, 0.05);
        struct shift_estimate b = statistics_shift(&normal, x, y, 0.05);
        assert_true(a.estimate == b.estimate);
        double k_coverage;
        size_t k = u_interval_rank(&normal, 0.05, &k_coverage);
        assert_close((double)k, 965, 4);
        assert_close(b.coverage, 0.95, 0.01);
    }
    double x[200], y[300];
    for (size_t i = 0; i < 200; i++)
        x[i] = (double)i;
    for (size_t j = 0; j < 300; j++)
        y[j] = (double)j + 1000;
    assert_true(mann_whitney(x, 200, y, 300) < 1e-12);
    assert_true(shift(x, 200, y, 300, 0.05).low > 0);
}

static void order_statistics(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3, 10};
    statistics_sort(values, 6);
    assert_close(statistics_median(values, 6), 3.5, 0);
    assert_close(statistics_median(values, 5), 3, 0);
    assert_close(statistics_median(values, 1), 1, 0);
    /* quantile(c(1,2,3,4,5,10), c(0, .1, .25, .9, 1)) in R */
    assert_close(statistics_quantile(values, 6, 0), 1, 0);
    assert_close(statistics_quantile(values, 6, 0.1), 1.5, 1e-12);
    assert_close(statistics_quantile(values, 6, 0.25), 2.25, 1e-12);
    assert_close(statistics_quantile(values, 6, 0.9), 7.5, 1e-12);
    assert_close(statistics_quantile(values, 6, 1), 10, 0);
}

static void holm(void **state)
{
    (void)state;
    /* p.adjust(c(.01, .04, .03, .005), "holm") in R */
    const double p[] = {0.01, 0.04, 0.03, 0.005};
    const double expected[] = {0.03, 0.06, 0.06, 0.02};
    double adjusted[4];
    assert_int_equal(statistics_holm(p, adjusted, 4), 0);
    for (int i = 0; i < 4; i++)
        assert_close(adjusted[i], expected[i], 1e-12);
    const double large[] = {0.9, 0.5};
    assert_int_equal(statistics_holm(large, adjusted, 2), 0);
    assert_true(adjusted[0] == 1 && adjusted[1] == 1);
    assert_int_equal(statistics_holm(NULL, NULL, 0), 0);
}

static double choose(size_t n, size_t k)
{
    double ways = 1;
    for (size_t i = 0; i < k; i++)
        ways = ways * (double)(n - i) / (double)(i + 1);
    return ways;
}

static void fisher(void **state)
{
    (void)state;
    /* The lady tasting tea: fisher.test(matrix(c(3,1,1,3), 2), alternative = "greater"): 0.2429 */
    assert_close(statistics_fisher(1, 4, 3, 4), 17.0 / 70, 1e-12);
    assert_close(statistics_fisher(0, 10, 0, 10), 1, 1e-12);
    assert_close(statistics_fisher(0, 10, 10, 10), 1 / choose(20, 10), 1e-15);
    assert_close(statistics_fisher(10, 10, 0, 10), 1, 1e-12);
    assert_close(statistics_fisher(0, 0, 3, 3), 1, 1e-12);
    for (size_t a = 0; a <= 6; a++) {
        for (size_t b = 0; b <= 8; b++) {
            double p = 0;
            for (size_t f = b; f <= 8 && f <= a + b; f++)
                if (a + b - f <= 6)
                    p += choose(8, f) * choose(6, a + b - f) / choose(14, a + b);
            assert_close(statistics_fisher(a, 6, b, 8), p, 1e-12);
        }
    }
}

static void what_a_family_needs(void **state)
{
    (void)state;
    assert_close(statistics_least_p(5, 5), 2 / 252.0, 1e-12);
    assert_close(statistics_least_p(1, 1), 1, 0);
    /* METHODS.md section 8 */
    static const struct {
        size_t pairs, n;
    } cases[] = {{6, 5}, {7, 6}, {23, 6}, {24, 7}, {85, 7}, {86, 8}, {321, 8}, {322, 9}, {1, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(statistics_needed_invocations(cases[i].pairs, 0.05), cases[i].n);
}

/* Ranks from tables of the binomial distribution at 1/2, or of the sign test: for n = 10,
 * P(B <= 1) = 11/1024. */
static void interval_of_the_median(void **state)
{
    (void)state;
    double values[20];
    for (int i = 0; i < 20; i++)
        values[i] = i + 1;
    static const struct {
        size_t n, low, high;
        double coverage;
    } cases[] = {{1, 1, 1, 0},
                 {5, 1, 5, 1 - 2 / 32.0},
                 {6, 1, 6, 1 - 2 / 64.0},
                 {8, 1, 8, 1 - 2 / 256.0},
                 {9, 2, 8, 1 - 20 / 512.0},
                 {10, 2, 9, 1 - 22 / 1024.0},
                 {20, 6, 15, 1 - 2 * 21700 / 1048576.0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct median_interval at = statistics_median_interval(values, cases[i].n, 0.05);
        assert_close(at.low, (double)cases[i].low, 0);
        assert_close(at.high, (double)cases[i].high, 0);
        assert_close(at.coverage, cases[i].coverage, 1e-12);
    }

    static const struct {
        size_t n, rank;
        double alpha;
    } ranks[] = {{100, 40, 0.05}, {10, 1, 0.01}, {2000, 956, 0.05}};
    static double sorted[2000];
    for (size_t i = 0; i < 2000; i++)
        sorted[i] = (double)(i + 1);
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        struct median_interval at = statistics_median_interval(sorted, ranks[i].n, ranks[i].alpha);
        assert_close(at.low, (double)ranks[i].rank, 0);
        assert_close(at.high, (double)(ranks[i].n + 1 - ranks[i].rank), 0);
        assert_true(at.coverage >= 1 - ranks[i].alpha);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_p_equals_all_permutations),
        cmocka_unit_test(published_example),
        cmocka_unit_test(what_r_says),
        cmocka_unit_test(distribution_of_u),
        cmocka_unit_test(ranks_of_the_interval),
        cmocka_unit_test(the_interval_excludes_zero_only_where_p_is_small),
        cmocka_unit_test(selection_equals_sorting),
        cmocka_unit_test(identical_samples),
        cmocka_unit_test(normal_approximation_is_near_the_exact_one),
        cmocka_unit_test(order_statistics),
        cmocka_unit_test(interval_of_the_median),
        cmocka_unit_test(holm),
        cmocka_unit_test(fisher),
        cmocka_unit_test(what_a_family_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
