#include "perf_counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHE_MISSES_OF(cache)                                                                     \
    ((cache) | PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

const struct perf_counter_kind perf_counter_kinds[] = {
    {"instructions_count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cycles_count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"cache_misses_count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"dtlb_misses_count", PERF_TYPE_HW_CACHE, CACHE_MISSES_OF(PERF_COUNT_HW_CACHE_DTLB)},
    {"itlb_misses_count", PERF_TYPE_HW_CACHE, CACHE_MISSES_OF(PERF_COUNT_HW_CACHE_ITLB)},
    {NULL, 0, 0},
};

void perf_counters_open(struct perf_counters *counters, const struct perf_counter_kind *kinds)
{
    *counters = (struct perf_counters){.kinds = kinds};
    for (; kinds[counters->count].name && counters->count < PERF_COUNTERS_MAX; counters->count++) {
        struct perf_event_attr attr = {
            .size = sizeof attr,
            .type = kinds[counters->count].type,
            .config = kinds[counters->count].config,
            .disabled = 1,
            .inherit = 1,
            /* What a user without privileges may count, so that all see the same figure. */
            .exclude_kernel = 1,
            .exclude_hv = 1,
            .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        };
        counters->fds[counters->count] =
            (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    }
}

void perf_counters_close(struct perf_counters *counters)
{
    for (size_t i = 0; i < counters->count; i++)
        if (counters->fds[i] >= 0)
            close(counters->fds[i]);
    counters->count = 0;
}

/* A request to an inherited event reaches its copies in all threads. */
static void tell(const struct perf_counters *counters, unsigned long request)
{
    for (size_t i = 0; i < counters->count; i++)
        if (counters->fds[i] >= 0)
            ioctl(counters->fds[i], request, 0);
}

void perf_counters_start(const struct perf_counters *counters)
{
    tell(counters, PERF_EVENT_IOC_ENABLE);
}

void perf_counters_stop(const struct perf_counters *counters)
{
    tell(counters, PERF_EVENT_IOC_DISABLE);
}

struct perf_counter_value perf_counters_read(const struct perf_counters *counters, size_t index)
{
    struct {
        uint64_t value;
        uint64_t enabled_ns;
        uint64_t running_ns;
    } got;
    int fd = counters->fds[index];
    if (fd < 0 || read(fd, &got, sizeof got) != (ssize_t)sizeof got || got.running_ns == 0)
        return (struct perf_counter_value){.is_known = false};
    bool is_scaled = got.running_ns < got.enabled_ns;
    double scale = (double)got.enabled_ns / (double)got.running_ns;
    return (struct perf_counter_value){
        .is_known = true,
        .is_scaled = is_scaled,
        .value = is_scaled ? (uint64_t)((double)got.value * scale) : got.value,
    };
}
