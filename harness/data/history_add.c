/* Appending runs to a history: checked against what is there, written beside it, put in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/cell_sample.h"
#include "data/comparable.h"
#include "data/csv_write.h"
#include "data/history_file.h"
#include "data/machine_class.h"
#include "data/number_text.h"
#include "data/printable.h"
#include "data/statistics.h"

#define ALPHA 0.05

struct adding {
    const char *path;
    const struct history_add_options *options;
    struct history *history;      /* what is there; NULL: nothing yet */
    const struct run_data **runs; /* those that are new, in the order in which they are added */
    size_t run_count;
    struct csv_error *error;
};

static int out_of_memory(struct csv_error *error)
{
    snprintf(error->text, sizeof error->text, "out of memory");
    return -ENOMEM;
}

static int fail_file(const char *path, int code, struct csv_error *error)
{
    char printable[300];
    snprintf(error->text, sizeof error->text, "%s cannot be written: %s",
             printable_copy(printable, sizeof printable, path), strerror(-code));
    return code;
}

static const char *text_key(const struct run_data *run, const char *key)
{
    const char *value = run_data_key(run, key);
    return value ? value : "";
}

/* What the run says of the key, in a text that is its own or `buffer`. */
static const char *key_of(const struct run_data *run, int key, char *buffer)
{
    return key == HISTORY_KERNEL ? machine_class_kernel(buffer, run)
                                 : text_key(run, history_keys[key]);
}

static uint64_t order_seed_of(const struct run_data *run)
{
    uint64_t seed = 0;
    return number_parse_uint(text_key(run, "order_seed"), &seed) ? 0 : seed;
}

static bool is_allowed(const struct adding *adding, const char *key)
{
    for (size_t i = 0; i < adding->options->allowed_count; i++)
        if (strcmp(adding->options->allowed[i], key) == 0)
            return true;
    return false;
}

static int refuse(const struct adding *adding, const struct run_data *run, const char *key,
                  const char *cell, const char *was, const char *is)
{
    char folder[200], where[200], from[120], to[120], path[200];
    snprintf(adding->error->text, sizeof adding->error->text,
             "%s differs from what %s has in %s%s%s: '%s' and '%s'; use another file, or "
             "--allow-different %s to add it all the same",
             printable_copy(folder, sizeof folder, run->folder),
             printable_copy(path, sizeof path, adding->path), key, *cell ? " of " : "",
             printable_copy(where, sizeof where, cell), printable_copy(to, sizeof to, is),
             printable_copy(from, sizeof from, was), key);
    return -EINVAL;
}

static int check_class(const struct adding *adding, const struct run_data *run)
{
    for (int key = 0; key < HISTORY_KEY_COUNT; key++) {
        char now[MACHINE_CLASS_KERNEL_BYTES], before[MACHINE_CLASS_KERNEL_BYTES];
        const char *is = key_of(run, key, now);
        const char *was = adding->run_count
                              ? key_of(adding->runs[adding->run_count - 1], key, before)
                          : adding->history && adding->history->run_count
                              ? adding->history->runs[adding->history->newest].keys[key]
                              : "";
        if (*was && *is && strcmp(was, is) != 0 && !is_allowed(adding, history_keys[key]))
            return refuse(adding, run, history_keys[key], "", was, is);
    }
    return 0;
}

/* What the cell was measured with last, or false. */
static bool find_cell(const struct adding *adding, const char *cell, const char **params,
                      const char **options)
{
    for (size_t i = adding->run_count; i-- > 0;) {
        const struct run_cell *found = run_data_cell(adding->runs[i], cell);
        if (found) {
            *params = found->workload_params;
            *options = found->backend_options;
            return true;
        }
    }
    for (size_t i = 0; adding->history && i < adding->history->series_count; i++) {
        const struct history_series *series = &adding->history->series[i];
        if (strcmp(series->cell, cell) == 0) {
            *params = series->workload_params;
            *options = series->backend_options;
            return true;
        }
    }
    return false;
}

static int check_cells(const struct adding *adding, const struct run_data *run)
{
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct run_cell *cell = &run->cells[i];
        const char *params, *options;
        if (!find_cell(adding, cell->key, &params, &options))
            continue;
        const char *key = history_keys[HISTORY_KEY_COUNT];
        if (*params && *cell->workload_params && !is_allowed(adding, key) &&
            !comparable_values_agree(params, cell->workload_params))
            return refuse(adding, run, key, cell->key, params, cell->workload_params);
        key = history_keys[HISTORY_KEY_COUNT + 1];
        if (!is_allowed(adding, key) && !comparable_values_agree(options, cell->backend_options))
            return refuse(adding, run, key, cell->key, options, cell->backend_options);
    }
    return 0;
}

