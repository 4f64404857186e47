/* The command line, as a user types it: help, lists, refusals, plans, and a small real run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/minheap_table.h"
#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

static struct process p;

static void help_lists_every_command_and_each_has_its_own(void **state)
{
    (void)state;
    static const char *const names[] = {
#define COMMAND(name, function, summary) #name,
#include "driver/commands.def"
#undef COMMAND
    };
    process_run(&p, "--help");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    static char help[sizeof p.out];
    memcpy(help, p.out, sizeof help);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[128];
        snprintf(text, sizeof text, "\n  %s ", names[i]);
        assert_contains(help, text);
        snprintf(text, sizeof text, "%s --help", names[i]);
        process_run(&p, text);
        assert_exit_code(&p, CMD_DONE);
        snprintf(text, sizeof text, "Usage: gcmeter %s [OPTION...]", names[i]);
        assert_contains(p.out, text);
        assert_contains(p.out, "--help");
        assert_string_equal(p.err, "");
    }
}

static void version_is_one_line(void **state)
{
    (void)state;
    process_run(&p, "--version");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.out, "gcmeter " GCMETER_VERSION "\n");
}

static void unknown_words_are_refused_with_the_nearest(void **state)
{
    (void)state;
    assert_refused("", CMD_USAGE, "gcmeter --help");
    assert_refused("rnu", CMD_USAGE, "unknown command 'rnu': did you mean 'run'?");
    assert_refused("frobnicate", CMD_USAGE, "see gcmeter --help");
    assert_refused("run --bakend malloc", CMD_USAGE, "did you mean --backend?");
    assert_refused("run --zzzzzzzz", CMD_USAGE, "see gcmeter run --help");
    assert_refused("run --seed", CMD_USAGE, "--seed needs a value");
    assert_refused("run --dry-run=1", CMD_USAGE, "--dry-run takes no value");
    assert_refused("run somewhere", CMD_USAGE, "unexpected argument 'somewhere'");
    assert_refused("list backend", CMD_USAGE, "'backend' cannot be listed");
    assert_refused("list backends suites", CMD_USAGE, "at a time");
    assert_refused("list --csv", CMD_USAGE, "--csv needs one of");
}

static void names_values_and_bounds_are_checked_before_anything_runs(void **state)
{
    (void)state;
    assert_refused("run", CMD_USAGE, "nothing named to measure");
    assert_refused("run --suite quik", CMD_USAGE, "did you mean 'quick'?");
    assert_refused("run --suite quick --workload quads --out @/no", CMD_USAGE,
                   "suite quick has no workload 'quads'");
    assert_refused("run --workload nothin --out @/no", CMD_USAGE, "did you mean 'nothing'?");
    assert_refused("run --workload nothing:operation=5 --out @/no", CMD_USAGE,
                   "did you mean 'operations'?");
    assert_refused("run --workload nothing:operations=0 --out @/no", CMD_USAGE,
                   "operations is a number from 1 to 1000000000, not '0'");
    assert_refused("run --workload nothing:operations=1,operations=2 --out @/no", CMD_USAGE,
                   "set twice");
    assert_refused("run --workload slice_append:slices=10 --out @/no", CMD_USAGE, "window");
    assert_refused("run --workload nothing --backend maloc --out @/no", CMD_USAGE,
                   "did you mean 'malloc'?");
    assert_refused("run --workload nothing --backend malloc:x=1 --out @/no", CMD_USAGE,
                   "no option 'x'");
    assert_refused("run --workload nothing --backend malloc:label=a/b --out @/no", CMD_USAGE,
                   "label 'a/b'");
    assert_refused("run --workload nothing --backend malloc:inc --out @/no", CMD_USAGE,
                   "label=inc");
    assert_refused("run --workload nothing --backend malloc:lib=/nowhere --out @/no", CMD_USAGE,
                   "lib='/nowhere' is not a folder");
    assert_refused("run --workload nothing --backend malloc --backend malloc:lib=@ --out @/no",
                   CMD_USAGE, "label=NAME");
    assert_refused("run --workload nothing --heap 12Q --out @/no", CMD_USAGE, "not '12Q'");
    assert_refused("run --workload nothing --heap 0 --out @/no", CMD_USAGE, "not '0'");
    assert_refused("run --workload nothing --heap 2xmin --out @/no", CMD_USAGE, "not '2xmin'");
    assert_refused("run --workload nothing --threads 0 --out @/no", CMD_USAGE, "--threads");
    assert_refused("run --workload nothing --threads -1 --out @/no", CMD_USAGE, "--threads");
    assert_refused("run --workload nothing --invocations 0 --out @/no", CMD_USAGE, "from 1");
    assert_refused("run --workload nothing --invocations 3x --out @/no", CMD_USAGE, "'3x'");
    assert_refused("run --workload nothing --timeout 0 --out @/no", CMD_USAGE, "--timeout");
    assert_refused("run --workload nothing --seed 18446744073709551616 --out @/no", CMD_USAGE,
                   "--seed");
    assert_refused("run --workload nothing --out=", CMD_USAGE, "--out needs");
    assert_int_equal(access(process_path("no"), F_OK), -1);
}

static void heap_factors_need_a_minimum_heap(void **state)
{
    (void)state;
    assert_refused("run --workload nothing --heap-factor 0 --out @/no", CMD_USAGE, "not '0'");
    assert_refused("run --workload nothing --heap-factor 2xlive --out @/no", CMD_USAGE,
                   "not '2xlive'");
    assert_refused("run --workload nothing --minheap= --out @/no", CMD_USAGE, "--minheap needs");
    assert_refused(
        "run --workload nothing --workload slice_append:slices=2000 --backend marksweep "
        "--heap-factor 2 --minheap @/absent.csv --out @/no",
        CMD_MISSING,
        "gcmeter minheap --workload nothing --workload slice_append:slices=2000 --out '");
    FILE *file = fopen(process_path("minheap.csv"), "w");
    assert_non_null(file);
    fputs("workload,backend,backend_options,threads,minheap_bytes,tries_count,status\n"
          "slice_append,boehm,,1,30000000,40,ok\nslice_append,marksweep,,1,20000000,40,ok\n"
          "slice_append,other,,1,,40,oom\nslice_append,marksweep,,2,40000000,40,ok\n"
          "slice_append:slices=2000,marksweep,,1,10000000,40,ok\n",
          file);
    assert_int_equal(fclose(file), 0);
    process_run(&p, "run --dry-run --workload slice_append --backend marksweep --backend malloc "
                    "--heap-factor 1.5 --heap-factor 1 --threads 1 --threads 2 --minheap "
                    "@/minheap.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "slice_append/marksweep/heap=1.5xmin/threads=1  28.6 MiB");
    assert_contains(p.out, "slice_append/marksweep/heap=1xmin/threads=2    38.1 MiB");
    assert_contains(p.out, "slice_append/malloc/heap=none/threads=1        none");
    assert_refused("run --workload slice_append:slices=2001 --backend marksweep --heap-factor 1 "
                   "--minheap @/minheap.csv --out @/no",
                   CMD_MISSING, "gcmeter minheap --workload slice_append:slices=2001");
    assert_refused("run --workload slice_append --backend marksweep --heap-factor 1 --threads 3 "
                   "--minheap @/minheap.csv --out @/no",
                   CMD_MISSING, "--threads 3");
    file = fopen(process_path("minheap.csv"), "a");
    assert_non_null(file);
    fputs("slice_append,boehm,,1,many,40,ok\n", file);
    assert_int_equal(fclose(file), 0);
    assert_refused("run --workload slice_append --backend marksweep --heap-factor 1 --minheap "
                   "@/minheap.csv --out @/no",
                   CMD_USAGE, "minheap.csv:7:5: ");
    assert_refused("minheap --workload slice_append --out @/minheap.csv", CMD_USAGE,
                   "minheap.csv:7:5: ");
    assert_int_equal(unlink(process_path("minheap.csv")), 0);
    assert_int_equal(access(process_path("no"), F_OK), -1);
}

static void a_minimum_heap_is_found_kept_and_used(void **state)
{
    (void)state;
    assert_refused("minheap --threads 0", CMD_USAGE, "--threads takes a number");
    assert_refused("minheap --workload nothin --out @/no", CMD_USAGE, "did you mean 'nothing'?");
    assert_int_equal(access(process_path("no"), F_OK), -1);
    assert_refused("minheap --out=", CMD_USAGE, "--out needs");
    assert_refused("minheap --workload nothing --out /nowhere/at/all.csv", CMD_USAGE,
                   "/nowhere/at/all.csv cannot be written");
    assert_refused("minheap --workload nothing --backend malloc --out @/min.csv", CMD_MISSING,
                   "no heap limit");
    static const char find[] = "minheap --workload slice_append:slices=2000 --backend marksweep "
                               "--backend malloc --out @/min.csv";
    struct minheap_table table;
    struct csv_error error;
    uint64_t first_bytes = 0;
    for (int time = 0; time < 2; time++) {
        process_run(&p, find);
        assert_exit_code(&p, CMD_DONE);
        assert_contains(p.out, "slice_append:slices=2000/marksweep/heap=none/threads=1");
        assert_contains(p.err, "skipped: it has no heap limit");
        assert_int_equal(minheap_table_load(&table, process_path("min.csv"), &error), 0);
        assert_int_equal(table.row_count, 2); /* the second time takes the place of the first */
        const struct minheap_row *row = &table.rows[0];
        assert_string_equal(row->workload, "slice_append:slices=2000");
        assert_non_null(strstr(row->workload_params, "slices=2000,window=1000"));
        assert_string_equal(row->backend, "marksweep");
        assert_string_equal(row->status, "ok");
        assert_string_equal(table.rows[1].status, "skipped");
        assert_in_range(row->tries_count, 5 * 4, 400);
        if (first_bytes)
            assert_in_range(row->minheap_bytes, first_bytes - first_bytes / 50,
                            first_bytes + first_bytes / 50);
        first_bytes = row->minheap_bytes;
        minheap_table_free(&table);
    }
    /* What it needs it has, and with a good deal less it has not. */
    static const char use[] = "run --workload slice_append:slices=2000 --backend marksweep "
                              "--heap-factor %s --minheap @/min.csv --invocations 1 --out @/%s";
    char text[512];
    snprintf(text, sizeof text, use, "1.02", "enough");
    process_run(&p, text);
    assert_exit_code(&p, CMD_DONE);
    snprintf(text, sizeof text, use, "0.5", "too-small");
    process_run(&p, text);
    assert_exit_code(&p, CMD_FAILED);
    struct run_data *run = loaded_run("enough");
    assert_int_equal(run->cell_count, 1);
    assert_string_equal(run->cells[0].key,
                        "slice_append:slices=2000/marksweep/heap=1.02xmin/threads=1");
    assert_string_equal(run->cells[0].heap_factor, "1.02");
    assert_in_range(strtoull(run->cells[0].heap_limit_bytes, NULL, 10),
                    first_bytes + first_bytes / 50 - 1, first_bytes + first_bytes / 50 + 1);
    run_data_free(run);
    run = loaded_run("too-small");
    assert_int_equal(run->invocations[0].status, RUN_OOM);
    run_data_free(run);
    /* Rows of one cell may not come from two limits. */
    assert_int_equal(minheap_table_load(&table, process_path("min.csv"), &error), 0);
    table.rows[0].minheap_bytes += 4096;
    assert_int_equal(minheap_table_save(&table, process_path("min.csv")), 0);
    minheap_table_free(&table);
    assert_refused("run --workload slice_append:slices=2000 --backend marksweep --heap-factor 1.02 "
                   "--minheap @/min.csv --invocations 2 --out @/enough --resume",
                   CMD_USAGE, "the minimum heap has changed");
}

