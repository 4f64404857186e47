#include "driver/invocation.h"

#include "base/clock.h"
#include "data/csv_write.h"
#include "data/mmu.h"
#include "data/trend.h"
#include "driver/callgrind.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/event_rows.h"
#include "driver/runner_env.h"
#include "driver/steal.h"
#include "driver/stop_signals.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a runner may take to end after SIGTERM. */
#define GRACE_NS INT64_C(2000000000)

/* Collections after this many are not shown in memory.csv; collections.csv has them all. */
enum { COLLECTIONS_MAX = 1 << 20 };

/* A backend that only aims at its heap limit may exceed it by one part in this many. */
#define LIMIT_EXCESS_PART 20

/* Why the driver ended the process itself. */
enum reason {
    REASON_NONE,
    REASON_TIMEOUT,
    REASON_MEMORY,
    REASON_GARBAGE,
    REASON_INTERRUPTED, /* from outside; nothing of it counts, whatever was the reason before */
    REASON_SHORTAGE
};

struct heap_point {
    int64_t t_ns; /* from the start of the measured part */
    uint64_t heap_bytes, live_bytes;
};

struct session {
    struct invocation_result *result;
    const struct invocation_options *options;
    const struct invocation_sink *sink;
    struct child child;
    int timer_fd;                   /* ticks when memory is to be sampled */
    struct memory_sampler *sampler; /* NULL: the process was gone before it could be opened */
    struct record_reader *reader;
    int event_log_fd;          /* 0: none */
    uint64_t unreadable_count; /* entries of the event log */
    struct last_line stderr_line;
    bool reaped;
    int wait_status;
    enum reason reason;
    int64_t start_ns;
    int64_t deadline_ns; /* of the time-out, then of the grace period */
    bool killed;
    uint64_t largest_rss_bytes;
    bool has_begun, has_ended;
    bool wrong_clock; /* of begin */
    bool wrong_stop;
    int64_t begin_ns;
    int64_t cpu_at_begin_ns;
    int64_t steal_at_begin_ns, steal_ns;
    struct heap_point *heap_points;
    size_t heap_point_count;
    double *iterations_ns; /* measured ones, in order */
    size_t iteration_count;
    struct stop_log stops;
    bool has_status;
    enum invocation_status status;
    char status_detail[200];
};

const char *invocation_status_word(enum invocation_status status)
{
    static const char *const words[] = {
        [INVOCATION_OK] = "ok",           [INVOCATION_OOM] = "oom",
        [INVOCATION_CRASHED] = "crashed", [INVOCATION_TIMEOUT] = "timeout",
        [INVOCATION_WRONG] = "wrong",     [INVOCATION_SKIPPED] = "skipped",
    };
    return words[status];
}

/* Adds a word to the flags unless it is there. */
static void add_flag(struct invocation_result *result, const char *word)
{
    const char *flags = result->flags ? result->flags : "";
    if (catalog_has_word(flags, word))
        return;
    char *longer = xprintf("%s%s%s", flags, *flags ? " " : "", word);
    free(result->flags);
    result->flags = longer;
}

static void set_metric(struct invocation_result *result, size_t column, char *value)
{
    free(result->metrics[column]);
    result->metrics[column] = value;
}

/* Processes ended by the kernel for want of memory, since boot. */
static uint64_t read_oom_kills(void)
{
    uint64_t kills = 0;
    char line[128];
    FILE *file = fopen("/proc/vmstat", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "oom_kill %" SCNu64, &kills) == 1)
            break;
    if (file)
        fclose(file);
    return kills;
}

static void end_process(struct session *s, enum reason reason, bool gently)
{
    if (s->reason == REASON_NONE || reason == REASON_INTERRUPTED)
        s->reason = reason;
    s->killed = !gently;
    s->deadline_ns = gently ? clock_now_ns() + GRACE_NS : INT64_MAX;
    if (!s->reaped)
        child_signal(&s->child, gently ? SIGTERM : SIGKILL);
}

