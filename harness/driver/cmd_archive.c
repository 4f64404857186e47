/* cmd_archive.c: `gcmeter archive`: a run with its charts in one file, from which they can be drawn
 * again with gnuplot alone. */
#include "driver/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sha256.h"
#include "data/printable.h"
#include "driver/child.h"
#include "driver/draw_charts.h"
#include "driver/picture_note.h"
#include "driver/shared_file.h"
#include "driver/tar_gz.h"
#include "driver/xalloc.h"

enum { KEY_OUT = 'o' };

#define ENDING ".tar.gz"

/* What every PNG in it has behind its header, besides what gnuplot drew. */
#define NOTE "note.chunks"

/* Of the folder in the archive; a member's whole name has room for 100 bytes. */
#define FOLDER_MOST 40

struct request {
    const char *run_folder;
    const char *out;
    struct draw_request draw;
};

static const struct argp_option option_table[] = {
    {"out", KEY_OUT, "FILE", 0, "the archive (default: the run's folder with " ENDING ")", 0},
    DRAW_OPTIONS,
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case KEY_OUT:
        if (!*argument)
            return cmd_usage(state, "--out needs the name of a file");
        request->out = argument;
        return 0;
    case ARGP_KEY_ARG:
        return cmd_take_run(state, &request->run_folder, argument);
    case ARGP_KEY_END:
        if (!request->run_folder)
            return cmd_usage(state, "which run? gcmeter archive results/latest keeps the last one");
        return 0;
    default:
        return draw_take(&request->draw, state, key, argument);
    }
}

/* What goes into the archive, and how far it is. */
struct archive {
    struct tar_gz *tar;
    char *folder;     /* of all members */
    char *command;    /* that made the charts */
    const char *path; /* of the archive while it is made */
    FILE *sums;       /* a line for each member, as of sha256sum */
    FILE *rules;      /* of its Makefile: a line for each picture */
};

static int fail(const char *what, int error)
{
    char shown[512];
    return cmd_fail(CMD_MISSING, "%s: %s", printable_copy(shown, sizeof shown, what),
                    strerror(-error));
}

static int note_sum(struct archive *archive, const char *name, const char *checksum)
{
    fprintf(archive->sums, "%s  %s\n", checksum, name);
    return CMD_DONE;
}

static int add_file(struct archive *archive, const char *name, const char *path)
{
    char checksum[SHA256_TEXT_BYTES];
    int error = tar_gz_add_file(archive->tar, archive->folder, name, path, checksum);
    return error ? fail(path, error) : note_sum(archive, name, checksum);
}

static int add_text(struct archive *archive, const char *name, const char *text)
{
    char checksum[SHA256_TEXT_BYTES];
    int error = tar_gz_add_text(archive->tar, archive->folder, name, text, checksum);
    return error ? fail(archive->path, error) : note_sum(archive, name, checksum);
}

/* Names that need no care anywhere, so that a folder of a user's own files does no harm. */
static bool is_plain(const char *name)
{
    return *name && *name != '.' && *name != '-' &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && !strcmp(name + length - end, ending);
}

static int is_member(const struct dirent *entry)
{
    return is_plain(entry->d_name);
}

/* Adds the files of `path` whose names end in `ending` as AS/NAME, by name. */
static int add_folder(struct archive *archive, const char *path, const char *ending, const char *as)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_member, alphasort);
    if (count < 0)
        return fail(path, -errno);
    int code = CMD_DONE;
    for (int i = 0; i < count; i++) {
        if (code == CMD_DONE && ends_with(entries[i]->d_name, ending)) {
            char *file = xprintf("%s/%s", path, entries[i]->d_name);
            char *name = xprintf("%s/%s", as, entries[i]->d_name);
            struct stat status;
            if (stat(file, &status))
                code = fail(file, -errno);
            else if (S_ISREG(status.st_mode))
                code = add_file(archive, name, file);
            free(name);
            free(file);
        }
        free(entries[i]);
    }
    free(entries);
    return code;
}

