/* cmd_ab.c: `gcmeter ab`: two builds of one backend, measured side by side. */
#include "driver/ab_session.h"
#include "driver/built_runners.h"
#include "driver/cell_flags.h"
#include "driver/cmd.h"
#include "driver/compare_flags.h"
#include "driver/heap_factor.h"
#include "driver/measure.h"
#include "driver/xalloc.h"

#include <stdlib.h>
#include <string.h>

enum {
    INVOCATIONS_DEFAULT = 40,
    INVOCATIONS_LEAST = 4, /* below there are no verdicts */
    INVOCATIONS_MAX = 10000,
    ITERATIONS_MAX = 1000000,
    TIMEOUT_DEFAULT_S = 300,
    TIMEOUT_MAX_S = 7 * 24 * 3600,
};

enum {
    KEY_BASE = 256,
    KEY_NEW,
    KEY_SUITE,
    KEY_WORKLOAD,
    KEY_HEAP,
    KEY_HEAP_FACTOR,
    KEY_MINHEAP,
    KEY_THREADS,
    KEY_INVOCATIONS,
    KEY_ITERATIONS,
    KEY_WARMUP,
    KEY_INSTRUCTIONS,
    KEY_BESIDE,
    KEY_TIMEOUT,
    KEY_SEED,
    KEY_ORDER_SEED,
    KEY_OUT,
    KEY_QUIET,
};

static const struct argp_option option_table[] = {
    {"base", KEY_BASE, "VARIANT", 0,
     "what is compared with: a backend with options as for run, and build=DIR (a folder with its "
     "runner), build=REVISION (of this project, built here) or prefix=DIR (its runner built "
     "against "
     "the library installed there)",
     0},
    {"new", KEY_NEW, "VARIANT", 0, "what is compared, of the same backend", 0},
    {"suite", KEY_SUITE, "NAME", 0, "the cells of a suite (gcmeter list suites)", 0},
    {"workload", KEY_WORKLOAD, "WORKLOAD", 0,
     "a workload, with parameters as NAME:PARAMETER=VALUE,… (repeatable)", 0},
    {"heap", KEY_HEAP, "LIMIT", 0,
     "heap limit: none, a size, or Fxlive (default: none; repeatable)", 0},
    {"heap-factor", KEY_HEAP_FACTOR, "F", 0,
     "heap limit of F times the smallest minimum heap of any backend (repeatable)", 0},
    {"minheap", KEY_MINHEAP, "FILE", 0,
     "where minimum heaps are (default: " MINHEAP_PATH_DEFAULT ")", 0},
    {"threads", KEY_THREADS, "N", 0, "mutator threads (default: 1; repeatable)", 0},
    {"invocations", KEY_INVOCATIONS, "MAX", 0,
     "processes per cell and arm at most (default: 40); it stops as soon as all is decided, so "
     "that a high number costs time only where a small effect hides in noise",
     0},
    {"iterations", KEY_ITERATIONS, "N", 0, "measured iterations per process (default: 1)", 0},
    {"warmup", KEY_WARMUP, "N", 0, "iterations before them (default: 1)", 0},
    {"instructions", KEY_INSTRUCTIONS, "N", OPTION_ARG_OPTIONAL,
     "further processes per cell and arm under valgrind, for instructions_count and "
     "pause_instructions_count only, at least 3 (default: 0, or where N is left out as many as can "
     "decide); they are slow, and need no quiet machine",
     0},
    {"beside", KEY_BESIDE, "N", OPTION_ARG_OPTIONAL,
     "further processes per cell and arm that take turns with one of base on one processor, for "
     "beside_cpu_ratio and beside_pause_cpu_ratio only, at least 4 (default: 0, or where N is left "
     "out as many as there are others): what else the machine does meets both alike",
     0},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "ends a process that takes longer (default: 300)", 0},
    {"seed", KEY_SEED, "N", 0, "seed of the workloads' input (default: 1)", 0},
    {"order-seed", KEY_ORDER_SEED, "N", 0,
     "seed of the order of processes and of their padding (default: fresh)", 0},
    {"metric", COMPARE_FLAG_METRIC, "NAME", 0,
     "gate this metric, and only those named (repeatable; default what the gate file names)", 0},
    {"gate", COMPARE_FLAG_GATE, "FILE", 0,
     "which metrics gate, and at which tolerance (default " COMPARE_FLAGS_GATE
     ", else the one that came with gcmeter)",
     0},
    {"tolerance", COMPARE_FLAG_TOLERANCE, "PCT", 0,
     "a change of up to PCT percent is the same (default 5), whatever the gate file says", 0},
    {"allow-different", COMPARE_FLAG_ALLOW, "KEY", 0,
     "compare builds that differ in KEY all the same (repeatable): workload_params", 0},
    {"alpha", COMPARE_FLAG_ALPHA, "A", 0,
     "chance of any false regression, over all comparisons and looks (default 0.05)", 0},
    {"format", COMPARE_FLAG_FORMAT, "FORMAT", 0,
     "text, markdown, csv, json or junit (default text)", 0},
    {"strict", COMPARE_FLAG_STRICT, NULL, 0,
     "end with 5 also where something is inconclusive or noisy", 0},
    {"out", KEY_OUT, "DIR", 0,
     "folder for the two runs, DIR/base and DIR/new, absent or empty (default: results/ab/TIME)",
     0},
    {"quiet", KEY_QUIET, NULL, 0, "no progress on stderr, failures only", 0},
    {0},
};

