/* `gcmeter plot` on made-up runs: pictures, hostile names, and what is said where nothing can be
 * drawn. Tests that draw are skipped without gnuplot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "fixtures/run_fixture.h"
#include "gcmeter_process.h"

#define MS 1000000

static const char *const charts[] = {"time_ratio", "time_memory", "stop_cdf",    "stop_timeline",
                                     "stalls",     "latency_hdr", "memory_time", "lbo",
                                     "mmu",        "warmup"};
#define CHART_COUNT (sizeof charts / sizeof *charts)

static struct process p;
static char text[1 << 20];

static void need_gnuplot(void)
{
    if (system("command -v gnuplot >/dev/null 2>&1") == 0)
        return;
    print_message("skipped: gnuplot is not installed (apt-get install gnuplot-nox)\n");
    skip();
}

static void write_invocation(struct run_fixture *run, const char *workload, const char *variant,
                             const char *backend, int64_t number, bool collects)
{
    char cell[512];
    snprintf(cell, sizeof cell, "%s/%s/heap=none/threads=1", workload, variant);
    int64_t wall_ns = (300 + 10 * number + 100 * (int64_t)strlen(variant)) * MS;
    for (int64_t k = 0; k < 20; k++) {
        if (collects) {
            run_fixture_pause(run, cell, number, k * 20 * MS, (k + 1) * MS / 4);
            run_fixture_collection(run, cell, number, k, k * 20 * MS);
        }
        if (k < 4)
            run_fixture_iteration(run, cell, number, k - 2, wall_ns / 2 + k * MS);
        static const char *const series[] = {"simple", "metered_100ms", "metered_full", "open"};
        for (int64_t s = 0; s < (strcmp(workload, "gcbench:depth=18") == 0 ? 4 : 1); s++)
            run_fixture_latency_of(run, cell, number, series[s], 1000 << (k / 2),
                                   (1000 << (k / 2)) + 10 * (s + 1), k < 5 ? 500 : 20);
        run_fixture_memory(run, cell, number, k * 10 * MS, (10 + k % 5) << 20, -1);
    }
    run_fixture_commit(run, &(struct run_fixture_invocation){
                                .cell = cell,
                                .workload = workload,
                                .backend = backend,
                                .status = "ok",
                                .number = number,
                                .wall_ns = wall_ns,
                                .rss_peak_bytes = (20 + number) << 20,
                                .pause_count = collects ? 20 : 0,
                                .latency_max_ns = 2 * MS,
                            });
}

static void write_run(const char *name)
{
    struct run_fixture run;
    run_fixture_open(&run, process_path(name));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "command_line", "gcmeter run --suite 'a & b'");
    run_fixture_key(&run, "backend_mimalloc_reclaim", "manual");
    static const char *const workloads[] = {"cyclic_graph", "gcbench:depth=18"};
    for (int64_t i = 0; i < 5; i++)
        for (size_t w = 0; w < 2; w++) {
            write_invocation(&run, workloads[w], "marksweep", "marksweep", i, true);
            write_invocation(&run, workloads[w], "boehm:markers=1,incremental=1", "boehm", i, true);
            write_invocation(&run, workloads[w], "mimalloc", "mimalloc", i, false);
        }
    for (int64_t i = 0; i < 3; i++)
        run_fixture_commit(&run, &(struct run_fixture_invocation){
                                     .cell = "gcbench:depth=18/nofree/heap=none/threads=1",
                                     .workload = "gcbench",
                                     .backend = "nofree",
                                     .status = "oom",
                                     .detail = "75 % of the memory",
                                     .number = i,
                                     .wall_ns = -1,
                                     .rss_peak_bytes = -1,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                 });
    run_fixture_close(&run);
}

static size_t count(const char *where, const char *what)
{
    size_t found = 0;
    for (const char *at = where; (at = strstr(at, what)); at++)
        found++;
    return found;
}

/* Reads OUT/CHART.FORMAT into `text` and returns its path relative to the folder. */
static const char *read_picture(const char *out, const char *chart, const char *format)
{
    static char name[128];
    snprintf(name, sizeof name, "%s/%s.%s", out, chart, format);
    process_read_file(process_path(name), text, sizeof text);
    if (!*text)
        fail_msg("%s is absent or empty", name);
    return name;
}