static void take_begin(struct session *s, const char *time)
{
    s->begin_ns = strtoll(time, NULL, 10);
    if (s->begin_ns < s->start_ns || s->begin_ns > clock_now_ns()) {
        s->wrong_clock = true;
        end_process(s, REASON_GARBAGE, false);
        return;
    }
    s->has_begun = true;
    if (s->sampler)
        memory_sampler_begin(s->sampler);
    s->steal_at_begin_ns = steal_read_ns("/proc/stat");
    s->cpu_at_begin_ns = clock_cpu_ns();
}

static void take_end(struct session *s, const char *time)
{
    if (!s->has_begun)
        return;
    s->has_ended = true;
    s->result->driver_cpu_ns = clock_cpu_ns() - s->cpu_at_begin_ns;
    s->result->measured_ns = strtoll(time, NULL, 10) - s->begin_ns;
    int64_t steal_ns = steal_read_ns("/proc/stat");
    s->steal_ns = steal_ns < 0 ? -1 : steal_ns - s->steal_at_begin_ns;
    if (s->sampler)
        memory_sampler_end(s->sampler);
}

static uint64_t number_or_unknown(const char *text)
{
    return *text ? strtoull(text, NULL, 10) : MEMORY_UNKNOWN;
}

static void take_collection(struct session *s, const struct record *record)
{
    if (s->heap_point_count >= COLLECTIONS_MAX)
        return;
    struct heap_point *point =
        xappend(&s->heap_points, &s->heap_point_count, sizeof *s->heap_points);
    const char *end = record->fields[3];
    point->t_ns = strtoll(*end ? end : record->fields[2], NULL, 10);
    point->heap_bytes = number_or_unknown(record->fields[7]);
    point->live_bytes = number_or_unknown(record->fields[8]);
}

/* Whether an invocation measures one thing only, at a speed that is not the program's. */
static bool is_special(const struct invocation_options *options)
{
    return options->probe || options->instructions || options->beside;
}

static bool is_cpu_time(const char *metric)
{
    return !strcmp(metric, "cpu_user_ns") || !strcmp(metric, "cpu_sys_ns") ||
           !strcmp(metric, "pause_cpu_total_ns");
}

/* Whether a record of such an invocation counts: a probe contributes its stalls and nothing else
 * (METHODS.md section 3), whatever its runner sends, one that takes turns its CPU times, and one
 * that counts instructions not even those. */
static bool is_of_special(const struct session *s, const struct record *record)
{
    const char *name = record->fields[0];
    switch (record->kind) {
    case RECORD_METRIC:
        return (s->options->probe && !strncmp(name, "stall_", 6)) ||
               (s->options->beside && is_cpu_time(name)) || !strcmp(name, "checksum");
    case RECORD_EXTRA:
    case RECORD_ITERATION:
    case RECORD_PAUSE:
    case RECORD_COLLECTION:
    case RECORD_LATENCY:
        return false;
    default:
        return true;
    }
}

/* False: there is no such stop, and the runner is not to be believed. */
static bool take_pause(struct session *s, const struct record *record)
{
    int error =
        stop_log_add(&s->stops, strtoll(record->fields[0], NULL, 10),
                     strtoll(record->fields[2], NULL, 10), strtoll(record->fields[3], NULL, 10));
    if (error == -ENOMEM)
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    if (error) {
        s->wrong_stop = true;
        end_process(s, REASON_GARBAGE, false);
    }
    return !error;
}

