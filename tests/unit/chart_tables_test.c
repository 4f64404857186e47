/* The tables behind the charts, against figures worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/chart_sweep.h"
#include "data/chart_tables.h"
#include "data/compare.h"
#include "data/history_file.h"
#include "fixtures/run_fixture.h"

#define MARKSWEEP "w/marksweep/heap=none/threads=1"
#define BOEHM     "w/boehm/heap=none/threads=1"
#define MIMALLOC  "w/mimalloc/heap=none/threads=1"
#define MALLOC    "w/malloc/heap=none/threads=1"

#define MS 1000000

static char base_folder[] = "/tmp/gcmeter-test-XXXXXX";
static char run_folder[128];
static char table_folder[128];
static struct run_fixture fixture;
static struct run_data *run;
static struct chart_plan plan;

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
    snprintf(run_folder, sizeof run_folder, "%s/%s", base_folder, name);
    snprintf(table_folder, sizeof table_folder, "%s/%s-tables", base_folder, name);
    run_fixture_open(&fixture, run_folder);
    run_fixture_key(&fixture, "schema_version", "1");
    run_fixture_key(&fixture, "backend_mimalloc_reclaim", "manual");
    run_fixture_key(&fixture, "backend_malloc_reclaim", "manual");
    run_fixture_key(&fixture, "backend_marksweep_reclaim", "tracing");
    run_fixture_key(&fixture, "backend_boehm_reclaim", "tracing");
    run_fixture_key(&fixture, "backend_nofree_reclaim", "never");
}

static void load(void)
{
    struct csv_error error;
    run_fixture_close(&fixture);
    assert_int_equal(run_data_load(&run, run_folder, &error), 0);
}

/* Loads what was written and makes its tables. Returns how many pages there are. */
static size_t finish(const char *reference)
{
    struct csv_error error;
    struct chart_page *pages;
    size_t page_count;
    load();
    assert_int_equal(chart_plan_make(&plan, run, reference, &error), 0);
    assert_int_equal(mkdir(table_folder, 0777), 0);
    assert_int_equal(chart_tables_write(&plan, table_folder, 2, &pages, &page_count, &error), 0);
    free(pages);
    return page_count;
}

static void end(void)
{
    chart_plan_free(&plan);
    run_data_free(run);
}

static void commit(const char *cell, const char *backend, int64_t number, const char *status,
                   int64_t wall_ns)
{
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "w",
                                     .backend = backend,
                                     .status = status,
                                     .number = number,
                                     .wall_ns = wall_ns,
                                     .rss_peak_bytes = wall_ns < 0 ? -1 : 1 << 20,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                 });
}

/* Field `want` of the first row whose fields `where` have the values `is` (up to a NULL); a table
 * of these tests has no quoted field. Fails where there is no such row. */
static const char *field(const char *table, const char *want, const char *const (*where)[2])
{
    static char found[4096];
    char path[256], line[8192], header[8192] = "";
    snprintf(path, sizeof path, "%s/%s", table_folder, table);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!*header) {
            snprintf(header, sizeof header, "%s", line);
            continue;
        }
        bool matches = true, known = false;
        const char *name = header, *value = line;
        for (;;) {
            int name_length = (int)strcspn(name, ","), value_length = (int)strcspn(value, ",");
            char this_name[64], this_value[4096];
            snprintf(this_name, sizeof this_name, "%.*s", name_length, name);
            snprintf(this_value, sizeof this_value, "%.*s", value_length, value);
            for (size_t i = 0; where[i][0]; i++)
                if (!strcmp(where[i][0], this_name) && strcmp(where[i][1], this_value))
                    matches = false;
            if (!strcmp(want, this_name)) {
                known = true;
                memcpy(found, this_value, sizeof found);
            }
            if (!name[name_length])
                break;
            name += name_length + 1;
            value += value_length + 1;
        }
        assert_true(known);
        if (matches) {
            fclose(file);
            return found;
        }
    }
    fclose(file);
    fail_msg("%s has no such row", table);
    return NULL;
}

#define WHERE(...) ((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

static double number(const char *text)
{
    char *rest;
    double value = strtod(text, &rest);
    assert_true(rest != text && !*rest);
    return value;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-6 * fabs(expected))
        fail_msg("%.9g is not %.9g", value, expected);
}

