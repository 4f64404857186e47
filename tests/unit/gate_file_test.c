/* gate.csv: what gates, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/gate_file.h"

#define HEADER "cell_pattern,metric,tolerance_pct,tolerance_abs\n"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/gate_file_test.XXXXXX");
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static int load(struct gate **gate, const char *text, struct csv_error *error)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return gate_load(gate, path, error);
}

static void the_last_row_that_fits_counts(void **state)
{
    (void)state;
    struct gate *gate;
    struct csv_error error;
    struct compare_tolerance t;
    assert_int_equal(load(&gate,
                          HEADER "*,wall_ns,5,1000\n"
                                 "gcbench*/boehm*,wall_ns,20,0\n"
                                 "*,rss_peak_bytes,2,4096\n"
                                 "nothing/*,wall_ns,off,\n",
                          &error),
                     0);
    assert_true(gate_tolerance(gate, "quads/marksweep/heap=none/threads=1", "wall_ns", &t));
    assert_true(t.relative == 0.05 && t.absolute == 1000);
    /* `*` also stands for slashes. */
    assert_true(gate_tolerance(gate, "gcbench:a=1/boehm/heap=none/threads=1", "wall_ns", &t));
    assert_true(t.relative == 0.20 && t.absolute == 0);
    assert_true(gate_tolerance(gate, "nothing/malloc/heap=none/threads=1", "rss_peak_bytes", &t));
    assert_true(t.relative == 0.02 && t.absolute == 4096);
    assert_false(gate_tolerance(gate, "nothing/malloc/heap=none/threads=1", "wall_ns", &t));
    assert_false(gate_tolerance(gate, "quads/malloc/heap=none/threads=1", "pause_max_ns", &t));
    size_t count;
    const char *const *metrics = gate_metrics(gate, &count);
    assert_int_equal(count, 2);
    assert_string_equal(metrics[0], "wall_ns");
    assert_string_equal(metrics[1], "rss_peak_bytes");
    gate_free(gate);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said; /* after the path */
    } cases[] = {
        {"", ""},
        {"cell_pattern,metric\n", ":1"},
        {HEADER "*,wall_ns,five,0\n", ":2:3: "},
        {HEADER "*,wall_ns,5,0\n*,wall_ns,,0\n",
         ":3:3: tolerance_pct is empty; 0 allows no change"},
        {HEADER "*,wall_ns,5,\n", ":2:4: tolerance_abs is empty; 0 allows no change"},
        {HEADER "*,wall_ns,-1,0\n", ":2:3: tolerance_pct is negative"},
        {HEADER "*,wall_ns,5,-0.5\n", ":2:4: tolerance_abs is negative"},
        {HEADER "*,wall_ns,nan,0\n", ":2:3: "},
        {HEADER "*,wall_ns,inf,0\n", ":2:3: "},
        {HEADER "*,wall_ns,1e400,0\n", ":2:3: "},
        {HEADER "*,wall_ns,2e6,0\n", ":2:3: tolerance_pct is above 1e+06"},
        {HEADER ",wall_ns,5,0\n", ":2:1: cell_pattern is empty; * stands for every cell"},
        {HEADER "*,,5,0\n", ":2:2: metric is empty"},
        {HEADER "*,checksum,5,0\n", ":2:2: checksum "},
        {HEADER "*,cell,5,0\n", ":2:2: cell is no metric"},
        {HEADER "*,steal_ns,5,0\n", ":2:2: steal_ns has no better and no worse, so it cannot gate"},
        {HEADER "*,wall_ns,off,3\n", ":2:4: tolerance_abs is given where"},
        {HEADER "*,wall_ns,5,0\n*,wall_ns,6,0\n",
         ": the same cell_pattern and metric as in line 2"},
        {HEADER "*,wall_ns,5\n", ":2"},
        {HEADER "*,wall_ns,5,0", ":2:1: the line does not end"},
        {HEADER "\"*,wall_ns,5,0\n", ":2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate *gate;
        struct csv_error error;
        int result = load(&gate, cases[i].text, &error);
        if (result != -EBADMSG || strncmp(error.text, path, strlen(path)) != 0 ||
            !strstr(error.text + strlen(path), cases[i].said))
            fail_msg("case %zu: %d, %s", i, result, result ? error.text : "accepted");
    }
    struct gate *gate;
    struct csv_error error;
    assert_int_equal(gate_load(&gate, "/nonexistent/gate.csv", &error), -ENOENT);
    assert_non_null(strstr(error.text, "/nonexistent/gate.csv"));
}

static void metrics_are_known_to_a_run_or_to_the_schema(void **state)
{
    (void)state;
    struct gate *gate;
    struct csv_error error;
    assert_int_equal(load(&gate, HEADER "*,wall_ns,5,0\n*,barriers_count,5,0\n", &error), 0);
    assert_int_equal(gate_check_metrics(gate, NULL, 0, &error), -EBADMSG);
    assert_non_null(strstr(error.text, ":3:2: barriers_count is no metric"));
    gate_free(gate);
    assert_int_equal(load(&gate, HEADER "*,wall_ns,5,0\n", &error), 0);
    assert_int_equal(gate_check_metrics(gate, NULL, 0, &error), 0);
    gate_free(gate);
}

static void the_gate_as_shipped_is_well_formed_and_short(void **state)
{
    (void)state;
    struct gate *gate;
    struct csv_error error;
    if (gate_load(&gate, "results/gate.csv", &error))
        fail_msg("%s", error.text);
    assert_int_equal(gate_check_metrics(gate, NULL, 0, &error), 0);
    FILE *file = fopen("results/gate.csv", "r");
    assert_non_null(file);
    int lines = 0;
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    assert_in_range(lines, 2, 21);
    gate_free(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_row_that_fits_counts, make_path, remove_path),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_told_with_its_place, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(metrics_are_known_to_a_run_or_to_the_schema, make_path,
                                        remove_path),
        cmocka_unit_test(the_gate_as_shipped_is_well_formed_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
