#include "data/schema.h"

#include <string.h>

/* KEY, LOWER, … and TEXT, INT, … in the table are words of their own. */
#define FILE_BEGIN(id, name, what) static const struct schema_column columns_##id[] = {
#define COLUMN(id, name, kind, unit, better, help)                                                 \
    {#name, SCHEMA_##kind, unit, SCHEMA_##better, help},
#define FILE_END(id)                                                                               \
    }                                                                                              \
    ;
#include "data/schema.def"
#undef FILE_BEGIN
#undef COLUMN
#undef FILE_END

const struct schema_file schema_files[SCHEMA_FILE_COUNT] = {
#define FILE_BEGIN(id, name, what)                                                                 \
    {name, what, columns_##id, sizeof columns_##id / sizeof columns_##id[0]},
#define COLUMN(id, name, kind, unit, better, help)
#define FILE_END(id)
#include "data/schema.def"
#undef FILE_BEGIN
#undef COLUMN
#undef FILE_END
};

const struct schema_run_key schema_run_keys[] = {
#define RUN_KEY(key, help)         {#key, false, help},
#define RUN_BACKEND_KEY(key, help) {#key, true, help},
#include "data/schema_run_keys.def"
#undef RUN_KEY
#undef RUN_BACKEND_KEY
};
const size_t schema_run_key_count = sizeof schema_run_keys / sizeof schema_run_keys[0];

int schema_column_index(const struct schema_file *file, const char *name)
{
    for (size_t i = 0; i < file->column_count; i++)
        if (strcmp(file->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool schema_is_metric(const struct schema_column *column)
{
    return column->better != SCHEMA_KEY &&
           (column->kind == SCHEMA_INT || column->kind == SCHEMA_REAL);
}

const struct schema_column *schema_metric(const char *name)
{
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    int index = schema_column_index(file, name);
    if (index < 0 || !schema_is_metric(&file->columns[index]))
        return NULL;
    return &file->columns[index];
}

const char *schema_kind_word(enum schema_kind kind)
{
    static const char *const words[] = {
        [SCHEMA_TEXT] = "text",
        [SCHEMA_INT] = "int",
        [SCHEMA_REAL] = "real",
        [SCHEMA_CHECKSUM] = "checksum",
    };
    return words[kind];
}

const char *schema_better_word(enum schema_better better)
{
    static const char *const words[] = {
        [SCHEMA_KEY] = "key",
        [SCHEMA_LOWER] = "lower",
        [SCHEMA_HIGHER] = "higher",
        [SCHEMA_NONE] = "none",
    };
    return words[better];
}
