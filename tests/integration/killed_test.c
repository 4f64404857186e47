/* A gcmeter that is killed at any moment of a run leaves whole, committed invocations, no process,
 * and a run that --resume completes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

#include "base/rng.h"
#include "data/derived.h"
#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"
#include "tiny_runner.h"

enum { KILLS = 100, CELLS = 2, INVOCATIONS = 3 };

/* On a busy machine a run may take seconds; what is left of it is then killed earlier than it might
 * be, and later moments come when less is left. */
#define WAIT_MAX_NS INT64_C(200000000)

static struct process p;

static int make_folder(void **state)
{
    /* What a killed gcmeter leaves behind becomes a child of this process. */
    return tiny_runner_setup(state) ? -1 : prctl(PR_SET_CHILD_SUBREAPER, 1);
}

#define RUN                                                                                        \
    "run --quiet --workload chore --workload chore:size=2 --backend tiny --invocations 3 "         \
    "--resume "                                                                                    \
    "--out @/"

static void assert_no_process_is_left(void)
{
    for (int tries = 0; tries < 1000; tries++) {
        pid_t left = waitpid(-1, NULL, WNOHANG);
        if (left < 0) {
            assert_int_equal(errno, ECHILD);
            return;
        }
        if (left == 0)
            poll(NULL, 0, 10);
    }
    fail_msg("a process is left behind");
}

/* Rows of each invocation in one file. */
struct row_counts {
    unsigned rows[CELLS * INVOCATIONS];
};

static int count_row(void *data, size_t invocation, const struct csv_row *row)
{
    struct row_counts *counts = data;
    (void)row;
    counts->rows[invocation]++;
    return 0;
}

