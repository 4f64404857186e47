#include "data/cell_sample.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "data/statistics.h"

enum cell_purpose cell_purpose_of(const struct run_invocation *invocation)
{
    if (run_invocation_has_flag(invocation, "probe"))
        return CELL_PROBE;
    if (run_invocation_has_flag(invocation, "instructions"))
        return CELL_INSTRUCTIONS;
    if (run_invocation_has_flag(invocation, "beside"))
        return CELL_BESIDE;
    return CELL_NORMAL;
}

static bool value_of(const struct run_data *run, size_t index, size_t metric, double *value)
{
    return metric != CELL_SAMPLE_NO_METRIC && run->invocations[index].status == RUN_OK &&
           run_data_value(run, index, metric, value);
}

int cell_sample_take(struct cell_sample *sample, const struct run_data *run,
                     const struct run_cell *cell, size_t metric)
{
    *sample = (struct cell_sample){.purpose = CELL_NORMAL};
    sample->sorted = malloc((cell->invocation_count + 1) * sizeof *sample->sorted);
    if (!sample->sorted)
        return -ENOMEM;
    size_t invocation_count[CELL_PURPOSE_COUNT] = {0};
    for (size_t i = 0; i < cell->invocation_count; i++) {
        size_t index = cell->invocations[i];
        enum cell_purpose purpose = cell_purpose_of(&run->invocations[index]);
        double value;
        invocation_count[purpose]++;
        if (!value_of(run, index, metric, &value) || purpose < sample->purpose)
            continue;
        if (purpose > sample->purpose)
            sample->count = 0;
        sample->purpose = purpose;
        sample->sorted[sample->count++] = value;
    }
    sample->of = invocation_count[sample->purpose];
    statistics_sort(sample->sorted, sample->count);
    return 0;
}

void cell_sample_free(struct cell_sample *sample)
{
    free(sample->sorted);
    *sample = (struct cell_sample){0};
}

struct cell_outcome cell_outcome_of(const struct run_data *run, const struct run_cell *cell)
{
    struct cell_outcome outcome = {0};
    for (size_t i = 0; i < cell->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[cell->invocations[i]];
        if (cell_purpose_of(invocation) != CELL_NORMAL)
            continue;
        outcome.ok += invocation->status == RUN_OK;
        outcome.skipped += invocation->status == RUN_SKIPPED;
        outcome.failed += invocation->status != RUN_OK && invocation->status != RUN_SKIPPED;
    }
    return outcome;
}