/* Only the files of a run, whatever else a user keeps in its folder. */
static int add_run(struct archive *archive, const struct run_data *run)
{
    int code = CMD_DONE;
    for (size_t i = 0; i < SCHEMA_FILE_COUNT && code == CMD_DONE; i++) {
        char *file = xprintf("%s/%s", run->folder, schema_files[i].name);
        char *name = xprintf("run/%s", schema_files[i].name);
        if (access(file, F_OK) == 0)
            code = add_file(archive, name, file);
        free(name);
        free(file);
    }
    return code;
}

static int add_shared(struct archive *archive, const char *name)
{
    char *path = shared_file_find(name, name);
    if (!path)
        return cmd_fail(CMD_MISSING,
                        "%s was not found beside the program, nor under "
                        "share/gcmeter: install gcmeter again",
                        name);
    int code = add_file(archive, name, path);
    free(path);
    return code;
}

static void take_picture(void *data, const char *name, const struct chart_page *page)
{
    struct archive *archive = data;
    fprintf(archive->rules, "$(eval $(call PICTURE,%s,%s,%zu,%zu))\n", name, page->chart,
            page->first, page->last);
}

static int add_note(struct archive *archive, const struct request *request)
{
    char *path = xprintf("%s/" NOTE, request->draw.out_folder);
    size_t length;
    char *chunks = picture_note_png_chunks(archive->command, &length);
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(chunks, 1, length, file) == length;
    written = file && fclose(file) == 0 && written;
    int code = written ? add_file(archive, "charts/" NOTE, path) : fail(path, -errno);
    free(chunks);
    free(path);
    return code;
}

/* The same environment, settings and notes as draw_charts() gives. */
static char *makefile_text(const struct request *request, const char *rules)
{
    return xprintf("# Draws the charts again, into redrawn/, by gnuplot from the tables in "
                   "charts/data.\n"
                   "#   make          all pictures\n"
                   "#   make check    and whether they are those in charts/, byte for byte\n"
                   "#   make verify   whether the files here are those of README.md\n"
                   "SHELL := /bin/sh\n"
                   "export LC_ALL := C.UTF-8\n"
                   "unexport GNUTERM\n"
                   "GNUPLOT ?= gnuplot\n"
                   "PICTURES :=\n"
                   "\n"
                   ".PHONY: all check verify clean\n"
                   ".DELETE_ON_ERROR:\n"
                   "all:\n"
                   "\n"
                   "# gnuplot writes no text into a PNG: what made it, put behind its header.\n"
                   "NOTE = $(if $(filter %%.png,$(1)),@{ head -c %d $(1) && cat charts/" NOTE
                   " && tail -c +%d $(1); } >$(1).noted && mv $(1).noted $(1))\n"
                   "\n"
                   "# $(1) picture, $(2) chart, $(3) first panel, $(4) last one\n"
                   "define PICTURE\n"
                   "redrawn/$(1): plots/$(2).gp\n"
                   "\t@mkdir -p redrawn\n"
                   "\t$$(GNUPLOT) -d -e \"data='charts/data'; out='redrawn/$(1)'; first=$(3); "
                   "last=$(4); width=%d\" plots/$(2).gp\n"
                   "\t$$(call NOTE,redrawn/$(1))\n"
                   "PICTURES += $(1)\n"
                   "endef\n"
                   "%s"
                   "\n"
                   "all: $(PICTURES:%%=redrawn/%%)\n"
                   "\n"
                   "# A PDF has the time of day in it.\n"
                   "check: all\n"
                   "\t@for p in $(filter-out %%.pdf,$(PICTURES)); do cmp charts/$$p redrawn/$$p || "
                   "exit 1; done\n"
                   "\n"
                   "verify:\n"
                   "\tgrep '^[0-9a-f]\\{64\\}  ' README.md | sha256sum -c --quiet\n"
                   "\n"
                   "clean:\n"
                   "\trm -rf redrawn\n",
                   PICTURE_NOTE_PNG_AT, PICTURE_NOTE_PNG_AT + 1, request->draw.width, rules);
}

