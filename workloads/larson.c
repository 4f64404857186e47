/* larson: threads that replace each other's blocks.
 *
 * Stands for the server simulation of Larson and Krishnan ("Memory allocation for long-running
 * server applications", ISMM 1998), as mimalloc-bench runs it: blocks of random sizes, from 8 to
 * 1000 bytes, lie in arrays of 5000; a thread works on its array by freeing a block at random and
 * allocating one of another size in its place, over and over, and then leaves the array to a
 * successor, who frees what others have allocated ("bleeding"). Only the first and the last byte of
 * a block are written, here the first word and the last byte.
 *
 * Two things differ, so that each run does the same work at any number of threads. The original
 * runs for a given time and counts what it got done; here `arrays` arrays are worked on in `turns`
 * turns of `rounds` replacements for each block. And it ends a thread and starts another; here the
 * threads live on, and after each turn all arrays go on to the next thread: array number a is in
 * turn t the business of thread (a + t) modulo the number of threads. So at the beginning of a turn
 * all that a thread frees was allocated by others, and over the turn one block in `rounds`, as each
 * is replaced that often. With one thread nothing changes hands. Which block is replaced, and by
 * which size, depends on array and turn alone.
 *
 * Stresses: freeing by hand of what another thread has allocated, which is where allocators with
 * caches for each thread lock or queue; mixed sizes with random lifetimes, so fragmentation;
 * contention in allocation; stores of young blocks into large old arrays. Does not stress: tracing
 * (all but the arrays is leaf data), deep structures, the start and end of threads.
 *
 * Live set: 8 arrays + arrays * (8 + 8 blocks + cap), with
 *     cap = blocks * (min_bytes + max_bytes) / 2 + (max_bytes - min_bytes) * sqrt(blocks) / 2
 * the root rounded down: the mean of the blocks of an array and 1.7 standard deviations. Where a
 * replacement would exceed cap, the new block has the size of the old one.
 *
 * A good allocator takes a foreign block back by one atomic operation and keeps memory near the
 * live set; a collector does not see who allocated what, and pays for the size of its heap alone.
 * A bad one has one lock for all, lets caches of threads grow by what others gave them, or sends
 * every foreign block home on its own. A bad collector scans the blocks, or all of a large array
 * for one young block in it.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { MIN_BYTES, MAX_BYTES, BLOCKS, ARRAYS, TURNS, ROUNDS };

static const struct workload_param params[] = {
    [MIN_BYTES] = {"min_bytes", "bytes", 8, 8, 1 << 20, "size of the smallest block"},
    [MAX_BYTES] = {"max_bytes", "bytes", 1000, 8, 1 << 20, "size of the largest block"},
    [BLOCKS] = {"blocks", "count", 5000, 1, 100000000, "blocks of an array"},
    [ARRAYS] = {"arrays", "count", 4, 1, 65536, "arrays, at least one for each thread"},
    [TURNS] = {"turns", "count", 20, 1, 1000000, "turns, after each of which arrays change hands"},
    [ROUNDS] = {"rounds", "count", 10, 1, 1000000, "replacements per turn, for each block"},
};

/* Replacements that make one operation. */
#define OPERATION_BLOCKS 128
/* Blocks freed between two safepoints. */
#define CHUNK_BLOCKS 64

/* The first word of a block: its size in the low bits, a hash above. */
#define SIZE_BITS       24
#define SIZE_MASK       ((UINT64_C(1) << SIZE_BITS) - 1)
#define LAST_BYTE_SHIFT 56

struct array {
    uint64_t held_bytes; /* of its blocks */
    uint64_t *blocks[];
};

static struct gc_type block_type = GC_TYPE_LEAF("block");
static struct gc_type array_type = GC_TYPE_RECORD_AND_POINTERS(struct array, 0);
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of arrays");

static struct gc_type *const types[] = {&block_type, &array_type, &table_type, NULL};

static uint64_t square_root(uint64_t n)
{
    uint64_t root = 0;
    while ((root + 1) * (root + 1) <= n)
        root++;
    return root;
}

