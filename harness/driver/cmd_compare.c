/* cmd_compare.c: `gcmeter compare`: two runs, or the backends of one. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/comparable.h"
#include "data/compare.h"
#include "data/printable.h"
#include "driver/cmd.h"
#include "driver/compare_flags.h"
#include "driver/compare_text.h"

enum {
    KEY_BY = 256,
    KEY_REFERENCE,
};

struct request {
    const char *folders[2];
    int folder_count;
    bool by_backend;
    const char *reference; /* NULL: the first of default_references that the run has */
    struct compare_flags flags;
};

/* What users of malloc compare with. */
static const char *const default_references[] = {"mimalloc", "malloc", NULL};

static const struct argp_option option_table[] = {
    {"by", KEY_BY, "backend", 0, "compare the backends of one run with each other", 0},
    {"reference", KEY_REFERENCE, "VARIANT", 0,
     "with --by backend: what the others are compared with (default mimalloc, else malloc)", 0},
    {"metric", COMPARE_FLAG_METRIC, "NAME", 0,
     "compare this metric, and only those named (repeatable; default what the gate file names; "
     "with "
     "--by backend wall_ns, pause_max_ns, latency_max_ns, rss_peak_bytes)",
     0},
    {"gate", COMPARE_FLAG_GATE, "FILE", 0,
     "which metrics gate, and at which tolerance (default " COMPARE_FLAGS_GATE
     ", else the one that came with "
     "gcmeter)",
     0},
    {"tolerance", COMPARE_FLAG_TOLERANCE, "PCT", 0,
     "a change of up to PCT percent is the same (default 5), whatever the gate file says", 0},
    {"allow-different", COMPARE_FLAG_ALLOW, "KEY", 0,
     "compare runs that differ in KEY all the same (repeatable): cpu_model, cores, seed, warmup, "
     "iterations, workload_params or backend_options",
     0},
    {"alpha", COMPARE_FLAG_ALPHA, "A", 0,
     "chance of any false verdict, over all comparisons (default 0.05)", 0},
    {"format", COMPARE_FLAG_FORMAT, "FORMAT", 0,
     "text, markdown, csv, json or junit (default text)", 0},
    {"strict", COMPARE_FLAG_STRICT, NULL, 0,
     "end with 5 also where something is inconclusive or noisy", 0},
    {0},
};

