/* The Go reference, where it is built: it describes the same workloads as the C runners, sees its
 * stops, keeps its heap limit and refuses nonsense as they do. That it does the same work is in
 * workloads_test.c, as for every backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "integration/gcmeter_process.h"

#define SMALL_GCBENCH                                                                              \
    "gcbench --params "                                                                            \
    "stretch_depth=15,long_lived_depth=13,array=100000,min_depth=4,max_depth=13"

/* Runs `gcmeter-run-NAME ARGUMENTS` by the shell; returns its exit code. What it prints on stdout
 * and stderr is in `output`. */
static char output[16 << 20];
static int run(const char *name, const char *arguments)
{
    char command[2048];
    const char *bin = getenv("GCMETER_BIN");
    snprintf(command, sizeof command, "'%s/gcmeter-run-%s' %s 2>&1", bin ? bin : "build/bin", name,
             arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t used = fread(output, 1, sizeof output - 1, pipe);
    output[used] = '\0';
    assert_true(feof(pipe));
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void need_go(void)
{
    char path[4096];
    const char *bin = getenv("GCMETER_BIN");
    snprintf(path, sizeof path, "%s/gcmeter-run-go", bin ? bin : "build/bin");
    if (access(path, X_OK) == 0)
        return;
    print_message("skipped: no Go of at least 1.19 is here (package golang-go)\n");
    skip();
}

static void run_go(const char *arguments)
{
    int code = run("go", arguments);
    if (code != 0 || !strstr(output, "\nstatus,ok,\n") || !strstr(output, "\ndone\n"))
        fail_msg("%s: exit code %d:\n%s", arguments, code, output);
}

/* The value of `metric,NAME,` or `extra,NAME,…` of the last run. */
static int64_t value_of(const char *prefix)
{
    char line[128];
    snprintf(line, sizeof line, "\n%s,", prefix);
    const char *at = strstr(output, line);
    if (!at)
        fail_msg("no record %s in:\n%s", prefix, output);
    return strtoll(at + strlen(line), NULL, 10);
}

static void ports_have_the_parameters_of_the_c_workloads(void **state)
{
    (void)state;
    need_go();
    assert_int_equal(run("malloc", "--describe"), 0);
    char *c_rows = strdup(output);
    assert_non_null(c_rows);
    assert_int_equal(run("go", "--describe"), 0);
    size_t workloads = 0, go_params = 0, c_params = 0;
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "workload,", 9) != 0 && strncmp(line, "param,", 6) != 0)
            continue;
        const char *same = strstr(c_rows, line);
        if (!same || same[-1] != '\n' || same[strlen(line)] != '\n')
            fail_msg("the C workloads have no row %s", line);
        if (strncmp(line, "param,", 6) == 0) {
            go_params++;
            continue;
        }
        workloads++;
        char prefix[128];
        snprintf(prefix, sizeof prefix, "\nparam,%.*s,", (int)strcspn(line + 9, ","), line + 9);
        for (const char *at = c_rows; (at = strstr(at, prefix)); at++)
            c_params++;
    }
    free(c_rows);
    assert_true(workloads >= 11);
    assert_int_equal(go_params, c_params);
}

/* Checks the pause rows of the last run: beginnings and ends of marking in turn, disjoint, inside
 * the measured part. Returns how many there are. */
static int64_t check_stops(void)
{
    int64_t count = 0, previous_end = 0, wall = value_of("metric,wall_ns");
    for (const char *at = output; (at = strstr(at, "\npause,-1,")); count++) {
        char kind[16];
        int64_t start, duration;
        at++;
        if (sscanf(at, "pause,-1,%15[a-z_],%" SCNd64 ",%" SCNd64 ",", kind, &start, &duration) != 3)
            fail_msg("%.80s", at);
        assert_true(start >= previous_end && start < wall && duration >= 0);
        previous_end = start + duration;
        if (count == 0)
            assert_string_equal(kind, "mark_start");
    }
    return count;
}

