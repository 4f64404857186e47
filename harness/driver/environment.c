#include "driver/environment.h"

#include "base/clock.h"
#include "base/processors.h"
#include "driver/child.h"
#include "driver/own_folder.h"
#include "driver/runner_env.h"
#include "driver/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 10000, CLOCK_READINGS = 20000 };

/* First line of a file, to be freed; "" where it cannot be read. */
static char *read_line(const char *path)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");
    if (file) {
        if (!fgets(line, sizeof line, file))
            *line = '\0';
        fclose(file);
    }
    line[strcspn(line, "\n")] = '\0';
    return xstrdup(line);
}

/* Value of the first line of `path` that begins with `name`, to be freed; "" without one. */
static char *read_field(const char *path, const char *name)
{
    char line[512];
    char *value = NULL;
    FILE *file = fopen(path, "re");
    while (file && !value && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)))
            continue;
        char *from = line + strlen(name);
        from += strspn(from, " \t:");
        from[strcspn(from, "\n")] = '\0';
        value = xstrdup(from);
    }
    if (file)
        fclose(file);
    return value ? value : xstrdup("");
}

static void write_owned(struct run_files *files, const char *key, char *value)
{
    run_files_key(files, key, value);
    free(value);
}

/* The word in brackets: "always [madvise] never". */
static char *read_choice(const char *path)
{
    char *line = read_line(path);
    char *open = strchr(line, '[');
    char *chosen = xstrdup(open ? open + 1 : line);
    chosen[strcspn(chosen, "]")] = '\0';
    free(line);
    return chosen;
}

/* stdout of `git ARGUMENTS` without its last newline, to be freed, or NULL where it failed. */
static char *git(const char *const *argv)
{
    struct child_options options = {.path = "git", .argv = (char *const *)argv};
    struct child_end end;
    char *out;
    if (child_capture(&options, 1 << 20, GIT_TIMEOUT_MS, &out, &end))
        return NULL;
    if (end.timed_out || !WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
        free(out);
        return NULL;
    }
    out[strcspn(out, "\n")] = '\0';
    return out;
}

/* The commit of the checkout that gcmeter's executable lies in, to be freed; "" where it lies in
 * none, or in that of another project. */
static char *git_commit(void)
{
    char *own = own_folder_find();
    if (!own)
        return xstrdup("");
    char *top = git((const char *[]){"git", "-C", own, "rev-parse", "--show-toplevel", NULL});
    free(own);
    if (!top)
        return xstrdup("");
    char *table = xprintf("%s/collectors/backends.def", top);
    char *commit = NULL, *changes = NULL;
    if (access(table, R_OK) == 0) {
        commit = git((const char *[]){"git", "-C", top, "rev-parse", "HEAD", NULL});
        changes = git((const char *[]){"git", "-C", top, "status", "--porcelain",
                                       "--untracked-files=no", NULL});
    }
    char *text =
        xprintf("%s%s", commit ? commit : "", commit && changes && *changes ? "-dirty" : "");
    free(table);
    free(top);
    free(commit);
    free(changes);
    return text;
}

static char *clock_cost(clockid_t clock)
{
    int64_t start_ns = clock_now_ns();
    for (int i = 0; i < CLOCK_READINGS; i++)
        clock_read_ns(clock);
    return xprintf("%.1f", (double)(clock_now_ns() - start_ns) / CLOCK_READINGS);
}

static char *now_text(void)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return xstrdup(text);
}

static char *cpu_model(void)
{
    char *model = read_field("/proc/cpuinfo", "model name");
    /* aarch64 names no model, but what the vendor calls implementer and part. */
    if (!*model) {
        char *implementer = read_field("/proc/cpuinfo", "CPU implementer");
        char *part = read_field("/proc/cpuinfo", "CPU part");
        free(model);
        model = *implementer || *part ? xprintf("implementer %s part %s", implementer, part)
                                      : xstrdup("");
        free(implementer);
        free(part);
    }
    return model;
}

