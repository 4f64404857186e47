#include "driver/built_runners.h"

#include "data/variant_text.h"
#include "driver/catalog.h"
#include "driver/child.h"
#include "driver/cmd.h"
#include "driver/own_folder.h"
#include "driver/run_files.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 10 * 60 * 1000, BUILD_TIMEOUT_MS = 60 * 60 * 1000 };

/* What a shell or make would act on, in a path that goes through both. */
#define UNSAFE_BYTES " \t\n\"'\\$`*?[]{}()<>|&;#!~%:,="

struct tree_tools {
    const char *backend;
    const char *variant; /* as typed */
    struct progress *progress;
};

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_source_tree(const char *folder)
{
    char *table = xprintf("%s/collectors/backends.def", folder);
    char *makefile = xprintf("%s/Makefile", folder);
    bool is = access(table, R_OK) == 0 && access(makefile, R_OK) == 0;
    free(table);
    free(makefile);
    return is;
}

/* The source tree that `folder`, which is freed, lies in; to be freed, or NULL. */
static char *tree_above(char *folder)
{
    while (folder && !is_source_tree(folder)) {
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder) {
            free(folder);
            return NULL;
        }
        *slash = '\0';
    }
    return folder;
}

static char *find_tree(void)
{
    char *tree = tree_above(realpath(".", NULL));
    return tree ? tree : tree_above(own_folder_find());
}

/* Runs a program to its end. Its stdout, to be freed, or NULL where it failed and the last line of
 * its stderr is in `why`. */
static char *run(const char *const *argv, int timeout_ms, char *why, size_t why_bytes)
{
    struct child_options options = {.path = argv[0], .argv = (char *const *)argv};
    struct child_end end;
    char *out;
    int error = child_capture(&options, 1 << 20, timeout_ms, &out, &end);
    if (error) {
        snprintf(why, why_bytes, "%s cannot be started: %s", argv[0], strerror(-error));
        return NULL;
    }
    if (!end.timed_out && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0)
        return out;
    snprintf(why, why_bytes, "%s",
             end.timed_out           ? "it did not end in time"
             : *end.last_line        ? end.last_line
             : WIFEXITED(end.status) ? "it failed"
                                     : "it was ended by a signal");
    free(out);
    return NULL;
}

/* The first line of the log that names an error, else its last one, into `why`. */
static void find_error(const char *log, char *why, size_t why_bytes)
{
    char line[512];
    FILE *file = fopen(log, "re");
    snprintf(why, why_bytes, "make failed");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        found = strstr(line, "error:") || strstr(line, "cannot find") || strstr(line, "gcmeter:") ||
                strstr(line, "undefined reference");
        if (*line)
            snprintf(why, why_bytes, "%s", line);
    }
    if (file)
        fclose(file);
}

/* Builds the backend's runners in `tree` and returns their folder, to be freed, or NULL: the exit
 * code is in *code, and the user has been told. */
