/* `name=value,…` as parameters and options: what is taken, and what is refused in which words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runner/named_values.h"

static const struct workload_param params[] = {
    {"nodes", "count", 64, 1, 1000, "nodes of a graph"},
    {"window", "count", 2000, 2, UINT64_MAX, "graphs alive"},
    {"leak", "flag", 0, 0, 1, "forget every cycle"},
};

static const struct workload workload = {
    .name = "graph",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
};

static const struct gc_option options[] = {
    {"incremental", GC_OPTION_FLAG, "", NULL, 0, 0, 0, "collect in steps"},
    {"level", GC_OPTION_NUMBER, "percent", NULL, 100, -1, 1000, "growth before a collection"},
    {"initial_heap", GC_OPTION_BYTES, "bytes", NULL, 0, 0, INT64_MAX, "heap at start"},
    {"mode", GC_OPTION_CHOICE, "", "stop|concurrent|none", 1, 0, 0, "how to mark"},
};

#define OPTIONS (sizeof options / sizeof options[0])

static void assert_params(const char *text, uint64_t nodes, uint64_t window, uint64_t leak)
{
    char why[256] = "";
    uint64_t values[3];
    assert_int_equal(named_values_params(&workload, text, values, why, sizeof why), 0);
    assert_true(values[0] == nodes && values[1] == window && values[2] == leak);
}

static void params_have_defaults_and_take_what_is_named(void **state)
{
    (void)state;
    assert_params(NULL, 64, 2000, 0);
    assert_params("", 64, 2000, 0);
    assert_params("leak=1", 64, 2000, 1);
    assert_params("window=18446744073709551615,nodes=1", 1, UINT64_MAX, 0);
    assert_params("nodes=1000,window=2,leak=0", 1000, 2, 0);
    assert_params("nodes=0007", 7, 2000, 0);
}

static void assert_params_refused(const char *text, const char *line)
{
    char why[256] = "";
    uint64_t values[3];
    assert_int_equal(named_values_params(&workload, text, values, why, sizeof why), -EINVAL);
    assert_string_equal(why, line);
}

static void params_are_refused_with_one_line(void **state)
{
    (void)state;
    assert_params_refused("nodes=0", "parameter nodes=0: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=1001",
                          "parameter nodes=1001: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=", "parameter nodes=: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=-1", "parameter nodes=-1: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=+1", "parameter nodes=+1: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes= 1", "parameter nodes= 1: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=1K", "parameter nodes=1K: not an integer from 1 to 1000 (count)");
    assert_params_refused("nodes=1=2",
                          "parameter nodes=1=2: not an integer from 1 to 1000 (count)");
    assert_params_refused("leak=2", "parameter leak=2: not an integer from 0 to 1 (flag)");
    assert_params_refused("window=18446744073709551616",
                          "parameter window=18446744073709551616: not an integer from 2 to "
                          "18446744073709551615 (count)");
    assert_params_refused("node=1", "workload graph has no parameter 'node'");
    assert_params_refused("nodess=1", "workload graph has no parameter 'nodess'");
    assert_params_refused("nodes", "'nodes' is not name=value");
    assert_params_refused("=1", "'=1' is not name=value");
    assert_params_refused(",", "'' is not name=value");
    assert_params_refused("nodes=1,,leak=1", "'' is not name=value");
    assert_params_refused("nodes=1,", "nothing follows the last comma");
    assert_params_refused("nodes=1,leak=1,nodes=1", "parameter nodes: given twice");
}

/* A short buffer is filled and terminated, never overrun. */
static void reasons_fit_their_buffer(void **state)
{
    (void)state;
    uint64_t values[3];
    char why[8];
    memset(why, '#', sizeof why);
    assert_int_equal(named_values_params(&workload, "nodes=0", values, why, 5), -EINVAL);
    assert_memory_equal(why, "para\0###", 8);
}

