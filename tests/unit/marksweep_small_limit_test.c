/* A limit below the smallest goal: what hardly lives does not make use of all of it. */
#include "marksweep_fixture.h"

enum { LIMIT = 2 << 20, OBJECT_BYTES = 64, ALLOCATED_BYTES = 128 << 20, ROOTS = 4000 };

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

/* Many enough that collections are not so cheap as to come earlier. */
static void *roots[ROOTS];

/* Blocks are never all full, and mutators hold some in reserve. */
#define SLACK_BYTES (LIMIT / 16)

static void a_quarter_of_a_small_limit_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALLOCATED_BYTES / OBJECT_BYTES; i++)
        roots[i % ROOTS] = gc_alloc(fixture_main, &leaf_type, OBJECT_BYTES);
    struct gc_stats stats = fixture_stats();
    assert_true(stats.heap_peak_bytes <= LIMIT / 4 * 3 + SLACK_BYTES);
    /* And of what it may use it makes use: no more collections than that. */
    assert_true(stats.gc_count < ALLOCATED_BYTES / (LIMIT / 2));
    fixture_verify();
}

int main(void)
{
    fixture_start(&(struct fixture_settings){.heap_limit_bytes = LIMIT});
    fixture_register(&leaf_type);
    assert_int_equal(gc_backend.roots_add(roots, roots + ROOTS), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quarter_of_a_small_limit_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
