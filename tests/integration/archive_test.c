/* `gcmeter archive` on a made-up run with hostile names: what is in it, that it is the same each
 * time, and that its charts can be drawn again from it alone. Tests that draw are skipped without
 * gnuplot. */
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
static char text[1 << 16];

static void need_gnuplot(void)
{
    if (system("command -v gnuplot >/dev/null 2>&1") == 0)
        return;
    print_message("skipped: gnuplot is not installed (apt-get install gnuplot-nox)\n");
    skip();
}

static void write_run(const char *name)
{
    static const char workload[] = "w'; system(\"touch pwned\")`touch pwned`$(touch pwned)\\n@x";
    struct run_fixture run;
    run_fixture_open(&run, process_path(name));
    run_fixture_key(&run, "schema_version", "1");
    run_fixture_key(&run, "date", "2026-11-22T01:02:03Z");
    run_fixture_key(&run, "command_line", "gcmeter run '`touch pwned`$(touch pwned)'");
    run_fixture_key(&run, "backend_mimalloc_reclaim", "manual");
    for (int64_t i = 0; i < 6; i++) {
        const char *backend = i % 2 ? "marksweep" : "mimalloc";
        char cell[256];
        snprintf(cell, sizeof cell, "%s/%s/heap=none/threads=1", workload, backend);
        if (i % 2)
            run_fixture_pause(&run, cell, i / 2, i * MS, (i + 1) * MS / 4);
        run_fixture_commit(&run, &(struct run_fixture_invocation){
                                     .cell = cell,
                                     .workload = workload,
                                     .backend = backend,
                                     .status = "ok",
                                     .number = i / 2,
                                     .wall_ns = (300 + 10 * i) * MS,
                                     .rss_peak_bytes = (20 + i) << 20,
                                     .pause_count = i % 2,
                                     .latency_max_ns = 2 * MS,
                                 });
    }
    run_fixture_close(&run);
}

/* Runs a command of the shell in the folder of the test; FORMAT gets the folder for each %s. */
static int shell(const char *format)
{
    char command[1024];
    snprintf(command, sizeof command, format, process_folder, process_folder, process_folder);
    return system(command);
}

static void charts_are_drawn_again_from_the_archive_alone(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("good");
    assert_int_equal(shell("echo private >%s/good/notes.csv; mkdir %s/tmp"), 0);
    setenv("TMPDIR", process_path("tmp"), 1);
    process_run(&p, "archive @/good");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    assert_string_equal(p.out + strlen(p.out) - strlen("/good.tar.gz\n"), "/good.tar.gz\n");
    /* Nothing is left where the charts were drawn. */
    assert_int_equal(rmdir(process_path("tmp")), 0);
    unsetenv("TMPDIR");

    /* Away from the run, and from the program that drew. */
    assert_int_equal(shell("mkdir %s/else && cd %s/else && tar xzf %s/good.tar.gz"), 0);
    assert_int_equal(shell("mv %s/good %s/moved"), 0);
    assert_int_equal(shell("cd %s/else/good && env -i PATH=\"$PATH\" make -s check >%s/log 2>&1"),
                     0);
    assert_int_equal(shell("cd %s/else/good && make -s verify >%s/log 2>&1"), 0);
    assert_int_equal(shell("cd %s/else/good && ls redrawn >%s/redrawn && cd charts && "
                           "ls *.svg *.png | sort | cmp - %s/redrawn"),
                     0);
    assert_int_equal(
        shell("cd %s/else/good && test -s charts/stop_timeline.svg -a -s charts/time_ratio.png -a "
              "-s run/run.csv -a -s run/lbo.csv -a -s CITATION.cff -a -s LICENSE"),
        0);
    assert_int_equal(shell("cd %s/else/good && grep -qa 'iTXtComment' redrawn/mmu.png"), 0);
    assert_int_not_equal(access(process_path("else/good/run/notes.csv"), F_OK), 0);
    assert_int_equal(shell("test -z \"$(find %s -name pwned)\" -a ! -e pwned"), 0);
    process_read_file(process_path("else/good/README.md"), text, sizeof text);
    assert_contains(text, "- date: 2026-11-22T01:02:03Z");
    assert_contains(text, "- charts drawn by: gnuplot ");
    assert_contains(text, "  run/invocations.csv\n");
    assert_contains(text, "  charts/data/time_ratio.csv\n");

    /* What has been touched is found. */
    assert_int_equal(shell("echo >>%s/else/good/charts/mmu.svg"), 0);
    assert_int_not_equal(shell("cd %s/else/good && make -s check >%s/log 2>&1"), 0);
    assert_int_not_equal(shell("cd %s/else/good && make -s verify >%s/log 2>&1"), 0);
}

static void the_same_run_gives_the_same_archive(void **state)
{
    (void)state;
    need_gnuplot();
    write_run("same");
    process_run(&p, "archive @/same --out @/a.tar.gz --format svg --width 1");
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(shell("cp %s/a.tar.gz %s/first && touch %s/same/run.csv"), 0);
    sleep(1);
    process_run(&p, "archive @/same --out @/a.tar.gz --format svg --width 1");
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(shell("cmp %s/first %s/a.tar.gz"), 0);
    /* Of the run's date, and of nobody. */
    assert_int_equal(shell("TZ=UTC tar tvzf %s/first --numeric-owner | "
                           "grep -vc ' 0/0 .* 2026-11-22 01:02 a/' >%s/log"),
                     256);
    process_read_file(process_path("log"), text, sizeof text);
    assert_string_equal(text, "0\n");
    process_read_file(process_path("first"), text, sizeof text);
    assert_int_equal(shell("tar xzOf %s/first a/Makefile | grep -q width=1"), 0);
    assert_int_not_equal(shell("tar tzf %s/first | grep -q 'png$'"), 0);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    assert_refused("archive", CMD_USAGE, "which run?");
    assert_refused("archive @/a @/b", CMD_USAGE, "one run at a time");
    assert_refused("archive @/absent", CMD_USAGE, "absent");
    assert_refused("archive @/x --format gif", CMD_USAGE, "unknown format 'gif'");
    assert_refused("archive @/x --width 3", CMD_USAGE, "--width is 1 or 2 columns");
    need_gnuplot();
    write_run("kept");
    assert_refused("archive @/kept --format svg --out @/missing/x.tar.gz", CMD_MISSING,
                   "missing/x.tar.gz.partial: No such file or directory");
    assert_refused("archive @/kept --format svg --out /dev/full/x", CMD_MISSING, "Not a directory");
    assert_int_equal(shell("test -z \"$(find %s -name '*.partial')\""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charts_are_drawn_again_from_the_archive_alone),
        cmocka_unit_test(the_same_run_gives_the_same_archive),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
