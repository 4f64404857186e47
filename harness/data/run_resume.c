#include "data/run_resume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/derived.h"
#include "data/number_text.h"
#include "data/printable.h"
#include "data/run_data.h"

/* The first pass over a file finds what to keep: all before keep_end, unless there is a gap. */
struct scan {
    bool (*is_kept)(const struct scan *scan, const struct csv_row *row);
    /* Of the two ways to decide on a row: */
    const struct run_data *run;
    run_resume_retry_function *is_retried;
    const void *plan;
    size_t cell_column;
    size_t invocation_column;
    int64_t rows_start; /* -1: no row yet */
    int64_t keep_end;   /* -1: no row to keep yet */
    bool dropped;       /* a row to drop was seen */
    bool has_gap;       /* … and one to keep after it */
    /* Of the second pass, where there is a gap. */
    FILE *in;
    FILE *out;
};

static int fail(struct csv_error *error, const char *path, int reason)
{
    char printable[512];
    snprintf(error->text, sizeof error->text, "%s: %s",
             printable_copy(printable, sizeof printable, path), strerror(reason));
    return -reason;
}

static bool is_committed(const struct scan *scan, const struct csv_row *row)
{
    int64_t number;
    return number_parse_int(row->text[scan->invocation_column], &number) == 0 &&
           run_data_invocation(scan->run, row->text[scan->cell_column], number) >= 0;
}

static bool is_not_retried(const struct scan *scan, const struct csv_row *row)
{
    int64_t number;
    bool was_started = *row->text[SCHEMA_INVOCATIONS_order] != '\0';
    return was_started || number_parse_int(row->text[scan->invocation_column], &number) ||
           !scan->is_retried(scan->plan, row->text[scan->cell_column], number);
}

static int scan_row(void *data, const struct csv_row *row)
{
    struct scan *scan = data;
    if (scan->rows_start < 0)
        scan->rows_start = row->start_offset;
    if (!scan->is_kept(scan, row)) {
        scan->dropped = true;
        return 0;
    }
    scan->has_gap |= scan->dropped;
    scan->keep_end = row->end_offset;
    return 0;
}

static int copy_range(struct scan *scan, int64_t start, int64_t end)
{
    char buffer[4096];
    if (fseeko(scan->in, (off_t)start, SEEK_SET))
        return -errno;
    while (start < end) {
        size_t want = end - start < (int64_t)sizeof buffer ? (size_t)(end - start) : sizeof buffer;
        size_t got = fread(buffer, 1, want, scan->in);
        if (got == 0)
            return -EIO;
        if (fwrite(buffer, 1, got, scan->out) != got)
            return -errno;
        start += (int64_t)got;
    }
    return 0;
}

static int copy_row(void *data, const struct csv_row *row)
{
    struct scan *scan = data;
    if (!scan->is_kept(scan, row))
        return 0;
    int error = copy_range(scan, row->start_offset, row->end_offset);
    return error ? fail(row->error, row->path, -error) : 0;
}

/* Rewrites the file without the dropped rows: where invocations overlapped, and where some that
 * were not started can be now. */
static int close_gaps(struct scan *scan, const char *path, const struct schema_file *file,
                      struct csv_error *error)
{
    char *copy;
    if (asprintf(&copy, "%s.resume", path) < 0)
        return fail(error, path, ENOMEM);
    int result = 0;
    scan->in = fopen(path, "re");
    scan->out = scan->in ? fopen(copy, "we") : NULL;
    if (!scan->out)
        result = fail(error, scan->in ? copy : path, errno);
    if (!result) {
        int copied = copy_range(scan, 0, scan->rows_start);
        result =
            copied ? fail(error, copy, -copied) : csv_read(path, file, copy_row, scan, NULL, error);
    }
    if (scan->in)
        fclose(scan->in);
    if (scan->out && fclose(scan->out) && !result)
        result = fail(error, copy, errno);
    if (!result && rename(copy, path))
        result = fail(error, path, errno);
    if (result && scan->out)
        unlink(copy);
    free(copy);
    return result;
}

/* Leaves only the rows that *scan keeps. */
static int cut_file(struct scan *scan, const char *path, const struct schema_file *file,
                    struct csv_error *error)
{
    scan->cell_column = (size_t)schema_column_index(file, "cell");
    scan->invocation_column = (size_t)schema_column_index(file, "invocation");
    scan->rows_start = scan->keep_end = -1;
    int64_t end = 0;
    int result = csv_read(path, file, scan_row, scan, &end, error);
    if (result == -ENOENT)
        return 0;
    if (result && result != -ENODATA)
        return result;
    if (scan->has_gap)
        return close_gaps(scan, path, file, error);
    if (result == -ENODATA)
        end = 0;
    else if (scan->dropped)
        end = scan->keep_end < 0 ? scan->rows_start : scan->keep_end;
    return truncate(path, (off_t)end) ? fail(error, path, errno) : 0;
}

