/* Stops and stalls of real runners: stops that outlive a crash, a stop planted inside the
 * collector, a pause of the process that is none, and probe invocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/event_file.h"
#include "data/run_data.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "gcmeter_process.h"
#include "loaded_run.h"

#define PLANTED_NS INT64_C(5000000)

static struct process p;

static double value_of(const struct run_data *run, size_t invocation, const char *metric)
{
    double value;
    int index = run_data_metric(run, metric);
    assert_true(index >= 0);
    if (!run_data_value(run, invocation, (size_t)index, &value))
        fail_msg("%s of invocation %zu is empty", metric, invocation);
    return value;
}

static bool is_built(const char *backend)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%.*s/gcmeter-run-%s",
             (int)(strrchr(process_program, '/') - process_program), process_program, backend);
    return access(path, X_OK) == 0;
}

/* Collectors of which stops are known. libgc does not run under ThreadSanitizer. */
static const char *const collectors[] = {"marksweep", "boehm"};
enum { COLLECTORS = sizeof collectors / sizeof collectors[0] };

static bool is_sanitized(void)
{
    const char *sanitizer = getenv("GCMETER_SAN");
    return sanitizer && *sanitizer;
}

static bool is_usable(const char *backend)
{
    const char *sanitizer = getenv("GCMETER_SAN");
    bool is_alien = strcmp(backend, "boehm") == 0 || strcmp(backend, "mimalloc") == 0;
    return is_built(backend) && !(is_alien && sanitizer && strstr(sanitizer, "thread"));
}

/* Rows of a file of the run, all of which must be committed and of sane times, each starting no
 * earlier than the one before. */
struct rows {
    int64_t from_ns; /* earlier ones are not counted */
    bool spans_from; /* one began before that and ended after it */
    uint64_t count;
    int64_t start_ns; /* of the last */
    int64_t first_start_ns, first_duration_ns;
    int64_t longest_ns;
};

static int take_pause(void *data, size_t invocation, const struct csv_row *row)
{
    struct rows *rows = data;
    int64_t start_ns, duration_ns;
    (void)invocation;
    assert_string_equal(row->text[SCHEMA_PAUSES_thread], "-1");
    assert_int_equal(csv_row_int(row, SCHEMA_PAUSES_start_ns, &start_ns), 1);
    assert_int_equal(csv_row_int(row, SCHEMA_PAUSES_duration_ns, &duration_ns), 1);
    assert_true(start_ns >= rows->start_ns && duration_ns > 0);
    rows->start_ns = start_ns;
    if (start_ns < rows->from_ns) {
        rows->spans_from |= start_ns + duration_ns >= rows->from_ns;
        return 0;
    }
    if (rows->count++ == 0) {
        rows->first_start_ns = start_ns;
        rows->first_duration_ns = duration_ns;
    }
    if (duration_ns > rows->longest_ns)
        rows->longest_ns = duration_ns;
    return 0;
}

static int take_collection(void *data, size_t invocation, const struct csv_row *row)
{
    struct rows *rows = data;
    int64_t number, start_ns, mark_ns, sweep_ns;
    (void)invocation;
    assert_int_equal(csv_row_int(row, SCHEMA_COLLECTIONS_collection, &number), 1);
    assert_int_equal(csv_row_int(row, SCHEMA_COLLECTIONS_start_ns, &start_ns), 1);
    assert_int_equal(csv_row_int(row, SCHEMA_COLLECTIONS_mark_ns, &mark_ns), 1);
    assert_int_equal(csv_row_int(row, SCHEMA_COLLECTIONS_sweep_ns, &sweep_ns), 1);
    assert_int_equal(number, rows->count++);
    assert_true(start_ns >= rows->start_ns && mark_ns > 0 && sweep_ns > 0);
    rows->start_ns = start_ns;
    return 0;
}

static struct rows read_rows(const struct run_data *run, enum schema_file_id file,
                             run_row_function *take)
{
    struct rows rows = {0};
    struct csv_error error;
    if (run_data_each(run, file, take, &rows, &error))
        fail_msg("%s", error.text);
    return rows;
}

/* A child of the process, or 0. */
static pid_t child_of(pid_t parent)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    process_read_file(path, text, sizeof text);
    return (pid_t)atol(text);
}

