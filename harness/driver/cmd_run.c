/* cmd_run.c: `gcmeter run`. */
#include "data/derived.h"
#include "data/printable.h"
#include "data/run_data.h"
#include "data/run_resume.h"
#include "data/size_text.h"
#include "driver/cell_flags.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/environment.h"
#include "driver/estimate.h"
#include "driver/heap_factor.h"
#include "driver/measure.h"
#include "driver/plan.h"
#include "driver/text_table.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULTS_FOLDER "results"

enum {
    INVOCATIONS_DEFAULT = 10,
    TIMEOUT_DEFAULT_S = 300,
    INVOCATIONS_MAX = MEASURE_PROBES_MAX,
    ITERATIONS_MAX = 1000000,
    TIMEOUT_MAX_S = 7 * 24 * 3600,
};

/* What watching the processes may take of the time that is measured (METHODS.md section 7). */
#define DRIVER_SHARE_MAX 0.01

/* Below this the share says nothing: starting and ending one process outweighs it. */
#define DRIVER_SHARE_LEAST_NS INT64_C(1000000000)

enum {
    KEY_SUITE = 256,
    KEY_BACKEND,
    KEY_WORKLOAD,
    KEY_HEAP,
    KEY_HEAP_FACTOR,
    KEY_MINHEAP,
    KEY_THREADS,
    KEY_INVOCATIONS,
    KEY_ITERATIONS,
    KEY_WARMUP,
    KEY_TIMEOUT,
    KEY_SEED,
    KEY_PROBE,
    KEY_INSTRUCTIONS,
    KEY_ORDER_SEED,
    KEY_OUT,
    KEY_RESUME,
    KEY_DRY_RUN,
    KEY_QUIET,
};

static const struct argp_option option_table[] = {
    {"suite", KEY_SUITE, "NAME", 0, "a named list of cells (gcmeter list suites)", 0},
    {"backend", KEY_BACKEND, "VARIANT", 0,
     "a backend, with options as NAME:OPTION=VALUE,…; label=TEXT names the variant, lib=DIR takes "
     "its shared library from DIR (default: all backends; repeatable)",
     0},
    {"workload", KEY_WORKLOAD, "WORKLOAD", 0,
     "a workload, with parameters as NAME:PARAMETER=VALUE,… (default: all; repeatable)", 0},
    {"heap", KEY_HEAP, "LIMIT", 0,
     "heap limit: none, a size such as 64M, or Fxlive, F times the workload's live set; backends "
     "without a limit run once (default: none; repeatable)",
     0},
    {"heap-factor", KEY_HEAP_FACTOR, "F", 0,
     "heap limit of F times the smallest minimum heap of any backend, which gcmeter minheap finds "
     "(repeatable)",
     0},
    {"minheap", KEY_MINHEAP, "FILE", 0,
     "where minimum heaps are (default: " MINHEAP_PATH_DEFAULT ")", 0},
    {"threads", KEY_THREADS, "N", 0, "mutator threads (default: 1; repeatable)", 0},
    {"invocations", KEY_INVOCATIONS, "N", 0, "processes per cell (default: the suite's, or 10)", 0},
    {"iterations", KEY_ITERATIONS, "N", 0, "measured iterations per process (default: 1)", 0},
    {"warmup", KEY_WARMUP, "N", 0, "iterations before them (default: 1)", 0},
    {"probe", KEY_PROBE, "N", 0,
     "further processes per cell that time every call into the allocator, for stall_* only "
     "(default: the suite's, or 0)",
     0},
    {"instructions", KEY_INSTRUCTIONS, "N", OPTION_ARG_OPTIONAL,
     "further processes per cell under valgrind, for instructions_count and "
     "pause_instructions_count only (default: 0, or 3 where N is left out); they are slow",
     0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "ends a process that takes longer (default: 300)", 0},
    {"seed", KEY_SEED, "N", 0, "seed of the workloads' input (default: 1)", 0},
    {"order-seed", KEY_ORDER_SEED, "N", 0,
     "seed of the order of processes and of their padding (default: fresh)", 0},
    {"out", KEY_OUT, "DIR", 0,
     "folder for the results, absent or empty (default: results/TIME, to which results/latest is "
     "pointed)",
     0},
    {"resume", KEY_RESUME, NULL, 0,
     "continue the run in --out DIR with what is missing; the rest of the command as before", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "print what would be measured, and stop", 0},
    {"quiet", KEY_QUIET, NULL, 0, "no progress on stderr, failures only", 0},
    {0},
};

