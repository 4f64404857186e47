#include "data/chart_table.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_write.h"
#include "data/printable.h"

struct chart_table {
    FILE *file;
    char *path;
    unsigned columns;
    unsigned fields; /* of the row being made */
    int error;
};

/* Describes `code`, a negative errno, and returns it. */
static int refuse(struct csv_error *error, const char *path, int code)
{
    char shown[512];
    snprintf(error->text, sizeof error->text, "%s: %s", printable_copy(shown, sizeof shown, path),
             strerror(-code));
    return code;
}

int chart_table_open(struct chart_table **table, const char *folder, const char *name,
                     const char *columns, struct csv_error *error)
{
    *table = NULL;
    struct chart_table *made = calloc(1, sizeof *made);
    if (!made)
        return refuse(error, name, -ENOMEM);
    if (asprintf(&made->path, "%s/%s", folder, name) < 0) {
        free(made);
        return refuse(error, name, -ENOMEM);
    }
    made->file = fopen(made->path, "we");
    if (!made->file) {
        int code = refuse(error, made->path, -errno);
        free(made->path);
        free(made);
        return code;
    }
    made->columns = 1;
    for (const char *c = columns; *c; c++)
        made->columns += *c == ',';
    if (fprintf(made->file, "%s\n", columns) < 0)
        made->error = -errno;
    *table = made;
    return 0;
}

static void field_put(struct chart_table *table, const char *text)
{
    if (table->error)
        return;
    if ((table->fields++ > 0 && putc(',', table->file) == EOF) ||
        csv_put_field(table->file, text) == EOF)
        table->error = errno ? -errno : -EIO;
}

void chart_table_text(struct chart_table *table, const char *text)
{
    char shown[4096];
    char encoded[3 * sizeof shown];
    size_t length = 0;
    printable_copy(shown, sizeof shown, text);
    for (const char *c = shown; *c; c++) {
        /* A quote inside a field is beyond gnuplot in any form. */
        const char *replaced = *c == ','    ? "%2C"
                               : *c == '%'  ? "%25"
                               : *c == '\\' ? "%5C"
                               : *c == '"'  ? "”"
                                            : NULL;
        if (replaced) {
            memcpy(encoded + length, replaced, strlen(replaced));
            length += strlen(replaced);
        } else {
            encoded[length++] = *c;
        }
    }
    encoded[length] = '\0';
    field_put(table, encoded);
}

void chart_table_int(struct chart_table *table, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    field_put(table, text);
}

void chart_table_real(struct chart_table *table, double value)
{
    char text[CSV_REAL_BYTES];
    if (!isfinite(value)) {
        field_put(table, "");
        return;
    }
    csv_format_real(text, value);
    field_put(table, text);
}

void chart_table_empty(struct chart_table *table)
{
    field_put(table, "");
}

void chart_table_row(struct chart_table *table)
{
    if (table->error)
        return;
    assert(table->fields == table->columns);
    table->fields = 0;
    if (putc('\n', table->file) == EOF)
        table->error = errno ? -errno : -EIO;
}

int chart_table_close(struct chart_table *table, struct csv_error *error)
{
    if (!table)
        return 0;
    int code = table->error;
    if (fclose(table->file) != 0 && !code)
        code = errno ? -errno : -EIO;
    if (code)
        refuse(error, table->path, code);
    free(table->path);
    free(table);
    return code;
}
