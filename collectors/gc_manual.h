/* gc_manual.h: the inline half of a backend whose memory comes back by gc_free.
 *
 * The backend's own header defines three macros over its library,
 *
 *   MANUAL_ALLOC(bytes)         as malloc: NULL where there is no memory; aligned to 16 from 16
 *                               bytes on, to 8 below
 *   MANUAL_ALLOC_ZEROED(bytes)  the same, zeroed
 *   MANUAL_FREE(object, bytes)  NULL allowed; any thread; bytes as asked for
 *
 * (the first two may name `type`, the object's) and a fourth, MANUAL_IS_INTERCEPTED: 1 where a
 * sanitizer puts its own functions in their place. Then it includes this file.
 *
 * Nothing else stands between the workload and the library: what it would call, it calls. The cold
 * half is gc_manual_backend.h.
 */
#ifndef GC_MANUAL_H
#define GC_MANUAL_H

#include <stddef.h>
#include <stdint.h>

#include "gc_type.h"

#define GC_RECLAIMS_BY_HAND 1
#define GC_POOL_ROTATION    GC_POOL_WITHOUT_STOPPING

struct gc_mutator {
    uint32_t pool_index;
};

#include "pool/pool.h"

_Noreturn void gc_manual_out_of_memory(size_t bytes) __attribute__((cold));

static inline void *gc_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    (void)m;
    (void)type;
    void *object = MANUAL_ALLOC(bytes);
    if (__builtin_expect(!object, 0))
        gc_manual_out_of_memory(bytes);
    return object;
}

static inline void *gc_alloc_zeroed(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    (void)m;
    (void)type;
    void *object = MANUAL_ALLOC_ZEROED(bytes);
    if (__builtin_expect(!object, 0))
        gc_manual_out_of_memory(bytes);
    return object;
}

static inline void gc_free(struct gc_mutator *m, void *object, size_t bytes)
{
    (void)m;
    (void)bytes;
    MANUAL_FREE(object, bytes);
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
    (void)m;
}

#endif
