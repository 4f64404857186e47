/* `gcmeter report` on made-up runs: the figures of its sentences, hostile names, runs of which
 * little is left, and the page in a browser. Needs gnuplot, else skipped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/cmd.h"
#include "fixtures/run_fixture.h"
#include "gcmeter_process.h"

#define MS 1000000

static struct process p;
static char page[8 << 20];

static bool has_program(const char *name)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}

static void need_gnuplot(void)
{
    if (has_program("gnuplot"))
        return;
    print_message("skipped: gnuplot is not installed (apt-get install gnuplot-nox)\n");
    skip();
}

static void read_page(const char *name)
{
    process_read_file(process_path(name), page, sizeof page);
    if (!*page)
        fail_msg("%s is absent or empty", name);
}

/* As XML, which the page is too, where there is something to check it. */
static void assert_well_formed(const char *name)
{
    if (!has_program("xmllint")) {
        print_message("not checked: xmllint is not installed (apt-get install libxml2-utils)\n");
        return;
    }
    char command[512];
    snprintf(command, sizeof command, "xmllint --huge --noout '%s'", process_path(name));
    assert_int_equal(system(command), 0);
}

static size_t count(const char *where, const char *what)
{
    size_t found = 0;
    for (const char *at = where; (at = strstr(at, what)); at++)
        found++;
    return found;
}

/* Per cell. */
#define INVOCATIONS 10

static void write_cell(struct run_fixture *run, const char *workload, const char *variant,
                       const char *backend, int64_t wall_ns, int64_t rss_bytes, int64_t pause_ns)
{
    char cell[256];
    snprintf(cell, sizeof cell, "%s/%s/heap=none/threads=1", workload, variant);
    for (int64_t i = 0; i < INVOCATIONS; i++) {
        /* No two equal, and in no order. */
        int64_t jitter = (i * 7 + wall_ns % 5) % INVOCATIONS;
        if (pause_ns) {
            run_fixture_pause(run, cell, i, 10 * MS, pause_ns + jitter * 1000);
            run_fixture_collection(run, cell, i, 0, 10 * MS);
        }
        run_fixture_latency(run, cell, i, 1000, 1001, 500);
        run_fixture_memory(run, cell, i, MS, rss_bytes / 2, -1);
        run_fixture_commit(run, &(struct run_fixture_invocation){
                                    .cell = cell,
                                    .workload = workload,
                                    .backend = backend,
                                    .status = "ok",
                                    .number = i,
                                    .wall_ns = wall_ns + wall_ns / 200 * jitter,
                                    .rss_peak_bytes = rss_bytes + 4096 * jitter,
                                    .pause_count = pause_ns ? 1 : 0,
                                    .pause_max_ns = pause_ns ? pause_ns + jitter * 1000 : 0,
                                    .latency_max_ns = 2 * MS,
                                });
    }
}

static void write_keys(struct run_fixture *run)
{
    run_fixture_key(run, "schema_version", "1");
    run_fixture_key(run, "command_line", "gcmeter run --suite 'a & b'");
    run_fixture_key(run, "backend_marksweep_reclaim", "tracing");
    run_fixture_key(run, "backend_marksweep_fact_scanning", "typed <in> the heap");
    run_fixture_key(run, "backend_boehm_reclaim", "tracing");
    run_fixture_key(run, "backend_mimalloc_reclaim", "manual");
    run_fixture_key(run, "backend_mimalloc_version", "2.0.9");
    run_fixture_key(run, "variant_2", "boehm:interior=0");
    run_fixture_key(run, "variant_2_options", "interior=0");
}

static void write_run(const char *name)
{
    struct run_fixture run;
    run_fixture_open(&run, process_path(name));
    write_keys(&run);
    write_cell(&run, "cyclic_graph", "marksweep", "marksweep", 300 * MS, 9 << 20, 4 * MS);
    write_cell(&run, "cyclic_graph", "boehm", "boehm", 470 * MS, 10 << 20, 3 * MS);
    write_cell(&run, "cyclic_graph", "mimalloc", "mimalloc", 250 * MS, 8 << 20, 0);
    write_cell(&run, "gcbench", "marksweep", "marksweep", 90 * MS, 23 << 20, 2 * MS);
    write_cell(&run, "gcbench", "boehm", "boehm", 200 * MS, 29 << 20, 5 * MS);
    write_cell(&run, "gcbench", "mimalloc", "mimalloc", 91 * MS, 24 << 20, 0);
    run_fixture_key(&run, "end_date", "2026-01-01T00:00:00Z");
    run_fixture_close(&run);
}