struct request {
    const char *variants[AB_ARMS];
    struct plan_request plan;
    struct compare_flags flags;
    struct invocation_options invocation;
    unsigned invocations;
    bool counts_instructions;
    unsigned instructions; /* 0: as many as can decide */
    bool takes_turns;
    unsigned beside; /* 0: as many as there are others */
    char *valgrind;  /* its version; NULL where it is not used */
    bool has_order_seed;
    uint64_t order_seed;
    const char *out;
    bool quiet;
};

static error_t check_request(const struct request *r, const struct argp_state *state)
{
    if (!r->variants[AB_BASE] || !r->variants[AB_NEW])
        return cmd_usage(state, "two variants are needed: --base VARIANT --new VARIANT");
    if (!r->plan.suite && !r->plan.workload_count)
        return cmd_usage(state, "nothing named to measure: give --workload NAME, or --suite quick");
    for (size_t i = 0; i < r->flags.metric_count; i++) {
        const char *metric = r->flags.metrics[i];
        enum ab_kind kind = ab_session_kind_of(metric);
        if (kind == AB_INSTRUCTIONS && !r->counts_instructions)
            return cmd_usage(state, "--metric %s needs --instructions", metric);
        if (kind == AB_BESIDE && !r->takes_turns)
            return cmd_usage(state, "--metric %s needs --beside", metric);
    }
    return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case KEY_BASE:
        r->variants[AB_BASE] = text;
        return 0;
    case KEY_NEW:
        r->variants[AB_NEW] = text;
        return 0;
    case KEY_SUITE:
        r->plan.suite = suite_find(text);
        return r->plan.suite
                   ? 0
                   : cmd_usage(state, "unknown suite '%s'; see gcmeter list suites", text);
    case KEY_WORKLOAD:
        *(const char **)xappend(&r->plan.workloads, &r->plan.workload_count, sizeof text) = text;
        return 0;
    case KEY_HEAP:
        return cell_flags_heap(state, text, &r->plan);
    case KEY_HEAP_FACTOR:
        return cell_flags_heap_factor(state, text, &r->plan);
    case KEY_MINHEAP:
        if (!*text)
            return cmd_usage(state, "--minheap needs the name of a file");
        r->plan.minheap_path = text;
        return 0;
    case KEY_THREADS:
        return cell_flags_threads(state, text, &r->plan);
    case KEY_INVOCATIONS:
        return cell_flags_unsigned(state, "invocations", text, INVOCATIONS_LEAST, INVOCATIONS_MAX,
                                   &r->invocations);
    case KEY_ITERATIONS:
        return cell_flags_unsigned(state, "iterations", text, 1, ITERATIONS_MAX,
                                   &r->invocation.iterations);
    case KEY_WARMUP:
        return cell_flags_unsigned(state, "warmup", text, 0, ITERATIONS_MAX, &r->invocation.warmup);
    case KEY_INSTRUCTIONS:
        r->counts_instructions = true;
        return text ? cell_flags_unsigned(state, "instructions", text, MEASURE_INSTRUCTIONS_LEAST,
                                          INVOCATIONS_MAX, &r->instructions)
                    : 0;
    case KEY_BESIDE:
        r->takes_turns = true;
        return text ? cell_flags_unsigned(state, "beside", text, INVOCATIONS_LEAST, INVOCATIONS_MAX,
                                          &r->beside)
                    : 0;
    case KEY_TIMEOUT:
        return cell_flags_unsigned(state, "timeout", text, 1, TIMEOUT_MAX_S,
                                   &r->invocation.timeout_s);
    case KEY_SEED:
        return cell_flags_number(state, "seed", text, 0, UINT64_MAX, &r->invocation.seed);
    case KEY_ORDER_SEED:
        r->has_order_seed = true;
        return cell_flags_number(state, "order-seed", text, 0, UINT64_MAX, &r->order_seed);
    case KEY_OUT:
        if (!*text)
            return cmd_usage(state, "--out needs the name of a folder");
        r->out = text;
        return 0;
    case KEY_QUIET:
        r->quiet = true;
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
    .doc =
        "Measure two builds of a backend side by side, in random order, until every gated metric "
        "is decided, confirm what regressed by fresh invocations, and print the verdicts as "
        "compare "
        "does. One cell is also measured with the same binary in both arms: where that moves, no "
        "verdict holds.\v"
        "Exit codes: 0 done, 1 something regressed or broke, 2 usage, 3 something is missing, or a "
        "build failed, 4 a cell failed in base, 5 not decidable, or the machine moved.\n\n"
        "Examples:\n"
        "  gcmeter ab --base marksweep:build=main --new marksweep:build=HEAD --workload gcbench\n"
        "  gcmeter ab --base boehm:prefix=/opt/gc-8.2 --new boehm:prefix=/opt/gc-8.3 --suite quick "
        "--format markdown\n",
};

