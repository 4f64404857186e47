/* One invocation as a trace: the JSON Array Format with metadata that Chrome's about:tracing and
 * Perfetto read ("Trace Event Format"; docs/reference/synthetic-track-event of perfetto.dev names
 * it as legacy JSON). Times in it are microseconds, written with three decimals, so that
 * nanoseconds are kept. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_write.h"
#include "data/export.h"
#include "data/json_text.h"

/* Tracks, in the order in which they are drawn. Mutator N has TRACK_MUTATORS + N. */
enum { TRACK_ITERATIONS = 1, TRACK_COLLECTIONS, TRACK_WORLD, TRACK_MUTATORS };

struct trace {
    const struct run_data *run;
    size_t invocation;
    FILE *out;
    bool has_event;
    bool has_collection; /* then it is they that say what the heap held */
    int64_t iteration_start_ns;
    bool *named; /* whether track i has its name */
    size_t named_count;
};

static int out_of_memory(struct csv_error *error)
{
    snprintf(error->text, sizeof error->text, "out of memory");
    return -ENOMEM;
}

static void put_us(FILE *out, int64_t ns)
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    fprintf(out, "%s%" PRIu64 ".%03" PRIu64, ns < 0 ? "-" : "", size / 1000, size % 1000);
}

/* Begins an event; the caller writes further members and ends it with "}". */
static void begin_event(struct trace *trace, const char *phase, const char *name, int64_t track)
{
    FILE *out = trace->out;
    fputs(trace->has_event ? ",\n" : "\n", out);
    trace->has_event = true;
    fprintf(out, "{\"ph\":\"%s\",\"pid\":1,\"tid\":%" PRId64 ",\"name\":", phase, track);
    json_put_text(out, name);
}

static void put_name(struct trace *trace, const char *what, int64_t track, const char *name)
{
    begin_event(trace, "M", what, track);
    fputs(",\"args\":{\"name\":", trace->out);
    json_put_text(trace->out, name);
    fputs("}}", trace->out);
    if (strcmp(what, "thread_name"))
        return;
    begin_event(trace, "M", "thread_sort_index", track);
    fprintf(trace->out, ",\"args\":{\"sort_index\":%" PRId64 "}}", track);
}

/* An interval; the caller writes its args, if any, and ends it with "}". */
static void begin_slice(struct trace *trace, const char *name, int64_t track, int64_t start_ns,
                        int64_t duration_ns)
{
    begin_event(trace, "X", name, track);
    fputs(",\"ts\":", trace->out);
    put_us(trace->out, start_ns);
    fputs(",\"dur\":", trace->out);
    put_us(trace->out, duration_ns);
}

static void put_counter(struct trace *trace, const char *name, int64_t t_ns, int64_t value)
{
    begin_event(trace, "C", name, 0);
    fputs(",\"ts\":", trace->out);
    put_us(trace->out, t_ns);
    fprintf(trace->out, ",\"args\":{\"bytes\":%" PRId64 "}}", value);
}

/* Fields of one row, as far as they are there. */
struct field {
    size_t column;
    int64_t value;
    bool is_there;
};

static int take_fields(const struct csv_row *row, struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = csv_row_int(row, fields[i].column, &fields[i].value);
        if (got < 0)
            return got;
        fields[i].is_there = got > 0;
    }
    return 0;
}

static int take_iteration(void *data, size_t invocation, const struct csv_row *row)
{
    struct trace *trace = data;
    struct field f[] = {{.column = SCHEMA_ITERATIONS_iteration},
                        {.column = SCHEMA_ITERATIONS_wall_ns}};
    int error = invocation == trace->invocation ? take_fields(row, f, 2) : 0;
    /* Those of the warm-up came before the clock of the trace starts. */
    if (error || invocation != trace->invocation || f[0].value < 0 || !f[1].is_there)
        return error;
    char name[40];
    snprintf(name, sizeof name, "iteration %" PRId64, f[0].value);
    begin_slice(trace, name, TRACK_ITERATIONS, trace->iteration_start_ns, f[1].value);
    fputs("}", trace->out);
    trace->iteration_start_ns += f[1].value;
    return 0;
}

