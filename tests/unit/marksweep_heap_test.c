/* What is reachable stays as it was, what is not goes: on one thread, the heap being verified
 * before and after each collection. */
#include "base/rng.h"
#include "marksweep/marksweep_collect_internal.h"
#include "marksweep/marksweep_mark_internal.h"
#include "marksweep/marksweep_mutator_internal.h"
#include "marksweep_fixture.h"

enum { EDGES = 4, ROOTS = 64 };

struct node {
    struct node *edges[EDGES];
    uint64_t id;
    struct node **array; /* of references, or NULL */
    char *text;          /* a leaf, or NULL */
    uint64_t array_length;
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, edges[0]) | GC_POINTER_BIT(struct node, edges[1]) |
                     GC_POINTER_BIT(struct node, edges[2]) | GC_POINTER_BIT(struct node, edges[3]) |
                     GC_POINTER_BIT(struct node, array) | GC_POINTER_BIT(struct node, text));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

/* A record whose elements are pairs of a number and a reference. */
struct table {
    struct node *first;
    uint64_t count;
    struct {
        uint64_t key;
        struct node *value;
    } entries[];
};

static struct gc_type table_type = {
    .name = "table",
    .fixed_bytes = sizeof(struct table),
    .element_bytes = 16,
    .fixed_pointers = GC_POINTER_BIT(struct table, first),
    .element_pointers = 2,
};

/* An array whose elements have more than one reference. */
struct edge {
    struct node *from;
    uint64_t weight;
    struct node *to;
};

static struct gc_type edges_type = {
    .name = "edges",
    .element_bytes = sizeof(struct edge),
    .element_pointers = GC_POINTER_BIT(struct edge, from) | GC_POINTER_BIT(struct edge, to),
};

static void *roots[ROOTS];

static void drop_roots(void)
{
    memset(roots, 0, sizeof roots);
}

static void collect(void)
{
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
}

static struct node *make_node(uint64_t id)
{
    struct node *node = gc_alloc(fixture_main, &node_type, sizeof *node);
    *node = (struct node){.id = id};
    return node;
}

/* The copy outside the heap: node ids are indices. */
struct shadow {
    uint64_t edges[EDGES]; /* 0: none */
    uint64_t array_length;
    uint64_t array[24];
    uint64_t text_bytes;
    uint64_t visited; /* round in which compare() came here */
};

static struct shadow *shadows;
static uint64_t shadow_count;
static uint64_t shadow_roots[ROOTS];
static uint64_t compare_round;

static void compare(struct node *node, uint64_t id)
{
    if (id == 0) {
        assert_null(node);
        return;
    }
    assert_non_null(node);
    assert_int_equal(node->id, id);
    struct shadow *shadow = &shadows[id];
    if (shadow->visited == compare_round)
        return;
    shadow->visited = compare_round;
    for (int i = 0; i < EDGES; i++)
        compare(node->edges[i], shadow->edges[i]);
    assert_int_equal(node->array_length, shadow->array_length);
    assert_int_equal(node->array != NULL, shadow->array_length > 0);
    for (uint64_t i = 0; i < shadow->array_length; i++)
        compare(node->array[i], shadow->array[i]);
    assert_int_equal(node->text != NULL, shadow->text_bytes > 0);
    for (uint64_t i = 0; i < shadow->text_bytes; i++)
        assert_int_equal((unsigned char)node->text[i], (unsigned char)(id + i));
}

static void compare_all(void)
{
    compare_round++;
    for (int i = 0; i < ROOTS; i++)
        compare(roots[i], shadow_roots[i]);
}

