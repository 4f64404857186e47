/* quads: trees of four-child nodes.
 *
 * Stands for the quads benchmark of Whippet (wingo/whippet, benchmarks/quads.c), a quadtree in
 * memory: it builds one large tree from the bottom up and keeps it, then allocates garbage in
 * rounds, small trees dropped as soon as they are built, and reads the whole live tree after each
 * round. Defaults are the published 20 rounds of trees of depth 3, each round a third of the live
 * tree, which is what the original allocates at a heap of 2.5 times the tree. A node is four
 * pointers and nothing else. A small tree is checked along one path.
 *
 * With several threads, 16 subtrees of the live tree are built and read by turns, and the small
 * trees of a round are shared out.
 *
 * Stresses: marking of a large live set in which every word is a pointer, over and over, beside the
 * allocation of small objects that all die; then the locality of the live tree. Does not stress:
 * sizes, leaf data, mutation, cycles, gradual ageing.
 *
 * With shuffled=1 (not in the original) the children of each node are drawn at random from all
 * nodes of the level below, so that neighbours in the tree lie far apart in memory, as in a heap
 * that has been changed for a long time; the first thread builds the tree alone, by a table of
 * nodes. What a visit of the tree costs then is the latency of memory.
 *
 * Live set, with size(d) = (4^(d+1) - 1) / 3 nodes of 32 bytes:
 *     32 size(depth) + threads * 32 size(garbage_depth)
 * or, with shuffled=1, 8 * 4^depth for the table in place of the last term, if that is more.
 *
 * A good collector separates the tree from the garbage (by generations, or by sweeping that skips
 * full blocks) and marks it with prefetching and on all processors. A bad one marks the tree as
 * often as the heap fills, one cache miss after another, and leaves it scattered.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { DEPTH, ROUNDS, GARBAGE, GARBAGE_DEPTH, SHUFFLED };

static const struct workload_param params[] = {
    [DEPTH] = {"depth", "count", 10, 3, 14, "depth of the live tree"},
    [ROUNDS] = {"rounds", "count", 20, 1, 1000000, "rounds of garbage per iteration"},
    [GARBAGE] = {"garbage", "permille", 333, 0, 1000000,
                 "garbage allocated per round, as a part of the live tree"},
    [GARBAGE_DEPTH] = {"garbage_depth", "count", 3, 0, 10, "depth of the trees that are dropped"},
    [SHUFFLED] = {"shuffled", "flag", 0, 0, 1,
                  "1: neighbours in the live tree lie far apart in memory"},
};

/* Trees smaller than this take less than about 1 us: several make one operation. */
#define OPERATION_NODES 255
/* A walk passes a safepoint at each node of this height: 85 nodes apart. */
#define SAFEPOINT_HEIGHT 3
/* Entries of the table exchanged between two safepoints. */
#define CHUNK_ENTRIES 256
/* Subtrees two levels below the root of the live tree, in run->roots while it is being built. */
#define SUBTREES      16
#define SUBTREE_LEVEL 2
#define KIDS          4

_Static_assert(SUBTREES <= WORKLOAD_ROOTS, "one root per subtree");

struct quad {
    struct quad *kids[KIDS];
};

static struct gc_type quad_type = GC_TYPE_RECORD(struct quad, (1u << KIDS) - 1);
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of nodes");

static struct gc_type *const types[] = {&quad_type, &table_type, NULL};

static uint64_t tree_size(uint64_t depth)
{
    return ((UINT64_C(4) << 2 * depth) - 1) / 3;
}

static uint64_t leaf_count(uint64_t depth)
{
    return UINT64_C(1) << 2 * depth;
}

static uint64_t trees_per_round(const struct workload_run *run)
{
    return tree_size(run->params[DEPTH]) * run->params[GARBAGE] / 1000 /
           tree_size(run->params[GARBAGE_DEPTH]);
}

static uint64_t live_bytes(const struct workload_run *run)
{
    uint64_t trees = trees_per_round(run);
    uint64_t busy = trees < run->threads ? trees : run->threads;
    uint64_t dropped_bytes = busy * tree_size(run->params[GARBAGE_DEPTH]) * sizeof(struct quad);
    uint64_t table_bytes =
        run->params[SHUFFLED] ? leaf_count(run->params[DEPTH]) * sizeof(struct quad *) : 0;
    return tree_size(run->params[DEPTH]) * sizeof(struct quad) +
           (dropped_bytes > table_bytes ? dropped_bytes : table_bytes);
}

static struct quad *make_quad(struct gc_mutator *m, struct quad *const kids[KIDS])
{
    struct quad *quad = gc_alloc(m, &quad_type, sizeof *quad);
    for (unsigned i = 0; i < KIDS; i++)
        gc_init_field(quad->kids[i], kids[i]);
    return quad;
}

