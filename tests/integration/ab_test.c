/* `gcmeter ab`, with runners that behave as these tests say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

#include "fake_runner.h"

#define AB "ab --workload chore --warmup 0 --metric wall_ns --base fake:build=@/"

static struct process p;

static int make_folders(void **state)
{
    if (process_setup(state))
        return -1;
    static const char *const behaviours[] = {"steady", "slow", "crash", "noisy"};
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++)
        fake_folder(behaviours[i], "fake", behaviours[i]);
    return 0;
}

/* Invocations of the only cell of the run in that folder. */
static size_t count_invocations(const char *folder)
{
    struct run_data *run = loaded_run(folder);
    assert_int_equal(run->cell_count, 1);
    assert_string_equal(run->cells[0].key, "chore/fake/heap=none/threads=1");
    size_t count = run->invocation_count;
    run_data_free(run);
    return count;
}

static void assert_absent(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in: %s", part, text);
}

static void it_stops_as_soon_as_all_is_decided(void **state)
{
    (void)state;
    process_run(&p, AB "steady --new fake:build=@/steady --out @/early");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 same\n");
    assert_contains(p.out, "8 invocations of each arm, look 1 of 6");
    assert_contains(p.out, "Negative control: base against itself in "
                           "`chore/fake/heap=none/threads=1` did not move");
    assert_contains(p.err, "looks at 8, 12, 16, 24, 32 and 40 invocations");
    assert_int_equal(count_invocations("early/base"), 8);
    assert_int_equal(count_invocations("early/new"), 8);
    assert_int_equal(count_invocations("early/control/base"), 8);
    assert_int_equal(count_invocations("early/control/new"), 8);
    assert_int_equal(access(process_path("early/confirm"), F_OK), -1);

    process_run(&p, "compare @/early/base @/early/new --metric wall_ns");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 same\n");
}

static void one_log_has_all_in_order(void **state)
{
    (void)state;
    char command[PATH_MAX + 512];
    snprintf(command, sizeof command,
             "'%s' ab --workload chore --warmup 0 --metric wall_ns --base "
             "fake:build='%s' --new fake:build='%s' --out '%s' >'%s' 2>&1",
             process_program, process_path("steady"), process_path("steady"), process_path("log"),
             process_path("log.txt"));
    assert_int_equal(system(command), 0);
    char text[16384];
    process_read_file(process_path("log.txt"), text, sizeof text);
    const char *control = strstr(text, "Negative control");
    assert_non_null(control);
    const char *last = strstr(text, "\nresults in ");
    assert_non_null(last);
    assert_true(last > control);
}

static void a_regression_is_confirmed_and_fails(void **state)
{
    (void)state;
    process_run(&p, AB "steady --new fake:build=@/slow --out @/worse --format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, ",statistical,regressed,\n");
    assert_contains(p.err, "1 regressed and 0 broken: confirming by 8 to 40 fresh invocations");
    assert_int_equal(count_invocations("worse/new"), 8);
    assert_int_equal(count_invocations("worse/confirm/base"), 8);
    assert_int_equal(count_invocations("worse/confirm/new"), 8);

    process_run(&p, AB "slow --new fake:build=@/steady --out @/better");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 improved\n");
}

static void what_does_not_show_again_is_not_reported(void **state)
{
    (void)state;
    fake_folder("lucky", "fake", "lucky");
    process_run(&p, AB "steady --new fake:build=@/lucky --out @/once");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "1 regressed and 0 broken: confirming");
    assert_contains(p.out, "inconclusive: not confirmed by further invocations");

    process_run(&p, "compare @/once/base @/once/new --metric wall_ns");
    assert_exit_code(&p, CMD_REGRESSED);
}

/* Of the first 8 fresh invocations every second is slow, of the later ones each is. */
static void what_is_not_confirmed_at_once_is_looked_at_again(void **state)
{
    (void)state;
    fake_folder("late", "fake", "listed");
    FILE *slow = fopen(process_path("late/slow"), "w");
    assert_non_null(slow);
    for (int i = 0; i < 48; i++)
        if (i < 8 || i >= 16 || i % 2)
            fprintf(slow, "%d\n", i);
    fclose(slow);
    process_run(&p, AB "steady --new fake:build=@/late --out @/late_confirmed");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.err, "8 fresh invocations: 1 neither confirmed nor denied");
    assert_int_equal(count_invocations("late_confirmed/new"), 8);
    assert_in_range(count_invocations("late_confirmed/confirm/new"), 12, 40);
}

static void what_is_not_decided_goes_on_to_the_maximum(void **state)
{
    (void)state;
    process_run(&p, AB "noisy --new fake:build=@/noisy --out @/long --invocations 10");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 inconclusive\n");
    assert_contains(p.out, "10 invocations of each arm, look 2 of 2");
    assert_int_equal(count_invocations("long/new"), 10);
    process_run(&p, AB "noisy --new fake:build=@/noisy --out @/longer --invocations 10 --strict");
    assert_exit_code(&p, CMD_UNDECIDED);
}

