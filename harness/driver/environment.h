/* environment.h: what run.csv says of the machine, of gcmeter and of the backends. */
#ifndef DRIVER_ENVIRONMENT_H
#define DRIVER_ENVIRONMENT_H

#include "driver/invocation.h"
#include "driver/plan.h"
#include "driver/run_files.h"

/* What the user asked for. */
struct environment_run {
    char *const *argv; /* the command line, NULL-terminated */
    const char *suite; /* "" without one */
    uint64_t order_seed;
    unsigned invocations;
    unsigned probes;
    unsigned instructions;
    const char *valgrind; /* version of the one that counts them, or NULL */
    unsigned beside;      /* invocations that take turns with one of base */
    const struct invocation_options *options;
};

/* Writes run.csv but for the keys of environment_write_end(), and measures the clocks meanwhile. */
void environment_write_start(struct run_files *files, const struct plan *plan,
                             const struct environment_run *run);

/* When a run is continued for the n-th time, from 1: instead of environment_write_start(). */
void environment_write_resume(struct run_files *files, unsigned n);

/* What is known at the end, of a run that was continued n times: CPU time that the driver took
 * while it sampled, as a share of the length of all measured parts, and the median cost of a
 * record; either is negative where there was none. */
void environment_write_end(struct run_files *files, unsigned n, double driver_cpu_share,
                           double observer_ns);

#endif
