/* string_table.h: gives each different string a number 0, 1, 2, …, by open addressing. A table
 * belongs to one thread at a time. */
#ifndef DATA_STRING_TABLE_H
#define DATA_STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* All zero: empty. Give it to string_table_free() in the end. */
struct string_table {
    char **strings; /* by number; owned by the table, at fixed addresses */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* number + 1, or 0 */
    size_t slot_count;
};

/* The number of `string`, which is copied where it is new, or -ENOMEM. */
int64_t string_table_put(struct string_table *table, const char *string);

/* The number of `string`, or -ENOENT. */
int64_t string_table_get(const struct string_table *table, const char *string);

void string_table_free(struct string_table *table);

#endif
