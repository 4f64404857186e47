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

#ifndef GC_BACKEND_HEADER
#error "compile with -DGC_BACKEND_HEADER='\"FOLDER/HEADER.h\"'"
#endif
#include GC_BACKEND_HEADER

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

#endif
