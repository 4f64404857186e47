#include "data/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/statistics.h"

#define UNSTEADY_P     0.01
#define UNSTEADY_DRIFT 0.05

/* Index after the last of the values that equal sorted[first]. */
static size_t end_of_ties(const double *sorted, size_t count, size_t first)
{
    size_t end = first + 1;
    while (end < count && sorted[end] == sorted[first])
        end++;
    return end;
}

/* Multiplies the distribution of inversions among `m` values, in p[0 .. *length - 1], by that among
 * t further equal ones put between them: the latter is that of Mann and Whitney's U of m and t. */
static int put_between(double *p, double *scratch, size_t *length, size_t m, size_t t)
{
    if (m == 0)
        return 0;
    struct u_distribution u;
    if (u_distribution_make(&u, m, t))
        return -ENOMEM;
    size_t more = m * t + 1;
    memset(scratch, 0, (*length + more) * sizeof *scratch);
    for (size_t k = 0; k < more; k++) {
        double share = u_distribution_at(&u, (double)k);
        if (k > 0)
            share -= u_distribution_at(&u, (double)k - 1);
        for (size_t i = 0; i < *length; i++)
            scratch[i + k] += p[i] * share;
    }
    *length += more - 1;
    memcpy(p, scratch, *length * sizeof *p);
    u_distribution_free(&u);
    return 0;
}

/* P(|S| >= s) where all orders of the values are alike. A permutation of values of which `pairs`
 * pairs differ and `inversions` are inverted has S = pairs - 2 * inversions. */
static double exact_p(const double *sorted, size_t count, double s)
{
    size_t capacity = count * (count - 1) / 2 + 2;
    double *p = calloc(2 * capacity, sizeof *p);
    if (!p)
        return -ENOMEM;
    p[0] = 1;
    size_t length = 1;
    int error = 0;
    for (size_t first = 0, end; first < count && !error; first = end) {
        end = end_of_ties(sorted, count, first);
        error = put_between(p, p + capacity, &length, first, end - first);
    }
    double pairs = (double)(length - 1);
    double sum = 0;
    for (size_t inversions = 0; inversions < length; inversions++)
        if (fabs(pairs - 2 * (double)inversions) >= s)
            sum += p[inversions];
    free(p);
    return error ? error : fmin(1, sum);
}

/* With continuity correction, and the variance corrected for ties. */
static double normal_p(const double *sorted, size_t count, double s)
{
    double n = (double)count;
    double variance = n * (n - 1) * (2 * n + 5);
    for (size_t first = 0, end; first < count; first = end) {
        end = end_of_ties(sorted, count, first);
        double t = (double)(end - first);
        variance -= t * (t - 1) * (2 * t + 5);
    }
    return fmin(1, erfc((s - 1) / sqrt(variance / 18) / M_SQRT2));
}

/* Sorts, and returns how many pairs were in falling order. `scratch` has as much room. */
static double sort_counting(double *values, double *scratch, size_t count)
{
    if (count < 2)
        return 0;
    size_t middle = count / 2;
    double falling = sort_counting(values, scratch, middle) +
                     sort_counting(values + middle, scratch, count - middle);
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        if (right == count || (left < middle && values[left] <= values[right])) {
            scratch[i] = values[left++];
        } else {
            falling += (double)(middle - left);
            scratch[i] = values[right++];
        }
    }
    memcpy(values, scratch, count * sizeof *values);
    return falling;
}

/* How many pairs of the sorted values are equal. */
static double equal_pairs(const double *sorted, size_t count)
{
    double pairs = 0;
    for (size_t first = 0, end; first < count; first = end) {
        end = end_of_ties(sorted, count, first);
        pairs += (double)(end - first) * (double)(end - first - 1) / 2;
    }
    return pairs;
}

double trend_mann_kendall(const double *values, size_t count)
{
    if (count < 2)
        return 1;
    double *sorted = malloc(2 * count * sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    memcpy(sorted, values, count * sizeof *sorted);
    double falling = sort_counting(sorted, sorted + count, count);
    double all = (double)count * (double)(count - 1) / 2;
    double s = fabs(all - equal_pairs(sorted, count) - 2 * falling);
    double p = 1;
    if (s > 0)
        p = count <= TREND_EXACT_MAX ? exact_p(sorted, count, s) : normal_p(sorted, count, s);
    free(sorted);
    return p;
}

static double median_of(const double *values, size_t count, double *scratch)
{
    memcpy(scratch, values, count * sizeof *scratch);
    statistics_sort(scratch, count);
    return statistics_median(scratch, count);
}

int trend_is_unsteady(const double *iterations_ns, size_t count)
{
    size_t half = count - count / 2;
    const double *last_half = iterations_ns + count / 2;
    size_t quarter = half / 4;
    if (quarter == 0)
        return 0;
    double *scratch = malloc(quarter * sizeof *scratch);
    if (!scratch)
        return -ENOMEM;
    double first = median_of(last_half, quarter, scratch);
    double last = median_of(last_half + half - quarter, quarter, scratch);
    free(scratch);
    if (fabs(last - first) <= UNSTEADY_DRIFT * first)
        return 0;
    double p = trend_mann_kendall(last_half, half);
    return p < 0 ? -ENOMEM : p < UNSTEADY_P;
}
