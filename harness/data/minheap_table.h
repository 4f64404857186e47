/* minheap_table.h: minheap.csv in memory: minimum heaps by workload, backend and threads.
 *
 * A table belongs to one thread at a time. */
#ifndef DATA_MINHEAP_TABLE_H
#define DATA_MINHEAP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "data/csv_read.h"

struct minheap_row {
    char *workload;        /* as for --workload */
    char *workload_params; /* all of them, or "": those of `workload` and the defaults of today */
    char *backend;
    char *backend_options;
    unsigned threads;
    uint64_t minheap_bytes; /* 0 unless the status is ok */
    uint64_t tries_count;
    char *status;
};

/* Zeroed: empty. Freed by minheap_table_free(). */
struct minheap_table {
    struct minheap_row *rows; /* in file order */
    size_t row_count;
};

/* Reads the file at `path` into *table, which is overwritten. 0; -ENOENT where there is none;
 * -EBADMSG: it is malformed; -ENOMEM; or another errno of reading it; described in *error, and
 * then there is nothing to free. */
int minheap_table_load(struct minheap_table *table, const char *path, struct csv_error *error);

/* Puts a copy of the row in the place of the one with the same workload, parameters, backend,
 * options and threads, or at the end. One that was skipped does not take the place of one that was
 * not. 0 or -ENOMEM. */
int minheap_table_put(struct minheap_table *table, const struct minheap_row *row);

/* Writes the whole table to `path`, in place of what is there, at once. 0 or a negative errno, and
 * then the old file stands. */
int minheap_table_save(const struct minheap_table *table, const char *path);

void minheap_table_free(struct minheap_table *table);

#endif
