/* deep_list: singly linked lists of a million nodes.
 *
 * Stands for the shape that breaks tracers: queues, logs and free lists kept as long chains, lazy
 * sequences, the "deep list" case of collector test suites. A window holds `lists` lists of
 * `length` nodes; the oldest is walked, checked and dropped before the next one is built at its
 * place, node by node, each new node in front of the older ones.
 *
 * With items=2 a node has two small objects of its own beside the next node, in the fields before
 * and behind that reference, and each refers back to its node. A tracer that takes the fields of a
 * node in either order, depth first, leaves one item behind on its mark stack for every node it
 * goes down: the stack grows to `length` entries, where that of a bare chain (items=0) holds one.
 * With items=1 only the field before the reference has an item, so the depth depends on the order
 * in which the fields are taken. By hand a list is freed in a loop.
 *
 * Stresses: depth of the mark stack and what happens when it overflows; marking that cannot run in
 * parallel nor prefetch, since each reference is known only when the node before it has been read;
 * death of old objects in the order of their birth. Does not stress: sizes, wide graphs, mutation,
 * fragmentation, large objects.
 *
 * Live set, all threads together, a node having 32 bytes and an item 16:
 *     lists * (8 + length * (32 + 16 items))
 * An iteration builds lists * rounds lists.
 *
 * A good collector takes as long per node as for any other small object that it meets in the order
 * of allocation, and its stack takes little memory beside the list. A bad one recurses and
 * overflows the stack of the program, restarts marking when its mark stack overflows, or retains a
 * dropped list of a million nodes by one stray word.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { LENGTH, LISTS, ROUNDS, ITEMS };

static const struct workload_param params[] = {
    [LENGTH] = {"length", "count", 1000000, 1, UINT64_C(1) << 30, "nodes of a list"},
    [LISTS] = {"lists", "count", 1, 1, 1000000, "lists alive, all threads together"},
    [ROUNDS] = {"rounds", "count", 3, 1, 1000000, "times that an iteration builds all lists"},
    [ITEMS] = {"items", "count", 2, 0, 2,
               "small objects of each node: 0 leaves a bare chain, 2 make a mark stack deep"},
};

/* Nodes built or read that make one operation. */
#define OPERATION_NODES 1000

struct node;

struct item {
    struct node *owner;
    uint64_t value;
};

/* The reference to the next node lies between the others: see above. */
struct node {
    struct item *before;
    struct node *next;
    struct item *after;
    uint64_t value;
};

static struct gc_type item_type = GC_TYPE_RECORD(struct item, GC_POINTER_BIT(struct item, owner));
static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, before) | GC_POINTER_BIT(struct node, next) |
                     GC_POINTER_BIT(struct node, after));
static struct gc_type window_type = GC_TYPE_POINTER_ARRAY("window of lists");

static struct gc_type *const types[] = {&item_type, &node_type, &window_type, NULL};

static uint64_t list_bytes(const uint64_t *p)
{
    return p[LENGTH] * (sizeof(struct node) + p[ITEMS] * sizeof(struct item));
}

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->params[LISTS] * (sizeof(struct node *) + list_bytes(run->params));
}

static uint64_t list_key(const struct workload_thread *thread, uint64_t unit)
{
    return rng_mix(thread->run->seed ^ rng_mix(unit));
}

static struct item *make_item(struct gc_mutator *m, struct node *owner, uint64_t value)
{
    struct item *item = gc_alloc(m, &item_type, sizeof *item);
    gc_init_field(item->owner, owner);
    item->value = value;
    return item;
}

/* Node number i of list `unit` holds key + i, its items twice that and one more. Not inlined, as
 * in read_list, so that no reference to a list stays behind in the frame of the loop, where a
 * conservative scan of the stack would find it. */
