/* marksweep_finalizer_internal.h: objects that want to be told before they go.
 *
 * Beside the mark bitmap lie two of the same shape: a bit in `registered` says that the object at
 * this granule has a finalizer, a bit in `due` that it was found dead and is to be finalized. Which
 * finalizer is the same for all objects of most blocks, since spans are of one layout and size, so
 * it is kept once for each block: its *common* finalizer. A registration with another one has an
 * *entry* of 16 bytes besides, on a list of its block. So registering is a comparison and a bit, a
 * collection reads 128 bytes for each block that has registered objects and makes all of its dead
 * due at once, and no allocation and no object knows of any of this.
 *
 * Invariants, outside of marking:
 *   - An object is registered at most once and due at most once: what is due is marked before the
 *     dead are sought. It may be both, where it was registered again before it was finalized.
 *   - Each entry in use is on exactly one list: one of its block's two, or that of a mutator that
 * has taken it to run it. On the first list are entries of registered objects, at most one for
 * each; a registered object without one has the common finalizer. On the second are entries of
 * objects that are due, whose bit in `due` is clear: a set one stands for the common finalizer.
 *   - A block's common finalizer changes only while nothing of the block is registered, due or
 * taken. What was taken stays counted until its mutator takes more, even if it was run, so that a
 *     mutator needs the lock once for several.
 *   - Every object that is registered or due is allocated: due ones are roots until they are run,
 *     and the bit of an unmarked object leaves `registered` before the sweep.
 *
 * Nothing is needed in a stop that was not charged at a registration: bits are moved, entries are
 * relinked. One lock guards all of it; it comes before the heap lock and is never held at a
 * safepoint, so with the world stopped nobody holds it, and the collection takes none.
 *
 * What the tables take is charged in steps where first used, and used again but not given back: 9.3
 * KiB for each 64 blocks of heap with any, and 16 bytes for an entry.
 */
#ifndef MARKSWEEP_FINALIZER_INTERNAL_H
#define MARKSWEEP_FINALIZER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "marksweep_mark_internal.h"
#include "marksweep_mutator_internal.h"

/* With the world stopped, when everything reachable from other roots is marked: marks what was due
 * before, clears weak references to the rest (marksweep_weak_internal.h), makes registered objects
 * that are not marked due, and marks these and what they refer to. Returns searches of the heap as
 * ms_mark_drain does. */
uint64_t ms_finalizer_after_marking(struct ms_marker *k);

/* Gives back what this mutator has taken and not run, as after a finalizer left by longjmp: before
 * it detaches. */
void ms_finalizer_return(struct ms_mutator *m);

/* For a fork: the lock is held by nobody else. */
void ms_finalizer_lock(void);
void ms_finalizer_unlock(void);

/* Bytes of the objects that were due when the last collection ended, without what they refer to.
 * Under the heap lock. */
uint64_t ms_finalizer_due_bytes(void);

/* Objects that are registered, and objects that are due. */
void ms_finalizer_counts(uint64_t *registered, uint64_t *due);

/* Part of ms_verify: 0, or -EFAULT with the first violation. */
int ms_finalizer_verify(char *why, size_t why_bytes);

#endif
