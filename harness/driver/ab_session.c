#include "driver/ab_session.h"

#include "data/comparable.h"
#include "data/looks.h"
#include "data/run_data.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/stop_signals.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOVED "the machine moved"

/* A comparison of two folders as they are now. */
struct evaluation {
    struct run_data *runs[AB_ARMS];
    struct compare_result *result;
};

static void drop(struct evaluation *e)
{
    if (e->result)
        compare_free(e->result);
    run_data_free(e->runs[AB_BASE]);
    run_data_free(e->runs[AB_NEW]);
    *e = (struct evaluation){0};
}

/* CMD_DONE and a result, or an exit code, and the user has been told. */
static int evaluate(struct evaluation *e, const struct ab_session *s, const struct ab_pair *pair,
                    double alpha)
{
    struct csv_error error;
    struct compare_options options = compare_flags_options(s->flags, s->gate);
    options.alpha = alpha;
    drop(e);
    int failed = 0;
    for (int arm = 0; arm < AB_ARMS && !failed; arm++)
        failed = run_data_load(&e->runs[arm], pair->files[arm].folder, &error);
    if (!failed) {
        /* Options are what was changed on purpose. */
        size_t count = 0;
        const char **allowed = xcalloc(s->flags->allowed_count + 1, sizeof *allowed);
        for (; count < s->flags->allowed_count; count++)
            allowed[count] = s->flags->allowed[count];
        allowed[count++] = "backend_options";
        failed = comparable_check(e->runs[AB_BASE], e->runs[AB_NEW], allowed, count, &error);
        free(allowed);
    }
    if (!failed && s->gate)
        failed = gate_check_metrics(
            s->gate, (const struct run_data *[]){e->runs[AB_BASE], e->runs[AB_NEW]}, 2, &error);
    if (!failed)
        failed = compare_runs(&e->result, e->runs[AB_BASE], e->runs[AB_NEW], &options, &error);
    if (!failed)
        return CMD_DONE;
    e->result = NULL;
    int code = cmd_fail_reading(failed, &error);
    /* Without a result it is never done: callers rely on that. */
    return code == CMD_DONE ? CMD_MISSING : code;
}

static bool begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

enum ab_kind ab_session_kind_of(const char *metric)
{
    if (!strcmp(metric, "beside_cpu_ratio") || !strcmp(metric, "beside_pause_cpu_ratio"))
        return AB_BESIDE;
    /* A processor may tell how many instructions there were, but not what its stops were. */
    return strcmp(metric, "pause_instructions_count") ? AB_NORMAL : AB_INSTRUCTIONS;
}

/* Whether invocations of the cell can have the metric, as far as is known before any. */
static bool may_have(const struct ab_session *s, const struct plan_cell *cell, const char *metric)
{
    static const char *const of_tracing[] = {"pause_",  "mmu_",      "gc_",
                                             "marked_", "retained_", "beside_pause_"};
    static const char *const of_requests[] = {"open_", "metered_"};
    bool traces = !strcmp(cell->variant->runner->reclaim, "tracing");
    for (size_t i = 0; i < sizeof of_tracing / sizeof *of_tracing; i++)
        if (begins(metric, of_tracing[i]) && !traces)
            return false;
    for (size_t i = 0; i < sizeof of_requests / sizeof *of_requests; i++)
        if (begins(metric, of_requests[i]) && !cell->workload->workload->is_requests)
            return false;
    enum ab_kind kind = ab_session_kind_of(metric);
    if ((kind == AB_INSTRUCTIONS && !s->counts_instructions) ||
        (kind == AB_BESIDE && !s->takes_turns))
        return false;
    return !begins(metric, "stall_"); /* there are no probes here */
}

/* What gates in the cells that are chosen. */
static size_t count_family(const struct ab_session *s, const bool *chosen)
{
    struct compare_options options = compare_flags_options(s->flags, s->gate);
    size_t family = 0;
    for (size_t i = 0; i < s->plans[AB_BASE]->cell_count; i++) {
        const struct plan_cell *cell = &s->plans[AB_BASE]->cells[i];
        struct compare_tolerance tolerance;
        for (size_t m = 0; chosen[i] && m < options.metric_count; m++)
            family += may_have(s, cell, options.metrics[m]) &&
                      compare_is_gated(&options, cell->key, options.metrics[m], &tolerance);
    }
    return family;
}

