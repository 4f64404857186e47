/* trend.h: whether a series of iterations has settled (METHODS.md section 1, "Steadiness").
 * Thread-safe. */
#ifndef DATA_TREND_H
#define DATA_TREND_H

#include <stdbool.h>
#include <stddef.h>

/* Up to this many values the distribution is exact, ties included; beyond, the normal one. */
#define TREND_EXACT_MAX 50

/* Two-sided p of Mann and Kendall's test for a trend in values[0 .. count - 1], which are in order
 * of time: S is the number of pairs that rise less that of those that fall. 1 where count < 2 or
 * all are equal. Negative: -ENOMEM. O(count log count). (Mann, Econometrica 1945; Kendall 1975) */
double trend_mann_kendall(const double *values, size_t count);

/* Whether the last half of the iterations (the larger one of an odd count) still drifts: p below
 * 0.01, and the median of its last quarter more than 5 % from that of its first. 1 or 0, or
 * -ENOMEM. Of fewer than 11 iterations none can be told, so that it is 0. */
int trend_is_unsteady(const double *iterations_ns, size_t count);

#endif