static void assert_options(const char *text, int64_t incremental, int64_t level, int64_t heap,
                           int64_t mode, unsigned given_bits)
{
    char why[256] = "";
    int64_t values[OPTIONS];
    bool given[OPTIONS];
    assert_int_equal(named_values_options(options, OPTIONS, text, values, given, why, sizeof why),
                     0);
    assert_true(values[0] == incremental && values[1] == level && values[2] == heap &&
                values[3] == mode);
    for (size_t i = 0; i < OPTIONS; i++)
        assert_int_equal(given[i], given_bits >> i & 1);
    assert_int_equal(named_values_options(options, OPTIONS, text, values, NULL, why, sizeof why),
                     0);
}

static void options_have_defaults_and_take_what_is_named(void **state)
{
    (void)state;
    assert_options("", 0, 100, 0, 1, 0);
    assert_options("mode=stop", 0, 100, 0, 0, 8);
    assert_options("mode=none,incremental=1", 1, 100, 0, 2, 9);
    assert_options("level=-1", 0, -1, 0, 1, 2);
    assert_options("initial_heap=9223372036854775807", 0, 100, INT64_MAX, 1, 4);
    assert_options("level=100", 0, 100, 0, 1, 2);
}

static void assert_options_refused(const char *text, const char *line)
{
    char why[256] = "";
    int64_t values[OPTIONS];
    assert_int_equal(named_values_options(options, OPTIONS, text, values, NULL, why, sizeof why),
                     -EINVAL);
    assert_string_equal(why, line);
}

static void options_are_refused_with_one_line(void **state)
{
    (void)state;
    assert_options_refused("incremental=2", "option incremental=2: not an integer from 0 to 1");
    assert_options_refused("level=-2", "option level=-2: not an integer from -1 to 1000 percent");
    assert_options_refused("level=1001",
                           "option level=1001: not an integer from -1 to 1000 percent");
    assert_options_refused("level=-", "option level=-: not an integer from -1 to 1000 percent");
    assert_options_refused("initial_heap=9223372036854775808",
                           "option initial_heap=9223372036854775808: not an integer from 0 to "
                           "9223372036854775807 bytes");
    assert_options_refused("mode=0", "option mode=0: not one of stop|concurrent|none");
    assert_options_refused("mode=stop|concurrent",
                           "option mode=stop|concurrent: not one of stop|concurrent|none");
    assert_options_refused("mode=", "option mode=: not one of stop|concurrent|none");
    assert_options_refused("modes=stop", "the backend has no option 'modes'");
    assert_options_refused("mode=stop,mode=none", "option mode: given twice");
    assert_options_refused("mode", "'mode' is not name=value");
}

static void a_backend_without_options_takes_none(void **state)
{
    (void)state;
    char why[256] = "";
    assert_int_equal(named_values_options(NULL, 0, "", NULL, NULL, why, sizeof why), 0);
    assert_int_equal(named_values_options(NULL, 0, "a=1", NULL, NULL, why, sizeof why), -EINVAL);
    assert_string_equal(why, "the backend has no option 'a'");
}

static void bounds_follow_from_the_kind(void **state)
{
    (void)state;
    static const int64_t bounds[OPTIONS][2] = {{0, 1}, {-1, 1000}, {0, INT64_MAX}, {0, 2}};
    for (size_t i = 0; i < OPTIONS; i++) {
        assert_true(named_values_option_min(&options[i]) == bounds[i][0]);
        assert_true(named_values_option_max(&options[i]) == bounds[i][1]);
    }
}

static void choices_are_counted_from_0(void **state)
{
    (void)state;
    static const char *const words[] = {"stop", "concurrent", "none"};
    size_t length;
    for (int64_t i = 0; i < 3; i++) {
        const char *word = named_values_choice(options[3].choices, i, &length);
        assert_non_null(word);
        assert_int_equal(length, strlen(words[i]));
        assert_memory_equal(word, words[i], length);
    }
    assert_null(named_values_choice(options[3].choices, 3, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(params_have_defaults_and_take_what_is_named),
        cmocka_unit_test(params_are_refused_with_one_line),
        cmocka_unit_test(reasons_fit_their_buffer),
        cmocka_unit_test(options_have_defaults_and_take_what_is_named),
        cmocka_unit_test(options_are_refused_with_one_line),
        cmocka_unit_test(a_backend_without_options_takes_none),
        cmocka_unit_test(bounds_follow_from_the_kind),
        cmocka_unit_test(choices_are_counted_from_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
