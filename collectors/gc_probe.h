/* gc_probe.h: the calls of gc.h into the memory manager, each between two readings of the clock.
 * gc.h includes it where a workload is compiled for a probe runner (METHODS.md section 3), and only
 * workloads are: what a pool or a backend calls of its own accord is inside the call that is timed.
 *
 * Timed is whatever may take memory or give it back; not gc_safepoint, where there is nothing but
 * stops, nor gc_finalizers_run, which runs the program's own code.
 */
#ifndef GC_PROBE_H
#define GC_PROBE_H

#include <time.h>

#include "gc_backend.h"

static inline int64_t gc_probe_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void gc_probe_end(int64_t start_ns)
{
    int64_t duration_ns = gc_probe_now_ns() - start_ns;
    if (__builtin_expect(duration_ns > GC_STALL_OVER_NS, 0))
        gc_stall(start_ns, duration_ns);
}

static inline void *gc_probe_alloc(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    int64_t start_ns = gc_probe_now_ns();
    void *object = gc_alloc(m, type, bytes);
    gc_probe_end(start_ns);
    return object;
}

static inline void *gc_probe_alloc_zeroed(struct gc_mutator *m, const struct gc_type *type,
                                          size_t bytes)
{
    int64_t start_ns = gc_probe_now_ns();
    void *object = gc_alloc_zeroed(m, type, bytes);
    gc_probe_end(start_ns);
    return object;
}

static inline void gc_probe_free(struct gc_mutator *m, void *object, size_t bytes)
{
    int64_t start_ns = gc_probe_now_ns();
    gc_free(m, object, bytes);
    gc_probe_end(start_ns);
}

static inline void *gc_probe_pool_get(struct gc_mutator *m, struct gc_pool *pool)
{
    int64_t start_ns = gc_probe_now_ns();
    void *object = gc_pool_get(m, pool);
    gc_probe_end(start_ns);
    return object;
}

static inline void gc_probe_pool_put(struct gc_mutator *m, struct gc_pool *pool, void *object,
                                     size_t bytes)
{
    int64_t start_ns = gc_probe_now_ns();
    gc_pool_put(m, pool, object, bytes);
    gc_probe_end(start_ns);
}

static inline void gc_probe_finalizer_set(struct gc_mutator *m, void *object,
                                          const struct gc_finalizer *finalizer)
{
    int64_t start_ns = gc_probe_now_ns();
    gc_finalizer_set(m, object, finalizer);
    gc_probe_end(start_ns);
}

static inline struct gc_weak *gc_probe_weak_new(struct gc_mutator *m, void *target)
{
    int64_t start_ns = gc_probe_now_ns();
    struct gc_weak *weak = gc_weak_new(m, target);
    gc_probe_end(start_ns);
    return weak;
}

#define gc_alloc         gc_probe_alloc
#define gc_alloc_zeroed  gc_probe_alloc_zeroed
#define gc_free          gc_probe_free
#define gc_pool_get      gc_probe_pool_get
#define gc_pool_put      gc_probe_pool_put
#define gc_finalizer_set gc_probe_finalizer_set
#define gc_weak_new      gc_probe_weak_new

#endif