static void assert_svg(void)
{
    assert_int_equal(strncmp(text, "<?xml", 5), 0);
    assert_int_equal(count(text, "<svg"), 1);
    assert_int_equal(count(text, "</svg>"), 1);
    assert_int_equal(count(text, "<g ") + count(text, "<g>"), count(text, "</g>"));
    assert_int_equal(count(text, "<text"), count(text, "</text>"));
    assert_null(strstr(text, "<script"));
}

#define MADE_BY "gcmeter run --suite 'a & b'; gcmeter plot --reference mimalloc"

static void a_reader_finds_what_made_a_pdf(void)
{
    if (system("command -v pdfinfo >/dev/null 2>&1") != 0) {
        print_message("PDF not read back: pdfinfo is not installed (apt-get install "
                      "poppler-utils)\n");
        return;
    }
    for (size_t i = 0; i < CHART_COUNT; i++) {
        char command[512], name[64];
        snprintf(name, sizeof name, "plain/plots/%s.pdf", charts[i]);
        snprintf(command, sizeof command, "pdfinfo '%s' >'%s/pdfinfo' 2>&1", process_path(name),
                 process_folder);
        assert_int_equal(system(command), 0);
        process_read_file(process_path("pdfinfo"), text, sizeof text);
        assert_contains(text, "Subject:         " MADE_BY "\n");
        assert_null(strstr(text, "rror"));
    }
}

static void every_chart_is_drawn_in_every_format(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("plain");
    process_run(&p, "plot @/plain --format svg,png --format pdf");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    for (size_t i = 0; i < CHART_COUNT; i++) {
        assert_contains(p.out, read_picture("plain/plots", charts[i], "svg"));
        assert_svg();
        assert_contains(text, "<title>gcmeter run --suite 'a &amp; b'; gcmeter plot --reference "
                              "mimalloc</title>");
        assert_contains(text, "gcbench:depth=18");
        assert_contains(text, "n = 5");
        assert_contains(text, "marksweep");
        assert_contains(text, "oom 3");
        read_picture("plain/plots", charts[i], "png");
        assert_memory_equal(text, "\211PNG", 4);
        /* Behind IHDR, of 33 bytes with the signature, a chunk of text. */
        assert_memory_equal(text + 37, "iTXtComment\0\0\0\0\0", 16);
        assert_memory_equal(text + 53, MADE_BY, strlen(MADE_BY));
        read_picture("plain/plots", charts[i], "pdf");
        assert_memory_equal(text, "%PDF", 4);
    }
    a_reader_finds_what_made_a_pdf();
    read_picture("plain/plots", "time_ratio", "svg");
    assert_contains(text, "boehm:markers=1,incremental=1");
}

static void the_same_run_gives_the_same_bytes(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("same");
    process_run(&p, "plot @/same --format svg,png,pdf --out @/same-a");
    assert_exit_code(&p, CMD_DONE);
    /* A PDF has the second in it, unless it is taken out. */
    sleep(1);
    process_run(&p, "plot @/same --format svg,png,pdf --out @/same-b");
    assert_exit_code(&p, CMD_DONE);
    char command[256];
    snprintf(command, sizeof command, "diff -r '%s' '%s'", process_path("same-a"),
             process_path("same-b"));
    assert_int_equal(system(command), 0);
}