static struct quad *make_tree(struct gc_mutator *m, uint64_t depth)
{
    struct quad *kids[KIDS] = {NULL};
    if (depth > 0)
        for (unsigned i = 0; i < KIDS; i++)
            kids[i] = make_tree(m, depth - 1);
    return make_quad(m, kids);
}

/* Fisher and Yates (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 P). */
static void shuffle(struct gc_mutator *m, struct quad **table, uint64_t count, struct rng *rng)
{
    for (uint64_t i = count - 1; i > 0; i--) {
        if (i % CHUNK_ENTRIES == 0)
            gc_safepoint(m);
        uint64_t k = rng_below(rng, i + 1);
        struct quad *quad = table[i];
        gc_store(m, table, table[i], table[k]);
        gc_store(m, table, table[k], quad);
    }
}

/* Level by level, from the leaves up. The table begins with the nodes of the level last built; what
 * is behind them is referred to by these. Returns the root. */
static __attribute__((noinline)) struct quad *make_shuffled_tree(struct workload_thread *thread,
                                                                 uint64_t depth)
{
    struct gc_mutator *m = thread->mutator;
    struct quad *none[KIDS] = {NULL};
    struct rng rng;
    rng_seed(&rng, thread->run->seed, 0);
    uint64_t count = leaf_count(depth);
    uint64_t table_bytes = count * sizeof(struct quad *);
    struct quad **table = gc_alloc_zeroed(m, &table_type, table_bytes);
    for (uint64_t i = 0; i < count; i++) {
        struct quad *leaf = make_quad(m, none);
        gc_store(m, table, table[i], leaf);
    }
    while (count > 1) {
        shuffle(m, table, count, &rng);
        count /= KIDS;
        for (uint64_t i = 0; i < count; i++) {
            struct quad *quad = make_quad(m, table + KIDS * i);
            gc_store(m, table, table[i], quad);
        }
    }
    struct quad *root = table[0];
    /* So that a stray reference to the table retains little and has little to scan. */
    for (uint64_t i = 0; i < leaf_count(depth); i++) {
        gc_store(m, table, table[i], NULL);
        if (i % CHUNK_ENTRIES == 0)
            gc_safepoint(m);
    }
    gc_keep(root);
    gc_keep(table);
    gc_free(m, table, table_bytes);
    workload_allocated(thread, table_bytes, 1);
    return root;
}

static void free_tree(struct gc_mutator *m, struct quad *quad, uint64_t depth)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    if (depth > 0)
        for (unsigned i = 0; i < KIDS; i++)
            free_tree(m, quad->kids[i], depth - 1);
    gc_free(m, quad, sizeof *quad);
}

/* Nodes of the tree, which must be whole and no deeper than it was built. */
static uint64_t count_tree(struct workload_thread *thread, const struct quad *quad, uint64_t depth)
{
    uint64_t count = 1;
    if (depth == SAFEPOINT_HEIGHT)
        gc_safepoint(thread->mutator);
    for (unsigned i = 0; i < KIDS; i++) {
        if ((quad->kids[i] == NULL) != (depth == 0))
            workload_fail(thread, "quads: a tree is not what was built");
        if (depth > 0)
            count += count_tree(thread, quad->kids[i], depth - 1);
    }
    return count;
}

/* Follows one path, chosen by the seed, to a leaf. */
static uint64_t check_path(struct workload_thread *thread, const struct quad *quad, uint64_t depth,
                           uint64_t tree)
{
    uint64_t turns = rng_mix(thread->run->seed ^ rng_mix(tree));
    uint64_t hash = turns;
    for (; depth > 0; depth--, turns >>= 2) {
        quad = quad->kids[turns % KIDS];
        if (quad == NULL)
            workload_fail(thread, "quads: a tree is not what was built");
        hash = hash * 31 + depth;
    }
    for (unsigned i = 0; i < KIDS; i++)
        if (quad->kids[i] != NULL)
            workload_fail(thread, "quads: a leaf has children");
    return rng_mix(hash);
}

/* The tree's root goes into roots[0]. */
static void build_shuffled_tree(struct workload_thread *thread)
{
    uint64_t depth = workload_param(thread, DEPTH);
    if (thread->index == 0) {
        struct quad *root = make_shuffled_tree(thread, depth);
        gc_init_field(thread->run->roots[0], (void *)root);
        workload_allocated(thread, tree_size(depth) * sizeof(struct quad), tree_size(depth));
    }
    workload_barrier(thread);
}

/* The subtrees are built by all threads into run->roots, then joined by the first; the tree's root
 * remains in roots[0]. */
