/* draw_charts.h: writes the derived tables of a run and has gnuplot draw them by the scripts of
 * plots/. What fails is told on stderr in one line; the functions return exit codes (cmd.h) unless
 * said otherwise. Not thread-safe: drawing changes the current folder until it returns. */
#ifndef DRIVER_DRAW_CHARTS_H
#define DRIVER_DRAW_CHARTS_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "data/chart_tables.h"

enum { DRAW_SVG = 1, DRAW_PNG = 2, DRAW_PDF = 4 };

struct draw_format {
    const char *name; /* also the ending of the file */
    unsigned bit;
};

#define DRAW_FORMAT_COUNT 3
extern const struct draw_format draw_formats[DRAW_FORMAT_COUNT];

struct draw_request {
    const char *out_folder; /* made where it is missing; the tables go into its folder data */
    const char *reference;  /* as for chart_plan_make() */
    unsigned formats;       /* DRAW_SVG and so on */
    int width;              /* of a paper, in columns: 1 or 2 */
    const struct compare_result *comparison; /* of the run with another one, its base, or NULL */
    const struct history *history;           /* of many runs, or NULL */
    const struct gate *gate;                 /* for that, or NULL */
    FILE *list;                              /* gets the name of each picture, or NULL */
    char **command;  /* gets what PNG and PDF say made them, the caller's to free; or NULL */
    bool leaves_pdf; /* as gnuplot writes it, without a note */

    /* Called for each picture when all are complete, or NULL; `name` is that in out_folder. */
    void (*drawn)(void *data, const char *name, const struct chart_page *page);
    void *drawn_data;

    /* Charts, up to a NULL, of which each panel gets a picture of its own, CHART-PANEL, one column
     * wide; or NULL. */
    const char *const *by_panel;
};

/* The options of a command that draws, for its table. */
enum { DRAW_KEY_FORMAT = 'f', DRAW_KEY_REFERENCE = 'r', DRAW_KEY_WIDTH = 'w' };
#define DRAW_OPTIONS                                                                               \
    {"format",                                                                                     \
     DRAW_KEY_FORMAT,                                                                              \
     "FORMAT",                                                                                     \
     0,                                                                                            \
     "svg, png or pdf, several joined by commas (default: svg,png)",                               \
     0},                                                                                           \
        {"reference",                                                                              \
         DRAW_KEY_REFERENCE,                                                                       \
         "VARIANT",                                                                                \
         0,                                                                                        \
         "what ratios are relative to (default: mimalloc, else the first manual backend)",         \
         0},                                                                                       \
    {                                                                                              \
        "width", DRAW_KEY_WIDTH, "COLUMNS", 0, "for 1 or 2 columns of a paper (default: 2)", 0     \
    }

/* Takes the option `key` of the enum above; --format adds to what came before. ARGP_ERR_UNKNOWN for
 * others. Otherwise as cmd_usage(). */
error_t draw_take(struct draw_request *request, const struct argp_state *state, int key,
                  const char *text);

/* Loads a run that has something to draw, to be freed by the caller. */
int draw_load_run(struct run_data **run, const char *folder);

/* Draws every chart that the run has data for. */
int draw_charts(const struct draw_request *request, const struct run_data *run);

/* The folder of the scripts, absolute, to be freed; NULL after saying why there is none. */
char *draw_find_scripts(void);

/* Makes `path` and what leads to it. 0 or a negative errno. */
int draw_make_folders(const char *path);

#endif
