/* cmd_plot.c: `gcmeter plot`. */
#include "driver/cmd.h"

#include <stdlib.h>

#include "driver/draw_charts.h"
#include "driver/xalloc.h"

enum { KEY_OUT = 'o', KEY_FORMAT = 'f', KEY_REFERENCE = 'r', KEY_WIDTH = 'w' };

struct request {
    const char *run_folder;
    struct draw_request draw;
};

static const struct argp_option options[] = {
    {"out", KEY_OUT, "DIR", 0, "where the charts go (default: plots in the run's folder)", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, DRAW_FORMAT_HELP, 0},
    {"reference", KEY_REFERENCE, "VARIANT", 0, DRAW_REFERENCE_HELP, 0},
    {"width", KEY_WIDTH, "COLUMNS", 0, DRAW_WIDTH_HELP, 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_OUT:
        if (!*argument)
            return cmd_usage(state, "--out needs the name of a folder");
        request->draw.out_folder = argument;
        return 0;
    case KEY_FORMAT:
        return draw_parse_formats(state, argument, &request->draw);
    case KEY_REFERENCE:
        request->draw.reference = argument;
        return 0;
    case KEY_WIDTH:
        return draw_parse_width(state, argument, &request->draw);
    case ARGP_KEY_ARG:
        if (request->run_folder)
            return cmd_usage(state, "one run at a time: '%s' and '%s'", request->run_folder,
                             argument);
        request->run_folder = argument;
        return 0;
    case ARGP_KEY_END:
        if (!request->run_folder)
            return cmd_usage(state, "which run? gcmeter plot results/latest draws the last one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_plot(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DIR",
        "Draw the charts of the run in DIR with gnuplot.\v"
        "Charts are drawn of what the run has: scaling of runs with several numbers of threads, "
        "time_space and time_limit of those with several heap limits, warmup of those with several "
        "iterations. The tables that they are drawn from are kept in data/ beside them; each "
        "script in plots/ says what it shows and how to run it by hand. GCMETER_PLOTS names "
        "another folder of scripts.",
        NULL,
        NULL,
        NULL};
    struct request request = {.draw = {.width = 2, .list = stdout}};
    int code = cmd_parse(&argp, argc, argv, &request);
    if (code >= 0)
        return code;
    if (!request.draw.formats)
        request.draw.formats = DRAW_SVG | DRAW_PNG;
    char *default_out = xprintf("%s/plots", request.run_folder);
    if (!request.draw.out_folder)
        request.draw.out_folder = default_out;
    struct run_data *run;
    code = draw_load_run(&run, request.run_folder);
    if (code == CMD_DONE) {
        code = draw_charts(&request.draw, run);
        run_data_free(run);
    }
    free(default_out);
    return code;
}
