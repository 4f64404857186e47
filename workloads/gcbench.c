/* gcbench: the binary trees of Ellis, Kovac and Boehm.
 *
 * Stands for GCBench, written by John Ellis and Pete Kovac of Post Communications, modified by Hans
 * Boehm of Silicon Graphics (the C and C++ versions came with bdwgc), a program built to resemble
 * the allocation of real ones: it stretches the heap with a tree that is dropped, builds a
 * long-lived tree and a long-lived array of doubles, and then builds and drops trees of growing
 * depth, the same number of nodes at each depth, half of the trees from the top down (storing into
 * older objects) and half from the bottom up. Sizes and counts are the published ones by default;
 * so is the node: two pointers and two ints, which the program never used and which here hold the
 * node's height and its tree's number, for checking. The two long trees are read whole, the others
 * along one path, as reading all of them would add a traversal that the program does not have. By
 * hand a tree is freed by recursion, as the C++ version's destructor does.
 *
 * With several threads the first one makes the long-lived data; then all share the trees of each
 * depth, and the long-lived data is checked and dropped when all are done.
 *
 * Stresses: allocation of small objects, tracing of trees, a live set of which most is long-lived;
 * stores of new objects into older ones. Does not stress: sizes (one but for the array), cycles,
 * mutation of the long-lived data, survival (a temporary tree dies as soon as it is built), nor
 * fragmentation. Its authors say so, and that results do not carry over to other programs.
 *
 * Live set, with size(d) = 2^(d+1) - 1 nodes of 24 bytes: the larger of the stretch tree,
 *     24 size(stretch_depth)
 * and the long-lived data with one temporary tree per thread,
 *     24 size(long_lived_depth) + 8 array + threads * 24 size(deepest)
 * where the deepest temporary trees have max_depth, or one less if min_depth is odd and max_depth
 * even or the other way round, and no more threads count than there are trees of that depth.
 *
 * A good collector reclaims a dropped tree at a cost that hardly depends on its size and does not
 * pay for the long-lived data at each collection more than its share. A bad one marks the
 * long-lived tree again and again in a heap that is too tight, or scans the array of doubles.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { STRETCH_DEPTH, LONG_LIVED_DEPTH, ARRAY, MIN_DEPTH, MAX_DEPTH };

static const struct workload_param params[] = {
    [STRETCH_DEPTH] = {"stretch_depth", "count", 18, 1, 28, "depth of the tree that is dropped"},
    [LONG_LIVED_DEPTH] = {"long_lived_depth", "count", 16, 1, 28, "depth of the tree that stays"},
    [ARRAY] = {"array", "count", 500000, 2002, UINT64_C(1) << 30,
               "doubles in the long-lived array, the first half of which is filled"},
    [MIN_DEPTH] = {"min_depth", "count", 4, 1, 28, "depth of the smallest temporary trees"},
    [MAX_DEPTH] = {"max_depth", "count", 16, 1, 28, "depth of the largest temporary trees"},
};

/* Temporary trees have the depths min_depth, min_depth + 2, … */
#define DEPTH_STEP 2
/* Trees smaller than this take less than about 1 us: several make one operation. */
#define OPERATION_NODES 255
/* A walk passes a safepoint at each node of this height: 127 nodes apart. */
#define SAFEPOINT_HEIGHT 6
/* Doubles written between two safepoints, and the one that the program checks. */
#define CHUNK_DOUBLES 1024
#define CHECKED_INDEX 1000

struct node {
    struct node *left;
    struct node *right;
    int32_t height; /* of the tree below, 0 for a leaf */
    uint32_t tree;  /* number of the tree it belongs to */
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, left) | GC_POINTER_BIT(struct node, right));
static struct gc_type array_type = GC_TYPE_LEAF("array of doubles");

static struct gc_type *const types[] = {&node_type, &array_type, NULL};

static uint64_t tree_size(uint64_t depth)
{
    return (UINT64_C(2) << depth) - 1;
}

/* Trees of one depth, as many as together have twice the nodes of the stretch tree. */
static uint64_t tree_count(const struct workload_run *run, uint64_t depth)
{
    return 2 * tree_size(run->params[STRETCH_DEPTH]) / tree_size(depth);
}

/* Nodes of the temporary trees that live at a time. Each thread has one, and where the deepest are
 * fewer than threads, the others may still be at the trees of the depth before. */
