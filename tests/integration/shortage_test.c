/* A machine that is short of something: disk, descriptors, processes, memory, permissions, /proc.
 * What was measured stands, one line says what is wanting, and the run can be resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "data/run_data.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"
#include "tiny_runner.h"

/* A user without processes and files; each process of this test has its own. */
static uid_t somebody(void)
{
    return 20000 + (uid_t)getpid() % 30000;
}

#define RUN "run --quiet --workload chore --backend tiny "

static struct process p;

/* Skips the test that calls it. */
static int count_row(void *data, size_t invocation, const struct csv_row *row)
{
    unsigned *count = data;
    (void)invocation;
    (void)row;
    ++*count;
    return 0;
}

/* All that is committed is there as a whole. Returns how many invocations that are. */
static size_t assert_whole(const char *name)
{
    struct run_data *run = loaded_run(name);
    struct csv_error error;
    unsigned rows = 0;
    for (size_t i = 0; i < run->invocation_count; i++)
        assert_int_equal(run->invocations[i].status, RUN_OK);
    if (run_data_each(run, SCHEMA_FILE_PAUSES, count_row, &rows, &error))
        fail_msg("%s", error.text);
    assert_int_equal(rows, run->invocation_count * TINY_ITERATIONS);
    size_t count = run->invocation_count;
    run_data_free(run);
    return count;
}

/* A mount namespace of this process's own. */
static bool leave_the_others_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void a_full_disk_keeps_what_was_measured(void **state)
{
    (void)state;
    const char *full = process_path("full");
    assert_int_equal(mkdir(full, 0777), 0);
    if (!leave_the_others_mounts() || mount("tmpfs", full, "tmpfs", 0, "size=160k"))
        skip_because("a small file system cannot be mounted, which takes root");
    process_run(&p, RUN "--invocations 40 --order-seed 1 --out @/full/run");
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "full/run cannot be written: No space left on device; what was measured "
                        "before is kept");
    size_t count = assert_whole("full/run");
    assert_in_range(count, 1, 39);
    /* It is still full. */
    process_run(&p, RUN "--invocations 40 --resume --out @/full/run");
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "No space left on device");
    assert_in_range(assert_whole("full/run"), count, 39);
    assert_int_equal(mount("tmpfs", process_path("full"), "tmpfs", MS_REMOUNT, "size=4m"), 0);
    process_run(&p, RUN "--invocations 40 --resume --out @/full/run");
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(assert_whole("full/run"), 40);
    /* With no room for a single header. */
    assert_int_equal(mount("tmpfs", process_path("full"), "tmpfs", MS_REMOUNT, "size=4m"), 0);
    FILE *fill = fopen(process_path("full/fill"), "w");
    assert_non_null(fill);
    static char block[4096];
    while (fwrite(block, 1, sizeof block, fill) == sizeof block && fflush(fill) == 0)
        ;
    fclose(fill);
    process_run(&p, RUN "--invocations 1 --out @/full/none");
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "No space left on device");
    assert_int_equal(umount(process_path("full")), 0);
}

struct limit {
    int resource;
    rlim_t value;
    uid_t user; /* 0: stays what it is */
};

static bool set_limit(void *data)
{
    const struct limit *limit = data;
    struct rlimit both = {limit->value, limit->value};
    if (limit->user && (setgroups(0, NULL) || setgid((gid_t)limit->user) || setuid(limit->user)))
        return false;
    return limit->resource < 0 || setrlimit((__rlimit_resource_t)limit->resource, &both) == 0;
}

static void files_that_may_not_grow_keep_what_was_measured(void **state)
{
    (void)state;
    process_run_prepared(&p, RUN "--invocations 60 --order-seed 1 --out @/limited", set_limit,
                         &(struct limit){RLIMIT_FSIZE, 30000, 0});
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "limited cannot be written: File too large; what was measured before is");
    assert_in_range(assert_whole("limited"), 1, 59);
    process_run(&p, RUN "--invocations 60 --resume --out @/limited");
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(assert_whole("limited"), 60);
}

