/* Runners that fail: what is reported, that every other cell is measured, and the exit code.
 *
 * This program is also the runners: called as gcmeter-run-NAME it behaves as NAME says and speaks
 * harness/runner/PROTOCOL.md for the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "data/run_data.h"
#include "driver/cmd.h"
#include "driver/invocation.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

static struct process p;

/* The runners' side. */

static void describe(const char *name)
{
    size_t length = strcspn(name, "-");
    printf("protocol,%s\r\nname,%.*s\r\nsummary,\"a runner, for tests\"\r\nversion,1\r\n",
           !strcmp(name, "other_protocol") ? "2" : "1", (int)length, name);
    if (name[length])
        printf("flavour,%s\r\n", name + length + 1);
    printf("reclaim,%s\r\n", !strcmp(name, "never_frees") ? "never" : "tracing");
    puts("capability,heap_limit\r\nunheard_of,key\r\n"
         "option,speed,number,percent,5,1,9,,how fast\r\n"
         "option,mode,choice,,slow,,,slow|fast,in which way\r\n"
         "workload,chore,one chore,,a little work\r\n"
         "param,chore,size,bytes,4096,1,1048576,how much\r");
}

static _Noreturn void wait_for_ever(void)
{
    for (;;)
        poll(NULL, 0, -1);
}

static void misbehave(const char *name)
{
    if (!strcmp(name, "segv")) {
        fprintf(stderr, "first line\nabout to fail\n\n");
        /* A sanitizer would turn it into an exit code. */
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (!strcmp(name, "hang")) {
        signal(SIGTERM, SIG_IGN);
        wait_for_ever();
    } else if (!strcmp(name, "sleeper")) {
        wait_for_ever();
    } else if (!strcmp(name, "garbage")) {
        dprintf(3, "\x01\x02\"\xff garbage\n");
        wait_for_ever();
    } else if (!strcmp(name, "flood")) {
        static char block[65536];
        memset(block, 'x', sizeof block);
        while (write(3, block, sizeof block) > 0)
            ;
    } else if (!strcmp(name, "half")) {
        dprintf(3, "metric,wall_n");
        exit(0);
    } else if (!strcmp(name, "silent")) {
        exit(0);
    } else if (!strcmp(name, "over_limit") || !strcmp(name, "never_frees")) {
        dprintf(3, "status,oom,\"no room for 64 bytes, limit 1000\"\ndone\n");
        exit(4);
    } else if (!strcmp(name, "glutton")) {
        size_t bytes = 256 << 20;
        char *memory = malloc(bytes);
        memset(memory, 1, bytes);
        /* clang deletes both calls where nobody could see the memory. */
        __asm__ volatile("" : : "r"(memory) : "memory");
        wait_for_ever();
    } else if (!strcmp(name, "daemon") && fork() == 0) {
        /* Keeps all descriptors open after its parent has ended. */
        wait_for_ever();
    } else if (!strcmp(name, "chatty")) {
        /* Many times what each of the pipes holds. */
        static char block[65536];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < 20; i++) {
            fwrite(block, 1, sizeof block, stdout);
            fwrite(block, 1, sizeof block, stderr);
            for (int j = 0; j < 500; j++)
                dprintf(3, "pause,-1,full,%d,1,\n", 1000 + 500 * i + j);
        }
    } else if (!strcmp(name, "bad_metric")) {
        dprintf(3, "metric,wall_ns,12.5ms\n");
        wait_for_ever();
    } else if (!strcmp(name, "bad_stop")) {
        dprintf(3, "pause,-1,full,100,50,\npause,-7,full,100,50,\n");
        wait_for_ever();
    }
}

