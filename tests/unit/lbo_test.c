/* Lower-bound overhead against a table worked by hand, as lbo.csv and lbo_mean.csv have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/derived.h"
#include "fixtures/run_fixture.h"

#define MS      INT64_C(1000000)
#define UNKNOWN (-1)

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

/* An invocation in ms. Its stops overlap: one of 3/4 of the stopped time and one of a thread over
 * the later half; and one that reaches beyond the end is cut there. */
static void put(const char *cell, const char *backend, int64_t number, const char *status,
                int64_t wall, int64_t stopped, int64_t cpu, int64_t pause_cpu)
{
    struct csv_writer *w = fixture.files[SCHEMA_FILE_PAUSES];
    int64_t begin = (wall - stopped) * MS;
    const int64_t stops[][3] = {{-1, begin, stopped * MS * 3 / 4},
                                {1, begin + stopped * MS / 2, stopped * MS}};
    for (size_t i = 0; i < 2 && stopped > 0; i++) {
        csv_writer_text(w, SCHEMA_PAUSES_cell, cell);
        csv_writer_int(w, SCHEMA_PAUSES_invocation, number);
        csv_writer_int(w, SCHEMA_PAUSES_thread, stops[i][0]);
        csv_writer_text(w, SCHEMA_PAUSES_kind, "full");
        csv_writer_int(w, SCHEMA_PAUSES_start_ns, stops[i][1]);
        csv_writer_int(w, SCHEMA_PAUSES_duration_ns, stops[i][2]);
        assert_int_equal(csv_writer_row(w), 0);
    }
    w = fixture.files[SCHEMA_FILE_INVOCATIONS];
    csv_writer_text(w, SCHEMA_INVOCATIONS_cell, cell);
    csv_writer_text(w, SCHEMA_INVOCATIONS_workload, "w");
    csv_writer_text(w, SCHEMA_INVOCATIONS_backend, backend);
    csv_writer_int(w, SCHEMA_INVOCATIONS_threads, 1);
    csv_writer_int(w, SCHEMA_INVOCATIONS_invocation, number);
    csv_writer_int(w, SCHEMA_INVOCATIONS_order, fixture.order++);
    csv_writer_int(w, SCHEMA_INVOCATIONS_seed, 1);
    csv_writer_text(w, SCHEMA_INVOCATIONS_status, status);
    if (!strcmp(status, "ok")) {
        csv_writer_int(w, SCHEMA_INVOCATIONS_wall_ns, wall * MS);
        csv_writer_int(w, SCHEMA_INVOCATIONS_cpu_user_ns, (cpu - 10) * MS);
        csv_writer_int(w, SCHEMA_INVOCATIONS_cpu_sys_ns, 10 * MS);
    }
    if (stopped >= 0)
        csv_writer_int(w, SCHEMA_INVOCATIONS_pause_count, stopped ? 2 : 0);
    if (pause_cpu >= 0)
        csv_writer_int(w, SCHEMA_INVOCATIONS_pause_cpu_total_ns, pause_cpu * MS);
    assert_int_equal(csv_writer_row(w), 0);
}

static void write_run(void)
{
    snprintf(folder, sizeof folder, "%s/run", base_folder);
    run_fixture_open(&fixture, folder);
    run_fixture_key(&fixture, "schema_version", "1");
    run_fixture_key(&fixture, "backend_marksweep_reclaim", "tracing");
    run_fixture_key(&fixture, "backend_boehm_reclaim", "tracing");
    run_fixture_key(&fixture, "backend_mimalloc_reclaim", "manual");
    run_fixture_key(&fixture, "backend_nofree_reclaim", "never");
    /* Distilled: wall 50 90 90, CPU 120 160 140. The difference of the medians, 110 - 30, is not
     * the median of the differences. */
    static const char ms1[] = "a/marksweep/heap=2xlive/threads=1";
    put(ms1, "marksweep", 0, "ok", 100, 50, 200, 80);
    put(ms1, "marksweep", 1, "ok", 110, 20, 220, 60);
    put(ms1, "marksweep", 2, "ok", 120, 30, 240, 100);
    /* The CPU time of its stops is not known. */
    static const char boehm1[] = "a/boehm/heap=2xlive/threads=1";
    put(boehm1, "boehm", 0, "ok", 150, 40, 150, UNKNOWN);
    put(boehm1, "boehm", 1, "ok", 160, 40, 160, UNKNOWN);
    static const char mi1[] = "a/mimalloc/heap=none/threads=1";
    put(mi1, "mimalloc", 0, "ok", 95, UNKNOWN, 130, UNKNOWN);
    put(mi1, "mimalloc", 1, "ok", 97, UNKNOWN, 130, UNKNOWN);
    put("a/nofree/heap=none/threads=1", "nofree", 0, "ok", 60, UNKNOWN, 100, UNKNOWN);
    /* Here the collectors supply the minima; nofree has run out of memory. */
    put("b/marksweep/heap=2xlive/threads=1", "marksweep", 0, "ok", 200, 100, 200, 50);
    put("b/boehm/heap=2xlive/threads=1", "boehm", 0, "ok", 130, 20, 300, 10);
    put("b/mimalloc/heap=none/threads=1", "mimalloc", 0, "ok", 140, UNKNOWN, 160, UNKNOWN);
    put("b/nofree/heap=none/threads=1", "nofree", 0, "oom", 0, UNKNOWN, 0, UNKNOWN);
    /* One of boehm's crashed, so this workload is in no mean. */
    put("c/marksweep/heap=2xlive/threads=1", "marksweep", 0, "ok", 40, 20, 40, 20);
    put("c/boehm/heap=2xlive/threads=1", "boehm", 0, "ok", 80, 20, 80, 40);
    put("c/boehm/heap=2xlive/threads=1", "boehm", 1, "crashed", 0, UNKNOWN, 0, UNKNOWN);
    put("c/mimalloc/heap=none/threads=1", "mimalloc", 0, "ok", 50, UNKNOWN, 50, UNKNOWN);
    /* The manual ones join this setting too. It has seen its stops: there were none. */
    put("b/marksweep/heap=4xlive/threads=1", "marksweep", 0, "ok", 150, 0, 180, 0);
    run_fixture_close(&fixture);
}