static void an_interrupted_search_keeps_what_is_done(void **state)
{
    (void)state;
    pid_t pid = process_start("minheap --workload slice_append:slices=2000 --workload "
                              "quads:rounds=2000 --backend marksweep --out @/part.csv");
    struct minheap_table table = {0};
    struct csv_error error;
    for (int i = 0; i < 20000 && table.row_count == 0; i++) {
        usleep(10000);
        if (minheap_table_load(&table, process_path("part.csv"), &error))
            table = (struct minheap_table){0};
    }
    assert_int_equal(table.row_count, 1);
    minheap_table_free(&table);
    assert_int_equal(kill(pid, SIGINT), 0);
    process_wait(&p, pid);
    assert_exit_code(&p, CMD_INTERRUPTED);
    assert_int_equal(minheap_table_load(&table, process_path("part.csv"), &error), 0);
    assert_int_equal(table.row_count, 1);
    assert_string_equal(table.rows[0].workload, "slice_append:slices=2000");
    minheap_table_free(&table);
}

static void lists_have_what_tables_and_runners_say(void **state)
{
    (void)state;
    process_run(&p, "list");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "malloc: ");
    assert_contains(p.out, "slice_append: ");
    assert_contains(p.out, "quick: ");
    assert_contains(p.out, "pause_max_ns");
    process_run(&p, "list backends --csv");
    assert_exit_code(&p, CMD_DONE);
    /* Every row of backends.def, available or not. */
    static const char *const names[] = {
#define BACKEND(folder, flavours, header, libraries, package, summary) "\n" #folder ",",
#include "backends.def"
#undef BACKEND
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_contains(p.out, names[i]);
    process_run(&p, "list workloads --quiet");
    assert_string_equal(strtok(p.out, "\n"), "nothing");
    process_run(&p, "list suites --csv");
    assert_contains(p.out, "suite,invocations,workload,backends,heap,threads\nquick,3,");
    process_run(&p, "list metrics --csv");
    assert_contains(p.out, "metric,unit,better,help\nwall_ns,ns,lower,");
}

