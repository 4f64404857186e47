/* perf_counters.h: events that the processor counts (perf_event_open), in user space, over all
 * threads of the process that start after they were opened, and the opening one.
 *
 * A counter that the kernel or the processor does not offer is not there, which many virtual
 * machines are an example of; none of these functions fails for that. Nothing here allocates.
 */
#ifndef RUNNER_PERF_COUNTERS_H
#define RUNNER_PERF_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERF_COUNTERS_MAX 8

struct perf_counter_kind {
    const char *name; /* of the metric */
    uint32_t type;    /* PERF_TYPE_… */
    uint64_t config;  /* PERF_COUNT_… */
};

/* Instructions, cycles, misses of the last cache and of the TLBs; ends with a NULL name. */
extern const struct perf_counter_kind perf_counter_kinds[];

struct perf_counters {
    const struct perf_counter_kind *kinds;
    size_t count;
    int fds[PERF_COUNTERS_MAX]; /* -1: not offered */
};

struct perf_counter_value {
    bool is_known;
    bool is_scaled; /* it was counted for a part of the time only, and multiplied up */
    uint64_t value;
};

/* Opens the counters of `kinds` (at most PERF_COUNTERS_MAX, ending with a NULL name), stopped at 0.
 * Their descriptors last until perf_counters_close. */
void perf_counters_open(struct perf_counters *counters, const struct perf_counter_kind *kinds);
void perf_counters_close(struct perf_counters *counters);

void perf_counters_start(const struct perf_counters *counters);
void perf_counters_stop(const struct perf_counters *counters);

/* What counter number `index` has counted while started. */
struct perf_counter_value perf_counters_read(const struct perf_counters *counters, size_t index);

#endif
