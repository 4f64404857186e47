/* chart_writers.h: one function per chart: each writes the tables that its script of plots/ reads,
 * CHART.panels.csv (a row per panel: title, notes, the series it shows, its axes) and the points,
 * into `folder`. 0 where there is a panel for each of the plan, the number of panels, at most
 * CHART_PANELS_MOST for each of the plan, where there are others, or a negative errno described in
 * *error. Thread-safe on different folders. */
#ifndef DATA_CHART_WRITERS_H
#define DATA_CHART_WRITERS_H

#include "data/chart_plan.h"

#define CHART_PANELS_MOST 4

int chart_time_ratio_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error);
int chart_time_memory_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error);
int chart_time_space_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error);
int chart_time_limit_write(const struct chart_plan *plan, const char *folder,
                           struct csv_error *error);
int chart_lbo_write(const struct chart_plan *plan, const char *folder, struct csv_error *error);
int chart_mmu_write(const struct chart_plan *plan, const char *folder, struct csv_error *error);
int chart_stop_cdf_write(const struct chart_plan *plan, const char *folder,
                         struct csv_error *error);
int chart_stalls_write(const struct chart_plan *plan, const char *folder, struct csv_error *error);
int chart_latency_hdr_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error);
int chart_memory_time_write(const struct chart_plan *plan, const char *folder,
                            struct csv_error *error);

#endif
