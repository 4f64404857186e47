/* mimalloc_backend.c: the cold half of the mimalloc backend. */
#include "mimalloc/mimalloc_gc.h"

#include "gc_manual_backend.h"

/* 209 is 2.0.9. Should a part ever need two digits, so does each: 30105 would be 3.1.5. */
static const char *version_text(int version, char *text, size_t text_bytes)
{
    int base = version < 1000 ? 10 : 100;
    snprintf(text, text_bytes, "%d.%d.%d", version / base / base, version / base % base,
             version % base);
    return text;
}

static const char *version(void)
{
    static char text[40];
    return version_text(mi_version(), text, sizeof text);
}

static const char *header_version(void)
{
    static char text[40];
    return version_text(MI_MALLOC_VERSION, text, sizeof text);
}

/* Its peak cannot be started anew without losing what is held now, so it stays unknown. */
static void stats(struct gc_stats *stats)
{
    size_t commit = 0;
    size_t ignored;
    mi_process_info(&ignored, &ignored, &ignored, &ignored, &ignored, &commit, &ignored, &ignored);
    uncollected_stats(stats);
    stats->heap_bytes = commit;
}

/* As the library itself counts. */
static int metric(size_t index, struct gc_metric *metric)
{
    size_t ignored, commit = 0;
    if (index > 0)
        return 0;
    mi_process_info(&ignored, &ignored, &ignored, &ignored, &ignored, &commit, &ignored, &ignored);
    *metric = (struct gc_metric){"mimalloc_committed_bytes", "bytes", "lower", (double)commit, 0};
    return 1;
}

const struct gc_backend gc_backend = {
    MANUAL_MEMBERS,
    .name = "mimalloc",
    .summary = "mimalloc, by hand",
    .version = version,
    .header_version = header_version,
    .library_symbol = __extension__(const void *) mi_version,
    .stats = stats,
    .metric = metric,
};
