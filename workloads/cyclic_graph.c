/* cyclic_graph: graphs full of cycles, a window of them alive.
 *
 * Stands for programs whose data refers to itself (document trees with parent links, object graphs,
 * circuits, state machines): what reference counting leaks and what is laborious to free by hand.
 * Each graph is a ring of `nodes` nodes with degree - 1 random edges more per node, so it is
 * strongly connected: any node keeps all of them alive. A circular buffer holds `window` graphs;
 * the oldest is read along all its edges, checked and dropped before the next is built.
 *
 * By hand a graph is freed as a C program must that knows nothing of its shape: a search over the
 * edges with a mark in each node and a queue of the nodes found, then the freeing of all of them,
 * since no node may go before every edge into it has been looked at. With leak=1 that walk is
 * forgotten: memory then grows by every graph dropped, while a collector does not notice. The
 * queue, allocated once per iteration and thread, is part of freeing by hand and not counted as
 * allocated.
 *
 * Stresses: allocation of many small objects of one size, tracing of a heap in which almost every
 * word is a pointer and half of them are random, death of old objects in the order of their birth.
 * Does not stress: large objects, deep recursion along single chains, mutation of old objects.
 *
 * Live set, all threads together, with node = 16 + 8 degree bytes:
 *     8 window + window * nodes * node + threads * 8 nodes
 * where the last term is the builder's table of each thread. An iteration builds windows * window
 * graphs, so it allocates at least five times its live set.
 *
 * A good collector marks at the speed of memory (prefetching hides the random edges), reclaims
 * whole runs of neighbours cheaply, and lets memory stay near a constant multiple of the live set.
 * A bad one stops for as long as marking the window takes, or keeps a dropped graph alive through
 * one stray word, which retains all of its nodes.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { NODES, DEGREE, WINDOW, WINDOWS, LEAK };

static const struct workload_param params[] = {
    [NODES] = {"nodes", "count", 64, 1, 100000000, "nodes of a graph"},
    [DEGREE] = {"degree", "count", 4, 1, 64, "edges of a node, one of which closes the ring"},
    [WINDOW] = {"window", "count", 2000, 1, 100000000, "graphs alive, all threads together"},
    [WINDOWS] = {"windows", "count", 20, 5, 1000000, "windows of graphs that an iteration builds"},
    [LEAK] = {"leak", "flag", 0, 0, 1, "1: by hand, dropped graphs are never freed"},
};

/* A graph smaller than this takes a few microseconds at most, of which recording it would be about
 * 2 %: several make one operation. */
#define OPERATION_NODES 128

struct node {
    uint64_t value;
    uint32_t number;  /* position in the ring */
    uint32_t visited; /* mark of the walk that frees by hand */
    struct node *edges[];
};

static struct gc_type node_type = GC_TYPE_RECORD_AND_POINTERS(struct node, 0);
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("table of nodes");

static struct gc_type *const types[] = {&node_type, &table_type, NULL};

/* One thread's view of the run. */
struct builder {
    struct workload_thread *thread;
    struct gc_mutator *m;
    uint64_t nodes;
    uint64_t degree;
    uint64_t node_bytes;
    struct node **queue; /* for freeing by hand, `nodes` long; otherwise NULL */
};

static uint64_t node_bytes_of(uint64_t degree)
{
    return sizeof(struct node) + degree * sizeof(struct node *);
}

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t graph_bytes = p[NODES] * node_bytes_of(p[DEGREE]);
    return p[WINDOW] * (sizeof(struct node *) + graph_bytes) +
           run->threads * p[NODES] * sizeof(struct node *);
}

static uint64_t node_value(uint64_t key, uint64_t number)
{
    return rng_mix(key + number);
}

/* Builds graph `unit` and returns its node 0. The table of nodes is the builder's own and dropped
 * at the end, as it would be in a program that reads a graph from a file. Not inlined, so that no
 * reference to table or graph stays behind in the frame of the loop, where a conservative scan of
 * the stack would find it. */
static __attribute__((noinline)) struct node *build_graph(const struct builder *b, uint64_t unit)
{
    struct gc_mutator *m = b->m;
    uint64_t table_bytes = b->nodes * sizeof(struct node *);
    struct rng rng;
    rng_seed(&rng, b->thread->run->seed, unit);
    uint64_t key = rng_next(&rng);

    struct node **table = gc_alloc_zeroed(m, &table_type, table_bytes);
    for (uint64_t i = 0; i < b->nodes; i++) {
        struct node *node = gc_alloc(m, &node_type, b->node_bytes);
        node->value = node_value(key, i);
        node->number = (uint32_t)i;
        node->visited = 0;
        for (uint64_t k = 0; k < b->degree; k++)
            gc_init_field(node->edges[k], NULL);
        gc_store(m, table, table[i], node);
    }
    for (uint64_t i = 0; i < b->nodes; i++) {
        struct node *node = table[i];
        struct node *next = table[i + 1 == b->nodes ? 0 : i + 1];
        gc_store(m, node, node->edges[0], next);
        for (uint64_t k = 1; k < b->degree; k++) {
            struct node *target = table[rng_below(&rng, b->nodes)];
            gc_store(m, node, node->edges[k], target);
        }
        gc_safepoint(m); /* in a large graph every edge is a cache miss */
    }
    struct node *start = table[0];
    gc_keep(table);
    gc_free(m, table, table_bytes);
    workload_allocated(b->thread, table_bytes + b->nodes * b->node_bytes, b->nodes + 1);
    return start;
}

