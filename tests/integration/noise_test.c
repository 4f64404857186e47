/* What a run says of its own doubts, and figures that a backend adds, from the runner to compare.
 *
 * This program is also the runners, as in fault_test.c: called as gcmeter-run-NAME it sends what
 * NAME says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

static struct process p;

/* The runners' side. */

static int describe(const char *name)
{
    printf("protocol,1\nname,%s\nsummary,for tests\nversion,1\nreclaim,manual\n"
           "workload,chore,one chore,,a little work\n",
           name);
    return 0;
}

/* 20 iterations, of which `drift` makes each 3 % longer than the one before. */
static void send_iterations(bool drift)
{
    double wall_ns = 1e6;
    dprintf(3, "iteration,-1,90000000,5\n");
    for (int i = 0; i < 20; i++) {
        dprintf(3, "iteration,%d,%.0f,5\n", i, wall_ns);
        wall_ns = drift ? wall_ns * 1.03 : 1e6 + 10 * (i % 3);
    }
}

static int act_as_runner(const char *name, int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--describe"))
        return describe(name);
    if (argc > 1 && !strcmp(argv[1], "--live-bytes")) {
        puts("1000");
        return 0;
    }
    dprintf(3, "hello,1\nbegin,%" PRId64 "\n", clock_now_ns());
    poll(NULL, 0, 20);
    dprintf(3, "end,%" PRId64 "\nmetric,wall_ns,100000000\nmetric,checksum,42\n", clock_now_ns());
    /* 1 % of the wall time is 1 ms. */
    dprintf(3, "metric,steal_ns,%d\n", !strcmp(name, "stolen") ? 1000001 : 1000000);
    dprintf(3, "metric,observer_ns,%d\n", !strcmp(name, "near") ? 35 : 25);
    if (!strcmp(name, "near"))
        dprintf(3, "flag,latency_near_observer\n");
    send_iterations(!strcmp(name, "drifting"));
    /* A counter beyond the precision of six digits, and a share. */
    dprintf(3, "extra,barriers_count,count,lower,%d\nextra,hit_share,ratio,higher,%s\n",
            !strcmp(name, "more") ? 123456790 : 123456789, !strcmp(name, "more") ? "0.5" : "0.25");
    dprintf(3, "status,ok,\ndone\n");
    return 0;
}

/* The tests' side. */

static int make_runners(void **state)
{
    static const char *const names[] = {"calm", "stolen", "drifting", "near", "more"};
    char self[512] = "";
    if (process_setup(state) || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char link[64];
        snprintf(link, sizeof link, "gcmeter-run-%s", names[i]);
        if (symlink(self, process_path(link)))
            return -1;
    }
    return setenv("GCMETER_PATH", process_folder, 1);
}

static bool has_flag(const struct run_data *run, const char *backend, const char *flag)
{
    char key[128];
    snprintf(key, sizeof key, "chore/%s/heap=none/threads=1", backend);
    const struct run_cell *cell = run_data_cell(run, key);
    assert_non_null(cell);
    bool all = true;
    for (size_t i = 0; i < cell->invocation_count; i++)
        all &= run_invocation_has_flag(&run->invocations[cell->invocations[i]], flag);
    return all;
}

static void doubts_are_flagged_counted_and_told(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend calm --backend stolen --backend drifting "
                    "--backend near --invocations 3 --iterations 20 --out @/doubts");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "observer: 25 ns per operation recorded");
    assert_contains(p.err, "3 of 12 invocations have figures under ten times");
    assert_contains(p.err, "3 of 12 invocations lost more than 1 % of their time to the host");
    assert_contains(p.err, "3 of 12 invocations still drifted");
    struct run_data *run = loaded_run("doubts");
    static const char *const names[] = {"calm", "stolen", "drifting", "near"};
    static const char *const flags[] = {NULL, "noisy", "unsteady", "latency_near_observer"};
    for (size_t i = 0; i < 4; i++)
        for (size_t f = 1; f < 4; f++)
            if (has_flag(run, names[i], flags[f]) != (i == f))
                fail_msg("%s %s %s", names[i], i == f ? "lacks" : "has", flags[f]);
    assert_string_equal(run_data_key(run, "observer_ns"), "25");
    run_data_free(run);
}

static void a_calm_run_tells_of_no_doubts(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend calm --invocations 2 --out @/calm");
    assert_exit_code(&p, CMD_DONE);
    assert_null(strstr(p.err, "in doubt"));
}

/* By their name, with their unit and direction, and all their digits. */
static void figures_of_a_backend_are_compared(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend calm --backend more --invocations 4 "
                    "--out @/figures");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "compare @/figures --by backend --reference calm --metric barriers_count "
                    "--metric hit_share --tolerance 0 --format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "chore/heap=none/threads=1,barriers_count,4,4,123456789,123456790,");
    assert_contains(p.out, ",exact,regressed,");
    assert_contains(p.out, "chore/heap=none/threads=1,hit_share,4,4,0.25,0.5,2,");
    assert_contains(p.out, ",exact,improved,");
    process_run(&p, "compare @/figures @/figures --metric barriers_count");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "barriers_count");
}

/* A metric that is in neither run is a slip of the pen, and would compare nothing. */
static void an_unknown_metric_is_refused(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend calm --invocations 4 --out @/known");
    assert_exit_code(&p, CMD_DONE);
    assert_refused("compare @/known @/known --metric barrier_count", CMD_USAGE,
                   "no metric is named 'barrier_count'; see");
    assert_refused("compare @/known --by backend --reference calm --metric nonsense_of_nobody",
                   CMD_USAGE, "no metric is named 'nonsense_of_nobody'; see");
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    static const char prefix[] = "gcmeter-run-";
    if (!strncmp(name, prefix, sizeof prefix - 1))
        return act_as_runner(name + sizeof prefix - 1, argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubts_are_flagged_counted_and_told),
        cmocka_unit_test(a_calm_run_tells_of_no_doubts),
        cmocka_unit_test(figures_of_a_backend_are_compared),
        cmocka_unit_test(an_unknown_metric_is_refused),
    };
    return cmocka_run_group_tests(tests, make_runners, process_teardown);
}
