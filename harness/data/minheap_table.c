#include "data/minheap_table.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/csv_write.h"
#include "data/run_data.h"

static void free_row(struct minheap_row *row)
{
    free(row->workload);
    free(row->workload_params);
    free(row->backend);
    free(row->backend_options);
    free(row->status);
}

void minheap_table_free(struct minheap_table *table)
{
    for (size_t i = 0; i < table->row_count; i++)
        free_row(&table->rows[i]);
    free(table->rows);
    *table = (struct minheap_table){0};
}

static bool same_cell(const struct minheap_row *a, const struct minheap_row *b)
{
    return !strcmp(a->workload, b->workload) && !strcmp(a->workload_params, b->workload_params) &&
           !strcmp(a->backend, b->backend) && !strcmp(a->backend_options, b->backend_options) &&
           a->threads == b->threads;
}

int minheap_table_put(struct minheap_table *table, const struct minheap_row *row)
{
    size_t place = 0;
    while (place < table->row_count && !same_cell(&table->rows[place], row))
        place++;
    if (place < table->row_count && !strcmp(row->status, "skipped") &&
        strcmp(table->rows[place].status, "skipped") != 0)
        return 0;
    struct minheap_row copy = *row;
    copy.workload = strdup(row->workload);
    copy.workload_params = strdup(row->workload_params);
    copy.backend = strdup(row->backend);
    copy.backend_options = strdup(row->backend_options);
    copy.status = strdup(row->status);
    bool copied = copy.workload && copy.workload_params && copy.backend && copy.backend_options &&
                  copy.status;
    if (copied && place == table->row_count) {
        struct minheap_row *grown =
            realloc(table->rows, (table->row_count + 1) * sizeof *table->rows);
        copied = grown != NULL;
        if (grown) {
            table->rows = grown;
            table->rows[table->row_count++] = (struct minheap_row){0};
        }
    }
    if (!copied) {
        free_row(&copy);
        return -ENOMEM;
    }
    free_row(&table->rows[place]);
    table->rows[place] = copy;
    return 0;
}

static bool is_status(const char *word)
{
    for (int status = RUN_OK; status <= RUN_SKIPPED; status++)
        if (!strcmp(word, run_status_word((enum run_status)status)))
            return true;
    return false;
}

static int take_row(void *data, const struct csv_row *row)
{
    struct minheap_table *table = data;
    uint64_t threads = 0, bytes = 0, tries_count = 0;
    int has_threads = csv_row_uint(row, SCHEMA_MINHEAP_threads, &threads);
    int has_bytes =
        has_threads < 0 ? has_threads : csv_row_uint(row, SCHEMA_MINHEAP_minheap_bytes, &bytes);
    int has_tries =
        has_bytes < 0 ? has_bytes : csv_row_uint(row, SCHEMA_MINHEAP_tries_count, &tries_count);
    if (has_tries < 0)
        return has_tries;
    static const int needed[] = {SCHEMA_MINHEAP_workload, SCHEMA_MINHEAP_backend};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!*row->text[needed[i]])
            return csv_field_refuse(row, (size_t)needed[i], "it is empty");
    if (threads == 0 || threads > UINT_MAX)
        return csv_field_refuse(row, SCHEMA_MINHEAP_threads, "threads must be 1 or more");
    const char *status = row->text[SCHEMA_MINHEAP_status];
    if (!is_status(status))
        return csv_field_refuse(row, SCHEMA_MINHEAP_status,
                                "the status is ok, oom, crashed, timeout, wrong or skipped");
    bool is_ok = !strcmp(status, run_status_word(RUN_OK));
    if (is_ok != (bytes > 0))
        return csv_field_refuse(row, SCHEMA_MINHEAP_minheap_bytes,
                                is_ok ? "a row that is ok has its minimum heap here"
                                      : "only a row that is ok has a minimum heap");
    struct minheap_row found = {
        .workload = (char *)row->text[SCHEMA_MINHEAP_workload],
        .workload_params = (char *)row->text[SCHEMA_MINHEAP_workload_params],
        .backend = (char *)row->text[SCHEMA_MINHEAP_backend],
        .backend_options = (char *)row->text[SCHEMA_MINHEAP_backend_options],
        .threads = (unsigned)threads,
        .minheap_bytes = bytes,
        .tries_count = tries_count,
        .status = (char *)status,
    };
    int error = minheap_table_put(table, &found);
    if (error)
        snprintf(row->error->text, sizeof row->error->text, "out of memory");
    return error;
}

int minheap_table_load(struct minheap_table *table, const char *path, struct csv_error *error)
{
    *table = (struct minheap_table){0};
    int code = csv_read(path, &schema_files[SCHEMA_FILE_MINHEAP], take_row, table, NULL, error);
    if (code)
        minheap_table_free(table);
    return code;
}

int minheap_table_save(const struct minheap_table *table, const char *path)
{
    char *new_path = NULL;
    struct csv_writer *w = NULL;
    if (asprintf(&new_path, "%s.new-%d", path, (int)getpid()) < 0)
        return -ENOMEM;
    int error = csv_writer_open(&w, new_path, &schema_files[SCHEMA_FILE_MINHEAP]);
    for (size_t i = 0; i < table->row_count && !error; i++) {
        const struct minheap_row *row = &table->rows[i];
        csv_writer_text(w, SCHEMA_MINHEAP_workload, row->workload);
        csv_writer_text(w, SCHEMA_MINHEAP_backend, row->backend);
        csv_writer_text(w, SCHEMA_MINHEAP_backend_options, row->backend_options);
        csv_writer_uint(w, SCHEMA_MINHEAP_threads, row->threads);
        if (row->minheap_bytes)
            csv_writer_uint(w, SCHEMA_MINHEAP_minheap_bytes, row->minheap_bytes);
        csv_writer_uint(w, SCHEMA_MINHEAP_tries_count, row->tries_count);
        csv_writer_text(w, SCHEMA_MINHEAP_status, row->status);
        csv_writer_text(w, SCHEMA_MINHEAP_workload_params, row->workload_params);
        error = csv_writer_row(w);
    }
    int closed = csv_writer_close(w);
    error = error ? error : closed;
    if (!error && rename(new_path, path))
        error = -errno;
    if (error)
        unlink(new_path);
    free(new_path);
    return error;
}
