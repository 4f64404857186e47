/* gc.h: the contract between a workload and a memory manager.
 *
 * The hot operations are static inline functions of the backend's own header, which the build names
 * in GC_BACKEND_HEADER; a workload is compiled once per backend and flavour, so no call goes
 * through a pointer. The header must define:
 *
 *   GC_RECLAIMS_BY_HAND   1 where gc_free frees, 0 under a collector and for nofree (a constant, so
 *                         that `if (GC_RECLAIMS_BY_HAND) walk_and_free(graph);` costs nothing)
 *   struct gc_mutator     one per attached thread; complete or not, as the backend likes
 *
 *   void *gc_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
 *       Returns an object of at least `bytes` (> 0) bytes, aligned to 16 if bytes >= 16 and to 8
 *       otherwise, of undefined contents: the caller initialises every field before its next call
 *       into the contract. Never returns NULL: out of memory goes to the listener of gc_backend.h,
 *       which does not return. `type` has been registered; `bytes` is its fixed part plus a whole
 *       number of elements (any size for a leaf).
 *   void *gc_alloc_zeroed(...)  the same, every byte zero.
 *   void gc_free(struct gc_mutator *m, void *object, size_t bytes)
 *       What manual management does at this point: frees under a manual backend, nothing elsewhere.
 *       `bytes` is what gc_alloc was asked for; NULL is allowed. Any thread may free.
 *   void gc_write_barrier(struct gc_mutator *m, void *object, void *field, const void *value)
 *       Runs before each store of a reference into a heap object; use gc_store.
 *   void gc_safepoint(struct gc_mutator *m)
 *       A point at which the world may be stopped. Every allocation is one; a loop that may run for
 *       more than about 10 us without allocating calls this.
 *   void *gc_pool_get(struct gc_mutator *m, struct gc_pool *pool)
 *       Takes an object out of the pool, contents as they were put, or NULL: the caller allocates.
 *   void gc_pool_put(struct gc_mutator *m, struct gc_pool *pool, void *object, size_t bytes)
 *       Gives an object to the pool. The caller must not use it afterwards; the pool may drop it at
 *       any time (sync.Pool's rule: unused through two collections). All objects of a pool
 *       have the pool's type.
 *
 * It may define, and must where it has what they stand for:
 *
 *   GC_HAS_FINALIZERS     1: gc_finalizer_set and gc_finalizers_run work; 0 unless defined
 *   GC_HAS_WEAK           1: gc_weak_new and gc_weak_get work, and the header defines the second;
 *                         0 unless defined
 *
 * All take the calling thread's own mutator; none is async-signal-safe.
 *
 * What a workload must keep to, so that any collector can run it:
 *   - A reference lives in a pointer field described by its gc_type, in a range registered as
 * roots, or in a local variable (stacks and registers of attached threads are scanned).
 *   - A heap field or root range of pointer type holds the start of an object. An interior pointer
 *     retains its object only while it is on a stack or in a register; one past the end never does.
 *   - Stores of references into heap objects go through gc_store, or gc_init_field for the first
 *     store into an object allocated since the thread's last safepoint.
 *   - Nothing depends on addresses.
 */
#ifndef GC_CONTRACT_H
#define GC_CONTRACT_H

#include "gc_type.h"

struct gc_pool;
struct gc_weak;

#ifndef GC_BACKEND_HEADER
#error "compile with -DGC_BACKEND_HEADER='\"FOLDER/HEADER.h\"'"
#endif
#include GC_BACKEND_HEADER

#ifndef GC_HAS_FINALIZERS
#define GC_HAS_FINALIZERS 0
#endif
#ifndef GC_HAS_WEAK
#define GC_HAS_WEAK 0
#endif

/* Stores `value` (evaluated twice) into the reference field `lvalue` of the heap object `object`.
 */
#define gc_store(m, object, lvalue, value)                                                         \
    do {                                                                                           \
        gc_write_barrier((m), (object), (void *)&(lvalue), (const void *)(value));                 \
        __atomic_store_n(&(lvalue), (value), __ATOMIC_RELAXED);                                    \
    } while (0)

/* First store into a field of an object that no other thread has seen. */
#define gc_init_field(lvalue, value) __atomic_store_n(&(lvalue), (value), __ATOMIC_RELAXED)

/* Makes the object reachable, and its allocation observable, up to this point: without it clang
 * deletes a malloc/free pair whose pointer is not otherwise used. */