static uint64_t array_bytes(const struct workload_run *run)
{
    return sizeof(struct array) + run->params[BLOCKS] * sizeof(uint64_t *);
}

/* Bound on the bytes of an array's blocks. */
static uint64_t held_cap(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    return (p[BLOCKS] * (p[MIN_BYTES] + p[MAX_BYTES]) +
            (p[MAX_BYTES] - p[MIN_BYTES]) * square_root(p[BLOCKS])) /
           2;
}

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->params[ARRAYS] * (sizeof(struct array *) + array_bytes(run) + held_cap(run));
}

/* One thread at work on one array. */
struct worker {
    struct workload_thread *thread;
    struct gc_mutator *m;
    struct array *array;
    uint64_t key; /* of the array's blocks */
    uint64_t min_bytes;
    uint64_t max_bytes;
    uint64_t blocks;
    uint64_t cap;
    uint64_t held_bytes;
    uint64_t allocated_bytes;
    uint64_t checksum;
    struct rng rng;
};

/* Work on array number `index` in turn `turn`; turn 0 is its making. */
static struct worker start_work(struct workload_thread *thread, struct array *array, uint64_t index,
                                uint64_t turn)
{
    const uint64_t *p = thread->run->params;
    struct worker w = {
        .thread = thread,
        .m = thread->mutator,
        .array = array,
        .key = rng_mix(thread->run->seed ^ rng_mix(index)),
        .min_bytes = p[MIN_BYTES],
        .max_bytes = p[MAX_BYTES],
        .blocks = p[BLOCKS],
        .cap = held_cap(thread->run),
        .held_bytes = array->held_bytes,
    };
    rng_seed(&w.rng, thread->run->seed, turn * p[ARRAYS] + index);
    return w;
}

static void end_work(struct worker *w, uint64_t allocated_count)
{
    w->array->held_bytes = w->held_bytes;
    workload_allocated(w->thread, w->allocated_bytes, allocated_count);
}

static uint64_t first_word(const struct worker *w, uint64_t slot, uint64_t bytes)
{
    return rng_mix(w->key ^ (slot << SIZE_BITS | bytes)) << SIZE_BITS | bytes;
}

static uint64_t draw_bytes(struct worker *w)
{
    return w->min_bytes + rng_below(&w->rng, w->max_bytes - w->min_bytes + 1);
}

static void put_block(struct worker *w, uint64_t slot, uint64_t bytes)
{
    uint64_t *block = gc_alloc(w->m, &block_type, bytes);
    block[0] = first_word(w, slot, bytes);
    /* In a block of one word this is the word's own last byte. */
    ((uint8_t *)block)[bytes - 1] = (uint8_t)(block[0] >> LAST_BYTE_SHIFT);
    gc_store(w->m, w->array, w->array->blocks[slot], block);
    w->held_bytes += bytes;
    w->allocated_bytes += bytes;
}

/* Checks and frees the block in a slot; returns its size. */
static uint64_t take_block(struct worker *w, uint64_t slot)
{
    uint64_t *block = w->array->blocks[slot];
    uint64_t word = block[0];
    uint64_t bytes = word & SIZE_MASK;
    if (bytes < w->min_bytes || bytes > w->max_bytes || word != first_word(w, slot, bytes) ||
        ((const uint8_t *)block)[bytes - 1] != word >> LAST_BYTE_SHIFT)
        workload_fail(w->thread, "larson: a block does not hold what was written");
    w->checksum += rng_mix(word);
    w->held_bytes -= bytes;
    gc_store(w->m, w->array, w->array->blocks[slot], NULL);
    gc_keep(block);
    gc_free(w->m, block, bytes);
    return bytes;
}

/* Not inlined, nor are the next two, so that nothing stays behind in the frame of the loop over
 * arrays, where a conservative scan of the stack would find it. */