static char *build(const struct tree_tools *t, const char *tree, const char *log,
                   const char *cppflags, const char *ldflags, int *code)
{
    /* A make above this one must not pass its own job server, targets and variables on. */
    static const char script[] =
        "tree=$1 backend=$2 log=$3 cppflags=$4 ldflags=$5\n"
        "unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GNUMAKEFLAGS BUILD\n"
        "set -- DEPS=no\n"
        "[ -z \"$cppflags\" ] || set -- \"$@\" \"CPPFLAGS=$cppflags\" \"LDFLAGS=$ldflags\"\n"
        "cd \"$tree\" || exit\n"
        "runners=$(make -s \"$@\" --eval='gcmeter-runners: ; @printf \"%s\\n\" $(RUNNER_EXES)'"
        " gcmeter-runners 2>\"$log\" | grep -E \"/gcmeter-run-$backend(-[a-z0-9_-]+)?\\$\")\n"
        "[ -n \"$runners\" ] || { echo 'none' >&2; exit 3; }\n"
        /* One that is there may be linked with what the prefix had before. */
        "[ -z \"$cppflags\" ] || rm -f $runners\n"
        "make -j\"$(nproc)\" \"$@\" $runners >>\"$log\" 2>&1 || exit 1\n"
        "printf '%s\\n' \"$tree/$(dirname \"$(echo \"$runners\" | head -n 1)\")\"\n";
    char why[512];
    progress_show(t->progress, t->variant, 0, -1);
    char *out = run(
        (const char *[]){"sh", "-c", script, "sh", tree, t->backend, log, cppflags, ldflags, NULL},
        BUILD_TIMEOUT_MS, why, sizeof why);
    progress_clear(t->progress);
    if (out) {
        out[strcspn(out, "\n")] = '\0';
        return out;
    }
    if (!strcmp(why, "none")) {
        *code = cmd_fail(CMD_MISSING, "%s: backend %s is not built from %s; see %s", t->variant,
                         t->backend, tree, log);
        return NULL;
    }
    find_error(log, why, sizeof why);
    *code = cmd_fail(CMD_MISSING, "%s: its runner cannot be built: %s (the rest is in %s)",
                     t->variant, why, log);
    return NULL;
}

static int no_tree(const struct tree_tools *t)
{
    return cmd_fail(CMD_MISSING,
                    "%s: runners are built from gcmeter's source tree, and neither this folder nor "
                    "gcmeter lies in one; change to it",
                    t->variant);
}

static int make_folders(const char *path)
{
    char why[256];
    char *out = run((const char *[]){"mkdir", "-p", path, NULL}, GIT_TIMEOUT_MS, why, sizeof why);
    int code = out ? -1 : cmd_fail(CMD_MISSING, "%s", why);
    free(out);
    return code;
}

/* The commit that `revision` names, to be freed, or NULL. */
static char *resolve(const char *tree, const char *revision)
{
    char why[256];
    char *name = xprintf("%s^{commit}", revision);
    char *out = run((const char *[]){"git", "-C", tree, "rev-parse", "--verify", "--quiet",
                                     "--end-of-options", name, NULL},
                    GIT_TIMEOUT_MS, why, sizeof why);
    free(name);
    if (out)
        out[strcspn(out, "\n")] = '\0';
    return out;
}

static int build_revision(struct built_runners *built, const struct tree_tools *t,
                          const char *revision)
{
    char *tree = find_tree();
    if (!tree)
        return no_tree(t);
    built->commit = resolve(tree, revision);
    if (!built->commit) {
        int code = cmd_fail(CMD_USAGE, "%s: '%s' is neither a folder nor a revision of %s",
                            t->variant, revision, tree);
        free(tree);
        return code;
    }
    char why[512] = "";
    char *parent = xprintf("%s/build/revisions", tree);
    char *worktree = xprintf("%s/%.12s", parent, built->commit);
    char *log = xprintf("%s.log", worktree);
    int code = make_folders(parent);
    if (code < 0 && !is_source_tree(worktree)) {
        /* Forced, since one that was removed by `make clean` is still known to git. */
        char *out = run((const char *[]){"git", "-C", tree, "worktree", "add", "--force", "--force",
                                         "--detach", "--quiet", worktree, built->commit, NULL},
                        GIT_TIMEOUT_MS, why, sizeof why);
        if (!out)
            code = cmd_fail(CMD_MISSING, "%s: git worktree add: %s", t->variant, why);
        free(out);
    }
    if (code < 0) {
        progress_line(t->progress, false, "building %s from %.12s", t->backend, built->commit);
        built->folder = build(t, worktree, log, "", "", &code);
    }
    free(log);
    free(worktree);
    free(parent);
    free(tree);
    return built->folder ? -1 : code;
}

