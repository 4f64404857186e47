/* fragment: a peak of mixed sizes, after which few survivors keep its memory from being used.
 *
 * Stands for servers and editors after a burst: a large file was loaded, a batch was handled, and
 * what is left of it lies scattered over all the memory that it took. Each iteration has four
 * phases: (1) `objects` leaf objects are built, the peak; (2) of each `one_in` neighbours in the
 * order of allocation one survives, drawn from the seed, so that in memory cut into blocks the
 * survivors pin every block that held so many objects, or with scattered=0 as many survive but all
 * side by side; (3) the program goes on at the lower level: `after` objects of the same sizes are
 * allocated and soon dropped, `window` of them alive; (4) it idles for `idle_ms`, a safepoint each
 * millisecond. Then the survivors are checked and dropped. memory.csv and the chart memory_time
 * have what a backend holds in (3) and gives back in (4), and when; rss_mean_bytes has it as one
 * figure, rss_peak_bytes does not.
 *
 * Sizes are 16 << k bytes, k drawn evenly from 0 to log2(largest / 16) - 1, plus an even part of as
 * much again, rounded up to 16: as many small objects as large ones in each octave, as Wilson,
 * Johnstone, Neely and Boles ("Dynamic storage allocation: a survey and critical review", 1995)
 * find typical. They are a Weyl sequence (multiples of the golden ratio, modulo 1) in the number
 * of the object, so that their sum does not depend on the seed.
 *
 * Stresses: reuse of holes among survivors by objects of other sizes, return of memory to the
 * system, sizes from small to large. Does not stress: tracing (a table refers to leaf data), time
 * to allocate as such, and moving collectors, whose case this is.
 *
 * Live set, all threads together, at the peak:
 *     8 (objects' + window) + sum of the sizes of objects 0 to objects' - 1
 * where objects' is `objects` rounded down to a multiple of one_in, of one at least. Survivors and
 * window after it are smaller, since `window` is at most a quarter of the objects.
 *
 * A good backend serves phase 3 from the holes and gives empty pages back soon, though not so soon
 * that it asks for them again; with scattered=0 it comes down to the survivors. A bad one stays at
 * the peak for ever, or grows beyond it because no hole fits.
 */
#include <time.h>

#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { OBJECTS, LARGEST, ONE_IN, SCATTERED, AFTER, WINDOW, IDLE_MS };

static const struct workload_param params[] = {
    [OBJECTS] = {"objects", "count", 100000, 2, 100000000,
                 "objects at the peak, all threads together"},
    [LARGEST] = {"largest", "bytes", 4096, 32, UINT64_C(1) << 24,
                 "size of the largest object, a power of two; the smallest has 16 bytes"},
    [ONE_IN] = {"one_in", "count", 20, 2, 1000000, "of so many neighbours one survives the peak"},
    [SCATTERED] = {"scattered", "flag", 1, 0, 1,
                   "1: survivors lie scattered over the peak's memory; 0: side by side"},
    [AFTER] = {"after", "count", 300000, 0, UINT64_C(10000000000),
               "objects allocated after the peak, all threads together"},
    [WINDOW] = {"window", "count", 1000, 1, 25000000,
                "of these so many alive at once, all threads together"},
    [IDLE_MS] = {"idle_ms", "count", 0, 0, 3600000,
                 "milliseconds without work, after that; part of the measured time"},
};

/* Objects of a phase that make one operation. */
#define OPERATION_OBJECTS 64
/* Words handled between two safepoints. */
#define CHUNK_WORDS 1024
#define WORD_BYTES  8
#define SMALLEST    UINT64_C(16)
#define IDLE_NS     1000000

static struct gc_type object_type = GC_TYPE_LEAF("data");
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of objects");

static struct gc_type *const types[] = {&object_type, &table_type, NULL};

/* Objects 0 to groups * one_in - 1 make the peak; one of each group survives. */
static uint64_t group_count(const struct workload_run *run)
{
    return run->params[OBJECTS] / run->params[ONE_IN];
}