static void take_record(void *data, const struct record *record)
{
    struct session *s = data;
    if (is_special(s->options) && !is_of_special(s, record))
        return;
    switch (record->kind) {
    case RECORD_BEGIN:
        take_begin(s, record->fields[0]);
        break;
    case RECORD_END:
        take_end(s, record->fields[0]);
        break;
    case RECORD_FLAG:
        add_flag(s->result, record->fields[0]);
        break;
    case RECORD_METRIC:
        set_metric(
            s->result,
            (size_t)schema_column_index(&schema_files[SCHEMA_FILE_INVOCATIONS], record->fields[0]),
            xstrdup(record->fields[1]));
        break;
    case RECORD_ITERATION:
        if (*record->fields[0] != '-')
            *(double *)xappend(&s->iterations_ns, &s->iteration_count, sizeof *s->iterations_ns) =
                strtod(record->fields[1], NULL);
        break;
    case RECORD_PAUSE:
        if (!take_pause(s, record))
            return;
        break;
    case RECORD_COLLECTION:
        take_collection(s, record);
        break;
    case RECORD_STATUS:
        s->has_status = true;
        for (int i = INVOCATION_OK; i <= INVOCATION_SKIPPED; i++)
            if (!strcmp(record->fields[0], invocation_status_word((enum invocation_status)i)))
                s->status = (enum invocation_status)i;
        snprintf(s->status_detail, sizeof s->status_detail, "%s", record->fields[1]);
        break;
    default:
        break;
    }
    if (s->sink->record)
        s->sink->record(s->sink->data, record);
}

/* Reads what there is. False at the end of the stream. */
static bool drain(struct session *s, int fd)
{
    char bytes[65536];
    /* What was in the pipe when the process ended; what outlived it may not write for ever. */
    for (int reads = 0; reads < 64; reads++) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN;
        if (got == 0)
            return false;
        if (fd == s->child.err_fd) {
            last_line_feed(&s->stderr_line, bytes, (size_t)got);
        } else if (fd == s->child.out_fd) {
            if (s->sink->output)
                s->sink->output(s->sink->data, bytes, (size_t)got);
        } else if (!record_reader_problem(s->reader) &&
                   !record_reader_feed(s->reader, bytes, (size_t)got)) {
            end_process(s, REASON_GARBAGE, false);
        }
        /* One stream that never pauses must not keep the others, nor the clock, waiting. */
        if (!s->reaped)
            return true;
    }
    return true;
}

static void take_signals(struct session *s)
{
    if (stop_signals_take(s->options->signal_fd))
        end_process(s, REASON_INTERRUPTED, false);
    if (!s->reaped && waitpid(s->child.pid, &s->wait_status, WNOHANG) == s->child.pid)
        s->reaped = true;
}

static void take_sample(struct session *s)
{
    uint64_t rss_bytes = s->sampler ? memory_sampler_take(s->sampler) : 0;
    if (rss_bytes > s->largest_rss_bytes)
        s->largest_rss_bytes = rss_bytes;
    if (rss_bytes > s->options->memory_cap_bytes && !s->killed)
        end_process(s, REASON_MEMORY, false);
}

static void set_timer(int fd, int64_t first_ns)
{
    struct itimerspec schedule = {
        .it_value = {first_ns / 1000000000, first_ns % 1000000000},
        .it_interval = {0, MEMORY_SAMPLE_PERIOD_NS},
    };
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &schedule, NULL);
}

static int start_timer(int64_t start_ns)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd >= 0)
        set_timer(fd, start_ns + MEMORY_SAMPLE_PERIOD_NS);
    return fd;
}

/* Puts off the next sample of the measured part where the ones before took too much of it. */
static void pace_samples(struct session *s)
{
    if (!s->has_begun || s->has_ended)
        return;
    int64_t now_ns = clock_now_ns();
    int64_t due_ns =
        memory_sampler_due_ns(s->begin_ns, now_ns, clock_cpu_ns() - s->cpu_at_begin_ns);
    if (due_ns > now_ns + MEMORY_SAMPLE_PERIOD_NS)
        set_timer(s->timer_fd, due_ns);
}

