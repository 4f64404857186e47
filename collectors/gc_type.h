/* gc_type.h: how a workload describes the layout of its objects.
 *
 * An object is a fixed part followed by zero or more equal elements, up to the size given to
 * gc_alloc. A plain record has no elements, an array has no fixed part, and a leaf has no reference
 * in either. A precise collector traces by these maps, a conservative one may use them to skip leaf
 * objects, and a manual backend ignores them.
 */
#ifndef GC_TYPE_H
#define GC_TYPE_H

#include <stddef.h>
#include <stdint.h>

/* Bit i of a pointer map says that word i (8 bytes each, from the start of the part) holds either
 * NULL or the start address of an object. Words past the 64th can therefore hold no reference. */
struct gc_type {
    const char *name;
    uint32_t fixed_bytes;      /* multiple of 8 unless the type is a leaf */
    uint32_t element_bytes;    /* 0: no elements; multiple of 8 unless the type is a leaf */
    uint64_t fixed_pointers;   /* pointer map of the fixed part */
    uint64_t element_pointers; /* pointer map of each element */
    uintptr_t backend_word;    /* set by gc_type_register, the backend's own; initialise to 0 */
};

/* Bit of the pointer map for a field, so that maps are written by field name and cannot drift. */
#define GC_POINTER_BIT(record, field) (UINT64_C(1) << (offsetof(record, field) / sizeof(void *)))

/* Initialisers. A type must be registered (gc_backend.h) before its first allocation; a workload
 * gets that done by naming the type in its descriptor. */
#define GC_TYPE_LEAF(name_)                                                                        \
    {                                                                                              \
        .name = (name_)                                                                            \
    }
#define GC_TYPE_RECORD(record, pointers)                                                           \
    {                                                                                              \
        .name = #record, .fixed_bytes = sizeof(record), .fixed_pointers = (pointers)               \
    }
#define GC_TYPE_POINTER_ARRAY(name_)                                                               \
    {                                                                                              \
        .name = (name_), .element_bytes = sizeof(void *), .element_pointers = 1                    \
    }
/* A record whose flexible last member is an array of references. */
#define GC_TYPE_RECORD_AND_POINTERS(record, pointers)                                              \
    {                                                                                              \
        .name = #record, .fixed_bytes = sizeof(record), .fixed_pointers = (pointers),              \
        .element_bytes = sizeof(void *), .element_pointers = 1                                     \
    }

static inline int gc_type_is_leaf(const struct gc_type *type)
{
    return type->fixed_pointers == 0 && type->element_pointers == 0;
}

#endif
