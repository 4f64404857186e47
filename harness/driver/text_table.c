#include "driver/text_table.h"

#include "data/csv_write.h"
#include "driver/xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

/* Characters on the screen, as far as UTF-8 without wide or combining ones goes, colours apart. */
static size_t width_of(const char *text, size_t bytes)
{
    size_t width = 0;
    for (const char *end = text + bytes; text < end; text++) {
        if (*text == '\x1b')
            text += strcspn(text, "m");
        else
            width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Prints the last field of a line, which begins at column `start`, on as many lines as it needs. */
static void print_broken(const char *text, size_t start, size_t width, FILE *out)
{
    for (;;) {
        size_t length = strlen(text);
        size_t taken = 0;
        for (size_t end = 0; end <= length; end++)
            if ((end == length || text[end] == ' ') &&
                (!taken || start + width_of(text, end) <= width))
                taken = end;
        fprintf(out, "%.*s\n", (int)taken, text);
        text += taken;
        if (!*text)
            return;
        text++;
        fprintf(out, "%*s", (int)start, "");
    }
}

void text_table_print_fitted(const struct text_table *table, FILE *out, size_t width)
{
    /* What the last column must have: beside short fields, and in a line of its own. */
    enum { INDENT = 2, LAST_MIN = 28, LAST_MIN_GROUPED = 12 };
    size_t widths[TEXT_TABLE_COLUMNS] = {0};
    size_t columns = table->column_count;
    for (size_t i = 0; i < table->field_count; i++) {
        size_t field = width_of(table->fields[i], strlen(table->fields[i]));
        if (field > widths[i % columns])
            widths[i % columns] = field;
    }
    size_t start = INDENT;
    for (size_t i = 0; i + 1 < columns; i++)
        start += widths[i] + INDENT;
    size_t least = least_of(widths[columns - 1], LAST_MIN);
    size_t without_first = start - widths[0] - INDENT;
    bool grouped = columns > 2 && start + least > width &&
                   without_first + least_of(least, LAST_MIN_GROUPED) <= width;
    if (grouped)
        start = without_first;
    else if (start + least > width)
        width = SIZE_MAX;
    for (size_t row = 0; row < table->field_count / columns; row++) {
        char *const *fields = table->fields + row * columns;
        size_t last = columns;
        while (last > 0 && !*fields[last - 1])
            last--;
        if (grouped && (row == 0 || strcmp(fields[0], fields[-(ptrdiff_t)columns])))
            fprintf(out, "%s\n", fields[0]);
        for (size_t i = grouped; i + 1 < last; i++) {
            size_t padding = widths[i] - width_of(fields[i], strlen(fields[i]));
            fprintf(out, "  %s%*s", fields[i], (int)padding, "");
        }
        if (last <= (size_t)grouped) {
            fputc('\n', out);
            continue;
        }
        fputs("  ", out);
        print_broken(fields[last - 1], last == columns ? start : 0,
                     last == columns ? width : SIZE_MAX, out);
    }
}

void text_table_print(const struct text_table *table, FILE *out, bool csv)
{
    if (!csv) {
        struct winsize size;
        bool known = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        text_table_print_fitted(table, out, known ? size.ws_col : SIZE_MAX);
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