static int act_as_runner(const char *name, int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--describe")) {
        if (!strcmp(name, "no_library")) {
            fprintf(stderr, "%s: error while loading shared libraries: libnone.so.1\n", argv[0]);
            return 127;
        }
        if (!strcmp(name, "older")) {
            describe(name);
            puts("unavailable,\"headers of 8.2, library 8.0: build again\"");
            return 3;
        }
        describe(name);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--live-bytes")) {
        puts("1000");
        return 0;
    }
    dprintf(3, "hello,1\nbegin,%" PRId64 "\n", clock_now_ns());
    misbehave(name);
    /* Long enough to be sampled. */
    poll(NULL, 0, 30);
    dprintf(3,
            "end,%" PRId64 "\nmetric,wall_ns,5000\nmetric,checksum,%s\nflag,fake\n"
            "iteration,0,5000,5000\npause,-1,full,100,50,\n"
            "collection,0,full,100,1000,,,8192,4096,1000,,\n"
            "latency,simple,10,20,3\nextra,fake_share,ratio,lower,0.25\nstatus,ok,\ndone\n",
            clock_now_ns(), !strcmp(name, "differs") ? "43" : "42");
    return 0;
}

/* The tests' side. */

static int make_runners(void **state)
{
    static const char *const names[] = {
        "steady",     "segv",    "hang",       "sleeper",        "garbage", "flood",
        "half",       "silent",  "over_limit", "never_frees",    "glutton", "daemon",
        "bad_metric", "differs", "no_library", "other_protocol", "probed",  "probed-probe",
        "bad_stop",   "chatty",  "older",
    };
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

/* All invocations of the backend's cell have the status, and a detail that says `part`. */
static void assert_status(const struct run_data *run, const char *backend, enum run_status status,
                          const char *part)
{
    char key[128];
    snprintf(key, sizeof key, "chore/%s/heap=none/threads=1", backend);
    const struct run_cell *cell = run_data_cell(run, key);
    if (!cell)
        fail_msg("no cell %s", key);
    for (size_t i = 0; i < cell->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[cell->invocations[i]];
        if (invocation->status != status)
            fail_msg("%s: %s (%s), not %s", key, run_status_word(invocation->status),
                     invocation->status_detail, run_status_word(status));
        assert_contains(invocation->status_detail, part);
    }
}

static void failures_are_told_apart_and_the_rest_is_measured(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend steady --backend segv --backend hang "
                    "--backend sleeper --backend garbage --backend flood --backend half "
                    "--backend silent --backend over_limit --backend never_frees "
                    "--backend bad_metric --timeout 3 --invocations 1 --out @/faults");
    assert_exit_code(&p, CMD_FAILED);
    assert_contains(p.err, "chore/segv/heap=none/threads=1, invocation 0: crashed: SIGSEGV");
    struct run_data *run = loaded_run("faults");
    assert_int_equal(run->invocation_count, 11);
    assert_status(run, "steady", RUN_OK, "");
    assert_status(run, "segv", RUN_CRASHED, "SIGSEGV: about to fail");
    assert_status(run, "hang", RUN_TIMEOUT, "not done after 3 s, nor after SIGTERM");
    assert_status(run, "sleeper", RUN_TIMEOUT, "not done after 3 s");
    assert_status(run, "garbage", RUN_CRASHED, "its runner wrote");
    assert_status(run, "flood", RUN_CRASHED, "its runner wrote a record of more than");
    assert_status(run, "half", RUN_CRASHED, "ended in the middle of a record");
    assert_status(run, "silent", RUN_CRASHED, "ended without 'done', exit code 0");
    assert_status(run, "over_limit", RUN_OOM, "no room for 64 bytes, limit 1000");
    assert_status(run, "never_frees", RUN_OOM, "no room");
    assert_status(run, "bad_metric", RUN_CRASHED, "'12.5ms' as field 2 of a record 'metric'");
    run_data_free(run);
    process_run(&p, "run --workload chore --backend bad_stop --invocations 1 --out @/stops");
    assert_exit_code(&p, CMD_FAILED);
    run = loaded_run("stops");
    assert_status(run, "bad_stop", RUN_CRASHED, "its runner wrote a stop of a thread below -1");
    run_data_free(run);
}

