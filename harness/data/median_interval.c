#include "data/median_interval.h"

#include <math.h>

bool median_interval(const double *sorted, size_t count, double alpha, double *low, double *high)
{
    /* In logarithms, since 2^-count is no double beyond a thousand values. */
    double log_term = -(double)count * log(2);
    double below = exp(log_term); /* P(B <= i) */
    size_t k = 0;
    for (size_t i = 0; i < count / 2 && below <= alpha / 2; i++) {
        k = i + 1;
        log_term += log((double)(count - i) / (double)(i + 1));
        below += exp(log_term);
    }
    if (k == 0)
        return false;
    *low = sorted[k - 1];
    *high = sorted[count - k];
    return true;
}
