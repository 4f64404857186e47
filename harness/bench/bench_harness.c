/* bench_harness.c: what recording costs (`make bench-harness`): every workload with and without it,
 * interleaved, and the costs of single records as the runners measure them themselves.
 *
 *   bench-harness OUT [INVOCATIONS [WORKLOAD...]]
 *
 * OUT gets ratios.csv, costs.csv and run.csv, and stdout the two tables. The arms are whole
 * invocations by the driver, as `gcmeter run` makes them, and bare ones: `--record 0`, and no
 * sampling of memory. Wall time is compared over processes one after another; on a machine that
 * does other work it decides nothing, so that CPU time is compared over pairs that take turns on
 * one processor (driver/beside.h).
 *
 * Requests are all due at once: on a schedule wall time is what the schedule says, and CPU time
 * mostly that of waiting for it. The time of a workload that is about the start of a process is the
 * CPU time of that, in the place of wall time and of pairs.
 *
 * Exit codes: 0 done; 1 a cost is beyond its bound, or a workload is certainly slower by more than
 * its; 2 usage; 3 something is missing; 4 an invocation failed; 130 interrupted. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/rng.h"
#include "data/csv_write.h"
#include "data/statistics.h"
#include "driver/beside.h"
#include "driver/cmd.h"
#include "driver/environment.h"
#include "driver/invocation.h"
#include "driver/stop_signals.h"
#include "driver/text_table.h"
#include "driver/xalloc.h"

/* What the issue of this tool promises. */
#define OPERATION_MAX_NS  40.0
#define STOP_ENTRY_MAX_NS 200.0
#define WATCH_MAX_SHARE   0.005
#define RATIO_MAX         1.02

#define INVOCATIONS_DEFAULT 12
#define INVOCATIONS_LEAST   6 /* of fewer pairs no interval of the median reaches 95 % */
#define INVOCATIONS_MAX     STATISTICS_EXACT_MAX
#define ITERATIONS          2

/* Wall time that either of a pair would measure alone: by 1 s what they do not share, since one of
 * them begins or ends a little later, is small beside 1 %. */
#define PAIR_NS             1e9
#define PAIR_ITERATIONS_MAX 100
#define ALPHA               0.05

/* A collector and a manual backend: what is recorded differs by the stops. */
static const char *backends[] = {"malloc", "marksweep"};

/* It consists of records and nothing else. */
#define WORKLOAD_OF_RECORDS_ONLY "nothing"

/* Its time is STARTUP_TIME, of some milliseconds, so that each round takes many for either arm. */
#define WORKLOAD_OF_STARTUP "startup"
#define STARTUP_TIME        "startup_cpu_ns"
#define STARTUPS            50

/* Added to the name of a workload whose requests are due on a schedule by default. */
#define ALL_DUE_AT_ONCE ":rate=1000000000"

enum arm { ARM_BARE, ARM_RECORDED, ARMS };

static enum arm other_than(enum arm arm)
{
    return arm == ARM_BARE ? ARM_RECORDED : ARM_BARE;
}

struct sample {
    double values[INVOCATIONS_MAX];
    size_t count;
};

struct cell_times {
    struct sample wall[ARMS]; /* logarithms; none of a workload of startup */
    struct sample cpu_ratio;  /* recorded over bare, of pairs or rounds of startups */
    struct sample bare_ns;    /* what it takes without recording */
};

struct cost {
    const char *what;
    const char *unit;
    double bound;
    double *values;
    size_t count;
};

enum {
    COST_CLOCK,
    COST_CLOCK_ERROR,
    COST_OPERATION,
    COST_STOP_ENTRY,
    COST_STOP,
    COST_WATCH,
    COSTS
};

struct bench {
    struct plan plan;
    struct invocation_options options;
    unsigned invocations;
    uint64_t order_seed;
    struct cell_times *cells; /* parallel to the plan's */
    struct cost costs[COSTS];
    /* Of the invocation that runs now; NaN: unknown. */
    double watch_cpu_ns;
    double startup_cpu_ns;
};

