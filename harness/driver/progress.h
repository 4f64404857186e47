/* progress.h: how far a run is, on stderr: one line that is kept up to date on a terminal, one line
 * per finished cell otherwise. */
#ifndef DRIVER_PROGRESS_H
#define DRIVER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool quiet;
    bool terminal;
    bool colour;
    bool line_shown;
};

/* Looks at stderr, TERM and NO_COLOR. */
void progress_init(struct progress *progress, bool quiet);

/* The cell that is being run; left_ns < 0: not known yet. Shown on a terminal only. */
void progress_show(struct progress *progress, const char *cell, double done_share, int64_t left_ns);

/* A line that stays. `bad` lines are in colour, and are printed even when quiet. */
void progress_line(struct progress *progress, bool bad, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the line away: before other output, and at the end. */
void progress_clear(struct progress *progress);

/* "45 s", "3 min 20 s", "2 h 5 min", in at least PROGRESS_TIME_BYTES bytes; returns `buffer`. */
#define PROGRESS_TIME_BYTES 32
char *progress_format_time(char *buffer, int64_t ns);

#endif