static void tell_looks(const struct ab_session *s, const struct looks *looks, size_t cell_count)
{
    char at[8 * LOOKS_MAX] = "";
    size_t length = 0;
    for (size_t i = 0; i < looks->count; i++)
        length += (size_t)snprintf(at + length, sizeof at - length, "%s%zu",
                                   !i                      ? ""
                                   : i + 1 == looks->count ? " and "
                                                           : ", ",
                                   looks->invocations[i]);
    size_t last = looks->invocations[looks->count - 1];
    if (last > looks->asked)
        progress_line(s->progress, false,
                      "--invocations %zu cannot decide %zu comparisons at alpha %g: raised to %zu",
                      looks->asked, looks->family, s->flags->alpha, last);
    progress_line(s->progress, false,
                  "%zu cell%s, up to %zu comparisons; looks at %s invocations of each arm, with "
                  "alpha %g for each, which can decide them",
                  cell_count, cell_count == 1 ? "" : "s", looks->family, at, looks->alpha);
}

/* Whether further invocations may decide it: those that count instructions are all made before the
 * first look, and so are those that take turns where their number is given. */
static bool is_open(const struct ab_session *s, const struct compare_row *row)
{
    enum ab_kind kind = ab_session_kind_of(row->metric);
    bool is_counted = kind == AB_INSTRUCTIONS || !strcmp(row->metric, "instructions_count");
    return row->verdict == COMPARE_INCONCLUSIVE && !(s->run.instructions && is_counted) &&
           !(s->beside && kind == AB_BESIDE);
}

static bool is_decided(const struct ab_session *s, const struct compare_result *result)
{
    for (size_t i = 0; i < result->row_count; i++)
        if (is_open(s, &result->rows[i]))
            return false;
    return true;
}

/* How much of what was found further fresh invocations may still confirm. */
static size_t count_unconfirmed(const struct ab_session *s, const struct compare_result *found,
                                const struct compare_result *fresh)
{
    size_t count = 0;
    for (size_t i = 0; i < found->row_count; i++) {
        const struct compare_row *again =
            compare_is_bad(&found->rows[i]) ? compare_find(fresh, &found->rows[i]) : NULL;
        count += again && is_open(s, again);
    }
    return count;
}

/* The row by which the negative control moved, or NULL. */
static const struct compare_row *find_moved(const struct compare_result *control)
{
    for (size_t i = 0; i < control->row_count; i++)
        if (control->rows[i].verdict != COMPARE_SAME &&
            control->rows[i].verdict != COMPARE_INCONCLUSIVE)
            return &control->rows[i];
    return NULL;
}

/* Cells with something regressed or broken are chosen; how many. */
static size_t choose_suspects(const struct compare_result *result, struct ab_pair *fresh)
{
    size_t count = 0;
    const struct plan *plan = fresh->plans[AB_BASE];
    for (size_t i = 0; i < plan->cell_count; i++) {
        bool is_suspect = false;
        for (size_t r = 0; r < result->row_count; r++)
            is_suspect |= compare_is_bad(&result->rows[r]) &&
                          !strcmp(result->rows[r].base_cell->key, plan->cells[i].key);
        fresh->chosen[i] &= is_suspect && !fresh->plans[AB_NEW]->cells[i].skip;
        count += fresh->chosen[i];
    }
    return count;
}

static int fail_writing(const struct ab_session *s, int error)
{
    if (error == -EEXIST)
        return cmd_fail(CMD_USAGE, "--out %s is not empty; name another folder, or remove it",
                        s->folder);
    const char *remedy = child_shortage_remedy(error);
    if (remedy)
        return cmd_fail(CMD_MISSING, "measuring into %s cannot go on: %s; %s", s->folder,
                        strerror(-error), remedy);
    return cmd_fail(CMD_MISSING, "%s cannot be written: %s", s->folder, strerror(-error));
}

