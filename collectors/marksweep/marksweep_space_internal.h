/* marksweep_space_internal.h: the address space of the heap, its blocks, and what is held.
 *
 * One range of addresses is reserved at start. Blocks below `top` have been used at some time;
 * those above never. Everything known about a block lies beside the heap, in tables indexed by the
 * number of the block, so that a free block or a leaf object is never read by the collector:
 *
 *   kinds[block]              layout and size class: all that marking needs (2 bytes)
 *   table[block]              state, place in its run (struct ms_block)
 *   allocated[], marks[]      two bitmaps, one bit per granule, 64 bytes per block
 *
 * Invariants:
 *   - Block 0 is UNUSED. Each other block below top is FREE, RELEASED, or part of a SMALL or LARGE
 * run; the first block of a run has its length in `run`, each block of a SMALL or LARGE run its
 * distance from the first in `back`. Runs tile [1, top).
 *   - A bit in either bitmap is set only at the start of a slot or at the first granule of a LARGE
 *     run. With the world stopped and all holes flushed, `allocated` has exactly the objects.
 *   - Between collections `marks` is all zero. A collection sets the bits of what it finds
 *     reachable, then the bitmaps change places and the old one is cleared: sweeping copies
 * nothing.
 *   - FREE memory is held from the system and warm; RELEASED memory was given back.
 *   - held_bytes() <= limit_bytes, always, where there is a limit.
 *
 * Under the heap lock, or with the world stopped, unless said otherwise.
 */
#ifndef MARKSWEEP_SPACE_INTERNAL_H
#define MARKSWEEP_SPACE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "marksweep_layout_internal.h"

#define MS_NO_BLOCK 0u /* block 0 is never used */
#define MS_RUN_BINS 64u

enum ms_block_state { MS_UNUSED, MS_FREE, MS_RELEASED, MS_SMALL, MS_LARGE };

struct ms_block {
    uint32_t next; /* in its bin or its list of partly free spans, or MS_NO_BLOCK */
    uint32_t run;
    uint32_t back;
    uint8_t state; /* enum ms_block_state */
    uint8_t padding[3];
    uint64_t bytes; /* of a LARGE object: what was asked for */
};

/* Runs by length: bin i holds runs of i + 1 blocks, the last one all longer runs too. Bit i of
 * `filled` says that bin i is not empty. */
struct ms_runs {
    uint32_t first[MS_RUN_BINS];
    uint32_t last[MS_RUN_BINS];
    uint64_t filled;
    size_t blocks;
};

struct ms_space {
    char *base;
    size_t top_bytes; /* of blocks below top */
    uint64_t *marks;
    uint64_t *allocated;
    ms_kind *kinds;
    struct ms_block *table;

    unsigned bitmaps; /* those two, and one for each marker thread */

    size_t top;         /* blocks 1 .. top - 1 have been used */
    size_t reserved;    /* blocks of address space */
    size_t accessible;  /* blocks that are readable and writable */
    size_t small_paged; /* of those, the first so many may not be backed by huge pages any more */
    struct ms_runs free_runs;
    struct ms_runs released_runs;

    bool huge_pages;
    uint64_t limit_bytes;   /* 0: none */
    uint64_t charged_bytes; /* metadata other than the tables above */
    uint64_t peak_bytes;
    uint64_t grown_bytes; /* of blocks held when the heap last grew; reset by who reads it */
};

extern struct ms_space ms_space;

/* Reserves address space and tables; less where the system refuses. With `huge_pages`, these are
 * asked for beyond the first 64 MiB of blocks. 0, -ENOMEM, or -ENOTSUP where a page is larger than
 * a block, since blocks are given back one by one. */
int ms_space_init(uint64_t limit_bytes, bool huge_pages);

/* All bytes held from the system for objects and metadata. */
uint64_t ms_space_held_bytes(void);
uint64_t ms_space_metadata_bytes(void);
/* Of blocks that are neither free nor released. */
uint64_t ms_space_used_bytes(void);

