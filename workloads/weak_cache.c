/* weak_cache: a cache that holds its values weakly, and values that hold something to be closed.
 *
 * Stands for canonicalising caches (interned names, decoded images, loaded classes) in programs
 * that leave it to the collector how long a value is worth its memory, and for objects with a
 * resource outside the heap (a file, a texture) that a finalizer closes. A request asks for one of
 * `keys` keys, low ones more often. The table has a weak reference for each key that was asked for:
 * where that still shows the value, it is used, else the value is made anew, with a finalizer. The
 * last `held` values used are held by a ring, the rest is the collector's to take. A thread runs
 * the finalizers that are due after each operation, of whichever thread.
 *
 * Each value carries the mark of its finalizer, so that a value which a weak reference shows though
 * it was finalized, or which is finalized twice, is found out; what a request computes depends on
 * the key alone, so that the checksum does not depend on which values were still there.
 *
 * Stresses: the registration of finalizers and weak references, what both add to a collection, the
 * queue of what is due. Does not stress: deep structures, large objects.
 *
 * Live set, all threads together: threads * keys * (8 + 16) + held * (8 + bytes), with 16 the size
 * of a weak reference; the first term is absent with weak=0. Besides, a value that was found dead
 * stays until its finalizer has run and the next collection comes, so that no backend gets by with
 * its live set alone. How many values are made depends on how often the backend collects: the
 * counts of allocations are not the same on every backend.
 *
 * A good collector makes a finalizer and a weak reference cost about as much as the object itself,
 * looks at neither of those of objects that live, and does not keep what died waiting. A bad one
 * walks a table of all of them in each stop, or takes a lock and a search for each.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { KEYS, REQUESTS, HELD, BYTES, WEAK };

static const struct workload_param params[] = {
    [KEYS] = {"keys", "count", 100000, 1, 100000000, "different keys, in each thread's cache"},
    [REQUESTS] = {"requests", "count", 2000000, 1, UINT64_C(10000000000),
                  "requests per iteration, all threads together"},
    [HELD] = {"held", "count", 50000, 1, 100000000, "values held, all threads together"},
    [BYTES] = {"bytes", "bytes", 128, 32, 1 << 20, "size of a value, a multiple of 8"},
    [WEAK] = {"weak", "flag", 1, 0, 1,
              "0: no table: each request makes a value, so finalizers are measured by themselves"},
};

#define OPERATION_REQUESTS 32

struct value {
    uint64_t key;
    uint64_t finalized_count;
    uint64_t words[]; /* what was computed from the key */
};

static struct gc_type value_type = GC_TYPE_LEAF("value");
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of weak references");
static struct gc_type ring_type = GC_TYPE_POINTER_ARRAY("ring of values");

static struct gc_type *const types[] = {&value_type, &table_type, &ring_type, NULL};

/* One thread's view of the run. */
struct cache {
    struct workload_thread *thread;
    struct gc_mutator *m;
    uint64_t keys;
    uint64_t value_bytes;
    struct gc_weak **table;
    struct value **ring;
    uint64_t ring_length;
    uint64_t ring_next;
};

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t keys = p[WEAK] ? run->threads * p[KEYS] : 0;
    return keys * (sizeof(struct gc_weak *) + GC_WEAK_BYTES) +
           p[HELD] * (sizeof(struct value *) + p[BYTES]);
}

static uint64_t words_of(uint64_t value_bytes)
{
    return (value_bytes - sizeof(struct value)) / sizeof(uint64_t);
}

/* Closes what the value holds. It runs on any thread, later than any iteration maybe, so there is
 * nobody to tell: the next who sees the value does. */
static void close_value(struct gc_mutator *m, void *object, void *data)
{
    struct value *value = object;
    (void)m;
    (void)data;
    if (__atomic_fetch_add(&value->finalized_count, 1, __ATOMIC_RELAXED) != 0)
        __builtin_trap();
}

static const struct gc_finalizer closing = {close_value, NULL};

