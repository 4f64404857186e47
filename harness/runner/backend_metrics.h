/* backend_metrics.h: the figures of a backend's own (gc_backend.metric), of the measured part. */
#ifndef RUNNER_BACKEND_METRICS_H
#define RUNNER_BACKEND_METRICS_H

#include "record_writer.h"

/* More of a backend's figures are left out. */
#define BACKEND_METRICS_MAX 256

struct backend_metrics {
    double begin[BACKEND_METRICS_MAX]; /* their values when the measured part began */
};

/* Notes what the cumulative ones have counted so far. */
void backend_metrics_begin(struct backend_metrics *metrics);

/* Writes an `extra` record of each as it is now, of cumulative ones what they counted since. */
void backend_metrics_report(struct record_writer *w, const struct backend_metrics *metrics);

#endif
