/* measure.h: measures a plan: rounds of processes in random order, their rows, their failures. */
#ifndef DRIVER_MEASURE_H
#define DRIVER_MEASURE_H

#include "data/run_data.h"
#include "driver/doubts.h"
#include "driver/invocation.h"
#include "driver/plan.h"
#include "driver/progress.h"
#include "driver/run_files.h"

struct measure_options {
    struct invocation_options invocation; /* its signal_fd is set by measure_plan() */
    unsigned invocations;
    unsigned probes;       /* probe invocations per cell, after the others */
    unsigned instructions; /* and after those, invocations that count instructions */
    uint64_t order_seed;
};

struct measure_totals {
    unsigned counts[INVOCATION_SKIPPED + 1]; /* invocations by status; of skipped, cells */
    bool failed;                             /* some failure that is not itself a result */
    bool interrupted;
    int shortage;          /* negative errno: the machine cannot start any more processes */
    int64_t measured_ns;   /* sum of the measured parts */
    int64_t driver_cpu_ns; /* CPU time of the driver in them */
    struct doubts doubts;  /* the caller's to free */
};

/* Number of a cell's probe invocation `probe`, from 0: they have numbers of their own, so that a
 * run can be continued with more of either kind. */
static inline int64_t measure_probe_number(unsigned probe)
{
    return -1 - (int64_t)probe;
}

/* The same of those that count instructions: below those of all probes that there can be, and as
 * many. */
#define MEASURE_PROBES_MAX 100000
static inline int64_t measure_instructions_number(unsigned number)
{
    return -1 - MEASURE_PROBES_MAX - (int64_t)number;
}

/* And of those that take turns with another. */
static inline int64_t measure_beside_number(unsigned number)
{
    return -1 - 2 * (int64_t)MEASURE_PROBES_MAX - (int64_t)number;
}

/* Fewer counts cannot show that they are exact. */
#define MEASURE_INSTRUCTIONS_LEAST 3

/* How an invocation that counts instructions is made, where others are made as `normal` says. */
struct invocation_options measure_instruction_options(const struct invocation_options *normal);

/* Whether the cell's runner marks what callgrind is to count. */
bool measure_has_instructions(const struct plan_cell *cell);

/* Whether the plan has this cell and can make an invocation of this number in it. */
bool measure_can_make(const struct plan *plan, const char *cell_key, int64_t number);

/* Runs every invocation of the plan that `earlier`, the same run as far as it came (or NULL), has
 * not committed, and writes its rows, until all are done, a signal asks to stop, no process can be
 * started or a file cannot be written (files->error). Standard output of a cell's first invocation
 * is passed on. */
void measure_plan(struct measure_totals *totals, const struct plan *plan,
                  const struct measure_options *options, const struct run_data *earlier,
                  struct run_files *files, struct progress *progress);

#endif
