#include "report_histogram.h"

#include <stdio.h>
#include <string.h>

#include "record_metric.h"

void report_percentiles(struct record_writer *w, const struct histogram *h, const char *prefix)
{
    static const struct {
        const char *name;
        uint64_t tail;
        bool simple_only;
    } percentiles[] = {
        {"p50", 2, false},     {"p90", 10, true},      {"p99", 100, false},
        {"p999", 1000, false}, {"p9999", 10000, true},
    };
    char metric[64];
    int64_t value_ns;
    bool simple = strcmp(prefix, "latency") == 0;
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        if ((percentiles[i].simple_only && !simple) ||
            !histogram_percentile(h, percentiles[i].tail, &value_ns))
            continue;
        snprintf(metric, sizeof metric, "%s_%s_ns", prefix, percentiles[i].name);
        record_metric_i64(w, metric, value_ns);
    }
    if (histogram_count(h) > 0) {
        snprintf(metric, sizeof metric, "%s_max_ns", prefix);
        record_metric_i64(w, metric, h->max_ns);
    }
    if (h->clamped_count > 0) {
        snprintf(metric, sizeof metric, "%s_clamped_count", prefix);
        record_begin(w, "extra");
        record_text(w, metric);
        record_text(w, "count");
        record_text(w, "lower");
        record_u64(w, h->clamped_count);
        record_end(w);
    }
}

void report_buckets(struct record_writer *w, const struct histogram *h, const char *series)
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