static __attribute__((noinline)) void make_array(struct workload_thread *thread, uint64_t index)
{
    struct gc_mutator *m = thread->mutator;
    struct array **table = thread->run->roots[0];
    uint64_t bytes = array_bytes(thread->run);
    struct array *array = gc_alloc_zeroed(m, &array_type, bytes);
    gc_store(m, table, table[index], array);
    struct worker w = start_work(thread, array, index, 0);
    w.allocated_bytes = bytes;
    for (uint64_t slot = 0; slot < w.blocks; slot++) {
        uint64_t wanted = draw_bytes(&w);
        uint64_t others = w.held_bytes + (w.blocks - slot - 1) * w.min_bytes;
        put_block(&w, slot, others + wanted <= w.cap ? wanted : w.min_bytes);
    }
    end_work(&w, 1 + w.blocks);
}

/* One turn of one array; returns its part of the checksum. */
static __attribute__((noinline)) uint64_t work_on(struct workload_thread *thread, uint64_t index,
                                                  uint64_t turn)
{
    struct array **table = thread->run->roots[0];
    struct worker w = start_work(thread, table[index], index, turn);
    uint64_t count = w.blocks * workload_param(thread, ROUNDS);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t victim = rng_below(&w.rng, w.blocks);
        uint64_t wanted = draw_bytes(&w);
        uint64_t old = take_block(&w, victim);
        put_block(&w, victim, w.held_bytes + wanted <= w.cap ? wanted : old);
        if ((i + 1) % OPERATION_BLOCKS == 0 || i + 1 == count)
            workload_operation_end(thread);
    }
    end_work(&w, count);
    return w.checksum;
}

static __attribute__((noinline)) uint64_t drop_array(struct workload_thread *thread, uint64_t index)
{
    struct gc_mutator *m = thread->mutator;
    struct array **table = thread->run->roots[0];
    struct worker w = start_work(thread, table[index], index, 0);
    for (uint64_t slot = 0; slot < w.blocks; slot++) {
        take_block(&w, slot);
        if (slot % CHUNK_BLOCKS == 0)
            gc_safepoint(m);
    }
    if (w.held_bytes != 0)
        workload_fail(thread, "larson: an array does not hold the blocks it should");
    gc_store(m, table, table[index], NULL);
    gc_keep(w.array);
    gc_free(m, w.array, array_bytes(thread->run));
    return w.checksum;
}

/* This thread's first array in a turn; it has every run->threads-th from there. */
static uint64_t first_array(const struct workload_thread *thread, uint64_t turn)
{
    uint64_t threads = thread->run->threads;
    return (thread->index + threads - turn % threads) % threads;
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t arrays = workload_param(thread, ARRAYS);
    uint64_t turns = workload_param(thread, TURNS);
    uint64_t threads = thread->run->threads;
    uint64_t table_bytes = arrays * sizeof(struct array *);
    uint64_t checksum = 0;
    if (thread->index == 0) {
        struct array **table = gc_alloc_zeroed(m, &table_type, table_bytes);
        gc_init_field(thread->run->roots[0], (void *)table);
        workload_allocated(thread, table_bytes, 1);
    }
    workload_barrier(thread);
    for (uint64_t i = first_array(thread, 0); i < arrays; i += threads)
        make_array(thread, i);
    for (uint64_t turn = 1; turn <= turns; turn++) {
        workload_barrier(thread);
        workload_operation_begin(thread);
        for (uint64_t i = first_array(thread, turn); i < arrays; i += threads)
            checksum += work_on(thread, i, turn);
    }
    workload_barrier(thread);
    for (uint64_t i = first_array(thread, turns + 1); i < arrays; i += threads)
        checksum += drop_array(thread, i);
    workload_barrier(thread);
    if (thread->index == 0) {
        gc_free(m, thread->run->roots[0], table_bytes);
        gc_init_field(thread->run->roots[0], NULL);
    }
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[MIN_BYTES] > run->params[MAX_BYTES])
        return "min_bytes must be at most max_bytes";
    if (run->params[ARRAYS] < run->threads)
        return "arrays must be at least the number of threads: each works on one";
    return NULL;
}

const struct workload workload_larson = {
    .name = "larson",
    .summary = "Larson and Krishnan's server: threads replace blocks that others have allocated",
    .operation = "128 blocks checked, freed and replaced by new ones of other sizes",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