/* An arm with all that its plan points into. */
struct side {
    struct built_runners built;
    struct catalog catalog;
    bool has_catalog;
    struct plan plan;
    bool has_plan;
};

static void free_side(struct side *side)
{
    if (side->has_plan)
        plan_free(&side->plan);
    if (side->has_catalog)
        catalog_free(&side->catalog);
    built_runners_free(&side->built);
}

static int plan_side(struct side *side, const struct request *r, const char *variant)
{
    char why[1024];
    catalog_discover_one(&side->catalog, side->built.folder, side->built.backend);
    side->has_catalog = true;
    const struct catalog_backend *backend = catalog_backend(&side->catalog, side->built.backend);
    if (side->catalog.shortage)
        return cmd_fail(CMD_MISSING, "%s", catalog_no_runner(&side->catalog));
    if (backend && backend->unavailable)
        return cmd_fail(CMD_MISSING, "%s: %s", variant, backend->unavailable);
    struct plan_request request = r->plan;
    const char *backends[] = {side->built.text};
    request.backends = backends;
    request.backend_count = 1;
    int failed = plan_build(&side->plan, &side->catalog, &request, why, sizeof why);
    if (failed)
        return cmd_fail(failed == -ENOENT ? CMD_MISSING : CMD_USAGE, "%s", why);
    side->has_plan = true;
    const struct variant *v = side->plan.variant_count ? side->plan.variants[0] : NULL;
    if (v && v->unavailable)
        return cmd_fail(CMD_MISSING, "%s: %s", variant, v->unavailable);
    if (r->counts_instructions)
        for (size_t i = 0; i < side->plan.cell_count; i++)
            if (!side->plan.cells[i].skip && !measure_has_instructions(&side->plan.cells[i]))
                return cmd_fail(CMD_MISSING,
                                "%s: its runner has no client requests of callgrind, which "
                                "--instructions needs: build it where valgrind's header is",
                                variant);
    return -1;
}

