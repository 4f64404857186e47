#include "driver/plan.h"

#include "base/rng.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/heap_factor.h"
#include "driver/runner_env.h"
#include "driver/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LIVE_BYTES_TIMEOUT_MS = 5000 };

/* The stated live set of a workload at a number of threads. */
struct live_set {
    const struct workload_spec *workload;
    unsigned threads;
    uint64_t bytes;
};

struct builder {
    struct plan *plan;
    const struct catalog *catalog;
    struct live_set *live_sets;
    size_t live_set_count;
    struct heap_factor factor;
    bool backends_typed, workloads_typed; /* by the user, not by a suite or as all there are */
    char *why;
    size_t why_bytes;
};

/* Puts the option that is to blame before what is wrong with its value. */
static void blame(struct builder *b, bool typed, const char *option, const char *value)
{
    if (!typed)
        return;
    char *what = xstrdup(b->why);
    snprintf(b->why, b->why_bytes, "%s '%s': %s", option, value, what);
    free(what);
}

static struct variant *intern_variant(struct builder *b, const char *text)
{
    for (size_t i = 0; i < b->plan->variant_count; i++)
        if (!strcmp(b->plan->variants[i]->text, text))
            return b->plan->variants[i];
    struct variant *variant = xcalloc(1, sizeof *variant);
    if (variant_parse(variant, b->catalog, text, b->why, b->why_bytes)) {
        blame(b, b->backends_typed, "--backend", text);
        free(variant);
        return NULL;
    }
    *(struct variant **)xappend(&b->plan->variants, &b->plan->variant_count, sizeof variant) =
        variant;
    return variant;
}

static struct workload_spec *intern_workload(struct builder *b, const char *text)
{
    for (size_t i = 0; i < b->plan->workload_count; i++)
        if (!strcmp(b->plan->workloads[i]->text, text))
            return b->plan->workloads[i];
    struct workload_spec *spec = xcalloc(1, sizeof *spec);
    if (workload_spec_parse(spec, b->catalog, text, b->why, b->why_bytes)) {
        blame(b, b->workloads_typed, "--workload", text);
        free(spec);
        return NULL;
    }
    *(struct workload_spec **)xappend(&b->plan->workloads, &b->plan->workload_count, sizeof spec) =
        spec;
    return spec;
}

/* Any runner that knows the workload can tell; it also checks bounds that span parameters. */
static int ask_live_bytes(struct builder *b, const struct workload_spec *spec, unsigned threads,
                          uint64_t *bytes)
{
    const struct catalog_runner *runner = NULL;
    for (size_t i = 0; i < b->catalog->backend_count && !runner; i++) {
        const struct catalog_runner *plain = b->catalog->backends[i].plain;
        if (plain && catalog_workload(plain, spec->workload->name))
            runner = plain;
    }
    if (!runner) {
        snprintf(b->why, b->why_bytes, "%s: no runner that is here knows it", spec->text);
        return -ENOENT;
    }
    char *threads_text = xprintf("%u", threads);
    char params_flag[] = "--params";
    char *argv[] = {runner->path,
                    (char[]){"--live-bytes"},
                    (char[]){"--workload"},
                    spec->workload->name,
                    (char[]){"--threads"},
                    threads_text,
                    *spec->params_text ? params_flag : NULL,
                    spec->params_text,
                    NULL};
    struct child_options options = {.path = runner->path, .argv = argv};
    struct child_end end;
    char *out = NULL;
    int error = child_capture(&options, 64, LIVE_BYTES_TIMEOUT_MS, &out, &end);
    free(threads_text);
    if (error) {
        snprintf(b->why, b->why_bytes, "%s cannot be started: %s", runner->path, strerror(-error));
        return error;
    }
    char *rest = out;
    errno = 0;
    *bytes = isdigit((unsigned char)*out) ? strtoull(out, &rest, 10) : 0;
    bool read = rest != out && (!strcmp(rest, "\n") || !*rest) && !errno;
    if (end.timed_out || !WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0 || !read) {
        /* A runner leads its messages with its own name, which is of no interest here. */
        const char *line = end.last_line;
        const char *base = strrchr(runner->path, '/') + 1;
        if (!strncmp(line, base, strlen(base)) && !strncmp(line + strlen(base), ": ", 2))
            line += strlen(base) + 2;
        snprintf(b->why, b->why_bytes, "%s: %s", spec->text,
                 *line ? line : "its live set cannot be asked for");
        error = -EINVAL;
    }
    free(out);
    return error;
}

