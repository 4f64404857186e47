/* `gcmeter compare` as a user types it, on the runs of tests/fixtures: run_slow differs from
 * run_base by one cell that takes 30 % more time and by its processor, run_crash by one cell that
 * crashes, run_quick has 3 invocations. Runs from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "fixtures/run_fixture.h"
#include "gcmeter_process.h"

#define BASE "tests/fixtures/run_base"
#define SLOW "tests/fixtures/run_slow --allow-different cpu_model"

static struct process p;

static void a_run_is_the_same_as_itself(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " BASE);
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "14 same\n");
    assert_string_equal(p.err, "");
}

static void a_regression_comes_first_and_fails(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " SLOW);
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "1 regressed, 13 same\n");
    const char *regressed = strstr(p.out, "  gcbench/boehm/heap=2.5xlive/threads=1  wall_ns");
    const char *other = strstr(p.out, "  same");
    assert_true(regressed && other && regressed < other);
    assert_string_equal(p.err, "");
    assert_null(strstr(p.out, "\x1b"));

    process_run(&p, "compare tests/fixtures/run_slow " BASE " --allow-different cpu_model");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 improved, 13 same\n");

    process_run(&p, "compare " BASE " " SLOW " --tolerance 50");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "compare " BASE " " SLOW " --metric rss_peak_bytes");
    assert_exit_code(&p, CMD_DONE);
}

static void a_crash_breaks_its_cell(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " tests/fixtures/run_crash");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "1 broken, 12 same\n");
    assert_contains(p.out, "0 of 10 failed  10 of 10 failed");
    assert_contains(p.out, "broken: always fails");
}

static void few_invocations_cannot_decide(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " tests/fixtures/run_quick");
    assert_exit_code(&p, CMD_UNDECIDED);
    assert_contains(p.out, "range only");
    assert_contains(p.out, "Fewer than 4 invocations give ranges and no verdict");
}

static void a_metric_that_nobody_measured_cannot_decide(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " BASE " --metric open_max_ns");
    assert_exit_code(&p, CMD_UNDECIDED);
    assert_contains(p.out, "nothing to compare");
}

static void backends_of_a_run(void **state)
{
    (void)state;
    process_run(&p, "compare tests/fixtures/run_crash --by backend");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "ratios to mimalloc, tolerance 5 %");
    assert_contains(p.out, "\ngcbench, threads 1\n");
    assert_contains(p.out, "longest stop");
    assert_contains(p.out, "slower");
    assert_contains(p.out, "crashed: signal 11\\x1b[31m");
    assert_null(strstr(p.out, "\x1b"));
    assert_contains(p.out, "geometric means over the 2 workloads that allocate");
    assert_contains(p.out, "left out: malloc at heap none, which completed 1 of 2");

    process_run(&p, "compare " BASE " --by backend --reference boehm --metric wall_ns");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "faster");
    process_run(&p, "compare " BASE " --by backend --metric wall_ns");
    assert_exit_code(&p, CMD_REGRESSED);
    process_run(&p, "compare tests/fixtures/run_quick --by backend");
    assert_exit_code(&p, CMD_DONE);
}

/* Ten processes of one cell, whose time and memory vary by less than 2 %. */
static void add_setting(struct run_fixture *run, const char *workload, const char *setting,
                        const char *backend, int64_t wall_ns, int64_t bytes)
{
    char cell[128];
    snprintf(cell, sizeof cell, "%s/%s/heap=none/threads=1", workload, setting);
    for (int64_t i = 0; i < 10; i++)
        run_fixture_commit(run, &(struct run_fixture_invocation){
                                    .cell = cell,
                                    .workload = workload,
                                    .backend = backend,
                                    .status = "ok",
                                    .number = i,
                                    .wall_ns = wall_ns + wall_ns / 700 * i,
                                    .rss_peak_bytes = bytes + bytes / 700 * ((i * 7) % 10),
                                    .pause_count = 1,
                                    .latency_max_ns = -1,
                                });
}

/* Of the settings of one backend the fastest is named for each workload, if it is faster than the
 * reference; other backends are none of its settings. */
