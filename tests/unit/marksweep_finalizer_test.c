/* Finalizers, weak references and ephemerons of marksweep against a model that knows which nodes
 * are reachable: random edges, roots, registrations, collections and finalizers that bring nodes
 * back, the heap being verified before and after each collection. Stacks are scanned
 * conservatively, so the model bounds from one side what must live, and by share what must go. */
#include <pthread.h>

#include "base/rng.h"
#include "marksweep/marksweep.h"
#include "marksweep/marksweep_finalizer_internal.h"
#include "marksweep/marksweep_mutator_internal.h"
#include "marksweep_fixture.h"

enum { EDGES = 3, ROOTS = 64, NODES = 12000, EPHEMERONS = 128, STEPS = 60000 };

struct node {
    struct node *edges[EDGES];
    uint64_t id;
    uint64_t check;
    /* Held by the node alone, or NULL. The model leaves them out: what an ephemeron retains besides
     * may live, and the verifier says whether they name what is there. */
    struct gc_weak *weak;
    struct marksweep_ephemeron *ephemeron;
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, edges[0]) | GC_POINTER_BIT(struct node, edges[1]) |
                     GC_POINTER_BIT(struct node, edges[2]) | GC_POINTER_BIT(struct node, weak) |
                     GC_POINTER_BIT(struct node, ephemeron));
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

/* The heap's side: roots, a weak reference to each node ever made, ephemerons. */
static struct {
    struct node *roots[ROOTS];
    struct gc_weak *weak[NODES];
    struct marksweep_ephemeron *ephemerons[EPHEMERONS];
} heap;

/* The model's side: the same by numbers. 0 is no node. */
static struct {
    uint32_t roots[ROOTS];
    struct {
        uint32_t edges[EDGES];
        bool is_registered;
        bool may_be_due;     /* a finalizer brought it back, when it may have been due itself */
        bool may_be_cleared; /* a finalizer brought it back: it had been out of reach */
        bool was_cleared;
        bool is_reachable;
        bool brings_back; /* its finalizer does */
    } nodes[NODES];
    struct {
        uint32_t key;
        uint32_t value;
    } ephemerons[EPHEMERONS];
    uint32_t count; /* nodes 1 .. count */
    uint64_t finalized_count;
    uint64_t cleared_count;
    uint64_t brought_back_count;
} model;

static struct rng rng;

static uint64_t check_of(uint64_t id)
{
    return rng_mix(id) ^ 0x5a5a;
}

static void check_node(const struct node *node, uint32_t id)
{
    assert_non_null(node);
    assert_int_equal(node->id, id);
    assert_int_equal(node->check, check_of(id));
    for (size_t i = 0; i < EDGES; i++) {
        uint32_t edge = model.nodes[id].edges[i];
        if (edge == 0)
            assert_null(node->edges[i]);
        else
            assert_int_equal(node->edges[i]->id, edge);
    }
}

/* Whatever a node's own weak reference or ephemeron shows is a node. */
static void check_held(const struct node *node)
{
    const struct node *shown[] = {
        node->weak ? gc_weak_get(fixture_main, node->weak) : NULL,
        node->ephemeron ? marksweep_ephemeron_key(node->ephemeron) : NULL,
        node->ephemeron ? marksweep_ephemeron_value(node->ephemeron) : NULL,
    };
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (shown[i])
            check_node(shown[i], (uint32_t)shown[i]->id);
}

static void reach(uint32_t id)
{
    static uint32_t stack[NODES];
    size_t depth = 0;
    if (id == 0 || model.nodes[id].is_reachable)
        return;
    model.nodes[id].is_reachable = true;
    stack[depth++] = id;
    while (depth > 0) {
        id = stack[--depth];
        for (size_t i = 0; i < EDGES; i++) {
            uint32_t edge = model.nodes[id].edges[i];
            if (edge != 0 && !model.nodes[edge].is_reachable) {
                model.nodes[edge].is_reachable = true;
                stack[depth++] = edge;
            }
        }
    }
}

/* What is reachable now, ephemerons included. */
static void find_reachable(void)
{
    for (uint32_t id = 1; id <= model.count; id++)
        model.nodes[id].is_reachable = false;
    for (size_t i = 0; i < ROOTS; i++)
        reach(model.roots[i]);
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < EPHEMERONS; i++) {
            uint32_t value = model.ephemerons[i].value;
            if (value != 0 && model.nodes[model.ephemerons[i].key].is_reachable &&
                !model.nodes[value].is_reachable) {
                reach(value);
                again = true;
            }
        }
    }
}