static __attribute__((noinline)) struct node *build_list(struct workload_thread *thread,
                                                         uint64_t unit)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t key = list_key(thread, unit);
    uint64_t items = workload_param(thread, ITEMS);
    struct node *head = NULL;
    for (uint64_t i = workload_param(thread, LENGTH); i-- > 0;) {
        uint64_t value = key + i;
        struct node *node = gc_alloc(m, &node_type, sizeof *node);
        gc_init_field(node->before, NULL);
        gc_init_field(node->next, head);
        gc_init_field(node->after, NULL);
        node->value = value;
        head = node;
        if (items > 0) {
            struct item *before = make_item(m, head, 2 * value);
            gc_store(m, head, head->before, before);
        }
        if (items > 1) {
            struct item *after = make_item(m, head, 2 * value + 1);
            gc_store(m, head, head->after, after);
        }
        if (i % OPERATION_NODES == 0)
            workload_operation_end(thread);
    }
    workload_allocated(thread, list_bytes(thread->run->params),
                       workload_param(thread, LENGTH) * (1 + items));
    return head;
}

static bool is_item(const struct item *item, const struct node *owner, uint64_t value)
{
    return item != NULL && item->owner == owner && item->value == value;
}

/* Walks list `unit` from its head, checks it, and frees it by hand. */
static __attribute__((noinline)) uint64_t read_list(struct workload_thread *thread,
                                                    struct node *head, uint64_t unit)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t key = list_key(thread, unit);
    uint64_t length = workload_param(thread, LENGTH);
    uint64_t items = workload_param(thread, ITEMS);
    uint64_t hash = 0;
    struct node *node = head;
    for (uint64_t i = 0; i < length; i++) {
        uint64_t value = key + i;
        if (node == NULL || node->value != value)
            workload_fail(thread, "deep_list: a node is not what was built");
        if ((items > 0 && !is_item(node->before, node, 2 * value)) ||
            (items > 1 && !is_item(node->after, node, 2 * value + 1)))
            workload_fail(thread, "deep_list: an item is not what was built");
        hash = hash * 31 + node->value;
        struct node *next = node->next;
        gc_free(m, node->before, sizeof *node->before);
        gc_free(m, node->after, sizeof *node->after);
        gc_free(m, node, sizeof *node);
        node = next;
        gc_safepoint(m); /* each node may be a cache miss */
        if ((i + 1) % OPERATION_NODES == 0 || i + 1 == length)
            workload_operation_end(thread);
    }
    if (node != NULL)
        workload_fail(thread, "deep_list: a list does not end");
    return rng_mix(hash);
}

static __attribute__((noinline)) uint64_t
retire_slot(struct workload_thread *thread, struct node **window, uint64_t slot, uint64_t unit)
{
    struct node *head = window[slot];
    gc_store(thread->mutator, window, window[slot], NULL);
    return read_list(thread, head, unit);
}

static __attribute__((noinline)) void fill_slot(struct workload_thread *thread,
                                                struct node **window, uint64_t slot, uint64_t unit)
{
    struct node *head = build_list(thread, unit);
    gc_store(thread->mutator, window, window[slot], head);
}

static uint64_t iterate(struct workload_thread *thread)
{
    struct gc_mutator *m = thread->mutator;
    uint64_t first, end, checksum = 0;
    workload_share(thread, workload_param(thread, LISTS), &first, &end);
    uint64_t width = end - first;
    uint64_t rounds = workload_param(thread, ROUNDS);
    uint64_t window_bytes = width * sizeof(struct node *);
    struct node **window = gc_alloc_zeroed(m, &window_type, window_bytes);
    workload_allocated(thread, window_bytes, 1);

    workload_operation_begin(thread);
    uint64_t first_unit = first * rounds;
    uint64_t end_unit = end * rounds;
    for (uint64_t unit = first_unit; unit < end_unit; unit++) {
        uint64_t slot = (unit - first_unit) % width;
        if (unit - first_unit >= width)
            checksum += retire_slot(thread, window, slot, unit - width);
        fill_slot(thread, window, slot, unit);
    }
    for (uint64_t unit = end_unit - width; unit < end_unit; unit++)
        checksum += retire_slot(thread, window, (unit - first_unit) % width, unit);

    gc_keep(window);
    gc_free(m, window, window_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[LISTS] < run->threads)
        return "lists must be at least the number of threads: each keeps a list alive";
    return NULL;
}

const struct workload workload_deep_list = {
    .name = "deep_list",
    .summary = "lists of a million nodes: depth of the mark stack",
    .operation = "1000 nodes built, or read back and dropped; fewer at the end of a list",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
