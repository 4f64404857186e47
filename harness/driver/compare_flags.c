#include "driver/compare_flags.h"

#include "data/comparable.h"
#include "data/number_text.h"
#include "driver/cmd.h"
#include "driver/compare_text.h"
#include "driver/shared_file.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const format_words[] = {"text", "markdown", "csv", "json", "junit", NULL};

void compare_flags_init(struct compare_flags *flags)
{
    *flags = (struct compare_flags){.tolerance_percent = 5, .alpha = 0.05};
}

void compare_flags_free(struct compare_flags *flags)
{
    free(flags->metrics);
    free(flags->allowed);
}

static error_t take_number(const struct argp_state *state, const char *option, const char *text,
                           double least, double most, double *value)
{
    if (number_parse_real(text, value) || *value < least || *value > most)
        return cmd_usage(state, "--%s is '%s', not a number from %g to %g", option, text, least,
                         most);
    return 0;
}

static error_t take_format(struct compare_flags *flags, const struct argp_state *state,
                           const char *text)
{
    for (int i = 0; i < COMPARE_FORMAT_COUNT; i++) {
        if (!strcmp(text, format_words[i])) {
            flags->format = (enum compare_format)i;
            return 0;
        }
    }
    return cmd_usage(state, "--format is '%s', not text, markdown, csv, json or junit", text);
}

static error_t take_allowed(struct compare_flags *flags, const struct argp_state *state,
                            const char *text)
{
    for (const char *const *key = comparable_keys; *key; key++) {
        if (!strcmp(*key, text)) {
            *(const char **)xappend(&flags->allowed, &flags->allowed_count, sizeof text) = text;
            return 0;
        }
    }
    const char *nearest = cmd_nearest(text, comparable_keys);
    return cmd_usage(
        state, "--allow-different is '%s', which is no key that runs are held to%s%s%s", text,
        nearest ? ": did you mean '" : "; see --help", nearest ? nearest : "", nearest ? "'?" : "");
}

error_t compare_flags_take(struct compare_flags *flags, const struct argp_state *state, int key,
                           const char *text)
{
    switch (key) {
    case COMPARE_FLAG_METRIC:
        for (size_t i = 0; i < flags->metric_count; i++)
            if (!strcmp(flags->metrics[i], text))
                return 0;
        *(const char **)xappend(&flags->metrics, &flags->metric_count, sizeof text) = text;
        return 0;
    case COMPARE_FLAG_GATE:
        if (!*text)
            return cmd_usage(state, "--gate needs the name of a file");
        flags->gate_path = text;
        return 0;
    case COMPARE_FLAG_ALLOW:
        return take_allowed(flags, state, text);
    case COMPARE_FLAG_TOLERANCE:
        flags->has_tolerance = true;
        return take_number(state, "tolerance", text, 0, 1e6, &flags->tolerance_percent);
    case COMPARE_FLAG_ALPHA:
        return take_number(state, "alpha", text, 1e-9, 0.5, &flags->alpha);
    case COMPARE_FLAG_FORMAT:
        return take_format(flags, state, text);
    case COMPARE_FLAG_STRICT:
        flags->strict = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int compare_flags_gate(const struct compare_flags *flags, struct gate **gate,
                       const struct run_data *const *runs, size_t run_count)
{
    char *path = flags->gate_path ? xstrdup(flags->gate_path)
                 : access(COMPARE_FLAGS_GATE, R_OK) == 0
                     ? xstrdup(COMPARE_FLAGS_GATE)
                     : shared_file_find(COMPARE_FLAGS_GATE, "gate.csv");
    *gate = NULL;
    if (!path && flags->metric_count)
        return CMD_DONE;
    if (!path)
        return cmd_fail(CMD_MISSING,
                        "there is no " COMPARE_FLAGS_GATE " here, nor one that came with gcmeter; "
                        "name one: --gate FILE, or what to compare: --metric NAME");
    struct csv_error error;
    int failed = gate_load(gate, path, &error);
    if (!failed && run_count && (failed = gate_check_metrics(*gate, runs, run_count, &error))) {
        gate_free(*gate);
        *gate = NULL;
    }
    free(path);
    return failed ? cmd_fail_reading(failed, &error) : CMD_DONE;
}

struct compare_options compare_flags_options(const struct compare_flags *flags,
                                             const struct gate *gate)
{
    struct compare_options options = {
        .metrics = flags->metrics,
        .metric_count = flags->metric_count,
        .tolerance = {.relative = flags->tolerance_percent / 100, .absolute = 0},
        .alpha = flags->alpha,
        .gate = gate,
        .gates_all = gate && flags->metric_count > 0,
        .overrides_tolerance = flags->has_tolerance,
    };
    if (gate && !flags->metric_count)
        options.metrics = gate_metrics(gate, &options.metric_count);
    return options;
}

bool compare_flags_colour(const struct compare_flags *flags)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return flags->format == COMPARE_FORMAT_TEXT && isatty(STDOUT_FILENO) &&
           !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

int compare_flags_default(const struct run_data *base, const struct run_data *new,
                          struct gate **gate, struct compare_result **result)
{
    struct csv_error error;
    struct compare_flags flags;
    *gate = NULL;
    *result = NULL;
    int failed = comparable_check(base, new, NULL, 0, &error);
    if (failed)
        return cmd_fail_reading(failed, &error);
    compare_flags_init(&flags);
    int code = compare_flags_gate(&flags, gate, (const struct run_data *const[]){base, new}, 2);
    if (code == CMD_DONE) {
        struct compare_options options = compare_flags_options(&flags, *gate);
        failed = compare_runs(result, base, new, &options, &error);
        if (failed) {
            *result = NULL;
            code = cmd_fail_reading(failed, &error);
        }
    }
    compare_flags_free(&flags);
    return code;
}

int compare_flags_print(const struct compare_flags *flags, const struct compare_options *options,
                        const struct compare_result *result)
{
    const struct compare_text text = {
        .out = stdout,
        .markdown = flags->format == COMPARE_FORMAT_MARKDOWN,
        .colour = compare_flags_colour(flags),
        .options = options,
    };
    int error = 0;
    if (flags->format == COMPARE_FORMAT_CSV)
        error = compare_write_csv(result, stdout);
    else if (flags->format == COMPARE_FORMAT_JSON)
        error = compare_write_json(result, stdout);
    else if (flags->format == COMPARE_FORMAT_JUNIT)
        error = compare_write_junit(result, stdout);
    else
        compare_text_runs(&text, result);
    /* What stdout itself refuses is told when it is flushed. */
    return error == -ENOMEM ? cmd_fail(CMD_MISSING, "out of memory") : CMD_DONE;
}

int compare_flags_exit(const struct compare_flags *flags, const struct compare_result *result,
                       bool noisy)
{
    if (result->count[COMPARE_BROKEN] || result->count[COMPARE_REGRESSED])
        return CMD_REGRESSED;
    if (compare_is_undecided(result))
        return CMD_UNDECIDED;
    if (flags->strict && (result->count[COMPARE_INCONCLUSIVE] || noisy))
        return CMD_UNDECIDED;
    return CMD_DONE;
}

bool compare_flags_is_noisy(const struct run_data *run)
{
    for (size_t i = 0; i < run->invocation_count; i++)
        if (run_invocation_has_flag(&run->invocations[i], "noisy"))
            return true;
    return false;
}