static void finalize(struct gc_mutator *m, void *object, void *data)
{
    struct node *node = object;
    uint32_t id = (uint32_t)node->id;
    assert_ptr_equal(m, fixture_main);
    assert_ptr_equal(data, &model);
    check_node(node, id);
    check_held(node);
    assert_true(model.nodes[id].is_registered);
    model.nodes[id].is_registered = false;
    model.finalized_count++;
    find_reachable();
    assert_true(!model.nodes[id].is_reachable || model.nodes[id].may_be_due);
    model.nodes[id].may_be_due = false;
    assert_null(gc_weak_get(m, heap.weak[id]));
    model.nodes[id].was_cleared = true;
    if (!model.nodes[id].brings_back)
        return;
    size_t slot = rng_below(&rng, ROOTS);
    heap.roots[slot] = node;
    model.roots[slot] = id;
    model.brought_back_count++;
    /* All that is reachable only now may have been found dead with it. */
    static bool before[NODES];
    for (uint32_t i = 1; i <= model.count; i++)
        before[i] = model.nodes[i].is_reachable;
    find_reachable();
    for (uint32_t i = 1; i <= model.count; i++)
        if (model.nodes[i].is_reachable && !before[i]) {
            model.nodes[i].may_be_due = model.nodes[i].is_registered;
            model.nodes[i].may_be_cleared = true;
        }
}

static const struct gc_finalizer finalizer = {finalize, &model};

/* A root that holds a node, or the number of roots. */
static size_t some_root(void)
{
    size_t slot = rng_below(&rng, ROOTS);
    return model.roots[slot] ? slot : ROOTS;
}

static void register_node(struct node *node)
{
    gc_finalizer_set(fixture_main, node, &finalizer);
    model.nodes[node->id].is_registered = true;
    model.nodes[node->id].brings_back = rng_below(&rng, 4) == 0;
}

static void make_node(void)
{
    if (model.count == NODES - 1)
        return;
    struct node *node = gc_alloc(fixture_main, &node_type, sizeof *node);
    uint32_t id = ++model.count;
    *node = (struct node){.id = id, .check = check_of(id)};
    size_t slot = rng_below(&rng, ROOTS);
    for (size_t i = 0; i < EDGES; i++) {
        size_t from = rng_below(&rng, 3) ? ROOTS : some_root();
        if (from == ROOTS)
            continue;
        gc_init_field(node->edges[i], heap.roots[from]);
        model.nodes[id].edges[i] = model.roots[from];
    }
    heap.roots[slot] = node;
    model.roots[slot] = id;
    heap.weak[id] = gc_weak_new(fixture_main, node);
    size_t key = some_root(), value = some_root();
    if (key != ROOTS && value != ROOTS) {
        struct gc_weak *weak = gc_weak_new(fixture_main, heap.roots[key]);
        gc_store(fixture_main, heap.roots[slot], heap.roots[slot]->weak, weak);
        struct marksweep_ephemeron *ephemeron =
            marksweep_ephemeron_new(fixture_main, heap.roots[key], heap.roots[value]);
        gc_store(fixture_main, heap.roots[slot], heap.roots[slot]->ephemeron, ephemeron);
    }
    if (rng_below(&rng, 2))
        register_node(node);
}

static void set_edge(void)
{
    size_t from = some_root(), to = some_root(), edge = rng_below(&rng, EDGES);
    if (from == ROOTS)
        return;
    struct node *target = to == ROOTS ? NULL : heap.roots[to];
    gc_store(fixture_main, heap.roots[from], heap.roots[from]->edges[edge], target);
    model.nodes[model.roots[from]].edges[edge] = to == ROOTS ? 0 : model.roots[to];
}

static void make_ephemeron(void)
{
    size_t key = some_root(), value = some_root(), slot = rng_below(&rng, EPHEMERONS);
    if (key == ROOTS || value == ROOTS)
        return;
    heap.ephemerons[slot] =
        marksweep_ephemeron_new(fixture_main, heap.roots[key], heap.roots[value]);
    model.ephemerons[slot].key = model.roots[key];
    model.ephemerons[slot].value = model.roots[value];
}