/* The first line that gnuplot --version prints, to be freed. */
static char *gnuplot_version(void)
{
    char program[] = "gnuplot", option[] = "--version";
    char *argv[] = {program, option, NULL};
    struct child_options child = {.path = program, .argv = argv};
    struct child_end end;
    char *text;
    if (child_capture(&child, 1 << 12, 10000, &text, &end))
        return xstrdup("gnuplot");
    text[strcspn(text, "\n")] = '\0';
    char *shown = xstrdup(*text ? text : "gnuplot");
    free(text);
    return shown;
}

static char *readme_text(const struct run_data *run, const char *sums)
{
    static const struct {
        const char *key;
        const char *says;
    } told[] = {{"command_line", "command"},         {"date", "date"},
                {"gcmeter_version", "gcmeter"},      {"git_commit", "commit"},
                {"cpu_model", "processor"},          {"cores", "cores"},
                {"memory_bytes", "memory in bytes"}, {"kernel", "kernel"}};
    char *facts = xstrdup(""), *gnuplot = gnuplot_version();
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const char *value = run_data_key(run, told[i].key);
        char shown[1024];
        if (!value || !*value)
            continue;
        char *more = xprintf("%s- %s: %s\n", facts, told[i].says,
                             printable_copy(shown, sizeof shown, value));
        free(facts);
        facts = more;
    }
    char *text = xprintf(
        "# A run of gcmeter\n\n%s"
        "- charts drawn by: %s\n\n"
        "`run/` holds the result files as they were measured, the environment in `run/run.csv`; "
        "`charts/` the pictures and, in `charts/data/`, the tables that they were drawn from; "
        "`plots/` the scripts that drew them. `make` draws every picture again, into "
        "`redrawn/`; it needs make and gnuplot, and no network. `make check` compares them "
        "with those in `charts/`: the same gnuplot gives the same bytes, but for the date in a "
        "PDF; "
        "a PNG has the note of what made it from `charts/" NOTE
        "`. Whoever uses these figures cites `CITATION.cff`.\n\n"
        "`make verify` checks the files against these SHA-256 checksums:\n\n"
        "%s",
        facts, gnuplot, sums);
    free(facts);
    free(gnuplot);
    return text;
}

