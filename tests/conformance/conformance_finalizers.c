/* conformance_finalizers.c: finalizers and weak references, on backends that have them.
 *
 * Conservative collectors see stale words, so a case never asks that every dead object is finalized
 * or every weak reference cleared: it makes a thousand and asks for most.
 */
#include <string.h>

#include "base/rng.h"
#include "conformance.h"

enum { MANY = 1000, MOST = 900, TEXT_BYTES = 48 };

static void need_finalizers(void)
{
    if (!(gc_backend.capabilities & GC_CAN_FINALIZE))
        conformance_skip("%s has no finalizers", gc_backend.name);
}

static void need_weak(void)
{
    if (!(gc_backend.capabilities & GC_CAN_WEAK))
        conformance_skip("%s has no weak references", gc_backend.name);
}

/* How often the finalizer ran for the object of each number. */
static unsigned runs[MANY];

static size_t count_runs(void)
{
    size_t count = 0;
    for (size_t i = 0; i < MANY; i++) {
        unsigned n = __atomic_load_n(&runs[i], __ATOMIC_RELAXED);
        CHECK(n <= 1, "object %zu was finalized %u times", i, n);
        count += n;
    }
    return count;
}

/* The object is whole, and so is what it refers to. */
static void check_node(const struct node *node)
{
    CHECK(node->value < MANY, "%" PRIu64, node->value);
    CHECK(node->padding == ~node->value, "%" PRIu64, node->value);
    pattern_check(node->left, TEXT_BYTES, node->value);
}

static void note_run(struct gc_mutator *m, void *object, void *data)
{
    const struct node *node = object;
    CHECK(m != NULL, "a finalizer runs without a mutator");
    CHECK(data == runs, "%p", data);
    check_node(node);
    __atomic_fetch_add(&runs[node->value], 1, __ATOMIC_RELAXED);
}

/* Runs the finalizer of the object and keeps the object in its root. */
static void resurrect(struct gc_mutator *m, void *object, void *data)
{
    struct node *node = object;
    note_run(m, object, data);
    conformance_roots[node->value] = node;
}

static const struct gc_finalizer noting = {note_run, runs};
static const struct gc_finalizer resurrecting = {resurrect, runs};

static struct node *make_node(struct gc_mutator *m, uint64_t number)
{
    void *volatile text = pattern_object(m, TEXT_BYTES, number);
    struct node *node = gc_alloc(m, &type_node, sizeof *node);
    node->left = text;
    node->right = NULL;
    node->value = number;
    node->padding = ~number;
    return node;
}

/* Nodes with finalizers, in pairs that refer to each other, held by nothing or by the roots. */
__attribute__((noinline)) static void make_nodes(struct gc_mutator *m,
                                                 const struct gc_finalizer *finalizer, bool hold)
{
    struct node *volatile other = NULL;
    for (uint64_t i = 0; i < MANY; i++) {
        struct node *volatile node = make_node(m, i);
        gc_finalizer_set(m, node, finalizer);
        if (hold)
            conformance_roots[i] = node;
        if (i % 2 == 1) {
            gc_store(m, node, node->right, other);
            gc_store(m, other, other->right, node);
        }
        other = node;
    }
}

/* Collects and runs what is due; a second round finds what the first one's frames held. */
static void finalize(struct gc_mutator *m)
{
    for (int round = 0; round < 2; round++) {
        collect_twice(m);
        clear_dead_stack();
        gc_finalizers_run(m);
    }
}

void case_finalizers_run(struct gc_mutator *m)
{
    need_finalizers();
    make_nodes(m, &noting, false);
    collect_twice(m);
    churn(m, 64, conformance_scaled(100000) * 64);
    CHECK(count_runs() == 0, "%zu finalizers ran by themselves", count_runs());
    finalize(m);
    CHECK(count_runs() >= MOST, "%zu of %d unreachable objects were finalized", count_runs(), MANY);
    finalize(m);
    CHECK(gc_finalizers_run(m) == 0, "something is still due");
}

void case_finalizers_spare_the_reachable(struct gc_mutator *m)
{
    need_finalizers();
    make_nodes(m, &noting, true);
    finalize(m);
    CHECK(count_runs() == 0, "%zu reachable objects were finalized", count_runs());
    /* Each node keeps its neighbour: dropping one of a pair changes nothing. */
    for (size_t i = 0; i < MANY; i += 2)
        conformance_roots[i] = NULL;
    finalize(m);
    CHECK(count_runs() == 0, "%zu reachable objects were finalized", count_runs());
    memset(conformance_roots, 0, MANY * sizeof(void *));
    finalize(m);
    CHECK(count_runs() >= MOST, "%zu of %d unreachable objects were finalized", count_runs(), MANY);
}

