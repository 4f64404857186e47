/* gate_file_fuzz.c: any bytes as gate.csv. What it lets pass are tolerances that make sense. */
#include "fuzz_file.h"

#include "data/gate_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct gate *gate;
    struct csv_error error = {""};
    if (gate_load(&gate, fuzz_file("file.csv", data, bytes), &error)) {
        fuzz_check_line(error.text);
        return 0;
    }
    if (gate_check_metrics(gate, NULL, 0, &error))
        fuzz_check_line(error.text);
    size_t count;
    const char *const *metrics = gate_metrics(gate, &count);
    for (size_t i = 0; i < count; i++) {
        struct compare_tolerance tolerance = {.relative = -1, .absolute = -1};
        if (gate_tolerance(gate, "gcbench/boehm/heap=2xlive/threads=1", metrics[i], &tolerance))
            fuzz_check(tolerance.relative >= 0 && tolerance.relative <= 1e4 &&
                       tolerance.absolute >= 0);
    }
    gate_free(gate);
    return 0;
}