static void watch(struct session *s)
{
    enum { RECORDS, OUTPUT, ERRORS, TIMER, SIGNALS, COUNT };
    struct pollfd polls[COUNT] = {
        [RECORDS] = {s->child.records_fd, POLLIN, 0},   [OUTPUT] = {s->child.out_fd, POLLIN, 0},
        [ERRORS] = {s->child.err_fd, POLLIN, 0},        [TIMER] = {s->timer_fd, POLLIN, 0},
        [SIGNALS] = {s->options->signal_fd, POLLIN, 0},
    };
    /* It may have ended, and its SIGCHLD been read, while the one before was cleaned up. */
    take_signals(s);
    while (!s->reaped) {
        int64_t now_ns = clock_now_ns();
        if (now_ns >= s->deadline_ns)
            end_process(s, REASON_TIMEOUT, s->reason == REASON_NONE);
        int64_t left_ns = s->deadline_ns - now_ns;
        int timeout_ms = left_ns > 1000000000 ? 1000
                         : left_ns < 0        ? 0
                                              : (int)(left_ns / 1000000) + 1;
        if (poll(polls, COUNT, timeout_ms) <= 0)
            continue;
        if (polls[TIMER].revents) {
            uint64_t expirations;
            if (read(polls[TIMER].fd, &expirations, sizeof expirations) > 0) {
                take_sample(s);
                pace_samples(s);
            }
        }
        for (int i = RECORDS; i <= ERRORS; i++)
            if (polls[i].revents && !drain(s, polls[i].fd))
                polls[i].fd = -1;
        if (polls[SIGNALS].revents)
            take_signals(s);
    }
    child_signal(&s->child, SIGKILL);
    for (int i = RECORDS; i <= ERRORS; i++)
        if (polls[i].fd >= 0)
            drain(s, polls[i].fd);
}

