/* binary_trees: the binary-trees program of the Computer Language Benchmarks Game.
 *
 * Stands for that program as it has been measured in dozens of languages, an adaptation of GCBench
 * by Ellis, Kovac and Boehm: with N its argument and D = max(6, N), here parameter `depth`, it
 * builds, counts and drops a tree of depth D + 1 to stretch memory, builds one of depth D that
 * lives to the end, then for the depths 4, 6, … up to D builds, counts and drops 2^(D - depth + 4)
 * trees one by one, and at last counts the long-lived tree. A node is two pointers and nothing
 * else; every tree is built from the bottom up and read whole. The published measurements take
 * N = 21, the default is sized for repetition. The program has no input, so neither has this: the
 * seed changes nothing. By hand a tree is freed by recursion, as its C programs with malloc do.
 *
 * With several threads the trees of each depth are shared out, as its parallel programs do; the
 * first thread makes the stretch tree and the long-lived one.
 *
 * Stresses: allocation of the smallest object that holds references, its death soon after, the
 * tracing of one complete tree. Does not stress: sizes, mutation, cycles, leaf data, ageing. What
 * it shows is mostly how cheap allocation and reclamation of one size are.
 *
 * Live set, with size(d) = 2^(d+1) - 1 nodes of 16 bytes and d the largest of 4, 6, … up to D: the
 * larger of the stretch tree,
 *     16 size(D + 1)
 * and the long-lived tree with one more per thread (of which there are at most 2^(D - d + 4)),
 *     16 size(D) + threads * 16 size(d)
 *
 * A good collector allocates by bumping or from a local list, and reclaims a dead tree at no cost
 * for each node. A bad one has a header or a spare byte that doubles a node of 16 bytes, or marks
 * the long-lived tree more often than its heap makes necessary.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { DEPTH };

/* The depth of the smallest trees, and the steps up from there. */
#define MIN_DEPTH  4
#define DEPTH_STEP 2

static const struct workload_param params[] = {
    [DEPTH] = {"depth", "count", 17, MIN_DEPTH + 2, 28,
               "depth of the long-lived tree, the N of the published program"},
};

/* Trees smaller than this take less than about 1 us: several make one operation. */
#define OPERATION_NODES 255
/* A walk passes a safepoint at each node of this height: 127 nodes apart. */
#define SAFEPOINT_HEIGHT 6

struct node {
    struct node *left;
    struct node *right;
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, left) | GC_POINTER_BIT(struct node, right));

static struct gc_type *const types[] = {&node_type, NULL};

static uint64_t tree_size(uint64_t depth)
{
    return (UINT64_C(2) << depth) - 1;
}

static uint64_t tree_count(const struct workload_run *run, uint64_t depth)
{
    return UINT64_C(1) << (run->params[DEPTH] - depth + MIN_DEPTH);
}

static uint64_t live_bytes(const struct workload_run *run)
{
    uint64_t depth = run->params[DEPTH];
    uint64_t deepest = depth - (depth - MIN_DEPTH) % DEPTH_STEP;
    uint64_t trees = tree_count(run, deepest);
    uint64_t busy = trees < run->threads ? trees : run->threads;
    uint64_t later = tree_size(depth) + busy * tree_size(deepest);
    uint64_t before = tree_size(depth + 1);
    return (later > before ? later : before) * sizeof(struct node);
}

static struct node *make_tree(struct gc_mutator *m, uint64_t depth)
{
    struct node *left = NULL, *right = NULL;
    if (depth > 0) {
        left = make_tree(m, depth - 1);
        right = make_tree(m, depth - 1);
    }
    struct node *node = gc_alloc(m, &node_type, sizeof *node);
    gc_init_field(node->left, left);
    gc_init_field(node->right, right);
    return node;
}

static void free_tree(struct gc_mutator *m, struct node *node)
{
    if (!GC_RECLAIMS_BY_HAND || node == NULL)
        return;
    free_tree(m, node->left);
    free_tree(m, node->right);
    gc_free(m, node, sizeof *node);
}

/* Nodes of the tree, as far as it reaches; `height` bounds how deep that can be. */
static uint64_t count_tree(struct workload_thread *thread, const struct node *node, uint64_t height)
{
    if (height == SAFEPOINT_HEIGHT)
        gc_safepoint(thread->mutator);
    if (node->left == NULL || height == 0)
        return 1;
    return 1 + count_tree(thread, node->left, height - 1) +
           (node->right != NULL ? count_tree(thread, node->right, height - 1) : 0);
}

/* What a tree adds to the checksum. */
static uint64_t check_tree(struct workload_thread *thread, const struct node *root, uint64_t depth)
{
    uint64_t count = count_tree(thread, root, depth);
    if (count != tree_size(depth))
        workload_fail(thread, "binary_trees: a tree has not the nodes it was built with");
    workload_allocated(thread, count * sizeof *root, count);
    return rng_mix(depth) * count;
}

/* A tree lives and dies inside this call: were it inlined, the dropped root would stay behind in
 * the frame of the loop, where a conservative scan of the stack finds it. */
static __attribute__((noinline)) uint64_t make_and_drop(struct workload_thread *thread,
                                                        uint64_t depth)
{
    struct node *root = make_tree(thread->mutator, depth);
    uint64_t checksum = check_tree(thread, root, depth);
    gc_keep(root);
    free_tree(thread->mutator, root);
    return checksum;
}

/* This thread's share of the trees of one depth. */
static uint64_t make_trees(struct workload_thread *thread, uint64_t depth)
{
    uint64_t count = tree_count(thread->run, depth);
    uint64_t each = (OPERATION_NODES + tree_size(depth) - 1) / tree_size(depth);
    uint64_t first, end, checksum = 0;
    workload_share(thread, (count + each - 1) / each, &first, &end);
    first *= each;
    end = end * each < count ? end * each : count;
    for (uint64_t i = first; i < end; i++) {
        checksum += make_and_drop(thread, depth);
        if ((i + 1) % each == 0 || i + 1 == end)
            workload_operation_end(thread);
    }
    return checksum;
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t depth = workload_param(thread, DEPTH);
    uint64_t checksum = 0;
    struct node *long_lived = NULL;
    if (thread->index == 0) {
        checksum += make_and_drop(thread, depth + 1);
        long_lived = make_tree(thread->mutator, depth);
    }
    workload_barrier(thread);
    workload_operation_begin(thread);
    for (uint64_t d = MIN_DEPTH; d <= depth; d += DEPTH_STEP)
        checksum += make_trees(thread, d);
    workload_barrier(thread);
    if (long_lived != NULL) {
        checksum += check_tree(thread, long_lived, depth);
        gc_keep(long_lived);
        free_tree(thread->mutator, long_lived);
    }
    return checksum;
}

const struct workload workload_binary_trees = {
    .name = "binary_trees",
    .summary = "the Benchmarks Game's binary trees: nodes of two pointers, built, counted, dropped",
    .operation = "one tree built, counted and dropped; of trees smaller than 255 nodes, 255/size "
                 "of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .iterate = iterate,
};
