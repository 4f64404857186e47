/* conformance_backend.c: the descriptor, statistics, events and metrics. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "conformance.h"

static void check_name(const char *name)
{
    CHECK(name && islower((unsigned char)name[0]), "\"%s\" is no snake_case name", name);
    for (const char *p = name; *p; p++)
        CHECK(islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_',
              "\"%s\" is no snake_case name", name);
}

static unsigned choices_count(const char *choices)
{
    unsigned count = 1;
    for (; *choices; choices++)
        count += *choices == '|';
    return count;
}

void case_descriptor(struct gc_mutator *m)
{
    const struct gc_backend *b = &gc_backend;
    (void)m;
    check_name(b->name);
    CHECK(b->summary && *b->summary && !strchr(b->summary, '\n'), "the summary is one line");
    CHECK(b->version() && *b->version(), "no version");
    CHECK(strcmp(b->version(), b->header_version()) == 0, "library %s, headers %s", b->version(),
          b->header_version());
    CHECK((b->reclaim == GC_RECLAIM_MANUAL) == GC_RECLAIMS_BY_HAND, "the header disagrees");
    CHECK((b->reclaim == GC_RECLAIM_MANUAL) == !!(b->needs & GC_NEEDS_FREE), "need of free");
    CHECK((b->reclaim == GC_RECLAIM_TRACING) == !!(b->capabilities & GC_CAN_COLLECT), "collect");
    CHECK(!!b->verify == !!(b->capabilities & GC_CAN_VERIFY), "verify");
    CHECK(!!GC_HAS_FINALIZERS == !!(b->capabilities & GC_CAN_FINALIZE), "finalizers");
    CHECK(!!GC_HAS_WEAK == !!(b->capabilities & GC_CAN_WEAK), "weak references");
    for (size_t i = 0; i < b->option_count; i++) {
        const struct gc_option *o = &b->options[i];
        check_name(o->name);
        CHECK(o->unit && o->help && *o->help && !strchr(o->help, '\n'), "option %s", o->name);
        CHECK((o->kind == GC_OPTION_CHOICE) == (o->choices != NULL), "choices of %s", o->name);
        if (o->kind == GC_OPTION_CHOICE)
            CHECK(o->default_value >= 0 && o->default_value < choices_count(o->choices),
                  "default of %s", o->name);
        else
            CHECK(o->min <= o->default_value && o->default_value <= o->max, "bounds of %s",
                  o->name);
    }
}

void case_stats(struct gc_mutator *m)
{
    struct gc_stats before, after;
    gc_backend.stats(&before);
    CHECK(before.heap_bytes != GC_UNKNOWN || GC_SANITIZED, "the heap's size is unknown");
    void *object = conformance_roots[0] = pattern_object(m, 8 << 20, 1);
    gc_backend.stats(&after);
    CHECK(after.heap_bytes >= 8 << 20, "%" PRIu64 " bytes held with an object of 8 MiB",
          after.heap_bytes);
    CHECK(after.heap_peak_bytes >= after.heap_bytes, "peak %" PRIu64 " below %" PRIu64,
          after.heap_peak_bytes, after.heap_bytes);
    gc_backend.reset_peak();
    gc_backend.stats(&after);
    CHECK(after.heap_peak_bytes == GC_UNKNOWN || after.heap_peak_bytes >= after.heap_bytes,
          "peak %" PRIu64 " below %" PRIu64 " once reset", after.heap_peak_bytes, after.heap_bytes);
    gc_backend.collect(m);
    gc_backend.stats(&after);
    if (gc_backend.reclaim == GC_RECLAIM_TRACING) {
        CHECK(after.gc_count > before.gc_count, "%" PRIu64 " collections, then %" PRIu64,
              before.gc_count, after.gc_count);
        CHECK(after.gc_full_count > before.gc_full_count, "%" PRIu64 " full ones, then %" PRIu64,
              before.gc_full_count, after.gc_full_count);
        CHECK(after.gc_full_count <= after.gc_count, "more full collections than collections");
        CHECK(after.live_bytes == GC_UNKNOWN || after.live_bytes >= 8 << 20,
              "%" PRIu64 " bytes live with an object of 8 MiB", after.live_bytes);
    } else {
        CHECK(after.gc_count == 0 && after.gc_full_count == 0, "%s has collected", gc_backend.name);
    }
    gc_keep(object);
    gc_free(m, object, 8 << 20);
}

static void check_stop(const struct gc_stop *stop, int64_t begin_ns, int64_t end_ns)
{
    CHECK(stop->duration_ns >= 0 && stop->start_ns >= begin_ns &&
              stop->start_ns + stop->duration_ns <= end_ns,
          "a stop of %" PRId64 " ns at %" PRId64 ", in [%" PRId64 ", %" PRId64 "]",
          stop->duration_ns, stop->start_ns, begin_ns, end_ns);
    CHECK(stop->kind >= GC_STOP_FULL && stop->kind <= GC_STOP_INCREMENT && stop->thread >= -1,
          "kind %d, thread %" PRId32, (int)stop->kind, stop->thread);
    CHECK(stop->safepoint_ns == GC_UNKNOWN || stop->safepoint_ns <= (uint64_t)stop->duration_ns,
          "%" PRIu64 " ns to safepoint in a stop of %" PRId64, stop->safepoint_ns,
          stop->duration_ns);
}

static void check_collection(const struct gc_collection *c, int64_t begin_ns, int64_t end_ns)
{
    CHECK(c->start_ns >= begin_ns && c->end_ns >= c->start_ns && c->end_ns <= end_ns,
          "a collection from %" PRId64 " to %" PRId64 ", in [%" PRId64 ", %" PRId64 "]",
          c->start_ns, c->end_ns, begin_ns, end_ns);
    CHECK(c->kind == GC_COLLECTION_FULL || c->kind == GC_COLLECTION_MINOR, "kind %d", (int)c->kind);
}

void case_events(struct gc_mutator *m)
{
    struct conformance_events *events = conformance_events;
    const char *source = gc_backend.pause_source ? gc_backend.pause_source() : NULL;
    if (gc_backend.reclaim != GC_RECLAIM_TRACING) {
        churn(m, 1000, 10 << 20);
        CHECK(events->stops_count == 0 && events->collections_count == 0,
              "%zu stops and %zu collections", events->stops_count, events->collections_count);
        return;
    }
    events->stops_count = events->collections_count = 0;
    int64_t begin_ns = clock_now_ns();
    gc_backend.collect(m);
    size_t forced_stops = events->stops_count;
    size_t forced_collections = events->collections_count;
    churn(m, 1000, conformance_scaled(200) << 20);
    gc_backend.collect(m);
    int64_t end_ns = clock_now_ns();
    if (!source || *source)
        CHECK(forced_stops > 0, "a forced collection without a stop");
    CHECK(forced_collections > 0, "a forced collection went unreported");
    CHECK(events->collections_count > forced_collections, "only %zu collections",
          events->collections_count);
    CHECK(events->missed_count == 0, "%zu of %zu stops did not call `stopped`",
          events->missed_count, events->stops_count);
    for (size_t i = 0; i < events->stops_count && i < EVENTS_KEPT; i++)
        check_stop(&events->stops[i], begin_ns, end_ns);
    for (size_t i = 0; i < events->collections_count && i < EVENTS_KEPT; i++)
        check_collection(&events->collections[i], begin_ns, end_ns);
}

void case_metrics(struct gc_mutator *m)
{
    struct gc_metric metric;
    size_t count = 0;
    churn(m, 1000, 1 << 20);
    for (; gc_backend.metric && gc_backend.metric(count, &metric); count++) {
        check_name(metric.name);
        CHECK(metric.unit && isfinite(metric.value), "%s", metric.name);
        CHECK(strcmp(metric.better, "lower") == 0 || strcmp(metric.better, "higher") == 0 ||
                  strcmp(metric.better, "none") == 0,
              "%s is better when \"%s\"", metric.name, metric.better);
        CHECK(count < 1000, "metrics do not end");
    }
}
