#include "describe.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "flavour.h"
#include "gc_backend.h"
#include "identity.h"
#include "instruction_window.h"
#include "library.h"
#include "named_values.h"
#include "workload_table.h"

static void row(struct record_writer *w, const char *key, const char *value)
{
    record_begin(w, key);
    record_text(w, value);
    record_end(w);
}

struct bit_word {
    unsigned bit;
    const char *word;
};

static const struct bit_word capabilities[] = {
    {GC_CAN_LIMIT_HEAP, "heap_limit"},
    {GC_CAN_COLLECT, "collect"},
    {GC_CAN_VERIFY, "verify"},
    {GC_CAN_THREADS, "threads"},
    {GC_IS_PRECISE, "precise"},
    {GC_CAN_FINALIZE, "finalizers"},
    {GC_CAN_WEAK, "weak"},
};

static const struct bit_word needs[] = {
    {GC_NEEDS_BARRIER, "barrier"}, {GC_NEEDS_TYPES, "types"}, {GC_NEEDS_SAFEPOINTS, "safepoints"},
    {GC_NEEDS_FREE, "free"},       {GC_NEEDS_ROOTS, "roots"}, {GC_MOVES_OBJECTS, "moves"},
};

static void bit_rows(struct record_writer *w, const char *key, unsigned bits,
                     const struct bit_word *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bits & words[i].bit)
            row(w, key, words[i].word);
}

static void describe_identity(struct record_writer *w)
{
    static const char *const reclaim[] = {
        [GC_RECLAIM_TRACING] = "tracing",
        [GC_RECLAIM_MANUAL] = "manual",
        [GC_RECLAIM_NEVER] = "never",
    };
    char path[PATH_MAX];
    library_path(path, sizeof path);
    row(w, "protocol", "1");
    row(w, "name", gc_backend.name);
    char flavour[64];
    const char *probe = !runner_identity.is_probe    ? ""
                        : runner_identity.flavour[0] ? "-probe"
                                                     : "probe";
    snprintf(flavour, sizeof flavour, "%s%s", runner_identity.flavour, probe);
    row(w, "flavour", flavour);
    row(w, "event_log", "1");
    if (INSTRUCTION_WINDOW_IS_KNOWN)
        row(w, "callgrind", "1");
    row(w, "summary", gc_backend.summary);
    row(w, "version", gc_backend.version());
    row(w, "header_version", gc_backend.header_version());
    row(w, "library", path);
    row(w, "compiler", runner_identity.compiler);
    row(w, "flags", runner_identity.flags);
    row(w, "reclaim", reclaim[gc_backend.reclaim]);
    bit_rows(w, "capability", gc_backend.capabilities, capabilities,
             sizeof capabilities / sizeof capabilities[0]);
    bit_rows(w, "need", gc_backend.needs, needs, sizeof needs / sizeof needs[0]);
    char why[PATH_MAX + 256];
    if (library_check(why, sizeof why))
        row(w, "unavailable", why);
}

static void describe_facts(struct record_writer *w)
{
    const struct gc_facts *facts = &gc_backend.facts;
    const struct {
        const char *name;
        const char *text;
    } rows[] = {
        {"allocation", facts->allocation}, {"scanning", facts->scanning},
        {"interior", facts->interior},     {"zeroing", facts->zeroing},
        {"markers", facts->markers},       {"initial_heap", facts->initial_heap},
        {"limit", facts->limit},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].text)
            continue;
        record_begin(w, "fact");
        record_text(w, rows[i].name);
        record_text(w, rows[i].text);
        record_end(w);
    }
}

static void describe_option(struct record_writer *w, const struct gc_option *option)
{
    static const char *const kinds[] = {
        [GC_OPTION_FLAG] = "flag",
        [GC_OPTION_NUMBER] = "number",
        [GC_OPTION_BYTES] = "bytes",
        [GC_OPTION_CHOICE] = "choice",
    };
    record_begin(w, "option");
    record_text(w, option->name);
    record_text(w, kinds[option->kind]);
    record_text(w, option->unit);
    if (option->kind == GC_OPTION_CHOICE) {
        size_t length;
        const char *word = named_values_choice(option->choices, option->default_value, &length);
        record_words(w, word, length);
        record_text(w, "");
        record_text(w, "");
        record_text(w, option->choices);
    } else {
        record_i64(w, option->default_value);
        record_i64(w, named_values_option_min(option));
        record_i64(w, named_values_option_max(option));
        record_text(w, "");
    }
    record_text(w, option->help);
    record_end(w);
}

static void describe_flavours(struct record_writer *w)
{
    struct flavour flavour;
    for (const char *words = runner_flavours(); flavour_next(&words, &flavour) > 0;) {
        record_begin(w, "use_flavour");
        record_words(w, flavour.name, flavour.name_bytes);
        record_words(w, flavour.option, flavour.option_bytes);
        record_words(w, flavour.value, flavour.value_bytes);
        record_end(w);
    }
}

static const struct bit_word traits[] = {
    {WORKLOAD_TAKES_THREADS, "threads"},
    {WORKLOAD_IS_REQUESTS, "requests"},
    {WORKLOAD_NEEDS_FINALIZERS, "finalizers"},
    {WORKLOAD_NEEDS_WEAK, "weak"},
};

/* The words of the bits, joined by '|'. */
static const char *trait_words(unsigned bits, char *words, size_t words_bytes)
{
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++)
        if (bits & traits[i].bit)
            used += (size_t)snprintf(words + used, words_bytes - used, "%s%s", used ? "|" : "",
                                     traits[i].word);
    return words;
}

static void describe_workload(struct record_writer *w, const struct workload *workload)
{
    char words[128];
    record_begin(w, "workload");
    record_text(w, workload->name);
    record_text(w, workload->operation);
    record_text(w, trait_words(workload->traits, words, sizeof words));
    record_text(w, workload->summary);
    record_end(w);
    for (size_t i = 0; i < workload->param_count; i++) {
        const struct workload_param *param = &workload->params[i];
        record_begin(w, "param");
        record_text(w, workload->name);
        record_text(w, param->name);
        record_text(w, param->unit);
        record_u64(w, param->default_value);
        record_u64(w, param->min);
        record_u64(w, param->max);
        record_text(w, param->help);
        record_end(w);
    }
}

void describe(struct record_writer *w)
{
    describe_identity(w);
    describe_facts(w);
    for (size_t i = 0; i < gc_backend.option_count; i++)
        describe_option(w, &gc_backend.options[i]);
    describe_flavours(w);
    for (const struct workload *const *workload = workload_table; *workload; workload++)
        describe_workload(w, *workload);
}
