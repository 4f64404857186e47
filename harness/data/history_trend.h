/* history_trend.h: where the figures of a history changed, and whether for the worse (METHODS.md
 * section 8, "History"). Thread-safe. */
#ifndef DATA_HISTORY_TREND_H
#define DATA_HISTORY_TREND_H

#include <stdbool.h>
#include <stddef.h>

#include "data/change_points.h"
#include "data/compare.h"
#include "data/history_file.h"

/* With fewer runs than this nothing is said of a trend. */
#define HISTORY_LEAST_RUNS 8

struct history_trend {
    double *values; /* medians of the points that have one, by time */
    size_t *points; /* their indexes into series->points */
    size_t value_count;
    struct change_point *changes; /* indexes into values; none below HISTORY_LEAST_RUNS */
    size_t change_count;
};

/* The change points of the series that are larger than the tolerance. 0, and the caller gives
 * *trend to history_trend_free(); or -ENOMEM. */
int history_trend_find(struct history_trend *trend, const struct history_series *series,
                       const struct compare_tolerance *tolerance);
void history_trend_free(struct history_trend *trend);

/* Whether the change is one for the worse. */
bool history_change_is_worse(const struct history_series *series,
                             const struct change_point *change);

#endif
