/* cmd_history.c: `gcmeter history`: many runs in one file, how their figures went, and whether they
 * became worse. */
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/history_file.h"
#include "data/history_trend.h"
#include "data/machine_class.h"
#include "data/printable.h"
#include "driver/cmd.h"
#include "driver/compare_flags.h"
#include "driver/history_text.h"
#include "driver/xalloc.h"

enum { KEY_COMMIT = 256, KEY_ALLOW, KEY_CELL, KEY_METRIC, KEY_GATE, KEY_SINCE, KEY_FORMAT };

#define OPTION_BIT(key) (1U << ((key)-KEY_COMMIT))

enum action { ACTION_NONE, ACTION_ADD, ACTION_SHOW, ACTION_CHECK, ACTION_CLASS };

static const char *const action_words[] = {
    [ACTION_NONE] = "",       [ACTION_ADD] = "add",     [ACTION_SHOW] = "show",
    [ACTION_CHECK] = "check", [ACTION_CLASS] = "class", NULL,
};

struct request {
    enum action action;
    const char *path;
    const char **folders;
    size_t folder_count;
    const char *commit;
    const char **allowed;
    size_t allowed_count;
    const char *cell_pattern;
    const char **metrics;
    size_t metric_count;
    const char *gate_path;
    const char *since;
    bool csv;
    unsigned given; /* bit per option, by its key */
};

static const struct argp_option option_table[] = {
    {"commit", KEY_COMMIT, "REV", 0,
     "add: the revision that was measured, where it is not that of gcmeter itself", 0},
    {"allow-different", KEY_ALLOW, "KEY", 0,
     "add: a run that differs in KEY from those in the file all the same (repeatable): cpu_model, "
     "cores, kernel, seed, warmup, iterations, workload_params or backend_options",
     0},
    {"cell", KEY_CELL, "GLOB", 0,
     "show, check: only the cells that fit, in which * also stands for slashes", 0},
    {"metric", KEY_METRIC, "NAME", 0,
     "show, check: only this metric, and only those named (repeatable; default what the gate file "
     "names)",
     0},
    {"gate", KEY_GATE, "FILE", 0,
     "show, check: which metrics gate, and how large a change must be (default " COMPARE_FLAGS_GATE
     ", else the one that came with gcmeter)",
     0},
    {"since", KEY_SINCE, "DATE", 0,
     "check: changes before that date (as 2026-11-27, or 2026-11-27T12:00:00Z) are accepted", 0},
    {"format", KEY_FORMAT, "FORMAT", 0, "show: text, or csv with a row per change (default text)",
     0},
    {0},
};

/* What the option `key` is for, as in its help. */
static bool is_option_of(int key, enum action action)
{
    switch (key) {
    case KEY_COMMIT:
    case KEY_ALLOW:
        return action == ACTION_ADD;
    case KEY_SINCE:
        return action == ACTION_CHECK;
    case KEY_FORMAT:
        return action == ACTION_SHOW;
    default:
        return action == ACTION_SHOW || action == ACTION_CHECK;
    }
}

/* The date as the texts of run.csv sort: YYYY-MM-DD and what may follow. */
static bool is_date(const char *text)
{
    static const char form[] = "0000-00-00";
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return !text[10] || text[10] == 'T';
}

static error_t take_allowed(struct request *r, const struct argp_state *state, const char *text)
{
    for (const char *const *key = history_keys; *key; key++) {
        if (!strcmp(*key, text)) {
            *(const char **)xappend(&r->allowed, &r->allowed_count, sizeof text) = text;
            return 0;
        }
    }
    const char *nearest = cmd_nearest(text, history_keys);
    return cmd_usage(
        state, "--allow-different is '%s', which is no key that runs are held to%s%s%s", text,
        nearest ? ": did you mean '" : "; see --help", nearest ? nearest : "", nearest ? "'?" : "");
}