static void a_dry_run_prints_the_plan_and_measures_nothing(void **state)
{
    (void)state;
    process_run(&p, "run --dry-run --workload slice_append --workload nothing --backend malloc "
                    "--backend nofree --backend malloc --heap 2xlive --heap none --threads 1 "
                    "--threads 2 --invocations 4 --out @/dry");
    assert_exit_code(&p, CMD_DONE);
    /* A backend without a limit runs once, whatever the heap settings; duplicates are removed. */
    assert_contains(p.out, "slice_append/malloc/heap=none/threads=1");
    assert_contains(p.out, "slice_append/nofree/heap=none/threads=2");
    assert_null(strstr(p.out, "2xlive"));
    assert_contains(p.out, "8 cells, 0 of them skipped; 32 processes");
    assert_int_equal(access(process_path("dry"), F_OK), -1);
}

static void suites_are_plans_that_can_be_built(void **state)
{
    (void)state;
    process_run(&p, "run --dry-run --suite quick");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "gcbench/marksweep/heap=3xlive/threads=1");
    process_run(&p, "run --dry-run --suite standard --backend malloc --workload quads");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "quads:rounds=10/malloc/heap=none/threads=1");
    assert_contains(p.out, "1 cell, 0 of them skipped; 11 processes");
    static const struct {
        const char *suite;
        const char *cell;
    } suites[] = {
        {"standard", "http_server/marksweep/heap=3.5xlive/threads=1"},
        {"full", "weak_cache/marksweep/heap=1.5xlive/threads=1"},
        {"pauses", "http_server/marksweep/heap=3xlive/threads=2"},
        {"threads", "larson/malloc/heap=none/threads=2"},
        {"tuning", "quads/marksweep:gogc=400,markers=1/heap=none/threads=1"},
        {"mission", "cyclic_graph:leak=1/marksweep/heap=3xlive/threads=1"},
        {"character", "strings/malloc:census=1/heap=none/threads=1"},
    };
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        char command[64];
        snprintf(command, sizeof command, "run --dry-run --suite %s", suites[i].suite);
        process_run(&p, command);
        assert_exit_code(&p, CMD_DONE);
        assert_contains(p.out, suites[i].cell);
    }
    assert_refused("run --dry-run --suite memory --backend marksweep --minheap @/absent.csv",
                   CMD_MISSING,
                   "gcmeter minheap --workload gcbench --workload cyclic_graph --workload "
                   "slice_append --out '");
    process_run(&p, "run --dry-run --suite threads --backend malloc --workload larson");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "larson/malloc/heap=none/threads=1");
    assert_contains(p.out, "larson/malloc/heap=none/threads=2");
    assert_contains(p.out, "2 cells, 0 of them skipped; 20 processes");
}

