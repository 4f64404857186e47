/* cmd_report.c: `gcmeter report`: one page about a run, as HTML that needs nothing but itself, or
 * as Markdown with its pictures in a folder beside it. */
#include "driver/cmd.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/comparable.h"
#include "data/printable.h"
#include "driver/compare_flags.h"
#include "driver/draw_charts.h"
#include "driver/report_charts.h"
#include "driver/run_report.h"
#include "driver/xalloc.h"

#define STYLE_FILE      "report.css"
#define STYLE_BYTES_MAX ((size_t)1 << 20)

enum { KEY_BASELINE = 'b', KEY_REFERENCE = 'r', KEY_OUT = 'o', KEY_FORMAT = 'f' };

struct request {
    const char *folder;
    const char *baseline;
    const char *reference;
    const char *out;
    bool markdown;
};

static const struct argp_option options[] = {
    {"out", KEY_OUT, "FILE", 0, "the page (default: report.html, or report.md, in DIR)", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, "html or markdown (default: html)", 0},
    {"reference", KEY_REFERENCE, "VARIANT", 0,
     "the backend that the page is about, which the others are compared with (default: the first "
     "tracing one)",
     0},
    {"baseline", KEY_BASELINE, "DIR", 0, "another run, with which this one is compared", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_OUT:
        if (!*argument)
            return cmd_usage(state, "--out needs the name of a file");
        request->out = argument;
        return 0;
    case KEY_FORMAT:
        if (strcmp(argument, "html") && strcmp(argument, "markdown"))
            return cmd_usage(state, "--format is html or markdown, not '%s'", argument);
        request->markdown = !strcmp(argument, "markdown");
        return 0;
    case KEY_REFERENCE:
        request->reference = argument;
        return 0;
    case KEY_BASELINE:
        request->baseline = argument;
        return 0;
    case ARGP_KEY_ARG:
        return cmd_take_run(state, &request->folder, argument);
    case ARGP_KEY_END:
        if (!request->folder)
            return cmd_usage(state,
                             "which run? gcmeter report results/latest is about the last one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The style sheet, to be freed, or NULL after saying why there is none. */
static char *read_style(void)
{
    char *scripts = draw_find_scripts();
    if (!scripts)
        return NULL;
    char *path = xprintf("%s/" STYLE_FILE, scripts);
    free(scripts);
    FILE *in = fopen(path, "re");
    char *style = xcalloc(STYLE_BYTES_MAX, 1);
    if (!in || fread(style, 1, STYLE_BYTES_MAX - 1, in) == 0) {
        cmd_fail(CMD_MISSING, "%s: %s", path, in ? "it is empty" : strerror(errno));
        free(style);
        style = NULL;
    }
    if (in)
        fclose(in);
    free(path);
    return style;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* The page without what its name ends in: "a/report" of "a/report.md". */
static char *stem_of(const char *out)
{
    const char *slash = strrchr(out, '/');
    const char *name = slash ? slash + 1 : out;
    const char *dot = strrchr(name, '.');
    size_t length = dot && dot != name ? (size_t)(dot - out) : strlen(out);
    return xprintf("%.*s", (int)length, out);
}

/* Draws into a folder, which *folder names: beside the page for Markdown, else one that is removed
 * again. */
static int draw(const struct request *request, const struct report *report, char **folder)
{
    char *stem = stem_of(request->out);
    *folder = xprintf(request->markdown ? "%s-charts" : "%s-charts-XXXXXX", stem);
    free(stem);
    if (!request->markdown && !mkdtemp(*folder)) {
        int code = cmd_fail(CMD_MISSING, "%s: %s", *folder, strerror(errno));
        free(*folder);
        *folder = NULL;
        return code;
    }
    const struct draw_request drawing = {
        .out_folder = *folder,
        .formats = DRAW_SVG,
        .width = 2,
        .comparison = report->changes,
        .by_panel = request->markdown ? NULL : report_charts_by_panel,
    };
    return draw_charts(&drawing, report->run);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Writes the page under another name first, so that it appears when it is complete. */
static int write_page(const struct request *request, struct report *report, const char *style)
{
    char *unfinished = xprintf("%s.part", request->out);
    char *title = xprintf("gcmeter report: %s", request->folder);
    FILE *out = fopen(unfinished, "we");
    int code = CMD_DONE;
    if (!out) {
        code = cmd_fail(CMD_MISSING, "%s: %s", unfinished, strerror(errno));
    } else {
        struct report_page page = {.out = out, .markdown = request->markdown};
        report->page = &page;
        int error = report_write(report, title, style);
        report->page = NULL;
        bool failed = ferror(out) != 0;
        failed |= fclose(out) != 0;
        if (error)
            code = cmd_fail(CMD_MISSING, "a chart cannot be taken into the page: %s",
                            strerror(-error));
        else if (failed || rename(unfinished, request->out))
            code = cmd_fail(CMD_MISSING, "%s: %s", request->out, strerror(errno));
        if (code != CMD_DONE)
            unlink(unfinished);
    }
    free(title);
    free(unfinished);
    return code;
}

static int draw_and_write(const struct request *request, struct report *report)
{
    char *style = request->markdown ? xstrdup("") : read_style();
    if (!style)
        return CMD_MISSING;
    char *folder = NULL;
    int code = report->run->cell_count ? draw(request, report, &folder) : CMD_DONE;
    if (code == CMD_DONE) {
        report->charts_folder = folder;
        report->charts_link = folder ? name_of(folder) : "";
        code = write_page(request, report, style);
    }
    if (folder && !request->markdown)
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    free(style);
    return code;
}

static int report_on(const struct request *request, const struct run_data *run,
                     const struct run_data *baseline)
{
    struct csv_error error;
    struct compare_flags flags;
    compare_flags_init(&flags);
    struct compare_options own_options = compare_flags_options(&flags, NULL);
    own_options.metrics = compare_default_metrics;
    own_options.metric_count = compare_default_metric_count;
    struct report report = {.run = run, .baseline = baseline, .options = &own_options, .own = ""};
    struct compare_result *against = NULL, *changes = NULL;
    struct gate *gate = NULL;
    size_t length = 0;
    const char *own = report_default_own(run, &length);
    char *reference = request->reference ? xstrdup(request->reference)
                      : own              ? xprintf("%.*s", (int)length, own)
                                         : NULL;
    int failed = chart_plan_make(&report.plan, run, reference, &error);
    int code = failed ? cmd_fail_reading(failed, &error) : CMD_DONE;
    if (code == CMD_DONE && report.plan.reference >= 0) {
        report.own = report.plan.series[report.plan.reference].label;
        failed = compare_backends(&against, run, report.own, &own_options, &error);
        code = failed ? cmd_fail_reading(failed, &error) : CMD_DONE;
        report.against = against;
    }
    if (code == CMD_DONE && baseline)
        code = compare_flags_default(baseline, run, &gate, &changes);
    report.changes = changes;
    if (code == CMD_DONE)
        code = draw_and_write(request, &report);
    compare_free(changes);
    compare_free(against);
    gate_free(gate);
    chart_plan_free(&report.plan);
    compare_flags_free(&flags);
    free(reference);
    return code;
}

int cmd_report(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DIR",
        "Write one page about the run in DIR: a summary in words, verdicts with intervals, each "
        "workload with its charts, how fair the comparison is, and what is doubtful.\v"
        "HTML is one file that needs nothing else. Markdown has its pictures beside it, in a "
        "folder "
        "named as the page with -charts at the end. Charts need gnuplot.",
        NULL,
        NULL,
        NULL};
    struct request request = {0};
    int code = cmd_parse(&argp, argc, argv, &request);
    if (code >= 0)
        return code;
    char *default_out = xprintf("%s/report.%s", request.folder, request.markdown ? "md" : "html");
    if (!request.out)
        request.out = default_out;
    struct csv_error error;
    struct run_data *run = NULL, *baseline = NULL;
    int failed = run_data_load(&run, request.folder, &error);
    if (!failed && request.baseline)
        failed = run_data_load(&baseline, request.baseline, &error);
    code = failed ? cmd_fail_reading(failed, &error) : report_on(&request, run, baseline);
    if (code == CMD_DONE)
        printf("%s\n", request.out);
    run_data_free(baseline);
    run_data_free(run);
    free(default_out);
    return code;
}