/* The cells of both arms are the same, but for what is compared: so they have base's name. */
static int share_keys(struct side *sides)
{
    struct plan *base = &sides[AB_BASE].plan, *new = &sides[AB_NEW].plan;
    if (base->cell_count != new->cell_count)
        return cmd_fail(CMD_USAGE, "the variants take different heap settings: %zu cells and %zu",
                        base->cell_count, new->cell_count);
    for (size_t i = 0; i < base->cell_count; i++) {
        free(new->cells[i].key);
        new->cells[i].key = xstrdup(base->cells[i].key);
    }
    return -1;
}

static int compare_sides(struct request *r, struct side *sides, struct progress *progress,
                         char *const *typed)
{
    struct gate *gate = NULL;
    int code = compare_flags_gate(&r->flags, &gate, NULL, 0);
    if (code != CMD_DONE)
        return code;
    char *folder = r->out ? xstrdup(r->out) : cell_flags_folder("results/ab");
    r->invocation.memory_cap_bytes = memory_cap_bytes();
    struct ab_session session = {
        .plans = {&sides[AB_BASE].plan, &sides[AB_NEW].plan},
        .arms = {{r->variants[AB_BASE], sides[AB_BASE].built.commit},
                 {r->variants[AB_NEW], sides[AB_NEW].built.commit}},
        .flags = &r->flags,
        .gate = gate,
        .run = {.argv = typed,
                .suite = r->plan.suite ? r->plan.suite->name : "",
                .order_seed = r->has_order_seed ? r->order_seed : cell_flags_fresh_seed(),
                .invocations = r->invocations,
                .valgrind = r->valgrind,
                .options = &r->invocation},
        .invocations = r->invocations,
        .counts_instructions = r->counts_instructions,
        .instructions = r->instructions,
        .takes_turns = r->takes_turns,
        .beside = r->beside,
        .folder = folder,
        .progress = progress,
    };
    code = ab_session_run(&session, &r->invocation);
    if (code != CMD_USAGE && code != CMD_MISSING)
        progress_line(progress, false, "results in %s/base and %s/new", folder, folder);
    gate_free(gate);
    free(folder);
    return code;
}

int cmd_ab(int argc, char **argv)
{
    struct request r = {
        .invocations = INVOCATIONS_DEFAULT,
        .invocation = {.warmup = 1, .iterations = 1, .timeout_s = TIMEOUT_DEFAULT_S, .seed = 1}};
    struct side sides[AB_ARMS] = {0};
    struct progress progress;
    /* argp puts options first; the record keeps what was typed. */
    char **typed = xcalloc((size_t)argc + 2, sizeof *typed);
    typed[0] = (char[]){"gcmeter"};
    typed[1] = (char[]){"ab"};
    for (int i = 1; i < argc; i++)
        typed[i + 1] = argv[i];
    compare_flags_init(&r.flags);
    int code = cmd_parse(&parser, argc, argv, &r);
    progress_init(&progress, r.quiet);
    if (code < 0 && r.counts_instructions)
        code = cell_flags_valgrind(&r.valgrind);
    /* Both are built before either is measured, so that neither finds the machine warmer. */
    for (int arm = 0; arm < AB_ARMS && code < 0; arm++)
        code = built_runners_make(&sides[arm].built, r.variants[arm], &progress);
    if (code < 0 && strcmp(sides[AB_BASE].built.backend, sides[AB_NEW].built.backend) != 0)
        code =
            cmd_fail(CMD_USAGE,
                     "ab compares two builds of one backend, not %s with %s: that is gcmeter run "
                     "--backend %s --backend %s, then gcmeter compare RUN --by backend",
                     sides[AB_BASE].built.backend, sides[AB_NEW].built.backend,
                     sides[AB_BASE].built.backend, sides[AB_NEW].built.backend);
    for (int arm = 0; arm < AB_ARMS && code < 0; arm++)
        code = plan_side(&sides[arm], &r, r.variants[arm]);
    if (code < 0)
        code = share_keys(sides);
    if (code < 0)
        code = compare_sides(&r, sides, &progress, typed);
    for (int arm = 0; arm < AB_ARMS; arm++)
        free_side(&sides[arm]);
    compare_flags_free(&r.flags);
    cell_flags_free(&r.plan);
    free(r.valgrind);
    free(typed);
    return code;
}