static error_t check_request(const struct request *r, const struct argp_state *state)
{
    bool is_table =
        r->flags.format == COMPARE_FORMAT_TEXT || r->flags.format == COMPARE_FORMAT_MARKDOWN;
    if (r->by_backend && r->folder_count != 1)
        return cmd_usage(state, "--by backend needs one run: compare RUN --by backend");
    if (!r->by_backend && r->folder_count != 2)
        return cmd_usage(state, "two runs are needed: compare BASE NEW");
    if (r->reference && !r->by_backend)
        return cmd_usage(state, "--reference needs --by backend");
    if (r->by_backend && (r->flags.gate_path || r->flags.allowed_count))
        return cmd_usage(state, "--%s is for two runs, not for --by backend",
                         r->flags.gate_path ? "gate" : "allow-different");
    if (r->by_backend && r->flags.format == COMPARE_FORMAT_JUNIT)
        return cmd_usage(state, "--format junit is for two runs, not for --by backend");
    if (r->by_backend && is_table && r->flags.metric_count > COMPARE_TEXT_METRICS)
        return cmd_usage(state, "a table has room for %d metrics; --format csv has for all",
                         COMPARE_TEXT_METRICS);
    return 0;
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
    case ARGP_KEY_ARG:
        if (r->folder_count == 2)
            return cmd_usage(state, "'%s' is a third run; two are compared", text);
        r->folders[r->folder_count++] = text;
        return 0;
    case ARGP_KEY_END:
        return check_request(r, state);
    default:
        return compare_flags_take(&r->flags, state, key, text);
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

static int print_result(const struct request *r, const struct compare_options *options,
                        const struct compare_result *result, const struct run_data *run)
{
    bool is_markdown = r->flags.format == COMPARE_FORMAT_MARKDOWN;
    if (!r->by_backend || (!is_markdown && r->flags.format != COMPARE_FORMAT_TEXT))
        return compare_flags_print(&r->flags, options, result);
    const struct compare_text text = {
        .out = stdout,
        .markdown = is_markdown,
        .colour = compare_flags_colour(&r->flags),
        .options = options,
    };
    int error = compare_text_backends(&text, result, run, r->reference);
    return error == -ENOMEM ? cmd_fail(CMD_MISSING, "out of memory") : CMD_DONE;
}

static int exit_code(const struct request *r, const struct compare_result *result, bool noisy)
{
    bool gates = !r->by_backend || r->flags.metric_count;
    if (!gates && !r->flags.strict)
        return CMD_DONE;
    if (!gates && (result->count[COMPARE_BROKEN] || result->count[COMPARE_REGRESSED]))
        return CMD_DONE;
    return compare_flags_exit(&r->flags, result, noisy);
}

static int show(struct request *r, const struct compare_options *options,
                const struct compare_result *result, const struct run_data *base,
                const struct run_data *new)
{
    int code = print_result(r, options, result, base);
    bool noisy = compare_flags_is_noisy(base) || (new &&compare_flags_is_noisy(new));
    return code == CMD_DONE ? exit_code(r, result, noisy) : code;
}

static int show_backends(struct request *r, const struct run_data *run)
{
    struct compare_options options = compare_flags_options(&r->flags, NULL);
    if (!r->reference && !(r->reference = find_reference(run)))
        return cmd_fail(CMD_USAGE, "no cell of mimalloc or malloc completed in this run; name what "
                                   "to compare with: --reference VARIANT");
    if (!r->flags.metric_count) {
        options.metrics = compare_default_metrics;
        options.metric_count = compare_default_metric_count;
    }
    struct csv_error error;
    struct compare_result *result;
    int failed = compare_backends(&result, run, r->reference, &options, &error);
    if (failed)
        return cmd_fail_reading(failed, &error);
    int code = show(r, &options, result, run, NULL);
    compare_free(result);
    return code;
}

static int show_runs(struct request *r, const struct run_data *base, const struct run_data *new)
{
    struct csv_error error;
    struct gate *gate = NULL;
    int failed = comparable_check(base, new, r->flags.allowed, r->flags.allowed_count, &error);
    if (failed)
        return cmd_fail_reading(failed, &error);
    int code = compare_flags_gate(&r->flags, &gate, (const struct run_data *[]){base, new}, 2);
    if (code != CMD_DONE)
        return code;
    warn_of_differences(base, new);
    struct compare_options options = compare_flags_options(&r->flags, gate);
    struct compare_result *result;
    failed = compare_runs(&result, base, new, &options, &error);
    code = failed ? cmd_fail_reading(failed, &error) : show(r, &options, result, base, new);
    if (!failed)
        compare_free(result);
    gate_free(gate);
    return code;
}

struct loading {
    const char *folder;
    struct run_data *run; /* NULL where it failed */
    int failed;           /* as run_data_load() tells it */
    struct csv_error error;
};

static void *load(void *data)
{
    struct loading *loading = data;
    loading->failed = run_data_load(&loading->run, loading->folder, &loading->error);
    return NULL;
}

/* Reading is most of what comparing takes, so two runs are read at a time. Returns an exit code. */
static int load_all(struct loading *loadings, int count)
{
    pthread_t other;
    bool beside = count == 2 && pthread_create(&other, NULL, load, &loadings[1]) == 0;
    load(&loadings[0]);
    if (beside)
        pthread_join(other, NULL);
    else if (count == 2 && !loadings[0].failed)
        load(&loadings[1]);
    for (int i = 0; i < count; i++)
        if (loadings[i].failed)
            return cmd_fail_reading(loadings[i].failed, &loadings[i].error);
    return CMD_DONE;
}

int cmd_compare(int argc, char **argv)
{
    struct request r = {0};
    compare_flags_init(&r.flags);
    int code = cmd_parse(&parser, argc, argv, &r);
    if (code < 0) {
        struct loading loadings[2] = {{.folder = r.folders[0]}, {.folder = r.folders[1]}};
        code = load_all(loadings, r.folder_count);
        if (code == CMD_DONE)
            code = r.folder_count == 2 ? show_runs(&r, loadings[0].run, loadings[1].run)
                                       : show_backends(&r, loadings[0].run);
        run_data_free(loadings[0].run);
        run_data_free(loadings[1].run);
    }
    compare_flags_free(&r.flags);
    return code;
}
