/* conformance_pool.c: gc_pool_get and gc_pool_put follow sync.Pool (collectors/pool/pool.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "conformance.h"

enum { BUFFER_BYTES = 1000 };

static struct gc_pool *pool;

static struct gc_pool *make_pool(struct gc_mutator *m, size_t bytes)
{
    struct gc_pool *made = gc_pool_create(m, &type_leaf, bytes);
    CHECK(made != NULL, "%s", strerror(errno));
    return made;
}

static void expect(struct gc_mutator *m, const void *object, const char *what)
{
    void *got = gc_pool_get(m, pool);
    CHECK(got == object, "%s: %p instead of %p", what, got, object);
}

/* The private slot first, then the own queue's newest. */
void case_pool_order(struct gc_mutator *m)
{
    pool = make_pool(m, BUFFER_BYTES);
    void *a = pattern_object(m, BUFFER_BYTES, 1);
    void *b = pattern_object(m, BUFFER_BYTES, 2);
    void *c = pattern_object(m, BUFFER_BYTES, 3);
    expect(m, NULL, "a new pool");
    gc_pool_put(m, pool, a, BUFFER_BYTES);
    expect(m, a, "one object");
    expect(m, NULL, "an empty pool");
    gc_pool_put(m, pool, a, BUFFER_BYTES);
    gc_pool_put(m, pool, b, BUFFER_BYTES);
    gc_pool_put(m, pool, c, BUFFER_BYTES);
    expect(m, a, "the private slot");
    expect(m, c, "the newest");
    expect(m, b, "the oldest");
    expect(m, NULL, "an emptied pool");
    gc_pool_put(m, pool, NULL, 0);
    expect(m, NULL, "nothing put");
    gc_free(m, a, BUFFER_BYTES);
    gc_free(m, b, BUFFER_BYTES);
    gc_free(m, c, BUFFER_BYTES);
    gc_pool_destroy(m, pool);
}

/* A pooled object is used over and over while collections go on; the pool alone holds it between.
 */
void case_pool_keeps_contents(struct gc_mutator *m)
{
    pool = make_pool(m, BUFFER_BYTES);
    uint64_t *object = gc_alloc(m, &type_leaf, BUFFER_BYTES);
    for (uint64_t i = 0; i < conformance_scaled(200); i++) {
        object[0] = i;
        pattern_fill(object + 1, BUFFER_BYTES - 8, i);
        gc_pool_put(m, pool, object, BUFFER_BYTES);
        object = NULL;
        uint64_t rotations = rotate_pools(m);
        object = gc_pool_get(m, pool);
        CHECK(object != NULL || rotations > 1, "lost in one collection");
        if (!object)
            object = gc_alloc(m, &type_leaf, BUFFER_BYTES);
        else
            pattern_check(object + 1, BUFFER_BYTES - 8, object[0]);
        churn(m, BUFFER_BYTES, 100 * BUFFER_BYTES);
    }
    gc_free(m, object, BUFFER_BYTES);
    gc_pool_destroy(m, pool);
}

static void steal(struct gc_mutator *m, unsigned index)
{
    (void)index;
    expect(m, conformance_roots[1], "the oldest of another thread's queue");
    expect(m, conformance_roots[2], "the next oldest");
    expect(m, NULL, "another thread's private slot");
    gc_pool_put(m, pool, conformance_roots[2], BUFFER_BYTES);
    gc_pool_put(m, pool, conformance_roots[1], BUFFER_BYTES);
}

void case_pool_stealing(struct gc_mutator *m)
{
    need_threads();
    pool = make_pool(m, BUFFER_BYTES);
    for (uint64_t i = 0; i < 3; i++)
        conformance_roots[i] = pattern_object(m, BUFFER_BYTES, i);
    for (uint64_t i = 0; i < 3; i++)
        gc_pool_put(m, pool, conformance_roots[i], BUFFER_BYTES);
    run_threads(m, 1, steal);
    expect(m, conformance_roots[0], "the own private slot");
    expect(m, conformance_roots[1], "the queue of a thread that has gone");
    expect(m, NULL, "the private slot of a thread that has gone");
    gc_pool_destroy(m, pool);
}

/* Through one collection an object goes to the victims, where get still finds it. */
void case_pool_victim_is_found(struct gc_mutator *m)
{
    pool = make_pool(m, BUFFER_BYTES);
    for (uint64_t i = 0; i < 3; i++)
        conformance_roots[i] = pattern_object(m, BUFFER_BYTES, i);
    for (uint64_t i = 0; i < 3; i++)
        gc_pool_put(m, pool, conformance_roots[i], BUFFER_BYTES);
    if (rotate_pools(m) > 1)
        conformance_skip("a forced collection is more than one");
    expect(m, conformance_roots[0], "the private victim");
    expect(m, conformance_roots[1], "the oldest victim of the queue");
    expect(m, conformance_roots[2], "the next oldest");
    expect(m, NULL, "no victims left");
    for (uint64_t i = 0; i < 3; i++)
        pattern_check(conformance_roots[i], BUFFER_BYTES, i);
    /* What was taken out and put back is young again. */
    gc_pool_put(m, pool, conformance_roots[0], BUFFER_BYTES);
    if (rotate_pools(m) == 1)
        expect(m, conformance_roots[0], "put back and rotated once");
    gc_pool_destroy(m, pool);
}