static void out_of_memory_is_a_result_of_a_backend_that_never_frees(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend never_frees --backend steady --invocations 1 "
                    "--out @/never");
    assert_exit_code(&p, CMD_DONE);
    process_run(&p, "run --workload chore --backend over_limit --invocations 1 --out @/over");
    assert_exit_code(&p, CMD_FAILED);
}

static void checksums_must_agree(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend steady --backend differs --invocations 1 "
                    "--out @/differ");
    assert_exit_code(&p, CMD_FAILED);
    assert_contains(p.err, ": wrong: checksum 4");
    struct run_data *run = loaded_run("differ");
    unsigned wrong_count = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        if (run->invocations[i].status != RUN_WRONG)
            continue;
        wrong_count++;
        assert_contains(run->invocations[i].status_detail, "42");
        assert_contains(run->invocations[i].status_detail, "43");
        assert_contains(run->invocations[i].status_detail, "chore/");
    }
    assert_int_equal(wrong_count, 1);
    run_data_free(run);
    /* Other parameters are other work. */
    process_run(&p, "run --workload chore --backend steady --workload chore:size=8K "
                    "--invocations 2 --out @/agree");
    assert_exit_code(&p, CMD_DONE);
}

static void what_cannot_run_is_listed_and_skipped_with_the_reason(void **state)
{
    (void)state;
    process_run(&p, "list backends");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.out, "gcmeter-run-other_protocol: --describe, row 1: it speaks protocol 2");
    assert_contains(p.out, "error while loading shared libraries: libnone.so.1");
    process_run(&p, "run --workload chore --backend steady --backend no_library:speed=3 "
                    "--heap 2xlive --invocations 2 --out @/skipped");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("skipped");
    assert_int_equal(run->invocation_count, 3);
    const struct run_cell *cell =
        run_data_cell(run, "chore/no_library:speed=3/heap=2xlive/threads=1");
    assert_non_null(cell);
    assert_int_equal(cell->invocation_count, 1);
    assert_int_equal(run->invocations[cell->invocations[0]].status, RUN_SKIPPED);
    assert_contains(run->invocations[cell->invocations[0]].status_detail, "libnone.so.1");
    assert_non_null(run_data_backend_key(run, "no_library", "unavailable"));
    run_data_free(run);
    assert_refused("run --workload chore --backend no_library --out @/none", CMD_MISSING,
                   "no cell can be measured");
    /* It does not take threads. */
    assert_refused("run --workload chore --backend steady --threads 2 --out @/none", CMD_MISSING,
                   "runs on one thread");
}

/* Applies a script of sed to the rows of invocations in `folder`. */
static void edit_invocations(const char *folder, const char *script)
{
    char command[PATH_MAX + 256];
    snprintf(command, sizeof command, "sed -i '%s' '%s/invocations.csv'", script,
             process_path(folder));
    assert_int_equal(system(command), 0);
}

/* As where its library has been installed since. */
static void what_was_skipped_is_measured_once_it_can_be(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend steady:speed=4 --backend no_library:speed=3 "
                    "--invocations 1 --out @/installed");
    assert_exit_code(&p, CMD_DONE);
    edit_invocations("installed", "s/no_library/steady/g");
    struct run_data *run = loaded_run("installed");
    assert_int_equal(run->invocation_count, 2);
    assert_status(run, "steady:speed=3", RUN_SKIPPED, "");
    run_data_free(run);
    process_run(&p, "run --workload chore --backend steady:speed=4 --backend steady:speed=3 "
                    "--invocations 2 --resume --out @/installed");
    assert_exit_code(&p, CMD_DONE);
    run = loaded_run("installed");
    assert_int_equal(run->invocation_count, 4);
    assert_int_equal(run->cell_count, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(run->invocations[i].status, RUN_OK);
    for (size_t i = 0; i < 2; i++)
        for (int64_t number = 0; number < 2; number++)
            assert_true(run_data_invocation(run, run->cells[i].key, number) >= 0);
    run_data_free(run);
}

