#include "driver/catalog.h"

#include "base/event_file.h"
#include "data/printable.h"
#include "driver/child.h"
#include "driver/own_folder.h"
#include "driver/runner_env.h"
#include "driver/xalloc.h"

#include <csv.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DESCRIBE_TIMEOUT_MS = 5000, DESCRIBE_BYTES = 1 << 20, FIELD_COUNT = 12 };

static const char runner_prefix[] = "gcmeter-run-";

/* One row of --describe, as it is read. */
struct description {
    struct catalog_runner *runner;
    char *fields[FIELD_COUNT];
    size_t field_count;
    size_t row; /* from 1 */
    bool saw_protocol;
    char *problem; /* what is wrong with the first bad row, or NULL */
};

static void problem(struct description *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void problem(struct description *d, const char *format, ...)
{
    if (d->problem)
        return;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    d->problem = xprintf("--describe, row %zu: %s", d->row, text);
}

static const char *field(const struct description *d, size_t index)
{
    return index < d->field_count ? d->fields[index] : "";
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = xstrdup(with);
}

static void add_word(char **words, const char *word)
{
    char *longer = xprintf("%s%s%s", *words, **words ? " " : "", word);
    free(*words);
    *words = longer;
}

static bool is_name(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool parse_signed(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return (isdigit((unsigned char)*text) || *text == '-') && *end == '\0' && errno == 0;
}

static bool parse_unsigned(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && *end == '\0' && errno == 0;
}

bool catalog_has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *w = words; *w; w += strspn(w, " ")) {
        size_t n = strcspn(w, " ");
        if (n == length && !memcmp(w, word, n))
            return true;
        w += n;
    }
    return false;
}

static bool has_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (const char *c = choices;; c++) {
        size_t n = strcspn(c, "|");
        if (n == length && n > 0 && !memcmp(c, word, n))
            return true;
        c += n;
        if (!*c)
            return false;
    }
}

static void read_fact(struct description *d)
{
    struct catalog_runner *r = d->runner;
    for (size_t i = 0; i < r->fact_count; i++)
        if (!strcmp(r->facts[i].name, field(d, 1)))
            problem(d, "the fact %s is told twice", field(d, 1));
    if (!is_name(field(d, 1)))
        problem(d, "'%s' cannot be the name of a fact", field(d, 1));
    if (d->problem)
        return;
    struct catalog_fact *fact = xappend(&r->facts, &r->fact_count, sizeof *fact);
    fact->name = xstrdup(field(d, 1));
    fact->text = xstrdup(field(d, 2));
}

static void read_option(struct description *d)
{
    static const char *const kinds[] = {"flag", "number", "bytes", "choice"};
    struct catalog_option option = {0};
    size_t kind = 0;
    while (kind < 4 && strcmp(field(d, 2), kinds[kind]))
        kind++;
    option.kind = (enum catalog_option_kind)kind;
    int64_t value = 0;
    if (!is_name(field(d, 1)) || !strcmp(field(d, 1), "label") || !strcmp(field(d, 1), "lib") ||
        !strcmp(field(d, 1), "prefix") || !strcmp(field(d, 1), "build")) {
        problem(d, "'%s' cannot be the name of an option", field(d, 1));
    } else if (kind == 4) {
        problem(d, "option %s has the kind '%s'; there are flag, number, bytes and choice",
                field(d, 1), field(d, 2));
    } else if (option.kind == CATALOG_CHOICE) {
        if (!has_choice(field(d, 7), field(d, 4)))
            problem(d, "the default '%s' of option %s is none of its choices", field(d, 4),
                    field(d, 1));
    } else if (!parse_signed(field(d, 4), &value) || !parse_signed(field(d, 5), &option.min) ||
               !parse_signed(field(d, 6), &option.max) || value < option.min ||
               value > option.max) {
        problem(d, "option %s needs a default within its bounds", field(d, 1));
    }
    if (d->problem)
        return;
    struct catalog_runner *r = d->runner;
    option.name = xstrdup(field(d, 1));
    option.unit = xstrdup(field(d, 3));
    option.default_text =
        option.kind == CATALOG_CHOICE ? xstrdup(field(d, 4)) : xprintf("%lld", (long long)value);
    option.choices = xstrdup(field(d, 7));
    option.help = xstrdup(field(d, 8));
    *(struct catalog_option *)xappend(&r->options, &r->option_count, sizeof option) = option;
}

