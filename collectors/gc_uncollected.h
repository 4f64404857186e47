/* gc_uncollected.h: the cold half that backends without a collector have in common: threads are
 * slots, roots and types mean nothing, and memory is bounded by a cap rather than by a heap limit.
 *
 * Included by the one .c file of such a backend, after its inline header, whose struct gc_mutator
 * has pool_index.
 */
#ifndef GC_UNCOLLECTED_H
#define GC_UNCOLLECTED_H

#include <stdlib.h>

#include "gc_backend.h"
#include "gc_slots.h"
#include "pool/pool.h"

static const struct gc_listener *uncollected_listener;

static _Noreturn void uncollected_out_of_memory(size_t bytes)
{
    uncollected_listener->out_of_memory(uncollected_listener->data, bytes);
    abort(); /* the listener does not return */
}

static struct gc_mutator *uncollected_attach(void)
{
    uint32_t index;
    struct gc_mutator *m = gc_slots_take(&index);
    if (m)
        m->pool_index = index;
    return m;
}

static void uncollected_detach(struct gc_mutator *m)
{
    gc_slots_release(m->pool_index);
}

static int uncollected_init(const struct gc_config *config, struct gc_mutator **main)
{
    uncollected_listener = config->listener;
    int error = gc_slots_init(config->threads_count, sizeof(struct gc_mutator));
    if (error)
        return error;
    gc_pool_start(config->threads_count);
    *main = uncollected_attach();
    return 0;
}

static void uncollected_mutator_nothing(struct gc_mutator *m)
{
    (void)m;
}

static int uncollected_type_register(struct gc_type *type)
{
    (void)type;
    return 0;
}

static int uncollected_roots_add(void *low, void *high)
{
    (void)low;
    (void)high;
    return 0;
}

static void uncollected_roots_remove(void *low, void *high)
{
    (void)low;
    (void)high;
}

/* All unknown; no collections. */
static void uncollected_stats(struct gc_stats *stats)
{
    *stats = (struct gc_stats){
        .heap_bytes = GC_UNKNOWN,
        .heap_peak_bytes = GC_UNKNOWN,
        .live_bytes = GC_UNKNOWN,
        .allocated_bytes = GC_UNKNOWN,
        .allocated_count = GC_UNKNOWN,
    };
}

/* Members of gc_backend that are the same for all of them. */
#define UNCOLLECTED_MEMBERS                                                                        \
    .attach = uncollected_attach, .detach = uncollected_detach,                                    \
    .enter_blocked = uncollected_mutator_nothing, .leave_blocked = uncollected_mutator_nothing,    \
    .type_register = uncollected_type_register, .roots_add = uncollected_roots_add,                \
    .roots_remove = uncollected_roots_remove, .collect = uncollected_mutator_nothing

#endif
