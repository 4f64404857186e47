/* statistics.h: the comparison of two samples by METHODS.md section 8. Pure functions: they keep no
 * state, so they are thread-safe. Samples are finite numbers, one per invocation.
 */
#ifndef DATA_STATISTICS_H
#define DATA_STATISTICS_H

#include <stddef.h>

/* Both sample sizes up to this: exact distributions; beyond: the normal approximation. */
#define STATISTICS_EXACT_MAX 50

/* Sorts ascending, in place. */
void statistics_sort(double *values, size_t count);

/* Of a sorted sample with count > 0. The quantile interpolates linearly (Hyndman & Fan's type 7,
 * R's default), 0 <= q <= 1. */
double statistics_median(const double *sorted, size_t count);
double statistics_quantile(const double *sorted, size_t count, double q);

/* An interval for the median of what was sampled, without assumptions on its distribution: from the
 * k-th smallest to the k-th largest value, k the greatest whose coverage 1 - 2 P(B < k) is at least
 * 1 - alpha, B binomial with n = count and p = 1/2 (Conover, "Practical Nonparametric Statistics",
 * 3.2); the range where none has it: at 0.05 below count = 6. Sorted, count > 0. */
struct median_interval {
    double low;
    double high;
    double coverage;
};
struct median_interval statistics_median_interval(const double *sorted, size_t count, double alpha);

/* The distribution of Mann and Whitney's U without ties, for samples of n and m. Immutable once
 * made, so that it can serve many comparisons. */
struct u_distribution {
    size_t n;
    size_t m;
    double *cumulative; /* P(U <= u), u = 0 .. n*m; NULL: too large, the normal one is used */
};

/* n, m > 0. 0 or -ENOMEM; the caller gives it to u_distribution_free(). */
int u_distribution_make(struct u_distribution *u, size_t n, size_t m);
void u_distribution_free(struct u_distribution *u);

/* P(U <= u) for u >= 0. */
double u_distribution_at(const struct u_distribution *u, double value);

/* k of the interval for a shift with coverage of at least about 1 - alpha: from the k-th to the
 * (n*m + 1 - k)-th of the sorted differences, 1-based (as R's wilcox.test). *coverage is what is
 * reached. */
size_t u_interval_rank(const struct u_distribution *u, double alpha, double *coverage);

/* Two-sided p of Mann and Whitney's test of the sorted samples x and y, whose sizes are those of
 * `u`: exact with or without ties where both are up to STATISTICS_EXACT_MAX. Negative: -ENOMEM. */
double statistics_mann_whitney(const struct u_distribution *u, const double *x, const double *y);

struct shift_estimate {
    double estimate; /* Hodges-Lehmann: median of all y[j] - x[i] */
    double low;
    double high;
    double coverage; /* reached by [low, high] */
};

/* By how much the sorted sample y lies above the sorted sample x, of the sizes of `u`. In
 * logarithms it is the log of a ratio. O((n + m) log) by selection in sorted X + Y. */
struct shift_estimate statistics_shift(const struct u_distribution *u, const double *x,
                                       const double *y, double alpha);

/* The k-th smallest of all y[j] - x[i], 1 <= k <= n*m; both sorted. */
double statistics_select_difference(const double *x, size_t n, const double *y, size_t m, size_t k);

/* Holm's step-down adjustment of `count` p-values, in their order, into `adjusted`. 0 or -ENOMEM.
 */
int statistics_holm(const double *p, double *adjusted, size_t count);

/* One-sided Fisher exact test: the probability of at least new_failed failures among new_count,
 * given how many there are in both samples together. */
double statistics_fisher(size_t base_failed, size_t base_count, size_t new_failed,
                         size_t new_count);

/* The smallest two-sided p that samples of n and m can reach: 2 / C(n+m, n). */
double statistics_least_p(size_t n, size_t m);

/* The least n of two equal samples for which a family of `pairs` tests can reach an adjusted p
 * below alpha, 0 < alpha < 1. */
size_t statistics_needed_invocations(size_t pairs, double alpha);

#endif