/* Adds metadata kept elsewhere to what is held: 0, or -ENOMEM where that would exceed the limit. */
int ms_space_charge(size_t bytes);
/* The same, but gives free memory back where that makes room. */
int ms_space_charge_in_place_of_free(size_t bytes);
void ms_space_uncharge(size_t bytes);
void ms_space_reset_peak(void);

/* Another bitmap over the whole heap, all zero; NULL where the limit or the system allows none. */
uint64_t *ms_space_add_bitmap(void);
void ms_space_remove_bitmap(uint64_t *bitmap);

/* A run of `blocks` blocks, of which the caller sets state, back and kind; contents undefined.
 * Returns its first block, or MS_NO_BLOCK where the limit or the system allows no more. */
uint32_t ms_space_take(size_t blocks);

/* At least `least` blocks, up to *most, of which the first has them all in `run`: for cutting up.
 * Their states are FREE. Stores their number in *most. Short runs are taken before long ones are
 * cut. */
uint32_t ms_space_take_some(size_t least, size_t *most);
/* Gives back what is left of it. */
void ms_space_return(uint32_t first, size_t blocks);

/* For the sweep, which finds all free and released runs anew: empties the bins; adds one run. */
void ms_space_forget_runs(void);
void ms_space_add_run(uint32_t first, size_t blocks, enum ms_block_state state);

/* Gives free memory back to the system, longest runs first, until at most `keep_bytes` are held or
 * nothing is free. False where the system takes none, as where the program has locked its memory:
 * it stays free. */
bool ms_space_release(uint64_t keep_bytes);

static inline char *ms_space_address(uint32_t block)
{
    return ms_space.base + ((size_t)block << MS_BLOCK_SHIFT);
}

static inline uint64_t *ms_space_bits(uint64_t *bitmap, uint32_t block)
{
    return bitmap + (size_t)block * MS_BLOCK_WORDS;
}

static inline bool ms_bit_test(const uint64_t *bits, size_t granule)
{
    return (bits[granule / 64] >> (granule % 64)) & 1;
}

static inline void ms_bit_set(uint64_t *bits, size_t granule)
{
    bits[granule / 64] |= UINT64_C(1) << (granule % 64);
}

/* The object that `word` names, or NULL: its start, or with `interior` any address inside it. O(1).
 * With the world stopped and holes flushed. */
static inline char *ms_space_find(uintptr_t word, bool interior)
{
    size_t offset = word - (uintptr_t)ms_space.base;
    if (offset >= ms_space.top_bytes)
        return NULL;
    size_t number = offset >> MS_BLOCK_SHIFT;
    const struct ms_block *block = &ms_space.table[number];
    if (block->state < MS_SMALL)
        return NULL;
    size_t first = number - block->back;
    size_t inside = offset - (first << MS_BLOCK_SHIFT);
    size_t start = 0;
    if (block->state == MS_SMALL) {
        const struct ms_class *size_class = &ms_classes[ms_kind_class(ms_space.kinds[first])];
        size_t index = ms_class_slot_index(size_class, inside >> MS_GRANULE_SHIFT);
        if (index >= size_class->slots)
            return NULL;
        start = index * size_class->slot_granules;
    } else if (inside >= ms_space.table[first].bytes) {
        return NULL;
    }
    if (!interior && inside != start << MS_GRANULE_SHIFT)
        return NULL;
    if (!ms_bit_test(ms_space_bits(ms_space.allocated, (uint32_t)first), start))
        return NULL;
    return ms_space.base + (first << MS_BLOCK_SHIFT) + (start << MS_GRANULE_SHIFT);
}

/* Bytes that the object occupies: its slot, or what was asked for if it is large. `object` is the
 * start of one. */
static inline size_t ms_space_object_bytes(const char *object)
{
    size_t number = (size_t)(object - ms_space.base) >> MS_BLOCK_SHIFT;
    unsigned size_class = ms_kind_class(ms_space.kinds[number]);
    if (size_class == MS_CLASS_LARGE)
        return ms_space.table[number].bytes;
    return ms_classes[size_class].slot_bytes;
}

#endif
