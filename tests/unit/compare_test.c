/* Verdicts on made-up runs whose answer is known. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "data/compare.h"
#include "data/csv_write.h"

static char folder[64];
static const struct run_data *loaded[8];
static size_t loaded_count;

/* A run that is being written, one at a time. */
static struct csv_writer *writer;
static int64_t next_order;

static char *path_in(const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gcmeter_compare_XXXXXX");
    loaded_count = 0;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < loaded_count; i++)
        run_data_free((struct run_data *)loaded[i]);
    unlink(path_in("run.csv"));
    unlink(path_in("invocations.csv"));
    unlink(path_in("metrics.csv"));
    return rmdir(folder);
}

static void begin_run(void)
{
    unlink(path_in("invocations.csv"));
    FILE *out = fopen(path_in("run.csv"), "w");
    assert_non_null(out);
    fputs("key,value\nschema_version,1\n"
          "backend_mimalloc_reclaim,manual\nbackend_malloc_reclaim,manual\n"
          "backend_boehm_reclaim,tracing\nbackend_boehm_capabilities,heap_limit collect\n"
          "backend_marksweep_reclaim,tracing\nbackend_marksweep_capabilities,collect precise\n",
          out);
    fclose(out);
    next_order = 0;
    assert_int_equal(csv_writer_open(&writer, path_in("invocations.csv"),
                                     &schema_files[SCHEMA_FILE_INVOCATIONS]),
                     0);
}

static void begin_row(const char *workload, const char *backend, const char *heap, int number,
                      const char *status)
{
    char cell[256];
    snprintf(cell, sizeof cell, "%s/%s/heap=%s/threads=1", workload, backend, heap);
    csv_writer_text(writer, SCHEMA_INVOCATIONS_cell, cell);
    csv_writer_int(writer, SCHEMA_INVOCATIONS_invocation, number);
    csv_writer_int(writer, SCHEMA_INVOCATIONS_order, next_order++);
    csv_writer_text(writer, SCHEMA_INVOCATIONS_status, status);
}

static void end_row(void)
{
    assert_int_equal(csv_writer_row(writer), 0);
}

/* `count` invocations of one cell with a wall time of `value` and noise of up to `noise` of it. */
static void add_cell(const char *workload, const char *backend, const char *heap, int count,
                     size_t column, double value, double noise, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < count; i++) {
        begin_row(workload, backend, heap, i, "ok");
        csv_writer_int(writer, column, llround(value * (1 + noise * rng_unit(&rng))));
        end_row();
    }
}

static void add_failures(const char *workload, const char *backend, int first, int count,
                         const char *status)
{
    for (int i = 0; i < count; i++) {
        begin_row(workload, backend, "none", first + i, status);
        end_row();
    }
}

static const struct run_data *end_run(void)
{
    assert_int_equal(csv_writer_close(writer), 0);
    struct run_data *run = NULL;
    struct csv_error error = {""};
    if (run_data_load(&run, folder, &error))
        fail_msg("%s", error.text);
    loaded[loaded_count++] = run;
    return run;
}

static const char *const wall[] = {"wall_ns"};
static const struct compare_options wall_options = {
    .metrics = wall, .metric_count = 1, .tolerance = {0.05, 0}, .alpha = 0.05};

static struct compare_result *compare_wall(const struct run_data *base, const struct run_data *new)
{
    struct compare_result *result = NULL;
    struct csv_error error = {""};
    assert_int_equal(compare_runs(&result, base, new, &wall_options, &error), 0);
    return result;
}

static struct compare_result *compare_metric(const struct run_data *base,
                                             const struct run_data *new, const char *metric,
                                             double tolerance)
{
    struct compare_options options = wall_options;
    options.metrics = &metric;
    options.tolerance.relative = tolerance;
    struct compare_result *result = NULL;
    struct csv_error error = {""};
    assert_int_equal(compare_runs(&result, base, new, &options, &error), 0);
    return result;
}

static const struct run_data *run_of(int count, size_t column, double value, double noise,
                                     uint64_t seed)
{
    begin_run();
    add_cell("w", "boehm", "none", count, column, value, noise, seed);
    return end_run();
}