static inline void gc_keep(const void *object)
{
    __asm__ volatile("" : : "r"(object) : "memory");
}

/* Pools are made and destroyed off the hot path (collectors/pool). create returns a pool owned by
 * the caller, or NULL with errno set; destroy drops (by hand: frees) what it holds, and no thread
 * may be using the pool then. `bytes` is what each object of the pool was or will be allocated
 * with where sizes are uniform, and otherwise the largest. */
struct gc_pool *gc_pool_create(struct gc_mutator *m, const struct gc_type *type, size_t bytes);
void gc_pool_destroy(struct gc_mutator *m, struct gc_pool *pool);

/* What happens to objects that become unreachable, in this order, as in Go and Java:
 *
 *   1. A collection finds what is reachable from the roots, by references that are not weak.
 *   2. Each weak reference to anything else reads NULL from then on: also where the object is still
 *      reachable from one that waits for its finalizer, so a weak reference never gives out an
 *      object that has been finalized, unless a finalizer made it reachable again and a new weak
 *      reference to it was made.
 *   3. Each object with a finalizer among the rest is due. It and all that it refers to stay until
 *      the finalizer has run, and after that like any object: a finalizer may store the object
 *      somewhere, and it lives on. Objects that become due at the same time, cycles of them
 *      included, are finalized in any order.
 *
 * A finalizer runs once for each registration. An object that is not collected, as at the end of
 * the process, is not finalized. */

/* Neither is ever run by the collector, but only inside gc_finalizers_run, on the thread that calls
 * it: a finalizer may allocate, take locks that its caller does not hold, and call anything of this
 * header. It must not leave by longjmp, but for the listener of out of memory. */
struct gc_finalizer {
    void (*run)(struct gc_mutator *m, void *object, void *data);
    void *data; /* handed to run; not a reference into the heap */
};

#if GC_HAS_FINALIZERS

/* Gives the object (its start) this finalizer in place of the one it has; NULL takes that away. An
 * object that is already due keeps what is due besides. `finalizer` is the caller's and stays valid
 * and unchanged until it has run or been replaced: usually there is a static one for each type. Any
 * thread. Where there is no memory for it, it goes as with gc_alloc. May be a safepoint. */
void gc_finalizer_set(struct gc_mutator *m, void *object, const struct gc_finalizer *finalizer);

/* Runs the finalizers that are due, also those that become due meanwhile, and returns how many it
 * has run; costs a load and a call where there are none. Any number of threads at once. Where out
 * of memory leaves a finalizer by longjmp, that one counts as run. */
size_t gc_finalizers_run(struct gc_mutator *m);

#else

/* Not to be reached: a program that needs finalizers asks GC_HAS_FINALIZERS, or for a workload,
 * says so in its descriptor. */
static inline void gc_finalizer_set(struct gc_mutator *m, void *object,
                                    const struct gc_finalizer *finalizer)
{
    (void)m;
    (void)object;
    (void)finalizer;
    __builtin_trap();
}

static inline size_t gc_finalizers_run(struct gc_mutator *m)
{
    (void)m;
    return 0; /* none is ever due */
}

#endif

/* A weak reference is an object of its own, of GC_WEAK_BYTES bytes, held by references to it and
 * collected like any other; in a gc_type its field is an ordinary pointer field. */
#define GC_WEAK_BYTES 16

#if GC_HAS_WEAK

/* A weak reference to `target`, the start of an object. Allocates, so it is a safepoint, through
 * which it keeps the target. */
struct gc_weak *gc_weak_new(struct gc_mutator *m, void *target);

/* The backend's header defines
 *
 *   void *gc_weak_get(struct gc_mutator *m, const struct gc_weak *weak)
 *       The target, or NULL once it has been found unreachable. What it returns is a reference like
 *       any other: as long as it is held, the target stays. */

#else

static inline struct gc_weak *gc_weak_new(struct gc_mutator *m, void *target)
{
    (void)m;
    (void)target;
    __builtin_trap();
}

static inline void *gc_weak_get(struct gc_mutator *m, const struct gc_weak *weak)
{
    (void)m;
    (void)weak;
    __builtin_trap();
}

#endif

/* Last, since it puts its own functions in the place of those above. */
#ifdef GC_PROBE
#include "gc_probe.h"
#endif

#endif
