/* conformance_limits.c: heap limit, memory cap, and what happens there. */
#include <string.h>

#include "conformance.h"

enum { OBJECT_BYTES = 1000 };

static uint64_t allocated_bytes; /* by fill_memory, its list's nodes included */

/* Keeps everything it allocates in a list, and touches it, until there is no more. */
static void fill_memory(struct gc_mutator *m)
{
    uint64_t stop = 8 * (conformance_config.heap_limit_bytes + conformance_config.memory_cap_bytes);
    while (allocated_bytes < stop) {
        struct header_and_children *link =
            gc_alloc_zeroed(m, &type_mixed, sizeof *link + sizeof(void *));
        void *first = conformance_roots[0];
        gc_store(m, link, link->first, first);
        conformance_roots[0] = link;
        void *object = gc_alloc(m, &type_leaf, OBJECT_BYTES);
        memset(object, 1, OBJECT_BYTES);
        gc_store(m, link, link->children[0], object);
        allocated_bytes += OBJECT_BYTES + sizeof *link + sizeof(void *);
    }
}

static void drop_memory(struct gc_mutator *m)
{
    struct header_and_children *link = conformance_roots[0];
    conformance_roots[0] = NULL;
    while (link && GC_RECLAIMS_BY_HAND) {
        struct header_and_children *next = link->first;
        gc_free(m, link->children[0], OBJECT_BYTES);
        gc_free(m, link, sizeof *link + sizeof(void *));
        link = next;
    }
}

/* libgc's limit counts its heap alone; what its tables take beside is reported by itself. */
static void check_within(uint64_t limit)
{
    struct gc_stats stats;
    gc_backend.stats(&stats);
    if (stats.heap_bytes == GC_UNKNOWN)
        return;
    uint64_t tables = 0;
    struct gc_metric metric;
    for (size_t i = 0; gc_backend.metric && gc_backend.metric(i, &metric); i++)
        if (strstr(metric.name, "tables_bytes"))
            tables = (uint64_t)metric.value;
    CHECK(stats.heap_bytes <= limit + limit / 20 + tables,
          "%" PRIu64 " bytes held at a limit of %" PRIu64, stats.heap_bytes, limit);
}

void case_heap_limit(struct gc_mutator *m)
{
    size_t bytes = 0;
    uint64_t limit = conformance_config.heap_limit_bytes;
    for (int round = 0; round < 2; round++) {
        allocated_bytes = 0;
        CHECK(runs_out_of_memory(fill_memory, m, &bytes), "%" PRIu64 " bytes within %" PRIu64,
              allocated_bytes, limit);
        CHECK(bytes > 0, "out of memory for no bytes");
        CHECK(allocated_bytes >= limit / 4 && allocated_bytes <= limit,
              "round %d: out of memory after %" PRIu64 " bytes at a limit of %" PRIu64, round,
              allocated_bytes, limit);
        check_within(limit);
        /* The listener left by longjmp: the backend goes on. */
        drop_memory(m);
        if (gc_backend.capabilities & GC_CAN_COLLECT)
            collect_twice(m);
        churn(m, 256, conformance_scaled(4 * limit / 256) * 256);
        check_within(limit);
    }
}

static size_t one_object_bytes;

static void allocate_one(struct gc_mutator *m)
{
    gc_keep(gc_alloc(m, &type_leaf, one_object_bytes));
}

static void keep_one(struct gc_mutator *m)
{
    void **object = gc_alloc_zeroed(m, &type_array, one_object_bytes);
    void *first = conformance_roots[0];
    gc_store(m, object, object[0], first);
    conformance_roots[0] = object;
}

void case_heap_limit_one_object(struct gc_mutator *m)
{
    size_t bytes = 0;
    const size_t sizes[] = {conformance_config.heap_limit_bytes,
                            conformance_config.heap_limit_bytes * 2, (size_t)1 << 46, SIZE_MAX / 2,
                            SIZE_MAX - 100};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        one_object_bytes = sizes[i];
        CHECK(runs_out_of_memory(allocate_one, m, &bytes), "an object of %zu bytes", sizes[i]);
        check_within(conformance_config.heap_limit_bytes);
    }
    one_object_bytes = conformance_config.heap_limit_bytes / 4;
    CHECK(!runs_out_of_memory(allocate_one, m, &bytes), "no %zu bytes", one_object_bytes);
}

static void leave_nothing(struct gc_mutator *m)
{
    for (size_t bytes = 16384; bytes >= 16; bytes /= 2) {
        one_object_bytes = bytes;
        size_t wanted = 0;
        while (!runs_out_of_memory(keep_one, m, &wanted))
            continue;
    }
}

static void stay_a_while(struct gc_mutator *m, unsigned index)
{
    (void)index;
    gc_safepoint(m);
}

/* A thread that comes to a heap with no room for it is attached or told so; the process is not
 * ended by a signal. */
void case_full_heap_and_threads(struct gc_mutator *m)
{
    need_threads();
    if (!(gc_backend.capabilities & GC_CAN_LIMIT_HEAP))
        conformance_skip("%s has no heap limit", gc_backend.name);
    leave_nothing(m);
    let_attaching_fail();
    for (int round = 0; round < 4; round++)
        run_threads(m, CASE_THREADS, stay_a_while);
    check_within(conformance_config.heap_limit_bytes);
}

void case_memory_cap(struct gc_mutator *m)
{
    size_t bytes = 0;
    uint64_t cap = conformance_config.memory_cap_bytes;
    if (gc_backend.capabilities & GC_CAN_LIMIT_HEAP)
        conformance_skip("%s has a heap limit", gc_backend.name);
    if (GC_SANITIZED && GC_RECLAIMS_BY_HAND)
        conformance_skip("a sanitizer maps more than any cap, which is not set then");
    CHECK(runs_out_of_memory(fill_memory, m, &bytes), "%" PRIu64 " bytes within %" PRIu64,
          allocated_bytes, cap);
    CHECK(bytes > 0, "out of memory for no bytes");
    /* Where the kernel keeps the cap it counts address space, so reserves and fragments do; what
     * the library had mapped before its start does not. */
    CHECK(allocated_bytes >= cap / 4 && allocated_bytes <= 2 * cap,
          "out of memory after %" PRIu64 " bytes at a cap of %" PRIu64, allocated_bytes, cap);
}
