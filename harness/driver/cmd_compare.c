/* cmd_compare.c: `gcmeter compare`: two runs, or the backends of one. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/comparable.h"
#include "data/compare.h"
#include "data/gate_file.h"
#include "data/number_text.h"
#include "data/printable.h"
#include "driver/cmd.h"
#include "driver/compare_text.h"
#include "driver/shared_file.h"
#include "driver/xalloc.h"

enum {
    KEY_BY = 256,
    KEY_REFERENCE,
    KEY_METRIC,
    KEY_TOLERANCE,
    KEY_ALPHA,
    KEY_GATE,
    KEY_ALLOW,
    KEY_FORMAT,
    KEY_STRICT
};

enum format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_CSV, FORMAT_JSON, FORMAT_JUNIT, FORMAT_COUNT };

static const char *const format_words[] = {"text", "markdown", "csv", "json", "junit", NULL};

#define GATE_FILE "results/gate.csv"

struct request {
    const char *folders[2];
    int folder_count;
    bool by_backend;
    const char *reference; /* NULL: the first of default_references that the run has */
    const char **metrics;
    size_t metric_count;
    const char *gate_path;
    const char **allowed;
    size_t allowed_count;
    bool has_tolerance;
    double tolerance_percent;
    double alpha;
    int format;
    bool strict;
};

/* What users of malloc compare with. */
static const char *const default_references[] = {"mimalloc", "malloc", NULL};

static const struct argp_option option_table[] = {
    {"by", KEY_BY, "backend", 0, "compare the backends of one run with each other", 0},
    {"reference", KEY_REFERENCE, "VARIANT", 0,
     "with --by backend: what the others are compared with (default mimalloc, else malloc)", 0},
    {"metric", KEY_METRIC, "NAME", 0,
     "compare this metric, and only those named (repeatable; default what the gate file names; "
     "with "
     "--by backend wall_ns, pause_max_ns, latency_max_ns, rss_peak_bytes)",
     0},
    {"gate", KEY_GATE, "FILE", 0,
     "which metrics gate, and at which tolerance (default " GATE_FILE
     ", else the one that came with "
     "gcmeter)",
     0},
    {"tolerance", KEY_TOLERANCE, "PCT", 0,
     "a change of up to PCT percent is the same (default 5), whatever the gate file says", 0},
    {"allow-different", KEY_ALLOW, "KEY", 0,
     "compare runs that differ in KEY all the same (repeatable): cpu_model, cores, seed, warmup, "
     "iterations, workload_params or backend_options",
     0},
    {"alpha", KEY_ALPHA, "A", 0, "chance of any false verdict, over all comparisons (default 0.05)",
     0},
    {"format", KEY_FORMAT, "FORMAT", 0, "text, markdown, csv, json or junit (default text)", 0},
    {"strict", KEY_STRICT, NULL, 0, "end with 5 also where something is inconclusive or noisy", 0},
    {0},
};

static error_t take_number(const struct argp_state *state, const char *option, const char *text,
                           double least, double most, double *value)
{
    if (number_parse_real(text, value) || *value < least || *value > most)
        return cmd_usage(state, "--%s is '%s', not a number from %g to %g", option, text, least,
                         most);
    return 0;
}

static error_t take_format(struct request *r, const struct argp_state *state, const char *text)
{
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (!strcmp(text, format_words[i])) {
            r->format = i;
            return 0;
        }
    }
    return cmd_usage(state, "--format is '%s', not text, markdown, csv, json or junit", text);
}

static error_t check_request(const struct request *r, const struct argp_state *state)
{
    bool is_table = r->format == FORMAT_TEXT || r->format == FORMAT_MARKDOWN;
    if (r->by_backend && r->folder_count != 1)
        return cmd_usage(state, "--by backend needs one run: compare RUN --by backend");
    if (!r->by_backend && r->folder_count != 2)
        return cmd_usage(state, "two runs are needed: compare BASE NEW");
    if (r->reference && !r->by_backend)
        return cmd_usage(state, "--reference needs --by backend");
    if (r->by_backend && (r->gate_path || r->allowed_count))
        return cmd_usage(state, "--%s is for two runs, not for --by backend",
                         r->gate_path ? "gate" : "allow-different");
    if (r->by_backend && r->format == FORMAT_JUNIT)
        return cmd_usage(state, "--format junit is for two runs, not for --by backend");
    if (r->by_backend && is_table && r->metric_count > COMPARE_TEXT_METRICS)
        return cmd_usage(state, "a table has room for %d metrics; --format csv has for all",
                         COMPARE_TEXT_METRICS);
    return 0;
}