static void names_from_files_do_nothing_but_show(void **state)
{
    (void)state;
    need_gnuplot();
    static const char *const workloads[] = {
        "'; system(\"touch pwned\") #", "`touch pwned`", "@macro_{sub}^x$(touch pwned)",
        "<script>alert(1)<b>",          "%s%n%d\\n",     "| touch pwned",
    };
    struct run_fixture run;
    run_fixture_open(&run, process_path("hostile"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "command_line", "'; system(\"touch pwned\") # `touch pwned` <script>");
    for (size_t w = 0; w < sizeof workloads / sizeof *workloads; w++) {
        write_invocation(&run, workloads[w], "marksweep", "marksweep", 0, true);
        write_invocation(&run, workloads[w], "evil';system(\"touch pwned\")", "evil'", 0, true);
    }
    run_fixture_close(&run);
    process_run(&p, "plot @/hostile --format svg --out @/hostile-out");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    assert_int_not_equal(access("pwned", F_OK), 0);
    assert_int_not_equal(access(process_path("hostile-out/pwned"), F_OK), 0);
    for (size_t i = 0; i < CHART_COUNT; i++) {
        read_picture("hostile-out", charts[i], "svg");
        assert_svg();
        assert_contains(text, "&lt;script>alert(1)&lt;b>");
        assert_contains(text, "@macro_{sub}^x$(touch pwned)");
        assert_contains(text, "%s%n%d\\n");
        assert_contains(text, "`touch pwned`");
    }
}

static void one_invocation_of_one_manual_backend_is_drawn(void **state)
{
    (void)state;
    need_gnuplot();
    run_fixture_least(process_path("least"));
    process_run(&p, "plot @/least --format svg --width 1");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    /* The run had no derived files yet. */
    process_read_file(process_path("least/lbo.csv"), text, sizeof text);
    assert_contains(text,
                    "nothing,none,1,malloc,wall,nothing/malloc/heap=none/threads=1,1,0,1,0,1");
    static const char *const says[] = {"1 (1.00 ns)",
                                       "n = 1",
                                       "no stops",
                                       "no stops",
                                       "nothing measured",
                                       "no latencies recorded",
                                       "no samples",
                                       "1.00 ns of malloc",
                                       "too short for any window: malloc"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        read_picture("least/plots", charts[i], "svg");
        assert_svg();
        assert_contains(text, says[i]);
    }
    static const char *const absent[] = {"warmup", "scaling", "stop_live", "time_space"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(strstr(p.out, absent[i]));
}

static void threads_and_live_heaps_have_charts_of_their_own(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("threads"));
    run_fixture_key(&run, "schema_version", "1");
    for (int64_t i = 0; i < 24; i++) {
        char cell[128];
        const char *workload = (const char *const[]){"w'`id`@x{_}", "v%25\\n"}[i % 2];
        snprintf(cell, sizeof cell, "%s/marksweep/heap=none/threads=%d", workload, 1 << i / 2 % 3);
        run_fixture_live(&run, cell, i / 6, 0, (1 + i % 6) << 20);
        run_fixture_commit(&run, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = workload,
                                     .backend = "marksweep",
                                     .status = "ok",
                                     .number = i / 6,
                                     .wall_ns = MS,
                                     .rss_peak_bytes = 1 << 20,
                                     .pause_count = 1,
                                     .latency_max_ns = -1,
                                     .pause_max_ns = 1000 * (i + 1),
                                     .operations_per_s = 1000 * (1 + i % 6),
                                 });
    }
    run_fixture_close(&run);
    process_run(&p, "plot @/threads --format svg,png");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    static const char *const drawn[] = {"scaling", "stop_live"};
    static const char *const says[] = {"speed-up: marksweep", "1 v%25"};
    for (size_t i = 0; i < 2; i++) {
        assert_contains(p.out, read_picture("threads/plots", drawn[i], "svg"));
        assert_svg();
        assert_contains(text, "w'`id`@x{_}");
        assert_contains(text, "n = 4");
        assert_contains(text, says[i]);
        read_picture("threads/plots", drawn[i], "png");
        assert_memory_equal(text, "\211PNG", 4);
    }
}

