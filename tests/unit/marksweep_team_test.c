/* Several markers mark what one would: graphs that they share well, that they cannot share, and
 * that are too small to share; full mark stacks; a child process, which has no marker threads.
 * There are more markers than most machines have processors, and the marks are verified each time.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "gc_sanitizers.h"
#include "marksweep/marksweep_collect_internal.h"
#include "marksweep/marksweep_mark_internal.h"
#include "marksweep/marksweep_team_internal.h"
#include "marksweep_fixture.h"

/* Threads that wait by looking are what ThreadSanitizer slows down most, and it needs no more than
 * one meeting of two to tell of a race. */
enum { PART = GC_SANITIZED_THREAD ? 5 : 1 };
enum { MARKERS = 6, EDGES = 3, NODES = 120000 / PART };

struct node {
    struct node *edges[EDGES];
    uint64_t id;
};

static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, edges[0]) | GC_POINTER_BIT(struct node, edges[1]) |
                     GC_POINTER_BIT(struct node, edges[2]));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");
static struct gc_type conservative_types[100];

static void *roots[4];

/* The copy outside the heap: ids are indices, 0 is none. */
static uint64_t (*edges)[EDGES];
static uint8_t *reachable;
static uint64_t *queue;

static struct node *make_node(uint64_t id)
{
    struct node *node = gc_alloc(fixture_main, &node_type, sizeof *node);
    *node = (struct node){.id = id};
    return node;
}

static uint64_t collect(void)
{
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    return fixture_seen.last_collection.marked_count;
}

/* A long array of nodes makes the first collection one that wants marker threads. */
static void markers_are_started(void **state)
{
    (void)state;
    assert_int_equal(ms_team_helper_count(), 0);
    struct node **array = gc_alloc_zeroed(fixture_main, &array_type, NODES * sizeof *array);
    roots[0] = array;
    for (uint64_t i = 0; i < NODES; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, array, array[i], node);
    }
    for (int i = 0; i < 20 / PART; i++)
        assert_true(collect() >= NODES + 1);
    assert_int_equal(ms_team_helper_count(), MARKERS - 1);
    for (uint64_t i = 0; i < NODES; i++)
        assert_int_equal(array[i]->id, i);
}

static uint64_t find_reachable(uint64_t first)
{
    memset(reachable, 0, NODES + 1);
    uint64_t found = 0;
    queue[found++] = first;
    reachable[first] = 1;
    for (uint64_t i = 0; i < found; i++) {
        for (int k = 0; k < EDGES; k++) {
            uint64_t target = edges[queue[i]][k];
            if (target != 0 && !reachable[target]) {
                reachable[target] = 1;
                queue[found++] = target;
            }
        }
    }
    return found;
}

/* Walks heap and copy side by side from node 1. */
static void compare_with_copy(struct node **by_id)
{
    memset(by_id, 0, (NODES + 1) * sizeof(struct node *));
    by_id[1] = roots[0];
    uint64_t found = find_reachable(1);
    for (uint64_t i = 0; i < found; i++) {
        const struct node *node = by_id[queue[i]];
        assert_int_equal(node->id, queue[i]);
        for (int k = 0; k < EDGES; k++) {
            uint64_t target = edges[queue[i]][k];
            assert_int_equal(node->edges[k] != NULL, target != 0);
            if (target != 0 && !by_id[target])
                by_id[target] = node->edges[k];
            if (target != 0)
                assert_ptr_equal(by_id[target], node->edges[k]);
        }
    }
}

static __attribute__((noinline)) void build_random(struct rng *rng, struct node **by_id)
{
    struct node **table = gc_alloc_zeroed(fixture_main, &array_type, (NODES + 1) * sizeof *table);
    roots[1] = table;
    for (uint64_t id = 1; id <= NODES; id++)
        table[id] = make_node(id);
    for (uint64_t id = 1; id <= NODES; id++) {
        for (int k = 0; k < EDGES; k++) {
            /* Near and far, and some nodes that nothing refers to. */
            uint64_t target = rng_below(rng, 2) ? 1 + rng_below(rng, NODES)
                                                : 1 + (id + rng_below(rng, 64)) % NODES;
            edges[id][k] = rng_below(rng, 4) ? target : 0;
            gc_store(fixture_main, table[id], table[id]->edges[k],
                     edges[id][k] ? table[target] : NULL);
        }
    }
    for (uint64_t id = 0; id <= NODES; id++)
        by_id[id] = NULL;
    roots[0] = table[1];
    roots[1] = NULL;
}

