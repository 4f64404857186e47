#include "hiccup_watch.h"
#include "perf_counters.h"
#include "record_metric.h"
#include "report.h"

/* Hiccups that overlap the measured part, cut to it. */
static void report_hiccups(struct record_writer *w, const struct measurement *m)
{
    if (!m->hiccups)
        return;
    int64_t max_ns = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < m->hiccup_count; i++) {
        int64_t covered_ns = hiccup_overlap_ns(&m->hiccups[i], 1, m->begin_ns, m->end_ns);
        count += covered_ns > 0;
        if (covered_ns > max_ns)
            max_ns = covered_ns;
    }
    record_metric_i64(w, "hiccup_max_ns", max_ns);
    record_extra(w, "hiccups_count", "count", "none", (double)count);
    record_extra(w, "hiccup_watch_cpu_ns", "ns", "none", (double)m->hiccup_watch_cpu_ns);
    record_extra(w, "hiccup_period_ns", "ns", "none", (double)m->hiccup_period_ns);
}

static void report_counters(struct record_writer *w, const struct measurement *m)
{
    bool is_scaled = false;
    for (size_t i = 0; perf_counter_kinds[i].name; i++) {
        const struct perf_counter_value *counter = &m->counters[i];
        if (!counter->is_known)
            continue;
        is_scaled |= counter->is_scaled;
        if (i == 0)
            record_metric_u64(w, perf_counter_kinds[i].name, counter->value);
        else
            record_extra(w, perf_counter_kinds[i].name, "count", "lower", (double)counter->value);
    }
    if (is_scaled)
        record_flag(w, "counters_scaled");
}

/* Nothing where each operation's end was a reading of the clock itself. */
static void report_clock_error(struct record_writer *w, const struct measurement *m)
{
    int64_t error_max_ns = -1;
    for (unsigned i = 0; i < m->run->threads; i++) {
        int64_t error_ns = m->members[i].recorder.clock.error_max_ns;
        if (error_max_ns < error_ns)
            error_max_ns = error_ns;
    }
    if (error_max_ns >= 0)
        record_extra(w, "operation_clock_error_ns", "ns", "none", (double)error_max_ns);
}

void report_noise(struct record_writer *w, const struct measurement *m)
{
    report_hiccups(w, m);
    report_counters(w, m);
    record_extra(w, "observer_clock_ns", "ns", "none", (double)m->observer.clock_ns);
    report_clock_error(w, m);
    record_extra(w, "observer_stop_entry_ns", "ns", "none", (double)m->observer.stop_entry_ns);
    record_extra(w, "observer_stop_ns", "ns", "none", (double)m->observer.stop_ns);
}
