#include "driver/ab_pair.h"

#include "base/rng.h"
#include "driver/beside.h"
#include "driver/cmd.h"
#include "driver/measure.h"
#include "driver/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Positions from here on are those of the processes beside, so that they have paddings of their
 * own. */
#define OTHER_PADDING (UINT64_C(1) << 32)

enum { AB_BESIDE_ITERATIONS_MAX = 10000 };

static const char *const arm_words[AB_ARMS] = {"base", "new"};

/* One process to be run. */
struct slot {
    struct ab_pair *pair;
    size_t cell;
    int arm;
    enum ab_kind kind;
};

/* Where the rows of the process that runs now go. */
struct place {
    struct run_files *files;
    struct run_files_place row;
};

static void write_skipped(struct ab_pair *pair, const struct environment_run *run)
{
    for (int arm = 0; arm < AB_ARMS; arm++) {
        const struct plan *plan = pair->plans[arm];
        for (size_t i = 0; i < plan->cell_count && !pair->files[arm].error; i++) {
            const struct plan_cell *cell = &plan->cells[i];
            if (pair->chosen[i] && !cell->skip)
                continue;
            struct run_files_place place = {
                .cell = cell, .order = -1, .order_seed = run->order_seed};
            struct invocation_result result = {.status = INVOCATION_SKIPPED};
            snprintf(result.detail, sizeof result.detail, "%s",
                     cell->skip ? cell->skip : "base skips it");
            run_files_commit(&pair->files[arm], &place, &result);
        }
    }
}

int ab_pair_open(struct ab_pair *pair, const char *folder, const struct plan *const plans[AB_ARMS],
                 const struct ab_arm arms[AB_ARMS], const struct environment_run *run)
{
    *pair = (struct ab_pair){.plans = {plans[AB_BASE], plans[AB_NEW]}};
    for (int arm = 0; arm < AB_ARMS; arm++) {
        char *path = xprintf("%s/%s", folder, arm_words[arm]);
        int error = run_files_open(&pair->files[arm], path, false);
        free(path);
        if (error) {
            if (arm == AB_NEW)
                run_files_close(&pair->files[AB_BASE]);
            return error;
        }
        environment_write_start(&pair->files[arm], plans[arm], run);
        run_files_key(&pair->files[arm], "ab_arm", arm_words[arm]);
        run_files_key(&pair->files[arm], "ab_variant", arms[arm].variant);
        if (arms[arm].commit)
            run_files_key(&pair->files[arm], "ab_commit", arms[arm].commit);
    }
    size_t count = plans[AB_BASE]->cell_count;
    pair->chosen = xcalloc(count, sizeof *pair->chosen);
    pair->iteration_ns = xcalloc(count, sizeof *pair->iteration_ns);
    for (size_t i = 0; i < count; i++)
        pair->chosen[i] = !plans[AB_BASE]->cells[i].skip;
    write_skipped(pair, run);
    int error = pair->files[AB_BASE].error ? pair->files[AB_BASE].error : pair->files[AB_NEW].error;
    if (error)
        ab_pair_close(pair);
    return error;
}

int ab_pair_close(struct ab_pair *pair)
{
    int first = 0;
    for (int arm = 0; arm < AB_ARMS; arm++) {
        if (!pair->files[arm].error)
            environment_write_end(&pair->files[arm], 0, -1, -1);
        int error = run_files_close(&pair->files[arm]);
        first = first ? first : error;
    }
    free(pair->chosen);
    free(pair->iteration_ns);
    pair->chosen = NULL;
    pair->iteration_ns = NULL;
    return first;
}

static void on_record(void *data, const struct record *record)
{
    struct place *place = data;
    run_files_record(place->files, &place->row, record);
}

static void on_memory(void *data, const struct memory_sample *sample, uint64_t heap_bytes,
                      uint64_t live_bytes)
{
    struct place *place = data;
    run_files_memory(place->files, &place->row, sample->t_ns, sample->rss_bytes,
                     sample->lazyfree_bytes, heap_bytes, live_bytes);
}

static void check_agreement(struct ab_meter *meter, const struct plan_cell *cell,
                            struct invocation_result *result)
{
    const char *checksum = result->metrics[SCHEMA_INVOCATIONS_checksum];
    if (result->status == INVOCATION_OK && checksum &&
        !agreement_check(&meter->agreement, cell->workload->workload->name,
                         cell->workload->params_text, cell->key, checksum, result->detail,
                         sizeof result->detail))
        result->status = INVOCATION_WRONG;
}

static int64_t number_of(const struct slot *slot)
{
    unsigned done_count = slot->pair->done_counts[slot->kind];
    switch (slot->kind) {
    case AB_INSTRUCTIONS:
        return measure_instructions_number(done_count);
    case AB_BESIDE:
        return measure_beside_number(done_count);
    default:
        return (int64_t)done_count;
    }
}

static void note_iteration(const struct slot *slot, const struct invocation_result *result,
                           unsigned iterations)
{
    int64_t *shortest_ns = &slot->pair->iteration_ns[slot->cell];
    int64_t ns = result->measured_ns / iterations;
    if (slot->kind == AB_NORMAL && slot->arm == AB_BASE && result->status == INVOCATION_OK &&
        ns > 0 && (*shortest_ns == 0 || ns < *shortest_ns))
        *shortest_ns = ns;
}

