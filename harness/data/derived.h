/* derived.h: the files of a run that are computed from its other files: mmu.csv, mmu_worst.csv,
 * lbo.csv and lbo_mean.csv. */
#ifndef DATA_DERIVED_H
#define DATA_DERIVED_H

#include <stdbool.h>

#include "data/run_data.h"

/* Computes them and puts them into the run's folder, each appearing when it is complete, in place
 * of what is there. 0, or a negative errno described in *error. Not while somebody else does. */
int derived_write(const struct run_data *run, struct csv_error *error);

/* Whether all of them are in `folder`. */
bool derived_exist(const char *folder);

/* Removes those that are in `folder`, which is about to change, finished or not. */
void derived_remove(const char *folder);

#endif
