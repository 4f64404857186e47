/* report.h: writes a measurement as records. */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include "measurement.h"
#include "record_writer.h"

/* Writes all records between `end` and `status`. Does not flush. Adds the histograms of all threads
 * to that of the first. */
void report(struct record_writer *w, const struct measurement *m);

/* Its parts: latency of operations, stops, collections and what they found live. */
void report_latency(struct record_writer *w, const struct measurement *m);
void report_stops(struct record_writer *w, const struct measurement *m);
void report_collections(struct record_writer *w, const struct measurement *m);

#endif