static void random_graph_equals_its_copy(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 11, 0);
    edges = calloc(NODES + 1, sizeof *edges);
    reachable = calloc(NODES + 1, 1);
    queue = calloc(NODES + 1, sizeof *queue);
    struct node **by_id = calloc(NODES + 1, sizeof(struct node *));
    assert_true(edges && reachable && queue && by_id);
    for (int round = 0; round < 8; round++) {
        build_random(&rng, by_id);
        for (int turn = 0; turn < 3; turn++) {
            uint64_t marked = collect();
            uint64_t found = find_reachable(1);
            assert_true(found > MS_MARK_ALONE_COUNT);
            assert_true(marked >= found);
            compare_with_copy(by_id);
            /* Cut some edges of what is left. */
            for (uint64_t i = 1; i < found; i += 97) {
                int k = (int)rng_below(&rng, EDGES);
                edges[queue[i]][k] = 0;
                gc_store(fixture_main, by_id[queue[i]], by_id[queue[i]]->edges[k], NULL);
            }
        }
    }
    roots[0] = NULL;
    free(by_id);
    free(queue);
    free(reachable);
    free(edges);
}

/* A list offers one object at a time: all but one marker wait, wake up and fall asleep again. */
static void list_is_marked_by_one(void **state)
{
    (void)state;
    enum { LENGTH = 3 * MS_MARK_ALONE_COUNT };
    roots[0] = NULL;
    for (uint64_t i = 0; i < LENGTH; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, node, node->edges[i % EDGES], roots[0]);
        roots[0] = node;
    }
    for (int i = 0; i < 50 / PART; i++)
        assert_true(collect() >= LENGTH);
    uint64_t expected = LENGTH;
    for (struct node *node = roots[0]; node; node = node->edges[expected % EDGES])
        assert_int_equal(node->id, --expected);
    assert_int_equal(expected, 0);
    roots[0] = NULL;
}

/* Just enough that the others are called, and nothing left for them to do. */
static void tiny_work_ends(void **state)
{
    (void)state;
    enum { COUNT = MS_MARK_ALONE_COUNT + 1 };
    struct node **array = gc_alloc_zeroed(fixture_main, &array_type, COUNT * sizeof *array);
    roots[0] = array;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, array, array[i], node);
    }
    for (int i = 0; i < 300 / PART; i++)
        assert_true(collect() >= COUNT);
    roots[0] = NULL;
}

/* Objects that nothing but a scan word by word understands, and large ones, in pieces. */
static void every_layout_is_shared(void **state)
{
    (void)state;
    enum { COUNT = 20000, WORDS = 64 };
    for (unsigned i = 0; i < sizeof conservative_types / sizeof conservative_types[0]; i++) {
        conservative_types[i] =
            (struct gc_type){.name = "many",
                             .fixed_bytes = WORDS * 8,
                             .fixed_pointers = UINT64_C(0x8000000000000001) | i << 1};
        fixture_register(&conservative_types[i]);
    }
    struct node **array = gc_alloc_zeroed(fixture_main, &array_type, COUNT * sizeof *array);
    roots[0] = array;
    for (uint64_t i = 0; i < COUNT; i++) {
        void **object = gc_alloc_zeroed(fixture_main, &conservative_types[i % 100], WORDS * 8);
        gc_store(fixture_main, array, array[i], (struct node *)object);
        struct node *node = make_node(i);
        gc_store(fixture_main, object, object[63], node);
        struct node **inner = gc_alloc_zeroed(fixture_main, &array_type, 100 * sizeof *inner);
        gc_store(fixture_main, object, object[0], inner);
        node = make_node(i + COUNT);
        gc_store(fixture_main, inner, inner[99], node);
    }
    for (int i = 0; i < 5; i++)
        assert_true(collect() >= 4 * COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        void **object = (void **)array[i];
        assert_int_equal(((struct node *)object[63])->id, i);
        assert_int_equal(((struct node **)object[0])[99]->id, i + COUNT);
    }
    roots[0] = NULL;
}

