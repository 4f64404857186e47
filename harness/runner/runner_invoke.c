#include "runner_invoke.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errors.h"
#include "base/event_file.h"
#include "base/mapped.h"
#include "dead_stack.h"
#include "flavour.h"
#include "identity.h"
#include "instruction_window.h"
#include "library.h"
#include "measurement.h"
#include "named_values.h"
#include "planted_stop.h"
#include "report.h"
#include "stall_log.h"
#include "team.h"
#include "workload_host.h"

/* All of an invocation, in mapped memory: nothing in it lies in a backend's heap or roots, but for
 * run.roots, which are registered. */
struct invocation {
    struct workload_run run;
    const struct workload *workload;
    uint64_t params[NAMED_VALUES_MAX];
    int64_t options[NAMED_VALUES_MAX];
    int event_log_fd; /* -1: none */
    struct gc_config config;
    struct gc_listener listener;
    struct workload_host host;
    struct team team;
    struct outcome outcome;
    struct planted_stop planted_stop;
    struct instruction_window instruction_window;
    struct measurement measurement;
    struct hiccup_watch *hiccup_watch; /* NULL: it could not be had, or nothing is recorded */
    int64_t own_startup_cpu_ns;        /* what the harness itself used before the backend's start */
    struct perf_counters counters;
    struct record_writer writer;
};

int runner_prepare(const struct command_line *line, const struct workload *workload,
                   struct workload_run *run, uint64_t *params, char *why, size_t why_bytes)
{
    int error = named_values_params(workload, line->params, params, why, why_bytes);
    if (error)
        return error;
    run->params = params;
    run->seed = line->seed;
    run->threads = (unsigned)line->threads;
    const char *refusal = workload->check ? workload->check(run) : NULL;
    if (!refusal)
        return 0;
    snprintf(why, why_bytes, "workload %s: %s", workload->name, refusal);
    return -EINVAL;
}

/* The next two: 0, or -EINVAL with one line in `why`. */
static int check_event_log(const struct command_line *line, char *why, size_t why_bytes)
{
    struct stat status;
    if (line->event_log_fd == COMMAND_LINE_NO_FD)
        return 0;
    int flags = fcntl((int)line->event_log_fd, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDWR &&
        fstat((int)line->event_log_fd, &status) == 0 && status.st_size >= EVENT_FILE_BYTES)
        return 0;
    snprintf(why, why_bytes,
             "--event-log %" PRIu64 ": not an event log (a file of %" PRId64
             " bytes, open for reading and writing)",
             line->event_log_fd, EVENT_FILE_BYTES);
    return -EINVAL;
}

static int check_probe(const struct command_line *line, char *why, size_t why_bytes)
{
    if ((line->probe != 0) == runner_identity.is_probe)
        return 0;
    if (line->probe)
        snprintf(why, why_bytes, "--probe 1: this is not a probe runner");
    else
        snprintf(why, why_bytes,
                 "this probe runner times every allocation, and measures with --probe 1 only");
    return -EINVAL;
}

/* Fills what the command line says. 0, or -EINVAL with one line in `why`. */
static int prepare(struct invocation *v, const struct command_line *line, char *why,
                   size_t why_bytes)
{
    bool given[NAMED_VALUES_MAX];
    int flags = fcntl((int)line->records_fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        snprintf(why, why_bytes, "--records %" PRIu64 ": not open for writing", line->records_fd);
        return -EINVAL;
    }
    int error = check_event_log(line, why, why_bytes);
    if (!error)
        error = check_probe(line, why, why_bytes);
    if (!error)
        error = planted_stop_init(&v->planted_stop, why, why_bytes);
    if (!error)
        error = runner_prepare(line, v->workload, &v->run, v->params, why, why_bytes);
    if (!error)
        error = named_values_options(gc_backend.options, gc_backend.option_count, line->options,
                                     v->options, given, why, why_bytes);
    if (!error)
        error = flavour_apply(runner_flavours(), runner_identity.flavour, gc_backend.options,
                              gc_backend.option_count, v->options, given, why, why_bytes);
    return error;
}

