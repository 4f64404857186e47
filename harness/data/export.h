/* export.h: a run in the formats that other tools read (METHODS.md section 9). Numbers are those of
 * the run; where a format has one per cell it is the median of the invocations that ended well,
 * with the 95 % interval of the median from 6 of them on. Thread-safe. */
#ifndef DATA_EXPORT_H
#define DATA_EXPORT_H

#include <stddef.h>
#include <stdio.h>

#include "data/csv_read.h"
#include "data/run_data.h"

/* Which of the run's figures; those that have a direction where `metric_count` is 0. */
struct export_choice {
    const char *const *metrics;
    size_t metric_count;
};

/* 0; -EINVAL where a metric is none of the run, described in *error. */
int export_check(const struct run_data *run, const struct export_choice *choice,
                 struct csv_error *error);

/* The Go benchmark format (golang.org/design/14313-benchmark-format), for benchstat: a line per
 * invocation that ended well. A metric is `assume=exact` where every cell that has it has it from
 * at least 3 invocations, all equal. 0, -ENOMEM or -EIO. */
int export_benchfmt(const struct run_data *run, const struct export_choice *choice, FILE *out);

/* github-action-benchmark's customSmallerIsBetter: JSON, an object per cell and metric. Metrics of
 * which more is better have no place in it; *left_out counts them. 0, -ENOMEM or -EIO. */
int export_gha(const struct run_data *run, const struct export_choice *choice, FILE *out,
               size_t *left_out);

/* Bencher's metric format: JSON, an object of measures per cell. 0, -ENOMEM or -EIO. */
int export_bmf(const struct run_data *run, const struct export_choice *choice, FILE *out);

/* One invocation, by its index in the run, as a trace of Chrome's JSON format, which Perfetto
 * draws: iterations, collections with their phases, stops by thread, heap and resident memory. 0;
 * -ENOMEM or -EIO; or as run_data_each() where a file of the run is malformed. */
int export_perfetto(const struct run_data *run, size_t invocation, FILE *out,
                    struct csv_error *error);

#endif
