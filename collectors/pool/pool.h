/* pool.h: the pool behind gc_pool_get and gc_pool_put, the same for every backend.
 *
 * It follows Go's sync.Pool (sync/pool.go, sync/poolqueue.go). Each pool has one *local* per
 * mutator: a private slot that only its owner uses, and a shared queue whose head the owner pushes
 * and pops and whose tail other mutators steal from. A rotation, once per collection, drops each
 * local's victim generation and makes the rest the new victim, so an object that nobody takes
 * through two collections is released. get looks into the private slot, the own queue, the others'
 * queues, the own private victim and all victim queues, in that order.
 *
 * Invariant: an object given to the pool is in exactly one place: one slot or one queue entry of
 * one generation, or in the hands of the one thread that is moving it.
 *
 * What a backend does: its inline header defines struct gc_mutator with a member
 * `uint32_t pool_index` (each attached mutator's own, below the count given to gc_pool_start, free
 * again once it has detached), defines GC_POOL_ROTATION as one of the three values below, and
 * includes this file, which then defines gc_pool_get and gc_pool_put. Its init calls gc_pool_start.
 * A tracing backend calls gc_pool_rotate and gc_pool_roots at each collection.
 *
 * Memory of pools is mapped from the system, outside every heap, so roots are found only through
 * gc_pool_roots.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Who rotates, and what a mutator may be doing meanwhile:
 * the collector, each mutator being at a safepoint, so never inside a pool operation; */
#define GC_POOL_AT_SAFEPOINTS 0
/* the collector, mutators stopped by a signal, so maybe inside; */
#define GC_POOL_AT_ANY_POINT 1
/* the pool itself, by what had to be allocated because pools were empty, while mutators run. */
#define GC_POOL_WITHOUT_STOPPING 2

/* A backend that bounds its memory defines GC_POOL_IS_COUNTED as 1 and these functions: what is to
 * be mapped is counted first, and not mapped where that returns 0; it is uncounted once it has been
 * unmapped. They may wait for short locks, but reach no safepoint. */
#ifndef GC_POOL_IS_COUNTED
#define GC_POOL_IS_COUNTED 0
#endif
int gc_pool_count_bytes(size_t bytes);
void gc_pool_uncount_bytes(size_t bytes);

#ifndef GC_POOL_ROTATION
#error "the backend's header defines GC_POOL_ROTATION before it includes pool/pool.h"
#endif

/* A pool that rotates by itself does so each time this many bytes had to be allocated because a
 * pool was empty: the size of the smallest heap at which Go collects (runtime/mgc.go,
 * heapMinimum). */
#define GC_POOL_ROTATE_BYTES (UINT64_C(4) << 20)

struct gc_pool_chunk;

/* A queue of objects: chunks from the oldest entry (tail) to the newest (head). */
struct gc_pool_queue {
    struct gc_pool_chunk *tail;
    struct gc_pool_chunk *head;
    uint32_t count; /* read without the lock as a hint */
};

/* The first half is the owner's alone while its slot serves; thieves and rotations touch the
 * second. Each is 128 bytes, since processors fetch lines in pairs. */
struct gc_pool_local {
    _Alignas(128) void *private_object;
    size_t private_bytes;
    uint64_t missed_bytes; /* not yet added to the count of all threads */
    uint32_t busy;         /* the owner is inside its private slot */
    uint32_t revoked;      /* a rotation wants the private slot: the owner keeps out */

    _Alignas(128) uint32_t lock;  /* guards what follows */
    struct gc_pool_chunk *spares; /* chunks to use again */
    struct gc_pool_queue shared;
    struct gc_pool_queue victim;
    void *victim_object; /* what was in the private slot */
    size_t victim_bytes;
};

struct gc_pool {
    size_t bytes; /* what gc_pool_create was told */
    uint32_t locals_count;
    struct gc_pool *next;
    struct gc_pool_local locals[];
};

/* Once, before the first pool: `threads_count` locals per pool. */
void gc_pool_start(uint32_t threads_count);

/* The following three are for tracing backends. They may only be called while no mutator runs
 * (under GC_POOL_AT_ANY_POINT mutators may have been stopped inside a pool operation) and take no
 * lock.
 *
 * Rotates all pools. A local that its owner, or a thief, was stopped in is left for the next
 * collection. */
void gc_pool_rotate(void);

/* Calls visit for each range of words, each NULL or the start of an object that a pool holds. */
void gc_pool_roots(void (*visit)(void *data, void **low, void **high), void *data);

/* Slow halves of get and put; m is the calling thread's own. */
void *gc_pool_get_slow(struct gc_mutator *m, struct gc_pool *pool);
void gc_pool_put_slow(struct gc_mutator *m, struct gc_pool *pool, void *object, size_t bytes);

/* The private slot is the owner's. Where a rotation can meet the owner inside, the owner says so in
 * `busy`: plain stores suffice against a signal, which sees them in program order, and against
 * another thread, which forces the order by membarrier(2) before it looks (pool.c). Release and
 * acquire hand over the object's contents. */
static inline int gc_pool_enter(struct gc_pool_local *local)
{
#if GC_POOL_ROTATION != GC_POOL_AT_SAFEPOINTS
    __atomic_store_n(&local->busy, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
#if GC_POOL_ROTATION == GC_POOL_WITHOUT_STOPPING
    return !__atomic_load_n(&local->revoked, __ATOMIC_ACQUIRE);
#else
    (void)local;
    return 1;
#endif
}

static inline void gc_pool_leave(struct gc_pool_local *local)
{
#if GC_POOL_ROTATION != GC_POOL_AT_SAFEPOINTS
    __atomic_store_n(&local->busy, 0, __ATOMIC_RELEASE);
#else
    (void)local;
#endif
}

static inline void *gc_pool_get(struct gc_mutator *m, struct gc_pool *pool)
{
    struct gc_pool_local *local = &pool->locals[m->pool_index];
    void *object = NULL;
    if (__builtin_expect(gc_pool_enter(local), 1)) {
        object = __atomic_load_n(&local->private_object, __ATOMIC_RELAXED);
        __atomic_store_n(&local->private_object, NULL, __ATOMIC_RELAXED);
    }
    gc_pool_leave(local);
    if (__builtin_expect(object != NULL, 1))
        return object;
    return gc_pool_get_slow(m, pool);
}

static inline void gc_pool_put(struct gc_mutator *m, struct gc_pool *pool, void *object,
                               size_t bytes)
{
    struct gc_pool_local *local = &pool->locals[m->pool_index];
    int done = 0;
    if (__builtin_expect(gc_pool_enter(local), 1) &&
        !__atomic_load_n(&local->private_object, __ATOMIC_RELAXED)) {
        __atomic_store_n(&local->private_bytes, bytes, __ATOMIC_RELAXED);
        __atomic_store_n(&local->private_object, object, __ATOMIC_RELEASE);
        done = 1;
    }
    gc_pool_leave(local);
    if (__builtin_expect(!done, 0))
        gc_pool_put_slow(m, pool, object, bytes);
}

#endif
