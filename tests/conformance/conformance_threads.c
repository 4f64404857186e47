/* conformance_threads.c: several mutators. */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "conformance.h"

enum { SLOTS_PER_THREAD = 200 };

/* Keeps a table of patterned objects in its own roots and replaces them at random. */
static void allocate(struct gc_mutator *m, unsigned index)
{
    void **slots = conformance_roots + (size_t)index * SLOTS_PER_THREAD;
    size_t sizes[SLOTS_PER_THREAD] = {0};
    struct rng rng;
    rng_seed(&rng, 2, index);
    for (uint64_t i = 0; i < conformance_scaled(40000); i++) {
        uint64_t slot = rng_below(&rng, SLOTS_PER_THREAD);
        if (slots[slot]) {
            pattern_check(slots[slot], sizes[slot], slot ^ index);
            gc_free(m, slots[slot], sizes[slot]);
            slots[slot] = NULL;
        }
        sizes[slot] = 1 + rng_below(&rng, rng_below(&rng, 100) == 0 ? 20000 : 300);
        slots[slot] = pattern_object(m, sizes[slot], slot ^ index);
        gc_safepoint(m);
    }
    for (size_t slot = 0; slot < SLOTS_PER_THREAD; slot++) {
        if (slots[slot]) {
            pattern_check(slots[slot], sizes[slot], slot ^ index);
            gc_free(m, slots[slot], sizes[slot]);
            slots[slot] = NULL;
        }
    }
}

void case_threads_allocate(struct gc_mutator *m)
{
    need_threads();
    run_threads(m, CASE_THREADS, allocate);
}

static void allocate_a_little(struct gc_mutator *m, unsigned index)
{
    void *object = pattern_object(m, 64 + index, index);
    churn(m, 128, 64 << 10);
    pattern_check(object, 64 + index, index);
    gc_free(m, object, 64 + index);
}

void case_threads_come_and_go(struct gc_mutator *m)
{
    need_threads();
    for (uint64_t round = 0; round < conformance_scaled(100); round++) {
        run_threads(m, 1 + (unsigned)(round % CASE_THREADS), allocate_a_little);
        if (round % 8 == 0)
            gc_backend.collect(m);
    }
}

enum { EXCHANGE_SLOTS = 64, HANDED_BYTES = 96 };

/* Each thread puts objects into random slots of a shared table and frees what it finds there, which
 * any thread may have made. The seed of an object's pattern is in its first word. */
static void hand_over(struct gc_mutator *m, unsigned index)
{
    struct rng rng;
    rng_seed(&rng, 3, index);
    for (uint64_t i = 1; i <= conformance_scaled(100000); i++) {
        uint64_t seed = i << 8 | index;
        uint64_t *object = gc_alloc(m, &type_leaf, HANDED_BYTES);
        object[0] = seed;
        pattern_fill(object + 1, HANDED_BYTES - 8, seed);
        void **slot = &conformance_roots[rng_below(&rng, EXCHANGE_SLOTS)];
        uint64_t *found = __atomic_exchange_n(slot, (void *)object, __ATOMIC_ACQ_REL);
        if (found)
            pattern_check(found + 1, HANDED_BYTES - 8, found[0]);
        gc_free(m, found, HANDED_BYTES);
    }
}

void case_threads_hand_over(struct gc_mutator *m)
{
    need_threads();
    run_threads(m, CASE_THREADS, hand_over);
}

static unsigned arrived;
static unsigned released;

static void wait_for(struct gc_mutator *m, const unsigned *counter, unsigned value)
{
    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < value) {
        gc_safepoint(m);
        sched_yield();
    }
}

/* An object that only this thread's stack holds, while thread 0 collects. */
static void hold_on_stack(struct gc_mutator *m, unsigned index)
{
    void *volatile object = pattern_object(m, 500, index);
    __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
    if (index == 0) {
        wait_for(m, &arrived, CASE_THREADS);
        for (int i = 0; i < 3; i++) {
            gc_backend.collect(m);
            churn(m, 500, conformance_scaled(4000) * 500);
        }
        __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    }
    wait_for(m, &released, 1);
    pattern_check(object, 500, index);
    gc_free(m, object, 500);
}

void case_thread_stacks_retain(struct gc_mutator *m)
{
    need_threads();
    run_threads(m, CASE_THREADS, hold_on_stack);
}

static int wake_up[2];

static void collect_or_block(struct gc_mutator *m, unsigned index)
{
    char byte;
    if (index == 0) {
        void *volatile object = pattern_object(m, 500, 9);
        __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
        gc_backend.enter_blocked(m);
        ssize_t got = read(wake_up[0], &byte, 1);
        gc_backend.leave_blocked(m);
        CHECK(got == 1, "read returned %zd", got);
        pattern_check(object, 500, 9);
        gc_free(m, object, 500);
        return;
    }
    wait_for(m, &arrived, 1);
    for (int i = 0; i < 3; i++) {
        gc_backend.collect(m);
        churn(m, 500, conformance_scaled(4000) * 500);
    }
    CHECK(write(wake_up[1], "x", 1) == 1, "the pipe is closed");
}

/* Were the blocked thread waited for, the case would hang and be killed. */
void case_blocked_thread(struct gc_mutator *m)
{
    need_threads();
    CHECK(pipe(wake_up) == 0, "pipe");
    run_threads(m, 2, collect_or_block);
}
