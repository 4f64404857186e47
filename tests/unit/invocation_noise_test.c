/* What an invocation says of the machine and of itself: hiccups and the stops that they overlap,
 * the observer's costs, the backend's own figures, and how it keeps silent where nothing is
 * recorded. */
#include "invocation_harness.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "runner/hiccup_watch.h"
#include "runner/operation_clock.h"

/* What an iteration does, by `mode`. */
enum { MODE_PLAIN, MODE_STOPPED };

static const struct workload_param params[] = {
    {"mode", "count", MODE_PLAIN, 0, 1, "what to do"},
};

static struct gc_type *const types[] = {NULL};

static const int64_t ms = 1000000;

static uint64_t live_bytes(const struct workload_run *run)
{
    (void)run;
    return 0;
}

static void sleep_ms(int64_t n)
{
    struct timespec t = {0, n * ms};
    while (nanosleep(&t, &t) && errno == EINTR)
        continue;
}

static void spin_ms(int64_t n)
{
    int64_t end_ns = clock_now_ns() + n * ms;
    while (clock_now_ns() < end_ns)
        continue;
}

/* As the kernel tells of it, in the field after the name. */
static bool is_stopped(pid_t pid)
{
    char path[32], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    bool is = file && fgets(line, sizeof line, file) && strrchr(line, ')') &&
              strncmp(strrchr(line, ')'), ") T", 3) == 0;
    if (file)
        fclose(file);
    return is;
}

/* Another process keeps this one from running for 40 ms. Returns when that began. SIGCONT takes
 * back a SIGSTOP that a busy machine has not let this process see yet. */
static int64_t be_stopped_from_outside(void)
{
    pid_t self = getpid();
    int64_t start_ns = clock_now_ns();
    pid_t helper = fork();
    if (helper == 0) {
        kill(self, SIGSTOP);
        while (!is_stopped(self) && getppid() == self)
            sleep_ms(1);
        sleep_ms(40);
        kill(self, SIGCONT);
        _exit(0);
    }
    waitpid(helper, NULL, 0);
    return start_ns;
}

static void report_stop(int64_t start_ns, int64_t duration_ns)
{
    struct gc_stop stop = {.kind = GC_STOP_FULL,
                           .thread = -1,
                           .start_ns = start_ns,
                           .duration_ns = duration_ns,
                           .safepoint_ns = GC_UNKNOWN,
                           .cpu_ns = GC_UNKNOWN,
                           .marked_bytes = GC_UNKNOWN};
    fake.listener->stop(fake.listener->data, &stop);
}

/* The collector's own stop of 5 ms, then three around one from outside: mostly overlapped, less
 * than half, and not at all. */
static void report_stops(void)
{
    int64_t own_ns = clock_now_ns();
    spin_ms(5);
    report_stop(own_ns, 5 * ms);
    spin_ms(30);
    int64_t stopped_ns = be_stopped_from_outside();
    report_stop(stopped_ns, clock_now_ns() - stopped_ns);
    report_stop(stopped_ns, 200 * ms);
    report_stop(stopped_ns - 20 * ms, 5 * ms);
}

static uint64_t iterate(struct workload_thread *thread)
{
    if (workload_param(thread, 0) == MODE_STOPPED && fake.listener->stop)
        report_stops();
    else
        spin_ms(2);
    for (int i = 0; i < 100; i++)
        workload_operation_end(thread);
    return 7;
}

static const struct workload workload = {
    .name = "test",
    .summary = "for tests",
    .operation = "nothing",
    .params = params,
    .param_count = 1,
    .types = types,
    .live_bytes = live_bytes,
    .iterate = iterate,
};

static double extra(const char *records, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "extra,%s,", name);
    const char *line = harness_find(records, start);
    if (!line)
        fail_msg("no record extra,%s", name);
    for (int fields = 0; fields < 4; fields++)
        line = strchr(line, ',') + 1;
    return strtod(line, NULL);
}

static void need_hiccups(void)
{
    struct hiccup_watch *watch = hiccup_watch_start();
    if (!watch && errno == ENOTSUP) {
        print_message("skipped: not under ThreadSanitizer\n");
        skip();
    }
    assert_non_null(watch);
    hiccup_watch_stop(watch);
    hiccup_watch_free(watch);
}