static uint64_t object_bytes(const struct workload_run *run, uint64_t number)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t octaves = (uint64_t)__builtin_ctzll(run->params[LARGEST] / SMALLEST);
    uint64_t at = ((number * golden) >> 32) * octaves; /* octave, and 32 bits of fraction */
    uint64_t least = SMALLEST << (at >> 32);
    uint64_t bytes = least + ((least * (at & UINT32_MAX)) >> 32);
    return (bytes + SMALLEST - 1) / SMALLEST * SMALLEST;
}

static uint64_t live_bytes(const struct workload_run *run)
{
    uint64_t objects = group_count(run) * run->params[ONE_IN];
    uint64_t bytes = (objects + run->params[WINDOW]) * sizeof(void *);
    for (uint64_t number = 0; number < objects; number++)
        bytes += object_bytes(run, number);
    return bytes;
}

/* What object `number` holds: first, first + step, … */
static uint64_t first_word(const struct workload_run *run, uint64_t number)
{
    return rng_mix(run->seed + rng_mix(number));
}

/* Neither this nor drop_object is inlined, so that no reference to an object stays behind in the
 * frame of a loop, where a conservative scan of the stack would find it. */
static __attribute__((noinline)) void make_object(struct workload_thread *thread, uint64_t **table,
                                                  uint64_t slot, uint64_t number)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t bytes = object_bytes(thread->run, number);
    uint64_t words = bytes / WORD_BYTES;
    uint64_t value = first_word(thread->run, number), step = value | 1;
    uint64_t *object = gc_alloc(m, &object_type, bytes);
    for (uint64_t i = 0; i < words;) {
        uint64_t end = i + CHUNK_WORDS < words ? i + CHUNK_WORDS : words;
        for (; i < end; i++, value += step)
            object[i] = value;
        gc_safepoint(m);
    }
    gc_store(m, table, table[slot], object);
    workload_allocated(thread, bytes, 1);
}

/* Takes an object out of the table, unread. */
static __attribute__((noinline)) void drop_object(struct workload_thread *thread, uint64_t **table,
                                                  uint64_t slot, uint64_t number)
{
    uint64_t *object = table[slot];
    gc_store(thread->mutator, table, table[slot], NULL);
    gc_free(thread->mutator, object, object_bytes(thread->run, number));
}

/* The same, after it has been read and checked. */
static __attribute__((noinline)) uint64_t
retire_object(struct workload_thread *thread, uint64_t **table, uint64_t slot, uint64_t number)
{
    uint64_t words = object_bytes(thread->run, number) / WORD_BYTES;
    uint64_t expected = first_word(thread->run, number), step = expected | 1;
    const uint64_t *object = table[slot];
    uint64_t sum = 0, wrong = object == NULL;
    for (uint64_t i = 0; i < words && !wrong;) {
        uint64_t end = i + CHUNK_WORDS < words ? i + CHUNK_WORDS : words;
        for (; i < end; i++, expected += step) {
            sum += object[i];
            wrong |= object[i] ^ expected;
        }
        gc_safepoint(thread->mutator);
    }
    if (wrong)
        workload_fail(thread, "fragment: an object does not hold what was written");
    drop_object(thread, table, slot, number);
    return rng_mix(sum ^ words);
}

/* Which of the objects of group `group` survives, where groups survive one object each. */
static uint64_t survivor_of(const struct workload_run *run, uint64_t group)
{
    struct rng rng;
    rng_seed(&rng, run->seed, group);
    return group * run->params[ONE_IN] + rng_below(&rng, run->params[ONE_IN]);
}

static bool survives(const struct workload_run *run, uint64_t number)
{
    if (!run->params[SCATTERED])
        return number < group_count(run);
    return number == survivor_of(run, number / run->params[ONE_IN]);
}

