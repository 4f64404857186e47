/* draw_charts.c: gnuplot is started without a shell, in the folder of the charts, with nothing on
 * its command line but fixed names and numbers; text from the run reaches it in tables only. */
#include "driver/draw_charts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/processors.h"
#include "data/derived.h"
#include "data/printable.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/own_folder.h"
#include "driver/picture_note.h"
#include "driver/xalloc.h"

/* For one picture; the tables are bounded, so it takes well under a second. */
#define GNUPLOT_TIMEOUT_MS 60000

/* A script that every folder of scripts has. */
#define SCRIPT_ANY "time_ratio.gp"

const struct draw_format draw_formats[DRAW_FORMAT_COUNT] = {
    {"svg", DRAW_SVG}, {"png", DRAW_PNG}, {"pdf", DRAW_PDF}};

static error_t parse_formats(const struct argp_state *state, const char *words,
                             struct draw_request *request)
{
    for (const char *word = words;; word++) {
        size_t length = strcspn(word, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < DRAW_FORMAT_COUNT; i++)
            if (strlen(draw_formats[i].name) == length &&
                !strncmp(draw_formats[i].name, word, length))
                bit = draw_formats[i].bit;
        if (!bit)
            return cmd_usage(state, "unknown format '%.*s': svg, png or pdf", (int)length, word);
        request->formats |= bit;
        word += length;
        if (!*word)
            return 0;
    }
}

static error_t parse_width(const struct argp_state *state, const char *columns,
                           struct draw_request *request)
{
    if (strcmp(columns, "1") != 0 && strcmp(columns, "2") != 0)
        return cmd_usage(state, "--width is 1 or 2 columns, not '%s'", columns);
    request->width = *columns - '0';
    return 0;
}

