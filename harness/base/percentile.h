/* percentile.h: which of n sorted values a percentile is (METHODS.md section 4). Thread-safe.
 *
 * A percentile is named by the share of values above it, its tail 1/tail: 2 is the median, 10 the
 * 90th percentile, 100 the 99th, 10000 the 99.99th. Of n sorted values it is number
 * n - 1 - floor(n / tail), and it is undefined where n / tail < 10, since then fewer than ten
 * values would speak for it; the median alone is always defined, unless n is 0.
 */
#ifndef BASE_PERCENTILE_H
#define BASE_PERCENTILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Sets *rank, counted from 0, to the value that is the percentile; false where it is undefined. */
static inline bool percentile_rank(uint64_t n, uint64_t tail, uint64_t *rank)
{
    if (n == 0 || (tail != 2 && n / tail < 10))
        return false;
    *rank = n - 1 - n / tail;
    return true;
}

static inline int percentile_compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts n values, ascending. */
static inline void percentile_sort(int64_t *values, uint64_t n)
{
    qsort(values, n, sizeof *values, percentile_compare);
}

/* Sets *value to the percentile of the n values at `sorted`, ascending; false where undefined. */
static inline bool percentile_of_sorted(const int64_t *sorted, uint64_t n, uint64_t tail,
                                        int64_t *value)
{
    uint64_t rank;
    if (!percentile_rank(n, tail, &rank))
        return false;
    *value = sorted[rank];
    return true;
}

#endif
