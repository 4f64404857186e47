/* observer.h: what recording costs (METHODS.md section 2): medians over batches, so that a moment
 * in which the machine ran something else does not count. Before the measured part only. */
#ifndef RUNNER_OBSERVER_H
#define RUNNER_OBSERVER_H

#include <stdint.h>

#include "workload.h"

struct observer_costs {
    int64_t clock_ns;     /* one reading of the clock */
    int64_t operation_ns; /* one operation: its end by operation_clock.h and a histogram's bucket */
    int64_t stop_entry_ns; /* one stop's entry in the log */
    int64_t stop_ns;       /* the same with what is read of the clocks at both its ends */
};

/* Times 10^5 clock readings, 10^6 empty operations, 250,000 entries of stops and 10^4 stops with
 * their clocks, on the calling thread, whose `thread` is. Leaves records in its histogram; stops go
 * to a log of its own, since what is in the runner's may be read after a crash. 0 or -ENOMEM. */
int observer_measure(struct observer_costs *costs, struct workload_thread *thread);

#endif