/* Stops that the runner has logged so far in the log that it shares with gcmeter. */
static uint64_t logged_stops(pid_t runner)
{
    char path[64], file[PATH_MAX] = "";
    uint64_t count = 0;
    /* A process that is not yet the runner, or one that is only asked what it is, has another file
     * there: a sanitizer its own map of memory. */
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)runner, CHILD_EVENT_LOG_FD);
    if (readlink(path, file, sizeof file - 1) < 0 || !strstr(file, "gcmeter events"))
        return 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    if (pread(fd, &count, sizeof count, offsetof(struct event_file_header, stops_count)) < 0)
        count = 0;
    close(fd);
    return count;
}

/* Starts a run that lasts until it is killed, kills the runner by the signal when it has logged
 * some stops, and finds them all in the run. */
static void crash_and_count(const char *backend, int signal_number)
{
    /* More than there can be before the measured part. */
    enum { ENOUGH = 20 };
    char arguments[512], name[64];
    snprintf(name, sizeof name, "crash-%s-%d", backend, signal_number);
    snprintf(arguments, sizeof arguments,
             "run --workload cyclic_graph --backend %s --heap 3xlive --warmup 0 "
             "--iterations 1000000 --invocations 1 --timeout 1000 --out @/%s",
             backend, name);
    pid_t driver = process_start(arguments);
    pid_t runner = 0;
    uint64_t logged_count = 0;
    for (unsigned tries = 0; logged_count < ENOUGH && tries < 60000; tries++) {
        poll(NULL, 0, 5);
        runner = child_of(driver);
        logged_count = runner > 0 ? logged_stops(runner) : 0;
        if (waitpid(driver, NULL, WNOHANG) != 0)
            fail_msg("the run of %s ended by itself", backend);
    }
    assert_true(logged_count >= ENOUGH);
    assert_int_equal(kill(runner, signal_number), 0);
    process_wait(&p, driver);
    assert_exit_code(&p, CMD_FAILED);

    struct run_data *run = loaded_run(name);
    assert_int_equal(run->invocation_count, 1);
    assert_int_equal(run->invocations[0].status, RUN_CRASHED);
    struct rows pauses = read_rows(run, SCHEMA_FILE_PAUSES, take_pause);
    struct rows collections = read_rows(run, SCHEMA_FILE_COLLECTIONS, take_collection);
    assert_true(pauses.count >= logged_count);
    /* The last collection may have been cut off after its stop. */
    assert_true(collections.count >= logged_count - 1);
    run_data_free(run);
}

static void stops_outlive_a_crash(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLLECTORS; i++) {
        if (!is_usable(collectors[i]))
            continue;
        /* A sanitizer would wait for a system call before it looks at the first. */
        if (!is_sanitized())
            crash_and_count(collectors[i], SIGSEGV);
        crash_and_count(collectors[i], SIGKILL);
    }
}

/* The first stop of the measured part is as long as was planted, and is told to be; the operation
 * in which it fell took as long. */
static void a_stop_planted_in_the_collector_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLLECTORS; i++) {
        char arguments[256], name[64];
        if (!is_usable(collectors[i]))
            continue;
        snprintf(name, sizeof name, "planted-%s", collectors[i]);
        snprintf(
            arguments, sizeof arguments,
            "run --workload cyclic_graph --backend %s --heap 3xlive --invocations 1 --out @/%s",
            collectors[i], name);
        setenv("GCMETER_TEST_STOP_NS", "5000000", 1);
        process_run(&p, arguments);
        unsetenv("GCMETER_TEST_STOP_NS");
        assert_exit_code(&p, CMD_DONE);
        struct run_data *run = loaded_run(name);
        struct rows pauses = read_rows(run, SCHEMA_FILE_PAUSES, take_pause);
        assert_true(run_invocation_has_flag(&run->invocations[0], "planted_stop"));
        assert_true(pauses.first_duration_ns >= PLANTED_NS);
        assert_true(value_of(run, 0, "pause_max_ns") == (double)pauses.longest_ns);
        assert_true(value_of(run, 0, "pause_count") == (double)pauses.count);
        assert_true(value_of(run, 0, "latency_max_ns") >= (double)PLANTED_NS);
        run_data_free(run);
    }
}