static void random_graph_equals_its_shadow(void **state)
{
    (void)state;
    enum { STEPS = 30000, EVERY = 3000 };
    struct rng rng;
    rng_seed(&rng, 7, 0);
    shadows = calloc(STEPS + 1, sizeof *shadows);
    assert_non_null(shadows);
    shadow_count = 1;
    memset(shadow_roots, 0, sizeof shadow_roots);
    drop_roots();
    for (int step = 0; step < STEPS; step++) {
        uint64_t id = shadow_count++;
        struct shadow *shadow = &shadows[id];
        struct node *node = make_node(id);
        size_t slot = rng_below(&rng, ROOTS);
        for (int i = 0; i < EDGES; i++) {
            size_t from = rng_below(&rng, ROOTS);
            shadow->edges[i] = shadow_roots[from];
            gc_store(fixture_main, node, node->edges[i], roots[from]);
        }
        if (rng_below(&rng, 4) == 0) {
            shadow->array_length = 1 + rng_below(&rng, 24);
            struct node **array =
                gc_alloc(fixture_main, &array_type, shadow->array_length * sizeof *array);
            for (uint64_t i = 0; i < shadow->array_length; i++) {
                size_t from = rng_below(&rng, ROOTS);
                shadow->array[i] = shadow_roots[from];
                gc_init_field(array[i], roots[from]);
            }
            gc_store(fixture_main, node, node->array, array);
            node->array_length = shadow->array_length;
        }
        if (rng_below(&rng, 4) == 0) {
            shadow->text_bytes = 1 + rng_below(&rng, rng_below(&rng, 100) == 0 ? 60000 : 300);
            char *text = gc_alloc(fixture_main, &leaf_type, shadow->text_bytes);
            for (uint64_t i = 0; i < shadow->text_bytes; i++)
                text[i] = (char)(id + i);
            gc_store(fixture_main, node, node->text, text);
        }
        /* An old node may come to point at the new one: cycles. */
        struct node *old = roots[rng_below(&rng, ROOTS)];
        if (old) {
            size_t edge = rng_below(&rng, EDGES);
            shadows[old->id].edges[edge] = id;
            gc_store(fixture_main, old, old->edges[edge], node);
        }
        roots[slot] = node;
        shadow_roots[slot] = id;
        /* Mostly cut loose, or all history stays reachable. */
        if (rng_below(&rng, 3) == 0) {
            size_t gone = rng_below(&rng, ROOTS);
            roots[gone] = NULL;
            shadow_roots[gone] = 0;
        }
        if (step % 997 == 0) {
            drop_roots();
            memset(shadow_roots, 0, sizeof shadow_roots);
        }
        if (step % EVERY == 0) {
            collect();
            compare_all();
        }
    }
    collect();
    compare_all();
    fixture_verify();
    drop_roots();
    free(shadows);
}

static void interior_pointer_on_stack_retains(void **state)
{
    (void)state;
    static const size_t sizes[] = {24, 200, 5000, 30000, 100000, 3 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *object = gc_alloc(fixture_main, &leaf_type, sizes[i]);
        memset(object, 0x5a, sizes[i]);
        /* Only an address in the middle, or the last byte, survives the collection. */
        unsigned char *volatile inside = object + (i % 2 ? sizes[i] - 1 : sizes[i] / 2);
        object = NULL;
        collect();
        for (int churn = 0; churn < 64; churn++)
            memset(gc_alloc(fixture_main, &leaf_type, sizes[i] > 100000 ? 64 : sizes[i]), 0,
                   sizes[i] > 100000 ? 64 : sizes[i]);
        unsigned char *start = inside - (i % 2 ? sizes[i] - 1 : sizes[i] / 2);
        for (size_t byte = 0; byte < sizes[i]; byte++)
            assert_int_equal(start[byte], 0x5a);
        inside = NULL;
    }
}

static void cycles_are_reclaimed(void **state)
{
    (void)state;
    drop_roots();
    collect();
    gc_backend.reset_peak();
    uint64_t before = fixture_stats().allocated_bytes;
    /* Over 160 MB of rings with nothing alive: without reclaiming them the heap would grow to that.
     * The smallest heap goal is 4 MiB. */
    for (int ring = 0; ring < 20000; ring++) {
        struct node *first = make_node(1);
        struct node *last = first;
        for (int i = 1; i < 100; i++) {
            struct node *next = make_node(1);
            gc_store(fixture_main, last, last->edges[0], next);
            gc_store(fixture_main, next, next->edges[1], last);
            last = next;
        }
        gc_store(fixture_main, last, last->edges[0], first);
    }
    struct gc_stats stats = fixture_stats();
    assert_true(stats.allocated_bytes - before > UINT64_C(100) << 20);
    assert_true(stats.heap_peak_bytes < UINT64_C(16) << 20);
}

static void leaf_contents_retain_nothing(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    drop_roots();
    uintptr_t *hidden = gc_alloc(fixture_main, &leaf_type, COUNT * sizeof *hidden);
    roots[0] = hidden;
    collect();
    uint64_t base = fixture_seen.last_collection.marked_count;
    for (int i = 0; i < COUNT; i++)
        hidden[i] = (uintptr_t)make_node(1);
    collect();
    /* A few may be found on the stack. */
    assert_true(fixture_seen.last_collection.marked_count < base + COUNT / 10);
    drop_roots();
}

