/* Memory goes back to the system after a peak, though the program neither allocates nor collects.
 */
#include <time.h>
#include <unistd.h>

#include "marksweep/marksweep_heap_internal.h"
#include "marksweep_fixture.h"

enum { BUFFERS = 64, BUFFER_BYTES = 1 << 20, TRIES = 600 };

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");

static void *roots[BUFFERS];

static uint64_t rss_bytes(void)
{
    unsigned long total, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static __attribute__((noinline)) void reach_peak(void)
{
    for (size_t i = 0; i < BUFFERS; i++) {
        roots[i] = gc_alloc(fixture_main, &leaf_type, BUFFER_BYTES);
        memset(roots[i], 1, BUFFER_BYTES);
    }
}

static void idle_process_returns_memory(void **state)
{
    (void)state;
    reach_peak();
    uint64_t peak_bytes = rss_bytes();
    assert_true(peak_bytes > (uint64_t)BUFFERS * BUFFER_BYTES);
    memset(roots, 0, sizeof roots);
    fixture_clear_stack();
    gc_backend.collect(fixture_main);
    assert_true(fixture_seen.last_collection.live_bytes < (uint64_t)BUFFERS * BUFFER_BYTES / 4);

    /* A sixteenth a second: a twentieth of the peak takes about one. */
    const struct timespec tenth = {0, 100000000};
    int tries = 0;
    while (rss_bytes() > peak_bytes - peak_bytes / 20 && tries++ < TRIES)
        nanosleep(&tenth, NULL);
    assert_true(rss_bytes() <= peak_bytes - peak_bytes / 20);
    fixture_verify();

    /* What was returned can be had again. */
    reach_peak();
    for (size_t i = 0; i < BUFFERS; i++)
        assert_int_equal(((char *)roots[i])[BUFFER_BYTES - 1], 1);
    fixture_verify();
}

static int start(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){0});
    fixture_register(&leaf_type);
    return gc_backend.roots_add(roots, roots + BUFFERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(idle_process_returns_memory)};
    return cmocka_run_group_tests(tests, start, NULL);
}