static int take_folder(struct built_runners *built, const struct tree_tools *t, const char *folder)
{
    for (int i = 0; i < 2; i++) {
        char *place = xprintf("%s%s", folder, i ? "/bin" : "");
        char *runner = xprintf("%s/gcmeter-run-%s", place, t->backend);
        bool found = access(runner, F_OK) == 0;
        free(runner);
        if (found)
            built->folder = realpath(place, NULL);
        free(place);
        if (built->folder)
            return -1;
    }
    return cmd_fail(CMD_MISSING, "%s: there is no gcmeter-run-%s in %s, nor in %s/bin", t->variant,
                    t->backend, folder, folder);
}

/* Header and first library of the backend's row in backends.def; NULL where it has none. */
static void look_up(const char *backend, const char **header, const char **libraries)
{
    static const struct {
        const char *name, *header, *libraries;
    } rows[] = {
#define BACKEND(folder, flavours, header, libraries, package, summary) {#folder, header, libraries},
#include "backends.def"
#undef BACKEND
    };
    *header = *libraries = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, backend) && *rows[i].header) {
            *header = rows[i].header;
            *libraries = rows[i].libraries;
        }
}

/* The folder of PREFIX that has the library `-lNAME…`, to be freed, or NULL. */
static char *find_library(const char *prefix, const char *libraries)
{
    static const char *const places[] = {
        "lib",
        "lib64",
#if defined __x86_64__
        "lib/x86_64-linux-gnu"
#else
        "lib/aarch64-linux-gnu"
#endif
    };
    const char *name = libraries + 2;
    int length = (int)strcspn(name, " ");
    for (size_t i = 0; i < 2 * (sizeof places / sizeof *places); i++) {
        char *folder = xprintf("%s/%s", prefix, places[i / 2]);
        char *file = xprintf("%s/lib%.*s.%s", folder, length, name, i % 2 ? "a" : "so");
        bool found = access(file, R_OK) == 0;
        free(file);
        if (found)
            return folder;
        free(folder);
    }
    return NULL;
}

/* That the runner really uses what it was built for. */
static int check_loaded(const struct built_runners *built, const struct tree_tools *t,
                        const char *prefix)
{
    char *path = xprintf("%s/gcmeter-run-%s", built->folder, t->backend);
    struct catalog_runner runner;
    catalog_describe(&runner, path, NULL);
    int code = -1;
    if (runner.unavailable)
        code = cmd_fail(CMD_MISSING, "%s: %s: %s", t->variant, path, runner.unavailable);
    else if (*runner.library && (strncmp(runner.library, prefix, strlen(prefix)) != 0 ||
                                 runner.library[strlen(prefix)] != '/'))
        code = cmd_fail(CMD_MISSING,
                        "%s: its runner loads %s, not a library of %s; is "
                        "LD_LIBRARY_PATH set?",
                        t->variant, runner.library, prefix);
    catalog_runner_free(&runner);
    free(path);
    return code;
}

static int build_in_prefix(struct built_runners *built, const struct tree_tools *t,
                           const char *prefix, const char *header, const char *library_folder)
{
    char *tree = find_tree();
    if (!tree)
        return no_tree(t);
    const char *cppflags = getenv("CPPFLAGS"), *ldflags = getenv("LDFLAGS");
    char *all_cppflags =
        xprintf("-I%s/include%s%s", prefix, cppflags ? " " : "", cppflags ? cppflags : "");
    /* Not RUNPATH, which LD_LIBRARY_PATH would override. */
    char *all_ldflags = xprintf("-L%s -Wl,--disable-new-dtags,-rpath,%s%s%s", library_folder,
                                library_folder, ldflags ? " " : "", ldflags ? ldflags : "");
    char *parent = xprintf("%s/build/prefixes", tree);
    char *log = xprintf("%s/%s%s.log", parent, t->backend, prefix);
    for (char *c = log + strlen(parent) + 1; *c; c++)
        if (*c == '/')
            *c = '-';
    int code = make_folders(parent);
    if (code < 0) {
        progress_line(t->progress, false, "building %s against %s/include/%s and %s", t->backend,
                      prefix, header, library_folder);
        built->folder = build(t, tree, log, all_cppflags, all_ldflags, &code);
    }
    free(log);
    free(parent);
    free(all_ldflags);
    free(all_cppflags);
    free(tree);
    return built->folder ? check_loaded(built, t, prefix) : code;
}

