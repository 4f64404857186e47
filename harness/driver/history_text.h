/* history_text.h: a history for people, and its changes as a table. */
#ifndef DRIVER_HISTORY_TEXT_H
#define DRIVER_HISTORY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "data/history_file.h"
#include "data/history_trend.h"

/* Starts with its first three members set. */
struct history_text {
    FILE *out;
    const struct history *history;
    bool csv;            /* a row per change; else text, with a curve per series */
    size_t series_count; /* printed so far */
    const char *cell;    /* of the last one */
};

/* One series of the history with its changes; above the first one the runs, or the heading. */
void history_text_series(struct history_text *text, const struct history_series *series,
                         const struct history_trend *trend);

/* "since DATE (COMMIT): 812 ms to 905 ms, +11.4 %, p 2e-07" */
void history_text_change(FILE *out, const struct history *history,
                         const struct history_series *series, const struct history_trend *trend,
                         const struct change_point *change);

#endif