/* What this backend or workload cannot do at all, as one line, or NULL. */
static const char *impossible(const struct command_line *line, const struct workload *workload)
{
    if (line->threads > 1 && !(workload->traits & WORKLOAD_TAKES_THREADS))
        return "the workload runs on one thread only";
    if (line->threads > 1 && !(gc_backend.capabilities & GC_CAN_THREADS))
        return "the backend runs one thread only";
    if (line->heap_limit_bytes > 0 && !(gc_backend.capabilities & GC_CAN_LIMIT_HEAP))
        return "the backend has no heap limit";
    if (workload->traits & WORKLOAD_NEEDS_FINALIZERS &&
        !(gc_backend.capabilities & GC_CAN_FINALIZE))
        return "the workload needs finalizers, which the backend does not have";
    if (workload->traits & WORKLOAD_NEEDS_WEAK && !(gc_backend.capabilities & GC_CAN_WEAK))
        return "the workload needs weak references, which the backend does not have";
    return NULL;
}

static void out_of_memory(void *data, size_t bytes)
{
    struct invocation *v = data;
    char wanted[48] = "attach a thread", detail[128];
    uint64_t limit =
        v->config.heap_limit_bytes ? v->config.heap_limit_bytes : v->config.memory_cap_bytes;
    struct rlimit addresses;
    bool few_addresses = getrlimit(RLIMIT_AS, &addresses) == 0 &&
                         addresses.rlim_cur != RLIM_INFINITY &&
                         (!limit || addresses.rlim_cur < limit);
    if (few_addresses)
        limit = addresses.rlim_cur;
    if (bytes > 0)
        snprintf(wanted, sizeof wanted, "allocate %zu bytes", bytes);
    if (limit)
        snprintf(detail, sizeof detail, "cannot %s within %" PRIu64 " bytes%s", wanted, limit,
                 few_addresses ? " of addresses" : "");
    else
        snprintf(detail, sizeof detail, "cannot %s", wanted);
    outcome_exit(&v->outcome, "oom", detail);
}

static void listen_stop(void *data, const struct gc_stop *stop)
{
    struct invocation *v = data;
    instruction_window_end_stop(&v->instruction_window);
    if (v->measurement.is_recording)
        event_log_stop(&v->measurement.events, stop);
}

static void listen_collection(void *data, const struct gc_collection *collection)
{
    event_log_collection(&((struct invocation *)data)->measurement.events, collection);
}

static void listen_stopped(void *data)
{
    struct invocation *v = data;
    instruction_window_begin_stop(&v->instruction_window);
    planted_stop_wait(&v->planted_stop);
}

/* Ends the process where nobody can read the records. */
static void check_sent(const struct invocation *v, int error)
{
    if (!error)
        return;
    errors_say("cannot write records to descriptor %d: %s", v->writer.fd, strerror(-error));
    _exit(RUNNER_EXIT_RECORDS);
}

static void send_now(struct invocation *v)
{
    check_sent(v, record_flush(&v->writer));
}

static void send_time(struct invocation *v, const char *key, int64_t t_ns)
{
    record_begin(&v->writer, key);
    record_i64(&v->writer, t_ns);
    record_end(&v->writer);
    send_now(v);
}

/* Says on stderr and in the records that the run cannot start. `error` is a negative errno. */
static int give_up(struct invocation *v, const char *what, int error)
{
    char detail[ERRORS_LINE_BYTES];
    bool memory = error == -ENOMEM || error == -EAGAIN;
    snprintf(detail, sizeof detail, "%s: %s", what, strerror(-error));
    errors_say("%s", detail);
    return outcome_send(&v->outcome, memory ? "oom" : "skipped", detail);
}

/* Maps the memory that the harness needs beside *v itself before anything is recorded. */
static int map_memory(struct invocation *v)
{
    struct measurement *m = &v->measurement;
    uint64_t iterations = m->warmup_count + m->iterations_count;
    m->members = mapped_new(v->run.threads * sizeof *m->members);
    m->iterations = mapped_new(iterations * sizeof *m->iterations);
    if (!m->members || !m->iterations)
        return -ENOMEM;
    for (unsigned i = 0; i < v->run.threads; i++) {
        struct team_member *member = &m->members[i];
        member->recorder.host = &v->host;
        if (v->workload->traits & WORKLOAD_IS_REQUESTS) {
            member->recorder.requests = request_recorder_new(
                m->iterations_count, v->host.open_loop.rate_per_s > 0, &v->outcome);
            if (!member->recorder.requests)
                return -ENOMEM;
        }
        member->thread.run = &v->run;
        member->thread.index = i;
        member->thread.recorder = &member->recorder;
    }
    int error = runner_identity.is_probe ? stall_log_init(&v->outcome) : 0;
    return error ? error : event_log_init(&m->events, v->event_log_fd, &v->outcome);
}

/* Nothing is recorded before the workload is set up, and memory that the system has just cleared
 * displaces what the start of the program left in the caches. Where instructions are counted, how
 * often a clock is read by its own time would be counted too. 0 or -ENOMEM. */
