/* marksweep_mutator_internal.h: one attached thread.
 *
 * Its holes are a table with a row for each layout and a column for each size class, mapped whole
 * and touched only where used. `holes` is what the fast path reads; `cursors`, the same table
 * again, is what only the slow path needs. */
#ifndef MARKSWEEP_MUTATOR_INTERNAL_H
#define MARKSWEEP_MUTATOR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "marksweep_gc.h"
#include "marksweep_layout_internal.h"
#include "marksweep_space_internal.h"

#define MS_HOLES          (MS_LAYOUTS * MARKSWEEP_CLASSES)
#define MS_SNAPSHOT_WORDS 128u
#define MS_BATCH_MAX      8u /* spans */
#define MS_RESERVE_BLOCKS 16u
#define MS_TAKEN_MAX      16u

/* The span a hole lies in. Invariant: slots before `hole_start` are allocated as the bitmap says,
 * those of [hole_start, hole.next) are allocated though the bitmap does not say so yet, those of
 * [hole.next, hole.end) are free and this mutator's, and from `search_granule` on the bitmap is
 * right again. Flushing the hole makes the bitmap right everywhere.
 *
 * So that threads seldom meet at the heap lock, a mutator cuts new spans from a reserve of blocks
 * of its own, and takes partly free ones in batches where it uses up one after the other; each
 * collection starts that anew, so that what is needed rarely is not hoarded. */
struct ms_cursor {
    char *hole_start;
    uint32_t span;           /* first block, or MS_NO_BLOCK */
    uint32_t search_granule; /* where to look for the next hole */
    uint32_t spare;          /* list of further spans that are this mutator's, or MS_NO_BLOCK */
    uint32_t batch; /* how many spans the last trip to the heap lock brought; 0: none yet */
};

/* A due finalizer that a mutator has taken to run it, and its entry, if any (marksweep_finalizer).
 */
struct ms_taken {
    char *object;
    const struct gc_finalizer *finalizer;
    uint32_t entry;
};

struct ms_mutator {
    struct gc_mutator inlined; /* first: the two addresses are the same */
    struct ms_mutator *next;
    struct ms_mutator *previous;

    /* Stack: words in [stack_top, stack_base) are roots while the thread is parked or blocked. */
    char *stack_base;
    char *stack_top;
    /* A thread that entered a blocked region goes on to use its stack, so what enter_blocked had
     * below its caller, registers included, is copied here. */
    bool is_blocked;
    size_t snapshot_count;
    uintptr_t snapshot[MS_SNAPSHOT_WORDS];

    /* Of holes flushed since the last time these were added to the heap's. */
    uint64_t flushed_bytes;
    uint64_t flushed_count;
    uint64_t stress_left; /* allocations until the next forced collection */

    /* The first `taken_count` of `taken_total` have not been run yet. */
    uint32_t taken_count;
    uint32_t taken_total;
    struct ms_taken taken[MS_TAKEN_MAX];

    /* Free blocks that are this mutator's to cut spans of any class from, FREE in the table. */
    uint32_t reserve;
    uint32_t reserve_blocks;

    uint32_t active_count; /* entries of cursors that name a span */
    uint16_t active[MS_HOLES];

    struct marksweep_hole holes[MS_HOLES];
    struct ms_cursor cursors[MS_HOLES];
};

/* Distance from a mutator to a layout's row of holes: gc_type.backend_word. */
static inline uintptr_t ms_mutator_row(unsigned layout)
{
    return offsetof(struct ms_mutator, holes) +
           (uintptr_t)layout * MARKSWEEP_CLASSES * sizeof(struct marksweep_hole);
}

static inline unsigned ms_mutator_layout(uintptr_t row)
{
    return (unsigned)((row - offsetof(struct ms_mutator, holes)) /
                      (MARKSWEEP_CLASSES * sizeof(struct marksweep_hole)));
}

/* Bytes that a mutator may touch when this many layouts are in use. */
static inline size_t ms_mutator_bytes(unsigned layouts)
{
    return offsetof(struct ms_mutator, holes) +
           (size_t)layouts * MARKSWEEP_CLASSES *
               (sizeof(struct marksweep_hole) + sizeof(struct ms_cursor));
}

#endif
