/* chart_caption.h: the words of a panel: its title and n, what it leaves out and why, and which
 * series it shows. Nothing that was measured or failed is left out without a note. */
#ifndef DATA_CHART_CAPTION_H
#define DATA_CHART_CAPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "data/chart_plan.h"
#include "data/chart_table.h"

/* Give it to chart_caption_free() in the end. */
struct chart_caption {
    FILE *note; /* goes on with the note begun last */
    char *note_text;
    size_t note_length;
    bool noted;
    FILE *series;
    char *series_text;
    size_t series_length;
    unsigned shown_count;
};

/* 0 or -ENOMEM. */
int chart_caption_open(struct chart_caption *caption);
void chart_caption_free(struct chart_caption *caption);

/* Starts a note. */
void chart_caption_note(struct chart_caption *caption, const char *text);

/* Says that the panel shows the series, an index into plan->series. */
void chart_caption_show(struct chart_caption *caption, uint32_t series);

/* Notes the members without any stop: of a backend that reports stops, or has none by its nature;
 * and those that say nothing about them. has_stops[i] is of panel->members[i]. 0 or -ENOMEM. */
int chart_caption_note_stopless(struct chart_caption *caption, const struct chart_plan *plan,
                                const struct chart_panel *panel, const bool *has_stops);

/* The first columns of a CHART.panels.csv, CHART_CAPTION_COLUMNS: after the notes given, what
 * failed or is missing. Once per caption. 0 or -ENOMEM. */
#define CHART_CAPTION_COLUMNS "panel,title,n,note,series"
int chart_caption_put(struct chart_caption *caption, struct chart_table *table,
                      const struct chart_plan *plan, size_t panel);

/* The same for a chart with several panels for one of the plan: its own number, from 1, and what to
 * add to the title. */
int chart_caption_put_as(struct chart_caption *caption, struct chart_table *table,
                         const struct chart_plan *plan, size_t panel, size_t number,
                         const char *addition);

/* The same for a panel that is not of the plan, whose notes are complete: the range of n over its
 * cells, 0 to 0 where nothing counts. */
int chart_caption_put_own(struct chart_caption *caption, struct chart_table *table, size_t number,
                          const char *title, size_t n_low, size_t n_high);

/* "n = 10" or "n = 7 to 10": the range over the panel's cells of how many invocations count. */
void chart_put_n(FILE *out, const struct chart_plan *plan, const struct chart_panel *panel);

/* The same of a range that is known; nothing where `high` is 0. */
void chart_put_n_range(FILE *out, size_t low, size_t high);

/* Whether some invocations of a cell did not end well, and what became of those: "oom 2 of 10,
 * crashed 1 of 10", "skipped: REASON". */
bool chart_has_failures(const struct chart_plan *plan, uint32_t cell);
void chart_put_outcome(FILE *out, const struct chart_plan *plan, uint32_t cell);

/* "812 ms", "1.34 GiB": for people, three digits. */
void chart_put_time(FILE *out, double ns);
void chart_put_bytes(FILE *out, double bytes);

#endif
