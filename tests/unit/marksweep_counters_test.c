/* What marksweep counts of its own work, against what the test itself allocated and dropped. */
#include "marksweep_fixture.h"

enum { OBJECTS = 5000, KEPT = 700, OBJECT_BYTES = 128, LARGE_BYTES = 1 << 20, LARGE = 3 };

/* Words of the stack or of registers that happen to retain an object. */
enum { STRAY = 8 };

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");
static void *roots[KEPT];

static double counter(const char *name, int *is_cumulative)
{
    struct gc_metric metric;
    for (size_t i = 0; gc_backend.metric(i, &metric); i++)
        if (strcmp(metric.name, name) == 0) {
            *is_cumulative = metric.is_cumulative;
            return metric.value;
        }
    fail_msg("no metric %s", name);
    return 0;
}

static uint64_t total(const char *name)
{
    int is_cumulative = 0;
    double value = counter(name, &is_cumulative);
    assert_true(is_cumulative);
    return (uint64_t)value;
}

static __attribute__((noinline)) void allocate(size_t count, size_t bytes, size_t kept)
{
    for (size_t i = 0; i < count; i++) {
        void *object = gc_alloc(fixture_main, &leaf_type, bytes);
        memset(object, 1, 16);
        if (i < kept)
            roots[i] = object;
    }
}

static void collect(void)
{
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
}

static void what_is_dropped_is_swept(void **state)
{
    (void)state;
    memset(roots, 0, sizeof roots);
    collect();
    uint64_t count = total("swept_count");
    uint64_t bytes = total("swept_bytes");
    allocate(OBJECTS, OBJECT_BYTES, KEPT);
    collect();
    assert_in_range(total("swept_count") - count, OBJECTS - KEPT - STRAY, OBJECTS - KEPT);
    assert_in_range(total("swept_bytes") - bytes, (OBJECTS - KEPT - STRAY) * OBJECT_BYTES,
                    (OBJECTS - KEPT) * OBJECT_BYTES);

    /* The rest, and large objects, whose memory is whole blocks. */
    memset(roots, 0, sizeof roots);
    allocate(LARGE, LARGE_BYTES, 0);
    collect();
    assert_in_range(total("swept_count") - count, OBJECTS + LARGE - STRAY, OBJECTS + LARGE);
    assert_true(total("swept_bytes") - bytes >=
                (uint64_t)(OBJECTS - STRAY) * OBJECT_BYTES + (LARGE - 1) * (uint64_t)LARGE_BYTES);
}

/* Nothing is swept twice, nor what was never allocated. */
static void sweeping_again_counts_nothing(void **state)
{
    (void)state;
    collect();
    uint64_t count = total("swept_count");
    struct gc_stats before, after;
    gc_backend.stats(&before);
    collect();
    gc_backend.stats(&after);
    assert_in_range(total("swept_count") - count, 0, STRAY);
    assert_int_equal(after.gc_count - before.gc_count, 1);
    assert_true(total("swept_count") <= after.allocated_count);
    assert_true(total("swept_bytes") <= after.allocated_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dropped_is_swept),
        cmocka_unit_test(sweeping_again_counts_nothing),
    };
    fixture_start(&(struct fixture_settings){.gogc = 100000});
    fixture_register(&leaf_type);
    gc_backend.roots_add(roots, roots + KEPT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