/* The words as a shell would take them. */
static char *quote(char *const *argv)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "%+,-./:=@_";
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return xstrdup("");
    for (size_t i = 0; argv[i]; i++) {
        const char *word = argv[i];
        if (i > 0)
            fputc(' ', out);
        if (*word && word[strspn(word, plain)] == '\0') {
            fputs(word, out);
            continue;
        }
        fputc('\'', out);
        for (; *word; word++)
            fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, out);
        fputc('\'', out);
    }
    fclose(out);
    return text ? text : xstrdup("");
}

static char *heap_settings(const struct plan *plan)
{
    char *text = xstrdup("");
    for (size_t i = 0; i < plan->cell_count; i++) {
        char heap[HEAP_SETTING_BYTES];
        heap_setting_format(heap, &plan->cells[i].heap);
        if (catalog_has_word(text, heap))
            continue;
        char *longer = xprintf("%s%s%s", text, *text ? " " : "", heap);
        free(text);
        text = longer;
    }
    return text;
}

static void write_request(struct run_files *files, const struct plan *plan,
                          const struct environment_run *run)
{
    const struct invocation_options *o = run->options;
    write_owned(files, "command_line", quote(run->argv));
    run_files_key(files, "suite", run->suite);
    write_owned(files, "seed", xprintf("%" PRIu64, o->seed));
    write_owned(files, "order_seed", xprintf("%" PRIu64, run->order_seed));
    run_files_key(files, "order",
                  "each round runs every cell once, in an order drawn from order_seed");
    write_owned(files, "padding",
                xprintf("GCMETER_PADDING of 0 to %d bytes in each runner's environment, drawn "
                        "from order_seed and order",
                        RUNNER_ENV_PADDING_BYTES - 1));
    write_owned(files, "invocations", xprintf("%u", run->invocations));
    write_owned(files, "probes", xprintf("%u", run->probes));
    if (run->instructions) {
        write_owned(files, "instructions", xprintf("%u", run->instructions));
        run_files_key(files, "valgrind", run->valgrind);
    }
    if (run->beside)
        write_owned(files, "beside", xprintf("%u", run->beside));
    write_owned(files, "iterations", xprintf("%u", o->iterations));
    write_owned(files, "warmup", xprintf("%u", o->warmup));
    write_owned(files, "timeout_s", xprintf("%u", o->timeout_s));
    write_owned(files, "heap", heap_settings(plan));
    write_owned(files, "memory_cap_bytes", xprintf("%" PRIu64, o->memory_cap_bytes));
}