static void long_list_is_marked(void **state)
{
    (void)state;
    enum { LENGTH = 1000000 };
    drop_roots();
    for (uint64_t i = 0; i < LENGTH; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, node, node->edges[0], roots[0]);
        roots[0] = node;
    }
    collect();
    assert_true(fixture_seen.last_collection.marked_count >= LENGTH);
    uint64_t expected = LENGTH;
    for (struct node *node = roots[0]; node; node = node->edges[0])
        assert_int_equal(node->id, --expected);
    assert_int_equal(expected, 0);
    drop_roots();
}

static void tables_keep_fixed_part_and_elements(void **state)
{
    (void)state;
    drop_roots();
    for (size_t count = 0; count <= 20000; count = count * 3 + 1) {
        struct table *table =
            gc_alloc(fixture_main, &table_type, sizeof *table + count * sizeof table->entries[0]);
        table->first = NULL;
        table->count = count;
        for (size_t i = 0; i < count; i++) {
            table->entries[i].key = i;
            table->entries[i].value = NULL;
        }
        roots[0] = table;
        struct node *node = make_node(count);
        gc_store(fixture_main, table, table->first, node);
        for (size_t i = 0; i < count; i++) {
            node = make_node(i);
            gc_store(fixture_main, table, table->entries[i].value, node);
        }
        collect();
        assert_int_equal(table->first->id, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(table->entries[i].key, i);
            assert_int_equal(table->entries[i].value->id, i);
        }
    }
    drop_roots();
}

/* Short ones are scanned by the map of their slot, longer ones in pieces, the longest have blocks
 * of their own. */
static void elements_keep_all_their_references(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 20, 100, 1000, 5000};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t count = counts[c];
        struct edge *edges =
            gc_alloc_zeroed(fixture_main, &edges_type, count * sizeof(struct edge));
        roots[0] = edges;
        for (size_t i = 0; i < count; i++) {
            edges[i].weight = i;
            gc_store(fixture_main, edges, edges[i].from, make_node(2 * i));
            gc_store(fixture_main, edges, edges[i].to, make_node(2 * i + 1));
        }
        collect();
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(edges[i].weight, i);
            assert_int_equal(edges[i].from->id, 2 * i);
            assert_int_equal(edges[i].to->id, 2 * i + 1);
        }
    }
    drop_roots();
}

static void large_arrays_live_and_die(void **state)
{
    (void)state;
    drop_roots();
    /* 400 MB in arrays of 2 MB, four alive: the heap stays near the goal. */
    gc_backend.reset_peak();
    enum { LENGTH = 250000, ARRAYS = 200 };
    for (uint64_t round = 0; round < ARRAYS; round++) {
        struct node **array = gc_alloc_zeroed(fixture_main, &array_type, LENGTH * sizeof *array);
        for (size_t i = 0; i < LENGTH; i += 997)
            assert_null(array[i]);
        roots[round % 4] = array;
        struct node *node = make_node(round);
        gc_store(fixture_main, array, array[LENGTH - 1], node);
        for (size_t i = 0; i < 4 && i <= round; i++) {
            struct node **kept = roots[(round - i) % 4];
            assert_int_equal(kept[LENGTH - 1]->id, round - i);
        }
    }
    assert_true(fixture_stats().heap_peak_bytes < UINT64_C(64) << 20);
    drop_roots();
}

static void full_mark_stack_is_made_up_for(void **state)
{
    (void)state;
    enum { FANOUT = 3000, BELOW = 3 };
    drop_roots();
    struct node **array = gc_alloc_zeroed(fixture_main, &array_type, FANOUT * sizeof *array);
    roots[0] = array;
    for (uint64_t i = 0; i < FANOUT; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, array, array[i], node);
        for (int below = 0; below < BELOW; below++) {
            struct node **inner = gc_alloc_zeroed(fixture_main, &array_type, 4 * sizeof *inner);
            gc_store(fixture_main, node, node->array, inner);
            struct node *next = make_node(i);
            gc_store(fixture_main, inner, inner[3], next);
            node = next;
        }
    }
    size_t capacity = ms_marker.capacity, first = ms_marker.capacity_first,
           max = ms_marker.capacity_max;
    uint64_t overflows = ms_collect_totals.overflow_count;
    ms_marker.capacity = ms_marker.capacity_first = ms_marker.capacity_max = MS_MARK_ROOM;
    collect();
    assert_true(ms_collect_totals.overflow_count > overflows);
    ms_marker.capacity = capacity;
    ms_marker.capacity_first = first;
    ms_marker.capacity_max = max;
    assert_true(fixture_seen.last_collection.marked_count >= FANOUT * (1 + 2 * BELOW));
    for (uint64_t i = 0; i < FANOUT; i++) {
        struct node *node = array[i];
        for (int below = 0; below < BELOW; below++) {
            assert_int_equal(node->id, i);
            node = node->array[3];
        }
        assert_int_equal(node->id, i);
    }
    drop_roots();
}