/* Seconds after 1970 of the run's date, 0 where it has none. */
static int64_t run_time(const struct run_data *run)
{
    struct tm tm = {0};
    const char *date = run_data_key(run, "date");
    if (!date || !strptime(date, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return 0;
    return timegm(&tm);
}

/* The texts are complete only when all else is in. */
static int add_texts(struct archive *archive, const struct request *request,
                     const struct run_data *run, char **rules, char **sums)
{
    fclose(archive->rules);
    archive->rules = NULL;
    char *makefile = makefile_text(request, *rules);
    int code = add_text(archive, "Makefile", makefile);
    free(makefile);
    if (code != CMD_DONE)
        return code;
    fclose(archive->sums);
    archive->sums = NULL;
    char *readme = readme_text(run, *sums);
    char checksum[SHA256_TEXT_BYTES];
    int error = tar_gz_add_text(archive->tar, archive->folder, "README.md", readme, checksum);
    free(readme);
    return error ? fail(archive->path, error) : CMD_DONE;
}

static int fill(struct archive *archive, const struct request *request, const struct run_data *run,
                const char *scripts, char **rules, char **sums)
{
    char *tables = xprintf("%s/data", request->draw.out_folder);
    int code = add_run(archive, run);
    if (code == CMD_DONE)
        code = add_folder(archive, tables, ".csv", "charts/data");
    for (size_t f = 0; f < DRAW_FORMAT_COUNT && code == CMD_DONE; f++)
        if (request->draw.formats & draw_formats[f].bit)
            code = add_folder(archive, request->draw.out_folder, draw_formats[f].name, "charts");
    if (code == CMD_DONE && (request->draw.formats & DRAW_PNG))
        code = add_note(archive, request);
    if (code == CMD_DONE)
        code = add_folder(archive, scripts, ".gp", "plots");
    if (code == CMD_DONE)
        code = add_shared(archive, "CITATION.cff");
    if (code == CMD_DONE)
        code = add_shared(archive, "LICENSE");
    if (code == CMD_DONE)
        code = add_texts(archive, request, run, rules, sums);
    free(tables);
    return code;
}

/* The archive appears under its name when it is complete. */
static int write_archive(struct archive *archive, const struct request *request,
                         const struct run_data *run, char **rules, char **sums)
{
    char *scripts = draw_find_scripts();
    if (!scripts)
        return CMD_MISSING;
    char *unfinished = xprintf("%s.partial", request->out);
    archive->path = unfinished;
    int code;
    int error = tar_gz_open(&archive->tar, unfinished, run_time(run));
    if (error) {
        code = fail(unfinished, error);
    } else {
        code = fill(archive, request, run, scripts, rules, sums);
        error = tar_gz_close(archive->tar);
        if (error && code == CMD_DONE)
            code = fail(unfinished, error);
        if (code == CMD_DONE && rename(unfinished, request->out))
            code = fail(request->out, -errno);
        if (code == CMD_DONE)
            printf("%s\n", request->out);
        else
            unlink(unfinished);
    }
    free(unfinished);
    free(scripts);
    return code;
}

static char *member_folder(const char *out)
{
    const char *slash = strrchr(out, '/');
    char *name = xstrdup(slash ? slash + 1 : out);
    if (ends_with(name, ENDING))
        name[strlen(name) - strlen(ENDING)] = '\0';
    if (is_plain(name) && strlen(name) <= FOLDER_MOST)
        return name;
    free(name);
    return xstrdup("gcmeter-run");
}

static void remove_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            char *inside = xprintf("%s/%s", path, name);
            if (unlink(inside) && (errno == EISDIR || errno == EPERM))
                remove_folder(inside);
            free(inside);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    rmdir(path);
}

static int archive_run(struct request *request, const struct run_data *run)
{
    struct archive archive = {.folder = member_folder(request->out)};
    char *rules = NULL, *sums = NULL;
    size_t rules_length, sums_length;
    const char *place = getenv("TMPDIR");
    char *charts = xprintf("%s/gcmeter-XXXXXX", place && *place ? place : "/tmp");
    archive.rules = open_memstream(&rules, &rules_length);
    archive.sums = open_memstream(&sums, &sums_length);
    int code = CMD_DONE;
    if (!archive.rules || !archive.sums)
        code = cmd_fail(CMD_MISSING, "out of memory");
    else if (!mkdtemp(charts))
        code = fail(charts, -errno);
    if (code == CMD_DONE) {
        request->draw.out_folder = charts;
        request->draw.drawn = take_picture;
        request->draw.drawn_data = &archive;
        request->draw.command = &archive.command;
        request->draw.leaves_pdf = true;
        code = draw_charts(&request->draw, run);
        if (code == CMD_DONE)
            code = write_archive(&archive, request, run, &rules, &sums);
        remove_folder(charts);
    }
    if (archive.rules)
        fclose(archive.rules);
    if (archive.sums)
        fclose(archive.sums);
    free(rules);
    free(sums);
    free(charts);
    free(archive.folder);
    free(archive.command);
    return code;
}

int cmd_archive(int argc, char **argv)
{
    static const struct argp argp = {
        option_table,
        parse,
        "DIR",
        "Put the run in DIR with its charts into one file, to keep or to publish.\v"
        "The archive holds the result files, the environment, the charts with the tables and the "
        "scripts that they are drawn from, and a Makefile that draws them again with gnuplot alone "
        "and compares them. The same run gives the same archive.",
        NULL,
        NULL,
        NULL};
    struct request request = {.draw = {.width = 2}};
    int code = cmd_parse(&argp, argc, argv, &request);
    if (code >= 0)
        return code;
    if (!request.draw.formats)
        request.draw.formats = DRAW_SVG | DRAW_PNG;
    /* The name of the run, not of a link to it. */
    char *real = realpath(request.run_folder, NULL);
    char *default_out = xprintf("%s" ENDING, real ? real : request.run_folder);
    free(real);
    if (!request.out)
        request.out = default_out;
    struct run_data *run;
    code = draw_load_run(&run, request.run_folder);
    if (code == CMD_DONE) {
        code = archive_run(&request, run);
        run_data_free(run);
    }
    free(default_out);
    return code;
}