/* What is due: half a second of requests, as many as an idle machine keeps up with. */
struct schedule {
    int64_t rate_per_s;
    int64_t requests;
};

static const struct schedule first_schedule = {20000, 10000};

/* At fewer, hardly any is due in a stop. */
enum { LEAST_RATE_PER_S = 1000, LONGEST_SCHEDULE_S = 64 };

/* Twice as long, at half the rate as long as there is one: a busy machine, a sanitizer or gcov may
 * not keep up with more. */
static struct schedule longer(struct schedule schedule)
{
    if (schedule.rate_per_s / 2 >= LEAST_RATE_PER_S)
        schedule.rate_per_s /= 2;
    else
        schedule.requests *= 2;
    assert_true(schedule.requests <= LONGEST_SCHEDULE_S * schedule.rate_per_s);
    return schedule;
}

static int64_t least_waits(struct schedule schedule)
{
    return PLANTED_NS / 2 * schedule.rate_per_s / 1000000000 - 1;
}

/* Whether there is a workload whose requests are due on a schedule. */
static bool has_open_loop(void)
{
    process_run(&p, "list workloads --csv");
    return strstr(p.out, "http_server") != NULL;
}

/* Requests of the series `open` that waited for at least `least_ns`. */
struct waits {
    int64_t least_ns;
    int64_t count;
};

static int take_wait(void *data, size_t invocation, const struct csv_row *row)
{
    struct waits *waits = data;
    int64_t low_ns, count;
    (void)invocation;
    assert_int_equal(csv_row_int(row, SCHEMA_LATENCY_low_ns, &low_ns), 1);
    assert_int_equal(csv_row_int(row, SCHEMA_LATENCY_count, &count), 1);
    if (!strcmp(row->text[SCHEMA_LATENCY_series], "open") && low_ns >= waits->least_ns)
        waits->count += count;
    return 0;
}

/* A run in which a stop was planted from the middle of the schedule on; NULL where it may have come
 * before the first request was due, or after the last, or may be one that had begun before. */
static struct run_data *run_with_stop_among_requests(const char *collector,
                                                     struct schedule schedule)
{
    char arguments[512], name[64], after[32];
    int64_t schedule_ns = schedule.requests * 1000000000 / schedule.rate_per_s;
    snprintf(name, sizeof name, "open-%s-%" PRId64, collector, schedule_ns);
    snprintf(after, sizeof after, "%" PRId64, schedule_ns / 2);
    snprintf(arguments, sizeof arguments,
             "run --workload http_server:rate=%" PRId64 ",requests=%" PRId64
             " --backend %s --heap 3xlive "
             "--invocations 1 --out @/%s",
             schedule.rate_per_s, schedule.requests, collector, name);
    setenv("GCMETER_TEST_STOP_NS", "5000000", 1);
    setenv("GCMETER_TEST_STOP_AFTER_NS", after, 1);
    process_run(&p, arguments);
    unsetenv("GCMETER_TEST_STOP_AFTER_NS");
    unsetenv("GCMETER_TEST_STOP_NS");
    assert_exit_code(&p, CMD_DONE);
    struct run_data *run = loaded_run(name);
    struct rows pauses = {.from_ns = schedule_ns / 2};
    struct csv_error error;
    if (run_data_each(run, SCHEMA_FILE_PAUSES, take_pause, &pauses, &error))
        fail_msg("%s", error.text);
    /* The schedule cannot begin later than its length before the end, nor before the measured part.
     */
    double latest_begin_ns =
        value_of(run, 0, "wall_ns") - (double)schedule_ns + 1e9 / (double)schedule.rate_per_s;
    if (!pauses.spans_from && pauses.count > 0 && (double)pauses.first_start_ns > latest_begin_ns &&
        pauses.first_start_ns + pauses.first_duration_ns < schedule_ns) {
        assert_true(pauses.first_duration_ns >= PLANTED_NS);
        return run;
    }
    run_data_free(run);
    return NULL;
}

/* Every request that was due in a stop has waited for what was left of it: of those due in the
 * first half of one of 5 ms, each for 2.5 ms and more (less the width of a bucket). */
