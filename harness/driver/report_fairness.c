/* report_fairness.c: the parts of a report that say whether a comparison is fair: one table of what
 * each backend is (METHODS.md section 10), and how the run was made. */
#include <stdlib.h>
#include <string.h>

#include "driver/report_figures.h"
#include "driver/xalloc.h"

/* Backends in one table; more go on in a further one. */
#define BACKENDS_PER_TABLE 5

static const struct {
    const char *title;
    const char *key;
} facts[] = {
    {"version", "version"},
    {"headers", "header_version"},
    {"library", "library"},
    {"compiler", "compiler"},
    {"flags", "flags"},
    {"memory comes back by", "reclaim"},
    {"options", "options"},
    {"allocation", "fact_allocation"},
    {"scanning", "fact_scanning"},
    {"interior pointers", "fact_interior"},
    {"zeroing", "fact_zeroing"},
    {"markers", "fact_markers"},
    {"initial heap", "fact_initial_heap"},
    {"limit, and what it counts", "fact_limit"},
    {"not run", "unavailable"},
};

/* A column: the keys of run.csv that begin with `prefix`. */
struct owner {
    char *label;
    char *prefix;
};

static const char *value_of(const struct report *report, const struct owner *owner, const char *key)
{
    char *name = xprintf("%s_%s", owner->prefix, key);
    const char *value = run_data_key(report->run, name);
    free(name);
    return value ? value : "";
}

static bool has_owner(const struct owner *owners, size_t count, const char *prefix)
{
    for (size_t i = 0; owners && i < count; i++)
        if (!strcmp(owners[i].prefix, prefix))
            return true;
    return false;
}

/* Backends that have cells, in the order of the cells' series; then the variants, which are
 * numbered in run.csv. */
static struct owner *find_owners(const struct report *report, size_t *count)
{
    struct owner *owners = NULL;
    *count = 0;
    for (size_t s = 0; s < report->plan.series_count; s++) {
        const char *backend = report->plan.series[s].backend;
        char *prefix = xprintf("backend_%s", backend);
        if (has_owner(owners, *count, prefix)) {
            free(prefix);
            continue;
        }
        struct owner *owner = xappend(&owners, count, sizeof *owner);
        owner->label = xstrdup(backend);
        owner->prefix = prefix;
    }
    for (size_t i = 0; i < report->run->key_count; i++) {
        const struct run_key *key = &report->run->keys[i];
        const char *digits = !strncmp(key->key, "variant_", 8) ? key->key + 8 : "";
        if (!*digits || digits[strspn(digits, "0123456789")])
            continue;
        struct owner *owner = xappend(&owners, count, sizeof *owner);
        owner->label = xstrdup(key->value);
        owner->prefix = xstrdup(key->key);
    }
    return owners;
}

static void put_owners(const struct report *report, const struct owner *owners, size_t count)
{
    struct text_table table = {.column_count = count + 1};
    text_table_add(&table, "");
    for (size_t i = 0; i < count; i++)
        text_table_add(&table, owners[i].label);
    for (size_t f = 0; f < sizeof facts / sizeof *facts; f++) {
        bool any = !strncmp(facts[f].key, "fact_", 5);
        for (size_t i = 0; i < count; i++)
            any |= *value_of(report, &owners[i], facts[f].key) != '\0';
        if (!any)
            continue;
        text_table_add(&table, facts[f].title);
        for (size_t i = 0; i < count; i++)
            text_table_add(&table, value_of(report, &owners[i], facts[f].key));
    }
    report_page_table(report->page, &table, 0);
}

int report_put_fairness(const struct report *report)
{
    size_t count;
    struct owner *owners = find_owners(report, &count);
    report_page_text(
        report->page,
        "What each backend is, as its runner told when the run was made; empty where it "
        "does not apply or was not told. Options are the defaults unless a column of "
        "its own says otherwise. Heap settings of the run: %s.",
        run_data_key(report->run, "heap") ? run_data_key(report->run, "heap") : "not told");
    for (size_t first = 0; first < count; first += BACKENDS_PER_TABLE)
        put_owners(report, owners + first,
                   count - first < BACKENDS_PER_TABLE ? count - first : BACKENDS_PER_TABLE);
    for (size_t i = 0; i < count; i++) {
        free(owners[i].label);
        free(owners[i].prefix);
    }
    free(owners);
    return 0;
}

/* Of what belongs to no backend. */
static bool is_of_run(const char *key)
{
    return strncmp(key, "backend_", 8) != 0 && strncmp(key, "variant_", 8) != 0;
}

void report_put_method(const struct report *report)
{
    struct report_page *page = report->page;
    report_page_item(
        page, NULL,
        "One process is one observation: each gives one value per figure, and medians, "
        "ratios and tests run over those. Processes of all cells take turns in a "
        "random order.");
    report_page_item(
        page, NULL,
        "Ratios are Hodges-Lehmann estimates with exact %g %% intervals; verdicts come "
        "from exact Mann-Whitney tests, adjusted by Holm over all comparisons of this "
        "page, at alpha %g and a tolerance of %g %%. Fewer than %d processes give "
        "ranges and no verdict.",
        100 * (1 - report->options->alpha), report->options->alpha,
        100 * report->options->tolerance.relative, COMPARE_VERDICT_INVOCATIONS);
    report_page_item(page, NULL,
                     "Figures cover the measured part only: after warm-up iterations and a full "
                     "collection. A stop runs from the collector's request until the program may "
                     "run again. Peak memory is the kernel's (VmHWM).");
    report_page_item(page, NULL,
                     "Processes that failed are in no median, and are named where they are "
                     "missing.");
    struct text_table table = {.column_count = 2};
    text_table_add(&table, "key of run.csv");
    text_table_add(&table, "value");
    for (size_t i = 0; i < report->run->key_count; i++) {
        const struct run_key *key = &report->run->keys[i];
        if (!is_of_run(key->key) || !*key->value)
            continue;
        text_table_add(&table, key->key);
        text_table_add(&table, key->value);
    }
    report_page_table(page, &table, 0);
}
