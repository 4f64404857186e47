/* comparable.h: whether figures of two runs may be compared at all: whether what differs can only
 * be what was changed on purpose. */
#ifndef DATA_COMPARABLE_H
#define DATA_COMPARABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/csv_read.h"
#include "data/run_data.h"

/* Keys in which runs may not differ, terminated by NULL: of run.csv, and `workload_params` and
 * `backend_options` of cells that both runs have. Options that only one of the runs knows, since
 * its backend is of another version, are no difference; nor is what is compared: version, build and
 * library. */
extern const char *const comparable_keys[];

/* 0, or -EINVAL with what differs and what insists on the comparison all the same in *error.
 * `allowed` are keys in which the runs may differ. */
int comparable_check(const struct run_data *base, const struct run_data *new,
                     const char *const *allowed, size_t allowed_count, struct csv_error *error);

/* Whether no name that stands in both of the lists name=value,… has two values. */
bool comparable_values_agree(const char *base, const char *new);

#endif
