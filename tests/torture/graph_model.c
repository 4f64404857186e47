#include "torture/graph_model.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/rng.h"

enum {
    RECORD_TYPES = 80, /* more than a collector may have numbers for */
    RECORD_WORDS_MAX = 72,
    ROOTS = 32,
    MAILBOX_SLOTS = 512,
    FINALIZERS = 4,
    AGAIN = 3,                  /* the one that registers its object anew */
    MAILBOXES = FINALIZERS + 1, /* the last for what AGAIN had no memory to register */
    REGISTERED_MAX = 400,       /* so that no mailbox can be full */
    HELD_MAX = 8,
    DEPTH_MAX = 3,
    CHILDREN_MAX = 16,
    EXCHANGE_SLOTS = 32,
    POOLS = 2,
    ARENA_CLASSES = 22,
    NO_NODE = 0,
};

#define ARENA_BYTES ((size_t)16 << 20)

/* What graphs share describes itself. A parcel's leaf has the same seed plus 1. */
struct parcel {
    uint64_t seed;
    uint64_t leaf_bytes;
    void *leaf;
    uint64_t data[3];
};

enum fixed_type {
    TYPE_LEAF,
    TYPE_ARRAY,
    TYPE_MIXED,
    TYPE_PAIRS,
    TYPE_WIDE,
    TYPE_WEAK,
    TYPE_RECORDS
};

/* A fixed part with references and data, then references; elements of data and reference; elements
 * larger than what a map of one slot can say. */
struct mixed {
    uint64_t value;
    void *first;
    void *rest[];
};

static struct gc_type types[TYPE_RECORDS + RECORD_TYPES] = {
    [TYPE_LEAF] = GC_TYPE_LEAF("leaf"),
    [TYPE_ARRAY] = GC_TYPE_POINTER_ARRAY("array"),
    [TYPE_MIXED] = GC_TYPE_RECORD_AND_POINTERS(struct mixed, GC_POINTER_BIT(struct mixed, first)),
    [TYPE_PAIRS] = {.name = "pairs", .element_bytes = 16, .element_pointers = 2},
    [TYPE_WIDE] = {.name = "wide",
                   .fixed_bytes = 8,
                   .element_bytes = 88,
                   .element_pointers = 0x401},
    [TYPE_WEAK] = {.name = "weak reference"}, /* never allocated by this type */
};
static struct gc_type parcel_type =
    GC_TYPE_RECORD(struct parcel, GC_POINTER_BIT(struct parcel, leaf));

static const uint64_t exchange_leaf_max = 3000;
static void *exchange[EXCHANGE_SLOTS];
static struct gc_pool *pools[POOLS]; /* of parcels, of leaves */

struct node {
    char *object;
    uint64_t seed; /* of its data */
    uint32_t bytes;
    uint32_t refs_count;
    uint32_t *refs;      /* nodes that its references lead to, in order of address */
    uint32_t target;     /* of a weak reference that has not been seen to read NULL */
    uint32_t strong;     /* epoch in which it was found reachable */
    uint32_t kept;       /* epoch in which it was found to be needed */
    uint8_t type;        /* or TYPE_FREE */
    uint8_t finalizer;   /* number of the one that is registered, plus 1 */
    bool may_be_cleared; /* of a weak reference: its target was unreachable for a time */
    bool is_late;        /* of a weak reference: made when its target may have been due */
    bool may_be_due;     /* it was unreachable for a time, and is registered since before that */
};
#define TYPE_FREE UINT8_MAX

struct binding {
    struct graph *graph;
    unsigned number;
    struct gc_finalizer finalizer;
};

struct graph {
    unsigned number;
    struct graph_limits limits;
    struct graph_choices choices;
    struct graph_counts counts;
    struct gc_mutator *m;
    struct node *nodes;
    uint32_t *work; /* stack of nodes that are yet to be walked */
    uint32_t used_count;
    uint32_t free_first;
    uint32_t epoch;
    uint64_t bytes;
    unsigned depth;
    uint32_t registered_count;
    uint32_t root_nodes[ROOTS];
    uint32_t held[HELD_MAX]; /* by interior pointers on the stack */
    uint32_t held_count;

    char *arena;
    size_t arena_used;
    uint32_t *arena_free[ARENA_CLASSES];

    struct binding bindings[FINALIZERS];
    /* Registered as roots. Finalizers, on whatever thread, leave their objects in the mailbox. */
    void *root_words[2][ROOTS];
    void **roots; /* one of the two */
    void *mailbox[MAILBOXES][MAILBOX_SLOTS];
};

static _Thread_local jmp_buf *out_of_memory_jump;
static bool memory_expected;

__attribute__((format(printf, 2, 3))) _Noreturn static void fail(const struct graph *g,
                                                                 const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "# graph %u, operation %" PRIu64 ": %s\n", g ? g->number : 0,
            g ? g->counts.operations : 0, text);
    abort();
}

_Noreturn void graph_out_of_memory(size_t bytes)
{
    if (!out_of_memory_jump || memory_expected)
        fail(NULL, "out of memory for %zu bytes", bytes);
    longjmp(*out_of_memory_jump, 1);
}

void graph_expect_memory(bool expected)
{
    memory_expected = expected;
}

static uint64_t below(struct graph *g, uint64_t bound)
{
    return g->choices.below(g->choices.data, bound);
}

/* ---- Objects ---- */

static uint64_t pattern(uint64_t seed, size_t word)
{
    return rng_mix(seed + word);
}