/* As where its library has gone since. */
static void what_cannot_be_resumed_is_told(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend steady:speed=3 --backend steady:speed=4 "
                    "--invocations 1 --out @/gone");
    assert_exit_code(&p, CMD_DONE);
    edit_invocations("gone", "/speed=3/s/steady/no_library/g");
    process_run(&p, "run --workload chore --backend no_library:speed=3 --backend steady:speed=4 "
                    "--invocations 3 --resume --out @/gone");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "chore/no_library:speed=3/heap=none/threads=1: 1 of 3 invocations, the "
                           "rest skipped: ");
    assert_contains(p.err, "libnone.so.1");
    struct run_data *run = loaded_run("gone");
    const struct run_cell *cell =
        run_data_cell(run, "chore/no_library:speed=3/heap=none/threads=1");
    assert_non_null(cell);
    assert_int_equal(cell->invocation_count, 1);
    assert_int_equal(run->invocations[cell->invocations[0]].status, RUN_OK);
    assert_int_equal(run->invocation_count, 4);
    run_data_free(run);
}

static void every_record_lands_in_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *file, *row;
    } rows[] = {
        {"files/iterations.csv",
         "\nchore:size=8192/steady:mode=fast/heap=none/threads=1,0,0,5000,"},
        {"files/pauses.csv", "threads=1,0,-1,full,100,50,\n"},
        {"files/collections.csv", "threads=1,0,0,full,100,1000,,,8192,4096,1000,,\n"},
        {"files/latency.csv", "threads=1,0,simple,10,20,3\n"},
        {"files/metrics.csv", "threads=1,0,fake_share,ratio,lower,0.25\n"},
        {"files/memory.csv", "threads=1,0,"},
    };
    static const char quiet_row[] =
        ",size=8192,steady,\"speed=5,mode=fast\",,,1,0,0,3,ok,,fake,5000,";
    static const char noisy_row[] =
        ",size=8192,steady,\"speed=5,mode=fast\",,,1,0,0,3,ok,,fake noisy,5000,";
    static char text[65536];
    process_run(&p, "run --workload chore:size=8K --backend steady:mode=fast --invocations 1 "
                    "--order-seed 3 --out @/files");
    assert_exit_code(&p, CMD_DONE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        process_read_file(process_path(rows[i].file), text, sizeof text);
        assert_contains(text, rows[i].row);
    }
    process_read_file(process_path("files/invocations.csv"), text, sizeof text);
    assert_contains(text, strstr(text, noisy_row) ? noisy_row : quiet_row);
}

static void a_runner_that_marks_nothing_for_valgrind_is_skipped(void **state)
{
    (void)state;
    if (system("valgrind --version >/dev/null 2>&1") != 0) {
        print_message("skipped: valgrind is missing: apt-get install valgrind\n");
        skip();
    }
    process_run(&p, "run --workload chore --backend steady --invocations 1 --instructions=2 "
                    "--out @/unmarked");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err, "chore/steady/heap=none/threads=1: no instruction counts: no client "
                           "requests of callgrind in the runner of steady");
    struct run_data *run = loaded_run("unmarked");
    assert_int_equal(run->invocation_count, 2);
    int64_t none = run_data_invocation(run, "chore/steady/heap=none/threads=1", -100001);
    assert_true(none >= 0);
    assert_int_equal(run->invocations[none].status, RUN_SKIPPED);
    assert_string_equal(run->invocations[none].flags, "instructions");
    run_data_free(run);
}

