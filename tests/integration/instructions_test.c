/* `gcmeter run --instructions`: what the invocations under valgrind fill, that they repeat, that a
 * run is continued with more of them, and what happens where they cannot be had. Runs from the root
 * of the tree; skipped where valgrind or its header is missing, or a sanitizer keeps it away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"
#include "runner/instruction_window.h"

#define RUN                                                                                        \
    "run --quiet --workload slice_append:elements=10,slices=2000 --backend malloc --warmup 0 "     \
    "--seed 7 "
#define CELL "slice_append:elements=10,slices=2000/malloc/heap=none/threads=1"

static struct process p;

static bool has_valgrind(void)
{
    const char *sanitizers = getenv("GCMETER_SAN");
    return INSTRUCTION_WINDOW_IS_KNOWN && !(sanitizers && *sanitizers) &&
           system("valgrind --version >/dev/null 2>&1") == 0;
}

static void skip_without_valgrind(void)
{
    if (has_valgrind())
        return;
    print_message("skipped: valgrind is missing, or its header was: apt-get install valgrind\n");
    skip();
}

/* The invocation of that number, which has nothing but its instructions and its checksum. */
static double count_of(const struct run_data *run, int64_t number)
{
    double count = 0;
    int64_t index = run_data_invocation(run, CELL, number);
    int64_t normal = run_data_invocation(run, CELL, 0);
    assert_true(index >= 0 && normal >= 0);
    const struct run_invocation *invocation = &run->invocations[index];
    assert_int_equal(invocation->status, RUN_OK);
    assert_true(run_invocation_has_flag(invocation, "instructions"));
    assert_true(invocation->has_checksum);
    assert_true(invocation->checksum == run->invocations[normal].checksum);
    for (size_t m = 0; m < run->metric_count; m++) {
        double value;
        bool is_count = !strcmp(run->metrics[m].name, "instructions_count");
        bool is_there = run_data_value(run, (size_t)index, m, &value);
        if (is_there != is_count)
            fail_msg("%s is%s there", run->metrics[m].name, is_there ? "" : " not");
        if (is_count)
            count = value;
    }
    return count;
}

static void counts_fill_their_own_column_and_repeat(void **state)
{
    (void)state;
    skip_without_valgrind();
    process_run(&p, RUN "--invocations 1 --instructions --out @/counted");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("counted");
    assert_int_equal(run->invocation_count, 1 + 3);
    assert_string_equal(run_data_key(run, "instructions"), "3");
    assert_non_null(strstr(run_data_key(run, "valgrind"), "valgrind"));
    double first = count_of(run, -100001);
    double last = count_of(run, -100003);
    run_data_free(run);
    /* 2000 slices of 10 elements are some hundred instructions each. */
    assert_true(first > 2000 * 10 && first < 2000 * 100000.0);
    assert_true(last > first * 0.99 && last < first * 1.01);

    process_run(&p, "compare @/counted @/counted --metric instructions_count --format csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "\"" CELL "\",instructions_count,3,3,");
    assert_true(strstr(p.out, ",exact,same,") || strstr(p.out, ",near-exact,same,"));

    /* Continued with one more and another normal one, nothing is measured again. */
    process_run(&p, RUN "--invocations 2 --instructions=4 --out @/counted --resume");
    assert_exit_code(&p, CMD_DONE);
    run = loaded_run("counted");
    assert_int_equal(run->invocation_count, 2 + 4);
    assert_true(count_of(run, -100001) == first);
    count_of(run, -100004);
    run_data_free(run);
}

static double metric_of(const struct run_data *run, size_t index, const char *name)
{
    double value;
    int metric = run_data_metric(run, name);
    assert_true(metric >= 0);
    return run_data_value(run, index, (size_t)metric, &value) ? value : -1;
}

/* Of what a collector executes its stops are a part, told apart; and the normal invocations are
 * none of it. */
static void stops_are_counted_apart_and_repeat(void **state)
{
    (void)state;
    skip_without_valgrind();
    process_run(&p, "run --quiet --workload cyclic_graph:windows=5,window=500 "
                    "--backend marksweep:markers=1 --backend malloc --warmup 1 --seed 7 "
                    "--invocations 1 --instructions=3 --out @/stops");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("stops");
    double first = 0;
    size_t count = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        bool counts = run_invocation_has_flag(&run->invocations[i], "instructions");
        double all = metric_of(run, i, "instructions_count");
        double in_stops = metric_of(run, i, "pause_instructions_count");
        if (!counts || !strstr(run->cells[run->invocations[i].cell].key, "/marksweep:")) {
            assert_true(in_stops < 0);
            continue;
        }
        count++;
        /* Marking takes some tens of instructions for each of 500 x 64 objects. */
        assert_true(in_stops > 500 * 64 * 10.0 && in_stops < all * 0.9);
        assert_true(first == 0 || (in_stops > first * 0.99 && in_stops < first * 1.01));
        first = in_stops;
    }
    assert_int_equal(count, 3);
    run_data_free(run);
}

/* A tenth more work shows as a regression. */
static void a_tenth_more_work_is_seen(void **state)
{
    (void)state;
    skip_without_valgrind();
    process_run(&p, "run --quiet --workload slice_append:elements=10,slices=2200 --backend malloc "
                    "--warmup 0 --seed 7 --invocations 1 --instructions=3 --out @/more");
    assert_exit_code(&p, CMD_DONE);
    /* The cell of another size has another name, which is all that keeps them apart. */
    char command[1024];
    snprintf(command, sizeof command, "sed -i 's/slices=2200/slices=2000/g' '%s'",
             process_path("more/invocations.csv"));
    assert_int_equal(system(command), 0);
    process_run(&p, "compare @/counted @/more --metric instructions_count --format csv");
    assert_exit_code(&p, CMD_REGRESSED);
    assert_contains(p.out, ",regressed,");
}

static void without_valgrind_it_is_named(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", process_folder, 1);
    assert_refused(RUN "--instructions --out @/none", CMD_MISSING, "apt-get install valgrind");
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(access(process_path("none"), F_OK), -1);
    assert_refused(RUN "--instructions=x --out @/none", CMD_USAGE, "--instructions takes a number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_fill_their_own_column_and_repeat),
        cmocka_unit_test(stops_are_counted_apart_and_repeat),
        cmocka_unit_test(a_tenth_more_work_is_seen),
        cmocka_unit_test(without_valgrind_it_is_named),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
