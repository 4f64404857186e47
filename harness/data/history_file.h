/* history_file.h: history.csv (results/SCHEMA.md): what many runs of one machine class measured,
 * cell by cell and metric by metric, in order of time.
 *
 * A loaded history is constant, so it may be read by several threads. */
#ifndef DATA_HISTORY_FILE_H
#define DATA_HISTORY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/csv_read.h"
#include "data/run_data.h"
#include "data/schema.h"

/* In what runs of one file must agree: what is not of the program but of machine and method. */
enum history_key {
    HISTORY_CPU_MODEL,
    HISTORY_CORES,
    HISTORY_KERNEL, /* the first number of its version */
    HISTORY_SEED,
    HISTORY_WARMUP,
    HISTORY_ITERATIONS,
    HISTORY_KEY_COUNT
};

/* Their names, and `workload_params` and `backend_options`, in which the cells must agree;
 * terminated by NULL. */
extern const char *const history_keys[];

struct history_run {
    const char *date; /* ISO 8601, UTC, so that texts sort as times do */
    uint64_t order_seed;
    const char *commit;
    const char *keys[HISTORY_KEY_COUNT]; /* "" where it is not known */
};

struct history_point {
    size_t run;       /* index into history->runs */
    size_t ok_count;  /* invocations that have a value */
    size_t all_count; /* and those that might have had one */
    double median;    /* NaN where ok_count is 0 */
    double low;       /* interval of the median, 95 %; NaN where there are too few for one */
    double high;
};

/* One metric of one cell. */
struct history_series {
    const char *cell;
    const char *metric;
    const char *unit;
    enum schema_better better;   /* SCHEMA_LOWER or SCHEMA_HIGHER */
    const char *workload_params; /* those of the row that was added last */
    const char *backend_options;
    struct history_point *points; /* by time */
    size_t point_count;
};

struct history {
    struct history_run *runs; /* by time */
    size_t run_count;
    size_t newest;                 /* the run that was added last; run_count > 0 */
    struct history_series *series; /* cell by cell, as they first appear */
    size_t series_count;
    struct history_texts *texts;
};

/* Reads the file at `path` into *history, the caller's until history_free(). 0, or a negative errno
 * described in *error: -EBADMSG malformed, with line and column; -ENOENT; -ENOMEM; … */
int history_load(struct history **history, const char *path, struct csv_error *error);
void history_free(struct history *history);

struct history_add_options {
    const char *commit;         /* in place of what the runs say; NULL: theirs */
    const char *const *allowed; /* keys in which they may differ from what is there */
    size_t allowed_count;
};

/* Appends the runs to the file at `path`, which is made where it is absent; all of them or, on
 * failure, none, even where the machine stops half-way. Runs that it has already are left out;
 * *added counts the others. A run gives a row for each metric with a direction of each cell that
 * has a value, and for wall_ns of each cell that failed in all invocations. Other processes that
 * add to the file wait. 0, or a negative errno described in *error: -EINVAL a run that is of
 * another machine class or has no date, or that measured another thing under the same name. */
int history_add(const char *path, const struct run_data *const *runs, size_t run_count,
                const struct history_add_options *options, size_t *added, struct csv_error *error);

#endif
