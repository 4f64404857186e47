/* The words that a runner is called with. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runner/command_line.h"

#define WORDS_MAX 32

/* Parses blank-separated `words` after the program's name. */
static int parse(const char *words, struct command_line *line, char *why, size_t why_bytes)
{
    static char text[1024];
    char *argv[WORDS_MAX] = {(char[]){"runner"}};
    int argc = 1;
    assert_true(strlen(words) < sizeof text);
    strcpy(text, words);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX - 1);
        argv[argc++] = word;
    }
    return command_line_parse(argc, argv, line, why, why_bytes);
}

static void calls_without_more_words(void **state)
{
    (void)state;
    struct command_line line;
    char why[256];
    assert_int_equal(parse("--describe", &line, why, sizeof why), 0);
    assert_int_equal(line.call, RUNNER_CALL_DESCRIBE);
    assert_int_equal(parse("--help", &line, why, sizeof why), 0);
    assert_int_equal(line.call, RUNNER_CALL_HELP);
}

static void run_has_defaults(void **state)
{
    (void)state;
    struct command_line line;
    char why[256];
    assert_int_equal(parse("--run --workload nothing", &line, why, sizeof why), 0);
    assert_int_equal(line.call, RUNNER_CALL_RUN);
    assert_string_equal(line.workload, "nothing");
    assert_string_equal(line.params, "");
    assert_string_equal(line.options, "");
    assert_int_equal(line.threads, 1);
    assert_int_equal(line.heap_limit_bytes, 0);
    assert_int_equal(line.memory_cap_bytes, 0);
    assert_int_equal(line.warmup, 1);
    assert_int_equal(line.iterations, 1);
    assert_int_equal(line.seed, 1);
    assert_int_equal(line.records_fd, 1);
    assert_true(line.event_log_fd == COMMAND_LINE_NO_FD);
    assert_int_equal(line.probe, 0);
}

static void run_takes_all_its_words(void **state)
{
    (void)state;
    struct command_line line;
    char why[256];
    assert_int_equal(
        parse("--run --records 7 --seed 18446744073709551615 --iterations 3 "
              "--warmup 0 --memory-cap 4096 --heap-limit 9223372036854775807 "
              "--threads 2 --options a=1,b=2 --params c=3 --workload w --probe 1 --event-log 4",
              &line, why, sizeof why),
        0);
    assert_string_equal(line.workload, "w");
    assert_string_equal(line.params, "c=3");
    assert_string_equal(line.options, "a=1,b=2");
    assert_int_equal(line.threads, 2);
    assert_true(line.heap_limit_bytes == INT64_MAX);
    assert_int_equal(line.memory_cap_bytes, 4096);
    assert_int_equal(line.warmup, 0);
    assert_int_equal(line.iterations, 3);
    assert_true(line.seed == UINT64_MAX);
    assert_int_equal(line.records_fd, 7);
    assert_int_equal(line.event_log_fd, 4);
    assert_int_equal(line.probe, 1);
}

static void live_bytes_takes_what_the_formula_needs(void **state)
{
    (void)state;
    struct command_line line;
    char why[256];
    assert_int_equal(
        parse("--live-bytes --workload w --params c=3 --threads 4", &line, why, sizeof why), 0);
    assert_int_equal(line.call, RUNNER_CALL_LIVE_BYTES);
    assert_string_equal(line.params, "c=3");
    assert_int_equal(line.threads, 4);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        const char *line;
    } cases[] = {
        {"", "no call: the first word must be --describe, --live-bytes, --run or --help"},
        {"run", "run: the first word must be --describe, --live-bytes, --run or --help"},
        {"--workload w --run",
         "--workload: the first word must be --describe, --live-bytes, --run or --help"},
        {"--describe --workload w", "--workload is no word of --describe; see --help"},
        {"--live-bytes --workload w --seed 2", "--seed is no word of --live-bytes; see --help"},
        {"--run --workload w extra 1", "extra is no word of --run; see --help"},
        {"--run --workload", "--workload: its value is missing"},
        {"--run --workload w --seed", "--seed: its value is missing"},
        {"--run --workload w --seed 1 --seed 1", "--seed: given twice"},
        {"--run", "--run needs --workload NAME; --describe lists them"},
        {"--live-bytes --threads 2", "--live-bytes needs --workload NAME; --describe lists them"},
        {"--run --workload w --threads 0", "--threads 0: not an integer from 1 to 1024"},
        {"--run --workload w --threads 1025", "--threads 1025: not an integer from 1 to 1024"},
        {"--run --workload w --threads two", "--threads two: not an integer from 1 to 1024"},
        {"--run --workload w --iterations 0", "--iterations 0: not an integer from 1 to 1000000"},
        {"--run --workload w --warmup -1", "--warmup -1: not an integer from 0 to 1000000"},
        {"--run --workload w --heap-limit 1G",
         "--heap-limit 1G: not an integer from 0 to 9223372036854775807"},
        {"--run --workload w --seed 18446744073709551616",
         "--seed 18446744073709551616: not an integer from 0 to 18446744073709551615"},
        {"--run --workload w --probe 2", "--probe 2: not an integer from 0 to 1"},
        {"--run --workload w --event-log -1",
         "--event-log -1: not an integer from 0 to 2147483647"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct command_line line;
        char why[256] = "";
        assert_int_equal(parse(cases[i].words, &line, why, sizeof why), -EINVAL);
        assert_string_equal(why, cases[i].line);
    }
}

/* The help names every word, so that it cannot fall behind. */
static void help_names_the_calls(void **state)
{
    (void)state;
    static const char *const words[] = {
        "--describe",   "--live-bytes", "--run",        "--workload",   "--params",
        "--threads",    "--options",    "--heap-limit", "--memory-cap", "--warmup",
        "--iterations", "--seed",       "--records",    "--event-log",  "--probe",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(command_line_help, words[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_without_more_words),
        cmocka_unit_test(run_has_defaults),
        cmocka_unit_test(run_takes_all_its_words),
        cmocka_unit_test(live_bytes_takes_what_the_formula_needs),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_names_the_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