static uint64_t temporary_nodes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t depth = p[MAX_DEPTH] - (p[MAX_DEPTH] - p[MIN_DEPTH]) % DEPTH_STEP;
    uint64_t idle = run->threads, nodes = 0;
    for (;;) {
        uint64_t trees = tree_count(run, depth);
        uint64_t busy = trees < idle ? trees : idle;
        nodes += busy * tree_size(depth);
        idle -= busy;
        if (idle == 0 || depth < p[MIN_DEPTH] + DEPTH_STEP)
            return nodes;
        depth -= DEPTH_STEP;
    }
}

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t nodes = tree_size(p[LONG_LIVED_DEPTH]) + temporary_nodes(run);
    uint64_t later = nodes * sizeof(struct node) + p[ARRAY] * sizeof(double);
    uint64_t before = tree_size(p[STRETCH_DEPTH]) * sizeof(struct node);
    return later > before ? later : before;
}

static struct node *make_node(struct gc_mutator *m, struct node *left, struct node *right,
                              unsigned height, uint32_t tree)
{
    struct node *node = gc_alloc(m, &node_type, sizeof *node);
    gc_init_field(node->left, left);
    gc_init_field(node->right, right);
    node->height = (int32_t)height;
    node->tree = tree;
    return node;
}

/* Grows the tree below `node` from the top down, assigning to older objects. */
static void populate(struct gc_mutator *m, struct node *node, unsigned depth)
{
    if (depth == 0)
        return;
    depth--;
    struct node *child = make_node(m, NULL, NULL, depth, node->tree);
    gc_store(m, node, node->left, child);
    child = make_node(m, NULL, NULL, depth, node->tree);
    gc_store(m, node, node->right, child);
    populate(m, node->left, depth);
    populate(m, node->right, depth);
}

/* Builds a tree from the bottom up. */
static struct node *make_tree(struct gc_mutator *m, unsigned depth, uint32_t tree)
{
    if (depth == 0)
        return make_node(m, NULL, NULL, 0, tree);
    struct node *left = make_tree(m, depth - 1, tree);
    struct node *right = make_tree(m, depth - 1, tree);
    return make_node(m, left, right, depth, tree);
}

static void free_tree(struct gc_mutator *m, struct node *node)
{
    if (!GC_RECLAIMS_BY_HAND || node == NULL)
        return;
    free_tree(m, node->left);
    free_tree(m, node->right);
    gc_free(m, node, sizeof *node);
}

static void check_node(struct workload_thread *thread, const struct node *node, unsigned height,
                       uint32_t tree)
{
    if (node == NULL || node->height != (int32_t)height || node->tree != tree)
        workload_fail(thread, "gcbench: a tree is not what was built");
}

/* Nodes of the tree, each checked. */
static uint64_t count_tree(struct workload_thread *thread, const struct node *node, unsigned height,
                           uint32_t tree)
{
    check_node(thread, node, height, tree);
    if (height == SAFEPOINT_HEIGHT)
        gc_safepoint(thread->mutator);
    if (height == 0)
        return 1;
    uint64_t count = 1 + count_tree(thread, node->left, height - 1, tree);
    return count + count_tree(thread, node->right, height - 1, tree);
}

/* Checks the nodes from the root to one leaf, chosen by the seed. */
static uint64_t check_path(struct workload_thread *thread, const struct node *node, unsigned depth,
                           uint32_t tree)
{
    uint64_t turns = rng_mix(thread->run->seed ^ rng_mix(tree));
    uint64_t hash = turns;
    for (unsigned height = depth; height > 0; height--, turns >>= 1) {
        check_node(thread, node, height, tree);
        hash = hash * 31 + (uint64_t)node->height + node->tree;
        node = turns & 1 ? node->left : node->right;
    }
    check_node(thread, node, 0, tree);
    if (node->left != NULL || node->right != NULL)
        workload_fail(thread, "gcbench: a leaf has children");
    return rng_mix(hash + node->tree);
}

static uint64_t check_and_drop(struct workload_thread *thread, struct node *root, unsigned depth,
                               uint32_t tree)
{
    uint64_t checksum = check_path(thread, root, depth, tree);
    gc_keep(root);
    free_tree(thread->mutator, root);
    workload_allocated(thread, tree_size(depth) * sizeof(struct node), tree_size(depth));
    return checksum;
}

/* A tree lives and dies inside one of the following two calls: were they inlined, the dropped root
 * would stay behind in the frame of the loop, where a conservative scan of the stack finds it. */
static __attribute__((noinline)) uint64_t construct_top_down(struct workload_thread *thread,
                                                             unsigned depth, uint32_t tree)
{
    struct node *root = make_node(thread->mutator, NULL, NULL, depth, tree);
    populate(thread->mutator, root, depth);
    return check_and_drop(thread, root, depth, tree);
}