static bool is_reference(const struct gc_type *type, size_t word)
{
    size_t fixed = type->fixed_bytes / 8;
    if (word < fixed)
        return word < 64 && (type->fixed_pointers >> word & 1);
    if (type->element_bytes == 0)
        return false;
    size_t inside = (word - fixed) % (type->element_bytes / 8);
    return inside < 64 && (type->element_pointers >> inside & 1);
}

static size_t nth_bit(uint64_t map, size_t n)
{
    for (; n > 0; n--)
        map &= map - 1;
    return (size_t)__builtin_ctzll(map);
}

static size_t refs_of(const struct gc_type *type, size_t bytes)
{
    size_t count = (size_t)__builtin_popcountll(type->fixed_pointers);
    if (type->element_pointers != 0)
        count += (bytes - type->fixed_bytes) / type->element_bytes *
                 (size_t)__builtin_popcountll(type->element_pointers);
    return count;
}

static size_t word_of_ref(const struct gc_type *type, size_t ref)
{
    size_t fixed = (size_t)__builtin_popcountll(type->fixed_pointers);
    if (ref < fixed)
        return nth_bit(type->fixed_pointers, ref);
    size_t each = (size_t)__builtin_popcountll(type->element_pointers);
    return type->fixed_bytes / 8 + (ref - fixed) / each * (type->element_bytes / 8) +
           nth_bit(type->element_pointers, (ref - fixed) % each);
}

static void *load(const char *object, size_t word)
{
    return __atomic_load_n((void *const *)(const void *)object + word, __ATOMIC_RELAXED);
}

static void write_tail(char *object, size_t bytes, uint64_t seed)
{
    uint64_t word = pattern(seed, bytes / 8);
    memcpy(object + bytes / 8 * 8, &word, bytes % 8);
}

/* Data of an object of a type; leaves the references alone. */
static void write_data(const struct gc_type *type, char *object, size_t bytes, uint64_t seed)
{
    uint64_t *words = (uint64_t *)(void *)object;
    for (size_t word = 0; word < bytes / 8; word++)
        if (!is_reference(type, word))
            words[word] = pattern(seed, word);
    write_tail(object, bytes, seed);
}

static void check_data(struct graph *g, const struct gc_type *type, const char *object,
                       size_t bytes, uint64_t seed, const char *what)
{
    const uint64_t *words = (const uint64_t *)(const void *)object;
    for (size_t word = 0; word < bytes / 8; word++)
        if (!is_reference(type, word) && words[word] != pattern(seed, word))
            fail(g, "%s of %zu bytes at %p (%s): word %zu is %#" PRIx64 " instead of %#" PRIx64,
                 what, bytes, (const void *)object, type->name, word, words[word],
                 pattern(seed, word));
    uint64_t tail = pattern(seed, bytes / 8);
    if (memcmp(object + bytes / 8 * 8, &tail, bytes % 8) != 0)
        fail(g, "%s of %zu bytes at %p: its last %zu bytes differ", what, bytes,
             (const void *)object, bytes % 8);
}

/* An object, or NULL where there is no memory. Contents as the contract has them. */
static char *allocate(struct graph *g, const struct gc_type *type, size_t bytes, bool zeroed)
{
    jmp_buf jump;
    jmp_buf *volatile outer = out_of_memory_jump;
    char *object = NULL;
    if (setjmp(jump) == 0) {
        out_of_memory_jump = &jump;
        object = zeroed ? gc_alloc_zeroed(g->m, type, bytes) : gc_alloc(g->m, type, bytes);
        out_of_memory_jump = outer;
        return object;
    }
    out_of_memory_jump = outer;
    g->counts.out_of_memory++;
    return NULL;
}

/* ---- The model's own memory ---- */

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        fail(NULL, "no %zu bytes for the model", bytes);
    return memory;
}

static unsigned arena_class(size_t count)
{
    unsigned class = 1; /* room for a link */
    while ((size_t)1 << class < count)
        class ++;
    return class;
}

/* NULL where the arena is used up. */
static uint32_t *arena_take(struct graph *g, size_t count)
{
    unsigned class = arena_class(count);
    uint32_t *refs = g->arena_free[class];
    if (refs) {
        memcpy(&g->arena_free[class], refs, sizeof g->arena_free[class]);
    } else {
        size_t bytes = sizeof *refs << class;
        if (class >= ARENA_CLASSES || g->arena_used + bytes > ARENA_BYTES)
            return NULL;
        refs = (uint32_t *)(void *)(g->arena + g->arena_used);
        g->arena_used += bytes;
    }
    memset(refs, 0, count * sizeof *refs);
    return refs;
}

static void arena_return(struct graph *g, uint32_t *refs, size_t count)
{
    unsigned class = arena_class(count);
    memcpy(refs, &g->arena_free[class], sizeof g->arena_free[class]);
    g->arena_free[class] = refs;
}

/* A node for an object that is yet to be allocated, or NO_NODE. */
static uint32_t node_take(struct graph *g, unsigned type, size_t bytes)
{
    size_t refs_count = type == TYPE_WEAK ? 0 : refs_of(&types[type], bytes);
    if (g->bytes + bytes > g->limits.bytes_max ||
        (g->free_first == NO_NODE && g->used_count == g->limits.nodes_max))
        return NO_NODE;
    uint32_t *refs = NULL;
    if (refs_count > 0 && !(refs = arena_take(g, refs_count)))
        return NO_NODE;
    uint32_t node = g->free_first;
    if (node != NO_NODE)
        g->free_first = g->nodes[node].target;
    else
        node = g->used_count++;
    g->nodes[node] = (struct node){.seed = below(g, UINT32_MAX),
                                   .bytes = (uint32_t)bytes,
                                   .refs_count = (uint32_t)refs_count,
                                   .refs = refs,
                                   .type = (uint8_t)type};
    g->bytes += bytes;
    return node;
}

