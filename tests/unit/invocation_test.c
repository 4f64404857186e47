/* One invocation from end to end on a fake tracing backend: the order of things, every figure, and
 * every way to end. */
#include "invocation_harness.h"

#include "base/clock.h"

#define STOPS 1000

/* What an iteration does, by `mode`. */
enum { MODE_PLAIN, MODE_UNEQUAL, MODE_FAIL, MODE_OOM, MODE_STOPS, MODE_WAIT };

enum { MODE, OPERATIONS };

static const struct workload_param params[] = {
    {"mode", "count", MODE_PLAIN, 0, 10, "what to do"},
    {"operations", "count", 1000, 0, 1000000, "of an iteration, all threads together"},
};

static struct gc_type leaf = GC_TYPE_LEAF("leaf");
static struct gc_type record = {.name = "record", .fixed_bytes = 8, .fixed_pointers = 1};
static struct gc_type *const types[] = {&leaf, &record, NULL};

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->params[OPERATIONS] * 10 + run->threads;
}

static const char *check(const struct workload_run *run)
{
    return run->params[OPERATIONS] == 999 ? "operations must not be 999" : NULL;
}

static void setup(struct workload_thread *thread)
{
    fake_note('S');
    fake_require(leaf.backend_word == 1 && record.backend_word == 1);
    workload_print(thread, "printed in setup");
}

static void teardown(struct workload_thread *thread)
{
    fake_note('T');
    workload_print(thread, "printed in teardown");
}

/* Stops of 1 to STOPS us, in an order that is not sorted, and collections that enclose them. The
 * first of each began long before the measured part. */
static void report_events(void)
{
    int64_t now_ns = clock_now_ns();
    struct gc_stop stop = {.kind = GC_STOP_FULL, .thread = -1, .start_ns = 5, .duration_ns = 1};
    struct gc_collection collection = {
        .kind = GC_COLLECTION_FULL, .start_ns = 5, .end_ns = 6, .live_bytes = 1};
    fake.listener->stop(fake.listener->data, &stop);
    fake.listener->collection(fake.listener->data, &collection);
    for (int64_t i = 0; i < STOPS; i++) {
        int64_t us = i * 7 % STOPS + 1;
        stop.start_ns = now_ns;
        stop.kind = i % 2 ? GC_STOP_MARK_START : GC_STOP_MARK_END;
        stop.thread = i % 2 ? (int32_t)(i % 3) : -1;
        stop.duration_ns = us * 1000;
        stop.safepoint_ns = us % 10 == 0 ? GC_UNKNOWN : (uint64_t)us;
        stop.cpu_ns = (uint64_t)us * 2;
        stop.marked_bytes = (uint64_t)us * 100;
        fake.listener->stop(fake.listener->data, &stop);
    }
    collection = (struct gc_collection){
        .kind = GC_COLLECTION_FULL,
        .start_ns = now_ns,
        .end_ns = now_ns + 50,
        .mark_ns = 30,
        .sweep_ns = GC_UNKNOWN,
        .heap_before_bytes = 4000,
        .heap_after_bytes = 3000,
        .live_bytes = 12345,
        .marked_count = 7,
        .marked_bytes = 2000,
    };
    fake.listener->collection(fake.listener->data, &collection);
    collection.kind = GC_COLLECTION_MINOR;
    collection.live_bytes = 99;
    fake.listener->collection(fake.listener->data, &collection);
}

static uint64_t iterate(struct workload_thread *thread)
{
    static _Atomic uint64_t iterations;
    uint64_t first, end;
    uint64_t checksum = 0;
    uint64_t mode = workload_param(thread, MODE);
    fake_note('I');
    workload_share(thread, workload_param(thread, OPERATIONS), &first, &end);
    for (uint64_t i = first; i < end; i++) {
        checksum += i * thread->run->seed;
        workload_operation_end(thread);
    }
    workload_allocated(thread, 16 * (end - first), end - first);
    workload_print(thread, "printed in iterate");
    if (mode == MODE_UNEQUAL)
        checksum += atomic_fetch_add(&iterations, 1);
    if (mode == MODE_FAIL)
        workload_fail(thread, "the ring is \"broken\"");
    if (mode == MODE_OOM && thread->index == thread->run->threads - 1)
        fake.listener->out_of_memory(fake.listener->data, 77);
    if (mode == MODE_STOPS && thread->index == 0)
        report_events();
    if (mode == MODE_WAIT || mode == MODE_OOM)
        workload_barrier(thread);
    return checksum;
}

static const struct workload workload = {
    .name = "test",
    .summary = "for tests",
    .operation = "one addition",
    .params = params,
    .param_count = 2,
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .setup = setup,
    .teardown = teardown,
    .iterate = iterate,
};

