/* cmd_minheap.c: `gcmeter minheap`: the minimum heap of each cell, into minheap.csv. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/minheap_table.h"
#include "data/size_text.h"
#include "data/statistics.h"
#include "driver/agreement.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/heap_factor.h"
#include "driver/invocation.h"
#include "driver/minheap_search.h"
#include "driver/plan.h"
#include "driver/progress.h"
#include "driver/stop_signals.h"
#include "driver/text_table.h"
#include "driver/xalloc.h"

enum {
    UNLIMITED_TRIES = 3,
    TIMEOUT_FACTOR = 10,       /* METHODS.md section 7 */
    UNLIMITED_TIMEOUT_S = 300, /* as of gcmeter run */
};

/* On a busy machine a process that takes a millisecond may take a hundred. */
#define TIMEOUT_LEAST_NS INT64_C(1000000000)

/* Where a search starts for a workload that states no live set. */
#define START_BYTES (UINT64_C(1) << 20)

/* Only drives the padding of processes. */
#define PADDING_SEED 1

enum { KEY_BACKEND = 256, KEY_WORKLOAD, KEY_THREADS, KEY_OUT, KEY_QUIET };

static const struct argp_option option_table[] = {
    {"backend", KEY_BACKEND, "VARIANT", 0,
     "a backend, with options as for gcmeter run (default: all that take a limit; repeatable)", 0},
    {"workload", KEY_WORKLOAD, "WORKLOAD", 0,
     "a workload, with parameters as for gcmeter run (default: all; repeatable)", 0},
    {"threads", KEY_THREADS, "N", 0, "mutator threads (default: 1; repeatable)", 0},
    {"out", KEY_OUT, "FILE", 0,
     "where the result goes; other rows that are there stay (default: " MINHEAP_PATH_DEFAULT ")",
     0},
    {"quiet", KEY_QUIET, NULL, 0, "no progress on stderr, failures only", 0},
    {0},
};