static void read_workload(struct description *d)
{
    struct catalog_runner *r = d->runner;
    if (!is_name(field(d, 1)) || catalog_workload(r, field(d, 1))) {
        problem(d, "'%s' is no new name of a workload", field(d, 1));
        return;
    }
    struct catalog_workload *w = xappend(&r->workloads, &r->workload_count, sizeof *w);
    w->name = xstrdup(field(d, 1));
    w->operation = xstrdup(field(d, 2));
    w->takes_threads = has_choice(field(d, 3), "threads");
    w->is_requests = has_choice(field(d, 3), "requests");
    w->needs_finalizers = has_choice(field(d, 3), "finalizers");
    w->needs_weak = has_choice(field(d, 3), "weak");
    w->summary = xstrdup(field(d, 4));
}

static void read_param(struct description *d)
{
    struct catalog_workload *w = NULL;
    for (size_t i = 0; i < d->runner->workload_count; i++)
        if (!strcmp(d->runner->workloads[i].name, field(d, 1)))
            w = &d->runner->workloads[i];
    struct catalog_param p = {0};
    if (!w)
        problem(d, "a parameter of '%s', which no row has named", field(d, 1));
    else if (!is_name(field(d, 2)))
        problem(d, "'%s' cannot be the name of a parameter", field(d, 2));
    else if (!parse_unsigned(field(d, 4), &p.default_value) ||
             !parse_unsigned(field(d, 5), &p.min) || !parse_unsigned(field(d, 6), &p.max) ||
             p.default_value < p.min || p.default_value > p.max)
        problem(d, "parameter %s of %s needs a default within its bounds", field(d, 2),
                field(d, 1));
    if (d->problem)
        return;
    p.name = xstrdup(field(d, 2));
    p.unit = xstrdup(field(d, 3));
    p.help = xstrdup(field(d, 7));
    *(struct catalog_param *)xappend(&w->params, &w->param_count, sizeof p) = p;
}

static void read_row(struct description *d)
{
    struct catalog_runner *r = d->runner;
    const char *key = field(d, 0);
    const char *value = field(d, 1);
    struct {
        const char *key;
        char **text;
    } texts[] = {
        {"name", &r->name},       {"flavour", &r->flavour},
        {"summary", &r->summary}, {"version", &r->version},
        {"library", &r->library}, {"header_version", &r->header_version},
        {"flags", &r->flags},     {"compiler", &r->compiler},
        {"reclaim", &r->reclaim}, {"unavailable", &r->unavailable},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(key, texts[i].key))
            replace(texts[i].text, value);
    if (!strcmp(key, "protocol")) {
        d->saw_protocol = true;
        if (strcmp(value, "1"))
            problem(d, "it speaks protocol %s, this gcmeter speaks 1", value);
    } else if (!strcmp(key, "name") && !is_name(value)) {
        problem(d, "'%s' cannot be the name of a backend", value);
    } else if (!strcmp(key, "reclaim") && strcmp(value, "tracing") && strcmp(value, "manual") &&
               strcmp(value, "never")) {
        problem(d, "reclaim is '%s'; there are tracing, manual and never", value);
    } else if (!strcmp(key, "event_log")) {
        char known[24];
        snprintf(known, sizeof known, "%d", EVENT_FILE_VERSION);
        r->has_event_log = !strcmp(value, known);
    } else if (!strcmp(key, "callgrind")) {
        r->has_callgrind = !strcmp(value, "1");
    } else if (!strcmp(key, "capability")) {
        add_word(&r->capabilities, value);
    } else if (!strcmp(key, "need")) {
        add_word(&r->needs, value);
    } else if (!strcmp(key, "fact")) {
        read_fact(d);
    } else if (!strcmp(key, "option")) {
        read_option(d);
    } else if (!strcmp(key, "use_flavour")) {
        struct catalog_use_flavour *use =
            xappend(&r->use_flavours, &r->use_flavour_count, sizeof *use);
        use->flavour = xstrdup(value);
        use->option = xstrdup(field(d, 2));
        use->value = xstrdup(field(d, 3));
    } else if (!strcmp(key, "workload")) {
        read_workload(d);
    } else if (!strcmp(key, "param")) {
        read_param(d);
    }
}

static void on_field(void *text, size_t length, void *data)
{
    struct description *d = data;
    if (d->field_count == FIELD_COUNT)
        return;
    char *copy = xcalloc(length + 1, 1);
    if (length)
        memcpy(copy, text, length);
    /* It is shown by lists and in messages, and stands in run.csv: nothing in it may act there. */
    size_t room = 4 * length + 1;
    char *printable = xcalloc(room, 1);
    d->fields[d->field_count++] = printable_copy(printable, room, copy);
    free(copy);
}

