/* report.h: writes a measurement as records. */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include "measurement.h"
#include "record_writer.h"

/* Writes what is known of the process: the first records after `end`. Touches no memory but the
 * measurement's, so that the workload's may still be looked at. Does not flush, nor does the next.
 */
void report_process(struct record_writer *w, const struct measurement *m);

/* Writes all other records before `status`. Adds the histograms of all threads to that of the
 * first. */
void report_measured(struct record_writer *w, const struct measurement *m);

/* Parts of that: latency of operations, stops, collections and what they found live. */
void report_latency(struct record_writer *w, const struct measurement *m);
void report_stops(struct record_writer *w, const struct measurement *m);
void report_collections(struct record_writer *w, const struct measurement *m);

/* Hiccups, counters of the processor, costs of the observer. */
void report_noise(struct record_writer *w, const struct measurement *m);

#endif