struct request {
    struct plan_request plan;
    const char *out;
    bool quiet;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    struct plan_request *plan = &r->plan;
    char *end;
    unsigned long threads;
    switch (key) {
    case KEY_BACKEND:
        *(const char **)xappend(&plan->backends, &plan->backend_count, sizeof text) = text;
        return 0;
    case KEY_WORKLOAD:
        *(const char **)xappend(&plan->workloads, &plan->workload_count, sizeof text) = text;
        return 0;
    case KEY_THREADS:
        errno = 0;
        threads = strtoul(text, &end, 10);
        if (!isdigit((unsigned char)*text) || *end || errno || !threads ||
            threads > PLAN_THREADS_MAX)
            return cmd_usage(state, "--threads takes a number from 1 to %u, not '%s'",
                             PLAN_THREADS_MAX, text);
        *(unsigned *)xappend(&plan->threads, &plan->thread_count, sizeof(unsigned)) =
            (unsigned)threads;
        return 0;
    case KEY_OUT:
        if (!*text)
            return cmd_usage(state, "--out needs the name of a file");
        r->out = text;
        return 0;
    case KEY_QUIET:
        r->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Find the minimum heap of each backend on each workload: the smallest limit at which 5 "
           "of 5 processes complete, to 1 % or a page."
           "\vA process that runs out of memory, takes ten times as long as without a limit, or "
           "holds 5 % more than its limit says that the limit is too small. gcmeter run "
           "--heap-factor reads the result.\n\n"
           "Example:\n"
           "  gcmeter minheap --workload gcbench --backend marksweep --backend boehm\n",
};

/* The measurement of one cell. */
struct hunt {
    const struct plan_cell *cell;
    struct invocation_options options;
    struct agreement agreement;
    struct progress *progress;
    double done_share;
    unsigned process_count;
    enum invocation_status status; /* that ended the search */
    char detail[320];
    bool interrupted;
    int shortage; /* negative errno: no process can be started */
};

/* Runs one process under the limit, 0: none. */
static void run_once(struct hunt *h, uint64_t limit_bytes, struct invocation_result *result)
{
    struct plan_cell cell = *h->cell;
    struct invocation_sink silent = {0};
    char size[SIZE_TEXT_BYTES];
    char *shown = limit_bytes
                      ? xprintf("%s at %s", cell.key, size_format(size, (double)limit_bytes))
                      : xstrdup(cell.key);
    progress_show(h->progress, shown, h->done_share, -1);
    free(shown);
    cell.heap_limit_bytes = limit_bytes;
    cell.heap =
        (struct heap_setting){.kind = limit_bytes ? HEAP_BYTES : HEAP_NONE, .bytes = limit_bytes};
    invocation_run(result, &cell, plan_padding(PADDING_SEED, h->process_count++), &h->options,
                   &silent);
    const char *checksum = result->metrics[SCHEMA_INVOCATIONS_checksum];
    if (result->status == INVOCATION_OK && checksum &&
        !agreement_check(&h->agreement, cell.workload->workload->name, cell.workload->params_text,
                         cell.key, checksum, result->detail, sizeof result->detail))
        result->status = INVOCATION_WRONG;
    h->interrupted |= result->interrupted;
    h->shortage = result->shortage;
    h->status = result->status;
    snprintf(h->detail, sizeof h->detail, "%s", result->detail);
}

static enum minheap_try try_limit(void *data, uint64_t limit_bytes)
{
    struct hunt *h = data;
    struct invocation_result result;
    run_once(h, limit_bytes, &result);
    enum minheap_try end = MINHEAP_STOP;
    if (!result.interrupted && !result.shortage)
        switch (result.status) {
        case INVOCATION_OK:
            end = MINHEAP_COMPLETES;
            break;
        case INVOCATION_OOM:
        case INVOCATION_TIMEOUT:
        case INVOCATION_SKIPPED: /* it does without a limit what it refuses under this one */
            end = MINHEAP_TOO_SMALL;
            break;
        case INVOCATION_CRASHED:
        case INVOCATION_WRONG:
            break;
        }
    invocation_result_free(&result);
    return end;
}

/* Sets the time-out by the median of some processes without a limit. False: they do not complete,
 * or a signal came. */
static bool time_unlimited(struct hunt *h)
{
    double elapsed_ns[UNLIMITED_TRIES];
    for (int i = 0; i < UNLIMITED_TRIES; i++) {
        struct invocation_result result;
        run_once(h, 0, &result);
        bool ok = result.status == INVOCATION_OK && !result.interrupted;
        elapsed_ns[i] = (double)result.elapsed_ns;
        invocation_result_free(&result);
        if (!ok)
            return false;
    }
    statistics_sort(elapsed_ns, UNLIMITED_TRIES);
    int64_t limit_ns = (int64_t)statistics_median(elapsed_ns, UNLIMITED_TRIES) * TIMEOUT_FACTOR;
    h->options.timeout_ns = limit_ns > TIMEOUT_LEAST_NS ? limit_ns : TIMEOUT_LEAST_NS;
    return true;
}

static void tell(struct hunt *h, const struct minheap_row *row)
{
    char size[SIZE_TEXT_BYTES];
    int percent = (int)(h->done_share * 100);
    if (row->minheap_bytes && h->cell->live_bytes)
        progress_line(h->progress, false, "[%3d%%] %s: %s, %.3g times the live set, in %u tries",
                      percent, h->cell->key, size_format(size, (double)row->minheap_bytes),
                      (double)row->minheap_bytes / (double)h->cell->live_bytes,
                      (unsigned)row->tries_count);
    else if (row->minheap_bytes)
        progress_line(h->progress, false, "[%3d%%] %s: %s in %u tries", percent, h->cell->key,
                      size_format(size, (double)row->minheap_bytes), (unsigned)row->tries_count);
    else
        progress_line(h->progress, strcmp(row->status, "skipped") != 0, "%s: %s%s%s", h->cell->key,
                      row->status, *h->detail ? ": " : "", h->detail);
}

/* Finds the minimum heap of a cell that can be run. False: a signal came, or no process can be
 * started. */
static bool hunt_cell(struct hunt *h, struct minheap_row *row)
{
    struct minheap_result found = {.outcome = MINHEAP_STOPPED};
    if (time_unlimited(h))
        minheap_search(&found, h->cell->live_bytes ? h->cell->live_bytes : START_BYTES,
                       h->options.memory_cap_bytes, try_limit, h);
    if (h->interrupted || h->shortage)
        return false;
    row->tries_count = found.tries_count;
    if (found.outcome == MINHEAP_FOUND) {
        row->minheap_bytes = found.minheap_bytes;
        h->status = INVOCATION_OK;
    }
    row->status = (char *)invocation_status_word(h->status);
    return true;
}

static int fail_save(const char *path, int error)
{
    return cmd_fail(error == -ENOSPC || error == -ENOMEM ? CMD_MISSING : CMD_USAGE,
                    "%s cannot be written: %s; name another file by --out", path, strerror(-error));
}

static void add_to_report(struct text_table *report, const struct plan_cell *cell,
                          const struct minheap_row *row)
{
    char size[SIZE_TEXT_BYTES];
    text_table_add(report, cell->key);
    if (row->minheap_bytes) {
        text_table_add(report, size_format(size, (double)row->minheap_bytes));
        if (cell->live_bytes)
            text_table_addf(report, "%.3g", (double)row->minheap_bytes / (double)cell->live_bytes);
        else
            text_table_add(report, "-");
    } else {
        text_table_add(report, "-");
        text_table_add(report, "-");
    }
    text_table_addf(report, "%" PRIu64, row->tries_count);
    text_table_add(report, row->status);
}

/* Backends without a limit have no minimum heap; one that was named is told so. */
static bool is_left_out(const struct plan_cell *cell, const struct request *request)
{
    return !request->plan.backend_count && !cell->variant->unavailable &&
           !variant_takes_heap(cell->variant);
}

static int hunt_all(const struct plan *plan, const struct request *request,
                    struct minheap_table *table)
{
    struct text_table report = {.column_count = 5};
    struct progress progress;
    struct hunt h = {.progress = &progress,
                     .options = {.warmup = 1,
                                 .iterations = 1,
                                 .timeout_s = UNLIMITED_TIMEOUT_S,
                                 .seed = 1,
                                 .memory_cap_bytes = memory_cap_bytes(),
                                 .signal_fd = stop_signals_open()}};
    if (h.options.signal_fd < 0)
        return cmd_fail(CMD_MISSING, "signalfd: %s", strerror(errno));
    static const char *const heading[] = {"cell", "minimum heap", "x live set", "tries", "status"};
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        text_table_add(&report, heading[i]);
    progress_init(&progress, request->quiet);
    int code = CMD_DONE;
    bool stopped = false;
    for (size_t i = 0; i < plan->cell_count && !stopped; i++) {
        const struct plan_cell *cell = &plan->cells[i];
        if (is_left_out(cell, request))
            continue;
        h.cell = cell;
        h.done_share = (double)i / (double)plan->cell_count;
        h.options.timeout_ns = 0;
        char *workload = heap_factor_workload(cell->workload);
        struct minheap_row row = {.workload = workload,
                                  .workload_params = cell->workload->params_text,
                                  .backend = cell->variant->backend->name,
                                  .backend_options = cell->variant->options_text,
                                  .threads = cell->threads,
                                  .status = (char *)invocation_status_word(INVOCATION_SKIPPED)};
        const char *skip = cell->skip                          ? cell->skip
                           : variant_takes_heap(cell->variant) ? NULL
                                                               : "it has no heap limit";
        if (skip) {
            snprintf(h.detail, sizeof h.detail, "%s", skip);
        } else if (!hunt_cell(&h, &row)) {
            stopped = true;
            code = h.interrupted
                       ? CMD_INTERRUPTED
                       : cmd_fail(CMD_MISSING, "no process can be started: %s; %s",
                                  strerror(-h.shortage), child_shortage_remedy(h.shortage));
        }
        if (!stopped) {
            h.done_share = (double)(i + 1) / (double)plan->cell_count;
            tell(&h, &row);
            add_to_report(&report, cell, &row);
            int error = minheap_table_put(table, &row);
            if (!error)
                error = minheap_table_save(table, request->out);
            if (error) {
                code = fail_save(request->out, error);
                free(workload);
                break;
            }
            if (strcmp(row.status, "ok") != 0 && strcmp(row.status, "skipped") != 0)
                code = CMD_FAILED;
        }
        free(workload);
    }
    progress_clear(&progress);
    text_table_print(&report, stdout, false);
    text_table_free(&report);
    agreement_free(&h.agreement);
    close(h.options.signal_fd);
    return code;
}

/* Makes sure, before hours are spent, that the result can be kept. -1, or an exit code. */
static int check_out(const char *path, const struct minheap_table *table)
{
    if (!strcmp(path, MINHEAP_PATH_DEFAULT))
        mkdir("results", 0777);
    int error = minheap_table_save(table, path);
    return error ? fail_save(path, error) : -1;
}

/* Whether there is a cell that can be measured; else what to say. */
static const char *none_runs(const struct plan *plan)
{
    const char *why = "there is no runner";
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct plan_cell *cell = &plan->cells[i];
        if (!cell->skip && variant_takes_heap(cell->variant))
            return NULL;
        why = cell->skip ? cell->skip : "the backend has no heap limit";
    }
    return why;
}

