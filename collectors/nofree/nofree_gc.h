/* nofree_gc.h: bump allocation, never freed: about the least that an allocation can cost, and the
 * most memory that a program can use. Each thread carves objects from chunks of its own. */
#ifndef NOFREE_NOFREE_GC_H
#define NOFREE_NOFREE_GC_H

#include <stddef.h>
#include <stdint.h>

#include "gc_type.h"

#define GC_RECLAIMS_BY_HAND 0
#define GC_POOL_ROTATION    GC_POOL_WITHOUT_STOPPING

/* [cursor, end) is free, zero, and ends on a page. */
struct gc_mutator {
    uintptr_t cursor;
    uintptr_t end;
    uint32_t pool_index;
};

#include "pool/pool.h"

/* For what the thread's chunk has no room for. Does not return where there is no memory. */
void *nofree_alloc_slow(struct gc_mutator *m, size_t bytes);

static inline void *gc_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    uintptr_t align = bytes >= 16 ? 16 : 8;
    uintptr_t object = (m->cursor + align - 1) & -align;
    (void)type;
    if (__builtin_expect(bytes > m->end - object, 0))
        return nofree_alloc_slow(m, bytes);
    m->cursor = object + bytes;
    return (void *)object;
}

/* Fresh mappings are zero, and no memory is handed out twice. */
static inline void *gc_alloc_zeroed(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    return gc_alloc(m, type, bytes);
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
    (void)m;
}

#endif
