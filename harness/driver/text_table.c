#include "driver/text_table.h"

#include "data/csv_write.h"
#include "driver/xalloc.h"

#include <stdarg.h>
#include <stdlib.h>

void text_table_add(struct text_table *table, const char *text)
{
    char *copy = xstrdup(text ? text : "");
    *(char **)xappend(&table->fields, &table->field_count, sizeof copy) = copy;
}

void text_table_addf(struct text_table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    text_table_add(table, length < 0 ? "" : text);
    if (length >= 0)
        free(text);
}

/* Characters, as far as UTF-8 without wide or combining ones goes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_aligned(const struct text_table *table, FILE *out)
{
    size_t widths[TEXT_TABLE_COLUMNS] = {0};
    size_t columns = table->column_count;
    for (size_t i = 0; i < table->field_count; i++) {
        size_t width = width_of(table->fields[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t row = 0; row < table->field_count / columns; row++) {
        char *const *fields = table->fields + row * columns;
        size_t last = columns;
        while (last > 0 && !*fields[last - 1])
            last--;
        for (size_t i = 0; i < last; i++) {
            int padding = i + 1 < last ? (int)(widths[i] - width_of(fields[i])) : 0;
            fprintf(out, "  %s%*s", fields[i], padding, "");
        }
        fputc('\n', out);
    }
}

void text_table_print(const struct text_table *table, FILE *out, bool csv)
{
    if (!csv) {
        print_aligned(table, out);
        return;
    }
    for (size_t i = 0; i < table->field_count; i++) {
        csv_put_field(out, table->fields[i]);
        fputc((i + 1) % table->column_count ? ',' : '\n', out);
    }
}

void text_table_free(struct text_table *table)
{
    for (size_t i = 0; i < table->field_count; i++)
        free(table->fields[i]);
    free(table->fields);
    *table = (struct text_table){0};
}