static int end_of(const struct ab_session *s, const struct ab_meter *meter)
{
    if (meter->interrupted) {
        progress_line(s->progress, false, "interrupted: what was measured is in %s", s->folder);
        return CMD_INTERRUPTED;
    }
    return meter->error ? fail_writing(s, meter->error) : CMD_DONE;
}

/* How many take turns by the time that there are `invocations` others. */
static unsigned beside_count(const struct ab_session *s, size_t invocations)
{
    if (!s->takes_turns)
        return 0;
    return s->beside ? s->beside : (unsigned)invocations;
}

/* What a look at that many invocations needs. */
static void measure(const struct ab_session *s, struct ab_meter *meter,
                    struct ab_pair *const *pairs, size_t pair_count, size_t invocations)
{
    ab_pair_measure(meter, AB_NORMAL, pairs, pair_count, (unsigned)invocations);
    ab_pair_measure(meter, AB_INSTRUCTIONS, pairs, pair_count, s->run.instructions);
    ab_pair_measure(meter, AB_BESIDE, pairs, pair_count, beside_count(s, invocations));
}

/* How many invocations a cell has in an arm, with `invocations` normal ones. */
static size_t count_invocations(const struct ab_session *s, size_t invocations)
{
    return invocations + s->run.instructions + beside_count(s, invocations);
}

/* Looks at fresh invocations of the suspects until they decide what was found. */
static int confirm_at_looks(const struct ab_session *s, struct ab_meter *meter,
                            struct ab_pair *fresh, const struct looks *looks,
                            struct evaluation *found)
{
    struct evaluation again = {0};
    int code = CMD_DONE;
    for (size_t look = 0; look < looks->count; look++) {
        measure(s, meter, &fresh, 1, looks->invocations[look]);
        code = end_of(s, meter);
        if (code == CMD_DONE)
            code = evaluate(&again, s, fresh, looks->alpha);
        if (code != CMD_DONE)
            break;
        size_t open_count = count_unconfirmed(s, found->result, again.result);
        if (open_count == 0)
            break;
        progress_line(s->progress, false, "%zu fresh invocations: %zu neither confirmed nor denied",
                      looks->invocations[look], open_count);
    }
    if (code == CMD_DONE)
        compare_confirm(found->result, again.result);
    drop(&again);
    return code;
}

/* Measures what regressed anew, and takes back what does not show again. It was found at `first`
 * invocations: with fewer it would hardly be confirmed. */
static int confirm(const struct ab_session *s, struct ab_meter *meter, struct evaluation *found,
                   size_t first, size_t most)
{
    struct ab_pair fresh;
    char *folder = xprintf("%s/confirm", s->folder);
    int error = ab_pair_open(&fresh, folder, s->plans, s->arms, &s->run);
    free(folder);
    if (error)
        return fail_writing(s, error);
    size_t cell_count = choose_suspects(found->result, &fresh);
    /* What is missing or skipped needs no more than its absence. */
    if (cell_count == 0)
        return ab_pair_close(&fresh) ? fail_writing(s, -EIO) : CMD_DONE;
    struct looks looks;
    size_t family = count_family(s, fresh.chosen);
    looks_plan(&looks, first, most, family ? family : 1, s->flags->alpha);
    size_t last = looks.invocations[looks.count - 1];
    progress_line(s->progress, false,
                  "%zu regressed and %zu broken: confirming by %zu to %zu fresh invocations of "
                  "each arm",
                  found->result->count[COMPARE_REGRESSED], found->result->count[COMPARE_BROKEN],
                  looks.invocations[0], last);
    meter->expected_count =
        meter->started_count + (unsigned)(cell_count * count_invocations(s, last) * AB_ARMS);
    int code = confirm_at_looks(s, meter, &fresh, &looks, found);
    int unwritten = ab_pair_close(&fresh);
    return unwritten && code == CMD_DONE ? fail_writing(s, unwritten) : code;
}