/* The args of an event from the columns of its row that are there. */
static void put_args(FILE *out, const struct csv_row *row, const struct field *fields, size_t count)
{
    bool is_first = true;
    fputs(",\"args\":{", out);
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].is_there)
            continue;
        fprintf(out, "%s\"%s\":%" PRId64, is_first ? "" : ",",
                row->file->columns[fields[i].column].name, fields[i].value);
        is_first = false;
    }
    fputs("}", out);
}

static int64_t within(int64_t value, int64_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static int take_collection(void *data, size_t invocation, const struct csv_row *row)
{
    enum { NUMBER, MARK, SWEEP, BEFORE, AFTER, LIVE, COUNT, BYTES, START, END, FIELD_COUNT };
    struct trace *trace = data;
    struct field f[FIELD_COUNT] = {
        [NUMBER] = {.column = SCHEMA_COLLECTIONS_collection},
        [MARK] = {.column = SCHEMA_COLLECTIONS_mark_ns},
        [SWEEP] = {.column = SCHEMA_COLLECTIONS_sweep_ns},
        [BEFORE] = {.column = SCHEMA_COLLECTIONS_heap_before_bytes},
        [AFTER] = {.column = SCHEMA_COLLECTIONS_heap_after_bytes},
        [LIVE] = {.column = SCHEMA_COLLECTIONS_live_bytes},
        [COUNT] = {.column = SCHEMA_COLLECTIONS_marked_count},
        [BYTES] = {.column = SCHEMA_COLLECTIONS_marked_bytes},
        [START] = {.column = SCHEMA_COLLECTIONS_start_ns},
        [END] = {.column = SCHEMA_COLLECTIONS_end_ns},
    };
    int error = invocation == trace->invocation ? take_fields(row, f, FIELD_COUNT) : 0;
    if (error || invocation != trace->invocation || !f[START].is_there)
        return error;
    trace->has_collection = true;
    int64_t start = f[START].value;
    int64_t end = f[END].is_there && f[END].value > start ? f[END].value : start;
    char name[80];
    snprintf(name, sizeof name, "%.40s collection %" PRId64, row->text[SCHEMA_COLLECTIONS_kind],
             f[NUMBER].value);
    begin_slice(trace, name, TRACK_COLLECTIONS, start, end - start);
    put_args(trace->out, row, f, START);
    fputs("}", trace->out);
    /* How long a phase took is known, not when it began: one after the other from the start. */
    int64_t mark = f[MARK].is_there ? within(f[MARK].value, end - start) : 0;
    int64_t sweep = f[SWEEP].is_there ? within(f[SWEEP].value, end - start - mark) : 0;
    if (mark) {
        begin_slice(trace, "mark", TRACK_COLLECTIONS, start, mark);
        fputs("}", trace->out);
    }
    if (sweep) {
        begin_slice(trace, "sweep", TRACK_COLLECTIONS, start + mark, sweep);
        fputs("}", trace->out);
    }
    if (f[BEFORE].is_there)
        put_counter(trace, "heap", start, f[BEFORE].value);
    if (f[AFTER].is_there)
        put_counter(trace, "heap", end, f[AFTER].value);
    if (f[LIVE].is_there)
        put_counter(trace, "live", end, f[LIVE].value);
    return 0;
}

static int name_mutator(struct trace *trace, int64_t thread, struct csv_error *error)
{
    size_t index = (size_t)thread;
    if (index >= trace->named_count) {
        size_t count = 2 * index + 16;
        bool *named = realloc(trace->named, count * sizeof *named);
        if (!named)
            return out_of_memory(error);
        memset(named + trace->named_count, 0, (count - trace->named_count) * sizeof *named);
        trace->named = named;
        trace->named_count = count;
    }
    if (trace->named[index])
        return 0;
    char name[40];
    snprintf(name, sizeof name, "stops of mutator %" PRId64, thread);
    put_name(trace, "thread_name", TRACK_MUTATORS + thread, name);
    trace->named[index] = true;
    return 0;
}

/* No program has that many threads; a file may. */
#define THREADS_MAX 100000

static int take_stop(void *data, size_t invocation, const struct csv_row *row)
{
    enum { THREAD, START, DURATION, SAFEPOINT, FIELD_COUNT };
    struct trace *trace = data;
    struct field f[FIELD_COUNT] = {
        [THREAD] = {.column = SCHEMA_PAUSES_thread},
        [START] = {.column = SCHEMA_PAUSES_start_ns},
        [DURATION] = {.column = SCHEMA_PAUSES_duration_ns},
        [SAFEPOINT] = {.column = SCHEMA_PAUSES_safepoint_ns},
    };
    int error = invocation == trace->invocation ? take_fields(row, f, FIELD_COUNT) : 0;
    if (error || invocation != trace->invocation || !f[START].is_there || !f[DURATION].is_there)
        return error;
    int64_t thread = f[THREAD].value;
    if (thread >= THREADS_MAX)
        return csv_field_refuse(row, SCHEMA_PAUSES_thread, "thread is above %d", THREADS_MAX);
    if (thread >= 0 && (error = name_mutator(trace, thread, row->error)) != 0)
        return error;
    int64_t track = thread < 0 ? TRACK_WORLD : TRACK_MUTATORS + thread;
    char name[80];
    snprintf(name, sizeof name, "%.40s stop", row->text[SCHEMA_PAUSES_kind]);
    begin_slice(trace, name, track, f[START].value, f[DURATION].value);
    fputs("}", trace->out);
    if (f[SAFEPOINT].is_there) {
        begin_slice(trace, "to safepoint", track, f[START].value,
                    within(f[SAFEPOINT].value, f[DURATION].value));
        fputs("}", trace->out);
    }
    return 0;
}

static int take_memory(void *data, size_t invocation, const struct csv_row *row)
{
    enum { T, RSS, LAZYFREE, HEAP, FIELD_COUNT };
    struct trace *trace = data;
    struct field f[FIELD_COUNT] = {
        [T] = {.column = SCHEMA_MEMORY_t_ns},
        [RSS] = {.column = SCHEMA_MEMORY_rss_bytes},
        [LAZYFREE] = {.column = SCHEMA_MEMORY_lazyfree_bytes},
        [HEAP] = {.column = SCHEMA_MEMORY_heap_bytes},
    };
    int error = invocation == trace->invocation ? take_fields(row, f, FIELD_COUNT) : 0;
    if (error || invocation != trace->invocation || !f[T].is_there)
        return error;
    if (f[RSS].is_there)
        put_counter(trace, "rss", f[T].value, f[RSS].value);
    if (f[LAZYFREE].is_there)
        put_counter(trace, "lazyfree", f[T].value, f[LAZYFREE].value);
    if (f[HEAP].is_there && !trace->has_collection)
        put_counter(trace, "heap", f[T].value, f[HEAP].value);
    return 0;
}

int export_perfetto(const struct run_data *run, size_t invocation, FILE *out,
                    struct csv_error *error)
{
    static const struct {
        enum schema_file_id file;
        run_row_function *each;
    } parts[] = {
        {SCHEMA_FILE_ITERATIONS, take_iteration},
        {SCHEMA_FILE_COLLECTIONS, take_collection},
        {SCHEMA_FILE_PAUSES, take_stop},
        {SCHEMA_FILE_MEMORY, take_memory},
    };
    const struct run_invocation *chosen = &run->invocations[invocation];
    struct trace trace = {.run = run, .invocation = invocation, .out = out};
    char *title;
    if (asprintf(&title, "%s, invocation %" PRId64, run->cells[chosen->cell].key, chosen->number) <
        0)
        return out_of_memory(error);
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
    put_name(&trace, "process_name", 0, title);
    put_name(&trace, "thread_name", TRACK_ITERATIONS, "iterations");
    put_name(&trace, "thread_name", TRACK_COLLECTIONS, "collections");
    put_name(&trace, "thread_name", TRACK_WORLD, "stops of the world");
    int result = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !result; i++)
        result = run_data_each(run, parts[i].file, parts[i].each, &trace, error);
    fputs("\n]}\n", out);
    free(title);
    free(trace.named);
    if (!result && (fflush(out) || ferror(out))) {
        snprintf(error->text, sizeof error->text, "the trace cannot be written");
        result = -EIO;
    }
    return result;
}
