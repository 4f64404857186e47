#include "data/derived.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/csv_write.h"
#include "data/lbo.h"
#include "data/mmu.h"
#include "data/printable.h"

#define WORST_COUNT 3

/* Begins the name of a file until it is complete. */
#define UNFINISHED "."

static const enum schema_file_id files[] = {SCHEMA_FILE_MMU, SCHEMA_FILE_MMU_WORST, SCHEMA_FILE_LBO,
                                            SCHEMA_FILE_LBO_MEAN};
#define FILE_COUNT (sizeof files / sizeof *files)

/* Lengths of the measured iterations of one invocation. */
struct iterations {
    int64_t *wall_ns;
    size_t count;
    size_t capacity;
    bool incomplete; /* one is missing: which is where is not known */
};

struct work {
    const struct run_data *run;
    struct stop_log *stops;        /* by invocation */
    struct iterations *iterations; /* by invocation */
    struct csv_error *error;
};

static int refuse(struct csv_error *error, const char *what, int code)
{
    char shown[512];
    snprintf(error->text, sizeof error->text, "%s: %s", printable_copy(shown, sizeof shown, what),
             strerror(-code));
    return code;
}

static char *path_of(const char *folder, enum schema_file_id file, const char *prefix)
{
    char *path;
    return asprintf(&path, "%s/%s%s", folder, prefix, schema_files[file].name) < 0 ? NULL : path;
}

static int take_iteration(void *data, size_t invocation, const struct csv_row *row)
{
    struct iterations *iterations = (struct iterations *)data + invocation;
    int64_t number, wall_ns;
    int found = csv_row_int(row, SCHEMA_ITERATIONS_iteration, &number);
    if (found > 0)
        found = csv_row_int(row, SCHEMA_ITERATIONS_wall_ns, &wall_ns);
    if (found <= 0 || number < 0)
        return found < 0 ? found : 0;
    iterations->incomplete |= (uint64_t)number != iterations->count;
    if (iterations->count == iterations->capacity) {
        size_t capacity = iterations->capacity ? iterations->capacity * 2 : 16;
        int64_t *grown = realloc(iterations->wall_ns, capacity * sizeof *grown);
        if (!grown)
            return refuse(row->error, row->path, -ENOMEM);
        iterations->wall_ns = grown;
        iterations->capacity = capacity;
    }
    iterations->wall_ns[iterations->count++] = wall_ns;
    return 0;
}

/* In which iteration t_ns lies. What the measured part is longer than its iterations was spent
 * between them, in equal parts. Only where there are any. */
static int64_t iteration_at(const struct iterations *iterations, int64_t length_ns, int64_t t_ns)
{
    double rest_ns = (double)length_ns, start_ns = 0;
    for (size_t i = 0; i < iterations->count; i++)
        rest_ns -= (double)iterations->wall_ns[i];
    double gap_ns = rest_ns > 0 ? rest_ns / (double)iterations->count : 0;
    size_t i = 0;
    for (; i + 1 < iterations->count; i++) {
        start_ns += (double)iterations->wall_ns[i] + gap_ns;
        if (start_ns > (double)t_ns)
            break;
    }
    return (int64_t)i;
}

static int write_curve(struct csv_writer *w, const char *cell, int64_t number,
                       struct stop_log *stops, int64_t length_ns)
{
    double mmu[MMU_WINDOW_COUNT], bmu[MMU_WINDOW_COUNT];
    int code = mmu_compute(mmu, bmu, stops, length_ns, mmu_windows_ns, MMU_WINDOW_COUNT);
    for (size_t i = 0; i < MMU_WINDOW_COUNT && !code; i++) {
        csv_writer_text(w, SCHEMA_MMU_cell, cell);
        csv_writer_int(w, SCHEMA_MMU_invocation, number);
        csv_writer_int(w, SCHEMA_MMU_window_ns, mmu_windows_ns[i]);
        csv_writer_real(w, SCHEMA_MMU_mmu, mmu[i]);
        csv_writer_real(w, SCHEMA_MMU_bmu, bmu[i]);
        code = csv_writer_row(w);
    }
    return code;
}