static void add(struct sample *sample, double value)
{
    sample->values[sample->count++] = value;
}

static void add_cost(struct bench *b, int cost, double value)
{
    struct cost *c = &b->costs[cost];
    *(double *)xappend(&c->values, &c->count, sizeof value) = value;
}

static void take_record(void *data, const struct record *record)
{
    struct bench *b = data;
    if (record->kind != RECORD_EXTRA)
        return;
    double value = strtod(record->fields[3], NULL);
    if (!strcmp(record->fields[0], "observer_clock_ns"))
        add_cost(b, COST_CLOCK, value);
    else if (!strcmp(record->fields[0], "operation_clock_error_ns"))
        add_cost(b, COST_CLOCK_ERROR, value);
    else if (!strcmp(record->fields[0], "observer_stop_entry_ns"))
        add_cost(b, COST_STOP_ENTRY, value);
    else if (!strcmp(record->fields[0], "observer_stop_ns"))
        add_cost(b, COST_STOP, value);
    else if (!strcmp(record->fields[0], "hiccup_watch_cpu_ns"))
        b->watch_cpu_ns = value;
    else if (!strcmp(record->fields[0], STARTUP_TIME))
        b->startup_cpu_ns = value;
}

static double metric(const struct invocation_result *result, size_t column)
{
    return result->metrics[column] ? strtod(result->metrics[column], NULL) : NAN;
}

/* 0 where it was ok, else an exit code, and the user has been told why. */
static int exit_code_of(const struct bench *b, size_t cell, const struct invocation_result *result)
{
    if (result->interrupted)
        return CMD_INTERRUPTED;
    if (result->status == INVOCATION_OK)
        return CMD_DONE;
    return cmd_fail(CMD_FAILED, "%s: %s: %s", b->plan.cells[cell].key,
                    invocation_status_word(result->status), result->detail);
}

static void add_wall(struct cell_times *times, enum arm arm, double wall_ns)
{
    add(&times->wall[arm], log(wall_ns));
    if (arm == ARM_BARE)
        add(&times->bare_ns, wall_ns);
}

static bool is_of_startup(const struct bench *b, size_t cell)
{
    return !strcmp(b->plan.cells[cell].workload->workload->name, WORKLOAD_OF_STARTUP);
}

/* One invocation. 0, or an exit code. */
static int run_arm(struct bench *b, size_t cell, enum arm arm, uint64_t position)
{
    struct invocation_sink sink = {.data = b, .record = take_record};
    struct invocation_result result;
    b->options.is_bare = arm == ARM_BARE;
    b->watch_cpu_ns = NAN;
    b->startup_cpu_ns = NAN;
    invocation_run(&result, &b->plan.cells[cell], plan_padding(b->order_seed, position),
                   &b->options, &sink);
    int code = exit_code_of(b, cell, &result);
    if (!code) {
        double wall_ns = metric(&result, SCHEMA_INVOCATIONS_wall_ns);
        /* Starts are many, and what else is known of them comes from a tenth of a millisecond. */
        bool counts = !is_of_startup(b, cell);
        if (counts)
            add_wall(&b->cells[cell], arm, wall_ns);
        if (counts && arm == ARM_RECORDED) {
            add_cost(b, COST_OPERATION, metric(&result, SCHEMA_INVOCATIONS_observer_ns));
            if (!isnan(b->watch_cpu_ns))
                add_cost(b, COST_WATCH, b->watch_cpu_ns / wall_ns);
        }
    }
    invocation_result_free(&result);
    return code;
}

/* How many make PAIR_NS, by what the cell took last. */
static unsigned pair_iterations(const struct cell_times *times)
{
    double iterations =
        ceil(PAIR_NS * ITERATIONS / times->bare_ns.values[times->bare_ns.count - 1]);
    return (unsigned)fmin(fmax(iterations, ITERATIONS), PAIR_ITERATIONS_MAX);
}