static void set_outcome(struct session *s, enum invocation_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set_outcome(struct session *s, enum invocation_status status, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char line[256];
    last_line_get(&s->stderr_line, line);
    s->result->status = status;
    bool add_line = status == INVOCATION_CRASHED && *line;
    snprintf(s->result->detail, sizeof s->result->detail, "%s%s%.*s", text, add_line ? ": " : "",
             add_line ? (int)(sizeof s->result->detail - strlen(text) - 3) : 0, line);
}

static int64_t timeout_ns(const struct invocation_options *options)
{
    return options->timeout_ns ? options->timeout_ns : (int64_t)options->timeout_s * 1000000000;
}

/* A limit that did not hold is one at which the cell does not run. */
static void judge_heap(struct session *s, const struct plan_cell *cell)
{
    const char *peak = s->result->metrics[SCHEMA_INVOCATIONS_heap_peak_bytes];
    uint64_t limit_bytes = cell->heap_limit_bytes;
    if (s->result->status != INVOCATION_OK || !limit_bytes || !peak)
        return;
    uint64_t peak_bytes = strtoull(peak, NULL, 10);
    if (peak_bytes > limit_bytes && peak_bytes - limit_bytes > limit_bytes / LIMIT_EXCESS_PART)
        set_outcome(s, INVOCATION_OOM, "held %s bytes under a limit of %" PRIu64, peak,
                    limit_bytes);
}

static void judge(struct session *s, uint64_t oom_kills)
{
    char size[64];
    snprintf(size, sizeof size, "%.0f MiB", (double)s->options->memory_cap_bytes / 0x1p20);
    bool complete = record_reader_finish(s->reader);
    const char *problem = record_reader_problem(s->reader);
    bool signalled = WIFSIGNALED(s->wait_status);
    int signal_number = signalled ? WTERMSIG(s->wait_status) : 0;
    if (s->reason == REASON_TIMEOUT)
        set_outcome(s, INVOCATION_TIMEOUT, "%s after %.4g s%s",
                    record_reader_done(s->reader) ? "its results were there but it had not ended"
                                                  : "not done",
                    (double)timeout_ns(s->options) / 1e9, s->killed ? ", nor after SIGTERM" : "");
    else if (s->reason == REASON_MEMORY)
        set_outcome(s, INVOCATION_OOM, "resident memory passed %s, 75 %% of what is available",
                    size);
    else if (s->reason == REASON_SHORTAGE)
        set_outcome(s, INVOCATION_CRASHED, "its memory cannot be sampled: %s",
                    strerror(-s->result->shortage));
    else if (s->reason == REASON_GARBAGE)
        set_outcome(s, INVOCATION_CRASHED, "its runner %s",
                    s->wrong_clock  ? "wrote a begin that is not CLOCK_MONOTONIC"
                    : s->wrong_stop ? "wrote a stop of a thread below -1 or without end"
                                    : problem);
    else if (signal_number == SIGKILL && read_oom_kills() > oom_kills)
        set_outcome(s, INVOCATION_OOM, "ended by the kernel for want of memory");
    else if (signalled)
        set_outcome(s, INVOCATION_CRASHED, "SIG%s", sigabbrev_np(signal_number));
    else if (problem || !complete)
        set_outcome(s, INVOCATION_CRASHED, "its runner %s", problem);
    else if (!record_reader_done(s->reader))
        set_outcome(s, INVOCATION_CRASHED, "ended without 'done', exit code %d",
                    WEXITSTATUS(s->wait_status));
    else if (s->status == INVOCATION_OK && WEXITSTATUS(s->wait_status) != 0)
        set_outcome(s, INVOCATION_CRASHED, "exit code %d after status ok",
                    WEXITSTATUS(s->wait_status));
    else if (s->status == INVOCATION_OK && s->unreadable_count > 0)
        set_outcome(s, INVOCATION_CRASHED,
                    "its runner left %" PRIu64 " entries in its event log that cannot be read",
                    s->unreadable_count);
    else if (s->status == INVOCATION_OK && !s->has_ended)
        set_outcome(s, INVOCATION_CRASHED, "status ok without a measured part");
    else
        set_outcome(s, s->status, "%s", s->status == INVOCATION_OK ? "" : s->status_detail);
}

static void complete_metrics(struct session *s)
{
    struct invocation_result *r = s->result;
    if (is_special(s->options))
        return;
    uint64_t mean_bytes = s->sampler ? memory_sampler_mean_bytes(s->sampler) : MEMORY_UNKNOWN;
    if (s->has_begun && mean_bytes != MEMORY_UNKNOWN)
        set_metric(r, SCHEMA_INVOCATIONS_rss_mean_bytes, xprintf("%" PRIu64, mean_bytes));
    if (!s->has_ended)
        return;
    if (!r->metrics[SCHEMA_INVOCATIONS_wall_ns])
        set_metric(r, SCHEMA_INVOCATIONS_wall_ns, xprintf("%" PRId64, r->measured_ns));
    if (!r->metrics[SCHEMA_INVOCATIONS_steal_ns] && s->steal_ns >= 0)
        set_metric(r, SCHEMA_INVOCATIONS_steal_ns, xprintf("%" PRId64, s->steal_ns));
    double wall_ns = strtod(r->metrics[SCHEMA_INVOCATIONS_wall_ns], NULL);
    const char *steal = r->metrics[SCHEMA_INVOCATIONS_steal_ns];
    if (steal && strtod(steal, NULL) > wall_ns * STEAL_SHARE_MAX)
        add_flag(r, "noisy");
    int unsteady = trend_is_unsteady(s->iterations_ns, s->iteration_count);
    if (unsteady < 0)
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    if (unsteady)
        add_flag(r, "unsteady");
    const char *operations = r->metrics[SCHEMA_INVOCATIONS_operations_count];
    if (operations && wall_ns > 0 && !r->metrics[SCHEMA_INVOCATIONS_operations_per_s]) {
        char text[CSV_REAL_BYTES];
        csv_format_real(text, strtod(operations, NULL) * 1e9 / wall_ns);
        set_metric(r, SCHEMA_INVOCATIONS_operations_per_s, xstrdup(text));
    }
}

/* Utilisation is computed here so that no runner needs to, from what it says of its stops: one that
 * cannot see them sends no pause_count. */
static void complete_utilisation(struct session *s)
{
    static const size_t columns[] = {SCHEMA_INVOCATIONS_mmu_1ms, SCHEMA_INVOCATIONS_mmu_10ms,
                                     SCHEMA_INVOCATIONS_mmu_100ms};
    struct invocation_result *r = s->result;
    const char *wall = r->metrics[SCHEMA_INVOCATIONS_wall_ns];
    if (!s->has_ended || !r->metrics[SCHEMA_INVOCATIONS_pause_count])
        return;
    double mmu[MMU_COLUMN_COUNT];
    if (mmu_compute(mmu, NULL, &s->stops, strtoll(wall, NULL, 10), mmu_columns_ns,
                    MMU_COLUMN_COUNT))
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    for (size_t i = 0; i < MMU_COLUMN_COUNT; i++) {
        char text[CSV_REAL_BYTES];
        if (isnan(mmu[i]) || r->metrics[columns[i]])
            continue;
        csv_format_real(text, mmu[i]);
        set_metric(r, columns[i], xstrdup(text));
    }
}

static void emit_memory(struct session *s)
{
    if (!s->has_begun || !s->sampler || !s->sink->memory || is_special(s->options))
        return;
    size_t count;
    const struct memory_sample *samples = memory_sampler_series(s->sampler, &count);
    size_t next = 0;
    uint64_t heap_bytes = MEMORY_UNKNOWN, live_bytes = MEMORY_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        struct memory_sample sample = samples[i];
        sample.t_ns -= s->begin_ns;
        if (sample.t_ns < 0)
            continue;
        for (; next < s->heap_point_count && s->heap_points[next].t_ns <= sample.t_ns; next++) {
            heap_bytes = s->heap_points[next].heap_bytes;
            live_bytes = s->heap_points[next].live_bytes;
        }
        s->sink->memory(s->sink->data, &sample, heap_bytes, live_bytes);
    }
}

