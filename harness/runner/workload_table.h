/* workload_table.h: the workloads that this runner holds, from workloads.def. */
#ifndef RUNNER_WORKLOAD_TABLE_H
#define RUNNER_WORKLOAD_TABLE_H

#include "workload.h"

/* In the order of workloads.def, NULL after the last. */
extern const struct workload *const workload_table[];

/* The workload of this name, or NULL. */
const struct workload *workload_find(const char *name);

#endif