static void stops_in_a_hiccup_are_suspect_and_stay(void **state)
{
    (void)state;
    need_hiccups();
    /* On a machine that other programs keep busy the other stops have hiccups too: not each time.
     */
    struct result r;
    for (int attempt = 0;; attempt++) {
        r = harness_run(&workload, "--warmup 0 --params mode=1", false, NULL);
        assert_int_equal(r.exit_code, 0);
        if (harness_metric(r.records, "pauses_suspect_count") == 1 || attempt == 20)
            break;
        harness_free(&r);
    }
    assert_true(harness_metric(r.records, "hiccup_max_ns") >= 25 * ms);
    assert_true(extra(r.records, "hiccups_count") >= 1);
    assert_int_equal(harness_metric(r.records, "pause_count"), 4);
    assert_int_equal(harness_metric(r.records, "pauses_suspect_count"), 1);
    /* Suspicion removes none, neither that of the collector nor those of doubt. */
    assert_int_equal(harness_metric(r.records, "pause_max_ns"), 200 * ms);
    assert_int_equal(harness_count(r.records, "pause,"), 4);
    harness_free(&r);
}

static void hiccups_are_cut_to_the_measured_part(void **state)
{
    (void)state;
    need_hiccups();
    struct result r = harness_run(&workload, "--warmup 1 --iterations 3", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_true(harness_metric(r.records, "hiccup_max_ns") <= harness_metric(r.records, "wall_ns"));
    assert_int_equal(harness_metric(r.records, "pauses_suspect_count"), 0);
    harness_free(&r);
}

static void costs_of_the_observer_are_measured(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "", false, NULL);
    int64_t operation_ns = harness_metric(r.records, "observer_ns");
    double clock_ns = extra(r.records, "observer_clock_ns");
    double entry_ns = extra(r.records, "observer_stop_entry_ns");
    double stop_ns = extra(r.records, "observer_stop_ns");
    assert_in_range(operation_ns, 1, 10000);
    assert_true(clock_ns > 0 && clock_ns < 10000);
    /* Not in each run: within a millisecond the one clock may not be held against the other. */
    assert_true(operation_clock_has_counter() ||
                !harness_find(r.records, "extra,operation_clock_error_ns,"));
    assert_true(entry_ns > 0 && entry_ns <= stop_ns && stop_ns < 100000);
    /* Nothing that was written while they were measured is left. */
    assert_int_equal(harness_metric(r.records, "operations_count"), 100);
    assert_int_equal(harness_metric(r.records, "pause_count"), 0);
    harness_free(&r);
}

/* Operations that take no longer than recording them are flagged. */
static void figures_near_the_observer_are_flagged(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "", false, NULL);
    assert_record(r.records, "flag,latency_near_observer");
    assert_null(harness_find(r.records, "flag,pauses_near_observer"));
    harness_free(&r);
}

/* Of what counts up since the start, what the measured part added; of the rest, what it is. */
static void figures_of_the_backend_are_those_of_the_measured_part(void **state)
{
    (void)state;
    struct result r = harness_run(&workload, "--warmup 3", false, NULL);
    assert_record(r.records, "extra,fake_levels_count,count,none,2.5");
    /* The fake's counter counts how often it is looked at: once more since the beginning. */
    assert_record(r.records, "extra,fake_looks_count,count,lower,1");
    harness_free(&r);
}

static void without_recording_only_times_are_told(void **state)
{
    (void)state;
    struct result r =
        harness_run(&workload, "--record 0 --iterations 2 --params mode=1", false, NULL);
    assert_int_equal(r.exit_code, 0);
    assert_true(harness_metric(r.records, "wall_ns") > 0);
    assert_int_equal(harness_metric(r.records, "checksum"), 7);
    assert_int_equal(harness_count(r.records, "iteration,"), 3);
    static const char *const silent[] = {
        "observer_ns", "hiccup_max_ns", "pause", "latency", "operations_count", "gc_count",
    };
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        assert_no_metric(r.records, silent[i]);
    assert_null(harness_find(r.records, "latency,"));
    assert_null(harness_find(r.records, "extra,"));
    assert_null(harness_find(r.records, "flag,"));
    harness_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_in_a_hiccup_are_suspect_and_stay),
        cmocka_unit_test(hiccups_are_cut_to_the_measured_part),
        cmocka_unit_test(costs_of_the_observer_are_measured),
        cmocka_unit_test(figures_near_the_observer_are_flagged),
        cmocka_unit_test(figures_of_the_backend_are_those_of_the_measured_part),
        cmocka_unit_test(without_recording_only_times_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
