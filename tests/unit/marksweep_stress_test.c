/* A collection at every allocation, with verification and poison: whatever is held too loosely
 * breaks here. */
#include "marksweep_fixture.h"

struct tree {
    struct tree *left;
    struct tree *right;
    uint64_t depth;
};

static struct gc_type tree_type = GC_TYPE_RECORD(
    struct tree, GC_POINTER_BIT(struct tree, left) | GC_POINTER_BIT(struct tree, right));
static struct gc_type array_type = GC_TYPE_POINTER_ARRAY("array");
static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

/* References are in locals only, while collections happen all the time. */
static struct tree *make_tree(uint64_t depth)
{
    struct tree *left = depth > 0 ? make_tree(depth - 1) : NULL;
    struct tree *right = depth > 0 ? make_tree(depth - 1) : NULL;
    struct tree *tree = gc_alloc(fixture_main, &tree_type, sizeof *tree);
    gc_init_field(tree->left, left);
    gc_init_field(tree->right, right);
    tree->depth = depth;
    return tree;
}

static uint64_t count_tree(const struct tree *tree, uint64_t depth)
{
    assert_int_equal(tree->depth, depth);
    if (depth == 0) {
        assert_null(tree->left);
        assert_null(tree->right);
        return 1;
    }
    return 1 + count_tree(tree->left, depth - 1) + count_tree(tree->right, depth - 1);
}

static void every_allocation_collects(void **state)
{
    (void)state;
    uint64_t before = fixture_stats().gc_count;
    struct tree *tree = make_tree(6);
    assert_int_equal(fixture_stats().gc_count - before, 127);
    assert_int_equal(count_tree(tree, 6), 127);
}

static void references_in_locals_survive(void **state)
{
    (void)state;
    struct tree *kept = make_tree(5);
    for (int i = 0; i < 20; i++)
        assert_int_equal(count_tree(make_tree(4), 4), 31);
    assert_int_equal(count_tree(kept, 5), 63);
}

static void arrays_of_all_sizes(void **state)
{
    (void)state;
    struct tree ***arrays = gc_alloc_zeroed(fixture_main, &array_type, 40 * sizeof *arrays);
    size_t length = 1;
    for (size_t i = 0; i < 40; i++, length = length * 5 / 4 + 1) {
        struct tree **array = gc_alloc_zeroed(fixture_main, &array_type, length * sizeof *array);
        gc_store(fixture_main, arrays, arrays[i], array);
        struct tree *tree = make_tree(1);
        gc_store(fixture_main, array, array[length - 1], tree);
    }
    length = 1;
    for (size_t i = 0; i < 40; i++, length = length * 5 / 4 + 1) {
        assert_int_equal(count_tree(arrays[i][length - 1], 1), 3);
        for (size_t j = 0; j + 1 < length; j++)
            assert_null(arrays[i][j]);
    }
}

/* Memory is poisoned once its object is gone: a use after free shows. */
static __attribute__((noinline)) uintptr_t make_garbage(void)
{
    unsigned char *object = gc_alloc(fixture_main, &leaf_type, 64);
    memset(object, 1, 64);
    return ~(uintptr_t)object;
}

static void freed_memory_is_poisoned(void **state)
{
    (void)state;
    enum { OBJECTS = 50 };
    uintptr_t hidden[OBJECTS];
    for (int i = 0; i < OBJECTS; i++)
        hidden[i] = make_garbage();
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    int poisoned = 0;
    for (int i = 0; i < OBJECTS; i++)
        poisoned += *(unsigned char *)~hidden[i] == 0xdb;
    /* Most: a slot may have been found by a stale word, or used again. */
    assert_true(poisoned > 0);
}

static int set_up(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.stress = 1, .verify = 1});
    fixture_register(&tree_type);
    fixture_register(&array_type);
    fixture_register(&leaf_type);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_collects),
        cmocka_unit_test(references_in_locals_survive),
        cmocka_unit_test(arrays_of_all_sizes),
        cmocka_unit_test(freed_memory_is_poisoned),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