/* Types beyond the table of layouts share the conservative one and still keep what they refer to.
 */
static void many_layouts_fall_back(void **state)
{
    (void)state;
    enum { TYPES = 100, WORDS = 64 };
    static struct gc_type types[TYPES];
    drop_roots();
    for (unsigned i = 0; i < TYPES; i++) {
        types[i] = (struct gc_type){.name = "many",
                                    .fixed_bytes = WORDS * 8,
                                    .fixed_pointers = UINT64_C(0x8000000000000001) | i << 1};
        fixture_register(&types[i]);
    }
    unsigned conservative = 0;
    for (unsigned i = 0; i < TYPES; i++) {
        conservative += ms_mutator_layout(types[i].backend_word) == MS_LAYOUT_CONSERVATIVE;
        void **object = gc_alloc_zeroed(fixture_main, &types[i], WORDS * 8);
        struct node *node = make_node(i);
        gc_store(fixture_main, object, object[63], node);
        gc_store(fixture_main, object, object[0], roots[0]);
        roots[0] = object;
    }
    assert_true(conservative > 0 && conservative < TYPES);
    collect();
    void **object = roots[0];
    for (unsigned i = TYPES; i-- > 0; object = object[0])
        assert_int_equal(((struct node *)object[63])->id, i);
    assert_null(object);
    drop_roots();
}

static void types_share_layouts(void **state)
{
    (void)state;
    struct gc_type leaf = GC_TYPE_LEAF("another leaf");
    struct gc_type array = GC_TYPE_POINTER_ARRAY("another array");
    struct gc_type wrong = {.name = "wrong", .fixed_bytes = 8, .fixed_pointers = 2};
    fixture_register(&leaf);
    fixture_register(&array);
    assert_int_equal(leaf.backend_word, leaf_type.backend_word);
    assert_int_equal(array.backend_word, array_type.backend_word);
    assert_int_not_equal(gc_backend.type_register(&wrong), 0);
}

static void events_and_stats_agree(void **state)
{
    (void)state;
    drop_roots();
    struct gc_stats before = fixture_stats();
    uint64_t stops = fixture_seen.stops_count;
    roots[0] = gc_alloc(fixture_main, &leaf_type, 100 << 10);
    for (int i = 0; i < 100; i++)
        make_node(1);
    collect();
    struct gc_stats after = fixture_stats();
    assert_int_equal(after.gc_count, before.gc_count + 1);
    assert_int_equal(fixture_seen.stops_count, stops + 1);
    assert_int_equal(fixture_seen.stops_count, fixture_seen.collections_count);
    assert_int_equal(after.allocated_count, before.allocated_count + 101);
    assert_true(after.allocated_bytes >= before.allocated_bytes + (100 << 10) + 100 * 64);
    const struct gc_collection *c = &fixture_seen.last_collection;
    const struct gc_stop *s = &fixture_seen.last_stop;
    assert_true(c->marked_count >= 1 && c->live_bytes >= 100 << 10);
    assert_int_equal(c->live_bytes, after.live_bytes);
    assert_int_equal(c->heap_after_bytes, after.heap_bytes);
    assert_int_equal(c->start_ns, s->start_ns);
    assert_true(c->mark_ns + c->sweep_ns <= (uint64_t)s->duration_ns);
    assert_true(c->end_ns - c->start_ns >= s->duration_ns);
    drop_roots();
}

static int set_up(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.verify = 1});
    fixture_register(&node_type);
    fixture_register(&array_type);
    fixture_register(&leaf_type);
    fixture_register(&table_type);
    fixture_register(&edges_type);
    return gc_backend.roots_add(roots, roots + ROOTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_and_stats_agree),
        cmocka_unit_test(random_graph_equals_its_shadow),
        cmocka_unit_test(interior_pointer_on_stack_retains),
        cmocka_unit_test(cycles_are_reclaimed),
        cmocka_unit_test(leaf_contents_retain_nothing),
        cmocka_unit_test(long_list_is_marked),
        cmocka_unit_test(tables_keep_fixed_part_and_elements),
        cmocka_unit_test(elements_keep_all_their_references),
        cmocka_unit_test(large_arrays_live_and_die),
        cmocka_unit_test(full_mark_stack_is_made_up_for),
        cmocka_unit_test(types_share_layouts),
        cmocka_unit_test(many_layouts_fall_back),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
