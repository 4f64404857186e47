#include "base/mapped.h"
#include "base/percentile.h"
#include "record_metric.h"
#include "report.h"
#include "stall_log.h"

void report_probe(struct record_writer *w, const struct measurement *m)
{
    uint64_t count = 0;
    int64_t total_ns = 0;
    size_t bytes = (size_t)(stall_log_count() + 1) * sizeof(int64_t);
    int64_t *durations = mapped_new(bytes);
    if (!durations)
        outcome_exit(m->events.outcome, "oom", "no memory to sort the stalls");
    for (uint64_t i = 0; i < stall_log_count(); i++) {
        const struct stall *stall = stall_log_at(i);
        if (stall->start_ns < m->begin_ns || stall->start_ns >= m->end_ns)
            continue;
        durations[count++] = stall->duration_ns;
        total_ns += stall->duration_ns;
    }
    percentile_sort(durations, count);

    record_metric_u64(w, "checksum", m->checksum);
    record_metric_u64(w, "stall_count", count);
    record_metric_i64(w, "stall_total_ns", total_ns);
    int64_t value_ns;
    if (percentile_of_sorted(durations, count, 100, &value_ns))
        record_metric_i64(w, "stall_p99_ns", value_ns);
    if (count > 0)
        record_metric_i64(w, "stall_max_ns", durations[count - 1]);
    mapped_free(durations, bytes);
}