/* Beside base, in either arm. */
static void run_beside(struct invocation_result *result, const struct ab_meter *meter,
                       const struct slot *slot, size_t padding_bytes)
{
    struct invocation_options options = *meter->invocation;
    int64_t iteration_ns = slot->pair->iteration_ns[slot->cell];
    int64_t iterations = iteration_ns ? (AB_BESIDE_NS + iteration_ns - 1) / iteration_ns : 0;
    if (iterations > options.iterations)
        options.iterations =
            iterations < AB_BESIDE_ITERATIONS_MAX ? (unsigned)iterations : AB_BESIDE_ITERATIONS_MAX;
    struct beside_process own = {&slot->pair->plans[slot->arm]->cells[slot->cell], padding_bytes,
                                 &options};
    struct beside_process base = {
        &slot->pair->plans[AB_BASE]->cells[slot->cell],
        plan_padding(meter->order_seed, OTHER_PADDING + meter->started_count), &options};
    beside_run(result, &own, &base, meter->started_count);
}

static void run_slot(struct ab_meter *meter, const struct slot *slot)
{
    const struct plan_cell *cell = &slot->pair->plans[slot->arm]->cells[slot->cell];
    struct place place = {.files = &slot->pair->files[slot->arm],
                          .row = {.cell = cell,
                                  .invocation = number_of(slot),
                                  .order = meter->started_count,
                                  .order_seed = meter->order_seed}};
    struct invocation_sink sink = {.data = &place, .record = on_record, .memory = on_memory};
    char *name = xprintf("%s: %s", arm_words[slot->arm], cell->key);
    progress_show(meter->progress, name,
                  meter->expected_count ? (double)meter->started_count / meter->expected_count : 0,
                  -1);
    struct invocation_options options = *meter->invocation;
    if (slot->kind == AB_INSTRUCTIONS)
        options = measure_instruction_options(&options);
    struct invocation_result result;
    size_t padding_bytes = plan_padding(meter->order_seed, meter->started_count);
    if (slot->kind == AB_BESIDE)
        run_beside(&result, meter, slot, padding_bytes);
    else
        invocation_run(&result, cell, padding_bytes, &options, &sink);
    meter->started_count++;
    if (result.interrupted) {
        meter->interrupted = true;
    } else if (result.shortage) {
        meter->error = result.shortage;
    } else {
        check_agreement(meter, cell, &result);
        note_iteration(slot, &result, options.iterations);
        if (!place.files->error)
            run_files_commit(place.files, &place.row, &result);
        meter->failed_count += result.status != INVOCATION_OK;
        if (result.status != INVOCATION_OK)
            progress_line(meter->progress, true, "%s, invocation %" PRId64 ": %s%s%s", name,
                          number_of(slot), invocation_status_word(result.status),
                          *result.detail ? ": " : "", result.detail);
        meter->error = place.files->error;
    }
    invocation_result_free(&result);
    free(name);
}

/* Fisher and Yates. */
static void shuffle(struct slot *slots, size_t count, uint64_t seed, unsigned round)
{
    struct rng rng;
    rng_seed(&rng, seed, round);
    for (size_t i = count; i > 1; i--) {
        size_t j = rng_below(&rng, i);
        struct slot swapped = slots[i - 1];
        slots[i - 1] = slots[j];
        slots[j] = swapped;
    }
}

/* The first checksum of a workload is the one that others are held to, and that is the base's. */
static void put_base_first(struct slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count && slots[i].arm == AB_NEW; j++)
            if (slots[j].arm == AB_BASE && slots[j].pair == slots[i].pair &&
                slots[j].cell == slots[i].cell) {
                slots[i].arm = AB_BASE;
                slots[j].arm = AB_NEW;
            }
}

static void measure_round(struct ab_meter *meter, enum ab_kind kind, struct ab_pair *const *pairs,
                          size_t pair_count, unsigned invocations)
{
    static const unsigned first_rounds[AB_KINDS] = {
        [AB_INSTRUCTIONS] = PLAN_FIRST_INSTRUCTION_ROUND, [AB_BESIDE] = PLAN_FIRST_BESIDE_ROUND};
    struct slot *slots = NULL;
    size_t count = 0;
    unsigned round = first_rounds[kind] + meter->round_counts[kind]++;
    for (size_t p = 0; p < pair_count; p++)
        for (size_t i = 0; i < pairs[p]->plans[AB_BASE]->cell_count; i++)
            for (int arm = 0; arm < AB_ARMS; arm++)
                if (pairs[p]->chosen[i] && !pairs[p]->plans[arm]->cells[i].skip &&
                    pairs[p]->done_counts[kind] < invocations)
                    *(struct slot *)xappend(&slots, &count, sizeof *slots) =
                        (struct slot){pairs[p], i, arm, kind};
    shuffle(slots, count, meter->order_seed, round);
    if (round == 0)
        put_base_first(slots, count);
    for (size_t i = 0; i < count && !meter->error && !meter->interrupted; i++)
        run_slot(meter, &slots[i]);
    free(slots);
    for (size_t p = 0; p < pair_count; p++)
        pairs[p]->done_counts[kind] += pairs[p]->done_counts[kind] < invocations;
}

void ab_pair_measure(struct ab_meter *meter, enum ab_kind kind, struct ab_pair *const *pairs,
                     size_t pair_count, unsigned invocations)
{
    for (;;) {
        bool is_done = true;
        for (size_t p = 0; p < pair_count; p++)
            is_done &= pairs[p]->done_counts[kind] >= invocations;
        if (is_done || meter->error || meter->interrupted)
            break;
        measure_round(meter, kind, pairs, pair_count, invocations);
    }
    progress_clear(meter->progress);
}