static size_t count_lines(const char *table)
{
    char path[256];
    size_t lines = 0;
    snprintf(path, sizeof path, "%s/%s", table_folder, table);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void quantiles_of_stops_are_medians_over_invocations(void **state)
{
    (void)state;
    begin("stops");
    for (int64_t i = 0; i < 2; i++) {
        for (int64_t k = 100; k >= 1; k--)
            run_fixture_pause(&fixture, MARKSWEEP, i, k, (100 * i + k) * MS);
        commit(MARKSWEEP, "marksweep", i, "ok", 1000 * MS);
    }
    /* A failed invocation leaves no trace in the curve. */
    run_fixture_pause(&fixture, MARKSWEEP, 2, 0, 9000 * (int64_t)MS);
    commit(MARKSWEEP, "marksweep", 2, "crashed", -1);
    finish(NULL);
    static const char *const median[][2] = {{"kind", "median"}, {NULL, NULL}};
    assert_near(number(field("stop_cdf.1.csv", "duration_ns", median)), 100 * MS);
    assert_near(number(field("stop_cdf.1.csv", "low_ns", median)), 50 * MS);
    assert_near(number(field("stop_cdf.1.csv", "high_ns", median)), 150 * MS);
    static const char *const longest[][2] = {{"kind", "longest"}, {NULL, NULL}};
    assert_near(number(field("stop_cdf.1.csv", "duration_ns", longest)), 150 * MS);
    assert_near(number(field("stop_cdf.1.csv", "high_ns", longest)), 200 * MS);
    static const char *const quarter[][2] = {{"kind", "curve"}, {"fraction", "0.25"}, {NULL, NULL}};
    assert_near(number(field("stop_cdf.1.csv", "duration_ns", quarter)), 75 * MS);
    assert_string_equal(field("stop_cdf.panels.csv", "note", WHERE({"panel", "1"})),
                        "stops per invocation: marksweep 100; "
                        "drawn without failures: marksweep (crashed 1 of 3)");
    assert_string_equal(field("stop_cdf.panels.csv", "n", WHERE({"panel", "1"})), "n = 2");
    end();
}

static void a_curve_of_many_stops_is_bounded(void **state)
{
    (void)state;
    begin("many");
    for (int64_t k = 1; k <= 20000; k++)
        run_fixture_pause(&fixture, MARKSWEEP, 0, k, k);
    commit(MARKSWEEP, "marksweep", 0, "ok", 1000 * MS);
    finish(NULL);
    assert_in_range(count_lines("stop_cdf.1.csv"), 400, 600);
    assert_near(number(field("stop_cdf.1.csv", "duration_ns", WHERE({"kind", "longest"}))), 20000);
    assert_near(number(field("stop_cdf.1.csv", "duration_ns", WHERE({"kind", "median"}))), 10000);
    end();
}

static void percentiles_follow_the_rule_and_stop_where_too_few_are_left(void **state)
{
    (void)state;
    begin("latency");
    /* METHODS.md section 4: of n = 1000, tail 1/10 is number 899 and tail 1/100 number 989. */
    run_fixture_latency(&fixture, MARKSWEEP, 0, 9000, 9000, 10);
    run_fixture_latency(&fixture, MARKSWEEP, 0, 1000, 1000, 900);
    run_fixture_latency(&fixture, MARKSWEEP, 0, 5000, 5000, 90);
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                     .cell = MARKSWEEP,
                                     .workload = "w",
                                     .backend = "marksweep",
                                     .status = "ok",
                                     .wall_ns = 1000,
                                     .rss_peak_bytes = 1000,
                                     .pause_count = 0,
                                     .latency_max_ns = 9123,
                                 });
    finish(NULL);
    const char *table = "latency_hdr.1.csv";
    assert_near(number(field(table, "latency_ns", WHERE({"kind", "mark"}, {"inverse_tail", "2"}))),
                1000);
    assert_near(number(field(table, "latency_ns", WHERE({"kind", "mark"}, {"inverse_tail", "10"}))),
                1000);
    assert_near(
        number(field(table, "latency_ns", WHERE({"kind", "mark"}, {"inverse_tail", "100"}))), 5000);
    assert_near(number(field(table, "latency_ns", WHERE({"kind", "longest"}))), 9123);
    assert_near(number(field("latency_hdr.panels.csv", "inverse_tail_high", WHERE({"panel", "1"}))),
                100);
    assert_string_equal(field("stop_cdf.panels.csv", "note", WHERE({"panel", "1"})),
                        "no stops: marksweep");
    end();
}

/* Panels of requests are numbered on, and show the same part of both axes. */
static void series_of_requests_have_panels_of_their_own(void **state)
{
    (void)state;
    begin("series");
    static const char *const series[] = {"simple", "metered_100ms", "metered_full", "open",
                                         "of_tomorrow"};
    for (int64_t i = 0; i < 5; i++)
        run_fixture_latency_of(&fixture, MARKSWEEP, 0, series[i], 1000 * (i + 1), 1000 * (i + 1),
                               i == 2 ? 100000 : 1000);
    run_fixture_latency(&fixture, MALLOC, 0, 700, 700, 1000);
    run_fixture_latency(&fixture, "z/malloc/heap=none/threads=1", 0, 5, 5, 1000);
    commit(MARKSWEEP, "marksweep", 0, "ok", MS);
    commit(MALLOC, "malloc", 0, "ok", MS);
    commit("z/malloc/heap=none/threads=1", "malloc", 0, "ok", MS);
    /* A failed invocation's series do not count. */
    run_fixture_latency_of(&fixture, "z/malloc/heap=none/threads=1", 1, "open", 9000, 9000, 1000);
    commit("z/malloc/heap=none/threads=1", "malloc", 1, "crashed", -1);
    size_t pages = finish(NULL);
    assert_int_equal(pages, 9);
    const char *panels = "latency_hdr.panels.csv";
    assert_int_equal(count_lines(panels), 1 + 5);
    static const char *const titles[] = {"w · simple", "w · metered over 100 ms",
                                         "w · metered in full", "w · open loop", "z"};
    static const char *const numbers[] = {"1", "2", "3", "4", "5"};
    char low[64], end_of_axis[64];
    snprintf(low, sizeof low, "%s", field(panels, "low_ns", WHERE({"panel", "1"})));
    snprintf(end_of_axis, sizeof end_of_axis, "%s",
             field(panels, "inverse_tail_high", WHERE({"panel", "1"})));
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(field(panels, "title", WHERE({"panel", numbers[i]})), titles[i]);
        if (i == 4)
            break;
        char table[64];
        snprintf(table, sizeof table, "latency_hdr.%s.csv", numbers[i]);
        /* marksweep is series 1; malloc has simple alone. */
        assert_near(
            number(field(table, "latency_ns",
                         WHERE({"series", "1"}, {"kind", "mark"}, {"inverse_tail", "100"}))),
            1000. * (double)(i + 1));
        assert_near(number(field(table, "latency_ns", WHERE({"series", "1"}, {"kind", "longest"}))),
                    1000. * (double)(i + 1));
        assert_string_equal(field(panels, "low_ns", WHERE({"panel", numbers[i]})), low);
        assert_string_equal(field(panels, "inverse_tail_high", WHERE({"panel", numbers[i]})),
                            end_of_axis);
        assert_string_equal(field(panels, "series", WHERE({"panel", numbers[i]})),
                            i == 0 ? "1 2" : "1");
    }
    assert_near(number(end_of_axis), 10000);
    assert_true(number(low) < 700);
    end();
}