static int write_worst(struct csv_writer *w, const char *cell, int64_t number,
                       struct stop_log *stops, const struct iterations *iterations,
                       int64_t length_ns)
{
    int code = 0;
    for (size_t c = 0; c < MMU_COLUMN_COUNT && code >= 0; c++) {
        struct mmu_window worst[WORST_COUNT];
        int64_t window_ns = mmu_columns_ns[c];
        int found = mmu_worst(worst, WORST_COUNT, stops, length_ns, window_ns);
        code = found < 0 ? found : 0;
        for (int i = 0; i < found && !code; i++) {
            csv_writer_text(w, SCHEMA_MMU_WORST_cell, cell);
            csv_writer_int(w, SCHEMA_MMU_WORST_invocation, number);
            csv_writer_int(w, SCHEMA_MMU_WORST_window_ns, window_ns);
            csv_writer_int(w, SCHEMA_MMU_WORST_rank, i + 1);
            csv_writer_int(w, SCHEMA_MMU_WORST_thread, worst[i].thread);
            csv_writer_int(w, SCHEMA_MMU_WORST_start_ns, worst[i].start_ns);
            csv_writer_int(w, SCHEMA_MMU_WORST_stopped_ns, worst[i].stopped_ns);
            csv_writer_real(w, SCHEMA_MMU_WORST_utilisation,
                            (double)(window_ns - worst[i].stopped_ns) / (double)window_ns);
            if (iterations->count && !iterations->incomplete) {
                int64_t end_ns = worst[i].start_ns + window_ns;
                csv_writer_int(w, SCHEMA_MMU_WORST_iteration_first,
                               iteration_at(iterations, length_ns, worst[i].start_ns));
                csv_writer_int(w, SCHEMA_MMU_WORST_iteration_last,
                               iteration_at(iterations, length_ns, end_ns - 1));
            }
            code = csv_writer_row(w);
        }
    }
    return code;
}

/* Writes one of the two files on utilisation. */
static int write_utilisation(struct work *work, enum schema_file_id file, struct csv_writer *w)
{
    const struct run_data *run = work->run;
    int wall = run_data_metric(run, "wall_ns"), count = run_data_metric(run, "pause_count");
    int code = 0;
    for (size_t i = 0; i < run->invocation_count && !code; i++) {
        double wall_ns, stops_count;
        if (!run_data_value(run, i, (size_t)wall, &wall_ns) ||
            !run_data_value(run, i, (size_t)count, &stops_count))
            continue;
        const char *cell = run->cells[run->invocations[i].cell].key;
        int64_t number = run->invocations[i].number;
        code = file == SCHEMA_FILE_MMU
                   ? write_curve(w, cell, number, &work->stops[i], (int64_t)wall_ns)
                   : write_worst(w, cell, number, &work->stops[i], &work->iterations[i],
                                 (int64_t)wall_ns);
    }
    return code;
}

static void put_part(struct csv_writer *w, size_t column, struct cell_part part)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", part.length, part.text);
    csv_writer_text(w, column, text);
}

static int write_lbo(struct work *work, const struct chart_plan *plan, const struct lbo *lbo,
                     struct csv_writer *w)
{
    int code = 0;
    for (size_t p = 0; p < lbo->setting_count; p++) {
        const struct chart_panel *panel = &plan->panels[p];
        const struct lbo_setting *setting = &lbo->settings[p];
        for (size_t i = 0; i < panel->member_count; i++)
            for (enum lbo_time time = LBO_WALL; time < LBO_TIME_COUNT && !code; time++) {
                const struct run_cell *cell = &work->run->cells[panel->members[i].cell];
                const struct lbo_entry *entry = &setting->entries[i];
                const struct lbo_cost *cost = &entry->costs[time];
                put_part(w, SCHEMA_LBO_workload, cell->parts.workload);
                put_part(w, SCHEMA_LBO_heap, setting->heap);
                put_part(w, SCHEMA_LBO_threads, setting->threads);
                put_part(w, SCHEMA_LBO_configuration, cell->parts.backend);
                csv_writer_text(w, SCHEMA_LBO_time, lbo_time_word(time));
                csv_writer_text(w, SCHEMA_LBO_cell, cell->key);
                csv_writer_uint(w, SCHEMA_LBO_ok_count, entry->ok_count);
                csv_writer_uint(w, SCHEMA_LBO_failed_count, entry->failed_count);
                csv_writer_real(w, SCHEMA_LBO_total_ns, cost->total_ns);
                csv_writer_real(w, SCHEMA_LBO_stopped_ns, cost->stopped_ns);
                csv_writer_real(w, SCHEMA_LBO_distilled_ns, cost->distilled_ns);
                csv_writer_real(w, SCHEMA_LBO_mdc_ns, setting->mdc_ns[time]);
                if (!isnan(setting->mdc_ns[time])) {
                    uint32_t supplier = panel->members[setting->mdc_by[time]].series;
                    csv_writer_text(w, SCHEMA_LBO_mdc_configuration, plan->series[supplier].label);
                }
                csv_writer_real(w, SCHEMA_LBO_lbo, cost->lbo);
                code = csv_writer_row(w);
            }
    }
    return code;
}