/* Not inlined, as the frame of the loop is to hold no value but the one in use. */
static __attribute__((noinline)) struct value *make_value(const struct cache *c, uint64_t key)
{
    struct value *value = gc_alloc(c->m, &value_type, c->value_bytes);
    struct rng rng;
    rng_seed(&rng, c->thread->run->seed, key);
    value->key = key;
    value->finalized_count = 0;
    for (uint64_t i = 0; i < words_of(c->value_bytes); i++)
        value->words[i] = rng_next(&rng);
    gc_finalizer_set(c->m, value, &closing);
    workload_allocated(c->thread, c->value_bytes, 1);
    if (c->table) {
        struct gc_weak *weak = gc_weak_new(c->m, value);
        gc_store(c->m, c->table, c->table[key], weak);
        workload_allocated(c->thread, GC_WEAK_BYTES, 1);
    }
    return value;
}

/* The value of the key, from the cache where it still is there. */
static struct value *value_of(const struct cache *c, uint64_t key)
{
    struct gc_weak *weak = c->table ? c->table[key] : NULL;
    struct value *value = weak ? gc_weak_get(c->m, weak) : NULL;
    return value ? value : make_value(c, key);
}

static __attribute__((noinline)) uint64_t serve(struct cache *c, uint64_t request)
{
    struct rng rng;
    rng_seed(&rng, ~c->thread->run->seed, request);
    uint64_t key = rng_below(&rng, rng_below(&rng, c->keys) + 1);
    struct value *value = value_of(c, key);
    if (value->key != key)
        workload_fail(c->thread, "weak_cache: a weak reference shows another value");
    if (__atomic_load_n(&value->finalized_count, __ATOMIC_RELAXED) != 0)
        workload_fail(c->thread, "weak_cache: a weak reference shows a finalized value");
    gc_store(c->m, c->ring, c->ring[c->ring_next], value);
    c->ring_next = c->ring_next + 1 == c->ring_length ? 0 : c->ring_next + 1;
    uint64_t hash = request;
    for (uint64_t i = 0; i < words_of(c->value_bytes); i++)
        hash = hash * 31 + value->words[i];
    return rng_mix(hash);
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end, held_first, held_end;
    uint64_t checksum = 0;
    workload_share(thread, workload_param(thread, REQUESTS), &first, &end);
    workload_share(thread, workload_param(thread, HELD), &held_first, &held_end);
    struct cache c = {
        .thread = thread,
        .m = thread->mutator,
        .keys = workload_param(thread, KEYS),
        .value_bytes = workload_param(thread, BYTES),
        .ring_length = held_end - held_first,
    };
    if (workload_param(thread, WEAK)) {
        uint64_t table_bytes = c.keys * sizeof *c.table;
        c.table = gc_alloc_zeroed(c.m, &table_type, table_bytes);
        workload_allocated(thread, table_bytes, 1);
    }
    uint64_t ring_bytes = c.ring_length * sizeof *c.ring;
    c.ring = gc_alloc_zeroed(c.m, &ring_type, ring_bytes);
    workload_allocated(thread, ring_bytes, 1);

    workload_operation_begin(thread);
    for (uint64_t request = first; request < end; request++) {
        checksum += serve(&c, request);
        if ((request + 1) % OPERATION_REQUESTS == 0 || request + 1 == end) {
            gc_finalizers_run(c.m);
            workload_operation_end(thread);
        }
        gc_safepoint(c.m);
    }
    gc_keep(c.table);
    gc_keep(c.ring);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[HELD] < run->threads)
        return "held must be at least the number of threads: each holds a value";
    if (run->params[BYTES] % 8 != 0)
        return "bytes must be a multiple of 8";
    return NULL;
}

const struct workload workload_weak_cache = {
    .name = "weak_cache",
    .summary = "a cache of weakly held values, which finalizers close",
    .operation = "32 requests, and the running of the finalizers that are due",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS | WORKLOAD_NEEDS_FINALIZERS | WORKLOAD_NEEDS_WEAK,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
