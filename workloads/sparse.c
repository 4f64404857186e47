/* sparse: records of one pointer and thirty data words.
 *
 * Stands for programs whose objects are mostly numbers: rows of a table, samples, particles,
 * messages with a link to the next. A chain is `length` records, each referring to the next by its
 * only pointer, which lies in the middle of the record; a window holds `window` chains, the oldest
 * of which is read whole, checked and dropped before the next is built. Data words have all their
 * bits drawn from the seed, so that hardly any looks like an address: what is shown is the cost of
 * looking, not that of false references.
 *
 * Stresses: what it costs to find one pointer among 31 words: a tracer that knows the type reads
 * one word of each record, one that does not reads all, and asks of each whether it points
 * somewhere. Does not stress: wide or random graphs, sizes, mutation, deep marking (chains are
 * short by default), retention by numbers that happen to be addresses.
 *
 * Live set, all threads together, a record having 248 bytes:
 *     window * (8 + 248 length)
 * An iteration builds window * rounds chains.
 *
 * A good collector marks this heap in a small part of the time that it needs for as many bytes of
 * small linked objects. A bad one scans every word.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { LENGTH, WINDOW, ROUNDS };

static const struct workload_param params[] = {
    [LENGTH] = {"length", "count", 100, 1, 10000000, "records of a chain"},
    [WINDOW] = {"window", "count", 1000, 1, 100000000, "chains alive, all threads together"},
    [ROUNDS] = {"rounds", "count", 20, 1, 1000000, "times that an iteration builds the window"},
};

/* A chain shorter than this takes less than about 1 us: several make one operation. */
#define OPERATION_RECORDS 32
#define DATA_WORDS        30
#define HALF_WORDS        (DATA_WORDS / 2)

struct record {
    uint64_t low[HALF_WORDS];
    struct record *next;
    uint64_t high[HALF_WORDS];
};

_Static_assert(sizeof(struct record) == 31 * sizeof(uint64_t), "one pointer, thirty data words");

static struct gc_type record_type =
    GC_TYPE_RECORD(struct record, GC_POINTER_BIT(struct record, next));
static struct gc_type window_type = GC_TYPE_POINTER_ARRAY("window of chains");

static struct gc_type *const types[] = {&record_type, &window_type, NULL};

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    return p[WINDOW] * (sizeof(struct record *) + p[LENGTH] * sizeof(struct record));
}

/* Data words of record `number` of a chain: first, first + step, … */
static uint64_t first_word(const struct workload_thread *thread, uint64_t unit, uint64_t number)
{
    return rng_mix(rng_mix(thread->run->seed ^ rng_mix(unit)) + number);
}

/* Not inlined, like the functions below, so that no reference to a chain stays behind in the frame
 * of the loop, where a conservative scan of the stack would find it. */
static __attribute__((noinline)) struct record *build_chain(struct workload_thread *thread,
                                                            uint64_t unit)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t length = workload_param(thread, LENGTH);
    struct record *head = NULL;
    for (uint64_t number = length; number-- > 0;) {
        struct record *record = gc_alloc(m, &record_type, sizeof *record);
        uint64_t value = first_word(thread, unit, number), step = value | 1;
        gc_init_field(record->next, head);
        for (unsigned i = 0; i < HALF_WORDS; i++, value += step)
            record->low[i] = value;
        for (unsigned i = 0; i < HALF_WORDS; i++, value += step)
            record->high[i] = value;
        head = record;
    }
    workload_allocated(thread, length * sizeof *head, length);
    return head;
}

static __attribute__((noinline)) uint64_t read_chain(struct workload_thread *thread,
                                                     struct record *head, uint64_t unit)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t length = workload_param(thread, LENGTH);
    uint64_t hash = 0;
    struct record *record = head;
    for (uint64_t number = 0; number < length; number++) {
        if (record == NULL)
            workload_fail(thread, "sparse: a chain ends too early");
        uint64_t value = first_word(thread, unit, number), step = value | 1;
        uint64_t sum = 0, wrong = 0;
        for (unsigned i = 0; i < HALF_WORDS; i++, value += step) {
            sum += record->low[i];
            wrong |= record->low[i] ^ value;
        }
        for (unsigned i = 0; i < HALF_WORDS; i++, value += step) {
            sum += record->high[i];
            wrong |= record->high[i] ^ value;
        }
        if (wrong)
            workload_fail(thread, "sparse: a record does not hold what was written");
        hash = hash * 31 + sum;
        struct record *next = record->next;
        gc_free(m, record, sizeof *record);
        record = next;
        gc_safepoint(m); /* a record is four cache misses */
    }
    if (record != NULL)
        workload_fail(thread, "sparse: a chain does not end");
    return rng_mix(hash);
}

static __attribute__((noinline)) uint64_t
retire_slot(struct workload_thread *thread, struct record **window, uint64_t slot, uint64_t unit)
{
    struct record *head = window[slot];
    gc_store(thread->mutator, window, window[slot], NULL);
    return read_chain(thread, head, unit);
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t first, end, checksum = 0;
    workload_share(thread, workload_param(thread, WINDOW), &first, &end);
    uint64_t width = end - first;
    uint64_t rounds = workload_param(thread, ROUNDS);
    uint64_t each =
        (OPERATION_RECORDS + workload_param(thread, LENGTH) - 1) / workload_param(thread, LENGTH);
    uint64_t window_bytes = width * sizeof(struct record *);
    struct record **window = gc_alloc_zeroed(m, &window_type, window_bytes);
    workload_allocated(thread, window_bytes, 1);

    workload_operation_begin(thread);
    uint64_t first_unit = first * rounds;
    uint64_t end_unit = end * rounds;
    uint64_t slot = 0;
    for (uint64_t unit = first_unit; unit < end_unit; unit++) {
        if (unit - first_unit >= width)
            checksum += retire_slot(thread, window, slot, unit - width);
        struct record *head = build_chain(thread, unit);
        gc_store(m, window, window[slot], head);
        slot = slot + 1 == width ? 0 : slot + 1;
        if ((unit + 1) % each == 0 || unit + 1 == end_unit)
            workload_operation_end(thread);
    }
    for (uint64_t unit = end_unit - width; unit < end_unit; unit++)
        checksum += retire_slot(thread, window, (unit - first_unit) % width, unit);

    gc_keep(window);
    gc_free(m, window, window_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[WINDOW] < run->threads)
        return "window must be at least the number of threads: each keeps a chain alive";
    return NULL;
}

const struct workload workload_sparse = {
    .name = "sparse",
    .summary = "chains of records with one pointer among thirty data words",
    .operation = "one chain built, and the oldest read and dropped; where chains are shorter than "
                 "32 records, 32/length of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
