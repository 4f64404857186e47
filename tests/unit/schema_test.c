/* The tables, and the page that is generated from them. Runs from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/schema.h"

static void the_page_is_up_to_date(void **state)
{
    (void)state;
    char *expected = NULL;
    size_t length;
    FILE *out = open_memstream(&expected, &length);
    assert_non_null(out);
    assert_int_equal(schema_write_markdown(out), 0);
    fclose(out);
    FILE *in = fopen("results/SCHEMA.md", "r");
    assert_non_null(in);
    char *found = calloc(1, 2 * length);
    assert_non_null(found);
    size_t got = fread(found, 1, 2 * length - 1, in);
    fclose(in);
    if (got != length || strcmp(found, expected) != 0)
        fail_msg("results/SCHEMA.md is out of date: run make schema");
    free(found);
    free(expected);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    assert_string_equal(file->name, "invocations.csv");
    assert_int_equal(file->column_count, SCHEMA_INVOCATIONS_COUNT);
    assert_int_equal(schema_column_index(file, "wall_ns"), SCHEMA_INVOCATIONS_wall_ns);
    assert_int_equal(schema_column_index(file, "wall"), -1);
    assert_ptr_equal(schema_metric("wall_ns"), &file->columns[SCHEMA_INVOCATIONS_wall_ns]);
    assert_null(schema_metric("cell"));
    assert_null(schema_metric("checksum"));
    assert_null(schema_metric("threads"));
}

/* A name says its unit, so that a reader of the CSV needs no other page. */
static void names_carry_their_units(void **state)
{
    (void)state;
    static const char *const units[] = {"ns", "bytes", "per_s"};
    for (int f = 0; f < SCHEMA_FILE_COUNT; f++) {
        for (size_t c = 0; c < schema_files[f].column_count; c++) {
            const struct schema_column *column = &schema_files[f].columns[c];
            assert_true(*column->help != '\0');
            for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
                char suffix[16];
                snprintf(suffix, sizeof suffix, "_%s", units[u]);
                size_t length = strlen(column->name);
                size_t tail = strlen(suffix);
                int ends = length > tail && strcmp(column->name + length - tail, suffix) == 0;
                assert_int_equal(ends, strcmp(column->unit, units[u]) == 0);
            }
            assert_int_equal(schema_column_index(&schema_files[f], column->name), c);
        }
    }
    for (size_t i = 0; i < schema_run_key_count; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(strcmp(schema_run_keys[i].key, schema_run_keys[j].key) != 0 ||
                        schema_run_keys[i].per_backend != schema_run_keys[j].per_backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_up_to_date),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(names_carry_their_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
