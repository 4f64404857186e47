#include "base/histogram.h"
#include "record_metric.h"
#include "report.h"
#include "report_histogram.h"

/* METHODS.md section 2: a figure less than ten times what observing it costs is flagged. */
static void report_doubts(struct record_writer *w, const struct histogram *h, int64_t observer_ns)
{
    int64_t median_ns;
    if (histogram_percentile(h, 2, &median_ns) && median_ns < 10 * observer_ns)
        record_flag(w, "latency_near_observer");
}

void report_latency(struct record_writer *w, const struct measurement *m)
{
    struct histogram *all = m->members[0].recorder.latency;
    for (unsigned i = 1; i < m->run->threads; i++)
        histogram_add(all, m->members[i].recorder.latency);

    uint64_t count = histogram_count(all);
    record_metric_u64(w, "operations_count", count);
    record_metric_real(w, "operations_per_s",
                       (double)count * 1e9 / (double)(m->end_ns - m->begin_ns));
    report_percentiles(w, all, "latency");
    report_buckets(w, all, "simple");
    report_doubts(w, all, m->observer.operation_ns);
}
