/* cell_key_fuzz.c: keys of cells and heap settings, as a result file may hold them. What is
 * accepted must lie inside its text, and a setting must be what its own text reads as. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/cell_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_part(const struct cell_part *part, const char *key)
{
    check(part->length >= 0 && part->text >= key && part->text + part->length <= key + strlen(key));
}

static void check_heap(const char *text)
{
    struct heap_setting heap, again;
    char formatted[HEAP_SETTING_BYTES];
    if (heap_setting_parse(&heap, text) != 0)
        return;
    check(strlen(heap_setting_format(formatted, &heap)) < sizeof formatted);
    check(heap_setting_parse(&again, formatted) == 0);
    check(again.kind == heap.kind && (heap.kind != HEAP_BYTES || again.bytes == heap.bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct cell_parts parts;
    char *key = malloc(bytes + 1);
    if (!key)
        return 0;
    memcpy(key, data, bytes);
    key[bytes] = '\0';
    check_heap(key);
    if (cell_key_split(&parts, key) == 0) {
        const struct cell_part all[] = {parts.workload,     parts.workload_name, parts.backend,
                                        parts.backend_name, parts.heap,          parts.threads};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            check_part(&all[i], key);
        char *heap = strndup(parts.heap.text, (size_t)parts.heap.length);
        check(heap != NULL);
        check_heap(heap);
        free(heap);
    }
    free(key);
    return 0;
}
