#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/errors.h"

/* What `errors_say("%s", text)` prints, in `line`. */
static size_t said(const char *text, char *line, size_t line_bytes)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    fflush(stderr);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    errno = EDOM;
    errors_say("%s", text);
    int after = errno;
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(after, EDOM);
    rewind(file);
    size_t length = fread(line, 1, line_bytes - 1, file);
    line[length] = '\0';
    fclose(file);
    return length;
}

static void one_line_with_the_program(void **state)
{
    (void)state;
    char line[4 * ERRORS_LINE_BYTES];
    errors_set_program("gcmeter-run-x");
    said("--seed y: not a number", line, sizeof line);
    assert_string_equal(line, "gcmeter-run-x: --seed y: not a number\n");
    said("", line, sizeof line);
    assert_string_equal(line, "gcmeter-run-x: \n");
    said("two\nlines\r\n", line, sizeof line);
    assert_string_equal(line, "gcmeter-run-x: two lines  \n");
}

static void long_text_is_cut_and_still_one_line(void **state)
{
    (void)state;
    char text[3 * ERRORS_LINE_BYTES];
    char line[4 * ERRORS_LINE_BYTES];
    errors_set_program("p");
    for (size_t length = ERRORS_LINE_BYTES - 8; length < sizeof text; length += 1) {
        memset(text, 'x', length);
        text[length] = '\0';
        size_t printed = said(text, line, sizeof line);
        assert_true(printed <= ERRORS_LINE_BYTES);
        assert_int_equal(printed,
                         length + 4 < ERRORS_LINE_BYTES ? length + 4 : ERRORS_LINE_BYTES - 1);
        assert_int_equal(line[printed - 1], '\n');
        assert_ptr_equal(strchr(line, '\n'), line + printed - 1);
        if (length > ERRORS_LINE_BYTES + 8)
            length += 500;
    }
    memset(text, 'p', sizeof text);
    text[sizeof text - 1] = '\0';
    errors_set_program(text);
    assert_true(said("lost", line, sizeof line) <= ERRORS_LINE_BYTES);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_with_the_program),
        cmocka_unit_test(long_text_is_cut_and_still_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
