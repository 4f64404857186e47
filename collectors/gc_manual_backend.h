/* gc_manual_backend.h: the cold half of gc_manual.h, included by the one .c file of such a backend
 * after its inline header. */
#ifndef GC_MANUAL_BACKEND_H
#define GC_MANUAL_BACKEND_H

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gc_sanitizers.h"
#include "gc_uncollected.h"

/* Bytes of data and stack mappings of the process: field 6 of /proc/self/statm, in pages. */
static uint64_t manual_mapped_bytes(void)
{
    uint64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %*u %*u %*u %*u %" SCNu64, &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The library is asked for memory on the hot path, where nothing is counted, so the kernel keeps
 * the cap: an allocation beyond it fails, and is reported, before the machine is short. What the
 * process had mapped before does not count. A sanitizer reserves more than any cap. */
static int manual_cap(uint64_t cap_bytes)
{
    struct rlimit limit;
    if (cap_bytes == 0 || GC_SANITIZED)
        return 0;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return -errno;
    uint64_t bound = cap_bytes + manual_mapped_bytes();
    if (limit.rlim_max != RLIM_INFINITY && bound > limit.rlim_max)
        bound = limit.rlim_max;
    limit.rlim_cur = bound;
    return setrlimit(RLIMIT_DATA, &limit) == 0 ? 0 : -errno;
}

_Noreturn void gc_manual_out_of_memory(size_t bytes)
{
    uncollected_out_of_memory(bytes);
}

static int manual_init(const struct gc_config *config, struct gc_mutator **main, char *why,
                       size_t why_bytes)
{
    if (GC_SANITIZED_THREAD && !MANUAL_IS_INTERCEPTED) {
        snprintf(why, why_bytes,
                 "ThreadSanitizer does not see inside the library, and takes memory that it hands "
                 "from one thread to another for a race");
        return -ENOTSUP;
    }
    int error = manual_cap(config->memory_cap_bytes);
    if (error) {
        snprintf(why, why_bytes, "the memory cap cannot be set: setrlimit(RLIMIT_DATA)");
        return error;
    }
    return uncollected_init(config, main);
}

/* Defined before this file where the peak is known. */
#ifndef MANUAL_RESET_PEAK
#define MANUAL_RESET_PEAK manual_reset_peak
static void manual_reset_peak(void)
{
}
#endif

#define MANUAL_MEMBERS                                                                             \
    UNCOLLECTED_MEMBERS, .reclaim = GC_RECLAIM_MANUAL, .capabilities = GC_CAN_THREADS,             \
                         .needs = GC_NEEDS_FREE, .init = manual_init,                              \
                         .reset_peak = MANUAL_RESET_PEAK,                                          \
                         .facts = {.allocation = "called: the library's own functions",            \
                                   .zeroing = "none",                                              \
                                   .limit = "none but the memory cap, by RLIMIT_DATA"}

#endif
