/* metered.h: metered latency of requests (METHODS.md section 4.2; the metric of DaCapo Chopin,
 * whose LatencyReporter.java smooths in the same way): what a queue in front of the program would
 * have felt, had requests come evenly instead of waiting for each other.
 *
 * A request that began late because one before it was stalled is given the start that it would have
 * had if those that began within W/2 before and after it had begun at even distances; its latency
 * runs from there, unless it really began earlier. All functions are thread-safe.
 */
#ifndef BASE_METERED_H
#define BASE_METERED_H

#include <stddef.h>
#include <stdint.h>

/* One request as it was served, CLOCK_MONOTONIC. */
struct request {
    int64_t begin_ns;
    int64_t end_ns;
};

/* Sorts by start, those with equal starts by end: which of them counts as the earlier one is the
 * choice that the definition leaves. O(n log n). */
void metered_sort(struct request *requests, size_t count);

/* Writes the metered latency of each of `count` sorted requests to latency_ns[0 .. count - 1]. The
 * smoothed start is rounded down to a whole nanosecond. O(n). Exact up to 2^31 requests and as long
 * as begin_ns +- window_ns / 2 fits in 63 bits. */
void metered_latency(const struct request *sorted, size_t count, int64_t window_ns,
                     int64_t *latency_ns);

/* The window of full smoothing, 10 x elapsed, which takes in all requests from any: elapsed from
 * the first start to the last end. `count` > 0, sorted. */
int64_t metered_full_window_ns(const struct request *sorted, size_t count);

#endif
