/* `gcmeter history` as a user types it: a file grown run by run, what `show` says of it, and when
 * `check` fails. Runs from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "fixtures/history_fixture.h"
#include "gcmeter_process.h"

static struct process p;

/* Runs of January 2026, one a day, added to @/NAME.csv. Their medians are `level` and a few
 * thousandths that repeat, and from day `change` on (from 1; 0: never) a tenth more or less. */
static void grow(const char *name, int days, int change, int tenths, int failed_on)
{
    char arguments[256], date[32], run[64];
    char folder[256];
    for (int day = 1; day <= days; day++) {
        snprintf(date, sizeof date, "2026-01-%02dT10:00:00Z", day);
        snprintf(run, sizeof run, "%s-%02d", name, day);
        snprintf(folder, sizeof folder, "%s", process_path(run));
        int64_t level = 500000000 + day * 7 % 5 * 500000;
        if (change && day >= change)
            level += tenths * 50000000;
        const struct history_fixture fixture = {
            .date = date, .wall_ns = level, .failed = day == failed_on ? 7 : 0};
        history_fixture_write(folder, &fixture);
        snprintf(arguments, sizeof arguments, "history add @/%s.csv @/%s", name, run);
        process_run(&p, arguments);
        assert_exit_code(&p, CMD_DONE);
        assert_string_equal(p.out, "");
        assert_contains(p.err, "gcmeter: 1 run added to ");
    }
}

static void steady_figures_pass(void **state)
{
    (void)state;
    grow("steady", 12, 0, 0, 0);
    process_run(&p, "history check @/steady.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.out,
                        "12 runs, 2 figures: 0 regressed, 0 improved, 0 with fewer than 8 runs\n");
    assert_string_equal(p.err, "");
    process_run(&p, "history show @/steady.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out,
                    "12 runs from 2026-01-01T10:00:00Z to 2026-01-12T10:00:00Z, Example CPU");
    assert_contains(p.out, "\n" HISTORY_CELL "\n  wall_ns ");
    assert_contains(p.out, "▁");
    assert_contains(p.out, "  12 runs, last 50");
    assert_null(strstr(p.out, "worse"));

    process_run(&p, "history add @/steady.csv @/steady-03");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "0 runs added");
    assert_contains(p.err, "which has 1 already");
}

static void a_step_up_fails(void **state)
{
    (void)state;
    grow("slower", 14, 9, 1, 0);
    process_run(&p, "history check @/slower.csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "regressed  " HISTORY_CELL "  wall_ns since 2026-01-09T10:00:00Z "
                           "(0123456789ab): 50");
    assert_contains(p.out, "1 regressed, 0 improved");
    process_run(&p, "history show @/slower.csv");
    assert_contains(p.out, "    worse since 2026-01-09T10:00:00Z (0123456789ab): 50");
    process_run(&p, "history show @/slower.csv --format csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "cell,metric,unit,better,date,commit,change,runs_before,runs_after,"
                           "mean_before,mean_after,p\n" HISTORY_CELL
                           ",wall_ns,ns,lower,2026-01-09T10:00:00Z,0123456789abcdef,worse,8,6,");

    /* Accepted, or too small to count, or not looked at. */
    process_run(&p, "history check @/slower.csv --since 2026-01-10");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "history check @/slower.csv --since 2026-01-09");
    assert_exit_code(&p, CMD_REGRESSED);
    FILE *gate = fopen(process_path("gate.csv"), "w");
    fputs("cell_pattern,metric,tolerance_pct,tolerance_abs\n*,wall_ns,15,0\n", gate);
    fclose(gate);
    process_run(&p, "history check @/slower.csv --gate @/gate.csv");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "history check @/slower.csv --metric rss_peak_bytes");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "history check @/slower.csv --cell gcbench/*");
    assert_exit_code(&p, CMD_UNDECIDED);
    process_run(&p, "history check @/slower.csv --cell w/*");
    assert_exit_code(&p, CMD_REGRESSED);
}

static void a_step_down_passes(void **state)
{
    (void)state;
    grow("faster", 14, 9, -1, 0);
    process_run(&p, "history check @/faster.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "0 regressed, 1 improved");
    process_run(&p, "history show @/faster.csv --metric wall_ns");
    assert_contains(p.out, "    better since 2026-01-09T10:00:00Z");
    assert_null(strstr(p.out, "rss_peak_bytes"));
}

static void few_runs_cannot_decide(void **state)
{
    (void)state;
    grow("young", 7, 4, 9, 0);
    process_run(&p, "history check @/young.csv");
    assert_exit_code(&p, CMD_UNDECIDED);
    assert_contains(p.out, "7 runs, 2 figures: 0 regressed, 0 improved, 2 with fewer than 8 runs");
}

static void a_cell_that_fails_is_broken(void **state)
{
    (void)state;
    grow("broken", 9, 0, 0, 9);
    process_run(&p, "history check @/broken.csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out,
                    "broken     " HISTORY_CELL "  all of 7 invocations failed in the newest run\n");
    grow("mended", 10, 0, 0, 9);
    process_run(&p, "history check @/mended.csv");
    assert_exit_code(&p, CMD_DONE);
}

static void a_class_has_a_name(void **state)
{
    (void)state;
    grow("class", 1, 0, 0, 0);
    process_run(&p, "history class @/class-01");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.out, "example-cpu-2.5ghz-2-cores-linux-6\n");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    grow("wrong", 1, 0, 0, 0);
    assert_refused("history", CMD_USAGE, "what is to be done?");
    assert_refused("history ad @/h.csv", CMD_USAGE, "did you mean 'add'?");
    assert_refused("history add", CMD_USAGE, "which file?");
    assert_refused("history add @/h.csv", CMD_USAGE, "which run?");
    assert_refused("history show @/h.csv @/i.csv", CMD_USAGE, "one file too many");
    assert_refused("history class @/wrong-01 @/b", CMD_USAGE, "one run too many");
    assert_refused("history show @/absent.csv", CMD_USAGE, "absent.csv");
    assert_refused("history add @/h.csv @/absent", CMD_USAGE, "absent");
    assert_refused("history show @/wrong.csv --commit x", CMD_USAGE,
                   "--commit is not for history show");
    assert_refused("history check @/wrong.csv --since yesterday", CMD_USAGE, "not a date");
    assert_refused("history add @/h.csv @/a --allow-different core", CMD_USAGE,
                   "did you mean 'cores'?");
    assert_refused("history show @/wrong.csv --format xml", CMD_USAGE, "not text or csv");
    assert_refused("history show @/wrong.csv --metric wall", CMD_USAGE, "has no such figure");
    assert_refused("history check @/wrong.csv --metric wal_ns", CMD_USAGE,
                   "has no metric 'wal_ns'");
    assert_refused("history check @/wrong.csv --gate @/none.csv", CMD_USAGE, "none.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_figures_pass),         cmocka_unit_test(a_step_up_fails),
        cmocka_unit_test(a_step_down_passes),          cmocka_unit_test(few_runs_cannot_decide),
        cmocka_unit_test(a_cell_that_fails_is_broken), cmocka_unit_test(a_class_has_a_name),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
