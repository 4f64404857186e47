#include "driver/report_charts.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/chart_tables.h"
#include "driver/xalloc.h"

const char *const report_charts_by_panel[] = {"stop_cdf",    "stop_timeline", "mmu",    "stalls",
                                              "latency_hdr", "memory_time",   "warmup", NULL};

static bool is_by_panel(const struct report *report, const char *chart)
{
    for (size_t i = 0; report_charts_by_panel[i]; i++)
        if (!strcmp(report_charts_by_panel[i], chart))
            return !report->page->markdown;
    return false;
}

/* The titles of a chart's panels, from its table. */
struct titles {
    char **titles;
    size_t count;
    size_t column;
    size_t row;
};

/* As the tables of charts have it: a percent sign, comma and backslash as %25, %2C and %5C. */
static void decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '%' && !strncmp(from, "%2C", 3))
            *to++ = ',';
        else if (*from == '%' && !strncmp(from, "%25", 3))
            *to++ = '%';
        else if (*from == '%' && !strncmp(from, "%5C", 3))
            *to++ = '\\';
        else {
            *to++ = *from;
            continue;
        }
        from += 2;
    }
    *to = '\0';
}

static void on_field(void *text, size_t length, void *data)
{
    struct titles *titles = data;
    if (titles->row > 0 && titles->column == 1) {
        char *title = xprintf("%.*s", (int)length, (const char *)text);
        decode(title);
        *(char **)xappend(&titles->titles, &titles->count, sizeof title) = title;
    }
    titles->column++;
}

static void on_row(int terminator, void *data)
{
    struct titles *titles = data;
    (void)terminator;
    titles->row++;
    titles->column = 0;
}

static int read_titles(struct titles *titles, const char *folder, const char *chart)
{
    *titles = (struct titles){0};
    char *path = xprintf("%s/data/%s.panels.csv", folder, chart);
    FILE *in = fopen(path, "re");
    int error = in ? 0 : -errno;
    free(path);
    struct csv_parser parser;
    if (!error && csv_init(&parser, CSV_STRICT | CSV_APPEND_NULL))
        error = -ENOMEM;
    if (!error) {
        char buffer[4096];
        size_t length;
        while (!error && (length = fread(buffer, 1, sizeof buffer, in)) > 0)
            if (csv_parse(&parser, buffer, length, on_field, on_row, titles) != length)
                error = -EBADMSG;
        csv_fini(&parser, on_field, on_row, titles);
        csv_free(&parser);
    }
    if (in)
        fclose(in);
    return error == -ENOENT ? 0 : error;
}

/* The panel with the longest title that `title` begins with: a chart may add to it. */
static const struct chart_panel *panel_of(const struct report *report, const char *title)
{
    const struct chart_panel *found = NULL;
    size_t longest = 0;
    for (size_t p = 0; p < report->plan.panel_count; p++) {
        const struct chart_panel *panel = &report->plan.panels[p];
        size_t length = strlen(panel->title);
        if (length >= longest && !strncmp(panel->title, title, length)) {
            found = panel;
            longest = length;
        }
    }
    return found;
}

/* gcmeter plot numbers the pictures of a chart from 1, and leaves that one out. */
static int find_chart(struct report_charts *charts, const struct report *report, const char *chart)
{
    struct titles titles = {0};
    bool by_panel = is_by_panel(report, chart);
    int error = by_panel ? read_titles(&titles, report->charts_folder, chart) : 0;
    for (size_t number = 1; !error; number++) {
        char *file = number == 1 ? xprintf("%s.svg", chart) : xprintf("%s-%zu.svg", chart, number);
        char *path = xprintf("%s/%s", report->charts_folder, file);
        bool exists = access(path, R_OK) == 0;
        free(path);
        if (!exists) {
            free(file);
            break;
        }
        struct report_picture *picture =
            xappend(&charts->pictures, &charts->count, sizeof *picture);
        *picture = (struct report_picture){
            .file = file,
            .chart = chart,
            .panel = number <= titles.count ? panel_of(report, titles.titles[number - 1]) : NULL,
        };
    }
    for (size_t i = 0; i < titles.count; i++)
        free(titles.titles[i]);
    free(titles.titles);
    return error;
}

int report_charts_find(struct report_charts *charts, const struct report *report)
{
    *charts = (struct report_charts){0};
    int error = 0;
    for (size_t c = 0; chart_names[c] && report->charts_folder && !error; c++)
        error = find_chart(charts, report, chart_names[c]);
    return error;
}

void report_charts_free(struct report_charts *charts)
{
    for (size_t i = 0; i < charts->count; i++)
        free(charts->pictures[i].file);
    free(charts->pictures);
    *charts = (struct report_charts){0};
}

int report_charts_put(const struct report_charts *charts, const struct report *report,
                      const struct chart_panel *panel)
{
    bool begun = false;
    int error = 0;
    for (size_t i = 0; i < charts->count && !error; i++) {
        const struct report_picture *picture = &charts->pictures[i];
        if (picture->panel != panel)
            continue;
        if (!begun)
            report_page_pictures_begin(report->page);
        begun = true;
        char *path = xprintf("%s/%s", report->charts_folder, picture->file);
        char *link = xprintf("%s/%s", report->charts_link, picture->file);
        char *label = panel ? xprintf("%s of %s", picture->chart, panel->title)
                            : xprintf("%s of all workloads", picture->chart);
        for (char *c = label; *c && c < label + strlen(picture->chart); c++)
            if (*c == '_')
                *c = ' ';
        error = report_page_picture(report->page, path, link, label, panel == NULL);
        free(label);
        free(link);
        free(path);
    }
    if (begun)
        report_page_pictures_end(report->page);
    return error;
}