/* What a reader of a figure has to know of the workload stands at the head of its file. */
static void each_workload_says_what_it_stands_for(void **state)
{
    (void)state;
    static const char *const names[] = {
#define WORKLOAD(name) #name,
#include "workloads.def"
#undef WORKLOAD
    };
    static const char *const parts[] = {
        "\n * Stands for ", "\n * Stresses:", "oes not stress:",
        "\n * Live set",    "\n * A good ",   "A bad ",
    };
    static char source[1 << 16];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "workloads/%s.c", names[i]);
        process_read_file(path, source, sizeof source);
        char *end = strstr(source, "\n */");
        assert_non_null(end);
        *end = '\0';
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (!strstr(source, parts[k]))
                fail_msg("%s has no '%s' at its head", path, parts[k]);
    }
}

/* sparse allocates a window and lists of records of one pointer and thirty words: all of what the
 * census counts is known. The page in the tree has the same columns and every workload. */
static void what_workloads_allocate_is_counted(void **state)
{
    (void)state;
    static char page[1 << 16];
    process_run(&p, "run --quiet --workload sparse:window=20,rounds=3,length=50 --backend malloc "
                    "--backend malloc:census=1 --invocations 2 --iterations 2 --out @/character");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("character");
    static const struct {
        const char *metric;
        double value;
    } expected[] = {
        {"census_objects_count", 2 * (1 + 20 * 3 * 50)},
        {"census_bytes", 2 * (20 * 8 + 20 * 3 * 50 * 31 * 8)},
        {"census_pointers_count", 2 * (20 + 20 * 3 * 50)},
        {"census_leaves_count", 0},
        {"census_freed_count", 2 * (1 + 20 * 3 * 50)},
        {"census_live_peak_count", 1 + 20 * 50},
        {"census_live_peak_bytes", 20 * 8 + 20 * 50 * 31 * 8},
    };
    for (size_t i = 0; i < run->invocation_count; i++) {
        bool is_census = strstr(run->cells[run->invocations[i].cell].key, "census=1") != NULL;
        for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
            double value;
            int metric = run_data_metric(run, expected[k].metric);
            assert_true(metric >= 0);
            assert_int_equal(run_data_value(run, i, (size_t)metric, &value), is_census);
            if (is_census && value != expected[k].value)
                fail_msg("%s is %g, not %g", expected[k].metric, value, expected[k].value);
        }
    }
    run_data_free(run);

    process_run(&p, "list workloads --markdown --run @/character");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "| `sparse:length=50,window=20,rounds=3` | 3001 | 248 B | 1.01 | 0 % | "
                           "1001 | 242 KiB | ");
    assert_contains(p.out, "\n| `gcbench` | - |");
    process_read_file("workloads/README.md", page, sizeof page);
    const char *heading = strstr(p.out, "| workload |");
    *strchr(strchr(heading, '\n') + 1, '\n') = '\0';
    assert_contains(page, heading);
    static const char *const rows[] = {
#define WORKLOAD(name) "\n| `" #name "` | ",
#include "workloads.def"
#undef WORKLOAD
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_contains(page, rows[i]);
    assert_refused("list workloads --markdown --run tests/fixtures/run_quick", CMD_USAGE,
                   "has no cell of malloc:census=1");
    assert_refused("list backends --run @/character", CMD_USAGE, "--run DIR and --markdown");
}