struct arguments {
    char *words[48]; /* NULL after the last */
    size_t count;
};

static void add_argument(struct arguments *a, const char *name, char *value)
{
    a->words[a->count++] = xstrdup(name);
    a->words[a->count++] = value;
}

static void make_arguments(struct arguments *a, const struct plan_cell *cell,
                           const struct invocation_options *options, bool event_log,
                           const char *callgrind_file)
{
    const struct variant *variant = cell->variant;
    *a = (struct arguments){0};
    if (callgrind_file) {
        callgrind_words(a->words, callgrind_file);
        a->count = CALLGRIND_WORDS;
    }
    a->words[a->count++] = xstrdup(options->probe ? variant->probe->path : variant->runner->path);
    add_argument(a, "--run", xstrdup("--workload"));
    a->words[a->count++] = xstrdup(cell->workload->workload->name);
    if (*cell->workload->params_text)
        add_argument(a, "--params", xstrdup(cell->workload->params_text));
    if (*cell->variant->options_text)
        add_argument(a, "--options", xstrdup(cell->variant->options_text));
    add_argument(a, "--threads", xprintf("%u", cell->threads));
    add_argument(a, "--heap-limit", xprintf("%" PRIu64, cell->heap_limit_bytes));
    add_argument(a, "--memory-cap", xprintf("%" PRIu64, options->memory_cap_bytes));
    add_argument(a, "--warmup", xprintf("%u", options->warmup));
    add_argument(a, "--iterations", xprintf("%u", options->iterations));
    add_argument(a, "--seed", xprintf("%" PRIu64, options->seed));
    if (options->is_bare)
        add_argument(a, "--record", xstrdup("0"));
    add_argument(a, "--records", xprintf("%d", CHILD_RECORDS_FD));
    if (event_log)
        add_argument(a, "--event-log", xprintf("%d", CHILD_EVENT_LOG_FD));
    if (options->probe)
        add_argument(a, "--probe", xstrdup("1"));
}

/* Without one, as where descriptors or memory are short, the runner sends its events as records. */
static void open_event_log(struct session *s, const struct plan_cell *cell)
{
    int fd = -1;
    if (!s->options->probe && !s->options->is_bare && cell->variant->runner->has_event_log)
        fd = event_rows_open();
    s->event_log_fd = fd < 0 ? 0 : fd;
}

static void emit_events(struct session *s)
{
    if (!s->event_log_fd)
        return;
    int64_t end_ns = s->has_ended ? s->begin_ns + s->result->measured_ns : INT64_MAX;
    if (s->has_begun && !s->result->interrupted)
        s->unreadable_count = event_rows_emit(s->event_log_fd, s->begin_ns, end_ns, take_record, s);
    close(s->event_log_fd);
}