/* One figure: the field of the row of these keys, NaN where it is empty. */
struct figure {
    const char *workload, *heap, *configuration, *time;
    const char *field;
    bool found;
    double value;
    char text[64];
};

static int take(struct figure *f, const struct csv_row *row, const char *const keys[4])
{
    const char *wanted[4] = {f->workload, f->heap, f->configuration, f->time};
    for (size_t i = 0; i < 4; i++)
        if (keys[i] && strcmp(keys[i], wanted[i]) != 0)
            return 0;
    int column = schema_column_index(row->file, f->field);
    assert_true(column >= 0);
    assert_false(f->found);
    f->found = true;
    snprintf(f->text, sizeof f->text, "%s", row->text[column]);
    f->value = *f->text ? strtod(f->text, NULL) : NAN;
    return 0;
}

static int take_lbo(void *data, const struct csv_row *row)
{
    const char *const keys[] = {row->text[SCHEMA_LBO_workload], row->text[SCHEMA_LBO_heap],
                                row->text[SCHEMA_LBO_configuration], row->text[SCHEMA_LBO_time]};
    return take(data, row, keys);
}

static int take_mean(void *data, const struct csv_row *row)
{
    const char *const keys[] = {NULL, row->text[SCHEMA_LBO_MEAN_heap],
                                row->text[SCHEMA_LBO_MEAN_configuration],
                                row->text[SCHEMA_LBO_MEAN_time]};
    return take(data, row, keys);
}

static struct figure find(enum schema_file_id file, const char *workload, const char *heap,
                          const char *configuration, const char *time, const char *field)
{
    struct figure f = {.workload = workload,
                       .heap = heap,
                       .configuration = configuration,
                       .time = time,
                       .field = field};
    char path[256];
    struct csv_error error;
    snprintf(path, sizeof path, "%s/%s", folder, schema_files[file].name);
    assert_int_equal(csv_read(path, &schema_files[file],
                              file == SCHEMA_FILE_LBO ? take_lbo : take_mean, &f, NULL, &error),
                     0);
    return f;
}

static void assert_near(double value, double expected)
{
    if (isnan(expected) ? !isnan(value) : !(fabs(value - expected) <= 1e-12 * fabs(expected)))
        fail_msg("%.17g is not %.17g", value, expected);
}