static int prepare_recorders(struct invocation *v)
{
    bool has_counter = !instruction_window_is_watched() && operation_clock_has_counter();
    for (unsigned i = 0; i < v->run.threads; i++)
        operation_clock_init(&v->measurement.members[i].recorder.clock, has_counter);
    for (unsigned i = 0; v->measurement.is_recording && i < v->run.threads; i++)
        if (!(v->measurement.members[i].recorder.latency = histogram_new()))
            return -ENOMEM;
    return 0;
}

/* Starts the backend and makes the workload's types and roots known to it. 0, or the exit code. */
static int start_backend(struct invocation *v)
{
    char why[ERRORS_LINE_BYTES] = "";
    struct gc_mutator *mutator = NULL;
    int64_t before_ns = clock_now_ns();
    int error = gc_backend.init(&v->config, &mutator, why, sizeof why);
    if (error == -EINVAL) {
        errors_say("--options: %s", why);
        outcome_send(&v->outcome, "skipped", why);
        return RUNNER_EXIT_USAGE;
    }
    if (error == -ENOTSUP) {
        outcome_send(&v->outcome, "skipped", why);
        return RUNNER_EXIT_STATUS;
    }
    if (error)
        return give_up(v, "the backend does not start", error);
    for (struct gc_type *const *type = v->workload->types; *type && !error; type++)
        error = gc_backend.type_register(*type);
    v->measurement.init_ns = clock_now_ns() - before_ns;
    if (error)
        return give_up(v, "a type of the workload is refused", error);
    error = gc_backend.roots_add(v->run.roots, v->run.roots + WORKLOAD_ROOTS);
    if (error)
        return give_up(v, "the roots of the workload are refused", error);
    v->measurement.members[0].thread.mutator = mutator;
    return 0;
}

static void reset_recorders(struct invocation *v)
{
    for (unsigned i = 0; i < v->run.threads; i++) {
        struct team_member *member = &v->measurement.members[i];
        if (member->recorder.latency)
            histogram_reset(member->recorder.latency);
        if (member->recorder.requests)
            request_recorder_reset(member->recorder.requests);
        member->recorder.clock.error_max_ns = -1;
        member->thread.allocated_bytes = 0;
        member->thread.allocated_count = 0;
    }
}

/* CPU time of the process but for the harness's own thread. That one's clock comes first: while it
 * runs, the process's counts it up to its last tick only, unless its own has been read. */
static int64_t program_cpu_ns(const struct invocation *v)
{
    int64_t own_ns = v->hiccup_watch ? hiccup_watch_cpu_ns(v->hiccup_watch) : 0;
    return clock_cpu_ns() - own_ns;
}

/* Number of an iteration as it is shown: warm-up ones are negative. */
static int64_t shown(const struct measurement *m, uint64_t index)
{
    return (int64_t)index - (int64_t)m->warmup_count;
}

/* Notes which requests belong to measured iteration `index`. */
static void mark_requests(const struct measurement *m, uint64_t index)
{
    for (unsigned i = 0; i < m->run->threads; i++) {
        struct request_recorder *requests = m->members[i].recorder.requests;
        if (requests) {
            request_recorder_settle(requests);
            requests->ends[index] = growable_log_count(&requests->log);
        }
    }
}

/* Runs iterations [first, end) of all, the warm-up ones included. */
static void iterate(struct invocation *v, uint64_t first, uint64_t end)
{
    struct measurement *m = &v->measurement;
    for (uint64_t i = first; i < end; i++) {
        int64_t cpu_ns = program_cpu_ns(v);
        int64_t wall_ns = clock_now_ns();
        uint64_t checksum = team_iterate(&v->team);
        m->iterations[i].wall_ns = clock_now_ns() - wall_ns;
        /* The two clocks in it are read one after the other, so that a short iteration may seem to
         * have taken less than nothing. */
        int64_t used_ns = program_cpu_ns(v) - cpu_ns;
        m->iterations[i].cpu_ns = used_ns > 0 ? used_ns : 0;
        atomic_store_explicit(&v->host.prints, false, memory_order_relaxed);
        if (i >= m->warmup_count)
            mark_requests(m, i - m->warmup_count);
        if (i == 0)
            m->checksum = checksum;
        if (checksum == m->checksum)
            continue;
        char detail[128];
        snprintf(detail, sizeof detail,
                 "checksum of iteration %" PRId64 " is %" PRIu64 ", that of %" PRId64
                 " was %" PRIu64,
                 shown(m, i), checksum, shown(m, 0), m->checksum);
        outcome_exit(&v->outcome, "wrong", detail);
    }
}

