/* chart_tables.h: all tables that the scripts of plots/ read, and what is to be drawn from them. */
#ifndef DATA_CHART_TABLES_H
#define DATA_CHART_TABLES_H

#include <stddef.h>

#include "data/chart_plan.h"

/* A picture: panels `first` to `last`, counted from 1, drawn by the script CHART.gp. */
struct chart_page {
    const char *chart;
    size_t first;
    size_t last;
    size_t number; /* of the page within its chart, from 1 */
};

/* Every chart there is, up to a NULL; a run has some of them. */
extern const char *const chart_names[];

/* The commands that made the run and its charts, for their metadata; to be freed. NULL: no memory.
 */
char *chart_tables_command(const struct chart_plan *plan);

/* Writes the tables of every chart into `folder`, which exists, and lists what to draw in *pages,
 * an array of *page_count that the caller frees: pictures of one or two columns of a paper,
 * `width`, that go onto a page of it. The plan has at least one panel. 0, or a negative errno
 * described in *error. Thread-safe on different folders. */
int chart_tables_write(const struct chart_plan *plan, const char *folder, int width,
                       struct chart_page **pages, size_t *page_count, struct csv_error *error);

#endif