/* Ends an operation with each OPERATION_OBJECTS-th object, and with the last. */
static void count_object(struct workload_thread *thread, uint64_t number, uint64_t end)
{
    if ((number + 1) % OPERATION_OBJECTS == 0 || number + 1 == end)
        workload_operation_end(thread);
}

/* Objects after the peak have the numbers behind its, and a ring for the last of them. */
static uint64_t go_on(struct workload_thread *thread, uint64_t **ring, uint64_t width,
                      uint64_t first, uint64_t end)
{
    uint64_t base = group_count(thread->run) * workload_param(thread, ONE_IN);
    uint64_t slot = 0, checksum = 0;
    for (uint64_t i = first; i < end; i++) {
        if (i - first >= width)
            checksum += retire_object(thread, ring, slot, base + i - width);
        make_object(thread, ring, slot, base + i);
        slot = slot + 1 == width ? 0 : slot + 1;
        count_object(thread, i, end);
    }
    uint64_t left = end - first < width ? end - first : width;
    for (uint64_t i = end - left; i < end; i++)
        checksum += retire_object(thread, ring, (i - first) % width, base + i);
    return checksum;
}

static void idle(struct workload_thread *thread)
{
    const struct timespec nap = {.tv_nsec = IDLE_NS};
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(workload_param(thread, IDLE_MS) / 1000);
    until.tv_nsec += (long)(workload_param(thread, IDLE_MS) % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    for (;;) {
        gc_safepoint(thread->mutator);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > until.tv_sec ||
            (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec))
            return;
        nanosleep(&nap, NULL);
    }
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t one_in = workload_param(thread, ONE_IN);
    uint64_t first_group, end_group, first, end, ring_first, ring_end, checksum = 0;
    workload_share(thread, group_count(thread->run), &first_group, &end_group);
    workload_share(thread, workload_param(thread, AFTER), &first, &end);
    workload_share(thread, workload_param(thread, WINDOW), &ring_first, &ring_end);
    uint64_t base = first_group * one_in;
    uint64_t count = (end_group - first_group) * one_in;
    uint64_t width = ring_end - ring_first;
    uint64_t table_bytes = count * sizeof(void *);
    uint64_t ring_bytes = width * sizeof(void *);
    uint64_t **table = gc_alloc_zeroed(m, &table_type, table_bytes);
    uint64_t **ring = gc_alloc_zeroed(m, &table_type, ring_bytes);
    workload_allocated(thread, table_bytes + ring_bytes, 2);

    workload_operation_begin(thread);
    for (uint64_t i = 0; i < count; i++) {
        make_object(thread, table, i, base + i);
        count_object(thread, i, count);
    }
    workload_barrier(thread);

    for (uint64_t i = 0; i < count; i++) {
        if (!survives(thread->run, base + i))
            drop_object(thread, table, i, base + i);
        if (i % OPERATION_OBJECTS == 0)
            gc_safepoint(m);
    }
    workload_barrier(thread);

    workload_operation_begin(thread);
    checksum += go_on(thread, ring, width, first, end);
    idle(thread);
    for (uint64_t i = 0; i < count; i++)
        if (survives(thread->run, base + i))
            checksum += retire_object(thread, table, i, base + i);

    gc_keep(table);
    gc_keep(ring);
    gc_free(m, table, table_bytes);
    gc_free(m, ring, ring_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    if (p[LARGEST] & (p[LARGEST] - 1))
        return "largest must be a power of two";
    if (group_count(run) < run->threads)
        return "objects must be at least one_in times the number of threads";
    if (p[WINDOW] < run->threads)
        return "window must be at least the number of threads: each has an object in it";
    if (p[WINDOW] > p[OBJECTS] / 4)
        return "window must be at most a quarter of objects, or there is no peak";
    return NULL;
}

const struct workload workload_fragment = {
    .name = "fragment",
    .summary = "a peak of mixed sizes of which scattered survivors remain; memory after it",
    .operation = "64 objects allocated and written; after the peak also as many read and dropped",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
