/* One invocation on a fake backend that frees by hand: what there is no such thing as stays empty.
 */
#define FAKE_RECLAIM      GC_RECLAIM_MANUAL
#define FAKE_CAPABILITIES 0

#include "invocation_harness.h"

static uint64_t live_bytes(const struct workload_run *run)
{
    (void)run;
    return 0;
}

static uint64_t iterate(struct workload_thread *thread)
{
    workload_operation_end(thread);
    return 42;
}

static struct gc_type *const types[] = {NULL};

static const struct workload workload = {
    .name = "test",
    .summary = "for tests",
    .operation = "nothing",
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .iterate = iterate,
};

static void unknown_stats(void)
{
    fake.stats.heap_peak_bytes = GC_UNKNOWN;
}

static void collection_figures_are_empty_not_0(void **state)
{
    (void)state;
    static const char *const empty[] = {"pause_",         "safepoint_", "gc_",
                                        "marked_",        "live_bytes", "retained_bytes",
                                        "heap_peak_bytes"};
    struct result r = harness_run(&workload, "", false, unknown_stats);
    assert_int_equal(r.exit_code, 0);
    assert_record(r.records, "status,ok,");
    assert_int_equal(harness_metric(r.records, "checksum"), 42);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        assert_no_metric(r.records, empty[i]);
    assert_string_equal(r.journal, "irpss"); /* no collection is asked for */
    harness_free(&r);
}

static void assert_skipped(const char *words, const char *status)
{
    struct result r = harness_run(&workload, words, false, NULL);
    assert_int_equal(r.exit_code, 4);
    assert_record(r.records, status);
    assert_record(r.records, "done");
    assert_string_equal(r.journal, "");
    harness_free(&r);
}

static void what_the_backend_cannot_do_is_skipped(void **state)
{
    (void)state;
    assert_skipped("--heap-limit 4096", "status,skipped,the backend has no heap limit");
    assert_skipped("--threads 2", "status,skipped,the backend runs one thread only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collection_figures_are_empty_not_0),
        cmocka_unit_test(what_the_backend_cannot_do_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