static void node_return(struct graph *g, uint32_t node)
{
    struct node *n = &g->nodes[node];
    if (n->refs)
        arena_return(g, n->refs, n->refs_count);
    g->bytes -= n->bytes;
    *n = (struct node){.target = g->free_first, .type = TYPE_FREE};
    g->free_first = node;
}

/* ---- Walking ---- */

/* Follows the model alone from `node`, over nodes that have not been seen in this epoch: strong
 * references; where `keeping`, weak ones too. Returns how many nodes are new. */
static void follow(struct graph *g, uint32_t node, bool keeping)
{
    size_t depth = 0;
    uint32_t next = node;
    for (;;) {
        struct node *n = &g->nodes[next];
        uint32_t *seen = keeping ? &n->kept : &n->strong;
        if (next != NO_NODE && *seen != g->epoch) {
            *seen = g->epoch;
            g->work[depth++] = next;
        }
        /* The top of the stack is scanned whole, since a node is pushed once at most. */
        if (depth == 0)
            return;
        next = g->work[--depth];
        n = &g->nodes[next];
        for (uint32_t i = 0; i < n->refs_count; i++) {
            uint32_t ref = n->refs[i];
            uint32_t *ref_seen = keeping ? &g->nodes[ref].kept : &g->nodes[ref].strong;
            if (ref != NO_NODE && *ref_seen != g->epoch) {
                *ref_seen = g->epoch;
                g->work[depth++] = ref;
            }
        }
        next = keeping && n->type == TYPE_WEAK ? n->target : NO_NODE;
    }
}

static void for_each_root(struct graph *g, void (*visit)(struct graph *g, uint32_t node))
{
    for (size_t i = 0; i < ROOTS; i++)
        visit(g, g->root_nodes[i]);
    for (uint32_t i = 0; i < g->held_count; i++)
        visit(g, g->held[i]);
}

static void follow_strong(struct graph *g, uint32_t node)
{
    follow(g, node, false);
}

static void follow_kept(struct graph *g, uint32_t node)
{
    follow(g, node, true);
}

/* Finds what the model says is reachable. */
static void find_strong(struct graph *g)
{
    g->epoch++;
    for_each_root(g, follow_strong);
}

static bool is_strong(const struct graph *g, uint32_t node)
{
    return g->nodes[node].strong == g->epoch;
}

/* Compares one object with its node. */
static void check_node(struct graph *g, uint32_t node, const char *object)
{
    const struct node *n = &g->nodes[node];
    if (n->type == TYPE_FREE || n->object != object)
        fail(g, "a reference to node %u, of type %u, is %p instead of %p", node, n->type,
             (const void *)object, (const void *)n->object);
    if (n->type == TYPE_WEAK)
        return;
    check_data(g, &types[n->type], object, n->bytes, n->seed, "an object");
    for (size_t i = 0; i < n->refs_count; i++) {
        const void *target = load(object, word_of_ref(&types[n->type], i));
        if (target != g->nodes[n->refs[i]].object)
            fail(g, "reference %zu of node %u (%s, %u bytes at %p) is %p instead of %p, node %u", i,
                 node, types[n->type].name, n->bytes, (const void *)object, target,
                 (const void *)g->nodes[n->refs[i]].object, n->refs[i]);
    }
    g->counts.compared++;
}

/* Compares all that is reachable from an object, which something holds, with the model. Nodes that
 * were checked in this epoch are not again. */
static void check_from(struct graph *g, uint32_t node, const char *object)
{
    size_t depth = 0;
    if (g->nodes[node].kept == g->epoch)
        return;
    check_node(g, node, object);
    g->nodes[node].kept = g->epoch;
    g->work[depth++] = node;
    while (depth > 0) {
        const struct node *n = &g->nodes[g->work[--depth]];
        gc_safepoint(g->m);
        for (size_t i = 0; i < n->refs_count; i++) {
            uint32_t ref = n->refs[i];
            if (ref == NO_NODE || g->nodes[ref].kept == g->epoch)
                continue;
            /* By the reference in the heap, not by what the model remembers. */
            check_node(g, ref, load(n->object, word_of_ref(&types[n->type], i)));
            g->nodes[ref].kept = g->epoch;
            g->work[depth++] = ref;
        }
    }
}

/* ---- Choosing objects ---- */

/* A random object that is reachable from the roots, found by going there; NO_NODE (and NULL) where
 * chance leads nowhere. */
static uint32_t pick(struct graph *g, char **object)
{
    size_t root = below(g, ROOTS);
    for (size_t tries = 0; g->root_nodes[root] == NO_NODE && tries < ROOTS / 4; tries++)
        root = (root + 1) % ROOTS;
    uint32_t node = g->root_nodes[root];
    char *at = __atomic_load_n(&g->roots[root], __ATOMIC_RELAXED);
    for (uint64_t steps = node == NO_NODE ? 0 : below(g, 6); steps > 0; steps--) {
        const struct node *n = &g->nodes[node];
        if (n->refs_count == 0)
            break;
        size_t ref = below(g, n->refs_count);
        if (n->refs[ref] == NO_NODE)
            continue;
        at = load(at, word_of_ref(&types[n->type], ref));
        node = n->refs[ref];
        if (at != g->nodes[node].object)
            fail(g, "node %u is at %p instead of %p", node, (void *)at,
                 (void *)g->nodes[node].object);
    }
    *object = at;
    return node;
}

