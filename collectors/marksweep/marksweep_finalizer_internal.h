/* marksweep_finalizer_internal.h: objects that want to be told before they go.
 *
 * A registration is an *entry* of 16 bytes in a mapped table. Each block has a list of the entries
 * of the objects that start in it, and a bitmap beside the mark bitmap's with a bit at the start of
 * each object that has an entry. So registering is a test of a bit and a push on a list, a
 * collection looks at 64 bytes for each block that has entries and at no entry of an object that
 * lives, and no allocation and no object knows of any of this. Entries of objects that were found
 * dead move to the block's list of those that are *due*, from which mutators take them
 * (gc_finalizers_run). That a list belongs to a block is what tells an entry's object.
 *
 * Invariants, outside of marking:
 *   - An entry in use is on exactly one list: one of its block's two, or that of a mutator that has
 *     taken it from the second to run it. Those that were run stay there until the mutator takes
 *     more, so that it needs the lock once for several.
 *   - The bit of an object is set exactly if its block's list has an entry for it, and there is at
 *     most one. An object that is due may have another entry besides, or several due ones: it was
 *     registered again.
 *   - The object of every entry, due or not, is allocated: due ones are roots until they are run,
 *     and an entry of an unmarked object leaves its block's list before the sweep.
 *
 * Nothing is needed in a stop that was not charged when an entry was made: entries are relinked.
 * One lock guards all of it; it comes before the heap lock and is never held at a safepoint, so
 * with the world stopped nobody holds it, and the collection takes none.
 *
 * What the tables take is charged in steps where first used, and used again but not given back: 16
 * bytes for an entry, 4.6 KiB for each 64 blocks of heap with any.
 */
#ifndef MARKSWEEP_FINALIZER_INTERNAL_H
#define MARKSWEEP_FINALIZER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "marksweep_mark_internal.h"
#include "marksweep_mutator_internal.h"

/* With the world stopped, when everything reachable from other roots is marked: marks what was due
 * before, clears weak references to the rest (marksweep_weak_internal.h), moves the entries of
 * unmarked objects to those that are due, and marks these objects and what they refer to. Returns
 * searches of the heap as ms_mark_drain does. */
uint64_t ms_finalizer_after_marking(struct ms_marker *k);

/* Gives back what this mutator has taken and not run, as after a finalizer left by longjmp: before
 * it detaches. */
void ms_finalizer_return(struct ms_mutator *m);

/* Bytes of the objects that were due when the last collection ended, without what they refer to; an
 * object that is due twice counts twice. Under the heap lock. */
uint64_t ms_finalizer_due_bytes(void);

/* Entries on lists of blocks, and entries that are due. */
void ms_finalizer_counts(uint64_t *registered, uint64_t *due);

/* Part of ms_verify: 0, or -EFAULT with the first violation. */
int ms_finalizer_verify(char *why, size_t why_bytes);

#endif