static void ratios_are_those_of_hodges_and_lehmann(void **state)
{
    (void)state;
    begin("ratio");
    for (int64_t i = 0; i < 3; i++) {
        commit(MARKSWEEP, "marksweep", i, "ok", (200 << i) * (int64_t)MS);
        commit(MIMALLOC, "mimalloc", i, "ok", (100 << i) * (int64_t)MS);
        commit(BOEHM, "boehm", i, "oom", -1);
    }
    finish(NULL);
    const char *table = "time_ratio.csv";
    static const char *const row[][2] = {{"label", "marksweep"}, {NULL, NULL}};
    assert_near(number(field(table, "ratio", row)), 2);
    assert_near(number(field(table, "ratio_low", row)), 0.5);
    assert_near(number(field(table, "ratio_high", row)), 8);
    assert_string_equal(field(table, "text", row), "2.00× (0.50 to 8.00)");
    assert_string_equal(field(table, "text", WHERE({"label", "mimalloc"})), "1 (200 ms)");
    assert_string_equal(field(table, "kind", WHERE({"label", "boehm"})), "missing");
    assert_string_equal(field(table, "text", WHERE({"label", "boehm"})), "oom 3 of 3");
    assert_string_equal(field("time_memory.panels.csv", "note", WHERE({"panel", "1"})),
                        "not drawn: boehm (oom 3 of 3)");
    assert_near(number(field("time_memory.panels.csv", "reference_ns", WHERE({"panel", "1"}))),
                200 * MS);
    end();
}

static void the_reference_is_chosen_or_named(void **state)
{
    (void)state;
    struct csv_error error;
    begin("reference");
    commit(MARKSWEEP, "marksweep", 0, "ok", MS);
    commit(MALLOC, "malloc", 0, "ok", MS);
    load();
    assert_int_equal(chart_plan_make(&plan, run, NULL, &error), 0);
    assert_string_equal(plan.series[plan.reference].label, "malloc");
    chart_plan_free(&plan);
    assert_int_equal(chart_plan_make(&plan, run, "marksweep", &error), 0);
    assert_string_equal(plan.series[plan.reference].label, "marksweep");
    chart_plan_free(&plan);
    assert_int_equal(chart_plan_make(&plan, run, "tcmalloc", &error), -ENOENT);
    assert_string_equal(error.text, "no backend 'tcmalloc' in this run; it has marksweep, malloc");
    run_data_free(run);
}

static void manual_cells_join_the_panels_of_every_heap_limit(void **state)
{
    (void)state;
    begin("guests");
    commit("w/boehm/heap=3xlive/threads=1", "boehm", 0, "ok", 3 * MS);
    commit(MIMALLOC, "mimalloc", 0, "ok", 2 * MS);
    commit("w/boehm/heap=1.5xlive/threads=1", "boehm", 0, "ok", 4 * MS);
    commit("w/mimalloc/heap=none/threads=2", "mimalloc", 0, "ok", MS);
    finish(NULL);
    assert_int_equal(plan.panel_count, 3);
    assert_string_equal(plan.panels[0].title, "w · 2 threads");
    assert_string_equal(plan.panels[1].title, "w · heap 1.5xlive · 1 thread");
    assert_int_equal(plan.panels[1].member_count, 2);
    assert_string_equal(plan.panels[2].title, "w · heap 3xlive · 1 thread");
    assert_string_equal(field("time_memory.panels.csv", "note", WHERE({"panel", "2"})),
                        "manual backends: no heap limit");
    assert_near(number(field("time_memory.panels.csv", "reference_ns", WHERE({"panel", "3"}))),
                2 * MS);
    assert_string_equal(field("time_memory.panels.csv", "note", WHERE({"panel", "1"})),
                        "not run here: boehm");
    end();
}

static void commit_limit(const char *cell, const char *backend, int64_t number, const char *status,
                         int64_t limit_bytes, int64_t peak_bytes, int64_t wall_ns)
{
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "w",
                                     .backend = backend,
                                     .status = status,
                                     .number = number,
                                     .wall_ns = wall_ns,
                                     .rss_peak_bytes = peak_bytes,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                     .heap_limit_bytes = limit_bytes,
                                 });
}

static void a_heap_sweep_is_one_panel_against_memory_and_limit(void **state)
{
    (void)state;
    begin("sweep");
    static const char *const cells[][3] = {
        {"w/marksweep/heap=1xmin/threads=1", "w/marksweep/heap=2xmin/threads=1",
         "w/marksweep/heap=10xmin/threads=1"},
        {"w/boehm/heap=1xmin/threads=1", "w/boehm/heap=2xmin/threads=1",
         "w/boehm/heap=10xmin/threads=1"},
    };
    static const int64_t limits[] = {1000, 2000, 10000}, peaks[] = {2000, 3000, 12000};
    static const int64_t walls_ms[] = {800, 400, 100};
    for (int64_t i = 0; i < 3; i++) {
        /* By falling limit: the order of the file does not matter. */
        for (size_t k = 3; k-- > 0;) {
            commit_limit(cells[0][k], "marksweep", i, "ok", limits[k], peaks[k] + i,
                         (walls_ms[k] + i) * MS);
            commit_limit(cells[1][k], "boehm", i, k == 2 ? "ok" : "oom", limits[k],
                         k == 2 ? peaks[k] : -1, k == 2 ? 900 * (int64_t)MS : -1);
        }
        commit_limit(MIMALLOC, "mimalloc", i, "ok", 0, 6000 + i, (200 + i) * MS);
        commit_limit("w/nofree/heap=none/threads=1", "nofree", i, "ok", 0, 1000000, 50 * MS);
    }
    /* Another workload at one limit is no sweep. */
    commit_limit("v/marksweep/heap=1xmin/threads=1", "marksweep", 0, "ok", 500, 600, MS);
    assert_int_equal(finish(NULL), 11);
    assert_int_equal(count_lines("time_space.panels.csv"), 2);
    static const char *const panel[][2] = {{"panel", "1"}, {NULL, NULL}};
    assert_string_equal(field("time_space.panels.csv", "title", panel), "w");
    assert_string_equal(field("time_space.panels.csv", "n", panel), "n = 3");
    assert_near(number(field("time_space.panels.csv", "reference_bytes", panel)), 6001);
    assert_near(number(field("time_space.panels.csv", "reference_ns", panel)), 201 * MS);
    /* Between (3001 bytes, 401 ms) and (12001 bytes, 101 ms), both axes logarithmic. */
    double part = log(401.0 / 201) / log(401.0 / 101);
    double crossing = exp(log(3001) + part * (log(12001) - log(3001)));
    static const char *const ours[][2] = {{"series", "marksweep"}, {NULL, NULL}};
    assert_string_equal(field("time_space.crossings.csv", "crossing", ours), "crosses");
    assert_string_equal(field("time_space.crossings.csv", "reference", ours), "mimalloc");
    assert_near(number(field("time_space.crossings.csv", "memory_bytes", ours)), crossing);
    assert_near(number(field("time_space.crossings.csv", "memory_ratio", ours)), crossing / 6001);
    /* By the fastest: from (400 ms) to (100 ms), down to 200 ms: half-way. */
    assert_string_equal(field("time_space.crossings.csv", "fastest_crossing", ours), "crosses");
    assert_near(number(field("time_space.crossings.csv", "fastest_memory_bytes", ours)),
                sqrt(3001.0 * 12001));
    assert_int_equal(count_lines("time_space.crossings.csv"), 2); /* boehm has but one point */
    char note[256];
    snprintf(note, sizeof note,
             "marksweep is as fast as mimalloc from %.3g times its peak memory; off the scale: "
             "nofree (977 KiB%%2C 50.0 ms); not drawn: boehm at 1xmin%%2C 2xmin (oom 3 of 3)",
             crossing / 6001);
    assert_string_equal(field("time_space.panels.csv", "note", panel), note);

    static const char *const series = "2"; /* boehm, marksweep, mimalloc, nofree */
    assert_near(number(field("time_space.1.csv", "memory_bytes",
                             WHERE({"series", series}, {"limit_bytes", "2000"}))),
                3001);
    assert_near(number(field("time_space.1.csv", "memory_high_bytes",
                             WHERE({"series", series}, {"limit_bytes", "2000"}))),
                3002);
    assert_near(number(field("time_limit.1.csv", "memory_bytes",
                             WHERE({"series", series}, {"wall_ns", "401000000"}))),
                2000);
    assert_near(number(field("time_limit.1.csv", "memory_bytes", WHERE({"kind", "point"}))), 6001);
    assert_string_equal(field("time_limit.panels.csv", "note", panel),
                        "off the scale: nofree (977 KiB%2C 50.0 ms); not drawn: boehm at "
                        "1xmin%2C 2xmin (oom 3 of 3)");
    /* The first row of a curve is that of the smallest limit. */
    assert_string_equal(field("time_space.1.csv", "limit_bytes", WHERE({"series", series})),
                        "1000");
    end();
}

