#include "bench/event_log_cost.h"

#include "base/clock.h"
#include "base/mapped.h"
#include "driver/event_rows.h"
#include "runner/event_log.h"

double event_log_cost_ns(bool in_file, uint64_t count)
{
    struct event_log *log = mapped_new(sizeof *log);
    int fd = in_file ? event_rows_open() : -1;
    if (!log || (in_file && fd < 0) || event_log_init(log, fd, NULL))
        return -1;
    struct gc_stop stop = {.kind = GC_STOP_FULL, .thread = -1, .duration_ns = 1};
    int64_t before_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++) {
        stop.start_ns = (int64_t)i;
        event_log_stop(log, &stop);
    }
    return (double)(clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns) / (double)count;
}