/* Cells that never completed in base have no verdict at all. */
static bool has_failed_cells(const struct evaluation *e)
{
    const struct run_data *base = e->runs[AB_BASE];
    for (size_t i = 0; i < base->cell_count; i++) {
        size_t ok_count = 0, failed_count = 0;
        for (size_t j = 0; j < base->cells[i].invocation_count; j++) {
            enum run_status status = base->invocations[base->cells[i].invocations[j]].status;
            ok_count += status == RUN_OK;
            failed_count += status != RUN_OK && status != RUN_SKIPPED;
        }
        if (failed_count && !ok_count)
            return true;
    }
    return false;
}

/* The control has one cell that was measured; those that were skipped come before it. */
static const char *measured_cell(const struct run_data *run)
{
    size_t i = 0;
    while (run->invocations[run->cells[i].invocations[0]].status == RUN_SKIPPED &&
           i + 1 < run->cell_count)
        i++;
    return run->cells[i].key;
}

static int print(const struct ab_session *s, const struct evaluation *found,
                 const struct evaluation *control, const struct compare_row *moved,
                 const struct looks *looks, size_t look)
{
    struct compare_options options = compare_flags_options(s->flags, s->gate);
    options.alpha = looks->alpha;
    int code = compare_flags_print(s->flags, &options, found->result);
    if (code != CMD_DONE)
        return code;
    FILE *out =
        s->flags->format == COMPARE_FORMAT_TEXT || s->flags->format == COMPARE_FORMAT_MARKDOWN
            ? stdout
            : NULL;
    const char *cell = measured_cell(control->runs[AB_BASE]);
    if (out)
        fprintf(out, "\n%zu invocations of each arm, look %zu of %zu; alpha %g over all.\n",
                looks->invocations[look], look + 1, looks->count, s->flags->alpha);
    if (out && !moved)
        fprintf(out, "Negative control: base against itself in `%s` did not move.\n", cell);
    if (out && moved)
        fprintf(out,
                "Negative control: base against itself in `%s` moved in %s: " MOVED
                ", so that no verdict holds.\n",
                cell, moved->metric);
    if (moved)
        cmd_fail(CMD_UNDECIDED, MOVED ": %s of %s differs between two runs of the same binary",
                 moved->metric, cell);
    bool noisy =
        compare_flags_is_noisy(found->runs[AB_BASE]) || compare_flags_is_noisy(found->runs[AB_NEW]);
    code = compare_flags_exit(s->flags, found->result, noisy);
    if (code == CMD_REGRESSED)
        return code;
    if (has_failed_cells(found))
        return CMD_FAILED;
    return moved ? CMD_UNDECIDED : code;
}

/* The first round, by which it is known already whether there is such a metric and whether the runs
 * compare at all. Where a process of it failed, a figure may be missing for that reason only. */
static int try_first_round(const struct ab_session *s, struct ab_meter *meter,
                           struct ab_pair *const *pairs, size_t pair_count, double alpha)
{
    struct evaluation tried = {0};
    ab_pair_measure(meter, AB_NORMAL, pairs, pair_count, 1);
    int code = end_of(s, meter);
    if (code == CMD_DONE && meter->failed_count == 0)
        code = evaluate(&tried, s, pairs[0], alpha);
    drop(&tried);
    return code;
}

/* Looks, as they were planned, until all is decided. */
static int compare_at_looks(const struct ab_session *s, struct ab_meter *meter,
                            struct ab_pair *main_pair, struct ab_pair *control_pair,
                            const struct looks *looks)
{
    struct evaluation found = {0}, control = {0};
    struct ab_pair *pairs[] = {main_pair, control_pair};
    const struct compare_row *moved = NULL;
    size_t look = 0;
    int code = try_first_round(s, meter, pairs, 2, looks->alpha);
    for (; code == CMD_DONE; look++) {
        measure(s, meter, pairs, 2, looks->invocations[look]);
        code = end_of(s, meter);
        if (code == CMD_DONE)
            code = evaluate(&found, s, main_pair, looks->alpha);
        if (code == CMD_DONE)
            code = evaluate(&control, s, control_pair, looks->alpha);
        if (code != CMD_DONE)
            break;
        moved = find_moved(control.result);
        bool is_last = look + 1 == looks->count;
        progress_line(s->progress, false, "%zu invocations: %zu of %zu comparisons undecided%s",
                      looks->invocations[look], found.result->count[COMPARE_INCONCLUSIVE],
                      found.result->row_count, moved ? "; " MOVED : "");
        if (moved || is_last || is_decided(s, found.result))
            break;
    }
    if (code == CMD_DONE && moved)
        compare_withhold(found.result, "withheld, " MOVED);
    if (code == CMD_DONE &&
        (found.result->count[COMPARE_REGRESSED] || found.result->count[COMPARE_BROKEN]))
        code = confirm(s, meter, &found, looks->invocations[look],
                       looks->invocations[looks->count - 1]);
    if (code == CMD_DONE)
        code = print(s, &found, &control, moved, looks, look);
    drop(&found);
    drop(&control);
    return code;
}