static int measure(const struct catalog *catalog, const struct request *request,
                   struct minheap_table *table)
{
    struct plan plan;
    char why[1024];
    if (plan_build(&plan, catalog, &request->plan, why, sizeof why))
        return cmd_fail(CMD_USAGE, "%s", why);
    const char *none = none_runs(&plan);
    int code;
    if (none)
        code = cmd_fail(CMD_MISSING, "no minimum heap can be found: %s", none);
    else
        code = check_out(request->out, table);
    if (code < 0)
        code = hunt_all(&plan, request, table);
    plan_free(&plan);
    return code;
}

int cmd_minheap(int argc, char **argv)
{
    struct request request = {.out = MINHEAP_PATH_DEFAULT};
    struct minheap_table table = {0};
    struct catalog catalog = {0};
    int code = cmd_parse(&parser, argc, argv, &request);
    if (code < 0) {
        struct csv_error error;
        int failed = minheap_table_load(&table, request.out, &error);
        if (failed && failed != -ENOENT)
            code = cmd_fail_reading(failed, &error);
    }
    if (code < 0) {
        catalog_discover(&catalog);
        const char *reason = catalog_no_runner(&catalog);
        if (reason)
            code = cmd_fail(CMD_MISSING, "%s", reason);
        if (code < 0)
            code = measure(&catalog, &request, &table);
        catalog_free(&catalog);
    }
    minheap_table_free(&table);
    free(request.plan.backends);
    free(request.plan.workloads);
    free(request.plan.threads);
    return code;
}
