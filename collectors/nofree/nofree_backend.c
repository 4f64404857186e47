/* nofree_backend.c: the cold half of the nofree backend. */
#include "nofree/nofree_gc.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gc_uncollected.h"

/* A power of two, large enough that system calls do not show. */
#define CHUNK_BYTES ((size_t)32 << 20)
/* An object above this gets a mapping of its own, so that no more than an eighth of a chunk is left
 * behind unused. */
#define LARGE_BYTES (CHUNK_BYTES / 8)

static uint64_t limit_bytes; /* 0: none */
static uint64_t heap_bytes;

static size_t page_round(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) & ~(page - 1);
}

/* Maps `bytes`, a multiple of the page size, or returns 0 where the limit or the system forbids. */
static uintptr_t map_counted(size_t bytes)
{
    uint64_t held = __atomic_add_fetch(&heap_bytes, bytes, __ATOMIC_RELAXED);
    if (limit_bytes == 0 || held <= limit_bytes) {
        void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p != MAP_FAILED)
            return (uintptr_t)p;
    }
    __atomic_fetch_sub(&heap_bytes, bytes, __ATOMIC_RELAXED);
    return 0;
}

void *nofree_alloc_slow(struct gc_mutator *m, size_t bytes)
{
    if (bytes > PTRDIFF_MAX / 2)
        uncollected_out_of_memory(bytes);
    size_t need = page_round(bytes);
    uintptr_t start;
    /* Near the limit a chunk shrinks to what there is room for. */
    for (size_t chunk = bytes <= LARGE_BYTES ? CHUNK_BYTES : 0; chunk >= need; chunk /= 2) {
        if ((start = map_counted(chunk)) != 0) {
            m->cursor = start + bytes;
            m->end = start + chunk;
            return (void *)start;
        }
    }
    if ((start = map_counted(need)) == 0)
        uncollected_out_of_memory(bytes);
    return (void *)start;
}

static int init(const struct gc_config *config, struct gc_mutator **main, char *why,
                size_t why_bytes)
{
    limit_bytes = config->heap_limit_bytes;
    if (limit_bytes == 0 || (config->memory_cap_bytes && config->memory_cap_bytes < limit_bytes))
        limit_bytes = config->memory_cap_bytes;
    int error = uncollected_init(config, main);
    if (error)
        snprintf(why, why_bytes, "no memory for %" PRIu32 " threads", config->threads_count);
    return error;
}

static const char *version(void)
{
    return "1";
}

static void stats(struct gc_stats *stats)
{
    uncollected_stats(stats);
    stats->heap_bytes = __atomic_load_n(&heap_bytes, __ATOMIC_RELAXED);
    stats->heap_peak_bytes = stats->heap_bytes; /* it never shrinks */
}

static void reset_peak(void)
{
}

const struct gc_backend gc_backend = {
    UNCOLLECTED_MEMBERS,
    .name = "nofree",
    .summary = "bump allocation, never freed: the floor for time, the ceiling for memory",
    .facts =
        {
            .allocation = "inlined, from chunks of 32 MiB of the thread's own",
            .zeroing = "none: fresh mappings are zero",
            .limit = "hard: chunks",
        },
    .reclaim = GC_RECLAIM_NEVER,
    .capabilities = GC_CAN_THREADS,
    .init = init,
    .version = version,
    .header_version = version,
    .stats = stats,
    .reset_peak = reset_peak,
};
