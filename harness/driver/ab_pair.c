#include "driver/ab_pair.h"

#include "base/rng.h"
#include "driver/cmd.h"
#include "driver/measure.h"
#include "driver/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const arm_words[AB_ARMS] = {"base", "new"};

/* One process to be run. */
struct slot {
    struct ab_pair *pair;
    size_t cell;
    int arm;
    bool counts; /* instructions */
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
    pair->chosen = NULL;
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
    return slot->counts ? measure_instructions_number(slot->pair->counted_count)
                        : (int64_t)slot->pair->done_count;
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
    if (slot->counts)
        options = measure_instruction_options(&options);
    struct invocation_result result;
    invocation_run(&result, cell, plan_padding(meter->order_seed, meter->started_count), &options,
                   &sink);
    meter->started_count++;
    if (result.interrupted) {
        meter->interrupted = true;
    } else if (result.shortage) {
        meter->error = result.shortage;
    } else {
        check_agreement(meter, cell, &result);
        if (!place.files->error)
            run_files_commit(place.files, &place.row, &result);
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

/* How many of its invocations a pair has made. */
static unsigned *made_count(struct ab_pair *pair, bool counts)
{
    return counts ? &pair->counted_count : &pair->done_count;
}

static void measure_round(struct ab_meter *meter, struct ab_pair *const *pairs, size_t pair_count,
                          unsigned invocations, bool counts)
{
    struct slot *slots = NULL;
    size_t count = 0;
    unsigned round = counts ? PLAN_FIRST_INSTRUCTION_ROUND + meter->counting_round_count++
                            : meter->round_count++;
    for (size_t p = 0; p < pair_count; p++)
        for (size_t i = 0; i < pairs[p]->plans[AB_BASE]->cell_count; i++)
            for (int arm = 0; arm < AB_ARMS; arm++)
                if (pairs[p]->chosen[i] && !pairs[p]->plans[arm]->cells[i].skip &&
                    *made_count(pairs[p], counts) < invocations)
                    *(struct slot *)xappend(&slots, &count, sizeof *slots) =
                        (struct slot){pairs[p], i, arm, counts};
    shuffle(slots, count, meter->order_seed, round);
    if (round == 0)
        put_base_first(slots, count);
    for (size_t i = 0; i < count && !meter->error && !meter->interrupted; i++)
        run_slot(meter, &slots[i]);
    free(slots);
    for (size_t p = 0; p < pair_count; p++)
        *made_count(pairs[p], counts) += *made_count(pairs[p], counts) < invocations;
}

static void measure_rounds(struct ab_meter *meter, struct ab_pair *const *pairs, size_t pair_count,
                           unsigned invocations, bool counts)
{
    for (;;) {
        bool is_done = true;
        for (size_t p = 0; p < pair_count; p++)
            is_done &= *made_count(pairs[p], counts) >= invocations;
        if (is_done || meter->error || meter->interrupted)
            break;
        measure_round(meter, pairs, pair_count, invocations, counts);
    }
    progress_clear(meter->progress);
}

void ab_pair_measure(struct ab_meter *meter, struct ab_pair *const *pairs, size_t pair_count,
                     unsigned invocations)
{
    measure_rounds(meter, pairs, pair_count, invocations, false);
}

void ab_pair_count_instructions(struct ab_meter *meter, struct ab_pair *const *pairs,
                                size_t pair_count, unsigned invocations)
{
    measure_rounds(meter, pairs, pair_count, invocations, true);
}