/* Both arms at the same time, `first` as beside_run()'s own. 0, or an exit code. */
static int run_pair(struct bench *b, size_t cell, enum arm first, uint64_t position)
{
    struct invocation_options options[ARMS] = {b->options, b->options};
    struct beside_process processes[ARMS];
    struct invocation_result result;
    for (int arm = 0; arm < ARMS; arm++) {
        options[arm].is_bare = arm == ARM_BARE;
        options[arm].iterations = pair_iterations(&b->cells[cell]);
        processes[arm] = (struct beside_process){
            &b->plan.cells[cell], plan_padding(b->order_seed, position + (uint64_t)arm),
            &options[arm]};
    }
    /* Cells begin 2 * ARMS positions apart: so the processors serve in turn. */
    beside_run(&result, &processes[first], &processes[other_than(first)],
               (unsigned)(position / (2 * ARMS)));
    int code = exit_code_of(b, cell, &result);
    if (!code) {
        double ratio = metric(&result, SCHEMA_INVOCATIONS_beside_cpu_ratio);
        if (!isnan(ratio))
            add(&b->cells[cell].cpu_ratio, first == ARM_RECORDED ? ratio : 1 / ratio);
    }
    invocation_result_free(&result);
    return code;
}

struct ratio {
    double estimate;
    double low;
    double high;
};

/* Of no values: NaN, which keeps no bound and breaks none. */
static const struct ratio no_ratio = {NAN, NAN, NAN};

static struct ratio ratio_of(const struct u_distribution *u, struct sample arms[ARMS])
{
    if (!arms[ARM_BARE].count)
        return no_ratio;
    for (int arm = 0; arm < ARMS; arm++)
        statistics_sort(arms[arm].values, arms[arm].count);
    struct shift_estimate shift =
        statistics_shift(u, arms[ARM_BARE].values, arms[ARM_RECORDED].values, ALPHA);
    return (struct ratio){exp(shift.estimate), exp(shift.low), exp(shift.high)};
}

/* Many of both arms, and how their logarithms differ. Either comes as often after itself as after
 * the other, since a process starts faster where the one before it has left less to clear up. 0, or
 * an exit code. */
static int run_startups(struct bench *b, size_t cell, enum arm first, uint64_t position)
{
    struct sample logarithms[ARMS] = {0};
    for (size_t i = 0; i < STARTUPS; i++)
        for (int k = 0; k < ARMS; k++) {
            enum arm arm = k == (int)(i % 2) ? first : other_than(first);
            int code = run_arm(b, cell, arm, position + i * ARMS + (uint64_t)k);
            if (code)
                return code;
            if (isnan(b->startup_cpu_ns))
                return cmd_fail(CMD_MISSING, "%s: the runner sends no " STARTUP_TIME,
                                b->plan.cells[cell].key);
            add(&logarithms[arm], log(b->startup_cpu_ns));
        }
    struct u_distribution u;
    if (u_distribution_make(&u, STARTUPS, STARTUPS))
        return cmd_fail(CMD_MISSING, "out of memory");
    add(&b->cells[cell].cpu_ratio, ratio_of(&u, logarithms).estimate);
    u_distribution_free(&u);
    /* They are sorted now. */
    add(&b->cells[cell].bare_ns, exp(statistics_median(logarithms[ARM_BARE].values, STARTUPS)));
    return CMD_DONE;
}

/* Rounds of all cells, the two arms of a cell one after the other in random order, and then both
 * at once. */
