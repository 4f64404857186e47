/* run_files.h: the folder of a run and its result files. Rows of an invocation are written as they
 * come; its row in invocations.csv, written last, is their commit. */
#ifndef DRIVER_RUN_FILES_H
#define DRIVER_RUN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "data/csv_write.h"
#include "driver/invocation.h"
#include "driver/plan.h"

struct run_files {
    char *folder;
    struct csv_writer *writers[SCHEMA_RUN_FILE_COUNT];
    int error; /* the first negative errno of writing, or 0 */
};

/* Makes the folder if it is absent, with those above it. 0 or a negative errno. */
int run_files_make_folder(const char *folder);

/* -EEXIST where there is something in the folder, 0 where there is nothing or no folder, or the
 * errno of opening it. */
int run_files_check_empty(const char *folder);

/* Keeps other processes from writing the run in `folder` while this one lives: returns a descriptor
 * to close, or -EWOULDBLOCK where another one has had it for two seconds. Other negative errnos say
 * that the folder cannot be locked. */
int run_files_lock(const char *folder);

/* Opens the files of the folder, which is made if it is absent; rows are appended to what `resume`
 * finds there. Without it, a folder that has something in it is refused with -EEXIST; others: errno
 * of mkdir, open or write, -EBADMSG from csv_writer_open(). On failure there is nothing to close.
 */
int run_files_open(struct run_files *files, const char *folder, bool resume);

/* Closes all; the first error of all writing. */
int run_files_close(struct run_files *files);

/* One row of run.csv. */
void run_files_key(struct run_files *files, const char *key, const char *value);

/* Who the following rows belong to. */
struct run_files_place {
    const struct plan_cell *cell;
    int64_t invocation; /* negative: a probe */
    int64_t order;      /* -1: the cell is skipped */
    uint64_t order_seed;
};

/* A row of iterations, pauses, collections, latency or metrics.csv from a record of that kind;
 * other records are ignored. */
void run_files_record(struct run_files *files, const struct run_files_place *place,
                      const struct record *record);

/* A row of memory.csv; UINT64_MAX leaves a figure empty. */
void run_files_memory(struct run_files *files, const struct run_files_place *place, int64_t t_ns,
                      uint64_t rss_bytes, uint64_t lazyfree_bytes, uint64_t heap_bytes,
                      uint64_t live_bytes);

/* The row of invocations.csv. */
void run_files_commit(struct run_files *files, const struct run_files_place *place,
                      const struct invocation_result *result);

#endif
