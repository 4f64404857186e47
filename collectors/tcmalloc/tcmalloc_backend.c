/* tcmalloc_backend.c: the cold half of the tcmalloc backend. */
#include "tcmalloc/tcmalloc_gc.h"

#include <gperftools/malloc_extension_c.h>

#include "gc_manual_backend.h"

static const char *version(void)
{
    return tc_version(NULL, NULL, NULL);
}

static const char *header_version(void)
{
    return TC_VERSION_STRING;
}

/* Spans held, those given back to the system left out. Its metadata, mapped apart, it does not
 * tell. */
static void stats(struct gc_stats *stats)
{
    size_t reserved_bytes, unmapped_bytes;
    uncollected_stats(stats);
    if (MallocExtension_GetNumericProperty("generic.heap_size", &reserved_bytes) &&
        MallocExtension_GetNumericProperty("tcmalloc.pageheap_unmapped_bytes", &unmapped_bytes))
        stats->heap_bytes = reserved_bytes - unmapped_bytes;
}

#if GC_SANITIZED_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

/* The library makes one object at its start and hides its address. */
const char *__lsan_default_suppressions(void)
{
    return "leak:MallocExtension::Register\n";
}

const char *__asan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

const struct gc_backend gc_backend = {
    MANUAL_MEMBERS,
    .name = "tcmalloc",
    .summary = "tcmalloc of gperftools, by hand",
    .version = version,
    .header_version = header_version,
    .library_symbol = __extension__(const void *) tc_version,
    .stats = stats,
};