/* One disturbed invocation of the two at the largest heap must not pass for the truth in silence.
 */
static void a_crossing_that_hangs_on_noise_says_so(void **state)
{
    (void)state;
    begin("noise");
    for (int64_t i = 0; i < 3; i++) {
        commit_limit("w/marksweep/heap=1xmin/threads=1", "marksweep", i, "ok", 1000, 2000,
                     400 * MS);
        commit_limit("w/marksweep/heap=2xmin/threads=1", "marksweep", i, "ok", 2000, 4000,
                     (i == 0 ? 100 : 300) * MS);
        commit_limit("w/boehm/heap=1xmin/threads=1", "boehm", i, "ok", 1000, 2000, 500 * MS);
        commit_limit("w/boehm/heap=2xmin/threads=1", "boehm", i, "ok", 2000, 8000, 150 * MS);
        commit_limit(MIMALLOC, "mimalloc", i, "ok", 0, 4000, (i == 0 ? 120 : 200) * MS);
    }
    finish(NULL);
    double boehm = exp(log(2000) + log(500.0 / 200) / log(500.0 / 150) * log(4)) / 4000;
    double marksweep = exp(log(2000) + log(400.0 / 120) / log(4) * log(2)) / 4000;
    char note[512];
    snprintf(note, sizeof note,
             "boehm is as fast as mimalloc from %.3g times its peak memory (slower by the fastest "
             "invocations); marksweep is slower than mimalloc up to its largest heap (as fast from "
             "%.3g times its peak memory by the fastest invocations)",
             boehm, marksweep);
    assert_string_equal(field("time_space.panels.csv", "note", WHERE({"panel", "1"})), note);
    end();
}

static void a_curve_crosses_where_it_comes_down_for_good(void **state)
{
    (void)state;
    double bytes = 0;
    struct chart_sweep_point points[] = {{100, 80}, {200, 10}, {400, 40}, {1600, 10}};
    assert_int_equal(chart_sweep_cross(points, 4, 20, &bytes), CHART_CROSSES);
    assert_near(bytes, 800); /* half-way, both in powers of two and of four */
    assert_int_equal(chart_sweep_cross(points, 4, 10, &bytes), CHART_CROSSES);
    assert_near(bytes, 1600);
    assert_int_equal(chart_sweep_cross(points, 4, 9.9, &bytes), CHART_NEVER);
    assert_int_equal(chart_sweep_cross(points, 4, 80, &bytes), CHART_BELOW);
    assert_near(bytes, 100);
    assert_int_equal(chart_sweep_cross(points, 1, 79, &bytes), CHART_NEVER);
    assert_int_equal(chart_sweep_cross(points, 2, 79, &bytes), CHART_CROSSES);
    assert_true(bytes > 100 && bytes < 101);
}

static void a_run_without_sweeps_has_no_such_pages(void **state)
{
    (void)state;
    begin("no-sweep");
    commit_limit("w/marksweep/heap=3xlive/threads=1", "marksweep", 0, "ok", 3000, 600, MS);
    commit_limit("w/boehm/heap=2xlive/threads=1", "boehm", 0, "ok", 2000, 600, MS);
    commit_limit("w/marksweep/heap=2xlive/threads=2", "marksweep", 0, "ok", 2000, 600, MS);
    commit_limit("w/marksweep/heap=none/threads=1", "marksweep", 0, "ok", 0, 600, MS);
    assert_int_equal(finish(NULL), 9);
    assert_int_equal(count_lines("time_space.panels.csv"), 1);
    end();
}