static int live_bytes(struct builder *b, const struct workload_spec *spec, unsigned threads,
                      uint64_t *bytes)
{
    for (size_t i = 0; i < b->live_set_count; i++)
        if (b->live_sets[i].workload == spec && b->live_sets[i].threads == threads) {
            *bytes = b->live_sets[i].bytes;
            return 0;
        }
    int error = ask_live_bytes(b, spec, threads, bytes);
    if (error)
        return -EINVAL;
    *(struct live_set *)xappend(&b->live_sets, &b->live_set_count, sizeof *b->live_sets) =
        (struct live_set){spec, threads, *bytes};
    return 0;
}

/* Why the cell cannot be measured, to be freed, or NULL. */
static char *skip_reason(const struct plan_cell *cell)
{
    const struct variant *v = cell->variant;
    const char *name = cell->workload->workload->name;
    if (v->unavailable)
        return xstrdup(v->unavailable);
    const struct catalog_workload *w = catalog_workload(v->runner, name);
    if (!w)
        return xprintf("its runner has no workload %s", name);
    const struct catalog_workload *reference = cell->workload->workload;
    for (size_t i = 0; i < reference->param_count; i++) {
        bool known = false;
        for (size_t j = 0; j < w->param_count; j++)
            known |= !strcmp(w->params[j].name, reference->params[i].name);
        if (!known)
            return xprintf("its runner's workload %s has no parameter %s", name,
                           reference->params[i].name);
    }
    if (cell->threads > 1 && !w->takes_threads)
        return xprintf("workload %s runs on one thread", name);
    if (cell->threads > 1 && !catalog_has_word(v->runner->capabilities, "threads"))
        return xprintf("backend %s runs on one thread", v->backend->name);
    if (w->needs_finalizers && !catalog_has_word(v->runner->capabilities, "finalizers"))
        return xprintf("backend %s has no finalizers", v->backend->name);
    if (w->needs_weak && !catalog_has_word(v->runner->capabilities, "weak"))
        return xprintf("backend %s has no weak references", v->backend->name);
    return NULL;
}

static int multiply_heap(struct builder *b, struct plan_cell *cell, uint64_t base_bytes,
                         const char *unit)
{
    double limit = cell->heap.factor * (double)base_bytes;
    if (limit >= 0x1p62) {
        snprintf(b->why, b->why_bytes, "%s: %gx%s is more than any machine has",
                 cell->workload->text, cell->heap.factor, unit);
        return -EINVAL;
    }
    cell->heap_limit_bytes = limit < 1 ? 1 : (uint64_t)limit;
    return 0;
}

static int resolve_heap(struct builder *b, struct plan_cell *cell)
{
    int error = live_bytes(b, cell->workload, cell->threads, &cell->live_bytes);
    if (error)
        return error;
    if (!cell->variant->unavailable && !variant_takes_heap(cell->variant))
        cell->heap = (struct heap_setting){.kind = HEAP_NONE};
    /* Without a live set there is nothing to be a multiple of. */
    if (cell->heap.kind == HEAP_TIMES_LIVE && cell->live_bytes == 0)
        cell->heap = (struct heap_setting){.kind = HEAP_NONE};
    uint64_t base_bytes;
    switch (cell->heap.kind) {
    case HEAP_NONE:
        return 0;
    case HEAP_BYTES:
        cell->heap_limit_bytes = cell->heap.bytes;
        return 0;
    case HEAP_TIMES_LIVE:
        return multiply_heap(b, cell, cell->live_bytes, "live");
    case HEAP_TIMES_MIN:
        error = heap_factor_base(&b->factor, cell->workload, cell->threads, &base_bytes, b->why,
                                 b->why_bytes);
        /* All that is missing is told at once, in the end. */
        if (error)
            return error == -ENOENT ? 0 : error;
        return multiply_heap(b, cell, base_bytes, "min");
    }
    return 0;
}

static bool same_library(const struct variant *a, const struct variant *b)
{
    return !a->library_dir == !b->library_dir &&
           (!a->library_dir || !strcmp(a->library_dir, b->library_dir));
}

static int add_cell(struct builder *b, struct plan_cell cell)
{
    int error = resolve_heap(b, &cell);
    if (error)
        return error;
    struct cell_name name = {
        .workload = cell.workload->workload->name,
        .params = cell.workload->key_settings,
        .param_count = cell.workload->key_setting_count,
        .backend = cell.variant->backend->name,
        .options = cell.variant->key_settings,
        .option_count = cell.variant->key_setting_count,
        .heap = cell.heap,
        .threads = cell.threads,
    };
    cell.key = cell_key_format(&name);
    if (!cell.key)
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    for (size_t i = 0; i < b->plan->cell_count; i++) {
        struct plan_cell *other = &b->plan->cells[i];
        if (strcmp(other->key, cell.key))
            continue;
        free(cell.key);
        if (strcmp(other->variant->options_text, cell.variant->options_text) ||
            !same_library(other->variant, cell.variant)) {
            snprintf(b->why, b->why_bytes, "'%s' and '%s' have the same name; give them label=NAME",
                     other->variant->text, cell.variant->text);
            return -EINVAL;
        }
        return 0;
    }
    cell.skip = skip_reason(&cell);
    if (!cell.skip)
        b->plan->runnable_count++;
    *(struct plan_cell *)xappend(&b->plan->cells, &b->plan->cell_count, sizeof cell) = cell;
    return 0;
}

