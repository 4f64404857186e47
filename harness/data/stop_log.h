/* stop_log.h: the stops of one invocation, in memory: 24 bytes a stop. A log belongs to one thread
 * at a time. */
#ifndef DATA_STOP_LOG_H
#define DATA_STOP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/run_data.h"

/* The thread of a stop of the whole world, which stops every thread. */
#define STOP_WORLD (-1)

/* [start_ns, end_ns], from the start of the measured part. Stops may overlap, be empty, and reach
 * beyond the measured part. */
struct stop {
    int64_t start_ns;
    int64_t end_ns;
    int32_t thread;
};

/* All zero: empty. Give it to stop_log_free() in the end. */
struct stop_log {
    struct stop *stops;
    size_t count;
    size_t capacity;
    bool unsorted; /* not by start */
};

/* 0, -ENOMEM, or -ERANGE where there is no such stop: a duration below 0, an end or a thread beyond
 * what can be held, or a thread below STOP_WORLD. */
int stop_log_add(struct stop_log *log, int64_t thread, int64_t start_ns, int64_t duration_ns);
void stop_log_free(struct stop_log *log);

/* Sorts by start, in place. At once where it is sorted, as a log mostly is. */
void stop_log_sort(struct stop_log *log);

/* Time in [0, length_ns] in which anything was stopped: of the union of all stops. Sorts. */
int64_t stop_log_union_ns(struct stop_log *log, int64_t length_ns);

/* Reads pauses.csv: an array of logs, one per invocation of `run`, into *logs, which the caller
 * gives to stop_logs_free(). 0, or a negative errno described in *error; then there is nothing to
 * free. */
int stop_logs_read(struct stop_log **logs, const struct run_data *run, struct csv_error *error);
void stop_logs_free(struct stop_log *logs, const struct run_data *run);

#endif
