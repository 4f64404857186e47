#include "data/export_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/printable.h"

int export_check(const struct run_data *run, const struct export_choice *choice,
                 struct csv_error *error)
{
    for (size_t i = 0; i < choice->metric_count; i++) {
        char name[100];
        if (run_data_metric(run, choice->metrics[i]) >= 0)
            continue;
        snprintf(error->text, sizeof error->text,
                 "the run has no metric '%s'; see gcmeter list metrics",
                 printable_copy(name, sizeof name, choice->metrics[i]));
        return -EINVAL;
    }
    return 0;
}

bool export_wants(const struct export_choice *choice, const struct run_data *run, size_t metric)
{
    const struct run_metric *m = &run->metrics[metric];
    for (size_t i = 0; i < choice->metric_count; i++)
        if (strcmp(choice->metrics[i], m->name) == 0)
            return true;
    return choice->metric_count == 0 && (m->better == SCHEMA_LOWER || m->better == SCHEMA_HIGHER);
}

static bool is_part(const struct cell_part *part, const char *text)
{
    return (size_t)part->length == strlen(text) && memcmp(part->text, text, strlen(text)) == 0;
}

char *export_cell_name(const struct run_cell *cell)
{
    const struct cell_parts *p = &cell->parts;
    char *name = NULL;
    size_t length;
    FILE *out = open_memstream(&name, &length);
    if (!out)
        return NULL;
    fprintf(out, "%.*s/%.*s", p->workload.length, p->workload.text, p->backend.length,
            p->backend.text);
    if (!is_part(&p->heap, "none"))
        fprintf(out, "/heap=%.*s", p->heap.length, p->heap.text);
    if (!is_part(&p->threads, "1"))
        fprintf(out, "/threads=%.*s", p->threads.length, p->threads.text);
    if (fclose(out)) {
        free(name);
        return NULL;
    }
    return name;
}

char *export_metric_name(const struct run_metric *metric, char gap)
{
    static const char *const units[] = {"_ns", "_bytes"};
    char *name = strdup(metric->name);
    if (!name)
        return NULL;
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t unit = strlen(units[i]);
        if (length > unit && strcmp(name + length - unit, units[i]) == 0)
            name[length -= unit] = '\0';
    }
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = gap;
    return name;
}
