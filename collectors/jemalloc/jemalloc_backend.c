/* jemalloc_backend.c: the cold half of the jemalloc backend. */
#include "jemalloc/jemalloc_gc.h"

#include "gc_manual_backend.h"

static const char *version(void)
{
    const char *text = "unknown";
    size_t bytes = sizeof text;
    mallctl("version", &text, &bytes, NULL, 0); /* leaves text where it fails */
    return text;
}

static const char *header_version(void)
{
    return JEMALLOC_VERSION;
}

/* Resident pages with metadata and with pages kept for reuse. jemalloc counts as of the last change
 * of its epoch; a build without statistics has none, and a sanitizer's own malloc fills in none. */
static void stats(struct gc_stats *stats)
{
    uint64_t epoch = 1;
    size_t resident_bytes = 0;
    size_t bytes = sizeof resident_bytes;
    uncollected_stats(stats);
    if (!GC_SANITIZED && mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) == 0 &&
        mallctl("stats.resident", &resident_bytes, &bytes, NULL, 0) == 0)
        stats->heap_bytes = resident_bytes;
}

const struct gc_backend gc_backend = {
    MANUAL_MEMBERS,
    .name = "jemalloc",
    .summary = "jemalloc, by hand",
    .version = version,
    .header_version = header_version,
    .library_symbol = __extension__(const void *) mallctl,
    .stats = stats,
};