static void the_best_setting_of_a_backend(void **state)
{
    (void)state;
    struct run_fixture run;
    run_fixture_open(&run, process_path("tuned"));
    run_fixture_key(&run, "schema_version", "1");
    add_setting(&run, "quads", "boehm", "boehm", 1000000000, 100000000);
    add_setting(&run, "quads", "boehm:markers=1", "boehm", 800000000, 100000000);
    add_setting(&run, "quads", "boehm:initial_heap=67108864,interior=0", "boehm", 500000000,
                200000000);
    add_setting(&run, "quads", "malloc", "malloc", 100000000, 10000000);
    add_setting(&run, "sparse", "boehm", "boehm", 1000000000, 100000000);
    add_setting(&run, "sparse", "boehm:markers=1", "boehm", 1500000000, 100000000);
    run_fixture_close(&run);
    process_run(&p, "compare @/tuned --by backend --reference boehm");
    assert_exit_code(&p, CMD_DONE);
    const char *best = strstr(p.out, "\nbest setting of boehm for each workload, as multiples of "
                                     "the reference\n");
    assert_non_null(best);
    assert_contains(best, "boehm:initial_heap=67108864,interior=0  0.50");
    assert_contains(best, "]  2.00 [");
    assert_contains(best, "]  faster\n");
    assert_contains(best, "  none is faster");
    assert_contains(best, "the fastest of 2 other settings, picked after measuring");
    assert_null(strstr(best, "malloc"));
    assert_null(strstr(best, "markers"));
    process_run(&p, "compare @/tuned --by backend --reference boehm --format markdown");
    assert_contains(p.out, "\n### best setting of boehm for each workload");
    /* Where a backend has one setting only, there is nothing to choose. */
    process_run(&p, "compare @/tuned --by backend --reference malloc");
    assert_null(strstr(p.out, "best setting"));
}

static void other_formats(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " SLOW " --format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "cell,metric,n_base,n_new,median_base,median_new,ratio,ratio_low,"
                           "ratio_high,p,p_holm,kind,verdict,needed_invocations\n"
                           "gcbench/boehm/heap=2.5xlive/threads=1,wall_ns,10,10,");
    process_run(&p, "compare " BASE " " SLOW " --format json");
    assert_contains(p.out, "[\n  {\"cell\": \"gcbench/boehm/heap=2.5xlive/threads=1\", ");
    assert_contains(p.out, "\"verdict\": \"regressed\", \"needed_invocations\": null}");
    process_run(&p, "compare " BASE " --by backend --format markdown");
    assert_contains(p.out,
                    "| backend | heap | time | ratio [interval] | longest stop | worst "
                    "operation | peak memory | verdict |\n|---|---|---|---|---|---|---|---|\n"
                    "| mimalloc | none | ");
}

static void write_gate(const char *rows)
{
    FILE *file = fopen(process_path("gate.csv"), "w");
    assert_non_null(file);
    fprintf(file, "cell_pattern,metric,tolerance_pct,tolerance_abs\n%s", rows);
    assert_int_equal(fclose(file), 0);
}

static void what_gates_is_said_by_a_file(void **state)
{
    (void)state;
    write_gate("*,wall_ns,50,0\nquads/*,wall_ns,off,\n");
    process_run(&p, "compare " BASE " " SLOW " --gate @/gate.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "gcbench/boehm");
    assert_null(strstr(p.out, "quads"));
    assert_null(strstr(p.out, "rss_peak_bytes"));
    /* Named metrics gate everywhere, a named tolerance counts in place of the file's. */
    process_run(&p, "compare " BASE " " SLOW " --gate @/gate.csv --metric wall_ns");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "quads");
    process_run(&p, "compare " BASE " " SLOW " --gate @/gate.csv --tolerance 10");
    assert_exit_code(&p, CMD_REGRESSED);

    write_gate("*,wall_time,5,0\n");
    assert_refused("compare " BASE " " BASE " --gate @/gate.csv", CMD_USAGE,
                   "gate.csv:2:2: wall_time is no metric; see gcmeter list metrics");
    assert_refused("compare " BASE " " BASE " --gate @/absent.csv", CMD_USAGE, "absent.csv");
    assert_refused("compare " BASE " " BASE " --gate=", CMD_USAGE, "needs the name of a file");
}