struct request {
    struct plan_request plan;
    struct measure_options measure;
    bool has_order_seed;
    bool has_probes;
    const char *out;
    bool resume;
    bool dry_run;
    bool quiet;
    char *valgrind;           /* its version; NULL where it is not used */
    struct run_data *earlier; /* the run that is resumed, or NULL */
    unsigned resume_number;   /* how often it has been, this time included */
    int lock_fd;              /* of the folder, or negative */
};

static error_t parse_suite(const struct argp_state *state, const char *name,
                           const struct suite **suite)
{
    const char **names = xcalloc(suite_count + 1, sizeof *names);
    for (size_t i = 0; i < suite_count; i++)
        names[i] = suites[i].name;
    const char *nearest = cmd_nearest(name, names);
    free(names);
    *suite = suite_find(name);
    if (*suite)
        return 0;
    if (nearest)
        return cmd_usage(state, "unknown suite '%s': did you mean '%s'?", name, nearest);
    return cmd_usage(state, "unknown suite '%s'; see gcmeter list suites", name);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    struct plan_request *plan = &r->plan;
    struct invocation_options *invocation = &r->measure.invocation;
    switch (key) {
    case KEY_SUITE:
        return parse_suite(state, text, &plan->suite);
    case KEY_BACKEND:
        *(const char **)xappend(&plan->backends, &plan->backend_count, sizeof text) = text;
        return 0;
    case KEY_WORKLOAD:
        *(const char **)xappend(&plan->workloads, &plan->workload_count, sizeof text) = text;
        return 0;
    case KEY_HEAP:
        return cell_flags_heap(state, text, plan);
    case KEY_HEAP_FACTOR:
        return cell_flags_heap_factor(state, text, plan);
    case KEY_MINHEAP:
        if (!*text)
            return cmd_usage(state, "--minheap needs the name of a file");
        plan->minheap_path = text;
        return 0;
    case KEY_THREADS:
        return cell_flags_threads(state, text, plan);
    case KEY_INVOCATIONS:
        return cell_flags_unsigned(state, "invocations", text, 1, INVOCATIONS_MAX,
                                   &r->measure.invocations);
    case KEY_ITERATIONS:
        return cell_flags_unsigned(state, "iterations", text, 1, ITERATIONS_MAX,
                                   &invocation->iterations);
    case KEY_WARMUP:
        return cell_flags_unsigned(state, "warmup", text, 0, ITERATIONS_MAX, &invocation->warmup);
    case KEY_PROBE:
        r->has_probes = true;
        return cell_flags_unsigned(state, "probe", text, 0, INVOCATIONS_MAX, &r->measure.probes);
    case KEY_INSTRUCTIONS:
        if (text)
            return cell_flags_unsigned(state, "instructions", text, 0, INVOCATIONS_MAX,
                                       &r->measure.instructions);
        r->measure.instructions = MEASURE_INSTRUCTIONS_LEAST;
        return 0;
    case KEY_TIMEOUT:
        return cell_flags_unsigned(state, "timeout", text, 1, TIMEOUT_MAX_S,
                                   &invocation->timeout_s);
    case KEY_SEED:
        return cell_flags_number(state, "seed", text, 0, UINT64_MAX, &invocation->seed);
    case KEY_ORDER_SEED:
        r->has_order_seed = true;
        return cell_flags_number(state, "order-seed", text, 0, UINT64_MAX, &r->measure.order_seed);
    case KEY_OUT:
        if (!*text)
            return cmd_usage(state, "--out needs the name of a folder");
        r->out = text;
        return 0;
    case KEY_RESUME:
        r->resume = true;
        return 0;
    case KEY_DRY_RUN:
        r->dry_run = true;
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
    .doc = "Measure backends on workloads, one process per invocation, into a folder of CSV files."
           "\vWith --suite, --backend takes the place of the suite's backends and --workload picks "
           "from its workloads; --heap, --heap-factor and --threads take the place of its "
           "settings.\n\n"
           "Examples:\n"
           "  gcmeter run --suite quick\n"
           "  gcmeter run --workload gcbench --backend boehm --heap 2xlive --heap 4xlive\n",
};

static void add_printable(struct text_table *table, const char *text)
{
    char printable[1024];
    text_table_add(table, printable_copy(printable, sizeof printable, text));
}

static void print_plan(const struct plan *plan, const struct request *request)
{
    const struct measure_options *m = &request->measure;
    uint64_t processes = 0;
    struct text_table table = {.column_count = m->instructions ? 6 : 5};
    text_table_add(&table, "cell");
    text_table_add(&table, "heap limit");
    text_table_add(&table, "invocations");
    text_table_add(&table, "probes");
    if (m->instructions)
        text_table_add(&table, "instructions");
    text_table_add(&table, "");
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct plan_cell *cell = &plan->cells[i];
        char size[SIZE_TEXT_BYTES] = "none";
        if (cell->heap_limit_bytes)
            size_format(size, (double)cell->heap_limit_bytes);
        add_printable(&table, cell->key);
        text_table_add(&table, size);
        unsigned probes = cell->skip || !cell->variant->probe ? 0 : m->probes;
        unsigned invocations = cell->skip ? 0 : m->invocations;
        bool counts = !cell->skip && measure_has_instructions(cell);
        unsigned instructions = counts ? m->instructions : 0;
        processes += (uint64_t)invocations + probes + instructions;
        text_table_addf(&table, "%u", invocations);
        text_table_addf(&table, "%u", probes);
        if (m->instructions)
            text_table_addf(&table, "%u", instructions);
        char *skipped = cell->skip ? xprintf("skipped: %s", cell->skip) : xstrdup("");
        add_printable(&table, skipped);
        free(skipped);
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
    printf("%zu cell%s, %zu of them skipped; %" PRIu64 " process%s\n", plan->cell_count,
           plan->cell_count == 1 ? "" : "s", plan->cell_count - plan->runnable_count, processes,
           processes == 1 ? "" : "es");
    struct estimate estimate;
    char time[PROGRESS_TIME_BYTES];
    estimate_from_run(&estimate, plan, RESULTS_FOLDER "/latest", m->invocations,
                      m->invocation.warmup, m->invocation.iterations);
    if (estimate.known_count)
        printf("about %s, by " RESULTS_FOLDER "/latest, which has %zu of the %zu cells\n",
               progress_format_time(time, estimate.total_ns), estimate.known_count,
               plan->runnable_count);
    else
        puts("how long it takes is not known: " RESULTS_FOLDER "/latest has none of the cells");
}

/* A link is replaced at once, so that it never is absent. */
static void point_latest(const char *folder)
{
    const char *latest = RESULTS_FOLDER "/latest";
    char *new_link = xprintf(RESULTS_FOLDER "/.latest-%d", (int)getpid());
    if (symlink(strrchr(folder, '/') + 1, new_link) || rename(new_link, latest)) {
        cmd_fail(CMD_DONE, "%s cannot be pointed to this run: %s", latest, strerror(errno));
        unlink(new_link);
    }
    free(new_link);
}

static int fail_folder(const char *folder, int error)
{
    if (error == -EWOULDBLOCK)
        return cmd_fail(CMD_USAGE, "%s is being written by another gcmeter; wait until it ends",
                        folder);
    if (error == -EEXIST)
        return cmd_fail(CMD_USAGE,
                        "--out %s is not empty; go on with a run by --resume, name another folder, "
                        "or remove it",
                        folder);
    const char *remedy = child_shortage_remedy(error);
    if (remedy)
        return cmd_fail(CMD_MISSING, "%s cannot be written: %s; %s", folder, strerror(-error),
                        remedy);
    if (error == -EBADMSG)
        return cmd_fail(
            CMD_USAGE,
            "%s cannot be continued: a file in it was edited, or is of another version, so "
            "that its columns or line ends are not those that gcmeter writes; name "
            "another folder by --out",
            folder);
    return cmd_fail(error == -ENOSPC ? CMD_MISSING : CMD_USAGE,
                    "%s cannot be written: %s; name another folder by --out", folder,
                    strerror(-error));
}

/* What was asked before must be asked again, or the rows would not belong together. */
static int check_same(const struct request *request, const char *key, uint64_t now)
{
    const char *before = run_data_key(request->earlier, key);
    if (before && strtoull(before, NULL, 10) == now)
        return -1;
    return cmd_fail(CMD_USAGE, "%s was measured with %s %s, not %" PRIu64 "; give the same again",
                    request->out, key, before ? before : "unknown", now);
}

/* The plan must hold all that was measured before: the order of processes and what run.csv says are
 * those of one plan. -1, or an exit code. */
static int check_covers(const struct request *request, const struct plan *plan)
{
    const struct run_data *earlier = request->earlier;
    for (size_t i = 0; earlier && i < earlier->cell_count; i++) {
        /* One that was skipped may have another name where its runner can be asked. */
        const struct run_cell *cell = &earlier->cells[i];
        bool skipped = true;
        const struct plan_cell *planned = NULL;
        for (size_t j = 0; j < cell->invocation_count; j++)
            skipped &= earlier->invocations[cell->invocations[j]].status == RUN_SKIPPED;
        for (size_t j = 0; j < plan->cell_count && !planned; j++)
            if (!strcmp(plan->cells[j].key, cell->key))
                planned = &plan->cells[j];
        if (planned && planned->heap.kind == HEAP_TIMES_MIN &&
            strtoull(cell->heap_limit_bytes, NULL, 10) != planned->heap_limit_bytes)
            return cmd_fail(CMD_USAGE,
                            "%s has the cell %s at a limit of %s bytes, which now is %" PRIu64
                            ": the minimum heap has changed; give the same --minheap again",
                            request->out, cell->key, cell->heap_limit_bytes,
                            planned->heap_limit_bytes);
        if (!skipped && !planned)
            return cmd_fail(CMD_USAGE,
                            "%s has the cell %s, which is not asked for now; --resume needs the "
                            "same backends, workloads, --heap and --threads again",
                            request->out, cell->key);
    }
    return -1;
}

/* Reads the run that is to be continued, if there is one. -1, or an exit code. */
static int load_earlier(struct request *request)
{
    struct csv_error error;
    request->lock_fd = run_files_lock(request->out);
    if (request->lock_fd == -EWOULDBLOCK)
        return fail_folder(request->out, request->lock_fd);
    char *run_csv = xprintf("%s/run.csv", request->out);
    bool exists = access(run_csv, F_OK) == 0;
    free(run_csv);
    if (!exists)
        return -1;
    bool is_removed;
    int failed = run_resume_remove_unused(request->out, &is_removed, &error);
    if (!failed && is_removed)
        return -1;
    if (failed || run_resume_cut(request->out, &error) ||
        run_data_load(&request->earlier, request->out, &error))
        return cmd_fail(CMD_USAGE, "%s", error.text);
    const struct invocation_options *o = &request->measure.invocation;
    const char *order_seed = run_data_key(request->earlier, "order_seed");
    if (!request->has_order_seed && order_seed)
        request->measure.order_seed = strtoull(order_seed, NULL, 10);
    int code = check_same(request, "order_seed", request->measure.order_seed);
    if (code < 0)
        code = check_same(request, "seed", o->seed);
    if (code < 0)
        code = check_same(request, "iterations", o->iterations);
    if (code < 0)
        code = check_same(request, "warmup", o->warmup);
    for (request->resume_number = 1;; request->resume_number++) {
        char *key = xprintf("resume_%u_date", request->resume_number);
        bool taken = run_data_key(request->earlier, key) != NULL;
        free(key);
        if (!taken)
            return code;
    }
}

static bool can_make(const void *plan, const char *cell, int64_t number)
{
    return measure_can_make(plan, cell, number);
}

/* Reads the run again that is to be continued, without what was not started and can be now. -1, or
 * an exit code. */
static int retry_earlier(struct request *request, const struct plan *plan)
{
    struct csv_error error;
    if (!request->earlier)
        return -1;
    run_data_free(request->earlier);
    request->earlier = NULL;
    if (run_resume_retry(request->out, can_make, plan, &error) ||
        run_data_load(&request->earlier, request->out, &error))
        return cmd_fail(CMD_USAGE, "%s", error.text);
    return -1;
}

static void tell_summary(struct progress *progress, const struct measure_totals *totals,
                         const char *folder)
{
    char *text = xstrdup("");
    for (int i = INVOCATION_OK; i <= INVOCATION_SKIPPED; i++) {
        if (!totals->counts[i])
            continue;
        char *longer = xprintf("%s%s%u %s", text, *text ? ", " : "", totals->counts[i],
                               invocation_status_word((enum invocation_status)i));
        free(text);
        text = longer;
    }
    progress_line(progress, false, "%s%s; results in %s",
                  totals->interrupted ? "interrupted: " : "", *text ? text : "nothing measured",
                  folder);
    if (totals->interrupted)
        progress_line(progress, false, "the same command with --resume --out %s goes on", folder);
    free(text);
}

/* Computes what follows from the files of the run. They stand whatever becomes of it. */
static int derive(const char *folder)
{
    struct csv_error error;
    struct run_data *run = NULL;
    int failed = run_data_load(&run, folder, &error);
    if (!failed)
        failed = derived_write(run, &error);
    run_data_free(run);
    return failed ? cmd_fail(CMD_MISSING, "%s; gcmeter plot %s makes what is missing", error.text,
                             folder)
                  : CMD_DONE;
}

static int measure(struct plan *plan, struct request *request, char **argv)
{
    char *folder = request->out ? xstrdup(request->out) : cell_flags_folder(RESULTS_FOLDER);
    struct run_files files;
    struct progress progress;
    struct measure_totals totals = {0};
    int error = run_files_make_folder(folder);
    /* Some file systems have no locks, and are written all the same. */
    if (!error && request->lock_fd < 0)
        error = (request->lock_fd = run_files_lock(folder)) == -EWOULDBLOCK ? -EWOULDBLOCK : 0;
    if (!error)
        error = run_files_open(&files, folder, request->earlier != NULL);
    if (error) {
        int code = fail_folder(folder, error);
        free(folder);
        return code;
    }
    if (!request->out)
        point_latest(folder);
    request->measure.invocation.memory_cap_bytes = memory_cap_bytes();
    struct environment_run run = {.argv = argv,
                                  .suite = request->plan.suite ? request->plan.suite->name : "",
                                  .order_seed = request->measure.order_seed,
                                  .invocations = request->measure.invocations,
                                  .probes = request->measure.probes,
                                  .instructions = request->measure.instructions,
                                  .valgrind = request->valgrind,
                                  .options = &request->measure.invocation};
    if (request->earlier) {
        derived_remove(folder);
        environment_write_resume(&files, request->resume_number);
    } else {
        environment_write_start(&files, plan, &run);
    }
    progress_init(&progress, request->quiet);
    if (access("/proc/self/statm", R_OK))
        progress_line(&progress, true,
                      "gcmeter: /proc is not mounted: resident memory is neither sampled, so that "
                      "memory.csv and rss_mean_bytes stay empty, nor held below 75 %% of what is "
                      "available");
    if (!files.error)
        measure_plan(&totals, plan, &request->measure, request->earlier, &files, &progress);
    double share =
        totals.measured_ns > 0 ? (double)totals.driver_cpu_ns / (double)totals.measured_ns : -1;
    if (!files.error)
        environment_write_end(&files, request->resume_number, share,
                              doubts_observer_ns(&totals.doubts));
    error = run_files_close(&files);
    int code = totals.interrupted ? CMD_INTERRUPTED : totals.failed ? CMD_FAILED : CMD_DONE;
    if (error) {
        cmd_fail(CMD_MISSING, "%s cannot be written: %s; what was measured before is kept", folder,
                 strerror(-error));
        if (code != CMD_INTERRUPTED)
            code = CMD_MISSING;
    }
    if (totals.shortage) {
        cmd_fail(CMD_MISSING,
                 "no further process can be started: %s; %s; what was measured is kept, and "
                 "--resume goes on with it",
                 strerror(-totals.shortage), child_shortage_remedy(totals.shortage));
        if (code != CMD_INTERRUPTED)
            code = CMD_MISSING;
    }
    if (share > DRIVER_SHARE_MAX && totals.measured_ns > DRIVER_SHARE_LEAST_NS)
        progress_line(&progress, false,
                      "gcmeter itself took %.2g %% of the measured time, more than 1 %%: longer "
                      "iterations (--iterations) would be disturbed less",
                      share * 100);
    doubts_tell(&totals.doubts, &progress);
    if (!error && derive(folder) != CMD_DONE && code != CMD_INTERRUPTED)
        code = CMD_MISSING;
    tell_summary(&progress, &totals, folder);
    doubts_free(&totals.doubts);
    free(folder);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct request request = {
        .lock_fd = -1,
        .measure = {.invocation = {
                        .warmup = 1, .iterations = 1, .timeout_s = TIMEOUT_DEFAULT_S, .seed = 1}}};
    struct plan_request *wanted = &request.plan;
    /* argp puts options first; the record keeps what was typed. */
    char **typed = xcalloc((size_t)argc + 2, sizeof *typed);
    typed[0] = (char[]){"gcmeter"};
    typed[1] = (char[]){"run"};
    for (int i = 1; i < argc; i++)
        typed[i + 1] = argv[i];
    int code = cmd_parse(&parser, argc, argv, &request);
    if (code < 0 && !wanted->suite && !wanted->backend_count && !wanted->workload_count)
        code = cmd_fail(CMD_USAGE, "nothing named to measure: give --suite quick, or --workload "
                                   "and --backend");
    if (code < 0 && request.measure.instructions)
        code = cell_flags_valgrind(&request.valgrind);
    if (code < 0 && request.resume && !request.out)
        code = cmd_fail(CMD_USAGE, "--resume needs --out DIR, the run to continue");
    if (code < 0 && request.resume && !request.dry_run)
        code = load_earlier(&request);
    if (code < 0) {
        if (!request.measure.invocations)
            request.measure.invocations =
                wanted->suite ? wanted->suite->invocations : INVOCATIONS_DEFAULT;
        if (!request.has_probes && wanted->suite)
            request.measure.probes = wanted->suite->probes;
        if (!request.has_order_seed && !request.earlier)
            request.measure.order_seed = cell_flags_fresh_seed();
        struct catalog catalog;
        struct plan plan;
        char why[1024];
        int failed;
        catalog_discover(&catalog);
        const char *reason = catalog_no_runner(&catalog);
        if (reason) {
            code = cmd_fail(CMD_MISSING, "%s", reason);
        } else if ((failed = plan_build(&plan, &catalog, wanted, why, sizeof why))) {
            code = cmd_fail(failed == -ENOENT ? CMD_MISSING : CMD_USAGE, "%s", why);
        } else {
            if (request.dry_run)
                print_plan(&plan, &request);
            if (plan.runnable_count == 0)
                code = cmd_fail(CMD_MISSING, "no cell can be measured: %s",
                                plan.cell_count ? plan.cells[0].skip : "there is no runner");
            else if (request.dry_run)
                code = CMD_DONE;
            else if ((code = check_covers(&request, &plan)) < 0 &&
                     (code = retry_earlier(&request, &plan)) < 0)
                code = measure(&plan, &request, typed);
            plan_free(&plan);
        }
        catalog_free(&catalog);
    }
    if (request.lock_fd >= 0)
        close(request.lock_fd);
    run_data_free(request.earlier);
    free(request.valgrind);
    cell_flags_free(wanted);
    free(typed);
    return code;
}
