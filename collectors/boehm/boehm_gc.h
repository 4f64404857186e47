/* boehm_gc.h: the inline half of the Boehm-Demers-Weiser collector (libgc), called as a C program
 * calls it. Objects without references are declared so. Thread-local allocation is the library's.
 */
#ifndef BOEHM_BOEHM_GC_H
#define BOEHM_BOEHM_GC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Threads register themselves in attach; nothing of the runner is to be redirected. */
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <gc/gc.h>
#include <gc/gc_inline.h>
#ifdef GC_FLAVOUR_TYPED
#include <gc/gc_typed.h>
#endif

#include "gc_type.h"

#define GC_RECLAIMS_BY_HAND 0
#define GC_HAS_FINALIZERS   1
#define GC_HAS_WEAK         1
#define GC_POOL_ROTATION    GC_POOL_AT_ANY_POINT

struct gc_mutator {
    uint32_t pool_index;
};

#include "pool/pool.h"

#ifdef GC_FLAVOUR_TYPED

/* backend_word is the library's kind GC_I_PTRFREE (0) or GC_I_NORMAL (1: scanned conservatively),
 * or else the descriptor of a record. */
static inline void *boehm_alloc(const struct gc_type *type, size_t bytes)
{
    if (type->backend_word <= GC_I_NORMAL)
        return GC_malloc_kind(bytes, (int)type->backend_word);
    return GC_malloc_explicitly_typed(bytes, type->backend_word);
}

#else

/* backend_word is the library's kind: GC_I_PTRFREE or GC_I_NORMAL. */
static inline void *boehm_alloc(const struct gc_type *type, size_t bytes)
{
    return GC_malloc_kind(bytes, (int)type->backend_word);
}

#endif

/* Never NULL: the library asks GC_oom_fn, which does not return. */
static inline void *gc_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    (void)m;
    return boehm_alloc(type, bytes);
}

/* The library clears all but objects without references. */
static inline void *gc_alloc_zeroed(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    void *object = boehm_alloc(type, bytes);
    (void)m;
    if (type->backend_word == GC_I_PTRFREE)
        memset(object, 0, bytes);
    return object;
}

static inline void gc_free(struct gc_mutator *m, void *object, size_t bytes)
{
    (void)m;
    (void)object;
    (void)bytes;
}

/* Incremental collection finds changes by page protection. */
static inline void gc_write_barrier(struct gc_mutator *m, void *object, void *field,
                                    const void *value)
{
    (void)m;
    (void)object;
    (void)field;
    (void)value;
}

/* Threads are stopped by a signal. */
static inline void gc_safepoint(struct gc_mutator *m)
{
    (void)m;
}

/* Memory that is not scanned, with a disappearing link (boehm_backend.c). */
struct gc_weak {
    void *target;
    uint64_t unused;
};

static inline void *GC_CALLBACK boehm_weak_load(void *weak)
{
    return ((const struct gc_weak *)weak)->target;
}

/* Under the library's lock, since it clears the links of what it has found dead only after it has
 * let the mutators go (bdwgc 8.2.2, alloc.c, GC_finish_collection). Once loaded the target is in a
 * register, which is scanned: it needs no disguise, since the link lies in memory that is not. */
static inline void *gc_weak_get(struct gc_mutator *m, const struct gc_weak *weak)
{
    (void)m;
    return GC_call_with_alloc_lock(boehm_weak_load, (void *)(uintptr_t)weak);
}

#endif
