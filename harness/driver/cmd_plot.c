/* cmd_plot.c: `gcmeter plot`: writes the derived tables of a run and has gnuplot draw them by the
 * scripts of plots/. gnuplot is started without a shell, in the folder of the charts, with nothing
 * on its command line but fixed names and numbers; text from the run reaches it in tables only. */
#include "driver/cmd.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/chart_tables.h"
#include "data/derived.h"
#include "data/printable.h"
#include "driver/child.h"
#include "driver/xalloc.h"

/* For one picture; the tables are bounded, so it takes well under a second. */
#define GNUPLOT_TIMEOUT_MS 60000

/* A script that every folder of scripts has. */
#define SCRIPT_ANY "time_ratio.gp"

enum { FORMAT_SVG = 1, FORMAT_PNG = 2, FORMAT_PDF = 4 };

static const struct format {
    const char *name;
    unsigned bit;
} formats[] = {{"svg", FORMAT_SVG}, {"png", FORMAT_PNG}, {"pdf", FORMAT_PDF}};
#define FORMAT_COUNT (sizeof formats / sizeof *formats)

enum { KEY_OUT = 'o', KEY_FORMAT = 'f', KEY_REFERENCE = 'r', KEY_WIDTH = 'w' };

struct request {
    const char *run_folder;
    const char *out_folder;
    const char *reference;
    unsigned formats;
    int width;
};

static const struct argp_option options[] = {
    {"out", KEY_OUT, "DIR", 0, "where the charts go (default: plots in the run's folder)", 0},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "svg, png or pdf, several joined by commas (default: svg,png)", 0},
    {"reference", KEY_REFERENCE, "VARIANT", 0,
     "what ratios are relative to (default: mimalloc, else the first manual backend)", 0},
    {"width", KEY_WIDTH, "COLUMNS", 0, "for 1 or 2 columns of a paper (default: 2)", 0},
    {0},
};

static error_t parse_formats(const struct argp_state *state, const char *words, unsigned *bits)
{
    for (const char *word = words;; word++) {
        size_t length = strcspn(word, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < FORMAT_COUNT; i++)
            if (strlen(formats[i].name) == length && !strncmp(formats[i].name, word, length))
                bit = formats[i].bit;
        if (!bit)
            return cmd_usage(state, "unknown format '%.*s': svg, png or pdf", (int)length, word);
        *bits |= bit;
        word += length;
        if (!*word)
            return 0;
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_OUT:
        if (!*argument)
            return cmd_usage(state, "--out needs the name of a folder");
        request->out_folder = argument;
        return 0;
    case KEY_FORMAT:
        return parse_formats(state, argument, &request->formats);
    case KEY_REFERENCE:
        request->reference = argument;
        return 0;
    case KEY_WIDTH:
        if (strcmp(argument, "1") && strcmp(argument, "2"))
            return cmd_usage(state, "--width is 1 or 2 columns, not '%s'", argument);
        request->width = *argument - '0';
        return 0;
    case ARGP_KEY_ARG:
        if (request->run_folder)
            return cmd_usage(state, "one run at a time: '%s' and '%s'", request->run_folder,
                             argument);
        request->run_folder = argument;
        return 0;
    case ARGP_KEY_END:
        if (!request->run_folder)
            return cmd_usage(state, "which run? gcmeter plot results/latest draws the last one");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Makes `path` and what leads to it. 0 or a negative errno. */
static int make_folders(const char *path)
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

/* The folder of the scripts, absolute, to be freed; NULL after saying why there is none. */
static char *find_scripts(void)
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
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length > 0) {
        own[length] = '\0';
        *strrchr(own, '/') = '\0';
        /* In the tree the program is build/HASH/bin/gcmeter. */
        static const char *const places[] = {"../../../plots", "../share/gcmeter/plots"};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            char *place = xprintf("%s/%s", own, places[i]);
            char *folder = has_scripts(place) ? realpath(place, NULL) : NULL;
            free(place);
            if (folder)
                return folder;
        }
    }
    cmd_fail(CMD_MISSING, "the gnuplot scripts were not found beside the program; "
                          "name their folder in GCMETER_PLOTS");
    return NULL;
}

/* Cairo 1.16 puts the time of day into a PDF; the same run should give the same bytes. */
static void fix_pdf_date(const char *path)
{
    static const char key[] = "/CreationDate (D:";
    static const char fixed[] = "20000101000000";
    FILE *file = fopen(path, "r+e");
    if (!file)
        return;
    size_t matched = 0;
    for (int c; matched < sizeof key - 1 && (c = getc(file)) != EOF;)
        matched = c == key[matched] ? matched + 1 : c == key[0] ? 1 : 0;
    if (matched == sizeof key - 1 && fseek(file, 0, SEEK_CUR) == 0)
        fwrite(fixed, 1, sizeof fixed - 1, file);
    fclose(file);
}