static void utilisation_is_the_median_over_invocations(void **state)
{
    (void)state;
    begin("utilisation");
    /* Of 10 ms, 1, 2 and 6 are stopped; the last is too short for 200 ms. */
    static const int64_t stopped[] = {6 * MS, 1 * MS, 2 * MS};
    for (int64_t i = 0; i < 3; i++) {
        run_fixture_pause(&fixture, BOEHM, i, 50 * MS, stopped[i]);
        run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                         .cell = BOEHM,
                                         .workload = "w",
                                         .backend = "boehm",
                                         .status = "ok",
                                         .number = i,
                                         .wall_ns = (i == 2 ? 150 : 300) * MS,
                                         .rss_peak_bytes = 1 << 20,
                                         .pause_count = 1,
                                         .latency_max_ns = -1,
                                     });
    }
    commit(MIMALLOC, "mimalloc", 0, "ok", 100 * MS);
    commit(MARKSWEEP, "marksweep", 0, "ok", 200 * MS);
    finish(NULL);
    assert_near(number(field("mmu.1.csv", "mmu", WHERE({"window_ns", "10000000"}))), 0.8);
    assert_near(number(field("mmu.1.csv", "mmu_low", WHERE({"window_ns", "10000000"}))), 0.4);
    assert_near(number(field("mmu.1.csv", "mmu_high", WHERE({"window_ns", "10000000"}))), 0.9);
    assert_near(number(field("mmu.1.csv", "bmu", WHERE({"window_ns", "10000000"}))), 0.8);
    assert_near(number(field("mmu.1.csv", "mmu", WHERE({"window_ns", "100000000"}))), 0.98);
    assert_int_equal(count_lines("mmu.1.csv"), 1 + 13);
    assert_string_equal(field("mmu.panels.csv", "note", WHERE({"panel", "1"})),
                        "least utilisation of 10 ms: boehm 80 %25; no stops: mimalloc; stops not "
                        "reported: marksweep");
    /* Distilled: boehm 294 and 299 and 148 ms; mimalloc supplies the minimum. */
    assert_near(number(field("lbo.1.csv", "lbo", WHERE({"series", "1"}, {"time", "wall"}))), 3);
    assert_string_equal(field("lbo.1.csv", "text", WHERE({"series", "2"}, {"time", "wall"})),
                        "2.00");
    assert_int_equal(count_lines("lbo.1.csv"), 1 + 3); /* CPU time was not measured */
    assert_string_equal(field("lbo.panels.csv", "note", WHERE({"panel", "1"})),
                        "minimum distilled cost: wall 100 ms of mimalloc");
    assert_near(number(field("lbo.panels.csv", "high", WHERE({"panel", "1"}))), 3);
    end();
}

static void probe_invocations_do_not_count(void **state)
{
    (void)state;
    begin("probe");
    commit(MARKSWEEP, "marksweep", 0, "ok", 5 * MS);
    run_fixture_pause(&fixture, MARKSWEEP, 1, 0, MS);
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){.cell = MARKSWEEP,
                                                                  .workload = "w",
                                                                  .backend = "marksweep",
                                                                  .status = "ok",
                                                                  .flags = "noisy probe",
                                                                  .number = 1,
                                                                  .wall_ns = -1,
                                                                  .rss_peak_bytes = -1,
                                                                  .pause_count = -1,
                                                                  .latency_max_ns = -1});
    finish(NULL);
    assert_string_equal(field("stop_cdf.panels.csv", "n", WHERE({"panel", "1"})), "n = 1");
    assert_string_equal(field("stop_cdf.panels.csv", "series", WHERE({"panel", "1"})), "");
    end();
}

/* Stops come from the invocations that are measured, stalls from probes; what has none is told from
 * what was not looked at. */
static void stalls_come_from_probes_and_stops_from_the_others(void **state)
{
    (void)state;
    enum {
        COUNT = SCHEMA_INVOCATIONS_stall_count,
        STALL = SCHEMA_INVOCATIONS_stall_max_ns,
        STOP = SCHEMA_INVOCATIONS_pause_max_ns,
    };
    begin("stalls");
    run_fixture_figures(&fixture, MARKSWEEP, "marksweep", 0, "", STOP, 3 * MS, STALL, -1);
    run_fixture_figures(&fixture, MARKSWEEP, "marksweep", 1, "noisy", STOP, 5 * MS, STALL, -1);
    run_fixture_figures(&fixture, MARKSWEEP, "marksweep", -1, "probe", COUNT, 9, STALL, 7 * MS);
    /* Whatever a probe says of stops, and a measured one of stalls, it is not shown. */
    run_fixture_figures(&fixture, MARKSWEEP, "marksweep", -2, "probe", STOP, 90 * MS, STALL,
                        8 * MS);
    run_fixture_figures(&fixture, MARKSWEEP, "marksweep", 2, "", STOP, 4 * MS, STALL, 90 * MS);
    run_fixture_figures(&fixture, MIMALLOC, "mimalloc", 0, "", COUNT, -1, STALL, -1);
    run_fixture_figures(&fixture, MIMALLOC, "mimalloc", -1, "probe", COUNT, 0, STALL, -1);
    run_fixture_figures(&fixture, BOEHM, "boehm", 0, "", STOP, 6 * MS, STALL, -1);
    finish(NULL);
    const char *table = "stalls.1.csv";
    assert_int_equal(count_lines(table), 1 + 3);
    assert_near(number(field(table, "longest_ns", WHERE({"kind", "stop"}, {"n", "3"}))), 4 * MS);
    assert_near(number(field(table, "low_ns", WHERE({"kind", "stop"}, {"n", "3"}))), 3 * MS);
    assert_near(number(field(table, "high_ns", WHERE({"kind", "stop"}, {"n", "3"}))), 5 * MS);
    assert_near(number(field(table, "longest_ns", WHERE({"kind", "stop"}, {"n", "1"}))), 6 * MS);
    assert_near(number(field(table, "longest_ns", WHERE({"kind", "stall"}))), 7.5 * MS);
    assert_string_equal(field(table, "n", WHERE({"kind", "stall"})), "2");
    assert_string_equal(field("stalls.panels.csv", "note", WHERE({"panel", "1"})),
                        "probe invocations: 1; no stops: mimalloc; no stalls: mimalloc; "
                        "stalls not measured: boehm");
    end();
}

