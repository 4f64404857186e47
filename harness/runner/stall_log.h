/* stall_log.h: the slow allocator calls that the workload of a probe runner meets (METHODS.md
 * section 3), in mapped memory. There is one log per process, since gc_stall of gc_backend.h, which
 * fills it, is called by inline code that knows of no run. */
#ifndef RUNNER_STALL_LOG_H
#define RUNNER_STALL_LOG_H

#include <stdint.h>

#include "outcome.h"

struct stall {
    int64_t start_ns; /* CLOCK_MONOTONIC */
    int64_t duration_ns;
};

/* 0 or -ENOMEM; before the first gc_stall. Lasts as long as the process. `outcome` is told when the
 * log has no memory left. */
int stall_log_init(struct outcome *outcome);

/* How many there are, and number `index` of them. No mutator may be running. */
uint64_t stall_log_count(void);
const struct stall *stall_log_at(uint64_t index);

#endif
