/* gate_file.h: which metrics of which cells gate, and how much worse is still the same: gate.csv
 * (results/SCHEMA.md), written by hand and read strictly.
 *
 * A loaded gate is constant, so it may be read by several threads. */
#ifndef DATA_GATE_FILE_H
#define DATA_GATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/compare.h"
#include "data/csv_read.h"
#include "data/run_data.h"

struct gate;

/* Reads the file at `path` into *gate, owned by the caller until gate_free(). 0, or a negative
 * errno described in *error with file, line and column where it is one of the text: -EBADMSG
 * malformed, or a metric of invocations.csv that has no better and no worse; -ENOENT; -ENOMEM; … */
int gate_load(struct gate **gate, const char *path, struct csv_error *error);
void gate_free(struct gate *gate);

/* Whether each metric that the gate names is one of invocations.csv or of the metrics.csv of one of
 * the `run_count` runs, and has a direction. 0, or -EBADMSG described in *error, with the row's
 * place. */
int gate_check_metrics(const struct gate *gate, const struct run_data *const *runs,
                       size_t run_count, struct csv_error *error);

/* Whether the metric of the cell of that key gates; then *tolerance. Of several rows that fit, the
 * last one counts. */
bool gate_tolerance(const struct gate *gate, const char *cell, const char *metric,
                    struct compare_tolerance *tolerance);

/* The metrics that the gate names, each once, in the order of its rows; *count of them. They live
 * as long as the gate. */
const char *const *gate_metrics(const struct gate *gate, size_t *count);

#endif
