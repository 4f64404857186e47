/* cell_sample.h: the values of one metric over the invocations of one cell. Thread-safe. */
#ifndef DATA_CELL_SAMPLE_H
#define DATA_CELL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "data/run_data.h"

/* A metric that the run does not have, in place of its index. */
#define CELL_SAMPLE_NO_METRIC SIZE_MAX

/* What an invocation was for, by its flags. Probes, those that count instructions and those that
 * take turns with another measure something else, at another speed. */
enum cell_purpose { CELL_NORMAL, CELL_PROBE, CELL_INSTRUCTIONS, CELL_BESIDE, CELL_PURPOSE_COUNT };

enum cell_purpose cell_purpose_of(const struct run_invocation *invocation);

struct cell_sample {
    double *sorted; /* ascending, finite; owned */
    size_t count;
    size_t of; /* invocations that might have had a value: those of the same purpose */
    enum cell_purpose purpose;
};

/* Takes the values of metric number `metric` from the invocations of the cell that are ok. Where
 * those of several purposes have some, the ones made for it count: instructions that were counted
 * by a simulator and by the processor must not be mixed. 0, and the caller gives *sample to
 * cell_sample_free(); or -ENOMEM. */
int cell_sample_take(struct cell_sample *sample, const struct run_data *run,
                     const struct run_cell *cell, size_t metric);
void cell_sample_free(struct cell_sample *sample);

/* How many of the cell's normal invocations ended in which way. */
struct cell_outcome {
    size_t ok;
    size_t failed;
    size_t skipped;
};

struct cell_outcome cell_outcome_of(const struct run_data *run, const struct run_cell *cell);

#endif