static bool is_there(const struct adding *adding, const char *date, uint64_t order_seed)
{
    for (size_t i = 0; adding->history && i < adding->history->run_count; i++) {
        const struct history_run *run = &adding->history->runs[i];
        if (strcmp(run->date, date) == 0 && run->order_seed == order_seed)
            return true;
    }
    for (size_t i = 0; i < adding->run_count; i++)
        if (strcmp(text_key(adding->runs[i], "date"), date) == 0 &&
            order_seed_of(adding->runs[i]) == order_seed)
            return true;
    return false;
}

static int take_run(struct adding *adding, const struct run_data *run)
{
    const char *date = text_key(run, "date");
    if (!*date) {
        char folder[300];
        snprintf(adding->error->text, sizeof adding->error->text,
                 "%s/run.csv has no date, without which it has no place in a history",
                 printable_copy(folder, sizeof folder, run->folder));
        return -EINVAL;
    }
    if (is_there(adding, date, order_seed_of(run)))
        return 0;
    int error = check_class(adding, run);
    if (!error)
        error = check_cells(adding, run);
    if (!error)
        adding->runs[adding->run_count++] = run;
    return error;
}

static int write_row(const struct adding *adding, struct csv_writer *file,
                     const struct run_data *run, const struct run_cell *cell,
                     const struct run_metric *metric, const struct cell_sample *sample)
{
    static const int key_columns[HISTORY_KEY_COUNT] = {
        [HISTORY_CPU_MODEL] = SCHEMA_HISTORY_cpu_model,
        [HISTORY_CORES] = SCHEMA_HISTORY_cores,
        [HISTORY_KERNEL] = SCHEMA_HISTORY_kernel,
        [HISTORY_SEED] = SCHEMA_HISTORY_seed,
        [HISTORY_WARMUP] = SCHEMA_HISTORY_warmup,
        [HISTORY_ITERATIONS] = SCHEMA_HISTORY_iterations,
    };
    const char *commit = adding->options->commit;
    csv_writer_text(file, SCHEMA_HISTORY_date, text_key(run, "date"));
    csv_writer_uint(file, SCHEMA_HISTORY_order_seed, order_seed_of(run));
    csv_writer_text(file, SCHEMA_HISTORY_commit, commit ? commit : text_key(run, "git_commit"));
    for (int key = 0; key < HISTORY_KEY_COUNT; key++) {
        char buffer[MACHINE_CLASS_KERNEL_BYTES];
        csv_writer_text(file, (size_t)key_columns[key], key_of(run, key, buffer));
    }
    csv_writer_text(file, SCHEMA_HISTORY_cell, cell->key);
    csv_writer_text(file, SCHEMA_HISTORY_workload_params, cell->workload_params);
    csv_writer_text(file, SCHEMA_HISTORY_backend_options, cell->backend_options);
    csv_writer_text(file, SCHEMA_HISTORY_metric, metric->name);
    csv_writer_text(file, SCHEMA_HISTORY_unit, metric->unit);
    csv_writer_text(file, SCHEMA_HISTORY_better, schema_better_word(metric->better));
    csv_writer_uint(file, SCHEMA_HISTORY_n, sample->count);
    csv_writer_uint(file, SCHEMA_HISTORY_of, sample->of);
    if (sample->count) {
        struct median_interval interval =
            statistics_median_interval(sample->sorted, sample->count, ALPHA);
        csv_writer_real(file, SCHEMA_HISTORY_median,
                        statistics_median(sample->sorted, sample->count));
        if (interval.coverage >= 1 - ALPHA) {
            csv_writer_real(file, SCHEMA_HISTORY_low, interval.low);
            csv_writer_real(file, SCHEMA_HISTORY_high, interval.high);
        }
    }
    return csv_writer_row(file);
}