static error_t take_allowed(struct request *r, const struct argp_state *state, const char *text)
{
    for (const char *const *key = comparable_keys; *key; key++) {
        if (!strcmp(*key, text)) {
            *(const char **)xappend(&r->allowed, &r->allowed_count, sizeof text) = text;
            return 0;
        }
    }
    const char *nearest = cmd_nearest(text, comparable_keys);
    return cmd_usage(
        state, "--allow-different is '%s', which is no key that runs are held to%s%s%s", text,
        nearest ? ": did you mean '" : "; see --help", nearest ? nearest : "", nearest ? "'?" : "");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case KEY_BY:
        if (strcmp(text, "backend") != 0)
            return cmd_usage(state, "--by is '%s', not backend", text);
        r->by_backend = true;
        return 0;
    case KEY_REFERENCE:
        r->reference = text;
        return 0;
    case KEY_METRIC:
        for (size_t i = 0; i < r->metric_count; i++)
            if (!strcmp(r->metrics[i], text))
                return 0;
        *(const char **)xappend(&r->metrics, &r->metric_count, sizeof text) = text;
        return 0;
    case KEY_GATE:
        r->gate_path = text;
        return 0;
    case KEY_ALLOW:
        return take_allowed(r, state, text);
    case KEY_TOLERANCE:
        r->has_tolerance = true;
        return take_number(state, "tolerance", text, 0, 1e6, &r->tolerance_percent);
    case KEY_ALPHA:
        return take_number(state, "alpha", text, 1e-9, 0.5, &r->alpha);
    case KEY_FORMAT:
        return take_format(r, state, text);
    case KEY_STRICT:
        r->strict = true;
        return 0;
    case ARGP_KEY_ARG:
        if (r->folder_count == 2)
            return cmd_usage(state, "'%s' is a third run; two are compared", text);
        r->folders[r->folder_count++] = text;
        return 0;
    case ARGP_KEY_END:
        return check_request(r, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "BASE NEW\nRUN --by backend",
    .doc = "Compare two runs cell by cell, worst first, or the backends of one run with each "
           "other. The verdict on each cell and metric is broken, regressed, improved, same or "
           "inconclusive.\v"
           "Runs are refused that differ in what nobody meant to compare: processor, parameters, "
           "options. "
           "Exit codes: 0 done, 1 something regressed or broke, 2 usage or malformed input, 5 not "
           "decidable with so few invocations. Between backends 1 and 5 need a --metric or "
           "--strict: that one is slower than another is no failure.",
};

static int fail_with(int error, const struct csv_error *text)
{
    return cmd_fail(error == -ENOMEM ? CMD_MISSING : CMD_USAGE, "%s", text->text);
}

static void warn_of_difference(const struct run_data *base, const struct run_data *new,
                               const char *key)
{
    const char *was = run_data_key(base, key);
    const char *is = run_data_key(new, key);
    if (!was || !is || !strcmp(was, is))
        return;
    fprintf(stderr, "gcmeter: warning: the runs differ in %s: '", key);
    printable_put(stderr, was);
    fputs("' and '", stderr);
    printable_put(stderr, is);
    fputs("'\n", stderr);
}

/* What may make figures of two runs differ without anybody having changed the program. */
static void warn_of_differences(const struct run_data *base, const struct run_data *new)
{
    static const char *const keys[] = {"memory_bytes", "kernel", "governor", "thp", "aslr"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        warn_of_difference(base, new, keys[i]);
}

static bool is_noisy(const struct run_data *run)
{
    for (size_t i = 0; i < run->invocation_count; i++)
        if (run_invocation_has_flag(&run->invocations[i], "noisy"))
            return true;
    return false;
}

static bool has_completed(const struct run_data *run, const struct run_cell *cell,
                          const char *variant)
{
    const struct cell_part *part = &cell->parts.backend;
    if ((size_t)part->length != strlen(variant) ||
        strncmp(part->text, variant, strlen(variant)) != 0)
        return false;
    for (size_t i = 0; i < cell->invocation_count; i++)
        if (run->invocations[cell->invocations[i]].status == RUN_OK)
            return true;
    return false;
}

/* The variant of the run to compare with where none was named, or NULL. */
static const char *find_reference(const struct run_data *run)
{
    for (const char *const *name = default_references; *name; name++)
        for (size_t i = 0; i < run->cell_count; i++)
            if (has_completed(run, &run->cells[i], *name))
                return *name;
    return NULL;
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal &&
           strcmp(terminal, "dumb") != 0;
}

static int print_result(const struct request *r, const struct compare_options *options,
                        const struct compare_result *result, const struct run_data *run)
{
    const struct compare_text text = {
        .out = stdout,
        .markdown = r->format == FORMAT_MARKDOWN,
        .colour = r->format == FORMAT_TEXT && wants_colour(),
        .options = options,
    };
    int error = 0;
    if (r->format == FORMAT_CSV)
        error = compare_write_csv(result, stdout);
    else if (r->format == FORMAT_JSON)
        error = compare_write_json(result, stdout);
    else if (r->format == FORMAT_JUNIT)
        error = compare_write_junit(result, stdout);
    else if (r->by_backend)
        error = compare_text_backends(&text, result, run, r->reference);
    else
        compare_text_runs(&text, result);
    /* What stdout itself refuses is told when it is flushed. */
    return error == -ENOMEM ? cmd_fail(CMD_MISSING, "out of memory") : CMD_DONE;
}

static int exit_code(const struct request *r, const struct compare_result *result, bool noisy)
{
    if (r->by_backend && !r->metric_count && !r->strict)
        return CMD_DONE;
    if (result->count[COMPARE_BROKEN] || result->count[COMPARE_REGRESSED])
        return !r->by_backend || r->metric_count ? CMD_REGRESSED : CMD_DONE;
    /* Where nothing could be compared nothing is known to be well. */
    if (result->undecidable_count || result->row_count == 0)
        return CMD_UNDECIDED;
    if (r->strict && (result->count[COMPARE_INCONCLUSIVE] || noisy))
        return CMD_UNDECIDED;
    return CMD_DONE;
}

/* Loads what gates into *gate. 0, or the exit code of what went wrong, and the user has been told.
 */
static int load_gate(struct gate **gate, const struct request *r, const struct run_data *base,
                     const struct run_data *new)
{
    char *path = r->gate_path                   ? xstrdup(r->gate_path)
                 : access(GATE_FILE, R_OK) == 0 ? xstrdup(GATE_FILE)
                                                : shared_file_find(GATE_FILE, "gate.csv");
    if (!path)
        return cmd_fail(CMD_MISSING,
                        "there is no " GATE_FILE " here, nor one that came with gcmeter; "
                        "name one: --gate FILE, or what to compare: --metric NAME");
    struct csv_error error;
    const struct run_data *runs[] = {base, new};
    int failed = gate_load(gate, path, &error);
    if (!failed && (failed = gate_check_metrics(*gate, runs, 2, &error)) != 0) {
        gate_free(*gate);
        *gate = NULL;
    }
    free(path);
    return failed ? fail_with(failed, &error) : CMD_DONE;
}

static int show(struct request *r, const struct compare_options *options,
                const struct compare_result *result, const struct run_data *base,
                const struct run_data *new)
{
    int code = print_result(r, options, result, base);
    return code == CMD_DONE ? exit_code(r, result, is_noisy(base) || (new &&is_noisy(new))) : code;
}

static int show_backends(struct request *r, struct compare_options *options,
                         const struct run_data *run)
{
    if (!r->reference && !(r->reference = find_reference(run)))
        return cmd_fail(CMD_USAGE, "no cell of mimalloc or malloc completed in this run; name what "
                                   "to compare with: --reference VARIANT");
    if (!r->metric_count) {
        options->metrics = compare_default_metrics;
        options->metric_count = compare_default_metric_count;
    }
    struct csv_error error;
    struct compare_result *result;
    int failed = compare_backends(&result, run, r->reference, options, &error);
    if (failed)
        return fail_with(failed, &error);
    int code = show(r, options, result, run, NULL);
    compare_free(result);
    return code;
}

static int show_runs(struct request *r, struct compare_options *options,
                     const struct run_data *base, const struct run_data *new)
{
    struct csv_error error;
    struct gate *gate = NULL;
    int failed = comparable_check(base, new, r->allowed, r->allowed_count, &error);
    if (failed)
        return fail_with(failed, &error);
    int code = load_gate(&gate, r, base, new);
    if (code != CMD_DONE)
        return code;
    warn_of_differences(base, new);
    options->gate = gate;
    options->gates_all = r->metric_count > 0;
    options->overrides_tolerance = r->has_tolerance;
    if (!r->metric_count)
        options->metrics = gate_metrics(gate, &options->metric_count);
    struct compare_result *result;
    failed = compare_runs(&result, base, new, options, &error);
    code = failed ? fail_with(failed, &error) : show(r, options, result, base, new);
    if (!failed)
        compare_free(result);
    gate_free(gate);
    return code;
}

static int compare_and_print(struct request *r, const struct run_data *base,
                             const struct run_data *new)
{
    struct compare_options options = {
        .metrics = r->metrics,
        .metric_count = r->metric_count,
        .tolerance = {.relative = r->tolerance_percent / 100, .absolute = 0},
        .alpha = r->alpha,
    };
    return new ? show_runs(r, &options, base, new) : show_backends(r, &options, base);
}

int cmd_compare(int argc, char **argv)
{
    struct request r = {.tolerance_percent = 5, .alpha = 0.05};
    int code = cmd_parse(&parser, argc, argv, &r);
    if (code < 0) {
        struct run_data *runs[2] = {NULL, NULL};
        struct csv_error error;
        int outcome = 0;
        for (int i = 0; i < r.folder_count && !outcome; i++)
            outcome = run_data_load(&runs[i], r.folders[i], &error);
        code = outcome ? fail_with(outcome, &error) : compare_and_print(&r, runs[0], runs[1]);
        run_data_free(runs[0]);
        run_data_free(runs[1]);
    }
    free(r.metrics);
    free(r.allowed);
    return code;
}
