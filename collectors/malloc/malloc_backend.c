/* malloc_backend.c: the cold half of the malloc backend. */
#include "malloc/malloc_gc.h"

#include <gnu/libc-version.h>
#include <malloc.h>

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

const struct gc_backend gc_backend = {
    MANUAL_MEMBERS,
    .name = "malloc",
    .summary = "glibc malloc and free, by hand",
    .version = version,
    /* glibc keeps its ABI, and nothing of malloc is inline: whatever is loaded matches. */
    .header_version = version,
    .library_symbol = __extension__(const void *) gnu_get_libc_version,
    .stats = stats,
};