static void memory_is_that_of_the_median_invocation_and_keeps_its_peak(void **state)
{
    (void)state;
    begin("memory");
    static const int64_t walls_ms[] = {900, 500, 100};
    for (int64_t i = 0; i < 3; i++) {
        for (int64_t k = 0; k < 9000; k++)
            run_fixture_memory(&fixture, MARKSWEEP, i, k * 10000,
                               k == 4321 ? 7000 + i : 1000 + k % 7, k == 8000 ? 400 : -1);
        run_fixture_collection(&fixture, MARKSWEEP, i, 0, 11 * i);
        commit(MARKSWEEP, "marksweep", i, "ok", walls_ms[i] * MS);
    }
    finish(NULL);
    assert_in_range(count_lines("memory_time.1.csv"), 300, 610);
    assert_near(number(field("memory_time.1.csv", "t_ns", WHERE({"memory_bytes", "7001"}))),
                43210000);
    /* Memory offered back counts as given back until the next reading. */
    assert_near(number(field("memory_time.1.csv", "memory_bytes", WHERE({"kind", "end"}))),
                1000 + 8999 % 7 - 400);
    assert_near(number(field("memory_time.1.collections.csv", "t_ns", WHERE({"lane", "1"}))), 11);
    assert_string_equal(field("memory_time.panels.csv", "lanes", WHERE({"panel", "1"})), "1");
    end();
}

static void a_timeline_keeps_the_longest_stop_of_each_span(void **state)
{
    (void)state;
    begin("timeline");
    static const int64_t walls_ms[] = {900, 300, 100};
    for (int64_t i = 0; i < 3; i++) {
        /* 3000 stops over 300 ms, ten in each span; number 1234 is long. */
        for (int64_t k = 2999; k >= 0; k--)
            run_fixture_pause(&fixture, MARKSWEEP, i, k * MS / 10 + i,
                              k == 1234 ? 5 * MS : 1000 + k % 10);
        commit(MARKSWEEP, "marksweep", i, "ok", walls_ms[i] * MS);
    }
    run_fixture_pause(&fixture, BOEHM, 0, 0, 0);
    run_fixture_pause(&fixture, BOEHM, 0, 20 * MS, 7 * MS);
    commit(BOEHM, "boehm", 0, "ok", 50 * MS);
    commit(MALLOC, "malloc", 0, "ok", 50 * MS);
    finish(NULL);
    const char *table = "stop_timeline.1.csv";
    assert_int_equal(count_lines(table), 1 + 300 + 1 + 2 + 1);
    /* Of the median invocation, whose stops are one nanosecond late. */
    assert_near(number(field(table, "t_ns", WHERE({"series", "2"}, {"duration_ns", "5000000"}))),
                1234 * MS / 10 + 1);
    assert_string_equal(field(table, "duration_ns", WHERE({"series", "2"}, {"kind", "stop"})),
                        "1009");
    assert_near(number(field(table, "t_ns", WHERE({"series", "2"}, {"kind", "end"}))), 300 * MS);
    assert_string_equal(field(table, "duration_ns", WHERE({"series", "1"}, {"kind", "stop"})), "1");
    assert_string_equal(field("stop_timeline.panels.csv", "note", WHERE({"panel", "1"})),
                        "stops: boehm 2 (longest 7.00 ms%2C together 7.00 ms)%2C marksweep 3000 "
                        "(longest 5.00 ms%2C together 8.01 ms); no stops: malloc");
    end();
}

static void a_warm_up_series_is_of_medians_in_blocks(void **state)
{
    (void)state;
    begin("warmup");
    for (int64_t i = 0; i < 3; i++) {
        for (int64_t k = -2; k < 3; k++)
            run_fixture_iteration(&fixture, MARKSWEEP, i, k, (10 * (3 - k) + i) * MS);
        commit(MARKSWEEP, "marksweep", i, "ok", 1000 * MS);
        for (int64_t k = 598; k >= -2; k--)
            run_fixture_iteration(&fixture, BOEHM, i, k, k < 0 ? 900 + 10 * i : 100 + i + k % 3);
        commit(BOEHM, "boehm", i, "ok", 1000 * MS);
    }
    run_fixture_iteration(&fixture, MARKSWEEP, 3, 0, 1);
    commit(MARKSWEEP, "marksweep", 3, "crashed", -1);
    /* One iteration of each kind is no series. */
    run_fixture_iteration(&fixture, "v/marksweep/heap=none/threads=1", 0, -1, 1);
    run_fixture_iteration(&fixture, "v/marksweep/heap=none/threads=1", 0, 0, 1);
    commit("v/marksweep/heap=none/threads=1", "marksweep", 0, "ok", 1000 * MS);
    finish(NULL);
    const char *table = "warmup.1.csv";
    assert_int_equal(count_lines("warmup.panels.csv"), 1 + 1);
    assert_string_equal(field("warmup.panels.csv", "title", WHERE({"panel", "1"})), "w");
    assert_near(number(field(table, "wall_ns", WHERE({"series", "2"}, {"iteration", "-2"}))),
                51 * MS);
    assert_near(number(field(table, "low_ns", WHERE({"series", "2"}, {"iteration", "2"}))),
                10 * MS);
    assert_near(number(field(table, "high_ns", WHERE({"series", "2"}, {"iteration", "2"}))),
                12 * MS);
    /* 601 iterations in blocks of three, of which one begins with iteration 0. */
    assert_int_equal(count_lines(table), 1 + 5 + 201);
    assert_near(number(field(table, "wall_ns", WHERE({"series", "1"}, {"iteration", "-2"}))), 910);
    assert_near(number(field(table, "wall_ns", WHERE({"series", "1"}, {"iteration", "1"}))), 102);
    assert_near(number(field(table, "high_ns", WHERE({"series", "1"}, {"iteration", "1"}))), 103);
    /* The last block has but iterations 597 and 598. */
    assert_near(number(field(table, "wall_ns", WHERE({"series", "1"}, {"iteration", "598"}))),
                101.5);
    assert_near(number(field("warmup.panels.csv", "first", WHERE({"panel", "1"}))), -2);
    end();
}

static void commit_speed(const char *cell, const char *backend, int64_t number, int64_t per_s)
{
    run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "w",
                                     .backend = backend,
                                     .status = per_s ? "ok" : "oom",
                                     .number = number,
                                     .wall_ns = per_s ? MS : -1,
                                     .rss_peak_bytes = -1,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                     .operations_per_s = per_s,
                                 });
}

