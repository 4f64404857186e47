/* doubts.h: what a reader of a run must be told beside its figures: what recording cost, and how
 * many invocations have figures in doubt (METHODS.md sections 1, 2 and 4). */
#ifndef DRIVER_DOUBTS_H
#define DRIVER_DOUBTS_H

#include <stddef.h>
#include <stdint.h>

#include "driver/invocation.h"
#include "driver/progress.h"

struct doubts {
    unsigned invocation_count; /* that completed */
    unsigned noisy_count;
    unsigned unsteady_count;
    unsigned near_observer_count; /* with any figure less than ten times what observing it costs */
    double *observer_ns;          /* of each invocation that knows it */
    size_t observer_count;
};

void doubts_take(struct doubts *doubts, const struct invocation_result *result);

/* Median cost of one empty record in ns; negative where no invocation knows it. */
double doubts_observer_ns(struct doubts *doubts);

/* Tells what there is, in lines of the progress; nothing where nothing is known. */
void doubts_tell(struct doubts *doubts, struct progress *progress);

void doubts_free(struct doubts *doubts);

#endif
