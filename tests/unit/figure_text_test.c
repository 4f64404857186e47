/* Figures as people read them: three digits, in the unit that fits, also where rounding reaches the
 * next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "data/figure_text.h"

static void figures_have_three_digits_and_a_unit(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *unit, *text;
    } cases[] = {
        {0, "ns", "0 ns"},
        {7, "ns", "7 ns"},
        {2.5, "ns", "2.50 ns"},
        {999.4, "ns", "999 ns"},
        {999.6, "ns", "1.00 µs"},
        {1234567, "ns", "1.23 ms"},
        {99.96e6, "ns", "100 ms"},
        {-61.04e9, "ns", "-61.0 s"},
        {1e26, "ns", "1e+17 s"},
        {812, "per_s", "812 /s"},
        {1.25e6, "per_s", "1.25 M/s"},
        {3.5e9, "per_s", "3.50 G/s"},
        {999999, "count", "1.00 M"},
        {12345, "count", "12345"},
        {2.5e12, "count", "2.50 T"},
        {64e6, "bytes", "61.0 MiB"},
        {1e31, "bytes", "1e+31"},
        {0.12345, "ratio", "0.1235"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FIGURE_TEXT_BYTES];
        assert_string_equal(figure_format(text, cases[i].value, cases[i].unit), cases[i].text);
    }
}

static void what_is_not_known_is_a_dash(void **state)
{
    (void)state;
    static const char *const units[] = {"ns", "per_s", "count", "bytes", "ratio"};
    char text[FIGURE_TEXT_BYTES];
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        assert_string_equal(figure_format(text, NAN, units[i]), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_have_three_digits_and_a_unit),
        cmocka_unit_test(what_is_not_known_is_a_dash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
