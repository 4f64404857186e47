/* cmd_export.c: `gcmeter export`: a run in formats that other tools read, on stdout. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/export.h"
#include "data/number_text.h"
#include "data/printable.h"
#include "driver/cmd.h"
#include "driver/xalloc.h"

enum { KEY_FORMAT = 'f', KEY_METRIC = 'm', KEY_CELL = 'c', KEY_INVOCATION = 'i' };

enum format { FORMAT_BENCHFMT, FORMAT_BMF, FORMAT_GHA, FORMAT_PERFETTO, FORMAT_COUNT };

static const char *const format_words[] = {"benchfmt", "bmf", "gha", "perfetto", NULL};

struct request {
    const char *folder;
    bool has_format;
    enum format format;
    const char **metrics;
    size_t metric_count;
    const char *cell;
    bool has_invocation;
    int64_t invocation;
};

static const struct argp_option options[] = {
    {"format", KEY_FORMAT, "FORMAT", 0,
     "benchfmt: Go's benchmark format, for benchstat; bmf: Bencher's metric format; gha: "
     "customSmallerIsBetter of github-action-benchmark; perfetto: one invocation as a trace, for "
     "ui.perfetto.dev or chrome://tracing",
     0},
    {"metric", KEY_METRIC, "NAME", 0,
     "this metric, and only those named (repeatable; default all that have a direction); not for "
     "perfetto",
     0},
    {"cell", KEY_CELL, "CELL", 0,
     "perfetto: the cell, as compare prints it (default: that of the first invocation that ended "
     "well)",
     0},
    {"invocation", KEY_INVOCATION, "N", 0,
     "perfetto: number of the invocation in its cell (default: the first that ended well)", 0},
    {0},
};

static error_t take_format(struct request *r, const struct argp_state *state, const char *text)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (!strcmp(text, format_words[i])) {
            r->format = (enum format)i;
            r->has_format = true;
            return 0;
        }
    }
    return cmd_usage(state, "--format is '%s', not benchfmt, bmf, gha or perfetto", text);
}

static error_t check_request(const struct request *r, const struct argp_state *state)
{
    if (!r->folder)
        return cmd_usage(state, "which run? gcmeter export results/latest --format benchfmt");
    if (!r->has_format)
        return cmd_usage(state, "in which format? --format benchfmt, bmf, gha or perfetto");
    bool is_trace = r->format == FORMAT_PERFETTO;
    if (is_trace && r->metric_count)
        return cmd_usage(state, "--metric is not for perfetto");
    if (!is_trace && (r->cell || r->has_invocation))
        return cmd_usage(state, "--%s is for perfetto", r->cell ? "cell" : "invocation");
    return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case KEY_FORMAT:
        return take_format(r, state, text);
    case KEY_METRIC:
        *(const char **)xappend(&r->metrics, &r->metric_count, sizeof text) = text;
        return 0;
    case KEY_CELL:
        r->cell = text;
        return 0;
    case KEY_INVOCATION:
        r->has_invocation = true;
        if (number_parse_int(text, &r->invocation))
            return cmd_usage(state, "--invocation is '%s', not a number", text);
        return 0;
    case ARGP_KEY_ARG:
        return cmd_take_run(state, &r->folder, text);
    case ARGP_KEY_END:
        return check_request(r, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR",
    .doc = "Write a run, or one invocation of it, in a format that other tools read.\v"
           "Invocations that did not end well are left out.",
};

/* The invocation to draw, or negative after saying why there is none. */
static int64_t choose(const struct request *r, const struct run_data *run)
{
    char cell[300];
    if (r->cell && !run_data_cell(run, r->cell)) {
        cmd_fail(CMD_USAGE, "the run has no cell '%s'; invocations.csv names them",
                 printable_copy(cell, sizeof cell, r->cell));
        return -1;
    }
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        if ((!r->cell || !strcmp(run->cells[invocation->cell].key, r->cell)) &&
            (r->has_invocation ? invocation->number == r->invocation
                               : invocation->status == RUN_OK && invocation->number >= 0))
            return (int64_t)i;
    }
    if (r->has_invocation)
        cmd_fail(CMD_USAGE, "there is no invocation %" PRId64 "; invocations.csv has their numbers",
                 r->invocation);
    else
        cmd_fail(CMD_USAGE, "no invocation of the %s ended well; name one: --invocation N",
                 r->cell ? "cell" : "run");
    return -1;
}

static void tell(size_t count, const char *what)
{
    if (count)
        fprintf(stderr, "gcmeter: %zu %s\n", count, what);
}

static size_t count_failed(const struct run_data *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->invocation_count; i++)
        count += run->invocations[i].status != RUN_OK && run->invocations[i].status != RUN_SKIPPED;
    return count;
}

static int write_run(const struct request *r, const struct run_data *run)
{
    struct csv_error error = {""};
    struct export_choice choice = {.metrics = r->metrics, .metric_count = r->metric_count};
    size_t left_out = 0;
    int64_t invocation = r->format == FORMAT_PERFETTO ? choose(r, run) : 0;
    if (invocation < 0)
        return CMD_USAGE;
    int failed = export_check(run, &choice, &error);
    if (failed)
        return cmd_fail(CMD_USAGE, "%s", error.text);
    switch (r->format) {
    case FORMAT_BENCHFMT:
        failed = export_benchfmt(run, &choice, stdout);
        break;
    case FORMAT_BMF:
        failed = export_bmf(run, &choice, stdout);
        break;
    case FORMAT_GHA:
        failed = export_gha(run, &choice, stdout, &left_out);
        break;
    default:
        failed = export_perfetto(run, (size_t)invocation, stdout, &error);
    }
    tell(left_out,
         "metrics of which more is better are left out: this format has no place for them");
    if (r->format != FORMAT_PERFETTO)
        tell(count_failed(run), "invocations failed and are left out");
    /* What stdout itself refuses is told when it is flushed. */
    if (failed == -EIO)
        return CMD_DONE;
    if (failed == -ENOMEM)
        return cmd_fail(CMD_MISSING, "out of memory");
    return failed ? cmd_fail(CMD_USAGE, "%s", error.text) : CMD_DONE;
}

int cmd_export(int argc, char **argv)
{
    struct request r = {0};
    int code = cmd_parse(&parser, argc, argv, &r);
    if (code < 0) {
        struct run_data *run = NULL;
        struct csv_error error;
        int failed = run_data_load(&run, r.folder, &error);
        code = failed ? cmd_fail_reading(failed, &error) : write_run(&r, run);
        run_data_free(run);
    }
    free(r.metrics);
    return code;
}
