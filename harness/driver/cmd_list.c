/* cmd_list.c: `gcmeter list`: what there is, from --describe and the tables. */
#include "data/printable.h"
#include "data/run_data.h"
#include "data/schema.h"
#include "driver/catalog.h"
#include "driver/cmd.h"
#include "driver/suite.h"
#include "driver/text_table.h"
#include "driver/workload_character.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_CSV = 256, KEY_QUIET, KEY_MARKDOWN, KEY_RUN };

enum topic { TOPIC_BACKENDS, TOPIC_WORKLOADS, TOPIC_SUITES, TOPIC_METRICS, TOPIC_COUNT };

static const char *const topic_words[] = {"backends", "workloads", "suites", "metrics", NULL};

struct request {
    int topic; /* -1: all */
    bool csv;
    bool quiet;
    bool markdown;
    const char *run; /* NULL: not given */
};

static const struct argp_option option_table[] = {
    {"csv", KEY_CSV, NULL, 0, "as CSV: one kind of thing, one row per thing and option", 0},
    {"quiet", KEY_QUIET, NULL, 0, "names only, of what can be used", 0},
    {"markdown", KEY_MARKDOWN, NULL, OPTION_HIDDEN,
     "of metrics: results/SCHEMA.md; of workloads, with --run: workloads/README.md", 0},
    {"run", KEY_RUN, "DIR", OPTION_HIDDEN, "a run of the suite character", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case KEY_CSV:
        r->csv = true;
        return 0;
    case KEY_QUIET:
        r->quiet = true;
        return 0;
    case KEY_MARKDOWN:
        r->markdown = true;
        return 0;
    case KEY_RUN:
        r->run = text;
        return 0;
    case ARGP_KEY_ARG:
        if (r->topic >= 0)
            return cmd_usage(state, "one of backends, workloads, suites and metrics at a time");
        for (int i = 0; i < TOPIC_COUNT; i++)
            if (!strcmp(text, topic_words[i]))
                r->topic = i;
        if (r->topic < 0)
            return cmd_usage(state,
                             "'%s' cannot be listed; there are backends, workloads, suites "
                             "and metrics",
                             text);
        return 0;
    case ARGP_KEY_END:
        if (r->markdown && r->topic != TOPIC_METRICS && r->topic != TOPIC_WORKLOADS)
            return cmd_usage(state, "--markdown is for list metrics and list workloads");
        if ((r->run != NULL) != (r->markdown && r->topic == TOPIC_WORKLOADS))
            return cmd_usage(state, "--run DIR and --markdown go together, for list workloads");
        if (r->topic < 0 && (r->csv || r->quiet))
            return cmd_usage(state, "--%s needs one of backends, workloads, suites and metrics",
                             r->csv ? "csv" : "quiet");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "[backends|workloads|suites|metrics]",
    .doc = "List what there is, with options, units, needs and availability."
           "\vBackends are the runners gcmeter-run-NAME in gcmeter's own folder and in those of "
           "GCMETER_PATH.",
};

static void add_bounds(struct text_table *table, const struct catalog_option *option)
{
    if (option->kind == CATALOG_CHOICE)
        text_table_add(table, option->choices);
    else if (option->kind == CATALOG_FLAG)
        text_table_add(table, "0 or 1");
    else
        text_table_addf(table, "%" PRId64 " to %" PRId64, option->min, option->max);
}

/* What a runner says of itself the catalog has made printable; the folder it lies in has any name.
 */
static void print_path(const char *before, const char *text, const char *after)
{
    fputs(before, stdout);
    printable_put(stdout, text);
    fputs(after, stdout);
}

static void print_backend(const struct catalog_backend *b)
{
    printf("%s%s%s\n", b->name, *b->summary ? ": " : "", b->summary);
    if (b->unavailable)
        print_path("  unavailable: ", b->unavailable, "\n");
    const struct catalog_runner *r = b->plain;
    if (!r)
        return;
    printf("  version %s; memory returns %s\n", r->version,
           !strcmp(r->reclaim, "tracing")  ? "by tracing"
           : !strcmp(r->reclaim, "manual") ? "by hand"
                                           : "never");
    printf("  can: %s; needs: %s\n", *r->capabilities ? r->capabilities : "nothing special",
           *r->needs ? r->needs : "nothing");
    print_path("  runner ", r->path, *r->library ? " with " : "");
    printf("%s\n", r->library);
    for (size_t i = 0; i < b->runner_count; i++)
        if (b->runners[i].unavailable) {
            printf("  flavour %s is unavailable", b->runners[i].flavour);
            print_path(": ", b->runners[i].unavailable, "\n");
        }
    struct text_table table = {.column_count = 5};
    for (size_t i = 0; i < r->option_count; i++) {
        const struct catalog_option *o = &r->options[i];
        text_table_add(&table, o->name);
        text_table_add(&table, o->default_text);
        add_bounds(&table, o);
        text_table_add(&table, o->unit);
        text_table_add(&table, o->help);
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
}

static void add_all(struct text_table *table, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_table_add(table, fields[i]);
}

static void list_backends_csv(const struct catalog *catalog)
{
    static const char *const heading[] = {
        "backend", "available", "reason",  "version", "reclaim", "capabilities",
        "needs",   "option",    "default", "values",  "unit",    "help",
    };
    struct text_table table = {.column_count = sizeof heading / sizeof *heading};
    add_all(&table, heading, table.column_count);
    for (size_t i = 0; i < catalog->backend_count; i++) {
        const struct catalog_backend *b = &catalog->backends[i];
        const struct catalog_runner *r = b->plain;
        const char *own[] = {
            b->name,
            b->unavailable ? "no" : "yes",
            b->unavailable,
            r ? r->version : "",
            r ? r->reclaim : "",
            r ? r->capabilities : "",
            r ? r->needs : "",
            "",
            "",
            "",
            "",
            b->summary,
        };
        add_all(&table, own, table.column_count);
        for (size_t j = 0; r && j < r->option_count; j++) {
            const struct catalog_option *o = &r->options[j];
            const char *key[] = {b->name, "yes", "", "", "", "", "", o->name, o->default_text};
            add_all(&table, key, sizeof key / sizeof *key);
            add_bounds(&table, o);
            text_table_add(&table, o->unit);
            text_table_add(&table, o->help);
        }
    }
    text_table_print(&table, stdout, true);
    text_table_free(&table);
}

static void list_backends(const struct catalog *catalog, const struct request *request)
{
    if (request->csv && !request->quiet) {
        list_backends_csv(catalog);
        return;
    }
    for (size_t i = 0; i < catalog->backend_count; i++) {
        const struct catalog_backend *b = &catalog->backends[i];
        if (!request->quiet) {
            print_backend(b);
            putchar('\n');
        } else if (!b->unavailable) {
            puts(b->name);
        }
    }
}

static void print_workload(const struct catalog_workload *w)
{
    printf("%s: %s\n  an operation: %s\n  threads: %s%s\n", w->name, w->summary, w->operation,
           w->takes_threads ? "any number" : "one", w->is_requests ? "; request-shaped" : "");
    struct text_table table = {.column_count = 5};
    for (size_t i = 0; i < w->param_count; i++) {
        const struct catalog_param *p = &w->params[i];
        text_table_add(&table, p->name);
        text_table_addf(&table, "%" PRIu64, p->default_value);
        if (!strcmp(p->unit, "flag"))
            text_table_add(&table, "0 or 1");
        else
            text_table_addf(&table, "%" PRIu64 " to %" PRIu64, p->min, p->max);
        text_table_add(&table, strcmp(p->unit, "flag") ? p->unit : "");
        text_table_add(&table, p->help);
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
    putchar('\n');
}

static void list_workloads_csv(const struct catalog_workload *const *all, size_t count)
{
    static const char *const heading[] = {"workload",  "threads", "requests", "operation",
                                          "parameter", "default", "min",      "max",
                                          "unit",      "help"};
    struct text_table table = {.column_count = sizeof heading / sizeof *heading};
    add_all(&table, heading, table.column_count);
    for (size_t i = 0; i < count; i++) {
        const struct catalog_workload *w = all[i];
        const char *own[] = {w->name,
                             w->takes_threads ? "yes" : "no",
                             w->is_requests ? "yes" : "no",
                             w->operation,
                             "",
                             "",
                             "",
                             "",
                             "",
                             w->summary};
        add_all(&table, own, table.column_count);
        for (size_t j = 0; j < w->param_count; j++) {
            const struct catalog_param *p = &w->params[j];
            const char *key[] = {w->name, "", "", "", p->name};
            add_all(&table, key, sizeof key / sizeof *key);
            text_table_addf(&table, "%" PRIu64, p->default_value);
            text_table_addf(&table, "%" PRIu64, p->min);
            text_table_addf(&table, "%" PRIu64, p->max);
            text_table_add(&table, p->unit);
            text_table_add(&table, p->help);
        }
    }
    text_table_print(&table, stdout, true);
    text_table_free(&table);
}

static void list_workloads(const struct catalog *catalog, const struct request *request)
{
    size_t count;
    const struct catalog_workload **all = catalog_workloads(catalog, &count);
    if (request->csv && !request->quiet)
        list_workloads_csv(all, count);
    for (size_t i = 0; i < count; i++) {
        if (request->quiet)
            puts(all[i]->name);
        else if (!request->csv)
            print_workload(all[i]);
    }
    free(all);
}

static void list_suites_csv(void)
{
    static const char *const heading[] = {"suite",    "invocations", "workload",
                                          "backends", "heap",        "threads"};
    struct text_table table = {.column_count = sizeof heading / sizeof *heading};
    add_all(&table, heading, table.column_count);
    for (size_t i = 0; i < suite_row_count; i++) {
        const struct suite_row *row = &suite_rows[i];
        text_table_add(&table, row->suite);
        text_table_addf(&table, "%u", suite_find(row->suite)->invocations);
        text_table_add(&table, row->workload);
        text_table_add(&table, row->backends);
        text_table_add(&table, row->heaps);
        text_table_addf(&table, "%u", row->threads);
    }
    text_table_print(&table, stdout, true);
    text_table_free(&table);
}

static void print_suite(const struct suite *suite)
{
    printf("%s: %s\n  %u invocations and %u probes of\n", suite->name, suite->summary,
           suite->invocations, suite->probes);
    struct text_table table = {.column_count = 4};
    for (size_t i = 0; i < suite_row_count; i++) {
        const struct suite_row *row = &suite_rows[i];
        if (strcmp(row->suite, suite->name))
            continue;
        text_table_add(&table, row->workload);
        text_table_addf(&table, "heap %s", row->heaps);
        text_table_addf(&table, "threads %u", row->threads);
        text_table_add(&table, row->backends);
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
    putchar('\n');
}

static void list_suites(const struct request *request)
{
    if (request->csv && !request->quiet)
        list_suites_csv();
    for (size_t i = 0; i < suite_count; i++) {
        if (request->quiet)
            puts(suites[i].name);
        else if (!request->csv)
            print_suite(&suites[i]);
    }
}

static void list_metrics(const struct request *request)
{
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    struct text_table table = {.column_count = 4};
    static const char *const heading[] = {"metric", "unit", "better", "help"};
    if (!request->quiet)
        add_all(&table, heading, table.column_count);
    for (size_t i = 0; i < file->column_count; i++) {
        const struct schema_column *column = &file->columns[i];
        if (!schema_is_metric(column))
            continue;
        if (request->quiet) {
            puts(column->name);
            continue;
        }
        text_table_add(&table, column->name);
        text_table_add(&table, column->unit);
        text_table_add(&table, schema_better_word(column->better));
        text_table_add(&table, column->help);
    }
    text_table_print(&table, stdout, request->csv);
    text_table_free(&table);
}

/* workloads/README.md from a run. */
static int write_character(const char *folder)
{
    struct run_data *run;
    struct csv_error error;
    struct catalog catalog;
    int failed = run_data_load(&run, folder, &error);
    if (failed)
        return cmd_fail_reading(failed, &error);
    catalog_discover(&catalog);
    failed = workload_character_write(run, &catalog, stdout);
    catalog_free(&catalog);
    run_data_free(run);
    if (failed == -ENODATA)
        return cmd_fail(CMD_USAGE,
                        "%s has no cell of malloc:census=1; gcmeter run --suite character makes a "
                        "run that has",
                        folder);
    return failed ? cmd_fail(CMD_MISSING, "out of memory") : CMD_DONE;
}

int cmd_list(int argc, char **argv)
{
    struct request request = {.topic = -1};
    int code = cmd_parse(&parser, argc, argv, &request);
    if (code >= 0)
        return code;
    if (request.run)
        return write_character(request.run);
    if (request.markdown) {
        int error = schema_write_markdown(stdout);
        return error ? cmd_fail(CMD_MISSING, "stdout: %s", strerror(-error)) : CMD_DONE;
    }
    struct catalog catalog;
    catalog_discover(&catalog);
    for (int topic = 0; topic < TOPIC_COUNT; topic++) {
        if (request.topic >= 0 && request.topic != topic)
            continue;
        if (request.topic < 0) {
            printf("%s%s\n\n", topic ? "\n" : "",
                   (const char *[]){"BACKENDS", "WORKLOADS", "SUITES", "METRICS"}[topic]);
        }
        switch ((enum topic)topic) {
        case TOPIC_BACKENDS:
            list_backends(&catalog, &request);
            break;
        case TOPIC_WORKLOADS:
            list_workloads(&catalog, &request);
            break;
        case TOPIC_SUITES:
            list_suites(&request);
            break;
        default:
            list_metrics(&request);
        }
    }
    catalog_free(&catalog);
    return CMD_DONE;
}
