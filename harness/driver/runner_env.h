/* runner_env.h: the environment that a runner is started with. */
#ifndef DRIVER_RUNNER_ENV_H
#define DRIVER_RUNNER_ENV_H

#include <stddef.h>

/* Padding of 0 .. RUNNER_ENV_PADDING_BYTES - 1 bytes randomises the layout of the stack
 * (METHODS.md section 1). */
#define RUNNER_ENV_PADDING_BYTES 4096

/* The driver's own environment, with LD_LIBRARY_PATH led by library_dir (NULL: as it is) and a
 * variable GCMETER_PADDING whose value has padding_bytes characters. NULL-terminated, freed by
 * runner_env_free(). */
char **runner_env_create(const char *library_dir, size_t padding_bytes);
void runner_env_free(char **environment);

/* Those variables of the driver's environment that are known to tune an allocator or a collector,
 * as NAME=VALUE joined by blanks; freed by the caller. Runners inherit them. */
char *runner_env_tuning(void);

#endif