static void a_small_run_leaves_complete_files(void **state)
{
    (void)state;
    process_run(&p, "run --workload slice_append:slices=2000 --backend malloc --backend nofree "
                    "--invocations 2 --iterations 2 --seed 7 --order-seed 9 --out @/run");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.out, "");
    assert_contains(p.err, "slice_append:slices=2000/malloc/heap=none/threads=1: 2 of 2 ok");
    assert_contains(p.err, "4 ok; results in");
    struct run_data *run = loaded_run("run");
    assert_int_equal(run->cell_count, 2);
    assert_int_equal(run->invocation_count, 4);
    assert_string_equal(run_data_key(run, "seed"), "7");
    assert_string_equal(run_data_key(run, "order_seed"), "9");
    assert_string_equal(run_data_key(run, "invocations"), "2");
    assert_non_null(strstr(run_data_key(run, "command_line"), "--order-seed 9"));
    static const char *const filled[] = {"date",     "kernel", "cores",    "memory_bytes",
                                         "compiler", "flags",  "end_date", "memory_cap_bytes"};
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        assert_non_null(run_data_key(run, filled[i]));
        assert_string_not_equal(run_data_key(run, filled[i]), "");
    }
    assert_string_equal(run_data_backend_key(run, "malloc", "reclaim"), "manual");
    const struct run_cell *cell =
        run_data_cell(run, "slice_append:slices=2000/malloc/heap=none/threads=1");
    assert_non_null(cell);
    assert_non_null(strstr(cell->workload_params, "elements=1000,slices=2000,"));
    for (size_t i = 0; i < run->invocation_count; i++) {
        double wall_ns = 0, rss_bytes = 0;
        assert_int_equal(run->invocations[i].status, RUN_OK);
        assert_int_equal(run->invocations[i].order, i);
        assert_true(run->invocations[i].has_checksum);
        assert_true(run->invocations[i].checksum == run->invocations[0].checksum);
        assert_true(run_data_value(run, i, (size_t)run_data_metric(run, "wall_ns"), &wall_ns));
        assert_true(wall_ns > 0);
        assert_true(
            run_data_value(run, i, (size_t)run_data_metric(run, "rss_mean_bytes"), &rss_bytes));
        assert_true(rss_bytes > 0);
    }
    run_data_free(run);
    /* Two measured iterations and a warm-up one of four processes. */
    static char text[65536];
    process_read_file(process_path("run/iterations.csv"), text, sizeof text);
    size_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 1 + 4 * 3);
    assert_refused("run --workload nothing --backend malloc --out @/run", CMD_USAGE,
                   "is not empty; go on with a run by --resume");
}