error_t draw_take(struct draw_request *request, const struct argp_state *state, int key,
                  const char *text)
{
    switch (key) {
    case DRAW_KEY_FORMAT:
        return parse_formats(state, text, request);
    case DRAW_KEY_REFERENCE:
        request->reference = text;
        return 0;
    case DRAW_KEY_WIDTH:
        return parse_width(state, text, request);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int draw_make_folders(const char *path)
{
    char *part = xstrdup(path);
    int error = 0;
    for (char *end = part + 1; !error; end++) {
        char c = *end;
        if (c != '/' && c != '\0')
            continue;
        *end = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            error = -errno;
        *end = c;
        if (c == '\0')
            break;
    }
    free(part);
    struct stat status;
    if (!error && stat(path, &status))
        error = -errno;
    if (!error && !S_ISDIR(status.st_mode))
        error = -ENOTDIR;
    return error;
}

static bool has_scripts(const char *folder)
{
    char *path = xprintf("%s/" SCRIPT_ANY, folder);
    bool readable = access(path, R_OK) == 0;
    free(path);
    return readable;
}

char *draw_find_scripts(void)
{
    const char *named = getenv("GCMETER_PLOTS");
    if (named && *named) {
        char *folder = realpath(named, NULL);
        if (folder && has_scripts(folder))
            return folder;
        free(folder);
        cmd_fail(CMD_MISSING,
                 "GCMETER_PLOTS names %s, which has no gnuplot scripts (" SCRIPT_ANY ")", named);
        return NULL;
    }
    char *own = own_folder_find();
    /* In the tree the program is build/HASH/bin/gcmeter. */
    static const char *const places[] = {"../../../plots", "../share/gcmeter/plots"};
    char *folder = NULL;
    for (size_t i = 0; own && !folder && i < sizeof places / sizeof *places; i++) {
        char *place = xprintf("%s/%s", own, places[i]);
        folder = has_scripts(place) ? realpath(place, NULL) : NULL;
        free(place);
    }
    free(own);
    if (folder)
        return folder;
    cmd_fail(CMD_MISSING, "the gnuplot scripts were not found beside the program; "
                          "name their folder in GCMETER_PLOTS");
    return NULL;
}

static char *picture_name(const struct chart_page *page, const char *format)
{
    if (page->number == 1)
        return xprintf("%s.%s", page->chart, format);
    return xprintf("%s-%zu.%s", page->chart, page->number, format);
}

static bool is_by_panel(const struct draw_request *request, const char *chart)
{
    for (size_t i = 0; request->by_panel && request->by_panel[i]; i++)
        if (!strcmp(request->by_panel[i], chart))
            return true;
    return false;
}

/* What is drawn, in how many pictures, by which scripts. */
struct drawing {
    const struct draw_request *request;
    const char *scripts;
    const char *command; /* that made the charts */
    const struct chart_page *pages;
    size_t page_count;
};

/* Says in the picture `unfinished` what made it. One that is not as known is left as it is. */
static int note(const struct drawing *drawing, const char *unfinished,
                const struct chart_page *page, const char *format)
{
    int error = 0;
    if (!strcmp(format, "png")) {
        error = picture_note_png(unfinished, drawing->command);
    } else if (!strcmp(format, "pdf") && !drawing->request->leaves_pdf) {
        char *title = xprintf("gcmeter: %s", page->chart);
        error = picture_note_pdf(unfinished, title, drawing->command);
        free(title);
    }
    if (!error || error == -EBADMSG)
        return CMD_DONE;
    return cmd_fail(CMD_MISSING, "%s/%s: %s", drawing->request->out_folder, unfinished,
                    strerror(-error));
}

/* Draws one picture into the current folder. Returns an exit code. */
static int draw(const struct drawing *drawing, const struct chart_page *page, const char *format)
{
    const struct draw_request *request = drawing->request;
    char *name = picture_name(page, format);
    /* A picture appears under its name when it is complete. */
    char *unfinished = xprintf(".%s", name);
    char *settings =
        xprintf("data='data'; out='%s'; first=%zu; last=%zu; width=%d", unfinished, page->first,
                page->last, is_by_panel(request, page->chart) ? 1 : request->width);
    char *script = xprintf("%s/%s.gp", drawing->scripts, page->chart);
    char program[] = "gnuplot", defaults[] = "-d", execute[] = "-e";
    char *argv[] = {program, defaults, execute, settings, script, NULL};
    struct child_options child = {.path = program, .argv = argv};
    struct child_end end;
    char *text;
    int code = CMD_DONE;
    int error = child_capture(&child, 1 << 16, GNUPLOT_TIMEOUT_MS, &text, &end);
    if (error == -ENOENT)
        code = cmd_fail(CMD_MISSING, "gnuplot is missing: apt-get install gnuplot-nox");
    else if (error)
        code = cmd_fail(CMD_MISSING, "gnuplot cannot be started: %s", strerror(-error));
    else if (end.timed_out)
        code = cmd_fail(CMD_MISSING, "gnuplot did not finish %s within %d s", name,
                        GNUPLOT_TIMEOUT_MS / 1000);
    else if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0)
        code = cmd_fail(CMD_MISSING, "gnuplot could not draw %s: %s", name,
                        *end.last_line ? end.last_line : "it says nothing");
    else
        code = note(drawing, unfinished, page, format);
    if (code == CMD_DONE && rename(unfinished, name))
        code = cmd_fail(CMD_MISSING, "%s/%s: %s", request->out_folder, name, strerror(errno));
    if (code != CMD_DONE)
        unlink(unfinished);
    if (!error)
        free(text);
    free(script);
    free(settings);
    free(unfinished);
    free(name);
    return code;
}

/* Removes pages beyond the last one, which an earlier, larger run left. */
static void remove_stale(const char *chart, size_t last_number, const char *format)
{
    bool removed = true;
    for (size_t number = last_number + 1; removed; number++) {
        struct chart_page page = {.chart = chart, .number = number};
        char *name = picture_name(&page, format);
        removed = unlink(name) == 0;
        free(name);
    }
}

static size_t last_number(const char *chart, const struct chart_page *pages, size_t page_count)
{
    size_t last = 0;
    for (size_t i = 0; i < page_count; i++)
        if (!strcmp(pages[i].chart, chart))
            last = pages[i].number;
    return last;
}

struct picture {
    const struct chart_page *page;
    const char *format;
};

static size_t format_count(const struct draw_request *request)
{
    size_t count = 0;
    for (size_t f = 0; f < DRAW_FORMAT_COUNT; f++)
        count += (request->formats & draw_formats[f].bit) != 0;
    return count;
}

static size_t picture_count(const struct drawing *drawing)
{
    return drawing->page_count * format_count(drawing->request);
}

/* Every page in every format, page by page. */
static struct picture picture_at(const struct drawing *drawing, size_t index)
{
    const struct draw_request *request = drawing->request;
    size_t f = 0, skip = index % format_count(request);
    while (!(request->formats & draw_formats[f].bit) || skip-- > 0)
        f++;
    return (struct picture){&drawing->pages[index / format_count(request)], draw_formats[f].name};
}

/* Every `step`-th picture from `first` on, up to the first that fails. */
static int draw_some(const struct drawing *drawing, size_t first, size_t step)
{
    int code = CMD_DONE;
    for (size_t i = first; i < picture_count(drawing) && code == CMD_DONE; i += step) {
        struct picture picture = picture_at(drawing, i);
        code = draw(drawing, picture.page, picture.format);
    }
    return code;
}

/* The first picture alone, so that what fails for all of them is told once; the others by a process
 * per processor. */
static int draw_first_then_rest(const struct drawing *drawing)
{
    size_t count = picture_count(drawing);
    int code = draw_some(drawing, 0, count ? count : 1);
    if (code != CMD_DONE || count < 2)
        return code;
    size_t worker_count = processors_count();
    if (worker_count > count - 1)
        worker_count = count - 1;
    pid_t *workers = xcalloc(worker_count, sizeof *workers);
    for (size_t w = 1; w < worker_count; w++) {
        workers[w] = fork();
        if (workers[w] == 0)
            _exit(draw_some(drawing, 1 + w, worker_count));
    }
    code = draw_some(drawing, 1, worker_count);
    for (size_t w = 1; w < worker_count; w++) {
        int status = 0;
        int failed = CMD_DONE;
        if (workers[w] < 0)
            failed = draw_some(drawing, 1 + w, worker_count);
        else if (waitpid(workers[w], &status, 0) < 0 || !WIFEXITED(status))
            failed = cmd_fail(CMD_MISSING, "a process that draws was ended");
        else
            failed = WEXITSTATUS(status);
        if (code == CMD_DONE)
            code = failed;
    }
    free(workers);
    return code;
}

static int draw_all(const struct drawing *drawing)
{
    const struct draw_request *request = drawing->request;
    /* Numbers are written as C does, whatever the user's locale, and his terminal is not asked. */
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("GNUTERM");
    for (size_t f = 0; f < DRAW_FORMAT_COUNT; f++) {
        if (!(request->formats & draw_formats[f].bit))
            continue;
        for (size_t c = 0; chart_names[c]; c++)
            remove_stale(chart_names[c],
                         last_number(chart_names[c], drawing->pages, drawing->page_count),
                         draw_formats[f].name);
    }
    int code = draw_first_then_rest(drawing);
    for (size_t p = 0; code == CMD_DONE && p < picture_count(drawing); p++) {
        struct picture picture = picture_at(drawing, p);
        char *name = picture_name(picture.page, picture.format);
        if (request->list)
            fprintf(request->list, "%s/%s\n", request->out_folder, name);
        if (request->drawn)
            request->drawn(request->drawn_data, name, picture.page);
        free(name);
    }
    return code;
}

/* gnuplot works in the folder of the charts, whose path is thus not on its command line. */
static int draw_there(const struct drawing *drawing)
{
    const char *out_folder = drawing->request->out_folder;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || chdir(out_folder)) {
        int code = cmd_fail(CMD_MISSING, "%s: %s", out_folder, strerror(errno));
        if (here >= 0)
            close(here);
        return code;
    }
    int code = draw_all(drawing);
    if (fchdir(here))
        code = cmd_fail(CMD_MISSING, "cannot go back to the current folder: %s", strerror(errno));
    close(here);
    return code;
}