/* What a probe runner sends besides is not taken, and a backend without one says so. */
static void probes_from_elsewhere_are_held_to_their_columns(void **state)
{
    (void)state;
    static char text[65536];
    process_run(&p, "run --workload chore --backend probed --backend steady --invocations 1 "
                    "--probe 1 --order-seed 3 --out @/probed");
    assert_exit_code(&p, CMD_DONE);
    assert_contains(p.err,
                    "chore/steady/heap=none/threads=1: no probes: no probe runner for steady");
    struct run_data *run = loaded_run("probed");
    assert_int_equal(run->invocation_count, 4);
    int64_t probe = run_data_invocation(run, "chore/probed/heap=none/threads=1", -1);
    int64_t none = run_data_invocation(run, "chore/steady/heap=none/threads=1", -1);
    assert_true(probe >= 0 && none >= 0);
    assert_int_equal(run->invocations[probe].status, RUN_OK);
    assert_string_equal(run->invocations[probe].flags, "probe fake");
    assert_true(run->invocations[probe].has_checksum);
    for (size_t i = 0; i < run->metric_count; i++) {
        double value;
        if (run_data_value(run, (size_t)probe, i, &value))
            fail_msg("the probe has %s", run->metrics[i].name);
    }
    assert_int_equal(run->invocations[none].status, RUN_SKIPPED);
    assert_string_equal(run->invocations[none].flags, "probe");
    run_data_free(run);
    static const char *const files[] = {"iterations", "pauses", "collections",
                                        "latency",    "memory", "metrics"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64];
        snprintf(name, sizeof name, "probed/%s.csv", files[i]);
        process_read_file(process_path(name), text, sizeof text);
        assert_contains(text, "\nchore/probed/heap=none/threads=1,0,");
        assert_null(strstr(text, "threads=1,-1,"));
    }
}

static void what_outlives_a_runner_does_not_hold_up_the_run(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend daemon --invocations 2 --timeout 60 "
                    "--out @/daemon");
    assert_exit_code(&p, CMD_DONE);
}

static void an_interrupted_run_keeps_what_was_measured(void **state)
{
    (void)state;
    /* With this seed the steady one comes first; the other one is running when the signal comes. */
    pid_t pid = process_start("run --workload chore --backend steady --backend sleeper "
                              "--invocations 3 --timeout 100 --order-seed 2 --out @/interrupted");
    static char text[65536];
    unsigned tries = 0;
    do {
        poll(NULL, 0, 20);
        process_read_file(process_path("interrupted/memory.csv"), text, sizeof text);
        process_read_file(process_path("interrupted/invocations.csv"), text, sizeof text);
    } while (!strstr(text, "chore/steady/heap=none/threads=1,chore") && ++tries < 250);
    assert_refused("run --workload chore --backend steady --backend sleeper --order-seed 2 "
                   "--invocations 3 --resume --out @/interrupted",
                   CMD_USAGE, "is being written by another gcmeter");
    kill(pid, SIGINT);
    process_wait(&p, pid);
    assert_exit_code(&p, CMD_INTERRUPTED);
    assert_contains(p.err, "the same command with --resume --out ");
    struct run_data *run = loaded_run("interrupted");
    assert_int_equal(run->invocation_count, 1);
    assert_status(run, "steady", RUN_OK, "");
    assert_null(run_data_cell(run, "chore/sleeper/heap=none/threads=1"));
    run_data_free(run);
}

/* Within the 2 s in which a runner that took too long may end by itself, or, on a slow machine, at
 * another time. */
static void a_signal_interrupts_while_a_runner_is_being_ended(void **state)
{
    (void)state;
    pid_t pid = process_start("run --workload chore --backend hang --invocations 20 --timeout 1 "
                              "--out @/ending");
    poll(NULL, 0, 1800);
    kill(pid, SIGINT);
    process_wait(&p, pid);
    assert_exit_code(&p, CMD_INTERRUPTED);
}