static int write_lbo_mean(const struct chart_plan *plan, const struct lbo *lbo,
                          struct csv_writer *w)
{
    int code = 0;
    for (size_t m = 0; m < lbo->mean_count; m++)
        for (enum lbo_time time = LBO_WALL; time < LBO_TIME_COUNT && !code; time++) {
            const struct lbo_mean *mean = &lbo->means[m];
            put_part(w, SCHEMA_LBO_MEAN_heap, mean->heap);
            put_part(w, SCHEMA_LBO_MEAN_threads, mean->threads);
            csv_writer_text(w, SCHEMA_LBO_MEAN_configuration, plan->series[mean->series].label);
            csv_writer_text(w, SCHEMA_LBO_MEAN_time, lbo_time_word(time));
            csv_writer_uint(w, SCHEMA_LBO_MEAN_workloads_count, mean->workloads_count);
            csv_writer_real(w, SCHEMA_LBO_MEAN_lbo, mean->lbo[time]);
            code = csv_writer_row(w);
        }
    return code;
}

static int write_overhead(struct work *work, enum schema_file_id file, struct csv_writer *w)
{
    struct chart_plan plan;
    struct lbo lbo;
    int code = chart_plan_make(&plan, work->run, NULL, work->error);
    if (code)
        return code;
    code = lbo_make(&lbo, &plan, work->stops);
    if (!code) {
        code = file == SCHEMA_FILE_LBO ? write_lbo(work, &plan, &lbo, w)
                                       : write_lbo_mean(&plan, &lbo, w);
        lbo_free(&lbo);
    }
    chart_plan_free(&plan);
    return code;
}

static int write_file(struct work *work, enum schema_file_id file)
{
    char *path = path_of(work->run->folder, file, "");
    char *unfinished = path_of(work->run->folder, file, UNFINISHED);
    struct csv_writer *w = NULL;
    int code = path && unfinished ? 0 : -ENOMEM;
    if (!code && unlink(unfinished) && errno != ENOENT)
        code = -errno;
    if (!code)
        code = csv_writer_open(&w, unfinished, &schema_files[file]);
    if (!code) {
        code = file == SCHEMA_FILE_MMU || file == SCHEMA_FILE_MMU_WORST
                   ? write_utilisation(work, file, w)
                   : write_overhead(work, file, w);
        int closed = csv_writer_close(w);
        code = code ? code : closed;
        if (!code && rename(unfinished, path))
            code = -errno;
        if (code)
            unlink(unfinished);
    }
    if (code)
        refuse(work->error, path ? path : schema_files[file].name, code);
    free(path);
    free(unfinished);
    return code;
}

int derived_write(const struct run_data *run, struct csv_error *error)
{
    struct work work = {.run = run, .error = error};
    int code = stop_logs_read(&work.stops, run, error);
    if (code)
        return code;
    work.iterations = calloc(run->invocation_count + 1, sizeof *work.iterations);
    code = work.iterations
               ? run_data_each(run, SCHEMA_FILE_ITERATIONS, take_iteration, work.iterations, error)
               : refuse(error, run->folder, -ENOMEM);
    for (size_t i = 0; i < FILE_COUNT && !code; i++)
        code = write_file(&work, files[i]);
    for (size_t i = 0; work.iterations && i < run->invocation_count; i++)
        free(work.iterations[i].wall_ns);
    free(work.iterations);
    stop_logs_free(work.stops, run);
    return code;
}

bool derived_exist(const char *folder)
{
    bool all = true;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        char *path = path_of(folder, files[i], "");
        all &= path && access(path, F_OK) == 0;
        free(path);
    }
    return all;
}

void derived_remove(const char *folder)
{
    for (size_t i = 0; i < 2 * FILE_COUNT; i++) {
        char *path = path_of(folder, files[i / 2], i % 2 ? UNFINISHED : "");
        if (path)
            unlink(path);
        free(path);
    }
}