static void skip_under_coverage(void)
{
#ifdef COVERAGE
    skip_because("another user cannot write into gcov's folder, and is told so on stderr");
#endif
}

static void a_folder_that_is_not_ones_own_is_refused(void **state)
{
    (void)state;
    skip_under_coverage();
    if (geteuid() != 0)
        skip_because("only root can become another user");
    process_run(&p, RUN "--invocations 1 --out @/roots");
    assert_exit_code(&p, CMD_DONE);
    static const char *const commands[] = {
        RUN "--invocations 1 --out @/other",
        RUN "--invocations 2 --resume --out @/roots",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        process_run_prepared(&p, commands[i], set_limit, &(struct limit){-1, 0, somebody()});
        assert_exit_code(&p, CMD_USAGE);
        assert_one_line(&p, "Permission denied");
    }
    assert_int_equal(assert_whole("roots"), 1);
}

/* However few there may be, the reason is told and nothing else is blamed; with enough, all works.
 */
static void too_few_descriptors_are_named(void **state)
{
    (void)state;
    unsigned done = 0, refused = 0;
    for (rlim_t most = 4; most <= 64; most += most < 34 ? 3 : 30) {
        char arguments[128];
        snprintf(
            arguments, sizeof arguments,
            "run --quiet --workload chore:size=9 --backend tiny --invocations 1 --out @/files%u",
            (unsigned)most);
        process_run_prepared(&p, arguments, set_limit, &(struct limit){RLIMIT_NOFILE, most, 0});
        if (p.exit_code == CMD_DONE) {
            struct run_data *run = loaded_run(strrchr(arguments, '/') + 1);
            double rss_bytes;
            assert_int_equal(run->invocation_count, 1);
            assert_true(
                run_data_value(run, 0, (size_t)run_data_metric(run, "rss_mean_bytes"), &rss_bytes));
            run_data_free(run);
            done++;
            continue;
        }
        assert_exit_code(&p, CMD_MISSING);
        assert_one_line(&p, "Too many open files; raise the limit on open files (ulimit -n");
        refused++;
    }
    assert_true(done > 0 && refused > 0);
}

/* LeakSanitizer starts a process of its own at the end of each, and reads /proc in it: what is
 * taken away here it cannot do without. */
static char *sanitizer_options;

static int stop_leak_check(void **state)
{
    (void)state;
    const char *old = getenv("ASAN_OPTIONS");
    char options[512];
    snprintf(options, sizeof options, "%s%sdetect_leaks=0", old ? old : "", old ? ":" : "");
    sanitizer_options = old ? strdup(old) : NULL;
    return setenv("ASAN_OPTIONS", options, 1);
}

static int resume_leak_check(void **state)
{
    (void)state;
    int failed =
        sanitizer_options ? setenv("ASAN_OPTIONS", sanitizer_options, 1) : unsetenv("ASAN_OPTIONS");
    free(sanitizer_options);
    sanitizer_options = NULL;
    return failed;
}