static void set_root(struct graph *g, uint32_t node, char *object)
{
    size_t root = below(g, ROOTS);
    g->root_nodes[root] = node;
    __atomic_store_n(&g->roots[root], (void *)object, __ATOMIC_RELAXED);
}

static void set_ref(struct graph *g, uint32_t from, char *from_object, uint32_t to, char *to_object)
{
    struct node *n = &g->nodes[from];
    size_t ref = below(g, n->refs_count);
    void **field = (void **)(void *)from_object + word_of_ref(&types[n->type], ref);
    gc_store(g->m, from_object, *field, (void *)to_object);
    n->refs[ref] = to;
}

/* Makes an object reachable: from a root, or else from an object that is. */
static void attach(struct graph *g, uint32_t node, char *object)
{
    char *from_object = NULL;
    uint32_t from = below(g, 2) == 0 ? NO_NODE : pick(g, &from_object);
    if (from != NO_NODE && g->nodes[from].refs_count > 0)
        set_ref(g, from, from_object, node, object);
    else
        set_root(g, node, object);
}

/* ---- Operations ---- */

static void drop_roots(struct graph *g, uint64_t one_in)
{
    for (size_t i = 0; i < ROOTS; i++) {
        if (below(g, one_in) == 0) {
            g->root_nodes[i] = NO_NODE;
            __atomic_store_n(&g->roots[i], NULL, __ATOMIC_RELAXED);
        }
    }
}

/* Where the model or the heap has no room. */
static void make_room(struct graph *g)
{
    drop_roots(g, 3);
    graph_compare(g);
}

static size_t random_bytes(struct graph *g, unsigned type)
{
    static const uint64_t scales[] = {16, 64, 512, 512, 4096, 4096, 40000, 300000, 2000000};
    uint64_t scale = scales[below(g, below(g, 16) == 0 ? 9 : 6)];
    if (scale > g->limits.object_max)
        scale = g->limits.object_max;
    size_t bytes = 1 + below(g, scale);
    if (type == TYPE_LEAF)
        return bytes;
    const struct gc_type *t = &types[type];
    if (t->element_bytes == 0)
        return t->fixed_bytes;
    size_t elements = (bytes + t->element_bytes - 1) / t->element_bytes;
    return t->fixed_bytes + elements * t->element_bytes;
}

/* All of a new object: data, references that are NULL, and those to some children. */
static void initialise(struct graph *g, uint32_t node, char *object, uint32_t *children,
                       char *const *child_objects, size_t children_count)
{
    struct node *n = &g->nodes[node];
    const struct gc_type *type = &types[n->type];
    void **words = (void **)(void *)object;
    for (size_t i = 0; i < n->refs_count; i++)
        gc_init_field(words[word_of_ref(type, i)], NULL);
    for (size_t i = 0; i < children_count; i++) {
        size_t ref = i * n->refs_count / children_count;
        gc_init_field(words[word_of_ref(type, ref)], (void *)child_objects[i]);
        n->refs[ref] = children[i];
    }
    write_data(type, object, n->bytes, n->seed);
    n->object = object;
}

static void check_zeroed(struct graph *g, const char *object, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (object[i] != 0)
            fail(g, "byte %zu of %zu is not zero", i, bytes);
}

static void do_allocate(struct graph *g)
{
    uint32_t children[CHILDREN_MAX];
    char *child_objects[CHILDREN_MAX];
    unsigned type = (unsigned)below(g, TYPE_RECORDS + RECORD_TYPES);
    if (type >= TYPE_WEAK && below(g, 2) == 0)
        type = (unsigned)below(g, TYPE_WEAK);
    if (type == TYPE_WEAK)
        type = TYPE_LEAF;
    uint32_t node = node_take(g, type, random_bytes(g, type));
    if (node == NO_NODE) {
        make_room(g);
        return;
    }
    struct node *n = &g->nodes[node];
    size_t children_count = n->refs_count < CHILDREN_MAX ? n->refs_count : CHILDREN_MAX;
    for (size_t i = 0; i < children_count; i++)
        children[i] = pick(g, &child_objects[i]);
    bool zeroed = below(g, 4) == 0;
    char *object = allocate(g, &types[type], n->bytes, zeroed);
    if (!object) {
        node_return(g, node);
        make_room(g);
        return;
    }
    if ((uintptr_t)object % (n->bytes >= 16 ? 16 : 8) != 0)
        fail(g, "%u bytes at %p are not aligned", n->bytes, (void *)object);
    if (zeroed)
        check_zeroed(g, object, n->bytes);
    initialise(g, node, object, children, child_objects, children_count);
    g->counts.objects++;
    attach(g, node, object);
}

/* A list, so that marking goes deep. */
static void do_allocate_list(struct graph *g)
{
    char *object = NULL;
    uint32_t node = NO_NODE;
    unsigned type = below(g, 2) == 0 ? TYPE_ARRAY : TYPE_PAIRS;
    for (uint64_t length = below(g, 300); length > 0; length--) {
        uint32_t head = node_take(g, type, 16 + below(g, 8) * 16);
        char *head_object =
            head == NO_NODE ? NULL : allocate(g, &types[type], g->nodes[head].bytes, false);
        if (!head_object) {
            if (head != NO_NODE)
                node_return(g, head);
            make_room(g);
            return;
        }
        initialise(g, head, head_object, &node, &object, 1);
        g->counts.objects++;
        node = head;
        object = head_object;
    }
    if (node != NO_NODE)
        attach(g, node, object);
}

static void do_store(struct graph *g)
{
    char *from_object, *to_object = NULL;
    uint32_t from = pick(g, &from_object);
    uint32_t to = below(g, 4) == 0 ? NO_NODE : pick(g, &to_object);
    if (from != NO_NODE && g->nodes[from].refs_count > 0)
        set_ref(g, from, from_object, to, to_object);
}

