/* Text that somebody else chose, put into HTML and Markdown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "driver/markup_text.h"

static void assert_put(void (*put)(FILE *out, const char *text), const char *text,
                       const char *expected)
{
    char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    assert_non_null(out);
    put(out, text);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(made, expected);
    free(made);
}

static void html_escapes_what_begins_something(void **state)
{
    (void)state;
    assert_put(markup_put_html, "", "");
    assert_put(markup_put_html, "2.5xlive · µs", "2.5xlive · µs");
    assert_put(markup_put_html, "<script>a && 'b' \"c\"</script>",
               "&lt;script&gt;a &amp;&amp; &#39;b&#39; &quot;c&quot;&lt;/script&gt;");
    assert_put(markup_put_html, "a\x1b[31m\nb\xff", "a\\x1b[31m\\x0ab\\xff");
}

static void markdown_escapes_what_it_would_act_on(void **state)
{
    (void)state;
    assert_put(markup_put_markdown, "0.61 [0.59, 0.63]", "0.61 [0.59, 0.63]");
    assert_put(markup_put_markdown, "a_b*c|d`e~f#g!h\\i", "a\\_b\\*c\\|d\\`e\\~f\\#g\\!h\\\\i");
    assert_put(markup_put_markdown, "[x](javascript:y)", "\\[x\\](javascript:y)");
    assert_put(markup_put_markdown, "<img src=x>&lt;", "&lt;img src=x>&amp;lt;");
    assert_put(markup_put_markdown, "a\n# b", "a\\\\x0a\\# b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_escapes_what_begins_something),
        cmocka_unit_test(markdown_escapes_what_it_would_act_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
