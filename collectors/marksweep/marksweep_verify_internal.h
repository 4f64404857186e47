/* marksweep_verify_internal.h: the heap checker. */
#ifndef MARKSWEEP_VERIFY_INTERNAL_H
#define MARKSWEEP_VERIFY_INTERNAL_H

#include <stddef.h>

/* With the world stopped and holes flushed, outside of marking. Checks:
 *   - runs tile the blocks below top, and every block's state, class, layout and place agree;
 *   - bits of `allocated` are set only where a slot, or a large object, starts; `marks` is clear;
 *   - each bin holds runs of its length and state and all of them together are all such blocks;
 *   - each list of partly free spans holds spans of its layout and class with a free slot, and
 * every such span is on it;
 *   - every reference field of every object is NULL or the start of an object;
 *   - weak references, ephemerons and finalizers name objects, and their lists and bitmaps agree;
 *   - what is held adds up and is within the limit.
 * 0, or -EFAULT with the first violation in `why`. */
int ms_verify(char *why, size_t why_bytes);

/* With the world stopped, between marking and sweeping: no marked object refers to one that is not,
 * and only objects are marked, marked weak references included. 0, or -EFAULT. */
int ms_verify_marks(char *why, size_t why_bytes);

#endif