static void requests_due_in_a_planted_stop_wait_for_its_end(void **state)
{
    (void)state;
    if (!has_open_loop()) {
        print_message("skipped: no workload runs in an open loop\n");
        skip();
    }
    for (size_t i = 0; i < COLLECTORS; i++) {
        struct schedule schedule = first_schedule;
        if (!is_usable(collectors[i]))
            continue;
        struct run_data *run = run_with_stop_among_requests(collectors[i], schedule);
        while (!run) {
            schedule = longer(schedule);
            run = run_with_stop_among_requests(collectors[i], schedule);
        }
        struct waits waits = {.least_ns = PLANTED_NS / 2 - PLANTED_NS / 512};
        struct csv_error error;
        if (run_data_each(run, SCHEMA_FILE_LATENCY, take_wait, &waits, &error))
            fail_msg("%s", error.text);
        assert_true(waits.count >= least_waits(schedule));
        assert_true(value_of(run, 0, "open_max_ns") >= (double)PLANTED_NS * 0.98);
        run_data_free(run);
    }
}

static void what_is_no_length_of_a_stop_is_refused(void **state)
{
    (void)state;
    setenv("GCMETER_TEST_STOP_NS", "5ms", 1);
    process_run(&p, "run --workload nothing --backend malloc --invocations 1 --out @/no_length");
    unsetenv("GCMETER_TEST_STOP_NS");
    assert_exit_code(&p, CMD_FAILED);
    assert_contains(p.err, "GCMETER_TEST_STOP_NS=5ms in the environment: not an integer");
}

/* What a runner wrote until it closed its end: a collector may stop some thousand times, each a row
 * of two files. */
static char records[1 << 24];

/* When the process of these records was stopped from outside. */
static int64_t stopped_from_outside_ns;

static size_t used;

/* False: its end is closed. */
static bool read_some(int fd)
{
    assert_true(used < sizeof records - 1);
    ssize_t got = read(fd, records + used, sizeof records - used - 1);
    if (got <= 0)
        return false;
    used += (size_t)got;
    records[used] = '\0';
    return true;
}

static int64_t number_after(const char *start)
{
    const char *found = strstr(records, start);
    if (!found)
        fail_msg("no record %s in: %.500s", start, records);
    return strtoll(found + strlen(start), NULL, 10);
}

/* Until the process has computed for 10 ms more, or has ended: `begin` is written before the first
 * operation begins. What it writes is read meanwhile, as one that waits for that would do neither.
 */
static void let_it_compute(pid_t pid, int fd)
{
    clockid_t clock;
    siginfo_t info = {.si_pid = 0};
    assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
    int64_t until_ns = clock_read_ns(clock) + 10000000;
    while (clock_read_ns(clock) < until_ns && info.si_pid == 0) {
        struct pollfd end = {.fd = fd, .events = POLLIN};
        if (poll(&end, 1, 1) == 1 && !read_some(fd))
            poll(NULL, 0, 1);
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    }
}

/* Stops the whole process from outside for 5 ms, in the middle of its measured part. False: that
 * was over too soon. */
static bool stop_from_outside(const char *backend, char *workload, char *params)
{
    char path[PATH_MAX + 64], records_fd[16];
    int ends[2], status;
    snprintf(path, sizeof path, "%.*s/gcmeter-run-%s",
             (int)(strrchr(process_program, '/') - process_program), process_program, backend);
    assert_int_equal(pipe(ends), 0);
    /* A runner that held it would write for ever where nobody reads. */
    assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    snprintf(records_fd, sizeof records_fd, "%d", ends[1]);
    char *argv[] = {path,
                    (char[]){"--run"},
                    (char[]){"--workload"},
                    workload,
                    (char[]){"--params"},
                    params,
                    (char[]){"--warmup"},
                    (char[]){"0"},
                    (char[]){"--records"},
                    records_fd,
                    NULL};
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, path, NULL, NULL, argv, environ), 0);
    close(ends[1]);
    records[0] = '\0';
    used = 0;
    while (!strstr(records, "begin,") && read_some(ends[0]))
        continue;
    let_it_compute(pid, ends[0]);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (!WIFSTOPPED(status)) {
        close(ends[0]);
        return false;
    }
    int64_t stopped_ns = clock_now_ns();
    while (clock_now_ns() < stopped_ns + PLANTED_NS)
        poll(NULL, 0, 5);
    kill(pid, SIGCONT);
    while (read_some(ends[0]))
        continue;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    stopped_from_outside_ns = stopped_ns;
    return stopped_ns < number_after("\nend,");
}