static void change_registration(void)
{
    size_t slot = some_root();
    if (slot == ROOTS || model.nodes[model.roots[slot]].may_be_due)
        return;
    if (rng_below(&rng, 2)) {
        register_node(heap.roots[slot]);
    } else {
        gc_finalizer_set(fixture_main, heap.roots[slot], NULL);
        model.nodes[model.roots[slot]].is_registered = false;
    }
}

/* After a collection: what the model reaches is there, and what was seen to be gone stays so. */
static void check_all(void)
{
    find_reachable();
    for (size_t i = 0; i < ROOTS; i++)
        if (model.roots[i])
            check_node(heap.roots[i], model.roots[i]);
    for (uint32_t id = 1; id <= model.count; id++) {
        struct node *node = gc_weak_get(fixture_main, heap.weak[id]);
        if (node) {
            assert_false(model.nodes[id].was_cleared);
            check_node(node, id);
        } else {
            if (!model.nodes[id].was_cleared) {
                assert_true(!model.nodes[id].is_reachable || model.nodes[id].may_be_cleared);
                model.cleared_count++;
            }
            model.nodes[id].was_cleared = true;
        }
    }
    for (size_t i = 0; i < EPHEMERONS; i++) {
        if (!heap.ephemerons[i])
            continue;
        struct node *key = marksweep_ephemeron_key(heap.ephemerons[i]);
        struct node *value = marksweep_ephemeron_value(heap.ephemerons[i]);
        assert_int_equal(key != NULL, value != NULL);
        if (key) {
            check_node(key, model.ephemerons[i].key);
            check_node(value, model.ephemerons[i].value);
        } else {
            model.ephemerons[i].key = model.ephemerons[i].value = 0;
        }
    }
}

static __attribute__((noinline)) void step(void)
{
    switch (rng_below(&rng, 10)) {
    case 0:
    case 1:
        make_node();
        break;
    case 2:
    case 3:
    case 4: {
        size_t slot = rng_below(&rng, ROOTS);
        heap.roots[slot] = NULL;
        model.roots[slot] = 0;
        break;
    }
    case 5:
        make_ephemeron();
        break;
    case 6:
        change_registration();
        break;
    default:
        set_edge();
    }
}

static void random_work_agrees_with_the_model(void **state)
{
    (void)state;
    rng_seed(&rng, 1, 1);
    for (uint64_t i = 0; i < STEPS; i++) {
        step();
        if (i % 200 == 0) {
            fixture_clear_stack();
            gc_backend.collect(fixture_main);
            check_all();
        }
        if (i % 1000 == 0) {
            gc_backend.collect(fixture_main);
            check_all();
        }
        if (i % 300 == 0)
            gc_finalizers_run(fixture_main);
    }
    for (int round = 0; round < 12; round++) {
        memset(heap.roots, 0, sizeof heap.roots);
        memset(model.roots, 0, sizeof model.roots);
        fixture_clear_stack();
        gc_backend.collect(fixture_main);
        check_all();
        gc_finalizers_run(fixture_main);
    }
    assert_true(model.finalized_count > 1000);
    assert_true(model.brought_back_count > 100);
    assert_true(model.cleared_count > model.count - 100);
    uint64_t registered, due;
    ms_finalizer_counts(&registered, &due);
    assert_true(registered < 20);
    assert_int_equal(due, 0);
    memset(&heap, 0, sizeof heap);
}

/* A chain of ephemerons, each the key of the next: its order does not matter. */
static __attribute__((noinline)) void make_chain(struct node **keep, bool backwards)
{
    enum { LINKS = 100 };
    struct node *nodes[LINKS];
    for (size_t i = 0; i < LINKS; i++) {
        nodes[i] = gc_alloc(fixture_main, &node_type, sizeof *nodes[i]);
        *nodes[i] = (struct node){.id = i, .check = check_of(i)};
    }
    for (size_t i = 0; i + 1 < LINKS; i++) {
        size_t link = backwards ? LINKS - 2 - i : i;
        heap.ephemerons[link] = marksweep_ephemeron_new(fixture_main, nodes[link], nodes[link + 1]);
    }
    *keep = nodes[0];
}

