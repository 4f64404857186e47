/* event_log_cost.h: what recording a stop costs (at most 200 ns are allowed, beside the readings of
 * the clocks, which are the backend's). */
#ifndef BENCH_EVENT_LOG_COST_H
#define BENCH_EVENT_LOG_COST_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of CPU time per stop, the mean over `count` (> 0) of them into an empty log: in a
 * file as the driver makes it, or in private memory. Its growth and the page faults of its first
 * use are included. Negative: there is no memory for it. The log is never unmapped. */
double event_log_cost_ns(bool in_file, uint64_t count);

#endif