/* Nothing is collected there, so that no stop can be hit by chance. */
static void a_stop_from_outside_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLLECTORS; i++) {
        uint64_t operations = 1000000;
        char params[64];
        if (!is_usable(collectors[i]))
            continue;
        do {
            operations *= 2;
            assert_true(operations < UINT64_C(1) << 32);
            snprintf(params, sizeof params, "operations=%" PRIu64, operations);
        } while (!stop_from_outside(collectors[i], (char[]){"nothing"}, params));
        assert_int_equal(number_after("\nmetric,pause_count,"), 0);
        assert_int_equal(number_after("\nmetric,pause_total_ns,"), 0);
        assert_null(strstr(records, "\npause,"));
        assert_true(number_after("\nmetric,latency_max_ns,") >= PLANTED_NS);
    }
}

/* Requests that waited for half of a stop from outside, or longer, on a schedule that is made
 * longer until the stop comes before its end. With few sessions, which are made before the first
 * request is due. */
static int64_t count_waits_in_a_stop(const char *backend, struct schedule *schedule)
{
    int64_t waits_count = 0;
    for (;;) {
        char params[64];
        snprintf(params, sizeof params, "sessions=16,rate=%" PRId64 ",requests=%" PRId64,
                 schedule->rate_per_s, schedule->requests);
        if (stop_from_outside(backend, (char[]){"http_server"}, params) &&
            stopped_from_outside_ns + PLANTED_NS <=
                number_after("\nbegin,") + schedule->requests * 1000000000 / schedule->rate_per_s)
            break;
        *schedule = longer(*schedule);
    }
    static const char start[] = "\nlatency,open,";
    for (const char *row = strstr(records, start); row; row = strstr(row + 1, start)) {
        int64_t low_ns, high_ns, count;
        assert_int_equal(sscanf(row + sizeof start - 1, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &low_ns,
                                &high_ns, &count),
                         3);
        if (low_ns >= PLANTED_NS / 2 - PLANTED_NS / 512)
            waits_count += count;
    }
    return waits_count;
}

static void requests_due_in_a_stop_from_outside_wait_for_its_end(void **state)
{
    (void)state;
    if (!has_open_loop()) {
        print_message("skipped: no workload runs in an open loop\n");
        skip();
    }
    for (size_t i = 0; i < COLLECTORS; i++) {
        if (!is_usable(collectors[i]))
            continue;
        /* A stop may come before the first request is due: then there is another. */
        struct schedule schedule = first_schedule;
        int64_t waits_count = -1;
        for (int attempt = 0; attempt < 5 && waits_count < least_waits(schedule); attempt++)
            waits_count = count_waits_in_a_stop(collectors[i], &schedule);
        assert_true(waits_count >= least_waits(schedule));
        assert_true(number_after("\nmetric,open_max_ns,") >= PLANTED_NS / 100 * 98);
    }
}

/* Of a row, which columns are not empty, as their names joined by blanks. */
static void name_columns(const struct csv_row *row, char *names, size_t bytes)
{
    size_t length = 0;
    names[0] = '\0';
    for (size_t i = 0; i < row->file->column_count; i++)
        if (*row->text[i])
            length += (size_t)snprintf(names + length, bytes - length, "%s%s", length ? " " : "",
                                       row->file->columns[i].name);
}

struct probe_rows {
    unsigned probes_count;
    unsigned others_count;
};

static int take_row(void *data, const struct csv_row *row)
{
    struct probe_rows *rows = data;
    char names[4096];
    name_columns(row, names, sizeof names);
    /* A noisy moment may add another flag. */
    if (strstr(row->text[SCHEMA_INVOCATIONS_flags], "probe") == NULL) {
        rows->others_count++;
        assert_null(strstr(names, "stall_"));
        assert_true(*row->text[SCHEMA_INVOCATIONS_wall_ns] != '\0');
        return 0;
    }
    rows->probes_count++;
    assert_string_equal(row->text[SCHEMA_INVOCATIONS_status], "ok");
    assert_true(*row->text[SCHEMA_INVOCATIONS_invocation] == '-');
    const char *after = strstr(names, " status ");
    assert_non_null(after);
    /* No percentile without enough stalls, no longest one without any. */
    if (strcmp(after, " status flags stall_count stall_total_ns checksum") != 0 &&
        strcmp(after, " status flags stall_count stall_total_ns stall_max_ns checksum") != 0)
        assert_string_equal(
            after, " status flags stall_count stall_total_ns stall_p99_ns stall_max_ns checksum");
    return 0;
}

