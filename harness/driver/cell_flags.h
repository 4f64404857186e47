/* cell_flags.h: the values of options that name cells and say how they are measured, as `run` and
 * `ab` take them. */
#ifndef DRIVER_CELL_FLAGS_H
#define DRIVER_CELL_FLAGS_H

#include <argp.h>
#include <stdint.h>

#include "driver/plan.h"

/* All return 0 or what cmd_usage() does. `option` is the name without dashes. */
error_t cell_flags_number(const struct argp_state *state, const char *option, const char *text,
                          uint64_t min, uint64_t max, uint64_t *value);
error_t cell_flags_unsigned(const struct argp_state *state, const char *option, const char *text,
                            unsigned min, unsigned max, unsigned *value);

/* Values of --heap, --heap-factor and --threads, added to those of the request. */
error_t cell_flags_heap(const struct argp_state *state, const char *text,
                        struct plan_request *plan);
error_t cell_flags_heap_factor(const struct argp_state *state, const char *text,
                               struct plan_request *plan);
error_t cell_flags_threads(const struct argp_state *state, const char *text,
                           struct plan_request *plan);

/* What --instructions needs: the version of valgrind, to be freed, and -1; or an exit code where it
 * does not run, and the user has been told. */
int cell_flags_valgrind(char **version);

/* A value for --order-seed where none was given. */
uint64_t cell_flags_fresh_seed(void);

/* A folder of the present second that is not taken, under `parent`; to be freed. */
char *cell_flags_folder(const char *parent);

void cell_flags_free(struct plan_request *plan);

#endif
