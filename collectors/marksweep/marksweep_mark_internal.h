/* marksweep_mark_internal.h: finding what is reachable.
 *
 * An object is *white* (mark bit clear), *grey* (bit set, on a mark stack, in a FIFO, in the team's
 * pool or being scanned) or *black* (bit set, every reference in it has been visited). Visiting a
 * reference makes its target grey if it was white, so each object is on a stack at most once, or,
 * where several markers visit it at the same moment, once for each.
 *
 * Invariant: no black object refers to a white one, unless a mark stack had no room (`overflowed`),
 * in which case an object that should have been scanned was left out, and the heap is searched.
 *
 * Between the stack and the scan lies a FIFO of objects that are being fetched from memory (Cher,
 * Hosking & Vitek, ASPLOS 2004). All state is in a marker; several share the bitmap, and work, by
 * marksweep_team_internal.h.
 */
#ifndef MARKSWEEP_MARK_INTERNAL_H
#define MARKSWEEP_MARK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Entries that one step of marking may push: 64 references of a fixed part, 128 of a piece of an
 * array and two for its rest; or 64 that were in flight; or what is taken from the team. */
#define MS_MARK_ROOM 512u

/* Objects that one marker scans before it calls the others: a small heap is done by then. */
#define MS_MARK_ALONE_COUNT ((size_t)16384)

struct ms_marker {
    /* Entries are objects, or two entries for an array whose rest is to be scanned: the offset
     * where to go on, then, on top, the array's address with bit 0 set. */
    uintptr_t *stack;
    size_t depth;
    size_t capacity;       /* entries that are accounted for */
    size_t capacity_first; /* the same between collections */
    size_t capacity_max;   /* entries of address space; shrunk by tests */
    bool overflowed;
    uint64_t *marks; /* of a marker thread: its own bitmap, all zero between collections */
};

extern struct ms_marker ms_marker;

/* Maps the stack of ms_marker, whose size depends on the heap limit; of another marker. Both charge
 * it. 0 or -ENOMEM. */
int ms_mark_init(void);
int ms_mark_init_stack(struct ms_marker *k, size_t first_bytes);
/* Takes that back. While no cycle is on. */
void ms_mark_free_stack(struct ms_marker *k);

/* With the world stopped and holes flushed: visits one word of a root, which may be anything; an
 * address inside an object counts where `interior`. */
void ms_mark_root(struct ms_marker *k, uintptr_t word, bool interior);

/* The same with the start of an allocated object. */
void ms_mark_object(struct ms_marker *k, const char *object);

/* Marks everything that is reachable from what was visited, with the help of marker threads if it
 * is much. Returns the number of searches of the heap that a full mark stack made necessary. `k` is
 * ms_marker. */
uint64_t ms_mark_drain(struct ms_marker *k);

/* The part of a marker thread in a cycle: marks what other markers give it, until there is nothing
 * grey anywhere. */
void ms_mark_shared(struct ms_marker *k);

/* Calls visit for each reference field of the object, whatever it holds. For the verifier and for
 * whoever is not in a hurry; conservative layouts have no fields in this sense. */
void ms_mark_each_field(const char *object,
                        void (*visit)(void *data, const char *object, void *const *field),
                        void *data);

#endif