static void too_few_invocations_are_raised(void **state)
{
    (void)state;
    process_run(&p, AB "steady --new fake:build=@/steady --out @/few --invocations 4 --alpha 0.01");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err,
                    "--invocations 4 cannot decide 1 comparisons at alpha 0.01: raised to 5");
    assert_int_equal(count_invocations("few/base"), 5);
}

/* Which processes of a run are the control's second arm follows from the order seed alone, so that
 * a run tells it of the next. */
static void a_control_that_moves_withholds_verdicts(void **state)
{
    (void)state;
    fake_folder("listed", "fake", "listed");
    process_run(&p, AB "listed --new fake:build=@/slow --out @/calm --order-seed 7");
    assert_exit_code(&p, CMD_REGRESSED);
    struct run_data *run = loaded_run("calm/control/new");
    assert_int_equal(run->invocation_count, 8);
    /* The runner in question counts its own processes only: those of the arm `new` are not. */
    struct run_data *other = loaded_run("calm/new");
    FILE *file = fopen(process_path("listed/slow"), "w");
    for (size_t i = 0; i < run->invocation_count; i++) {
        int64_t number = run->invocations[i].order;
        for (size_t j = 0; j < other->invocation_count; j++)
            number -= other->invocations[j].order < run->invocations[i].order;
        fprintf(file, "%" PRId64 "\n", number);
    }
    assert_int_equal(fclose(file), 0);
    run_data_free(run);
    run_data_free(other);
    assert_int_equal(unlink(process_path("listed/count")), 0);

    process_run(&p, AB "listed --new fake:build=@/slow --out @/moved --order-seed 7");
    assert_exit_code(&p, CMD_UNDECIDED);
    assert_contains(p.err, "the machine moved: wall_ns of chore/fake");
    assert_contains(p.out, "inconclusive: withheld, the machine moved");
    assert_absent(p.out, "regressed");
}

static void a_cell_that_crashes_is_broken(void **state)
{
    (void)state;
    process_run(&p, AB "steady --new fake:build=@/crash --out @/broken --format junit");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "broken: always fails; 8 of 8 failed, 0 of 8 before");
    process_run(&p, AB "crash --new fake:build=@/steady --out @/mended");
    assert_exit_code(&p, CMD_FAILED);
}

static void a_cell_that_new_skips_is_broken(void **state)
{
    (void)state;
    fake_folder("threads", "fake", "threads");
    process_run(&p, AB "threads --new fake:build=@/steady --out @/skipped --threads 2");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "broken: skipped");
    /* Beside a regression, too, which is confirmed. */
    process_run(&p, AB "threads --new fake:build=@/slow --out @/both --threads 1 --threads 2");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "1 broken, 1 regressed\n");
    /* The control is of a cell that was measured. */
    process_run(&p, AB "steady --new fake:build=@/steady --out @/one --threads 2 --threads 1");
    assert_contains(p.out, "base against itself in `chore/fake/heap=none/threads=1` did not move");
}

static void an_interrupt_keeps_what_was_measured(void **state)
{
    (void)state;
    fake_folder("again", "fake", "noisy");
    pid_t pid = process_start(AB "again --new fake:build=@/again --out @/kept --invocations 9999");
    struct stat st = {0};
    for (int tries = 0; tries < 6000 && st.st_size < 12; tries++) {
        usleep(10000);
        if (stat(process_path("again/count"), &st))
            st.st_size = 0;
    }
    assert_int_equal(kill(pid, SIGINT), 0);
    process_wait(&p, pid);
    assert_exit_code(&p, CMD_INTERRUPTED);
    assert_string_equal(p.out, "");
    assert_contains(p.err, "interrupted: what was measured is in ");
    assert_true(count_invocations("kept/new") >= 2);
}

static void options_may_differ(void **state)
{
    (void)state;
    process_run(&p, AB "steady,speed=2 --new fake:build=@/slow,speed=3 --out @/options");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "chore/fake:speed=2/heap=none/threads=1");
    process_run(&p, "compare @/options/base @/options/new --metric wall_ns");
    assert_exit_code(&p, CMD_USAGE);
    assert_contains(p.err, "backend_options");
}

/* Invocations of the only cell of the run in that folder that count instructions. */
static size_t count_counting(const char *folder)
{
    struct run_data *run = loaded_run(folder);
    size_t count = 0;
    for (size_t i = 0; i < run->invocation_count; i++)
        count += run->invocations[i].status == RUN_OK &&
                 run_invocation_has_flag(&run->invocations[i], "instructions");
    run_data_free(run);
    return count;
}

/* Nothing can come of it, however long it goes on. */
static void an_unknown_metric_ends_with_the_first_round(void **state)
{
    (void)state;
    process_run(&p, "ab --workload chore --warmup 0 --metric barrier_count "
                    "--base fake:build=@/steady --new fake:build=@/steady --out @/unknown");
    assert_exit_code(&p, CMD_USAGE);
    assert_contains(p.err, "no metric is named 'barrier_count'; see gcmeter list metrics");
    assert_int_equal(count_invocations("unknown/base"), 1);
    assert_int_equal(count_invocations("unknown/new"), 1);
}

