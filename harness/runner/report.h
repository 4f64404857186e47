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

/* What a probe runner writes in place of both: checksum and stalls. */
void report_probe(struct record_writer *w, const struct measurement *m);

/* The flag pause_source=WORD, where stops are other intervals than METHODS.md section 3 defines:
 * before the measured part, so that it is known of an invocation that crashes. */
void report_stop_source(struct record_writer *w);

/* Parts of report_measured: latency of operations, of requests beside that, stops, collections and
 * what they found live. */
void report_latency(struct record_writer *w, const struct measurement *m);
void report_requests(struct record_writer *w, const struct measurement *m);
void report_stops(struct record_writer *w, const struct measurement *m);
void report_collections(struct record_writer *w, const struct measurement *m);

/* Hiccups, counters of the processor, costs of the observer. */
void report_noise(struct record_writer *w, const struct measurement *m);

#endif