/* The column of invocations.csv of that name, of the cells that begin with `cell`, read with
 * nothing of gcmeter. */
static void read_column(const char *run, const char *cell, const char *column, double *values)
{
    static char rows[1 << 20];
    char name[64], key[256];
    snprintf(name, sizeof name, "%s/invocations.csv", run);
    snprintf(key, sizeof key, "%s/", cell);
    process_read_file(process_path(name), rows, sizeof rows);
    int index = -1, at = 0;
    char *header = rows, *line = strchr(rows, '\n');
    *line++ = '\0';
    for (char *field; (field = strsep(&header, ",")); at++)
        if (!strcmp(field, column))
            index = at;
    assert_true(index > 0);
    size_t found = 0;
    for (char *next; line && *line; line = next) {
        next = strchr(line, '\n');
        *next++ = '\0';
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        char *field = NULL;
        for (int i = 0; i <= index; i++)
            field = strsep(&line, ",");
        assert_true(found < INVOCATIONS);
        values[found++] = strtod(field, NULL);
    }
    assert_int_equal(found, INVOCATIONS);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of all 100 ratios own / other the middle of the middle two, and, with 95 % confidence, the 24th
 * from either end (METHODS.md section 8). */
static void ratio_of(const char *run, const char *own, const char *other, const char *column,
                     double ratio[3])
{
    double x[INVOCATIONS], y[INVOCATIONS], all[INVOCATIONS * INVOCATIONS];
    read_column(run, own, column, x);
    read_column(run, other, column, y);
    for (int i = 0; i < INVOCATIONS; i++)
        for (int j = 0; j < INVOCATIONS; j++)
            all[i * INVOCATIONS + j] = x[i] / y[j];
    qsort(all, INVOCATIONS * INVOCATIONS, sizeof *all, compare_doubles);
    ratio[0] = all[23];
    ratio[1] = sqrt(all[49] * all[50]);
    ratio[2] = all[76];
}

static double median_of(const char *run, const char *cell, const char *column)
{
    double values[INVOCATIONS];
    read_column(run, cell, column, values);
    qsort(values, INVOCATIONS, sizeof *values, compare_doubles);
    return (values[INVOCATIONS / 2 - 1] + values[INVOCATIONS / 2]) / 2;
}

static void assert_sentence(const char *run, const char *workload)
{
    char own[64], boehm[64], mimalloc[64], sentence[512];
    double times[2][3], memories[2][3];
    snprintf(own, sizeof own, "%s/marksweep", workload);
    snprintf(boehm, sizeof boehm, "%s/boehm", workload);
    snprintf(mimalloc, sizeof mimalloc, "%s/mimalloc", workload);
    ratio_of(run, own, boehm, "wall_ns", times[0]);
    ratio_of(run, own, mimalloc, "wall_ns", times[1]);
    ratio_of(run, own, boehm, "rss_peak_bytes", memories[0]);
    ratio_of(run, own, mimalloc, "rss_peak_bytes", memories[1]);
    snprintf(sentence, sizeof sentence,
             "On %s, marksweep took %.2fx the time of boehm [%.2f, %.2f] at %.2fx its memory and "
             "%.2fx the time of mimalloc [%.2f, %.2f] at %.2fx its memory, and its longest stop "
             "was %.2f ms (boehm: %.2f ms).",
             workload, times[0][1], times[0][0], times[0][2], memories[0][1], times[1][1],
             times[1][0], times[1][2], memories[1][1], median_of(run, own, "pause_max_ns") / MS,
             median_of(run, boehm, "pause_max_ns") / MS);
    if (!strstr(page, sentence))
        fail_msg("not said: %s; but: %.400s", sentence, strstr(page, "<li>On "));
}

static void figures_of_the_summary_are_those_of_the_csv(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("plain");
    process_run(&p, "report @/plain");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    assert_contains(p.out, "/plain/report.html\n");
    read_page("plain/report.html");
    assert_sentence("plain", "cyclic_graph");
    assert_sentence("plain", "gcbench");
    double graph[3], bench[3], graph_memory[3], bench_memory[3];
    ratio_of("plain", "cyclic_graph/marksweep", "cyclic_graph/boehm", "wall_ns", graph);
    ratio_of("plain", "gcbench/marksweep", "gcbench/boehm", "wall_ns", bench);
    ratio_of("plain", "cyclic_graph/marksweep", "cyclic_graph/boehm", "rss_peak_bytes",
             graph_memory);
    ratio_of("plain", "gcbench/marksweep", "gcbench/boehm", "rss_peak_bytes", bench_memory);
    char trade[128];
    snprintf(trade, sizeof trade, "marksweep took %.2fx the time of boehm at %.2fx its memory (2)",
             sqrt(graph[1] * bench[1]), sqrt(graph_memory[1] * bench_memory[1]));
    assert_contains(page, trade);
    assert_contains(page, "Least median time: marksweep on 1 of 2 (gcbench); mimalloc on 1 "
                          "(cyclic_graph).");
    assert_contains(page, "Least median of the longest stop, among collectors: boehm on 1 of 2 "
                          "(cyclic_graph); marksweep on 1 (gcbench).");
    assert_contains(page, "Least median of peak memory: marksweep on 1 of 2 (gcbench); mimalloc "
                          "on 1 (cyclic_graph).");
    assert_contains(page, "faster in 2, slower in 1, the same in 1, and 0 are not decided.");
    assert_contains(page, "Slower than mimalloc on cyclic_graph.");
    assert_contains(page, "n = 10 per cell");
    /* Where it loses comes first. */
    const char *table = strstr(page, "<h2 id=\"verdicts\">");
    const char *lost = table ? strstr(table, "bad\">slower<") : NULL;
    const char *won = table ? strstr(table, "good\">faster<") : NULL;
    assert_true(lost && won && lost < won);
    /* What a page tells of a backend is what the run knows of it. */
    assert_contains(page, "typed &lt;in&gt; the heap");
    assert_contains(page, "boehm:interior=0");
    assert_well_formed("plain/report.html");
    char command[512];
    snprintf(command, sizeof command, "ls -d '%s'/report* | wc -l | grep -qx 1",
             process_path("plain"));
    assert_int_equal(system(command), 0);
}

/* Whether [start, end) occurs as an id after `from`. */
static bool has_id(const char *from, const char *start, size_t length)
{
    for (const char *at = from; (at = strstr(at, " id=")); at += 4)
        if (!strncmp(at + 5, start, length) && (at[5 + length] == '"' || at[5 + length] == '\''))
            return true;
    return false;
}

static void charts_are_inside_and_their_ids_stay_apart(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("ids");
    process_run(&p, "report @/ids --out @/ids.html");
    assert_exit_code(&p, CMD_DONE);
    read_page("ids.html");
    assert_true(count(page, "<svg") >= 10);
    assert_int_equal(count(page, "<script"), 0);
    assert_int_equal(count(page, " src="), 0);
    assert_int_equal(count(page, "@import"), 0);
    /* Names of XML, and nothing to load. */
    assert_int_equal(count(page, "http"), count(page, "=\"http://www.w3.org/"));
    size_t ids = 0;
    for (const char *at = page; (at = strstr(at, " id=")); ids++) {
        size_t length = strcspn(at + 5, "\"'");
        if (has_id(at + 5, at + 5, length))
            fail_msg("the id %.*s is there twice", (int)length, at + 5);
        at += 5;
    }
    assert_true(ids > 100);
    for (const char *at = page; (at = strstr(at, "href=")); at += 6) {
        size_t length = strcspn(at + 7, "\"'");
        if (at[6] == '#' && !has_id(page, at + 7, length))
            fail_msg("nothing has the id %.*s", (int)length, at + 7);
    }
}

static const char *const hostile[] = {
    "<script>alert(1)<b>", "a\" onload='x", "&lt;img src=x>", "\x1b[31mred\x07",
    "[x](javascript:y)",   "`|*_~![",       "%s%n",           "line\nbreak",
};

static void names_from_files_do_nothing_but_show(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("hostile"));
    write_keys(&run);
    run_fixture_key(&run, "cpu_model", "<script>alert(2)</script>");
    run_fixture_key(&run, "backend_evil_version", "</td><script>alert(3)</script>");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        write_cell(&run, hostile[i], "marksweep", "marksweep", 300 * MS, 9 << 20, 4 * MS);
        write_cell(&run, hostile[i], "evil'\"<script>", "evil", 480 * MS, 10 << 20, 3 * MS);
    }
    run_fixture_commit(&run, &(struct run_fixture_invocation){
                                 .cell = "w/evil/heap=none/threads=1",
                                 .workload = "w",
                                 .backend = "evil",
                                 .status = "crashed",
                                 .detail = "</table><script>alert(4)</script>\x1b[2J",
                                 .wall_ns = -1,
                                 .rss_peak_bytes = -1,
                                 .pause_count = -1,
                                 .latency_max_ns = -1,
                             });
    run_fixture_close(&run);
    process_run(&p, "report @/hostile");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    read_page("hostile/report.html");
    assert_int_equal(count(page, "<script"), 0);
    assert_int_equal(count(page, "\x1b"), 0);
    /* It is text between elements, where quotes end nothing. */
    for (const char *at = page; (at = strstr(at, "onload='")); at++) {
        const char *before = at;
        while (before > page && *before != '<' && *before != '>')
            before--;
        assert_int_equal(*before, '>');
    }
    assert_contains(page, "&lt;script&gt;alert(1)&lt;b&gt;");
    assert_contains(page, "a&quot; onload=&#39;x");
    assert_contains(page, "&amp;lt;img src=x&gt;");
    assert_contains(page, "\\x1b[31mred\\x07");
    assert_contains(page, "line\\x0abreak");
    assert_contains(page, "&lt;/table&gt;&lt;script&gt;alert(4)&lt;/script&gt;\\x1b[2J");
    assert_contains(page, "%s%n");
    assert_well_formed("hostile/report.html");

    process_run(&p, "report @/hostile --format markdown");
    assert_exit_code(&p, CMD_DONE);
    read_page("hostile/report.md");
    assert_int_equal(count(page, "<"), 0);
    assert_int_equal(count(page, "\x1b"), 0);
    assert_contains(page, "\\[x\\](javascript:y)");
    assert_contains(page, "\\`\\|\\*\\_\\~\\!");
    assert_int_equal(count(page, "](javascript"), count(page, "\\](javascript"));
}

