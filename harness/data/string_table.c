#include "data/string_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static uint64_t hash_string(const char *string)
{
    uint64_t hash = 0;
    size_t length = strlen(string);
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, string, 8);
        hash = rng_mix(hash ^ word);
        string += 8;
        length -= 8;
    }
    uint64_t rest = (uint64_t)length << 56;
    memcpy(&rest, string, length);
    return rng_mix(hash ^ rest);
}

/* The slot that holds `string`, or the empty one where it belongs. */
static size_t find_slot(const struct string_table *table, const char *string)
{
    size_t slot = hash_string(string) & (table->slot_count - 1);
    while (table->slots[slot] && strcmp(table->strings[table->slots[slot] - 1], string) != 0)
        slot = (slot + 1) & (table->slot_count - 1);
    return slot;
}

/* Keeps at least a third of the slots empty, so that find_slot() ends soon. */
static int make_room(struct string_table *table)
{
    if (table->count + 1 > table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        char **strings = realloc(table->strings, capacity * sizeof *strings);
        if (!strings)
            return -ENOMEM;
        table->strings = strings;
        table->capacity = capacity;
    }
    if ((table->count + 1) * 3 <= table->slot_count * 2)
        return 0;
    size_t slot_count = table->slot_count ? table->slot_count * 2 : 128;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->count; i++)
        slots[find_slot(table, table->strings[i])] = (uint32_t)i + 1;
    return 0;
}

int64_t string_table_put(struct string_table *table, const char *string)
{
    if (table->slot_count) {
        size_t slot = find_slot(table, string);
        if (table->slots[slot])
            return table->slots[slot] - 1;
    }
    if (table->count >= UINT32_MAX - 1 || make_room(table))
        return -ENOMEM;
    char *copy = strdup(string);
    if (!copy)
        return -ENOMEM;
    table->slots[find_slot(table, string)] = (uint32_t)table->count + 1;
    table->strings[table->count] = copy;
    return (int64_t)table->count++;
}

int64_t string_table_get(const struct string_table *table, const char *string)
{
    if (!table->slot_count)
        return -ENOENT;
    uint32_t found = table->slots[find_slot(table, string)];
    return found ? (int64_t)found - 1 : -ENOENT;
}

void string_table_free(struct string_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->strings[i]);
    free(table->strings);
    free(table->slots);
    *table = (struct string_table){0};
}