static void scaling_joins_the_threads_of_a_workload(void **state)
{
    (void)state;
    begin("scaling");
    for (int64_t i = 0; i < 7; i++) {
        commit_speed("w/boehm/heap=2xlive/threads=4", "boehm", i, i == 6 ? 0 : 2000 + 20 * i);
        commit_speed("w/boehm/heap=2xlive/threads=1", "boehm", i, 1000);
        commit_speed("w/mimalloc/heap=none/threads=1", "mimalloc", i, 3000 + i);
        commit_speed("w/mimalloc/heap=none/threads=2", "mimalloc", i, 5000);
        commit_speed("w/mimalloc/heap=none/threads=4", "mimalloc", i, 10000);
        commit_speed("v/mimalloc/heap=none/threads=4", "mimalloc", i, 10000);
    }
    finish(NULL);
    /* Two threads have a panel of their own elsewhere, where mimalloc is alone. */
    assert_int_equal(count_lines("scaling.panels.csv"), 1 + 1);
    const char *table = "scaling.1.csv";
    static const char *const panel[][2] = {{"panel", "1"}, {NULL, NULL}};
    assert_string_equal(field("scaling.panels.csv", "title", panel), "w · heap 2xlive");
    assert_string_equal(field("scaling.panels.csv", "threads", panel), "1 4");
    assert_string_equal(field("scaling.panels.csv", "n", panel), "n = 6 to 7");
    static const char *const four[][2] = {{"series", "1"}, {"threads", "4"}, {NULL, NULL}};
    assert_near(number(field(table, "operations_per_s", four)), 2050);
    /* With six values the only interval of 95 % is their range. */
    assert_near(number(field(table, "low_per_s", four)), 2000);
    assert_near(number(field(table, "high_per_s", four)), 2100);
    assert_near(
        number(field(table, "operations_per_s", WHERE({"kind", "ideal"}, {"threads", "4"}))),
        4 * 3003);
    assert_string_equal(field("scaling.panels.csv", "note", panel),
                        "speed-up: boehm 2.05 [2%2C 2.1]%2C mimalloc 3.33 [3.33%2C 3.33]; "
                        "drawn without failures: boehm at 4 (oom 1 of 7)");
    end();
}

static void the_longest_stop_is_set_against_the_most_live_bytes(void **state)
{
    (void)state;
    begin("live");
    static const char *const cells[] = {"w:n=1/marksweep/heap=none/threads=1",
                                        "w:n=2/marksweep/heap=none/threads=1",
                                        "v/marksweep/heap=none/threads=1"};
    for (int64_t i = 0; i < 3; i++)
        for (int64_t c = 0; c < 3; c++) {
            run_fixture_live(&fixture, cells[c], i, 0, (c + 1) * (1000 + i));
            run_fixture_live(&fixture, cells[c], i, 1, 10);
            run_fixture_commit(&fixture, &(struct run_fixture_invocation){
                                             .cell = cells[c],
                                             .workload = "w",
                                             .backend = "marksweep",
                                             .status = "ok",
                                             .number = i,
                                             .wall_ns = MS,
                                             .rss_peak_bytes = -1,
                                             .pause_count = 2,
                                             .latency_max_ns = -1,
                                             .pause_max_ns = (c + 1) * (100 + i),
                                         });
        }
    commit(BOEHM, "boehm", 0, "ok", MS);
    commit(MALLOC, "malloc", 0, "ok", MS);
    finish(NULL);
    const char *table = "stop_live.1.csv";
    /* A row of no series keeps the line of w apart from v. */
    assert_int_equal(count_lines(table), 1 + 3 + 1);
    static const char *const second[][2] = {{"live_bytes", "2002"}, {NULL, NULL}};
    assert_string_equal(field(table, "workload", second), "3");
    assert_near(number(field(table, "live_low_bytes", second)), 2000);
    assert_near(number(field(table, "longest_ns", second)), 202);
    assert_near(number(field(table, "longest_high_ns", second)), 204);
    assert_string_equal(field("stop_live.panels.csv", "note", WHERE({"panel", "1"})),
                        "1 v%2C 2 w:n=1%2C 3 w:n=2; no stop%2C or no live bytes known: w on boehm");
    end();
}

static void long_runs_go_on_to_further_pages(void **state)
{
    (void)state;
    begin("pages");
    for (int w = 0; w < 13; w++) {
        char cell[64];
        snprintf(cell, sizeof cell, "w:nodes=%d/malloc/heap=none/threads=1", w);
        commit(cell, "malloc", 0, "ok", MS);
    }
    /* Eight charts have three panels a column, and the ratios twelve blocks of rows. */
    assert_int_equal(finish(NULL), 8 * 3 + 2);
    assert_string_equal(plan.panels[2].title, "w:nodes=2");
    assert_string_equal(plan.panels[10].title, "w:nodes=10");
    struct csv_error error;
    struct chart_page *pages;
    size_t page_count;
    assert_int_equal(chart_tables_write(&plan, table_folder, 1, &pages, &page_count, &error), 0);
    assert_int_equal(page_count, 8 * 5 + 2);
    assert_string_equal(pages[0].chart, "time_ratio");
    assert_int_equal(pages[1].first, 13);
    assert_int_equal(pages[1].number, 2);
    assert_string_equal(pages[2].chart, "time_memory");
    assert_int_equal(pages[2].last, 3);
    assert_int_equal(pages[6].first, 13);
    assert_int_equal(pages[6].last, 13);
    assert_int_equal(pages[6].number, 5);
    free(pages);
    end();
}

/* A run of six invocations of three cells, of which one fails where `scale` is not 1. */
static struct run_data *load_side(const char *name, int64_t scale)
{
    begin(name);
    for (int64_t i = 0; i < 6; i++) {
        commit(MARKSWEEP, "marksweep", i, "ok", (100 + i) * scale * MS);
        commit("w/boehm/heap=2xlive/threads=4", "boehm", i, "ok", (100 + i) * MS);
        commit(MALLOC, "malloc", i, scale == 1 ? "ok" : "crashed", scale == 1 ? 50 * MS : -1);
    }
    load();
    return run;
}

