#include "backend_metrics.h"

#include <stdbool.h>

#include "gc_backend.h"
#include "record_metric.h"

static bool get(size_t index, struct gc_metric *metric)
{
    return index < BACKEND_METRICS_MAX && gc_backend.metric && gc_backend.metric(index, metric);
}

void backend_metrics_begin(struct backend_metrics *metrics)
{
    struct gc_metric metric;
    for (size_t i = 0; get(i, &metric); i++)
        metrics->begin[i] = metric.value;
}

void backend_metrics_report(struct record_writer *w, const struct backend_metrics *metrics)
{
    struct gc_metric metric;
    for (size_t i = 0; get(i, &metric); i++) {
        double value = metric.is_cumulative ? metric.value - metrics->begin[i] : metric.value;
        record_extra(w, metric.name, metric.unit, metric.better, value);
    }
}