static void the_shortest_process_has_its_memory_sampled(void **state)
{
    (void)state;
    process_run(&p,
                "run --workload nothing:operations=1 --backend malloc --backend nofree --warmup 0 "
                "--invocations 10 --out @/short");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("short");
    for (size_t i = 0; i < run->invocation_count; i++) {
        double rss_bytes = 0;
        assert_true(
            run_data_value(run, i, (size_t)run_data_metric(run, "rss_mean_bytes"), &rss_bytes));
        assert_true(rss_bytes > 0);
    }
    run_data_free(run);
}

static void the_missions_slice_is_printed(void **state)
{
    (void)state;
    process_run(&p, "run --quiet --workload slice_append:example=1 --backend malloc "
                    "--invocations 2 --out @/example");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.out, "Slice: [1 2 3 4 5 6 7 8 9 10]\n");
    assert_string_equal(p.err, "");
}

/* The cells of invocations.csv in the order in which they ran. */
static void read_order(const char *name, char *order, size_t bytes)
{
    struct run_data *run = loaded_run(name);
    size_t length = 0;
    for (size_t i = 0; i < run->invocation_count; i++)
        length += (size_t)snprintf(order + length, bytes - length, "%s\n",
                                   run->cells[run->invocations[i].cell].key);
    run_data_free(run);
}

static void the_order_seed_makes_the_order(void **state)
{
    (void)state;
    static char first[8192], second[8192], third[8192];
    const char *const runs[] = {"7 --out @/order1", "7 --out @/order2", "8 --out @/order3"};
    for (size_t i = 0; i < 3; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments,
                 "run --quiet --workload nothing:operations=1 --workload nothing:operations=2 "
                 "--workload nothing:operations=3 --workload nothing:operations=4 --backend malloc "
                 "--threads 1 --threads 2 --invocations 3 --warmup 0 --order-seed %s",
                 runs[i]);
        process_run(&p, arguments);
        assert_exit_code(&p, CMD_DONE);
    }
    read_order("order1", first, sizeof first);
    read_order("order2", second, sizeof second);
    read_order("order3", third, sizeof third);
    assert_string_equal(first, second);
    assert_string_not_equal(first, third);
}

static void results_latest_points_to_the_default_folder(void **state)
{
    (void)state;
    static struct process planned;
    char here[PATH_MAX];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(process_folder), 0);
    process_run(&p, "run --workload nothing:operations=1 --backend malloc --invocations 1");
    process_run(&planned, "run --dry-run --workload nothing:operations=1 --workload nothing "
                          "--backend malloc");
    assert_int_equal(chdir(here), 0);
    assert_exit_code(&p, CMD_DONE);
    assert_contains(planned.out, "by results/latest, which has 1 of the 2 cells");
    struct run_data *run = loaded_run("results/latest");
    assert_int_equal(run->invocation_count, 1);
    run_data_free(run);
    char target[256] = "";
    ssize_t length = readlink(process_path("results/latest"), target, sizeof target - 1);
    assert_int_equal(length, strlen("YYYYMMDDTHHMMSSZ"));
}