/* Usage of the process and, in it, of the harness's own thread. */
struct usage_reading {
    struct process_usage all;
    struct process_usage own;
};

/* What the own thread has used is read from a file, which may take longer than the measured part:
 * so it is read before the beginning and after the end. */
static void read_usage_at_begin(const struct invocation *v, struct usage_reading *reading)
{
    if (v->hiccup_watch)
        hiccup_watch_usage(v->hiccup_watch, &reading->own);
    process_usage_read(&reading->all);
}

static void read_usage_at_end(const struct invocation *v, struct usage_reading *reading)
{
    process_usage_read(&reading->all);
    if (v->hiccup_watch)
        hiccup_watch_usage(v->hiccup_watch, &reading->own);
}

static void end_hiccup_watch(struct invocation *v)
{
    struct measurement *m = &v->measurement;
    if (!v->hiccup_watch)
        return;
    hiccup_watch_stop(v->hiccup_watch);
    m->hiccups = hiccup_watch_hiccups(v->hiccup_watch, &m->hiccup_count);
    m->hiccup_period_ns = hiccup_watch_period_ns(v->hiccup_watch);
}

/* The measured part, between its two records. */
static void measure(struct invocation *v)
{
    struct measurement *m = &v->measurement;
    uint64_t iterations = m->warmup_count + m->iterations_count;
    struct usage_reading begin = {0}, end = {0};
    reset_recorders(v);
    gc_backend.reset_peak();
    gc_backend.stats(&m->stats_begin);
    event_log_clear(&m->events);
    atomic_store_explicit(&v->host.prints, true, memory_order_relaxed);
    m->peak_reset = process_peak_reset() == 0;
    if (m->is_recording)
        backend_metrics_begin(&m->backend_metrics);
    int64_t watch_cpu_ns = v->hiccup_watch ? hiccup_watch_cpu_ns(v->hiccup_watch) : 0;
    perf_counters_start(&v->counters);
    read_usage_at_begin(v, &begin);

    m->begin_ns = clock_now_ns();
    planted_stop_arm(&v->planted_stop, m->begin_ns);
    send_time(v, "begin", m->begin_ns);
    instruction_window_open(&v->instruction_window);
    iterate(v, m->warmup_count, iterations);
    instruction_window_close(&v->instruction_window);
    m->end_ns = clock_now_ns();

    read_usage_at_end(v, &end);
    perf_counters_stop(&v->counters);
    if (v->hiccup_watch)
        m->hiccup_watch_cpu_ns = hiccup_watch_cpu_ns(v->hiccup_watch) - watch_cpu_ns;
    m->rss_peak_bytes = process_peak_bytes();
    gc_backend.stats(&m->stats_end);
    const struct process_usage own = process_usage_between(&begin.own, &end.own);
    const struct process_usage all = process_usage_between(&begin.all, &end.all);
    process_usage_take_off(&m->usage, &all, &own);
    send_time(v, "end", m->end_ns);
    end_hiccup_watch(v);
    for (size_t i = 0; i < v->counters.count; i++)
        m->counters[i] = perf_counters_read(&v->counters, i);
}

/* Keeps the process as the measured part left it until the reader has seen its memory. Once `end`
 * is taken the reader looks at it; once what comes next is taken too, it has done so. */
static void wait_for_sampler(struct invocation *v)
{
    check_sent(v, record_flush_and_wait(&v->writer));
    report_process(&v->writer, &v->measurement);
    check_sent(v, record_flush_and_wait(&v->writer));
}

/* What is known of the invocation before it is measured. */
static void send_flags(struct invocation *v)
{
    report_stop_source(&v->writer);
    if (v->planted_stop.duration_ns > 0) {
        record_begin(&v->writer, "flag");
        record_text(&v->writer, "planted_stop");
        record_end(&v->writer);
    }
}

/* Without recording too: so processes with and without are in step, and can be compared while they
 * take turns (make bench-harness). 0 or -ENOMEM. */
static int measure_observer(struct invocation *v)
{
    struct team_member *member = &v->measurement.members[0];
    if (v->measurement.is_recording)
        return observer_measure(&v->measurement.observer, &member->thread);
    struct histogram *latency = histogram_new();
    if (!latency)
        return -ENOMEM;
    member->recorder.latency = latency;
    int error = observer_measure(&v->measurement.observer, &member->thread);
    member->recorder.latency = NULL;
    histogram_free(latency);
    return error;
}