static int run_all(struct bench *b)
{
    size_t *order = xcalloc(b->plan.runnable_count, sizeof *order);
    uint64_t position = 0;
    int code = 0;
    for (unsigned round = 0; round < b->invocations && !code; round++) {
        struct rng rng;
        rng_seed(&rng, b->order_seed, round);
        plan_order(&b->plan, b->order_seed, round, order);
        fprintf(stderr, "bench-harness: round %u of %u\n", round + 1, b->invocations);
        for (size_t i = 0; i < b->plan.runnable_count && !code; i++) {
            enum arm first = rng_below(&rng, 2) ? ARM_RECORDED : ARM_BARE;
            if (is_of_startup(b, order[i])) {
                code = run_startups(b, order[i], first, position);
            } else {
                code = run_arm(b, order[i], first, position);
                if (!code)
                    code = run_arm(b, order[i], other_than(first), position + 1);
                if (!code)
                    code = run_pair(b, order[i], first, position + ARMS);
            }
            position += 2 * ARMS;
        }
    }
    free(order);
    return code;
}

/* The median of the pairs' ratios. */
static struct ratio ratio_of_pairs(struct sample *ratios)
{
    if (!ratios->count)
        return no_ratio;
    statistics_sort(ratios->values, ratios->count);
    struct median_interval interval =
        statistics_median_interval(ratios->values, ratios->count, ALPHA);
    return (struct ratio){statistics_median(ratios->values, ratios->count), interval.low,
                          interval.high};
}

