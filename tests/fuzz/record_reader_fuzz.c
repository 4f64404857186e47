/* record_reader_fuzz.c: any bytes as what a runner writes. The first one is how many come at a
 * time, which must make no difference to which records are taken. */
#include "fuzz_file.h"

#include "driver/record_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct taken {
    size_t count;
    uint64_t sum;
};

static void take_record(void *data, const struct record *record)
{
    struct taken *taken = data;
    taken->count++;
    fuzz_check(record->field_count <= RECORD_FIELDS);
    taken->sum = taken->sum * 31 + (uint64_t)record->kind;
    for (size_t i = 0; i < record->field_count; i++)
        for (const char *c = record->fields[i]; *c; c++)
            taken->sum = taken->sum * 31 + (unsigned char)*c;
}

static struct taken read_by(const uint8_t *data, size_t bytes, size_t step)
{
    struct taken taken = {0, 0};
    struct record_reader *reader = record_reader_create(take_record, &taken);
    fuzz_check(reader != NULL);
    bool is_good = true;
    for (size_t at = 0; at < bytes && is_good; at += step)
        is_good = record_reader_feed(reader, (const char *)data + at,
                                     bytes - at < step ? bytes - at : step);
    is_good = is_good && record_reader_finish(reader);
    fuzz_check(is_good == !record_reader_problem(reader));
    if (!is_good)
        fuzz_check_line(record_reader_problem(reader));
    record_reader_free(reader);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0 || bytes > 8192)
        return 0;
    struct taken at_once = read_by(data + 1, bytes - 1, bytes);
    struct taken in_steps = read_by(data + 1, bytes - 1, (size_t)data[0] + 1);
    fuzz_check(at_once.count == in_steps.count && at_once.sum == in_steps.sum);
    return 0;
}
