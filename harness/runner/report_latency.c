#include "base/histogram.h"
#include "record_metric.h"
#include "report.h"

static void report_buckets(struct record_writer *w, const struct histogram *h, const char *series)
{
    struct histogram_bucket bucket;
    for (size_t cursor = 0; histogram_next(h, &cursor, &bucket);) {
        record_begin(w, "latency");
        record_text(w, series);
        record_i64(w, bucket.low_ns);
        record_i64(w, bucket.high_ns);
        record_u64(w, bucket.count);
        record_end(w);
    }
}

static void report_percentiles(struct record_writer *w, const struct histogram *h)
{
    static const struct {
        const char *metric;
        uint64_t tail;
    } percentiles[] = {
        {"latency_p50_ns", 2},     {"latency_p90_ns", 10},      {"latency_p99_ns", 100},
        {"latency_p999_ns", 1000}, {"latency_p9999_ns", 10000},
    };
    int64_t value_ns;
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++)
        if (histogram_percentile(h, percentiles[i].tail, &value_ns))
            record_metric_i64(w, percentiles[i].metric, value_ns);
    if (histogram_count(h) > 0)
        record_metric_i64(w, "latency_max_ns", h->max_ns);
}

/* METHODS.md section 2: a figure less than ten times what observing it costs is flagged; section 4:
 * values out of the histogram's range are counted and reported. */
static void report_doubts(struct record_writer *w, const struct histogram *h, int64_t observer_ns)
{
    int64_t median_ns;
    if (histogram_percentile(h, 2, &median_ns) && median_ns < 10 * observer_ns)
        record_flag(w, "latency_near_observer");
    if (h->clamped_count > 0)
        record_extra(w, "latency_clamped_count", "count", "lower", (double)h->clamped_count);
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
    report_percentiles(w, all);
    report_buckets(w, all, "simple");
    report_doubts(w, all, m->observer.operation_ns);
}
