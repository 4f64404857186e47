/* conformance_liveness.c: what a collector must retain, and what it must give back.
 *
 * Conservative collectors see stale words, so a case never asks that every dead object is gone: it
 * makes a thousand and asks that most are.
 */
#include <string.h>

#include "conformance.h"

enum { DEAD_COUNT = 1000, DEAD_BYTES = 4096 };

static uint64_t live_bytes(struct gc_mutator *m)
{
    struct gc_stats stats;
    collect_twice(m);
    gc_backend.stats(&stats);
    if (stats.live_bytes == GC_UNKNOWN)
        conformance_skip("%s does not know its live bytes", gc_backend.name);
    return stats.live_bytes;
}

/* An object held by nothing but the address returned, of a byte inside. */
__attribute__((noinline)) static char *make_inner(struct gc_mutator *m, size_t bytes, size_t offset)
{
    char *object = pattern_object(m, bytes, bytes);
    return object + offset;
}

static void try_inner(struct gc_mutator *m, size_t bytes, size_t offset)
{
    char *volatile inner = make_inner(m, bytes, offset);
    clear_dead_stack();
    gc_backend.collect(m);
    churn(m, bytes, conformance_scaled(100) * bytes);
    gc_backend.collect(m);
    churn(m, bytes, conformance_scaled(100) * bytes);
    pattern_check(inner - offset, bytes, bytes);
}

void case_stack_interior(struct gc_mutator *m)
{
    static const size_t sizes[] = {16, 24, 48, 64, 200, 1000, 2048, 5000, 40000, 300000};
    need_tracing();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        try_inner(m, sizes[i], 0);
        try_inner(m, sizes[i], 1);
        try_inner(m, sizes[i], sizes[i] / 2);
        try_inner(m, sizes[i], sizes[i] - 1);
    }
}

__attribute__((noinline)) static void fill_roots(struct gc_mutator *m)
{
    for (size_t i = 0; i < DEAD_COUNT; i++)
        conformance_roots[i] = pattern_object(m, DEAD_BYTES, i);
}

void case_roots_retain(struct gc_mutator *m)
{
    need_tracing();
    uint64_t before = live_bytes(m);
    fill_roots(m);
    gc_backend.collect(m);
    churn(m, DEAD_BYTES, conformance_scaled(2 * DEAD_COUNT) * DEAD_BYTES);
    for (size_t i = 0; i < DEAD_COUNT; i++)
        pattern_check(conformance_roots[i], DEAD_BYTES, i);
    uint64_t held = live_bytes(m);
    CHECK(held >= before + DEAD_COUNT * DEAD_BYTES, "%" PRIu64 " live bytes of %d", held,
          DEAD_COUNT * DEAD_BYTES);
    gc_backend.roots_remove(conformance_roots, conformance_roots + ROOTS_COUNT);
    uint64_t after = live_bytes(m);
    CHECK(after < before + DEAD_COUNT * DEAD_BYTES / 2,
          "%" PRIu64 " bytes live once the roots are removed", after - before);
}

/* One parent of each type, its references alone holding 64 leaf objects. */
enum { CHILD_BYTES = 200 };

static void *child(struct gc_mutator *m, uint64_t seed)
{
    return pattern_object(m, CHILD_BYTES, seed);
}

__attribute__((noinline)) static void make_parents(struct gc_mutator *m)
{
    struct node *node = gc_alloc_zeroed(m, &type_node, sizeof *node);
    conformance_roots[0] = node;
    struct node *inner = gc_alloc_zeroed(m, &type_node, sizeof *inner);
    gc_store(m, node, node->left, inner);
    void *object = child(m, 1);
    gc_store(m, inner, inner->right, object);

    void **array = gc_alloc_zeroed(m, &type_array, 300 * sizeof(void *));
    conformance_roots[1] = array;
    for (uint64_t i = 0; i < 300; i++) {
        object = child(m, 100 + i);
        gc_store(m, array, array[i], object);
    }

    struct header_and_children *mixed =
        gc_alloc_zeroed(m, &type_mixed, sizeof *mixed + 5 * sizeof(void *));
    conformance_roots[2] = mixed;
    object = child(m, 2);
    gc_store(m, mixed, mixed->first, object);
    for (uint64_t i = 0; i < 5; i++) {
        object = child(m, 500 + i);
        gc_store(m, mixed, mixed->children[i], object);
    }

    struct pair *pairs = gc_alloc_zeroed(m, &type_pairs, 1000 * sizeof *pairs);
    conformance_roots[3] = pairs;
    for (uint64_t i = 0; i < 1000; i++) {
        object = child(m, 1000 + i);
        gc_store(m, pairs, pairs[i].reference, object);
    }

    struct sparse *sparse = gc_alloc_zeroed(m, &type_sparse, sizeof *sparse);
    conformance_roots[4] = sparse;
    object = child(m, 3);
    gc_store(m, sparse, sparse->first, object);
    object = child(m, 4);
    gc_store(m, sparse, sparse->last_mapped, object);
}

