/* escape: the same computation on values that stay on the stack and on values on the heap.
 *
 * Stands for the choice that a compiler or a programmer makes for every small value: Go's escape
 * analysis leaves it on the stack where it can prove that nothing refers to it after the function
 * returns, and allocates it where it cannot. A value is a matrix of 2 by 2 64-bit integers, as a
 * vector or a complex number would be; a chain multiplies 2^levels of them by halves, recursively,
 * so each intermediate value is returned by one function and dies in its caller. With heap=0 a
 * value is returned in the caller's frame, with heap=1 as a reference to a new object; what is
 * computed and called is the same, so the ratio of the two times is what escaping costs. No
 * function is inlined into another, since a value that never leaves the registers is not on the
 * stack either. The last `kept` results are kept on the heap either way, and checked when they are
 * replaced; so a collector has a heap to look after.
 *
 * The factors are those of a continued fraction with quotients q drawn from the seed, (q 1; 1 0),
 * whose determinant is -1: that of a result, modulo 2^64, must be 1 (or -1 for a single factor).
 *
 * Stresses: the allocation of small leaf objects that die in the order of a stack, as fast as a
 * program can make them. Does not stress: tracing, sizes, mutation, long lives.
 *
 * Objects allocated: a table for each thread, and chains (heap=0) or chains * (2^(levels+1) - 1)
 * (heap=1) matrices of 32 bytes.
 * Live set, all threads together: 40 kept, and with heap=1 and levels > 0 besides
 *     threads * 32 (levels + 1)
 * the values at the bottom of the recursion.
 *
 * A good memory manager makes heap=1 a small multiple of heap=0: by hand the values are freed and
 * reused in the cache; a collector allocates through a nursery or a swept block that fits into the
 * cache and does nothing for the dead. A bad one touches new memory for each value, or collects so
 * often that the kept results are marked again and again.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { HEAP, LEVELS, CHAINS, KEPT };

static const struct workload_param params[] = {
    [HEAP] = {"heap", "flag", 1, 0, 1, "1: every value is an object; 0: only the results are"},
    [LEVELS] = {"levels", "count", 4, 0, 20, "a chain multiplies 2^levels matrices"},
    [CHAINS] = {"chains", "count", 1000000, 1, UINT64_C(10000000000),
                "chains per iteration, all threads together"},
    [KEPT] = {"kept", "count", 50000, 1, 100000000, "results kept, all threads together"},
};

/* Chains of fewer values take less than about 1 us: several make one operation. */
#define OPERATION_VALUES 1024
/* A recursion passes a safepoint at each product of this level: 127 values apart. */
#define SAFEPOINT_LEVEL 6

struct matrix {
    uint64_t a, b, c, d;
};

static struct gc_type matrix_type = GC_TYPE_LEAF("matrix");
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of results");

static struct gc_type *const types[] = {&matrix_type, &table_type, NULL};

/* Values of one chain, the result included. */
static uint64_t chain_values(const struct workload_run *run)
{
    return (UINT64_C(2) << run->params[LEVELS]) - 1;
}

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t deepest = p[HEAP] && p[LEVELS] > 0 ? p[LEVELS] + 1 : 0;
    return p[KEPT] * (sizeof(struct matrix *) + sizeof(struct matrix)) +
           run->threads * deepest * sizeof(struct matrix);
}

static inline struct matrix factor(uint64_t key, uint64_t number)
{
    return (struct matrix){.a = rng_mix(key + number), .b = 1, .c = 1, .d = 0};
}

static inline struct matrix multiply(const struct matrix *x, const struct matrix *y)
{
    return (struct matrix){
        .a = x->a * y->a + x->b * y->c,
        .b = x->a * y->b + x->b * y->d,
        .c = x->c * y->a + x->d * y->c,
        .d = x->c * y->b + x->d * y->d,
    };
}

/* The product of 2^level factors, from number `first` on. */
static __attribute__((noinline)) struct matrix product_on_stack(struct gc_mutator *m, uint64_t key,
                                                                uint64_t first, unsigned level)
{
    if (level == 0)
        return factor(key, first);
    if (level == SAFEPOINT_LEVEL)
        gc_safepoint(m);
    level--;
    struct matrix x = product_on_stack(m, key, first, level);
    struct matrix y = product_on_stack(m, key, first + (UINT64_C(1) << level), level);
    return multiply(&x, &y);
}