struct capacity {
    size_t now, first, max;
};

static struct capacity set_capacity(struct ms_marker *k, struct capacity c)
{
    struct capacity before = {k->capacity, k->capacity_first, k->capacity_max};
    k->capacity = c.now;
    k->capacity_first = c.first;
    k->capacity_max = c.max;
    return before;
}

static void full_mark_stacks_are_made_up_for(void **state)
{
    (void)state;
    enum { FANOUT = 60, GROUPS = 200, PER = 8 };
    struct node **top = gc_alloc_zeroed(fixture_main, &array_type, GROUPS * sizeof *top);
    roots[0] = top;
    for (uint64_t g = 0; g < GROUPS; g++) {
        struct node **group = gc_alloc_zeroed(fixture_main, &array_type, FANOUT * sizeof *group);
        gc_store(fixture_main, top, top[g], (struct node *)(void *)group);
        for (uint64_t i = 0; i < FANOUT; i++) {
            struct node **leafs = gc_alloc_zeroed(fixture_main, &array_type, PER * sizeof *leafs);
            gc_store(fixture_main, group, group[i], (struct node *)(void *)leafs);
            for (uint64_t j = 0; j < PER; j++) {
                struct node *node = make_node(j);
                gc_store(fixture_main, leafs, leafs[j], node);
            }
        }
    }
    struct capacity smallest = {MS_MARK_ROOM, MS_MARK_ROOM, MS_MARK_ROOM};
    struct capacity before[MARKERS];
    before[0] = set_capacity(&ms_marker, smallest);
    for (int i = 1; i < MARKERS; i++)
        before[i] = set_capacity(&ms_team_helpers[i - 1], smallest);
    uint64_t overflows = ms_collect_totals.overflow_count;
    for (int i = 0; i < 5; i++)
        assert_true(collect() >= 1 + GROUPS * (1 + FANOUT * (1 + PER)));
    assert_true(ms_collect_totals.overflow_count > overflows);
    set_capacity(&ms_marker, before[0]);
    for (int i = 1; i < MARKERS; i++)
        set_capacity(&ms_team_helpers[i - 1], before[i]);
    roots[0] = NULL;
}

static void child_of_a_fork_marks_alone(void **state)
{
    (void)state;
    struct node **array = gc_alloc_zeroed(fixture_main, &array_type, NODES * sizeof *array);
    roots[0] = array;
    for (uint64_t i = 0; i < NODES; i++) {
        struct node *node = make_node(i);
        gc_store(fixture_main, array, array[i], node);
    }
    collect();
    assert_true(ms_team_helper_count() > 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(300);
        bool marked = collect() >= NODES && collect() >= NODES && ms_team_helper_count() == 0;
        for (uint64_t i = 0; i < NODES; i++)
            marked = marked && array[i]->id == i;
        _exit(marked ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(collect() >= NODES);
    assert_true(ms_team_helper_count() > 0);
    roots[0] = NULL;
}

static int set_up(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.verify = 1, .markers = MARKERS});
    fixture_register(&node_type);
    fixture_register(&array_type);
    return gc_backend.roots_add(roots, roots + sizeof roots / sizeof roots[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markers_are_started),
        cmocka_unit_test(random_graph_equals_its_copy),
        cmocka_unit_test(list_is_marked_by_one),
        cmocka_unit_test(tiny_work_ends),
        cmocka_unit_test(every_layout_is_shared),
        cmocka_unit_test(full_mark_stacks_are_made_up_for),
        cmocka_unit_test(child_of_a_fork_marks_alone),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