static void runs_that_do_not_compare_are_refused(void **state)
{
    (void)state;
    assert_refused("compare " BASE " tests/fixtures/run_slow", CMD_USAGE,
                   "the runs differ in cpu_model: 'Example CPU' and 'Other CPU'; "
                   "--allow-different cpu_model compares them all the same");
    assert_refused("compare " BASE " " BASE " --allow-different cpu", CMD_USAGE,
                   "--allow-different is 'cpu', which is no key that runs are held to");
    assert_refused("compare " BASE " --by backend --allow-different seed", CMD_USAGE,
                   "--allow-different is for two runs");
}

static void junit_is_well_formed(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " SLOW " --format junit");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "<testsuite name=\"gcmeter compare\" tests=\"14\" failures=\"1\" "
                           "errors=\"0\" skipped=\"0\">");
    assert_contains(p.out, "<failure message=\"regressed: ratio 1.299");
    process_run(&p, "compare " BASE " tests/fixtures/run_crash --format junit");
    assert_contains(p.out,
                    "name=\"status\">\n    <failure message=\"broken: always fails; 10 of 10 "
                    "failed, 0 of 10 before\"/>");
}

static void markdown_folds_away_what_is_well(void **state)
{
    (void)state;
    process_run(&p, "compare " BASE " " SLOW " --format markdown");
    assert_exit_code(&p, CMD_REGRESSED);
    const char *regressed = strstr(p.out, "| gcbench/boehm/heap=2.5xlive/threads=1 | wall\\_ns | ");
    const char *folded = strstr(p.out, "<details><summary>13 improved or the same</summary>");
    assert_int_equal(strncmp(p.out, "**Regressed**: 1 regressed, 13 same\n", 36), 0);
    assert_true(regressed && folded && regressed < folded);
    process_run(&p, "compare " BASE " " BASE " --format markdown");
    assert_int_equal(strncmp(p.out, "**No regression found**: ", 25), 0);
    process_run(&p, "compare " BASE " tests/fixtures/run_quick --format markdown");
    assert_exit_code(&p, CMD_UNDECIDED);
    assert_int_equal(strncmp(p.out, "**Not decided**: ", 17), 0);
}

static void refusals_are_one_line(void **state)
{
    (void)state;
    assert_refused("compare", CMD_USAGE, "two runs are needed: compare BASE NEW");
    assert_refused("compare " BASE, CMD_USAGE, "two runs are needed");
    assert_refused("compare a b c", CMD_USAGE, "'c' is a third run");
    assert_refused("compare " BASE " " BASE " --by backend", CMD_USAGE, "needs one run");
    assert_refused("compare " BASE " --by heap", CMD_USAGE, "--by is 'heap', not backend");
    assert_refused("compare " BASE " " BASE " --reference malloc", CMD_USAGE,
                   "--reference needs --by backend");
    assert_refused("compare " BASE " --by backend --reference go", CMD_USAGE,
                   "no cell of this run is of the variant 'go'");
    assert_refused("compare " BASE " " BASE " --metric wall", CMD_USAGE,
                   "no metric is named 'wall'; see gcmeter list metrics");
    assert_refused("compare " BASE " " BASE " --tolerance -1", CMD_USAGE, "--tolerance is '-1'");
    assert_refused("compare " BASE " " BASE " --alpha nan", CMD_USAGE, "--alpha is 'nan'");
    assert_refused("compare " BASE " " BASE " --format xml", CMD_USAGE, "--format is 'xml'");
    assert_refused("compare " BASE " @/absent", CMD_USAGE, "/absent/run.csv: No such file");
    assert_refused("compare " BASE " tests/fixtures/run_malformed", CMD_USAGE,
                   "tests/fixtures/run_malformed/invocations.csv:5:15: wall_ns is '1e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_the_same_as_itself),
        cmocka_unit_test(a_regression_comes_first_and_fails),
        cmocka_unit_test(a_crash_breaks_its_cell),
        cmocka_unit_test(few_invocations_cannot_decide),
        cmocka_unit_test(a_metric_that_nobody_measured_cannot_decide),
        cmocka_unit_test(backends_of_a_run),
        cmocka_unit_test(the_best_setting_of_a_backend),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(what_gates_is_said_by_a_file),
        cmocka_unit_test(runs_that_do_not_compare_are_refused),
        cmocka_unit_test(junit_is_well_formed),
        cmocka_unit_test(markdown_folds_away_what_is_well),
        cmocka_unit_test(refusals_are_one_line),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
