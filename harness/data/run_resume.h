/* run_resume.h: makes the folder of an interrupted run fit to be continued. */
#ifndef DATA_RUN_RESUME_H
#define DATA_RUN_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "data/csv_read.h"

/* Removes what lies after the last commit from the files in `folder`: a last row of run.csv or
 * invocations.csv without its newline, and rows of the other files that belong to no committed
 * invocation, or are torn. Where invocations.csv is absent, nothing has been committed, and the
 * others become empty. Nobody may be writing to the folder. 0, or a negative errno described
 * in *error, as by run_data_load() and by the system calls. */
int run_resume_cut(const char *folder, struct csv_error *error);

/* Whether invocation `number` of a cell, which was not started, can be now. */
typedef bool run_resume_retry_function(const void *plan, const char *cell, int64_t number);

/* Removes from invocations.csv the rows of what was not started and can be now: where a library has
 * been installed since. As run_resume_cut() returns. */
int run_resume_retry(const char *folder, run_resume_retry_function *is_retried, const void *plan,
                     struct csv_error *error);

/* A run that ended before its first row of a result is none: where no file but run.csv has more
 * than a header, its files are removed, and *is_removed is true. A run.csv that is not one of
 * gcmeter's is left alone. 0, or a negative errno described in *error. */
int run_resume_remove_unused(const char *folder, bool *is_removed, struct csv_error *error);

#endif
