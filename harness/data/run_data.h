/* run_data.h: a run's folder in memory: run.csv, invocations.csv and metrics.csv; the other files
 * are read on demand, row by row. Rows that were not committed (schema.def) do not appear.
 *
 * A loaded run is constant, so it may be read by several threads.
 */
#ifndef DATA_RUN_DATA_H
#define DATA_RUN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/cell_key.h"
#include "data/csv_read.h"

enum run_status {
    RUN_OK,
    RUN_OOM,
    RUN_CRASHED,
    RUN_TIMEOUT,
    RUN_WRONG,
    RUN_SKIPPED,
};

/* "ok", "oom", … */
const char *run_status_word(enum run_status status);

struct run_invocation {
    uint32_t cell;  /* index into run->cells */
    int64_t number; /* within its cell */
    int64_t order;  /* position in the run; -1 of a skipped one that has none */
    enum run_status status;
    const char *status_detail;
    const char *flags; /* words joined by blanks */
    bool has_checksum;
    uint64_t checksum;
};

struct run_cell {
    const char *key;
    struct cell_parts parts; /* of key */
    const char *workload;
    const char *workload_params; /* "" where no invocation could say */
    const char *backend;
    const char *backend_options;
    const char *heap_factor; /* as written; "" where there is none */
    const char *heap_limit_bytes;
    const char *threads;
    uint32_t *invocations; /* indices into run->invocations, in file order */
    size_t invocation_count;
};

/* A figure of invocations.csv or metrics.csv. */
struct run_metric {
    const char *name;
    const char *unit; /* "" where there is none */
    enum schema_better better;
};

struct run_key {
    const char *key;
    const char *value;
};

struct run_tables; /* what only run_data.c needs */

struct run_data {
    const char *folder;
    struct run_key *keys; /* of run.csv, in file order */
    size_t key_count;
    struct run_cell *cells; /* by first appearance */
    size_t cell_count;
    struct run_invocation *invocations; /* in file order */
    size_t invocation_count;
    struct run_metric *metrics; /* those of schema.def in its order, then those of metrics.csv */
    size_t metric_count;
    struct run_tables *tables;
};

/* Loads the run in `folder` into *run, owned by the caller until run_data_free(). 0, or a negative
 * errno described in *error: -EBADMSG malformed or another schema version, -ENODATA an
 * invocations.csv without header, -ENOENT, -ENOMEM, … */
int run_data_load(struct run_data **run, const char *folder, struct csv_error *error);
void run_data_free(struct run_data *run);

/* The value of a key of run.csv, or NULL. */
const char *run_data_key(const struct run_data *run, const char *key);

/* The value of the key backend_NAME_key, or NULL. */
const char *run_data_backend_key(const struct run_data *run, const char *backend, const char *key);

/* The cell of that key, or NULL. */
const struct run_cell *run_data_cell(const struct run_data *run, const char *key);

/* Index of the invocation of that number in the cell of that key, or -ENOENT. */
int64_t run_data_invocation(const struct run_data *run, const char *cell, int64_t number);

/* Index of the metric of that name, or -1. */
int run_data_metric(const struct run_data *run, const char *name);

/* Whether the metric was measured in that invocation; then *value. */
bool run_data_value(const struct run_data *run, size_t invocation, size_t metric, double *value);

/* Whether `word` is one of the invocation's flags. */
bool run_invocation_has_flag(const struct run_invocation *invocation, const char *word);

/* Called for each committed row of another file, with the index of its invocation. Not 0 ends the
 * reading, as in csv_row_function. */
typedef int run_row_function(void *data, size_t invocation, const struct csv_row *row);

/* Reads a further file of the run that has the columns `cell` and `invocation`. One that is absent
 * or has no header yet has no rows. Returns as csv_read(). */
int run_data_each(const struct run_data *run, enum schema_file_id file, run_row_function *each,
                  void *data, struct csv_error *error);

#endif