static void ephemerons_hold_what_their_keys_reach(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        make_chain(&heap.roots[0], backwards);
        fixture_clear_stack();
        gc_backend.collect(fixture_main);
        const struct node *key = heap.roots[0];
        for (size_t i = 0; i < 99; i++) {
            assert_ptr_equal(marksweep_ephemeron_key(heap.ephemerons[i]), key);
            key = marksweep_ephemeron_value(heap.ephemerons[i]);
            assert_int_equal(key->id, i + 1);
        }
        heap.roots[0] = NULL;
        key = NULL;
        fixture_clear_stack();
        gc_backend.collect(fixture_main);
        gc_backend.collect(fixture_main);
        size_t left = 0;
        for (size_t i = 0; i < 99; i++)
            left += marksweep_ephemeron_value(heap.ephemerons[i]) != NULL;
        assert_in_range(left, 0, 20);
        memset(heap.ephemerons, 0, sizeof heap.ephemerons);
    }
}

/* A value that refers to its own key does not keep it. */
static __attribute__((noinline)) void make_self_reference(size_t i)
{
    struct node *key = gc_alloc(fixture_main, &node_type, sizeof *key);
    *key = (struct node){.id = i};
    struct node *volatile held = key;
    struct node *value = gc_alloc(fixture_main, &node_type, sizeof *value);
    *value = (struct node){.edges = {held}, .id = i};
    struct node *volatile held_value = value;
    heap.ephemerons[i] = marksweep_ephemeron_new(fixture_main, held, held_value);
    marksweep_ephemeron_set_value(fixture_main, heap.ephemerons[i], held_value);
}

static void a_value_does_not_keep_its_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < EPHEMERONS; i++)
        make_self_reference(i);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    size_t left = 0;
    for (size_t i = 0; i < EPHEMERONS; i++)
        left += marksweep_ephemeron_key(heap.ephemerons[i]) != NULL;
    assert_in_range(left, 0, 10);
    memset(heap.ephemerons, 0, sizeof heap.ephemerons);
}

/* As ordinary fields may: a static object is there for ever, as a target, a key or a value. */
static void what_is_not_of_the_heap_stays(void **state)
{
    (void)state;
    static struct node constant;
    static struct gc_weak *weak[1];
    assert_int_equal(gc_backend.roots_add(weak, weak + 1), 0);
    heap.roots[0] = gc_alloc(fixture_main, &node_type, sizeof *heap.roots[0]);
    *heap.roots[0] = (struct node){.id = 1, .check = check_of(1)};
    heap.roots[1] = gc_alloc(fixture_main, &node_type, sizeof *heap.roots[1]);
    *heap.roots[1] = (struct node){.id = 2, .check = check_of(2)};
    weak[0] = gc_weak_new(fixture_main, &constant);
    heap.ephemerons[0] = marksweep_ephemeron_new(fixture_main, heap.roots[0], &constant);
    heap.ephemerons[1] = marksweep_ephemeron_new(fixture_main, &constant, heap.roots[1]);
    heap.roots[1] = NULL;
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    assert_ptr_equal(gc_weak_get(fixture_main, weak[0]), &constant);
    assert_ptr_equal(marksweep_ephemeron_key(heap.ephemerons[0]), heap.roots[0]);
    assert_ptr_equal(marksweep_ephemeron_value(heap.ephemerons[0]), &constant);
    assert_ptr_equal(marksweep_ephemeron_key(heap.ephemerons[1]), &constant);
    const struct node *value = marksweep_ephemeron_value(heap.ephemerons[1]);
    assert_int_equal(value->check, check_of(2));
    fixture_verify();
    gc_backend.roots_remove(weak, weak + 1);
    memset(&heap, 0, sizeof heap);
}

/* Objects of every kind of span and larger. */
static uint64_t sized_sum;

static void add_size(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)data;
    sized_sum += *(uint64_t *)object;
}

static __attribute__((noinline)) uint64_t make_sized(void)
{
    static const struct gc_finalizer adding = {add_size, NULL};
    uint64_t sum = 0;
    for (size_t bytes = 8; bytes <= 100000; bytes += bytes / 3 + 1) {
        for (int i = 0; i < 3; i++) {
            uint64_t *volatile object = gc_alloc(fixture_main, &leaf_type, bytes);
            *object = bytes;
            gc_finalizer_set(fixture_main, object, &adding);
            sum += bytes;
        }
    }
    return sum;
}

static void objects_of_every_size(void **state)
{
    (void)state;
    uint64_t sum = make_sized();
    for (int i = 0; i < 3; i++) {
        fixture_clear_stack();
        gc_backend.collect(fixture_main);
        gc_finalizers_run(fixture_main);
    }
    /* One object may be held by a stale word: the largest is a third of the sum at most. */
    assert_in_range(sized_sum, sum / 2, sum);
}

