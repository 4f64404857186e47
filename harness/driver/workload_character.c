#include "driver/workload_character.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/compare.h"
#include "data/figure_text.h"
#include "data/printable.h"
#include "driver/xalloc.h"

#define COUNTING                                                                                   \
    "malloc:census=1" /* the variant that counts, and that whose time is the rate's                \
                       */
#define TIMED "malloc"

static const char head[] =
    "# The workloads as they were measured\n"
    "\n"
    "Written by `make workloads-readme RUN=DIR` from a run of `gcmeter run --suite character`; "
    "what\n"
    "each workload stands for, stresses and does not stress is told at the head of its file.\n"
    "\n"
    "Objects are what one iteration at these parameters asks the allocator for. Pointers are "
    "fields\n"
    "that may hold a reference, by the objects' types; leaves are the objects that have none. The\n"
    "live set is the largest that was allocated and not yet freed by hand. A lifetime is the "
    "number\n"
    "of bytes that the whole program allocates between an object's making and its being freed: of\n"
    "half of the objects it is at most the first figure, of nine in ten the second, to 1/8. The "
    "rate\n"
    "is that of plain `malloc` on one thread, per second of processor time, which for "
    "`http_server`\n"
    "includes waiting for the next request. `nothing` allocates nothing, and `weak_cache` needs "
    "weak\n"
    "references, which no backend that frees by hand has.\n"
    "\n";

static bool is_variant(const struct run_cell *cell, const char *variant)
{
    return (size_t)cell->parts.backend.length == strlen(variant) &&
           !memcmp(cell->parts.backend.text, variant, strlen(variant));
}

/* The timed cell of the same workload, heap and threads, or NULL. */
static const struct run_cell *timed_cell(const struct run_data *run, const struct run_cell *counted)
{
    const struct cell_part *name = &counted->parts.workload;
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct run_cell *cell = &run->cells[i];
        if (is_variant(cell, TIMED) && cell->parts.workload.length == name->length &&
            !memcmp(cell->parts.workload.text, name->text, (size_t)name->length) &&
            !strcmp(cell->threads, counted->threads))
            return cell;
    }
    return NULL;
}

/* Median over the cell's processes; NaN where nothing was measured. Errors add up in *error. */
static double median_of(const struct run_data *run, const struct run_cell *cell, const char *metric,
                        int *error)
{
    struct compare_sample sample;
    if (!cell || run_data_metric(run, metric) < 0)
        return NAN;
    if (compare_sample_of(&sample, run, cell, metric)) {
        *error = -ENOMEM;
        return NAN;
    }
    return sample.count ? sample.median : NAN;
}

static void put_figure(FILE *out, double value, const char *unit, const char *behind)
{
    char text[FIGURE_TEXT_BYTES];
    figure_format(text, value, unit);
    fprintf(out, " %s%s |", text, isnan(value) ? "" : behind);
}

static void put_count(FILE *out, double value)
{
    if (isnan(value))
        fputs(" - |", out);
    else if (value < 1e5)
        fprintf(out, " %.0f |", value);
    else
        put_figure(out, value, "count", "");
}

static int put_row(const struct run_data *run, const struct run_cell *cell, FILE *out)
{
    int error = 0;
    const char *iterations_text = run_data_key(run, "iterations");
    double iterations = iterations_text ? strtod(iterations_text, NULL) : 1;
    double objects = median_of(run, cell, "census_objects_count", &error);
    double bytes = median_of(run, cell, "census_bytes", &error);
    double freed = median_of(run, cell, "census_freed_count", &error);
    double half = median_of(run, cell, "census_lifetime_p50_bytes", &error);
    double most = median_of(run, cell, "census_lifetime_p90_bytes", &error);
    const struct run_cell *timed = timed_cell(run, cell);
    double cpu_ns =
        median_of(run, timed, "cpu_user_ns", &error) + median_of(run, timed, "cpu_sys_ns", &error);
    double rate = median_of(run, timed, "allocated_bytes", &error) / cpu_ns * 1e9;
    char *name = strndup(cell->parts.workload.text, (size_t)cell->parts.workload.length);
    if (!name)
        return -ENOMEM;
    fputs("| `", out);
    printable_put(out, name);
    fputs("` |", out);
    free(name);
    put_count(out, objects / iterations);
    put_figure(out, bytes / objects, "bytes", "");
    fprintf(out, " %.2f |", median_of(run, cell, "census_pointers_count", &error) / objects);
    fprintf(out, " %.0f %% |", 100 * median_of(run, cell, "census_leaves_count", &error) / objects);
    put_count(out, median_of(run, cell, "census_live_peak_count", &error));
    put_figure(out, median_of(run, cell, "census_live_peak_bytes", &error), "bytes", "");
    put_figure(out, freed > 0 ? half : NAN, "bytes", "");
    put_figure(out, freed > 0 ? most : NAN, "bytes", "");
    put_figure(out, rate, "bytes", "/s");
    fputc('\n', out);
    return error;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const struct run_cell *const *)a)->key,
                  (*(const struct run_cell *const *)b)->key);
}

static void put_machine(const struct run_data *run, FILE *out)
{
    const char *date = run_data_key(run, "date");
    const char *model = run_data_key(run, "cpu_model");
    if (!date || !model)
        return;
    fputs("Measured ", out);
    printable_put(out, date);
    fputs(" on ", out);
    printable_put(out, model);
    fputs(".\n\n", out);
}

static int put_rows(const struct run_data *run, const struct run_cell *const *cells, size_t count,
                    const char *workload, FILE *out)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(cells[i]->workload, workload) != 0)
            continue;
        rows++;
        int error = put_row(run, cells[i], out);
        if (error)
            return error;
    }
    if (rows == 0)
        fprintf(out, "| `%s` | - | - | - | - | - | - | - | - | - |\n", workload);
    return 0;
}

int workload_character_write(const struct run_data *run, const struct catalog *catalog, FILE *out)
{
    const struct run_cell **cells = NULL;
    size_t count = 0;
    for (size_t i = 0; i < run->cell_count; i++)
        if (is_variant(&run->cells[i], COUNTING))
            *(const struct run_cell **)xappend(&cells, &count, sizeof *cells) = &run->cells[i];
    if (count == 0)
        return -ENODATA;
    qsort(cells, count, sizeof *cells, compare_keys);
    fputs(head, out);
    put_machine(run, out);
    fputs("| workload | objects | mean size | pointers per object | leaves | live objects | live "
          "set | half live for | nine in ten | allocation rate |\n"
          "|---|---|---|---|---|---|---|---|---|---|\n",
          out);
    size_t workload_count;
    int error = 0;
    const struct catalog_workload **all = catalog_workloads(catalog, &workload_count);
    for (size_t w = 0; w < workload_count && !error; w++)
        error = put_rows(run, cells, count, all[w]->name, out);
    free(all);
    free(cells);
    return error;
}
