/* report_figures.h: the figures that a report speaks of, as the comparison has them, seen from the
 * backend whose page it is. */
#ifndef DRIVER_REPORT_FIGURES_H
#define DRIVER_REPORT_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "driver/run_report.h"

/* Own over other, as the Hodges-Lehmann estimate with its interval. */
struct report_ratio {
    bool known;
    double estimate;
    double low;
    double high;
};

/* How own does. */
enum report_outcome {
    REPORT_UNKNOWN, /* not compared */
    REPORT_OPEN,    /* inconclusive, or a range only */
    REPORT_SAME,
    REPORT_WINS,
    REPORT_LOSES,
};

struct report_pair {
    const struct compare_row *row; /* NULL: not compared */
    struct report_ratio ratio;
    enum report_outcome outcome;
};

/* Own's cell with the other's, both of one panel. */
struct report_pair report_pair_of(const struct report *report, const struct run_cell *own,
                                  const struct run_cell *other, const char *metric);

/* "0.61", "0.61 [0.59, 0.63]" or "" where it is not known; to be freed. */
char *report_ratio_text(const struct report_ratio *ratio);
char *report_estimate_text(const struct report_ratio *ratio);

/* Median over the invocations that completed; false where there is none. */
bool report_median(const struct report *report, const struct run_cell *cell, const char *metric,
                   double *median);

/* Whether every invocation that was to measure completed, and there is one. */
bool report_is_complete(const struct report *report, const struct run_cell *cell);

/* Workloads that allocate nothing say nothing about memory managers. */
bool report_allocates(const struct report *report, const struct chart_panel *panel);

/* "oom 2 of 10, crashed 1 of 10", "skipped: REASON", or "" where all is well; to be freed. */
char *report_outcome_text(const struct report *report, const struct run_cell *cell);

bool report_reclaims(const struct report *report, const struct run_cell *cell, const char *how);

/* "812 ms", "-"; to be freed. */
char *report_figure_text(double value, const char *unit);

/* The cell of own in the panel, or NULL. */
const struct run_cell *report_own_cell(const struct report *report,
                                       const struct chart_panel *panel);

#endif