/* The second one of each is no reason to leave what the first one began. */
static void signals_that_come_twice_interrupt_once(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        char arguments[160], name[32];
        snprintf(name, sizeof name, "twice%zu", i);
        snprintf(arguments, sizeof arguments,
                 "run --quiet --workload chore --backend steady --backend sleeper --invocations 3 "
                 "--order-seed 2 --out @/%s",
                 name);
        pid_t pid = process_start(arguments);
        static char text[65536];
        snprintf(arguments, sizeof arguments, "%s/invocations.csv", name);
        for (int tries = 0; tries < 1000; tries++) {
            process_read_file(process_path(arguments), text, sizeof text);
            if (strstr(text, "threads=1,chore"))
                break;
            poll(NULL, 0, 10);
        }
        kill(pid, signals[i]);
        kill(pid, signals[1 - i]);
        kill(pid, signals[i]);
        process_wait(&p, pid);
        assert_exit_code(&p, CMD_INTERRUPTED);
        struct run_data *run = loaded_run(name);
        assert_int_equal(run->invocation_count, 1);
        assert_status(run, "steady", RUN_OK, "");
        run_data_free(run);
    }
}

static int count_stop(void *data, size_t invocation, const struct csv_row *row)
{
    (void)invocation;
    (void)row;
    ++*(unsigned *)data;
    return 0;
}

static void full_pipes_are_emptied(void **state)
{
    (void)state;
    process_run(&p, "run --quiet --workload chore --backend chatty --invocations 1 --out @/chatty");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("chatty");
    struct csv_error error;
    unsigned count = 0;
    assert_status(run, "chatty", RUN_OK, "");
    assert_int_equal(run_data_each(run, SCHEMA_FILE_PAUSES, count_stop, &count, &error), 0);
    assert_int_equal(count, 20 * 500 + 1);
    run_data_free(run);
}

static void an_older_library_is_skipped_with_its_reason(void **state)
{
    (void)state;
    process_run(&p, "run --workload chore --backend steady --backend older --invocations 1 "
                    "--out @/older");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run("older");
    assert_status(run, "older", RUN_SKIPPED, "headers of 8.2, library 8.0: build again");
    run_data_free(run);
}

/* The order of a run's rows: "BACKEND invocation order" per line. */
static void read_rows(const char *name, char *text, size_t bytes)
{
    struct run_data *run = loaded_run(name);
    size_t length = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        length += (size_t)snprintf(text + length, bytes - length, "%s %d %d\n",
                                   run->cells[invocation->cell].key, (int)invocation->number,
                                   (int)invocation->order);
    }
    run_data_free(run);
}

static void a_resumed_run_is_the_one_that_was_not_interrupted(void **state)
{
    (void)state;
    static const char cells[] = "run --workload chore --workload chore:size=8K --backend steady "
                                "--backend steady:mode=fast --backend no_library --invocations 3";
    static char whole[4096], resumed[4096];
    char arguments[512];
    snprintf(arguments, sizeof arguments, "%s --order-seed 6 --out @/whole", cells);
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    /* Missing folder: it starts the run. */
    snprintf(arguments, sizeof arguments, "%s --order-seed 6 --resume --out @/resumed", cells);
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    /* As if it had been killed in the middle of writing. */
    static char text[65536];
    const char *path = process_path("resumed/invocations.csv");
    process_read_file(path, text, sizeof text);
    const char *cut = text;
    for (int line = 0; line < 9; line++)
        cut = strchr(cut, '\n') + 1;
    assert_int_equal(truncate(path, cut - text + 20), 0);
    snprintf(arguments, sizeof arguments, "%s --resume --out @/resumed", cells);
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    read_rows("whole", whole, sizeof whole);
    read_rows("resumed", resumed, sizeof resumed);
    assert_string_equal(resumed, whole);
    /* What is derived is that of the whole run: the times are the runner's own, always the same. */
    process_read_file(process_path("whole/lbo.csv"), whole, sizeof whole);
    process_read_file(process_path("resumed/lbo.csv"), resumed, sizeof resumed);
    assert_contains(whole, ",wall,chore/steady/heap=none/threads=1,3,0,5000,");
    assert_string_equal(resumed, whole);
    process_read_file(process_path("resumed/latency.csv"), text, sizeof text);
    size_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 1 + 12);
    struct run_data *run = loaded_run("resumed");
    assert_non_null(run_data_key(run, "resume_1_date"));
    assert_non_null(run_data_key(run, "resume_1_end_date"));
    run_data_free(run);
    assert_refused("run --workload chore --backend steady --seed 2 --resume --out @/resumed",
                   CMD_USAGE, "was measured with seed 1, not 2");
    assert_refused("run --workload chore --backend steady --order-seed 2 --resume --out @/resumed",
                   CMD_USAGE, "was measured with order_seed 6, not 2");
    assert_refused("run --workload chore --backend steady --resume", CMD_USAGE,
                   "--resume needs --out");
}

