/* chart_plan.h: what every chart of a run shares: the series (variants, each with its own colour
 * and marker) and the panels (workload, heap setting and threads), with the cells that belong in
 * them.
 *
 * A panel holds the cells of its workload, heap setting and threads, and, under a heap limit, the
 * manual cells of the same workload and threads, which have no limit (DESIGN.md: `--by backend`).
 *
 * A plan is constant once made, so it may be read by several threads.
 */
#ifndef DATA_CHART_PLAN_H
#define DATA_CHART_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/run_data.h"

struct chart_series {
    char *label;      /* the variant as the cell key has it */
    char *backend;    /* its name */
    unsigned variant; /* 0, 1, … within its backend */
};

struct chart_member {
    uint32_t cell;   /* index into run->cells */
    uint32_t series; /* index into plan->series */
    bool unlimited;  /* a manual cell in a panel of a heap limit */
};

struct chart_panel {
    char *title;
    struct chart_member *members; /* ordered by series, which has at most one */
    size_t member_count;
    int64_t reference; /* cell of the reference series, or -1 */
};

struct compare_result;
struct gate;
struct history;

struct chart_plan {
    const struct run_data *run;
    /* With another run as base (compare_runs()): NULL where there is none, as the plan is made. */
    const struct compare_result *comparison;
    /* What many runs measured (history_file.h), the same. */
    const struct history *history;
    /* Whose tolerances changes in the history must exceed, the same. */
    const struct gate *gate;
    struct chart_series *series; /* collectors first, then by name */
    size_t series_count;
    struct chart_panel *panels; /* by title */
    size_t panel_count;
    int64_t reference; /* index of a series, or -1 where the run has no cells */
};

/* Makes the plan of `run`, which must outlive it. `reference` is a variant or the name of a
 * backend, or NULL: mimalloc, else the first manual backend, else the first. 0; -ENOENT: the run
 * has no such reference, described in *error; -ENOMEM. On success the caller gives *plan to
 * chart_plan_free(). */
int chart_plan_make(struct chart_plan *plan, const struct run_data *run, const char *reference,
                    struct csv_error *error);
void chart_plan_free(struct chart_plan *plan);

/* Whether the invocation counts in charts: it ended well and is not a probe or the like, which
 * measures something else. */
bool chart_invocation_counts(const struct chart_plan *plan, size_t invocation);

/* Whether it was meant to: it is no probe or the like, however it ended. */
bool chart_invocation_is_measured(const struct chart_plan *plan, size_t invocation);

/* The invocation of the cell that stands for all of them where only one is shown: of median wall
 * time (the lower of two) among those that count, and that time; -1 where there is none; or
 * -ENOMEM. */
int64_t chart_typical_invocation(const struct chart_plan *plan, uint32_t cell, double *wall_ns);

/* The values of the metric named, in file order, of the invocations of `cell` that count and have
 * it. *values, NULL where there are none, is the caller's to free. 0 or -ENOMEM. */
int chart_values(const struct chart_plan *plan, uint32_t cell, const char *metric, double **values,
                 size_t *count);

/* The same of its probe invocations that ended well. */
int chart_probe_values(const struct chart_plan *plan, uint32_t cell, const char *metric,
                       double **values, size_t *count);

/* Median (mean of the middle two), minimum and maximum of `count` > 0 values, which it sorts. */
struct chart_summary {
    double median;
    double low;
    double high;
};
struct chart_summary chart_summarise(double *values, size_t count);

/* Whether the cell's backend is manual or never frees: it has no stops and is given no limit. */
bool chart_is_manual(const struct chart_plan *plan, uint32_t cell);

/* How many invocations of the cell count. */
size_t chart_count(const struct chart_plan *plan, uint32_t cell);

/* Gives a logarithmic axis from *low > 0 to *high some margin, and at least `factor` between ends.
 */
void chart_log_range(double *low, double *high, double factor);

#endif