static void set_stats(void)
{
    fake.stats = (struct gc_stats){
        .gc_count = 3,
        .gc_full_count = 2,
        .heap_peak_bytes = 65536,
        .live_bytes = 777,
        .marked_count = GC_UNKNOWN,
        .marked_bytes = 10,
    };
}

static void everything_happens_in_order(void **state)
{
    (void)state;
    struct result r =
        harness_run(&workload, "--warmup 2 --iterations 3 --seed 5", false, set_stats);
    assert_string_equal(r.err, "");
    assert_int_equal(r.exit_code, 0);
    assert_string_equal(r.journal, "ittrSIIcpsIIIsT");
    assert_true(strncmp(r.records, "hello,1\nbegin,", 14) == 0);
    assert_string_equal(r.records + strlen(r.records) - 16, "status,ok,\ndone\n");
    static const char *const iterations[] = {"-2", "-1", "0", "1", "2"};
    assert_int_equal(harness_count(r.records, "iteration,"), 5);
    for (size_t i = 0; i < 5; i++) {
        char start[32];
        snprintf(start, sizeof start, "iteration,%s,", iterations[i]);
        assert_int_equal(harness_count(r.records, start), 1);
    }
    harness_free(&r);
}

static void figures_cover_the_measured_part(void **state)
{
    (void)state;
    struct result r =
        harness_run(&workload, "--warmup 2 --iterations 3 --seed 5", false, set_stats);
    assert_int_equal(harness_metric(r.records, "operations_count"), 3000);
    assert_int_equal(harness_metric(r.records, "allocated_count"), 3000);
    assert_int_equal(harness_metric(r.records, "allocated_bytes"), 48000);
    assert_int_equal(harness_metric(r.records, "checksum"), 5 * 999 * 500);
    int64_t begin = strtoll(harness_find(r.records, "begin,") + 6, NULL, 10);
    int64_t end = strtoll(harness_find(r.records, "end,") + 4, NULL, 10);
    assert_int_equal(harness_metric(r.records, "wall_ns"), end - begin);
    assert_true(end > begin);
    assert_true(harness_metric(r.records, "init_ns") > 0);
    assert_true(harness_metric(r.records, "observer_ns") > 0);
    assert_true(harness_metric(r.records, "rss_peak_bytes") > 0);
    assert_int_equal(harness_metric(r.records, "heap_peak_bytes"), 65536);
    assert_int_equal(harness_metric(r.records, "gc_count"), 0);
    assert_int_equal(harness_metric(r.records, "marked_bytes"), 0);
    assert_no_metric(r.records, "marked_count");
    assert_no_metric(r.records, "live_bytes"); /* nothing was collected: unknown, not 777 */
    assert_record(r.records, "extra,fake_levels_count,count,none,2.5");

    /* 3000 operations: p99 is defined, p99.9 is not. The buckets hold them all. */
    assert_true(harness_metric(r.records, "latency_p50_ns") <=
                harness_metric(r.records, "latency_p99_ns"));
    assert_true(harness_metric(r.records, "latency_p99_ns") <=
                harness_metric(r.records, "latency_max_ns"));
    assert_no_metric(r.records, "latency_p999_ns");
    assert_no_metric(r.records, "latency_p9999_ns");
    uint64_t count = 0;
    for (const char *l = r.records; (l = harness_find(l, "latency,simple,")); l++) {
        int64_t low, high;
        uint64_t n;
        assert_int_equal(
            sscanf(l, "latency,simple,%" SCNd64 ",%" SCNd64 ",%" SCNu64, &low, &high, &n), 3);
        assert_true(low <= high && n > 0);
        count += n;
    }
    assert_int_equal(count, 3000);
    harness_free(&r);
}

/* The same work at any number of threads, and workers that are there from before setup. */
static void threads_share_the_work(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--params mode=5 --threads 4 --seed 5", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(harness_metric(r.records, "checksum"), 5 * 999 * 500);
    assert_int_equal(harness_metric(r.records, "operations_count"), 1000);
    assert_int_equal(harness_metric(r.records, "allocated_count"), 1000);
    assert_string_equal(r.journal, "ittraaaSIIIIcpsIIIIsTddd");
    harness_free(&r);
}

static void no_warm_up_is_allowed(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--warmup 0 --iterations 1", false, NULL);
    assert_string_equal(r.journal, "ittrScpsIsT");
    assert_int_equal(harness_count(r.records, "iteration,0,"), 1);
    assert_int_equal(harness_count(r.records, "iteration,"), 1);
    harness_free(&r);
}

