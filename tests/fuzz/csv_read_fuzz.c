/* csv_read_fuzz.c: any bytes as a result file. The first one picks which file of the schema. Rows
 * must have a text for every column and follow each other, and what is refused is told with its
 * place. */
#include "fuzz_file.h"

#include "data/csv_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct seen {
    int64_t end_offset;
    uint64_t line;
    uint64_t count;
};

static int take_row(void *data, const struct csv_row *row)
{
    struct seen *seen = data;
    fuzz_check(row->start_offset >= seen->end_offset && row->end_offset > row->start_offset);
    fuzz_check(row->line > seen->line);
    seen->end_offset = row->end_offset;
    seen->line = row->line;
    seen->count++;
    for (size_t i = 0; i < row->file->column_count; i++) {
        double number;
        int64_t integer;
        fuzz_check(row->text[i] != NULL && (row->position[i] || !*row->text[i]));
        const enum schema_kind kind = row->file->columns[i].kind;
        if (kind != SCHEMA_INT && kind != SCHEMA_REAL)
            continue;
        int got = csv_row_number(row, i, &number);
        if (got < 0)
            return got;
        fuzz_check(got == 0 || (number - number == 0));
        if (kind == SCHEMA_INT && *row->text[i] == '-')
            fuzz_check(csv_row_int(row, i, &integer) == 1 && (double)integer == number);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const struct schema_file *file = &schema_files[data[0] % SCHEMA_FILE_COUNT];
    struct seen seen = {0};
    struct csv_error error = {""};
    int64_t end = -1;
    int result =
        csv_read(fuzz_file("file.csv", data + 1, bytes - 1), file, take_row, &seen, &end, &error);
    if (result)
        fuzz_check_line(error.text);
    else
        fuzz_check(end >= seen.end_offset && end <= (int64_t)bytes - 1);
    return 0;
}
