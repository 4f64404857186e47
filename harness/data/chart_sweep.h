/* chart_sweep.h: the heap sweeps of a run: the cells of one workload and number of threads at
 * several heap limits, with those that have none. A sweep is a panel of the time-space charts.
 *
 * Constant once made, so it may be read by several threads.
 */
#ifndef DATA_CHART_SWEEP_H
#define DATA_CHART_SWEEP_H

#include "data/chart_plan.h"

struct chart_sweep_cell {
    uint32_t cell;      /* index into run->cells */
    uint32_t series;    /* index into plan->series */
    double limit_bytes; /* 0: none */
};

struct chart_sweep {
    char *title;
    struct chart_sweep_cell *cells; /* by series, then by limit */
    size_t cell_count;
    int64_t reference; /* the cell without a limit of the reference series, or -1 */
};

struct chart_sweeps {
    struct chart_sweep *sweeps; /* by title */
    size_t count;
};

/* Finds the sweeps: some series has at least two limits. 0 or -ENOMEM; on success the caller gives
 * *sweeps to chart_sweeps_free(). */
int chart_sweeps_make(struct chart_sweeps *sweeps, const struct chart_plan *plan);
void chart_sweeps_free(struct chart_sweeps *sweeps);

/* A point of a curve, medians. */
struct chart_sweep_point {
    double bytes;
    double ns;
};

enum chart_crossing {
    CHART_CROSSES, /* from *bytes on it is as fast */
    CHART_BELOW,   /* it is as fast at every point */
    CHART_NEVER,   /* its last point is slower */
};

/* Where the curve, by growing limit, comes down to `ns` and stays there: the point at which the
 * straight line between the neighbours, both axes logarithmic, has that time. `count` > 0. */
enum chart_crossing chart_sweep_cross(const struct chart_sweep_point *points, size_t count,
                                      double ns, double *bytes);

#endif
