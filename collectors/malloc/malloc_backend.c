/* malloc_backend.c: the cold half of the malloc backend. */
#include "malloc/malloc_gc.h"

#include <gnu/libc-version.h>
#include <malloc.h>

#ifdef GC_FLAVOUR_CENSUS
#define MANUAL_RESET_PEAK census_reset
#define METRIC            census_metric
#else
#define METRIC NULL
#endif

#include "gc_manual_backend.h"

static const char *version(void)
{
    return gnu_get_libc_version();
}

/* mallinfo2 adds up all arenas: memory from brk and arena mappings, and blocks mapped singly. A
 * sanitizer's own malloc does not fill it in. */
static void stats(struct gc_stats *stats)
{
    uncollected_stats(stats);
    if (!GC_SANITIZED) {
        struct mallinfo2 info = mallinfo2();
        stats->heap_bytes = info.arena + info.hblkhd;
    }
}

static const struct gc_option options[] = {
    {"census", GC_OPTION_FLAG, "", NULL, 0, 0, 1,
     "count objects, references and lifetimes, for the character of a workload; not for times"},
};

const struct gc_backend gc_backend = {
    MANUAL_MEMBERS,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .metric = METRIC,
    .name = "malloc",
    .summary = "glibc malloc and free, by hand",
    .version = version,
    /* glibc keeps its ABI, and nothing of malloc is inline: whatever is loaded matches. */
    .header_version = version,
    .library_symbol = __extension__(const void *) gnu_get_libc_version,
    .stats = stats,
};