static void remove_callgrind(char *file)
{
    if (file)
        unlink(file);
    free(file);
}

static void take_instructions(struct session *s, const char *file)
{
    struct callgrind_counts counts = callgrind_read(file);
    if (s->result->status != INVOCATION_OK)
        return;
    if (counts.instructions_count == 0) {
        set_outcome(s, INVOCATION_CRASHED, "valgrind counted no instructions");
        return;
    }
    set_metric(s->result, SCHEMA_INVOCATIONS_instructions_count,
               xprintf("%" PRId64, counts.instructions_count));
    /* A manual allocator has none; a collector that did not collect has none to tell of. */
    if (counts.stops_count > 0)
        set_metric(s->result, SCHEMA_INVOCATIONS_pause_instructions_count,
                   xprintf("%" PRId64, counts.stop_instructions_count));
}

void invocation_run(struct invocation_result *result, const struct plan_cell *cell,
                    size_t padding_bytes, const struct invocation_options *options,
                    const struct invocation_sink *sink)
{
    *result = (struct invocation_result){0};
    if (options->probe)
        add_flag(result, "probe");
    if (options->instructions)
        add_flag(result, "instructions");
    if (options->beside)
        add_flag(result, "beside");
    struct session s = {.result = result, .options = options, .sink = sink};
    struct arguments arguments;
    char *callgrind = options->instructions ? callgrind_file() : NULL;
    if (options->instructions && !callgrind) {
        set_outcome(&s, INVOCATION_CRASHED, "no file for its instructions: %s", strerror(errno));
        return;
    }
    open_event_log(&s, cell);
    make_arguments(&arguments, cell, options, s.event_log_fd, callgrind);
    char **env = runner_env_create(cell->variant->library_dir, padding_bytes);
    struct child_options start = {.path = arguments.words[0],
                                  .argv = arguments.words,
                                  .env = env,
                                  .records = true,
                                  .event_log_fd = s.event_log_fd,
                                  .measured = true,
                                  .processors = options->beside};
    uint64_t oom_kills = read_oom_kills();
    s.start_ns = clock_now_ns();
    s.deadline_ns = s.start_ns + timeout_ns(options);
    s.timer_fd = start_timer(s.start_ns);
    int error = s.timer_fd < 0 ? -errno : child_start(&s.child, &start);
    runner_env_free(env);
    for (size_t i = 0; i < arguments.count; i++)
        free(arguments.words[i]);
    if (error) {
        set_outcome(&s, INVOCATION_CRASHED, "its runner cannot be started: %s", strerror(-error));
        result->shortage = child_shortage_remedy(error) ? error : 0;
        if (s.timer_fd >= 0)
            close(s.timer_fd);
        if (s.event_log_fd)
            close(s.event_log_fd);
        remove_callgrind(callgrind);
        return;
    }
    s.sampler = options->is_bare ? NULL : memory_sampler_create(s.child.pid);
    if (!options->is_bare && !s.sampler && child_shortage_remedy(-errno)) {
        result->shortage = -errno;
        end_process(&s, REASON_SHORTAGE, false);
    }
    s.reader = record_reader_create(take_record, &s);
    watch(&s);
    close(s.timer_fd);
    result->elapsed_ns = clock_now_ns() - s.start_ns;
    result->interrupted = s.reason == REASON_INTERRUPTED;
    child_close(&s.child);
    emit_events(&s);
    judge(&s, oom_kills);
    judge_heap(&s, cell);
    if (callgrind)
        take_instructions(&s, callgrind);
    remove_callgrind(callgrind);
    complete_metrics(&s);
    complete_utilisation(&s);
    emit_memory(&s);
    record_reader_free(s.reader);
    memory_sampler_free(s.sampler);
    free(s.heap_points);
    free(s.iterations_ns);
    stop_log_free(&s.stops);
}

void invocation_result_free(struct invocation_result *result)
{
    free(result->flags);
    for (size_t i = 0; i < SCHEMA_INVOCATIONS_COUNT; i++)
        free(result->metrics[i]);
    *result = (struct invocation_result){0};
}