static void a_workload_without_operations_has_no_latency(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--params operations=0", false, NULL);
    assert_int_equal(harness_metric(r.records, "operations_count"), 0);
    assert_no_metric(r.records, "latency_");
    assert_null(harness_find(r.records, "latency,"));
    harness_free(&r);
}

/* Only in the first measured iteration, and never between the records. */
static void printing_keeps_out_of_the_records(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--warmup 2 --iterations 3", false, NULL);
    assert_string_equal(r.out, "printed in iterate\n");
    assert_string_equal(r.err, "");
    harness_free(&r);
    r = harness_run(&workload, "--warmup 2 --iterations 3", true, NULL);
    assert_string_equal(r.err, "printed in iterate\n");
    assert_null(strstr(r.out, "printed"));
    assert_record(r.out, "status,ok,");
    harness_free(&r);
}

static void stops_and_collections_are_reported(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--params mode=4", false, set_stats);
    assert_int_equal(r.exit_code, 0);
    assert_int_equal(harness_metric(r.records, "pause_count"), STOPS);
    assert_int_equal(harness_metric(r.records, "pause_total_ns"),
                     INT64_C(1000) * STOPS * (STOPS + 1) / 2);
    assert_int_equal(harness_metric(r.records, "pause_p50_ns"), 500000);
    assert_int_equal(harness_metric(r.records, "pause_p99_ns"), 990000);
    assert_int_equal(harness_metric(r.records, "pause_max_ns"), 1000000);
    assert_int_equal(harness_metric(r.records, "pause_cpu_total_ns"), STOPS * (STOPS + 1));
    assert_int_equal(harness_metric(r.records, "pause_work_max_bytes"), 100 * STOPS);
    assert_int_equal(harness_metric(r.records, "safepoint_max_ns"), STOPS - 1);
    assert_int_equal(harness_count(r.records, "pause,"), STOPS);
    assert_int_equal(harness_count(r.records, "pause,-1,mark_end,"), STOPS / 2);
    int64_t start, duration;
    int safepoint;
    assert_int_equal(sscanf(harness_find(r.records, "pause,1,mark_start,"),
                            "pause,1,mark_start,%" SCNd64 ",%" SCNd64 ",%d", &start, &duration,
                            &safepoint),
                     3);
    assert_true(start >= 0 && start < harness_metric(r.records, "wall_ns"));
    assert_int_equal(duration, 8000); /* the second of them, 1 * 7 + 1 */
    assert_int_equal(safepoint, 8);

    /* What began before is dropped; numbers count from the measured part on. */
    assert_int_equal(harness_count(r.records, "collection,"), 2);
    char row[128];
    snprintf(row, sizeof row,
             "collection,0,full,%" PRId64 ",%" PRId64 ",30,,4000,3000,12345,7,2000", start,
             start + 50);
    assert_record(r.records, row);
    assert_int_equal(harness_count(r.records, "collection,1,minor,"), 1);
    assert_int_equal(harness_metric(r.records, "live_bytes"), 12345);
    assert_int_equal(harness_metric(r.records, "retained_bytes"), 12345 - 10001);
    assert_null(harness_find(r.records, "flag,pause_source"));
    harness_free(&r);
}

static void one_full_collection(void)
{
    set_stats();
    fake.gc_step = fake.gc_full_step = 1;
}

static void a_full_and_a_minor_collection(void)
{
    one_full_collection();
    fake.gc_step = 2;
}

/* A backend without rows of its collections: its statistics speak for the last one, if it was full.
 */
static void live_bytes_may_come_from_the_statistics(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "", false, one_full_collection);
    assert_int_equal(harness_metric(r.records, "gc_count"), 1);
    assert_int_equal(harness_metric(r.records, "gc_full_count"), 1);
    assert_int_equal(harness_metric(r.records, "live_bytes"), 777);
    assert_int_equal(harness_metric(r.records, "retained_bytes"), 777 - 10001);
    harness_free(&r);
    r = harness_run(&workload, "", false, a_full_and_a_minor_collection);
    assert_int_equal(harness_metric(r.records, "gc_count"), 2);
    assert_no_metric(r.records, "live_bytes");
    assert_no_metric(r.records, "retained_bytes");
    harness_free(&r);
}

static void marks_for_source(void)
{
    fake.pause_source = "mark";
}

static void no_source(void)
{
    fake.pause_source = "";
}

static void the_source_of_stops_is_told(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--params mode=4", false, marks_for_source);
    assert_record(r.records, "flag,pause_source=mark");
    assert_int_equal(harness_metric(r.records, "pause_count"), STOPS);
    harness_free(&r);
    r = harness_run(&workload, "--params mode=4", false, no_source);
    assert_no_metric(r.records, "pause_");
    assert_no_metric(r.records, "safepoint_");
    assert_null(harness_find(r.records, "flag,pause_source"));
    harness_free(&r);
}

