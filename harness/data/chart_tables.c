#include "data/chart_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/chart_sweep.h"
#include "data/chart_table.h"
#include "data/chart_writers.h"

/* More panels than this in a column go on to a further page: those of a paper have room for no
 * more. So do more rows of the chart that lists cells, or more blocks of them. */
#define PANELS_PER_COLUMN 3
#define ROWS_PER_PAGE     60
#define BLOCKS_PER_PAGE   12

enum panels {
    OF_PLAN,
    OF_SWEEPS, /* the heap sweeps */
    OF_ITSELF, /* as many as the writer says */
};

struct chart {
    const char *name;
    int (*write)(const struct chart_plan *plan, const char *folder, struct csv_error *error);
    bool rows; /* one row per cell */
    enum panels panels;
};

static const struct chart charts[] = {
#define CHART(name, rows, panels) {#name, chart_##name##_write, rows, panels},
#include "data/charts.def"
#undef CHART
};
#define CHART_COUNT (sizeof charts / sizeof *charts)

const char *const chart_names[] = {
#define CHART(name, rows, panels) #name,
#include "data/charts.def"
#undef CHART
    NULL};

static int write_series(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    struct chart_table *table;
    int code =
        chart_table_open(&table, folder, "series.csv", "series,label,backend,variant", error);
    if (code)
        return code;
    for (size_t i = 0; i < plan->series_count; i++) {
        chart_table_int(table, (int64_t)i + 1);
        chart_table_text(table, plan->series[i].label);
        chart_table_text(table, plan->series[i].backend);
        chart_table_int(table, plan->series[i].variant);
        chart_table_row(table);
    }
    return chart_table_close(table, error);
}

static void put_key(struct chart_table *table, const char *key, const char *value)
{
    chart_table_text(table, key);
    chart_table_text(table, value);
    chart_table_row(table);
}

char *chart_tables_command(const struct chart_plan *plan)
{
    const char *run_command = run_data_key(plan->run, "command_line");
    char *command;
    int length =
        asprintf(&command, "%s; gcmeter plot --reference %s",
                 run_command ? run_command : "gcmeter run", plan->series[plan->reference].label);
    return length < 0 ? NULL : command;
}

/* What holds for all charts. */
static int write_keys(const struct chart_plan *plan, const char *folder, struct csv_error *error)
{
    const char *reference = plan->series[plan->reference].label;
    const char *date = run_data_key(plan->run, "date");
    char *command = chart_tables_command(plan);
    if (!command)
        return -ENOMEM;
    struct chart_table *table;
    int code = chart_table_open(&table, folder, "chart.csv", "key,value", error);
    if (!code) {
        put_key(table, "reference", reference);
        put_key(table, "command", command);
        put_key(table, "date", date ? date : "");
        code = chart_table_close(table, error);
    }
    free(command);
    return code;
}

/* Removes what a run with more panels left there. */
static void remove_stale(const char *folder, const char *chart, size_t panel_count)
{
    static const char *const endings[] = {"csv", "collections.csv"};
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
        bool removed = true;
        for (size_t p = panel_count + 1; removed; p++) {
            char *path;
            if (asprintf(&path, "%s/%s.%zu.%s", folder, chart, p, endings[e]) < 0)
                return;
            removed = unlink(path) == 0;
            free(path);
        }
    }
}

int chart_tables_write(const struct chart_plan *plan, const char *folder, int width,
                       struct chart_page **pages, size_t *page_count, struct csv_error *error)
{
    *pages = NULL;
    *page_count = 0;
    error->text[0] = '\0';
    struct chart_sweeps sweeps = {0};
    int code = chart_sweeps_make(&sweeps, plan);
    size_t sweep_count = sweeps.count;
    chart_sweeps_free(&sweeps);
    struct chart_page *made = NULL;
    if (!code)
        code = write_series(plan, folder, error);
    if (!code)
        code = write_keys(plan, folder, error);
    size_t count = 0;
    for (size_t c = 0; c < CHART_COUNT && !code; c++) {
        size_t panel_count = charts[c].panels == OF_SWEEPS ? sweep_count : plan->panel_count;
        code = charts[c].write(plan, folder, error);
        if (code >= 0 && charts[c].panels == OF_ITSELF) {
            panel_count = (size_t)code;
            code = 0;
        }
        remove_stale(folder, charts[c].name, panel_count);
        size_t per_page =
            charts[c].rows ? BLOCKS_PER_PAGE : PANELS_PER_COLUMN * (size_t)(width == 1 ? 1 : 2);
        if (charts[c].rows && charts[c].panels == OF_ITSELF)
            per_page = 1;
        else if (charts[c].rows && per_page * (plan->series_count + 1) > ROWS_PER_PAGE)
            per_page = ROWS_PER_PAGE / (plan->series_count + 1) + 1;
        for (size_t first = 1, number = 1; first <= panel_count; first += per_page) {
            size_t last = first + per_page - 1;
            if (last > panel_count)
                last = panel_count;
            struct chart_page *grown = realloc(made, (count + 1) * sizeof *grown);
            if (!grown) {
                code = -ENOMEM;
                break;
            }
            made = grown;
            made[count++] = (struct chart_page){charts[c].name, first, last, number++};
        }
    }
    if (code) {
        if (!error->text[0])
            snprintf(error->text, sizeof error->text, "%s", strerror(-code));
        free(made);
        return code;
    }
    *pages = made;
    *page_count = count;
    return 0;
}
