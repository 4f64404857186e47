#include "malloc/malloc_census.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "gc_backend.h"

/* In front of each object; its size keeps objects aligned to 16. */
struct header {
    uint64_t born_bytes; /* what had been allocated before it */
    uint64_t padding;
};

/* Lifetimes by powers of two, each divided into 8: a percentile is exact to 1/8. */
#define SUB_BITS 3
#define BUCKETS  ((64 - SUB_BITS + 1) << SUB_BITS)

static struct {
    _Atomic uint64_t objects;
    _Atomic uint64_t bytes; /* the clock */
    _Atomic uint64_t pointers;
    _Atomic uint64_t leaves;
    _Atomic uint64_t freed;
    _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_objects;
    _Atomic uint64_t live_peak_bytes;
    _Atomic uint64_t live_peak_objects;
    _Atomic uint64_t lifetimes[BUCKETS];
} census;

static size_t bucket_of(uint64_t value)
{
    unsigned shift = 63u - (unsigned)__builtin_clzll(value | 1u << SUB_BITS) - SUB_BITS;
    return ((size_t)shift << SUB_BITS) + (size_t)(value >> shift);
}

static uint64_t bucket_low(size_t bucket)
{
    if (bucket < 2u << SUB_BITS)
        return bucket;
    unsigned shift = (unsigned)(bucket >> SUB_BITS) - 1;
    return (uint64_t)(bucket - ((size_t)shift << SUB_BITS)) << shift;
}

static uint64_t bits_of(uint64_t map)
{
    return (uint64_t)__builtin_popcountll(map);
}

/* Fields of the object that may hold a reference. */
static uint64_t pointers_of(const struct gc_type *type, size_t bytes)
{
    uint64_t pointers = bits_of(type->fixed_pointers);
    if (type->element_pointers)
        pointers +=
            (bytes - type->fixed_bytes) / type->element_bytes * bits_of(type->element_pointers);
    return pointers;
}

static void raise(_Atomic uint64_t *peak, uint64_t value)
{
    uint64_t known = atomic_load(peak);
    while (value > known && !atomic_compare_exchange_weak(peak, &known, value))
        continue;
}

static void *enter(struct header *header, const struct gc_type *type, size_t bytes)
{
    if (!header)
        return NULL;
    header->born_bytes = atomic_fetch_add(&census.bytes, bytes);
    atomic_fetch_add(&census.objects, 1);
    atomic_fetch_add(&census.pointers, pointers_of(type, bytes));
    atomic_fetch_add(&census.leaves, (uint64_t)gc_type_is_leaf(type));
    raise(&census.live_peak_bytes, atomic_fetch_add(&census.live_bytes, bytes) + bytes);
    raise(&census.live_peak_objects, atomic_fetch_add(&census.live_objects, 1) + 1);
    return header + 1;
}

void *census_alloc(const struct gc_type *type, size_t bytes)
{
    return enter(malloc(sizeof(struct header) + bytes), type, bytes);
}

void *census_alloc_zeroed(const struct gc_type *type, size_t bytes)
{
    return enter(calloc(1, sizeof(struct header) + bytes), type, bytes);
}

void census_free(void *object, size_t bytes)
{
    if (!object)
        return;
    struct header *header = (struct header *)object - 1;
    uint64_t age_bytes = atomic_load(&census.bytes) - header->born_bytes - bytes;
    atomic_fetch_add(&census.lifetimes[bucket_of(age_bytes)], 1);
    atomic_fetch_add(&census.freed, 1);
    atomic_fetch_sub(&census.live_bytes, bytes);
    atomic_fetch_sub(&census.live_objects, 1);
    free(header);
}

void census_reset(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        atomic_store(&census.lifetimes[i], 0);
    atomic_store(&census.live_peak_bytes, atomic_load(&census.live_bytes));
    atomic_store(&census.live_peak_objects, atomic_load(&census.live_objects));
}

/* The lifetime that `percent` of the freed objects did not exceed: the low end of its bucket. 0
 * where nothing was freed. */
static double lifetime(uint64_t percent)
{
    uint64_t count = 0, below = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        count += atomic_load(&census.lifetimes[i]);
    if (count == 0)
        return 0;
    uint64_t rank = (count - 1) * percent / 100;
    size_t bucket = 0;
    while ((below += atomic_load(&census.lifetimes[bucket])) <= rank)
        bucket++;
    return (double)bucket_low(bucket);
}

int census_metric(size_t index, struct gc_metric *metric)
{
    const struct gc_metric metrics[] = {
        {"census_objects_count", "count", "none", (double)census.objects, 1},
        {"census_bytes", "bytes", "none", (double)census.bytes, 1},
        {"census_pointers_count", "count", "none", (double)census.pointers, 1},
        {"census_leaves_count", "count", "none", (double)census.leaves, 1},
        {"census_freed_count", "count", "none", (double)census.freed, 1},
        {"census_live_peak_bytes", "bytes", "none", (double)census.live_peak_bytes, 0},
        {"census_live_peak_count", "count", "none", (double)census.live_peak_objects, 0},
        {"census_lifetime_p50_bytes", "bytes", "none", lifetime(50), 0},
        {"census_lifetime_p90_bytes", "bytes", "none", lifetime(90), 0},
    };
    if (index >= sizeof metrics / sizeof metrics[0])
        return 0;
    *metric = metrics[index];
    return 1;
}