enum { LEAVING = 100 };
static jmp_buf *leaving;
static uint64_t left_sum;

static void leave(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)data;
    left_sum += *(uint64_t *)object;
    if (leaving)
        longjmp(*leaving, 1);
}

static const struct gc_finalizer leaving_finalizer = {leave, NULL};

static __attribute__((noinline)) void make_leaving(struct gc_mutator *m)
{
    for (uint64_t i = 0; i < LEAVING; i++) {
        uint64_t *volatile object = gc_alloc(m, &leaf_type, 2 * sizeof *object);
        *object = i;
        gc_finalizer_set(m, object, &leaving_finalizer);
    }
}

/* Runs one finalizer, which leaves by longjmp, with a collection after it. */
static __attribute__((noinline)) void run_one(struct gc_mutator *m)
{
    jmp_buf out;
    leaving = &out;
    if (setjmp(out) == 0)
        gc_finalizers_run(m);
    leaving = NULL;
    gc_backend.collect(m);
}

static void *run_one_and_detach(void *data)
{
    (void)data;
    struct gc_mutator *m = gc_backend.attach();
    run_one(m);
    gc_backend.detach(m);
    return NULL;
}

/* What a finalizer that leaves by longjmp keeps from running is run by the next call, by another
 * thread where the first has detached; and each runs once. */
static void leaving_by_longjmp_loses_none(void **state)
{
    (void)state;
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    gc_finalizers_run(fixture_main);
    make_leaving(fixture_main);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    run_one(fixture_main);
    run_one(fixture_main);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_one_and_detach, NULL), 0);
    gc_backend.enter_blocked(fixture_main);
    pthread_join(thread, NULL);
    gc_backend.leave_blocked(fixture_main);
    fixture_verify();
    gc_finalizers_run(fixture_main);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    gc_finalizers_run(fixture_main);
    /* A stale word may hold one or two of them. */
    uint64_t all = (uint64_t)LEAVING * (LEAVING - 1) / 2;
    assert_in_range(left_sum, all - 2 * LEAVING, all);
}

/* Where memory is to be had in no other form, a weak reference gets a slot of a larger class, whose
 * spans have several blocks. */
static void weak_references_of_every_slot_size_are_cleared(void **state)
{
    (void)state;
    enum { PER_CLASS = 40 };
    static struct gc_weak *kept[MARKSWEEP_CLASSES][PER_CLASS];
    const struct gc_type large_weak = {.name = "large weak reference",
                                       .backend_word = ms_mutator_row(MS_LAYOUT_WEAK)};
    gc_weak_new(fixture_main, NULL); /* there has been one */
    assert_int_equal(gc_backend.roots_add(kept, kept + MARKSWEEP_CLASSES), 0);
    for (unsigned c = 0; c < MARKSWEEP_CLASSES; c++) {
        for (size_t i = 0; i < PER_CLASS; i++) {
            void *volatile target = gc_alloc(fixture_main, &leaf_type, 24);
            kept[c][i] = gc_alloc_zeroed(fixture_main, &large_weak, marksweep_slot_bytes(c));
            kept[c][i]->target = target;
        }
    }
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    size_t cleared_count = 0;
    for (unsigned c = 0; c < MARKSWEEP_CLASSES; c++)
        for (size_t i = 0; i < PER_CLASS; i++)
            cleared_count += gc_weak_get(fixture_main, kept[c][i]) == NULL;
    /* A stale word may hold a few. */
    assert_in_range(cleared_count, MARKSWEEP_CLASSES * PER_CLASS - 8,
                    MARKSWEEP_CLASSES * PER_CLASS);
    fixture_verify();
    gc_backend.roots_remove(kept, kept + MARKSWEEP_CLASSES);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.gogc = 50, .verify = 1, .threads_count = 2});
    fixture_register(&node_type);
    fixture_register(&leaf_type);
    return gc_backend.roots_add(&heap, &heap + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_agrees_with_the_model),
        cmocka_unit_test(ephemerons_hold_what_their_keys_reach),
        cmocka_unit_test(a_value_does_not_keep_its_key),
        cmocka_unit_test(what_is_not_of_the_heap_stays),
        cmocka_unit_test(objects_of_every_size),
        cmocka_unit_test(leaving_by_longjmp_loses_none),
        cmocka_unit_test(weak_references_of_every_slot_size_are_cleared),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
