/* chart_writers.h: one function per chart: each writes the tables that its script of plots/ reads,
 * CHART.panels.csv (a row per panel: title, notes, the series it shows, its axes) and the points,
 * into `folder`. 0, or, where charts.def says that the chart itself does, how many panels there
 * are, none included and at most CHART_PANELS_MOST for each of the plan; or a negative errno
 * described in *error. Thread-safe on different folders. */
#ifndef DATA_CHART_WRITERS_H
#define DATA_CHART_WRITERS_H

#include "data/chart_plan.h"

#define CHART_PANELS_MOST 4

#define CHART(name, rows, panels)                                                                  \
    int chart_##name##_write(const struct chart_plan *plan, const char *folder,                    \
                             struct csv_error *error);
#include "data/charts.def"
#undef CHART

#endif