static void assert_whole(const struct run_data *run, enum schema_file_id file, unsigned expected)
{
    struct row_counts counts = {{0}};
    struct csv_error error;
    if (run_data_each(run, file, count_row, &counts, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run->invocation_count; i++)
        if (counts.rows[i] != expected)
            fail_msg("%s has %u rows of a committed invocation, not %u", schema_files[file].name,
                     counts.rows[i], expected);
}

/* Reads what is there as everybody does, and returns how many invocations are committed. Before the
 * first one there may be no run yet. */
static size_t check_readers(const char *folder)
{
    struct run_data *run;
    struct csv_error error;
    static char text[65536];
    int failed = run_data_load(&run, process_path(folder), &error);
    if (failed) {
        char name[64];
        snprintf(name, sizeof name, "%s/invocations.csv", folder);
        process_read_file(process_path(name), text, sizeof text);
        const char *newline = strchr(text, '\n');
        if ((failed != -ENOENT && failed != -ENODATA && failed != -EBADMSG) ||
            (newline && strchr(newline + 1, '\n')))
            fail_msg("%s", error.text);
        return 0;
    }
    assert_in_range(run->invocation_count, 0, CELLS * INVOCATIONS);
    for (size_t i = 0; i < run->invocation_count; i++) {
        assert_int_equal(run->invocations[i].status, RUN_OK);
        /* Those of one order seed follow each other, whichever process measured them. */
        assert_int_equal(run->invocations[i].order, i);
    }
    assert_whole(run, SCHEMA_FILE_ITERATIONS, TINY_ITERATIONS);
    assert_whole(run, SCHEMA_FILE_PAUSES, TINY_ITERATIONS);
    assert_whole(run, SCHEMA_FILE_LATENCY, 1);
    assert_whole(run, SCHEMA_FILE_METRICS, 1);
    size_t count = run->invocation_count;
    run_data_free(run);
    return count;
}

static int64_t time_of_a_whole_run(void)
{
    int64_t start_ns = clock_now_ns();
    process_run(&p, RUN "whole");
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(check_readers("whole"), CELLS * INVOCATIONS);
    return clock_now_ns() - start_ns;
}

static void assert_complete(const char *folder)
{
    assert_int_equal(check_readers(folder), CELLS * INVOCATIONS);
    struct run_data *run = loaded_run(folder);
    assert_int_equal(run->cell_count, CELLS);
    for (size_t i = 0; i < CELLS; i++)
        assert_int_equal(run->cells[i].invocation_count, INVOCATIONS);
    assert_true(derived_exist(run->folder));
    run_data_free(run);
}

static void a_killed_run_is_completed_by_resume(void **state)
{
    (void)state;
    struct rng rng;
    uint64_t seed = (uint64_t)clock_now_ns();
    rng_seed(&rng, seed, 1);
    printf("seed %" PRIu64 "\n", seed);
    int64_t whole_ns = time_of_a_whole_run();
    unsigned kills = 0, runs = 0, kills_of_run = 0;
    size_t committed = 0;
    char folder[32] = "run0", arguments[512];
    for (unsigned starts = 0; kills < KILLS; starts++) {
        assert_in_range(starts, 0, 20 * KILLS);
        snprintf(arguments, sizeof arguments, RUN "%s", folder);
        pid_t pid = process_start(arguments);
        /* Where what is left takes less, a kill would mostly come too late. */
        int64_t left_ns = whole_ns / 4 + whole_ns * (int64_t)(CELLS * INVOCATIONS - committed) /
                                             CELLS / INVOCATIONS;
        if (left_ns > WAIT_MAX_NS)
            left_ns = WAIT_MAX_NS;
        int64_t wait_ns = (int64_t)rng_below(&rng, (uint64_t)left_ns);
        nanosleep(
            &(struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000},
            NULL);
        kill(pid, SIGKILL);
        process_wait(&p, pid);
        bool is_complete = p.exit_code == CMD_DONE;
        if (!is_complete) {
            assert_exit_code(&p, 128 + SIGKILL);
            kills++;
            kills_of_run++;
        }
        /* At once, while its runner may still be there, and not only after that has gone. */
        size_t now = check_readers(folder);
        assert_in_range(now, committed, CELLS * INVOCATIONS);
        committed = now;
        if (rng_below(&rng, 2))
            assert_no_process_is_left();
        /* Each run is killed some times in a row, and then left to end. */
        if (!is_complete && kills_of_run < 20)
            continue;
        process_run(&p, arguments);
        assert_exit_code(&p, CMD_DONE);
        assert_complete(folder);
        snprintf(folder, sizeof folder, "run%u", ++runs);
        committed = 0;
        kills_of_run = 0;
    }
    snprintf(arguments, sizeof arguments, RUN "%s", folder);
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    assert_complete(folder);
    assert_no_process_is_left();
}

/* Each state that a kill may leave while a run is started anew. */
static void a_kill_while_a_run_is_begun_anew_leaves_what_is_begun_anew(void **state)
{
    (void)state;
    static const char *const left[] = {
        "run.csv",
        "run.csv mmu.csv",
        "run.csv invocations.csv",
        "run.csv memory.csv .lbo.csv",
    };
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "cd '%s' && rm -rf anew && mkdir anew && cd anew && touch %s", process_folder,
                 left[i]);
        assert_int_equal(system(command), 0);
        process_run(&p, RUN "anew");
        assert_exit_code(&p, CMD_DONE);
        assert_complete("anew");
    }
}

/* A page's end may tear a row of run.csv, when resuming has been written down in part. */
static void a_torn_row_of_run_csv_is_cut_off(void **state)
{
    (void)state;
    process_run(&p, RUN "torn");
    assert_exit_code(&p, CMD_DONE);
    FILE *file = fopen(process_path("torn/run.csv"), "a");
    assert_non_null(file);
    fputs("resume_1_da", file);
    fclose(file);
    process_run(&p, RUN "torn");
    assert_exit_code(&p, CMD_DONE);
    assert_complete("torn");
    struct run_data *run = loaded_run("torn");
    assert_non_null(run_data_key(run, "resume_1_date"));
    assert_null(run_data_key(run, "resume_1_da"));
    run_data_free(run);
}

int main(int argc, char **argv)
{
    if (tiny_runner_is_meant(argv))
        return tiny_runner_act(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_run_is_completed_by_resume),
        cmocka_unit_test(a_kill_while_a_run_is_begun_anew_leaves_what_is_begun_anew),
        cmocka_unit_test(a_torn_row_of_run_csv_is_cut_off),
    };
    return cmocka_run_group_tests(tests, make_folder, process_teardown);
}