static void gctrace_shows_two_stops_of_each_collection(void **state)
{
    (void)state;
    need_go();
    run_go("--run --workload " SMALL_GCBENCH);
    int64_t stops = check_stops(), collections = value_of("metric,gc_count");
    assert_true(collections >= 5);
    assert_int_equal(stops, value_of("metric,pause_count"));
    /* A collection that is under way when the measured part ends is not one of gc_count. */
    assert_in_range(stops, 2 * collections, 2 * collections + 2);
    /* The runtime's own count has every stop, also the rare one after which marking goes on, which
     * gctrace leaves out. */
    assert_in_range(value_of("extra,go_pauses_count,count,none"), stops - 2, stops + stops / 4 + 2);
    assert_null(strstr(output, "\nmetric,live_bytes,"));
}

/* What is live by a run that has the runtime's trace. */
static int64_t live_by_trace(void)
{
    run_go("--run --workload " SMALL_GCBENCH " --options stops=trace");
    int64_t stops = check_stops(), collections = value_of("metric,gc_count");
    int64_t longest = value_of("metric,pause_max_ns"), total = value_of("metric,pause_total_ns");
    assert_true(collections >= 5);
    assert_int_equal(stops, value_of("metric,pause_count"));
    assert_in_range(value_of("extra,go_pauses_count,count,none"), stops - 1, stops + 1);
    assert_true(longest > 0 && longest <= total && total < value_of("metric,wall_ns"));
    return value_of("metric,live_bytes");
}

static void trace_shows_every_stop_and_what_is_live(void **state)
{
    (void)state;
    need_go();
    assert_int_equal(run("go", "--live-bytes --workload " SMALL_GCBENCH), 0);
    int64_t stated = strtoll(output, NULL, 10);
    /* What is allocated while marking counts as marked; between two trees only the long-lived data
     * is there. On a busy machine marking may wait while the program allocates: tried again. */
    int64_t live = live_by_trace();
    for (int attempt = 1; attempt < 10 && live > 3 * stated; attempt++)
        live = live_by_trace();
    assert_in_range(live, stated / 3, 3 * stated);
}

static void stops_need_not_be_recorded(void **state)
{
    (void)state;
    need_go();
    run_go("--run --workload " SMALL_GCBENCH " --options stops=none");
    assert_true(value_of("metric,gc_count") >= 5);
    assert_null(strstr(output, "\nmetric,pause_count,"));
    assert_null(strstr(output, "\npause,"));
}

static void settings_of_the_environment_do_not_count(void **state)
{
    (void)state;
    need_go();
    setenv("GOGC", "off", 1);
    setenv("GOMEMLIMIT", "1MiB", 1);
    setenv("GODEBUG", "gcstoptheworld=1", 1);
    run_go("--run --workload " SMALL_GCBENCH);
    int64_t collections = value_of("metric,gc_count");
    unsetenv("GOGC");
    unsetenv("GOMEMLIMIT");
    unsetenv("GODEBUG");
    run_go("--run --workload " SMALL_GCBENCH);
    int64_t expected = value_of("metric,gc_count");
    assert_in_range(collections, expected / 2, 2 * expected);
}

static void gogc_sets_how_often_it_collects(void **state)
{
    (void)state;
    need_go();
    run_go("--run --workload " SMALL_GCBENCH " --options gogc=50");
    int64_t often = value_of("metric,gc_count");
    run_go("--run --workload " SMALL_GCBENCH " --options gogc=400");
    int64_t seldom = value_of("metric,gc_count");
    assert_true(often > 2 * seldom);
    run_go("--run --workload " SMALL_GCBENCH " --options gogc=-1");
    assert_int_equal(value_of("metric,gc_count"), 0);
}