static void write_machine(struct run_files *files)
{
    struct utsname name;
    uname(&name);
    uint64_t memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    write_owned(files, "date", now_text());
    run_files_key(files, "host", name.nodename);
    write_owned(files, "kernel", xprintf("%s %s", name.release, name.version));
    run_files_key(files, "machine", name.machine);
    write_owned(files, "cpu_model", cpu_model());
    write_owned(files, "cores", xprintf("%u", processors_count()));
    write_owned(files, "governor",
                read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    write_owned(files, "thp", read_choice("/sys/kernel/mm/transparent_hugepage/enabled"));
    write_owned(files, "aslr", read_line("/proc/sys/kernel/randomize_va_space"));
    write_owned(files, "memory_bytes", xprintf("%" PRIu64, memory_bytes));
    run_files_key(files, "compiler", GCMETER_COMPILER);
    run_files_key(files, "flags", GCMETER_FLAGS);
    write_owned(files, "clock_monotonic_ns", clock_cost(CLOCK_MONOTONIC));
    write_owned(files, "clock_cpu_ns", clock_cost(CLOCK_PROCESS_CPUTIME_ID));
    write_owned(files, "sampler_statm_ns", xprintf("%" PRId64, memory_sampler_statm_cost_ns()));
    write_owned(files, "tuning_environment", runner_env_tuning());
}

static void write_key_of(struct run_files *files, const char *owner, const char *key,
                         const char *value)
{
    char *full = xprintf("%s_%s", owner, key);
    run_files_key(files, full, value);
    free(full);
}

static char *default_options(const struct catalog_runner *runner)
{
    char *text = xstrdup("");
    for (size_t i = 0; i < runner->option_count; i++) {
        char *longer = xprintf("%s%s%s=%s", text, *text ? "," : "", runner->options[i].name,
                               runner->options[i].default_text);
        free(text);
        text = longer;
    }
    return text;
}

static void write_runner(struct run_files *files, const char *owner,
                         const struct catalog_runner *runner, const char *options)
{
    write_key_of(files, owner, "version", runner->version);
    write_key_of(files, owner, "header_version", runner->header_version);
    write_key_of(files, owner, "path", runner->path);
    write_key_of(files, owner, "library", runner->library);
    write_key_of(files, owner, "compiler", runner->compiler);
    write_key_of(files, owner, "flags", runner->flags);
    write_key_of(files, owner, "reclaim", runner->reclaim);
    write_key_of(files, owner, "capabilities", runner->capabilities);
    write_key_of(files, owner, "options", options);
    for (size_t i = 0; i < runner->fact_count; i++) {
        char *key = xprintf("fact_%s", runner->facts[i].name);
        write_key_of(files, owner, key, runner->facts[i].text);
        free(key);
    }
}

static void write_backends(struct run_files *files, const struct plan *plan)
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct catalog_backend *backend = plan->variants[i]->backend;
        bool is_first = true;
        for (size_t j = 0; j < i; j++)
            is_first &= plan->variants[j]->backend != backend;
        if (!is_first)
            continue;
        char *owner = xprintf("backend_%s", backend->name);
        if (backend->plain) {
            char *options = default_options(backend->plain);
            write_runner(files, owner, backend->plain, options);
            free(options);
        }
        if (backend->unavailable)
            write_key_of(files, owner, "unavailable", backend->unavailable);
        free(owner);
    }
}

/* Variants are numbered, since a label need not be a word of a key. */
static void write_variants(struct run_files *files, const struct plan *plan)
{
    for (size_t i = 0; i < plan->variant_count; i++) {
        const struct variant *v = plan->variants[i];
        if (!strcmp(v->text, v->backend->name))
            continue;
        char *owner = xprintf("variant_%zu", i);
        run_files_key(files, owner, v->text);
        const struct catalog_runner *runner = v->swapped ? v->swapped : v->runner;
        if (runner)
            write_runner(files, owner, runner, v->options_text);
        if (v->unavailable)
            write_key_of(files, owner, "unavailable", v->unavailable);
        free(owner);
    }
}

void environment_write_start(struct run_files *files, const struct plan *plan,
                             const struct environment_run *run)
{
    write_owned(files, "schema_version", xprintf("%d", SCHEMA_VERSION));
    run_files_key(files, "gcmeter_version", GCMETER_VERSION);
    write_owned(files, "git_commit", git_commit());
    write_request(files, plan, run);
    write_machine(files);
    write_backends(files, plan);
    write_variants(files, plan);
}

void environment_write_resume(struct run_files *files, unsigned n)
{
    char *key = xprintf("resume_%u_date", n);
    write_owned(files, key, now_text());
    free(key);
}

void environment_write_end(struct run_files *files, unsigned n, double driver_cpu_share,
                           double observer_ns)
{
    char *prefix = n ? xprintf("resume_%u_", n) : xstrdup("");
    char *share_key = xprintf("%sdriver_cpu_share", prefix);
    char *observer_key = xprintf("%sobserver_ns", prefix);
    char *date_key = xprintf("%send_date", prefix);
    if (driver_cpu_share >= 0)
        write_owned(files, share_key, xprintf("%.6f", driver_cpu_share));
    if (observer_ns >= 0)
        write_owned(files, observer_key, xprintf("%.6g", observer_ns));
    write_owned(files, date_key, now_text());
    free(date_key);
    free(observer_key);
    free(share_key);
    free(prefix);
}
