#include "record_metric.h"
#include "report.h"

static void relative(struct record_writer *w, const struct measurement *m, int64_t t_ns)
{
    record_i64(w, t_ns - m->begin_ns);
}

static void report_row(struct record_writer *w, const struct measurement *m, uint64_t number,
                       const struct gc_collection *c)
{
    record_begin(w, "collection");
    record_u64(w, number);
    record_text(w, c->kind == GC_COLLECTION_FULL ? "full" : "minor");
    relative(w, m, c->start_ns);
    if ((uint64_t)c->end_ns == GC_UNKNOWN)
        record_text(w, "");
    else
        relative(w, m, c->end_ns);
    record_known(w, c->mark_ns);
    record_known(w, c->sweep_ns);
    record_known(w, c->heap_before_bytes);
    record_known(w, c->heap_after_bytes);
    record_known(w, c->live_bytes);
    record_known(w, c->marked_count);
    record_known(w, c->marked_bytes);
    record_end(w);
}

/* What the last full collection of the measured part found live, or GC_UNKNOWN. */
static uint64_t last_live_bytes(const struct measurement *m, const struct gc_collection *last_full)
{
    const struct gc_stats *begin = &m->stats_begin;
    const struct gc_stats *end = &m->stats_end;
    if (last_full && last_full->live_bytes != GC_UNKNOWN)
        return last_full->live_bytes;
    /* Else the statistics say it, if all collections there were have been full. */
    if (begin->gc_full_count != GC_UNKNOWN && end->gc_full_count != GC_UNKNOWN &&
        end->gc_full_count > begin->gc_full_count &&
        end->gc_full_count - begin->gc_full_count == end->gc_count - begin->gc_count)
        return end->live_bytes;
    return GC_UNKNOWN;
}

void report_collections(struct record_writer *w, const struct measurement *m)
{
    if (gc_backend.reclaim != GC_RECLAIM_TRACING)
        return;
    const struct gc_stats *begin = &m->stats_begin;
    const struct gc_stats *end = &m->stats_end;
    record_metric_difference(w, "gc_count", begin->gc_count, end->gc_count);
    record_metric_difference(w, "gc_full_count", begin->gc_full_count, end->gc_full_count);
    record_metric_difference(w, "marked_count", begin->marked_count, end->marked_count);
    record_metric_difference(w, "marked_bytes", begin->marked_bytes, end->marked_bytes);

    uint64_t number = 0;
    const struct gc_collection *last_full = NULL;
    for (uint64_t i = 0; i < growable_log_count(&m->events.collections); i++) {
        const struct gc_collection *c = event_log_collection_at(&m->events, i);
        if (c->start_ns < m->begin_ns || c->start_ns >= m->end_ns)
            continue;
        if (!m->events.is_file)
            report_row(w, m, number++, c);
        if (c->kind == GC_COLLECTION_FULL)
            last_full = c;
    }

    uint64_t live_bytes = last_live_bytes(m, last_full);
    if (live_bytes == GC_UNKNOWN)
        return;
    record_metric_u64(w, "live_bytes", live_bytes);
    record_metric_i64(w, "retained_bytes",
                      (int64_t)live_bytes - (int64_t)m->workload->live_bytes(m->run));
}