static char *picture_name(const struct chart_page *page, const char *format)
{
    if (page->number == 1)
        return xprintf("%s.%s", page->chart, format);
    return xprintf("%s-%zu.%s", page->chart, page->number, format);
}

/* Draws one picture into the current folder. Returns an exit code. */
static int draw(const struct request *request, const char *scripts, const struct chart_page *page,
                const char *format)
{
    char *name = picture_name(page, format);
    /* A picture appears under its name when it is complete. */
    char *unfinished = xprintf(".%s", name);
    char *settings = xprintf("data='data'; out='%s'; first=%zu; last=%zu; width=%d", unfinished,
                             page->first, page->last, request->width);
    char *script = xprintf("%s/%s.gp", scripts, page->chart);
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
    else if (!strcmp(format, "pdf"))
        fix_pdf_date(unfinished);
    if (code == CMD_DONE && rename(unfinished, name))
        code = cmd_fail(CMD_MISSING, "%s/%s: %s", request->out_folder, name, strerror(errno));
    if (code == CMD_DONE)
        printf("%s/%s\n", request->out_folder, name);
    else
        unlink(unfinished);
    if (!error)
        free(text);
    free(script);
    free(settings);
    free(unfinished);
    free(name);
    return code;
}

/* Removes further pages that an earlier, larger run left. */
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

static int draw_all(const struct request *request, const char *scripts,
                    const struct chart_page *pages, size_t page_count)
{
    /* Numbers are written as C does, whatever the user's locale, and his terminal is not asked. */
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("GNUTERM");
    for (size_t i = 0; i < page_count; i++) {
        bool last = i + 1 == page_count || strcmp(pages[i].chart, pages[i + 1].chart) != 0;
        for (size_t f = 0; f < FORMAT_COUNT; f++) {
            if (!(request->formats & formats[f].bit))
                continue;
            int code = draw(request, scripts, &pages[i], formats[f].name);
            if (code != CMD_DONE)
                return code;
            if (last)
                remove_stale(pages[i].chart, pages[i].number, formats[f].name);
        }
    }
    return CMD_DONE;
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

static int plot_run(const struct request *request, const struct run_data *run, const char *scripts)
{
    struct csv_error error;
    struct chart_plan plan;
    if (chart_plan_make(&plan, run, request->reference, &error))
        return cmd_fail(CMD_USAGE, "%s", error.text);
    char *tables = xprintf("%s/data", request->out_folder);
    struct chart_page *pages = NULL;
    size_t page_count = 0;
    int code = CMD_DONE;
    int failed = make_folders(tables);
    if (failed) {
        code = cmd_fail(CMD_MISSING, "%s: %s", tables, strerror(-failed));
    } else {
        failed = chart_tables_write(&plan, tables, &pages, &page_count, &error);
        if (failed)
            code = cmd_fail(failed == -EBADMSG ? CMD_USAGE : CMD_MISSING, "%s", error.text);
        else if (chdir(request->out_folder))
            code = cmd_fail(CMD_MISSING, "%s: %s", request->out_folder, strerror(errno));
        else
            code = draw_all(request, scripts, pages, page_count);
    }
    free(pages);
    free(tables);
    chart_plan_free(&plan);
    return code;
}

int cmd_plot(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "DIR",
        "Draw the charts of the run in DIR with gnuplot.\v"
        "Charts: time_ratio, time_memory, lbo, stop_cdf, mmu, stalls, latency_hdr, memory_time; of "
        "runs with several heap limits also time_space and time_limit. The tables that they are "
        "drawn from are kept in data/ beside them; each script in plots/ says how to run it by "
        "hand. GCMETER_PLOTS names another folder of scripts.",
        NULL,
        NULL,
        NULL};
    struct request request = {.width = 2};
    int code = cmd_parse(&argp, argc, argv, &request);
    if (code >= 0)
        return code;
    if (!request.formats)
        request.formats = FORMAT_SVG | FORMAT_PNG;
    char *scripts = find_scripts();
    if (!scripts)
        return CMD_MISSING;
    char *default_out = xprintf("%s/plots", request.run_folder);
    if (!request.out_folder)
        request.out_folder = default_out;
    struct run_data *run = NULL;
    struct csv_error error;
    int failed = run_data_load(&run, request.run_folder, &error);
    if (failed) {
        code = cmd_fail(failed == -ENOMEM ? CMD_MISSING : CMD_USAGE, "%s", error.text);
    } else if (run->cell_count == 0) {
        char shown[256];
        code = cmd_fail(CMD_USAGE, "%s holds no finished invocation: there is nothing to draw",
                        printable_copy(shown, sizeof shown, request.run_folder));
    } else {
        code = complete_run(run);
        if (code == CMD_DONE)
            code = plot_run(&request, run, scripts);
    }
    run_data_free(run);
    free(default_out);
    free(scripts);
    return code;
}