static void do_copy_root(struct graph *g)
{
    char *object;
    uint32_t node = pick(g, &object);
    set_root(g, node, node == NO_NODE ? NULL : object);
}

static void do_rewrite(struct graph *g)
{
    char *object;
    uint32_t node = pick(g, &object);
    struct node *n = &g->nodes[node];
    if (node == NO_NODE || n->type == TYPE_WEAK)
        return;
    n->seed = below(g, UINT32_MAX);
    write_data(&types[n->type], object, n->bytes, n->seed);
}

static void sleep_blocked(struct graph *g)
{
    const struct timespec time = {0, (long)below(g, 200000)};
    gc_backend.enter_blocked(g->m);
    nanosleep(&time, NULL);
    gc_backend.leave_blocked(g->m);
}

/* Moves the roots to another range, which both are registered for a time. */
static void do_move_roots(struct graph *g)
{
    void **from = g->roots;
    void **to = g->root_words[from == g->root_words[0]];
    if (gc_backend.roots_add(to, to + ROOTS) != 0) {
        g->counts.out_of_memory++;
        return;
    }
    for (size_t i = 0; i < ROOTS; i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
    gc_backend.roots_remove(from, from + ROOTS);
    for (size_t i = 0; i < ROOTS; i++)
        __atomic_store_n(&from[i], NULL, __ATOMIC_RELAXED);
    g->roots = to;
}

/* Holds an object by an interior pointer on this stack, and nothing else if chance drops the rest,
 * through some operations. */
static __attribute__((noinline)) void do_hold(struct graph *g)
{
    char *object;
    uint32_t node = pick(g, &object);
    if (node == NO_NODE || g->held_count == HELD_MAX || g->depth >= DEPTH_MAX)
        return;
    size_t offset = below(g, g->nodes[node].bytes);
    char *volatile interior = object + offset;
    object = NULL;
    g->held[g->held_count++] = node;
    drop_roots(g, 2);
    if (below(g, 2) == 0)
        sleep_blocked(g);
    else
        for (uint64_t steps = below(g, 30); steps > 0; steps--)
            graph_step(g);
    g->epoch++;
    check_from(g, node, interior - offset);
    g->held_count--;
    if (below(g, 2) == 0)
        attach(g, node, interior - offset);
}

static void do_weak_new(struct graph *g)
{
    char *target_object;
    uint32_t target = pick(g, &target_object);
    uint32_t node = target == NO_NODE ? NO_NODE : node_take(g, TYPE_WEAK, GC_WEAK_BYTES);
    if (!GC_HAS_WEAK || node == NO_NODE)
        return;
    jmp_buf jump;
    jmp_buf *volatile outer = out_of_memory_jump;
    if (setjmp(jump) == 0) {
        out_of_memory_jump = &jump;
        struct gc_weak *weak = gc_weak_new(g->m, target_object);
        out_of_memory_jump = outer;
        g->nodes[node].object = (char *)weak;
        g->nodes[node].target = target;
        g->nodes[node].is_late = g->nodes[target].may_be_due;
        g->counts.objects++;
        attach(g, node, (char *)weak);
        return;
    }
    out_of_memory_jump = outer;
    g->counts.out_of_memory++;
    node_return(g, node);
    make_room(g);
}

/* Reads a weak reference that something holds. Returns the target; NULL where it is gone, which is
 * wrong where it is reachable: `strong` says that this epoch knows what is. */
static char *read_weak(struct graph *g, uint32_t node, bool strong)
{
    struct node *n = &g->nodes[node];
    char *object = gc_weak_get(g->m, (const struct gc_weak *)(const void *)n->object);
    if (!object) {
        if (n->target != NO_NODE && !n->may_be_cleared) {
            if (!strong)
                find_strong(g);
            if (is_strong(g, n->target))
                fail(g, "weak reference %u lost node %u, which is reachable", node, n->target);
        }
        g->counts.weak_cleared += n->target != NO_NODE;
        n->target = NO_NODE;
        return NULL;
    }
    if (n->target == NO_NODE)
        fail(g, "weak reference %u reads %p after it read NULL", node, (void *)object);
    check_node(g, n->target, object);
    n->may_be_cleared = false;
    return object;
}

static void do_weak_get(struct graph *g)
{
    char *weak;
    uint32_t node = NO_NODE;
    for (uint64_t tries = 4; tries > 0 && g->nodes[node].type != TYPE_WEAK; tries--)
        node = pick(g, &weak);
    if (!GC_HAS_WEAK || node == NO_NODE || g->nodes[node].type != TYPE_WEAK)
        return;
    char *object = read_weak(g, node, false);
    if (object) {
        g->epoch++;
        check_from(g, g->nodes[node].target, object);
        attach(g, g->nodes[node].target, object);
    }
    gc_keep(object);
}

/* Runs on any thread: leaves the object to the graph's owner. */
static void post(const struct binding *binding, unsigned mailbox, void *object)
{
    for (size_t i = 0; i < MAILBOX_SLOTS; i++) {
        void *empty = NULL;
        if (__atomic_compare_exchange_n(&binding->graph->mailbox[mailbox][i], &empty, object, false,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return;
    }
    fail(NULL, "%d finalizers ran of %d that were registered", MAILBOX_SLOTS, REGISTERED_MAX);
}

static void run_posting(struct gc_mutator *m, void *object, void *data)
{
    const struct binding *binding = data;
    (void)m;
    post(binding, binding->number, object);
}

static void run_nesting(struct gc_mutator *m, void *object, void *data)
{
    run_posting(m, object, data);
    gc_finalizers_run(m);
}

/* Registers the object anew; leaves word of whether there was memory for that. */
static void run_again(struct gc_mutator *m, void *object, void *data)
{
    const struct binding *binding = data;
    jmp_buf jump;
    jmp_buf *volatile outer = out_of_memory_jump;
    volatile unsigned mailbox = MAILBOXES - 1;
    if (setjmp(jump) == 0) {
        out_of_memory_jump = &jump;
        gc_finalizer_set(m, object, &binding->finalizer);
        mailbox = AGAIN;
    }
    out_of_memory_jump = outer;
    post(binding, mailbox, object);
}

static void run_allocating(struct gc_mutator *m, void *object, void *data)
{
    run_posting(m, object, data);
    for (size_t i = 0; i < 4; i++) {
        void *leaf = gc_alloc(m, &types[TYPE_LEAF], 100 + 1000 * i);
        memset(leaf, 0x5a, 100 + 1000 * i);
    }
}

static void do_finalizer_set(struct graph *g)
{
    char *object;
    uint32_t node = pick(g, &object);
    struct node *n = &g->nodes[node];
    if (!GC_HAS_FINALIZERS || node == NO_NODE || n->may_be_due ||
        (n->finalizer == 0 && g->registered_count == REGISTERED_MAX))
        return;
    unsigned number = (unsigned)below(g, FINALIZERS + 1);
    jmp_buf jump;
    jmp_buf *volatile outer = out_of_memory_jump;
    if (setjmp(jump) == 0) {
        out_of_memory_jump = &jump;
        gc_finalizer_set(g->m, object, number < FINALIZERS ? &g->bindings[number].finalizer : NULL);
        out_of_memory_jump = outer;
        g->registered_count -= n->finalizer != 0;
        n->finalizer = number < FINALIZERS ? (uint8_t)(number + 1) : 0;
        g->registered_count += n->finalizer != 0;
        return;
    }
    out_of_memory_jump = outer;
    g->counts.out_of_memory++;
    make_room(g);
}

/* Nodes of objects that are gone, which the model has not forgotten yet, may have its address. */
static uint32_t find_registered(const struct graph *g, const char *object)
{
    for (uint32_t node = 1; node < g->used_count; node++)
        if (g->nodes[node].object == object && g->nodes[node].finalizer != 0)
            return node;
    return NO_NODE;
}

/* What is unreachable may have been found to be so, though a finalizer brings it back. */
static void note_unreachable(struct graph *g, uint32_t finalized)
{
    for (uint32_t node = 1; node < g->used_count; node++) {
        struct node *n = &g->nodes[node];
        if (n->finalizer != 0 && !is_strong(g, node))
            n->may_be_due = true;
        if (n->type != TYPE_WEAK || n->target == NO_NODE)
            continue;
        if (!is_strong(g, n->target))
            n->may_be_cleared = true;
        if (n->target == finalized && !n->is_late && is_strong(g, node) &&
            gc_weak_get(g->m, (const struct gc_weak *)(const void *)n->object))
            fail(g, "weak reference %u gives node %u, which has been finalized", node, finalized);
    }
}

static void unregister(struct graph *g, uint32_t node, char *object)
{
    gc_finalizer_set(g->m, object, NULL);
    g->nodes[node].finalizer = 0;
    g->registered_count--;
}

static void receive(struct graph *g, unsigned mailbox, void **slot)
{
    unsigned number = mailbox == MAILBOXES - 1 ? AGAIN : mailbox;
    char *object = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    uint32_t node = find_registered(g, object);
    if (node == NO_NODE || g->nodes[node].finalizer != number + 1)
        fail(g, "finalizer %u ran on %p, node %u, which has number %d", number, (void *)object,
             node, node == NO_NODE ? -1 : g->nodes[node].finalizer - 1);
    find_strong(g);
    if (is_strong(g, node) && !g->nodes[node].may_be_due)
        fail(g, "node %u was finalized, but is reachable", node);
    note_unreachable(g, node);
    g->nodes[node].may_be_due = false;
    g->counts.finalized++;
    g->epoch++;
    check_from(g, node, object);
    if (mailbox == AGAIN) {
        /* Reachable or not, it will be due again. */
        if (below(g, 4) == 0)
            unregister(g, node, object);
    } else {
        g->nodes[node].finalizer = 0;
        g->registered_count--;
    }
    if (below(g, 3) == 0)
        attach(g, node, object);
    __atomic_store_n(slot, NULL, __ATOMIC_RELEASE);
}

static void receive_all(struct graph *g)
{
    for (unsigned number = 0; number < MAILBOXES; number++)
        for (size_t i = 0; i < MAILBOX_SLOTS; i++)
            if (__atomic_load_n(&g->mailbox[number][i], __ATOMIC_RELAXED))
                receive(g, number, &g->mailbox[number][i]);
}

static void do_finalize(struct graph *g)
{
    jmp_buf jump;
    jmp_buf *volatile outer = out_of_memory_jump;
    if (setjmp(jump) == 0) {
        out_of_memory_jump = &jump;
        gc_finalizers_run(g->m);
    } else {
        g->counts.out_of_memory++;
    }
    out_of_memory_jump = outer;
    receive_all(g);
}

static void *new_leaf(struct graph *g, size_t bytes, uint64_t seed)
{
    char *leaf = allocate(g, &types[TYPE_LEAF], bytes, false);
    if (leaf)
        write_data(&types[TYPE_LEAF], leaf, bytes, seed);
    return leaf;
}

static void check_parcel(struct graph *g, const struct parcel *parcel, const char *where)
{
    for (size_t i = 0; i < sizeof parcel->data / sizeof parcel->data[0]; i++)
        if (parcel->data[i] != pattern(parcel->seed, i))
            fail(g, "%s gave a parcel whose data differ", where);
    if (parcel->leaf)
        check_data(g, &types[TYPE_LEAF], parcel->leaf, parcel->leaf_bytes, parcel->seed + 1, where);
}

/* NULL where there is no memory. */
static struct parcel *new_parcel(struct graph *g, bool with_leaf)
{
    uint64_t seed = below(g, UINT32_MAX);
    size_t leaf_bytes = 1 + below(g, exchange_leaf_max);
    void *leaf = with_leaf ? new_leaf(g, leaf_bytes, seed + 1) : NULL;
    struct parcel *parcel =
        (struct parcel *)(void *)allocate(g, &parcel_type, sizeof *parcel, false);
    if (!parcel) {
        if (leaf)
            gc_free(g->m, leaf, leaf_bytes);
        return NULL;
    }
    *parcel = (struct parcel){.seed = seed, .leaf_bytes = leaf_bytes};
    gc_init_field(parcel->leaf, leaf);
    for (size_t i = 0; i < sizeof parcel->data / sizeof parcel->data[0]; i++)
        parcel->data[i] = pattern(seed, i);
    return parcel;
}

static void do_exchange(struct graph *g)
{
    struct parcel *parcel = new_parcel(g, true);
    if (!parcel)
        return;
    void **slot = &exchange[below(g, EXCHANGE_SLOTS)];
    struct parcel *found = __atomic_exchange_n(slot, (void *)parcel, __ATOMIC_ACQ_REL);
    if (!found)
        return;
    check_parcel(g, found, "an exchange");
    gc_free(g->m, found->leaf, found->leaf_bytes);
    gc_free(g->m, found, sizeof *found);
    g->counts.exchanged++;
}

/* By hand a pool frees the parcel that it lets go of, not its leaf, so there is none. */
static void do_pool_parcel(struct graph *g)
{
    struct parcel *parcel = gc_pool_get(g->m, pools[0]);
    if (parcel) {
        check_parcel(g, parcel, "a pool");
        g->counts.pooled++;
    } else {
        parcel = new_parcel(g, !GC_RECLAIMS_BY_HAND && below(g, 2) == 0);
    }
    if (parcel && below(g, 4) != 0)
        gc_pool_put(g->m, pools[0], parcel, sizeof *parcel);
    else
        gc_free(g->m, parcel, sizeof *parcel);
}

/* A leaf begins with its bytes and its seed. */
static void do_pool_leaf(struct graph *g)
{
    uint64_t *leaf = gc_pool_get(g->m, pools[1]);
    size_t bytes;
    if (leaf) {
        bytes = leaf[0];
        if (bytes < 16 || bytes > 8192)
            fail(g, "a pool gave a leaf of %zu bytes", bytes);
        check_data(g, &types[TYPE_LEAF], (const char *)(leaf + 2), bytes - 16, leaf[1], "a pool");
        g->counts.pooled++;
    } else {
        bytes = 16 + below(g, below(g, 4) == 0 ? 8176 : 300);
        leaf = (uint64_t *)(void *)allocate(g, &types[TYPE_LEAF], bytes, false);
    }
    if (!leaf)
        return;
    leaf[0] = bytes;
    leaf[1] = below(g, UINT32_MAX);
    write_data(&types[TYPE_LEAF], (char *)(leaf + 2), bytes - 16, leaf[1]);
    if (below(g, 4) != 0)
        gc_pool_put(g->m, pools[1], leaf, bytes);
    else
        gc_free(g->m, leaf, bytes);
}

/* Several objects of the pool at once, so that its queues fill. */
static void do_pool_many(struct graph *g)
{
    for (uint64_t count = below(g, 40); count > 0; count--) {
        struct parcel *parcel = new_parcel(g, !GC_RECLAIMS_BY_HAND);
        if (!parcel)
            return;
        gc_pool_put(g->m, pools[0], parcel, sizeof *parcel);
    }
}

/* A pool of its own, which does not last. */
static void do_pool_passing(struct graph *g)
{
    struct gc_pool *pool = gc_pool_create(g->m, &types[TYPE_LEAF], 64);
    if (!pool) {
        g->counts.out_of_memory++;
        return;
    }
    for (uint64_t count = below(g, 700); count > 0; count--) {
        char *leaf = allocate(g, &types[TYPE_LEAF], 64, false);
        if (!leaf)
            break;
        write_data(&types[TYPE_LEAF], leaf, 64, count);
        gc_pool_put(g->m, pool, leaf, 64);
    }
    for (uint64_t count = below(g, 300); count > 0; count--) {
        char *leaf = gc_pool_get(g->m, pool);
        if (!leaf)
            break;
        uint64_t first;
        memcpy(&first, leaf, sizeof first);
        uint64_t seed = 1;
        while (seed <= 700 && pattern(seed, 0) != first)
            seed++;
        check_data(g, &types[TYPE_LEAF], leaf, 64, seed, "what a passing pool gave");
        gc_free(g->m, leaf, 64);
    }
    gc_pool_destroy(g->m, pool);
}

static void do_compare(struct graph *g)
{
    graph_compare(g);
}

static void do_drop(struct graph *g)
{
    drop_roots(g, 8);
}

static void do_collect(struct graph *g)
{
    if (g->limits.collect_one_in && below(g, g->limits.collect_one_in) == 0)
        gc_backend.collect(g->m);
    if ((gc_backend.capabilities & GC_CAN_VERIFY) && below(g, 64) == 0) {
        char why[256];
        if (gc_backend.verify(g->m, why, sizeof why) != 0)
            fail(g, "the heap is not right: %s", why);
    }
}

/* How often each is done, in 256 operations. A fuzzer chooses by one byte. */
static const struct {
    unsigned weight;
    void (*operation)(struct graph *g);
} operations[] = {
    {66, do_allocate},      {4, do_allocate_list}, {32, do_store},       {14, do_copy_root},
    {10, do_rewrite},       {4, do_hold},          {16, do_weak_new},    {14, do_weak_get},
    {20, do_finalizer_set}, {8, do_finalize},      {16, do_exchange},    {16, do_pool_parcel},
    {16, do_pool_leaf},     {2, do_pool_many},     {2, do_compare},      {4, do_drop},
    {8, do_collect},        {3, do_move_roots},    {1, do_pool_passing},
};

void graph_step(struct graph *g)
{
    uint64_t choice = below(g, 256);
    size_t i = 0;
    for (; choice >= operations[i].weight; i++)
        choice -= operations[i].weight;
    g->counts.operations++;
    g->depth++;
    operations[i].operation(g);
    g->depth--;
    gc_safepoint(g->m);
}

/* ---- Comparing ---- */

/* What nothing can reach any more leaves the model: not what is reachable, nor what a finalizer is
 * to see, nor what a weak reference may still give. By hand, it is freed. */
static void forget(struct graph *g)
{
    g->epoch++;
    for_each_root(g, follow_kept);
    for (uint32_t node = 1; node < g->used_count; node++)
        if (g->nodes[node].finalizer != 0)
            follow_kept(g, node);
    for (uint32_t node = 1; node < g->used_count; node++) {
        struct node *n = &g->nodes[node];
        if (n->type == TYPE_FREE || n->kept == g->epoch)
            continue;
        gc_free(g->m, n->object, n->bytes);
        node_return(g, node);
    }
}

void graph_compare(struct graph *g)
{
    receive_all(g);
    g->epoch++;
    for (size_t i = 0; i < ROOTS; i++) {
        if (g->root_nodes[i] == NO_NODE && g->roots[i])
            fail(g, "root %zu is %p instead of NULL", i, g->roots[i]);
        if (g->root_nodes[i] != NO_NODE)
            check_from(g, g->root_nodes[i], g->roots[i]);
    }
    g->counts.comparisons++;
    /* Weak references that are reachable: what they give is whole. */
    for_each_root(g, follow_strong);
    for (uint32_t node = 1; node < g->used_count; node++) {
        struct node *n = &g->nodes[node];
        if (n->type != TYPE_WEAK || !is_strong(g, node))
            continue;
        char *volatile object = read_weak(g, node, true);
        if (object)
            check_from(g, n->target, object);
    }
    forget(g);
}

void graph_clear(struct graph *g)
{
    drop_roots(g, 1);
    graph_compare(g);
}

/* ---- Graphs ---- */

static void make_record_types(void)
{
    struct rng rng;
    rng_seed(&rng, 7, 7);
    for (size_t i = 0; i < RECORD_TYPES; i++) {
        uint64_t words = 1 + rng_below(&rng, i % 4 == 0 ? RECORD_WORDS_MAX : 10);
        uint64_t map = rng_next(&rng) & (i % 2 == 0 ? rng_next(&rng) : UINT64_MAX);
        if (words < 64)
            map &= (UINT64_C(1) << words) - 1;
        types[TYPE_RECORDS + i] = (struct gc_type){
            .name = "record", .fixed_bytes = (uint32_t)words * 8, .fixed_pointers = map};
    }
}

static void register_type(struct gc_type *type)
{
    int error = gc_backend.type_register(type);
    if (error)
        fail(NULL, "a type is refused: %s", strerror(-error));
}

void graph_start(struct gc_mutator *m)
{
    make_record_types();
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (i != TYPE_WEAK)
            register_type(&types[i]);
    register_type(&parcel_type);
    if (gc_backend.roots_add(exchange, exchange + EXCHANGE_SLOTS) != 0)
        fail(NULL, "roots are refused");
    pools[0] = gc_pool_create(m, &parcel_type, sizeof(struct parcel));
    pools[1] = gc_pool_create(m, &types[TYPE_LEAF], 8192);
    if (!pools[0] || !pools[1])
        fail(NULL, "pools are refused");
}

struct graph *graph_create(unsigned number, const struct graph_limits *limits)
{
    static void (*const runs[FINALIZERS])(struct gc_mutator *, void *, void *) = {
        run_posting, run_allocating, run_nesting, run_again};
    struct graph *g = map(sizeof *g);
    g->number = number;
    g->limits = *limits;
    g->nodes = map(limits->nodes_max * sizeof *g->nodes);
    g->work = map(limits->nodes_max * sizeof *g->work);
    g->arena = map(ARENA_BYTES);
    g->used_count = 1;
    for (unsigned i = 0; i < FINALIZERS; i++)
        g->bindings[i] = (struct binding){g, i, {runs[i], &g->bindings[i]}};
    g->roots = g->root_words[0];
    if (gc_backend.roots_add(g->roots, g->roots + ROOTS) != 0 ||
        gc_backend.roots_add(g->mailbox, g->mailbox + MAILBOXES) != 0)
        fail(g, "roots are refused");
    return g;
}

void graph_take(struct graph *g, struct gc_mutator *m, struct graph_choices choices)
{
    g->m = m;
    g->choices = choices;
}

struct graph_counts graph_counts(const struct graph *g)
{
    return g->counts;
}
