/* `gcmeter ab --beside`: processes that take turns with one of base, with runners that behave as
 * these tests say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

#include "fake_runner.h"

#define AB                                                                                         \
    "ab --workload chore --warmup 0 --metric beside_cpu_ratio --metric beside_pause_cpu_ratio "    \
    "--base fake:build=@/"

static struct process p;

/* Both arms meet in one place: what runs beside either is base. */
static int make_folders(void **state)
{
    if (process_setup(state))
        return -1;
    static const char *const behaviours[] = {"meets", "meets_slow", "steady", "breaks", "hangs"};
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
        fake_folder(behaviours[i], "fake", behaviours[i]);
    assert_int_equal(mkdir(process_path("place"), 0777), 0);
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/meet", process_path(behaviours[i]));
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s\n", process_path("place"));
        assert_int_equal(fclose(file), 0);
    }
    return 0;
}

/* How many invocations of the run took turns with that status; each must have been alone with the
 * other on one processor, and tell nothing else. *sum is of their CPU ratios. */
static size_t count_beside(const char *folder, enum run_status status, double *sum)
{
    struct run_data *run = loaded_run(folder);
    int ratio = run_data_metric(run, "beside_cpu_ratio");
    int wall = run_data_metric(run, "wall_ns");
    int user = run_data_metric(run, "cpu_user_ns");
    size_t count = 0;
    *sum = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        double value;
        if (!run_invocation_has_flag(invocation, "beside")) {
            assert_false(run_data_value(run, i, (size_t)ratio, &value));
            continue;
        }
        assert_true(invocation->number < -200000);
        assert_false(run_data_value(run, i, (size_t)wall, &value));
        assert_false(run_data_value(run, i, (size_t)user, &value));
        if (invocation->status != status)
            continue;
        count++;
        if (status == RUN_OK) {
            assert_true(run_invocation_has_flag(invocation, "processors=1"));
            assert_true(run_data_value(run, i, (size_t)ratio, &value));
            *sum += value;
        }
    }
    run_data_free(run);
    return count;
}

static void the_ratio_is_of_two_that_run_at_the_same_time(void **state)
{
    (void)state;
    double sum;
    process_run(&p, AB "meets --new fake:build=@/meets_slow --beside --out @/worse --format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, ",beside_cpu_ratio,8,8,");
    assert_contains(p.out, ",beside_pause_cpu_ratio,8,8,");
    /* 8 ms and one in the kernel over 5 ms and one, both with up to 1 us of noise. */
    assert_int_equal(count_beside("worse/new", RUN_OK, &sum), 8);
    assert_true(fabs(sum / 8 - 9.0 / 6) < 0.001);
    assert_int_equal(count_beside("worse/base", RUN_OK, &sum), 8);
    assert_true(fabs(sum / 8 - 1) < 0.001);
    assert_int_equal(count_beside("worse/control/new", RUN_OK, &sum), 8);
    assert_true(fabs(sum / 8 - 1) < 0.001);
    assert_int_equal(count_beside("worse/confirm/new", RUN_OK, &sum), 8);

    process_run(&p, "compare @/worse/base @/worse/new --metric beside_pause_cpu_ratio");
    assert_exit_code(&p, CMD_REGRESSED);
}

static void as_many_take_turns_as_are_asked_for(void **state)
{
    (void)state;
    double sum;
    process_run(&p, AB "meets --new fake:build=@/meets --beside=9 --out @/nine");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "2 same\n");
    assert_int_equal(count_beside("nine/base", RUN_OK, &sum), 9);
    assert_int_equal(count_beside("nine/new", RUN_OK, &sum), 9);
    struct run_data *run = loaded_run("nine/new");
    assert_string_equal(run_data_key(run, "beside"), "9");
    run_data_free(run);
}

static void where_one_fails_the_pair_has_failed(void **state)
{
    (void)state;
    double sum;
    process_run(&p, AB "breaks --new fake:build=@/steady --beside=4 --out @/base_breaks");
    assert_contains(p.err, "crashed: beside it fake");
    assert_contains(p.err, "SIGKILL");
    assert_int_equal(count_beside("base_breaks/new", RUN_CRASHED, &sum), 4);
    assert_int_equal(count_beside("base_breaks/base", RUN_CRASHED, &sum), 4);

    process_run(&p, AB "steady --new fake:build=@/breaks --beside=4 --out @/new_breaks");
    assert_int_equal(count_beside("new_breaks/new", RUN_CRASHED, &sum), 4);
    assert_int_equal(count_beside("new_breaks/base", RUN_OK, &sum), 4);
}

/* The process IDs that are told, at least `count`. */
static size_t await_hanging(pid_t *pids, size_t count)
{
    size_t found = 0;
    for (int tries = 0; tries < 6000 && found < count; tries++) {
        FILE *file = fopen(process_path("hangs/hanging"), "r");
        found = 0;
        while (file && found < count && fscanf(file, "%d", &pids[found]) == 1)
            found++;
        if (file)
            fclose(file);
        usleep(10000);
    }
    return found;
}

static void an_interrupt_ends_both(void **state)
{
    (void)state;
    pid_t hanging[2];
    pid_t pid = process_start(AB "hangs --new fake:build=@/hangs --beside --out @/stopped");
    assert_int_equal(await_hanging(hanging, 2), 2);
    assert_int_equal(kill(pid, SIGTERM), 0);
    process_wait(&p, pid);
    assert_exit_code(&p, CMD_INTERRUPTED);
    assert_contains(p.err, "interrupted: what was measured is in ");
    for (int i = 0; i < 2; i++)
        assert_int_equal(kill(hanging[i], 0), -1);
    double sum;
    assert_int_equal(count_beside("stopped/base", RUN_OK, &sum), 0);
}

static void without_them_their_metrics_are_refused(void **state)
{
    (void)state;
    assert_refused(AB "steady --new fake:build=@/steady --out @/x", CMD_USAGE,
                   "--metric beside_cpu_ratio needs --beside");
    assert_refused(AB "steady --new fake:build=@/steady --beside=3 --out @/x", CMD_USAGE,
                   "--beside takes a number from 4");
}

int main(int argc, char **argv)
{
    if (fake_is_called(argv))
        return fake_runner(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ratio_is_of_two_that_run_at_the_same_time),
        cmocka_unit_test(as_many_take_turns_as_are_asked_for),
        cmocka_unit_test(where_one_fails_the_pair_has_failed),
        cmocka_unit_test(an_interrupt_ends_both),
        cmocka_unit_test(without_them_their_metrics_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folders, process_teardown);
}