/* A cap of the test's own, since that of the command is 75 % of the machine. */
static void a_runner_over_the_memory_cap_is_ended_as_oom(void **state)
{
    (void)state;
    struct catalog_workload workload = {.name = (char[]){"chore"}};
    struct workload_spec spec = {.workload = &workload, .params_text = (char[]){""}};
    char path[256];
    snprintf(path, sizeof path, "%s", process_path("gcmeter-run-glutton"));
    struct catalog_runner runner = {.path = path};
    struct variant variant = {.runner = &runner, .options_text = (char[]){""}};
    struct plan_cell cell = {
        .key = (char[]){"chore/glutton"}, .workload = &spec, .variant = &variant, .threads = 1};
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &old);
    struct invocation_options options = {.iterations = 1,
                                         .timeout_s = 100,
                                         .memory_cap_bytes = 64 << 20,
                                         .signal_fd =
                                             signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    struct invocation_sink sink = {0};
    struct invocation_result result;
    invocation_run(&result, &cell, 100, &options, &sink);
    assert_int_equal(result.status, INVOCATION_OOM);
    assert_contains(result.detail, "resident memory passed 64 MiB");
    assert_non_null(result.metrics[SCHEMA_INVOCATIONS_rss_mean_bytes]);
    invocation_result_free(&result);
    close(options.signal_fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(int argc, char **argv)
{
    const char *base = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    const char prefix[] = "gcmeter-run-";
    if (!strncmp(base, prefix, sizeof prefix - 1))
        return act_as_runner(base + sizeof prefix - 1, argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_are_told_apart_and_the_rest_is_measured),
        cmocka_unit_test(out_of_memory_is_a_result_of_a_backend_that_never_frees),
        cmocka_unit_test(checksums_must_agree),
        cmocka_unit_test(what_cannot_run_is_listed_and_skipped_with_the_reason),
        cmocka_unit_test(what_was_skipped_is_measured_once_it_can_be),
        cmocka_unit_test(what_cannot_be_resumed_is_told),
        cmocka_unit_test(every_record_lands_in_its_file),
        cmocka_unit_test(a_runner_that_marks_nothing_for_valgrind_is_skipped),
        cmocka_unit_test(probes_from_elsewhere_are_held_to_their_columns),
        cmocka_unit_test(what_outlives_a_runner_does_not_hold_up_the_run),
        cmocka_unit_test(an_interrupted_run_keeps_what_was_measured),
        cmocka_unit_test(a_signal_interrupts_while_a_runner_is_being_ended),
        cmocka_unit_test(signals_that_come_twice_interrupt_once),
        cmocka_unit_test(full_pipes_are_emptied),
        cmocka_unit_test(an_older_library_is_skipped_with_its_reason),
        cmocka_unit_test(a_resumed_run_is_the_one_that_was_not_interrupted),
        cmocka_unit_test(a_runner_over_the_memory_cap_is_ended_as_oom),
    };
    return cmocka_run_group_tests(tests, make_runners, process_teardown);
}
