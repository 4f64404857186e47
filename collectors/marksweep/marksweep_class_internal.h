/* marksweep_class_internal.h: the table of size classes, and the units everything is counted in.
 *
 * Memory is divided into *blocks* of 8 KiB and *granules* of 16 bytes. A small object occupies one
 * slot of a *span*, a run of blocks (one block for most classes) cut into equal slots from its
 * first byte on; what is left at the end is less than an eighth of the span.
 */
#ifndef MARKSWEEP_CLASS_INTERNAL_H
#define MARKSWEEP_CLASS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "marksweep_gc.h"

#define MS_GRANULE_SHIFT  4u
#define MS_GRANULE_BYTES  ((size_t)1 << MS_GRANULE_SHIFT)
#define MS_BLOCK_SHIFT    13u
#define MS_BLOCK_BYTES    ((size_t)1 << MS_BLOCK_SHIFT)
#define MS_BLOCK_GRANULES (MS_BLOCK_BYTES / MS_GRANULE_BYTES)
#define MS_BLOCK_WORDS    (MS_BLOCK_GRANULES / 64) /* of a bitmap: 64 bytes, one cache line */

struct ms_class {
    uint32_t slot_bytes;
    uint32_t slot_granules;
    uint32_t blocks;     /* of a span */
    uint32_t slots;      /* of a span */
    uint64_t reciprocal; /* ceil(2^32 / slot_granules) */
    bool one_block;      /* `starts` is filled in */
    /* Bit g says that a slot starts at granule g. Only where a span is one block. */
    uint64_t starts[MS_BLOCK_WORDS];
};

extern struct ms_class ms_classes[MARKSWEEP_CLASSES];

/* Fills the table. Once, before anything else. */
void ms_class_init(void);

/* Index of the slot that covers this granule of a span (>= slots: none does), exact for every
 * granule of a span: the reciprocal is too large by less than 1, so the product by less than the
 * number of granules, far below 2^32 / slot_granules. */
static inline size_t ms_class_slot_index(const struct ms_class *size_class, size_t granule)
{
    return (size_t)((granule * size_class->reciprocal) >> 32);
}

#endif