static void markdown_has_its_pictures_beside_it(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("mark");
    assert_int_equal(mkdir(process_path("my pages"), 0777), 0);
    char command[sizeof process_program + 256];
    snprintf(command, sizeof command,
             "cd '%s/my pages' && '%s' report ../mark --format markdown "
             "--out 'a (b).md' >/dev/null",
             process_folder, process_program);
    assert_int_equal(system(command), 0);
    read_page("my pages/a (b).md");
    assert_int_equal(strncmp(page, "# gcmeter report: ../mark\n", 26), 0);
    assert_contains(page, "## What is doubtful\n");
    assert_contains(page, "|---|");
    size_t pictures = 0;
    static const char begins[] = "](a%20%28b%29-charts/";
    for (char *at = page; (at = strstr(at, "](")); pictures++) {
        assert_int_equal(strncmp(at, begins, sizeof begins - 1), 0);
        char name[128];
        at += sizeof begins - 1;
        int length = (int)strcspn(at, ")");
        assert_in_range(length, 1, 64);
        snprintf(name, sizeof name, "my pages/a (b)-charts/%.*s", length, at);
        if (access(process_path(name), R_OK) != 0)
            fail_msg("there is no picture %s", name);
    }
    assert_true(pictures >= 8);
}

static void an_empty_run_says_so(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("empty"));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_close(&run);
    process_run(&p, "report @/empty");
    assert_exit_code(&p, CMD_DONE);
    read_page("empty/report.html");
    assert_contains(page, "This run holds no finished process");
    assert_contains(page, "The run has no end date");
    assert_well_formed("empty/report.html");
}