__attribute__((noinline)) static void put_new_objects(struct gc_mutator *m, uint64_t count,
                                                      size_t bytes)
{
    for (uint64_t i = 0; i < count; i++)
        gc_pool_put(m, pool, pattern_object(m, bytes, i), bytes);
}

void case_pool_releases(struct gc_mutator *m)
{
    pool = make_pool(m, BUFFER_BYTES);
    put_new_objects(m, 1000, BUFFER_BYTES);
    rotate_pools(m);
    rotate_pools(m);
    expect(m, NULL, "unused through two collections");
    gc_pool_destroy(m, pool);
}

static unsigned putters_done, may_end;

/* Puts two objects, one of them private, and idles without coming back to the pool. */
static void put_and_idle(struct gc_mutator *m, unsigned index)
{
    if (index > 0) {
        put_new_objects(m, 2, BUFFER_BYTES);
        __atomic_add_fetch(&putters_done, 1, __ATOMIC_ACQ_REL);
        while (!__atomic_load_n(&may_end, __ATOMIC_ACQUIRE)) {
            gc_safepoint(m);
            usleep(100);
        }
        expect(m, NULL, "an idle thread's objects, unused through two collections");
        return;
    }
    while (__atomic_load_n(&putters_done, __ATOMIC_ACQUIRE) < CASE_THREADS - 1) {
        gc_safepoint(m);
        usleep(100);
    }
    rotate_pools(m);
    rotate_pools(m);
    expect(m, NULL, "other threads' queues, unused through two collections");
    __atomic_store_n(&may_end, 1, __ATOMIC_RELEASE);
}

void case_pool_releases_idle_threads(struct gc_mutator *m)
{
    need_threads();
    pool = make_pool(m, BUFFER_BYTES);
    run_threads(m, CASE_THREADS, put_and_idle);
    gc_pool_destroy(m, pool);
}

static uint64_t resident_bytes(void)
{
    uint64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fscanf(f, "%*u %" SCNu64, &pages) == 1, "/proc/self/statm");
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What a pool drops is memory again: what would be 1 GiB in all is not held at once. */
void case_pool_memory(struct gc_mutator *m)
{
    enum { ROUNDS = 32, COUNT = 32, BYTES = 1 << 20 };
    if (gc_backend.reclaim == GC_RECLAIM_NEVER)
        conformance_skip("%s never gives memory back", gc_backend.name);
    pool = make_pool(m, BYTES);
    uint64_t before = resident_bytes();
    uint64_t most = 0;
    for (int round = 0; round < ROUNDS; round++) {
        put_new_objects(m, COUNT, BYTES);
        rotate_pools(m);
        rotate_pools(m);
        uint64_t now = resident_bytes();
        if (now > most)
            most = now;
    }
    gc_pool_destroy(m, pool);
    /* AddressSanitizer keeps freed memory in quarantine on purpose. */
    uint64_t allowed = GC_SANITIZED ? UINT64_C(700) << 20 : UINT64_C(256) << 20;
    CHECK(most < before + allowed, "%" PRIu64 " MiB resident after 1 GiB went through a pool",
          (most - before) >> 20);
}

/* More than one chunk of the queue, first in and last out, none lost and none twice. */
void case_pool_many_objects(struct gc_mutator *m)
{
    enum { COUNT = 3000 };
    pool = make_pool(m, 16);
    for (uint64_t i = 0; i < COUNT; i++)
        conformance_roots[i] = pattern_object(m, 16, i);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < COUNT; i++)
            gc_pool_put(m, pool, conformance_roots[i], 16);
        if (round == 1 && rotate_pools(m) > 1)
            conformance_skip("a forced collection is more than one");
        expect(m, conformance_roots[0], "the private slot");
        for (uint64_t i = 1; i < COUNT; i++)
            expect(m, conformance_roots[round == 1 ? i : COUNT - i], "the queue");
        expect(m, NULL, "the emptied queue");
    }
    for (uint64_t i = 0; i < COUNT; i++)
        pattern_check(conformance_roots[i], 16, i);
    gc_pool_destroy(m, pool);
}

enum { IN_POOL = 0x706f6f6c, SHARED_BYTES = 512 };

