#include "driver/measure.h"

#include "data/statistics.h"
#include "driver/agreement.h"
#include "driver/callgrind.h"
#include "driver/cmd.h"
#include "driver/stop_signals.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is known of a cell so far. */
struct tally {
    unsigned done_count;
    unsigned timed_count; /* those of them that were not measured by an earlier session */
    unsigned ok_count;    /* of the timed ones */
    int64_t elapsed_ns;
    double *wall_ns; /* of the ok ones */
};

struct campaign {
    const struct plan *plan;
    const struct measure_options *options;
    const struct run_data *earlier; /* or NULL */
    struct run_files *files;
    struct progress *progress;
    struct measure_totals *totals;
    struct tally *tallies; /* parallel to the cells */
    struct agreement agreement;
    struct run_files_place place; /* of the invocation that runs now */
    unsigned started_count;
};

static bool counts_instructions(int64_t invocation)
{
    return invocation <= measure_instructions_number(0);
}

struct invocation_options measure_instruction_options(const struct invocation_options *normal)
{
    struct invocation_options options = *normal;
    options.instructions = true;
    /* What recording costs is not of the program, nor is what watches it. */
    options.is_bare = true;
    options.timeout_ns = (int64_t)options.timeout_s * 1000000000 * CALLGRIND_SLOWNESS;
    return options;
}

/* How many processes a cell that is not skipped takes. */
static unsigned processes_of(const struct campaign *c, const struct plan_cell *cell)
{
    return c->options->invocations + (cell->variant->probe ? c->options->probes : 0) +
           (measure_has_instructions(cell) ? c->options->instructions : 0);
}

/* Cells that have not run yet are taken to last as long as the others do on average. */
static int64_t time_left(const struct campaign *c)
{
    double elapsed_ns = 0, left_ns = 0;
    unsigned done_count = 0, unknown_count = 0;
    for (size_t i = 0; i < c->plan->cell_count; i++) {
        const struct tally *t = &c->tallies[i];
        if (c->plan->cells[i].skip)
            continue;
        unsigned left_count = processes_of(c, &c->plan->cells[i]) - t->done_count;
        elapsed_ns += (double)t->elapsed_ns;
        done_count += t->timed_count;
        if (t->timed_count)
            left_ns += (double)t->elapsed_ns / t->timed_count * left_count;
        else
            unknown_count += left_count;
    }
    if (done_count == 0)
        return -1;
    return (int64_t)(left_ns + elapsed_ns / done_count * unknown_count);
}

static double total_count(const struct campaign *c)
{
    double count = 0;
    for (size_t i = 0; i < c->plan->cell_count; i++)
        if (!c->plan->cells[i].skip)
            count += processes_of(c, &c->plan->cells[i]);
    return count;
}

static void on_record(void *data, const struct record *record)
{
    struct campaign *c = data;
    run_files_record(c->files, &c->place, record);
}

static void on_output(void *data, const char *bytes, size_t count)
{
    struct campaign *c = data;
    if (c->place.invocation != 0)
        return;
    progress_clear(c->progress);
    fwrite(bytes, 1, count, stdout);
    fflush(stdout);
}

static void on_memory(void *data, const struct memory_sample *sample, uint64_t heap_bytes,
                      uint64_t live_bytes)
{
    struct campaign *c = data;
    run_files_memory(c->files, &c->place, sample->t_ns, sample->rss_bytes, sample->lazyfree_bytes,
                     heap_bytes, live_bytes);
}

static void check_agreement(struct campaign *c, struct invocation_result *result)
{
    const char *checksum = result->metrics[SCHEMA_INVOCATIONS_checksum];
    const struct plan_cell *cell = c->place.cell;
    if (result->status == INVOCATION_OK && checksum &&
        !agreement_check(&c->agreement, cell->workload->workload->name, cell->workload->params_text,
                         cell->key, checksum, result->detail, sizeof result->detail))
        result->status = INVOCATION_WRONG;
}

static void tell_cell(struct campaign *c, const struct plan_cell *cell, struct tally *tally)
{
    double share = c->started_count / total_count(c) * 100;
    char time[PROGRESS_TIME_BYTES] = "?";
    int64_t left_ns = time_left(c);
    if (left_ns >= 0)
        progress_format_time(time, left_ns);
    if (tally->ok_count == 0) {
        progress_line(c->progress, false, "[%3.0f%%, %s left] %s: 0 of %u ok", share, time,
                      cell->key, tally->done_count);
        return;
    }
    statistics_sort(tally->wall_ns, tally->ok_count);
    double median_ns = statistics_median(tally->wall_ns, tally->ok_count);
    progress_line(c->progress, false, "[%3.0f%%, %s left] %s: %u of %u ok, median %.4g ms", share,
                  time, cell->key, tally->ok_count, tally->timed_count, median_ns / 1e6);
}

static bool is_failure(const struct plan_cell *cell, enum invocation_status status)
{
    return status != INVOCATION_OK && status != INVOCATION_SKIPPED &&
           !(status == INVOCATION_OOM && cell->oom_is_result);
}