void case_typed_fields_retain(struct gc_mutator *m)
{
    need_tracing();
    make_parents(m);
    for (int i = 0; i < 3; i++) {
        collect_twice(m);
        churn(m, CHILD_BYTES, conformance_scaled(20000) * CHILD_BYTES);
    }
    struct node *node = conformance_roots[0];
    pattern_check(node->left->right, CHILD_BYTES, 1);
    void **array = conformance_roots[1];
    for (uint64_t i = 0; i < 300; i++)
        pattern_check(array[i], CHILD_BYTES, 100 + i);
    struct header_and_children *mixed = conformance_roots[2];
    pattern_check(mixed->first, CHILD_BYTES, 2);
    for (uint64_t i = 0; i < 5; i++)
        pattern_check(mixed->children[i], CHILD_BYTES, 500 + i);
    struct pair *pairs = conformance_roots[3];
    for (uint64_t i = 0; i < 1000; i++)
        pattern_check(pairs[i].reference, CHILD_BYTES, 1000 + i);
    struct sparse *sparse = conformance_roots[4];
    pattern_check(sparse->first, CHILD_BYTES, 3);
    pattern_check(sparse->last_mapped, CHILD_BYTES, 4);
}

__attribute__((noinline)) static void make_leaf_of_addresses(struct gc_mutator *m)
{
    uintptr_t *leaf = gc_alloc_zeroed(m, &type_leaf, DEAD_COUNT * sizeof *leaf);
    conformance_roots[0] = leaf;
    for (size_t i = 0; i < DEAD_COUNT; i++)
        leaf[i] = (uintptr_t)pattern_object(m, DEAD_BYTES, i);
}

void case_leaf_retains_nothing(struct gc_mutator *m)
{
    need_tracing();
    uint64_t before = live_bytes(m);
    make_leaf_of_addresses(m);
    uint64_t after = live_bytes(m);
    CHECK(after < before + DEAD_COUNT * DEAD_BYTES / 2,
          "%" PRIu64 " bytes live that only a leaf's words name", after - before);
}

__attribute__((noinline)) static void make_data_of_addresses(struct gc_mutator *m)
{
    struct pair *pairs = gc_alloc_zeroed(m, &type_pairs, DEAD_COUNT * sizeof *pairs);
    conformance_roots[0] = pairs;
    for (size_t i = 0; i < DEAD_COUNT; i++)
        pairs[i].value = (uintptr_t)pattern_object(m, DEAD_BYTES, i);
}

void case_data_words_retain_nothing(struct gc_mutator *m)
{
    need_tracing();
    if (!(gc_backend.capabilities & GC_IS_PRECISE))
        conformance_skip("%s does not trace every object by its type", gc_backend.name);
    uint64_t before = live_bytes(m);
    make_data_of_addresses(m);
    uint64_t after = live_bytes(m);
    CHECK(after < before + DEAD_COUNT * DEAD_BYTES / 2,
          "%" PRIu64 " bytes live that only data words name", after - before);
}

/* A ring of nodes, each also naming the first. */
__attribute__((noinline)) static void make_ring(struct gc_mutator *m, unsigned length)
{
    struct node *first = gc_alloc_zeroed(m, &type_node, sizeof *first);
    struct node *last = first;
    for (unsigned i = 1; i < length; i++) {
        struct node *node = gc_alloc_zeroed(m, &type_node, sizeof *node);
        gc_store(m, node, node->right, first);
        gc_store(m, last, last->left, node);
        last = node;
    }
    gc_store(m, last, last->left, first);
}

void case_cycles_collected(struct gc_mutator *m)
{
    struct gc_stats stats;
    uint64_t limit = conformance_config.heap_limit_bytes;
    need_tracing();
    /* Ten times the limit; where every allocation collects, each of some ten thousand. */
    uint64_t rings = 10 * limit / (64 * sizeof(struct node));
    if (conformance_scaled(100) == 1)
        rings /= 1000;
    for (uint64_t i = 0; i < rings; i++)
        make_ring(m, 64);
    gc_backend.stats(&stats);
    CHECK(stats.heap_peak_bytes == GC_UNKNOWN || stats.heap_peak_bytes <= limit + limit / 4,
          "the heap reached %" PRIu64 " bytes", stats.heap_peak_bytes);
}

void case_long_list(struct gc_mutator *m)
{
    uint64_t length = conformance_scaled(1000000);
    uint64_t found = 0;
    need_tracing();
    for (uint64_t i = 0; i < length; i++) {
        struct node *node = gc_alloc_zeroed(m, &type_node, sizeof *node);
        node->value = i;
        struct node *next = conformance_roots[0];
        gc_store(m, node, node->left, next);
        conformance_roots[0] = node;
    }
    collect_twice(m);
    churn(m, sizeof(struct node), length * sizeof(struct node));
    for (struct node *node = conformance_roots[0]; node; node = node->left) {
        CHECK(node->value == length - 1 - found, "node %" PRIu64 " holds %" PRIu64, found,
              node->value);
        found++;
    }
    CHECK(found == length, "%" PRIu64 " nodes of %" PRIu64, found, length);
}
