/* report_doubts.h: how many processes of a run have figures in doubt (METHODS.md sections 1, 2, 4).
 */
#ifndef DRIVER_REPORT_DOUBTS_H
#define DRIVER_REPORT_DOUBTS_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/run_report.h"

/* Probes and the like, which measure something else, are left out. */
struct report_doubts {
    size_t process_count;
    size_t completed_count;
    size_t failed_count;
    size_t skipped_count; /* cells */
    size_t noisy_count;
    size_t unsteady_count;
    size_t near_observer_count;
    double suspect_stop_count;
    size_t least_count; /* of completed processes per cell that completed any */
    size_t most_count;
    bool is_finished; /* the run came to its end */
};

struct report_doubts report_doubts_of(const struct report *report);

#endif
