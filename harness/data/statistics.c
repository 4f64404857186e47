#include "data/statistics.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

void statistics_sort(double *values, size_t count)
{
    if (count > 1)
        qsort(values, count, sizeof *values, compare_doubles);
}

double statistics_median(const double *sorted, size_t count)
{
    return statistics_quantile(sorted, count, 0.5);
}

double statistics_quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t below = (size_t)at;
    double part = at - (double)below;
    if (part == 0)
        return sorted[below];
    return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

struct median_interval statistics_median_interval(const double *sorted, size_t count, double alpha)
{
    double n = (double)count;
    double below = 0; /* P(B < k) */
    size_t k = 0;
    for (;;) {
        double next = below + exp(lgamma(n + 1) - lgamma((double)k + 1) -
                                  lgamma(n - (double)k + 1) - n * log(2));
        if (k > 0 && 2 * next > alpha)
            break;
        below = next;
        k++;
    }
    return (struct median_interval){sorted[k - 1], sorted[count - k], 1 - 2 * below};
}

/* P(Z <= z) */
static double normal_at(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

/* The z with P(Z <= z) = p, by bisection. */
static double normal_quantile(double p)
{
    double low = -40;
    double high = 40;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (normal_at(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* Without ties. */
static double u_deviation(const struct u_distribution *u)
{
    double n = (double)u->n;
    double m = (double)u->m;
    return sqrt(n * m * (n + m + 1) / 12);
}

/* Mann & Whitney's recursion f(n,m,u) = f(n-1,m,u-m) + f(n,m-1,u), f(0,m,0) = f(n,0,0) = 1: row i
 * of `ways` holds f(i,j,·) while j grows to m. */
static void count_ways(double *ways, size_t n, size_t m)
{
    size_t width = n * m + 1;
    for (size_t i = 0; i <= n; i++)
        ways[i * width] = 1;
    for (size_t j = 1; j <= m; j++)
        for (size_t i = 1; i <= n; i++)
            for (size_t v = j; v <= i * j; v++)
                ways[i * width + v] += ways[(i - 1) * width + v - j];
}

int u_distribution_make(struct u_distribution *u, size_t n, size_t m)
{
    *u = (struct u_distribution){.n = n, .m = m};
    if (n > STATISTICS_EXACT_MAX || m > STATISTICS_EXACT_MAX)
        return 0;
    size_t width = n * m + 1;
    double *ways = calloc((n + 1) * width, sizeof *ways);
    u->cumulative = malloc(width * sizeof *u->cumulative);
    if (!ways || !u->cumulative) {
        free(ways);
        u_distribution_free(u);
        return -ENOMEM;
    }
    count_ways(ways, n, m);
    double sum = 0;
    for (size_t v = 0; v < width; v++)
        u->cumulative[v] = sum += ways[n * width + v];
    for (size_t v = 0; v < width; v++)
        u->cumulative[v] /= sum;
    free(ways);
    return 0;
}

void u_distribution_free(struct u_distribution *u)
{
    free(u->cumulative);
    u->cumulative = NULL;
}

double u_distribution_at(const struct u_distribution *u, double value)
{
    double most = (double)u->n * (double)u->m;
    if (value >= most)
        return 1;
    if (u->cumulative)
        return u->cumulative[(size_t)value];
    return normal_at((floor(value) + 0.5 - most / 2) / u_deviation(u));
}

size_t u_interval_rank(const struct u_distribution *u, double alpha, double *coverage)
{
    double most = (double)u->n * (double)u->m;
    double k = 0;
    if (u->cumulative)
        while (u->cumulative[(size_t)k] < alpha / 2)
            k++;
    else
        k = ceil(most / 2 + normal_quantile(alpha / 2) * u_deviation(u) - 0.5);
    if (k < 1)
        k = 1;
    *coverage = 1 - 2 * u_distribution_at(u, k - 1);
    if (*coverage < 0)
        *coverage = 0;
    return (size_t)k;
}

/* Both samples in one sorted sequence, by groups of equal values. */
struct merge {
    const double *x, *y;
    size_t n, m;
    size_t i, j;
};

/* How many of x and y are in the next group; false at the end. */
static bool next_group(struct merge *merge, size_t *from_x, size_t *from_y)
{
    size_t i = merge->i;
    size_t j = merge->j;
    if (i == merge->n && j == merge->m)
        return false;
    double value = i == merge->n   ? merge->y[j]
                   : j == merge->m ? merge->x[i]
                                   : fmin(merge->x[i], merge->y[j]);
    while (i < merge->n && merge->x[i] == value)
        i++;
    while (j < merge->m && merge->y[j] == value)
        j++;
    *from_x = i - merge->i;
    *from_y = j - merge->j;
    merge->i = i;
    merge->j = j;
    return true;
}

struct ranking {
    double u;             /* pairs with y above x, ties counting half */
    double tie_sum;       /* of t^3 - t over groups of equal values */
    size_t x_sum_doubled; /* of twice the midranks of x */
    unsigned doubled_midranks[2 * STATISTICS_EXACT_MAX]; /* filled where the test is exact */
};

static void rank_samples(const struct u_distribution *u, const double *x, const double *y,
                         struct ranking *ranking)
{
    struct merge merge = {.x = x, .y = y, .n = u->n, .m = u->m};
    size_t before = 0;
    size_t from_x;
    size_t from_y;
    *ranking = (struct ranking){0};
    while (next_group(&merge, &from_x, &from_y)) {
        size_t size = from_x + from_y;
        /* Ranks before + 1 .. before + size; twice their mean: */
        size_t doubled = 2 * before + size + 1;
        double below = (double)(merge.i - from_x);
        ranking->u += (double)from_y * (below + 0.5 * (double)from_x);
        ranking->tie_sum += (double)size * (double)size * (double)size - (double)size;
        ranking->x_sum_doubled += doubled * from_x;
        if (u->cumulative)
            for (size_t r = before; r < before + size; r++)
                ranking->doubled_midranks[r] = (unsigned)doubled;
        before += size;
    }
}

/* The shift algorithm of Streitberg & Roehmel (Statistical Software Newsletter 12, 1986): in how
 * many ways n of the scores sum to each total. *low and *high become the probabilities of a total
 * at most and at least `observed`. */
static int shift_algorithm(const struct ranking *ranking, size_t n, size_t all, double *low,
                           double *high)
{
    size_t least[2 * STATISTICS_EXACT_MAX + 1] = {0}; /* sums of so many of the smallest scores */
    for (size_t r = 0; r < all; r++)
        least[r + 1] = least[r] + ranking->doubled_midranks[r];
    size_t width = least[all] + 1;
    /* Never none: ranks are small. */
    size_t place_count = (n + 1) * width;
    double *ways = place_count > 0 ? calloc(place_count, sizeof *ways) : NULL;
    if (!ways)
        return -ENOMEM;
    ways[0] = 1;
    /* Scores ascend, so `taken` of the first r + 1 sum to no less than the smallest and no more
     * than the largest of them; and those that are still to come can only complete n of them. */
    for (size_t r = 0; r < all; r++) {
        size_t score = ranking->doubled_midranks[r];
        size_t to_come = all - 1 - r;
        size_t fewest = n > to_come + 1 ? n - to_come : 1;
        for (size_t taken = r + 1 < n ? r + 1 : n; taken >= fewest; taken--) {
            size_t most = least[r + 1] - least[r + 1 - taken];
            double *sums = ways + taken * width;
            const double *before = ways + (taken - 1) * width;
            for (size_t sum = least[taken - 1] + score; sum <= most; sum++)
                sums[sum] += before[sum - score];
        }
    }
    double total = 0;
    *low = *high = 0;
    for (size_t sum = 0; sum < width; sum++) {
        double w = ways[n * width + sum];
        total += w;
        if (sum <= ranking->x_sum_doubled)
            *low += w;
        if (sum >= ranking->x_sum_doubled)
            *high += w;
    }
    *low /= total;
    *high /= total;
    free(ways);
    return 0;
}

static double normal_p(const struct u_distribution *u, const struct ranking *ranking)
{
    double n = (double)u->n;
    double m = (double)u->m;
    double all = n + m;
    double variance = n * m / 12 * (all + 1 - ranking->tie_sum / (all * (all - 1)));
    if (variance <= 0)
        return 1;
    double z = (fabs(ranking->u - n * m / 2) - 0.5) / sqrt(variance);
    return z <= 0 ? 1 : erfc(z / sqrt(2));
}

double statistics_mann_whitney(const struct u_distribution *u, const double *x, const double *y)
{
    struct ranking ranking;
    rank_samples(u, x, y, &ranking);
    if (!u->cumulative)
        return normal_p(u, &ranking);
    double other = (double)u->n * (double)u->m - ranking.u;
    if (ranking.tie_sum == 0)
        return fmin(1, 2 * u_distribution_at(u, fmin(ranking.u, other)));
    double low;
    double high;
    if (shift_algorithm(&ranking, u->n, u->n + u->m, &low, &high))
        return -ENOMEM;
    return fmin(1, 2 * fmin(low, high));
}

/* Maps doubles to integers in the same order, and back. */
static int64_t order_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? (int64_t)(UINT64_C(0x8000000000000000) - (uint64_t)bits) : bits;
}

static double value_of(int64_t order)
{
    int64_t bits = order < 0 ? (int64_t)(UINT64_C(0x8000000000000000) - (uint64_t)order) : order;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Of the differences y[j] - x[i], how many are at most a limit, and those next to it. */
struct cut {
    size_t at_most;
    double below; /* the greatest at most it */
    double above; /* the least beyond it */
};

/* Rounding keeps the order, so each row and column of differences is sorted. */
static struct cut cut_at(const double *x, size_t n, const double *y, size_t m, double limit)
{
    struct cut cut = {.below = -INFINITY, .above = INFINITY};
    size_t j = 0;
    for (size_t i = 0; i < n; i++) {
        while (j < m && y[j] - x[i] <= limit)
            j++;
        cut.at_most += j;
        if (j > 0 && y[j - 1] - x[i] > cut.below)
            cut.below = y[j - 1] - x[i];
        if (j < m && y[j] - x[i] < cut.above)
            cut.above = y[j] - x[i];
    }
    return cut;
}

/* A value between the bounds below which some `wanted` of the `within` differences between them are
 * expected. */
static double interpolate(double low, double high, double wanted, size_t within)
{
    return low + (high - low) * (wanted / (double)within);
}

/* Halves the count of doubles between the bounds, whatever these are. */
static double halve(double low, double high)
{
    uint64_t apart = (uint64_t)order_of(high) - (uint64_t)order_of(low);
    return value_of(order_of(low) + (int64_t)(apart / 2));
}

/* Bounds that are differences close in on the k-th, by interpolation: a little below it and a
 * little above it in turns, so that both move. Where that leaves more than half of what lay
 * between, by halving. */
double statistics_select_difference(const double *x, size_t n, const double *y, size_t m, size_t k)
{
    double low = y[0] - x[n - 1];
    double high = y[m - 1] - x[0];
    size_t under_low = 0, up_to_high = n * m;
    bool is_slow = false;
    for (unsigned step = 0; low < high; step++) {
        size_t within = up_to_high - under_low;
        double aside = (double)within / 32 * (step % 2 ? 1 : -1);
        double limit = is_slow
                           ? halve(low, high)
                           : interpolate(low, high, (double)(k - under_low) - 0.5 + aside, within);
        if (!(limit >= low))
            limit = low;
        if (limit >= high)
            limit = value_of(order_of(high) - 1);
        struct cut cut = cut_at(x, n, y, m, limit);
        if (cut.at_most >= k) {
            high = cut.below;
            up_to_high = cut.at_most;
        } else {
            low = cut.above;
            under_low = cut.at_most;
        }
        is_slow = up_to_high - under_low > within / 2 && !is_slow;
    }
    return low;
}

struct shift_estimate statistics_shift(const struct u_distribution *u, const double *x,
                                       const double *y, double alpha)
{
    struct shift_estimate shift;
    size_t pairs = u->n * u->m;
    size_t k = u_interval_rank(u, alpha, &shift.coverage);
    /* At one pair, k is past the middle. */
    if (k > (pairs + 1) / 2)
        k = (pairs + 1) / 2;
    double below = statistics_select_difference(x, u->n, y, u->m, (pairs + 1) / 2);
    struct cut middle = cut_at(x, u->n, y, u->m, below);
    double above = middle.at_most > pairs / 2 ? below : middle.above;
    shift.estimate = (below + above) / 2;
    shift.low = statistics_select_difference(x, u->n, y, u->m, k);
    shift.high = statistics_select_difference(x, u->n, y, u->m, pairs + 1 - k);
    return shift;
}

struct ranked_p {
    double p;
    size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    return compare_doubles(&((const struct ranked_p *)a)->p, &((const struct ranked_p *)b)->p);
}

int statistics_holm(const double *p, double *adjusted, size_t count)
{
    if (count == 0)
        return 0;
    struct ranked_p *ranked = malloc(count * sizeof *ranked);
    if (!ranked)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked_p){p[i], i};
    qsort(ranked, count, sizeof *ranked, compare_ranked);
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fmin(1, (double)(count - i) * ranked[i].p));
        adjusted[ranked[i].index] = largest;
    }
    free(ranked);
    return 0;
}

static double log_choose(size_t n, size_t k)
{
    int sign;
    return lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign) -
           lgamma_r((double)(n - k) + 1, &sign);
}

double statistics_fisher(size_t base_failed, size_t base_count, size_t new_failed, size_t new_count)
{
    size_t failed = base_failed + new_failed;
    size_t most = failed < new_count ? failed : new_count;
    double all = log_choose(base_count + new_count, failed);
    double p = 0;
    for (size_t f = new_failed; f <= most; f++)
        if (failed - f <= base_count)
            p += exp(log_choose(new_count, f) + log_choose(base_count, failed - f) - all);
    return fmin(1, p);
}

double statistics_least_p(size_t n, size_t m)
{
    return fmin(1, 2 * exp(-log_choose(n + m, n)));
}

size_t statistics_needed_invocations(size_t pairs, double alpha)
{
    size_t n = 1;
    while ((double)pairs * statistics_least_p(n, n) >= alpha)
        n++;
    return n;
}