/* The same binary twice, in the first cell that is measured. */
static int open_control(const struct ab_session *s, struct ab_pair *control, size_t first)
{
    char *folder = xprintf("%s/control", s->folder);
    const struct plan *plans[] = {s->plans[AB_BASE], s->plans[AB_BASE]};
    struct ab_arm arms[] = {s->arms[AB_BASE], s->arms[AB_BASE]};
    int error = ab_pair_open(control, folder, plans, arms, &s->run);
    free(folder);
    for (size_t i = 0; i < plans[0]->cell_count && !error; i++)
        control->chosen[i] = i == first;
    return error;
}

/* The looks, the number of cells that are measured, the first of them, and how many invocations
 * count instructions and take turns. */
static int plan_looks(struct ab_session *s, struct looks *looks, size_t *cell_count, size_t *first)
{
    const struct plan *plan = s->plans[AB_BASE];
    bool *chosen = xcalloc(plan->cell_count, sizeof *chosen);
    *cell_count = *first = 0;
    for (size_t i = plan->cell_count; i-- > 0;)
        if (!plan->cells[i].skip) {
            chosen[i] = true;
            ++*cell_count;
            *first = i;
        }
    size_t family = count_family(s, chosen);
    free(chosen);
    if (!*cell_count)
        return cmd_fail(CMD_MISSING, "no cell can be measured: %s", plan->cells[0].skip);
    if (!family)
        return cmd_fail(CMD_USAGE, "nothing gates in these cells; name what does: --metric NAME, "
                                   "or --gate FILE");
    looks_plan(looks, 0, s->invocations, family, s->flags->alpha);
    if (s->counts_instructions)
        s->run.instructions = s->instructions ? s->instructions : (unsigned)looks->invocations[0];
    s->run.beside = beside_count(s, s->invocations);
    return CMD_DONE;
}

int ab_session_run(struct ab_session *s, struct invocation_options *invocation)
{
    struct ab_pair main_pair, control_pair;
    struct looks looks = {.count = 0};
    size_t cell_count = 0, first = 0;
    int code = plan_looks(s, &looks, &cell_count, &first);
    if (code != CMD_DONE)
        return code;
    int error = run_files_check_empty(s->folder);
    if (!error)
        error = ab_pair_open(&main_pair, s->folder, s->plans, s->arms, &s->run);
    if (error)
        return fail_writing(s, error);
    error = open_control(s, &control_pair, first);
    if (error) {
        ab_pair_close(&main_pair);
        return fail_writing(s, error);
    }
    tell_looks(s, &looks, cell_count);
    invocation->signal_fd = stop_signals_open();
    if (invocation->signal_fd < 0)
        exit(cmd_fail(CMD_MISSING, "signalfd: %s", strerror(errno)));
    struct ab_meter meter = {
        .invocation = invocation,
        .order_seed = s->run.order_seed,
        .progress = s->progress,
        .expected_count =
            (unsigned)((cell_count + 1) * count_invocations(s, looks.invocations[looks.count - 1]) *
                       AB_ARMS),
    };
    code = compare_at_looks(s, &meter, &main_pair, &control_pair, &looks);
    agreement_free(&meter.agreement);
    close(invocation->signal_fd);
    error = ab_pair_close(&control_pair);
    int other = ab_pair_close(&main_pair);
    if ((error || other) && code != CMD_MISSING && code != CMD_INTERRUPTED)
        code = fail_writing(s, error ? error : other);
    return code;
}