static void a_run_cut_off_tells_what_is_missing(void **state)
{
    (void)state;
    need_gnuplot();
    struct run_fixture run;
    run_fixture_open(&run, process_path("partial"));
    write_keys(&run);
    run_fixture_key(&run, "backend_go_unavailable", "no Go here");
    run_fixture_key(&run, "observer_ns", "31");
    run_fixture_key(&run, "invocations", "12");
    write_cell(&run, "gcbench", "boehm", "boehm", 200 * MS, 29 << 20, 5 * MS);
    static const struct {
        const char *backend;
        const char *status;
        const char *detail;
        const char *flags;
        int64_t wall_ns;
    } rows[] = {
        {"marksweep", "oom", "no room for 64 bytes", "", -1},
        {"marksweep", "oom", "no room for 64 bytes", "", -1},
        {"mimalloc", "ok", "", "noisy unsteady planted_stop", 100 * MS},
        {"mimalloc", "crashed", "signal 11", "", -1},
        {"go", "skipped", "no Go here", "", -1},
    };
    for (int64_t i = 0; i < 5; i++) {
        char cell[64];
        snprintf(cell, sizeof cell, "gcbench/%s/heap=none/threads=1", rows[i].backend);
        run_fixture_commit(&run, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = "gcbench",
                                     .backend = rows[i].backend,
                                     .status = rows[i].status,
                                     .detail = rows[i].detail,
                                     .flags = rows[i].flags,
                                     .number = i,
                                     .wall_ns = rows[i].wall_ns,
                                     .rss_peak_bytes = -1,
                                     .pause_count = -1,
                                     .latency_max_ns = -1,
                                 });
    }
    run_fixture_close(&run);
    process_run(&p, "report @/partial");
    assert_exit_code(&p, CMD_DONE);
    read_page("partial/report.html");
    assert_contains(page, "On gcbench, marksweep did not complete: oom 2 of 2.");
    assert_contains(page, "n = 1 to 10 per cell. 12 were asked for.");
    assert_contains(page, "The run was cut off, or is not finished yet.");
    assert_contains(page, "3 of 14 processes failed. 1 cell was skipped.");
    assert_contains(page, "1 of 11 processes noisy, 1 unsteady");
    assert_contains(page, "failed: oom 2 of 2");
    assert_contains(page, "no room for 64 bytes");
    assert_contains(page, "signal 11");
    assert_contains(page, "planted_stop");
    assert_contains(page, "backend_go_unavailable: no Go here.");
    assert_contains(page, "observer_ns: 31.");
    assert_well_formed("partial/report.html");

    process_run(&p, "report @/partial --reference boehm");
    assert_exit_code(&p, CMD_DONE);
    read_page("partial/report.html");
    assert_contains(page, "boehm against every other backend");
    assert_contains(page, "other failed: oom 2 of 2");
    assert_refused("report @/partial --reference tcmalloc", CMD_USAGE, "no backend 'tcmalloc'");
}