static int use_prefix(struct built_runners *built, const struct tree_tools *t, const char *folder)
{
    const char *header, *libraries;
    char *prefix = realpath(folder, NULL);
    if (!prefix || !is_folder(prefix)) {
        free(prefix);
        return cmd_fail(CMD_USAGE, "%s: prefix='%s' is not a folder", t->variant, folder);
    }
    look_up(t->backend, &header, &libraries);
    int code = -1;
    char *library_folder = NULL;
    if (!header)
        code = cmd_fail(CMD_USAGE,
                        "%s: backend %s has no library of its own; prefix= is for those "
                        "that have one",
                        t->variant, t->backend);
    else if (prefix[strcspn(prefix, UNSAFE_BYTES)])
        code = cmd_fail(CMD_USAGE,
                        "%s: the path of a prefix may hold neither blanks nor what a "
                        "shell acts on; link to it by another name",
                        t->variant);
    char *header_path = xprintf("%s/include/%s", prefix, header ? header : "");
    if (code < 0 && access(header_path, R_OK) != 0)
        code = cmd_fail(CMD_MISSING,
                        "%s: %s is missing; is the library installed there (make "
                        "install)?",
                        t->variant, header_path);
    free(header_path);
    if (code < 0 && !(library_folder = find_library(prefix, libraries)))
        code = cmd_fail(CMD_MISSING, "%s: there is no lib%.*s.so or .a in %s/lib", t->variant,
                        (int)strcspn(libraries + 2, " "), libraries + 2, prefix);
    if (code < 0)
        code = build_in_prefix(built, t, prefix, header, library_folder);
    free(library_folder);
    free(prefix);
    return code;
}

/* The variant without the settings that say where its runners come from. */
static char *rest_of(const struct variant_text *text)
{
    char *rest = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&rest, &length);
    if (!out)
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    fputs(text->name, out);
    char separator = ':';
    for (size_t i = 0; i < text->setting_count; i++) {
        const struct setting *s = &text->settings[i];
        if (s->name && (!strcmp(s->name, "build") || !strcmp(s->name, "prefix")))
            continue;
        fputc(separator, out);
        separator = ',';
        if (s->name) {
            variant_text_encode(out, s->name);
            fputc('=', out);
        }
        variant_text_encode(out, s->value);
    }
    fclose(out);
    return rest;
}

int built_runners_make(struct built_runners *built, const char *text, struct progress *progress)
{
    struct variant_text parsed;
    char why[512];
    *built = (struct built_runners){0};
    int error = variant_text_parse(&parsed, text, why, sizeof why);
    if (error)
        return cmd_fail(error == -ENOMEM ? CMD_MISSING : CMD_USAGE, "%s", why);
    built->backend = xstrdup(parsed.name);
    built->text = rest_of(&parsed);
    const struct tree_tools tools = {built->backend, text, progress};
    const char *from = variant_text_get(&parsed, "build");
    const char *prefix = variant_text_get(&parsed, "prefix");
    int code = -1;
    if (from && prefix)
        code = cmd_fail(CMD_USAGE, "%s: build= and prefix= exclude each other", text);
    else if (from && is_folder(from))
        code = take_folder(built, &tools, from);
    else if (from)
        code = build_revision(built, &tools, from);
    else if (prefix)
        code = use_prefix(built, &tools, prefix);
    variant_text_free(&parsed);
    if (code >= 0)
        built_runners_free(built);
    return code;
}

void built_runners_free(struct built_runners *built)
{
    free(built->backend);
    free(built->text);
    free(built->folder);
    free(built->commit);
    *built = (struct built_runners){0};
}
