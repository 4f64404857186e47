/* .ci/baseline, which `make baseline` runs: what it keeps, where, and that a run that fails changes
 * nothing. Runs from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "driver/cmd.h"
#include "gcmeter_process.h"

static struct process p;

/* Runs .ci/baseline with these words, and returns its exit code; what it prints is in @/printed. */
static int baseline(const char *words)
{
    char command[PATH_MAX + 1024];
    snprintf(command, sizeof command,
             ".ci/baseline '%s' '%s/baselines' %s >'%s/printed' 2>'%s/said'", process_program,
             process_folder, words, process_folder, process_folder);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The only entry of the folder, without its parent. */
static void only_entry(const char *path, char *name, size_t bytes)
{
    DIR *entries = opendir(path);
    assert_non_null(entries);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, bytes, "%s", entry->d_name);
        count++;
    }
    closedir(entries);
    assert_int_equal(count, 1);
}

static void a_run_becomes_the_baseline_of_its_class(void **state)
{
    (void)state;
    char class[256], printed[512], arguments[1024], path[600];
    assert_int_equal(baseline("--quiet --workload nothing:operations=1000 --backend malloc "
                              "--invocations 4 --order-seed 1"),
                     CMD_DONE);
    only_entry(process_path("baselines"), class, sizeof class);
    process_read_file(process_path("printed"), printed, sizeof printed);
    assert_contains(printed, class);

    process_run(&p, "run --quiet --workload nothing:operations=1000 --backend malloc "
                    "--invocations 4 --out @/run");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "history class @/run");
    printed[0] = '\0';
    snprintf(printed, sizeof printed, "%s\n", class);
    assert_string_equal(p.out, printed);
    /* It is a run for compare, with what compare needs and no more. */
    snprintf(arguments, sizeof arguments,
             "compare @/baselines/%s @/run --metric rss_peak_bytes --tolerance 90", class);
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "1 same");
    snprintf(path, sizeof path, "%s/baselines/%s/pauses.csv", process_folder, class);
    assert_int_equal(access(path, F_OK), -1);

    /* Another one takes its place. */
    static char text[65536];
    assert_int_equal(baseline("--quiet --workload nothing:operations=1000 --backend malloc "
                              "--invocations 1 --order-seed 77"),
                     CMD_DONE);
    only_entry(process_path("baselines"), class, sizeof class);
    snprintf(path, sizeof path, "%s/baselines/%s/run.csv", process_folder, class);
    process_read_file(path, text, sizeof text);
    assert_contains(text, "\norder_seed,77\n");
    /* Nor does it tell where the project lies. */
    char here[512];
    assert_non_null(getcwd(here, sizeof here));
    assert_contains(text, "\nbackend_malloc_path,");
    assert_null(strstr(text, here));
}

static void a_run_that_fails_changes_nothing(void **state)
{
    (void)state;
    char class[256], path[600];
    static char before[65536], after[65536];
    only_entry(process_path("baselines"), class, sizeof class);
    snprintf(path, sizeof path, "%s/baselines/%s/run.csv", process_folder, class);
    process_read_file(path, before, sizeof before);
    assert_int_equal(baseline("--quiet --workload none --backend malloc"), CMD_USAGE);
    process_read_file(process_path("said"), after, sizeof after);
    assert_contains(after, "no baseline from a run that ends with 2");
    only_entry(process_path("baselines"), class, sizeof class);
    process_read_file(path, after, sizeof after);
    assert_string_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_becomes_the_baseline_of_its_class),
        cmocka_unit_test(a_run_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