/* Goes round the ring, reads what every edge leads to, and returns the graph's part of the
 * checksum. */
static uint64_t read_graph(const struct builder *b, struct node *start, uint64_t unit)
{
    struct rng rng;
    rng_seed(&rng, b->thread->run->seed, unit);
    uint64_t key = rng_next(&rng);
    uint64_t hash = 0;
    struct node *node = start;
    for (uint64_t i = 0; i < b->nodes; i++) {
        if (node->number != i || node->value != node_value(key, i))
            workload_fail(b->thread, "cyclic_graph: a node is not what was built");
        for (uint64_t k = 1; k < b->degree; k++) {
            const struct node *target = node->edges[k];
            if (target->number != rng_below(&rng, b->nodes))
                workload_fail(b->thread, "cyclic_graph: an edge leads to the wrong node");
            hash = hash * 31 + target->value;
        }
        hash = hash * 31 + node->value;
        node = node->edges[0];
        gc_safepoint(b->m);
    }
    if (node != start)
        workload_fail(b->thread, "cyclic_graph: a ring is not closed");
    return rng_mix(hash);
}

/* Breadth first: a node is marked when it joins the queue, so that it joins it once. */
static void free_graph(const struct builder *b, struct node *start)
{
    if (!GC_RECLAIMS_BY_HAND || b->queue == NULL)
        return;
    uint64_t found = 0;
    start->visited = 1;
    b->queue[found++] = start;
    for (uint64_t i = 0; i < found; i++) {
        for (uint64_t k = 0; k < b->degree; k++) {
            struct node *target = b->queue[i]->edges[k];
            if (!target->visited) {
                target->visited = 1;
                b->queue[found++] = target;
            }
        }
    }
    for (uint64_t i = 0; i < found; i++)
        gc_free(b->m, b->queue[i], b->node_bytes);
}

static __attribute__((noinline)) uint64_t retire_slot(const struct builder *b, struct node **window,
                                                      uint64_t slot, uint64_t unit)
{
    struct node *graph = window[slot];
    gc_store(b->m, window, window[slot], NULL);
    uint64_t checksum = read_graph(b, graph, unit);
    free_graph(b, graph);
    return checksum;
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t first, end, checksum = 0;
    workload_share(thread, workload_param(thread, WINDOW), &first, &end);
    uint64_t width = end - first;
    uint64_t windows = workload_param(thread, WINDOWS);
    struct builder b = {
        .thread = thread,
        .m = m,
        .nodes = workload_param(thread, NODES),
        .degree = workload_param(thread, DEGREE),
    };
    b.node_bytes = node_bytes_of(b.degree);
    uint64_t each = (OPERATION_NODES + b.nodes - 1) / b.nodes;
    uint64_t queue_bytes = b.nodes * sizeof(struct node *);
    uint64_t window_bytes = width * sizeof(struct node *);

    if (GC_RECLAIMS_BY_HAND && !workload_param(thread, LEAK))
        b.queue = gc_alloc_zeroed(m, &table_type, queue_bytes);
    struct node **window = gc_alloc_zeroed(m, &table_type, window_bytes);
    workload_allocated(thread, window_bytes, 1);

    workload_operation_begin(thread);
    /* The thread's units are contiguous: each of its slots sees every width-th of them. */
    uint64_t first_unit = first * windows;
    uint64_t end_unit = end * windows;
    uint64_t slot = 0;
    for (uint64_t unit = first_unit; unit < end_unit; unit++) {
        if (unit - first_unit >= width)
            checksum += retire_slot(&b, window, slot, unit - width);
        struct node *graph = build_graph(&b, unit);
        gc_store(m, window, window[slot], graph);
        slot = slot + 1 == width ? 0 : slot + 1;
        if ((unit + 1) % each == 0 || unit + 1 == end_unit)
            workload_operation_end(thread);
    }
    for (uint64_t unit = end_unit - width; unit < end_unit; unit++)
        checksum += retire_slot(&b, window, (unit - first_unit) % width, unit);

    gc_keep(window);
    gc_free(m, window, window_bytes);
    if (b.queue != NULL)
        gc_free(m, b.queue, queue_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[WINDOW] < run->threads)
        return "window must be at least the number of threads: each keeps a graph alive";
    return NULL;
}

const struct workload workload_cyclic_graph = {
    .name = "cyclic_graph",
    .summary = "rings with random edges, strongly connected, a window of them alive",
    .operation = "one graph built, and the oldest read and dropped; where graphs are smaller than "
                 "128 nodes, 128/nodes of them, rounded up",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
