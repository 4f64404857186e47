#include "marksweep_roots_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "marksweep_heap_internal.h"
#include "marksweep_stack_internal.h"
#include "marksweep_world_internal.h"

struct range {
    void *low;
    void *high;
};

static struct range *ranges;
static size_t range_count;
static size_t range_capacity;

int ms_roots_add(void *low, void *high)
{
    if ((uintptr_t)low % sizeof(void *) != 0 || (uintptr_t)high % sizeof(void *) != 0 ||
        (uintptr_t)low >= (uintptr_t)high)
        return -EINVAL;
    int result = 0;
    ms_heap_lock();
    if (range_count == range_capacity) {
        size_t capacity = range_capacity ? 2 * range_capacity : 16;
        struct range *grown = NULL;
        if (ms_space_charge_in_place_of_free((capacity - range_capacity) * sizeof *ranges) != 0) {
            result = -ENOMEM;
        } else if (!(grown = realloc(ranges, capacity * sizeof *ranges))) {
            ms_space_uncharge((capacity - range_capacity) * sizeof *ranges);
            result = -ENOMEM;
        } else {
            ranges = grown;
            range_capacity = capacity;
        }
    }
    if (result == 0)
        ranges[range_count++] = (struct range){low, high};
    ms_heap_unlock();
    return result;
}

void ms_roots_remove(void *low, void *high)
{
    ms_heap_lock();
    for (size_t i = 0; i < range_count; i++) {
        if (ranges[i].low == low && ranges[i].high == high) {
            ranges[i] = ranges[--range_count];
            break;
        }
    }
    ms_heap_unlock();
}

/* Reads memory of other threads and of frames whose owners never meant it to be read: sanitizers
 * are told to look away, here only. */
__attribute__((noinline, no_sanitize("address", "thread", "undefined"))) uint64_t
ms_roots_visit_words(struct ms_marker *k, const void *low, const void *high, bool interior)
{
    /* Most words lie outside of the heap: told here, without a call. */
    const uintptr_t base = (uintptr_t)ms_space.base;
    const size_t top_bytes = ms_space.top_bytes;
    const uintptr_t *word = (const uintptr_t *)low;
    for (; word < (const uintptr_t *)high; word++)
        if (*word - base < top_bytes)
            ms_mark_root(k, *word, interior);
    return (uint64_t)((const char *)high - (const char *)low);
}

struct pool_visit {
    struct ms_marker *marker;
    uint64_t bytes;
};

static void visit_pool(void *data, void **low, void **high)
{
    struct pool_visit *visit = data;
    visit->bytes += ms_roots_visit_words(visit->marker, low, high, false);
}

uint64_t ms_roots_visit(struct ms_marker *k)
{
    uint64_t bytes = 0;
    for (const struct ms_mutator *m = ms_world.mutators; m; m = m->next) {
        bytes += ms_roots_visit_words(k, m->stack_top, m->stack_base, true);
        bytes += ms_roots_visit_words(k, m->snapshot, m->snapshot + m->snapshot_count, true);
    }
    for (size_t i = 0; i < range_count; i++)
        bytes += ms_roots_visit_words(k, ranges[i].low, ranges[i].high, false);
    bytes += ms_stack_visit(k);
    struct pool_visit pools = {k, 0};
    gc_pool_roots(visit_pool, &pools);
    return bytes + pools.bytes;
}
