/* The files that are computed from a run: utilisation against figures worked out by hand, when they
 * are there, and what a run that cannot be read leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/derived.h"
#include "fixtures/run_fixture.h"

#define MS   INT64_C(1000000)
#define CELL "w/marksweep/heap=none/threads=2"

static char base_folder[] = "/tmp/gcmeter-test-XXXXXX";
static char folder[128];
static struct run_fixture fixture;

static int setup(void **state)
{
    (void)state;
    return mkdtemp(base_folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", base_folder);
    return system(command);
}

static void begin(const char *name)
{
    snprintf(folder, sizeof folder, "%s/%s", base_folder, name);
    run_fixture_open(&fixture, folder);
    run_fixture_key(&fixture, "schema_version", "1");
    run_fixture_key(&fixture, "backend_marksweep_reclaim", "tracing");
    run_fixture_key(&fixture, "backend_malloc_reclaim", "manual");
}

static int derive(struct csv_error *error)
{
    struct run_data *run;
    assert_int_equal(run_data_load(&run, folder, error), 0);
    int code = derived_write(run, error);
    run_data_free(run);
    return code;
}

static void commit(const char *cell, int64_t number, int64_t wall_ns, int64_t pause_count)
{
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "w",
                                     .backend = strstr(cell, "malloc") ? "malloc" : "marksweep",
                                     .status = "ok",
                                     .number = number,
                                     .wall_ns = wall_ns,
                                     .rss_peak_bytes = -1,
                                     .pause_count = pause_count,
                                     .latency_max_ns = -1,
                                 });
}

static void iteration(int64_t invocation, int64_t number, int64_t wall_ns)
{
    struct csv_writer *w = fixture.files[SCHEMA_FILE_ITERATIONS];
    csv_writer_text(w, SCHEMA_ITERATIONS_cell, CELL);
    csv_writer_int(w, SCHEMA_ITERATIONS_invocation, invocation);
    csv_writer_int(w, SCHEMA_ITERATIONS_iteration, number);
    csv_writer_int(w, SCHEMA_ITERATIONS_wall_ns, wall_ns);
    assert_int_equal(csv_writer_row(w), 0);
}

static char *content(const char *name)
{
    char path[256];
    char *text = NULL;
    size_t length;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r"), *out = open_memstream(&text, &length);
    assert_non_null(file);
    for (int c; (c = getc(file)) != EOF;)
        putc(c, out);
    fclose(file);
    fclose(out);
    return text;
}

static void assert_row(const char *name, const char *row)
{
    char *text = content(name), line[512];
    snprintf(line, sizeof line, "\n%s\n", row);
    if (!strstr(text, line))
        fail_msg("%s has no row %s:\n%s", name, row, text);
    free(text);
}

static size_t count_rows(const char *name)
{
    char *text = content(name);
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    free(text);
    return count - 1;
}

static void utilisation_worked_out_by_hand(void **state)
{
    (void)state;
    begin("mmu");
    /* Three iterations of 60 ms in 186 ms: 2 ms after each. Stops of 4 ms at 100 ms, of 8 ms from
     * 118 ms on, across the end of the second iteration, and of 1 ms at 10 ms. */
    iteration(0, -1, 500 * MS);
    for (int64_t i = 0; i < 3; i++)
        iteration(0, i, 60 * MS);
    run_fixture_pause(&fixture, CELL, 0, 10 * MS, MS);
    run_fixture_pause(&fixture, CELL, 0, 100 * MS, 4 * MS);
    run_fixture_pause(&fixture, CELL, 0, 118 * MS, 8 * MS);
    commit(CELL, 0, 186 * MS, 3);
    /* Seen that there were none; not seen; a manual backend. */
    commit(CELL, 1, 5 * MS, 0);
    run_fixture_pause(&fixture, CELL, 2, 0, MS);
    commit(CELL, 2, 186 * MS, -1);
    commit("w/malloc/heap=none/threads=2", 0, 186 * MS, -1);
    run_fixture_pause(&fixture, CELL, 3, 0, MS); /* was never committed */
    run_fixture_close(&fixture);
    struct csv_error error;
    assert_false(derived_exist(folder));
    assert_int_equal(derive(&error), 0);
    assert_true(derived_exist(folder));

    assert_int_equal(count_rows("mmu.csv"), 2 * 19);
    assert_row("mmu.csv", CELL ",0,5000000,0,0");
    assert_row("mmu.csv", CELL ",0,10000000,0.2,0.2");
    /* From 106 to 126 ms; the part from 100 to 126 ms has 12 ms of 26. */
    assert_row("mmu.csv", CELL ",0,20000000,0.6,0.5384615384615384");
    assert_row("mmu.csv", CELL ",0,50000000,0.76,0.76");
    assert_row("mmu.csv", CELL ",0,100000000,0.88,0.88");
    assert_row("mmu.csv", CELL ",0,200000000,,");
    assert_row("mmu.csv", CELL ",1,5000000,1,1");
    assert_row("mmu.csv", CELL ",1,10000000,,");

    assert_row("mmu_worst.csv", CELL ",0,10000000,1,-1,116000000,8000000,0.2,1,2");
    assert_row("mmu_worst.csv", CELL ",0,10000000,2,-1,94000000,4000000,0.6,1,1");
    assert_row("mmu_worst.csv", CELL ",0,10000000,3,-1,1000000,1000000,0.9,0,0");
    assert_row("mmu_worst.csv", CELL ",0,1000000,2,-1,100000000,1000000,0,1,1");
    assert_int_equal(count_rows("mmu_worst.csv"), 3 + 3 + 1);

    derived_remove(folder);
    assert_false(derived_exist(folder));
}