void case_finalizers_resurrect(struct gc_mutator *m)
{
    need_finalizers();
    make_nodes(m, &resurrecting, false);
    finalize(m);
    size_t count = count_runs();
    CHECK(count >= MOST, "%zu of %d unreachable objects were finalized", count, MANY);
    churn(m, 64, conformance_scaled(100000) * 64);
    finalize(m);
    for (size_t i = 0; i < MANY; i++) {
        if (!conformance_roots[i])
            continue;
        check_node(conformance_roots[i]);
        check_node(((struct node *)conformance_roots[i])->right);
        /* Registered again, it is finalized again. */
        if (i % 2 == 0)
            gc_finalizer_set(m, conformance_roots[i], &noting);
    }
    /* Some may have been found late, none twice. */
    count = count_runs();
    memset(conformance_roots, 0, MANY * sizeof(void *));
    memset(runs, 0, sizeof runs);
    finalize(m);
    size_t again = 0;
    for (size_t i = 0; i < MANY; i++) {
        again += runs[i];
        CHECK(runs[i] == 0 || i % 2 == 0, "object %zu was finalized without being registered", i);
    }
    CHECK(count_runs() == again && again >= MOST / 2 - (MANY - count),
          "%zu of %d objects were finalized again", again, MANY / 2);
}

static void never(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)data;
    CHECK(object == NULL, "a finalizer ran that was taken away or replaced");
}

void case_finalizers_replaced(struct gc_mutator *m)
{
    static const struct gc_finalizer wrong = {never, NULL};
    need_finalizers();
    make_nodes(m, &wrong, true);
    for (size_t i = 0; i < MANY; i++)
        gc_finalizer_set(m, conformance_roots[i], i % 2 ? &noting : NULL);
    /* Taking away what is not there is allowed. */
    for (size_t i = 0; i < MANY; i += 2)
        gc_finalizer_set(m, conformance_roots[i], NULL);
    memset(conformance_roots, 0, MANY * sizeof(void *));
    finalize(m);
    for (size_t i = 0; i < MANY; i += 2)
        CHECK(runs[i] == 0, "object %zu has no finalizer", i);
    CHECK(count_runs() >= MOST / 2, "%zu of %d unreachable objects were finalized", count_runs(),
          MANY / 2);
}

/* A finalizer that allocates, and makes an object with a finalizer. */
static void make_another(struct gc_mutator *m, void *object, void *data)
{
    uint64_t number = ((struct node *)object)->value;
    note_run(m, object, data);
    churn(m, 200, 20 * 200);
    if (number >= MANY / 2) {
        struct node *volatile node = make_node(m, number - MANY / 2);
        gc_finalizer_set(m, node, &noting);
    }
}

__attribute__((noinline)) static void make_upper_half(struct gc_mutator *m)
{
    static const struct gc_finalizer another = {make_another, runs};
    for (uint64_t i = MANY / 2; i < MANY; i++) {
        struct node *volatile node = make_node(m, i);
        gc_finalizer_set(m, node, &another);
    }
}

void case_finalizers_allocate(struct gc_mutator *m)
{
    need_finalizers();
    make_upper_half(m);
    finalize(m);
    finalize(m);
    CHECK(count_runs() >= MOST, "%zu of %d unreachable objects were finalized", count_runs(), MANY);
}

static uint64_t tiny_count;

static void count_tiny(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    CHECK(*(uint64_t *)object == UINT64_C(0x1234567890abcdef), "an object was overwritten");
    ++*(uint64_t *)data;
}

__attribute__((noinline)) static uint64_t make_tiny(struct gc_mutator *m, uint64_t count)
{
    static const struct gc_finalizer tiny = {count_tiny, &tiny_count};
    uint64_t ran = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t *volatile object = gc_alloc(m, &type_leaf, 16 + i % 7 * 40);
        *object = UINT64_C(0x1234567890abcdef);
        gc_finalizer_set(m, object, &tiny);
        if (i % 1000 == 0)
            ran += gc_finalizers_run(m);
    }
    return ran;
}

/* More objects with finalizers than memory has room for at a time. */
void case_finalizers_many(struct gc_mutator *m)
{
    need_finalizers();
    uint64_t count = conformance_scaled(300000);
    uint64_t ran = make_tiny(m, count);
    for (int round = 0; round < 3; round++) {
        collect_twice(m);
        ran += gc_finalizers_run(m);
    }
    CHECK(ran == tiny_count, "%" PRIu64 " of %" PRIu64 " finalizers are counted", ran, tiny_count);
    CHECK(ran <= count && ran >= count - count / 10 - 10,
          "%" PRIu64 " of %" PRIu64 " were finalized", ran, count);
}