/* One workload on some backends at some settings. */
struct block {
    const char *workload;
    const char **backends;
    size_t backend_count;
    const struct heap_setting *heaps;
    size_t heap_count;
    const unsigned *threads;
    size_t thread_count;
    bool is_suite;
};

static int add_block(struct builder *b, const struct block *block)
{
    struct workload_spec *workload = intern_workload(b, block->workload);
    if (!workload)
        return -EINVAL;
    for (size_t i = 0; i < block->backend_count; i++) {
        struct variant *variant = intern_variant(b, block->backends[i]);
        if (!variant)
            return -EINVAL;
        const struct catalog_runner *runner = variant->runner;
        for (size_t h = 0; h < block->heap_count; h++)
            for (size_t t = 0; t < block->thread_count; t++) {
                struct plan_cell cell = {
                    .workload = workload,
                    .variant = variant,
                    .heap = block->heaps[h],
                    .threads = block->threads[t],
                    .oom_is_result = (runner && !strcmp(runner->reclaim, "never")) ||
                                     (block->is_suite && block->heap_count > 1),
                };
                int error = add_cell(b, cell);
                if (error)
                    return error;
            }
    }
    return 0;
}

/* The words of `text`, joined by blanks; the array and its strings are freed by free_words(). */
static char **split_words(const char *text, size_t *count)
{
    char **words = NULL;
    *count = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        *(char **)xappend(&words, count, sizeof *words) = xprintf("%.*s", (int)length, text);
        text += length;
    }
    return words;
}

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; words && i < count; i++)
        free(words[i]);
    free(words);
}

static bool row_is_picked(const struct plan_request *request, const struct suite_row *row)
{
    size_t length = strcspn(row->workload, ":");
    for (size_t i = 0; i < request->workload_count; i++)
        if (!strcmp(request->workloads[i], row->workload) ||
            (strlen(request->workloads[i]) == length &&
             !strncmp(request->workloads[i], row->workload, length)))
            return true;
    return request->workload_count == 0;
}

static int add_suite_row(struct builder *b, const struct plan_request *request,
                         const struct suite_row *row)
{
    size_t backend_count, heap_count;
    char **backends = split_words(row->backends, &backend_count);
    char **heap_texts = split_words(row->heaps, &heap_count);
    struct heap_setting *heaps = xcalloc(heap_count, sizeof *heaps);
    struct block block = {.workload = row->workload,
                          .backends = (const char **)backends,
                          .backend_count = backend_count,
                          .heaps = heaps,
                          .heap_count = heap_count,
                          .threads = &row->threads,
                          .thread_count = 1,
                          .is_suite = true};
    int error = 0;
    for (size_t i = 0; i < heap_count && !error; i++)
        error = heap_setting_parse(&heaps[i], heap_texts[i]);
    if (error)
        snprintf(b->why, b->why_bytes, "suite %s: bad heap setting '%s'", row->suite, row->heaps);
    if (request->backend_count) {
        block.backends = request->backends;
        block.backend_count = request->backend_count;
    }
    if (request->heap_count) {
        block.heaps = request->heaps;
        block.heap_count = request->heap_count;
    }
    if (request->thread_count) {
        block.threads = request->threads;
        block.thread_count = request->thread_count;
    }
    if (!error)
        error = add_block(b, &block);
    free(heaps);
    free_words(heap_texts, heap_count);
    free_words(backends, backend_count);
    return error;
}

/* Of the rows with the same workload and threads, --backend takes the place of all backends, but
 * keeps the heap settings of the first: that of the backends with a limit. */
static bool row_is_repeated(const struct plan_request *request, size_t index)
{
    const struct suite_row *row = &suite_rows[index];
    for (size_t i = 0; i < index && request->backend_count; i++)
        if (!strcmp(suite_rows[i].suite, row->suite) &&
            !strcmp(suite_rows[i].workload, row->workload) && suite_rows[i].threads == row->threads)
            return true;
    return false;
}