/* Not where one is missing: which of them a window falls in is not known then. */
static void iterations_are_told_where_they_are_known(void **state)
{
    (void)state;
    begin("iterations");
    iteration(0, 0, 60 * MS);
    iteration(0, 2, 60 * MS);
    run_fixture_pause(&fixture, CELL, 0, 10 * MS, MS);
    commit(CELL, 0, 120 * MS, 1);
    run_fixture_close(&fixture);
    struct csv_error error;
    assert_int_equal(derive(&error), 0);
    assert_row("mmu_worst.csv", CELL ",0,1000000,1,-1,10000000,1000000,0,,");
}

/* They replace what an earlier session left, and leave nothing unfinished beside it. */
static void they_are_written_anew(void **state)
{
    (void)state;
    begin("anew");
    run_fixture_pause(&fixture, CELL, 0, 10 * MS, MS);
    commit(CELL, 0, 120 * MS, 1);
    run_fixture_close(&fixture);
    struct csv_error error;
    assert_int_equal(derive(&error), 0);
    char *first = content("mmu.csv"), path[256];
    snprintf(path, sizeof path, "%s/mmu.csv", folder);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs("rubbish", file);
    fclose(file);
    assert_int_equal(derive(&error), 0);
    char *second = content("mmu.csv");
    assert_string_equal(second, first);
    free(first);
    free(second);
    snprintf(path, sizeof path, "%s/.mmu.csv", folder);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_run_without_cells_has_empty_ones(void **state)
{
    (void)state;
    begin("empty");
    run_fixture_close(&fixture);
    struct csv_error error;
    assert_int_equal(derive(&error), 0);
    assert_int_equal(count_rows("mmu.csv") + count_rows("mmu_worst.csv") + count_rows("lbo.csv") +
                         count_rows("lbo_mean.csv"),
                     0);
}

static void stops_that_cannot_be_are_refused(void **state)
{
    (void)state;
    begin("refused");
    run_fixture_pause(&fixture, CELL, 0, 10 * MS, MS);
    run_fixture_pause(&fixture, CELL, 0, 10 * MS, -1);
    commit(CELL, 0, 120 * MS, 2);
    run_fixture_close(&fixture);
    struct csv_error error;
    assert_int_equal(derive(&error), -EBADMSG);
    assert_non_null(strstr(error.text, "pauses.csv:3:1: no such stop"));
    assert_false(derived_exist(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utilisation_worked_out_by_hand),
        cmocka_unit_test(iterations_are_told_where_they_are_known),
        cmocka_unit_test(they_are_written_anew),
        cmocka_unit_test(a_run_without_cells_has_empty_ones),
        cmocka_unit_test(stops_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
