/* median_interval.h: how far the median of what a sample was drawn from may lie from the sample's.
 * Thread-safe. */
#ifndef DATA_MEDIAN_INTERVAL_H
#define DATA_MEDIAN_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>

/* From the k-th smallest to the k-th largest of the sorted values, for the largest k at which it
 * holds the median in at least 1 - alpha of all samples, whatever the distribution: P(B < k) for
 * binomial B of `count` trials at 1/2 is at most alpha / 2 (the sign test turned round; David &
 * Nagaraja, Order Statistics, section 7.1). False where no k does: below 6 values at 0.05. */
bool median_interval(const double *sorted, size_t count, double alpha, double *low, double *high);

#endif