static int no_probe(void *data, size_t invocation, const struct csv_row *row)
{
    const struct run_data *run = data;
    (void)row;
    assert_false(run_invocation_has_flag(&run->invocations[invocation], "probe"));
    return 0;
}

/* On every backend that is built, flavours too; and compare sees their stalls and nothing else. */
static void probes_fill_their_own_columns_only(void **state)
{
    (void)state;
    static const char *const backends[] = {"marksweep", "boehm",  "boehm:typed=1",
                                           "mimalloc",  "malloc", "nofree"};
    char arguments[512] =
        "run --workload gcbench:long_lived_depth=12,stretch_depth=14,max_depth=10,array=10000 "
        "--invocations 2 --probe 2 --out @/probes";
    unsigned backends_count = 0;
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(backends[i], ":"), backends[i]);
        if (!is_usable(name))
            continue;
        size_t length = strlen(arguments);
        snprintf(arguments + length, sizeof arguments - length, " --backend %s", backends[i]);
        backends_count++;
    }
    process_run(&p, arguments);
    assert_exit_code(&p, CMD_DONE);
    struct probe_rows rows = {0};
    struct csv_error error;
    if (csv_read(process_path("probes/invocations.csv"), &schema_files[SCHEMA_FILE_INVOCATIONS],
                 take_row, &rows, NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(rows.probes_count, 2 * backends_count);
    assert_int_equal(rows.others_count, 2 * backends_count);
    struct run_data *run = loaded_run("probes");
    for (int file = SCHEMA_FILE_ITERATIONS; file < SCHEMA_RUN_FILE_COUNT; file++)
        if (run_data_each(run, (enum schema_file_id)file, no_probe, run, &error))
            fail_msg("%s", error.text);
    run_data_free(run);
    process_run(&p,
                "compare @/probes @/probes --metric stall_total_ns --metric wall_ns --format csv");
    assert_contains(p.out, "stall_total_ns,2,2,");
    assert_contains(p.out, "wall_ns,2,2,");
}

/* A run continued with more of either kind keeps both apart. */
static void a_run_is_continued_with_more_probes(void **state)
{
    (void)state;
    static const char cells[] = "run --workload nothing:operations=1000 --backend malloc "
                                "--order-seed 1 --out @/more";
    static const struct {
        const char *words;
        unsigned others_count, probes_count;
    } steps[] = {{"", 1, 0}, {" --probe 2", 1, 2}, {" --probe 1", 3, 2}, {" --probe 3", 3, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char arguments[512];
        struct probe_rows rows = {0};
        struct csv_error error;
        snprintf(arguments, sizeof arguments, "%s --invocations %u%s%s", cells,
                 steps[i].others_count, steps[i].words, i ? " --resume" : "");
        process_run(&p, arguments);
        assert_exit_code(&p, CMD_DONE);
        if (csv_read(process_path("more/invocations.csv"), &schema_files[SCHEMA_FILE_INVOCATIONS],
                     take_row, &rows, NULL, &error))
            fail_msg("%s", error.text);
        assert_int_equal(rows.others_count, steps[i].others_count);
        assert_int_equal(rows.probes_count, steps[i].probes_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_outlive_a_crash),
        cmocka_unit_test(a_stop_planted_in_the_collector_is_one),
        cmocka_unit_test(requests_due_in_a_planted_stop_wait_for_its_end),
        cmocka_unit_test(what_is_no_length_of_a_stop_is_refused),
        cmocka_unit_test(a_stop_from_outside_is_none),
        cmocka_unit_test(requests_due_in_a_stop_from_outside_wait_for_its_end),
        cmocka_unit_test(probes_fill_their_own_columns_only),
        cmocka_unit_test(a_run_is_continued_with_more_probes),
    };
    return cmocka_run_group_tests(tests, process_setup, process_teardown);
}