static void on_row(int terminator, void *data)
{
    struct description *d = data;
    (void)terminator;
    d->row++;
    if (!d->problem)
        read_row(d);
    for (size_t i = 0; i < d->field_count; i++)
        free(d->fields[i]);
    d->field_count = 0;
}

static char *check_description(const struct description *d)
{
    const struct catalog_runner *r = d->runner;
    if (d->problem)
        return xstrdup(d->problem);
    if (!d->saw_protocol)
        return xstrdup("--describe has no row 'protocol'");
    if (!*r->name)
        return xstrdup("--describe has no row 'name'");
    const char *base = strrchr(r->path, '/');
    base = base ? base + 1 : r->path;
    char *expected =
        xprintf("%s%s%s%s", runner_prefix, r->name, *r->flavour ? "-" : "", r->flavour);
    bool same = !strcmp(base, expected);
    char *reason = same ? NULL : xprintf("it describes itself as %s", expected);
    free(expected);
    if (!reason && !*r->reclaim && !r->unavailable)
        reason = xstrdup("--describe has no row 'reclaim'");
    return reason;
}

/* Why --describe gave nothing to read, or NULL. */
static char *check_end(const struct child_end *end, size_t out_bytes)
{
    if (end->timed_out)
        return xprintf("--describe did not end within %d s", DESCRIBE_TIMEOUT_MS / 1000);
    if (WIFSIGNALED(end->status))
        return xprintf("--describe was ended by signal %d (SIG%s)", WTERMSIG(end->status),
                       sigabbrev_np(WTERMSIG(end->status)));
    if (WEXITSTATUS(end->status) == 0)
        return out_bytes ? NULL : xstrdup("--describe printed nothing");
    return *end->last_line
               ? xstrdup(end->last_line)
               : xprintf("--describe ended with exit code %d", WEXITSTATUS(end->status));
}

/* Returns 0, or the negative errno of starting it, which is in `unavailable` too. */
static int describe(struct catalog_runner *runner, const char *path, const char *library_dir)
{
    *runner = (struct catalog_runner){
        .path = xstrdup(path),
        .flavour = xstrdup(""),
        .name = xstrdup(""),
        .summary = xstrdup(""),
        .version = xstrdup(""),
        .library = xstrdup(""),
        .header_version = xstrdup(""),
        .compiler = xstrdup(""),
        .flags = xstrdup(""),
        .reclaim = xstrdup(""),
        .capabilities = xstrdup(""),
        .needs = xstrdup(""),
    };
    char *argv[] = {runner->path, (char[]){"--describe"}, NULL};
    char **env = runner_env_create(library_dir, 0);
    struct child_options options = {.path = path, .argv = argv, .env = env};
    struct child_end end;
    char *out = NULL;
    int error = child_capture(&options, DESCRIBE_BYTES, DESCRIBE_TIMEOUT_MS, &out, &end);
    runner_env_free(env);
    if (error) {
        runner->unavailable = xprintf("it cannot be started: %s", strerror(-error));
        return error;
    }
    char *reason = check_end(&end, strlen(out));
    struct description d = {.runner = runner};
    struct csv_parser parser;
    /* A runner that refuses its library still says what it is, whatever its exit code. */
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) == 0) {
        size_t length = strlen(out);
        bool bad = csv_parse(&parser, out, length, on_field, on_row, &d) != length ||
                   csv_fini(&parser, on_field, on_row, &d) != 0;
        if (bad) {
            d.row++;
            problem(&d, "malformed CSV");
        }
        csv_free(&parser);
    }
    for (size_t i = 0; i < d.field_count; i++)
        free(d.fields[i]);
    free(out);
    if (!reason)
        reason = check_description(&d);
    free(d.problem);
    if (reason && !runner->unavailable)
        runner->unavailable = reason;
    else
        free(reason);
    return 0;
}

void catalog_describe(struct catalog_runner *runner, const char *path, const char *library_dir)
{
    describe(runner, path, library_dir);
}

