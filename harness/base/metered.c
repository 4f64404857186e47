#include "metered.h"

#include <stdlib.h>

static int request_compare(const void *a, const void *b)
{
    const struct request *x = a;
    const struct request *y = b;
    if (x->begin_ns != y->begin_ns)
        return x->begin_ns < y->begin_ns ? -1 : 1;
    return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

void metered_sort(struct request *requests, size_t count)
{
    qsort(requests, count, sizeof *requests, request_compare);
}

/* b_s + (i - s) * (b_e - b_s) / (e - s), rounded down. The product of a request count and a time
 * can exceed 64 bits, so the time is divided first and its remainder carried along. */
static int64_t smoothed_start_ns(const struct request *sorted, size_t i, size_t s, size_t e)
{
    uint64_t steps = e - s;
    uint64_t span_ns = (uint64_t)(sorted[e].begin_ns - sorted[s].begin_ns);
    uint64_t offset_ns = (i - s) * (span_ns / steps) + (i - s) * (span_ns % steps) / steps;
    return sorted[s].begin_ns + (int64_t)offset_ns;
}

void metered_latency(const struct request *sorted, size_t count, int64_t window_ns,
                     int64_t *latency_ns)
{
    int64_t half_ns = window_ns / 2;
    size_t s = 0;
    size_t e = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t start_ns = sorted[i].begin_ns;
        /* Starts ascend, so both ends of the window do. */
        while (sorted[s].begin_ns < start_ns - half_ns)
            s++;
        while (e < count - 1 && sorted[e].begin_ns < start_ns + half_ns)
            e++;
        if (e != s) {
            int64_t smoothed_ns = smoothed_start_ns(sorted, i, s, e);
            if (smoothed_ns < start_ns)
                start_ns = smoothed_ns;
        }
        latency_ns[i] = sorted[i].end_ns - start_ns;
    }
}

int64_t metered_full_window_ns(const struct request *sorted, size_t count)
{
    int64_t last_ns = sorted[0].end_ns;
    for (size_t i = 1; i < count; i++)
        if (sorted[i].end_ns > last_ns)
            last_ns = sorted[i].end_ns;
    return 10 * (last_ns - sorted[0].begin_ns);
}
