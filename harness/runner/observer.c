#include "observer.h"

#include "base/clock.h"
#include "base/growable_log.h"
#include "gc_backend.h"
#include "workload_host.h"

#define BATCHES        100
#define CLOCK_READINGS 1000 /* per batch */
#define OPERATIONS     10000
#define STOP_ENTRIES   2500 /* no more than the log has room for from the start */
#define STOPS          100

struct subject {
    struct workload_thread *thread;
    struct growable_log *stops;
};

static void read_clock(const struct subject *subject)
{
    (void)subject;
    for (int i = 0; i < CLOCK_READINGS; i++)
        clock_now_ns();
}

static void record_operations(const struct subject *subject)
{
    for (int i = 0; i < OPERATIONS; i++)
        workload_operation_end(subject->thread);
    if (subject->thread->recorder->requests)
        request_recorder_reset(subject->thread->recorder->requests);
}

static void record_stop_entries(const struct subject *subject)
{
    static const struct gc_stop stop = {.kind = GC_STOP_FULL, .thread = -1};
    for (int i = 0; i < STOP_ENTRIES; i++)
        growable_log_append(subject->stops, &stop);
    growable_log_clear(subject->stops);
}

static void record_stops(const struct subject *subject)
{
    for (int i = 0; i < STOPS; i++) {
        struct gc_stop stop = {.kind = GC_STOP_FULL, .thread = -1, .start_ns = clock_now_ns()};
        int64_t cpu_ns = clock_cpu_ns();
        stop.cpu_ns = (uint64_t)(clock_cpu_ns() - cpu_ns);
        stop.duration_ns = clock_now_ns() - stop.start_ns;
        growable_log_append(subject->stops, &stop);
    }
    growable_log_clear(subject->stops);
}

/* Of one of `records` that `batch` makes. */
static int64_t cost_ns(void (*batch)(const struct subject *subject), const struct subject *subject,
                       int64_t records)
{
    int64_t sorted_ns[BATCHES] = {0};
    for (int i = 0; i < BATCHES; i++) {
        int64_t before_ns = clock_now_ns();
        batch(subject);
        int64_t batch_ns = clock_now_ns() - before_ns;
        int place = i;
        for (; place > 0 && sorted_ns[place - 1] > batch_ns; place--)
            sorted_ns[place] = sorted_ns[place - 1];
        sorted_ns[place] = batch_ns;
    }
    return (sorted_ns[BATCHES / 2] + records / 2) / records;
}

int observer_measure(struct observer_costs *costs, struct workload_thread *thread)
{
    struct growable_log stops;
    int error = growable_log_init(&stops, sizeof(struct gc_stop), STOP_ENTRIES);
    if (error)
        return error;
    const struct subject subject = {thread, &stops};
    costs->clock_ns = cost_ns(read_clock, &subject, CLOCK_READINGS);
    costs->operation_ns = cost_ns(record_operations, &subject, OPERATIONS);
    costs->stop_entry_ns = cost_ns(record_stop_entries, &subject, STOP_ENTRIES);
    costs->stop_ns = cost_ns(record_stops, &subject, STOPS);
    growable_log_free(&stops);
    return 0;
}