void catalog_runner_free(struct catalog_runner *r)
{
    char *texts[] = {r->path,    r->flavour,        r->unavailable, r->name,     r->summary,
                     r->version, r->header_version, r->library,     r->compiler, r->flags,
                     r->reclaim, r->capabilities,   r->needs};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < r->fact_count; i++) {
        free(r->facts[i].name);
        free(r->facts[i].text);
    }
    free(r->facts);
    for (size_t i = 0; i < r->option_count; i++) {
        free(r->options[i].name);
        free(r->options[i].unit);
        free(r->options[i].default_text);
        free(r->options[i].choices);
        free(r->options[i].help);
    }
    free(r->options);
    for (size_t i = 0; i < r->use_flavour_count; i++) {
        free(r->use_flavours[i].flavour);
        free(r->use_flavours[i].option);
        free(r->use_flavours[i].value);
    }
    free(r->use_flavours);
    for (size_t i = 0; i < r->workload_count; i++) {
        struct catalog_workload *w = &r->workloads[i];
        for (size_t j = 0; j < w->param_count; j++) {
            free(w->params[j].name);
            free(w->params[j].unit);
            free(w->params[j].help);
        }
        free(w->params);
        free(w->name);
        free(w->operation);
        free(w->summary);
    }
    free(r->workloads);
}

static struct catalog_backend *add_backend(struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->backend_count; i++)
        if (!strcmp(catalog->backends[i].name, name))
            return &catalog->backends[i];
    struct catalog_backend *backend =
        xappend(&catalog->backends, &catalog->backend_count, sizeof *backend);
    backend->name = xstrdup(name);
    backend->summary = xstrdup("");
    backend->package = xstrdup("");
    return backend;
}

static int is_runner(const struct dirent *entry)
{
    return !strncmp(entry->d_name, runner_prefix, sizeof runner_prefix - 1);
}

static bool is_known(const struct catalog *catalog, const char *file)
{
    for (size_t i = 0; i < catalog->backend_count; i++)
        for (size_t j = 0; j < catalog->backends[i].runner_count; j++)
            if (!strcmp(strrchr(catalog->backends[i].runners[j].path, '/') + 1, file))
                return true;
    return false;
}

