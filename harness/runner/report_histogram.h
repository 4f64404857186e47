/* report_histogram.h: writes a series of latencies as records. */
#ifndef RUNNER_REPORT_HISTOGRAM_H
#define RUNNER_REPORT_HISTOGRAM_H

#include "base/histogram.h"
#include "record_writer.h"

/* Writes the columns PREFIX_p50_ns and so on that invocations.csv has, ending in PREFIX_max_ns, as
 * far as the rule of METHODS.md section 4 defines them, and the extra PREFIX_clamped_count where
 * values were out of range. `prefix` is latency, metered or open. */
void report_percentiles(struct record_writer *w, const struct histogram *h, const char *prefix);

/* Writes the buckets that are not empty as `series` of latency.csv. */
void report_buckets(struct record_writer *w, const struct histogram *h, const char *series);

#endif
