#include "report.h"

#include "record_metric.h"

void report_process(struct record_writer *w, const struct measurement *m)
{
    record_metric_i64(w, "wall_ns", m->end_ns - m->begin_ns);
    record_metric_i64(w, "cpu_user_ns", m->usage.cpu_user_ns);
    record_metric_i64(w, "cpu_sys_ns", m->usage.cpu_sys_ns);
    record_metric_i64(w, "init_ns", m->init_ns);
    record_metric_i64(w, "minor_faults_count", m->usage.minor_faults_count);
    record_metric_i64(w, "major_faults_count", m->usage.major_faults_count);
    record_metric_i64(w, "voluntary_switches_count", m->usage.voluntary_switches_count);
    record_metric_i64(w, "involuntary_switches_count", m->usage.involuntary_switches_count);
    if (m->peak_reset && m->rss_peak_bytes >= 0) {
        record_metric_i64(w, "rss_peak_bytes", m->rss_peak_bytes);
    } else {
        record_flag(w, "no_rss_peak");
    }
    if (m->is_recording)
        record_metric_i64(w, "observer_ns", m->observer.operation_ns);
    record_metric_u64(w, "checksum", m->checksum);
}

static void report_allocation(struct record_writer *w, const struct measurement *m)
{
    uint64_t bytes = 0;
    uint64_t count = 0;
    for (unsigned i = 0; i < m->run->threads; i++) {
        bytes += m->members[i].thread.allocated_bytes;
        count += m->members[i].thread.allocated_count;
    }
    record_metric_u64(w, "allocated_bytes", bytes);
    record_metric_u64(w, "allocated_count", count);
    if (m->stats_end.heap_peak_bytes != GC_UNKNOWN)
        record_metric_u64(w, "heap_peak_bytes", m->stats_end.heap_peak_bytes);
}

static void report_iterations(struct record_writer *w, const struct measurement *m)
{
    for (uint64_t i = 0; i < m->warmup_count + m->iterations_count; i++) {
        record_begin(w, "iteration");
        record_i64(w, (int64_t)i - (int64_t)m->warmup_count);
        record_i64(w, m->iterations[i].wall_ns);
        record_i64(w, m->iterations[i].cpu_ns);
        record_end(w);
    }
}

/* From the start of the process, as its CPU clock counts: wall time since then is not known more
 * exactly than to a tick of 10 ms. */
static void report_startup(struct record_writer *w, const struct measurement *m)
{
    record_extra(w, "startup_cpu_ns", "ns", "lower", (double)m->startup_cpu_ns);
}

void report_measured(struct record_writer *w, const struct measurement *m)
{
    report_allocation(w, m);
    report_iterations(w, m);
    if (m->workload->traits & WORKLOAD_TIMES_STARTUP)
        report_startup(w, m);
    if (!m->is_recording)
        return;
    report_latency(w, m);
    report_requests(w, m);
    report_stops(w, m);
    report_collections(w, m);
    report_noise(w, m);
    backend_metrics_report(w, &m->backend_metrics);
}