__attribute__((noinline)) static void make_weak(struct gc_mutator *m)
{
    for (uint64_t i = 0; i < MANY; i++) {
        conformance_roots[MANY + i] = make_node(m, i);
        conformance_roots[i] = gc_weak_new(m, conformance_roots[MANY + i]);
    }
}

static size_t count_weak(struct gc_mutator *m, size_t first, size_t step)
{
    size_t count = 0;
    for (size_t i = first; i < MANY; i += step) {
        struct node *node = gc_weak_get(m, conformance_roots[i]);
        if (!node)
            continue;
        check_node(node);
        CHECK(node->value == i, "weak reference %zu names object %" PRIu64, i, node->value);
        count++;
    }
    return count;
}

void case_weak_cleared(struct gc_mutator *m)
{
    need_weak();
    make_weak(m);
    finalize(m);
    churn(m, 64, conformance_scaled(100000) * 64);
    CHECK(count_weak(m, 0, 1) == MANY, "weak references to reachable objects were cleared");
    for (size_t i = 0; i < MANY; i += 2)
        conformance_roots[MANY + i] = NULL;
    collect_twice(m);
    churn(m, 64, conformance_scaled(100000) * 64);
    CHECK(count_weak(m, 1, 2) == MANY / 2, "weak references to reachable objects were cleared");
    CHECK(count_weak(m, 0, 2) <= (MANY - MOST) / 2, "%zu weak references were not cleared",
          count_weak(m, 0, 2));
    CHECK(gc_weak_get(m, gc_weak_new(m, NULL)) == NULL, "a weak reference to nothing");
}

/* What a weak reference gave is held like anything else. */
void case_weak_get_retains(struct gc_mutator *m)
{
    need_weak();
    make_weak(m);
    struct node *volatile held = gc_weak_get(m, conformance_roots[7]);
    memset(conformance_roots + MANY, 0, MANY * sizeof(void *));
    collect_twice(m);
    churn(m, 64, conformance_scaled(100000) * 64);
    CHECK(held != NULL && held == gc_weak_get(m, conformance_roots[7]), "%p", (void *)held);
    check_node(held);
}

/* An object that waits for its finalizer, was finalized or lives again, is out of reach of the weak
 * references made before, and so is what it holds. */
void case_weak_before_finalizers(struct gc_mutator *m)
{
    need_weak();
    need_finalizers();
    make_weak(m);
    for (size_t i = 0; i < MANY; i++) {
        struct node *node = conformance_roots[MANY + i];
        gc_finalizer_set(m, node, &resurrecting);
        conformance_roots[2 * MANY + i] = gc_weak_new(m, node->left);
    }
    memset(conformance_roots + MANY, 0, MANY * sizeof(void *));
    collect_twice(m);
    size_t left = 0;
    for (size_t i = 0; i < MANY; i++)
        left +=
            gc_weak_get(m, conformance_roots[i]) || gc_weak_get(m, conformance_roots[2 * MANY + i]);
    CHECK(left <= MANY - MOST, "%zu weak references show what waits for its finalizer", left);
    /* The finalizer puts the node where its weak reference is. */
    struct gc_weak *volatile sample[8];
    for (size_t i = 0; i < 8; i++)
        sample[i] = conformance_roots[i];
    CHECK(gc_finalizers_run(m) >= MOST, "%zu finalizers ran", count_runs());
    for (size_t i = 0; i < 8; i++) {
        struct node *node = gc_weak_get(m, sample[i]);
        CHECK(node == NULL || runs[i] == 0, "weak reference %zu shows a finalized object", i);
        if (runs[i] == 1) {
            struct gc_weak *fresh = gc_weak_new(m, conformance_roots[i]);
            CHECK(gc_weak_get(m, fresh) == conformance_roots[i], "a new weak reference");
        }
    }
}

/* Weak references are collected like other objects, under a limit that has no room for all. */
void case_weak_references_die(struct gc_mutator *m)
{
    need_weak();
    for (uint64_t i = 0, count = conformance_scaled(2000000); i < count; i++) {
        if (i % 1000 == 0)
            conformance_roots[0] = make_node(m, i % MANY);
        struct gc_weak *volatile weak = gc_weak_new(m, conformance_roots[0]);
        CHECK(gc_weak_get(m, weak) == conformance_roots[0], "%" PRIu64, i);
    }
}

enum { WEAK_SLOTS = 4000, HELD = 64, READS = 4096 };

/* Thread 0 makes nodes that are reachable weakly only, and collects; the others read those weak
 * references all the time and hold what they get, while memory that was freed is used again: what
 * they hold must stay as it is, whatever the collector is about to find dead. */