/* The same; a caller frees what it is given. */
static __attribute__((noinline)) struct matrix *product_on_heap(struct gc_mutator *m, uint64_t key,
                                                                uint64_t first, unsigned level)
{
    if (level == 0) {
        struct matrix *result = gc_alloc(m, &matrix_type, sizeof *result);
        *result = factor(key, first);
        return result;
    }
    level--;
    struct matrix *x = product_on_heap(m, key, first, level);
    struct matrix *y = product_on_heap(m, key, first + (UINT64_C(1) << level), level);
    struct matrix *result = gc_alloc(m, &matrix_type, sizeof *result);
    *result = multiply(x, y);
    gc_keep(x);
    gc_keep(y);
    gc_free(m, x, sizeof *x);
    gc_free(m, y, sizeof *y);
    return result;
}

static __attribute__((noinline)) struct matrix *make_result(struct workload_thread *thread,
                                                            uint64_t chain)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t key = rng_mix(thread->run->seed ^ rng_mix(chain));
    unsigned levels = (unsigned)workload_param(thread, LEVELS);
    if (workload_param(thread, HEAP))
        return product_on_heap(m, key, 0, levels);
    struct matrix value = product_on_stack(m, key, 0, levels);
    struct matrix *result = gc_alloc(m, &matrix_type, sizeof *result);
    *result = value;
    return result;
}

/* Takes a result out of the table, checks and frees it; returns its part of the checksum. */
static __attribute__((noinline)) uint64_t retire_result(struct workload_thread *thread,
                                                        struct matrix **table, uint64_t slot)
{
    struct matrix *r = table[slot];
    uint64_t determinant = workload_param(thread, LEVELS) == 0 ? UINT64_MAX : 1;
    if (r->a * r->d - r->b * r->c != determinant)
        workload_fail(thread, "escape: a result is not a product of the factors");
    uint64_t checksum = rng_mix(r->a + 31 * r->b + 961 * r->c);
    gc_store(thread->mutator, table, table[slot], NULL);
    gc_keep(r);
    gc_free(thread->mutator, r, sizeof *r);
    return checksum;
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t first, end, kept_first, kept_end, checksum = 0;
    workload_share(thread, workload_param(thread, CHAINS), &first, &end);
    workload_share(thread, workload_param(thread, KEPT), &kept_first, &kept_end);
    uint64_t kept = kept_end - kept_first;
    uint64_t values = chain_values(thread->run);
    uint64_t each = (OPERATION_VALUES + values - 1) / values;
    uint64_t table_bytes = kept * sizeof(struct matrix *);
    struct matrix **table = gc_alloc_zeroed(m, &table_type, table_bytes);

    workload_operation_begin(thread);
    uint64_t slot = 0;
    for (uint64_t chain = first; chain < end; chain++) {
        if (chain - first >= kept)
            checksum += retire_result(thread, table, slot);
        struct matrix *result = make_result(thread, chain);
        gc_store(m, table, table[slot], result);
        slot = slot + 1 == kept ? 0 : slot + 1;
        if ((chain + 1) % each == 0 || chain + 1 == end)
            workload_operation_end(thread);
    }
    uint64_t waiting = end - first < kept ? end - first : kept;
    for (uint64_t i = 0; i < waiting; i++) {
        checksum += retire_result(thread, table, i);
        if (i % OPERATION_VALUES == 0)
            gc_safepoint(m);
    }

    gc_keep(table);
    gc_free(m, table, table_bytes);
    uint64_t objects = (end - first) * (workload_param(thread, HEAP) ? values : 1);
    workload_allocated(thread, table_bytes + objects * sizeof(struct matrix), 1 + objects);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[KEPT] < run->threads)
        return "kept must be at least the number of threads: each keeps a result";
    if (run->params[CHAINS] < run->params[KEPT])
        return "chains must be at least kept: the table would never be full";
    return NULL;
}

const struct workload workload_escape = {
    .name = "escape",
    .summary = "the same products of small matrices, on the heap or (heap=0) on the stack",
    .operation = "one chain multiplied, and the oldest result checked and dropped; of chains "
                 "shorter than 1024 values, 1024/values of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
