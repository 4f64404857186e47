/* tests/bench/gate_trials and gate_summary.awk: what the published rates of alarms are made by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gcmeter_process.h"

static char text[8192];

static int run_script(const char *script)
{
    char command[2048];
    snprintf(command, sizeof command, "D='%s'; export D; %s", process_folder, script);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void trials_are_counted_and_continued(void **state)
{
    (void)state;
    FILE *file = fopen(process_path("gcmeter"), "w");
    assert_non_null(file);
    /* Every third comparison regresses; the fifth cannot be made at all, at first. */
    fputs(
        "#!/bin/sh\n"
        "echo x >>\"$D/calls\"; n=$(wc -l <\"$D/calls\")\n"
        "[ \"$n\" -ne 5 ] || { echo 'no such backend' >&2; exit 3; }\n"
        "echo cell,metric,n_base,n_new,median_base,median_new,ratio,ratio_low,ratio_high,p,p_holm,"
        "kind,verdict,needed_invocations\n"
        "v=same; [ $((n % 3)) -ne 0 ] || v=regressed\n"
        "echo '\"w:a=1,b=2/f/heap=none/threads=1\",wall_ns,8,8,5,5,1,1,1,1,1,statistical,'$v,\n"
        "echo 'w/f/heap=none/threads=1,gc_count,8,8,5,5,1,1,1,1,1,exact,same,'\n"
        "[ $v = same ]\n",
        file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(process_path("gcmeter"), 0755), 0);
    const char *trials = "EFFECTS=\"$D/effects\" tests/bench/gate_trials \"$D/gcmeter\" "
                         "\"$D/trials.csv\" e 6 2>\"$D/err\"";
    assert_int_equal(run_script(trials), 3);
    process_read_file(process_path("err"), text, sizeof text);
    assert_string_equal(text, "no such backend\n");
    assert_int_equal(run_script(trials), 0);
    assert_int_equal(run_script("cut -d, -f1-9,11 \"$D/trials.csv\" >\"$D/columns\""), 0);
    process_read_file(process_path("columns"), text, sizeof text);
    assert_string_equal(text, "experiment,trial,exit_code,invocations,regressed,broken,improved,"
                              "inconclusive,same,regressions\n"
                              "e,1,0,8,0,0,0,0,2,\n"
                              "e,2,0,8,0,0,0,0,2,\n"
                              "e,3,1,8,1,0,0,0,1,wall_ns of w\n"
                              "e,4,0,8,0,0,0,0,2,\n"
                              "e,5,1,8,1,0,0,0,1,wall_ns of w\n"
                              "e,6,0,8,0,0,0,0,2,\n");
    process_read_file(process_path("effects"), text, sizeof text);
    assert_contains(text, "experiment,trial,metric,median_base,median_new,ratio,ratio_low,"
                          "ratio_high,kind,verdict\n"
                          "e,1,wall_ns,5,5,1,1,1,statistical,same\n"
                          "e,1,gc_count,5,5,1,1,1,exact,same\n"
                          "e,2,wall_ns");
    assert_contains(text, "\ne,3,wall_ns,5,5,1,1,1,statistical,regressed\n");
}

/* Intervals as R's binom.test(k, n)$conf.int gives them: 2 of 200 [0.001213, 0.035654], 0 of 200
 * [0, 0.018275], 19 of 20 [0.751270, 0.998735], 20 of 20 [0.831567, 1]. */
static void shares_have_exact_intervals(void **state)
{
    (void)state;
    assert_int_equal(
        run_script("rows() { i=0; while [ $i -lt $2 ]; do i=$((i + 1));"
                   " echo $1,$i,$((i <= $3)),8,0,0,0,0,0,1.5,; done; }\n"
                   "{ echo header; rows a 200 2; rows b 200 0; rows c 20 19; rows d 20 20;"
                   " echo e,1,5,8,0,0,0,9,0,2,; echo e,2,0,16,0,0,1,9,0,4,; } >\"$D/many.csv\"\n"
                   "awk -f tests/bench/gate_summary.awk \"$D/many.csv\" >\"$D/summary\""),
        0);
    process_read_file(process_path("summary"), text, sizeof text);
    assert_string_equal(text, "experiment,trials,regressed,share,share_low,share_high,improved,"
                              "undecided_or_moved,invocations_mean,seconds_median\n"
                              "a,200,2,0.0100,0.0012,0.0357,0,0,8.0,1.5\n"
                              "b,200,0,0.0000,0.0000,0.0183,0,0,8.0,1.5\n"
                              "c,20,19,0.9500,0.7513,0.9987,0,0,8.0,1.5\n"
                              "d,20,20,1.0000,0.8316,1.0000,0,0,8.0,1.5\n"
                              "e,2,0,0.0000,0.0000,0.8419,1,1,12.0,3.0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_counted_and_continued),
        cmocka_unit_test(shares_have_exact_intervals),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