static void a_heap_sweep_has_charts_of_its_own(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("sweep"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "backend_mimalloc_reclaim", "manual");
    for (int64_t i = 0; i <= 4; i++) {
        char cell[128];
        snprintf(cell, sizeof cell, "w:name=%%25x/%s/heap=%s/threads=1",
                 i ? "marksweep" : "mimalloc",
                 (const char *const[]){"none", "1xmin", "1.5xmin", "2xmin", "4xmin"}[i]);
        run_fixture_commit(&run, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "w",
                                     .backend = i ? "marksweep" : "mimalloc",
                                     .status = i == 1 ? "oom" : "ok",
                                     .wall_ns = i == 1 ? -1 : (i ? 100 / i : 40) * MS,
                                     .rss_peak_bytes = i == 1 ? -1 : (4 + i) << 20,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                     .heap_limit_bytes = i << 20,
                                 });
    }
    run_fixture_close(&run);
    process_run(&p, "plot @/sweep --format svg,png");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    static const char *const drawn[] = {"time_space", "time_limit"};
    for (size_t i = 0; i < 2; i++) {
        assert_contains(p.out, read_picture("sweep/plots", drawn[i], "svg"));
        assert_svg();
        assert_contains(text, "w:name=%25x");
        assert_contains(text, "marksweep at 1xmin (oom 1 of 1)");
        read_picture("sweep/plots", drawn[i], "png");
        assert_memory_equal(text, "\211PNG", 4);
    }
    read_picture("sweep/plots", "time_space", "svg");
    assert_contains(text, "is as fast as mimalloc from");
}

static void a_run_is_charted_against_its_base(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("new");
    write_run("base");
    process_run(&p, "plot @/new --base @/base --format svg,png --width 1");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    assert_contains(p.out, read_picture("new/plots", "ab_ratio", "svg"));
    assert_svg();
    assert_contains(text, "wall_ns (left is better)");
    assert_contains(text, "1× same");
    /* In full, whatever its length. */
    assert_contains(text, ">boehm:markers=1,incremental=1 · gcbench:depth=18<");
    assert_contains(text, ">boehm:markers=1,incremental=1 · cyclic_graph<");
    assert_contains(text, "n = 5");
    read_picture("new/plots", "ab_ratio", "png");
    assert_memory_equal(text, "\211PNG", 4);
    assert_refused("plot @/new --base @/absent", CMD_USAGE, "absent");
    struct run_fixture run;
    run_fixture_open(&run, process_path("other"));
    run_fixture_key(&run, "schema_version", "1");
    write_invocation(&run, "elsewhere", "malloc", "malloc", 0, false);
    run_fixture_close(&run);
    process_run(&p, "plot @/other --base @/base --format svg");
    assert_exit_code(&p, CMD_DONE);
    read_picture("other/plots", "ab_ratio", "svg");
    assert_contains(text, "broken: ");
}

static void a_run_is_charted_with_its_history(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("kept"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "date", "2026-11-22T01:02:03Z");
    run_fixture_key(&run, "order_seed", "1");
    write_invocation(&run, "`touch pwned`", "malloc", "malloc", 0, false);
    run_fixture_close(&run);
    process_run(&p, "history add @/history.csv @/kept");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "plot @/kept --history @/history.csv --format svg");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    assert_contains(p.out, read_picture("kept/plots", "history", "svg"));
    assert_svg();
    assert_contains(text, "`touch pwned` · wall time");
    assert_contains(text, "2026-11-22");
    assert_contains(text, "too few runs to tell of changes");
    assert_int_not_equal(access("pwned", F_OK), 0);
    assert_refused("plot @/kept --history @/absent.csv", CMD_USAGE, "absent.csv");
}

