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

static void insert(int64_t *sorted, int count, int64_t value)
{
    for (; count > 0 && sorted[count - 1] > value; count--)
        sorted[count] = sorted[count - 1];
    sorted[count] = value;
}

int observer_measure(struct observer_costs *costs, struct workload_thread *thread)
{
    const struct {
        void (*run)(const struct subject *subject);
        int records; /* in a batch */
        int64_t *cost_ns;
    } kinds[] = {
        {read_clock, CLOCK_READINGS, &costs->clock_ns},
        {record_operations, OPERATIONS, &costs->operation_ns},
        {record_stop_entries, STOP_ENTRIES, &costs->stop_entry_ns},
        {record_stops, STOPS, &costs->stop_ns},
    };
    int64_t sorted_ns[sizeof kinds / sizeof *kinds][BATCHES];
    struct growable_log stops;
    int error = growable_log_init(&stops, sizeof(struct gc_stop), STOP_ENTRIES);
    if (error)
        return error;
    const struct subject subject = {thread, &stops};
    /* In turns: what a processor does in a nanosecond varies, and of a record and the reading of
     * the clock in it the difference is of interest too. */
    for (int i = 0; i < BATCHES; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            int64_t before_ns = clock_now_ns();
            kinds[k].run(&subject);
            insert(sorted_ns[k], i, clock_now_ns() - before_ns);
        }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        *kinds[k].cost_ns = (sorted_ns[k][BATCHES / 2] + kinds[k].records / 2) / kinds[k].records;
    growable_log_free(&stops);
    return 0;
}