static void one_process_of_one_manual_backend_has_a_page(void **state)
{
    (void)state;
    need_gnuplot();
    run_fixture_least(process_path("least"));
    process_run(&p, "report @/least");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    read_page("least/report.html");
    assert_contains(page, "On nothing, malloc took 1 ns and 1 B of memory at its peak.");
    assert_contains(page, "No backend of this run reported a stop.");
    assert_contains(page, "There is nothing to compare");
    assert_contains(page, "Brackets of fewer than 4 are ranges");
    assert_well_formed("least/report.html");
}

static void a_baseline_adds_what_changed(void **state)
{
    (void)state;
    need_gnuplot();
    /* A copy, since a run gets its derived files where it lacks them. */
    char command[256];
    snprintf(command, sizeof command,
             "cp -R tests/fixtures/run_crash tests/fixtures/run_slow '%s/'", process_folder);
    assert_int_equal(system(command), 0);
    process_run(&p, "report @/run_crash --baseline tests/fixtures/run_base --out @/changed.html");
    assert_exit_code(&p, CMD_DONE);
    read_page("changed.html");
    assert_contains(page, "<h2 id=\"changes\">Changes</h2>");
    assert_contains(page, "Against the run in tests/fixtures/run_base: 1 broken, 0 regressed, 0 "
                          "inconclusive, 0 improved, 12 the same.");
    assert_contains(page, "10 of 10 failed");
    assert_contains(page, "class=\"bad\">broken: always fails");
    assert_contains(page, "aria-label=\"ab ratio of all workloads\"");
    assert_well_formed("changed.html");
    assert_refused("report @/run_slow --baseline tests/fixtures/run_base --out @/no", CMD_USAGE,
                   "cpu_model");
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    need_gnuplot();
    assert_refused("report", CMD_USAGE, "which run?");
    assert_refused("report @/plain @/plain", CMD_USAGE, "one run at a time");
    assert_refused("report @/absent", CMD_USAGE, "absent");
    assert_refused("report @/plain --format pdf", CMD_USAGE, "--format is html or markdown");
    assert_refused("report @/plain --out @/absent/x.html", CMD_MISSING, "absent/x");
    setenv("GCMETER_PLOTS", process_folder, 1);
    assert_refused("report @/plain --out @/x.html", CMD_MISSING, "GCMETER_PLOTS names");
    unsetenv("GCMETER_PLOTS");
    assert_int_not_equal(access(process_path("x.html"), F_OK), 0);
}

/* The page in frames of three widths, the last as it is printed on A4: a script that the test adds
 * tells each frame's width and what it prefers to the page around them. */
static const char told[] =
    "<script>addEventListener('load', function () { var d = document.documentElement; "
    "parent.postMessage(innerWidth + ' ' + d.scrollWidth + ' ' + "
    "matchMedia('(prefers-color-scheme: dark)').matches + ' ' + "
    "getComputedStyle(document.body).backgroundColor, '*'); });</script></head>";