static void pages_of_an_earlier_run_are_removed(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("pages");
    assert_int_equal(mkdir(process_path("pages-out"), 0777), 0);
    assert_int_equal(mkdir(process_path("pages-out/data"), 0777), 0);
    static const char *const stale[] = {"pages-out/stop_cdf-2.svg", "pages-out/scaling.svg",
                                        "pages-out/data/stop_cdf.3.csv"};
    for (size_t i = 0; i < 3; i++) {
        FILE *file = fopen(process_path(stale[i]), "w");
        assert_non_null(file);
        fclose(file);
    }
    process_run(&p, "plot @/pages --format svg --out @/pages-out");
    assert_exit_code(&p, CMD_DONE);
    for (size_t i = 0; i < 3; i++)
        assert_int_not_equal(access(process_path(stale[i]), F_OK), 0);
    assert_int_equal(access(process_path("pages-out/data/stop_cdf.2.csv"), F_OK), 0);
}

/* By what `make publish-run` calls. */
static void what_the_readme_shows_is_kept_without_folders(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("published");
    char command[2048];
    snprintf(
        command, sizeof command,
        "printf 'backend_x_path,%%s/build/x\\r\\n' \"$(pwd -P)\" >>'%s/published/run.csv'; "
        "tests/bench/publish_run \"$GCMETER_BIN/gcmeter\" '%s/published' '%s/readme' >'%s/list'",
        process_folder, process_folder, process_folder, process_folder);
    assert_int_equal(system(command), 0);
    static const char *const pictures[] = {"time_memory", "stop_cdf", "mmu"};
    for (size_t i = 0; i < 3; i++) {
        read_picture("readme", pictures[i], "png");
        assert_memory_equal(text, "\211PNG", 4);
    }
    process_read_file(process_path("readme/run.csv"), text, sizeof text);
    assert_contains(text, "backend_x_path,build/x\r\n");
    process_read_file(process_path("readme/compare.csv"), text, sizeof text);
    assert_contains(text, "cyclic_graph/heap=none/threads=1,wall_ns,5,5,");
}

static void what_is_missing_is_named_with_its_remedy(void **state)
{
    (void)state;
    write_run("missing");
    char path[4096];
    const char *found = getenv("PATH");
    snprintf(path, sizeof path, "%s", found ? found : "/usr/bin:/bin");
    setenv("PATH", process_path("missing"), 1);
    assert_refused("plot @/missing", CMD_MISSING,
                   "gnuplot is missing: apt-get install gnuplot-nox");
    setenv("PATH", path, 1);
    setenv("GCMETER_PLOTS", process_path("missing"), 1);
    assert_refused("plot @/missing", CMD_MISSING, "GCMETER_PLOTS names");
    unsetenv("GCMETER_PLOTS");
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    write_run("good");
    assert_refused("plot", CMD_USAGE, "which run?");
    assert_refused("plot @/good @/good", CMD_USAGE, "one run at a time");
    assert_refused("plot @/absent", CMD_USAGE, "absent");
    assert_refused("plot @/good --format jpeg", CMD_USAGE, "unknown format 'jpeg'");
    assert_refused("plot @/good --width 3", CMD_USAGE, "--width is 1 or 2 columns");
    assert_refused("plot @/good --reference tcmalloc", CMD_USAGE,
                   "no backend 'tcmalloc' in this run; it has boehm:markers=1,incremental=1, "
                   "marksweep, nofree, mimalloc");
    struct run_fixture run;
    run_fixture_open(&run, process_path("empty"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_close(&run);
    assert_refused("plot @/empty", CMD_USAGE, "holds no finished invocation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chart_is_drawn_in_every_format),
        cmocka_unit_test(the_same_run_gives_the_same_bytes),
        cmocka_unit_test(names_from_files_do_nothing_but_show),
        cmocka_unit_test(one_invocation_of_one_manual_backend_is_drawn),
        cmocka_unit_test(threads_and_live_heaps_have_charts_of_their_own),
        cmocka_unit_test(a_heap_sweep_has_charts_of_its_own),
        cmocka_unit_test(a_run_is_charted_against_its_base),
        cmocka_unit_test(a_run_is_charted_with_its_history),
        cmocka_unit_test(pages_of_an_earlier_run_are_removed),
        cmocka_unit_test(what_the_readme_shows_is_kept_without_folders),
        cmocka_unit_test(what_is_missing_is_named_with_its_remedy),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