/* Those of the backend `only`, or of all where it is NULL. */
static void search_folder(struct catalog *catalog, const char *folder, const char *only)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_runner, alphasort);
    if (count < 0 && !catalog->unreadable) {
        int error = -errno;
        catalog->unreadable = xprintf("%s cannot be read: %s", folder, strerror(-error));
        if (child_shortage_remedy(error))
            catalog->shortage = error;
    }
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        char *path = xprintf("%s/%s", folder, file);
        /* The first of a name is the one that is run, as in PATH. */
        if (!is_known(catalog, file) && !catalog->shortage) {
            /* The part up to the first '-', which no name of a backend has. */
            char *name = xstrdup(file + sizeof runner_prefix - 1);
            char *flavour = strchr(name, '-');
            if (flavour)
                *flavour++ = '\0';
            bool wanted = is_name(name) && (!only || !strcmp(only, name));
            if (wanted && access(path, X_OK)) {
                /* One that can be run may follow. */
                struct catalog_backend *backend = add_backend(catalog, name);
                if (!flavour && !backend->unavailable)
                    backend->unavailable = xprintf("%s cannot be run: %s", path, strerror(errno));
            } else if (wanted) {
                struct catalog_backend *backend = add_backend(catalog, name);
                struct catalog_runner *runner =
                    xappend(&backend->runners, &backend->runner_count, sizeof *runner);
                int error = describe(runner, path, NULL);
                if (child_shortage_remedy(error))
                    catalog->shortage = error;
                if (flavour && !*runner->flavour)
                    replace(&runner->flavour, flavour);
            }
            free(name);
        }
        free(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void settle(struct catalog_backend *backend)
{
    const struct catalog_runner *plain = catalog_runner(backend, "");
    if (!plain && backend->unavailable)
        return;
    free(backend->unavailable);
    backend->unavailable = NULL;
    if (!plain) {
        backend->unavailable =
            *backend->package ? xprintf("not built: its library is missing (apt-get install %s, "
                                        "then make)",
                                        backend->package)
                              : xprintf("no runner %s%s", runner_prefix, backend->name);
        return;
    }
    if (*plain->summary)
        replace(&backend->summary, plain->summary);
    if (plain->unavailable && *backend->package)
        backend->unavailable = xprintf("%s: %s (apt-get install %s)", plain->path,
                                       plain->unavailable, backend->package);
    else if (plain->unavailable)
        backend->unavailable = xprintf("%s: %s", plain->path, plain->unavailable);
    else
        backend->plain = plain;
}

/* What to say where nothing can be measured, or NULL. */
static char *no_runner(const struct catalog *catalog, bool knows_own_folder)
{
    if (catalog->shortage)
        return xprintf("no runner can be started: %s; %s", strerror(-catalog->shortage),
                       child_shortage_remedy(catalog->shortage));
    for (size_t i = 0; i < catalog->backend_count; i++)
        if (catalog->backends[i].plain)
            return NULL;
    if (!knows_own_folder)
        return xprintf("no runner can be used: " OWN_FOLDER_UNKNOWN
                       ", or name the folder of the runners in GCMETER_PATH");
    if (catalog->unreadable)
        return xprintf("no runner can be used: %s", catalog->unreadable);
    return xprintf("no runner can be used: %s; see gcmeter list backends, or build them with make",
                   catalog->backends[0].unavailable);
}

static void discover(struct catalog *catalog, const char *folder, const char *only)
{
    static const struct {
        const char *name, *package, *summary;
    } rows[] = {
#define BACKEND(folder, flavours, header, libraries, package, summary) {#folder, package, summary},
#include "backends.def"
#undef BACKEND
    };
    *catalog = (struct catalog){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct catalog_backend *backend = add_backend(catalog, rows[i].name);
        replace(&backend->package, rows[i].package);
        replace(&backend->summary, rows[i].summary);
    }
    char *own = folder ? xstrdup(folder) : own_folder_find();
    bool knows_own_folder = own != NULL;
    if (own)
        search_folder(catalog, own, only);
    free(own);
    const char *path = folder ? NULL : getenv("GCMETER_PATH");
    char *folders = xstrdup(path ? path : "");
    char *rest = folders;
    for (char *next; (next = strsep(&rest, ":"));)
        if (*next)
            search_folder(catalog, next, only);
    free(folders);
    for (size_t i = 0; i < catalog->backend_count; i++)
        settle(&catalog->backends[i]);
    catalog->no_runner = no_runner(catalog, knows_own_folder);
}

void catalog_discover(struct catalog *catalog)
{
    discover(catalog, NULL, NULL);
}

void catalog_discover_one(struct catalog *catalog, const char *folder, const char *backend)
{
    discover(catalog, folder, backend);
}

void catalog_free(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->backend_count; i++) {
        struct catalog_backend *b = &catalog->backends[i];
        for (size_t j = 0; j < b->runner_count; j++)
            catalog_runner_free(&b->runners[j]);
        free(b->runners);
        free(b->name);
        free(b->summary);
        free(b->package);
        free(b->unavailable);
    }
    free(catalog->backends);
    free(catalog->unreadable);
    free(catalog->no_runner);
}

const struct catalog_backend *catalog_backend(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->backend_count; i++)
        if (!strcmp(catalog->backends[i].name, name))
            return &catalog->backends[i];
    return NULL;
}

const struct catalog_runner *catalog_runner(const struct catalog_backend *backend,
                                            const char *flavour)
{
    for (size_t i = 0; i < backend->runner_count; i++)
        if (!strcmp(backend->runners[i].flavour, flavour))
            return &backend->runners[i];
    return NULL;
}

const struct catalog_workload *catalog_workload(const struct catalog_runner *runner,
                                                const char *name)
{
    for (size_t i = 0; i < runner->workload_count; i++)
        if (!strcmp(runner->workloads[i].name, name))
            return &runner->workloads[i];
    return NULL;
}

const struct catalog_workload *catalog_any_workload(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->backend_count; i++) {
        const struct catalog_runner *plain = catalog->backends[i].plain;
        const struct catalog_workload *w = plain ? catalog_workload(plain, name) : NULL;
        if (w)
            return w;
    }
    return NULL;
}

const struct catalog_workload **catalog_workloads(const struct catalog *catalog, size_t *count)
{
    const struct catalog_workload **all = NULL;
    *count = 0;
    for (size_t i = 0; i < catalog->backend_count; i++) {
        const struct catalog_runner *plain = catalog->backends[i].plain;
        for (size_t j = 0; plain && j < plain->workload_count; j++) {
            bool seen = false;
            for (size_t k = 0; k < *count; k++)
                seen |= !strcmp(all[k]->name, plain->workloads[j].name);
            if (!seen)
                *(const struct catalog_workload **)xappend(&all, count, sizeof *all) =
                    &plain->workloads[j];
        }
    }
    return all;
}

const char *catalog_no_runner(const struct catalog *catalog)
{
    return catalog->no_runner;
}