/* A run that was cut off, or is of an earlier gcmeter, lacks its derived files. Where its folder
 * may not be written, the charts, which do not need them, are drawn all the same. */
static int complete_run(const struct run_data *run)
{
    struct csv_error error;
    int failed = derived_exist(run->folder) ? 0 : derived_write(run, &error);
    if (!failed || failed == -EACCES || failed == -EROFS)
        return CMD_DONE;
    return cmd_fail(failed == -EBADMSG ? CMD_USAGE : CMD_MISSING, "%s", error.text);
}

/* Gives each panel of the charts that are drawn by panel a page of its own. */
static void split_pages(const struct draw_request *request, struct chart_page **pages,
                        size_t *page_count)
{
    struct chart_page *split = NULL;
    size_t count = 0;
    for (size_t i = 0; i < *page_count; i++) {
        const struct chart_page page = (*pages)[i];
        if (!is_by_panel(request, page.chart)) {
            *(struct chart_page *)xappend(&split, &count, sizeof *split) = page;
            continue;
        }
        for (size_t p = page.first; p <= page.last; p++)
            *(struct chart_page *)xappend(&split, &count, sizeof *split) =
                (struct chart_page){page.chart, p, p, p};
    }
    free(*pages);
    *pages = split;
    *page_count = count;
}

