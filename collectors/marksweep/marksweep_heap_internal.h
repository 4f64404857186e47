/* marksweep_heap_internal.h: the state that mutators share, and allocation's slow half.
 *
 * Invariants, outside of collections:
 *   - A span with a free slot is on the list of its layout and class, or held by exactly one
 *     mutator's cursor, in use or as a spare one, or, if it became partly free by a mutator's
 *     leaving, on the list again.
 *   - A span that is on no list and held by nobody is full.
 *   - A mutator's hole is free in no other view: only the holder of a span sets its bits.
 *
 * One lock, taken once per reserve, batch of spans, large object or layout, never on the fast path,
 * and never held at a safepoint. Order: world lock, lock of the finalizers or of a pool, heap lock.
 */
#ifndef MARKSWEEP_HEAP_INTERNAL_H
#define MARKSWEEP_HEAP_INTERNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "gc_backend.h"
#include "marksweep_mutator_internal.h"
#include "marksweep_space_internal.h"

struct ms_span_list {
    uint32_t first; /* MS_NO_BLOCK: empty */
    uint32_t last;
};

struct ms_heap {
    pthread_mutex_t lock;
    const struct gc_listener *listener;
    uint64_t stress; /* collect at every so many allocations of a mutator; 0: never for that */
    bool verify;     /* verify before and after each collection */
    bool poison;     /* overwrite what is freed */

    /* Spans with free slots, in order of address after a collection. */
    struct ms_span_list partial[MS_HOLES];

    /* Allocated by holes flushed and large objects, cumulative. */
    uint64_t allocated_bytes;
    uint64_t allocated_count;
    /* Handed out since the last collection, and how much of that starts the next one. */
    uint64_t since_collection_bytes;
    uint64_t budget_bytes;
};

extern struct ms_heap ms_heap;

/* What freed memory is filled with when `poison` is set: an odd address outside every heap. */
#define MS_POISON_BYTE 0xdb

void ms_heap_init(const struct gc_config *config, uint64_t stress, bool verify);

static inline void ms_heap_lock(void)
{
    pthread_mutex_lock(&ms_heap.lock);
}

static inline void ms_heap_unlock(void)
{
    pthread_mutex_unlock(&ms_heap.lock);
}

/* Makes room for the rows of one more layout in every mutator: 0 or -ENOMEM. Under the lock. */
int ms_heap_charge_layout(void);

/* Gives back all that the mutator holds: the bitmap becomes right for all its spans, those with
 * free slots go to their lists, its counts are added to the heap's. Under the lock; the mutator is
 * the caller's own or stopped. */
void ms_heap_flush_mutator(struct ms_mutator *m);

static inline void ms_heap_append_partial(size_t list, uint32_t span)
{
    struct ms_span_list *l = &ms_heap.partial[list];
    ms_space.table[span].next = MS_NO_BLOCK;
    if (l->first == MS_NO_BLOCK)
        __atomic_store_n(&l->first, span, __ATOMIC_RELAXED);
    else
        ms_space.table[l->last].next = span;
    l->last = span;
}

#endif
