#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runner/flavour.h"
#include "runner/named_values.h"

static const struct gc_option options[] = {
    {"typed", GC_OPTION_FLAG, "", NULL, 0, 0, 0, "trace by type"},
    {"mode", GC_OPTION_CHOICE, "", "stop|concurrent", 0, 0, 0, "how to mark"},
};

#define OPTIONS (sizeof options / sizeof options[0])

static const char words[] = "typed:typed=1 barrier:mode=concurrent";

/* Applies `text` in the runner of flavour `own`. */
static int apply(const char *own, const char *text, int64_t *values, char *why, size_t why_bytes)
{
    bool given[OPTIONS];
    assert_int_equal(named_values_options(options, OPTIONS, text, values, given, why, why_bytes),
                     0);
    return flavour_apply(words, own, options, OPTIONS, values, given, why, why_bytes);
}

static void assert_applied(const char *own, const char *text, int64_t typed, int64_t mode)
{
    char why[256] = "";
    int64_t values[OPTIONS];
    assert_int_equal(apply(own, text, values, why, sizeof why), 0);
    assert_true(values[0] == typed && values[1] == mode);
}

static void assert_refused(const char *own, const char *text, const char *line)
{
    char why[256] = "";
    int64_t values[OPTIONS];
    assert_int_equal(apply(own, text, values, why, sizeof why), -EINVAL);
    assert_string_equal(why, line);
}

static void words_are_taken_apart(void **state)
{
    (void)state;
    const char *rest = "  typed:typed=1  barrier:mode=concurrent ";
    struct flavour flavour;
    assert_int_equal(flavour_next(&rest, &flavour), 1);
    assert_int_equal(flavour.name_bytes, 5);
    assert_memory_equal(flavour.name, "typed", 5);
    assert_int_equal(flavour.option_bytes, 5);
    assert_memory_equal(flavour.option, "typed", 5);
    assert_int_equal(flavour.value_bytes, 1);
    assert_memory_equal(flavour.value, "1", 1);
    assert_int_equal(flavour_next(&rest, &flavour), 1);
    assert_int_equal(flavour.value_bytes, 10);
    assert_memory_equal(flavour.value, "concurrent", 10);
    assert_int_equal(flavour_next(&rest, &flavour), 0);
    rest = "typed=1";
    assert_int_equal(flavour_next(&rest, &flavour), -EINVAL);
    rest = "typed:typed other=1";
    assert_int_equal(flavour_next(&rest, &flavour), -EINVAL);
}

static void a_flavour_runner_has_its_option_set(void **state)
{
    (void)state;
    assert_applied("", "", 0, 0);
    assert_applied("", "typed=0", 0, 0);
    assert_applied("typed", "", 1, 0);
    assert_applied("typed", "typed=1", 1, 0);
    assert_applied("barrier", "", 0, 1);
}

static void options_of_another_runner_are_refused(void **state)
{
    (void)state;
    assert_refused("", "typed=1", "option typed=1 is for the runner of flavour 'typed'");
    assert_refused("typed", "typed=0", "this runner, of flavour 'typed', is for typed=1 only");
    assert_refused("barrier", "mode=stop",
                   "this runner, of flavour 'barrier', is for mode=concurrent only");
    assert_refused("typed", "mode=concurrent",
                   "option mode=concurrent is for the runner of flavour 'barrier'");
}

static void a_bad_table_is_refused(void **state)
{
    (void)state;
    char why[256] = "";
    int64_t values[OPTIONS] = {0};
    bool given[OPTIONS] = {false};
    assert_int_equal(flavour_apply("typed", "", options, OPTIONS, values, given, why, sizeof why),
                     -EINVAL);
    assert_string_equal(why, "backends.def: a flavour is not NAME:OPTION=VALUE");
    assert_int_equal(flavour_apply("x:y=1", "", options, OPTIONS, values, given, why, sizeof why),
                     -EINVAL);
    assert_string_equal(why, "the backend has no option 'y'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_taken_apart),
        cmocka_unit_test(a_flavour_runner_has_its_option_set),
        cmocka_unit_test(options_of_another_runner_are_refused),
        cmocka_unit_test(a_bad_table_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
