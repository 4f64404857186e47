/* `gcmeter minheap` on runners whose minimum heap is known, because this program is also the
 * runners: called as gcmeter-run-NAME it behaves under --heap-limit as NAME says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>

#include "base/clock.h"
#include "data/minheap_table.h"
#include "data/run_data.h"
#include "data/size_text.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

#define LIVE_BYTES UINT64_C(2900000)

/* Each stands for what tells that a limit is too small. */
#define EXACT_BYTES UINT64_C(7000000) /* below it: out of memory */
#define SLOW_BYTES  UINT64_C(3100000) /* below it: it never ends */
#define SOFT_BYTES  UINT64_C(5250000) /* what it holds whatever the limit */

static struct process p;

/* The runners' side. */

static void describe(const char *name)
{
    printf("protocol,1\r\nname,%s\r\nsummary,\"a runner, for tests\"\r\nversion,1\r\n", name);
    puts("reclaim,tracing\r\ncapability,threads\r");
    if (strcmp(name, "unlimited") != 0)
        puts("capability,heap_limit\r");
    puts("option,speed,number,percent,5,1,9,,how fast\r\n"
         "workload,chore,one chore,threads,a little work\r\n"
         "param,chore,size,bytes,4096,1,1048576,how much\r");
}

static _Noreturn void end_as(const char *status, int code)
{
    dprintf(3, "status,%s,for a test\ndone\n", status);
    exit(code);
}

static uint64_t argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], name))
            return strtoull(argv[i + 1], NULL, 10);
    return 0;
}

static int act_as_runner(const char *name, int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--describe")) {
        describe(name);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--live-bytes")) {
        printf("%" PRIu64 "\n", LIVE_BYTES);
        return 0;
    }
    uint64_t limit = argument(argc, argv, "--heap-limit");
    uint64_t needed = EXACT_BYTES * (argument(argc, argv, "--threads") + 1) / 2;
    dprintf(3, "hello,1\n");
    if (!strcmp(name, "broken"))
        end_as("oom", 4);
    if (!strcmp(name, "exact") && limit && limit < needed)
        end_as("oom", 4);
    if (!strcmp(name, "refuses") && limit && limit < EXACT_BYTES)
        end_as("skipped", 4);
    if (!strcmp(name, "segv") && limit && limit < EXACT_BYTES) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    while (!strcmp(name, "slow") && limit && limit < SLOW_BYTES)
        poll(NULL, 0, -1);
    bool differs = !strcmp(name, "differs") && limit && limit < EXACT_BYTES;
    dprintf(3,
            "begin,%" PRId64 "\nend,%" PRId64
            "\nmetric,checksum,%s\nmetric,heap_peak_bytes,%" PRIu64 "\nstatus,ok,\ndone\n",
            clock_now_ns(), clock_now_ns(), differs ? "43" : "42",
            !strcmp(name, "soft") ? SOFT_BYTES : 1000);
    return 0;
}

/* The tests' side. */

static int make_runners(void **state)
{
    static const char *const names[] = {"exact", "slow",   "soft",    "refuses",
                                        "segv",  "broken", "differs", "unlimited"};
    if (process_setup(state))
        return -1;
    char self[512] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char link[64];
        snprintf(link, sizeof link, "gcmeter-run-%s", names[i]);
        if (symlink(self, process_path(link)))
            return -1;
    }
    return setenv("GCMETER_PATH", process_folder, 1);
}

static const struct minheap_row *row_of(const struct minheap_table *table, const char *backend,
                                        unsigned threads)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (!strcmp(table->rows[i].backend, backend) && table->rows[i].threads == threads)
            return &table->rows[i];
    fail_msg("no row of %s", backend);
    return NULL;
}

static void load(struct minheap_table *table, const char *name)
{
    struct csv_error error;
    if (minheap_table_load(table, process_path(name), &error))
        fail_msg("%s", error.text);
}

/* To one percent or a page. */
static void assert_found(const struct minheap_table *table, const char *backend, unsigned threads,
                         uint64_t bytes)
{
    const struct minheap_row *row = row_of(table, backend, threads);
    assert_string_equal(row->status, "ok");
    assert_in_range(row->minheap_bytes, bytes, bytes + bytes / 100 + 4096);
    assert_string_equal(row->workload, "chore:size=10");
    assert_string_equal(row->workload_params, "size=10");
    assert_string_equal(row->backend_options, "speed=5");
    assert_true(row->tries_count >= 15); /* 5 at the minimum and at two limits above */
}