static int write_cell(const struct adding *adding, struct csv_writer *file,
                      const struct run_data *run, const struct run_cell *cell)
{
    struct cell_outcome outcome = cell_outcome_of(run, cell);
    bool always_fails = outcome.failed && !outcome.ok;
    int error = 0;
    for (size_t m = 0; m < run->metric_count && !error; m++) {
        const struct run_metric *metric = &run->metrics[m];
        if (metric->better != SCHEMA_LOWER && metric->better != SCHEMA_HIGHER)
            continue;
        struct cell_sample sample;
        error = cell_sample_take(&sample, run, cell, m);
        if (error)
            break;
        if (sample.count || (always_fails && strcmp(metric->name, "wall_ns") == 0))
            error = write_row(adding, file, run, cell, metric, &sample);
        cell_sample_free(&sample);
    }
    return error;
}

static int write_runs(const struct adding *adding, const char *path)
{
    struct csv_writer *file;
    int error = csv_writer_open(&file, path, &schema_files[SCHEMA_FILE_HISTORY]);
    if (error)
        return error;
    for (size_t i = 0; i < adding->run_count && !error; i++)
        for (size_t c = 0; c < adding->runs[i]->cell_count && !error; c++)
            error = write_cell(adding, file, adding->runs[i], &adding->runs[i]->cells[c]);
    int closed = csv_writer_close(file);
    return error ? error : closed;
}

/* Copies what is there to a new file at `path`, which gets its mode. */
static int copy_file(int from, const char *path)
{
    char bytes[65536];
    struct stat status;
    if (fstat(from, &status) || lseek(from, 0, SEEK_SET) < 0)
        return -errno;
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    int error = fchmod(to, status.st_mode & 0777) ? -errno : 0;
    ssize_t n = 0;
    while (!error && (n = read(from, bytes, sizeof bytes)) > 0)
        for (ssize_t done = 0; done < n && !error;) {
            ssize_t written = write(to, bytes + done, (size_t)(n - done));
            if (written < 0)
                error = -errno;
            else
                done += written;
        }
    if (n < 0 && !error)
        error = -errno;
    if (close(to) && !error)
        error = -errno;
    return error;
}

/* A crash before the rename leaves the old file as it was. */
static int replace(const struct adding *adding, int old_fd)
{
    char *path = realpath(adding->path, NULL);
    char *new_path = NULL;
    if (!path || asprintf(&new_path, "%s.new-%d", path, (int)getpid()) < 0) {
        free(path);
        return out_of_memory(adding->error);
    }
    int error = copy_file(old_fd, new_path);
    if (!error)
        error = write_runs(adding, new_path);
    if (!error && rename(new_path, path))
        error = -errno;
    if (error) {
        unlink(new_path);
        if (error == -EBADMSG)
            snprintf(adding->error->text, sizeof adding->error->text,
                     "%s was edited: its columns are not those that gcmeter writes, or its last "
                     "line does not end; mend it, or use another file",
                     adding->path);
        else
            fail_file(adding->path, error, adding->error);
    }
    free(new_path);
    free(path);
    return error;
}

/* Opens the file, made where it is absent, and waits for those that add to it. Since they put
 * another file in its place, the one that was waited for may be gone by then. */
static int open_locked(const char *path)
{
    for (;;) {
        struct stat own, there;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return -errno;
        if (flock(fd, LOCK_EX) || fstat(fd, &own)) {
            int error = -errno;
            close(fd);
            return error;
        }
        if (stat(path, &there) == 0 && own.st_dev == there.st_dev && own.st_ino == there.st_ino)
            return fd;
        close(fd);
    }
}

int history_add(const char *path, const struct run_data *const *runs, size_t run_count,
                const struct history_add_options *options, size_t *added, struct csv_error *error)
{
    *added = 0;
    struct adding adding = {.path = path, .options = options, .error = error};
    int fd = open_locked(path);
    if (fd < 0)
        return fail_file(path, fd, error);
    bool is_empty = lseek(fd, 0, SEEK_END) == 0;
    adding.runs = malloc((run_count + 1) * sizeof *adding.runs);
    int result = adding.runs ? 0 : out_of_memory(error);
    if (!result && !is_empty)
        result = history_load(&adding.history, path, error);
    for (size_t i = 0; i < run_count && !result; i++)
        result = take_run(&adding, runs[i]);
    if (!result && adding.run_count)
        result = replace(&adding, fd);
    if (!result)
        *added = adding.run_count;
    else if (is_empty)
        unlink(path);
    history_free(adding.history);
    free(adding.runs);
    close(fd);
    return result;
}
