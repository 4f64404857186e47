/* estimate.h: how long a plan will measure, by an earlier run on this machine. */
#ifndef DRIVER_ESTIMATE_H
#define DRIVER_ESTIMATE_H

#include "driver/plan.h"

struct estimate {
    int64_t total_ns;   /* of the cells that the earlier run has: warm-up and measured iterations */
    size_t known_count; /* how many of the runnable cells those are */
};

/* From the run in `folder`: the median of each cell's complete invocations, times those of this
 * plan. Without such a run, nothing is known. */
void estimate_from_run(struct estimate *estimate, const struct plan *plan, const char *folder,
                       unsigned invocations, unsigned warmup, unsigned iterations);

#endif
