/* marksweep_weak_internal.h: weak references and ephemerons.
 *
 * A weak reference is an object of 16 bytes of a layout of its own, which marking takes for a
 * record without references. So its span says what it is: there is no table of weak references,
 * they cost an allocation and are collected like anything else, and a collection finds them by
 * looking at the spans of that layout. An *ephemeron* (Hayes, OOPSLA 1997) is the same with two
 * words, a key and a value, where the value is held as long as the key is otherwise reachable and
 * the ephemeron is: an entry of a weak-keyed table that its own value cannot keep alive.
 *
 * Invariants:
 *   - Outside of marking, the target of an allocated weak reference and the key and value of an
 *     allocated ephemeron are NULL or the start of an allocated object; a NULL key has a NULL
 * value.
 *   - After ms_weak_mark_values, a marked ephemeron whose key is marked has a marked value.
 *   - After ms_weak_clear and until the end of the collection every target and key is marked or
 *     NULL, in unmarked weak objects too. So those that marking from finalizable objects reaches
 *     later need no second look, and a weak reference never shows an object that was found dead.
 *
 * All with the world stopped and holes flushed, between marking and sweeping.
 */
#ifndef MARKSWEEP_WEAK_INTERNAL_H
#define MARKSWEEP_WEAK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "marksweep_mark_internal.h"

struct marksweep_ephemeron {
    void *key;
    void *value;
};

/* Gives the two types their layouts. Once, after ms_layout_init. */
void ms_weak_init(void);

/* Marks the values that marked ephemerons hold for marked keys, until there are no more. Each pass
 * looks at every ephemeron in order of address and sees what it has marked itself, so a second pass
 * that marks anything takes a chain of ephemerons that runs against the order of their allocation;
 * such a chain of n costs n passes. Returns searches of the heap as ms_mark_drain does. */
uint64_t ms_weak_mark_values(struct ms_marker *k);

/* Clears weak references and ephemerons of which the target or key is not marked. */
void ms_weak_clear(void);

/* Part of ms_verify, and with `of_marks` of ms_verify_marks: 0, or -EFAULT with the first
 * violation. */
int ms_weak_verify(bool of_marks, char *why, size_t why_bytes);

#endif
