/* Pictures taken into a page: their ids stay apart, and what could act on the page is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/inline_svg.h"

#define HEAD "<?xml version=\"1.0\"?>\n"

static char path[] = "/tmp/gcmeter-svg-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* What is written of the picture `svg`, to be freed, and the error. */
static char *inlined(const char *svg, int *error)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(svg, file);
    assert_int_equal(fclose(file), 0);
    char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    assert_non_null(out);
    *error = inline_svg_put(out, path, "c7-", "a \"label\"");
    assert_int_equal(fclose(out), 0);
    return made;
}

static void assert_refused(const char *svg)
{
    int error;
    char *made = inlined(svg, &error);
    if (error != -EINVAL || *made)
        fail_msg("not refused: %s", svg);
    free(made);
}

static void ids_and_what_refers_to_them_get_the_prefix(void **state)
{
    (void)state;
    int error;
    char *made = inlined(HEAD "<svg width='1'><defs><path id='p0' d='M0,0'/></defs>"
                              "<g id=\"g\" clip-path=\"url(#c)\"><use xlink:href='#p0' x='1'/>"
                              "<text>id='p0' url(#c) &lt;</text></g></svg>\n",
                         &error);
    assert_int_equal(error, 0);
    assert_string_equal(made,
                        "<svg role=\"img\" aria-label=\"a &quot;label&quot;\" width='1'><defs>"
                        "<path id='c7-p0' d='M0,0'/></defs>"
                        "<g id=\"c7-g\" clip-path=\"url(#c7-c)\"><use xlink:href='#c7-p0' x='1'/>"
                        "<text>id='p0' url(#c) &lt;</text></g></svg>");
    free(made);
}

static void what_could_act_is_refused(void **state)
{
    (void)state;
    assert_refused("");
    assert_refused("<html></html>");
    assert_refused("<svg><script>alert(1)</script></svg>");
    assert_refused("<svg onload='alert(1)'></svg>");
    assert_refused("<svg><g ONCLICK=\"x\"/></svg>");
    assert_refused("<svg><use href='http://example.org/x#y'/></svg>");
    assert_refused("<svg><image href='#a'/></svg>");
    assert_refused("<svg><g style='fill:url(http://example.org/)'/></svg>");
    assert_refused("<svg><g fill='URL(x)'/></svg>");
    assert_refused("<svg><foreignObject/></svg>");
    assert_refused("<svg><!-- --></svg>");
    assert_refused("<svg><g a=b/></svg>");
    assert_refused("<svg><g a='<'/></svg>");
    assert_refused("<svg><g>");
    assert_refused("<svg></svg><script/>");
    assert_refused("<svg></svg></svg>");
    int error;
    char *made = inlined("<svg></svg>", &error);
    assert_int_equal(error, 0);
    free(made);
    assert_int_equal(inline_svg_put(stdout, "/nowhere/at/all.svg", "c", ""), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_what_refers_to_them_get_the_prefix),
        cmocka_unit_test(what_could_act_is_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
