/* marksweep_gc.h: the inline half of the marksweep collector (contract in gc.h).
 *
 * A mutator holds, for each pair of layout and size class it allocates from, a *hole*: a run of
 * free slots inside one block, which it alone may use. Allocation takes the next slot of the hole.
 *
 * Invariant: next <= end, and end - next is a whole number of slots of the hole's class. So a hole
 * is used up exactly when next == end, which is also how an empty one (both NULL) looks, and in
 * stress mode holes are kept empty so that every allocation takes the slow path.
 */
#ifndef MARKSWEEP_GC_H
#define MARKSWEEP_GC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gc_type.h"

#define GC_RECLAIMS_BY_HAND 0
#define GC_HAS_FINALIZERS   1
#define GC_HAS_WEAK         1

#define MARKSWEEP_CLASSES   72u    /* size classes of small objects */
#define MARKSWEEP_SMALL_MAX 32768u /* bytes; larger objects have blocks of their own */

/* What inline code sees of a mutator; the rest is in marksweep_mutator_internal.h. */
struct gc_mutator {
    uint32_t pool_index; /* pool/pool.h's */
};

struct marksweep_hole {
    char *next;
    char *end;
};

/* Nonzero while the world is being stopped. Written by marksweep_world.c only. */
extern uint32_t marksweep_stop_requested;

/* Size classes: steps of 16 bytes to 128, then eight steps to each doubling, so that at most one
 * ninth of a slot above 128 bytes is wasted. Both fold to constants where `bytes` is one.
 * Precondition: 0 < bytes <= MARKSWEEP_SMALL_MAX. */
static inline unsigned marksweep_class_of(size_t bytes)
{
    size_t last = bytes - 1;
    if (last < 128)
        return (unsigned)(last >> 4);
    unsigned exponent = 63u - (unsigned)__builtin_clzll(last);
    return ((exponent - 6) << 3) + (unsigned)((last >> (exponent - 3)) & 7);
}

static inline size_t marksweep_slot_bytes(unsigned size_class)
{
    if (size_class < 8)
        return ((size_t)size_class + 1) << 4;
    return (size_t)(9 + (size_class & 7)) << ((size_class >> 3) + 3);
}

/* Everything but taking a slot from a hole: next hole, next block, collection, large object, out of
 * memory. */
void *marksweep_alloc_slow(struct gc_mutator *m, const struct gc_type *type, size_t bytes);
void marksweep_safepoint_slow(struct gc_mutator *m);

/* Where `bytes` is a constant: 7 instructions (gcc 12, x86-64), no call, no lock: load the type's
 * row, add the mutator, load next, compare with end, branch, add, store. `backend_word` is the
 * distance from the mutator to the row of its holes for the type's layout
 * (marksweep_layout_internal.h).
 *
 * Nothing is zeroed here: the caller initialises each field before its next safepoint, so no
 * collection sees one that is not; slack that tracing would read was zeroed with the hole. */
static inline void *gc_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    if (__builtin_expect(bytes <= MARKSWEEP_SMALL_MAX, 1)) {
        unsigned size_class = marksweep_class_of(bytes);
        struct marksweep_hole *hole =
            (struct marksweep_hole *)(void *)((char *)m + type->backend_word) + size_class;
        char *object = hole->next;
        if (__builtin_expect(object != hole->end, 1)) {
            hole->next = object + marksweep_slot_bytes(size_class);
            return object;
        }
    }
    return marksweep_alloc_slow(m, type, bytes);
}

static inline void *gc_alloc_zeroed(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    return memset(gc_alloc(m, type, bytes), 0, bytes);
}

static inline void gc_free(struct gc_mutator *m, void *object, size_t bytes)
{
    (void)m;
    (void)object;
    (void)bytes;
}

static inline void gc_write_barrier(struct gc_mutator *m, void *object, void *field,
                                    const void *value)
{
    (void)m;
    (void)object;
    (void)field;
    (void)value;
}

static inline void gc_safepoint(struct gc_mutator *m)
{
    if (__builtin_expect(__atomic_load_n(&marksweep_stop_requested, __ATOMIC_RELAXED) != 0, 0))
        marksweep_safepoint_slow(m);
}

/* An object of its own: marksweep_weak.c. */
struct gc_weak {
    void *target;
    uint64_t unused;
};

/* The target cannot be found dead between this load and the caller's next safepoint, and until then
 * it is on the caller's stack or in a register. */
static inline void *gc_weak_get(struct gc_mutator *m, const struct gc_weak *weak)
{
    (void)m;
    return __atomic_load_n(&weak->target, __ATOMIC_RELAXED);
}

#define GC_POOL_ROTATION   GC_POOL_AT_SAFEPOINTS
#define GC_POOL_IS_COUNTED 1
#include "pool/pool.h"

#endif