/* Such a limit counts the processes of a user, and does not hold for root. */
static void too_few_processes_end_the_run_in_order(void **state)
{
    (void)state;
    skip_under_coverage();
    uid_t user = somebody();
    if (geteuid() != 0)
        skip_because("only root can become a user without processes");
    assert_int_equal(mkdir(process_path("nobodys"), 0777), 0);
    assert_int_equal(chmod(process_path("nobodys"), 0777), 0);
    /* From the beginning. */
    process_run_prepared(&p, RUN "--invocations 1 --out @/nobodys/none", set_limit,
                         &(struct limit){RLIMIT_NPROC, 0, user});
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "no runner can be started: Resource temporarily unavailable; raise the "
                        "limit on processes");
    /* And in the middle. */
    static const char arguments[] = RUN "--invocations 500 --order-seed 1 --out @/nobodys/run";
    pid_t pid =
        process_start_prepared(arguments, set_limit, &(struct limit){RLIMIT_NPROC, 3, user});
    static char text[65536];
    for (int tries = 0; tries < 3000; tries++) {
        process_read_file(process_path("nobodys/run/invocations.csv"), text, sizeof text);
        if (strstr(text, "\nchore/"))
            break;
        poll(NULL, 0, 5);
    }
    assert_non_null(strstr(text, "\nchore/"));
    /* With it and its runner they are more than three. */
    pid_t others[3];
    for (int i = 0; i < 3; i++) {
        others[i] = fork();
        assert_true(others[i] >= 0);
        if (others[i] == 0) {
            if (setgid((gid_t)user) || setuid(user))
                _exit(1);
            for (;;)
                pause();
        }
    }
    process_wait(&p, pid);
    for (int i = 0; i < 3; i++) {
        kill(others[i], SIGKILL);
        assert_int_equal(waitpid(others[i], NULL, 0), others[i]);
    }
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "no further process can be started: Resource temporarily unavailable; "
                        "raise the limit on processes");
    assert_contains(p.err, "--resume goes on with it");
    size_t count = assert_whole("nobodys/run");
    assert_in_range(count, 1, 499);
    char again[128];
    snprintf(again, sizeof again, RUN "--invocations %zu --resume --out @/nobodys/run", count + 1);
    process_run(&p, again);
    assert_exit_code(&p, CMD_DONE);
    assert_int_equal(assert_whole("nobodys/run"), count + 1);
}

static bool hide_proc(void *data)
{
    (void)data;
    return leave_the_others_mounts() && mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0;
}

/* As fexecve() does it, so that the kernel has no path to tell either. */
static bool hide_proc_and_path(void *data)
{
    int program = open(process_program, O_RDONLY);
    char *argv[] = {process_program, (char[]){"run"}, (char[]){"--workload"}, (char[]){"chore"},
                    NULL};
    if (program < 0 || !hide_proc(data))
        return false;
    syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
    return false;
}

static void a_hidden_proc_is_told(void **state)
{
    (void)state;
    const char *sanitizers = getenv("GCMETER_SAN");
    if (sanitizers && strstr(sanitizers, "address"))
        skip_because("AddressSanitizer reads its own options from /proc");
    process_run_prepared(&p, RUN "--invocations 2 --out @/hidden", hide_proc, NULL);
    if (p.exit_code == PROCESS_UNPREPARED)
        skip_because("/proc cannot be hidden, which takes root");
    assert_exit_code(&p, CMD_DONE);
    assert_one_line(&p, "/proc is not mounted: resident memory is neither sampled");
    assert_int_equal(assert_whole("hidden"), 2);
    struct run_data *run = loaded_run("hidden");
    /* A figure that the machine can have, and not what an unreadable file leaves behind. */
    uint64_t cap_bytes = strtoull(run_data_key(run, "memory_cap_bytes"), NULL, 10);
    uint64_t memory_bytes = strtoull(run_data_key(run, "memory_bytes"), NULL, 10);
    assert_in_range(cap_bytes, 1 << 20, memory_bytes);
    double rss_bytes;
    assert_false(
        run_data_value(run, 0, (size_t)run_data_metric(run, "rss_mean_bytes"), &rss_bytes));
    run_data_free(run);
    process_run_prepared(&p, "", hide_proc_and_path, NULL);
    assert_exit_code(&p, CMD_MISSING);
    assert_one_line(&p, "gcmeter cannot find its own folder, because /proc is not mounted; mount "
                        "it, or call gcmeter by its path, or name the folder of the runners in "
                        "GCMETER_PATH");
}

int main(int argc, char **argv)
{
    if (tiny_runner_is_meant(argv))
        return tiny_runner_act(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_keeps_what_was_measured),
        cmocka_unit_test(files_that_may_not_grow_keep_what_was_measured),
        cmocka_unit_test(a_folder_that_is_not_ones_own_is_refused),
        cmocka_unit_test(too_few_descriptors_are_named),
        cmocka_unit_test_setup_teardown(too_few_processes_end_the_run_in_order, stop_leak_check,
                                        resume_leak_check),
        cmocka_unit_test(a_hidden_proc_is_told),
    };
    return cmocka_run_group_tests(tests, tiny_runner_setup, process_teardown);
}
