#include <stdio.h>

#include "base/mapped.h"
#include "base/percentile.h"
#include "hiccup_watch.h"
#include "record_metric.h"
#include "report.h"

static const char *const kinds[] = {
    [GC_STOP_FULL] = "full",
    [GC_STOP_MINOR] = "minor",
    [GC_STOP_MARK_START] = "mark_start",
    [GC_STOP_MARK_END] = "mark_end",
    [GC_STOP_INCREMENT] = "increment",
};

static bool is_measured(const struct measurement *m, const struct gc_stop *stop)
{
    return stop->start_ns >= m->begin_ns && stop->start_ns < m->end_ns;
}

static void report_rows(struct record_writer *w, const struct measurement *m)
{
    for (uint64_t i = 0; i < growable_log_count(&m->events.stops); i++) {
        const struct gc_stop *stop = event_log_stop_at(&m->events, i);
        if (!is_measured(m, stop))
            continue;
        record_begin(w, "pause");
        record_i64(w, stop->thread);
        record_text(w, kinds[stop->kind]);
        record_i64(w, stop->start_ns - m->begin_ns);
        record_i64(w, stop->duration_ns);
        record_known(w, stop->safepoint_ns);
        record_end(w);
    }
}

/* Adds, unless one of the two is unknown: then so is the sum. */
static uint64_t add_known(uint64_t sum, uint64_t value)
{
    return sum == GC_UNKNOWN || value == GC_UNKNOWN ? GC_UNKNOWN : sum + value;
}

static void report_known(struct record_writer *w, const char *name, uint64_t value)
{
    if (value != GC_UNKNOWN)
        record_metric_u64(w, name, value);
}

/* Whether hiccups of the machine cover at least half of it (METHODS.md section 4). */
static bool is_suspect(const struct measurement *m, const struct gc_stop *stop)
{
    if (!m->hiccups)
        return false;
    int64_t covered_ns = hiccup_overlap_ns(m->hiccups, m->hiccup_count, stop->start_ns,
                                           stop->start_ns + stop->duration_ns);
    return covered_ns > 0 && 2 * covered_ns >= stop->duration_ns;
}

/* `durations` has room for all stops of the log. */
static void report_metrics(struct record_writer *w, const struct measurement *m, int64_t *durations)
{
    uint64_t count = 0;
    int64_t total_ns = 0;
    uint64_t cpu_ns = 0;
    uint64_t safepoint_max_ns = GC_UNKNOWN;
    const struct gc_stop *longest = NULL;
    uint64_t suspect_count = 0;
    for (uint64_t i = 0; i < growable_log_count(&m->events.stops); i++) {
        const struct gc_stop *stop = event_log_stop_at(&m->events, i);
        if (!is_measured(m, stop))
            continue;
        durations[count++] = stop->duration_ns;
        total_ns += stop->duration_ns;
        cpu_ns = add_known(cpu_ns, stop->cpu_ns);
        if (stop->safepoint_ns != GC_UNKNOWN &&
            (safepoint_max_ns == GC_UNKNOWN || stop->safepoint_ns > safepoint_max_ns))
            safepoint_max_ns = stop->safepoint_ns;
        suspect_count += is_suspect(m, stop);
        if (!longest || stop->duration_ns > longest->duration_ns)
            longest = stop;
    }

    record_metric_u64(w, "pause_count", count);
    record_metric_i64(w, "pause_total_ns", total_ns);
    if (m->hiccups)
        record_metric_u64(w, "pauses_suspect_count", suspect_count);
    report_known(w, "pause_cpu_total_ns", cpu_ns);
    if (!longest)
        return;
    percentile_sort(durations, count);
    int64_t value_ns;
    if (percentile_of_sorted(durations, count, 2, &value_ns)) {
        record_metric_i64(w, "pause_p50_ns", value_ns);
        /* METHODS.md section 2, as of the latency of operations. */
        if (value_ns < 10 * m->observer.stop_ns)
            record_flag(w, "pauses_near_observer");
    }
    if (percentile_of_sorted(durations, count, 100, &value_ns))
        record_metric_i64(w, "pause_p99_ns", value_ns);
    record_metric_i64(w, "pause_max_ns", longest->duration_ns);
    report_known(w, "pause_work_max_bytes", longest->marked_bytes);
    report_known(w, "safepoint_max_ns", safepoint_max_ns);
}

void report_stop_source(struct record_writer *w)
{
    const char *source = gc_backend.pause_source ? gc_backend.pause_source() : NULL;
    if (gc_backend.reclaim != GC_RECLAIM_TRACING || !source || !source[0])
        return;
    char flag[64];
    snprintf(flag, sizeof flag, "pause_source=%s", source);
    record_flag(w, flag);
}

void report_stops(struct record_writer *w, const struct measurement *m)
{
    const char *source = gc_backend.pause_source ? gc_backend.pause_source() : NULL;
    /* Where nothing is collected or no stop can be seen, the figures are empty, not 0. */
    if (gc_backend.reclaim != GC_RECLAIM_TRACING || (source && !source[0]))
        return;
    uint64_t count = growable_log_count(&m->events.stops);
    size_t bytes = (size_t)(count + 1) * sizeof(int64_t);
    int64_t *durations = mapped_new(bytes);
    if (!durations)
        outcome_exit(m->events.outcome, "oom", "no memory to sort the stops");
    report_metrics(w, m, durations);
    if (!m->events.is_file)
        report_rows(w, m);
    mapped_free(durations, bytes);
}