static void build_live_tree(struct workload_thread *thread, uint64_t first, uint64_t end)
{
    struct gc_mutator *m = thread->mutator;
    void **roots = thread->run->roots;
    uint64_t depth = workload_param(thread, DEPTH);
    for (uint64_t i = first; i < end; i++) {
        struct quad *subtree = make_tree(m, depth - SUBTREE_LEVEL);
        gc_init_field(roots[i], (void *)subtree);
    }
    uint64_t nodes = (end - first) * tree_size(depth - SUBTREE_LEVEL);
    workload_barrier(thread);
    if (thread->index == 0) {
        struct quad *kids[KIDS];
        for (unsigned i = 0; i < KIDS; i++) {
            struct quad *subtrees[KIDS];
            for (unsigned k = 0; k < KIDS; k++)
                subtrees[k] = roots[i * KIDS + k];
            kids[i] = make_quad(m, subtrees);
        }
        struct quad *root = make_quad(m, kids);
        gc_init_field(roots[0], (void *)root);
        for (unsigned i = 1; i < SUBTREES; i++)
            gc_init_field(roots[i], NULL);
        nodes += tree_size(SUBTREE_LEVEL - 1);
    }
    workload_allocated(thread, nodes * sizeof(struct quad), nodes);
    workload_barrier(thread);
}

/* By hand the subtrees go first, each freed by the thread that built it, unless
 * the tree is shuffled. */
static void drop_live_tree(struct workload_thread *thread, uint64_t first, uint64_t end)
{
    struct quad *root = thread->run->roots[0];
    uint64_t depth = workload_param(thread, DEPTH);
    for (uint64_t i = first; i < end; i++)
        free_tree(thread->mutator, root->kids[i / KIDS]->kids[i % KIDS], depth - SUBTREE_LEVEL);
    workload_barrier(thread);
    if (thread->index > 0)
        return;
    if (GC_RECLAIMS_BY_HAND) {
        for (unsigned i = 0; i < KIDS; i++)
            gc_free(thread->mutator, root->kids[i], sizeof(struct quad));
        gc_free(thread->mutator, root, sizeof(struct quad));
    }
    gc_init_field(thread->run->roots[0], NULL);
}

/* This thread's share of the small trees of one round. */
static uint64_t make_garbage(struct workload_thread *thread, uint64_t round)
{
    uint64_t depth = workload_param(thread, GARBAGE_DEPTH);
    uint64_t nodes = tree_size(depth);
    uint64_t trees = trees_per_round(thread->run);
    uint64_t each = (OPERATION_NODES + nodes - 1) / nodes;
    uint64_t first, end, checksum = 0;
    workload_share(thread, (trees + each - 1) / each, &first, &end);
    first *= each;
    end = end * each < trees ? end * each : trees;
    workload_operation_begin(thread);
    for (uint64_t i = first; i < end; i++) {
        struct quad *tree = make_tree(thread->mutator, depth);
        checksum += check_path(thread, tree, depth, round * trees + i);
        gc_keep(tree);
        free_tree(thread->mutator, tree, depth);
        workload_allocated(thread, nodes * sizeof(struct quad), nodes);
        if ((i + 1) % each == 0 || i + 1 == end)
            workload_operation_end(thread);
    }
    return checksum;
}

/* Reads this thread's subtrees, and the first thread's also the nodes above. */
static uint64_t read_live_tree(struct workload_thread *thread, uint64_t first, uint64_t end)
{
    const struct quad *root = thread->run->roots[0];
    uint64_t depth = workload_param(thread, DEPTH);
    uint64_t count = thread->index == 0 ? tree_size(SUBTREE_LEVEL - 1) : 0;
    for (uint64_t i = first; i < end; i++) {
        const struct quad *kid = root->kids[i / KIDS];
        if (kid == NULL || kid->kids[i % KIDS] == NULL)
            workload_fail(thread, "quads: the live tree has lost a subtree");
        count += count_tree(thread, kid->kids[i % KIDS], depth - SUBTREE_LEVEL);
    }
    return count;
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end;
    workload_share(thread, SUBTREES, &first, &end);
    if (workload_param(thread, SHUFFLED))
        build_shuffled_tree(thread);
    else
        build_live_tree(thread, first, end);
    uint64_t checksum = read_live_tree(thread, first, end);
    for (uint64_t round = 0; round < workload_param(thread, ROUNDS); round++) {
        checksum += make_garbage(thread, round);
        checksum += read_live_tree(thread, first, end);
    }
    drop_live_tree(thread, first, end);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[GARBAGE_DEPTH] >= run->params[DEPTH])
        return "garbage_depth must be smaller than depth";
    return NULL;
}

const struct workload workload_quads = {
    .name = "quads",
    .summary = "a large tree of four-child nodes kept, small ones built and dropped",
    .operation = "one small tree built, checked and dropped; of trees smaller than 255 nodes, "
                 "255/size of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
