/* The Go benchmark format. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_sample.h"
#include "data/csv_write.h"
#include "data/export.h"
#include "data/export_metrics.h"
#include "data/printable.h"

/* Fewer equal values do not make a metric exact (METHODS.md section 8). */
#define EXACT_INVOCATIONS 3

/* Units that Go's tools know by another name. */
static const struct {
    const char *metric;
    const char *unit;
} known_units[] = {{"wall_ns", "ns/op"}, {"gc_count", "gcs/run"}};

/* Names and units are single words, which end at any blank. */
static void put_word(FILE *out, const char *text, int length)
{
    for (int i = 0; i < length && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        fputc(c > ' ' && c < 0x7f ? c : '_', out);
    }
}

static void put_unit(FILE *out, const struct run_metric *metric)
{
    for (size_t i = 0; i < sizeof known_units / sizeof *known_units; i++) {
        if (strcmp(known_units[i].metric, metric->name) == 0) {
            fputs(known_units[i].unit, out);
            return;
        }
    }
    for (const char *c = metric->name; *c; c++)
        put_word(out, *c == '_' ? "-" : c, 1);
}

/* A configuration line's key is of lower case and holds no blank; its value ends with the line. */
static void put_key(FILE *out, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    for (const char *c = key; *c; c++)
        put_word(out, *c == '_' ? "-" : (const char[]){(char)tolower((unsigned char)*c), '\0'}, 1);
    fputs(": ", out);
    printable_put(out, value);
    fputc('\n', out);
}

static void put_configuration(FILE *out, const struct run_data *run)
{
    static const char *const keys[][2] = {
        {"cpu", "cpu_model"},
        {"machine", "machine"},
        {"kernel", "kernel"},
        {"cores", "cores"},
        {"host", "host"},
        {"date", "date"},
        {"commit", "git_commit"},
        {"gcmeter-version", "gcmeter_version"},
        {"suite", "suite"},
        {"seed", "seed"},
        {"order-seed", "order_seed"},
        {"warmup", "warmup"},
        {"iterations", "iterations"},
    };
    put_key(out, "pkg", "gcmeter");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        put_key(out, keys[i][0], run_data_key(run, keys[i][1]));
    for (size_t i = 0; i < run->key_count; i++) {
        const char *key = run->keys[i].key;
        size_t length = strlen(key);
        static const char prefix[] = "backend_", suffix[] = "_version";
        if (length > strlen(prefix) + strlen(suffix) && !strncmp(key, prefix, strlen(prefix)) &&
            !strcmp(key + length - strlen(suffix), suffix))
            put_key(out, key, run->keys[i].value);
    }
}

/* 1 or 0, or -ENOMEM. */
static int is_exact(const struct run_data *run, size_t metric)
{
    bool exact = false;
    for (size_t c = 0; c < run->cell_count; c++) {
        struct cell_sample sample;
        if (cell_sample_take(&sample, run, &run->cells[c], metric))
            return -ENOMEM;
        bool has_values = sample.count > 0;
        bool equal = sample.count >= EXACT_INVOCATIONS &&
                     sample.sorted[0] == sample.sorted[sample.count - 1];
        cell_sample_free(&sample);
        if (has_values && !equal)
            return 0;
        exact |= has_values;
    }
    return exact;
}

static bool is_measured(const struct run_data *run, size_t metric)
{
    double value;
    for (size_t i = 0; i < run->invocation_count; i++)
        if (run->invocations[i].status == RUN_OK && run_data_value(run, i, metric, &value))
            return true;
    return false;
}

static int put_units(FILE *out, const struct run_data *run, const struct export_choice *choice)
{
    for (size_t m = 0; m < run->metric_count; m++) {
        const struct run_metric *metric = &run->metrics[m];
        if (!export_wants(choice, run, m) || !is_measured(run, m))
            continue;
        int exact = is_exact(run, m);
        if (exact < 0)
            return exact;
        bool has_direction = metric->better == SCHEMA_LOWER || metric->better == SCHEMA_HIGHER;
        if (!has_direction && !exact)
            continue;
        fputs("Unit ", out);
        put_unit(out, metric);
        if (has_direction)
            fprintf(out, " better=%s", schema_better_word(metric->better));
        fputs(exact ? " assume=exact\n" : "\n", out);
    }
    return 0;
}

/* BenchmarkCyclicGraph/params=nodes=64/gc=boehm/heap=none/threads=1: no part holds a slash. */
static void put_name(FILE *out, const struct cell_parts *parts)
{
    bool starts_word = true;
    fputs("Benchmark", out);
    for (int i = 0; i < parts->workload_name.length; i++) {
        char c = parts->workload_name.text[i];
        char upper = (char)toupper((unsigned char)c);
        if (c != '_')
            put_word(out, starts_word ? &upper : &c, 1);
        starts_word = c == '_';
    }
    int rest = parts->workload.length - parts->workload_name.length;
    if (rest > 1) {
        fputs("/params=", out);
        put_word(out, parts->workload.text + parts->workload_name.length + 1, rest - 1);
    }
    fputs("/gc=", out);
    put_word(out, parts->backend.text, parts->backend.length);
    fputs("/heap=", out);
    put_word(out, parts->heap.text, parts->heap.length);
    fputs("/threads=", out);
    put_word(out, parts->threads.text, parts->threads.length);
}

static void put_invocation(FILE *out, const struct run_data *run,
                           const struct export_choice *choice, size_t index)
{
    bool has_name = false;
    for (size_t m = 0; m < run->metric_count; m++) {
        double value;
        char digits[CSV_REAL_BYTES];
        if (!export_wants(choice, run, m) || !run_data_value(run, index, m, &value))
            continue;
        if (!has_name) {
            put_name(out, &run->cells[run->invocations[index].cell].parts);
            fputs(" 1", out);
            has_name = true;
        }
        csv_format_real(digits, value);
        fprintf(out, " %s ", digits);
        put_unit(out, &run->metrics[m]);
    }
    if (has_name)
        fputc('\n', out);
}

int export_benchfmt(const struct run_data *run, const struct export_choice *choice, FILE *out)
{
    put_configuration(out, run);
    int error = put_units(out, run, choice);
    if (error)
        return error;
    fputc('\n', out);
    for (size_t i = 0; i < run->invocation_count; i++)
        if (run->invocations[i].status == RUN_OK)
            put_invocation(out, run, choice, i);
    return fflush(out) || ferror(out) ? -EIO : 0;
}
