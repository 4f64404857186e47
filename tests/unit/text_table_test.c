/* Tables as aligned text: as wide as they are, or fitted to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "driver/text_table.h"

/* Three columns of two rows: a key, a figure and a sentence. */
static void assert_fitted(size_t width, const char *expected)
{
    static const char *const fields[] = {"cell",        "time",
                                         "verdict",     "a/long/key",
                                         "5 \xc2\xb5s", "\x1b[31mslower\x1b[0m by quite a lot"};
    struct text_table table = {.column_count = 3};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        text_table_add(&table, fields[i]);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    text_table_print_fitted(&table, out, width);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
    text_table_free(&table);
}

static void a_table_that_fits_has_a_line_per_row(void **state)
{
    (void)state;
    static const char whole[] = "  cell        time  verdict\n"
                                "  a/long/key  5 \xc2\xb5s  \x1b[31mslower\x1b[0m by quite a lot\n";
    assert_fitted(SIZE_MAX, whole);
    assert_fitted(41, whole);
}

static void the_first_column_gets_lines_of_its_own_where_that_helps(void **state)
{
    (void)state;
    assert_fitted(40, "cell\n"
                      "  time  verdict\n"
                      "a/long/key\n"
                      "  5 \xc2\xb5s  \x1b[31mslower\x1b[0m by quite a lot\n");
}

static void what_cannot_fit_stays_whole(void **state)
{
    (void)state;
    assert_fitted(12, "  cell        time  verdict\n"
                      "  a/long/key  5 \xc2\xb5s  \x1b[31mslower\x1b[0m by quite a lot\n");
}

static void a_long_last_column_is_broken_at_blanks(void **state)
{
    (void)state;
    struct text_table table = {.column_count = 2};
    text_table_add(&table, "gogc");
    text_table_add(&table, "growth over the live bytes that starts a collection, as in Go");
    text_table_add(&table, "x");
    text_table_add(&table, "");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    text_table_print_fitted(&table, out, 40);
    fclose(out);
    assert_string_equal(text, "  gogc  growth over the live bytes that\n"
                              "        starts a collection, as in Go\n"
                              "  x\n");
    free(text);
    text_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_fits_has_a_line_per_row),
        cmocka_unit_test(the_first_column_gets_lines_of_its_own_where_that_helps),
        cmocka_unit_test(what_cannot_fit_stays_whole),
        cmocka_unit_test(a_long_last_column_is_broken_at_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
