/* export_metrics.h: what the formats of export.h have in common: which metrics, and their names. */
#ifndef DATA_EXPORT_METRICS_H
#define DATA_EXPORT_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/export.h"

/* Whether the metric of that index is exported. */
bool export_wants(const struct export_choice *choice, const struct run_data *run, size_t metric);

/* The cell's key without the settings that most have, "gcbench/boehm". The caller frees it; NULL:
 * out of memory. */
char *export_cell_name(const struct run_cell *cell);

/* The metric's name without a unit that is a size or a time, its words parted by `gap`: "pause
 * p99". The caller frees it; NULL: out of memory. */
char *export_metric_name(const struct run_metric *metric, char gap);

#endif