static int add_suite(struct builder *b, const struct plan_request *request)
{
    for (size_t i = 0; i < request->workload_count; i++) {
        struct plan_request one = *request;
        one.workloads = &request->workloads[i];
        one.workload_count = 1;
        bool found = false;
        for (size_t j = 0; j < suite_row_count; j++)
            found |= !strcmp(suite_rows[j].suite, request->suite->name) &&
                     row_is_picked(&one, &suite_rows[j]);
        if (!found) {
            snprintf(b->why, b->why_bytes, "suite %s has no workload '%s'", request->suite->name,
                     request->workloads[i]);
            return -EINVAL;
        }
    }
    int error = 0;
    for (size_t i = 0; i < suite_row_count && !error; i++)
        if (!strcmp(suite_rows[i].suite, request->suite->name) &&
            row_is_picked(request, &suite_rows[i]) && !row_is_repeated(request, i))
            error = add_suite_row(b, request, &suite_rows[i]);
    return error;
}

static int add_named(struct builder *b, const struct plan_request *request)
{
    static const struct heap_setting no_heap = {.kind = HEAP_NONE};
    static const unsigned one_thread = 1;
    size_t backend_count = 0, workload_count = 0;
    const char **backends = NULL, **workloads = NULL;
    for (size_t i = 0; i < b->catalog->backend_count && !request->backend_count; i++)
        *(const char **)xappend(&backends, &backend_count, sizeof *backends) =
            b->catalog->backends[i].name;
    if (!request->workload_count) {
        const struct catalog_workload **all = catalog_workloads(b->catalog, &workload_count);
        workloads = xcalloc(workload_count, sizeof *workloads);
        for (size_t i = 0; i < workload_count; i++)
            workloads[i] = all[i]->name;
        free(all);
    }
    struct block block = {
        .backends = request->backend_count ? request->backends : backends,
        .backend_count = request->backend_count ? request->backend_count : backend_count,
        .heaps = request->heap_count ? request->heaps : &no_heap,
        .heap_count = request->heap_count ? request->heap_count : 1,
        .threads = request->thread_count ? request->threads : &one_thread,
        .thread_count = request->thread_count ? request->thread_count : 1,
    };
    const char **chosen = request->workload_count ? request->workloads : workloads;
    size_t chosen_count = request->workload_count ? request->workload_count : workload_count;
    int error = 0;
    for (size_t i = 0; i < chosen_count && !error; i++) {
        block.workload = chosen[i];
        error = add_block(b, &block);
    }
    free(backends);
    free(workloads);
    return error;
}

int plan_build(struct plan *plan, const struct catalog *catalog, const struct plan_request *request,
               char *why, size_t why_bytes)
{
    *plan = (struct plan){0};
    struct builder b = {
        .plan = plan,
        .catalog = catalog,
        .factor = {.path = request->minheap_path ? request->minheap_path : MINHEAP_PATH_DEFAULT,
                   .catalog = catalog},
        .backends_typed = request->backend_count > 0,
        .workloads_typed = !request->suite && request->workload_count > 0,
        .why = why,
        .why_bytes = why_bytes};
    int error = request->suite ? add_suite(&b, request) : add_named(&b, request);
    if (!error && heap_factor_is_missing(&b.factor, why, why_bytes))
        error = -ENOENT;
    heap_factor_free(&b.factor);
    free(b.live_sets);
    if (error)
        plan_free(plan);
    return error;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        free(plan->cells[i].key);
        free(plan->cells[i].skip);
    }
    free(plan->cells);
    for (size_t i = 0; i < plan->variant_count; i++) {
        variant_free(plan->variants[i]);
        free(plan->variants[i]);
    }
    free(plan->variants);
    for (size_t i = 0; i < plan->workload_count; i++) {
        workload_spec_free(plan->workloads[i]);
        free(plan->workloads[i]);
    }
    free(plan->workloads);
    *plan = (struct plan){0};
}

void plan_order(const struct plan *plan, uint64_t order_seed, unsigned round, size_t *order)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->cell_count; i++)
        if (!plan->cells[i].skip)
            order[count++] = i;
    struct rng rng;
    rng_seed(&rng, order_seed, round);
    /* Fisher and Yates. */
    for (size_t i = count; i > 1; i--) {
        size_t j = rng_below(&rng, i);
        size_t swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
}

size_t plan_padding(uint64_t order_seed, uint64_t position)
{
    struct rng rng;
    /* Units below 2^32 are the rounds of plan_order(). */
    rng_seed(&rng, order_seed, (UINT64_C(1) << 32) + position);
    return rng_below(&rng, RUNNER_ENV_PADDING_BYTES);
}