static void the_heap_limit_is_kept_or_reported(void **state)
{
    (void)state;
    need_go();
    /* Without GOGC only the limit makes it collect. */
    run_go("--run --workload " SMALL_GCBENCH " --options gogc=-1 --heap-limit 30000000");
    assert_true(value_of("metric,gc_count") >= 1);
    assert_int_equal(
        run("go", "--run --workload quads --params depth=9,rounds=5 --heap-limit 4000000"), 4);
    assert_non_null(strstr(output, "\nstatus,oom,\""));
    assert_non_null(strstr(output, "more than 5 % above the limit of 4000000"));
    assert_non_null(strstr(output, "\ndone\n"));
    assert_int_equal(
        run("go", "--run --workload quads --params depth=9,rounds=5 --memory-cap 4000000"), 4);
    assert_non_null(strstr(output, "\nstatus,oom,\""));
}

/* How many requests the series of the last run holds. */
static int64_t count_in(const char *series)
{
    char prefix[64];
    int64_t count = 0;
    snprintf(prefix, sizeof prefix, "\nlatency,%s,", series);
    for (const char *at = output; (at = strstr(at, prefix)); at++) {
        int64_t low, high, n;
        if (sscanf(at + strlen(prefix), "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &low, &high, &n) != 3)
            fail_msg("%.80s", at);
        assert_true(low <= high && n > 0);
        count += n;
    }
    return count;
}

/* As from the C runners: metered latency of requests always, open-loop latency of the same ones at
 * a rate (invocation_requests_test.c). More requests than the first part of the log holds. */
static void requests_have_all_their_latencies(void **state)
{
    (void)state;
    need_go();
    run_go(
        "--run --workload lru_cache --params entries=500,keys=1000,requests=9000 --iterations 2");
    assert_int_equal(value_of("metric,operations_count"), 18000);
    static const char *const series[] = {"simple", "metered_100ms", "metered_full"};
    for (size_t i = 0; i < sizeof series / sizeof series[0]; i++)
        assert_int_equal(count_in(series[i]), 18000);
    assert_int_equal(count_in("open"), 0);
    assert_int_equal(value_of("extra,request_log_bytes,bytes,none"), 18000 * 16);
    assert_true(value_of("metric,metered_p50_ns") >= value_of("metric,latency_p50_ns"));
    assert_true(value_of("metric,metered_max_ns") >= value_of("metric,latency_max_ns"));
    assert_null(strstr(output, "open_"));

    run_go("--run --workload http_server --threads 2 "
           "--params sessions=200,requests=3000,nodes=20,rate=100000");
    static const char *const at_a_rate[] = {"simple", "metered_100ms", "metered_full", "open"};
    for (size_t i = 0; i < sizeof at_a_rate / sizeof at_a_rate[0]; i++)
        assert_int_equal(count_in(at_a_rate[i]), 3000);
    assert_true(value_of("metric,open_max_ns") >= value_of("metric,latency_max_ns"));
    assert_true(value_of("extra,open_spin_ns,ns,none") >= 0);
    /* The last request was due 29.99 ms after the first. */
    assert_true(value_of("metric,wall_ns") >= 29990000);

    run_go("--run --workload strings --params vocabulary=100,documents=3");
    assert_int_equal(count_in("simple"), value_of("metric,operations_count"));
    assert_int_equal(count_in("metered_100ms"), 0);
}

/* The same words, the same first line: what the C runners refuse. */
static void nonsense_is_refused_as_by_the_c_runners(void **state)
{
    static const char *const refused[] = {
        "",
        "--what",
        "--run",
        "--run --workload none",
        "--run --workload quads --depth 3",
        "--run --workload quads --params",
        "--run --workload quads --params depth",
        "--run --workload quads --params depth=3,depth=4",
        "--run --workload quads --params depth=2",
        "--run --workload quads --params depth=+4",
        "--run --workload quads --params width=2",
        "--run --workload quads --options none=1",
        "--run --workload quads --threads 0",
        "--run --workload quads --threads 2 --threads 2",
        "--run --workload quads --iterations 0",
        "--run --workload quads --seed 18446744073709551616",
        "--run --workload quads --records 77",
        "--run --workload quads --probe 1",
        "--live-bytes --workload quads --seed 1",
        "--describe --workload quads",
        "--run --workload quads --params depth=3,garbage_depth=3",
        "--run --workload slice_append --params slices=5,window=6",
        "--run --workload cyclic_graph --params window=1 --threads 2",
        "--run --workload pooled_buffers --params buffers=10,held=11",
        "--run --workload gcbench --params min_depth=6,max_depth=5",
        "--run --workload lru_cache --params bytes=20",
        "--run --workload lru_cache --params keys=49999",
        "--run --workload lru_cache --params shards=2 --threads 3",
        "--run --workload http_server --params sessions=15",
        "--run --workload http_server --params rate=1000000001",
        "--run --workload http_server --params shards=2 --threads 3",
        "--run --workload strings --params vocabulary=15",
    };
    (void)state;
    need_go();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int code = run("malloc", refused[i]);
        char expected[1024];
        snprintf(expected, sizeof expected, "%s", strchr(output, ' '));
        if (run("go", refused[i]) != code || code != 2)
            fail_msg("%s: not refused as by malloc:\n%s", refused[i], output);
        assert_string_equal(strchr(output, ' '), expected);
    }
    static const char *const options[] = {"gogc=-2", "gogc=x", "procs=-1", "stops=maybe", "stops"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        char arguments[128];
        snprintf(arguments, sizeof arguments, "--run --workload quads --options %s", options[i]);
        assert_int_equal(run("go", arguments), 2);
        assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
    }
}

/* Its parts have tests in Go. */
static void its_own_tests_pass(void **state)
{
    (void)state;
    need_go();
    if (system("\"${GCMETER_GO:-go}\" version >/dev/null 2>&1") != 0) {
        print_message("skipped: the runner is built, but no go is in PATH\n");
        skip();
    }
    FILE *pipe = popen("cd collectors/go && \"${GCMETER_GO:-go}\" test ./... 2>&1", "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("%s", output);
}

/* The whole way through the driver, which compares the checksums of the two. */
static void the_driver_runs_it_beside_another(void **state)
{
    static struct process p;
    static char rows[1 << 16];
    (void)state;
    need_go();
    process_run(&p, "run --quiet --out @/run --invocations 2 --backend malloc --backend go "
                    "--backend go:gogc=50,stops=trace --workload quads:depth=6 --threads 2");
    assert_exit_code(&p, 0);
    process_read_file(process_path("run/invocations.csv"), rows, sizeof rows);
    assert_contains(rows, "quads:depth=6/go/heap=none/threads=2,");
    assert_contains(rows, "quads:depth=6/go:gogc=50,stops=trace/heap=none/threads=2\",");
    process_read_file(process_path("run/run.csv"), rows, sizeof rows);
    assert_contains(rows, "backend_go_version,go1.");
    assert_contains(rows, "backend_go_fact_interior,from everywhere\n");
    assert_contains(rows, "variant_2_fact_limit,soft");
    assert_contains(rows, "backend_malloc_fact_zeroing,none\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_have_the_parameters_of_the_c_workloads),
        cmocka_unit_test(gctrace_shows_two_stops_of_each_collection),
        cmocka_unit_test(trace_shows_every_stop_and_what_is_live),
        cmocka_unit_test(stops_need_not_be_recorded),
        cmocka_unit_test(settings_of_the_environment_do_not_count),
        cmocka_unit_test(gogc_sets_how_often_it_collects),
        cmocka_unit_test(the_heap_limit_is_kept_or_reported),
        cmocka_unit_test(requests_have_all_their_latencies),
        cmocka_unit_test(nonsense_is_refused_as_by_the_c_runners),
        cmocka_unit_test(its_own_tests_pass),
        cmocka_unit_test(the_driver_runs_it_beside_another),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