static int ignore_row(void *data, size_t invocation, const struct csv_row *row)
{
    (void)data;
    (void)invocation;
    (void)row;
    return 0;
}

static void what_cannot_be_written_is_one_line(void **state)
{
    (void)state;
    assert_refused("run --workload nothing --backend malloc --out /dev/null/run", CMD_USAGE,
                   "cannot be written");
}

/* Runs a command line of the shell, in which $GCMETER is the program, in the folder; returns its
 * exit code. */
static int run_by_shell(const char *line)
{
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "cd '%s' && GCMETER='%s' && %s", process_folder,
             process_program, line);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct utilisation {
    const struct run_data *run;
    size_t compared_count;
};

/* The columns of invocations.csv were computed from what the runner sent, mmu.csv from pauses.csv.
 */
static int compare_utilisation(void *data, size_t invocation, const struct csv_row *row)
{
    static const struct {
        const char *window_ns, *column;
    } columns[] = {{"1000000", "mmu_1ms"}, {"10000000", "mmu_10ms"}, {"100000000", "mmu_100ms"}};
    struct utilisation *u = data;
    for (size_t i = 0; i < 3; i++) {
        double column, derived;
        if (strcmp(row->text[SCHEMA_MMU_window_ns], columns[i].window_ns) != 0)
            continue;
        bool in_column = run_data_value(
            u->run, invocation, (size_t)run_data_metric(u->run, columns[i].column), &column);
        bool in_file = csv_row_number(row, SCHEMA_MMU_mmu, &derived) > 0;
        assert_int_equal(in_column, in_file);
        assert_true(!in_file || column == derived);
        u->compared_count += in_file && derived < 1;
    }
    return 0;
}

static void utilisation_is_the_same_in_columns_and_file(void **state)
{
    (void)state;
    struct csv_error error;
    process_run(&p,
                "run --quiet --workload gcbench:max_depth=10 --backend marksweep --backend malloc "
                "--invocations 2 --out @/mmu");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("mmu");
    struct utilisation u = {.run = run};
    assert_int_equal(run_data_each(run, SCHEMA_FILE_MMU, compare_utilisation, &u, &error), 0);
    assert_true(u.compared_count > 0);
    run_data_free(run);
}

static void closed_streams_do_not_mix_with_the_results(void **state)
{
    (void)state;
    /* The example is printed, so that there is something to miss. */
    assert_int_equal(
        run_by_shell("\"$GCMETER\" run --workload slice_append:example=1 --backend malloc "
                     "--invocations 2 --out closed <&- >&- 2>&-"),
        CMD_MISSING);
    struct run_data *run = loaded_run("closed");
    assert_int_equal(run->invocation_count, 2);
    for (int file = SCHEMA_FILE_INVOCATIONS + 1; file < SCHEMA_RUN_FILE_COUNT; file++) {
        struct csv_error error;
        if (run_data_each(run, (enum schema_file_id)file, ignore_row, NULL, &error))
            fail_msg("%s", error.text);
    }
    run_data_free(run);
}

static void a_file_that_may_not_grow_ends_the_run_in_order(void **state)
{
    (void)state;
    char text[512];
    /* In units of 512 or 1024 bytes: room for run.csv, not for the latencies of so many. */
    assert_int_equal(
        run_by_shell("ulimit -f 400 && \"$GCMETER\" run --quiet --backend malloc --out "
                     "limited --workload gcbench:max_depth=4 --invocations 400 "
                     "--warmup 0 2>limit"),
        CMD_MISSING);
    process_read_file(process_path("limit"), text, sizeof text);
    assert_contains(text, "limited cannot be written: File too large; what was measured before is");
    struct run_data *run = loaded_run("limited");
    assert_true(run->invocation_count > 0);
    run_data_free(run);
}