static void each_sign_of_too_small_a_limit_is_seen(void **state)
{
    (void)state;
    process_run(&p,
                "minheap --workload chore:size=10 --backend exact --backend slow --backend soft "
                "--backend refuses --out @/found.csv");
    assert_exit_code(&p, CMD_DONE);
    struct minheap_table table;
    load(&table, "found.csv");
    assert_int_equal(table.row_count, 4);
    assert_found(&table, "exact", 1, EXACT_BYTES);
    assert_found(&table, "slow", 1, SLOW_BYTES);
    assert_found(&table, "soft", 1, SOFT_BYTES * 100 / 105);
    assert_found(&table, "refuses", 1, EXACT_BYTES);
    minheap_table_free(&table);
    assert_contains(p.err, "[100%] chore:size=10/refuses/heap=none/threads=1: 6.7");
    assert_contains(p.err, "times the live set, in ");
}

static void rows_of_other_cells_stay(void **state)
{
    (void)state;
    process_run(&p, "minheap --workload chore:size=10 --backend exact --out @/merged.csv --quiet");
    assert_exit_code(&p, CMD_DONE);
    assert_string_equal(p.err, "");
    process_run(&p, "minheap --workload chore:size=10 --backend exact --backend unlimited "
                    "--threads 3 --out @/merged.csv");
    assert_exit_code(&p, CMD_DONE);
    struct minheap_table table;
    load(&table, "merged.csv");
    assert_int_equal(table.row_count, 3);
    assert_found(&table, "exact", 1, EXACT_BYTES);
    assert_found(&table, "exact", 3, 2 * EXACT_BYTES);
    assert_string_equal(row_of(&table, "unlimited", 3)->status, "skipped");
    minheap_table_free(&table);
}

static void a_cell_that_fails_is_told_and_the_rest_is_found(void **state)
{
    (void)state;
    process_run(&p, "minheap --workload chore:size=10 --backend segv --backend broken "
                    "--backend differs --backend exact --out @/failed.csv");
    assert_exit_code(&p, CMD_FAILED);
    assert_contains(p.err, "chore:size=10/segv/heap=none/threads=1: crashed: SIGSEGV");
    assert_contains(p.err, "chore:size=10/broken/heap=none/threads=1: oom: for a test");
    assert_contains(p.err, "chore:size=10/differs/heap=none/threads=1: wrong: ");
    struct minheap_table table;
    load(&table, "failed.csv");
    assert_string_equal(row_of(&table, "segv", 1)->status, "crashed");
    assert_string_equal(row_of(&table, "broken", 1)->status, "oom");
    assert_int_equal(row_of(&table, "broken", 1)->tries_count, 0);
    assert_string_equal(row_of(&table, "differs", 1)->status, "wrong");
    assert_found(&table, "exact", 1, EXACT_BYTES);
    /* Only what was found counts for --heap-factor. */
    char line[128], size[SIZE_TEXT_BYTES];
    snprintf(line, sizeof line, "chore:size=10/exact/heap=2xmin/threads=1  %s ",
             size_format(size, 2.0 * (double)row_of(&table, "exact", 1)->minheap_bytes));
    minheap_table_free(&table);
    process_run(&p, "run --dry-run --workload chore:size=10 --backend exact --heap-factor 2 "
                    "--minheap @/failed.csv");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, line);
}

/* The same in gcmeter run: a limit that was exceeded by more than 5 % did not hold. */
static void a_limit_that_does_not_hold_is_out_of_memory(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend soft --heap 5000000 --heap 4990000 "
                    "--heap none --invocations 1 --out @/soft");
    assert_exit_code(&p, CMD_FAILED);
    struct run_data *run = loaded_run("soft");
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        bool is_over = strstr(run->cells[invocation->cell].key, "heap=4990000") != NULL;
        assert_int_equal(invocation->status, is_over ? RUN_OOM : RUN_OK);
        if (is_over)
            assert_string_equal(invocation->status_detail,
                                "held 5250000 bytes under a limit of 4990000");
    }
    run_data_free(run);
}

int main(int argc, char **argv)
{
    const char *base = strrchr(argv[0], '/');
    base = base ? base + 1 : argv[0];
    if (!strncmp(base, "gcmeter-run-", 12))
        return act_as_runner(base + 12, argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sign_of_too_small_a_limit_is_seen),
        cmocka_unit_test(rows_of_other_cells_stay),
        cmocka_unit_test(a_cell_that_fails_is_told_and_the_rest_is_found),
        cmocka_unit_test(a_limit_that_does_not_hold_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_runners, process_teardown);
}
