/* minheap_table_fuzz.c: any bytes as minheap.csv. What loads is the same after it was saved. */
#include "fuzz_file.h"

#include "data/minheap_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct minheap_table table, again;
    struct csv_error error = {""};
    const char *path = fuzz_file("file.csv", data, bytes);
    if (minheap_table_load(&table, path, &error)) {
        fuzz_check_line(error.text);
        return 0;
    }
    fuzz_check(minheap_table_save(&table, path) == 0);
    fuzz_check(minheap_table_load(&again, path, &error) == 0);
    fuzz_check(again.row_count == table.row_count);
    for (size_t i = 0; i < table.row_count; i++) {
        const struct minheap_row *a = &table.rows[i], *b = &again.rows[i];
        fuzz_check(!strcmp(a->workload, b->workload) && !strcmp(a->backend, b->backend) &&
                   !strcmp(a->workload_params, b->workload_params) &&
                   !strcmp(a->backend_options, b->backend_options) &&
                   !strcmp(a->status, b->status) && a->threads == b->threads &&
                   a->minheap_bytes == b->minheap_bytes && a->tries_count == b->tries_count);
    }
    minheap_table_free(&table);
    minheap_table_free(&again);
    return 0;
}
