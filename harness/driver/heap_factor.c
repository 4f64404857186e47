#include "driver/heap_factor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/xalloc.h"

char *heap_factor_workload(const struct workload_spec *spec)
{
    char *text = xstrdup(spec->workload->name);
    for (size_t i = 0; i < spec->key_setting_count; i++) {
        const struct setting *setting = &spec->key_settings[i];
        char *longer = xprintf("%s%c%s=%s", text, i ? ',' : ':', setting->name, setting->value);
        free(text);
        text = longer;
    }
    return text;
}

static void remember(struct heap_factor *f, const struct workload_spec *spec, unsigned threads)
{
    char *workload = heap_factor_workload(spec);
    bool known = false;
    for (size_t i = 0; i < f->missing_workload_count; i++)
        known |= !strcmp(f->missing_workloads[i], workload);
    if (known)
        free(workload);
    else
        *(char **)xappend(&f->missing_workloads, &f->missing_workload_count, sizeof workload) =
            workload;
    known = false;
    for (size_t i = 0; i < f->missing_threads_count; i++)
        known |= f->missing_threads[i] == threads;
    if (!known)
        *(unsigned *)xappend(&f->missing_threads, &f->missing_threads_count, sizeof threads) =
            threads;
}

/* A row without all its parameters stands for those that its workload has today. */
static bool row_is_of(const struct heap_factor *f, const struct minheap_row *row,
                      const struct workload_spec *spec)
{
    const char *name = spec->workload->name;
    size_t length = strlen(name);
    if (strncmp(row->workload, name, length) ||
        (row->workload[length] && row->workload[length] != ':'))
        return false;
    if (*row->workload_params)
        return !strcmp(row->workload_params, spec->params_text);
    struct workload_spec parsed;
    char why[256];
    if (workload_spec_parse(&parsed, f->catalog, row->workload, why, sizeof why))
        return false;
    bool same = !strcmp(parsed.params_text, spec->params_text);
    workload_spec_free(&parsed);
    return same;
}

int heap_factor_base(struct heap_factor *f, const struct workload_spec *spec, unsigned threads,
                     uint64_t *bytes, char *why, size_t why_bytes)
{
    if (!f->loaded) {
        struct csv_error error;
        int code = minheap_table_load(&f->table, f->path, &error);
        if (code && code != -ENOENT) {
            snprintf(why, why_bytes, "%s", error.text);
            return -EINVAL;
        }
        f->loaded = true;
    }
    *bytes = 0;
    for (size_t i = 0; i < f->table.row_count; i++) {
        const struct minheap_row *row = &f->table.rows[i];
        if (row->minheap_bytes && row->threads == threads && row_is_of(f, row, spec) &&
            (!*bytes || row->minheap_bytes < *bytes))
            *bytes = row->minheap_bytes;
    }
    if (*bytes)
        return 0;
    remember(f, spec, threads);
    return -ENOENT;
}

bool heap_factor_is_missing(const struct heap_factor *f, char *why, size_t why_bytes)
{
    if (!f->missing_workload_count)
        return false;
    char *command = xstrdup("gcmeter minheap");
    for (size_t i = 0; i < f->missing_workload_count; i++) {
        char *longer = xprintf("%s --workload %s", command, f->missing_workloads[i]);
        free(command);
        command = longer;
    }
    for (size_t i = 0; i < f->missing_threads_count; i++) {
        if (f->missing_threads_count == 1 && f->missing_threads[0] == 1)
            break;
        char *longer = xprintf("%s --threads %u", command, f->missing_threads[i]);
        free(command);
        command = longer;
    }
    if (strcmp(f->path, MINHEAP_PATH_DEFAULT)) {
        char *longer = xprintf("%s --out '%s'", command, f->path);
        free(command);
        command = longer;
    }
    snprintf(why, why_bytes, "%s has no minimum heap of %s%s; find it by: %s", f->path,
             f->missing_workloads[0], f->missing_workload_count > 1 ? " and others" : "", command);
    free(command);
    return true;
}

void heap_factor_free(struct heap_factor *f)
{
    minheap_table_free(&f->table);
    for (size_t i = 0; i < f->missing_workload_count; i++)
        free(f->missing_workloads[i]);
    free(f->missing_workloads);
    free(f->missing_threads);
    *f = (struct heap_factor){0};
}
