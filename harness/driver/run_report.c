#include "driver/run_report.h"

#include <string.h>

#include "driver/xalloc.h"

static bool is_variant(const struct run_cell *cell, const char *name, size_t length)
{
    return (size_t)cell->parts.backend.length == length &&
           !memcmp(cell->parts.backend.text, name, length);
}

/* The plain variant of that backend, else its first. */
static const struct run_cell *cell_of_backend(const struct run_data *run, const char *backend,
                                              size_t length)
{
    const struct run_cell *first = NULL;
    for (size_t i = 0; i < run->cell_count; i++) {
        const struct run_cell *cell = &run->cells[i];
        if (is_variant(cell, backend, length))
            return cell;
        if (!first && strlen(cell->backend) == length && !memcmp(cell->backend, backend, length))
            first = cell;
    }
    return first;
}

/* run.csv names backends in the order in which they were asked for. */
static const struct run_cell *first_tracing(const struct run_data *run)
{
    static const char prefix[] = "backend_", suffix[] = "_reclaim";
    for (size_t i = 0; i < run->key_count; i++) {
        const struct run_key *key = &run->keys[i];
        size_t length = strlen(key->key);
        if (strcmp(key->value, "tracing") != 0 || strncmp(key->key, prefix, sizeof prefix - 1) ||
            length < sizeof prefix + sizeof suffix - 1 ||
            strcmp(key->key + length - (sizeof suffix - 1), suffix) != 0)
            continue;
        const struct run_cell *cell = cell_of_backend(
            run, key->key + sizeof prefix - 1, length - (sizeof prefix - 1) - (sizeof suffix - 1));
        if (cell)
            return cell;
    }
    return NULL;
}

const char *report_default_own(const struct run_data *run, size_t *length)
{
    if (run->cell_count == 0)
        return NULL;
    const struct run_cell *cell = first_tracing(run);
    const struct cell_part *part = cell ? &cell->parts.backend : &run->cells[0].parts.backend;
    *length = (size_t)part->length;
    return part->text;
}

static int put_method(const struct report *report)
{
    report_put_method(report);
    return 0;
}

static const struct {
    struct report_part part;
    int (*put)(const struct report *report);
    bool needs_baseline;
} parts[] = {
    {{"summary", "Summary"}, report_put_summary, false},
    {{"verdicts", "Verdicts"}, report_put_verdicts, false},
    {{"changes", "Changes"}, report_put_changes, true},
    {{"workloads", "Workloads"}, report_put_workloads, false},
    {{"fairness", "Fairness"}, report_put_fairness, false},
    {{"method", "Method"}, put_method, false},
    {{"doubts", "What is doubtful"}, report_put_doubts, false},
};
#define PART_COUNT (sizeof parts / sizeof *parts)

static bool has_part(const struct report *report, size_t index)
{
    return !parts[index].needs_baseline || report->changes;
}

int report_write(const struct report *report, const char *title, const char *style)
{
    struct report_part shown[PART_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < PART_COUNT; i++)
        if (has_part(report, i))
            shown[count++] = parts[i].part;
    report_page_begin(report->page, title, style, shown, count);
    const char *command = run_data_key(report->run, "command_line");
    const char *date = run_data_key(report->run, "date");
    const char *model = run_data_key(report->run, "cpu_model");
    const char *cores = run_data_key(report->run, "cores");
    report_page_text(report->page, "%s, %s, on %s with %s processors, by gcmeter %s.",
                     command && *command ? command : "A run", date && *date ? date : "no date",
                     model && *model ? model : "an unnamed processor",
                     cores && *cores ? cores : "an unknown number of",
                     run_data_key(report->run, "gcmeter_version")
                         ? run_data_key(report->run, "gcmeter_version")
                         : "of an unknown version");
    int error = 0;
    for (size_t i = 0; i < PART_COUNT && !error; i++) {
        if (!has_part(report, i))
            continue;
        report_page_part(report->page, &parts[i].part);
        error = parts[i].put(report);
    }
    report_page_end(report->page);
    return error;
}
