/* Which run produces which series (METHODS.md section 4): simple every one (report_latency.c),
 * metered every run of a request-shaped workload, open loop those whose `rate` is not 0. So a run
 * at a rate has all three of the same requests, side by side. */
#include <string.h>

#include "base/mapped.h"
#include "base/metered.h"
#include "record_metric.h"
#include "report.h"
#include "report_histogram.h"

#define METERED_WINDOW_NS INT64_C(100000000)

/* Memory for the requests of one iteration, and what becomes of all of them. */
struct metering {
    struct request *requests;
    int64_t *latency_ns;
    size_t capacity;
    struct histogram *window; /* W = 100 ms */
    struct histogram *full;
};

/* The requests of thread `thread` in iteration `index`: [*first, *end) of its log. */
static void bounds(const struct measurement *m, unsigned thread, uint64_t index, uint64_t *first,
                   uint64_t *end)
{
    const uint64_t *ends = m->members[thread].recorder.requests->ends;
    *first = index > 0 ? ends[index - 1] : 0;
    *end = ends[index];
}

static size_t count_requests(const struct measurement *m, uint64_t index)
{
    size_t count = 0;
    for (unsigned i = 0; i < m->run->threads; i++) {
        uint64_t first, end;
        bounds(m, i, index, &first, &end);
        count += end - first;
    }
    return count;
}

static bool metering_new(struct metering *metering, const struct measurement *m)
{
    size_t most = 1;
    for (uint64_t i = 0; i < m->iterations_count; i++) {
        size_t count = count_requests(m, i);
        most = count > most ? count : most;
    }
    *metering = (struct metering){
        .requests = mapped_new_lazy(most * sizeof *metering->requests),
        .latency_ns = mapped_new_lazy(most * sizeof *metering->latency_ns),
        .capacity = most,
        .window = histogram_new(),
        .full = histogram_new(),
    };
    return metering->requests && metering->latency_ns && metering->window && metering->full;
}

static void metering_free(struct metering *metering)
{
    mapped_free(metering->requests, metering->capacity * sizeof *metering->requests);
    mapped_free(metering->latency_ns, metering->capacity * sizeof *metering->latency_ns);
    histogram_free(metering->window);
    histogram_free(metering->full);
}

static void record_metered(struct metering *metering, size_t count, int64_t window_ns,
                           struct histogram *into)
{
    metered_latency(metering->requests, count, window_ns, metering->latency_ns);
    for (size_t i = 0; i < count; i++)
        histogram_record(into, metering->latency_ns[i]);
}

/* An iteration is smoothed by itself: between two of them a workload may build what it needs, while
 * no request would be waiting. */
static void meter_iteration(struct metering *metering, const struct measurement *m, uint64_t index)
{
    size_t count = 0;
    for (unsigned i = 0; i < m->run->threads; i++) {
        const struct growable_log *log = &m->members[i].recorder.requests->log;
        uint64_t at, end;
        bounds(m, i, index, &at, &end);
        for (; at < end; at++)
            memcpy(&metering->requests[count++], growable_log_at(log, at),
                   sizeof *metering->requests);
    }
    if (count == 0)
        return;
    metered_sort(metering->requests, count);
    record_metered(metering, count, METERED_WINDOW_NS, metering->window);
    record_metered(metering, count, metered_full_window_ns(metering->requests, count),
                   metering->full);
}

static void report_extra(struct record_writer *w, const char *name, const char *unit, int64_t value)
{
    record_begin(w, "extra");
    record_text(w, name);
    record_text(w, unit);
    record_text(w, "none");
    record_i64(w, value);
    record_end(w);
}

static void report_metered(struct record_writer *w, const struct measurement *m)
{
    struct metering metering;
    if (metering_new(&metering, m)) {
        for (uint64_t i = 0; i < m->iterations_count; i++)
            meter_iteration(&metering, m, i);
        report_percentiles(w, metering.window, "metered");
        report_buckets(w, metering.window, "metered_100ms");
        report_buckets(w, metering.full, "metered_full");
    } else {
        record_begin(w, "flag");
        record_text(w, "no_metered");
        record_end(w);
    }
    metering_free(&metering);
}

static void report_open(struct record_writer *w, const struct measurement *m)
{
    struct histogram *all = m->members[0].recorder.requests->open;
    int64_t spin_ns = m->members[0].recorder.requests->spin_ns;
    if (!all)
        return;
    for (unsigned i = 1; i < m->run->threads; i++) {
        histogram_add(all, m->members[i].recorder.requests->open);
        spin_ns += m->members[i].recorder.requests->spin_ns;
    }
    report_percentiles(w, all, "open");
    report_buckets(w, all, "open");
    report_extra(w, "open_spin_ns", "ns", spin_ns);
}

/* What the log of requests adds to the process's memory on every backend. */
static void report_log(struct record_writer *w, const struct measurement *m)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < m->run->threads; i++)
        count += growable_log_count(&m->members[i].recorder.requests->log);
    report_extra(w, "request_log_bytes", "bytes", (int64_t)(count * sizeof(struct request)));
}

void report_requests(struct record_writer *w, const struct measurement *m)
{
    if (!(m->workload->traits & WORKLOAD_IS_REQUESTS))
        return;
    report_metered(w, m);
    report_open(w, m);
    report_log(w, m);
}
