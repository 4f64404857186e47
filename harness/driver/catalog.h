/* catalog.h: what there is to run: every backend of which a runner or a row of backends.def is
 * known, as `--describe` (harness/runner/PROTOCOL.md) tells it. */
#ifndef DRIVER_CATALOG_H
#define DRIVER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum catalog_option_kind {
    CATALOG_FLAG,
    CATALOG_NUMBER,
    CATALOG_BYTES,
    CATALOG_CHOICE,
};

struct catalog_option {
    char *name;
    enum catalog_option_kind kind;
    char *unit;
    char *default_text; /* canonical: a decimal number or a word of `choices` */
    int64_t min, max;   /* both allowed; unused for a choice */
    char *choices;      /* words joined by '|' */
    char *help;
};

struct catalog_param {
    char *name;
    char *unit;
    uint64_t default_value, min, max;
    char *help;
};

struct catalog_workload {
    char *name;
    char *operation;
    char *summary;
    bool takes_threads;
    bool is_requests;
    bool needs_finalizers; /* capabilities of the backend, of the same names */
    bool needs_weak;
    struct catalog_param *params;
    size_t param_count;
};

/* A variant with option=value is run by the runner of that flavour. */
struct catalog_use_flavour {
    char *flavour;
    char *option;
    char *value;
};

/* What a fair comparison must say of a backend (harness/runner/PROTOCOL.md). */
struct catalog_fact {
    char *name;
    char *text;
};

/* One runner: an executable. What it says of itself holds for its own flavour. */
struct catalog_runner {
    char *path;
    char *flavour;     /* "" for the plain one */
    char *unavailable; /* why it cannot be used, or NULL */
    char *name;
    char *summary;
    char *version;
    char *header_version;
    char *library;
    char *compiler;
    char *flags;
    char *reclaim;      /* tracing, manual or never */
    char *capabilities; /* words joined by blanks */
    char *needs;
    bool has_callgrind; /* it marks its measured part for valgrind's callgrind */
    bool has_event_log; /* it takes --event-log, and logs in the layout of base/event_file.h */
    struct catalog_fact *facts;
    size_t fact_count;
    struct catalog_option *options;
    size_t option_count;
    struct catalog_use_flavour *use_flavours;
    size_t use_flavour_count;
    struct catalog_workload *workloads;
    size_t workload_count;
};

struct catalog_backend {
    char *name;
    char *summary;
    char *unavailable; /* why it cannot be used, or NULL */
    char *package;     /* the package that brings its library, or "" */
    struct catalog_runner *runners;
    size_t runner_count;
    /* The plain runner, which describes the backend; NULL where there is none that answers. */
    const struct catalog_runner *plain;
};

struct catalog {
    struct catalog_backend *backends; /* rows of backends.def first, in their order */
    size_t backend_count;
    char *unreadable; /* the first folder that could not be searched, and why, or NULL */
    char *no_runner;  /* see catalog_no_runner() */
    int shortage;     /* negative errno: runners could not be started, or looked for */
};

/* Finds the runners in gcmeter's own folder and along GCMETER_PATH, and asks each what it is. What
 * cannot be used is in the catalog with the reason. Freed by catalog_free(). */
void catalog_discover(struct catalog *catalog);
/* The same for the runners of one backend only, in `folder` alone (NULL: where catalog_discover()
 * looks). */
void catalog_discover_one(struct catalog *catalog, const char *folder, const char *backend);
void catalog_free(struct catalog *catalog);

/* Asks the runner at `path` what it is, with the shared libraries of `library_dir` first (NULL: as
 * they are found). Its `unavailable` is set where it did not say. Freed by catalog_runner_free().
 */
void catalog_describe(struct catalog_runner *runner, const char *path, const char *library_dir);
void catalog_runner_free(struct catalog_runner *runner);

const struct catalog_backend *catalog_backend(const struct catalog *catalog, const char *name);

/* The runner of that flavour ("": the plain one), or NULL. */
const struct catalog_runner *catalog_runner(const struct catalog_backend *backend,
                                            const char *flavour);

const struct catalog_workload *catalog_workload(const struct catalog_runner *runner,
                                                const char *name);

/* The first runner that knows a workload of that name tells what it is. NULL: none does. */
const struct catalog_workload *catalog_any_workload(const struct catalog *catalog,
                                                    const char *name);

/* The workloads of all usable runners, each name once, in the order in which they are described.
 * The array, not what it points to, is freed by the caller. */
const struct catalog_workload **catalog_workloads(const struct catalog *catalog, size_t *count);

/* Whether `words` (joined by blanks) has `word`. */
bool catalog_has_word(const char *words, const char *word);

/* Why nothing can be measured with these runners, with what to do: there is none, or the machine is
 * short of what it takes to start them, so that more of them may be missing than are said to be.
 * NULL where something can. */
const char *catalog_no_runner(const struct catalog *catalog);

#endif