static void settle(struct campaign *c, const struct plan_cell *cell, struct tally *tally,
                   const struct invocation_result *result)
{
    c->totals->counts[result->status]++;
    /* The driver does not sample those that count instructions. */
    if (!counts_instructions(c->place.invocation)) {
        c->totals->measured_ns += result->measured_ns;
        c->totals->driver_cpu_ns += result->driver_cpu_ns;
        doubts_take(&c->totals->doubts, result);
    }
    tally->done_count++;
    tally->timed_count++;
    tally->elapsed_ns += result->elapsed_ns;
    const char *wall = result->metrics[SCHEMA_INVOCATIONS_wall_ns];
    if (result->status == INVOCATION_OK && c->place.invocation < 0)
        return;
    if (result->status == INVOCATION_OK)
        tally->wall_ns[tally->ok_count++] = wall ? strtod(wall, NULL) : 0;
    else {
        bool failed = is_failure(cell, result->status);
        c->totals->failed |= failed;
        progress_line(c->progress, failed, "%s, invocation %" PRId64 ": %s%s%s", cell->key,
                      c->place.invocation, invocation_status_word(result->status),
                      *result->detail ? ": " : "", result->detail);
    }
    if (tally->done_count == c->options->invocations && !c->progress->terminal)
        tell_cell(c, cell, tally);
}

/* Counts what was committed before as if it had been measured now. False: it was not. */
static bool take_earlier(struct campaign *c, size_t index, int64_t number)
{
    const struct plan_cell *cell = &c->plan->cells[index];
    int64_t found = c->earlier ? run_data_invocation(c->earlier, cell->key, number) : -1;
    if (found < 0)
        return false;
    const struct run_invocation *invocation = &c->earlier->invocations[found];
    /* The words of a status are the same, by schema.def. */
    enum invocation_status status = INVOCATION_OK;
    while (strcmp(invocation_status_word(status), run_status_word(invocation->status)))
        status++;
    c->totals->counts[status]++;
    c->totals->failed |= is_failure(cell, status);
    c->tallies[index].done_count++;
    c->started_count++;
    if (status == INVOCATION_OK && invocation->has_checksum) {
        char checksum[24], why[8];
        snprintf(checksum, sizeof checksum, "%" PRIu64, invocation->checksum);
        agreement_check(&c->agreement, cell->workload->workload->name, cell->workload->params_text,
                        cell->key, checksum, why, sizeof why);
    }
    return true;
}

static void run_one(struct campaign *c, size_t index, int64_t invocation)
{
    const struct plan_cell *cell = &c->plan->cells[index];
    struct invocation_sink sink = {
        .data = c, .record = on_record, .output = on_output, .memory = on_memory};
    c->place = (struct run_files_place){.cell = cell,
                                        .invocation = invocation,
                                        .order = c->started_count,
                                        .order_seed = c->options->order_seed};
    progress_show(c->progress, cell->key, c->started_count / total_count(c), time_left(c));
    struct invocation_options options = c->options->invocation;
    if (counts_instructions(invocation))
        options = measure_instruction_options(&options);
    else
        options.probe = invocation < 0;
    struct invocation_result result;
    invocation_run(&result, cell, plan_padding(c->options->order_seed, c->started_count), &options,
                   &sink);
    c->started_count++;
    if (result.interrupted) {
        c->totals->interrupted = true;
    } else if (result.shortage) {
        c->totals->shortage = result.shortage;
    } else {
        check_agreement(c, &result);
        /* After an error of the other files this would commit rows that are not there. */
        if (!c->files->error)
            run_files_commit(c->files, &c->place, &result);
        if (!c->files->error)
            settle(c, cell, &c->tallies[index], &result);
    }
    invocation_result_free(&result);
}

static void run_or_take(struct campaign *c, size_t index, int64_t invocation)
{
    if (!c->totals->interrupted && !c->totals->shortage && !c->files->error &&
        !take_earlier(c, index, invocation))
        run_one(c, index, invocation);
}

/* How many invocations of a cell the earlier run has, from the first on. */
static unsigned count_earlier(const struct campaign *c, const struct plan_cell *cell)
{
    unsigned count = 0;
    while (c->earlier && count < c->options->invocations &&
           run_data_invocation(c->earlier, cell->key, count) >= 0)
        count++;
    return count;
}

static bool was_skipped(const struct campaign *c, const struct plan_cell *cell)
{
    int64_t first = run_data_invocation(c->earlier, cell->key, 0);
    return c->earlier->invocations[first].status == RUN_SKIPPED;
}

