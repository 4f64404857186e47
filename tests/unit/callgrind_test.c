/* Counts are read from files as callgrind 3.19 writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/callgrind.h"

#define PART(number, trigger, total)                                                               \
    "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 4711\ncmd:  x "               \
    "--run\npart: " number                                                                         \
    "\n\n\ndesc: I1 cache: \ndesc: Timerange: Basic block 0 - 9\ndesc: Trigger: " trigger          \
    "\n\npositions: line\nevents: Ir\nsummary: " total "\n\n\nob=(1) x\nfn=(1) main\n0 " total     \
    "\ncfn=(2) totals: 3\n\ntotals: " total "\n"

static struct callgrind_counts counts_of(const char *text)
{
    char *path = callgrind_file();
    assert_non_null(path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
    struct callgrind_counts counts = callgrind_read(path);
    unlink(path);
    free(path);
    return counts;
}

static void assert_counts(const char *text, int64_t all, int64_t in_stops, int64_t stops)
{
    struct callgrind_counts counts = counts_of(text);
    assert_int_equal(counts.instructions_count, all);
    assert_int_equal(counts.stop_instructions_count, in_stops);
    assert_int_equal(counts.stops_count, stops);
}

static void a_file_of_one_part_has_no_stops(void **state)
{
    (void)state;
    assert_counts(PART("1", "Program termination", "5000000000"), 5000000000, 0, 0);
}

static void stops_are_the_parts_that_were_dumped_by_that_name(void **state)
{
    (void)state;
    assert_counts(PART("1", "Client Request: mutators", "1000")
                      PART("2", "Client Request: stop", "6000000000")
                          PART("3", "Client Request: mutators", "300")
                              PART("4", "Client Request: stop", "50")
                                  PART("5", "Program termination", "7"),
                  6000001357, 6000000050, 2);
    assert_counts(PART("1", "Client Request: stopped", "10") PART("2", "Program termination", "1"),
                  11, 0, 0);
}

static void without_totals_nothing_was_counted(void **state)
{
    (void)state;
    assert_counts("", 0, 0, 0);
    assert_counts("# callgrind format\ndesc: Trigger: Client Request: stop\nsummary: 12\n", 0, 0,
                  0);
    struct callgrind_counts none = callgrind_read("/nonexistent/callgrind.out");
    assert_int_equal(none.instructions_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_one_part_has_no_stops),
        cmocka_unit_test(stops_are_the_parts_that_were_dumped_by_that_name),
        cmocka_unit_test(without_totals_nothing_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
