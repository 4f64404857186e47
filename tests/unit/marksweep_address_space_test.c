/* Of little address space the collector leaves a part to the program. */
#include <sys/resource.h>

#include "gc_sanitizers.h"
#include "marksweep_fixture.h"

enum { OBJECTS = 20000 };

#define ADDRESS_SPACE_BYTES ((size_t)1 << 30)
#define PROGRAM_BYTES       ((size_t)160 << 20)

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");
static void *roots[OBJECTS];
static uint64_t run_count;

static void count_run(struct gc_mutator *m, void *object, void *data)
{
    (void)m;
    (void)object;
    (void)data;
    run_count++;
}

static const struct gc_finalizer finalizers[] = {{count_run, roots}, {count_run, roots + 1}};

static void some_is_left_to_the_program(void **state)
{
    (void)state;
    if (GC_SANITIZED) {
        print_message("skipped: sanitizers need address space of their own\n");
        skip();
    }
    /* Two finalizers in one block, so that all of their tables are there. */
    for (size_t i = 0; i < OBJECTS; i++) {
        roots[i] = gc_alloc(fixture_main, &leaf_type, 64);
        gc_finalizer_set(fixture_main, roots[i], &finalizers[i % 2]);
    }
    void *memory = malloc(PROGRAM_BYTES);
    assert_non_null(memory);
    free(memory);
    memset(roots, 0, sizeof roots);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    gc_finalizers_run(fixture_main);
    /* A few may be named by what is left on the stack. */
    assert_in_range(run_count, OBJECTS - 20, OBJECTS);
    fixture_verify();
}

int main(void)
{
    if (!GC_SANITIZED &&
        setrlimit(RLIMIT_AS, &(struct rlimit){ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES}))
        return 1;
    fixture_start(&(struct fixture_settings){.markers = 4});
    fixture_register(&leaf_type);
    assert_int_equal(gc_backend.roots_add(roots, roots + OBJECTS), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_is_left_to_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