static void read_while_collecting(struct gc_mutator *m, unsigned index)
{
    struct node *volatile held[HELD] = {NULL};
    uint64_t values[HELD] = {0};
    const uint64_t slots_count = conformance_scaled(WEAK_SLOTS);
    struct rng rng;
    rng_seed(&rng, 5, index);
    for (uint64_t round = 0; round < conformance_scaled(100); round++) {
        for (size_t i = 0; i < slots_count && index == 0; i++) {
            struct node *node = make_node(m, round << 16 | i);
            struct gc_weak *weak = gc_weak_new(m, node);
            __atomic_store_n(&conformance_roots[i], (void *)weak, __ATOMIC_RELEASE);
        }
        if (index == 0) {
            clear_dead_stack();
            gc_backend.collect(m);
            continue;
        }
        for (size_t i = 0; i < READS; i++) {
            const struct gc_weak *weak =
                __atomic_load_n(&conformance_roots[rng_below(&rng, slots_count)], __ATOMIC_ACQUIRE);
            struct node *node = weak ? gc_weak_get(m, weak) : NULL;
            held[i % HELD] = node;
            values[i % HELD] = node ? node->value : 0;
            gc_safepoint(m);
        }
        for (uint64_t other = 0; other < slots_count; other++)
            gc_keep(make_node(m, other));
        for (size_t i = 0; i < HELD; i++)
            CHECK(!held[i] || held[i]->value == values[i],
                  "what a weak reference gave held %" PRIu64 " and holds %" PRIu64, values[i],
                  held[i]->value);
    }
}

void case_weak_read_while_collecting(struct gc_mutator *m)
{
    need_weak();
    need_threads();
    run_threads(m, CASE_THREADS, read_while_collecting);
}

enum { ROUNDS = 400, KEPT = 32 };
static uint64_t made_count, finalized_count;

static void close_node(struct gc_mutator *m, void *object, void *data)
{
    struct node *node = object;
    (void)m;
    (void)data;
    CHECK(__atomic_exchange_n(&node->padding, 1, __ATOMIC_RELAXED) == 0,
          "an object was finalized twice");
    __atomic_fetch_add(&finalized_count, 1, __ATOMIC_RELAXED);
}

/* Each thread keeps some nodes weakly, drops them again and again, and finalizes whatever is due,
 * of whichever thread. */
static void cache_body(struct gc_mutator *m, unsigned index)
{
    static const struct gc_finalizer closing = {close_node, NULL};
    struct gc_weak *volatile weak[KEPT] = {NULL};
    struct node *volatile held = NULL;
    for (uint64_t round = 0; round < conformance_scaled(ROUNDS) * KEPT; round++) {
        size_t slot = (round * 7 + index) % KEPT;
        struct node *node = weak[slot] ? gc_weak_get(m, weak[slot]) : NULL;
        if (node) {
            CHECK(node->value == slot && node->padding == 0,
                  "a weak reference shows a finalized object");
        } else {
            node = gc_alloc(m, &type_node, sizeof *node);
            *node = (struct node){.value = slot};
            gc_finalizer_set(m, node, &closing);
            held = node;
            weak[slot] = gc_weak_new(m, node);
            __atomic_fetch_add(&made_count, 1, __ATOMIC_RELAXED);
        }
        held = node;
        if (round % 64 == index)
            gc_backend.collect(m);
        gc_finalizers_run(m);
    }
    gc_keep(held);
}

void case_finalizers_and_threads(struct gc_mutator *m)
{
    need_weak();
    need_finalizers();
    need_threads();
    run_threads(m, CASE_THREADS, cache_body);
    finalize(m);
    CHECK(finalized_count <= made_count && made_count - finalized_count <= 4 * KEPT,
          "%" PRIu64 " of %" PRIu64 " objects were finalized", finalized_count, made_count);
}

/* A registration that there is no memory for is reported as an allocation is. Each node also holds
 * a leaf, larger where each allocation is slow, so that memory ends after fewer of them. */
static void register_without_end(struct gc_mutator *m)
{
    size_t leaf_bytes = (16 << 20) / conformance_scaled(200000);
    struct node *volatile last = NULL;
    for (uint64_t i = 0;; i++) {
        void *volatile leaf = gc_alloc(m, &type_leaf, leaf_bytes);
        struct node *node = gc_alloc(m, &type_node, sizeof *node);
        *node = (struct node){.left = leaf, .right = last, .value = i % MANY};
        last = node;
        gc_finalizer_set(m, node, &noting);
    }
}

void case_finalizers_out_of_memory(struct gc_mutator *m)
{
    size_t bytes = 0;
    need_finalizers();
    CHECK(runs_out_of_memory(register_without_end, m, &bytes), "there was no end");
    CHECK(bytes > 0 && bytes <= 64 << 10, "%zu", bytes);
}