static void assert_ends(const char *words, void (*prepare)(void), int exit_code, const char *status)
{
    struct result r = harness_run(&workload, words, false, prepare);
    assert_int_equal(r.exit_code, exit_code);
    assert_record(r.records, status);
    assert_int_equal(harness_count(r.records, "status,"), 1);
    assert_true(strlen(r.records) > 5);
    assert_string_equal(r.records + strlen(r.records) - 5, "done\n");
    assert_true(strncmp(r.records, "hello,1\n", 8) == 0);
    harness_free(&r);
}

static void refuse_options(void)
{
    fake.init_result = -EINVAL;
}

static void refuse_memory(void)
{
    fake.init_result = -ENOMEM;
}

static void refuse_threads(void)
{
    fake.attach_limit = 2;
}

static void end_with_a_thread(void)
{
    refuse_threads();
    fake.attach_ends_process = true;
}

static void every_other_end_has_its_status(void **state)
{
    (void)state;
    assert_ends("--params mode=1", NULL, 4,
                "status,wrong,\"checksum of iteration 0 is 499501, that of -1 was 499500\"");
    assert_ends("--params mode=2", NULL, 4, "status,wrong,\"the ring is \"\"broken\"\"\"");
    assert_ends("--params mode=2 --threads 4", NULL, 4,
                "status,wrong,\"the ring is \"\"broken\"\"\"");
    assert_ends("--params mode=3", NULL, 4, "status,oom,cannot allocate 77 bytes");
    assert_ends("--params mode=3 --threads 4 --heap-limit 4096", NULL, 4,
                "status,oom,cannot allocate 77 bytes within 4096 bytes");
    assert_ends("", refuse_options, 2, "status,skipped,this is refused");
    assert_ends("", refuse_memory, 4,
                "status,oom,the backend does not start: Cannot allocate memory");
    assert_ends("--threads 4", refuse_threads, 4,
                "status,oom,the worker threads do not start: Resource temporarily unavailable");
    assert_ends("--threads 4 --heap-limit 4096", end_with_a_thread, 4,
                "status,oom,cannot attach a thread within 4096 bytes");
}

static void newer_headers(void)
{
    fake.header_version = "1.1";
}

static void assert_refused(const char *words, void (*prepare)(void), int exit_code,
                           const char *line)
{
    struct result r = harness_run(&workload, words, false, prepare);
    assert_string_equal(r.records, "");
    assert_string_equal(r.out, "");
    assert_non_null(strstr(r.err, line));
    assert_ptr_equal(strchr(r.err, '\n'), r.err + strlen(r.err) - 1);
    assert_int_equal(r.exit_code, exit_code);
    harness_free(&r);
}

static void mistakes_record_nothing(void **state)
{
    (void)state;
    assert_refused("--params mode=99", NULL, 2, "parameter mode=99: not an integer from 0 to 10");
    assert_refused("--params operations=999", NULL, 2, "workload test: operations must not be 999");
    assert_refused("--options depth=10", NULL, 2, "option depth=10: not an integer from 1 to 9");
    assert_refused("--options depth=9", NULL, 2,
                   "option depth=9 is for the runner of flavour 'deep'");
    assert_refused("", newer_headers, 3, "built against the headers of fake 1.1");
}

static void what_cannot_be_done_is_skipped(void **state)
{
    (void)state;
    struct workload single = workload;
    single.traits = 0;
    struct result r = harness_run(&single, "--threads 2", false, NULL);
    assert_int_equal(r.exit_code, 4);
    assert_string_equal(r.records,
                        "hello,1\nstatus,skipped,the workload runs on one thread only\ndone\n");
    assert_string_equal(r.journal, "");
    harness_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_happens_in_order),
        cmocka_unit_test(figures_cover_the_measured_part),
        cmocka_unit_test(threads_share_the_work),
        cmocka_unit_test(no_warm_up_is_allowed),
        cmocka_unit_test(a_workload_without_operations_has_no_latency),
        cmocka_unit_test(printing_keeps_out_of_the_records),
        cmocka_unit_test(stops_and_collections_are_reported),
        cmocka_unit_test(live_bytes_may_come_from_the_statistics),
        cmocka_unit_test(the_source_of_stops_is_told),
        cmocka_unit_test(every_other_end_has_its_status),
        cmocka_unit_test(mistakes_record_nothing),
        cmocka_unit_test(what_cannot_be_done_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