static __attribute__((noinline)) uint64_t construct_bottom_up(struct workload_thread *thread,
                                                              unsigned depth, uint32_t tree)
{
    struct node *root = make_tree(thread->mutator, depth, tree);
    return check_and_drop(thread, root, depth, tree);
}

/* This thread's share of the trees of one depth, whose numbers start at `tree`. */
static uint64_t time_construction(struct workload_thread *thread, unsigned depth, uint32_t tree)
{
    uint64_t count = tree_count(thread->run, depth);
    uint64_t each = (OPERATION_NODES + tree_size(depth) - 1) / tree_size(depth);
    uint64_t first, end, checksum = 0;
    workload_share(thread, (count + each - 1) / each, &first, &end);
    first *= each;
    end = end * each < count ? end * each : count;

    for (uint64_t i = first; i < end; i++) {
        checksum += construct_top_down(thread, depth, tree + (uint32_t)i);
        if ((i + 1) % each == 0 || i + 1 == end)
            workload_operation_end(thread);
    }
    tree += (uint32_t)count;
    for (uint64_t i = first; i < end; i++) {
        checksum += construct_bottom_up(thread, depth, tree + (uint32_t)i);
        if ((i + 1) % each == 0 || i + 1 == end)
            workload_operation_end(thread);
    }
    return checksum;
}

static double *make_array(struct gc_mutator *m, uint64_t length)
{
    double *array = gc_alloc(m, &array_type, length * sizeof *array);
    array[0] = 0;
    for (uint64_t i = 1; i < length / 2; i++) {
        array[i] = 1.0 / (double)i;
        if (i % CHUNK_DOUBLES == 0)
            gc_safepoint(m);
    }
    gc_keep(array);
    return array;
}

/* Numbers of the two long trees; those of the temporary ones follow. */
enum { STRETCH_TREE, LONG_LIVED_TREE, FIRST_TREE };

static __attribute__((noinline)) uint64_t stretch_heap(struct workload_thread *thread)
{
    unsigned depth = (unsigned)workload_param(thread, STRETCH_DEPTH);
    struct node *root = make_tree(thread->mutator, depth, STRETCH_TREE);
    uint64_t count = count_tree(thread, root, depth, STRETCH_TREE);
    gc_keep(root);
    free_tree(thread->mutator, root);
    workload_allocated(thread, count * sizeof *root, count);
    return count;
}

static uint64_t construct_all(struct workload_thread *thread)
{
    uint64_t max_depth = workload_param(thread, MAX_DEPTH);
    uint64_t tree = FIRST_TREE, checksum = 0;
    workload_operation_begin(thread);
    for (uint64_t depth = workload_param(thread, MIN_DEPTH); depth <= max_depth;
         depth += DEPTH_STEP) {
        checksum += time_construction(thread, (unsigned)depth, (uint32_t)tree);
        tree += 2 * tree_count(thread->run, depth);
    }
    return checksum;
}

static uint64_t iterate(struct workload_thread *thread)
{
    if (thread->index > 0) {
        workload_barrier(thread);
        uint64_t checksum = construct_all(thread);
        workload_barrier(thread);
        return checksum;
    }

    struct gc_mutator *m = thread->mutator;
    unsigned depth = (unsigned)workload_param(thread, LONG_LIVED_DEPTH);
    uint64_t length = workload_param(thread, ARRAY);
    uint64_t checksum = stretch_heap(thread);
    struct node *root = make_node(m, NULL, NULL, depth, LONG_LIVED_TREE);
    populate(m, root, depth);
    double *array = make_array(m, length);
    workload_allocated(thread, length * sizeof *array, 1);

    workload_barrier(thread);
    checksum += construct_all(thread);
    workload_barrier(thread);

    uint64_t count = count_tree(thread, root, depth, LONG_LIVED_TREE);
    if (array[CHECKED_INDEX] != 1.0 / CHECKED_INDEX)
        workload_fail(thread, "gcbench: the long-lived array is not what was written");
    workload_allocated(thread, count * sizeof *root, count);
    gc_keep(root);
    gc_keep(array);
    free_tree(m, root);
    gc_free(m, array, length * sizeof *array);
    return checksum + count;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[MIN_DEPTH] > run->params[MAX_DEPTH])
        return "min_depth must be at most max_depth";
    if (run->params[MAX_DEPTH] > run->params[STRETCH_DEPTH])
        return "max_depth must be at most stretch_depth, which sets the number of nodes per depth";
    return NULL;
}

const struct workload workload_gcbench = {
    .name = "gcbench",
    .summary = "GCBench by Ellis, Kovac and Boehm: binary trees beside long-lived data",
    .operation = "one temporary tree built, checked and dropped; of trees smaller than 255 nodes, "
                 "255/size of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