static FILE *create(const char *folder, const char *name)
{
    char *path = xprintf("%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    if (!file)
        cmd_fail(CMD_MISSING, "%s cannot be written: %s", path, strerror(errno));
    free(path);
    return file;
}

/* 0, or an exit code. */
static int finish(FILE *file, const char *name)
{
    int error = ferror(file);
    if (fclose(file) || error)
        return cmd_fail(CMD_MISSING, "%s cannot be written", name);
    return 0;
}

/* With whether the bound is kept, as far as the interval tells. */
static void add_ratio(struct text_table *table, FILE *csv, const struct ratio *r)
{
    if (isnan(r->estimate)) {
        fputs(",,,,", csv);
        text_table_add(table, "-");
        text_table_add(table, "-");
        return;
    }
    const char *kept = r->high <= RATIO_MAX ? "yes" : r->low > RATIO_MAX ? "no" : "undecided";
    fprintf(csv, ",%.6g,%.6g,%.6g,%s", r->estimate, r->low, r->high, kept);
    text_table_addf(table, "%.4f [%.4f, %.4f]", r->estimate, r->low, r->high);
    text_table_add(table, kept);
}

static int write_ratios(struct bench *b, const char *folder)
{
    FILE *csv = create(folder, "ratios.csv");
    struct u_distribution u;
    if (!csv)
        return CMD_MISSING;
    if (u_distribution_make(&u, b->invocations, b->invocations)) {
        fclose(csv);
        return cmd_fail(CMD_MISSING, "out of memory");
    }
    struct text_table table = {.column_count = 6};
    bool is_beyond = false;
    static const char *const headings[] = {"cell",
                                           "without",
                                           "wall, with / without [95 %]",
                                           "at most 2 % more",
                                           "CPU in turns, with / without [95 %]",
                                           "at most 2 % more"};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        text_table_add(&table, headings[i]);
    fputs("cell,invocations,bare_ns,wall_ratio,wall_ratio_low,wall_ratio_high,wall_kept,"
          "cpu_ratio,cpu_ratio_low,cpu_ratio_high,cpu_kept,bound\n",
          csv);
    for (size_t i = 0; i < b->plan.cell_count; i++) {
        struct cell_times *times = &b->cells[i];
        const char *key = b->plan.cells[i].key;
        if (!times->bare_ns.count)
            continue;
        struct ratio wall = ratio_of(&u, times->wall);
        struct ratio cpu = ratio_of_pairs(&times->cpu_ratio);
        statistics_sort(times->bare_ns.values, times->bare_ns.count);
        double bare_ns = statistics_median(times->bare_ns.values, times->bare_ns.count);
        is_beyond |= wall.low > RATIO_MAX || cpu.low > RATIO_MAX;
        fprintf(csv, "%s,%u,%.0f", key, b->invocations, bare_ns);
        text_table_add(&table, key);
        text_table_addf(&table, "%.4g ms", bare_ns / 1e6);
        add_ratio(&table, csv, &wall);
        add_ratio(&table, csv, &cpu);
        fprintf(csv, ",%g\n", RATIO_MAX);
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
    u_distribution_free(&u);
    int code = finish(csv, "ratios.csv");
    return code ? code : is_beyond ? CMD_REGRESSED : CMD_DONE;
}

static int write_costs(struct bench *b, const char *folder)
{
    FILE *csv = create(folder, "costs.csv");
    if (!csv)
        return CMD_MISSING;
    struct text_table table = {.column_count = 6};
    bool is_beyond = false;
    static const char *const headings[] = {"cost", "median", "least", "greatest", "bound", "kept"};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++)
        text_table_add(&table, headings[i]);
    fputs("cost,unit,processes,median,least,greatest,bound\n", csv);
    for (int i = 0; i < COSTS; i++) {
        struct cost *c = &b->costs[i];
        if (!c->count)
            continue;
        statistics_sort(c->values, c->count);
        double median = statistics_median(c->values, c->count);
        bool kept = isnan(c->bound) || median < c->bound;
        is_beyond |= !kept;
        fprintf(csv, "%s,%s,%zu,%.6g,%.6g,%.6g,", c->what, c->unit, c->count, median, c->values[0],
                c->values[c->count - 1]);
        text_table_addf(&table, "%s (%s)", c->what, c->unit);
        text_table_addf(&table, "%.3g", median);
        text_table_addf(&table, "%.3g", c->values[0]);
        text_table_addf(&table, "%.3g", c->values[c->count - 1]);
        if (isnan(c->bound)) {
            fputs("\n", csv);
            text_table_add(&table, "-");
            text_table_add(&table, "-");
        } else {
            fprintf(csv, "%g\n", c->bound);
            text_table_addf(&table, "%g", c->bound);
            text_table_add(&table, kept ? "yes" : "no");
        }
    }
    text_table_print(&table, stdout, false);
    text_table_free(&table);
    int code = finish(csv, "costs.csv");
    return code ? code : is_beyond ? CMD_REGRESSED : CMD_DONE;
}

/* Opens run.csv alone of the files of a run. 0, or an exit code. */
static int start_run_csv(struct run_files *files, const struct bench *b, const char *folder,
                         char **argv)
{
    char *path = xprintf("%s/run.csv", folder);
    *files = (struct run_files){.folder = xstrdup(folder)};
    unlink(path);
    int error =
        csv_writer_open(&files->writers[SCHEMA_FILE_RUN], path, &schema_files[SCHEMA_FILE_RUN]);
    free(path);
    if (error)
        return cmd_fail(CMD_MISSING, "%s/run.csv cannot be written: %s", folder, strerror(-error));
    struct environment_run run = {.argv = argv,
                                  .suite = "",
                                  .order_seed = b->order_seed,
                                  .invocations = b->invocations,
                                  .options = &b->options};
    environment_write_start(files, &b->plan, &run);
    return 0;
}

static bool has_schedule(const struct catalog_workload *workload)
{
    for (size_t i = 0; i < workload->param_count; i++)
        if (!strcmp(workload->params[i].name, "rate"))
            return workload->is_requests && workload->params[i].default_value > 0;
    return false;
}

/* The workload `name`; NULL: there is none. */
static const struct catalog_workload *find(const struct catalog_workload **workloads, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(workloads[i]->name, name))
            return workloads[i];
    return NULL;
}

/* The workloads with these names, NULL-terminated, or if there are none all but that of records
 * only, on the backends above. 0, or an exit code. */