static void identical_samples_are_the_same(void **state)
{
    (void)state;
    for (int n = 1; n <= 12; n += 3) {
        const struct run_data *run = run_of(n, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.3, 1);
        struct compare_result *result = compare_wall(run, run);
        assert_int_equal(result->row_count, 1);
        assert_int_equal(result->rows[0].verdict, COMPARE_SAME);
        assert_true(result->rows[0].p == 1 && result->rows[0].p_holm == 1);
        assert_true(fabs(result->rows[0].estimate - 1) < 1e-12);
        assert_int_equal(result->undecidable_count, 0);
        compare_free(result);
    }
}

static void planted_effects_are_found(void **state)
{
    (void)state;
    static const struct {
        double effect;
        enum compare_verdict verdict;
    } cases[] = {
        {1.10, COMPARE_REGRESSED}, {0.90, COMPARE_IMPROVED},      {1.01, COMPARE_SAME},
        {0.99, COMPARE_SAME},      {1.048, COMPARE_INCONCLUSIVE},
    };
    const struct run_data *base = run_of(10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.02, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct run_data *new =
            run_of(10, SCHEMA_INVOCATIONS_wall_ns, 1e9 * cases[i].effect, 0.02, 2);
        struct compare_result *result = compare_wall(base, new);
        const struct compare_row *row = &result->rows[0];
        assert_int_equal(row->verdict, cases[i].verdict);
        assert_int_equal(row->kind, COMPARE_STATISTICAL);
        assert_true(row->low < row->estimate && row->estimate < row->high);
        assert_true(fabs(row->estimate / cases[i].effect - 1) < 0.015);
        assert_int_equal(row->needed_invocations > 0, row->verdict == COMPARE_INCONCLUSIVE);
        assert_int_equal(result->count[cases[i].verdict], 1);
        compare_free(result);
    }
}

static void higher_may_be_better(void **state)
{
    (void)state;
    const struct run_data *base = run_of(10, SCHEMA_INVOCATIONS_operations_per_s, 1e6, 0.02, 1);
    const struct run_data *new = run_of(10, SCHEMA_INVOCATIONS_operations_per_s, 8e5, 0.02, 2);
    struct compare_result *result = compare_metric(base, new, "operations_per_s", 0.05);
    assert_int_equal(result->rows[0].verdict, COMPARE_REGRESSED);
    compare_free(result);
    result = compare_metric(new, base, "operations_per_s", 0.05);
    assert_int_equal(result->rows[0].verdict, COMPARE_IMPROVED);
    compare_free(result);
    result = compare_metric(base, new, "operations_per_s", 0.5);
    assert_int_equal(result->rows[0].verdict, COMPARE_SAME);
    compare_free(result);
}

