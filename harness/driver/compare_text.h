/* compare_text.h: a comparison as people read it: on a terminal, or as Markdown for a page. */
#ifndef DRIVER_COMPARE_TEXT_H
#define DRIVER_COMPARE_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "data/compare.h"

struct compare_text {
    FILE *out;
    bool markdown;
    bool colour; /* of verdicts, by ANSI escapes */
    const struct compare_options *options;
};

/* Metrics that one table has room for. */
#define COMPARE_TEXT_METRICS 7

/* One row per cell and metric, in the order of the result. */
void compare_text_runs(const struct compare_text *text, const struct compare_result *result);

/* A table per cell of the reference: every variant's figures beside it, the first metric as ratio
 * with interval and verdict, fastest first, and what did not complete; then geometric means, and
 * where the run has other settings of the reference's backend, the fastest of them for each
 * workload. At most COMPARE_TEXT_METRICS metrics. Returns 0 or -ENOMEM. */
int compare_text_backends(const struct compare_text *text, const struct compare_result *result,
                          const struct run_data *run, const char *reference);

#endif