static int make_plan(struct bench *b, const struct catalog *catalog, char **wanted)
{
    char why[512];
    size_t count;
    size_t kept = 0;
    const struct catalog_workload **workloads = catalog_workloads(catalog, &count);
    size_t wanted_count = 0;
    while (wanted[wanted_count])
        wanted_count++;
    size_t name_count = wanted_count ? wanted_count : count;
    char **names = xcalloc(name_count, sizeof *names);
    for (size_t i = 0; i < name_count; i++) {
        const char *name = wanted_count ? wanted[i] : workloads[i]->name;
        const struct catalog_workload *workload = find(workloads, count, name);
        if (wanted_count || strcmp(name, WORKLOAD_OF_RECORDS_ONLY) != 0)
            names[kept++] =
                xprintf("%s%s", name, workload && has_schedule(workload) ? ALL_DUE_AT_ONCE : "");
    }
    struct plan_request request = {.backends = backends,
                                   .backend_count = sizeof backends / sizeof *backends,
                                   .workloads = (const char **)names,
                                   .workload_count = kept};
    int error = plan_build(&b->plan, catalog, &request, why, sizeof why);
    for (size_t i = 0; i < kept; i++)
        free(names[i]);
    free(names);
    free(workloads);
    return error ? cmd_fail(CMD_MISSING, "%s", why) : 0;
}

static int measure(struct bench *b, const char *folder, char **argv)
{
    struct run_files files;
    b->cells = xcalloc(b->plan.cell_count, sizeof *b->cells);
    b->options.memory_cap_bytes = memory_cap_bytes();
    b->options.signal_fd = stop_signals_open();
    if (mkdir(folder, 0777) && errno != EEXIST)
        return cmd_fail(CMD_MISSING, "%s cannot be made: %s", folder, strerror(errno));
    int code = start_run_csv(&files, b, folder, argv);
    if (!code)
        code = run_all(b);
    if (!code)
        environment_write_end(&files, 0, -1, -1);
    int error = run_files_close(&files);
    if (!code && error)
        code = cmd_fail(CMD_MISSING, "%s/run.csv cannot be written: %s", folder, strerror(-error));
    if (!code) {
        int ratios = write_ratios(b, folder);
        int costs = write_costs(b, folder);
        code = ratios > costs ? ratios : costs;
    }
    free(b->cells);
    for (int i = 0; i < COSTS; i++)
        free(b->costs[i].values);
    return code;
}

int main(int argc, char **argv)
{
    struct bench b = {
        .options = {.warmup = 1, .iterations = ITERATIONS, .timeout_s = 300, .seed = 1},
        .invocations = INVOCATIONS_DEFAULT,
        .order_seed = 1,
        .costs = {[COST_CLOCK] = {"reading of the clock", "ns", NAN, NULL, 0},
                  [COST_CLOCK_ERROR] = {"greatest error of an operation's clock", "ns", NAN, NULL,
                                        0},
                  [COST_OPERATION] = {"record of an operation", "ns", OPERATION_MAX_NS, NULL, 0},
                  [COST_STOP_ENTRY] = {"entry of a stop", "ns", STOP_ENTRY_MAX_NS, NULL, 0},
                  [COST_STOP] = {"entry of a stop and its clock readings", "ns", NAN, NULL, 0},
                  [COST_WATCH] = {"watching for hiccups", "share of a processor", WATCH_MAX_SHARE,
                                  NULL, 0}},
    };
    errors_set_program("bench-harness");
    if (argc >= 3) {
        char *end;
        unsigned long n = strtoul(argv[2], &end, 10);
        if (*end || n < INVOCATIONS_LEAST || n > INVOCATIONS_MAX)
            return cmd_fail(CMD_USAGE, "INVOCATIONS is '%s', not a number from %d to %d", argv[2],
                            INVOCATIONS_LEAST, INVOCATIONS_MAX);
        b.invocations = (unsigned)n;
    }
    if (argc < 2)
        return cmd_fail(CMD_USAGE, "usage: bench-harness OUT [INVOCATIONS [WORKLOAD...]]");
    struct catalog catalog;
    catalog_discover(&catalog);
    int code = make_plan(&b, &catalog, argv + (argc < 3 ? argc : 3));
    if (!code) {
        code = measure(&b, argv[1], argv);
        plan_free(&b.plan);
    }
    catalog_free(&catalog);
    return code;
}