static error_t take_argument(struct request *r, const struct argp_state *state, const char *text)
{
    if (r->action == ACTION_NONE) {
        for (int a = ACTION_ADD; a <= ACTION_CLASS; a++)
            if (!strcmp(text, action_words[a]))
                r->action = (enum action)a;
        if (r->action != ACTION_NONE)
            return 0;
        const char *nearest = cmd_nearest(text, action_words + 1);
        return cmd_usage(state, "'%s' is not add, show, check or class%s%s%s", text,
                         nearest ? ": did you mean '" : "", nearest ? nearest : "",
                         nearest ? "'?" : "");
    }
    if (!r->path && r->action != ACTION_CLASS)
        r->path = text;
    else
        *(const char **)xappend(&r->folders, &r->folder_count, sizeof text) = text;
    return 0;
}

static error_t check_request(const struct request *r, const struct argp_state *state)
{
    if (r->action == ACTION_NONE)
        return cmd_usage(state, "what is to be done? history add FILE DIR..., history show FILE, "
                                "history check FILE or history class DIR");
    const char *word = action_words[r->action];
    bool takes_runs = r->action == ACTION_ADD || r->action == ACTION_CLASS;
    if (!r->path && r->action != ACTION_CLASS)
        return cmd_usage(state, "which file? history %s FILE", word);
    if (takes_runs && !r->folder_count)
        return cmd_usage(state, "which run? history %s%s results/latest takes the last one", word,
                         r->action == ACTION_ADD ? " FILE" : "");
    if (!takes_runs && r->folder_count)
        return cmd_usage(state, "'%s' is one file too many", r->folders[0]);
    if (r->action == ACTION_CLASS && r->folder_count > 1)
        return cmd_usage(state, "'%s' is one run too many", r->folders[1]);
    for (const struct argp_option *o = option_table; o->name; o++)
        if (r->given & OPTION_BIT(o->key) && !is_option_of(o->key, r->action))
            return cmd_usage(state, "--%s is not for history %s; see --help", o->name, word);
    return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    if (key >= KEY_COMMIT && key <= KEY_FORMAT)
        r->given |= OPTION_BIT(key);
    switch (key) {
    case KEY_COMMIT:
        r->commit = text;
        return 0;
    case KEY_ALLOW:
        return take_allowed(r, state, text);
    case KEY_CELL:
        r->cell_pattern = text;
        return 0;
    case KEY_METRIC:
        *(const char **)xappend(&r->metrics, &r->metric_count, sizeof text) = text;
        return 0;
    case KEY_GATE:
        if (!*text)
            return cmd_usage(state, "--gate needs the name of a file");
        r->gate_path = text;
        return 0;
    case KEY_SINCE:
        if (!is_date(text))
            return cmd_usage(state, "--since is '%s', not a date such as 2026-11-27", text);
        r->since = text;
        return 0;
    case KEY_FORMAT:
        if (strcmp(text, "text") && strcmp(text, "csv"))
            return cmd_usage(state, "--format is '%s', not text or csv", text);
        r->csv = !strcmp(text, "csv");
        return 0;
    case ARGP_KEY_ARG:
        return take_argument(r, state, text);
    case ARGP_KEY_END:
        return check_request(r, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "add FILE DIR...\nshow FILE\ncheck FILE\nclass DIR",
    .doc =
        "Keep what many runs of one machine measured in one CSV file: `add` appends runs to it, "
        "`show` prints how each figure went and where its level changed, `check` fails where the "
        "last change of a gated figure is for the worse. `class` names the machine class of a "
        "run, for a file of each.\v"
        "Changes are those of E-divisive with means as in Hunter and Apache Otava, at p below "
        "0.001, and larger than the tolerance of the gate file. "
        "Exit codes of check: 0 nothing became worse, 1 something did, or a cell fails in all "
        "invocations of the newest run, 5 not decidable: fewer than 8 runs of a gated figure.",
};

static int fail_with(int error, const struct csv_error *text)
{
    bool missing = error == -ENOMEM || error == -ENOSPC || error == -EDQUOT;
    return cmd_fail(missing ? CMD_MISSING : CMD_USAGE, "%s", text->text);
}

static int add(const struct request *r, const struct run_data *const *runs)
{
    struct history_add_options options = {
        .commit = r->commit, .allowed = r->allowed, .allowed_count = r->allowed_count};
    struct csv_error error;
    size_t added;
    int failed = history_add(r->path, runs, r->folder_count, &options, &added, &error);
    if (failed)
        return fail_with(failed, &error);
    fprintf(stderr, "gcmeter: %zu run%s added to ", added, added == 1 ? "" : "s");
    printable_put(stderr, r->path);
    if (added < r->folder_count)
        fprintf(stderr, ", which has %zu already", r->folder_count - added);
    fputs("\n", stderr);
    return CMD_DONE;
}

static int with_runs(const struct request *r)
{
    struct run_data **runs = xcalloc(r->folder_count, sizeof *runs);
    struct csv_error error;
    int failed = 0;
    for (size_t i = 0; i < r->folder_count && !failed; i++)
        failed = run_data_load(&runs[i], r->folders[i], &error);
    int code = CMD_DONE;
    if (failed) {
        code = fail_with(failed, &error);
    } else if (r->action == ACTION_ADD) {
        code = add(r, (const struct run_data *const *)runs);
    } else {
        char *name = machine_class_format(runs[0]);
        if (name)
            puts(name);
        else
            code = cmd_fail(CMD_MISSING, "out of memory");
        free(name);
    }
    for (size_t i = 0; i < r->folder_count; i++)
        run_data_free(runs[i]);
    free(runs);
    return code;
}

static bool is_wanted(const struct request *r, const struct gate *gate,
                      const struct history_series *series, struct compare_tolerance *tolerance)
{
    *tolerance = (struct compare_tolerance){0};
    bool gates = gate_tolerance(gate, series->cell, series->metric, tolerance);
    bool named = r->metric_count == 0;
    for (size_t i = 0; i < r->metric_count; i++)
        named |= !strcmp(r->metrics[i], series->metric);
    /* Metrics that are named are shown whether they gate or not. */
    return named && (gates || (r->metric_count && r->action == ACTION_SHOW)) &&
           (!r->cell_pattern || !fnmatch(r->cell_pattern, series->cell, 0));
}

static int show(const struct request *r, const struct gate *gate, const struct history *history)
{
    struct history_text text = {.out = stdout, .history = history, .csv = r->csv};
    for (size_t i = 0; i < history->series_count; i++) {
        const struct history_series *series = &history->series[i];
        struct compare_tolerance tolerance;
        struct history_trend trend;
        if (!is_wanted(r, gate, series, &tolerance))
            continue;
        if (history_trend_find(&trend, series, &tolerance))
            return cmd_fail(CMD_MISSING, "out of memory");
        history_text_series(&text, series, &trend);
        history_trend_free(&trend);
    }
    if (!text.series_count)
        return cmd_fail(CMD_USAGE, "%s has no such figure; see its columns cell and metric",
                        r->path);
    return CMD_DONE;
}

struct tally {
    size_t judged;
    size_t regressed;
    size_t broken;
    size_t improved;
    size_t undecided;
    size_t absent; /* from the newest run */
};

/* Whether the newest run has the series; then *last. */
static bool is_current(const struct history *history, const struct history_series *series,
                       const struct history_point **last)
{
    *last = &series->points[series->point_count - 1];
    return (*last)->run == history->run_count - 1;
}

static bool has_ok(const struct history_series *series)
{
    for (size_t i = 0; i < series->point_count; i++)
        if (series->points[i].ok_count)
            return true;
    return false;
}

static void check_status(const struct request *r, const struct history *history,
                         const struct history_series *series, struct tally *tally)
{
    const struct history_point *last;
    if (strcmp(series->metric, "wall_ns") || !is_current(history, series, &last) ||
        last->ok_count || !has_ok(series) ||
        (r->cell_pattern && fnmatch(r->cell_pattern, series->cell, 0)))
        return;
    tally->broken++;
    fputs("broken     ", stdout);
    printable_put(stdout, series->cell);
    printf("  all of %zu invocations failed in the newest run\n", last->all_count);
}

static int check_series(const struct request *r, const struct history *history,
                        const struct history_series *series,
                        const struct compare_tolerance *tolerance, struct tally *tally)
{
    const struct history_point *last;
    struct history_trend trend;
    if (!is_current(history, series, &last)) {
        tally->absent++;
        return CMD_DONE;
    }
    if (last->ok_count == 0)
        return CMD_DONE;
    if (history_trend_find(&trend, series, tolerance))
        return cmd_fail(CMD_MISSING, "out of memory");
    tally->judged++;
    tally->undecided += trend.value_count < HISTORY_LEAST_RUNS;
    if (trend.change_count) {
        const struct change_point *change = &trend.changes[trend.change_count - 1];
        const struct history_point *first = &series->points[trend.points[change->index]];
        bool accepted = r->since && strcmp(history->runs[first->run].date, r->since) < 0;
        if (!history_change_is_worse(series, change)) {
            tally->improved++;
        } else if (!accepted) {
            tally->regressed++;
            fputs("regressed  ", stdout);
            printable_put(stdout, series->cell);
            printf("  %s ", series->metric);
            history_text_change(stdout, history, series, &trend, change);
            fputs("\n", stdout);
        }
    }
    history_trend_free(&trend);
    return CMD_DONE;
}

/* A metric that is named wrongly is none that cannot be decided. */
static int check_metrics(const struct request *r, const struct history *history)
{
    for (size_t i = 0; i < r->metric_count; i++) {
        size_t found = 0;
        while (found < history->series_count &&
               strcmp(history->series[found].metric, r->metrics[i]) != 0)
            found++;
        if (found == history->series_count)
            return cmd_fail(CMD_USAGE, "%s has no metric '%s'; see its column metric", r->path,
                            r->metrics[i]);
    }
    return CMD_DONE;
}

static int check(const struct request *r, const struct gate *gate, const struct history *history)
{
    struct tally tally = {0};
    int code = check_metrics(r, history);
    if (code != CMD_DONE)
        return code;
    for (size_t i = 0; i < history->series_count; i++)
        check_status(r, history, &history->series[i], &tally);
    for (size_t i = 0; i < history->series_count && code == CMD_DONE; i++) {
        struct compare_tolerance tolerance;
        if (is_wanted(r, gate, &history->series[i], &tolerance))
            code = check_series(r, history, &history->series[i], &tolerance, &tally);
    }
    if (code != CMD_DONE)
        return code;
    printf("%zu run%s, %zu figure%s: %zu regressed, %zu improved, %zu with fewer than %d runs\n",
           history->run_count, history->run_count == 1 ? "" : "s", tally.judged,
           tally.judged == 1 ? "" : "s", tally.regressed, tally.improved, tally.undecided,
           HISTORY_LEAST_RUNS);
    if (tally.absent)
        fprintf(stderr, "gcmeter: %zu figures are not in the newest run, and not judged\n",
                tally.absent);
    if (tally.broken || tally.regressed)
        return CMD_REGRESSED;
    return tally.undecided || !tally.judged ? CMD_UNDECIDED : CMD_DONE;
}

static int with_history(const struct request *r)
{
    struct csv_error error;
    struct history *history;
    struct gate *gate = NULL;
    struct compare_flags flags;
    int failed = history_load(&history, r->path, &error);
    if (failed)
        return fail_with(failed, &error);
    compare_flags_init(&flags);
    flags.gate_path = r->gate_path;
    int code = compare_flags_gate(&flags, &gate, NULL, 0);
    compare_flags_free(&flags);
    if (code == CMD_DONE)
        code = r->action == ACTION_SHOW ? show(r, gate, history) : check(r, gate, history);
    gate_free(gate);
    history_free(history);
    return code;
}

int cmd_history(int argc, char **argv)
{
    struct request r = {0};
    int code = cmd_parse(&parser, argc, argv, &r);
    if (code < 0)
        code =
            r.action == ACTION_SHOW || r.action == ACTION_CHECK ? with_history(&r) : with_runs(&r);
    free(r.folders);
    free(r.allowed);
    free(r.metrics);
    return code;
}