static void output_that_cannot_be_written_is_no_success(void **state)
{
    (void)state;
    static const char *const commands[] = {"--help", "--version", "run --help", "list metrics"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char arguments[64], text[256];
        snprintf(arguments, sizeof arguments, "\"$GCMETER\" %s >/dev/full 2>full", commands[i]);
        assert_int_equal(run_by_shell(arguments), CMD_MISSING);
        process_read_file(process_path("full"), text, sizeof text);
        assert_string_equal(text, "gcmeter: stdout cannot be written: No space left on device\n");
        snprintf(arguments, sizeof arguments, "\"$GCMETER\" %s >&- 2>full", commands[i]);
        assert_int_equal(run_by_shell(arguments), CMD_MISSING);
    }
}

#define SMALL_RUN "run --quiet --backend malloc --invocations 2 --workload nothing:operations="

static void a_run_is_resumed_by_its_own_plan_only(void **state)
{
    (void)state;
    process_run(&p, SMALL_RUN "5 --out @/plan");
    assert_exit_code(&p, CMD_DONE);
    assert_refused(SMALL_RUN "6 --resume --out @/plan", CMD_USAGE,
                   "nothing:operations=5/malloc/heap=none/threads=1, which is not asked for");
    /* More cells and more invocations of the old ones are no other plan. */
    process_run(&p, SMALL_RUN "5 --workload nothing:operations=6 --invocations 3 --resume "
                              "--out @/plan");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("plan");
    assert_int_equal(run->invocation_count, 6);
    run_data_free(run);
}

static void a_run_that_ended_before_it_began_is_begun(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"", "key,va", "key,value\nschema_version,1\nsee"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        assert_int_equal(run_by_shell("rm -rf begun && mkdir begun && : >begun/invocations.csv && "
                                      "echo of before >begun/lbo.csv && : >begun/.mmu.csv"),
                         0);
        FILE *file = fopen(process_path("begun/run.csv"), "w");
        assert_non_null(file);
        fputs(beginnings[i], file);
        fclose(file);
        process_run(&p, SMALL_RUN "5 --resume --out @/begun");
        assert_exit_code(&p, CMD_DONE);
        struct run_data *run = loaded_run("begun");
        assert_int_equal(run->invocation_count, 2);
        run_data_free(run);
    }
    /* What is not gcmeter's is not touched. */
    assert_int_equal(run_by_shell("rm begun/* && echo mine >begun/run.csv"), 0);
    assert_refused(SMALL_RUN "5 --resume --out @/begun", CMD_USAGE, "begun/run.csv:1:");
    process_read_file(process_path("begun/run.csv"), p.out, sizeof p.out);
    assert_string_equal(p.out, "mine\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_lists_every_command_and_each_has_its_own),
        cmocka_unit_test(version_is_one_line),
        cmocka_unit_test(unknown_words_are_refused_with_the_nearest),
        cmocka_unit_test(names_values_and_bounds_are_checked_before_anything_runs),
        cmocka_unit_test(heap_factors_need_a_minimum_heap),
        cmocka_unit_test(a_minimum_heap_is_found_kept_and_used),
        cmocka_unit_test(an_interrupted_search_keeps_what_is_done),
        cmocka_unit_test(lists_have_what_tables_and_runners_say),
        cmocka_unit_test(a_dry_run_prints_the_plan_and_measures_nothing),
        cmocka_unit_test(suites_are_plans_that_can_be_built),
        cmocka_unit_test(each_workload_says_what_it_stands_for),
        cmocka_unit_test(what_workloads_allocate_is_counted),
        cmocka_unit_test(a_small_run_leaves_complete_files),
        cmocka_unit_test(the_shortest_process_has_its_memory_sampled),
        cmocka_unit_test(the_missions_slice_is_printed),
        cmocka_unit_test(the_order_seed_makes_the_order),
        cmocka_unit_test(results_latest_points_to_the_default_folder),
        cmocka_unit_test(what_cannot_be_written_is_one_line),
        cmocka_unit_test(utilisation_is_the_same_in_columns_and_file),
        cmocka_unit_test(closed_streams_do_not_mix_with_the_results),
        cmocka_unit_test(a_file_that_may_not_grow_ends_the_run_in_order),
        cmocka_unit_test(output_that_cannot_be_written_is_no_success),
        cmocka_unit_test(a_run_is_resumed_by_its_own_plan_only),
        cmocka_unit_test(a_run_that_ended_before_it_began_is_begun),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