static int empty_file(const char *path, struct csv_error *error)
{
    return truncate(path, 0) && errno != ENOENT ? fail(error, path, errno) : 0;
}

static int keep_row(void *data, const struct csv_row *row)
{
    (void)data;
    (void)row;
    return 0;
}

/* Cuts off a last row that was being written. */
static int cut_last_row(const char *path, const struct schema_file *file, struct csv_error *error)
{
    int64_t end = 0;
    int result = csv_read(path, file, keep_row, NULL, &end, error);
    return !result && truncate(path, (off_t)end) ? fail(error, path, errno) : result;
}

/* Cuts invocations.csv and loads the run into *run, which stays NULL where the file is absent. */
static int cut_invocations(const char *folder, const char *path, struct run_data **run,
                           struct csv_error *error)
{
    int result = cut_last_row(path, &schema_files[SCHEMA_FILE_INVOCATIONS], error);
    if (result == -ENOENT)
        return 0;
    return result ? result : run_data_load(run, folder, error);
}

int run_resume_cut(const char *folder, struct csv_error *error)
{
    struct run_data *run = NULL;
    int result = 0;
    for (int file = SCHEMA_FILE_RUN; file < SCHEMA_RUN_FILE_COUNT && !result; file++) {
        char *path;
        if (asprintf(&path, "%s/%s", folder, schema_files[file].name) < 0) {
            result = fail(error, folder, ENOMEM);
            break;
        }
        if (file == SCHEMA_FILE_RUN)
            result = cut_last_row(path, &schema_files[file], error);
        else if (file == SCHEMA_FILE_INVOCATIONS)
            result = cut_invocations(folder, path, &run, error);
        else if (run)
            result = cut_file(&(struct scan){.is_kept = is_committed, .run = run}, path,
                              &schema_files[file], error);
        else
            result = empty_file(path, error);
        free(path);
    }
    run_data_free(run);
    return result;
}

int run_resume_retry(const char *folder, run_resume_retry_function *is_retried, const void *plan,
                     struct csv_error *error)
{
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    struct scan scan = {.is_kept = is_not_retried, .is_retried = is_retried, .plan = plan};
    char *path;
    if (asprintf(&path, "%s/%s", folder, file->name) < 0)
        return fail(error, folder, ENOMEM);
    int result = cut_file(&scan, path, file, error);
    free(path);
    return result;
}

/* Opening a pipe that lies in the place of a file would wait for its writer. */
static bool is_regular(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Whether the file is absent, or `header` (NULL: any) is its first line, as far as it goes, and,
 * with header_only, its last. */
static int looks_unused(const char *path, const char *header, bool header_only, bool *unused,
                        struct csv_error *error)
{
    *unused = true;
    if (access(path, F_OK) && errno == ENOENT)
        return 0;
    /* What else there is, who reads it as a result file will tell. */
    if (!is_regular(path)) {
        *unused = false;
        return 0;
    }
    FILE *file = fopen(path, "re");
    if (!file)
        return fail(error, path, errno);
    int c;
    while ((c = getc(file)) != EOF && c != '\n')
        if (*unused && header && c != *header++)
            *unused = false;
    if (header_only && c != EOF && getc(file) != EOF)
        *unused = false;
    int result = ferror(file) ? fail(error, path, EIO) : 0;
    fclose(file);
    return result;
}

int run_resume_remove_unused(const char *folder, bool *is_removed, struct csv_error *error)
{
    int result = 0;
    bool unused = true;
    *is_removed = false;
    /* The first pass looks, the second one removes, run.csv last: killed in between, it leaves what
     * it would again remove, and not a folder of files that belong to no run. */
    for (int pass = 0; pass < 2 && unused && !result; pass++) {
        if (pass == 1)
            derived_remove(folder);
        for (int file = SCHEMA_RUN_FILE_COUNT - 1; file >= 0 && unused && !result; file--) {
            bool is_run = file == SCHEMA_FILE_RUN;
            char *path;
            if (asprintf(&path, "%s/%s", folder, schema_files[file].name) < 0)
                return fail(error, folder, ENOMEM);
            if (pass == 0)
                result = looks_unused(path, is_run ? "key,value" : NULL, !is_run, &unused, error);
            else if (unlink(path) && errno != ENOENT)
                result = fail(error, path, errno);
            free(path);
        }
    }
    *is_removed = unused && !result;
    return result;
}