/* Each object says who has it. A thread that gets one which is not in the pool has found it twice.
 */
static void share_pool(struct gc_mutator *m, unsigned index)
{
    uint64_t *held[8] = {0};
    struct rng rng;
    rng_seed(&rng, 4, index);
    for (uint64_t i = 0; i < conformance_scaled(300000); i++) {
        uint64_t slot = rng_below(&rng, 8);
        if (held[slot]) {
            pattern_check(held[slot] + 1, SHARED_BYTES - 8, index);
            uint64_t owner = __atomic_exchange_n(&held[slot][0], IN_POOL, __ATOMIC_RELAXED);
            CHECK(owner == index, "thread %u held what %" PRIu64 " has", index, owner);
            gc_pool_put(m, pool, held[slot], SHARED_BYTES);
            held[slot] = NULL;
        } else {
            uint64_t *object = gc_pool_get(m, pool);
            if (object) {
                uint64_t owner = __atomic_exchange_n(&object[0], index, __ATOMIC_RELAXED);
                CHECK(owner == IN_POOL, "thread %u got what %" PRIx64 " has", index, owner);
            } else {
                object = gc_alloc(m, &type_leaf, SHARED_BYTES);
                object[0] = index;
            }
            pattern_fill(object + 1, SHARED_BYTES - 8, index);
            held[slot] = object;
        }
        /* Rotations, and memory for them to hand out again. */
        if (i % 4096 == 0)
            rotate_pools(m);
        if (i % 64 == 0)
            churn(m, SHARED_BYTES, 4 * SHARED_BYTES);
        gc_safepoint(m);
    }
    for (size_t slot = 0; slot < 8; slot++) {
        if (held[slot])
            gc_free(m, held[slot], SHARED_BYTES);
    }
}

void case_pool_shared_by_threads(struct gc_mutator *m)
{
    need_threads();
    pool = make_pool(m, SHARED_BYTES);
    run_threads(m, CASE_THREADS, share_pool);
    gc_pool_destroy(m, pool);
}

static unsigned rotations_done;

static uint64_t *take_marked(struct gc_mutator *m, unsigned index)
{
    uint64_t *object = gc_pool_get(m, pool);
    if (!object) {
        object = gc_alloc(m, &type_leaf, 64);
        object[0] = IN_POOL;
    }
    uint64_t owner = __atomic_exchange_n(&object[0], index, __ATOMIC_RELAXED);
    CHECK(owner == IN_POOL, "thread %u got what %" PRIx64 " has", index, owner);
    return object;
}

static void put_marked(struct gc_mutator *m, unsigned index, uint64_t *object)
{
    uint64_t owner = __atomic_exchange_n(&object[0], IN_POOL, __ATOMIC_RELAXED);
    CHECK(owner == index, "thread %u held what %" PRIx64 " has", index, owner);
    gc_pool_put(m, pool, object, 64);
}

/* Does nothing but get and put, mostly in the private slot, so that a rotation meets it there. An
 * object that a rotation moved from under its owner would be got a second time. */
static void use_private_slot(struct gc_mutator *m, unsigned index)
{
    if (index == 0) {
        for (uint64_t i = 0; i < conformance_scaled(4000); i++)
            rotate_pools(m);
        __atomic_store_n(&rotations_done, 1, __ATOMIC_RELEASE);
        return;
    }
    while (!__atomic_load_n(&rotations_done, __ATOMIC_ACQUIRE)) {
        for (int i = 0; i < 50; i++)
            put_marked(m, index, take_marked(m, index));
        uint64_t *first = take_marked(m, index);
        uint64_t *second = take_marked(m, index);
        put_marked(m, index, first);
        put_marked(m, index, second);
        gc_safepoint(m);
    }
}

void case_pool_rotated_in_use(struct gc_mutator *m)
{
    need_threads();
    pool = make_pool(m, 64);
    run_threads(m, CASE_THREADS - 1, use_private_slot);
    gc_pool_destroy(m, pool);
}

static void make_and_destroy(struct gc_mutator *m, unsigned index)
{
    for (uint64_t i = 0; i < conformance_scaled(400); i++) {
        struct gc_pool *own = make_pool(m, 64);
        for (uint64_t j = 0; j < 20; j++)
            gc_pool_put(m, own, pattern_object(m, 64, index), 64);
        if (i % 50 == 0)
            rotate_pools(m);
        void *object = gc_pool_get(m, own);
        if (object)
            pattern_check(object, 64, index);
        gc_free(m, object, 64);
        gc_pool_destroy(m, own);
    }
}

void case_pools_come_and_go(struct gc_mutator *m)
{
    make_and_destroy(m, 0);
    if (gc_backend.capabilities & GC_CAN_THREADS)
        run_threads(m, CASE_THREADS, make_and_destroy);
}
