/* run_data_fuzz.c: any bytes as a run: run.csv, invocations.csv and metrics.csv, parted by bytes of
 * 0. What loads is compared with itself and its backends with each other, in every format; what
 * does not is refused in one line. */
#include "fuzz_file.h"

#include "data/compare.h"
#include "data/run_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_run(const struct run_data *run)
{
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct run_invocation *invocation = &run->invocations[i];
        const char *cell = run->cells[invocation->cell].key;
        fuzz_check(run_data_invocation(run, cell, invocation->number) == (int64_t)i);
        fuzz_check(run_data_cell(run, cell) == &run->cells[invocation->cell]);
    }
    for (size_t i = 0; i < run->key_count; i++)
        fuzz_check(run_data_key(run, run->keys[i].key) == run->keys[i].value);
}

static void write_all(const struct compare_result *result)
{
    FILE *out = fopen("/dev/null", "w");
    fuzz_check(out != NULL);
    fuzz_check(compare_write_csv(result, out) == 0);
    fuzz_check(compare_write_json(result, out) == 0);
    if (!result->is_by_backend)
        fuzz_check(compare_write_junit(result, out) == 0);
    fclose(out);
}

static void compare(const struct run_data *run)
{
    struct csv_error error = {""};
    struct compare_result *result;
    struct compare_options options = {.metrics = compare_default_metrics,
                                      .metric_count = compare_default_metric_count,
                                      .tolerance = {.relative = 0.05},
                                      .alpha = 0.05,
                                      .gates_all = true};
    if (compare_runs(&result, run, run, &options, &error) == 0) {
        fuzz_check(result->count[COMPARE_REGRESSED] == 0);
        write_all(result);
        compare_free(result);
    } else {
        fuzz_check_line(error.text);
    }
    if (run->cell_count == 0)
        return;
    char *reference =
        strndup(run->cells[0].parts.backend.text, (size_t)run->cells[0].parts.backend.length);
    fuzz_check(reference != NULL);
    if (compare_backends(&result, run, reference, &options, &error) == 0) {
        write_all(result);
        compare_free(result);
    } else {
        fuzz_check_line(error.text);
    }
    free(reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const names[] = {"run.csv", "invocations.csv", "metrics.csv"};
    const uint8_t *end = data + bytes;
    for (int i = 0; i < 3; i++) {
        const uint8_t *part = i < 2 && data < end ? memchr(data, 0, (size_t)(end - data)) : NULL;
        if (!part)
            part = end;
        fuzz_file(names[i], data, (size_t)(part - data));
        data = part < end ? part + 1 : end;
    }
    struct run_data *run;
    struct csv_error error = {""};
    if (run_data_load(&run, fuzz_folder, &error)) {
        fuzz_check_line(error.text);
        return 0;
    }
    check_run(run);
    compare(run);
    run_data_free(run);
    return 0;
}
