/* gc_manual_backend.h: the cold half of gc_manual.h, included by the one .c file of such a backend
 * after its inline header. */
#ifndef GC_MANUAL_BACKEND_H
#define GC_MANUAL_BACKEND_H

#include "gc_uncollected.h"

_Noreturn void gc_manual_out_of_memory(size_t bytes)
{
    uncollected_out_of_memory(bytes);
}

static int manual_init(const struct gc_config *config, struct gc_mutator **main, char *why,
                       size_t why_bytes)
{
    int error = uncollected_cap(config->memory_cap_bytes);
    if (error) {
        snprintf(why, why_bytes, "the memory cap cannot be set: setrlimit(RLIMIT_DATA)");
        return error;
    }
    return uncollected_init(config, main);
}

static void manual_reset_peak(void)
{
}

#define MANUAL_MEMBERS                                                                             \
    UNCOLLECTED_MEMBERS, .reclaim = GC_RECLAIM_MANUAL, .capabilities = GC_CAN_THREADS,             \
                         .needs = GC_NEEDS_FREE, .init = manual_init,                              \
                         .reset_peak = manual_reset_peak

#endif