static const char policy[] =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\"/></head>";
static const char frames[] =
    "<!DOCTYPE html><html><body><ol id='o'></ol><script>addEventListener('message', function (e) {"
    " var i = document.createElement('li'); i.textContent = e.data; o.append(i); });</script>"
    "<iframe src='screen.html' width='375' height='800' style='border:0'></iframe>"
    "<iframe src='screen.html' width='1440' height='800' style='border:0'></iframe>"
    "<iframe src='print.html' width='718' height='800' style='border:0'></iframe></body></html>";

/* Writes `page` as `name`, with the first `what` of it replaced. */
static void write_with(const char *name, const char *what, const char *with)
{
    const char *at = strstr(page, what);
    assert_non_null(at);
    FILE *file = fopen(process_path(name), "w");
    assert_non_null(file);
    fprintf(file, "%.*s%s%s", (int)(at - page), page, with, at + strlen(what));
    assert_int_equal(fclose(file), 0);
}

static const char *browser(void)
{
    static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has_program(names[i]))
            return names[i];
    print_message("skipped: there is no chromium here (apt-get install chromium)\n");
    skip();
    return NULL;
}

/* Runs it on a file of the folder; its output and messages go to files there. */
static void browse(const char *options, const char *file)
{
    char command[1024];
    snprintf(command, sizeof command,
             "HOME='%s' timeout 120 %s --headless --no-sandbox --hide-scrollbars --disable-gpu "
             "--disable-extensions "
             "--user-data-dir='%s/profile' --enable-logging=stderr --virtual-time-budget=5000 %s "
             "'file://%s' >'%s' 2>'%s'",
             process_folder, browser(), process_folder, options, process_path(file),
             process_path("dom"), process_path("log"));
    assert_int_equal(system(command), 0);
    process_read_file(process_path("log"), p.err, sizeof p.err);
    if (strstr(p.err, "CONSOLE"))
        fail_msg("the browser complains: %s", p.err);
}

static void assert_frames(bool dark)
{
    static const int widths[] = {375, 1440, 718};
    browse(dark ? "--blink-settings=preferredColorScheme=0 --dump-dom"
                : "--blink-settings=preferredColorScheme=1 --dump-dom",
           "frames.html");
    process_read_file(process_path("dom"), p.out, sizeof p.out);
    assert_int_equal(count(p.out, "<li>"), 3);
    for (size_t i = 0; i < 3; i++) {
        /* Nothing is wider than the frame; what is printed is on white. */
        char expected[128];
        snprintf(expected, sizeof expected, "<li>%d %d %s %s</li>", widths[i], widths[i],
                 dark ? "true" : "false",
                 dark && widths[i] != 718 ? "rgb(22, 24, 27)" : "rgb(255, 255, 255)");
        assert_contains(p.out, expected);
    }
}

static void a_browser_shows_it_in_light_and_dark_and_prints_it(void **state)
{
    (void)state;
    need_gnuplot();
    browser();
    write_run("shown");
    process_run(&p, "report @/shown --out @/shown.html");
    assert_exit_code(&p, CMD_DONE);
    read_page("shown.html");
    write_with("screen.html", "</head>", told);
    read_page("screen.html");
    write_with("screen.html", "</head>", policy);
    read_page("screen.html");
    write_with("print.html", "@media print", "@media all");
    FILE *file = fopen(process_path("frames.html"), "w");
    assert_non_null(file);
    fputs(frames, file);
    assert_int_equal(fclose(file), 0);
    assert_frames(false);
    assert_frames(true);
    char option[512];
    snprintf(option, sizeof option, "--print-to-pdf='%s'", process_path("shown.pdf"));
    browse(option, "shown.html");
    read_page("shown.pdf");
    assert_memory_equal(page, "%PDF", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_the_summary_are_those_of_the_csv),
        cmocka_unit_test(charts_are_inside_and_their_ids_stay_apart),
        cmocka_unit_test(names_from_files_do_nothing_but_show),
        cmocka_unit_test(markdown_has_its_pictures_beside_it),
        cmocka_unit_test(an_empty_run_says_so),
        cmocka_unit_test(a_run_cut_off_tells_what_is_missing),
        cmocka_unit_test(one_process_of_one_manual_backend_has_a_page),
        cmocka_unit_test(a_baseline_adds_what_changed),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(a_browser_shows_it_in_light_and_dark_and_prints_it),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
