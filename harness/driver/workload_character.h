/* workload_character.h: workloads/README.md: what each workload allocates, as a run of the suite
 * `character` has counted it. */
#ifndef DRIVER_WORKLOAD_CHARACTER_H
#define DRIVER_WORKLOAD_CHARACTER_H

#include <stdio.h>

#include "data/run_data.h"
#include "driver/catalog.h"

/* Writes the page. A workload that the run has no census of is listed all the same. 0, -ENOMEM, or
 * -ENODATA where the run has no census at all. */
int workload_character_write(const struct run_data *run, const struct catalog *catalog, FILE *out);

#endif
