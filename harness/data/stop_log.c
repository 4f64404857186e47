#include "data/stop_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int stop_log_add(struct stop_log *log, int64_t thread, int64_t start_ns, int64_t duration_ns)
{
    int64_t end_ns;
    if (duration_ns < 0 || __builtin_add_overflow(start_ns, duration_ns, &end_ns) ||
        thread < STOP_WORLD || thread > INT32_MAX)
        return -ERANGE;
    if (log->count == log->capacity) {
        size_t capacity = log->capacity ? log->capacity * 2 : 64;
        struct stop *grown = realloc(log->stops, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        log->stops = grown;
        log->capacity = capacity;
    }
    if (log->count && start_ns < log->stops[log->count - 1].start_ns)
        log->unsorted = true;
    log->stops[log->count++] = (struct stop){start_ns, end_ns, (int32_t)thread};
    return 0;
}

void stop_log_free(struct stop_log *log)
{
    free(log->stops);
    *log = (struct stop_log){0};
}

static int by_start(const void *a, const void *b)
{
    const struct stop *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

void stop_log_sort(struct stop_log *log)
{
    if (log->unsorted)
        qsort(log->stops, log->count, sizeof *log->stops, by_start);
    log->unsorted = false;
}

int64_t stop_log_union_ns(struct stop_log *log, int64_t length_ns)
{
    stop_log_sort(log);
    int64_t sum_ns = 0, covered_ns = 0;
    for (size_t i = 0; i < log->count; i++) {
        int64_t start_ns = log->stops[i].start_ns, end_ns = log->stops[i].end_ns;
        start_ns = start_ns > covered_ns ? start_ns : covered_ns;
        end_ns = end_ns < length_ns ? end_ns : length_ns;
        if (end_ns <= start_ns)
            continue;
        sum_ns += end_ns - start_ns;
        covered_ns = end_ns;
    }
    return sum_ns;
}

static int take_row(void *data, size_t invocation, const struct csv_row *row)
{
    struct stop_log *log = (struct stop_log *)data + invocation;
    int64_t thread = STOP_WORLD, start_ns = 0, duration_ns = 0;
    int found = csv_row_int(row, SCHEMA_PAUSES_start_ns, &start_ns);
    if (found > 0)
        found = csv_row_int(row, SCHEMA_PAUSES_duration_ns, &duration_ns);
    if (found > 0)
        found = csv_row_int(row, SCHEMA_PAUSES_thread, &thread);
    if (found < 0)
        return found;
    if (found == 0)
        return csv_row_refuse(row, "a stop without thread, start_ns or duration_ns");
    int error = stop_log_add(log, thread, start_ns, duration_ns);
    if (error == -ERANGE)
        return csv_row_refuse(row, "no such stop: duration_ns is below 0, thread below -1, or the "
                                   "end out of range");
    if (error)
        snprintf(row->error->text, sizeof row->error->text, "out of memory");
    return error;
}

int stop_logs_read(struct stop_log **logs, const struct run_data *run, struct csv_error *error)
{
    *logs = calloc(run->invocation_count + 1, sizeof **logs);
    if (!*logs) {
        snprintf(error->text, sizeof error->text, "out of memory");
        return -ENOMEM;
    }
    int result = run_data_each(run, SCHEMA_FILE_PAUSES, take_row, *logs, error);
    if (result)
        stop_logs_free(*logs, run);
    return result;
}

void stop_logs_free(struct stop_log *logs, const struct run_data *run)
{
    for (size_t i = 0; logs && i < run->invocation_count; i++)
        stop_log_free(&logs[i]);
    free(logs);
}
