/* report_charts.h: the pictures of a report: which there are in its folder of charts, and where
 * each belongs. */
#ifndef DRIVER_REPORT_CHARTS_H
#define DRIVER_REPORT_CHARTS_H

#include <stddef.h>

#include "driver/run_report.h"

/* Charts of which a page of HTML has one picture per panel, up to a NULL: those that show one
 * workload at a time. The others set workloads side by side. */
extern const char *const report_charts_by_panel[];

struct report_picture {
    char *file; /* in the folder */
    const char *chart;
    const struct chart_panel *panel; /* NULL: of the whole run */
};

struct report_charts {
    struct report_picture *pictures;
    size_t count;
};

/* Lists the pictures in report->charts_folder, none where that is NULL. The caller gives *charts to
 * report_charts_free(). 0, or a negative errno of reading the tables beside them. */
int report_charts_find(struct report_charts *charts, const struct report *report);
void report_charts_free(struct report_charts *charts);

/* Puts the pictures of one panel, or, where it is NULL, those of the whole run, onto the page. 0 or
 * a negative errno. */
int report_charts_put(const struct report_charts *charts, const struct report *report,
                      const struct chart_panel *panel);

#endif