static void rows_of_a_comparison_are_charted_metric_by_metric(void **state)
{
    (void)state;
    struct csv_error error;
    struct run_data *base = load_side("ab-base", 1);
    struct run_data *new = load_side("ab-new", 2);
    static const char *const metrics[] = {"wall_ns", "rss_peak_bytes"};
    const struct compare_options options = {
        .metrics = metrics, .metric_count = 2, .tolerance = {0.1, 0}, .alpha = 0.05};
    struct compare_result *result;
    assert_int_equal(compare_runs(&result, base, new, &options, &error), 0);
    assert_int_equal(chart_plan_make(&plan, new, NULL, &error), 0);
    plan.comparison = result;
    assert_int_equal(mkdir(table_folder, 0777), 0);
    struct chart_page *pages;
    size_t page_count;
    assert_int_equal(chart_tables_write(&plan, table_folder, 2, &pages, &page_count, &error), 0);
    assert_string_equal(pages[0].chart, "ab_ratio");
    assert_int_equal(pages[0].last, 1);
    free(pages);

    const char *table = "ab_ratio.csv";
    static const char *const slower[][2] = {
        {"label", "marksweep · w"}, {"text", "2× [1.94%2C 2.06] regressed"}, {NULL, NULL}};
    assert_string_equal(field(table, "kind", slower), "ratio");
    assert_string_equal(field(table, "brief", slower), "2× regressed");
    assert_near(number(field(table, "ratio", slower)), 2);
    assert_near(number(field(table, "same_low", slower)), 1 / 1.1);
    assert_near(number(field(table, "same_high", slower)), 1.1);
    /* boehm is the first of the series, marksweep the second. */
    assert_string_equal(field(table, "series", slower), "2");
    assert_string_equal(field(table, "brief", WHERE({"label", "boehm · w · 2xlive · 4 threads"})),
                        "1× same");
    assert_string_equal(field(table, "kind", WHERE({"label", "malloc · w"})), "missing");
    assert_true(!strncmp(field(table, "text", WHERE({"label", "malloc · w"})), "broken: ", 8));
    /* Three headings: how invocations ended is one. */
    assert_int_equal(count_lines(table), 1 + 3 + 1 + 2 + 2);
    assert_string_equal(field("ab_ratio.panels.csv", "series", WHERE({"panel", "1"})), "1 2");
    compare_free(result);
    chart_plan_free(&plan);
    run_data_free(base);
    run_data_free(new);
}

/* Sixteen runs, of which the later half take twice as long. */
static void a_history_is_charted_with_its_levels(void **state)
{
    (void)state;
    struct csv_error error;
    char path[160];
    snprintf(path, sizeof path, "%s/history.csv", base_folder);
    for (int64_t r = 0; r < 16; r++) {
        char name[16], date[32], seed[16];
        snprintf(name, sizeof name, "level-%d", (int)r);
        snprintf(date, sizeof date, "2026-11-%02dT00:00:00Z", (int)r + 1);
        snprintf(seed, sizeof seed, "%d", (int)r);
        begin(name);
        run_fixture_key(&fixture, "date", date);
        run_fixture_key(&fixture, "order_seed", seed);
        for (int64_t i = 0; i < 3; i++)
            commit(MARKSWEEP, "marksweep", i, "ok", ((r < 8 ? 100 : 200) + (r + i) % 3) * MS);
        load();
        size_t added;
        const struct history_add_options how = {0};
        if (history_add(path, (const struct run_data *const[]){run}, 1, &how, &added, &error))
            fail_msg("%s", error.text);
        if (r < 15)
            run_data_free(run);
    }
    struct history *history;
    assert_int_equal(history_load(&history, path, &error), 0);
    assert_int_equal(chart_plan_make(&plan, run, NULL, &error), 0);
    plan.history = history;
    assert_int_equal(mkdir(table_folder, 0777), 0);
    struct chart_page *pages;
    size_t page_count;
    assert_int_equal(chart_tables_write(&plan, table_folder, 2, &pages, &page_count, &error), 0);
    assert_string_equal(pages[page_count - 1].chart, "history");
    assert_int_equal(pages[page_count - 1].last, 2); /* wall time and peak memory */
    free(pages);
    const char *table = "history.1.csv";
    assert_int_equal(count_lines(table), 1 + 16 + 2);
    assert_near(number(field(table, "value", WHERE({"kind", "point"}, {"run", "9"}))), 201 * MS);
    static const char *const after[][2] = {{"kind", "level"}, {"run", "8.6"}, {NULL, NULL}};
    assert_near(number(field(table, "value", after)), 201 * MS);
    assert_near(number(field(table, "low", after)), 16.4);
    assert_string_equal(field("history.panels.csv", "note", WHERE({"panel", "1"})),
                        "changed: marksweep from 101 ms to 201 ms on 2026-11-09 (worse)");
    assert_string_equal(field("history.panels.csv", "note", WHERE({"panel", "2"})), "no change");
    assert_string_equal(field("history.runs.csv", "date", WHERE({"run", "3"})), "2026-11-03");
    history_free(history);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_stops_are_medians_over_invocations),
        cmocka_unit_test(a_curve_of_many_stops_is_bounded),
        cmocka_unit_test(percentiles_follow_the_rule_and_stop_where_too_few_are_left),
        cmocka_unit_test(series_of_requests_have_panels_of_their_own),
        cmocka_unit_test(ratios_are_those_of_hodges_and_lehmann),
        cmocka_unit_test(the_reference_is_chosen_or_named),
        cmocka_unit_test(manual_cells_join_the_panels_of_every_heap_limit),
        cmocka_unit_test(a_heap_sweep_is_one_panel_against_memory_and_limit),
        cmocka_unit_test(a_crossing_that_hangs_on_noise_says_so),
        cmocka_unit_test(a_curve_crosses_where_it_comes_down_for_good),
        cmocka_unit_test(a_run_without_sweeps_has_no_such_pages),
        cmocka_unit_test(utilisation_is_the_median_over_invocations),
        cmocka_unit_test(probe_invocations_do_not_count),
        cmocka_unit_test(stalls_come_from_probes_and_stops_from_the_others),
        cmocka_unit_test(memory_is_that_of_the_median_invocation_and_keeps_its_peak),
        cmocka_unit_test(a_timeline_keeps_the_longest_stop_of_each_span),
        cmocka_unit_test(a_warm_up_series_is_of_medians_in_blocks),
        cmocka_unit_test(scaling_joins_the_threads_of_a_workload),
        cmocka_unit_test(the_longest_stop_is_set_against_the_most_live_bytes),
        cmocka_unit_test(rows_of_a_comparison_are_charted_metric_by_metric),
        cmocka_unit_test(a_history_is_charted_with_its_levels),
        cmocka_unit_test(long_runs_go_on_to_further_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
