/* marksweep_mark_internal.h: finding what is reachable.
 *
 * An object is *white* (mark bit clear), *grey* (bit set, on the mark stack or being scanned) or
 * *black* (bit set, every reference in it has been visited). A reference that has been visited
 * waits in the FIFO of a marker, or its target is no longer white.
 *
 * Invariant: when nothing is grey and the FIFO is empty, no black object refers to a white one,
 * unless the mark stack had no room (`overflowed`), in which case some black objects may, and the
 * heap is searched for them.
 *
 * The mark bit and the object itself are prefetched when a reference enters the FIFO and looked at
 * when it leaves, some 32 references later (Cher, Hosking & Vitek, ASPLOS 2004); the stack holds
 * each object at most once, since only what was just marked is pushed. All state is in a marker, of
 * which there is one for now; what several would share is only the bitmap.
 */
#ifndef MARKSWEEP_MARK_INTERNAL_H
#define MARKSWEEP_MARK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_MARK_ROOM 256u /* entries that scanning one object, or a piece of one, may push */

struct ms_marker {
    /* Entries are objects, or two entries for an array whose rest is to be scanned: the offset
     * where to go on, then, on top, the array's address with bit 0 set. */
    uintptr_t *stack;
    size_t depth;
    size_t capacity;       /* entries that are accounted for */
    size_t capacity_first; /* the same between collections */
    size_t capacity_max;   /* entries of address space; shrunk by tests */
    bool overflowed;
};

extern struct ms_marker ms_marker;

/* Maps the mark stack. 0 or -ENOMEM. */
int ms_mark_init(void);

/* With the world stopped and holes flushed: visits one word of a root, which may be anything; an
 * address inside an object counts where `interior`. */
void ms_mark_root(struct ms_marker *k, uintptr_t word, bool interior);

/* Marks everything that is reachable from what was visited. Returns the number of searches of the
 * heap that a full mark stack made necessary. */
uint64_t ms_mark_drain(struct ms_marker *k);

/* Calls visit for each reference field of the object, whatever it holds. For the verifier and for
 * whoever is not in a hurry; conservative layouts have no fields in this sense. */
void ms_mark_each_field(const char *object,
                        void (*visit)(void *data, const char *object, void *const *field),
                        void *data);

#endif
