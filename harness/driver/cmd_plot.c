/* cmd_plot.c: `gcmeter plot`. */
#include "driver/cmd.h"

#include <stdlib.h>

#include "data/comparable.h"
#include "data/history_file.h"
#include "driver/compare_flags.h"
#include "driver/draw_charts.h"
#include "driver/xalloc.h"

enum {
    KEY_OUT = 'o',
    KEY_BASE = 'b',
    KEY_HISTORY = 'H',
};

struct request {
    const char *run_folder;
    const char *base_folder;
    const char *history_path;
    struct draw_request draw;
};

static const struct argp_option options[] = {
    {"out", KEY_OUT, "DIR", 0, "where the charts go (default: plots in the run's folder)", 0},
    {"base", KEY_BASE, "DIR", 0, "also chart how the run compares with another one, its base", 0},
    {"history", KEY_HISTORY, "FILE", 0,
     "also chart how the cells of the run went in this history (gcmeter history add)", 0},
    DRAW_OPTIONS,
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
    case KEY_BASE:
        request->base_folder = argument;
        return 0;
    case KEY_HISTORY:
        request->history_path = argument;
        return 0;
    case ARGP_KEY_ARG:
        return cmd_take_run(state, &request->run_folder, argument);
    case ARGP_KEY_END:
        if (!request->run_folder)
            return cmd_usage(state, "which run? gcmeter plot results/latest draws the last one");
        return 0;
    default:
        return draw_take(&request->draw, state, key, argument);
    }
}

static int draw_with_base(struct request *request, const struct run_data *run)
{
    struct run_data *base;
    int code = draw_load_run(&base, request->base_folder);
    if (code != CMD_DONE)
        return code;
    struct gate *gate;
    struct compare_result *result;
    code = compare_flags_default(base, run, &gate, &result);
    if (code == CMD_DONE && result->row_count == 0)
        code =
            cmd_fail(CMD_USAGE, "the runs have no cell in common: nothing compares with the base");
    if (code == CMD_DONE) {
        request->draw.comparison = result;
        code = draw_charts(&request->draw, run);
    }
    compare_free(result);
    gate_free(gate);
    run_data_free(base);
    return code;
}

int cmd_plot(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DIR",
        "Draw the charts of the run in DIR with gnuplot.\v"
        "Charts are drawn of what the run has: scaling of runs with several numbers of threads, "
        "ab_ratio with a base, history with a history, time_space and time_limit of those with "
        "several heap limits, warmup "
        "of those with several "
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
    struct history *history = NULL;
    struct gate *gate = NULL;
    struct csv_error error;
    code = draw_load_run(&run, request.run_folder);
    if (code == CMD_DONE && request.history_path &&
        history_load(&history, request.history_path, &error))
        code = cmd_fail(CMD_USAGE, "%s", error.text);
    if (code == CMD_DONE && history) {
        struct compare_flags flags;
        compare_flags_init(&flags);
        code = compare_flags_gate(&flags, &gate, NULL, 0);
        compare_flags_free(&flags);
    }
    request.draw.history = history;
    request.draw.gate = gate;
    if (code == CMD_DONE)
        code =
            request.base_folder ? draw_with_base(&request, run) : draw_charts(&request.draw, run);
    gate_free(gate);
    history_free(history);
    run_data_free(run);
    free(default_out);
    return code;
}