static void the_table_worked_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *workload, *heap, *configuration, *time;
        double total, stopped, distilled, mdc; /* ms */
        const char *supplier;
    } rows[] = {
        {"a", "2xlive", "marksweep", "wall", 110, 30, 90, 60, "nofree"},
        {"a", "2xlive", "marksweep", "cpu", 220, 80, 140, 100, "nofree"},
        {"a", "2xlive", "boehm", "wall", 155, 40, 115, 60, "nofree"},
        {"a", "2xlive", "boehm", "cpu", 155, NAN, 155, 100, "nofree"},
        {"a", "2xlive", "mimalloc", "wall", 96, 0, 96, 60, "nofree"},
        {"a", "2xlive", "mimalloc", "cpu", 130, 0, 130, 100, "nofree"},
        {"a", "2xlive", "nofree", "wall", 60, 0, 60, 60, "nofree"},
        {"a", "2xlive", "nofree", "cpu", 100, 0, 100, 100, "nofree"},
        {"b", "2xlive", "marksweep", "wall", 200, 100, 100, 100, "marksweep"},
        {"b", "2xlive", "marksweep", "cpu", 200, 50, 150, 150, "marksweep"},
        {"b", "2xlive", "boehm", "wall", 130, 20, 110, 100, "marksweep"},
        {"b", "2xlive", "boehm", "cpu", 300, 10, 290, 150, "marksweep"},
        {"b", "2xlive", "mimalloc", "wall", 140, 0, 140, 100, "marksweep"},
        {"b", "2xlive", "mimalloc", "cpu", 160, 0, 160, 150, "marksweep"},
        {"b", "2xlive", "nofree", "wall", NAN, NAN, NAN, 100, "marksweep"},
        {"c", "2xlive", "boehm", "wall", 80, 20, 60, 20, "marksweep"},
        {"b", "4xlive", "marksweep", "wall", 150, 0, 150, 140, "mimalloc"},
        {"b", "4xlive", "mimalloc", "cpu", 160, 0, 160, 160, "mimalloc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double expected[] = {rows[i].total * 1e6, rows[i].stopped * 1e6,
                                   rows[i].distilled * 1e6, rows[i].mdc * 1e6,
                                   rows[i].total / rows[i].mdc};
        static const char *const fields[] = {"total_ns", "stopped_ns", "distilled_ns", "mdc_ns",
                                             "lbo"};
        struct figure f;
        for (size_t k = 0; k < 5; k++) {
            f = find(SCHEMA_FILE_LBO, rows[i].workload, rows[i].heap, rows[i].configuration,
                     rows[i].time, fields[k]);
            assert_true(f.found);
            assert_near(f.value, expected[k]);
        }
        f = find(SCHEMA_FILE_LBO, rows[i].workload, rows[i].heap, rows[i].configuration,
                 rows[i].time, "mdc_configuration");
        assert_string_equal(f.text, rows[i].supplier);
    }
    assert_near(find(SCHEMA_FILE_LBO, "c", "2xlive", "boehm", "cpu", "ok_count").value, 1);
    assert_near(find(SCHEMA_FILE_LBO, "c", "2xlive", "boehm", "cpu", "failed_count").value, 1);
    /* Its only setting is that of the collectors. */
    assert_false(find(SCHEMA_FILE_LBO, "a", "none", "mimalloc", "wall", "lbo").found);
    assert_false(find(SCHEMA_FILE_LBO, "a", "4xlive", "mimalloc", "wall", "lbo").found);
}

/* Over a and b alone; nofree, which fails in b, is not shown and spoils nothing. */
static void means_are_over_the_workloads_where_all_succeeded(void **state)
{
    (void)state;
    static const struct {
        const char *heap, *configuration, *time;
        double workloads, lbo;
    } rows[] = {
        {"2xlive", "marksweep", "wall", 2, (110 / 60.) * (200 / 100.)},
        {"2xlive", "marksweep", "cpu", 2, (220 / 100.) * (200 / 150.)},
        {"2xlive", "boehm", "wall", 2, (155 / 60.) * (130 / 100.)},
        {"2xlive", "boehm", "cpu", 2, (155 / 100.) * (300 / 150.)},
        {"2xlive", "mimalloc", "wall", 2, (96 / 60.) * (140 / 100.)},
        {"2xlive", "mimalloc", "cpu", 2, (130 / 100.) * (160 / 150.)},
        {"4xlive", "marksweep", "wall", 1, 150 / 140.},
        {"4xlive", "mimalloc", "wall", 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *heap = rows[i].heap, *configuration = rows[i].configuration;
        struct figure count =
            find(SCHEMA_FILE_LBO_MEAN, "", heap, configuration, rows[i].time, "workloads_count");
        struct figure lbo =
            find(SCHEMA_FILE_LBO_MEAN, "", heap, configuration, rows[i].time, "lbo");
        assert_near(count.value, rows[i].workloads);
        assert_near(lbo.value, pow(rows[i].lbo, 1 / rows[i].workloads));
    }
    assert_false(find(SCHEMA_FILE_LBO_MEAN, "", "2xlive", "nofree", "wall", "lbo").found);
}

static int derive(void **state)
{
    if (setup(state))
        return -1;
    write_run();
    struct csv_error error;
    struct run_data *run;
    if (run_data_load(&run, folder, &error) || derived_write(run, &error)) {
        print_error("%s\n", error.text);
        return -1;
    }
    run_data_free(run);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_worked_by_hand),
        cmocka_unit_test(means_are_over_the_workloads_where_all_succeeded),
    };
    return cmocka_run_group_tests(tests, derive, teardown);
}
