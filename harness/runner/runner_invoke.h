/* runner_invoke.h: one run of one workload: --run. */
#ifndef RUNNER_INVOKE_H
#define RUNNER_INVOKE_H

#include <stddef.h>

#include "command_line.h"
#include "workload.h"

/* Fills run->params, from `params` (room for NAMED_VALUES_MAX), ->seed and ->threads as the command
 * line says, and checks them with the workload. 0, or -EINVAL with one line in `why`. */
int runner_prepare(const struct command_line *line, const struct workload *workload,
                   struct workload_run *run, uint64_t *params, char *why, size_t why_bytes);

/* Does the whole of --run and returns the exit code; may also end the process. */
int runner_invoke(const struct command_line *line, const struct workload *workload);

#endif
