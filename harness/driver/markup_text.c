#include "driver/markup_text.h"

#include <stdlib.h>
#include <string.h>

#include "data/printable.h"
#include "driver/xalloc.h"

/* Each byte takes four at most. */
static char *printable_of(const char *text)
{
    size_t size = 4 * strlen(text) + 1;
    char *made = xcalloc(size, 1);
    return printable_copy(made, size, text);
}

void markup_put_html(FILE *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const escapes[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    char *printable = printable_of(text);
    for (const char *c = printable; *c; c++) {
        const char *at = strchr(special, *c);
        if (at)
            fputs(escapes[at - special], out);
        else
            fputc(*c, out);
    }
    free(printable);
}

/* A bracket alone does nothing, and intervals are full of them; only before a parenthesis it begins
 * a link. */
void markup_put_markdown(FILE *out, const char *text)
{
    char *printable = printable_of(text);
    for (const char *c = printable; *c; c++) {
        if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '&')
            fputs("&amp;", out);
        else if (strchr("|`*_\\!#~", *c) || (strchr("[]", *c) && strchr(printable, '(')))
            fprintf(out, "\\%c", *c);
        else
            fputc(*c, out);
    }
    free(printable);
}
