/* run_report.h: the page of one run: its parts, in the order in which they are read. What a part
 * says is derived from the run alone. Not thread-safe. */
#ifndef DRIVER_RUN_REPORT_H
#define DRIVER_RUN_REPORT_H

#include <stdbool.h>

#include "data/chart_plan.h"
#include "data/compare.h"
#include "driver/report_page.h"

struct report {
    struct report_page *page;
    const struct run_data *run;
    struct chart_plan plan; /* its reference is the backend whose page it is; -1 without cells */
    const char *own;        /* the label of that, or "" */
    const struct compare_options *options;
    const struct compare_result
        *against;                    /* own as base with the others; NULL where it has no cell */
    const struct run_data *baseline; /* or NULL */
    const struct compare_result *changes; /* the run as new, the baseline as base */
    const char *charts_folder;            /* where the pictures are, or NULL: there are none */
    const char *charts_link;              /* the same as seen from the page */
};

/* The variant whose page it is where none is named: the first tracing backend of the run, in its
 * plainest variant; else the first backend; NULL where there is no cell. It points into the run.
 * *length of it. */
const char *report_default_own(const struct run_data *run, size_t *length);

/* Writes the whole page. 0, or a negative errno: -ENOMEM, or of reading a picture or its tables. */
int report_write(const struct report *report, const char *title, const char *style);

/* Its parts, as report_write() calls them. */
int report_put_summary(const struct report *report);
int report_put_verdicts(const struct report *report);
int report_put_changes(const struct report *report);
int report_put_workloads(const struct report *report);
int report_put_fairness(const struct report *report);
void report_put_method(const struct report *report);
int report_put_doubts(const struct report *report);

#endif