static int draw_run(const struct draw_request *request, const struct run_data *run,
                    const char *scripts)
{
    struct csv_error error;
    struct chart_plan plan;
    if (chart_plan_make(&plan, run, request->reference, &error))
        return cmd_fail(CMD_USAGE, "%s", error.text);
    plan.comparison = request->comparison;
    plan.history = request->history;
    plan.gate = request->gate;
    char *command = chart_tables_command(&plan);
    char *tables = xprintf("%s/data", request->out_folder);
    struct chart_page *pages = NULL;
    size_t page_count = 0;
    int code = CMD_DONE;
    int failed = draw_make_folders(tables);
    if (!command) {
        code = cmd_fail(CMD_MISSING, "out of memory");
    } else if (failed) {
        code = cmd_fail(CMD_MISSING, "%s: %s", tables, strerror(-failed));
    } else {
        failed = chart_tables_write(&plan, tables, request->width, &pages, &page_count, &error);
        if (!failed)
            split_pages(request, &pages, &page_count);
        if (failed)
            code = cmd_fail(failed == -EBADMSG ? CMD_USAGE : CMD_MISSING, "%s", error.text);
        else
            code = draw_there(&(struct drawing){request, scripts, command, pages, page_count});
    }
    free(pages);
    free(tables);
    if (request->command)
        *request->command = command;
    else
        free(command);
    chart_plan_free(&plan);
    return code;
}

int draw_charts(const struct draw_request *request, const struct run_data *run)
{
    char *scripts = draw_find_scripts();
    if (!scripts)
        return CMD_MISSING;
    int code = complete_run(run);
    if (code == CMD_DONE)
        code = draw_run(request, run, scripts);
    free(scripts);
    return code;
}

int draw_load_run(struct run_data **run, const char *folder)
{
    struct csv_error error;
    *run = NULL;
    int failed = run_data_load(run, folder, &error);
    if (failed)
        return cmd_fail_reading(failed, &error);
    if ((*run)->cell_count > 0)
        return CMD_DONE;
    run_data_free(*run);
    *run = NULL;
    char shown[256];
    return cmd_fail(CMD_USAGE, "%s holds no finished invocation: there is nothing to draw",
                    printable_copy(shown, sizeof shown, folder));
}
