/* record_metric.h: `metric` records, one column of invocations.csv each, and what stands beside
 * them. What is unknown is left out. */
#ifndef RUNNER_RECORD_METRIC_H
#define RUNNER_RECORD_METRIC_H

#include <stdint.h>

#include "record_writer.h"

void record_metric_i64(struct record_writer *w, const char *name, int64_t value);
void record_metric_u64(struct record_writer *w, const char *name, uint64_t value);
void record_metric_real(struct record_writer *w, const char *name, double value);

/* end - begin of a cumulative figure; nothing where either is GC_UNKNOWN. */
void record_metric_difference(struct record_writer *w, const char *name, uint64_t begin,
                              uint64_t end);

/* An `extra` record, a row of metrics.csv; `better` is "lower", "higher" or "none". */
void record_extra(struct record_writer *w, const char *name, const char *unit, const char *better,
                  double value);

/* A `flag` record, a word of the column `flags`. */
void record_flag(struct record_writer *w, const char *word);

#endif