static void three_invocations_give_no_verdict(void **state)
{
    (void)state;
    const struct run_data *base = run_of(3, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.001, 1);
    const struct run_data *slow = run_of(3, SCHEMA_INVOCATIONS_wall_ns, 2e9, 0.001, 2);
    const struct run_data *alike = run_of(3, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.001, 3);
    struct compare_result *result = compare_wall(base, slow);
    assert_int_equal(result->rows[0].verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(result->undecidable_count, 1);
    assert_int_equal(result->rows[0].needed_invocations, 1);
    compare_free(result);
    result = compare_wall(base, alike);
    assert_int_equal(result->rows[0].verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(result->undecidable_count, 1);
    compare_free(result);
}

/* However many invocations there were. */
static void what_new_lacks_is_not_for_want_of_invocations(void **state)
{
    (void)state;
    const struct run_data *base = run_of(20, SCHEMA_INVOCATIONS_operations_per_s, 1e6, 0.01, 4);
    const struct run_data *new = run_of(20, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.001, 5);
    struct compare_result *result = compare_metric(base, new, "operations_per_s", 0.05);
    assert_int_equal(result->row_count, 1);
    assert_int_equal(result->rows[0].verdict, COMPARE_INCONCLUSIVE);
    assert_int_equal(result->undecidable_count, 1);
    assert_int_equal(result->incomparable_count, 1);
    assert_true(compare_is_undecided(result));
    compare_free(result);
}

/* Five invocations serve a family of six (METHODS.md section 8). */
static void the_family_decides_what_n_can(void **state)
{
    (void)state;
    for (int cells = 6; cells <= 7; cells++) {
        const struct run_data *runs[2];
        for (int r = 0; r < 2; r++) {
            begin_run();
            for (int c = 0; c < cells; c++) {
                char name[16];
                snprintf(name, sizeof name, "w%d", c);
                add_cell(name, "boehm", "none", 5, SCHEMA_INVOCATIONS_wall_ns, r ? 2e9 : 1e9, 0.02,
                         (uint64_t)(10 * r + c));
            }
            runs[r] = end_run();
        }
        struct compare_result *result = compare_wall(runs[0], runs[1]);
        assert_int_equal(result->family, cells);
        assert_int_equal(result->count[COMPARE_REGRESSED], cells == 6 ? 6 : 0);
        assert_int_equal(result->undecidable_count, cells == 6 ? 0 : 7);
        assert_int_equal(result->family_invocations, cells == 6 ? 5 : 6);
        compare_free(result);
    }
}

static void kinds_are_observed(void **state)
{
    (void)state;
    static const size_t column = SCHEMA_INVOCATIONS_instructions_count;
    const struct run_data *base = run_of(3, column, 1e9, 0, 1);
    const struct run_data *more = run_of(3, column, 1.06e9, 0, 1);
    const struct run_data *spread = run_of(3, column, 1.06e9, 0.0001, 1);
    const struct run_data *wide = run_of(3, column, 1.06e9, 0.1, 1);
    const struct run_data *few = run_of(2, column, 1.06e9, 0, 1);
    static const struct {
        double tolerance;
        enum compare_verdict verdict;
    } cases[] = {{0.05, COMPARE_REGRESSED}, {0.07, COMPARE_SAME}};
    for (size_t i = 0; i < 2; i++) {
        struct compare_result *result =
            compare_metric(base, more, "instructions_count", cases[i].tolerance);
        assert_int_equal(result->rows[0].kind, COMPARE_EXACT);
        assert_int_equal(result->rows[0].verdict, cases[i].verdict);
        compare_free(result);
        result = compare_metric(base, spread, "instructions_count", cases[i].tolerance);
        assert_int_equal(result->rows[0].kind, COMPARE_NEAR_EXACT);
        assert_int_equal(result->rows[0].verdict, cases[i].verdict);
        compare_free(result);
    }
    const struct run_data *const statistical[] = {wide, few};
    for (size_t i = 0; i < 2; i++) {
        struct compare_result *result =
            compare_metric(base, statistical[i], "instructions_count", 0.05);
        assert_int_equal(result->rows[0].kind, COMPARE_STATISTICAL);
        assert_int_equal(result->rows[0].verdict, COMPARE_INCONCLUSIVE);
        compare_free(result);
    }
}

/* Instructions that the processor counts are not those that valgrind does: where a run has both the
 * latter count, and against a run that has the former alone there is no verdict. */
static void instructions_are_compared_with_their_like(void **state)
{
    (void)state;
    static const size_t column = SCHEMA_INVOCATIONS_instructions_count;
    const struct run_data *by_processor = run_of(3, column, 1.2e9, 0.01, 1);
    const struct run_data *runs[2];
    for (int r = 0; r < 2; r++) {
        begin_run();
        add_cell("w", "boehm", "none", 3, column, 1.2e9, 0.01, 1);
        for (int i = 0; i < 3; i++) {
            begin_row("w", "boehm", "none", -100001 - i, "ok");
            csv_writer_text(writer, SCHEMA_INVOCATIONS_flags, "instructions");
            csv_writer_int(writer, column, 1000000000 + r * 100000000);
            end_row();
        }
        runs[r] = end_run();
    }
    struct compare_result *result = compare_metric(runs[0], runs[1], "instructions_count", 0.05);
    assert_int_equal(result->rows[0].kind, COMPARE_EXACT);
    assert_int_equal(result->rows[0].verdict, COMPARE_REGRESSED);
    assert_int_equal(result->rows[0].base.of, 3);
    assert_true(result->rows[0].base.median == 1e9);
    compare_free(result);
    assert_string_equal(by_processor->cells[0].key, runs[0]->cells[0].key);
    result = compare_metric(by_processor, runs[0], "instructions_count", 0.05);
    assert_int_equal(result->rows[0].verdict, COMPARE_INCONCLUSIVE);
    assert_string_equal(result->rows[0].why, "counted in another way");
    assert_int_equal(result->undecidable_count, 1);
    compare_free(result);
}

/* A near-exact counter gates at ten times its spread where that is more than the tolerance. */
static void near_exact_gates_at_ten_times_the_spread(void **state)
{
    (void)state;
    static const size_t column = SCHEMA_INVOCATIONS_gc_count;
    const struct run_data *base = run_of(8, column, 1e6, 0.004, 1);
    const struct run_data *new = run_of(8, column, 1.02e6, 0.004, 2);
    struct compare_result *result = compare_metric(base, new, "gc_count", 0.001);
    assert_int_equal(result->rows[0].kind, COMPARE_NEAR_EXACT);
    assert_int_equal(result->rows[0].verdict, COMPARE_SAME);
    compare_free(result);
}

/* A conservative collector's figures may look exact for a while. */
static void conservative_marking_is_never_exact(void **state)
{
    (void)state;
    static const char *const backends[] = {"boehm", "marksweep"};
    for (int i = 0; i < 2; i++) {
        begin_run();
        add_cell("w", backends[i], "none", 5, SCHEMA_INVOCATIONS_marked_bytes, 1e6, 0, 1);
        const struct run_data *base = end_run();
        begin_run();
        add_cell("w", backends[i], "none", 5, SCHEMA_INVOCATIONS_marked_bytes, 2e6, 0, 1);
        const struct run_data *new = end_run();
        struct compare_result *result = compare_metric(base, new, "marked_bytes", 0.05);
        assert_int_equal(result->rows[0].kind, i ? COMPARE_EXACT : COMPARE_STATISTICAL);
        assert_int_equal(result->rows[0].verdict, COMPARE_REGRESSED);
        compare_free(result);
    }
}

static void zeroes_are_compared_by_difference(void **state)
{
    (void)state;
    const struct run_data *none = run_of(10, SCHEMA_INVOCATIONS_minor_faults_count, 0, 0, 1);
    const struct run_data *many = run_of(10, SCHEMA_INVOCATIONS_minor_faults_count, 100, 0.5, 1);
    struct compare_result *result = compare_metric(none, many, "minor_faults_count", 0.05);
    assert_true(result->rows[0].by_difference);
    assert_true(result->rows[0].low >= 100);
    assert_int_equal(result->rows[0].verdict, COMPARE_REGRESSED);
    compare_free(result);
    result = compare_metric(many, none, "minor_faults_count", 0.05);
    assert_int_equal(result->rows[0].verdict, COMPARE_IMPROVED);
    compare_free(result);
}

static void failures_break_a_cell(void **state)
{
    (void)state;
    static const struct {
        int base_failed, new_failed; /* of 10; the rest is ok */
        int rows;
        enum compare_verdict verdict; /* of the status row, the first */
    } cases[] = {
        {0, 10, 1, COMPARE_BROKEN},      {0, 8, 2, COMPARE_BROKEN}, {0, 2, 2, COMPARE_INCONCLUSIVE},
        {5, 6, 2, COMPARE_INCONCLUSIVE}, {10, 10, 0, COMPARE_SAME}, {10, 0, 0, COMPARE_SAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct run_data *runs[2];
        for (int r = 0; r < 2; r++) {
            int failed = r ? cases[i].new_failed : cases[i].base_failed;
            begin_run();
            add_cell("w", "boehm", "none", 10 - failed, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 1);
            add_failures("w", "boehm", 10 - failed, failed, r ? "timeout" : "crashed");
            runs[r] = end_run();
        }
        struct compare_result *result = compare_wall(runs[0], runs[1]);
        assert_int_equal(result->row_count, cases[i].rows);
        if (cases[i].rows) {
            assert_string_equal(result->rows[0].metric, COMPARE_STATUS);
            assert_int_equal(result->rows[0].verdict, cases[i].verdict);
            assert_int_equal(result->rows[0].new.of, 10);
            assert_int_equal(result->rows[0].new.count, 10 - cases[i].new_failed);
        }
        if (cases[i].rows == 2)
            assert_int_equal(result->rows[1].new.of, 10);
        compare_free(result);
        run_data_free((struct run_data *)runs[0]);
        run_data_free((struct run_data *)runs[1]);
        loaded_count -= 2;
    }
}

static void missing_and_skipped_cells_are_broken(void **state)
{
    (void)state;
    begin_run();
    add_cell("gone", "boehm", "none", 4, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0, 1);
    add_cell("skipped", "boehm", "none", 4, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0, 1);
    const struct run_data *base = end_run();
    begin_run();
    add_failures("skipped", "boehm", 0, 1, "skipped");
    add_cell("added", "boehm", "none", 4, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0, 1);
    const struct run_data *new = end_run();
    struct compare_result *result = compare_wall(base, new);
    assert_int_equal(result->count[COMPARE_BROKEN], 2);
    assert_int_equal(result->row_count, 2);
    assert_string_equal(result->rows[0].why, "missing");
    assert_string_equal(result->rows[1].why, "skipped");
    assert_int_equal(result->new_cell_count, 1);
    compare_free(result);
    result = compare_wall(new, base);
    assert_int_equal(result->count[COMPARE_BROKEN], 1);
    compare_free(result);
}

static void probe_invocations_are_apart(void **state)
{
    (void)state;
    begin_run();
    add_cell("w", "boehm", "none", 5, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 1);
    for (int i = 5; i < 12; i++) {
        begin_row("w", "boehm", "none", i, i == 5 ? "crashed" : "ok");
        csv_writer_text(writer, SCHEMA_INVOCATIONS_flags, "probe");
        if (i > 5)
            csv_writer_int(writer, SCHEMA_INVOCATIONS_stall_max_ns, 1000 + i);
        end_row();
    }
    const struct run_data *run = end_run();
    struct compare_sample sample;
    assert_int_equal(compare_sample_of(&sample, run, &run->cells[0], "wall_ns"), 0);
    assert_int_equal(sample.count, 5);
    assert_int_equal(sample.of, 5);
    assert_int_equal(compare_sample_of(&sample, run, &run->cells[0], "stall_max_ns"), 0);
    assert_int_equal(sample.count, 6);
    assert_int_equal(sample.of, 7);
    assert_true(sample.min == 1006 && sample.max == 1011 && sample.median == 1008.5);
    struct compare_result *result = compare_wall(run, run);
    assert_int_equal(result->row_count, 1);
    compare_free(result);
}

static void backends_are_compared_with_the_reference(void **state)
{
    (void)state;
    begin_run();
    add_cell("w", "boehm", "2xlive", 10, SCHEMA_INVOCATIONS_wall_ns, 2e9, 0.01, 1);
    add_cell("w", "boehm", "4xlive", 10, SCHEMA_INVOCATIONS_wall_ns, 1.5e9, 0.01, 2);
    add_cell("w", "marksweep", "4xlive", 10, SCHEMA_INVOCATIONS_wall_ns, 3e9, 0.01, 3);
    add_cell("w", "mimalloc", "none", 10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 4);
    add_cell("w", "malloc", "none", 10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 5);
    add_cell("other", "malloc", "none", 10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 6);
    const struct run_data *run = end_run();
    struct csv_error error;
    struct compare_result *result;
    assert_int_equal(compare_backends(&result, run, "mimalloc", &wall_options, &error), 0);
    assert_int_equal(result->row_count, 4);
    assert_int_equal(result->count[COMPARE_REGRESSED], 3);
    assert_int_equal(result->count[COMPARE_SAME], 1);
    compare_free(result);

    /* A collector is paired at its own heap setting, manual memory at every one. */
    assert_int_equal(compare_backends(&result, run, "boehm", &wall_options, &error), 0);
    assert_int_equal(result->row_count, 5);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(compare_write_csv(result, out), 0);
    fclose(out);
    static const char *const starts[] = {
        ("cell,metric,n_base,n_new,median_base,median_new,ratio,ratio_low,ratio_high,p,p_holm,kind,"
         "verdict,needed_invocations,base,new\n"),
        "\nw/heap=2xlive/threads=1,wall_ns,10,10,",
        "\nw/heap=4xlive/threads=1,wall_ns,10,10,",
        ",statistical,improved,,boehm,mimalloc\n",
        ",statistical,regressed,,boehm,marksweep\n",
    };
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        assert_non_null(strstr(text, starts[i]));
    free(text);
    compare_free(result);

    assert_int_equal(compare_backends(&result, run, "jemalloc", &wall_options, &error), -EINVAL);
    assert_string_equal(error.text, "no cell of this run is of the variant 'jemalloc'");
}

static void metrics_must_exist_and_have_a_direction(void **state)
{
    (void)state;
    const struct run_data *run = run_of(4, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 1);
    struct compare_options options = wall_options;
    struct compare_result *result;
    struct csv_error error;
    const char *name = "wall";
    options.metrics = &name;
    assert_int_equal(compare_runs(&result, run, run, &options, &error), -EINVAL);
    assert_string_equal(error.text, "no metric is named 'wall'; see gcmeter list metrics");
    name = "steal_ns";
    assert_int_equal(compare_runs(&result, run, run, &options, &error), -EINVAL);
    assert_string_equal(error.text, "steal_ns has no better and no worse, so it has no verdict");
}

static void metrics_of_a_backend_count_like_built_in_ones(void **state)
{
    (void)state;
    const struct run_data *runs[2];
    for (int r = 0; r < 2; r++) {
        FILE *out = fopen(path_in("metrics.csv"), "w");
        assert_non_null(out);
        fputs("cell,invocation,metric,unit,better,value\n", out);
        for (int i = 0; i < 10; i++)
            fprintf(out, "w/boehm/heap=none/threads=1,%d,fill_ratio,ratio,higher,0.%d%d\n", i,
                    r ? 5 : 8, i);
        fclose(out);
        runs[r] = run_of(10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.01, 1);
    }
    struct compare_result *result = compare_metric(runs[0], runs[1], "fill_ratio", 0.05);
    assert_int_equal(result->rows[0].verdict, COMPARE_REGRESSED);
    assert_string_equal(result->rows[0].unit, "ratio");
    compare_free(result);
}

static void json_is_escaped(void **state)
{
    (void)state;
    begin_run();
    add_cell("w:a=%22", "boehm:l\"a\\b\n", "none", 5, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0, 1);
    const struct run_data *run = end_run();
    struct compare_result *result = compare_wall(run, run);
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(compare_write_json(result, out), 0);
    fclose(out);
    assert_string_equal(
        text, "[\n  {\"cell\": \"w:a=%22/boehm:l\\\"a\\\\b\\u000a/heap=none/threads=1\", "
              "\"metric\": \"wall_ns\", \"n_base\": 5, \"n_new\": 5, \"median_base\": 1000000000, "
              "\"median_new\": 1000000000, \"ratio\": 1, \"ratio_low\": 1, \"ratio_high\": 1, "
              "\"p\": 1, \"p_holm\": 1, \"kind\": \"exact\", \"verdict\": \"same\", "
              "\"needed_invocations\": null}\n]\n");
    free(text);
    compare_free(result);
}

/* The tool compared with itself, many times: few verdicts, whatever the noise (METHODS.md section
 * 8: Holm keeps the chance of any below alpha). */
static void false_alarms_are_rare(void **state)
{
    (void)state;
    int alarms = 0;
    for (int trial = 0; trial < 200; trial++) {
        const struct run_data *base =
            run_of(10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.5, (uint64_t)(1000 + trial));
        const struct run_data *new =
            run_of(10, SCHEMA_INVOCATIONS_wall_ns, 1e9, 0.5, (uint64_t)(5000 + trial));
        struct compare_result *result = compare_metric(base, new, "wall_ns", 0);
        alarms += result->count[COMPARE_REGRESSED] + result->count[COMPARE_IMPROVED] > 0;
        compare_free(result);
        run_data_free((struct run_data *)base);
        run_data_free((struct run_data *)new);
        loaded_count -= 2;
    }
    assert_in_range(alarms, 1, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
        TEST(identical_samples_are_the_same),
        TEST(planted_effects_are_found),
        TEST(higher_may_be_better),
        TEST(three_invocations_give_no_verdict),
        TEST(what_new_lacks_is_not_for_want_of_invocations),
        TEST(the_family_decides_what_n_can),
        TEST(kinds_are_observed),
        TEST(instructions_are_compared_with_their_like),
        TEST(near_exact_gates_at_ten_times_the_spread),
        TEST(conservative_marking_is_never_exact),
        TEST(zeroes_are_compared_by_difference),
        TEST(failures_break_a_cell),
        TEST(missing_and_skipped_cells_are_broken),
        TEST(probe_invocations_are_apart),
        TEST(backends_are_compared_with_the_reference),
        TEST(metrics_must_exist_and_have_a_direction),
        TEST(metrics_of_a_backend_count_like_built_in_ones),
        TEST(json_is_escaped),
        TEST(false_alarms_are_rare),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