/* What comes before and after the measured part, in the order of METHODS.md section 1. */
static int run_workload(struct invocation *v)
{
    struct measurement *m = &v->measurement;
    struct workload_thread *main_thread = &m->members[0].thread;
    v->team.workload = v->workload;
    v->team.members = m->members;
    v->team.count = v->run.threads;
    int error = team_start(&v->team);
    if (error)
        return give_up(v, "the worker threads do not start", error);

    if (v->workload->setup)
        v->workload->setup(main_thread);
    m->startup_cpu_ns = program_cpu_ns(v) - v->own_startup_cpu_ns;
    if ((error = prepare_recorders(v)))
        return give_up(v, "memory of the harness", error);
    if (m->is_recording)
        v->hiccup_watch = hiccup_watch_start();
    if ((error = measure_observer(v)))
        return give_up(v, "what recording costs cannot be measured", error);
    dead_stack_clear();
    iterate(v, 0, m->warmup_count);
    if (gc_backend.capabilities & GC_CAN_COLLECT)
        gc_backend.collect(main_thread->mutator);
    send_flags(v);
    measure(v);
    if (!runner_identity.is_probe)
        wait_for_sampler(v);
    if (v->workload->teardown)
        v->workload->teardown(main_thread);
    team_finish(&v->team);
    if (runner_identity.is_probe)
        report_probe(&v->writer, m);
    else
        report_measured(&v->writer, m);
    return outcome_send(&v->outcome, "ok", "");
}

int runner_invoke(const struct command_line *line, const struct workload *workload)
{
    char why[ERRORS_LINE_BYTES];
    int64_t entered_cpu_ns = clock_cpu_ns();
    if (library_check(why, sizeof why)) {
        errors_say("%s", why);
        return RUNNER_EXIT_UNAVAILABLE;
    }
    struct invocation *v = mapped_new(sizeof *v);
    if (!v) {
        errors_say("no memory for the records: %s", strerror(errno));
        return RUNNER_EXIT_UNAVAILABLE;
    }
    v->workload = workload;
    if (prepare(v, line, why, sizeof why)) {
        errors_say("%s", why);
        return RUNNER_EXIT_USAGE;
    }
    bool is_watched = instruction_window_is_watched();
    v->listener = (struct gc_listener){
        .data = v,
        .stop = line->record || is_watched ? listen_stop : NULL,
        .collection = line->record ? listen_collection : NULL,
        .stopped = v->planted_stop.duration_ns > 0 || is_watched ? listen_stopped : NULL,
        .out_of_memory = out_of_memory,
    };
    v->event_log_fd = line->event_log_fd == COMMAND_LINE_NO_FD ? -1 : (int)line->event_log_fd;
    v->config = (struct gc_config){
        .heap_limit_bytes = line->heap_limit_bytes,
        .memory_cap_bytes = line->memory_cap_bytes,
        .threads_count = v->run.threads,
        .option_values = v->options,
        .listener = &v->listener,
    };
    v->measurement.is_recording = line->record;
    v->measurement.workload = workload;
    v->measurement.run = &v->run;
    v->measurement.warmup_count = line->warmup;
    v->measurement.iterations_count = line->iterations;
    /* Where the records have stdout, what the workload prints must not come between them. */
    v->host.print_fd = line->records_fd == STDOUT_FILENO ? STDERR_FILENO : STDOUT_FILENO;
    v->host.outcome = &v->outcome;
    v->host.open_loop.rate_per_s = open_loop_rate(workload, v->params);
    pthread_barrier_init(&v->host.barrier, NULL, v->run.threads);
    record_writer_init(&v->writer, (int)line->records_fd);
    outcome_init(&v->outcome, &v->writer);

    signal(SIGPIPE, SIG_IGN);
    process_volunteer_for_oom();
    record_begin(&v->writer, "hello");
    record_i64(&v->writer, 1);
    record_end(&v->writer);
    send_now(v);
    const char *refusal = impossible(line, workload);
    if (refusal) {
        errors_say("%s", refusal);
        return outcome_send(&v->outcome, "skipped", refusal);
    }
    int error = map_memory(v);
    if (error)
        return give_up(v, "memory of the harness", error);
    /* Before the backend, which may start threads that are to be counted too; but it must find the
     * process without a second thread. */
    if (v->measurement.is_recording)
        perf_counters_open(&v->counters, perf_counter_kinds);
    v->own_startup_cpu_ns = clock_cpu_ns() - entered_cpu_ns;
    int exit_code = start_backend(v);
    if (exit_code)
        return exit_code;
    return run_workload(v);
}
