/* Steal is read from files of the form of /proc/stat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/steal.h"

static int64_t steal_of(const char *text)
{
    char path[] = "/tmp/gcmeter-steal-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int64_t steal_ns = steal_read_ns(path);
    unlink(path);
    return steal_ns;
}

static void the_eighth_figure_of_all_processors_is_steal(void **state)
{
    (void)state;
    int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
    assert_int_equal(steal_of("cpu  26159 1 4063 168914 344 2 48 12 5 6\n"
                              "cpu0 12917 0 1909 84893 24 0 14 4 0 0\nintr 355736 0\n"),
                     12 * tick_ns);
    assert_int_equal(steal_of("cpu  1 2 3 4 5 6 7 0 0 0\n"), 0);
    /* Two days of it, in a count that needs more than 32 bits. */
    assert_int_equal(steal_of("cpu  1 2 3 4 5 6 7 17280000 0 0\n"), 17280000 * tick_ns);
}

/* Kernels before 2.6.11 have seven figures; other files none. */
static void unknown_is_not_zero(void **state)
{
    (void)state;
    assert_int_equal(steal_of("cpu  1 2 3 4 5 6 7\n"), -1);
    assert_int_equal(steal_of(""), -1);
    assert_int_equal(steal_of("btime 1 2 3 4 5 6 7 8\n"), -1);
    assert_int_equal(steal_read_ns("/nonexistent"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_eighth_figure_of_all_processors_is_steal),
        cmocka_unit_test(unknown_is_not_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