static void skip_without_valgrind(void)
{
    const char *sanitizers = getenv("GCMETER_SAN");
    if (INSTRUCTION_WINDOW_IS_KNOWN && !(sanitizers && *sanitizers) &&
        system("valgrind --version >/dev/null 2>&1") == 0)
        return;
    print_message("skipped: valgrind is missing, or its header was: apt-get install valgrind\n");
    skip();
}

#define AB_STEPS                                                                                   \
    "ab --workload chore --warmup 0 --metric instructions_count --base fake:build=@/steps "

static void a_tenth_more_instructions_fail(void **state)
{
    (void)state;
    skip_without_valgrind();
    fake_folder("steps", "fake", "steps");
    fake_folder("more_steps", "fake", "more_steps");
    process_run(&p, AB_STEPS "--new fake:build=@/more_steps --instructions=3 --out @/counted "
                             "--format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, "instructions_count,3,3,");
    assert_contains(p.out, ",exact,regressed,\n");
    assert_int_equal(count_counting("counted/base"), 3);
    assert_int_equal(count_counting("counted/control/new"), 3);
    assert_int_equal(count_counting("counted/confirm/new"), 3);
    assert_int_equal(count_invocations("counted/new"), 8 + 3);
}

static void equal_instructions_are_the_same(void **state)
{
    (void)state;
    skip_without_valgrind();
    /* As many as the first look where no number is given, so that they can decide by test, too. */
    process_run(&p, AB_STEPS "--new fake:build=@/steps --instructions --out @/as_many "
                             "--invocations 5");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 same\n");
    assert_int_equal(count_counting("as_many/new"), 5);
    assert_int_equal(count_invocations("as_many/new"), 5 + 5);
}

static void instructions_that_cannot_be_counted_are_refused(void **state)
{
    (void)state;
    skip_without_valgrind();
    assert_refused(AB "steady --new fake:build=@/slow --instructions --out @/uncounted",
                   CMD_MISSING, "has no client requests of callgrind");
    assert_refused(AB "steady --new fake:build=@/slow --instructions=2", CMD_USAGE,
                   "--instructions takes a number from 3");
    char *path = strdup(getenv("PATH"));
    setenv("PATH", process_folder, 1);
    assert_refused(AB_STEPS "--new fake:build=@/more_steps --instructions --out @/uncounted",
                   CMD_MISSING, "apt-get install valgrind");
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(access(process_path("uncounted"), F_OK), -1);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    assert_refused("ab --workload chore --base fake:build=@/steady", CMD_USAGE,
                   "two variants are needed");
    assert_refused("ab --base fake:build=@/steady --new fake:build=@/slow", CMD_USAGE,
                   "nothing named to measure");
    assert_refused(AB "steady --new malloc --out @/x", CMD_USAGE,
                   "ab compares two builds of one backend");
    assert_refused(AB "steady --new fake:build=@/slow,speed=12 --out @/x", CMD_USAGE,
                   "speed is a number from 1 to 9");
    assert_refused(AB "steady --new other:build=@/slow --out @/x", CMD_MISSING,
                   "there is no gcmeter-run-other in ");
    assert_refused(AB "steady --new fake:build=@/slow --out @/steady", CMD_USAGE, "is not empty");
    assert_refused(AB "steady --new fake:build=@/slow --metric pause_instructions_count", CMD_USAGE,
                   "--metric pause_instructions_count needs --instructions");
    assert_refused(AB "steady --new fake:build=@/slow --invocations 2", CMD_USAGE,
                   "--invocations takes a number from 4");
}

int main(int argc, char **argv)
{
    if (fake_is_called(argv))
        return fake_runner(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_as_soon_as_all_is_decided),
        cmocka_unit_test(one_log_has_all_in_order),
        cmocka_unit_test(a_regression_is_confirmed_and_fails),
        cmocka_unit_test(what_does_not_show_again_is_not_reported),
        cmocka_unit_test(what_is_not_confirmed_at_once_is_looked_at_again),
        cmocka_unit_test(what_is_not_decided_goes_on_to_the_maximum),
        cmocka_unit_test(too_few_invocations_are_raised),
        cmocka_unit_test(a_control_that_moves_withholds_verdicts),
        cmocka_unit_test(a_cell_that_crashes_is_broken),
        cmocka_unit_test(a_cell_that_new_skips_is_broken),
        cmocka_unit_test(an_interrupt_keeps_what_was_measured),
        cmocka_unit_test(options_may_differ),
        cmocka_unit_test(an_unknown_metric_ends_with_the_first_round),
        cmocka_unit_test(a_tenth_more_instructions_fail),
        cmocka_unit_test(equal_instructions_are_the_same),
        cmocka_unit_test(instructions_that_cannot_be_counted_are_refused),
        cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folders, process_teardown);
}