static void write_skipped(struct campaign *c)
{
    for (size_t i = 0; i < c->plan->cell_count && !c->files->error; i++) {
        const struct plan_cell *cell = &c->plan->cells[i];
        if (!cell->skip)
            continue;
        /* What was measured of a cell that has been skipped since stands, and a row would differ
         * from it in all that only its runner can say. */
        unsigned earlier_count = count_earlier(c, cell);
        if (earlier_count > 0) {
            if (earlier_count < c->options->invocations && !was_skipped(c, cell))
                progress_line(c->progress, true, "%s: %u of %u invocations, the rest skipped: %s",
                              cell->key, earlier_count, c->options->invocations, cell->skip);
            continue;
        }
        struct run_files_place place = {
            .cell = cell, .order = -1, .order_seed = c->options->order_seed};
        struct invocation_result result = {.status = INVOCATION_SKIPPED};
        snprintf(result.detail, sizeof result.detail, "%s", cell->skip);
        run_files_commit(c->files, &place, &result);
        c->totals->counts[INVOCATION_SKIPPED]++;
        progress_line(c->progress, false, "%s: skipped: %s", cell->key, cell->skip);
    }
}

/* That a cell has no invocation of number `number`, which is one of those of `flag`, and why not.
 */
static void write_absent(struct campaign *c, const struct plan_cell *cell, int64_t number,
                         const char *flag, const char *what, const char *why)
{
    if (c->earlier && run_data_invocation(c->earlier, cell->key, number) >= 0)
        return;
    struct run_files_place place = {
        .cell = cell, .invocation = number, .order = -1, .order_seed = c->options->order_seed};
    struct invocation_result result = {.status = INVOCATION_SKIPPED, .flags = xstrdup(flag)};
    snprintf(result.detail, sizeof result.detail, "%s %s", why, cell->variant->text);
    run_files_commit(c->files, &place, &result);
    progress_line(c->progress, false, "%s: no %s: %s", cell->key, what, result.detail);
    invocation_result_free(&result);
}

/* A backend from elsewhere may have no probe runner, and Go's does not run under valgrind: what is
 * missing is said to be. */
static void write_all_absent(struct campaign *c)
{
    for (size_t i = 0; i < c->plan->cell_count && !c->files->error; i++) {
        const struct plan_cell *cell = &c->plan->cells[i];
        if (cell->skip)
            continue;
        if (c->options->probes && !cell->variant->probe)
            write_absent(c, cell, measure_probe_number(0), "probe", "probes",
                         "no probe runner for");
        if (c->options->instructions && !measure_has_instructions(cell) && !c->files->error)
            write_absent(c, cell, measure_instructions_number(0), "instructions",
                         "instruction counts", "no client requests of callgrind in the runner of");
    }
}

static bool has_probe(const struct plan_cell *cell)
{
    return cell->variant->probe != NULL;
}

bool measure_has_instructions(const struct plan_cell *cell)
{
    return cell->variant->runner->has_callgrind;
}

bool measure_can_make(const struct plan *plan, const char *cell_key, int64_t number)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct plan_cell *cell = &plan->cells[i];
        if (strcmp(cell->key, cell_key) || cell->skip)
            continue;
        if (number >= 0)
            return true;
        return number > measure_instructions_number(0) ? has_probe(cell)
                                                       : measure_has_instructions(cell);
    }
    return false;
}

/* One round of all cells that can do it, or, without `can`, of all. */
static void run_round(struct campaign *c, unsigned round, int64_t invocation, size_t *order,
                      bool (*can)(const struct plan_cell *cell))
{
    plan_order(c->plan, c->options->order_seed, round, order);
    for (size_t i = 0; i < c->plan->runnable_count; i++)
        if (!can || can(&c->plan->cells[order[i]]))
            run_or_take(c, order[i], invocation);
}

void measure_plan(struct measure_totals *totals, const struct plan *plan,
                  const struct measure_options *options, const struct run_data *earlier,
                  struct run_files *files, struct progress *progress)
{
    *totals = (struct measure_totals){0};
    struct measure_options own = *options;
    struct campaign c = {.plan = plan,
                         .options = &own,
                         .earlier = earlier,
                         .files = files,
                         .progress = progress,
                         .totals = totals,
                         .tallies = xcalloc(plan->cell_count, sizeof *c.tallies)};
    size_t *order = xcalloc(plan->runnable_count, sizeof *order);
    for (size_t i = 0; i < plan->cell_count; i++)
        c.tallies[i].wall_ns = xcalloc(own.invocations, sizeof *c.tallies[i].wall_ns);
    own.invocation.signal_fd = stop_signals_open();
    if (own.invocation.signal_fd < 0)
        exit(cmd_fail(CMD_MISSING, "signalfd: %s", strerror(errno)));
    write_skipped(&c);
    write_all_absent(&c);
    for (unsigned i = 0; i < own.invocations; i++)
        run_round(&c, i, i, order, NULL);
    for (unsigned i = 0; i < own.probes; i++)
        run_round(&c, PLAN_FIRST_PROBE_ROUND + i, measure_probe_number(i), order, has_probe);
    for (unsigned i = 0; i < own.instructions; i++)
        run_round(&c, PLAN_FIRST_INSTRUCTION_ROUND + i, measure_instructions_number(i), order,
                  measure_has_instructions);
    progress_clear(progress);
    close(own.invocation.signal_fd);
    for (size_t i = 0; i < plan->cell_count; i++)
        free(c.tallies[i].wall_ns);
    free(c.tallies);
    free(order);
    agreement_free(&c.agreement);
}
